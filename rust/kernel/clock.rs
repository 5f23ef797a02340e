// SPDX-License-Identifier: GPL-2.0

//! Clocks as plain numbers, for values that are stored in atomics or shown to people.
//!
//! C header: [`include/linux/timekeeping.h`](srctree/include/linux/timekeeping.h)

use crate::bindings;

/// Nanoseconds since boot, suspended time not counted. Any context.
pub fn monotonic_ns() -> i64 {
    // SAFETY: An FFI call without requirements.
    unsafe { bindings::ktime_get() }
}

/// Seconds since 1970. Any context.
pub fn unix_seconds() -> i64 {
    // SAFETY: An FFI call without requirements.
    unsafe { bindings::ktime_get_real_seconds() }
}

/// Milliseconds since 1970. Any context.
pub fn unix_milliseconds() -> u64 {
    const NANOSECONDS: i64 = 1_000_000;

    // SAFETY: An FFI call without requirements.
    let nanoseconds = unsafe { bindings::ktime_get_real() };
    u64::try_from(nanoseconds / NANOSECONDS).unwrap_or(0)
}
