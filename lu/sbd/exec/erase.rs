// SPDX-License-Identifier: GPL-2.0

//! SANITIZE and FORMAT UNIT: the whole medium is overwritten.
//!
//! The operation is a job of its own; its command may be over when it begins (IMMED). A sanitize
//! operation goes on when its command is aborted, as SBC-4 has it of resets; a format doesn't. Both
//! end, as failed, when the logical unit goes offline.

use super::{
    job::{self, Needs},
    script::{Next, Script}, //
};
use crate::{
    disk::Disk,
    medium::Medium,
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
    cdb::{Command, FormatUnit, Sanitize},
    erasure::{self, Condition, FormatList, Overwrite},
    Sense,
    Status, //
};

/// How much is written at a time, in bytes: a multiple of every block size.
const PIECE: u64 = 256 << 10;

/// How much of the medium the backing store is told at a time to zero, in bytes.
const ZEROED_PIECE: u64 = 64 << 20;

const WHOLE: Plan = Plan {
    phase: DataPhase::None,
    extent: Some(Extent::WHOLE),
};

/// Refuses a command that the condition of the medium doesn't allow. `needs_medium` says whether the
/// command would be refused without a medium.
pub(super) fn check(disk: &Disk, command: &Command, needs_medium: bool) -> Result<(), Sense> {
    let erasure = &disk.medium.erasure;
    let works = match erasure.condition() {
        Condition::Sound => return Ok(()),
        Condition::FormatCorrupt => {
            !needs_medium
                || matches!(
                    command,
                    Command::FormatUnit(_)
                        | Command::Sanitize { .. }
                        | Command::ReadCapacity10
                        | Command::ReadCapacity16 { .. }
                )
        }
        Condition::SanitizeFailed | Condition::SanitizeFailedUnrestricted => {
            always_works(command) || matches!(command, Command::Sanitize { .. })
        }
        Condition::Formatting | Condition::Sanitizing | Condition::SanitizingUnrestricted => {
            always_works(command)
        }
    };
    match erasure.sense() {
        Some(sense) if !works => Err(sense),
        _ => Ok(()),
    }
}

/// What is carried out whatever becomes of the medium (SBC-4, FORMAT UNIT command, and Performing a
/// sanitize operation).
pub(super) fn always_works(command: &Command) -> bool {
    matches!(
        command,
        Command::Inquiry { .. } | Command::RequestSense { .. } | Command::ReportLuns { .. }
    )
}

pub(super) fn plan(disk: &Disk, what: &Sanitize) -> Result<Plan, Sense> {
    disk.check_writable()?;
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

pub(super) fn plan_format(disk: &Disk, request: &FormatUnit) -> Result<Plan, Sense> {
    disk.check_writable()?;
    if !request.has_list {
        return Ok(WHOLE);
    }
    let longest = FormatList::longest(disk.geometry().block_size());
    Ok(Plan {
        phase: DataPhase::ListFromInitiator(longest),
        ..WHOLE
    })
}

/// SANITIZE.
pub(super) fn sanitize(disk: &Disk, what: &Sanitize, immed: bool, unrestricted: bool, task: Task) {
    let how = How {
        kind: Kind::Sanitize { unrestricted },
        immed,
    };
    match what {
        Sanitize::Overwrite { .. } => {
            let Ok(list) = task.parameter_list() else {
                return task.end_with(Status::Busy);
            };
            match Overwrite::parse(&list, disk.geometry().block_size() as usize) {
                Ok(overwrite) => start(disk, how, Way::Fill, &overwrite, task),
                Err(sense) => task.fail(sense),
            }
        }
        Sanitize::BlockErase => zero(disk, how, task),
        Sanitize::ExitFailureMode => match disk.medium.erasure.change(Condition::exit_failure_mode)
        {
            Ok(_) => task.good(),
            Err(sense) => task.fail(sense),
        },
    }
}

/// FORMAT UNIT.
pub(super) fn format(disk: &Disk, request: &FormatUnit, task: Task) {
    let kind = Kind::Format;
    if !request.has_list {
        return zero(disk, How { kind, immed: false }, task);
    }
    let Ok(list) = task.parameter_list() else {
        return task.end_with(Status::Busy);
    };
    let block = disk.geometry().block_size() as usize;
    match FormatList::parse(&list, request.is_long, block) {
        Ok(FormatList { immed, pattern }) => {
            let how = How { kind, immed };
            match pattern {
                None => zero(disk, how, task),
                Some(pattern) => {
                    let overwrite = Overwrite {
                        pattern,
                        ..Overwrite::ZEROS
                    };
                    start(disk, how, Way::Fill, &overwrite, task);
                }
            }
        }
        Err(sense) => task.fail(sense),
    }
}

/// BLOCK ERASE, and a format with the default pattern.
fn zero(disk: &Disk, how: How, task: Task) {
    let way = if disk.medium.traits().zero {
        Way::Zero
    } else {
        Way::Fill
    };
    start(disk, how, way, &Overwrite::ZEROS, task);
}

fn start(disk: &Disk, how: How, way: Way, overwrite: &Overwrite<'_>, task: Task) {
    let mut pattern = KVec::new();
    if pattern
        .extend_from_slice(overwrite.pattern, GFP_KERNEL)
        .is_err()
    {
        return task.end_with(Status::Busy);
    }
    if overwrite.begins_inverted() {
        invert(&mut pattern);
    }
    let script = Erase {
        how,
        before: None,
        losses: None,
        touched: how.immed,
        way,
        unmap: disk.traits().unmap,
        count: overwrite.count,
        invert: overwrite.invert,
        pattern,
        times: 0,
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

/// What is asked for.
#[derive(Clone, Copy)]
struct How {
    kind: Kind,
    /// The command ends when the operation begins.
    immed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Format,
    Sanitize { unrestricted: bool },
}

/// An erasure under way.
pub(super) struct Erase {
    how: How,
    /// The condition of the medium before the operation, once that has begun.
    before: Option<Condition>,
    /// How many losses the medium had had before it was changed.
    losses: Option<u32>,
    /// Whether the medium may have changed, or the initiator believes that it will: then it isn't
    /// sound until the operation has ended well.
    touched: bool,
    way: Way,
    /// Whether blocks may lose their space.
    unmap: bool,
    /// How many times all is to be written.
    count: u8,
    /// Each time with the inverted pattern of the time before.
    invert: bool,
    pattern: KVec<u8>,
    /// How many times all was written.
    times: u8,
    /// Where the next piece begins.
    offset: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The backing store is told to write zeros, piece by piece.
    Zero,
    /// Memory has to be filled.
    Fill,
    /// Memory is written, piece by piece.
    Write,
}

impl Erase {
    /// The medium is ours from here on.
    pub(super) fn begin(&mut self, medium: &Medium) -> Result<(), Sense> {
        let before = medium.erasure.begin(|condition| match self.how.kind {
            Kind::Format => condition.format(),
            Kind::Sanitize { unrestricted } => condition.sanitize(unrestricted),
        })?;
        self.before = Some(before);
        Ok(())
    }

    /// Whether the command ends when the operation begins.
    pub(super) fn is_immediate(&self) -> bool {
        self.how.immed
    }

    /// Whether the operation goes on when its command is over: answered, or in the case of SANITIZE
    /// aborted (SBC-4, Performing a sanitize operation, for resets and the loss of an I_T nexus).
    pub(super) fn goes_on_alone(&self) -> bool {
        self.how.immed || self.how.kind != Kind::Format
    }

    pub(super) fn next(&mut self, medium: &Medium, own: &mut PageList) -> Next {
        let geometry = medium.geometry();
        let size = geometry.size();
        self.touched = true;
        self.losses.get_or_insert(medium.condition.losses.count());
        if self.offset >= size {
            self.offset = 0;
            self.times = self.times.saturating_add(1);
            if self.times >= self.count {
                return Next::Last(Operation::Flush, 0);
            }
            if self.invert {
                invert(&mut self.pattern);
                self.way = Way::Fill;
            }
            // Each time has to get as far as the medium.
            return Next::Own(Operation::Flush, 0);
        }
        let progress = erasure::progress(self.times, self.count, self.offset, size);
        medium.erasure.advance(progress);
        let at = self.offset;
        if self.way == Way::Zero {
            let len = size.saturating_sub(at).min(ZEROED_PIECE);
            self.offset = at.saturating_add(len);
            return Next::Own(
                Operation::Zero {
                    len,
                    unmap: self.unmap,
                },
                at,
            );
        }
        if self.way == Way::Fill {
            self.way = Way::Write;
            fill(own, &self.pattern, geometry.block_size() as usize);
        }
        // The last piece may be written twice in part: the memory keeps its length for the next
        // time.
        let len = own.len() as u64;
        self.offset = at.saturating_add(len);
        let start = at.min(size.saturating_sub(len));
        Next::Own(Operation::Write { fua: false }, start)
    }

    /// As for WRITE SAME.
    pub(super) fn goes_on_after(&mut self, failure: Failure) -> bool {
        let other_way = self.way == Way::Zero && failure.may_be_unsupported();
        if other_way {
            self.way = Way::Fill;
            self.offset = 0;
        }
        other_way
    }

    /// What the command is told when the operation fails.
    pub(super) fn failure(&self, medium: &Medium) -> Sense {
        medium.erasure.condition().ended(false).failure()
    }

    /// The same, when somebody else's flush has failed meanwhile: what was written before may never have got as
    /// far as the medium, which the flush at the end doesn't say.
    pub(super) fn undone(&self, medium: &Medium) -> Option<Sense> {
        let losses = medium.condition.losses.count();
        let has_lost = self.losses.is_some_and(|before| before != losses);
        has_lost.then(|| self.failure(medium))
    }

    /// The operation is over, well or not. Any context.
    pub(super) fn ended(&self, medium: &Medium, well: bool) {
        if let Some(before) = self.before {
            medium.erasure.end(if well || self.touched {
                medium.erasure.condition().ended(well)
            } else {
                before
            });
        }
    }
}

fn invert(pattern: &mut [u8]) {
    for byte in pattern {
        *byte = !*byte;
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
