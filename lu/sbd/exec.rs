// SPDX-License-Identifier: GPL-2.0

//! A disk's commands.
//!
//! What can be refused by the CDB alone is refused in `plan`; `execute` relies on that.

mod answer;
mod cache;
mod inquiry;
mod mode;
mod rw;
mod state;
mod verify;

use crate::{
    disk::Disk,
    failure, //
};
use stmf::{
    lu::LogicalUnit,
    task::{DataPhase, Task, TaskBody}, //
};
use stmf_kernel::{
    io::{Done, Failure},
    token::Token, //
};
use stmf_scsi::{
    cdb::{self, Command},
    AdditionalSense,
    Sense,
    Status, //
};

impl LogicalUnit for Disk {
    fn plan(&self, cdb: &[u8]) -> Result<DataPhase, Sense> {
        match cdb::parse(cdb)? {
            Command::Read(transfer) => rw::plan_read(self, &transfer),
            Command::Write(transfer) => rw::plan_write(self, &transfer),
            Command::Verify(verify) => verify::plan(self, &verify),
            Command::SynchronizeCache { lba, blocks, .. } => cache::plan(self, lba, blocks),
            Command::TestUnitReady => Ok(DataPhase::None),
            Command::StartStopUnit(request) => state::plan_start_stop(&request),
            // The framework answers it for all logical units.
            Command::ReportLuns { .. } => {
                let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
                Err(Sense::illegal(code))
            }
            command => answer::plan(self, &command),
        }
    }

    fn execute(&self, task: Task) {
        if task.is_aborted() {
            return task.end_with(Status::TaskAborted);
        }
        match cdb::parse(task.cdb()) {
            Ok(Command::Read(transfer)) => rw::read(self, &transfer, task),
            Ok(Command::Write(transfer)) => rw::write(self, &transfer, task),
            Ok(Command::Verify(verify)) => verify::execute(self, &verify, task),
            Ok(Command::SynchronizeCache { immed, .. }) => cache::flush(self, immed, task),
            Ok(Command::TestUnitReady) => state::test_unit_ready(self, task),
            Ok(Command::StartStopUnit(request)) => state::start_stop(self, &request, task),
            Ok(command) => answer::execute(self, &command, task),
            Err(sense) => task.fail(sense),
        }
    }
}

/// Ends a task with what came of its I/O.
struct Finish;

impl Done<TaskBody> for Finish {
    fn done(token: Token<TaskBody>, outcome: Result<(), Failure>) {
        let task = Task::from(token);
        match outcome {
            Ok(()) => task.good(),
            Err(cause) => failure::end(task, cause),
        }
    }
}
