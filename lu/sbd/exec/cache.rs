// SPDX-License-Identifier: GPL-2.0

//! SYNCHRONIZE CACHE, and what else flushes.

use crate::{
    disk::Disk,
    failure,
    medium::{Medium, PATIENCE}, //
};
use kernel::{
    pr_warn_once,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    },
    time::{Delta, Nsec}, //
};
use stmf::{
    lu::LuHold,
    plan::DataPhase,
    task::{Task, TaskBody}, //
};
use stmf_kernel::{
    io::{Carried, Done, Failure, Operation, Room},
    pages::PageList,
    token::{MustEnd, Token},
    wait::WaitQueue,
    work::{self, Run}, //
};
use stmf_scsi::{
    cdb,
    Sense, //
};

pub(super) fn plan(disk: &Disk, lba: u64, blocks: u32) -> Result<DataPhase, Sense> {
    cdb::check_range(lba, blocks, disk.geometry().blocks())?;
    Ok(DataPhase::None)
}

/// SYNCHRONIZE CACHE. When a flush has failed of which the I_T nexus wasn't told, this one fails: not all that
/// was written before it is on the medium. That isn't a deferred error, because Linux tries a command again
/// that ends with one, and forgets it.
pub(super) fn synchronize(medium: &Arc<Medium>, immed: bool, task: Task) {
    if task.owes_news_of_loss() {
        return task.fail_for_loss(failure::FLUSH_ERROR);
    }
    flush_by::<Synchronized>(medium, immed, task);
}

/// Flushes the whole disk, and ends the task when that is done, or with `immed` when it is started. For
/// commands that have done something else already, so can't end with another flush's error.
pub(super) fn flush(medium: &Arc<Medium>, immed: bool, task: Task) {
    flush_by::<Flushed>(medium, immed, task);
}

fn flush_by<D: Done<TaskBody>>(medium: &Arc<Medium>, immed: bool, task: Task) {
    let Some(entry) = medium.enter() else {
        return failure::end(task, Failure::Gone);
    };
    if immed {
        if let Ok(background) = Background::new(medium, task.hold(), None) {
            if medium.flushes.want() {
                entry.submit::<Background, Background>(Operation::Flush, 0, background);
            } else {
                background.end(());
            }
            return task.good();
        }
        // Without memory for that the initiator waits after all.
    }
    entry.submit::<TaskBody, D>(Operation::Flush, 0, task.into());
}

/// Ends a task with what came of its flush.
struct Flushed;

impl Done<TaskBody> for Flushed {
    fn done(token: Token<TaskBody>, outcome: Result<(), Failure>) {
        let task = Task::from(token);
        match outcome {
            Ok(()) => task.good(),
            Err(cause) => failure::end_flush(task, cause),
        }
    }
}

/// The same, but for what another flush that was under way has lost: nothing was left for this one then.
struct Synchronized;

impl Done<TaskBody> for Synchronized {
    fn done(token: Token<TaskBody>, outcome: Result<(), Failure>) {
        let task = Task::from(token);
        match outcome {
            Ok(()) if task.owes_news_of_loss() => task.fail_for_loss(failure::FLUSH_ERROR),
            outcome => Flushed::done(task.into(), outcome),
        }
    }
}

/// Flushes the whole disk and waits for that: a few seconds at most, when `hold` keeps the disk as long
/// as its device takes. Sleeps.
///
/// # Errors
///
/// `ENODEV` while the backing store is away, `ETIMEDOUT`, and `EIO` when it has failed.
pub(crate) fn flush_and_wait(medium: &Arc<Medium>, hold: Option<LuHold>) -> Result {
    let is_held = hold.is_some();
    let waiter = begin_flush(medium, hold)?;
    if !is_held {
        waiter.queue.wait(|| waiter.is_over());
    }
    waiter.wait(PATIENCE)
}

/// Begins to flush the whole disk. Somebody keeps the disk until that is over, `hold` or the caller. May sleep
/// for memory.
///
/// # Errors
///
/// `ENODEV` while the backing store is away, `ENOMEM`.
pub(crate) fn begin_flush(medium: &Arc<Medium>, hold: Option<LuHold>) -> Result<Arc<Waiter>> {
    let waiter = Arc::pin_init(Waiter::new(), GFP_KERNEL)?;
    let background = Background::new(medium, hold, Some(waiter.clone()))?;
    let entry = medium.enter().ok_or(ENODEV)?;
    entry.submit::<Background, Background>(Operation::Flush, 0, background);
    Ok(waiter)
}

/// Switches the write cache off: what is in it, and what is being written, is on stable storage then. One
/// caller at a time; sleeps as [`flush_and_wait`].
///
/// # Errors
///
/// Those of [`Medium::write_through`] and [`flush_and_wait`], and `EIO` when the cache was on and
/// `owes_news_of_loss` in the end: initiators may not flush any more without it. The cache stays on if it was.
pub(crate) fn switch_off(
    medium: &Arc<Medium>,
    hold: Option<LuHold>,
    owes_news_of_loss: impl Fn() -> bool,
) -> Result {
    let was_in_use = medium.write_through()?;
    let is_told = || !was_in_use || !owes_news_of_loss();
    let flushed = flush_and_wait(medium, hold).and_then(|()| is_told().then_some(()).ok_or(EIO));
    match flushed {
        Ok(()) => medium.holds_no_writes(),
        Err(_) if was_in_use => {
            let _ = medium.write_back();
        }
        Err(_) => {}
    }
    flushed
}

/// Who waits for a flush.
#[pin_data]
pub(crate) struct Waiter {
    #[pin]
    queue: WaitQueue,
    state: Atomic<u32>,
}

impl Waiter {
    const PENDING: u32 = 0;
    const FLUSHED: u32 = 1;
    const FAILED: u32 = 2;

    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            queue <- WaitQueue::new(),
            state: Atomic::new(Self::PENDING),
        })
    }

    fn is_over(&self) -> bool {
        self.state.load(ordering::Acquire) != Self::PENDING
    }

    /// What came of the flush. Sleeps, so long at most.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT`, and `EIO` when it has failed.
    pub(crate) fn wait(&self, limit: Delta<Nsec>) -> Result {
        if !self.queue.wait_timeout(limit, || self.is_over()) {
            return Err(ETIMEDOUT);
        }
        match self.state.load(ordering::Acquire) {
            Self::FLUSHED => Ok(()),
            _ => Err(EIO),
        }
    }

    fn end(&self, well: bool) {
        let state = if well { Self::FLUSHED } else { Self::FAILED };
        self.state.store(state, ordering::Release);
        self.queue.wake_all();
    }
}

/// The flushes of a disk whose commands had IMMED, and have been answered (SBC-4, SYNCHRONIZE CACHE command):
/// one that is under way, and one that follows it for all that came meanwhile. It begins after they came, so
/// what was written before them is in it. These commands have no place in a queue that would limit them.
pub(crate) struct Flushes(Atomic<u32>);

impl Flushes {
    const NONE: u32 = 0;
    const UNDER_WAY: u32 = 1;
    /// One is under way, and another follows.
    const ANOTHER: u32 = 2;

    /// There is none.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(Self::NONE))
    }

    /// One is wanted: `true` when the caller is to begin it, `false` when one will follow. Any context.
    fn want(&self) -> bool {
        let mut state = self.0.load(ordering::Relaxed);
        loop {
            let next = if state == Self::NONE {
                Self::UNDER_WAY
            } else {
                Self::ANOTHER
            };
            match self.0.cmpxchg(state, next, ordering::Full) {
                Ok(_) => return state == Self::NONE,
                Err(now) => state = now,
            }
        }
    }

    /// The one under way is over; says whether the caller is to begin another. Any context.
    fn end(&self) -> bool {
        self.0.fetch_sub(1, ordering::Full) == Self::ANOTHER
    }
}

/// A flush that is no command's, or whose command has been answered.
struct Background {
    medium: Arc<Medium>,
    /// Without one it is among the medium's [`Flushes`].
    waiter: Option<Arc<Waiter>>,
    /// None, but a device wants to see it.
    data: PageList,
    room: Room,
    /// The disk is there as long as its device is at work.
    _hold: Option<LuHold>,
}

impl Background {
    fn new(
        medium: &Arc<Medium>,
        hold: Option<LuHold>,
        waiter: Option<Arc<Waiter>>,
    ) -> Result<Token<Self>> {
        let background = Self {
            medium: medium.clone(),
            waiter,
            data: PageList::empty(),
            room: Room::new(),
            _hold: hold,
        };
        Ok(Token::new(background, GFP_KERNEL)?)
    }

    /// Tells who waits for it. Who has waited may let go of the disk, so this has let go before: it may be run by a
    /// worker of the file's, which can't wait for itself.
    fn tell(token: Token<Self>, waiter: &Waiter, well: bool) {
        token.end(());
        waiter.end(well);
    }
}

impl MustEnd for Background {
    type Key = ();

    fn abandoned(token: Token<Self>) {
        match token.waiter.clone() {
            Some(waiter) => Self::tell(token, &waiter, false),
            None => Self::done(token, Err(Failure::Unknown)),
        }
    }
}

impl Carried for Background {
    fn lend(&mut self) -> (&mut PageList, &mut Room) {
        (&mut self.data, &mut self.room)
    }

    fn is_wanted(&self) -> bool {
        true
    }
}

impl Done<Background> for Background {
    fn done(token: Token<Self>, outcome: Result<(), Failure>) {
        if let Err(failure) = outcome {
            // Whoever flushes next is told: the store itself may not fail a second time.
            token.medium.condition.losses.note();
            pr_warn_once!("a flush has failed that no command waited for: {failure:?}\n");
        }
        match token.waiter.clone() {
            Some(waiter) => return Self::tell(token, &waiter, outcome.is_ok()),
            None if token.medium.flushes.end() => {
                let queue = token.medium.queue.clone();
                return work::later::<Background, Another>(&queue, token);
            }
            None => (),
        }
        token.end(());
    }
}

/// The flush that follows one.
struct Another;

impl Run<Background> for Another {
    fn run(token: Token<Background>) {
        let entry = token.medium.enter();
        match entry {
            Some(entry) => {
                entry.submit::<Background, Background>(Operation::Flush, 0, token);
            }
            None => Background::done(token, Err(Failure::Gone)),
        }
    }
}
