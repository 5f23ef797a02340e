// SPDX-License-Identifier: GPL-2.0

//! Files in debugfs that show something to root.
//!
//! Those of the `kernel` crate name no owner, so that a module can go while somebody has one open, and
//! the close then runs into memory that is gone. These are owned by `stmf.ko`.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)

use crate::{
    bindings,
    shims, //
};
use core::fmt;
use kernel::{
    ffi::{c_int, c_void},
    prelude::*, //
};

/// What a file shows.
pub trait Shown {
    /// Writes it. Process context; called again when there was too little room. May sleep.
    fn show(out: &mut dyn fmt::Write) -> Result;
}

/// A directory at the root of debugfs. It goes with its files when it is dropped, which waits for those
/// who are reading.
///
/// # Invariants
///
/// `dir` is what `debugfs_create_dir` returned, which may be an error.
pub struct Directory {
    dir: *mut bindings::dentry,
}

// SAFETY: debugfs may be called from any thread.
unsafe impl Send for Directory {}
// SAFETY: debugfs locks for itself.
unsafe impl Sync for Directory {}

impl Directory {
    /// Makes a directory. Without debugfs, or when it fails, there is none, which is nobody's loss.
    pub fn new(name: &CStr) -> Self {
        // INVARIANT: As returned.
        Self {
            // SAFETY: The name is a C string, and is copied.
            dir: unsafe { shims::debugfs_dir(name.as_char_ptr()) },
        }
    }

    /// Adds a file that only root may read. `S` is a type of `stmf.ko`, which owns the file.
    pub fn add<S: Shown>(&self, name: &CStr) {
        // SAFETY: By the invariant `dir` is what debugfs takes for a directory, errors included; the
        // name is a C string, and is copied; `show` is code of the module that owns the file.
        unsafe { shims::debugfs_file(self.dir, name.as_char_ptr(), Some(show::<S>)) };
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // SAFETY: By the invariant; an error is in order.
        unsafe { shims::debugfs_remove(self.dir) };
    }
}

/// Where a file's text goes.
///
/// # Invariants
///
/// `0` is valid as long as the value.
struct Text(*mut bindings::seq_file);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: By the invariant; the bytes are readable. That there is no room is noticed by
        // seq_file itself.
        unsafe { shims::seq_write(self.0, text.as_ptr().cast(), text.len()) };
        Ok(())
    }
}

/// The `show` of a file.
///
/// # Safety
///
/// `seq` is valid during the call.
unsafe extern "C" fn show<S: Shown>(seq: *mut bindings::seq_file, _: *mut c_void) -> c_int {
    // INVARIANT: By the requirement.
    match S::show(&mut Text(seq)) {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}
