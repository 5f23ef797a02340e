// SPDX-License-Identifier: GPL-2.0

//! Whether the disk is ready, and how much so: TEST UNIT READY, START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL.

use super::{cache, erase, log};
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
    mode::ReportingMethod,
    power::Power,
    self_test::{SelfTestKind, SelfTestState},
    ua::UnitAttention,
    AdditionalSense,
    Sense,
    SenseKey,
    Status, //
};

/// Why commands to the medium are refused at the moment.
pub(super) fn not_ready(disk: &Disk) -> Option<Sense> {
    if let Some(sense) = disk.medium.erasure.sense() {
        Some(sense)
    } else if disk.changeable.door.is_open() {
        Some(Sense::not_ready(AdditionalSense::MEDIUM_NOT_PRESENT))
    } else if disk.medium.condition.is_in_foreground_test() {
        disk.medium.condition.test_in_progress()
    } else {
        None
    }
}

/// What REQUEST SENSE returns (SPC-5, Pollable sense data).
pub(super) fn pollable(disk: &Disk) -> Sense {
    let condition = &disk.medium.condition;
    let exceptions = disk.changeable.modes.quick().exceptions;
    let exception = || {
        let code = match exceptions.method {
            ReportingMethod::OnRequest => log::exception_on_request(disk, exceptions)?,
            ReportingMethod::None | ReportingMethod::UnitAttention => return None,
        };
        Some(Sense::new(SenseKey::NoSense, code))
    };
    not_ready(disk)
        .or_else(|| condition.test_in_progress())
        .or_else(exception)
        .or_else(|| condition.power().sense())
        .unwrap_or(Sense::NONE)
}

/// Refuses a command that needs the medium while that is being erased or tested, or is out; else it
/// makes the disk active.
#[inline]
pub(super) fn check(disk: &Disk, command: &Command) -> Result<(), Sense> {
    if not_ready(disk).is_some() {
        check_not_ready(disk, command)?;
    }
    if needs_medium(command) {
        disk.medium.condition.wake();
    }
    Ok(())
}

/// Whether a command is for an active disk alone.
fn needs_medium(command: &Command) -> bool {
    !works_without_medium(command)
        && !matches!(
            command,
            Command::TestUnitReady | Command::ReadCapacity10 | Command::ReadCapacity16 { .. }
        )
}

#[cold]
fn check_not_ready(disk: &Disk, command: &Command) -> Result<(), Sense> {
    let needs_medium = !works_without_medium(command);
    erase::check(disk, command, needs_medium)?;
    if needs_medium && disk.changeable.door.is_open() {
        return Err(Sense::not_ready(AdditionalSense::MEDIUM_NOT_PRESENT));
    }
    let condition = &disk.medium.condition;
    match condition.test_in_progress() {
        // A self-test in the foreground (SPC-5, Device self-test).
        Some(sense) if condition.is_in_foreground_test() && !erase::always_works(command) => {
            Err(sense)
        }
        _ => Ok(()),
    }
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
            | Command::LogSelect(_)
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

/// The power conditions mean nothing to a disk, so it takes all of them, and shows the one that it is in.
/// The medium can be ejected when it is removable.
pub(super) fn plan_start_stop(disk: &Disk, request: &StartStopUnit) -> Result<DataPhase, Sense> {
    let is_removable = disk.changeable.door.is_there();
    match (request.power_condition, request.power()) {
        (PowerCondition::StartValid, _) if request.loej && !is_removable => {
            Err(Sense::invalid_cdb_field(4, Some(1)))
        }
        // Reserved, so an error (SBC-4). But those whose media are removable may know the field from
        // MMC or RBC, where it has other values; what all of them rely on is that with any value START
        // and LOEJ don't count. They are told GOOD, and nothing happens.
        (PowerCondition::Reserved, _) if is_removable => Ok(DataPhase::None),
        (_, Err(sense)) => Err(sense),
        (_, Ok(_)) => Ok(DataPhase::None),
    }
}

/// A disk never stops: others may be using it. But who stops it, or takes the medium out, wants its
/// data to be safe.
pub(super) fn start_stop(disk: &Disk, request: &StartStopUnit, task: Task) {
    let (door, condition) = (&disk.changeable.door, &disk.medium.condition);
    if request.power_condition != PowerCondition::StartValid {
        return set_power(disk, request, task);
    }
    if request.loej {
        let was_open = match door.set_open(!request.start) {
            Ok(was_open) => was_open,
            Err(Prevented) => {
                let code = AdditionalSense::MEDIUM_REMOVAL_PREVENTED;
                return task.fail(Sense::illegal(code));
            }
        };
        match (request.start, was_open) {
            (true, true) => announce_medium(&task),
            (false, false) => condition.count_unload(),
            _ => (),
        }
    } else if request.start && door.is_open() {
        return task.fail(Sense::not_ready(AdditionalSense::MEDIUM_NOT_PRESENT));
    } else if !request.start {
        condition.count_stop();
    }
    if request.start {
        condition.set_power(Power::Active);
        task.good();
    } else {
        rest(disk, request, task);
    }
}

fn set_power(disk: &Disk, request: &StartStopUnit, task: Task) {
    let Ok(Some(power)) = request.power() else {
        // The disk, which has no timers, is to choose; or nothing is to be done, see above.
        return task.good();
    };
    disk.medium.condition.set_power(power);
    if power.is_standby() {
        rest(disk, request, task);
    } else {
        task.good();
    }
}

/// The medium would not be used any more for a while: no self-test, and nothing volatile unless NO_FLUSH
/// says so.
fn rest(disk: &Disk, request: &StartStopUnit, task: Task) {
    let condition = &disk.medium.condition;
    condition.abort_test(SelfTestState::Aborted, SelfTestKind::is_background);
    if request.no_flush {
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
    } else if door.prevent(&task).is_err() {
        return task.end_with(Status::Busy);
    }
    task.good();
}
