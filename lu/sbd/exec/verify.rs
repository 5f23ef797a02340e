// SPDX-License-Identifier: GPL-2.0

//! VERIFY and WRITE AND VERIFY: the medium is read, in pieces, into memory of the job's own and
//! compared with what the initiator sent.

use super::{
    job::{self, Needs},
    rw,
    script::{Next, Script, Step}, //
};
use crate::{
    disk::{Disk, Geometry},
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
    cdb::{self, ByteCheck},
    Sense, //
};

/// How much is read at a time, in bytes: a multiple of every block size.
const PIECE: u64 = 128 << 10;

pub(super) fn plan(disk: &Disk, verify: &cdb::Verify) -> Result<Plan, Sense> {
    let geometry = disk.geometry();
    verify.check(geometry.blocks(), geometry.max_transfer())?;
    let phase = match verify.data_blocks() {
        0 => DataPhase::None,
        blocks => DataPhase::FromInitiator(geometry.length(blocks)),
    };
    Ok(Plan::reads(phase, verify.lba, verify.blocks.into()))
}

pub(super) fn plan_write(disk: &Disk, verify: &cdb::Verify) -> Result<Plan, Sense> {
    disk.check_writable()?;
    let geometry = disk.geometry();
    verify.check(geometry.blocks(), geometry.max_transfer())?;
    Ok(rw::write_plan(&geometry, verify.lba, verify.blocks))
}

pub(super) fn execute(disk: &Disk, verify: &cdb::Verify, task: Task) {
    let geometry = disk.geometry();
    let len = u64::from(geometry.length(verify.blocks));
    start(disk, &geometry, verify, len, false, task);
}

pub(super) fn execute_write(disk: &Disk, verify: &cdb::Verify, task: Task) {
    // An initiator that announced less data writes, and verifies, as many whole blocks.
    let len = task.data().len() as u64;
    start(disk, &disk.geometry(), verify, len, true, task);
}

fn start(
    disk: &Disk,
    geometry: &Geometry,
    verify: &cdb::Verify,
    len: u64,
    writes: bool,
    task: Task,
) {
    let script = Verify {
        stage: if writes { Stage::Write } else { Stage::Read },
        bytchk: verify.bytchk,
        offset: geometry.offset(verify.lba),
        len,
        done: 0,
    };
    let needs = Needs {
        range: Range {
            extent: Extent {
                lba: verify.lba,
                blocks: verify.blocks.into(),
                writes,
            },
            atomic: false,
        },
        memory: len.min(PIECE) as usize,
        sleeps: false,
    };
    job::start(disk, task, Script::Verify(script), needs);
}

/// A verification under way.
pub(super) struct Verify {
    stage: Stage,
    bytchk: ByteCheck,
    /// Where the blocks begin, and how long they are together, in bytes.
    offset: u64,
    len: u64,
    /// The bytes that have been read.
    done: u64,
}

#[derive(Clone, Copy)]
enum Stage {
    /// The data is to be written first.
    Write,
    /// A piece is to be read.
    Read,
    /// A piece has been read.
    Compare,
}

impl Verify {
    pub(super) fn next(&mut self, step: &mut Step<'_>) -> Next {
        match self.stage {
            Stage::Write => {
                self.stage = Stage::Read;
                // What is verified is what is on the medium (SBC-4, WRITE AND VERIFY(10) command).
                return Next::Data(Operation::Write { fua: true }, self.offset);
            }
            Stage::Read => (),
            Stage::Compare => {
                if let Some(at) = self.difference(step.own, step.task.data()) {
                    return Next::Refuse(Sense::miscompare(at));
                }
                let len = step.own.len() as u64;
                self.done = self.done.saturating_add(len);
                step.medium.condition.count_verified(len);
            }
        }
        let left = self.len.saturating_sub(self.done);
        if left == 0 {
            return Next::Good;
        }
        step.own.truncate(left.min(PIECE) as usize);
        self.stage = Stage::Compare;
        Next::Own(Operation::Read, self.offset.saturating_add(self.done))
    }

    /// Where the medium first differs from the data, as an offset into the data.
    fn difference(&self, medium: &PageList, data: &PageList) -> Option<u64> {
        match self.bytchk {
            ByteCheck::Medium => None,
            ByteCheck::Blocks => {
                let done = usize::try_from(self.done).unwrap_or(usize::MAX);
                let at = medium.first_difference(data, done)? as u64;
                Some(self.done.saturating_add(at))
            }
            ByteCheck::OneBlock => {
                // One block is a single segment, and other segments are whole blocks.
                let block = data.slices().next().filter(|block| !block.is_empty())?;
                medium
                    .slices()
                    .flat_map(|slice| slice.chunks(block.len()))
                    .filter(|chunk| chunk != &block)
                    .find_map(|chunk| core::iter::zip(chunk, block).position(|(a, b)| a != b))
                    .map(|at| at as u64)
            }
        }
    }
}
