// SPDX-License-Identifier: GPL-2.0

//! What a block device says of itself.

use crate::{bindings, shims};

/// A block device's limits at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The smallest unit that can be addressed, in bytes.
    pub logical_block_size: u32,
    /// The smallest unit that the device writes without reading first, in bytes.
    pub physical_block_size: u32,
    /// How many bytes the start lies behind the start of a physical block.
    pub alignment_offset: u32,
    /// The smallest I/O that is efficient, in bytes; zero when not known.
    pub io_min: u32,
    /// The best size of an I/O, in bytes; zero when not known.
    pub io_opt: u32,
    /// Whether the medium turns.
    pub rotational: bool,
    /// Whether writes end in a volatile cache.
    pub write_cache: bool,
    /// Whether there are zones that must be written in sequence.
    pub zoned: bool,
}

impl Limits {
    /// # Safety
    ///
    /// `bdev` is an open block device.
    pub(super) unsafe fn of(bdev: *mut bindings::block_device) -> Self {
        // SAFETY: All may be called for an open block device.
        unsafe {
            Self {
                logical_block_size: shims::bdev_logical_block_size(bdev),
                physical_block_size: shims::bdev_physical_block_size(bdev),
                // Negative when the device can't be aligned at all.
                alignment_offset: bindings::bdev_alignment_offset(bdev).max(0) as u32,
                io_min: shims::bdev_io_min(bdev),
                io_opt: shims::bdev_io_opt(bdev),
                rotational: shims::bdev_rot(bdev),
                write_cache: shims::bdev_write_cache(bdev),
                zoned: shims::bdev_is_zoned(bdev),
            }
        }
    }
}
