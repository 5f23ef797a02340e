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

use kernel::prelude::*;
use stmf_kernel::{
    genl,
    module::Filled, //
};

module! {
    type: StmfModule,
    name: "stmf",
    authors: ["The COMSTAR for Linux authors"],
    description: "SCSI target mode framework",
    license: "GPL",
}

/// The loaded module. Fields drop in order: no more requests, then the registry goes.
struct StmfModule {
    _netlink: genl::Registration,
    _framework: Filled<framework::Framework>,
}

impl kernel::Module for StmfModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let framework = framework::Framework::publish()?;
        Ok(Self {
            _netlink: genl::Registration::new(&netlink::FAMILY, module)?,
            _framework: framework,
        })
    }
}
