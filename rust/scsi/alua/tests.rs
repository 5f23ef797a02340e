// SPDX-License-Identifier: GPL-2.0

use super::*;

const RTPG: [u8; 12] = [0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
const STPG: [u8; 12] = [0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0];

/// What of these commands each state carries out.
#[test]
fn each_state_admits_what_spc_says() {
    use AccessState::*;

    let rows: &[(&[u8], &[AccessState])] = &[
        (&[0x12, 0, 0, 0, 36, 0], &AccessState::ALL),
        (&[0x03, 0, 0, 0, 18, 0], &AccessState::ALL),
        (&[0xa0; 12], &AccessState::ALL),
        (&RTPG, &AccessState::ALL),
        (
            &STPG,
            &[
                ActiveOptimized,
                ActiveNonOptimized,
                Standby,
                Unavailable,
                Offline,
            ],
        ),
        (
            &[0x1a, 0, 0x3f, 0, 255, 0],
            &[ActiveOptimized, ActiveNonOptimized, Standby],
        ),
        (&[0x5e; 10], &[ActiveOptimized, ActiveNonOptimized, Standby]),
        (&[0x5f; 10], &[ActiveOptimized, ActiveNonOptimized, Standby]),
        (&[0x25; 10], &[ActiveOptimized, ActiveNonOptimized, Standby]),
        // GET LBA STATUS is no READ CAPACITY.
        (&[0x9e, 0x12, 0, 0], &[ActiveOptimized, ActiveNonOptimized]),
        (
            &[0x9e, 0x10, 0, 0],
            &[ActiveOptimized, ActiveNonOptimized, Standby],
        ),
        (&[0x00; 6], &[ActiveOptimized, ActiveNonOptimized]),
        (&[0x28; 10], &[ActiveOptimized, ActiveNonOptimized]),
        (&[0x2a; 10], &[ActiveOptimized, ActiveNonOptimized]),
        (&[0x35; 10], &[ActiveOptimized, ActiveNonOptimized]),
        (&[], &[ActiveOptimized, ActiveNonOptimized]),
    ];
    for (cdb, admitting) in rows {
        for state in AccessState::ALL {
            let expected = admitting.contains(&state);
            assert_eq!(state.check(cdb).is_ok(), expected, "{cdb:x?} in {state:?}");
        }
    }
}

#[test]
fn a_refusal_names_the_state() {
    for (state, code) in [
        (AccessState::Standby, (0x04, 0x0b)),
        (AccessState::Unavailable, (0x04, 0x0c)),
        (AccessState::Offline, (0x04, 0x12)),
        (AccessState::Transitioning, (0x04, 0x0a)),
    ] {
        let sense = state.check(&[0x28; 10]).unwrap_err();
        assert_eq!(sense, Sense::not_ready(AdditionalSense(code.0, code.1)));
    }
}

#[test]
fn codes_are_those_of_the_field() {
    for state in AccessState::ALL {
        assert_eq!(AccessState::from_code(state.code()), Some(state));
    }
    for code in 0x4..=0xd {
        assert_eq!(AccessState::from_code(code), None);
    }
}

fn report(extended: bool, room: &mut [u8]) -> usize {
    let request = ReportTargetPortGroups {
        extended,
        allocation: 0,
    };
    let mut out = Sink::new(room);
    let mut report = Report::new(&request, &mut out);
    let group = PortGroup {
        id: 0x0102,
        state: AccessState::Standby,
        preferred: true,
        changed_by: ChangedBy::Target,
    };
    report.group(group, [7, 0x0108].into_iter());
    report.group(PortGroup::default(), core::iter::empty());
    report.finish();
    out.len()
}

#[test]
fn the_report_is_as_spc_draws_it() {
    let expected = [
        0, 0, 0, 16, // RETURN DATA LENGTH
        0x82, 0xcf, 1, 2, 0, 2, 0,
        2, // PREF, standby; all states; 0102h; by the target; two ports
        0, 0, 0, 7, 0, 0, 1, 8,
    ];
    let mut room = [0xff; 64];
    let len = report(false, &mut room);
    assert_eq!(&room[..len], &expected);
    let len = report(true, &mut room);
    assert_eq!(&room[..8], &[0, 0, 0, 20, 0x10, 0, 0, 0]);
    assert_eq!(&room[8..len], &expected[4..]);
    // Cut short, it says how much there would be.
    let mut short = [0; 6];
    assert_eq!(report(false, &mut short), expected.len());
    assert_eq!(&short, &expected[..6]);
}

#[test]
fn a_list_is_taken_whole_or_not_at_all() {
    let list = SetList::parse(&[0, 0, 0, 0, 0x01, 0, 0, 2, 0x02, 0, 1, 0]).unwrap();
    let changes: std::vec::Vec<_> = list.iter().map(|d| (d.group, d.state, d.at)).collect();
    let expected = [
        (2, AccessState::ActiveNonOptimized, 4),
        (0x100, AccessState::Standby, 8),
    ];
    assert_eq!(changes, expected);
    assert_eq!(SetList::parse(&[]).unwrap().iter().count(), 0);
    assert_eq!(SetList::parse(&[0; 4]).unwrap().iter().count(), 0);
    let cut = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
    for len in [1, 3, 5, 7, 9] {
        assert_eq!(SetList::parse(&[0; 12][..len]).unwrap_err(), cut, "{len}");
    }
    for state in [0x4, 0xd, 0xe, 0xf] {
        let bytes = [0, 0, 0, 0, 0, 0, 0, 1, state, 0, 0, 2];
        let sense = SetList::parse(&bytes).unwrap_err();
        assert_eq!(sense, Sense::invalid_parameter(8, Some(3)), "{state:#x}");
    }
}
