// SPDX-License-Identifier: GPL-2.0

//! Socket addresses between Rust and C.
//!
//! The C structures are read and written as bytes: their layout is userspace's interface.

use crate::bindings;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// The address family of IPv4.
pub(super) const IPV4: u16 = bindings::AF_INET as u16;
/// The address family of IPv6.
pub(super) const IPV6: u16 = bindings::AF_INET6 as u16;

/// Length of a `sockaddr_in`.
const IPV4_LEN: usize = 16;
/// Length of a `sockaddr_in6`.
const IPV6_LEN: usize = 28;

/// Room for the socket address of any protocol, as C has it.
#[repr(C, align(8))]
pub(super) struct RawAddress {
    bytes: [u8; 128],
    len: usize,
}

const _: () = assert!(size_of::<bindings::__kernel_sockaddr_storage>() == 128);

impl RawAddress {
    /// An address to be filled in by C.
    pub(super) fn empty() -> Self {
        Self {
            bytes: [0; 128],
            len: 0,
        }
    }

    /// The address for a socket of the given family.
    ///
    /// An IPv6 socket of ours serves both versions, so for it an IPv4 address becomes a mapped one
    /// and the address that stands for all stands for those of both. An IPv4 socket has no use for
    /// the bytes of an IPv6 address but those of a mapped one.
    pub(super) fn new(family: u16, address: SocketAddr) -> Self {
        let mut raw = Self::empty();
        raw.put(0, family.to_ne_bytes());
        raw.put(2, address.port().to_be_bytes());
        if family == IPV4 {
            let ip = match address.ip().to_canonical() {
                IpAddr::V4(ip) => ip,
                IpAddr::V6(_) => Ipv4Addr::UNSPECIFIED,
            };
            raw.put(4, ip.octets());
            raw.len = IPV4_LEN;
            return raw;
        }
        let (ip, scope) = match address {
            SocketAddr::V4(v4) if v4.ip().is_unspecified() => (Ipv6Addr::UNSPECIFIED, 0),
            SocketAddr::V4(v4) => (v4.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(v6) => (*v6.ip(), v6.scope_id()),
        };
        raw.put(8, ip.octets());
        raw.put(24, scope.to_ne_bytes());
        raw.len = IPV6_LEN;
        raw
    }

    /// The address, if it is one of IP; a mapped IPv4 address becomes an IPv4 address.
    pub(super) fn get(&self) -> Option<SocketAddr> {
        let port = u16::from_be_bytes(self.take(2));
        match u16::from_ne_bytes(self.take(0)) {
            IPV4 => Some(SocketAddr::new(Ipv4Addr::from(self.take(4)).into(), port)),
            IPV6 => {
                let ip = Ipv6Addr::from(self.take::<16>(8));
                Some(match ip.to_ipv4_mapped() {
                    Some(ip) => SocketAddr::new(ip.into(), port),
                    None => {
                        let scope = u32::from_ne_bytes(self.take(24));
                        SocketAddrV6::new(ip, port, 0, scope).into()
                    }
                })
            }
            _ => None,
        }
    }

    /// The address as C takes and fills it.
    pub(super) fn as_mut_ptr<T>(&mut self) -> *mut T {
        self.bytes.as_mut_ptr().cast()
    }

    /// Its length for C.
    pub(super) fn len(&self) -> i32 {
        self.len as i32
    }

    fn put<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        self.bytes[at..at + N].copy_from_slice(&bytes);
    }

    fn take<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[at..at + N]);
        bytes
    }
}
