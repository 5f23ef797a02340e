// SPDX-License-Identifier: GPL-2.0

//! SANITIZE and FORMAT UNIT: the whole medium is overwritten.
//!
//! Status is sent when all of it is done; commands to the medium are refused meanwhile.

use super::{
    job::{self, Needs},
    script::{Next, Script, Step}, //
};
use crate::{
    disk::Disk,
    range::Range, //
};
use kernel::prelude::*;
use stmf::{
    plan::{DataPhase, Extent, Plan},
    task::Task, //
};
use stmf_kernel::{
    io::{Failure, Operation},
    pages::PageList, //
};
use stmf_scsi::{
    cdb::Sanitize,
    provisioning::Overwrite,
    AdditionalSense,
    Sense,
    Status, //
};

/// How much is written at a time, in bytes: a multiple of every block size.
const PIECE: u64 = 256 << 10;

/// What OVERWRITE COUNT and the like come to for zeros.
const ZEROS: Overwrite<'_> = Overwrite {
    count: 1,
    invert: false,
    pattern: &[0],
};

const WHOLE: Plan = Plan {
    phase: DataPhase::None,
    extent: Some(Extent::WHOLE),
};

pub(super) fn plan(disk: &Disk, what: &Sanitize, immed: bool) -> Result<Plan, Sense> {
    disk.check_writable()?;
    if immed {
        return Err(Sense::invalid_cdb_field(1, Some(7)));
    }
    match *what {
        Sanitize::Overwrite { length } => {
            let longest = disk
                .geometry()
                .block_size()
                .saturating_add(Overwrite::HEADER);
            if u32::from(length) > longest {
                return Err(Sense::invalid_cdb_field(7, None));
            }
            Ok(Plan {
                phase: DataPhase::FromInitiator(length.into()),
                ..WHOLE
            })
        }
        Sanitize::BlockErase if !disk.traits().unmap => Err(Sense::invalid_cdb_field(1, Some(4))),
        Sanitize::BlockErase => Ok(WHOLE),
        Sanitize::ExitFailureMode => Ok(DataPhase::None.into()),
    }
}

pub(super) fn plan_format(disk: &Disk) -> Result<Plan, Sense> {
    disk.check_writable()?;
    Ok(WHOLE)
}

pub(super) fn execute(disk: &Disk, what: &Sanitize, task: Task) {
    match what {
        Sanitize::Overwrite { .. } => overwrite(disk, task),
        Sanitize::BlockErase => zero(disk, task),
        // There is no such mode: what fails leaves the medium usable.
        Sanitize::ExitFailureMode => task.good(),
    }
}

fn overwrite(disk: &Disk, task: Task) {
    let Ok(list) = task.parameter_list() else {
        return task.end_with(Status::Busy);
    };
    match Overwrite::parse(&list, disk.geometry().block_size() as usize) {
        Ok(overwrite) => start(disk, Way::Begin, &overwrite, task),
        Err(sense) => task.fail(sense),
    }
}

/// BLOCK ERASE, and FORMAT UNIT.
pub(super) fn zero(disk: &Disk, task: Task) {
    let way = if disk.backend().traits().zero {
        Way::Zero
    } else {
        Way::Begin
    };
    start(disk, way, &ZEROS, task);
}

fn start(disk: &Disk, way: Way, overwrite: &Overwrite<'_>, task: Task) {
    let mut pattern = KVec::new();
    if pattern
        .extend_from_slice(overwrite.pattern, GFP_KERNEL)
        .is_err()
    {
        return task.end_with(Status::Busy);
    }
    if !disk.medium.begin_erasure() {
        return task.fail(IN_PROGRESS);
    }
    let script = Erase {
        way,
        passes: overwrite.count,
        invert: overwrite.invert,
        pattern,
        offset: 0,
    };
    let needs = Needs {
        range: Range {
            extent: Extent::WHOLE,
            atomic: true,
        },
        memory: disk.geometry().size().min(PIECE) as usize,
        sleeps: false,
    };
    job::start(disk, task, Script::Erase(script), needs);
}

/// What commands to the medium are refused with meanwhile.
pub(super) const IN_PROGRESS: Sense =
    Sense::not_ready(AdditionalSense::NOT_READY_SANITIZE_IN_PROGRESS);

/// An erasure under way.
pub(super) struct Erase {
    way: Way,
    /// Those that are left, with the one under way.
    passes: u8,
    invert: bool,
    pattern: KVec<u8>,
    /// Where the next piece begins.
    offset: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The backing store is to write zeros.
    Zero,
    /// The backing store has written zeros.
    Zeroed,
    /// Memory has to be filled.
    Begin,
    /// Memory is written, piece by piece.
    Write,
}

impl Erase {
    pub(super) fn next(&mut self, step: &mut Step<'_>) -> Next {
        let geometry = step.medium.geometry();
        let size = geometry.size();
        match self.way {
            Way::Zero => {
                self.way = Way::Zeroed;
                let operation = Operation::Zero {
                    len: size,
                    unmap: true,
                };
                return Next::Own(operation, 0);
            }
            Way::Zeroed => return Next::Last(Operation::Flush, 0),
            Way::Begin => {
                self.way = Way::Write;
                fill(step.own, &self.pattern, geometry.block_size() as usize);
            }
            Way::Write if self.offset >= size => {
                self.passes = self.passes.saturating_sub(1);
                if self.passes == 0 {
                    return Next::Last(Operation::Flush, 0);
                }
                self.offset = 0;
                if self.invert {
                    for byte in self.pattern.iter_mut() {
                        *byte = !*byte;
                    }
                    fill(step.own, &self.pattern, geometry.block_size() as usize);
                }
            }
            Way::Write => (),
        }
        let offset = self.offset;
        // The last piece may be written twice in part: the memory keeps its length for the next
        // pass.
        let len = step.own.len() as u64;
        self.offset = offset.saturating_add(len);
        let start = offset.min(size.saturating_sub(len));
        Next::Own(Operation::Write { fua: false }, start)
    }

    /// As for WRITE SAME.
    pub(super) fn goes_on_after(&mut self, failure: Failure) -> bool {
        let other_way = self.way == Way::Zeroed && failure == Failure::Unsupported;
        if other_way {
            self.way = Way::Begin;
        }
        other_way
    }
}

/// Fills every block with a pattern, from its start.
fn fill(data: &mut PageList, pattern: &[u8], block: usize) {
    for slice in data.slices_mut() {
        // A segment is whole blocks.
        for block in slice.chunks_mut(block) {
            for (byte, value) in block.iter_mut().zip(pattern.iter().cycle()) {
                *byte = *value;
            }
        }
    }
}
