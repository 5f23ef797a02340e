// SPDX-License-Identifier: GPL-2.0

//! The disks there are.
//!
//! Lock order: `Units::table`, then the framework's registry.

use crate::{
    backend::Backend,
    disk::{text, Disk}, //
};
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNodeReservation},
    sync::{
        atomic::{ordering, Atomic},
        Arc,
        Mutex,
        UniqueArc, //
    },
    ThisModule, //
};
use stmf::lu::{LuDescription, LuRegistration};
use stmf_kernel::{
    block,
    genl::Refusal,
    module::{Filled, ModuleCell, ModuleRef}, //
};
use stmf_model::Guid;
use stmf_uapi::sbd::Lu;

/// The provider's name.
const PROVIDER: &str = "sbd";

/// The disks of the loaded module.
static UNITS: ModuleCell<Units> = ModuleCell::empty();

/// All disks.
#[pin_data]
pub(crate) struct Units {
    module: &'static ThisModule,
    #[pin]
    table: Mutex<Table>,
}

/// What the mutex guards.
pub(crate) struct Table {
    units: RBTree<Guid, Arc<Unit>>,
    /// Whose a file is, by [`stmf_kernel::fs::File::id`].
    files: RBTree<usize, Guid>,
    /// Counts changes, so that a listing in several parts can say that it isn't of one moment.
    pub(crate) generation: u32,
}

/// A disk and its place in the framework.
pub(crate) struct Unit {
    /// Dropped first: no commands come any more.
    registration: LuRegistration,
    pub(crate) disk: Arc<Disk>,
    deleting: Atomic<bool>,
    /// The module can't be unloaded while there are disks, on- or offline.
    _module: ModuleRef,
}

impl Units {
    /// Makes the table and lets the netlink handlers find it.
    pub(crate) fn publish(module: &'static ThisModule) -> Result<Filled<Self>> {
        let units = Arc::pin_init(
            pin_init!(Self {
                module,
                table <- new_mutex!(
                    Table {
                        units: RBTree::new(),
                        files: RBTree::new(),
                        generation: 1,
                    },
                    "Units::table"
                ),
            }),
            GFP_KERNEL,
        )?;
        Ok(UNITS.fill(units))
    }

    /// The table.
    pub(crate) fn get() -> Result<Arc<Self>, Refusal> {
        UNITS
            .get()
            .ok_or_else(|| Refusal::new(ENODEV, format_args!("the module is being unloaded")))
    }

    /// Looks at the table; nothing changes meanwhile.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&Table) -> R) -> R {
        look(&self.table.lock())
    }

    /// Registers a disk and enters it. `prepare` is the last thing that may fail before it is seen.
    pub(crate) fn add(
        &self,
        disk: &Arc<Disk>,
        prepare: impl FnOnce() -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let place = RBTreeNodeReservation::new(GFP_KERNEL)?;
        let file_place = RBTreeNodeReservation::new(GFP_KERNEL)?;
        let unit = UniqueArc::new_uninit(GFP_KERNEL)?;
        let hold = ModuleRef::get(self.module)?;
        let mut table = self.table.lock();
        table.refuse_double(disk)?;
        prepare()?;
        let unit = unit.write(Unit {
            registration: register(disk, self.module)?,
            disk: disk.clone(),
            deleting: Atomic::new(false),
            _module: hold,
        });
        table.units.insert(place.into_node(disk.guid, unit.into()));
        if let Backend::File(file) = &disk.backend {
            let node = file_place.into_node(file.id(), disk.guid);
            table.files.insert(node);
        }
        table.touch();
        Ok(())
    }

    /// Takes a disk offline and deletes it. Sleeps, a few seconds at most.
    pub(crate) fn delete(&self, guid: &Guid) -> Result<(), Refusal> {
        let unit = self.read(|table| table.get(guid).cloned())?;
        if unit.deleting.xchg(true, ordering::Full) {
            return Err(Refusal::new(
                EBUSY,
                format_args!("the LU is being deleted already"),
            ));
        }
        if let Err(error) = unit.registration.offline() {
            unit.deleting.store(false, ordering::Release);
            return Err(still_busy(error));
        }
        let mut table = self.table.lock();
        let gone = table.units.remove(guid);
        if let Backend::File(file) = &unit.disk.backend {
            table.files.remove(&file.id());
        }
        table.touch();
        drop(table);
        drop(gone);
        Ok(())
    }

    /// The refusal for a device that somebody has exclusively: one of our disks, or another.
    pub(crate) fn device_in_use(&self, path: &CStr) -> Refusal {
        let number = block::number_at(path).ok();
        let owner = self.read(|table| {
            let mut units = table.units.values();
            units
                .find(|unit| match &unit.disk.backend {
                    Backend::Block(device) => Some(device.number()) == number,
                    Backend::File(_) => false,
                })
                .map(|unit| unit.disk.guid)
        });
        match owner {
            Some(guid) => taken(&guid),
            None => Refusal::new(
                EBUSY,
                format_args!("file: the device is in use (mounted, or claimed by something)"),
            ),
        }
        .at(Lu::File as u16)
    }
}

impl Table {
    /// A disk by its GUID.
    pub(crate) fn get(&self, guid: &Guid) -> Result<&Arc<Unit>, Refusal> {
        self.units.get(guid).ok_or_else(|| {
            Refusal::new(
                ENOENT,
                format_args!("there is no LU {guid} of this provider"),
            )
            .at(Lu::Guid as u16)
        })
    }

    /// All disks in the order of their GUIDs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Disk> {
        self.units.values().map(|unit| &*unit.disk)
    }

    /// Refuses a disk with a GUID or a file that another one has.
    fn refuse_double(&self, disk: &Disk) -> Result<(), Refusal> {
        if self.units.get(&disk.guid).is_some() {
            return Err(guid_exists(&disk.guid));
        }
        // (A device can't be opened twice.)
        if let Backend::File(file) = &disk.backend {
            if let Some(owner) = self.files.get(&file.id()) {
                return Err(taken(owner).at(Lu::File as u16));
            }
        }
        Ok(())
    }

    fn touch(&mut self) {
        self.generation = self.generation.wrapping_add(1).max(1);
    }
}

/// Enters a disk in the framework.
fn register(disk: &Arc<Disk>, module: &'static ThisModule) -> Result<LuRegistration, Refusal> {
    let description = LuDescription {
        guid: disk.guid,
        provider: PROVIDER,
        alias: text(&disk.names.alias),
    };
    LuRegistration::new(&description, disk.clone(), module).map_err(|error| {
        if error == EEXIST {
            guid_exists(&disk.guid)
        } else {
            Refusal::new(error, format_args!("the framework doesn't take the LU"))
        }
    })
}

fn guid_exists(guid: &Guid) -> Refusal {
    Refusal::new(EEXIST, format_args!("guid: there is an LU {guid} already")).at(Lu::Guid as u16)
}

fn taken(owner: &Guid) -> Refusal {
    Refusal::new(EBUSY, format_args!("file: LU {owner} has it"))
}

fn still_busy(error: Error) -> Refusal {
    if error == EBUSY {
        Refusal::new(
            EBUSY,
            format_args!("commands are still in the device; the LU is offline: try again"),
        )
    } else {
        Refusal::from(error)
    }
}
