// SPDX-License-Identifier: GPL-2.0

//! MODE SENSE and MODE SELECT.

use super::cache;
use crate::{
    changeable::Changeable,
    disk::Disk,
    failure,
    medium::Medium,
    meta::{self, SavedValues}, //
};
use kernel::prelude::*;
use stmf::{
    lu::Audience,
    plan::DataPhase,
    task::Task, //
};
use stmf_kernel::io::Failure;
use stmf_model::metadata::Metadata;
use stmf_scsi::{
    cdb::ModeSelect,
    mode::{ModeParameters, ReportingMethod, Values},
    ua::UnitAttention,
    Sense,
    Status, //
};

/// The mode parameters, with `current` the values in use. A write cache is shown, and can be
/// switched, when the backing store has one. They can be saved where there is metadata.
fn parameters(changeable: &Changeable, current: Values) -> ModeParameters {
    let volatile = has_cache(&changeable.medium);
    let modes = &changeable.modes;
    let geometry = changeable.medium.geometry();
    let shown = |values: Values| Values {
        wce: values.wce && volatile,
        ..values
    };
    ModeParameters {
        current: shown(current),
        default: shown(modes.default()),
        saved: changeable.store.as_ref().map(|_| shown(modes.saved())),
        changeable: shown(modes.changeable()),
        write_protected: false,
        dpofua: true,
        blocks: geometry.blocks(),
        block_length: geometry.block_size(),
    }
}

fn has_cache(medium: &Medium) -> bool {
    medium.traits().volatile
}

/// The mode parameters at this moment.
pub(super) fn now(disk: &Disk) -> ModeParameters {
    ModeParameters {
        write_protected: disk.is_write_protected(),
        ..parameters(&disk.changeable, disk.changeable.modes.current())
    }
}

pub(super) fn plan_select(disk: &Disk, request: &ModeSelect) -> Result<DataPhase, Sense> {
    request.check(disk.changeable.store.is_some())?;
    Ok(match request.list_len {
        0 => DataPhase::None,
        len => DataPhase::FromInitiator(len.into()),
    })
}

/// Why MODE SELECT changes nothing.
enum Refused {
    Sense(Sense),
    /// The values can't be put on stable storage, or the write cache can't be switched.
    Failed(Failure),
    /// Not all that was in the write cache is on stable storage, or not each who sees the disk was told.
    Lost,
}

impl Refused {
    /// The write cache can't be switched off.
    fn switch_off(error: Error) -> Self {
        match error {
            ENODEV => Self::Failed(Failure::Gone),
            EIO => Self::Lost,
            // The initiator tries again.
            _ => Self::Failed(Failure::Busy),
        }
    }
}

/// MODE SELECT. Before the write cache is off, what is in it is written; while that takes too long, or another
/// initiator isn't told yet of a flush that has failed, BUSY. With SP all values are on stable storage before
/// any is in use (SPC-5, MODE SELECT(6) command). Sleeps.
pub(super) fn select(changeable: &Changeable, request: &ModeSelect, task: Task) {
    let Ok(list) = task.parameter_list() else {
        return task.end_with(Status::Busy);
    };
    let medium = &changeable.medium;
    let changed = changeable.modes.change(|current| {
        let selected = parameters(changeable, current)
            .select(request, &list)
            .map_err(Refused::Sense)?;
        // Where there is no cache to switch, the choice of whoever made the disk stays.
        let wce = if has_cache(medium) {
            selected.wce
        } else {
            current.wce
        };
        let selected = Values { wce, ..selected };
        let is_switched_off = current.wce && !selected.wce;
        if is_switched_off {
            let is_owed = || {
                let others = task.unit().is_some_and(|unit| unit.owes_news_of_loss());
                others || task.owes_news_of_loss()
            };
            cache::switch_off(medium, task.hold(), is_owed).map_err(Refused::switch_off)?;
        }
        if request.save {
            save(changeable, selected).map_err(|cause| {
                if is_switched_off {
                    let _ = medium.write_back();
                }
                Refused::Failed(cause)
            })?;
        }
        if selected.wce {
            let used = medium.write_back();
            used.map_err(|_| Refused::Failed(Failure::Busy))?;
        }
        Ok(selected)
    });
    let (old, new) = match changed {
        Ok(values) => values,
        Err(Refused::Sense(sense)) => return task.fail(sense),
        Err(Refused::Failed(cause)) => return failure::end(task, cause),
        Err(Refused::Lost) if task.owes_news_of_loss() => {
            return task.fail_for_loss(failure::FLUSH_ERROR)
        }
        // Another initiator is to be told first, which it is when it flushes.
        Err(Refused::Lost) => return task.end_with(Status::Busy),
    };
    if (old.lbpere, old.thresholds) != (new.lbpere, new.thresholds) {
        medium.threshold.rearm();
    }
    if let Some(unit) = task.unit().filter(|_| old != new) {
        unit.set_control(new.control);
        let others = Audience::AllBut(task.nexus());
        unit.announce(UnitAttention::ModeParametersChanged, others);
        if new.exceptions.test
            && new.exceptions.method == ReportingMethod::UnitAttention
            && new.exceptions != old.exceptions
        {
            unit.announce(UnitAttention::FalseFailurePrediction, Audience::All);
        }
    }
    task.good();
}

/// Puts mode parameters on stable storage. Sleeps, a few seconds at most.
fn save(changeable: &Changeable, values: Values) -> Result<(), Failure> {
    if let Some(store) = &changeable.store {
        let saved = SavedValues::new(values);
        store.update(|old| {
            meta::record(&Metadata {
                modes: Some(saved.bytes()),
                ..old
            })
        })?;
        changeable
            .modes
            .set_saved(Values::parse(saved.bytes()).unwrap_or(values));
    }
    Ok(())
}
