// SPDX-License-Identifier: GPL-2.0

//! Host groups and target groups.

use stmf_model::{GroupName, PortName};
use stmf_uapi::stmf::{self, GroupKind};

use crate::attributes::Builder;
use crate::client::{Command, Stmf};
use crate::error::Error;
use crate::transport::Transport;
use crate::types::{GroupInfo, Member};

fn group(kind: GroupKind, name: &GroupName) -> Builder {
    Builder::new()
        .u32(stmf::Group::Kind, kind.number())
        .text(stmf::Group::Name, name.as_str())
}

fn member(kind: GroupKind, group: &GroupName, name: &PortName) -> Builder {
    Builder::new()
        .u32(stmf::GroupMember::Kind, kind.number())
        .text(stmf::GroupMember::Group, group.as_str())
        .text(stmf::GroupMember::Name, name.as_str())
}

impl<T: Transport> Stmf<T> {
    /// Adds a group without members.
    pub fn add_group(&mut self, kind: GroupKind, name: &GroupName) -> Result<(), Error> {
        let command = Command::stmf(stmf::Command::GroupAdd);
        command.act(self.transport(), group(kind, name), name.as_str())
    }

    /// Removes a group, which no view entry may name.
    pub fn remove_group(&mut self, kind: GroupKind, name: &GroupName) -> Result<(), Error> {
        let command = Command::stmf(stmf::Command::GroupRemove);
        command.act(self.transport(), group(kind, name), name.as_str())
    }

    /// All groups of one kind, by name.
    pub fn groups(&mut self, kind: GroupKind) -> Result<Vec<GroupInfo>, Error> {
        let attributes = Builder::new().u32(stmf::Group::Kind, kind.number());
        let command = Command::stmf(stmf::Command::GroupGet);
        let mut list: Vec<GroupInfo> = command.list(self.transport(), attributes, "groups")?;
        list.sort_by_key(|group| group.name);
        Ok(list)
    }

    /// One group.
    pub fn group(&mut self, kind: GroupKind, name: &GroupName) -> Result<GroupInfo, Error> {
        let command = Command::stmf(stmf::Command::GroupGet);
        command.get(self.transport(), group(kind, name), name.as_str())
    }

    /// Adds a host or target, which need not exist, to a group. That it is there already is no
    /// error.
    pub fn add_member(
        &mut self,
        kind: GroupKind,
        group: &GroupName,
        name: &PortName,
    ) -> Result<(), Error> {
        let command = Command::stmf(stmf::Command::GroupMemberAdd);
        command.act(self.transport(), member(kind, group, name), name.as_str())
    }

    /// Removes a host or target from a group.
    pub fn remove_member(
        &mut self,
        kind: GroupKind,
        group: &GroupName,
        name: &PortName,
    ) -> Result<(), Error> {
        let command = Command::stmf(stmf::Command::GroupMemberRemove);
        command.act(self.transport(), member(kind, group, name), name.as_str())
    }

    /// Members of one group or of all of one kind, by group and name.
    pub fn members(
        &mut self,
        kind: GroupKind,
        group: Option<&GroupName>,
    ) -> Result<Vec<Member>, Error> {
        let attributes = Builder::new()
            .u32(stmf::GroupMember::Kind, kind.number())
            .optional(group, |b, name| {
                b.text(stmf::GroupMember::Group, name.as_str())
            });
        let object = group.map_or("groups", GroupName::as_str);
        let command = Command::stmf(stmf::Command::GroupMemberGet);
        let mut list: Vec<Member> = command.list(self.transport(), attributes, object)?;
        list.sort();
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Sim;
    use crate::{Group, NewView};

    fn name(text: &str) -> GroupName {
        GroupName::new(text).unwrap()
    }

    fn port(text: &str) -> PortName {
        PortName::new(text).unwrap()
    }

    #[test]
    fn groups_have_members_that_no_other_has() {
        let mut stmf = Stmf::with_transport(Sim::new());
        let (a, b) = (name("A"), name("B"));
        for group in [&b, &a] {
            stmf.add_group(GroupKind::Host, group).unwrap();
        }
        let error = stmf.add_group(GroupKind::Host, &a).unwrap_err();
        assert_eq!(error.to_string(), "A: already exists");
        stmf.add_group(GroupKind::Target, &a).unwrap();
        let host = port("IQN.2026-11.org.example:host");
        stmf.add_member(GroupKind::Host, &a, &host).unwrap();
        stmf.add_member(GroupKind::Host, &a, &host).unwrap();
        let error = stmf.add_member(GroupKind::Host, &b, &host).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error}");
        let names: Vec<_> = stmf.groups(GroupKind::Host).unwrap();
        let names: Vec<_> = names.iter().map(|g| (g.name, g.members)).collect();
        assert_eq!(names, [(a, 1), (b, 0)]);
        let member = Member {
            group: a,
            name: host,
        };
        assert_eq!(stmf.members(GroupKind::Host, None).unwrap(), [member]);
        assert!(stmf.members(GroupKind::Host, Some(&b)).unwrap().is_empty());
        assert!(stmf.members(GroupKind::Target, Some(&b)).is_err());
        let error = stmf.remove_member(GroupKind::Host, &b, &host).unwrap_err();
        assert!(error.to_string().ends_with("member not found"), "{error}");
        stmf.remove_member(GroupKind::Host, &a, &host).unwrap();
        assert_eq!(stmf.group(GroupKind::Host, &a).unwrap().members, 0);
    }

    #[test]
    fn a_group_in_use_stays() {
        let mut stmf = Stmf::with_transport(Sim::new());
        let hosts = name("A");
        let guid = "600144F0000000000000000000000001".parse().unwrap();
        let new = NewView {
            guid,
            host: Group::Named(hosts),
            target: Group::All,
            lun: None,
        };
        let error = stmf.add_view(&new).unwrap_err();
        assert_eq!(error.to_string(), format!("{guid}: invalid host group"));
        stmf.add_group(GroupKind::Host, &hosts).unwrap();
        let view = stmf.validate_view(&new).unwrap();
        assert!(stmf.views(None).unwrap().is_empty());
        assert_eq!(stmf.add_view(&new).unwrap(), view);
        let error = stmf.remove_group(GroupKind::Host, &hosts).unwrap_err();
        assert!(matches!(error, Error::Busy { .. }), "{error}");
        stmf.remove_view(&guid, view.id).unwrap();
        stmf.remove_group(GroupKind::Host, &hosts).unwrap();
        assert!(stmf.groups(GroupKind::Host).unwrap().is_empty());
    }
}
