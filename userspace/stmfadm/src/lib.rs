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

mod access;
mod args;
mod config;
mod figures;
mod group;
mod list;
mod lu;
mod monitor;
mod service;
mod state;
mod stats;
mod target;
mod task;
mod top;
mod view;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;
use jiff::tz::TimeZone;
use libstmf::cli::{Console, Exit, Failure};
use libstmf::config::{Dry, Extent, Recorder, Store};
use libstmf::GroupKind::{Host, Target};
use libstmf::{Error, EventSource, Goal, Stmf, Transport};

pub use args::Cli;
use args::Command;
pub use state::Patience;

/// What the program takes from its surroundings.
#[derive(Clone, Debug)]
pub struct Setting {
    /// How long it waits for state changes.
    pub patience: Patience,
    /// Finds the time zone of the times it prints: that takes longer than most commands, which print
    /// none.
    pub zone: fn() -> TimeZone,
    /// Where it saves the configuration; nothing is saved when there is no such place.
    pub store: Option<PathBuf>,
}

impl Setting {
    /// What a user expects: ten seconds, and local time.
    pub fn system() -> Self {
        Self {
            patience: Patience::default(),
            zone: TimeZone::system,
            store: Store::of_system().map(|store| store.path().to_owned()),
        }
    }
}

/// Runs the program. `connect` and `listen` reach the framework and its events.
pub fn main<T: Transport, E: EventSource>(
    args: impl IntoIterator<Item = OsString>,
    connect: impl FnOnce() -> Result<Stmf<T>, Error>,
    listen: impl FnOnce() -> Result<E, Error>,
    setting: &Setting,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let mut console = Console::new("stmfadm", out, err);
    match Cli::try_parse_from(args) {
        Err(error) => console.usage(&error, !error.use_stderr()),
        Ok(cli) => {
            let done = if let Command::Monitor(args) = &cli.command {
                listen()
                    .map_err(Failure::from)
                    .and_then(|mut events| monitor::run(args, &mut events, setting, &mut console))
            } else {
                connect()
                    .map_err(Failure::from)
                    .and_then(|stmf| carry_out(cli, stmf, setting, &mut console))
            };
            if let Err(failure) = done {
                console.fail(failure);
            }
        }
    }
    console.exit()
}

fn carry_out<T: Transport>(
    cli: Cli,
    stmf: Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let store = setting.store.as_ref().map(Store::new);
    let mut recorder = Recorder::new(stmf.into_transport(), store);
    let is_dry = cli.is_dry();
    match cli.command {
        Command::Backup(args) => config::backup(&args, &mut recorder, console),
        Command::Restore(args) => {
            config::become_as(&args, Extent::All, is_dry, &mut recorder, console)
        }
        Command::Apply(args) => {
            config::become_as(&args, Extent::Mentioned, is_dry, &mut recorder, console)
        }
        Command::ImportLio(args) => config::import_lio(&args, is_dry, &mut recorder, console),
        Command::LoadConfig(args) => config::load(&args, is_dry, &mut recorder, console),
        command if is_dry => {
            console.dry();
            let mut stmf = Stmf::with_transport(Dry::new(recorder));
            let done = run(command, &mut stmf, setting, console);
            for sentence in stmf.into_transport().sentences() {
                console.print(format_args!("{sentence}\n"));
            }
            done
        }
        command => run(
            command,
            &mut Stmf::with_transport(recorder),
            setting,
            console,
        ),
    }
}

fn run<T: Transport>(
    command: Command,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    match command {
        Command::CreateLu(args) => lu::create(&args, stmf, console)?,
        Command::ImportLu(args) => lu::import(&args, stmf, console)?,
        Command::DeleteLu(args) => lu::delete(&args, stmf, console),
        Command::ModifyLu(args) => lu::modify(&args, stmf)?,
        Command::ListLu(args) => lu::list(&args, stmf, console)?,
        Command::OnlineLu(args) => lu::online(&args, stmf, setting, console),
        Command::OfflineLu(args) => lu::offline(&args, stmf, setting, console),
        Command::AddView(args) => view::add(&args, stmf, console)?,
        Command::ListView(args) => view::list(&args, stmf, console)?,
        Command::RemoveView(args) => view::remove(&args, stmf, console)?,
        Command::CreateHg(args) => stmf.add_group(Host, &args.group)?,
        Command::DeleteHg(args) => stmf.remove_group(Host, &args.group)?,
        Command::ListHg(args) => group::list(Host, &args, stmf, console)?,
        Command::AddHgMember(args) => group::add_members(Host, &args.members, stmf, console),
        Command::RemoveHgMember(args) => group::remove_members(Host, &args, stmf, console),
        Command::CreateTg(args) => stmf.add_group(Target, &args.group)?,
        Command::DeleteTg(args) => stmf.remove_group(Target, &args.group)?,
        Command::ListTg(args) => group::list(Target, &args, stmf, console)?,
        Command::AddTgMember(args) => group::add_members(Target, &args, stmf, console),
        Command::RemoveTgMember(args) => group::remove_members(Target, &args, stmf, console),
        Command::SetAccess(args) => access::set(&args, stmf)?,
        Command::ClearAccess(args) => access::clear(&args, stmf)?,
        Command::ListAccess(args) => access::list(&args, stmf, console)?,
        Command::CreateTarget(args) => target::create(&args, stmf, console)?,
        Command::DeleteTarget(args) => target::delete(&args, stmf, console),
        Command::ListTarget(args) => target::list(&args, stmf, setting, console)?,
        Command::OnlineTarget(args) => target::online(&args, stmf, setting, console),
        Command::OfflineTarget(args) => target::offline(&args, stmf, setting, console),
        Command::ListState(args) => service::list(&args, stmf, console)?,
        Command::OnlineService => stmf.set_service(Goal::Online)?,
        Command::OfflineService => stmf.set_service(Goal::Offline)?,
        Command::ModifyService(args) => service::modify(&args, stmf)?,
        // Has its own source.
        Command::Monitor(_) => {}
        Command::ListTask(args) => task::list(&args, stmf, console)?,
        Command::Stats(args) => stats::run(&args, stmf, console)?,
        Command::Top(args) => top::run(&args, stmf)?,
        // These are about more than the framework, and are carried out before.
        Command::Backup(_)
        | Command::Restore(_)
        | Command::Apply(_)
        | Command::ImportLio(_)
        | Command::LoadConfig(_) => {}
    }
    Ok(())
}
