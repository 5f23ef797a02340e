// SPDX-License-Identifier: GPL-2.0

//! CDBs of 32 bytes.

use super::*;
use crate::opcodes::MAX_LONG_CDB;

/// A CDB with this service action and these bytes, else zeros.
fn long(service_action: u16, bytes: &[(usize, u8)]) -> [u8; MAX_LONG_CDB] {
    let mut cdb = [0; MAX_LONG_CDB];
    cdb[0] = opcode::VARIABLE_LENGTH;
    cdb[7] = 24;
    cdb[8..10].copy_from_slice(&service_action.to_be_bytes());
    for &(at, value) in bytes {
        cdb[at] = value;
    }
    cdb
}

/// LOGICAL BLOCK ADDRESS 0102030405060708h, TRANSFER LENGTH 090A0B0Ch, and all tags.
fn full(service_action: u16, flags: u8) -> [u8; MAX_LONG_CDB] {
    let mut cdb = long(service_action, &[(6, 0x3f), (10, flags)]);
    cdb[12..20].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
    cdb[20..28].fill(0xff);
    cdb[28..].copy_from_slice(&[9, 10, 11, 12]);
    cdb
}

fn field<T>(byte: u16, bit: Option<u8>) -> Result<T, Sense> {
    Err(Sense::invalid_cdb_field(byte, bit))
}

/// All that there are, with a number of blocks.
fn every_one() -> impl Iterator<Item = [u8; MAX_LONG_CDB]> {
    let rows = COMMANDS.rows().iter();
    let long_ones = rows.filter(|row| row.id().opcode == opcode::VARIABLE_LENGTH);
    long_ones.map(|row| long(row.id().service_action.unwrap(), &[(31, 1)]))
}

const LBA: u64 = 0x0102_0304_0506_0708;
const BLOCKS: u32 = 0x090a_0b0c;

#[test]
fn they_are_the_commands_that_their_service_actions_say() {
    let moved = Transfer {
        fua: true,
        dpo: true,
        ..transfer(LBA, BLOCKS, 28)
    };
    let verified = Verify {
        lba: LBA,
        blocks: BLOCKS,
        bytchk: ByteCheck::Blocks,
        dpo: true,
        length_field: 28,
    };
    let same = WriteSame {
        lba: LBA,
        blocks: BLOCKS,
        unmap: true,
        no_data: true,
        length_field: 28,
        flags_field: 10,
    };
    assert_eq!(same.wrong_unmap(), Sense::invalid_cdb_field(10, Some(3)));
    for (service_action, flags, command) in [
        (0x0009, 0x18, Command::Read(moved)),
        (0x000a, 0x12, Command::Verify(verified)),
        (0x000b, 0x18, Command::Write(moved)),
        (0x000c, 0x12, Command::WriteAndVerify(verified)),
        (0x000d, 0x09, Command::WriteSame(same)),
    ] {
        assert_eq!(parse(&full(service_action, flags)), Ok(command));
    }
    let mut atomic = full(0x000f, 0x08);
    let Ok(Command::WriteAtomic(write)) = parse(&atomic) else {
        panic!("refused");
    };
    assert_eq!((write.lba, write.blocks, write.boundary), (LBA, BLOCKS, 0));
    assert!(write.fua);
    atomic[5] = 1;
    let Ok(Command::WriteAtomic(write)) = parse(&atomic) else {
        panic!("refused");
    };
    let limits = AtomicLimits::default();
    assert_eq!(write.check(u64::MAX, &limits), field(4, None));
}

#[test]
fn their_fields_are_pointed_to_where_they_are() {
    for cdb in every_one() {
        assert!(parse(&cdb).is_ok(), "{cdb:x?}");
        let with = |at: usize, value: u8| {
            let mut cdb = cdb;
            cdb[at] = value;
            parse(&cdb)
        };
        // CONTROL, RDPROTECT and its like, what is reserved, GROUP NUMBER with a bit too many.
        assert_eq!(with(1, 0x04), field(1, Some(2)));
        for protect in [0x20, 0x80, 0xe0] {
            assert_eq!(with(10, protect), field(10, Some(7)));
        }
        assert_eq!(with(2, 0x40), field(2, Some(6)));
        assert_eq!(with(6, 0x40), field(6, Some(6)));
        assert_eq!(with(11, 0x01), field(11, Some(0)));
        assert!(with(12, 0xff).is_ok() && with(20, 0xff).is_ok() && with(27, 0xff).is_ok());
    }
    // RARC, BYTCHK that there isn't, ANCHOR.
    assert_eq!(parse(&long(0x0009, &[(10, 0x04)])), field(10, Some(2)));
    assert_eq!(parse(&long(0x000a, &[(10, 0x04)])), field(10, Some(2)));
    assert_eq!(parse(&long(0x000c, &[(10, 0x06)])), field(10, Some(2)));
    assert_eq!(parse(&long(0x000d, &[(10, 0x10)])), field(10, Some(4)));
    // No length goes up to the last block, as in the shorter ones.
    assert!(parse(&long(0x000d, &[])).is_ok());
}

#[test]
fn they_have_to_be_as_long_as_they_say() {
    for cdb in every_one() {
        for additional in [0, 8, 20, 23, 25, 28, 0xf8] {
            let mut wrong = cdb;
            wrong[7] = additional;
            assert_eq!(parse(&wrong), field(7, None));
        }
        for len in [10, 16, 31] {
            assert_eq!(parse(&cdb[..len]), field(len as u16, None));
        }
        let mut padded = Vec::from(cdb);
        padded.resize(260, 0xff);
        assert_eq!(parse(&padded), parse(&cdb));
    }
    for len in 1..10 {
        assert_eq!(parse(&long(9, &[])[..len]), field(len as u16, None));
    }
    // SCSI-3's XDREAD (32), service actions of other device types.
    for service_action in [0, 3, 8, 0x10, 0x0100, 0x0109, 0x8801, 0xffff] {
        assert_eq!(parse(&long(service_action, &[])), field(8, None));
    }
}

#[test]
fn they_are_reported_with_service_actions_of_16_bits() {
    let one = |options: u8, high: u8, low: u8| {
        let cdb = [0xa3, 0x0c, options, 0x7f, high, low, 0, 0, 1, 0, 0, 0];
        let Ok(Command::ReportSupportedOperationCodes(query)) = parse(&cdb) else {
            panic!("refused");
        };
        let mut out = [0xee; 256];
        let mut sink = Sink::new(&mut out);
        report_opcodes(&query, |_| true, &mut sink).map(|()| sink.as_bytes().to_vec())
    };
    let read = one(2, 0, 9).unwrap();
    let usage = [
        0x7f, 0, 0, 0, 0, 0, 0x3f, 0xff, 0, 9, 0x18, 0, 0xff, 0xff, 0xff, 0xff, //
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
    ];
    assert_eq!(read[..4], [0, 3, 0, 32]);
    assert_eq!(read[4..], usage);
    assert_eq!(one(3, 0, 9), Ok(read));
    assert_eq!(one(2, 1, 9), Ok(std::vec![0, 1, 0, 0]));
    assert_eq!(one(1, 0, 9), field(2, Some(2)));
}
