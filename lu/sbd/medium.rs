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
    time::{delay::fsleep, Delta}, //
};
use stmf_kernel::{
    rcu::RcuCell,
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
    /// Whether somebody waits for that.
    settling: Atomic<bool>,
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
    /// What the backing store said of itself last, for as long as it is away. Held for moments.
    #[pin]
    last_traits: Mutex<Traits>,
}

/// What the mutex guards.
struct Kept {
    /// That of the commands, for those who want to ask it something.
    backend: Option<Arc<Backend>>,
    /// Backing stores that are away, and still have commands.
    leaving: KVec<Leaving>,
}

/// What is dropped when its commands are over.
enum Leaving {
    Free(KBox<Backend>),
    Tracked(Arc<Backend>),
}

impl Leaving {
    fn is_drained(&self) -> bool {
        let backend = match self {
            Leaving::Free(backend) => backend,
            Leaving::Tracked(backend) => &**backend,
        };
        backend.kill();
        backend.wait_drained(PATIENCE)
    }
}

/// How long one waits for who waits for them.
const SETTLING: Delta<kernel::time::Nsec> = Delta::from_millis(50);

/// How many workers of a disk may ask its backing store at the same time.
const ASKING: u32 = 4;

/// How long one waits for commands.
pub(crate) const PATIENCE: Delta<kernel::time::Nsec> = Delta::from_secs(4);

impl Medium {
    /// Makes the way to a backing store. `queue` is for commands that take several steps.
    pub(crate) fn new(
        backend: Backend,
        geometry: Geometry,
        threshold: Threshold,
        queue: Arc<OwnedQueue>,
    ) -> Result<Arc<Self>> {
        let tracked = Arc::new(backend.again()?, GFP_KERNEL)?;
        let (kind, file_id) = (tracked.kind(), tracked.file_id());
        let (free, shown) = (
            KBox::new(backend, GFP_KERNEL)?,
            KBox::new(tracked.clone(), GFP_KERNEL)?,
        );
        let traits = tracked.traits();
        let kept = Kept {
            backend: Some(tracked),
            leaving: KVec::with_capacity(2, GFP_KERNEL)?,
        };
        Arc::pin_init(
            pin_init!(Self {
                free: RcuCell::new(free),
                tracked: RcuCell::new(shown),
                settled: Atomic::new(false),
                settling: Atomic::new(false),
                asking: Atomic::new(0),
                ranges <- Ranges::new(),
                geometry,
                blocks: Atomic::new(geometry.blocks()),
                erasure: Erasure::new(),
                condition <- Condition::new(),
                queue,
                threshold,
                kind,
                file_id,
                kept <- new_mutex!(kept, "Medium::kept"),
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
        if let Some(backend) = kept.backend.take() {
            *self.last_traits.lock() = backend.traits();
            // There is room for both: they come but once, and nothing returns before they are gone.
            let gone = [
                self.free.replace(None).map(Leaving::Free),
                self.tracked
                    .replace(None)
                    .map(|_| Leaving::Tracked(backend)),
            ];
            for one in gone.into_iter().flatten() {
                let _ = kept.leaving.push_within_capacity(one);
            }
        }
        // Nobody else is here, but others want to know that there is nothing.
        let mut leaving = core::mem::replace(&mut kept.leaving, KVec::new());
        drop(kept);
        leaving.retain(|leaving| !leaving.is_drained());
        let is_over = leaving.is_empty();
        self.kept.lock().leaving = leaving;
        is_over
    }

    /// Uses a backing store that is back, of the same kind; the old one must have been let go.
    /// Sleeps.
    pub(crate) fn take_back(&self, backend: Backend) -> Result {
        let tracked = Arc::new(backend.again()?, GFP_KERNEL)?;
        let (free, shown) = (
            KBox::new(backend, GFP_KERNEL)?,
            KBox::new(tracked.clone(), GFP_KERNEL)?,
        );
        let mut kept = self.kept.lock();
        if !self.is_settled() {
            self.free.replace(Some(free));
        }
        self.tracked.replace(Some(shown));
        kept.backend = Some(tracked);
        Ok(())
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

    /// Waits until every command under way is in [`Ranges`], which must be tracking; says whether
    /// they are in time. Sleeps, a few seconds at most; but not when somebody has waited for as long as
    /// one needs when the device works: a disk that stands still doesn't take all workers.
    pub(crate) fn settle(&self) -> bool {
        if self.settling.xchg(true, ordering::Full) {
            fsleep(SETTLING);
            return self.is_settled();
        }
        let is_settled = self.settle_alone();
        self.settling.store(false, ordering::Release);
        is_settled
    }

    fn settle_alone(&self) -> bool {
        let _kept = self.kept.lock();
        if self.is_settled() {
            return true;
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
