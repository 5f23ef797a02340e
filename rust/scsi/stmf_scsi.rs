// SPDX-License-Identifier: GPL-2.0

//! SCSI as data: the vocabulary of the SCSI standards for a target.
//!
//! Commands are parsed into types ([`cdb`]), answers are written from types ([`sense`],
//! [`inquiry`], [`vpd`], [`mode`], [`capacity`], [`provisioning`], [`report_luns`], [`opcodes`]), and
//! state is plain values: what SAM keeps for each I_T nexus ([`ua`], [`tmf`]), what SPC keeps for
//! each logical unit ([`reservation`], [`alua`], [`erasure`]). Nothing here knows a transport, a backing store or a clock.
//!
//! The crate is pure: only `core`, no allocation, no I/O, no panic path. Kbuild compiles it into
//! the kernel modules and cargo compiles the same files for tests, fuzzers and tools.
//!
//! The standards meant are SAM-5, SPC-5 and SBC-4. Their clauses are cited by title, or as a
//! command or a VPD or mode page by its name, because numbers shift from draft to draft; SAM-5 by
//! number, whose upper levels did not.

#![cfg_attr(not(CONFIG_RUST), no_std)]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![warn(
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

pub mod aliases;
pub mod alua;
pub mod buffer;
pub mod capacity;
pub mod cdb;
pub mod control;
pub mod copy;
pub mod designator;
pub mod diagnostic;
pub mod erasure;
pub mod identifying;
pub mod inquiry;
pub mod log;
pub mod lun;
pub mod mode;
pub mod opcodes;
pub mod power;
pub mod provisioning;
pub mod report_luns;
pub mod report_tmf;
pub mod reservation;
pub mod self_test;
pub mod sense;
pub mod sink;
pub mod status;
pub mod task_set;
pub mod timestamp;
pub mod tmf;
pub mod transport_id;
pub mod ua;
pub mod vpd;

pub use cdb::Command;
pub use control::ControlSettings;
pub use lun::{
    Lun,
    LunAddress,
    LunError, //
};
pub use sense::{
    AdditionalSense,
    Sense,
    SenseFormat,
    SenseKey,
    SENSE_LEN, //
};
pub use sink::Sink;
pub use status::Status;
pub use transport_id::TransportId;
