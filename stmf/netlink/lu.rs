// SPDX-License-Identifier: GPL-2.0

//! Logical units.

use super::{framework, goal, goal_number, guid, list::list, shown, state_refusal};
use crate::{
    event::object_state,
    framework::{Asker, LuRecord, Registry}, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::{
    Goal,
    Guid, //
};
use stmf_uapi::stmf::Lu;

fn write(writer: &mut Writer<'_>, registry: &Registry, record: &LuRecord) -> Result {
    let views = registry.views.of(&record.entry.guid).count();
    writer.bytes(Lu::Guid as u16, record.entry.guid.as_bytes())?;
    writer.text(Lu::Provider as u16, record.entry.provider)?;
    writer.text(Lu::Alias as u16, shown(&record.entry.alias))?;
    writer.u32(Lu::State as u16, object_state(record.state) as u32)?;
    writer.u32(Lu::ViewCount as u16, u32::try_from(views)?)?;
    writer.u32(Lu::Wanted as u16, goal_number(record.wanted))
}

/// `lu-get` of one.
pub(super) fn get(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request, Lu::Guid as u16)?;
    framework()?.read(|registry| {
        let record = registry.lus.get(&guid).ok_or_else(no_such)?;
        Ok(write(writer, registry, record)?)
    })
}

/// `lu-get` of all.
pub(super) fn dump(_request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    framework()?.read(|registry| {
        let (lus, views) = (&registry.lus, registry.views.all());
        list(
            dump,
            lus.changes().wrapping_add(views.changes()),
            (lus, Guid::new([0; Guid::LEN])),
            |_| true,
            |writer, _, record| write(writer, registry, record),
        )
    })
}

/// `lu-set-state`.
pub(super) fn set_state(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request, Lu::Guid as u16)?;
    let framework = framework()?;
    let outcome = match goal(request, Lu::State as u16)? {
        Goal::Online => framework.online_lu(&guid, Asker::User),
        Goal::Offline => framework.offline_lu(&guid, Asker::User),
    };
    let busy = "commands are still in the device; see list-task";
    outcome.map_err(|error| state_refusal(error, busy, NO_SUCH, Lu::Guid as u16))
}

const NO_SUCH: &str = "no such logical unit";

fn no_such() -> Refusal {
    Refusal::new(ENOENT, format_args!("{NO_SUCH}")).at(Lu::Guid as u16)
}
