// SPDX-License-Identifier: GPL-2.0

//! What a disk keeps for each I_T nexus by itself, and forgets with it: its alias list and its echo
//! buffer.
//!
//! It belongs to a session: a later one of the same ports begins with nothing.

use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use stmf::{
    nexus::ItNexus,
    task::Task, //
};
use stmf_scsi::{
    AdditionalSense,
    Sense,
    TransportId, //
};

/// The most I_T nexuses that a disk keeps something for: 2 MiB together.
const MAX_OWNERS: usize = 256;

/// The most of them that may be of one initiator device: there is room for others', too.
const MAX_OF_INITIATOR: usize = MAX_OWNERS / 4;

/// What is kept for an I_T nexus.
pub(crate) struct Owner {
    session: u64,
    initiator: TransportId,
    /// Alias entries, see [`stmf_scsi::aliases`].
    pub(crate) aliases: KVVec<u8>,
    /// What is in the echo buffer, once it was written.
    pub(crate) echo: Option<KVVec<u8>>,
}

/// What a disk keeps for each of its I_T nexuses.
#[pin_data]
pub(crate) struct Private {
    #[pin]
    owners: Mutex<KVVec<Owner>>,
}

/// Why nothing was changed.
pub(crate) enum Unchanged {
    /// There is no memory.
    NoMemory,
    /// The nexus is being lost, or the command was aborted otherwise.
    Aborted,
    /// CHECK CONDITION.
    Refused(Sense),
}

impl From<AllocError> for Unchanged {
    fn from(_: AllocError) -> Self {
        Self::NoMemory
    }
}

impl From<Sense> for Unchanged {
    fn from(sense: Sense) -> Self {
        Self::Refused(sense)
    }
}

impl Private {
    /// Nothing is kept.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            owners <- new_mutex!(KVVec::new(), "Private::owners"),
        })
    }

    /// Looks at what is kept for a nexus. Sleeps briefly.
    pub(crate) fn look<R>(&self, nexus: &ItNexus, look: impl FnOnce(Option<&Owner>) -> R) -> R {
        let owners = self.owners.lock();
        let session = nexus.session();
        look(owners.iter().find(|owner| owner.session == session))
    }

    /// A copy of something that is kept for a nexus; empty when nothing is. Sleeps for memory.
    pub(crate) fn copy(
        &self,
        nexus: &ItNexus,
        pick: impl FnOnce(&Owner) -> &[u8],
    ) -> Result<KVVec<u8>, AllocError> {
        self.look(nexus, |owner| {
            let mut copy = KVVec::new();
            copy.extend_from_slice(owner.map_or(&[], pick), GFP_KERNEL)?;
            Ok(copy)
        })
    }

    /// Changes what is kept for the nexus of a task. Sleeps for memory.
    ///
    /// A nexus that is lost has its commands aborted before [`Private::forget`] is called, so nothing
    /// is kept for one that is gone.
    pub(crate) fn change(
        &self,
        task: &Task,
        change: impl FnOnce(&mut Owner) -> Result<(), Unchanged>,
    ) -> Result<(), Unchanged> {
        let mut owners = self.owners.lock();
        if task.is_aborted() {
            return Err(Unchanged::Aborted);
        }
        let (session, initiator) = (task.nexus().session(), task.nexus().initiator());
        if let Some(owner) = owners.iter_mut().find(|owner| owner.session == session) {
            return change(owner);
        }
        let of_initiator = |owner: &&Owner| owner.initiator.is_same_device(initiator);
        if owners.len() >= MAX_OWNERS
            || owners.iter().filter(of_initiator).count() >= MAX_OF_INITIATOR
        {
            return Err(Sense::illegal(AdditionalSense::INSUFFICIENT_RESOURCES).into());
        }
        let mut owner = Owner {
            session,
            initiator: *initiator,
            aliases: KVVec::new(),
            echo: None,
        };
        change(&mut owner)?;
        Ok(owners.push(owner, GFP_KERNEL)?)
    }

    /// A session has ended. Sleeps briefly.
    pub(crate) fn forget(&self, nexus: &ItNexus) {
        let session = nexus.session();
        self.owners.lock().retain(|owner| owner.session != session);
    }

    /// The disk is reset. Sleeps briefly.
    pub(crate) fn clear(&self) {
        let old = core::mem::take(&mut *self.owners.lock());
        drop(old);
    }
}
