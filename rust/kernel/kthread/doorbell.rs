// SPDX-License-Identifier: GPL-2.0

//! What an event loop sleeps on.

use crate::wait::WaitQueue;
use kernel::{
    prelude::*,
    sync::atomic::{ordering, Atomic},
    time::{Delta, Nsec}, //
};

/// Up to 31 kinds of news for one thread, rung from any context.
///
/// What rings is remembered until [`Doorbell::take`] is called, so nothing that happens while the
/// thread works is missed, and ringing wakes nobody unless the thread sleeps.
#[pin_data]
pub struct Doorbell {
    rung: Atomic<u32>,
    #[pin]
    sleeper: WaitQueue,
}

/// The bit that says that the thread sleeps, or is about to.
const SLEEPING: u32 = 1 << 31;

impl Doorbell {
    /// Creates a doorbell that has not been rung.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            rung: Atomic::new(0),
            sleeper <- WaitQueue::new(),
        })
    }

    /// Rings the bells in `bells`, and wakes the thread if it sleeps. Any context.
    ///
    /// What the caller wrote before is visible to the thread once it has taken the bells.
    pub fn ring(&self, bells: u32) {
        let mut before = self.rung.load(ordering::Relaxed);
        loop {
            // One ringer of many wakes the thread.
            let after = (before | bells) & !SLEEPING;
            match self.rung.cmpxchg(before, after, ordering::Full) {
                Ok(_) => break,
                Err(now) => before = now,
            }
        }
        if before & SLEEPING != 0 {
            self.sleeper.wake_all();
        }
    }

    /// Whether one of the bells in `bells` has rung and was not taken yet. Any context.
    pub fn has_rung(&self, bells: u32) -> bool {
        self.rung.load(ordering::Acquire) & bells != 0
    }

    /// Takes all bells that have rung.
    pub fn take(&self) -> u32 {
        if self.rung.load(ordering::Relaxed) == 0 {
            return 0;
        }
        self.rung.xchg(0, ordering::Full) & !SLEEPING
    }

    /// Sleeps until a bell rings, `limit` at most. For the one thread whose doorbell it is.
    pub fn wait(&self, limit: Delta<Nsec>) {
        if self.rung.cmpxchg(0, SLEEPING, ordering::Full).is_err() {
            return;
        }
        let rung = || self.rung.load(ordering::Acquire) != SLEEPING;
        if !self.sleeper.wait_timeout(limit, rung) {
            // It may ring just now: then the bit is gone already.
            let _ = self.rung.cmpxchg(SLEEPING, 0, ordering::Full);
        }
    }
}
