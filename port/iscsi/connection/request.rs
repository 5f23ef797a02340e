// SPDX-License-Identifier: GPL-2.0

//! Requests: what each is for, and in what order they count.

use super::{
    manage::waits_for_commands,
    rx::{Payload, Ping, Texted},
    tx::{Attached, Reply, Said},
    Connection,
    End,
    Link,
    Normal,
    Phase,
    END_LIMIT, //
};
use crate::counters::Counter;
use core::slice::from_ref;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf::memory::Reservation;
use stmf_iscsi_proto::{
    bhs::Bhs,
    request::{LogoutRequest, NopOut, Order, Request},
    types::{Cid, Itt, LogoutReason, LogoutResult, RejectReason, TmfOutcome},
    window::Admit, //
};
use stmf_kernel::pages::{Contents, PageList};

/// What the data of a ping that is being received needs no reservation for.
const PING_ALLOWANCE: usize = 64 << 10;

impl Connection {
    /// Handles a header. Says where its data is to go, with which [`Connection::complete`] goes on.
    pub(super) fn request(&mut self, bhs: &Bhs, ahs: &[u8]) -> Result<Payload, End> {
        let request = match Request::parse(bhs, ahs) {
            Ok(request) => request,
            // Its number counts as not received (RFC 7143 7.3).
            Err(reason) => return self.reject(reason, bhs),
        };
        match (&self.phase, &request) {
            (Phase::Login(_), Request::Login(login)) => {
                return Ok(Payload::Text(text_for(bhs)?, Texted::Login(*login)));
            }
            (Phase::Login(_), _) => return Err(End::Protocol("no login request during the login")),
            (_, Request::Login(_)) => return Err(End::Protocol("a login request after the login")),
            (Phase::Normal(_), _) => {}
            // They are for sessions with a target. Here their numbers are not received, either.
            (_, Request::ScsiCommand(_) | Request::DataOut(_) | Request::TaskManagement(_)) => {
                return self.reject(RejectReason::ProtocolError, bhs)
            }
            _ => {}
        }
        if let Request::ScsiCommand(command) = &request {
            if self.is_in_use(command.itt) {
                return self.reject(RejectReason::TaskInProgress, bhs);
            }
        }
        let order = request.order();
        let joint = order.and_then(|_| self.numbers.joint().cloned());
        let mut _turn = None;
        if let Some(order) = order {
            // No other connection delivers what comes next, until this is.
            let in_turn = !order.immediate || matches!(request, Request::TaskManagement(_));
            _turn = joint.as_ref().filter(|_| in_turn).map(|joint| joint.turn());
            match self.admit(&request, order) {
                Admit::Now => {}
                Admit::Future => return self.keep_for_later(bhs, ahs),
                Admit::OutOfWindow => return Ok(Payload::Skip),
            }
        }
        self.dispatch(&request, bhs)
    }

    fn admit(&mut self, request: &Request<'_>, order: Order) -> Admit {
        if let (Some(joint), Request::TaskManagement(request)) = (self.numbers.joint(), request) {
            // Other connections may still bring what it is about.
            let waits = order.immediate && waits_for_commands(request.function);
            if waits && joint.is_ahead(order.cmd_sn) {
                return Admit::Future;
            }
        }
        self.numbers.admit(order)
    }

    fn dispatch(&mut self, request: &Request<'_>, bhs: &Bhs) -> Result<Payload, End> {
        match request {
            Request::NopOut(nop) => {
                self.was_answered(nop.ttt)?;
                self.ping(nop, bhs)
            }
            Request::Text(text) => Ok(Payload::Text(text_for(bhs)?, Texted::Text(*text, *bhs))),
            Request::Logout(logout) => Ok(Payload::Logout(*logout)),
            Request::Snack(_) => self.reject(RejectReason::SnackReject, bhs),
            Request::ScsiCommand(command) => self.scsi_command(command, bhs.data_len()),
            Request::DataOut(data) if data.ttt.is_reserved() && self.waiting.has(data.itt) => {
                self.keep_for_later(bhs, &[])
            }
            Request::DataOut(data) => self.data_out(data),
            Request::TaskManagement(request) => {
                self.task_management(request)?;
                Ok(Payload::Skip)
            }
            Request::Login(_) => Ok(Payload::Skip),
        }
    }

    /// Goes on with a request whose data is there.
    pub(super) fn complete(&mut self, payload: Payload) -> Result<(), End> {
        match payload {
            Payload::Skip => Ok(()),
            Payload::Command(incoming) => {
                incoming.execute();
                Ok(())
            }
            Payload::Logout(logout) => self.logout(&logout),
            Payload::Early(early) => self.keep(early),
            Payload::Write(writing) => {
                self.data_arrived(writing.write);
                Ok(())
            }
            Payload::Text(text, Texted::Login(request)) => self.login_request(&request, &text),
            Payload::Text(text, Texted::Text(request, bhs)) => {
                self.text_request(&request, &bhs, &text)
            }
            Payload::Ping(Ping { nop, data }) => {
                let said = Said::Pong(nop.itt, nop.lun);
                self.tx.say(Reply::with_data(said, data))
            }
        }
    }

    /// What is to be done with the data of a ping: as much as the initiator takes comes back (RFC 7143 11.19),
    /// and no room is made for the rest.
    fn ping(&self, nop: &NopOut, bhs: &Bhs) -> Result<Payload, End> {
        if nop.itt.is_reserved() {
            // It answers a ping of ours, or only tells its serials.
            return Ok(Payload::Skip);
        }
        let limit = self.params.connection.max_send_data_segment_length;
        let len = usize::try_from(bhs.data_len().min(limit)).unwrap_or(usize::MAX);
        let reservation = match len > PING_ALLOWANCE {
            true => Some(Reservation::new(len).ok_or(End::Memory)?),
            false => None,
        };
        // All of it is filled before any of it is sent.
        let pages = KBox::new(PageList::alloc(len, Contents::Garbage)?, GFP_KERNEL)?;
        let data = Attached {
            pages,
            _reservation: reservation,
        };
        Ok(Payload::Ping(Ping { nop: *nop, data }))
    }

    /// Rejects a request. Its data is skipped.
    pub(super) fn reject(&mut self, reason: RejectReason, bhs: &Bhs) -> Result<Payload, End> {
        let counter = match reason {
            RejectReason::DataDigestError => Counter::DigestErrors,
            _ => Counter::FormatErrors,
        };
        self.numbers.counters.add(counter, 1);
        self.numbers.note_rejected(bhs);
        self.say_rejected(reason, bhs)?;
        Ok(Payload::Skip)
    }

    /// Tells that a PDU is rejected, whatever that does to its number.
    pub(super) fn say_rejected(&mut self, reason: RejectReason, bhs: &Bhs) -> Result<(), End> {
        self.tx.say(Reply::new(Said::Reject(reason, *bhs)))
    }

    fn logout(&mut self, logout: &LogoutRequest) -> Result<(), End> {
        let is_own = logout.cid == self.cid;
        let (mut result, ends) = match logout.reason {
            LogoutReason::CloseSession => (LogoutResult::Success, true),
            LogoutReason::CloseConnection if is_own => (LogoutResult::Success, true),
            LogoutReason::CloseConnection => (self.log_another_out(logout.cid), false),
            LogoutReason::RemoveForRecovery | LogoutReason::Unknown(_) => {
                (LogoutResult::RecoveryNotSupported, false)
            }
        };
        if let (true, Phase::Normal(normal)) = (ends, &self.phase) {
            // Whoever hears of the logout may count on what it ends.
            if !normal.end(&self.link, logout.reason == LogoutReason::CloseSession) {
                result = LogoutResult::CleanupFailed;
            }
        }
        // After the answers to the commands that are finished.
        let said = Said::Logout(logout.itt, result);
        self.tx.say_later(Reply::new(said))?;
        if ends {
            self.say_no_more();
        }
        Ok(())
    }

    /// Ends another connection of the session.
    fn log_another_out(&self, cid: Cid) -> LogoutResult {
        let Phase::Normal(normal) = &self.phase else {
            return LogoutResult::CidNotFound;
        };
        match normal.membership.session.connection(cid) {
            None => LogoutResult::CidNotFound,
            Some(other) => {
                other.stop();
                match self.link.await_all(from_ref(&other), END_LIMIT) {
                    true => LogoutResult::Success,
                    false => LogoutResult::CleanupFailed,
                }
            }
        }
    }

    /// Asks the initiator whether it is there.
    pub(super) fn ask(&mut self) {
        let ttt = self.numbers.next_ping();
        // Without memory for it the question is not asked, and the silence noticed all the same.
        let _ = self.tx.say(Reply::new(Said::Ping(ttt)));
    }

    /// Answers a task management request.
    pub(super) fn say_managed(
        &mut self,
        itt: Itt,
        outcome: impl Into<TmfOutcome>,
    ) -> Result<(), End> {
        let said = Said::Managed(itt, outcome.into());
        self.tx.say_later(Reply::new(said))
    }
}

impl Normal {
    /// Ends what a logout ends: the session, or as much of it as is of this connection. Says whether
    /// it has ended.
    fn end(&self, link: &Arc<Link>, session: bool) -> bool {
        let own = &self.membership.session;
        let has_ended = !session || own.end_but(link, END_LIMIT);
        if own.begin_leaving(link) || session {
            self.nexus.lose();
        } else {
            self.endpoint.lose();
        }
        has_ended
    }
}

/// Room for the text of a request.
fn text_for(bhs: &Bhs) -> Result<KVec<u8>, End> {
    let len = usize::try_from(bhs.data_len()).unwrap_or(usize::MAX);
    if len > super::text::MAX {
        return Err(End::Protocol("a text too long"));
    }
    Ok(KVec::with_capacity(len, GFP_KERNEL)?)
}
