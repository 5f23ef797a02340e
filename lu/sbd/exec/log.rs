// SPDX-License-Identifier: GPL-2.0

//! LOG SENSE and LOG SELECT, and what the disk warns of.

use crate::disk::Disk;
use stmf::{
    lu::{Audience, LuHandle, Work},
    plan::DataPhase,
    task::Task, //
};
use stmf_scsi::{
    log::{LogSelect, Logged, Resettable},
    mode::Exceptions,
    ua::UnitAttention,
    vpd::RotationRate,
    AdditionalSense,
    Sense,
    Status, //
};

/// What has been logged; `unit` knows what the framework has counted. Which pages there are, and how long
/// they are, doesn't depend on that.
pub(super) fn logged(disk: &Disk, unit: Option<&LuHandle>) -> Logged {
    let condition = &disk.medium.condition;
    let mut logged = condition.logged(&work(unit), disk.geometry().block_size());
    if !disk.changeable.door.is_there() {
        logged.cycles.unloads = None;
    }
    Logged {
        resources: disk.resources(),
        is_solid_state: disk.rotation() == RotationRate::NonRotating,
        exception: exception(disk),
        ..logged
    }
}

fn work(unit: Option<&LuHandle>) -> Work {
    unit.map_or(Work::default(), LuHandle::work)
}

/// What the disk warns of: nothing most of the time (SPC-5, Informational Exceptions Control mode page).
fn exception(disk: &Disk) -> AdditionalSense {
    if disk.changeable.modes.quick().exceptions.test {
        AdditionalSense::FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE
    } else if disk.medium.condition.has_failed_test() {
        AdditionalSense::WARNING_BACKGROUND_SELF_TEST_FAILED
    } else {
        AdditionalSense::NO_ADDITIONAL_SENSE
    }
}

/// What the disk warns those of who ask, if it is to.
pub(super) fn exception_on_request(disk: &Disk, exceptions: Exceptions) -> Option<AdditionalSense> {
    let code = exception(disk);
    let is_enabled = match code {
        AdditionalSense::NO_ADDITIONAL_SENSE => false,
        AdditionalSense::WARNING_BACKGROUND_SELF_TEST_FAILED => exceptions.warnings,
        _ => !exceptions.disabled,
    };
    is_enabled.then_some(code)
}

pub(super) fn plan_select(disk: &Disk, request: &LogSelect) -> Result<DataPhase, Sense> {
    request.check(&logged(disk, None))?;
    Ok(match request.list_len {
        0 => DataPhase::None,
        len => DataPhase::FromInitiator(len.into()),
    })
}

/// LOG SELECT. The other initiators are told of what was changed (SPC-5, LOG SELECT command).
pub(super) fn select(disk: &Disk, request: &LogSelect, task: Task) {
    let unit = task.unit();
    let changed = if request.list_len == 0 {
        reset(disk, request, &work(unit.as_ref()))
    } else {
        let Ok(list) = task.parameter_list() else {
            return task.end_with(Status::Busy);
        };
        match LogSelect::select(&logged(disk, None), &list) {
            Ok(Some(date)) => {
                disk.medium.condition.set_accounting_date(date);
                true
            }
            Ok(None) => false,
            Err(sense) => return task.fail(sense),
        }
    };
    if let Some(unit) = unit.filter(|_| changed) {
        let others = Audience::AllBut(task.nexus());
        unit.announce(UnitAttention::LogParametersChanged, others);
    }
    task.good();
}

/// Resets what is asked for; says whether that was something.
fn reset(disk: &Disk, request: &LogSelect, work: &Work) -> bool {
    let mut any = false;
    for what in Resettable::ALL {
        if request.resets(what) {
            disk.medium.condition.reset_log(what, work);
            any = true;
        }
    }
    any
}
