// SPDX-License-Identifier: GPL-2.0

//! Whole command lines against a framework in memory: what is printed where, and the exit status.

use std::time::Duration;

use jiff::tz::TimeZone;
use libstmf::cli::Exit;
use libstmf::sim::Sim;
use libstmf::{Refusal, Stmf};
use stmfadm::{Patience, Setting};

const A: &str = "600144F0000000000000000000000001";
const B: &str = "600144F0000000000000000000000002";
const TARGET: &str = "iqn.2026-11.org.example:a";

/// What a command line led to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    exit: Exit,
    out: String,
    err: String,
}

fn run(sim: &mut Sim, line: &str) -> Outcome {
    let args: Vec<_> = line.split_whitespace().map(Into::into).collect();
    let setting = Setting {
        patience: Patience {
            interval: Duration::ZERO,
            looks: 3,
        },
        zone: TimeZone::UTC,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = stmfadm::main(
        args,
        || Ok(Stmf::with_transport(sim)),
        &setting,
        &mut out,
        &mut err,
    );
    Outcome {
        exit,
        out: String::from_utf8(out).expect("output is text"),
        err: String::from_utf8(err).expect("messages are text"),
    }
}

/// Runs a command line that does what it shall; returns what it prints.
fn ok(sim: &mut Sim, line: &str) -> String {
    let Outcome { exit, out, err } = run(sim, line);
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{line}");
    out
}

/// Runs a command line that fails and prints nothing; returns the message.
fn fail(sim: &mut Sim, line: &str, expected: Exit) -> String {
    let Outcome { exit, out, err } = run(sim, line);
    assert_eq!((exit, out.as_str()), (expected, ""), "{line}: {err}");
    err
}

fn with_disks() -> Sim {
    let mut sim = Sim::new();
    for (guid, file) in [(A, "/dev/one"), (B, "/dev/two")] {
        ok(
            &mut sim,
            &format!("stmfadm create-lu -p guid={guid} {file}"),
        );
    }
    sim
}

fn with_target() -> Sim {
    let mut sim = Sim::new();
    sim.add_target(TARGET);
    sim
}

#[test]
fn creating_tells_the_guid() {
    let mut sim = Sim::new();
    let out = ok(&mut sim, &format!("stmfadm create-lu -p guid={A} /dev/one"));
    assert_eq!(out, format!("Logical unit created: {A}\n"));
    let out = ok(&mut sim, "stmfadm create-lu /dev/two");
    assert!(out.starts_with("Logical unit created: 600144F"), "{out}");
    let out = ok(&mut sim, "stmfadm create-lu -p oui=a1b2c3 /dev/three");
    assert!(out.starts_with("Logical unit created: 6A1B2C3"), "{out}");
}

#[test]
fn paths_become_absolute() {
    let mut sim = Sim::new();
    ok(
        &mut sim,
        &format!("stmfadm create-lu -p guid={A} images/one"),
    );
    let file = std::env::current_dir().unwrap().join("images/one");
    let out = ok(&mut sim, "stmfadm list-lu -v");
    let line = format!("    Data File         : {}\n", file.display());
    assert!(out.contains(&line), "{out}");
}

#[test]
fn disks_are_listed_with_their_properties() {
    let mut sim = Sim::new();
    ok(
        &mut sim,
        &format!(
            "stmfadm create-lu -s 10g -p guid={A} -p alias=one -p vid=ACME -p pid=Disk \
             -p serial=S1 -p wp=true -p wcd=true -p blk=4096 /dev/one"
        ),
    );
    ok(
        &mut sim,
        &format!("stmfadm create-lu -s 512m -p guid={B} /srv/two"),
    );
    assert_eq!(
        ok(&mut sim, "stmfadm list-lu"),
        format!("LU Name: {A}\nLU Name: {B}\n")
    );
    let one = "\
LU Name: 600144F0000000000000000000000001
    Operational Status: Online
    Provider Name     : sbd
    Alias             : one
    View Entry Count  : 0
    Data File         : /dev/one
    Meta File         : not set
    Size              : 10737418240
    Block Size        : 4096
    Management URL    : not set
    Vendor ID         : ACME
    Product ID        : Disk
    Serial Num        : S1
    Write Protect     : Enabled
    Writeback Cache   : Disabled
    Access State      : Active
";
    let two = "\
LU Name: 600144F0000000000000000000000002
    Operational Status: Online
    Provider Name     : sbd
    Alias             : /srv/two
    View Entry Count  : 0
    Data File         : /srv/two
    Meta File         : not set
    Size              : 536870912
    Block Size        : 512
    Management URL    : not set
    Vendor ID         : SUN
    Product ID        : COMSTAR
    Serial Num        : not set
    Write Protect     : Disabled
    Writeback Cache   : Enabled
    Access State      : Active
";
    assert_eq!(ok(&mut sim, "stmfadm list-lu -v"), format!("{one}{two}"));
    let lower = B.to_ascii_lowercase();
    assert_eq!(ok(&mut sim, &format!("stmfadm list-lu -v {lower}")), two);
}

#[test]
fn other_providers_have_the_common_properties() {
    let mut sim = Sim::new();
    let guid = sim.add_lu("null", None);
    // The disks' module need not be there.
    sim.unload("stmf-sbd");
    let expected = format!(
        "\
LU Name: {guid}
    Operational Status: Online
    Provider Name     : null
    Alias             : -
    View Entry Count  : 0
"
    );
    assert_eq!(ok(&mut sim, "stmfadm list-lu -v"), expected);
    assert_eq!(
        ok(&mut sim, &format!("stmfadm list-lu -v {guid}")),
        expected
    );
}

#[test]
fn views_of_what_does_not_exist_are_listed_too() {
    let mut sim = with_disks();
    ok(&mut sim, &format!("stmfadm add-view {A}"));
    ok(&mut sim, &format!("stmfadm delete-lu -k {A}"));
    let expected = "\
LU Name: 600144F0000000000000000000000001
    Operational Status: unregistered
    Provider Name     : unregistered
    Alias             : -
    View Entry Count  : 1
";
    let out = ok(&mut sim, "stmfadm list-lu -v");
    assert!(out.starts_with(expected), "{out}");
    assert_eq!(ok(&mut sim, &format!("stmfadm list-lu -v {A}")), expected);
    ok(&mut sim, &format!("stmfadm delete-lu {A}"));
    let err = fail(&mut sim, &format!("stmfadm list-lu {A}"), Exit::NotFound);
    assert_eq!(err, format!("stmfadm: {A}: not found\n"));
}

#[test]
fn nothing_is_listed_as_nothing() {
    let mut sim = Sim::new();
    for line in ["list-lu", "list-lu -v", "list-target", "list-task"] {
        assert_eq!(ok(&mut sim, &format!("stmfadm {line}")), "", "{line}");
    }
}

#[test]
fn deleting_goes_on_after_a_failure() {
    let mut sim = with_disks();
    let line = format!("stmfadm delete-lu {A} 600144F00000000000000000000000FF {B}");
    let err = fail(&mut sim, &line, Exit::NotFound);
    assert_eq!(
        err,
        "stmfadm: 600144F00000000000000000000000FF: not found\n"
    );
    assert_eq!(ok(&mut sim, "stmfadm list-lu"), "");
}

#[test]
fn different_failures_are_simply_failures() {
    let mut sim = with_disks();
    let busy = Refusal {
        errno: 16,
        message: Some("a session is using it".to_owned()),
        attribute: None,
    };
    sim.refuse("stmf-sbd", 2, busy.clone());
    let err = fail(&mut sim, &format!("stmfadm delete-lu {A}"), Exit::Busy);
    assert_eq!(err, format!("stmfadm: {A}: a session is using it\n"));
    sim.refuse("stmf-sbd", 2, busy);
    let line = format!("stmfadm delete-lu {A} 600144F00000000000000000000000FF");
    fail(&mut sim, &line, Exit::Failed);
}

#[test]
fn deleting_takes_views_along() {
    let mut sim = with_disks();
    ok(&mut sim, &format!("stmfadm add-view {A}"));
    ok(&mut sim, &format!("stmfadm delete-lu {A}"));
    let err = fail(&mut sim, &format!("stmfadm list-view -l {A}"), Exit::Failed);
    assert_eq!(err, format!("stmfadm: {A}: no views found\n"));
}

#[test]
fn views_are_listed() {
    let mut sim = with_disks();
    ok(
        &mut sim,
        &format!("stmfadm add-view -h HostA -t Targets -n 5 {A}"),
    );
    ok(&mut sim, &format!("stmfadm add-view -h HostB {A}"));
    let first = "\
View Entry: 0
    Host group   : HostA
    Target group : Targets
    LUN          : 5
";
    let second = "\
View Entry: 1
    Host group   : HostB
    Target group : All
    LUN          : 0
";
    assert_eq!(
        ok(&mut sim, &format!("stmfadm list-view -l {A}")),
        format!("{first}{second}")
    );
    assert_eq!(ok(&mut sim, &format!("stmfadm list-view -l {A} 1")), second);
    let Outcome { exit, out, err } = run(&mut sim, &format!("stmfadm list-view -l {A} 7 0"));
    assert_eq!((exit, out.as_str()), (Exit::NotFound, first));
    assert_eq!(err, "stmfadm: 7: view entry not found\n");
}

#[test]
fn conflicting_views_are_refused_with_the_reason() {
    let mut sim = with_disks();
    ok(&mut sim, &format!("stmfadm add-view -n 5 {A}"));
    let line = format!("stmfadm add-view -n 5 -h HostA {B}");
    let err = fail(&mut sim, &line, Exit::Failed);
    assert_eq!(err, format!("stmfadm: {B}: LUN 5 is in use\n"));
    let err = fail(&mut sim, &format!("stmfadm add-view {A}"), Exit::Failed);
    let reason = "view entry 0 covers some of the same hosts already";
    assert_eq!(err, format!("stmfadm: {A}: {reason}\n"));
}

#[test]
fn views_are_removed_one_by_one_or_all() {
    let mut sim = with_disks();
    for group in ["G0", "G1", "G2"] {
        ok(&mut sim, &format!("stmfadm add-view -h {group} {A}"));
    }
    let line = format!("stmfadm remove-view -l {A} 9 1");
    let err = fail(&mut sim, &line, Exit::NotFound);
    assert_eq!(err, "stmfadm: 9: view entry not found\n");
    let out = ok(&mut sim, &format!("stmfadm list-view -l {A}"));
    let groups: Vec<_> = out.lines().filter(|line| line.contains("Host")).collect();
    assert_eq!(groups, ["    Host group   : G0", "    Host group   : G2"]);
    ok(&mut sim, &format!("stmfadm remove-view -l {A} -a"));
    let line = format!("stmfadm remove-view -l {A} -a");
    let err = fail(&mut sim, &line, Exit::Failed);
    assert_eq!(err, format!("stmfadm: {A}: no views found\n"));
}

#[test]
fn logical_units_go_offline_and_online() {
    let mut sim = with_disks();
    ok(&mut sim, &format!("stmfadm offline-lu {A} {B}"));
    let out = ok(&mut sim, &format!("stmfadm list-lu -v {A}"));
    assert!(out.contains("    Operational Status: Offline\n"), "{out}");
    ok(&mut sim, &format!("stmfadm online-lu {A}"));
    ok(&mut sim, &format!("stmfadm online-lu {A}"));
    let out = ok(&mut sim, &format!("stmfadm list-lu -v {A}"));
    assert!(out.contains("    Operational Status: Online\n"), "{out}");
}

#[test]
fn a_state_change_that_takes_too_long_is_given_up() {
    let mut sim = with_disks();
    sim.add_target(TARGET);
    sim.get_stuck();
    let late = "state change request submitted. Waiting for completion timed out";
    for (line, object) in [
        (format!("stmfadm offline-lu {A}"), A),
        (format!("stmfadm online-lu {B}"), B),
        (format!("stmfadm offline-target {TARGET}"), TARGET),
    ] {
        let err = fail(&mut sim, &line, Exit::Failed);
        assert_eq!(err, format!("stmfadm: {object}: {late}\n"));
    }
    let out = ok(&mut sim, &format!("stmfadm list-lu -v {A}"));
    assert!(out.contains("    Operational Status: Offlining\n"), "{out}");
    let out = ok(&mut sim, &format!("stmfadm list-lu -v {B}"));
    assert!(out.contains("    Operational Status: Onlining\n"), "{out}");
}

#[test]
fn targets_are_listed_with_their_sessions() {
    let mut sim = with_target();
    sim.add_target("iqn.2026-11.org.example:b");
    sim.add_session(TARGET, "iqn.2026-11.org.example:host", Some("host1"));
    sim.add_session(TARGET, "iqn.2026-11.org.example:other", None);
    assert_eq!(
        ok(&mut sim, "stmfadm list-target"),
        "Target: iqn.2026-11.org.example:a\nTarget: iqn.2026-11.org.example:b\n"
    );
    let first = "\
Target: iqn.2026-11.org.example:a
    Operational Status: Online
    Provider Name     : iscsit
    Alias             : -
    Protocol          : iSCSI
    Sessions          : 2
        Initiator: iqn.2026-11.org.example:host
            Alias: host1
            Logged in since: Tue Mar  3 10:00:00 2009
        Initiator: iqn.2026-11.org.example:other
            Alias: -
            Logged in since: Tue Mar  3 10:00:00 2009
";
    let second = "\
Target: iqn.2026-11.org.example:b
    Operational Status: Online
    Provider Name     : iscsit
    Alias             : -
    Protocol          : iSCSI
    Sessions          : 0
";
    assert_eq!(
        ok(&mut sim, "stmfadm list-target -v"),
        format!("{first}{second}")
    );
    assert_eq!(
        ok(&mut sim, "stmfadm list-target -v IQN.2026-11.org.example:A"),
        first
    );
    let Outcome { exit, out, err } = run(&mut sim, &format!("stmfadm list-target nobody {TARGET}"));
    assert_eq!((exit, out), (Exit::NotFound, format!("Target: {TARGET}\n")));
    assert_eq!(err, "stmfadm: nobody: not found\n");
}

#[test]
fn targets_go_offline_and_online() {
    let mut sim = with_target();
    ok(&mut sim, &format!("stmfadm offline-target {TARGET}"));
    let out = ok(&mut sim, "stmfadm list-target -v");
    assert!(out.contains("    Operational Status: Offline\n"), "{out}");
    ok(&mut sim, &format!("stmfadm online-target {TARGET}"));
    let line = format!("stmfadm online-target nobody {TARGET}");
    let err = fail(&mut sim, &line, Exit::NotFound);
    assert_eq!(err, "stmfadm: nobody: not found\n");
}

#[test]
fn the_state_is_listed() {
    let mut sim = Sim::new();
    let expected = "\
Operational Status: online
Config Status     : initialized
ALUA Status       : disabled
ALUA Node         : 0
";
    assert_eq!(ok(&mut sim, "stmfadm list-state"), expected);
    sim.lose_tasks(3);
    assert_eq!(
        ok(&mut sim, "stmfadm list-state"),
        format!("{expected}Lost Tasks        : 3\n")
    );
}

#[test]
fn tasks_are_listed_with_the_oldest_first() {
    let mut sim = with_disks();
    sim.add_task(Some(A.parse().unwrap()), 0x10, 1);
    sim.add_task(Some(B.parse().unwrap()), 0x2a, 61_500);
    sim.add_task(None, 0xffff_ffff_ffff_fffe, 5_000_000_000);
    let title = "     AGE (s)  STAGE      OPCODE  TAG                 SESSION  LU NAME\n";
    let lines = [
        "       0.001  executing  0x28    0x10                1        600144F0000000000000000000000001\n",
        "      61.500  executing  0x28    0x2a                1        600144F0000000000000000000000002\n",
        " 5000000.000  detached   0x28    0xfffffffffffffffe  -        -\n",
    ];
    let [a, b, none] = lines;
    assert_eq!(
        ok(&mut sim, "stmfadm list-task"),
        format!("{title}{none}{b}{a}")
    );
    assert_eq!(
        ok(&mut sim, &format!("stmfadm list-task {A} {B}")),
        format!("{title}{b}{a}")
    );
}

#[test]
fn wrong_usage_does_nothing() {
    let mut sim = with_disks();
    for line in [
        "stmfadm",
        "stmfadm frobnicate",
        "stmfadm create-lu",
        "stmfadm create-lu -s 1x /dev/x",
        "stmfadm create-lu -p color=red /dev/x",
        "stmfadm create-lu -p meta=/x /dev/x",
        "stmfadm delete-lu",
        "stmfadm delete-lu 1234",
        "stmfadm list-view",
        "stmfadm list-view -l 600144F0000000000000000000000001 x",
        "stmfadm remove-view -l 600144F0000000000000000000000001",
        "stmfadm remove-view -l 600144F0000000000000000000000001 -a 1",
        "stmfadm add-view -n 16384 600144F0000000000000000000000001",
        "stmfadm add-view -h *all 600144F0000000000000000000000001",
        "stmfadm online-target",
        "stmfadm list-state extra",
    ] {
        let err = fail(&mut sim, line, Exit::Usage);
        assert!(err.contains("--help"), "{line}: {err}");
    }
    // One bad operand keeps the good ones from being touched.
    fail(&mut sim, &format!("stmfadm delete-lu {A} 1"), Exit::Usage);
    let out = ok(&mut sim, "stmfadm list-lu");
    assert_eq!(out, format!("LU Name: {A}\nLU Name: {B}\n"));
}

#[test]
fn help_and_version_need_no_kernel() {
    for line in [
        "stmfadm -?",
        "stmfadm --help",
        "stmfadm add-view -?",
        "stmfadm create-lu --help",
    ] {
        let args = line.split(' ').map(Into::into);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = stmfadm::main::<Sim>(
            args,
            || panic!("help connects to nothing"),
            &Setting::system(),
            &mut out,
            &mut err,
        );
        let out = String::from_utf8(out).unwrap();
        assert_eq!((exit, err), (Exit::Ok, Vec::new()), "{line}");
        assert!(out.contains("Usage: stmfadm"), "{line}: {out}");
    }
    let out = ok(&mut Sim::new(), "stmfadm -?");
    assert!(out.contains("\n  6  kernel module not loaded\n"), "{out}");
    let out = ok(&mut Sim::new(), "stmfadm -V");
    assert_eq!(out, concat!("stmfadm ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_module_that_is_not_loaded_is_named() {
    let mut sim = Sim::new();
    sim.unload("stmf");
    let err = fail(&mut sim, "stmfadm list-lu", Exit::NotLoaded);
    assert_eq!(err, "stmfadm: kernel module stmf is not loaded\n");
}

#[test]
fn missing_privileges_are_told() {
    let mut sim = with_disks();
    let refusal = Refusal {
        errno: 1,
        ..Refusal::default()
    };
    sim.refuse("stmf", 4, refusal);
    let err = fail(&mut sim, &format!("stmfadm add-view {A}"), Exit::Permission);
    assert_eq!(err, format!("stmfadm: {A}: permission denied\n"));
}
