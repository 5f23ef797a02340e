// SPDX-License-Identifier: GPL-2.0

//! Portals: the addresses that targets are reached at, in groups.
//!
//! A portal is open while there are targets in its group. Then a thread accepts what connects to
//! it. It belongs to the network namespace that it was added from.

use crate::{
    provider::Provider,
    settings::Text, //
};
use core::{
    fmt::{self, Write},
    net::{IpAddr, Ipv6Addr, SocketAddr}, //
};
use kernel::{
    prelude::*,
    str::CString,
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
    net::{Interface, Listener, Namespace}, //
};
use stmf_uapi::iscsi::{Tpg as G, DEFAULT_PORT, DEFAULT_TPGT, PORTALS_MAX};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Where a portal is.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) interface: Interface,
    pub(crate) namespace: ARef<Namespace>,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.address == other.address
            && self.interface == other.interface
            && self.namespace == other.namespace
    }
}

/// `ADDRESS:PORT`, with `@INTERFACE` behind if it is limited to one.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        match self.interface.name() {
            "" => Ok(()),
            name => write!(f, "@{name}"),
        }
    }
}

/// A portal that is open.
pub(crate) struct Door {
    listener: Listener,
    pub(crate) namespace: ARef<Namespace>,
    /// Tag of its group.
    pub(crate) tag: u16,
    closed: Atomic<bool>,
    thread: SetOnce<Thread>,
}

impl Door {
    /// Opens a portal.
    fn open(provider: &Arc<Provider>, place: &Place, tag: u16) -> Result<Arc<Self>, Refusal> {
        let dscp = provider.portals.lock().dscp_of(tag);
        let Place {
            address,
            interface,
            namespace,
        } = place;
        let listener = Listener::bind(namespace, *address, interface, dscp, BACKLOG);
        let door = Arc::new(
            Self {
                listener: listener.map_err(|error| refuse(place, error))?,
                namespace: namespace.clone(),
                tag,
                closed: Atomic::new(false),
                thread: SetOnce::new(),
            },
            GFP_KERNEL,
        )?;
        let (keeper, host) = (door.clone(), provider.clone());
        let thread = Thread::spawn(c"iscsit/accept", provider.module, move || {
            keeper.keep(&host);
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
    fn keep(self: &Arc<Self>, provider: &Arc<Provider>) {
        loop {
            let outcome = self
                .listener
                .accept()
                .and_then(|accepted| provider.welcome(accepted, self));
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
fn refuse(place: &Place, error: Error) -> Refusal {
    if error == EADDRINUSE {
        Refusal::new(error, format_args!("{place} is in use"))
    } else if error == EADDRNOTAVAIL {
        let address = place.address;
        Refusal::new(
            error,
            format_args!("{address} is no address of this machine"),
        )
    } else if error == ENODEV {
        let name = place.interface.name();
        Refusal::new(error, format_args!("there is no interface {name}"))
    } else {
        Refusal::new(error, format_args!("can't listen on {place}"))
    }
}

/// A portal as it is kept.
struct Record {
    address: SocketAddr,
    interface: Interface,
    /// `None` for the one that is there without being added, as long as it has not been opened.
    namespace: Option<ARef<Namespace>>,
    tag: u16,
    door: Option<Arc<Door>>,
}

impl Record {
    fn is_at(&self, place: &Place) -> bool {
        let here = self.namespace.as_ref();
        self.address == place.address
            && self.interface == place.interface
            && here.is_none_or(|here| *here == place.namespace)
    }

    /// Where to open it; in `namespace` unless it is to be in another.
    fn place(&self, namespace: &ARef<Namespace>) -> Place {
        Place {
            address: self.address,
            interface: self.interface,
            namespace: self.namespace.as_ref().unwrap_or(namespace).clone(),
        }
    }
}

/// A portal as it is listed.
pub(crate) struct Listed {
    pub(crate) portal: Portal,
    pub(crate) interface: Interface,
    pub(crate) is_open: bool,
}

/// A group of portals.
pub(crate) struct Group {
    pub(crate) name: CString,
    pub(crate) tag: u16,
    /// The differentiated services code point of its connections.
    pub(crate) dscp: u8,
}

/// The portals there are, and their groups.
pub(crate) struct Portals {
    list: KVec<Record>,
    groups: KVec<Group>,
    /// Counts changes.
    pub(crate) generation: u32,
}

impl Portals {
    /// The portals of a new provider: one for every address, in the default group.
    pub(crate) fn new() -> Result<Self> {
        let mut list = KVec::new();
        let everywhere = Record {
            address: SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), DEFAULT_PORT),
            interface: Interface::ANY,
            namespace: None,
            tag: DEFAULT_TPGT,
            door: None,
        };
        list.push(everywhere, GFP_KERNEL)?;
        Ok(Self {
            list,
            groups: KVec::new(),
            generation: 1,
        })
    }

    /// The portals of a namespace.
    pub(crate) fn iter<'a>(
        &'a self,
        namespace: &'a Namespace,
    ) -> impl Iterator<Item = Listed> + 'a {
        let here = move |record: &&Record| {
            let own = record.namespace.as_deref();
            own.is_none_or(|own| own == namespace)
        };
        self.list.iter().filter(here).map(|record| Listed {
            portal: Portal {
                address: record.address,
                group_tag: record.tag,
            },
            interface: record.interface,
            is_open: record.door.is_some(),
        })
    }

    /// The portals of a group that a namespace has, as text; an error when that gets too long to be told.
    pub(crate) fn text_of(
        &self,
        tag: u16,
        namespace: &ARef<Namespace>,
    ) -> Result<Text<PORTALS_MAX>, fmt::Error> {
        let mut text = Text::new();
        let members = self.iter(namespace);
        for member in members.filter(|member| member.portal.group_tag == tag) {
            let comma = if text.as_str().is_empty() { "" } else { "," };
            write!(text, "{comma}{}", member.portal.address)?;
            if !member.interface.name().is_empty() {
                write!(text, "@{}", member.interface.name())?;
            }
        }
        Ok(text)
    }

    /// Adds a portal, which is closed.
    ///
    /// # Errors
    ///
    /// `EEXIST` when it is there already, in whatever group; `ENOENT` when there is no such group;
    /// `E2BIG` when the group has too many.
    pub(crate) fn add(&mut self, place: &Place, tag: u16) -> Result<(), Refusal> {
        if self.list.iter().any(|record| record.is_at(place)) {
            return Err(Refusal::new(
                EEXIST,
                format_args!("there is a portal {place} already"),
            ));
        }
        if tag != DEFAULT_TPGT && !self.has_group(tag) {
            return Err(Refusal::new(
                ENOENT,
                format_args!("there is no target portal group with tag {tag}"),
            ));
        }
        let record = Record {
            address: place.address,
            interface: place.interface,
            namespace: Some(place.namespace.clone()),
            tag,
            door: None,
        };
        self.list.push(record, GFP_KERNEL)?;
        if tag != DEFAULT_TPGT && self.text_of(tag, &place.namespace).is_err() {
            self.list.pop();
            return Err(Refusal::new(
                E2BIG,
                format_args!("the target portal group has no room for {place}"),
            ));
        }
        self.touch();
        Ok(())
    }

    /// Removes a portal; gives its door, if it is open, to be closed.
    pub(crate) fn remove(&mut self, place: &Place) -> Option<Option<Arc<Door>>> {
        let at = self.list.iter().position(|record| record.is_at(place))?;
        let record = self.list.remove(at).ok()?;
        self.touch();
        Some(record.door)
    }

    /// A portal that is closed and is needed, as `is_needed` says of its group: where it is to be.
    pub(crate) fn first_closed(
        &self,
        namespace: &ARef<Namespace>,
        is_needed: impl Fn(u16) -> bool,
    ) -> Option<(Place, u16)> {
        let mut records = self.list.iter();
        let record = records.find(|record| record.door.is_none() && is_needed(record.tag))?;
        Some((record.place(namespace), record.tag))
    }

    /// Notes that a portal is open.
    fn set_open(&mut self, place: &Place, door: Arc<Door>) {
        let mut records = self.list.iter_mut();
        if let Some(record) = records.find(|record| record.is_at(place)) {
            record.namespace = Some(place.namespace.clone());
            record.door = Some(door);
        }
    }

    /// Takes the door of a portal that is open without being needed, to be closed.
    pub(crate) fn take_open(&mut self, is_needed: impl Fn(u16) -> bool) -> Option<Arc<Door>> {
        let unneeded = |record: &&mut Record| !is_needed(record.tag);
        let mut records = self.list.iter_mut().filter(unneeded);
        records.find_map(|record| record.door.take())
    }

    /// Where targets can be reached, as told to an initiator that came in at `local` by a portal:
    /// that address first, and for portals that stand for all addresses, that address.
    pub(crate) fn seen_from(&self, local: SocketAddr, door: &Door) -> Result<KVec<Portal>> {
        let mut seen = KVec::new();
        for listed in self.iter(&door.namespace) {
            let ip = match listed.portal.address.ip() {
                ip if ip.is_unspecified() => local.ip(),
                ip => ip,
            };
            let portal = Portal {
                address: SocketAddr::new(ip, listed.portal.address.port()),
                ..listed.portal
            };
            if portal.address == local && portal.group_tag == door.tag {
                seen.reserve(1, GFP_KERNEL)?;
                seen.insert_within_capacity(0, portal).map_err(|_| ENOMEM)?;
            } else {
                seen.push(portal, GFP_KERNEL)?;
            }
        }
        Ok(seen)
    }

    /// The groups that were made; the default one is always there.
    pub(crate) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(crate) fn has_group(&self, tag: u16) -> bool {
        self.groups.iter().any(|group| group.tag == tag)
    }

    /// The differentiated services code point of a group's connections.
    fn dscp_of(&self, tag: u16) -> u8 {
        let mut groups = self.groups.iter();
        groups
            .find(|group| group.tag == tag)
            .map_or(0, |group| group.dscp)
    }

    /// Makes a group. Its tag is the one that is asked for, which it had before; without one its name, if
    /// that is a number from 2 on, or else one that is free.
    pub(crate) fn add_group(
        &mut self,
        name: &str,
        tag: Option<u16>,
        dscp: u8,
    ) -> Result<u16, Refusal> {
        let taken = |tag: u16| self.has_group(tag);
        let has_name = |group: &Group| group.name.to_str() == Ok(name);
        if self.groups.iter().any(has_name) {
            return Err(Refusal::new(
                EEXIST,
                format_args!("there is a target portal group {name} already"),
            ));
        }
        let tag = match (tag, name.parse()) {
            (Some(tag), _) if tag > DEFAULT_TPGT && !taken(tag) => tag,
            (Some(tag), _) => {
                let text = format_args!("{tag} is the tag of another target portal group");
                return Err(Refusal::new(EBUSY, text).at(G::Tag as u16));
            }
            (None, Ok(tag)) if tag > DEFAULT_TPGT && !taken(tag) => tag,
            (None, Ok(_)) => {
                let text = format_args!("a number as name has to be a free tag from 2 to 65535");
                return Err(Refusal::new(EINVAL, text));
            }
            // Those that are no numbers begin where nobody begins to count.
            (None, Err(_)) => (256..=u16::MAX)
                .find(|tag| !taken(*tag))
                .ok_or_else(|| Refusal::new(ENOSPC, format_args!("no tag is left")))?,
        };
        let group = Group {
            name: CString::try_from_fmt(fmt!("{}", name))?,
            tag,
            dscp,
        };
        self.groups.push(group, GFP_KERNEL)?;
        self.touch();
        Ok(tag)
    }

    /// Removes a group, and gives the places of its portals, which are to be removed too.
    pub(crate) fn remove_group(&mut self, tag: u16) {
        self.groups.retain(|group| group.tag != tag);
        self.touch();
    }

    /// Takes a portal out of a group; gives its door, if it is open, to be closed.
    pub(crate) fn remove_one_of(&mut self, tag: u16) -> Option<Option<Arc<Door>>> {
        let at = self.list.iter().position(|record| record.tag == tag)?;
        Some(self.list.remove(at).ok()?.door)
    }

    fn touch(&mut self) {
        self.generation = self.generation.wrapping_add(1).max(1);
    }
}

impl Provider {
    /// Opens the portals that are needed and closed. All of them, or none.
    pub(crate) fn open_portals(
        self: &Arc<Self>,
        namespace: &ARef<Namespace>,
    ) -> Result<(), Refusal> {
        let needed = self.groups_in_use()?;
        let is_needed = |tag| needed.contains(&tag);
        loop {
            let closed = self.portals.lock().first_closed(namespace, is_needed);
            let Some((place, tag)) = closed else {
                return Ok(());
            };
            let door = Door::open(self, &place, tag)?;
            self.portals.lock().set_open(&place, door);
        }
    }

    /// Closes the portals that are not needed. Without targets there is nothing to be reached, and
    /// everyone is sent away, so that the module can be unloaded.
    pub(crate) fn close_portals(&self) {
        // Short of memory they stay open until the next time.
        let Ok(needed) = self.groups_in_use() else {
            return;
        };
        loop {
            let door = self.portals.lock().take_open(|tag| needed.contains(&tag));
            match door {
                Some(door) => door.close(),
                None => break,
            }
        }
        if needed.is_empty() {
            self.send_visitors_away();
        }
    }

    /// The tags of the groups of all targets, each as often as there are targets in it.
    pub(crate) fn groups_in_use(&self) -> Result<KVec<u16>> {
        let mut needed = KVec::new();
        for target in self.targets.lock().by_name.values() {
            needed.extend_from_slice(target.config().groups.tags(), GFP_KERNEL)?;
        }
        Ok(needed)
    }

    /// Adds a portal, and opens it if there are targets to be reached.
    pub(crate) fn add_portal(self: &Arc<Self>, place: &Place, tag: u16) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        self.add_portals(core::slice::from_ref(place), tag)
    }

    /// Adds portals, all or none.
    fn add_portals(self: &Arc<Self>, places: &[Place], tag: u16) -> Result<(), Refusal> {
        for (count, place) in places.iter().enumerate() {
            if let Err(refusal) = self.add_one(place, tag) {
                for added in places.iter().take(count) {
                    self.remove_one(added);
                }
                return Err(refusal);
            }
        }
        Ok(())
    }

    fn add_one(self: &Arc<Self>, place: &Place, tag: u16) -> Result<(), Refusal> {
        // Nothing may fail once it is open: somebody would have to close it.
        let is_needed = self.groups_in_use()?.contains(&tag);
        self.portals.lock().add(place, tag)?;
        // That it can be opened is to be shown, whether it is needed or not.
        let opened = Door::open(self, place, tag).map(|door| match is_needed {
            true => self.portals.lock().set_open(place, door),
            false => door.close(),
        });
        if opened.is_err() {
            self.portals.lock().remove(place);
        }
        opened
    }

    fn remove_one(&self, place: &Place) -> bool {
        let removed = self.portals.lock().remove(place);
        if let Some(Some(door)) = &removed {
            door.close();
        }
        removed.is_some()
    }

    /// Closes a portal and removes it. The sessions that came in by it go on.
    pub(crate) fn remove_portal(&self, place: &Place) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        match self.remove_one(place) {
            true => Ok(()),
            false => Err(Refusal::new(
                ENOENT,
                format_args!("there is no portal {place}"),
            )),
        }
    }

    /// Makes a group with portals, all or none.
    pub(crate) fn create_group(
        self: &Arc<Self>,
        name: &str,
        tag: Option<u16>,
        dscp: u8,
        places: &[Place],
    ) -> Result<u16, Refusal> {
        let _admin = self.admin.lock();
        let tag = self.portals.lock().add_group(name, tag, dscp)?;
        if let Err(refusal) = self.add_portals(places, tag) {
            self.portals.lock().remove_group(tag);
            return Err(refusal);
        }
        Ok(tag)
    }

    /// Deletes a group and its portals. Sessions that came in by them go on.
    pub(crate) fn delete_group(
        self: &Arc<Self>,
        name: &str,
        force: bool,
        namespace: &ARef<Namespace>,
    ) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        let tag = self.tag_of(name)?;
        let in_use = self.groups_in_use()?;
        let users = in_use.iter().filter(|used| **used == tag).count();
        if users > 0 && !force {
            return Err(Refusal::new(
                EBUSY,
                format_args!("{users} targets are in the target portal group"),
            ));
        }
        // All that can fail comes first, and is taken back then.
        let left = self.leave_group(tag)?;
        if let Err(refusal) = self.open_portals(namespace) {
            self.put_back(left);
            return Err(refusal);
        }
        loop {
            let removed = self.portals.lock().remove_one_of(tag);
            match removed {
                Some(Some(door)) => door.close(),
                Some(None) => {}
                None => break,
            }
        }
        self.portals.lock().remove_group(tag);
        Ok(())
    }

    /// The tag of a group.
    pub(crate) fn tag_of(&self, name: &str) -> Result<u16, Refusal> {
        let portals = self.portals.lock();
        let mut groups = portals.groups().iter();
        let group = groups.find(|group| group.name.to_str() == Ok(name));
        let missing = || Refusal::new(ENOENT, format_args!("no target portal group {name}"));
        Ok(group.ok_or_else(missing)?.tag)
    }
}

/// Reads `ADDRESS:PORT` or `ADDRESS`, with `@INTERFACE` behind or not.
pub(crate) fn parse(text: &str, namespace: &ARef<Namespace>) -> Result<Place, Refusal> {
    let (address, interface) = text.split_once('@').unwrap_or((text, ""));
    let bad = || Refusal::new(EINVAL, format_args!("{text} is no ADDRESS:PORT"));
    let ip = address
        .strip_prefix('[')
        .and_then(|ip| ip.strip_suffix(']'));
    let address = match (
        address.parse::<SocketAddr>(),
        ip.unwrap_or(address).parse::<IpAddr>(),
    ) {
        (Ok(address), _) if address.port() > 0 => address,
        (_, Ok(ip)) => SocketAddr::new(ip, DEFAULT_PORT),
        _ => return Err(bad()),
    };
    Ok(Place {
        address: SocketAddr::new(address.ip().to_canonical(), address.port()),
        interface: Interface::new(interface).ok_or_else(bad)?,
        namespace: namespace.clone(),
    })
}
