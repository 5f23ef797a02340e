// SPDX-License-Identifier: GPL-2.0

//! Host groups and target groups: list-hg, add-hg-member, remove-hg-member, and the same for
//! target groups.

use std::collections::BTreeMap;

use libstmf::cli::{Console, Failure};
use libstmf::{Error, GroupKind, GroupName, PortName, Stmf, Transport};
use serde_json::{json, Value};

use crate::args::{ListGroup, Members};
use crate::list;

pub(crate) fn add_members<T: Transport>(
    kind: GroupKind,
    args: &Members,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) {
    console.each(&args.members, |_, name| {
        Ok(stmf.add_member(kind, &args.group, name)?)
    });
}

pub(crate) fn remove_members<T: Transport>(
    kind: GroupKind,
    args: &Members,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) {
    console.each(&args.members, |_, name| {
        Ok(stmf.remove_member(kind, &args.group, name)?)
    });
}

pub(crate) fn list<T: Transport>(
    kind: GroupKind,
    args: &ListGroup,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let full = args.verbose || args.json;
    let mut found = Vec::new();
    if args.groups.is_empty() {
        found = all(kind, full, stmf)?;
    }
    console.each(&args.groups, |_, name| {
        let group = stmf.group(kind, name)?;
        let members = match full {
            true => stmf.members(kind, Some(name))?,
            false => Vec::new(),
        };
        let members = members.iter().map(|member| member.name);
        found.push((group.name, members.collect()));
        Ok(())
    });
    let text = |(name, members): &Entry| listing(kind, name, members);
    list::print(&found, args.json, console, text, describe);
    Ok(())
}

/// A group's name, and its members.
type Entry = (GroupName, Vec<PortName>);

/// All groups, with their members if these are wanted.
fn all<T: Transport>(
    kind: GroupKind,
    with_members: bool,
    stmf: &mut Stmf<T>,
) -> Result<Vec<Entry>, Error> {
    let mut members: BTreeMap<GroupName, Vec<PortName>> = BTreeMap::new();
    if with_members {
        for member in stmf.members(kind, None)? {
            members.entry(member.group).or_default().push(member.name);
        }
    }
    let groups = stmf.groups(kind)?.into_iter();
    let own = groups.map(|group| (group.name, members.remove(&group.name).unwrap_or_default()));
    Ok(own.collect())
}

fn describe((name, members): &Entry) -> Value {
    let members = members.iter().map(PortName::as_str);
    json!({ "name": name.as_str(), "members": members.collect::<Vec<_>>() })
}

fn listing(kind: GroupKind, name: &GroupName, members: &[PortName]) -> String {
    let mut text = match kind {
        GroupKind::Host => format!("Host Group: {name}\n"),
        GroupKind::Target => format!("Target Group: {name}\n"),
    };
    for member in members {
        text.push_str(&format!("\tMember: {member}\n"));
    }
    text
}
