// SPDX-License-Identifier: GPL-2.0

//! STMF, the SCSI target mode framework.
//!
//! Owns every command (a *task*) from its arrival to its last byte, and knows which logical units,
//! target ports and sessions there are and who may see what. Port providers bring commands in,
//! logical unit providers carry them out; neither knows of the other.
//!
//! A provider starts reading at [`lu`] or [`port`]; `Documentation/writing-a-provider.md` leads
//! through an example.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod loss;
pub mod lu;
pub mod memory;
pub mod nexus;
pub mod plan;
pub mod port;
pub mod task;

mod access;
mod admit;
mod copy;
mod debug;
mod default_lu;
mod event;
mod framework;
mod group;
mod in_flight;
mod netlink;
mod order;
mod statistics;
mod table;
mod taskset;
mod tmf;
mod view;
mod waited;

use kernel::{
    alloc::Flags,
    prelude::*,
    sync::UniqueArc, //
};
use stmf_kernel::{
    debugfs::Directory,
    genl,
    module::{Filled, LastSteps, ModuleCell},
    work::{ModuleQueue, OwnedQueue}, //
};

module! {
    type: StmfModule,
    name: "stmf",
    authors: ["The COMSTAR for Linux authors"],
    description: "SCSI target mode framework",
    license: "GPL",
}

/// Task management functions that wait at one time, for all sessions together.
const WORKERS: u16 = 64;

/// The framework's own work: task management functions, which wait.
static QUEUE: ModuleCell<OwnedQueue> = ModuleCell::empty();

/// Commands that are carried out later than they arrived, at one time.
const LATE_WORKERS: u16 = 16;

/// For what must not wait behind task management functions: dormant commands.
static LATE: ModuleCell<OwnedQueue> = ModuleCell::empty();

/// Runs a closure on a worker. Allocates with `flags`.
fn spawn(flags: Flags, work: impl FnOnce() + Send + 'static) -> Result {
    let queue = QUEUE.get().ok_or(ENODEV)?;
    Ok(queue.spawn(flags, work)?)
}

/// The loaded module. Fields drop in order: no more requests, the work ends, the registry goes. Whoever has one of the
/// files open, or asks, may do so as soon as these are there, and until the module is gone: nothing fails after them.
struct StmfModule {
    _debug: Directory,
    _netlink: Filled<genl::Registration>,
    _queue: ModuleQueue,
    _late: ModuleQueue,
    _copies: ModuleQueue,
    _framework: Filled<framework::Framework>,
    _last_steps: LastSteps,
}

impl kernel::Module for StmfModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let framework = framework::Framework::publish()?;
        let queue = ModuleQueue::fill(&QUEUE, OwnedQueue::for_commands(c"stmf", WORKERS)?)?;
        let late = ModuleQueue::fill(&LATE, OwnedQueue::for_commands(c"stmf_late", LATE_WORKERS)?)?;
        let copies = ModuleQueue::fill(
            &copy::QUEUE,
            OwnedQueue::for_commands(c"stmf_copy", copy::WORKERS)?,
        )?;
        let room = UniqueArc::new_uninit(GFP_KERNEL)?;
        let family = room.write(genl::Registration::new(&netlink::FAMILY, module)?);
        Ok(Self {
            _netlink: event::SENDER.fill(family.into()),
            _queue: queue,
            _late: late,
            _copies: copies,
            _framework: framework,
            _last_steps: LastSteps,
            _debug: debug::directory(),
        })
    }
}
