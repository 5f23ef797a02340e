// SPDX-License-Identifier: GPL-2.0

//! View entries.

use super::{framework, group::group_name, guid, list::list};
use crate::{
    framework::{Refused, Registry, WantedView},
    view::{Group, View as Entry}, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::{
    Conflict,
    GroupName,
    Guid,
    Lun, //
};
use stmf_uapi::stmf::{GroupKind, View};

/// Writes the numbers of an entry.
fn write(writer: &mut Writer<'_>, view: &Entry) -> Result {
    writer.bytes(View::Guid as u16, view.guid.as_bytes())?;
    writer.u32(View::Id as u16, view.id)?;
    writer.u16(View::Lun as u16, view.lun.value())
}

/// Writes all of an entry.
fn write_all(writer: &mut Writer<'_>, registry: &Registry, view: &Entry) -> Result {
    write(writer, view)?;
    for (attribute, kind, group) in [
        (View::HostGroup, GroupKind::Host, view.host),
        (View::TargetGroup, GroupKind::Target, view.target),
    ] {
        if let Group::Named(id) = group {
            let record = registry.groups(kind).get(id).ok_or(ENOENT)?;
            writer.text(attribute as u16, record.name.as_str())?;
        }
    }
    Ok(())
}

/// `view-add`.
pub(super) fn add(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let host_group = group(request, View::HostGroup)?;
    let target_group = group(request, View::TargetGroup)?;
    let wanted = WantedView {
        guid: guid(request, View::Guid as u16)?,
        host_group: host_group.as_ref(),
        target_group: target_group.as_ref(),
        lun: lun(request)?,
    };
    let framework = framework()?;
    let view = if request.bytes(View::Validate as u16).is_some() {
        framework.validate_view(&wanted)
    } else {
        framework.add_view(&wanted)
    };
    Ok(write(writer, &view.map_err(refusal)?)?)
}

fn group(request: &Request<'_>, attribute: View) -> Result<Option<GroupName>, Refusal> {
    match request.bytes(attribute as u16) {
        Some(_) => group_name(request, attribute as u16).map(Some),
        None => Ok(None),
    }
}

fn lun(request: &Request<'_>) -> Result<Option<Lun>, Refusal> {
    let Some(number) = request.u16(View::Lun as u16) else {
        return Ok(None);
    };
    let lun = Lun::new(number).ok_or_else(|| {
        Refusal::new(ERANGE, format_args!("a LUN is 0 to {}", Lun::MAX)).at(View::Lun as u16)
    })?;
    Ok(Some(lun))
}

fn refusal(refused: Refused) -> Refusal {
    let conflict = match refused {
        Refused::NoGroup(GroupKind::Host) => {
            let sentence = format_args!("invalid host group");
            return Refusal::new(ENOENT, sentence).at(View::HostGroup as u16);
        }
        Refused::NoGroup(GroupKind::Target) => {
            let sentence = format_args!("invalid target group");
            return Refusal::new(ENOENT, sentence).at(View::TargetGroup as u16);
        }
        Refused::Failed(error) => return Refusal::from(error),
        Refused::Conflict(conflict) => conflict,
    };
    let (error, attribute) = match conflict {
        Conflict::Overlap(_) => (EEXIST, View::Guid),
        Conflict::LunInUse(_) => (EEXIST, View::Lun),
        Conflict::NoFreeLun | Conflict::NoFreeId => (E2BIG, View::Guid),
    };
    Refusal::new(error, format_args!("{conflict}")).at(attribute as u16)
}

/// `view-remove`.
pub(super) fn remove(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request, View::Guid as u16)?;
    let id = request
        .u32(View::Id as u16)
        .ok_or_else(|| request.missing(View::Id as u16, "the view entry's number"))?;
    framework()?.remove_view(&guid, id).map_err(|error| {
        let text = format_args!("view entry not found");
        Refusal::new(error, text).at(View::Id as u16)
    })
}

/// `view-get`, of one logical unit if one is named.
pub(super) fn dump(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let only = request.array(View::Guid as u16).map(Guid::new);
    let first = only.unwrap_or(Guid::new([0; Guid::LEN]));
    framework()?.read(|registry| {
        list(
            dump,
            registry.views.all().changes(),
            (registry.views.all(), (first, 0)),
            |(guid, _)| only.is_none_or(|only| only == *guid),
            |writer, _, view| write_all(writer, registry, view),
        )
    })
}
