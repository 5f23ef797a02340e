// SPDX-License-Identifier: GPL-2.0

//! One command as one asynchronous file I/O.
//!
//! The I/O is tried at once with `IOCB_NOWAIT`, in the context in which the command came. What the
//! file system would have to wait for (a block to be allocated, a lock, a page to be read), what is
//! left after a short transfer, and all flushes go to the file's workers.
//!
//! A file system may use the `kiocb` for as long as it is in `read_iter()` or `write_iter()`, and
//! may have completed it on another CPU meanwhile (`io_uring` and `aio` count references for that).
//! So a transfer that the file system has queued is over when both are: the call and the I/O.

use super::{Mode, Open};
use crate::{
    bindings,
    io::{Carried, Done, Failure, Lent, Operation, RawLent},
    live::LiveRef,
    pages::PageList,
    shims,
    token::Token,
    work::{self, RunLent}, //
};
use core::marker::PhantomData;
use kernel::{
    error::{to_result, Error},
    ffi::{c_int, c_long},
    prelude::*,
    sync::atomic::{ordering, Atomic},
    types::Opaque, //
};

/// A file I/O in a command's room.
#[repr(C)]
pub(crate) struct FileIo {
    // First, so that `complete` finds the rest from the pointer that C gives it.
    iocb: bindings::kiocb,
    lent: RawLent,
    /// Of the call and the I/O, those that aren't over.
    unfinished: Atomic<i32>,
    /// What the I/O returned.
    ret: isize,
    state: State,
}

/// Notes that the call or the I/O is over; says whether it was the last.
///
/// # Safety
///
/// `io` is a transfer that the file system has queued. It isn't used by the caller from here on,
/// except when it was the last.
unsafe fn finish_half(io: *const FileIo) -> bool {
    // SAFETY: By the requirement the half that is over here has kept `io` until now. The ordering
    // makes what the other half wrote visible to the last.
    let unfinished = unsafe { &(*io).unfinished };
    unfinished.fetch_sub(1, ordering::Full) == 1
}

/// Where an I/O stands.
struct State {
    open: LiveRef<Open>,
    operation: Operation,
    offset: u64,
    /// The bytes that were moved, or otherwise done, so far.
    moved: u64,
    /// Whether the transfer under way is a try that doesn't wait.
    is_try: bool,
    /// Where the page cache's errors were, of a durable write through it, when it began; of a flush, when one
    /// ended last that had told them.
    errors: Option<u32>,
    /// The same of a flush and [`Handle::losses`](super::Handle::losses).
    losses: u32,
}

impl State {
    /// Whether the file is as long as this I/O, of a command with so many bytes of data, expects. Somebody
    /// may have made it shorter: what is behind its end is lost, and must not read as zeros.
    fn is_within(&self, data: usize, size: impl FnOnce(&Open) -> u64) -> bool {
        let end = self.offset.saturating_add(self.operation.len(data));
        self.operation == Operation::Flush || end <= size(&self.open)
    }

    /// What came of an I/O that the file system says went well. What errors there were in the page cache, of any
    /// page, it tells once: to whoever asks first.
    fn outcome(&self) -> Result<(), Failure> {
        let Some(errors) = self.errors else {
            return Ok(());
        };
        let failed = self.open.handle.file.failed_since(errors);
        failed.map_err(Failure::from)
    }

    /// A durable write has failed. What the page cache couldn't write, the next flush tells; it has to tell, too, that
    /// the device couldn't be flushed.
    fn note_loss(&self, failure: Failure) {
        let is_cached = self.operation.is_durable() && self.errors.is_some();
        if is_cached && failure.may_be_of_flush() && self.outcome().is_ok() {
            self.open.handle.losses.fetch_add(1, ordering::Relaxed);
        }
    }

    /// Whether a try makes sense.
    fn may_try(&self) -> bool {
        // SAFETY: An FFI call without requirements.
        let may_enter = unsafe { shims::may_enter_fs() };
        self.open.nowait
            && may_enter
            && match self.operation {
                Operation::Read => true,
                // Copies into the page cache, and may have to write out others for that.
                Operation::Write { .. } => self.open.mode == Mode::Direct,
                Operation::WriteAtomic { .. }
                | Operation::Zero { .. }
                | Operation::Discard { .. }
                | Operation::Flush => false,
            }
    }
}

/// Starts an I/O; see [`super::Entry::submit`].
pub(super) fn submit<T: Carried, D: Done<T>>(
    open: LiveRef<Open>,
    operation: Operation,
    offset: u64,
    token: Token<T>,
) {
    let mut lent = Lent::new(token);
    if operation != Operation::Flush && operation.len(lent.parts().0.len()) == 0 {
        return D::done(lent.end(), Ok(()));
    }
    if matches!(operation, Operation::WriteAtomic { .. }) {
        return D::done(lent.end(), Err(Failure::Unsupported));
    }
    let errors = match open.mode {
        Mode::Buffered if operation == Operation::Flush => {
            Some(open.handle.told.load(ordering::Relaxed))
        }
        Mode::Buffered if operation.is_durable() => Some(open.handle.file.errors()),
        _ => None,
    };
    let losses = open.handle.told_losses.load(ordering::Relaxed);
    let state = State {
        open,
        operation,
        offset,
        moved: 0,
        is_try: false,
        errors,
        losses,
    };
    // If not, a worker asks the file system.
    let is_within = state.is_within(lent.parts().0.len(), Open::known_size);
    let may_try = is_within && state.may_try();
    let started = Started::new(lent, state);
    if may_try {
        started.transfer::<D>(true);
    } else {
        started.wait::<D>();
    }
}

/// A command that has an I/O in its room.
///
/// # Invariants
///
/// The room holds a [`FileIo`] whose `state` is written.
struct Started<T: Carried>(Lent<T>);

impl<T: Carried> Started<T> {
    fn new(mut lent: Lent<T>, state: State) -> Self {
        let io = lent.parts().1.file();
        // SAFETY: `io` is memory for a `FileIo`, which the room lends to us.
        unsafe { (&raw mut (*io).state).write(state) };
        // INVARIANT: Just written.
        Self(lent)
    }

    fn parts(&mut self) -> (&mut PageList, &mut State) {
        let (data, room) = self.0.parts();
        // SAFETY: Written by the invariant; ours as long as the command is.
        (data, unsafe { &mut (*room.file()).state })
    }

    /// Ends the I/O: gives the command and the state back.
    fn into_parts(mut self) -> (Token<T>, State) {
        let state: *mut State = self.parts().1;
        // SAFETY: Written by the invariant; `self` ends here, so it is read out once.
        let state = unsafe { state.read() };
        (self.0.end(), state)
    }

    /// Gives what is left to do to the file system, and deals with the result.
    fn transfer<D: Done<T>>(mut self, is_try: bool) {
        self.parts().1.is_try = is_try;
        let (data, room) = self.0.parts();
        let (segments, len) = (data.bvecs(), data.len());
        let (segments, count) = (segments.as_ptr(), segments.len());
        let io = room.file();
        let raw = self.0.into_raw();
        // SAFETY:
        // - `io`, the segments and the pages are lent by the command that has just been given up,
        //   so they stay as they are until it is taken back, after the call and the I/O.
        // - `len` is the sum of the segments' lengths.
        let mut ret = unsafe {
            (&raw mut (*io).lent).write(raw);
            (&raw mut (*io).unfinished).write(Atomic::new(2));
            start(io, segments, count, len, complete::<T, D>)
        };
        if ret == -(bindings::EIOCBQUEUED as isize) {
            // SAFETY: Queued, and our half of it is over.
            if !unsafe { finish_half(io) } {
                return;
            }
            // SAFETY: `complete` has written it, and has left the rest to us.
            ret = unsafe { (*io).ret };
        }
        // SAFETY: Given up above; nobody else uses it: the file system ended the I/O in the call,
        // or we are the last.
        let lent = unsafe { Lent::from_raw(raw) };
        // INVARIANT: The state wasn't taken out.
        Self(lent).settle::<D>(ret);
    }

    /// Deals with a transfer's result. Any context: what would take long goes to a worker.
    fn settle<D: Done<T>>(mut self, ret: isize) {
        let (data, state) = self.parts();
        let left = (data.len() as u64).saturating_sub(state.moved);
        match u64::try_from(ret) {
            Ok(moved) if moved >= left => {
                let outcome = state.outcome();
                self.end::<D>(outcome);
            }
            Ok(0) if state.is_try => self.wait::<D>(),
            Ok(0) if state.operation.is_write() => self.end::<D>(Err(Failure::Unknown)),
            // The file ends.
            Ok(0) => self.end::<D>(Err(Failure::Medium)),
            Ok(moved) => {
                state.moved += moved;
                self.wait::<D>();
            }
            Err(_) => {
                let error = Error::from_errno(ret as c_int);
                if state.is_try && matches!(error, EAGAIN | EOPNOTSUPP) {
                    self.wait::<D>();
                } else {
                    state.note_loss(error.into());
                    self.end::<D>(Err(error.into()));
                }
            }
        }
    }

    /// Leaves the rest to a worker. Any context.
    fn wait<D: Done<T>>(mut self) {
        let open = self.parts().1.open.clone();
        work::later_lent::<T, Wait<D>>(&open.handle.queue, self.0);
    }

    /// Flushes the file. A flush tells of everything that could not be written since the last one, whoever the
    /// file system has told meanwhile: a durable write, who writes metadata, a flush beside it. Sleeps.
    fn flush<D: Done<T>>(mut self) {
        let state = self.parts().1;
        let handle = &state.open.handle;
        // SAFETY: The reference in the state keeps the file open.
        let flushed = to_result(unsafe { shims::file_flush(handle.file.as_ptr()) });
        // Before the look that decides what this flush tells: an error that comes after it is the next one's. Not
        // before the flush: what another flush of the device has lost meanwhile, this one couldn't find any more.
        let errors = handle.file.errors();
        let losses = handle.losses.load(ordering::Relaxed);
        let has_lost = losses != state.losses;
        let outcome = flushed
            .map_err(Failure::from)
            .and_then(|()| state.outcome())
            .and_then(|()| (!has_lost).then_some(()).ok_or(Failure::Unknown));
        if state.errors.is_some() {
            handle.told.store(errors, ordering::Relaxed);
            handle.told_losses.store(losses, ordering::Relaxed);
        }
        self.end::<D>(outcome.map_err(|failure| match failure {
            // Nobody would be told once more what was lost for want of memory.
            Failure::Busy => Failure::Unknown,
            other => other,
        }));
    }

    /// Makes a piece of the range zeros or a hole, and leaves the rest to a worker again. Sleeps.
    fn change_range<D: Done<T>>(mut self) {
        let (data, state) = self.parts();
        let left = state.operation.len(data.len()).saturating_sub(state.moved);
        let piece = left.min(PIECE_MAX);
        let offset = state.offset.wrapping_add(state.moved) as i64;
        let file = state.open.file();
        let keeps_space = matches!(state.operation, Operation::Zero { unmap: false, .. });
        // SAFETY: The reference in the state keeps the file open.
        let outcome = to_result(unsafe {
            if keeps_space {
                shims::file_zero(file, offset, piece as i64)
            } else {
                shims::file_punch(file, offset, piece as i64)
            }
        });
        state.moved = state.moved.saturating_add(piece);
        match outcome {
            Ok(()) if piece < left => self.wait::<D>(),
            outcome => self.end::<D>(outcome.map_err(Failure::from)),
        }
    }

    /// Gives the command back with what came of it.
    fn end<D: Done<T>>(self, outcome: Result<(), Failure>) {
        let (token, state) = self.into_parts();
        drop(state);
        D::done(token, outcome);
    }
}

/// The longest range that one call of the file system changes, in bytes: an abort waits for no more.
const PIECE_MAX: u64 = 1 << 30;

/// The part of an I/O that may wait, on the file's own queue.
struct Wait<D>(PhantomData<D>);

impl<T: Carried, D: Done<T>> RunLent<T> for Wait<D> {
    fn run(lent: Lent<T>) {
        // INVARIANT: Queued by `Started::wait` alone.
        let (token, state) = Started(lent).into_parts();
        if !token.is_wanted() {
            drop(state);
            return D::done(token, Err(Failure::Aborted));
        }
        let operation = state.operation;
        let mut lent = Lent::new(token);
        let len = lent.parts().0.len();
        let is_within = state.is_within(len, Open::known_size)
            || state.is_within(len, |open| open.size().unwrap_or(0));
        let started = Started::new(lent, state);
        if !is_within {
            return started.end::<D>(Err(Failure::Medium));
        }
        match operation {
            Operation::Flush => started.flush::<D>(),
            Operation::Zero { .. } | Operation::Discard { .. } => started.change_range::<D>(),
            _ => started.transfer::<D>(false),
        }
    }
}

/// Calls the file system for what the state in `io` says is left to do; returns what it returns.
///
/// # Safety
///
/// - `io` has its command and its state written, and more is to be moved than has been.
/// - `segments` are `count` segments of `len` bytes.
/// - All of that is left to the file system until this returns, and if it returns `-EIOCBQUEUED`,
///   also until `complete` is called with `io`.
unsafe fn start(
    io: *mut FileIo,
    segments: *const bindings::bio_vec,
    count: usize,
    len: usize,
    complete: unsafe extern "C" fn(*mut bindings::kiocb, c_long),
) -> isize {
    let mut iter = Opaque::<bindings::iov_iter>::uninit();
    let iter = core::ptr::from_mut(&mut iter).cast::<bindings::iov_iter>();
    // SAFETY: By the requirements. `iter` need not live longer than the call: whoever needs it
    // copies it. The reference in the state keeps the file open.
    unsafe {
        let state = &(*io).state;
        let iocb = &raw mut (*io).iocb;
        let direction = if state.operation.is_write() {
            bindings::ITER_SOURCE
        } else {
            bindings::ITER_DEST
        };
        bindings::iov_iter_bvec(iter, direction, segments, count, len);
        bindings::iov_iter_advance(iter, state.moved as usize);
        shims::kiocb_init(
            iocb,
            state.open.file(),
            state.offset.wrapping_add(state.moved) as i64,
            state.operation.is_write(),
            state.open.mode == Mode::Direct,
            state.operation.is_durable(),
            state.is_try,
        );
        (*iocb).ki_complete = Some(complete);
        if state.operation.is_write() {
            shims::kiocb_write(iocb, iter)
        } else {
            shims::kiocb_read(iocb, iter)
        }
    }
}

/// The end of an I/O that the file system had queued. Any context.
///
/// # Safety
///
/// Called by the file system for an `iocb` that [`Started::<T>::transfer::<D>`] gave it, once.
unsafe extern "C" fn complete<T: Carried, D: Done<T>>(iocb: *mut bindings::kiocb, ret: c_long) {
    let io = iocb.cast::<FileIo>();
    // SAFETY: The `iocb` is the first field of a `FileIo`, in the room of a command that was given
    // up. A write holds the freeze protection that `kiocb_write` left to us.
    unsafe {
        if (*io).state.operation.is_write() {
            shims::kiocb_end_write(iocb);
        }
        (&raw mut (*io).ret).write(ret);
    }
    // SAFETY: Queued, and the I/O's half of it is over.
    if !unsafe { finish_half(io) } {
        return;
    }
    // SAFETY: It came from `into_raw`; we are the last that uses it.
    let lent = unsafe { Lent::from_raw((*io).lent) };
    // INVARIANT: The state wasn't taken out.
    Started(lent).settle::<D>(ret);
}
