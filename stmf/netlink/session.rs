// SPDX-License-Identifier: GPL-2.0

//! Sessions and their tasks.

use super::{framework, list, shown};
use crate::{
    framework::Registry,
    nexus::Nexus,
    taskset::{Stage, TaskView}, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::Guid;
use stmf_uapi::stmf::{Session, Task, TaskStage};

/// `session-get`, of one target if one is named.
pub(super) fn dump(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let only = request.text(Session::Target as u16);
    framework()?.read(|registry| {
        let chosen = registry
            .nexuses
            .values()
            .filter(|nexus| only.is_none_or(|name| shown(&nexus.target.name) == name));
        list(dump, registry, chosen, |writer, nexus| write(writer, nexus))
    })
}

fn write(writer: &mut Writer<'_>, nexus: &Arc<Nexus>) -> Result {
    writer.uint(Session::Id as u16, nexus.id)?;
    writer.text(Session::Target as u16, shown(&nexus.target.name))?;
    writer.text(Session::Initiator as u16, shown(&nexus.initiator))?;
    writer.text(Session::Alias as u16, shown(&nexus.alias))?;
    writer.text(Session::Isid as u16, shown(&nexus.isid))?;
    writer.uint(Session::Created as u16, nexus.created.unsigned_abs())
}

/// A task as it is listed.
struct Row {
    session: u64,
    guid: Option<Guid>,
    task: TaskView,
}

/// `task-get`, of one logical unit if one is named.
pub(super) fn dump_tasks(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let only = request.array(Task::Guid as u16).map(Guid::new);
    framework()?.read(|registry| {
        let rows = rows(registry, only)?;
        list(dump, registry, rows.iter(), |writer, row| {
            write_task(writer, row)
        })
    })
}

fn rows(registry: &Registry, only: Option<Guid>) -> Result<KVVec<Row>> {
    let mut rows = KVVec::new();
    let mut memory = Ok(());
    for nexus in registry.nexuses.values() {
        nexus.tasks.for_each(|task| {
            let guid = registry
                .lus
                .values()
                .find(|record| record.entry.id == task.lu)
                .map(|record| record.entry.guid);
            if memory.is_ok() && (only.is_none() || only == guid) {
                let row = Row {
                    session: nexus.id,
                    guid,
                    task,
                };
                memory = rows.push(row, GFP_KERNEL);
            }
        });
    }
    memory?;
    Ok(rows)
}

fn write_task(writer: &mut Writer<'_>, row: &Row) -> Result {
    let stage = match row.task.stage {
        _ if row.task.aborted => TaskStage::Aborting,
        Stage::Free | Stage::Receiving => TaskStage::DataOut,
        Stage::Executing => TaskStage::Executing,
        Stage::Responding => TaskStage::Status,
    };
    if let Some(guid) = &row.guid {
        writer.bytes(Task::Guid as u16, guid.as_bytes())?;
    }
    writer.uint(Task::Session as u16, row.session)?;
    writer.uint(Task::Tag as u16, row.task.tag)?;
    writer.u32(Task::Stage as u16, stage as u32)?;
    writer.uint(Task::AgeMs as u16, row.task.age.unsigned_abs() / 1_000_000)?;
    writer.u8(Task::Opcode as u16, row.task.opcode)
}
