// SPDX-License-Identifier: GPL-2.0

//! Command and status numbering (RFC 7143 4.2.2).

use crate::{
    request::Order,
    sn::Sn, //
};

/// The most commands that a window is ever open for.
pub const MAX_WINDOW: u32 = 1 << 30;

/// What to do with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Carry it out.
    Now,
    /// Hold it: others before it are still to come. Once it is `ExpCmdSN`, admit it again.
    Future,
    /// Ignore it silently: it is outside of the window, or was there before (RFC 7143 4.2.2.1).
    OutOfWindow,
}

/// The command window of a session.
#[derive(Clone, Copy, Debug)]
pub struct CommandWindow {
    exp_cmd_sn: Sn,
    max_cmd_sn: Sn,
    /// The numbers that nothing will come for: bit `n` for the n-th from `exp_cmd_sn` on.
    skipped: u128,
}

impl CommandWindow {
    /// A window for `slots` commands, the first of which is numbered as the login request was.
    pub fn new(login_cmd_sn: Sn, slots: u32) -> Self {
        let mut window = Self {
            exp_cmd_sn: login_cmd_sn,
            max_cmd_sn: login_cmd_sn.previous(),
            skipped: 0,
        };
        window.open(slots);
        window
    }

    /// The CmdSN expected next.
    pub fn exp_cmd_sn(&self) -> Sn {
        self.exp_cmd_sn
    }

    /// The last CmdSN there is room for.
    pub fn max_cmd_sn(&self) -> Sn {
        self.max_cmd_sn
    }

    /// Decides about a request and, if it is the one expected, expects the next.
    pub fn admit(&mut self, order: Order) -> Admit {
        if order.immediate {
            return Admit::Now;
        }
        if !order.cmd_sn.is_within(self.exp_cmd_sn, self.max_cmd_sn) {
            return Admit::OutOfWindow;
        }
        if order.cmd_sn != self.exp_cmd_sn {
            return Admit::Future;
        }
        self.advance();
        Admit::Now
    }

    /// Expects the next number, beyond those that nothing will come for.
    fn advance(&mut self) {
        loop {
            self.exp_cmd_sn = self.exp_cmd_sn.next();
            self.skipped = self.skipped.wrapping_shr(1);
            if self.skipped & 1 == 0 {
                break;
            }
        }
    }

    /// Considers a number received, because its command was aborted (RFC 7143 11.6.1); says whether
    /// it is one that is still to come.
    pub fn skip(&mut self, cmd_sn: Sn) -> bool {
        if !cmd_sn.is_within(self.exp_cmd_sn, self.max_cmd_sn) {
            return false;
        }
        match cmd_sn.since(self.exp_cmd_sn) {
            0 => self.advance(),
            distance => self.skipped |= 1_u128.checked_shl(distance).unwrap_or(0),
        }
        true
    }

    /// Considers all numbers before this one received, if it is one that may be sent or the first
    /// that may not: nothing will come for them.
    pub fn plug(&mut self, cmd_sn: Sn) {
        if !cmd_sn.is_within(self.exp_cmd_sn.next(), self.max_cmd_sn.next()) {
            return;
        }
        let distance = cmd_sn.since(self.exp_cmd_sn);
        self.exp_cmd_sn = cmd_sn;
        self.skipped = self.skipped.checked_shr(distance).unwrap_or(0);
        if self.skipped & 1 != 0 {
            self.advance();
        }
    }

    /// Expects the last admitted request again, because it was not received as it was sent; says
    /// whether it was the last.
    pub fn take_back(&mut self, cmd_sn: Sn) -> bool {
        let was_last = cmd_sn.next() == self.exp_cmd_sn;
        if was_last {
            self.exp_cmd_sn = cmd_sn;
            self.skipped = self.skipped.wrapping_shl(1);
        }
        was_last
    }

    /// Opens the window for `free` commands from the expected one on.
    ///
    /// A window once open for a command stays so: with fewer free slots than promised, nothing
    /// changes until the promised ones are used.
    pub fn open(&mut self, free: u32) {
        let max = self.exp_cmd_sn.previous().plus(free.min(MAX_WINDOW));
        if max.is_after(self.max_cmd_sn) {
            self.max_cmd_sn = max;
        }
    }
}

/// What an ExpStatSN says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acknowledged {
    /// So many more responses than before have arrived.
    New(u32),
    /// Nothing new: the PDU was overtaken by another.
    Old,
    /// It is about responses that were not sent: a protocol error.
    Unsent,
}

/// The status numbering of a connection.
#[derive(Clone, Copy, Debug)]
pub struct StatusWindow {
    next: Sn,
    acknowledged: Sn,
}

impl StatusWindow {
    /// A connection whose first response is numbered `first`.
    pub fn new(first: Sn) -> Self {
        Self {
            next: first,
            acknowledged: first,
        }
    }

    /// The number of the next response, for PDUs that tell it without consuming it.
    pub fn peek(&self) -> Sn {
        self.next
    }

    /// Takes the number of a response.
    pub fn take(&mut self) -> Sn {
        let taken = self.next;
        self.next = taken.next();
        taken
    }

    /// How many responses were sent and not acknowledged.
    pub fn unacknowledged(&self) -> u32 {
        self.next.since(self.acknowledged)
    }

    /// Takes note of the ExpStatSN in a request.
    pub fn acknowledge(&mut self, exp_stat_sn: Sn) -> Acknowledged {
        if exp_stat_sn.is_within(self.acknowledged.next(), self.next) {
            let new = exp_stat_sn.since(self.acknowledged);
            self.acknowledged = exp_stat_sn;
            return Acknowledged::New(new);
        }
        if exp_stat_sn.is_after(self.next) {
            return Acknowledged::Unsent;
        }
        Acknowledged::Old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(cmd_sn: u32) -> Order {
        Order {
            cmd_sn: Sn::new(cmd_sn),
            immediate: false,
        }
    }

    #[test]
    fn commands_in_order_go_ahead() {
        let mut window = CommandWindow::new(Sn::new(u32::MAX), 4);
        assert_eq!(window.max_cmd_sn(), Sn::new(2));
        for cmd_sn in [u32::MAX, 0, 1, 2] {
            assert_eq!(window.admit(ordered(cmd_sn)), Admit::Now);
        }
        // The window is closed now, even for the one expected.
        assert_eq!(window.exp_cmd_sn(), Sn::new(3));
        assert_eq!(window.admit(ordered(3)), Admit::OutOfWindow);
        window.open(1);
        assert_eq!(window.admit(ordered(3)), Admit::Now);
    }

    #[test]
    fn gaps_duplicates_and_strays() {
        let mut window = CommandWindow::new(Sn::new(10), 4);
        assert_eq!(window.admit(ordered(12)), Admit::Future);
        assert_eq!(window.admit(ordered(10)), Admit::Now);
        assert_eq!(window.admit(ordered(10)), Admit::OutOfWindow);
        assert_eq!(window.admit(ordered(14)), Admit::OutOfWindow);
        assert_eq!(window.admit(ordered(11)), Admit::Now);
        assert_eq!(window.admit(ordered(12)), Admit::Now);
    }

    #[test]
    fn immediate_commands_need_no_window() {
        let mut window = CommandWindow::new(Sn::new(10), 0);
        let immediate = Order {
            cmd_sn: Sn::new(77),
            immediate: true,
        };
        assert_eq!(window.admit(immediate), Admit::Now);
        assert_eq!(window.exp_cmd_sn(), Sn::new(10));
        assert_eq!(window.max_cmd_sn(), Sn::new(9));
    }

    #[test]
    fn a_window_never_shrinks() {
        let mut window = CommandWindow::new(Sn::new(10), 8);
        window.open(2);
        assert_eq!(window.max_cmd_sn(), Sn::new(17));
        assert_eq!(window.admit(ordered(10)), Admit::Now);
        window.open(8);
        assert_eq!(window.max_cmd_sn(), Sn::new(18));
        window.open(u32::MAX);
        assert_eq!(window.max_cmd_sn(), Sn::new(10 + MAX_WINDOW));
    }

    #[test]
    fn statuses_are_acknowledged_once() {
        let mut window = StatusWindow::new(Sn::new(u32::MAX));
        assert_eq!(
            window.acknowledge(Sn::new(u32::MAX)),
            Acknowledged::Old,
            "nothing was sent yet"
        );
        assert_eq!(window.take(), Sn::new(u32::MAX));
        assert_eq!(window.take(), Sn::new(0));
        assert_eq!(window.peek(), Sn::new(1));
        assert_eq!(window.unacknowledged(), 2);
        assert_eq!(window.acknowledge(Sn::new(1)), Acknowledged::New(2));
        assert_eq!(window.acknowledge(Sn::new(0)), Acknowledged::Old);
        assert_eq!(window.acknowledge(Sn::new(2)), Acknowledged::Unsent);
        assert_eq!(window.unacknowledged(), 0);
    }

    #[test]
    fn aborted_numbers_are_not_waited_for() {
        let order = |cmd_sn| Order {
            cmd_sn: Sn::new(cmd_sn),
            immediate: false,
        };
        let mut window = CommandWindow::new(Sn::new(u32::MAX), 8);
        assert_eq!(window.admit(order(1)), Admit::Future);
        assert!(window.skip(Sn::new(0)) && window.skip(Sn::new(2)));
        assert_eq!(window.exp_cmd_sn(), Sn::new(u32::MAX));
        assert!(window.skip(Sn::new(u32::MAX)));
        assert_eq!(window.exp_cmd_sn(), Sn::new(1));
        assert_eq!(window.admit(order(1)), Admit::Now);
        assert_eq!(window.exp_cmd_sn(), Sn::new(3));
        assert!(!window.skip(Sn::new(2)) && !window.skip(Sn::new(7)));
        assert_eq!(window.admit(order(3)), Admit::Now);
        assert!(window.take_back(Sn::new(3)) && !window.take_back(Sn::new(5)));
        assert_eq!(window.exp_cmd_sn(), Sn::new(3));
    }

    #[test]
    fn a_range_is_plugged() {
        let mut window = CommandWindow::new(Sn::new(u32::MAX), 8);
        assert!(window.skip(Sn::new(0)) && window.skip(Sn::new(2)) && window.skip(Sn::new(3)));
        window.plug(Sn::new(u32::MAX));
        window.plug(Sn::new(8));
        assert_eq!(window.exp_cmd_sn(), Sn::new(u32::MAX));
        window.plug(Sn::new(2));
        assert_eq!(window.exp_cmd_sn(), Sn::new(4));
        window.plug(Sn::new(7));
        assert_eq!(window.exp_cmd_sn(), Sn::new(7));
        assert_eq!(window.admit(ordered(7)), Admit::OutOfWindow);
    }
}
