// SPDX-License-Identifier: GPL-2.0

//! A disk: what it is called, what it looks like, where its data is.

use crate::backend::Backend;
use kernel::{
    prelude::*,
    str::CString, //
};
use stmf_model::Guid;

/// A disk. Nothing of it changes while it exists, except its backing device by itself.
pub(crate) struct Disk {
    pub(crate) guid: Guid,
    pub(crate) names: Names,
    pub(crate) geometry: Geometry,
    /// Initiators may not write.
    pub(crate) write_protect: bool,
    /// Every write is on stable storage before it is acknowledged.
    pub(crate) write_cache_disable: bool,
    pub(crate) backend: Backend,
}

/// The names of a disk besides its GUID.
pub(crate) struct Names {
    /// The GUID's digits.
    pub(crate) digits: CString,
    /// The path of the backing device or file, as it was given.
    pub(crate) file: CString,
    pub(crate) alias: CString,
    pub(crate) vendor: CString,
    pub(crate) product: CString,
    pub(crate) serial: Option<CString>,
}

/// The text of a name; all but the path came in as UTF-8.
pub(crate) fn text(name: &CStr) -> &str {
    name.to_str().unwrap_or("")
}

/// The size of a disk and of its blocks.
///
/// # Invariants
///
/// - A block is 512, 1024, 2048 or 4096 bytes.
/// - There is at least one block, and the size in bytes fits an `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    blocks: u64,
    block_shift: u32,
}

impl Geometry {
    /// The smallest and the largest block, in bytes: what Linux initiators take.
    pub(crate) const BLOCK_SIZE: core::ops::RangeInclusive<u32> = 512..=4096;

    /// The most that one command moves, in bytes.
    const MAX_TRANSFER: u32 = 16 << 20;

    /// The geometry of so many bytes, which must be a multiple of the block size.
    pub(crate) fn new(size: u64, block_size: u32) -> Option<Self> {
        let is_block = Self::BLOCK_SIZE.contains(&block_size) && block_size.is_power_of_two();
        let is_size = i64::try_from(size).is_ok_and(|size| size > 0);
        let block_shift = block_size.trailing_zeros();
        // INVARIANT: Checked above; a non-zero multiple of the block size has a block.
        (is_block && is_size && size % u64::from(block_size) == 0).then_some(Self {
            blocks: size >> block_shift,
            block_shift,
        })
    }

    /// The number of blocks.
    pub(crate) fn blocks(&self) -> u64 {
        self.blocks
    }

    /// The size of a block in bytes.
    pub(crate) fn block_size(&self) -> u32 {
        1 << self.block_shift
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.blocks << self.block_shift
    }

    /// Where a block of the disk starts, in bytes.
    pub(crate) fn offset(&self, lba: u64) -> u64 {
        lba << self.block_shift
    }

    /// The most blocks that one command moves.
    pub(crate) fn max_transfer(&self) -> u32 {
        Self::MAX_TRANSFER >> self.block_shift
    }

    /// The length in bytes of so many blocks, at most [`Geometry::max_transfer`].
    pub(crate) fn length(&self, blocks: u32) -> u32 {
        blocks << self.block_shift
    }

    /// A length in bytes as a number of whole blocks.
    pub(crate) fn in_blocks(&self, bytes: u32) -> u32 {
        bytes >> self.block_shift
    }
}
