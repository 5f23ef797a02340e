// SPDX-License-Identifier: GPL-2.0

//! What keeps a disk's data: a block device or a file.

use stmf_kernel::{
    block::Device,
    fs::{File, Mode},
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
}

impl Backend {
    /// Starts an I/O; see [`Device::submit`] and [`File::submit`].
    pub(crate) fn submit<T: Carried, D: Done<T>>(
        &self,
        operation: Operation,
        offset: u64,
        token: Token<T>,
    ) {
        match self {
            Backend::Block(device) => device.submit::<T, D>(operation, offset, token),
            Backend::File(file) => file.submit::<T, D>(operation, offset, token),
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
                }
            }
            Backend::File(file) => Traits {
                physical_block: file.block_size(),
                rotational: file.is_rotational(),
                volatile: true,
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
