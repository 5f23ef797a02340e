// SPDX-License-Identifier: GPL-2.0

//! Groups and their members come and go, and what sessions see follows.
//!
//! A host or target is in one group at most, so that joining one only adds to what it sees and
//! leaving it only takes away.

use super::{sight::Sides, Framework, NexusRecord, Registry, RetiredItls};
use crate::{
    event::Event,
    group::{GroupId, Refused}, //
};
use kernel::prelude::*;
use stmf_model::{
    EndName,
    GroupName,
    PortName, //
};
use stmf_uapi::stmf::{EventKind, GroupKind};

impl Framework {
    /// Adds a group without members.
    pub(crate) fn add_group(&self, kind: GroupKind, name: &GroupName) -> Result<(), Refused> {
        let id = self.next_id();
        let mut registry = self.registry();
        registry.groups_mut(kind).add(id, name)?;
        Ok(())
    }

    /// Removes a group that no view entry names. Nobody sees less for it.
    pub(crate) fn remove_group(&self, kind: GroupKind, name: &GroupName) -> Result<(), Refused> {
        let mut registry = self.registry();
        let group = registry.groups(kind).find(name);
        registry.groups_mut(kind).remove(name)?;
        if let (GroupKind::Target, Some(group)) = (kind, group) {
            registry.forget_access(group);
        }
        Ok(())
    }

    /// Adds a host or target, which need not exist, to a group; its sessions see at once what the
    /// group sees. That it is in this group already is fine.
    pub(crate) fn add_member(
        &self,
        kind: GroupKind,
        group: &GroupName,
        name: &PortName,
    ) -> Result<(), Refused> {
        let number = self.next_id();
        let mut retired = RetiredItls::new();
        let mut registry = self.registry();
        let groups = registry.groups_mut(kind);
        let group = groups.find(group).ok_or(Refused::NoGroup)?;
        if !groups.add_member(group, number, name)? {
            return Ok(());
        }
        let name = EndName::from(*name);
        if let Err(error) = registry.reveal(kind, group, &name) {
            registry.withdraw(kind, group, &name, &mut retired);
            registry.groups_mut(kind).remove_member(group, &name)?;
            return Err(error.into());
        }
        if kind == GroupKind::Target {
            registry.port_moved(group, &name);
        }
        Event::new(EventKind::ViewsChanged).send();
        Ok(())
    }

    /// Removes a host or target from a group; its sessions no longer see what the group sees.
    pub(crate) fn remove_member(
        &self,
        kind: GroupKind,
        group: &GroupName,
        name: &PortName,
    ) -> Result<(), Refused> {
        let name = EndName::from(*name);
        let mut retired = RetiredItls::new();
        let mut registry = self.registry();
        let groups = registry.groups_mut(kind);
        let group = groups.find(group).ok_or(Refused::NoGroup)?;
        if groups.of(&name) != Some(group) {
            return Err(Refused::NoMember);
        }
        registry.withdraw(kind, group, &name, &mut retired);
        registry.groups_mut(kind).remove_member(group, &name)?;
        if kind == GroupKind::Target {
            registry.port_moved(group, &name);
        }
        Event::new(EventKind::ViewsChanged).send();
        Ok(())
    }
}

impl Registry {
    /// Shows the sessions of a host or target what the entries for a group show.
    fn reveal(&self, kind: GroupKind, group: GroupId, name: &EndName) -> Result {
        let mut outcome = Ok(());
        self.for_each_of(kind, name, |record| {
            let (hosts, targets) = self.sides(kind, group, record);
            if outcome.is_ok() {
                outcome = self
                    .show_groups(&record.nexus, hosts, targets)
                    .map(|added| {
                        if added {
                            record.nexus.inventory_changed();
                        }
                    });
            }
        });
        outcome
    }

    /// Takes out of the maps of the sessions of a host or target what the entries for a group show.
    fn withdraw(&self, kind: GroupKind, group: GroupId, name: &EndName, retired: &mut RetiredItls) {
        self.for_each_of(kind, name, |record| {
            let (hosts, targets) = self.sides(kind, group, record);
            if self.hide_groups(&record.nexus, hosts, targets, retired) {
                record.nexus.inventory_changed();
            }
        });
    }

    fn for_each_of(&self, kind: GroupKind, name: &EndName, visit: impl FnMut(&NexusRecord)) {
        match kind {
            GroupKind::Host => self.for_each_of_host(name, visit),
            GroupKind::Target => self.for_each_of_target(name, visit),
        }
    }

    /// The pairs of groups of which one is a given one and the other concerns a session.
    fn sides(&self, kind: GroupKind, group: GroupId, record: &NexusRecord) -> (Sides, Sides) {
        match kind {
            GroupKind::Host => (Sides::only(group), self.target_sides(record)),
            GroupKind::Target => (self.host_sides(record), Sides::only(group)),
        }
    }
}
