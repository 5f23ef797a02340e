// SPDX-License-Identifier: GPL-2.0

//! Logical units.

use super::{framework, goal, guid, list, shown};
use crate::framework::{LuRecord, Registry};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_uapi::stmf::{Lu, ObjectState};

fn write(writer: &mut Writer<'_>, registry: &Registry, record: &LuRecord) -> Result {
    let views = registry.views.of(&record.entry.guid).count();
    writer.bytes(Lu::Guid as u16, record.entry.guid.as_bytes())?;
    writer.text(Lu::Provider as u16, record.entry.provider)?;
    writer.text(Lu::Alias as u16, shown(&record.entry.alias))?;
    writer.u32(Lu::State as u16, record.state as u32)?;
    writer.u32(Lu::ViewCount as u16, u32::try_from(views)?)
}

/// `lu-get` of one.
pub(super) fn get(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request, Lu::Guid as u16)?;
    framework()?.read(|registry| {
        let record = registry.lus.get(&guid).ok_or_else(|| no_such(ENOENT))?;
        Ok(write(writer, registry, record)?)
    })
}

/// `lu-get` of all.
pub(super) fn dump(_request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    framework()?.read(|registry| {
        list(dump, registry, registry.lus.values(), |writer, record| {
            write(writer, registry, record)
        })
    })
}

/// `lu-set-state`.
pub(super) fn set_state(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request, Lu::Guid as u16)?;
    let framework = framework()?;
    let outcome = match goal(request, Lu::State as u16)? {
        ObjectState::Online => framework.online_lu(&guid),
        _ => framework.offline_lu(&guid),
    };
    outcome.map_err(|error| {
        if error == EBUSY {
            let text = format_args!("commands are still in the device; see list-task");
            Refusal::new(error, text).at(Lu::Guid as u16)
        } else {
            no_such(error)
        }
    })
}

fn no_such(error: Error) -> Refusal {
    if error == ENOENT {
        Refusal::new(error, format_args!("no such logical unit")).at(Lu::Guid as u16)
    } else {
        Refusal::from(error)
    }
}
