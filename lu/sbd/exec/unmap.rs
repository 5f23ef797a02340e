// SPDX-License-Identifier: GPL-2.0

//! UNMAP.

use super::{
    job::{self, Needs},
    script::{Next, Script, Step}, //
};
use crate::{
    disk::Disk,
    range::Range, //
};
use stmf::{
    plan::{DataPhase, Extent, Plan},
    task::Task, //
};
use stmf_kernel::{
    io::Operation,
    pages::PageList, //
};
use stmf_scsi::{
    provisioning::{UnmapDescriptor, UnmapLimits, UnmapList},
    AdditionalSense,
    Sense, //
};

/// MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT: as many as fit a page with their header, so that a list is
/// never in two pieces.
const DESCRIPTORS: u32 = 255;

/// The longest parameter list.
const LIST_MAX: u16 = (UnmapList::HEADER + DESCRIPTORS as usize * UnmapDescriptor::LEN) as u16;

/// MAXIMUM UNMAP LBA COUNT. More than this many is nothing that libiscsi's tests believe.
const BLOCKS: u32 = 1 << 20;

/// The limits as the Block Limits VPD page tells them.
pub(super) fn limits(disk: &Disk) -> UnmapLimits {
    UnmapLimits {
        capacity: disk.geometry().blocks(),
        blocks: BLOCKS,
        descriptors: DESCRIPTORS,
    }
}

pub(super) fn plan(disk: &Disk, length: u16) -> Result<Plan, Sense> {
    if !disk.traits().unmap {
        let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
        return Err(Sense::illegal(code));
    }
    disk.check_writable()?;
    if length > LIST_MAX {
        return Err(Sense::invalid_cdb_field(7, None));
    }
    Ok(match length {
        0 => DataPhase::None.into(),
        // Which blocks is in the list.
        _ => Plan {
            phase: DataPhase::FromInitiator(length.into()),
            extent: Some(Extent::WHOLE),
        },
    })
}

pub(super) fn execute(disk: &Disk, task: Task) {
    let limits = limits(disk);
    let list = match UnmapList::parse(bytes(task.data()), &limits) {
        Ok(list) => list,
        Err(sense) => return task.fail(sense),
    };
    let ends = |one: UnmapDescriptor| (one.lba, one.lba.saturating_add(one.blocks.into()));
    let all = list
        .iter()
        .filter(|one| one.blocks > 0)
        .map(ends)
        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let Some((first, end)) = all else {
        return task.good();
    };
    let script = Unmap {
        next: 0,
        limits,
        zeroes: disk.traits().unmapped_is_zero,
    };
    let needs = Needs {
        range: Range {
            extent: Extent {
                lba: first,
                blocks: end.saturating_sub(first),
                writes: true,
            },
            atomic: false,
        },
        memory: 0,
        sleeps: false,
    };
    job::start(disk, task, Script::Unmap(script), needs);
}

/// The parameter list, which is in one piece.
fn bytes(data: &PageList) -> &[u8] {
    data.slices().next().unwrap_or(&[])
}

/// An UNMAP under way.
pub(super) struct Unmap {
    /// The index of the next descriptor.
    next: usize,
    limits: UnmapLimits,
    /// Whether the blocks are to read as zeros.
    zeroes: bool,
}

impl Unmap {
    pub(super) fn next(&mut self, step: &mut Step<'_>) -> Next {
        let descriptor = match UnmapList::parse(bytes(step.task.data()), &self.limits) {
            Ok(list) => list
                .iter()
                .enumerate()
                .find(|(index, descriptor)| *index >= self.next && descriptor.blocks > 0),
            Err(sense) => return Next::Refuse(sense),
        };
        let Some((index, descriptor)) = descriptor else {
            return step.changed();
        };
        self.next = index.saturating_add(1);
        let geometry = step.medium.geometry();
        let len = u64::from(descriptor.blocks).saturating_mul(geometry.block_size().into());
        let operation = if self.zeroes {
            Operation::Zero { len, unmap: true }
        } else {
            Operation::Discard { len }
        };
        Next::Own(operation, geometry.offset(descriptor.lba))
    }
}
