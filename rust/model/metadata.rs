// SPDX-License-Identifier: GPL-2.0

//! The form in which what a disk is, and what initiators want kept of it, lies in a file, or in the
//! head of the file or device that has the data.
//!
//! The file, or the head, has two slots of [`SLOT_LEN`] bytes, each with room for one record. A record is written
//! to the slot that the last good one isn't in, so that one of the two is always whole; the whole
//! one with the higher generation counts. All numbers are big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | `STMFDISK` |
//! | 8..10 | version: 1, or 2 where the mode parameters have a form that version 1 doesn't know |
//! | 10..12 | zero |
//! | 12..16 | length of the record |
//! | 16..24 | generation |
//! | 24.. | fields, each its number and its length in four bytes each, and its value |
//! | last 4 | CRC32C of all before |
//!
//! Head and checksum stay where they are in every version, so that a newer record is told from a
//! damaged one.

use crate::Guid;
use core::ffi::CStr;
use stmf_scsi::Sink;

/// The length of a slot in bytes.
pub const SLOT_LEN: usize = 512 << 10;

/// Where the data begin in a file or device whose head has the metadata, in bytes: behind both slots,
/// and at a multiple of what devices align to.
pub const DATA_START: u64 = 1 << 20;

const _: () = assert!(DATA_START >= 2 * SLOT_LEN as u64);

const MAGIC: [u8; 8] = *b"STMFDISK";
/// The latest version.
const VERSION: u16 = 2;
const HEAD_LEN: usize = 24;
const GENERATION_AT: usize = 16;
const CHECKSUM_LEN: usize = 4;

/// What is kept of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metadata<'a> {
    /// Its GUID.
    pub guid: Guid,
    /// Path of the file or device with the data.
    pub file: &'a CStr,
    /// Its size in bytes.
    pub size: u64,
    /// The size of its blocks in bytes.
    pub block_size: u32,
    /// Name for people.
    pub alias: &'a str,
    /// Vendor identification.
    pub vendor: &'a str,
    /// Product identification.
    pub product: &'a str,
    /// Product revision level.
    pub revision: &'a str,
    /// Unit serial number.
    pub serial: Option<&'a str>,
    /// Addresses of its management; empty for none.
    pub mgmt_url: &'a str,
    /// The size of a physical block, where it isn't to be what the backing store says.
    pub physical_block: Option<u32>,
    /// MEDIUM ROTATION RATE, in the same way.
    pub rotation: Option<u16>,
    /// Whether space may be given back, in the same way.
    pub unmap: Option<bool>,
    /// Initiators may not write.
    pub write_protect: bool,
    /// What the disk began with: no write cache.
    pub write_cache_disable: bool,
    /// Initiators may take the medium out.
    pub removable: bool,
    /// The data are behind the metadata: these are the head of what has the data.
    pub head: bool,
    /// Space is taken when it is written to; else there is space for all of the disk.
    pub thin: bool,
    /// Of how much free space on, in percent of the file system, initiators are warned, where that
    /// isn't to be as usual; zero for never.
    pub threshold: Option<u8>,
    /// The mode parameters that an initiator has saved, in their own form.
    pub modes: Option<&'a [u8]>,
    /// The registrations and the reservation, in their own form; empty for none.
    pub reservations: &'a [u8],
    /// Peripheral device identifying information that an initiator has set.
    pub identifying: Option<&'a [u8]>,
    /// Peripheral device text identifying information, in the same way.
    pub identifying_text: Option<&'a [u8]>,
}

/// Why there is no metadata in a file, or none that can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// Something else is in it.
    Foreign,
    /// They are damaged.
    Damaged,
    /// A newer version has written them: this one.
    Newer(u16),
}

/// A record that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The bytes, from head to checksum.
    pub bytes: &'a [u8],
    /// Counts what was written.
    pub generation: u64,
    /// Which slot it is in, 0 or 1.
    pub slot: u8,
}

/// What a slot has.
enum Content<'a> {
    Nothing,
    Record(Record<'a>),
    Unusable(Unusable),
}

/// The numbers of the fields.
#[derive(Clone, Copy)]
#[repr(u32)]
enum Field {
    Guid,
    File,
    Size,
    BlockSize,
    Alias,
    Vendor,
    Product,
    Revision,
    Serial,
    MgmtUrl,
    PhysicalBlock,
    Rotation,
    Unmap,
    WriteProtect,
    WriteCacheDisable,
    Modes,
    Reservations,
    Removable,
    Head,
    Thin,
    Threshold,
    Identifying,
    IdentifyingText,
}

/// How many fields there are.
const FIELDS: usize = Field::IdentifyingText as usize + 1;

/// Finds the record that counts in the two slots of a file, each as much of it as there is;
/// nothing where nothing was ever written. `checksum` is CRC32C.
pub fn find(
    slots: [&[u8]; 2],
    checksum: impl Fn(&[u8]) -> [u8; 4],
) -> Result<Option<Record<'_>>, Unusable> {
    let [first, second] = slots;
    match (read(first, 0, &checksum), read(second, 1, &checksum)) {
        (Content::Unusable(Unusable::Newer(version)), _)
        | (_, Content::Unusable(Unusable::Newer(version))) => Err(Unusable::Newer(version)),
        (Content::Record(a), Content::Record(b)) => {
            Ok(Some(if a.generation > b.generation { a } else { b }))
        }
        (Content::Record(record), _) | (_, Content::Record(record)) => Ok(Some(record)),
        (Content::Unusable(Unusable::Damaged), _) | (_, Content::Unusable(Unusable::Damaged)) => {
            Err(Unusable::Damaged)
        }
        (Content::Nothing, Content::Nothing) => Ok(None),
        _ => Err(Unusable::Foreign),
    }
}

fn read<'a>(bytes: &'a [u8], slot: u8, checksum: impl Fn(&[u8]) -> [u8; 4]) -> Content<'a> {
    if bytes.iter().all(|byte| *byte == 0) {
        return Content::Nothing;
    }
    if !bytes.starts_with(&MAGIC) {
        return Content::Unusable(Unusable::Foreign);
    }
    match whole(bytes, checksum) {
        None => Content::Unusable(Unusable::Damaged),
        Some((version, _, _)) if version > VERSION => Content::Unusable(Unusable::Newer(version)),
        Some((_, generation, bytes)) => Content::Record(Record {
            bytes,
            generation,
            slot,
        }),
    }
}

/// The version, the generation and the bytes of a record whose checksum is right.
fn whole(bytes: &[u8], checksum: impl Fn(&[u8]) -> [u8; 4]) -> Option<(u16, u64, &[u8])> {
    let head = bytes.first_chunk::<HEAD_LEN>()?;
    let [_, _, _, _, _, _, _, _, v1, v0, _, _, l3, l2, l1, l0, generation @ ..] = *head;
    let len = usize::try_from(u32::from_be_bytes([l3, l2, l1, l0])).ok()?;
    let record = bytes.get(..len).filter(|_| len <= SLOT_LEN)?;
    let (covered, sum) = record.split_last_chunk::<CHECKSUM_LEN>()?;
    let is_whole = covered.len() >= HEAD_LEN && checksum(covered) == *sum;
    let version = u16::from_be_bytes([v1, v0]);
    is_whole.then_some((version, u64::from_be_bytes(generation), record))
}

/// Whether bytes look like the beginning of a record, whole or not.
pub fn is_record(bytes: &[u8]) -> bool {
    bytes.starts_with(&MAGIC)
}

/// The fields of a record: what it says, whatever its generation.
pub fn fields(record: &[u8]) -> &[u8] {
    let (covered, _) = record
        .split_last_chunk::<CHECKSUM_LEN>()
        .unwrap_or((&[], &[0; CHECKSUM_LEN]));
    covered.get(HEAD_LEN..).unwrap_or_default()
}

/// Gives a record its generation and the checksum that goes with it.
pub fn seal(record: &mut [u8], generation: u64, checksum: impl Fn(&[u8]) -> [u8; 4]) {
    let mut sink = Sink::new(record.get_mut(GENERATION_AT..).unwrap_or_default());
    sink.u64(generation);
    if let Some((covered, sum)) = record.split_last_chunk_mut::<CHECKSUM_LEN>() {
        *sum = checksum(covered);
    }
}

impl<'a> Metadata<'a> {
    /// The length of the record, which may be more than [`SLOT_LEN`]: then it can't be kept.
    pub fn record_len(&self) -> usize {
        let mut sink = Sink::new(&mut []);
        self.write(&mut sink);
        sink.len()
    }

    /// Writes a record, to be [sealed](seal).
    pub fn write(&self, out: &mut Sink<'_>) {
        let start = out.len();
        out.bytes(&MAGIC);
        out.u16(self.version());
        out.u16(0);
        let len_at = out.len();
        out.u32(0);
        out.u64(0);
        self.write_fields(out);
        out.u32(0);
        let len = u32::try_from(out.since(start)).unwrap_or(u32::MAX);
        out.patch_u32(len_at, len);
    }

    /// The oldest version that can read the record.
    fn version(&self) -> u16 {
        /// The length of the mode parameters in version 1.
        const MODES: usize = 4;

        match self.modes {
            Some(modes) if modes.len() != MODES => 2,
            _ => 1,
        }
    }

    fn write_fields(&self, out: &mut Sink<'_>) {
        let mut put = |field: Field, value: &[u8]| {
            out.u32(field as u32);
            out.u32(u32::try_from(value.len()).unwrap_or(u32::MAX));
            out.bytes(value);
        };
        put(Field::Guid, self.guid.as_bytes());
        put(Field::File, self.file.to_bytes_with_nul());
        put(Field::Size, &self.size.to_be_bytes());
        put(Field::BlockSize, &self.block_size.to_be_bytes());
        put(Field::Alias, self.alias.as_bytes());
        put(Field::Vendor, self.vendor.as_bytes());
        put(Field::Product, self.product.as_bytes());
        put(Field::Revision, self.revision.as_bytes());
        if let Some(serial) = self.serial {
            put(Field::Serial, serial.as_bytes());
        }
        put(Field::MgmtUrl, self.mgmt_url.as_bytes());
        if let Some(size) = self.physical_block {
            put(Field::PhysicalBlock, &size.to_be_bytes());
        }
        if let Some(rate) = self.rotation {
            put(Field::Rotation, &rate.to_be_bytes());
        }
        if let Some(unmap) = self.unmap {
            put(Field::Unmap, &[unmap.into()]);
        }
        put(Field::WriteProtect, &[self.write_protect.into()]);
        put(Field::WriteCacheDisable, &[self.write_cache_disable.into()]);
        if let Some(modes) = self.modes {
            put(Field::Modes, modes);
        }
        put(Field::Reservations, self.reservations);
        put(Field::Removable, &[self.removable.into()]);
        // What is as it was before there were these fields needs none.
        if self.head {
            put(Field::Head, &[1]);
        }
        if !self.thin {
            put(Field::Thin, &[0]);
        }
        if let Some(percent) = self.threshold {
            put(Field::Threshold, &[percent]);
        }
        if let Some(information) = self.identifying {
            put(Field::Identifying, information);
        }
        if let Some(text) = self.identifying_text {
            put(Field::IdentifyingText, text);
        }
    }

    /// Reads a whole record. Whether the values make sense for a disk is for others to judge.
    pub fn parse(record: &'a [u8]) -> Result<Self, Unusable> {
        Self::from_fields(&split(fields(record)).ok_or(Unusable::Damaged)?).ok_or(Unusable::Damaged)
    }

    fn from_fields(fields: &Fields<'a>) -> Option<Self> {
        let number = |field| {
            fields
                .array(field)
                .map(|bytes| bytes.map(u32::from_be_bytes))
        };
        let flag = |field| match fields.array(field)? {
            None => Some(None),
            Some([0]) => Some(Some(false)),
            Some([1]) => Some(Some(true)),
            Some(_) => None,
        };
        Some(Self {
            guid: Guid::new(fields.array(Field::Guid)??),
            file: CStr::from_bytes_with_nul(fields.get(Field::File)?).ok()?,
            size: u64::from_be_bytes(fields.array(Field::Size)??),
            block_size: number(Field::BlockSize)??,
            alias: fields.text(Field::Alias)??,
            vendor: fields.text(Field::Vendor)??,
            product: fields.text(Field::Product)??,
            revision: fields.text(Field::Revision)??,
            serial: fields.text(Field::Serial)?,
            mgmt_url: fields.text(Field::MgmtUrl)??,
            physical_block: number(Field::PhysicalBlock)?,
            rotation: fields.array(Field::Rotation)?.map(u16::from_be_bytes),
            unmap: flag(Field::Unmap)?,
            write_protect: flag(Field::WriteProtect)??,
            write_cache_disable: flag(Field::WriteCacheDisable)??,
            modes: fields.get(Field::Modes),
            reservations: fields.get(Field::Reservations)?,
            removable: flag(Field::Removable)??,
            head: flag(Field::Head)?.unwrap_or(false),
            thin: flag(Field::Thin)?.unwrap_or(true),
            threshold: fields.array(Field::Threshold)?.map(|[percent]| percent),
            identifying: fields.get(Field::Identifying),
            identifying_text: fields.get(Field::IdentifyingText),
        })
    }
}

/// The values of the fields that there are.
struct Fields<'a>([Option<&'a [u8]>; FIELDS]);

/// Takes fields apart; nothing when one is cut, unknown, or there twice.
fn split(mut bytes: &[u8]) -> Option<Fields<'_>> {
    let mut fields = Fields([None; FIELDS]);
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_first_chunk::<8>()?;
        let [n3, n2, n1, n0, l3, l2, l1, l0] = *head;
        let number = usize::try_from(u32::from_be_bytes([n3, n2, n1, n0])).ok()?;
        let len = usize::try_from(u32::from_be_bytes([l3, l2, l1, l0])).ok()?;
        let (value, rest) = rest.split_at_checked(len)?;
        if fields.0.get_mut(number)?.replace(value).is_some() {
            return None;
        }
        bytes = rest;
    }
    Some(fields)
}

impl<'a> Fields<'a> {
    fn get(&self, field: Field) -> Option<&'a [u8]> {
        self.0.get(field as usize).copied().flatten()
    }

    /// The value of a field with so many bytes, if it is there; nothing when it has more or less.
    fn array<const N: usize>(&self, field: Field) -> Option<Option<[u8; N]>> {
        match self.get(field) {
            None => Some(None),
            Some(value) => <[u8; N]>::try_from(value).ok().map(Some),
        }
    }

    /// The text in a field, if it is there; nothing when it is none.
    fn text(&self, field: Field) -> Option<Option<&'a str>> {
        match self.get(field) {
            None => Some(None),
            Some(value) => core::str::from_utf8(value).ok().map(Some),
        }
    }
}

#[cfg(test)]
mod tests;
