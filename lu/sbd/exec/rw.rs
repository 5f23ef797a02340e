// SPDX-License-Identifier: GPL-2.0

//! READ and WRITE.

use super::Finish;
use crate::disk::Disk;
use stmf::task::{DataPhase, Task, TaskBody};
use stmf_kernel::io::Operation;
use stmf_scsi::{
    cdb::Transfer,
    AdditionalSense,
    Sense, //
};

pub(super) fn plan_read(disk: &Disk, transfer: &Transfer) -> Result<DataPhase, Sense> {
    let len = checked_length(disk, transfer)?;
    Ok(match len {
        0 => DataPhase::None,
        _ => DataPhase::FromMedium(len),
    })
}

pub(super) fn plan_write(disk: &Disk, transfer: &Transfer) -> Result<DataPhase, Sense> {
    if disk.write_protect {
        return Err(Sense::data_protect(AdditionalSense::WRITE_PROTECTED));
    }
    let len = checked_length(disk, transfer)?;
    Ok(match len {
        0 => DataPhase::None,
        _ => DataPhase::ToMedium {
            len,
            block: disk.geometry.length(1),
        },
    })
}

/// The length in bytes of a transfer that lies on the disk and isn't too long.
fn checked_length(disk: &Disk, transfer: &Transfer) -> Result<u32, Sense> {
    let geometry = &disk.geometry;
    transfer.check(geometry.blocks(), geometry.max_transfer())?;
    Ok(geometry.length(transfer.blocks))
}

/// READ. FUA needs nothing: the backing store returns what was written last, from wherever it is.
pub(super) fn read(disk: &Disk, transfer: &Transfer, task: Task) {
    let offset = disk.geometry.offset(transfer.lba);
    disk.backend
        .submit::<TaskBody, Finish>(Operation::Read, offset, task.into());
}

/// WRITE. Without a write cache every write is one with FUA.
pub(super) fn write(disk: &Disk, transfer: &Transfer, task: Task) {
    let offset = disk.geometry.offset(transfer.lba);
    let operation = Operation::Write {
        fua: transfer.fua || disk.write_cache_disable,
    };
    disk.backend
        .submit::<TaskBody, Finish>(operation, offset, task.into());
}
