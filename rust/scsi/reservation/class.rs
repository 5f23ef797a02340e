// SPDX-License-Identifier: GPL-2.0

//! What a command is to a reservation.

use crate::cdb::opcode;

/// Commands that reservations treat alike: the rows of SPC's and SBC's tables "Commands that are
/// allowed in the presence of various reservations".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandClass {
    /// Tells what the device is. Always allowed.
    Identify,
    /// Touches nothing that is reserved. Allowed by persistent reservations; not by those of SPC-2,
    /// which know fewer exceptions.
    Harmless,
    /// Reads the medium, or what others might change. Not allowed by exclusive access.
    Observe,
    /// Changes the medium or the device. Not allowed by any reservation. Also every command that
    /// is not known here.
    Change,
    /// PERSISTENT RESERVE IN.
    PersistentReserveIn,
    /// PERSISTENT RESERVE OUT: goes by rules of its own.
    PersistentReserveOut,
    /// RESERVE (6) and (10) of SPC-2.
    Reserve,
    /// RELEASE (6) and (10) of SPC-2.
    Release,
}

/// The class of a CDB (SPC-5, table "SPC-5 commands that are allowed in the presence of various
/// reservations"; SBC-4, the table of that name).
pub fn of(cdb: &[u8]) -> CommandClass {
    use CommandClass as Class;

    match cdb.first().copied().unwrap_or(0) {
        opcode::INQUIRY | opcode::REPORT_LUNS | opcode::REQUEST_SENSE | opcode::LOG_SENSE => {
            Class::Identify
        }
        opcode::READ_CAPACITY_10 => Class::Identify,
        opcode::TEST_UNIT_READY => Class::Harmless,
        opcode::PREVENT_ALLOW_MEDIUM_REMOVAL => prevent_allow(cdb),
        opcode::START_STOP_UNIT => start_stop(cdb),
        opcode::MAINTENANCE_IN => maintenance_in(service_action(cdb)),
        opcode::SERVICE_ACTION_IN_16 => service_action_in(service_action(cdb)),
        opcode::PERSISTENT_RESERVE_IN => Class::PersistentReserveIn,
        opcode::PERSISTENT_RESERVE_OUT => Class::PersistentReserveOut,
        opcode::RESERVE_6 | opcode::RESERVE_10 => Class::Reserve,
        opcode::RELEASE_6 | opcode::RELEASE_10 => Class::Release,
        opcode::READ_6
        | opcode::READ_10
        | opcode::READ_12
        | opcode::READ_16
        | opcode::VERIFY_10
        | opcode::VERIFY_12
        | opcode::VERIFY_16
        | opcode::PRE_FETCH_10
        | opcode::PRE_FETCH_16
        | opcode::READ_DEFECT_DATA_10
        | opcode::READ_DEFECT_DATA_12
        | opcode::MODE_SENSE_6
        | opcode::MODE_SENSE_10
        | opcode::READ_BUFFER_10
        | opcode::READ_BUFFER_16
        | opcode::RECEIVE_COPY_RESULTS
        | opcode::RECEIVE_DIAGNOSTIC_RESULTS => Class::Observe,
        opcode::VARIABLE_LENGTH => variable_length(cdb),
        _ => Class::Change,
    }
}

fn service_action(cdb: &[u8]) -> u8 {
    cdb.get(1).map_or(0, |byte| byte & 0x1f)
}

/// To allow removal is allowed; to prevent it is not.
fn prevent_allow(cdb: &[u8]) -> CommandClass {
    const PREVENT: u8 = 0x03;

    match cdb.get(4) {
        Some(byte) if byte & PREVENT == 0 => CommandClass::Identify,
        _ => CommandClass::Change,
    }
}

/// To start is allowed; to stop, or to ask for a power condition, is not.
fn start_stop(cdb: &[u8]) -> CommandClass {
    const START: u8 = 0x01;
    const POWER_CONDITION: u8 = 0xf0;

    match cdb.get(4) {
        Some(byte) if byte & START != 0 && byte & POWER_CONDITION == 0 => CommandClass::Harmless,
        _ => CommandClass::Change,
    }
}

fn maintenance_in(service_action: u8) -> CommandClass {
    match service_action {
        opcode::REPORT_IDENTIFYING_INFORMATION => CommandClass::Identify,
        opcode::REPORT_SUPPORTED_OPERATION_CODES
        | opcode::REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS => CommandClass::Observe,
        // REPORT PRIORITY.
        0x0e => CommandClass::Harmless,
        opcode::REPORT_TARGET_PORT_GROUPS | opcode::REPORT_ALIASES | opcode::REPORT_TIMESTAMP => {
            CommandClass::Harmless
        }
        _ => CommandClass::Observe,
    }
}

fn service_action_in(service_action: u8) -> CommandClass {
    /// REPORT REFERRALS.
    const REPORT_REFERRALS: u8 = 0x13;

    match service_action {
        opcode::READ_CAPACITY_16 => CommandClass::Identify,
        REPORT_REFERRALS => CommandClass::Harmless,
        // GET LBA STATUS, READ LONG and what is to come: all of these read.
        _ => CommandClass::Observe,
    }
}

/// READ (32) and VERIFY (32) read; the others of the 32-byte commands write.
fn variable_length(cdb: &[u8]) -> CommandClass {
    const READ_32: [u8; 2] = [0x00, 0x09];
    const VERIFY_32: [u8; 2] = [0x00, 0x0a];

    match cdb.get(8..10) {
        Some(action) if action == READ_32 || action == VERIFY_32 => CommandClass::Observe,
        _ => CommandClass::Change,
    }
}
