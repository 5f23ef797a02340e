// SPDX-License-Identifier: GPL-2.0

//! The program `stmfadm`, as a library so that it can be tested without a kernel.
//!
//! The command line becomes a [`Cli`] (module `args`), which is carried out by one module for each
//! noun. What is printed is made by functions that only format.

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
mod lu;
mod service;
mod state;
mod target;
mod task;
mod view;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;
use jiff::tz::TimeZone;
use libstmf::cli::{Console, Exit, Failure};
use libstmf::{Error, Stmf, Transport};

pub use args::Cli;
use args::Command;
pub use state::Patience;

/// What the program takes from its surroundings.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How long it waits for state changes.
    pub patience: Patience,
    /// Time zone of the times it prints.
    pub zone: TimeZone,
}

impl Setting {
    /// What a user expects: ten seconds, and local time.
    pub fn system() -> Self {
        Self {
            patience: Patience::default(),
            zone: TimeZone::system(),
        }
    }
}

/// Runs the program.
pub fn main<T: Transport>(
    args: impl IntoIterator<Item = OsString>,
    connect: impl FnOnce() -> Result<Stmf<T>, Error>,
    setting: &Setting,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let mut console = Console::new("stmfadm", out, err);
    match Cli::try_parse_from(args) {
        Err(error) => console.usage(&error, !error.use_stderr()),
        Ok(cli) => {
            let done = connect()
                .map_err(Failure::from)
                .and_then(|mut stmf| run(cli.command, &mut stmf, setting, &mut console));
            if let Err(failure) = done {
                console.fail(failure);
            }
        }
    }
    console.exit()
}

fn run<T: Transport>(
    command: Command,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match command {
        Command::CreateLu(args) => lu::create(&args, stmf, console)?,
        Command::DeleteLu(args) => lu::delete(&args, stmf, console),
        Command::ListLu(args) => lu::list(&args, stmf, console)?,
        Command::OnlineLu(args) => lu::online(&args, stmf, setting, console),
        Command::OfflineLu(args) => lu::offline(&args, stmf, setting, console),
        Command::AddView(args) => view::add(&args, stmf)?,
        Command::ListView(args) => view::list(&args, stmf, console)?,
        Command::RemoveView(args) => view::remove(&args, stmf, console)?,
        Command::ListTarget(args) => target::list(&args, stmf, setting, console)?,
        Command::OnlineTarget(args) => target::online(&args, stmf, setting, console),
        Command::OfflineTarget(args) => target::offline(&args, stmf, setting, console),
        Command::ListState => service::list(stmf, console)?,
        Command::ListTask(args) => task::list(&args, stmf, console)?,
    }
    Ok(())
}
