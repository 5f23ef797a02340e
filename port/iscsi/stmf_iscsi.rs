// SPDX-License-Identifier: GPL-2.0

//! The iSCSI port provider ("iscsit"): iSCSI targets over TCP (RFC 7143).
//!
//! A [`target`] is what initiators log in to; it is reached through [`portal`]s, each with a thread
//! that accepts connections. Every [`connection`] has one thread, which does all its work: it
//! receives, has commands carried out, and sends. A connection that has logged in to a target
//! belongs to a [`session`], the I_T nexus that the framework knows; if it is one of several, they
//! have their requests in order by what is [`joint`]. What goes by is counted: [`counters`].
//!
//! The protocol itself, as far as it needs no input and output, is the crate `stmf_iscsi_proto`.
//!
//! # Locks, outermost first
//!
//! `Provider::admin` (held across waits, never taken by a connection), `Provider::targets`,
//! `Target::registration`, `Target::inner`, `Session::members`; `Joint::turn`, `Joint::state`; and,
//! without others inside, `Provider::portals` and `Provider::visitors`.

#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod bells;
mod connection;
mod counters;
mod joint;
mod last_call;
mod log;
mod netlink;
mod portal;
mod provider;
mod session;
mod settings;
mod target;

use kernel::prelude::*;
use last_call::LastCall;
use provider::{Provider, PROVIDER};
use stmf_kernel::{
    genl,
    module::Filled,
    reboot::BeforeReboot, //
};

module! {
    type: IscsiModule,
    name: "stmf_iscsi",
    authors: ["The COMSTAR for Linux authors"],
    description: "iSCSI port provider of the SCSI target mode framework",
    license: "GPL",
}

/// The loaded module. Fields drop in order: no more requests, then the provider goes. It has no
/// targets then, and no thread is left: each of them would keep the module loaded.
struct IscsiModule {
    _netlink: genl::Registration,
    _last_call: BeforeReboot,
    _provider: Filled<Provider>,
}

impl kernel::Module for IscsiModule {
    fn init(module: &'static ThisModule) -> Result<Self> {
        let provider = PROVIDER.fill(Provider::new(module)?);
        let last_call = BeforeReboot::new::<LastCall>()?;
        Ok(Self {
            _netlink: genl::Registration::new(&netlink::FAMILY, module)?,
            _last_call: last_call,
            _provider: provider,
        })
    }
}
