// SPDX-License-Identifier: GPL-2.0

//! The clock of a disk (SPC-5, Device clocks): the machine's, until an initiator sets it. From then
//! on it goes by itself, whatever becomes of the machine's (SCSIP), as long as there is the disk.

use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use stmf_kernel::clock::{monotonic_ns, unix_milliseconds};
use stmf_scsi::timestamp::Origin;

/// The clock of a disk.
#[pin_data]
pub(crate) struct Clock {
    /// What the time since boot has to be changed by, in milliseconds, once it was set.
    #[pin]
    offset: Mutex<Option<i64>>,
}

impl Clock {
    /// A clock that wasn't set.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            offset <- new_mutex!(None, "Clock::offset"),
        })
    }

    /// The timestamp in milliseconds, and who set the clock. Sleeps briefly.
    pub(crate) fn now(&self) -> (Origin, u64) {
        match *self.offset.lock() {
            // CAST: 48 bits of it count.
            Some(offset) => (Origin::SetTimestamp, uptime().wrapping_add(offset) as u64),
            None => (Origin::Other, unix_milliseconds()),
        }
    }

    /// Sets the clock to a timestamp in milliseconds. Sleeps briefly.
    pub(crate) fn set(&self, milliseconds: u64) {
        // CAST: 48 bits of it count.
        let offset = (milliseconds as i64).wrapping_sub(uptime());
        *self.offset.lock() = Some(offset);
    }
}

/// Milliseconds since boot.
fn uptime() -> i64 {
    monotonic_ns() / 1_000_000
}
