// SPDX-License-Identifier: GPL-2.0

//! Requests about portals and their groups.

use super::{list, provider};
use crate::portal::{self, Place};
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use kernel::prelude::*;
use stmf_kernel::{
    genl::{Dump, Refusal, Request, Writer},
    net::{Interface, Namespace}, //
};
use stmf_uapi::iscsi::{self as uapi, Portal as P, Tpg as G};

/// The bytes of an address; IPv4 addresses are mapped.
pub(super) fn octets(ip: IpAddr) -> [u8; uapi::ADDRESS_LEN] {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
        IpAddr::V6(ip) => ip.octets(),
    }
}

/// `portal-get`.
pub(super) fn dump(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let provider = provider()?;
    let namespace = Namespace::of(request);
    let portals = provider.portals.lock();
    let all = portals.iter(&namespace);
    list(dump, portals.generation, all, |writer, listed| {
        let address = listed.portal.address;
        writer.bytes(P::Address as u16, &octets(address.ip()))?;
        writer.u16(P::Port as u16, address.port())?;
        writer.u16(P::Tpgt as u16, listed.portal.group_tag)?;
        if !listed.interface.name().is_empty() {
            writer.text(P::Interface as u16, listed.interface.name())?;
        }
        if listed.is_open {
            writer.bytes(P::Open as u16, &[])?;
        }
        Ok(())
    })
}

/// The place of a portal, whose address must be there.
fn place(request: &Request<'_>) -> Result<Place, Refusal> {
    let octets = request
        .array::<{ uapi::ADDRESS_LEN }>(P::Address as u16)
        .ok_or_else(|| request.missing(P::Address as u16, "the address"))?;
    let port = request.u16(P::Port as u16).unwrap_or(uapi::DEFAULT_PORT);
    let interface = Interface::new(request.text(P::Interface as u16).unwrap_or(""));
    Ok(Place {
        address: SocketAddr::new(Ipv6Addr::from(octets).to_canonical(), port),
        interface: interface
            .ok_or_else(|| request.missing(P::Interface as u16, "the interface"))?,
        namespace: Namespace::of(request),
    })
}

/// `portal-add`.
pub(super) fn add(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let tag = request.u16(P::Tpgt as u16).unwrap_or(uapi::DEFAULT_TPGT);
    provider()?
        .add_portal(&place(request)?, tag)
        .map_err(|refusal| refusal.at(P::Address as u16))
}

/// `portal-remove`.
pub(super) fn remove(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    provider()?
        .remove_portal(&place(request)?)
        .map_err(|refusal| refusal.at(P::Address as u16))
}

/// The name of a group, which must be there.
fn group<'a>(request: &Request<'a>) -> Result<&'a str, Refusal> {
    request
        .text(G::Name as u16)
        .filter(|name| !name.is_empty())
        .ok_or_else(|| request.missing(G::Name as u16, "the name"))
}

/// `tpg-create`.
pub(super) fn create_group(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let namespace = Namespace::of(request);
    let mut places = KVec::new();
    let texts = request.text(G::Portals as u16).unwrap_or("");
    for text in texts.split(',').filter(|text| !text.is_empty()) {
        let place = portal::parse(text, &namespace);
        let place = place.map_err(|refusal| refusal.at(G::Portals as u16))?;
        places.push(place, GFP_KERNEL)?;
    }
    let dscp = request.u32(G::Dscp as u16).unwrap_or(0);
    let dscp = u8::try_from(dscp).unwrap_or(0);
    let tag = request.u16(G::Tag as u16);
    let tag = provider()?.create_group(group(request)?, tag, dscp, &places)?;
    Ok(writer.u16(G::Tag as u16, tag)?)
}

/// `tpg-delete`.
pub(super) fn delete_group(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let force = request.bytes(G::Force as u16).is_some();
    provider()?.delete_group(group(request)?, force, &Namespace::of(request))
}

/// `tpg-get`.
pub(super) fn dump_groups(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let provider = provider()?;
    let namespace = Namespace::of(request);
    let users = provider.groups_in_use()?;
    let portals = provider.portals.lock();
    let all = portals.groups().iter();
    list(dump, portals.generation, all, |writer, group| {
        writer.text(G::Name as u16, group.name.to_str().unwrap_or(""))?;
        writer.u16(G::Tag as u16, group.tag)?;
        let text = portals.text_of(group.tag, &namespace)?;
        writer.text(G::Portals as u16, text.as_str())?;
        if group.dscp > 0 {
            writer.u32(G::Dscp as u16, group.dscp.into())?;
        }
        let users = users.iter().filter(|tag| **tag == group.tag).count();
        writer.u32(G::Targets as u16, u32::try_from(users).unwrap_or(u32::MAX))
    })
}
