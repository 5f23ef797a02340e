// SPDX-License-Identifier: GPL-2.0

//! The iSCSI protocol (RFC 7143) of a target, without its input and output.
//!
//! Everything here is a value or a state machine over values: bytes come in as slices, answers go
//! out into slices of the caller, decisions that need the world (is this target online? which
//! session is this?) are asked of the caller. Nothing allocates, sleeps, reads a clock, does I/O or
//! logs, and no input can make it panic. The same files are compiled into the kernel module and,
//! by cargo, into tests and fuzzers.
//!
//! * Headers: [`bhs`] (the 48 bytes), [`request`] (what initiators send), [`response`] (what
//!   targets send), on the small types of [`types`] and [`sn`].
//! * Text: [`text`] (`key=value` pairs), [`keys`] (the table of every key), [`params`] (what is
//!   offered and what results), [`negotiate`] (how one becomes the other).
//! * Phases: [`login`] (until full feature phase), [`exchange`] (text requests after it),
//!   [`discovery`] (the answer to SendTargets), [`names`] (who is who), [`address`] (and where).
//! * Full feature phase: [`window`] (CmdSN and StatSN), [`delivery`] (of several connections),
//!   [`transfer`] (Data-In, R2T, Data-Out), [`tags`] (which are in use).

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

pub mod address;
pub mod bhs;
pub mod delivery;
pub mod discovery;
pub mod exchange;
pub mod keys;
pub mod login;
pub mod names;
pub mod negotiate;
pub mod params;
pub mod request;
pub mod response;
pub mod sn;
pub mod tags;
pub mod text;
pub mod transfer;
pub mod types;
pub mod window;
