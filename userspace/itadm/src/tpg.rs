// SPDX-License-Identifier: GPL-2.0

//! Target portal groups: create-tpg, list-tpg, delete-tpg.

use libstmf::cli::{Console, Exit, Failure};
use libstmf::{Error, IscsiTargets, Transport};
use serde_json::{json, Value};

use crate::args::{CreateTpg, Delete, List};
use crate::table::Table;

pub(crate) fn create<T: Transport>(
    args: &CreateTpg,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let name = &args.name;
    targets.create_tpg(name, &args.portals, args.dscp)?;
    console.done(format_args!("TPG {name} successfully created\n"));
    Ok(())
}

pub(crate) fn delete<T: Transport>(
    args: &Delete,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) {
    console.each(&args.names, |console, name| {
        match targets.delete_tpg(name, args.force) {
            Err(Error::Busy { .. }) => Err(Failure::new(
                Exit::Busy,
                name,
                "The target portal group is in use. Use the -f (force) option, or \
                 'itadm modify-target -t' to take the targets out of it",
            )),
            done => {
                done?;
                console.done(format_args!("TPG {name} successfully deleted\n"));
                Ok(())
            }
        }
    });
}

pub(crate) fn list<T: Transport>(
    args: &List,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut list = targets.tpgs()?;
    console.each(&args.names, |_, name| {
        let known = list.iter().any(|tpg| tpg.name == *name);
        let unknown = || Failure::new(Exit::NotFound, name, "not found");
        known.then_some(()).ok_or_else(unknown)
    });
    list.retain(|tpg| args.names.is_empty() || args.names.contains(&tpg.name));
    if args.json {
        let all: Vec<Value> = list
            .iter()
            .map(|tpg| {
                json!({
                    "name": tpg.name,
                    "tag": tpg.tag,
                    "portals": tpg.portals,
                    "targets": tpg.targets,
                    "dscp": tpg.dscp,
                })
            })
            .collect();
        console.print(format_args!("{:#}\n", Value::from(all)));
        return Ok(());
    }
    let columns = [("TARGET PORTAL GROUP", 29), ("PORTAL COUNT", 12)];
    let mut table = Table::new(&columns);
    for tpg in list {
        let mut properties = vec![("portals:", tpg.portals.join(","))];
        if tpg.dscp > 0 {
            properties.push(("dscp:", tpg.dscp.to_string()));
        }
        table.push(vec![tpg.name, tpg.portals.len().to_string()], properties);
    }
    table.print(args, console);
    Ok(())
}
