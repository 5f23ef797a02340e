// SPDX-License-Identifier: GPL-2.0

//! SCSI commands and the data that initiators send for them.

use super::{
    rx::Payload,
    tx::{Refused, Reply, Said},
    writes::{Held, Write, Writing},
    Connection,
    End,
    Normal,
    Phase, //
};
use kernel::prelude::*;
use stmf::{
    nexus::Command,
    task::Incoming, //
};
use stmf_iscsi_proto::{
    params::Negotiated,
    request::{DataOut, ScsiCommand, MAX_CDB_LEN},
    transfer::{DataOutError, Residual, WriteSequence},
    types::{Itt, TaskAttr}, //
};
use stmf_scsi::{
    tmf::TaskAttribute,
    AdditionalSense,
    Sense,
    Status, //
};

impl Connection {
    /// Admits a command, with which `immediate` bytes of data come.
    pub(super) fn scsi_command(
        &mut self,
        command: &ScsiCommand<'_>,
        immediate: u32,
    ) -> Result<Payload, End> {
        let Phase::Normal(normal) = &mut self.phase else {
            return Ok(Payload::Skip);
        };
        let outcome = if command.write || immediate > 0 {
            let write = normal.admit_write(command, immediate, &self.params);
            write.map(|write| Payload::Write(Writing { write, offset: 0 }))
        } else {
            normal.admit(command).map(Payload::Command)
        };
        match outcome {
            Ok(payload) => Ok(payload),
            Err(refused) => {
                // Data that is still to come for it belongs to no command, and is skipped.
                let said = Said::Refused(command.itt, refused);
                self.tx.say(Reply::new(said))?;
                Ok(Payload::Skip)
            }
        }
    }

    /// Whether a tag is that of a command that was not answered yet (RFC 7143 11.2.1.8).
    pub(super) fn is_in_use(&mut self, itt: Itt) -> bool {
        if self.numbers.add_tag(itt) {
            return false;
        }
        // One that was aborted is not answered.
        match &self.phase {
            Phase::Normal(normal) => normal.endpoint.has_task(u64::from(itt.0)),
            _ => false,
        }
    }

    /// Takes data for a command. Data for none, or for one that was aborted, is skipped.
    pub(super) fn data_out(&mut self, data: &DataOut) -> Result<Payload, End> {
        let Phase::Normal(normal) = &mut self.phase else {
            return Ok(Payload::Skip);
        };
        let held = if data.ttt.is_reserved() {
            normal.writes.take(data.itt)
        } else {
            normal.writes.take_at(data.ttt.slot(), data.itt)
        };
        let Some(mut write) = held else {
            return Ok(Payload::Skip);
        };
        match write.get_mut().sequence.data_out(data) {
            Ok(accept) => Ok(Payload::Write(Writing {
                write,
                offset: usize::try_from(accept.offset).unwrap_or(usize::MAX),
            })),
            Err(error) => {
                normal.writes.finish(write).incoming.fail(sense_of(error));
                Ok(Payload::Skip)
            }
        }
    }

    /// Carries out a command if all its data is there, and else lets it wait.
    pub(super) fn data_arrived(&mut self, write: Held) {
        let Phase::Normal(normal) = &mut self.phase else {
            return;
        };
        if write.get().sequence.is_complete() {
            normal.writes.finish(write).execute();
        } else {
            normal.writes.wait(write);
        }
    }
}

impl Normal {
    /// Has the framework reserve all that a command needs.
    fn admit(&self, command: &ScsiCommand<'_>) -> Result<Incoming, Refused> {
        if command.read && command.write {
            // None of our devices has such commands.
            let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
            return Err(Refused::check(command, Sense::illegal(code)));
        }
        let mut long;
        let cdb = if command.cdb.tail().is_empty() {
            command.cdb.head()
        } else {
            long = [0; MAX_CDB_LEN];
            let len = command.cdb.copy_to(&mut long).unwrap_or(0);
            long.get(..len).unwrap_or(&[])
        };
        let command_in = Command {
            tag: u64::from(command.itt.0),
            lun: command.lun,
            cdb,
            attribute: attribute(command.attr),
            read: command.read,
            write: command.write,
            expected: command.edtl,
        };
        self.endpoint
            .as_arc_borrow()
            .admit(&command_in)
            .map_err(|status| Refused::new(command, status, None))
    }

    /// As [`Normal::admit`], for a command with data from the initiator.
    fn admit_write(
        &mut self,
        command: &ScsiCommand<'_>,
        immediate: u32,
        params: &Negotiated,
    ) -> Result<Held, Refused> {
        let place = if !command.is_final || command.write_len() > immediate {
            let place = self.writes.reserve();
            Some(place.map_err(|_| Refused::new(command, Status::Busy, None))?)
        } else {
            None
        };
        let slot = place.as_ref().map_or(0, |place| place.slot());
        match (self.begin_write(command, immediate, slot, params), place) {
            (Ok(write), None) => Ok(Held::Inline(write)),
            (Ok(write), Some(place)) => Ok(Held::Placed(place, write)),
            (Err(refused), place) => {
                if let Some(place) = place {
                    self.writes.release(place);
                }
                Err(refused)
            }
        }
    }

    fn begin_write(
        &self,
        command: &ScsiCommand<'_>,
        immediate: u32,
        slot: u16,
        params: &Negotiated,
    ) -> Result<Write, Refused> {
        let len = command.write_len();
        let mut sequence = WriteSequence::new(len, immediate, command.is_final, slot, params)
            .map_err(|error| Refused::check(command, sense_of(error)))?;
        let incoming = self.admit(command)?;
        sequence.want(incoming.wanted());
        Ok(Write::new(incoming, command, sequence))
    }
}

impl Refused {
    /// A command that isn't carried out, of whose data nothing is moved.
    fn new(command: &ScsiCommand<'_>, status: Status, sense: Option<Sense>) -> Self {
        let nothing_of = |expected| match expected {
            0 => Residual::None,
            expected => Residual::Underflow(expected),
        };
        Self {
            status,
            sense,
            residual: nothing_of(command.edtl),
            bidi_read_residual: nothing_of(command.bidi_read_len.unwrap_or(0)),
        }
    }

    fn check(command: &ScsiCommand<'_>, sense: Sense) -> Self {
        Self::new(command, Status::CheckCondition, Some(sense))
    }
}

/// The sense for data that breaks the rules.
fn sense_of(error: DataOutError) -> Sense {
    let (asc, ascq) = error.additional_sense();
    Sense::aborted(AdditionalSense(asc, ascq))
}

fn attribute(attr: TaskAttr) -> TaskAttribute {
    match attr {
        TaskAttr::Untagged | TaskAttr::Simple => TaskAttribute::Simple,
        TaskAttr::Ordered => TaskAttribute::Ordered,
        TaskAttr::HeadOfQueue => TaskAttribute::HeadOfQueue,
        TaskAttr::Aca => TaskAttribute::Aca,
    }
}
