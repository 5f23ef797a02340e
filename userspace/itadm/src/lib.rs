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
mod target;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use libstmf::cli::{Console, Exit, Failure};
use libstmf::{Error, IscsiTargets, Transport};

pub use args::Cli;
use args::Command;

/// Runs the program.
pub fn main<T: Transport>(
    args: impl IntoIterator<Item = OsString>,
    connect: impl FnOnce() -> Result<IscsiTargets<T>, Error>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let mut console = Console::new("itadm", out, err);
    match Cli::try_parse_from(args) {
        Err(error) => console.usage(&error, !error.use_stderr()),
        Ok(cli) => {
            let done = connect()
                .map_err(Failure::from)
                .and_then(|mut targets| run(cli.command, &mut targets, &mut console));
            if let Err(failure) = done {
                console.fail(failure);
            }
        }
    }
    console.exit()
}

fn run<T: Transport>(
    command: Command,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match command {
        Command::CreateTarget(args) => target::create(&args, targets, console),
        Command::DeleteTarget(args) => {
            target::delete(&args, targets, console);
            Ok(())
        }
        Command::ListTarget(args) => target::list(&args, targets, console),
    }
}
