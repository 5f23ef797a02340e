// SPDX-License-Identifier: GPL-2.0

//! A disk's medium: the way of its commands to the backing store.

use crate::{
    backend::{Backend, Entry},
    disk::Geometry,
    erasure::Erasure,
    range::Ranges, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        rcu,
        Arc, //
    },
    time::Delta, //
};
use stmf_kernel::work::OwnedQueue;

/// What the commands of one disk share.
#[pin_data]
pub(crate) struct Medium {
    /// For commands that don't enter [`Ranges`].
    free: Backend,
    /// For those that do, and for those that need not.
    tracked: Backend,
    /// Whether no command is under way that should have entered and hasn't.
    settled: Atomic<bool>,
    #[pin]
    pub(crate) ranges: Ranges,
    /// That at the beginning; only the number of blocks changes.
    geometry: Geometry,
    blocks: Atomic<u64>,
    /// Whether all of it is being erased, and what came of that.
    pub(crate) erasure: Erasure,
    pub(crate) queue: Arc<OwnedQueue>,
}

impl Medium {
    /// Makes the way to a backing store. `queue` is for commands that take several steps.
    pub(crate) fn new(
        backend: Backend,
        geometry: Geometry,
        queue: Arc<OwnedQueue>,
    ) -> Result<Arc<Self>> {
        let tracked = backend.again()?;
        Arc::pin_init(
            pin_init!(Self {
                free: backend,
                tracked,
                settled: Atomic::new(false),
                ranges <- Ranges::new(),
                geometry,
                blocks: Atomic::new(geometry.blocks()),
                erasure: Erasure::new(),
                queue,
            }),
            GFP_KERNEL,
        )
    }

    /// The backing store, to be asked.
    pub(crate) fn backend(&self) -> &Backend {
        &self.tracked
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
        let _guard = rcu::read_lock();
        if self.ranges.is_tracking() {
            return None;
        }
        self.free.enter()
    }

    /// The right to an I/O of a command that has entered [`Ranges`], or need not.
    pub(crate) fn enter(&self) -> Option<Entry> {
        self.tracked.enter()
    }

    /// Whether [`Medium::settle`] has done its work.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(ordering::Acquire)
    }

    /// Waits until every command under way is in [`Ranges`], which must be tracking; says whether
    /// they are in time. Sleeps, a few seconds at most.
    pub(crate) fn settle(&self) -> bool {
        if self.is_settled() {
            return true;
        }
        rcu::synchronize_rcu();
        self.free.kill();
        let settled = self.free.wait_drained(Delta::from_secs(4));
        if settled {
            self.settled.store(true, ordering::Release);
        }
        settled
    }
}
