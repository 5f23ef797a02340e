// SPDX-License-Identifier: GPL-2.0

//! Host groups and target groups.

use std::collections::BTreeMap;

use stmf_model::{Group, GroupName, NameError, PortName};
use stmf_uapi::stmf::{self, GroupKind};

use super::{count, missing, refusal, Answer, Sim};
use crate::attributes::{Builder, Fields, Key};
use crate::transport::{Mode, Refusal};

/// Groups and what group each member is in, by kind.
#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    names: Vec<(GroupKind, GroupName)>,
    member_of: BTreeMap<(GroupKind, PortName), GroupName>,
}

impl Groups {
    fn has(&self, kind: GroupKind, name: GroupName) -> bool {
        self.names.contains(&(kind, name))
    }

    fn members(&self, kind: GroupKind, only: Option<GroupName>) -> Vec<(GroupName, PortName)> {
        let members = self.member_of.iter().filter(|((of, _), _)| *of == kind);
        let members = members.map(|((_, member), group)| (*group, *member));
        let of = |(group, _): &(GroupName, PortName)| only.is_none_or(|only| only == *group);
        members.filter(of).collect()
    }
}

impl Sim {
    /// The group that a view entry shall be for.
    pub(super) fn view_group(
        &self,
        kind: GroupKind,
        key: stmf::View,
        fields: &Fields<'_>,
    ) -> Result<Group, Refusal> {
        let Some(name) = name_in(key, fields, GroupName::new)? else {
            return Ok(Group::All);
        };
        if !self.groups.has(kind, name) {
            let sentence = format!("invalid {kind} group");
            return Err(refusal(libc::ENOENT, &sentence, key));
        }
        Ok(Group::Named(name))
    }

    pub(super) fn add_group(&mut self, fields: &Fields<'_>) -> Answer {
        let (kind, name) = group_of(fields)?;
        if self.groups.has(kind, name) {
            let key = stmf::Group::Name;
            return Err(refusal(libc::EEXIST, "already exists", key));
        }
        self.groups.names.push((kind, name));
        Ok(Vec::new())
    }

    pub(super) fn remove_group(&mut self, fields: &Fields<'_>) -> Answer {
        let (kind, name) = group_of(fields)?;
        self.known_group(stmf::Group::Name, kind, name)?;
        if self.views_of(kind, name) > 0 {
            return Err(refusal(
                libc::EBUSY,
                "group is in use by existing view entry",
                stmf::Group::Name,
            ));
        }
        self.groups.names.retain(|group| *group != (kind, name));
        if kind == GroupKind::Target {
            self.access.retain(|(group, _), _| *group != name);
        }
        let stays =
            |(of, _): &(GroupKind, PortName), group: &mut GroupName| (*of, *group) != (kind, name);
        self.groups.member_of.retain(stays);
        Ok(Vec::new())
    }

    pub(super) fn get_groups(&self, mode: Mode, fields: &Fields<'_>) -> Answer {
        if mode == Mode::Dump {
            let kind = kind_in(stmf::Group::Kind, fields)?;
            let names = self.groups.names.iter().filter(|(of, _)| *of == kind);
            return Ok(names.map(|(kind, name)| self.group(*kind, *name)).collect());
        }
        let (kind, name) = group_of(fields)?;
        self.known_group(stmf::Group::Name, kind, name)?;
        Ok(vec![self.group(kind, name)])
    }

    pub(super) fn add_member(&mut self, fields: &Fields<'_>) -> Answer {
        let (kind, group, member) = self.member_in(fields)?;
        match self.groups.member_of.insert((kind, member), group) {
            Some(other) if other != group => {
                self.groups.member_of.insert((kind, member), other);
                let sentence = "already exists in another group";
                Err(refusal(libc::EEXIST, sentence, stmf::GroupMember::Name))
            }
            _ => Ok(Vec::new()),
        }
    }

    pub(super) fn remove_member(&mut self, fields: &Fields<'_>) -> Answer {
        let (kind, group, member) = self.member_in(fields)?;
        if self.groups.member_of.get(&(kind, member)) != Some(&group) {
            let key = stmf::GroupMember::Name;
            return Err(refusal(libc::ENOENT, "member not found", key));
        }
        self.groups.member_of.remove(&(kind, member));
        Ok(Vec::new())
    }

    pub(super) fn get_members(&self, fields: &Fields<'_>) -> Answer {
        use stmf::GroupMember as Key;
        let kind = kind_in(Key::Kind, fields)?;
        let only = name_in(Key::Group, fields, GroupName::new)?;
        if let Some(name) = only {
            self.known_group(Key::Group, kind, name)?;
        }
        let members = self.groups.members(kind, only).into_iter();
        let replies = members.map(|(group, member)| {
            Builder::new()
                .u32(Key::Kind, kind.number())
                .text(Key::Group, group.as_str())
                .text(Key::Name, member.as_str())
        });
        Ok(replies.collect())
    }

    fn group(&self, kind: GroupKind, name: GroupName) -> Builder {
        use stmf::Group as Key;
        let members = self.groups.members(kind, Some(name));
        Builder::new()
            .u32(Key::Kind, kind.number())
            .text(Key::Name, name.as_str())
            .u32(Key::MemberCount, count(members.len()))
            .u32(Key::ViewCount, count(self.views_of(kind, name)))
    }

    fn views_of(&self, kind: GroupKind, name: GroupName) -> usize {
        let group = Group::Named(name);
        let views = self.views.values().filter(|view| match kind {
            GroupKind::Host => view.host == group,
            GroupKind::Target => view.target == group,
        });
        views.count()
    }

    pub(super) fn known_group(
        &self,
        key: impl Key,
        kind: GroupKind,
        name: GroupName,
    ) -> Result<(), Refusal> {
        match self.groups.has(kind, name) {
            true => Ok(()),
            false => Err(refusal(libc::ENOENT, "group not found", key)),
        }
    }

    fn member_in(&self, fields: &Fields<'_>) -> Result<(GroupKind, GroupName, PortName), Refusal> {
        use stmf::GroupMember as Key;
        let kind = kind_in(Key::Kind, fields)?;
        let group = name_in(Key::Group, fields, GroupName::new)?;
        let group = group.ok_or_else(|| missing(Key::Group))?;
        let member = name_in(Key::Name, fields, PortName::new)?;
        let member = member.ok_or_else(|| missing(Key::Name))?;
        self.known_group(Key::Group, kind, group)?;
        Ok((kind, group, member))
    }
}

fn kind_in(key: impl Key, fields: &Fields<'_>) -> Result<GroupKind, Refusal> {
    fields.number(key).unwrap().ok_or_else(|| missing(key))
}

pub(super) fn name_in<T>(
    key: impl Key,
    fields: &Fields<'_>,
    parse: impl Fn(&str) -> Result<T, NameError>,
) -> Result<Option<T>, Refusal> {
    let name = fields.text(key).map(|text| parse(&text)).transpose();
    name.map_err(|error| refusal(libc::EINVAL, &error.to_string(), key))
}

fn group_of(fields: &Fields<'_>) -> Result<(GroupKind, GroupName), Refusal> {
    let kind = kind_in(stmf::Group::Kind, fields)?;
    let name = name_in(stmf::Group::Name, fields, GroupName::new)?;
    Ok((kind, name.ok_or_else(|| missing(stmf::Group::Name))?))
}
