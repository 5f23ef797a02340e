// SPDX-License-Identifier: GPL-2.0

//! A disk's medium: the way of its commands to the backing store.
//!
//! A backing device may be removed, and come back. What commands use is therefore under RCU: while
//! the device is away there is nothing, and they fail with [`Failure::Gone`].
//!
//! [`Failure::Gone`]: stmf_kernel::io::Failure::Gone

use crate::{
    backend::{Backend, Entry, Traits},
    condition::Condition,
    disk::Geometry,
    erasure::Erasure,
    exec::{cache::Flushes, Job},
    range::Ranges,
    space::Threshold, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        rcu,
        Arc,
        Mutex, //
    },
    time::{
        Delta,
        Nsec, //
    },
};
use stmf::loss::Losses;
use stmf_kernel::{
    clock,
    io::Operation,
    queue::Queue,
    rcu::RcuCell,
    token::Token,
    wait::WaitQueue,
    work::OwnedQueue, //
};
use stmf_uapi::sbd;

/// What the commands of one disk share.
#[pin_data]
pub(crate) struct Medium {
    /// For commands that don't enter [`Ranges`]; empty when there are none any more.
    free: RcuCell<Backend>,
    /// For those that do, and for those that need not.
    tracked: RcuCell<Arc<Backend>>,
    /// Whether no command is under way that should have entered and hasn't.
    settled: Atomic<bool>,
    /// Whether somebody waits for that, and who wants to know when it is over.
    settling: Atomic<bool>,
    #[pin]
    settled_or_not: WaitQueue,
    /// Jobs that came meanwhile.
    newcomers: Queue<Job>,
    /// Flushes whose commands have been answered.
    pub(crate) flushes: Flushes,
    /// Workers that ask the backing store what it has where.
    asking: Atomic<u32>,
    #[pin]
    pub(crate) ranges: Ranges,
    /// That at the beginning; only the number of blocks changes.
    geometry: Geometry,
    blocks: Atomic<u64>,
    /// Whether all of it is being erased, and what came of that.
    pub(crate) erasure: Erasure,
    #[pin]
    pub(crate) condition: Condition,
    pub(crate) queue: Arc<OwnedQueue>,
    /// When initiators are warned that space runs out.
    pub(crate) threshold: Threshold,
    pub(crate) kind: sbd::Backend,
    /// See [`Backend::file_id`].
    pub(crate) file_id: Option<usize>,
    /// Held by whoever changes which backing store there is.
    #[pin]
    kept: Mutex<Kept>,
    /// Whether the backing store's cache may have what an initiator was told is written.
    holds_writes: Atomic<bool>,
    /// What the backing store said of itself last, for as long as it is away. Held for moments.
    #[pin]
    last_traits: Mutex<Traits>,
}

/// What the mutex guards.
struct Kept {
    /// That of the commands, for those who want to ask it something.
    backend: Option<Arc<Backend>>,
    /// Whether that is without a write cache, or will be when it is back.
    write_through: bool,
    /// Backing stores that are away or were replaced, and still have commands.
    leaving: KVec<Leaving>,
}

/// What is dropped when its commands are over.
enum Leaving {
    Free(KBox<Backend>),
    Tracked(Arc<Backend>),
}

impl Leaving {
    fn backend(&self) -> &Backend {
        match self {
            Leaving::Free(backend) => backend,
            Leaving::Tracked(backend) => backend,
        }
    }
}

/// Waits for the commands of what is leaving, `limit` at most; says whether they are over. Sleeps.
fn drain(leaving: &mut KVec<Leaving>, limit: Delta<Nsec>) -> bool {
    let until = clock::monotonic_ns().saturating_add(limit.as_nanos());
    leaving.retain(|one| {
        let left = until.saturating_sub(clock::monotonic_ns()).max(0);
        !one.backend().wait_drained(Delta::from_nanos(left))
    });
    leaving.is_empty()
}

/// The two ways to a backing store.
struct Ways {
    free: KBox<Backend>,
    tracked: Arc<Backend>,
    /// The same, as commands see it.
    shown: KBox<Arc<Backend>>,
}

impl Ways {
    fn new(backend: Backend) -> Result<Self> {
        let tracked = Arc::new(backend.again()?, GFP_KERNEL)?;
        Ok(Self {
            free: KBox::new(backend, GFP_KERNEL)?,
            shown: KBox::new(tracked.clone(), GFP_KERNEL)?,
            tracked,
        })
    }
}

/// How long those who came meanwhile wait for who settles: as long as it takes when the device works.
const SETTLING: Delta<Nsec> = Delta::from_millis(500);

/// How long it takes, at most, until one knows that nobody uses what has left.
const COUNTING: Delta<Nsec> = Delta::from_millis(500);

/// How many workers of a disk may ask its backing store at the same time.
const ASKING: u32 = 4;

/// How long one waits for commands.
pub(crate) const PATIENCE: Delta<Nsec> = Delta::from_secs(4);

impl Medium {
    /// Makes the way to a backing store. `queue` is for commands that take several steps, `losses` are those of
    /// what is on it.
    pub(crate) fn new(
        backend: Backend,
        geometry: Geometry,
        threshold: Threshold,
        queue: Arc<OwnedQueue>,
        losses: Arc<Losses>,
    ) -> Result<Arc<Self>> {
        let (kind, file_id) = (backend.kind(), backend.file_id());
        let (traits, write_through) = (backend.traits(), backend.is_write_through());
        let ways = Ways::new(backend)?;
        let kept = Kept {
            backend: Some(ways.tracked),
            write_through,
            // For both ways three times: the cache is switched off, and on again because that took too
            // long, and then the device goes.
            leaving: KVec::with_capacity(6, GFP_KERNEL)?,
        };
        Arc::pin_init(
            pin_init!(Self {
                free: RcuCell::new(ways.free),
                tracked: RcuCell::new(ways.shown),
                settled: Atomic::new(false),
                settling: Atomic::new(false),
                settled_or_not <- WaitQueue::new(),
                newcomers: Queue::new(),
                flushes: Flushes::new(),
                asking: Atomic::new(0),
                ranges <- Ranges::new(),
                geometry,
                blocks: Atomic::new(geometry.blocks()),
                erasure: Erasure::new(),
                condition <- Condition::new(losses),
                queue,
                threshold,
                kind,
                file_id,
                kept <- new_mutex!(kept, "Medium::kept"),
                holds_writes: Atomic::new(!write_through),
                last_traits <- new_mutex!(traits, "Medium::last_traits"),
            }),
            GFP_KERNEL,
        )
    }

    /// The backing store, to be asked; nothing while it is away. Sleeps, a few seconds at most.
    pub(crate) fn backend(&self) -> Option<Arc<Backend>> {
        self.kept.lock().backend.clone()
    }

    /// What the backing store says of itself now, or said last. May sleep briefly.
    pub(crate) fn traits(&self) -> Traits {
        let guard = rcu::read_lock();
        if let Some(backend) = self.tracked.read(&guard) {
            return backend.traits();
        }
        drop(guard);
        *self.last_traits.lock()
    }

    /// Whether the backing device is away. Any context.
    pub(crate) fn is_gone(&self) -> bool {
        let guard = rcu::read_lock();
        self.tracked
            .read(&guard)
            .is_none_or(|backend| backend.is_gone())
    }

    /// The number of the backing device, if it is one and there. Any context.
    pub(crate) fn device_number(&self) -> Option<u32> {
        let guard = rcu::read_lock();
        let backend = self.tracked.read(&guard)?;
        backend.device().map(|device| device.number())
    }

    /// Lets go of a backing device that is gone, so that it can come back under its name; says
    /// whether it could. Sleeps, a few seconds at most. One caller at a time.
    pub(crate) fn let_go(&self) -> bool {
        let mut kept = self.kept.lock();
        if let Some(backend) = &kept.backend {
            *self.last_traits.lock() = backend.traits();
            self.replace(&mut kept, None);
        }
        // Nobody else is here, but others want to know that there is nothing.
        let mut leaving = core::mem::replace(&mut kept.leaving, KVec::new());
        drop(kept);
        let is_over = drain(&mut leaving, PATIENCE);
        self.kept.lock().leaving = leaving;
        is_over
    }

    /// Uses a backing store that is back, of the same kind; the old one must have been let go.
    /// Sleeps.
    pub(crate) fn take_back(&self, backend: Backend) -> Result {
        let mut kept = self.kept.lock();
        let volatile = backend.traits().volatile;
        let ways = Ways::new(backend.through(kept.write_through))?;
        if volatile && !kept.write_through {
            // If its power was off, what its cache had is gone, and the device doesn't say: as if a flush had failed.
            self.condition.losses.note();
        }
        self.replace(&mut kept, Some(ways));
        Ok(())
    }

    /// Lets no write use the write cache any more, and waits for those that do: what they wrote, a flush
    /// puts on stable storage. Says whether it was in use. Sleeps, a few seconds at most. One caller at a
    /// time, and none of [`Medium::write_back`].
    ///
    /// # Errors
    ///
    /// `EBUSY` when they take longer than that, `ENOMEM`; `ENODEV` while the backing store is away, of which
    /// one finds out only when it comes back what it has lost. The cache is in use then if it was.
    pub(crate) fn write_through(&self) -> Result<bool> {
        let mut kept = self.kept.lock();
        if kept.backend.is_none() {
            return Err(ENODEV);
        }
        let was_in_use = !kept.write_through;
        // Somebody has waited for these before.
        if !drain(&mut kept.leaving, COUNTING) {
            return Err(EBUSY);
        }
        self.set_write_through(&mut kept, true)?;
        if !drain(&mut kept.leaving, PATIENCE) {
            if was_in_use {
                // Without memory for that it isn't: slower than need be, until it is asked again.
                let _ = self.set_write_through(&mut kept, false);
            }
            return Err(EBUSY);
        }
        Ok(was_in_use)
    }

    /// Lets writes use the write cache.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; none uses it then.
    pub(crate) fn write_back(&self) -> Result {
        self.set_write_through(&mut self.kept.lock(), false)
    }

    /// The cache isn't in use, and was flushed since: none of [`Medium::write_back`] meanwhile.
    pub(crate) fn holds_no_writes(&self) {
        self.holds_writes.store(false, ordering::Relaxed);
    }

    /// Whether what others were told is written may be lost when the operation fails, by its flush. Any context.
    pub(crate) fn may_lose_by(&self, entry: &Entry, operation: Operation) -> bool {
        entry.flushes_by(operation) && self.holds_writes.load(ordering::Relaxed)
    }

    fn set_write_through(&self, kept: &mut Kept, write_through: bool) -> Result {
        if kept.write_through == write_through {
            return Ok(());
        }
        if !write_through {
            self.holds_writes.store(true, ordering::Relaxed);
        }
        if let Some(backend) = &kept.backend {
            let backend = backend.again()?.through(write_through);
            self.replace(kept, Some(Ways::new(backend)?));
        }
        kept.write_through = write_through;
        Ok(())
    }

    /// Replaces the ways to the backing store; those before leave, and there has to be room for them.
    fn replace(&self, kept: &mut Kept, new: Option<Ways>) {
        let (free, tracked, shown) = match new {
            Some(ways) => (Some(ways.free), Some(ways.tracked), Some(ways.shown)),
            None => (None, None, None),
        };
        let free = self.free.replace(free.filter(|_| !self.is_settled()));
        self.tracked.replace(shown);
        let tracked = core::mem::replace(&mut kept.backend, tracked);
        let old = [free.map(Leaving::Free), tracked.map(Leaving::Tracked)];
        for one in old.into_iter().flatten() {
            one.backend().kill();
            let _ = kept.leaving.push_within_capacity(one);
        }
    }

    /// Asks the backing store something that may take as long as the device, by [`ASKING`] workers at
    /// most, so that a disk that stands still doesn't take all of them; `None` for more.
    pub(crate) fn ask<R>(&self, ask: impl FnOnce() -> R) -> Option<R> {
        let is_free = self.asking.fetch_add(1, ordering::Relaxed) < ASKING;
        let answer = is_free.then(ask);
        self.asking.fetch_sub(1, ordering::Relaxed);
        answer
    }

    /// The size of the disk and of its blocks as they are now.
    pub(crate) fn geometry(&self) -> Geometry {
        let blocks = self.blocks.load(ordering::Relaxed);
        self.geometry.with_blocks(blocks)
    }

    /// Sets the size; the blocks stay as long as they are.
    pub(crate) fn set_geometry(&self, geometry: Geometry) {
        self.blocks.store(geometry.blocks(), ordering::Relaxed);
    }

    /// The right to a read or a write; `None` when the command has to enter [`Ranges`] first, and
    /// then use [`Medium::enter`].
    pub(crate) fn enter_free(&self) -> Option<Entry> {
        // `settle` waits for those that see the flag unset.
        let guard = rcu::read_lock();
        if self.ranges.is_tracking() {
            return None;
        }
        self.free.read(&guard)?.enter()
    }

    /// Whether what is written has to be on stable storage when the write is done; it has, while the
    /// backing store is away. Any context.
    pub(crate) fn is_write_through(&self) -> bool {
        let guard = rcu::read_lock();
        self.tracked
            .read(&guard)
            .is_none_or(|backend| backend.is_write_through())
    }

    /// The right to an I/O of a command that has entered [`Ranges`], or need not; `None` while the
    /// backing store is away.
    pub(crate) fn enter(&self) -> Option<Entry> {
        let guard = rcu::read_lock();
        self.tracked.read(&guard)?.enter()
    }

    /// Whether [`Medium::settle`] has done its work.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(ordering::Acquire)
    }

    /// Waits until every command under way is in [`Ranges`], which must be tracking, and then shows the
    /// job to `go_on` with whether they are in time. Sleeps, a few seconds at most.
    ///
    /// Two workers of a disk wait here: one for the commands, and one for the first, but not as long. What
    /// comes meanwhile is a job in a list, and goes on with the second: a disk that stands still doesn't
    /// take all workers.
    pub(crate) fn settle(&self, job: Token<Job>, mut go_on: impl FnMut(Token<Job>, bool)) {
        if !self.settling.xchg(true, ordering::Full) {
            let is_settled = self.settle_alone();
            self.settling.store(false, ordering::Release);
            self.settled_or_not.wake_all();
            go_on(job, is_settled);
        } else if self.newcomers.push(job) {
            // The first of the list; those behind it have returned.
            let is_over = || !self.settling.load(ordering::Acquire);
            self.settled_or_not.wait_timeout(SETTLING, is_over);
            let jobs = self.newcomers.take_all();
            let is_settled = self.is_settled();
            jobs.for_each(|job| go_on(job, is_settled));
        }
    }

    fn settle_alone(&self) -> bool {
        let mut kept = self.kept.lock();
        if self.is_settled() {
            return true;
        }
        // Replaced when the write cache was switched.
        if !drain(&mut kept.leaving, PATIENCE) {
            return false;
        }
        // After a grace period all that saw the flag unset have entered.
        if let Some(free) = self.free.replace(None) {
            free.kill();
            if !free.wait_drained(PATIENCE) {
                self.free.replace(Some(free));
                return false;
            }
        }
        self.settled.store(true, ordering::Release);
        true
    }
}
