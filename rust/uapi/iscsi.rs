// SPDX-License-Identifier: GPL-2.0

//! Family `stmf-iscsi`: iSCSI targets and portals.

use crate::Kind;
use core::ffi::CStr;

/// State of a target.
pub use crate::stmf::ObjectState;

/// Name of the family.
pub const FAMILY: &str = "stmf-iscsi";
/// Name of the family as C has it.
pub const FAMILY_C: &CStr = c"stmf-iscsi";
/// Version of the family.
pub const VERSION: u8 = 1;

/// Longest iSCSI name in bytes.
pub const NAME_MAX: usize = 223;
/// Longest alias in bytes.
pub const ALIAS_MAX: usize = 255;
/// Length of an IP address; IPv4 addresses are written IPv4-mapped.
pub const ADDRESS_LEN: usize = 16;
/// TCP port of iSCSI.
pub const DEFAULT_PORT: u16 = 3260;
/// Tag of the portal group that every target belongs to.
pub const DEFAULT_TPGT: u16 = 1;

attributes! {
    /// Attributes of a target.
    Target {
        /// iSCSI name.
        Name = 1, "name", Kind::String { max: NAME_MAX };
        /// Name for people.
        Alias = 2, "alias", Kind::String { max: ALIAS_MAX };
        /// State, an [`ObjectState`].
        State = 3, "state", Kind::U32 { min: 0, max: 3 };
        /// Sessions it has.
        Sessions = 4, "sessions", Kind::U32;
        /// Tag of its portal group.
        Tpgt = 5, "tpgt", Kind::U16;
        /// Delete it although it is online.
        Force = 6, "force", Kind::Flag;
    }
}

attributes! {
    /// Attributes of a portal.
    Portal {
        /// IP address in network byte order.
        Address = 1, "address", Kind::Binary { len: ADDRESS_LEN };
        /// TCP port in host byte order.
        Port = 2, "port", Kind::U16 { min: 1, max: u16::MAX };
        /// Tag of the portal group.
        Tpgt = 3, "tpgt", Kind::U16 { min: 1, max: u16::MAX };
    }
}

commands! {
    /// Commands of the family.
    Command {
        /// Create a target.
        TargetCreate = 1, "target-create", Target { permission: admin; request: [Name, Alias]; }
        /// Delete a target.
        TargetDelete = 2, "target-delete", Target { permission: admin; request: [Name, Force]; }
        /// Get or dump targets.
        TargetGet = 3, "target-get", Target { request: [Name]; dump: []; }
        /// Dump portals.
        PortalGet = 4, "portal-get", Portal { dump: []; }
        /// Listen on one more address and port.
        PortalAdd = 5, "portal-add", Portal {
            permission: admin;
            request: [Address, Port, Tpgt];
        }
        /// Stop listening on an address and port.
        PortalRemove = 6, "portal-remove", Portal { permission: admin; request: [Address, Port]; }
    }
}
