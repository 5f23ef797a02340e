// SPDX-License-Identifier: GPL-2.0

//! Family `stmf-loopback`: SCSI hosts of this machine.

use crate::Kind;
use core::ffi::CStr;

/// Name of the family.
pub const FAMILY: &str = "stmf-loopback";
/// Name of the family as C has it.
pub const FAMILY_C: &CStr = c"stmf-loopback";
/// Version of the family.
pub const VERSION: u8 = 1;

/// Length of a target's name in bytes.
pub const NAME_MAX: usize = 20;

attributes! {
    /// Attributes of a target.
    Target {
        /// `naa.` and 16 hexadecimal digits.
        Name = 1, "name", Kind::String { max: NAME_MAX };
        /// Number of its SCSI host.
        Host = 2, "host", Kind::U32;
        /// Delete it although it is online.
        Force = 3, "force", Kind::Flag;
        /// Relative target port identifier; without one, the next that no target port had.
        RelativeId = 4, "relative-id", Kind::U16 { min: 1, max: u16::MAX };
        /// It begins offline, whatever the service says of new ones.
        Offline = 5, "offline", Kind::Flag;
    }
}

commands! {
    /// Commands of the family.
    Command {
        /// Create a target.
        TargetCreate = 1, "target-create", Target { permission: admin; request: [Name, RelativeId, Offline]; }
        /// Delete a target.
        TargetDelete = 2, "target-delete", Target { permission: admin; request: [Name, Force]; }
        /// Get or dump targets.
        TargetGet = 3, "target-get", Target { request: [Name]; dump: []; }
    }
}
