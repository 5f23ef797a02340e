// SPDX-License-Identifier: GPL-2.0

//! Files that are read and written by whoever may wait for them.

use super::Opened;
use crate::{bindings, shims};
use core::ptr::NonNull;
use kernel::{
    error::{from_err_ptr, to_result},
    ffi::c_int,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    }, //
};

/// A regular file or a block device, open for reading and writing through the page cache.
///
/// # Invariants
///
/// The file has `read_iter`, and `write_iter` if it was opened for writing.
pub struct SmallFile {
    file: Opened,
    /// Counts flushes that fail, if there is who tells that with its next one.
    losses: Option<Arc<Atomic<u32>>>,
}

// SAFETY: Files may be used and put from any thread.
unsafe impl Send for SmallFile {}
// SAFETY: As above.
unsafe impl Sync for SmallFile {}

impl SmallFile {
    /// Opens a regular file, with the rights of the current process. May sleep, as long as the file
    /// system takes.
    ///
    /// # Errors
    ///
    /// Those of `open(2)`; `EINVAL` when it is not a regular file, or one that can't be used.
    pub fn open(path: &CStr) -> Result<Self> {
        // Should it be a FIFO: don't wait for its other end.
        let flags = bindings::O_RDWR | bindings::O_LARGEFILE | bindings::O_NONBLOCK;
        // SAFETY: The path is NUL-terminated.
        let file =
            from_err_ptr(unsafe { bindings::filp_open(path.as_char_ptr(), flags as c_int, 0) })?;
        let opened = Opened(NonNull::new(file).ok_or(ENOENT)?);
        // SAFETY: `file` is open.
        if !unsafe { shims::file_is_usable(file) } {
            return Err(EINVAL);
        }
        // INVARIANT: Checked above, for a file that was opened for both.
        Ok(Self {
            file: opened,
            losses: None,
        })
    }

    /// Opens a regular file or a block device for reading, with the rights of the current process,
    /// whoever has it. May sleep, as long as the file system or the device takes.
    ///
    /// # Errors
    ///
    /// Those of `open(2)`; `EINVAL` when it is something else.
    pub fn open_to_read(path: &CStr) -> Result<Self> {
        let flags = bindings::O_RDONLY | bindings::O_LARGEFILE | bindings::O_NONBLOCK;
        // SAFETY: The path is NUL-terminated.
        let file =
            from_err_ptr(unsafe { bindings::filp_open(path.as_char_ptr(), flags as c_int, 0) })?;
        let opened = Opened(NonNull::new(file).ok_or(ENOENT)?);
        // SAFETY: `file` is open.
        if !unsafe { shims::file_is_usable(file) || shims::file_is_block_device(file) } {
            return Err(EINVAL);
        }
        // INVARIANT: Checked above; block devices have both.
        Ok(Self {
            file: opened,
            losses: None,
        })
    }

    /// The same open file once more.
    ///
    /// # Safety
    ///
    /// `file` is open, and has `read_iter`, and `write_iter` if it was opened for writing.
    pub(crate) unsafe fn share(file: NonNull<bindings::file>) -> Self {
        // SAFETY: By the requirement the file is open, so somebody has a reference.
        unsafe { bindings::get_file(file.as_ptr()) };
        // INVARIANT: The reference was just taken; the rest is required.
        Self {
            file: Opened(file),
            losses: None,
        }
    }

    /// The same, with whom a flush that fails is left to.
    pub(super) fn leaving_to(self, losses: Arc<Atomic<u32>>) -> Self {
        Self {
            losses: Some(losses),
            ..self
        }
    }

    /// As [`super::File::id`].
    pub fn id(&self) -> usize {
        self.file.id()
    }

    /// Reads from an offset in bytes on, up to the end of the file or of the buffer; returns how
    /// much. Sleeps, as long as the file system takes.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<usize> {
        let offset = i64::try_from(offset).map_err(|_| EFBIG)?;
        // SAFETY: By the invariant the file can be read; the buffer is writable for its length.
        let read = unsafe {
            shims::file_read(
                self.file.as_ptr(),
                buffer.as_mut_ptr().cast(),
                buffer.len(),
                offset,
            )
        };
        usize::try_from(read).map_err(|_| Error::from_errno(read as c_int))
    }

    /// Forgets what was read of a block device, and of what is behind it: I/O that goes past the page
    /// cache doesn't change that. May sleep briefly.
    pub fn forget(&self) {
        // SAFETY: By the invariant the file is open.
        unsafe { shims::file_forget(self.file.as_ptr()) };
    }

    /// Writes at an offset in bytes, and returns when all of it has left the page cache: to be on stable
    /// storage it is flushed. Sleeps, as long as the file system and its device take. `EBADF` when it isn't
    /// open for writing.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result {
        let offset = i64::try_from(offset).map_err(|_| EFBIG)?;
        // SAFETY: By the invariant the file can be written; the slice is readable for its length.
        to_result(unsafe {
            shims::file_write(
                self.file.as_ptr(),
                bytes.as_ptr().cast(),
                bytes.len(),
                offset,
            )
        })
    }

    /// Puts what was written on stable storage, by whomever: the device flushes all that it has. Sleeps, as
    /// [`SmallFile::write`].
    pub fn flush(&self) -> Result {
        // SAFETY: By the invariant the file is open.
        let flushed = to_result(unsafe { shims::file_flush(self.file.as_ptr()) });
        flushed.inspect_err(|_| {
            if let Some(losses) = &self.losses {
                losses.fetch_add(1, ordering::Relaxed);
            }
        })
    }
}
