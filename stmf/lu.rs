// SPDX-License-Identifier: GPL-2.0

//! What a logical unit provider implements and calls.
//!
//! A provider implements [`LogicalUnit`] for its device type and registers each unit with
//! [`LuRegistration::new`]. That is all it needs to know of the framework.

use crate::{
    event::Event,
    framework::{self, Framework},
    loss::{Initiators, Losses},
    nexus::ItNexus,
    order::Order,
    plan::{Plan, Refusal},
    statistics::{Counter, Statistics},
    task::Task,
    tmf, //
};
use core::ops::Deref;
use kernel::{
    prelude::*,
    str::CString,
    sync::{
        atomic::Atomic,
        Arc, //
    },
    ThisModule, //
};
use stmf_kernel::{
    live::LiveRef,
    module::ModuleRef, //
};
use stmf_model::Guid;
use stmf_scsi::{
    inquiry::DeviceType,
    ua::UnitAttention,
    ControlSettings,
    Sense, //
};
use stmf_uapi::stmf::EventKind;

/// A logical unit: a device that executes SCSI commands.
pub trait LogicalUnit: Send + Sync + 'static {
    /// Reads a CDB and says what the command moves, before anything is reserved for it.
    ///
    /// Everything that can be refused without looking at the data is refused here: unknown
    /// operation codes, bad fields, ranges beyond the end, write protection, reservations of other
    /// nexuses. Process context; must not sleep for long.
    fn plan(&self, nexus: &ItNexus, cdb: &[u8]) -> Result<Plan, Refusal>;

    /// Carries out a command whose data-out has arrived.
    ///
    /// Called in the context in which the transport received the command: process context, but it
    /// must not wait for the device. The unit starts the I/O and returns; whoever gets the
    /// completion ends the task, in any context.
    fn execute(&self, task: Task);

    /// Whether the unit has a copy manager, so that the framework carries out EXTENDED COPY and RECEIVE
    /// COPY RESULTS for it. The unit lists these commands, and its `plan` is asked whether anything, such
    /// as a reservation, forbids them; what it says that they move doesn't matter.
    ///
    /// Units without one can be copied from and to all the same, if they answer INQUIRY of the Device
    /// Identification VPD page and READ CAPACITY (16), and have READ (16) and WRITE (16).
    fn has_copy_manager(&self) -> bool {
        false
    }

    /// What kind of device it is.
    fn device_type(&self) -> DeviceType {
        DeviceType::Block
    }

    /// The unit is being reset, by a LOGICAL UNIT RESET or a reset of a target (SAM-5 6.3.3), or has
    /// gone offline, which initiators see as a loss of its power: forget what doesn't outlive one, such
    /// as a RESERVE. The framework aborts the commands and tells the initiators. Process context; must
    /// not wait for the device.
    fn reset(&self) {}

    /// A command of the unit ends with CHECK CONDITION, whoever decided that, and its initiator is told:
    /// for units that count what goes wrong. Any context; must not sleep.
    fn failed(&self, _cdb: &[u8], _sense: &Sense) {}

    /// What the unit has lost so far: always the same; `None` of one that can't lose anything for which it has
    /// said GOOD. Any context, with the framework's locks held.
    fn losses(&self) -> Option<&Losses> {
        None
    }

    /// An I_T nexus is gone (SAM-5 6.3.4): forget what doesn't outlive it. Process context; must
    /// not wait for the device.
    fn nexus_lost(&self, _nexus: &ItNexus) {}

    /// A session ends whose I_T nexus goes on, by another session of the same ports: forget what was kept for
    /// [`ItNexus::session`]. As [`LogicalUnit::nexus_lost`], which is called instead with the last one.
    fn session_lost(&self, _nexus: &ItNexus) {}
}

/// Whom a unit attention is for.
#[derive(Clone, Copy)]
pub enum Audience<'a> {
    /// Every I_T nexus that sees the unit.
    All,
    /// All but one: that by which the change was made.
    AllBut(&'a ItNexus),
    /// One.
    Only(&'a ItNexus),
    /// Those that a closure picks.
    Those(&'a dyn Fn(&ItNexus) -> bool),
}

impl Audience<'_> {
    pub(crate) fn includes(&self, nexus: &ItNexus) -> bool {
        match self {
            Audience::All => true,
            Audience::AllBut(one) => nexus != *one,
            Audience::Only(one) => nexus == *one,
            Audience::Those(chosen) => chosen(nexus),
        }
    }
}

/// What can happen to what a logical unit stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incident {
    /// The backing device is gone.
    DeviceGone,
    /// The backing device is back.
    DeviceBack,
    /// Space is running out.
    SpaceLow,
}

/// What the framework knows of a logical unit, online or not.
pub(crate) struct LuEntry {
    /// Never used again, unlike the GUID.
    pub(crate) id: u64,
    pub(crate) guid: Guid,
    pub(crate) provider: &'static str,
    pub(crate) alias: CString,
    pub(crate) order: Arc<Order>,
    /// Whether a device may have commands that were aborted; see `framework::detached`.
    pub(crate) has_orphans: Atomic<bool>,
    pub(crate) statistics: Statistics,
    pub(crate) initiators: Initiators,
    unit: Arc<dyn LogicalUnit>,
    module: &'static ThisModule,
}

impl LuEntry {
    pub(crate) fn unit(&self) -> &dyn LogicalUnit {
        &*self.unit
    }

    pub(crate) fn control(&self) -> ControlSettings {
        self.order.control()
    }
}

/// The way to an online logical unit. Every command in flight holds a reference.
pub(crate) struct LuPath {
    pub(crate) entry: Arc<LuEntry>,
    _module: ModuleRef,
}

impl LuPath {
    /// Fails when the provider's module is being unloaded.
    pub(crate) fn new(entry: Arc<LuEntry>) -> Result<Self> {
        Ok(Self {
            _module: ModuleRef::get(entry.module)?,
            entry,
        })
    }
}

/// Keeps a logical unit in use: [`LuRegistration::offline`] waits for it as for a command.
///
/// For work in the device that goes on when its command has been answered. Droppable in any context.
#[derive(Clone)]
pub struct LuHold {
    pub(crate) path: LiveRef<LuPath>,
}

impl LuHold {
    /// Whether the unit is to stay: `false` once it is to go offline, which waits a few seconds for
    /// the hold to be dropped. Any context.
    pub fn is_wanted(&self) -> bool {
        self.path.get_live().is_some()
    }
}

/// What was asked of a logical unit.
#[derive(Clone, Copy, Default)]
pub struct Work {
    /// Commands that read the medium.
    pub reads: u64,
    /// Commands that wrote data from the initiator to the medium.
    pub writes: u64,
    /// Bytes that reads that ended with GOOD moved.
    pub read_bytes: u64,
    /// As above, writes.
    pub written_bytes: u64,
    /// Nanoseconds that the device had reads for.
    pub read_ns: u64,
    /// As above, writes.
    pub write_ns: u64,
}

/// What a provider says of a logical unit that it registers.
pub struct LuDescription<'a> {
    /// The unit's name: NAA 6, unique on this machine.
    pub guid: Guid,
    /// The provider's name, as `stmfadm list-lu -v` shows it.
    pub provider: &'static str,
    /// A name for people.
    pub alias: &'a str,
    /// Whether it begins offline, as if a user had taken it there; else as the service says of new ones.
    pub offline: bool,
}

/// What the framework does for a logical unit: of its registration, or of a task's unit
/// ([`Task::unit`]).
#[derive(Clone)]
pub struct LuHandle {
    pub(crate) framework: Arc<Framework>,
    pub(crate) entry: Arc<LuEntry>,
}

impl LuHandle {
    /// Makes a unit attention pending for initiators that see the unit. Process context; may sleep.
    ///
    /// An initiator that logs in later is told POWER ON, and so looks at everything anew.
    pub fn announce(&self, attention: UnitAttention, audience: Audience<'_>) {
        self.framework
            .lu_attention(&self.entry.guid, attention, audience);
    }

    /// Tells whoever listens to events what has happened to what the unit stands on. Any context.
    pub fn tell(&self, incident: Incident) {
        let kind = match incident {
            Incident::DeviceGone => EventKind::DeviceGone,
            Incident::DeviceBack => EventKind::DeviceBack,
            Incident::SpaceLow => EventKind::SpaceLow,
        };
        Event::of_lu(kind, &self.entry.guid).send();
    }

    /// Aborts the unit's commands of the I_T nexuses that `chosen` picks, `except` not, and waits a
    /// few seconds for them: for PREEMPT AND ABORT (SPC-5, Preempting and aborting). Process
    /// context; sleeps, so call it from a worker.
    ///
    /// Says whether none of them can reach the medium any more. Of those that still can, no
    /// initiator gets an answer, and later commands to the same blocks wait for them.
    pub fn abort_tasks_of(&self, chosen: impl Fn(&ItNexus) -> bool, except: &Task) -> bool {
        tmf::abort_tasks_of(&self.framework, &self.entry, chosen, except)
    }

    /// Whether an initiator that sees the unit is to be told of a loss ([`Losses`]). May sleep.
    pub fn owes_news_of_loss(&self) -> bool {
        let losses = self.entry.unit().losses();
        losses.is_some_and(|losses| self.entry.initiators.are_owed(losses))
    }

    /// Keeps the unit in use, as [`Task::hold`] does; `None` when it isn't online. May sleep.
    pub fn hold(&self) -> Option<LuHold> {
        let path = self.framework.lu_path(&self.entry.guid)?;
        Some(LuHold { path })
    }

    /// Sets what the Control mode page says of this unit. Any context; holds for commands that end
    /// from now on.
    pub fn set_control(&self, settings: ControlSettings) {
        self.entry.order.set_control(settings);
    }

    /// What was asked of the unit so far, and how long it took. Any context.
    pub fn work(&self) -> Work {
        let totals = self.entry.statistics.read();
        Work {
            reads: totals.counter(Counter::Reads),
            writes: totals.counter(Counter::Writes),
            read_bytes: totals.counter(Counter::ReadBytes),
            written_bytes: totals.counter(Counter::WrittenBytes),
            read_ns: totals.counter(Counter::ReadTime),
            write_ns: totals.counter(Counter::WriteTime),
        }
    }

    /// The relative target port identifiers of all target ports there are, online or not. May
    /// sleep.
    pub fn relative_ports(&self) -> Result<KVec<u16>> {
        self.framework.relative_ports()
    }
}

/// A registered logical unit.
///
/// While the unit is online it keeps the provider's module loaded. Offline it doesn't: the
/// registration is part of the module's own structure, or of something that holds the module.
///
/// Dropping it takes the unit offline and waits, without bound, for the commands that are still in
/// the device. [`LuRegistration::offline`] first, to be told instead.
pub struct LuRegistration(LuHandle);

impl Deref for LuRegistration {
    type Target = LuHandle;

    fn deref(&self) -> &LuHandle {
        &self.0
    }
}

impl LuRegistration {
    /// Registers a logical unit and brings it online, unless the service is offline or it shall begin
    /// so. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST` when the GUID is taken.
    pub fn new(
        description: &LuDescription<'_>,
        unit: Arc<dyn LogicalUnit>,
        module: &'static ThisModule,
    ) -> Result<Self> {
        let framework = framework::get()?;
        let id = framework.next_id();
        let entry = Arc::new(
            LuEntry {
                id,
                guid: description.guid,
                provider: description.provider,
                alias: CString::try_from_fmt(fmt!("{}", description.alias))?,
                order: Order::new(id)?,
                has_orphans: Atomic::new(false),
                statistics: Statistics::new()?,
                initiators: Initiators::new()?,
                unit,
                module,
            },
            GFP_KERNEL,
        )?;
        framework.add_lu(entry.clone(), description.offline)?;
        Ok(Self(LuHandle { framework, entry }))
    }

    /// The unit's name.
    pub fn guid(&self) -> Guid {
        self.entry.guid
    }

    /// Takes the unit offline before it is deleted: no session sees it any more, its commands have ended,
    /// and nobody brings it online again. Sleeps, a few seconds at most.
    ///
    /// # Errors
    ///
    /// `EBUSY` when commands are still in the device after that time. The unit stays out of sight;
    /// call again.
    pub fn offline(&self) -> Result {
        self.framework.retire_lu(&self.entry.guid)
    }

    /// The unit isn't deleted after all: it may go online again. May sleep.
    pub fn keep(&self) {
        self.framework.keep_lu(&self.entry.guid);
    }
}

impl Drop for LuRegistration {
    fn drop(&mut self) {
        self.framework.remove_lu(&self.entry.guid);
    }
}
