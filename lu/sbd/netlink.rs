// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `stmf-sbd` (`Documentation/netlink/specs/stmf_sbd.yaml`).

use crate::{
    change::Change,
    config::Wanted,
    disk::{text, Disk},
    import,
    units::Units, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Family, Handler, Refusal, Request, Writer};
use stmf_model::Guid;
use stmf_uapi::sbd::{self as uapi, Command, Lu};

/// The family.
pub(crate) static FAMILY: Family = Family {
    name: uapi::FAMILY_C,
    version: uapi::VERSION,
    operations: Command::OPERATIONS,
    handlers: &[
        Handler::Do(Command::LuCreate as u8, create),
        Handler::Do(Command::LuDelete as u8, delete),
        Handler::Do(Command::LuGet as u8, get),
        Handler::Dump(Command::LuGet as u8, dump),
        Handler::Do(Command::LuModify as u8, modify),
        Handler::Do(Command::LuImport as u8, import),
    ],
    groups: &[],
};

fn create(request: &Request<'_>, reply: &mut Writer<'_>) -> Result<(), Refusal> {
    let units = Units::get()?;
    let guid = Wanted::read(request)?.create(&units)?;
    reply.bytes(Lu::Guid as u16, guid.as_bytes())?;
    Ok(())
}

fn import(request: &Request<'_>, reply: &mut Writer<'_>) -> Result<(), Refusal> {
    let units = Units::get()?;
    let guid = import::import(request, &units)?;
    reply.bytes(Lu::Guid as u16, guid.as_bytes())?;
    Ok(())
}

fn modify(request: &Request<'_>, _reply: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request)?;
    let units = Units::get()?;
    Change::read(request)?.make(&units, &guid)
}

fn delete(request: &Request<'_>, _reply: &mut Writer<'_>) -> Result<(), Refusal> {
    Units::get()?.delete(&guid(request)?)
}

fn get(request: &Request<'_>, reply: &mut Writer<'_>) -> Result<(), Refusal> {
    let guid = guid(request)?;
    Units::get()?.read(|table| Ok(write(reply, &table.get(&guid)?.disk)?))
}

/// Lists the disks. The cursor is the number of those listed so far; when the table changes between
/// two calls the generation says so, and the caller asks again.
fn dump(_request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    Units::get()?.read(|table| {
        dump.set_generation(table.generation);
        let mut done = dump.cursor();
        for disk in table
            .iter()
            .skip(usize::try_from(done).unwrap_or(usize::MAX))
        {
            if !dump.entry(|writer| write(writer, disk))? {
                break;
            }
            done = done.wrapping_add(1);
            dump.set_cursor(done);
        }
        Ok(())
    })
}

fn guid(request: &Request<'_>) -> Result<Guid, Refusal> {
    request
        .array(Lu::Guid as u16)
        .map(Guid::new)
        .ok_or_else(|| request.missing(Lu::Guid as u16, "the GUID"))
}

fn write(writer: &mut Writer<'_>, disk: &Disk) -> Result {
    let names = &disk.names;
    writer.bytes(Lu::Guid as u16, disk.guid.as_bytes())?;
    writer.bytes(Lu::File as u16, names.file.to_bytes_with_nul())?;
    writer.uint(Lu::Size as u16, disk.geometry().size())?;
    writer.u32(Lu::BlockSize as u16, disk.geometry().block_size())?;
    let store = disk.changeable.store.as_ref();
    if let Some(path) = store.and_then(|store| store.path.as_ref()) {
        writer.bytes(Lu::MetaFile as u16, path.to_bytes_with_nul())?;
    }
    let in_head = store.is_some_and(|store| store.is_in_head());
    writer.u8(Lu::MetaHead as u16, in_head.into())?;
    let texts = disk.texts();
    writer.text(Lu::Alias as u16, text(&texts.alias))?;
    writer.text(Lu::VendorId as u16, text(&names.vendor))?;
    writer.text(Lu::ProductId as u16, text(&names.product))?;
    writer.text(Lu::Revision as u16, text(&names.revision))?;
    if let Some(serial) = &texts.serial {
        writer.text(Lu::Serial as u16, text(serial))?;
    }
    if !texts.mgmt_url.is_empty() {
        writer.text(Lu::MgmtUrl as u16, text(&texts.mgmt_url))?;
    }
    writer.u8(Lu::WriteProtect as u16, disk.is_write_protected().into())?;
    writer.u8(Lu::WriteCacheDisable as u16, disk.is_write_through().into())?;
    let traits = disk.traits();
    writer.u32(Lu::PhysicalBlockSize as u16, traits.physical_block)?;
    writer.u32(Lu::RotationRate as u16, disk.rotation().code().into())?;
    writer.u8(Lu::Unmap as u16, traits.unmap.into())?;
    let removable = disk.changeable.door.is_there();
    writer.u8(Lu::Removable as u16, removable.into())?;
    // A device that can't give space back has all it needs.
    let thin = disk.shape.thin && (disk.medium.kind != uapi::Backend::Block || traits.unmap);
    writer.u8(Lu::Thin as u16, thin.into())?;
    if let Some(percent) = disk.medium.threshold.percent() {
        writer.u8(Lu::Threshold as u16, percent)?;
    }
    writer.u8(Lu::Gone as u16, disk.medium.is_gone().into())?;
    writer.u32(Lu::Backend as u16, disk.medium.kind as u32)
}
