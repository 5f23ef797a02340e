// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::str`.

use super::alloc::AllocError;
use core::fmt;
use std::ffi;

/// A string that C can read.
pub struct CString(ffi::CString);

impl CString {
    /// What `text` says.
    pub fn try_from_fmt(text: fmt::Arguments<'_>) -> Result<Self, AllocError> {
        ffi::CString::new(text.to_string())
            .map(Self)
            .map_err(|_| AllocError)
    }

    /// The string.
    pub fn to_str(&self) -> Result<&str, core::str::Utf8Error> {
        self.0.to_str()
    }
}
