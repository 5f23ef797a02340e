// SPDX-License-Identifier: GPL-2.0

//! What keeps a disk's data: a block device or a file.

use kernel::{
    prelude::*,
    time::{Delta, Nsec}, //
};
use stmf_kernel::{
    block::{self, AtomicLimits, Device},
    fs::{self, File, Mode},
    io::{Carried, Done, Operation},
    token::Token, //
};
use stmf_uapi::sbd;

/// A disk's backing store.
pub(crate) enum Backend {
    /// A block device.
    Block(Device),
    /// A file.
    File(File),
}

/// What a backing store says of itself, in bytes where it is a size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits {
    /// The smallest unit that is written without reading first.
    pub(crate) physical_block: u32,
    /// How far the first physical block that is whole lies behind the start.
    pub(crate) alignment: u32,
    /// The smallest and the best size of an I/O; zero when not known.
    pub(crate) io_min: u32,
    pub(crate) io_opt: u32,
    /// Whether the medium turns, if that is known.
    pub(crate) rotational: Option<bool>,
    /// Whether what is written is volatile until it is flushed.
    pub(crate) volatile: bool,
    /// Whether space can be given back.
    pub(crate) unmap: bool,
    /// Whether what was given back reads as zeros, for certain.
    pub(crate) unmapped_is_zero: bool,
    /// Whether zeros can be written without memory for them.
    pub(crate) zero: bool,
    /// The unit in which space is given back, and how far behind the start the first such unit is.
    pub(crate) unmap_granularity: u32,
    pub(crate) unmap_alignment: u32,
    /// What the device promises of atomic writes.
    pub(crate) atomic: Option<AtomicLimits>,
}

/// The right to one I/O; see [`Backend::enter`].
pub(crate) enum Entry {
    Block(block::Entry),
    File(fs::Entry),
}

impl Entry {
    /// Starts an I/O; see [`block::Entry::submit`] and [`fs::Entry::submit`].
    pub(crate) fn submit<T: Carried, D: Done<T>>(
        self,
        operation: Operation,
        offset: u64,
        token: Token<T>,
    ) {
        match self {
            Entry::Block(entry) => entry.submit::<T, D>(operation, offset, token),
            Entry::File(entry) => entry.submit::<T, D>(operation, offset, token),
        }
    }
}

impl Backend {
    /// The same backing store once more, with I/O of its own to wait for.
    pub(crate) fn again(&self) -> Result<Self> {
        Ok(match self {
            Backend::Block(device) => Backend::Block(device.again()?),
            Backend::File(file) => Backend::File(file.again()?),
        })
    }

    /// The right to one I/O, until [`Backend::kill`]. Any context.
    pub(crate) fn enter(&self) -> Option<Entry> {
        match self {
            Backend::Block(device) => device.enter().map(Entry::Block),
            Backend::File(file) => file.enter().map(Entry::File),
        }
    }

    /// Lets no more I/O in. May sleep.
    pub(crate) fn kill(&self) {
        match self {
            Backend::Block(device) => device.kill(),
            Backend::File(file) => file.kill(),
        }
    }

    /// Waits for the I/O that was let in, `limit` at most; says whether it is over. Sleeps.
    pub(crate) fn wait_drained(&self, limit: Delta<Nsec>) -> bool {
        match self {
            Backend::Block(device) => device.wait_drained(limit),
            Backend::File(file) => file.wait_drained(limit),
        }
    }

    /// What the backing store says of itself now.
    pub(crate) fn traits(&self) -> Traits {
        match self {
            Backend::Block(device) => {
                let limits = device.limits();
                Traits {
                    physical_block: limits.physical_block_size,
                    alignment: limits.alignment_offset,
                    io_min: limits.io_min,
                    io_opt: limits.io_opt,
                    rotational: Some(limits.rotational),
                    volatile: limits.write_cache,
                    unmap: limits.discard,
                    unmapped_is_zero: limits.discard && limits.write_zeroes_unmaps,
                    zero: limits.write_zeroes,
                    unmap_granularity: limits.discard_granularity,
                    unmap_alignment: limits.discard_alignment,
                    atomic: limits.atomic,
                }
            }
            Backend::File(file) => Traits {
                physical_block: file.block_size(),
                rotational: file.is_rotational(),
                volatile: true,
                unmap: true,
                unmapped_is_zero: true,
                zero: true,
                unmap_granularity: file.block_size(),
                ..Traits::default()
            },
        }
    }

    /// Whether the backing device was removed.
    pub(crate) fn is_gone(&self) -> bool {
        match self {
            Backend::Block(device) => device.is_gone(),
            Backend::File(_) => false,
        }
    }

    /// The kind, as netlink names it.
    pub(crate) fn kind(&self) -> sbd::Backend {
        match self {
            Backend::Block(_) => sbd::Backend::Block,
            Backend::File(file) => match file.mode() {
                Mode::Direct => sbd::Backend::FileDirect,
                Mode::Buffered => sbd::Backend::FileBuffered,
            },
        }
    }
}
