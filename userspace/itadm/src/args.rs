// SPDX-License-Identifier: GPL-2.0

//! The command line: what was typed, checked for form but not for sense.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use libstmf::cli::Exit;
use libstmf::{AuthMethod, IscsiName, Limit};

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

    /// Change nothing, and say what would be changed
    #[arg(long, global = true)]
    dry_run: bool,

    /// The same; it stands before the command, behind which -n has been a LUN or a name for ever
    #[arg(short = 'n', id = "dry")]
    dry: bool,

    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Cli {
    /// Whether nothing is to be changed.
    pub(crate) fn is_dry(&self) -> bool {
        self.dry_run || self.dry
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create a target
    CreateTarget(CreateTarget),
    /// Change targets
    ModifyTarget(ModifyTarget),
    /// Delete targets
    DeleteTarget(Delete),
    /// List targets
    ListTarget(List),
    /// Create a target portal group
    CreateTpg(CreateTpg),
    /// List target portal groups
    ListTpg(List),
    /// Delete target portal groups
    DeleteTpg(Delete),
    /// Make an initiator known
    CreateInitiator(Initiator),
    /// Change what is known of an initiator
    ModifyInitiator(Initiator),
    /// List the initiators that are known
    ListInitiator(List),
    /// Forget initiators
    DeleteInitiator(DeleteInitiator),
    /// Change what holds for all targets that have nothing of their own, and for discovery
    ModifyDefaults(Properties),
    /// List what holds for all targets that have nothing of their own
    ListDefaults(ListDefaults),
    /// List sessions with what was negotiated
    ListSession(List),
}

/// Where a secret comes from; never from the command line, where every process can see it.
#[derive(Debug, Default, Args)]
#[group(multiple = false)]
pub(crate) struct SecretSource {
    /// Ask for the CHAP secret
    #[arg(short = 's', long = "chap-secret")]
    pub(crate) prompt: bool,

    /// Read the CHAP secret from a file
    #[arg(short = 'S', long = "chap-secret-file", value_name = "file")]
    pub(crate) file: Option<PathBuf>,

    /// Read the CHAP secret from a systemd credential
    #[arg(long = "chap-secret-credential", value_name = "name")]
    pub(crate) credential: Option<String>,

    /// Remove the CHAP secret
    #[arg(long = "no-chap-secret")]
    pub(crate) none: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Auth {
    None,
    Chap,
    Default,
    Radius,
}

impl Auth {
    /// The method, unless it is one that is not there.
    pub(crate) fn method(self) -> Option<AuthMethod> {
        match self {
            Self::None => Some(AuthMethod::None),
            Self::Chap => Some(AuthMethod::Chap),
            Self::Default => Some(AuthMethod::Default),
            Self::Radius => None,
        }
    }
}

/// What targets and the defaults have in common.
#[derive(Debug, Args)]
pub(crate) struct Properties {
    /// How initiators have to prove who they are
    #[arg(short = 'a', long = "auth-method", value_name = "method")]
    pub(crate) auth: Option<Auth>,

    #[command(flatten)]
    pub(crate) secret: SecretSource,

    /// CHAP name of the target; none for its own name
    #[arg(short = 'u', long = "chap-user", value_name = "chap-user-name")]
    pub(crate) chap_user: Option<String>,

    /// Limit of what is negotiated, such as MaxBurstLength=65536 or HeaderDigest=CRC32C; a value of
    /// default removes it
    #[arg(long = "limit", value_name = "key=value", value_parser = limit)]
    pub(crate) limits: Vec<(Limit, Option<u32>)>,
}

#[derive(Debug, Args)]
pub(crate) struct TargetProperties {
    #[command(flatten)]
    pub(crate) common: Properties,

    /// Name for people; none removes it
    #[arg(short = 'l', long, value_name = "alias")]
    pub(crate) alias: Option<String>,

    /// Target portal groups that the target is reached by
    #[arg(
        short = 't',
        long = "tpg",
        value_name = "tpg-name",
        value_delimiter = ','
    )]
    pub(crate) tpgs: Vec<String>,

    /// Where initiators that log in are sent, such as 192.0.2.20:3260,1; none for nowhere any more
    #[arg(short = 'r', long, value_name = "address")]
    pub(crate) redirect: Option<String>,

    /// They are sent there for good, not for now
    #[arg(long, requires = "redirect")]
    pub(crate) permanent: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CreateTarget {
    /// Name, which begins with iqn., eui. or naa.; one is made when not given
    #[arg(short = 'n', long = "node-name", value_name = "target-name", value_parser = name)]
    pub(crate) name: Option<String>,

    #[command(flatten)]
    pub(crate) properties: TargetProperties,
}

#[derive(Debug, Args)]
pub(crate) struct ModifyTarget {
    #[command(flatten)]
    pub(crate) properties: TargetProperties,

    /// Names
    #[arg(required = true, value_name = "target-name", value_parser = name)]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Delete also what is in use
    #[arg(short, long)]
    pub(crate) force: bool,

    /// Names
    #[arg(required = true, value_name = "name")]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// List the properties too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Separate columns by tabs and leave their titles out
    #[arg(short, long)]
    pub(crate) parsable: bool,

    /// Write JSON
    #[arg(long, conflicts_with = "parsable")]
    pub(crate) json: bool,

    /// Names; all when not given
    #[arg(value_name = "name")]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListDefaults {
    /// Separate columns by tabs
    #[arg(short, long)]
    pub(crate) parsable: bool,

    /// Write JSON
    #[arg(long, conflicts_with = "parsable")]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CreateTpg {
    /// Name; a number from 2 to 65535 is the tag too
    #[arg(value_name = "tpg-name")]
    pub(crate) name: String,

    /// Addresses with or without a port, IPv6 addresses in brackets; @INTERFACE behind limits one to
    /// a network interface or VRF
    #[arg(required = true, value_name = "IP-address[:port]")]
    pub(crate) portals: Vec<String>,

    /// Differentiated services code point of what is sent from there, 0 to 63
    #[arg(long, value_name = "dscp", value_parser = clap::value_parser!(u32).range(0..=63))]
    pub(crate) dscp: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct Initiator {
    #[command(flatten)]
    pub(crate) secret: SecretSource,

    /// CHAP name of the initiator; none for its own name
    #[arg(short = 'u', long = "chap-user", value_name = "chap-user-name")]
    pub(crate) chap_user: Option<String>,

    /// Name
    #[arg(value_name = "initiator-node-name", value_parser = name)]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteInitiator {
    /// Names
    #[arg(required = true, value_name = "initiator-node-name", value_parser = name)]
    pub(crate) names: Vec<String>,
}

/// Brings an iSCSI name into normal form.
pub(crate) fn name(text: &str) -> Result<String, String> {
    match IscsiName::new(text) {
        Ok(name) => Ok(name.as_str().to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Reads `KEY=VALUE`.
fn limit(text: &str) -> Result<(Limit, Option<u32>), String> {
    let (key, value) = text.split_once('=').ok_or("not of the form key=value")?;
    let limit = Limit::find(key).ok_or_else(|| {
        let keys = Limit::ALL.map(|limit| limit.key).join(", ");
        format!("the keys are {keys}")
    })?;
    if value == "default" {
        return Ok((limit, None));
    }
    match limit.parse(value) {
        Some(number) => Ok((limit, Some(number))),
        None => Err(format!("no value of {}", limit.key)),
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

    #[test]
    fn limits_are_read() {
        for (text, value) in [
            ("MaxBurstLength=65536", Some(65536)),
            ("initialr2t=Yes", Some(1)),
            ("HeaderDigest=CRC32C,None", Some(1)),
            ("DataDigest=default", None),
        ] {
            assert_eq!(limit(text).unwrap().1, value, "{text}");
        }
        for text in [
            "MaxBurstLength",
            "Max=1",
            "InitialR2T=2",
            "HeaderDigest=crc",
        ] {
            assert!(limit(text).is_err(), "{text}");
        }
    }
}
