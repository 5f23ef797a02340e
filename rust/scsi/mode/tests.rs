// SPDX-License-Identifier: GPL-2.0

//! Pages as literal bytes.

use super::*;
use crate::{
    cdb::ModeSelect,
    control::QueueError, //
};
use proptest::prelude::*;
use std::vec::Vec;

const MODE: ModeParameters = ModeParameters {
    current: Values::DISK,
    default: Values::DISK,
    saved: None,
    changeable: Values::CHANGEABLE,
    write_protected: false,
    dpofua: true,
    blocks: 0x0102_0304,
    block_length: 512,
};

fn request(page: u8, subpage: u8) -> ModeSense {
    ModeSense {
        ten: false,
        dbd: true,
        llbaa: false,
        control: PageControl::Current,
        page,
        subpage,
        allocation: 255,
    }
}

fn sense(mode: &ModeParameters, request: ModeSense) -> Result<Vec<u8>, Sense> {
    let mut out = [0xee; 512];
    let mut sink = Sink::new(&mut out);
    mode.write(&request, &mut sink)?;
    Ok(sink.as_bytes().to_vec())
}

/// The page and subpage codes in the answer to a MODE SENSE (6) without block descriptors.
fn codes(mut bytes: &[u8]) -> Vec<(u8, u8)> {
    let mut codes = Vec::new();
    bytes = &bytes[4..];
    while let [first, second, ..] = *bytes {
        let (code, len) = if first & 0x40 == 0 {
            ((first, 0), 2 + usize::from(second))
        } else {
            let len = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
            ((first & 0x3f, second), 4 + len)
        };
        codes.push(code);
        bytes = &bytes[len..];
    }
    codes
}

#[test]
fn the_caching_page_shows_the_write_cache() {
    let bytes = sense(&MODE, request(0x08, 0)).unwrap();
    let mut expected = [0; 24];
    expected[..7].copy_from_slice(&[23, 0, 0x10, 0, 0x08, 0x12, 0x04]);
    assert_eq!(bytes, expected);
    let mut mode = MODE;
    mode.current.wce = false;
    mode.current.dra = true;
    let bytes = sense(&mode, request(0x08, 0)).unwrap();
    assert_eq!((bytes[6], bytes[16]), (0x00, 0x20));
}

#[test]
fn the_control_page_is_laid_out_as_in_spc() {
    let mut mode = MODE;
    mode.current.control.d_sense = true;
    mode.current.swp = true;
    assert_eq!(
        sense(&mode, request(0x0a, 0)).unwrap(),
        [15, 0, 0x90, 0, 0x0a, 0x0a, 0x06, 0x10, 0x08, 0x00, 0, 0, 0, 0, 0, 0]
    );
}

#[test]
fn changeable_values_are_a_mask() {
    let changeable = ModeSense {
        control: PageControl::Changeable,
        ..request(0x3f, 0xff)
    };
    let bytes = sense(&MODE, changeable).unwrap();
    // WCE; TST and D_SENSE, QERR, SWP, TAS.
    assert_eq!(bytes[18], 0x04);
    assert_eq!(bytes[38..42], [0x24, 0x06, 0x08, 0x40]);
    assert_eq!(codes(&bytes).len(), 7);
    let default = ModeSense {
        control: PageControl::Default,
        ..request(0x08, 0)
    };
    assert_eq!(sense(&MODE, default), sense(&MODE, request(0x08, 0)));
}

#[test]
fn all_pages_come_in_order_with_or_without_subpages() {
    let pages = [(0x01, 0), (0x08, 0), (0x0a, 0), (0x1a, 0), (0x1c, 0)];
    let bytes = sense(&MODE, request(0x3f, 0)).unwrap();
    assert_eq!(bytes[0], 99);
    assert_eq!(codes(&bytes), pages);
    let bytes = sense(&MODE, request(0x3f, 0xff)).unwrap();
    assert_eq!(bytes[0], 163);
    assert_eq!(codes(&bytes)[2..4], [(0x0a, 0), (0x0a, 1)]);
    let bytes = sense(&MODE, request(0x0a, 0xff)).unwrap();
    assert_eq!(codes(&bytes), [(0x0a, 0), (0x0a, 1)]);
    let bytes = sense(&MODE, request(0x0a, 1)).unwrap();
    assert_eq!(bytes[..8], [35, 0, 0x10, 0, 0x4a, 0x01, 0x00, 0x1c]);
    // TCMOS and SCSIP.
    assert_eq!(bytes[8] & 0x06, 0x06);
    assert_eq!(bytes.len(), 36);
}

#[test]
fn unknown_pages_are_refused_with_a_pointer() {
    let refused = |page, subpage| sense(&MODE, request(page, subpage)).unwrap_err();
    assert_eq!(refused(0x03, 0), Sense::invalid_cdb_field(2, Some(5)));
    assert_eq!(refused(0x03, 0xff), Sense::invalid_cdb_field(2, Some(5)));
    assert_eq!(refused(0x0a, 2), Sense::invalid_cdb_field(3, None));
    assert_eq!(refused(0x08, 1), Sense::invalid_cdb_field(3, None));
    assert_eq!(refused(0x3f, 1), Sense::invalid_cdb_field(3, None));
}

#[test]
fn saved_values_are_not_supported() {
    let saved = ModeSense {
        control: PageControl::Saved,
        ..request(0x08, 0)
    };
    assert_eq!(
        sense(&MODE, saved).unwrap_err(),
        Sense::illegal(AdditionalSense(0x39, 0x00))
    );
}

#[test]
fn block_descriptors_are_short_or_long() {
    let six = ModeSense {
        dbd: false,
        ..request(0x1c, 0)
    };
    let bytes = sense(&MODE, six).unwrap();
    assert_eq!(bytes[..12], [23, 0, 0x10, 8, 1, 2, 3, 4, 0, 0, 2, 0]);

    let ten = ModeSense { ten: true, ..six };
    let bytes = sense(&MODE, ten).unwrap();
    assert_eq!(bytes[..8], [0, 26, 0, 0x10, 0, 0, 0, 8]);
    assert_eq!(bytes[8..16], [1, 2, 3, 4, 0, 0, 2, 0]);

    let long = ModeSense { llbaa: true, ..ten };
    let bytes = sense(&MODE, long).unwrap();
    assert_eq!(bytes[..8], [0, 34, 0, 0x10, 1, 0, 0, 16]);
    assert_eq!(
        bytes[8..24],
        [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 2, 0]
    );

    let none = ModeSense { dbd: true, ..long };
    let bytes = sense(&MODE, none).unwrap();
    assert_eq!(bytes[..9], [0, 18, 0, 0x10, 0, 0, 0, 0, 0x1c]);
}

#[test]
fn a_large_unit_overflows_the_short_descriptor() {
    let mode = ModeParameters {
        blocks: 1 << 32,
        ..MODE
    };
    let six = ModeSense {
        dbd: false,
        ..request(0x1c, 0)
    };
    assert_eq!(sense(&mode, six).unwrap()[4..8], [0xff; 4]);
}

#[test]
fn write_protection_shows_in_the_header() {
    let mode = ModeParameters {
        write_protected: true,
        dpofua: false,
        ..MODE
    };
    assert_eq!(sense(&mode, request(0x08, 0)).unwrap()[2], 0x80);
}

fn select(mode: &ModeParameters, list: &[u8]) -> Result<Values, Sense> {
    let request = ModeSelect {
        ten: false,
        page_format: true,
        save: false,
        list_len: list.len() as u16,
    };
    mode.select(&request, list)
}

/// A parameter list of one page as MODE SENSE returns it, with byte `at` of the page set.
fn list(code: u8, subpage: u8, at: usize, value: u8) -> Vec<u8> {
    let mut bytes = sense(&MODE, request(code, subpage)).unwrap();
    bytes[4 + at] = value;
    bytes
}

#[test]
fn what_mode_sense_returns_mode_select_takes() {
    for subpage in [0, 0xff] {
        let mut all = sense(&MODE, request(0x3f, subpage)).unwrap();
        assert_eq!(select(&MODE, &all), Ok(MODE.current));
        // MODE DATA LENGTH and the device-specific parameter are reserved.
        (all[0], all[2]) = (0, 0);
        assert_eq!(select(&MODE, &all), Ok(MODE.current));
    }
    let six = ModeSense {
        dbd: false,
        ..request(0x3f, 0)
    };
    assert_eq!(select(&MODE, &sense(&MODE, six).unwrap()), Ok(MODE.current));
    assert_eq!(select(&MODE, &[]), Ok(MODE.current));
}

#[test]
fn the_fields_that_may_be_changed_are() {
    let wce = select(&MODE, &list(0x08, 0, 2, 0)).unwrap();
    assert_eq!(
        wce,
        Values {
            wce: false,
            ..MODE.current
        }
    );
    let control = select(&MODE, &list(0x0a, 0, 2, 0x26)).unwrap().control;
    assert!(control.d_sense && control.task_set_per_nexus);
    assert_eq!(
        select(&MODE, &list(0x0a, 0, 3, 0x16)).unwrap().control.qerr,
        QueueError::AbortOwn
    );
    assert!(select(&MODE, &list(0x0a, 0, 4, 0x08)).unwrap().swp);
    assert!(select(&MODE, &list(0x0a, 0, 5, 0x40)).unwrap().control.tas);
}

#[test]
fn what_may_not_be_changed_is_pointed_at() {
    let refused =
        |code, subpage, at, value| select(&MODE, &list(code, subpage, at, value)).unwrap_err();
    // DRA, IALUAE, PERF, TEST with DEXCPT, MRIE 1, 3 and 4, the page length, no such page or subpage, the reserved QERR.
    assert_eq!(
        refused(0x08, 0, 12, 0x20),
        Sense::invalid_parameter(16, Some(5))
    );
    assert_eq!(
        refused(0x0a, 1, 4, 0x01),
        Sense::invalid_parameter(8, Some(0))
    );
    assert_eq!(
        refused(0x1c, 0, 2, 0x88),
        Sense::invalid_parameter(6, Some(7))
    );
    assert_eq!(
        refused(0x1c, 0, 2, 0x0c),
        Sense::invalid_parameter(6, Some(2))
    );
    for (method, bit) in [(1, 0), (3, 0), (4, 3)] {
        assert_eq!(
            refused(0x1c, 0, 3, method),
            Sense::invalid_parameter(7, Some(bit))
        );
    }
    assert_eq!(refused(0x08, 0, 1, 0x11), Sense::invalid_parameter(5, None));
    assert_eq!(refused(0x0a, 1, 3, 0x1d), Sense::invalid_parameter(6, None));
    assert_eq!(
        refused(0x08, 0, 0, 0x07),
        Sense::invalid_parameter(4, Some(5))
    );
    assert_eq!(refused(0x0a, 1, 1, 0x07), Sense::invalid_parameter(5, None));
    assert_eq!(
        refused(0x0a, 0, 3, 0x14),
        Sense::invalid_parameter(7, Some(2))
    );
}

#[test]
fn exceptions_are_reported_as_asked() {
    let mut wanted = list(0x1c, 0, 2, 0x14);
    wanted[4 + 3] = 0x06;
    assert_eq!(
        select(&MODE, &wanted).unwrap().exceptions,
        Exceptions {
            warnings: true,
            disabled: false,
            test: true,
            method: ReportingMethod::OnRequest,
        }
    );
}

#[test]
fn thresholds_are_there_where_they_can_be_set() {
    let mut wanted = sense(&MODE, request(0x1c, 2)).unwrap();
    let mut expected = [0; 36];
    expected[..8].copy_from_slice(&[35, 0, 0x10, 0, 0x5c, 0x02, 0, 0x1c]);
    expected[21] = 0x01;
    expected[28..30].copy_from_slice(&[0x01, 0x02]);
    assert_eq!(wanted, expected);
    wanted[20] |= 0x80;
    wanted[24..28].copy_from_slice(&[1, 2, 3, 4]);
    wanted[32..36].copy_from_slice(&[0xff; 4]);
    let thresholds = select(&MODE, &wanted).unwrap().thresholds;
    let threshold = |resource, enabled, count| Threshold {
        resource,
        enabled,
        count,
    };
    assert_eq!(thresholds.available, threshold(1, true, 0x0102_0304));
    assert_eq!(thresholds.used, threshold(2, false, u32::MAX));
    // THRESHOLD TYPE, ARMING, RESOURCE.
    for (at, value, bit) in [(20, 0x08, 3), (28, 0x00, 0), (29, 0x03, 0)] {
        let mut other = wanted.clone();
        other[at] = value;
        let refused = select(&MODE, &other).unwrap_err();
        assert_eq!(refused, Sense::invalid_parameter(at as u16, Some(bit)));
    }
    let mut without = MODE;
    without.changeable.thresholds = Thresholds::default();
    assert_eq!(
        sense(&without, request(0x1c, 2)).unwrap_err(),
        Sense::invalid_cdb_field(3, None)
    );
    assert_eq!(
        select(&without, &wanted).unwrap_err(),
        Sense::invalid_parameter(5, None)
    );
    let bytes = sense(&without, request(0x3f, 0xff)).unwrap();
    assert_eq!(codes(&bytes).len(), 6);
}

#[test]
fn a_threshold_is_reached_at_its_count_and_left_half_a_set_away() {
    const SET: u64 = 100;

    let mut thresholds = Values::DISK.thresholds;
    // None is enabled.
    assert_eq!(thresholds.reached(0, u64::MAX, SET, 3), 0);
    thresholds.available = Threshold {
        enabled: true,
        count: 10,
        ..thresholds.available
    };
    for (available, before, expected) in [
        (1001, 0, 0),
        (1000, 0, 1),
        (0, 0, 1),
        (1050, 1, 1),
        (1051, 1, 0),
        (1050, 2, 0),
    ] {
        let reached = thresholds.reached(available, 10_000, SET, before);
        assert_eq!(reached, expected, "{available} are left, before: {before}");
    }
    thresholds.used = Threshold {
        enabled: true,
        count: 20,
        ..thresholds.used
    };
    for (used, before, expected) in [
        (1999, 0, 0),
        (2000, 0, 2),
        (u64::MAX, 0, 2),
        (1950, 2, 2),
        (1949, 2, 0),
        (1950, 1, 0),
    ] {
        let reached = thresholds.reached(10_000, used, SET, before);
        assert_eq!(reached, expected, "{used} are in use, before: {before}");
    }
    assert_eq!(thresholds.reached(0, 2000, SET, 0), 3);
}

#[test]
fn saved_values_have_the_old_form_until_there_are_thresholds() {
    let saved = |values: &Values| {
        let mut out = [0; Values::SAVED_LEN];
        let mut sink = Sink::new(&mut out);
        values.write(&mut sink);
        assert_eq!(sink.len(), sink.written());
        sink.as_bytes().to_vec()
    };
    let old = saved(&Values::DISK);
    assert_eq!(old, Values::DISK.bits().to_be_bytes());
    let mut values = Values::DISK;
    values.thresholds.used.count = 7;
    values.exceptions = Exceptions {
        test: true,
        ..Exceptions::default()
    };
    let new = saved(&values);
    assert_eq!(new.len(), Values::SAVED_LEN);
    values.exceptions.test = false;
    assert_eq!(Values::parse(&new), Some(values));
    assert_eq!(Values::parse(&old), Some(Values::DISK));
    for cut in (0..4).chain(5..new.len()) {
        assert_eq!(Values::parse(&new[..cut]), None);
    }
    let mut wrong = new.clone();
    wrong[4] = 2;
    assert_eq!(Values::parse(&wrong), None);
}

#[test]
fn a_list_that_is_cut_or_has_another_capacity_is_refused() {
    let full = sense(
        &MODE,
        ModeSense {
            dbd: false,
            ..request(0x08, 0)
        },
    )
    .unwrap();
    let length_error = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
    for len in 1..full.len() {
        let whole = matches!(len, 12);
        assert_eq!(select(&MODE, &full[..len]).is_ok(), whole, "{len}");
        if !whole {
            assert_eq!(select(&MODE, &full[..len]), Err(length_error), "{len}");
        }
    }
    let with = |at: usize, value| {
        let mut bytes = full.clone();
        bytes[at] = value;
        select(&MODE, &bytes)
    };
    assert_eq!(
        with(1, 1),
        Err(Sense::invalid_parameter(1, None)),
        "MEDIUM TYPE"
    );
    assert_eq!(with(3, 7), Err(Sense::invalid_parameter(3, None)));
    assert_eq!(
        with(4, 7),
        Err(Sense::invalid_parameter(4, None)),
        "the capacity"
    );
    assert_eq!(
        with(11, 7),
        Err(Sense::invalid_parameter(9, None)),
        "the block length"
    );
}

#[test]
fn one_bad_field_changes_nothing() {
    let mut bytes = list(0x08, 0, 2, 0);
    bytes.extend(&list(0x1c, 0, 2, 0x0c)[4..]);
    assert_eq!(
        select(&MODE, &bytes),
        Err(Sense::invalid_parameter(26, Some(2)))
    );
}

#[test]
fn sp_and_pf_are_checked() {
    let request = |page_format, save, list_len| ModeSelect {
        ten: true,
        page_format,
        save,
        list_len,
    };
    assert_eq!(request(true, true, 8).check(true), Ok(()));
    assert_eq!(
        request(true, true, 8).check(false),
        Err(Sense::invalid_cdb_field(1, Some(0)))
    );
    assert_eq!(
        request(false, false, 8).check(false),
        Err(Sense::invalid_cdb_field(1, Some(4)))
    );
    assert_eq!(request(false, false, 0).check(false), Ok(()));
}

#[test]
fn saved_values_show_ps() {
    let mode = ModeParameters {
        saved: Some(Values {
            wce: false,
            ..Values::DISK
        }),
        ..MODE
    };
    let saved = ModeSense {
        control: PageControl::Saved,
        ..request(0x08, 0)
    };
    assert_eq!(sense(&mode, saved).unwrap()[4..7], [0x88, 0x12, 0x00]);
    let back = sense(&mode, request(0x3f, 0xff)).unwrap();
    assert_eq!(select(&mode, &back), Ok(mode.current));
}

proptest! {
    #[test]
    fn values_survive_an_atomic_and_a_page(bits in any::<u32>()) {
        let values = Values::from_bits(bits);
        prop_assert_eq!(Values::from_bits(values.bits()), values);
        let mode = ModeParameters { current: values, ..MODE };
        let bytes = sense(&mode, request(0x3f, 0xff)).unwrap();
        prop_assert_eq!(select(&mode, &bytes), Ok(values));
    }

    #[test]
    fn no_list_does_more_than_it_may(list in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(values) = select(&MODE, &list) {
            let changed = values.bits() ^ MODE.current.bits();
            prop_assert_eq!(changed & !Values::CHANGEABLE.bits(), 0);
            prop_assert_eq!(Values::from_bits(values.bits()).bits(), values.bits());
        }
    }
}
