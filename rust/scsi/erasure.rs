// SPDX-License-Identifier: GPL-2.0

//! SANITIZE and FORMAT UNIT: their parameter lists, and what becomes of the medium.

use crate::sense::{
    AdditionalSense,
    Sense,
    SenseKey, //
};

/// What all blocks are overwritten with, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overwrite<'a> {
    /// How many times, 1 to 31.
    pub count: u8,
    /// From one time to the next the pattern is inverted.
    pub invert: bool,
    /// What is repeated in each block, from the block's first byte on; not empty. It is what the last
    /// time leaves behind.
    pub pattern: &'a [u8],
}

impl<'a> Overwrite<'a> {
    /// The length of what comes before the pattern in a parameter list of SANITIZE.
    pub const HEADER: u32 = 4;

    /// Zeros, once.
    pub const ZEROS: Overwrite<'static> = Overwrite {
        count: 1,
        invert: false,
        pattern: &[0],
    };

    /// Reads the list of SANITIZE OVERWRITE (SBC-4, SANITIZE command) for a medium with blocks of so
    /// many bytes.
    ///
    /// # Errors
    ///
    /// INVALID FIELD IN PARAMETER LIST for TEST, which would have a vendor's meaning. A count or a
    /// length that can't be is INVALID FIELD IN CDB, at PARAMETER LIST LENGTH: that is what
    /// libiscsi's conformance tests want of a SANITIZE with a bad list.
    pub fn parse(bytes: &'a [u8], block: usize) -> Result<Self, Sense> {
        const INVERT: u8 = 0x80;
        const TEST: u8 = 0x60;
        const COUNT: u8 = 0x1f;

        let wrong = Sense::invalid_cdb_field(7, None);
        let (&[flags, reserved, l1, l0], rest) = bytes.split_first_chunk().ok_or(wrong)?;
        if flags & TEST != 0 {
            return Err(Sense::invalid_parameter(0, Some(6)));
        }
        if reserved != 0 {
            return Err(Sense::invalid_parameter(1, None));
        }
        let count = flags & COUNT;
        let length = usize::from(u16::from_be_bytes([l1, l0]));
        if count == 0 || length == 0 || length > block {
            return Err(wrong);
        }
        Ok(Self {
            count,
            invert: flags & INVERT != 0,
            pattern: rest.get(..length).ok_or(wrong)?,
        })
    }

    /// Whether the first time writes the inverted pattern: so the last one writes the pattern as it
    /// is (SBC-4, OVERWRITE service action).
    pub const fn begins_inverted(&self) -> bool {
        self.invert && self.count % 2 == 0
    }
}

/// The parameter list of FORMAT UNIT (SBC-4, FORMAT UNIT parameter list).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatList<'a> {
    /// IMMED: status is to be sent before the format is done.
    pub immed: bool,
    /// The initialization pattern, when it isn't the default one.
    pub pattern: Option<&'a [u8]>,
}

impl<'a> FormatList<'a> {
    /// The longest list without a defect, for blocks of so many bytes.
    pub const fn longest(block: u32) -> u32 {
        const LONG_HEADER_AND_DESCRIPTOR: u32 = 12;

        block.saturating_add(LONG_HEADER_AND_DESCRIPTOR)
    }

    /// Reads the list for a medium with blocks of so many bytes; `is_long` is LONGLIST.
    ///
    /// There are no defects: DPRY, DCRT and STPF say what to do with lists that are empty. DSP is
    /// obsolete; a format leaves the saved mode parameters alone.
    ///
    /// # Errors
    ///
    /// PARAMETER LIST LENGTH ERROR when the list is shorter than what it says to have; INVALID FIELD
    /// IN PARAMETER LIST for an option without FOV, a defect, protection information, and a pattern
    /// that can't be.
    pub fn parse(bytes: &'a [u8], is_long: bool, block: usize) -> Result<Self, Sense> {
        const PROTECTION_FIELD_USAGE: u8 = 0x07;
        const FOV: u8 = 0x80;
        const OPTIONS: u8 = 0x7c;
        const IP: u8 = 0x08;
        const IMMED: u8 = 0x02;
        const VENDOR_SPECIFIC: u8 = 0x01;

        let (&[usage, flags], rest) = bytes.split_first_chunk().ok_or(TOO_SHORT)?;
        if usage & PROTECTION_FIELD_USAGE != 0 {
            return Err(Sense::invalid_parameter(0, Some(2)));
        }
        if flags & FOV == 0 && flags & OPTIONS != 0 {
            return Err(Sense::invalid_parameter(1, Some(7)));
        }
        if flags & VENDOR_SPECIFIC != 0 {
            return Err(Sense::invalid_parameter(1, Some(0)));
        }
        let rest = no_defects(rest, is_long)?;
        let at = if is_long { 8 } else { 4 };
        Ok(Self {
            immed: flags & IMMED != 0,
            pattern: match flags & IP {
                0 => None,
                _ => initialization_pattern(rest, at, block)?,
            },
        })
    }
}

const TOO_SHORT: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

/// The rest of the header, which has to say that there is no defect; returns what follows.
fn no_defects(rest: &[u8], is_long: bool) -> Result<&[u8], Sense> {
    if !is_long {
        let (length, rest) = rest.split_first_chunk::<2>().ok_or(TOO_SHORT)?;
        return match length {
            [0, 0] => Ok(rest),
            _ => Err(Sense::invalid_parameter(2, None)),
        };
    }
    let (&[_, protection], rest) = rest.split_first_chunk().ok_or(TOO_SHORT)?;
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(TOO_SHORT)?;
    match (protection, length) {
        (0, [0, 0, 0, 0]) => Ok(rest),
        // P_I_INFORMATION, PROTECTION INTERVAL EXPONENT.
        (1.., _) => Err(Sense::invalid_parameter(3, None)),
        _ => Err(Sense::invalid_parameter(4, None)),
    }
}

/// The initialization pattern descriptor, which begins `at` that byte of the list; `None` for the
/// default pattern (SBC-4, Initialization pattern descriptor).
fn initialization_pattern(bytes: &[u8], at: u16, block: usize) -> Result<Option<&[u8]>, Sense> {
    const IP_MODIFIER: u8 = 0xc0;
    const SI: u8 = 0x20;
    const DEFAULT: u8 = 0;
    const REPEATED: u8 = 1;

    let wrong = |field: u16, bit| Err(Sense::invalid_parameter(at.saturating_add(field), bit));
    let (&[flags, kind, l1, l0], rest) = bytes.split_first_chunk().ok_or(TOO_SHORT)?;
    if flags & IP_MODIFIER != 0 {
        return wrong(0, Some(7));
    }
    if flags & SI != 0 {
        // Blocks that the backing store has put elsewhere are out of reach.
        return wrong(0, Some(5));
    }
    match (kind, usize::from(u16::from_be_bytes([l1, l0]))) {
        (DEFAULT, 0) => Ok(None),
        (REPEATED, length) if (1..=block).contains(&length) => {
            rest.get(..length).map(Some).ok_or(TOO_SHORT)
        }
        (DEFAULT | REPEATED, _) => wrong(2, None),
        _ => wrong(1, None),
    }
}

/// What state SANITIZE and FORMAT UNIT have left the medium in, or are about to (SBC-4, Sanitize
/// operations and FORMAT UNIT command).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Condition {
    /// Blocks can be read and written.
    #[default]
    Sound = 0,
    /// A format is under way.
    Formatting = 1,
    /// A format has failed or was given up.
    FormatCorrupt = 2,
    /// A sanitize operation in restricted completion mode is under way.
    Sanitizing = 3,
    /// The same in unrestricted completion mode (AUSE).
    SanitizingUnrestricted = 4,
    /// A sanitize operation in restricted completion mode has failed: only one that doesn't makes
    /// the medium sound again.
    SanitizeFailed = 5,
    /// The same in unrestricted completion mode: EXIT FAILURE MODE does, too.
    SanitizeFailedUnrestricted = 6,
}

impl Condition {
    /// The condition for a number that was made by `as u8`.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Formatting,
            2 => Self::FormatCorrupt,
            3 => Self::Sanitizing,
            4 => Self::SanitizingUnrestricted,
            5 => Self::SanitizeFailed,
            6 => Self::SanitizeFailedUnrestricted,
            _ => Self::Sound,
        }
    }

    /// Whether an operation is under way.
    pub const fn is_busy(self) -> bool {
        matches!(
            self,
            Self::Formatting | Self::Sanitizing | Self::SanitizingUnrestricted
        )
    }

    /// Begins a format.
    pub const fn format(self) -> Result<Self, Sense> {
        match self {
            Self::Sound | Self::FormatCorrupt => Ok(Self::Formatting),
            other => Err(other.refusal()),
        }
    }

    /// Begins a sanitize operation, with AUSE or without.
    ///
    /// One that failed in restricted completion mode can't be made up for in the other mode.
    pub const fn sanitize(self, unrestricted: bool) -> Result<Self, Sense> {
        match self {
            Self::SanitizeFailed if unrestricted => Err(Sense::invalid_cdb_field(1, Some(5))),
            busy if busy.is_busy() => Err(busy.refusal()),
            _ if unrestricted => Ok(Self::SanitizingUnrestricted),
            _ => Ok(Self::Sanitizing),
        }
    }

    /// EXIT FAILURE MODE.
    pub const fn exit_failure_mode(self) -> Result<Self, Sense> {
        match self {
            Self::SanitizeFailed => Err(Sense::invalid_cdb_field(1, Some(4))),
            Self::SanitizeFailedUnrestricted => Ok(Self::Sound),
            busy if busy.is_busy() => Err(busy.refusal()),
            other => Ok(other),
        }
    }

    /// The operation is over.
    pub const fn ended(self, well: bool) -> Self {
        match self {
            Self::Formatting if !well => Self::FormatCorrupt,
            Self::Sanitizing if !well => Self::SanitizeFailed,
            Self::SanitizingUnrestricted if !well => Self::SanitizeFailedUnrestricted,
            _ => Self::Sound,
        }
    }

    /// Why the medium can't be used, if so. Pollable sense data, too.
    pub const fn sense(self) -> Option<Sense> {
        match self {
            Self::Sound => None,
            other => Some(other.refusal()),
        }
    }

    /// How the command is answered whose operation ended in this condition.
    pub const fn failure(self) -> Sense {
        match self {
            Self::FormatCorrupt => medium(AdditionalSense::FORMAT_COMMAND_FAILED),
            other => other.refusal(),
        }
    }

    const fn refusal(self) -> Sense {
        match self {
            Self::Sound => Sense::NONE,
            Self::Formatting => Sense::not_ready(AdditionalSense::NOT_READY_FORMAT_IN_PROGRESS),
            Self::FormatCorrupt => medium(AdditionalSense::MEDIUM_FORMAT_CORRUPTED),
            Self::Sanitizing | Self::SanitizingUnrestricted => {
                Sense::not_ready(AdditionalSense::NOT_READY_SANITIZE_IN_PROGRESS)
            }
            Self::SanitizeFailed | Self::SanitizeFailedUnrestricted => {
                medium(AdditionalSense::SANITIZE_COMMAND_FAILED)
            }
        }
    }
}

const fn medium(code: AdditionalSense) -> Sense {
    Sense::new(SenseKey::MediumError, code)
}

/// How far an operation is, as PROGRESS INDICATION has it: `times` of `count` are behind it, and of
/// this one `done` of `size` bytes.
pub fn progress(times: u8, count: u8, done: u64, size: u64) -> u16 {
    const WHOLE: u64 = 1 << 16;

    let part = match done.checked_mul(WHOLE) {
        Some(scaled) => scaled.checked_div(size),
        None => done.checked_div(size / WHOLE),
    };
    let part = part.unwrap_or(WHOLE).min(WHOLE);
    let sum = u64::from(times).saturating_mul(WHOLE).saturating_add(part);
    let progress = sum.checked_div(count.into()).unwrap_or(WHOLE);
    u16::try_from(progress).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
