// SPDX-License-Identifier: GPL-2.0

//! Targets: create-target, delete-target, list-target.

use libstmf::cli::{Console, Exit, Failure};
use libstmf::{Error, IscsiTarget, IscsiTargets, Transport};

use crate::args::{CreateTarget, DeleteTarget, ListTarget};

/// Tag of the portal group that targets belong to unless they are told otherwise.
const DEFAULT_TPGT: u16 = 1;

pub(crate) fn create<T: Transport>(
    args: &CreateTarget,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => libstmf::new_iscsi_name()?,
    };
    targets.create(&name, args.alias.as_deref())?;
    console.print(format_args!("Target {name} successfully created\n"));
    Ok(())
}

pub(crate) fn delete<T: Transport>(
    args: &DeleteTarget,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) {
    console.each(&args.targets, |_, name| {
        match targets.delete(name, args.force) {
            Err(Error::Busy { .. }) if !args.force => Err(Failure::new(
                Exit::Busy,
                name,
                format_args!(
                    "The target is online or busy. Use the -f (force) option, or \
                     'stmfadm offline-target {name}'"
                ),
            )),
            done => Ok(done?),
        }
    });
}

pub(crate) fn list<T: Transport>(
    args: &ListTarget,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut list = Vec::new();
    if args.targets.is_empty() {
        list = targets.targets()?;
    }
    console.each(&args.targets, |_, name| {
        list.push(targets.target(name)?);
        Ok(())
    });
    if list.is_empty() {
        return Ok(());
    }
    let longest = list.iter().map(|target| target.name.chars().count()).max();
    let style = if args.parsable {
        Style::Tabs
    } else {
        Style::Columns(longest.unwrap_or(0).max(NAME_WIDTH))
    };
    if let Style::Columns(_) = style {
        console.print(style.row(["TARGET NAME", "STATE", "SESSIONS"]));
    }
    for target in &list {
        console.print(listing(target, args.verbose, style));
    }
    Ok(())
}

/// Width of the names' column unless there are longer ones.
const NAME_WIDTH: usize = 60;

/// How lists look.
#[derive(Clone, Copy)]
enum Style {
    /// For people: columns, the first of this width.
    Columns(usize),
    /// For programs: tabs.
    Tabs,
}

impl Style {
    fn row(self, columns: [&str; 3]) -> String {
        let [name, state, sessions] = columns;
        match self {
            Self::Columns(width) => format!("{name:<width$} {state:<8} {sessions:<8} \n"),
            Self::Tabs => columns.join("\t") + "\n",
        }
    }

    fn property(self, name: &str, value: &str) -> String {
        match self {
            Self::Columns(_) => format!("        {name:<24}{value}\n"),
            Self::Tabs => format!("\t{name}\t{value}\n"),
        }
    }
}

fn listing(target: &IscsiTarget, verbose: bool, style: Style) -> String {
    let sessions = target.sessions.to_string();
    let mut text = style.row([&target.name, target.state.name(), &sessions]);
    if !verbose {
        return text;
    }
    let group = match target.tpgt {
        DEFAULT_TPGT => "default".to_owned(),
        tag => tag.to_string(),
    };
    for (name, value) in [
        ("alias:", target.alias.as_deref().unwrap_or("-")),
        ("auth:", "none (defaults)"),
        ("targetchapuser:", "-"),
        ("targetchapsecret:", "unset"),
        ("tpg-tags:", &group),
    ] {
        text += &style.property(name, value);
    }
    text
}
