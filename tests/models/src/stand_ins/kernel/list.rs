// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::list`.

use super::sync::Arc;
use core::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// What can be in one list at a time.
pub trait ListItem {
    /// Whether it is, or is about to be.
    fn listed(&self) -> &AtomicBool;
}

/// The right to put a value into a list.
pub struct ListArc<T: ListItem>(Arc<T>);

impl<T: ListItem> ListArc<T> {
    /// Gets the right, unless somebody has it or the value is in a list; then it gives back the reference.
    pub fn try_from_arc(arc: Arc<T>) -> Result<Self, Arc<T>> {
        if arc.listed().swap(true, SeqCst) {
            return Err(arc);
        }
        Ok(Self(arc))
    }
}

impl<T: ListItem> Drop for ListArc<T> {
    fn drop(&mut self) {
        self.0.listed().store(false, SeqCst);
    }
}

impl<T: ListItem> Deref for ListArc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// A list.
pub struct List<T: ListItem>(Vec<ListArc<T>>);

impl<T: ListItem> List<T> {
    #[allow(missing_docs, reason = "it is an empty one")]
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one.
    pub fn push_back(&mut self, item: ListArc<T>) {
        self.0.push(item);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &ListArc<T>> {
        self.0.iter()
    }

    /// A place before the first.
    pub fn cursor_front(&mut self) -> Cursor<'_, T> {
        Cursor { list: self, at: 0 }
    }
}

/// A place in a list.
pub struct Cursor<'a, T: ListItem> {
    list: &'a mut List<T>,
    at: usize,
}

/// What is next to a place.
pub struct Peek<'a, T: ListItem> {
    list: &'a mut List<T>,
    at: usize,
}

impl<T: ListItem> Cursor<'_, T> {
    /// What comes after it.
    pub fn peek_next(&mut self) -> Option<Peek<'_, T>> {
        let (list, at) = (&mut *self.list, self.at);
        (at < list.0.len()).then_some(Peek { list, at })
    }

    /// Goes on by one.
    pub fn move_next(&mut self) {
        self.at += 1;
    }
}

impl<T: ListItem> Peek<'_, T> {
    /// Takes it out.
    pub fn remove(self) -> ListArc<T> {
        self.list.0.remove(self.at)
    }
}

impl<T: ListItem> Deref for Peek<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.list.0[self.at]
    }
}
