// SPDX-License-Identifier: GPL-2.0

//! What I/O on block devices and on files has in common.
//!
//! A command travels as a [`Token`] from the logical unit through the device to its completion. It
//! lends the device its data, which the device fills or reads in place, and a [`Room`], in which
//! the device keeps what it needs of its own: starting an I/O allocates nothing and can't fail for
//! want of memory.

use crate::{
    bindings,
    block::BioIo,
    fs::FileIo,
    pages::PageList,
    token::{MustEnd, Token},
    work::Deferred, //
};
use core::mem::ManuallyDrop;
use kernel::{
    error::code::*,
    prelude::*,
    types::Opaque, //
};

/// A command that devices can carry out.
pub trait Carried: MustEnd {
    /// Lends the data and the room, which stay borrowed as long as the device has the command.
    fn lend(&mut self) -> (&mut PageList, &mut Room);
}

/// What becomes of a command when its device is done with it.
pub trait Done<T: Carried>: 'static {
    /// Called once. Any context, hard interrupts included.
    fn done(token: Token<T>, outcome: Result<(), Failure>);
}

/// What a device is to do with a command's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Fill the data from the medium. What lies beyond the end of a file reads as zeros.
    Read,
    /// Write the data to the medium.
    Write {
        /// Force unit access: done only when the data is on stable storage.
        fua: bool,
    },
    /// Put all that was written on stable storage. The data isn't touched.
    Flush,
}

/// Why a device failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No resources at this moment.
    Busy,
    /// The device was removed or is offline.
    Gone,
    /// The medium, or the data on it, is bad.
    Medium,
    /// No space is left below a thin device or in a file system.
    NoSpace,
    /// The device or the file system allows no writing.
    ReadOnly,
    /// The device is reserved by another host.
    Reserved,
    /// The device didn't answer in time.
    Timeout,
    /// The way to the device failed; another try may succeed.
    Transport,
    /// The device can't do it.
    Unsupported,
    /// Anything else.
    Unknown,
}

impl From<Error> for Failure {
    /// The block layer's errors by the errnos of its `blk_errors`, and those that file systems add.
    fn from(error: Error) -> Self {
        match error {
            EAGAIN | EBUSY | EINTR | ENOMEM => Self::Busy,
            ENODEV | ENXIO | ESHUTDOWN => Self::Gone,
            EBADMSG | EILSEQ | ENODATA | EUCLEAN => Self::Medium,
            EDQUOT | EFBIG | ENOSPC => Self::NoSpace,
            EACCES | EPERM | EROFS | ETXTBSY => Self::ReadOnly,
            EBADE => Self::Reserved,
            ETIME | ETIMEDOUT => Self::Timeout,
            ENOLINK => Self::Transport,
            EINVAL | EOPNOTSUPP | EREMOTEIO => Self::Unsupported,
            _ => Self::Unknown,
        }
    }
}

/// Memory in a command for the device that carries it out.
///
/// Means something only between the start of an I/O and its completion.
#[repr(C)]
pub struct Room {
    pub(crate) deferred: Opaque<Deferred>,
    io: Opaque<Io>,
}

/// What devices of the two kinds keep in a [`Room`].
#[repr(C)]
union Io {
    _block: ManuallyDrop<BioIo>,
    _file: ManuallyDrop<FileIo>,
}

// SAFETY: The memory is used by the one that has the command; it has no thread of its own.
unsafe impl Send for Room {}
// SAFETY: `&Room` gives no access.
unsafe impl Sync for Room {}

impl Room {
    /// Makes room. Nothing is written: it costs nothing.
    pub const fn new() -> Self {
        Self {
            deferred: Opaque::uninit(),
            io: Opaque::uninit(),
        }
    }

    /// The memory for a block device's state, written by nobody else.
    pub(crate) fn block(&mut self) -> *mut BioIo {
        self.io.get().cast()
    }

    /// The memory for a file's state, written by nobody else.
    pub(crate) fn file(&mut self) -> *mut FileIo {
        self.io.get().cast()
    }
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

/// The start of a list's segments, for C code that goes through them while the token is in its
/// hands.
pub(crate) fn segments(data: &mut PageList) -> (*mut bindings::bio_vec, usize) {
    let segments = data.bvecs();
    (segments.as_ptr().cast_mut(), segments.len())
}
