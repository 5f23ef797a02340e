// SPDX-License-Identifier: GPL-2.0

//! Whatever is in a file of metadata, or in the head of a device, it is refused, or is what would be
//! written again.

use stmf_model::metadata::{fields, find, seal, Metadata};
use stmf_scsi::Sink;

/// A checksum that is always right, so that the fuzzer gets past it.
fn checksum(_: &[u8]) -> [u8; 4] {
    [0; 4]
}

/// The two slots, with the place where the second begins in the first two bytes.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&[high, low], rest)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let at = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
    let (first, second) = rest.split_at(at);
    let Ok(Some(record)) = find([first, second], checksum) else {
        return;
    };
    let Ok(metadata) = Metadata::parse(record.bytes) else {
        return;
    };
    let mut again = vec![0; metadata.record_len()];
    metadata.write(&mut Sink::new(&mut again));
    seal(&mut again, record.generation, checksum);
    // The fields may come in another order, and what is as usual need not be said.
    assert!(fields(&again).len() <= fields(record.bytes).len());
    assert_eq!(Metadata::parse(&again), Ok(metadata));
}
