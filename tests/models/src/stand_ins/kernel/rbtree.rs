// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::rbtree`.

use super::alloc::{AllocError, Flags};
use std::collections::BTreeMap;

/// A map in the order of its keys.
pub struct RBTree<K, V>(BTreeMap<K, V>);

/// An entry that is in no map any more.
pub struct RBTreeNode<K, V>(K, V);

impl<K, V> RBTreeNode<K, V> {
    /// What it is made of.
    pub fn to_key_value(self) -> (K, V) {
        (self.0, self.1)
    }
}

impl<K: Ord + Clone, V> RBTree<K, V> {
    /// An empty one.
    pub fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Enters a value; gives back the one that had its key.
    pub fn try_create_and_insert(
        &mut self,
        key: K,
        value: V,
        _: Flags,
    ) -> Result<Option<RBTreeNode<K, V>>, AllocError> {
        let old = self.0.insert(key.clone(), value);
        Ok(old.map(|old| RBTreeNode(key, old)))
    }

    /// The value with that key.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// Takes the value with that key out.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        self.0.remove(key)
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &K> {
        self.0.keys()
    }

    /// All values.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.0.values()
    }
}
