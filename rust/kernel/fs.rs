// SPDX-License-Identifier: GPL-2.0

//! Regular files as backing store.
//!
//! C header: [`include/linux/fs.h`](srctree/include/linux/fs.h)

mod small;
mod transfer;

pub use crate::block::Access;
pub use small::SmallFile;
pub(crate) use transfer::FileIo;

use crate::{
    bindings,
    io::{Carried, Done, Operation},
    live::{Live, LiveRef},
    shims,
    token::Token,
    work::OwnedQueue, //
};
use core::ptr::NonNull;
use kernel::{
    error::{from_err_ptr, to_result},
    ffi::c_int,
    prelude::*,
    sync::{
        atomic::Atomic,
        Arc, //
    },
    time::{Delta, Nsec}, //
};

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A block device.
    BlockDevice,
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// Anything else.
    Other,
}

impl Kind {
    /// Finds out what a path leads to, as the current process sees it. May sleep, as long as the
    /// file system takes.
    pub fn of(path: &CStr) -> Result<Self> {
        // SAFETY: The path is NUL-terminated.
        let kind = unsafe { shims::path_type(path.as_char_ptr()) };
        to_result(kind)?;
        Ok(match kind as u32 {
            bindings::S_IFBLK => Self::BlockDevice,
            bindings::S_IFREG => Self::Regular,
            bindings::S_IFDIR => Self::Directory,
            _ => Self::Other,
        })
    }
}

/// How a file's data is moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Between the command's pages and the device below the file system.
    Direct,
    /// Through the page cache.
    Buffered,
    /// There is nothing but the page cache: the file is in memory.
    Memory,
}

/// A regular file, open for I/O.
///
/// Dropping it waits, without bound, for the I/O that it still has.
pub struct File(Live<Open>);

/// The right to one I/O on a [`File`]: [`File::kill`] waits for its end.
pub struct Entry(LiveRef<Open>);

/// An open file as one [`File`] has it. Every I/O in flight holds a reference.
struct Open {
    handle: Arc<Handle>,
    mode: Mode,
    /// Whether the file can refuse I/O that would have to wait.
    nowait: bool,
}

/// An open file.
///
/// # Invariants
///
/// `file` is a regular file with `read_iter`, and `write_iter` if it was opened for writing.
struct Handle {
    /// Where I/O is done that may have to wait for the device. Dropped first: a worker may still be
    /// on its way out of the file system when its I/O is over already.
    queue: OwnedQueue,
    file: Opened,
    /// Where the page cache's errors were when a flush told of them last.
    told: Atomic<u32>,
    /// How many flushes of the device have failed, of which the page cache doesn't know, and that weren't a flush
    /// by themselves.
    losses: Arc<Atomic<u32>>,
    /// How many of these a flush told of last.
    told_losses: Atomic<u32>,
}

// SAFETY: Files may be used and put from any thread.
unsafe impl Send for Handle {}
// SAFETY: As above.
unsafe impl Sync for Handle {}

impl Open {
    fn file(&self) -> *mut bindings::file {
        self.handle.file.as_ptr()
    }

    /// The size in bytes, as far as this machine knows. Any context.
    fn known_size(&self) -> u64 {
        // SAFETY: By the invariant of `Handle` the file is open.
        unsafe { shims::file_known_size(self.file()) }.max(0) as u64
    }

    /// The size in bytes as the file system says. May sleep, as long as that takes.
    fn size(&self) -> Result<u64> {
        let mut size = 0;
        // SAFETY: By the invariant of `Handle` the file is open; `size` is a local.
        to_result(unsafe { shims::file_size(self.file(), &mut size) })?;
        Ok(size.max(0) as u64)
    }
}

impl File {
    /// Opens a regular file, with the rights of the current process. May sleep, as long as the file
    /// system takes.
    ///
    /// The file is read and written directly if its file system can do that for units of `unit`
    /// bytes, else through the page cache.
    ///
    /// # Errors
    ///
    /// Those of `open(2)`; `EINVAL` when it is not a regular file, or one that can't be used.
    pub fn open(path: &CStr, access: Access, unit: u32) -> Result<Self> {
        let way = match access {
            Access::ReadOnly => bindings::O_RDONLY,
            Access::ReadWrite => bindings::O_RDWR,
        };
        // Should it be a FIFO by now: don't wait for its other end.
        let flags = way | bindings::O_LARGEFILE | bindings::O_NONBLOCK;
        // SAFETY: The path is NUL-terminated.
        let file =
            from_err_ptr(unsafe { bindings::filp_open(path.as_char_ptr(), flags as c_int, 0) })?;
        let opened = Opened(NonNull::new(file).ok_or(ENOENT)?);
        // SAFETY: `file` is open.
        let (usable, align, nowait) = unsafe {
            (
                shims::file_is_usable(file),
                shims::file_dio_align(file),
                shims::file_nowait(file),
            )
        };
        if !usable {
            return Err(EINVAL);
        }
        // SAFETY: `file` is open.
        unsafe { shims::file_set_noatime(file) };
        let mode = match align {
            1.. if align <= unit => Mode::Direct,
            _ => Mode::Buffered,
        };
        // INVARIANT: Opened and looked at above.
        Self::new(opened, mode, nowait)
    }

    /// Makes a file without a name in memory, of so many bytes of zeros. It takes memory when it is
    /// written to, and gives it back where a hole is made. May sleep.
    ///
    /// The memory can be swapped out. Where there is none a write fails ([`Failure::Busy`]); no
    /// process is ended for it.
    ///
    /// [`Failure::Busy`]: crate::io::Failure::Busy
    pub fn in_memory(size: u64) -> Result<Self> {
        let size = i64::try_from(size).map_err(|_| EFBIG)?;
        // SAFETY: An FFI call without requirements.
        let file = from_err_ptr(unsafe { shims::memory_file(size) })?;
        let opened = Opened(NonNull::new(file).ok_or(ENOMEM)?);
        // INVARIANT: Files of shmem are regular ones with both, and this one is open for both.
        Self::new(opened, Mode::Memory, false)
    }

    /// The file must be one as [`Handle`] wants it.
    fn new(file: Opened, mode: Mode, nowait: bool) -> Result<Self> {
        let queue = OwnedQueue::for_commands(c"stmf_file", WORKERS)?;
        let told = Atomic::new(file.errors());
        let handle = Handle {
            queue,
            file,
            told,
            losses: Arc::new(Atomic::new(0), GFP_KERNEL)?,
            told_losses: Atomic::new(0),
        };
        let handle = Arc::new(handle, GFP_KERNEL)?;
        Ok(Self(Live::new(Open {
            handle,
            mode,
            nowait,
        })?))
    }

    /// The same open file once more, with I/O of its own to wait for.
    pub fn again(&self) -> Result<Self> {
        let open = &*self.0;
        Ok(Self(Live::new(Open {
            handle: open.handle.clone(),
            ..*open
        })?))
    }

    /// The right to one I/O, until [`File::kill`]. Any context.
    pub fn enter(&self) -> Option<Entry> {
        self.0.get().map(Entry)
    }

    /// Lets no more I/O in. May sleep.
    pub fn kill(&self) {
        self.0.kill();
    }

    /// Waits for the I/O that was let in before [`File::kill`], `limit` at most; says whether it is
    /// over. Sleeps.
    pub fn wait_drained(&self, limit: Delta<Nsec>) -> bool {
        self.0.wait_drained(limit)
    }

    /// How the data is moved.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// A number that no other file has as long as this one is open, by whatever path.
    pub fn id(&self) -> usize {
        self.0.handle.file.id()
    }

    /// The size in bytes as it is now. May sleep, as long as the file system takes.
    pub fn size(&self) -> Result<u64> {
        self.0.size()
    }

    /// The unit in which the file system gives out space, in bytes.
    pub fn block_size(&self) -> u32 {
        // SAFETY: By the invariant the file is open.
        unsafe { shims::file_block_size(self.0.file()) }
    }

    /// Whether the medium of the device below the file system turns, if it is on one device.
    pub fn is_rotational(&self) -> Option<bool> {
        // SAFETY: By the invariant the file is open, which keeps its file system and with it the
        // device.
        unsafe {
            let bdev = NonNull::new(shims::file_bdev(self.0.file()))?;
            Some(shims::bdev_rot(bdev.as_ptr()))
        }
    }

    /// What the file has at an offset in bytes: data or a hole, and up to where. A file system that
    /// doesn't know says that there is data. May sleep, as long as the file system takes.
    ///
    /// # Errors
    ///
    /// `ENXIO` at or beyond the end.
    pub fn stretch_at(&self, offset: u64) -> Result<Stretch> {
        let data = self.seek(offset, bindings::SEEK_DATA);
        match data {
            Ok(data) if data <= offset => {
                let end = self.seek(offset, bindings::SEEK_HOLE)?;
                Ok(Stretch { is_data: true, end })
            }
            Ok(end) => Ok(Stretch {
                is_data: false,
                end,
            }),
            // No more data: the rest is a hole, unless this is the end.
            Err(ENXIO) => {
                let end = self.size()?;
                let hole = Stretch {
                    is_data: false,
                    end,
                };
                (offset < end).then_some(hole).ok_or(ENXIO)
            }
            Err(error) => Err(error),
        }
    }

    fn seek(&self, offset: u64, whence: u32) -> Result<u64> {
        let offset = i64::try_from(offset).map_err(|_| ENXIO)?;
        // SAFETY: By the invariant the file is open. Its position, which this sets, is used by
        // nobody.
        let found = unsafe { bindings::vfs_llseek(self.0.file(), offset, whence as c_int) };
        u64::try_from(found).map_err(|_| Error::from_errno(found as c_int))
    }

    /// What the file takes, and what its file system has. May sleep, as long as the file system
    /// takes.
    pub fn space(&self) -> Result<Space> {
        let mut space = Space::default();
        // SAFETY: By the invariant the file is open, and so its path is live; the numbers are a
        // local's.
        to_result(unsafe {
            shims::file_space(
                self.0.file(),
                &mut space.used,
                &mut space.total,
                &mut space.available,
            )
        })?;
        Ok(space)
    }

    /// Gives space to all of the first `len` bytes that has none yet. Sleeps, as long as the file
    /// system takes.
    ///
    /// # Errors
    ///
    /// `ENOSPC`, with some of it done; `EOPNOTSUPP` when the file system can't.
    pub fn allocate(&self, len: u64) -> Result {
        let len = i64::try_from(len).map_err(|_| EFBIG)?;
        // SAFETY: By the invariant the file is open.
        to_result(unsafe { shims::file_allocate(self.0.file(), len) })
    }

    /// The file's bytes for whoever may wait for them, through the page cache: what is read and
    /// written so must not be touched by I/O.
    pub fn small_file(&self) -> SmallFile {
        // SAFETY: By the invariant the file is open and has what is required.
        let file = unsafe { SmallFile::share(self.0.handle.file.0) };
        match self.0.mode {
            Mode::Buffered => file.leaving_to(self.0.handle.losses.clone()),
            Mode::Direct | Mode::Memory => file,
        }
    }

    /// Makes the file longer or shorter. What is added reads as zeros and takes no space. May
    /// sleep, as long as the file system takes.
    pub fn set_size(&self, size: u64) -> Result {
        let size = i64::try_from(size).map_err(|_| EFBIG)?;
        // SAFETY: By the invariant the file is open, and so its path is live.
        to_result(unsafe { shims::file_truncate(self.0.file(), size) })
    }
}

/// The memory of this machine, in bytes.
pub fn memory_total() -> u64 {
    // SAFETY: An FFI call without requirements.
    unsafe { shims::memory_total() }
}

/// The space of a file and of its file system, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    /// What the file takes.
    pub used: u64,
    /// What the file system has in all; zero when it has no limit of its own.
    pub total: u64,
    /// What the file system has free for anybody.
    pub available: u64,
}

/// What a file has at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Whether there is data, or else a hole, which reads as zeros and takes no space.
    pub is_data: bool,
    /// Where that ends, in bytes.
    pub end: u64,
}

impl Entry {
    /// Starts an I/O at an offset in bytes; `D` gets the command when it is over.
    ///
    /// Process context. Never waits for the file: what can't be started at once is handed to a
    /// worker.
    ///
    /// With [`Mode::Direct`], data and offset must be multiples of the unit that the file was opened
    /// for; else the I/O fails.
    pub fn submit<T: Carried, D: Done<T>>(
        self,
        operation: Operation,
        offset: u64,
        token: Token<T>,
    ) {
        transfer::submit::<T, D>(self.0, operation, offset, token);
    }
}

/// Workers for one file: I/O through the page cache is done by them, start to end.
const WORKERS: u16 = 32;

/// An open file.
///
/// # Invariants
///
/// Owns a reference.
struct Opened(NonNull<bindings::file>);

impl Opened {
    fn as_ptr(&self) -> *mut bindings::file {
        self.0.as_ptr()
    }

    /// Where the page cache's errors are, of any page. Any context.
    fn errors(&self) -> u32 {
        // SAFETY: By the invariant the file is open.
        unsafe { shims::file_errors(self.as_ptr()) }
    }

    /// What errors there were in the page cache since then. Any context.
    fn failed_since(&self, errors: u32) -> Result {
        // SAFETY: By the invariant the file is open.
        to_result(unsafe { shims::file_failed_since(self.as_ptr(), errors) })
    }

    /// The address of the inode.
    fn id(&self) -> usize {
        // SAFETY: By the invariant the file is open.
        unsafe { shims::file_inode(self.as_ptr()) }.addr()
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        // SAFETY: The file came from `filp_open`, and is put once.
        unsafe { bindings::fput(self.0.as_ptr()) };
    }
}
