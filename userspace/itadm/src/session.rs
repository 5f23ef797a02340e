// SPDX-License-Identifier: GPL-2.0

//! Sessions: list-session.

use std::time::SystemTime;

use jiff::Timestamp;
use libstmf::cli::{Console, Failure};
use libstmf::{IscsiSession, IscsiTargets, Transport};
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
        let all: Vec<Value> = list.iter().map(describe).collect();
        console.print(format_args!("{:#}\n", Value::from(all)));
        return Ok(());
    }
    let columns = [("TARGET NAME", 40), ("INITIATOR NAME", 40), ("ADDRESS", 20)];
    let mut table = Table::new(&columns);
    for session in list {
        let properties = properties(&session);
        let columns = vec![session.target, session.initiator, session.peer.to_string()];
        table.push(columns, properties);
    }
    table.print(args, console);
    Ok(())
}

fn describe(session: &IscsiSession) -> Value {
    let negotiated = session.negotiated.iter();
    json!({
        "target": session.target,
        "initiator": session.initiator,
        "isid": session.isid,
        "tsih": session.tsih,
        "tpgt": session.tpgt,
        "cid": session.cid,
        "peer": session.peer,
        "local": session.local,
        "login_time": time(session.login_time),
        "negotiated": object(negotiated.map(|(key, value)| (*key, json!(value)))),
        "counted": counts(&session.counted),
        "session": {
            "login_time": time(session.session_login_time),
            "counted": counts(&session.session_counted),
        },
    })
}

fn counts(counted: &[(&str, u64)]) -> Value {
    object(counted.iter().map(|(name, count)| (*name, json!(count))))
}

fn object<'a>(pairs: impl Iterator<Item = (&'a str, Value)>) -> Value {
    Value::Object(pairs.map(|(key, value)| (key.to_owned(), value)).collect())
}

fn properties(session: &IscsiSession) -> Vec<(&'static str, String)> {
    let mut properties = vec![
        ("isid:", session.isid.clone()),
        ("tsih:", session.tsih.to_string()),
        ("cid:", session.cid.to_string()),
        ("portal:", format!("{},{}", session.local, session.tpgt)),
        (
            "login time:",
            time(session.login_time).unwrap_or_else(|| "unknown".to_owned()),
        ),
    ];
    properties.extend(session.session_counted.iter().map(|(name, all)| {
        let mut own = session.counted.iter().filter(|(own, _)| own == name);
        (*name, count(own.next().map(|(_, count)| *count), *all))
    }));
    properties.extend(session.negotiated.iter().cloned());
    properties
}

/// What was counted of a connection, and of its session when that has or had others.
fn count(own: Option<u64>, all: u64) -> String {
    match own {
        Some(own) if own != all => format!("{own} (session: {all})"),
        _ => all.to_string(),
    }
}

/// A time as stmfadm's lists for programs have it.
fn time(time: SystemTime) -> Option<String> {
    Timestamp::try_from(time).ok().map(|time| time.to_string())
}
