// SPDX-License-Identifier: GPL-2.0

//! VERIFY: reads the medium into pages of its own and compares them with what the initiator sent.

use crate::{
    disk::Disk,
    failure, //
};
use core::iter;
use kernel::{
    prelude::*,
    workqueue, //
};
use stmf::task::{DataPhase, Task};
use stmf_kernel::{
    io::{Carried, Done, Failure, Operation, Room},
    pages::{Contents, PageList},
    token::{MustEnd, Token},
    work::{self, Run}, //
};
use stmf_scsi::{
    cdb::{ByteCheck, Verify},
    Sense,
    Status, //
};

pub(super) fn plan(disk: &Disk, verify: &Verify) -> Result<DataPhase, Sense> {
    let geometry = &disk.geometry;
    verify.check(geometry.blocks(), geometry.max_transfer())?;
    Ok(match verify.data_blocks() {
        0 => DataPhase::None,
        blocks => DataPhase::FromInitiator(geometry.length(blocks)),
    })
}

pub(super) fn execute(disk: &Disk, verify: &Verify, task: Task) {
    let geometry = &disk.geometry;
    let len = geometry.length(verify.blocks) as usize;
    let Ok(medium) = PageList::alloc(len, Contents::Garbage) else {
        return task.end_with(Status::Busy);
    };
    let check = Check {
        task: None,
        bytchk: verify.bytchk,
        medium,
        room: Room::new(),
    };
    let Ok(mut token) = Token::new(check, GFP_KERNEL) else {
        return task.end_with(Status::Busy);
    };
    token.task = Some(task);
    let offset = geometry.offset(verify.lba);
    disk.backend
        .submit::<Check, Check>(Operation::Read, offset, token);
}

/// A VERIFY under way.
struct Check {
    /// Set while the check is under way.
    task: Option<Task>,
    bytchk: ByteCheck,
    /// What is read.
    medium: PageList,
    room: Room,
}

impl Check {
    /// Ends the check; the task goes on with `end`.
    fn end(mut token: Token<Self>, end: impl FnOnce(Task)) {
        if let Some(task) = token.task.take() {
            end(task);
        }
        token.end(());
    }

    /// Where the medium first differs from the data, as an offset into the data.
    fn difference(&self) -> Option<usize> {
        let data = self.task.as_ref()?.data();
        match self.bytchk {
            ByteCheck::Medium => None,
            ByteCheck::Blocks => data.first_difference(&self.medium),
            ByteCheck::OneBlock => {
                // One block is a single segment, and other segments are whole blocks.
                let block = data.slices().next().filter(|block| !block.is_empty())?;
                self.medium
                    .slices()
                    .flat_map(|slice| slice.chunks(block.len()))
                    .filter(|chunk| chunk != &block)
                    .find_map(|chunk| iter::zip(chunk, block).position(|(a, b)| a != b))
            }
        }
    }
}

impl MustEnd for Check {
    type Key = ();

    fn abandoned(token: Token<Self>) {
        // The task ends as one that was dropped.
        token.end(());
    }
}

impl Carried for Check {
    fn lend(&mut self) -> (&mut PageList, &mut Room) {
        (&mut self.medium, &mut self.room)
    }

    fn is_wanted(&self) -> bool {
        self.task.as_ref().is_some_and(|task| !task.is_aborted())
    }
}

impl Done<Check> for Check {
    fn done(token: Token<Self>, outcome: Result<(), Failure>) {
        match outcome {
            Err(cause) => Check::end(token, |task| failure::end(task, cause)),
            Ok(()) if token.bytchk == ByteCheck::Medium => Check::end(token, Task::good),
            // Too much work for an interrupt.
            Ok(()) => work::later::<Check, Check>(workqueue::system_unbound(), token),
        }
    }
}

impl Run<Check> for Check {
    fn run(token: Token<Self>) {
        match token.difference() {
            None => Check::end(token, Task::good),
            Some(offset) => {
                let sense = Sense::miscompare(offset as u64);
                Check::end(token, |task| task.fail(sense));
            }
        }
    }
}
