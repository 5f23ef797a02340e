// SPDX-License-Identifier: GPL-2.0

//! Commands of a direct-access block device: from CDB to [`Command`].
//!
//! [`COMMANDS`] lists every command with its CDB usage data and the function that reads its fields.
//! Parsing and REPORT SUPPORTED OPERATION CODES both go by that table, so they can't disagree. To
//! add a command, add a variant to [`Command`], a function that makes it and a row.
//!
//! What is refused:
//!
//! * an unknown operation code, with INVALID COMMAND OPERATION CODE;
//! * an unknown service action, a field with a value that is not supported, and a CDB shorter than
//!   its operation code asks for, with INVALID FIELD IN CDB and a field pointer;
//! * a bit that is neither in the usage data nor listed as obsolete: a later standard or a feature
//!   that is not supported gave it a meaning, and to ignore it would do something else than what
//!   was asked. That covers the CONTROL byte: NACA, and the vendor specific bits.
//!
//! Obsolete bits that initiators of their time do set are ignored where that is harmless: the LUN
//! in bits 7 to 5 of byte 1 (SCSI-2), RELADR, and SYNC_NV. FUA_NV counts as FUA, which is more than
//! it asked for. DPO and GROUP NUMBER are accepted and are hints. Bytes after the CDB are ignored:
//! transports pad it.

mod block;
pub mod opcode;
mod primary;

pub use block::{
    check_range,
    ByteCheck,
    PowerCondition,
    StartStopUnit,
    Transfer,
    Verify, //
};
pub use primary::{
    ModeSense,
    PageControl,
    ReportSupportedOperationCodes,
    ReportingOptions,
    SelectReport, //
};

use crate::{
    opcodes::{
        CommandId,
        CommandSet,
        Entry, //
    },
    sense::Sense,
    sink::Sink, //
};

/// A command that is in order as far as the CDB alone can tell.
///
/// Each is described in the clause of the standard that has the name of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// TEST UNIT READY (SPC-5).
    TestUnitReady,
    /// REQUEST SENSE (SPC-5).
    RequestSense {
        /// Descriptor format is asked for.
        desc: bool,
        /// ALLOCATION LENGTH.
        allocation: u8,
    },
    /// INQUIRY (SPC-5).
    Inquiry {
        /// The VPD page asked for; none for the standard INQUIRY data.
        evpd: Option<u8>,
        /// ALLOCATION LENGTH.
        allocation: u16,
    },
    /// READ (6), (10), (12), (16) (SBC-4).
    Read(Transfer),
    /// WRITE (6), (10), (12), (16) (SBC-4).
    Write(Transfer),
    /// VERIFY (10), (12), (16) (SBC-4).
    Verify(Verify),
    /// SYNCHRONIZE CACHE (10), (16) (SBC-4).
    SynchronizeCache {
        /// The first block.
        lba: u64,
        /// The number of blocks; zero means all up to the last.
        blocks: u32,
        /// Status is to be sent before the cache is written out.
        immed: bool,
    },
    /// READ CAPACITY (10) (SBC-4).
    ReadCapacity10,
    /// READ CAPACITY (16) (SBC-4).
    ReadCapacity16 {
        /// ALLOCATION LENGTH.
        allocation: u32,
    },
    /// MODE SENSE (6), (10) (SPC-5).
    ModeSense(ModeSense),
    /// START STOP UNIT (SBC-4).
    StartStopUnit(StartStopUnit),
    /// REPORT LUNS (SPC-5).
    ReportLuns {
        /// Which logical units to list.
        select: SelectReport,
        /// ALLOCATION LENGTH.
        allocation: u32,
    },
    /// REPORT SUPPORTED OPERATION CODES (SPC-5).
    ReportSupportedOperationCodes(ReportSupportedOperationCodes),
}

/// The LUN field of SCSI-2 in byte 1.
const LUN: u8 = 0xe0;

/// RELADR in byte 1 (SBC).
const RELADR: u8 = 0x01;

/// FUA_NV in byte 1 of READ and WRITE (SBC-2, SBC-3).
const FUA_NV: u8 = 0x02;

/// SYNC_NV in byte 1 of SYNCHRONIZE CACHE (SBC-2, SBC-3).
const SYNC_NV: u8 = 0x04;

/// Every command of a direct-access block device, in the order of operation code and service
/// action.
#[rustfmt::skip]
pub static COMMANDS: CommandSet<Command> = CommandSet::new(&[
    Entry::new(&[opcode::TEST_UNIT_READY, 0, 0, 0, 0, 0], primary::test_unit_ready)
        .obsolete(LUN),
    Entry::new(&[opcode::REQUEST_SENSE, 0x01, 0, 0, 0xff, 0], primary::request_sense)
        .obsolete(LUN),
    Entry::new(&[opcode::READ_6, 0x1f, 0xff, 0xff, 0xff, 0], block::read_6)
        .obsolete(LUN),
    Entry::new(&[opcode::WRITE_6, 0x1f, 0xff, 0xff, 0xff, 0], block::write_6)
        .obsolete(LUN),
    Entry::new(&[opcode::INQUIRY, 0x01, 0xff, 0xff, 0xff, 0], primary::inquiry)
        .obsolete(LUN),
    Entry::new(&[opcode::MODE_SENSE_6, 0x08, 0xff, 0xff, 0xff, 0], primary::mode_sense_6)
        .obsolete(LUN),
    Entry::new(&[opcode::START_STOP_UNIT, 0x01, 0, 0x0f, 0xf7, 0], block::start_stop_unit)
        .obsolete(LUN),
    Entry::new(&[opcode::READ_CAPACITY_10, 0, 0, 0, 0, 0, 0, 0, 0, 0], block::read_capacity_10)
        .obsolete(LUN | RELADR),
    Entry::new(
        &[opcode::READ_10, 0x18, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        block::read_10,
    ).obsolete(FUA_NV | RELADR),
    Entry::new(
        &[opcode::WRITE_10, 0x18, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        block::write_10,
    ).obsolete(FUA_NV | RELADR),
    Entry::new(
        &[opcode::VERIFY_10, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        block::verify_10,
    ).obsolete(RELADR),
    Entry::new(
        &[opcode::SYNCHRONIZE_CACHE_10, 0x02, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        block::synchronize_cache_10,
    ).obsolete(LUN | SYNC_NV | RELADR),
    Entry::new(
        &[opcode::MODE_SENSE_10, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0],
        primary::mode_sense_10,
    ).obsolete(LUN),
    Entry::new(
        &[
            opcode::READ_16, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        block::read_16,
    ).obsolete(FUA_NV),
    Entry::new(
        &[
            opcode::WRITE_16, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        block::write_16,
    ).obsolete(FUA_NV),
    Entry::new(
        &[
            opcode::VERIFY_16, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        block::verify_16,
    ),
    Entry::new(
        &[
            opcode::SYNCHRONIZE_CACHE_16, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        block::synchronize_cache_16,
    ).obsolete(SYNC_NV),
    Entry::new(
        &[
            opcode::SERVICE_ACTION_IN_16, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0,
            0xff, 0xff, 0xff, 0xff, 0, 0,
        ],
        block::read_capacity_16,
    ).service_action(opcode::READ_CAPACITY_16),
    Entry::new(
        &[opcode::REPORT_LUNS, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        primary::report_luns,
    ),
    Entry::new(
        &[opcode::MAINTENANCE_IN, 0x1f, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        primary::report_supported_operation_codes,
    ).service_action(opcode::REPORT_SUPPORTED_OPERATION_CODES),
    Entry::new(
        &[opcode::READ_12, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0],
        block::read_12,
    ).obsolete(FUA_NV | RELADR),
    Entry::new(
        &[opcode::WRITE_12, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0],
        block::write_12,
    ).obsolete(FUA_NV | RELADR),
    Entry::new(
        &[opcode::VERIFY_12, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0],
        block::verify_12,
    ).obsolete(RELADR),
]);

/// Reads a CDB addressed to a direct-access block device.
pub fn parse(bytes: &[u8]) -> Result<Command, Sense> {
    COMMANDS.parse(bytes)
}

/// Writes the parameter data of REPORT SUPPORTED OPERATION CODES for a direct-access block device,
/// which supports those commands for which `supported` answers yes.
pub fn report_opcodes(
    query: &ReportSupportedOperationCodes,
    supported: impl Fn(CommandId) -> bool,
    out: &mut Sink<'_>,
) -> Result<(), Sense> {
    COMMANDS.report(query, supported, out)
}

#[cfg(test)]
mod tests;
