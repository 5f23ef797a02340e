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

pub mod lu;
pub mod nexus;
pub mod port;
pub mod task;

mod admit;
mod default_lu;
mod framework;
mod netlink;
mod taskset;
mod tmf;
mod view;

use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::{
    genl,
    module::{Filled, ModuleCell},
    work::OwnedQueue, //
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

/// Runs a closure on a worker. May sleep for memory.
fn spawn(work: impl FnOnce() + Send + 'static) -> Result {
    let queue = QUEUE.get().ok_or(ENODEV)?;
    Ok(queue.try_spawn(GFP_KERNEL, work)?)
}

/// The loaded module. Fields drop in order: no more requests, the work ends, the registry goes.
struct StmfModule {
    _netlink: genl::Registration,
    _queue: Filled<OwnedQueue>,
    _framework: Filled<framework::Framework>,
}

impl kernel::Module for StmfModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let framework = framework::Framework::publish()?;
        let queue = QUEUE.fill(Arc::new(OwnedQueue::new(c"stmf", WORKERS)?, GFP_KERNEL)?);
        Ok(Self {
            _netlink: genl::Registration::new(&netlink::FAMILY, module)?,
            _queue: queue,
            _framework: framework,
        })
    }
}
