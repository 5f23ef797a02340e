// SPDX-License-Identifier: GPL-2.0

//! Asymmetric access: which target ports are the better way to a logical unit.
//!
//! A target group is a target port group from when it has an access state for all logical units;
//! a logical unit may have one of its own. As long as no group has any there is no asymmetric
//! access. Ports that are in no such group form group 0, which is active and optimized.
//!
//! What a session needs of this is kept where its commands look: in [`Itl`] the state, in `ItNexus`
//! the group. All changes write it there, with the registry locked.

use super::{Framework, NexusRecord, Registry};
use crate::{
    event::Event,
    group::GroupId,
    lu::LuEntry,
    nexus::{ItNexus, Itl, Nexus},
    port::TargetEntry,
    table::{Room, Table}, //
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::rcu, //
};
use stmf_model::{
    EndName,
    GroupName,
    Guid, //
};
use stmf_scsi::{
    alua::{
        AccessState,
        ChangedBy,
        PortGroup,
        Report,
        ReportTargetPortGroups,
        SetDescriptor,
        SetList, //
    },
    ua::UnitAttention,
    AdditionalSense,
    Sense,
    Sink, //
};

/// Stands for all logical units that have no state of their own. No unit has this name.
const ALL: Guid = Guid::new([0; Guid::LEN]);

/// A target group and a logical unit, or [`ALL`].
pub(crate) type AccessKey = (GroupId, Guid);

/// The access states that were set.
pub(crate) type AccessTable = Table<AccessKey, AccessRecord>;

/// The access state of a group for a logical unit, or for all.
#[derive(Clone, Copy)]
pub(crate) struct AccessRecord {
    pub(crate) state: AccessState,
    pub(crate) preferred: bool,
    pub(crate) changed_by: ChangedBy,
    /// With the state for all.
    pub(crate) number: Option<GroupNumber>,
}

/// What initiators know a group by.
#[derive(Clone, Copy)]
pub(crate) struct GroupNumber {
    /// TARGET PORT GROUP.
    pub(crate) id: u16,
    /// Whether initiators may set its states.
    pub(crate) explicit: bool,
}

/// What shall be set of an access state; the rest stays as it is, or as for a new one.
#[derive(Clone, Copy, Default)]
pub(crate) struct AccessChange {
    pub(crate) state: Option<AccessState>,
    pub(crate) preferred: Option<bool>,
    pub(crate) explicit: Option<bool>,
    pub(crate) id: Option<u16>,
}

/// Why an access state can't be set.
pub(crate) enum AccessRefused {
    /// There is no such target group.
    NoGroup,
    /// The group has no state for all logical units.
    NoPortGroup,
    /// Logical units have states of their own.
    InUse,
    /// This is about the group as a whole, not about one logical unit.
    OnlyForAll,
    /// Another group has the number.
    NumberTaken,
    /// There are as many groups as there are numbers.
    NoNumber,
    /// There is no memory for it.
    NoMemory,
}

impl From<AllocError> for AccessRefused {
    fn from(_: AllocError) -> Self {
        Self::NoMemory
    }
}

impl From<Error> for AccessRefused {
    fn from(_: Error) -> Self {
        Self::NoMemory
    }
}

/// The logical unit that a key is about, if it is one.
pub(crate) fn unit_of((_, guid): &AccessKey) -> Option<&Guid> {
    Some(guid).filter(|guid| **guid != ALL)
}

impl Framework {
    /// Sets the access state of a target group for a logical unit, or for all; tells it as it is
    /// then.
    pub(crate) fn set_access(
        &self,
        group: &GroupName,
        guid: Option<Guid>,
        change: &AccessChange,
    ) -> Result<AccessRecord, AccessRefused> {
        let mut registry = self.registry();
        let group = registry.target_groups.find(group);
        let key = (group.ok_or(AccessRefused::NoGroup)?, guid.unwrap_or(ALL));
        let record = registry.changed_access(&key, change)?;
        let id_of = |record: &AccessRecord| record.number.map(|number| number.id);
        let was = (registry.tpgs(), registry.access.get(&key).and_then(id_of));
        let room = Room::new()?;
        registry.access.put(room, key, record);
        registry.access_changed(&key, None);
        if (registry.tpgs(), id_of(&record)) != was {
            registry.identity_changed(|_| true);
        }
        Ok(record)
    }

    /// Removes what was set of a target group for a logical unit, or for all, when nothing is set for
    /// single ones. That nothing was set for a logical unit is fine.
    pub(crate) fn clear_access(
        &self,
        group: &GroupName,
        guid: Option<Guid>,
    ) -> Result<(), AccessRefused> {
        let mut registry = self.registry();
        let group = registry.target_groups.find(group);
        let group = group.ok_or(AccessRefused::NoGroup)?;
        match guid {
            Some(guid) => {
                let key = (group, guid);
                if registry.access.remove(&key).is_some() {
                    registry.access_changed(&key, None);
                }
            }
            None if registry.access.get(&(group, ALL)).is_none() => {
                return Err(AccessRefused::NoPortGroup);
            }
            None if registry.own_states_of(group) => return Err(AccessRefused::InUse),
            None => registry.forget_access(group),
        }
        Ok(())
    }

    /// Writes the parameter data of REPORT TARGET PORT GROUPS.
    pub(crate) fn report_access(
        &self,
        lu: &LuEntry,
        request: &ReportTargetPortGroups,
        sink: &mut Sink<'_>,
    ) {
        let registry = self.registry();
        let mut report = Report::new(request, sink);
        report.group(PortGroup::default(), registry.ports_of(None));
        for (group, number) in registry.port_groups() {
            let record = registry.access(Some(group), &lu.guid);
            let shown = PortGroup {
                id: number.id,
                state: record.state,
                preferred: record.preferred,
                changed_by: record.changed_by,
            };
            report.group(shown, registry.ports_of(Some(group)));
        }
        report.finish();
    }

    /// Carries out SET TARGET PORT GROUPS: sets states for one logical unit.
    pub(crate) fn set_access_by_initiator(
        &self,
        nexus: &ItNexus,
        lu: &LuEntry,
        list: SetList<'_>,
    ) -> Result<(), Sense> {
        const FAILED: Sense = Sense::hardware(AdditionalSense::SET_TARGET_PORT_GROUPS_FAILED);

        let mut registry = self.registry();
        for wanted in list.iter() {
            registry.check_set(&wanted)?;
        }
        for wanted in list.iter() {
            let Some(group) = registry.settable(wanted.group) else {
                continue;
            };
            let record = AccessRecord {
                state: wanted.state,
                changed_by: ChangedBy::Initiator,
                number: None,
                ..registry.access(Some(group), &lu.guid)
            };
            let room = Room::new().map_err(|_| FAILED)?;
            let key = (group, lu.guid);
            registry.access.put(room, key, record);
            registry.access_changed(&key, Some(nexus));
        }
        Ok(())
    }
}

impl Registry {
    /// The state that a group has for a logical unit; of ports in no group for `None`.
    pub(super) fn access(&self, group: Option<GroupId>, guid: &Guid) -> AccessRecord {
        let found = group.and_then(|group| {
            let own = self.access.get(&(group, *guid));
            own.or_else(|| self.access.get(&(group, ALL)))
        });
        found.copied().unwrap_or(AccessRecord {
            state: AccessState::ActiveOptimized,
            preferred: false,
            changed_by: ChangedBy::Nobody,
            number: None,
        })
    }

    /// Whether there is asymmetric access at all.
    pub(crate) fn has_port_groups(&self) -> bool {
        self.access.len() > 0
    }

    fn port_groups(&self) -> impl Iterator<Item = (GroupId, GroupNumber)> + '_ {
        let records = self.access.from((0, ALL));
        records.filter_map(|((group, _), record)| Some((group, record.number?)))
    }

    /// Whether there are target port groups, and whether initiators may set the states of one.
    fn tpgs(&self) -> (bool, bool) {
        let explicit = self.port_groups().any(|(_, number)| number.explicit);
        (self.has_port_groups(), explicit)
    }

    /// The target port group of a port.
    fn port_group_of(&self, port: &EndName) -> Option<GroupId> {
        let group = self.target_groups.of(port)?;
        self.access.get(&(group, ALL)).map(|_| group)
    }

    /// The number of a port's target port group: zero when it is in none, `None` when there are none.
    pub(super) fn group_number(&self, port: &EndName) -> Option<u16> {
        let group = self.port_group_of(port);
        let record = group.and_then(|group| self.access.get(&(group, ALL)));
        let number = record.and_then(|record| record.number);
        self.has_port_groups()
            .then_some(number.map_or(0, |number| number.id))
    }

    /// The relative target port identifiers of the ports in a group.
    fn ports_of(&self, group: Option<GroupId>) -> impl Iterator<Item = u16> + Clone + '_ {
        let targets = self.targets.from(0);
        targets
            .filter(move |(_, target)| self.port_group_of(&target.name) == group)
            .map(|(_, target)| target.entry.relative_id)
    }

    fn group_of_target(&self, target: &TargetEntry) -> Option<GroupId> {
        self.port_group_of(&self.targets.get(&target.id)?.name)
    }

    /// The state in which a session finds a logical unit.
    pub(super) fn access_by(&self, nexus: &Nexus, guid: &Guid) -> AccessState {
        if !self.has_port_groups() {
            return AccessState::ActiveOptimized;
        }
        let group = self.group_of_target(&nexus.identity.target);
        self.access(group, guid).state
    }

    /// Notes in a session what group its port is in.
    pub(super) fn identify(&self, nexus: &Nexus) {
        let (there_are, explicit) = self.tpgs();
        let group = self.group_of_target(&nexus.identity.target);
        let record = group.and_then(|group| self.access.get(&(group, ALL)));
        let id = record.and_then(|record| record.number);
        let id = id.map_or(0, |number| number.id);
        nexus
            .identity
            .set_port_group(there_are.then_some((id, explicit)));
    }

    /// What becomes of an access state by a change.
    fn changed_access(
        &self,
        key: &AccessKey,
        change: &AccessChange,
    ) -> Result<AccessRecord, AccessRefused> {
        let now = self.access(Some(key.0), &key.1);
        let number = match unit_of(key) {
            None => Some(self.changed_number(key.0, now.number, change)?),
            Some(_) if change.explicit.is_some() || change.id.is_some() => {
                return Err(AccessRefused::OnlyForAll);
            }
            Some(_) if self.access.get(&(key.0, ALL)).is_none() => {
                return Err(AccessRefused::NoPortGroup);
            }
            Some(_) => None,
        };
        Ok(AccessRecord {
            state: change.state.unwrap_or(now.state),
            preferred: change.preferred.unwrap_or(now.preferred),
            changed_by: ChangedBy::Target,
            number,
        })
    }

    fn changed_number(
        &self,
        group: GroupId,
        now: Option<GroupNumber>,
        change: &AccessChange,
    ) -> Result<GroupNumber, AccessRefused> {
        let is_taken = |id: u16| {
            let mut groups = self.port_groups();
            groups.any(|(other, number)| other != group && number.id == id)
        };
        let id = match change.id.or(now.map(|number| number.id)) {
            Some(id) if is_taken(id) => return Err(AccessRefused::NumberTaken),
            Some(id) => id,
            None => {
                let free = (1..=u16::MAX).find(|id| !is_taken(*id));
                free.ok_or(AccessRefused::NoNumber)?
            }
        };
        // Unless somebody lets them, initiators do not decide.
        let explicit = now.is_some_and(|number| number.explicit);
        Ok(GroupNumber {
            id,
            explicit: change.explicit.unwrap_or(explicit),
        })
    }

    /// The group that an initiator means, if it may set its states.
    fn settable(&self, id: u16) -> Option<GroupId> {
        let mut groups = self.port_groups();
        let (group, _) = groups.find(|(_, number)| number.id == id && number.explicit)?;
        Some(group)
    }

    /// Refuses what an initiator can't set. Ports in no group stay as they are.
    fn check_set(&self, wanted: &SetDescriptor) -> Result<(), Sense> {
        const GROUP: u16 = 2;

        match wanted.group {
            0 if wanted.state == AccessState::ActiveOptimized => Ok(()),
            id if self.settable(id).is_some() => Ok(()),
            _ => Err(Sense::invalid_parameter(
                wanted.at.saturating_add(GROUP),
                None,
            )),
        }
    }

    /// Tells all whom it concerns that a state was set: the sessions, the initiators behind them,
    /// except the one by whose command it was, and whoever listens.
    fn access_changed(&mut self, key: &AccessKey, except: Option<&ItNexus>) {
        let tell = |record: &NexusRecord, itl: &Itl| {
            itl.set_access(self.access_by(&record.nexus, &itl.lu.entry.guid));
            if Some(&record.nexus.identity) != except {
                itl.attention(UnitAttention::AccessStateChanged);
            }
        };
        match unit_of(key) {
            None => {
                for record in self.nexuses.values() {
                    self.identify(&record.nexus);
                    record.nexus.luns.for_each(|_, itl| tell(record, itl));
                }
            }
            Some(guid) => {
                for view in self.views.of(guid) {
                    self.for_each_concerned(view.host, view.target, |record| {
                        let guard = rcu::read_lock();
                        let index = usize::from(view.lun.value());
                        if let Some(itl) = record.nexus.luns.read(index, &guard) {
                            tell(record, itl);
                        }
                    });
                }
            }
        }
        if let Some(group) = self.target_groups.get(key.0) {
            let state = self.access(Some(key.0), &key.1).state;
            Event::of_access(&group.name, unit_of(key), state).send();
        }
    }

    /// Tells initiators that what INQUIRY says has changed: TPGS, or the group of their port; and with the
    /// group perhaps the access states, which not all look at for the first reason.
    fn identity_changed(&self, concerns: impl Fn(&NexusRecord) -> bool) {
        for record in self.nexuses.values().filter(|record| concerns(record)) {
            self.identify(&record.nexus);
            record.nexus.luns.for_each(|_, itl| {
                let state = self.access_by(&record.nexus, &itl.lu.entry.guid);
                if itl.access() != state {
                    itl.set_access(state);
                    itl.attention(UnitAttention::AccessStateChanged);
                }
                itl.attention(UnitAttention::InquiryDataChanged);
            });
        }
    }

    /// A target has joined or left a group.
    pub(super) fn port_moved(&self, group: GroupId, target: &EndName) {
        if self.access.get(&(group, ALL)).is_none() {
            return;
        }
        if let Some(id) = self.target_names.get(target) {
            self.identity_changed(|record| record.target == *id);
        }
    }

    /// Whether logical units have states of their own by a group.
    fn own_states_of(&self, group: GroupId) -> bool {
        let own = self.access.from((group, ALL)).nth(1);
        own.is_some_and(|((of, _), _)| of == group)
    }

    /// Forgets all that was set of a target group: it is a target port group no more.
    pub(super) fn forget_access(&mut self, group: GroupId) {
        let mut forgot = false;
        loop {
            let mut own = self.access.from((group, ALL));
            let next = own.next().map(|(key, _)| key);
            let Some(key) = next.filter(|(of, _)| *of == group) else {
                break;
            };
            self.access.remove(&key);
            forgot = true;
        }
        if forgot {
            self.access_changed(&(group, ALL), None);
            self.identity_changed(|_| true);
        }
    }
}
