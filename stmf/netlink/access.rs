// SPDX-License-Identifier: GPL-2.0

//! Access states of target groups.

use super::{framework, group::group_name, guid, list::list};
use crate::{
    event::access_number,
    framework::{unit_of, AccessChange, AccessRecord, AccessRefused}, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::Guid;
use stmf_scsi::alua::AccessState;
use stmf_uapi::stmf::Access;

/// The logical unit, if one is named.
fn unit(request: &Request<'_>) -> Result<Option<Guid>, Refusal> {
    match request.bytes(Access::Guid as u16) {
        Some(_) => guid(request, Access::Guid as u16).map(Some),
        None => Ok(None),
    }
}

fn change(request: &Request<'_>) -> AccessChange {
    let flag = |key| request.u8(key).map(|value| value != 0);
    let state = request.u32(Access::State as u16);
    AccessChange {
        state: state.and_then(|number| AccessState::ALL.get(number as usize).copied()),
        preferred: flag(Access::Preferred as u16),
        explicit: flag(Access::Explicit as u16),
        id: request.u16(Access::Number as u16),
    }
}

fn refusal(refused: AccessRefused) -> Refusal {
    let (error, sentence, attribute) = match refused {
        AccessRefused::NoGroup => (ENOENT, "group not found", Access::Group),
        AccessRefused::NoPortGroup => (
            ENOENT,
            "the target group has no access state for all logical units",
            Access::Group,
        ),
        AccessRefused::InUse => (
            EBUSY,
            "logical units have access states of their own by this group",
            Access::Group,
        ),
        AccessRefused::OnlyForAll => (
            EINVAL,
            "explicit and number are the same for all logical units",
            Access::Guid,
        ),
        AccessRefused::NumberTaken => (
            EEXIST,
            "another target group has the number",
            Access::Number,
        ),
        AccessRefused::NoNumber => (ENOSPC, "no number is free", Access::Number),
        AccessRefused::NoMemory => return Refusal::from(ENOMEM),
    };
    Refusal::new(error, format_args!("{sentence}")).at(attribute as u16)
}

fn write(
    writer: &mut Writer<'_>,
    group: &str,
    guid: Option<&Guid>,
    record: &AccessRecord,
) -> Result {
    writer.text(Access::Group as u16, group)?;
    if let Some(guid) = guid {
        writer.bytes(Access::Guid as u16, guid.as_bytes())?;
    }
    writer.u32(Access::State as u16, access_number(record.state))?;
    writer.u8(Access::Preferred as u16, record.preferred.into())?;
    if let Some(number) = record.number {
        writer.u8(Access::Explicit as u16, number.explicit.into())?;
        writer.u16(Access::Number as u16, number.id)?;
    }
    Ok(())
}

/// `access-set`.
pub(super) fn set(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let group = group_name(request, Access::Group as u16)?;
    let guid = unit(request)?;
    let record = framework()?
        .set_access(&group, guid, &change(request))
        .map_err(refusal)?;
    Ok(write(writer, group.as_str(), guid.as_ref(), &record)?)
}

/// `access-clear`.
pub(super) fn clear(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let group = group_name(request, Access::Group as u16)?;
    let guid = unit(request)?;
    framework()?.clear_access(&group, guid).map_err(refusal)
}

/// `access-get` of all.
pub(super) fn dump(_request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    framework()?.read(|registry| {
        list(
            dump,
            registry.access.changes(),
            (&registry.access, (0, Guid::new([0; Guid::LEN]))),
            |_| true,
            |writer, key, record| {
                let group = registry.target_groups.get(key.0).ok_or(ENOENT)?;
                write(writer, group.name.as_str(), unit_of(key), record)
            },
        )
    })
}
