// SPDX-License-Identifier: GPL-2.0

//! The program `sbdadm`, as a library so that it can be tested without a kernel.
//!
//! It is what COMSTAR's first release managed disks with, and is here for scripts that still do:
//! whatever it does `stmfadm` does too. GUIDs are in lower case here, in upper case there.

#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use libstmf::cli::{absolute, data_path, harmless, size, Console, Exit, Failure};
use libstmf::{Disk, Error, Guid, LuChange, LuImport, LuSpec, Stmf, Transport, Views};

/// Manage disks of the SCSI target framework; stmfadm can do more
#[derive(Debug, Parser)]
#[command(
    name = "sbdadm",
    version,
    after_help = Exit::HELP,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Print usage
    #[arg(short = '?', long = "help", action = ArgAction::Help, global = true)]
    help: Option<bool>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Create a disk
    #[command(name = "create-lu")]
    Create(CreateLu),
    /// Create the disk that metadata describe
    #[command(name = "import-lu")]
    Import(ImportLu),
    /// Delete a disk
    #[command(name = "delete-lu")]
    Delete(DeleteLu),
    /// Change the size of a disk
    #[command(name = "modify-lu")]
    Modify(ModifyLu),
    /// List all disks
    #[command(name = "list-lu")]
    List,
}

#[derive(Debug, Args)]
struct CreateLu {
    /// Size, with k, m, g, t, p or e for powers of 1024; all of the file or device when not given
    #[arg(short, long, value_name = "size", value_parser = size)]
    size: Option<u64>,

    /// File or block device with the data; ram:NAME for memory
    #[arg(value_name = "filename")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct ImportLu {
    /// File with the metadata, or file or block device with metadata and data
    #[arg(value_name = "filename")]
    file: PathBuf,
}

#[derive(Debug, Args)]
struct DeleteLu {
    /// Keep the view entries
    #[arg(short, long)]
    keep_views: bool,

    /// GUID
    #[arg(value_name = "GUID")]
    guid: Guid,
}

#[derive(Debug, Args)]
struct ModifyLu {
    /// Size, with k, m, g, t, p or e for powers of 1024
    #[arg(short, long, value_name = "size", value_parser = size)]
    size: u64,

    /// GUID, or file or block device with the data
    #[arg(value_name = "GUID|filename")]
    lu: OsString,
}

/// Runs the program.
pub fn main<T: Transport>(
    args: impl IntoIterator<Item = OsString>,
    connect: impl FnOnce() -> Result<Stmf<T>, Error>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let mut console = Console::new("sbdadm", out, err);
    match Cli::try_parse_from(args) {
        Err(error) => console.usage(&error, !error.use_stderr()),
        Ok(cli) => {
            let done = connect()
                .map_err(Failure::from)
                .and_then(|mut stmf| run(&cli.command, &mut stmf, &mut console));
            if let Err(failure) = done {
                console.fail(failure);
            }
        }
    }
    console.exit()
}

fn run<T: Transport>(
    command: &Command,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match command {
        Command::Create(args) => create(args, stmf, console)?,
        Command::Import(args) => import(args, stmf, console)?,
        Command::Delete(args) => {
            let views = if args.keep_views {
                Views::Keep
            } else {
                Views::Remove
            };
            stmf.delete_lu(&args.guid, views)?;
        }
        Command::Modify(args) => {
            let guid = stmf.disk_called(&args.lu, false)?;
            let change = LuChange {
                size: Some(args.size),
                ..LuChange::default()
            };
            stmf.modify_lu(&guid, &change)?;
        }
        Command::List => {
            let disks = stmf.disks()?;
            if !disks.is_empty() {
                let found = format!("Found {} LU(s)", disks.len());
                console.print(table(&found, &disks));
            }
        }
    }
    Ok(())
}

fn create<T: Transport>(
    args: &CreateLu,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let spec = LuSpec {
        size: args.size,
        ..LuSpec::new(data_path(&args.file)?)
    };
    let guid = stmf.create_lu(&spec)?;
    console.print(table("Created the following LU:", &[stmf.disk(&guid)?]));
    Ok(())
}

fn import<T: Transport>(
    args: &ImportLu,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let import = LuImport {
        meta_file: absolute(&args.file)?,
        ..LuImport::default()
    };
    let guid = stmf.import_lu(&import)?;
    console.print(table("Imported the following LU:", &[stmf.disk(&guid)?]));
    Ok(())
}

/// A heading and the disks below it, as COMSTAR has them.
fn table(heading: &str, disks: &[Disk]) -> String {
    let mut text = format!(
        "{heading}\n\n\
         \x20             GUID                    DATA SIZE           SOURCE\n\
         --------------------------------  -------------------  ----------------\n"
    );
    for disk in disks {
        let guid = disk.guid.to_string().to_ascii_lowercase();
        let file = harmless(&disk.file.to_string_lossy());
        text.push_str(&format!("{guid}  {:<19}  {file}\n", disk.size));
    }
    text
}
