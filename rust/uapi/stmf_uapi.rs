// SPDX-License-Identifier: GPL-2.0

//! The netlink interface in numbers: families, commands, attributes and enumerations.
//!
//! The kernel modules and `libstmf` are compiled from this one source. What the numbers mean is
//! written in `Documentation/netlink/specs/`, and a test holds every name, number, type and limit
//! here against those files.
//!
//! Numbers never change; new ones are appended.

#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]
#![warn(
    missing_docs,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]
#![cfg_attr(
    test,
    allow(
        clippy::indexing_slicing,
        clippy::arithmetic_side_effects,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

#[cfg(test)]
extern crate std;

#[macro_use]
mod define;

pub mod iscsi;
pub mod loopback;
pub mod sbd;
pub mod stmf;

use core::fmt;

/// The bits of a netlink attribute's type field that are its number; the others are flags.
pub const ATTRIBUTE_NUMBER_MASK: u16 = 0x3fff;

/// The form of an attribute's value, and the limits of one that is sent to the kernel.
///
/// The limits do not hold for what the kernel sends: a newer one may know more values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No value: being there is what it says.
    Flag,
    /// One byte.
    U8 {
        /// Smallest value.
        min: u8,
        /// Largest value.
        max: u8,
    },
    /// Two bytes in host order.
    U16 {
        /// Smallest value.
        min: u16,
        /// Largest value.
        max: u16,
    },
    /// Four bytes in host order.
    U32 {
        /// Smallest value.
        min: u32,
        /// Largest value.
        max: u32,
    },
    /// Four or eight bytes in host order, as the value needs (`NLA_UINT`).
    Uint,
    /// Text that ends with a NUL byte.
    String {
        /// Longest value in bytes, without the NUL.
        max: usize,
    },
    /// So many bytes.
    Binary {
        /// Length of every value in bytes.
        len: usize,
    },
}

impl Kind {
    /// Any `u8`.
    pub const U8: Self = Self::U8 {
        min: 0,
        max: u8::MAX,
    };
    /// 0 or 1.
    pub const BOOL: Self = Self::U8 { min: 0, max: 1 };
    /// Any `u16`.
    pub const U16: Self = Self::U16 {
        min: 0,
        max: u16::MAX,
    };
    /// Any `u32`.
    pub const U32: Self = Self::U32 {
        min: 0,
        max: u32::MAX,
    };
}

/// An attribute as data, for code that treats all of a set alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Number, the netlink attribute's type.
    pub number: u16,
    /// Name, as in the specification.
    pub name: &'static str,
    /// Form and limits of the value.
    pub kind: Kind,
}

/// A command as data: what it takes and who may send it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Number, the generic netlink command.
    pub number: u8,
    /// Name, as in the specification.
    pub name: &'static str,
    /// Whether the sender needs `CAP_NET_ADMIN`.
    pub admin: bool,
    /// Attribute set of its requests and replies, in order of their numbers.
    pub attributes: &'static [Attribute],
    /// Attributes that a single request may carry; `None` when there are no single requests.
    pub request: Option<&'static [u16]>,
    /// Attributes that a dump request may carry; `None` when there are no dumps.
    pub dump: Option<&'static [u16]>,
}

/// A number that this version of the interface does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unknown(pub u32);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown number {}", self.0)
    }
}

impl core::error::Error for Unknown {}
