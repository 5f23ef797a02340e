// SPDX-License-Identifier: GPL-2.0

//! What a port provider implements and calls.
//!
//! A provider registers each target port with [`TargetRegistration::new`], each I_T nexus that
//! logs in with [`TargetRegistration::login`], and each connection of a nexus with
//! [`crate::nexus::NexusRegistration::connect`]. Commands go in through the connection's
//! [`crate::nexus::Endpoint`]; answers come out through its [`Completer`].

use crate::{
    framework::{self, Asker, Framework},
    nexus::{NexusDescription, NexusRegistration},
    statistics::Statistics,
    task::Finished, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    },
    ThisModule, //
};
use stmf_kernel::{
    genl::Refusal,
    module::ModuleRef, //
};
use stmf_scsi::tmf::TmfResponse;

/// The transport protocol of a target port; the numbers are SPC's protocol identifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Protocol {
    /// Fibre Channel.
    FibreChannel = 0,
    /// Parallel SCSI, and buses local to the machine.
    Scsi = 1,
    /// SCSI RDMA protocol.
    Srp = 4,
    /// iSCSI.
    Iscsi = 5,
    /// Serial attached SCSI.
    Sas = 6,
}

/// A target port as the framework drives it. Called in process context; may sleep.
pub trait TargetPort: Send + Sync + 'static {
    /// Starts to accept initiators.
    fn online(&self) -> Result;

    /// Stops to accept initiators and ends the sessions, without waiting for their commands. Ends
    /// within seconds.
    ///
    /// # Errors
    ///
    /// When a session can't end yet, because a device holds what is its initiator's. The port is
    /// online as before.
    fn offline(&self) -> Result;
}

/// Where a connection's answers go.
pub trait Completer: Send + Sync + 'static {
    /// A command is over; send data-in and status, then drop it. Any context, softirq included:
    /// queue it and wake the sender.
    fn finished(&self, task: Finished);

    /// A task management function is over; `cookie` is the caller's. Must not sleep: queue it and wake
    /// the sender.
    fn managed(&self, cookie: u64, response: TmfResponse);
}

/// A target port as initiators know it.
#[derive(Clone, Copy)]
pub struct PortIdentity<'a> {
    /// The port's name in its protocol.
    pub name: &'a str,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The relative target port identifier (SPC-5, Relative target port identifier designator).
    pub relative_id: u16,
}

/// What sessions know of their target port. Only data: a command that is stuck in a device may keep
/// it for long after the port is gone.
pub(crate) struct TargetEntry {
    pub(crate) id: u64,
    pub(crate) name: CString,
    pub(crate) alias: CString,
    pub(crate) provider: &'static str,
    pub(crate) protocol: Protocol,
    pub(crate) relative_id: u16,
    /// For iSCSI, the tag of a portal group by which the port is reached.
    portal_group: Atomic<u32>,
    pub(crate) statistics: Statistics,
}

impl TargetEntry {
    pub(crate) fn identity(&self) -> PortIdentity<'_> {
        PortIdentity {
            name: self.name.to_str().unwrap_or(""),
            protocol: self.protocol,
            relative_id: self.relative_id,
        }
    }

    /// The tag that makes an iSCSI node's name a port's.
    pub(crate) fn portal_group(&self) -> u16 {
        // CAST: it came as 16 bits.
        self.portal_group.load(ordering::Relaxed) as u16
    }
}

/// What a provider says of a target port that it registers.
pub struct TargetDescription<'a> {
    /// The port's name in its protocol (an iSCSI name, a WWPN as text).
    pub name: &'a str,
    /// A name for people.
    pub alias: &'a str,
    /// The provider's name, as `stmfadm list-target -v` shows it.
    pub provider: &'static str,
    /// The transport protocol.
    pub protocol: Protocol,
    /// The relative target port identifier (SPC-5 7.7.6.9), from 1, that the port had before; `None`
    /// for the next that no port had. Initiators and persistent reservations know the port by it.
    pub relative_id: Option<u16>,
    /// Whether it stays offline until a user asks for it, as if one had taken it there; else as the
    /// service says of new ones.
    pub offline: bool,
}

/// A registered target port; dropping it takes the port out of the framework.
///
/// The provider ends its sessions first: see [`TargetPort::offline`].
pub struct TargetRegistration {
    framework: Arc<Framework>,
    entry: Arc<TargetEntry>,
}

impl TargetRegistration {
    /// Registers a target port, offline; `stmfadm online-target`, or the provider with
    /// [`TargetRegistration::online`], starts it. May sleep.
    ///
    /// # Errors
    ///
    /// `EEXIST` when the name is taken, `EBUSY` when the relative target port identifier is.
    pub fn new(
        description: &TargetDescription<'_>,
        port: Arc<dyn TargetPort>,
        module: &'static ThisModule,
    ) -> Result<Self> {
        let framework = framework::get()?;
        let entry = Arc::new(
            TargetEntry {
                id: framework.next_id(),
                name: CString::try_from_fmt(fmt!("{}", description.name))?,
                alias: CString::try_from_fmt(fmt!("{}", description.alias))?,
                provider: description.provider,
                protocol: description.protocol,
                relative_id: match description.relative_id {
                    Some(id) => id,
                    None => framework.new_relative_port_id()?,
                },
                portal_group: Atomic::new(0),
                statistics: Statistics::new()?,
            },
            GFP_KERNEL,
        )?;
        let module = ModuleRef::get(module)?;
        framework.add_target(entry.clone(), port, module, description.offline)?;
        Ok(Self { framework, entry })
    }

    /// What an administrator is told of an error of [`TargetRegistration::new`].
    pub fn refusal(error: Error) -> Refusal {
        let why = match error {
            EEXIST => "there is a target of that name",
            EBUSY => "another target has that relative target port identifier",
            _ => return Refusal::from(error),
        };
        Refusal::new(error, format_args!("{why}"))
    }

    /// Says that the port can be online; unless the service or the port is wanted offline,
    /// [`TargetPort::online`] is called. May sleep.
    ///
    /// # Errors
    ///
    /// `EPERM` when this was said four times within 90 seconds: the port is held offline until a
    /// user asks for it. Else what [`TargetPort::online`] says.
    pub fn online(&self) -> Result {
        self.framework.online_target(self.entry.id, Asker::Provider)
    }

    /// Takes the port offline: [`TargetPort::offline`] is called. May sleep.
    pub fn offline(&self) -> Result {
        self.framework
            .offline_target(self.entry.id, Asker::Provider)
    }

    /// As [`TargetRegistration::offline`], before the port is deleted: nobody brings it online any more.
    ///
    /// # Errors
    ///
    /// `EBUSY` while it is on its way; and what [`TargetPort::offline`] says. The port stays then.
    pub fn retire(&self) -> Result {
        self.framework.retire_target(self.entry.id)
    }

    /// The port isn't deleted after all. May sleep.
    pub fn keep(&self) {
        self.framework.keep_target(self.entry.id);
    }

    /// The port's relative target port identifier (SPC-5 7.7.6.9), unique on this machine.
    pub fn relative_id(&self) -> u16 {
        self.entry.relative_id
    }

    /// Tells which portal group an iSCSI target is reached by, the first of several: its tag is part
    /// of the port's name (RFC 7143, Consequences of the model). Any context.
    pub fn set_portal_group(&self, tag: u16) {
        self.entry.portal_group.store(tag.into(), ordering::Relaxed);
    }

    /// Registers an I_T nexus: an initiator port that has logged in. May sleep.
    ///
    /// # Errors
    ///
    /// `ENODEV` when the port is not online.
    pub fn login(&self, description: &NexusDescription<'_>) -> Result<NexusRegistration> {
        NexusRegistration::new(self.framework.clone(), self.entry.clone(), description)
    }
}

impl Drop for TargetRegistration {
    fn drop(&mut self) {
        self.framework.remove_target(self.entry.id);
    }
}
