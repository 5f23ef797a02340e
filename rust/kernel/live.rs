// SPDX-License-Identifier: GPL-2.0

//! Objects with per-CPU reference counts that their owner can take out of use and wait for.
//!
//! A logical unit is referred to by every command in flight, from every CPU. An `Arc` would bounce
//! its counter's cache line between them; a `percpu_ref` doesn't. The price is that somebody must
//! say when the object dies: the one [`Live`] handle.
//!
//! C header: [`include/linux/percpu-refcount.h`](srctree/include/linux/percpu-refcount.h)

use crate::{bindings, shims, wait::WaitQueue};
use core::{
    ops::Deref,
    pin::Pin,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::atomic::{ordering, Atomic},
    time::{Delta, Nsec},
    types::Opaque, //
};

#[pin_data]
#[repr(C)]
struct Shared<T> {
    // First, so that the release callback finds the structure from the counter's address.
    #[pin]
    refs: Opaque<bindings::percpu_ref>,
    #[pin]
    drained: WaitQueue,
    is_drained: Atomic<bool>,
    value: T,
}

/// The owner's handle on a `T` that others hold [`LiveRef`]s to.
///
/// Dropping it waits, without bound, for the last reference: callers that must answer in time call
/// [`Live::kill`] and [`Live::wait_drained`] first and give up on their own terms.
///
/// # Invariants
///
/// `shared` is a live allocation whose `refs` is initialised. It is freed by this handle alone,
/// after the counter has reached zero.
pub struct Live<T: Send + Sync + 'static> {
    shared: NonNull<Shared<T>>,
    killed: Atomic<bool>,
}

// SAFETY: Everything reachable is `Send + Sync`; the counter is made for concurrent use.
unsafe impl<T: Send + Sync + 'static> Send for Live<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync + 'static> Sync for Live<T> {}

impl<T: Send + Sync + 'static> Live<T> {
    /// Allocates the object. May sleep.
    pub fn new(value: T) -> Result<Self> {
        let shared = KBox::pin_init(
            try_pin_init!(Shared {
                refs <- Opaque::try_ffi_init(|slot| {
                    // SAFETY: `slot` is memory for a `percpu_ref`; `released::<T>` expects one
                    // inside a `Shared<T>`, which this is.
                    to_result(unsafe {
                        bindings::percpu_ref_init(
                            slot,
                            Some(released::<T>),
                            0,
                            bindings::GFP_KERNEL,
                        )
                    })
                }),
                drained <- WaitQueue::new(),
                is_drained: Atomic::new(false),
                value,
            }? Error),
            GFP_KERNEL,
        )?;
        // SAFETY: The pointee stays where it is until `drop` frees it: it is pinned for good.
        let shared = unsafe { Pin::into_inner_unchecked(shared) };
        // INVARIANT: Just initialised; this handle is the only owner of the allocation.
        Ok(Self {
            shared: NonNull::from(KBox::leak(shared)),
            killed: Atomic::new(false),
        })
    }

    /// Takes a reference, unless the object has been killed.
    pub fn get(&self) -> Option<LiveRef<T>> {
        // SAFETY: By the invariant the counter is initialised.
        if !unsafe { shims::percpu_ref_tryget_live(self.refs()) } {
            return None;
        }
        // INVARIANT: The successful `tryget` is the reference's count.
        Some(LiveRef(self.shared))
    }

    /// Refuses new references from here on. Idempotent. May sleep.
    pub fn kill(&self) {
        if !self.killed.xchg(true, ordering::Full) {
            // SAFETY: Initialised, and killed once: the exchange lets one caller through.
            unsafe { shims::percpu_ref_kill(self.refs()) };
        }
    }

    /// Waits until all references are gone, `limit` at most; says whether they are.
    ///
    /// Only sensible after [`Live::kill`]. Sleeps.
    pub fn wait_drained(&self, limit: Delta<Nsec>) -> bool {
        let shared = self.shared();
        shared
            .drained
            .wait_timeout(limit, || shared.is_drained.load(ordering::Acquire))
    }

    /// How many references are left of an object that has been killed, for people who wonder why it
    /// doesn't drain; `None` while that isn't known: the CPUs' counters are added up only after a grace
    /// period, in an RCU callback. Any context.
    pub fn references(&self) -> Option<u64> {
        // The counter's value until then; see lib/percpu-refcount.c.
        const NOT_ADDED_UP: i64 = i64::MIN;

        // SAFETY: By the invariant the counter is initialised, and with it its data, which stay as long.
        // Other CPUs change the count meanwhile, so it is read in one piece.
        let count = unsafe { (&raw const (*(*self.refs()).data).count.counter).read_volatile() };
        (count & NOT_ADDED_UP == 0).then_some(count.unsigned_abs())
    }

    fn shared(&self) -> &Shared<T> {
        // SAFETY: By the invariant the allocation is live as long as `self`.
        unsafe { self.shared.as_ref() }
    }

    fn refs(&self) -> *mut bindings::percpu_ref {
        self.shared().refs.get()
    }
}

impl<T: Send + Sync + 'static> Deref for Live<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.shared().value
    }
}

impl<T: Send + Sync + 'static> Drop for Live<T> {
    fn drop(&mut self) {
        self.kill();
        let shared = self.shared();
        shared
            .drained
            .wait(|| shared.is_drained.load(ordering::Acquire));
        // SAFETY: The counter is initialised and has reached zero.
        unsafe { bindings::percpu_ref_exit(self.refs()) };
        // The release callback runs under RCU; it may still be on its way out of `wake_all`.
        kernel::sync::rcu::synchronize_rcu();
        // SAFETY: The allocation came from `KBox::leak`; by the zero count no reference is left.
        drop(unsafe { Pin::new_unchecked(KBox::from_raw(self.shared.as_ptr())) });
    }
}

/// Called by C when the last reference of a killed object goes.
///
/// # Safety
///
/// `refs` is the first field of a live `Shared<T>`.
unsafe extern "C" fn released<T>(refs: *mut bindings::percpu_ref) {
    // SAFETY: By the requirement; `Shared` is `repr(C)` with the counter first (`Opaque` is
    // transparent). `Live::drop` waits for `is_drained` and then for a grace period, within which
    // this callback, called under RCU or before the kill returns, ends.
    let shared = unsafe { &*refs.cast::<Shared<T>>() };
    shared.is_drained.store(true, ordering::Release);
    shared.drained.wake_all();
}

/// A counted reference to the object of a [`Live`].
///
/// Taking and dropping one touches only this CPU's counter. Droppable in any context.
///
/// # Invariants
///
/// Holds one count of `refs`, which keeps the allocation alive.
pub struct LiveRef<T: Send + Sync + 'static>(NonNull<Shared<T>>);

// SAFETY: A shared reference to a `Send + Sync` value with a thread-safe counter.
unsafe impl<T: Send + Sync + 'static> Send for LiveRef<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync + 'static> Sync for LiveRef<T> {}

impl<T: Send + Sync + 'static> Clone for LiveRef<T> {
    fn clone(&self) -> Self {
        // SAFETY: Our own count keeps the counter alive and above zero.
        unsafe { shims::percpu_ref_get((*self.0.as_ptr()).refs.get()) };
        // INVARIANT: The `get` is the clone's count.
        Self(self.0)
    }
}

impl<T: Send + Sync + 'static> LiveRef<T> {
    /// Takes another reference, unless the object has been killed.
    pub fn get_live(&self) -> Option<Self> {
        // SAFETY: Our own count keeps the counter alive.
        unsafe { shims::percpu_ref_tryget_live((*self.0.as_ptr()).refs.get()) }
            // INVARIANT: The successful `tryget` is the new reference's count. (Made only then: dropping
            // one gives a count back.)
            .then(|| Self(self.0))
    }
}

impl<T: Send + Sync + 'static> Deref for LiveRef<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: Our count keeps the allocation alive.
        unsafe { &(*self.0.as_ptr()).value }
    }
}

impl<T: Send + Sync + 'static> Drop for LiveRef<T> {
    fn drop(&mut self) {
        // SAFETY: We hold the count that is given back here.
        unsafe { shims::percpu_ref_put((*self.0.as_ptr()).refs.get()) };
    }
}

#[kernel::macros::kunit_tests(stmf_live)]
mod tests {
    use super::*;
    use crate::drops::Drops;

    const SOON: Delta<Nsec> = Delta::from_millis(20);
    const LONG: Delta<Nsec> = Delta::from_secs(20);

    #[test]
    fn no_reference_is_given_once_it_is_killed() -> Result {
        let live = Live::new(7)?;
        let one = live.get().ok_or(ENOENT)?;
        let another = one.get_live().ok_or(ENOENT)?;
        assert_eq!(*another, 7);
        live.kill();
        live.kill();
        assert!(live.get().is_none());
        assert!(one.get_live().is_none());
        Ok(())
    }

    #[test]
    fn it_drains_with_its_last_reference() -> Result {
        let live = Live::new(7)?;
        let one = live.get().ok_or(ENOENT)?;
        live.kill();
        assert!(!live.wait_drained(SOON));
        // Killed or not, who has a reference may hand on others.
        let another = one.clone();
        drop(one);
        assert!(!live.wait_drained(SOON));
        while live.references().is_none() {
            assert!(!live.wait_drained(SOON));
        }
        assert_eq!(live.references(), Some(1));
        drop(another);
        assert!(live.wait_drained(LONG));
        Ok(())
    }

    #[test]
    fn the_value_goes_with_the_owner() -> Result {
        let drops = Drops::new()?;
        let live = Live::new(drops.witness())?;
        drop(live.get());
        live.kill();
        assert!(live.wait_drained(LONG));
        assert_eq!(drops.count(), 0);
        drop(live);
        assert_eq!(drops.count(), 1);
        Ok(())
    }
}
