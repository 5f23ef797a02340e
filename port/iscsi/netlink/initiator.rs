// SPDX-License-Identifier: GPL-2.0

//! Requests about initiators.

use super::{list, name, provider, set_credentials, write_credentials};
use crate::{
    provider::Name,
    settings::{Credentials, Initiator}, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_uapi::iscsi::Initiator as I;

/// `initiator-create`.
pub(super) fn create(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = name(request, I::Name as u16)?;
    let provider = provider()?;
    let _admin = provider.admin.lock();
    if provider.initiator(&name).is_some() {
        let text = format_args!("the initiator is there already");
        return Err(Refusal::new(EEXIST, text).at(I::Name as u16));
    }
    let mut initiator = Initiator {
        name: Name(name),
        credentials: Credentials::default(),
    };
    change(request, &mut initiator)?;
    provider.initiators.lock().set(initiator)?;
    Ok(())
}

/// `initiator-modify`.
pub(super) fn modify(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = name(request, I::Name as u16)?;
    let provider = provider()?;
    let _admin = provider.admin.lock();
    let unknown = || Refusal::new(ENOENT, format_args!("no initiator {name}")).at(I::Name as u16);
    let known = provider.initiator(&name).ok_or_else(unknown)?;
    let mut initiator = Initiator::clone(&known);
    change(request, &mut initiator)?;
    provider.initiators.lock().set(initiator)?;
    Ok(())
}

/// `initiator-delete`.
pub(super) fn delete(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = name(request, I::Name as u16)?;
    let provider = provider()?;
    let _admin = provider.admin.lock();
    let removed = provider.initiators.lock().remove(&name);
    match removed {
        true => Ok(()),
        false => Err(Refusal::new(ENOENT, format_args!("no initiator {name}")).at(I::Name as u16)),
    }
}

fn change(request: &Request<'_>, initiator: &mut Initiator) -> Result<(), Refusal> {
    let credentials = &mut initiator.credentials;
    set_credentials(
        request,
        credentials,
        I::ChapUser as u16,
        I::ChapSecret as u16,
    )
}

/// `initiator-get`.
pub(super) fn dump(_: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let provider = provider()?;
    let initiators = provider.initiators.lock();
    let all = initiators.by_name.values();
    list(dump, initiators.generation, all, |writer, initiator| {
        writer.text(I::Name as u16, initiator.name.0.as_str())?;
        let credentials = &initiator.credentials;
        write_credentials(
            writer,
            credentials,
            I::ChapUser as u16,
            I::ChapSecretSet as u16,
        )
    })
}
