// SPDX-License-Identifier: GPL-2.0

//! Sessions come and go.

use super::Framework;
use crate::{
    event::Event,
    nexus::Nexus,
    table::Room, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::trace;
use stmf_model::{
    EndName,
    State, //
};
use stmf_uapi::stmf::EventKind;

/// A session and what it is found by.
pub(crate) struct NexusRecord {
    pub(crate) nexus: Arc<Nexus>,
    /// The initiator's name.
    pub(crate) host: EndName,
    /// The target port's number.
    pub(crate) target: u64,
}

impl NexusRecord {
    fn tell(&self, kind: EventKind) {
        Event::of_target(kind, &self.nexus.identity.target.name)
            .session(self.nexus.id, &self.nexus.initiator)
            .send();
    }
}

impl Framework {
    /// Registers a session with the LUN map that the views give it.
    ///
    /// # Errors
    ///
    /// `ENODEV` when the target port is not online, `EINVAL` when the initiator's name is none.
    pub(crate) fn add_nexus(&self, nexus: Arc<Nexus>) -> Result {
        let (id, target) = (nexus.id, nexus.identity.target.id);
        let name = nexus.initiator.to_str().map_err(|_| EINVAL)?;
        let host = EndName::new(name).map_err(|_| EINVAL)?;
        let record = NexusRecord {
            nexus,
            host,
            target,
        };
        let (room, by_host, by_target) = (Room::new()?, Room::new()?, Room::new()?);
        let mut registry = self.registry.lock();
        let port = registry.targets.get(&target).ok_or(ENODEV)?;
        // The initiator of a local port is there at once.
        if !matches!(port.state, State::Online | State::Onlining) {
            return Err(ENODEV);
        }
        let (hosts, targets) = (registry.host_sides(&record), registry.target_sides(&record));
        registry.identify(&record.nexus);
        registry.show_groups(&record.nexus, hosts, targets)?;
        record.tell(EventKind::SessionBegun);
        let nexus = &record.nexus;
        trace::nexus_begin(id, &nexus.identity.target.name, &nexus.initiator);
        registry.nexuses.put(room, id, record);
        registry.nexuses_by_host.put(by_host, (host, id), ());
        registry.nexuses_by_target.put(by_target, (target, id), ());
        if let Some(port) = registry.targets.get_mut(&target) {
            port.sessions = port.sessions.saturating_add(1);
        }
        registry.touch();
        Ok(())
    }

    /// Takes a session out of the registry, and its references to logical units with it: commands
    /// that are still in a device keep the session's memory, but nothing else.
    pub(crate) fn remove_nexus(&self, id: u64) {
        let mut registry = self.registry.lock();
        let Some(gone) = registry.nexuses.remove(&id) else {
            return;
        };
        registry.nexuses_by_host.remove(&(gone.host, id));
        registry.nexuses_by_target.remove(&(gone.target, id));
        if let Some(port) = registry.targets.get_mut(&gone.target) {
            port.sessions = port.sessions.saturating_sub(1);
        }
        registry.touch();
        gone.tell(EventKind::SessionEnded);
        let nexus = &gone.nexus;
        trace::nexus_end(id, &nexus.identity.target.name, &nexus.initiator);
        drop(registry);
        gone.nexus.luns.clear();
    }
}
