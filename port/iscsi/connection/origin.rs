// SPDX-License-Identifier: GPL-2.0

//! Where connections come from, for those of whom there may only be so many.

use core::net::{IpAddr, Ipv6Addr};

/// An IPv4 address, or a network of IPv6, in which anyone has as many addresses as he likes
/// (RFC 4291 2.5.4: the interface identifier is 64 bits).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Origin(IpAddr);

impl Origin {
    pub(super) fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
            v4 => v4,
        })
    }
}
