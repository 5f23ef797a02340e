// SPDX-License-Identifier: GPL-2.0

//! Whether a disk's medium is being erased, or was left half erased.
//!
//! That isn't kept anywhere: a disk that is made anew, or imported, is taken to be sound.

use kernel::sync::atomic::{ordering, Atomic};
use stmf_scsi::{
    erasure::Condition,
    Sense, //
};

/// The condition of a disk's medium.
pub(crate) struct Erasure {
    /// The condition in the upper half, how far the operation is in the lower.
    word: Atomic<u32>,
    /// Counts the operations that have begun.
    begun: Atomic<u32>,
}

impl Erasure {
    /// Of a medium that can be used.
    pub(crate) fn new() -> Self {
        Self {
            word: Atomic::new(word(Condition::Sound, 0)),
            begun: Atomic::new(0),
        }
    }

    /// The condition now.
    #[inline]
    pub(crate) fn condition(&self) -> Condition {
        condition(self.word.load(ordering::Relaxed))
    }

    /// Why the medium can't be used, if so, and for how long it can't.
    pub(crate) fn sense(&self) -> Option<Sense> {
        let word = self.word.load(ordering::Relaxed);
        let sense = condition(word).sense()?;
        Some(if condition(word).is_busy() {
            // CAST: the lower half.
            sense.with_progress(word as u16)
        } else {
            sense
        })
    }

    /// A number that is another one once an operation has begun: what came before isn't to be
    /// carried out any more.
    pub(crate) fn generation(&self) -> u32 {
        self.begun.load(ordering::Acquire)
    }

    /// Begins an operation, if `step` lets it; returns the condition before.
    pub(crate) fn begin(
        &self,
        step: impl Fn(Condition) -> Result<Condition, Sense>,
    ) -> Result<Condition, Sense> {
        let before = self.change(step)?;
        self.begun.fetch_add(1, ordering::Full);
        Ok(before)
    }

    /// Changes the condition as `step` says; returns that before.
    pub(crate) fn change(
        &self,
        step: impl Fn(Condition) -> Result<Condition, Sense>,
    ) -> Result<Condition, Sense> {
        let mut old = self.word.load(ordering::Relaxed);
        loop {
            let next = word(step(condition(old))?, 0);
            match self.word.cmpxchg(old, next, ordering::Full) {
                Ok(_) => return Ok(condition(old)),
                Err(now) => old = now,
            }
        }
    }

    /// How far the operation is. For the one that is under way. Any context.
    pub(crate) fn advance(&self, progress: u16) {
        self.word
            .store(word(self.condition(), progress), ordering::Relaxed);
    }

    /// The operation that is under way is over. Any context.
    pub(crate) fn end(&self, condition: Condition) {
        self.word.store(word(condition, 0), ordering::Release);
    }
}

fn word(condition: Condition, progress: u16) -> u32 {
    // CAST: the enum is `repr(u8)`.
    u32::from(condition as u8) << 16 | u32::from(progress)
}

fn condition(word: u32) -> Condition {
    // CAST: `word` has put a byte there.
    Condition::from_code((word >> 16) as u8)
}
