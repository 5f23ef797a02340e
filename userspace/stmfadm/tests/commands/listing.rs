// SPDX-License-Identifier: GPL-2.0

//! What there is: logical units, targets and their sessions, tasks, events.

use super::*;

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
