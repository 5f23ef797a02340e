// SPDX-License-Identifier: GPL-2.0

//! READ and WRITE, and what other commands that write have in common with the latter.

use super::{
    job::{self, Needs},
    script::Script,
    Finish,
    FinishFlushing, //
};
use crate::{
    disk::{Disk, Geometry},
    range::Range, //
};
use stmf::{
    plan::{DataPhase, Extent, Plan},
    task::{Task, TaskBody}, //
};
use stmf_kernel::io::Operation;
use stmf_scsi::{
    cdb::Transfer,
    AdditionalSense,
    Sense, //
};

pub(super) fn plan_read(disk: &Disk, transfer: &Transfer) -> Result<Plan, Sense> {
    let geometry = disk.geometry();
    transfer.check(geometry.blocks(), geometry.max_transfer())?;
    Ok(match geometry.length(transfer.blocks) {
        0 => DataPhase::None.into(),
        len => Plan::reads(
            DataPhase::FromMedium(len),
            transfer.lba,
            transfer.blocks.into(),
        ),
    })
}

pub(super) fn plan_write(disk: &Disk, transfer: &Transfer) -> Result<Plan, Sense> {
    disk.check_writable()?;
    let geometry = disk.geometry();
    transfer.check(geometry.blocks(), geometry.max_transfer())?;
    Ok(write_plan(&geometry, transfer.lba, transfer.blocks))
}

/// The plan of a command that writes blocks of its own data; an initiator may announce fewer.
pub(super) fn write_plan(geometry: &Geometry, lba: u64, blocks: u32) -> Plan {
    let block = geometry.block_size();
    match geometry.length(blocks) {
        0 => DataPhase::None.into(),
        len => Plan::writes(DataPhase::ToMedium { len, block }, lba, blocks.into()),
    }
}

/// Whether the initiator announced just as much data as the command takes: more is a mistake where
/// the length is not for the initiator to choose.
pub(super) fn is_as_long(task: &Task) -> bool {
    task.expected() as usize <= task.data().len()
}

/// READ. FUA needs nothing: the backing store returns what was written last, from wherever it is.
pub(super) fn read(disk: &Disk, transfer: &Transfer, task: Task) {
    submit(
        disk,
        Operation::Read,
        transfer.lba,
        transfer.blocks.into(),
        task,
    );
}

/// WRITE.
pub(super) fn write(disk: &Disk, transfer: &Transfer, task: Task) {
    let operation = Operation::Write { fua: transfer.fua };
    submit(disk, operation, transfer.lba, transfer.blocks.into(), task);
}

/// Starts the only I/O of a command: at once, or if there have been atomic commands, when nobody is
/// at its blocks who must be alone there. Without a write cache every write is one with FUA.
pub(super) fn submit(disk: &Disk, operation: Operation, lba: u64, blocks: u64, task: Task) {
    let geometry = disk.geometry();
    // The disk may have become smaller while the data came.
    if lba.saturating_add(blocks) > geometry.blocks() {
        return task.fail(Sense::illegal(AdditionalSense::LBA_OUT_OF_RANGE));
    }
    let offset = geometry.offset(lba);
    if let Some(entry) = disk.medium.enter_free() {
        let operation = entry.kept(operation);
        return if disk.medium.may_lose_by(&entry, operation) {
            entry.submit::<TaskBody, FinishFlushing>(operation, offset, task.into())
        } else {
            entry.submit::<TaskBody, Finish>(operation, offset, task.into())
        };
    }
    let needs = Needs {
        range: Range {
            extent: Extent {
                lba,
                blocks,
                writes: operation != Operation::Read,
            },
            atomic: false,
        },
        memory: 0,
        sleeps: false,
    };
    job::start(disk, task, Script::Single(operation, offset), needs);
}
