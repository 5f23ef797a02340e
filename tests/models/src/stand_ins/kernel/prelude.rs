// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::prelude`.

use super::alloc::AllocError;

pub use super::alloc::{KVec, GFP_KERNEL};
pub use crate::{pin_init, try_pin_init};
pub use core::format_args as fmt;
pub use stmf_models_macros::pin_data;

/// An error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(i32);

/// No such device.
pub const ENODEV: Error = Error(19);
/// Network is down.
pub const ENETDOWN: Error = Error(100);

impl From<AllocError> for Error {
    fn from(_: AllocError) -> Self {
        Self(12)
    }
}

/// What a kernel function returns.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

/// A module.
pub struct ThisModule;

/// What makes a value; here nothing is pinned, so it is made already.
pub struct Made<T, E>(Result<T, E>);

/// What makes a pinned value.
pub trait PinInit<T, E = core::convert::Infallible> {
    /// The value.
    fn made(self) -> Result<T, E>;
}

impl<T, E> PinInit<T, E> for Made<T, E> {
    fn made(self) -> Result<T, E> {
        self.0
    }
}

/// For the macros.
pub fn made<T, E>(value: Result<T, E>) -> Made<T, E> {
    Made(value)
}

impl From<core::convert::Infallible> for Error {
    fn from(never: core::convert::Infallible) -> Self {
        match never {}
    }
}

/// As the kernel's, for the forms that the modelled files have.
#[macro_export]
macro_rules! try_pin_init {
    (@fields [$($made:tt)*] $field:ident <- $init:expr, $($rest:tt)*) => {
        $crate::try_pin_init!(@fields
            [$($made)* $field: $crate::prelude::PinInit::made($init)?,] $($rest)*)
    };
    (@fields [$($made:tt)*] $field:ident : $value:expr, $($rest:tt)*) => {
        $crate::try_pin_init!(@fields [$($made)* $field: $value,] $($rest)*)
    };
    (@fields [$($made:tt)*] $field:ident, $($rest:tt)*) => {
        $crate::try_pin_init!(@fields [$($made)* $field,] $($rest)*)
    };
    (@fields [$($made:tt)*]) => { Self { $($made)* } };
    (Self { $($fields:tt)* }? $error:ty) => {{
        let make = || -> $crate::prelude::Result<Self, $error> {
            Ok($crate::try_pin_init!(@fields [] $($fields)*))
        };
        $crate::prelude::made(make())
    }};
}

/// As the kernel's, for values that can always be made.
#[macro_export]
macro_rules! pin_init {
    (Self { $($fields:tt)* }) => {
        $crate::try_pin_init!(Self { $($fields)* }? $crate::prelude::Error)
    };
}
