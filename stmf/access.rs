// SPDX-License-Identifier: GPL-2.0

//! The commands of asymmetric access and what INQUIRY tells of it and of target ports, the same for
//! every kind of logical unit (SPC-5, Asymmetric logical unit access).
//!
//! A target group is a target port group once it has an access state; see `framework::access`.

use crate::{
    copy,
    framework::Framework,
    lu::LuEntry,
    nexus::{ItNexus, Nexus},
    plan::{DataPhase, Plan, Refusal},
    port::Protocol,
    task::Task, //
};
use kernel::prelude::*;
use stmf_scsi::{
    alua::{AccessCommand, SetList},
    cdb::{self, opcode, Command},
    designator::{Designator, ProtocolId},
    inquiry::Tpgs,
    vpd::page,
    AdditionalSense,
    Sense,
    Sink,
    Status, //
};

const UNKNOWN: Sense = Sense::illegal(AdditionalSense::INVALID_COMMAND_OPERATION_CODE);

/// What a command needs, as its logical unit says, or the framework for commands of its own.
///
/// The unit sees those too, because reservations are its business: a status that it refuses a
/// command with holds, and for a command of the copy manager's whatever it refuses it with.
pub(crate) fn plan(
    framework: &Framework,
    nexus: &Nexus,
    lu: &LuEntry,
    cdb: &[u8],
) -> Result<Plan, Refusal> {
    let planned = lu.unit().plan(&nexus.identity, cdb);
    if copy::carries_out(lu, cdb) {
        planned?;
        return Ok(copy::plan(cdb)?);
    }
    if let Some(command) = own(&nexus.identity, cdb) {
        return match planned {
            Err(Refusal::Status(status)) => Err(Refusal::Status(status)),
            _ => plan_own(framework, nexus, lu, command, cdb),
        };
    }
    let mut plan = planned?;
    if let DataPhase::Answer(len) = &mut plan.phase {
        if let Some(allocation) = ports_asked(cdb) {
            let mut measure = Sink::new(&mut []);
            framework.report_ports(nexus.id, lu, &mut measure);
            *len = u32::try_from(measure.len()).unwrap_or(u32::MAX);
            *len = allocation.min(*len);
        }
        *len = Addition::to(&nexus.identity, cdb).lengthened(*len, cdb);
    }
    Ok(plan)
}

/// Which of the framework's own commands a CDB is, where target ports are in groups.
fn own(nexus: &ItNexus, cdb: &[u8]) -> Option<AccessCommand> {
    AccessCommand::of(cdb).filter(|_| nexus.has_port_groups())
}

/// The ALLOCATION LENGTH of an INQUIRY for the SCSI Ports VPD page. A logical unit that has the page
/// leaves its ports to the framework.
fn ports_asked(cdb: &[u8]) -> Option<u32> {
    const EVPD: u8 = 0x01;

    match *cdb {
        [opcode::INQUIRY, flags, page::SCSI_PORTS, high, low, ..] if flags & EVPD != 0 => {
            Some(u16::from_be_bytes([high, low]).into())
        }
        _ => None,
    }
}

fn plan_own(
    framework: &Framework,
    nexus: &Nexus,
    lu: &LuEntry,
    command: AccessCommand,
    cdb: &[u8],
) -> Result<Plan, Refusal> {
    if command == AccessCommand::Set && !nexus.identity.may_set_port_groups() {
        return Err(UNKNOWN.into());
    }
    match cdb::parse(cdb)? {
        Command::ReportTargetPortGroups(request) => {
            let mut measure = Sink::new(&mut []);
            framework.report_access(lu, &request, &mut measure);
            let len = u32::try_from(measure.len()).unwrap_or(u32::MAX);
            Ok(DataPhase::Answer(len.min(request.allocation)).into())
        }
        Command::SetTargetPortGroups(request) => Ok(match request.list_len {
            0 => DataPhase::None.into(),
            len => DataPhase::FromInitiator(len).into(),
        }),
        _ => Err(UNKNOWN.into()),
    }
}

/// Carries out a command of the framework's own; gives any other back. Process context.
pub(crate) fn execute(task: Task) -> Option<Task> {
    if task.is_for_copy_manager() {
        copy::execute(task);
        return None;
    }
    if ports_asked(task.cdb()).is_some() {
        return tell_ports(task);
    }
    if own(task.nexus(), task.cdb()).is_none() {
        return Some(task);
    }
    let Some(unit) = task.unit() else {
        return Some(task);
    };
    match cdb::parse(task.cdb()) {
        Ok(Command::ReportTargetPortGroups(request)) => {
            task.answer(|sink| unit.framework.report_access(&unit.entry, &request, sink));
        }
        Ok(Command::SetTargetPortGroups(_)) => set(&unit.framework, &unit.entry, task),
        // `plan` has refused it.
        _ => task.fail(UNKNOWN),
    }
    None
}

/// Answers with the SCSI Ports VPD page.
fn tell_ports(task: Task) -> Option<Task> {
    let Some(unit) = task.unit() else {
        return Some(task);
    };
    let session = task.nexus().session();
    task.answer(|sink| unit.framework.report_ports(session, &unit.entry, sink));
    None
}

fn set(framework: &Framework, lu: &LuEntry, task: Task) {
    let Ok(bytes) = task.parameter_list() else {
        return task.end_with(Status::Busy);
    };
    let outcome = SetList::parse(&bytes)
        .and_then(|list| framework.set_access_by_initiator(task.nexus(), lu, list));
    match outcome {
        Ok(()) => task.good(),
        Err(sense) => task.fail(sense),
    }
}

/// What the framework adds to a logical unit's answer to INQUIRY.
#[derive(Clone, Copy)]
pub(crate) enum Addition {
    /// Nothing.
    None,
    /// TPGS, in the standard INQUIRY data.
    Tpgs(Tpgs),
    /// Designators, in the Device Identification VPD page: of the target port, and of its group if
    /// there are groups.
    Designators {
        port: Designator<'static>,
        group: Option<Designator<'static>>,
    },
}

impl Addition {
    /// The length of each of the designators.
    const DESIGNATOR: u32 = 8;

    /// What is added to the answer to a command. For most it takes one look at the operation code.
    pub(crate) fn to(nexus: &ItNexus, cdb: &[u8]) -> Self {
        const EVPD: u8 = 0x01;

        let &[opcode::INQUIRY, flags, code, ..] = cdb else {
            return Self::None;
        };
        let has_groups = nexus.has_port_groups();
        match (flags & EVPD != 0, code) {
            (false, _) if !has_groups => Self::None,
            (false, _) if nexus.may_set_port_groups() => Self::Tpgs(Tpgs::Both),
            (false, _) => Self::Tpgs(Tpgs::Implicit),
            (true, page::DEVICE_IDENTIFICATION) => Self::Designators {
                port: Designator::RelativeTargetPort(
                    Some(protocol(nexus.port().protocol)),
                    nexus.relative_port(),
                ),
                group: has_groups.then(|| Designator::TargetPortGroup(nexus.port_group())),
            },
            (true, _) => Self::None,
        }
    }

    /// The length of an answer of `len` bytes with it, as far as the ALLOCATION LENGTH lets it.
    fn lengthened(&self, len: u32, cdb: &[u8]) -> u32 {
        match (self, cdb) {
            (Self::Designators { group, .. }, &[_, _, _, high, low, ..]) => {
                let allocation = u32::from(u16::from_be_bytes([high, low]));
                let both = u32::from(group.is_some());
                len.saturating_add(Self::DESIGNATOR << both).min(allocation)
            }
            _ => len,
        }
    }

    /// Adds it to an answer that begins at the sink's beginning.
    pub(crate) fn write(&self, sink: &mut Sink<'_>) {
        const TPGS: usize = 5;
        const PAGE_LENGTH: usize = 2;
        const HEAD: usize = 4;

        match self {
            Self::None => (),
            Self::Tpgs(tpgs) => {
                if let Some(byte) = sink.as_bytes().get(TPGS).copied() {
                    // CAST: the enum is `repr(u8)`.
                    sink.patch_u8(TPGS, byte | (*tpgs as u8) << 4);
                }
            }
            Self::Designators { port, group } => {
                port.write(sink);
                if let Some(group) = group {
                    group.write(sink);
                }
                let len = sink.since(HEAD);
                sink.patch_u16(PAGE_LENGTH, u16::try_from(len).unwrap_or(u16::MAX));
            }
        }
    }
}

/// The protocol as SPC numbers it.
pub(crate) fn protocol(protocol: Protocol) -> ProtocolId {
    match protocol {
        Protocol::FibreChannel => ProtocolId::FibreChannel,
        Protocol::Scsi => ProtocolId::ParallelScsi,
        Protocol::Srp => ProtocolId::Srp,
        Protocol::Iscsi => ProtocolId::Iscsi,
        Protocol::Sas => ProtocolId::Sas,
    }
}
