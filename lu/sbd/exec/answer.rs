// SPDX-License-Identifier: GPL-2.0

//! Commands that are answered from memory.

use super::{identity, inquiry, log, mode, state};
use crate::disk::Disk;
use stmf::{
    lu::LuHandle,
    nexus::ItNexus,
    plan::DataPhase,
    task::Task, //
};
use stmf_scsi::{
    capacity::Capacity,
    cdb::{self, opcode, Command},
    opcodes::CommandId,
    tmf::TaskManagement,
    AdditionalSense,
    Sense,
    SenseFormat,
    Sink,
    SENSE_LEN, //
};

/// What the framework does for every logical unit.
const TASK_MANAGEMENT: &[TaskManagement] = &[
    TaskManagement::AbortTask,
    TaskManagement::AbortTaskSet,
    TaskManagement::ClearTaskSet,
    TaskManagement::LogicalUnitReset,
    TaskManagement::ItNexusReset,
    TaskManagement::QueryTask,
    TaskManagement::QueryTaskSet,
    TaskManagement::QueryAsyncEvent,
];

/// Room for registrations that come after a PERSISTENT RESERVE IN, in bytes.
const A_PAGE: usize = 4096;

/// Builds the answer into nothing, to see whether it is refused and how long it is.
pub(super) fn plan(disk: &Disk, nexus: &ItNexus, command: &Command) -> Result<DataPhase, Sense> {
    let mut measure = Sink::new(&mut []);
    let facts = Facts {
        groups: Groups::of(nexus),
        unit: None,
    };
    write(disk, &facts, command, &mut measure)?;
    let len = match command {
        // What there is to tell may be longer by the time that it is told.
        Command::RequestSense { .. } => SENSE_LEN,
        Command::PersistentReserveIn { .. } => measure.len().max(A_PAGE),
        _ => measure.len(),
    };
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    Ok(DataPhase::Answer(len.min(allocation(command))))
}

pub(super) fn execute(disk: &Disk, command: &Command, task: Task) {
    let facts = Facts {
        groups: Groups::of(task.nexus()),
        unit: match command {
            Command::LogSense(_) => task.unit(),
            _ => None,
        },
    };
    task.answer(|sink| {
        // What can be refused was refused by `plan`.
        let _ = write(disk, &facts, command, sink);
    });
}

/// The ALLOCATION LENGTH of a command, or the length of its answer when it has no such field.
fn allocation(command: &Command) -> u32 {
    match command {
        Command::RequestSense { allocation, .. } => u32::from(*allocation),
        Command::Inquiry { allocation, .. } => u32::from(*allocation),
        Command::ModeSense(request) => u32::from(request.allocation),
        Command::LogSense(request) => u32::from(request.allocation),
        Command::ReceiveDiagnostic(request) => u32::from(request.allocation),
        Command::ReportTimestamp(request) => request.allocation,
        Command::ReportIdentifying(request) => request.allocation,
        Command::PersistentReserveIn { allocation, .. } => u32::from(*allocation),
        Command::ReadCapacity16 { allocation } => *allocation,
        Command::ReadDefectData(request) => request.allocation,
        Command::ReportSupportedOperationCodes(request) => request.allocation,
        Command::ReportTaskManagement(request) => request.allocation,
        _ => u32::MAX,
    }
}

fn write(disk: &Disk, facts: &Facts, command: &Command, sink: &mut Sink<'_>) -> Result<(), Sense> {
    match command {
        Command::Inquiry { evpd: None, .. } => inquiry::standard(disk, sink),
        Command::Inquiry {
            evpd: Some(page), ..
        } => inquiry::page(disk, *page, sink)?,
        Command::ReadCapacity10 => capacity(disk).write_10(sink),
        Command::ReadCapacity16 { .. } => capacity(disk).write_16(sink),
        Command::ReadDefectData(request) => request.write_none(sink),
        Command::ModeSense(request) => mode::now(disk).write(request, sink)?,
        Command::PersistentReserveIn { report, .. } => {
            let capabilities = disk.changeable.capabilities();
            disk.changeable
                .reservations
                .report(*report, capabilities, sink);
        }
        Command::LogSense(request) => {
            request.write(&log::logged(disk, facts.unit.as_ref()), sink)?
        }
        Command::ReceiveDiagnostic(request) => request.write(sink),
        Command::ReportTimestamp(request) => {
            let (origin, milliseconds) = disk.clock.now();
            request.write(origin, milliseconds, sink);
        }
        Command::ReportIdentifying(request) => identity::report_identifying(disk, request, sink),
        Command::RequestSense { desc, .. } => request_sense(disk, *desc, sink),
        Command::ReportSupportedOperationCodes(query) => {
            cdb::report_opcodes(query, |id| supports(disk, facts.groups, id), sink)?;
        }
        Command::ReportTaskManagement(request) => request.write(TASK_MANAGEMENT, sink),
        _ => {
            let code = AdditionalSense::INVALID_COMMAND_OPERATION_CODE;
            return Err(Sense::illegal(code));
        }
    }
    Ok(())
}

/// What an answer depends on besides the disk.
struct Facts {
    groups: Groups,
    /// For what the framework has counted.
    unit: Option<LuHandle>,
}

/// Which commands of target port groups the framework carries out.
#[derive(Clone, Copy)]
struct Groups {
    report: bool,
    set: bool,
}

impl Groups {
    fn of(nexus: &ItNexus) -> Self {
        Self {
            report: nexus.has_port_groups(),
            set: nexus.may_set_port_groups(),
        }
    }
}

/// Whether the disk has a command; those that need the help of the backing store, or target port
/// groups, it may not.
fn supports(disk: &Disk, groups: Groups, id: CommandId) -> bool {
    match (id.opcode, id.service_action) {
        (opcode::MAINTENANCE_IN, Some(opcode::REPORT_TARGET_PORT_GROUPS)) => groups.report,
        (opcode::MAINTENANCE_OUT, Some(opcode::SET_TARGET_PORT_GROUPS)) => groups.set,
        (opcode::MAINTENANCE_OUT, Some(opcode::SET_IDENTIFYING_INFORMATION)) => {
            disk.changeable.store.is_some()
        }
        (opcode::UNMAP, _) | (opcode::SERVICE_ACTION_IN_16, Some(opcode::GET_LBA_STATUS_16)) => {
            disk.traits().unmap
        }
        (opcode::PREVENT_ALLOW_MEDIUM_REMOVAL, _) => disk.changeable.door.is_there(),
        (opcode::WRITE_ATOMIC_16, _) => disk.traits().atomic.is_some(),
        (opcode::SANITIZE, Some(opcode::SANITIZE_BLOCK_ERASE)) => disk.traits().unmap,
        _ => true,
    }
}

/// READ CAPACITY: physical blocks as the backing store has them.
fn capacity(disk: &Disk) -> Capacity {
    let geometry = disk.geometry();
    let traits = disk.traits();
    let per_physical = geometry.in_blocks(traits.physical_block).max(1);
    Capacity {
        blocks: geometry.blocks(),
        block_length: geometry.block_size(),
        physical_exponent: per_physical.ilog2().min(15) as u8,
        lowest_aligned: u16::try_from(geometry.in_blocks(traits.alignment)).unwrap_or(0),
        lbpme: traits.unmap,
        lbprz: traits.unmapped_is_zero,
    }
}

/// REQUEST SENSE: unit attentions are the framework's; the disk says in what condition it is.
fn request_sense(disk: &Disk, desc: bool, sink: &mut Sink<'_>) {
    let format = if desc {
        SenseFormat::Descriptor
    } else {
        SenseFormat::Fixed
    };
    let mut bytes = [0; SENSE_LEN];
    let len = state::pollable(disk).encode(format, &mut bytes);
    sink.bytes(bytes.get(..len).unwrap_or(&[]));
}
