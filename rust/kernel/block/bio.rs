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
//! Operations on ranges without data go to the device in pieces that it takes without a split, one
//! after the other, each started by a worker: a long one stops for an abort, and is as long as it
//! likes otherwise.
//!
//! [`PageList`]: crate::pages::PageList
//! [`Room`]: crate::io::Room

use super::{Open, SECTOR_SIZE};
use crate::{
    bindings,
    io::{Carried, Done, Failure, Lent, Operation, RawLent},
    live::LiveRef,
    shims,
    token::Token,
    work::{self, RunLent}, //
};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    error::Error,
    prelude::*, //
};

/// A block I/O in a command's room.
#[repr(C)]
pub(crate) struct BioIo {
    // First, so that `end_io` finds the rest from the pointer that C gives it.
    bio: bindings::bio,
    lent: RawLent,
    state: State,
}

/// What an I/O is to do.
struct State {
    open: LiveRef<Open>,
    operation: Operation,
    sector: u64,
    /// The bytes that are still to be done, with those of the bio under way.
    left: u64,
    /// The bytes of the bio under way.
    piece: u32,
}

const SYNC: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_SYNC;
const IDLE: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_IDLE;
const FUA: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_FUA;
const PREFLUSH: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_PREFLUSH;
const ATOMIC: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_ATOMIC;
const NOUNMAP: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_NOUNMAP;
const NOWAIT: bindings::blk_opf_t = 1 << bindings::req_flag_bits___REQ_NOWAIT;

impl State {
    /// The operation and flags of the bio. Writes are marked as those of direct I/O, which the
    /// block layer doesn't throttle.
    fn flags(&self) -> bindings::blk_opf_t {
        let fua = if self.operation.is_durable() { FUA } else { 0 };
        match self.operation {
            Operation::Read => bindings::req_op_REQ_OP_READ,
            Operation::Write { .. } => bindings::req_op_REQ_OP_WRITE | SYNC | IDLE | fua,
            Operation::WriteAtomic { .. } => {
                bindings::req_op_REQ_OP_WRITE | SYNC | IDLE | ATOMIC | fua
            }
            Operation::Zero { unmap: true, .. } => bindings::req_op_REQ_OP_WRITE_ZEROES,
            Operation::Zero { unmap: false, .. } => bindings::req_op_REQ_OP_WRITE_ZEROES | NOUNMAP,
            Operation::Discard { .. } => bindings::req_op_REQ_OP_DISCARD,
            Operation::Flush => bindings::req_op_REQ_OP_WRITE | PREFLUSH,
        }
    }

    /// The length of the next bio; `None` when the device can't do the operation, or not in one
    /// bio what can't be done in several.
    fn next_piece(&self) -> Option<u32> {
        let longest = match self.operation {
            // The block layer splits them.
            Operation::Read | Operation::Write { .. } | Operation::Flush => {
                return u32::try_from(self.left).ok();
            }
            Operation::WriteAtomic { .. } => {
                return u32::try_from(self.left)
                    .ok()
                    .filter(|left| *left <= self.limit(shims::bdev_atomic_write_unit_max));
            }
            Operation::Zero { .. } => self.limit(shims::bdev_max_write_zeroes),
            Operation::Discard { .. } => self.limit(shims::bdev_max_discard),
        };
        let longest = u64::from(longest.min(PIECE_MAX));
        if self.left <= longest {
            return u32::try_from(self.left).ok();
        }
        // What is not the last ends where the device can end it.
        let granularity = u64::from(self.limit(shims::bdev_discard_granularity)).max(SECTOR_SIZE);
        let start = self.sector.wrapping_mul(SECTOR_SIZE);
        let beyond = start.wrapping_add(longest) % granularity;
        let piece = longest.checked_sub(beyond).filter(|piece| *piece > 0);
        u32::try_from(piece.unwrap_or(longest))
            .ok()
            .filter(|piece| *piece > 0)
    }

    /// Asks the device for a limit, in bytes.
    fn limit(&self, of: unsafe extern "C" fn(*mut bindings::block_device) -> u32) -> u32 {
        // SAFETY: The functions given here may be called for an open device, which the reference
        // keeps.
        unsafe { of(self.open.bdev.as_ptr()) }
    }
}

/// The longest piece of an operation without data, in bytes: an abort waits for no more.
const PIECE_MAX: u32 = 1 << 30;

/// Starts an I/O; see [`super::Entry::submit`].
pub(super) fn submit<T: Carried, D: Done<T>>(
    open: LiveRef<Open>,
    operation: Operation,
    offset: u64,
    token: Token<T>,
) {
    let mut lent = Lent::new(token);
    let left = operation.len(lent.parts().0.len());
    if left == 0 && operation != Operation::Flush {
        return D::done(lent.end(), Ok(()));
    }
    let is_short = left <= u64::from(open.max_bytes);
    let may_try = open.nowait && is_short && (operation.moves_data() || left == 0);
    let started = Started::new(
        lent,
        State {
            open,
            operation,
            sector: offset / SECTOR_SIZE,
            left,
            piece: 0,
        },
    );
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
/// The room holds a [`BioIo`] whose `state` is written.
struct Started<T: Carried>(Lent<T>);

impl<T: Carried> Started<T> {
    fn new(mut lent: Lent<T>, state: State) -> Self {
        let io = lent.parts().1.block();
        // SAFETY: `io` is memory for a `BioIo`, which the room lends to us.
        unsafe { (&raw mut (*io).state).write(state) };
        // INVARIANT: Just written.
        Self(lent)
    }

    fn state(&mut self) -> &mut State {
        let io = self.0.parts().1.block();
        // SAFETY: Written by the invariant; ours as long as the command is.
        unsafe { &mut (*io).state }
    }

    /// Ends the I/O: gives the command and the state back.
    fn into_parts(mut self) -> (Token<T>, State) {
        let state: *mut State = self.state();
        // SAFETY: Written by the invariant; `self` ends here, so it is read out once.
        let state = unsafe { state.read() };
        (self.0.end(), state)
    }

    /// Makes the bio and gives it, with the command, to the block layer.
    fn issue<D: Done<T>>(mut self, more_flags: bindings::blk_opf_t) {
        let flags = self.state().flags() | more_flags;
        let moves_data = self.state().operation.moves_data();
        let Some(len) = self.state().next_piece() else {
            return self.end::<D>(Err(Failure::Unsupported));
        };
        self.state().piece = len;
        let (data, room) = self.0.parts();
        if moves_data && data.len() as u64 != u64::from(len) {
            // It was lent twice, and not the same.
            return self.end::<D>(Err(Failure::Unknown));
        }
        let segments = data.bvecs().as_ptr();
        let io = room.block();
        let raw = self.0.into_raw();
        // SAFETY:
        // - `io`, the segments and the pages are lent by the command that has just been given up,
        //   so they stay as they are until `end_io` takes it back.
        // - The reference in the state keeps the device open until then.
        // - A bio of `BIO_CLONED` only refers to its segments, so it needs no room for any; `len`
        //   is the sum of their lengths. A bio without data has none.
        unsafe {
            let bio = &raw mut (*io).bio;
            let state = &(*io).state;
            (&raw mut (*io).lent).write(raw);
            bindings::bio_init(bio, state.open.bdev.as_ptr(), ptr::null_mut(), 0, flags);
            (*bio).bi_iter.bi_sector = state.sector;
            (*bio).bi_iter.bi_size = len;
            if moves_data {
                (*bio).bi_io_vec = segments.cast_mut();
                (*bio).bi_flags |= 1 << bindings::BIO_CLONED;
            }
            (*bio).bi_end_io = Some(end_io::<T, D>);
            bindings::submit_bio(bio);
        }
    }

    /// Leaves it to a worker, who may wait. Any context.
    fn wait<D: Done<T>>(mut self) {
        let open = self.state().open.clone();
        work::later_lent::<T, Wait<D>>(&open.handle.queue, self.0);
    }

    /// Deals with what came of the bio: `tried` with [`NOWAIT`]. Any context.
    fn settle<D: Done<T>>(mut self, status: bindings::blk_status_t, tried: bool) {
        if u32::from(status) == bindings::BLK_STS_OK {
            return self.go_on::<D>();
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

    /// A bio is over: starts the next, or ends the I/O. Any context.
    fn go_on<D: Done<T>>(mut self) {
        let state = self.state();
        let done = u64::from(state.piece);
        state.sector = state.sector.wrapping_add(done / SECTOR_SIZE);
        state.left = state.left.saturating_sub(done);
        if state.left == 0 {
            self.end::<D>(Ok(()));
        } else {
            self.wait::<D>();
        }
    }

    /// Gives the command back with what came of it.
    fn end<D: Done<T>>(self, outcome: Result<(), Failure>) {
        let (token, state) = self.into_parts();
        drop(state);
        D::done(token, outcome);
    }
}

/// The submission of a bio that may have to wait, on the device's own queue.
struct Wait<D>(PhantomData<D>);

impl<T: Carried, D: Done<T>> RunLent<T> for Wait<D> {
    fn run(lent: Lent<T>) {
        // INVARIANT: Queued by `Started::wait` alone.
        let (token, state) = Started(lent).into_parts();
        if token.is_wanted() {
            Started::new(Lent::new(token), state).issue::<D>(0);
        } else {
            drop(state);
            D::done(token, Err(Failure::Aborted));
        }
    }
}

/// The end of a bio. Any context.
///
/// # Safety
///
/// Called by the block layer for a bio of [`Started::<T>::issue::<D>`], once.
unsafe extern "C" fn end_io<T: Carried, D: Done<T>>(bio: *mut bindings::bio) {
    let io = bio.cast::<BioIo>();
    // SAFETY: The bio is the first field of a `BioIo`, in the room of a command that was given up.
    // The block layer doesn't touch the bio any more: its owner may free it here.
    let (status, flags, raw) = unsafe {
        bindings::bio_uninit(bio);
        ((*bio).bi_status, (*bio).bi_opf, (*io).lent)
    };
    // SAFETY: It came from `into_raw`, and nobody used it since.
    let lent = unsafe { Lent::from_raw(raw) };
    // INVARIANT: The state wasn't taken out.
    Started(lent).settle::<D>(status, flags & NOWAIT != 0);
}
