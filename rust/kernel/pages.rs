// SPDX-License-Identifier: GPL-2.0

//! Lists of pages that carry a command's data.
//!
//! The pages come straight from the page allocator, in chunks of up to 32 KiB: up to that size it
//! keeps free lists per CPU, so a pool of our own would only repeat it, and could not reuse a page
//! that a socket still holds. A chunk is one segment to the block layer and to the socket.
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use crate::{bindings, shims};
use core::slice;
use kernel::{
    alloc::AllocError,
    page::PAGE_SIZE,
    prelude::*, //
};

/// The largest chunk: `PAGE_ALLOC_COSTLY_ORDER`, the last with per-CPU free lists.
const MAX_ORDER: u32 = 3;

/// Segments that fit the list itself: 128 KiB when memory isn't fragmented.
const INLINE: usize = 4;

/// What the bytes of a new list are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Contents {
    /// Zeros: for answers that are built in the pages.
    Zeroed,
    /// Whatever was there: only for pages that a device or a socket fills whole before anything of
    /// them is sent.
    Garbage,
}

/// An owned list of pages, `len` bytes in all.
///
/// # Invariants
///
/// - The first `count` segments of `inline`, or all of `spilled` when that isn't empty, each own a
///   compound page allocation that starts at `bv_page` with `bv_offset` 0 and has room for
///   `bv_len` bytes.
/// - The sum of their `bv_len` is `len`.
pub struct PageList {
    inline: [bindings::bio_vec; INLINE],
    count: usize,
    spilled: KVec<bindings::bio_vec>,
    len: usize,
}

// SAFETY: The list owns its pages; a page may be accessed from any thread.
unsafe impl Send for PageList {}
// SAFETY: Shared access reads only.
unsafe impl Sync for PageList {}

impl PageList {
    /// Creates a list without pages.
    pub const fn empty() -> Self {
        const NONE: bindings::bio_vec = bindings::bio_vec {
            bv_page: core::ptr::null_mut(),
            bv_len: 0,
            bv_offset: 0,
        };
        Self {
            inline: [NONE; INLINE],
            count: 0,
            spilled: KVec::new(),
            len: 0,
        }
    }

    /// Allocates `len` bytes. Process context; may sleep.
    pub fn alloc(len: usize, contents: Contents) -> Result<Self, AllocError> {
        let mut list = Self::empty();
        while list.len < len {
            list.grow(len - list.len, contents)?;
        }
        Ok(list)
    }

    /// Adds one chunk of at most `want` bytes.
    fn grow(&mut self, want: usize, contents: Contents) -> Result<(), AllocError> {
        let pages = want.div_ceil(PAGE_SIZE);
        if self.count == INLINE && self.spilled.is_empty() {
            let room = INLINE + pages.div_ceil(1 << MAX_ORDER);
            self.spilled.reserve(room, GFP_KERNEL)?;
            self.spilled.extend_from_slice(&self.inline, GFP_KERNEL)?;
            self.count = 0;
        }
        let mut order = pages.ilog2().min(MAX_ORDER);
        let page = loop {
            // SAFETY: An FFI call without requirements.
            let page = unsafe { shims::alloc_data_pages(order, contents == Contents::Zeroed) };
            if !page.is_null() {
                break page;
            }
            order = order.checked_sub(1).ok_or(AllocError)?;
        };
        let segment = bindings::bio_vec {
            bv_page: page,
            bv_len: want.min(PAGE_SIZE << order) as u32,
            bv_offset: 0,
        };
        if self.count < INLINE && self.spilled.is_empty() {
            self.inline[self.count] = segment;
            self.count += 1;
        } else if let Err(error) = self.spilled.push(segment, GFP_KERNEL) {
            // SAFETY: The page was allocated above and is in no list.
            unsafe { bindings::__free_pages(page, order) };
            return Err(error);
        }
        // INVARIANT: The segment owns a compound page with room for `bv_len`.
        self.len += segment.bv_len as usize;
        Ok(())
    }

    /// The number of bytes.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The segments as the block layer and sockets take them.
    pub(crate) fn bvecs(&self) -> &[bindings::bio_vec] {
        if self.spilled.is_empty() {
            &self.inline[..self.count]
        } else {
            &self.spilled
        }
    }

    /// The bytes, one slice per segment.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        self.bvecs().iter().map(|segment| {
            // SAFETY: By the invariant the segment's pages are ours and `bv_len` long; lowmem is
            // mapped (64-bit), and `&self` excludes writers.
            unsafe { slice::from_raw_parts(address(segment), segment.bv_len as usize) }
        })
    }

    /// The bytes, one slice per segment, to be changed.
    pub fn slices_mut(&mut self) -> impl Iterator<Item = &mut [u8]> {
        self.bvecs().iter().map(|segment| {
            // SAFETY: As in `slices`; `&mut self` excludes others, and segments don't overlap.
            unsafe { slice::from_raw_parts_mut(address(segment), segment.bv_len as usize) }
        })
    }

    /// The first segment's bytes: at least the first page, or all when there is less.
    pub fn first_mut(&mut self) -> &mut [u8] {
        self.slices_mut().next().unwrap_or(&mut [])
    }

    /// Copies bytes in at an offset; says how many fitted.
    pub fn write_at(&mut self, mut offset: usize, mut bytes: &[u8]) -> usize {
        let wanted = bytes.len();
        for slice in self.slices_mut() {
            if let Some(room) = slice.get_mut(offset..) {
                let (now, later) = bytes.split_at(bytes.len().min(room.len()));
                room[..now.len()].copy_from_slice(now);
                bytes = later;
            }
            offset = offset.saturating_sub(slice.len());
            if bytes.is_empty() {
                break;
            }
        }
        wanted - bytes.len()
    }

    /// The offset of the first byte in which two lists of the same length differ.
    pub fn first_difference(&self, other: &PageList) -> Option<usize> {
        let mut offset = 0;
        let mut theirs = other.slices();
        let mut b: &[u8] = &[];
        for mut a in self.slices() {
            while !a.is_empty() {
                if b.is_empty() {
                    b = theirs.next()?;
                }
                let n = a.len().min(b.len());
                let ((a_now, a_later), (b_now, b_later)) = (a.split_at(n), b.split_at(n));
                if a_now != b_now {
                    let at = a_now.iter().zip(b_now).position(|(x, y)| x != y);
                    return at.map(|at| offset + at);
                }
                offset += n;
                (a, b) = (a_later, b_later);
            }
        }
        None
    }

    /// Fills the list by repeating a pattern from its start.
    pub fn fill_with(&mut self, pattern: &[u8]) {
        let mut source = pattern.iter().cycle();
        for slice in self.slices_mut() {
            for (byte, value) in slice.iter_mut().zip(&mut source) {
                *byte = *value;
            }
        }
    }
}

/// The address of a segment's bytes.
fn address(segment: &bindings::bio_vec) -> *mut u8 {
    // SAFETY: The segment's page is a live lowmem page (64-bit kernels have no other).
    unsafe { shims::page_address(segment.bv_page) }.cast()
}

impl Drop for PageList {
    fn drop(&mut self) {
        for segment in self.bvecs() {
            // SAFETY: By the invariant the segment owns one reference of its compound page. A
            // socket that still sends from it holds its own.
            unsafe { shims::put_page(segment.bv_page) };
        }
    }
}
