// SPDX-License-Identifier: GPL-2.0

//! Lists of pages that carry a command's data.
//!
//! The pages come straight from the page allocator, in chunks of up to 32 KiB: up to that size it
//! keeps free lists per CPU, so a pool of our own would only repeat it, and could not reuse a page
//! that a socket still holds. A chunk is one segment to the block layer and to the socket.
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use crate::{
    bindings,
    crypto::Crc32c,
    scsi_host::{Claimed, Command},
    shims, //
};
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
/// - The segments are the first `count` of `inline`, or all of `spilled` when that isn't empty.
/// - Without `lent` each owns a compound page allocation that starts at `bv_page` with `bv_offset`
///   0 and has room for `bv_len` bytes. With `lent` they are memory of the command in `lender`,
///   which is taken.
/// - The sum of their `bv_len` is `len`.
pub struct PageList {
    inline: [bindings::bio_vec; INLINE],
    count: usize,
    spilled: KVec<bindings::bio_vec>,
    len: usize,
    lent: bool,
    lender: Option<Command>,
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
            lent: false,
            lender: None,
        }
    }

    /// Makes an empty list one of the first `len` bytes of a command's own memory, if that consists of
    /// whole pages, and the command's data go this way; else gives the command back. Process context; may
    /// sleep.
    pub fn borrow_from(
        &mut self,
        command: Command,
        to_initiator: bool,
        len: usize,
    ) -> Result<(), Command> {
        let Ok(bytes) = u32::try_from(len) else {
            return Err(command);
        };
        if !self.is_empty() {
            return Err(command);
        }
        let (inline, spilled) = (&mut self.inline, &mut self.spilled);
        let found = command.segments(to_initiator, bytes, |most| {
            if most <= INLINE {
                return Some(&mut inline[..]);
            }
            spilled.resize(most, inline[0], GFP_KERNEL).ok()?;
            Some(&mut spilled[..])
        });
        let Some(found) = found else {
            self.spilled.clear();
            return Err(command);
        };
        if self.spilled.is_empty() {
            self.count = found;
        } else {
            self.spilled.truncate(found);
        }
        // INVARIANT: The segments are `len` bytes of the command's memory, and it comes along.
        self.len = len;
        self.lent = true;
        self.lender = Some(command);
        Ok(())
    }

    /// Has the list carry a command that it works on a copy for. `write`: its data is copied here.
    ///
    /// From here on the command's memory isn't used, until the copy goes back. A list that was borrowed from a
    /// command is no copy, and stays what it is: `command` is dropped.
    pub fn carry(&mut self, mut command: Command, write: bool) {
        if self.lent {
            return;
        }
        if write {
            let mut skip = 0;
            for slice in self.slices_mut() {
                command.fetch(skip, slice);
                skip += slice.len();
            }
        }
        command.let_go();
        self.lender = Some(command);
    }

    /// Ends the list: gives the command back that it carries, unless somebody has taken that away,
    /// with the list's first `len` bytes in the command's memory. Any context.
    pub fn give_back(mut self, len: usize) -> Option<Claimed> {
        let claimed = self.lender.take()?.claim()?;
        if !self.lent {
            let (mut skip, mut left) = (0, len);
            for slice in self.slices() {
                let (now, _) = slice.split_at(slice.len().min(left));
                claimed.deliver(skip, now);
                skip += now.len();
                left -= now.len();
            }
        }
        Some(claimed)
    }

    /// Allocates `len` bytes. Process context; may sleep.
    pub fn alloc(len: usize, contents: Contents) -> Result<Self, AllocError> {
        let mut list = Self::empty();
        list.extend(len, contents)?;
        Ok(list)
    }

    /// Makes the list `len` bytes longer, or as much as there is memory for. Process context; may
    /// sleep. The list's memory has to be its own.
    pub fn extend(&mut self, len: usize, contents: Contents) -> Result<(), AllocError> {
        debug_assert!(!self.lent);
        let end = self.len + len;
        while self.len < end {
            self.grow(end - self.len, contents)?;
        }
        Ok(())
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

    /// Moves the list to where it is to stay, and leaves an empty one.
    #[inline]
    pub fn take(&mut self) -> impl Init<Self> + '_ {
        // `mem::replace` would copy it twice.
        let take = move |place: *mut Self| {
            // SAFETY: The place is valid for writes, and new, so that it isn't where `self` is. `self` isn't
            // read again before it is overwritten, without dropping what has moved.
            unsafe {
                place.copy_from_nonoverlapping(self, 1);
                core::ptr::write(self, Self::empty());
            }
            Ok(())
        };
        // SAFETY: The closure doesn't fail, and initialises the place.
        unsafe { pin_init::init_from_closure(take) }
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

    /// Shortens the list to `len` bytes; a shorter one stays as it is.
    pub fn truncate(&mut self, len: usize) {
        while self.len > len {
            let over = self.len - len;
            let last = match self.spilled.last_mut() {
                Some(last) => last,
                None => &mut self.inline[self.count - 1],
            };
            let cut = over.min(last.bv_len as usize);
            last.bv_len -= cut as u32;
            self.len -= cut;
            if last.bv_len == 0 {
                if !self.lent {
                    // SAFETY: By the invariant the segment owns its pages; it leaves the list below.
                    unsafe { shims::put_page(last.bv_page) };
                }
                if self.spilled.pop().is_none() {
                    self.count -= 1;
                }
            }
        }
    }

    /// Shows every part of this list with the same bytes of another list, whose byte at `offset`
    /// goes with the first of this. Ends early when the other list does, or when `visit` says so by
    /// returning a value. `visit` also gets the offset of the part in this list.
    fn zip<R>(
        &self,
        other: &PageList,
        mut offset: usize,
        mut visit: impl FnMut(usize, *mut u8, &[u8]) -> Option<R>,
    ) -> Option<R> {
        let mut at = 0;
        let mut theirs = other.slices();
        let mut b: &[u8] = &[];
        for segment in self.bvecs() {
            let mut done = 0;
            while done < segment.bv_len as usize {
                while b.is_empty() {
                    b = theirs.next()?;
                    let skipped = offset.min(b.len());
                    offset -= skipped;
                    b = &b[skipped..];
                }
                let n = b.len().min(segment.bv_len as usize - done);
                let (now, later) = b.split_at(n);
                let found = visit(at, address(segment).wrapping_add(done), now);
                if found.is_some() {
                    return found;
                }
                (b, done, at) = (later, done + n, at + n);
            }
        }
        None
    }

    /// Adds `len` bytes from `offset` on to a checksum.
    pub fn checksum(&self, mut offset: usize, mut len: usize, crc: &mut Crc32c) {
        for slice in self.slices() {
            let skipped = offset.min(slice.len());
            let part = len.min(slice.len() - skipped);
            crc.update(&slice[skipped..skipped + part]);
            offset -= skipped;
            len -= part;
            if len == 0 {
                break;
            }
        }
    }

    /// The offset in this list of the first byte that differs from another list's, which is
    /// compared from its byte at `offset` on.
    pub fn first_difference(&self, other: &PageList, offset: usize) -> Option<usize> {
        self.zip(other, offset, |at, mine, theirs| {
            // SAFETY: `zip` shows a part of this list that is as long as `theirs`; `&self` excludes
            // writers.
            let mine = unsafe { slice::from_raw_parts(mine.cast_const(), theirs.len()) };
            if mine == theirs {
                return None;
            }
            let differing = mine.iter().zip(theirs).position(|(x, y)| x != y);
            differing.map(|position| at + position)
        })
    }

    /// Changes the bytes of this list by those of another, from its byte at `offset` on.
    pub fn change_by(
        &mut self,
        other: &PageList,
        offset: usize,
        mut change: impl FnMut(&mut [u8], &[u8]),
    ) {
        let _: Option<()> = self.zip(other, offset, |_, mine, theirs| {
            // SAFETY: As in `first_difference`; `&mut self` excludes others, and the other list has
            // pages of its own.
            let mine = unsafe { slice::from_raw_parts_mut(mine, theirs.len()) };
            change(mine, theirs);
            None
        });
    }

    /// Whether all bytes are zero.
    pub fn is_zero(&self) -> bool {
        self.slices()
            .all(|slice| slice.iter().all(|byte| *byte == 0))
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
        if self.lent {
            return;
        }
        for segment in self.bvecs() {
            // SAFETY: By the invariant the segment owns one reference of its compound page. A
            // socket that still sends from it holds its own.
            unsafe { shims::put_page(segment.bv_page) };
        }
    }
}

#[kernel::macros::kunit_tests(stmf_pages)]
mod tests {
    use super::*;

    const ODD: usize = 5 * PAGE_SIZE + 123;

    /// A list whose bytes count.
    fn counting(len: usize) -> Result<PageList> {
        let mut list = PageList::alloc(len, Contents::Garbage)?;
        let mut number = 0u8;
        for byte in list.slices_mut().flatten() {
            *byte = number;
            number = number.wrapping_add(1);
        }
        Ok(list)
    }

    #[test]
    fn it_has_the_bytes_that_were_asked_for() -> Result {
        for len in [0, 1, PAGE_SIZE, ODD, 1 << 20] {
            let mut list = PageList::alloc(len, Contents::Zeroed)?;
            assert_eq!(list.len(), len);
            assert_eq!(list.slices().map(<[u8]>::len).sum::<usize>(), len);
            assert!(list.is_zero());
            list.extend(ODD, Contents::Zeroed)?;
            assert_eq!(list.len(), len + ODD);
            assert!(list.is_zero());
            list.truncate(len / 2);
            assert_eq!(list.slices().map(<[u8]>::len).sum::<usize>(), len / 2);
        }
        Ok(())
    }

    #[test]
    fn what_is_written_across_its_pages_is_read() -> Result {
        let mut list = PageList::alloc(ODD, Contents::Zeroed)?;
        let bytes = [1, 2, 3, 4];
        for offset in [0, PAGE_SIZE - 2, 4 * PAGE_SIZE - 1, ODD - 4] {
            assert_eq!(list.write_at(offset, &bytes), 4);
            let mut read = list.slices().flatten().skip(offset);
            assert!(bytes.iter().all(|byte| read.next() == Some(byte)));
        }
        assert_eq!(list.write_at(ODD - 1, &bytes), 1);
        assert_eq!(list.write_at(ODD, &bytes), 0);
        assert!(!list.is_zero());
        Ok(())
    }

    #[test]
    fn lists_are_compared_from_where_it_was_asked() -> Result {
        let (whole, mut part) = (counting(ODD)?, PageList::alloc(300, Contents::Zeroed)?);
        for (offset, byte) in part.slices_mut().flatten().enumerate() {
            *byte = (PAGE_SIZE - 100 + offset) as u8;
        }
        assert_eq!(part.first_difference(&whole, PAGE_SIZE - 100), None);
        part.write_at(299, &[0xee]);
        assert_eq!(part.first_difference(&whole, PAGE_SIZE - 100), Some(299));
        part.write_at(7, &[0xee]);
        assert_eq!(part.first_difference(&whole, PAGE_SIZE - 100), Some(7));
        Ok(())
    }

    #[test]
    fn a_checksum_is_that_of_the_bytes_alone() -> Result {
        let list = counting(ODD)?;
        for (offset, len) in [(0, ODD), (PAGE_SIZE - 3, 6), (7, 0), (ODD - 1, 1)] {
            let (mut whole, mut single) = (Crc32c::new(), Crc32c::new());
            list.checksum(offset, len, &mut whole);
            for byte in list.slices().flatten().skip(offset).take(len) {
                single.update(&[*byte]);
            }
            assert_eq!(whole.bytes(), single.bytes());
        }
        Ok(())
    }

    #[test]
    fn a_pattern_goes_on_from_page_to_page() -> Result {
        let mut list = PageList::alloc(ODD, Contents::Garbage)?;
        list.fill_with(b"abc");
        let expected = b"abc".iter().cycle();
        assert!(list
            .slices()
            .flatten()
            .zip(expected)
            .all(|(is, should)| is == should));
        Ok(())
    }
}
