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
    obsolete: u8,
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
            obsolete: 0,
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
        self.obsolete = mask;
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
        let Some(bytes) = bytes.get(..self.usage.len()) else {
            return Err(missing(bytes));
        };
        let mut cdb = [0; MAX_CDB];
        for (to, from) in cdb.iter_mut().zip(bytes) {
            *to = *from;
        }
        // First what the fields mean: a value that is refused has a pointer to the whole field.
        let command = (self.parse)(&cdb)?;
        self.check_unused(bytes)?;
        Ok(command)
    }

    /// Refuses the first bit that is set and neither evaluated nor obsolete.
    fn check_unused(&self, bytes: &[u8]) -> Result<(), Sense> {
        for (at, (byte, usage)) in (0..u16::MAX).zip(bytes.iter().zip(self.usage)) {
            let obsolete = if at == 1 { self.obsolete } else { 0 };
            let unused = byte & !(usage | obsolete);
            if let Some(bit) = unused.checked_ilog2() {
                // CAST: the logarithm of a byte is at most 7.
                return Err(Sense::invalid_cdb_field(at, Some(bit as u8)));
            }
        }
        Ok(())
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

/// INVALID FIELD IN CDB, pointing to the first byte that is missing.
fn missing(bytes: &[u8]) -> Sense {
    Sense::invalid_cdb_field(u16::try_from(bytes.len()).unwrap_or(u16::MAX), None)
}

/// All commands of a device type.
///
/// # Invariants
///
/// The rows are in the order of their [`CommandId`]s, each there once.
pub struct CommandSet<C: 'static>(&'static [Entry<C>]);

impl<C> CommandSet<C> {
    /// The set of these commands, which have to be in order.
    pub const fn new(rows: &'static [Entry<C>]) -> Self {
        Self(rows)
    }

    /// The commands.
    pub const fn rows(&self) -> &'static [Entry<C>] {
        self.0
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
        let first = self.0.partition_point(|row| row.id.opcode < opcode);
        let rest = self.0.get(first..).unwrap_or_default();
        let count = rest.partition_point(|row| row.id.opcode == opcode);
        rest.get(..count).unwrap_or_default()
    }

    /// All_commands parameter data.
    fn report_all(&self, rctd: bool, supported: impl Fn(CommandId) -> bool, out: &mut Sink<'_>) {
        const CTDP: u8 = 0x02;
        const SERVACTV: u8 = 0x01;

        let start = out.len();
        // COMMAND DATA LENGTH.
        out.u32(0);
        let descriptors = out.len();
        for row in self.0.iter().filter(|row| supported(row.id)) {
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
