// SPDX-License-Identifier: GPL-2.0

//! The copy manager's own commands.
//!
//! They are tasks of the nexus that sent the EXTENDED COPY, in its table of commands, with the tag of
//! that command: whatever aborts commands of the nexus or of a logical unit finds them, ABORT TASK of the
//! EXTENDED COPY too, and waits for them. They differ from its other commands in three things:
//!
//! * a unit attention is left for the initiator;
//! * they have no place in the order of a task set. The EXTENDED COPY has one; were its pieces to wait
//!   for commands that wait for it, none would ever go on;
//! * their answer goes to a [`Mailbox`], in any case.

use super::manager::Copying;
use crate::{
    access,
    admit,
    lu::LuPath,
    nexus::Endpoint,
    plan::{DataPhase, Plan, Refusal},
    statistics::Stopwatch,
    task::{Finished, Incoming, Outcome, TaskBody, CDB_MAX},
    taskset::{Effect, Slot}, //
};
use core::mem;
use kernel::{
    prelude::*,
    sync::{rcu, Arc}, //
};
use stmf_kernel::{
    io::Room,
    live::LiveRef,
    pages::{Contents, PageList},
    queue::Queue,
    token::Token,
    trace::{self, Arrival},
    wait::WaitQueue, //
};
use stmf_scsi::{
    copy::command::Cdb,
    AdditionalSense,
    Sense,
    Status, //
};

/// Whose command a task is.
pub(crate) enum Origin {
    /// The initiator's.
    Initiator,
    /// The copy manager's, and where its answer goes.
    Copy(Arc<Mailbox>),
    /// The copy manager's, and it was answered.
    Answered,
}

/// Where the answer to a command of the copy manager's goes.
#[pin_data]
pub(crate) struct Mailbox {
    tasks: Queue<TaskBody>,
    #[pin]
    arrived: WaitQueue,
}

impl Mailbox {
    fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                tasks: Queue::new(),
                arrived <- WaitQueue::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Any context. When nobody waits any more, the command ends with the last reference.
    pub(crate) fn deliver(&self, task: Token<TaskBody>) {
        self.tasks.push(task);
        self.arrived.wake_all();
    }
}

/// A logical unit in the nexus's map.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) lun: u16,
    /// The unit's own number: another unit may have the LUN later.
    pub(crate) unit: u64,
}

/// A command for a logical unit.
#[derive(Clone, Copy)]
pub(super) struct Command {
    pub(super) to: Address,
    pub(super) cdb: Cdb,
}

/// How a command ended.
pub(super) struct Ended {
    pub(super) outcome: Result<(), Fault>,
    /// What was read, or was to be written.
    pub(super) data: PageList,
}

/// Why a command failed.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// The nexus doesn't see the unit any more.
    NotThere,
    /// The unit, or the framework in its place, said so.
    Device(Status, Option<Sense>),
}

const BUSY: Fault = Fault::Device(Status::Busy, None);

impl Fault {
    /// Whether another try makes sense.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Fault::Device(Status::Busy | Status::TaskSetFull, _))
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Sense(sense) => Fault::Device(Status::CheckCondition, Some(sense)),
            Refusal::Status(status) => Fault::Device(status, None),
        }
    }
}

/// A command on its way.
pub(super) struct Flight {
    pub(super) command: Command,
    state: State,
}

enum State {
    /// A logical unit has it.
    Out(Arc<Mailbox>),
    /// It was over at once.
    In(Ended),
}

impl Flight {
    /// Sends a command, with the data to be written. Process context; may sleep for memory.
    pub(super) fn start(copy: &Copying<'_>, command: Command, mut data: PageList) -> Self {
        let state = match Mailbox::new() {
            Ok(mailbox) => match admit(copy, &command, &mut data, &mailbox) {
                Ok(incoming) => {
                    incoming.execute();
                    State::Out(mailbox)
                }
                Err(fault) => State::In(Ended {
                    outcome: Err(fault),
                    data,
                }),
            },
            Err(_) => State::In(Ended {
                outcome: Err(BUSY),
                data,
            }),
        };
        Self { command, state }
    }

    /// Waits until the command is over; not when `is_time` says that it's time to leave it to itself.
    pub(super) fn wait(self, mut is_time: impl FnMut() -> bool) -> Option<Ended> {
        let mailbox = match self.state {
            State::Out(mailbox) => mailbox,
            State::In(ended) => return Some(ended),
        };
        loop {
            let arrived = || !mailbox.tasks.is_empty();
            mailbox
                .arrived
                .wait_timeout(super::manager::GLANCE, arrived);
            if let Some(task) = mailbox.tasks.take_all().next() {
                return Some(ended(task.into()));
            }
            if is_time() {
                return None;
            }
        }
    }
}

fn ended(task: Finished) -> Ended {
    let Outcome { status, sense, .. } = task.outcome();
    let outcome = match status {
        Status::Good => Ok(()),
        _ => Err(Fault::Device(status, sense)),
    };
    Ended {
        outcome,
        data: task.release(),
    }
}

/// Takes a command into the nexus's table, with all that it needs; the data only when it can.
fn admit(
    copy: &Copying<'_>,
    command: &Command,
    data: &mut PageList,
    mailbox: &Arc<Mailbox>,
) -> Result<Incoming, Fault> {
    let endpoint = copy.endpoint();
    let tasks = endpoint.tasks();
    let [opcode, ..] = command.cdb;
    let Some(slot) = tasks.take_piece(copy.tag(), opcode, endpoint.number) else {
        return Err(Fault::Device(Status::TaskSetFull, None));
    };
    let admitted = decide(copy, command, slot, data)
        .and_then(|(lu, plan)| build(endpoint, command, slot, lu, plan, data, mailbox));
    admitted.inspect_err(|_| tasks.release(slot))
}

/// Finds the unit, asks it, and reserves the memory for what is read.
fn decide(
    copy: &Copying<'_>,
    command: &Command,
    slot: Slot,
    data: &mut PageList,
) -> Result<(LiveRef<LuPath>, Plan), Fault> {
    if copy.has_to_end() {
        // Whoever aborts the copy from now on finds this command in the table. Who did before hasn't, and doesn't
        // wait for it.
        return Err(BUSY);
    }
    let endpoint = copy.endpoint();
    let nexus = &endpoint.nexus;
    let (lu, access) = {
        let guard = rcu::read_lock();
        let itl = nexus.luns.read(command.to.lun.into(), &guard);
        let itl = itl.filter(|itl| itl.lu.entry.id == command.to.unit);
        let itl = itl.ok_or(Fault::NotThere)?;
        // As in `admit::decide`.
        endpoint.tasks().set_lu(slot, itl.lu.entry.id);
        (itl.lu.clone(), itl.access())
    };
    access.check(&command.cdb).map_err(Refusal::Sense)?;
    let plan = access::plan(&endpoint.framework, nexus, &lu.entry, &command.cdb)?;
    if admit::is_blocked(endpoint, &lu.entry, &plan) {
        return Err(BUSY);
    }
    endpoint.tasks().set_effect(slot, Effect::of(&plan));
    let (len, contents) = match plan.phase {
        DataPhase::FromMedium(len) => (len as usize, Some(Contents::Garbage)),
        DataPhase::Answer(len) => (len as usize, Some(Contents::Zeroed)),
        DataPhase::None => (0, None),
        DataPhase::ToMedium { len, .. }
        | DataPhase::FromInitiator(len)
        | DataPhase::ListFromInitiator(len) => (len as usize, None),
    };
    endpoint.tasks().charge_piece(slot, len);
    match contents {
        Some(contents) => *data = PageList::alloc(len, contents).map_err(|_| BUSY)?,
        // Its blocks have another length by now.
        None if data.len() != len => {
            let sense = Sense::hardware(AdditionalSense::INTERNAL_TARGET_FAILURE);
            return Err(Refusal::Sense(sense).into());
        }
        None => (),
    }
    Ok((lu, plan))
}

fn build(
    endpoint: &Arc<Endpoint>,
    command: &Command,
    slot: Slot,
    lu: LiveRef<LuPath>,
    plan: Plan,
    data: &mut PageList,
    mailbox: &Arc<Mailbox>,
) -> Result<Incoming, Fault> {
    let mut cdb = [0; CDB_MAX];
    for (to, from) in cdb.iter_mut().zip(command.cdb) {
        *to = from;
    }
    trace::task_admit(|| Arrival {
        session: endpoint.nexus.id,
        tag: endpoint.tasks().tag(slot),
        guid: *lu.entry.guid.as_bytes(),
        cdb: &command.cdb,
        expected: u32::try_from(data.len()).unwrap_or(u32::MAX),
    });
    let stopwatch = Stopwatch::start(endpoint.tasks().arrived(slot));
    // `init!` has a `slot` of its own.
    let place = slot;
    Incoming::new(init!(TaskBody {
        endpoint: endpoint.clone(),
        place,
        lu: Some(lu),
        lun: command.to.lun,
        stopwatch,
        cdb,
        // CAST: 16.
        cdb_len: command.cdb.len() as u8,
        phase: plan.phase,
        expected: u32::try_from(data.len()).unwrap_or(u32::MAX),
        note: 0,
        data: mem::replace(data, PageList::empty()),
        room <- Room::init(),
        outcome: None,
        origin: Origin::Copy(mailbox.clone()),
    }))
    .map_err(|_| BUSY)
}
