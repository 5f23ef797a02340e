// SPDX-License-Identifier: GPL-2.0

//! Serves statistics of the framework to Prometheus.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use clap::Parser;
use stmf_exporter::{serve, Cli};

fn main() -> ExitCode {
    let Err(error) = serve(&Cli::parse());
    eprintln!("stmf-exporter: {error}");
    ExitCode::FAILURE
}
