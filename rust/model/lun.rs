// SPDX-License-Identifier: GPL-2.0

//! Logical unit numbers and sets of them.

use core::{
    fmt,
    str::FromStr, //
};

/// A logical unit number that a view may use: 0 to 16383, what flat space addressing has room for
/// (SAM-5 4.7.7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lun(u16);

impl Lun {
    /// The highest.
    pub const MAX: Self = Self(0x3fff);
    /// How many there are.
    pub const COUNT: usize = 0x4000;

    /// Makes a number; `None` when it is too high.
    pub const fn new(number: u16) -> Option<Self> {
        if number <= Self::MAX.0 {
            Some(Self(number))
        } else {
            None
        }
    }

    /// Returns the number.
    pub const fn get(self) -> u16 {
        self.0
    }
}

/// What is no logical unit number that a view may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LunError;

impl fmt::Display for LunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "logical unit numbers are 0 to {}", Lun::MAX)
    }
}

impl core::error::Error for LunError {}

impl TryFrom<u16> for Lun {
    type Error = LunError;

    fn try_from(number: u16) -> Result<Self, LunError> {
        Self::new(number).ok_or(LunError)
    }
}

impl FromStr for Lun {
    type Err = LunError;

    fn from_str(text: &str) -> Result<Self, LunError> {
        text.parse().ok().and_then(Self::new).ok_or(LunError)
    }
}

impl fmt::Display for Lun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

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
        (0..=Lun::MAX.0).map(Lun).filter(|lun| self.contains(*lun))
    }
}

impl Default for LunBitmap {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LunBitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Lun::get)).finish()
    }
}

/// The word and the bit of a number.
fn position(lun: Lun) -> (usize, u64) {
    (
        usize::from(lun.0 >> 6),
        1u64.wrapping_shl((lun.0 & 63).into()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{
        collections::BTreeSet,
        string::ToString,
        vec::Vec, //
    };

    #[test]
    fn the_range_ends_at_flat_addressing() {
        assert_eq!(Lun::new(16383), Some(Lun::MAX));
        assert_eq!(Lun::new(16384), None);
        assert_eq!(Lun::try_from(u16::MAX), Err(LunError));
        assert_eq!("16383".parse(), Ok(Lun::MAX));
        for text in ["", "16384", "65536", "-1", "0x1", "1 "] {
            assert_eq!(text.parse::<Lun>(), Err(LunError), "{text:?}");
        }
        assert_eq!(LunError.to_string(), "logical unit numbers are 0 to 16383");
    }

    #[test]
    fn a_full_set_has_nothing_free() {
        let mut set = LunBitmap::new();
        for number in 0..=16383 {
            let lun = Lun::new(number).unwrap();
            assert_eq!(set.lowest_free(), Some(lun));
            assert!(set.insert(lun));
            assert!(!set.insert(lun));
        }
        assert_eq!(set.lowest_free(), None);
        assert_eq!(set.iter().count(), Lun::COUNT);
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
                prop_assert_eq!(set.lowest_free().map(Lun::get), free);
            }
            let mut merged = LunBitmap::new();
            for number in other {
                merged.insert(Lun::new(number).unwrap());
                model.insert(number);
            }
            set.merge(&merged);
            let numbers: Vec<_> = set.iter().map(Lun::get).collect();
            prop_assert_eq!(numbers, model.into_iter().collect::<Vec<_>>());
        }
    }
}
