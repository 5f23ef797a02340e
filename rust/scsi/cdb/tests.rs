// SPDX-License-Identifier: GPL-2.0

//! CDBs as literal bytes.

use super::*;
use crate::{
    log::LogControl,
    power::Power,
    self_test::SelfTestKind,
    sense::AdditionalSense, //
};
use std::vec::Vec;

const UNKNOWN: Sense = Sense::illegal(AdditionalSense::INVALID_COMMAND_OPERATION_CODE);

/// The CDB that begins with `head`, with zeros to its length.
fn cdb(head: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = head.to_vec();
    bytes.resize(len, 0);
    bytes
}

/// What a CDB with byte `at` set to `value` is refused with.
fn refused(head: &[u8], len: usize, at: usize, value: u8) -> Sense {
    let mut bytes = cdb(head, len);
    bytes[at] = value;
    parse(&bytes).unwrap_err()
}

fn transfer(lba: u64, blocks: u32, length_field: u8) -> Transfer {
    Transfer {
        lba,
        blocks,
        fua: false,
        dpo: false,
        length_field,
    }
}

#[test]
fn the_table_is_in_order_and_complete() {
    for pair in COMMANDS.rows().windows(2) {
        assert!(pair[0].id() < pair[1].id(), "{:?}", pair[1].id());
    }
    for row in COMMANDS.rows() {
        let len = match row.id().opcode >> 5 {
            0 => 6,
            1 | 2 => 10,
            4 => 16,
            5 => 12,
            _ => panic!("no length for {:?}", row.id()),
        };
        assert_eq!(row.cdb_len(), len, "{:?}", row.id());
    }
}

#[test]
fn every_read_and_write_has_its_layout() {
    let ten = [0x28, 0, 1, 2, 3, 4, 0, 5, 6, 0];
    assert_eq!(
        parse(&ten),
        Ok(Command::Read(transfer(0x0102_0304, 0x0506, 7)))
    );
    let twelve = [0xa8, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0];
    assert_eq!(
        parse(&twelve),
        Ok(Command::Read(transfer(0x0102_0304, 0x0506_0708, 6)))
    );
    let sixteen = [0x8a, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0, 0];
    assert_eq!(
        parse(&sixteen),
        Ok(Command::Write(transfer(
            0x0102_0304_0506_0708,
            0x090a_0b0c,
            10
        )))
    );
    let six = [0x0a, 0x1f, 2, 3, 4, 0];
    assert_eq!(parse(&six), Ok(Command::Write(transfer(0x1f_0203, 4, 4))));
}

#[test]
fn a_length_of_zero_is_256_for_six_bytes_only() {
    assert_eq!(
        parse(&[0x08, 0, 0, 0, 0, 0]),
        Ok(Command::Read(transfer(0, 256, 4)))
    );
    assert_eq!(
        parse(&cdb(&[0x28], 10)),
        Ok(Command::Read(transfer(0, 0, 7)))
    );
}

#[test]
fn fua_dpo_and_group_number_are_accepted() {
    let Ok(Command::Write(write)) = parse(&[0x2a, 0x18, 0, 0, 0, 0, 0x3f, 0, 1, 0]) else {
        panic!("refused");
    };
    assert!(write.fua && write.dpo);
    // FUA_NV, obsolete, asks for less than FUA.
    let Ok(Command::Write(write)) = parse(&[0x2a, 0x02, 0, 0, 0, 0, 0, 0, 1, 0]) else {
        panic!("refused");
    };
    assert!(write.fua && !write.dpo);
}

#[test]
fn protection_information_is_refused() {
    for opcode in [0x28, 0xa8, 0x88, 0x2a, 0xaa, 0x8a, 0x2f, 0xaf, 0x8f] {
        for protect in [0x20, 0x40, 0x60, 0x80, 0xe0] {
            assert_eq!(
                refused(&[opcode], 16, 1, protect),
                Sense::invalid_cdb_field(1, Some(7))
            );
        }
    }
}

#[test]
fn the_control_byte_has_to_be_zero() {
    const NACA: u8 = 0x04;
    for row in COMMANDS.rows() {
        let id = row.id();
        let head = [id.opcode, id.service_action.unwrap_or(0)];
        let control = row.cdb_len() - 1;
        let mut bytes = cdb(&head, row.cdb_len());
        // These have a least ALLOCATION LENGTH.
        if matches!(id.opcode, opcode::REPORT_LUNS | opcode::MAINTENANCE_IN) {
            bytes[9] = 16;
        }
        // Those that want a number of blocks or a parameter list.
        match id.opcode {
            opcode::WRITE_SAME_10 => bytes[8] = 1,
            opcode::WRITE_SAME_16 => bytes[13] = 1,
            opcode::SANITIZE if id.service_action == Some(opcode::SANITIZE_OVERWRITE) => {
                bytes[8] = 5;
            }
            _ => (),
        }
        assert!(parse(&bytes).is_ok(), "{id:?}");
        bytes[control] = NACA;
        assert_eq!(
            parse(&bytes),
            Err(Sense::invalid_cdb_field(control as u16, Some(2)))
        );
    }
}

#[test]
fn a_reserved_bit_is_refused_and_pointed_to() {
    assert_eq!(
        refused(&[0x00], 6, 3, 0x30),
        Sense::invalid_cdb_field(3, Some(5))
    );
    // RARC, a DLD bit, and CMDDT.
    assert_eq!(
        refused(&[0x28], 10, 1, 0x04),
        Sense::invalid_cdb_field(1, Some(2))
    );
    assert_eq!(
        refused(&[0x88], 16, 14, 0x80),
        Sense::invalid_cdb_field(14, Some(7))
    );
    assert_eq!(
        refused(&[0x12], 6, 1, 0x02),
        Sense::invalid_cdb_field(1, Some(1))
    );
    // LLBAA is not a bit of the six-byte MODE SENSE.
    assert_eq!(
        refused(&[0x1a], 6, 1, 0x10),
        Sense::invalid_cdb_field(1, Some(4))
    );
}

#[test]
fn obsolete_bits_that_old_initiators_set_are_ignored() {
    // The LUN of SCSI-2, RELADR and SYNC_NV.
    assert_eq!(parse(&[0, 0xe0, 0, 0, 0, 0]), Ok(Command::TestUnitReady));
    assert_eq!(
        parse(&[0x08, 0x60, 0, 1, 1, 0]),
        Ok(Command::Read(transfer(1, 1, 4)))
    );
    assert!(parse(&cdb(&[0x28, 0x01], 10)).is_ok());
    assert!(parse(&cdb(&[0x35, 0x05], 10)).is_ok());
}

#[test]
fn a_short_cdb_is_refused_and_a_padded_one_is_not() {
    assert_eq!(parse(&[]), Err(UNKNOWN));
    assert_eq!(
        parse(&[0x28, 0, 0, 0, 0, 0]),
        Err(Sense::invalid_cdb_field(6, None))
    );
    assert_eq!(parse(&[0x9e]), Err(Sense::invalid_cdb_field(1, None)));
    let mut padded = cdb(&[0x00], 6);
    padded.resize(260, 0xff);
    assert_eq!(parse(&padded), Ok(Command::TestUnitReady));
}

#[test]
fn unknown_operation_codes_and_service_actions_differ() {
    for opcode in [0x01, 0x02, 0x7f, 0xff] {
        assert_eq!(parse(&cdb(&[opcode], 16)), Err(UNKNOWN));
    }
    assert_eq!(
        parse(&cdb(&[0x9e, 0x1f], 16)),
        Err(Sense::invalid_cdb_field(1, Some(4)))
    );
    assert_eq!(
        parse(&cdb(&[0xa3, 0x00], 12)),
        Err(Sense::invalid_cdb_field(1, Some(4)))
    );
}

#[test]
fn inquiry_wants_a_page_code_only_with_evpd() {
    assert_eq!(
        parse(&[0x12, 0, 0, 1, 2, 0]),
        Ok(Command::Inquiry {
            evpd: None,
            allocation: 0x0102
        })
    );
    assert_eq!(
        parse(&[0x12, 1, 0x83, 0, 0xff, 0]),
        Ok(Command::Inquiry {
            evpd: Some(0x83),
            allocation: 0xff
        })
    );
    assert_eq!(
        parse(&[0x12, 0, 0x83, 0, 0xff, 0]),
        Err(Sense::invalid_cdb_field(2, None))
    );
}

#[test]
fn request_sense_and_capacity_have_their_lengths() {
    assert_eq!(
        parse(&[0x03, 1, 0, 0, 252, 0]),
        Ok(Command::RequestSense {
            desc: true,
            allocation: 252
        })
    );
    assert_eq!(parse(&cdb(&[0x25], 10)), Ok(Command::ReadCapacity10));
    assert_eq!(
        parse(&[0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0]),
        Ok(Command::ReadCapacity16 {
            allocation: 0x0102_0304
        })
    );
}

#[test]
fn verify_knows_three_ways_to_compare() {
    let parse_verify = |flags| match parse(&[0x2f, flags, 0, 0, 0, 9, 0, 0, 4, 0]) {
        Ok(Command::Verify(verify)) => verify,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        parse_verify(0x10),
        Verify {
            lba: 9,
            blocks: 4,
            bytchk: ByteCheck::Medium,
            dpo: true,
            length_field: 7
        }
    );
    assert_eq!(parse_verify(0x00).data_blocks(), 0);
    assert_eq!(parse_verify(0x02).bytchk, ByteCheck::Blocks);
    assert_eq!(parse_verify(0x02).data_blocks(), 4);
    assert_eq!(parse_verify(0x06).bytchk, ByteCheck::OneBlock);
    assert_eq!(parse_verify(0x06).data_blocks(), 1);
    assert_eq!(
        refused(&[0x2f], 10, 1, 0x04),
        Sense::invalid_cdb_field(1, Some(2))
    );
    let nothing = parse(&cdb(&[0x8f, 0x06], 16));
    assert!(matches!(nothing, Ok(Command::Verify(verify)) if verify.data_blocks() == 0));
}

#[test]
fn synchronize_cache_has_a_range() {
    assert_eq!(
        parse(&[0x35, 0x02, 1, 2, 3, 4, 0, 5, 6, 0]),
        Ok(Command::SynchronizeCache {
            lba: 0x0102_0304,
            blocks: 0x0506,
            immed: true
        })
    );
    assert_eq!(
        parse(&cdb(&[0x91], 16)),
        Ok(Command::SynchronizeCache {
            lba: 0,
            blocks: 0,
            immed: false
        })
    );
}

#[test]
fn mode_sense_has_two_lengths() {
    assert_eq!(
        parse(&[0x1a, 0x08, 0x48, 0xff, 200, 0]),
        Ok(Command::ModeSense(ModeSense {
            ten: false,
            dbd: true,
            llbaa: false,
            control: PageControl::Changeable,
            page: 0x08,
            subpage: 0xff,
            allocation: 200,
        }))
    );
    assert_eq!(
        parse(&[0x5a, 0x10, 0xff, 0, 0, 0, 0, 1, 2, 0]),
        Ok(Command::ModeSense(ModeSense {
            ten: true,
            dbd: false,
            llbaa: true,
            control: PageControl::Saved,
            page: 0x3f,
            subpage: 0,
            allocation: 0x0102,
        }))
    );
}

#[test]
fn start_stop_unit_knows_the_power_conditions() {
    assert_eq!(
        parse(&[0x1b, 1, 0, 0x02, 0x27, 0]),
        Ok(Command::StartStopUnit(StartStopUnit {
            immed: true,
            power_condition: PowerCondition::Idle,
            modifier: 2,
            no_flush: true,
            loej: true,
            start: true,
        }))
    );
    let power =
        |condition: u8, modifier: u8| match parse(&[0x1b, 0, 0, modifier, condition << 4, 0]) {
            Ok(Command::StartStopUnit(request)) => request.power(),
            other => panic!("{other:?}"),
        };
    for (condition, modifier, expected) in [
        (0x0, 5, None),
        (0x1, 0, Some(Power::Active)),
        (0x2, 0, Some(Power::IdleA)),
        (0x2, 1, Some(Power::IdleB)),
        (0x2, 2, Some(Power::IdleC)),
        (0x3, 0, Some(Power::StandbyZ)),
        (0x3, 1, Some(Power::StandbyY)),
        (0x7, 0, None),
        (0xa, 2, Some(Power::IdleC)),
        (0xb, 1, Some(Power::StandbyY)),
    ] {
        assert_eq!(power(condition, modifier), Ok(expected));
    }
    for condition in [0x4, 0x5, 0x6, 0x8, 0x9, 0xc, 0xd, 0xe, 0xf] {
        assert_eq!(
            power(condition, 0),
            Err(Sense::invalid_cdb_field(4, Some(7)))
        );
    }
    for (condition, modifier) in [(0x1, 1), (0x2, 3), (0x3, 2), (0x7, 1), (0xa, 3), (0xb, 2)] {
        assert_eq!(
            power(condition, modifier),
            Err(Sense::invalid_cdb_field(3, Some(3)))
        );
    }
}

#[test]
fn removal_is_prevented_or_allowed_and_nothing_else() {
    for (field, prevent) in [(0, false), (1, true)] {
        let parsed = parse(&[0x1e, 0, 0, 0, field, 0]);
        assert_eq!(parsed, Ok(Command::PreventAllow { prevent }));
    }
    // Obsolete values.
    for field in [2, 3] {
        assert_eq!(
            parse(&[0x1e, 0, 0, 0, field, 0]),
            Err(Sense::invalid_cdb_field(4, Some(1)))
        );
    }
}

#[test]
fn report_luns_wants_room_for_one_lun() {
    assert_eq!(
        parse(&[0xa0, 0, 0x02, 0, 0, 0, 0, 0, 0, 16, 0, 0]),
        Ok(Command::ReportLuns {
            select: SelectReport::All,
            allocation: 16
        })
    );
    assert_eq!(
        parse(&[0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 15, 0, 0]),
        Err(Sense::invalid_cdb_field(6, None))
    );
    for select in [0x03, 0x12] {
        assert_eq!(
            parse(&[0xa0, 0, select, 0, 0, 0, 0, 0, 0, 16, 0, 0]),
            Err(Sense::invalid_cdb_field(2, None))
        );
    }
}

#[test]
fn a_range_has_to_lie_within_the_capacity() {
    const OUT: Result<(), Sense> = Err(Sense::illegal(AdditionalSense::LBA_OUT_OF_RANGE));
    let check = |lba, blocks| transfer(lba, blocks, 7).check(100, 0);
    assert_eq!(check(0, 100), Ok(()));
    assert_eq!(check(99, 1), Ok(()));
    assert_eq!(check(100, 0), Ok(()));
    assert_eq!(check(99, 2), OUT);
    assert_eq!(check(100, 1), OUT);
    assert_eq!(check(101, 0), OUT);
    assert_eq!(check(u64::MAX, 0), OUT);
    assert_eq!(check(u64::MAX, u32::MAX), OUT);
    assert_eq!(transfer(u64::MAX, 1, 10).check(u64::MAX, 0), OUT);
    assert_eq!(transfer(u64::MAX - 1, 1, 10).check(u64::MAX, 0), Ok(()));
}

#[test]
fn a_transfer_that_is_too_long_points_to_its_length() {
    let check = |cdb: &[u8]| match parse(cdb) {
        Ok(Command::Read(transfer) | Command::Write(transfer)) => transfer.check(1000, 8),
        Ok(Command::Verify(verify)) => verify.check(1000, 8),
        other => panic!("{other:?}"),
    };
    let long = |byte| Err(Sense::invalid_cdb_field(byte, None));
    assert_eq!(check(&[0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0]), Ok(()));
    assert_eq!(check(&[0x28, 0, 0, 0, 0, 0, 0, 0, 9, 0]), long(7));
    assert_eq!(check(&[0x0a, 0, 0, 0, 9, 0]), long(4));
    assert_eq!(check(&[0xaa, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0]), long(6));
    assert_eq!(
        check(&[0x8f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0]),
        long(10)
    );
}

#[test]
fn logs_diagnostics_and_the_clock_are_asked_for() {
    assert_eq!(
        parse(&[0x4d, 0, 0x6f, 1, 0, 2, 3, 4, 5, 0]),
        Ok(Command::LogSense(LogSense {
            control: LogControl::Cumulative,
            page: 0x2f,
            subpage: 1,
            first: 0x0203,
            allocation: 0x0405,
        }))
    );
    assert_eq!(
        parse(&[0x1d, 0x14, 0, 0, 0, 0]),
        Ok(Command::SendDiagnostic(SendDiagnostic::Default))
    );
    for (code, expected) in [
        (
            0x20,
            SendDiagnostic::SelfTest(SelfTestKind::BackgroundShort),
        ),
        (
            0x40,
            SendDiagnostic::SelfTest(SelfTestKind::BackgroundExtended),
        ),
        (0x80, SendDiagnostic::AbortSelfTest),
        (
            0xa0,
            SendDiagnostic::SelfTest(SelfTestKind::ForegroundShort),
        ),
        (
            0xc0,
            SendDiagnostic::SelfTest(SelfTestKind::ForegroundExtended),
        ),
    ] {
        assert_eq!(
            parse(&[0x1d, code, 0, 0, 0, 0]),
            Ok(Command::SendDiagnostic(expected))
        );
        // Not with SELFTEST, nor with a list.
        assert_eq!(
            parse(&[0x1d, code | 0x04, 0, 0, 0, 0]),
            Err(Sense::invalid_cdb_field(1, Some(7)))
        );
        assert_eq!(
            parse(&[0x1d, code, 0, 0, 4, 0]),
            Err(Sense::invalid_cdb_field(3, None))
        );
    }
    assert_eq!(
        parse(&[0x4c, 0x02, 0xcd, 1, 0, 0, 0, 2, 3, 0]),
        Ok(Command::LogSelect(LogSelect {
            reset: true,
            control: LogControl::DefaultCumulative,
            page: 0x0d,
            subpage: 1,
            list_len: 0x0203,
        }))
    );
    assert_eq!(
        parse(&[0x1d, 0x13, 0, 0, 0, 0]),
        Ok(Command::SendDiagnostic(SendDiagnostic::Nothing))
    );
    assert_eq!(
        parse(&[0x1d, 0x10, 0, 0, 4, 0]),
        Ok(Command::SendDiagnostic(SendDiagnostic::Page))
    );
    assert_eq!(
        parse(&[0x1c, 1, 0, 1, 2, 0]),
        Ok(Command::ReceiveDiagnostic(ReceiveDiagnostic {
            allocation: 0x0102
        }))
    );
    assert_eq!(
        parse(&[0xa3, 0x0f, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0]),
        Ok(Command::ReportTimestamp(ReportTimestamp {
            allocation: 0x0102_0304
        }))
    );
    assert_eq!(
        parse(&[0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0]),
        Ok(Command::SetTimestamp(SetTimestamp { list_len: 12 }))
    );
    let field = Sense::invalid_cdb_field;
    for (cdb, sense) in [
        (
            &[0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0][..],
            field(6, None),
        ),
        // SP; a self-test in the background; a list beside a self-test; a long one; another page.
        (&[0x4d, 1, 0, 0, 0, 0, 0, 0, 4, 0], field(1, Some(0))),
        (&[0x1d, 0x60, 0, 0, 0, 0], field(1, Some(7))),
        (&[0x1d, 0xe0, 0, 0, 0, 0], field(1, Some(7))),
        (&[0x4c, 0x01, 0, 0, 0, 0, 0, 0, 0, 0], field(1, Some(0))),
        (&[0x1d, 0x14, 0, 0, 4, 0], field(3, None)),
        (&[0x1d, 0x10, 0, 0, 5, 0], field(3, None)),
        (&[0x1c, 1, 1, 0, 4, 0], field(2, None)),
    ] {
        assert_eq!(parse(cdb), Err(sense), "{cdb:x?}");
    }
}

mod report_supported_operation_codes {
    use super::*;

    fn report(cdb: &[u8], hidden: &[u8]) -> Result<Vec<u8>, Sense> {
        let Ok(Command::ReportSupportedOperationCodes(query)) = parse(cdb) else {
            panic!("refused");
        };
        let mut out = [0xee; 2048];
        let mut sink = Sink::new(&mut out);
        report_opcodes(&query, |id| !hidden.contains(&id.opcode), &mut sink)?;
        Ok(sink.as_bytes().to_vec())
    }

    fn one(options: u8, opcode: u8, service_action: u8) -> Result<Vec<u8>, Sense> {
        let mut bytes = cdb(&[0xa3, 0x0c, options, opcode, 0, service_action], 12);
        bytes[9] = 0xff;
        report(&bytes, &[])
    }

    #[test]
    fn all_commands_are_listed() {
        let bytes = report(&cdb(&[0xa3, 0x0c], 12), &[]).unwrap();
        let rows = COMMANDS.rows().len();
        assert_eq!(bytes.len(), 4 + 8 * rows);
        assert_eq!(bytes[..4], (8 * rows as u32).to_be_bytes());
        assert_eq!(bytes[4..12], [0x00, 0, 0, 0, 0, 0, 0, 6]);
        let with_action = [0x9e, 0, 0, 0x10, 0, 0x01, 0, 16];
        assert!(bytes[4..].chunks(8).any(|row| row == with_action));
    }

    #[test]
    fn timeouts_descriptors_are_added_on_request() {
        let bytes = report(&cdb(&[0xa3, 0x0c, 0x80], 12), &[]).unwrap();
        assert_eq!(bytes.len(), 4 + 20 * COMMANDS.rows().len());
        let mut first = [0; 20];
        first[5..10].copy_from_slice(&[0x02, 0, 6, 0, 10]);
        assert_eq!(bytes[4..24], first);
    }

    #[test]
    fn one_command_shows_its_usage_data() {
        assert_eq!(
            one(1, 0x28, 0).unwrap(),
            [
                0, 3, 0, 10, //
                0x28, 0x18, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0
            ]
        );
        let bytes = one(0x81, 0x00, 0).unwrap();
        assert_eq!(bytes[..10], [0, 0x83, 0, 6, 0, 0, 0, 0, 0, 0]);
        assert_eq!(bytes[10..], [0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_service_action_is_part_of_the_usage_data() {
        let bytes = one(2, 0xa3, 0x0c).unwrap();
        assert_eq!(bytes[..8], [0, 3, 0, 12, 0xa3, 0x0c, 0x87, 0xff]);
        assert_eq!(one(3, 0xa3, 0x0c).unwrap(), bytes);
    }

    #[test]
    fn options_that_do_not_fit_the_operation_code_are_refused() {
        let wrong = Err(Sense::invalid_cdb_field(2, Some(2)));
        assert_eq!(one(1, 0xa3, 0x0c), wrong);
        assert_eq!(one(2, 0x28, 0), wrong);
        assert_eq!(
            refused(&[0xa3, 0x0c], 12, 2, 0x04),
            Sense::invalid_cdb_field(2, Some(2))
        );
    }

    #[test]
    fn what_is_not_supported_says_so() {
        let no = Ok(std::vec![0, 1, 0, 0]);
        assert_eq!(one(1, 0xff, 0), no);
        assert_eq!(one(2, 0xff, 1), no);
        assert_eq!(one(2, 0xa3, 0x1e), no);
        assert_eq!(one(3, 0x28, 1), no);
        assert_eq!(one(3, 0x28, 0).unwrap()[1], 3);
    }

    #[test]
    fn a_logical_unit_can_hide_commands() {
        let all = report(&cdb(&[0xa3, 0x0c], 12), &[0x2f, 0x8f, 0xaf]).unwrap();
        assert_eq!(all.len(), 4 + 8 * (COMMANDS.rows().len() - 3));
        let verify = report(&cdb(&[0xa3, 0x0c, 1, 0x2f], 12), &[0x2f]);
        assert_eq!(verify, Ok(std::vec![0, 1, 0, 0]));
    }
}
