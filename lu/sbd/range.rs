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
    rbtree::{RBTree, RBTreeNodeReservation},
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
    /// The command itself, while it waits.
    waiting: Option<Token<Job>>,
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
    /// Whether a command has to wait for one that came before it.
    fn is_blocked(&self, ticket: u64, range: &Range) -> bool {
        (self.atomic > 0 || range.atomic)
            && self
                .entries
                .iter()
                .take_while(|(other, _)| **other < ticket)
                .any(|(_, entry)| entry.range.excludes(range))
    }

    /// Takes a command that need not wait any longer.
    fn grant(&mut self) -> Option<Token<Job>> {
        let ready = self.entries.iter().find_map(|(ticket, entry)| {
            let waits = entry.waiting.is_some();
            (waits && !self.is_blocked(*ticket, &entry.range)).then_some(*ticket)
        })?;
        self.entries.get_mut(&ready)?.waiting.take()
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
        let (waiting, free) = if table.is_blocked(ticket, &range) {
            (Some(job), None)
        } else {
            (None, Some(job))
        };
        table.atomic = table.atomic.wrapping_add(range.atomic.into());
        let node = place.into_node(ticket, Entry { range, waiting });
        // Tickets are never given twice, so nobody was there.
        let none = table.entries.insert(node);
        drop(table);
        drop(none);
        free
    }

    /// A command is over; `begin` gets those that waited for it. Any context.
    pub(crate) fn leave(&self, ticket: u64, mut begin: impl FnMut(Token<Job>)) {
        let mut table = self.table.lock();
        let gone = table.entries.remove_node(&ticket);
        if table.atomic == 0 {
            // Nobody waits.
            drop(table);
            drop(gone);
            return;
        }
        if let Some(node) = gone {
            let (_, entry) = node.to_key_value();
            table.atomic = table.atomic.wrapping_sub(entry.range.atomic.into());
        }
        while let Some(job) = table.grant() {
            drop(table);
            begin(job);
            table = self.table.lock();
        }
    }
}
