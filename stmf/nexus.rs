// SPDX-License-Identifier: GPL-2.0

//! An I_T nexus: one initiator port logged in to one target port, and what it sees.

use crate::{
    admit,
    framework::Framework,
    lu::LuPath,
    port::{Completer, TargetEntry},
    task::{Finished, Incoming},
    taskset::TaskSet,
    tmf, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::{
        atomic::{ordering, Atomic},
        rcu,
        Arc,
        ArcBorrow, //
    }, //
};
use stmf_kernel::{
    clock,
    live::LiveRef,
    rcu::{RcuCell, RcuMap}, //
};
use stmf_scsi::{
    tmf::{TaskAttribute, TaskManagement},
    ua::{UnitAttention, UnitAttentions},
    Status, //
};

/// One logical unit as one nexus sees it (SAM's I_T_L nexus).
pub(crate) struct Itl {
    pub(crate) lu: LiveRef<LuPath>,
    /// Pending unit attentions, the bits of a [`UnitAttentions`].
    attentions: Atomic<u32>,
    /// The inventory generation of the nexus that this LUN has reported or predates.
    inventory: Atomic<u32>,
}

impl Itl {
    /// A LUN that its initiator hasn't talked to yet: POWER ON is pending.
    pub(crate) fn new(lu: LiveRef<LuPath>, inventory: u32) -> Self {
        let mut attentions = UnitAttentions::default();
        attentions.insert(UnitAttention::PowerOn);
        Self {
            lu,
            attentions: Atomic::new(attentions.bits()),
            inventory: Atomic::new(inventory),
        }
    }

    /// Makes a unit attention pending. Any context.
    pub(crate) fn attention(&self, attention: UnitAttention) {
        self.change(|set| set.insert(attention));
    }

    fn change(&self, edit: impl Fn(&mut UnitAttentions)) {
        let mut bits = self.attentions.load(ordering::Relaxed);
        loop {
            let mut set = UnitAttentions::from_bits(bits);
            edit(&mut set);
            match self.attentions.cmpxchg(bits, set.bits(), ordering::Full) {
                Ok(_) => return,
                Err(now) => bits = now,
            }
        }
    }
}

/// A nexus as the framework keeps it.
#[pin_data]
pub(crate) struct Nexus {
    pub(crate) id: u64,
    pub(crate) target: Arc<TargetEntry>,
    pub(crate) initiator: CString,
    pub(crate) alias: CString,
    pub(crate) isid: CString,
    /// Seconds since the epoch.
    pub(crate) created: i64,
    #[pin]
    pub(crate) luns: RcuMap<Itl>,
    /// Counts the changes of `luns` that the initiator is to be told of.
    inventory: Atomic<u32>,
    /// The change up to which a REPORT LUNS has told it.
    inventory_reported: Atomic<u32>,
    /// Task management functions in progress.
    pub(crate) managing: Atomic<u32>,
    #[pin]
    pub(crate) tasks: TaskSet,
}

impl Nexus {
    /// The current inventory generation, for a new LUN.
    pub(crate) fn inventory(&self) -> u32 {
        self.inventory.load(ordering::Relaxed)
    }

    /// Makes REPORTED LUNS DATA HAS CHANGED pending on every LUN, at the cost of one store.
    pub(crate) fn inventory_changed(&self) {
        self.inventory.fetch_add(1, ordering::Full);
    }

    /// REPORT LUNS was answered: what has changed is known (SPC-5 6.36).
    pub(crate) fn inventory_was_reported(&self) {
        let now = self.inventory.load(ordering::Relaxed);
        self.inventory_reported.store(now, ordering::Relaxed);
    }

    /// Whether a LUN may have unit attentions: the I/O path's one question.
    pub(crate) fn has_attention(&self, itl: &Itl) -> bool {
        itl.attentions.load(ordering::Relaxed) != 0
            || itl.inventory.load(ordering::Relaxed) != self.inventory.load(ordering::Relaxed)
    }

    /// Takes the unit attention of the highest precedence off a LUN.
    pub(crate) fn take_attention(&self, itl: &Itl) -> Option<UnitAttention> {
        let now = self.inventory.load(ordering::Relaxed);
        if itl.inventory.xchg(now, ordering::Relaxed) != now
            && self.inventory_reported.load(ordering::Relaxed) != now
        {
            itl.attention(UnitAttention::ReportedLunsChanged);
        }
        let first = UnitAttentions::from_bits(itl.attentions.load(ordering::Relaxed)).first()?;
        itl.change(|set| set.remove(first));
        Some(first)
    }
}

/// What a port provider says of an initiator that logs in.
pub struct NexusDescription<'a> {
    /// The initiator port's name in its protocol.
    pub initiator: &'a str,
    /// A name for people; may be empty.
    pub alias: &'a str,
    /// For iSCSI the ISID as text, which with the name makes the initiator port; else empty.
    pub isid: &'a str,
}

/// A registered nexus; dropping it ends the session.
///
/// The end waits for nothing: commands that are still in a device finish there and are dropped.
pub struct NexusRegistration {
    framework: Arc<Framework>,
    nexus: Arc<Nexus>,
}

impl NexusRegistration {
    pub(crate) fn new(
        framework: Arc<Framework>,
        target: Arc<TargetEntry>,
        description: &NexusDescription<'_>,
    ) -> Result<Self> {
        let id = framework.next_id();
        let nexus = Arc::pin_init(
            try_pin_init!(Nexus {
                id,
                target,
                initiator: CString::try_from_fmt(fmt!("{}", description.initiator))?,
                alias: CString::try_from_fmt(fmt!("{}", description.alias))?,
                isid: CString::try_from_fmt(fmt!("{}", description.isid))?,
                created: clock::unix_seconds(),
                luns <- RcuMap::new(),
                inventory: Atomic::new(0),
                inventory_reported: Atomic::new(0),
                managing: Atomic::new(0),
                tasks <- TaskSet::new(),
            }? Error),
            GFP_KERNEL,
        )?;
        framework.add_nexus(nexus.clone())?;
        Ok(Self { framework, nexus })
    }

    /// The session's number, never used again.
    pub fn id(&self) -> u64 {
        self.nexus.id
    }

    /// Opens a connection of this nexus; its answers go to `completer`.
    pub fn connect(&self, completer: Arc<dyn Completer>) -> Result<Arc<Endpoint>> {
        let completer = KBox::new(completer, GFP_KERNEL)?;
        Ok(Arc::new(
            Endpoint {
                nexus: self.nexus.clone(),
                framework: self.framework.clone(),
                completer: RcuCell::new(completer),
            },
            GFP_KERNEL,
        )?)
    }
}

impl Drop for NexusRegistration {
    fn drop(&mut self) {
        self.framework.remove_nexus(self.nexus.id);
        // Nobody waits for these any more; those not yet executing never will.
        self.nexus.tasks.abort(|_| true);
    }
}

/// A command as it came off the wire.
pub struct Command<'a> {
    /// The transport's tag, unique among the session's commands in flight.
    pub tag: u64,
    /// The LUN field (SAM-5 4.7).
    pub lun: [u8; 8],
    /// The command descriptor block.
    pub cdb: &'a [u8],
    /// The task attribute.
    pub attribute: TaskAttribute,
    /// Whether the initiator expects data from the target.
    pub read: bool,
    /// Whether the initiator has data for the target.
    pub write: bool,
    /// How many bytes of either.
    pub expected: u32,
}

/// A task management request as it came off the wire.
pub struct ManagementRequest {
    /// The function.
    pub function: TaskManagement,
    /// The LUN field, for the functions that name a logical unit.
    pub lun: [u8; 8],
    /// The tag of the command meant, for the functions that name one.
    pub tag: u64,
    /// Given back in [`Completer::managed`].
    pub cookie: u64,
}

/// One connection of a nexus: where commands go in.
pub struct Endpoint {
    pub(crate) nexus: Arc<Nexus>,
    pub(crate) framework: Arc<Framework>,
    completer: RcuCell<Arc<dyn Completer>>,
}

impl Endpoint {
    /// Admits a command: finds its logical unit, reserves all that it needs.
    ///
    /// Process context; may sleep for memory, for a short time.
    ///
    /// # Errors
    ///
    /// TASK SET FULL or BUSY, for the port to send, when something is not to be had.
    pub fn admit(self: ArcBorrow<'_, Self>, command: &Command<'_>) -> Result<Incoming, Status> {
        admit::admit(self, command)
    }

    /// Starts a task management function; [`Completer::managed`] answers it, within a few seconds.
    ///
    /// Commands of this connection that the port itself still receives data for are in the
    /// framework's hands too: they are marked, see [`Incoming::is_aborted`].
    pub fn manage(self: ArcBorrow<'_, Self>, request: ManagementRequest) {
        tmf::start(self, request);
    }

    /// How many more commands the session may have in flight, for the port's flow control.
    pub fn free_slots(&self) -> usize {
        self.nexus.tasks.free()
    }

    /// Cuts the port off: nothing is delivered to its completer after this. Sleeps briefly.
    pub fn close(&self) {
        drop(self.completer.replace(None));
    }

    pub(crate) fn tasks(&self) -> &TaskSet {
        &self.nexus.tasks
    }

    pub(crate) fn deliver(&self, task: Finished) {
        let guard = rcu::read_lock();
        // Without a completer the connection is gone, and the task with it.
        if let Some(completer) = self.completer.read(&guard) {
            completer.finished(task);
        }
    }

    pub(crate) fn deliver_managed(&self, cookie: u64, response: stmf_scsi::tmf::TmfResponse) {
        let guard = rcu::read_lock();
        if let Some(completer) = self.completer.read(&guard) {
            completer.managed(cookie, response);
        }
    }
}
