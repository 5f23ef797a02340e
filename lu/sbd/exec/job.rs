// SPDX-License-Identifier: GPL-2.0

//! Commands that take several steps, or that have to wait for their blocks.
//!
//! A job is a command with a script that says what the next I/O is. It has all memory that it will
//! need before its first step; without that the initiator gets BUSY or TASK SET FULL. Scripts run in the
//! context in which the command came, and after each I/O on the module's work queue.

use super::script::{Next, Script, Step};
use crate::{
    disk::Disk,
    failure,
    medium::Medium,
    range::{Place, Range}, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf::{
    lu::LuHold,
    task::Task, //
};
use stmf_kernel::{
    io::{Carried, Done, Failure, Operation, Room},
    pages::PageList,
    token::{MustEnd, Token},
    work::{self, Run}, //
};
use stmf_scsi::{
    provisioning::LbaStatus,
    AdditionalSense,
    Sense,
    Status, //
};

/// What a job needs.
pub(super) struct Needs {
    /// The blocks that it touches.
    pub(super) range: Range,
    /// Memory of its own, in bytes; see [`Task::memory`].
    pub(super) memory: usize,
    /// Whether its first step may sleep.
    pub(super) sleeps: bool,
}

/// A command under way.
pub(crate) struct Job {
    /// Set while the job is under way, and its command is not over.
    task: Option<Task>,
    /// Of a job that may outlive its command: keeps the logical unit, and tells when that is to go.
    hold: Option<LuHold>,
    /// See [`crate::erasure::Erasure::generation`].
    generation: u32,
    medium: Arc<Medium>,
    /// Its blocks, until it has entered them.
    claim: Option<(Range, Place)>,
    /// The block behind them.
    end: u64,
    /// Its place among those at their blocks, when it has entered them.
    ticket: Option<u64>,
    own: PageList,
    /// Whose data the device gets: the job's own, or the command's.
    lends_own: bool,
    /// Whether its I/O may flush what others have written.
    flushes: bool,
    room: Room,
    script: Script,
}

/// Begins a job. Process context.
pub(super) fn start(disk: &Disk, task: Task, script: Script, needs: Needs) {
    let mut job = match Job::new(disk, script, &needs, &task) {
        Ok(job) => job,
        Err(status) => return task.end_with(status),
    };
    if let Err(sense) = job.script.begin(&disk.medium) {
        Job::end(job, false, drop);
        return task.fail(sense);
    }
    let is_immediate = match &job.script {
        Script::Erase(erase) => {
            let is_immediate = erase.is_immediate();
            job.hold = task.hold();
            is_immediate
        }
        _ => false,
    };
    if is_immediate {
        task.good();
    } else {
        job.task = Some(task);
    }
    if needs.range.atomic && !disk.medium.is_settled() {
        disk.medium.ranges.track();
        work::later::<Job, Settle>(&disk.medium.queue, job);
    } else if needs.sleeps {
        work::later::<Job, Enter>(&disk.medium.queue, job);
    } else {
        Job::enter(job);
    }
}

impl Job {
    fn new(disk: &Disk, script: Script, needs: &Needs, task: &Task) -> Result<Token<Self>, Status> {
        let own = task.memory(needs.memory)?;
        let place = Place::new(GFP_KERNEL).map_err(|_| Status::Busy)?;
        let job = Self {
            task: None,
            hold: None,
            generation: disk.medium.erasure.generation(),
            medium: disk.medium.clone(),
            claim: Some((needs.range, place)),
            end: needs.range.extent.end(),
            ticket: None,
            own,
            lends_own: false,
            flushes: false,
            room: Room::new(),
            script,
        };
        Token::new(job, GFP_KERNEL).map_err(|_| Status::Busy)
    }

    /// Keeps the logical unit beyond the end of the job.
    fn keep_unit(&self) -> Option<LuHold> {
        self.hold.clone().or_else(|| self.task.as_ref()?.hold())
    }

    /// Takes its blocks, and goes on when it has them.
    fn enter(mut job: Token<Self>) {
        let Some((range, place)) = job.claim.take() else {
            return Self::advance(job);
        };
        let medium = job.medium.clone();
        let note = |job: &mut Self, ticket| job.ticket = Some(ticket);
        if let Some(job) = medium.ranges.enter(job, range, place, note) {
            Self::advance(job);
        }
    }

    /// Does the next step. Process context; sleeps if the script does.
    fn advance(mut job: Token<Self>) {
        job.let_go_of_command();
        if !job.is_wanted() {
            return Self::fail(job, Failure::Aborted);
        }
        if let Some(sense) = job.overtaken() {
            return Self::end(job, false, |task| task.fail(sense));
        }
        let next = job.next();
        match next {
            Next::Own(operation, offset) => Self::submit::<Advance>(job, true, operation, offset),
            Next::Data(operation, offset) => Self::submit::<Advance>(job, false, operation, offset),
            Next::Last(operation, offset) => Self::submit::<Finish>(job, false, operation, offset),
            Next::Good => Self::end(job, true, Task::good),
            Next::Refuse(sense) => Self::end(job, false, |task| task.fail(sense)),
            Next::Fail(failure) => Self::fail(job, failure),
            Next::Statuses(statuses) => Self::end(job, true, |task| {
                task.answer(|sink| LbaStatus::write(statuses.iter().copied(), sink));
            }),
        }
    }

    fn next(&mut self) -> Next {
        if let Script::Erase(erase) = &mut self.script {
            return erase.next(&self.medium, &mut self.own);
        }
        let Some(task) = &mut self.task else {
            return Next::Good;
        };
        self.script.next(&mut Step {
            task,
            medium: &self.medium,
            own: &mut self.own,
        })
    }

    fn submit<D: Done<Job>>(
        mut job: Token<Self>,
        lends_own: bool,
        operation: Operation,
        offset: u64,
    ) {
        job.lends_own = lends_own;
        let Some(entry) = job.medium.enter() else {
            return Self::fail(job, Failure::Gone);
        };
        let operation = match job.script {
            // It flushes at its end.
            Script::Erase(_) => operation,
            _ => entry.kept(operation),
        };
        job.flushes = job.medium.may_lose_by(&entry, operation);
        entry.submit::<Job, D>(operation, offset, job);
    }

    /// Ends the command, when it was aborted, of a job that goes on without it.
    fn let_go_of_command(&mut self) {
        if !self.goes_on_alone() {
            return;
        }
        if let Some(task) = self.task.take_if(|task| task.is_aborted()) {
            task.end_with(Status::TaskAborted);
        }
    }

    /// Whether it goes on when there is no command any more.
    fn goes_on_alone(&self) -> bool {
        matches!(&self.script, Script::Erase(erase) if erase.goes_on_alone())
    }

    /// What the command is told when all of the medium is being erased since it began, or the disk has
    /// become smaller: while its data came, or it waited for its blocks.
    fn overtaken(&self) -> Option<Sense> {
        let erasure = &self.medium.erasure;
        if matches!(self.script, Script::Erase(_)) {
            return None;
        }
        if self.end > self.medium.geometry().blocks() {
            return Some(Sense::illegal(AdditionalSense::LBA_OUT_OF_RANGE));
        }
        if self.generation == erasure.generation() {
            return None;
        }
        let code = AdditionalSense::NOT_READY_SANITIZE_IN_PROGRESS;
        Some(erasure.sense().unwrap_or(Sense::not_ready(code)))
    }

    fn fail(job: Token<Self>, failure: Failure) {
        if job.flushes && failure.may_be_of_flush() {
            job.medium.condition.losses.note();
        }
        let sense = match &job.script {
            Script::Erase(erase) => Some(erase.failure(&job.medium)),
            _ => None,
        };
        Self::end(job, false, |task| match sense {
            Some(sense) if !task.is_aborted() => task.fail(sense),
            _ => failure::end(task, failure),
        });
    }

    /// Ends the job, which went well or not: gives its blocks to those that wait for them; the task
    /// goes on with `end`. Any context.
    fn end(mut job: Token<Self>, well: bool, end: impl FnOnce(Task)) {
        let (task, ticket) = (job.task.take(), job.ticket.take());
        let hold = job.hold.take();
        let medium = job.medium.clone();
        job.script.ended(&medium, well);
        job.end(());
        if let Some(ticket) = ticket {
            let begin = |job| work::later::<Job, Advance>(&medium.queue, job);
            medium.ranges.leave(ticket, begin);
        }
        // Never the last reference: the task or the hold keeps the logical unit.
        drop(medium);
        if let Some(task) = task {
            end(task);
        }
        drop(hold);
    }
}

impl MustEnd for Job {
    type Key = ();

    fn abandoned(job: Token<Self>) {
        // The task ends as one that was dropped.
        Self::end(job, false, drop);
    }
}

impl Carried for Job {
    fn lend(&mut self) -> (&mut PageList, &mut Room) {
        let data = match &mut self.task {
            Some(task) if !self.lends_own => task.data_mut(),
            _ => &mut self.own,
        };
        (data, &mut self.room)
    }

    fn is_wanted(&self) -> bool {
        let stays = self.hold.as_ref().is_none_or(LuHold::is_wanted);
        let is_aborted = self.task.as_ref().is_none_or(Task::is_aborted);
        stays && (self.goes_on_alone() || !is_aborted)
    }
}

/// The next step, after an I/O or a wait.
struct Advance;

impl Done<Job> for Advance {
    fn done(mut job: Token<Job>, outcome: Result<(), Failure>) {
        match outcome {
            Err(failure) if !job.script.goes_on_after(failure) => Job::fail(job, failure),
            _ => {
                // Not the medium: this worker, which may be its file's own, would be the last to let go of it.
                let queue = job.medium.queue.clone();
                work::later::<Job, Advance>(&queue, job);
            }
        }
    }
}

impl Run<Job> for Advance {
    fn run(job: Token<Job>) {
        Job::advance(job);
    }
}

/// The end, with the last I/O.
struct Finish;

impl Done<Job> for Finish {
    fn done(job: Token<Job>, outcome: Result<(), Failure>) {
        match outcome {
            Err(failure) => Job::fail(job, failure),
            Ok(()) => match job.script.undone(&job.medium) {
                Some(sense) => Job::end(job, false, |task| task.fail(sense)),
                None => Job::end(job, true, Task::good),
            },
        }
    }
}

/// The beginning of a job that may sleep.
struct Enter;

impl Run<Job> for Enter {
    fn run(job: Token<Job>) {
        Job::enter(job);
    }
}

/// The beginning of an atomic command on a disk that hasn't had one yet.
struct Settle;

impl Run<Job> for Settle {
    fn run(job: Token<Job>) {
        let (medium, hold) = (job.medium.clone(), job.keep_unit());
        medium.settle(job, |job, is_settled| {
            if is_settled {
                Job::enter(job);
            } else {
                // A device that doesn't answer; the initiator may try again.
                Job::end(job, false, |task| task.end_with(Status::Busy));
            }
        });
        // As in `Job::end`: the jobs may be over.
        drop(medium);
        drop(hold);
    }
}
