// SPDX-License-Identifier: GPL-2.0

//! Looks after the disks: takes devices back that were away, asks how much space is left.
//!
//! It is at work only while there is something to do: a device is away, space may have been taken,
//! or a file system has to be asked now and then. Each disk gets a work item of its own, so one that
//! stands still keeps none of the others waiting.

use crate::{
    comeback,
    disk::Disk,
    units::{BusyGuard, Units}, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    },
    time::{Delta, Nsec}, //
};
use stmf::lu::LuHandle;
use stmf_kernel::{
    module::ModuleCell,
    work::Delayed, //
};

/// The work of the loaded module.
pub(crate) static KEEPER: ModuleCell<Delayed> = ModuleCell::empty();

/// The time from one round to the next while there is something to do.
const ROUND: Delta<Nsec> = Delta::from_secs(1);

/// The same while there is nothing but what others do with the space.
const SLOW_ROUND: Delta<Nsec> = Delta::from_secs(30);

/// Whether a round is to begin within [`ROUND`].
static SOON: Atomic<bool> = Atomic::new(false);

/// The rounds until all disks are looked at, whether they ask for it or not.
static UNTIL_ALL: Atomic<u32> = Atomic::new(0);

/// How many rounds that is.
const ALL_EVERY: u32 = 30;

/// A device was removed: a round begins at once. Any context.
pub(crate) fn look_now() {
    SOON.xchg(true, ordering::Full);
    begin_after(Delta::ZERO);
}

/// There is something to do: a round begins soon. Any context.
pub(crate) fn look_soon() {
    if !SOON.xchg(true, ordering::Full) {
        begin_after(ROUND);
    }
}

fn begin_after(delay: Delta<Nsec>) {
    KEEPER.with(|keeper| keeper.run_after(delay));
}

/// One disk to look after, which nobody deletes or changes meanwhile.
pub(crate) struct Care {
    pub(crate) disk: Arc<Disk>,
    pub(crate) unit: LuHandle,
    // Dropped last.
    pub(crate) _busy: BusyGuard,
}

/// What a disk asks of the keeper.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Need {
    /// Nothing.
    Nothing,
    /// A look now and then.
    Rarely,
    /// A look in every round.
    Now,
}

impl Need {
    pub(crate) fn of(disk: &Disk) -> Self {
        if disk.medium.is_gone() || disk.medium.threshold.is_stirred() {
            Need::Now
        } else if disk.medium.threshold.is_set() || disk.changeable.modes.quick().lbpere {
            Need::Rarely
        } else {
            Need::Nothing
        }
    }
}

impl Care {
    fn take(self) {
        if self.disk.medium.is_gone() {
            comeback::attend(&self.disk, &self.unit);
        } else {
            self.disk.medium.threshold.check(&self.disk, &self.unit);
        }
    }
}

/// One round. Process context; sleeps briefly.
pub(crate) fn round() {
    let Ok(units) = Units::get() else {
        return;
    };
    SOON.xchg(false, ordering::Full);
    let left = UNTIL_ALL.load(ordering::Relaxed);
    UNTIL_ALL.store(left.checked_sub(1).unwrap_or(ALL_EVERY), ordering::Relaxed);
    let least = if left == 0 { Need::Rarely } else { Need::Now };
    let need = units.look_after(least, |care| {
        // Without memory it is left to the next round.
        let _ = crate::keeper_queue().map(|queue| queue.spawn(GFP_KERNEL, || care.take()));
    });
    match need {
        Need::Nothing => (),
        Need::Now => look_soon(),
        Need::Rarely => {
            UNTIL_ALL.store(0, ordering::Relaxed);
            begin_after(SLOW_ROUND);
            // Somebody may have come meanwhile, and has been put off by that.
            if SOON.load(ordering::Acquire) {
                begin_after(ROUND);
            }
        }
    }
}
