// SPDX-License-Identifier: GPL-2.0

//! The commands of SBC that do more with blocks than to move them.

use super::{
    block::{
        check_length,
        check_range,
        flags,
        no_protection,
        range_10,
        range_12,
        range_16,
        transfer,
        Layout, //
    },
    Command,
};
use crate::{
    opcodes::Cdb,
    sense::Sense,
    sink::Sink, //
};

/// The fields of WRITE SAME (SBC-4, WRITE SAME(10) command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteSame {
    /// The first block.
    pub lba: u64,
    /// NUMBER OF LOGICAL BLOCKS; zero means all up to the last, which WSNZ leaves open.
    pub blocks: u32,
    /// The blocks may be unmapped, if they read as the data afterwards.
    pub unmap: bool,
    /// NDOB: there is no data; zeros are meant.
    pub no_data: bool,
    /// The byte of the CDB in which NUMBER OF LOGICAL BLOCKS begins, for the field pointer.
    pub length_field: u8,
}

impl WriteSame {
    /// How many blocks are written. Checked against the capacity in blocks and MAXIMUM WRITE SAME
    /// LENGTH.
    pub fn check(&self, capacity_blocks: u64, max: u32) -> Result<u32, Sense> {
        check_range(self.lba, self.blocks.max(1), capacity_blocks)?;
        let blocks = match self.blocks {
            0 => u32::try_from(capacity_blocks.saturating_sub(self.lba)).unwrap_or(u32::MAX),
            blocks => blocks,
        };
        check_length(blocks, max, self.length_field)?;
        Ok(blocks)
    }
}

/// The fields of COMPARE AND WRITE (SBC-4, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CompareAndWrite {
    /// The first block.
    pub lba: u64,
    /// The number of blocks that are compared, and of those that are written.
    pub blocks: u8,
    /// Force unit access.
    pub fua: bool,
}

impl CompareAndWrite {
    /// The byte of the CDB with NUMBER OF LOGICAL BLOCKS.
    const LENGTH_FIELD: u8 = 13;

    /// NUMBER OF LOGICAL BLOCKS doesn't fit the data that the initiator has.
    pub const fn wrong_length(&self) -> Sense {
        // CAST: `u16::from` is not const.
        Sense::invalid_cdb_field(Self::LENGTH_FIELD as u16, None)
    }

    /// Checks against the capacity in blocks and MAXIMUM COMPARE AND WRITE LENGTH.
    pub const fn check(&self, capacity_blocks: u64, max: u8) -> Result<(), Sense> {
        // CAST: `u32::from` is not const.
        let blocks = self.blocks as u32;
        match check_range(self.lba, blocks, capacity_blocks) {
            Ok(()) => check_length(blocks, max as u32, Self::LENGTH_FIELD),
            refused => refused,
        }
    }
}

/// What a device promises of WRITE ATOMIC: fields of the Block Limits VPD page, in blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AtomicLimits {
    /// MAXIMUM ATOMIC TRANSFER LENGTH; zero when there are no atomic writes.
    pub max: u32,
    /// ATOMIC ALIGNMENT; zero and one ask for none.
    pub alignment: u32,
    /// ATOMIC TRANSFER LENGTH GRANULARITY; zero and one ask for none.
    pub granularity: u32,
}

/// The fields of WRITE ATOMIC (16) (SBC-4, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteAtomic {
    /// The first block.
    pub lba: u64,
    /// The number of blocks.
    pub blocks: u16,
    /// ATOMIC BOUNDARY: zero when all is one atomic write.
    pub boundary: u16,
    /// Force unit access.
    pub fua: bool,
}

impl WriteAtomic {
    /// Checks against the capacity in blocks and what the device promises. There is no
    /// MAXIMUM ATOMIC BOUNDARY SIZE, so ATOMIC BOUNDARY has to be zero.
    pub fn check(&self, capacity_blocks: u64, limits: &AtomicLimits) -> Result<(), Sense> {
        const BOUNDARY: u16 = 10;
        const LENGTH: u16 = 12;
        const LBA: u16 = 2;

        if self.boundary != 0 {
            return Err(Sense::invalid_cdb_field(BOUNDARY, None));
        }
        let blocks = u32::from(self.blocks);
        check_range(self.lba, blocks, capacity_blocks)?;
        let is_multiple = |value: u64, of: u32| value.checked_rem(of.into()).unwrap_or(0) == 0;
        if blocks > limits.max || !is_multiple(blocks.into(), limits.granularity) {
            return Err(Sense::invalid_cdb_field(LENGTH, None));
        }
        if !is_multiple(self.lba, limits.alignment) {
            return Err(Sense::invalid_cdb_field(LBA, None));
        }
        Ok(())
    }
}

/// The fields of READ DEFECT DATA (SBC-4, READ DEFECT DATA(10) command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadDefectData {
    /// REQ_PLIST: the list from the factory is asked for.
    pub primary: bool,
    /// REQ_GLIST: the list of those that came later is asked for.
    pub grown: bool,
    /// DEFECT LIST FORMAT.
    pub format: u8,
    /// The twelve-byte form, whose header is longer.
    pub long: bool,
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

impl ReadDefectData {
    /// Writes the parameter data of a medium without defects: both lists are there, and empty
    /// (SBC-4, READ DEFECT DATA(10) and (12) parameter data).
    pub fn write_none(&self, out: &mut Sink<'_>) {
        const PLISTV: u8 = 0x10;
        const GLISTV: u8 = 0x08;

        let flag = |set, bit| if set { bit } else { 0 };
        out.u8(0);
        out.u8(flag(self.primary, PLISTV) | flag(self.grown, GLISTV) | self.format);
        // GENERATION CODE of the longer form, DEFECT LIST LENGTH.
        out.zeros(if self.long { 6 } else { 2 });
    }
}

fn write_same(cdb: &Cdb, range: Layout, ndob: u8) -> Result<Command, Sense> {
    const ANCHOR: u8 = 0x10;
    const UNMAP: u8 = 0x08;

    let flags = flags(cdb);
    no_protection(flags)?;
    if flags & ANCHOR != 0 {
        // ANC_SUP is zero.
        return Err(Sense::invalid_cdb_field(1, Some(4)));
    }
    let (lba, blocks, length_field) = range(cdb);
    Ok(Command::WriteSame(WriteSame {
        lba,
        blocks,
        unmap: flags & UNMAP != 0,
        no_data: flags & ndob != 0,
        length_field,
    }))
}

pub(super) fn write_same_10(cdb: &Cdb) -> Result<Command, Sense> {
    write_same(cdb, range_10, 0)
}

pub(super) fn write_same_16(cdb: &Cdb) -> Result<Command, Sense> {
    const NDOB: u8 = 0x01;

    write_same(cdb, range_16, NDOB)
}

pub(super) fn orwrite_16(cdb: &Cdb) -> Result<Command, Sense> {
    transfer(cdb, range_16).map(Command::OrWrite)
}

pub(super) fn compare_and_write(cdb: &Cdb) -> Result<Command, Sense> {
    const FUA: u8 = 0x08;

    let flags = flags(cdb);
    no_protection(flags)?;
    let (lba, ..) = range_16(cdb);
    let [_, _, _, _, _, _, _, _, _, _, _, _, _, blocks, ..] = *cdb;
    Ok(Command::CompareAndWrite(CompareAndWrite {
        lba,
        blocks,
        fua: flags & FUA != 0,
    }))
}

pub(super) fn write_atomic_16(cdb: &Cdb) -> Result<Command, Sense> {
    const FUA: u8 = 0x08;

    let flags = flags(cdb);
    no_protection(flags)?;
    let (lba, ..) = range_16(cdb);
    let [_, _, _, _, _, _, _, _, _, _, b1, b0, n1, n0, ..] = *cdb;
    Ok(Command::WriteAtomic(WriteAtomic {
        lba,
        blocks: u16::from_be_bytes([n1, n0]),
        boundary: u16::from_be_bytes([b1, b0]),
        fua: flags & FUA != 0,
    }))
}

fn pre_fetch(cdb: &Cdb, range: Layout) -> Command {
    let (lba, blocks, _) = range(cdb);
    Command::PreFetch { lba, blocks }
}

pub(super) fn pre_fetch_10(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(pre_fetch(cdb, range_10))
}

pub(super) fn pre_fetch_16(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(pre_fetch(cdb, range_16))
}

fn read_defect_data(select: u8, long: bool, allocation: u32) -> Command {
    const REQ_PLIST: u8 = 0x10;
    const REQ_GLIST: u8 = 0x08;
    const FORMAT: u8 = 0x07;

    Command::ReadDefectData(ReadDefectData {
        primary: select & REQ_PLIST != 0,
        grown: select & REQ_GLIST != 0,
        format: select & FORMAT,
        long,
        allocation,
    })
}

pub(super) fn read_defect_data_10(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, _, select, ..] = *cdb;
    let (_, allocation, _) = range_10(cdb);
    Ok(read_defect_data(select, false, allocation))
}

/// ADDRESS DESCRIPTOR INDEX has to be zero: there are no descriptors.
pub(super) fn read_defect_data_12(cdb: &Cdb) -> Result<Command, Sense> {
    let (_, allocation, _) = range_12(cdb);
    let [_, select, index @ ..] = *cdb;
    if let [0, 0, 0, 0, ..] = index {
        Ok(read_defect_data(select, true, allocation))
    } else {
        Err(Sense::invalid_cdb_field(2, None))
    }
}

/// UNMAP (SBC-4, the command of this name). ANC_SUP is zero.
/// PREVENT 10b and 11b are obsolete (SBC-4, PREVENT ALLOW MEDIUM REMOVAL command): the usage data
/// leaves them out.
pub(super) fn prevent_allow(cdb: &Cdb) -> Result<Command, Sense> {
    const PREVENT: u8 = 0x01;

    let [_, _, _, _, flags, ..] = *cdb;
    Ok(Command::PreventAllow {
        prevent: flags & PREVENT != 0,
    })
}

pub(super) fn unmap(cdb: &Cdb) -> Result<Command, Sense> {
    const ANCHOR: u8 = 0x01;

    if flags(cdb) & ANCHOR != 0 {
        return Err(Sense::invalid_cdb_field(1, Some(0)));
    }
    let (_, length, _) = range_10(cdb);
    Ok(Command::Unmap {
        // CAST: the field of the ten-byte layout has 16 bits.
        length: length as u16,
    })
}

/// GET LBA STATUS (16): REPORT TYPE can only ask for all blocks (SBC-4, the command of this name).
pub(super) fn get_lba_status_16(cdb: &Cdb) -> Result<Command, Sense> {
    let (lba, allocation, _) = range_16(cdb);
    let [_, _, _, _, _, _, _, _, _, _, _, _, _, _, report_type, ..] = *cdb;
    if report_type != 0 {
        return Err(Sense::invalid_cdb_field(14, None));
    }
    Ok(Command::GetLbaStatus { lba, allocation })
}

/// How SANITIZE lays the medium waste (SBC-4, SANITIZE command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sanitize {
    /// OVERWRITE: with a pattern that comes as parameter data of this length.
    Overwrite {
        /// PARAMETER LIST LENGTH.
        length: u16,
    },
    /// BLOCK ERASE.
    BlockErase,
    /// EXIT FAILURE MODE.
    ExitFailureMode,
}

/// SANITIZE OVERWRITE. Its parameter list is a header of four bytes and a pattern of one block at
/// most; the latter is checked by the logical unit, which knows the length of a block.
pub(super) fn sanitize_overwrite(cdb: &Cdb) -> Result<Command, Sense> {
    let (_, length, field) = range_10(cdb);
    if length <= 4 {
        return Err(Sense::invalid_cdb_field(field.into(), None));
    }
    // CAST: the field of the ten-byte layout has 16 bits.
    let length = length as u16;
    Ok(sanitize(cdb, Sanitize::Overwrite { length }))
}

pub(super) fn sanitize_block_erase(cdb: &Cdb) -> Result<Command, Sense> {
    without_parameters(cdb)?;
    Ok(sanitize(cdb, Sanitize::BlockErase))
}

pub(super) fn sanitize_exit_failure_mode(cdb: &Cdb) -> Result<Command, Sense> {
    without_parameters(cdb)?;
    Ok(sanitize(cdb, Sanitize::ExitFailureMode))
}

fn without_parameters(cdb: &Cdb) -> Result<(), Sense> {
    match range_10(cdb) {
        (_, 0, _) => Ok(()),
        (_, _, field) => Err(Sense::invalid_cdb_field(field.into(), None)),
    }
}

fn sanitize(cdb: &Cdb, what: Sanitize) -> Command {
    const IMMED: u8 = 0x80;
    const AUSE: u8 = 0x20;

    let flags = flags(cdb);
    Command::Sanitize {
        what,
        immed: flags & IMMED != 0,
        unrestricted: flags & AUSE != 0,
    }
}

/// The fields of FORMAT UNIT (SBC-4, the command of this name).
///
/// CMPLST says what becomes of the list of grown defects, which is empty before and afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatUnit {
    /// FMTDATA: there is a parameter list.
    pub has_list: bool,
    /// LONGLIST: its header is the long one.
    pub is_long: bool,
}

/// There is no protection information: FMTPINFO has to be zero. Without FMTDATA the fields that
/// describe the list mean nothing; with it the format is that of a list without a defect in it.
pub(super) fn format_unit(cdb: &Cdb) -> Result<Command, Sense> {
    const FMTPINFO: u8 = 0xc0;
    const LONGLIST: u8 = 0x20;
    const FMTDATA: u8 = 0x10;
    const DEFECT_LIST_FORMAT: u8 = 0x07;
    /// Vendor specific; the next one is reserved.
    const NO_FORMAT: u8 = 6;

    let flags = flags(cdb);
    let has_list = flags & FMTDATA != 0;
    if flags & FMTPINFO != 0 {
        return Err(Sense::invalid_cdb_field(1, Some(7)));
    }
    if has_list && flags & DEFECT_LIST_FORMAT >= NO_FORMAT {
        return Err(Sense::invalid_cdb_field(1, Some(2)));
    }
    Ok(Command::FormatUnit(FormatUnit {
        has_list,
        is_long: flags & LONGLIST != 0,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::{
        parse,
        ByteCheck, //
    };

    /// What a CDB becomes that is zero but for these bytes.
    fn with(len: usize, bytes: &[(usize, u8)]) -> Result<Command, Sense> {
        let mut cdb = std::vec![0; len];
        for &(at, value) in bytes {
            cdb[at] = value;
        }
        parse(&cdb)
    }

    fn field<T>(byte: u16, bit: Option<u8>) -> Result<T, Sense> {
        Err(Sense::invalid_cdb_field(byte, bit))
    }

    #[test]
    fn write_same_has_its_flags_and_a_length() {
        let Ok(Command::WriteSame(ten)) = with(10, &[(0, 0x41), (1, 0x08), (5, 7), (7, 1)]) else {
            panic!("refused");
        };
        assert_eq!((ten.lba, ten.blocks), (7, 256));
        assert!(ten.unmap && !ten.no_data);
        assert_eq!(ten.check(263, 256), Ok(256));
        assert_eq!(ten.check(1000, 255), field(7, None));
        assert!(ten.check(262, 256).is_err());
        let Ok(Command::WriteSame(sixteen)) = with(16, &[(0, 0x93), (1, 0x01), (13, 1)]) else {
            panic!("refused");
        };
        assert!(sixteen.no_data && !sixteen.unmap);
        // No length: up to the last block.
        for (rest, length) in [
            (with(10, &[(0, 0x41), (5, 7)]), 7),
            (with(16, &[(0, 0x93), (9, 7)]), 10),
        ] {
            let Ok(Command::WriteSame(rest)) = rest else {
                panic!("refused");
            };
            assert_eq!(rest.check(100, 93), Ok(93));
            assert_eq!(rest.check(100, 92), field(length, None));
            assert_eq!(rest.check(1 << 40, u32::MAX - 1), field(length, None));
            assert!(rest.check(7, 100).is_err());
        }
        assert_eq!(with(10, &[(0, 0x41), (8, 1), (1, 0x10)]), field(1, Some(4)));
        // NDOB is a bit of the sixteen-byte form; LBDATA and PBDATA are of no standard any more.
        for obsolete in [0x02, 0x04] {
            assert!(with(10, &[(0, 0x41), (8, 1), (1, obsolete)]).is_err());
        }
    }

    #[test]
    fn write_and_verify_compares_all_or_nothing() {
        for (opcode, len) in [(0x2e, 10), (0xae, 12), (0x8e, 16)] {
            let bytchk = |value: u8| match with(len, &[(0, opcode), (1, value << 1)]) {
                Ok(Command::WriteAndVerify(verify)) => Ok(verify.bytchk),
                Ok(other) => panic!("{other:?}"),
                Err(sense) => Err(sense),
            };
            assert_eq!(bytchk(0), Ok(ByteCheck::Medium));
            assert_eq!(bytchk(1), Ok(ByteCheck::Blocks));
            assert_eq!(bytchk(2), field(1, Some(2)));
            assert_eq!(bytchk(3), field(1, Some(2)));
        }
    }

    #[test]
    fn compare_and_write_counts_blocks_in_one_byte() {
        let cdb = [(0, 0x89), (1, 0x08), (9, 4), (13, 3)];
        let Ok(Command::CompareAndWrite(caw)) = with(16, &cdb) else {
            panic!("refused");
        };
        assert_eq!((caw.lba, caw.blocks, caw.fua), (4, 3, true));
        assert_eq!(caw.check(7, 3), Ok(()));
        assert_eq!(caw.check(7, 2), field(13, None));
        assert!(caw.check(6, 3).is_err());
    }

    #[test]
    fn an_atomic_write_keeps_to_what_the_device_promises() {
        let limits = AtomicLimits {
            max: 64,
            alignment: 8,
            granularity: 4,
        };
        let check = |lba: u8, blocks: u8, boundary: u8| {
            let cdb = [(0, 0x9c), (9, lba), (11, boundary), (13, blocks)];
            match with(16, &cdb) {
                Ok(Command::WriteAtomic(write)) => write.check(100, &limits),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(check(8, 64, 0), Ok(()));
        assert_eq!(check(0, 68, 0), field(12, None));
        assert_eq!(check(0, 2, 0), field(12, None));
        assert_eq!(check(4, 4, 0), field(2, None));
        assert_eq!(check(8, 4, 4), field(10, None));
        assert!(check(96, 8, 0).is_err());
    }

    #[test]
    fn what_is_not_supported_is_pointed_to() {
        // ANCHOR of UNMAP, REPORT TYPE of GET LBA STATUS.
        assert_eq!(with(10, &[(0, 0x42), (1, 1)]), field(1, Some(0)));
        assert_eq!(with(16, &[(0, 0x9e), (1, 0x12), (14, 1)]), field(14, None));
        assert_eq!(with(12, &[(0, 0xb7), (5, 1)]), field(2, None));
    }

    #[test]
    fn format_unit_may_have_a_list() {
        let format = |flags: u8| with(6, &[(0, 0x04), (1, flags)]);
        let command = |has_list, is_long| Ok(Command::FormatUnit(FormatUnit { has_list, is_long }));
        assert_eq!(format(0x00), command(false, false));
        assert_eq!(format(0x10), command(true, false));
        assert_eq!(format(0x3d), command(true, true));
        assert_eq!(format(0x07), command(false, false));
        assert_eq!(format(0x16), field(1, Some(2)));
        for fmtpinfo in [0x40, 0x80, 0xc0] {
            assert_eq!(format(fmtpinfo), field(1, Some(7)));
        }
        // FFMT: a fast format leaves blocks unwritten.
        assert_eq!(with(6, &[(0, 0x04), (4, 0x01)]), field(4, Some(0)));
    }

    #[test]
    fn sanitize_has_its_service_actions() {
        let sanitize = |action: u8, length: u8| with(10, &[(0, 0x48), (1, action), (8, length)]);
        let command = |what, immed| {
            Ok(Command::Sanitize {
                what,
                immed,
                unrestricted: false,
            })
        };
        let overwrite = Sanitize::Overwrite { length: 5 };
        assert_eq!(sanitize(0x81, 5), command(overwrite, true));
        assert_eq!(sanitize(0x01, 4), field(7, None));
        assert_eq!(sanitize(0x02, 0), command(Sanitize::BlockErase, false));
        assert_eq!(sanitize(0x02, 8), field(7, None));
        assert_eq!(sanitize(0x1f, 0), command(Sanitize::ExitFailureMode, false));
        assert_eq!(sanitize(0x1f, 8), field(7, None));
        assert_eq!(
            sanitize(0x22, 0),
            Ok(Command::Sanitize {
                what: Sanitize::BlockErase,
                immed: false,
                unrestricted: true,
            })
        );
        // ZNR: there are no zones.
        assert_eq!(sanitize(0x42, 0), field(1, Some(6)));
        // CRYPTOGRAPHIC ERASE: nothing is encrypted.
        assert_eq!(sanitize(0x03, 0), field(1, Some(4)));
    }

    #[test]
    fn defect_data_is_asked_for_in_two_forms() {
        let ten = with(10, &[(0, 0x37), (2, 0x1d), (7, 1)]);
        let twelve = with(12, &[(0, 0xb7), (1, 0x1d), (8, 1)]);
        for (command, long) in [(ten, false), (twelve, true)] {
            let expected = ReadDefectData {
                primary: true,
                grown: true,
                format: 5,
                long,
                allocation: 256,
            };
            assert_eq!(command, Ok(Command::ReadDefectData(expected)));
        }
    }
}
