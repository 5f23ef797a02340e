// SPDX-License-Identifier: GPL-2.0

//! Manage a SCSI target framework from Rust.
//!
//! [`Stmf`] speaks with the framework and its disks, [`IscsiTargets`] with the iSCSI target:
//!
//! ```no_run
//! use libstmf::{LuSpec, NewView, Group, Stmf};
//!
//! # fn main() -> Result<(), libstmf::Error> {
//! let mut stmf = Stmf::open()?;
//! let guid = stmf.create_lu(&LuSpec::new("/dev/vg0/disk1"))?;
//! let view = stmf.add_view(&NewView {
//!     guid,
//!     host: Group::All,
//!     target: Group::All,
//!     lun: None,
//! })?;
//! println!("{guid} is LUN {}", view.lun);
//! # Ok(())
//! # }
//! ```
//!
//! What happens is told to whoever listens, and the configuration is read as a whole:
//!
//! ```no_run
//! use libstmf::config::Configuration;
//! use libstmf::{EventSource, Events, IscsiTargets, Netlink, Notice};
//!
//! # fn main() -> Result<(), libstmf::Error> {
//! for target in IscsiTargets::open()?.targets()? {
//!     println!("{} has {} sessions", target.name, target.sessions);
//! }
//! println!("{}", Configuration::of_kernel(&mut Netlink::open()?)?);
//! let mut events = Events::open()?;
//! while let Some(Notice::Event(event)) = events.next()? {
//!     println!("{event:?}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # From COMSTAR's libstmf
//!
//! | there | here |
//! |---|---|
//! | `stmfOnline`, `stmfOffline`, `stmfGetState` | [`Stmf::set_service`], [`Stmf::state`] |
//! | `stmfSetStmfProp`, `stmfGetStmfProp` | [`Stmf::set_default_states`], [`Service`] |
//! | `stmfLoadConfig` | [`config::Configuration::steps_to`], [`config::Step::perform`] |
//! | `stmfSetPersistMethod` | a [`config::Recorder`] with a [`config::Store`], or without |
//! | `stmfCreateHostGroup`, `stmfCreateTargetGroup` and so on | [`Stmf::add_group`] and so on, with a [`GroupKind`] |
//! | `stmfAddViewEntry`, `stmfValidateView`, `stmfGetViewEntryList`, `stmfRemoveViewEntry` | [`Stmf::add_view`], [`Stmf::validate_view`], [`Stmf::views`], [`Stmf::remove_view`] |
//! | `stmfCreateLuResource`, `stmfSetLuProp` | fields of [`LuSpec`] and [`LuChange`] |
//! | `stmfCreateLu`, `stmfImportLu`, `stmfModifyLu`, `stmfDeleteLu` | [`Stmf::create_lu`], [`Stmf::import_lu`], [`Stmf::modify_lu`], [`Stmf::delete_lu`] |
//! | `stmfModifyLuByFname` | [`Stmf::disk_called`] and [`Stmf::modify_lu`] |
//! | `stmfGetLogicalUnitList`, `-Properties`, `stmfGetLuProp` | [`Stmf::logical_units`], [`Stmf::disks`] |
//! | `stmfOnlineLogicalUnit`, `stmfOnlineTarget` and so on | [`Stmf::set_lu_state`], [`Stmf::set_target_state`] |
//! | `stmfGetTargetList`, `-Properties`, `stmfGetSessionList` | [`Stmf::targets`], [`Stmf::sessions`] |
//! | `stmfDevidFromIscsiName`, `stmfDevidFromWwn` | [`PortName::new`] |
//! | `stmfGetAluaState`, `stmfSetAluaState`, `stmfLuStandby` | [`Stmf::access`], [`Stmf::set_access`]: states are those of target groups |
//! | `stmfGetLogicalUnitProviderList`, `stmfGetLocalPortProviderList` | [`LogicalUnit::provider`], [`Target::provider`] |
//! | `stmfSetProviderData`, `stmfInitProxyDoor` and so on | nothing: each object is saved by itself, and there is no proxy |
//! | error codes | [`Error`] |
//!
//! # Design decisions
//!
//! * Calls block. What the kernel is asked to do it does at once or refuses; going online or
//!   offline is the exception, and is only started by [`Stmf::set_lu_state`] and
//!   [`Stmf::set_target_state`].
//! * What happens by itself, or by others, comes from [`Events`].
//! * Every refusal of the kernel comes back as an [`Error`] by kind, with the object it is about
//!   and the kernel's own sentence.
//! * What lists return is consistent: a list that changed while it was read is read again.
//! * How messages travel is behind [`Transport`], so that programs can be tested without a kernel.

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

mod access;
mod attributes;
pub mod cli;
mod client;
pub mod config;
mod error;
mod events;
mod groups;
mod iscsi;
mod lio;
mod loopback;
mod netlink;
#[cfg(any(test, feature = "sim"))]
pub mod sim;
mod statistics;
mod transport;
mod types;
mod wire;

pub use access::{Access, AccessChange};
pub use attributes::{Builder, DecodeError, Fields, Key};
pub use client::{Stmf, Views};
pub use error::Error;
pub use events::{EventSource, Events, Notice};
pub use iscsi::{
    IscsiChange, IscsiInitiator, IscsiSession, IscsiSettings, IscsiTarget, IscsiTargets, Limit,
    Portal, Redirect, Secret, Tpg,
};
pub use lio::LioImport;
pub use netlink::{Answer, Netlink};
pub use statistics::{Latency, Statistics, Subject};
pub use transport::{Fault, Mode, Refusal, Request, Transport};
pub use types::{
    is_in_memory, Disk, Event, Goal, GroupInfo, LogicalUnit, LuChange, LuImport, LuSpec, Member,
    Service, Session, Target, Task,
};

pub use stmf_model::{
    Conflict, Group, GroupName, Guid, GuidError, GuidSource, IscsiName, Lun, LunError, NameError,
    NewView, Oui, PortName, ViewEntry,
};
pub use stmf_uapi::iscsi::{AuthMethod, Redirection};
pub use stmf_uapi::sbd::{Backend, THRESHOLD_MAX};
pub use stmf_uapi::stmf::{
    AccessState, AluaState, ConfigState, EventKind, GroupKind, ObjectState, Protocol,
    StatisticsScope, TaskStage,
};

/// A result whose error is an [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// Makes a GUID for a new logical unit, of this manufacturer.
///
/// Without a manufacturer it is that of COMSTAR. `host_id` takes the place of the first random bytes,
/// after half a byte of zeros, so that it can be read in the GUID.
pub fn new_guid(oui: Option<Oui>, host_id: Option<[u8; 4]>) -> Result<Guid> {
    let mut random = [0; GuidSource::RANDOM_LEN];
    random_bytes(&mut random)?;
    if let (Some(host_id), Some((half, rest))) = (host_id, random.split_first_mut()) {
        *half = 0;
        rest.iter_mut()
            .zip(host_id)
            .for_each(|(to, from)| *to = from);
    }
    Ok(oui
        .map_or_else(GuidSource::default, GuidSource::new)
        .make(random))
}

/// Makes an iSCSI name for a new target: our prefix and a random UUID (RFC 9562 version 4).
pub fn new_iscsi_name() -> Result<String> {
    let mut random = [0; 16];
    random_bytes(&mut random)?;
    Ok(iscsi::name_from(random))
}

/// Makes a name for a new target of the local bus: NAA locally assigned, at random.
pub fn new_loopback_name() -> Result<String> {
    let mut random = [0; 8];
    random_bytes(&mut random)?;
    Ok(loopback::name_from(random))
}

fn random_bytes(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| Error::Io(std::io::Error::from(error)))
}
