// SPDX-License-Identifier: GPL-2.0

//! The text of scripts, and of what came of them.

use core::fmt::{self, Write};
use kernel::prelude::*;
use stmf_scsi::{
    tmf::{TaskManagement, TmfResponse},
    Lun,
    Status, //
};

/// The most bytes of data that a line moves.
const DATA_MAX: u32 = 1 << 20;

/// A line of a script.
pub(crate) enum Line {
    Send(Send),
    Manage(Manage),
    /// The port's link comes (`true`) or goes.
    Link(bool),
}

/// A command.
pub(crate) struct Send {
    /// The LUN field.
    pub(crate) lun: [u8; 8],
    pub(crate) cdb: KVec<u8>,
    /// Bytes expected from the target.
    pub(crate) read: u32,
    /// Bytes for the target, and what all of them are.
    pub(crate) write: u32,
    pub(crate) pattern: u8,
    /// The answer is not waited for.
    pub(crate) leave: bool,
}

/// A task management function.
pub(crate) struct Manage {
    pub(crate) function: TaskManagement,
    pub(crate) lun: [u8; 8],
    pub(crate) tag: u64,
}

/// Reads a script: a command, `tmf FUNCTION LUN [TAG]`, `link up` or `link down` a line, `#` begins a
/// comment.
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
        match text.split_once(' ') {
            Some(("tmf", rest)) => Manage::parse(rest).map(Line::Manage),
            Some(("link", "up")) => Ok(Line::Link(true)),
            Some(("link", "down")) => Ok(Line::Link(false)),
            _ => Send::parse(text).map(Line::Send),
        }
    }
}

impl Send {
    fn parse(text: &str) -> Result<Self> {
        let mut words = text.split_whitespace();
        let mut send = Self {
            lun: lun(words.next())?,
            cdb: KVec::new(),
            read: 0,
            write: 0,
            pattern: 0,
            leave: false,
        };
        while let Some(word) = words.next() {
            match word {
                "<" => send.read = count(words.next())?,
                ">" => {
                    send.write = count(words.next())?;
                    send.pattern = byte(words.next())?;
                }
                "&" => send.leave = true,
                word => send.cdb.push(byte(Some(word))?, GFP_KERNEL)?,
            }
        }
        match send.cdb.is_empty() || (send.read > 0 && send.write > 0) {
            true => Err(EINVAL),
            false => Ok(send),
        }
    }
}

impl Manage {
    fn parse(text: &str) -> Result<Self> {
        let mut words = text.split_whitespace();
        let function = match words.next() {
            Some("abort-task") => TaskManagement::AbortTask,
            Some("abort-task-set") => TaskManagement::AbortTaskSet,
            Some("clear-aca") => TaskManagement::ClearAca,
            Some("clear-task-set") => TaskManagement::ClearTaskSet,
            Some("lun-reset") => TaskManagement::LogicalUnitReset,
            Some("target-warm-reset") => TaskManagement::TargetWarmReset,
            Some("target-cold-reset") => TaskManagement::TargetColdReset,
            Some("i-t-nexus-reset") => TaskManagement::ItNexusReset,
            Some("query-task") => TaskManagement::QueryTask,
            Some("query-task-set") => TaskManagement::QueryTaskSet,
            Some("query-async-event") => TaskManagement::QueryAsyncEvent,
            _ => return Err(EINVAL),
        };
        Ok(Self {
            function,
            lun: lun(words.next())?,
            tag: match words.next() {
                Some(word) => word.parse().map_err(|_| EINVAL)?,
                None => 0,
            },
        })
    }
}

fn lun(word: Option<&str>) -> Result<[u8; 8]> {
    let number = word.and_then(|word| word.parse().ok());
    Ok(number.and_then(Lun::new).ok_or(EINVAL)?.encode())
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

    /// A command was sent whose answer is not waited for.
    pub(crate) fn sent(&mut self, tag: u64) -> Result {
        Ok(writeln!(self, "sent {tag}")?)
    }

    /// A task management function was answered.
    pub(crate) fn managed(&mut self, response: TmfResponse) -> Result {
        Ok(writeln!(self, "response {response:?}")?)
    }

    /// The link is up, down or held.
    pub(crate) fn link(&mut self, state: &str) -> Result {
        Ok(writeln!(self, "link {state}")?)
    }

    /// What was sent was not answered in time.
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
