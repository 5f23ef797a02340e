// SPDX-License-Identifier: GPL-2.0

//! Host groups and target groups: list-hg, add-hg-member, remove-hg-member, and the same for
//! target groups.

use std::collections::BTreeMap;

use libstmf::cli::{Console, Failure};
use libstmf::{GroupKind, GroupName, PortName, Stmf, Transport};

use crate::args::{ListGroup, Members};

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
    if !args.groups.is_empty() {
        console.each(&args.groups, |console, name| {
            let group = stmf.group(kind, name)?;
            let members = match args.verbose {
                true => stmf.members(kind, Some(name))?,
                false => Vec::new(),
            };
            let members = members.iter().map(|member| member.name);
            console.print(listing(kind, &group.name, members));
            Ok(())
        });
        return Ok(());
    }
    let mut members: BTreeMap<GroupName, Vec<PortName>> = BTreeMap::new();
    if args.verbose {
        for member in stmf.members(kind, None)? {
            members.entry(member.group).or_default().push(member.name);
        }
    }
    for group in stmf.groups(kind)? {
        let own = members.remove(&group.name).unwrap_or_default();
        console.print(listing(kind, &group.name, own));
    }
    Ok(())
}

fn listing(
    kind: GroupKind,
    name: &GroupName,
    members: impl IntoIterator<Item = PortName>,
) -> String {
    let mut text = match kind {
        GroupKind::Host => format!("Host Group: {name}\n"),
        GroupKind::Target => format!("Target Group: {name}\n"),
    };
    for member in members {
        text.push_str(&format!("\tMember: {member}\n"));
    }
    text
}
