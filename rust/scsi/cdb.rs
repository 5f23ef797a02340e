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
mod buffer;
mod condition;
mod copy;
mod identity;
mod medium;
pub mod opcode;
mod primary;
mod reservation;

pub use block::{
    check_range,
    ByteCheck,
    PowerCondition,
    StartStopUnit,
    Transfer,
    Verify, //
};
pub use medium::{
    AtomicLimits,
    CompareAndWrite,
    FormatUnit,
    ReadDefectData,
    Sanitize,
    WriteAtomic,
    WriteSame, //
};
pub use primary::{
    ModeSelect,
    ModeSense,
    PageControl,
    ReportSupportedOperationCodes,
    ReportingOptions,
    SelectReport, //
};

use crate::{
    aliases::{
        ChangeAliases,
        ReportAliases, //
    },
    alua::{
        ReportTargetPortGroups,
        SetTargetPortGroups, //
    },
    buffer::{
        ReadBuffer,
        WriteBuffer, //
    },
    copy::{
        CopyAbort,
        ExtendedCopy,
        ReceiveCopyResults,
        Results, //
    },
    diagnostic::{
        ReceiveDiagnostic,
        SendDiagnostic, //
    },
    identifying::{
        ReportIdentifying,
        SetIdentifying, //
    },
    log::{
        LogSelect,
        LogSense, //
    },
    opcodes::{
        CommandId,
        CommandSet,
        Entry, //
    },
    report_tmf::ReportTaskManagement,
    reservation::{
        out::{
            PersistentReserveOut,
            ServiceAction, //
        },
        Report, //
    },
    sense::Sense,
    sink::Sink,
    timestamp::{
        ReportTimestamp,
        SetTimestamp, //
    },
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
    /// WRITE AND VERIFY (10), (12), (16) (SBC-4).
    WriteAndVerify(Verify),
    /// WRITE SAME (10), (16) (SBC-4).
    WriteSame(WriteSame),
    /// ORWRITE (16) (SBC-4).
    OrWrite(Transfer),
    /// COMPARE AND WRITE (SBC-4).
    CompareAndWrite(CompareAndWrite),
    /// WRITE ATOMIC (16) (SBC-4).
    WriteAtomic(WriteAtomic),
    /// UNMAP (SBC-4).
    Unmap {
        /// PARAMETER LIST LENGTH.
        length: u16,
    },
    /// GET LBA STATUS (16) (SBC-4).
    GetLbaStatus {
        /// The first block.
        lba: u64,
        /// ALLOCATION LENGTH.
        allocation: u32,
    },
    /// PRE-FETCH (10), (16) (SBC-4).
    PreFetch {
        /// The first block.
        lba: u64,
        /// The number of blocks; zero means all up to the last.
        blocks: u32,
    },
    /// READ DEFECT DATA (10), (12) (SBC-4).
    ReadDefectData(ReadDefectData),
    /// FORMAT UNIT (SBC-4).
    FormatUnit(FormatUnit),
    /// SANITIZE (SBC-4).
    Sanitize {
        /// The service action.
        what: Sanitize,
        /// Status is to be sent before the operation is done.
        immed: bool,
        /// AUSE: EXIT FAILURE MODE is allowed when the operation fails.
        unrestricted: bool,
    },
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
    /// MODE SELECT (6), (10) (SPC-5).
    ModeSelect(ModeSelect),
    /// LOG SENSE (SPC-5).
    LogSense(LogSense),
    /// LOG SELECT (SPC-5).
    LogSelect(LogSelect),
    /// SEND DIAGNOSTIC (SPC-5).
    SendDiagnostic(SendDiagnostic),
    /// RECEIVE DIAGNOSTIC RESULTS (SPC-5).
    ReceiveDiagnostic(ReceiveDiagnostic),
    /// START STOP UNIT (SBC-4).
    StartStopUnit(StartStopUnit),
    /// PREVENT ALLOW MEDIUM REMOVAL (SBC-4).
    PreventAllow {
        /// The medium may not be taken out.
        prevent: bool,
    },
    /// RESERVE (6), (10) (SPC-2).
    Reserve,
    /// RELEASE (6), (10) (SPC-2).
    Release,
    /// PERSISTENT RESERVE IN (SPC-5).
    PersistentReserveIn {
        /// What to return.
        report: Report,
        /// ALLOCATION LENGTH.
        allocation: u16,
    },
    /// PERSISTENT RESERVE OUT (SPC-5).
    PersistentReserveOut(PersistentReserveOut),
    /// EXTENDED COPY (LID1) (SPC-4).
    ExtendedCopy(ExtendedCopy),
    /// COPY ABORT (SPC-4).
    CopyAbort(CopyAbort),
    /// RECEIVE COPY RESULTS (SPC-3); by its service actions RECEIVE COPY STATUS (LID1), DATA (LID1),
    /// OPERATING PARAMETERS and FAILURE DETAILS (LID1) (SPC-4).
    ReceiveCopyResults(ReceiveCopyResults),
    /// REPORT LUNS (SPC-5).
    ReportLuns {
        /// Which logical units to list.
        select: SelectReport,
        /// ALLOCATION LENGTH.
        allocation: u32,
    },
    /// REPORT SUPPORTED OPERATION CODES (SPC-5).
    ReportSupportedOperationCodes(ReportSupportedOperationCodes),
    /// REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-5).
    ReportTaskManagement(ReportTaskManagement),
    /// REPORT TIMESTAMP (SPC-5).
    ReportTimestamp(ReportTimestamp),
    /// SET TIMESTAMP (SPC-5).
    SetTimestamp(SetTimestamp),
    /// READ BUFFER (10), (16) (SPC-5).
    ReadBuffer(ReadBuffer),
    /// WRITE BUFFER (SPC-5).
    WriteBuffer(WriteBuffer),
    /// REPORT IDENTIFYING INFORMATION (SPC-5).
    ReportIdentifying(ReportIdentifying),
    /// SET IDENTIFYING INFORMATION (SPC-5).
    SetIdentifying(SetIdentifying),
    /// REPORT ALIASES (SPC-5).
    ReportAliases(ReportAliases),
    /// CHANGE ALIASES (SPC-5).
    ChangeAliases(ChangeAliases),
    /// REPORT TARGET PORT GROUPS (SPC-5).
    ReportTargetPortGroups(ReportTargetPortGroups),
    /// SET TARGET PORT GROUPS (SPC-5).
    SetTargetPortGroups(SetTargetPortGroups),
}

/// The LUN field of SCSI-2 in byte 1.
const LUN: u8 = 0xe0;

/// RELADR in byte 1 (SBC).
const RELADR: u8 = 0x01;

/// FUA_NV in byte 1 of READ and WRITE (SBC-2, SBC-3).
const FUA_NV: u8 = 0x02;

/// SYNC_NV in byte 1 of SYNCHRONIZE CACHE (SBC-2, SBC-3).
const SYNC_NV: u8 = 0x04;

/// CDB usage data of PERSISTENT RESERVE IN.
const PERSISTENT_RESERVE_IN: &[u8] = &[
    opcode::PERSISTENT_RESERVE_IN,
    0x1f,
    0,
    0,
    0,
    0,
    0,
    0xff,
    0xff,
    0,
];

/// CDB usage data of PERSISTENT RESERVE OUT.
const PERSISTENT_RESERVE_OUT: &[u8] = &[
    opcode::PERSISTENT_RESERVE_OUT,
    0x1f,
    0xff,
    0,
    0,
    0xff,
    0xff,
    0xff,
    0xff,
    0,
];

/// CDB usage data of RECEIVE COPY RESULTS.
const RECEIVE_COPY_RESULTS: &[u8] = &[
    opcode::RECEIVE_COPY_RESULTS,
    0x1f,
    0xff,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0xff,
    0xff,
    0xff,
    0xff,
    0,
    0,
];

/// Every command of a direct-access block device, in the order of operation code and service
/// action.
#[rustfmt::skip]
pub static COMMANDS: CommandSet<Command> = CommandSet::new(&[
    Entry::new(&[opcode::TEST_UNIT_READY, 0, 0, 0, 0, 0], primary::test_unit_ready)
        .obsolete(LUN),
    Entry::new(&[opcode::REQUEST_SENSE, 0x01, 0, 0, 0xff, 0], primary::request_sense)
        .obsolete(LUN),
    Entry::new(&[opcode::FORMAT_UNIT, 0x3f, 0, 0, 0, 0], medium::format_unit),
    Entry::new(&[opcode::READ_6, 0x1f, 0xff, 0xff, 0xff, 0], block::read_6)
        .obsolete(LUN),
    Entry::new(&[opcode::WRITE_6, 0x1f, 0xff, 0xff, 0xff, 0], block::write_6)
        .obsolete(LUN),
    Entry::new(&[opcode::INQUIRY, 0x01, 0xff, 0xff, 0xff, 0], primary::inquiry)
        .obsolete(LUN),
    Entry::new(&[opcode::MODE_SELECT_6, 0x11, 0, 0, 0xff, 0], primary::mode_select_6)
        .obsolete(LUN),
    Entry::new(&[opcode::RESERVE_6, 0, 0, 0, 0, 0], reservation::reserve)
        .obsolete(LUN),
    Entry::new(&[opcode::RELEASE_6, 0, 0, 0, 0, 0], reservation::release)
        .obsolete(LUN),
    Entry::new(&[opcode::MODE_SENSE_6, 0x08, 0xff, 0xff, 0xff, 0], primary::mode_sense_6)
        .obsolete(LUN),
    Entry::new(&[opcode::START_STOP_UNIT, 0x01, 0, 0x0f, 0xf7, 0], block::start_stop_unit)
        .obsolete(LUN),
    Entry::new(
        &[opcode::RECEIVE_DIAGNOSTIC_RESULTS, 0x01, 0xff, 0xff, 0xff, 0],
        condition::receive_diagnostic,
    ).obsolete(LUN),
    Entry::new(&[opcode::SEND_DIAGNOSTIC, 0xf7, 0, 0xff, 0xff, 0], condition::send_diagnostic),
    Entry::new(
        &[opcode::PREVENT_ALLOW_MEDIUM_REMOVAL, 0, 0, 0, 0x01, 0],
        medium::prevent_allow,
    ).obsolete(LUN),
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
        &[opcode::WRITE_AND_VERIFY_10, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        block::write_and_verify_10,
    ).obsolete(RELADR),
    Entry::new(
        &[opcode::VERIFY_10, 0x16, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        block::verify_10,
    ).obsolete(RELADR),
    Entry::new(
        &[opcode::PRE_FETCH_10, 0x02, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        medium::pre_fetch_10,
    ).obsolete(RELADR),
    Entry::new(
        &[opcode::SYNCHRONIZE_CACHE_10, 0x02, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        block::synchronize_cache_10,
    ).obsolete(LUN | SYNC_NV | RELADR),
    Entry::new(
        &[opcode::READ_DEFECT_DATA_10, 0, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0],
        medium::read_defect_data_10,
    ).obsolete(LUN),
    Entry::new(
        &[opcode::WRITE_BUFFER, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        buffer::write_buffer,
    ),
    Entry::new(
        &[opcode::READ_BUFFER_10, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0],
        buffer::read_buffer_10,
    ),
    Entry::new(
        &[opcode::WRITE_SAME_10, 0x08, 0xff, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0],
        medium::write_same_10,
    ).obsolete(RELADR),
    Entry::new(
        &[opcode::UNMAP, 0, 0, 0, 0, 0, 0x3f, 0xff, 0xff, 0],
        medium::unmap,
    ),
    Entry::new(
        &[opcode::SANITIZE, 0xbf, 0, 0, 0, 0, 0, 0xff, 0xff, 0],
        medium::sanitize_overwrite,
    ).service_action(opcode::SANITIZE_OVERWRITE),
    Entry::new(
        &[opcode::SANITIZE, 0xbf, 0, 0, 0, 0, 0, 0xff, 0xff, 0],
        medium::sanitize_block_erase,
    ).service_action(opcode::SANITIZE_BLOCK_ERASE),
    Entry::new(
        &[opcode::SANITIZE, 0x9f, 0, 0, 0, 0, 0, 0xff, 0xff, 0],
        medium::sanitize_exit_failure_mode,
    ).service_action(opcode::SANITIZE_EXIT_FAILURE_MODE),
    Entry::new(
        &[opcode::LOG_SELECT, 0x02, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0],
        condition::log_select,
    ).obsolete(LUN),
    Entry::new(
        &[opcode::LOG_SENSE, 0, 0xff, 0xff, 0, 0xff, 0xff, 0xff, 0xff, 0],
        condition::log_sense,
    ).obsolete(LUN),
    Entry::new(
        &[opcode::MODE_SELECT_10, 0x11, 0, 0, 0, 0, 0, 0xff, 0xff, 0],
        primary::mode_select_10,
    ).obsolete(LUN),
    Entry::new(&[opcode::RESERVE_10, 0, 0, 0, 0, 0, 0, 0, 0, 0], reservation::reserve)
        .obsolete(LUN),
    Entry::new(&[opcode::RELEASE_10, 0, 0, 0, 0, 0, 0, 0, 0, 0], reservation::release)
        .obsolete(LUN),
    Entry::new(
        &[opcode::MODE_SENSE_10, 0x18, 0xff, 0xff, 0, 0, 0, 0xff, 0xff, 0],
        primary::mode_sense_10,
    ).obsolete(LUN),
    Entry::new(PERSISTENT_RESERVE_IN, reservation::persistent_reserve_in)
        .service_action(Report::Keys.code()),
    Entry::new(PERSISTENT_RESERVE_IN, reservation::persistent_reserve_in)
        .service_action(Report::Reservation.code()),
    Entry::new(PERSISTENT_RESERVE_IN, reservation::persistent_reserve_in)
        .service_action(Report::Capabilities.code()),
    Entry::new(PERSISTENT_RESERVE_IN, reservation::persistent_reserve_in)
        .service_action(Report::FullStatus.code()),
    Entry::new(PERSISTENT_RESERVE_OUT, reservation::persistent_reserve_out)
        .service_action(ServiceAction::Register.code()),
    Entry::new(PERSISTENT_RESERVE_OUT, reservation::persistent_reserve_out)
        .service_action(ServiceAction::Reserve.code()),
    Entry::new(PERSISTENT_RESERVE_OUT, reservation::persistent_reserve_out)
        .service_action(ServiceAction::Release.code()),
    Entry::new(PERSISTENT_RESERVE_OUT, reservation::persistent_reserve_out)
        .service_action(ServiceAction::Clear.code()),
    Entry::new(PERSISTENT_RESERVE_OUT, reservation::persistent_reserve_out)
        .service_action(ServiceAction::Preempt.code()),
    Entry::new(PERSISTENT_RESERVE_OUT, reservation::persistent_reserve_out)
        .service_action(ServiceAction::PreemptAndAbort.code()),
    Entry::new(PERSISTENT_RESERVE_OUT, reservation::persistent_reserve_out)
        .service_action(ServiceAction::RegisterAndIgnoreExistingKey.code()),
    Entry::new(PERSISTENT_RESERVE_OUT, reservation::persistent_reserve_out)
        .service_action(ServiceAction::RegisterAndMove.code()),
    Entry::new(
        &[
            opcode::EXTENDED_COPY, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0,
            0xff, 0xff, 0xff, 0xff, 0, 0,
        ],
        copy::extended_copy,
    ).service_action(opcode::EXTENDED_COPY_LID1),
    Entry::new(
        &[
            opcode::EXTENDED_COPY, 0x1f, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0,
        ],
        copy::copy_abort,
    ).service_action(opcode::COPY_ABORT),
    Entry::new(RECEIVE_COPY_RESULTS, copy::copy_status).service_action(Results::Status.code()),
    Entry::new(RECEIVE_COPY_RESULTS, copy::copy_data).service_action(Results::Data.code()),
    Entry::new(RECEIVE_COPY_RESULTS, copy::copy_parameters)
        .service_action(Results::Parameters.code()),
    Entry::new(RECEIVE_COPY_RESULTS, copy::copy_details)
        .service_action(Results::Details.code()),
    Entry::new(
        &[
            opcode::READ_16, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        block::read_16,
    ).obsolete(FUA_NV),
    Entry::new(
        &[
            opcode::COMPARE_AND_WRITE, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0, 0, 0, 0xff, 0x3f, 0,
        ],
        medium::compare_and_write,
    ),
    Entry::new(
        &[
            opcode::WRITE_16, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        block::write_16,
    ).obsolete(FUA_NV),
    Entry::new(
        &[
            opcode::ORWRITE_16, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        medium::orwrite_16,
    ),
    Entry::new(
        &[
            opcode::WRITE_AND_VERIFY_16, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        block::write_and_verify_16,
    ),
    Entry::new(
        &[
            opcode::VERIFY_16, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        block::verify_16,
    ),
    Entry::new(
        &[
            opcode::PRE_FETCH_16, 0x02, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        medium::pre_fetch_16,
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
            opcode::WRITE_SAME_16, 0x09, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        medium::write_same_16,
    ),
    Entry::new(
        &[
            opcode::READ_BUFFER_16, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0xff, 0,
        ],
        buffer::read_buffer_16,
    ),
    Entry::new(
        &[
            opcode::WRITE_ATOMIC_16, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0x3f, 0,
        ],
        medium::write_atomic_16,
    ),
    Entry::new(
        &[
            opcode::SERVICE_ACTION_IN_16, 0x1f, 0, 0, 0, 0, 0, 0, 0, 0,
            0xff, 0xff, 0xff, 0xff, 0, 0,
        ],
        block::read_capacity_16,
    ).service_action(opcode::READ_CAPACITY_16),
    Entry::new(
        &[
            opcode::SERVICE_ACTION_IN_16, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0xff, 0xff, 0xff, 0xff, 0xff, 0,
        ],
        medium::get_lba_status_16,
    ).service_action(opcode::GET_LBA_STATUS_16),
    Entry::new(
        &[opcode::REPORT_LUNS, 0, 0xff, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        primary::report_luns,
    ),
    Entry::new(
        &[opcode::MAINTENANCE_IN, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0],
        identity::report_identifying,
    ).service_action(opcode::REPORT_IDENTIFYING_INFORMATION),
    Entry::new(
        &[opcode::MAINTENANCE_IN, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        primary::report_target_port_groups,
    ).service_action(opcode::REPORT_TARGET_PORT_GROUPS),
    Entry::new(
        &[opcode::MAINTENANCE_IN, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        identity::report_aliases,
    ).service_action(opcode::REPORT_ALIASES),
    Entry::new(
        &[opcode::MAINTENANCE_IN, 0x1f, 0x87, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0],
        primary::report_supported_operation_codes,
    ).service_action(opcode::REPORT_SUPPORTED_OPERATION_CODES),
    Entry::new(
        &[opcode::MAINTENANCE_IN, 0x1f, 0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        primary::report_task_management,
    ).service_action(opcode::REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS),
    Entry::new(
        &[opcode::MAINTENANCE_IN, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        condition::report_timestamp,
    ).service_action(opcode::REPORT_TIMESTAMP),
    Entry::new(
        &[opcode::MAINTENANCE_OUT, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xfe, 0],
        identity::set_identifying,
    ).service_action(opcode::SET_IDENTIFYING_INFORMATION),
    Entry::new(
        &[opcode::MAINTENANCE_OUT, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        primary::set_target_port_groups,
    ).service_action(opcode::SET_TARGET_PORT_GROUPS),
    Entry::new(
        &[opcode::MAINTENANCE_OUT, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        identity::change_aliases,
    ).service_action(opcode::CHANGE_ALIASES),
    Entry::new(
        &[opcode::MAINTENANCE_OUT, 0x1f, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0],
        condition::set_timestamp,
    ).service_action(opcode::SET_TIMESTAMP),
    Entry::new(
        &[opcode::READ_12, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0],
        block::read_12,
    ).obsolete(FUA_NV | RELADR),
    Entry::new(
        &[opcode::WRITE_12, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0],
        block::write_12,
    ).obsolete(FUA_NV | RELADR),
    Entry::new(
        &[
            opcode::WRITE_AND_VERIFY_12, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0x3f, 0,
        ],
        block::write_and_verify_12,
    ).obsolete(RELADR),
    Entry::new(
        &[opcode::VERIFY_12, 0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x3f, 0],
        block::verify_12,
    ).obsolete(RELADR),
    Entry::new(
        &[
            opcode::READ_DEFECT_DATA_12, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            0, 0,
        ],
        medium::read_defect_data_12,
    ),
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
