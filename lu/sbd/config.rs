// SPDX-License-Identifier: GPL-2.0

//! What is asked of a new disk, and whether it can be had.
//!
//! Every refusal is a sentence that begins with the name of the property at fault. Nothing is left
//! behind by a refused request.

use crate::{
    backend::Backend,
    changeable::{Changeable, Saved},
    disk::{text, Disk, Geometry, Names, Shape, Texts},
    identifying::Information,
    keeper,
    medium::Medium,
    meta::{self, Store},
    modes::Modes,
    reserve,
    space::Threshold,
    units::Units, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};
use stmf::loss::Losses;
use stmf_kernel::{
    block::Device,
    fs::{self, Access, File, SmallFile},
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
use stmf_uapi::sbd::{Lu, ALIAS_MAX, FOREIGN_HEAD, RAM};

/// What initiators see as vendor and product unless told otherwise. Not those of the disks of
/// Solaris (`SUN`, `COMSTAR`), which are another product with other abilities.
const VENDOR: &str = "COMSTAR";
const PRODUCT: &str = "LINUX DISK";
const REVISION: &str = "0.1";

/// The block size of a disk on a file, unless told otherwise.
const FILE_BLOCK_SIZE: u32 = 512;

/// Disks in memory have one part in so many of it together, unless forced.
const MEMORY_PART: u64 = 2;

/// The largest physical block, in bytes: a larger one means nothing to initiators.
const PHYSICAL_BLOCK_MAX: u32 = 1 << 20;

/// What is asked of a new disk.
pub(crate) struct Wanted<'a> {
    pub(crate) guid: Guid,
    pub(crate) file: &'a CStr,
    pub(crate) meta_file: Option<&'a CStr>,
    pub(crate) meta_head: bool,
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
    pub(crate) threshold: Option<u8>,
    /// Even if something in the file or device is lost by it, or much of the memory taken.
    pub(crate) force: bool,
    /// Whether it begins offline, whatever the service says.
    pub(crate) offline: bool,
    /// Whether the disk was there before, so that its data are.
    pub(crate) is_known: bool,
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
            file: data_path(request)?.ok_or_else(|| request.missing(Lu::File as u16, "file"))?,
            meta_file: path(request, Lu::MetaFile, "meta-file")?,
            meta_head: request.u8(Lu::MetaHead as u16) == Some(1),
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
            threshold: request.u8(Lu::Threshold as u16),
            force: request.bytes(Lu::Force as u16).is_some(),
            offline: request.bytes(Lu::Offline as u16).is_some(),
            is_known: false,
        })
    }

    /// Opens the backing store and makes the disk. May sleep, as long as the device or the file
    /// system takes.
    pub(crate) fn create(&self, units: &Units) -> Result<Guid, Refusal> {
        self.check_metadata()?;
        let (backend, geometry) = self.open(units)?;
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
        let space = backend.space();
        if self.threshold.is_some() && space.is_none() {
            let text = format_args!("threshold: only a disk on a file has a limit of space");
            return Err(Refusal::new(EINVAL, text).at(Lu::Threshold as u16));
        }
        let losses = Arc::new(Losses::new(), GFP_KERNEL)?;
        let store = match self.meta_file {
            None if self.meta_head => {
                let noted = backend.notes_failed_flushes().then(|| losses.clone());
                Some(Store::in_head(backend.small_file(), noted)?)
            }
            path => path.map(open_store).transpose()?,
        };
        let mut place = units.claim(self.guid, self.file, &backend, store.as_deref())?;
        if !self.meta_head && !self.force {
            self.check_head(&backend.small_file())?;
        }
        let saved = match &store {
            Some(store) if self.meta_head && self.force => self.saved_or_forgotten(store)?,
            Some(store) => self.saved(store)?,
            None => Saved::default(),
        };
        let there = backend.whole_size()?;
        let has_thresholds = space.is_some() && self.shape.unmaps(&backend.traits());
        let threshold = Threshold::new(self.threshold, space);
        let wce = saved
            .modes
            .map_or(!self.write_cache_disable, |modes| modes.wce);
        let medium = Medium::new(
            backend.through(!wce),
            geometry,
            threshold,
            crate::queue()?,
            losses,
        )?;
        let modes = Modes::new(!self.write_cache_disable, has_thresholds, saved.modes);
        let disk = Disk::new(
            self.guid,
            self.names()?,
            self.texts()?,
            self.shape,
            self.write_protect,
            medium.clone(),
            Changeable::new(medium, modes, self.removable, store, saved)?,
        )?;
        let made = self.extend(&disk);
        made.and_then(|()| self.save(&disk))
            .and_then(|()| place.fill(&disk, self.offline))
            .inspect_err(|_| {
                // Nobody had the disk, so nothing was written behind the old end but by us.
                let backend = disk.medium.backend().filter(|_| disk.is_writable());
                let _ = backend.map(|backend| backend.set_whole_size(there));
            })?;
        Ok(self.guid)
    }

    /// Opens the backing store.
    fn open(&self, units: &Units) -> Result<(Backend, Geometry), Refusal> {
        if is_in_memory(self.file) {
            return self.make_memory(units);
        }
        match fs::Kind::of(self.file).map_err(|error| self.cannot_open(error))? {
            fs::Kind::BlockDevice => self.open_device(units),
            fs::Kind::Regular => self.open_file(),
            fs::Kind::Directory => Err(refuse!(EISDIR, File, "file: it is a directory")),
            fs::Kind::Other => {
                let text = format_args!("file: it is neither a block device nor a regular file");
                Err(Refusal::new(EINVAL, text).at(Lu::File as u16))
            }
        }
    }

    /// Extends a file that is too short, and has it take its space if it is to have all of it. The file of
    /// a disk that was there before isn't extended: what it lacks is lost, and would read as zeros.
    fn extend(&self, disk: &Disk) -> Result<(), Refusal> {
        let backend = disk.medium.backend().ok_or(ENODEV)?;
        let (size, there) = (disk.geometry().size(), backend.size()?);
        if size > there && self.is_known {
            return Err(refuse!(
                EINVAL,
                File,
                "file: it has {there} bytes and the disk {size}: the rest is lost"
            ));
        }
        if size > there {
            backend
                .set_size(size)
                .map_err(|error| refuse!(error, Size, "size: the file can't be made so long"))?;
        }
        if self.shape.thin || !disk.is_writable() {
            return Ok(());
        }
        backend.allocate(size).map_err(cannot_allocate)
    }

    /// Refuses places for metadata that can't be.
    fn check_metadata(&self) -> Result<(), Refusal> {
        if self.meta_head && self.meta_file.is_some() {
            let text = format_args!("meta-head: there is a meta-file already");
            return Err(Refusal::new(EINVAL, text).at(Lu::MetaHead as u16));
        }
        if self.meta_head && is_in_memory(self.file) {
            let text = format_args!("meta-head: what is in memory isn't there after a restart");
            return Err(Refusal::new(EINVAL, text).at(Lu::MetaHead as u16));
        }
        Ok(())
    }

    /// Refuses a file or device that has metadata in its head which would become data.
    fn check_head(&self, file: &SmallFile) -> Result<(), Refusal> {
        let owner = meta::owner_of_head(file)
            .map_err(|error| refuse!(error, File, "file: its beginning can't be read"))?;
        match owner {
            None => Ok(()),
            Some(owner) => Err(refuse!(
                EEXIST,
                File,
                "{FOREIGN_HEAD}{owner} in its head; import that, or use force"
            )),
        }
    }

    /// As [`Wanted::saved`]; what is there and can't be used is forgotten.
    fn saved_or_forgotten(&self, store: &Store) -> Result<Saved, Refusal> {
        match self.saved(store) {
            Err(refusal) if matches!(refusal.error(), EEXIST | EINVAL | EOPNOTSUPP | EUCLEAN) => {
                store.forget().map_err(|error| {
                    refuse!(error, MetaHead, "meta-head: the head can't be written")
                })?;
                Ok(Saved::default())
            }
            saved => saved,
        }
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

    /// (Metadata are written of a disk that initiators may not write, too.)
    fn access(&self) -> Access {
        if self.write_protect && !self.meta_head {
            Access::ReadOnly
        } else {
            Access::ReadWrite
        }
    }

    fn open_device(&self, units: &Units) -> Result<(Backend, Geometry), Refusal> {
        let opened = Device::open(self.file, self.access(), keeper::look_now);
        let device = opened.map_err(|error| match error {
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
        let backend = self.behind_head(Backend::from(device));
        let there = backend.size()?;
        let size = self.size.unwrap_or(there);
        if size > there {
            return Err(refuse!(
                EINVAL,
                Size,
                "size: the device has only {there} bytes"
            ));
        }
        let geometry = self.geometry(size, block_size)?;
        Ok((backend, geometry))
    }

    fn behind_head(&self, backend: Backend) -> Backend {
        if self.meta_head {
            backend.behind_head()
        } else {
            backend
        }
    }

    /// A disk in memory: all of these together have no more than a part of it.
    fn make_memory(&self, units: &Units) -> Result<(Backend, Geometry), Refusal> {
        let Some(size) = self.size else {
            let text = format_args!("size: a disk in memory needs one");
            return Err(Refusal::new(EINVAL, text).at(Lu::Size as u16));
        };
        let geometry = self.geometry(size, self.block_size.unwrap_or(FILE_BLOCK_SIZE))?;
        let limit = fs::memory_total() / MEMORY_PART;
        let together = units.in_memory().saturating_add(size);
        if together > limit && !self.force {
            return Err(refuse!(
                ENOMEM,
                Size,
                "size: disks in memory would have {together} bytes, of {limit}; use force"
            ));
        }
        let file = File::in_memory(size)
            .map_err(|error| refuse!(error, Size, "size: there is not so much memory"))?;
        Ok((Backend::from(file), geometry))
    }

    fn open_file(&self) -> Result<(Backend, Geometry), Refusal> {
        let block_size = self.block_size.unwrap_or(FILE_BLOCK_SIZE);
        let file = File::open(self.file, self.access(), block_size)
            .map_err(|error| self.cannot_open(error))?;
        let backend = self.behind_head(Backend::from(file));
        let there = backend.size()?;
        let size = self.size.unwrap_or(there);
        if size > there && self.write_protect {
            return Err(refuse!(
                EINVAL,
                Size,
                "size: the file has only {there} bytes, and write-protect is set"
            ));
        }
        let geometry = self.geometry(size, block_size)?;
        Ok((backend, geometry))
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
            Some(kept) if kept.head != self.meta_head => Err(self.other_place(&kept)),
            Some(kept) if kept.guid == self.guid => Ok(Saved {
                modes: kept.modes.map(modes).transpose()?,
                reservations: reserve::restore(kept.reservations).map_err(|error| {
                    refuse!(
                        EUCLEAN,
                        MetaFile,
                        "meta-file: the registrations in it can't be read: {error:?}"
                    )
                })?,
                information: Information::restore(&kept)?.ok_or(refuse!(
                    EUCLEAN,
                    MetaFile,
                    "meta-file: the identifying information in it is too long"
                ))?,
            }),
            Some(kept) if self.meta_head => Err(refuse!(
                EEXIST,
                MetaHead,
                "meta-head: it has the metadata of LU {}; import that, or use force",
                kept.guid
            )),
            Some(kept) => Err(refuse!(
                EEXIST,
                MetaFile,
                "meta-file: it has the metadata of LU {}; import that, or choose another file",
                kept.guid
            )),
        })
    }

    /// The refusal for metadata that belong elsewhere.
    fn other_place(&self, kept: &Metadata<'_>) -> Refusal {
        if self.meta_head {
            refuse!(
                EEXIST,
                MetaHead,
                "meta-head: it is the file with the metadata of LU {}",
                kept.guid
            )
        } else {
            refuse!(
                EEXIST,
                MetaFile,
                "meta-file: it has the metadata of LU {} and its data",
                kept.guid
            )
        }
    }

    /// Keeps what the disk is, if that is to be kept.
    fn save(&self, disk: &Disk) -> Result<(), Refusal> {
        let Some(store) = &disk.changeable.store else {
            return Ok(());
        };
        let texts = disk.texts();
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
                head: self.meta_head,
                thin: self.shape.thin,
                threshold: self.threshold,
                modes: old.and_then(|old| old.modes),
                reservations: old.map_or(&[], |old| old.reservations),
                identifying: old.and_then(|old| old.identifying),
                identifying_text: old.and_then(|old| old.identifying_text),
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
            EACCES | EPERM | EROFS if self.meta_head => {
                refuse!(
                    error,
                    File,
                    "file: it is read-only, and the metadata are to be in it"
                )
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

/// The refusal when there is no space for all of a disk.
pub(crate) fn cannot_allocate(error: Error) -> Refusal {
    match error {
        EOPNOTSUPP => refuse!(
            error,
            Thin,
            "thin: the file system can't give space in advance"
        ),
        ENOSPC => refuse!(error, Thin, "thin: there is no space for all of the disk"),
        _ => refuse!(error, Thin, "thin: space for all of the disk can't be had"),
    }
}

/// Whether a disk's file is the name of memory.
pub(crate) fn is_in_memory(file: &CStr) -> bool {
    file.to_bytes().starts_with(RAM.as_bytes())
}

/// Opens a file for metadata.
pub(crate) fn open_store(path: &CStr) -> Result<Arc<Store>, Refusal> {
    Store::open(path).map_err(cannot_open_store)
}

/// Opens a file of metadata, or a file or device with metadata in its head, to see what there is.
pub(crate) fn open_to_read(path: &CStr) -> Result<Arc<Store>, Refusal> {
    Store::to_read(path).map_err(cannot_open_store)
}

fn cannot_open_store(error: Error) -> Refusal {
    match error {
        ENOENT | ENOTDIR => refuse!(error, MetaFile, "meta-file: there is no such file"),
        EINVAL | EISDIR => refuse!(error, MetaFile, "meta-file: it is not a regular file"),
        EROFS | EACCES | EPERM => refuse!(error, MetaFile, "meta-file: it may not be written"),
        _ => refuse!(error, MetaFile, "meta-file: it can't be opened"),
    }
}

/// Looks for metadata in a file.
pub(crate) fn load(store: &Store) -> Result<(), Refusal> {
    let at = store.property();
    let found = store
        .load()
        .map_err(|error| refuse!(error, MetaFile, "{at}: it can't be read"))?;
    found.map_err(|unusable| match unusable {
        Unusable::Foreign => refuse!(
            EINVAL,
            MetaFile,
            "{at}: it has something else in it, which is not overwritten"
        ),
        Unusable::Damaged => refuse!(EUCLEAN, MetaFile, "{at}: the metadata are damaged"),
        Unusable::Newer(version) => refuse!(
            EOPNOTSUPP,
            MetaFile,
            "{at}: the metadata are of version {version}, which is newer than this module"
        ),
    })
}

/// Saved mode parameters.
fn modes(saved: &[u8]) -> Result<Values, Refusal> {
    Values::parse(saved).ok_or_else(|| {
        refuse!(
            EUCLEAN,
            MetaFile,
            "meta-file: the mode parameters in it can't be read"
        )
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

/// Where the data are, if that is said: an absolute path, or the name of memory.
pub(crate) fn data_path<'a>(request: &Request<'a>) -> Result<Option<&'a CStr>, Refusal> {
    let bytes = request.bytes(Lu::File as u16);
    match bytes.and_then(|bytes| CStr::from_bytes_until_nul(bytes).ok()) {
        Some(name) if is_in_memory(name) && is_data_name(name) => Ok(Some(name)),
        Some(name) if is_in_memory(name) => Err(refuse!(
            EINVAL,
            File,
            "file: after ram: there must be a name of printable ASCII"
        )),
        _ => path(request, Lu::File, "file"),
    }
}

/// Whether data can be there: an absolute path, or the name of memory.
pub(crate) fn is_data_name(name: &CStr) -> bool {
    match name.to_bytes().strip_prefix(RAM.as_bytes()) {
        None => name.to_bytes().starts_with(b"/"),
        Some(rest) => !rest.is_empty() && rest.iter().all(|byte| matches!(byte, 0x21..=0x7e)),
    }
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
    let unmap = request.u8(Lu::Unmap as u16).map(|unmap| unmap == 1);
    let thin = request.u8(Lu::Thin as u16) != Some(0);
    if unmap == Some(true) && !thin {
        return Err(refuse!(
            EINVAL,
            Unmap,
            "unmap: a disk that isn't thin gives no space back"
        ));
    }
    Ok(Shape {
        physical_block,
        rotation,
        unmap,
        thin,
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
