// SPDX-License-Identifier: GPL-2.0

//! What sessions see: their LUN maps, kept in step with views, groups and logical units.

use super::{NexusRecord, Registry, RetiredItls};
use crate::{
    nexus::{Itl, Nexus},
    view::{Group, View}, //
};
use kernel::prelude::*;
use stmf_model::{
    EndName,
    Guid,
    Lun, //
};

impl Registry {
    /// How often it has changed what sessions there are, or what they see.
    pub(crate) fn sight_changes(&self) -> u32 {
        [
            self.nexuses.changes(),
            self.lus.changes(),
            self.views.all().changes(),
            self.host_groups.memberships().changes(),
            self.target_groups.memberships().changes(),
        ]
        .into_iter()
        .fold(0, u32::wrapping_add)
    }

    /// Puts a logical unit into the map of every session that a view entry concerns. A unit that
    /// is not online is not put anywhere.
    ///
    /// When it fails the unit is in some maps: [`Registry::hide`] takes it out again.
    pub(super) fn show(&self, view: &View) -> Result {
        let mut outcome = Ok(());
        self.for_each_concerned(view.host, view.target, |record| {
            if outcome.is_ok() {
                outcome = self.map(&record.nexus, &view.guid, view.lun).map(|added| {
                    if added {
                        record.nexus.inventory_changed();
                    }
                });
            }
        });
        outcome
    }

    /// Takes a logical unit out of the map of every session that a view entry concerns.
    pub(super) fn hide(&self, view: &View, retired: &mut RetiredItls) {
        self.for_each_concerned(view.host, view.target, |record| {
            if record.nexus.luns.remove(lun_index(view.lun), retired) {
                record.nexus.loses_sight();
                record.nexus.inventory_changed();
            }
        });
    }

    /// Puts into a session's map what the entries for any of these groups show; says whether that
    /// is anything.
    pub(super) fn show_groups(&self, nexus: &Nexus, hosts: Sides, targets: Sides) -> Result<bool> {
        let mut added = false;
        for (host, target) in pairs(hosts, targets) {
            for (lun, guid) in self.views.shown(host, target) {
                added |= self.map(nexus, &guid, lun)?;
            }
        }
        Ok(added)
    }

    /// Takes out of a session's map what the entries for any of these groups show; says whether
    /// that was anything.
    pub(super) fn hide_groups(
        &self,
        nexus: &Nexus,
        hosts: Sides,
        targets: Sides,
        retired: &mut RetiredItls,
    ) -> bool {
        let mut removed = false;
        for (host, target) in pairs(hosts, targets) {
            for (lun, _) in self.views.shown(host, target) {
                removed |= nexus.luns.remove(lun_index(lun), retired);
            }
        }
        if removed {
            nexus.loses_sight();
        }
        removed
    }

    /// Puts a logical unit into a session's map; `false` when it is not online.
    fn map(&self, nexus: &Nexus, guid: &Guid, lun: Lun) -> Result<bool> {
        let Some(lu) = self.lus.get(guid).and_then(|record| record.reference()) else {
            return Ok(false);
        };
        let access = self.access_by(nexus, guid);
        let itl = Itl::new(lu, nexus, access)?;
        nexus.luns.insert(lun_index(lun), itl)?;
        Ok(true)
    }

    /// Visits the sessions of hosts in a group through targets in a group.
    ///
    /// Costs as much as there are members and sessions of theirs, not as there are sessions.
    pub(super) fn for_each_concerned(
        &self,
        host: Group,
        target: Group,
        mut visit: impl FnMut(&NexusRecord),
    ) {
        let mut look = |record: &NexusRecord| {
            if target.includes(self.target_group(record).as_ref()) {
                visit(record);
            }
        };
        match (host, target) {
            (Group::Named(group), _) => {
                for name in self.host_groups.members_of(group) {
                    self.for_each_of_host(name, &mut look);
                }
            }
            (Group::All, Group::Named(group)) => {
                for name in self.target_groups.members_of(group) {
                    self.for_each_of_target(name, &mut look);
                }
            }
            (Group::All, Group::All) => self.nexuses.values().for_each(look),
        }
    }

    /// Visits the sessions of an initiator.
    pub(super) fn for_each_of_host(&self, host: &EndName, mut visit: impl FnMut(&NexusRecord)) {
        for ((name, id), ()) in self.nexuses_by_host.from((*host, 0)) {
            if name != *host {
                return;
            }
            if let Some(record) = self.nexuses.get(&id) {
                visit(record);
            }
        }
    }

    /// Visits the sessions of a target port.
    pub(super) fn for_each_of_target(&self, name: &EndName, mut visit: impl FnMut(&NexusRecord)) {
        let Some(target) = self.target_names.get(name) else {
            return;
        };
        for ((of, id), ()) in self.nexuses_by_target.from((*target, 0)) {
            if of != *target {
                return;
            }
            if let Some(record) = self.nexuses.get(&id) {
                visit(record);
            }
        }
    }

    /// The host groups whose view entries a session is concerned by.
    pub(super) fn host_sides(&self, record: &NexusRecord) -> Sides {
        Sides::all_and(self.host_groups.of(&record.host))
    }

    /// The target groups whose view entries a session is concerned by.
    pub(super) fn target_sides(&self, record: &NexusRecord) -> Sides {
        Sides::all_and(self.target_group(record))
    }

    fn target_group(&self, record: &NexusRecord) -> Option<u64> {
        let target = self.targets.get(&record.target)?;
        self.target_groups.of(&target.name)
    }
}

/// At most two groups of one kind: all, and the one that a host or target is in.
#[derive(Clone, Copy)]
pub(super) struct Sides([Option<Group>; 2]);

impl Sides {
    pub(super) fn all_and(group: Option<u64>) -> Self {
        Self([Some(Group::All), group.map(Group::Named)])
    }

    pub(super) fn only(group: u64) -> Self {
        Self([Some(Group::Named(group)), None])
    }
}

fn pairs(hosts: Sides, targets: Sides) -> impl Iterator<Item = (Group, Group)> {
    let hosts = hosts.0.into_iter().flatten();
    hosts.flat_map(move |host| {
        let targets = targets.0.into_iter().flatten();
        targets.map(move |target| (host, target))
    })
}

fn lun_index(lun: Lun) -> usize {
    usize::from(lun.value())
}
