// SPDX-License-Identifier: GPL-2.0

//! The commands of one session: who they are, where they stand, which are aborted.
//!
//! A fixed table of slots, all atomics. Admission and completion take no lock and touch only the
//! slot and the session's occupancy map; task management, which is rare, scans the table.

use kernel::{
    prelude::*,
    sync::atomic::{ordering, Atomic},
    time::{Delta, Nsec}, //
};
use stmf_kernel::{
    clock::monotonic_ns,
    wait::WaitQueue, //
};

/// The commands that a session may have in flight.
pub(crate) const DEPTH: usize = 128;

/// The bytes that a session's commands may hold together: two of the largest transfers, or the
/// whole depth at 256 KiB. One initiator can't take the machine's memory.
const BYTES_MAX: u64 = 32 << 20;

const WORDS: usize = DEPTH / 64;

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No command.
    Free,
    /// The port receives its data-out.
    Receiving,
    /// Its logical unit or the device below has it.
    Executing,
    /// The port sends its answer.
    Responding,
}

const FREE: u32 = 0;
const RECEIVING: u32 = 1;
const EXECUTING: u32 = 2;
const RESPONDING: u32 = 3;
const STAGES: u32 = 0xff;
/// Flag beside the stage: nobody wants the answer any more.
const ABORTED: u32 = 0x100;

impl Stage {
    fn of(state: u32) -> Self {
        match state & STAGES {
            RECEIVING => Stage::Receiving,
            EXECUTING => Stage::Executing,
            RESPONDING => Stage::Responding,
            _ => Stage::Free,
        }
    }
}

struct Entry {
    state: Atomic<u32>,
    opcode: Atomic<u32>,
    tag: Atomic<u64>,
    /// The id of the logical unit, 0 before it is known.
    lu: Atomic<u64>,
    /// Nanoseconds on the monotonic clock.
    since: Atomic<i64>,
    /// What was charged for it.
    bytes: Atomic<u64>,
}

/// A command's place in the table, held by its task.
#[derive(Clone, Copy)]
pub(crate) struct Slot(u8);

/// What a scan of the table sees of one command.
#[derive(Clone, Copy)]
pub(crate) struct TaskView {
    /// The port's tag.
    pub tag: u64,
    /// The id of the logical unit, 0 when the framework answers itself.
    pub lu: u64,
    /// Where it stands.
    pub stage: Stage,
    /// Whether it was aborted.
    pub aborted: bool,
    /// The first byte of its CDB.
    pub opcode: u8,
    /// Nanoseconds since its arrival.
    pub age: i64,
}

/// The table.
#[pin_data]
pub(crate) struct TaskSet {
    /// One bit per slot in use.
    occupied: [Atomic<u64>; WORDS],
    entries: KVec<Entry>,
    /// Bytes charged for all of them.
    bytes: Atomic<u64>,
    /// Non-zero while somebody waits for aborted commands to end.
    waiting: Atomic<u32>,
    #[pin]
    ended: WaitQueue,
}

impl TaskSet {
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            occupied: [const { Atomic::new(0) }; WORDS],
            entries: {
                let mut entries = KVec::with_capacity(DEPTH, GFP_KERNEL)?;
                for _ in 0..DEPTH {
                    let entry = Entry {
                        state: Atomic::new(FREE),
                        opcode: Atomic::new(0),
                        tag: Atomic::new(0),
                        lu: Atomic::new(0),
                        since: Atomic::new(0),
                        bytes: Atomic::new(0),
                    };
                    entries.push(entry, GFP_KERNEL)?;
                }
                entries
            },
            bytes: Atomic::new(0),
            waiting: Atomic::new(0),
            ended <- WaitQueue::new(),
        }? Error)
    }

    fn entry(&self, slot: Slot) -> &Entry {
        // The table has DEPTH entries and slots are made by `take` alone.
        &self.entries[usize::from(slot.0)]
    }

    /// Takes a free slot for a command that arrives; none when the session has [`DEPTH`] of them.
    pub(crate) fn take(&self, tag: u64, opcode: u8) -> Option<Slot> {
        let slot = self.occupy()?;
        let entry = self.entry(slot);
        entry.tag.store(tag, ordering::Relaxed);
        entry.lu.store(0, ordering::Relaxed);
        entry.opcode.store(u32::from(opcode), ordering::Relaxed);
        entry.since.store(monotonic_ns(), ordering::Relaxed);
        // Publishes the fields above to scans, which read the state first.
        entry.state.store(RECEIVING, ordering::Release);
        Some(slot)
    }

    fn occupy(&self) -> Option<Slot> {
        for (n, word) in self.occupied.iter().enumerate() {
            let mut bits = word.load(ordering::Relaxed);
            while bits != u64::MAX {
                let free = bits.trailing_ones();
                match word.cmpxchg(bits, bits | (1 << free), ordering::Full) {
                    Ok(_) => return u8::try_from(n * 64 + free as usize).ok().map(Slot),
                    Err(now) => bits = now,
                }
            }
        }
        None
    }

    /// Charges the memory of a command's data; `false` when the session has too much already.
    pub(crate) fn charge(&self, slot: Slot, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let before = self.bytes.fetch_add(bytes, ordering::Relaxed);
        if before > 0 && before.saturating_add(bytes) > BYTES_MAX {
            self.bytes.fetch_sub(bytes, ordering::Relaxed);
            return false;
        }
        self.entry(slot).bytes.store(bytes, ordering::Relaxed);
        true
    }

    /// Frees a slot. Any context.
    pub(crate) fn release(&self, slot: Slot) {
        let entry = self.entry(slot);
        let bytes = entry.bytes.load(ordering::Relaxed);
        if bytes > 0 {
            entry.bytes.store(0, ordering::Relaxed);
            self.bytes.fetch_sub(bytes, ordering::Relaxed);
        }
        entry.state.xchg(FREE, ordering::Full);
        let (word, bit) = (usize::from(slot.0) / 64, 1u64 << (slot.0 % 64));
        // The bit is set and only we clear it: subtracting is clearing.
        self.occupied[word].fetch_sub(bit, ordering::Full);
        self.wake_waiters();
    }

    fn wake_waiters(&self) {
        if self.waiting.load(ordering::Relaxed) > 0 {
            self.ended.wake_all();
        }
    }

    /// Records the logical unit that a command is for.
    pub(crate) fn set_lu(&self, slot: Slot, lu: u64) {
        self.entry(slot).lu.store(lu, ordering::Relaxed);
    }

    pub(crate) fn tag(&self, slot: Slot) -> u64 {
        self.entry(slot).tag.load(ordering::Relaxed)
    }

    pub(crate) fn stage(&self, slot: Slot) -> Stage {
        Stage::of(self.entry(slot).state.load(ordering::Acquire))
    }

    pub(crate) fn is_aborted(&self, slot: Slot) -> bool {
        self.entry(slot).state.load(ordering::Acquire) & ABORTED != 0
    }

    /// The command goes to its logical unit; `false` when it was aborted before.
    pub(crate) fn begin_execution(&self, slot: Slot) -> bool {
        let entry = self.entry(slot);
        entry
            .state
            .cmpxchg(RECEIVING, EXECUTING, ordering::Full)
            .is_ok()
    }

    /// The logical unit is done with the command; `false` when it was aborted meanwhile.
    pub(crate) fn begin_response(&self, slot: Slot) -> bool {
        let entry = self.entry(slot);
        entry
            .state
            .cmpxchg(EXECUTING, RESPONDING, ordering::Full)
            .is_ok()
    }

    /// The slots that may still be taken.
    pub(crate) fn free(&self) -> usize {
        let used: u32 = self
            .occupied
            .iter()
            .map(|word| word.load(ordering::Relaxed).count_ones())
            .sum();
        DEPTH - used as usize
    }

    /// Shows every command to `visit`.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(TaskView)) {
        let now = monotonic_ns();
        for entry in &self.entries {
            let state = entry.state.load(ordering::Acquire);
            if state & STAGES != FREE {
                visit(view(entry, state, now));
            }
        }
    }

    /// Marks the commands that `chosen` picks as aborted; returns how many there were.
    ///
    /// One that its port still receives for will never execute; one that executes will end without
    /// an answer; one that is being answered is over for SAM, and left alone.
    pub(crate) fn abort(&self, chosen: impl Fn(&TaskView) -> bool) -> usize {
        let now = monotonic_ns();
        let mut found = 0;
        for entry in &self.entries {
            let mut state = entry.state.load(ordering::Acquire);
            while matches!(state & STAGES, RECEIVING | EXECUTING)
                && chosen(&view(entry, state, now))
            {
                match entry.state.cmpxchg(state, state | ABORTED, ordering::Full) {
                    Ok(_) => {
                        found += 1;
                        break;
                    }
                    Err(changed) => state = changed,
                }
            }
        }
        found
    }

    /// Waits until no command that `chosen` picks and that was aborted is still executing; says
    /// whether that came true in time. Sleeps.
    pub(crate) fn wait_aborted(
        &self,
        limit: Delta<Nsec>,
        chosen: impl Fn(&TaskView) -> bool,
    ) -> bool {
        self.waiting.add(1, ordering::Relaxed);
        let done = self.ended.wait_timeout(limit, || {
            let mut executing = false;
            self.for_each(|task| {
                executing |= task.aborted && task.stage == Stage::Executing && chosen(&task);
            });
            !executing
        });
        self.waiting.fetch_sub(1, ordering::Full);
        done
    }
}

fn view(entry: &Entry, state: u32, now: i64) -> TaskView {
    TaskView {
        tag: entry.tag.load(ordering::Relaxed),
        lu: entry.lu.load(ordering::Relaxed),
        stage: Stage::of(state),
        aborted: state & ABORTED != 0,
        opcode: entry.opcode.load(ordering::Relaxed) as u8,
        age: now.saturating_sub(entry.since.load(ordering::Relaxed)),
    }
}
