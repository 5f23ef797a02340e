// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::time`.

use core::marker::PhantomData;

/// Nanoseconds.
#[derive(Clone, Copy)]
pub struct Nsec;

/// A span of time. Models know two: none, and as long as it takes.
#[derive(Clone, Copy)]
pub struct Delta<U> {
    pub(crate) is_over: bool,
    unit: PhantomData<U>,
}

impl<U> Delta<U> {
    /// No time at all.
    pub const NONE: Self = Self {
        is_over: true,
        unit: PhantomData,
    };

    /// As long as it takes.
    pub const FOREVER: Self = Self {
        is_over: false,
        unit: PhantomData,
    };
}
