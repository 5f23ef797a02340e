// SPDX-License-Identifier: GPL-2.0

//! Sessions come and go.

use super::{Framework, State};
use crate::nexus::Nexus;
use kernel::{
    prelude::*,
    sync::Arc, //
};

impl Framework {
    /// Registers a session with the LUN map that the views give it.
    pub(crate) fn add_nexus(&self, nexus: Arc<Nexus>) -> Result {
        let mut registry = self.registry.lock();
        let target = registry.targets.get(&nexus.target.id).ok_or(ENODEV)?;
        if target.state != State::Online {
            return Err(ENODEV);
        }
        for view in registry.views.iter() {
            registry.show(&nexus, &view.guid, view.lun)?;
        }
        registry
            .nexuses
            .try_create_and_insert(nexus.id, nexus, GFP_KERNEL)?;
        registry.touch();
        Ok(())
    }

    /// Takes a session out of the registry, and its references to logical units with it: commands
    /// that are still in a device keep the session's memory, but nothing else.
    pub(crate) fn remove_nexus(&self, id: u64) {
        let mut registry = self.registry.lock();
        let gone = registry.nexuses.remove(&id);
        registry.touch();
        drop(registry);
        if let Some(nexus) = gone {
            nexus.luns.clear();
        }
    }
}
