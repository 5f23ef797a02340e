// SPDX-License-Identifier: GPL-2.0

//! Manages iSCSI targets from the command line.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

use libstmf::config::Store;
use libstmf::IscsiTargets;

fn main() -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    itadm::main(
        std::env::args_os(),
        IscsiTargets::open,
        Store::of_system(),
        &mut out,
        &mut err,
    )
    .into()
}
