// SPDX-License-Identifier: GPL-2.0

//! View entries.

use super::{framework, guid, list};
use crate::view::View as Entry;
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::{
    Guid,
    Lun, //
};
use stmf_uapi::stmf::View;

fn write(writer: &mut Writer<'_>, view: &Entry) -> Result {
    writer.bytes(View::Guid as u16, view.guid.as_bytes())?;
    writer.u32(View::Id as u16, view.id)?;
    writer.u16(View::Lun as u16, view.lun.value())
}

/// `view-add`.
pub(super) fn add(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request, View::Guid as u16)?;
    for (attribute, kind) in [(View::HostGroup, "host"), (View::TargetGroup, "target")] {
        if let Some(name) = request.text(attribute as u16) {
            let text = format_args!("no {kind} group {name}");
            return Err(Refusal::new(ENOENT, text).at(attribute as u16));
        }
    }
    let lun = match request.u16(View::Lun as u16) {
        None => None,
        Some(number) => Some(Lun::new(number).ok_or_else(|| {
            Refusal::new(ERANGE, format_args!("a LUN is 0 to {}", Lun::MAX)).at(View::Lun as u16)
        })?),
    };
    let view = framework()?.add_view(&guid, lun).map_err(conflict)?;
    Ok(write(writer, &view)?)
}

fn conflict(error: Error) -> Refusal {
    if error == EALREADY {
        let text = format_args!("the logical unit has a view entry that covers this one");
        Refusal::new(error, text).at(View::Guid as u16)
    } else if error == EEXIST {
        Refusal::new(error, format_args!("the LUN is in use")).at(View::Lun as u16)
    } else if error == E2BIG {
        Refusal::new(error, format_args!("no LUN is free"))
    } else {
        Refusal::from(error)
    }
}

/// `view-remove`.
pub(super) fn remove(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request, View::Guid as u16)?;
    let id = request
        .u32(View::Id as u16)
        .ok_or_else(|| request.missing(View::Id as u16, "the view entry's number"))?;
    framework()?.remove_view(&guid, id).map_err(|error| {
        let text = format_args!("no such view entry");
        Refusal::new(error, text).at(View::Id as u16)
    })
}

/// `view-get`, of one logical unit if one is named.
pub(super) fn dump(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let only = request.array(View::Guid as u16).map(Guid::new);
    framework()?.read(|registry| {
        let chosen = registry
            .views
            .iter()
            .filter(|view| only.is_none_or(|guid| guid == view.guid));
        list(dump, registry, chosen, |writer, view| write(writer, view))
    })
}
