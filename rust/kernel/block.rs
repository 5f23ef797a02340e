// SPDX-License-Identifier: GPL-2.0

//! Block devices as the users of the block layer see them: opened, asked for their limits, given
//! I/O.
//!
//! C headers: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h),
//! [`include/linux/bio.h`](srctree/include/linux/bio.h)

mod bio;
mod identity;
mod limits;

pub(crate) use bio::BioIo;
pub use identity::{identity_at, Identity};
pub use limits::{AtomicLimits, Limits};

use crate::{
    bindings,
    fs::SmallFile,
    io::{Carried, Done, Operation},
    live::{Live, LiveRef},
    shims,
    token::Token,
    work::OwnedQueue, //
};
use core::ptr::NonNull;
use kernel::{
    error::{from_err_ptr, to_result},
    ffi::c_void,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    },
    time::{Delta, Nsec}, //
};

/// What a device is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// A block device, opened exclusively.
///
/// Dropping it waits, without bound, for the I/O that it still has.
pub struct Device(Live<Open>);

/// The right to one I/O on a [`Device`]: [`Device::kill`] waits for its end.
pub struct Entry(LiveRef<Open>);

/// A device as one [`Device`] has it. Every I/O in flight holds a reference.
///
/// # Invariants
///
/// `bdev` is an open block device, which `handle` keeps.
struct Open {
    handle: Arc<Handle>,
    bdev: NonNull<bindings::block_device>,
    /// Whether the device can refuse I/O that would have to wait.
    nowait: bool,
    /// The longest I/O that the device takes in one piece, in bytes.
    max_bytes: u32,
}

/// An open device.
///
/// # Invariants
///
/// `holder` is the device's holder as long as it is open.
struct Handle {
    /// Where I/O is started that may have to wait for the device. Dropped first: a worker may still
    /// be on its way out of the device when its I/O is over already.
    queue: OwnedQueue,
    file: Opened,
    holder: KBox<Holder>,
}

/// Who has a device exclusively. It is told from others by its address.
struct Holder {
    /// The device was removed, or is about to be.
    is_dead: Atomic<bool>,
    /// Whom to tell of that.
    removed: fn(),
}

/// What the block layer tells a [`Holder`].
static HOLDER_OPERATIONS: bindings::blk_holder_ops = bindings::blk_holder_ops {
    mark_dead: Some(mark_dead),
    sync: None,
    freeze: None,
    thaw: None,
};

/// A device is dead, or about to be. Nothing is written back: there is no cache here.
///
/// # Safety
///
/// Called by the block layer for a device whose holder is a [`Holder`], with the device's
/// `bd_holder_lock` held, which is to be unlocked.
unsafe extern "C" fn mark_dead(bdev: *mut bindings::block_device, _surprise: bool) {
    // SAFETY: By the requirement. The holder is there until its claim on the device ends, for which
    // the lock is taken.
    let holder = unsafe { &*(*bdev).bd_holder.cast::<Holder>() };
    holder.is_dead.store(true, ordering::Release);
    (holder.removed)();
    // SAFETY: By the requirement; the holder isn't used any more.
    unsafe { bindings::mutex_unlock(&raw mut (*bdev).bd_holder_lock) };
}

// SAFETY: Files may be used and put from any thread.
unsafe impl Send for Handle {}
// SAFETY: As above.
unsafe impl Sync for Handle {}

// SAFETY: Files and block devices may be used and put from any thread.
unsafe impl Send for Open {}
// SAFETY: As above.
unsafe impl Sync for Open {}

impl Device {
    /// Opens the block device at a path, as the current process sees it, or on a worker the first
    /// process. May sleep, as long as the device takes.
    ///
    /// `removed` is called when the device is removed: process context, with locks of the block
    /// layer held, so it may not wait for anything of this device.
    ///
    /// # Errors
    ///
    /// `ENOENT` and its like from the path, `ENOTBLK` when it leads to something else, `EBUSY` when
    /// somebody else has the device exclusively (a file system, another [`Device`]), `EACCES` or
    /// `EROFS` when it is read-only, `ENXIO` when there is no device behind the node.
    pub fn open(path: &CStr, access: Access, removed: fn()) -> Result<Self> {
        let mode = match access {
            Access::ReadOnly => READ,
            Access::ReadWrite => READ | WRITE,
        };
        let mut holder = KBox::new(
            Holder {
                is_dead: Atomic::new(false),
                removed,
            },
            GFP_KERNEL,
        )?;
        let holder_ptr: *mut c_void = (&raw mut *holder).cast();
        // SAFETY: The path is NUL-terminated; the holder's address is ours until the device is
        // closed, and it is what the operations, which are a static, expect.
        let file = from_err_ptr(unsafe {
            shims::bdev_open(path.as_char_ptr(), mode, holder_ptr, &HOLDER_OPERATIONS)
        })?;
        let opened = Opened(NonNull::new(file).ok_or(ENODEV)?);
        // SAFETY: `file` is an open block device's, for whose `bdev` the calls are made.
        let (bdev, nowait, max_sectors) = unsafe {
            let bdev = bindings::file_bdev(file);
            (
                NonNull::new(bdev).ok_or(ENODEV)?,
                shims::bdev_nowait(bdev),
                shims::bdev_max_sectors(bdev),
            )
        };
        // One worker is enough where only the excess gets there.
        let queue = OwnedQueue::for_commands(c"stmf_block", if nowait { 1 } else { WORKERS })?;
        // INVARIANT: Opened above with this holder.
        let handle = Arc::new(
            Handle {
                queue,
                file: opened,
                holder,
            },
            GFP_KERNEL,
        )?;
        // INVARIANT: The handle's device.
        Ok(Self(Live::new(Open {
            handle,
            bdev,
            nowait,
            max_bytes: max_sectors.saturating_mul(SECTOR_SIZE as u32),
        })?))
    }

    /// The same open device once more, with I/O of its own to wait for.
    pub fn again(&self) -> Result<Self> {
        let open = &*self.0;
        // INVARIANT: The same handle's device.
        Ok(Self(Live::new(Open {
            handle: open.handle.clone(),
            ..*open
        })?))
    }

    /// The right to one I/O, until [`Device::kill`]. Any context.
    pub fn enter(&self) -> Option<Entry> {
        self.0.get().map(Entry)
    }

    /// Lets no more I/O in. May sleep.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Waits for the I/O that was let in before [`Device::kill`], `limit` at most; says whether it
    /// is over. Sleeps.
    pub fn wait_drained(&self, limit: Delta<Nsec>) -> bool {
        self.0.wait_drained(limit)
    }

    /// The device's number.
    pub fn number(&self) -> u32 {
        // SAFETY: By the invariant the device is open.
        unsafe { shims::bdev_number(self.0.bdev.as_ptr()) }
    }

    /// Whether the device was removed: all I/O fails from then on. Any context.
    pub fn is_gone(&self) -> bool {
        self.0.handle.holder.is_dead.load(ordering::Acquire)
            // SAFETY: By the invariant the device is open.
            || unsafe { shims::bdev_is_dead(self.0.bdev.as_ptr()) }
    }

    /// What tells the device from others. May sleep briefly.
    pub fn identity(&self) -> Identity {
        // SAFETY: By the invariant the device is open.
        unsafe { Identity::of(self.0.bdev.as_ptr()) }
    }

    /// The device's bytes for whoever may wait for them, through the page cache: what is read and
    /// written so must not be touched by I/O. Writing needs a device that is open for writing.
    pub fn small_file(&self) -> SmallFile {
        // SAFETY: By the invariant the file is open; those of block devices can be read and written.
        unsafe { SmallFile::share(self.0.handle.file.0) }
    }

    /// The device's limits as they are now.
    pub fn limits(&self) -> Limits {
        // SAFETY: By the invariant the device is open.
        unsafe { Limits::of(self.0.bdev.as_ptr()) }
    }

    /// The size in bytes as it is now.
    pub fn size(&self) -> u64 {
        // SAFETY: By the invariant the device is open.
        unsafe { shims::bdev_nr_sectors(self.0.bdev.as_ptr()) }.saturating_mul(SECTOR_SIZE)
    }
}

impl Entry {
    /// Starts an I/O at an offset in bytes; `D` gets the command when it is over.
    ///
    /// Process context. Never waits for the device: what can't be started at once is handed to a
    /// worker.
    ///
    /// Data, lengths and offset must be multiples of the device's logical block size; else the I/O
    /// fails.
    pub fn submit<T: Carried, D: Done<T>>(
        self,
        operation: Operation,
        offset: u64,
        token: Token<T>,
    ) {
        bio::submit::<T, D>(self.0, operation, offset, token);
    }
}

/// The number of the block device that a path leads to. May sleep, as long as the file system takes.
pub fn number_at(path: &CStr) -> Result<u32> {
    let mut number = 0;
    // SAFETY: The path is NUL-terminated; `number` is a local.
    to_result(unsafe { bindings::lookup_bdev(path.as_char_ptr(), &mut number) })?;
    Ok(number)
}

/// The unit of offsets and sizes in the block layer.
const SECTOR_SIZE: u64 = 512;

/// Workers for a device on which every I/O may have to wait.
const WORKERS: u16 = 16;

/// `BLK_OPEN_READ` and `BLK_OPEN_WRITE`, which bindgen can't see: they are casts.
const READ: bindings::blk_mode_t = 1 << 0;
const WRITE: bindings::blk_mode_t = 1 << 1;

/// The file of an open device.
///
/// # Invariants
///
/// Owns a reference.
struct Opened(NonNull<bindings::file>);

impl Drop for Opened {
    fn drop(&mut self) {
        // SAFETY: The file came from `bdev_open`, and is put once.
        unsafe { bindings::bdev_fput(self.0.as_ptr()) };
    }
}
