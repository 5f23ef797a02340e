// SPDX-License-Identifier: GPL-2.0

//! What I/O on block devices and on files has in common.
//!
//! A command travels as a [`Token`] from the logical unit through the device to its completion. It
//! lends the device its data, which the device fills or reads in place, and a [`Room`], in which
//! the device keeps what it needs of its own: starting an I/O allocates nothing and can't fail for
//! want of memory.

use crate::{
    block::BioIo,
    fs::FileIo,
    pages::PageList,
    token::{Cell, MustEnd, Token},
    work::Deferred, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::code::*,
    ffi::c_void,
    prelude::*,
    types::Opaque, //
};

/// A command that devices can carry out.
pub trait Carried: MustEnd {
    /// Lends the data and the room, which stay borrowed as long as the device has the command.
    fn lend(&mut self) -> (&mut PageList, &mut Room);

    /// Whether somebody still waits for the command. Asked before an I/O that had to be put off is
    /// started: what was aborted meanwhile must not reach the medium late.
    fn is_wanted(&self) -> bool;
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
    /// As [`Operation::Write`], all of it or nothing: after a loss of power, too. The device has to
    /// promise that for the length and the place, see `atomic` in [`crate::block::Limits`].
    WriteAtomic {
        /// Force unit access, as for a write.
        fua: bool,
    },
    /// Make so many bytes of the medium read as zeros. The data isn't touched.
    Zero {
        /// How many bytes.
        len: u64,
        /// The space behind them may be given back.
        unmap: bool,
    },
    /// Give the space behind so many bytes of the medium back, as far as the device does that; what
    /// they read as then is up to the device. The data isn't touched.
    Discard {
        /// How many bytes.
        len: u64,
    },
    /// Put all that was written on stable storage. The data isn't touched.
    Flush,
}

impl Operation {
    /// The number of bytes that it is about; `data` is the length of the command's data.
    pub(crate) fn len(self, data: usize) -> u64 {
        match self {
            Self::Read | Self::Write { .. } | Self::WriteAtomic { .. } => data as u64,
            Self::Zero { len, .. } | Self::Discard { len } => len,
            Self::Flush => 0,
        }
    }

    /// Whether it moves the command's data.
    pub(crate) fn moves_data(self) -> bool {
        matches!(
            self,
            Self::Read | Self::Write { .. } | Self::WriteAtomic { .. }
        )
    }

    /// Whether it writes the command's data.
    pub(crate) fn is_write(self) -> bool {
        matches!(self, Self::Write { .. } | Self::WriteAtomic { .. })
    }

    /// Whether it is done only when it is on stable storage.
    pub fn is_durable(self) -> bool {
        matches!(
            self,
            Self::Write { fua: true } | Self::WriteAtomic { fua: true }
        )
    }
}

/// Why a device failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The command was not wanted any more, and not carried out.
    Aborted,
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
    /// The device refuses it, because it can't do it or is broken: it doesn't say which.
    Refused,
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
            EINVAL | EOPNOTSUPP => Self::Unsupported,
            EREMOTEIO => Self::Refused,
            _ => Self::Unknown,
        }
    }
}

impl Failure {
    /// Whether another way to do the same may succeed, because the device may not know this one.
    pub fn may_be_unsupported(self) -> bool {
        matches!(self, Self::Unsupported | Self::Refused)
    }

    /// Whether a write that flushes may have failed by its flush, and so what others have written is lost, too.
    /// HARDWARE ERROR of a SCSI or ATA disk comes as [`Failure::Refused`].
    pub fn may_be_of_flush(self) -> bool {
        use Failure::{Medium, Refused, Timeout, Transport, Unknown};
        matches!(self, Timeout | Transport | Medium | Refused | Unknown)
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
    /// Makes room.
    pub const fn new() -> Self {
        Self {
            deferred: Opaque::uninit(),
            io: Opaque::uninit(),
        }
    }

    /// Makes room where it is to be: it isn't copied there, and costs nothing.
    pub fn init() -> impl Init<Self> {
        // SAFETY: All of it may be uninitialized memory.
        unsafe { pin_init::init_from_closure(|_| Ok(())) }
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

/// A command with what it has lent.
///
/// # Invariants
///
/// `data` and `room` are borrowed from the token's value by one call of [`Carried::lend`], and the
/// value isn't used otherwise as long as this exists.
pub(crate) struct Lent<T: Carried> {
    token: Token<T>,
    data: NonNull<PageList>,
    room: NonNull<Room>,
}

impl<T: Carried> Lent<T> {
    /// Has a command lend its data and its room.
    pub(crate) fn new(mut token: Token<T>) -> Self {
        let (data, room) = token.lend();
        let (data, room) = (NonNull::from(data), NonNull::from(room));
        // INVARIANT: Just borrowed. A token's value doesn't move with the token.
        Self { token, data, room }
    }

    /// The data and the room.
    pub(crate) fn parts(&mut self) -> (&mut PageList, &mut Room) {
        // SAFETY: By the invariant both are borrowed for us, and two different things.
        unsafe { (self.data.as_mut(), self.room.as_mut()) }
    }

    /// Gives the data and the room back to the command.
    pub(crate) fn end(self) -> Token<T> {
        self.token
    }

    /// Leaves the command to C code, which keeps the result in the room.
    pub(crate) fn into_raw(self) -> RawLent {
        RawLent {
            token: self.token.into_raw().as_ptr().cast(),
            data: self.data,
            room: self.room,
        }
    }

    /// Takes a command back from C code.
    ///
    /// # Safety
    ///
    /// `raw` comes from [`Lent::<T>::into_raw`], and is not used by anybody else from here on.
    pub(crate) unsafe fn from_raw(raw: RawLent) -> Self {
        let cell = raw.token.cast::<Cell<T>>();
        // INVARIANT: By the requirement nobody has used the command since `into_raw`.
        Self {
            // SAFETY: By the requirement the pointer comes from `Token::into_raw`.
            token: unsafe { Token::from_raw(NonNull::new_unchecked(cell)) },
            data: raw.data,
            room: raw.room,
        }
    }
}

/// A [`Lent`] in the hands of C code.
#[derive(Clone, Copy)]
pub(crate) struct RawLent {
    token: *mut c_void,
    data: NonNull<PageList>,
    room: NonNull<Room>,
}
