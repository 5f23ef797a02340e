// SPDX-License-Identifier: GPL-2.0

//! Logical unit numbers and sets of them.

use core::fmt;
use stmf_scsi::Lun;

const WORDS: usize = 256;

/// A set of logical unit numbers.
///
/// It takes 2 KiB: in the kernel it belongs on the heap.
#[derive(Clone, PartialEq, Eq)]
pub struct LunBitmap([u64; WORDS]);

impl LunBitmap {
    /// The empty set.
    pub const fn new() -> Self {
        Self([0; WORDS])
    }

    /// Puts a number in; whether it was missing before.
    pub fn insert(&mut self, lun: Lun) -> bool {
        let (word, bit) = position(lun);
        match self.0.get_mut(word) {
            Some(word) if *word & bit == 0 => {
                *word |= bit;
                true
            }
            _ => false,
        }
    }

    /// Takes a number out; whether it was there before.
    pub fn remove(&mut self, lun: Lun) -> bool {
        let (word, bit) = position(lun);
        match self.0.get_mut(word) {
            Some(word) if *word & bit != 0 => {
                *word &= !bit;
                true
            }
            _ => false,
        }
    }

    /// Whether a number is there.
    pub fn contains(&self, lun: Lun) -> bool {
        let (word, bit) = position(lun);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Puts in all numbers of another set.
    pub fn merge(&mut self, other: &Self) {
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            *word |= other;
        }
    }

    /// Puts in the numbers `64 * word + bit` for all bits that are set. There are 256 words.
    pub fn merge_word(&mut self, word: u8, bits: u64) {
        if let Some(own) = self.0.get_mut(usize::from(word)) {
            *own |= bits;
        }
    }

    /// Takes out all numbers.
    pub fn clear(&mut self) {
        self.0.fill(0);
    }

    /// Whether there is no number.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The lowest number that is missing; `None` when all are there.
    pub fn lowest_free(&self) -> Option<Lun> {
        let (index, word) = (0u16..).zip(&self.0).find(|(_, word)| **word != u64::MAX)?;
        let bit = u16::try_from(word.trailing_ones()).ok()?;
        Lun::new(index.checked_mul(64)?.checked_add(bit)?)
    }

    /// The numbers in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = Lun> + '_ {
        (0..=Lun::MAX.value())
            .filter_map(Lun::new)
            .filter(|lun| self.contains(*lun))
    }
}

impl Default for LunBitmap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LunBitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Lun::value)).finish()
    }
}

/// The word and the bit of a number.
fn position(lun: Lun) -> (usize, u64) {
    (
        usize::from(lun.value() >> 6),
        1u64.wrapping_shl((lun.value() & 63).into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{
        collections::BTreeSet,
        vec::Vec, //
    };

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes")]
    fn a_full_set_has_nothing_free() {
        let mut set = LunBitmap::new();
        for number in 0..=16383 {
            let lun = Lun::new(number).unwrap();
            assert_eq!(set.lowest_free(), Some(lun));
            assert!(set.insert(lun));
            assert!(!set.insert(lun));
        }
        assert_eq!(set.lowest_free(), None);
        assert_eq!(set.iter().count(), usize::from(Lun::MAX.value()) + 1);
        assert!(set.remove(Lun::MAX));
        assert_eq!(set.lowest_free(), Some(Lun::MAX));
        set.clear();
        assert!(set.is_empty());
    }

    proptest! {
        #[test]
        fn sets_behave_like_sets(
            steps in prop::collection::vec((any::<bool>(), 0u16..200), 0..300),
            other in prop::collection::vec(0u16..=16383, 0..20),
        ) {
            let mut set = LunBitmap::new();
            let mut model = BTreeSet::new();
            for (insert, number) in steps {
                let lun = Lun::new(number).unwrap();
                if insert {
                    prop_assert_eq!(set.insert(lun), model.insert(number));
                } else {
                    prop_assert_eq!(set.remove(lun), model.remove(&number));
                }
                let free = (0..).find(|number| !model.contains(number));
                prop_assert_eq!(set.lowest_free().map(Lun::value), free);
            }
            let mut merged = LunBitmap::new();
            for number in other {
                merged.insert(Lun::new(number).unwrap());
                model.insert(number);
            }
            set.merge(&merged);
            let numbers: Vec<_> = set.iter().map(Lun::value).collect();
            prop_assert_eq!(numbers, model.into_iter().collect::<Vec<_>>());
        }
    }
}
