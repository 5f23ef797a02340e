// SPDX-License-Identifier: GPL-2.0

//! Pages as literal bytes, as in the tables of SPC-5 and SBC-4.

use super::*;
use crate::{
    self_test::{
        SelfTestKind,
        SelfTestState, //
    },
    sense::SenseKey, //
};
use proptest::prelude::*;
use std::vec::Vec;

fn logged() -> Logged {
    Logged {
        read: Errors {
            bytes: 0x0102_0304_0506_0708,
            uncorrected: 3,
        },
        write: Errors {
            bytes: 9,
            uncorrected: 0x0a00,
        },
        non_medium: 5,
        is_solid_state: true,
        ..Logged::default()
    }
}

fn request(page: u8, subpage: u8) -> LogSense {
    LogSense {
        control: LogControl::Cumulative,
        page,
        subpage,
        first: 0,
        allocation: 0,
    }
}

fn sense(logged: &Logged, request: LogSense) -> Result<Vec<u8>, Sense> {
    let mut out = [0xee; 1024];
    let mut sink = Sink::new(&mut out);
    request.write(logged, &mut sink)?;
    Ok(sink.as_bytes().to_vec())
}

fn page(page: u8) -> Vec<u8> {
    sense(&logged(), request(page, 0)).unwrap()
}

/// The codes, control bytes and values of the parameters of a page.
fn parameters(page: &[u8]) -> Vec<(u16, u8, Vec<u8>)> {
    let length = usize::from(u16::from_be_bytes([page[2], page[3]]));
    assert_eq!(length, page.len() - 4);
    let mut rest = &page[4..];
    let mut parameters = Vec::new();
    while let [c1, c0, control, len, after @ ..] = rest {
        let (value, next) = after.split_at(usize::from(*len));
        parameters.push((u16::from_be_bytes([*c1, *c0]), *control, value.to_vec()));
        rest = next;
    }
    assert!(rest.is_empty());
    parameters
}

#[test]
fn the_pages_are_listed_with_and_without_subpages() {
    let list = |logged: &Logged, page, subpage| sense(logged, request(page, subpage)).unwrap();
    let all = logged();
    assert_eq!(
        list(&all, 0, 0),
        [0, 0, 0, 11, 0, 2, 3, 5, 6, 0x0d, 0x0e, 0x10, 0x11, 0x19, 0x2f]
    );
    assert_eq!(
        list(&all, 0, 0xff),
        [
            0x40, 0xff, 0, 28, 0, 0, 0, 0xff, 2, 0, 3, 0, 5, 0, 6, 0, 0x0d, 0, 0x0d, 1, 0x0d, 0xff,
            0x0e, 0, 0x10, 0, 0x11, 0, 0x19, 0, 0x2f, 0
        ]
    );
    assert_eq!(
        list(&all, 0x0d, 0xff),
        [0x4d, 0xff, 0, 6, 0x0d, 0, 0x0d, 1, 0x0d, 0xff]
    );
    let other = Logged {
        resources: Some(Resources::default()),
        is_solid_state: false,
        ..all
    };
    assert_eq!(
        list(&other, 0, 0),
        [0, 0, 0, 11, 0, 2, 3, 5, 6, 0x0c, 0x0d, 0x0e, 0x10, 0x19, 0x2f]
    );
}

#[test]
fn what_is_listed_is_there_and_in_order() {
    let all = Logged {
        resources: Some(Resources::default()),
        ..logged()
    };
    let listed = sense(&all, request(0, 0xff)).unwrap().split_off(4);
    for pair in listed.chunks(2) {
        let written = sense(&all, request(pair[0], pair[1])).unwrap();
        assert_eq!(written[0] & 0x3f, pair[0]);
        assert_eq!(written[0] & 0x40 != 0, pair[1] != 0);
        assert_eq!(written[1], pair[1]);
        if pair[0] != 0 && pair[1] != 0xff {
            let codes: Vec<u16> = parameters(&written).iter().map(|each| each.0).collect();
            assert!(!codes.is_empty() && codes.is_sorted());
            let last = LogSense {
                first: codes[codes.len() - 1],
                ..request(pair[0], pair[1])
            };
            let written = sense(&all, last).unwrap();
            assert_eq!(parameters(&written).len(), 1);
            let beyond = LogSense {
                first: last.first + 1,
                ..last
            };
            assert_eq!(sense(&all, beyond), Err(Sense::invalid_cdb_field(5, None)));
        }
    }
}

#[test]
fn errors_and_bytes_are_counted() {
    assert_eq!(
        page(3),
        [3, 0, 0, 24, 0, 5, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 6, 0, 8, 0, 0, 0, 0, 0, 0, 0, 3]
    );
    assert_eq!(page(2)[24..], [0, 0, 0x0a, 0]);
    assert_eq!(page(5)[8..16], [0; 8]);
    assert_eq!(page(6), [6, 0, 0, 12, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 5]);
    let defaults = LogSense {
        control: LogControl::DefaultCumulative,
        ..request(3, 0)
    };
    let written = sense(&logged(), defaults).unwrap();
    assert!(parameters(&written)
        .iter()
        .all(|(_, control, value)| *control == 0 && *value == [0; 8]));
}

#[test]
fn what_is_not_known_is_not_made_up() {
    assert_eq!(page(0x0d), [0x0d, 0, 0, 6, 0, 0, 3, 2, 0, 0xff]);
    let bytes = sense(&logged(), request(0x0d, 1)).unwrap();
    assert_eq!(bytes[..4], [0x4d, 1, 0, 24]);
    assert_eq!(
        parameters(&bytes),
        [
            (0x0000, 3, [0, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0].to_vec()),
            (0x0100, 3, [0, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0].to_vec()),
        ]
    );
    assert_eq!(page(0x11), [0x11, 0, 0, 8, 0, 1, 3, 4, 0, 0, 0, 0]);
    assert_eq!(page(0x2f), [0x2f, 0, 0, 8, 0, 0, 3, 4, 0, 0, 0xff, 0xff]);
}

#[test]
fn exceptions_are_shown() {
    let logged = Logged {
        exception: AdditionalSense(0x5d, 0xff),
        ..logged()
    };
    let bytes = sense(&logged, request(0x2f, 0)).unwrap();
    assert_eq!(bytes[8..], [0x5d, 0xff, 0xff, 0xff]);
}

#[test]
fn space_is_counted_in_threshold_sets() {
    let logged = Logged {
        resources: Some(Resources {
            available: 0x0102_0304,
            used: 5,
        }),
        ..logged()
    };
    assert_eq!(
        sense(&logged, request(0x0c, 0)).unwrap(),
        [0x0c, 0, 0, 24, 0, 1, 3, 8, 1, 2, 3, 4, 0, 0, 0, 0, 0, 2, 3, 8, 0, 0, 0, 5, 0, 0, 0, 0]
    );
}

#[test]
fn cycles_have_a_date_and_counts() {
    let cycles = Cycles {
        accounting_date: *b"202648",
        stops: 0x0102_0304,
        unloads: None,
    };
    let fixed = Logged { cycles, ..logged() };
    let bytes = sense(&fixed, request(0x0e, 0)).unwrap();
    assert_eq!(
        bytes,
        *b"\x0e\0\0\x12\0\x02\x01\x06202648\0\x04\x03\x04\x01\x02\x03\x04"
    );
    let removable = Logged {
        cycles: Cycles {
            unloads: Some(7),
            ..cycles
        },
        ..logged()
    };
    let bytes = sense(&removable, request(0x0e, 0)).unwrap();
    assert_eq!(parameters(&bytes)[2], (6, 3, [0, 0, 0, 7].to_vec()));
}

#[test]
fn twenty_self_tests_are_listed() {
    let mut logged = logged();
    logged
        .self_tests
        .begin(SelfTestKind::BackgroundShort, 0x0102);
    logged.self_tests.end(
        SelfTestState::Failed {
            segment: 3,
            lba: Some(0x1122),
            key: SenseKey::MediumError,
            code: AdditionalSense::UNRECOVERED_READ_ERROR,
        },
        0x0103,
    );
    logged.self_tests.begin(SelfTestKind::ForegroundExtended, 4);
    let bytes = sense(&logged, request(0x10, 0)).unwrap();
    let results = parameters(&bytes);
    assert_eq!(results.len(), 20);
    assert_eq!(
        results[0],
        (
            1,
            3,
            [0xcf, 0, 0, 4, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0].to_vec()
        )
    );
    assert_eq!(
        results[1].2,
        [0x27, 3, 1, 3, 0, 0, 0, 0, 0, 0, 0x11, 0x22, 3, 0x11, 0, 0]
    );
    assert_eq!(results[2], (3, 3, [0; 16].to_vec()));
    assert_eq!(results[19].0, 20);
}

#[test]
fn performance_is_counted_in_nanoseconds() {
    let logged = Logged {
        performance: Performance {
            reads: 1,
            writes: 2,
            blocks_received: 3,
            blocks_transmitted: 4,
            read_ns: 5,
            write_ns: 6,
            idle_ns: 7,
        },
        ..logged()
    };
    let bytes = sense(&logged, request(0x19, 0)).unwrap();
    let parameters = parameters(&bytes);
    let numbers: Vec<u64> = parameters[0]
        .2
        .chunks(8)
        .map(|eight| u64::from_be_bytes(eight.try_into().unwrap()))
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 0, 11]);
    assert_eq!(parameters[1], (2, 3, [0, 0, 0, 0, 0, 0, 0, 7].to_vec()));
    assert_eq!(parameters[2], (3, 3, [0, 0, 0, 9, 0, 0, 0, 1].to_vec()));
}

#[test]
fn what_is_not_there_is_refused_by_its_field() {
    let refused = |request| sense(&Logged::default(), request).unwrap_err();
    for (page, subpage, expected) in [
        (0x0c, 0, Sense::invalid_cdb_field(2, Some(5))),
        (0x11, 0, Sense::invalid_cdb_field(2, Some(5))),
        (0x3f, 0, Sense::invalid_cdb_field(2, Some(5))),
        (0x0c, 0xff, Sense::invalid_cdb_field(2, Some(5))),
        (0, 1, Sense::invalid_cdb_field(3, None)),
        (2, 1, Sense::invalid_cdb_field(3, None)),
        (2, 0xff, Sense::invalid_cdb_field(3, None)),
        (0x0d, 2, Sense::invalid_cdb_field(3, None)),
    ] {
        assert_eq!(
            refused(request(page, subpage)),
            expected,
            "{page} {subpage}"
        );
    }
    for (page, subpage) in [(0, 0), (0, 0xff), (0x0d, 0xff)] {
        let later = LogSense {
            first: 1,
            ..request(page, subpage)
        };
        assert_eq!(refused(later), Sense::invalid_cdb_field(5, None));
    }
}

#[test]
fn counters_have_no_thresholds_and_lists_no_page_control() {
    for control in [LogControl::Threshold, LogControl::DefaultThreshold] {
        let of = |page| LogSense {
            control,
            ..request(page, 0)
        };
        for page in [2, 3, 5, 6] {
            assert_eq!(
                sense(&logged(), of(page)),
                Err(Sense::invalid_cdb_field(2, Some(7)))
            );
        }
        assert_eq!(sense(&logged(), of(0x2f)).unwrap(), page(0x2f));
    }
}

fn select(page: u8, subpage: u8, list_len: u16) -> LogSelect {
    LogSelect {
        reset: false,
        control: LogControl::Cumulative,
        page,
        subpage,
        list_len,
    }
}

#[test]
fn log_select_resets_all_pages_or_one() {
    let reset = |page, subpage| LogSelect {
        reset: true,
        ..select(page, subpage, 0)
    };
    let what = |request: LogSelect| {
        assert_eq!(request.check(&logged()), Ok(()));
        let all = Resettable::ALL.iter().copied();
        all.filter(|what| request.resets(*what)).collect::<Vec<_>>()
    };
    assert_eq!(what(reset(0, 0)), Resettable::ALL);
    assert_eq!(what(reset(0, 0xff)), Resettable::ALL);
    assert_eq!(what(reset(2, 0)), [Resettable::Write]);
    assert_eq!(what(reset(0x19, 0xff)), [Resettable::Performance]);
    assert_eq!(what(reset(0x0d, 0)), []);
    assert_eq!(what(reset(0x0d, 1)), []);
    assert_eq!(what(select(2, 0, 0)), []);
    let defaults = LogSelect {
        control: LogControl::DefaultCumulative,
        ..select(3, 0, 0)
    };
    assert_eq!(what(defaults), [Resettable::Read]);
    let refused = |request: LogSelect| request.check(&Logged::default()).unwrap_err();
    assert_eq!(refused(reset(0, 1)), Sense::invalid_cdb_field(3, None));
    assert_eq!(refused(reset(2, 1)), Sense::invalid_cdb_field(3, None));
    assert_eq!(
        refused(reset(0x0c, 0)),
        Sense::invalid_cdb_field(2, Some(5))
    );
    assert_eq!(
        refused(reset(0x3f, 0)),
        Sense::invalid_cdb_field(2, Some(5))
    );
}

#[test]
fn a_list_is_for_the_values_in_use_of_pages_in_the_list() {
    let refused = |request: LogSelect| request.check(&logged()).unwrap_err();
    assert_eq!(select(0, 0, 14).check(&logged()), Ok(()));
    let reset = LogSelect {
        reset: true,
        ..select(0, 0, 14)
    };
    assert_eq!(refused(reset), Sense::invalid_cdb_field(1, Some(1)));
    let threshold = LogSelect {
        control: LogControl::Threshold,
        ..select(0, 0, 14)
    };
    assert_eq!(refused(threshold), Sense::invalid_cdb_field(2, Some(7)));
    assert_eq!(
        refused(select(2, 0, 14)),
        Sense::invalid_cdb_field(2, Some(5))
    );
    assert_eq!(
        refused(select(0, 0xff, 14)),
        Sense::invalid_cdb_field(3, None)
    );
}

/// A list that sets the accounting date.
const DATE: &[u8; 14] = b"\x0e\0\0\x0a\0\x02\x01\x06202648";

#[test]
fn the_accounting_date_can_be_set() {
    let set = |list: &[u8]| LogSelect::select(&logged(), list);
    assert_eq!(set(DATE), Ok(Some(*b"202648")));
    assert_eq!(
        set(b"\x0e\0\0\x0a\0\x02\x01\x06      "),
        Ok(Some(Cycles::NO_DATE))
    );
    assert_eq!(set(&[]), Ok(None));
    assert_eq!(set(b"\x0e\0\0\0\x10\0\0\0"), Ok(None));
}

#[test]
fn a_list_is_refused_field_by_field() {
    let with = |at: usize, value: u8| {
        let mut list = *DATE;
        list[at] = value;
        LogSelect::select(&logged(), &list).unwrap_err()
    };
    for (at, value, expected) in [
        // No such page, no such subpage, SPF without one.
        (0, 0x0f, Sense::invalid_parameter(0, Some(5))),
        (1, 0x01, Sense::invalid_parameter(1, None)),
        (0, 0x4e, Sense::invalid_parameter(1, None)),
        // Another parameter, one that is not there.
        (5, 0x04, Sense::invalid_parameter(4, None)),
        (4, 0x01, Sense::invalid_parameter(4, None)),
        // FORMAT AND LINKING, DU, TSD.
        (6, 0x03, Sense::invalid_parameter(6, Some(1))),
        (6, 0x81, Sense::invalid_parameter(6, Some(7))),
        (6, 0x21, Sense::invalid_parameter(6, Some(5))),
        (7, 5, Sense::invalid_parameter(7, None)),
        (10, b'x', Sense::invalid_parameter(10, None)),
        (8, b' ', Sense::invalid_parameter(8, None)),
    ] {
        assert_eq!(with(at, value), expected, "byte {at}");
    }
    // Counters are reset, not set.
    assert_eq!(
        LogSelect::select(&logged(), &page(2)),
        Err(Sense::invalid_parameter(4, None))
    );
    // Pages, and parameters, out of order.
    let twice = [&DATE[..], DATE].concat();
    assert_eq!(
        LogSelect::select(&logged(), &twice),
        Err(Sense::invalid_parameter(14, Some(5)))
    );
    let mut again = [&DATE[..], &DATE[4..]].concat();
    again[3] = 20;
    assert_eq!(
        LogSelect::select(&logged(), &again),
        Err(Sense::invalid_parameter(14, None))
    );
}

#[test]
fn a_list_that_is_cut_is_refused() {
    let length_error = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
    for len in 1..DATE.len() {
        let mut list = DATE[..len].to_vec();
        assert_eq!(LogSelect::select(&logged(), &list), Err(length_error));
        // The page ends with the list, but the parameter doesn't.
        if len > 4 {
            list[3] = len as u8 - 4;
            assert_eq!(LogSelect::select(&logged(), &list), Err(length_error));
        }
    }
}

proptest! {
    #[test]
    fn no_list_sets_more_than_a_date(list in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(Some(date)) = LogSelect::select(&logged(), &list) {
            prop_assert!(date == Cycles::NO_DATE || date.iter().all(u8::is_ascii_digit));
        }
    }

    #[test]
    fn every_request_is_answered_or_refused(
        page: u8, subpage in prop_oneof![Just(0), Just(1), Just(0xff), any::<u8>()],
        first in prop_oneof![0u16..9, any::<u16>()],
    ) {
        let request = LogSense { first, ..request(page & 0x3f, subpage) };
        if let Ok(bytes) = sense(&logged(), request) {
            let length = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
            prop_assert_eq!(length, bytes.len() - 4);
        }
    }
}
