// SPDX-License-Identifier: GPL-2.0

//! MODE SENSE and MODE SELECT.

use super::{cache, parameter_list};
use crate::disk::Disk;
use stmf::{
    lu::Audience,
    plan::DataPhase,
    task::Task, //
};
use stmf_scsi::{
    cdb::ModeSelect,
    mode::{ModeParameters, Values},
    ua::UnitAttention,
    Sense,
    Status, //
};

/// Mode parameters can't be saved yet: there is no metadata to keep them in.
const SAVEABLE: bool = false;

/// The mode parameters, with `current` the values in use. A write cache is shown, and can be
/// switched, when the backing store has one.
fn parameters(disk: &Disk, current: Values) -> ModeParameters {
    let volatile = disk.traits().volatile;
    let shown = |values: Values| Values {
        wce: values.wce && volatile,
        ..values
    };
    ModeParameters {
        current: shown(current),
        default: shown(disk.changeable.modes.default()),
        saved: None,
        changeable: shown(Values::CHANGEABLE),
        write_protected: disk.is_write_protected(),
        dpofua: true,
        blocks: disk.geometry().blocks(),
        block_length: disk.geometry().block_size(),
    }
}

/// The mode parameters at this moment.
pub(super) fn now(disk: &Disk) -> ModeParameters {
    parameters(disk, disk.changeable.modes.current())
}

pub(super) fn plan_select(request: &ModeSelect) -> Result<DataPhase, Sense> {
    request.check(SAVEABLE)?;
    Ok(match request.list_len {
        0 => DataPhase::None,
        len => DataPhase::FromInitiator(len.into()),
    })
}

/// MODE SELECT. When the write cache is switched off, what is in it is written first.
pub(super) fn select(disk: &Disk, request: &ModeSelect, task: Task) {
    let Ok(list) = parameter_list(&task) else {
        return task.end_with(Status::Busy);
    };
    let changed = disk.changeable.modes.change(|current| {
        let selected = parameters(disk, current).select(request, &list)?;
        // Where there is no cache to switch, the choice of whoever made the disk stays.
        let wce = if disk.traits().volatile {
            selected.wce
        } else {
            current.wce
        };
        Ok(Values { wce, ..selected })
    });
    let (old, new) = match changed {
        Ok(values) => values,
        Err(sense) => return task.fail(sense),
    };
    if let Some(unit) = task.unit().filter(|_| old != new) {
        unit.set_control(new.control);
        let others = Audience::AllBut(task.nexus());
        unit.announce(UnitAttention::ModeParametersChanged, others);
    }
    if old.wce && !new.wce {
        cache::flush(disk, false, task);
    } else {
        task.good();
    }
}
