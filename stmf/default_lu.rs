// SPDX-License-Identifier: GPL-2.0

//! What the framework answers itself: REPORT LUNS, and commands to a LUN where nothing is.

use crate::{
    nexus::{Command, Nexus},
    task::News, //
};
use kernel::{
    alloc::AllocError,
    prelude::*, //
};
use stmf_kernel::pages::{Contents, PageList};
use stmf_scsi::{
    cdb::{self, SelectReport},
    inquiry::{DeviceType, Peripheral, StandardInquiry},
    report_luns,
    AdditionalSense,
    Lun,
    LunAddress,
    Sense,
    SenseFormat,
    SenseKey,
    Sink,
    SENSE_LEN, //
};

/// Room for the answers other than REPORT LUNS.
const SMALL: usize = 256;

/// Why there is no answer.
pub(crate) enum Refused {
    /// CHECK CONDITION.
    Sense(Sense),
    /// No memory: BUSY.
    NoMemory,
}

impl From<Sense> for Refused {
    fn from(sense: Sense) -> Self {
        Self::Sense(sense)
    }
}

impl From<AllocError> for Refused {
    fn from(_: AllocError) -> Self {
        Self::NoMemory
    }
}

/// Answers a command to a LUN without logical unit (SPC-5 6.6.1 and 6.39, SAM-5 5.11), or to the
/// REPORT LUNS well known logical unit.
pub(crate) fn answer(command: &Command<'_>) -> Result<PageList, Refused> {
    let well_known = matches!(LunAddress::parse(command.lun), LunAddress::ReportLuns);
    let nobody = Sense::illegal(AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED);
    match cdb::parse(command.cdb) {
        Ok(cdb::Command::Inquiry {
            evpd: None,
            allocation,
        }) => built(command, u32::from(allocation), SMALL, |sink| {
            let peripheral = if well_known {
                Peripheral::connected(DeviceType::WellKnown)
            } else {
                Peripheral::NONE
            };
            inquiry_of(peripheral).write(sink);
        }),
        Ok(cdb::Command::RequestSense { .. }) if well_known => {
            let nothing = AdditionalSense::NO_ADDITIONAL_SENSE;
            sense_data(command, Sense::new(SenseKey::NoSense, nothing))
        }
        Ok(cdb::Command::RequestSense { .. }) => sense_data(command, nobody),
        Ok(cdb::Command::TestUnitReady) if well_known => Ok(PageList::empty()),
        _ => Err(nobody.into()),
    }
}

/// Answers REQUEST SENSE with sense data (SPC-5 6.39).
pub(crate) fn sense_data(command: &Command<'_>, sense: Sense) -> Result<PageList, Refused> {
    let (format, allocation) = match cdb::parse(command.cdb)? {
        cdb::Command::RequestSense {
            desc: true,
            allocation,
        } => (SenseFormat::Descriptor, allocation),
        cdb::Command::RequestSense { allocation, .. } => (SenseFormat::Fixed, allocation),
        _ => return Err(Sense::illegal(AdditionalSense::INVALID_COMMAND_OPERATION_CODE).into()),
    };
    built(command, u32::from(allocation), SMALL, |sink| {
        let mut bytes = [0; SENSE_LEN];
        let len = sense.encode(format, &mut bytes);
        sink.bytes(bytes.get(..len).unwrap_or(&[]));
    })
}

/// Answers REPORT LUNS from the nexus's LUN map (SPC-5 6.36).
pub(crate) fn report_luns(
    nexus: &Nexus,
    command: &Command<'_>,
) -> Result<(PageList, News), Refused> {
    let (select, allocation) = match cdb::parse(command.cdb)? {
        cdb::Command::ReportLuns { select, allocation } => (select, allocation),
        _ => return Err(Sense::illegal(AdditionalSense::INVALID_COMMAND_OPERATION_CODE).into()),
    };
    if matches!(LunAddress::parse(command.lun), LunAddress::Unknown) {
        return Err(Sense::illegal(AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED).into());
    }
    // What is mapped from here on may be missing from the list, and is told by a unit attention.
    let inventory = News::Inventory(nexus.inventory());
    let luns = mapped(nexus)?;
    // A header, the list, and the well-known logical unit.
    let longest = 16 + 8 * luns.len();
    let data = built(command, allocation, longest, |sink| {
        report_luns::write(select, luns.iter().copied(), sink);
    })?;
    let is_all = select != SelectReport::WellKnown;
    Ok((data, if is_all { inventory } else { News::None }))
}

/// The LUNs that a nexus sees.
fn mapped(nexus: &Nexus) -> Result<KVVec<Lun>, AllocError> {
    let mut count = 0;
    nexus.luns.for_each(|_, _| count += 1);
    let mut luns = KVVec::with_capacity(count, GFP_KERNEL)?;
    nexus.luns.for_each(|index, _| {
        if let Some(lun) = u16::try_from(index).ok().and_then(Lun::new) {
            let _ = luns.push_within_capacity(lun);
        }
    });
    Ok(luns)
}

/// Standard INQUIRY data that the framework gives.
fn inquiry_of(peripheral: Peripheral) -> StandardInquiry<'static> {
    StandardInquiry {
        peripheral,
        vendor: "COMSTAR",
        product: "STMF",
        revision: "1",
        command_queuing: true,
        ..Default::default()
    }
}

/// Builds an answer, no longer than the CDB's allocation length and what the initiator expects.
fn built(
    command: &Command<'_>,
    allocation: u32,
    longest: usize,
    build: impl FnOnce(&mut Sink<'_>),
) -> Result<PageList, Refused> {
    let room = longest.min(allocation.min(command.expected) as usize);
    let mut bytes = KVVec::from_elem(0u8, room, GFP_KERNEL)?;
    let mut sink = Sink::new(&mut bytes);
    build(&mut sink);
    let written = sink.as_bytes();
    let mut data = PageList::alloc(written.len(), Contents::Zeroed)?;
    data.write_at(0, written);
    Ok(data)
}
