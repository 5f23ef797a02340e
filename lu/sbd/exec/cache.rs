// SPDX-License-Identifier: GPL-2.0

//! SYNCHRONIZE CACHE, and what else flushes.

use super::Finish;
use crate::{
    disk::Disk,
    failure,
    medium::Medium, //
};
use kernel::{
    pr_warn_once,
    prelude::*, //
};
use stmf::{
    lu::LuHold,
    plan::DataPhase,
    task::{Task, TaskBody}, //
};
use stmf_kernel::{
    io::{Carried, Done, Failure, Operation, Room},
    pages::PageList,
    token::{MustEnd, Token}, //
};
use stmf_scsi::{
    cdb,
    Sense, //
};

pub(super) fn plan(disk: &Disk, lba: u64, blocks: u32) -> Result<DataPhase, Sense> {
    cdb::check_range(lba, blocks, disk.geometry().blocks())?;
    Ok(DataPhase::None)
}

/// Flushes the whole disk, and ends the task when that is done, or with `immed` when it is started.
pub(super) fn flush(medium: &Medium, immed: bool, task: Task) {
    if immed {
        if let Ok(background) = Background::new(&task) {
            if let Some(entry) = medium.enter() {
                entry.submit::<Background, Background>(Operation::Flush, 0, background);
            }
            return task.good();
        }
        // Without memory for that the initiator waits after all.
    }
    match medium.enter() {
        Some(entry) => entry.submit::<TaskBody, Finish>(Operation::Flush, 0, task.into()),
        None => failure::end(task, Failure::Gone),
    }
}

/// A flush whose command has been answered.
struct Background {
    /// None, but a device wants to see it.
    data: PageList,
    room: Room,
    /// The disk is there as long as its device is at work.
    _hold: Option<LuHold>,
}

impl Background {
    fn new(task: &Task) -> Result<Token<Self>> {
        let background = Self {
            data: PageList::empty(),
            room: Room::new(),
            _hold: task.hold(),
        };
        Ok(Token::new(background, GFP_KERNEL)?)
    }
}

impl MustEnd for Background {
    type Key = ();

    fn abandoned(token: Token<Self>) {
        token.end(());
    }
}

impl Carried for Background {
    fn lend(&mut self) -> (&mut PageList, &mut Room) {
        (&mut self.data, &mut self.room)
    }

    fn is_wanted(&self) -> bool {
        true
    }
}

impl Done<Background> for Background {
    fn done(token: Token<Self>, outcome: Result<(), Failure>) {
        if let Err(failure) = outcome {
            // There is nobody left to tell: deferred errors are not reported.
            pr_warn_once!("a flush failed after its command was answered: {failure:?}\n");
        }
        token.end(());
    }
}
