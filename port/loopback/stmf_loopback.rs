// SPDX-License-Identifier: GPL-2.0

//! The port provider "loopback": SCSI hosts of this machine whose disks are logical units.
//!
//! A [`target`] that is online has a [`bus`]: a SCSI host with an I_T nexus of its own. What the
//! views show to the nexus the host has as devices; a worker brings the two in line when they change.
//! A command's data is moved between the device and the initiator's own memory.
//!
//! # Locks, outermost first
//!
//! `Provider::targets`, `Target::registration`, `Target::bus`, `Bus::nexus`, `Bus::known`. `Bus::known`
//! is held while devices come and go; nothing that a command needs is.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod bus;
mod door;
mod netlink;
mod provider;
mod target;

use kernel::prelude::*;
use provider::{Provider, PROVIDER};
use stmf_kernel::{
    genl,
    module::Filled, //
};

module! {
    type: LoopbackModule,
    name: "stmf_loopback",
    authors: ["The COMSTAR for Linux authors"],
    description: "Local SCSI hosts of the SCSI target mode framework",
    license: "GPL",
}

/// The loaded module. Fields drop in order: no more requests, then the provider goes. It has no
/// targets then: each of them keeps the module loaded.
struct LoopbackModule {
    _netlink: genl::Registration,
    _provider: Filled<Provider>,
}

impl kernel::Module for LoopbackModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let provider = PROVIDER.fill(Provider::new(module)?);
        Ok(Self {
            _netlink: genl::Registration::new(&netlink::FAMILY, module)?,
            _provider: provider,
        })
    }
}
