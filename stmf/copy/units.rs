// SPDX-License-Identifier: GPL-2.0

//! The logical units that a copy is about.

use super::{
    manager::{Copying, End},
    piece::{Address, Command, Ended}, //
};
use kernel::prelude::*;
use stmf_kernel::{
    kthread,
    pages::PageList, //
};
use stmf_model::Guid;
use stmf_scsi::{
    copy::{
        command::{self, Cdb},
        Cscd,
        ParameterList,
        Segment, //
    },
    inquiry::DeviceType,
    sense::CopySide,
    vpd::page,
    AdditionalSense, //
};

/// The most of an answer that is looked at: a page of memory.
const ALLOCATION: u16 = 4096;

/// A logical unit that can be copied from and to.
#[derive(Clone, Copy)]
pub(super) struct Unit {
    pub(super) address: Address,
    pub(super) blocks: u64,
    /// Not zero.
    pub(super) block_length: u32,
    /// The most blocks that a command moves.
    pub(super) max_blocks: u32,
    pub(super) pad: bool,
}

/// The units of a parameter list, each looked for when the first segment needs it: segments before that
/// are carried out, also when there is no such unit.
pub(super) struct Units<'a> {
    list: &'a ParameterList<'a>,
    found: KVec<Option<Unit>>,
}

impl<'a> Units<'a> {
    pub(super) fn new(list: &'a ParameterList<'a>) -> Result<Self, End> {
        let found = KVec::from_elem(None, list.cscds().into(), GFP_KERNEL)?;
        Ok(Self { list, found })
    }

    /// The source or the destination of a segment.
    pub(super) fn of(
        &mut self,
        copy: &Copying<'_>,
        segment: &Segment,
        side: CopySide,
    ) -> Result<Unit, End> {
        let index = match side {
            CopySide::Source => segment.source,
            CopySide::Destination => segment.destination,
        };
        if let Some(Some(unit)) = self.found.get(usize::from(index)) {
            return Ok(*unit);
        }
        let search = Search {
            copy,
            segment,
            side,
        };
        let cscd = self.list.cscd(index).filter(|cscd| !cscd.is_null);
        let Some(cscd) = cscd else {
            return Err(search.fault(AdditionalSense::UNREACHABLE_COPY_TARGET));
        };
        let unit = search.unit(&cscd, ParameterList::cscd_offset(index))?;
        if let Some(room) = self.found.get_mut(usize::from(index)) {
            *room = Some(unit);
        }
        Ok(unit)
    }
}

/// A look for the unit of a segment.
struct Search<'a> {
    copy: &'a Copying<'a>,
    segment: &'a Segment,
    side: CopySide,
}

impl Search<'_> {
    fn fault(&self, code: AdditionalSense) -> End {
        let field = match self.side {
            CopySide::Source => Segment::SOURCE_FIELD,
            CopySide::Destination => Segment::DESTINATION_FIELD,
        };
        self.segment.fault(code, field).into()
    }

    fn unit(&self, cscd: &Cscd<'_>, at: u16) -> Result<Unit, End> {
        let Some((address, device_type)) = self.find(cscd)? else {
            // Whether it is there for others is not told.
            return Err(self.fault(AdditionalSense::COPY_TARGET_DEVICE_NOT_REACHABLE));
        };
        // CAST: the enum is `repr(u8)`.
        if device_type != DeviceType::Block as u8 || cscd.device_type != device_type {
            return Err(self.fault(AdditionalSense::INCORRECT_COPY_TARGET_DEVICE_TYPE));
        }
        let answer = self.ask(address, command::read_capacity())?;
        if let Err(fault) = answer.outcome {
            return Err(self.copy.device_fault(self.segment, self.side, fault));
        }
        let Some((blocks, block_length @ 1..)) = command::capacity(first(&answer)) else {
            return Err(self.fault(AdditionalSense::INCORRECT_COPY_TARGET_DEVICE_TYPE));
        };
        if ![0, block_length].contains(&cscd.block_length) {
            return Err(Cscd::wrong_block_length(at).into());
        }
        let limits = self.ask(address, command::inquiry(page::BLOCK_LIMITS, ALLOCATION))?;
        let limit = limits
            .outcome
            .ok()
            .and(command::max_transfer(first(&limits)));
        Ok(Unit {
            address,
            blocks,
            block_length,
            max_blocks: limit.unwrap_or(u32::MAX),
            pad: cscd.pad,
        })
    }

    /// Looks for a unit in the nexus's map, and nowhere else; says what kind of device it is.
    ///
    /// A unit that the GUID is the name of is asked first. Any other name means to ask all of them.
    fn find(&self, cscd: &Cscd<'_>) -> Result<Option<(Address, u8)>, End> {
        let endpoint = self.copy.endpoint();
        let nexus = &endpoint.nexus;
        if let Some(guid) = cscd.naa_16() {
            let seen = endpoint.framework.seen_by(nexus, &Guid::new(guid));
            if let Some((lun, unit)) = seen {
                let address = Address { lun, unit };
                if let Some(device_type) = self.is_named(address, cscd)? {
                    return Ok(Some((address, device_type)));
                }
            }
        }
        let mut next = Some(0);
        while let Some((index, unit)) =
            next.and_then(|start| nexus.luns.find(start, |itl| itl.lu.entry.id))
        {
            let lun = u16::try_from(index).unwrap_or(u16::MAX);
            let address = Address { lun, unit };
            if let Some(device_type) = self.is_named(address, cscd)? {
                return Ok(Some((address, device_type)));
            }
            next = index.checked_add(1);
            kthread::yield_if_due();
        }
        Ok(None)
    }

    /// Whether a unit has the name, by its own word; and its device type.
    fn is_named(&self, address: Address, cscd: &Cscd<'_>) -> Result<Option<u8>, End> {
        let inquiry = command::inquiry(page::DEVICE_IDENTIFICATION, ALLOCATION);
        let answer = self.ask(address, inquiry)?;
        let page = first(&answer);
        let is_named = answer.outcome.is_ok() && cscd.names(page);
        Ok(is_named.then_some(command::device_type(page)))
    }

    fn ask(&self, to: Address, cdb: Cdb) -> Result<Ended, End> {
        self.copy.carry_out(Command { to, cdb }, PageList::empty())
    }
}

/// An answer, which is in one piece.
fn first(answer: &Ended) -> &[u8] {
    answer.data.slices().next().unwrap_or(&[])
}
