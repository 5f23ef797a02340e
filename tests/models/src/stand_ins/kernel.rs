// SPDX-License-Identifier: GPL-2.0

//! Stands in for the `kernel` crate. Memory is always there.

pub mod alloc;
pub mod list;
pub mod prelude;
pub mod rbtree;
pub mod str;
pub mod sync;
pub mod time;
pub mod workqueue;
