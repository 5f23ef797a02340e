// SPDX-License-Identifier: GPL-2.0

//! The command line: what was typed, checked for form but not for sense.

use clap::{ArgAction, Args, Parser, Subcommand};
use libstmf::cli::Exit;
use libstmf::IscsiName;

/// Manage iSCSI targets
#[derive(Debug, Parser)]
#[command(
    name = "itadm",
    version,
    after_help = Exit::HELP,
    disable_help_flag = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// Print usage
    #[arg(short = '?', long = "help", action = ArgAction::Help, global = true)]
    help: Option<bool>,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::enum_variant_names, reason = "they are the subcommands' names")]
pub(crate) enum Command {
    /// Create a target
    CreateTarget(CreateTarget),
    /// Delete targets
    DeleteTarget(DeleteTarget),
    /// List targets
    ListTarget(ListTarget),
}

#[derive(Debug, Args)]
pub(crate) struct CreateTarget {
    /// Name, which begins with iqn., eui. or naa.; one is made when not given
    #[arg(short = 'n', long = "node-name", value_name = "target-name", value_parser = name)]
    pub(crate) name: Option<String>,

    /// Name for people
    #[arg(short = 'l', long, value_name = "alias")]
    pub(crate) alias: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteTarget {
    /// Delete targets that are online too, ending their sessions
    #[arg(short, long)]
    pub(crate) force: bool,

    /// Names
    #[arg(required = true, value_name = "target-name", value_parser = name)]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListTarget {
    /// List the properties too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Separate columns by tabs and leave their titles out
    #[arg(short, long)]
    pub(crate) parsable: bool,

    /// Names; all targets when not given
    #[arg(value_name = "target-name", value_parser = name)]
    pub(crate) targets: Vec<String>,
}

/// Brings an iSCSI name into normal form.
fn name(text: &str) -> Result<String, String> {
    match IscsiName::new(text) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_makes_sense() {
        Cli::command().debug_assert();
    }
}
