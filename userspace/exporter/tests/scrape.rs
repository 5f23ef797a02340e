// SPDX-License-Identifier: GPL-2.0

//! Scrapes of a framework in memory.

use libstmf::sim::Sim;
use libstmf::{Error, LuSpec, Stmf};
use stmf_exporter::metrics;

const GUID: &str = "600144F0000000000000000000000001";
const TARGET: &str = "iqn.2026-11.org.example:a";

fn scrape(sim: &mut Sim, nexuses: bool) -> String {
    metrics(|| Ok(Stmf::with_transport(sim)), nexuses)
}

fn working() -> Sim {
    let mut sim = Sim::new();
    let mut spec = LuSpec::new("/dev/one");
    spec.guid = Some(GUID.parse().unwrap());
    spec.alias = Some("mail \"one\"".to_owned());
    Stmf::with_transport(&mut sim).create_lu(&spec).unwrap();
    sim.add_target(TARGET);
    sim.work(3, 2, 1);
    sim
}

#[test]
fn what_was_counted_is_there() {
    let text = scrape(&mut working(), false);
    for line in [
        "stmf_up 1",
        "stmf_service_online 1",
        "stmf_lost_tasks_total 0",
        &format!("stmf_lu_online{{lu=\"{GUID}\",alias=\"mail \\\"one\\\"\",provider=\"sbd\"}} 1"),
        &format!("stmf_target_sessions{{target=\"{TARGET}\"}} 0"),
        &format!("stmf_lu_in_flight{{lu=\"{GUID}\"}} 0"),
        &format!("stmf_lu_commands_total{{lu=\"{GUID}\",kind=\"read\"}} 3"),
        &format!("stmf_lu_bytes_total{{lu=\"{GUID}\",direction=\"write\"}} 2097152"),
        &format!("stmf_target_failures_total{{target=\"{TARGET}\",kind=\"error\"}} 1"),
        &format!("stmf_lu_seconds_bucket{{lu=\"{GUID}\",phase=\"device\",le=\"0.000065536\"}} 0"),
        &format!("stmf_lu_seconds_bucket{{lu=\"{GUID}\",phase=\"device\",le=\"0.000262144\"}} 6"),
        &format!("stmf_lu_seconds_sum{{lu=\"{GUID}\",phase=\"device\"}} 0.0006"),
        &format!("stmf_target_seconds_count{{target=\"{TARGET}\",phase=\"port\"}} 6"),
    ] {
        assert!(
            text.lines().any(|other| other == line),
            "no {line} in\n{text}"
        );
    }
    assert!(!text.contains("stmf_nexus_"), "{text}");
}

#[test]
fn sessions_are_there_when_asked_for() {
    let mut sim = working();
    sim.add_session(TARGET, "iqn.2026-11.org.example:host", None);
    let view = libstmf::NewView {
        guid: GUID.parse().unwrap(),
        lun: None,
        host: libstmf::Group::All,
        target: libstmf::Group::All,
    };
    Stmf::with_transport(&mut sim).add_view(&view).unwrap();
    let text = scrape(&mut sim, true);
    let line = format!(
        "stmf_nexus_commands_total{{lu=\"{GUID}\",target=\"{TARGET}\",\
         initiator=\"iqn.2026-11.org.example:host\",session=\"1\",lun=\"0\",kind=\"read\"}} 3"
    );
    assert!(text.contains(&line), "no {line} in\n{text}");
}

/// Prometheus takes neither samples of a metric that isn't described, nor two descriptions of one.
#[test]
fn every_metric_is_described_once_before_its_samples() {
    let text = scrape(&mut working(), true);
    let (mut described, mut current) = (Vec::new(), String::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            current = rest.split(' ').next().unwrap().to_owned();
            assert!(!described.contains(&current), "{current} twice");
            described.push(current.clone());
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let name = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| name.strip_suffix(end).filter(|name| *name == current))
                .unwrap_or(name);
            assert_eq!(name, current, "{line}");
        }
    }
    assert_eq!(described.len(), 21);
}

#[test]
fn without_the_framework_there_is_only_that() {
    let text = metrics(
        || Err::<Stmf<Sim>, _>(Error::NotLoaded { module: "stmf" }),
        false,
    );
    assert_eq!(text.lines().last(), Some("stmf_up 0"), "{text}");
}
