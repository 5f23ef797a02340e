// SPDX-License-Identifier: GPL-2.0

//! WRITE SAME: one block all over a range.
//!
//! Zeros are left to the backing store, which need not be sent them; what it can't do so is written
//! from memory.

use super::{
    job::{self, Needs},
    rw,
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
use stmf_kernel::io::{Failure, Operation};
use stmf_scsi::{
    cdb::WriteSame,
    AdditionalSense,
    Sense, //
};

/// How much is written at a time, in bytes: a multiple of every block size.
const PIECE: u64 = 256 << 10;

/// MAXIMUM WRITE SAME LENGTH, in blocks: no more than a slow disk writes before the initiator loses
/// patience, and what libiscsi's tests can write by WRITE to compare.
pub(super) fn max_blocks(disk: &Disk) -> u32 {
    disk.geometry().max_transfer()
}

pub(super) fn plan(disk: &Disk, request: &WriteSame) -> Result<Plan, Sense> {
    disk.check_writable()?;
    if request.unmap && !disk.traits().unmap {
        return Err(Sense::invalid_cdb_field(1, Some(3)));
    }
    let geometry = disk.geometry();
    let blocks = request.check(geometry.blocks(), max_blocks(disk))?;
    let phase = if request.no_data {
        DataPhase::None
    } else {
        DataPhase::FromInitiator(geometry.block_size())
    };
    Ok(Plan::writes(phase, request.lba, blocks.into()))
}

pub(super) fn execute(disk: &Disk, request: &WriteSame, task: Task) {
    if !rw::is_as_long(&task) {
        return task.fail(Sense::illegal(AdditionalSense::INFORMATION_UNIT_TOO_LONG));
    }
    let geometry = disk.geometry();
    // The disk may have become smaller while the data came.
    let blocks = match request.check(geometry.blocks(), max_blocks(disk)) {
        Ok(blocks) => u64::from(blocks),
        Err(sense) => return task.fail(sense),
    };
    let left = blocks.saturating_mul(geometry.block_size().into());
    let is_zero = request.no_data || task.data().is_zero();
    let (way, memory) = if is_zero && disk.traits().zero {
        (Way::Zero, 0)
    } else {
        (Way::Begin, piece(left))
    };
    let script = Fill {
        way,
        unmap: request.unmap,
        offset: geometry.offset(request.lba),
        left,
    };
    let needs = Needs {
        range: Range {
            extent: Extent {
                lba: request.lba,
                blocks,
                writes: true,
            },
            atomic: false,
        },
        memory,
        sleeps: false,
    };
    job::start(disk, task, Script::Fill(script), needs);
}

/// How much of so many bytes is written next.
fn piece(left: u64) -> usize {
    left.min(PIECE) as usize
}

/// A fill under way.
pub(super) struct Fill {
    way: Way,
    unmap: bool,
    /// Where the rest begins, and how long it is, in bytes.
    offset: u64,
    left: u64,
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

impl Fill {
    pub(super) fn next(&mut self, step: &mut Step<'_>) -> Next {
        match self.way {
            Way::Zero => {
                self.way = Way::Zeroed;
                let operation = Operation::Zero {
                    len: self.left,
                    unmap: self.unmap,
                };
                return Next::Own(operation, self.offset);
            }
            Way::Zeroed => return step.changed(),
            Way::Begin => {
                if step.own.is_empty() {
                    // The backing store was to write zeros, and can't. Nothing is written that the command
                    // wouldn't write again.
                    match step.task.memory(piece(self.left)) {
                        Ok(memory) => *step.own = memory,
                        Err(_) => return Next::Fail(Failure::Busy),
                    }
                }
                let data = step.task.data();
                // One block is a single segment.
                step.own.fill_with(data.slices().next().unwrap_or(&[0]));
                self.way = Way::Write;
            }
            Way::Write => {
                let done = step.own.len() as u64;
                self.offset = self.offset.saturating_add(done);
                self.left = self.left.saturating_sub(done);
            }
        }
        if self.left == 0 {
            return Next::Good;
        }
        step.own.truncate(piece(self.left));
        Next::Own(Operation::Write { fua: false }, self.offset)
    }

    /// A device that can't write zeros after all, or only so long as nobody tried.
    pub(super) fn goes_on_after(&mut self, failure: Failure) -> bool {
        let other_way = self.way == Way::Zeroed && failure.may_be_unsupported();
        if other_way {
            self.way = Way::Begin;
        }
        other_way
    }
}
