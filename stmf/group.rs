// SPDX-License-Identifier: GPL-2.0

//! Groups of hosts, and groups of targets.

use crate::table::{Room, Table};
use kernel::{
    alloc::AllocError,
    prelude::*, //
};
use stmf_model::{
    EndName,
    GroupName,
    PortName, //
};

/// What stands for a group, never used again.
pub(crate) type GroupId = u64;

/// One group.
pub(crate) struct GroupRecord {
    pub(crate) name: GroupName,
    /// How many members it has.
    pub(crate) members: u32,
    /// How many view entries name it.
    pub(crate) views: u32,
}

/// Why a change of a group is refused.
pub(crate) enum Refused {
    /// There is such a group already.
    Exists,
    /// There is no such group.
    NoGroup,
    /// View entries name the group.
    InUse,
    /// The member is in another group.
    Elsewhere,
    /// The group has no such member.
    NoMember,
    /// It could not be done.
    Failed(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<AllocError> for Refused {
    fn from(_: AllocError) -> Self {
        Self::Failed(ENOMEM)
    }
}

/// All groups of one kind. A member, which need not exist, is in one of them at most.
pub(crate) struct Groups {
    groups: Table<GroupId, GroupRecord>,
    by_name: Table<GroupName, GroupId>,
    /// In the order in which they came, whose number is the key's second part.
    members: Table<(GroupId, u64), EndName>,
    member_of: Table<EndName, (GroupId, u64)>,
}

impl Groups {
    pub(crate) fn new() -> Self {
        Self {
            groups: Table::new(),
            by_name: Table::new(),
            members: Table::new(),
            member_of: Table::new(),
        }
    }

    /// All groups in the order in which they came.
    pub(crate) fn all(&self) -> &Table<GroupId, GroupRecord> {
        &self.groups
    }

    /// All memberships, those of one group together.
    pub(crate) fn memberships(&self) -> &Table<(GroupId, u64), EndName> {
        &self.members
    }

    pub(crate) fn find(&self, name: &GroupName) -> Option<GroupId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn get(&self, id: GroupId) -> Option<&GroupRecord> {
        self.groups.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: GroupId) -> Option<&mut GroupRecord> {
        self.groups.get_mut(&id)
    }

    /// The group that a host or target is in.
    pub(crate) fn of(&self, member: &EndName) -> Option<GroupId> {
        self.member_of.get(member).map(|(group, _)| *group)
    }

    pub(crate) fn members_of(&self, group: GroupId) -> impl Iterator<Item = &EndName> {
        let from = self.members.from((group, 0));
        from.take_while(move |((of, _), _)| *of == group)
            .map(|(_, name)| name)
    }

    /// Adds an empty group under a number that none had before.
    pub(crate) fn add(&mut self, id: GroupId, name: &GroupName) -> Result<(), Refused> {
        if self.find(name).is_some() {
            return Err(Refused::Exists);
        }
        let (group, index) = (Room::new()?, Room::new()?);
        let record = GroupRecord {
            name: *name,
            members: 0,
            views: 0,
        };
        self.groups.put(group, id, record);
        self.by_name.put(index, *name, id);
        Ok(())
    }

    /// Removes a group that no view entry names, and its memberships.
    pub(crate) fn remove(&mut self, name: &GroupName) -> Result<(), Refused> {
        let id = self.find(name).ok_or(Refused::NoGroup)?;
        if self.get(id).is_some_and(|group| group.views > 0) {
            return Err(Refused::InUse);
        }
        loop {
            let Some(member) = self.members_of(id).next().copied() else {
                break;
            };
            self.remove_member(id, &member)?;
        }
        self.by_name.remove(name);
        self.groups.remove(&id);
        Ok(())
    }

    /// Adds a member under a number that none had before; `false` when it is there already.
    pub(crate) fn add_member(
        &mut self,
        group: GroupId,
        number: u64,
        name: &PortName,
    ) -> Result<bool, Refused> {
        let name = EndName::from(*name);
        match self.of(&name) {
            Some(own) if own == group => return Ok(false),
            Some(_) => return Err(Refused::Elsewhere),
            None => (),
        }
        let (member, index) = (Room::new()?, Room::new()?);
        let record = self.groups.get_mut(&group).ok_or(Refused::NoGroup)?;
        record.members = record.members.saturating_add(1);
        self.members.put(member, (group, number), name);
        self.member_of.put(index, name, (group, number));
        Ok(true)
    }

    pub(crate) fn remove_member(&mut self, group: GroupId, name: &EndName) -> Result<(), Refused> {
        let key = self.member_of.get(name).copied();
        let key = key.filter(|(of, _)| *of == group);
        let key = key.ok_or(Refused::NoMember)?;
        self.member_of.remove(name);
        self.members.remove(&key);
        if let Some(record) = self.groups.get_mut(&group) {
            record.members = record.members.saturating_sub(1);
        }
        Ok(())
    }
}
