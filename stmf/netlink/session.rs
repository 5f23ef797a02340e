// SPDX-License-Identifier: GPL-2.0

//! Sessions and their tasks.

use super::{framework, list::list, shown};
use crate::{
    framework::{Framework, NexusRecord, Registry},
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
        let target = match only {
            Some(name) => match registry.target_named(name) {
                Some(record) => Some(record.entry.id),
                None => return Ok(()),
            },
            None => None,
        };
        list(
            dump,
            registry.generation,
            (&registry.nexuses_by_target, (target.unwrap_or(0), 0)),
            |(id, _)| target.is_none_or(|target| target == *id),
            |writer, (_, id), ()| {
                let record = registry.nexuses.get(id).ok_or(ENOENT)?;
                write(writer, &record.nexus)
            },
        )
    })
}

fn write(writer: &mut Writer<'_>, nexus: &Arc<Nexus>) -> Result {
    writer.uint(Session::Id as u16, nexus.id)?;
    writer.text(Session::Target as u16, shown(&nexus.identity.target.name))?;
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
    let framework = framework()?;
    let gone = Gone::collect(&framework)?;
    framework.read(|registry| {
        let rows = rows(registry, &gone, only)?;
        dump.set_generation(registry.generation);
        let mut done = dump.cursor();
        for row in rows
            .iter()
            .skip(usize::try_from(done).unwrap_or(usize::MAX))
        {
            if !dump.entry(|writer| write_task(writer, row))? {
                break;
            }
            done = done.wrapping_add(1);
            dump.set_cursor(done);
        }
        Ok(())
    })
}

/// Commands of sessions that may be gone, which a device has still.
struct Gone(KVVec<(u64, TaskView)>);

impl Gone {
    fn collect(framework: &Framework) -> Result<Self> {
        let mut tasks = KVVec::new();
        let mut memory = Ok(());
        framework.for_each_detached(|nexus| {
            nexus.tasks.for_each(|task| {
                if memory.is_ok() && task.is_orphan() {
                    memory = tasks.push((nexus.id, task), GFP_KERNEL);
                }
            });
        });
        memory?;
        Ok(Self(tasks))
    }
}

fn rows(registry: &Registry, gone: &Gone, only: Option<Guid>) -> Result<KVVec<Row>> {
    let mut rows = KVVec::new();
    let mut memory = Ok(());
    let mut add = |session, task: TaskView| {
        let guid = registry.lu_ids.get(&task.lu).copied();
        if memory.is_ok() && (only.is_none() || only == guid) {
            let row = Row {
                session,
                guid,
                task,
            };
            memory = rows.push(row, GFP_KERNEL);
        }
    };
    for (session, task) in &gone.0 {
        if registry.nexuses.get(session).is_none() {
            add(*session, *task);
        }
    }
    for NexusRecord { nexus, .. } in registry.nexuses.values() {
        nexus.tasks.for_each(|task| add(nexus.id, task));
    }
    memory?;
    Ok(rows)
}

fn write_task(writer: &mut Writer<'_>, row: &Row) -> Result {
    let stage = match row.task.stage {
        Stage::Executing if row.task.detached => TaskStage::Detached,
        Stage::Receiving | Stage::Queued | Stage::Executing if row.task.aborted => {
            TaskStage::Aborting
        }
        Stage::Free | Stage::Receiving => TaskStage::DataOut,
        Stage::Queued => TaskStage::Queued,
        Stage::Executing => TaskStage::Executing,
        Stage::SendingData => TaskStage::DataIn,
        Stage::SendingStatus => TaskStage::Status,
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
