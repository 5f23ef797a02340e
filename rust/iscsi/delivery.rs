// SPDX-License-Identifier: GPL-2.0

//! In what order the requests of a session with several connections are delivered (RFC 7143 4.2.2.1).
//!
//! The session numbers its requests and each connection brings some of them. One that comes before
//! others with lower numbers is kept by its connection, which notes here which is the first that it
//! keeps, and is told when the turn of that one has come.

use crate::{
    request::Order,
    sn::Sn,
    window::{Admit, CommandWindow}, //
};

/// The connections that there can be at a time: those of a session, and as many that are on their
/// way out.
pub const PLACES: usize = 16;

/// The command window of a session, and what its connections keep.
#[derive(Clone, Copy, Debug)]
pub struct Delivery {
    window: CommandWindow,
    /// The first request that each connection keeps.
    kept: [Option<Sn>; PLACES],
    /// Whether a request was admitted that has not taken its place in the task set yet.
    delivering: bool,
}

impl Delivery {
    /// A session that goes on from the window of its first connection.
    pub const fn new(window: CommandWindow) -> Self {
        Self {
            window,
            kept: [None; PLACES],
            delivering: false,
        }
    }

    /// The window.
    pub fn window(&self) -> &CommandWindow {
        &self.window
    }

    /// Decides about a request. After [`Admit::Now`] the caller delivers it, and then calls
    /// [`Delivery::delivered`]; meanwhile it admits no other that isn't immediate.
    pub fn admit(&mut self, order: Order) -> Admit {
        let admit = self.window.admit(order);
        self.delivering |= admit == Admit::Now && !order.immediate;
        admit
    }

    /// What was admitted is delivered.
    pub fn delivered(&mut self) {
        self.delivering = false;
    }

    /// Whether requests before this number are still to come. A number beyond all that may be sent
    /// is none to wait for.
    pub fn is_ahead(&self, cmd_sn: Sn) -> bool {
        let first = self.window.exp_cmd_sn().next();
        cmd_sn.is_within(first, self.window.max_cmd_sn().next())
    }

    /// As [`CommandWindow::skip`].
    pub fn skip(&mut self, cmd_sn: Sn) -> bool {
        self.window.skip(cmd_sn)
    }

    /// As [`CommandWindow::plug`].
    pub fn plug(&mut self, cmd_sn: Sn) {
        self.window.plug(cmd_sn);
    }

    /// As [`CommandWindow::take_back`].
    pub fn take_back(&mut self, cmd_sn: Sn) -> bool {
        self.window.take_back(cmd_sn)
    }

    /// As [`CommandWindow::open`], with `free` slots of which one may be promised already to what is
    /// being delivered.
    pub fn open(&mut self, free: u32) {
        self.window
            .open(free.saturating_sub(u32::from(self.delivering)));
    }

    /// Notes the first request that a connection keeps; says whether its turn has come already. If
    /// not, [`Delivery::take_due`] gives the connection when it has.
    pub fn keep(&mut self, place: usize, first: Option<Sn>) -> bool {
        let due = first.is_some_and(|first| self.is_due(first));
        if let Some(kept) = self.kept.get_mut(place) {
            *kept = first.filter(|_| !due);
        }
        due
    }

    /// A connection that keeps a request whose turn has come, or is past: each is told once.
    pub fn take_due(&mut self) -> Option<usize> {
        let is_due = |kept: &Option<Sn>| kept.is_some_and(|first| self.is_due(first));
        let place = self.kept.iter().position(is_due)?;
        self.keep(place, None);
        Some(place)
    }

    fn is_due(&self, cmd_sn: Sn) -> bool {
        !cmd_sn.is_after(self.window.exp_cmd_sn())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(cmd_sn: u32) -> Order {
        Order {
            cmd_sn: Sn::new(cmd_sn),
            immediate: false,
        }
    }

    fn delivery(first: u32) -> Delivery {
        Delivery::new(CommandWindow::new(Sn::new(first), 8))
    }

    #[test]
    fn who_keeps_the_next_is_told() {
        let mut delivery = delivery(u32::MAX);
        assert_eq!(delivery.admit(order(1)), Admit::Future);
        assert!(!delivery.keep(2, Some(Sn::new(1))));
        assert_eq!(delivery.admit(order(0)), Admit::Future);
        assert!(!delivery.keep(5, Some(Sn::new(0))));
        assert_eq!(delivery.take_due(), None);
        assert_eq!(delivery.admit(order(u32::MAX)), Admit::Now);
        delivery.delivered();
        assert_eq!(delivery.take_due(), Some(5));
        assert_eq!(delivery.take_due(), None);
        assert_eq!(delivery.admit(order(0)), Admit::Now);
        delivery.delivered();
        assert!(delivery.keep(5, Some(Sn::new(1))), "as it is due by now");
        assert_eq!(delivery.take_due(), Some(2));
    }

    #[test]
    fn what_will_not_come_is_not_waited_for() {
        let mut delivery = delivery(10);
        assert!(!delivery.keep(0, Some(Sn::new(12))));
        assert!(delivery.skip(Sn::new(12)));
        assert_eq!(delivery.take_due(), None);
        assert!(delivery.is_ahead(Sn::new(13)) && !delivery.is_ahead(Sn::new(10)));
        assert!(delivery.is_ahead(Sn::new(18)) && !delivery.is_ahead(Sn::new(19)));
        delivery.plug(Sn::new(11));
        assert_eq!(delivery.admit(order(11)), Admit::Now);
        assert_eq!(delivery.window().exp_cmd_sn(), Sn::new(13));
        assert_eq!(delivery.take_due(), Some(0), "to drop what it keeps");
    }

    #[test]
    fn a_slot_is_promised_once() {
        let mut delivery = delivery(0);
        for cmd_sn in 0..8 {
            assert_eq!(delivery.admit(order(cmd_sn)), Admit::Now);
            delivery.delivered();
        }
        delivery.open(1);
        assert_eq!(delivery.admit(order(8)), Admit::Now);
        // Its slot is not taken yet, and counts as free.
        delivery.open(1);
        assert_eq!(delivery.admit(order(9)), Admit::OutOfWindow);
    }

    #[test]
    fn there_is_no_other_place() {
        let mut delivery = delivery(0);
        assert!(!delivery.keep(PLACES, Some(Sn::new(3))));
        delivery.plug(Sn::new(3));
        assert_eq!(delivery.take_due(), None);
    }
}
