// SPDX-License-Identifier: GPL-2.0

//! Whether the disk is ready: TEST UNIT READY, START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL.

use super::{cache, erase};
use crate::{
    disk::Disk,
    door::Prevented,
    reserve::nexus_ref, //
};
use stmf::{
    lu::Audience,
    plan::DataPhase,
    task::Task, //
};
use stmf_scsi::{
    cdb::{Command, PowerCondition, StartStopUnit},
    diagnostic::SendDiagnostic,
    ua::UnitAttention,
    AdditionalSense,
    Sense,
    Status, //
};

/// Why commands to the medium are refused at the moment.
pub(super) fn not_ready(disk: &Disk) -> Option<Sense> {
    if let Some(sense) = disk.medium.erasure.sense() {
        Some(sense)
    } else if disk.changeable.door.is_open() {
        Some(Sense::not_ready(AdditionalSense::MEDIUM_NOT_PRESENT))
    } else {
        None
    }
}

/// Refuses a command that needs the medium while that is being erased, or is out.
#[inline]
pub(super) fn check(disk: &Disk, command: &Command) -> Result<(), Sense> {
    match not_ready(disk) {
        Some(_) => check_not_ready(disk, command),
        None => Ok(()),
    }
}

#[cold]
fn check_not_ready(disk: &Disk, command: &Command) -> Result<(), Sense> {
    let needs_medium = !works_without_medium(command);
    erase::check(disk, command, needs_medium)?;
    if needs_medium && disk.changeable.door.is_open() {
        return Err(Sense::not_ready(AdditionalSense::MEDIUM_NOT_PRESENT));
    }
    Ok(())
}

/// Whether a command is carried out while there is no medium.
fn works_without_medium(command: &Command) -> bool {
    matches!(
        command,
        Command::Inquiry { .. }
            | Command::RequestSense { .. }
            | Command::ReportLuns { .. }
            | Command::ReportSupportedOperationCodes(_)
            | Command::ReportTaskManagement(_)
            | Command::ReportTimestamp(_)
            | Command::SetTimestamp(_)
            | Command::ReadBuffer(_)
            | Command::WriteBuffer(_)
            | Command::ReportIdentifying(_)
            | Command::SetIdentifying(_)
            | Command::ReportAliases(_)
            | Command::ChangeAliases(_)
            | Command::LogSense(_)
            | Command::ReceiveDiagnostic(_)
            | Command::ModeSense(_)
            | Command::ModeSelect(_)
            | Command::StartStopUnit(_)
            | Command::PreventAllow { .. }
            | Command::Reserve
            | Command::Release
            | Command::PersistentReserveIn { .. }
            | Command::PersistentReserveOut(_)
    )
}

/// A disk with its medium in is ready unless its device was pulled.
pub(super) fn test_unit_ready(disk: &Disk, task: Task) {
    if disk.medium.is_gone() {
        task.fail(Sense::not_ready(
            AdditionalSense::NOT_READY_MANUAL_INTERVENTION_REQUIRED,
        ));
    } else {
        task.good();
    }
}

pub(super) fn plan_diagnose(request: SendDiagnostic) -> DataPhase {
    match request {
        SendDiagnostic::Page => DataPhase::FromInitiator(SendDiagnostic::PAGE_LEN.into()),
        SendDiagnostic::SelfTest | SendDiagnostic::Nothing => DataPhase::None,
    }
}

/// SEND DIAGNOSTIC. The default self-test: is there something to keep the data in?
pub(super) fn diagnose(disk: &Disk, request: SendDiagnostic, task: Task) {
    let outcome = match request {
        SendDiagnostic::SelfTest if disk.medium.is_gone() => {
            let code = AdditionalSense::LOGICAL_UNIT_FAILED_SELF_TEST;
            Err(Sense::hardware(code))
        }
        // So short a list is in one piece.
        SendDiagnostic::Page => {
            SendDiagnostic::check_page(task.data().slices().next().unwrap_or(&[]))
        }
        SendDiagnostic::SelfTest | SendDiagnostic::Nothing => Ok(()),
    };
    match outcome {
        Ok(()) => task.good(),
        Err(sense) => task.fail(sense),
    }
}

/// There are no power conditions; the medium can be ejected when it is removable.
pub(super) fn plan_start_stop(disk: &Disk, request: &StartStopUnit) -> Result<DataPhase, Sense> {
    if request.power_condition != PowerCondition::StartValid {
        return Err(Sense::invalid_cdb_field(4, Some(7)));
    }
    if request.loej && !disk.changeable.door.is_there() {
        return Err(Sense::invalid_cdb_field(4, Some(1)));
    }
    Ok(DataPhase::None)
}

/// A disk never stops: others may be using it. But who stops it, or takes the medium out, wants its
/// data to be safe.
pub(super) fn start_stop(disk: &Disk, request: &StartStopUnit, task: Task) {
    let door = &disk.changeable.door;
    if request.loej {
        let was_open = match door.set_open(!request.start) {
            Ok(was_open) => was_open,
            Err(Prevented) => {
                let code = AdditionalSense::MEDIUM_REMOVAL_PREVENTED;
                return task.fail(Sense::illegal(code));
            }
        };
        if request.start && was_open {
            announce_medium(&task);
        }
    } else if request.start && door.is_open() {
        return task.fail(Sense::not_ready(AdditionalSense::MEDIUM_NOT_PRESENT));
    }
    if request.start || request.no_flush {
        task.good();
    } else {
        cache::flush(&disk.medium, request.immed, task);
    }
}

/// The medium is back: all others must look at it anew (SPC-5, Unit attention conditions).
fn announce_medium(task: &Task) {
    if let Some(unit) = task.unit() {
        let others = Audience::AllBut(task.nexus());
        unit.announce(UnitAttention::MediumChanged, others);
    }
}

/// A fixed medium has nobody who could take it out.
pub(super) fn plan_prevent_allow(disk: &Disk) -> Result<DataPhase, Sense> {
    if !disk.changeable.door.is_there() {
        let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
        return Err(Sense::illegal(code));
    }
    Ok(DataPhase::None)
}

pub(super) fn prevent_allow(disk: &Disk, prevent: bool, task: Task) {
    let door = &disk.changeable.door;
    if !prevent {
        door.let_go(|keeper| nexus_ref(task.nexus()).is(keeper));
    } else if door.prevent(task.nexus()).is_err() {
        return task.end_with(Status::Busy);
    }
    task.good();
}
