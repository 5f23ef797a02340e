// SPDX-License-Identifier: GPL-2.0

//! One command in a session's table: what it is, where it stands.

use crate::plan::{Extent, Plan};
use kernel::sync::atomic::{ordering, Atomic};
use stmf_scsi::{
    tmf::TaskAttribute,
    ControlSettings, //
};

/// Where a command stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// No command.
    Free,
    /// The port receives its data-out.
    Receiving,
    /// It waits for others in the task set.
    Queued,
    /// Its logical unit or the device below has it.
    Executing,
    /// The port sends data-in and status.
    SendingData,
    /// The port sends the status.
    SendingStatus,
}

pub(super) const FREE: u32 = 0;
pub(super) const RECEIVING: u32 = 1;
pub(super) const QUEUED: u32 = 2;
pub(super) const EXECUTING: u32 = 3;
pub(super) const SENDING_DATA: u32 = 4;
pub(super) const SENDING_STATUS: u32 = 5;
pub(super) const STAGES: u32 = 0xff;
/// Flag beside the stage: the command was aborted.
pub(super) const ABORTED: u32 = 0x100;
/// With [`ABORTED`]: its initiator is to get TASK ABORTED status.
pub(super) const TELL: u32 = 0x200;
/// With [`RECEIVING`] or [`QUEUED`]: others in the task set come first.
pub(super) const DORMANT: u32 = 0x800;
/// With [`ABORTED`] and [`EXECUTING`]: nobody waits for the device to let go of it.
pub(super) const DETACHED: u32 = 0x400;
/// Above the flags: which of the commands it is that the slot has had. So nothing that was decided of one
/// command can happen to the next, which has the same stage.
const GENERATION: u32 = 0xffff_f000;
const NEXT_GENERATION: u32 = 0x1000;

impl Stage {
    pub(super) fn of(state: u32) -> Self {
        match state & STAGES {
            RECEIVING => Stage::Receiving,
            QUEUED => Stage::Queued,
            EXECUTING => Stage::Executing,
            SENDING_DATA => Stage::SendingData,
            SENDING_STATUS => Stage::SendingStatus,
            _ => Stage::Free,
        }
    }
}

/// Whether the state is that of a command that was aborted while it was executing.
pub(super) fn is_orphan(state: u32) -> bool {
    state & (STAGES | ABORTED) == EXECUTING | ABORTED
}

/// What a command may still do when it was aborted while it was executing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing that an initiator could notice: it reads.
    None,
    /// Write to these blocks.
    Writes(Extent),
    /// Change something else than the medium.
    Changes,
}

impl Effect {
    pub(crate) fn of(plan: &Plan) -> Self {
        match (plan.extent, plan.phase) {
            (Some(extent), _) if extent.writes => Effect::Writes(extent),
            (_, phase) if phase.is_from_initiator() => Effect::Changes,
            _ => Effect::None,
        }
    }
}

/// How commands are aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Abort {
    /// Their initiator gets no answer.
    Silently,
    /// Their initiator gets TASK ABORTED status.
    Telling,
    /// Their I_T nexus is gone.
    NexusLost,
    /// Their logical unit goes, and the data that they need doesn't come: silently, even those whose
    /// initiator would have got TASK ABORTED status behind that data.
    UnitGone,
}

impl Abort {
    /// How a logical unit's commands are aborted by a nexus, theirs or another (SAM-5 5.7.3).
    pub(crate) fn by(control: ControlSettings, own: bool) -> Self {
        if control.tas && !own {
            Abort::Telling
        } else {
            Abort::Silently
        }
    }

    /// The state of a command that wasn't aborted before.
    pub(super) fn mark(self, state: u32, effect: Effect) -> u32 {
        state
            | match self {
                Abort::Silently if effect == Effect::None => ABORTED | DETACHED,
                Abort::Silently | Abort::UnitGone => ABORTED,
                Abort::Telling => ABORTED | TELL,
                Abort::NexusLost => ABORTED | DETACHED,
            }
    }

    /// The state of a command that was aborted already.
    pub(super) fn mark_again(self, state: u32) -> u32 {
        match self {
            Abort::Telling => state,
            // Who has aborted it, too, may use its tag again when that is complete.
            Abort::Silently | Abort::UnitGone => state & !TELL,
            // Who is gone is told nothing.
            Abort::NexusLost => (state | DETACHED) & !TELL,
        }
    }
}

/// A place in the table.
pub(super) struct Entry {
    pub(super) state: Atomic<u32>,
    /// The operation code, an [`Effect`] without its extent, the task attribute, [`PIECE`], [`IN_ORDER`],
    /// and the connection.
    pub(super) facts: Atomic<u32>,
    pub(super) tag: Atomic<u64>,
    /// The id of the logical unit, 0 before it is known.
    pub(super) lu: Atomic<u64>,
    /// Nanoseconds on the monotonic clock.
    pub(super) since: Atomic<i64>,
    /// What was charged for it.
    pub(super) bytes: Atomic<u64>,
    /// The blocks that it writes.
    lba: Atomic<u64>,
    blocks: Atomic<u64>,
}

const WRITES: u32 = 0x100;
const CHANGES: u32 = 0x200;
const ORDERED: u32 = 0x1_0000;
const HEAD: u32 = 0x2_0000;
/// The command is the copy manager's.
pub(super) const PIECE: u32 = 0x4_0000;
/// The command may have others before it in an order.
const IN_ORDER: u32 = 0x8_0000;
/// Where the number of the connection begins.
const CONNECTION: u32 = 24;
/// What is known of a command before it is planned.
const ORIGIN: u32 = 0xff << CONNECTION | IN_ORDER | PIECE | 0xff;

/// The facts of a command that arrives by a connection.
pub(super) fn origin(opcode: u8, connection: u8) -> u32 {
    u32::from(opcode) | u32::from(connection) << CONNECTION
}

impl Entry {
    pub(super) fn free() -> Self {
        Self {
            state: Atomic::new(FREE),
            facts: Atomic::new(0),
            tag: Atomic::new(0),
            lu: Atomic::new(0),
            since: Atomic::new(0),
            bytes: Atomic::new(0),
            lba: Atomic::new(0),
            blocks: Atomic::new(0),
        }
    }

    pub(super) fn set_effect(&self, effect: Effect) {
        let flag = match effect {
            Effect::None => 0,
            Effect::Writes(extent) => {
                self.lba.store(extent.lba, ordering::Relaxed);
                self.blocks.store(extent.blocks, ordering::Relaxed);
                WRITES
            }
            Effect::Changes => CHANGES,
        };
        let origin = self.facts.load(ordering::Relaxed) & ORIGIN;
        self.facts.store(origin | flag, ordering::Relaxed);
    }

    /// The attribute of a command that has entered an order; the others count as SIMPLE.
    pub(super) fn set_attribute(&self, attribute: TaskAttribute) {
        let flag = match attribute {
            TaskAttribute::Ordered => ORDERED,
            TaskAttribute::HeadOfQueue => HEAD,
            TaskAttribute::Simple | TaskAttribute::Aca => 0,
        };
        self.add_fact(flag);
    }

    fn add_fact(&self, flag: u32) {
        let facts = self.facts.load(ordering::Relaxed);
        self.facts.store(facts | flag, ordering::Relaxed);
    }

    pub(super) fn set_in_order(&self) {
        self.add_fact(IN_ORDER);
    }

    pub(super) fn is_in_order(&self) -> bool {
        self.facts.load(ordering::Relaxed) & IN_ORDER != 0
    }

    /// What the entry says in a state that was read from it with acquire ordering.
    pub(super) fn view(&self, index: u8, state: u32, now: i64) -> TaskView {
        let facts = self.facts.load(ordering::Relaxed);
        let since = self.since.load(ordering::Relaxed);
        TaskView {
            slot: Slot::of(index, state),
            attribute: if facts & ORDERED != 0 {
                TaskAttribute::Ordered
            } else if facts & HEAD != 0 {
                TaskAttribute::HeadOfQueue
            } else {
                TaskAttribute::Simple
            },
            dormant: state & DORMANT != 0,
            is_piece: facts & PIECE != 0,
            tag: self.tag.load(ordering::Relaxed),
            lu: self.lu.load(ordering::Relaxed),
            stage: Stage::of(state),
            aborted: state & ABORTED != 0,
            is_told: state & TELL != 0,
            detached: state & DETACHED != 0,
            // CAST: the low byte is meant.
            opcode: facts as u8,
            // CAST: the high byte is what is left.
            connection: (facts >> CONNECTION) as u8,
            effect: if facts & WRITES != 0 {
                Effect::Writes(Extent {
                    lba: self.lba.load(ordering::Relaxed),
                    blocks: self.blocks.load(ordering::Relaxed),
                    writes: true,
                })
            } else if facts & CHANGES != 0 {
                Effect::Changes
            } else {
                Effect::None
            },
            bytes: self.bytes.load(ordering::Relaxed),
            since,
            age: now.saturating_sub(since),
        }
    }
}

/// A command's place in the table, held by its task.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    index: u8,
    /// [`GENERATION`].
    generation: u32,
}

impl Slot {
    /// That of the command whose state this is.
    pub(super) fn of(index: u8, state: u32) -> Self {
        Self {
            index,
            generation: state & GENERATION,
        }
    }

    /// That of the command after the one whose state this is.
    pub(super) fn after(index: u8, state: u32) -> Self {
        Self::of(index, state.wrapping_add(NEXT_GENERATION))
    }

    pub(super) fn index(self) -> usize {
        self.index.into()
    }

    /// The command's state with this stage and these flags.
    pub(super) fn at(self, stage: u32) -> u32 {
        self.generation | stage
    }
}

/// What a scan of the table sees of one command.
#[derive(Clone, Copy)]
pub(crate) struct TaskView {
    /// Its place.
    pub slot: Slot,
    /// The task attribute, of one that has entered an order.
    pub attribute: TaskAttribute,
    /// Whether others in the task set come first.
    pub dormant: bool,
    /// Whether it is the copy manager's, part of the EXTENDED COPY with the same tag.
    pub is_piece: bool,
    /// The port's tag.
    pub tag: u64,
    /// The id of the logical unit, 0 when it is for none.
    pub lu: u64,
    /// Where it stands.
    pub stage: Stage,
    /// Whether it was aborted.
    pub aborted: bool,
    /// Whether its initiator is to get TASK ABORTED status.
    pub is_told: bool,
    /// Whether nobody waits for it any more.
    pub detached: bool,
    /// The first byte of its CDB.
    pub opcode: u8,
    /// Which connection of its nexus it came by.
    pub connection: u8,
    /// What it may do.
    pub effect: Effect,
    /// Its memory: that of its data, and what its logical unit took for it.
    pub bytes: u64,
    /// When it arrived, in nanoseconds on the monotonic clock.
    pub since: i64,
    /// Nanoseconds since its arrival.
    pub age: i64,
}

impl TaskView {
    /// Whether it was aborted, but its device has it still.
    pub(crate) fn is_orphan(&self) -> bool {
        self.aborted && self.stage == Stage::Executing
    }

    /// Whether it is in the task set (SAM-5 8.1): neither aborted nor answered.
    pub(crate) fn is_alive(&self) -> bool {
        !self.aborted
            && matches!(
                self.stage,
                Stage::Receiving | Stage::Queued | Stage::Executing
            )
    }
}
