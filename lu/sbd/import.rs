// SPDX-License-Identifier: GPL-2.0

//! Disks that come back from their metadata, on this machine or on another.

use crate::{
    config::{self, refuse, Wanted},
    disk::Shape,
    units::Units, //
};
use kernel::prelude::*;
use stmf_kernel::{
    fs,
    genl::{Refusal, Request}, //
};
use stmf_model::{
    metadata::Metadata,
    Guid, //
};
use stmf_scsi::vpd::RotationRate;
use stmf_uapi::sbd::{self, Lu};

/// Makes the disk that metadata describe. They are in a file of their own, and the data may be
/// elsewhere than they were; or in the head of the data. The disk may be write-protected.
pub(crate) fn import(request: &Request<'_>, units: &Units) -> Result<Guid, Refusal> {
    let meta_file = config::path(request, Lu::MetaFile, "meta-file")?
        .ok_or_else(|| request.missing(Lu::MetaFile as u16, "meta-file"))?;
    let file = config::data_path(request)?;
    let store = config::open_to_read(meta_file)?;
    config::load(&store)?;
    store.look(|kept| {
        let kept =
            kept.ok_or_else(|| refuse!(ENODATA, MetaFile, "meta-file: it has no metadata"))?;
        check(&kept)?;
        if kept.head && file.is_some() {
            return Err(refuse!(
                EINVAL,
                File,
                "file: the data are behind the metadata"
            ));
        }
        if !kept.head && fs::Kind::of(meta_file) == Ok(fs::Kind::BlockDevice) {
            let text = format_args!("meta-file: it is not a regular file");
            return Err(Refusal::new(EINVAL, text).at(Lu::MetaFile as u16));
        }
        let file = match file {
            _ if kept.head => meta_file,
            file => file.unwrap_or(kept.file),
        };
        let wanted = Wanted {
            guid: kept.guid,
            file,
            meta_file: (!kept.head).then_some(meta_file),
            meta_head: kept.head,
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
                thin: kept.thin,
            },
            write_protect: match request.u8(Lu::WriteProtect as u16) {
                Some(protect) => protect == 1,
                None => kept.write_protect,
            },
            write_cache_disable: kept.write_cache_disable,
            removable: kept.removable,
            // The data may have moved to where there is no limit.
            threshold: match fs::Kind::of(file) {
                Ok(fs::Kind::Regular) => kept.threshold,
                _ => None,
            },
            // Whatever the data begin with: they are the disk's.
            force: !kept.head,
            offline: false,
            is_known: true,
        };
        wanted.create(units)
    })
}

/// Refuses what no disk can be: the checksum was right, but who knows who made it.
fn check(kept: &Metadata<'_>) -> Result<(), Refusal> {
    let is_ascii = |text: &str| text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    let fits = |text: &str, max: usize| text.len() <= max && is_ascii(text);
    let can_be = kept.guid.is_naa6()
        && config::is_data_name(kept.file)
        && kept.file.count_bytes() <= sbd::FILE_MAX
        && kept.alias.len() <= sbd::ALIAS_MAX
        && !kept.alias.contains('\0')
        && fits(kept.vendor, sbd::VENDOR_ID_MAX)
        && fits(kept.product, sbd::PRODUCT_ID_MAX)
        && fits(kept.revision, sbd::REVISION_MAX)
        && fits(kept.serial.unwrap_or_default(), sbd::SERIAL_MAX)
        && fits(kept.mgmt_url, sbd::MGMT_URL_MAX)
        && config::is_block_size(kept.block_size)
        && kept.physical_block.is_none_or(config::is_physical_block)
        && kept
            .threshold
            .is_none_or(|percent| percent <= sbd::THRESHOLD_MAX)
        && (kept.thin || kept.unmap != Some(true));
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
