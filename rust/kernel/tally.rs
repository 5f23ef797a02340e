// SPDX-License-Identifier: GPL-2.0

//! Counters that one context writes and any may read.

use core::{
    array,
    cell::UnsafeCell, //
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::Arc, //
};

/// `N` counters in cache lines of their own.
///
/// # Invariants
///
/// The words are read and written by volatile accesses alone, and written through the only
/// [`Tallier`] alone.
#[repr(align(64))]
pub struct Tally<const N: usize>([UnsafeCell<u64>; N]);

// SAFETY: By the invariant all accesses are volatile ones of aligned machine words, which the kernel
// relies on not to tear, and of those that write there is one at a time.
unsafe impl<const N: usize> Sync for Tally<N> {}

impl<const N: usize> Tally<N> {
    /// The counters as they are now, each for itself. Any context.
    pub fn read(&self) -> [u64; N] {
        // SAFETY: The word lives as long as `self`, and by the invariant is accessed like this.
        let load = |word: &UnsafeCell<u64>| unsafe { word.get().read_volatile() };
        let mut copy = [0; N];
        for (to, from) in copy.iter_mut().zip(&self.0) {
            *to = load(from);
        }
        copy
    }
}

/// Who counts.
pub struct Tallier<const N: usize>(Arc<Tally<N>>);

impl<const N: usize> Tallier<N> {
    /// Begins with zeros.
    ///
    /// # Errors
    ///
    /// When there is no memory.
    pub fn new() -> Result<Self, AllocError> {
        // INVARIANT: Nobody else can make a `Tallier` of these.
        let tally = Tally(array::from_fn(|_| UnsafeCell::new(0)));
        Ok(Self(Arc::new(tally, GFP_KERNEL)?))
    }

    /// The counters, for those who read.
    pub fn tally(&self) -> Arc<Tally<N>> {
        self.0.clone()
    }

    /// Adds to a counter; nothing when there is none of that number. Any context.
    #[inline(always)]
    pub fn add(&mut self, word: usize, amount: u64) {
        if let Some(word) = self.0 .0.get(word) {
            let word = word.get();
            // SAFETY: The word lives as long as the counters. This is the only `Tallier` of theirs, and
            // borrowed for this alone, so by the invariant nobody else writes.
            unsafe { word.write_volatile(word.read_volatile().wrapping_add(amount)) };
        }
    }
}

#[kernel::macros::kunit_tests(stmf_tally)]
mod tests {
    use super::*;

    #[test]
    fn each_counter_is_read_as_it_is() -> Result {
        let mut tallier = Tallier::<3>::new()?;
        let tally = tallier.tally();
        tallier.add(0, 5);
        tallier.add(2, u64::MAX);
        tallier.add(2, 3);
        // There is none of that number.
        tallier.add(3, 1);
        assert_eq!(tally.read(), [5, 0, 2]);
        // Who reads may stay longer than who counts.
        drop(tallier);
        assert_eq!(tally.read(), [5, 0, 2]);
        Ok(())
    }
}
