// SPDX-License-Identifier: GPL-2.0

//! Statistics of the framework for Prometheus: `stmf-exporter`.
//!
//! [`metrics`] makes the text of a scrape, [`serve`] answers HTTP with it. Nothing is kept between two
//! scrapes, and nothing is read but by netlink requests that any user may send.

#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    warn(
        clippy::arithmetic_side_effects,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unwrap_used
    )
)]

mod metrics;
mod page;
mod server;

use std::net::SocketAddr;

use clap::{ArgAction, Parser};

pub use metrics::metrics;
pub use server::serve;

/// Serve statistics of the SCSI target framework to Prometheus
#[derive(Debug, Parser)]
#[command(name = "stmf-exporter", version, disable_help_flag = true)]
pub struct Cli {
    /// Print usage
    #[arg(short = '?', long = "help", action = ArgAction::Help)]
    help: Option<bool>,

    /// Address and port to listen on, without encryption or authentication
    #[arg(
        short,
        long,
        value_name = "address:port",
        default_value = "127.0.0.1:9896"
    )]
    pub listen: SocketAddr,

    /// Also what each session did with each logical unit that it sees
    #[arg(short, long)]
    pub nexuses: bool,
}
