// SPDX-License-Identifier: GPL-2.0

//! The service as a whole goes on- and offline.
//!
//! In either direction target ports go first and logical units last, as in COMSTAR: a service that
//! goes offline ends the sessions before the disks vanish from them.

use super::{
    lus::Leaving,
    Asker,
    Framework,
    OFFLINE_LIMIT, //
};
use crate::event::Event;
use kernel::{
    prelude::*,
    time::{Instant, Monotonic}, //
};
use stmf_model::{
    Goal,
    Guid,
    State,
    Step, //
};
use stmf_uapi::stmf::EventKind;

/// Where something new is wanted: `offline`, or as the service says.
pub(super) fn first_goal(offline: bool, default: Goal) -> Goal {
    if offline {
        Goal::Offline
    } else {
        default
    }
}

/// The service, and what new objects begin with.
pub(crate) struct Service {
    pub(crate) state: State,
    pub(crate) default_lu: Goal,
    pub(crate) default_target: Goal,
}

impl Service {
    pub(super) fn new() -> Self {
        Self {
            state: State::Online,
            default_lu: Goal::Online,
            default_target: Goal::Online,
        }
    }
}

impl Framework {
    /// Sets the states that new logical units and target ports go to.
    pub(crate) fn set_defaults(&self, lu: Option<Goal>, target: Option<Goal>) {
        let mut registry = self.registry();
        let service = &mut registry.service;
        service.default_lu = lu.unwrap_or(service.default_lu);
        service.default_target = target.unwrap_or(service.default_target);
    }

    /// Takes the service, and with it all that is wanted online, on- or offline. An object that
    /// can't go along stays behind, and the rest goes.
    ///
    /// # Errors
    ///
    /// `EBUSY` when the service is on its way in the other direction, or when commands are still
    /// in the device of a logical unit, which is then left `offlining`, out of sight.
    pub(crate) fn set_service(&self, goal: Goal) -> Result {
        {
            let mut registry = self.registry();
            match registry.service.state.request(goal) {
                Step::Already => return Ok(()),
                Step::Busy => return Err(EBUSY),
                Step::Begin(way) => registry.service_is(way),
            }
        }
        let mut last = 0;
        while let Some(id) = self.target_after(last) {
            let _ = match goal {
                Goal::Online => self.online_target(id, Asker::Service),
                Goal::Offline => self.offline_target(id, Asker::Service),
            };
            last = id;
        }
        let outcome = match goal {
            Goal::Online => self.online_lus(),
            Goal::Offline => self.offline_lus(),
        };
        let mut registry = self.registry();
        let end = registry.service.state.settled(true);
        registry.service_is(end);
        outcome
    }

    fn target_after(&self, id: u64) -> Option<u64> {
        let registry = self.registry();
        let next = registry.targets.from(id.wrapping_add(1)).next()?;
        Some(next.0)
    }

    fn lu_after(&self, guid: Option<Guid>) -> Option<Guid> {
        let registry = self.registry();
        let mut from = registry.lus.from(guid.unwrap_or(Guid::new([0; Guid::LEN])));
        let next = from.find(|(key, _)| Some(*key) != guid)?;
        Some(next.0)
    }

    fn online_lus(&self) -> Result {
        let mut outcome = Ok(());
        let mut last = None;
        while let Some(guid) = self.lu_after(last) {
            let done = self.online_lu(&guid, Asker::Service);
            outcome = outcome.and(done);
            last = Some(guid);
        }
        outcome
    }

    /// Hides all logical units first and then waits for them together, so that the wait is no
    /// longer than for one.
    fn offline_lus(&self) -> Result {
        let mut outcome = Ok(());
        let mut leaving = KVec::new();
        let mut last = None;
        while let Some(guid) = self.lu_after(last) {
            last = Some(guid);
            match self.begin_offline_lu(&guid, Asker::Service) {
                Ok(Leaving::Gone) => (),
                Ok(Leaving::Draining(path)) => {
                    if leaving.push((guid, path), GFP_KERNEL).is_err() {
                        outcome = Err(ENOMEM);
                    }
                }
                Err(error) => outcome = Err(error),
            }
        }
        let start = Instant::<Monotonic>::now();
        for (guid, path) in leaving {
            let left = OFFLINE_LIMIT - start.elapsed();
            let done = self.finish_offline_lu(&guid, path, left);
            outcome = outcome.and(done);
        }
        outcome
    }
}

impl super::Registry {
    fn service_is(&mut self, state: State) {
        self.service.state = state;
        Event::new(EventKind::ServiceState).state(state).send();
    }
}
