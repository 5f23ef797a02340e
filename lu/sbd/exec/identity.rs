// SPDX-License-Identifier: GPL-2.0

//! What initiators tell a disk of itself and of others: identifying information, aliases, the time.

use crate::{
    changeable::Changeable,
    disk::Disk,
    failure,
    identifying,
    meta,
    private::Unchanged, //
};
use kernel::prelude::*;
use stmf::{
    lu::Audience,
    nexus::ItNexus,
    plan::DataPhase,
    task::Task, //
};
use stmf_scsi::{
    aliases::{ChangeList, ReportAliases},
    identifying::{ReportIdentifying, SetIdentifying},
    timestamp::SetTimestamp,
    ua::UnitAttention,
    Sense,
    Sink,
    Status, //
};

/// Ends a command that changes what a disk keeps for its initiators.
pub(super) fn end(task: Task, outcome: Result<(), Unchanged>) {
    match outcome {
        Ok(()) => task.good(),
        Err(Unchanged::NoMemory) => task.end_with(Status::Busy),
        Err(Unchanged::Aborted) => task.end_with(Status::TaskAborted),
        Err(Unchanged::Refused(sense)) => task.fail(sense),
    }
}

/// A parameter list of this length; without one nothing changes.
pub(super) fn plan_list(len: u32) -> DataPhase {
    match len {
        0 => DataPhase::None,
        len => DataPhase::FromInitiator(len),
    }
}

pub(super) fn report_identifying(disk: &Disk, request: &ReportIdentifying, sink: &mut Sink<'_>) {
    match request.kind {
        Some(kind) => disk
            .changeable
            .identifying
            .look(kind, |information| request.write(information, sink)),
        None => request.write(&[], sink),
    }
}

/// The information has to survive a loss of power (SPC-5, SET IDENTIFYING INFORMATION command), so
/// it is for disks with metadata.
pub(super) fn plan_identifying(disk: &Disk, request: &SetIdentifying) -> Result<DataPhase, Sense> {
    if disk.changeable.store.is_none() {
        return Err(Sense::invalid_cdb_field(1, Some(4)));
    }
    Ok(plan_list(request.list_len.into()))
}

/// SET IDENTIFYING INFORMATION. The information is on stable storage before it is reported. Sleeps.
pub(super) fn set_identifying(changeable: &Changeable, request: &SetIdentifying, task: Task) {
    let Ok(list) = task.parameter_list() else {
        return task.end_with(Status::Busy);
    };
    if let Err(sense) = request.check(&list) {
        return task.fail(sense);
    }
    let kind = request.kind;
    let saved = changeable.store.as_ref().map_or(Ok(()), |store| {
        store.update(|old| meta::record(&identifying::changed(old, kind, &list)))
    });
    if let Err(cause) = saved {
        return failure::end(task, cause);
    }
    let is_new = changeable.identifying.look(kind, |old| *old != *list);
    changeable.identifying.set(kind, list);
    if is_new {
        tell_others(&task, UnitAttention::DeviceIdentifierChanged);
    }
    task.good();
}

pub(super) fn plan_report_aliases(
    disk: &Disk,
    nexus: &ItNexus,
    request: &ReportAliases,
) -> DataPhase {
    let mut measure = Sink::new(&mut []);
    disk.private.look(nexus, |owner| {
        let aliases = owner.map_or(&[][..], |owner| &owner.aliases);
        request.write(aliases, &mut measure);
    });
    let len = u32::try_from(measure.len()).unwrap_or(u32::MAX);
    DataPhase::Answer(len.min(request.allocation))
}

pub(super) fn report_aliases(disk: &Disk, request: &ReportAliases, task: Task) {
    match disk.private.copy(task.nexus(), |owner| &owner.aliases) {
        Ok(aliases) => task.answer(|sink| request.write(&aliases, sink)),
        Err(_) => task.end_with(Status::Busy),
    }
}

/// CHANGE ALIASES: all of it or nothing.
pub(super) fn change_aliases(disk: &Disk, task: Task) {
    let outcome = task.parameter_list().map_err(Into::into).and_then(|list| {
        if list.is_empty() {
            return Ok(());
        }
        let change = ChangeList::parse(&list)?;
        disk.private.change(&task, |owner| {
            let len = change.len_with(&owner.aliases)?;
            let mut aliases = KVVec::from_elem(0, len, GFP_KERNEL)?;
            change.write_with(&owner.aliases, &mut Sink::new(&mut aliases));
            owner.aliases = aliases;
            Ok(())
        })
    });
    end(task, outcome);
}

/// SET TIMESTAMP.
pub(super) fn set_timestamp(disk: &Disk, request: &SetTimestamp, task: Task) {
    if request.list_len == 0 {
        return task.good();
    }
    // So short a list is in one piece.
    let timestamp = SetTimestamp::parse(task.data().slices().next().unwrap_or(&[]));
    match timestamp {
        Ok(milliseconds) => {
            disk.clock.set(milliseconds);
            tell_others(&task, UnitAttention::TimestampChanged);
            task.good();
        }
        Err(sense) => task.fail(sense),
    }
}

/// Tells all others of a change.
fn tell_others(task: &Task, attention: UnitAttention) {
    if let Some(unit) = task.unit() {
        unit.announce(attention, Audience::AllBut(task.nexus()));
    }
}
