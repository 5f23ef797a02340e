// SPDX-License-Identifier: GPL-2.0

//! The framework's objects, as the kernel describes them and as it wants them described.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use stmf_model::{Group, GroupName, Guid, Lun, NewView, PortName, ViewEntry};
use stmf_uapi::sbd::Backend;
use stmf_uapi::stmf::{
    AccessState, AluaState, ConfigState, EventKind, GroupKind, ObjectState, Protocol, TaskStage,
};
use stmf_uapi::{sbd, stmf};

use crate::attributes::{need, Builder, DecodeError, Fields};

/// What the kernel describes.
pub(crate) trait Decode: Sized {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError>;
}

/// The framework as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// State of the service.
    pub state: ObjectState,
    /// Whether the saved configuration has been loaded.
    pub config: ConfigState,
    /// Whether there is asymmetric access to logical units.
    pub alua: AluaState,
    /// Number of this node.
    pub alua_node: u32,
    /// Tasks that a provider dropped unfinished: each is a bug.
    pub lost_tasks: u64,
    /// Registered logical units.
    pub logical_units: u32,
    /// Registered target ports.
    pub targets: u32,
    /// Sessions on all target ports.
    pub sessions: u32,
    /// State that new logical units go to.
    pub default_lu: ObjectState,
    /// State that new target ports go to.
    pub default_target: ObjectState,
}

impl Decode for Service {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Service as Key;
        Ok(Self {
            state: need(Key::State, fields.number(Key::State)?)?,
            config: need(Key::ConfigState, fields.number(Key::ConfigState)?)?,
            alua: need(Key::AluaState, fields.number(Key::AluaState)?)?,
            alua_node: need(Key::AluaNode, fields.u32(Key::AluaNode)?)?,
            lost_tasks: need(Key::LostTasks, fields.uint(Key::LostTasks)?)?,
            logical_units: need(Key::LuCount, fields.u32(Key::LuCount)?)?,
            targets: need(Key::TargetCount, fields.u32(Key::TargetCount)?)?,
            sessions: need(Key::SessionCount, fields.u32(Key::SessionCount)?)?,
            default_lu: need(Key::DefaultLuState, fields.number(Key::DefaultLuState)?)?,
            default_target: need(
                Key::DefaultTargetState,
                fields.number(Key::DefaultTargetState)?,
            )?,
        })
    }
}

/// A logical unit, whatever provides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogicalUnit {
    /// Its GUID.
    pub guid: Guid,
    /// Name of its provider.
    pub provider: String,
    /// Name that people gave it.
    pub alias: Option<String>,
    /// Its state.
    pub state: ObjectState,
    /// How many view entries it has.
    pub view_count: u32,
    /// State that it is wanted in: it goes there whenever the service is online.
    pub wanted: ObjectState,
}

impl Decode for LogicalUnit {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Lu as Key;
        Ok(Self {
            guid: need(Key::Guid, fields.guid(Key::Guid)?)?,
            provider: need(Key::Provider, fields.text(Key::Provider))?,
            alias: non_empty(fields.text(Key::Alias)),
            state: need(Key::State, fields.number(Key::State)?)?,
            view_count: need(Key::ViewCount, fields.u32(Key::ViewCount)?)?,
            wanted: need(Key::Wanted, fields.number(Key::Wanted)?)?,
        })
    }
}

/// A disk: a logical unit backed by a block device or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its GUID.
    pub guid: Guid,
    /// Where its data are; `ram:` and a name for memory.
    pub file: PathBuf,
    /// Where its metadata are, if any are kept in a file of their own.
    pub meta_file: Option<PathBuf>,
    /// Whether its metadata are in the head of the file or device with the data.
    pub meta_head: bool,
    /// Its size in bytes.
    pub size: u64,
    /// Its logical block size in bytes.
    pub block_size: u32,
    /// Name for people.
    pub alias: Option<String>,
    /// Vendor identification.
    pub vendor_id: String,
    /// Product identification.
    pub product_id: String,
    /// Unit serial number.
    pub serial: Option<String>,
    /// Whether initiators may not write.
    pub write_protect: bool,
    /// Whether every write is on stable storage before it is acknowledged.
    pub write_cache_disable: bool,
    /// Product revision level.
    pub revision: String,
    /// Size of a physical block in bytes, as initiators see it.
    pub physical_block_size: u32,
    /// Addresses of its management, separated by spaces.
    pub mgmt_url: Option<String>,
    /// Revolutions of the medium per minute; 1 when it doesn't turn, 0 when that isn't told.
    pub rotation_rate: u32,
    /// Whether initiators may unmap blocks.
    pub unmap: bool,
    /// Whether initiators may take the medium out.
    pub removable: bool,
    /// Whether space is taken when it is written to.
    pub thin: bool,
    /// Of how much free space on initiators are warned, in percent of the file system, 0 for never;
    /// `None` where space has no limit that is known.
    pub threshold: Option<u8>,
    /// Whether its backing device is away.
    pub gone: bool,
    /// How its data are stored.
    pub backend: Backend,
}

impl Decode for Disk {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use sbd::Lu as Key;
        let flag = |key| Ok(need(key, fields.u8(key)?)? != 0);
        Ok(Self {
            guid: need(Key::Guid, fields.guid(Key::Guid)?)?,
            file: need(Key::File, fields.path(Key::File))?,
            meta_file: fields.path(Key::MetaFile),
            meta_head: flag(Key::MetaHead)?,
            size: need(Key::Size, fields.uint(Key::Size)?)?,
            block_size: need(Key::BlockSize, fields.u32(Key::BlockSize)?)?,
            alias: non_empty(fields.text(Key::Alias)),
            vendor_id: need(Key::VendorId, fields.text(Key::VendorId))?,
            product_id: need(Key::ProductId, fields.text(Key::ProductId))?,
            serial: non_empty(fields.text(Key::Serial)),
            write_protect: flag(Key::WriteProtect)?,
            write_cache_disable: flag(Key::WriteCacheDisable)?,
            revision: need(Key::Revision, fields.text(Key::Revision))?,
            physical_block_size: need(Key::PhysicalBlockSize, fields.u32(Key::PhysicalBlockSize)?)?,
            mgmt_url: non_empty(fields.text(Key::MgmtUrl)),
            rotation_rate: need(Key::RotationRate, fields.u32(Key::RotationRate)?)?,
            unmap: flag(Key::Unmap)?,
            removable: flag(Key::Removable)?,
            thin: flag(Key::Thin)?,
            threshold: fields.u8(Key::Threshold)?,
            gone: flag(Key::Gone)?,
            backend: need(Key::Backend, fields.number(Key::Backend)?)?,
        })
    }
}

/// A disk that shall be created. What is `None` the kernel decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LuSpec {
    /// Where its data are: an absolute path, or `ram:` and a name for memory.
    pub file: PathBuf,
    /// Where its metadata are to be: an absolute path of a regular file.
    pub meta_file: Option<PathBuf>,
    /// Whether its metadata are to be in the head of the file or device with the data.
    pub meta_head: Option<bool>,
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Its GUID.
    pub guid: Option<Guid>,
    /// Its logical block size in bytes.
    pub block_size: Option<u32>,
    /// Name for people.
    pub alias: Option<String>,
    /// Vendor identification.
    pub vendor_id: Option<String>,
    /// Product identification.
    pub product_id: Option<String>,
    /// Unit serial number.
    pub serial: Option<String>,
    /// Whether initiators may not write.
    pub write_protect: Option<bool>,
    /// Whether every write is on stable storage before it is acknowledged.
    pub write_cache_disable: Option<bool>,
    /// Product revision level.
    pub revision: Option<String>,
    /// Size of a physical block in bytes.
    pub physical_block_size: Option<u32>,
    /// Addresses of its management, separated by spaces.
    pub mgmt_url: Option<String>,
    /// Revolutions of the medium per minute; 1 when it doesn't turn, 0 not to tell.
    pub rotation_rate: Option<u32>,
    /// Whether initiators may unmap blocks.
    pub unmap: Option<bool>,
    /// Whether initiators may take the medium out.
    pub removable: Option<bool>,
    /// Whether space is taken when it is written to; if not, all of it is taken at once.
    pub thin: Option<bool>,
    /// Of how much free space on initiators are warned, in percent of the file system; 0 for never.
    pub threshold: Option<u8>,
    /// Even if something in the file or device is lost by it, or much of the memory taken.
    pub force: bool,
}

/// Whether what has a disk's data is memory: `ram:` and a name.
pub fn is_in_memory(file: &Path) -> bool {
    file.as_os_str()
        .as_encoded_bytes()
        .starts_with(sbd::RAM.as_bytes())
}

/// What is to change of a disk. What is `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LuChange {
    /// Its size in bytes.
    pub size: Option<u64>,
    /// Name for people.
    pub alias: Option<String>,
    /// Unit serial number; empty for none.
    pub serial: Option<String>,
    /// Addresses of its management, separated by spaces; empty for none.
    pub mgmt_url: Option<String>,
    /// Whether initiators may not write.
    pub write_protect: Option<bool>,
    /// Whether every write is on stable storage before it is acknowledged.
    pub write_cache_disable: Option<bool>,
    /// Of how much free space on initiators are warned, in percent of the file system; 0 for never.
    pub threshold: Option<u8>,
}

/// A disk that shall come back from its metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LuImport {
    /// Where its metadata are: an absolute path, that of the data if they are in its head.
    pub meta_file: PathBuf,
    /// Where its data are, an absolute path; when `None`, where they were.
    pub file: Option<PathBuf>,
    /// Whether initiators may not write; when `None`, as it was.
    pub write_protect: Option<bool>,
}

impl LuImport {
    pub(crate) fn encode(&self) -> Builder {
        use sbd::Lu as Key;
        Builder::new()
            .text(Key::MetaFile, &self.meta_file)
            .optional(self.file.as_ref(), |b, path| b.text(Key::File, path))
            .optional(self.write_protect, |b, on| {
                b.u8(Key::WriteProtect, on.into())
            })
    }
}

impl LuChange {
    pub(crate) fn encode(&self, guid: &Guid) -> Builder {
        use sbd::Lu as Key;
        Builder::new()
            .guid(Key::Guid, guid)
            .optional(self.size, |b, size| b.uint(Key::Size, size))
            .optional(self.alias.as_ref(), |b, text| b.text(Key::Alias, text))
            .optional(self.serial.as_ref(), |b, text| b.text(Key::Serial, text))
            .optional(self.mgmt_url.as_ref(), |b, text| b.text(Key::MgmtUrl, text))
            .optional(self.write_protect, |b, on| {
                b.u8(Key::WriteProtect, on.into())
            })
            .optional(self.write_cache_disable, |b, on| {
                b.u8(Key::WriteCacheDisable, on.into())
            })
            .optional(self.threshold, |b, percent| b.u8(Key::Threshold, percent))
    }
}

impl LuSpec {
    /// A disk whose data are there, and all else as the kernel decides.
    pub fn new(file: impl Into<PathBuf>) -> Self {
        Self {
            file: file.into(),
            ..Self::default()
        }
    }

    pub(crate) fn encode(&self) -> Builder {
        use sbd::Lu as Key;
        Builder::new()
            .text(Key::File, &self.file)
            .optional(self.meta_file.as_ref(), |b, path| {
                b.text(Key::MetaFile, path)
            })
            .optional(self.size, |b, size| b.uint(Key::Size, size))
            .optional(self.guid, |b, guid| b.guid(Key::Guid, &guid))
            .optional(self.block_size, |b, size| b.u32(Key::BlockSize, size))
            .optional(self.alias.as_ref(), |b, text| b.text(Key::Alias, text))
            .optional(self.vendor_id.as_ref(), |b, text| {
                b.text(Key::VendorId, text)
            })
            .optional(self.product_id.as_ref(), |b, text| {
                b.text(Key::ProductId, text)
            })
            .optional(self.serial.as_ref(), |b, text| b.text(Key::Serial, text))
            .optional(self.write_protect, |b, on| {
                b.u8(Key::WriteProtect, on.into())
            })
            .optional(self.write_cache_disable, |b, on| {
                b.u8(Key::WriteCacheDisable, on.into())
            })
            .optional(self.revision.as_ref(), |b, text| {
                b.text(Key::Revision, text)
            })
            .optional(self.physical_block_size, |b, size| {
                b.u32(Key::PhysicalBlockSize, size)
            })
            .optional(self.mgmt_url.as_ref(), |b, text| b.text(Key::MgmtUrl, text))
            .optional(self.rotation_rate, |b, rate| b.u32(Key::RotationRate, rate))
            .optional(self.unmap, |b, on| b.u8(Key::Unmap, on.into()))
            .optional(self.removable, |b, on| b.u8(Key::Removable, on.into()))
            .optional(self.meta_head, |b, on| b.u8(Key::MetaHead, on.into()))
            .optional(self.thin, |b, on| b.u8(Key::Thin, on.into()))
            .optional(self.threshold, |b, percent| b.u8(Key::Threshold, percent))
            .optional(self.force.then_some(()), |b, ()| b.flag(Key::Force))
    }
}

/// The state that someone wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Serve commands.
    Online,
    /// Serve none.
    Offline,
}

impl Goal {
    /// The state that is wanted.
    pub fn state(self) -> ObjectState {
        match self {
            Self::Online => ObjectState::Online,
            Self::Offline => ObjectState::Offline,
        }
    }
}

pub(crate) fn encode_view(view: &NewView) -> Builder {
    use stmf::View as Key;
    let name = |group| match group {
        Group::All => None,
        Group::Named(name) => Some(name),
    };
    Builder::new()
        .guid(Key::Guid, &view.guid)
        .optional(view.lun, |b, lun| b.u16(Key::Lun, lun.value()))
        .optional(name(view.host), |b, name| {
            b.text(Key::HostGroup, name.as_str())
        })
        .optional(name(view.target), |b, name| {
            b.text(Key::TargetGroup, name.as_str())
        })
}

/// The number that a view entry has and the LUN: what the kernel decides about a new one.
pub(crate) struct ViewNumbers {
    pub(crate) id: u32,
    pub(crate) lun: Lun,
}

impl Decode for ViewNumbers {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::View as Key;
        let lun = need(Key::Lun, fields.u16(Key::Lun)?)?;
        Ok(Self {
            id: need(Key::Id, fields.u32(Key::Id)?)?,
            lun: Lun::try_from(lun).map_err(|error| DecodeError::Malformed {
                name: Key::Lun.name(),
                problem: error.to_string(),
            })?,
        })
    }
}

impl Decode for ViewEntry {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::View as Key;
        let ViewNumbers { id, lun } = ViewNumbers::decode(fields)?;
        let group = |key| {
            let name = fields.parsed(key, GroupName::new)?;
            Ok(name.map_or(Group::All, Group::Named))
        };
        Ok(Self {
            id,
            guid: need(Key::Guid, fields.guid(Key::Guid)?)?,
            host: group(Key::HostGroup)?,
            target: group(Key::TargetGroup)?,
            lun,
        })
    }
}

/// A host group or target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupInfo {
    /// What it is of.
    pub kind: GroupKind,
    /// Its name.
    pub name: GroupName,
    /// How many members it has.
    pub members: u32,
    /// How many view entries name it.
    pub views: u32,
}

impl Decode for GroupInfo {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Group as Key;
        Ok(Self {
            kind: need(Key::Kind, fields.number(Key::Kind)?)?,
            name: need(Key::Name, fields.parsed(Key::Name, GroupName::new)?)?,
            members: need(Key::MemberCount, fields.u32(Key::MemberCount)?)?,
            views: need(Key::ViewCount, fields.u32(Key::ViewCount)?)?,
        })
    }
}

/// A host or target in a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// The group.
    pub group: GroupName,
    /// Name of the initiator or target.
    pub name: PortName,
}

impl Decode for Member {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::GroupMember as Key;
        Ok(Self {
            group: need(Key::Group, fields.parsed(Key::Group, GroupName::new)?)?,
            name: need(Key::Name, fields.parsed(Key::Name, PortName::new)?)?,
        })
    }
}

/// A target port, whatever provides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Its name.
    pub name: String,
    /// Name of its provider.
    pub provider: String,
    /// Name that people gave it.
    pub alias: Option<String>,
    /// Its transport protocol.
    pub protocol: Protocol,
    /// Its state.
    pub state: ObjectState,
    /// How many sessions it has.
    pub session_count: u32,
    /// State that it is wanted in: it goes there whenever the service is online.
    pub wanted: ObjectState,
    /// Whether it is held offline because it came and went too often.
    pub held: bool,
}

impl Decode for Target {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Target as Key;
        Ok(Self {
            name: need(Key::Name, fields.text(Key::Name))?,
            provider: need(Key::Provider, fields.text(Key::Provider))?,
            alias: non_empty(fields.text(Key::Alias)),
            protocol: need(Key::Protocol, fields.number(Key::Protocol)?)?,
            state: need(Key::State, fields.number(Key::State)?)?,
            session_count: need(Key::SessionCount, fields.u32(Key::SessionCount)?)?,
            wanted: need(Key::Wanted, fields.number(Key::Wanted)?)?,
            held: fields.u8(Key::Held)? == Some(1),
        })
    }
}

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: u64,
    /// Name of the target port.
    pub target: String,
    /// Name of the initiator.
    pub initiator: String,
    /// What the initiator calls itself.
    pub alias: Option<String>,
    /// What tells the initiator's ports apart.
    pub isid: Option<String>,
    /// When it began.
    pub created: SystemTime,
}

impl Decode for Session {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Session as Key;
        Ok(Self {
            id: need(Key::Id, fields.uint(Key::Id)?)?,
            target: need(Key::Target, fields.text(Key::Target))?,
            initiator: need(Key::Initiator, fields.text(Key::Initiator))?,
            alias: non_empty(fields.text(Key::Alias)),
            isid: non_empty(fields.text(Key::Isid)),
            created: time(fields, Key::Created)?,
        })
    }
}

/// Something that has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What the event tells.
    pub kind: EventKind,
    /// The logical unit.
    pub guid: Option<Guid>,
    /// Name of the target port.
    pub target: Option<String>,
    /// State that it is in now.
    pub state: Option<ObjectState>,
    /// Number of the session.
    pub session: Option<u64>,
    /// Name of the initiator.
    pub initiator: Option<String>,
    /// Whether the target port is held offline because it came and went too often.
    pub held: bool,
    /// The target group.
    pub group: Option<String>,
    /// Access state that the target group has now.
    pub access: Option<AccessState>,
}

impl Decode for Event {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Event as Key;
        Ok(Self {
            kind: need(Key::Kind, fields.number(Key::Kind)?)?,
            guid: fields.guid(Key::Guid)?,
            target: fields.text(Key::Target),
            state: fields.number(Key::State)?,
            session: fields.uint(Key::Session)?,
            initiator: fields.text(Key::Initiator),
            held: fields.u8(Key::Held)? == Some(1),
            group: fields.text(Key::Group),
            access: fields.number(Key::Access)?,
        })
    }
}

/// A command that has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// The logical unit, if there is one.
    pub guid: Option<Guid>,
    /// Number of the session, unless it is done with the task.
    pub session: Option<u64>,
    /// Number that the port gave it.
    pub tag: u64,
    /// What it is waiting for.
    pub stage: TaskStage,
    /// How long ago it arrived.
    pub age: Duration,
    /// First byte of the CDB.
    pub opcode: u8,
}

impl Decode for Task {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Task as Key;
        Ok(Self {
            guid: fields.guid(Key::Guid)?,
            session: fields.uint(Key::Session)?,
            tag: need(Key::Tag, fields.uint(Key::Tag)?)?,
            stage: need(Key::Stage, fields.number(Key::Stage)?)?,
            age: Duration::from_millis(need(Key::AgeMs, fields.uint(Key::AgeMs)?)?),
            opcode: need(Key::Opcode, fields.u8(Key::Opcode)?)?,
        })
    }
}

pub(crate) fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// A time in seconds since 1970.
pub(crate) fn time(fields: &Fields<'_>, key: impl crate::Key) -> Result<SystemTime, DecodeError> {
    let seconds = need(key, fields.uint(key)?)?;
    SystemTime::UNIX_EPOCH
        .checked_add(Duration::from_secs(seconds))
        .ok_or_else(|| DecodeError::Malformed {
            name: key.name(),
            problem: format!("{seconds} is beyond all time"),
        })
}
