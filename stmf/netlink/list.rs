// SPDX-License-Identifier: GPL-2.0

//! Listings, which may take several messages and go on after the key where they ended.

use crate::table::Table;
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Writer};
use stmf_model::Guid;

/// A key that fits what netlink keeps between the calls of one listing.
pub(super) trait Key: Ord + Copy {
    fn words(self) -> [u64; 3];
    fn from_words(words: [u64; 3]) -> Self;
}

impl Key for u64 {
    fn words(self) -> [u64; 3] {
        [self, 0, 0]
    }

    fn from_words([key, ..]: [u64; 3]) -> Self {
        key
    }
}

impl Key for (u64, u64) {
    fn words(self) -> [u64; 3] {
        [self.0, self.1, 0]
    }

    fn from_words([first, second, _]: [u64; 3]) -> Self {
        (first, second)
    }
}

impl Key for Guid {
    fn words(self) -> [u64; 3] {
        let number = u128::from_be_bytes(*self.as_bytes());
        [(number >> 64) as u64, number as u64, 0]
    }

    fn from_words([high, low, _]: [u64; 3]) -> Self {
        Guid::new((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }
}

impl Key for (u64, Guid) {
    fn words(self) -> [u64; 3] {
        let [high, low, _] = self.1.words();
        [self.0, high, low]
    }

    fn from_words([first, high, low]: [u64; 3]) -> Self {
        (first, Guid::from_words([high, low, 0]))
    }
}

impl Key for (Guid, u32) {
    fn words(self) -> [u64; 3] {
        let [high, low, _] = self.0.words();
        [high, low, u64::from(self.1)]
    }

    fn from_words(words @ [.., second]: [u64; 3]) -> Self {
        (Guid::from_words(words), second as u32)
    }
}

/// Lists the entries of a table from a key on, as long as `belongs` says so of their keys.
///
/// The tables that the entries are made of say how often they have changed, and no others: the sessions that
/// initiators begin and end don't keep an administrator from the list of disks. When that changes between
/// two calls, the caller asks again.
pub(super) fn list<K: Key, V>(
    dump: &mut Dump<'_>,
    changes: u32,
    (table, first): (&Table<K, V>, K),
    belongs: impl Fn(&K) -> bool,
    write: impl Fn(&mut Writer<'_>, &K, &V) -> Result,
) -> Result<(), Refusal> {
    dump.set_generation(changes);
    let last = dump.last().map(K::from_words);
    for (key, value) in table.from(last.unwrap_or(first)) {
        if Some(key) == last {
            continue;
        }
        if !belongs(&key) || !dump.entry(|writer| write(writer, &key, value))? {
            break;
        }
        dump.set_last(key.words());
    }
    Ok(())
}
