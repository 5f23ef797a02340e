// SPDX-License-Identifier: GPL-2.0

//! Third-party copy: the copy manager, the same for every kind of logical unit (SPC-4, Third-party copy
//! commands).
//!
//! A logical unit that has a copy manager ([`crate::lu::LogicalUnit::has_copy_manager`]) says that it has
//! these commands, and checks reservations; they are carried out here. A copy is a worker that sends
//! commands to logical units, one piece after the other ([`manager`]). They are commands of the I_T nexus
//! that sent the EXTENDED COPY, and go the way of all its commands ([`piece`]): so any unit that this
//! nexus sees, and no other, can be copied from and to, and what forbids a READ or WRITE of the nexus
//! forbids the copy.

mod manager;
mod piece;
mod results;
mod units;

pub(crate) use manager::InProgress;
pub(crate) use piece::{Address, Mailbox, Origin};
pub(crate) use results::Copies;

use crate::{
    lu::LuEntry,
    plan::{DataPhase, Plan},
    task::Task, //
};
use kernel::prelude::*;
use stmf_kernel::{module::ModuleCell, work, work::OwnedQueue};
use stmf_scsi::{
    cdb::{self, opcode, Command},
    copy::MAX_TOTAL,
    AdditionalSense,
    Sense,
    Status, //
};

/// A worker for each copy, and some for COPY ABORT, which waits.
pub(crate) const WORKERS: u16 = MAX_TOTAL + 8;

/// Where copies run.
pub(crate) static QUEUE: ModuleCell<OwnedQueue> = ModuleCell::empty();

const UNKNOWN: Sense = Sense::illegal(AdditionalSense::INVALID_COMMAND_OPERATION_CODE);

/// Whether the copy manager carries a command out.
pub(crate) fn carries_out(lu: &LuEntry, cdb: &[u8]) -> bool {
    matches!(
        cdb.first(),
        Some(&(opcode::EXTENDED_COPY | opcode::RECEIVE_COPY_RESULTS))
    ) && lu.unit().has_copy_manager()
}

/// What such a command needs.
pub(crate) fn plan(cdb: &[u8]) -> Result<Plan, Sense> {
    Ok(match cdb::parse(cdb)? {
        Command::ExtendedCopy(request) => {
            request.check_length()?;
            match request.list_len {
                0 => DataPhase::None.into(),
                len => DataPhase::FromInitiator(len).into(),
            }
        }
        Command::CopyAbort(_) => DataPhase::None.into(),
        Command::ReceiveCopyResults(request) => {
            DataPhase::Answer(request.what.max_len().min(request.allocation)).into()
        }
        _ => return Err(UNKNOWN),
    })
}

/// Carries such a command out. Process context; what takes time is left to a worker.
pub(crate) fn execute(task: Task) {
    match cdb::parse(task.cdb()) {
        Ok(Command::ExtendedCopy(_)) => manager::start(task),
        Ok(Command::CopyAbort(_)) => match QUEUE.get() {
            Some(queue) => work::later::<_, results::Abort>(&queue, task.into()),
            None => task.end_with(Status::Busy),
        },
        Ok(Command::ReceiveCopyResults(request)) => results::receive(task, request),
        // `plan` has refused it.
        _ => task.fail(UNKNOWN),
    }
}
