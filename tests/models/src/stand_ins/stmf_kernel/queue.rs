// SPDX-License-Identifier: GPL-2.0

//! Stands in for `stmf_kernel::queue`, where one thread fills and empties it.

use std::sync::Mutex;

/// The right to a value.
pub struct Token<T>(pub T);

/// A queue.
pub struct Queue<T>(Mutex<Vec<Token<T>>>);

impl<T> Queue<T> {
    #[allow(missing_docs, reason = "it is an empty one")]
    pub fn new() -> Self {
        Self(Mutex::default())
    }

    /// Appends one.
    pub fn push(&self, token: Token<T>) {
        self.0.lock().unwrap().push(token);
    }

    /// Takes all of them, oldest first.
    pub fn take_all(&self) -> std::vec::IntoIter<Token<T>> {
        std::mem::take(&mut *self.0.lock().unwrap()).into_iter()
    }
}
