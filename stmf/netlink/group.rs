// SPDX-License-Identifier: GPL-2.0

//! Host groups and target groups.

use super::{framework, list::list, text};
use crate::{
    framework::Registry,
    group::{GroupRecord, Refused}, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::{
    GroupName,
    NameError,
    PortName, //
};
use stmf_uapi::stmf::{Group, GroupKind, GroupMember};

/// What kind of groups a request is about.
fn kind(request: &Request<'_>, attribute: u16) -> Result<GroupKind, Refusal> {
    let kind = request.u32(attribute);
    kind.and_then(|kind| GroupKind::try_from(kind).ok())
        .ok_or_else(|| request.missing(attribute, "the kind of the group"))
}

/// The name of a group; `attribute` is what carries it.
pub(super) fn group_name(request: &Request<'_>, attribute: u16) -> Result<GroupName, Refusal> {
    let name = text(request, attribute, "the group's name")?;
    GroupName::new(name).map_err(|error| bad_name(error, attribute))
}

fn member_name(request: &Request<'_>) -> Result<PortName, Refusal> {
    let attribute = GroupMember::Name as u16;
    let name = text(request, attribute, "the member's name")?;
    PortName::new(name).map_err(|error| bad_name(error, attribute))
}

fn bad_name(error: NameError, attribute: u16) -> Refusal {
    Refusal::new(EINVAL, format_args!("{error}")).at(attribute)
}

/// Tells why a change is refused; the attributes are those of the group's and the member's name.
fn refusal(refused: Refused, group: u16, member: u16) -> Refusal {
    let (error, sentence, attribute) = match refused {
        Refused::Exists => (EEXIST, "already exists", group),
        Refused::NoGroup => (ENOENT, "group not found", group),
        Refused::InUse => (EBUSY, "group is in use by existing view entry", group),
        Refused::Elsewhere => (EEXIST, "already exists in another group", member),
        Refused::NoMember => (ENOENT, "member not found", member),
        Refused::Failed(error) => return error.into(),
    };
    Refusal::new(error, format_args!("{sentence}")).at(attribute)
}

fn refused_group(refused: Refused) -> Refusal {
    refusal(refused, Group::Name as u16, Group::Name as u16)
}

fn refused_member(refused: Refused) -> Refusal {
    refusal(refused, GroupMember::Group as u16, GroupMember::Name as u16)
}

/// `group-add`.
pub(super) fn add(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let kind = kind(request, Group::Kind as u16)?;
    let name = group_name(request, Group::Name as u16)?;
    framework()?.add_group(kind, &name).map_err(refused_group)
}

/// `group-remove`.
pub(super) fn remove(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let kind = kind(request, Group::Kind as u16)?;
    let name = group_name(request, Group::Name as u16)?;
    framework()?
        .remove_group(kind, &name)
        .map_err(refused_group)
}

fn write(writer: &mut Writer<'_>, kind: GroupKind, record: &GroupRecord) -> Result {
    writer.u32(Group::Kind as u16, kind as u32)?;
    writer.text(Group::Name as u16, record.name.as_str())?;
    writer.u32(Group::MemberCount as u16, record.members)?;
    writer.u32(Group::ViewCount as u16, record.views)
}

/// `group-get` of one.
pub(super) fn get(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let kind = kind(request, Group::Kind as u16)?;
    let name = group_name(request, Group::Name as u16)?;
    framework()?.read(|registry| {
        let groups = registry.groups(kind);
        let record = groups.find(&name).and_then(|id| groups.get(id));
        let record = record.ok_or_else(|| refused_group(Refused::NoGroup))?;
        Ok(write(writer, kind, record)?)
    })
}

/// `group-get` of all of one kind.
pub(super) fn dump(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let kind = kind(request, Group::Kind as u16)?;
    framework()?.read(|registry| {
        list(
            dump,
            registry.groups(kind).all().changes(),
            (registry.groups(kind).all(), 0),
            |_| true,
            |writer, _, record| write(writer, kind, record),
        )
    })
}

/// `group-member-add`.
pub(super) fn add_member(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let kind = kind(request, GroupMember::Kind as u16)?;
    let group = group_name(request, GroupMember::Group as u16)?;
    let member = member_name(request)?;
    framework()?
        .add_member(kind, &group, &member)
        .map_err(refused_member)
}

/// `group-member-remove`.
pub(super) fn remove_member(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let kind = kind(request, GroupMember::Kind as u16)?;
    let group = group_name(request, GroupMember::Group as u16)?;
    let member = member_name(request)?;
    framework()?
        .remove_member(kind, &group, &member)
        .map_err(refused_member)
}

/// `group-member-get`, of one group if one is named.
pub(super) fn dump_members(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let kind = kind(request, GroupMember::Kind as u16)?;
    let only = match request.bytes(GroupMember::Group as u16) {
        Some(_) => Some(group_name(request, GroupMember::Group as u16)?),
        None => None,
    };
    framework()?.read(|registry| {
        let only = match only {
            Some(name) => {
                let id = registry.groups(kind).find(&name);
                Some(id.ok_or_else(|| refused_member(Refused::NoGroup))?)
            }
            None => None,
        };
        list(
            dump,
            registry.groups(kind).memberships().changes(),
            (registry.groups(kind).memberships(), (only.unwrap_or(0), 0)),
            |(group, _)| only.is_none_or(|only| only == *group),
            |writer, (group, _), name| write_member(writer, registry, kind, *group, name.as_str()),
        )
    })
}

fn write_member(
    writer: &mut Writer<'_>,
    registry: &Registry,
    kind: GroupKind,
    group: u64,
    name: &str,
) -> Result {
    let group = registry.groups(kind).get(group).ok_or(ENOENT)?;
    writer.u32(GroupMember::Kind as u16, kind as u32)?;
    writer.text(GroupMember::Group as u16, group.name.as_str())?;
    writer.text(GroupMember::Name as u16, name)
}
