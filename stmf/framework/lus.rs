// SPDX-License-Identifier: GPL-2.0

//! Logical units come, go on- and offline, and leave.

use super::{Framework, Registry, RetiredItls, State, OFFLINE_LIMIT};
use crate::{
    lu::{LuEntry, LuPath},
    nexus::{Itl, Nexus}, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::live::Live;
use stmf_model::{
    Guid,
    Lun, //
};
use stmf_scsi::ua::UnitAttention;

/// A registered logical unit and, while it is online, the way to it.
pub(crate) struct LuRecord {
    pub(crate) entry: Arc<LuEntry>,
    path: Option<Arc<Live<LuPath>>>,
    pub(crate) state: State,
}

impl Framework {
    /// Registers a logical unit and brings it online.
    pub(crate) fn add_lu(&self, entry: Arc<LuEntry>) -> Result {
        let guid = entry.guid;
        let mut registry = self.registry.lock();
        if registry.lus.get(&guid).is_some() {
            return Err(EEXIST);
        }
        let record = LuRecord {
            entry,
            path: None,
            state: State::Offline,
        };
        registry
            .lus
            .try_create_and_insert(guid, record, GFP_KERNEL)?;
        registry.touch();
        let online = registry.bring_online(&guid);
        drop(registry);
        if online.is_err() {
            // Some sessions may see it already.
            self.remove_lu(&guid);
        }
        online
    }

    /// Brings a registered logical unit online. Online already is fine.
    pub(crate) fn online_lu(&self, guid: &Guid) -> Result {
        let mut registry = self.registry.lock();
        match registry.lus.get(guid).ok_or(ENOENT)?.state {
            State::Online => return Ok(()),
            State::Onlining | State::Offlining => return Err(EBUSY),
            State::Offline => (),
        }
        let online = registry.bring_online(guid);
        drop(registry);
        if online.is_err() {
            // Some sessions may see it already.
            self.offline_lu(guid)?;
        }
        online
    }

    /// Takes a logical unit out of every session's sight and waits for its commands, a few seconds
    /// at most. Offline already is fine.
    pub(crate) fn offline_lu(&self, guid: &Guid) -> Result {
        let mut retired = RetiredItls::new();
        let path = {
            let mut registry = self.registry.lock();
            registry.unmap_lu(guid, &mut retired);
            let record = registry.lus.get_mut(guid).ok_or(ENOENT)?;
            let Some(path) = record.path.clone() else {
                return Ok(());
            };
            record.state = State::Offlining;
            registry.touch();
            path
        };
        drop(retired);
        path.kill();
        if !path.wait_drained(OFFLINE_LIMIT) {
            return Err(EBUSY);
        }
        let mut registry = self.registry.lock();
        if let Some(record) = registry.lus.get_mut(guid) {
            let gone = record.path.take();
            record.state = State::Offline;
            registry.touch();
            drop(registry);
            drop(gone);
        }
        Ok(())
    }

    /// Takes a logical unit out of the registry, when the device has let go of all its commands.
    pub(crate) fn remove_lu(&self, guid: &Guid) {
        while self.offline_lu(guid) == Err(EBUSY) {
            pr_warn!(
                "LU {}: waiting for commands in the device\n",
                format_args!("{guid}")
            );
        }
        let mut registry = self.registry.lock();
        let gone = registry.lus.remove(guid);
        registry.touch();
        drop(registry);
        drop(gone);
    }

    /// Makes a unit attention pending for every session that sees a logical unit.
    pub(crate) fn lu_attention(&self, guid: &Guid, attention: UnitAttention) {
        let registry = self.registry.lock();
        for view in registry.views.of(guid) {
            for nexus in registry.nexuses.values() {
                let guard = kernel::sync::rcu::read_lock();
                if let Some(itl) = nexus.luns.read(usize::from(view.lun.value()), &guard) {
                    itl.attention(attention);
                }
            }
        }
    }
}

impl Registry {
    /// Makes the way to a logical unit and shows it to the sessions that may see it.
    fn bring_online(&mut self, guid: &Guid) -> Result {
        let record = self.lus.get_mut(guid).ok_or(ENOENT)?;
        let path = Live::new(LuPath::new(record.entry.clone())?)?;
        record.path = Some(Arc::new(path, GFP_KERNEL)?);
        record.state = State::Online;
        self.touch();
        for view in self.views.of(guid) {
            self.show_to_all(guid, view.lun)?;
        }
        Ok(())
    }

    /// Puts a logical unit into every session's LUN map, if it is online.
    pub(super) fn show_to_all(&self, guid: &Guid, lun: Lun) -> Result {
        for nexus in self.nexuses.values() {
            self.show(nexus, guid, lun)?;
            nexus.inventory_changed();
        }
        Ok(())
    }

    /// Puts a logical unit into a session's LUN map, if it is online.
    pub(super) fn show(&self, nexus: &Nexus, guid: &Guid, lun: Lun) -> Result {
        let path = self.lus.get(guid).and_then(|record| record.path.as_ref());
        let Some(lu) = path.and_then(|path| path.get()) else {
            return Ok(());
        };
        let itl = Itl::new(lu, nexus.inventory());
        nexus.luns.insert(usize::from(lun.value()), itl)
    }

    /// Takes a logical unit out of every session's LUN map.
    fn unmap_lu(&mut self, guid: &Guid, retired: &mut RetiredItls) {
        for view in self.views.of(guid) {
            self.hide(view.lun, retired);
        }
    }

    /// Takes a LUN out of every session's map.
    pub(super) fn hide(&self, lun: Lun, retired: &mut RetiredItls) {
        for nexus in self.nexuses.values() {
            if nexus.luns.remove(usize::from(lun.value()), retired) {
                nexus.inventory_changed();
            }
        }
    }
}
