// SPDX-License-Identifier: GPL-2.0

//! The disks there are.
//!
//! The table's lock is held for looks and changes only, never while a device, a file system or the
//! framework is called.

use crate::{
    backend::Backend,
    disk::{text, Disk},
    keeper::{self, Care, Need},
    meta::Store, //
};
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::{RBTree, RBTreeNode},
    sync::{
        atomic::{ordering, Atomic},
        Arc,
        Mutex,
        UniqueArc, //
    },
    time::{Delta, Nsec},
    ThisModule, //
};
use stmf::lu::{LuDescription, LuHandle, LuRegistration};
use stmf_kernel::{
    block,
    genl::Refusal,
    module::{Filled, ModuleCell, ModuleRef},
    wait::WaitQueue, //
};
use stmf_model::Guid;
use stmf_uapi::sbd::{self, Lu};

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
    /// A disk that is being made has its place already.
    units: RBTree<Guid, Option<Arc<Unit>>>,
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
    /// Whether it is being deleted or changed.
    busy: Arc<Busy>,
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

    /// The disks of this moment, but for those that are being made.
    pub(crate) fn all(&self) -> Result<KVec<Arc<Unit>>> {
        let table = self.table.lock();
        let mut units = KVec::new();
        for unit in table.units.values().flatten() {
            units.push(unit.clone(), GFP_KERNEL)?;
        }
        Ok(units)
    }

    /// The bytes that disks in memory have together.
    pub(crate) fn in_memory(&self) -> u64 {
        self.read(|table| {
            let disks = table.iter();
            let in_memory = disks.filter(|disk| disk.medium.kind == sbd::Backend::Ram);
            in_memory.fold(0_u64, |sum, disk| {
                sum.saturating_add(disk.geometry().size())
            })
        })
    }

    /// Keeps the GUID and the files of a new disk for it.
    pub(crate) fn claim(
        &self,
        guid: Guid,
        file: &CStr,
        backend: &Backend,
        store: Option<&Store>,
    ) -> Result<Place<'_>, Refusal> {
        let files = Files {
            data: backend.file_id(),
            meta: store.and_then(|store| store.file_id),
        };
        let node = RBTreeNode::new(guid, None, GFP_KERNEL)?;
        let new_node = |id| RBTreeNode::new(id, guid, GFP_KERNEL);
        let data_node = files.data.map(new_node).transpose()?;
        let meta_node = files.meta.map(new_node).transpose()?;
        if files.meta.is_some() && files.meta == files.data {
            let text = format_args!("meta-file: it is the file with the data");
            return Err(Refusal::new(EINVAL, text).at(Lu::MetaFile as u16));
        }
        let mut table = self.table.lock();
        if table.units.get(&guid).is_some() {
            return Err(guid_exists(&guid));
        }
        if backend.kind() == sbd::Backend::Ram {
            // Each has memory of its own; only the name is there once.
            if let Some(other) = table.iter().find(|disk| *disk.names.file == *file) {
                return Err(taken(&other.guid));
            }
        }
        if let Some(owner) = files.data.and_then(|id| table.files.get(&id)) {
            return Err(taken(owner));
        }
        if let Some(owner) = files.meta.and_then(|id| table.files.get(&id)) {
            return Err(meta_taken(owner));
        }
        table.units.insert(node);
        for file_node in [data_node, meta_node].into_iter().flatten() {
            table.files.insert(file_node);
        }
        Ok(Place {
            units: self,
            guid,
            files,
            filled: false,
        })
    }

    /// Takes a disk offline and deletes it. Sleeps, a few seconds at most.
    pub(crate) fn delete(&self, guid: &Guid) -> Result<(), Refusal> {
        let unit = self.read(|table| table.get(guid).cloned())?;
        let busy = Busy::occupy(&unit.busy)?;
        if let Err(error) = unit.registration.offline() {
            return Err(still_busy(error));
        }
        let store = unit.disk.changeable.store.as_deref();
        if store.is_some_and(|store| !store.wait_idle()) {
            unit.registration.keep();
            let text = format_args!("meta-file: it doesn't answer; the LU is offline: try again");
            return Err(Refusal::new(EBUSY, text));
        }
        let mut table = self.table.lock();
        let gone = table.units.remove(guid);
        table.forget(&Files::of(&unit.disk));
        table.touch();
        drop(table);
        drop(gone);
        busy.for_good();
        Ok(())
    }

    /// Hands out the disks that need at least so much, and says what the neediest of all need.
    pub(crate) fn look_after(&self, least: Need, care: impl Fn(Care)) -> Need {
        let table = self.table.lock();
        let mut most = Need::Nothing;
        for unit in table.units.values().flatten() {
            let need = Need::of(&unit.disk);
            most = most.max(need);
            if need < least {
                continue;
            }
            if let Some(busy) = Busy::try_occupy(&unit.busy) {
                care(Care {
                    disk: unit.disk.clone(),
                    unit: LuHandle::clone(&unit.registration),
                    _busy: busy,
                });
            }
        }
        most
    }

    /// A disk was changed.
    pub(crate) fn touch(&self) {
        self.table.lock().touch();
    }

    /// The refusal for a device that somebody has exclusively: one of our disks, or another.
    pub(crate) fn device_in_use(&self, path: &CStr) -> Refusal {
        let number = block::number_at(path).ok();
        let owner = self.read(|table| {
            let mut disks = table.iter();
            let is_owner = |disk: &&Disk| {
                let own = disk.medium.device_number();
                own.is_some() && own == number
            };
            disks.find(is_owner).map(|disk| disk.guid)
        });
        match owner {
            Some(guid) => taken(&guid),
            None => Refusal::new(
                EBUSY,
                format_args!("file: the device is in use (mounted, or claimed by something)"),
            )
            .at(Lu::File as u16),
        }
    }
}

/// Whether somebody deletes or changes a disk, or looks after it.
#[pin_data]
struct Busy {
    taken: Atomic<bool>,
    #[pin]
    idle: WaitQueue,
}

/// Keeps others from deleting or changing a disk.
pub(crate) struct BusyGuard {
    busy: Arc<Busy>,
    for_good: bool,
}

/// How long one waits for who changes a disk.
const PATIENCE: Delta<Nsec> = Delta::from_secs(4);

impl Busy {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                taken: Atomic::new(false),
                idle <- WaitQueue::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Keeps others out; nothing when somebody is there.
    fn try_occupy(this: &Arc<Self>) -> Option<BusyGuard> {
        let taken = this.taken.xchg(true, ordering::Full);
        (!taken).then(|| BusyGuard {
            busy: this.clone(),
            for_good: false,
        })
    }

    /// Keeps others out. Sleeps, a few seconds at most.
    fn occupy(this: &Arc<Self>) -> Result<BusyGuard, Refusal> {
        let mut guard = None;
        this.idle.wait_timeout(PATIENCE, || {
            guard = Self::try_occupy(this);
            guard.is_some()
        });
        let text = format_args!("the LU is being deleted or changed already");
        guard.ok_or(Refusal::new(EBUSY, text))
    }
}

impl BusyGuard {
    /// Keeps others out of a disk that isn't there any more.
    fn for_good(mut self) {
        self.for_good = true;
    }
}

impl Drop for BusyGuard {
    fn drop(&mut self) {
        if !self.for_good {
            self.busy.taken.store(false, ordering::Release);
            self.busy.idle.wake_all();
        }
    }
}

impl Unit {
    /// Changes the disk with `change`, alone. May sleep. Initiators are told by `announce`.
    pub(crate) fn change<R>(
        &self,
        change: impl FnOnce(&Disk, &LuRegistration) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        let _busy = Busy::occupy(&self.busy)?;
        change(&self.disk, &self.registration)
    }
}

impl Table {
    /// A disk by its GUID.
    pub(crate) fn get(&self, guid: &Guid) -> Result<&Arc<Unit>, Refusal> {
        self.units
            .get(guid)
            .and_then(Option::as_ref)
            .ok_or_else(|| {
                Refusal::new(
                    ENOENT,
                    format_args!("no such logical unit of this provider"),
                )
                .at(Lu::Guid as u16)
            })
    }

    /// All disks in the order of their GUIDs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Disk> {
        self.units.values().flatten().map(|unit| &*unit.disk)
    }

    fn forget(&mut self, files: &Files) {
        for id in [files.data, files.meta].into_iter().flatten() {
            self.files.remove(&id);
        }
    }

    fn touch(&mut self) {
        self.generation = self.generation.wrapping_add(1).max(1);
    }
}

/// The numbers of a disk's files.
struct Files {
    data: Option<usize>,
    meta: Option<usize>,
}

impl Files {
    /// (A device is opened exclusively.)
    fn of(disk: &Disk) -> Self {
        let store = disk.changeable.store.as_ref();
        Self {
            data: disk.medium.file_id,
            meta: store.and_then(|store| store.file_id),
        }
    }
}

/// A GUID and files that are kept for a new disk; given back when it doesn't come.
pub(crate) struct Place<'a> {
    units: &'a Units,
    guid: Guid,
    files: Files,
    filled: bool,
}

impl Place<'_> {
    /// Registers the disk with the framework, where it may begin `offline`, and enters it. May sleep.
    pub(crate) fn fill(&mut self, disk: &Arc<Disk>, offline: bool) -> Result<(), Refusal> {
        let unit = UniqueArc::new_uninit(GFP_KERNEL)?;
        let module = self.units.module;
        let _module = ModuleRef::get(module)?;
        let unit: Arc<Unit> = unit
            .write(Unit {
                registration: register(disk, offline, module)?,
                disk: disk.clone(),
                busy: Busy::new()?,
                _module,
            })
            .into();
        let mut table = self.units.table.lock();
        if let Some(place) = table.units.get_mut(&self.guid) {
            *place = Some(unit);
        }
        table.touch();
        drop(table);
        self.filled = true;
        if keeper::Need::of(disk) != keeper::Need::Nothing {
            keeper::look_soon();
        }
        Ok(())
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.filled {
            let mut table = self.units.table.lock();
            table.units.remove(&self.guid);
            table.forget(&self.files);
        }
    }
}

/// Enters a disk in the framework.
fn register(
    disk: &Arc<Disk>,
    offline: bool,
    module: &'static ThisModule,
) -> Result<LuRegistration, Refusal> {
    // The framework keeps its own copy.
    let texts = disk.texts();
    let description = LuDescription {
        guid: disk.guid,
        provider: PROVIDER,
        alias: text(&texts.alias),
        offline,
    };
    let registered = LuRegistration::new(&description, disk.clone(), module);
    let registration = registered.map_err(|error| {
        if error == EEXIST {
            guid_exists(&disk.guid)
        } else {
            Refusal::new(error, format_args!("the framework doesn't take the LU"))
        }
    })?;
    registration.set_control(disk.changeable.modes.quick().control);
    Ok(registration)
}

fn guid_exists(guid: &Guid) -> Refusal {
    Refusal::new(EEXIST, format_args!("guid: there is an LU {guid} already")).at(Lu::Guid as u16)
}

fn taken(owner: &Guid) -> Refusal {
    Refusal::new(EBUSY, format_args!("file: LU {owner} uses it already")).at(Lu::File as u16)
}

fn meta_taken(owner: &Guid) -> Refusal {
    Refusal::new(EBUSY, format_args!("meta-file: LU {owner} uses it already"))
        .at(Lu::MetaFile as u16)
}

fn still_busy(error: Error) -> Refusal {
    if error == EBUSY {
        Refusal::new(
            EBUSY,
            format_args!("commands are still in the device, or their answers on the way; the LU is offline: try again"),
        )
    } else {
        Refusal::from(error)
    }
}
