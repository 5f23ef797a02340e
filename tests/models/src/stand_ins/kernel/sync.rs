// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::sync`.

use super::{
    alloc::{AllocError, Flags},
    prelude::PinInit, //
};
use core::ops::Deref;
use loom::sync::MutexGuard;

pub mod atomic;

/// A counted reference.
pub struct Arc<T>(std::sync::Arc<T>);

impl<T> Arc<T> {
    /// Moves a value to the heap.
    pub fn new(value: T, _: Flags) -> Result<Self, AllocError> {
        Ok(Self(std::sync::Arc::new(value)))
    }

    /// Makes a value on the heap.
    pub fn pin_init<E>(init: impl PinInit<T, E>, _: Flags) -> Result<Self, E> {
        Ok(Self(std::sync::Arc::new(init.made()?)))
    }

    /// Whether both refer to the same.
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        std::sync::Arc::ptr_eq(&this.0, &other.0)
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A lock.
pub struct Mutex<T>(loom::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// What makes one.
    pub fn new(value: T) -> impl PinInit<Self> {
        super::prelude::made(Ok(Self(loom::sync::Mutex::new(value))))
    }

    /// Takes the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("nobody panics with the lock")
    }
}

/// As the kernel's.
#[macro_export]
macro_rules! new_mutex {
    ($value:expr, $name:literal $(,)?) => {
        $crate::sync::Mutex::new($value)
    };
}
