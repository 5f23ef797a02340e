// SPDX-License-Identifier: GPL-2.0

//! The door of a disk whose medium initiators may take out (SBC-4, Removable media devices).
//!
//! The medium isn't anywhere else when it is out: it is out of reach, until somebody loads it.

use crate::reserve::nexus_ref;
use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Mutex, //
    },
};
use stmf::task::Task;
use stmf_scsi::reservation::Nexus;

/// The door of a disk; of one whose medium is fixed it is never open.
#[pin_data]
pub(crate) struct Door {
    /// Whether the medium can be taken out at all.
    is_there: bool,
    /// The medium is out. Changed under the lock.
    is_open: Atomic<bool>,
    /// The I_T nexuses that prevent the removal.
    #[pin]
    keepers: Mutex<KVec<Nexus>>,
}

/// Somebody prevents that the medium is moved.
pub(crate) struct Prevented;

impl Door {
    /// A door that is shut, if there is one.
    pub(crate) fn new(is_there: bool) -> impl PinInit<Self> {
        pin_init!(Self {
            is_there,
            is_open: Atomic::new(false),
            keepers <- new_mutex!(KVec::new(), "Door::keepers"),
        })
    }

    /// Whether the medium can be taken out.
    pub(crate) fn is_there(&self) -> bool {
        self.is_there
    }

    /// Whether the medium is out.
    #[inline]
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(ordering::Relaxed)
    }

    /// From now on the nexus of a task prevents the removal. Sleeps briefly.
    pub(crate) fn prevent(&self, task: &Task) -> Result<(), AllocError> {
        let mut keepers = self.keepers.lock();
        let nexus = nexus_ref(task.nexus());
        // Who aborts it, because the nexus is lost, then has it let go.
        if !task.is_aborted() && !keepers.iter().any(|keeper| nexus.is(keeper)) {
            keepers.push(nexus.to_nexus(), GFP_KERNEL)?;
        }
        Ok(())
    }

    /// Those that `chosen` picks prevent nothing any more. Sleeps briefly.
    pub(crate) fn let_go(&self, chosen: impl Fn(&Nexus) -> bool) {
        if self.is_there {
            self.keepers.lock().retain(|keeper| !chosen(keeper));
        }
    }

    /// Takes the medium out, or loads it, and says whether it was out. Who prevents the removal keeps
    /// the door as it is. Sleeps briefly.
    pub(crate) fn set_open(&self, open: bool) -> Result<bool, Prevented> {
        let keepers = self.keepers.lock();
        if !keepers.is_empty() {
            return Err(Prevented);
        }
        Ok(self.is_open.xchg(open, ordering::Relaxed))
    }
}
