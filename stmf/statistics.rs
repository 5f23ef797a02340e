// SPDX-License-Identifier: GPL-2.0

//! What is counted of commands: how many, how much, how they ended, where their time went.
//!
//! A command is counted once, when it is over, for its logical unit, its target port and its I_T_L
//! nexus. Each has counters of its own for each CPU, so that counting takes no lock and shares no
//! cache line; they are added up when somebody asks.
//!
//! The copy manager's commands are counted for the logical unit alone.
//!
//! Commands that the framework answers without a logical unit are not counted.

use crate::{
    copy::Origin,
    nexus::Nexus,
    plan::DataPhase,
    task::TaskBody, //
};
use kernel::{
    prelude::*,
    sync::rcu, //
};
use stmf_kernel::{
    clock::monotonic_ns,
    percpu::{Counters, PerCpu, ThisCpu}, //
};
use stmf_model::latency::{self, BUCKETS};
use stmf_scsi::{
    Lun,
    Status, //
};

/// In whose hands a command is, as far as its time is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hands {
    /// The port: it receives the data-out, or sends data-in and status.
    Port,
    /// The task set: others come first.
    Queue,
    /// The logical unit and the device below.
    Device,
}

impl Hands {
    pub(crate) const ALL: [Self; 3] = [Hands::Port, Hands::Queue, Hands::Device];
    const COUNT: usize = Self::ALL.len();
}

/// Takes a command's time.
pub(crate) struct Stopwatch {
    /// `None` when it is stopped.
    hands: Option<Hands>,
    /// Nanoseconds on the monotonic clock.
    since: i64,
    /// Nanoseconds.
    spent: [u64; Hands::COUNT],
}

impl Stopwatch {
    /// For a command that arrived then. Its port has it.
    pub(crate) fn start(arrived: i64) -> Self {
        Self {
            hands: Some(Hands::Port),
            since: arrived,
            spent: [0; Hands::COUNT],
        }
    }

    /// The command goes to other hands.
    pub(crate) fn pass(&mut self, to: Hands) {
        self.look();
        self.hands = Some(to);
    }

    /// As [`Stopwatch::pass`]. The clock isn't looked at for a command that comes straight from its
    /// port, and promptly: the port had it for next to no time.
    pub(crate) fn pass_on(&mut self, to: Hands, is_prompt: bool) {
        match self.hands {
            Some(Hands::Port) if is_prompt => self.hands = Some(to),
            _ => self.pass(to),
        }
    }

    /// The command is over, and was in the last hands for next to no time.
    pub(crate) fn stop_at_once(&mut self) {
        self.hands = None;
    }

    /// The command is over; says how long it was in whose hands.
    fn stop(&mut self) -> [u64; Hands::COUNT] {
        self.look();
        self.hands = None;
        self.spent
    }

    fn look(&mut self) {
        if let Some(hands) = self.hands {
            let now = monotonic_ns();
            let spent = &mut self.spent[hands as usize];
            *spent = spent.saturating_add(now.saturating_sub(self.since).unsigned_abs());
            self.since = now;
        }
    }
}

/// A counter.
#[derive(Clone, Copy)]
pub(crate) enum Counter {
    /// Commands that read the medium.
    Reads,
    /// Commands that write data from the initiator to the medium.
    Writes,
    /// Other commands.
    Others,
    /// Bytes that the reads among the commands that ended with GOOD moved.
    ReadBytes,
    /// As above, of the writes.
    WrittenBytes,
    /// Commands that ended with CHECK CONDITION.
    Errors,
    /// Commands that were refused with BUSY or TASK SET FULL.
    Busy,
    /// Commands that ended with RESERVATION CONFLICT.
    Conflicts,
    /// Commands that were aborted.
    Aborted,
    /// Nanoseconds that the device had the reads for.
    ReadTime,
    /// As above, the writes.
    WriteTime,
}

const COUNTERS: usize = Counter::WriteTime as usize + 1;
/// After the counters the sums of the times, and then a histogram of each.
const TIMES: usize = COUNTERS;
const HISTOGRAMS: usize = TIMES + Hands::COUNT;
const WORDS: usize = HISTOGRAMS + Hands::COUNT * BUCKETS;

/// What a command adds.
struct Sample {
    kind: Option<Counter>,
    /// What it moved.
    moved: Option<(Counter, u64)>,
    fault: Option<Counter>,
    /// What the device did, in nanoseconds.
    work: Option<(Counter, u64)>,
    /// Nanoseconds in whose hands, and the buckets of these.
    times: Option<[(u64, usize); Hands::COUNT]>,
}

impl Sample {
    /// A command that something was not to be had for: there was never a task.
    const REFUSED: Self = Self {
        kind: None,
        moved: None,
        fault: Some(Counter::Busy),
        work: None,
        times: None,
    };

    fn of(task: &mut TaskBody) -> Self {
        let times = task.stopwatch.stop();
        let aborted = task.endpoint.tasks().is_aborted(task.place);
        let fault = match task.outcome.map(|outcome| outcome.status) {
            _ if aborted => Some(Counter::Aborted),
            None | Some(Status::TaskAborted) => Some(Counter::Aborted),
            Some(Status::CheckCondition) => Some(Counter::Errors),
            Some(Status::Busy | Status::TaskSetFull) => Some(Counter::Busy),
            Some(Status::ReservationConflict) => Some(Counter::Conflicts),
            Some(_) => None,
        };
        let (kind, amounts) = match task.phase {
            DataPhase::FromMedium(_) => (
                Counter::Reads,
                Some((Counter::ReadBytes, Counter::ReadTime)),
            ),
            DataPhase::ToMedium { .. } => (
                Counter::Writes,
                Some((Counter::WrittenBytes, Counter::WriteTime)),
            ),
            _ => (Counter::Others, None),
        };
        let bytes = amounts.map(|(bytes, _)| bytes);
        let moved = bytes.filter(|_| fault.is_none());
        Self {
            kind: Some(kind),
            moved: moved.map(|counter| (counter, task.phase.moves(task.expected).into())),
            fault,
            work: amounts.map(|(_, time)| (time, times[Hands::Device as usize])),
            times: Some(times.map(|time| (time, latency::bucket(time)))),
        }
    }
}

/// The counters of one object.
pub(crate) struct Statistics(PerCpu<Counters<WORDS>>);

impl Statistics {
    /// All zero. May sleep.
    pub(crate) fn new() -> Result<Self> {
        PerCpu::new().map(Self)
    }

    /// Counts a command; not when this CPU's first can't have the memory for it.
    fn add(&self, sample: &Sample, cpu: &ThisCpu) {
        let Some(mine) = self.0.mine(cpu, Counters::new) else {
            return;
        };
        let mut counting = mine.count();
        for counter in [sample.kind, sample.fault].into_iter().flatten() {
            counting.add(counter as usize, 1);
        }
        for (counter, amount) in [sample.moved, sample.work].into_iter().flatten() {
            counting.add(counter as usize, amount);
        }
        if let Some(times) = sample.times {
            for (n, (time, bucket)) in times.into_iter().enumerate() {
                counting.add(TIMES + n, time);
                counting.add(HISTOGRAMS + n * BUCKETS + bucket, 1);
            }
        }
    }

    /// What has been counted so far. Any context.
    pub(crate) fn read(&self) -> Totals {
        let mut totals = Totals([0; WORDS]);
        for counters in self.0.iter() {
            for (sum, word) in totals.0.iter_mut().zip(counters.read()) {
                *sum = sum.wrapping_add(word);
            }
        }
        totals
    }
}

/// What was counted on all CPUs.
pub(crate) struct Totals([u64; WORDS]);

impl Totals {
    /// A counter.
    pub(crate) fn counter(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// The nanoseconds in these hands.
    pub(crate) fn time(&self, hands: Hands) -> u64 {
        self.0[TIMES + hands as usize]
    }

    /// How many commands were in these hands for how long, by the buckets of
    /// [`stmf_model::latency`].
    pub(crate) fn histogram(&self, hands: Hands) -> &[u64] {
        let first = HISTOGRAMS + hands as usize * BUCKETS;
        self.0.get(first..first + BUCKETS).unwrap_or(&[])
    }
}

/// Counts a command that is over. Any context.
pub(crate) fn count(task: &mut TaskBody) {
    let sample = Sample::of(task);
    let (nexus, Some(lu)) = (&task.endpoint.nexus, &task.lu) else {
        return;
    };
    let guard = rcu::read_lock();
    ThisCpu::alone(|cpu| {
        lu.entry.statistics.add(&sample, cpu);
        // The data of a copy went through no port.
        if !matches!(task.origin, Origin::Initiator) {
            return;
        }
        nexus.identity.target.statistics.add(&sample, cpu);
        // Unless the nexus doesn't see the unit there any more.
        if let Some(itl) = nexus.luns.read(task.lun.into(), &guard) {
            if itl.lu.entry.id == lu.entry.id {
                itl.statistics.add(&sample, cpu);
            }
        }
    });
}

/// Counts a command that is refused with BUSY or TASK SET FULL because something is not to be had.
/// Any context.
#[cold]
pub(crate) fn count_refused(nexus: &Nexus, unit: Option<Lun>) {
    let guard = rcu::read_lock();
    ThisCpu::alone(|cpu| {
        nexus.identity.target.statistics.add(&Sample::REFUSED, cpu);
        if let Some(itl) = unit.and_then(|lun| nexus.luns.read(lun.value().into(), &guard)) {
            itl.lu.entry.statistics.add(&Sample::REFUSED, cpu);
            itl.statistics.add(&Sample::REFUSED, cpu);
        }
    });
}
