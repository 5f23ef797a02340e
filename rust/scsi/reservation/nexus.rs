// SPDX-License-Identifier: GPL-2.0

//! Whom a registration is for.

use crate::transport_id::TransportId;

/// An I_T nexus as reservations see it: an initiator port and a target port (SPC-5, Persistent
/// reservations overview). A session that ends and begins anew is the same one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nexus {
    /// The initiator port.
    pub initiator: TransportId,
    /// The relative target port identifier.
    pub port: u16,
}

impl Nexus {
    /// The same, borrowed.
    pub const fn as_ref(&self) -> NexusRef<'_> {
        NexusRef {
            initiator: &self.initiator,
            port: self.port,
        }
    }
}

/// A [`Nexus`] whose name lies elsewhere, for looks on the I/O path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NexusRef<'a> {
    /// The initiator port.
    pub initiator: &'a TransportId,
    /// The relative target port identifier.
    pub port: u16,
}

impl NexusRef<'_> {
    /// Whether this is `nexus`. The port is compared first: most often that decides.
    pub fn is(&self, nexus: &Nexus) -> bool {
        self.port == nexus.port && *self.initiator == nexus.initiator
    }

    /// The same, owned.
    pub fn to_nexus(self) -> Nexus {
        Nexus {
            initiator: *self.initiator,
            port: self.port,
        }
    }
}
