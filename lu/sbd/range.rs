// SPDX-License-Identifier: GPL-2.0

//! Which commands are at which blocks, for those that must have theirs to themselves.
//!
//! COMPARE AND WRITE and ORWRITE read and write as one step: no other command may come in between,
//! be it one of their kind or not (SBC-4, COMPARE AND WRITE command). Hardly any disk ever sees
//! them. So reads and writes leave no trace as long as there was none: they look at one flag, and
//! go to a handle of the backing store that counts them as it has to anyway.
//!
//! The first atomic command sets the flag, waits (in a worker) for the commands of that handle, and
//! from then on everybody enters the blocks it touches in this table. A command waits for those
//! before it that overlap, if one of the two is atomic. Everybody enters once and waits only for
//! those that entered earlier, so nobody waits in a circle; who waits is a command in the table,
//! not a thread.

use crate::exec::Job;
use kernel::{
    new_spinlock_irq,
    prelude::*,
    rbtree::{RBTree, RBTreeNode, RBTreeNodeReservation},
    sync::{
        atomic::{ordering, Atomic},
        SpinLockIrq, //
    }, //
};
use stmf::plan::Extent;
use stmf_kernel::token::Token;

/// The blocks that a command touches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Range {
    /// Which they are.
    pub(crate) extent: Extent,
    /// Whether nobody else may be there meanwhile.
    pub(crate) atomic: bool,
}

impl Range {
    /// Whether two commands can't be at work at the same time.
    fn excludes(&self, other: &Range) -> bool {
        (self.atomic || other.atomic) && self.extent.overlaps(&other.extent)
    }
}

/// Memory for a command's place in the table.
pub(crate) type Place = RBTreeNodeReservation<u64, Entry>;

/// A command in the table.
pub(crate) struct Entry {
    range: Range,
    /// How many of those that came before it have to leave before it may begin.
    blockers: usize,
    /// The command itself, while it waits.
    waiting: Option<Token<Job>>,
}

impl Entry {
    fn is_ready(&self) -> bool {
        self.blockers == 0 && self.waiting.is_some()
    }
}

/// A disk's table.
#[pin_data]
pub(crate) struct Ranges {
    tracking: Atomic<bool>,
    #[pin]
    table: SpinLockIrq<Table>,
}

struct Table {
    /// By the order in which they came.
    entries: RBTree<u64, Entry>,
    next: u64,
    /// How many of the entries are atomic.
    atomic: usize,
}

impl Table {
    /// How many of those that are there a new command has to wait for.
    fn blockers(&self, range: &Range) -> usize {
        if self.atomic == 0 && !range.atomic {
            return 0;
        }
        let excludes = |entry: &&Entry| entry.range.excludes(range);
        self.entries.values().filter(excludes).count()
    }

    /// Takes a command out that is over; says who is the first that may begin now. The others are looked at once
    /// for it, however many there are: interrupts are off.
    fn remove(&mut self, ticket: u64) -> (Option<RBTreeNode<u64, Entry>>, Option<u64>) {
        let range = self.entries.get(&ticket).map(|entry| entry.range);
        let gone = self.entries.remove_node(&ticket);
        let mut first = None;
        // Without an atomic command nobody waits.
        if let Some(range) = range.filter(|_| self.atomic > 0) {
            let later = self
                .entries
                .iter_mut()
                .filter(|(other, _)| **other > ticket);
            for (other, entry) in later.filter(|(_, entry)| entry.range.excludes(&range)) {
                entry.blockers = entry.blockers.saturating_sub(1);
                if entry.is_ready() {
                    first.get_or_insert(*other);
                }
            }
            self.atomic = self.atomic.saturating_sub(range.atomic.into());
        }
        (gone, first)
    }

    /// Takes the first command with such a ticket or a later one that need not wait any longer.
    fn grant(&mut self, first: u64) -> Option<(u64, Token<Job>)> {
        let mut cursor = self.entries.cursor_lower_bound_mut(&first)?;
        loop {
            let (ticket, entry) = cursor.current_mut();
            if entry.is_ready() {
                return Some((*ticket, entry.waiting.take()?));
            }
            cursor = cursor.move_next()?;
        }
    }
}

impl Ranges {
    /// A table that nobody needs yet.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            tracking: Atomic::new(false),
            table <- new_spinlock_irq!(
                Table {
                    entries: RBTree::new(),
                    next: 0,
                    atomic: 0,
                },
                "Ranges::table"
            ),
        })
    }

    /// Whether every command has to enter.
    pub(crate) fn is_tracking(&self) -> bool {
        self.tracking.load(ordering::Relaxed)
    }

    /// Has every command enter from now on. Those that are on their way meanwhile have not.
    pub(crate) fn track(&self) {
        self.tracking.store(true, ordering::Release);
    }

    /// Enters a command; gives it back when it may begin, else it is kept until [`Ranges::leave`]
    /// hands it out. `note` is told its ticket.
    pub(crate) fn enter(
        &self,
        mut job: Token<Job>,
        range: Range,
        place: Place,
        note: impl FnOnce(&mut Job, u64),
    ) -> Option<Token<Job>> {
        let mut table = self.table.lock();
        let ticket = table.next;
        table.next = ticket.wrapping_add(1);
        note(&mut job, ticket);
        let blockers = table.blockers(&range);
        let (waiting, free) = match blockers {
            0 => (None, Some(job)),
            _ => (Some(job), None),
        };
        table.atomic = table.atomic.saturating_add(range.atomic.into());
        let entry = Entry {
            range,
            blockers,
            waiting,
        };
        let node = place.into_node(ticket, entry);
        // Tickets are never given twice, so nobody was there.
        let none = table.entries.insert(node);
        drop(table);
        drop(none);
        free
    }

    /// A command is over; `begin` gets those that waited for it. Any context.
    pub(crate) fn leave(&self, ticket: u64, mut begin: impl FnMut(Token<Job>)) {
        let mut table = self.table.lock();
        let (gone, mut first) = table.remove(ticket);
        while let Some((ready, job)) = first.and_then(|first| table.grant(first)) {
            drop(table);
            begin(job);
            first = Some(ready);
            table = self.table.lock();
        }
        drop(table);
        drop(gone);
    }
}
