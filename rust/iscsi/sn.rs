// SPDX-License-Identifier: GPL-2.0

//! Sequence numbers that wrap (RFC 7143 4.2.2, RFC 1982).

use core::fmt;

/// A CmdSN, StatSN or any of the numbers compared with them (RFC 7143 4.2.2).
///
/// Serial numbers have no total order, so there is no `Ord`: of two numbers 2³¹ apart, neither is
/// before the other.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Sn(u32);

impl Sn {
    /// The serial number with this value.
    pub const fn new(value: u32) -> Self {
        Self(value)
    }

    /// The value as it goes on the wire.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The number after this one.
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// The number before this one.
    pub const fn previous(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    /// The number `n` steps on.
    pub const fn plus(self, n: u32) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// How many steps lead from `earlier` to this number.
    pub const fn since(self, earlier: Self) -> u32 {
        self.0.wrapping_sub(earlier.0)
    }

    /// Whether this number comes before `other` (RFC 1982 3.2).
    pub const fn is_before(self, other: Self) -> bool {
        let steps = other.since(self);
        steps != 0 && steps < 1 << 31
    }

    /// Whether this number comes after `other`.
    pub const fn is_after(self, other: Self) -> bool {
        other.is_before(self)
    }

    /// Whether this number is in `first..=last`, a range shorter than 2³¹.
    pub const fn is_within(self, first: Self, last: Self) -> bool {
        !last.is_before(first) && self.since(first) <= last.since(first)
    }
}

impl From<u32> for Sn {
    fn from(value: u32) -> Self {
        Self(value)
    }
}

impl fmt::Debug for Sn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sn({:#x})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_around() {
        let last = Sn::new(u32::MAX);
        assert_eq!(last.next(), Sn::new(0));
        assert_eq!(Sn::new(0).previous(), last);
        assert!(last.is_before(Sn::new(0)));
        assert!(Sn::new(5).is_after(last));
        assert_eq!(Sn::new(5).since(last), 6);
    }

    #[test]
    fn opposite_numbers_have_no_order() {
        let (a, b) = (Sn::new(7), Sn::new(7 + (1 << 31)));
        assert!(!a.is_before(b) && !b.is_before(a));
        assert!(!a.is_before(a) && !a.is_after(a));
    }

    #[test]
    fn ranges_wrap_too() {
        let (first, last) = (Sn::new(u32::MAX - 1), Sn::new(2));
        for inside in [u32::MAX - 1, u32::MAX, 0, 1, 2] {
            assert!(Sn::new(inside).is_within(first, last));
        }
        for outside in [u32::MAX - 2, 3, 1 << 31] {
            assert!(!Sn::new(outside).is_within(first, last));
        }
        // An empty range, as of a closed command window, has nothing in it.
        assert!(!Sn::new(5).is_within(Sn::new(5), Sn::new(4)));
    }
}
