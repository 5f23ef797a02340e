// SPDX-License-Identifier: GPL-2.0

//! The mode parameters of a disk. Commands look at them, so they are one atomic number.

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Mutex, //
    },
};
use stmf_scsi::mode::Values;

/// The mode parameters of a disk.
#[pin_data]
pub(crate) struct Modes {
    /// [`Values::bits`].
    current: Atomic<u32>,
    default: Values,
    /// What the disk will begin with after a loss of power, if it can keep that.
    saved: Atomic<u32>,
    /// Held by the one who changes them.
    #[pin]
    changing: Mutex<()>,
}

impl Modes {
    /// The parameters of a new disk, whose write cache is enabled or not, or those saved.
    pub(crate) fn new(wce: bool, saved: Option<Values>) -> impl PinInit<Self> {
        let default = Values {
            wce,
            ..Values::DISK
        };
        let begin = saved.unwrap_or(default).bits();
        pin_init!(Self {
            current: Atomic::new(begin),
            default,
            saved: Atomic::new(begin),
            changing <- new_mutex!((), "Modes::changing"),
        })
    }

    /// The values in use.
    #[inline]
    pub(crate) fn current(&self) -> Values {
        Values::from_bits(self.current.load(ordering::Relaxed))
    }

    /// The values that the disk began with.
    pub(crate) fn default(&self) -> Values {
        self.default
    }

    /// The values saved; those that the disk began with while no others are.
    pub(crate) fn saved(&self) -> Values {
        Values::from_bits(self.saved.load(ordering::Relaxed))
    }

    /// Notes the values that were saved.
    pub(crate) fn set_saved(&self, values: Values) {
        self.saved.store(values.bits(), ordering::Relaxed);
    }

    /// Makes `choose` choose new values from the current ones, and returns both, the current first.
    pub(crate) fn change<E>(
        &self,
        choose: impl FnOnce(Values) -> Result<Values, E>,
    ) -> Result<(Values, Values), E> {
        let _changing = self.changing.lock();
        let old = self.current();
        let new = choose(old)?;
        self.current.store(new.bits(), ordering::Relaxed);
        Ok((old, new))
    }
}
