// SPDX-License-Identifier: GPL-2.0

//! The command line: what was typed, checked for form but not for sense.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{value_parser, ArgAction, Args, Parser, Subcommand};
use libstmf::cli::{size, Exit};
use libstmf::{
    AccessState, Goal, GroupName, Guid, Lun, Oui, PortName, StatisticsScope, THRESHOLD_MAX,
};

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
    /// Create a logical unit
    CreateLu(CreateLu),
    /// Create the logical unit that metadata describe
    ImportLu(ImportLu),
    /// Delete logical units
    DeleteLu(DeleteLu),
    /// Change properties of a logical unit
    ModifyLu(ModifyLu),
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
    /// Create a host group
    CreateHg(GroupArg),
    /// Delete a host group
    DeleteHg(GroupArg),
    /// List host groups
    ListHg(ListGroup),
    /// Add hosts to a host group
    AddHgMember(AddHosts),
    /// Remove hosts from a host group
    RemoveHgMember(Members),
    /// Create a target group
    CreateTg(GroupArg),
    /// Delete a target group
    DeleteTg(GroupArg),
    /// List target groups
    ListTg(ListGroup),
    /// Add targets to a target group
    AddTgMember(Members),
    /// Remove targets from a target group
    RemoveTgMember(Members),
    /// Set how well logical units are reached through the targets of a group (ALUA)
    SetAccess(SetAccess),
    /// Remove what was set of a target group with set-access
    ClearAccess(ClearAccess),
    /// List the access states of target groups
    ListAccess(ListAccess),
    /// Create a target of the local bus, with a SCSI host of this machine
    CreateTarget(CreateTarget),
    /// Delete targets of the local bus, with their SCSI hosts
    DeleteTarget(DeleteTarget),
    /// List targets
    ListTarget(ListTarget),
    /// Take targets online
    OnlineTarget(Targets),
    /// Take targets offline
    OfflineTarget(Targets),
    /// List the state of the framework
    ListState(ListState),
    /// Take the service online: its targets and logical units
    OnlineService,
    /// Take the service offline: its targets and logical units
    OfflineService,
    /// Set the states that new objects go to
    ModifyService(ModifyService),
    /// Print events as they come
    Monitor(Monitor),
    /// List commands that have not ended, the oldest first
    ListTask(ListTask),
    /// Print what was counted of commands, and how long they took
    Stats(Stats),
    /// Watch who has how much load, on the whole screen
    Top(Top),
    /// Write the configuration, with its secrets, to a file
    Backup(Backup),
    /// Make the configuration what a backup says, and nothing else
    Restore(FromFile),
    /// Make what a file mentions as the file says, and leave all else as it is
    Apply(FromFile),
    /// Take over the configuration of LIO, the kernel's other target, and say what has no counterpart
    ImportLio(ImportLio),
    /// Give the kernel what is saved and it does not have, as at boot
    LoadConfig(LoadConfig),
}

#[derive(Debug, Args)]
pub(crate) struct Backup {
    /// File; standard output when not given
    #[arg(value_name = "file")]
    pub(crate) file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct FromFile {
    /// File in the format of backups
    #[arg(value_name = "file")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImportLio {
    /// File that targetcli has saved: /etc/target/saveconfig.json
    #[arg(value_name = "saveconfig.json")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct LoadConfig {
    /// Only what waits for this device
    #[arg(long, value_name = "path")]
    pub(crate) device: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct CreateLu {
    /// Property of the logical unit: alias, blk (block size), guid, host-id (8 hexadecimal digits
    /// in a new GUID), meta (file for what has to survive: saved mode parameters, registrations;
    /// `head`: in the first MiB of lu-file), mgmt-url (addresses of its management), oui, pblk
    /// (physical block size), pid (product ID), removable (initiators may take the medium out: true
    /// or false), rev (product revision), rpm (of the medium; 1: it doesn't turn), serial, thin
    /// (false: a file takes all its space at once), threshold (initiators are warned when less of
    /// the file system is free: percent, 0 for never), unmap (initiators may: true or false), vid
    /// (vendor ID), wcd (write cache disabled: true or false), wp (write protected: true or false)
    #[arg(short = 'p', long = "lu-prop", value_name = "prop=value", value_parser = property)]
    pub(crate) properties: Vec<Property>,

    /// Size, with k, m, g, t, p or e for powers of 1024; all of the file or device when not given
    #[arg(short, long, value_name = "size", value_parser = size)]
    pub(crate) size: Option<u64>,

    /// Even if something in the head of lu-file is lost by it, or much of the memory taken
    #[arg(short = 'F', long)]
    pub(crate) force: bool,

    /// File or block device with the data; ram:NAME for memory, which is empty after a restart
    #[arg(value_name = "lu-file")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ImportLu {
    /// File or block device with the data, if they are not where they were
    #[arg(short = 'f', long = "file", value_name = "lu-file")]
    pub(crate) file: Option<PathBuf>,

    /// File with the metadata (property meta of create-lu), or file or block device with metadata
    /// and data (meta=head)
    #[arg(value_name = "meta-file")]
    pub(crate) meta_file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct ModifyLu {
    /// Property of the logical unit: alias, mgmt-url (empty: none), serial, threshold (initiators
    /// are warned when less of the file system is free: percent, 0 for never), wcd (write cache
    /// disabled: true or false), wp (write protected: true or false)
    #[arg(short = 'p', long = "lu-prop", value_name = "prop=value", value_parser = property)]
    pub(crate) properties: Vec<Property>,

    /// Size, with k, m, g, t, p or e for powers of 1024
    #[arg(
        short,
        long,
        value_name = "size",
        value_parser = size,
        required_unless_present = "properties"
    )]
    pub(crate) size: Option<u64>,

    /// The logical unit is named by its file
    #[arg(short = 'f', long = "file")]
    pub(crate) by_file: bool,

    /// GUID, or file or block device with the data
    #[arg(value_name = "lu-name|lu-file")]
    pub(crate) lu: OsString,
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

    /// Write JSON, with all properties
    #[arg(long)]
    pub(crate) json: bool,

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

    /// Only print the number that it would get
    #[arg(long)]
    pub(crate) validate: bool,

    /// GUID
    #[arg(value_name = "lu-name")]
    pub(crate) lu: Guid,
}

#[derive(Debug, Args)]
pub(crate) struct ListView {
    /// GUID
    #[arg(short = 'l', long = "lu-name", value_name = "lu-name")]
    pub(crate) lu: Guid,

    /// List the initiators that are logged in and see the logical unit too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Write JSON, with all properties
    #[arg(long)]
    pub(crate) json: bool,

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
pub(crate) struct GroupArg {
    /// Name of the group
    #[arg(value_name = "group-name")]
    pub(crate) group: GroupName,
}

#[derive(Debug, Args)]
pub(crate) struct ListGroup {
    /// List the members too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Write JSON, with all properties
    #[arg(long)]
    pub(crate) json: bool,

    /// Names of groups; all groups when not given
    #[arg(value_name = "group-name")]
    pub(crate) groups: Vec<GroupName>,
}

#[derive(Debug, Args)]
pub(crate) struct Members {
    /// Name of the group
    #[arg(short, long = "group-name", value_name = "group-name")]
    pub(crate) group: GroupName,

    /// Names: iqn., eui., naa. or wwn. and what follows
    #[arg(required = true, value_name = "member-name")]
    pub(crate) members: Vec<PortName>,
}

#[derive(Debug, Args)]
pub(crate) struct AddHosts {
    #[command(flatten)]
    pub(crate) members: Members,

    /// Taken for scripts of Oracle Solaris: a host that is logged in is added without it too, and sees
    /// what the group sees at once
    #[arg(short = 'F', long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetAccess {
    /// Target group
    #[arg(short, long = "group-name", value_name = "group-name")]
    pub(crate) group: GroupName,

    /// GUID; all logical units without a state of their own when not given
    #[arg(short, long = "lu-name", value_name = "lu-name")]
    pub(crate) lu: Option<Guid>,

    /// Whether initiators shall prefer the group
    #[arg(short, long, value_name = "true|false", action = ArgAction::Set)]
    pub(crate) preferred: Option<bool>,

    /// Whether initiators may set the group's states too, with SET TARGET PORT GROUPS; false unless
    /// given
    #[arg(short, long, value_name = "true|false", action = ArgAction::Set, conflicts_with = "lu")]
    pub(crate) explicit: Option<bool>,

    /// Number by which initiators know the group, from 1; the lowest free one when not given
    #[arg(
        short,
        long,
        value_name = "number",
        value_parser = value_parser!(u16).range(1..),
        conflicts_with = "lu"
    )]
    pub(crate) number: Option<u16>,

    /// active-optimized, active-non-optimized, standby, unavailable, offline or transitioning; as it
    /// is when not given
    #[arg(value_name = "state", value_parser = access_state)]
    pub(crate) state: Option<AccessState>,
}

fn access_state(text: &str) -> Result<AccessState, String> {
    let mut states = AccessState::ALL.iter().copied();
    states
        .find(|state| state.name() == text)
        .ok_or_else(|| format!("{text}: no access state"))
}

#[derive(Debug, Args)]
pub(crate) struct ClearAccess {
    /// Target group
    #[arg(short, long = "group-name", value_name = "group-name")]
    pub(crate) group: GroupName,

    /// GUID; what was set for all logical units when not given
    #[arg(short, long = "lu-name", value_name = "lu-name")]
    pub(crate) lu: Option<Guid>,
}

#[derive(Debug, Args)]
pub(crate) struct ListAccess {
    /// Print a JSON array
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CreateTarget {
    /// Port provider; targets of others have programs of their own, such as itadm
    #[arg(short = 'P', long, value_name = "provider", value_parser = ["loopback"])]
    pub(crate) provider: String,

    /// Name: naa. and 16 hexadecimal digits; made up when not given
    #[arg(value_name = "target-name", value_parser = target)]
    pub(crate) name: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct DeleteTarget {
    /// Delete targets that are online too; their disks go
    #[arg(short, long)]
    pub(crate) force: bool,

    /// Names
    #[arg(required = true, value_name = "target-name", value_parser = target)]
    pub(crate) targets: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListTarget {
    /// List the properties and sessions too
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Write JSON, with all properties
    #[arg(long)]
    pub(crate) json: bool,

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
pub(crate) struct ModifyService {
    /// Property of the service: default-lu-state, default-target-state (online or offline)
    #[arg(
        short = 'p',
        long = "service-prop",
        value_name = "prop=value",
        value_parser = service_property,
        required = true
    )]
    pub(crate) properties: Vec<ServiceProperty>,
}

#[derive(Debug, Args)]
pub(crate) struct Monitor {
    /// Print a JSON object for each event
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListState {
    /// Write JSON, with all properties
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListTask {
    /// Write JSON, with all properties
    #[arg(long)]
    pub(crate) json: bool,

    /// GUIDs; commands of all logical units when not given
    #[arg(value_name = "lu-name")]
    pub(crate) lus: Vec<Guid>,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// Of what: lu (logical units), target (targets), or nexus (logical units as each session sees
    /// them)
    #[arg(short, long, value_name = "scope", value_parser = scope, default_value = "lu")]
    pub(crate) by: StatisticsScope,

    /// Print all counts, and how many commands took how long
    #[arg(short, long)]
    pub(crate) verbose: bool,

    /// Print again and again what has come in so many seconds
    #[arg(short, long, value_name = "seconds", value_parser = seconds)]
    pub(crate) interval: Option<Duration>,

    /// End after so many intervals
    #[arg(short, long, value_name = "number", requires = "interval")]
    pub(crate) count: Option<u64>,

    /// Write JSON, with all counts; a line for each interval
    #[arg(long)]
    pub(crate) json: bool,

    /// GUIDs, or names of targets or, by nexus, of initiators; all when not given
    #[arg(value_name = "name")]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// What is shown at first: lu (logical units), target (targets), or nexus (logical units as each
    /// session sees them)
    #[arg(short, long, value_name = "scope", value_parser = scope, default_value = "lu")]
    pub(crate) by: StatisticsScope,

    /// Look again after so many seconds
    #[arg(short, long, value_name = "seconds", value_parser = seconds, default_value = "1")]
    pub(crate) interval: Duration,
}

fn scope(text: &str) -> Result<StatisticsScope, String> {
    let mut scopes = StatisticsScope::ALL.iter().copied();
    scopes
        .find(|scope| scope.name() == text)
        .ok_or_else(|| format!("{text}: neither lu nor target nor nexus"))
}

/// A time that one can wait for.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is a number of seconds")?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(time) if (Duration::from_millis(1)..=Duration::from_secs(86_400)).contains(&time) => {
            Ok(time)
        }
        _ => Err("it must be from 0.001 to 86400 seconds".to_owned()),
    }
}

/// A property of a logical unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Property {
    Alias(String),
    BlockSize(u32),
    Guid(Guid),
    HostId([u8; 4]),
    MetaFile(PathBuf),
    MetaHead,
    MgmtUrl(String),
    Oui(Oui),
    PhysicalBlockSize(u32),
    ProductId(String),
    Removable(bool),
    Revision(String),
    RotationRate(u32),
    Serial(String),
    Thin(bool),
    Threshold(u8),
    Unmap(bool),
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
        "host-id" => Property::HostId(host_id(value).ok_or_else(invalid)?),
        "meta" if value == "head" => Property::MetaHead,
        "meta" => Property::MetaFile(PathBuf::from(value)),
        "mgmt-url" => Property::MgmtUrl(text()),
        "oui" => Property::Oui(value.parse().map_err(|_| invalid())?),
        "pblk" => Property::PhysicalBlockSize(value.parse().map_err(|_| invalid())?),
        "pid" => Property::ProductId(text()),
        "removable" => Property::Removable(boolean(value).ok_or_else(invalid)?),
        "rev" => Property::Revision(text()),
        "rpm" => Property::RotationRate(value.parse().map_err(|_| invalid())?),
        "serial" => Property::Serial(text()),
        "thin" => Property::Thin(boolean(value).ok_or_else(invalid)?),
        "threshold" => Property::Threshold(percent(value).ok_or_else(invalid)?),
        "unmap" => Property::Unmap(boolean(value).ok_or_else(invalid)?),
        "vid" => Property::VendorId(text()),
        "wcd" => Property::WriteCacheDisable(boolean(value).ok_or_else(invalid)?),
        "wp" => Property::WriteProtect(boolean(value).ok_or_else(invalid)?),
        _ => return Err(format!("{name}: invalid property specified")),
    })
}

/// A property of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServiceProperty {
    DefaultLu(Goal),
    DefaultTarget(Goal),
}

fn service_property(text: &str) -> Result<ServiceProperty, String> {
    let (name, value) = text
        .split_once('=')
        .ok_or("a property is a name, `=` and a value")?;
    let name = name.to_ascii_lowercase();
    let goal = match value {
        "online" => Ok(Goal::Online),
        "offline" => Ok(Goal::Offline),
        _ => Err(format!("{name}: must be online or offline")),
    };
    match name.as_str() {
        "default-lu-state" => Ok(ServiceProperty::DefaultLu(goal?)),
        "default-target-state" => Ok(ServiceProperty::DefaultTarget(goal?)),
        _ => Err(format!("{name}: invalid property specified")),
    }
}

fn host_id(text: &str) -> Option<[u8; 4]> {
    let is_id = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = u32::from_str_radix(text, 16).ok()?;
    is_id.then_some(number.to_be_bytes())
}

fn boolean(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

/// A number of percent, with the sign or without.
fn percent(text: &str) -> Option<u8> {
    let number = text.strip_suffix('%').unwrap_or(text).parse().ok()?;
    (number <= THRESHOLD_MAX).then_some(number)
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
    fn properties_have_names_of_any_case() {
        for (text, expected) in [
            ("alias=a=b", Ok(Property::Alias("a=b".to_owned()))),
            ("ALIAS=", Ok(Property::Alias(String::new()))),
            ("blk=4096", Ok(Property::BlockSize(4096))),
            ("pid=Disk", Ok(Property::ProductId("Disk".to_owned()))),
            ("vid=ACME", Ok(Property::VendorId("ACME".to_owned()))),
            ("meta=head", Ok(Property::MetaHead)),
            ("meta=./head", Ok(Property::MetaFile("./head".into()))),
            ("threshold=10%", Ok(Property::Threshold(10))),
            ("threshold=0", Ok(Property::Threshold(0))),
            ("threshold=100", Err("threshold: invalid value")),
            ("thin=false", Ok(Property::Thin(false))),
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
            (
                "host-id=0aF01234",
                Ok(Property::HostId([0x0a, 0xf0, 0x12, 0x34])),
            ),
            ("pblk=4096", Ok(Property::PhysicalBlockSize(4096))),
            ("rev=1.2", Ok(Property::Revision("1.2".to_owned()))),
            ("rpm=7200", Ok(Property::RotationRate(7200))),
            ("removable=true", Ok(Property::Removable(true))),
            ("unmap=false", Ok(Property::Unmap(false))),
            ("mgmt-url=", Ok(Property::MgmtUrl(String::new()))),
            ("host-id=+1234567", Err("host-id: invalid value")),
            ("host-id=123456789", Err("host-id: invalid value")),
            ("guid=1", Err("guid: invalid value")),
            ("blk=0x200", Err("blk: invalid value")),
            ("wp=yes", Err("wp: invalid value")),
            ("meta=/x", Ok(Property::MetaFile("/x".into()))),
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
            ("eui.02004567a425678d", "eui.02004567A425678D"),
            ("Loopback0", "Loopback0"),
        ] {
            assert_eq!(target(text).as_deref(), Ok(name));
        }
    }
}
