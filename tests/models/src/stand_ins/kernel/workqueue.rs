// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::workqueue`: a queue with one worker, which models give a thread.

use super::{
    prelude::{made, PinInit},
    sync::Arc, //
};
use core::marker::PhantomData;
use loom::sync::{
    atomic::{
        fence, AtomicBool,
        Ordering::{AcqRel, SeqCst},
    },
    Notify, //
};
use std::{collections::VecDeque, sync::Mutex};

pub use crate::{impl_has_work, new_work};

/// What has something to do.
pub trait WorkItem {
    /// How the worker holds it.
    type Pointer;
    /// Does it.
    fn run(this: Self::Pointer);
}

/// What has a [`Work`].
pub trait HasWork: Sized {
    /// It.
    fn work(&self) -> &Work<Self>;
}

/// Whether something is queued already.
pub struct Work<T> {
    is_pending: AtomicBool,
    of: PhantomData<fn(T)>,
}

impl<T> Work<T> {
    /// One that isn't.
    pub fn new() -> impl PinInit<Self> {
        made(Ok(Self {
            is_pending: AtomicBool::new(false),
            of: PhantomData,
        }))
    }
}

/// A work queue. What is queued while it is being done is done once more, later (as in
/// Documentation/core-api/workqueue.rst of the kernel).
pub struct OwnedQueue {
    items: Mutex<VecDeque<Box<dyn FnOnce()>>>,
    is_closed: Mutex<bool>,
    changed: Notify,
}

impl OwnedQueue {
    #[allow(missing_docs, reason = "it is an empty one")]
    pub fn new() -> Self {
        Self {
            items: Mutex::new(VecDeque::new()),
            is_closed: Mutex::new(false),
            changed: Notify::new(),
        }
    }

    /// Queues something, unless it is queued already. What its caller did before is seen by who does it.
    pub fn enqueue<W>(&self, item: Arc<W>) -> Result<(), Arc<W>>
    where
        W: WorkItem<Pointer = Arc<W>> + HasWork + 'static,
    {
        // `test_and_set_bit` is a full barrier whatever it finds.
        fence(SeqCst);
        let was_pending = item.work().is_pending.swap(true, AcqRel);
        fence(SeqCst);
        if was_pending {
            return Err(item);
        }
        let run = move || {
            // The pool's lock has it see what the queueing thread did before.
            item.work().is_pending.swap(false, AcqRel);
            fence(SeqCst);
            W::run(item);
        };
        self.items.lock().unwrap().push_back(Box::new(run));
        self.changed.notify();
        Ok(())
    }

    /// The worker's thread: does what is queued until the queue is closed, and empty.
    pub fn work(&self) {
        loop {
            let next = self.items.lock().unwrap().pop_front();
            match next {
                Some(run) => run(),
                None if *self.is_closed.lock().unwrap() => return,
                None => self.changed.wait(),
            }
        }
    }

    /// Nobody queues anything any more.
    pub fn close(&self) {
        *self.is_closed.lock().unwrap() = true;
        self.changed.notify();
    }
}

/// As the kernel's.
#[macro_export]
macro_rules! new_work {
    ($name:literal) => {
        $crate::workqueue::Work::new()
    };
}

/// As the kernel's.
#[macro_export]
macro_rules! impl_has_work {
    (impl HasWork<Self> for $of:ident { self.$field:ident }) => {
        impl $crate::workqueue::HasWork for $of {
            fn work(&self) -> &$crate::workqueue::Work<Self> {
                &self.$field
            }
        }
    };
}
