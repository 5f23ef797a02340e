// SPDX-License-Identifier: GPL-2.0

//! Models: the protocols that threads of the kernel modules have among themselves, tried in every order
//! in which those threads can meet, and with everything that the memory model lets them see.
//!
//! What is tried is the code of the modules itself, compiled here against stand-ins for the `kernel` crate
//! and for `stmf_kernel` whose atomics, locks and threads are loom's.

#![cfg(test)]
#![forbid(unsafe_code)]

extern crate self as kernel;
extern crate self as stmf;
extern crate self as stmf_kernel;

#[allow(clippy::new_without_default, reason = "as in what they stand in for")]
pub mod stand_ins;
pub use stand_ins::{
    kernel::{alloc, list, prelude, rbtree, str, sync, time, workqueue},
    stmf::{lu, memory, nexus, port, task, LATE},
    stmf_iscsi::{connection, counters, joint, last_call, provider, settings},
    stmf_kernel::{clock, queue, trace, wait}, //
};

// The files of the modules, which find each other and their crates as they do there.
#[allow(
    clippy::all,
    dead_code,
    unreachable_pub,
    reason = "checked where they belong"
)]
#[path = "../../../stmf"]
mod of_stmf {
    pub(crate) mod framework {
        pub(crate) use crate::stand_ins::framework::{get, Framework, NexusRecord};
        pub(crate) mod detached;
    }
    pub(crate) mod order;
    pub(crate) mod plan;
    pub(crate) mod taskset;
}
#[allow(
    clippy::all,
    dead_code,
    unreachable_pub,
    reason = "checked where they belong"
)]
#[path = "../../../port/iscsi"]
mod of_stmf_iscsi {
    pub(crate) mod session;
    pub(crate) mod target;
}
use of_stmf::{framework, order, plan, taskset};
use of_stmf_iscsi::{session, target};

use loom::thread::{self, JoinHandle};
use sync::Arc;

mod orders;
mod orphans;
mod sessions;
mod task_set;

/// Tries a model in every order in which its threads are interrupted so many times at most; more, with
/// `LOOM_MAX_PREEMPTIONS` in the environment.
fn explore(interruptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 100_000;
    builder.preemption_bound.get_or_insert(interruptions);
    builder.check(model);
}

/// A thread that does something with what others have, too.
fn meanwhile<S: 'static, T: 'static>(
    shared: &Arc<S>,
    act: impl FnOnce(&Arc<S>) -> T + 'static,
) -> JoinHandle<T> {
    let shared = shared.clone();
    thread::spawn(move || act(&shared))
}

fn end_of<T>(thread: JoinHandle<T>) -> T {
    thread.join().expect("no panic")
}
