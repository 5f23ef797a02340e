// SPDX-License-Identifier: GPL-2.0

//! In what condition a disk is: its power condition, what went wrong, its self-tests.
//!
//! Commands look at one number that is zero as long as there is nothing to look at. What fails is
//! counted where it fails; what succeeds is the framework's to count, so that resetting it means to
//! remember what it was.

use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc,
        Mutex, //
    },
};
use stmf::{
    loss::Losses,
    lu::Work, //
};
use stmf_kernel::clock::monotonic_ns;
use stmf_scsi::{
    cdb::{self, Command},
    log::{Cycles, Errors, Logged, Performance, Resettable},
    power::Power,
    self_test::{SelfTestKind, SelfTestLog, SelfTestState},
    AdditionalSense,
    Sense,
    SenseKey, //
};

/// The condition of a disk.
#[pin_data]
pub(crate) struct Condition {
    /// A [`Power`], and [`FOREGROUND`] while a self-test keeps commands away. Zero most of the time.
    state: Atomic<u32>,
    /// Commands that failed.
    read_errors: Atomic<u64>,
    write_errors: Atomic<u64>,
    verify_errors: Atomic<u64>,
    other_errors: Atomic<u64>,
    /// Bytes that were verified.
    verified: Atomic<u64>,
    /// Flushes that have failed, those for metadata in the head too, and caches that are gone.
    pub(crate) losses: Arc<Losses>,
    /// How often the medium was stopped, and taken out.
    stops: Atomic<u32>,
    unloads: Atomic<u32>,
    /// When the disk was made, in nanoseconds on the monotonic clock.
    begun: i64,
    #[pin]
    kept: Mutex<Kept>,
}

struct Kept {
    accounting_date: [u8; 6],
    /// What the framework had counted when it was reset: for bytes read, bytes written, the rest.
    read_base: Work,
    write_base: Work,
    performance_base: Work,
    /// When that was, in nanoseconds on the monotonic clock.
    performance_since: i64,
    tests: SelfTestLog,
    /// Which self-test is under way, or was the last.
    test: u64,
    /// How far it is.
    progress: u16,
}

/// In [`Condition::state`].
const FOREGROUND: u32 = 0x100;
const POWER: u32 = 0xff;

impl Condition {
    /// The condition of a new disk.
    pub(crate) fn new(losses: Arc<Losses>) -> impl PinInit<Self> {
        pin_init!(Self {
            state: Atomic::new(0),
            read_errors: Atomic::new(0),
            write_errors: Atomic::new(0),
            verify_errors: Atomic::new(0),
            other_errors: Atomic::new(0),
            verified: Atomic::new(0),
            losses,
            stops: Atomic::new(0),
            unloads: Atomic::new(0),
            begun: monotonic_ns(),
            kept <- new_mutex!(
                Kept {
                    accounting_date: Cycles::NO_DATE,
                    read_base: Work::default(),
                    write_base: Work::default(),
                    performance_base: Work::default(),
                    performance_since: monotonic_ns(),
                    tests: SelfTestLog::EMPTY,
                    test: 0,
                    progress: 0,
                },
                "Condition::kept"
            ),
        })
    }

    /// The power condition.
    pub(crate) fn power(&self) -> Power {
        // CAST: the low byte is meant.
        Power::from_code((self.state.load(ordering::Relaxed) & POWER) as u8)
    }

    /// Goes to a power condition. What would stop a medium counts as a stop, though nothing turns.
    pub(crate) fn set_power(&self, power: Power) {
        // CAST: the enum is `repr(u8)`, and widening.
        let old = self.change_state(|state| state & !POWER | power as u32);
        // CAST: as in `power`.
        if power.is_standby() && !Power::from_code((old & POWER) as u8).is_standby() {
            self.stops.fetch_add(1, ordering::Relaxed);
        }
    }

    /// Changes the state; returns what it was.
    fn change_state(&self, change: impl Fn(u32) -> u32) -> u32 {
        let mut old = self.state.load(ordering::Relaxed);
        loop {
            match self.state.cmpxchg(old, change(old), ordering::Relaxed) {
                Ok(_) => return old,
                Err(other) => old = other,
            }
        }
    }

    /// A command needs the medium: the disk is active from here on (SBC-4, START STOP UNIT command).
    #[inline]
    pub(crate) fn wake(&self) {
        if self.state.load(ordering::Relaxed) & POWER != 0 {
            self.set_power(Power::Active);
        }
    }

    /// The medium would be stopped if it could be.
    pub(crate) fn count_stop(&self) {
        self.stops.fetch_add(1, ordering::Relaxed);
    }

    /// The medium was taken out.
    pub(crate) fn count_unload(&self) {
        self.unloads.fetch_add(1, ordering::Relaxed);
    }

    /// So many bytes were verified.
    pub(crate) fn count_verified(&self, bytes: u64) {
        self.verified.fetch_add(bytes, ordering::Relaxed);
    }

    /// A command has failed. Any context.
    pub(crate) fn count_failure(&self, cdb: &[u8], sense: &Sense) {
        let pulled = AdditionalSense::NOT_READY_MANUAL_INTERVENTION_REQUIRED;
        let counter = match (sense.key, sense.code) {
            (SenseKey::MediumError, AdditionalSense::WRITE_ERROR) => &self.write_errors,
            (SenseKey::MediumError, _) => match cdb::parse(cdb) {
                Ok(Command::Verify(_)) => &self.verify_errors,
                _ => &self.read_errors,
            },
            (SenseKey::HardwareError | SenseKey::AbortedCommand, _) => &self.other_errors,
            (SenseKey::NotReady, code) if code == pulled => &self.other_errors,
            _ => return,
        };
        counter.fetch_add(1, ordering::Relaxed);
    }

    /// Hours since the disk was made.
    fn hours(&self) -> u16 {
        const HOUR: u64 = 3_600_000_000_000;

        u16::try_from(elapsed_ns(self.begun) / HOUR).unwrap_or(u16::MAX)
    }
}

/// What is logged.
impl Condition {
    /// What has been logged, given what the framework has counted so far; the space and what is warned of
    /// are not filled in. Sleeps briefly.
    pub(crate) fn logged(&self, work: &Work, block_size: u32) -> Logged {
        let kept = self.kept.lock();
        let now = since(work, &kept.performance_base);
        let blocks = |bytes: u64| bytes.checked_div(block_size.into()).unwrap_or(0);
        let errors = |bytes, counter: &Atomic<u64>| Errors {
            bytes,
            uncorrected: counter.load(ordering::Relaxed),
        };
        Logged {
            read: errors(since(work, &kept.read_base).read_bytes, &self.read_errors),
            write: errors(
                since(work, &kept.write_base).written_bytes,
                &self.write_errors,
            ),
            verify: errors(self.verified.load(ordering::Relaxed), &self.verify_errors),
            non_medium: self.other_errors.load(ordering::Relaxed),
            cycles: Cycles {
                accounting_date: kept.accounting_date,
                stops: self.stops.load(ordering::Relaxed),
                unloads: Some(self.unloads.load(ordering::Relaxed)),
            },
            self_tests: kept.tests,
            performance: Performance {
                reads: now.reads,
                writes: now.writes,
                blocks_received: blocks(now.written_bytes),
                blocks_transmitted: blocks(now.read_bytes),
                read_ns: now.read_ns,
                write_ns: now.write_ns,
                // Commands may have been in the device together.
                idle_ns: elapsed_ns(kept.performance_since)
                    .saturating_sub(now.read_ns.saturating_add(now.write_ns)),
            },
            ..Logged::default()
        }
    }

    /// Resets what has been logged on a page. Sleeps briefly.
    pub(crate) fn reset_log(&self, what: Resettable, work: &Work) {
        let mut kept = self.kept.lock();
        match what {
            Resettable::Read => {
                kept.read_base = *work;
                self.read_errors.store(0, ordering::Relaxed);
            }
            Resettable::Write => {
                kept.write_base = *work;
                self.write_errors.store(0, ordering::Relaxed);
            }
            Resettable::Verify => {
                self.verified.store(0, ordering::Relaxed);
                self.verify_errors.store(0, ordering::Relaxed);
            }
            Resettable::NonMedium => self.other_errors.store(0, ordering::Relaxed),
            Resettable::AccountingDate => kept.accounting_date = Cycles::NO_DATE,
            Resettable::SelfTests => kept.tests.clear(),
            Resettable::Performance => {
                kept.performance_base = *work;
                kept.performance_since = monotonic_ns();
            }
        }
    }

    /// Sets the accounting date. Sleeps briefly.
    pub(crate) fn set_accounting_date(&self, date: [u8; 6]) {
        self.kept.lock().accounting_date = date;
    }
}

/// Nanoseconds since then.
fn elapsed_ns(since: i64) -> u64 {
    monotonic_ns().saturating_sub(since).unsigned_abs()
}

/// What was done since then.
fn since(now: &Work, base: &Work) -> Work {
    Work {
        reads: now.reads.wrapping_sub(base.reads),
        writes: now.writes.wrapping_sub(base.writes),
        read_bytes: now.read_bytes.wrapping_sub(base.read_bytes),
        written_bytes: now.written_bytes.wrapping_sub(base.written_bytes),
        read_ns: now.read_ns.wrapping_sub(base.read_ns),
        write_ns: now.write_ns.wrapping_sub(base.write_ns),
    }
}

/// Self-tests. All sleep briefly.
impl Condition {
    /// Begins a self-test and returns its number; nothing when one is under way.
    pub(crate) fn begin_test(&self, kind: SelfTestKind) -> Option<u64> {
        let mut kept = self.kept.lock();
        if kept.tests.running().is_some() {
            return None;
        }
        kept.tests.begin(kind, self.hours());
        kept.test = kept.test.wrapping_add(1);
        kept.progress = 0;
        if !kind.is_background() {
            self.change_state(|state| state | FOREGROUND);
        }
        Some(kept.test)
    }

    /// Notes how far a self-test is; says whether it is still under way, and was not aborted.
    pub(crate) fn note_progress(&self, test: u64, progress: u16) -> bool {
        let mut kept = self.kept.lock();
        let is_under_way = kept.is_under_way(test);
        if is_under_way {
            kept.progress = progress;
        }
        is_under_way
    }

    /// A self-test has ended; says whether it was still under way.
    pub(crate) fn end_test(&self, test: u64, state: SelfTestState) -> bool {
        let mut kept = self.kept.lock();
        let is_under_way = kept.is_under_way(test);
        if is_under_way {
            self.end(&mut kept, state);
        }
        is_under_way
    }

    /// Aborts the self-test that is under way, if it is in the background or `chosen` likes it otherwise;
    /// says whether there was one. It may still have a read in the device, which does no harm.
    pub(crate) fn abort_test(
        &self,
        state: SelfTestState,
        chosen: fn(SelfTestKind) -> bool,
    ) -> bool {
        let mut kept = self.kept.lock();
        let is_chosen = kept.tests.running().is_some_and(chosen);
        if is_chosen {
            self.end(&mut kept, state);
        }
        is_chosen
    }

    fn end(&self, kept: &mut Kept, state: SelfTestState) {
        kept.tests.end(state, self.hours());
        self.change_state(|state| state & !FOREGROUND);
    }

    /// Whether a self-test keeps commands away.
    #[inline]
    pub(crate) fn is_in_foreground_test(&self) -> bool {
        self.state.load(ordering::Relaxed) & FOREGROUND != 0
    }

    /// What is told of a self-test that is under way; nothing when none is.
    pub(crate) fn test_in_progress(&self) -> Option<Sense> {
        let kept = self.kept.lock();
        kept.tests.running()?;
        let code = AdditionalSense::NOT_READY_SELF_TEST_IN_PROGRESS;
        Some(Sense::not_ready(code).with_progress(kept.progress))
    }

    /// Whether the last self-test in the background that came to its end has failed.
    pub(crate) fn has_failed_test(&self) -> bool {
        let kept = self.kept.lock();
        let mut tests = kept.tests.iter().flatten();
        let last = tests.find(|test| {
            let has_ended = matches!(
                test.state,
                SelfTestState::Passed | SelfTestState::Failed { .. }
            );
            test.kind.is_background() && has_ended
        });
        last.is_some_and(|test| test.state != SelfTestState::Passed)
    }
}

impl Kept {
    fn is_under_way(&self, test: u64) -> bool {
        self.test == test && self.tests.running().is_some()
    }
}
