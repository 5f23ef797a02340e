// SPDX-License-Identifier: GPL-2.0

//! What a logical unit says of a command before it is carried out.

use stmf_scsi::{
    Sense,
    Status, //
};

/// What a command moves, as its logical unit reads the CDB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataPhase {
    /// Nothing.
    None,
    /// At most so many bytes to the initiator, built in memory (INQUIRY data and its like).
    Answer(u32),
    /// Exactly so many bytes to the initiator, all filled in by a device.
    FromMedium(u32),
    /// Exactly so many bytes from the initiator. A command whose initiator announces fewer is
    /// refused.
    FromInitiator(u32),
    /// At most so many bytes from the initiator: all that it announces of a parameter list whose
    /// length its CDB doesn't tell.
    ListFromInitiator(u32),
    /// So many bytes from the initiator, to be written in whole blocks. Of a command whose initiator
    /// announces fewer as many blocks are written as it has data for.
    ToMedium {
        /// The bytes that the CDB calls for.
        len: u32,
        /// The bytes of a block.
        block: u32,
    },
}

impl DataPhase {
    /// Whether it moves data from the initiator.
    pub(crate) fn is_from_initiator(self) -> bool {
        match self {
            DataPhase::FromInitiator(_)
            | DataPhase::ListFromInitiator(_)
            | DataPhase::ToMedium { .. } => true,
            DataPhase::None | DataPhase::Answer(_) | DataPhase::FromMedium(_) => false,
        }
    }

    /// The bytes that a command moves whose initiator expects so many: what it is to get, or what is
    /// taken of what it sends.
    pub(crate) fn moves(self, expected: u32) -> u32 {
        match self {
            DataPhase::None => 0,
            DataPhase::Answer(len)
            | DataPhase::FromMedium(len)
            | DataPhase::FromInitiator(len)
            | DataPhase::ListFromInitiator(len) => len.min(expected),
            DataPhase::ToMedium { len, block } => {
                let short = expected.checked_rem(block).unwrap_or(expected);
                len.min(expected.saturating_sub(short))
            }
        }
    }
}

/// The blocks of the medium that a command touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first block.
    pub lba: u64,
    /// How many there are.
    pub blocks: u64,
    /// Whether the command may change them.
    pub writes: bool,
}

impl Extent {
    /// The whole medium: for a command whose CDB alone doesn't say which blocks it changes.
    pub const WHOLE: Extent = Extent {
        lba: 0,
        blocks: u64::MAX,
        writes: true,
    };

    /// The block behind the last.
    pub fn end(&self) -> u64 {
        self.lba.saturating_add(self.blocks)
    }

    /// Whether the two have a block in common.
    pub fn overlaps(&self, other: &Extent) -> bool {
        self.lba < other.end() && other.lba < self.end()
    }
}

/// What a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The data that it moves.
    pub phase: DataPhase,
    /// The blocks that it touches. `None` for a command that neither reads nor writes the medium,
    /// or whose effect does not depend on the order in which it and other commands are carried out.
    pub extent: Option<Extent>,
}

impl Plan {
    /// A command that reads so many blocks.
    pub const fn reads(phase: DataPhase, lba: u64, blocks: u64) -> Self {
        Self::touching(phase, lba, blocks, false)
    }

    /// A command that writes, or otherwise changes, so many blocks.
    pub const fn writes(phase: DataPhase, lba: u64, blocks: u64) -> Self {
        Self::touching(phase, lba, blocks, true)
    }

    const fn touching(phase: DataPhase, lba: u64, blocks: u64, writes: bool) -> Self {
        Self {
            phase,
            extent: Some(Extent {
                lba,
                blocks,
                writes,
            }),
        }
    }
}

/// A command that doesn't touch the medium.
impl From<DataPhase> for Plan {
    fn from(phase: DataPhase) -> Self {
        Self {
            phase,
            extent: None,
        }
    }
}

/// Why a command is not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// CHECK CONDITION.
    Sense(Sense),
    /// Another status: RESERVATION CONFLICT, BUSY.
    Status(Status),
}

impl From<Sense> for Refusal {
    fn from(sense: Sense) -> Self {
        Self::Sense(sense)
    }
}
