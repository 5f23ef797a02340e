// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::alloc`.

use std::ops::{Deref, DerefMut};

/// How memory may be had.
#[derive(Clone, Copy, Debug)]
pub struct Flags;

/// For callers that may sleep.
pub const GFP_KERNEL: Flags = Flags;

/// There is no memory.
#[derive(Clone, Copy, Debug)]
pub struct AllocError;

/// A vector.
pub struct KVec<T>(Vec<T>);

impl<T> KVec<T> {
    /// An empty one.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// One with room for so many.
    pub fn with_capacity(capacity: usize, _: Flags) -> Result<Self, AllocError> {
        Ok(Self(Vec::with_capacity(capacity)))
    }

    /// Makes room for so many more.
    pub fn reserve(&mut self, more: usize, _: Flags) -> Result<(), AllocError> {
        self.0.reserve(more);
        Ok(())
    }

    /// Adds one.
    pub fn push(&mut self, value: T, _: Flags) -> Result<(), AllocError> {
        self.0.push(value);
        Ok(())
    }

    /// Adds one for which there is room.
    pub fn push_within_capacity(&mut self, value: T) -> Result<(), T> {
        self.0.push(value);
        Ok(())
    }

    /// Takes the last one.
    pub fn pop(&mut self) -> Option<T> {
        self.0.pop()
    }

    /// Takes one out.
    pub fn remove(&mut self, at: usize) -> Result<T, AllocError> {
        (at < self.0.len())
            .then(|| self.0.remove(at))
            .ok_or(AllocError)
    }

    /// Keeps those that `stays` says.
    pub fn retain(&mut self, stays: impl FnMut(&mut T) -> bool) {
        self.0.retain_mut(stays);
    }
}

impl<T> Default for KVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T> DerefMut for KVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.0
    }
}

impl<T> IntoIterator for KVec<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T> IntoIterator for &'a KVec<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}
