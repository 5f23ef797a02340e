// SPDX-License-Identifier: GPL-2.0

//! What the framework knows about names, groups and views, as plain values and rules.
//!
//! Who may see which logical unit is decided here, without locks, allocation or I/O: the framework
//! calls these functions with what it has stored, and the command line tools with what was typed.

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

mod guid;
pub mod latency;
mod lun;
pub mod metadata;
mod name;
mod state;
mod text;
mod view;

pub use guid::{
    Guid,
    GuidError,
    GuidSource,
    Oui, //
};
pub use lun::LunBitmap;
pub use name::{
    EndName,
    GroupName,
    IscsiName,
    NameError,
    PortName, //
};
pub use state::{
    Goal,
    State,
    Step,
    Throttle, //
};
pub use stmf_scsi::{
    Lun,
    LunError, //
};
pub use view::{
    admit,
    decide,
    lowest_free_id,
    occupy,
    overlapping,
    visible,
    Conflict,
    Group,
    NewView,
    Scope,
    ViewEntry, //
};
