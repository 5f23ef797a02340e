// SPDX-License-Identifier: GPL-2.0

//! Commands on work queues.
//!
//! The `kernel` crate has the queues that the kernel itself makes, and work items in memory of
//! their own. Here are queues to own, and commands as work items: a command that can't go on in
//! its context is handed over without an allocation.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)

use crate::{
    bindings,
    io::{Carried, Lent, RawLent},
    module::{Filled, ModuleCell},
    shims,
    token::Token, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    alloc::{AllocError, Flags},
    ffi::{c_int, c_ulong},
    prelude::*,
    sync::Arc,
    time::{msecs_to_jiffies, Delta, Nsec},
    types::Opaque,
    workqueue::{Queue, RawWorkItem}, //
};

/// A work queue, not bound to CPUs.
///
/// Dropping it waits for the work in it.
///
/// # Invariants
///
/// The pointer owns a work queue.
pub struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: Work queues may be used and destroyed from any thread.
unsafe impl Send for OwnedQueue {}
// SAFETY: As above.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Creates a queue on which up to `workers` items run at a time; each may wait for memory. May sleep.
    pub fn new(name: &'static CStr, workers: u16) -> Result<Self> {
        Self::make(name, workers, 0)
    }

    /// As [`OwnedQueue::new`], for what commands wait for: when the memory for one more worker would only be
    /// freed by such a command, a thread that is kept for this carries the items out, one after the other.
    ///
    /// They must not wait for a queue that [`OwnedQueue::new`] made, or one of the kernel's.
    pub fn for_commands(name: &'static CStr, workers: u16) -> Result<Self> {
        Self::make(name, workers, bindings::wq_flags_WQ_MEM_RECLAIM)
    }

    fn make(name: &'static CStr, workers: u16, mut flags: bindings::wq_flags) -> Result<Self> {
        flags |= bindings::wq_flags_WQ_UNBOUND;
        if workers == 1 {
            // In order, and with one pool for all CPUs instead of one for each.
            flags |= bindings::wq_flags___WQ_ORDERED;
        }
        // SAFETY: The format takes one string, and both strings are NUL-terminated statics.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                flags,
                i32::from(workers),
                name.as_char_ptr(),
            )
        };
        // INVARIANT: Just made, and ours.
        Ok(Self(NonNull::new(queue).ok_or(ENOMEM)?))
    }

    /// Runs a closure on a worker. Allocates with `flags`, and is callable where these are.
    ///
    /// In place of `Queue::try_spawn` (kernel 7.3), which gives the work items of all modules one lock
    /// class that is the kernel's, with a name in the module that came first: lockdep reads it when that
    /// module is gone.
    pub fn spawn<F>(&self, flags: Flags, run: F) -> Result<(), AllocError>
    where
        F: FnOnce() + Send + 'static,
    {
        let work = bindings::work_struct::default();
        let closure = KBox::into_raw(KBox::new(
            Closure {
                work,
                run: Some(run),
            },
            flags,
        )?);
        // SAFETY: The closure is ours until `run_closure` takes it back, and its work item, which stays
        // where it is, is initialised before it is queued, once. By the invariant the queue is live.
        unsafe {
            let work = &raw mut (*closure).work;
            shims::init_work(work, Some(run_closure::<F>));
            let cpu = bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int;
            bindings::queue_work_on(cpu, self.0.as_ptr(), work);
        }
        Ok(())
    }
}

/// A closure as a work item.
#[repr(C)]
struct Closure<F> {
    // First, so that the work function finds the rest from the pointer that C gives it.
    work: bindings::work_struct,
    run: Option<F>,
}

/// The work function of a closure.
///
/// # Safety
///
/// `work` is that of a [`Closure<F>`] that [`OwnedQueue::spawn`] queued; called once.
unsafe extern "C" fn run_closure<F: FnOnce()>(work: *mut bindings::work_struct) {
    // SAFETY: `Closure` is `repr(C)` with the work first, and came from `KBox::into_raw`. The work queue
    // doesn't touch the work any more: its function may free it.
    let mut closure = unsafe { KBox::from_raw(work.cast::<Closure<F>>()) };
    if let Some(run) = closure.run.take() {
        run();
    }
    // Freed only now: the work queue knows an item that is carried out by its address, and would have another
    // that got the same meanwhile wait for the end of this one.
}

impl OwnedQueue {
    /// Queues a work item; gives it back when it is queued already. Any context.
    ///
    /// The queue's timers ([`Queue::enqueue_delayed`]) aren't reached: dropping a queue doesn't wait for them.
    pub fn enqueue<W, const ID: u64>(&self, work: W) -> W::EnqueueOutput
    where
        W: RawWorkItem<ID> + Send + 'static,
    {
        // SAFETY: By the invariant the queue is live as long as `self`.
        unsafe { Queue::from_raw(self.0.as_ptr()) }.enqueue(work)
    }

    /// Waits until the functions of all that is in the queue have returned. Sleeps.
    fn flush(&self) {
        // SAFETY: By the invariant the queue is live as long as `self`.
        unsafe { bindings::__flush_workqueue(self.0.as_ptr()) };
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: By the invariant the queue is ours; nobody can add to it any more.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}

/// A queue in a [`ModuleCell`]; a field of the module's own structure.
///
/// Dropping it waits for the work in the queue, whoever has a reference to it still: a worker that gives back the
/// last one would wait for itself, and have its end yet to run when the module is gone.
pub struct ModuleQueue {
    _cell: Filled<OwnedQueue>,
    queue: Arc<OwnedQueue>,
}

impl ModuleQueue {
    /// Fills a cell with a queue. May sleep for memory.
    pub fn fill(cell: &'static ModuleCell<OwnedQueue>, queue: OwnedQueue) -> Result<Self> {
        let queue = Arc::new(queue, GFP_KERNEL)?;
        Ok(Self {
            _cell: cell.fill(queue.clone()),
            queue,
        })
    }

    /// The queue.
    pub fn queue(&self) -> &Arc<OwnedQueue> {
        &self.queue
    }
}

impl Drop for ModuleQueue {
    fn drop(&mut self) {
        self.queue.flush();
    }
}

/// A function that a work queue runs after a while, again and again if it is asked to.
///
/// Dropping it waits for the function when that is running, and it doesn't run again.
#[pin_data(PinnedDrop)]
#[repr(C)]
pub struct Delayed {
    // First, so that the work function finds the rest from the pointer that C gives it.
    #[pin]
    work: Opaque<bindings::delayed_work>,
    run: fn(),
    queue: Arc<OwnedQueue>,
}

// SAFETY: Work items may be queued and cancelled from any thread.
unsafe impl Send for Delayed {}
// SAFETY: As above.
unsafe impl Sync for Delayed {}

impl Delayed {
    /// `run` is called in process context and may sleep.
    pub fn new(queue: Arc<OwnedQueue>, run: fn()) -> impl PinInit<Self> {
        pin_init!(Self {
            work <- Opaque::ffi_init(|work| {
                // SAFETY: `work` is memory for a `delayed_work`; `run_delayed` expects one inside a
                // `Delayed`, which this is.
                unsafe { shims::init_delayed_work(work, Some(run_delayed)) }
            }),
            run,
            queue,
        })
    }

    /// Has the function run after `delay`, instead of when it would have. Any context.
    pub fn run_after(&self, delay: Delta<Nsec>) {
        // SAFETY: The work item is initialised and pinned, the queue live.
        unsafe {
            bindings::mod_delayed_work_on(
                CPU,
                self.queue.0.as_ptr(),
                self.work.get(),
                jiffies(delay),
            )
        };
    }
}

#[pinned_drop]
impl PinnedDrop for Delayed {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: The work item is initialised. Nobody can queue it any more: that takes a reference.
        unsafe { bindings::cancel_delayed_work_sync(self.work.get()) };
    }
}

const CPU: c_int = bindings::wq_misc_consts_WORK_CPU_UNBOUND as c_int;

fn jiffies(delay: Delta<Nsec>) -> c_ulong {
    let millis = u32::try_from(delay.as_millis_ceil().max(0)).unwrap_or(u32::MAX);
    msecs_to_jiffies(millis)
}

/// The work function of a [`Delayed`].
///
/// # Safety
///
/// `work` is that of a [`Delayed`], which is there until this returns.
unsafe extern "C" fn run_delayed(work: *mut bindings::work_struct) {
    // SAFETY: `Delayed` is `repr(C)` with the delayed work first (`Opaque` is transparent), which
    // begins with the work. By the requirement it is there.
    let delayed = unsafe { &*work.cast::<Delayed>() };
    (delayed.run)();
}

/// What is done with a command on a work queue.
pub trait Run<T: Carried>: 'static {
    /// Called once. Process context; may sleep.
    fn run(token: Token<T>);
}

/// As [`Run`], with what the command has lent.
pub(crate) trait RunLent<T: Carried>: 'static {
    /// Called once. Process context; may sleep.
    fn run(lent: Lent<T>);
}

/// Hands a command over to a work queue. Any context.
pub fn later<T: Carried, R: Run<T>>(queue: &OwnedQueue, token: Token<T>) {
    later_lent::<T, Ended<R>>(queue, Lent::new(token));
}

/// As [`later`], with what the command has lent.
pub(crate) fn later_lent<T: Carried, R: RunLent<T>>(queue: &OwnedQueue, lent: Lent<T>) {
    queue.enqueue(Later::<T, R>(lent, PhantomData));
}

/// Makes a [`RunLent`] of a [`Run`].
struct Ended<R>(PhantomData<R>);

impl<T: Carried, R: Run<T>> RunLent<T> for Ended<R> {
    fn run(lent: Lent<T>) {
        R::run(lent.end());
    }
}

/// A command as a work item, in its [`crate::io::Room`].
#[repr(C)]
pub(crate) struct Deferred {
    // First, so that the work function finds the rest from the pointer that C gives it.
    work: bindings::work_struct,
    lent: RawLent,
}

/// A command on its way to a work queue.
struct Later<T: Carried, R: RunLent<T>>(Lent<T>, PhantomData<fn(R)>);

// SAFETY: The command is owned, and commands are `Send`.
unsafe impl<T: Carried, R: RunLent<T>> Send for Later<T, R> {}

// SAFETY: The pointer given to `queue_work_on` is into the room of a command that has been given
// up, so it is valid and unused by others until `run_deferred`, the work's function, takes the
// command back.
unsafe impl<T: Carried, R: RunLent<T>> RawWorkItem<0> for Later<T, R> {
    type EnqueueOutput = ();

    unsafe fn __enqueue<F>(self, queue_work_on: F)
    where
        F: FnOnce(*mut bindings::work_struct) -> bool,
    {
        let mut lent = self.0;
        let deferred = lent.parts().1.deferred.get();
        let raw = lent.into_raw();
        // SAFETY: `deferred` is memory for a `Deferred` in the room, which is ours.
        let work = unsafe {
            (&raw mut (*deferred).lent).write(raw);
            let work = &raw mut (*deferred).work;
            shims::init_work(work, Some(run_deferred::<T, R>));
            work
        };
        // A work item that has just been initialised isn't queued yet, so this succeeds.
        queue_work_on(work);
    }
}

/// The work function of a deferred command.
///
/// # Safety
///
/// `work` is that of a [`Deferred`] that [`Later::<T, R>`] queued; called once.
unsafe extern "C" fn run_deferred<T: Carried, R: RunLent<T>>(work: *mut bindings::work_struct) {
    // SAFETY: `Deferred` is `repr(C)` with the work first. The work queue doesn't touch the work
    // any more: its function may free it.
    let raw = unsafe { (*work.cast::<Deferred>()).lent };
    // SAFETY: It came from `into_raw` in `__enqueue`, and nobody used it since.
    R::run(unsafe { Lent::from_raw(raw) });
}

#[kernel::macros::kunit_tests(stmf_work)]
mod tests {
    use super::*;
    use crate::wait::WaitQueue;
    use kernel::sync::atomic::{ordering, Atomic};

    static RUNS: Atomic<u32> = Atomic::new(0);

    fn run() {
        RUNS.fetch_add(1, ordering::Full);
    }

    /// Waits until it has run so often.
    fn has_run(times: u32) -> Result<bool> {
        let nobody = KBox::pin_init(WaitQueue::new(), GFP_KERNEL)?;
        for _ in 0..2000 {
            if RUNS.load(ordering::Acquire) == times {
                return Ok(true);
            }
            nobody.wait_timeout(Delta::from_millis(10), || false);
        }
        Ok(false)
    }

    #[test]
    fn a_delayed_one_runs_when_it_is_asked_last_and_not_once_it_is_gone() -> Result {
        RUNS.store(0, ordering::Release);
        let queue = Arc::new(OwnedQueue::new(c"stmf_kunit", 1)?, GFP_KERNEL)?;
        let delayed = KBox::pin_init(Delayed::new(queue.clone(), run), GFP_KERNEL)?;
        delayed.run_after(Delta::from_secs(1000));
        delayed.run_after(Delta::from_millis(1));
        assert!(has_run(1)?);
        delayed.run_after(Delta::from_millis(1));
        assert!(has_run(2)?);
        delayed.run_after(Delta::from_millis(50));
        drop(delayed);
        drop(queue);
        assert!(has_run(2)?);
        Ok(())
    }
}
