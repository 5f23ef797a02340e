// SPDX-License-Identifier: GPL-2.0

//! The numbers of requests and responses: those of a connection, and those of its session.

use super::{Connection, End};
use crate::{
    bells::TURN,
    counters::{Counter, Counters},
    joint::Joint, //
};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::Arc, //
};
use stmf::nexus::Endpoint;
use stmf_iscsi_proto::{
    bhs::{Bhs, Opcode},
    request::{LoginRequest, Order},
    sn::Sn,
    tags::Tags,
    types::{Itt, Serials, Ttt},
    window::{Admit, CommandWindow, StatusWindow}, //
};
use stmf_kernel::kthread::Doorbell;

/// The command window without a session, which has commands.
const VISITOR_WINDOW: u32 = 8;

/// The most that the command window of a session is open for.
const SESSION_WINDOW: u32 = 128;

/// The numbers of a connection.
pub(super) struct Numbers {
    /// Those of requests and the tags of commands that were not answered yet, unless they are in
    /// `joint`: of the only connection that its session can have.
    commands: CommandWindow,
    tags: Tags,
    /// Those of a session that can have several connections.
    joint: Option<Arc<Joint>>,
    /// Which of them this one is, once it is.
    place: Option<usize>,
    /// Whether the others know of a request that this one keeps.
    keeps: bool,
    /// The last of the requests that were rejected here.
    rejected: Option<Sn>,
    status: StatusWindow,
    /// Whose free places the window shows, once there is a session.
    endpoint: Option<Arc<Endpoint>>,
    last_ping: u32,
    /// What is counted of the connection.
    pub(super) counters: Counters,
}

impl Numbers {
    pub(super) fn new() -> Result<Self, AllocError> {
        Ok(Self {
            commands: CommandWindow::new(Default::default(), 0),
            tags: Tags::new(),
            joint: None,
            place: None,
            keeps: false,
            rejected: None,
            status: StatusWindow::new(Default::default()),
            endpoint: None,
            last_ping: 0,
            counters: Counters::new()?,
        })
    }

    /// Begins with the numbers of the first request.
    pub(super) fn start(&mut self, request: &LoginRequest) {
        self.commands = CommandWindow::new(request.order.cmd_sn, VISITOR_WINDOW);
        self.status = StatusWindow::new(request.exp_stat_sn);
    }

    /// The window of a connection that has its own.
    pub(super) fn own_window(&self) -> CommandWindow {
        self.commands
    }

    /// Shows numbers that are news to nobody whose session the connection wants to join (RFC 7143 4.2.2.1): it
    /// expects none before the first, and has room for all before that of the request.
    pub(super) fn conceal(&mut self, request: &LoginRequest) {
        let before = request.order.cmd_sn.get().wrapping_sub(SESSION_WINDOW);
        self.commands = CommandWindow::new(Sn::new(before), SESSION_WINDOW);
    }

    /// Shows the numbers of a session that the connection joins, or wants to.
    pub(super) fn observe(&mut self, joint: Arc<Joint>) {
        self.joint = Some(joint);
    }

    /// Takes a place among the connections of the session, if it can have several, and gives its
    /// number.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when too many that have ended are not gone yet.
    pub(super) fn attach(&mut self, bell: &Arc<Doorbell>) -> Result<Option<u8>> {
        let Some(joint) = &self.joint else {
            return Ok(None);
        };
        let place = joint.attach(bell.clone()).ok_or(EAGAIN)?;
        self.place = Some(place);
        Ok(Some(u8::try_from(place)?))
    }

    /// Shows the session's window from now on.
    pub(super) fn follow(&mut self, endpoint: Arc<Endpoint>) {
        self.endpoint = Some(endpoint);
    }

    /// The connection is gone.
    pub(super) fn leave(&mut self) {
        if let (Some(joint), Some(place)) = (&self.joint, self.place.take()) {
            joint.detach(place);
        }
    }

    /// What is shared with other connections, if there can be some.
    pub(super) fn joint(&self) -> Option<&Arc<Joint>> {
        self.joint.as_ref()
    }

    /// The command number expected next.
    pub(super) fn exp_cmd_sn(&self) -> Sn {
        match &self.joint {
            None => self.commands.exp_cmd_sn(),
            Some(joint) => joint.window(|| None).exp_cmd_sn(),
        }
    }

    /// As [`CommandWindow::skip`].
    pub(super) fn skip(&mut self, cmd_sn: Sn) -> bool {
        match &self.joint {
            None => self.commands.skip(cmd_sn),
            Some(joint) => joint.skip(cmd_sn),
        }
    }

    /// As [`CommandWindow::plug`].
    pub(super) fn plug(&mut self, cmd_sn: Sn) {
        match &self.joint {
            None => self.commands.plug(cmd_sn),
            Some(joint) => joint.plug(cmd_sn),
        }
    }

    /// As [`CommandWindow::admit`].
    pub(super) fn admit(&mut self, order: Order) -> Admit {
        match &self.joint {
            None => self.commands.admit(order),
            Some(joint) => joint.admit(order),
        }
    }

    /// Adds the tag of a command; says whether it is new.
    pub(super) fn add_tag(&mut self, tag: Itt) -> bool {
        match &self.joint {
            None => self.tags.insert(tag),
            Some(joint) => joint.insert(tag),
        }
    }

    /// The status of a command is on its way.
    pub(super) fn end_command(&mut self, tag: Itt) {
        match &self.joint {
            None => self.tags.remove(tag),
            Some(joint) => joint.remove(tag),
        }
        self.count_status();
        self.counters.add(Counter::RspPdus, 1);
    }

    /// A request was not received after all (RFC 7143 7.3): its number is expected again.
    pub(super) fn take_back(&mut self, bhs: &Bhs) -> Result<(), End> {
        let taken_back = match (Order::of(bhs), &self.joint) {
            (order, _) if order.immediate => true,
            (order, None) => self.commands.take_back(order.cmd_sn),
            (order, Some(joint)) => joint.take_back(order.cmd_sn),
        };
        match taken_back {
            true => Ok(()),
            false => Err(End::Damage(
                "a digest error in the middle of other commands",
            )),
        }
    }

    /// Takes note of a request that is rejected: it comes again, by this connection.
    pub(super) fn note_rejected(&mut self, bhs: &Bhs) {
        let order = Order::of(bhs);
        let is_data = matches!(
            Opcode::request(bhs.opcode()),
            Some(Opcode::DataOut | Opcode::Snack)
        );
        // A later one is missed for longer.
        let later = |last: &Sn| last.is_after(order.cmd_sn) && self.is_missed(*last);
        if !is_data && !order.immediate && self.rejected.filter(later).is_none() {
            self.rejected = Some(order.cmd_sn);
        }
    }

    /// Whether what is expected next may be a request that was rejected here, and not one that another
    /// connection brings.
    pub(super) fn misses_rejected(&self) -> bool {
        self.rejected.is_some_and(|last| self.is_missed(last))
    }

    /// Whether a request of the session is still to come, and may come.
    fn is_missed(&self, cmd_sn: Sn) -> bool {
        let window = match &self.joint {
            None => self.commands,
            Some(joint) => joint.window(|| None),
        };
        cmd_sn.is_within(window.exp_cmd_sn(), window.max_cmd_sn())
    }

    /// The numbers for the next response, which has not taken its StatSN yet.
    pub(super) fn serials(&mut self) -> Serials {
        self.serials_with(0)
    }

    /// As [`Numbers::serials`], when `released` places are about to become free.
    pub(super) fn serials_with(&mut self, released: u32) -> Serials {
        let endpoint = self.endpoint.as_ref();
        let free = || {
            let free = u32::try_from(endpoint?.free_slots()).unwrap_or(0);
            Some(free.saturating_add(released))
        };
        let window = match &self.joint {
            None => {
                self.commands.open(free().unwrap_or(VISITOR_WINDOW));
                self.commands
            }
            Some(joint) => joint.window(free),
        };
        Serials {
            stat_sn: self.status.peek(),
            exp_cmd_sn: window.exp_cmd_sn(),
            max_cmd_sn: window.max_cmd_sn(),
        }
    }

    /// A response is on its way.
    pub(super) fn count_status(&mut self) {
        self.status.take();
    }

    /// The tag of a ping.
    pub(super) fn next_ping(&mut self) -> Ttt {
        self.last_ping = self.last_ping.wrapping_add(1) & 0x7fff_ffff;
        Ttt(self.last_ping)
    }
}

impl Connection {
    /// Lets the other connections know of the first request that this one keeps, so that it is told
    /// when the turn of that has come.
    pub(super) fn note_kept(&mut self) {
        let numbers = &mut self.numbers;
        let (Some(joint), Some(place)) = (&numbers.joint, numbers.place) else {
            return;
        };
        let first = self.waiting.first();
        if first.is_none() && !numbers.keeps {
            return;
        }
        numbers.keeps = first.is_some();
        if joint.keep(place, first) {
            self.link.doorbell.ring(TURN);
        }
    }
}
