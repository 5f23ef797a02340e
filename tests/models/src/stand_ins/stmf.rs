// SPDX-License-Identifier: GPL-2.0

//! Stands in for `stmf`. What it knows of a target port is how many I_T nexuses there are.

use crate::workqueue::OwnedQueue;
use loom::sync::atomic::{AtomicU64, Ordering::Relaxed};

loom::lazy_static! {
    static ref QUEUE: OwnedQueue = OwnedQueue::new();
    static ref RESERVED: AtomicU64 = AtomicU64::new(0);
}

/// The module's work queue.
pub static LATE: Late = Late;

/// It is there as long as a model runs.
pub struct Late;

impl Late {
    /// The queue.
    pub fn get(&self) -> Option<&'static OwnedQueue> {
        Some(&QUEUE)
    }
}

/// The memory of all sessions: as much as they want.
pub mod memory {
    use super::{Relaxed, RESERVED};

    /// There is more.
    pub fn reserve(bytes: u64) -> bool {
        RESERVED.fetch_add(bytes, Relaxed);
        true
    }

    /// They don't want it any more.
    pub fn give_back(bytes: u64) {
        RESERVED.fetch_sub(bytes, Relaxed);
    }

    /// What they have.
    pub fn reserved() -> u64 {
        RESERVED.load(Relaxed)
    }
}

/// Logical units.
pub mod lu {
    use crate::{
        order::Order,
        prelude::*,
        sync::{atomic::Atomic, Arc}, //
    };

    /// A logical unit.
    pub struct LuEntry {
        /// Its number.
        pub id: u64,
        /// Whether it may have orphans.
        pub has_orphans: Atomic<bool>,
        /// The order of its commands.
        pub(crate) order: Arc<Order>,
    }

    impl LuEntry {
        #[allow(missing_docs, reason = "it is the only one")]
        pub fn new() -> Result<Self> {
            let id = 7;
            Ok(Self {
                id,
                has_orphans: Atomic::new(false),
                order: Order::new(id)?,
            })
        }
    }
}

/// Commands, which their port and their device know better.
pub mod task {
    use crate::{
        nexus::Nexus,
        queue::Token,
        sync::Arc,
        taskset::Slot, //
    };
    use std::rc::Rc;
    use stmf_scsi::Sense;

    /// Who has a command before and after it waits.
    pub trait Holder {
        /// It is to be carried out.
        fn execute(self: Rc<Self>, task: Incoming);
        /// It is to end without that.
        fn fail(self: Rc<Self>, task: Incoming);
    }

    /// A command.
    pub struct TaskBody {
        pub(crate) nexus: Arc<Nexus>,
        pub(crate) place: Slot,
        pub(crate) tag: u64,
        pub(crate) holder: Rc<dyn Holder>,
    }

    /// A command that isn't carried out yet.
    pub struct Incoming(Token<TaskBody>);

    impl Incoming {
        #[allow(missing_docs, reason = "it is a new one")]
        pub fn new(body: TaskBody) -> Self {
            Self(Token(body))
        }

        /// It, and whose it is.
        pub fn body(&self) -> &TaskBody {
            &self.0 .0
        }

        pub(crate) fn place(&self) -> (Arc<Nexus>, Slot) {
            (self.body().nexus.clone(), self.body().place)
        }

        /// Hands it to its logical unit.
        pub fn execute(self) {
            self.body().holder.clone().execute(self);
        }

        /// Ends it.
        pub fn fail(self, _: Sense) {
            self.body().holder.clone().fail(self);
        }
    }

    impl From<Incoming> for Token<TaskBody> {
        fn from(incoming: Incoming) -> Self {
            incoming.0
        }
    }

    impl From<Token<TaskBody>> for Incoming {
        fn from(token: Token<TaskBody>) -> Self {
            Self(token)
        }
    }
}

/// I_T nexuses.
pub mod nexus {
    use crate::{
        list::ListItem,
        prelude::*,
        taskset::TaskSet, //
    };
    use std::sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        Arc, //
    };

    /// A nexus, as the framework has it.
    pub struct Nexus {
        pub(crate) id: u64,
        pub(crate) tasks: TaskSet,
        listed: AtomicBool,
    }

    impl Nexus {
        #[allow(missing_docs, reason = "it is a new one")]
        pub fn new(id: u64) -> Result<Self> {
            Ok(Self {
                id,
                tasks: TaskSet::new(id).made()?,
                listed: AtomicBool::new(false),
            })
        }

        /// Its port isn't there.
        pub fn commands_given_up(&self) {}
    }

    impl ListItem for Nexus {
        fn listed(&self) -> &AtomicBool {
            &self.listed
        }
    }

    /// Who logs in.
    pub struct NexusDescription<'a>(pub &'a str);

    /// Logical units: there are none.
    pub struct Units;

    /// A nexus, as long as this is there.
    pub struct NexusRegistration(pub(super) Arc<AtomicUsize>);

    impl NexusRegistration {
        /// Has changes told to `watch`.
        pub fn watch<T>(&self, _: T) -> Result {
            Ok(())
        }

        /// Whether it sees one of them.
        pub fn sees_any(&self, _: &Units) -> bool {
            false
        }
    }

    impl Drop for NexusRegistration {
        fn drop(&mut self) {
            self.0.fetch_sub(1, SeqCst);
        }
    }
}

/// Target ports.
pub mod port {
    use super::nexus::{NexusDescription, NexusRegistration};
    use crate::prelude::{Result, ThisModule};
    use std::sync::{
        atomic::{AtomicUsize, Ordering::SeqCst},
        Arc, //
    };

    /// The protocol of a port.
    pub enum Protocol {
        #[allow(missing_docs, reason = "it is its own name")]
        Iscsi,
    }

    #[allow(missing_docs, reason = "models don't look at them")]
    pub struct TargetDescription<'a> {
        pub name: &'a str,
        pub alias: &'a str,
        pub provider: &'static str,
        pub protocol: Protocol,
        pub relative_id: Option<u16>,
        pub offline: bool,
    }

    /// What the framework calls.
    pub trait TargetPort {
        /// The port shall take logins.
        fn online(&self) -> Result;
        /// The port shall end its sessions.
        fn offline(&self) -> Result;
    }

    /// A registered port.
    pub struct TargetRegistration {
        nexuses: Arc<AtomicUsize>,
    }

    impl TargetRegistration {
        /// Registers a port.
        pub fn new<T>(_: &TargetDescription<'_>, _: T, _: &'static ThisModule) -> Result<Self> {
            let nexuses = Arc::default();
            Ok(Self { nexuses })
        }

        /// Another session. An initiator port has one nexus with a target port at a time.
        pub fn login(&self, _: &NexusDescription<'_>) -> Result<NexusRegistration> {
            let others = self.nexuses.fetch_add(1, SeqCst);
            assert_eq!(others, 0, "nexuses of the same initiator port");
            Ok(NexusRegistration(self.nexuses.clone()))
        }

        /// As an administrator brings it online; models ask the port itself.
        pub fn online(&self) -> Result {
            Ok(())
        }

        /// As an administrator deletes it.
        pub fn retire(&self) -> Result {
            Ok(())
        }

        /// It stays after all.
        pub fn keep(&self) {}

        /// The relative target port identifier.
        pub fn relative_id(&self) -> u16 {
            1
        }

        #[allow(missing_docs, reason = "models have one")]
        pub fn set_portal_group(&self, _: u16) {}
    }
}
