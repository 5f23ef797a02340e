// SPDX-License-Identifier: GPL-2.0

//! The text of scripts, and of what came of them.

use core::fmt::{self, Write};
use kernel::prelude::*;
use stmf_scsi::{Lun, Status};

/// The most bytes of data that a line moves.
const DATA_MAX: u32 = 1 << 20;

/// A command.
pub(crate) struct Line {
    /// The LUN field.
    pub(crate) lun: [u8; 8],
    pub(crate) cdb: KVec<u8>,
    /// Bytes expected from the target.
    pub(crate) read: u32,
    /// Bytes for the target, and what all of them are.
    pub(crate) write: u32,
    pub(crate) pattern: u8,
}

/// Reads a script: a command a line, `#` begins a comment.
///
/// # Errors
///
/// `EINVAL` when a line is neither.
pub(crate) fn parse(text: &str) -> Result<KVec<Line>> {
    let mut lines = KVec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or("").trim();
        if !line.is_empty() {
            lines.push(Line::parse(line)?, GFP_KERNEL)?;
        }
    }
    Ok(lines)
}

impl Line {
    fn parse(text: &str) -> Result<Self> {
        let mut words = text.split_whitespace();
        let lun = words.next().and_then(|word| word.parse().ok());
        let mut line = Self {
            lun: lun.and_then(Lun::new).ok_or(EINVAL)?.encode(),
            cdb: KVec::new(),
            read: 0,
            write: 0,
            pattern: 0,
        };
        while let Some(word) = words.next() {
            match word {
                "<" => line.read = count(words.next())?,
                ">" => {
                    line.write = count(words.next())?;
                    line.pattern = byte(words.next())?;
                }
                word => line.cdb.push(byte(Some(word))?, GFP_KERNEL)?,
            }
        }
        match line.cdb.is_empty() || (line.read > 0 && line.write > 0) {
            true => Err(EINVAL),
            false => Ok(line),
        }
    }
}

fn count(word: Option<&str>) -> Result<u32> {
    let number = word.and_then(|word| word.parse().ok());
    number.filter(|number| *number <= DATA_MAX).ok_or(EINVAL)
}

fn byte(word: Option<&str>) -> Result<u8> {
    let digits = word.filter(|word| word.len() == 2);
    digits
        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        .ok_or(EINVAL)
}

/// How the lines of a script ended, a line each.
pub(crate) struct Transcript(KVec<u8>);

impl Transcript {
    pub(crate) const fn new() -> Self {
        Self(KVec::new())
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A command was answered.
    pub(crate) fn ended(&mut self, status: Status, sense: &[u8], data: &[u8]) -> Result {
        // CAST: the enum is `repr(u8)`.
        write!(self, "status {:02x}", status as u8)?;
        self.bytes("sense", sense)?;
        self.bytes("data", data)?;
        Ok(writeln!(self)?)
    }

    /// A command was not answered in time.
    pub(crate) fn unanswered(&mut self) -> Result {
        Ok(writeln!(self, "no answer")?)
    }

    fn bytes(&mut self, what: &str, bytes: &[u8]) -> fmt::Result {
        if !bytes.is_empty() {
            write!(self, " {what}")?;
        }
        bytes
            .iter()
            .try_for_each(|byte| write!(self, " {byte:02x}"))
    }
}

impl Write for Transcript {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0
            .extend_from_slice(text.as_bytes(), GFP_KERNEL)
            .map_err(|_| fmt::Error)
    }
}
