// SPDX-License-Identifier: GPL-2.0

//! What is asked of a new disk, and whether it can be had.
//!
//! Every refusal is a sentence that begins with the name of the property at fault. Nothing is left
//! behind by a refused request.

use crate::{
    backend::Backend,
    changeable::{Changeable, Saved},
    disk::{text, Disk, Geometry, Names, Shape, Texts},
    medium::Medium,
    meta::{self, Store},
    reserve,
    units::{Place, Units}, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};
use stmf_kernel::{
    block::Device,
    fs::{self, Access, File},
    genl::{Refusal, Request},
    io::Failure,
    random, //
};
use stmf_model::{
    metadata::{Metadata, Unusable},
    Guid,
    GuidSource, //
};
use stmf_scsi::{
    mode::Values,
    vpd::RotationRate, //
};
use stmf_uapi::sbd::{Lu, ALIAS_MAX};

/// What initiators see as vendor and product unless told otherwise. Not those of the disks of
/// Solaris (`SUN`, `COMSTAR`), which are another product with other abilities.
const VENDOR: &str = "COMSTAR";
const PRODUCT: &str = "LINUX DISK";
const REVISION: &str = "0.1";

/// The block size of a disk on a file, unless told otherwise.
const FILE_BLOCK_SIZE: u32 = 512;

/// The largest physical block, in bytes: a larger one means nothing to initiators.
const PHYSICAL_BLOCK_MAX: u32 = 1 << 20;

/// What is asked of a new disk.
pub(crate) struct Wanted<'a> {
    pub(crate) guid: Guid,
    pub(crate) file: &'a CStr,
    pub(crate) meta_file: Option<&'a CStr>,
    pub(crate) size: Option<u64>,
    pub(crate) block_size: Option<u32>,
    pub(crate) alias: Option<&'a str>,
    pub(crate) vendor: &'a str,
    pub(crate) product: &'a str,
    pub(crate) serial: Option<&'a str>,
    pub(crate) revision: &'a str,
    pub(crate) mgmt_url: &'a str,
    pub(crate) shape: Shape,
    pub(crate) write_protect: bool,
    pub(crate) write_cache_disable: bool,
    pub(crate) removable: bool,
}

/// A refusal because of one property.
macro_rules! refuse {
    ($error:expr, $attribute:ident, $($text:tt)*) => {
        Refusal::new($error, format_args!($($text)*)).at(Lu::$attribute as u16)
    };
}
pub(crate) use refuse;

impl<'a> Wanted<'a> {
    /// Reads a request, and refuses what is wrong by itself.
    pub(crate) fn read(request: &Request<'a>) -> Result<Self, Refusal> {
        Ok(Self {
            guid: guid(request)?,
            file: path(request, Lu::File, "file")?
                .ok_or_else(|| request.missing(Lu::File as u16, "file"))?,
            meta_file: path(request, Lu::MetaFile, "meta-file")?,
            size: request.uint(Lu::Size as u16),
            block_size: block_size(request)?,
            alias: request.text(Lu::Alias as u16),
            vendor: printable(request, Lu::VendorId, "vendor-id")?.unwrap_or(VENDOR),
            product: printable(request, Lu::ProductId, "product-id")?.unwrap_or(PRODUCT),
            serial: printable(request, Lu::Serial, "serial")?,
            revision: printable(request, Lu::Revision, "revision")?.unwrap_or(REVISION),
            mgmt_url: printable(request, Lu::MgmtUrl, "mgmt-url")?.unwrap_or(""),
            shape: shape(request)?,
            write_protect: request.u8(Lu::WriteProtect as u16) == Some(1),
            write_cache_disable: request.u8(Lu::WriteCacheDisable as u16) == Some(1),
            removable: request.u8(Lu::Removable as u16) == Some(1),
        })
    }

    /// Opens the backing store and makes the disk. May sleep, as long as the device or the file
    /// system takes.
    pub(crate) fn create(&self, units: &Units) -> Result<Guid, Refusal> {
        let kind = fs::Kind::of(self.file).map_err(|error| self.cannot_open(error))?;
        let (backend, geometry) = match kind {
            fs::Kind::BlockDevice => self.open_device(units)?,
            fs::Kind::Regular => self.open_file()?,
            fs::Kind::Directory => return Err(refuse!(EISDIR, File, "file: it is a directory")),
            fs::Kind::Other => {
                let text = format_args!("file: it is neither a block device nor a regular file");
                return Err(Refusal::new(EINVAL, text).at(Lu::File as u16));
            }
        };
        let smallest = geometry.block_size();
        if self
            .shape
            .physical_block
            .is_some_and(|size| size < smallest)
        {
            return Err(refuse!(
                EINVAL,
                PhysicalBlockSize,
                "physical-block-size: the disk's blocks have {smallest} bytes"
            ));
        }
        let store = self.meta_file.map(open_store).transpose()?;
        let place = units.claim(self.guid, &backend, store.as_deref())?;
        let saved = match &store {
            Some(store) => self.saved(store)?,
            None => Saved::default(),
        };
        let medium = Medium::new(backend, geometry, crate::queue()?)?;
        let wce = !self.write_cache_disable;
        let disk = Disk::new(
            self.guid,
            self.names()?,
            self.texts()?,
            self.shape,
            self.write_protect,
            medium.clone(),
            Changeable::new(medium, wce, self.removable, store, saved)?,
        )?;
        self.save(&disk)?;
        add(place, &disk)?;
        Ok(self.guid)
    }

    fn names(&self) -> Result<Names, Refusal> {
        Ok(Names {
            digits: CString::try_from_fmt(format_args!("{}", self.guid))?,
            file: CString::try_from(self.file)?,
            vendor: CString::try_from_fmt(fmt!("{}", self.vendor))?,
            product: CString::try_from_fmt(fmt!("{}", self.product))?,
            revision: CString::try_from_fmt(fmt!("{}", self.revision))?,
        })
    }

    fn texts(&self) -> Result<Texts, Refusal> {
        let path = self.file.to_str().ok();
        let alias = self.alias.or(path.filter(|path| path.len() <= ALIAS_MAX));
        Ok(Texts {
            alias: CString::try_from_fmt(fmt!("{}", alias.unwrap_or("")))?,
            serial: match self.serial {
                Some(serial) => Some(CString::try_from_fmt(fmt!("{serial}"))?),
                None => None,
            },
            mgmt_url: CString::try_from_fmt(fmt!("{}", self.mgmt_url))?,
        })
    }

    fn access(&self) -> Access {
        if self.write_protect {
            Access::ReadOnly
        } else {
            Access::ReadWrite
        }
    }

    fn open_device(&self, units: &Units) -> Result<(Backend, Geometry), Refusal> {
        let device = Device::open(self.file, self.access()).map_err(|error| match error {
            EBUSY => units.device_in_use(self.file),
            error => self.cannot_open(error),
        })?;
        let limits = device.limits();
        if limits.zoned {
            return Err(refuse!(EOPNOTSUPP, File, "file: it is a zoned device"));
        }
        let smallest = limits.logical_block_size;
        let block_size = self.block_size.unwrap_or(smallest);
        if smallest > *Geometry::BLOCK_SIZE.end() {
            return Err(refuse!(
                EOPNOTSUPP,
                File,
                "file: the device's blocks are too large, {smallest} bytes"
            ));
        }
        if block_size < smallest {
            return Err(refuse!(
                EINVAL,
                BlockSize,
                "block-size: the device's own blocks have {smallest} bytes"
            ));
        }
        let there = device.size();
        let size = self.size.unwrap_or(there);
        if size > there {
            return Err(refuse!(
                EINVAL,
                Size,
                "size: the device has only {there} bytes"
            ));
        }
        let geometry = self.geometry(size, block_size)?;
        Ok((Backend::Block(device), geometry))
    }

    fn open_file(&self) -> Result<(Backend, Geometry), Refusal> {
        let block_size = self.block_size.unwrap_or(FILE_BLOCK_SIZE);
        let file = File::open(self.file, self.access(), block_size)
            .map_err(|error| self.cannot_open(error))?;
        let there = file.size()?;
        let size = self.size.unwrap_or(there);
        if size > there && self.write_protect {
            return Err(refuse!(
                EINVAL,
                Size,
                "size: the file has only {there} bytes, and write-protect is set"
            ));
        }
        let geometry = self.geometry(size, block_size)?;
        Ok((Backend::File(file), geometry))
    }

    fn geometry(&self, size: u64, block_size: u32) -> Result<Geometry, Refusal> {
        let at = match self.size {
            Some(_) => Lu::Size,
            None => Lu::File,
        };
        if size == 0 {
            return Err(Refusal::new(EINVAL, format_args!("size: it is 0")).at(at as u16));
        }
        if i64::try_from(size).is_err() {
            return Err(Refusal::new(EFBIG, format_args!("size: it is too large")).at(at as u16));
        }
        Geometry::new(size, block_size).ok_or_else(|| {
            Refusal::new(
                EINVAL,
                format_args!("size: {size} is no multiple of the block size, {block_size}"),
            )
            .at(at as u16)
        })
    }

    /// What the metadata of the disk have of its state. Refuses metadata of others, and all that
    /// can't be read: whatever is in the file is not overwritten then.
    fn saved(&self, store: &Store) -> Result<Saved, Refusal> {
        load(store)?;
        store.look(|kept| match kept {
            None => Ok(Saved::default()),
            Some(kept) if kept.guid == self.guid => Ok(Saved {
                modes: kept.modes.map(Values::from_bits),
                reservations: reserve::restore(kept.reservations).map_err(|error| {
                    refuse!(
                        EUCLEAN,
                        MetaFile,
                        "meta-file: the registrations in it can't be read: {error:?}"
                    )
                })?,
            }),
            Some(kept) => Err(refuse!(
                EEXIST,
                MetaFile,
                "meta-file: it has the metadata of LU {}; import that, or choose another file",
                kept.guid
            )),
        })
    }

    /// Keeps what the disk is, if that is to be kept.
    fn save(&self, disk: &Disk) -> Result<(), Refusal> {
        let Some(store) = &disk.changeable.store else {
            return Ok(());
        };
        let texts = disk.texts.lock();
        let saved = store.save(|old| {
            meta::record(&Metadata {
                guid: self.guid,
                file: self.file,
                size: disk.geometry().size(),
                block_size: disk.geometry().block_size(),
                alias: text(&texts.alias),
                vendor: self.vendor,
                product: self.product,
                revision: self.revision,
                serial: self.serial,
                mgmt_url: self.mgmt_url,
                physical_block: self.shape.physical_block,
                rotation: self.shape.rotation.map(|rotation| rotation.code()),
                unmap: self.shape.unmap,
                write_protect: self.write_protect,
                write_cache_disable: self.write_cache_disable,
                removable: self.removable,
                modes: old.and_then(|old| old.modes),
                reservations: old.map_or(&[], |old| old.reservations),
            })
        });
        saved.map_err(not_saved)
    }

    /// The refusal for a path that can't be opened.
    fn cannot_open(&self, error: Error) -> Refusal {
        match error {
            ENOENT | ENOTDIR => refuse!(error, File, "file: there is no such file or device"),
            ENODEV | ENXIO | ENOMEDIUM => {
                refuse!(error, File, "file: there is no device behind it")
            }
            EACCES | EPERM | EROFS if self.write_protect => {
                refuse!(error, File, "file: it may not be read")
            }
            EACCES | EPERM | EROFS => refuse!(
                error,
                File,
                "file: it is read-only; that takes write-protect"
            ),
            ETXTBSY => refuse!(error, File, "file: it is being executed"),
            _ => refuse!(error, File, "file: it can't be opened"),
        }
    }
}

/// Enters the disk; a file that is too short is extended first, but only for good.
fn add(mut place: Place<'_>, disk: &Arc<Disk>) -> Result<(), Refusal> {
    let Backend::File(file) = disk.backend() else {
        return place.fill(disk);
    };
    let (there, size) = (file.size()?, disk.geometry().size());
    if size <= there {
        return place.fill(disk);
    }
    file.set_size(size)
        .map_err(|error| refuse!(error, Size, "size: the file can't be made so long"))?;
    place.fill(disk).inspect_err(|_| {
        // Nobody had the disk, so nothing was written behind the old end.
        let _ = file.set_size(there);
    })
}

/// Opens a file for metadata.
pub(crate) fn open_store(path: &CStr) -> Result<Arc<Store>, Refusal> {
    Store::open(path).map_err(|error| match error {
        ENOENT | ENOTDIR => refuse!(error, MetaFile, "meta-file: there is no such file"),
        EINVAL | EISDIR => refuse!(error, MetaFile, "meta-file: it is not a regular file"),
        EROFS | EACCES | EPERM => refuse!(error, MetaFile, "meta-file: it may not be written"),
        _ => refuse!(error, MetaFile, "meta-file: it can't be opened"),
    })
}

/// Looks for metadata in a file.
pub(crate) fn load(store: &Store) -> Result<(), Refusal> {
    let found = store
        .load()
        .map_err(|error| refuse!(error, MetaFile, "meta-file: it can't be read"))?;
    found.map_err(|unusable| match unusable {
        Unusable::Foreign => refuse!(
            EINVAL,
            MetaFile,
            "meta-file: it has something else in it, which is not overwritten"
        ),
        Unusable::Damaged => refuse!(EUCLEAN, MetaFile, "meta-file: the metadata are damaged"),
        Unusable::Newer(version) => refuse!(
            EOPNOTSUPP,
            MetaFile,
            "meta-file: the metadata are of version {version}, which is newer than this module"
        ),
    })
}

/// The refusal when metadata can't be kept.
pub(crate) fn not_saved(failure: Failure) -> Refusal {
    let (error, why) = match failure {
        Failure::NoSpace => (ENOSPC, "no space is left"),
        Failure::ReadOnly => (EROFS, "it may not be written"),
        Failure::Timeout => (ETIMEDOUT, "it doesn't answer"),
        Failure::Busy => (ENOMEM, "there is no memory"),
        _ => (EIO, "it can't be written"),
    };
    refuse!(error, MetaFile, "meta-file: {why}; nothing was changed")
}

/// The GUID asked for, or a new one.
fn guid(request: &Request<'_>) -> Result<Guid, Refusal> {
    let Some(bytes) = request.array(Lu::Guid as u16) else {
        return Ok(GuidSource::default().make(random::bytes()));
    };
    let guid = Guid::new(bytes);
    if !guid.is_naa6() {
        return Err(refuse!(EINVAL, Guid, "guid: its first digit must be 6"));
    }
    Ok(guid)
}

/// An absolute path, if there is one.
pub(crate) fn path<'a>(
    request: &Request<'a>,
    attribute: Lu,
    name: &str,
) -> Result<Option<&'a CStr>, Refusal> {
    let number = attribute as u16;
    let path = request
        .bytes(number)
        .and_then(|bytes| CStr::from_bytes_until_nul(bytes).ok());
    if path.is_some_and(|path| !path.to_bytes().starts_with(b"/")) {
        return Err(
            Refusal::new(EINVAL, format_args!("{name}: it must be an absolute path")).at(number),
        );
    }
    Ok(path)
}

fn block_size(request: &Request<'_>) -> Result<Option<u32>, Refusal> {
    let Some(size) = request.u32(Lu::BlockSize as u16) else {
        return Ok(None);
    };
    if !is_block_size(size) {
        return Err(refuse!(
            EINVAL,
            BlockSize,
            "block-size: it must be 512, 1024, 2048 or 4096"
        ));
    }
    Ok(Some(size))
}

/// Whether a disk may have such blocks.
pub(crate) fn is_block_size(size: u32) -> bool {
    size.is_power_of_two() && Geometry::BLOCK_SIZE.contains(&size)
}

/// Whether a disk may have such physical blocks.
pub(crate) fn is_physical_block(size: u32) -> bool {
    size.is_power_of_two() && size <= PHYSICAL_BLOCK_MAX
}

/// What initiators are to be told instead of what the backing store says.
fn shape(request: &Request<'_>) -> Result<Shape, Refusal> {
    let physical_block = request.u32(Lu::PhysicalBlockSize as u16);
    if physical_block.is_some_and(|size| !is_physical_block(size)) {
        return Err(refuse!(
            EINVAL,
            PhysicalBlockSize,
            "physical-block-size: it must be a power of two up to {PHYSICAL_BLOCK_MAX}"
        ));
    }
    let rotation = match request.u32(Lu::RotationRate as u16) {
        None => None,
        Some(rate) => {
            let known = u16::try_from(rate).ok().and_then(RotationRate::from_code);
            Some(known.ok_or(refuse!(
                EINVAL,
                RotationRate,
                "rotation-rate: it must be 0, 1 or 1025 to 65534"
            ))?)
        }
    };
    Ok(Shape {
        physical_block,
        rotation,
        unmap: request.u8(Lu::Unmap as u16).map(|unmap| unmap == 1),
    })
}

/// A text that goes into an ASCII field of SCSI.
pub(crate) fn printable<'a>(
    request: &Request<'a>,
    attribute: Lu,
    name: &str,
) -> Result<Option<&'a str>, Refusal> {
    let number = attribute as u16;
    if request.bytes(number).is_none() {
        return Ok(None);
    }
    match request.text(number) {
        Some(text) if text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) => Ok(Some(text)),
        _ => {
            Err(Refusal::new(EINVAL, format_args!("{name}: it must be printable ASCII")).at(number))
        }
    }
}
