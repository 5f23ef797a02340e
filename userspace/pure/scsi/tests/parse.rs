// SPDX-License-Identifier: GPL-2.0

//! Any bytes can come in as a CDB, a LUN or a range.

#![allow(clippy::unwrap_used, reason = "A test may panic")]

use proptest::prelude::*;
use stmf_scsi::{
    cdb::{
        self,
        check_range,
        Command,
        Transfer,
        COMMANDS, //
    },
    AdditionalSense, Lun, LunAddress, Sense, SenseKey,
};

/// A CDB of a known command in which some bytes are at random.
fn likely_cdb() -> impl Strategy<Value = Vec<u8>> {
    (0..COMMANDS.rows().len(), any::<[u8; 16]>(), any::<u16>()).prop_map(|(row, noise, keep)| {
        let row = &COMMANDS.rows()[row];
        let mut cdb = [0; 16];
        for (at, byte) in cdb.iter_mut().enumerate() {
            if keep & (1 << at) != 0 {
                *byte = noise[at];
            }
        }
        cdb[0] = row.id().opcode;
        if let Some(service_action) = row.id().service_action {
            cdb[1] = service_action;
        }
        cdb[..row.cdb_len()].to_vec()
    })
}

/// The commands with a field that must not be zero, or not be too small, or that has several bytes.
const MAY_BE_ZERO: &[u8] = &[
    cdb::opcode::REPORT_LUNS,
    cdb::opcode::MAINTENANCE_IN,
    cdb::opcode::MAINTENANCE_OUT,
    cdb::opcode::WRITE_SAME_10,
    cdb::opcode::WRITE_SAME_16,
    cdb::opcode::SANITIZE,
    cdb::opcode::READ_BUFFER_10,
    cdb::opcode::READ_BUFFER_16,
    cdb::opcode::WRITE_BUFFER,
    cdb::opcode::READ_DEFECT_DATA_12,
    cdb::opcode::SEND_DIAGNOSTIC,
];

proptest! {
    #[test]
    fn any_bytes_parse_or_are_refused_as_an_illegal_request(
        bytes in prop::collection::vec(any::<u8>(), 0..40)
    ) {
        if let Err(sense) = cdb::parse(&bytes) {
            prop_assert_eq!(sense.key, SenseKey::IllegalRequest);
        }
    }

    #[test]
    fn a_refused_field_is_in_the_cdb_and_not_zero(bytes in likely_cdb()) {
        if let Err(sense) = cdb::parse(&bytes) {
            prop_assert_eq!(sense.code, AdditionalSense::INVALID_FIELD_IN_CDB);
            let pointer = sense.pointer.unwrap();
            prop_assert!(pointer.in_cdb);
            let byte = bytes[usize::from(pointer.byte)];
            prop_assert!(byte != 0 || MAY_BE_ZERO.contains(&bytes[0]));
            prop_assert!(pointer.bit.is_none_or(|bit| bit < 8));
        }
    }

    #[test]
    fn what_a_transport_pads_a_cdb_with_does_not_matter(
        bytes in likely_cdb(),
        rest in prop::collection::vec(any::<u8>(), 0..8)
    ) {
        let mut padded = bytes.clone();
        padded.extend(rest);
        prop_assert_eq!(cdb::parse(&bytes), cdb::parse(&padded));
    }

    #[test]
    fn read_16_and_write_16_keep_their_fields(
        lba: u64, blocks: u32, fua: bool, dpo: bool, group in 0u8..64, write: bool
    ) {
        let mut cdb = [0; 16];
        cdb[0] = if write { 0x8a } else { 0x88 };
        cdb[1] = if dpo { 0x10 } else { 0 } | if fua { 0x08 } else { 0 };
        cdb[2..10].copy_from_slice(&lba.to_be_bytes());
        cdb[10..14].copy_from_slice(&blocks.to_be_bytes());
        cdb[14] = group;
        let transfer = Transfer { lba, blocks, fua, dpo, length_field: 10 };
        let expected = if write { Command::Write(transfer) } else { Command::Read(transfer) };
        prop_assert_eq!(cdb::parse(&cdb), Ok(expected));
    }

    #[test]
    fn the_same_read_in_every_length_is_the_same(lba in 0u32..0x20_0000, blocks in 1u8..=255) {
        let [_, l2, l1, l0] = lba.to_be_bytes();
        let cdbs = [
            &[0x08, l2, l1, l0, blocks, 0][..],
            &[0x28, 0, 0, l2, l1, l0, 0, 0, blocks, 0],
            &[0xa8, 0, 0, l2, l1, l0, 0, 0, 0, blocks, 0, 0],
            &[0x88, 0, 0, 0, 0, 0, 0, l2, l1, l0, 0, 0, 0, blocks, 0, 0],
        ];
        for cdb in cdbs {
            let Ok(Command::Read(read)) = cdb::parse(cdb) else {
                return Err(TestCaseError::fail("refused"));
            };
            prop_assert_eq!((read.lba, read.blocks), (lba.into(), blocks.into()));
        }
    }

    #[test]
    fn a_range_is_checked_without_overflow(lba: u64, blocks: u32, capacity: u64) {
        let fits = u128::from(lba) + u128::from(blocks) <= u128::from(capacity);
        let expected = if fits {
            Ok(())
        } else {
            Err(Sense::illegal(AdditionalSense::LBA_OUT_OF_RANGE))
        };
        prop_assert_eq!(check_range(lba, blocks, capacity), expected);
    }

    #[test]
    fn a_lun_that_is_understood_is_the_one_meant(field: [u8; 8]) {
        if let LunAddress::Unit(lun) = LunAddress::parse(field) {
            prop_assert!(lun <= Lun::MAX);
            prop_assert_eq!(LunAddress::parse(lun.encode()), LunAddress::Unit(lun));
        }
    }

    #[test]
    fn a_second_level_is_never_understood(first: [u8; 4], level in 4usize..8, value in 1u8..) {
        let mut field = [0; 8];
        field[..4].copy_from_slice(&first);
        field[level] = value;
        prop_assert_eq!(LunAddress::parse(field), LunAddress::Unknown);
    }
}
