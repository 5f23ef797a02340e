// SPDX-License-Identifier: GPL-2.0

//! What is told of the framework.

use libstmf::{
    Error, LogicalUnit, ObjectState, Statistics, StatisticsScope, Stmf, Subject, Target, Transport,
};

use crate::page::Page;

/// The text of a scrape. When the framework can't be asked it says just that.
pub fn metrics<T: Transport>(
    connect: impl FnOnce() -> Result<Stmf<T>, Error>,
    nexuses: bool,
) -> String {
    let state = connect().and_then(|mut stmf| State::read(&mut stmf, nexuses));
    let mut page = Page::default();
    page.metric(
        "stmf_up",
        "gauge",
        "Whether the framework is loaded and answers.",
    );
    page.sample("stmf_up", &[], u8::from(state.is_ok()));
    match state {
        Ok(state) => state.write(&mut page),
        Err(error) => eprintln!("stmf-exporter: {error}"),
    }
    page.into_text()
}

/// The framework at one moment.
struct State {
    online: bool,
    lost_tasks: u64,
    lus: Vec<LogicalUnit>,
    targets: Vec<Target>,
    /// Of what, and what was counted.
    statistics: Vec<(&'static str, Vec<Statistics>)>,
}

impl State {
    fn read<T: Transport>(stmf: &mut Stmf<T>, nexuses: bool) -> Result<Self, Error> {
        let service = stmf.state()?;
        let mut statistics = vec![
            ("lu", stmf.statistics(StatisticsScope::Lu)?),
            ("target", stmf.statistics(StatisticsScope::Target)?),
        ];
        if nexuses {
            statistics.push(("nexus", stmf.statistics(StatisticsScope::Nexus)?));
        }
        Ok(Self {
            online: service.state == ObjectState::Online,
            lost_tasks: service.lost_tasks,
            lus: stmf.logical_units()?,
            targets: stmf.targets()?,
            statistics,
        })
    }

    fn write(&self, page: &mut Page) {
        let name = "stmf_service_online";
        page.metric(name, "gauge", "Whether the service is online.");
        page.sample(name, &[], u8::from(self.online));
        let name = "stmf_lost_tasks_total";
        page.metric(
            name,
            "counter",
            "Commands that a provider dropped unfinished: each is a bug.",
        );
        page.sample(name, &[], self.lost_tasks);
        self.objects(page);
        for (of, all) in &self.statistics {
            counted(page, of, all);
        }
    }

    fn objects(&self, page: &mut Page) {
        let is_online = |state| u8::from(state == ObjectState::Online);
        let name = "stmf_lu_online";
        page.metric(name, "gauge", "Whether the logical unit is online.");
        for lu in &self.lus {
            let guid = lu.guid.to_string();
            let labels = [
                ("lu", guid.as_str()),
                ("alias", lu.alias.as_deref().unwrap_or_default()),
                ("provider", lu.provider.as_str()),
            ];
            page.sample(name, &labels, is_online(lu.state));
        }
        let name = "stmf_target_online";
        page.metric(name, "gauge", "Whether the target port is online.");
        for target in &self.targets {
            let labels = [
                ("target", target.name.as_str()),
                ("provider", target.provider.as_str()),
            ];
            page.sample(name, &labels, is_online(target.state));
        }
        let name = "stmf_target_sessions";
        page.metric(name, "gauge", "Sessions of the target port.");
        for target in &self.targets {
            page.sample(name, &[("target", &target.name)], target.session_count);
        }
    }
}

/// What was counted, of objects of one kind.
fn counted(page: &mut Page, of: &str, all: &[Statistics]) {
    each(
        page,
        of,
        "in_flight",
        "gauge",
        "Commands that have not ended.",
        all,
        |item| vec![("", "", item.depth)],
    );
    each(
        page,
        of,
        "commands_total",
        "counter",
        "Commands that have ended.",
        all,
        |item| {
            vec![
                ("kind", "read", item.reads),
                ("kind", "write", item.writes),
                ("kind", "other", item.others),
            ]
        },
    );
    each(
        page,
        of,
        "bytes_total",
        "counter",
        "Bytes read from the medium, or written to it.",
        all,
        |item| {
            vec![
                ("direction", "read", item.read_bytes),
                ("direction", "write", item.written_bytes),
            ]
        },
    );
    let help =
        "Commands that ended with CHECK CONDITION (error), were refused with BUSY or TASK SET \
                FULL (busy), ended with RESERVATION CONFLICT (conflict) or were aborted.";
    each(page, of, "failures_total", "counter", help, all, |item| {
        vec![
            ("kind", "error", item.errors),
            ("kind", "busy", item.busy),
            ("kind", "conflict", item.conflicts),
            ("kind", "aborted", item.aborted),
        ]
    });
    let name = format!("stmf_{of}_seconds");
    let help = "How long commands were in the port, waited in the task set, were in the device.";
    page.metric(&name, "histogram", help);
    for item in all {
        let names = names(&item.subject);
        let labels = borrowed(&names);
        for (phase, latency) in [
            ("port", &item.port),
            ("queue", &item.queue),
            ("device", &item.device),
        ] {
            page.histogram(&name, &[&labels[..], &[("phase", phase)]].concat(), latency);
        }
    }
}

/// Samples of one metric for each object; each with a label of its own if it has a name.
fn each(
    page: &mut Page,
    of: &str,
    what: &str,
    kind: &str,
    help: &str,
    all: &[Statistics],
    values: impl Fn(&Statistics) -> Vec<(&'static str, &'static str, u64)>,
) {
    let name = format!("stmf_{of}_{what}");
    page.metric(&name, kind, help);
    for item in all {
        let names = names(&item.subject);
        for (label, value, count) in values(item) {
            let mut labels = borrowed(&names);
            if !label.is_empty() {
                labels.push((label, value));
            }
            page.sample(&name, &labels, count);
        }
    }
}

/// What an object is known by.
fn names(subject: &Subject) -> Vec<(&'static str, String)> {
    match subject {
        Subject::Lu(guid) => vec![("lu", guid.to_string())],
        Subject::Target(target) => vec![("target", target.clone())],
        Subject::Nexus {
            session,
            lun,
            guid,
            target,
            initiator,
        } => vec![
            ("lu", guid.to_string()),
            ("target", target.clone()),
            ("initiator", initiator.clone()),
            ("session", session.to_string()),
            ("lun", lun.to_string()),
        ],
    }
}

fn borrowed<'a>(names: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    names
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect()
}
