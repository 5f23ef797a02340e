// SPDX-License-Identifier: GPL-2.0

//! Sessions and their tasks.

use super::{framework, list::list, shown};
use crate::{
    in_flight::{in_flight, Gone, Row},
    nexus::Nexus, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::Guid;
use stmf_uapi::stmf::{Session, Task};

/// `session-get`, of one target if one is named.
pub(super) fn dump(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let only = request.text(Session::Target as u16);
    framework()?.read(|registry| {
        // Also when the target is gone in the middle of its list.
        dump.set_generation(registry.nexuses.changes());
        let target = match only {
            Some(name) => match registry.target_named(name) {
                Some(record) => Some(record.entry.id),
                None => return Ok(()),
            },
            None => None,
        };
        list(
            dump,
            registry.nexuses.changes(),
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

/// `task-get`, of one logical unit if one is named.
pub(super) fn dump_tasks(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let only = request.array(Task::Guid as u16).map(Guid::new);
    let framework = framework()?;
    let gone = Gone::collect(&framework)?;
    framework.read(|registry| {
        let rows = in_flight(registry, &gone, only)?;
        dump.set_generation(registry.sight_changes());
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

fn write_task(writer: &mut Writer<'_>, row: &Row) -> Result {
    if let Some(guid) = &row.guid {
        writer.bytes(Task::Guid as u16, guid.as_bytes())?;
    }
    writer.uint(Task::Session as u16, row.session)?;
    writer.uint(Task::Tag as u16, row.task.tag)?;
    writer.u32(Task::Stage as u16, row.stage() as u32)?;
    writer.uint(Task::AgeMs as u16, row.task.age.unsigned_abs() / 1_000_000)?;
    writer.u8(Task::Opcode as u16, row.task.opcode)
}
