// SPDX-License-Identifier: GPL-2.0

//! Owned heap values that must come to a defined end.
//!
//! A SCSI command must be answered exactly once, whichever of the framework, the logical unit, the
//! block layer or the transport holds it. Rust's move semantics give the "at most once"; this type
//! adds the "at least once": dropping a [`Token`] hands it to its type's own code instead of
//! forgetting it.

use core::{
    convert::Infallible,
    mem,
    ops::{Deref, DerefMut},
    ptr::NonNull, //
};
use kernel::{
    alloc::{AllocError, Flags},
    prelude::*, //
};

/// A type whose owned values may not simply be dropped.
pub trait MustEnd: Sized + Send + 'static {
    /// Proof of the right to end a value, held by the code that may call [`Token::end`].
    type Key;

    /// Called in place of a drop, in whatever context the drop happened (softirq included).
    ///
    /// Either ends the value with [`Token::end`] or passes it to somebody who will.
    fn abandoned(token: Token<Self>);
}

/// The heap cell of a token: the value and the link that [`crate::queue`] chains tokens by.
pub(crate) struct Cell<T> {
    pub(crate) next: *mut Cell<T>,
    value: T,
}

/// An owned value of type `T` on the heap, to be ended by [`Token::end`].
///
/// # Invariants
///
/// The pointer owns a `Cell<T>` allocated by [`KBox`], and nobody else refers to it.
pub struct Token<T: MustEnd>(NonNull<Cell<T>>);

// SAFETY: A `Token<T>` is an owned `T`, and `MustEnd` implies `Send`.
unsafe impl<T: MustEnd> Send for Token<T> {}

// SAFETY: A shared token gives out `&T` only.
unsafe impl<T: MustEnd + Sync> Sync for Token<T> {}

impl<T: MustEnd> Token<T> {
    /// Allocates a token.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        Self::init(value, flags)
    }

    /// Allocates a token, and then makes the value in its place.
    #[inline]
    pub fn init(value: impl Init<T>, flags: Flags) -> Result<Self, AllocError> {
        let cell = KBox::init(
            init!(Cell {
                next: core::ptr::null_mut(),
                value <- value,
            }? Infallible),
            flags,
        );
        // INVARIANT: `KBox::leak` gives up the only owner of a live `Cell`.
        Ok(Self(NonNull::from(KBox::leak(
            cell.map_err(|_| AllocError)?,
        ))))
    }

    /// Ends the value: drops it and frees its memory.
    pub fn end(self, _key: T::Key) {
        let raw = self.into_raw();
        // SAFETY: `into_raw` gave up a pointer that owns a `Cell` made by `KBox::leak`.
        drop(unsafe { KBox::from_raw(raw.as_ptr()) });
    }

    /// Gives up ownership to C code or to a chain; [`Token::from_raw`] takes it back.
    pub(crate) fn into_raw(self) -> NonNull<Cell<T>> {
        let raw = self.0;
        mem::forget(self);
        raw
    }

    /// Takes back what [`Token::into_raw`] gave up.
    ///
    /// # Safety
    ///
    /// `raw` comes from [`Token::into_raw`], and is not used by anybody else from here on.
    pub(crate) unsafe fn from_raw(raw: NonNull<Cell<T>>) -> Self {
        // INVARIANT: By the safety requirement this is the owning pointer again.
        Self(raw)
    }
}

impl<T: MustEnd> Deref for Token<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: By the invariant the cell is live, and `&self` excludes writers.
        unsafe { &(*self.0.as_ptr()).value }
    }
}

impl<T: MustEnd> DerefMut for Token<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: By the invariant the cell is live and ours alone; `&mut self` excludes others.
        unsafe { &mut (*self.0.as_ptr()).value }
    }
}

impl<T: MustEnd> Drop for Token<T> {
    fn drop(&mut self) {
        // INVARIANT: `self` is not used again: the pointer has one owner, the new token.
        T::abandoned(Self(self.0));
    }
}

#[kernel::macros::kunit_tests(stmf_token)]
mod tests {
    use super::*;
    use crate::drops::{Drops, Witness};

    struct Value {
        number: u32,
        _witness: Witness,
    }

    impl MustEnd for Value {
        type Key = ();

        fn abandoned(mut token: Token<Self>) {
            token.number += 1;
            if token.number < 3 {
                // To somebody who drops it once more.
                drop(token);
            } else {
                token.end(());
            }
        }
    }

    #[test]
    fn one_that_is_ended_is_dropped_once() -> Result {
        let drops = Drops::new()?;
        let witness = drops.witness();
        let token = Token::new(
            Value {
                number: 0,
                _witness: witness,
            },
            GFP_KERNEL,
        )?;
        token.end(());
        assert_eq!(drops.count(), 1);
        Ok(())
    }

    #[test]
    fn one_that_is_dropped_ends_by_its_own_code() -> Result {
        let drops = Drops::new()?;
        let witness = drops.witness();
        let mut token = Token::new(
            Value {
                number: 0,
                _witness: witness,
            },
            GFP_KERNEL,
        )?;
        token.number = 1;
        assert_eq!(drops.count(), 0);
        drop(token);
        assert_eq!(drops.count(), 1);
        Ok(())
    }
}
