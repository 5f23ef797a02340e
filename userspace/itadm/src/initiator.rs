// SPDX-License-Identifier: GPL-2.0

//! Initiators: create-initiator, modify-initiator, list-initiator, delete-initiator.

use libstmf::cli::{Console, Exit, Failure};
use libstmf::{IscsiTargets, Transport};
use serde_json::{json, Value};

use crate::args::{name, DeleteInitiator, Initiator, List};
use crate::secret;
use crate::table::Table;
use crate::target::{or_dash, set_or_unset, text};

/// Makes an initiator known, or changes one that is.
pub(crate) fn set<T: Transport>(
    args: &Initiator,
    is_new: bool,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let user = text(args.chap_user.as_ref());
    let secret = secret::get(&args.secret)?;
    let (name, user, secret) = (&args.name, user.as_deref(), secret.as_ref());
    let done = if is_new { "created" } else { "modified" };
    match is_new {
        true => targets.create_initiator(name, user, secret)?,
        false => targets.modify_initiator(name, user, secret)?,
    }
    console.done(format_args!("Initiator {name} successfully {done}\n"));
    Ok(())
}

pub(crate) fn delete<T: Transport>(
    args: &DeleteInitiator,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) {
    console.each(&args.names, |_, name| Ok(targets.delete_initiator(name)?));
}

pub(crate) fn list<T: Transport>(
    args: &List,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut list = targets.initiators()?;
    let mut wanted = Vec::new();
    console.each(&args.names, |_, text| {
        let name = name(text).map_err(|why| Failure::new(Exit::Usage, text, why))?;
        if !list.iter().any(|initiator| initiator.name == name) {
            return Err(Failure::new(Exit::NotFound, name, "not found"));
        }
        wanted.push(name);
        Ok(())
    });
    list.retain(|initiator| args.names.is_empty() || wanted.contains(&initiator.name));
    if args.json {
        let all: Vec<Value> = list
            .iter()
            .map(|initiator| {
                json!({
                    "name": initiator.name,
                    "chapuser": initiator.chap_user,
                    "secret": set_or_unset(initiator.chap_secret_set),
                })
            })
            .collect();
        console.print(format_args!("{:#}\n", Value::from(all)));
        return Ok(());
    }
    let columns = [("INITIATOR NAME", 60), ("CHAPUSER", 9), ("SECRET", 6)];
    let mut table = Table::new(&columns);
    for initiator in list {
        let user = or_dash(initiator.chap_user.as_ref());
        let secret = set_or_unset(initiator.chap_secret_set);
        table.push(vec![initiator.name, user, secret], Vec::new());
    }
    table.print(args, console);
    Ok(())
}
