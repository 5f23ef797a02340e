// SPDX-License-Identifier: GPL-2.0

//! Stands in for `stmf_kernel::wait`, step for step: a waiter enters the queue, looks at its condition,
//! and sleeps if nobody has woken it since it entered.

use crate::{
    prelude::*,
    time::{Delta, Nsec}, //
};
use loom::sync::{
    atomic::{fence, Ordering::SeqCst},
    Arc,
    Mutex,
    Notify, //
};

/// A wait queue.
pub struct WaitQueue {
    waiters: Mutex<Vec<Arc<Notify>>>,
}

impl WaitQueue {
    /// Creates a wait queue without waiters.
    pub fn new() -> impl PinInit<Self> {
        made(Ok(Self {
            waiters: Mutex::new(Vec::new()),
        }))
    }

    /// Wakes all waiters.
    pub fn wake_all(&self) {
        let waiters = self.waiters.lock().unwrap();
        waiters.iter().for_each(|waiter| waiter.notify());
    }

    /// Sleeps until the condition holds or the time is over; says whether it holds. A waiter with all
    /// the time in the world whom nobody wakes is a deadlock, which loom reports.
    pub fn wait_timeout(&self, limit: Delta<Nsec>, mut condition: impl FnMut() -> bool) -> bool {
        if condition() {
            return true;
        }
        let waiter = Arc::new(Notify::new());
        let holds = loop {
            let mut waiters = self.waiters.lock().unwrap();
            if !waiters.iter().any(|other| Arc::ptr_eq(other, &waiter)) {
                waiters.push(waiter.clone());
            }
            drop(waiters);
            fence(SeqCst);
            if condition() {
                break true;
            }
            if limit.is_over {
                break false;
            }
            waiter.wait();
        };
        let mut waiters = self.waiters.lock().unwrap();
        waiters.retain(|other| !Arc::ptr_eq(other, &waiter));
        holds
    }
}
