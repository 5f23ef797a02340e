// SPDX-License-Identifier: GPL-2.0

//! The commands of SBC: those of direct-access block devices.

use super::Command;
use crate::{
    opcodes::Cdb,
    power::Power,
    sense::{
        AdditionalSense,
        Sense, //
    },
};

/// What READ and WRITE move (SBC-4, READ(10) command and WRITE(10) command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// The first block.
    pub lba: u64,
    /// The number of blocks.
    pub blocks: u32,
    /// Force unit access: a read sees, and a write reaches, the medium.
    pub fua: bool,
    /// Disable page out: a hint that the blocks will not be needed again soon.
    pub dpo: bool,
    /// The byte of the CDB in which TRANSFER LENGTH begins, for the field pointer.
    pub length_field: u8,
}

impl Transfer {
    /// Checks against the capacity in blocks and MAXIMUM TRANSFER LENGTH, zero for no maximum.
    pub const fn check(&self, capacity_blocks: u64, max_transfer: u32) -> Result<(), Sense> {
        match check_range(self.lba, self.blocks, capacity_blocks) {
            Ok(()) => check_length(self.blocks, max_transfer, self.length_field),
            refused => refused,
        }
    }
}

/// What VERIFY compares: BYTCHK (SBC-4, VERIFY(10) command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteCheck {
    /// 00b: nothing; the blocks need only be readable. No data is sent.
    Medium,
    /// 01b: the blocks with as many blocks of data.
    Blocks,
    /// 11b: each block with the same one block of data.
    OneBlock,
}

/// The fields of VERIFY (SBC-4, VERIFY(10) command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verify {
    /// The first block.
    pub lba: u64,
    /// The number of blocks.
    pub blocks: u32,
    /// What to compare them with.
    pub bytchk: ByteCheck,
    /// Disable page out: a hint that the blocks will not be needed again soon.
    pub dpo: bool,
    /// The byte of the CDB in which VERIFICATION LENGTH begins, for the field pointer.
    pub length_field: u8,
}

impl Verify {
    /// Checks against the capacity in blocks and MAXIMUM TRANSFER LENGTH, zero for no maximum.
    pub const fn check(&self, capacity_blocks: u64, max_transfer: u32) -> Result<(), Sense> {
        match check_range(self.lba, self.blocks, capacity_blocks) {
            Ok(()) => check_length(self.blocks, max_transfer, self.length_field),
            refused => refused,
        }
    }

    /// The number of blocks of data that come with the command. None when nothing is verified.
    pub const fn data_blocks(&self) -> u32 {
        match self.bytchk {
            ByteCheck::Medium => 0,
            ByteCheck::OneBlock if self.blocks > 0 => 1,
            ByteCheck::OneBlock | ByteCheck::Blocks => self.blocks,
        }
    }
}

/// The power condition to go to: POWER CONDITION (SBC-4, START STOP UNIT command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerCondition {
    /// START_VALID: the START and LOEJ bits say what to do.
    StartValid,
    /// ACTIVE.
    Active,
    /// IDLE.
    Idle,
    /// STANDBY.
    Standby,
    /// LU_CONTROL: the device's own timers take over.
    LuControl,
    /// FORCE_IDLE_0.
    ForceIdle,
    /// FORCE_STANDBY_0.
    ForceStandby,
    /// A value that SBC-4 reserves, or has made obsolete.
    Reserved,
}

/// The fields of START STOP UNIT (SBC-4, START STOP UNIT command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StartStopUnit {
    /// Status is to be sent before the operation is done.
    pub immed: bool,
    /// The power condition to go to.
    pub power_condition: PowerCondition,
    /// POWER CONDITION MODIFIER: 0 to 15.
    pub modifier: u8,
    /// The cache is not to be written out before a stop.
    pub no_flush: bool,
    /// The medium is to be loaded or ejected.
    pub loej: bool,
    /// Start, or else stop.
    pub start: bool,
}

impl StartStopUnit {
    /// The power condition that is asked for; nothing when the logical unit is to choose, or START and
    /// LOEJ count. A logical unit without timers is in a condition at once in which they are forced to
    /// zero.
    pub const fn power(&self) -> Result<Option<Power>, Sense> {
        Ok(Some(match (self.power_condition, self.modifier) {
            (PowerCondition::StartValid, _) | (PowerCondition::LuControl, 0) => return Ok(None),
            (PowerCondition::Active, 0) => Power::Active,
            (PowerCondition::Idle | PowerCondition::ForceIdle, 0) => Power::IdleA,
            (PowerCondition::Idle | PowerCondition::ForceIdle, 1) => Power::IdleB,
            (PowerCondition::Idle | PowerCondition::ForceIdle, 2) => Power::IdleC,
            (PowerCondition::Standby | PowerCondition::ForceStandby, 0) => Power::StandbyZ,
            (PowerCondition::Standby | PowerCondition::ForceStandby, 1) => Power::StandbyY,
            (PowerCondition::Reserved, _) => return Err(Sense::invalid_cdb_field(4, Some(7))),
            _ => return Err(Sense::invalid_cdb_field(3, Some(3))),
        }))
    }
}

/// Checks that `blocks` blocks from `lba` on lie within `capacity_blocks` blocks (SBC-4, the
/// LOGICAL BLOCK ADDRESS field of each command).
///
/// No blocks at the address just behind the last block are in order.
pub const fn check_range(lba: u64, blocks: u32, capacity_blocks: u64) -> Result<(), Sense> {
    // CAST: `u64::from` is not const.
    match lba.checked_add(blocks as u64) {
        Some(end) if end <= capacity_blocks => Ok(()),
        _ => Err(Sense::illegal(AdditionalSense::LBA_OUT_OF_RANGE)),
    }
}

pub(super) const fn check_length(
    blocks: u32,
    max_transfer: u32,
    length_field: u8,
) -> Result<(), Sense> {
    if max_transfer != 0 && blocks > max_transfer {
        // CAST: `u16::from` is not const.
        return Err(Sense::invalid_cdb_field(length_field as u16, None));
    }
    Ok(())
}

/// LBA, number of blocks and the offset of the latter, in the ten-byte layout.
pub(super) const fn range_10(cdb: &Cdb) -> (u64, u32, u8) {
    let [_, _, l3, l2, l1, l0, _, n1, n0, ..] = *cdb;
    (
        u32::from_be_bytes([l3, l2, l1, l0]) as u64,
        u16::from_be_bytes([n1, n0]) as u32,
        7,
    )
}

/// As [`range_10`], in the twelve-byte layout.
pub(super) const fn range_12(cdb: &Cdb) -> (u64, u32, u8) {
    let [_, _, l3, l2, l1, l0, n3, n2, n1, n0, ..] = *cdb;
    (
        u32::from_be_bytes([l3, l2, l1, l0]) as u64,
        u32::from_be_bytes([n3, n2, n1, n0]),
        6,
    )
}

/// As [`range_10`], in the sixteen-byte layout.
pub(super) const fn range_16(cdb: &Cdb) -> (u64, u32, u8) {
    let [_, _, l7, l6, l5, l4, l3, l2, l1, l0, n3, n2, n1, n0, ..] = *cdb;
    (
        u64::from_be_bytes([l7, l6, l5, l4, l3, l2, l1, l0]),
        u32::from_be_bytes([n3, n2, n1, n0]),
        10,
    )
}

/// Byte 1 of the CDB.
pub(super) const fn flags(cdb: &Cdb) -> u8 {
    let [_, flags, ..] = *cdb;
    flags
}

/// RDPROTECT, WRPROTECT and VRPROTECT have to be zero: there is no protection information (SBC-4,
/// Protection information model).
pub(super) const fn no_protection(flags: u8) -> Result<(), Sense> {
    const PROTECT: u8 = 0xe0;

    if flags & PROTECT != 0 {
        return Err(Sense::invalid_cdb_field(1, Some(7)));
    }
    Ok(())
}

fn transfer_6(cdb: &Cdb) -> Transfer {
    let [_, l2, l1, l0, blocks, ..] = *cdb;
    Transfer {
        lba: u32::from_be_bytes([0, l2 & 0x1f, l1, l0]).into(),
        // Zero stands for 256 here, and only here.
        blocks: if blocks == 0 { 256 } else { blocks.into() },
        fua: false,
        dpo: false,
        length_field: 4,
    }
}

pub(super) fn transfer(cdb: &Cdb, range: Layout) -> Result<Transfer, Sense> {
    const DPO: u8 = 0x10;
    const FUA: u8 = 0x08;
    const FUA_NV: u8 = super::FUA_NV;

    let flags = flags(cdb);
    no_protection(flags)?;
    let (lba, blocks, length_field) = range(cdb);
    Ok(Transfer {
        lba,
        blocks,
        fua: flags & (FUA | FUA_NV) != 0,
        dpo: flags & DPO != 0,
        length_field,
    })
}

/// How a field of three numbers lies in a CDB: [`range_10`] and its like.
pub(super) type Layout = fn(&Cdb) -> (u64, u32, u8);

fn verification(cdb: &Cdb, range: Layout) -> Result<Verify, Sense> {
    const DPO: u8 = 0x10;

    let flags = flags(cdb);
    no_protection(flags)?;
    let bytchk = match (flags >> 1) & 0x03 {
        0 => ByteCheck::Medium,
        1 => ByteCheck::Blocks,
        3 => ByteCheck::OneBlock,
        _ => return Err(Sense::invalid_cdb_field(1, Some(2))),
    };
    let (lba, blocks, length_field) = range(cdb);
    Ok(Verify {
        lba,
        blocks,
        bytchk,
        dpo: flags & DPO != 0,
        length_field,
    })
}

/// WRITE AND VERIFY knows no comparison with a single block (SBC-4, WRITE AND VERIFY(10) command).
fn write_and_verify(cdb: &Cdb, range: Layout) -> Result<Command, Sense> {
    match verification(cdb, range)? {
        Verify {
            bytchk: ByteCheck::OneBlock,
            ..
        } => Err(Sense::invalid_cdb_field(1, Some(2))),
        verify => Ok(Command::WriteAndVerify(verify)),
    }
}

fn synchronize_cache(cdb: &Cdb, range: Layout) -> Command {
    const IMMED: u8 = 0x02;

    let (lba, blocks, _) = range(cdb);
    Command::SynchronizeCache {
        lba,
        blocks,
        immed: flags(cdb) & IMMED != 0,
    }
}

pub(super) fn read_6(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(Command::Read(transfer_6(cdb)))
}

pub(super) fn read_10(cdb: &Cdb) -> Result<Command, Sense> {
    transfer(cdb, range_10).map(Command::Read)
}

pub(super) fn read_12(cdb: &Cdb) -> Result<Command, Sense> {
    transfer(cdb, range_12).map(Command::Read)
}

pub(super) fn read_16(cdb: &Cdb) -> Result<Command, Sense> {
    transfer(cdb, range_16).map(Command::Read)
}

pub(super) fn write_6(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(Command::Write(transfer_6(cdb)))
}

pub(super) fn write_10(cdb: &Cdb) -> Result<Command, Sense> {
    transfer(cdb, range_10).map(Command::Write)
}

pub(super) fn write_12(cdb: &Cdb) -> Result<Command, Sense> {
    transfer(cdb, range_12).map(Command::Write)
}

pub(super) fn write_16(cdb: &Cdb) -> Result<Command, Sense> {
    transfer(cdb, range_16).map(Command::Write)
}

pub(super) fn verify_10(cdb: &Cdb) -> Result<Command, Sense> {
    verification(cdb, range_10).map(Command::Verify)
}

pub(super) fn write_and_verify_10(cdb: &Cdb) -> Result<Command, Sense> {
    write_and_verify(cdb, range_10)
}

pub(super) fn verify_12(cdb: &Cdb) -> Result<Command, Sense> {
    verification(cdb, range_12).map(Command::Verify)
}

pub(super) fn write_and_verify_12(cdb: &Cdb) -> Result<Command, Sense> {
    write_and_verify(cdb, range_12)
}

pub(super) fn verify_16(cdb: &Cdb) -> Result<Command, Sense> {
    verification(cdb, range_16).map(Command::Verify)
}

pub(super) fn write_and_verify_16(cdb: &Cdb) -> Result<Command, Sense> {
    write_and_verify(cdb, range_16)
}

pub(super) fn synchronize_cache_10(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(synchronize_cache(cdb, range_10))
}

pub(super) fn synchronize_cache_16(cdb: &Cdb) -> Result<Command, Sense> {
    Ok(synchronize_cache(cdb, range_16))
}

pub(super) fn read_capacity_10(_: &Cdb) -> Result<Command, Sense> {
    Ok(Command::ReadCapacity10)
}

pub(super) fn read_capacity_16(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, _, _, _, _, _, _, _, _, _, a3, a2, a1, a0, ..] = *cdb;
    Ok(Command::ReadCapacity16 {
        allocation: u32::from_be_bytes([a3, a2, a1, a0]),
    })
}

pub(super) fn start_stop_unit(cdb: &Cdb) -> Result<Command, Sense> {
    const IMMED: u8 = 0x01;
    const MODIFIER: u8 = 0x0f;
    const NO_FLUSH: u8 = 0x04;
    const LOEJ: u8 = 0x02;
    const START: u8 = 0x01;

    let [_, flags, _, modifier, action, ..] = *cdb;
    let power_condition = match action >> 4 {
        0x0 => PowerCondition::StartValid,
        0x1 => PowerCondition::Active,
        0x2 => PowerCondition::Idle,
        0x3 => PowerCondition::Standby,
        0x7 => PowerCondition::LuControl,
        0xa => PowerCondition::ForceIdle,
        0xb => PowerCondition::ForceStandby,
        _ => PowerCondition::Reserved,
    };
    Ok(Command::StartStopUnit(StartStopUnit {
        immed: flags & IMMED != 0,
        power_condition,
        modifier: modifier & MODIFIER,
        no_flush: action & NO_FLUSH != 0,
        loej: action & LOEJ != 0,
        start: action & START != 0,
    }))
}
