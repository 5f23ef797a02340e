// SPDX-License-Identifier: GPL-2.0

//! The program `itadm`, as a library so that it can be tested without a kernel.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod args;
mod initiator;
mod secret;
mod session;
mod table;
mod target;
mod terminal;
mod tpg;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use libstmf::cli::{Console, Exit, Failure};
use libstmf::config::{Dry, Recorder, Store};
use libstmf::{Error, IscsiTargets, Transport};

pub use args::Cli;
use args::Command;

/// Runs the program.
pub fn main<T: Transport>(
    args: impl IntoIterator<Item = OsString>,
    connect: impl FnOnce() -> Result<IscsiTargets<T>, Error>,
    store: Option<Store>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let mut console = Console::new("itadm", out, err);
    match Cli::try_parse_from(args) {
        Err(error) => console.usage(&error, !error.use_stderr()),
        Ok(cli) => {
            let done = connect()
                .map_err(Failure::from)
                .and_then(|targets| carry_out(cli, targets, store, &mut console));
            if let Err(failure) = done {
                console.fail(failure);
            }
        }
    }
    console.exit()
}

/// Saves what is changed, or changes nothing.
fn carry_out<T: Transport>(
    cli: Cli,
    targets: IscsiTargets<T>,
    store: Option<Store>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let recorder = Recorder::new(targets.into_transport(), store);
    if !cli.is_dry() {
        return run(
            cli.command,
            &mut IscsiTargets::with_transport(recorder),
            console,
        );
    }
    console.dry();
    let mut targets = IscsiTargets::with_transport(Dry::new(recorder));
    let done = run(cli.command, &mut targets, console);
    for sentence in targets.into_transport().sentences() {
        console.print(format_args!("{sentence}\n"));
    }
    done
}

fn run<T: Transport>(
    command: Command,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match command {
        Command::CreateTarget(args) => target::create(&args, targets, console)?,
        Command::ModifyTarget(args) => target::modify(&args, targets, console)?,
        Command::DeleteTarget(args) => target::delete(&args, targets, console),
        Command::ListTarget(args) => target::list(&args, targets, console)?,
        Command::CreateTpg(args) => tpg::create(&args, targets, console)?,
        Command::ListTpg(args) => tpg::list(&args, targets, console)?,
        Command::DeleteTpg(args) => tpg::delete(&args, targets, console),
        Command::CreateInitiator(args) => initiator::set(&args, true, targets, console)?,
        Command::ModifyInitiator(args) => initiator::set(&args, false, targets, console)?,
        Command::ListInitiator(args) => initiator::list(&args, targets, console)?,
        Command::DeleteInitiator(args) => initiator::delete(&args, targets, console),
        Command::ModifyDefaults(args) => target::modify_defaults(&args, targets)?,
        Command::ListDefaults(args) => target::list_defaults(&args, targets, console)?,
        Command::ListSession(args) => session::list(&args, targets, console)?,
    }
    Ok(())
}
