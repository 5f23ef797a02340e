// SPDX-License-Identifier: GPL-2.0

//! When initiators are warned that space runs out (SBC-4, Thin provisioned logical units and
//! thresholds).
//!
//! Of a file in a file system nobody else tells them. A command that may take space leaves a note,
//! which costs it one load; [`crate::keeper`] then asks the file system, once a second at most, and
//! now and then in any case, for others may take space, too.

use crate::{
    disk::{text, Disk},
    keeper, //
};
use kernel::{
    prelude::*,
    sync::atomic::{ordering, Atomic}, //
};
use stmf::lu::{Audience, Incident, LuHandle};
use stmf_kernel::fs::Space;
use stmf_scsi::{
    log::Resources,
    mode::Thresholds,
    ua::UnitAttention, //
};

/// The threshold of a disk that isn't told another, in percent of the file system.
const USUAL: u8 = 5;

/// The unit in which thresholds are told to initiators, in bytes: a threshold set.
const SET: u32 = 1 << 20;

/// The soft threshold of a disk: so much free space.
pub(crate) struct Threshold {
    /// Whether the disk's space has a limit that is known.
    applies: bool,
    /// What the file system had free, and the disk in use, when it was asked last, in bytes.
    available: Atomic<u64>,
    used: Atomic<u64>,
    /// In percent of the file system; zero for never.
    percent: Atomic<u32>,
    /// Commands that may take space have come since the file system was asked; always set where
    /// nobody asks.
    stirred: Atomic<bool>,
    /// Initiators have been warned, and there isn't more space since.
    is_low: Atomic<bool>,
    /// Which thresholds of the initiators' own were reached ([`Thresholds::reached`]).
    reached: Atomic<u32>,
}

impl Threshold {
    /// The threshold of a disk that has so much space, or of one that has no limit.
    pub(crate) fn new(percent: Option<u8>, space: Option<Space>) -> Self {
        let applies = space.is_some();
        let space = space.unwrap_or_default();
        Self {
            applies,
            available: Atomic::new(space.available),
            used: Atomic::new(space.used),
            percent: Atomic::new(percent.unwrap_or(USUAL).into()),
            stirred: Atomic::new(!applies),
            is_low: Atomic::new(false),
            reached: Atomic::new(0),
        }
    }

    /// The threshold in percent, zero for never; `None` for a disk without a limit.
    pub(crate) fn percent(&self) -> Option<u8> {
        let percent = u8::try_from(self.percent.load(ordering::Relaxed)).unwrap_or(0);
        self.applies.then_some(percent)
    }

    /// Sets the threshold.
    pub(crate) fn set(&self, percent: u8) {
        self.percent.store(percent.into(), ordering::Relaxed);
        self.is_low.store(false, ordering::Relaxed);
        self.look();
    }

    /// The thresholds of the initiators' own have changed: those that are reached are news. Any context.
    pub(crate) fn rearm(&self) {
        self.reached.store(0, ordering::Relaxed);
        self.look();
    }

    /// Has the keeper ask the file system in its next round.
    fn look(&self) {
        self.stirred.xchg(true, ordering::Relaxed);
        keeper::look_soon();
    }

    /// The space that was found last, in threshold sets of blocks of so many bytes; `None` for a disk
    /// without a limit. Any context.
    pub(crate) fn resources(&self, block: u32) -> Option<Resources> {
        let set = Self::set_bytes(block);
        let sets = |bytes: &Atomic<u64>| {
            let sets = bytes.load(ordering::Relaxed).checked_div(set);
            u32::try_from(sets.unwrap_or(0)).unwrap_or(u32::MAX)
        };
        self.applies.then(|| Resources {
            available: sets(&self.available),
            used: sets(&self.used),
        })
    }

    /// Whether initiators may be warned at all.
    pub(crate) fn is_set(&self) -> bool {
        self.percent().is_some_and(|percent| percent > 0)
    }

    /// A command comes that may take space. Any context.
    #[inline]
    pub(crate) fn stir(&self) {
        if !self.stirred.load(ordering::Relaxed) && !self.stirred.xchg(true, ordering::Relaxed) {
            keeper::look_soon();
        }
    }

    /// Whether such commands have come since the file system was asked.
    pub(crate) fn is_stirred(&self) -> bool {
        self.applies && self.stirred.load(ordering::Relaxed)
    }

    /// THRESHOLD EXPONENT for blocks of so many bytes.
    pub(crate) fn exponent(block: u32) -> u8 {
        // BOUNDS: At most 31.
        (SET / block.max(1)).max(1).ilog2() as u8
    }

    /// A threshold set of blocks of so many bytes, in bytes.
    fn set_bytes(block: u32) -> u64 {
        u64::from(block) << Self::exponent(block)
    }

    /// Asks the file system, and warns initiators when the threshold has just been reached. Sleeps,
    /// as long as the file system takes.
    pub(crate) fn check(&self, disk: &Disk, unit: &LuHandle) {
        if !self.applies {
            return;
        }
        self.stirred.store(false, ordering::Relaxed);
        let backend = disk.medium.backend();
        let Some(space) = backend.and_then(|backend| backend.space()) else {
            return;
        };
        self.available.store(space.available, ordering::Relaxed);
        self.used.store(space.used, ordering::Relaxed);
        self.check_own(disk, unit, &space);
        let percent = self.percent.load(ordering::Relaxed);
        // What is all there takes no more.
        let is_whole = space.used >= disk.geometry().size();
        if is_whole || !is_below(&space, percent, MARGIN) {
            self.is_low.store(false, ordering::Relaxed);
        } else if is_below(&space, percent, 0) && !self.is_low.xchg(true, ordering::Relaxed) {
            pr_notice!(
                "LU {}: the file system has only {} bytes left\n",
                text(&disk.names.digits),
                space.available
            );
            warn(disk, unit, UnitAttention::ThinProvisioningThreshold);
            unit.tell(Incident::SpaceLow);
        }
    }

    /// Warns initiators when a threshold that they have set has just been reached.
    fn check_own(&self, disk: &Disk, unit: &LuHandle, space: &Space) {
        let thresholds = disk.changeable.modes.current().thresholds;
        let before = self.reached.load(ordering::Relaxed);
        let set = Self::set_bytes(disk.geometry().block_size());
        let reached = thresholds.reached(space.available, space.used, set, before);
        // Whoever has changed the thresholds meanwhile wants to know what is reached of those.
        let _ = self.reached.cmpxchg(before, reached, ordering::Relaxed);
        for (bit, attention) in [
            (
                Thresholds::AVAILABLE,
                UnitAttention::ThinProvisioningThreshold,
            ),
            (Thresholds::USED, UnitAttention::ThinProvisioningUsage),
        ] {
            if reached & !before & bit != 0 {
                warn(disk, unit, attention);
            }
        }
    }
}

/// Warns initiators, if they want that (SBC-4 4.7.3.7.6).
fn warn(disk: &Disk, unit: &LuHandle, attention: UnitAttention) {
    if disk.changeable.modes.quick().lbpere {
        unit.announce(attention, Audience::All);
    }
}

/// How much more space than the threshold there has to be, in percent of the file system, before
/// initiators are warned again.
const MARGIN: u32 = 1;

/// Whether less is free than so much, and a margin. A threshold of zero is never reached.
fn is_below(space: &Space, percent: u32, margin: u32) -> bool {
    let limit = u128::from(space.total).saturating_mul(percent.saturating_add(margin).into());
    percent > 0 && u128::from(space.available).saturating_mul(100) < limit
}
