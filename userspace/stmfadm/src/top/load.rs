// SPDX-License-Identifier: GPL-2.0

//! What top shows: who did how much since the last look.

use std::cmp::Reverse;
use std::time::{Duration, Instant};

use libstmf::{Error, Statistics, StatisticsScope, Stmf, Subject, Transport};

/// By what the objects are sorted, most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Throughput,
    Commands,
    DeviceTime,
    Depth,
    Failures,
    Name,
}

impl Order {
    pub(super) fn name(self) -> &'static str {
        match self {
            Order::Throughput => "throughput",
            Order::Commands => "commands",
            Order::DeviceTime => "time in the device",
            Order::Depth => "depth",
            Order::Failures => "failures",
            Order::Name => "name",
        }
    }

    fn next(self) -> Self {
        match self {
            Order::Throughput => Order::Commands,
            Order::Commands => Order::DeviceTime,
            Order::DeviceTime => Order::Depth,
            Order::Depth => Order::Failures,
            Order::Failures => Order::Name,
            Order::Name => Order::Throughput,
        }
    }

    fn weight(self, item: &Statistics) -> u128 {
        match self {
            Order::Throughput => item.read_bytes.saturating_add(item.written_bytes).into(),
            Order::Commands => commands(item).into(),
            Order::DeviceTime => item.device.total.as_nanos(),
            Order::Depth => item.depth.into(),
            Order::Failures => failures(item).into(),
            // All alike: their own order stays.
            Order::Name => 0,
        }
    }
}

/// Commands that have ended.
pub(super) fn commands(item: &Statistics) -> u64 {
    item.reads
        .saturating_add(item.writes)
        .saturating_add(item.others)
}

/// Commands that have not ended well.
pub(super) fn failures(item: &Statistics) -> u64 {
    [item.errors, item.busy, item.conflicts, item.aborted]
        .iter()
        .fold(0, |sum, count| sum.saturating_add(*count))
}

/// What is shown.
pub(super) struct Load {
    scope: StatisticsScope,
    interval: Duration,
    order: Order,
    /// What the last look saw, and when.
    last: Option<(Instant, Vec<Statistics>)>,
    /// What has come since the look before, in order.
    changes: Vec<Statistics>,
    /// In how much time.
    took: Duration,
    selected: Option<Subject>,
}

impl Load {
    pub(super) fn new(scope: StatisticsScope, interval: Duration) -> Self {
        Self {
            scope,
            interval,
            order: Order::Throughput,
            last: None,
            changes: Vec::new(),
            took: Duration::ZERO,
            selected: None,
        }
    }

    pub(super) fn scope(&self) -> StatisticsScope {
        self.scope
    }

    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    pub(super) fn order(&self) -> Order {
        self.order
    }

    /// What has come since the look before, most first.
    pub(super) fn changes(&self) -> &[Statistics] {
        &self.changes
    }

    /// So many in the last interval as so many a second.
    pub(super) fn rate(&self, count: u64) -> f64 {
        // CAST: of counts that are shown rounded.
        count as f64 / self.took.as_secs_f64().max(0.001)
    }

    /// Shows other objects, from the next look on.
    pub(super) fn show(&mut self, scope: StatisticsScope) {
        if self.scope != scope {
            *self = Self {
                order: self.order,
                ..Self::new(scope, self.interval)
            };
        }
    }

    /// Looks at the framework.
    pub(super) fn look<T: Transport>(&mut self, stmf: &mut Stmf<T>) -> Result<(), Error> {
        let now = stmf.statistics(self.scope)?;
        self.seen(Instant::now(), now);
        Ok(())
    }

    fn seen(&mut self, at: Instant, now: Vec<Statistics>) {
        let (before, earlier) = self.last.take().unwrap_or_else(|| (at, now.clone()));
        self.took = at.saturating_duration_since(before);
        self.changes = now.iter().map(|item| item.change(&earlier)).collect();
        self.sort();
        self.last = Some((at, now));
    }

    fn sort(&mut self) {
        let order = self.order;
        self.changes.sort_by(|a, b| a.subject.cmp(&b.subject));
        self.changes.sort_by_key(|item| Reverse(order.weight(item)));
    }

    pub(super) fn sort_by_next(&mut self) {
        self.order = self.order.next();
        self.sort();
    }

    /// The place of the object that the user has picked, or else the first.
    pub(super) fn selected(&self) -> usize {
        let is_selected = |item: &Statistics| Some(&item.subject) == self.selected.as_ref();
        self.changes.iter().position(is_selected).unwrap_or(0)
    }

    /// Picks an object so many places below.
    pub(super) fn select(&mut self, by: isize) {
        let last = self.changes.len().saturating_sub(1);
        let place = self.selected().saturating_add_signed(by).min(last);
        self.selected = self.changes.get(place).map(|item| item.subject.clone());
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use libstmf::sim::Sim;

    /// Two looks, a second apart, at objects of which the second did more.
    pub(in crate::top) fn busy() -> Load {
        let mut sim = Sim::new();
        sim.add_lu("null", None);
        sim.add_lu("null", None);
        let mut load = Load::new(StatisticsScope::Lu, Duration::from_secs(1));
        let start = Instant::now();
        let look = |sim: &mut Sim| {
            let mut stmf = Stmf::with_transport(sim);
            stmf.statistics(StatisticsScope::Lu).unwrap()
        };
        sim.work(10, 0, 0);
        let earlier = look(&mut sim);
        load.seen(start, earlier.clone());
        sim.work(1000, 100, 2);
        let mut now = look(&mut sim);
        now[0] = earlier[0].clone();
        now[0].depth = 3;
        load.seen(start + Duration::from_secs(1), now);
        load
    }

    #[test]
    fn the_first_look_shows_nothing_done() {
        let mut sim = Sim::new();
        sim.add_lu("null", None);
        sim.work(10, 0, 0);
        let mut load = Load::new(StatisticsScope::Lu, Duration::from_secs(1));
        load.look(&mut Stmf::with_transport(&mut sim)).unwrap();
        assert_eq!(commands(&load.changes()[0]), 0);
    }

    #[test]
    fn who_did_most_comes_first() {
        let mut load = busy();
        let counts = |load: &Load| load.changes().iter().map(commands).collect::<Vec<_>>();
        assert_eq!(counts(&load), [1102, 0]);
        assert_eq!(load.rate(1102).round(), 1102.0);
        while load.order() != Order::Depth {
            load.sort_by_next();
        }
        assert_eq!(counts(&load), [0, 1102], "by depth");
    }

    #[test]
    fn the_selection_stays_with_its_object() {
        let mut load = busy();
        load.select(1);
        let subject = load.changes()[1].subject.clone();
        while load.order() != Order::Depth {
            load.sort_by_next();
        }
        assert_eq!((load.selected(), &load.changes()[0].subject), (0, &subject));
        load.select(-5);
        assert_eq!(load.selected(), 0);
        load.select(5);
        assert_eq!(load.selected(), 1);
    }
}
