// SPDX-License-Identifier: GPL-2.0

//! The tables of SPC and SBC, row by row.

use super::*;
use ReservationType::*;

const A: bool = true;
const C: bool = false;

/// A command, and whether it is allowed for: the holder's opposite with write exclusive, with
/// exclusive access, a registrant with the types for registrants, a stranger with these and write
/// exclusive, a stranger with these and exclusive access.
type Row = (&'static str, &'static [u8], [bool; 5]);

/// SPC-5, table "SPC-5 commands that are allowed in the presence of various reservations".
const SPC: &[Row] = &[
    ("EXTENDED COPY", &[0x83, 0x00], [C, C, A, C, C]),
    ("INQUIRY", &[0x12], [A, A, A, A, A]),
    ("LOG SELECT", &[0x4c], [C, C, A, C, C]),
    ("LOG SENSE", &[0x4d], [A, A, A, A, A]),
    ("MODE SELECT(6)", &[0x15], [C, C, A, C, C]),
    ("MODE SELECT(10)", &[0x55], [C, C, A, C, C]),
    ("MODE SENSE(6)", &[0x1a], [A, C, A, A, C]),
    ("MODE SENSE(10)", &[0x5a], [A, C, A, A, C]),
    ("PERSISTENT RESERVE IN", &[0x5e], [A, A, A, A, A]),
    ("READ BUFFER(10)", &[0x3c], [A, C, A, A, C]),
    ("READ BUFFER(16)", &[0x9b], [A, C, A, A, C]),
    ("RECEIVE COPY RESULTS", &[0x84, 0x03], [A, C, A, A, C]),
    ("RECEIVE DIAGNOSTIC RESULTS", &[0x1c], [A, C, A, A, C]),
    ("RELEASE(6)", &[0x17], [C, C, A, C, C]),
    ("RELEASE(10)", &[0x57], [C, C, A, C, C]),
    ("REPORT ALIASES", &[0xa3, 0x0b], [A, A, A, A, A]),
    (
        "REPORT IDENTIFYING INFORMATION",
        &[0xa3, 0x05],
        [A, A, A, A, A],
    ),
    ("REPORT LUNS", &[0xa0], [A, A, A, A, A]),
    ("REPORT PRIORITY", &[0xa3, 0x0e], [A, A, A, A, A]),
    (
        "REPORT SUPPORTED OPERATION CODES",
        &[0xa3, 0x0c],
        [A, C, A, A, C],
    ),
    ("REPORT SUPPORTED TMF", &[0xa3, 0x0d], [A, C, A, A, C]),
    ("REPORT TARGET PORT GROUPS", &[0xa3, 0x0a], [A, A, A, A, A]),
    ("REPORT TIMESTAMP", &[0xa3, 0x0f], [A, A, A, A, A]),
    ("REQUEST SENSE", &[0x03], [A, A, A, A, A]),
    ("RESERVE(6)", &[0x16], [C, C, A, C, C]),
    ("RESERVE(10)", &[0x56], [C, C, A, C, C]),
    ("SEND DIAGNOSTIC", &[0x1d], [C, C, A, C, C]),
    (
        "SET IDENTIFYING INFORMATION",
        &[0xa4, 0x06],
        [C, C, A, C, C],
    ),
    ("SET TARGET PORT GROUPS", &[0xa4, 0x0a], [C, C, A, C, C]),
    ("SET TIMESTAMP", &[0xa4, 0x0f], [C, C, A, C, C]),
    ("TEST UNIT READY", &[0x00], [A, A, A, A, A]),
    ("WRITE BUFFER", &[0x3b], [C, C, A, C, C]),
];

/// SBC-4, table "SBC-4 commands that are allowed in the presence of various reservations".
const SBC: &[Row] = &[
    ("COMPARE AND WRITE", &[0x89], [C, C, A, C, C]),
    ("FORMAT UNIT", &[0x04], [C, C, A, C, C]),
    ("GET LBA STATUS(16)", &[0x9e, 0x12], [A, C, A, A, C]),
    ("ORWRITE(16)", &[0x8b], [C, C, A, C, C]),
    ("PRE-FETCH(10)", &[0x34], [A, C, A, A, C]),
    ("PRE-FETCH(16)", &[0x90], [A, C, A, A, C]),
    (
        "PREVENT ALLOW, PREVENT=0",
        &[0x1e, 0, 0, 0, 0],
        [A, A, A, A, A],
    ),
    (
        "PREVENT ALLOW, PREVENT=1",
        &[0x1e, 0, 0, 0, 1],
        [C, C, A, C, C],
    ),
    ("READ(6)", &[0x08], [A, C, A, A, C]),
    ("READ(10)", &[0x28], [A, C, A, A, C]),
    ("READ(12)", &[0xa8], [A, C, A, A, C]),
    ("READ(16)", &[0x88], [A, C, A, A, C]),
    (
        "READ(32)",
        &[0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x09],
        [A, C, A, A, C],
    ),
    ("READ CAPACITY(10)", &[0x25], [A, A, A, A, A]),
    ("READ CAPACITY(16)", &[0x9e, 0x10], [A, A, A, A, A]),
    ("READ DEFECT DATA(10)", &[0x37], [A, C, A, A, C]),
    ("READ DEFECT DATA(12)", &[0xb7], [A, C, A, A, C]),
    ("REPORT REFERRALS", &[0x9e, 0x13], [A, A, A, A, A]),
    ("SANITIZE", &[0x48, 0x01], [C, C, A, C, C]),
    (
        "START STOP UNIT, START=1",
        &[0x1b, 0, 0, 0, 0x01],
        [A, A, A, A, A],
    ),
    (
        "START STOP UNIT, START=0",
        &[0x1b, 0, 0, 0, 0x00],
        [C, C, A, C, C],
    ),
    (
        "START STOP UNIT, power condition",
        &[0x1b, 0, 0, 0, 0x21],
        [C, C, A, C, C],
    ),
    ("SYNCHRONIZE CACHE(10)", &[0x35], [C, C, A, C, C]),
    ("SYNCHRONIZE CACHE(16)", &[0x91], [C, C, A, C, C]),
    ("UNMAP", &[0x42], [C, C, A, C, C]),
    ("VERIFY(10)", &[0x2f], [A, C, A, A, C]),
    ("VERIFY(12)", &[0xaf], [A, C, A, A, C]),
    ("VERIFY(16)", &[0x8f], [A, C, A, A, C]),
    (
        "VERIFY(32)",
        &[0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x0a],
        [A, C, A, A, C],
    ),
    ("WRITE(6)", &[0x0a], [C, C, A, C, C]),
    ("WRITE(10)", &[0x2a], [C, C, A, C, C]),
    ("WRITE(12)", &[0xaa], [C, C, A, C, C]),
    ("WRITE(16)", &[0x8a], [C, C, A, C, C]),
    (
        "WRITE(32)",
        &[0x7f, 0, 0, 0, 0, 0, 0, 0x18, 0, 0x0b],
        [C, C, A, C, C],
    ),
    ("WRITE AND VERIFY(10)", &[0x2e], [C, C, A, C, C]),
    ("WRITE AND VERIFY(16)", &[0x8e], [C, C, A, C, C]),
    ("WRITE ATOMIC(16)", &[0x9c], [C, C, A, C, C]),
    ("WRITE SAME(10)", &[0x41], [C, C, A, C, C]),
    ("WRITE SAME(16)", &[0x93], [C, C, A, C, C]),
    ("a vendor's own", &[0xc0], [C, C, A, C, C]),
];

/// What the table has in the column of a reservation, and of who sends the command.
fn column(row: &[bool; 5], kind: ReservationType, is_registered: bool) -> bool {
    match (kind, is_registered) {
        (WriteExclusive, _) => row[0],
        (ExclusiveAccess, _) => row[1],
        (_, true) => row[2],
        (WriteExclusiveRegistrantsOnly | WriteExclusiveAllRegistrants, false) => row[3],
        (ExclusiveAccessRegistrantsOnly | ExclusiveAccessAllRegistrants, false) => row[4],
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn every_row_of_the_tables_of_spc_and_sbc_holds() {
    for (name, cdb, row) in SPC.iter().chain(SBC) {
        let class = class::of(cdb);
        for kind in ReservationType::ALL {
            let state = reserved(kind);
            let permits = |number| state.permits(nexus(number, 1).as_ref(), class);
            assert!(permits(1), "{name}, {kind:?}, holder");
            assert_eq!(
                permits(2),
                column(row, kind, true),
                "{name}, {kind:?}, registered"
            );
            assert_eq!(
                permits(9),
                column(row, kind, false),
                "{name}, {kind:?}, stranger"
            );
        }
        let none = registered(&[]);
        assert!(
            none.permits(nexus(9, 1).as_ref(), class),
            "{name}, nothing reserved"
        );
    }
}

/// SPC-5, table "PERSISTENT RESERVE OUT service actions that are allowed in the presence of various
/// reservations": for a registered I_T nexus, and for one that is not.
#[test]
fn every_row_of_the_table_of_service_actions_holds() {
    let rows = [
        (ServiceAction::Clear, A, C),
        (ServiceAction::Preempt, A, C),
        (ServiceAction::PreemptAndAbort, A, C),
        (ServiceAction::Register, A, A),
        (ServiceAction::RegisterAndIgnoreExistingKey, A, A),
        (ServiceAction::RegisterAndMove, C, C),
        (ServiceAction::Release, A, C),
        (ServiceAction::Reserve, C, C),
    ];
    for (action, by_registrant, by_stranger) in rows {
        for kind in [
            WriteExclusive,
            ExclusiveAccess,
            WriteExclusiveRegistrantsOnly,
        ] {
            for (number, key, allowed) in [(2, 2, by_registrant), (9, 0, by_stranger)] {
                let mut out = Out::new(action, key, 3).kind(kind).ids(&[initiator(3)]);
                if action != ServiceAction::RegisterAndMove {
                    out.ids.clear();
                }
                out.port = 1;
                let sent = out.send(&mut reserved(kind), &nexus(number, 1));
                assert_eq!(
                    sent.is_ok(),
                    allowed,
                    "{action:?}, {kind:?}, {number}: {sent:?}"
                );
                assert!(
                    allowed || sent == Err(Refused::Conflict),
                    "{action:?}: {sent:?}"
                );
            }
        }
    }
}

/// SPC-2, table "SPC commands that are allowed in the presence of various reservations".
#[test]
fn a_reserve_of_spc_2_lets_little_through() {
    let mut state = registered(&[]);
    let (holder, other) = (nexus(1, 1), nexus(2, 1));
    state.reserve_spc2(holder.as_ref());
    let allowed = [0x12, 0xa0, 0x03, 0x4d, 0x25, 0x17, 0x57];
    for (name, cdb, _) in SPC.iter().chain(SBC) {
        let class = class::of(cdb);
        let is_persistent = matches!(cdb[0], 0x5e | 0x5f);
        assert_eq!(
            state.permits(holder.as_ref(), class),
            !is_persistent,
            "{name}"
        );
        let expected = allowed.contains(&cdb[0])
            || matches!(*cdb, [0xa3, 0x05] | [0x9e, 0x10] | [0x1e, .., 0]);
        assert_eq!(state.permits(other.as_ref(), class), expected, "{name}");
    }
}
