// SPDX-License-Identifier: GPL-2.0

//! View entries: add-view, list-view, remove-view.

use std::collections::{BTreeMap, BTreeSet};

use libstmf::cli::{harmless, Console, Exit, Failure};
use libstmf::{
    Error, Group, GroupKind, GroupName, Guid, NewView, ObjectState, PortName, Stmf, Transport,
    ViewEntry,
};
use serde_json::{json, Value};

use crate::args::{AddView, ListView, RemoveView};
use crate::list;

pub(crate) fn add<T: Transport>(
    args: &AddView,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let new = NewView {
        guid: args.lu,
        host: args.host_group.map_or(Group::All, Group::Named),
        target: args.target_group.map_or(Group::All, Group::Named),
        lun: args.lun,
    };
    if args.validate {
        let view = stmf.validate_view(&new)?;
        console.print(format_args!("LUN: {}\n", view.lun));
    } else {
        stmf.add_view(&new)?;
    }
    Ok(())
}

pub(crate) fn list<T: Transport>(
    args: &ListView,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let views = views_of(&args.lu, stmf)?;
    let watchers = match args.verbose || args.json {
        true => Watchers::of(&args.lu, stmf)?,
        false => Watchers::default(),
    };
    let mut wanted = Vec::new();
    console.each(&args.entries, |_, id| {
        let view = views.iter().find(|view| view.id == *id);
        wanted.push(*view.ok_or_else(|| unknown(*id))?);
        Ok(())
    });
    let wanted = match args.entries.is_empty() {
        true => views,
        false => wanted,
    };
    let (text, value) = (
        |view: &ViewEntry| listing(view, &watchers),
        |view: &ViewEntry| describe(view, &watchers),
    );
    list::print(&wanted, args.json, console, text, value);
    Ok(())
}

pub(crate) fn remove<T: Transport>(
    args: &RemoveView,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let entries = if args.all {
        let views = views_of(&args.lu, stmf)?;
        views.iter().map(|view| view.id).collect()
    } else {
        args.entries.clone()
    };
    console.each(entries, |_, id| match stmf.remove_view(&args.lu, id) {
        Err(Error::NotFound { .. }) => Err(unknown(id)),
        done => Ok(done?),
    });
    Ok(())
}

/// The view entries of a logical unit, of which there must be some.
fn views_of<T: Transport>(guid: &Guid, stmf: &mut Stmf<T>) -> Result<Vec<ViewEntry>, Failure> {
    let views = stmf.views(Some(guid))?;
    if views.is_empty() {
        return Err(Failure::new(Exit::Failed, guid, "no views found"));
    }
    Ok(views)
}

fn unknown(id: u32) -> Failure {
    Failure::new(Exit::NotFound, id, "view entry not found")
}

fn describe(view: &ViewEntry, watchers: &Watchers) -> Value {
    json!({
        "entry": view.id,
        "lu": view.guid.to_string(),
        "host_group": named(&view.host),
        "target_group": named(&view.target),
        "lun": view.lun.value(),
        "initiators": watchers.of_view(view),
    })
}

/// The name of a group; none when it is everybody.
fn named(group: &Group) -> Option<&str> {
    match group {
        Group::All => None,
        Group::Named(name) => Some(name.as_str()),
    }
}

fn listing(view: &ViewEntry, watchers: &Watchers) -> String {
    let mut text = format!("View Entry: {}\n", view.id);
    for (name, value) in [
        ("Host group", group(&view.host)),
        ("Target group", group(&view.target)),
        ("LUN", view.lun.to_string()),
    ] {
        text.push_str(&format!("    {name:<13}: {value}\n"));
    }
    for initiator in watchers.of_view(view) {
        let value = format!("{} for {}", view.lun, harmless(initiator));
        text.push_str(&format!("    {:<13}: {value}\n", "Lun"));
    }
    text
}

fn group(group: &Group) -> String {
    named(group).unwrap_or("All").to_owned()
}

/// Initiators that are logged in and may see a logical unit, with their and their targets' groups.
#[derive(Debug, Default)]
struct Watchers(BTreeSet<(String, Option<GroupName>, Option<GroupName>)>);

impl Watchers {
    fn of<T: Transport>(guid: &Guid, stmf: &mut Stmf<T>) -> Result<Self, Error> {
        let online = match stmf.logical_unit(guid) {
            Ok(lu) => lu.state == ObjectState::Online,
            Err(Error::NotFound { .. }) => false,
            Err(error) => return Err(error),
        };
        if !online {
            return Ok(Self::default());
        }
        let hosts = groups_by_member(GroupKind::Host, stmf)?;
        let targets = groups_by_member(GroupKind::Target, stmf)?;
        let of = |groups: &BTreeMap<PortName, GroupName>, name: &str| {
            groups.get(&PortName::new(name).ok()?).copied()
        };
        let sessions = stmf.sessions(None)?.into_iter().map(|session| {
            let host = of(&hosts, &session.initiator);
            let target = of(&targets, &session.target);
            (session.initiator, host, target)
        });
        Ok(Self(sessions.collect()))
    }

    /// Those that a view entry concerns, each once.
    fn of_view(&self, view: &ViewEntry) -> BTreeSet<&str> {
        let shown = self
            .0
            .iter()
            .filter(|(_, host, target)| view.shows_to(host.as_ref(), target.as_ref()));
        shown.map(|(initiator, ..)| initiator.as_str()).collect()
    }
}

fn groups_by_member<T: Transport>(
    kind: GroupKind,
    stmf: &mut Stmf<T>,
) -> Result<BTreeMap<PortName, GroupName>, Error> {
    let members = stmf.members(kind, None)?.into_iter();
    Ok(members.map(|member| (member.name, member.group)).collect())
}
