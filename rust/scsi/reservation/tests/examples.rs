// SPDX-License-Identifier: GPL-2.0

//! What SPC says of each service action, by example.

use super::*;
use crate::sense::AdditionalSense;
use ReservationType::*;

#[test]
fn a_key_is_registered_changed_and_removed() {
    let mut state = registered(&[]);
    let one = nexus(1, 1);
    let register = |key, new| Out::new(ServiceAction::Register, key, new);
    assert_eq!(register(0, 7).send(&mut state, &one), Ok(Sent::default()));
    assert_eq!(
        register(0, 8).send(&mut state, &one),
        Err(Refused::Conflict)
    );
    assert_eq!(register(7, 8).send(&mut state, &one), Ok(Sent::default()));
    assert_eq!(keys(&state), [8]);
    assert_eq!(register(8, 0).send(&mut state, &one), Ok(Sent::default()));
    assert!(state.is_empty());
    assert_eq!(state.generation, 3);
    // Neither does it count to unregister who isn't registered.
    assert_eq!(register(0, 0).send(&mut state, &one), Ok(Sent::default()));
    assert_eq!(
        register(1, 0).send(&mut state, &one),
        Err(Refused::Conflict)
    );
    assert_eq!(state.generation, 3);
}

#[test]
fn the_same_initiator_at_another_port_is_another_nexus() {
    let mut state = registered(&[(1, 1, 1)]);
    let reserve = Out::new(ServiceAction::Reserve, 1, 0).kind(WriteExclusive);
    assert_eq!(
        reserve.send(&mut state, &nexus(1, 2)),
        Err(Refused::Conflict)
    );
    assert_eq!(reserve.send(&mut state, &nexus(1, 1)), Ok(Sent::default()));
    assert_eq!(state.standing(nexus(1, 2).as_ref()), Standing::Stranger);
}

#[test]
fn all_tg_pt_registers_at_every_port() {
    let mut state = registered(&[]);
    Out::new(ServiceAction::Register, 0, 4)
        .flags(ALL_TG_PT)
        .send(&mut state, &nexus(1, 2))
        .unwrap();
    assert_eq!(keys(&state), [4, 4]);
    assert_ne!(state.standing(nexus(1, 1).as_ref()), Standing::Stranger);
    Out::new(ServiceAction::Register, 4, 0)
        .flags(ALL_TG_PT)
        .send(&mut state, &nexus(1, 1))
        .unwrap();
    assert!(state.is_empty());
}

#[test]
fn spec_i_pt_registers_others_all_or_none() {
    let with = |ids: &[TransportId]| {
        Out::new(ServiceAction::Register, 0, 4)
            .flags(SPEC_I_PT)
            .ids(ids)
    };
    let mut state = registered(&[(3, 1, 3)]);
    // Registered already, and named twice.
    let ids = [initiator(2), initiator(3)];
    let second = 28 + encoded(&ids[0]).len() as u16;
    assert_eq!(
        with(&ids).refused(&mut state, &nexus(1, 1)),
        Sense::invalid_parameter(second, None)
    );
    let ids = [initiator(2), initiator(2)];
    assert_eq!(
        with(&ids).refused(&mut state, &nexus(1, 1)),
        Sense::invalid_parameter(second, None)
    );
    assert_eq!(keys(&state), [3]);
    with(&[initiator(2)])
        .send(&mut state, &nexus(1, 1))
        .unwrap();
    assert_eq!(keys(&state), [3, 4, 4]);
    // Who is registered may not name others.
    let again = Out::new(ServiceAction::Register, 4, 5)
        .flags(SPEC_I_PT)
        .ids(&[initiator(9)]);
    assert_eq!(
        again.refused(&mut state, &nexus(1, 1)),
        Sense::invalid_parameter(20, Some(3))
    );
}

#[test]
fn a_full_table_is_reported() {
    let mut state = state_with_room(1);
    let register = Out::new(ServiceAction::Register, 0, 1);
    register.send(&mut state, &nexus(1, 1)).unwrap();
    let full = Sense::illegal(AdditionalSense::INSUFFICIENT_REGISTRATION_RESOURCES);
    assert_eq!(register.refused(&mut state, &nexus(2, 1)), full);
    assert_eq!(keys(&state), [1]);
}

#[test]
fn aptpl_is_refused_where_nothing_can_be_saved() {
    let issuer = nexus(1, 1);
    let issuer = Issuer {
        nexus: issuer.as_ref(),
        ports: &[1],
        can_persist: false,
    };
    let out = Out::new(ServiceAction::Register, 0, 1).flags(APTPL);
    let list = out.list();
    let request = Request::parse(&out.cdb(24), &list).unwrap();
    let refused = Sense::invalid_parameter(20, Some(0));
    assert_eq!(
        registered(&[]).execute(issuer, &request),
        Err(Refused::Sense(refused))
    );
}

#[test]
fn a_release_tells_the_other_registrants() {
    let release = |kind| Out::new(ServiceAction::Release, 1, 0).kind(kind);
    for kind in ReservationType::ALL {
        let mut state = reserved(kind);
        let sent = release(kind).send(&mut state, &nexus(1, 1)).unwrap();
        let told = match kind {
            WriteExclusive | ExclusiveAccess => Vec::new(),
            _ => std::vec![(nexus(2, 1), RELEASED), (nexus(3, 1), RELEASED)],
        };
        assert_eq!(sent.attentions, told, "{kind:?}");
        assert_eq!((state.kind(), keys(&state).len()), (None, 3));
    }
    let mut state = reserved(WriteExclusive);
    let wrong = Sense::illegal(AdditionalSense::INVALID_RELEASE_OF_PERSISTENT_RESERVATION);
    assert_eq!(
        release(ExclusiveAccess).refused(&mut state, &nexus(1, 1)),
        wrong
    );
}

#[test]
fn who_unregisters_gives_up_the_reservation() {
    let unregister = |key| Out::new(ServiceAction::Register, key, 0);
    let mut state = reserved(ExclusiveAccessRegistrantsOnly);
    let sent = unregister(1).send(&mut state, &nexus(1, 1)).unwrap();
    assert_eq!(state.kind(), None);
    assert_eq!(
        sent.attentions,
        [(nexus(2, 1), RELEASED), (nexus(3, 1), RELEASED)]
    );
    // All registrants: only the last.
    let mut state = reserved(ExclusiveAccessAllRegistrants);
    for (number, held) in [(1, true), (2, true), (3, false)] {
        let sent = unregister(number.into()).send(&mut state, &nexus(number, 1));
        assert_eq!(sent, Ok(Sent::default()));
        assert_eq!(state.kind().is_some(), held);
    }
}

#[test]
fn a_clear_tells_everyone() {
    let mut state = reserved(WriteExclusive);
    let sent = Out::new(ServiceAction::Clear, 2, 0)
        .send(&mut state, &nexus(2, 1))
        .unwrap();
    assert_eq!(
        sent.attentions,
        [(nexus(1, 1), PREEMPTED), (nexus(3, 1), PREEMPTED)]
    );
    assert!(state.is_empty() && state.kind().is_none());
}

#[test]
fn a_preempt_takes_the_reservation_and_the_registration() {
    let mut state = reserved(ExclusiveAccess);
    let preempt = Out::new(ServiceAction::PreemptAndAbort, 2, 1).kind(WriteExclusive);
    let sent = preempt.send(&mut state, &nexus(2, 1)).unwrap();
    assert_eq!(
        sent.attentions,
        [(nexus(1, 1), REGISTRATIONS), (nexus(3, 1), RELEASED)]
    );
    assert_eq!(sent.aborted, [nexus(1, 1)]);
    assert_eq!(state.standing(nexus(2, 1).as_ref()), Standing::Holder);
    assert_eq!(
        (state.kind(), keys(&state)),
        (Some(WriteExclusive), std::vec![2, 3])
    );
}

#[test]
fn a_preempt_of_others_leaves_the_reservation() {
    let mut state = reserved(ExclusiveAccess);
    let preempt = |victim| Out::new(ServiceAction::Preempt, 2, victim).kind(WriteExclusive);
    let sent = preempt(3).send(&mut state, &nexus(2, 1)).unwrap();
    assert_eq!(sent.attentions, [(nexus(3, 1), REGISTRATIONS)]);
    assert_eq!(sent.aborted, []);
    assert_eq!(
        (state.kind(), keys(&state)),
        (Some(ExclusiveAccess), std::vec![1, 2])
    );
    assert_eq!(
        preempt(9).send(&mut state, &nexus(2, 1)),
        Err(Refused::Conflict)
    );
    assert_eq!(
        preempt(0).refused(&mut state, &nexus(2, 1)),
        Sense::invalid_parameter(8, None)
    );
    // Its own key is no error; it only loses its registration.
    assert_eq!(
        preempt(2).send(&mut state, &nexus(2, 1)),
        Ok(Sent::default())
    );
    assert_eq!(keys(&state), [1]);
}

#[test]
fn a_preempt_of_all_registrants_leaves_the_sender_alone() {
    let mut state = reserved(WriteExclusiveAllRegistrants);
    let sent = Out::new(ServiceAction::Preempt, 3, 0)
        .kind(WriteExclusiveAllRegistrants)
        .send(&mut state, &nexus(3, 1))
        .unwrap();
    assert_eq!(
        sent.attentions,
        [(nexus(1, 1), REGISTRATIONS), (nexus(2, 1), REGISTRATIONS)]
    );
    assert_eq!(keys(&state), [3]);
    assert_eq!(state.kind(), Some(WriteExclusiveAllRegistrants));
}

#[test]
fn a_preempt_that_takes_a_reservation_needs_a_type() {
    let mut state = reserved(ExclusiveAccess);
    let mut preempt = Out::new(ServiceAction::Preempt, 2, 1);
    preempt.scope_and_type = 0x02;
    assert_eq!(
        preempt.refused(&mut state, &nexus(2, 1)),
        Sense::invalid_cdb_field(2, Some(3))
    );
    preempt.action_key = 3;
    assert!(preempt.send(&mut state, &nexus(2, 1)).is_ok());
}

#[test]
fn a_move_hands_the_reservation_over() {
    let move_to = |number, port| {
        let mut out = Out::new(ServiceAction::RegisterAndMove, 1, 9).ids(&[initiator(number)]);
        out.port = port;
        out
    };
    let mut state = reserved(ExclusiveAccess);
    assert_eq!(
        move_to(5, 3).refused(&mut state, &nexus(1, 1)),
        Sense::invalid_parameter(18, None)
    );
    assert_eq!(
        move_to(1, 1).refused(&mut state, &nexus(1, 1)),
        Sense::invalid_parameter(24, None)
    );
    let sent = move_to(5, 2).flags(UNREG).send(&mut state, &nexus(1, 1));
    assert_eq!(sent, Ok(Sent::default()));
    assert_eq!(state.standing(nexus(5, 2).as_ref()), Standing::Holder);
    assert_eq!(keys(&state), [2, 3, 9]);
    let mut state = registered(&[(1, 1, 1)]);
    assert_eq!(
        move_to(5, 1).refused(&mut state, &nexus(1, 1)),
        Sense::invalid_cdb_field(1, Some(4))
    );
    let mut state = reserved(WriteExclusiveAllRegistrants);
    assert_eq!(
        move_to(5, 1).send(&mut state, &nexus(1, 1)),
        Err(Refused::Conflict)
    );
}

#[test]
fn reserve_of_spc_2_and_persistent_reservations_shut_each_other_out() {
    let mut state = registered(&[(1, 1, 1)]);
    assert!(!state.permits(nexus(1, 1).as_ref(), CommandClass::Reserve));
    assert!(!state.permits(nexus(2, 1).as_ref(), CommandClass::Release));
    // CRH: for those who have the persistent reservation it is allowed, and does nothing.
    let mut held = reserved(ExclusiveAccessRegistrantsOnly);
    assert!(held.permits(nexus(2, 1).as_ref(), CommandClass::Reserve));
    held.reserve_spc2(nexus(2, 1).as_ref());
    assert!(!held.is_reserved_spc2(None));

    state = registered(&[]);
    state.reserve_spc2(nexus(1, 1).as_ref());
    assert!(!state.permits(nexus(1, 1).as_ref(), CommandClass::PersistentReserveOut));
    assert!(!state.permits(nexus(2, 1).as_ref(), CommandClass::Harmless));
    assert!(state.permits(nexus(1, 1).as_ref(), CommandClass::Change));
    state.release_spc2(nexus(2, 1).as_ref());
    assert!(!state.is_reserved_spc2(Some(nexus(2, 1).as_ref())));
    assert!(state.is_reserved_spc2(Some(nexus(1, 1).as_ref())));
    state.release_spc2(nexus(1, 1).as_ref());
    assert!(state.is_empty());
}
