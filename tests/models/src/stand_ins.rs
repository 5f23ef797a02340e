// SPDX-License-Identifier: GPL-2.0

//! What the modelled files use and models have another of: no more of each crate than they need.

pub mod framework;
pub mod kernel;
pub mod stmf;
pub mod stmf_iscsi;
pub mod stmf_kernel;
