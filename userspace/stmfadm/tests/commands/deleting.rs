// SPDX-License-Identifier: GPL-2.0

//! What `delete-lu` takes away.

use super::*;

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
