// SPDX-License-Identifier: GPL-2.0

//! The initiator task tags in use on a connection (RFC 7143 11.2.1.8): none may be used twice.

use crate::types::Itt;

/// How many tags there is room for; a power of two, and well above the commands of a session so
/// that a tag is found where it is looked for.
const ROOM: usize = 512;

/// The most tags that are kept.
const MAX: usize = ROOM / 2;

/// A set of tags: a hash table with linear probing.
pub struct Tags {
    places: [Itt; ROOM],
    count: usize,
}

impl Tags {
    /// No tags.
    pub const fn new() -> Self {
        Self {
            places: [Itt::RESERVED; ROOM],
            count: 0,
        }
    }

    /// Adds a tag; says whether it is new.
    ///
    /// When there are too many, all are forgotten: some belong to commands that were aborted, and
    /// so never come to [`Tags::remove`].
    pub fn insert(&mut self, tag: Itt) -> bool {
        let mut place = self.find(tag);
        if self.at(place) == tag {
            return false;
        }
        if self.count >= MAX {
            *self = Self::new();
            place = home(tag);
        }
        self.put(place, tag);
        self.count = self.count.saturating_add(1);
        true
    }

    /// Removes a tag, if it is there.
    pub fn remove(&mut self, tag: Itt) {
        let mut hole = self.find(tag);
        if tag.is_reserved() || self.at(hole) != tag {
            return;
        }
        self.count = self.count.saturating_sub(1);
        // What was put behind the hole because its own place was taken moves up.
        let mut next = after(hole);
        while !self.at(next).is_reserved() {
            let moved = self.at(next);
            if distance(home(moved), hole) < distance(home(moved), next) {
                self.put(hole, moved);
                hole = next;
            }
            next = after(next);
        }
        self.put(hole, Itt::RESERVED);
    }

    /// The place of a tag, or the free one where it would be. There always is a free one.
    fn find(&self, tag: Itt) -> usize {
        let mut place = home(tag);
        while !self.at(place).is_reserved() && self.at(place) != tag {
            place = after(place);
        }
        place
    }

    fn at(&self, place: usize) -> Itt {
        self.places.get(place).copied().unwrap_or(Itt::RESERVED)
    }

    fn put(&mut self, place: usize, tag: Itt) {
        if let Some(slot) = self.places.get_mut(place) {
            *slot = tag;
        }
    }
}

impl Default for Tags {
    fn default() -> Self {
        Self::new()
    }
}

/// Where a tag belongs. Initiators count, or use an index with something above it; whoever makes
/// tags collide on purpose waits for himself.
fn home(tag: Itt) -> usize {
    // Knuth's multiplicative hash; the high bits are the good ones.
    let [high, low, ..] = tag.0.wrapping_mul(0x9e37_79b1).to_be_bytes();
    usize::from(u16::from_be_bytes([high, low])) & (ROOM - 1)
}

fn after(place: usize) -> usize {
    place.wrapping_add(1) & (ROOM - 1)
}

fn distance(from: usize, to: usize) -> usize {
    to.wrapping_sub(from) & (ROOM - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn is_a_set() {
        let (mut tags, mut model) = (Tags::new(), BTreeSet::new());
        let mut state = 1_u32;
        for _ in 0..if cfg!(miri) { 2_000 } else { 200_000 } {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let tag = (state >> 16) % 300;
            if model.len() < 200 && state & 1 == 0 {
                assert_eq!(tags.insert(Itt(tag)), model.insert(tag));
            } else {
                tags.remove(Itt(tag));
                model.remove(&tag);
            }
            assert_eq!(tags.count, model.len());
        }
        for tag in 0..300 {
            assert_eq!(tags.insert(Itt(tag)), !model.contains(&tag), "{tag}");
            tags.remove(Itt(tag));
        }
    }

    #[test]
    fn too_many_are_forgotten() {
        let mut tags = Tags::new();
        for tag in 0..10_000 {
            assert!(tags.insert(Itt(tag)));
        }
        tags.remove(Itt::RESERVED);
        assert!(!tags.insert(Itt(9_999)));
    }
}
