// SPDX-License-Identifier: GPL-2.0

//! Target ports come, go on- and offline, and leave.

use super::{service::first_goal, Asker, Framework};
use crate::{
    event::Event,
    port::{TargetEntry, TargetPort},
    table::Room, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::{
    clock::monotonic_ns,
    module::ModuleRef, //
};
use stmf_model::{
    EndName,
    Goal,
    State,
    Step,
    Throttle, //
};
use stmf_uapi::stmf::EventKind;

/// A registered target port.
pub(crate) struct TargetRecord {
    pub(crate) entry: Arc<TargetEntry>,
    /// Its name in normal form, by which it is found.
    pub(crate) name: EndName,
    pub(crate) state: State,
    /// Where it goes whenever the service is online.
    pub(crate) wanted: Goal,
    pub(crate) throttle: Throttle,
    /// How many sessions it has.
    pub(crate) sessions: u32,
    /// Its provider is about to delete it: nobody brings it online any more.
    leaving: bool,
    port: HeldPort,
}

/// A target port, whose code is its provider's.
#[derive(Clone)]
struct HeldPort {
    port: Arc<dyn TargetPort>,
    // Dropped after the port.
    _module: ModuleRef,
}

impl TargetRecord {
    fn is(&mut self, state: State) {
        self.state = state;
        Event::of_target(EventKind::TargetState, &self.entry.name)
            .state(state)
            .held(self.throttle.is_held())
            .send();
    }
}

impl Framework {
    /// A relative target port identifier that no port had before.
    pub(crate) fn new_relative_port_id(&self) -> Result<u16> {
        let mut registry = self.registry();
        let next = registry.last_relative_port.checked_add(1);
        registry.last_relative_port = next.ok_or(ENOSPC)?;
        Ok(registry.last_relative_port)
    }

    /// Registers a target port, offline; `offline` says that it is wanted there.
    ///
    /// # Errors
    ///
    /// `EEXIST` when the name is taken, `EBUSY` when the relative target port identifier is.
    pub(crate) fn add_target(
        &self,
        entry: Arc<TargetEntry>,
        port: Arc<dyn TargetPort>,
        module: ModuleRef,
        offline: bool,
    ) -> Result {
        let name = entry.name.to_str().map_err(|_| EINVAL)?;
        let name = EndName::new(name).map_err(|_| EINVAL)?;
        let (room, index) = (Room::new()?, Room::new()?);
        let mut registry = self.registry();
        if registry.target_names.get(&name).is_some() {
            return Err(EEXIST);
        }
        let relative_id = entry.relative_id;
        let has_it = |target: &TargetRecord| target.entry.relative_id == relative_id;
        if registry.targets.values().any(has_it) {
            return Err(EBUSY);
        }
        registry.last_relative_port = registry.last_relative_port.max(relative_id);
        let id = entry.id;
        let record = TargetRecord {
            entry,
            name,
            sessions: 0,
            state: State::Offline,
            wanted: first_goal(offline, registry.service.default_target),
            throttle: Throttle::default(),
            leaving: false,
            port: HeldPort {
                port,
                _module: module,
            },
        };
        Event::of_target(EventKind::TargetAdded, &record.entry.name).send();
        registry.targets.put(room, id, record);
        registry.target_names.put(index, name, id);
        Ok(())
    }

    /// The relative target port identifiers of all target ports.
    pub(crate) fn relative_ports(&self) -> Result<KVec<u16>> {
        let registry = self.registry();
        let mut ports = KVec::new();
        for target in registry.targets.values() {
            ports.push(target.entry.relative_id, GFP_KERNEL)?;
        }
        Ok(ports)
    }

    /// Brings a target port online. Online already is fine, and so is that it stays offline because
    /// the service is, or because a user wants it there: it goes online with them.
    ///
    /// # Errors
    ///
    /// `ENETDOWN` when a user asks and the service is offline; `EPERM` when the provider asks and the
    /// port is held, because it came and went too often; `EBUSY` while it is on its way offline, or being
    /// deleted.
    pub(crate) fn online_target(&self, id: u64, asker: Asker) -> Result {
        let Some(held) = self.begin_online(id, asker)? else {
            return Ok(());
        };
        let outcome = held.port.online();
        if !self.settle(id, outcome.is_ok()) {
            // The service went offline meanwhile, and did not wait for this port.
            self.offline_target(id, Asker::Service)?;
        }
        outcome
    }

    fn begin_online(&self, id: u64, asker: Asker) -> Result<Option<HeldPort>> {
        let mut registry = self.registry();
        let is_up = registry.service.state.is_up();
        let record = registry.targets.get_mut(&id).ok_or(ENOENT)?;
        let step = record.state.request(Goal::Online);
        match asker {
            Asker::User if !is_up => return Err(ENETDOWN),
            Asker::User if record.leaving || step == Step::Busy => return Err(EBUSY),
            Asker::User => {
                record.wanted = Goal::Online;
                record.throttle.release();
            }
            _ if record.wanted == Goal::Offline || !is_up || record.leaving => return Ok(None),
            _ => (),
        }
        let way = match step {
            Step::Already => return Ok(None),
            Step::Busy => return Err(EBUSY),
            Step::Begin(way) => way,
        };
        let admitted = match asker {
            Asker::Provider => record
                .throttle
                .admit(monotonic_ns().unsigned_abs() / 1_000_000),
            _ => !record.throttle.is_held(),
        };
        if !admitted {
            record.is(State::Offline);
            return Err(EPERM);
        }
        record.is(way);
        Ok(Some(record.port.clone()))
    }

    /// Takes a target port offline; its sessions end. Offline already is fine.
    ///
    /// # Errors
    ///
    /// `EBUSY` while it is on its way online; and on its way offline, for a provider, which would take it for
    /// being there.
    pub(crate) fn offline_target(&self, id: u64, asker: Asker) -> Result {
        let held = {
            let mut registry = self.registry();
            let record = registry.targets.get_mut(&id).ok_or(ENOENT)?;
            let is_going = record.state == State::Offlining;
            let way = match record.state.request(Goal::Offline) {
                Step::Busy => return Err(EBUSY),
                Step::Already if is_going && asker == Asker::Provider => return Err(EBUSY),
                step => step,
            };
            if asker == Asker::User {
                record.wanted = Goal::Offline;
            }
            let Step::Begin(way) = way else {
                return Ok(());
            };
            record.is(way);
            record.port.clone()
        };
        let outcome = held.port.offline();
        self.settle(id, outcome.is_ok());
        outcome
    }

    /// Takes a target port offline for its provider, which is about to delete it: nobody brings it online any
    /// more.
    ///
    /// # Errors
    ///
    /// Those of [`Framework::offline_target`]; the port stays then.
    pub(crate) fn retire_target(&self, id: u64) -> Result {
        self.set_leaving(id, true);
        self.offline_target(id, Asker::Provider)
            .inspect_err(|_| self.keep_target(id))
    }

    /// The provider keeps the port after all.
    pub(crate) fn keep_target(&self, id: u64) {
        self.set_leaving(id, false);
    }

    fn set_leaving(&self, id: u64, leaving: bool) {
        if let Some(record) = self.registry().targets.get_mut(&id) {
            record.leaving = leaving;
        }
    }

    /// Ends a transition; `false` when a port is online now that must not be.
    fn settle(&self, id: u64, arrived: bool) -> bool {
        let mut registry = self.registry();
        let is_up = registry.service.state.is_up();
        let mut right = true;
        if let Some(record) = registry.targets.get_mut(&id) {
            let state = record.state.settled(arrived);
            record.is(state);
            right = is_up || state != State::Online;
        }
        right
    }

    /// Takes a target port out of the registry.
    pub(crate) fn remove_target(&self, id: u64) {
        let mut registry = self.registry();
        let gone = registry.targets.remove(&id);
        if let Some(record) = &gone {
            registry.target_names.remove(&record.name);
            Event::of_target(EventKind::TargetRemoved, &record.entry.name).send();
        }
        drop(registry);
        drop(gone);
    }
}

impl super::Registry {
    /// Finds a target port by its name.
    pub(crate) fn target_named(&self, name: &str) -> Option<&TargetRecord> {
        let id = self.target_names.get(&EndName::new(name).ok()?)?;
        self.targets.get(id)
    }
}
