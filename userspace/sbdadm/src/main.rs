// SPDX-License-Identifier: GPL-2.0

//! Manages disks from the command line, as old scripts do.

#![forbid(unsafe_code)]

use std::io;
use std::process::ExitCode;

use libstmf::Stmf;

fn main() -> ExitCode {
    sbdadm::main(
        std::env::args_os(),
        Stmf::open,
        &mut io::stdout().lock(),
        &mut io::stderr().lock(),
    )
    .into()
}
