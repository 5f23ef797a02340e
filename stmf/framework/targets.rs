// SPDX-License-Identifier: GPL-2.0

//! Target ports come, go on- and offline, and leave.

use super::{Framework, State};
use crate::port::{TargetEntry, TargetPort};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::module::ModuleRef;

/// A registered target port.
pub(crate) struct TargetRecord {
    pub(crate) entry: Arc<TargetEntry>,
    pub(crate) state: State,
    port: Arc<dyn TargetPort>,
    // Dropped after the port, whose code is the module's.
    _module: ModuleRef,
}

impl Framework {
    /// Registers a target port, offline.
    pub(crate) fn add_target(
        &self,
        entry: Arc<TargetEntry>,
        port: Arc<dyn TargetPort>,
        module: ModuleRef,
    ) -> Result {
        let mut registry = self.registry.lock();
        if registry.target_named(entry.name.to_bytes()).is_some() {
            return Err(EEXIST);
        }
        let record = TargetRecord {
            entry: entry.clone(),
            state: State::Offline,
            port,
            _module: module,
        };
        registry
            .targets
            .try_create_and_insert(entry.id, record, GFP_KERNEL)?;
        registry.touch();
        Ok(())
    }

    /// Brings a target port online. Online already is fine.
    pub(crate) fn online_target(&self, id: u64) -> Result {
        let Some(port) = self.begin(id, State::Online, State::Onlining)? else {
            return Ok(());
        };
        let outcome = port.online();
        self.settle(
            id,
            if outcome.is_ok() {
                State::Online
            } else {
                State::Offline
            },
        );
        outcome
    }

    /// Takes a target port offline; its sessions end. Offline already is fine.
    pub(crate) fn offline_target(&self, id: u64) -> Result {
        let Some(port) = self.begin(id, State::Offline, State::Offlining)? else {
            return Ok(());
        };
        port.offline();
        self.settle(id, State::Offline);
        Ok(())
    }

    /// Starts a transition; `None` when the port is there already.
    fn begin(&self, id: u64, goal: State, way: State) -> Result<Option<Arc<dyn TargetPort>>> {
        let mut registry = self.registry.lock();
        let record = registry.targets.get_mut(&id).ok_or(ENOENT)?;
        match record.state {
            state if state == goal => return Ok(None),
            State::Onlining | State::Offlining => return Err(EBUSY),
            State::Online | State::Offline => record.state = way,
        }
        let port = record.port.clone();
        registry.touch();
        Ok(Some(port))
    }

    /// Ends a transition.
    fn settle(&self, id: u64, state: State) {
        let mut registry = self.registry.lock();
        if let Some(record) = registry.targets.get_mut(&id) {
            record.state = state;
        }
        registry.touch();
    }

    /// Takes a target port out of the registry.
    pub(crate) fn remove_target(&self, id: u64) {
        let mut registry = self.registry.lock();
        let gone = registry.targets.remove(&id);
        registry.touch();
        drop(registry);
        drop(gone);
    }
}

impl super::Registry {
    /// Finds a target port by its name.
    pub(crate) fn target_named(&self, name: &[u8]) -> Option<&TargetRecord> {
        self.targets
            .values()
            .find(|record| record.entry.name.to_bytes() == name)
    }
}
