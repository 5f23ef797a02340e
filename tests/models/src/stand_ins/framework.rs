// SPDX-License-Identifier: GPL-2.0

//! Stands in for the framework, as `stmf::framework::detached` sees it: it has one logical unit.

use crate::{
    list::List,
    lu::LuEntry,
    nexus::Nexus,
    prelude::*,
    sync::{Arc, Mutex}, //
};

/// The framework.
pub struct Framework {
    /// Sessions with orphans.
    pub(crate) detached: Mutex<List<Nexus>>,
    /// The logical unit.
    pub lu: Arc<LuEntry>,
}

impl Framework {
    #[allow(missing_docs, reason = "it is a new one")]
    pub fn new() -> Result<Self> {
        Ok(Self {
            detached: Mutex::new(List::new()).made()?,
            lu: Arc::new(LuEntry::new(), GFP_KERNEL)?,
        })
    }

    /// The logical unit with that number.
    pub fn lu_by_id(&self, id: u64) -> Option<Arc<LuEntry>> {
        (id == self.lu.id).then(|| self.lu.clone())
    }
}
