// SPDX-License-Identifier: GPL-2.0

//! Whose the commands of a host are.
//!
//! The midlayer's own memory is no place for that. A holder whose command was taken away finds out
//! only when its device has done. By then the midlayer may have sent the same C command again, for
//! something else, or freed it: with the queue of a disk that was removed, with its scheduler, or with
//! the host's tags. So the states are in a table that is ours and that holders keep; a cell of it is
//! used by one command after another, and counts them.

use kernel::{
    prelude::*,
    sync::atomic::{ordering, Atomic}, //
};

/// The flags of a state, see [`super`]; over when there are none.
const TAKEN: u64 = 1;
const WAITING: u64 = 2;
const FLAGS: u64 = 3;

/// Above the flags the number of the cell, of so many bits, and above that the count of its uses.
const CELL_SHIFT: u32 = 2;
const COUNT_SHIFT: u32 = 18;

/// One use of one cell, which no other use of any cell is equal to: the count takes years to come
/// round. Zero is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Use(pub(super) u64);

impl Use {
    fn cell(self) -> usize {
        // CAST: 16 bits of it.
        usize::from((self.0 >> CELL_SHIFT) as u16)
    }
}

/// The states of a host's commands.
///
/// # Invariants
///
/// - The state of a cell is that of the use that began last, with flags.
/// - Flags only change from `TAKEN` to `WAITING` and back, and from either to none. From `TAKEN` only
///   the holder of the use changes them; from `WAITING` to none only error handling.
///
/// So exactly one of them gets a command that waits, and who is late gets none: its use isn't the
/// cell's any more, or has no flags, which stays so.
pub(super) struct States {
    cells: KVec<Cell>,
}

/// In a cache line of its own: it is written for every command, wherever that is.
#[repr(align(64))]
struct Cell(Atomic<u64>);

impl States {
    /// A table for commands with the tags up to `count`. May sleep.
    pub(super) fn new(count: u16) -> Result<Self> {
        let mut cells = KVec::with_capacity(usize::from(count), GFP_KERNEL)?;
        for number in 0..count {
            let state = u64::from(number) << CELL_SHIFT;
            cells.push(Cell(Atomic::new(state)), GFP_KERNEL)?;
        }
        // INVARIANT: No use has begun.
        Ok(Self { cells })
    }

    /// A command is handed over, taken. `None` when there is no cell for such a tag.
    ///
    /// The caller has the tag for itself until the use is over, and what it does is ordered after the
    /// end of the use before.
    pub(super) fn begin(&self, tag: u32) -> Option<Use> {
        let cell = &self.cells.get(usize::try_from(tag).ok()?)?.0;
        let before = cell.load(ordering::Relaxed) & !FLAGS;
        let now = Use(before.wrapping_add(1 << COUNT_SHIFT));
        // A store is enough: the use before is over, and nobody changes the state of one that is, but
        // for the holder that ends it late.
        cell.store(now.0 | TAKEN, ordering::Relaxed);
        Some(now)
    }

    /// The holder, who has it taken, lets others take it.
    pub(super) fn wait(&self, at: Use) {
        if let Some(cell) = self.cell(at) {
            cell.store(at.0 | WAITING, ordering::Release);
        }
    }

    /// The holder takes it again; says whether it was there to be taken.
    pub(super) fn take_again(&self, at: Use) -> bool {
        self.change(at, WAITING, TAKEN)
    }

    /// The holder, who had it taken, has given it back to the midlayer. Another use of the cell may have
    /// begun since.
    pub(super) fn end(&self, at: Use) {
        self.change(at, TAKEN, 0);
    }

    /// Error handling takes it away for the midlayer; says whether it was there to be taken.
    pub(super) fn take_away(&self, at: Use) -> bool {
        self.change(at, WAITING, 0)
    }

    /// Whether it is neither taken nor waiting.
    pub(super) fn is_over(&self, at: Use) -> bool {
        let now = self.cell(at).map(|cell| cell.load(ordering::Acquire));
        now != Some(at.0 | TAKEN) && now != Some(at.0 | WAITING)
    }

    fn change(&self, at: Use, from: u64, to: u64) -> bool {
        self.cell(at)
            .is_some_and(|cell| cell.cmpxchg(at.0 | from, at.0 | to, ordering::Full).is_ok())
    }

    fn cell(&self, at: Use) -> Option<&Atomic<u64>> {
        self.cells.get(at.cell()).map(|cell| &cell.0)
    }
}

#[kernel::macros::kunit_tests(stmf_scsi_host_states)]
mod tests {
    use super::*;

    fn begin(states: &States, tag: u32) -> Result<Use> {
        states.begin(tag).ok_or(EINVAL)
    }

    #[test]
    fn one_of_them_gets_a_command_that_waits() -> Result {
        let states = States::new(4)?;
        let one = begin(&states, 1)?;
        assert!(!states.take_away(one));
        states.wait(one);
        assert!(!states.is_over(one));
        assert!(states.take_again(one));
        assert!(!states.take_away(one));
        states.wait(one);
        assert!(states.take_away(one));
        assert!(states.is_over(one));
        assert!(!states.take_again(one));
        assert!(!states.take_away(one));
        Ok(())
    }

    #[test]
    fn who_is_late_gets_nothing_of_the_next_command() -> Result {
        let states = States::new(4)?;
        let late = begin(&states, 2)?;
        states.wait(late);
        assert!(states.take_away(late));
        let next = begin(&states, 2)?;
        assert!(!states.take_again(late));
        states.end(late);
        assert!(!states.is_over(next));
        states.wait(next);
        assert!(!states.take_again(late));
        assert!(!states.take_away(late));
        assert!(states.is_over(late));
        assert!(states.take_again(next));
        states.end(next);
        assert!(states.is_over(next));
        Ok(())
    }

    #[test]
    fn no_two_uses_are_equal() -> Result {
        let states = States::new(u16::MAX)?;
        let last = u32::from(u16::MAX) - 1;
        let uses = [
            begin(&states, 0)?,
            begin(&states, 0)?,
            begin(&states, 1)?,
            begin(&states, last)?,
            begin(&states, last)?,
            Use(0),
        ];
        for (i, one) in uses.iter().enumerate() {
            assert!(uses.iter().skip(i + 1).all(|other| other != one));
        }
        assert!(states.is_over(Use(0)));
        assert!(!states.take_away(Use(0)));
        assert!(states.begin(last + 1).is_none());
        assert!(states.begin(u32::MAX).is_none());
        Ok(())
    }
}
