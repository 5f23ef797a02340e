// SPDX-License-Identifier: GPL-2.0

//! Asymmetric access: set-access, clear-access, list-access.

use libstmf::cli::{Console, Failure};
use libstmf::{Access, AccessChange, Stmf, Transport};
use serde_json::{json, Value};

use crate::args::{ClearAccess, ListAccess, SetAccess};

pub(crate) fn set<T: Transport>(args: &SetAccess, stmf: &mut Stmf<T>) -> Result<(), Failure> {
    let change = AccessChange {
        state: args.state,
        preferred: args.preferred,
        explicit: args.explicit,
        number: args.number,
    };
    Ok(stmf.set_access(&args.group, args.lu.as_ref(), &change)?)
}

pub(crate) fn clear<T: Transport>(args: &ClearAccess, stmf: &mut Stmf<T>) -> Result<(), Failure> {
    Ok(stmf.clear_access(&args.group, args.lu.as_ref())?)
}

pub(crate) fn list<T: Transport>(
    args: &ListAccess,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let list = stmf.access()?;
    if args.json {
        let list: Vec<Value> = list.iter().map(value).collect();
        console.print(format_args!("{:#}\n", Value::from(list)));
        return Ok(());
    }
    for access in &list {
        console.print(listing(access));
    }
    Ok(())
}

fn value(access: &Access) -> Value {
    json!({
        "group": access.group.as_str(),
        "lu": access.guid.map(|guid| guid.to_string()),
        "state": access.state.name(),
        "preferred": access.preferred,
        "explicit": access.explicit,
        "number": access.number,
    })
}

fn listing(access: &Access) -> String {
    let lu = access.guid.map(|guid| guid.to_string());
    let mut text = format!(
        "Target Group: {}\n\t{:<12}: {}\n\t{:<12}: {}\n\t{:<12}: {}\n",
        access.group,
        "LU Name",
        lu.as_deref().unwrap_or("All"),
        "Access State",
        access.state.name(),
        "Preferred",
        access.preferred,
    );
    if let (Some(explicit), Some(number)) = (access.explicit, access.number) {
        text.push_str(&format!("\t{:<12}: {explicit}\n", "Explicit"));
        text.push_str(&format!("\t{:<12}: {number}\n", "Number"));
    }
    text
}
