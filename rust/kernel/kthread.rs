// SPDX-License-Identifier: GPL-2.0

//! Kernel threads that serve, and what they sleep on.
//!
//! A thread keeps its module loaded until it has left the module's code for good, so that it may
//! be left to itself: dropping its [`Thread`] handle detaches it.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

mod doorbell;

pub use doorbell::Doorbell;

use crate::{bindings, module::ModuleRef, shims, wait::WaitQueue};
use kernel::{
    error::from_err_ptr,
    ffi::{c_int, c_void},
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{ordering, Atomic},
        Arc, //
    },
    task::Task,
    time::{Delta, Nsec},
    ThisModule, //
};

/// What a thread and its handles share.
#[pin_data]
struct Shared {
    finished: Atomic<bool>,
    /// Whether somebody has waited for the exit, which C allows once.
    reaped: Atomic<bool>,
    #[pin]
    joiners: WaitQueue,
}

/// What a new thread is given.
struct Start<F> {
    body: F,
    shared: Arc<Shared>,
    module: ModuleRef,
}

/// A handle on a running thread.
pub struct Thread {
    task: ARef<Task>,
    shared: Arc<Shared>,
}

impl Thread {
    /// Starts a thread that runs `body` once. May sleep.
    ///
    /// Its memory allocations never start I/O: it may be what that I/O waits for.
    pub fn spawn<F: FnOnce() + Send + 'static>(
        name: &CStr,
        module: &'static ThisModule,
        body: F,
    ) -> Result<Self> {
        let shared = Arc::pin_init(
            pin_init!(Shared {
                finished: Atomic::new(false),
                reaped: Atomic::new(false),
                joiners <- WaitQueue::new(),
            }),
            GFP_KERNEL,
        )?;
        let start = KBox::new(
            Start {
                body,
                shared: shared.clone(),
                module: ModuleRef::get(module)?,
            },
            GFP_KERNEL,
        )?;
        let start = KBox::into_raw(start);
        // SAFETY: `run::<F>` takes over `start` if it is called. The format takes one string.
        let task = from_err_ptr(unsafe {
            bindings::kthread_create_on_node(
                Some(run::<F>),
                start.cast(),
                bindings::NUMA_NO_NODE,
                c"%s".as_char_ptr(),
                name.as_char_ptr(),
            )
        })
        .inspect_err(|_| {
            // SAFETY: There is no thread, so nobody else has taken `start` over.
            drop(unsafe { KBox::from_raw(start) });
        })?;
        // SAFETY: A new thread exists at least until it is woken; `Task` is a `task_struct`.
        let handle: ARef<Task> = unsafe { &*task.cast::<Task>() }.into();
        // SAFETY: As above; the first wake-up makes it run.
        unsafe { bindings::wake_up_process(task) };
        Ok(Self {
            task: handle,
            shared,
        })
    }

    /// Waits until the thread is gone, `limit` at most; says whether it is. Sleeps.
    ///
    /// A thread that is gone has dropped all that its body held, and its module.
    pub fn join(&self, limit: Delta<Nsec>) -> bool {
        let finished = || self.shared.finished.load(ordering::Acquire);
        if !self.shared.joiners.wait_timeout(limit, finished) {
            return false;
        }
        if !self.shared.reaped.xchg(true, ordering::Relaxed) {
            // Its last steps, a few instructions, after which its module may be unloaded.
            //
            // SAFETY: The thread was created by `kthread_create_on_node`, and our reference keeps
            // its `task_struct`. It has started, so this can't keep it from running `run::<F>`. The
            // exchange lets one caller through.
            unsafe { bindings::kthread_stop(self.task.as_ptr()) };
        }
        true
    }
}

/// The code of a thread.
///
/// # Safety
///
/// Called once, with the `Start<F>` that [`Thread::spawn`] made for it.
unsafe extern "C" fn run<F: FnOnce() + Send + 'static>(start: *mut c_void) -> c_int {
    // SAFETY: An FFI call without requirements.
    unsafe { shims::memalloc_noio() };
    // SAFETY: By the requirement the box is ours now.
    let start = unsafe { KBox::from_raw(start.cast::<Start<F>>()) };
    let Start {
        body,
        shared,
        module,
    } = KBox::into_inner(start);
    body();
    shared.finished.store(true, ordering::Release);
    shared.joiners.wake_all();
    drop(shared);
    // SAFETY: `module` gives its count up to this call, which does not return to the module's code.
    // This thread is a kernel thread.
    unsafe { bindings::__module_put_and_kthread_exit(module.into_raw(), 0) }
}

/// Lets others run if their turn has come; sleeps in that case. No code of a module that may be unloaded meanwhile is
/// above: see [`LastSteps`](crate::module::LastSteps).
pub fn yield_if_due() {
    // SAFETY: An FFI call in process context.
    unsafe { shims::cond_resched_tasks_rcu_qs() };
}
