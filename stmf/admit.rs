// SPDX-License-Identifier: GPL-2.0

//! Admission: from a command on the wire to a task with all that it needs.

use crate::{
    default_lu,
    lu::LuPath,
    nexus::{Command, Endpoint, Itl},
    task::{DataPhase, Incoming, Outcome, TaskBody, CDB_MAX},
    taskset::Slot, //
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::{rcu, ArcBorrow}, //
};
use stmf_kernel::{
    io::Room,
    live::LiveRef,
    pages::{Contents, PageList}, //
};
use stmf_scsi::{
    ua::{self, UaDisposition},
    AdditionalSense,
    LunAddress,
    Sense,
    Status, //
};

/// REPORT LUNS, which the framework answers for every logical unit (SPC-5 6.36).
const REPORT_LUNS: u8 = 0xa0;

/// What admission decides of a command.
struct Decision {
    lu: Option<LiveRef<LuPath>>,
    phase: DataPhase,
    data: PageList,
    outcome: Option<Outcome>,
}

impl Decision {
    /// The command is over before it began.
    fn refuse(sense: Sense, lu: Option<&LiveRef<LuPath>>) -> Self {
        let format = lu.map_or(Default::default(), |lu| lu.entry.unit().sense_format());
        Self {
            lu: None,
            phase: DataPhase::None,
            data: PageList::empty(),
            outcome: Some(Outcome::check(sense, format)),
        }
    }
}

pub(crate) fn admit(
    endpoint: ArcBorrow<'_, Endpoint>,
    command: &Command<'_>,
) -> Result<Incoming, Status> {
    let opcode = command.cdb.first().copied().unwrap_or(0);
    let tasks = endpoint.tasks();
    let slot = tasks.take(command.tag, opcode).ok_or(Status::TaskSetFull)?;
    let made = decide(&endpoint, command, opcode, slot)
        .and_then(|decision| Ok(build(endpoint, command, decision, slot)?));
    made.map_err(|full| {
        tasks.release(slot);
        full.status()
    })
}

/// What is not to be had now.
enum Full {
    /// Memory: BUSY.
    Memory,
    /// The session's share: TASK SET FULL.
    Share,
}

impl Full {
    fn status(self) -> Status {
        match self {
            Full::Memory => Status::Busy,
            Full::Share => Status::TaskSetFull,
        }
    }
}

impl From<AllocError> for Full {
    fn from(_: AllocError) -> Self {
        Full::Memory
    }
}

fn build(
    endpoint: ArcBorrow<'_, Endpoint>,
    command: &Command<'_>,
    decision: Decision,
    slot: Slot,
) -> Result<Incoming, AllocError> {
    let mut cdb = [0; CDB_MAX];
    for (to, from) in cdb.iter_mut().zip(command.cdb) {
        *to = *from;
    }
    Incoming::new(TaskBody {
        endpoint: endpoint.into(),
        slot,
        lu: decision.lu,
        cdb,
        cdb_len: command.cdb.len().min(CDB_MAX) as u8,
        phase: decision.phase,
        expected: command.expected,
        note: 0,
        data: decision.data,
        room: Room::new(),
        outcome: decision.outcome,
    })
}

fn decide(
    endpoint: &Endpoint,
    command: &Command<'_>,
    opcode: u8,
    slot: Slot,
) -> Result<Decision, Full> {
    let nexus = &endpoint.nexus;
    if opcode == REPORT_LUNS {
        return answered(default_lu::report_luns(nexus, command), command);
    }
    let lu = {
        let guard = rcu::read_lock();
        let itl = match LunAddress::parse(command.lun) {
            LunAddress::Unit(lun) => nexus.luns.read(usize::from(lun.value()), &guard),
            _ => None,
        };
        let Some(itl) = itl else {
            drop(guard);
            return answered(default_lu::answer(command), command);
        };
        if nexus.has_attention(itl) {
            if let Some((sense, disposition)) = attention(endpoint, itl, opcode) {
                let lu = itl.lu.clone();
                drop(guard);
                return match disposition {
                    UaDisposition::ReturnAsData => {
                        answered(default_lu::sense_data(command, sense), command)
                    }
                    _ => Ok(Decision::refuse(sense, Some(&lu))),
                };
            }
        }
        // The map's own reference keeps the count above zero within the read-side section.
        itl.lu.clone()
    };
    endpoint.tasks().set_lu(slot, lu.entry.id);
    if command.cdb.len() > CDB_MAX {
        let sense = Sense::illegal(AdditionalSense::INVALID_COMMAND_OPERATION_CODE);
        return Ok(Decision::refuse(sense, Some(&lu)));
    }
    match lu.entry.unit().plan(command.cdb) {
        Ok(phase) => reserve(endpoint, slot, command, phase, lu),
        Err(sense) => Ok(Decision::refuse(sense, Some(&lu))),
    }
}

/// The unit attention that this command must report, and how (SAM-5 5.14).
fn attention(endpoint: &Endpoint, itl: &Itl, opcode: u8) -> Option<(Sense, UaDisposition)> {
    let disposition = ua::disposition(opcode);
    match disposition {
        UaDisposition::Report | UaDisposition::ReturnAsData => {
            let attention = endpoint.nexus.take_attention(itl)?;
            Some((attention.sense(), disposition))
        }
        UaDisposition::Ignore | UaDisposition::ClearInventory => None,
    }
}

/// Allocates the command's data, or refuses what doesn't fit what the initiator announced.
fn reserve(
    endpoint: &Endpoint,
    slot: Slot,
    command: &Command<'_>,
    phase: DataPhase,
    lu: LiveRef<LuPath>,
) -> Result<Decision, Full> {
    let (len, contents) = match phase {
        DataPhase::None => (0, Contents::Zeroed),
        DataPhase::Answer(len) => (len, Contents::Zeroed),
        DataPhase::FromMedium(len) => (len, Contents::Garbage),
        DataPhase::FromInitiator(len) => {
            if len > 0 && (!command.write || command.expected < len) {
                let code = AdditionalSense::INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT;
                return Ok(Decision::refuse(Sense::illegal(code), Some(&lu)));
            }
            (len, Contents::Garbage)
        }
        DataPhase::ToMedium { len, block } => {
            let sent = if command.write { command.expected } else { 0 };
            let short = sent.checked_rem(block).unwrap_or(sent);
            (len.min(sent.saturating_sub(short)), Contents::Garbage)
        }
    };
    let len = len as usize;
    if !endpoint.tasks().charge(slot, len) {
        return Err(Full::Share);
    }
    Ok(Decision {
        lu: Some(lu),
        phase,
        data: PageList::alloc(len, contents)?,
        outcome: None,
    })
}

/// A command that the framework itself answers.
fn answered(
    answer: Result<PageList, default_lu::Refused>,
    command: &Command<'_>,
) -> Result<Decision, Full> {
    let data = match answer {
        Ok(data) => data,
        Err(default_lu::Refused::Sense(sense)) => return Ok(Decision::refuse(sense, None)),
        Err(default_lu::Refused::NoMemory) => return Err(Full::Memory),
    };
    let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
    Ok(Decision {
        lu: None,
        phase: DataPhase::Answer(len),
        data,
        outcome: Some(Outcome::good(if command.read { len } else { 0 })),
    })
}
