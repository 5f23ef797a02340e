// SPDX-License-Identifier: GPL-2.0

//! View entries: which logical unit has which number.
//!
//! Every entry is for all hosts and all targets. Two rules keep the maps unambiguous: a logical
//! unit has one entry that covers any host and target, and a number is given once.

use kernel::{
    prelude::*,
    rbtree::RBTree, //
};
use stmf_model::{
    Guid,
    Lun,
    LunBitmap, //
};

/// One view entry.
#[derive(Clone, Copy)]
pub(crate) struct View {
    pub(crate) guid: Guid,
    /// Its number among the entries of the same logical unit.
    pub(crate) id: u32,
    pub(crate) lun: Lun,
}

/// All view entries.
pub(crate) struct Views {
    entries: RBTree<(Guid, u32), View>,
    numbers: KBox<LunBitmap>,
}

impl Views {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            entries: RBTree::new(),
            numbers: KBox::new(LunBitmap::new(), GFP_KERNEL)?,
        })
    }

    /// All entries, those of one logical unit together.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &View> {
        self.entries.values()
    }

    /// The entries of one logical unit.
    pub(crate) fn of(&self, guid: &Guid) -> impl Iterator<Item = &View> {
        // One entry for all hosts and targets, with the first number, is all that can be.
        self.entries.get(&(*guid, 0)).into_iter()
    }

    pub(crate) fn find(&self, guid: &Guid, id: u32) -> Option<&View> {
        self.entries.get(&(*guid, id))
    }

    pub(crate) fn add(&mut self, guid: &Guid, lun: Option<Lun>) -> Result<View> {
        if self.of(guid).next().is_some() {
            return Err(EALREADY);
        }
        let lun = match lun {
            Some(lun) if self.numbers.contains(lun) => return Err(EEXIST),
            Some(lun) => lun,
            None => self.numbers.lowest_free().ok_or(E2BIG)?,
        };
        let view = View {
            guid: *guid,
            id: 0,
            lun,
        };
        self.entries
            .try_create_and_insert((*guid, view.id), view, GFP_KERNEL)?;
        self.numbers.insert(lun);
        Ok(view)
    }

    pub(crate) fn remove(&mut self, guid: &Guid, id: u32) {
        if let Some(view) = self.entries.remove(&(*guid, id)) {
            self.numbers.remove(view.lun);
        }
    }
}
