// SPDX-License-Identifier: GPL-2.0

use super::*;
use proptest::prelude::*;
use std::{
    ffi::CString,
    string::String,
    vec,
    vec::Vec, //
};

/// Any checksum will do; this one sees every byte and its place.
fn checksum(bytes: &[u8]) -> [u8; 4] {
    let sum = bytes.iter().fold(0x811c_9dc5_u32, |sum, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    sum.to_be_bytes()
}

fn example() -> Metadata<'static> {
    Metadata {
        guid: Guid::new([0x60; 16]),
        file: c"/dev/disk",
        size: 1 << 30,
        block_size: 512,
        alias: "a disk",
        vendor: "COMSTAR",
        product: "LINUX DISK",
        revision: "0.1",
        serial: None,
        mgmt_url: "",
        physical_block: None,
        rotation: Some(1),
        unmap: Some(false),
        write_protect: false,
        write_cache_disable: true,
        removable: true,
        head: true,
        thin: false,
        threshold: Some(10),
        modes: None,
        reservations: b"reservations",
        identifying: None,
        identifying_text: Some(b"text\0"),
    }
}

fn record(metadata: &Metadata<'_>, generation: u64) -> Vec<u8> {
    let mut bytes = vec![0; metadata.record_len()];
    metadata.write(&mut Sink::new(&mut bytes));
    seal(&mut bytes, generation, checksum);
    bytes
}

/// The generation that is found, and the slot.
fn found(first: &[u8], second: &[u8]) -> Result<Option<(u64, u8)>, Unusable> {
    let record = find([first, second], checksum)?;
    Ok(record.map(|record| (record.generation, record.slot)))
}

#[test]
fn the_bytes_are_those_described() {
    let bytes = record(&example(), 7);
    assert_eq!(&bytes[..12], b"STMFDISK\0\x01\0\0");
    assert_eq!(bytes[12..16], u32::to_be_bytes(bytes.len() as u32));
    assert_eq!(bytes[16..24], 7_u64.to_be_bytes());
    assert_eq!(bytes[24..32], [0, 0, 0, 0, 0, 0, 0, 16]);
    assert_eq!(bytes[32..48], [0x60; 16]);
    assert_eq!(&bytes[48..66], b"\0\0\0\x01\0\0\0\x0a/dev/disk\0");
    assert_eq!(
        bytes[bytes.len() - 4..],
        checksum(&bytes[..bytes.len() - 4])
    );
}

#[test]
fn only_what_version_1_cannot_read_is_of_version_2() {
    for (modes, version) in [
        (None, 1),
        (Some(&[0; 4][..]), 1),
        (Some(&[0; 14]), 2),
        (Some(&[]), 2),
    ] {
        let metadata = Metadata { modes, ..example() };
        let bytes = record(&metadata, 1);
        assert_eq!(bytes[8..10], [0, version]);
        let read = find([&bytes, &[]], checksum).unwrap().unwrap();
        assert_eq!(Metadata::parse(read.bytes), Ok(metadata));
    }
}

#[test]
fn the_newer_of_two_whole_records_counts() {
    let (old, new) = (record(&example(), 4), record(&example(), 5));
    assert_eq!(found(&old, &new), Ok(Some((5, 1))));
    assert_eq!(found(&new, &old), Ok(Some((5, 0))));
    assert_eq!(found(&old, &[]), Ok(Some((4, 0))));
    assert_eq!(found(&[0; 99], &old), Ok(Some((4, 1))));
}

#[test]
fn a_write_that_was_cut_leaves_the_record_before() {
    let (old, new) = (record(&example(), 4), record(&example(), 5));
    for cut in 0..new.len() {
        // Over what the slot had before, and over nothing.
        let mut torn = record(&example(), 3);
        torn[..cut].copy_from_slice(&new[..cut]);
        assert_eq!(found(&old, &torn).map(|found| found.unwrap().1), Ok(0));
        assert_eq!(found(&old, &new[..cut]), Ok(Some((4, 0))));
    }
}

#[test]
fn a_head_has_both_slots_and_the_data_behind_them() {
    let data = b"the first block of the data";
    let mut device = vec![0; DATA_START as usize];
    device.extend_from_slice(data);
    let look = |device: &[u8]| {
        let (first, rest) = device.split_at(SLOT_LEN);
        found(first, &rest[..SLOT_LEN])
    };
    assert_eq!(look(&device), Ok(None));
    for (generation, slot) in [(1, 0), (3, 1), (5, 0)] {
        let new = record(&example(), generation);
        let at = slot * SLOT_LEN;
        // A loss of power leaves any part of it: the one before is still there, or the new one is.
        for cut in 0..new.len() {
            let mut torn = device.clone();
            torn[at..at + cut].copy_from_slice(&new[..cut]);
            match look(&torn) {
                Ok(Some((kept, _))) => assert_eq!(kept + 2, generation),
                nothing => assert!(generation == 1 && nothing.is_err() | (nothing == Ok(None))),
            }
        }
        device[at..at + new.len()].copy_from_slice(&new);
        assert_eq!(look(&device), Ok(Some((generation, slot as u8))));
    }
    device[30] ^= 1;
    device[SLOT_LEN + 30] ^= 1;
    assert_eq!(look(&device), Err(Unusable::Damaged));
    assert_eq!(&device[DATA_START as usize..], data);
}

#[test]
fn what_older_records_do_not_say_is_as_it_was() {
    let plain = Metadata {
        head: false,
        thin: true,
        threshold: None,
        ..example()
    };
    let bytes = record(&plain, 1);
    assert_eq!(Metadata::parse(&bytes), Ok(plain));
    assert!(bytes.len() < record(&example(), 1).len());
    assert!(is_record(&bytes) && !is_record(b"STMF"));
}

#[test]
fn what_cannot_be_used_has_a_name() {
    let good = record(&example(), 4);
    let mut damaged = good.clone();
    damaged[30] ^= 1;
    let mut newer = good.clone();
    newer[9] = 3;
    seal(&mut newer, 5, checksum);
    assert_eq!(found(&[], &[0; 512]), Ok(None));
    assert_eq!(found(b"something", &[]), Err(Unusable::Foreign));
    assert_eq!(found(&[], b"something"), Err(Unusable::Foreign));
    assert_eq!(found(&damaged, &[]), Err(Unusable::Damaged));
    assert_eq!(found(b"something", &damaged), Err(Unusable::Damaged));
    assert_eq!(found(&good[..40], &[]), Err(Unusable::Damaged));
    // An older record may be there, but it isn't what the disk is now.
    assert_eq!(found(&good, &newer), Err(Unusable::Newer(3)));
    assert_eq!(found(&newer, &[]), Err(Unusable::Newer(3)));
}

#[test]
fn fields_are_there_once_or_not_at_all() {
    let bytes = record(&example(), 4);
    let fields = fields(&bytes);
    let with = |extra: &[u8]| {
        let mut sum = bytes[..HEAD_LEN].to_vec();
        sum.extend_from_slice(fields);
        sum.extend_from_slice(extra);
        sum.extend_from_slice(&[0; 4]);
        Metadata::parse(&sum).map(|_| ())
    };
    assert_eq!(with(&[]), Ok(()));
    assert_eq!(with(&[0, 0, 0, 15, 0, 0, 0, 4, 0, 0, 0, 1]), Ok(()));
    assert_eq!(with(&[0, 0, 0, 15, 0, 0, 0, 1, 0]), Ok(()));
    for wrong in [
        // Twice, unknown, too short for its length, of the wrong length, cut.
        &[0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 2, 0][..],
        &[0, 0, 0, 17, 0, 0, 0, 0],
        &[0, 0, 0, 15, 0, 0, 0, 4, 0, 0, 0],
        &[0, 0, 0, 12, 0, 0, 0, 2, 0, 0],
        &[0, 0, 0],
    ] {
        assert_eq!(with(wrong), Err(Unusable::Damaged), "{wrong:?}");
    }
    assert_eq!(Metadata::parse(&bytes[..HEAD_LEN]), Err(Unusable::Damaged));
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        guid: [u8; 16],
        path in "/[^\0]{0,40}",
        numbers: (u64, u32, Option<u32>, Option<u16>),
        modes: Option<Vec<u8>>,
        texts: (String, String, String, String, Option<String>, String),
        flags: (Option<bool>, bool, bool, bool, bool),
        threshold: Option<u8>,
        reservations: Vec<u8>,
        identifying: (Option<Vec<u8>>, Option<Vec<u8>>),
        generation: u64,
    ) {
        let file = CString::new(path).unwrap();
        let metadata = Metadata {
            guid: Guid::new(guid),
            file: &file,
            size: numbers.0,
            block_size: numbers.1,
            alias: &texts.0,
            vendor: &texts.1,
            product: &texts.2,
            revision: &texts.3,
            serial: texts.4.as_deref(),
            mgmt_url: &texts.5,
            physical_block: numbers.2,
            rotation: numbers.3,
            unmap: flags.0,
            write_protect: flags.1,
            write_cache_disable: flags.2,
            removable: flags.1,
            head: flags.3,
            thin: flags.4,
            threshold,
            modes: modes.as_deref(),
            reservations: &reservations,
            identifying: identifying.0.as_deref(),
            identifying_text: identifying.1.as_deref(),
        };
        let bytes = record(&metadata, generation);
        let found = find([&bytes, &[]], checksum).unwrap().unwrap();
        prop_assert_eq!(found.generation, generation);
        prop_assert_eq!(Metadata::parse(found.bytes), Ok(metadata));
    }

    #[test]
    fn anything_is_read_without_harm(first: Vec<u8>, second: Vec<u8>) {
        if let Ok(Some(record)) = find([&first, &second], checksum) {
            let _ = Metadata::parse(record.bytes);
        }
        let _ = Metadata::parse(&first);
    }
}
