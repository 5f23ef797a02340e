// SPDX-License-Identifier: GPL-2.0

//! Parameter lists that are out of order, and what is reported.

use super::*;
use crate::{
    cdb::{
        self,
        Command, //
    },
    sense::AdditionalSense,
    sink::Sink, //
};

const LENGTH_ERROR: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

fn parse_error(out: &Out, list: &[u8]) -> Sense {
    Request::parse(&out.cdb(list.len()), list).unwrap_err()
}

#[test]
fn the_cdb_tells_action_scope_type_and_length() {
    let cdb = [0x5f, 0x04, 0x03, 0, 0, 0, 0, 0, 24, 0];
    assert_eq!(
        cdb::parse(&cdb),
        Ok(Command::PersistentReserveOut(PersistentReserveOut {
            action: ServiceAction::Preempt,
            scope_and_type: 3,
            list_len: 24,
        }))
    );
    let unknown = [0x5f, 0x08, 0, 0, 0, 0, 0, 0, 24, 0];
    assert_eq!(
        cdb::parse(&unknown),
        Err(Sense::invalid_cdb_field(1, Some(4)))
    );
    let unknown = [0x5e, 0x04, 0, 0, 0, 0, 0, 0, 24, 0];
    assert_eq!(
        cdb::parse(&unknown),
        Err(Sense::invalid_cdb_field(1, Some(4)))
    );
}

#[test]
fn only_register_and_move_have_more_than_24_bytes() {
    for action in ServiceAction::ALL {
        let out = Out::new(action, 1, 1);
        let long = matches!(
            action,
            ServiceAction::Register | ServiceAction::RegisterAndMove
        );
        assert_eq!(out.cdb(23).check_length(), Err(LENGTH_ERROR));
        assert_eq!(out.cdb(24).check_length(), Ok(()));
        assert_eq!(out.cdb(28).check_length().is_ok(), long, "{action:?}");
        assert_eq!(out.cdb(0x1_0000).check_length(), Err(LENGTH_ERROR));
    }
    let mut list = Out::new(ServiceAction::Register, 1, 1).list();
    list.push(0);
    assert_eq!(
        parse_error(&Out::new(ServiceAction::Register, 1, 1), &list),
        LENGTH_ERROR
    );
}

#[test]
fn spec_i_pt_is_for_register_alone() {
    for action in ServiceAction::ALL {
        if matches!(
            action,
            ServiceAction::Register | ServiceAction::RegisterAndMove
        ) {
            continue;
        }
        let out = Out::new(action, 1, 1).flags(SPEC_I_PT);
        assert_eq!(
            parse_error(&out, &out.list()),
            Sense::invalid_parameter(20, Some(3))
        );
    }
}

#[test]
fn a_transport_id_that_is_cut_is_pointed_at() {
    let ids = [initiator(1), initiator(2)];
    let out = Out::new(ServiceAction::Register, 0, 1)
        .flags(SPEC_I_PT)
        .ids(&ids);
    let list = out.list();
    assert!(Request::parse(&out.cdb(list.len()), &list).is_ok());
    // The list is shorter than it says.
    let cut = &list[..list.len() - 4];
    assert_eq!(parse_error(&out, cut), Sense::invalid_parameter(24, None));
    // The length that it says cuts the second.
    let mut cut = list.clone();
    cut[27] -= 4;
    let second = 28 + encoded(&ids[0]).len() as u16;
    assert_eq!(
        parse_error(&out, &cut),
        Sense::invalid_parameter(second, None)
    );
    // There is no length.
    assert_eq!(
        parse_error(&out, &list[..24]),
        Sense::invalid_parameter(24, None)
    );
}

#[test]
fn a_node_name_is_no_initiator_port() {
    let node = TransportId::iscsi("iqn.2026-11.test:host", None).unwrap();
    let out = Out::new(ServiceAction::Register, 0, 1)
        .flags(SPEC_I_PT)
        .ids(&[node]);
    assert_eq!(
        parse_error(&out, &out.list()),
        Sense::invalid_parameter(28, None)
    );
    let mut out = Out::new(ServiceAction::RegisterAndMove, 1, 2).ids(&[node]);
    out.port = 1;
    assert_eq!(
        parse_error(&out, &out.list()),
        Sense::invalid_parameter(24, None)
    );
}

#[test]
fn scope_and_type_are_looked_at_where_they_count() {
    let bad_scope = |action| {
        let mut out = Out::new(action, 1, 1);
        out.scope_and_type = 0x13;
        Request::parse(&out.cdb(24), &out.list()).err()
    };
    let bad_type = |action| {
        let mut out = Out::new(action, 1, 1);
        out.scope_and_type = 0x02;
        Request::parse(&out.cdb(24), &out.list()).err()
    };
    for action in [ServiceAction::Reserve, ServiceAction::Release] {
        assert_eq!(
            bad_scope(action),
            Some(Sense::invalid_cdb_field(2, Some(7)))
        );
        assert_eq!(bad_type(action), Some(Sense::invalid_cdb_field(2, Some(3))));
    }
    for action in [
        ServiceAction::Register,
        ServiceAction::Clear,
        ServiceAction::Preempt,
    ] {
        assert_eq!((bad_scope(action), bad_type(action)), (None, None));
    }
}

fn report(state: &State<Rows>, report: Report) -> Vec<u8> {
    let mut out = [0xee; 512];
    let mut sink = Sink::new(&mut out);
    state.report(report, Capabilities { can_persist: true }, &mut sink);
    sink.as_bytes().to_vec()
}

#[test]
fn keys_are_listed_once_for_each_registration() {
    let state = registered(&[(1, 1, 0x0102_0304_0506_0708), (1, 2, 5), (2, 1, 5)]);
    let mut expected = std::vec![0, 0, 0, 3, 0, 0, 0, 24, 1, 2, 3, 4, 5, 6, 7, 8];
    expected.extend([0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 5]);
    assert_eq!(report(&state, Report::Keys), expected);
}

#[test]
fn the_reservation_is_reported_with_its_holders_key() {
    let none = registered(&[(1, 1, 1)]);
    assert_eq!(report(&none, Report::Reservation), [0, 0, 0, 1, 0, 0, 0, 0]);
    let state = reserved(ReservationType::ExclusiveAccess);
    let mut expected = std::vec![0, 0, 0, 3, 0, 0, 0, 16];
    expected.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0]);
    assert_eq!(report(&state, Report::Reservation), expected);
    let state = reserved(ReservationType::WriteExclusiveAllRegistrants);
    assert_eq!(
        report(&state, Report::Reservation)[8..22],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]
    );
}

#[test]
fn full_status_names_everyone_and_the_holder() {
    let bytes = report(
        &reserved(ReservationType::WriteExclusive),
        Report::FullStatus,
    );
    let id = encoded(&initiator(1));
    let each = 24 + id.len();
    assert_eq!(bytes.len(), 8 + 3 * each);
    assert_eq!(bytes[7], 3 * each as u8);
    assert_eq!(bytes[8..16], [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(bytes[20..22], [1, 1]);
    assert_eq!(bytes[26..28], [0, 1]);
    assert_eq!(bytes[28..32], (id.len() as u32).to_be_bytes());
    assert_eq!(bytes[32..32 + id.len()], id);
    assert_eq!(bytes[each + 20..each + 22], [0, 0], "who does not hold it");
    let bytes = report(
        &reserved(ReservationType::ExclusiveAccessAllRegistrants),
        Report::FullStatus,
    );
    assert_eq!(
        bytes[each + 20..each + 22],
        [1, 8],
        "one of all registrants"
    );
}

#[test]
fn capabilities_are_eight_bytes() {
    let state = registered(&[]);
    assert_eq!(
        report(&state, Report::Capabilities),
        [0, 8, 0x1d, 0xb0, 0xea, 0x01, 0, 0]
    );
    let mut state = registered(&[]);
    Out::new(ServiceAction::Register, 0, 1)
        .flags(APTPL)
        .send(&mut state, &nexus(1, 1))
        .unwrap();
    assert_eq!(report(&state, Report::Capabilities)[3], 0xb1);
}

#[test]
fn saved_registrations_that_cannot_be_are_refused() {
    let rows = |room| Rows {
        rows: Vec::new(),
        room,
    };
    let mut state = registered(&[(1, 1, 1)]);
    Out::new(ServiceAction::Register, 0, 2)
        .flags(APTPL)
        .send(&mut state, &nexus(2, 1))
        .unwrap();
    let mut out = [0; 512];
    let mut sink = Sink::new(&mut out);
    state.save(&mut sink);
    let saved = sink.as_bytes().to_vec();
    let with = |at: usize, value| {
        let mut bytes = saved.clone();
        bytes[at] = value;
        State::restore(&bytes, rows(2))
    };
    assert!(State::restore(&saved, rows(2)).is_ok());
    assert_eq!(State::restore(&saved, rows(1)), Err(SavedError::Full));
    assert_eq!(with(0, 2), Err(SavedError::Version(2)));
    assert_eq!(with(1, 2), Err(SavedError::Content), "no such type");
    assert_eq!(
        with(1, 3).map(|state| state.kind()),
        Ok(Some(ReservationType::ExclusiveAccess))
    );
    assert_eq!(with(15, 0), Err(SavedError::Content), "a key of zero");
    assert_eq!(with(20, 0xff), Err(SavedError::Content), "no TransportID");
    let mut twins = saved.clone();
    let second = 8 + (saved.len() - 8) / 2;
    let first = saved[8..second].to_vec();
    twins[second..].copy_from_slice(&first);
    assert_eq!(State::restore(&twins, rows(2)), Err(SavedError::Content));
    twins.push(0);
    let mut long = saved.clone();
    long.push(0);
    assert_eq!(State::restore(&long, rows(2)), Err(SavedError::Length));
}
