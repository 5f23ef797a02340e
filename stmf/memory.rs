// SPDX-License-Identifier: GPL-2.0

//! The memory of all sessions' commands together: initiators, however many log in, can't take that of the
//! machine.
//!
//! A session reserves what its commands have in flight, in large pieces and beyond a small allowance (see
//! [`crate::taskset`]), and gives back what is far more than it needs, and all when it is idle: commands
//! don't come here one by one. What a port keeps of commands that aren't admitted yet, or are over, counts, too
//! ([`Reservation`]).

use kernel::sync::atomic::{ordering, Atomic};
use stmf_kernel::fs::memory_total;

/// Bytes.
static RESERVED: Atomic<u64> = Atomic::new(0);

/// The part of the machine's memory that commands may have.
const PART: u64 = 4;

/// Reserves so many bytes; `false` when that would be too much. Any context.
pub(crate) fn reserve(bytes: u64) -> bool {
    let most = memory_total() / PART;
    let is_there = RESERVED.fetch_add(bytes, ordering::Relaxed) <= most.saturating_sub(bytes);
    if !is_there {
        give_back(bytes);
    }
    is_there
}

/// Gives a reservation back. Any context.
pub(crate) fn give_back(bytes: u64) {
    RESERVED.fetch_sub(bytes, ordering::Relaxed);
}

/// Memory for what comes with commands before they are admitted, and for what has to be sent when they are over;
/// given back when this is dropped.
pub struct Reservation(u64);

impl Reservation {
    /// Reserves so many bytes, unless that would be too much for all sessions together. Any context.
    pub fn new(bytes: usize) -> Option<Self> {
        let bytes = bytes as u64;
        // Made only then: dropping it gives the bytes back.
        reserve(bytes).then(|| Self(bytes))
    }

    /// Counts so many bytes that are taken already, though that may be too much: then nobody gets more. Any
    /// context.
    pub fn taken(bytes: usize) -> Self {
        let bytes = bytes as u64;
        RESERVED.fetch_add(bytes, ordering::Relaxed);
        Self(bytes)
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        give_back(self.0);
    }
}
