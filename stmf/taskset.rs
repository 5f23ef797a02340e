// SPDX-License-Identifier: GPL-2.0

//! The commands of one session: who they are, where they stand, which are aborted.
//!
//! A fixed table of slots, all atomics. Admission and completion take no lock and touch only the
//! slot and the session's occupancy map; task management, which is rare, scans the table.

mod entry;

pub(crate) use entry::{Abort, Effect, Slot, Stage, TaskView};

use crate::memory;
use core::array;
use entry::{
    is_orphan, Entry, ABORTED, DETACHED, DORMANT, EXECUTING, FREE, PIECE, QUEUED, RECEIVING,
    SENDING_DATA, SENDING_STATUS, STAGES, TELL,
};
use kernel::{
    prelude::*,
    sync::atomic::{ordering, Atomic},
    time::{Delta, Nsec}, //
};
use stmf_kernel::{
    clock::monotonic_ns,
    trace,
    wait::WaitQueue, //
};
use stmf_scsi::{
    copy::MAX_CONCURRENT,
    tmf::TaskAttribute,
    Status, //
};

/// The slots of a word of the occupancy map. Models have a small table.
const SLOTS: usize = if cfg!(test) { 2 } else { 64 };

/// The commands that a session may have in flight.
pub(crate) const DEPTH: usize = 2 * SLOTS;

/// The bytes that a session's commands may hold together: two of the largest transfers, or the
/// whole depth at 256 KiB. One initiator can't take the machine's memory.
const BYTES_MAX: u64 = 32 << 20;

/// What of that a session needs no reservation for.
const ALLOWANCE: u64 = 256 << 10;

/// The unit of reservations.
const CHUNK: u64 = 1 << 20;

/// What a session that isn't idle may have reserved beyond what it needs: so commands that come and go
/// seldom change what is reserved.
const SPARE: u64 = 2 * CHUNK;

/// What is reserved for so many bytes.
fn reservation(bytes: u64) -> u64 {
    bytes.saturating_sub(ALLOWANCE).next_multiple_of(CHUNK)
}

/// The commands of the copy manager that a session may have in flight besides: two for each copy.
const PIECES: usize = if cfg!(test) {
    SLOTS
} else {
    2 * MAX_CONCURRENT as usize
};

/// Words for those of the initiator, and one for those of the copy manager.
const WORDS: usize = DEPTH / SLOTS + 1;

/// The numbers of the bits that are set in a word.
struct Bits(u64);

impl Iterator for Bits {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let bit = self.0.trailing_zeros();
        self.0 &= self.0.checked_sub(1)?;
        u8::try_from(bit).ok()
    }
}

/// What becomes of a command that is to be carried out.
pub(crate) enum Begin {
    /// It is carried out.
    Go,
    /// It is dormant.
    Wait,
    /// It was aborted.
    Aborted,
}

/// What becomes of a dormant command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unpark {
    /// It is enabled.
    Enabled,
    /// It stays dormant.
    Dormant,
    /// It was aborted.
    Gone,
}

/// What becomes of the answer to a command.
pub(crate) enum Reply {
    /// It is sent.
    Send,
    /// The initiator gets TASK ABORTED instead.
    TaskAborted,
    /// The command was aborted: nobody gets an answer.
    Nobody,
}

/// The table.
#[pin_data]
pub(crate) struct TaskSet {
    /// The session's number, for those who trace.
    session: u64,
    /// One bit per slot in use.
    occupied: [Atomic<u64>; WORDS],
    entries: KVec<Entry>,
    /// Bytes charged for all of them.
    bytes: Atomic<u64>,
    /// Bytes of the [`memory`] of all sessions that are reserved for them.
    reserved: Atomic<u64>,
    /// Commands that were aborted, but that a device has still.
    orphans: Atomic<u32>,
    /// Non-zero while somebody waits for aborted commands to end.
    waiting: Atomic<u32>,
    #[pin]
    ended: WaitQueue,
}

impl TaskSet {
    pub(crate) fn new(session: u64) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            session,
            occupied: array::from_fn(|_| Atomic::new(0)),
            entries: {
                let mut entries = KVec::with_capacity(DEPTH + PIECES, GFP_KERNEL)?;
                for _ in 0..DEPTH + PIECES {
                    entries.push(Entry::free(), GFP_KERNEL)?;
                }
                entries
            },
            bytes: Atomic::new(0),
            reserved: Atomic::new(0),
            orphans: Atomic::new(0),
            waiting: Atomic::new(0),
            ended <- WaitQueue::new(),
        }? Error)
    }

    fn entry(&self, slot: Slot) -> &Entry {
        // The table has DEPTH + PIECES entries and their numbers come from `occupy` alone.
        &self.entries[slot.index()]
    }

    /// The entries in use.
    fn entries(&self) -> impl Iterator<Item = (u8, &Entry)> {
        let words = (0u8..).step_by(SLOTS).zip(&self.occupied);
        words.flat_map(move |(first, word)| {
            // What a slot's owner has written since it took it is seen after this.
            Bits(word.load(ordering::Acquire)).filter_map(move |bit| {
                let index = first + bit;
                Some((index, self.entries.get(usize::from(index))?))
            })
        })
    }

    /// Takes a free slot for a command that arrives; none when the session has [`DEPTH`] of them.
    pub(crate) fn take(&self, tag: u64, opcode: u8, connection: u8) -> Option<Slot> {
        let index = (0..DEPTH / SLOTS).find_map(|word| self.occupy(word, SLOTS))?;
        Some(self.begin(index, tag, entry::origin(opcode, connection)))
    }

    fn begin(&self, index: u8, tag: u64, facts: u32) -> Slot {
        // As in `entry`.
        let entry = &self.entries[usize::from(index)];
        let slot = Slot::after(index, entry.state.load(ordering::Relaxed));
        entry.tag.store(tag, ordering::Relaxed);
        entry.lu.store(0, ordering::Relaxed);
        entry.facts.store(facts, ordering::Relaxed);
        entry.since.store(monotonic_ns(), ordering::Relaxed);
        // Publishes the fields above to scans, which read the state first.
        entry.state.store(slot.at(RECEIVING), ordering::Release);
        slot
    }

    /// As [`TaskSet::take`], for a command of the copy manager's: part of the EXTENDED COPY with this tag.
    ///
    /// When the copy isn't marked as aborted after this, whoever marks it later sees the piece, too.
    pub(crate) fn take_piece(&self, tag: u64, opcode: u8, connection: u8) -> Option<Slot> {
        let index = self.occupy(DEPTH / SLOTS, PIECES)?;
        let slot = self.begin(index, tag, entry::origin(opcode, connection) | PIECE);
        // Before the copy's own state is loaded, which no release store is ordered with.
        self.entry(slot).state.fetch_add(0, ordering::Full);
        Some(slot)
    }

    /// Takes one of the first `room` slots of a word.
    fn occupy(&self, n: usize, room: usize) -> Option<u8> {
        let word = &self.occupied[n];
        let mut bits = word.load(ordering::Relaxed);
        loop {
            let free = bits.trailing_ones() as usize;
            if free >= room {
                return None;
            }
            match word.cmpxchg(bits, bits | (1 << free), ordering::Full) {
                Ok(_) => return u8::try_from(n * SLOTS + free).ok(),
                Err(now) => bits = now,
            }
        }
    }

    /// Charges memory that a command needs, on top of what it was charged before; `false` when the session
    /// has too much already, or all sessions together have.
    pub(crate) fn charge(&self, slot: Slot, bytes: usize) -> bool {
        if bytes == 0 {
            // What it reserved for others nobody would give back at its end.
            return true;
        }
        let bytes = bytes as u64;
        let before = self.bytes.fetch_add(bytes, ordering::Relaxed);
        let after = before.saturating_add(bytes);
        let is_own_share = before == 0 || after <= BYTES_MAX;
        if !is_own_share || (after > ALLOWANCE && !self.reserve(reservation(after))) {
            self.discharge(bytes);
            return false;
        }
        let charged = &self.entry(slot).bytes;
        // Nobody else writes it meanwhile.
        let so_far = charged.load(ordering::Relaxed);
        charged.store(so_far.saturating_add(bytes), ordering::Relaxed);
        true
    }

    /// What a command for a logical unit is told that can't be charged: TASK SET FULL, but BUSY when the
    /// I_T nexus has no other command in the task set that could end before it tries again (SAM-5 5.3.1).
    pub(crate) fn refusal(&self, slot: Slot, lu: u64) -> Status {
        if self.any(|task| task.is_alive() && task.lu == lu && task.slot != slot) {
            Status::TaskSetFull
        } else {
            Status::Busy
        }
    }

    /// Reserves so many bytes, if they aren't yet.
    fn reserve(&self, wanted: u64) -> bool {
        let mut own = self.reserved.load(ordering::Relaxed);
        while let Some(more @ 1..) = wanted.checked_sub(own) {
            if !memory::reserve(more) {
                return false;
            }
            match self.reserved.cmpxchg(own, wanted, ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => {
                    memory::give_back(more);
                    own = now;
                }
            }
        }
        true
    }

    /// Gives the memory of a command back, and of the reservation what is far more than the others need,
    /// or with the last all of it: should another command be charged just then, the next one reserves for it.
    fn discharge(&self, bytes: u64) {
        // What was reserved for commands that were discharged before is seen after this.
        let before = self.bytes.fetch_sub(bytes, ordering::Full);
        let left = before.saturating_sub(bytes);
        let wanted = reservation(left);
        let most = if left > 0 { wanted + SPARE } else { 0 };
        let mut own = self.reserved.load(ordering::Relaxed);
        while own > most {
            match self.reserved.cmpxchg(own, wanted, ordering::Relaxed) {
                Ok(_) => return memory::give_back(own - wanted),
                Err(now) => own = now,
            }
        }
    }

    /// As [`TaskSet::charge`], for a command of the copy manager's, whose memory has limits of its own.
    pub(crate) fn charge_piece(&self, slot: Slot, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, ordering::Relaxed);
        self.entry(slot)
            .bytes
            .store(bytes as u64, ordering::Relaxed);
    }

    /// Frees a slot. Any context.
    pub(crate) fn release(&self, slot: Slot) {
        let entry = self.entry(slot);
        trace::task_end(|| (self.session, entry.tag.load(ordering::Relaxed)));
        let bytes = entry.bytes.load(ordering::Relaxed);
        if bytes > 0 {
            entry.bytes.store(0, ordering::Relaxed);
            self.discharge(bytes);
        }
        if is_orphan(entry.state.xchg(slot.at(FREE), ordering::Full)) {
            self.orphans.fetch_sub(1, ordering::Relaxed);
        }
        let (word, bit) = (slot.index() / SLOTS, 1u64 << (slot.index() % SLOTS));
        // The bit is set and only we clear it: subtracting is clearing.
        self.occupied[word].fetch_sub(bit, ordering::Full);
        self.wake_waiters();
    }

    fn wake_waiters(&self) {
        if self.waiting.load(ordering::Relaxed) > 0 {
            self.ended.wake_all();
        }
    }

    /// Records the logical unit that a command is for; 0 is none.
    pub(crate) fn set_lu(&self, slot: Slot, lu: u64) {
        self.entry(slot).lu.store(lu, ordering::Relaxed);
    }

    /// Records what a command may do.
    pub(crate) fn set_effect(&self, slot: Slot, effect: Effect) {
        self.entry(slot).set_effect(effect);
    }

    /// When the command arrived, in nanoseconds on the monotonic clock.
    pub(crate) fn arrived(&self, slot: Slot) -> i64 {
        self.entry(slot).since.load(ordering::Relaxed)
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

    /// Whether the command was aborted, and its initiator gets no answer.
    pub(crate) fn is_forgotten(&self, slot: Slot) -> bool {
        let state = self.entry(slot).state.load(ordering::Acquire);
        state & (ABORTED | TELL) == ABORTED
    }

    /// The command goes to its logical unit, unless it was aborted before.
    pub(crate) fn begin_execution(&self, slot: Slot) -> Begin {
        let entry = self.entry(slot);
        let (received, executing) = (slot.at(RECEIVING), slot.at(EXECUTING));
        match entry.state.cmpxchg(received, executing, ordering::Full) {
            Ok(_) => {
                trace::task_execute(|| (self.session, entry.tag.load(ordering::Relaxed)));
                Begin::Go
            }
            Err(state) if state == received | DORMANT => Begin::Wait,
            Err(_) => Begin::Aborted,
        }
    }

    /// The command enters an order, enabled or dormant; `false` when it was aborted before.
    pub(crate) fn enter(&self, slot: Slot, attribute: TaskAttribute, dormant: bool) -> bool {
        let entry = self.entry(slot);
        entry.set_attribute(attribute);
        if dormant {
            entry.set_in_order();
        }
        let received = slot.at(RECEIVING);
        let next = received | if dormant { DORMANT } else { 0 };
        // Also publishes the attribute.
        entry.state.cmpxchg(received, next, ordering::Full).is_ok()
    }

    /// The data of a dormant command is there; `false` when the command was aborted.
    pub(crate) fn park(&self, slot: Slot) -> bool {
        let (waits, queued) = (slot.at(RECEIVING | DORMANT), slot.at(QUEUED | DORMANT));
        let state = &self.entry(slot).state;
        state.cmpxchg(waits, queued, ordering::Full).is_ok()
    }

    /// Enables a dormant command, if it is its turn.
    pub(crate) fn unpark(&self, slot: Slot, turn: bool) -> Unpark {
        let entry = self.entry(slot);
        let state = entry.state.load(ordering::Acquire);
        if state & (ABORTED | DORMANT) != DORMANT {
            return Unpark::Gone;
        }
        if !turn {
            return Unpark::Dormant;
        }
        match entry
            .state
            .cmpxchg(state, slot.at(RECEIVING), ordering::Full)
        {
            Ok(_) => Unpark::Enabled,
            // Only an abort can come between: ports wait for the lock that the caller has.
            Err(_) => Unpark::Gone,
        }
    }

    /// Whether the command is in a line of dormant ones.
    pub(crate) fn is_dormant(&self, slot: Slot) -> bool {
        self.entry(slot).state.load(ordering::Acquire) & DORMANT != 0
    }

    /// There was an order before the command was planned, which it may be behind.
    pub(crate) fn set_in_order(&self, slot: Slot) {
        self.entry(slot).set_in_order();
    }

    /// Whether the command is, or has been, behind others in an order; asked by who has brought it in.
    pub(crate) fn is_in_order(&self, slot: Slot) -> bool {
        self.entry(slot).is_in_order()
    }

    /// The command's end is decided; `data` says whether data goes to the initiator.
    pub(crate) fn begin_response(&self, slot: Slot, data: bool) -> Reply {
        let entry = self.entry(slot);
        let next = slot.at(if data { SENDING_DATA } else { SENDING_STATUS });
        let executing = slot.at(EXECUTING);
        let mut state = match entry.state.cmpxchg(executing, next, ordering::Full) {
            Ok(_) => return Reply::Send,
            Err(state) => state,
        };
        while state & TELL != 0 {
            let next = slot.at(SENDING_STATUS);
            match entry.state.cmpxchg(state, next, ordering::Full) {
                Ok(_) => {
                    if is_orphan(state) {
                        self.orphans.fetch_sub(1, ordering::Relaxed);
                        self.wake_waiters();
                    }
                    return Reply::TaskAborted;
                }
                Err(now) => state = now,
            }
        }
        Reply::Nobody
    }

    /// The slots that may still be taken.
    pub(crate) fn free(&self) -> usize {
        let used: u32 = self
            .occupied
            .iter()
            .take(DEPTH / SLOTS)
            .map(|word| word.load(ordering::Relaxed).count_ones())
            .sum();
        DEPTH - used as usize
    }

    /// Whether a device has commands that were aborted.
    pub(crate) fn has_orphans(&self) -> bool {
        self.orphans.load(ordering::Relaxed) > 0
    }

    /// Shows every command to `visit`.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(TaskView)) {
        let now = monotonic_ns();
        for (index, entry) in self.entries() {
            let state = entry.state.load(ordering::Acquire);
            if state & STAGES != FREE {
                visit(entry.view(index, state, now));
            }
        }
    }

    /// Whether there is a command that `chosen` picks.
    pub(crate) fn any(&self, chosen: impl Fn(&TaskView) -> bool) -> bool {
        let mut any = false;
        self.for_each(|task| any |= chosen(&task));
        any
    }

    /// Marks the commands that `chosen` picks as aborted; returns how many of them could still have
    /// an effect, or could have had one.
    ///
    /// One that doesn't execute yet never will; one that executes will end without its answer, and
    /// `orphaning` is called before it is marked; one that is being answered is over for SAM, and
    /// left alone.
    pub(crate) fn abort(
        &self,
        how: Abort,
        chosen: impl Fn(&TaskView) -> bool,
        mut orphaning: impl FnMut(&TaskView),
    ) -> usize {
        let now = monotonic_ns();
        let mut found = 0;
        for (index, entry) in self.entries() {
            let mut state = entry.state.load(ordering::Acquire);
            while matches!(state & STAGES, RECEIVING | QUEUED | EXECUTING) {
                let task = entry.view(index, state, now);
                if !chosen(&task) {
                    break;
                }
                match self.mark(entry, state, how, &task, &mut orphaning) {
                    Some(marked) => {
                        let writes = task.is_orphan() && task.effect != Effect::None;
                        found += usize::from(marked || writes);
                        break;
                    }
                    None => state = entry.state.load(ordering::Acquire),
                }
            }
        }
        found
    }

    /// Marks one command as aborted; says whether that is new, or more than it was before. `None` when
    /// its state has changed, which is to be loaded anew: a compare-exchange that fails orders nothing,
    /// and the entry may seem to say what it said of the command before.
    fn mark(
        &self,
        entry: &Entry,
        state: u32,
        how: Abort,
        task: &TaskView,
        orphaning: &mut impl FnMut(&TaskView),
    ) -> Option<bool> {
        let executing = task.stage == Stage::Executing;
        if task.aborted {
            let next = how.mark_again(state);
            let marked = entry.state.cmpxchg(state, next, ordering::Full);
            marked.ok().map(|_| next != state)
        } else {
            let next = how.mark(state, task.effect);
            if executing {
                orphaning(task);
                self.orphans.add(1, ordering::Relaxed);
            }
            let marked = entry.state.cmpxchg(state, next, ordering::Full);
            if executing && marked.is_err() {
                self.orphans.fetch_sub(1, ordering::Relaxed);
            }
            marked.ok().map(|_| {
                trace::task_abort(|| (self.session, task.tag));
                if next & DETACHED != 0 && executing {
                    trace::task_detach(|| (self.session, task.tag));
                }
                true
            })
        }
    }

    /// Nobody waits for the aborted commands that `chosen` picks any more.
    pub(crate) fn detach(&self, chosen: impl Fn(&TaskView) -> bool) {
        let now = monotonic_ns();
        for (index, entry) in self.entries() {
            let mut state = entry.state.load(ordering::Acquire);
            while is_orphan(state) && chosen(&entry.view(index, state, now)) {
                match entry.state.cmpxchg(state, state | DETACHED, ordering::Full) {
                    Ok(_) => {
                        if state & DETACHED == 0 {
                            let tag = entry.tag.load(ordering::Relaxed);
                            trace::task_detach(|| (self.session, tag));
                        }
                        break;
                    }
                    // As in `mark`.
                    Err(_) => state = entry.state.load(ordering::Acquire),
                }
            }
        }
    }

    /// Waits until no command that `chosen` picks and that was aborted can have an effect any more;
    /// says whether that came true in time. Sleeps.
    pub(crate) fn wait_aborted(
        &self,
        limit: Delta<Nsec>,
        chosen: impl Fn(&TaskView) -> bool,
    ) -> bool {
        self.waiting.add(1, ordering::Relaxed);
        let done = self.ended.wait_timeout(limit, || {
            !self.any(|task| task.is_orphan() && task.effect != Effect::None && chosen(task))
        });
        self.waiting.fetch_sub(1, ordering::Full);
        done
    }
}
