// SPDX-License-Identifier: GPL-2.0

//! A disk's commands.
//!
//! What can be refused by the CDB alone is refused in `plan`; `execute` relies on that.

mod answer;
mod atomic;
mod buffer;
pub(crate) mod cache;
mod erase;
mod fill;
mod identity;
mod inquiry;
mod job;
mod log;
mod mode;
mod reservation;
mod rw;
mod script;
mod self_test;
mod state;
mod status;
mod unmap;
mod verify;

pub(crate) use job::Job;

use crate::{
    changeable::Changeable,
    disk::Disk,
    failure,
    reserve::nexus_ref, //
};
use kernel::prelude::*;
use stmf::{
    loss::Losses,
    lu::LogicalUnit,
    nexus::ItNexus,
    plan::{DataPhase, Plan, Refusal},
    task::{Task, TaskBody}, //
};
use stmf_kernel::{
    io::{Done, Failure},
    token::Token, //
};
use stmf_scsi::{
    cdb::{self, Command},
    self_test::SelfTestState,
    AdditionalSense,
    Sense,
    Status, //
};

impl LogicalUnit for Disk {
    fn plan(&self, nexus: &ItNexus, cdb: &[u8]) -> Result<Plan, Refusal> {
        let command = cdb::parse(cdb)?;
        self.changeable.reservations.check(nexus, cdb)?;
        state::check(self, &command)?;
        Ok(match command {
            Command::Read(transfer) => rw::plan_read(self, &transfer)?,
            Command::Write(transfer) => rw::plan_write(self, &transfer)?,
            Command::Verify(verify) => verify::plan(self, &verify)?,
            Command::WriteAndVerify(verify) => verify::plan_write(self, &verify)?,
            Command::WriteSame(request) => fill::plan(self, &request)?,
            Command::Unmap { length } => unmap::plan(self, length)?,
            Command::CompareAndWrite(request) => atomic::plan_compare(self, &request)?,
            Command::OrWrite(transfer) => atomic::plan_or(self, &transfer)?,
            Command::WriteAtomic(request) => atomic::plan_write(self, &request)?,
            Command::Sanitize { what, .. } => erase::plan(self, &what)?,
            Command::FormatUnit(request) => erase::plan_format(self, &request)?,
            Command::GetLbaStatus { lba, allocation } => status::plan(self, lba, allocation)?,
            Command::PreFetch { lba, blocks } => cache::plan(self, lba, blocks)?.into(),
            Command::SynchronizeCache { lba, blocks, .. } => cache::plan(self, lba, blocks)?.into(),
            Command::TestUnitReady => DataPhase::None.into(),
            Command::SendDiagnostic(request) => self_test::plan(self, request)?.into(),
            Command::StartStopUnit(request) => state::plan_start_stop(self, &request)?.into(),
            Command::LogSelect(request) => log::plan_select(self, &request)?.into(),
            Command::ModeSelect(request) => mode::plan_select(self, &request)?.into(),
            Command::PreventAllow { .. } => state::plan_prevent_allow(self)?.into(),
            Command::ReadBuffer(request) => buffer::plan_read(self, nexus, &request)?.into(),
            Command::WriteBuffer(request) => buffer::plan_write(&request).into(),
            Command::SetIdentifying(request) => identity::plan_identifying(self, &request)?.into(),
            Command::ReportAliases(request) => {
                identity::plan_report_aliases(self, nexus, &request).into()
            }
            Command::ChangeAliases(request) => identity::plan_list(request.list_len).into(),
            Command::SetTimestamp(request) => identity::plan_list(request.list_len).into(),
            Command::Reserve | Command::Release => DataPhase::None.into(),
            Command::PersistentReserveOut(request) => reservation::plan_out(&request)?.into(),
            // The framework's copy manager carries them out.
            Command::ExtendedCopy(_) | Command::CopyAbort(_) | Command::ReceiveCopyResults(_) => {
                DataPhase::None.into()
            }
            // The framework answers it for all logical units.
            Command::ReportLuns { .. } => {
                let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
                return Err(Sense::illegal(code).into());
            }
            command => answer::plan(self, nexus, &command)?.into(),
        })
    }

    fn execute(&self, task: Task) {
        if task.is_aborted() {
            return task.end_with(Status::TaskAborted);
        }
        match cdb::parse(task.cdb()) {
            Ok(Command::Read(transfer)) => rw::read(self, &transfer, task),
            Ok(Command::Write(transfer)) => rw::write(self, &transfer, task),
            Ok(Command::Verify(verify)) => verify::execute(self, &verify, task),
            Ok(Command::WriteAndVerify(verify)) => verify::execute_write(self, &verify, task),
            Ok(Command::WriteSame(request)) => fill::execute(self, &request, task),
            Ok(Command::Unmap { .. }) => unmap::execute(self, task),
            Ok(Command::CompareAndWrite(request)) => atomic::compare(self, &request, task),
            Ok(Command::OrWrite(transfer)) => atomic::or(self, &transfer, task),
            Ok(Command::WriteAtomic(request)) => atomic::write(self, &request, task),
            Ok(Command::Sanitize {
                what,
                immed,
                unrestricted,
            }) => erase::sanitize(self, &what, immed, unrestricted, task),
            Ok(Command::FormatUnit(request)) => erase::format(self, &request, task),
            Ok(Command::GetLbaStatus { lba, allocation }) => {
                status::execute(self, lba, allocation, task);
            }
            // Not all of the blocks are in a cache now, which GOOD says.
            Ok(Command::PreFetch { .. }) => task.good(),
            Ok(Command::SynchronizeCache { immed, .. }) => {
                cache::synchronize(&self.medium, immed, task)
            }
            Ok(Command::TestUnitReady) => state::test_unit_ready(self, task),
            Ok(Command::SendDiagnostic(request)) => self_test::execute(self, request, task),
            Ok(Command::LogSelect(request)) => log::select(self, &request, task),
            Ok(Command::StartStopUnit(request)) => state::start_stop(self, &request, task),
            Ok(Command::PreventAllow { prevent }) => state::prevent_allow(self, prevent, task),
            Ok(Command::ReadBuffer(request)) => buffer::read(self, &request, task),
            Ok(Command::WriteBuffer(request)) => buffer::write(self, &request, task),
            Ok(Command::ReportAliases(request)) => identity::report_aliases(self, &request, task),
            Ok(Command::ChangeAliases(_)) => identity::change_aliases(self, task),
            Ok(Command::SetTimestamp(request)) => identity::set_timestamp(self, &request, task),
            Ok(
                Command::ModeSelect(_)
                | Command::SetIdentifying(_)
                | Command::Reserve
                | Command::Release
                | Command::PersistentReserveOut(_),
            ) => self.changeable.later(task, change),
            Ok(command) => answer::execute(self, &command, task),
            Err(sense) => task.fail(sense),
        }
    }

    fn has_copy_manager(&self) -> bool {
        true
    }

    fn reset(&self) {
        self.changeable.reservations.drop_spc2(None);
        self.changeable.door.let_go(|_| true);
        self.buffer.clear();
        self.private.clear();
        self.medium
            .condition
            .abort_test(SelfTestState::Aborted, |_| true);
    }

    fn failed(&self, cdb: &[u8], sense: &Sense) {
        self.medium.condition.count_failure(cdb, sense);
    }

    fn losses(&self) -> Option<&Losses> {
        Some(&self.medium.condition.losses)
    }

    fn nexus_lost(&self, nexus: &ItNexus) {
        self.changeable.reservations.drop_spc2(Some(nexus));
        self.changeable
            .door
            .let_go(|keeper| nexus_ref(nexus).is(keeper));
        self.private.forget(nexus);
    }

    fn session_lost(&self, nexus: &ItNexus) {
        self.private.forget(nexus);
    }
}

/// Carries out a command that changes more of the disk than its data. Sleeps.
fn change(changeable: &Changeable, task: Task) {
    match cdb::parse(task.cdb()) {
        Ok(Command::ModeSelect(request)) => mode::select(changeable, &request, task),
        Ok(Command::SetIdentifying(request)) => {
            identity::set_identifying(changeable, &request, task);
        }
        _ => reservation::change(changeable, task),
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

/// The same of an I/O whose failure may be that of a flush: not only this command's data are lost then.
struct FinishFlushing;

impl Done<TaskBody> for FinishFlushing {
    fn done(token: Token<TaskBody>, outcome: Result<(), Failure>) {
        let task = Task::from(token);
        if outcome.is_err_and(Failure::may_be_of_flush) {
            task.note_loss();
        }
        Finish::done(task.into(), outcome);
    }
}
