// SPDX-License-Identifier: GPL-2.0

//! The mode parameters of a disk. Commands look at some of them, which are also one atomic number.

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Mutex, //
    },
};
use stmf_scsi::mode::{Thresholds, Values};

/// The mode parameters of a disk.
#[pin_data]
pub(crate) struct Modes {
    /// [`Values::bits`] of the values in use.
    bits: Atomic<u32>,
    default: Values,
    /// Whether there are thresholds of provisioning.
    has_thresholds: bool,
    /// Held for moments.
    #[pin]
    values: Mutex<Pair>,
    /// Held by the one who changes them.
    #[pin]
    changing: Mutex<()>,
}

#[derive(Clone, Copy)]
struct Pair {
    current: Values,
    /// What the disk will begin with after a loss of power, if it can keep that.
    saved: Values,
}

impl Modes {
    /// The parameters of a new disk, whose write cache is enabled or not, and which has thresholds of
    /// provisioning or not; or those saved.
    pub(crate) fn new(
        wce: bool,
        has_thresholds: bool,
        saved: Option<Values>,
    ) -> impl PinInit<Self> {
        let default = Values {
            wce,
            // What tells initiators that space runs out is on, if there is something that can.
            lbpere: has_thresholds,
            ..Values::DISK
        };
        let mut begin = saved.unwrap_or(default);
        if !has_thresholds {
            // Its data may have been where there were some.
            begin = begin.without_thresholds();
        }
        pin_init!(Self {
            bits: Atomic::new(begin.bits()),
            default,
            has_thresholds,
            values <- new_mutex!(
                Pair {
                    current: begin,
                    saved: begin,
                },
                "Modes::values"
            ),
            changing <- new_mutex!((), "Modes::changing"),
        })
    }

    /// The values in use, but for the thresholds. Any context.
    #[inline]
    pub(crate) fn quick(&self) -> Values {
        Values::from_bits(self.bits.load(ordering::Relaxed))
    }

    /// The values in use. Sleeps briefly.
    pub(crate) fn current(&self) -> Values {
        self.values.lock().current
    }

    /// The values that the disk began with.
    pub(crate) fn default(&self) -> Values {
        self.default
    }

    /// What MODE SELECT may change.
    pub(crate) fn changeable(&self) -> Values {
        if self.has_thresholds {
            Values::CHANGEABLE
        } else {
            Values {
                lbpere: false,
                thresholds: Thresholds::default(),
                ..Values::CHANGEABLE
            }
        }
    }

    /// The values saved; those that the disk began with while no others are. Sleeps briefly.
    pub(crate) fn saved(&self) -> Values {
        self.values.lock().saved
    }

    /// Notes the values that were saved. Sleeps briefly.
    pub(crate) fn set_saved(&self, values: Values) {
        self.values.lock().saved = values;
    }

    /// Makes `choose` choose new values from the current ones, and returns both, the current first.
    /// Sleeps.
    pub(crate) fn change<E>(
        &self,
        choose: impl FnOnce(Values) -> Result<Values, E>,
    ) -> Result<(Values, Values), E> {
        let _changing = self.changing.lock();
        let old = self.current();
        let new = choose(old)?;
        self.values.lock().current = new;
        self.bits.store(new.bits(), ordering::Relaxed);
        Ok((old, new))
    }
}
