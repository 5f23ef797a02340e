// SPDX-License-Identifier: GPL-2.0

//! What is asked to change of a disk while it is in use.

use crate::{
    config::{self, printable, refuse},
    disk::{text, Disk, Geometry, Texts},
    exec::cache,
    meta::{self, SavedValues},
    units::Units, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};
use stmf::lu::{Audience, LuRegistration};
use stmf_kernel::genl::{Refusal, Request};
use stmf_model::{
    metadata::Metadata,
    Guid, //
};
use stmf_scsi::{
    mode::Values,
    ua::UnitAttention, //
};
use stmf_uapi::sbd::Lu;

/// What is asked to change; `None` for what is to stay.
#[derive(Default)]
pub(crate) struct Change<'a> {
    size: Option<u64>,
    alias: Option<&'a str>,
    serial: Option<&'a str>,
    mgmt_url: Option<&'a str>,
    write_protect: Option<bool>,
    write_cache_disable: Option<bool>,
    threshold: Option<u8>,
}

impl<'a> Change<'a> {
    /// Reads a request, and refuses what is wrong by itself.
    pub(crate) fn read(request: &Request<'a>) -> Result<Self, Refusal> {
        let flag = |attribute: Lu| request.u8(attribute as u16).map(|value| value == 1);
        Ok(Self {
            size: request.uint(Lu::Size as u16),
            alias: request.text(Lu::Alias as u16),
            serial: printable(request, Lu::Serial, "serial")?,
            mgmt_url: printable(request, Lu::MgmtUrl, "mgmt-url")?,
            write_protect: flag(Lu::WriteProtect),
            write_cache_disable: flag(Lu::WriteCacheDisable),
            threshold: request.u8(Lu::Threshold as u16),
        })
    }

    /// Makes the change, all of it or nothing. May sleep, as long as the file system takes.
    pub(crate) fn make(&self, units: &Units, guid: &Guid) -> Result<(), Refusal> {
        let unit = units.read(|table| table.get(guid).cloned())?;
        unit.change(|disk, registration| self.make_alone(disk, registration))?;
        units.touch();
        Ok(())
    }

    fn make_alone(&self, disk: &Disk, registration: &LuRegistration) -> Result<(), Refusal> {
        // Whatever can fail comes first, the resize of the file last.
        let geometry = self.geometry(disk)?;
        let texts = self.texts(disk)?;
        if self.write_protect == Some(false) && !disk.is_writable() {
            return Err(refuse!(
                EROFS,
                WriteProtect,
                "write-protect: the file or device is open for reading only; import the LU again"
            ));
        }
        if self.threshold.is_some() && disk.medium.threshold.percent().is_none() {
            return Err(refuse!(
                EINVAL,
                Threshold,
                "threshold: only a disk on a file has a limit of space"
            ));
        }
        // Before anybody is told that there is no cache.
        let is_switched_off = self.write_cache_disable == Some(true)
            && switch_cache(disk, registration, true).map_err(cannot_flush)?;
        self.keep_and_resize(disk, registration, geometry, &texts)
            .inspect_err(|_| {
                if is_switched_off {
                    let _ = switch_cache(disk, registration, false);
                }
            })?;
        if geometry.is_some() {
            registration.announce(UnitAttention::CapacityChanged, Audience::All);
        }
        if let Some(percent) = self.threshold {
            disk.medium.threshold.set(percent);
        }
        disk.set_texts(texts);
        if self.serial.is_some() || self.mgmt_url.is_some() {
            registration.announce(UnitAttention::InquiryDataChanged, Audience::All);
        }
        if self.protect(disk) {
            registration.announce(UnitAttention::ModeParametersChanged, Audience::All);
        }
        if self.write_cache_disable.is_some() {
            let modes = &disk.changeable.modes;
            modes.set_saved(self.modes(modes.saved()));
        }
        if self.write_cache_disable == Some(false) {
            switch_cache(disk, registration, false)?;
        }
        Ok(())
    }

    /// Keeps what is to be, and makes the disk as long as it is to be: the file is longer before that is
    /// kept, and shorter only afterwards. Sleeps.
    fn keep_and_resize(
        &self,
        disk: &Disk,
        registration: &LuRegistration,
        new: Option<Geometry>,
        texts: &Texts,
    ) -> Result<(), Refusal> {
        let old = disk.geometry();
        let Some(new) = new else {
            return self.save(disk, texts).map(|_| ());
        };
        if new.size() > old.size() {
            lengthen(disk, registration, new, || self.save(disk, texts))?;
            disk.medium.set_geometry(new);
            return Ok(());
        }
        let before = self.save(disk, texts)?;
        shorten(disk, old, new).inspect_err(|_| self.take_back(disk, &before))
    }

    /// Keeps what is to be, with all that stays, if it is to be kept; gives the record that was kept before.
    fn save(&self, disk: &Disk, texts: &Texts) -> Result<KVVec<u8>, Refusal> {
        let mut before = KVVec::new();
        let Some(store) = &disk.changeable.store else {
            return Ok(before);
        };
        let saved = store.update(|old| {
            before = meta::record(&old)?;
            let modes = old.modes.and_then(Values::parse);
            let modes = modes.map(|modes| SavedValues::new(self.modes(modes)));
            meta::record(&Metadata {
                size: self.size.unwrap_or(disk.geometry().size()),
                alias: text(&texts.alias),
                serial: texts.serial.as_deref().map(text),
                mgmt_url: text(&texts.mgmt_url),
                write_protect: self.write_protect.unwrap_or(disk.is_write_protected()),
                write_cache_disable: self.write_cache_disable.unwrap_or(old.write_cache_disable),
                threshold: self.threshold.or(old.threshold),
                modes: modes.as_ref().map(SavedValues::bytes),
                ..old
            })
        });
        saved.map(|()| before).map_err(config::not_saved)
    }

    /// Keeps again what was kept before, but for what initiators have changed meanwhile.
    fn take_back(&self, disk: &Disk, before: &[u8]) {
        let (Some(store), Ok(before)) = (&disk.changeable.store, Metadata::parse(before)) else {
            return;
        };
        // Should that fail, too, there is nothing better to be told.
        let _ = store.update(|now| {
            meta::record(&Metadata {
                modes: match self.write_cache_disable {
                    Some(_) => before.modes,
                    None => now.modes,
                },
                reservations: now.reservations,
                identifying: now.identifying,
                identifying_text: now.identifying_text,
                ..before
            })
        });
    }

    /// Saved mode parameters with the write cache as it is to be.
    fn modes(&self, saved: Values) -> Values {
        let wce = self
            .write_cache_disable
            .map_or(saved.wce, |through| !through);
        Values { wce, ..saved }
    }

    /// The new size; `None` when it is the old.
    fn geometry(&self, disk: &Disk) -> Result<Option<Geometry>, Refusal> {
        let (Some(size), old) = (self.size, disk.geometry()) else {
            return Ok(None);
        };
        if disk.medium.erasure.condition().is_busy() {
            return Err(refuse!(
                EBUSY,
                Size,
                "size: the medium is being formatted or sanitized; wait until that is done"
            ));
        }
        let block = old.block_size();
        let new = Geometry::new(size, block).ok_or_else(|| {
            refuse!(
                EINVAL,
                Size,
                "size: it must be a multiple of the block size, {block}, and not 0"
            )
        })?;
        let Some(backend) = disk.medium.backend() else {
            return Err(refuse!(ENODEV, Size, "size: the device is away"));
        };
        let there = backend.size()?;
        if backend.device().is_some() && size > there {
            return Err(refuse!(
                EINVAL,
                Size,
                "size: the device has only {there} bytes"
            ));
        }
        if new != old && there < old.size() && there < size {
            // Made longer, it would have zeros where data was.
            return Err(refuse!(
                EINVAL,
                Size,
                "size: the file has {there} bytes and the disk {}: the rest is lost",
                old.size()
            ));
        }
        Ok((new != old).then_some(new))
    }

    /// The texts as they are to be. Nobody else changes them meanwhile.
    fn texts(&self, disk: &Disk) -> Result<Arc<Texts>, Refusal> {
        let own = |text: &str| CString::try_from_fmt(fmt!("{text}"));
        let old = disk.texts();
        let serial = self.serial.or(old.serial.as_deref().map(text));
        let texts = Texts {
            alias: own(self.alias.unwrap_or(text(&old.alias)))?,
            serial: match serial.filter(|serial| !serial.is_empty()) {
                Some(serial) => Some(own(serial)?),
                None => None,
            },
            mgmt_url: own(self.mgmt_url.unwrap_or(text(&old.mgmt_url)))?,
        };
        Ok(Arc::new(texts, GFP_KERNEL)?)
    }

    /// Says whether something has changed.
    fn protect(&self, disk: &Disk) -> bool {
        self.write_protect.is_some_and(|protected| {
            let before = disk.is_write_protected();
            disk.set_write_protected(protected);
            protected != before
        })
    }
}

/// Switches the write cache off or on, and tells initiators; says whether it has changed. Sleeps, several
/// seconds at most.
fn switch_cache(disk: &Disk, registration: &LuRegistration, through: bool) -> Result<bool> {
    let medium = &disk.medium;
    let (old, new) = disk.changeable.modes.change(|values| {
        if through {
            cache::switch_off(medium, registration.hold(), || {
                registration.owes_news_of_loss()
            })?;
        } else {
            medium.write_back()?;
        }
        Ok::<_, Error>(Values {
            wce: !through,
            ..values
        })
    })?;
    let has_changed = old != new;
    if has_changed {
        registration.announce(UnitAttention::ModeParametersChanged, Audience::All);
    }
    Ok(has_changed)
}

fn cannot_flush(error: Error) -> Refusal {
    refuse!(
        error,
        WriteCacheDisable,
        "write-cache-disable: what is in the cache could not be written; it stays as it is"
    )
}

fn set_file_size(disk: &Disk, size: u64) -> Result<(), Refusal> {
    if !disk.is_writable() {
        return Ok(());
    }
    let backend = disk.medium.backend().ok_or(ENODEV)?;
    backend
        .set_size(size)
        .map_err(|error| refuse!(error, Size, "size: the file can't be made so long"))
}

/// Makes the file that a disk is on long enough, unless it is that already, and then keeps what is to be. When
/// either fails the file is as long as it was.
fn lengthen<T>(
    disk: &Disk,
    registration: &LuRegistration,
    new: Geometry,
    keep: impl FnOnce() -> Result<T, Refusal>,
) -> Result<(), Refusal> {
    let there = disk.medium.backend().ok_or(ENODEV)?.size()?;
    let is_longer = there < new.size();
    let made = match is_longer {
        true => set_file_size(disk, new.size()),
        false => Ok(()),
    };
    let kept = made
        .and_then(|()| write_longer(disk, registration, new))
        .and_then(|()| keep());
    kept.map(|_| ()).inspect_err(|_| {
        if is_longer {
            let _ = set_file_size(disk, there);
        }
    })
}

/// Has a file that is longer now written, with the space that it needs: the metadata may tell of the new size only
/// when the file has it for good.
fn write_longer(disk: &Disk, registration: &LuRegistration, new: Geometry) -> Result<(), Refusal> {
    let backend = disk.medium.backend().ok_or(ENODEV)?;
    if !disk.shape.thin && disk.is_writable() {
        backend
            .allocate(new.size())
            .map_err(config::cannot_allocate)?;
    }
    if backend.device().is_some() || disk.changeable.store.is_none() {
        return Ok(());
    }
    cache::flush_and_wait(&disk.medium, registration.hold())
        .map_err(|error| refuse!(error, Size, "size: the longer file can't be written"))
}

/// Makes a disk, and the file that it is on, shorter.
///
/// The file is shorter only when commands for what is cut off are refused. One that was already under way
/// may still write there, and the file is a little longer than the disk then, which does no harm.
fn shorten(disk: &Disk, old: Geometry, new: Geometry) -> Result<(), Refusal> {
    disk.medium.set_geometry(new);
    set_file_size(disk, new.size()).inspect_err(|_| disk.medium.set_geometry(old))
}
