// SPDX-License-Identifier: GPL-2.0

//! Declarations of the C shims in `rust/helpers`.
//!
//! The types are the kernel crate's own, so what it hands out can be passed to a shim and back.
//! Used by `rust/kernel` alone.

#![allow(
    clippy::all,
    missing_docs,
    non_camel_case_types,
    non_upper_case_globals,
    non_snake_case,
    improper_ctypes,
    unreachable_pub,
    unsafe_op_in_unsafe_fn
)]

use kernel::{
    bindings::*,
    ffi, //
};

include!(env!("STMF_BINDINGS"));
