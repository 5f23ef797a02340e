// SPDX-License-Identifier: GPL-2.0

//! What goes offline and online.

use super::*;

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
