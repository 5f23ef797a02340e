// SPDX-License-Identifier: GPL-2.0

//! Requests of a session come by several connections in whatever order, and are delivered in theirs.

use std::collections::{BTreeSet, VecDeque};

use proptest::prelude::*;
use stmf_iscsi_proto::{
    delivery::{Delivery, PLACES},
    request::Order,
    sn::Sn,
    window::{Admit, CommandWindow},
};

/// A session: what its connections have to receive, what they keep, who was rung.
struct Session {
    delivery: Delivery,
    start: u32,
    coming: Vec<VecDeque<u32>>,
    kept: Vec<BTreeSet<u32>>,
    rung: BTreeSet<usize>,
    delivered: Vec<u32>,
}

impl Session {
    fn sn(&self, number: u32) -> Sn {
        Sn::new(self.start).plus(number)
    }

    /// Tries to deliver a request; keeps it if others come first.
    fn receive(&mut self, place: usize, number: u32) {
        let order = Order {
            cmd_sn: self.sn(number),
            immediate: false,
        };
        match self.delivery.admit(order) {
            Admit::Now => {
                self.delivered.push(number);
                self.delivery.delivered();
                self.ring();
            }
            Admit::Future => {
                self.kept[place].insert(number);
            }
            Admit::OutOfWindow => {}
        }
    }

    fn ring(&mut self) {
        while let Some(place) = self.delivery.take_due() {
            self.rung.insert(place);
        }
    }

    /// What a connection does each time that it wakes: first what it keeps.
    fn wake(&mut self, place: usize) {
        self.rung.remove(&place);
        loop {
            let (start, next) = (Sn::new(self.start), self.delivery.window().exp_cmd_sn());
            self.kept[place].retain(|number| !start.plus(*number).is_before(next));
            let due = next.since(start);
            if !self.kept[place].remove(&due) {
                break;
            }
            self.receive(place, due);
        }
        let first = self.kept[place].first().map(|number| self.sn(*number));
        if self.delivery.keep(place, first) {
            self.rung.insert(place);
        }
    }

    fn step(&mut self, place: usize) {
        if let Some(number) = self.coming[place].pop_front() {
            self.receive(place, number);
        }
        self.wake(place);
    }
}

/// Which connection brings each request, and which of them its initiator gives up before it comes.
fn requests() -> impl Strategy<Value = Vec<(usize, bool)>> {
    prop::collection::vec((0..8_usize, prop::bool::weighted(0.1)), 1..100)
}

proptest! {
    #[test]
    fn requests_are_delivered_in_order(
        start: u32,
        requests in requests(),
        turns in prop::collection::vec(0..PLACES, 0..400),
        shuffled: bool,
    ) {
        let window = CommandWindow::new(Sn::new(start), 128);
        let mut session = Session {
            delivery: Delivery::new(window),
            start,
            coming: vec![VecDeque::new(); PLACES],
            kept: vec![BTreeSet::new(); PLACES],
            rung: BTreeSet::new(),
            delivered: Vec::new(),
        };
        let mut given_up = BTreeSet::new();
        for (number, (place, aborted)) in (0..).zip(&requests) {
            match (aborted, shuffled) {
                (true, _) => drop(given_up.insert(number)),
                (false, false) => session.coming[*place].push_back(number),
                // An initiator that sends out of order on one connection is served all the same.
                (false, true) => session.coming[*place].push_front(number),
            }
        }
        let mut skips: VecDeque<u32> = given_up.iter().copied().collect();
        for turn in turns {
            session.step(turn);
            // Some are given up while others are on their way.
            if turn >= 8 {
                if let Some(number) = skips.pop_front() {
                    let sn = session.sn(number);
                    prop_assert!(session.delivery.skip(sn));
                    session.ring();
                }
            }
        }
        for number in skips {
            let sn = session.sn(number);
            prop_assert!(session.delivery.skip(sn));
            session.ring();
        }
        for place in 0..PLACES {
            while !session.coming[place].is_empty() {
                session.step(place);
            }
        }
        // From here on only who is rung does anything: nobody may be forgotten.
        while let Some(place) = session.rung.first().copied() {
            session.wake(place);
        }
        let expected: Vec<u32> = (0..)
            .zip(&requests)
            .filter_map(|(number, _)| (!given_up.contains(&number)).then_some(number))
            .collect();
        prop_assert_eq!(&session.delivered, &expected);
        prop_assert!(session.kept.iter().all(BTreeSet::is_empty));
        let count = u32::try_from(requests.len()).unwrap();
        prop_assert_eq!(session.delivery.window().exp_cmd_sn(), session.sn(count));
    }

    #[test]
    fn a_plugged_range_is_as_one_skipped_number_by_number(
        start: u32,
        skipped in prop::collection::vec(0_u32..40, 0..20),
        to in 0_u32..40,
    ) {
        let mut one = CommandWindow::new(Sn::new(start), 32);
        for number in skipped {
            one.skip(Sn::new(start).plus(number));
        }
        let mut other = one;
        let to = Sn::new(start).plus(to);
        one.plug(to);
        let is_known = to.is_within(other.exp_cmd_sn(), other.max_cmd_sn().next());
        while is_known && other.exp_cmd_sn().is_before(to) {
            let next = other.exp_cmd_sn();
            prop_assert!(other.skip(next));
        }
        prop_assert_eq!(one.exp_cmd_sn(), other.exp_cmd_sn());
        for number in 0..40 {
            let order = Order { cmd_sn: one.exp_cmd_sn().plus(number), immediate: false };
            prop_assert_eq!(one.admit(order), other.admit(order));
        }
    }
}
