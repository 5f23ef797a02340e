// SPDX-License-Identifier: GPL-2.0

//! Ordered tables: what the registry keeps its objects and indexes in.

use kernel::{
    prelude::*,
    rbtree::{
        RBTree,
        RBTreeNodeReservation, //
    }, //
};

/// A map in the order of its keys that knows its size and can be read on from any key.
///
/// Finding, adding and removing cost the logarithm of what there is.
pub(crate) struct Table<K, V> {
    tree: RBTree<K, V>,
    len: u32,
    changes: u32,
}

/// Memory for one entry, taken before a change begins so that the change can't fail half-way.
pub(crate) struct Room<K, V>(RBTreeNodeReservation<K, V>);

impl<K, V> Room<K, V> {
    /// Takes the memory. May sleep.
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(RBTreeNodeReservation::new(GFP_KERNEL)?))
    }
}

impl<K: Ord + Copy, V> Table<K, V> {
    pub(crate) fn new() -> Self {
        Self {
            tree: RBTree::new(),
            len: 0,
            changes: 1,
        }
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    /// How often it has changed, so that a listing in several parts can say that it isn't of one moment.
    pub(crate) fn changes(&self) -> u32 {
        self.changes
    }

    fn touch(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }

    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.tree.get(key)
    }

    /// An entry to be changed.
    pub(crate) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        self.touch();
        self.tree.get_mut(key)
    }

    /// Adds an entry under a key that is not taken. May sleep for memory.
    ///
    /// # Errors
    ///
    /// `EEXIST` when the key is taken.
    pub(crate) fn insert(&mut self, key: K, value: V) -> Result {
        if self.tree.get(&key).is_some() {
            return Err(EEXIST);
        }
        self.put(Room::new()?, key, value);
        Ok(())
    }

    /// Adds an entry, or replaces the one under its key, in memory taken before.
    pub(crate) fn put(&mut self, room: Room<K, V>, key: K, value: V) {
        if self.tree.insert(room.0.into_node(key, value)).is_none() {
            self.len = self.len.saturating_add(1);
        }
        self.touch();
    }

    pub(crate) fn remove(&mut self, key: &K) -> Option<V> {
        let gone = self.tree.remove(key)?;
        self.len = self.len.saturating_sub(1);
        self.touch();
        Some(gone)
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.tree.values()
    }

    /// The entries from a key on, which need not be there.
    pub(crate) fn from(&self, first: K) -> Onwards<'_, K, V> {
        let start = self.tree.cursor_lower_bound(&first);
        Onwards {
            next: start.map(|cursor| *cursor.current().0),
            table: self,
        }
    }

    fn after(&self, key: &K) -> Option<K> {
        let cursor = self.tree.cursor_lower_bound(key)?;
        let (next, _) = cursor.peek_next()?;
        Some(*next)
    }
}

/// The entries of a [`Table`] from some key on.
pub(crate) struct Onwards<'a, K, V> {
    table: &'a Table<K, V>,
    next: Option<K>,
}

impl<K: Copy, V> Clone for Onwards<'_, K, V> {
    fn clone(&self) -> Self {
        Self {
            table: self.table,
            next: self.next,
        }
    }
}

impl<'a, K: Ord + Copy, V> Iterator for Onwards<'a, K, V> {
    type Item = (K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        let key = self.next?;
        let value = self.table.get(&key)?;
        self.next = self.table.after(&key);
        Some((key, value))
    }
}
