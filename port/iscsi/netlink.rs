// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `stmf-iscsi` (`Documentation/netlink/specs/stmf_iscsi.yaml`).

use crate::{
    provider::{Provider, PROVIDER},
    target::Target, //
};
use core::net::{Ipv6Addr, SocketAddr};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_iscsi_proto::{
    discovery::Portal,
    names::{IscsiName, NameError}, //
};
use stmf_kernel::{
    genl::{Dump, Family, Handler, Refusal, Request, Writer},
    net::Namespace, //
};
use stmf_uapi::iscsi::{self as uapi, Command, ObjectState, Portal as P, Target as T};

/// The family.
pub(crate) static FAMILY: Family = Family {
    name: uapi::FAMILY_C,
    version: uapi::VERSION,
    operations: Command::OPERATIONS,
    handlers: &[
        Handler::Do(Command::TargetCreate as u8, create_target),
        Handler::Do(Command::TargetDelete as u8, delete_target),
        Handler::Do(Command::TargetGet as u8, get_target),
        Handler::Dump(Command::TargetGet as u8, dump_targets),
        Handler::Dump(Command::PortalGet as u8, dump_portals),
        Handler::Do(Command::PortalAdd as u8, add_portal),
        Handler::Do(Command::PortalRemove as u8, remove_portal),
    ],
};

fn provider() -> Result<Arc<Provider>, Refusal> {
    let unloading = || Refusal::new(ENODEV, format_args!("the module is being unloaded"));
    PROVIDER.get().ok_or_else(unloading)
}

/// The target's name, which must be there.
fn name(request: &Request<'_>) -> Result<IscsiName, Refusal> {
    let text = request
        .text(T::Name as u16)
        .ok_or_else(|| request.missing(T::Name as u16, "the target's name"))?;
    IscsiName::parse(text).map_err(|error| {
        let why = match error {
            NameError::TooLong => "an iSCSI name has at most 223 bytes",
            NameError::UnknownType => "an iSCSI name begins with iqn., eui. or naa.",
            NameError::BadCharacter => "the name has a character that iSCSI names don't have",
            NameError::BadDigits => "the name has the wrong number of hexadecimal digits",
        };
        Refusal::new(EINVAL, format_args!("{why}")).at(T::Name as u16)
    })
}

/// `target-create`.
fn create_target(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let alias = request.text(T::Alias as u16).unwrap_or("");
    provider()?.create_target(name(request)?, alias, &Namespace::of(request))
}

/// `target-delete`.
fn delete_target(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let force = request.bytes(T::Force as u16).is_some();
    provider()?.delete_target(&name(request)?, force)
}

fn write_target(writer: &mut Writer<'_>, target: &Target) -> Result {
    let state = if target.is_online() {
        ObjectState::Online
    } else {
        ObjectState::Offline
    };
    writer.text(T::Name as u16, target.name.as_str())?;
    if !target.alias().is_empty() {
        writer.text(T::Alias as u16, target.alias())?;
    }
    writer.u32(T::State as u16, state.number())?;
    writer.u32(T::Sessions as u16, target.sessions())?;
    writer.u16(T::Tpgt as u16, uapi::DEFAULT_TPGT)
}

/// `target-get` of one.
fn get_target(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = name(request)?;
    let target = provider()?
        .target(&name)
        .ok_or_else(|| Refusal::new(ENOENT, format_args!("no target {name}")).at(T::Name as u16))?;
    Ok(write_target(writer, &target)?)
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

/// `target-get` of all.
fn dump_targets(_: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let provider = provider()?;
    let targets = provider.targets.lock();
    let all = targets.by_name.values();
    list(dump, targets.generation, all, |writer, target| {
        write_target(writer, target)
    })
}

/// `portal-get`.
fn dump_portals(_: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let provider = provider()?;
    let portals = provider.portals.lock();
    list(
        dump,
        portals.generation,
        portals.iter(),
        |writer, portal| {
            let ip = match portal.address {
                SocketAddr::V4(v4) => v4.ip().to_ipv6_mapped(),
                SocketAddr::V6(v6) => *v6.ip(),
            };
            writer.bytes(P::Address as u16, &ip.octets())?;
            writer.u16(P::Port as u16, portal.address.port())?;
            writer.u16(P::Tpgt as u16, portal.group_tag)
        },
    )
}

/// The address of a portal, which must be there.
fn address(request: &Request<'_>) -> Result<SocketAddr, Refusal> {
    let octets = request
        .array::<{ uapi::ADDRESS_LEN }>(P::Address as u16)
        .ok_or_else(|| request.missing(P::Address as u16, "the address"))?;
    let port = request.u16(P::Port as u16).unwrap_or(uapi::DEFAULT_PORT);
    Ok(SocketAddr::new(Ipv6Addr::from(octets).to_canonical(), port))
}

/// `portal-add`.
fn add_portal(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let portal = Portal {
        address: address(request)?,
        group_tag: request.u16(P::Tpgt as u16).unwrap_or(uapi::DEFAULT_TPGT),
    };
    provider()?
        .add_portal(portal, Namespace::of(request))
        .map_err(|refusal| refusal.at(P::Address as u16))
}

/// `portal-remove`.
fn remove_portal(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    provider()?
        .remove_portal(address(request)?)
        .map_err(|refusal| refusal.at(P::Address as u16))
}
