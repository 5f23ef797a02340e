// SPDX-License-Identifier: GPL-2.0

//! Who sees which logical unit: views, groups, access states.

use super::*;

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
