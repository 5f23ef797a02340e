// SPDX-License-Identifier: GPL-2.0

//! Sleeping until a condition holds, woken from any context.
//!
//! The `kernel` crate's `CondVar` needs a lock around the condition, which an interrupt handler
//! can't take. Here the condition is any closure over atomics, as with C's `wait_event`.
//!
//! C header: [`include/linux/wait.h`](srctree/include/linux/wait.h)

use crate::{bindings, shims};
use kernel::{
    prelude::*,
    time::{Delta, Nsec},
    types::Opaque, //
};

/// A wait queue.
#[pin_data]
pub struct WaitQueue {
    #[pin]
    head: Opaque<bindings::wait_queue_head>,
}

// SAFETY: A wait queue has its own lock and may be used from anywhere.
unsafe impl Send for WaitQueue {}
// SAFETY: As above.
unsafe impl Sync for WaitQueue {}

impl WaitQueue {
    /// Creates a wait queue without waiters.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            head <- Opaque::ffi_init(|head| {
                // SAFETY: `head` is memory for a wait queue head.
                unsafe { shims::init_waitqueue_head(head) }
            }),
        })
    }

    /// Wakes all waiters, who look at their conditions again. Callable from any context.
    ///
    /// Orders what the caller wrote before against what the waiters read after (the queue's lock,
    /// and a full barrier before looking for waiters).
    pub fn wake_all(&self) {
        // SAFETY: The head is initialised.
        unsafe { shims::wake_up_all(self.head.get()) };
    }

    /// Sleeps until the condition holds. Not counted as load: for threads that serve.
    pub fn wait(&self, mut condition: impl FnMut() -> bool) {
        let _ = self.wait_jiffies(isize::MAX, &mut condition);
    }

    /// Sleeps until the condition holds or the time is over; says whether it holds.
    pub fn wait_timeout(&self, limit: Delta<Nsec>, mut condition: impl FnMut() -> bool) -> bool {
        let millis = u32::try_from(limit.as_millis_ceil().max(0)).unwrap_or(u32::MAX);
        let jiffies = kernel::time::msecs_to_jiffies(millis);
        self.wait_jiffies(jiffies as isize, &mut condition)
    }

    fn wait_jiffies(&self, mut left: isize, condition: &mut dyn FnMut() -> bool) -> bool {
        if condition() {
            return true;
        }
        let mut entry = Opaque::<bindings::wait_queue_entry>::uninit();
        let entry = core::ptr::from_mut(&mut entry).cast::<bindings::wait_queue_entry>();
        // SAFETY: `entry` is memory for a wait entry that lives to the end of this function, where
        // `finish_wait` has taken it off the queue.
        unsafe { bindings::init_wait(entry) };
        let holds = loop {
            // SAFETY: The head and the entry are initialised.
            unsafe {
                bindings::prepare_to_wait(
                    self.head.get(),
                    entry,
                    bindings::TASK_IDLE as kernel::ffi::c_int,
                )
            };
            if condition() {
                break true;
            }
            if left <= 0 {
                break false;
            }
            // SAFETY: Called by a task that may sleep, as the functions above document.
            left = unsafe { bindings::schedule_timeout(left) };
        };
        // SAFETY: As for `prepare_to_wait`.
        unsafe { bindings::finish_wait(self.head.get(), entry) };
        holds
    }
}

#[kernel::macros::kunit_tests(stmf_wait)]
mod tests {
    use super::*;
    use kernel::time::{Instant, Monotonic};

    #[test]
    fn a_condition_that_holds_is_not_waited_for() -> Result {
        let queue = KBox::pin_init(WaitQueue::new(), GFP_KERNEL)?;
        assert!(queue.wait_timeout(Delta::from_millis(0), || true));
        queue.wait(|| true);
        Ok(())
    }

    #[test]
    fn one_that_never_holds_is_given_up_in_time() -> Result {
        let queue = KBox::pin_init(WaitQueue::new(), GFP_KERNEL)?;
        let begin = Instant::<Monotonic>::now();
        assert!(!queue.wait_timeout(Delta::from_millis(50), || false));
        assert!(begin.elapsed() >= Delta::from_millis(45));
        assert!(!queue.wait_timeout(Delta::from_millis(0), || false));
        Ok(())
    }

    #[test]
    fn it_is_looked_at_again_after_a_wake_up_that_was_for_nothing() -> Result {
        let queue = KBox::pin_init(WaitQueue::new(), GFP_KERNEL)?;
        let mut looks = 0;
        let holds = queue.wait_timeout(Delta::from_secs(20), || {
            looks += 1;
            queue.wake_all();
            looks == 4
        });
        assert!(holds);
        assert_eq!(looks, 4);
        Ok(())
    }
}
