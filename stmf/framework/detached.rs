// SPDX-License-Identifier: GPL-2.0

//! Commands that were aborted, but that a device has still: *orphans*.
//!
//! An orphan keeps its slot in its session's table, also when the session is gone. Sessions with
//! orphans are on one list, each logical unit has a flag that says whether it may have orphans, and
//! only when the flag is set does a command that arrives for the unit look at the list.

use super::Framework;
use crate::{
    lu::LuEntry,
    nexus::Nexus,
    order::Order,
    plan::Extent,
    taskset::{Abort, Effect, TaskView}, //
};
use kernel::{
    list::{List, ListArc},
    sync::{
        atomic::ordering,
        Arc, //
    }, //
};

/// The orphans that a logical unit may have before it is BUSY for all that touches its medium: as
/// many as two sessions can leave behind.
const ORPHANS_MAX: usize = 2 * crate::taskset::DEPTH;

/// The memory that a logical unit's orphans may hold before it is BUSY.
const BYTES_MAX: u64 = 64 << 20;

/// What a look at a logical unit's orphans gives.
#[derive(Default)]
struct Census {
    count: usize,
    bytes: u64,
    overlap: bool,
}

impl Framework {
    /// Aborts the commands of a session that `chosen` picks; returns how many of them could still
    /// have an effect, or could have had one. Process context.
    pub(crate) fn abort(
        &self,
        nexus: &Arc<Nexus>,
        how: Abort,
        chosen: impl Fn(&TaskView) -> bool,
    ) -> usize {
        // Whoever looks for orphans meanwhile waits until all of these are marked.
        let mut list = self.detached.lock();
        prune(&mut list);
        let found = nexus.tasks.abort(how, chosen, |task| {
            self.with_lu(task.lu, |lu| {
                lu.has_orphans.store(true, ordering::Relaxed);
            });
        });
        if found > 0 {
            self.look_again(nexus);
            nexus.commands_given_up();
        }
        if nexus.tasks.has_orphans() {
            if let Ok(entry) = ListArc::try_from_arc(nexus.clone()) {
                list.push_back(entry);
            }
        }
        found
    }

    /// Commands may have waited for those of a session that were aborted, or be among them.
    fn look_again(&self, nexus: &Nexus) {
        let mut last = 0;
        nexus.tasks.for_each(|task| {
            if task.aborted && task.lu != last {
                last = task.lu;
                self.with_lu(last, |lu| Order::look_again(&lu.order));
            }
        });
    }

    /// Whether a command that touches `extent` must not be carried out now: it would overtake a
    /// write that was aborted, but may still reach the medium, or there are too many orphans.
    ///
    /// Process context. The I/O path calls this only for a unit that may have orphans.
    pub(crate) fn is_blocked_by_orphans(&self, lu: &LuEntry, extent: &Extent) -> bool {
        let mut list = self.detached.lock();
        prune(&mut list);
        let mut census = Census::default();
        for nexus in list.iter() {
            nexus.tasks.for_each(|task| {
                if task.is_orphan() && task.lu == lu.id {
                    census.count += 1;
                    census.bytes = census.bytes.saturating_add(task.bytes);
                    census.overlap |= matches!(
                        task.effect,
                        Effect::Writes(written) if written.overlaps(extent)
                    );
                }
            });
        }
        if census.count == 0 {
            lu.has_orphans.store(false, ordering::Relaxed);
        }
        census.overlap || census.count >= ORPHANS_MAX || census.bytes >= BYTES_MAX
    }

    /// Shows every session with orphans to `visit`, also those that are gone. Process context.
    pub(crate) fn for_each_detached(&self, mut visit: impl FnMut(&Nexus)) {
        let mut list = self.detached.lock();
        prune(&mut list);
        for nexus in list.iter() {
            visit(&nexus);
        }
    }
}

/// Forgets the sessions without orphans.
fn prune(list: &mut List<Nexus>) {
    let mut cursor = list.cursor_front();
    while let Some(next) = cursor.peek_next() {
        if next.tasks.has_orphans() {
            cursor.move_next();
        } else {
            drop(next.remove());
        }
    }
}
