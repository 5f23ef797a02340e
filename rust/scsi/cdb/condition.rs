// SPDX-License-Identifier: GPL-2.0

//! The commands of SPC that ask in what condition the device is: logs, diagnostics, its clock.

use super::{
    identity::{
        length_and_more,
        LIST_TOO_LONG, //
    },
    Command, //
};
use crate::{
    diagnostic::{
        ReceiveDiagnostic,
        SendDiagnostic,
        SUPPORTED_PAGES, //
    },
    log::LogSense,
    opcodes::Cdb,
    sense::Sense,
    timestamp::{
        ReportTimestamp,
        SetTimestamp, //
    },
};

pub(super) fn log_sense(cdb: &Cdb) -> Result<Command, Sense> {
    const PAGE_CODE: u8 = 0x3f;
    const CUMULATIVE: u8 = 0x01;

    let [_, _, page, subpage, _, p1, p0, a1, a0, ..] = *cdb;
    Ok(Command::LogSense(LogSense {
        cumulative: page >> 6 == CUMULATIVE,
        page: page & PAGE_CODE,
        subpage,
        first: u16::from_be_bytes([p1, p0]),
        allocation: u16::from_be_bytes([a1, a0]),
    }))
}

/// Self-tests in the background are refused. DEVOFFL and UNITOFFL allow something that isn't done.
pub(super) fn send_diagnostic(cdb: &Cdb) -> Result<Command, Sense> {
    const SELF_TEST_CODE: u8 = 0xe0;
    const SELFTEST: u8 = 0x04;

    let [_, flags, _, l1, l0, ..] = *cdb;
    if flags & SELF_TEST_CODE != 0 {
        return Err(Sense::invalid_cdb_field(1, Some(7)));
    }
    let request = match (flags & SELFTEST != 0, u16::from_be_bytes([l1, l0])) {
        (true, 0) => SendDiagnostic::SelfTest,
        (false, 0) => SendDiagnostic::Nothing,
        (false, SendDiagnostic::PAGE_LEN) => SendDiagnostic::Page,
        _ => return Err(Sense::invalid_cdb_field(3, None)),
    };
    Ok(Command::SendDiagnostic(request))
}

/// Without PCV, the page is that of the last SEND DIAGNOSTIC: there is only one.
pub(super) fn receive_diagnostic(cdb: &Cdb) -> Result<Command, Sense> {
    const PCV: u8 = 0x01;

    let [_, flags, page, a1, a0, ..] = *cdb;
    if flags & PCV != 0 && page != SUPPORTED_PAGES {
        return Err(Sense::invalid_cdb_field(2, None));
    }
    Ok(Command::ReceiveDiagnostic(ReceiveDiagnostic {
        allocation: u16::from_be_bytes([a1, a0]),
    }))
}

pub(super) fn report_timestamp(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, _, _, _, _, _, a3, a2, a1, a0, ..] = *cdb;
    Ok(Command::ReportTimestamp(ReportTimestamp {
        allocation: u32::from_be_bytes([a3, a2, a1, a0]),
    }))
}

/// SET TIMESTAMP: SCSIP is one, so it is always carried out.
pub(super) fn set_timestamp(cdb: &Cdb) -> Result<Command, Sense> {
    let (list_len, _) = length_and_more(cdb);
    if list_len > SetTimestamp::LIST_LEN {
        return Err(LIST_TOO_LONG);
    }
    Ok(Command::SetTimestamp(SetTimestamp { list_len }))
}
