// SPDX-License-Identifier: GPL-2.0

use super::*;
use std::{vec, vec::Vec};

const ALL: [Condition; 7] = [
    Condition::Sound,
    Condition::Formatting,
    Condition::FormatCorrupt,
    Condition::Sanitizing,
    Condition::SanitizingUnrestricted,
    Condition::SanitizeFailed,
    Condition::SanitizeFailedUnrestricted,
];

fn at<T>(byte: u16, bit: Option<u8>) -> Result<T, Sense> {
    Err(Sense::invalid_parameter(byte, bit))
}

fn format(bytes: &[u8], is_long: bool) -> Result<(bool, Option<Vec<u8>>), Sense> {
    let list = FormatList::parse(bytes, is_long, 512)?;
    Ok((list.immed, list.pattern.map(<[u8]>::to_vec)))
}

#[test]
fn an_overwrite_has_a_count_and_a_pattern() {
    let list = [0x82, 0, 0, 2, 0xaa, 0x55];
    assert_eq!(
        Overwrite::parse(&list, 512),
        Ok(Overwrite {
            count: 2,
            invert: true,
            pattern: &[0xaa, 0x55],
        })
    );
    let wrong = Err(Sense::invalid_cdb_field(7, None));
    for list in [
        &[0, 0, 0, 1, 1][..],
        &[1, 0, 0, 0, 1],
        &[1, 0, 2, 1, 1],
        &[1, 0, 0],
        &[1, 0, 0, 2, 1],
    ] {
        assert_eq!(Overwrite::parse(list, 512), wrong, "{list:?}");
    }
    for test in [0x20, 0x40, 0x60] {
        assert_eq!(
            Overwrite::parse(&[1 | test, 0, 0, 1, 1], 512),
            at(0, Some(6))
        );
    }
    assert_eq!(Overwrite::parse(&[1, 1, 0, 1, 1], 512), at(1, None));
}

#[test]
fn the_last_overwrite_leaves_the_pattern_as_it_is() {
    for count in 1..=31 {
        for invert in [false, true] {
            let overwrite = Overwrite {
                count,
                invert,
                ..Overwrite::ZEROS
            };
            let mut inverted = overwrite.begins_inverted();
            for _ in 1..count {
                inverted ^= invert;
            }
            assert!(!inverted, "{count} {invert}");
        }
    }
}

#[test]
fn a_format_list_has_two_headers() {
    assert_eq!(format(&[0, 0, 0, 0], false), Ok((false, None)));
    assert_eq!(format(&[0, 0x02, 0, 0], false), Ok((true, None)));
    assert_eq!(format(&[0, 0x02, 0, 0, 0, 0, 0, 0], true), Ok((true, None)));
    // FOV with DPRY, DCRT, STPF and the obsolete DSP.
    assert_eq!(format(&[0, 0xf4, 0, 0], false), Ok((false, None)));
}

#[test]
fn a_format_may_have_a_pattern() {
    let short = [0, 0x88, 0, 0, 0, 1, 0, 2, 0xde, 0xad];
    assert_eq!(format(&short, false), Ok((false, Some(vec![0xde, 0xad]))));
    let long = [0, 0x8a, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0xee];
    assert_eq!(format(&long, true), Ok((true, Some(vec![0xee]))));
    let default = [0, 0x88, 0, 0, 0, 0, 0, 0];
    assert_eq!(format(&default, false), Ok((false, None)));
    let mut whole = vec![0, 0x88, 0, 0, 0, 1, 2, 0];
    whole.extend([7; 512]);
    assert_eq!(format(&whole, false), Ok((false, Some(vec![7; 512]))));
    assert_eq!(FormatList::longest(512), 524);
}

#[test]
fn what_a_format_does_not_do_is_pointed_to() {
    let short = |bytes: &[u8]| format(bytes, false);
    assert_eq!(short(&[1, 0, 0, 0]), at(0, Some(2)));
    for option in [0x40, 0x20, 0x10, 0x08, 0x04] {
        assert_eq!(short(&[0, option, 0, 0, 0, 0, 0, 0]), at(1, Some(7)));
    }
    assert_eq!(short(&[0, 0x81, 0, 0]), at(1, Some(0)));
    assert_eq!(short(&[0, 0, 0, 4, 0, 0, 0, 1]), at(2, None));
    assert_eq!(format(&[0, 0, 0, 0x10, 0, 0, 0, 0], true), at(3, None));
    assert_eq!(format(&[0, 0, 0, 0, 0, 0, 0, 4], true), at(4, None));
    // The descriptor: modifier, SI, type, length of the default and of another pattern.
    assert_eq!(short(&[0, 0x88, 0, 0, 0x40, 1, 0, 1, 1]), at(4, Some(7)));
    assert_eq!(short(&[0, 0x88, 0, 0, 0x20, 1, 0, 1, 1]), at(4, Some(5)));
    assert_eq!(short(&[0, 0x88, 0, 0, 0, 2, 0, 1, 1]), at(5, None));
    assert_eq!(short(&[0, 0x88, 0, 0, 0, 0, 0, 1, 1]), at(6, None));
    assert_eq!(short(&[0, 0x88, 0, 0, 0, 1, 0, 0]), at(6, None));
    assert_eq!(short(&[0, 0x88, 0, 0, 0, 1, 2, 1]), at(6, None));
}

#[test]
fn a_format_list_that_is_cut_is_refused() {
    let lists = [
        (&[0, 0x88, 0, 0, 0, 1, 0, 2, 1, 2][..], false),
        (&[0, 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 1, 2], true),
    ];
    for (list, is_long) in lists {
        assert!(format(list, is_long).is_ok());
        for len in 0..list.len() {
            assert_eq!(format(&list[..len], is_long), Err(TOO_SHORT), "{len}");
        }
    }
}

#[test]
fn conditions_are_numbers() {
    for condition in ALL {
        assert_eq!(Condition::from_code(condition as u8), condition);
    }
}

#[test]
fn who_is_at_work_is_not_disturbed() {
    for busy in ALL.into_iter().filter(|condition| condition.is_busy()) {
        let sense = busy.sense().unwrap();
        assert_eq!(sense.key, SenseKey::NotReady);
        let refused = Err(sense);
        assert_eq!(busy.format(), refused);
        assert_eq!(busy.sanitize(true), refused);
        assert_eq!(busy.sanitize(false), refused);
        assert_eq!(busy.exit_failure_mode(), refused);
        assert_eq!(busy.ended(true), Condition::Sound);
        assert!(!busy.ended(false).is_busy());
    }
}

#[test]
fn a_format_that_failed_is_made_up_for_by_another_or_by_a_sanitize() {
    let corrupt = Condition::Sound.format().unwrap().ended(false);
    let code = |sense: Sense| (sense.key, sense.code);
    assert_eq!(
        code(corrupt.failure()),
        (
            SenseKey::MediumError,
            AdditionalSense::FORMAT_COMMAND_FAILED
        )
    );
    assert_eq!(
        code(corrupt.sense().unwrap()),
        (
            SenseKey::MediumError,
            AdditionalSense::MEDIUM_FORMAT_CORRUPTED
        )
    );
    assert_eq!(corrupt.format(), Ok(Condition::Formatting));
    assert_eq!(corrupt.sanitize(false), Ok(Condition::Sanitizing));
    assert_eq!(corrupt.exit_failure_mode(), Ok(corrupt));
}

#[test]
fn a_sanitize_that_failed_without_ause_is_made_up_for_by_such_a_sanitize_alone() {
    let failed = Condition::Sound.sanitize(false).unwrap().ended(false);
    let refused = failed.sense().unwrap();
    assert_eq!(
        (refused.key, refused.code),
        (
            SenseKey::MediumError,
            AdditionalSense::SANITIZE_COMMAND_FAILED
        )
    );
    assert_eq!(failed.failure(), refused);
    assert_eq!(failed.format(), Err(refused));
    assert_eq!(
        failed.exit_failure_mode(),
        Err(Sense::invalid_cdb_field(1, Some(4)))
    );
    assert_eq!(
        failed.sanitize(true),
        Err(Sense::invalid_cdb_field(1, Some(5)))
    );
    let again = failed.sanitize(false).unwrap();
    assert_eq!(again.ended(false), failed);
    assert_eq!(again.ended(true), Condition::Sound);
}

#[test]
fn a_sanitize_that_failed_with_ause_can_be_left_behind() {
    let failed = Condition::Sound.sanitize(true).unwrap().ended(false);
    assert!(failed.sense().is_some());
    assert!(failed.format().is_err());
    assert_eq!(failed.exit_failure_mode(), Ok(Condition::Sound));
    assert!(failed.sanitize(false).is_ok() && failed.sanitize(true).is_ok());
    // Nothing has failed.
    assert_eq!(Condition::Sound.exit_failure_mode(), Ok(Condition::Sound));
    assert_eq!(Condition::Sound.sense(), None);
}

#[test]
fn progress_is_a_part_of_65536() {
    assert_eq!(progress(0, 1, 0, 1 << 30), 0);
    assert_eq!(progress(0, 1, 1 << 29, 1 << 30), 0x8000);
    assert_eq!(progress(0, 1, 1 << 30, 1 << 30), u16::MAX);
    assert_eq!(progress(1, 2, 0, 1 << 30), 0x8000);
    assert_eq!(progress(1, 4, 1 << 29, 1 << 30), 0x6000);
    assert_eq!(progress(0, 1, 512, 1024), 0x8000);
    assert_eq!(progress(0, 1, 1 << 61, 1 << 62), 0x8000);
    assert_eq!(progress(30, 31, i64::MAX as u64, i64::MAX as u64), u16::MAX);
    assert_eq!(progress(0, 0, u64::MAX, 0), u16::MAX);
}
