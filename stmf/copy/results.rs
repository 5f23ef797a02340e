// SPDX-License-Identifier: GPL-2.0

//! The copies of a nexus: those in progress, the results of those that are over, and the commands that
//! ask for them.

use super::manager::End;
use crate::task::{Task, TaskBody};
use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Mutex, //
    },
    time::{Delta, Instant, Monotonic, Nsec}, //
};
use stmf_kernel::{token::Token, wait::WaitQueue, work::Run};
use stmf_scsi::{
    cdb::{self, Command},
    copy::{
        report,
        Ending,
        OperatingParameters,
        ReceiveCopyResults,
        Record,
        Records,
        Results, //
    },
    Sense,
    Status, //
};

/// How long COPY ABORT waits for the copy to end.
const LIMIT: Delta<Nsec> = Delta::from_secs(4);

/// What a RECEIVE COPY RESULTS, or a COPY ABORT, gets that names no copy (SPC-3, RECEIVE COPY RESULTS
/// command).
const UNKNOWN_LIST: Sense = Sense::invalid_cdb_field(2, None);

/// The copies of a nexus.
#[pin_data]
pub(crate) struct Copies {
    #[pin]
    inner: Mutex<Inner>,
    /// Counts the copies that have ended.
    ends: Atomic<u32>,
    #[pin]
    ended: WaitQueue,
}

/// What the mutex guards. Memory is taken for a nexus that copies, and not before.
struct Inner {
    records: KVec<Option<Record>>,
    /// The held data of the copy in the same place.
    held: KVec<KVVec<u8>>,
}

impl Inner {
    fn records(&mut self) -> Records<'_> {
        Records::new(&mut self.records)
    }
}

impl Copies {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            inner <- new_mutex!(
                Inner {
                    records: KVec::new(),
                    held: KVec::new(),
                },
                "Copies::inner"
            ),
            ends: Atomic::new(0),
            ended <- WaitQueue::new(),
        })
    }

    /// A copy begins; returns its place.
    pub(super) fn begin(&self, unit: u64, id: Option<u8>) -> Result<usize, End> {
        let mut inner = self.inner.lock();
        if inner.records.is_empty() {
            let held = KVec::with_capacity(Records::ROOM, GFP_KERNEL)?;
            inner.records = KVec::from_elem(None, Records::ROOM, GFP_KERNEL)?;
            inner.held = held;
            for _ in 0..Records::ROOM {
                inner.held.push(KVVec::new(), GFP_KERNEL)?;
            }
        }
        let place = inner.records().begin(unit, id).map_err(|begin| {
            let busy = End::Status(Status::Busy);
            begin.sense().map_or(busy, End::Sense)
        })?;
        inner.hold(place, KVVec::new());
        Ok(place)
    }

    /// Notes how far a copy is.
    pub(super) fn progress(&self, place: usize, note: impl FnOnce(&mut Record)) {
        if let Some(record) = self.inner.lock().records().in_progress(place) {
            note(record);
        }
    }

    /// Whether COPY ABORT wants a copy to end.
    pub(super) fn is_aborted(&self, place: usize) -> bool {
        let mut inner = self.inner.lock();
        let record = inner.records().in_progress(place).map(|record| *record);
        record.is_some_and(|record| record.aborted)
    }

    /// A copy is over.
    pub(super) fn end(&self, place: usize, ending: Ending, held: KVVec<u8>) {
        let mut inner = self.inner.lock();
        let is_held = !held.is_empty();
        inner.records().end(place, ending, is_held);
        inner.hold(place, held);
        drop(inner);
        self.ends.fetch_add(1, ordering::Full);
        self.ended.wake_all();
    }

    /// Forgets the results of a logical unit that was reset, or all. Process context.
    pub(crate) fn forget(&self, unit: Option<u64>) {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        Records::new(&mut inner.records).forget(unit);
        for (held, record) in inner.held.iter_mut().zip(&inner.records) {
            if record.is_none() {
                *held = KVVec::new();
            }
        }
    }

    /// Has a copy end and waits for it; `None` when there is no such copy, else whether it has ended.
    fn abort(&self, unit: u64, id: u8) -> Option<bool> {
        let begin = Instant::<Monotonic>::now();
        if !self.inner.lock().records().abort(unit, id) {
            return None;
        }
        loop {
            let seen = self.ends.load(ordering::Acquire);
            if !self.inner.lock().records().is_in_progress(unit, id) {
                return Some(true);
            }
            let left = LIMIT - begin.elapsed();
            let another = || self.ends.load(ordering::Acquire) != seen;
            if !self.ended.wait_timeout(left, another) {
                return Some(false);
            }
        }
    }
}

impl Inner {
    fn hold(&mut self, place: usize, held: KVVec<u8>) {
        if let Some(room) = self.held.get_mut(place) {
            *room = held;
        }
    }
}

/// RECEIVE COPY RESULTS.
pub(super) fn receive(mut task: Task, request: ReceiveCopyResults) {
    let endpoint = task.endpoint().clone();
    let mut inner = endpoint.nexus.copies.inner.lock();
    let filled = match request.what {
        Results::Parameters => Some(task.fill(|sink| OperatingParameters.write(sink))),
        Results::Status => inner.fill_status(&mut task, &request),
        Results::Details => inner.fill_details(&mut task, &request),
        Results::Data => inner.fill_data(&mut task, &request),
    };
    drop(inner);
    match filled {
        None => task.fail(UNKNOWN_LIST),
        Some(Ok(len)) => task.send(len),
        Some(Err(_)) => task.end_with(Status::Busy),
    }
}

/// The length of an answer; `None` when there is no such copy.
type Filled = Option<Result<u32, AllocError>>;

impl Inner {
    /// Twelve bytes, for which the task has memory.
    fn fill_status(&mut self, task: &mut Task, request: &ReceiveCopyResults) -> Filled {
        let unit = task.address().unit;
        let record = self.records().take_status(unit, request.list_id)?;
        Some(task.fill(|sink| record.write_status(sink)))
    }

    /// What is told as a whole, or with an ALLOCATION LENGTH of zero isn't wanted, is forgotten (SPC-3,
    /// FAILED SEGMENT DETAILS service action).
    fn fill_details(&mut self, task: &mut Task, request: &ReceiveCopyResults) -> Filled {
        let (unit, format) = (task.address().unit, task.sense_format());
        let ending = self.records().details(unit, request.list_id)?;
        let filled = task.fill(|sink| Ending::write_details(ending.as_ref(), format, sink));
        if filled.is_ok() && is_last_time(request) {
            self.records().forget_details(unit, request.list_id);
        }
        Some(filled)
    }

    /// As above (SPC-3, RECEIVE DATA service action).
    fn fill_data(&mut self, task: &mut Task, request: &ReceiveCopyResults) -> Filled {
        let unit = task.address().unit;
        let place = self.records().held(unit, request.list_id)?;
        let held = self.held.get(place).map_or(&[][..], |held| held.as_slice());
        let filled = task.fill(|sink| report::write_held(held, sink));
        if filled.is_ok() && is_last_time(request) {
            self.hold(place, KVVec::new());
            self.records().forget_held(unit, request.list_id);
        }
        Some(filled)
    }
}

fn is_last_time(request: &ReceiveCopyResults) -> bool {
    request.allocation == 0 || request.allocation >= request.what.max_len()
}

/// COPY ABORT, in a worker.
pub(super) struct Abort;

impl Run<TaskBody> for Abort {
    fn run(token: Token<TaskBody>) {
        let task = Task::from(token);
        let list = match cdb::parse(task.cdb()) {
            Ok(Command::CopyAbort(request)) => u8::try_from(request.list_id).ok(),
            _ => None,
        };
        let unit = task.address().unit;
        let copies = &task.endpoint().nexus.copies;
        match list.and_then(|id| copies.abort(unit, id)) {
            None => task.fail(UNKNOWN_LIST),
            Some(true) => task.good(),
            // A device holds it still: the initiator may ask again.
            Some(false) => task.end_with(Status::Busy),
        }
    }
}
