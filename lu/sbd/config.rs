// SPDX-License-Identifier: GPL-2.0

//! What is asked of a new disk, and whether it can be had.
//!
//! Every refusal is a sentence that begins with the name of the property at fault. Nothing is left
//! behind by a refused request.

use crate::{
    backend::Backend,
    changeable::Changeable,
    disk::{Disk, Geometry, Names, Shape, Texts},
    medium::Medium,
    units::Units, //
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
    random, //
};
use stmf_model::{Guid, GuidSource};
use stmf_scsi::vpd::RotationRate;
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
    guid: Guid,
    file: &'a CStr,
    size: Option<u64>,
    block_size: Option<u32>,
    alias: Option<&'a str>,
    vendor: &'a str,
    product: &'a str,
    serial: Option<&'a str>,
    revision: &'a str,
    mgmt_url: &'a str,
    shape: Shape,
    write_protect: bool,
    write_cache_disable: bool,
    removable: bool,
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
            file: file(request)?,
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
        let medium = Medium::new(backend, geometry, crate::queue()?)?;
        let disk = Disk::new(
            self.guid,
            self.names()?,
            self.texts()?,
            self.shape,
            self.write_protect,
            medium,
            Changeable::new(!self.write_cache_disable, self.removable)?,
        )?;
        self.add(units, &disk)?;
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
            let text = format_args!("size: {size} is no multiple of the block size, {block_size}");
            Refusal::new(EINVAL, text).at(at as u16)
        })
    }

    /// Enters the disk; a file that is too short is extended first, but only for good.
    fn add(&self, units: &Units, disk: &Arc<Disk>) -> Result<(), Refusal> {
        let mut place = units.claim(disk)?;
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

fn file<'a>(request: &Request<'a>) -> Result<&'a CStr, Refusal> {
    let path = request
        .bytes(Lu::File as u16)
        .and_then(|bytes| CStr::from_bytes_until_nul(bytes).ok())
        .ok_or_else(|| request.missing(Lu::File as u16, "file"))?;
    if !path.to_bytes().starts_with(b"/") {
        return Err(refuse!(EINVAL, File, "file: it must be an absolute path"));
    }
    Ok(path)
}

fn block_size(request: &Request<'_>) -> Result<Option<u32>, Refusal> {
    let Some(size) = request.u32(Lu::BlockSize as u16) else {
        return Ok(None);
    };
    if !size.is_power_of_two() || !Geometry::BLOCK_SIZE.contains(&size) {
        return Err(refuse!(
            EINVAL,
            BlockSize,
            "block-size: it must be 512, 1024, 2048 or 4096"
        ));
    }
    Ok(Some(size))
}

/// What initiators are to be told instead of what the backing store says.
fn shape(request: &Request<'_>) -> Result<Shape, Refusal> {
    let physical_block = request.u32(Lu::PhysicalBlockSize as u16);
    if physical_block.is_some_and(|size| !size.is_power_of_two() || size > PHYSICAL_BLOCK_MAX) {
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
            let text = format_args!("{name}: it must be printable ASCII");
            Err(Refusal::new(EINVAL, text).at(number))
        }
    }
}
