// SPDX-License-Identifier: GPL-2.0

//! Admission: from a command on the wire to a task with all that it needs.

use crate::{
    access,
    copy::Origin,
    default_lu,
    lu::{LuEntry, LuPath},
    nexus::{Command, Endpoint, Itl, Nexus},
    order::Order,
    plan::{DataPhase, Plan, Refusal},
    statistics::{self, Stopwatch},
    task::{Incoming, News, Outcome, TaskBody, CDB_MAX},
    taskset::{Effect, Slot, TaskSet}, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::ordering,
        rcu,
        ArcBorrow, //
    }, //
};
use stmf_kernel::{
    io::Room,
    live::LiveRef,
    pages::{Contents, PageList},
    scsi_host,
    trace::{self, Arrival}, //
};
use stmf_scsi::{
    alua::AccessState,
    cdb::opcode::REQUEST_SENSE,
    tmf::TaskAttribute,
    ua::{self, UaDisposition, UnitAttention},
    AdditionalSense,
    Lun,
    Sense,
    Status, //
};

/// REPORT LUNS, which the framework answers for every logical unit (SPC-5 6.36).
const REPORT_LUNS: u8 = 0xa0;

/// What admission decides of a command. The list of its pages isn't in it, but filled where it is: it
/// is too long to be handed from one function to the next.
struct Decision {
    lu: Option<LiveRef<LuPath>>,
    phase: DataPhase,
    outcome: Option<Outcome>,
}

impl Decision {
    /// The command is over before it began.
    fn refuse(sense: Sense, lu: Option<&LiveRef<LuPath>>) -> Self {
        let format = lu.map_or(Default::default(), |lu| lu.entry.control().sense_format());
        Self::over(Outcome::check(sense, format), lu)
    }

    /// The command reports a unit attention (SAM-5 5.14).
    fn report(attention: UnitAttention, lu: &LiveRef<LuPath>) -> Self {
        let format = lu.entry.control().sense_format();
        let outcome = Outcome::check(attention.sense(), format);
        let news = News::Attention(attention);
        Self::over(Outcome { news, ..outcome }, Some(lu))
    }

    fn over(outcome: Outcome, lu: Option<&LiveRef<LuPath>>) -> Self {
        Self {
            lu: lu.cloned(),
            phase: DataPhase::None,
            outcome: Some(outcome),
        }
    }
}

/// `lender`: the command of a local host, with memory of its own; gone when the task is admitted.
pub(crate) fn admit(
    endpoint: ArcBorrow<'_, Endpoint>,
    command: &Command<'_>,
    lender: &mut Option<scsi_host::Command>,
) -> Result<Incoming, Status> {
    let opcode = command.cdb.first().copied().unwrap_or(0);
    let tasks = endpoint.tasks();
    let Some(slot) = tasks.take(command.tag, opcode, endpoint.number) else {
        statistics::count_refused(&endpoint.nexus, command.unit());
        return Err(Status::TaskSetFull);
    };
    let mut data = PageList::empty();
    let made = decide(&endpoint, command, opcode, slot, &mut data, lender)
        .and_then(|decision| build(endpoint, command, decision, slot, &mut data, lender));
    let incoming = made.map_err(|full| {
        tasks.release(slot);
        // Others may have waited for it, since its logical unit was noted.
        if let Some(lu) = &full.lu {
            Order::look_again(&lu.entry.order);
        }
        statistics::count_refused(&endpoint.nexus, command.unit());
        full.status
    })?;
    incoming
        .enter_order(command.attribute)
        .map_err(|_| Status::Busy)?;
    Ok(incoming)
}

/// Something is not to be had now.
struct Full {
    status: Status,
    /// The logical unit that was noted of the command.
    lu: Option<LiveRef<LuPath>>,
}

impl Full {
    /// There is no memory.
    fn memory(lu: Option<LiveRef<LuPath>>) -> Self {
        let status = Status::Busy;
        Self { status, lu }
    }

    /// The session, or all of them together, have as much as they may.
    fn share(tasks: &TaskSet, slot: Slot, lu: LiveRef<LuPath>) -> Self {
        Self {
            status: tasks.refusal(slot, lu.entry.id),
            lu: Some(lu),
        }
    }
}

fn build(
    endpoint: ArcBorrow<'_, Endpoint>,
    command: &Command<'_>,
    decision: Decision,
    slot: Slot,
    data: &mut PageList,
    lender: &mut Option<scsi_host::Command>,
) -> Result<Incoming, Full> {
    trace::task_admit(|| {
        let guid = decision.lu.as_ref().map(|lu| *lu.entry.guid.as_bytes());
        Arrival {
            session: endpoint.nexus.id,
            tag: command.tag,
            guid: guid.unwrap_or_default(),
            cdb: command.cdb,
            expected: command.expected,
        }
    });
    if let Some(lender) = lender.take() {
        data.carry(lender, command.write);
    }
    let mut cdb = [0; CDB_MAX];
    let cdb_len = command.cdb.len().min(CDB_MAX);
    if let (Some(to), Some(from)) = (cdb.get_mut(..cdb_len), command.cdb.get(..cdb_len)) {
        to.copy_from_slice(from);
    }
    let stopwatch = Stopwatch::start(endpoint.tasks().arrived(slot));
    // `init!` has a `slot` of its own.
    let place = slot;
    let lun = lun_of(command);
    // These stay here when there is no memory.
    let news = decision.outcome.map_or(News::None, |outcome| outcome.news);
    let mut lu = decision.lu;
    let unit = &mut lu;
    Incoming::new(init!(TaskBody {
        endpoint: endpoint.into(),
        place,
        lu: unit.take(),
        lun,
        stopwatch,
        cdb,
        // CAST: at most 32.
        cdb_len: cdb_len as u8,
        phase: decision.phase,
        expected: expected(decision.phase, command),
        note: 0,
        data <- data.take(),
        room <- Room::init(),
        outcome: decision.outcome,
        origin: Origin::Initiator,
    }))
    .map_err(|_| {
        if let Some(lu) = &lu {
            news.keep(&endpoint.nexus, lun, lu);
        }
        Full::memory(lu)
    })
}

/// The number of the logical unit; zero when the LUN field names none.
fn lun_of(command: &Command<'_>) -> u16 {
    command.unit().map_or(0, Lun::value)
}

fn decide(
    endpoint: &Endpoint,
    command: &Command<'_>,
    opcode: u8,
    slot: Slot,
    data: &mut PageList,
    lender: &mut Option<scsi_host::Command>,
) -> Result<Decision, Full> {
    let nexus = &endpoint.nexus;
    if opcode == REPORT_LUNS {
        return answered(default_lu::report_luns(nexus, command), None, command, data);
    }
    let (lu, state) = {
        let guard = rcu::read_lock();
        let lun = command.unit();
        let Some(itl) = lun.and_then(|lun| nexus.luns.read(lun.value().into(), &guard)) else {
            drop(guard);
            let answer = default_lu::answer(command).map(|data| (data, News::None));
            return answered(answer, None, command, data);
        };
        // Before the unit is asked whether the command is allowed: who takes that back waits for those that
        // are asking, and then looks for their commands.
        endpoint.tasks().set_lu(slot, itl.lu.entry.id);
        if nexus.has_attention(itl) {
            if let Some((attention, disposition)) = attention(endpoint, itl, opcode) {
                let lu = itl.lu.clone();
                drop(guard);
                return match disposition {
                    UaDisposition::ReturnAsData => {
                        return_attention(nexus, attention, &lu, command, data)
                    }
                    _ => Ok(Decision::report(attention, &lu)),
                };
            }
        }
        // The map's own reference keeps the count above zero within the read-side section.
        (itl.lu.clone(), itl.access())
    };
    if !state.is_active() {
        if let Some(decision) = inaccessible(state, &lu, command, data) {
            return decision;
        }
    }
    if command.attribute == TaskAttribute::Aca {
        // There is no ACA (NORMACA is zero), and so no command in it (SPC-5, Extended INQUIRY Data
        // VPD page, on task attributes that are not supported).
        let sense = Sense::illegal(AdditionalSense::INVALID_MESSAGE_ERROR);
        return Ok(Decision::refuse(sense, Some(&lu)));
    }
    if command.cdb.len() > CDB_MAX {
        let sense = Sense::illegal(AdditionalSense::INVALID_COMMAND_OPERATION_CODE);
        return Ok(Decision::refuse(sense, Some(&lu)));
    }
    if lu.entry.order.matters() && command.attribute != TaskAttribute::HeadOfQueue {
        // Those before it may still change what it is planned by.
        endpoint.tasks().set_in_order(slot);
    }
    match access::plan(&endpoint.framework, nexus, &lu.entry, command.cdb) {
        Ok(plan) if is_blocked(endpoint, &lu.entry, &plan) => {
            Ok(Decision::over(Outcome::status(Status::Busy), Some(&lu)))
        }
        Ok(plan) => {
            endpoint.tasks().set_effect(slot, Effect::of(&plan));
            reserve(endpoint, slot, command, plan, lu, data, lender)
        }
        Err(Refusal::Sense(sense)) => Ok(Decision::refuse(sense, Some(&lu))),
        Err(Refusal::Status(status)) => Ok(Decision::over(Outcome::status(status), Some(&lu))),
    }
}

/// What becomes of a command that is not carried out by a port in this state; `None` for those that
/// are (SPC-5, Asymmetric logical unit access).
fn inaccessible(
    state: AccessState,
    lu: &LiveRef<LuPath>,
    command: &Command<'_>,
    data: &mut PageList,
) -> Option<Result<Decision, Full>> {
    if let Err(sense) = state.check(command.cdb) {
        return Some(Ok(Decision::refuse(sense, Some(lu))));
    }
    let sense = state
        .sense()
        .filter(|_| command.cdb.first() == Some(&REQUEST_SENSE))?;
    let answer = default_lu::sense_data(command, sense).map(|data| (data, News::None));
    Some(answered(answer, Some(lu), command, data))
}

/// REQUEST SENSE returns a unit attention as its data (SPC-5 6.39).
fn return_attention(
    nexus: &Nexus,
    attention: UnitAttention,
    lu: &LiveRef<LuPath>,
    command: &Command<'_>,
    data: &mut PageList,
) -> Result<Decision, Full> {
    let news = News::Attention(attention);
    let answer = default_lu::sense_data(command, attention.sense());
    if answer.is_err() {
        news.keep(nexus, lun_of(command), lu);
    }
    answered(answer.map(|data| (data, news)), Some(lu), command, data)
}

/// Whether a command has to come again later, because of aborted commands that the device has.
pub(crate) fn is_blocked(endpoint: &Endpoint, lu: &LuEntry, plan: &Plan) -> bool {
    lu.has_orphans.load(ordering::Relaxed)
        && plan
            .extent
            .is_some_and(|extent| endpoint.framework.is_blocked_by_orphans(lu, &extent))
}

/// The unit attention that this command must report, and how (SAM-5 5.14).
fn attention(endpoint: &Endpoint, itl: &Itl, opcode: u8) -> Option<(UnitAttention, UaDisposition)> {
    let disposition = ua::disposition(opcode);
    match disposition {
        UaDisposition::Report | UaDisposition::ReturnAsData => {
            Some((endpoint.nexus.take_attention(itl)?, disposition))
        }
        UaDisposition::Ignore | UaDisposition::ClearInventory => None,
    }
}

/// Allocates the command's data, or refuses what doesn't fit what the initiator announced.
fn reserve(
    endpoint: &Endpoint,
    slot: Slot,
    command: &Command<'_>,
    plan: Plan,
    lu: LiveRef<LuPath>,
    data: &mut PageList,
    lender: &mut Option<scsi_host::Command>,
) -> Result<Decision, Full> {
    let phase = plan.phase;
    let (len, contents) = match phase {
        DataPhase::None => (0, Contents::Zeroed),
        DataPhase::Answer(len) => (len, Contents::Zeroed),
        DataPhase::FromMedium(len) => (len, Contents::Garbage),
        DataPhase::FromInitiator(len) => {
            if len > 0 && (!command.write || command.expected < len) {
                return Ok(Decision::refuse(WRONG_DATA, Some(&lu)));
            }
            (len, Contents::Garbage)
        }
        DataPhase::ListFromInitiator(len) | DataPhase::ToMedium { len, .. } => {
            // Nothing moved would look like everything moved.
            if len > 0 && command.read && command.expected > 0 {
                return Ok(Decision::refuse(WRONG_DATA, Some(&lu)));
            }
            let sent = if command.write { command.expected } else { 0 };
            (phase.moves(sent), Contents::Garbage)
        }
    };
    let len = len as usize;
    if !lend(phase, len, data, lender) {
        if !endpoint.tasks().charge(slot, len) {
            return Err(Full::share(endpoint.tasks(), slot, lu));
        }
        if data.extend(len, contents).is_err() {
            return Err(Full::memory(Some(lu)));
        }
    }
    Ok(Decision {
        lu: Some(lu),
        phase,
        outcome: None,
    })
}

/// What the initiator says of the data isn't what the CDB says, in direction or length.
const WRONG_DATA: Sense =
    Sense::illegal(AdditionalSense::INVALID_FIELD_IN_COMMAND_INFORMATION_UNIT);

/// How much the initiator expects to move, in the direction of the command's data. One that sends data along with a
/// command that returns some gets none: it has no place for them.
fn expected(phase: DataPhase, command: &Command<'_>) -> u32 {
    match phase {
        DataPhase::Answer(_) | DataPhase::FromMedium(_) if !command.read => 0,
        _ => command.expected,
    }
}

/// Whether `data` is now the memory that a local host's command brings along, for the data of a device.
/// What a logical unit reads or builds itself may expect more of its pages than an initiator's memory
/// keeps.
fn lend(
    phase: DataPhase,
    len: usize,
    data: &mut PageList,
    lender: &mut Option<scsi_host::Command>,
) -> bool {
    let is_bulk = matches!(
        phase,
        DataPhase::FromMedium(1..) | DataPhase::ToMedium { .. }
    );
    if !is_bulk || len == 0 {
        return false;
    }
    let Some(command) = lender.take() else {
        return false;
    };
    let to_initiator = matches!(phase, DataPhase::FromMedium(_));
    match data.borrow_from(command, to_initiator, len) {
        Ok(()) => true,
        Err(command) => {
            *lender = Some(command);
            false
        }
    }
}

/// A command that the framework itself answers. `lu`: the logical unit that was noted of it.
fn answered(
    answer: Result<(PageList, News), default_lu::Refused>,
    lu: Option<&LiveRef<LuPath>>,
    command: &Command<'_>,
    data: &mut PageList,
) -> Result<Decision, Full> {
    let (list, news) = match answer {
        Ok(answer) => answer,
        Err(default_lu::Refused::Sense(sense)) => return Ok(Decision::refuse(sense, lu)),
        Err(default_lu::Refused::NoMemory) => return Err(Full::memory(lu.cloned())),
    };
    let len = u32::try_from(list.len()).unwrap_or(u32::MAX);
    *data = list;
    let outcome = Outcome::good(if command.read { len } else { 0 });
    Ok(Decision {
        lu: lu.cloned(),
        phase: DataPhase::Answer(len),
        outcome: Some(Outcome { news, ..outcome }),
    })
}
