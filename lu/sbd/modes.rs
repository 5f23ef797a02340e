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
    /// Held by the one who changes them.
    #[pin]
    changing: Mutex<()>,
}

impl Modes {
    /// The parameters of a new disk, whose write cache is enabled or not.
    pub(crate) fn new(wce: bool) -> impl PinInit<Self> {
        let default = Values {
            wce,
            ..Values::DISK
        };
        pin_init!(Self {
            current: Atomic::new(default.bits()),
            default,
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
