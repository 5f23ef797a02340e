// SPDX-License-Identifier: GPL-2.0

//! Requests: what each is for, and in what order they count.

use super::{
    rx::{Payload, Texted},
    tx::{Reply, Said},
    Connection,
    End,
    Phase, //
};
use kernel::prelude::*;
use stmf_iscsi_proto::{
    bhs::Bhs,
    request::{LogoutRequest, NopOut, Request},
    types::{Itt, LogoutReason, LogoutResult, RejectReason, TmfResult},
    window::Admit, //
};
use stmf_kernel::pages::{Contents, PageList};

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
            _ => {}
        }
        if let Request::ScsiCommand(command) = &request {
            if self.is_in_use(command.itt) {
                return self.reject(RejectReason::TaskInProgress, bhs);
            }
        }
        if let Some(order) = request.order() {
            match self.numbers.admit(order) {
                Admit::Now => {}
                Admit::Future => return self.waiting.keep(bhs, ahs),
                Admit::OutOfWindow => return Ok(Payload::Skip),
            }
        }
        self.dispatch(&request, bhs)
    }

    fn dispatch(&mut self, request: &Request<'_>, bhs: &Bhs) -> Result<Payload, End> {
        match request {
            Request::NopOut(nop) => ping(nop, bhs),
            Request::Text(text) => Ok(Payload::Text(text_for(bhs)?, Texted::Text(*text, *bhs))),
            Request::Logout(logout) => {
                self.logout(logout)?;
                Ok(Payload::Skip)
            }
            Request::Snack(_) => self.reject(RejectReason::SnackReject, bhs),
            // The rest is for sessions with a target.
            _ if !matches!(self.phase, Phase::Normal(_)) => {
                self.reject(RejectReason::ProtocolError, bhs)
            }
            Request::ScsiCommand(command) => self.scsi_command(command, bhs.data_len()),
            Request::DataOut(data) if data.ttt.is_reserved() && self.waiting.has(data.itt) => {
                self.waiting.keep(bhs, &[])
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
            Payload::Early(early) => self.waiting.push(early),
            Payload::Write(writing) => {
                self.data_arrived(writing.write);
                Ok(())
            }
            Payload::Text(text, Texted::Login(request)) => self.login_request(&request, &text),
            Payload::Text(text, Texted::Text(request, bhs)) => {
                self.text_request(&request, &bhs, &text)
            }
            Payload::Ping(data, nop) => {
                // As much as the initiator takes comes back.
                let limit = self.params.connection.max_send_data_segment_length;
                let limit = usize::try_from(limit).unwrap_or(usize::MAX);
                let len = data.len().min(limit);
                let said = Said::Pong(nop.itt, nop.lun);
                self.tx.say(Reply::with_data(said, data, len))
            }
        }
    }

    /// Rejects a request. Its data is skipped.
    pub(super) fn reject(&mut self, reason: RejectReason, bhs: &Bhs) -> Result<Payload, End> {
        self.tx.say(Reply::new(Said::Reject(reason, *bhs)))?;
        Ok(Payload::Skip)
    }

    fn logout(&mut self, logout: &LogoutRequest) -> Result<(), End> {
        let result = match logout.reason {
            LogoutReason::CloseSession => LogoutResult::Success,
            LogoutReason::CloseConnection if logout.cid == self.cid => LogoutResult::Success,
            LogoutReason::CloseConnection => LogoutResult::CidNotFound,
            LogoutReason::RemoveForRecovery | LogoutReason::Unknown(_) => {
                LogoutResult::RecoveryNotSupported
            }
        };
        if let (LogoutResult::Success, Phase::Normal(normal)) = (result, &self.phase) {
            // Whoever hears of the logout may count on what it ends.
            normal.nexus.lose();
        }
        // After the answers to the commands that are finished.
        let said = Said::Logout(logout.itt, result);
        self.tx.say_later(Reply::new(said))?;
        if result == LogoutResult::Success {
            self.say_no_more();
        }
        Ok(())
    }

    /// Asks the initiator whether it is there.
    pub(super) fn ask(&mut self) {
        let ttt = self.numbers.next_ping();
        // Without memory for it the question is not asked, and the silence noticed all the same.
        let _ = self.tx.say(Reply::new(Said::Ping(ttt)));
    }

    /// Answers a task management request.
    pub(super) fn say_managed(&mut self, itt: Itt, result: TmfResult) -> Result<(), End> {
        self.tx.say_later(Reply::new(Said::Managed(itt, result)))
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

/// What is to be done with the data of a ping.
fn ping(nop: &NopOut, bhs: &Bhs) -> Result<Payload, End> {
    if nop.itt.is_reserved() {
        // It answers a ping of ours, or only tells its serials.
        return Ok(Payload::Skip);
    }
    let len = usize::try_from(bhs.data_len()).unwrap_or(usize::MAX);
    // All of it is filled before any of it is sent.
    let pages = PageList::alloc(len, Contents::Garbage)?;
    Ok(Payload::Ping(KBox::new(pages, GFP_KERNEL)?, *nop))
}
