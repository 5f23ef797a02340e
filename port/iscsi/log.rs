// SPDX-License-Identifier: GPL-2.0

//! Messages that initiators can cause, and so could flood the log with.

use kernel::sync::atomic::{ordering, Atomic};
use stmf_kernel::clock;

/// Messages of one kind in a [`PERIOD`].
const BURST: u32 = 10;

/// Five seconds.
const PERIOD: i64 = 5_000_000_000;

/// Limits how often something is said. Several threads at once may get a few more through.
pub(crate) struct Limit {
    since: Atomic<i64>,
    said: Atomic<u32>,
}

impl Limit {
    pub(crate) const fn new() -> Self {
        Self {
            since: Atomic::new(0),
            said: Atomic::new(0),
        }
    }

    /// Whether it may be said now.
    pub(crate) fn allows(&self) -> bool {
        let now = clock::monotonic_ns();
        if now.saturating_sub(self.since.load(ordering::Relaxed)) > PERIOD {
            self.since.store(now, ordering::Relaxed);
            self.said.store(0, ordering::Relaxed);
        }
        self.said.fetch_add(1, ordering::Relaxed) < BURST
    }
}

/// As `pr_notice!`, a limited number of times. Each place has a limit of its own.
macro_rules! notice_limited {
    ($($argument:tt)*) => {{
        static LIMIT: $crate::log::Limit = $crate::log::Limit::new();
        if LIMIT.allows() {
            kernel::pr_notice!("{}\n", format_args!($($argument)*));
        }
    }};
}

pub(crate) use notice_limited;
