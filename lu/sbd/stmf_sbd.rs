// SPDX-License-Identifier: GPL-2.0

//! The logical unit provider `sbd`: disks backed by block devices and files.
//!
//! A disk is made and deleted through the generic netlink family `stmf-sbd` ([`netlink`]), which
//! checks what is asked for ([`config`], [`change`]) and keeps the disks in a table ([`units`]). A command is
//! read and carried out by [`exec`]; its data moves between its own pages and the disk's
//! [`backend`]. The [`keeper`] looks after what happens to that without a command.

#![forbid(unsafe_code)]
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod backend;
mod buffer;
mod change;
mod changeable;
mod clock;
mod comeback;
mod condition;
mod config;
mod disk;
mod door;
mod erasure;
mod exec;
mod failure;
mod identifying;
mod import;
mod keeper;
mod last_flush;
mod medium;
mod meta;
mod modes;
mod netlink;
mod private;
mod range;
mod reserve;
mod space;
mod units;

use kernel::{
    prelude::*,
    sync::Arc, //
};
use last_flush::LastFlush;
use stmf_kernel::{
    genl,
    module::{Filled, LastSteps, ModuleCell},
    reboot::BeforeReboot,
    work::{Delayed, ModuleQueue, OwnedQueue}, //
};

module! {
    type: SbdModule,
    name: "stmf_sbd",
    authors: ["The COMSTAR for Linux authors"],
    description: "Disks for the SCSI target mode framework",
    license: "GPL",
}

/// Commands that are carried out by workers at one time, for all disks together.
const WORKERS: u16 = 64;

/// Where commands wait that change more than data, or that take several steps.
static QUEUE: ModuleCell<OwnedQueue> = ModuleCell::empty();

/// The queue of the loaded module.
fn queue() -> Result<Arc<OwnedQueue>> {
    QUEUE.get().ok_or(ENODEV)
}

/// Where metadata are written. It has a worker for every file that stands still, as far as can be.
static META_QUEUE: ModuleCell<OwnedQueue> = ModuleCell::empty();

/// The most files of metadata that may stand still before the others wait for them.
const META_WORKERS: u16 = 256;

/// The queue on which metadata are written.
fn meta_queue() -> Result<Arc<OwnedQueue>> {
    META_QUEUE.get().ok_or(ENODEV)
}

/// Where disks are looked after. It has a worker for every one that stands still, as far as can be.
static KEEPER_QUEUE: ModuleCell<OwnedQueue> = ModuleCell::empty();

/// The queue on which disks are looked after.
fn keeper_queue() -> Result<Arc<OwnedQueue>> {
    KEEPER_QUEUE.get().ok_or(ENODEV)
}

/// Runs a closure on a worker. May sleep for memory.
fn spawn(work: impl FnOnce() + Send + 'static) -> Result {
    Ok(queue()?.spawn(GFP_KERNEL, work)?)
}

/// The loaded module. Fields drop in order: no more requests, the work ends, then the table goes.
/// It is empty by then: every disk holds the module.
struct SbdModule {
    _netlink: genl::Registration,
    _last_flush: BeforeReboot,
    _keeper: Filled<Delayed>,
    _keeper_queue: ModuleQueue,
    _queue: ModuleQueue,
    _meta_queue: ModuleQueue,
    _units: Filled<units::Units>,
    _last_steps: LastSteps,
}

impl kernel::Module for SbdModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let units = units::Units::publish(module)?;
        let queue = ModuleQueue::fill(&QUEUE, OwnedQueue::for_commands(c"stmf_sbd", WORKERS)?)?;
        let meta_queue = ModuleQueue::fill(
            &META_QUEUE,
            OwnedQueue::for_commands(c"stmf_sbd_meta", META_WORKERS)?,
        )?;
        let keeper_queue = ModuleQueue::fill(
            &KEEPER_QUEUE,
            OwnedQueue::new(c"stmf_sbd_keeper", META_WORKERS)?,
        )?;
        let keeper = Delayed::new(keeper_queue.queue().clone(), keeper::round);
        let keeper = keeper::KEEPER.fill(Arc::pin_init(keeper, GFP_KERNEL)?);
        let last_flush = BeforeReboot::new::<LastFlush>()?;
        Ok(Self {
            _netlink: genl::Registration::new(&netlink::FAMILY, module)?,
            _last_flush: last_flush,
            _keeper: keeper,
            _keeper_queue: keeper_queue,
            _queue: queue,
            _meta_queue: meta_queue,
            _units: units,
            _last_steps: LastSteps,
        })
    }
}
