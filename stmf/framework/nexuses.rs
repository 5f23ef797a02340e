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
    sync::{
        atomic::ordering,
        Arc, //
    }, //
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
        let host = nexus.host().ok_or(EINVAL)?;
        let record = NexusRecord {
            nexus,
            host,
            target,
        };
        let (room, by_host, by_target) = (Room::new()?, Room::new()?, Room::new()?);
        let mut registry = self.registry();
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
        Ok(())
    }

    /// Notes that a session is about to go; says whether no other is of the same I_T nexus. One that is, by
    /// another portal group of the target, tells the logical units when it goes, those too that only this one
    /// saw.
    pub(crate) fn is_last_session(&self, nexus: &Nexus) -> bool {
        let Some(host) = nexus.host() else {
            return true;
        };
        let registry = self.registry();
        nexus.is_lost.store(true, ordering::Relaxed);
        let mut is_last = true;
        registry.for_each_of_host(&host, |record| {
            let other = &record.nexus;
            let is_there = other.id != nexus.id && !other.is_lost.load(ordering::Relaxed);
            if is_there && other.identity == nexus.identity {
                other.loses_sight();
                is_last = false;
            }
        });
        is_last
    }

    /// Takes a session out of the registry, and its references to logical units with it: commands
    /// that are still in a device keep the session's memory, but nothing else.
    pub(crate) fn remove_nexus(&self, id: u64) {
        let mut registry = self.registry();
        let Some(gone) = registry.nexuses.remove(&id) else {
            return;
        };
        registry.nexuses_by_host.remove(&(gone.host, id));
        registry.nexuses_by_target.remove(&(gone.target, id));
        if let Some(port) = registry.targets.get_mut(&gone.target) {
            port.sessions = port.sessions.saturating_sub(1);
        }
        gone.tell(EventKind::SessionEnded);
        let nexus = &gone.nexus;
        trace::nexus_end(id, &nexus.identity.target.name, &nexus.initiator);
        drop(registry);
        gone.nexus.luns.clear();
    }
}
