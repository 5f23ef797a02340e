// SPDX-License-Identifier: GPL-2.0

//! What a job does, step by step.

use super::{
    atomic::{CompareAndWrite, OrWrite},
    erase::Erase,
    fill::Fill,
    status::Statuses,
    unmap::Unmap,
    verify::Verify, //
};
use crate::medium::Medium;
use kernel::prelude::*;
use stmf::task::Task;
use stmf_kernel::{
    io::{Failure, Operation},
    pages::PageList, //
};
use stmf_scsi::{
    provisioning::LbaStatus,
    Sense, //
};

/// The script of a job, and where it stands.
pub(super) enum Script {
    /// One I/O with the command's data, at an offset in bytes.
    Single(Operation, u64),
    Verify(Verify),
    Fill(Fill),
    Erase(Erase),
    Unmap(Unmap),
    CompareAndWrite(CompareAndWrite),
    OrWrite(OrWrite),
    Statuses(Statuses),
}

/// What a script sees.
pub(super) struct Step<'a> {
    pub(super) task: &'a mut Task,
    pub(super) medium: &'a Medium,
    /// The job's own memory. An I/O moves all of it.
    pub(super) own: &'a mut PageList,
}

impl Step<'_> {
    /// The end of a job that has changed the medium without data: now, or when it is on stable
    /// storage.
    pub(super) fn changed(&self) -> Next {
        if self.medium.is_write_through() {
            Next::Last(Operation::Flush, 0)
        } else {
            Next::Good
        }
    }
}

/// What comes next. Offsets are in bytes.
pub(super) enum Next {
    /// An I/O with the job's own memory.
    Own(Operation, u64),
    /// An I/O with the command's data.
    Data(Operation, u64),
    /// The same, and with it the command is over.
    Last(Operation, u64),
    /// The command is over.
    Good,
    /// The command is over, with CHECK CONDITION.
    Refuse(Sense),
    /// The backing store failed.
    Fail(Failure),
    /// The command is over; it returns these.
    Statuses(KVec<LbaStatus>),
}

impl Script {
    /// Does what is to be done between two I/Os.
    pub(super) fn next(&mut self, step: &mut Step<'_>) -> Next {
        match self {
            Script::Single(operation, offset) => Next::Last(*operation, *offset),
            Script::Verify(verify) => verify.next(step),
            Script::Fill(fill) => fill.next(step),
            // The only one that may have no command any more; see `Job::next`.
            Script::Erase(erase) => erase.next(step.medium, step.own),
            Script::Unmap(unmap) => unmap.next(step),
            Script::CompareAndWrite(command) => command.next(step),
            Script::OrWrite(command) => command.next(step),
            Script::Statuses(statuses) => statuses.next(step),
        }
    }

    /// Whether the script has another way after an I/O failed. Any context.
    pub(super) fn goes_on_after(&mut self, failure: Failure) -> bool {
        match self {
            Script::Fill(fill) => fill.goes_on_after(failure),
            Script::Erase(erase) => erase.goes_on_after(failure),
            // What the backing store can't unmap after all keeps its data: UNMAP asks for no more (SBC-4).
            Script::Unmap(_) => failure.may_be_unsupported(),
            _ => false,
        }
    }

    /// The job has what it needs, and is about to begin. Refused while the medium is being erased, or
    /// was left half erased, since the command was planned.
    pub(super) fn begin(&mut self, medium: &Medium) -> Result<(), Sense> {
        match self {
            Script::Erase(erase) => erase.begin(medium),
            _ => medium.erasure.sense().map_or(Ok(()), Err),
        }
    }

    /// How the job fails after all though its last I/O went well. Any context.
    pub(super) fn undone(&self, medium: &Medium) -> Option<Sense> {
        match self {
            Script::Erase(erase) => erase.undone(medium),
            _ => None,
        }
    }

    /// The job is over, well or not. Any context.
    pub(super) fn ended(&self, medium: &Medium, well: bool) {
        if let Script::Erase(erase) = self {
            erase.ended(medium, well);
        }
    }
}
