// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `stmf-iscsi` (`Documentation/netlink/specs/stmf_iscsi.yaml`).

mod initiator;
mod portal;
mod session;
mod target;

use crate::{
    provider::{Provider, PROVIDER},
    settings::Credentials, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_iscsi_proto::names::{IscsiName, NameError};
use stmf_kernel::genl::{Dump, Family, Handler, Refusal, Request, Writer};
use stmf_uapi::iscsi::{self as uapi, Command};

/// The family.
pub(crate) static FAMILY: Family = Family {
    name: uapi::FAMILY_C,
    version: uapi::VERSION,
    operations: Command::OPERATIONS,
    handlers: &[
        Handler::Do(Command::TargetCreate as u8, target::create),
        Handler::Do(Command::TargetDelete as u8, target::delete),
        Handler::Do(Command::TargetGet as u8, target::get),
        Handler::Dump(Command::TargetGet as u8, target::dump),
        Handler::Dump(Command::PortalGet as u8, portal::dump),
        Handler::Do(Command::PortalAdd as u8, portal::add),
        Handler::Do(Command::PortalRemove as u8, portal::remove),
        Handler::Do(Command::TargetModify as u8, target::modify),
        Handler::Do(Command::DefaultsModify as u8, target::modify_defaults),
        Handler::Do(Command::DefaultsGet as u8, target::get_defaults),
        Handler::Do(Command::TpgCreate as u8, portal::create_group),
        Handler::Do(Command::TpgDelete as u8, portal::delete_group),
        Handler::Dump(Command::TpgGet as u8, portal::dump_groups),
        Handler::Do(Command::InitiatorCreate as u8, initiator::create),
        Handler::Do(Command::InitiatorModify as u8, initiator::modify),
        Handler::Do(Command::InitiatorDelete as u8, initiator::delete),
        Handler::Dump(Command::InitiatorGet as u8, initiator::dump),
        Handler::Dump(Command::SessionGet as u8, session::dump),
    ],
    groups: &[],
};

fn provider() -> Result<Arc<Provider>, Refusal> {
    let unloading = || Refusal::new(ENODEV, format_args!("the module is being unloaded"));
    PROVIDER.get().ok_or_else(unloading)
}

/// An iSCSI name, which must be there.
fn name(request: &Request<'_>, attribute: u16) -> Result<IscsiName, Refusal> {
    let text = request
        .text(attribute)
        .ok_or_else(|| request.missing(attribute, "the iSCSI name"))?;
    IscsiName::parse(text).map_err(|error| {
        let why = match error {
            NameError::TooLong => "an iSCSI name has at most 223 bytes",
            NameError::UnknownType => "an iSCSI name begins with iqn., eui. or naa.",
            NameError::BadCharacter => "the name has a character that iSCSI names don't have",
            NameError::BadDigits => "the name has the wrong number of hexadecimal digits",
        };
        Refusal::new(EINVAL, format_args!("{why}")).at(attribute)
    })
}

/// Sets what a request says of a CHAP name and secret.
fn set_credentials(
    request: &Request<'_>,
    credentials: &mut Credentials,
    user: u16,
    secret: u16,
) -> Result<(), Refusal> {
    if let Some(user) = request.text(user) {
        credentials.set_user(user)?;
    }
    if let Some(text) = request.text(secret) {
        if !text.is_empty() && text.len() < uapi::CHAP_SECRET_MIN {
            let why = format_args!("a CHAP secret has 12 to 255 bytes");
            return Err(Refusal::new(EINVAL, why).at(secret));
        }
        credentials.set_secret(text)?;
    }
    Ok(())
}

/// Tells what may be told of a CHAP name and secret.
fn write_credentials(
    writer: &mut Writer<'_>,
    credentials: &Credentials,
    user: u16,
    secret_set: u16,
) -> Result {
    if let Some(name) = credentials.user() {
        writer.text(user, name)?;
    }
    if credentials.secret.is_some() {
        writer.bytes(secret_set, &[])?;
    }
    Ok(())
}

/// Lists what `all` yields, from where the last call ended: the cursor counts what was listed.
fn list<I>(
    dump: &mut Dump<'_>,
    generation: u32,
    all: impl Iterator<Item = I>,
    write: impl Fn(&mut Writer<'_>, I) -> Result,
) -> Result<(), Refusal> {
    dump.set_generation(generation);
    let mut done = dump.cursor();
    for item in all.skip(usize::try_from(done).unwrap_or(usize::MAX)) {
        if !dump.entry(|writer| write(writer, item))? {
            break;
        }
        done = done.wrapping_add(1);
        dump.set_cursor(done);
    }
    Ok(())
}
