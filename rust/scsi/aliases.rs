// SPDX-License-Identifier: GPL-2.0

//! Alias lists: short names that an initiator gives to ports and devices, for use in other commands
//! (SPC-5, CHANGE ALIASES and REPORT ALIASES commands).
//!
//! A list is kept as the alias entries of which it consists, in the form in which they came. What a
//! designation names is not looked at: SPC leaves that to the command that uses the alias.

use crate::{
    designator::ProtocolId,
    sense::{
        AdditionalSense,
        Sense, //
    },
    sink::Sink,
};

/// The fields of REPORT ALIASES (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportAliases {
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

impl ReportAliases {
    /// Writes the parameter data: the list `kept`.
    pub fn write(&self, kept: &[u8], out: &mut Sink<'_>) {
        let start = out.len();
        out.u32(0);
        out.u16(0);
        let count = Entries(kept).count();
        out.u16(u16::try_from(count).unwrap_or(u16::MAX));
        out.bytes(kept);
        let len = out.since(start).saturating_sub(4);
        out.patch_u32(start, u32::try_from(len).unwrap_or(u32::MAX));
    }
}

/// The fields of CHANGE ALIASES (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeAliases {
    /// PARAMETER LIST LENGTH, at most [`ChangeAliases::MAX_LIST`]; zero changes nothing.
    pub list_len: u32,
}

impl ChangeAliases {
    /// The longest parameter list that is taken.
    pub const MAX_LIST: u32 = 8 << 10;
}

/// The length of the part of an alias entry that all have: up to DESIGNATION LENGTH.
const ENTRY_HEAD: usize = 16;

/// An alias entry (SPC-5, Alias entry format).
#[derive(Clone, Copy)]
struct Entry<'a> {
    value: [u8; 8],
    protocol: u8,
    format: u8,
    designation: &'a [u8],
    /// All of it.
    bytes: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Takes the first entry; `None` when it is cut.
    fn take(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (head, rest) = bytes.split_first_chunk::<ENTRY_HEAD>()?;
        let [v7, v6, v5, v4, v3, v2, v1, v0, protocol, _, _, format, _, _, l1, l0] = *head;
        let len = usize::from(u16::from_be_bytes([l1, l0]));
        let (designation, rest) = rest.split_at_checked(len)?;
        let entry = Self {
            value: [v7, v6, v5, v4, v3, v2, v1, v0],
            protocol,
            format,
            designation,
            bytes: bytes.get(..ENTRY_HEAD.checked_add(len)?)?,
        };
        Some((entry, rest))
    }

    /// NULL DESIGNATION: the alias is to be forgotten.
    fn is_null(&self) -> bool {
        self.protocol == INDEPENDENT
    }

    /// Refuses what has no meaning; `at` is where the entry begins.
    fn check(&self, at: usize) -> Result<(), Sense> {
        const PROTOCOL: usize = 8;
        const FORMAT: usize = 11;
        const LENGTH: usize = 14;

        let lengths: fn(&[u8]) -> bool = match (self.protocol, self.format) {
            (INDEPENDENT, 0) => |designation| designation.is_empty(),
            // A world wide port name, and with it an N_Port_ID.
            (FIBRE_CHANNEL, 0) => |designation| designation.len() == 8,
            (FIBRE_CHANNEL, 1) => |designation| designation.len() == 12,
            // A target port identifier, and with it a global identifier of InfiniBand.
            (SRP, 0) => |designation| designation.len() == 16,
            (SRP, 1) => |designation| designation.len() == 32,
            // An iSCSI name, and behind it an address: IPv4, IPname, IPv6.
            (ISCSI, 0..=3) => is_iscsi,
            (INDEPENDENT | FIBRE_CHANNEL | SRP | ISCSI, _) => return Err(wrong(at, FORMAT)),
            _ => return Err(wrong(at, PROTOCOL)),
        };
        match lengths(self.designation) {
            true => Ok(()),
            false => Err(wrong(at, LENGTH)),
        }
    }
}

/// PROTOCOL IDENTIFIER: protocol independent designations.
const INDEPENDENT: u8 = 0x80;
const FIBRE_CHANNEL: u8 = ProtocolId::FibreChannel as u8;
const SRP: u8 = ProtocolId::Srp as u8;
const ISCSI: u8 = ProtocolId::Iscsi as u8;

/// Whether a designation can be one that begins with an iSCSI name: whole words, and a name with an
/// end.
fn is_iscsi(designation: &[u8]) -> bool {
    /// A name, an IPname, a port and a protocol.
    const MAX: usize = 224 + 256 + 8;

    let end = designation.iter().position(|byte| *byte == 0);
    let is_name = end.is_some_and(|end| (1..=223).contains(&end));
    is_name && designation.len() % 4 == 0 && designation.len() <= MAX
}

fn wrong(at: usize, field: usize) -> Sense {
    let at = at.saturating_add(field);
    Sense::invalid_parameter(u16::try_from(at).unwrap_or(u16::MAX), None)
}

/// Alias entries, up to one that is cut.
#[derive(Clone)]
struct Entries<'a>(&'a [u8]);

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let (entry, rest) = Entry::take(self.0)?;
        self.0 = rest;
        Some(entry)
    }
}

/// The parameter list of CHANGE ALIASES, found to be in order.
#[derive(Clone, Copy, Debug)]
pub struct ChangeList<'a>(&'a [u8]);

impl<'a> ChangeList<'a> {
    /// The most aliases that are kept for an I_T nexus.
    pub const MAX_ENTRIES: usize = 16;

    /// The most bytes that are kept for an I_T nexus: room for so many long names.
    pub const MAX_KEPT: usize = 4096;

    /// Checks all of the list before anything of it is done.
    ///
    /// # Errors
    ///
    /// PARAMETER LIST LENGTH ERROR when it is shorter than it says; INVALID FIELD IN PARAMETER LIST
    /// for designations that are not known, or not as long as theirs.
    pub fn parse(list: &'a [u8]) -> Result<Self, Sense> {
        /// PARAMETER DATA LENGTH, which doesn't count itself, and four reserved bytes.
        const HEADER: usize = 8;
        const CUT: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

        let (length, _) = list.split_first_chunk::<4>().ok_or(CUT)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| CUT)?;
        let end = length.checked_add(4).ok_or(CUT)?;
        let entries = list.get(HEADER..end).ok_or(CUT)?;
        let mut rest = entries;
        while !rest.is_empty() {
            let at = HEADER.saturating_add(entries.len().saturating_sub(rest.len()));
            let (entry, next) = Entry::take(rest).ok_or(CUT)?;
            entry.check(at)?;
            rest = next;
        }
        Ok(Self(entries))
    }

    /// The length of what becomes of a list that is kept.
    ///
    /// # Errors
    ///
    /// INSUFFICIENT RESOURCES when that is too much.
    pub fn len_with(self, kept: &[u8]) -> Result<usize, Sense> {
        let (count, len) = changed(kept, self.0).fold((0usize, 0usize), |(count, len), entry| {
            (count.saturating_add(1), len.saturating_add(entry.len()))
        });
        if count > Self::MAX_ENTRIES || len > Self::MAX_KEPT {
            return Err(Sense::illegal(AdditionalSense::INSUFFICIENT_RESOURCES));
        }
        Ok(len)
    }

    /// Writes what becomes of a list that is kept.
    pub fn write_with(self, kept: &[u8], out: &mut Sink<'_>) {
        changed(kept, self.0).for_each(|entry| out.bytes(entry));
    }
}

/// What becomes of a list that is kept when it is told of changes, entry by entry. They are made in
/// their order, so that the last one for an alias counts.
fn changed<'a>(kept: &'a [u8], told: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let is_among =
        |entries: &'a [u8], value: &[u8; 8]| Entries(entries).any(|entry| entry.value == *value);
    let stay = Entries(kept).filter(move |entry| !is_among(told, &entry.value));
    let mut rest = Entries(told);
    let with_later_ones = core::iter::from_fn(move || Some((rest.next()?, rest.0)));
    let new = with_later_ones
        .filter(move |(entry, later)| !entry.is_null() && !is_among(later, &entry.value));
    stay.chain(new.map(|(entry, _)| entry))
        .map(|entry| entry.bytes)
}

#[cfg(test)]
mod tests;
