// SPDX-License-Identifier: GPL-2.0

//! Whatever additional header segments a command has, they are refused, or its CDB and its read
//! length are where RFC 7143 11.2.2 has them.

use stmf_iscsi_proto::{
    bhs::{
        Bhs,
        BHS_LEN, //
    },
    request::{
        Request,
        ScsiCommand,
        MAX_CDB_LEN, //
    },
};
use stmf_scsi::cdb;

/// The first byte has the flags of the command; the others are its segments, cut to whole words.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&flags, segments)) = bytes.split_first() else {
        return;
    };
    let words = (segments.len() / 4).min(255);
    let segments = &segments[..words * 4];
    let mut header = [0; BHS_LEN];
    header[0] = 1;
    header[1] = flags;
    header[4] = words as u8;
    header[32] = 0x7f;
    let bhs = Bhs(header);
    assert_eq!(bhs.ahs_len(), segments.len());
    let Ok(Request::ScsiCommand(command)) = Request::parse(&bhs, segments) else {
        return;
    };
    check(&command, segments);
    let mut long = [0; MAX_CDB_LEN];
    let len = command.cdb.copy_to(&mut long).expect("there is room");
    assert_eq!(&long[16..len], command.cdb.tail());
    let _ = cdb::parse(&long[..len]);
}

/// Looks for the segments a second time, from their lengths alone.
fn check(command: &ScsiCommand<'_>, mut rest: &[u8]) {
    let (mut tail, mut read_len): (&[u8], _) = (&[], None);
    while let [high, low, kind, _, more @ ..] = rest {
        let len = usize::from(u16::from_be_bytes([*high, *low])) - 1;
        let body = &more[..len];
        match kind {
            1 => tail = body,
            2 => read_len = Some(u32::from_be_bytes(body.try_into().expect("four bytes"))),
            _ => panic!("a segment of type {kind}"),
        }
        rest = &more[len.next_multiple_of(4)..];
    }
    assert!(rest.is_empty());
    assert_eq!(command.cdb.tail(), tail);
    assert_eq!(command.bidi_read_len, read_len);
}
