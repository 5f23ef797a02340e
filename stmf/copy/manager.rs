// SPDX-License-Identifier: GPL-2.0

//! A copy: one worker that works off a parameter list.
//!
//! A segment is copied in pieces: one is read while the one before it is written, in the same pages. So a
//! copy has two commands at most in the devices, which others come between, and needs the memory of two
//! pieces. Between two pieces, and every now and then while it waits for one, it looks whether it is to
//! end.

use super::{
    piece::{Address, Command, Ended, Fault, Flight},
    units::{Unit, Units}, //
};
use crate::{
    nexus::{Endpoint, Nexus},
    task::{Task, TaskBody},
    taskset::{Abort, TaskView}, //
};
use core::cell::Cell;
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::{
        rcu,
        Arc, //
    },
    time::{delay::fsleep, Delta, Instant, Monotonic, Nsec}, //
};
use stmf_kernel::{
    kthread,
    pages::{Contents, PageList},
    token::Token,
    work::{self, Run}, //
};
use stmf_scsi::{
    copy::{
        command,
        Ending,
        Lengths,
        Pads,
        ParameterList,
        Plan,
        Residual,
        Segment,
        Step,
        Steps,
        HELD_DATA_LIMIT,
        MAX_TOTAL, //
    },
    sense::{CopySide, Forwarded},
    AdditionalSense,
    Sense,
    SenseKey,
    Status, //
};

/// The most bytes of a piece.
const PIECE: u32 = 512 << 10;

/// How often a copy that waits for a device looks whether it is to end.
pub(super) const GLANCE: Delta<Nsec> = Delta::from_millis(100);

/// How long a copy that was aborted waits for the devices before it leaves its pieces to them. Longer than
/// task management functions and COPY ABORT wait, so that nobody is told that the copy is over while it
/// may still write.
const PATIENCE_ABORTED: Delta<Nsec> = Delta::from_secs(5);

/// As above, for a copy whose logical unit leaves; shorter than a logical unit waits that is taken
/// offline.
const PATIENCE: Delta<Nsec> = Delta::from_secs(3);

/// How often a command is sent again that a unit was too busy for, and how much later.
const TRIES: u32 = 50;
/// See [`TRIES`].
const PAUSE: Delta<Nsec> = Delta::from_millis(100);

/// The copies that an initiator may have in progress, by however many nexuses: there is room for others', too.
const MAX_OF_INITIATOR: usize = MAX_TOTAL as usize / 4;

/// The nexuses of the copies in progress: one for each copy.
pub(crate) struct InProgress(KVec<Arc<Nexus>>);

impl InProgress {
    pub(crate) fn new() -> Result<Self, AllocError> {
        KVec::with_capacity(MAX_TOTAL.into(), GFP_KERNEL).map(Self)
    }

    /// Another copy begins, if it may.
    fn begin(&mut self, nexus: &Arc<Nexus>) -> bool {
        let of_initiator = |other: &&Arc<Nexus>| *other.initiator == *nexus.initiator;
        self.0.len() < MAX_TOTAL.into()
            && self.0.iter().filter(of_initiator).count() < MAX_OF_INITIATOR
            && self.0.push_within_capacity(nexus.clone()).is_ok()
    }

    /// A copy is over.
    fn end(&mut self, nexus: &Nexus) {
        let place = self.0.iter().position(|other| other.id == nexus.id);
        let _ = place.map(|place| self.0.remove(place));
    }
}

/// How an EXTENDED COPY ends, if not well.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// CHECK CONDITION.
    Sense(Sense),
    /// Another status.
    Status(Status),
}

impl From<Sense> for End {
    fn from(sense: Sense) -> Self {
        Self::Sense(sense)
    }
}

impl From<AllocError> for End {
    fn from(_: AllocError) -> Self {
        Self::Status(Status::Busy)
    }
}

/// Starts an EXTENDED COPY.
pub(super) fn start(task: Task) {
    let Endpoint {
        framework, nexus, ..
    } = &**task.endpoint();
    match super::QUEUE.get() {
        Some(queue) if framework.copying.lock().begin(nexus) => {
            work::later::<TaskBody, Worker>(&queue, task.into());
        }
        _ => task.end_with(Status::Busy),
    }
}

struct Worker;

impl Run<TaskBody> for Worker {
    fn run(token: Token<TaskBody>) {
        let task = Task::from(token);
        let outcome = perform(&task);
        let endpoint = task.endpoint();
        endpoint.framework.copying.lock().end(&endpoint.nexus);
        match outcome {
            Ok(()) => task.good(),
            Err(End::Sense(sense)) => task.fail(sense),
            Err(End::Status(status)) => task.end_with(status),
        }
    }
}

fn perform(task: &Task) -> Result<(), End> {
    let bytes = task.parameter_list()?;
    if bytes.is_empty() {
        return Ok(());
    }
    let list = ParameterList::parse(&bytes)?;
    let copies = &task.endpoint().nexus.copies;
    let home = task.address();
    let place = copies.begin(home.unit, list.id)?;
    let mut copy = Copying {
        task,
        home,
        place,
        noticed: Cell::new(None),
        held: KVVec::new(),
    };
    let outcome = copy.segments(&list);
    let ending = match outcome {
        Ok(()) => Ending {
            status: Status::Good,
            sense: None,
        },
        Err(End::Sense(sense)) => Ending {
            status: Status::CheckCondition,
            sense: Some(sense),
        },
        Err(End::Status(status)) => Ending {
            status,
            sense: None,
        },
    };
    copies.end(place, ending, copy.held);
    outcome
}

/// A copy in progress.
pub(super) struct Copying<'a> {
    task: &'a Task,
    /// The unit whose copy manager this is.
    home: Address,
    /// Among the nexus's copies.
    place: usize,
    /// When it was seen that the copy is to end.
    noticed: Cell<Option<Instant<Monotonic>>>,
    /// The held data.
    held: KVVec<u8>,
}

/// Why a copy ends early.
#[derive(Clone, Copy)]
enum Cause {
    /// The EXTENDED COPY was aborted.
    Aborted,
    /// COPY ABORT.
    CopyAbort,
    /// The unit that it was sent to is on its way offline, or not the nexus's any more.
    Leaving,
}

impl From<Cause> for End {
    fn from(cause: Cause) -> Self {
        match cause {
            // Nobody is told, or TASK ABORTED.
            Cause::Aborted => Self::Status(Status::TaskAborted),
            Cause::CopyAbort => Self::Sense(Sense::new(
                SenseKey::CopyAborted,
                AdditionalSense::COMMANDS_CLEARED_BY_DEVICE_SERVER,
            )),
            Cause::Leaving => Self::Sense(Sense::not_ready(AdditionalSense::NOT_READY_OFFLINE)),
        }
    }
}

impl Copying<'_> {
    pub(super) fn endpoint(&self) -> &Arc<Endpoint> {
        self.task.endpoint()
    }

    pub(super) fn tag(&self) -> u64 {
        self.task.tag()
    }

    fn nexus(&self) -> &Arc<Nexus> {
        &self.endpoint().nexus
    }

    /// Whether nothing more may be begun of it.
    pub(super) fn has_to_end(&self) -> bool {
        self.cause().is_some()
    }

    /// Why the copy has to end, if it has.
    fn cause(&self) -> Option<Cause> {
        if self.task.is_aborted() {
            return Some(Cause::Aborted);
        }
        if self.nexus().copies.is_aborted(self.place) {
            return Some(Cause::CopyAbort);
        }
        let guard = rcu::read_lock();
        let itl = self.nexus().luns.read(self.home.lun.into(), &guard);
        match itl {
            Some(itl) if itl.lu.entry.id == self.home.unit => None,
            _ => Some(Cause::Leaving),
        }
    }

    fn check(&self) -> Result<(), End> {
        self.cause().map_or(Ok(()), |cause| Err(cause.into()))
    }

    /// Looks, with a command in a device, whether the copy has to end; says whether it has waited for the
    /// device for long enough.
    fn is_time_to_leave(&self) -> bool {
        let Some(cause) = self.cause() else {
            return false;
        };
        let since = self.noticed.get().unwrap_or_else(|| {
            let now = Instant::now();
            self.noticed.set(Some(now));
            self.abort_pieces();
            now
        });
        let patience = match cause {
            Cause::Aborted | Cause::CopyAbort => PATIENCE_ABORTED,
            Cause::Leaving => PATIENCE,
        };
        let over = since.elapsed() >= patience;
        if over {
            // What came after the first look.
            self.abort_pieces();
            self.nexus().tasks.detach(self.pieces());
        }
        over
    }

    /// The pieces become orphans: those that a device has write before any later command to their blocks.
    fn abort_pieces(&self) {
        let framework = &self.endpoint().framework;
        framework.abort(self.nexus(), Abort::Silently, self.pieces());
    }

    fn pieces(&self) -> impl Fn(&TaskView) -> bool {
        let tag = self.tag();
        move |task| task.is_piece && task.tag == tag
    }

    /// Sends a command and waits for its end.
    pub(super) fn carry_out(&self, command: Command, data: PageList) -> Result<Ended, End> {
        self.check()?;
        self.land(Flight::start(self, command, data))
    }

    /// Waits for a command's end; sends it again when a unit was too busy.
    fn land(&self, mut flight: Flight) -> Result<Ended, End> {
        let command = flight.command;
        let mut tries = 0;
        loop {
            let Some(ended) = flight.wait(|| self.is_time_to_leave()) else {
                self.check()?;
                // It was to end, and isn't any more: a unit that came back. Its pieces are gone.
                return Err(Cause::Leaving.into());
            };
            self.check()?;
            match ended.outcome {
                Err(fault) if fault.is_passing() && tries < TRIES => {
                    tries += 1;
                    fsleep(PAUSE);
                    self.check()?;
                    flight = Flight::start(self, command, ended.data);
                }
                _ => return Ok(ended),
            }
        }
    }

    fn segments(&mut self, list: &ParameterList<'_>) -> Result<(), End> {
        let mut units = Units::new(list)?;
        let mut carry = Carry::default();
        let mut segments = list.segments().peekable();
        while let Some(segment) = segments.next() {
            let is_last = segments.peek().is_none();
            self.segment(&mut units, &segment, &mut carry, is_last)?;
            self.nexus().copies.progress(self.place, |record| {
                record.segments = record.segments.saturating_add(1);
            });
        }
        Ok(())
    }

    fn segment(
        &mut self,
        units: &mut Units<'_>,
        segment: &Segment,
        carry: &mut Carry,
        is_last: bool,
    ) -> Result<(), End> {
        let source = units.of(self, segment, CopySide::Source)?;
        let destination = units.of(self, segment, CopySide::Destination)?;
        let lengths = Lengths {
            source: source.block_length,
            destination: destination.block_length,
        };
        let pads = Pads {
            source: source.pad,
            destination: destination.pad,
        };
        let plan = segment.plan(lengths, pads, carry.residual, is_last)?;
        segment.check_ranges(&plan, source.blocks, destination.blocks)?;
        let overlaps = source.address.unit == destination.address.unit && segment.overlaps(&plan);
        let mut steps = Steps::new(
            plan,
            lengths,
            carry.residual.len(),
            piece(&source, &destination),
        );
        // Data that moves upwards onto itself is copied from its end, so that it is read before it is
        // overwritten.
        let from_the_end =
            overlaps && segment.source_lba < segment.destination_lba && carry.residual.is_empty();
        if from_the_end {
            steps = steps.from_the_end();
        }
        let mut transfer = Transfer {
            copy: self,
            segment,
            plan,
            source,
            destination,
            carry,
            from_the_end,
            moved: 0,
            written: 0,
        };
        transfer.perform(steps, !overlaps)
    }

    /// COPY ABORTED, because of a command to the source or the destination of a segment.
    pub(super) fn device_fault(&self, segment: &Segment, side: CopySide, fault: Fault) -> End {
        match fault {
            Fault::NotThere => {
                let field = match side {
                    CopySide::Source => Segment::SOURCE_FIELD,
                    CopySide::Destination => Segment::DESTINATION_FIELD,
                };
                let code = AdditionalSense::COPY_TARGET_DEVICE_NOT_REACHABLE;
                segment.fault(code, field).into()
            }
            Fault::Device(status, sense) => {
                let forwarded = Forwarded {
                    side,
                    status,
                    sense: sense.map(|sense| (sense.key, sense.code)),
                };
                Sense::third_party(segment.number, forwarded).into()
            }
        }
    }

    /// Keeps data for RECEIVE DATA, as far as there is room.
    fn hold(&mut self, data: &PageList) {
        let mut room = (HELD_DATA_LIMIT as usize).saturating_sub(self.held.len());
        for slice in data.slices() {
            let now = slice.get(..room.min(slice.len())).unwrap_or(slice);
            let kept = self.held.extend_from_slice(now, GFP_KERNEL).is_ok();
            room = room.saturating_sub(now.len());
            if !kept || now.len() < slice.len() {
                return self.discard();
            }
        }
    }

    /// Notes that not all data is kept for RECEIVE DATA.
    fn discard(&self) {
        let copies = &self.nexus().copies;
        copies.progress(self.place, |record| record.discarded = true);
    }
}

/// The most that is read at a time, so that neither unit gets more blocks in a command than it takes, with
/// what is left of a segment before.
fn piece(source: &Unit, destination: &Unit) -> u32 {
    let most = |unit: &Unit| {
        let blocks = unit.max_blocks.saturating_sub(1).max(1);
        blocks.saturating_mul(unit.block_length)
    };
    let longest = source.block_length.max(destination.block_length);
    let most = PIECE.min(most(source)).min(most(destination));
    // Whole blocks of both, where blocks are powers of two: then no data has to be moved in memory.
    most.checked_rem(longest).map_or(most, |rest| most - rest)
}

/// Bytes that are left of a segment.
#[derive(Default)]
struct Carry {
    bytes: KVVec<u8>,
    residual: Residual,
}

/// A segment under way.
struct Transfer<'a, 'b> {
    copy: &'a mut Copying<'b>,
    segment: &'a Segment,
    plan: Plan,
    source: Unit,
    destination: Unit,
    carry: &'a mut Carry,
    from_the_end: bool,
    /// The blocks that are done, of those that the segment counts.
    moved: u64,
    /// The bytes that were arranged to be written.
    written: u64,
}

impl Transfer<'_, '_> {
    /// `ahead`: a piece may be read while the one before it is written.
    fn perform(&mut self, mut steps: Steps, ahead: bool) -> Result<(), End> {
        let mut next = steps.next();
        let mut reading = next.and_then(|step| self.read(&step));
        while let Some(step) = next {
            let data = match reading.take() {
                Some(flight) => {
                    let ended = self.copy.land(flight)?;
                    self.successful(ended, CopySide::Source)?
                }
                None => PageList::empty(),
            };
            next = steps.next();
            if ahead {
                reading = next.and_then(|step| self.read(&step));
            }
            let written = self.write(&step, data);
            if written.is_err() {
                // Its memory is the copy's, its tag the initiator's.
                if let Some(flight) = reading.take() {
                    let _ = self.copy.land(flight);
                }
                return written;
            }
            if !ahead {
                reading = next.and_then(|step| self.read(&step));
            }
            kthread::yield_if_due();
        }
        // What was for the destination comes first; what isn't for the next segment is dropped.
        let after = self.plan.after;
        let kept = usize::try_from(after.len()).unwrap_or(usize::MAX);
        self.carry.bytes.truncate(kept);
        self.carry.residual = after;
        Ok(())
    }

    /// Starts to read a piece, if anything is read.
    fn read(&self, step: &Step) -> Option<Flight> {
        let lba = self.segment.source_lba.saturating_add(step.read_at);
        let command = Command {
            to: self.source.address,
            cdb: command::read(lba, step.read),
        };
        (step.read > 0).then(|| Flight::start(self.copy, command, PageList::empty()))
    }

    fn write(&mut self, step: &Step, data: PageList) -> Result<(), End> {
        if self.segment.held {
            // Held data is in the order of the segment.
            if self.from_the_end && step.read_at > 0 {
                self.copy.discard();
            } else {
                self.copy.hold(&data);
            }
        }
        let len = step.write as usize * self.destination.block_length as usize;
        let data = self.arrange(data, len)?;
        if step.write > 0 {
            let lba = self.segment.destination_lba.saturating_add(step.write_at);
            let command = Command {
                to: self.destination.address,
                cdb: command::write(lba, step.write),
            };
            let ended = self.copy.carry_out(command, data)?;
            self.successful(ended, CopySide::Destination)?;
        }
        let blocks = if self.segment.dc {
            step.write
        } else {
            step.read
        };
        self.moved = self.moved.saturating_add(blocks.into());
        self.copy
            .nexus()
            .copies
            .progress(self.copy.place, |record| {
                record.written = record.written.saturating_add(len as u64);
            });
        Ok(())
    }

    /// Makes the data that is to be written: what was left before, then what was read, cut or filled up to
    /// its length. The pages that were read are used as they are where they are just that.
    fn arrange(&mut self, mut data: PageList, len: usize) -> Result<PageList, End> {
        let ready = self.plan.ready.saturating_sub(self.written);
        self.written = self.written.saturating_add(len as u64);
        let own = len.min(usize::try_from(ready).unwrap_or(usize::MAX));
        let carried = &mut self.carry.bytes;
        if carried.is_empty() && data.len() >= len && own == len {
            keep_from(carried, &data, len)?;
            data.truncate(len);
            return Ok(data);
        }
        keep_from(carried, &data, 0)?;
        let mut whole = PageList::alloc(len, Contents::Zeroed)?;
        whole.write_at(0, carried.get(..own).unwrap_or(carried));
        let mut kept = KVVec::new();
        kept.extend_from_slice(carried.get(own..).unwrap_or(&[]), GFP_KERNEL)?;
        *carried = kept;
        Ok(whole)
    }

    /// The data of a command that ended well; else why the copy ends, and how much of the segment wasn't
    /// copied (SPC-3, Errors detected during processing of segment descriptors).
    fn successful(&self, ended: Ended, side: CopySide) -> Result<PageList, End> {
        let Err(fault) = ended.outcome else {
            return Ok(ended.data);
        };
        let residue = u64::from(self.segment.blocks).saturating_sub(self.moved);
        Err(match self.copy.device_fault(self.segment, side, fault) {
            End::Sense(sense) => End::Sense(sense.with_information(residue)),
            end => end,
        })
    }
}

/// Keeps what a list has from `len` bytes on.
fn keep_from(kept: &mut KVVec<u8>, data: &PageList, len: usize) -> Result<(), AllocError> {
    let mut skip = len;
    for slice in data.slices() {
        let rest = slice.get(skip..).unwrap_or(&[]);
        kept.extend_from_slice(rest, GFP_KERNEL)?;
        skip = skip.saturating_sub(slice.len());
    }
    Ok(())
}
