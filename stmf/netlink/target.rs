// SPDX-License-Identifier: GPL-2.0

//! Target ports.

use super::{framework, goal, goal_number, list::list, shown, state_refusal, text};
use crate::{
    event::object_state,
    framework::{Asker, TargetRecord}, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::Goal;
use stmf_uapi::stmf::Target;

fn write(writer: &mut Writer<'_>, record: &TargetRecord) -> Result {
    let entry = &record.entry;
    writer.text(Target::Name as u16, shown(&entry.name))?;
    writer.text(Target::Provider as u16, entry.provider)?;
    writer.text(Target::Alias as u16, shown(&entry.alias))?;
    writer.u32(Target::Protocol as u16, entry.protocol as u32)?;
    writer.u32(Target::State as u16, object_state(record.state) as u32)?;
    writer.u32(Target::SessionCount as u16, record.sessions)?;
    writer.u32(Target::Wanted as u16, goal_number(record.wanted))?;
    writer.u8(Target::Held as u16, record.throttle.is_held().into())
}

/// `target-get` of one.
pub(super) fn get(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = text(request, Target::Name as u16, "the target's name")?;
    framework()?.read(|registry| {
        let record = registry.target_named(name).ok_or_else(no_such)?;
        Ok(write(writer, record)?)
    })
}

/// `target-get` of all.
pub(super) fn dump(_request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    framework()?.read(|registry| {
        list(
            dump,
            registry.targets.changes(),
            (&registry.targets, 0),
            |_| true,
            |writer, _, record| write(writer, record),
        )
    })
}

/// `target-set-state`.
pub(super) fn set_state(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = text(request, Target::Name as u16, "the target's name")?;
    let framework = framework()?;
    let id = framework
        .read(|registry| Some(registry.target_named(name)?.entry.id))
        .ok_or_else(no_such)?;
    let outcome = match goal(request, Target::State as u16)? {
        Goal::Online => framework.online_target(id, Asker::User),
        Goal::Offline => framework.offline_target(id, Asker::User),
    };
    let busy = "the target is changing its state";
    outcome.map_err(|error| state_refusal(error, busy, NO_SUCH, Target::Name as u16))
}

const NO_SUCH: &str = "no such target";

fn no_such() -> Refusal {
    Refusal::new(ENOENT, format_args!("{NO_SUCH}")).at(Target::Name as u16)
}
