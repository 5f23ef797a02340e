// SPDX-License-Identifier: GPL-2.0

//! What KUnit tests count drops with.

use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    }, //
};

/// How many of its [`Witness`]es are gone.
pub(crate) struct Drops(Arc<Atomic<u32>>);

impl Drops {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Arc::new(Atomic::new(0), GFP_KERNEL)?))
    }

    /// Something whose drop is counted.
    pub(crate) fn witness(&self) -> Witness {
        Witness(self.0.clone())
    }

    pub(crate) fn count(&self) -> u32 {
        self.0.load(ordering::Acquire)
    }
}

pub(crate) struct Witness(Arc<Atomic<u32>>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.fetch_add(1, ordering::Release);
    }
}
