// SPDX-License-Identifier: GPL-2.0

//! Sessions: who is logged in to a target.

use crate::{
    connection::Link,
    counters::{Counted, Totals},
    joint::Joint, //
};
use core::{
    cmp::Ordering,
    net::SocketAddr, //
};
use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex},
    time::{Delta, Nsec}, //
};
use stmf::nexus::{NexusRegistration, Units};
use stmf_iscsi_proto::{
    login::{Existing, Place},
    names::IscsiName,
    params::{Negotiated, SessionParams},
    response::LoginStatus,
    types::{Cid, Isid, Tsih}, //
};

/// What makes a session of a target different from its others (RFC 7143 4.4.3.1).
#[derive(Clone, Copy)]
pub(crate) struct SessionKey {
    pub(crate) initiator: IscsiName,
    pub(crate) isid: Isid,
    /// The portal group that it came in by.
    pub(crate) tag: u16,
}

impl Ord for SessionKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let names = || self.initiator.as_str().cmp(other.initiator.as_str());
        (self.isid, self.tag)
            .cmp(&(other.isid, other.tag))
            .then_with(names)
    }
}

impl PartialOrd for SessionKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SessionKey {}

/// A session as its target knows it: its connections.
#[pin_data]
pub(crate) struct Session {
    pub(crate) tsih: Tsih,
    /// What its first connection negotiated for all.
    pub(crate) params: SessionParams,
    /// What its connections share, if it may have several.
    pub(crate) joint: Option<Arc<Joint>>,
    /// When it began, in seconds since 1970.
    pub(crate) since: i64,
    #[pin]
    members: Mutex<Members>,
}

struct Members {
    list: KVec<Member>,
    /// Connections whose places others have taken, until they are gone. Whoever has the place of one
    /// waits for that, and gives it back if it takes too long.
    replaced: KVec<Member>,
    /// What was counted of the connections that are gone.
    past: Totals,
    /// The I_T nexus, from when it is made until the last connection has left.
    nexus: Option<Arc<NexusRegistration>>,
    /// Nobody may join any more.
    closed: bool,
    /// How many have joined after the first.
    joined: u8,
}

/// A connection of a session.
struct Member {
    link: Arc<Link>,
    facts: Arc<Facts>,
    /// It has logged out, and is there only until that is said.
    leaving: bool,
}

/// What there is to know of a connection, for administrators.
pub(crate) struct Facts {
    pub(crate) cid: Cid,
    /// The address of the initiator, and that at which it reached us.
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// What was negotiated.
    pub(crate) params: Negotiated,
    /// When it logged in, in seconds since 1970.
    pub(crate) since: i64,
    pub(crate) counted: Arc<Counted>,
}

/// What a connection finds that has joined a session.
pub(crate) struct Joined {
    pub(crate) nexus: Arc<NexusRegistration>,
    /// The connections whose place it has taken, and which it is to end (RFC 7143 6.3.4): one, and
    /// those which that one waits for.
    pub(crate) old: KVec<Arc<Link>>,
    /// Another number than that of the last one which joined, or of the first.
    pub(crate) number: u8,
}

impl Members {
    /// Puts a connection in the place of the one with the same identifier; gives those that have to
    /// go.
    fn replace(&mut self, cid: Cid, new: Member) -> Result<KVec<Arc<Link>>, AllocError> {
        self.replaced.reserve(1, GFP_KERNEL)?;
        let mut links = KVec::new();
        for member in self.all().filter(|member| member.facts.cid == cid) {
            links.push(member.link.clone(), GFP_KERNEL)?;
        }
        let mut list = self.list.iter_mut();
        if let Some(place) = list.find(|member| member.facts.cid == cid) {
            let old = core::mem::replace(place, new);
            self.replaced.push(old, GFP_KERNEL)?;
        }
        Ok(links)
    }

    /// Takes out a connection that is gone, but for what it has counted. One whose place it had taken
    /// and that is still there has it again.
    fn remove(&mut self, link: &Arc<Link>) {
        let (past, mut gone) = (&mut self.past, None);
        let mut stays = |member: &mut Member| {
            let is_it = Arc::ptr_eq(&member.link, link);
            if is_it {
                past.add(&member.facts.counted);
                gone = Some(member.facts.cid);
            }
            !is_it
        };
        self.replaced.retain(&mut stays);
        self.list.retain(&mut stays);
        let Some(cid) = gone.filter(|cid| !self.has(*cid)) else {
            return;
        };
        let mut replaced = self.replaced.iter();
        let before = replaced.position(|member| member.facts.cid == cid);
        if let Some(before) = before.and_then(|at| self.replaced.remove(at).ok()) {
            // There is room: somebody has just left.
            let _ = self.list.push_within_capacity(before);
        }
    }

    /// The connections, with those that have lost their places.
    fn all(&self) -> impl Iterator<Item = &Member> {
        Iterator::chain(self.list.iter(), self.replaced.iter())
    }

    fn has(&self, cid: Cid) -> bool {
        self.list.iter().any(|member| member.facts.cid == cid)
    }

    /// The connections that have not logged out.
    fn staying(&self) -> impl Iterator<Item = &Member> {
        self.list.iter().filter(|member| !member.leaving)
    }
}

impl Session {
    /// A session with its first connection.
    pub(crate) fn new(
        tsih: Tsih,
        joint: Option<Arc<Joint>>,
        link: Arc<Link>,
        facts: Facts,
    ) -> Result<Arc<Self>> {
        let params = facts.params.session;
        let since = facts.since;
        let facts = Arc::new(facts, GFP_KERNEL)?;
        let mut list = KVec::new();
        let member = Member {
            link,
            facts,
            leaving: false,
        };
        list.push(member, GFP_KERNEL)?;
        let members = Members {
            list,
            replaced: KVec::new(),
            past: Totals::default(),
            nexus: None,
            closed: false,
            joined: 0,
        };
        Arc::pin_init(
            try_pin_init!(Self {
                tsih,
                params,
                joint,
                since,
                members <- new_mutex!(members, "Session::members"),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// What a login of a connection that finds this session has to know of it.
    pub(crate) fn existing(&self, cid: Cid) -> Existing {
        self.seen_by(cid, &self.members.lock())
    }

    fn seen_by(&self, cid: Cid, members: &Members) -> Existing {
        let most = usize::try_from(self.params.max_connections).unwrap_or(1);
        Existing {
            tsih: self.tsih,
            has_cid: members.has(cid),
            has_room: members.staying().count() < most,
        }
    }

    /// Takes in one more connection.
    ///
    /// # Errors
    ///
    /// When the session ends or has enough connections.
    pub(crate) fn join(
        &self,
        tsih: Tsih,
        link: Arc<Link>,
        mut facts: Facts,
    ) -> Result<Joined, LoginStatus> {
        let mut members = self.members.lock();
        let existing = (!members.closed).then(|| self.seen_by(facts.cid, &members));
        let place = Place::decide(tsih, existing)?;
        let nexus = members.nexus.clone().ok_or(LoginStatus::NoSuchSession)?;
        let cid = facts.cid;
        facts.params.session = self.params;
        let facts = Arc::new(facts, GFP_KERNEL).map_err(|_| LoginStatus::OutOfResources)?;
        let new = Member {
            link,
            facts,
            leaving: false,
        };
        let old = match place {
            Place::ConnectionReinstatement => members.replace(cid, new),
            _ => {
                let pushed = members.list.push(new, GFP_KERNEL);
                pushed.map(|()| KVec::new())
            }
        };
        let old = old.map_err(|AllocError| LoginStatus::OutOfResources)?;
        members.joined = members.joined.wrapping_add(1);
        Ok(Joined {
            nexus,
            old,
            number: members.joined,
        })
    }

    /// The I_T nexus of the session is there.
    pub(crate) fn set_nexus(&self, nexus: Arc<NexusRegistration>) {
        self.members.lock().nexus = Some(nexus);
    }

    /// Whether its initiator sees one of these logical units.
    pub(crate) fn sees_any(&self, units: &Units) -> bool {
        // Looked at in its place: whoever had it beside would keep the nexus from ending with the session.
        let members = self.members.lock();
        let nexus = members.nexus.as_ref();
        nexus.is_some_and(|nexus| nexus.sees_any(units))
    }

    /// A connection is gone, and with the last one the I_T nexus; says whether it was that. What the
    /// nexus has told it and it has not passed on, another one does. Sleeps.
    pub(crate) fn remove(&self, link: &Arc<Link>) -> bool {
        let mut members = self.members.lock();
        let is_last = members.all().all(|member| Arc::ptr_eq(&member.link, link));
        if is_last {
            members.closed = true;
            let nexus = members.nexus.take();
            drop(members);
            drop(nexus);
            members = self.members.lock();
        }
        // Only now, so that who takes its place waits until the nexus is gone.
        members.remove(link);
        if let (false, Some(heir)) = (is_last, members.list.first()) {
            let nexus = members.nexus.as_ref();
            // Without memory for it the session is not told of changes any more, but sees them.
            if nexus.is_some_and(|nexus| nexus.watch(heir.link.clone()).is_ok()) {
                heir.link.inherit(link);
            }
        }
        is_last
    }

    /// Whether all connections are gone, and the I_T nexus with them.
    pub(crate) fn is_over(&self) -> bool {
        self.members.lock().all().next().is_none()
    }

    /// A connection logs out; says whether no other stays.
    pub(crate) fn begin_leaving(&self, link: &Arc<Link>) -> bool {
        let mut members = self.members.lock();
        let mut list = members.list.iter_mut();
        if let Some(member) = list.find(|member| Arc::ptr_eq(&member.link, link)) {
            member.leaving = true;
        }
        let is_last = members.staying().next().is_none();
        members.closed |= is_last;
        is_last
    }

    /// Lets nobody join any more.
    pub(crate) fn close(&self) {
        self.members.lock().closed = true;
    }

    /// The connection with that identifier, unless it has logged out.
    pub(crate) fn connection(&self, cid: Cid) -> Option<Arc<Link>> {
        let members = self.members.lock();
        let mut staying = members.staying();
        let member = staying.find(|member| member.facts.cid == cid)?;
        Some(member.link.clone())
    }

    /// Shows every connection but `own` to `visit`, which must not sleep for long.
    pub(crate) fn for_each_but(&self, own: Option<&Arc<Link>>, mut visit: impl FnMut(&Arc<Link>)) {
        let is_own = |link| own.is_some_and(|own| Arc::ptr_eq(own, link));
        for member in self.members.lock().all() {
            if !is_own(&member.link) {
                visit(&member.link);
            }
        }
    }

    /// The connections but `own` that there are at the moment.
    pub(crate) fn links_but(&self, own: Option<&Arc<Link>>) -> Result<KVec<Arc<Link>>> {
        let mut links = KVec::new();
        let mut added = Ok(());
        self.for_each_but(own, |link| {
            added = added.and_then(|()| links.push(link.clone(), GFP_KERNEL));
        });
        added?;
        Ok(links)
    }

    /// Adds the connections but `own` that the initiator has closed.
    pub(crate) fn add_lost(&self, own: &Arc<Link>, lost: &mut KVec<Arc<Link>>) -> Result {
        let mut added = Ok(());
        self.for_each_but(Some(own), |link| {
            if link.is_lost() && added.is_ok() {
                added = lost.push(link.clone(), GFP_KERNEL);
            }
        });
        Ok(added?)
    }

    /// What there is to know of each connection.
    pub(crate) fn facts(&self) -> Result<KVec<Arc<Facts>>> {
        let mut facts = KVec::new();
        for member in &self.members.lock().list {
            facts.push(member.facts.clone(), GFP_KERNEL)?;
        }
        Ok(facts)
    }

    /// What was counted of all connections that it has and had.
    pub(crate) fn totals(&self) -> Totals {
        let members = self.members.lock();
        let mut totals = members.past;
        members
            .all()
            .for_each(|member| totals.add(&member.facts.counted));
        totals
    }

    /// Tells every connection but `own` to end, at once.
    pub(crate) fn stop_but(&self, own: Option<&Arc<Link>>) {
        self.for_each_but(own, |link| link.stop());
    }

    /// Ends every connection but `own`, which waits for that, `limit` at most; says whether they are
    /// gone. Nobody joins any more.
    pub(crate) fn end_but(&self, own: &Arc<Link>, limit: Delta<Nsec>) -> bool {
        self.close();
        let links = self.links_but(Some(own));
        self.stop_but(Some(own));
        // Without memory for a list of them they end, but nobody knows when.
        links.is_ok_and(|links| links.is_empty() || own.await_all(&links, limit))
    }
}
