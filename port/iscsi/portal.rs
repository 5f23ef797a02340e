// SPDX-License-Identifier: GPL-2.0

//! Portals: the addresses that targets are reached at.
//!
//! A portal is open while there are targets. Then a thread accepts what connects to it.

use crate::provider::Provider;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};
use kernel::{
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{ordering, Atomic},
        Arc,
        SetOnce, //
    },
    time::{delay::fsleep, Delta}, //
};
use stmf_iscsi_proto::discovery::Portal;
use stmf_kernel::{
    genl::Refusal,
    kthread::Thread,
    net::{Listener, Namespace}, //
};
use stmf_uapi::iscsi::{DEFAULT_PORT, DEFAULT_TPGT};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// A portal that is open.
pub(crate) struct Door {
    listener: Listener,
    closed: Atomic<bool>,
    thread: SetOnce<Thread>,
}

impl Door {
    /// Opens a portal.
    pub(crate) fn open(
        provider: &Arc<Provider>,
        portal: Portal,
        namespace: &Namespace,
    ) -> Result<Arc<Self>, Refusal> {
        let listener = Listener::bind(namespace, portal.address, BACKLOG)
            .map_err(|error| refuse(portal.address, error))?;
        let door = Arc::new(
            Self {
                listener,
                closed: Atomic::new(false),
                thread: SetOnce::new(),
            },
            GFP_KERNEL,
        )?;
        let (keeper, host) = (door.clone(), provider.clone());
        let thread = Thread::spawn(c"iscsit/accept", provider.module, move || {
            keeper.keep(&host, portal.group_tag);
        })?;
        door.thread.populate(thread);
        Ok(door)
    }

    /// Closes the portal; the address is free when this returns. Sleeps.
    pub(crate) fn close(&self) {
        self.closed.store(true, ordering::Release);
        self.listener.shutdown();
        if let Some(thread) = self.thread.as_ref() {
            thread.join(Delta::from_secs(5));
        }
    }

    /// Lets in whoever comes, until the portal is closed.
    fn keep(&self, provider: &Arc<Provider>, tag: u16) {
        loop {
            let outcome = self
                .listener
                .accept()
                .and_then(|accepted| provider.welcome(accepted, tag));
            if self.closed.load(ordering::Acquire) {
                return;
            }
            match outcome {
                Ok(()) => {}
                // It left before it was let in.
                Err(error) if error == ECONNABORTED || error == ENOTCONN => {}
                // Short of memory or threads: that takes a while to get better.
                Err(_) => fsleep(Delta::from_millis(100)),
            }
        }
    }
}

/// Says why an address can't be listened on.
fn refuse(address: SocketAddr, error: Error) -> Refusal {
    if error == EADDRINUSE {
        Refusal::new(error, format_args!("{address} is in use"))
    } else if error == EADDRNOTAVAIL {
        Refusal::new(
            error,
            format_args!("{address} is no address of this machine"),
        )
    } else {
        Refusal::new(error, format_args!("can't listen on {address}"))
    }
}

/// A portal as it is kept.
struct Record {
    portal: Portal,
    /// Where it was added; `None` for the one that is there without being added.
    namespace: Option<ARef<Namespace>>,
    door: Option<Arc<Door>>,
}

/// The portals there are.
pub(crate) struct Portals {
    list: KVec<Record>,
    /// Counts changes.
    pub(crate) generation: u32,
}

impl Portals {
    /// The portals of a new provider: one for every address.
    pub(crate) fn new() -> Result<Self> {
        let portal = Portal {
            address: SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), DEFAULT_PORT),
            group_tag: DEFAULT_TPGT,
        };
        let mut portals = Self {
            list: KVec::new(),
            generation: 1,
        };
        portals.add(portal, None, None)?;
        Ok(portals)
    }

    /// All portals.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Portal> + '_ {
        self.list.iter().map(|record| record.portal)
    }

    /// The portal at an address.
    pub(crate) fn find(&self, address: SocketAddr) -> Option<Portal> {
        self.iter().find(|portal| portal.address == address)
    }

    pub(crate) fn add(
        &mut self,
        portal: Portal,
        namespace: Option<ARef<Namespace>>,
        door: Option<Arc<Door>>,
    ) -> Result {
        self.list.push(
            Record {
                portal,
                namespace,
                door,
            },
            GFP_KERNEL,
        )?;
        self.touch();
        Ok(())
    }

    /// Removes a portal; gives its door, if it is open, to be closed.
    pub(crate) fn remove(&mut self, address: SocketAddr) -> Option<Option<Arc<Door>>> {
        let is_it = |record: &Record| record.portal.address == address;
        let at = self.list.iter().position(is_it)?;
        let record = self.list.remove(at).ok()?;
        self.touch();
        Some(record.door)
    }

    /// A portal that isn't open, and where it is to be.
    pub(crate) fn first_closed(&self) -> Option<(Portal, Option<ARef<Namespace>>)> {
        let record = self.list.iter().find(|record| record.door.is_none())?;
        Some((record.portal, record.namespace.clone()))
    }

    /// Notes that a portal is open.
    pub(crate) fn set_open(&mut self, address: SocketAddr, door: Arc<Door>) {
        let mut records = self.list.iter_mut();
        if let Some(record) = records.find(|record| record.portal.address == address) {
            record.door = Some(door);
        }
    }

    /// Takes the door of a portal that is open, to be closed.
    pub(crate) fn take_open(&mut self) -> Option<Arc<Door>> {
        self.list.iter_mut().find_map(|record| record.door.take())
    }

    /// Where a target can be reached, as told to an initiator that came in at `local` by a portal of
    /// group `tag`: that address first, and for portals that stand for all addresses, that address.
    pub(crate) fn seen_from(&self, local: SocketAddr, tag: u16) -> Result<KVec<Portal>> {
        let mut seen = KVec::new();
        for portal in self.iter() {
            let ip = match portal.address.ip() {
                IpAddr::V6(ip) if ip.is_unspecified() => local.ip(),
                ip => ip,
            };
            let portal = Portal {
                address: SocketAddr::new(ip, portal.address.port()),
                ..portal
            };
            if portal.address == local && portal.group_tag == tag {
                seen.reserve(1, GFP_KERNEL)?;
                seen.insert_within_capacity(0, portal).map_err(|_| ENOMEM)?;
            } else {
                seen.push(portal, GFP_KERNEL)?;
            }
        }
        Ok(seen)
    }

    fn touch(&mut self) {
        self.generation = self.generation.wrapping_add(1).max(1);
    }
}
