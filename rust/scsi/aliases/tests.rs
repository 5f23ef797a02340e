// SPDX-License-Identifier: GPL-2.0

use super::*;
use std::vec::Vec;

/// An alias entry; the alias is a single digit.
fn entry(alias: u8, protocol: u8, format: u8, designation: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::from([0, 0, 0, 0, 0, 0, 0, alias, protocol, 0, 0, format, 0, 0]);
    bytes.extend((designation.len() as u16).to_be_bytes());
    bytes.extend(designation);
    bytes
}

fn name(alias: u8, name: &[u8]) -> Vec<u8> {
    let mut padded = name.to_vec();
    padded.resize((name.len() + 1).next_multiple_of(4), 0);
    entry(alias, 5, 0, &padded)
}

fn null(alias: u8) -> Vec<u8> {
    entry(alias, 0x80, 0, &[])
}

fn list(entries: &[Vec<u8>]) -> Vec<u8> {
    let entries = entries.concat();
    let mut bytes = (entries.len() as u32 + 4).to_be_bytes().to_vec();
    bytes.extend([0; 4]);
    bytes.extend(entries);
    bytes
}

/// What becomes of a list.
fn change(kept: &[u8], entries: &[Vec<u8>]) -> Result<Vec<u8>, Sense> {
    let bytes = list(entries);
    let list = ChangeList::parse(&bytes)?;
    let mut out = std::vec![0xee; list.len_with(kept)?];
    let mut sink = Sink::new(&mut out);
    list.write_with(kept, &mut sink);
    assert_eq!(sink.len(), sink.written());
    Ok(out)
}

const LENGTH_ERROR: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

#[test]
fn aliases_are_added_replaced_and_removed() {
    let kept = change(&[], &[name(1, b"iqn.a"), entry(2, 0, 0, &[9; 8])]).unwrap();
    assert_eq!(kept, [name(1, b"iqn.a"), entry(2, 0, 0, &[9; 8])].concat());
    let kept = change(&kept, &[name(1, b"iqn.b"), name(3, b"iqn.c")]).unwrap();
    let now = [
        entry(2, 0, 0, &[9; 8]),
        name(1, b"iqn.b"),
        name(3, b"iqn.c"),
    ];
    assert_eq!(kept, now.concat());
    let kept = change(&kept, &[null(2), null(7)]).unwrap();
    assert_eq!(kept, [name(1, b"iqn.b"), name(3, b"iqn.c")].concat());
    assert_eq!(change(&kept, &[]).unwrap(), kept);
}

#[test]
fn the_last_one_for_an_alias_counts() {
    let twice = [name(1, b"iqn.a"), name(1, b"iqn.b")];
    assert_eq!(change(&[], &twice).unwrap(), name(1, b"iqn.b"));
    assert_eq!(change(&[], &[name(1, b"iqn.a"), null(1)]).unwrap(), []);
    let back = [null(1), name(1, b"iqn.a")];
    assert_eq!(
        change(&name(1, b"iqn.c"), &back).unwrap(),
        name(1, b"iqn.a")
    );
}

#[test]
fn a_list_is_reported_with_its_length() {
    let report = |kept: &[u8]| {
        let mut out = [0xee; 64];
        let mut sink = Sink::new(&mut out);
        ReportAliases { allocation: 64 }.write(kept, &mut sink);
        sink.as_bytes().to_vec()
    };
    assert_eq!(report(&[]), [0, 0, 0, 4, 0, 0, 0, 0]);
    let kept = name(1, b"iqn");
    let bytes = report(&kept);
    assert_eq!(bytes[..8], [0, 0, 0, 24, 0, 0, 0, 1]);
    assert_eq!(bytes[8..], kept);
}

#[test]
fn what_is_cut_is_a_length_error() {
    let whole = list(&[name(1, b"iqn.a")]);
    for len in 0..whole.len() {
        assert_eq!(ChangeList::parse(&whole[..len]).err(), Some(LENGTH_ERROR));
    }
    // What is behind the end is not looked at.
    let mut longer = whole.clone();
    longer.extend([0xff; 5]);
    assert!(ChangeList::parse(&longer).is_ok());
    // An entry that ends behind the list, and a list that ends in its own header.
    for (at, value) in [(3, whole.len() as u8 - 5), (3, 0), (3, 3), (0, 0xff)] {
        let mut bad = whole.clone();
        bad[at] = value;
        assert_eq!(ChangeList::parse(&bad).err(), Some(LENGTH_ERROR));
    }
}

#[test]
fn designations_are_pointed_to() {
    let first = name(1, b"iqn.a").len();
    let refused = |bad: Vec<u8>| change(&[], &[name(1, b"iqn.a"), bad]).unwrap_err();
    let field = |at: usize| Sense::invalid_parameter((8 + first + at) as u16, None);
    for protocol in [1, 6, 0x0f, 0x7f, 0x81, 0xff] {
        assert_eq!(refused(entry(2, protocol, 0, &[])), field(8));
    }
    for (protocol, format) in [(0x80, 1), (0, 2), (4, 2), (5, 4)] {
        assert_eq!(refused(entry(2, protocol, format, &[])), field(11));
    }
    for (protocol, format, len) in [(0x80, 0, 4), (0, 0, 12), (0, 1, 8), (4, 0, 8), (4, 1, 16)] {
        assert_eq!(
            refused(entry(2, protocol, format, &[1; 32][..len])),
            field(14)
        );
    }
    for bad in [&b""[..], b"iqn", b"iqn.", b"\0\0\0\0", b"iqn.a\0"] {
        assert_eq!(refused(entry(2, 5, 0, bad)), field(14));
    }
    assert_eq!(
        refused(entry(2, 5, 0, &[&[b'a'; 224][..], &[0; 4]].concat())),
        field(14)
    );
}

#[test]
fn there_is_an_end_to_what_is_kept() {
    let full: Vec<_> = (0..16).map(|alias| name(alias, b"iqn")).collect();
    let kept = change(&[], &full).unwrap();
    let too_many = change(&kept, &[name(16, b"iqn")]).unwrap_err();
    assert_eq!(too_many.code, AdditionalSense::INSUFFICIENT_RESOURCES);
    assert!(change(&kept, &[null(3), name(16, b"iqn")]).is_ok());
    let long = [&[b'a'; 220][..], &[0; 4], &[1; 256]].concat();
    let long: Vec<_> = (0..9).map(|alias| entry(alias, 5, 2, &long)).collect();
    let too_long = change(&[], &long).unwrap_err();
    assert_eq!(too_long.code, AdditionalSense::INSUFFICIENT_RESOURCES);
}
