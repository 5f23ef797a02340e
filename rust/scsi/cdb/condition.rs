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
    log::{
        LogControl,
        LogSelect,
        LogSense, //
    },
    opcodes::Cdb,
    self_test::SelfTestKind,
    sense::Sense,
    timestamp::{
        ReportTimestamp,
        SetTimestamp, //
    },
};

/// PC and PAGE CODE.
fn page_control(byte: u8) -> (LogControl, u8) {
    const PAGE_CODE: u8 = 0x3f;

    let control = match byte >> 6 {
        0 => LogControl::Threshold,
        1 => LogControl::Cumulative,
        2 => LogControl::DefaultThreshold,
        _ => LogControl::DefaultCumulative,
    };
    (control, byte & PAGE_CODE)
}

pub(super) fn log_sense(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, _, page, subpage, _, p1, p0, a1, a0, ..] = *cdb;
    let (control, page) = page_control(page);
    Ok(Command::LogSense(LogSense {
        control,
        page,
        subpage,
        first: u16::from_be_bytes([p1, p0]),
        allocation: u16::from_be_bytes([a1, a0]),
    }))
}

/// With SP log parameters are to be saved, which they are not.
pub(super) fn log_select(cdb: &Cdb) -> Result<Command, Sense> {
    const PCR: u8 = 0x02;
    const SP: u8 = 0x01;

    let [_, flags, page, subpage, _, _, _, l1, l0, ..] = *cdb;
    if flags & SP != 0 {
        return Err(Sense::invalid_cdb_field(1, Some(0)));
    }
    let (control, page) = page_control(page);
    Ok(Command::LogSelect(LogSelect {
        reset: flags & PCR != 0,
        control,
        page,
        subpage,
        list_len: u16::from_be_bytes([l1, l0]),
    }))
}

/// DEVOFFL and UNITOFFL allow something that isn't done.
pub(super) fn send_diagnostic(cdb: &Cdb) -> Result<Command, Sense> {
    const SELFTEST: u8 = 0x04;

    let [_, flags, _, l1, l0, ..] = *cdb;
    let (code, default) = (flags >> 5, flags & SELFTEST != 0);
    if code != 0 && default {
        return Err(Sense::invalid_cdb_field(1, Some(7)));
    }
    let request = match (code, default, u16::from_be_bytes([l1, l0])) {
        (0, true, 0) => SendDiagnostic::Default,
        (0, false, 0) => SendDiagnostic::Nothing,
        (0, false, SendDiagnostic::PAGE_LEN) => SendDiagnostic::Page,
        (1, _, 0) => SendDiagnostic::SelfTest(SelfTestKind::BackgroundShort),
        (2, _, 0) => SendDiagnostic::SelfTest(SelfTestKind::BackgroundExtended),
        (4, _, 0) => SendDiagnostic::AbortSelfTest,
        (5, _, 0) => SendDiagnostic::SelfTest(SelfTestKind::ForegroundShort),
        (6, _, 0) => SendDiagnostic::SelfTest(SelfTestKind::ForegroundExtended),
        (3 | 7, ..) => return Err(Sense::invalid_cdb_field(1, Some(7))),
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
