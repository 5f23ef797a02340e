// SPDX-License-Identifier: GPL-2.0

//! Stands in for `stmf_kernel`.

pub mod queue;
pub mod wait;

/// Models know no time.
pub mod clock {
    /// Always the same.
    pub fn monotonic_ns() -> i64 {
        0
    }
}

/// Nobody traces.
pub mod trace {
    macro_rules! events {
        ($($event:ident,)*) => {$(
            #[allow(missing_docs, reason = "it does nothing")]
            pub fn $event(_: impl FnOnce() -> (u64, u64)) {}
        )*};
    }

    events! { task_abort, task_detach, task_end, task_execute, }
}
