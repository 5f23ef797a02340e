// SPDX-License-Identifier: GPL-2.0

//! What there is to see below `/sys/kernel/debug/stmf`.
//!
//! `tasks` has a line for each command, with what is needed to find out why it doesn't end: also when
//! netlink, or the tools, can't be used any more.

use crate::{
    framework,
    in_flight::{in_flight, Gone, Row},
    taskset::Effect, //
};
use core::fmt;
use kernel::prelude::*;
use stmf_kernel::debugfs::{Directory, Shown};

/// Makes the directory.
pub(crate) fn directory() -> Directory {
    let directory = Directory::new(c"stmf");
    directory.add::<Tasks>(c"tasks");
    directory
}

/// The commands.
struct Tasks;

impl Shown for Tasks {
    fn show(out: &mut dyn fmt::Write) -> Result {
        let framework = framework::get()?;
        let gone = Gone::collect(&framework)?;
        let rows = framework.read(|registry| in_flight(registry, &gone, None))?;
        for row in &rows {
            line(row, out)?;
        }
        Ok(())
    }
}

fn line(
    Row {
        session,
        guid,
        task,
        ..
    }: &Row,
    out: &mut dyn fmt::Write,
) -> fmt::Result {
    write!(out, "session {session} tag {} lu ", task.tag)?;
    match guid {
        Some(guid) => write!(out, "{guid}")?,
        None => write!(out, "-")?,
    }
    let age = task.age.unsigned_abs() / 1_000_000;
    write!(
        out,
        " opcode {:#04x} age {age} ms {:?}",
        task.opcode, task.stage
    )?;
    for (is_so, word) in [
        (task.dormant, "dormant"),
        (task.aborted, "aborted"),
        (task.detached, "detached"),
    ] {
        if is_so {
            write!(out, " {word}")?;
        }
    }
    if let Effect::Writes(extent) = task.effect {
        write!(out, " writes {} blocks from {}", extent.blocks, extent.lba)?;
    }
    writeln!(out, " holds {} bytes", task.bytes)
}
