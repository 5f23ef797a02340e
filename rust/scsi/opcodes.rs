// SPDX-License-Identifier: GPL-2.0

//! The table of commands of a device type: how it is looked up, and how REPORT SUPPORTED OPERATION
//! CODES shows it to initiators.

use crate::{
    cdb::{
        ReportSupportedOperationCodes,
        ReportingOptions, //
    },
    sense::{
        AdditionalSense,
        Sense, //
    },
    sink::Sink,
};

/// The longest CDB that is understood.
pub const MAX_CDB: usize = 16;

/// A CDB, with zeros behind its end.
pub type Cdb = [u8; MAX_CDB];

/// The SERVICE ACTION field in byte 1.
const SERVICE_ACTION: u8 = 0x1f;

/// What tells commands apart: operation code and, where the operation code has them, service
/// action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandId {
    /// OPERATION CODE.
    pub opcode: u8,
    /// SERVICE ACTION, in bits 4 to 0 of byte 1.
    pub service_action: Option<u8>,
}

/// One command of a [`CommandSet`]; `C` is what CDBs are parsed into.
pub struct Entry<C> {
    id: CommandId,
    usage: &'static [u8],
    /// The bits of a CDB, as a little-endian number.
    all: u128,
    /// Those of a CDB that must be zero.
    unused: u128,
    parse: fn(&Cdb) -> Result<C, Sense>,
}

impl<C> Entry<C> {
    /// A command whose CDB usage data is `usage`: the operation code, then for each byte of the CDB
    /// the bits that are evaluated. Its length is that of the CDB.
    ///
    /// `parse` makes the command from the fields. Bits outside `usage` need not concern it.
    pub const fn new(usage: &'static [u8], parse: fn(&Cdb) -> Result<C, Sense>) -> Self {
        let opcode = match usage {
            [opcode, ..] => *opcode,
            [] => 0,
        };
        Self {
            id: CommandId {
                opcode,
                service_action: None,
            },
            usage,
            all: within(usage.len()),
            unused: unused(usage),
            parse,
        }
    }

    /// The same as a service action of the operation code.
    pub const fn service_action(mut self, service_action: u8) -> Self {
        self.id.service_action = Some(service_action);
        self
    }

    /// The same, with bits of byte 1 that may be set though they are not evaluated.
    pub const fn obsolete(mut self, mask: u8) -> Self {
        self.unused &= !((mask as u128) << 8);
        self
    }

    /// What the command is told by.
    pub const fn id(&self) -> CommandId {
        self.id
    }

    /// The length of the CDB.
    pub const fn cdb_len(&self) -> usize {
        self.usage.len()
    }

    fn parse(&self, bytes: &[u8]) -> Result<C, Sense> {
        if bytes.len() < self.usage.len() {
            return Err(missing(bytes));
        }
        let number = number(bytes) & self.all;
        // First what the fields mean: a value that is refused has a pointer to the whole field.
        let command = (self.parse)(&number.to_le_bytes())?;
        match number & self.unused {
            0 => Ok(command),
            wrong => Err(first_bit(wrong)),
        }
    }

    /// CDB usage data (SPC-5, One_command parameter data).
    fn write_usage(&self, out: &mut Sink<'_>) {
        let at = out.len();
        out.bytes(self.usage);
        if let (Some(service_action), [_, usage, ..]) = (self.id.service_action, self.usage) {
            let rest = usage & !SERVICE_ACTION;
            out.patch_u8(at.saturating_add(1), rest | service_action);
        }
    }
}

/// What `usage` leaves out of a CDB.
const fn unused(usage: &[u8]) -> u128 {
    let mut used = 0;
    let mut rest = usage;
    while let [first @ .., last] = rest {
        used = used << 8 | *last as u128;
        rest = first;
    }
    within(usage.len()) & !used
}

/// The bits of so many bytes.
const fn within(len: usize) -> u128 {
    match len {
        MAX_CDB.. => u128::MAX,
        // CAST: less than 16.
        _ => !u128::MAX.wrapping_shl((len as u32).wrapping_mul(8)),
    }
}

/// A CDB of any length as a number whose lowest byte is the first one. That of the longest is all there is.
fn number(bytes: &[u8]) -> u128 {
    let (first, rest) = match bytes.split_first_chunk() {
        Some((first, rest)) => (u64::from_le_bytes(*first), rest),
        None => (word(bytes), &[][..]),
    };
    u128::from(word(rest)) << u64::BITS | u128::from(first)
}

/// The first eight bytes, or all if there are fewer, likewise.
fn word(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().take(size_of::<u64>());
    bytes
        .rev()
        .fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// INVALID FIELD IN CDB, pointing to the highest wrong bit of the first byte that has one.
#[cold]
fn first_bit(wrong: u128) -> Sense {
    let zeros = wrong.trailing_zeros();
    // CAST: the lowest byte is meant.
    let byte = wrong.wrapping_shr(zeros & !7) as u8;
    // CAST: less than 16, and the logarithm of a byte is at most 7.
    let (at, bit) = ((zeros / 8) as u16, byte.checked_ilog2().unwrap_or(0) as u8);
    Sense::invalid_cdb_field(at, Some(bit))
}

/// INVALID FIELD IN CDB, pointing to the first byte that is missing.
fn missing(bytes: &[u8]) -> Sense {
    Sense::invalid_cdb_field(u16::try_from(bytes.len()).unwrap_or(u16::MAX), None)
}

/// All commands of a device type.
///
/// # Invariants
///
/// The rows are in the order of their [`CommandId`]s, each there once. Those of an operation code begin
/// where `begins` says, and end where those of the next do.
pub struct CommandSet<C: 'static> {
    rows: &'static [Entry<C>],
    begins: [u8; 257],
}

impl<C> CommandSet<C> {
    /// The set of these commands, which have to be in order, and fewer than 256.
    #[allow(clippy::indexing_slicing)] // The loop's condition is the bound.
    pub const fn new(rows: &'static [Entry<C>]) -> Self {
        let mut begins = [0; 257];
        let mut opcode = 0;
        let (mut row, mut rest) = (0u8, rows);
        while opcode < begins.len() {
            while let [first, others @ ..] = rest {
                if first.id.opcode as usize >= opcode {
                    break;
                }
                row = row.saturating_add(1);
                rest = others;
            }
            begins[opcode] = row;
            opcode = opcode.saturating_add(1);
        }
        Self { rows, begins }
    }

    /// The commands.
    pub const fn rows(&self) -> &'static [Entry<C>] {
        self.rows
    }

    /// Reads a CDB. Bytes behind its end are ignored.
    pub fn parse(&self, bytes: &[u8]) -> Result<C, Sense> {
        const UNKNOWN: Sense = Sense::illegal(AdditionalSense::INVALID_COMMAND_OPERATION_CODE);

        let &[opcode, ref fields @ ..] = bytes else {
            return Err(UNKNOWN);
        };
        match self.rows_of(opcode) {
            [] => Err(UNKNOWN),
            [row] if row.id.service_action.is_none() => row.parse(bytes),
            rows => {
                let Some(byte) = fields.first() else {
                    return Err(missing(bytes));
                };
                let service_action = Some(byte & SERVICE_ACTION);
                rows.iter()
                    .find(|row| row.id.service_action == service_action)
                    .ok_or(Sense::invalid_cdb_field(1, Some(4)))?
                    .parse(bytes)
            }
        }
    }

    /// Writes the parameter data of REPORT SUPPORTED OPERATION CODES (SPC-5, the command of this
    /// name). `supported` tells which of the commands the logical unit supports.
    pub fn report(
        &self,
        query: &ReportSupportedOperationCodes,
        supported: impl Fn(CommandId) -> bool,
        out: &mut Sink<'_>,
    ) -> Result<(), Sense> {
        if query.options == ReportingOptions::All {
            self.report_all(query.rctd, supported, out);
            return Ok(());
        }

        let candidates = || {
            self.rows_of(query.opcode)
                .iter()
                .filter(|row| supported(row.id))
        };
        let has_service_actions = candidates().any(|row| row.id.service_action.is_some());
        let wrong = match query.options {
            ReportingOptions::OperationCode => has_service_actions,
            ReportingOptions::ServiceAction => {
                !has_service_actions && candidates().next().is_some()
            }
            ReportingOptions::All | ReportingOptions::Either => false,
        };
        if wrong {
            return Err(Sense::invalid_cdb_field(2, Some(2)));
        }
        let row = candidates().find(|row| match row.id.service_action {
            Some(service_action) => query.service_action == service_action.into(),
            None => query.options == ReportingOptions::OperationCode || query.service_action == 0,
        });
        report_one(row, query.rctd, out);
        Ok(())
    }

    /// The rows of an operation code.
    fn rows_of(&self, opcode: u8) -> &'static [Entry<C>] {
        match self.begins.get(usize::from(opcode)..) {
            Some([first, next, ..]) => self.rows.get(usize::from(*first)..usize::from(*next)),
            _ => None,
        }
        .unwrap_or_default()
    }

    /// All_commands parameter data.
    fn report_all(&self, rctd: bool, supported: impl Fn(CommandId) -> bool, out: &mut Sink<'_>) {
        const CTDP: u8 = 0x02;
        const SERVACTV: u8 = 0x01;

        let start = out.len();
        // COMMAND DATA LENGTH.
        out.u32(0);
        let descriptors = out.len();
        for row in self.rows.iter().filter(|row| supported(row.id)) {
            let servactv = row.id.service_action.map_or(0, |_| SERVACTV);
            let ctdp = if rctd { CTDP } else { 0 };
            out.u8(row.id.opcode);
            out.u8(0);
            out.u16(row.id.service_action.unwrap_or(0).into());
            out.u8(0);
            out.u8(ctdp | servactv);
            out.u16(field_len(row));
            if rctd {
                write_timeouts(out);
            }
        }
        let length = u32::try_from(out.since(descriptors)).unwrap_or(u32::MAX);
        out.patch_u32(start, length);
    }
}

/// One_command parameter data.
fn report_one<C>(row: Option<&Entry<C>>, rctd: bool, out: &mut Sink<'_>) {
    const CTDP: u8 = 0x80;
    const NOT_SUPPORTED: u8 = 0x01;
    const SUPPORTED: u8 = 0x03;

    out.u8(0);
    let Some(row) = row else {
        out.u8(NOT_SUPPORTED);
        out.u16(0);
        return;
    };
    out.u8(if rctd { CTDP | SUPPORTED } else { SUPPORTED });
    out.u16(field_len(row));
    row.write_usage(out);
    if rctd {
        write_timeouts(out);
    }
}

/// The length of the CDB as the value of a field.
fn field_len<C>(row: &Entry<C>) -> u16 {
    u16::try_from(row.cdb_len()).unwrap_or(u16::MAX)
}

/// Command timeouts descriptor, which tells that no time is known: how long a command takes is up
/// to the backing device.
fn write_timeouts(out: &mut Sink<'_>) {
    // The length of what follows.
    out.u16(10);
    // Reserved, COMMAND SPECIFIC, NOMINAL COMMAND PROCESSING TIMEOUT, RECOMMENDED COMMAND TIMEOUT.
    out.zeros(10);
}
