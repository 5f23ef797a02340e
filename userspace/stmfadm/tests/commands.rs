// SPDX-License-Identifier: GPL-2.0

//! Whole command lines against a framework in memory: what is printed where, and the exit status.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::tz::TimeZone;
use libstmf::cli::Exit;
use libstmf::sim::Sim;
use libstmf::{Error, Event, EventKind, EventSource, Notice, ObjectState, Refusal, Stmf};
use stmfadm::{Patience, Setting};

const A: &str = "600144F0000000000000000000000001";
const B: &str = "600144F0000000000000000000000002";
const TARGET: &str = "iqn.2026-11.org.example:a";

/// Events that have happened.
struct History(VecDeque<Notice>);

impl EventSource for History {
    fn next(&mut self) -> Result<Option<Notice>, Error> {
        Ok(self.0.pop_front())
    }
}

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
        zone: || TimeZone::UTC,
        store: None,
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = stmfadm::main(
        args,
        || Ok(Stmf::with_transport(sim)),
        || Ok(History(VecDeque::new())),
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
fn what_initiators_are_called_does_nothing_to_the_terminal() {
    let mut sim = Sim::new();
    sim.add_target(TARGET);
    let line = format!("stmfadm create-lu -p guid={A} -p alias=\x1bc /dev/one");
    ok(&mut sim, &line);
    ok(&mut sim, &format!("stmfadm add-view {A}"));
    sim.add_session(TARGET, "evil\x1b[2J", Some("\u{9b}31m\n    Alias: mine"));
    sim.work(10, 5, 1);
    let shown = "        Initiator: evil\\u{1b}[2J\n            Alias: \
                 \\u{9b}31m\\n    Alias: mine\n";
    let out = ok(&mut sim, "stmfadm list-target -v");
    assert!(out.contains(shown), "{out:?}");
    for line in [
        &format!("stmfadm list-view -v -l {A}"),
        "stmfadm list-lu -v",
        "stmfadm stats --by nexus",
        "stmfadm stats --by nexus -v",
    ] {
        let out = ok(&mut sim, line);
        assert!(out.contains("\\u{1b}"), "{line}: {out:?}");
        let is_fine = |character: char| character == '\n' || !character.is_control();
        assert!(out.chars().all(is_fine), "{line}: {out:?}");
    }
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
    let out = ok(&mut sim, "stmfadm create-lu -p host-id=f1020304 /dev/four");
    let expected = "Logical unit created: 600144F0F1020304";
    assert!(out.starts_with(expected), "{out}");
}

#[test]
fn the_short_option_of_a_dry_run_stands_before_the_command() {
    let mut sim = with_disks();
    let out = ok(&mut sim, &format!("stmfadm -n add-view -n 7 {A}"));
    assert_eq!(out, format!("would create view entry {A} lun=7\n"));
    let out = ok(&mut sim, &format!("stmfadm list-lu -v {A}"));
    assert!(out.contains("View Entry Count  : 0\n"), "{out}");
}

#[test]
fn what_has_metadata_comes_back() {
    let mut sim = Sim::new();
    let meta = std::env::temp_dir().join(format!("stmfadm-meta-{}", std::process::id()));
    let meta = meta.display();
    ok(
        &mut sim,
        &format!("stmfadm create-lu -p guid={A} -p serial=S1 -p meta={meta} /dev/one"),
    );
    let before = ok(&mut sim, "stmfadm list-lu -v");
    let line = format!("    Meta File         : {meta}\n");
    assert!(before.contains(&line), "{before}");
    ok(&mut sim, &format!("stmfadm delete-lu {A}"));
    let out = ok(&mut sim, &format!("stmfadm import-lu {meta}"));
    assert_eq!(out, format!("Logical unit imported: {A}\n"));
    assert_eq!(ok(&mut sim, "stmfadm list-lu -v"), before);
    // The kernel makes no such file, so it was made here.
    std::fs::remove_file(meta.to_string()).unwrap();
    let err = run(&mut sim, &format!("stmfadm import-lu {meta}")).err;
    assert!(err.contains("it has no metadata"), "{err}");
}

#[test]
fn metadata_can_be_in_the_head_of_the_data() {
    let mut sim = Sim::new();
    ok(
        &mut sim,
        &format!("stmfadm create-lu -p guid={A} -p meta=head -p threshold=10% /srv/one"),
    );
    let before = ok(&mut sim, "stmfadm list-lu -v");
    let line = "    Meta File         : in the head of the data file\n";
    assert!(before.contains(line), "{before}");
    assert!(before.contains("    Space Threshold   : 10%\n"), "{before}");
    ok(&mut sim, &format!("stmfadm delete-lu {A}"));
    let out = ok(&mut sim, "stmfadm import-lu /srv/one");
    assert_eq!(out, format!("Logical unit imported: {A}\n"));
    assert_eq!(ok(&mut sim, "stmfadm list-lu -v"), before);
    // The kernel makes no file of that name.
    assert!(!std::path::Path::new("head").exists());
}

#[test]
fn a_disk_in_memory_is_called_by_its_name() {
    let mut sim = Sim::new();
    let name = "ram:scratch";
    fail(&mut sim, &format!("stmfadm create-lu {name}"), Exit::Failed);
    fail(
        &mut sim,
        &format!("stmfadm create-lu -s 2t {name}"),
        Exit::Failed,
    );
    ok(
        &mut sim,
        &format!("stmfadm create-lu -F -s 2t -p guid={A} {name}"),
    );
    let out = ok(&mut sim, "stmfadm list-lu -v");
    assert!(out.contains("    Data File         : ram:scratch\n"));
    assert!(out.contains("    Space Threshold   : not set\n"));
    ok(&mut sim, &format!("stmfadm modify-lu -f -s 1g {name}"));
    let err = run(&mut sim, &format!("stmfadm modify-lu -p threshold=3 {A}")).err;
    assert!(err.contains("threshold"), "{err}");
}

#[test]
fn no_file_of_metadata_is_left_of_what_is_not_made() {
    let mut sim = Sim::new();
    let meta = std::env::temp_dir().join(format!("stmfadm-new-{}", std::process::id()));
    let command = format!(
        "stmfadm create-lu -p guid={A} -p meta={} /dev/one",
        meta.display()
    );
    ok(
        &mut sim,
        &format!("stmfadm create-lu -p guid={A} /dev/other"),
    );
    fail(&mut sim, &command, Exit::Exists);
    assert!(!meta.exists());
    ok(&mut sim, &format!("stmfadm delete-lu {A}"));
    ok(
        &mut sim,
        &command.replace("/dev/one", "--dry-run /dev/null"),
    );
    assert!(!meta.exists());
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
    Revision          : 1.0
    Physical Block    : 4096
    Rotation Rate     : not reported
    Removable         : Disabled
    Thin              : Enabled
    Unmap             : Enabled
    Space Threshold   : not set
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
    Revision          : 1.0
    Physical Block    : 512
    Rotation Rate     : not reported
    Removable         : Disabled
    Thin              : Enabled
    Unmap             : Enabled
    Space Threshold   : 5%
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
    for line in [
        "list-lu",
        "list-lu -v",
        "list-target",
        "list-task",
        "stats",
        "stats -v",
    ] {
        assert_eq!(ok(&mut sim, &format!("stmfadm {line}")), "", "{line}");
    }
}

#[test]
fn nothing_is_an_empty_array() {
    let mut sim = Sim::new();
    for list in [
        "list-lu",
        "list-hg",
        "list-tg",
        "list-target",
        "list-task",
        "stats",
    ] {
        let line = format!("stmfadm {list} --json");
        assert_eq!(ok(&mut sim, &line), "[]\n", "{line}");
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
    for line in ["create-hg HostA", "create-hg HostB", "create-tg Targets"] {
        ok(&mut sim, &format!("stmfadm {line}"));
    }
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
    let err = fail(&mut sim, &line, Exit::NotFound);
    assert_eq!(err, format!("stmfadm: {B}: invalid host group\n"));
    ok(&mut sim, "stmfadm create-hg HostA");
    let err = fail(&mut sim, &line, Exit::Exists);
    assert_eq!(err, format!("stmfadm: {B}: LUN already in use: 5\n"));
    let err = fail(&mut sim, &format!("stmfadm add-view {A}"), Exit::Exists);
    let reason = "view entry exists: number 0 covers some of the same hosts";
    assert_eq!(err, format!("stmfadm: {A}: {reason}\n"));
}

#[test]
fn views_are_removed_one_by_one_or_all() {
    let mut sim = with_disks();
    for group in ["G0", "G1", "G2"] {
        ok(&mut sim, &format!("stmfadm create-hg {group}"));
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
fn a_view_can_be_tried_without_adding_it() {
    let mut sim = with_disks();
    ok(&mut sim, &format!("stmfadm add-view {A}"));
    let line = format!("stmfadm add-view --validate {B}");
    assert_eq!(ok(&mut sim, &line), "LUN: 1\n");
    let line = format!("stmfadm add-view --validate -n 0 {B}");
    let err = fail(&mut sim, &line, Exit::Exists);
    assert_eq!(err, format!("stmfadm: {B}: LUN already in use: 0\n"));
    let err = fail(&mut sim, &format!("stmfadm list-view -l {B}"), Exit::Failed);
    assert_eq!(err, format!("stmfadm: {B}: no views found\n"));
}

#[test]
fn views_are_listed_with_who_sees_them() {
    let mut sim = with_disks();
    sim.add_target(TARGET);
    let [a, b] = [
        "iqn.2026-11.org.example:host-a",
        "iqn.2026-11.org.example:host-b",
    ];
    for host in [a, b, a] {
        sim.add_session(TARGET, host, None);
    }
    ok(&mut sim, "stmfadm create-hg HostA");
    ok(&mut sim, &format!("stmfadm add-hg-member -g HostA {a}"));
    ok(&mut sim, &format!("stmfadm add-view -n 3 -h HostA {A}"));
    ok(&mut sim, &format!("stmfadm add-view -n 4 {B}"));
    let expected = format!(
        "\
View Entry: 0
    Host group   : HostA
    Target group : All
    LUN          : 3
    Lun          : 3 for {a}
"
    );
    assert_eq!(
        ok(&mut sim, &format!("stmfadm list-view -v -l {A}")),
        expected
    );
    let out = ok(&mut sim, &format!("stmfadm list-view -v -l {B}"));
    assert!(
        out.ends_with(&format!(": 4 for {a}\n    Lun          : 4 for {b}\n")),
        "{out}"
    );
    ok(&mut sim, &format!("stmfadm offline-lu {A}"));
    let out = ok(&mut sim, &format!("stmfadm list-view -v -l {A}"));
    assert!(!out.contains("Lun "), "{out}");
}

#[test]
fn groups_have_members() {
    for (kind, title) in [("hg", "Host"), ("tg", "Target")] {
        let mut sim = Sim::new();
        let mut ok = |line: &str| ok(&mut sim, &format!("stmfadm {}", line.replace('#', kind)));
        ok("create-# Two");
        ok("create-# One");
        ok("add-#-member -g Two IQN.2026-11.org.example:B wwn.2100001b32a1b2c3");
        ok("add-#-member -g Two iqn.2026-11.org.example:a iqn.2026-11.org.example:b");
        assert_eq!(
            ok("list-#"),
            format!("{title} Group: One\n{title} Group: Two\n")
        );
        let two = format!(
            "\
{title} Group: Two
\tMember: iqn.2026-11.org.example:a
\tMember: iqn.2026-11.org.example:b
\tMember: wwn.2100001B32A1B2C3
"
        );
        assert_eq!(ok("list-# -v"), format!("{title} Group: One\n{two}"));
        assert_eq!(ok("list-# -v Two"), two);
        ok("remove-#-member -g Two iqn.2026-11.org.example:A");
        ok("delete-# One");
        assert_eq!(ok("list-#"), format!("{title} Group: Two\n"));
    }
}

#[test]
fn groups_refuse_what_makes_no_sense() {
    let mut sim = with_disks();
    let member = "iqn.2026-11.org.example:a";
    for line in ["create-hg One", "create-hg Two"] {
        ok(&mut sim, &format!("stmfadm {line}"));
    }
    ok(&mut sim, &format!("stmfadm add-hg-member -g One {member}"));
    ok(&mut sim, &format!("stmfadm add-view -h One {A}"));
    for (line, exit, message) in [
        ("create-hg One", Exit::Exists, "One: already exists"),
        ("delete-hg Three", Exit::NotFound, "Three: group not found"),
        ("list-hg Three", Exit::NotFound, "Three: group not found"),
        (
            "delete-hg One",
            Exit::Busy,
            "One: group is in use by existing view entry",
        ),
        (
            "add-hg-member -g Two iqn.2026-11.org.example:a",
            Exit::Exists,
            "iqn.2026-11.org.example:a: already exists in another group",
        ),
        (
            "add-hg-member -g Three iqn.2026-11.org.example:a",
            Exit::NotFound,
            "iqn.2026-11.org.example:a: group not found",
        ),
        (
            "remove-hg-member -g Two iqn.2026-11.org.example:a",
            Exit::NotFound,
            "iqn.2026-11.org.example:a: member not found",
        ),
    ] {
        let err = fail(&mut sim, &format!("stmfadm {line}"), exit);
        assert_eq!(err, format!("stmfadm: {message}\n"), "{line}");
    }
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
fn the_service_goes_offline_and_online() {
    let mut sim = with_disks();
    sim.add_target(TARGET);
    ok(&mut sim, &format!("stmfadm offline-lu {B}"));
    ok(&mut sim, "stmfadm offline-service");
    let out = ok(&mut sim, "stmfadm list-state");
    assert!(out.starts_with("Operational Status: offline\n"), "{out}");
    let out = ok(&mut sim, "stmfadm list-target -v");
    assert!(out.contains("    Operational Status: Offline\n"), "{out}");
    let err = fail(&mut sim, &format!("stmfadm online-lu {A}"), Exit::Busy);
    assert_eq!(err, format!("stmfadm: {A}: STMF service is offline\n"));
    ok(&mut sim, "stmfadm online-service");
    let out = ok(&mut sim, &format!("stmfadm list-lu -v {A}"));
    assert!(out.contains("    Operational Status: Online\n"), "{out}");
    let out = ok(&mut sim, &format!("stmfadm list-lu -v {B}"));
    assert!(out.contains("    Operational Status: Offline\n"), "{out}");
}

#[test]
fn new_objects_go_to_the_default_states() {
    let mut sim = Sim::new();
    ok(
        &mut sim,
        "stmfadm modify-service -p default-lu-state=offline -p Default-Target-State=offline",
    );
    let out = ok(&mut sim, "stmfadm list-state");
    assert!(
        out.ends_with("Default LU State  : offline\nDefault Tgt State : offline\n"),
        "{out}"
    );
    ok(&mut sim, &format!("stmfadm create-lu -p guid={A} /dev/one"));
    let out = ok(&mut sim, "stmfadm list-lu -v");
    assert!(out.contains("    Operational Status: Offline\n"), "{out}");
}

#[test]
fn access_states_of_target_groups() {
    let mut sim = Sim::new();
    for group in ["east", "west"] {
        ok(&mut sim, &format!("stmfadm create-tg {group}"));
    }
    let error = fail(
        &mut sim,
        &format!("stmfadm set-access -g east -l {A} standby"),
        Exit::NotFound,
    );
    assert!(error.contains("no access state for all"), "{error}");
    ok(&mut sim, "stmfadm set-access -g east active-optimized");
    ok(
        &mut sim,
        "stmfadm set-access -g west -p true -e false -n 7 standby",
    );
    ok(
        &mut sim,
        &format!("stmfadm set-access -g east -l {A} offline"),
    );
    let error = fail(&mut sim, "stmfadm set-access -g east -n 7", Exit::Exists);
    assert!(error.contains("another target group has"), "{error}");
    let error = fail(&mut sim, "stmfadm clear-access -g east", Exit::Busy);
    assert!(error.contains("of their own"), "{error}");
    fail(&mut sim, "stmfadm set-access -g west good", Exit::Usage);
    let line = format!("stmfadm set-access -g west -l {A} -n 1 standby");
    fail(&mut sim, &line, Exit::Usage);
    let out = ok(&mut sim, "stmfadm list-access");
    assert_eq!(
        out,
        format!(
            "Target Group: east\n\tLU Name     : All\n\tAccess State: active-optimized\n\
             \tPreferred   : false\n\tExplicit    : false\n\tNumber      : 1\n\
             Target Group: east\n\tLU Name     : {A}\n\tAccess State: offline\n\
             \tPreferred   : false\n\
             Target Group: west\n\tLU Name     : All\n\tAccess State: standby\n\
             \tPreferred   : true\n\tExplicit    : false\n\tNumber      : 7\n"
        )
    );
    let out = ok(&mut sim, "stmfadm list-state");
    assert!(out.contains("ALUA Status       : enabled\n"), "{out}");
    ok(&mut sim, &format!("stmfadm clear-access -g east -l {A}"));
    ok(&mut sim, "stmfadm clear-access -g east");
    ok(&mut sim, "stmfadm delete-tg west");
    assert_eq!(ok(&mut sim, "stmfadm list-access"), "");
}

#[test]
fn events_are_printed_as_they_come() {
    let event = Event {
        kind: EventKind::TargetState,
        guid: None,
        target: Some(TARGET.to_owned()),
        state: Some(ObjectState::Offline),
        session: None,
        initiator: Some("host\x1b".to_owned()),
        held: true,
        group: None,
        access: None,
    };
    for (line, expected) in [
        (
            "stmfadm monitor",
            [
                " target-state target=iqn.2026-11.org.example:a initiator=host\\u{1b} state=offline held=true",
                " lost",
            ],
        ),
        (
            "stmfadm monitor --json",
            [
                r#","event":"target-state","target":"iqn.2026-11.org.example:a","initiator":"host\u001b","state":"offline","held":true}"#,
                r#","event":"lost"}"#,
            ],
        ),
    ] {
        let args = line.split(' ').map(Into::into);
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let history = [Notice::Event(event.clone()), Notice::Lost];
        let exit = stmfadm::main::<Sim, History>(
            args,
            || panic!("it asks for nothing"),
            || Ok(History(history.into())),
            &Setting::system(),
            &mut out,
            &mut err,
        );
        assert_eq!((exit, err), (Exit::Ok, Vec::new()));
        let out = String::from_utf8(out).unwrap();
        assert_eq!(out.lines().count(), 2, "{out}");
        for (line, expected) in out.lines().zip(expected) {
            assert!(line.contains(expected), "{line}");
        }
    }
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
        "stmfadm delete-lu",
        "stmfadm delete-lu 1234",
        "stmfadm list-view",
        "stmfadm list-view -l 600144F0000000000000000000000001 x",
        "stmfadm remove-view -l 600144F0000000000000000000000001",
        "stmfadm remove-view -l 600144F0000000000000000000000001 -a 1",
        "stmfadm add-view -n 16384 600144F0000000000000000000000001",
        "stmfadm add-view -h *all 600144F0000000000000000000000001",
        "stmfadm create-hg",
        "stmfadm create-hg *",
        "stmfadm create-tg *a",
        "stmfadm add-hg-member iqn.2026-11.org.example:a",
        "stmfadm add-hg-member -g One host1",
        "stmfadm add-tg-member -g One",
        "stmfadm online-target",
        "stmfadm list-state extra",
        "stmfadm modify-service",
        "stmfadm modify-service -p default-lu-state=maybe",
        "stmfadm modify-service -p color=red",
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
        let exit = stmfadm::main::<Sim, History>(
            args,
            || panic!("help connects to nothing"),
            || panic!("nor does it listen"),
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

#[test]
fn a_logical_unit_is_changed_by_its_name_or_its_file() {
    let mut sim = with_disks();
    let line = format!("stmfadm modify-lu -s 2g -p alias=new -p wcd=true -p mgmt-url=http://a {A}");
    assert_eq!(ok(&mut sim, &line), "");
    ok(&mut sim, "stmfadm modify-lu -f -p serial=77 /dev/two");
    let listed = ok(&mut sim, "stmfadm list-lu -v");
    for line in [
        "    Alias             : new\n",
        "    Size              : 2147483648\n",
        "    Management URL    : http://a\n",
        "    Writeback Cache   : Disabled\n",
        "    Serial Num        : 77\n",
    ] {
        assert_eq!(listed.matches(line).count(), 1, "{line}{listed}");
    }
    ok(&mut sim, &format!("stmfadm modify-lu -p mgmt-url= {A}"));
    let listed = ok(&mut sim, &format!("stmfadm list-lu -v {A}"));
    assert!(listed.contains("    Management URL    : not set\n"));
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let mut sim = with_disks();
    fail(&mut sim, &format!("stmfadm modify-lu {A}"), Exit::Usage);
    let line = format!("stmfadm modify-lu -p vid=X {A}");
    let err = fail(&mut sim, &line, Exit::Usage);
    assert_eq!(
        err,
        format!("stmfadm: {A}: that property cannot be changed\n")
    );
    let err = fail(
        &mut sim,
        "stmfadm modify-lu -s 1g /dev/none",
        Exit::NotFound,
    );
    assert_eq!(err, "stmfadm: /dev/none: not found\n");
}

#[test]
fn statistics_of_logical_units_are_a_table() {
    let mut sim = with_disks();
    sim.work(100, 3, 1);
    sim.add_task(Some(B.parse().unwrap()), 1, 0);
    let expected = "    \
    READS    WRITES    OTHERS      READ   WRITTEN  ERRORS DEPTH    PORT   QUEUE  DEVICE  LU NAME
      100         3         1      400K        3M       1     0     1us     0ns   100us  600144F0000000000000000000000001
      100         3         1      400K        3M       1     1     1us     0ns   100us  600144F0000000000000000000000002
";
    assert_eq!(ok(&mut sim, "stmfadm stats"), expected);
    let lines: Vec<_> = expected.lines().collect();
    assert_eq!(
        ok(&mut sim, &format!("stmfadm stats {B}")),
        format!("{}\n{}\n", lines[0], lines[2])
    );
}

#[test]
fn statistics_of_an_interval_are_what_has_come_in_it() {
    let mut sim = with_disks();
    sim.work(100, 3, 1);
    let line = format!("stmfadm stats --interval 0.001 --count 2 {A}");
    let out = ok(&mut sim, &line);
    let lines: Vec<_> = out.lines().collect();
    assert_eq!(lines.len(), 4, "two tables: {out}");
    assert!(
        lines[0].contains("READS/s") && lines[2] == lines[0],
        "{out}"
    );
    let nothing =
        "        0         0         0         0         0       0     0       -       -       -  ";
    assert_eq!(lines[1], format!("{nothing}{A}"));
}

#[test]
fn statistics_of_targets_and_sessions() {
    let mut sim = with_disks();
    sim.add_target(TARGET);
    sim.add_session(TARGET, "iqn.2026-11.org.example:host", None);
    ok(&mut sim, &format!("stmfadm add-view -n 7 {A}"));
    sim.work(1, 0, 0);
    let out = ok(&mut sim, &format!("stmfadm stats --by target {TARGET}"));
    assert!(out.ends_with(&format!("  {TARGET}\n")), "{out}");
    let out = ok(
        &mut sim,
        "stmfadm stats -b nexus iqn.2026-11.org.example:host",
    );
    let expected = format!("  iqn.2026-11.org.example:host (1) LUN 7 {A} {TARGET}\n");
    assert!(out.ends_with(&expected), "{out}");
}

#[test]
fn statistics_in_detail() {
    let mut sim = with_disks();
    sim.work(2, 1, 0);
    let expected = "\
LU Name: 600144F0000000000000000000000001
    Depth             : 0
    Reads             : 2
    Writes            : 1
    Others            : 0
    Read bytes        : 8192
    Written bytes     : 1048576
    Errors            : 0
    Busy              : 0
    Conflicts         : 0
    Aborted           : 0
    Latency           :         port        queue       device
      mean            :          1us          0ns        100us
      50 %            :       <1.0us       <256ns       <131us
      99 %            :       <1.0us       <256ns       <131us
      99.9 %          :       <1.0us       <256ns       <131us
      <256ns          :            0            3            0
      <1.0us          :            3            0            0
      <131us          :            0            0            3
";
    assert_eq!(ok(&mut sim, &format!("stmfadm stats -v {A}")), expected);
}

#[test]
fn statistics_name_what_is_not_there() {
    let mut sim = with_disks();
    let err = fail(&mut sim, &format!("stmfadm stats {TARGET}"), Exit::NotFound);
    assert_eq!(err, format!("stmfadm: {TARGET}: not found\n"));
    for (option, sentence) in [
        ("--by host", "host: neither lu nor target nor nexus"),
        ("--interval 0", "it must be from 0.001 to 86400 seconds"),
        ("--interval soon", "it is a number of seconds"),
    ] {
        let err = fail(&mut sim, &format!("stmfadm stats {option}"), Exit::Usage);
        assert!(err.contains(sentence), "{err}");
    }
}
