// SPDX-License-Identifier: GPL-2.0

//! SEND DIAGNOSTIC: self-tests, which read the medium.
//!
//! A self-test reads one piece after the other, each from the module's work queue, so that commands
//! come in between. In the foreground it is its command's; in the background it holds the disk, and
//! looks before each piece whether somebody wants it to end: an abort, a reset, the disk going
//! offline, the medium going away.

use crate::{
    changeable::Changeable,
    condition::Condition,
    disk::Disk, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf::{
    lu::{Audience, LuHandle, LuHold},
    plan::DataPhase,
    task::Task, //
};
use stmf_kernel::{
    io::{Carried, Done, Failure, Operation, Room},
    pages::PageList,
    token::{MustEnd, Token},
    work::{self, Run}, //
};
use stmf_scsi::{
    diagnostic::SendDiagnostic,
    mode::ReportingMethod,
    self_test::{SelfTestKind, SelfTestState, Walk},
    ua::UnitAttention,
    AdditionalSense,
    Sense,
    SenseKey,
    Status, //
};

/// How much is read at a time, in bytes: a multiple of every block size.
const PIECE: u64 = 128 << 10;

/// Refuses what can't be begun, or aborted, at the moment (SPC-5, Device self-test).
pub(super) fn plan(disk: &Disk, request: SendDiagnostic) -> Result<DataPhase, Sense> {
    let condition = &disk.medium.condition;
    match (request, condition.test_in_progress()) {
        (SendDiagnostic::AbortSelfTest, None) => Err(NOT_THERE),
        (SendDiagnostic::AbortSelfTest, Some(_)) => Ok(DataPhase::None),
        (_, Some(in_progress)) => Err(in_progress),
        (SendDiagnostic::Page, None) => {
            Ok(DataPhase::FromInitiator(SendDiagnostic::PAGE_LEN.into()))
        }
        _ => Ok(DataPhase::None),
    }
}

/// There is no self-test in the background that could be aborted.
const NOT_THERE: Sense = Sense::invalid_cdb_field(1, Some(7));

pub(super) fn execute(disk: &Disk, request: SendDiagnostic, task: Task) {
    match request {
        SendDiagnostic::Nothing => task.good(),
        // So short a list is in one piece.
        SendDiagnostic::Page => {
            let list = task.data().slices().next().unwrap_or(&[]);
            match SendDiagnostic::check_page(list) {
                Ok(()) => task.good(),
                Err(sense) => task.fail(sense),
            }
        }
        SendDiagnostic::AbortSelfTest => {
            let aborted = SelfTestState::AbortedByCommand;
            let condition = &disk.medium.condition;
            if condition.abort_test(aborted, SelfTestKind::is_background) {
                task.good();
            } else {
                task.fail(NOT_THERE);
            }
        }
        SendDiagnostic::Default => start(disk, None, task),
        SendDiagnostic::SelfTest(kind) => start(disk, Some(kind), task),
    }
}

/// Begins a self-test: the default one, whose result is not kept, is a short one in the foreground that
/// keeps no command away.
fn start(disk: &Disk, kind: Option<SelfTestKind>, task: Task) {
    let mut test = match Test::new(disk, kind, &task) {
        Ok(test) => test,
        Err(status) => return task.end_with(status),
    };
    let condition = &disk.medium.condition;
    if let Some(kind) = kind {
        test.number = condition.begin_test(kind);
        if test.number.is_none() {
            test.end(());
            let in_progress = condition.test_in_progress();
            return match in_progress {
                Some(in_progress) => task.fail(in_progress),
                // It has just ended.
                None => task.end_with(Status::Busy),
            };
        }
    }
    if kind.is_some_and(SelfTestKind::is_background) {
        test.hold = task.hold();
        task.good();
    } else {
        test.task = Some(task);
    }
    let queue = disk.medium.queue.clone();
    work::later::<Test, Advance>(&queue, test);
}

/// A self-test under way.
struct Test {
    /// In the foreground.
    task: Option<Task>,
    /// What [`Condition`] knows it by.
    number: Option<u64>,
    walk: Walk,
    /// What became of the last read.
    outcome: Option<Result<(), Failure>>,
    /// Room for a piece, and for one block.
    piece: PageList,
    block: PageList,
    reads_block: bool,
    room: Room,
    changeable: Arc<Changeable>,
    unit: Option<LuHandle>,
    /// In the background. Dropped last: the disk is there as long as this is.
    hold: Option<LuHold>,
}

/// How a self-test ends.
enum End {
    State(SelfTestState),
    /// Somebody has noted the end already.
    Noted,
}

impl Test {
    fn new(disk: &Disk, kind: Option<SelfTestKind>, task: &Task) -> Result<Token<Self>, Status> {
        let geometry = disk.geometry();
        let block = geometry.block_size() as usize;
        let piece = geometry.size().min(PIECE);
        let blocks = piece / block as u64;
        let test = Self {
            task: None,
            number: None,
            walk: Walk::new(
                kind.is_some_and(SelfTestKind::is_extended),
                geometry.blocks(),
                blocks,
            ),
            outcome: None,
            piece: task.memory(piece as usize)?,
            block: task.memory(block)?,
            reads_block: false,
            room: Room::new(),
            changeable: disk.changeable.clone(),
            unit: task.unit(),
            hold: None,
        };
        Token::new(test, GFP_KERNEL).map_err(|_| Status::Busy)
    }

    fn condition(&self) -> &Condition {
        &self.changeable.medium.condition
    }

    /// Looks at what came of the last read, and starts the next. Process context.
    fn advance(mut test: Token<Self>) {
        match test.step() {
            Err(End::State(state)) => Self::finish(test, Some(state)),
            Err(End::Noted) => Self::finish(test, None),
            Ok(offset) => {
                let entry = test.changeable.medium.enter();
                match entry {
                    Some(entry) => entry.submit::<Test, Read>(Operation::Read, offset, test),
                    None => {
                        // That ends it.
                        test.outcome = Some(Err(Failure::Gone));
                        Self::advance(test);
                    }
                }
            }
        }
    }

    /// Where the next read is, in bytes.
    fn step(&mut self) -> Result<u64, End> {
        if !self.may_go_on() {
            return Err(End::State(SelfTestState::Aborted));
        }
        match self.outcome.take() {
            None => (),
            Some(Ok(())) => self.walk.passed(),
            Some(Err(failure)) => self.failed(failure)?,
        }
        if let Some(number) = self.number {
            let progress = self.walk.progress();
            if !self.condition().note_progress(number, progress) {
                return Err(End::Noted);
            }
        }
        let Some(piece) = self.walk.next() else {
            return Err(End::State(SelfTestState::Passed));
        };
        let geometry = self.changeable.medium.geometry();
        if piece.lba.saturating_add(piece.blocks) > geometry.blocks() {
            // The disk has become smaller.
            return Err(End::State(SelfTestState::Incomplete));
        }
        self.reads_block = piece.blocks == 1;
        Ok(geometry.offset(piece.lba))
    }

    /// A read has failed: the self-test goes on block by block, or it is over.
    fn failed(&mut self, failure: Failure) -> Result<(), End> {
        let (lba, key, code) = match failure {
            Failure::Medium | Failure::Unknown => {
                let Some(lba) = self.walk.failed() else {
                    return Ok(());
                };
                let code = AdditionalSense::UNRECOVERED_READ_ERROR;
                (Some(lba), SenseKey::MediumError, code)
            }
            Failure::Aborted => return Err(End::State(SelfTestState::Aborted)),
            Failure::Busy => return Err(End::State(SelfTestState::Incomplete)),
            // It isn't the medium's.
            _ => {
                let code = AdditionalSense::LOGICAL_UNIT_FAILURE;
                (None, SenseKey::HardwareError, code)
            }
        };
        Err(End::State(SelfTestState::Failed {
            segment: self.walk.number(),
            lba,
            key,
            code,
        }))
    }

    fn may_go_on(&self) -> bool {
        let changeable = &self.changeable;
        let is_ready = changeable.medium.erasure.sense().is_none() && !changeable.door.is_open();
        is_ready && self.is_wanted()
    }

    /// The end. Process context.
    fn finish(mut test: Token<Self>, state: Option<SelfTestState>) {
        let is_news = match (test.number, state) {
            (Some(number), Some(state)) => test.condition().end_test(number, state),
            _ => false,
        };
        if is_news && test.hold.is_some() && matches!(state, Some(SelfTestState::Failed { .. })) {
            test.warn();
        }
        let task = test.task.take();
        test.end(());
        let Some(task) = task else {
            return;
        };
        match state {
            Some(SelfTestState::Passed) => task.good(),
            Some(SelfTestState::Failed { .. }) => {
                let code = AdditionalSense::LOGICAL_UNIT_FAILED_SELF_TEST;
                task.fail(Sense::hardware(code));
            }
            Some(SelfTestState::Incomplete) => task.end_with(Status::Busy),
            _ => task.end_with(Status::TaskAborted),
        }
    }

    /// Tells the initiators that a self-test in the background has failed, if they want to be told.
    fn warn(&self) {
        let exceptions = self.changeable.modes.quick().exceptions;
        if exceptions.warnings && exceptions.method == ReportingMethod::UnitAttention {
            if let Some(unit) = &self.unit {
                unit.announce(UnitAttention::BackgroundSelfTestFailed, Audience::All);
            }
        }
    }
}

impl MustEnd for Test {
    type Key = ();

    fn abandoned(token: Token<Self>) {
        // Nothing here drops one. The task would end as one that was dropped.
        token.end(());
    }
}

impl Carried for Test {
    fn lend(&mut self) -> (&mut PageList, &mut Room) {
        let data = if self.reads_block {
            &mut self.block
        } else {
            &mut self.piece
        };
        (data, &mut self.room)
    }

    fn is_wanted(&self) -> bool {
        self.task.as_ref().is_none_or(|task| !task.is_aborted())
            && self.hold.as_ref().is_none_or(LuHold::is_wanted)
    }
}

/// A read is over.
struct Read;

impl Done<Test> for Read {
    fn done(mut test: Token<Test>, outcome: Result<(), Failure>) {
        test.outcome = Some(outcome);
        let queue = test.changeable.medium.queue.clone();
        work::later::<Test, Advance>(&queue, test);
    }
}

/// The next step.
struct Advance;

impl Run<Test> for Advance {
    fn run(test: Token<Test>) {
        Test::advance(test);
    }
}
