// SPDX-License-Identifier: GPL-2.0

//! Requests that came before others that have to be carried out first (RFC 7143 4.2.2.1).
//!
//! They are kept as they came, data included, and handled once the gap before them is filled: by
//! the requests that are missing, or because the initiator aborts them. That takes memory, so there
//! is a limit: while there are several connections, no more is read from one that has reached half of it, and
//! one that is beyond it ends. So does one that wants more than is left of the memory for all sessions' commands,
//! and one of a discovery session that leaves a gap at all. A gap that nobody fills ends the session.

use super::{
    rx::Payload,
    Connection,
    End,
    Phase, //
};
use kernel::prelude::*;
use stmf::memory::Reservation;
use stmf_iscsi_proto::{
    bhs::{Bhs, Opcode},
    request::{Order, Request},
    sn::Sn,
    types::{Itt, Lun}, //
};

/// The most requests that are kept.
const MAX: usize = 128;

/// The most bytes that are kept with them, unless one command may bring more by itself.
const MAX_BYTES: usize = 1 << 20;

/// What of that needs no reservation: so who keeps little is not affected by what others take.
const ALLOWANCE: usize = 64 << 10;

/// A request, and its data as far as it has come.
pub(super) struct Early {
    bhs: Bhs,
    ahs: KVec<u8>,
    /// It may be long, and there may be no such piece of memory.
    data: KVVec<u8>,
    /// For the data.
    _reservation: Option<Reservation>,
    /// Whether its data was damaged on its way, and is not kept: of a Data-Out.
    damaged: bool,
}

impl Early {
    /// Takes data.
    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), End> {
        Ok(self.data.extend_from_slice(bytes, GFP_KERNEL)?)
    }

    fn is(&self, opcode: Opcode) -> bool {
        Opcode::request(self.bhs.opcode()) == Some(opcode)
    }

    fn is_data_out(&self) -> bool {
        self.is(Opcode::DataOut)
    }

    fn is_data_of(&self, itt: Itt) -> bool {
        self.is_data_out() && self.bhs.itt() == itt
    }

    fn is_command(&self) -> bool {
        self.is(Opcode::ScsiCommand)
    }

    /// Where it stands among the requests; data stands with its command.
    fn order(&self) -> Option<Order> {
        (!self.is_data_out()).then(|| Order::of(&self.bhs))
    }

    /// Whether its turn has come when `next` is expected. A task management function that is
    /// immediate has waited for the requests before it.
    fn is_due(&self, next: Sn) -> bool {
        self.order().is_some_and(|order| match order.immediate {
            true => !order.cmd_sn.is_after(next),
            false => order.cmd_sn == next,
        })
    }

    /// Whether nothing is to be done with it any more: its number was given up by its initiator, or
    /// used for another.
    fn is_past(&self, next: Sn) -> bool {
        let order = self.order().filter(|order| !order.immediate);
        order.is_some_and(|order| order.cmd_sn.is_before(next))
    }
}

/// The requests that wait, in the order in which they came.
pub(super) struct Waiting {
    list: KVec<KBox<Early>>,
    bytes: usize,
}

impl Waiting {
    pub(super) const fn new() -> Self {
        Self {
            list: KVec::new(),
            bytes: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether no more should be kept. What still comes in counts, but alone it is no reason not to read:
    /// nobody tells the connection to go on, and nothing limits its time, until the first is kept whole.
    pub(super) fn is_full(&self) -> bool {
        let is_much = self.list.len() >= MAX / 2 || self.bytes >= MAX_BYTES / 2;
        is_much && !self.list.is_empty()
    }

    /// The number of the first request.
    pub(super) fn first(&self) -> Option<Sn> {
        let orders = self.list.iter().filter_map(|early| early.order());
        let numbers = orders.map(|order| order.cmd_sn);
        numbers.reduce(|first, next| match next.is_before(first) {
            true => next,
            false => first,
        })
    }

    /// Whether a command with this tag waits.
    pub(super) fn has(&self, itt: Itt) -> bool {
        let is_it = |early: &KBox<Early>| early.is_command() && early.bhs.itt() == itt;
        self.list.iter().any(is_it)
    }

    /// Keeps a request, whose data is to come. `first_burst`: what a command may bring without being asked.
    fn keep(&mut self, bhs: &Bhs, ahs: &[u8], first_burst: usize) -> Result<Payload, End> {
        let len = usize::try_from(bhs.data_len()).unwrap_or(usize::MAX);
        self.bytes = self.bytes.saturating_add(len);
        if self.list.len() >= MAX || self.bytes > MAX_BYTES.max(first_burst) {
            return Err(End::Protocol(
                "too much behind a gap in the command numbers",
            ));
        }
        let reservation = match len > 0 && self.bytes > ALLOWANCE {
            true => Some(Reservation::new(len).ok_or(End::Memory)?),
            false => None,
        };
        self.list.reserve(1, GFP_KERNEL)?;
        let mut copy = KVec::with_capacity(ahs.len(), GFP_KERNEL)?;
        copy.extend_from_slice(ahs, GFP_KERNEL)?;
        let early = Early {
            bhs: *bhs,
            ahs: copy,
            data: KVVec::with_capacity(len, GFP_KERNEL)?,
            _reservation: reservation,
            damaged: false,
        };
        Ok(Payload::Early(KBox::new(early, GFP_KERNEL)?))
    }

    /// A request is not kept any more, or was damaged before it was.
    pub(super) fn forget(&mut self, early: &Early) {
        self.bytes = self.bytes.saturating_sub(early.data.len());
    }

    fn take(&mut self, is_it: impl Fn(&Early) -> bool) -> Option<KBox<Early>> {
        let place = self.list.iter().position(|early| is_it(early))?;
        let early = self.list.remove(place).ok()?;
        self.forget(&early);
        Some(early)
    }

    /// Drops the commands that match, and their data; tells their numbers.
    pub(super) fn drop_matching(
        &mut self,
        matches: impl Fn(Sn, Itt, Lun) -> bool,
        mut dropped: impl FnMut(Sn),
    ) {
        let is_it = |early: &Early| {
            let (bhs, order) = (&early.bhs, Order::of(&early.bhs));
            early.is_command() && matches(order.cmd_sn, bhs.itt(), bhs.lun())
        };
        while let Some(command) = self.take(is_it) {
            dropped(Order::of(&command.bhs).cmd_sn);
            self.drop_data(command.bhs.itt());
        }
    }

    /// Drops the requests with which nothing is to be done any more.
    fn drop_past(&mut self, next: Sn) {
        while let Some(request) = self.take(|early| early.is_past(next)) {
            self.drop_data(request.bhs.itt());
        }
    }

    fn drop_data(&mut self, itt: Itt) {
        while self.take(|early| early.is_data_of(itt)).is_some() {}
    }
}

impl Connection {
    /// Keeps a request that has to wait, whose data is to come.
    pub(super) fn keep_for_later(&mut self, bhs: &Bhs, ahs: &[u8]) -> Result<Payload, End> {
        // A discovery session has one connection, on which nothing overtakes anything, and perhaps nobody has
        // proved who it is: nothing is kept for it.
        if !matches!(self.phase, Phase::Normal(_)) {
            return Err(End::Protocol("a gap before a request for discovery"));
        }
        let first_burst = self.params.session.first_burst_length;
        let first_burst = usize::try_from(first_burst).unwrap_or(usize::MAX);
        self.waiting.keep(bhs, ahs, first_burst)
    }

    /// All data of a request that has to wait is there.
    pub(super) fn keep(&mut self, early: KBox<Early>) -> Result<(), End> {
        if early.is_data_out() && !self.waiting.has(early.bhs.itt()) {
            // While it came in, its command was carried out or dropped.
            self.waiting.forget(&early);
            return self.replay_data(&early);
        }
        self.waiting.list.push(early, GFP_KERNEL)?;
        self.note_kept();
        Ok(())
    }

    /// All of a Data-Out that has to wait is there, but not as it was sent. Without it its command
    /// would never know that all has come which is on its way.
    pub(super) fn keep_damaged(&mut self, mut early: KBox<Early>) -> Result<(), End> {
        self.waiting.forget(&early);
        (early.data, early._reservation) = (KVVec::new(), None);
        early.damaged = true;
        self.keep(early)
    }

    /// Handles the requests whose turn has come; says whether there were any.
    pub(super) fn handle_early(&mut self) -> Result<bool, End> {
        let mut any = false;
        while !self.waiting.is_empty() {
            if !self.tx.make_room() || self.closing.is_some() {
                // It goes on when there is room.
                return Ok(any);
            }
            let next = self.numbers.exp_cmd_sn();
            self.waiting.drop_past(next);
            let Some(request) = self.waiting.take(|early| early.is_due(next)) else {
                break;
            };
            self.replay(&request)?;
            self.replay_data_of(request.bhs.itt())?;
            any = true;
        }
        self.note_kept();
        Ok(any)
    }

    /// Handles a request as if it came now.
    fn replay(&mut self, early: &Early) -> Result<(), End> {
        let mut payload = self.request(&early.bhs, &early.ahs)?;
        payload.put(0, &early.data)?;
        self.complete(payload)
    }

    /// Handles the data that was kept with a command.
    fn replay_data_of(&mut self, itt: Itt) -> Result<(), End> {
        // It waits again when another connection has just taken back the number before its own.
        while !self.waiting.has(itt) {
            let Some(data) = self.waiting.take(|early| early.is_data_of(itt)) else {
                break;
            };
            self.replay_data(&data)?;
        }
        Ok(())
    }

    /// Handles data as if it came now, whatever else is kept: it has no turn of its own.
    fn replay_data(&mut self, early: &Early) -> Result<(), End> {
        let Ok(Request::DataOut(data)) = Request::parse(&early.bhs, &early.ahs) else {
            return Ok(());
        };
        let mut payload = self.data_out(&data)?;
        if early.damaged {
            return self.discard_data_out(payload);
        }
        payload.put(0, &early.data)?;
        self.complete(payload)
    }
}
