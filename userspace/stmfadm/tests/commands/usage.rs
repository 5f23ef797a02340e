// SPDX-License-Identifier: GPL-2.0

//! Command lines that can't be carried out, and those that need no kernel.

use super::*;

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
