// SPDX-License-Identifier: GPL-2.0

//! One command as one bio.
//!
//! The bio lies in the command's own [`Room`] and goes through the segments of the command's own
//! [`PageList`], as the bios of direct I/O on kernel pages do (`bio_iov_iter_set()`): nothing is
//! allocated, nothing is copied, and the number of segments has no limit. The block layer splits
//! the bio to what the device takes and ends it when all parts are over.
//!
//! A full device would make `submit_bio()` sleep, for ever when it hangs. So a bio is submitted
//! with `REQ_NOWAIT` first, and when that would have to wait, again by a worker of the device. The
//! block layer refuses to split such a bio, so one that is longer than the device takes in one
//! piece goes to the worker at once, as all do on a device that doesn't know `REQ_NOWAIT`.
//!
//! For a device with a volatile write cache the block layer makes `REQ_FUA` true, by the device's
//! own FUA or by a flush after the write, and `REQ_PREFLUSH` a flush; for one without it ignores
//! both (`submit_bio_noacct()`, `block/blk-flush.c`).
//!
//! [`PageList`]: crate::pages::PageList
//! [`Room`]: crate::io::Room

use super::{Open, SECTOR_SIZE};
use crate::{
    bindings,
    io::{self, Carried, Done, Failure, Operation},
    live::LiveRef,
    shims,
    token::{Cell, Token},
    work::{self, Run}, //
};
use core::{
    marker::PhantomData,
    ptr::{self, NonNull}, //
};
use kernel::{
    error::Error,
    ffi::c_void,
    prelude::*, //
};

/// A block I/O in a command's room.
#[repr(C)]
pub(crate) struct BioIo {
    // First, so that `end_io` finds the rest from the pointer that C gives it.
    bio: bindings::bio,
    token: *mut c_void,
    state: State,
}

/// What an I/O is to do.
struct State {
    open: LiveRef<Open>,
    operation: Operation,
    sector: u64,
    /// The number of bytes.
    len: u32,
}

const SYNC: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_SYNC;
const IDLE: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_IDLE;
const FUA: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_FUA;
const PREFLUSH: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_PREFLUSH;
const NOWAIT: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_NOWAIT;

impl State {
    /// The operation and flags of the bio. Writes are marked as those of direct I/O, which the
    /// block layer doesn't throttle.
    fn flags(&self) -> bindings::blk_opf_t {
        match self.operation {
            Operation::Read => bindings::req_op_REQ_OP_READ,
            Operation::Write { fua: false } => bindings::req_op_REQ_OP_WRITE | SYNC | IDLE,
            Operation::Write { fua: true } => bindings::req_op_REQ_OP_WRITE | SYNC | IDLE | FUA,
            Operation::Flush => bindings::req_op_REQ_OP_WRITE | PREFLUSH,
        }
    }

    /// Whether the device may take it without waiting.
    fn may_try(&self) -> bool {
        self.open.nowait && self.len <= self.open.max_bytes
    }
}

/// Starts an I/O; see [`super::Device::submit`].
pub(super) fn submit<T: Carried, D: Done<T>>(
    open: LiveRef<Open>,
    operation: Operation,
    offset: u64,
    mut token: Token<T>,
) {
    let len = match operation {
        Operation::Read | Operation::Write { .. } => token.lend().0.len(),
        Operation::Flush => 0,
    };
    let Ok(len) = u32::try_from(len) else {
        return D::done(token, Err(Failure::Unsupported));
    };
    if len == 0 && operation != Operation::Flush {
        return D::done(token, Ok(()));
    }
    let state = State {
        open,
        operation,
        sector: offset / SECTOR_SIZE,
        len,
    };
    let may_try = state.may_try();
    let started = Started::new(token, state);
    if may_try {
        started.issue::<D>(NOWAIT);
    } else {
        started.wait::<D>();
    }
}

/// A command that has an I/O in its room.
///
/// # Invariants
///
/// The room holds a [`BioIo`] whose `state` is written. Its `len` is the length of the data, or
/// zero for a flush.
struct Started<T: Carried>(Token<T>);

impl<T: Carried> Started<T> {
    fn new(mut token: Token<T>, state: State) -> Self {
        let io = token.lend().1.block();
        // SAFETY: `io` is memory for a `BioIo`, which the room lends to us.
        unsafe { (&raw mut (*io).state).write(state) };
        // INVARIANT: Just written.
        Self(token)
    }

    fn state(&mut self) -> &mut State {
        let io = self.0.lend().1.block();
        // SAFETY: Written by the invariant; ours as long as the token is.
        unsafe { &mut (*io).state }
    }

    /// Makes the bio and gives it, with the command, to the block layer.
    fn issue<D: Done<T>>(mut self, more_flags: bindings::blk_opf_t) {
        let flags = self.state().flags() | more_flags;
        let (data, room) = self.0.lend();
        let (segments, _) = io::segments(data);
        let io = room.block();
        let raw = self.0.into_raw();
        // SAFETY:
        // - `io`, the segments and the pages are in or owned by the cell of the token that has just
        //   been given up, so they stay as they are until `end_io` takes the token back.
        // - The reference in the state keeps the device open until then.
        // - A bio of `BIO_CLONED` only refers to its segments, so it needs no room for any; by the
        //   invariant `len` is the sum of their lengths.
        unsafe {
            let bio = &raw mut (*io).bio;
            let state = &(*io).state;
            (&raw mut (*io).token).write(raw.as_ptr().cast());
            bindings::bio_init(bio, state.open.bdev.as_ptr(), ptr::null_mut(), 0, flags);
            (*bio).bi_iter.bi_sector = state.sector;
            if state.len > 0 {
                (*bio).bi_io_vec = segments;
                (*bio).bi_iter.bi_size = state.len;
                (*bio).bi_flags |= 1 << bindings::BIO_CLONED;
            }
            (*bio).bi_end_io = Some(end_io::<T, D>);
            bindings::submit_bio(bio);
        }
    }

    /// Leaves it to a worker, who may wait. Any context.
    fn wait<D: Done<T>>(mut self) {
        let open = self.state().open.clone();
        work::later::<T, Wait<D>>(&open.queue, self.0);
    }

    /// Deals with what came of the bio: `tried` with [`NOWAIT`]. Any context.
    fn settle<D: Done<T>>(mut self, status: bindings::blk_status_t, tried: bool) {
        if u32::from(status) == bindings::BLK_STS_OK {
            return self.end::<D>(Ok(()));
        }
        // SAFETY: An FFI call without requirements.
        let error = Error::from_errno(unsafe { bindings::blk_status_to_errno(status) });
        // A device may lose the ability to take `NOWAIT` while it is open.
        if tried && matches!(error, EAGAIN | EOPNOTSUPP) {
            return self.wait::<D>();
        }
        // SAFETY: The reference in the state keeps the device open.
        let failure = if unsafe { shims::bdev_is_dead(self.state().open.bdev.as_ptr()) } {
            Failure::Gone
        } else {
            Failure::from(error)
        };
        self.end::<D>(Err(failure));
    }

    /// Gives the command back.
    fn end<D: Done<T>>(mut self, outcome: Result<(), Failure>) {
        let state: *mut State = self.state();
        // SAFETY: Written by the invariant; `self` ends here, so it is read out once.
        drop(unsafe { state.read() });
        D::done(self.0, outcome);
    }
}

/// The submission of a bio that may have to wait, on the device's own queue.
struct Wait<D>(PhantomData<D>);

impl<T: Carried, D: Done<T>> Run<T> for Wait<D> {
    fn run(token: Token<T>) {
        // INVARIANT: Queued by `Started::wait` alone.
        Started(token).issue::<D>(0);
    }
}

/// The end of a bio. Any context.
///
/// # Safety
///
/// Called by the block layer for a bio of [`Started::<T>::issue::<D>`], once.
unsafe extern "C" fn end_io<T: Carried, D: Done<T>>(bio: *mut bindings::bio) {
    let io = bio.cast::<BioIo>();
    // SAFETY: The bio is the first field of a `BioIo`, in the cell of a token that was given up.
    // The block layer doesn't touch the bio any more: its owner may free it here.
    let (status, flags, raw) = unsafe {
        bindings::bio_uninit(bio);
        ((*bio).bi_status, (*bio).bi_opf, (*io).token)
    };
    // SAFETY: The pointer came from `into_raw`, and nobody used it since.
    let token = unsafe { Token::from_raw(NonNull::new_unchecked(raw.cast::<Cell<T>>())) };
    // INVARIANT: The state wasn't taken out.
    Started(token).settle::<D>(status, flags & NOWAIT != 0);
}
