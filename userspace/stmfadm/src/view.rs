// SPDX-License-Identifier: GPL-2.0

//! View entries: add-view, list-view, remove-view.

use libstmf::cli::{Console, Exit, Failure};
use libstmf::{Error, Group, Guid, NewView, Stmf, Transport, ViewEntry};

use crate::args::{AddView, ListView, RemoveView};

pub(crate) fn add<T: Transport>(args: &AddView, stmf: &mut Stmf<T>) -> Result<(), Failure> {
    stmf.add_view(&NewView {
        guid: args.lu,
        host: args.host_group.map_or(Group::All, Group::Named),
        target: args.target_group.map_or(Group::All, Group::Named),
        lun: args.lun,
    })?;
    Ok(())
}

pub(crate) fn list<T: Transport>(
    args: &ListView,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let views = views_of(&args.lu, stmf)?;
    if args.entries.is_empty() {
        for view in &views {
            console.print(listing(view));
        }
        return Ok(());
    }
    console.each(&args.entries, |console, id| {
        let view = views.iter().find(|view| view.id == *id);
        console.print(listing(view.ok_or_else(|| unknown(*id))?));
        Ok(())
    });
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

fn listing(view: &ViewEntry) -> String {
    let mut text = format!("View Entry: {}\n", view.id);
    for (name, value) in [
        ("Host group", group(&view.host)),
        ("Target group", group(&view.target)),
        ("LUN", view.lun.to_string()),
    ] {
        text.push_str(&format!("    {name:<13}: {value}\n"));
    }
    text
}

fn group(group: &Group) -> String {
    match group {
        Group::All => "All".to_owned(),
        Group::Named(name) => name.as_str().to_owned(),
    }
}
