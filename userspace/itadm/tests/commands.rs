// SPDX-License-Identifier: GPL-2.0

//! Whole command lines against a framework in memory: what is printed where, and the exit status.

use libstmf::cli::Exit;
use libstmf::sim::Sim;
use libstmf::{Goal, IscsiTargets, Stmf};

const NAME: &str = "iqn.1986-03.com.example:02:72e1b181-7bce-c0e6-851e-ec0d8cf14";

fn run(sim: &mut Sim, line: &str) -> (Exit, String, String) {
    let args: Vec<_> = line.split_whitespace().map(Into::into).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = itadm::main(
        args,
        || Ok(IscsiTargets::with_transport(sim)),
        &mut out,
        &mut err,
    );
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    (exit, text(out), text(err))
}

/// Runs a command line that does what it shall; returns what it prints.
fn ok(sim: &mut Sim, line: &str) -> String {
    let (exit, out, err) = run(sim, line);
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{line}");
    out
}

/// Runs a command line that fails and prints nothing; returns the message.
fn fail(sim: &mut Sim, line: &str, expected: Exit) -> String {
    let (exit, out, err) = run(sim, line);
    assert_eq!((exit, out.as_str()), (expected, ""), "{line}: {err}");
    err
}

#[test]
fn targets_are_created_with_a_name_of_any_case() {
    let mut sim = Sim::new();
    let line = "itadm create-target -n IQN.2026-11.org.example:A -l first";
    assert_eq!(
        ok(&mut sim, line),
        "Target iqn.2026-11.org.example:a successfully created\n"
    );
    let err = fail(&mut sim, line, Exit::Failed);
    assert_eq!(err, "itadm: iqn.2026-11.org.example:a: already exists\n");
}

#[test]
fn targets_without_a_name_get_one() {
    let mut sim = Sim::new();
    let out = ok(&mut sim, "itadm create-target");
    let name = out
        .strip_prefix("Target iqn.2026-11.org.comstar-linux:02:")
        .and_then(|rest| rest.strip_suffix(" successfully created\n"))
        .unwrap_or_else(|| panic!("{out}"));
    assert_eq!(name.len(), 36);
    assert_ne!(out, ok(&mut sim, "itadm create-target"));
    assert_eq!(ok(&mut sim, "itadm list-target -p").lines().count(), 2);
}

#[test]
fn targets_are_listed_in_columns() {
    let mut sim = Sim::new();
    assert_eq!(ok(&mut sim, "itadm list-target"), "");
    ok(&mut sim, &format!("itadm create-target -n {NAME}"));
    ok(
        &mut sim,
        "itadm create-target -n iqn.2026-11.org.example:b -l second",
    );
    sim.add_session(NAME, "iqn.2026-11.org.example:host", None);
    let title = "TARGET NAME                                                  STATE    SESSIONS \n";
    let first = "iqn.1986-03.com.example:02:72e1b181-7bce-c0e6-851e-ec0d8cf14 online   1        \n";
    let second =
        "iqn.2026-11.org.example:b                                    online   0        \n";
    assert_eq!(
        ok(&mut sim, "itadm list-target"),
        format!("{title}{first}{second}")
    );
    let details = "        alias:                  second
        auth:                   none (defaults)
        targetchapuser:         -
        targetchapsecret:       unset
        tpg-tags:               default
";
    assert_eq!(
        ok(&mut sim, "itadm list-target -v iqn.2026-11.org.example:b"),
        format!("{title}{second}{details}")
    );
}

#[test]
fn columns_are_as_wide_as_the_longest_name() {
    let mut sim = Sim::new();
    let long = format!("iqn.2026-11.org.example:{}", "a".repeat(40));
    ok(&mut sim, &format!("itadm create-target -n {long}"));
    ok(&mut sim, "itadm create-target -n iqn.2026-11.org.example:b");
    let out = ok(&mut sim, "itadm list-target");
    let columns: Vec<_> = out
        .lines()
        .map(|line| line.find(" online").or_else(|| line.find(" STATE")))
        .collect();
    assert_eq!(columns, [Some(64); 3], "{out}");
}

#[test]
fn targets_are_listed_for_programs() {
    let mut sim = Sim::new();
    ok(&mut sim, &format!("itadm create-target -n {NAME}"));
    assert_eq!(
        ok(&mut sim, "itadm list-target -p"),
        format!("{NAME}\tonline\t0\n")
    );
    assert_eq!(
        ok(&mut sim, "itadm list-target -p -v"),
        format!(
            "{NAME}\tonline\t0\n\talias:\t-\n\tauth:\tnone (defaults)\n\ttargetchapuser:\t-\n\
             \ttargetchapsecret:\tunset\n\ttpg-tags:\tdefault\n"
        )
    );
}

#[test]
fn a_target_that_is_not_there_is_told() {
    let mut sim = Sim::new();
    ok(&mut sim, &format!("itadm create-target -n {NAME}"));
    let (exit, out, err) = run(&mut sim, &format!("itadm list-target -p iqn.x {NAME}"));
    assert_eq!(
        (exit, out),
        (Exit::NotFound, format!("{NAME}\tonline\t0\n"))
    );
    assert_eq!(err, "itadm: iqn.x: not found\n");
}

#[test]
fn only_force_deletes_what_is_online() {
    let mut sim = Sim::new();
    ok(&mut sim, "itadm create-target -n iqn.2026-11.org.example:a");
    ok(&mut sim, "itadm create-target -n iqn.2026-11.org.example:b");
    let line = "itadm delete-target iqn.2026-11.org.example:a";
    let err = fail(&mut sim, line, Exit::Busy);
    assert_eq!(
        err,
        "itadm: iqn.2026-11.org.example:a: The target is online or busy. Use the -f (force) \
         option, or 'stmfadm offline-target iqn.2026-11.org.example:a'\n"
    );
    Stmf::with_transport(&mut sim)
        .set_target_state("iqn.2026-11.org.example:a", Goal::Offline)
        .unwrap();
    ok(&mut sim, line);
    let line = "itadm delete-target -f iqn.2026-11.org.example:a iqn.2026-11.org.example:b";
    let err = fail(&mut sim, line, Exit::NotFound);
    assert_eq!(err, "itadm: iqn.2026-11.org.example:a: not found\n");
    assert_eq!(ok(&mut sim, "itadm list-target"), "");
}

#[test]
fn wrong_usage_does_nothing() {
    let mut sim = Sim::new();
    for line in [
        "itadm",
        "itadm frobnicate",
        "itadm create-target -n host1",
        "itadm create-target -n iqn.a/b",
        "itadm create-target iqn.2026-11.org.example:a",
        "itadm delete-target",
        "itadm list-target wwn.2100001b32a1b2c3",
    ] {
        let err = fail(&mut sim, line, Exit::Usage);
        assert!(err.contains("--help"), "{line}: {err}");
    }
    assert_eq!(ok(&mut sim, "itadm list-target"), "");
}

#[test]
fn help_and_version_need_no_kernel() {
    for line in ["itadm -?", "itadm --help", "itadm create-target -?"] {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let exit = itadm::main::<Sim>(
            line.split(' ').map(Into::into),
            || panic!("help connects to nothing"),
            &mut out,
            &mut err,
        );
        let out = String::from_utf8(out).unwrap();
        assert_eq!((exit, err), (Exit::Ok, Vec::new()), "{line}");
        assert!(out.contains("Usage: itadm"), "{line}: {out}");
    }
    let out = ok(&mut Sim::new(), "itadm -V");
    assert_eq!(out, concat!("itadm ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn a_module_that_is_not_loaded_is_named() {
    let mut sim = Sim::new();
    sim.unload("stmf-iscsi");
    let err = fail(&mut sim, "itadm list-target", Exit::NotLoaded);
    assert_eq!(err, "itadm: kernel module stmf_iscsi is not loaded\n");
}
