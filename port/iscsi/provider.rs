// SPDX-License-Identifier: GPL-2.0

//! All there is: the targets, the portals, and who has come but isn't in a session.

use crate::{
    connection::{self, Link, SECOND},
    portal::{Door, Portals},
    settings::{Credentials, Initiator, Settings},
    target::{Config, NewTarget, Target}, //
};
use core::cmp::Ordering;
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::{aref::ARef, Arc, Mutex},
    time::{Delta, Nsec}, //
};
use stmf::port::TargetRegistration;
use stmf_iscsi_proto::{
    names::IscsiName,
    params::{Limits, DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH}, //
};
use stmf_kernel::{
    genl::Refusal,
    module::ModuleCell,
    net::{Accepted, Namespace}, //
};
use stmf_uapi::iscsi::{AuthMethod, Target as T, DEFAULT_TPGT};

/// What `stmfadm` calls us.
pub(crate) const NAME: &str = "iscsit";

/// The loaded provider.
pub(crate) static PROVIDER: ModuleCell<Provider> = ModuleCell::empty();

/// The most connections that are not in a session with a target. One more, and the oldest has to
/// leave: whoever comes and does nothing doesn't keep the others out.
const MAX_VISITORS: usize = 256;

/// The most of them from one place. One more, and the oldest from there has to leave: whoever
/// fills the house does so at his own expense.
const MAX_VISITORS_EACH: usize = 64;

/// After how many seconds of silence an initiator is asked whether it is there, unless an
/// administrator says otherwise.
const DEFAULT_NOP_IN_INTERVAL: u32 = 15;

/// How long somebody waits for connections to end, which normally takes milliseconds.
const END_LIMIT: Delta<Nsec> = Delta::from_secs(5);

/// A name as a key. Names are normalised, so equal names have equal bytes.
#[derive(Clone, Copy)]
pub(crate) struct Name(pub(crate) IscsiName);

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Name {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Name {}

/// The provider.
#[pin_data]
pub(crate) struct Provider {
    pub(crate) module: &'static ThisModule,
    /// Orders what administrators do. Held across waits.
    #[pin]
    pub(crate) admin: Mutex<()>,
    #[pin]
    pub(crate) targets: Mutex<Targets>,
    #[pin]
    pub(crate) portals: Mutex<Portals>,
    /// What holds for targets that have nothing of their own, and for discovery.
    #[pin]
    defaults: Mutex<Arc<Settings>>,
    #[pin]
    pub(crate) initiators: Mutex<Initiators>,
    /// Connections that log in, or are there to discover; the oldest first.
    #[pin]
    visitors: Mutex<KVec<Arc<Link>>>,
}

/// The targets there are.
pub(crate) struct Targets {
    pub(crate) by_name: RBTree<Name, Arc<Target>>,
    /// Counts changes.
    pub(crate) generation: u32,
}

/// The initiators that are known.
pub(crate) struct Initiators {
    pub(crate) by_name: RBTree<Name, Arc<Initiator>>,
    /// Counts changes.
    pub(crate) generation: u32,
}

impl Initiators {
    /// Enters one, or changes it.
    pub(crate) fn set(&mut self, initiator: Initiator) -> Result {
        let name = initiator.name;
        let initiator = Arc::new(initiator, GFP_KERNEL)?;
        self.by_name
            .try_create_and_insert(name, initiator, GFP_KERNEL)?;
        self.generation = self.generation.wrapping_add(1).max(1);
        Ok(())
    }

    /// Forgets one; says whether it was there.
    pub(crate) fn remove(&mut self, name: &IscsiName) -> bool {
        self.generation = self.generation.wrapping_add(1).max(1);
        self.by_name.remove(&Name(*name)).is_some()
    }
}

impl Provider {
    /// Makes a provider without targets.
    pub(crate) fn new(module: &'static ThisModule) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                module,
                admin <- new_mutex!((), "Provider::admin"),
                targets <- new_mutex!(
                    Targets {
                        by_name: RBTree::new(),
                        generation: 1,
                    },
                    "Provider::targets"
                ),
                portals <- new_mutex!(Portals::new()?, "Provider::portals"),
                defaults <- new_mutex!(
                    Arc::new(Settings::new(), GFP_KERNEL)?,
                    "Provider::defaults"
                ),
                initiators <- new_mutex!(
                    Initiators {
                        by_name: RBTree::new(),
                        generation: 1,
                    },
                    "Provider::initiators"
                ),
                visitors <- new_mutex!(KVec::new(), "Provider::visitors"),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// The target of that name.
    pub(crate) fn target(&self, name: &IscsiName) -> Option<Arc<Target>> {
        self.targets.lock().by_name.get(&Name(*name)).cloned()
    }

    /// Creates a target and brings it online, unless it is wanted offline. With the first one the portals
    /// open, in `namespace` unless they are to be in another.
    pub(crate) fn create_target(
        self: &Arc<Self>,
        new: NewTarget,
        namespace: &ARef<Namespace>,
    ) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        self.check_groups(&new.config)?;
        let target = Target::register(new, self.module).map_err(TargetRegistration::refusal)?;
        let added = self.targets.lock().add(target.clone());
        let outcome = added
            .map_err(Refusal::from)
            .and_then(|()| self.open_portals(namespace))
            .and_then(|()| Ok(target.go_online()?));
        if outcome.is_err() {
            self.targets.lock().remove(&target);
            target.unregister();
            self.close_portals();
        }
        outcome
    }

    /// Takes a target offline, which ends its sessions, and deletes it. The last one closes the
    /// portals.
    pub(crate) fn delete_target(&self, name: &IscsiName, force: bool) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        let target = self.known_target(name)?;
        let sessions = target.sessions();
        if !force && sessions > 0 {
            return Err(Refusal::new(
                EBUSY,
                format_args!("the target has {sessions} sessions"),
            ));
        }
        if !force && target.is_online() {
            return Err(Refusal::new(EBUSY, format_args!("the target is online")));
        }
        target.retire().map_err(|error| {
            Refusal::new(error, format_args!("the target is changing its state"))
        })?;
        let sessions = target.sessions();
        if sessions > 0 {
            target.keep();
            return Err(Refusal::new(
                EBUSY,
                format_args!("{sessions} sessions have not ended yet, try again"),
            ));
        }
        self.targets.lock().remove(&target);
        target.unregister();
        self.close_portals();
        Ok(())
    }

    /// Changes what holds for a target. Sessions go on as they are.
    pub(crate) fn modify_target(
        self: &Arc<Self>,
        name: &IscsiName,
        namespace: &ARef<Namespace>,
        change: impl FnOnce(&mut Config) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        let target = self.known_target(name)?;
        let mut config = Config::clone(&target.config());
        change(&mut config)?;
        self.check_groups(&config)?;
        let old = target.set_config(Arc::new(config, GFP_KERNEL)?);
        let opened = self.open_portals(namespace);
        if opened.is_err() {
            target.set_config(old);
        }
        self.targets.lock().touch();
        self.close_portals();
        opened
    }

    fn check_groups(&self, config: &Config) -> Result<(), Refusal> {
        let portals = self.portals.lock();
        let known = |tag: &u16| *tag == DEFAULT_TPGT || portals.has_group(*tag);
        match config.groups.tags().iter().find(|tag| !known(tag)) {
            None => Ok(()),
            Some(tag) => Err(Refusal::new(
                ENOENT,
                format_args!("there is no target portal group with tag {tag}"),
            )
            .at(T::Tpgs as u16)),
        }
    }

    /// Takes all targets out of a group, or none. Gives those that were in it, and what held for them.
    pub(crate) fn leave_group(&self, tag: u16) -> Result<KVec<(Arc<Target>, Arc<Config>)>> {
        let mut changes = KVec::new();
        let mut targets = self.targets.lock();
        for target in targets.by_name.values() {
            let config = target.config();
            if config.groups.contains(tag) {
                let mut config = Config::clone(&config);
                config.groups = config.groups.without(tag);
                let config = Arc::new(config, GFP_KERNEL)?;
                changes.push((target.clone(), config), GFP_KERNEL)?;
            }
        }
        for (target, config) in &mut changes {
            *config = target.set_config(config.clone());
        }
        targets.touch();
        Ok(changes)
    }

    /// What held for targets holds again.
    pub(crate) fn put_back(&self, before: KVec<(Arc<Target>, Arc<Config>)>) {
        for (target, config) in before {
            target.set_config(config);
        }
        self.targets.lock().touch();
        self.close_portals();
    }

    pub(crate) fn known_target(&self, name: &IscsiName) -> Result<Arc<Target>, Refusal> {
        let unknown = || Refusal::new(ENOENT, format_args!("no target {name}")).at(T::Name as u16);
        self.target(name).ok_or_else(unknown)
    }

    /// The defaults of all targets.
    pub(crate) fn defaults(&self) -> Arc<Settings> {
        self.defaults.lock().clone()
    }

    /// Changes the defaults.
    pub(crate) fn modify_defaults(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        let mut defaults = Settings::clone(&self.defaults());
        change(&mut defaults)?;
        *self.defaults.lock() = Arc::new(defaults, GFP_KERNEL)?;
        Ok(())
    }

    /// The initiator of that name, if it is known.
    pub(crate) fn initiator(&self, name: &IscsiName) -> Option<Arc<Initiator>> {
        self.initiators.lock().by_name.get(&Name(*name)).cloned()
    }

    /// Whether an initiator that is known, whichever, proves who it is by the secret in these credentials.
    pub(crate) fn is_initiators_secret(&self, own: &Credentials) -> bool {
        let initiators = self.initiators.lock();
        let mut known = initiators.by_name.values();
        known.any(|initiator| own.shares_secret_with(&initiator.credentials))
    }

    /// Whether initiators have to prove to a target who they are; without a target, to us.
    pub(crate) fn authenticates(&self, config: Option<&Config>) -> bool {
        let own = config.map_or(AuthMethod::Default, |config| config.settings.auth);
        let auth = match own {
            AuthMethod::Default => self.defaults().auth,
            auth => auth,
        };
        auth == AuthMethod::Chap
    }

    /// What initiators are offered by a target.
    pub(crate) fn limits(&self, config: Option<&Config>) -> Limits {
        let mut limits = Limits {
            // Sessions end with their connection, and tasks with their session.
            default_time2retain: 0,
            ..Limits::default()
        };
        self.defaults().apply(&mut limits);
        match config {
            Some(config) => config.settings.apply(&mut limits),
            // Who discovers has short texts, and perhaps hasn't said who it is: it gets no room for more.
            None => {
                let most = DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH;
                let length = &mut limits.max_recv_data_segment_length;
                *length = most.min(*length);
            }
        }
        limits
    }

    /// How long an initiator of a target may be silent before it is asked whether it is there, in
    /// nanoseconds.
    pub(crate) fn patience(&self, config: &Config) -> i64 {
        let set = config.settings.nop_in_interval();
        let seconds = set.or_else(|| self.defaults().nop_in_interval());
        let seconds = seconds.unwrap_or(DEFAULT_NOP_IN_INTERVAL);
        i64::from(seconds).saturating_mul(SECOND)
    }

    /// Starts to serve a connection that came in by a portal.
    pub(crate) fn welcome(self: &Arc<Self>, accepted: Accepted, door: &Arc<Door>) -> Result {
        let mut visitors = self.visitors.lock();
        visitors.reserve(1, GFP_KERNEL)?;
        let link = connection::start(self.clone(), accepted, door.clone())?;
        if let Some(place) = who_leaves(&visitors, &link) {
            if let Ok(oldest) = visitors.remove(place) {
                oldest.stop();
            }
        }
        Ok(visitors.push(link, GFP_KERNEL)?)
    }

    /// Ends the connections that are in no session.
    pub(crate) fn send_visitors_away(&self) {
        let visitors = core::mem::take(&mut *self.visitors.lock());
        end_all(&visitors);
    }

    /// A connection is in a session now, or gone.
    pub(crate) fn farewell(&self, link: &Arc<Link>) {
        self.visitors
            .lock()
            .retain(|visitor| !Arc::ptr_eq(visitor, link));
    }
}

impl Targets {
    fn touch(&mut self) {
        self.generation = self.generation.wrapping_add(1).max(1);
    }

    fn add(&mut self, target: Arc<Target>) -> Result {
        self.by_name
            .try_create_and_insert(Name(target.name), target, GFP_KERNEL)?;
        self.touch();
        Ok(())
    }

    fn remove(&mut self, target: &Target) {
        self.by_name.remove(&Name(target.name));
        self.touch();
    }
}

/// Who of the visitors has to leave when one more comes, if anyone.
fn who_leaves(visitors: &[Arc<Link>], new: &Link) -> Option<usize> {
    let is_neighbour = |visitor: &Arc<Link>| visitor.origin == new.origin;
    let neighbours = visitors.iter().filter(|visitor| is_neighbour(visitor));
    if neighbours.count() >= MAX_VISITORS_EACH {
        return visitors.iter().position(is_neighbour);
    }
    (visitors.len() >= MAX_VISITORS).then_some(0)
}

/// Ends connections, whose initiators may log out first, and waits for that, a few seconds at most
/// for all together. Says whether all have ended.
pub(crate) fn end_all(links: &[Arc<Link>]) -> bool {
    for link in links {
        link.leave();
    }
    connection::join_all(links, END_LIMIT)
}
