// SPDX-License-Identifier: GPL-2.0

//! Backing devices that were removed, and come back.
//!
//! The block layer tells when a device is removed. Its commands fail from then on; when they are
//! over the device is closed, so that it can get its name back. Then the path is looked at again and
//! again, at growing intervals, until the same device is there: not merely one of that name. It is
//! the same when it has the same name from its maker (VPD page 83h and its like), and, where the
//! metadata are in its head, when these are the disk's own and nobody has changed them. A device
//! that has neither is not taken back, for it may be another one with somebody else's data.

use crate::{
    backend::Backend,
    disk::{text, Disk},
    keeper,
    medium::Medium,
    meta::{self, Store}, //
};
use kernel::prelude::*;
use stmf::lu::{Audience, Incident, LuHandle};
use stmf_kernel::block::{self, Access, Device, Identity};
use stmf_scsi::ua::UnitAttention;

/// The most rounds of the keeper between two looks at the path.
const LONGEST_WAIT: u32 = 8;

/// What is known of a backing device in case that it goes away.
pub(crate) struct Comeback {
    /// None of a file, which doesn't go away.
    identity: Option<Identity>,
    is_away: bool,
    /// The rounds until the next look, and how many it will be after that.
    left: u32,
    wait: u32,
    /// Why it wasn't taken back, if that has been said already.
    told: Option<Stranger>,
}

/// Why a device is not taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stranger {
    Another,
    Nameless,
    TooSmall,
    Unsuitable,
    OtherMetadata,
}

impl Stranger {
    fn sentence(self) -> &'static str {
        match self {
            Stranger::Another => "it is another device",
            Stranger::Nameless => {
                "it has no name from its maker, and the metadata aren't in its head"
            }
            Stranger::TooSmall => "it is too small",
            Stranger::Unsuitable => "its blocks are too large, or it has zones",
            Stranger::OtherMetadata => "the metadata in its head aren't those that were there",
        }
    }
}

/// Why there is no device yet.
enum Absent {
    /// It isn't there, or is in use.
    NotYet,
    Stranger(Stranger),
}

impl From<Error> for Absent {
    fn from(_: Error) -> Self {
        Self::NotYet
    }
}

impl Comeback {
    /// Of a disk that has its backing store.
    pub(crate) fn new(medium: &Medium) -> Self {
        let backend = medium.backend();
        let device = backend.as_ref().and_then(|backend| backend.device());
        Self {
            identity: device.map(Device::identity),
            is_away: false,
            left: 0,
            wait: 1,
            told: None,
        }
    }
}

/// Does what is to be done in this round for a disk whose device is away. Sleeps, as long as the
/// device takes.
pub(crate) fn attend(disk: &Disk, unit: &LuHandle) {
    let mut comeback = disk.comeback.lock();
    let Some(identity) = comeback.identity else {
        return;
    };
    if !comeback.is_away {
        comeback.is_away = true;
        (comeback.left, comeback.wait) = (0, 1);
        pr_warn!(
            "LU {}: the backing device is gone\n",
            text(&disk.names.digits)
        );
        unit.tell(Incident::DeviceGone);
    }
    if comeback.left > 0 {
        comeback.left = comeback.left.saturating_sub(1);
        return;
    }
    if !let_go(disk) {
        return;
    }
    match find(disk, &identity) {
        Ok(()) => {
            comeback.is_away = false;
            comeback.told = None;
            pr_notice!(
                "LU {}: the backing device is back\n",
                text(&disk.names.digits)
            );
            unit.announce(UnitAttention::MediumChanged, Audience::All);
            unit.tell(Incident::DeviceBack);
        }
        Err(absent) => {
            comeback.left = comeback.wait;
            comeback.wait = comeback.wait.saturating_mul(2).min(LONGEST_WAIT);
            if let Absent::Stranger(stranger) = absent {
                if comeback.told.replace(stranger) != Some(stranger) {
                    let why = stranger.sentence();
                    pr_warn!(
                        "LU {}: the device is not taken back: {why}\n",
                        text(&disk.names.digits)
                    );
                }
            }
        }
    }
}

/// Closes the device that is gone, if nothing of it is in use any more.
fn let_go(disk: &Disk) -> bool {
    let store = disk.changeable.store.as_deref();
    let lets_go = |store: &Store| !store.is_in_head() || store.set_file(None);
    store.is_none_or(lets_go) && disk.medium.let_go()
}

/// Looks whether the device is there, and uses it.
fn find(disk: &Disk, identity: &Identity) -> Result<(), Absent> {
    let store = disk.changeable.store.as_ref();
    let head = store.filter(|store| store.is_in_head());
    let path = &disk.names.file;
    // Without claiming it, in case that it is somebody else's.
    let is_same = |found: &Identity| match found == identity {
        false => Err(Absent::Stranger(Stranger::Another)),
        true if !found.is_unique() && head.is_none() => Err(Absent::Stranger(Stranger::Nameless)),
        true => Ok(()),
    };
    is_same(&block::identity_at(path)?)?;
    let access = if disk.is_writable() {
        Access::ReadWrite
    } else {
        Access::ReadOnly
    };
    let device = Device::open(path, access, keeper::look_now)?;
    is_same(&device.identity())?;
    let (limits, geometry) = (device.limits(), disk.geometry());
    if limits.zoned || limits.logical_block_size > geometry.block_size() {
        return Err(Absent::Stranger(Stranger::Unsuitable));
    }
    let mut backend = Backend::from(device);
    if head.is_some() {
        backend = backend.behind_head();
    }
    if backend.size()? < geometry.size() {
        return Err(Absent::Stranger(Stranger::TooSmall));
    }
    if let Some(store) = head {
        if !store.is_kept_in(&backend.small_file())? {
            return Err(Absent::Stranger(Stranger::OtherMetadata));
        }
        if !store.set_file(Some(backend.small_file())) {
            return Err(Absent::NotYet);
        }
    }
    disk.medium.take_back(backend)?;
    if let Some(store) = head {
        // A change that failed because the device went may be in it. If this fails, too, the next
        // change does it.
        let _ = store.update(|kept| meta::record(&kept));
    }
    Ok(())
}
