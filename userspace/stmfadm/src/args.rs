// SPDX-License-Identifier: GPL-2.0

//! The command line: what was typed, checked for form but not for sense.

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};
use libstmf::cli::Exit;
use libstmf::{GroupName, Guid, Lun, Oui, PortName};

/// Manage the SCSI target framework
#[derive(Debug, Parser)]
#[command(
    name = "stmfadm",
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
pub(crate) enum Command {
    /// Create a logical unit
    CreateLu(CreateLu),
    /// Delete logical units
    DeleteLu(DeleteLu),
    /// List logical units
    ListLu(ListLu),
    /// Take logical units online
    OnlineLu(Lus),
    /// Take logical units offline
    OfflineLu(Lus),
    /// Add a view entry, which lets hosts see a logical unit
    AddView(Box<AddView>),
    /// List view entries of a logical unit
    ListView(ListView),
    /// Remove view entries of a logical unit
    RemoveView(RemoveView),
    /// List targets
    ListTarget(ListTarget),
    /// Take targets online
    OnlineTarget(Targets),
    /// Take targets offline
    OfflineTarget(Targets),
    /// List the state of the framework
    ListState,
    /// List commands that have not ended, the oldest first
    ListTask(ListTask),
}

#[derive(Debug, Args)]
pub(crate) struct CreateLu {
    /// Property of the logical unit: alias, blk (block size), guid, oui, pid (product ID), serial,
    /// vid (vendor ID), wcd (write cache disabled: true or false), wp (write protected: true or
    /// false)
    #[arg(short = 'p', long = "lu-prop", value_name = "prop=value", value_parser = property)]
    pub(crate) properties: Vec<Property>,

    /// Size, with k, m, g, t, p or e for powers of 1024; all of the file or device when not given
    #[arg(short, long, value_name = "size", value_parser = size)]
    pub(crate) size: Option<u64>,

    /// File or block device with the data
    #[arg(value_name = "lu-file")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteLu {
    /// Keep the view entries
    #[arg(short, long)]
    pub(crate) keep_views: bool,

    /// GUIDs
    #[arg(required = true, value_name = "lu-name")]
    pub(crate) lus: Vec<Guid>,
}

#[derive(Debug, Args)]
pub(crate) struct ListLu {
    /// List the properties too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// GUIDs; all logical units when not given
    #[arg(value_name = "lu-name")]
    pub(crate) lus: Vec<Guid>,
}

#[derive(Debug, Args)]
pub(crate) struct Lus {
    /// GUIDs
    #[arg(required = true, value_name = "lu-name")]
    pub(crate) lus: Vec<Guid>,
}

#[derive(Debug, Args)]
pub(crate) struct AddView {
    /// Logical unit number, 0 to 16383; the lowest free one when not given
    #[arg(short = 'n', long, value_name = "logical-unit-number")]
    pub(crate) lun: Option<Lun>,

    /// Host group; all hosts when not given
    #[arg(short = 'h', long, value_name = "group-name")]
    pub(crate) host_group: Option<GroupName>,

    /// Target group; all targets when not given
    #[arg(short = 't', long, value_name = "group-name")]
    pub(crate) target_group: Option<GroupName>,

    /// GUID
    #[arg(value_name = "lu-name")]
    pub(crate) lu: Guid,
}

#[derive(Debug, Args)]
pub(crate) struct ListView {
    /// GUID
    #[arg(short = 'l', long = "lu-name", value_name = "lu-name")]
    pub(crate) lu: Guid,

    /// Numbers of view entries; all when not given
    #[arg(value_name = "entry-name")]
    pub(crate) entries: Vec<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct RemoveView {
    /// GUID
    #[arg(short = 'l', long = "lu-name", value_name = "lu-name")]
    pub(crate) lu: Guid,

    /// Remove all view entries
    #[arg(short, long, conflicts_with = "entries")]
    pub(crate) all: bool,

    /// Numbers of view entries
    #[arg(required_unless_present = "all", value_name = "entry-name")]
    pub(crate) entries: Vec<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct ListTarget {
    /// List the properties and sessions too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Names; all targets when not given
    #[arg(value_name = "target-name", value_parser = target)]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Targets {
    /// Names
    #[arg(required = true, value_name = "target-name", value_parser = target)]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListTask {
    /// GUIDs; commands of all logical units when not given
    #[arg(value_name = "lu-name")]
    pub(crate) lus: Vec<Guid>,
}

/// A property of a new logical unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    Alias(String),
    BlockSize(u32),
    Guid(Guid),
    Oui(Oui),
    ProductId(String),
    Serial(String),
    VendorId(String),
    WriteCacheDisable(bool),
    WriteProtect(bool),
}

fn property(text: &str) -> Result<Property, String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a property is a name, `=` and a value")?;
    let name = name.to_ascii_lowercase();
    let invalid = || format!("{name}: invalid value");
    let text = || value.to_owned();
    Ok(match name.as_str() {
        "alias" => Property::Alias(text()),
        "blk" => Property::BlockSize(value.parse().map_err(|_| invalid())?),
        "guid" => Property::Guid(value.parse().map_err(|_| invalid())?),
        "oui" => Property::Oui(value.parse().map_err(|_| invalid())?),
        "pid" => Property::ProductId(text()),
        "serial" => Property::Serial(text()),
        "vid" => Property::VendorId(text()),
        "wcd" => Property::WriteCacheDisable(boolean(value).ok_or_else(invalid)?),
        "wp" => Property::WriteProtect(boolean(value).ok_or_else(invalid)?),
        "host-id" | "meta" | "mgmt-url" => return Err(format!("{name}: not supported")),
        _ => return Err(format!("{name}: invalid property specified")),
    })
}

fn boolean(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

fn size(text: &str) -> Result<u64, String> {
    let (digits, power) = match text.char_indices().next_back() {
        Some((end, letter)) if letter.is_ascii_alphabetic() => {
            let power = "kmgtpe"
                .find(letter.to_ascii_lowercase())
                .and_then(|power| u32::try_from(power).ok()?.checked_add(1))
                .ok_or("the unit must be k, m, g, t, p or e")?;
            (text.get(..end).unwrap_or_default(), power)
        }
        _ => (text, 0),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "a size is a number and perhaps a unit")?;
    1024u64
        .checked_pow(power)
        .and_then(|unit| number.checked_mul(unit))
        .ok_or_else(|| "that is more than a number can hold".to_owned())
}

/// Brings names of ports into normal form; other names are the port's own business.
fn target(text: &str) -> Result<String, String> {
    Ok(match PortName::new(text) {
        Ok(name) => name.as_str().to_owned(),
        Err(_) => text.to_owned(),
    })
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
    fn sizes_have_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("512", Some(512)),
            ("1k", Some(1 << 10)),
            ("20m", Some(20 << 20)),
            ("3G", Some(3 << 30)),
            ("4t", Some(4 << 40)),
            ("5P", Some(5 << 50)),
            ("15e", Some(15 << 60)),
            ("18446744073709551615", Some(u64::MAX)),
            ("16e", None),
            ("18446744073709551616", None),
            ("", None),
            ("g", None),
            ("1.5g", None),
            ("-1", None),
            ("1x", None),
            ("1gb", None),
            ("1 g", None),
            ("1ä", None),
        ] {
            assert_eq!(size(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn properties_have_names_of_any_case() {
        for (text, expected) in [
            ("alias=a=b", Ok(Property::Alias("a=b".to_owned()))),
            ("ALIAS=", Ok(Property::Alias(String::new()))),
            ("blk=4096", Ok(Property::BlockSize(4096))),
            ("pid=Disk", Ok(Property::ProductId("Disk".to_owned()))),
            ("vid=ACME", Ok(Property::VendorId("ACME".to_owned()))),
            ("serial=1", Ok(Property::Serial("1".to_owned()))),
            ("Wcd=True", Ok(Property::WriteCacheDisable(true))),
            ("wp=false", Ok(Property::WriteProtect(false))),
            ("oui=0014aF", Ok(Property::Oui(Oui::new([0, 0x14, 0xaf])))),
            (
                "guid=600144f0c73abf0000004a5b1f3e0001",
                Ok(Property::Guid(
                    "600144F0C73ABF0000004A5B1F3E0001".parse().unwrap(),
                )),
            ),
            ("guid=1", Err("guid: invalid value")),
            ("blk=0x200", Err("blk: invalid value")),
            ("wp=yes", Err("wp: invalid value")),
            ("meta=/x", Err("meta: not supported")),
            ("color=red", Err("color: invalid property specified")),
            ("alias", Err("a property is a name, `=` and a value")),
        ] {
            let parsed = property(text);
            assert_eq!(
                parsed.as_ref().map_err(String::as_str),
                expected.as_ref().map_err(|e| *e)
            );
        }
    }

    #[test]
    fn names_are_normalized_if_their_form_is_known() {
        for (text, name) in [
            ("IQN.2026-11.org.example:A", "iqn.2026-11.org.example:a"),
            ("wwn.2100001b32a1b2c3", "wwn.2100001B32A1B2C3"),
            ("Loopback0", "Loopback0"),
        ] {
            assert_eq!(target(text).as_deref(), Ok(name));
        }
    }
}
