// SPDX-License-Identifier: GPL-2.0

//! Stands in for the framework, as `stmf::framework::detached` sees it: it has one logical unit.

use crate::{
    list::List,
    lu::LuEntry,
    nexus::Nexus,
    prelude::*,
    sync::{Arc, Mutex}, //
};
use std::{collections::BTreeMap, sync::RwLock};

/// The framework.
pub struct Framework {
    /// Sessions with orphans.
    pub(crate) detached: Mutex<List<Nexus>>,
    /// The logical unit.
    pub lu: Arc<LuEntry>,
    registry: RwLock<Registry>,
}

/// What the framework knows of.
#[derive(Default)]
pub struct Registry {
    /// The sessions.
    pub nexuses: BTreeMap<u64, NexusRecord>,
}

/// A session.
pub struct NexusRecord {
    #[allow(missing_docs, reason = "its name says it")]
    pub nexus: Arc<Nexus>,
}

loom::lazy_static! {
    static ref FRAMEWORK: Arc<Framework> =
        Arc::new(Framework::new().expect("memory"), GFP_KERNEL).expect("memory");
}

/// The framework of those that weren't handed one.
pub fn get() -> Result<Arc<Framework>> {
    Ok(FRAMEWORK.clone())
}

impl Framework {
    #[allow(missing_docs, reason = "it is a new one")]
    pub fn new() -> Result<Self> {
        Ok(Self {
            detached: Mutex::new(List::new()).made()?,
            lu: Arc::new(LuEntry::new()?, GFP_KERNEL)?,
            registry: RwLock::default(),
        })
    }

    /// Looks at the logical unit with that number.
    pub fn with_lu(&self, id: u64, look: impl FnOnce(&LuEntry)) {
        if id == self.lu.id {
            look(&self.lu);
        }
    }

    /// A session begins, before any thread does.
    pub fn register(&self, id: u64) -> Result<Arc<Nexus>> {
        let nexus = Arc::new(Nexus::new(id)?, GFP_KERNEL)?;
        let record = NexusRecord {
            nexus: nexus.clone(),
        };
        self.registry.write().unwrap().nexuses.insert(id, record);
        Ok(nexus)
    }

    /// Looks at what there is.
    pub fn read<R>(&self, look: impl FnOnce(&Registry) -> R) -> R {
        look(&self.registry.read().unwrap())
    }
}
