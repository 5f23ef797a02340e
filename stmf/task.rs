// SPDX-License-Identifier: GPL-2.0

//! A task: one SCSI command from its arrival to its last byte.
//!
//! The same heap object passes through three hands, and its type says in whose it is:
//!
//! | type | holder | ends by |
//! |---|---|---|
//! | [`Incoming`] | the port, which receives the data-out | [`Incoming::execute`] |
//! | [`Task`] | the logical unit, or the device below it | [`Task::good`], [`Task::fail`], … |
//! | [`Finished`] | the port, which sends data-in and status | being dropped |
//!
//! Each step consumes the value, so a command can't be executed or answered twice. A [`Task`] that
//! its holder drops is answered with CHECK CONDITION, HARDWARE ERROR, INTERNAL TARGET FAILURE and
//! counted: a provider's mistake costs one command.
//!
//! All memory that a command needs is allocated when it is admitted; nothing here allocates.

use crate::{
    access::{self, Addition},
    copy::{self, Address, Mailbox, Origin},
    framework,
    loss::{Known, Losses},
    lu::{LuHandle, LuHold, LuPath},
    nexus::{Endpoint, ItNexus, Itl, Nexus},
    order::Order,
    plan::DataPhase,
    port::PortIdentity,
    statistics::{self, Hands, Stopwatch},
    taskset::{Begin, Reply, Slot, Stage},
    tmf, //
    waited::turned_away,
};
use core::mem;
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::{
    io::{Carried, Room},
    live::LiveRef,
    pages::{Contents, PageList},
    token::{MustEnd, Token},
    trace::{self, Ending}, //
};
use stmf_scsi::{
    control::QueueError,
    tmf::TaskAttribute,
    ua::UnitAttention,
    AdditionalSense,
    Sense,
    SenseFormat,
    Sink,
    Status,
    SENSE_LEN, //
};

/// The longest CDB that fits a task. SAM-5 knows CDBs of up to 260 bytes, but no command longer
/// than 32 bytes; longer ones are answered INVALID COMMAND OPERATION CODE.
pub const CDB_MAX: usize = 32;

/// The difference between what the initiator expected to move and what the command moved
/// (SAM-5 5.1, RFC 7143 11.4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residual {
    /// None.
    None,
    /// So many bytes were expected but not moved.
    Underflow(u32),
    /// So many bytes were called for by the CDB but not expected.
    Overflow(u32),
}

/// What an initiator knows once it has an answer, and not before.
#[derive(Clone, Copy)]
pub(crate) enum News {
    /// Nothing of that kind.
    None,
    /// A unit attention, which was taken off the LUN.
    Attention(UnitAttention),
    /// The inventory of logical units, of this generation.
    Inventory(u32),
    /// So many losses of the unit.
    Losses(u32),
}

impl News {
    /// The initiator gets no such answer: the unit attention waits for the next command, because it is
    /// cleared by being reported (SAM-5 5.14).
    #[cold]
    pub(crate) fn keep(self, nexus: &Nexus, lun: u16, lu: &LuPath) {
        if let Self::Attention(attention) = self {
            nexus.put_back(lun, lu.entry.id, attention);
        }
    }
}

/// How a command ended.
#[derive(Clone, Copy)]
pub(crate) struct Outcome {
    pub(crate) status: Status,
    pub(crate) sense: Option<Sense>,
    pub(crate) format: SenseFormat,
    /// The bytes that the command would have moved to the initiator, had it expected as many.
    pub(crate) answered: u32,
    pub(crate) news: News,
}

impl Outcome {
    pub(crate) fn good(answered: u32) -> Self {
        Self {
            status: Status::Good,
            sense: None,
            format: SenseFormat::Fixed,
            answered,
            news: News::None,
        }
    }

    pub(crate) fn check(sense: Sense, format: SenseFormat) -> Self {
        Self {
            status: Status::CheckCondition,
            sense: Some(sense),
            format,
            answered: 0,
            news: News::None,
        }
    }

    pub(crate) fn status(status: Status) -> Self {
        Self {
            status,
            ..Self::good(0)
        }
    }
}

/// The task's contents, opaque to providers.
pub struct TaskBody {
    pub(crate) endpoint: Arc<Endpoint>,
    pub(crate) place: Slot,
    /// `None` for a command that is for none.
    pub(crate) lu: Option<LiveRef<LuPath>>,
    /// Where the nexus saw the logical unit.
    pub(crate) lun: u16,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) cdb: [u8; CDB_MAX],
    pub(crate) cdb_len: u8,
    pub(crate) phase: DataPhase,
    /// What the initiator expects to move, in the direction it named.
    pub(crate) expected: u32,
    /// The port's own.
    pub(crate) note: u32,
    pub(crate) data: PageList,
    /// For the device that carries the command out.
    pub(crate) room: Room,
    /// Set when the command is over, or when it was decided at admission how it will end.
    pub(crate) outcome: Option<Outcome>,
    pub(crate) origin: Origin,
}

impl TaskBody {
    /// The command descriptor block.
    pub(crate) fn cdb(&self) -> &[u8] {
        self.cdb.get(..usize::from(self.cdb_len)).unwrap_or(&[])
    }

    /// What the logical unit has lost.
    fn losses(&self) -> Option<&Losses> {
        self.lu.as_ref()?.entry.unit().losses()
    }

    /// Looks at what the nexus knows of that, if it still sees the unit.
    fn known_losses<R>(&self, look: impl FnOnce(&Known) -> R) -> Option<R> {
        let id = self.lu.as_ref()?.entry.id;
        let look = |itl: &Itl| itl.losses.as_ref().map(look);
        self.endpoint.nexus.with_itl(self.lun, id, look).flatten()
    }

    pub(crate) fn sense_format(&self) -> SenseFormat {
        match &self.lu {
            Some(lu) => lu.entry.control().sense_format(),
            None => SenseFormat::Fixed,
        }
    }
}

/// Proof of being the framework; see [`MustEnd::Key`].
pub struct FrameworkKey(());

impl MustEnd for TaskBody {
    type Key = FrameworkKey;

    fn abandoned(mut token: Token<Self>) {
        // Dropped by the logical unit or the device: answered here. Dropped by the port, before or
        // after, it is just over.
        match token.endpoint.tasks().stage(token.place) {
            Stage::Executing if token.outcome.is_none() => {
                framework::count_lost_task();
                let sense = Sense::hardware(AdditionalSense::INTERNAL_TARGET_FAILURE);
                token.outcome = Some(Outcome::check(sense, SenseFormat::Fixed));
                answer(token);
            }
            Stage::Receiving => {
                keep_news(&token);
                end(token);
            }
            _ => end(token),
        }
    }
}

impl Carried for TaskBody {
    fn lend(&mut self) -> (&mut PageList, &mut Room) {
        (&mut self.data, &mut self.room)
    }

    fn is_wanted(&self) -> bool {
        !self.endpoint.tasks().is_aborted(self.place)
    }
}

/// Counts the command, gives the slot back, then the memory.
fn end(mut token: Token<TaskBody>) {
    statistics::count(&mut token);
    leave_order(&token);
    token.endpoint.tasks().release(token.place);
    look_again(&token);
    token.end(FrameworkKey(()));
}

/// Takes a command that is dormant, and over, out of the line. One that is dormant is never in a
/// device, so this is process context when there is something to do.
fn leave_order(token: &TaskBody) {
    if let Some(lu) = &token.lu {
        if token.endpoint.tasks().is_dormant(token.place) {
            lu.entry.order.leave(&token.endpoint.nexus, token.place);
        }
    }
}

/// Commands may have waited for this one.
fn look_again(token: &TaskBody) {
    if let Some(lu) = &token.lu {
        Order::look_again(&lu.entry.order);
    }
}

/// Hands a task whose outcome is set to its port, unless it was aborted or the port is gone.
fn answer(mut token: Token<TaskBody>) {
    if let Origin::Copy(mailbox) = &token.origin {
        let mailbox = mailbox.clone();
        return answer_copy(token, &mailbox);
    }
    let answered = token.outcome.map_or(0, |outcome| outcome.answered);
    let data = answered.min(token.expected) > 0;
    match token.endpoint.tasks().begin_response(token.place, data) {
        Reply::Send => {
            note_news(&token);
            look_at_error(&token);
        }
        Reply::TaskAborted => {
            keep_news(&token);
            token.outcome = Some(Outcome::status(Status::TaskAborted));
        }
        Reply::Nobody => {
            keep_news(&token);
            return end(token);
        }
    }
    token.stopwatch.pass(Hands::Port);
    trace::task_done(|| done(&token));
    // What waits for this command starts when its answer is on its way, not before: the answers come
    // in the order of the commands. Seen now that the command no longer counts as enabled.
    let lu = token.lu.as_ref();
    let waiting = lu.filter(|lu| lu.entry.order.matters()).cloned();
    let endpoint = token.endpoint.clone();
    endpoint.deliver(Finished(token));
    if let Some(lu) = waiting {
        Order::look_again(&lu.entry.order);
    }
}

/// Hands a task of the copy manager's back to it, also when it was aborted.
fn answer_copy(mut token: Token<TaskBody>, mailbox: &Mailbox) {
    let reply = token.endpoint.tasks().begin_response(token.place, false);
    if matches!(reply, Reply::Send) {
        tell_unit(&token);
    } else {
        token.outcome = Some(Outcome::status(Status::TaskAborted));
    }
    token.origin = Origin::Answered;
    trace::task_done(|| done(&token));
    mailbox.deliver(token);
}

/// What those who trace are told of how a command ends.
fn done(token: &TaskBody) -> (u64, u64, Ending) {
    let mut ending = Ending::default();
    if let Some(Outcome { status, sense, .. }) = token.outcome {
        // CAST: the enum is `repr(u8)`.
        ending.status = status as u8;
        if let Some(sense) = sense {
            ending.key = sense.key as u8;
            AdditionalSense(ending.asc, ending.ascq) = sense.code;
        }
    }
    let tag = token.endpoint.tasks().tag(token.place);
    (token.endpoint.nexus.id, tag, ending)
}

/// Notes what the initiator is told.
fn note_news(token: &TaskBody) {
    let nexus = &token.endpoint.nexus;
    match token.outcome.map_or(News::None, |outcome| outcome.news) {
        News::None | News::Attention(_) => (),
        News::Inventory(generation) => nexus.inventory_was_reported(generation),
        News::Losses(count) => {
            if let Some(losses) = token.losses() {
                token.known_losses(|known| known.is_told(losses, count));
            }
        }
    }
}

/// See [`News::keep`].
#[cold]
fn keep_news(token: &TaskBody) {
    if let (Some(outcome), Some(lu)) = (&token.outcome, &token.lu) {
        outcome.news.keep(&token.endpoint.nexus, token.lun, lu);
    }
}

/// What becomes of a command that ends with CHECK CONDITION: its unit is told, and the other commands
/// may have to go.
fn look_at_error(token: &TaskBody) {
    if let Some(lu) = tell_unit(token) {
        if lu.entry.control().qerr != QueueError::Continue {
            let tag = token.endpoint.tasks().tag(token.place);
            tmf::queue_error(&token.endpoint, lu, tag);
        }
    }
}

/// Tells a command's unit that it ends with CHECK CONDITION, if it does.
fn tell_unit(token: &TaskBody) -> Option<&LiveRef<LuPath>> {
    let (
        Some(lu),
        Some(Outcome {
            status: Status::CheckCondition,
            sense: Some(sense),
            ..
        }),
    ) = (&token.lu, &token.outcome)
    else {
        return None;
    };
    lu.entry.unit().failed(token.cdb(), sense);
    Some(lu)
}

/// A task that its port holds while it receives the data-out.
pub struct Incoming(Token<TaskBody>);

impl Incoming {
    #[inline]
    pub(crate) fn new(body: impl Init<TaskBody>) -> Result<Self, AllocError> {
        Token::init(body, GFP_KERNEL).map(Self)
    }

    /// The bytes that the logical unit wants before it executes the command. The initiator may
    /// have announced more: the port drops what exceeds this.
    pub fn wanted(&self) -> u32 {
        match (self.0.outcome, self.0.phase) {
            (None, phase) if phase.is_from_initiator() => {
                u32::try_from(self.0.data.len()).unwrap_or(u32::MAX)
            }
            _ => 0,
        }
    }

    /// Where the data-out goes; [`Incoming::wanted`] bytes.
    pub fn data_mut(&mut self) -> &mut PageList {
        &mut self.0.data
    }

    /// The tag under which the port brought the command in.
    pub fn tag(&self) -> u64 {
        self.0.endpoint.tasks().tag(self.0.place)
    }

    /// Whether the task was aborted meanwhile, and its initiator expects no answer: the port drops
    /// it.
    pub fn is_aborted(&self) -> bool {
        self.0.endpoint.tasks().is_forgotten(self.0.place)
    }

    /// Notes a number that the port wants back with the answer; zero if it notes none.
    pub fn set_note(&mut self, note: u32) {
        self.0.note = note;
    }

    /// Hands the task to its logical unit; call when all [`Incoming::wanted`] bytes are there.
    ///
    /// Process context. The answer may be delivered before this returns.
    pub fn execute(self) {
        let is_prompt = self.wanted() == 0;
        let mut token = self.0;
        match token.endpoint.tasks().begin_execution(token.place) {
            Begin::Go => token.stopwatch.pass_on(Hands::Device, is_prompt),
            Begin::Wait => {
                token.stopwatch.pass(Hands::Queue);
                return Self(token).wait();
            }
            Begin::Aborted => {
                leave_order(&token);
                return answer(token);
            }
        }
        match (&token.outcome, &token.lu) {
            (None, Some(lu)) => {
                let lu = lu.clone();
                if let Some(outcome) = turned_away(&token, &lu.entry) {
                    token.outcome = Some(outcome);
                    return answer(token);
                }
                if let Some(task) = access::execute(Task(token)) {
                    lu.entry.unit().execute(task);
                }
            }
            // Decided at admission.
            _ => answer(token),
        }
    }

    /// Takes the task into the task set of its logical unit.
    pub(crate) fn enter_order(&self, attribute: TaskAttribute) -> Result<(), AllocError> {
        let TaskBody {
            endpoint,
            lu: Some(lu),
            place,
            outcome,
            ..
        } = &*self.0
        else {
            return Ok(());
        };
        let order = &lu.entry.order;
        if outcome.is_some() || (attribute == TaskAttribute::Simple && !order.matters()) {
            return Ok(());
        }
        Order::enter(
            order,
            &endpoint.framework,
            &endpoint.nexus,
            *place,
            attribute,
        )
    }

    /// The task is dormant: it waits, unless it has become its turn.
    fn wait(self) {
        let Some(lu) = self.0.lu.clone() else {
            return;
        };
        if let Some(task) = lu.entry.order.park(self) {
            task.execute();
        }
    }

    /// Whose the task is, and its place there.
    pub(crate) fn place(&self) -> (Arc<Nexus>, Slot) {
        (self.0.endpoint.nexus.clone(), self.0.place)
    }

    /// Ends the task with CHECK CONDITION, without its logical unit: the data-out broke the
    /// transport's rules. Process context.
    pub fn fail(mut self, sense: Sense) {
        keep_news(&self.0);
        let format = self.0.sense_format();
        self.0.outcome = Some(Outcome::check(sense, format));
        self.execute();
    }
}

/// For the line of dormant commands, which carries tokens.
impl From<Incoming> for Token<TaskBody> {
    fn from(incoming: Incoming) -> Self {
        incoming.0
    }
}

/// The way back, for a token that came from an [`Incoming`].
impl From<Token<TaskBody>> for Incoming {
    fn from(token: Token<TaskBody>) -> Self {
        Self(token)
    }
}

/// A task that its logical unit carries out.
pub struct Task(Token<TaskBody>);

impl Task {
    /// The command descriptor block.
    pub fn cdb(&self) -> &[u8] {
        self.0.cdb()
    }

    /// What the command moves, as [`crate::lu::LogicalUnit::plan`] said.
    pub fn phase(&self) -> DataPhase {
        self.0.phase
    }

    /// The data: what the initiator sent, or room for what it is to get.
    pub fn data(&self) -> &PageList {
        &self.0.data
    }

    /// As [`Task::data`], to be changed.
    pub fn data_mut(&mut self) -> &mut PageList {
        &mut self.0.data
    }

    /// What the initiator sent, in one piece: for commands whose parameters are in it. Process
    /// context.
    pub fn parameter_list(&self) -> Result<KVVec<u8>, AllocError> {
        let mut list = KVVec::with_capacity(self.data().len(), GFP_KERNEL)?;
        for slice in self.data().slices() {
            list.extend_from_slice(slice, GFP_KERNEL)?;
        }
        Ok(list)
    }

    /// Allocates memory that the command needs besides its data. It counts as that does, as the session's
    /// and all sessions', until the command is over. Process context; may sleep.
    ///
    /// # Errors
    ///
    /// What the command is to end with when there is no memory, or as much is taken as may be.
    pub fn memory(&self, len: usize) -> Result<PageList, Status> {
        if len == 0 {
            return Ok(PageList::empty());
        }
        let tasks = self.0.endpoint.tasks();
        if !tasks.charge(self.0.place, len) {
            return Err(tasks.refusal(self.0.place, self.address().unit));
        }
        PageList::alloc(len, Contents::Garbage).map_err(|_| Status::Busy)
    }

    /// How many bytes the initiator expects to move: what it announced.
    pub fn expected(&self) -> u32 {
        self.0.expected
    }

    /// The tag under which the port brought the command in, unique in its session.
    pub fn tag(&self) -> u64 {
        self.0.endpoint.tasks().tag(self.0.place)
    }

    /// The connection that the command came by.
    pub(crate) fn endpoint(&self) -> &Arc<Endpoint> {
        &self.0.endpoint
    }

    /// Where the nexus saw the logical unit, and which it is.
    pub(crate) fn address(&self) -> Address {
        Address {
            lun: self.0.lun,
            unit: self.0.lu.as_ref().map_or(0, |lu| lu.entry.id),
        }
    }

    /// Whether the copy manager carries the command out.
    pub(crate) fn is_for_copy_manager(&self) -> bool {
        let lu = self.0.lu.as_ref();
        lu.is_some_and(|lu| copy::carries_out(&lu.entry, self.cdb()))
    }

    /// How the logical unit has its sense data.
    pub(crate) fn sense_format(&self) -> SenseFormat {
        self.0.sense_format()
    }

    /// The I_T nexus that the command came by.
    pub fn nexus(&self) -> &ItNexus {
        &self.0.endpoint.nexus.identity
    }

    /// The target port that the command came by.
    pub fn port(&self) -> PortIdentity<'_> {
        self.nexus().port()
    }

    /// Whether the task was aborted: nobody waits for its answer any more. A hint, to save work.
    pub fn is_aborted(&self) -> bool {
        self.0.endpoint.tasks().is_aborted(self.0.place)
    }

    /// The logical unit's way to the framework.
    pub fn unit(&self) -> Option<LuHandle> {
        let lu = self.0.lu.as_ref()?;
        Some(LuHandle {
            framework: self.0.endpoint.framework.clone(),
            entry: lu.entry.clone(),
        })
    }

    /// Keeps the logical unit in use beyond the end of the task.
    pub fn hold(&self) -> Option<LuHold> {
        let path = self.0.lu.clone()?;
        Some(LuHold { path })
    }

    /// Ends the task with GOOD; all planned data was moved. Any context.
    pub fn good(self) {
        let answered = match self.0.phase {
            DataPhase::Answer(len) | DataPhase::FromMedium(len) => len,
            _ => 0,
        };
        self.finish(Outcome::good(answered));
    }

    /// Ends a task of [`DataPhase::Answer`] with GOOD and the bytes that `build` writes. Any
    /// context.
    pub fn answer(mut self, build: impl FnOnce(&mut Sink<'_>)) {
        match self.fill(build) {
            Ok(answered) => self.send(answered),
            Err(_) => self.end_with(Status::Busy),
        }
    }

    /// As [`Task::answer`], but doesn't end the task: gives the length for [`Task::send`].
    pub(crate) fn fill(&mut self, build: impl FnOnce(&mut Sink<'_>)) -> Result<u32, AllocError> {
        let addition = Addition::to(self.nexus(), self.cdb());
        let build = |sink: &mut Sink<'_>| {
            build(sink);
            addition.write(sink);
        };
        let data = &mut self.0.data;
        let written = if data.first_mut().len() == data.len() {
            write(data.first_mut(), build)
        } else {
            // Only in several pieces, the first of which holds most answers.
            let mut whole = KVVec::zeroed(data.len(), GFP_ATOMIC)?;
            let written = write(&mut whole, build);
            data.write_at(0, &whole);
            written
        };
        Ok(u32::try_from(written).unwrap_or(u32::MAX))
    }

    /// Ends a task of [`DataPhase::Answer`] with GOOD and the bytes that [`Task::fill`] has written.
    pub(crate) fn send(self, answered: u32) {
        let limit = match self.0.phase {
            DataPhase::Answer(limit) => limit,
            _ => 0,
        };
        self.finish(Outcome::good(answered.min(limit)));
    }

    /// Ends the task with CHECK CONDITION. Any context.
    pub fn fail(self, sense: Sense) {
        let format = self.0.sense_format();
        self.finish(Outcome::check(sense, format));
    }

    /// Whether its unit has lost something of which its initiator is to be told by [`Task::fail_for_loss`]. Any
    /// context.
    pub fn owes_news_of_loss(&self) -> bool {
        let count = self.0.losses().map_or(0, Losses::count);
        count != 0 && self.0.known_losses(|known| known.is_behind(count)) == Some(true)
    }

    /// Its unit has lost something, for which this task or another was told GOOD. Any context.
    pub fn note_loss(&self) {
        if let Some(losses) = self.0.losses() {
            losses.note();
        }
    }

    /// Ends the task with CHECK CONDITION. An initiator that gets that knows of all that the unit has lost so
    /// far. Any context.
    pub fn fail_for_loss(self, sense: Sense) {
        let losses = self.0.losses();
        let news = losses.map_or(News::None, |losses| News::Losses(losses.count()));
        let outcome = Outcome::check(sense, self.0.sense_format());
        self.finish(Outcome { news, ..outcome });
    }

    /// Ends the task with another status than GOOD and CHECK CONDITION. Any context.
    pub fn end_with(self, status: Status) {
        self.finish(Outcome::status(status));
    }

    fn finish(self, outcome: Outcome) {
        let mut token = self.0;
        token.outcome = Some(outcome);
        answer(token);
    }
}

/// Has an answer written into a buffer; returns its whole length.
fn write(buffer: &mut [u8], build: impl FnOnce(&mut Sink<'_>)) -> usize {
    let mut sink = Sink::new(buffer);
    build(&mut sink);
    sink.len()
}

/// For the block layer and other async machinery, which carries tokens.
impl From<Task> for Token<TaskBody> {
    fn from(task: Task) -> Self {
        task.0
    }
}

/// The way back from [`Token<TaskBody>`].
impl From<Token<TaskBody>> for Task {
    fn from(token: Token<TaskBody>) -> Self {
        Self(token)
    }
}

impl AsRef<PageList> for TaskBody {
    fn as_ref(&self) -> &PageList {
        &self.data
    }
}

impl AsMut<PageList> for TaskBody {
    fn as_mut(&mut self) -> &mut PageList {
        &mut self.data
    }
}

/// A task that its port answers: data-in, then status. Dropping it ends the command.
pub struct Finished(Token<TaskBody>);

impl Finished {
    /// The tag under which the port brought the command in.
    pub fn tag(&self) -> u64 {
        self.0.endpoint.tasks().tag(self.0.place)
    }

    /// What the port noted with [`Incoming::set_note`].
    pub fn note(&self) -> u32 {
        self.0.note
    }

    pub(crate) fn outcome(&self) -> Outcome {
        // A task without an outcome isn't given to a port; if it were, it failed.
        self.0.outcome.unwrap_or(Outcome::check(
            Sense::hardware(AdditionalSense::INTERNAL_TARGET_FAILURE),
            SenseFormat::Fixed,
        ))
    }

    /// The SCSI status.
    pub fn status(&self) -> Status {
        self.outcome().status
    }

    /// Writes the sense data that goes with CHECK CONDITION; returns its length.
    pub fn sense(&self, out: &mut [u8; SENSE_LEN]) -> usize {
        let outcome = self.outcome();
        outcome
            .sense
            .map_or(0, |sense| sense.encode(outcome.format, out))
    }

    /// The number of bytes to send to the initiator, from the start of [`Finished::data`].
    pub fn data_len(&self) -> u32 {
        self.outcome().answered.min(self.0.expected)
    }

    /// The data to send.
    pub fn data(&self) -> &PageList {
        &self.0.data
    }

    /// Lets go of the logical unit, if that is to go offline: for a port whose initiator doesn't take the
    /// answer, see [`crate::nexus::Watch::commands_given_up`]. The command counts as over; its answer
    /// stays as it is. Process context.
    pub fn let_go(&mut self) {
        let lu = self.0.lu.as_ref();
        if lu.is_none_or(|lu| lu.get_live().is_some()) {
            return;
        }
        statistics::count(&mut self.0);
        leave_order(&self.0);
        look_again(&self.0);
        self.0.endpoint.tasks().set_lu(self.0.place, 0);
        self.0.lu = None;
    }

    /// Ends the task before it is answered, and gives its data back: for a port that answers with
    /// one call, and may get the next command in it.
    pub fn release(self) -> PageList {
        let mut token = self.0;
        token.stopwatch.stop_at_once();
        let data = mem::replace(&mut token.data, PageList::empty());
        end(token);
        data
    }

    /// The residual to report.
    pub fn residual(&self) -> Residual {
        let wants = match self.0.phase {
            DataPhase::FromInitiator(len) | DataPhase::ToMedium { len, .. }
                if self.status() == Status::Good =>
            {
                len
            }
            phase @ DataPhase::ListFromInitiator(_) if self.status() == Status::Good => {
                phase.moves(self.0.expected)
            }
            _ => self.outcome().answered,
        };
        match (
            wants.checked_sub(self.0.expected),
            self.0.expected.checked_sub(wants),
        ) {
            (Some(over @ 1..), _) => Residual::Overflow(over),
            (_, Some(under @ 1..)) => Residual::Underflow(under),
            _ => Residual::None,
        }
    }
}

/// For the port's completion queue, which carries tokens.
impl From<Finished> for Token<TaskBody> {
    fn from(finished: Finished) -> Self {
        finished.0
    }
}

/// The way back, for a token that came from a [`Finished`].
impl From<Token<TaskBody>> for Finished {
    fn from(token: Token<TaskBody>) -> Self {
        Self(token)
    }
}
