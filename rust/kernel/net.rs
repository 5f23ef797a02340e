// SPDX-License-Identifier: GPL-2.0

//! TCP for servers in the kernel: namespaces, listeners, connections.
//!
//! A [`Stream`] never blocks: it reports what it can't do yet, and rings its owner's
//! [`Doorbell`](crate::kthread::Doorbell) when it can. What it sends is collected in a [`Train`]:
//! many headers and many pages go out in one call, and the pages are not copied.
//!
//! C header: [`include/linux/net.h`](srctree/include/linux/net.h)

mod address;
mod listener;
mod stream;
mod train;

pub use listener::{Accepted, Listener};
pub use stream::{Buffers, Stream};
pub use train::{Full, Train};

use crate::{bindings, genl, shims};
use core::ptr::NonNull;
use kernel::{
    sync::aref::{ARef, AlwaysRefCounted},
    types::Opaque, //
};

/// A network namespace.
///
/// # Invariants
///
/// Instances are C's, and live as long as their reference count is above zero.
#[repr(transparent)]
pub struct Namespace(Opaque<bindings::net>);

// SAFETY: References to a namespace may be dropped by any thread.
unsafe impl Send for Namespace {}
// SAFETY: We give no access to what is in it.
unsafe impl Sync for Namespace {}

impl Namespace {
    /// The namespace that a netlink request came from.
    pub fn of(request: &genl::Request<'_>) -> ARef<Namespace> {
        // SAFETY: The request's `info` is live, and so is the namespace of its sender's socket
        // while the request is handled. The types have the same layout.
        let namespace = unsafe { &*shims::genl_info_net(request.as_raw()).cast::<Namespace>() };
        namespace.into()
    }

    fn as_raw(&self) -> *mut bindings::net {
        self.0.get()
    }
}

impl PartialEq for Namespace {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for Namespace {}

/// A network interface by its name, or all of them. A VRF is an interface too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Interface([u8; bindings::IFNAMSIZ as usize]);

impl Interface {
    /// All of them.
    pub const ANY: Self = Self([0; bindings::IFNAMSIZ as usize]);

    /// The one of that name; an empty name stands for all. `None` if it can't be a name.
    pub fn new(name: &str) -> Option<Self> {
        let mut interface = Self::ANY;
        let (_nul, room) = interface.0.split_last_mut()?;
        room.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        (!name.contains('\0')).then_some(interface)
    }

    /// Its name; empty for all.
    pub fn name(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(0);
        core::str::from_utf8(&self.0[..end]).unwrap_or("")
    }

    fn is_any(&self) -> bool {
        *self == Self::ANY
    }

    fn as_ptr(&self) -> *const u8 {
        self.0.as_ptr()
    }
}

// SAFETY: `get_net` and `put_net` count references, the last of which frees the namespace.
unsafe impl AlwaysRefCounted for Namespace {
    fn inc_ref(&self) {
        // SAFETY: `&self` proves that the count is above zero.
        unsafe { shims::get_net(self.as_raw()) };
    }

    unsafe fn dec_ref(namespace: NonNull<Self>) {
        // SAFETY: The caller gives up a reference that it holds.
        unsafe { shims::put_net(namespace.as_ptr().cast()) };
    }
}
