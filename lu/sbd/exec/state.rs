// SPDX-License-Identifier: GPL-2.0

//! TEST UNIT READY and START STOP UNIT.

use super::cache;
use crate::disk::Disk;
use stmf::{
    plan::DataPhase,
    task::Task, //
};
use stmf_scsi::{
    cdb::{PowerCondition, StartStopUnit},
    AdditionalSense,
    Sense, //
};

/// A disk is ready unless its device was pulled.
pub(super) fn test_unit_ready(disk: &Disk, task: Task) {
    if disk.backend().is_gone() {
        task.fail(Sense::not_ready(
            AdditionalSense::NOT_READY_MANUAL_INTERVENTION_REQUIRED,
        ));
    } else {
        task.good();
    }
}

/// There are no power conditions, and nothing to eject.
pub(super) fn plan_start_stop(request: &StartStopUnit) -> Result<DataPhase, Sense> {
    if request.power_condition != PowerCondition::StartValid {
        return Err(Sense::invalid_cdb_field(4, Some(7)));
    }
    if request.loej {
        return Err(Sense::invalid_cdb_field(4, Some(1)));
    }
    Ok(DataPhase::None)
}

/// A disk never stops: others may be using it. But who stops it wants its data to be safe.
pub(super) fn start_stop(disk: &Disk, request: &StartStopUnit, task: Task) {
    if request.start || request.no_flush {
        task.good();
    } else {
        cache::flush(disk, request.immed, task);
    }
}
