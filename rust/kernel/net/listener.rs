// SPDX-License-Identifier: GPL-2.0

//! Sockets that accept connections.

use super::{
    address::{RawAddress, IPV4, IPV6},
    stream::Socket,
    Interface,
    Namespace, //
};
use crate::{bindings, shims};
use core::{
    net::{IpAddr, SocketAddr},
    ptr, //
};
use kernel::{
    error::to_result,
    ffi::c_int,
    prelude::*, //
};

/// A TCP socket that listens on one address, or on every address of both IP versions.
pub struct Listener {
    socket: Socket,
}

impl Listener {
    /// Listens on an address in a namespace. The unspecified address, of either version, stands for
    /// all addresses of both. Connections come in by `interface` alone, and send with `dscp` (RFC
    /// 2474), 0 to 63. May sleep.
    ///
    /// The socket and its connections keep the namespace alive.
    ///
    /// # Errors
    ///
    /// `EADDRINUSE` and `EADDRNOTAVAIL` for the address; `ENODEV` when there is no such interface;
    /// `EAFNOSUPPORT` for an IPv6 address on a
    /// machine without IPv6.
    pub fn bind(
        namespace: &Namespace,
        address: SocketAddr,
        interface: &Interface,
        dscp: u8,
        backlog: u32,
    ) -> Result<Self> {
        let (family, socket) = match create(namespace, IPV6) {
            Ok(socket) => (IPV6, socket),
            Err(error) if error == EAFNOSUPPORT && !needs_ipv6(address) => {
                (IPV4, create(namespace, IPV4)?)
            }
            Err(error) => return Err(error),
        };
        if !interface.is_any() {
            // SAFETY: The socket is live, and the name ends with a NUL.
            to_result(unsafe {
                shims::sock_bind_interface(socket.sk(), interface.as_ptr().cast())
            })?;
        }
        // SAFETY: The socket is live, and of one of the two IP versions.
        unsafe { shims::sock_set_dscp(socket.sk(), dscp) };
        let mut raw = RawAddress::new(family, address);
        // SAFETY: The socket is live, new and not shared yet; `raw` is a socket address of the
        // length given.
        to_result(unsafe {
            shims::sock_prepare_listener(socket.sk());
            bindings::kernel_bind(socket.as_ptr(), raw.as_mut_ptr(), raw.len())
        })?;
        let backlog = c_int::try_from(backlog).unwrap_or(c_int::MAX);
        // SAFETY: The socket is live.
        to_result(unsafe { bindings::kernel_listen(socket.as_ptr(), backlog) })?;
        Ok(Self { socket })
    }

    /// Waits for a connection. Sleeps, until [`Listener::shutdown`] if nobody comes.
    ///
    /// # Errors
    ///
    /// `EINVAL` after a shutdown. Any other error is about one connection, or about resources.
    pub fn accept(&self) -> Result<Accepted> {
        let mut accepted = ptr::null_mut();
        // SAFETY: The socket is live, and `accepted` is a local.
        to_result(unsafe { bindings::kernel_accept(self.socket.as_ptr(), &mut accepted, 0) })?;
        // SAFETY: A successful accept gives a socket that is ours alone.
        let socket = unsafe { Socket::from_raw(accepted) }.ok_or(ENOTCONN)?;
        // SAFETY: The socket is live; `kernel_accept` grafted a TCP `sock` on it.
        unsafe { shims::tcp_sock_set_nodelay(socket.sk()) };
        Ok(Accepted(socket))
    }

    /// Stops listening: every [`Listener::accept`], running or later, fails.
    pub fn shutdown(&self) {
        // SAFETY: The socket is live; shutting down is safe against concurrent accepts. That it is
        // shut down already is no error that matters.
        unsafe {
            bindings::kernel_sock_shutdown(
                self.socket.as_ptr(),
                bindings::sock_shutdown_cmd_SHUT_RDWR,
            )
        };
    }
}

/// A connection that nobody has taken up yet; see [`super::Stream::new`].
pub struct Accepted(pub(super) Socket);

/// Whether an address can't be served by an IPv4 socket.
fn needs_ipv6(address: SocketAddr) -> bool {
    match address.ip().to_canonical() {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => !ip.is_unspecified(),
    }
}

fn create(namespace: &Namespace, family: u16) -> Result<Socket> {
    let mut socket = ptr::null_mut();
    // SAFETY: The namespace is live, and `socket` is a local.
    to_result(unsafe {
        bindings::sock_create_kern(
            namespace.as_raw(),
            c_int::from(family),
            bindings::sock_type_SOCK_STREAM as c_int,
            bindings::IPPROTO_TCP as c_int,
            &mut socket,
        )
    })?;
    // SAFETY: A successful creation gives a socket that is ours alone.
    unsafe { Socket::from_raw(socket) }.ok_or(ENOMEM)
}
