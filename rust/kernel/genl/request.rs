// SPDX-License-Identifier: GPL-2.0

//! What a caller asked for, and the refusal that tells it why not.

use super::{attribute_slot, payload};
use crate::bindings;
use core::{
    fmt::{self, Write},
    marker::PhantomData, //
};
use kernel::{
    alloc::AllocError,
    ffi::c_int,
    prelude::*, //
};

/// Room for a formatted sentence: the kernel's own limit less the terminating NUL.
const TEXT_LEN: usize = bindings::NETLINK_MAX_FMTMSG_LEN as usize - 1;

/// Why a request was refused: an error, a sentence for people, and the attribute at fault.
pub struct Refusal {
    error: Error,
    attribute: Option<u16>,
    text: [u8; TEXT_LEN + 1],
    len: usize,
}

impl Refusal {
    /// A refusal with a sentence (cut at 79 bytes).
    pub fn new(error: Error, sentence: fmt::Arguments<'_>) -> Self {
        let mut refusal = Self {
            error,
            attribute: None,
            text: [0; TEXT_LEN + 1],
            len: 0,
        };
        // Cutting a sentence short is not an error.
        let _ = refusal.write_fmt(sentence);
        refusal
    }

    /// Names the attribute at fault.
    pub fn at(self, attribute: u16) -> Self {
        Self {
            attribute: Some(attribute),
            ..self
        }
    }

    /// The error number.
    pub fn error(&self) -> Error {
        self.error
    }
}

impl Write for Refusal {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            if self.len == TEXT_LEN {
                return Err(fmt::Error);
            }
            self.text[self.len] = byte;
            self.len += 1;
        }
        Ok(())
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(error, format_args!(""))
    }
}

impl From<AllocError> for Refusal {
    fn from(_: AllocError) -> Self {
        Self::new(ENOMEM, format_args!("out of memory"))
    }
}

/// A request with validated attributes.
///
/// # Invariants
///
/// `info` is live for `'a`; its attributes were parsed with a table for `takes`.
pub struct Request<'a> {
    info: *mut bindings::genl_info,
    takes: &'static [u16],
    _info: PhantomData<&'a bindings::genl_info>,
}

impl<'a> Request<'a> {
    /// # Safety
    ///
    /// `info` is live for `'a`; its attributes were parsed with a table for `takes`.
    pub(super) unsafe fn new(info: *mut bindings::genl_info, takes: &'static [u16]) -> Self {
        // INVARIANT: By the requirement.
        Self {
            info,
            takes,
            _info: PhantomData,
        }
    }

    /// The request as C knows it.
    pub(crate) fn as_raw(&self) -> *mut bindings::genl_info {
        self.info
    }

    fn attribute(&self, number: u16) -> Option<*const bindings::nlattr> {
        if !self.takes.contains(&number) {
            return None;
        }
        // SAFETY: Live by the invariant.
        let attrs = unsafe { (*self.info).attrs };
        if attrs.is_null() {
            return None;
        }
        let attribute = attribute_slot(attrs, number);
        (!attribute.is_null()).then_some(attribute)
    }

    /// An attribute's bytes, if it was given.
    pub fn bytes(&self, number: u16) -> Option<&'a [u8]> {
        // SAFETY: The attribute was validated and lives as long as the request.
        self.attribute(number).map(|a| unsafe { payload(a) })
    }

    /// An attribute's bytes as an array, if it was given with that length.
    pub fn array<const N: usize>(&self, number: u16) -> Option<[u8; N]> {
        self.bytes(number)?.try_into().ok()
    }

    /// An attribute's text without the NUL, if it was given and is UTF-8.
    pub fn text(&self, number: u16) -> Option<&'a str> {
        let bytes = self.bytes(number)?;
        let end = bytes.iter().position(|b| *b == 0).unwrap_or(bytes.len());
        core::str::from_utf8(bytes.get(..end)?).ok()
    }

    /// An 8-bit attribute, if it was given.
    pub fn u8(&self, number: u16) -> Option<u8> {
        self.array(number).map(u8::from_ne_bytes)
    }

    /// A 16-bit attribute, if it was given.
    pub fn u16(&self, number: u16) -> Option<u16> {
        self.array(number).map(u16::from_ne_bytes)
    }

    /// A 32-bit attribute, if it was given.
    pub fn u32(&self, number: u16) -> Option<u32> {
        self.array(number).map(u32::from_ne_bytes)
    }

    /// An integer attribute of four or eight bytes (`NLA_UINT`), if it was given.
    pub fn uint(&self, number: u16) -> Option<u64> {
        self.array(number)
            .map(u64::from_ne_bytes)
            .or_else(|| self.u32(number).map(u64::from))
    }

    /// The refusal for an attribute that isn't there or isn't what it must be.
    pub fn missing(&self, number: u16, what: &str) -> Refusal {
        Refusal::new(EINVAL, format_args!("{what} is missing or malformed")).at(number)
    }

    /// Writes a refusal into the extended acknowledgment; returns the error number.
    pub(super) fn refuse(&self, refusal: &Refusal) -> c_int {
        // SAFETY: Live by the invariant.
        let extack = unsafe { (*self.info).extack };
        if !extack.is_null() {
            if refusal.len > 0 {
                // SAFETY: `extack` is live and ours during the handler; the texts have the same
                // size, and `text` ends with a NUL.
                unsafe {
                    (*extack)._msg_buf = refusal.text;
                    (*extack)._msg = (&raw const (*extack)._msg_buf).cast();
                }
            }
            if let Some(at) = refusal.attribute.and_then(|number| self.attribute(number)) {
                // SAFETY: As above.
                unsafe { (*extack).bad_attr = at };
            }
        }
        refusal.error.to_errno()
    }
}
