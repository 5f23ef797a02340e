// SPDX-License-Identifier: GPL-2.0

//! All there is: the targets, the portals, and who has come but isn't in a session.

use crate::{
    connection::{self, Link},
    portal::{Door, Portals},
    target::Target, //
};
use core::{cmp::Ordering, net::SocketAddr};
use kernel::{
    new_mutex,
    prelude::*,
    rbtree::RBTree,
    sync::{aref::ARef, Arc, Mutex},
    time::{Delta, Nsec}, //
};
use stmf::port::TargetPort;
use stmf_iscsi_proto::{
    discovery::Portal,
    names::IscsiName, //
};
use stmf_kernel::{
    clock,
    genl::Refusal,
    module::ModuleCell,
    net::{Accepted, Namespace}, //
};

/// What `stmfadm` calls us.
pub(crate) const NAME: &str = "iscsit";

/// The loaded provider.
pub(crate) static PROVIDER: ModuleCell<Provider> = ModuleCell::empty();

/// The most connections that are not in a session with a target. One more, and the oldest has to
/// leave: whoever comes and does nothing doesn't keep the others out.
const MAX_VISITORS: usize = 256;

/// How long somebody waits for connections to end, which normally takes milliseconds.
const END_LIMIT: Delta<Nsec> = Delta::from_secs(5);

/// A name as a key. Names are normalised, so equal names have equal bytes.
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
    admin: Mutex<()>,
    #[pin]
    pub(crate) targets: Mutex<Targets>,
    #[pin]
    pub(crate) portals: Mutex<Portals>,
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
                visitors <- new_mutex!(KVec::new(), "Provider::visitors"),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// The target of that name.
    pub(crate) fn target(&self, name: &IscsiName) -> Option<Arc<Target>> {
        self.targets.lock().by_name.get(&Name(*name)).cloned()
    }

    /// Creates a target and brings it online. With the first one the portals open, in `namespace`
    /// unless they are to be in another.
    pub(crate) fn create_target(
        self: &Arc<Self>,
        name: IscsiName,
        alias: &str,
        namespace: &ARef<Namespace>,
    ) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        let target = Target::register(name, alias, self.module).map_err(|error| {
            if error == EEXIST {
                Refusal::new(error, format_args!("there is a target of that name"))
            } else {
                Refusal::from(error)
            }
        })?;
        let outcome = self
            .open_portals(namespace)
            .and_then(|()| Ok(self.targets.lock().add(target.clone())?))
            .and_then(|()| Ok(target.go_online()?));
        if outcome.is_err() {
            self.targets.lock().remove(&target);
            target.unregister();
            self.close_if_unused();
        }
        outcome
    }

    /// Takes a target offline, which ends its sessions, and deletes it. The last one closes the
    /// portals.
    pub(crate) fn delete_target(&self, name: &IscsiName, force: bool) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        let target = self
            .target(name)
            .ok_or_else(|| Refusal::new(ENOENT, format_args!("no target {}", name.as_str())))?;
        let sessions = target.sessions();
        if !force && sessions > 0 {
            let text = format_args!("the target has {sessions} sessions");
            return Err(Refusal::new(EBUSY, text));
        }
        if !force && target.is_online() {
            return Err(Refusal::new(EBUSY, format_args!("the target is online")));
        }
        target.go_offline().map_err(|error| {
            Refusal::new(error, format_args!("the target is changing its state"))
        })?;
        let sessions = target.sessions();
        if sessions > 0 {
            let text = format_args!("{sessions} sessions have not ended yet, try again");
            return Err(Refusal::new(EBUSY, text));
        }
        self.targets.lock().remove(&target);
        target.unregister();
        // Had somebody brought it online again in between, there could be sessions.
        target.offline();
        self.close_if_unused();
        Ok(())
    }

    /// Adds a portal, and opens it if there are targets to be reached.
    pub(crate) fn add_portal(
        self: &Arc<Self>,
        portal: Portal,
        namespace: ARef<Namespace>,
    ) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        if self.portals.lock().find(portal.address).is_some() {
            return Err(Refusal::new(
                EEXIST,
                format_args!("there is that portal already"),
            ));
        }
        let door = Door::open(self, portal, &namespace)?;
        if self.targets.lock().is_empty() {
            // It can be opened, which is all there was to be shown.
            door.close();
            return Ok(self.portals.lock().add(portal, Some(namespace), None)?);
        }
        let added = self
            .portals
            .lock()
            .add(portal, Some(namespace), Some(door.clone()));
        if added.is_err() {
            door.close();
        }
        Ok(added?)
    }

    /// Closes a portal and removes it. The sessions that came in by it go on.
    pub(crate) fn remove_portal(&self, address: SocketAddr) -> Result<(), Refusal> {
        let _admin = self.admin.lock();
        let removed = self.portals.lock().remove(address);
        let door = removed.ok_or_else(|| Refusal::new(ENOENT, format_args!("no such portal")))?;
        if let Some(door) = door {
            door.close();
        }
        Ok(())
    }

    /// Opens the portals that are closed. All of them, or none.
    fn open_portals(self: &Arc<Self>, namespace: &ARef<Namespace>) -> Result<(), Refusal> {
        loop {
            let Some((portal, own)) = self.portals.lock().first_closed() else {
                return Ok(());
            };
            let door = Door::open(self, portal, &own.unwrap_or_else(|| namespace.clone()))?;
            self.portals.lock().set_open(portal.address, door);
        }
    }

    /// Without targets there is nothing to be reached: closes the portals and sends everyone away,
    /// so that the module can be unloaded.
    fn close_if_unused(&self) {
        if !self.targets.lock().is_empty() {
            return;
        }
        loop {
            let door = self.portals.lock().take_open();
            match door {
                Some(door) => door.close(),
                None => break,
            }
        }
        let visitors = core::mem::take(&mut *self.visitors.lock());
        end_all(&visitors);
    }

    /// Starts to serve a connection that came in by a portal of group `tag`.
    pub(crate) fn welcome(self: &Arc<Self>, accepted: Accepted, tag: u16) -> Result {
        let mut visitors = self.visitors.lock();
        visitors.reserve(1, GFP_KERNEL)?;
        if visitors.len() >= MAX_VISITORS {
            if let Ok(oldest) = visitors.remove(0) {
                oldest.stop();
            }
        }
        let link = connection::start(self.clone(), accepted, tag)?;
        Ok(visitors.push(link, GFP_KERNEL)?)
    }

    /// A connection is in a session now, or gone.
    pub(crate) fn farewell(&self, link: &Arc<Link>) {
        self.visitors
            .lock()
            .retain(|visitor| !Arc::ptr_eq(visitor, link));
    }
}

impl Targets {
    fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

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

/// Ends connections, and waits for that, a few seconds at most for all together.
pub(crate) fn end_all(links: &[Arc<Link>]) {
    for link in links {
        link.stop();
    }
    let start = clock::monotonic_ns();
    for link in links {
        let spent = clock::monotonic_ns().saturating_sub(start);
        let left = END_LIMIT.as_nanos().saturating_sub(spent);
        link.join(Delta::from_nanos(left.max(0)));
    }
}
