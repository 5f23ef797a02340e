// SPDX-License-Identifier: GPL-2.0

//! Operation codes and service actions (SPC-5 annex F.3).

/// TEST UNIT READY.
pub const TEST_UNIT_READY: u8 = 0x00;
/// REQUEST SENSE.
pub const REQUEST_SENSE: u8 = 0x03;
/// FORMAT UNIT.
pub const FORMAT_UNIT: u8 = 0x04;
/// READ (6).
pub const READ_6: u8 = 0x08;
/// WRITE (6).
pub const WRITE_6: u8 = 0x0a;
/// INQUIRY.
pub const INQUIRY: u8 = 0x12;
/// MODE SELECT (6).
pub const MODE_SELECT_6: u8 = 0x15;
/// RESERVE (6) (SPC-2).
pub const RESERVE_6: u8 = 0x16;
/// RELEASE (6) (SPC-2).
pub const RELEASE_6: u8 = 0x17;
/// MODE SENSE (6).
pub const MODE_SENSE_6: u8 = 0x1a;
/// START STOP UNIT.
pub const START_STOP_UNIT: u8 = 0x1b;
/// RECEIVE DIAGNOSTIC RESULTS.
pub const RECEIVE_DIAGNOSTIC_RESULTS: u8 = 0x1c;
/// SEND DIAGNOSTIC.
pub const SEND_DIAGNOSTIC: u8 = 0x1d;
/// PREVENT ALLOW MEDIUM REMOVAL.
pub const PREVENT_ALLOW_MEDIUM_REMOVAL: u8 = 0x1e;
/// READ CAPACITY (10).
pub const READ_CAPACITY_10: u8 = 0x25;
/// READ (10).
pub const READ_10: u8 = 0x28;
/// WRITE (10).
pub const WRITE_10: u8 = 0x2a;
/// WRITE AND VERIFY (10).
pub const WRITE_AND_VERIFY_10: u8 = 0x2e;
/// VERIFY (10).
pub const VERIFY_10: u8 = 0x2f;
/// PRE-FETCH (10).
pub const PRE_FETCH_10: u8 = 0x34;
/// SYNCHRONIZE CACHE (10).
pub const SYNCHRONIZE_CACHE_10: u8 = 0x35;
/// READ DEFECT DATA (10).
pub const READ_DEFECT_DATA_10: u8 = 0x37;
/// WRITE BUFFER.
pub const WRITE_BUFFER: u8 = 0x3b;
/// READ BUFFER (10).
pub const READ_BUFFER_10: u8 = 0x3c;
/// WRITE SAME (10).
pub const WRITE_SAME_10: u8 = 0x41;
/// UNMAP.
pub const UNMAP: u8 = 0x42;
/// SANITIZE.
pub const SANITIZE: u8 = 0x48;
/// LOG SELECT.
pub const LOG_SELECT: u8 = 0x4c;
/// LOG SENSE.
pub const LOG_SENSE: u8 = 0x4d;
/// MODE SELECT (10).
pub const MODE_SELECT_10: u8 = 0x55;
/// RESERVE (10) (SPC-2).
pub const RESERVE_10: u8 = 0x56;
/// RELEASE (10) (SPC-2).
pub const RELEASE_10: u8 = 0x57;
/// MODE SENSE (10).
pub const MODE_SENSE_10: u8 = 0x5a;
/// PERSISTENT RESERVE IN.
pub const PERSISTENT_RESERVE_IN: u8 = 0x5e;
/// PERSISTENT RESERVE OUT.
pub const PERSISTENT_RESERVE_OUT: u8 = 0x5f;
/// A CDB of variable length: READ (32) and its like.
pub const VARIABLE_LENGTH: u8 = 0x7f;
/// EXTENDED COPY.
pub const EXTENDED_COPY: u8 = 0x83;
/// RECEIVE COPY RESULTS.
pub const RECEIVE_COPY_RESULTS: u8 = 0x84;
/// READ (16).
pub const READ_16: u8 = 0x88;
/// COMPARE AND WRITE.
pub const COMPARE_AND_WRITE: u8 = 0x89;
/// WRITE (16).
pub const WRITE_16: u8 = 0x8a;
/// ORWRITE (16).
pub const ORWRITE_16: u8 = 0x8b;
/// WRITE AND VERIFY (16).
pub const WRITE_AND_VERIFY_16: u8 = 0x8e;
/// VERIFY (16).
pub const VERIFY_16: u8 = 0x8f;
/// PRE-FETCH (16).
pub const PRE_FETCH_16: u8 = 0x90;
/// SYNCHRONIZE CACHE (16).
pub const SYNCHRONIZE_CACHE_16: u8 = 0x91;
/// WRITE SAME (16).
pub const WRITE_SAME_16: u8 = 0x93;
/// READ BUFFER (16).
pub const READ_BUFFER_16: u8 = 0x9b;
/// WRITE ATOMIC (16).
pub const WRITE_ATOMIC_16: u8 = 0x9c;
/// SERVICE ACTION IN (16).
pub const SERVICE_ACTION_IN_16: u8 = 0x9e;
/// REPORT LUNS.
pub const REPORT_LUNS: u8 = 0xa0;
/// MAINTENANCE IN.
pub const MAINTENANCE_IN: u8 = 0xa3;
/// MAINTENANCE OUT.
pub const MAINTENANCE_OUT: u8 = 0xa4;
/// READ (12).
pub const READ_12: u8 = 0xa8;
/// WRITE (12).
pub const WRITE_12: u8 = 0xaa;
/// WRITE AND VERIFY (12).
pub const WRITE_AND_VERIFY_12: u8 = 0xae;
/// VERIFY (12).
pub const VERIFY_12: u8 = 0xaf;
/// READ DEFECT DATA (12).
pub const READ_DEFECT_DATA_12: u8 = 0xb7;

/// The service action of [`EXTENDED_COPY`] that is EXTENDED COPY (LID1).
pub const EXTENDED_COPY_LID1: u8 = 0x00;
/// The service action of [`EXTENDED_COPY`] that is COPY ABORT.
pub const COPY_ABORT: u8 = 0x1c;
/// The service action of [`SERVICE_ACTION_IN_16`] that is READ CAPACITY (16).
pub const READ_CAPACITY_16: u8 = 0x10;
/// The service action of [`SERVICE_ACTION_IN_16`] that is GET LBA STATUS (16).
pub const GET_LBA_STATUS_16: u8 = 0x12;
/// The service action of [`SANITIZE`] that is OVERWRITE.
pub const SANITIZE_OVERWRITE: u8 = 0x01;
/// The service action of [`SANITIZE`] that is BLOCK ERASE.
pub const SANITIZE_BLOCK_ERASE: u8 = 0x02;
/// The service action of [`SANITIZE`] that is EXIT FAILURE MODE.
pub const SANITIZE_EXIT_FAILURE_MODE: u8 = 0x1f;
/// The service action of [`MAINTENANCE_IN`] that is REPORT SUPPORTED OPERATION CODES.
pub const REPORT_SUPPORTED_OPERATION_CODES: u8 = 0x0c;
/// The service action of [`MAINTENANCE_IN`] that is REPORT IDENTIFYING INFORMATION.
pub const REPORT_IDENTIFYING_INFORMATION: u8 = 0x05;
/// The service action of [`MAINTENANCE_IN`] that is REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS.
pub const REPORT_SUPPORTED_TASK_MANAGEMENT_FUNCTIONS: u8 = 0x0d;
/// The service action of [`MAINTENANCE_IN`] that is REPORT TIMESTAMP.
pub const REPORT_TIMESTAMP: u8 = 0x0f;
/// The service action of [`MAINTENANCE_IN`] that is REPORT TARGET PORT GROUPS.
pub const REPORT_TARGET_PORT_GROUPS: u8 = 0x0a;
/// The service action of [`MAINTENANCE_IN`] that is REPORT ALIASES.
pub const REPORT_ALIASES: u8 = 0x0b;
/// The service action of [`MAINTENANCE_OUT`] that is SET IDENTIFYING INFORMATION.
pub const SET_IDENTIFYING_INFORMATION: u8 = 0x06;
/// The service action of [`MAINTENANCE_OUT`] that is CHANGE ALIASES.
pub const CHANGE_ALIASES: u8 = 0x0b;
/// The service action of [`MAINTENANCE_OUT`] that is SET TIMESTAMP.
pub const SET_TIMESTAMP: u8 = 0x0f;
/// The service action of [`MAINTENANCE_OUT`] that is SET TARGET PORT GROUPS.
pub const SET_TARGET_PORT_GROUPS: u8 = 0x0a;
