// SPDX-License-Identifier: GPL-2.0

//! What is to be sent on a connection, in order.

use super::Stream;
use crate::{bindings, pages::PageList, shims};
use core::ptr::{self, NonNull};
use kernel::{
    ffi::c_int,
    page::PAGE_SIZE,
    prelude::*, //
};

/// The most segments that wait at a time. A header and a 256 KiB read of 32 KiB chunks take nine.
const SEGMENTS: usize = 64;

const NO_SEGMENT: bindings::bio_vec = bindings::bio_vec {
    bv_page: ptr::null_mut(),
    bv_len: 0,
    bv_offset: 0,
};

/// There is no room now: send first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Bytes and pages that wait to be sent on a connection.
///
/// Small pieces are copied into pages of the train's own, whose bytes are written once and never
/// again. The pages of data are not copied: the train takes references to them, and passes them on
/// to the socket, which keeps its own until the peer has acknowledged them. So the list they come
/// from may be dropped as soon as it is on the train; what may not happen is that its bytes change.
///
/// # Invariants
///
/// - The segments from `first` to `end` each hold a reference to their page.
/// - Bytes of `page` before `used` are never written again.
pub struct Train {
    segments: [bindings::bio_vec; SEGMENTS],
    first: usize,
    end: usize,
    page: Option<NonNull<bindings::page>>,
    used: usize,
    sent: u64,
}

// SAFETY: Pages may be used by any thread; the train owns its references.
unsafe impl Send for Train {}

impl Train {
    /// An empty train. Allocates nothing.
    pub const fn new() -> Self {
        Self {
            segments: [NO_SEGMENT; SEGMENTS],
            first: 0,
            end: 0,
            page: None,
            used: 0,
            sent: 0,
        }
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.first == self.end
    }

    /// How many bytes wait.
    pub fn len(&self) -> usize {
        let waiting = &self.segments[self.first..self.end];
        waiting.iter().map(|segment| segment.bv_len as usize).sum()
    }

    /// How many bytes the connection has taken so far, modulo 2^64.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Gives back the memory that an idle train can do without.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            self.drop_page();
        }
    }

    /// Adds a piece of at most a page, by copying it. May sleep for memory.
    ///
    /// # Errors
    ///
    /// [`Full`] when there is no room, or no memory; then nothing of it is added.
    pub fn push(&mut self, pieces: &[&[u8]]) -> Result<(), Full> {
        let len = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        if self.used + len > PAGE_SIZE || self.page.is_none() {
            self.turn_page(len)?;
        }
        let page = self.page.ok_or(Full)?;
        self.add(bindings::bio_vec {
            bv_page: page.as_ptr(),
            bv_len: len as u32,
            bv_offset: self.used as u32,
        })?;
        // SAFETY: The page is ours, mapped (64-bit kernels have no highmem), and by the invariant
        // nobody reads its bytes from `used` on but through the segment added above, which is not
        // sent before this function returns.
        let room = unsafe {
            let start = shims::page_address(page.as_ptr()).cast::<u8>();
            core::slice::from_raw_parts_mut(start.add(self.used), PAGE_SIZE - self.used)
        };
        let mut at = 0;
        for piece in pieces {
            room[at..at + piece.len()].copy_from_slice(piece);
            at += piece.len();
        }
        // INVARIANT: The bytes just written are behind `used` now.
        self.used += len;
        Ok(())
    }

    /// Adds `len` bytes of a list from `offset` on; says how many there was room for.
    pub fn push_pages(&mut self, pages: &PageList, mut offset: usize, len: usize) -> usize {
        let mut left = len;
        for segment in pages.bvecs() {
            let skipped = offset.min(segment.bv_len as usize);
            offset -= skipped;
            let part = (segment.bv_len as usize - skipped).min(left);
            if part == 0 {
                continue;
            }
            let added = self.add(bindings::bio_vec {
                bv_page: segment.bv_page,
                bv_len: part as u32,
                bv_offset: segment.bv_offset + skipped as u32,
            });
            if added.is_err() {
                break;
            }
            left -= part;
            if left == 0 {
                break;
            }
        }
        len - left
    }

    /// Sends as much as the connection takes; says whether that was all. `more` says that more is
    /// to follow at once, so that a last short segment may wait for it.
    ///
    /// When it wasn't all, [`Stream::WRITABLE`] rings as soon as there is room again.
    ///
    /// # Errors
    ///
    /// The connection is broken.
    pub fn send(&mut self, stream: &mut Stream, more: bool) -> Result<bool> {
        let mut flags = bindings::MSG_SPLICE_PAGES | bindings::MSG_DONTWAIT;
        flags |= bindings::MSG_NOSIGNAL;
        if more {
            flags |= bindings::MSG_MORE;
        }
        while !self.is_empty() {
            // A short count doesn't promise the ring; only EAGAIN does.
            match self.send_once(stream, flags) {
                Ok(sent) => self.advance(sent),
                Err(error) if error == EAGAIN => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn send_once(&self, stream: &mut Stream, flags: u32) -> Result<usize> {
        let waiting = &self.segments[self.first..self.end];
        let mut message = bindings::msghdr {
            msg_flags: flags,
            ..Default::default()
        };
        // SAFETY: The segments are valid by the invariant and not changed during the call. Their
        // pages are not from the slab and their bytes never change, as splicing them asks. The
        // socket is live.
        let sent = unsafe {
            bindings::iov_iter_bvec(
                &mut message.msg_iter,
                bindings::ITER_SOURCE,
                waiting.as_ptr(),
                waiting.len(),
                self.len(),
            );
            bindings::sock_sendmsg(stream.socket().as_ptr(), &mut message)
        };
        usize::try_from(sent).map_err(|_| Error::from_errno(sent as c_int))
    }

    /// Takes the first `sent` bytes off the train.
    fn advance(&mut self, mut sent: usize) {
        self.sent = self.sent.wrapping_add(sent as u64);
        for segment in &mut self.segments[self.first..self.end] {
            let part = sent.min(segment.bv_len as usize);
            segment.bv_offset += part as u32;
            segment.bv_len -= part as u32;
            sent -= part;
            if segment.bv_len > 0 {
                return;
            }
            // INVARIANT: The segment is no longer among those that hold a reference.
            self.first += 1;
            // SAFETY: By the invariant the segment held a reference.
            unsafe { shims::put_page(segment.bv_page) };
        }
        (self.first, self.end) = (0, 0);
    }

    /// Adds a segment with a reference to its page, or lengthens the last one.
    fn add(&mut self, segment: bindings::bio_vec) -> Result<(), Full> {
        if let Some(last) = self.segments[self.first..self.end].last_mut() {
            let adjoins = last.bv_offset + last.bv_len == segment.bv_offset;
            if last.bv_page == segment.bv_page && adjoins {
                last.bv_len += segment.bv_len;
                return Ok(());
            }
        }
        if self.end == SEGMENTS {
            self.segments.copy_within(self.first.., 0);
            (self.first, self.end) = (0, self.end - self.first);
        }
        let slot = self.segments.get_mut(self.end).ok_or(Full)?;
        // SAFETY: The page is live: the caller has a reference to it.
        unsafe { shims::get_page(segment.bv_page) };
        *slot = segment;
        // INVARIANT: The segment holds the reference just taken.
        self.end += 1;
        Ok(())
    }

    /// Begins a new page for at least `len` bytes.
    fn turn_page(&mut self, len: usize) -> Result<(), Full> {
        if len > PAGE_SIZE {
            return Err(Full);
        }
        // SAFETY: An FFI call without requirements.
        let page = unsafe { shims::alloc_data_pages(0, false) };
        let page = NonNull::new(page).ok_or(Full)?;
        self.drop_page();
        self.page = Some(page);
        self.used = 0;
        Ok(())
    }

    fn drop_page(&mut self) {
        if let Some(page) = self.page.take() {
            // SAFETY: The train's own reference, which `turn_page` got from the allocation.
            unsafe { shims::put_page(page.as_ptr()) };
        }
    }
}

impl Default for Train {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Train {
    fn drop(&mut self) {
        for segment in &self.segments[self.first..self.end] {
            // SAFETY: By the invariant the segment holds a reference.
            unsafe { shims::put_page(segment.bv_page) };
        }
        self.drop_page();
    }
}
