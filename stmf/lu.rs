// SPDX-License-Identifier: GPL-2.0

//! What a logical unit provider implements and calls.
//!
//! A provider implements [`LogicalUnit`] for its device type and registers each unit with
//! [`LuRegistration::new`]. That is all it needs to know of the framework.

use crate::{
    framework::{self, Framework},
    task::{DataPhase, Task}, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc,
    ThisModule, //
};
use stmf_kernel::{
    live::LiveRef,
    module::ModuleRef, //
};
use stmf_model::Guid;
use stmf_scsi::{
    Sense,
    SenseFormat, //
};

/// A logical unit: a device that executes SCSI commands.
pub trait LogicalUnit: Send + Sync + 'static {
    /// Reads a CDB and says what the command moves, before anything is reserved for it.
    ///
    /// Everything that can be refused without looking at the data is refused here: unknown
    /// operation codes, bad fields, ranges beyond the end, write protection. Process context; must
    /// not sleep for long.
    fn plan(&self, cdb: &[u8]) -> Result<DataPhase, Sense>;

    /// Carries out a command whose data-out has arrived.
    ///
    /// Called in the context in which the transport received the command: process context, but it
    /// must not wait for the device. The unit starts the I/O and returns; whoever gets the
    /// completion ends the task, in any context.
    fn execute(&self, task: Task);

    /// The format of this unit's sense data (the D_SENSE bit of the control mode page).
    fn sense_format(&self) -> SenseFormat {
        SenseFormat::Fixed
    }
}

/// What the framework knows of a logical unit, online or not.
pub(crate) struct LuEntry {
    /// Never used again, unlike the GUID.
    pub(crate) id: u64,
    pub(crate) guid: Guid,
    pub(crate) provider: &'static str,
    pub(crate) alias: CString,
    unit: Arc<dyn LogicalUnit>,
    module: &'static ThisModule,
}

impl LuEntry {
    pub(crate) fn unit(&self) -> &dyn LogicalUnit {
        &*self.unit
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
pub struct LuHold {
    pub(crate) _path: LiveRef<LuPath>,
}

/// What a provider says of a logical unit that it registers.
pub struct LuDescription<'a> {
    /// The unit's name: NAA 6, unique on this machine.
    pub guid: Guid,
    /// The provider's name, as `stmfadm list-lu -v` shows it.
    pub provider: &'static str,
    /// A name for people.
    pub alias: &'a str,
}

/// A registered logical unit.
///
/// While the unit is online it keeps the provider's module loaded. Offline it doesn't: the
/// registration is part of the module's own structure, or of something that holds the module.
///
/// Dropping it takes the unit offline and waits, without bound, for the commands that are still in
/// the device. [`LuRegistration::offline`] first, to be told instead.
pub struct LuRegistration {
    framework: Arc<Framework>,
    guid: Guid,
}

impl LuRegistration {
    /// Registers a logical unit and brings it online. May sleep.
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
        let entry = Arc::new(
            LuEntry {
                id: framework.next_id(),
                guid: description.guid,
                provider: description.provider,
                alias: CString::try_from_fmt(fmt!("{}", description.alias))?,
                unit,
                module,
            },
            GFP_KERNEL,
        )?;
        framework.add_lu(entry)?;
        Ok(Self {
            framework,
            guid: description.guid,
        })
    }

    /// The unit's name.
    pub fn guid(&self) -> Guid {
        self.guid
    }

    /// Takes the unit offline: no session sees it any more, and its commands have ended. Sleeps, a
    /// few seconds at most.
    ///
    /// # Errors
    ///
    /// `EBUSY` when commands are still in the device after that time. The unit stays out of sight;
    /// call again.
    pub fn offline(&self) -> Result {
        self.framework.offline_lu(&self.guid)
    }

    /// Tells every initiator that sees the unit of a change in it.
    pub fn announce(&self, attention: stmf_scsi::ua::UnitAttention) {
        self.framework.lu_attention(&self.guid, attention);
    }
}

impl Drop for LuRegistration {
    fn drop(&mut self) {
        self.framework.remove_lu(&self.guid);
    }
}
