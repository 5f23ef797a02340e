// SPDX-License-Identifier: GPL-2.0

//! Target ports.

use super::{framework, goal, list, shown, text};
use crate::framework::{Registry, TargetRecord};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_uapi::stmf::{ObjectState, Target};

fn write(writer: &mut Writer<'_>, registry: &Registry, record: &TargetRecord) -> Result {
    let entry = &record.entry;
    let sessions = registry
        .nexuses
        .values()
        .filter(|nexus| nexus.target.id == entry.id)
        .count();
    writer.text(Target::Name as u16, shown(&entry.name))?;
    writer.text(Target::Provider as u16, entry.provider)?;
    writer.text(Target::Alias as u16, shown(&entry.alias))?;
    writer.u32(Target::Protocol as u16, entry.protocol as u32)?;
    writer.u32(Target::State as u16, record.state as u32)?;
    writer.u32(Target::SessionCount as u16, u32::try_from(sessions)?)
}

/// `target-get` of one.
pub(super) fn get(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = text(request, Target::Name as u16, "the target's name")?;
    framework()?.read(|registry| {
        let record = registry.target_named(name.as_bytes()).ok_or_else(no_such)?;
        Ok(write(writer, registry, record)?)
    })
}

/// `target-get` of all.
pub(super) fn dump(_request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    framework()?.read(|registry| {
        list(
            dump,
            registry,
            registry.targets.values(),
            |writer, record| write(writer, registry, record),
        )
    })
}

/// `target-set-state`.
pub(super) fn set_state(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = text(request, Target::Name as u16, "the target's name")?;
    let framework = framework()?;
    let id = framework
        .read(|registry| Some(registry.target_named(name.as_bytes())?.entry.id))
        .ok_or_else(no_such)?;
    let outcome = match goal(request, Target::State as u16)? {
        ObjectState::Online => framework.online_target(id),
        _ => framework.offline_target(id),
    };
    outcome.map_err(|error| {
        if error == EBUSY {
            let text = format_args!("the target is changing its state");
            Refusal::new(error, text).at(Target::Name as u16)
        } else {
            Refusal::from(error)
        }
    })
}

fn no_such() -> Refusal {
    Refusal::new(ENOENT, format_args!("no such target")).at(Target::Name as u16)
}
