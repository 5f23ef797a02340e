// SPDX-License-Identifier: GPL-2.0

//! Commands that read and write as one step, which nobody else's comes between: COMPARE AND WRITE
//! and ORWRITE. And WRITE ATOMIC, which the device itself does so.

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
use stmf_kernel::io::Operation;
use stmf_scsi::{
    cdb::{self, AtomicLimits, Transfer, WriteAtomic},
    AdditionalSense,
    Sense, //
};

/// MAXIMUM COMPARE AND WRITE LENGTH, in bytes.
const COMPARE_MAX: u32 = 128 << 10;

/// How much ORWRITE does at a time, in bytes: a multiple of every block size.
const PIECE: usize = 128 << 10;

/// MAXIMUM COMPARE AND WRITE LENGTH, in blocks.
pub(super) fn max_compare(disk: &Disk) -> u8 {
    let blocks = disk.geometry().in_blocks(COMPARE_MAX);
    u8::try_from(blocks).unwrap_or(u8::MAX)
}

/// What is promised of WRITE ATOMIC, in blocks.
pub(super) fn limits(disk: &Disk) -> AtomicLimits {
    let geometry = disk.geometry();
    match disk.traits().atomic {
        Some(limits) => AtomicLimits {
            max: geometry.in_blocks(limits.max).min(geometry.max_transfer()),
            alignment: geometry.in_blocks(limits.alignment),
            granularity: geometry.in_blocks(limits.unit),
        },
        None => AtomicLimits::default(),
    }
}

fn range(lba: u64, blocks: u64) -> Range {
    Range {
        extent: Extent {
            lba,
            blocks,
            writes: true,
        },
        atomic: true,
    }
}

pub(super) fn plan_compare(disk: &Disk, request: &cdb::CompareAndWrite) -> Result<Plan, Sense> {
    disk.check_writable()?;
    let geometry = disk.geometry();
    request.check(geometry.blocks(), max_compare(disk))?;
    let len = geometry.length(request.blocks.into());
    Ok(match len {
        0 => DataPhase::None.into(),
        _ => Plan::writes(
            DataPhase::FromInitiator(len.saturating_mul(2)),
            request.lba,
            request.blocks.into(),
        ),
    })
}

pub(super) fn compare(disk: &Disk, request: &cdb::CompareAndWrite, task: Task) {
    if !rw::is_as_long(&task) {
        // More than 255 blocks, told in a field of one byte, or some other mistake.
        return task.fail(request.wrong_length());
    }
    if request.blocks == 0 {
        return task.good();
    }
    let geometry = disk.geometry();
    let script = CompareAndWrite {
        stage: Stage::Read,
        offset: geometry.offset(request.lba),
        fua: request.fua,
    };
    let needs = Needs {
        range: range(request.lba, request.blocks.into()),
        memory: geometry.length(request.blocks.into()) as usize,
        sleeps: false,
    };
    job::start(disk, task, Script::CompareAndWrite(script), needs);
}

/// A COMPARE AND WRITE under way.
pub(super) struct CompareAndWrite {
    stage: Stage,
    offset: u64,
    fua: bool,
}

#[derive(Clone, Copy)]
enum Stage {
    Read,
    Write,
    Done,
}

impl CompareAndWrite {
    pub(super) fn next(&mut self, step: &mut Step<'_>) -> Next {
        match self.stage {
            Stage::Read => {
                self.stage = Stage::Write;
                Next::Own(Operation::Read, self.offset)
            }
            Stage::Write => {
                let data = step.task.data();
                if let Some(at) = step.own.first_difference(data, 0) {
                    return Next::Refuse(Sense::miscompare(at as u64));
                }
                // The second half is what to write.
                let half = step.own.len();
                step.own.change_by(data, half, <[u8]>::copy_from_slice);
                self.stage = Stage::Done;
                Next::Own(Operation::Write { fua: self.fua }, self.offset)
            }
            Stage::Done => Next::Good,
        }
    }
}

pub(super) fn plan_or(disk: &Disk, transfer: &Transfer) -> Result<Plan, Sense> {
    rw::plan_write(disk, transfer)
}

pub(super) fn or(disk: &Disk, transfer: &Transfer, task: Task) {
    let geometry = disk.geometry();
    let len = task.data().len();
    let script = OrWrite {
        stage: Stage::Read,
        offset: geometry.offset(transfer.lba),
        done: 0,
        fua: transfer.fua,
    };
    let needs = Needs {
        range: range(transfer.lba, transfer.blocks.into()),
        memory: len.min(PIECE),
        sleeps: false,
    };
    job::start(disk, task, Script::OrWrite(script), needs);
}

/// An ORWRITE under way.
pub(super) struct OrWrite {
    stage: Stage,
    offset: u64,
    /// The bytes that have been written.
    done: usize,
    fua: bool,
}

impl OrWrite {
    pub(super) fn next(&mut self, step: &mut Step<'_>) -> Next {
        let offset = self.offset.saturating_add(self.done as u64);
        match self.stage {
            Stage::Read => {
                let left = step.task.data().len().saturating_sub(self.done);
                if left == 0 {
                    return Next::Good;
                }
                step.own.truncate(left);
                self.stage = Stage::Write;
                Next::Own(Operation::Read, offset)
            }
            Stage::Write | Stage::Done => {
                step.own
                    .change_by(step.task.data(), self.done, |medium, data| {
                        for (to, from) in medium.iter_mut().zip(data) {
                            *to |= from;
                        }
                    });
                self.done = self.done.saturating_add(step.own.len());
                self.stage = Stage::Read;
                Next::Own(Operation::Write { fua: self.fua }, offset)
            }
        }
    }
}

pub(super) fn plan_write(disk: &Disk, request: &WriteAtomic) -> Result<Plan, Sense> {
    let limits = limits(disk);
    if limits.max == 0 {
        let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
        return Err(Sense::illegal(code));
    }
    disk.check_writable()?;
    let geometry = disk.geometry();
    request.check(geometry.blocks(), &limits)?;
    let len = geometry.length(request.blocks.into());
    Ok(match len {
        0 => DataPhase::None.into(),
        // All of it or nothing: less data than announced is refused.
        _ => Plan::writes(
            DataPhase::FromInitiator(len),
            request.lba,
            request.blocks.into(),
        ),
    })
}

pub(super) fn write(disk: &Disk, request: &WriteAtomic, task: Task) {
    let operation = Operation::WriteAtomic { fua: request.fua };
    rw::submit(disk, operation, request.lba, request.blocks.into(), task);
}
