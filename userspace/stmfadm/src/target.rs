// SPDX-License-Identifier: GPL-2.0

//! Targets: list-target, online-target, offline-target.

use std::collections::BTreeMap;
use std::time::SystemTime;

use jiff::tz::TimeZone;
use jiff::Timestamp;
use libstmf::cli::{harmless, Console, Failure};
use libstmf::{Error, Goal, Protocol, Session, Stmf, Target, Transport};
use serde_json::{json, Value};

use crate::args::{CreateTarget, DeleteTarget, ListTarget, Targets};
use crate::list;
use crate::state;
use crate::Setting;

pub(crate) fn create<T: Transport>(
    args: &CreateTarget,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let name = match &args.name {
        Some(name) => name.clone(),
        None => libstmf::new_loopback_name()?,
    };
    stmf.create_loopback_target(&name)?;
    console.done(format_args!("Target {name} successfully created\n"));
    Ok(())
}

pub(crate) fn delete<T: Transport>(
    args: &DeleteTarget,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) {
    console.each(&args.targets, |_, name| {
        Ok(stmf.delete_loopback_target(name, args.force)?)
    });
}

pub(crate) fn list<T: Transport>(
    args: &ListTarget,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let full = args.verbose || args.json;
    let found = match args.targets.is_empty() {
        true => all(full, stmf)?,
        false => {
            let mut found = Vec::new();
            console.each(&args.targets, |_, name| {
                let target = stmf.target(name)?;
                let sessions = if full {
                    stmf.sessions(Some(name))?
                } else {
                    Vec::new()
                };
                found.push((target, sessions));
                Ok(())
            });
            found
        }
    };
    let zone = match args.verbose {
        true => (setting.zone)(),
        false => TimeZone::UTC,
    };
    let text = |(target, sessions): &(Target, Vec<Session>)| {
        listing(target, args.verbose.then_some(sessions), &zone)
    };
    list::print(&found, args.json, console, text, describe);
    Ok(())
}

/// All targets, with their sessions if these are wanted.
fn all<T: Transport>(
    with_sessions: bool,
    stmf: &mut Stmf<T>,
) -> Result<Vec<(Target, Vec<Session>)>, Error> {
    let targets = stmf.targets()?;
    let mut sessions: BTreeMap<String, Vec<Session>> = BTreeMap::new();
    if with_sessions {
        for session in stmf.sessions(None)? {
            sessions
                .entry(session.target.clone())
                .or_default()
                .push(session);
        }
    }
    let own = targets.into_iter().map(|target| {
        let own = sessions.remove(&target.name).unwrap_or_default();
        (target, own)
    });
    Ok(own.collect())
}

fn describe((target, sessions): &(Target, Vec<Session>)) -> Value {
    let sessions = sessions.iter().map(|session| {
        json!({
            "id": session.id,
            "initiator": session.initiator,
            "alias": session.alias,
            "isid": session.isid,
            "created": Timestamp::try_from(session.created).ok().map(|time| time.to_string()),
        })
    });
    json!({
        "name": target.name,
        "provider": target.provider,
        "alias": target.alias,
        "protocol": protocol(target.protocol),
        "state": target.state.name(),
        "wanted": target.wanted.name(),
        "held": target.held,
        "sessions": sessions.collect::<Vec<_>>(),
    })
}

pub(crate) fn online<T: Transport>(
    args: &Targets,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) {
    change_state(args, Goal::Online, stmf, setting, console);
}

pub(crate) fn offline<T: Transport>(
    args: &Targets,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) {
    change_state(args, Goal::Offline, stmf, setting, console);
}

fn change_state<T: Transport>(
    args: &Targets,
    goal: Goal,
    stmf: &mut Stmf<T>,
    setting: &Setting,
    console: &mut Console<'_>,
) {
    console.each(&args.targets, |_, name| {
        stmf.set_target_state(name, goal)?;
        state::wait(name, goal, setting.patience, || {
            Ok(stmf.target(name)?.state)
        })
    });
}

/// A target, with properties and sessions if the latter are given.
fn listing(target: &Target, sessions: Option<&Vec<Session>>, zone: &TimeZone) -> String {
    let mut text = format!("Target: {}\n", harmless(&target.name));
    let Some(sessions) = sessions else {
        return text;
    };
    for (name, value) in [
        ("Operational Status", status(target)),
        ("Provider Name", &target.provider),
        ("Alias", target.alias.as_deref().unwrap_or("-")),
        ("Protocol", protocol(target.protocol)),
        ("Sessions", &target.session_count.to_string()),
    ] {
        text.push_str(&format!("    {name:<18}: {}\n", harmless(value)));
    }
    for session in sessions {
        let alias = harmless(session.alias.as_deref().unwrap_or("-"));
        let initiator = harmless(&session.initiator);
        text.push_str(&format!("        Initiator: {initiator}\n"));
        text.push_str(&format!("            Alias: {alias}\n"));
        let since = time(session.created, zone);
        text.push_str(&format!("            Logged in since: {since}\n"));
    }
    text
}

fn status(target: &Target) -> &'static str {
    match target.held {
        true => "Offline (forced)",
        false => state::name(target.state),
    }
}

fn protocol(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Fc => "Fibre Channel",
        Protocol::Scsi => "SCSI",
        Protocol::Ssa => "SSA",
        Protocol::Ieee1394 => "IEEE 1394",
        Protocol::Srp => "SRP",
        Protocol::Iscsi => "iSCSI",
        Protocol::Sas => "SAS",
    }
}

/// A time as C's `ctime()` has it.
fn time(time: SystemTime, zone: &TimeZone) -> String {
    match Timestamp::try_from(time) {
        Ok(time) => time
            .to_zoned(zone.clone())
            .strftime("%a %b %e %H:%M:%S %Y")
            .to_string(),
        Err(_) => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::Offset;
    use std::time::Duration;

    #[test]
    fn times_are_those_of_ctime() {
        for (seconds, zone, text) in [
            (0, 0, "Thu Jan  1 00:00:00 1970"),
            (1_236_074_400, 0, "Tue Mar  3 10:00:00 2009"),
            (1_236_074_400, 1, "Tue Mar  3 11:00:00 2009"),
            (1_798_761_599, -8, "Thu Dec 31 15:59:59 2026"),
        ] {
            let zone = TimeZone::fixed(Offset::constant(zone));
            let created = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(time(created, &zone), text);
        }
    }

    #[test]
    fn a_time_beyond_all_calendars_is_unknown() {
        let end = SystemTime::UNIX_EPOCH + Duration::from_secs(i64::MAX as u64);
        assert_eq!(time(end, &TimeZone::UTC), "unknown");
    }
}
