// SPDX-License-Identifier: GPL-2.0

//! View entries come and go, and the live sessions' LUN maps follow.

use super::{Framework, Registry, RetiredItls};
use crate::{
    event::Event,
    view::{Group, NewView, View}, //
};
use kernel::prelude::*;
use stmf_model::{
    Conflict,
    GroupName,
    Guid,
    Lun, //
};
use stmf_uapi::stmf::{EventKind, GroupKind};

/// A view entry that someone asks for, with groups by name; `None` is all.
pub(crate) struct WantedView<'a> {
    /// The logical unit, which need not exist yet.
    pub(crate) guid: Guid,
    pub(crate) host_group: Option<&'a GroupName>,
    pub(crate) target_group: Option<&'a GroupName>,
    /// Without a number it gets the lowest that is free.
    pub(crate) lun: Option<Lun>,
}

/// Why a view entry is refused.
pub(crate) enum Refused {
    /// There is no such group.
    NoGroup(GroupKind),
    /// One of the two rules forbids it.
    Conflict(Conflict),
    /// It could not be done.
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Framework {
    /// Decides what numbers a view entry would get, without adding it.
    pub(crate) fn validate_view(&self, wanted: &WantedView<'_>) -> Result<View, Refused> {
        self.registry().decide(wanted)
    }

    /// Adds a view entry; the sessions that it concerns see its logical unit at once.
    pub(crate) fn add_view(&self, wanted: &WantedView<'_>) -> Result<View, Refused> {
        let mut retired = RetiredItls::new();
        let mut registry = self.registry();
        let view = registry.decide(wanted)?;
        registry.views.insert(&view)?;
        if let Err(error) = registry.show(&view) {
            registry.hide(&view, &mut retired);
            registry.views.remove(&view);
            return Err(error.into());
        }
        registry.count_use(&view, |views| views.saturating_add(1));
        Event::of_lu(EventKind::ViewsChanged, &view.guid).send();
        Ok(view)
    }

    /// Removes a view entry.
    ///
    /// # Errors
    ///
    /// `ENOENT` when there is no such entry.
    pub(crate) fn remove_view(&self, guid: &Guid, id: u32) -> Result {
        let mut retired = RetiredItls::new();
        let mut registry = self.registry();
        let view = *registry.views.find(guid, id).ok_or(ENOENT)?;
        registry.hide(&view, &mut retired);
        registry.views.remove(&view);
        registry.count_use(&view, |views| views.saturating_sub(1));
        Event::of_lu(EventKind::ViewsChanged, guid).send();
        Ok(())
    }
}

impl Registry {
    fn decide(&mut self, wanted: &WantedView<'_>) -> Result<View, Refused> {
        let new = NewView {
            guid: wanted.guid,
            host: self.named(GroupKind::Host, wanted.host_group)?,
            target: self.named(GroupKind::Target, wanted.target_group)?,
            lun: wanted.lun,
        };
        self.views.decide(new).map_err(Refused::Conflict)
    }

    fn named(&self, kind: GroupKind, name: Option<&GroupName>) -> Result<Group, Refused> {
        let Some(name) = name else {
            return Ok(Group::All);
        };
        let id = self.groups(kind).find(name);
        id.map(Group::Named).ok_or(Refused::NoGroup(kind))
    }

    /// Notes for the groups of an entry whether one more or one less names them.
    fn count_use(&mut self, view: &View, change: impl Fn(u32) -> u32) {
        for (kind, group) in [
            (GroupKind::Host, view.host),
            (GroupKind::Target, view.target),
        ] {
            if let Group::Named(id) = group {
                if let Some(record) = self.groups_mut(kind).get_mut(id) {
                    record.views = change(record.views);
                }
            }
        }
    }
}
