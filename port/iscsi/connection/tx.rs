// SPDX-License-Identifier: GPL-2.0

//! Sending: responses and data, in order, on a train of headers and pages.

use super::{
    digest::Seal,
    numbers::Numbers,
    writes::Write,
    Connection,
    End,
    Link,
    Phase, //
};
use crate::counters::Counter;
use core::mem;
use kernel::prelude::*;
use stmf::{
    memory::Reservation,
    task::{self, Finished, TaskBody}, //
};
use stmf_iscsi_proto::{
    bhs::{padding, Bhs, BHS_LEN},
    params::{ConnectionParams, Digest, Negotiated},
    response::{
        AsyncEvent, AsyncMessage, CollapsedStatus, CommandResponse, DataIn, LoginResponse,
        LogoutResponse, NopIn, R2t, Reject, ScsiResponse, TextResponse, TmfResponse,
    },
    transfer::{R2tPlan, ReadSequence, Residual},
    types::{Itt, LogoutResult, Lun, RejectReason, Serials, TmfOutcome, Tsih, Ttt}, //
};
use stmf_kernel::{
    clock,
    crypto::Crc32c,
    net::{Full, Train},
    pages::PageList,
    queue::{Batch, Queue},
    token::Token, //
};
use stmf_scsi::{ua::UnitAttention, Sense, SenseFormat, Status, SENSE_LEN};

/// Replies that wait at a time; with as many, nothing more is read.
const MAX_REPLIES: usize = 32;

/// Bytes of data that replies wait with at a time; with more, nothing more is read.
const MAX_HELD: usize = 64 << 10;

/// Replies that one request can lead to.
const REPLIES_EACH: usize = 2;

/// What there is to say, apart from the answers to commands that were admitted.
pub(super) enum Said {
    /// The answer to a ping.
    Pong(Itt, Lun),
    /// A ping.
    Ping(Ttt),
    /// The answer to a command that was not admitted.
    Refused(Itt, Refused),
    /// A request was rejected.
    Reject(RejectReason, Bhs),
    /// A step of the login.
    Login(LoginResponse),
    /// The answer to a text.
    Text(TextResponse),
    /// A task management function ended.
    Managed(Itt, TmfOutcome),
    /// The end.
    Logout(Itt, LogoutResult),
    /// Something out of turn.
    Notice(AsyncEvent),
}

/// How a command ends that was not admitted.
#[derive(Clone, Copy)]
pub(super) struct Refused {
    pub(super) status: Status,
    pub(super) sense: Option<Sense>,
    pub(super) residual: Residual,
    pub(super) bidi_read_residual: Residual,
}

/// A reply, perhaps with data.
pub(super) struct Reply {
    said: Said,
    data: Option<Attached>,
}

/// Data of a reply.
pub(super) struct Attached {
    pub(super) pages: KBox<PageList>,
    /// For them, until all is on the train.
    pub(super) _reservation: Option<Reservation>,
}

impl Reply {
    pub(super) fn new(said: Said) -> Self {
        Self { said, data: None }
    }

    pub(super) fn with_data(said: Said, data: Attached) -> Self {
        Self {
            said,
            data: Some(data),
        }
    }

    /// The bytes of its data.
    fn len(&self) -> usize {
        self.data.as_ref().map_or(0, |data| data.pages.len())
    }

    /// Names the session in the last reply of its login.
    pub(super) fn set_tsih(&mut self, tsih: Tsih) {
        if let Said::Login(response) = &mut self.said {
            response.tsih = tsih;
        }
    }

    /// The header, and data that is so short that it goes with it.
    fn encode(&self, sn: Serials) -> ([u8; BHS_LEN], Short) {
        let len = u32::try_from(self.len()).unwrap_or(0);
        let header = match &self.said {
            Said::Pong(itt, lun) => NopIn {
                itt: *itt,
                ttt: Ttt::RESERVED,
                lun: *lun,
                sn,
                data_len: len,
            }
            .encode(),
            Said::Ping(ttt) => NopIn {
                itt: Itt::RESERVED,
                ttt: *ttt,
                lun: [0; 8],
                sn,
                data_len: 0,
            }
            .encode(),
            Said::Refused(itt, refused) => return refused.encode(*itt, sn),
            Said::Reject(reason, bhs) => {
                let reject = Reject {
                    reason: *reason,
                    sn,
                    data_sn: 0,
                };
                return (reject.encode(), Short::new(&bhs.0));
            }
            Said::Login(response) => LoginResponse { sn, ..*response }.encode(),
            Said::Text(response) => TextResponse { sn, ..*response }.encode(),
            Said::Managed(itt, outcome) => TmfResponse {
                itt: *itt,
                outcome: *outcome,
                sn,
            }
            .encode(),
            Said::Logout(itt, result) => LogoutResponse {
                itt: *itt,
                result: *result,
                sn,
                time2wait: 0,
                time2retain: 0,
            }
            .encode(),
            Said::Notice(event) => return notice(*event, sn),
        };
        (header, Short::EMPTY)
    }
}

/// An asynchronous message; the only SCSI event there is says that the logical units are others.
fn notice(event: AsyncEvent, sn: Serials) -> ([u8; BHS_LEN], Short) {
    let short = match event {
        AsyncEvent::Scsi { .. } => Short::of(UnitAttention::ReportedLunsChanged.sense()),
        _ => Short::EMPTY,
    };
    let message = AsyncMessage {
        event,
        sn,
        data_len: short.data_len(),
    };
    (message.encode(), short)
}

impl Refused {
    fn encode(&self, itt: Itt, sn: Serials) -> ([u8; BHS_LEN], Short) {
        let short = self.sense.map_or(Short::EMPTY, Short::of);
        let response = ScsiResponse {
            itt,
            response: CommandResponse::Completed,
            status: self.status.code(),
            residual: self.residual,
            bidi_read_residual: self.bidi_read_residual,
            exp_data_sn: 0,
            sn,
            data_len: short.data_len(),
        };
        (response.encode(), short)
    }
}

/// A short data segment with its padding.
struct Short {
    bytes: [u8; Self::ROOM],
    len: usize,
}

impl Short {
    /// Sense data with its length before it and padding behind it.
    const ROOM: usize = 2 + SENSE_LEN + 2;
    const EMPTY: Self = Self {
        bytes: [0; Self::ROOM],
        len: 0,
    };

    fn new(data: &[u8]) -> Self {
        let mut short = Self::EMPTY;
        short.put(data);
        short
    }

    /// Sense data in fixed format.
    fn of(sense: Sense) -> Self {
        let mut bytes = [0; SENSE_LEN];
        let len = sense.encode(SenseFormat::Fixed, &mut bytes);
        Self::sense(bytes.get(..len).unwrap_or(&[]))
    }

    /// The data segment of a response with sense data (RFC 7143 11.4.7).
    fn sense(sense: &[u8]) -> Self {
        let mut short = Self::EMPTY;
        if !sense.is_empty() {
            short.put(&u16::try_from(sense.len()).unwrap_or(0).to_be_bytes());
            short.put(sense);
        }
        short
    }

    fn put(&mut self, data: &[u8]) {
        let room = self.bytes.iter_mut().skip(self.len);
        for (to, from) in room.zip(data) {
            *to = *from;
            self.len = self.len.saturating_add(1);
        }
    }

    fn data_len(&self) -> u32 {
        u32::try_from(self.len).unwrap_or(0)
    }

    /// The bytes with their padding.
    fn padded(&self) -> &[u8] {
        let len = self.len.next_multiple_of(4).min(Self::ROOM);
        self.bytes.get(..len).unwrap_or(&[])
    }
}

/// A command whose answer is going out.
struct Answering {
    task: Finished,
    itt: Itt,
    data: ReadSequence,
    /// Whether the status is on the train.
    answered: bool,
}

impl Answering {
    fn new(task: Finished, params: &Negotiated) -> Self {
        // The list is as long as the framework says; were it shorter, less would be sent.
        let there = u32::try_from(task.data().len()).unwrap_or(u32::MAX);
        Self {
            // CAST: The tag is the ITT that it was made from.
            itt: Itt(task.tag() as u32),
            data: ReadSequence::new(task.data_len().min(there), params),
            task,
            answered: false,
        }
    }

    fn residual(&self) -> Residual {
        match self.task.residual() {
            task::Residual::None => Residual::None,
            task::Residual::Underflow(count) => Residual::Underflow(count),
            task::Residual::Overflow(count) => Residual::Overflow(count),
        }
    }

    fn response(&self, sn: Serials) -> ([u8; BHS_LEN], Short) {
        let mut sense = [0; SENSE_LEN];
        let len = self.task.sense(&mut sense);
        let short = Short::sense(sense.get(..len).unwrap_or(&[]));
        let response = ScsiResponse {
            itt: self.itt,
            response: CommandResponse::Completed,
            status: self.task.status().code(),
            residual: self.residual(),
            bidi_read_residual: Residual::None,
            // The Data-In PDUs of a read, the R2Ts of a write.
            exp_data_sn: self.data.exp_data_sn().max(self.task.note()),
            sn,
            data_len: short.data_len(),
        };
        (response.encode(), short)
    }
}

/// What is left of the data of a PDU whose header is on the train.
#[derive(Default)]
struct Rest {
    offset: usize,
    left: usize,
    /// The padding and the digest that follow the data.
    trailer: [u8; Self::TRAILER],
    trailer_len: usize,
}

impl Rest {
    /// Padding of three bytes, and a digest.
    const TRAILER: usize = 3 + 4;

    const NOTHING: Self = Self {
        offset: 0,
        left: 0,
        trailer: [0; Self::TRAILER],
        trailer_len: 0,
    };

    fn new(pages: &PageList, offset: u32, len: u32, digest: Digest) -> Self {
        let size = |n: u32| usize::try_from(n).unwrap_or(0);
        let mut rest = Self {
            offset: size(offset),
            left: size(len),
            trailer_len: size(padding(len)),
            ..Self::NOTHING
        };
        if digest == Digest::Crc32c && rest.left > 0 {
            let mut crc = Crc32c::new();
            pages.checksum(rest.offset, rest.left, &mut crc);
            let padding = rest.trailer.get(..rest.trailer_len);
            crc.update(padding.unwrap_or(&[]));
            let room = rest.trailer.iter_mut().skip(rest.trailer_len);
            for (to, from) in room.zip(crc.bytes()) {
                *to = from;
                rest.trailer_len = rest.trailer_len.saturating_add(1);
            }
        }
        rest
    }

    /// Puts as much on the train as there is room for.
    fn load(&mut self, pages: &PageList, train: &mut Train) -> Result<(), Full> {
        let loaded = train.push_pages(pages, self.offset, self.left);
        self.offset = self.offset.saturating_add(loaded);
        self.left = self.left.saturating_sub(loaded);
        if self.left > 0 {
            return Err(Full);
        }
        if self.trailer_len > 0 {
            train.push(&[self.trailer.get(..self.trailer_len).unwrap_or(&[])])?;
            self.trailer_len = 0;
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.left == 0 && self.trailer_len == 0
    }
}

/// Puts a header, and a short data segment with its padding, on a train, each with its digest.
fn push_pdu(
    train: &mut Train,
    header: &[u8; BHS_LEN],
    data: &[u8],
    params: &ConnectionParams,
) -> Result<(), Full> {
    let header_digest = Seal::new(params.header_digest, header);
    let data_digest = Seal::new(params.data_digest, data);
    train.push(&[header, header_digest.bytes(), data, data_digest.bytes()])
}

/// The sending side of a connection.
pub(super) struct Sender {
    train: Train,
    /// What is to be said next.
    replies: KVec<Reply>,
    /// The bytes of data among it.
    held: usize,
    /// What is to be said after the commands that were finished before; the first `due` after those
    /// of `batch`, the others after the batch that follows.
    late: KVec<Reply>,
    due: usize,
    /// Finished commands.
    batch: Option<Batch<TaskBody>>,
    answering: Option<Answering>,
    /// What is left of the PDU that is being loaded: of `attached` if there is any, else of the
    /// data of `answering`.
    rest: Rest,
    attached: Option<Attached>,
    /// Whether the socket is full.
    blocked: bool,
    /// Since when it has taken nothing, and what it had taken then, see [`Train::sent`].
    stalled: Option<(i64, u64)>,
    /// For what is on the train meanwhile of commands that are over.
    _cargo: Option<Reservation>,
    /// Whether there was no memory.
    starved: bool,
}

impl Sender {
    pub(super) const fn new() -> Self {
        Self {
            train: Train::new(),
            replies: KVec::new(),
            held: 0,
            late: KVec::new(),
            due: 0,
            batch: None,
            answering: None,
            rest: Rest::NOTHING,
            attached: None,
            blocked: false,
            stalled: None,
            _cargo: None,
            starved: false,
        }
    }

    /// Adds a reply.
    pub(super) fn say(&mut self, reply: Reply) -> Result<(), End> {
        let len = reply.len();
        self.replies.push(reply, GFP_KERNEL)?;
        self.held = self.held.saturating_add(len);
        Ok(())
    }

    /// Adds a reply that goes out after the answers to all commands that are finished by now.
    pub(super) fn say_later(&mut self, reply: Reply) -> Result<(), End> {
        Ok(self.late.push(reply, GFP_KERNEL)?)
    }

    /// Whether there is room for the replies to one more request.
    pub(super) fn has_room(&self) -> bool {
        self.replies.len().saturating_add(REPLIES_EACH) <= MAX_REPLIES
            && self.late.len() < MAX_REPLIES
            && self.held <= MAX_HELD
    }

    /// Makes sure of room for the replies to one more request, memory included.
    pub(super) fn make_room(&mut self) -> bool {
        let memory = self.replies.reserve(REPLIES_EACH, GFP_KERNEL).is_ok()
            && self.late.reserve(1, GFP_KERNEL).is_ok();
        self.starved |= !memory;
        memory && self.has_room()
    }

    /// The socket is full.
    fn block(&mut self) {
        let sent = self.train.sent();
        if self.stalled.is_none_or(|(_, before)| before != sent) {
            self.stalled = Some((clock::monotonic_ns(), sent));
        }
        let bytes = self.unaccounted();
        self._cargo = (bytes > 0).then(|| Reservation::taken(bytes));
        self.blocked = true;
    }

    /// All that was loaded is sent.
    fn pass(&mut self) {
        (self.stalled, self._cargo) = (None, None);
    }

    /// How much of what is on the train no command is charged for any more: all but what is of the one that is
    /// being answered, which was loaded last.
    fn unaccounted(&self) -> usize {
        let Some(answering) = &self.answering else {
            return self.train.len();
        };
        let sent = usize::try_from(answering.data.sent()).unwrap_or(0);
        let left = match self.attached {
            Some(_) => 0,
            None => self.rest.left,
        };
        self.train.len().saturating_sub(sent.saturating_sub(left))
    }

    /// Since when the socket takes nothing, if it is full.
    pub(super) fn stalled(&self) -> Option<i64> {
        self.stalled.map(|(since, _)| since)
    }

    /// Has the commands whose answers aren't sent yet let go of logical units that are to go offline.
    pub(super) fn let_go(&mut self, link: &Link) {
        if let Some(answering) = &mut self.answering {
            answering.task.let_go();
        }
        // What is to be said later waits for all of them then.
        let batch = Queue::new();
        for token in self.batch.take().into_iter().flatten() {
            batch.push(gone(token));
        }
        for token in link.finished.take_all() {
            batch.push(gone(token));
        }
        self.batch = (!batch.is_empty()).then(|| batch.take_all());
    }

    /// There is room in the socket again.
    pub(super) fn unblock(&mut self) {
        self.blocked = false;
    }

    /// Whether there is nothing to send but what may be in the queue of finished commands.
    pub(super) fn is_idle(&self) -> bool {
        self.train.is_empty()
            && self.replies.is_empty()
            && self.late.is_empty()
            && self.batch.is_none()
            && self.answering.is_none()
            && self.rest.is_empty()
    }

    /// Whether nothing can be sent at the moment.
    pub(super) fn is_stuck(&self) -> bool {
        self.blocked || self.starved
    }

    /// Whether memory is waited for.
    pub(super) fn is_starved(&self) -> bool {
        self.starved
    }

    /// Memory is waited for.
    pub(super) fn starve(&mut self) {
        self.starved = true;
    }

    /// Gives back what an idle connection can do without.
    pub(super) fn shrink(&mut self) {
        self.train.shrink();
    }

    /// Whether memory is waited for; forgets it, so that it is tried again.
    pub(super) fn take_starved(&mut self) -> bool {
        mem::take(&mut self.starved)
    }

    /// Loads the rest of the PDU whose header is on the train.
    fn load_rest(&mut self) -> Result<(), Full> {
        if !self.rest.is_empty() {
            match (&self.attached, &self.answering) {
                (Some(data), _) => self.rest.load(&data.pages, &mut self.train)?,
                (None, Some(answering)) => {
                    self.rest.load(answering.task.data(), &mut self.train)?
                }
                (None, None) => self.rest = Rest::default(),
            }
        }
        self.attached = None;
        Ok(())
    }

    /// Loads the next reply, if there is one.
    fn load_reply(
        &mut self,
        late: bool,
        params: &ConnectionParams,
        numbers: &mut Numbers,
    ) -> Result<bool, Full> {
        let replies = if late {
            &mut self.late
        } else {
            &mut self.replies
        };
        let Some(reply) = replies.first() else {
            return Ok(false);
        };
        let (header, short) = reply.encode(numbers.serials());
        let params = match reply.said {
            // There are no digests before full feature phase.
            Said::Login(_) => &ConnectionParams::default(),
            _ => params,
        };
        push_pdu(&mut self.train, &header, short.padded(), params)?;
        match reply.said {
            Said::Ping(_) => {}
            Said::Refused(itt, _) => numbers.end_command(itt),
            _ => numbers.count_status(),
        }
        if let Ok(reply) = replies.remove(0) {
            // Late replies have no data.
            self.held = self.held.saturating_sub(reply.len());
            if let Some(Attached { pages, .. }) = &reply.data {
                let len = u32::try_from(pages.len()).unwrap_or(0);
                self.rest = Rest::new(pages, 0, len, params.data_digest);
                self.attached = reply.data;
            }
        }
        Ok(true)
    }

    /// Loads the next header of the command that is being answered, if there is one.
    fn load_answer(
        &mut self,
        params: &ConnectionParams,
        numbers: &mut Numbers,
    ) -> Result<bool, Full> {
        let Some(answering) = &mut self.answering else {
            return Ok(false);
        };
        let mut data = answering.data;
        if let Some(plan) = data.next_data_in(u32::MAX) {
            let good = answering.task.status() == Status::Good;
            let status = (plan.is_last && good).then(|| CollapsedStatus {
                status: Status::Good.code(),
                residual: answering.residual(),
            });
            let ends = u32::from(status.is_some());
            let header = DataIn {
                is_final: plan.is_final,
                acknowledge: false,
                status,
                lun: [0; 8],
                itt: answering.itt,
                ttt: Ttt::RESERVED,
                sn: numbers.serials_with(ends),
                data_sn: plan.data_sn,
                offset: plan.offset,
                data_len: plan.len,
            };
            push_pdu(&mut self.train, &header.encode(), &[], params)?;
            answering.data = data;
            let pages = answering.task.data();
            self.rest = Rest::new(pages, plan.offset, plan.len, params.data_digest);
            numbers.counters.add(Counter::TxDataOctets, plan.len.into());
            if status.is_some() {
                numbers.end_command(answering.itt);
                answering.answered = true;
            }
            return Ok(true);
        }
        if !answering.answered {
            let (header, short) = answering.response(numbers.serials_with(1));
            push_pdu(&mut self.train, &header, short.padded(), params)?;
            numbers.end_command(answering.itt);
        }
        self.answering = None;
        Ok(true)
    }

    /// Goes on to the next finished command, or to what waited for those before. Says whether there
    /// was anything.
    fn go_on(
        &mut self,
        link: &Link,
        params: &Negotiated,
        numbers: &mut Numbers,
    ) -> Result<bool, Full> {
        if let Some(token) = self.batch.as_mut().and_then(Iterator::next) {
            self.answering = Some(Answering::new(Finished::from(token), params));
            return Ok(true);
        }
        self.batch = None;
        if self.due > 0 {
            self.load_reply(true, &params.connection, numbers)?;
            self.due = self.due.saturating_sub(1);
            return Ok(true);
        }
        self.due = self.late.len();
        if link.finished.is_empty() {
            return Ok(self.due > 0);
        }
        self.batch = Some(link.finished.take_all());
        Ok(true)
    }
}

/// A finished command, which has let go of its logical unit if that is to go offline.
fn gone(token: Token<TaskBody>) -> Token<TaskBody> {
    let mut task = Finished::from(token);
    task.let_go();
    task.into()
}

impl Connection {
    /// Sends what there is, as far as the socket takes it.
    pub(super) fn transmit(&mut self) -> Result<(), End> {
        if self.tx.is_stuck() {
            return Ok(());
        }
        loop {
            let all = self.load().is_ok();
            if self.tx.train.is_empty() {
                // Nothing to send, or no memory to send it with.
                self.tx.starved = !all;
                return Ok(());
            }
            match self.tx.train.send(&mut self.stream, !all) {
                Ok(true) => {
                    self.tx.pass();
                    if all {
                        return Ok(());
                    }
                }
                Ok(false) => {
                    self.tx.block();
                    return Ok(());
                }
                Err(_) => return Err(End::Lost),
            }
        }
    }

    /// Loads what there is to send on the train, until it is full.
    fn load(&mut self) -> Result<(), Full> {
        loop {
            self.tx.load_rest()?;
            let params = &self.params.connection;
            let more = self.tx.load_reply(false, params, &mut self.numbers)?
                || self.load_r2t()?
                || self
                    .tx
                    .load_answer(&self.params.connection, &mut self.numbers)?
                || self.tx.go_on(&self.link, &self.params, &mut self.numbers)?;
            if !more {
                return Ok(());
            }
        }
    }

    /// Loads an R2T, if there is data to solicit.
    fn load_r2t(&mut self) -> Result<bool, Full> {
        let Phase::Normal(normal) = &mut self.phase else {
            return Ok(false);
        };
        if !normal.writes.is_soliciting() {
            return Ok(false);
        }
        let (train, numbers) = (&mut self.tx.train, &mut self.numbers);
        let params = &self.params.connection;
        normal.writes.solicit(|write, plan| {
            push_pdu(train, &r2t(write, plan, numbers.serials()), &[], params)
        })
    }
}

fn r2t(write: &Write, plan: R2tPlan, sn: Serials) -> [u8; BHS_LEN] {
    R2t {
        lun: write.lun,
        itt: write.itt,
        ttt: plan.ttt,
        sn,
        r2t_sn: plan.r2t_sn,
        offset: plan.offset,
        len: plan.len,
    }
    .encode()
}
