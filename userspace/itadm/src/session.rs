// SPDX-License-Identifier: GPL-2.0

//! Sessions: list-session.

use libstmf::cli::{Console, Failure};
use libstmf::{IscsiTargets, Transport};
use serde_json::{json, Value};

use crate::args::List;
use crate::table::Table;

pub(crate) fn list<T: Transport>(
    args: &List,
    targets: &mut IscsiTargets<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut list = targets.sessions()?;
    list.retain(|session| args.names.is_empty() || args.names.contains(&session.target));
    if args.json {
        let all: Vec<Value> = list
            .iter()
            .map(|session| {
                let negotiated = session.negotiated.iter();
                let negotiated = negotiated.map(|(key, value)| ((*key).to_owned(), json!(value)));
                json!({
                    "target": session.target,
                    "initiator": session.initiator,
                    "isid": session.isid,
                    "tsih": session.tsih,
                    "tpgt": session.tpgt,
                    "cid": session.cid,
                    "peer": session.peer,
                    "local": session.local,
                    "negotiated": Value::Object(negotiated.collect()),
                })
            })
            .collect();
        console.print(format_args!("{:#}\n", Value::from(all)));
        return Ok(());
    }
    let columns = [("TARGET NAME", 40), ("INITIATOR NAME", 40), ("ADDRESS", 20)];
    let mut table = Table::new(&columns);
    for session in list {
        let mut properties = vec![
            ("isid:", session.isid),
            ("tsih:", session.tsih.to_string()),
            ("cid:", session.cid.to_string()),
            ("portal:", format!("{},{}", session.local, session.tpgt)),
        ];
        properties.extend(session.negotiated);
        let columns = vec![session.target, session.initiator, session.peer.to_string()];
        table.push(columns, properties);
    }
    table.print(args, console);
    Ok(())
}
