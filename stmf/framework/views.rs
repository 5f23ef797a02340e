// SPDX-License-Identifier: GPL-2.0

//! View entries come and go, and the live sessions' LUN maps follow.

use super::{Framework, RetiredItls};
use crate::view::View;
use kernel::prelude::*;
use stmf_model::{
    Guid,
    Lun, //
};

impl Framework {
    /// Adds a view entry for a logical unit, which need not exist yet; without a number it gets the
    /// lowest that is free.
    ///
    /// # Errors
    ///
    /// `EALREADY` when the unit has a view that covers the new one, `EEXIST` when the number is
    /// taken, `E2BIG` when none is free.
    pub(crate) fn add_view(&self, guid: &Guid, lun: Option<Lun>) -> Result<View> {
        let mut registry = self.registry.lock();
        let view = registry.views.add(guid, lun)?;
        registry.touch();
        let shown = registry.show_to_all(guid, view.lun);
        drop(registry);
        if let Err(error) = shown {
            self.remove_view(guid, view.id)?;
            return Err(error);
        }
        Ok(view)
    }

    /// Removes a view entry.
    ///
    /// # Errors
    ///
    /// `ENOENT` when there is no such entry.
    pub(crate) fn remove_view(&self, guid: &Guid, id: u32) -> Result {
        let mut retired = RetiredItls::new();
        {
            let mut registry = self.registry.lock();
            let lun = registry.views.find(guid, id).ok_or(ENOENT)?.lun;
            registry.hide(lun, &mut retired);
            registry.views.remove(guid, id);
            registry.touch();
        }
        Ok(())
    }
}
