// SPDX-License-Identifier: GPL-2.0

//! The data buffer of a disk, for WRITE BUFFER and READ BUFFER. It takes memory when it is first
//! written, and gives it back when the disk is reset.

use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::Mutex, //
};
use stmf_scsi::buffer::CAPACITY;

/// The data buffer of a disk.
#[pin_data]
pub(crate) struct Buffer {
    /// Empty while it is all zeros.
    #[pin]
    bytes: Mutex<KVVec<u8>>,
}

impl Buffer {
    /// A buffer of zeros.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            bytes <- new_mutex!(KVVec::new(), "Buffer::bytes"),
        })
    }

    /// Writes bytes from an offset on, as far as there is room. Sleeps for memory.
    pub(crate) fn write(&self, offset: u32, from: &[u8]) -> Result<(), AllocError> {
        let mut bytes = self.bytes.lock();
        if bytes.is_empty() {
            *bytes = KVVec::from_elem(0, CAPACITY as usize, GFP_KERNEL)?;
        }
        let room = bytes.get_mut(offset as usize..).unwrap_or_default();
        room.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
        Ok(())
    }

    /// Looks at the bytes from an offset on; at none while they are zeros. Sleeps briefly.
    pub(crate) fn look<R>(&self, offset: u32, look: impl FnOnce(&[u8]) -> R) -> R {
        look(self.bytes.lock().get(offset as usize..).unwrap_or_default())
    }

    /// Makes it all zeros. Sleeps briefly.
    pub(crate) fn clear(&self) {
        let old = core::mem::take(&mut *self.bytes.lock());
        drop(old);
    }
}
