// SPDX-License-Identifier: GPL-2.0

//! iSCSI targets.

use crate::{
    connection::Link,
    joint::Joint,
    last_call,
    provider,
    session::{Facts, Joined, Session, SessionKey},
    settings::{Groups, Redirect, Settings}, //
};
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::RBTree,
    str::CString,
    sync::{Arc, Mutex}, //
};
use stmf::{
    nexus::{NexusDescription, NexusRegistration, Units},
    port::{Protocol, TargetDescription, TargetPort, TargetRegistration}, //
};
use stmf_iscsi_proto::{
    login::Existing,
    names::IscsiName,
    response::LoginStatus,
    types::{Cid, Tsih}, //
};

/// The most sessions of a target.
const MAX_SESSIONS: u32 = 1024;

/// The most of them that are of one initiator, so that it leaves room for others. One has a session for
/// each path that it takes, and few have more than a dozen.
const MAX_SESSIONS_OF_ONE: usize = 256;

/// A target: what initiators log in to.
#[pin_data]
pub(crate) struct Target {
    pub(crate) name: IscsiName,
    #[pin]
    config: Mutex<Arc<Config>>,
    /// `None` before the target is registered and after it was deleted. The framework refers back
    /// to the target: `delete` breaks the circle.
    #[pin]
    registration: Mutex<Option<Arc<TargetRegistration>>>,
    #[pin]
    inner: Mutex<Inner>,
}

/// What an administrator has made of a target.
#[derive(Clone)]
pub(crate) struct Config {
    alias: Arc<CString>,
    /// The portal groups that it is reached by.
    pub(crate) groups: Groups,
    /// Where initiators are sent instead.
    pub(crate) redirect: Option<Redirect>,
    pub(crate) settings: Settings,
}

impl Config {
    pub(crate) fn new() -> Result<Self> {
        let mut config = Self {
            alias: Arc::new(CString::try_from_fmt(fmt!(""))?, GFP_KERNEL)?,
            groups: Groups::DEFAULT,
            redirect: None,
            settings: Settings::new(),
        };
        config.set_alias("")?;
        Ok(config)
    }

    /// The name for people; empty when there is none.
    pub(crate) fn alias(&self) -> &str {
        self.alias.to_str().unwrap_or("")
    }

    pub(crate) fn set_alias(&mut self, alias: &str) -> Result {
        self.alias = Arc::new(CString::try_from_fmt(fmt!("{}", alias))?, GFP_KERNEL)?;
        Ok(())
    }
}

/// A target that is to be made.
pub(crate) struct NewTarget {
    pub(crate) name: IscsiName,
    pub(crate) config: Config,
    /// The relative target port identifier that it had before, if it was there.
    pub(crate) relative_id: Option<u16>,
    /// Whether it is wanted offline, whatever the service says of new ones.
    pub(crate) offline: bool,
}

/// What a login finds that wants to be a new session.
pub(crate) enum Entered {
    /// It is one.
    New(Arc<Session>),
    /// The same initiator port has this one, which has to end first.
    Taken(Arc<Session>),
}

struct Inner {
    online: bool,
    sessions: RBTree<SessionKey, Arc<Session>>,
    count: u32,
    last_tsih: u16,
}

impl Target {
    /// Makes a target and registers it with the framework, offline.
    ///
    /// # Errors
    ///
    /// `EEXIST` when any provider has a target of that name, `EBUSY` when one has that relative target
    /// port identifier.
    pub(crate) fn register(new: NewTarget, module: &'static ThisModule) -> Result<Arc<Self>> {
        let name = new.name;
        let config = Arc::new(new.config, GFP_KERNEL)?;
        let shown = config.clone();
        let target = Arc::pin_init(
            try_pin_init!(Self {
                name,
                config <- new_mutex!(config, "Target::config"),
                registration <- new_mutex!(None, "Target::registration"),
                inner <- new_mutex!(
                    Inner {
                        online: false,
                        sessions: RBTree::new(),
                        count: 0,
                        last_tsih: 0,
                    },
                    "Target::inner"
                ),
            }? Error),
            GFP_KERNEL,
        )?;
        let description = TargetDescription {
            name: name.as_str(),
            alias: shown.alias(),
            provider: provider::NAME,
            protocol: Protocol::Iscsi,
            relative_id: new.relative_id,
            offline: new.offline,
        };
        let registration = TargetRegistration::new(&description, target.clone(), module)?;
        registration.set_portal_group(shown.groups.first());
        *target.registration.lock() = Some(Arc::new(registration, GFP_KERNEL)?);
        Ok(target)
    }

    /// What holds for it now.
    pub(crate) fn config(&self) -> Arc<Config> {
        self.config.lock().clone()
    }

    /// Changes what holds for it from now on; gives what held before.
    pub(crate) fn set_config(&self, config: Arc<Config>) -> Arc<Config> {
        if let Ok(registration) = self.registration() {
            registration.set_portal_group(config.groups.first());
        }
        core::mem::replace(&mut *self.config.lock(), config)
    }

    /// The sessions of this moment.
    pub(crate) fn all_sessions(&self) -> Result<KVec<(SessionKey, Arc<Session>)>> {
        let inner = self.inner.lock();
        let mut sessions = KVec::new();
        for (key, session) in inner.sessions.iter() {
            sessions.push((*key, session.clone()), GFP_KERNEL)?;
        }
        Ok(sessions)
    }

    /// Brings the target online, as `stmfadm online-target` does.
    pub(crate) fn go_online(&self) -> Result {
        self.registration()?.online()
    }

    /// Takes the target offline before it is deleted: nobody brings it online any more, unless it is kept.
    pub(crate) fn retire(&self) -> Result {
        self.registration()?.retire()
    }

    /// The target isn't deleted after all.
    pub(crate) fn keep(&self) {
        if let Ok(registration) = self.registration() {
            registration.keep();
        }
    }

    /// Takes no more sessions, ends those that there are, and waits for that, a few seconds at most.
    fn end_sessions(&self) {
        provider::end_all(&self.close());
    }

    /// Takes no more sessions, and gives the connections of those that there are, to be ended. May sleep for memory;
    /// without any they are told to end, and nobody can wait for it.
    pub(crate) fn close(&self) -> KVec<Arc<Link>> {
        self.inner.lock().online = false;
        self.links().unwrap_or_else(|_| {
            for session in self.inner.lock().sessions.values() {
                session.stop_but(None);
            }
            KVec::new()
        })
    }

    /// Tells the connections of all sessions that see one of these logical units to end, but one. Waits for
    /// nothing.
    pub(crate) fn stop_sessions_that_see(&self, units: &Units, own: &Arc<Link>) {
        for session in self.inner.lock().sessions.values() {
            if session.sees_any(units) {
                session.stop_but(Some(own));
            }
        }
    }

    /// Takes the target, which is offline, out of the framework.
    pub(crate) fn unregister(&self) {
        let registration = self.registration.lock().take();
        drop(registration);
    }

    /// Whether initiators may log in.
    pub(crate) fn is_online(&self) -> bool {
        self.inner.lock().online
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> u32 {
        self.inner.lock().count
    }

    /// Whether an initiator may log in now; if it has a session already, which.
    pub(crate) fn admits(
        &self,
        key: &SessionKey,
        cid: Cid,
    ) -> Result<Option<Existing>, LoginStatus> {
        let inner = self.inner.lock();
        inner.admits(key)?;
        let session = inner.sessions.get(key);
        Ok(session.map(|session| session.existing(cid)))
    }

    /// The connections of an initiator's sessions, but for its `own`, that it has closed, and that
    /// are about to end.
    pub(crate) fn lost_links(
        &self,
        initiator: &IscsiName,
        own: &Arc<Link>,
    ) -> Result<KVec<Arc<Link>>> {
        let inner = self.inner.lock();
        let mut links = KVec::new();
        for (key, session) in inner.sessions.iter() {
            if key.initiator.as_str() == initiator.as_str() {
                session.add_lost(own, &mut links)?;
            }
        }
        Ok(links)
    }

    /// Has a connection join the session with that key and handle, see [`Session::join`].
    pub(crate) fn join(
        &self,
        key: &SessionKey,
        tsih: Tsih,
        link: Arc<Link>,
        facts: Facts,
    ) -> Result<(Arc<Session>, Joined), LoginStatus> {
        // Held until it has joined: whoever ends the session finds it there, or keeps it out.
        let inner = self.inner.lock();
        inner.admits(key)?;
        let session = inner.sessions.get(key);
        let session = session.ok_or(LoginStatus::NoSuchSession)?;
        let joined = session.join(tsih, link, facts)?;
        Ok((session.clone(), joined))
    }

    /// What the connections share of the session with that key and handle.
    pub(crate) fn joint_of(&self, key: &SessionKey, tsih: Tsih) -> Option<Arc<Joint>> {
        let inner = self.inner.lock();
        let session = inner.sessions.get(key);
        session
            .filter(|session| session.tsih == tsih)?
            .joint
            .clone()
    }

    /// Enters a new session, unless there is still the one that it takes the place of: its
    /// connections the caller ends.
    pub(crate) fn enter(
        &self,
        key: SessionKey,
        joint: Option<Arc<Joint>>,
        link: Arc<Link>,
        facts: Facts,
    ) -> Result<Entered, LoginStatus> {
        let memory = |_| LoginStatus::OutOfResources;
        let mut inner = self.inner.lock();
        inner.admits(&key)?;
        let old = inner.sessions.get(&key);
        if let Some(old) = old.filter(|old| !old.is_over()) {
            return Ok(Entered::Taken(old.clone()));
        }
        // Sessions of the same initiator port take each other's place, so these need not differ
        // from the handles of other ports; only from that of the old session.
        inner.last_tsih = inner.last_tsih.wrapping_add(1).max(1);
        let tsih = Tsih(inner.last_tsih);
        let session = Session::new(tsih, joint, link, facts).map_err(memory)?;
        let old = inner
            .sessions
            .try_create_and_insert(key, session.clone(), GFP_KERNEL)
            .map_err(|_| LoginStatus::OutOfResources)?;
        // An old one has ended, and is about to leave.
        if old.is_none() {
            inner.count = inner.count.saturating_add(1);
        }
        drop(inner);
        drop(old);
        Ok(Entered::New(session))
    }

    /// Takes a session out, unless another has taken its place.
    pub(crate) fn leave(&self, key: &SessionKey, session: &Arc<Session>) {
        let mut inner = self.inner.lock();
        let current = inner.sessions.get(key);
        if current.is_some_and(|current| Arc::ptr_eq(current, session)) {
            let gone = inner.sessions.remove(key);
            inner.count = inner.count.saturating_sub(1);
            drop(inner);
            drop(gone);
        }
    }

    /// Registers an I_T nexus with the framework.
    pub(crate) fn register_nexus(
        &self,
        description: &NexusDescription<'_>,
    ) -> Result<NexusRegistration> {
        self.registration()?.login(description)
    }

    /// Its relative target port identifier, as long as it is registered.
    pub(crate) fn relative_id(&self) -> Result<u16> {
        Ok(self.registration()?.relative_id())
    }

    fn registration(&self) -> Result<Arc<TargetRegistration>> {
        self.registration.lock().clone().ok_or(ENODEV)
    }

    /// The connections of this moment.
    fn links(&self) -> Result<KVec<Arc<Link>>> {
        let inner = self.inner.lock();
        let mut links = KVec::new();
        for session in inner.sessions.values() {
            for link in session.links_but(None)? {
                links.push(link, GFP_KERNEL)?;
            }
        }
        Ok(links)
    }
}

impl Inner {
    fn admits(&self, key: &SessionKey) -> Result<(), LoginStatus> {
        if !self.online {
            return Err(LoginStatus::ServiceUnavailable);
        }
        let is_full = || self.count >= MAX_SESSIONS || self.count_of(key) >= MAX_SESSIONS_OF_ONE;
        if self.sessions.get(key).is_none() && is_full() {
            return Err(LoginStatus::OutOfResources);
        }
        Ok(())
    }

    /// How many sessions the same initiator has.
    fn count_of(&self, key: &SessionKey) -> usize {
        let name = key.initiator.as_str();
        let keys = self.sessions.keys();
        keys.filter(|key| key.initiator.as_str() == name).count()
    }
}

impl TargetPort for Target {
    fn online(&self) -> Result {
        let mut inner = self.inner.lock();
        if last_call::is_closed() {
            return Err(ENETDOWN);
        }
        inner.online = true;
        Ok(())
    }

    /// Ends all sessions. Waits for their connections to end, which don't wait for their commands;
    /// should one be held up in a device all the same, it ends later.
    fn offline(&self) -> Result {
        self.end_sessions();
        Ok(())
    }
}
