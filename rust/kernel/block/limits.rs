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
    /// Whether the device itself can write durably. If not, the block layer has it flush all after such a write.
    pub fua: bool,
    /// Whether the device can give space back.
    pub discard: bool,
    /// Whether the device can write zeros without being sent them.
    pub write_zeroes: bool,
    /// Whether zeros written so give the space back, in whole units at least.
    pub write_zeroes_unmaps: bool,
    /// The unit in which space is given back, in bytes; zero when not known.
    pub discard_granularity: u32,
    /// How many bytes behind the start the first such unit begins.
    pub discard_alignment: u32,
    /// What is written whole or not at all; `None` when the device promises nothing.
    pub atomic: Option<AtomicLimits>,
    /// Whether there are zones that must be written in sequence.
    pub zoned: bool,
}

/// What a device promises of atomic writes, in bytes.
#[derive(Clone, Copy, Debug)]
pub struct AtomicLimits {
    /// The longest write.
    pub max: u32,
    /// Lengths are multiples of it.
    pub unit: u32,
    /// Writes start at multiples of it.
    pub alignment: u32,
}

impl AtomicLimits {
    /// `min` and `max` are those of one write, `boundary` is what it may not cross, zero for none.
    /// No write of at most `max` that starts at a multiple of that crosses it: it is a multiple of
    /// `max`.
    fn new(min: u32, max: u32, boundary: u32) -> Option<Self> {
        (min > 0 && max > 0).then_some(Self {
            max,
            unit: min,
            alignment: if boundary == 0 { min } else { max },
        })
    }
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
                fua: shims::bdev_fua(bdev),
                discard: shims::bdev_max_discard(bdev) > 0,
                write_zeroes: shims::bdev_max_write_zeroes(bdev) > 0,
                write_zeroes_unmaps: shims::bdev_write_zeroes_unmaps(bdev),
                discard_granularity: shims::bdev_discard_granularity(bdev),
                discard_alignment: bindings::bdev_discard_alignment(bdev),
                atomic: AtomicLimits::new(
                    shims::bdev_atomic_write_unit_min(bdev),
                    shims::bdev_atomic_write_unit_max(bdev),
                    shims::bdev_atomic_write_boundary(bdev),
                ),
                zoned: shims::bdev_is_zoned(bdev),
            }
        }
    }
}
