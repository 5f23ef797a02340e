// SPDX-License-Identifier: GPL-2.0

//! The commands of third-party copy.

use super::Command;
use crate::{
    copy::{
        CopyAbort,
        ExtendedCopy,
        ReceiveCopyResults,
        Results, //
    },
    opcodes::Cdb,
    sense::Sense,
};

pub(super) fn extended_copy(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, _, _, _, _, _, _, _, _, _, l3, l2, l1, l0, ..] = *cdb;
    Ok(Command::ExtendedCopy(ExtendedCopy {
        list_len: u32::from_be_bytes([l3, l2, l1, l0]),
    }))
}

pub(super) fn copy_abort(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, _, i3, i2, i1, i0, ..] = *cdb;
    Ok(Command::CopyAbort(CopyAbort {
        list_id: u32::from_be_bytes([i3, i2, i1, i0]),
    }))
}

pub(super) fn copy_status(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(receive(Results::Status, cdb))
}

pub(super) fn copy_data(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(receive(Results::Data, cdb))
}

/// The list identifier is ignored.
pub(super) fn copy_parameters(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(receive(Results::Parameters, cdb))
}

pub(super) fn copy_details(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(receive(Results::Details, cdb))
}

fn receive(what: Results, cdb: &Cdb) -> Command {
    let [_, _, list_id, _, _, _, _, _, _, _, a3, a2, a1, a0, ..] = *cdb;
    Command::ReceiveCopyResults(ReceiveCopyResults {
        what,
        list_id,
        allocation: u32::from_be_bytes([a3, a2, a1, a0]),
    })
}
