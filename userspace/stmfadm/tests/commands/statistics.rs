// SPDX-License-Identifier: GPL-2.0

//! What `stats` counts.

use super::*;

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
