// SPDX-License-Identifier: GPL-2.0

//! Events as they come: monitor.

use jiff::tz::TimeZone;
use jiff::Timestamp;
use libstmf::cli::{harmless, Console, Failure};
use libstmf::{Event, EventSource, Notice};
use serde_json::{Map, Value};

use crate::args::Monitor;
use crate::Setting;

pub(crate) fn run(
    args: &Monitor,
    events: &mut impl EventSource,
    setting: &Setting,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    while !console.is_closed() {
        let Some(notice) = events.next()? else {
            break;
        };
        let fields = fields(&notice);
        let now = Timestamp::now();
        console.print(match args.json {
            true => json(now, fields),
            false => line(now, &(setting.zone)(), &fields),
        });
    }
    Ok(())
}

/// What a notice says, in the order in which it is printed.
fn fields(notice: &Notice) -> Vec<(&'static str, Value)> {
    let event = match notice {
        Notice::Lost => return vec![("event", "lost".into())],
        Notice::Event(event) => event,
    };
    let Event {
        kind,
        guid,
        target,
        state,
        session,
        initiator,
        held,
        group,
        access,
    } = event;
    let all = [
        ("event", Some(kind.name().into())),
        ("lu", guid.map(|guid| guid.to_string().into())),
        ("target", target.clone().map(Value::from)),
        ("session", session.map(Value::from)),
        ("initiator", initiator.clone().map(Value::from)),
        ("state", state.map(|state| state.name().into())),
        ("held", held.then_some(true.into())),
        ("group", group.clone().map(Value::from)),
        ("access", access.map(|state| state.name().into())),
    ];
    all.into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

/// One line for programs.
fn json(now: Timestamp, fields: Vec<(&'static str, Value)>) -> String {
    let mut object = Map::new();
    object.insert("time".to_owned(), now.to_string().into());
    for (name, value) in fields {
        object.insert(name.to_owned(), value);
    }
    format!("{}\n", Value::Object(object))
}

/// One line for people: the time, what happened, and to what.
fn line(now: Timestamp, zone: &TimeZone, fields: &[(&'static str, Value)]) -> String {
    let now = now.to_zoned(zone.clone()).strftime("%F %T");
    let mut text = now.to_string();
    for (name, value) in fields {
        let value = match value {
            Value::String(text) => harmless(text),
            other => other.to_string(),
        };
        match *name {
            "event" => text.push_str(&format!(" {value}")),
            name => text.push_str(&format!(" {name}={value}")),
        }
    }
    text.push('\n');
    text
}
