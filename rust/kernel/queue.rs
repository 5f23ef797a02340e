// SPDX-License-Identifier: GPL-2.0

//! A queue that any context may append to without a lock, emptied by one consumer.
//!
//! Completions arrive in interrupt context on any CPU; the transport takes all that have come in
//! one step. The chain runs through the tokens themselves, so that appending allocates nothing.
//! (The shape of the kernel's `llist`, with the element type kept.)

use crate::token::{Cell, MustEnd, Token};
use core::ptr::{
    self,
    NonNull, //
};
use kernel::sync::atomic::{ordering, Atomic};

/// A lock-free stack of tokens that is taken as a whole and read in the order of arrival.
///
/// # Invariants
///
/// `newest` is null or the start of a null-terminated chain of cells that the queue owns.
pub struct Queue<T: MustEnd> {
    newest: Atomic<*mut Cell<T>>,
}

// SAFETY: The queue owns tokens, which are `Send`, and all access to the chain is atomic.
unsafe impl<T: MustEnd> Send for Queue<T> {}

// SAFETY: As above: `push` and `take_all` are safe against each other on any number of CPUs.
unsafe impl<T: MustEnd> Sync for Queue<T> {}

impl<T: MustEnd> Queue<T> {
    /// Creates an empty queue.
    pub const fn new() -> Self {
        Self {
            newest: Atomic::new(ptr::null_mut()),
        }
    }

    /// Appends a token; says whether the queue was empty before (so its consumer may sleep).
    ///
    /// Callable from any context.
    pub fn push(&self, token: Token<T>) -> bool {
        let cell = token.into_raw().as_ptr();
        let mut head = self.newest.load(ordering::Relaxed);
        loop {
            // SAFETY: `cell` came from `into_raw` and is not published yet: it is ours alone.
            unsafe { (*cell).next = head };
            // Full ordering: the token's contents are visible to whoever takes the chain.
            match self.newest.cmpxchg(head, cell, ordering::Full) {
                Ok(_) => return head.is_null(),
                Err(now) => head = now,
            }
        }
    }

    /// Whether nothing is queued at this moment.
    pub fn is_empty(&self) -> bool {
        self.newest.load(ordering::Acquire).is_null()
    }

    /// Takes all tokens queued so far, oldest first.
    pub fn take_all(&self) -> Batch<T> {
        if self.is_empty() {
            return Batch {
                oldest: ptr::null_mut(),
            };
        }
        let mut cell = self.newest.xchg(ptr::null_mut(), ordering::Full);
        let mut oldest = ptr::null_mut();
        while !cell.is_null() {
            // SAFETY: The exchange made the chain ours alone; each cell in it is live.
            let next = unsafe { (*cell).next };
            // SAFETY: As above.
            unsafe { (*cell).next = oldest };
            oldest = cell;
            cell = next;
        }
        // INVARIANT: The reversed chain is null-terminated and owned by nobody else.
        Batch { oldest }
    }
}

impl<T: MustEnd> Default for Queue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: MustEnd> Drop for Queue<T> {
    fn drop(&mut self) {
        self.take_all();
    }
}

/// Tokens taken from a [`Queue`], in the order in which they were pushed.
///
/// # Invariants
///
/// `oldest` is null or the start of a null-terminated chain of cells that the batch owns.
pub struct Batch<T: MustEnd> {
    oldest: *mut Cell<T>,
}

// SAFETY: A batch owns tokens, which are `Send`.
unsafe impl<T: MustEnd> Send for Batch<T> {}

impl<T: MustEnd> Iterator for Batch<T> {
    type Item = Token<T>;

    fn next(&mut self) -> Option<Token<T>> {
        let cell = NonNull::new(self.oldest)?;
        // SAFETY: By the invariant the cell is live and ours.
        self.oldest = unsafe { (*cell.as_ptr()).next };
        // SAFETY: The cell came from `into_raw` in `push`, and was just taken off the chain.
        Some(unsafe { Token::from_raw(cell) })
    }
}

impl<T: MustEnd> Drop for Batch<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

#[kernel::macros::kunit_tests(stmf_queue)]
mod tests {
    use super::*;
    use crate::drops::{Drops, Witness};
    use kernel::prelude::*;

    struct Item {
        number: u32,
        _witness: Witness,
    }

    impl MustEnd for Item {
        type Key = ();

        fn abandoned(token: Token<Self>) {
            token.end(());
        }
    }

    fn item(number: u32, drops: &Drops) -> Result<Token<Item>> {
        let _witness = drops.witness();
        Ok(Token::new(Item { number, _witness }, GFP_KERNEL)?)
    }

    #[test]
    fn what_came_first_is_taken_first() -> Result {
        let (queue, drops) = (Queue::new(), Drops::new()?);
        assert!(queue.is_empty());
        // Only the first wakes the consumer.
        assert!(queue.push(item(0, &drops)?));
        assert!(!queue.push(item(1, &drops)?));
        assert!(!queue.push(item(2, &drops)?));
        let mut batch = queue.take_all();
        assert!(queue.is_empty());
        // What comes now isn't part of it.
        assert!(queue.push(item(3, &drops)?));
        for number in 0..3 {
            assert!(batch.next().is_some_and(|item| item.number == number));
        }
        assert!(batch.next().is_none());
        assert_eq!(drops.count(), 3);
        Ok(())
    }

    #[test]
    fn what_is_left_in_it_comes_to_its_end() -> Result {
        let (queue, drops) = (Queue::new(), Drops::new()?);
        for number in 0..4 {
            queue.push(item(number, &drops)?);
        }
        let mut batch = queue.take_all();
        queue.push(item(4, &drops)?);
        drop(batch.next());
        assert_eq!(drops.count(), 1);
        drop(batch);
        assert_eq!(drops.count(), 4);
        drop(queue);
        assert_eq!(drops.count(), 5);
        Ok(())
    }
}
