// SPDX-License-Identifier: GPL-2.0

//! One TCP connection.

use super::{address::RawAddress, listener::Accepted};
use crate::{bindings, kthread::Doorbell, pages::PageList, shims};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    net::SocketAddr,
    ptr::NonNull, //
};
use kernel::{
    ffi::{c_int, c_void},
    prelude::*,
    sync::Arc, //
};

/// An owned kernel socket.
///
/// # Invariants
///
/// The socket is live, has a TCP `sock`, and is released by this value alone.
pub(super) struct Socket(NonNull<bindings::socket>);

// SAFETY: A socket may be used and released by any thread.
unsafe impl Send for Socket {}
// SAFETY: C locks the socket where calls may come from several threads.
unsafe impl Sync for Socket {}

impl Socket {
    /// # Safety
    ///
    /// `raw` is null or a TCP socket that nobody else releases.
    pub(super) unsafe fn from_raw(raw: *mut bindings::socket) -> Option<Self> {
        // INVARIANT: By the requirement.
        NonNull::new(raw).map(Self)
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::socket {
        self.0.as_ptr()
    }

    pub(super) fn sk(&self) -> *mut bindings::sock {
        // SAFETY: Live by the invariant, and `sk` doesn't change before the release.
        unsafe { (*self.0.as_ptr()).sk }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: By the invariant, live and ours to release.
        unsafe { bindings::sock_release(self.0.as_ptr()) };
    }
}

type Callback = Option<unsafe extern "C" fn(*mut bindings::sock)>;

/// The callbacks of a TCP `sock` and what they are called with.
struct Callbacks {
    user_data: *mut c_void,
    data_ready: Callback,
    write_space: Callback,
    state_change: Callback,
}

impl Callbacks {
    /// Exchanges these with those of the socket. Sleeps briefly.
    ///
    /// # Safety
    ///
    /// These fit each other, and `user_data` is valid until the next exchange.
    unsafe fn swap(&mut self, socket: &Socket) {
        // SAFETY: The socket is live by its invariant; the requirement is passed on.
        unsafe {
            shims::sock_swap_callbacks(
                socket.sk(),
                &mut self.user_data,
                &mut self.data_ready,
                &mut self.write_space,
                &mut self.state_change,
            )
        };
    }
}

/// A TCP connection that never blocks.
///
/// # Invariants
///
/// The socket has our callbacks, with a count of a [`Doorbell`] as their data; `theirs` are those
/// that it had before.
pub struct Stream {
    socket: Socket,
    theirs: Callbacks,
}

// SAFETY: `theirs` is only read and written by `drop`; the other fields are `Send`.
unsafe impl Send for Stream {}

impl Stream {
    /// Rings when there may be something to receive.
    pub const READABLE: u32 = 1 << 0;
    /// Rings when there is room to send, after there was none.
    pub const WRITABLE: u32 = 1 << 1;
    /// Rings when the connection is closed or broken, by either side.
    pub const CLOSED: u32 = 1 << 2;

    /// Takes up a connection, whose news ring `doorbell`. Sleeps briefly.
    ///
    /// What happened before has not rung: receive once.
    pub fn new(accepted: Accepted, doorbell: Arc<Doorbell>) -> Self {
        let Accepted(socket) = accepted;
        let mut callbacks = Callbacks {
            user_data: Arc::into_raw(doorbell).cast_mut().cast(),
            data_ready: Some(data_ready),
            write_space: Some(write_space),
            state_change: Some(state_change),
        };
        // SAFETY: The callbacks expect a `Doorbell`, whose count `user_data` holds until `drop`.
        unsafe { callbacks.swap(&socket) };
        // INVARIANT: The swap put ours in place and gave us theirs.
        Self {
            socket,
            theirs: callbacks,
        }
    }

    /// Receives what is there, as far as there is room; 0 is the end of the stream.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when nothing is there. Any other error is the end of the connection.
    pub fn receive(&mut self, buffers: &mut Buffers<'_>) -> Result<usize> {
        let mut message = bindings::msghdr::default();
        // SAFETY: By the invariant of `Buffers` the first `count` parts are set and valid for writes
        // of their lengths, and they stay so for the whole call because `buffers` borrows them. The
        // socket is live.
        let received = unsafe {
            bindings::iov_iter_kvec(
                &mut message.msg_iter,
                bindings::ITER_DEST,
                buffers.parts.as_ptr().cast(),
                buffers.count,
                buffers.room,
            );
            bindings::sock_recvmsg(
                self.socket.as_ptr(),
                &mut message,
                bindings::MSG_DONTWAIT as c_int,
            )
        };
        usize::try_from(received).map_err(|_| Error::from_errno(received))
    }

    /// Tells the peer that nothing more will be sent, after all that was sent before.
    pub fn finish(&mut self) {
        let how = bindings::sock_shutdown_cmd_SHUT_WR;
        // SAFETY: The socket is live. That it is closed already is no error that matters.
        unsafe { bindings::kernel_sock_shutdown(self.socket.as_ptr(), how) };
    }

    /// The address at which the peer reached us.
    pub fn local_address(&self) -> Option<SocketAddr> {
        // SAFETY: The socket is live, and the buffer has room for any address.
        self.address(|socket, raw| unsafe { bindings::kernel_getsockname(socket, raw) })
    }

    /// The peer's address.
    pub fn peer_address(&self) -> Option<SocketAddr> {
        // SAFETY: The socket is live, and the buffer has room for any address.
        self.address(|socket, raw| unsafe { bindings::kernel_getpeername(socket, raw) })
    }

    fn address(
        &self,
        ask: impl FnOnce(*mut bindings::socket, *mut bindings::sockaddr) -> c_int,
    ) -> Option<SocketAddr> {
        let mut raw = RawAddress::empty();
        if ask(self.socket.as_ptr(), raw.as_mut_ptr()) < 0 {
            return None;
        }
        raw.get()
    }

    /// The socket for [`super::Train`].
    pub(super) fn socket(&mut self) -> &Socket {
        &self.socket
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: These are the socket's own callbacks and data.
        unsafe { self.theirs.swap(&self.socket) };
        let ours = self.theirs.user_data.cast::<Doorbell>();
        // SAFETY: By the invariant the data was a count of the doorbell, and since the swap no
        // callback uses it.
        drop(unsafe { Arc::from_raw(ours.cast_const()) });
    }
}

/// Rings the doorbell of a socket.
///
/// # Safety
///
/// `sk` has the callbacks of a [`Stream`], or had them a moment ago.
unsafe fn ring(sk: *mut bindings::sock, bells: u32) {
    // SAFETY: C passes a live `sock`. Between `enter` and `leave` its callbacks and their data
    // can't be exchanged, so the data is null or the doorbell that the `Stream` keeps.
    unsafe {
        let doorbell = shims::sock_callback_enter(sk).cast::<Doorbell>();
        if let Some(doorbell) = doorbell.as_ref() {
            doorbell.ring(bells);
        }
        shims::sock_callback_leave(sk);
    }
}

/// # Safety
///
/// Called by TCP for the `sock` of a [`Stream`].
unsafe extern "C" fn data_ready(sk: *mut bindings::sock) {
    // SAFETY: The requirement is the same.
    unsafe { ring(sk, Stream::READABLE) };
}

/// # Safety
///
/// Called by TCP for the `sock` of a [`Stream`].
unsafe extern "C" fn write_space(sk: *mut bindings::sock) {
    // SAFETY: C passes a live `sock`; the requirement is the same.
    unsafe {
        if shims::sock_take_write_space(sk) {
            ring(sk, Stream::WRITABLE);
        }
    }
}

/// # Safety
///
/// Called by TCP for the `sock` of a [`Stream`].
unsafe extern "C" fn state_change(sk: *mut bindings::sock) {
    // SAFETY: The requirement is the same.
    unsafe { ring(sk, Stream::CLOSED) };
}

/// The most parts that one receive call fills.
const PARTS: usize = 16;

/// Where received bytes go: several places that are filled one after the other.
///
/// # Invariants
///
/// The first `count` of `parts` are set, valid for writes for `'a`, and `room` long in all.
pub struct Buffers<'a> {
    /// Made for every call and mostly not filled: clearing them costs more than filling one.
    parts: [MaybeUninit<bindings::kvec>; PARTS],
    count: usize,
    room: usize,
    _borrowed: PhantomData<&'a mut [u8]>,
}

impl<'a> Buffers<'a> {
    /// No room.
    pub fn new() -> Self {
        Self {
            parts: [const { MaybeUninit::uninit() }; PARTS],
            count: 0,
            room: 0,
            _borrowed: PhantomData,
        }
    }

    /// Adds a place; says whether it could still be added.
    pub fn push(&mut self, bytes: &'a mut [u8]) -> bool {
        let Some(part) = self.parts.get_mut(self.count) else {
            return false;
        };
        // INVARIANT: The slice is borrowed for `'a`.
        part.write(bindings::kvec {
            iov_base: bytes.as_mut_ptr().cast(),
            iov_len: bytes.len(),
        });
        self.count += 1;
        self.room += bytes.len();
        true
    }

    /// Adds `len` bytes of a list from `offset` on, or as many as fit; says how many.
    pub fn push_pages(&mut self, pages: &'a mut PageList, mut offset: usize, len: usize) -> usize {
        let before = self.room;
        let mut left = len;
        for slice in pages.slices_mut() {
            if left == 0 {
                break;
            }
            let skipped = offset.min(slice.len());
            let slice = &mut slice[skipped..];
            offset -= skipped;
            let part = slice.len().min(left);
            if part > 0 && !self.push(&mut slice[..part]) {
                break;
            }
            left -= part;
        }
        self.room - before
    }

    /// How many bytes fit.
    pub fn room(&self) -> usize {
        self.room
    }
}

impl Default for Buffers<'_> {
    fn default() -> Self {
        Self::new()
    }
}
