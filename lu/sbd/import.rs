// SPDX-License-Identifier: GPL-2.0

//! Disks that come back from their metadata, on this machine or on another.

use crate::{
    config::{self, refuse, Wanted},
    disk::Shape,
    units::Units, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Refusal, Request};
use stmf_model::{
    metadata::Metadata,
    Guid, //
};
use stmf_scsi::vpd::RotationRate;
use stmf_uapi::sbd::{self, Lu};

/// Makes the disk that a file of metadata describes. The data may be elsewhere than they were, and
/// the disk may be write-protected.
pub(crate) fn import(request: &Request<'_>, units: &Units) -> Result<Guid, Refusal> {
    let meta_file = config::path(request, Lu::MetaFile, "meta-file")?
        .ok_or_else(|| request.missing(Lu::MetaFile as u16, "meta-file"))?;
    let file = config::path(request, Lu::File, "file")?;
    let store = config::open_store(meta_file)?;
    config::load(&store)?;
    store.look(|kept| {
        let kept =
            kept.ok_or_else(|| refuse!(ENODATA, MetaFile, "meta-file: it has no metadata"))?;
        check(&kept)?;
        let wanted = Wanted {
            guid: kept.guid,
            file: file.unwrap_or(kept.file),
            meta_file: Some(meta_file),
            size: Some(kept.size),
            block_size: Some(kept.block_size),
            alias: Some(kept.alias),
            vendor: kept.vendor,
            product: kept.product,
            serial: kept.serial,
            revision: kept.revision,
            mgmt_url: kept.mgmt_url,
            shape: Shape {
                physical_block: kept.physical_block,
                rotation: kept.rotation.and_then(RotationRate::from_code),
                unmap: kept.unmap,
            },
            write_protect: match request.u8(Lu::WriteProtect as u16) {
                Some(protect) => protect == 1,
                None => kept.write_protect,
            },
            write_cache_disable: kept.write_cache_disable,
            removable: kept.removable,
        };
        wanted.create(units)
    })
}

/// Refuses what no disk can be: the checksum was right, but who knows who made it.
fn check(kept: &Metadata<'_>) -> Result<(), Refusal> {
    let is_ascii = |text: &str| text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    let fits = |text: &str, max: usize| text.len() <= max && is_ascii(text);
    let can_be = kept.guid.is_naa6()
        && kept.file.to_bytes().starts_with(b"/")
        && kept.file.count_bytes() <= sbd::FILE_MAX
        && kept.alias.len() <= sbd::ALIAS_MAX
        && !kept.alias.contains('\0')
        && fits(kept.vendor, sbd::VENDOR_ID_MAX)
        && fits(kept.product, sbd::PRODUCT_ID_MAX)
        && fits(kept.revision, sbd::REVISION_MAX)
        && fits(kept.serial.unwrap_or_default(), sbd::SERIAL_MAX)
        && fits(kept.mgmt_url, sbd::MGMT_URL_MAX)
        && config::is_block_size(kept.block_size)
        && kept.physical_block.is_none_or(config::is_physical_block);
    if can_be {
        return Ok(());
    }
    Err(refuse!(
        EUCLEAN,
        MetaFile,
        "meta-file: the metadata of LU {} describe no disk",
        kept.guid
    ))
}
