// SPDX-License-Identifier: GPL-2.0

//! The commands of reservations: PERSISTENT RESERVE IN and OUT, and RESERVE and RELEASE of SPC-2.

use super::Command;
use crate::{
    opcodes::Cdb,
    reservation::{
        out::{
            PersistentReserveOut,
            ServiceAction, //
        },
        Report, //
    },
    sense::Sense, //
};

/// A service action that the table of commands doesn't have.
const UNKNOWN: Sense = Sense::invalid_cdb_field(1, Some(4));

/// Third-party reservations and extents are not supported: their bits are refused as unused.
pub(super) fn reserve(_: &Cdb) -> Result<Command, Sense> {
    Ok(Command::Reserve)
}

pub(super) fn release(_: &Cdb) -> Result<Command, Sense> {
    Ok(Command::Release)
}

pub(super) fn persistent_reserve_in(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, action, _, _, _, _, _, a1, a0, ..] = *cdb;
    let report = Report::ALL
        .into_iter()
        .find(|report| report.code() == action & 0x1f);
    Ok(Command::PersistentReserveIn {
        report: report.ok_or(UNKNOWN)?,
        allocation: u16::from_be_bytes([a1, a0]),
    })
}

pub(super) fn persistent_reserve_out(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, action, scope_and_type, _, _, l3, l2, l1, l0, ..] = *cdb;
    let action = ServiceAction::ALL
        .into_iter()
        .find(|known| known.code() == action & 0x1f);
    Ok(Command::PersistentReserveOut(PersistentReserveOut {
        action: action.ok_or(UNKNOWN)?,
        scope_and_type,
        list_len: u32::from_be_bytes([l3, l2, l1, l0]),
    }))
}
