// SPDX-License-Identifier: GPL-2.0

//! Target port groups: lists and reports of any kind against what SPC-5 draws.

use proptest::prelude::*;
use stmf_scsi::{
    alua::{AccessState, ChangedBy, PortGroup, Report, ReportTargetPortGroups, SetList},
    Sink,
};

fn state() -> impl Strategy<Value = AccessState> {
    prop::sample::select(AccessState::ALL.to_vec())
}

fn group() -> impl Strategy<Value = (PortGroup, Vec<u16>)> {
    let ports = prop::collection::vec(any::<u16>(), 0..300);
    (any::<u16>(), state(), any::<bool>(), ports).prop_map(|(id, state, preferred, ports)| {
        let group = PortGroup {
            id,
            state,
            preferred,
            changed_by: ChangedBy::Initiator,
        };
        (group, ports)
    })
}

/// Reads a report as an initiator does.
fn read(mut bytes: &[u8]) -> Vec<(u8, u16, Vec<u16>)> {
    let mut groups = Vec::new();
    while let [state, _, g1, g0, _, _, _, count, rest @ ..] = bytes {
        let (ports, rest) = rest.split_at(4 * usize::from(*count));
        let ports = ports.chunks(4).map(|p| u16::from_be_bytes([p[2], p[3]]));
        groups.push((*state, u16::from_be_bytes([*g1, *g0]), ports.collect()));
        bytes = rest;
    }
    assert!(bytes.is_empty());
    groups
}

proptest! {
    #[test]
    fn a_report_reads_as_it_was_written(
        groups in prop::collection::vec(group(), 0..8),
        extended: bool,
        room in 0usize..12_000,
    ) {
        let mut bytes = vec![0xee; room];
        let mut out = Sink::new(&mut bytes);
        let request = ReportTargetPortGroups { extended, allocation: 0 };
        let mut report = Report::new(&request, &mut out);
        for (group, ports) in &groups {
            report.group(*group, ports.iter().copied());
        }
        report.finish();
        let (len, written) = (out.len(), out.written());
        prop_assert_eq!(written, len.min(room));
        prop_assume!(len <= room);
        let length = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        prop_assert_eq!(length as usize, len - 4);
        let head = if extended { 8 } else { 4 };
        let expected: Vec<_> = groups
            .iter()
            .filter(|(_, ports)| !ports.is_empty())
            .map(|(group, ports)| {
                let pref = if group.preferred { 0x80 } else { 0 };
                let ports = ports.iter().copied().take(255).collect();
                (pref | group.state.code(), group.id, ports)
            })
            .collect();
        prop_assert_eq!(read(&bytes[head..len]), expected);
    }

    #[test]
    fn a_list_is_taken_whole_or_not_at_all(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let whole = bytes.is_empty() || (bytes.len() >= 4 && bytes.len() % 4 == 0);
        let descriptors: Vec<_> = bytes.chunks(4).skip(1).collect();
        let settable = descriptors.iter().all(|d| d[0] & 0x0f <= 3);
        match SetList::parse(&bytes) {
            Ok(list) => {
                prop_assert!(whole && settable);
                let got: Vec<_> = list.iter().map(|d| (d.state.code(), d.group)).collect();
                let expected: Vec<_> = descriptors
                    .iter()
                    .map(|d| (d[0] & 0x0f, u16::from_be_bytes([d[2], d[3]])))
                    .collect();
                prop_assert_eq!(got, expected);
            }
            Err(_) => prop_assert!(!whole || !settable),
        }
    }

    #[test]
    fn what_a_worse_state_admits_a_better_one_does(cdb in prop::collection::vec(any::<u8>(), 0..16)) {
        use AccessState::{ActiveOptimized, Offline, Standby, Transitioning, Unavailable};
        let order = [Transitioning, Offline, Unavailable, Standby, ActiveOptimized];
        for pair in order.windows(2) {
            prop_assert!(pair[0].check(&cdb).is_err() || pair[1].check(&cdb).is_ok());
        }
    }
}
