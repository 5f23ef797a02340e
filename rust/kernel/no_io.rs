// SPDX-License-Identifier: GPL-2.0

//! Memory that is not waited for until something has been written.
//!
//! The system's disks may be this target's: a write to one may wait for whoever waits for memory.
//!
//! C header: [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use crate::shims;
use kernel::types::NotThreadSafe;

/// As long as it is there, whatever the calling thread allocates is allocated as by `GFP_NOIO`.
///
/// # Invariants
///
/// `added` is what `memalloc_noio_save()` gave to this thread.
#[must_use = "ends when it is dropped"]
pub struct NoIo {
    added: core::ffi::c_uint,
    _of_a_thread: NotThreadSafe,
}

impl NoIo {
    /// Begins. Process context. Those that overlap end in the opposite order; otherwise the outer one ends
    /// them all.
    pub fn begin() -> Self {
        // INVARIANT: It can't be sent to another thread.
        //
        // SAFETY: Changes a flag of the current task, which nobody else writes.
        let added = unsafe { shims::memalloc_noio_save() };
        Self {
            added,
            _of_a_thread: NotThreadSafe,
        }
    }
}

impl Drop for NoIo {
    fn drop(&mut self) {
        // SAFETY: By the invariant these are flags that this thread's task got when this began; without
        // them its allocations are those of any task.
        unsafe { shims::memalloc_noio_restore(self.added) };
    }
}
