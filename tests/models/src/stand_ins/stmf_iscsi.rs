// SPDX-License-Identifier: GPL-2.0

//! Stands in for what the sessions of an iSCSI target use of the module `stmf_iscsi`.

/// Connections, of which models know whether they are to end, and whether they have.
pub mod connection {
    use crate::{
        sync::Arc,
        time::{Delta, Nsec}, //
    };
    use loom::sync::{Condvar, Mutex};

    /// Where a connection stands.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Stage {
        Up,
        Stopped,
        Gone,
    }

    /// What others have of a connection.
    pub struct Link {
        stage: Mutex<Stage>,
        changed: Condvar,
    }

    impl Link {
        #[allow(missing_docs, reason = "it is a new one")]
        pub fn new() -> Self {
            Self {
                stage: Mutex::new(Stage::Up),
                changed: Condvar::new(),
            }
        }

        fn advance(&self, stage: Stage) {
            let mut current = self.stage.lock().expect("no panic");
            *current = stage.max(*current);
            self.changed.notify_all();
        }

        fn wait_for(&self, stage: Stage) {
            let mut current = self.stage.lock().expect("no panic");
            while *current < stage {
                current = self.changed.wait(current).expect("no panic");
            }
        }

        /// Tells it to end.
        pub fn stop(&self) {
            self.advance(Stage::Stopped);
        }

        /// Tells it to have its initiator log out: in a model that does so at once.
        pub fn leave(&self) {
            self.stop();
        }

        /// Its thread waits until it is told to end.
        pub fn serve(&self) {
            self.wait_for(Stage::Stopped);
        }

        /// Its thread says that it is gone.
        pub fn is_gone(&self) {
            self.advance(Stage::Gone);
        }

        /// Waits until it is gone, as long as that takes: two that wait for each other are a deadlock.
        /// Without time says whether it is.
        pub fn join(&self, limit: Delta<Nsec>) -> bool {
            if !limit.is_over {
                self.wait_for(Stage::Gone);
            }
            *self.stage.lock().expect("no panic") == Stage::Gone
        }

        /// Whether its initiator has closed it.
        pub fn is_lost(&self) -> bool {
            false
        }

        /// Waits until all of them are gone.
        pub fn await_all(&self, links: &[Arc<Self>], limit: Delta<Nsec>) -> bool {
            join_all(links, limit)
        }

        /// Takes over what another was told.
        pub fn inherit(&self, _: &Self) {}
    }

    /// Waits until all of them are gone.
    pub fn join_all(links: &[Arc<Link>], limit: Delta<Nsec>) -> bool {
        links.iter().all(|link| link.join(limit))
    }
}

/// What is counted of connections: nothing.
#[allow(missing_docs, reason = "there is nothing to say")]
pub mod counters {
    pub struct Counted;

    #[derive(Clone, Copy, Default)]
    pub struct Totals;

    impl Totals {
        pub fn add(&mut self, _: &Counted) {}
    }
}

#[allow(missing_docs, reason = "models don't look at it")]
pub mod joint {
    pub struct Joint;
}

/// The provider.
pub mod provider {
    use super::connection::{join_all, Link};
    use crate::{sync::Arc, time::Delta};

    /// Its name.
    pub const NAME: &str = "iscsit";

    /// Ends connections and waits for that.
    pub fn end_all(links: &[Arc<Link>]) {
        links.iter().for_each(|link| link.leave());
        join_all(links, Delta::FOREVER);
    }
}

/// Whether the machine goes down: no.
#[allow(missing_docs, reason = "there is nothing to say")]
pub mod last_call {
    pub fn is_closed() -> bool {
        false
    }
}

/// What an administrator sets: nothing.
#[allow(missing_docs, reason = "there is nothing to say")]
pub mod settings {
    #[derive(Clone)]
    pub struct Groups;

    impl Groups {
        pub const DEFAULT: Self = Self;

        pub fn first(&self) -> u16 {
            1
        }
    }

    #[derive(Clone)]
    pub struct Redirect;

    #[derive(Clone)]
    pub struct Settings;

    impl Settings {
        pub fn new() -> Self {
            Self
        }
    }
}
