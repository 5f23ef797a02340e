// SPDX-License-Identifier: GPL-2.0

//! Whole command lines against a framework in memory: what is printed where, and the exit status.

mod creating;
mod deleting;
mod listing;
mod states;
mod statistics;
mod usage;
mod views;

use std::collections::VecDeque;
use std::time::Duration;

use jiff::tz::TimeZone;
use libstmf::cli::Exit;
use libstmf::sim::Sim;
use libstmf::{Error, Event, EventKind, EventSource, Notice, ObjectState, Refusal, Stmf};
use stmfadm::{Patience, Setting};

const A: &str = "600144F0000000000000000000000001";
const B: &str = "600144F0000000000000000000000002";
const TARGET: &str = "iqn.2026-11.org.example:a";

/// Events that have happened.
struct History(VecDeque<Notice>);

impl EventSource for History {
    fn next(&mut self) -> Result<Option<Notice>, Error> {
        Ok(self.0.pop_front())
    }
}

/// What a command line led to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    exit: Exit,
    out: String,
    err: String,
}

fn run(sim: &mut Sim, line: &str) -> Outcome {
    let args: Vec<_> = line.split_whitespace().map(Into::into).collect();
    let setting = Setting {
        patience: Patience {
            interval: Duration::ZERO,
            looks: 3,
        },
        zone: || TimeZone::UTC,
        store: None,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = stmfadm::main(
        args,
        || Ok(Stmf::with_transport(sim)),
        || Ok(History(VecDeque::new())),
        &setting,
        &mut out,
        &mut err,
    );
    Outcome {
        exit,
        out: String::from_utf8(out).expect("output is text"),
        err: String::from_utf8(err).expect("messages are text"),
    }
}

/// Runs a command line that does what it shall; returns what it prints.
fn ok(sim: &mut Sim, line: &str) -> String {
    let Outcome { exit, out, err } = run(sim, line);
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{line}");
    out
}

/// Runs a command line that fails and prints nothing; returns the message.
fn fail(sim: &mut Sim, line: &str, expected: Exit) -> String {
    let Outcome { exit, out, err } = run(sim, line);
    assert_eq!((exit, out.as_str()), (expected, ""), "{line}: {err}");
    err
}

fn with_disks() -> Sim {
    let mut sim = Sim::new();
    for (guid, file) in [(A, "/dev/one"), (B, "/dev/two")] {
        ok(
            &mut sim,
            &format!("stmfadm create-lu -p guid={guid} {file}"),
        );
    }
    sim
}

fn with_target() -> Sim {
    let mut sim = Sim::new();
    sim.add_target(TARGET);
    sim
}
