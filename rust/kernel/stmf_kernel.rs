// SPDX-License-Identifier: GPL-2.0

//! Safe wrappers over the C interfaces that the `kernel` crate lacks.
//!
//! This is the only crate of the project with `unsafe` code in it (with its bindings and C shims).
//! One file per C subsystem; each says in its types what the C interface says in prose.

#![warn(missing_docs)]

pub mod block;
pub mod clock;
pub mod crypto;
pub mod debugfs;
#[cfg(CONFIG_KUNIT = "y")]
mod drops;
pub mod fs;
pub mod genl;
pub mod io;
pub mod kthread;
pub mod live;
pub mod module;
pub mod net;
pub mod no_io;
pub mod pages;
pub mod percpu;
pub mod queue;
pub mod random;
pub mod rcu;
pub mod reboot;
pub mod scsi_host;
pub mod tally;
pub mod token;
pub mod trace;
pub mod wait;
pub mod work;

use kernel::bindings;
use stmf_bindings as shims;
