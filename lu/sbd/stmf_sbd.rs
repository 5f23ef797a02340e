// SPDX-License-Identifier: GPL-2.0

//! The logical unit provider `sbd`: disks backed by block devices and files.
//!
//! A disk is made and deleted through the generic netlink family `stmf-sbd` ([`netlink`]), which
//! checks what is asked for ([`config`]) and keeps the disks in a table ([`units`]). A command is
//! read and carried out by [`exec`]; its data moves between its own pages and the disk's
//! [`backend`].

#![forbid(unsafe_code)]
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod backend;
mod config;
mod disk;
mod exec;
mod failure;
mod netlink;
mod units;

use kernel::prelude::*;
use stmf_kernel::{
    genl,
    module::Filled, //
};

module! {
    type: SbdModule,
    name: "stmf_sbd",
    authors: ["The COMSTAR for Linux authors"],
    description: "Disks for the SCSI target mode framework",
    license: "GPL",
}

/// The loaded module. Fields drop in order: no more requests, then the table goes. It is empty by
/// then: every disk holds the module.
struct SbdModule {
    _netlink: genl::Registration,
    _units: Filled<units::Units>,
}

impl kernel::Module for SbdModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let units = units::Units::publish(module)?;
        Ok(Self {
            _netlink: genl::Registration::new(&netlink::FAMILY, module)?,
            _units: units,
        })
    }
}
