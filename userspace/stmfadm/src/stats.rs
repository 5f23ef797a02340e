// SPDX-License-Identifier: GPL-2.0

//! What was counted of commands, and how long they took: stats.

use std::thread::sleep;
use std::time::Duration;

use libstmf::cli::{harmless, Console, Exit, Failure};
use libstmf::{Error, Latency, PortName, Statistics, StatisticsScope, Stmf, Subject, Transport};
use serde_json::{json, Map, Value};

use crate::args::Stats;
use crate::figures::{below, size, time};

pub(crate) fn run<T: Transport>(
    args: &Stats,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let mut last = look(args, stmf, console)?;
    let Some(interval) = args.interval else {
        show(args, None, &last, console);
        return Ok(());
    };
    let mut rounds = args.count;
    while rounds != Some(0) && !console.is_closed() {
        sleep(interval);
        let now = look(args, stmf, console)?;
        let changes: Vec<_> = now.iter().map(|item| item.change(&last)).collect();
        show(args, Some(interval), &changes, console);
        last = now;
        rounds = rounds.map(|rounds| rounds.saturating_sub(1));
    }
    Ok(())
}

/// The statistics of the objects that were named, or of all.
fn look<T: Transport>(
    args: &Stats,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<Vec<Statistics>, Error> {
    let mut all = stmf.statistics(args.by)?;
    if args.names.is_empty() {
        return Ok(all);
    }
    console.each(&args.names, |_, name| {
        match all.iter().any(|item| is_named(&item.subject, name)) {
            true => Ok(()),
            false => Err(Failure::new(Exit::NotFound, name, "not found")),
        }
    });
    all.retain(|item| args.names.iter().any(|name| is_named(&item.subject, name)));
    Ok(all)
}

/// Whether an operand means an object: by its GUID, its target port or its initiator.
fn is_named(subject: &Subject, name: &str) -> bool {
    let port = PortName::new(name).map(|port| port.as_str().to_owned());
    let is_port = |other: &str| other == name || port.as_deref() == Ok(other);
    match subject {
        Subject::Lu(guid) => name.parse() == Ok(*guid),
        Subject::Target(target) => is_port(target),
        Subject::Nexus {
            guid,
            target,
            initiator,
            ..
        } => name.parse() == Ok(*guid) || is_port(target) || is_port(initiator),
    }
}

fn show(args: &Stats, interval: Option<Duration>, items: &[Statistics], console: &mut Console<'_>) {
    if args.json {
        let all = Value::from_iter(items.iter().map(|item| describe(item, interval)));
        // One line for each interval, to be read as they come.
        return console.print(match interval {
            Some(_) => format!("{all}\n"),
            None => format!("{all:#}\n"),
        });
    }
    if args.verbose {
        items.iter().for_each(|item| console.print(details(item)));
    } else if !items.is_empty() {
        console.print(table(args.by, interval, items));
    }
}

/// Of an object, for programs.
fn describe(item: &Statistics, interval: Option<Duration>) -> Value {
    let mut object = Map::new();
    match &item.subject {
        Subject::Lu(guid) => {
            object.insert("lu".to_owned(), guid.to_string().into());
        }
        Subject::Target(target) => {
            object.insert("target".to_owned(), target.clone().into());
        }
        Subject::Nexus {
            session,
            lun,
            guid,
            target,
            initiator,
        } => {
            object.insert("session".to_owned(), (*session).into());
            object.insert("lun".to_owned(), lun.value().into());
            object.insert("lu".to_owned(), guid.to_string().into());
            object.insert("target".to_owned(), target.clone().into());
            object.insert("initiator".to_owned(), initiator.clone().into());
        }
    }
    if let Some(interval) = interval {
        object.insert("interval".to_owned(), interval.as_secs_f64().into());
    }
    for (name, count) in [("depth", item.depth)].into_iter().chain(counts(item)) {
        object.insert(name.replace(' ', "_"), count.into());
    }
    for (name, latency) in latencies(item) {
        let histogram: Vec<u64> = latency.histogram.to_vec();
        let nanoseconds = u64::try_from(latency.total.as_nanos()).unwrap_or(u64::MAX);
        let value = json!({"nanoseconds": nanoseconds, "histogram": histogram});
        object.insert(name.to_owned(), value);
    }
    object.into()
}

fn counts(item: &Statistics) -> [(&'static str, u64); 9] {
    [
        ("reads", item.reads),
        ("writes", item.writes),
        ("others", item.others),
        ("read bytes", item.read_bytes),
        ("written bytes", item.written_bytes),
        ("errors", item.errors),
        ("busy", item.busy),
        ("conflicts", item.conflicts),
        ("aborted", item.aborted),
    ]
}

fn latencies(item: &Statistics) -> [(&'static str, &Latency); 3] {
    [
        ("port", &item.port),
        ("queue", &item.queue),
        ("device", &item.device),
    ]
}

/// One line for each object.
fn table(by: StatisticsScope, interval: Option<Duration>, items: &[Statistics]) -> String {
    let title = match (by, interval) {
        (StatisticsScope::Lu, _) => "LU NAME",
        (StatisticsScope::Target, _) => "TARGET",
        (StatisticsScope::Nexus, _) => "INITIATOR (SESSION), LUN, LU NAME, TARGET",
    };
    let columns = match interval {
        None => ["READS", "WRITES", "OTHERS", "READ", "WRITTEN"],
        Some(_) => ["READS/s", "WRITES/s", "OTHERS/s", "READ/s", "WRITTEN/s"],
    };
    let mut text = row(
        columns.map(str::to_owned),
        ["ERRORS", "DEPTH", "PORT", "QUEUE", "DEVICE"].map(str::to_owned),
        title,
    );
    // CAST: of counts that are shown rounded.
    let rate = |count: u64| match interval {
        Some(interval) => count as f64 / interval.as_secs_f64(),
        None => count as f64,
    };
    for item in items {
        let mean = |latency: &Latency| time(latency.mean());
        text.push_str(&row(
            [
                format!("{:.0}", rate(item.reads)),
                format!("{:.0}", rate(item.writes)),
                format!("{:.0}", rate(item.others)),
                size(rate(item.read_bytes)),
                size(rate(item.written_bytes)),
            ],
            [
                item.errors.to_string(),
                item.depth.to_string(),
                mean(&item.port),
                mean(&item.queue),
                mean(&item.device),
            ],
            &item.subject.to_string(),
        ));
    }
    text
}

fn row(moved: [String; 5], rest: [String; 5], name: &str) -> String {
    let [reads, writes, others, read, written] = moved;
    let [errors, depth, port, queue, device] = rest;
    format!(
        "{reads:>9} {writes:>9} {others:>9} {read:>9} {written:>9} {errors:>7} {depth:>5} \
         {port:>7} {queue:>7} {device:>7}  {name}\n"
    )
}

/// All of an object.
fn details(item: &Statistics) -> String {
    let mut text = match &item.subject {
        Subject::Lu(guid) => format!("LU Name: {guid}\n"),
        Subject::Target(target) => format!("Target: {}\n", harmless(target)),
        Subject::Nexus {
            session,
            lun,
            guid,
            target,
            initiator,
        } => format!(
            "Session: {session}\n    LUN               : {lun}\n    LU Name           : {guid}\n    \
             Initiator         : {}\n    Target            : {}\n",
            harmless(initiator),
            harmless(target),
        ),
    };
    for (name, count) in [("depth", item.depth)].into_iter().chain(counts(item)) {
        text.push_str(&format!("    {:<18}: {count}\n", capital(name)));
    }
    text.push_str(&times(item));
    text
}

fn capital(name: &str) -> String {
    let mut letters = name.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// How long commands took: means, quantiles, and the steps of the histograms that have any.
fn times(item: &Statistics) -> String {
    let all = latencies(item).map(|(_, latency)| latency);
    let mut text = latency_row("Latency", ["port", "queue", "device"].map(str::to_owned));
    text.push_str(&latency_row(
        "  mean",
        all.map(|latency| time(latency.mean())),
    ));
    for (title, part) in [("  50 %", 0.5), ("  99 %", 0.99), ("  99.9 %", 0.999)] {
        let times = all.map(|latency| below(latency.quantile(part)));
        text.push_str(&latency_row(title, times));
    }
    let buckets = 0..item.port.histogram.len();
    for bucket in buckets {
        let counts = all.map(|latency| latency.histogram.get(bucket).copied().unwrap_or(0));
        if counts.iter().any(|count| *count > 0) {
            let end = Latency::end(bucket).unwrap_or(Duration::MAX);
            let title = format!("  {}", below(Some(end)));
            text.push_str(&latency_row(&title, counts.map(|count| count.to_string())));
        }
    }
    text
}

fn latency_row(title: &str, [port, queue, device]: [String; 3]) -> String {
    format!("    {title:<18}: {port:>12} {queue:>12} {device:>12}\n")
}
