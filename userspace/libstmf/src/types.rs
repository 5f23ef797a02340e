// SPDX-License-Identifier: GPL-2.0

//! The framework's objects, as the kernel describes them and as it wants them described.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use stmf_model::{Group, GroupName, Guid, Lun, NewView, ViewEntry};
use stmf_uapi::sbd::Backend;
use stmf_uapi::stmf::{AluaState, ConfigState, ObjectState, Protocol, TaskStage};
use stmf_uapi::{iscsi, sbd, stmf};

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
    /// Whether this host is one node of an ALUA pair.
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
        })
    }
}

/// A disk: a logical unit backed by a block device or a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    /// Its GUID.
    pub guid: Guid,
    /// Where its data are.
    pub file: PathBuf,
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
            size: need(Key::Size, fields.uint(Key::Size)?)?,
            block_size: need(Key::BlockSize, fields.u32(Key::BlockSize)?)?,
            alias: non_empty(fields.text(Key::Alias)),
            vendor_id: need(Key::VendorId, fields.text(Key::VendorId))?,
            product_id: need(Key::ProductId, fields.text(Key::ProductId))?,
            serial: non_empty(fields.text(Key::Serial)),
            write_protect: flag(Key::WriteProtect)?,
            write_cache_disable: flag(Key::WriteCacheDisable)?,
            backend: need(Key::Backend, fields.number(Key::Backend)?)?,
        })
    }
}

/// A disk that shall be created. What is `None` the kernel decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LuSpec {
    /// Where its data are: an absolute path.
    pub file: PathBuf,
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
        let created = need(Key::Created, fields.uint(Key::Created)?)?;
        Ok(Self {
            id: need(Key::Id, fields.uint(Key::Id)?)?,
            target: need(Key::Target, fields.text(Key::Target))?,
            initiator: need(Key::Initiator, fields.text(Key::Initiator))?,
            alias: non_empty(fields.text(Key::Alias)),
            isid: non_empty(fields.text(Key::Isid)),
            created: SystemTime::UNIX_EPOCH
                .checked_add(Duration::from_secs(created))
                .ok_or_else(|| DecodeError::Malformed {
                    name: Key::Created.name(),
                    problem: format!("{created} is beyond all time"),
                })?,
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

/// An iSCSI target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IscsiTarget {
    /// Its name.
    pub name: String,
    /// Name for people.
    pub alias: Option<String>,
    /// Its state.
    pub state: ObjectState,
    /// How many sessions it has.
    pub sessions: u32,
    /// Tag of its portal group.
    pub tpgt: u16,
}

impl Decode for IscsiTarget {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use iscsi::Target as Key;
        Ok(Self {
            name: need(Key::Name, fields.text(Key::Name))?,
            alias: non_empty(fields.text(Key::Alias)),
            state: need(Key::State, fields.number(Key::State)?)?,
            sessions: need(Key::Sessions, fields.u32(Key::Sessions)?)?,
            tpgt: need(Key::Tpgt, fields.u16(Key::Tpgt)?)?,
        })
    }
}

/// An address that iSCSI targets are reached at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Portal {
    /// Address and port; `::` is every address of either IP version.
    pub address: SocketAddr,
    /// Tag of the portal group.
    pub tpgt: u16,
}

impl Decode for Portal {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use iscsi::Portal as Key;
        let address = need(Key::Address, fields.address(Key::Address)?)?;
        let port = need(Key::Port, fields.u16(Key::Port)?)?;
        Ok(Self {
            address: SocketAddr::new(address, port),
            tpgt: need(Key::Tpgt, fields.u16(Key::Tpgt)?)?,
        })
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}
