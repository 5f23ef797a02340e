// SPDX-License-Identifier: GPL-2.0

//! What an initiator is told when the backing store fails.

use stmf::task::Task;
use stmf_kernel::io::Failure;
use stmf_scsi::{
    cdb::{self, Command},
    AdditionalSense,
    Sense,
    Status, //
};

/// Ends a task whose I/O failed. Any context.
pub(crate) fn end(task: Task, failure: Failure) {
    let access = Access::of(task.cdb());
    match failure {
        // Nobody hears it.
        Failure::Aborted => task.end_with(Status::TaskAborted),
        // The initiator tries again after a while.
        Failure::Busy => task.end_with(Status::Busy),
        // As the backing device said to us.
        Failure::Reserved => task.end_with(Status::ReservationConflict),
        _ => task.fail(sense(failure, &access)),
    }
}

/// Ends a task whose flush failed: the other initiators that have written something are told by a flush of
/// theirs. Any context.
pub(crate) fn end_flush(task: Task, failure: Failure) {
    let sense = match failure {
        // Nothing was lost so far.
        Failure::Aborted | Failure::Busy | Failure::Reserved | Failure::Gone => {
            return end(task, failure)
        }
        Failure::NoSpace | Failure::ReadOnly | Failure::Refused | Failure::Unsupported => {
            sense(failure, &Access::of(task.cdb()))
        }
        Failure::Timeout | Failure::Transport | Failure::Medium | Failure::Unknown => FLUSH_ERROR,
    };
    task.note_loss();
    task.fail_for_loss(sense);
}

/// What one is told whose flush has failed. Linux tries a command again for MEDIUM ERROR, and for ABORTED
/// COMMAND. A flush that is tried again may be good, because what could not be written isn't in the cache
/// any more: HARDWARE ERROR is final.
pub(crate) const FLUSH_ERROR: Sense = Sense::hardware(AdditionalSense::WRITE_ERROR);

/// How a command accesses the medium.
struct Access {
    writes: bool,
    /// The block at fault: known when there is only one. The block layer doesn't tell which of
    /// several it was.
    lba: Option<u64>,
}

impl Access {
    fn of(cdb: &[u8]) -> Self {
        let (writes, lba, blocks) = match cdb::parse(cdb) {
            Ok(Command::Read(transfer)) => (false, transfer.lba, transfer.blocks),
            Ok(Command::Write(transfer)) => (true, transfer.lba, transfer.blocks),
            Ok(Command::Verify(verify)) => (false, verify.lba, verify.blocks),
            Ok(Command::GetLbaStatus { lba, .. }) => (false, lba, 0),
            Ok(Command::WriteAndVerify(verify)) => (true, verify.lba, verify.blocks),
            Ok(Command::WriteSame(request)) => (true, request.lba, request.blocks),
            Ok(Command::CompareAndWrite(request)) => (true, request.lba, request.blocks.into()),
            Ok(Command::WriteAtomic(request)) => (true, request.lba, request.blocks.into()),
            Ok(Command::OrWrite(transfer)) => (true, transfer.lba, transfer.blocks),
            // A flush writes, somewhere.
            _ => (true, 0, 0),
        };
        Self {
            writes,
            lba: (blocks == 1).then_some(lba),
        }
    }

    fn medium_error(&self) -> Sense {
        let code = if self.writes {
            AdditionalSense::WRITE_ERROR
        } else {
            AdditionalSense::UNRECOVERED_READ_ERROR
        };
        match self.lba {
            Some(lba) => Sense::medium_error(code, lba),
            None => Sense::new(stmf_scsi::SenseKey::MediumError, code),
        }
    }
}

fn sense(failure: Failure, access: &Access) -> Sense {
    match failure {
        // Linux tries to spin up a disk that is not ready for another reason, for 100 s.
        Failure::Gone => Sense::not_ready(AdditionalSense::NOT_READY_MANUAL_INTERVENTION_REQUIRED),
        Failure::NoSpace => Sense::data_protect(AdditionalSense::SPACE_ALLOCATION_FAILED),
        Failure::ReadOnly => Sense::data_protect(AdditionalSense::WRITE_PROTECTED),
        // Worth another try, which ABORTED COMMAND says.
        Failure::Timeout => Sense::aborted(AdditionalSense::TIMEOUT_ON_LOGICAL_UNIT),
        Failure::Transport => Sense::aborted(AdditionalSense::LOGICAL_UNIT_COMMUNICATION_FAILURE),
        Failure::Refused | Failure::Unsupported => {
            Sense::hardware(AdditionalSense::INTERNAL_TARGET_FAILURE)
        }
        Failure::Medium
        | Failure::Unknown
        | Failure::Aborted
        | Failure::Busy
        | Failure::Reserved => access.medium_error(),
    }
}
