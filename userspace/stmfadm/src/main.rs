// SPDX-License-Identifier: GPL-2.0

//! Manages the SCSI target framework from the command line.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

use libstmf::{Events, Stmf};
use stmfadm::Setting;

fn main() -> ExitCode {
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    stmfadm::main(
        std::env::args_os(),
        Stmf::open,
        Events::open,
        &Setting::system(),
        &mut out,
        &mut err,
    )
    .into()
}
