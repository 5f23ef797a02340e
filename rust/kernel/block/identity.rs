// SPDX-License-Identifier: GPL-2.0

//! What tells a block device from others, under whatever name it is found.

use super::{Opened, READ};
use crate::{bindings, shims};
use core::ptr::{self, NonNull};
use kernel::{
    error::from_err_ptr,
    prelude::*, //
};

/// The name that a disk has from its maker, and the part of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The designator's type and length; zero without one.
    form: u32,
    designator: [u8; 16],
    /// Where the partition begins; zero for a whole disk.
    start: u64,
}

impl Identity {
    /// # Safety
    ///
    /// `bdev` is an open block device.
    pub(super) unsafe fn of(bdev: *mut bindings::block_device) -> Self {
        let mut designator = [0; 16];
        // SAFETY: By the requirement; the designator has at most the 16 bytes of the array.
        let (form, start) = unsafe {
            (
                shims::bdev_designator(bdev, designator.as_mut_ptr()),
                shims::bdev_start(bdev),
            )
        };
        Self {
            form,
            designator,
            start,
        }
    }

    /// Whether the disk has a name: if not, two with the same identity may be different ones.
    pub fn is_unique(&self) -> bool {
        self.form != 0
    }
}

/// The identity of the block device at a path, as the current process sees it, or on a worker the
/// first process; whoever has it. May sleep, as long as the device takes.
pub fn identity_at(path: &CStr) -> Result<Identity> {
    // SAFETY: The path is NUL-terminated; without a holder the device isn't claimed.
    let file = from_err_ptr(unsafe {
        shims::bdev_open(path.as_char_ptr(), READ, ptr::null_mut(), ptr::null())
    })?;
    let opened = Opened(NonNull::new(file).ok_or(ENODEV)?);
    // SAFETY: The file is that of a block device, which it keeps open.
    Ok(unsafe { Identity::of(bindings::file_bdev(opened.0.as_ptr())) })
}
