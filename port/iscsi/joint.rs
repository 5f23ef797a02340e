// SPDX-License-Identifier: GPL-2.0

//! What the connections of a session with several have in common: the numbers and names of its
//! requests, and whose turn it is (RFC 7143 4.2.2.1).
//!
//! A session that was agreed to have one connection has none of this: its connection owns its
//! command window, and takes no lock for it.

use crate::bells::TURN;
use core::array;
use kernel::{
    new_mutex,
    new_spinlock,
    prelude::*,
    sync::{
        lock::{mutex::MutexBackend, Guard},
        Arc,
        Mutex,
        SpinLock, //
    }, //
};
use stmf_iscsi_proto::{
    delivery::{Delivery, PLACES},
    request::Order,
    sn::Sn,
    tags::Tags,
    types::Itt,
    window::{Admit, CommandWindow}, //
};
use stmf_kernel::kthread::Doorbell;

/// What the connections share.
#[pin_data]
pub(crate) struct Joint {
    /// Whoever has it delivers the next request. May be held across waits for memory.
    #[pin]
    turn: Mutex<()>,
    /// Held for moments. Nothing else is taken while it is.
    #[pin]
    state: SpinLock<State>,
}

struct State {
    delivery: Delivery,
    /// The tags of the commands that were not answered yet, on any connection.
    tags: Tags,
    /// How to tell each connection that its turn has come.
    bells: [Option<Arc<Doorbell>>; PLACES],
}

impl State {
    /// The only connection, if there is no other.
    fn only(&self) -> Option<&Arc<Doorbell>> {
        let mut bells = self.bells.iter().flatten();
        bells.next().filter(|_| bells.next().is_none())
    }
}

/// The right to deliver a request. Who keeps the next one is told when it is dropped.
pub(crate) struct Turn<'a> {
    joint: &'a Joint,
    _guard: Guard<'a, (), MutexBackend>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.joint.state.lock();
        state.delivery.delivered();
        while let Some(place) = state.delivery.take_due() {
            if let Some(Some(bell)) = state.bells.get(place) {
                bell.ring(TURN);
            }
        }
    }
}

impl Joint {
    /// Goes on from the window of the first connection.
    pub(crate) fn new(window: CommandWindow) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                turn <- new_mutex!((), "Joint::turn"),
                state <- new_spinlock!(
                    State {
                        delivery: Delivery::new(window),
                        tags: Tags::new(),
                        bells: array::from_fn(|_| None),
                    },
                    "Joint::state"
                ),
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Gives a connection a place, unless too many are on their way out.
    pub(crate) fn attach(&self, bell: Arc<Doorbell>) -> Option<usize> {
        let mut state = self.state.lock();
        let place = state.bells.iter().position(Option::is_none)?;
        *state.bells.get_mut(place)? = Some(bell);
        Some(place)
    }

    /// A connection is gone.
    pub(crate) fn detach(&self, place: usize) {
        let mut state = self.state.lock();
        state.delivery.keep(place, None);
        let bell = state.bells.get_mut(place).and_then(Option::take);
        if let Some(only) = state.only() {
            // It may wait for what others were to bring.
            only.ring(TURN);
        }
        drop(state);
        drop(bell);
    }

    /// Whether there is one connection: what is missing comes by it, if it comes.
    pub(crate) fn is_single(&self) -> bool {
        self.state.lock().only().is_some()
    }

    /// Waits until no request is being delivered, and lets none be until the turn is dropped. Sleeps.
    pub(crate) fn turn(&self) -> Turn<'_> {
        Turn {
            _guard: self.turn.lock(),
            joint: self,
        }
    }

    /// As [`Delivery::admit`]; for a request that isn't immediate the caller has the [`Turn`].
    pub(crate) fn admit(&self, order: Order) -> Admit {
        self.state.lock().delivery.admit(order)
    }

    /// As [`Delivery::is_ahead`].
    pub(crate) fn is_ahead(&self, cmd_sn: Sn) -> bool {
        self.state.lock().delivery.is_ahead(cmd_sn)
    }

    /// As [`Delivery::skip`]; the caller has the [`Turn`].
    pub(crate) fn skip(&self, cmd_sn: Sn) -> bool {
        self.state.lock().delivery.skip(cmd_sn)
    }

    /// As [`Delivery::plug`]; the caller has the [`Turn`].
    pub(crate) fn plug(&self, cmd_sn: Sn) {
        self.state.lock().delivery.plug(cmd_sn);
    }

    /// As [`Delivery::take_back`].
    pub(crate) fn take_back(&self, cmd_sn: Sn) -> bool {
        self.state.lock().delivery.take_back(cmd_sn)
    }

    /// As [`Delivery::keep`].
    pub(crate) fn keep(&self, place: usize, first: Option<Sn>) -> bool {
        self.state.lock().delivery.keep(place, first)
    }

    /// The window, opened for as many commands as `free` says, if it says anything.
    pub(crate) fn window(&self, free: impl FnOnce() -> Option<u32>) -> CommandWindow {
        let mut state = self.state.lock();
        if let Some(free) = free() {
            state.delivery.open(free);
        }
        *state.delivery.window()
    }

    /// As [`Tags::insert`].
    pub(crate) fn insert(&self, tag: Itt) -> bool {
        self.state.lock().tags.insert(tag)
    }

    /// As [`Tags::remove`].
    pub(crate) fn remove(&self, tag: Itt) {
        self.state.lock().tags.remove(tag);
    }
}
