// SPDX-License-Identifier: GPL-2.0

//! GET LBA STATUS: which blocks have space behind them.
//!
//! A file system knows where a file's holes are. Of a block device nobody knows more than that it
//! may have space behind every block.

use super::{
    job::{self, Needs},
    script::{Next, Script, Step}, //
};
use crate::{
    disk::{Disk, Geometry},
    range::Range, //
};
use kernel::prelude::*;
use stmf::{
    plan::{DataPhase, Extent, Plan},
    task::Task, //
};
use stmf_kernel::{
    fs::Stretch,
    io::Failure, //
};
use stmf_scsi::{
    cdb,
    provisioning::{LbaStatus, ProvisioningStatus},
    AdditionalSense,
    Sense, //
};

/// The most descriptors of one answer: as many as fit a page with their header.
const MAX: usize = 255;

pub(super) fn plan(disk: &Disk, lba: u64, allocation: u32) -> Result<Plan, Sense> {
    if !disk.traits().unmap {
        let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
        return Err(Sense::illegal(code));
    }
    cdb::check_range(lba, 1, disk.geometry().blocks())?;
    let longest = LbaStatus::HEADER + MAX * LbaStatus::LEN;
    let allocation = allocation.min(u32::try_from(longest).unwrap_or(u32::MAX));
    Ok(DataPhase::Answer(allocation).into())
}

pub(super) fn execute(disk: &Disk, lba: u64, allocation: u32, task: Task) {
    let room = (allocation as usize).saturating_sub(LbaStatus::HEADER);
    let script = Statuses {
        lba,
        count: (room / LbaStatus::LEN).clamp(1, MAX),
    };
    let needs = Needs {
        range: Range {
            extent: Extent {
                lba,
                blocks: 0,
                writes: false,
            },
            atomic: false,
        },
        memory: 0,
        sleeps: true,
    };
    job::start(disk, task, Script::Statuses(script), needs);
}

/// A GET LBA STATUS under way.
pub(super) struct Statuses {
    lba: u64,
    /// The most descriptors.
    count: usize,
}

impl Statuses {
    pub(super) fn next(&mut self, step: &mut Step<'_>) -> Next {
        // A file system that is at work in the file may have this wait for it.
        match step.medium.ask(|| self.collect(step)) {
            Some(Ok(statuses)) => Next::Statuses(statuses),
            Some(Err(error)) => Next::Fail(error.into()),
            None => Next::Fail(Failure::Busy),
        }
    }

    fn collect(&self, step: &Step<'_>) -> Result<KVec<LbaStatus>> {
        let geometry = step.medium.geometry();
        let backend = step.medium.backend().ok_or(ENODEV)?;
        let mut statuses = KVec::<LbaStatus>::new();
        let mut lba = self.lba;
        while lba < geometry.blocks() && statuses.len() < self.count {
            let (end, status) = match backend.stretch_at(geometry.offset(lba)) {
                Some(found) => stretch(found, &geometry, lba)?,
                None => (geometry.blocks(), ProvisioningStatus::Mapped),
            };
            // OVERFLOW: A longer stretch is told in parts.
            let blocks = u32::try_from(end.saturating_sub(lba)).unwrap_or(u32::MAX);
            statuses.push(
                LbaStatus {
                    lba,
                    blocks,
                    status,
                },
                GFP_KERNEL,
            )?;
            lba = lba.saturating_add(blocks.into());
        }
        Ok(statuses)
    }
}

/// The blocks of one status that begin with `lba`, up to which. A block is deallocated when all of
/// it is a hole.
fn stretch(
    found: Result<Stretch>,
    geometry: &Geometry,
    lba: u64,
) -> Result<(u64, ProvisioningStatus)> {
    let block = u64::from(geometry.block_size());
    let found = match found {
        Ok(found) => found,
        // Beyond the end of a file that somebody has cut: nothing is there.
        Err(ENXIO) => return Ok((geometry.blocks(), ProvisioningStatus::Deallocated)),
        Err(error) => return Err(error),
    };
    let next = lba.saturating_add(1);
    Ok(if found.is_data || found.end / block < next {
        let end = found.end.div_ceil(block).max(next);
        (end.min(geometry.blocks()), ProvisioningStatus::Mapped)
    } else {
        let end = (found.end / block).min(geometry.blocks());
        (end, ProvisioningStatus::Deallocated)
    })
}
