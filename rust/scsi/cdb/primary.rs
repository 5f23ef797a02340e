// SPDX-License-Identifier: GPL-2.0

//! The commands of SPC: those of every device type.

use super::Command;
use crate::{
    alua::{
        ReportTargetPortGroups,
        SetTargetPortGroups, //
    },
    opcodes::Cdb,
    report_tmf::ReportTaskManagement,
    sense::Sense, //
};

/// Which values of the mode parameters MODE SENSE returns: PC (SPC-5, MODE SENSE(6) command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageControl {
    /// The values in use.
    Current,
    /// A mask: ones where MODE SELECT may change something.
    Changeable,
    /// The values that the device was made with.
    Default,
    /// The values that survive a power cycle.
    Saved,
}

/// The fields of MODE SENSE(6) and MODE SENSE(10) (SPC-5, the commands of these names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeSense {
    /// The ten-byte command, which has the longer header.
    pub ten: bool,
    /// Block descriptors are not to be returned.
    pub dbd: bool,
    /// Long LBA block descriptors are accepted; always false for the six-byte command.
    pub llbaa: bool,
    /// Which values to return.
    pub control: PageControl,
    /// PAGE CODE; 3Fh for all pages.
    pub page: u8,
    /// SUBPAGE CODE; FFh for all subpages.
    pub subpage: u8,
    /// ALLOCATION LENGTH.
    pub allocation: u16,
}

/// The fields of MODE SELECT(6) and MODE SELECT(10) (SPC-5, the commands of these names).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModeSelect {
    /// The ten-byte command, whose parameter list has the longer header.
    pub ten: bool,
    /// PF: the pages have the format of SPC.
    pub page_format: bool,
    /// SP: the values are to be saved.
    pub save: bool,
    /// PARAMETER LIST LENGTH.
    pub list_len: u16,
}

/// Which logical units REPORT LUNS lists: SELECT REPORT (SPC-5, REPORT LUNS command).
///
/// 12h, for the subsidiaries of the administrative logical unit that the command is sent to, is
/// refused: there are no conglomerates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectReport {
    /// 00h: the logical units, without the well known ones.
    LogicalUnits,
    /// 01h: the well known logical units.
    WellKnown,
    /// 02h: all logical units.
    All,
    /// 10h: the administrative logical units of conglomerates.
    Administrative,
    /// 11h: those, and the logical units that are not in a conglomerate.
    NotSubsidiary,
}

/// What REPORT SUPPORTED OPERATION CODES is about: REPORTING OPTIONS (SPC-5,
/// REPORT SUPPORTED OPERATION CODES command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportingOptions {
    /// 000b: every command.
    All,
    /// 001b: one operation code, which must not have service actions.
    OperationCode,
    /// 010b: one service action of an operation code, which must have service actions.
    ServiceAction,
    /// 011b: one service action, or one operation code without service actions.
    Either,
}

/// The fields of REPORT SUPPORTED OPERATION CODES (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportSupportedOperationCodes {
    /// What to report.
    pub options: ReportingOptions,
    /// Command timeouts descriptors are to be returned.
    pub rctd: bool,
    /// REQUESTED OPERATION CODE.
    pub opcode: u8,
    /// REQUESTED SERVICE ACTION.
    pub service_action: u16,
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

pub(super) fn test_unit_ready(_: &Cdb) -> Result<Command, Sense> {
    Ok(Command::TestUnitReady)
}

pub(super) fn request_sense(cdb: &Cdb) -> Result<Command, Sense> {
    const DESC: u8 = 0x01;

    let [_, flags, _, _, allocation, ..] = *cdb;
    Ok(Command::RequestSense {
        desc: flags & DESC != 0,
        allocation,
    })
}

pub(super) fn inquiry(cdb: &Cdb) -> Result<Command, Sense> {
    const EVPD: u8 = 0x01;

    let [_, flags, page, a1, a0, ..] = *cdb;
    let evpd = match (flags & EVPD != 0, page) {
        (true, page) => Some(page),
        (false, 0) => None,
        (false, _) => return Err(Sense::invalid_cdb_field(2, None)),
    };
    Ok(Command::Inquiry {
        evpd,
        allocation: u16::from_be_bytes([a1, a0]),
    })
}

pub(super) fn mode_sense_6(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, flags, page, subpage, allocation, ..] = *cdb;
    Ok(mode_sense(false, [flags, page, subpage], allocation.into()))
}

pub(super) fn mode_sense_10(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, flags, page, subpage, _, _, _, a1, a0, ..] = *cdb;
    let allocation = u16::from_be_bytes([a1, a0]);
    Ok(mode_sense(true, [flags, page, subpage], allocation))
}

fn mode_sense(ten: bool, [flags, page, subpage]: [u8; 3], allocation: u16) -> Command {
    const LLBAA: u8 = 0x10;
    const DBD: u8 = 0x08;
    const PAGE_CODE: u8 = 0x3f;

    Command::ModeSense(ModeSense {
        ten,
        dbd: flags & DBD != 0,
        llbaa: ten && flags & LLBAA != 0,
        control: match page >> 6 {
            0 => PageControl::Current,
            1 => PageControl::Changeable,
            2 => PageControl::Default,
            _ => PageControl::Saved,
        },
        page: page & PAGE_CODE,
        subpage,
        allocation,
    })
}

pub(super) fn mode_select_6(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, flags, _, _, len, ..] = *cdb;
    Ok(mode_select(false, flags, len.into()))
}

pub(super) fn mode_select_10(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, flags, _, _, _, _, _, l1, l0, ..] = *cdb;
    Ok(mode_select(true, flags, u16::from_be_bytes([l1, l0])))
}

fn mode_select(ten: bool, flags: u8, list_len: u16) -> Command {
    const PF: u8 = 0x10;
    const SP: u8 = 0x01;

    Command::ModeSelect(ModeSelect {
        ten,
        page_format: flags & PF != 0,
        save: flags & SP != 0,
        list_len,
    })
}

pub(super) fn report_luns(cdb: &Cdb) -> Result<Command, Sense> {
    /// Room for the header and one LUN.
    const LEAST: u32 = 16;

    let [_, _, select, _, _, _, a3, a2, a1, a0, ..] = *cdb;
    let select = match select {
        0x00 => SelectReport::LogicalUnits,
        0x01 => SelectReport::WellKnown,
        0x02 => SelectReport::All,
        0x10 => SelectReport::Administrative,
        0x11 => SelectReport::NotSubsidiary,
        _ => return Err(Sense::invalid_cdb_field(2, None)),
    };
    let allocation = u32::from_be_bytes([a3, a2, a1, a0]);
    if allocation < LEAST {
        return Err(Sense::invalid_cdb_field(6, None));
    }
    Ok(Command::ReportLuns { select, allocation })
}

pub(super) fn report_supported_operation_codes(cdb: &Cdb) -> Result<Command, Sense> {
    const RCTD: u8 = 0x80;
    const REPORTING_OPTIONS: u8 = 0x07;

    let [_, _, flags, opcode, s1, s0, a3, a2, a1, a0, ..] = *cdb;
    let options = match flags & REPORTING_OPTIONS {
        0 => ReportingOptions::All,
        1 => ReportingOptions::OperationCode,
        2 => ReportingOptions::ServiceAction,
        3 => ReportingOptions::Either,
        _ => return Err(Sense::invalid_cdb_field(2, Some(2))),
    };
    Ok(Command::ReportSupportedOperationCodes(
        ReportSupportedOperationCodes {
            options,
            rctd: flags & RCTD != 0,
            opcode,
            service_action: u16::from_be_bytes([s1, s0]),
            allocation: u32::from_be_bytes([a3, a2, a1, a0]),
        },
    ))
}

pub(super) fn report_target_port_groups(cdb: &Cdb) -> Result<Command, Sense> {
    const EXTENDED_HEADER: u8 = 1;

    let [_, flags, _, _, _, _, a3, a2, a1, a0, ..] = *cdb;
    let format = flags >> 5;
    if format > EXTENDED_HEADER {
        return Err(Sense::invalid_cdb_field(1, Some(7)));
    }
    Ok(Command::ReportTargetPortGroups(ReportTargetPortGroups {
        extended: format == EXTENDED_HEADER,
        allocation: u32::from_be_bytes([a3, a2, a1, a0]),
    }))
}

pub(super) fn set_target_port_groups(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, _, _, _, _, _, l3, l2, l1, l0, ..] = *cdb;
    let request = SetTargetPortGroups {
        list_len: u32::from_be_bytes([l3, l2, l1, l0]),
    };
    request.check_length()?;
    Ok(Command::SetTargetPortGroups(request))
}

pub(super) fn report_task_management(cdb: &Cdb) -> Result<Command, Sense> {
    const REPD: u8 = 0x80;
    /// The parameter data without the extension.
    const LEAST: u32 = 4;

    let [_, _, flags, _, _, _, a3, a2, a1, a0, ..] = *cdb;
    let allocation = u32::from_be_bytes([a3, a2, a1, a0]);
    if allocation < LEAST {
        return Err(Sense::invalid_cdb_field(6, None));
    }
    Ok(Command::ReportTaskManagement(ReportTaskManagement {
        extended: flags & REPD != 0,
        allocation,
    }))
}
