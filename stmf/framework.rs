// SPDX-License-Identifier: GPL-2.0

//! The registry: which logical units, target ports, sessions and views there are.
//!
//! One mutex orders all changes; the I/O path never takes it. A change works out what it means for
//! the sessions it concerns and edits their LUN maps in place, so that its cost grows with them
//! and not with what else exists.
//!
//! Aborts take it, and what keeps the order of commands. Those may be commands of this host to disks of ours,
//! so that whoever has it waits for no memory that is had by writing: see [`Locked`].
//!
//! Lock order: `Framework::detached`, `Framework::registry`, then the spin locks inside an `RcuMap` and a unit's
//! `Initiators`.
//! `Framework::copying` by itself.
//! No provider is called with the registry locked, but for what it has lost.

mod access;
mod detached;
mod groups;
mod lus;
mod nexuses;
mod ports;
mod service;
mod sight;
mod targets;
mod views;

pub(crate) use access::{unit_of, AccessChange, AccessRecord, AccessRefused, AccessTable};
pub(crate) use lus::LuRecord;
pub(crate) use nexuses::NexusRecord;
pub(crate) use service::Service;
pub(crate) use targets::TargetRecord;
pub(crate) use views::{Refused, WantedView};

use crate::{
    copy,
    group::Groups,
    nexus::{Itl, Nexus},
    table::Table,
    view::Views, //
};
use core::ops::{Deref, DerefMut};
use kernel::{
    list::List,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        lock::{mutex::MutexBackend, Guard},
        Arc,
        Mutex, //
    },
    time::{Delta, Nsec}, //
};
use stmf_kernel::{
    module::{Filled, ModuleCell},
    no_io::NoIo,
    rcu::Retired, //
};
use stmf_model::{
    EndName,
    Guid, //
};
use stmf_uapi::stmf::GroupKind;

/// The framework of the loaded module.
static FRAMEWORK: ModuleCell<Framework> = ModuleCell::empty();

/// Tasks that a provider dropped unfinished since the module was loaded.
static LOST_TASKS: Atomic<u64> = Atomic::new(0);

/// How long taking a logical unit offline waits for its commands.
const OFFLINE_LIMIT: Delta<Nsec> = Delta::from_secs(4);

/// How long it then waits for ports to drop those that no data came for.
const DROP_LIMIT: Delta<Nsec> = Delta::from_secs(1);

/// On whose wish something goes on- or offline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A person, or a program of theirs: that's where it is wanted from now on.
    User,
    /// Its provider.
    Provider,
    /// The service, which goes there as a whole.
    Service,
}

/// All there is.
#[pin_data]
pub(crate) struct Framework {
    last_id: Atomic<u64>,
    #[pin]
    registry: Mutex<Registry>,
    /// Sessions with commands that were aborted, but that a device has still.
    #[pin]
    detached: Mutex<List<Nexus>>,
    /// Third-party copies.
    #[pin]
    pub(crate) copying: Mutex<copy::InProgress>,
}

/// The locked registry.
struct Locked<'a> {
    // Dropped first, and the other then.
    registry: Guard<'a, Registry, MutexBackend>,
    _no_io: NoIo,
}

impl Deref for Locked<'_> {
    type Target = Registry;

    fn deref(&self) -> &Registry {
        &self.registry
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Registry {
        &mut self.registry
    }
}

/// What the mutex guards.
pub(crate) struct Registry {
    pub(crate) lus: Table<Guid, LuRecord>,
    pub(crate) lu_ids: Table<u64, Guid>,
    pub(crate) targets: Table<u64, TargetRecord>,
    target_names: Table<EndName, u64>,
    pub(crate) nexuses: Table<u64, NexusRecord>,
    /// The sessions of each initiator, which need not exist, and of each target port.
    nexuses_by_host: Table<(EndName, u64), ()>,
    pub(crate) nexuses_by_target: Table<(u64, u64), ()>,
    pub(crate) host_groups: Groups,
    pub(crate) target_groups: Groups,
    pub(crate) views: Views,
    pub(crate) access: AccessTable,
    pub(crate) service: Service,
    /// The highest relative target port identifier that a target port has had.
    last_relative_port: u16,
}

impl Framework {
    /// Makes the framework and lets the rest of the module, and other modules, find it.
    pub(crate) fn publish() -> Result<Filled<Self>> {
        let framework = Arc::pin_init(
            try_pin_init!(Self {
                last_id: Atomic::new(0),
                registry <- new_mutex!(
                    Registry {
                        lus: Table::new(),
                        lu_ids: Table::new(),
                        last_relative_port: 0,
                        targets: Table::new(),
                        target_names: Table::new(),
                        nexuses: Table::new(),
                        nexuses_by_host: Table::new(),
                        nexuses_by_target: Table::new(),
                        host_groups: Groups::new(),
                        target_groups: Groups::new(),
                        views: Views::new()?,
                        access: AccessTable::new(),
                        service: Service::new(),
                    },
                    "Framework::registry"
                ),
                detached <- new_mutex!(List::new(), "Framework::detached"),
                copying <- new_mutex!(copy::InProgress::new()?, "Framework::copying"),
            }? Error),
            GFP_KERNEL,
        )?;
        Ok(FRAMEWORK.fill(framework))
    }

    /// A number that no object had before.
    pub(crate) fn next_id(&self) -> u64 {
        self.last_id.fetch_add(1, ordering::Relaxed).wrapping_add(1)
    }

    /// Looks at the registry; nothing changes meanwhile.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&Registry) -> R) -> R {
        look(&self.registry())
    }

    fn registry(&self) -> Locked<'_> {
        let no_io = NoIo::begin();
        Locked {
            registry: self.registry.lock(),
            _no_io: no_io,
        }
    }

    /// The sessions of this moment.
    pub(crate) fn nexuses(&self) -> Result<KVec<Arc<Nexus>>> {
        let registry = self.registry();
        let mut all = KVec::new();
        for record in registry.nexuses.values() {
            all.push(record.nexus.clone(), GFP_KERNEL)?;
        }
        Ok(all)
    }
}

impl Registry {
    /// The groups of one kind.
    pub(crate) fn groups(&self, kind: GroupKind) -> &Groups {
        match kind {
            GroupKind::Host => &self.host_groups,
            GroupKind::Target => &self.target_groups,
        }
    }

    fn groups_mut(&mut self, kind: GroupKind) -> &mut Groups {
        match kind {
            GroupKind::Host => &mut self.host_groups,
            GroupKind::Target => &mut self.target_groups,
        }
    }
}

/// LUN map entries that were taken out, to be dropped after the registry is unlocked: that waits.
type RetiredItls = Retired<Itl>;

/// The loaded framework.
pub(crate) fn get() -> Result<Arc<Framework>> {
    FRAMEWORK.get().ok_or(ENODEV)
}

/// Notes that a provider dropped a task.
pub(crate) fn count_lost_task() {
    LOST_TASKS.fetch_add(1, ordering::Relaxed);
}

/// Tasks that providers dropped.
pub(crate) fn lost_tasks() -> u64 {
    LOST_TASKS.load(ordering::Relaxed)
}
