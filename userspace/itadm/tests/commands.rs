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
        None,
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
    let err = fail(&mut sim, line, Exit::Exists);
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
        relative-id:            2
";
    assert_eq!(
        ok(&mut sim, "itadm list-target -v iqn.2026-11.org.example:b"),
        format!("{title}{second}{details}")
    );
}

#[test]
fn what_initiators_are_called_does_nothing_to_the_terminal() {
    let mut sim = Sim::new();
    ok(&mut sim, &format!("itadm create-target -n {NAME}"));
    sim.add_connection(NAME, "evil\x1b[2J\nname\u{9b}", 1, [0; 5]);
    for line in ["itadm list-session", "itadm list-session -v"] {
        let out = ok(&mut sim, line);
        assert!(out.contains("evil\\u{1b}[2J\\nname\\u{9b} "), "{out:?}");
    }
    let out = ok(&mut sim, "itadm list-session -p");
    assert_eq!(out.lines().count(), 1, "{out:?}");
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
             \ttargetchapsecret:\tunset\n\ttpg-tags:\tdefault\n\trelative-id:\t1\n"
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
            None,
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

/// A file with a secret in it, for as long as the value lives.
struct SecretFile(std::path::PathBuf);

impl SecretFile {
    fn new(name: &str, secret: &str) -> Self {
        let path = std::env::temp_dir().join(format!("itadm.{}.{name}", std::process::id()));
        std::fs::write(&path, secret).unwrap();
        Self(path)
    }

    fn option(&self) -> String {
        format!("-S {}", self.0.display())
    }
}

impl Drop for SecretFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let mut sim = Sim::new();
    let good_file = SecretFile::new("good", "a secret of 12+\n");
    let good = good_file.option();
    let short_file = SecretFile::new("short", "too short\n");
    let short = short_file.option();
    let line = format!("itadm create-initiator {good} -u joe iqn.2026-11.org.example:host");
    ok(&mut sim, &line);
    let out = ok(&mut sim, "itadm list-initiator -p");
    assert_eq!(out, "iqn.2026-11.org.example:host\tjoe\tset\n");
    let err = fail(
        &mut sim,
        &format!("itadm modify-initiator {short} iqn.2026-11.org.example:host"),
        Exit::Failed,
    );
    assert_eq!(err, "itadm: CHAP secret: has to have 12 to 255 bytes\n");
    ok(
        &mut sim,
        "itadm modify-initiator --no-chap-secret -u none iqn.2026-11.org.example:host",
    );
    let out = ok(&mut sim, "itadm list-initiator -p");
    assert_eq!(out, "iqn.2026-11.org.example:host\t-\tunset\n");
    ok(
        &mut sim,
        "itadm delete-initiator iqn.2026-11.org.example:host",
    );
    assert_eq!(ok(&mut sim, "itadm list-initiator"), "");
    let line = "itadm create-initiator -s secret iqn.2026-11.org.example:host";
    fail(&mut sim, line, Exit::Usage);
}

#[test]
fn properties_of_targets_are_changed_and_listed() {
    let mut sim = Sim::new();
    let file = SecretFile::new("target", "the target's own");
    let secret = file.option();
    ok(
        &mut sim,
        &format!("itadm create-target -n {NAME} -a chap -u me {secret}"),
    );
    ok(&mut sim, "itadm create-tpg 7 192.0.2.1 [2001:db8::1]:3261");
    let line = format!("itadm modify-target -t 7 -l disk --limit MaxBurstLength=65536 {NAME}");
    let out = ok(&mut sim, &line);
    assert_eq!(out, format!("Target {NAME} successfully modified\n"));
    let details = "        alias:                  disk
        auth:                   chap
        targetchapuser:         me
        targetchapsecret:       set
        tpg-tags:               7 = 7
        relative-id:            1
        MaxBurstLength          65536
";
    let out = ok(&mut sim, "itadm list-target -v");
    assert!(out.ends_with(details), "{out}");
    let line = format!(
        "itadm modify-target -t default -l none -a default --limit MaxBurstLength=default {NAME}"
    );
    ok(&mut sim, &line);
    let out = ok(&mut sim, "itadm list-target --json");
    for part in [
        "\"alias\": null",
        "\"auth\": \"default\"",
        "\"limits\": {}",
        "\"default\"",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
}

#[test]
fn portal_groups_in_use_stay() {
    let mut sim = Sim::new();
    ok(&mut sim, "itadm create-tpg lab 192.0.2.1:3261");
    let out = ok(&mut sim, "itadm list-tpg -p -v");
    assert_eq!(out, "lab\t1\n\tportals:\t192.0.2.1:3261\n");
    ok(&mut sim, &format!("itadm create-target -n {NAME} -t lab"));
    let err = fail(&mut sim, "itadm delete-tpg lab", Exit::Busy);
    assert!(err.contains("-f (force)"), "{err}");
    ok(&mut sim, "itadm delete-tpg -f lab");
    let line = format!("itadm modify-target -t lab {NAME}");
    fail(&mut sim, &line, Exit::NotFound);
}

#[test]
fn defaults_are_listed_as_ever() {
    let mut sim = Sim::new();
    ok(&mut sim, "itadm modify-defaults -a chap");
    let out = ok(&mut sim, "itadm list-defaults");
    assert!(
        out.starts_with("iSCSI Target Default Properties:\n\nalias:"),
        "{out}"
    );
    assert!(out.contains("auth:                     chap\n"), "{out}");
    let err = fail(&mut sim, "itadm modify-defaults -a radius", Exit::Failed);
    assert_eq!(err, "itadm: auth-method: RADIUS is not supported\n");
}

#[test]
fn a_dry_run_changes_nothing() {
    let mut sim = Sim::new();
    let dry = format!("itadm create-target --dry-run -n {NAME}");
    assert_eq!(ok(&mut sim, &dry), format!("would create target {NAME}\n"));
    assert_eq!(ok(&mut sim, "itadm list-target"), "");
    ok(&mut sim, "itadm create-tpg --dry-run lab 192.0.2.1");
    assert_eq!(ok(&mut sim, "itadm list-tpg"), "");
}

const HOST: &str = "iqn.2026-11.org.example:host";

/// What was counted of a connection: commands, bytes sent and received, digest and format errors.
const COUNTED: [u64; 5] = [1000, 4_096_000, 512_000, 1, 2];

/// What `list-session -v` says of each thing counted.
fn counted(sim: &mut Sim) -> Vec<(String, String)> {
    let names = ["PDUs", "Octets", "Errors"];
    let all = ok(sim, "itadm list-session -v");
    let mut lines: Vec<_> = all
        .lines()
        .filter_map(|line| line.trim_start().split_once(' '))
        .filter(|(name, _)| names.iter().any(|end| name.ends_with(end)))
        .map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()))
        .collect();
    lines.truncate(7);
    lines
}

#[test]
fn a_session_is_listed_with_what_was_negotiated_and_counted() {
    let mut sim = Sim::new();
    assert_eq!(ok(&mut sim, "itadm list-session"), "");
    sim.add_connection(NAME, HOST, 0, COUNTED);
    let expected = "        isid:                    00023d000001
        tsih:                    1
        cid:                     0
        portal:                  192.0.2.1:3260,1
        login time:              2009-03-03T10:00:00Z
        CmdPDUs                  1000
        RspPDUs                  1000
        TxDataOctets             4096000
        RxDataOctets             512000
        DigestErrors             1
        FormatErrors             2
        CxnTimeoutErrors         0
        HeaderDigest             CRC32C
";
    let out = ok(&mut sim, "itadm list-session -v");
    assert!(out.contains(expected), "expected {expected} in {out}");
}

#[test]
fn a_session_with_several_connections_tells_what_it_counted_of_all() {
    let mut sim = Sim::new();
    sim.add_connection(NAME, HOST, 0, COUNTED);
    sim.add_connection(NAME, HOST, 1, [1, 0, 0, 0, 0]);
    sim.add_connection(NAME, "iqn.2026-11.org.example:other", 0, COUNTED);
    let expected = [
        ("CmdPDUs", "1000 (session: 1001)"),
        ("RspPDUs", "1000 (session: 1001)"),
        ("TxDataOctets", "4096000"),
        ("RxDataOctets", "512000"),
        ("DigestErrors", "1"),
        ("FormatErrors", "2"),
        ("CxnTimeoutErrors", "0"),
    ];
    let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(counted(&mut sim), expected);
}

#[test]
fn what_was_counted_of_sessions_is_listed_for_programs() {
    let mut sim = Sim::new();
    sim.add_connection(NAME, HOST, 0, COUNTED);
    sim.add_connection(NAME, HOST, 1, [1, 0, 0, 0, 0]);
    let out = ok(&mut sim, "itadm list-session --json");
    let all: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(all[1]["login_time"], "2009-03-03T10:00:00Z");
    assert_eq!(all[1]["counted"]["CmdPDUs"], 1);
    assert_eq!(all[1]["counted"]["TxDataOctets"], 0);
    assert_eq!(all[1]["session"]["counted"]["CmdPDUs"], 1001);
    assert_eq!(all[1]["session"]["counted"]["RxDataOctets"], 512_000);
    assert_eq!(all[1]["session"]["counted"]["CxnTimeoutErrors"], 0);
    assert_eq!(all[1]["session"]["login_time"], "2009-03-03T10:00:00Z");
}
