// SPDX-License-Identifier: GPL-2.0

//! Text requests: discovery, and the little that is negotiated after the login.

use super::{
    tx::{Attached, Reply, Said},
    Connection,
    End,
    Phase, //
};
use crate::provider::Provider;
use kernel::{
    alloc::AllocError,
    prelude::*, //
};
use stmf_iscsi_proto::{
    bhs::Bhs,
    discovery::{self, Cursor, Portal, Query},
    exchange::{Exchange, Targets},
    login::MAX_LOGIN_TEXT,
    names::IscsiName,
    request::TextRequest,
    text::{Scratch, TextWriter}, //
};
use stmf_kernel::pages::{Contents, PageList};

/// The longest text of a request, and of an answer.
pub(super) const MAX: usize = MAX_LOGIN_TEXT;

/// An exchange of texts that has not ended.
pub(super) struct TextPhase {
    exchange: Exchange,
    memory: Memory,
}

impl TextPhase {
    fn begin() -> Result<KBox<Self>, AllocError> {
        let phase = Self {
            exchange: Exchange::new(),
            memory: Memory::new()?,
        };
        KBox::new(phase, GFP_KERNEL)
    }
}

/// Memory for texts that take several PDUs.
pub(super) struct Memory(KVec<u8>);

impl Memory {
    pub(super) fn new() -> Result<Self, AllocError> {
        Ok(Self(KVec::zeroed(2 * MAX, GFP_KERNEL)?))
    }

    pub(super) fn scratch(&mut self) -> Scratch<'_> {
        let (input, output) = self.0.split_at_mut_checked(MAX).unwrap_or_default();
        Scratch { input, output }
    }
}

/// A reply with a text.
pub(super) fn reply(said: Said, text: &[u8]) -> Result<Reply, AllocError> {
    if text.is_empty() {
        return Ok(Reply::new(said));
    }
    let mut pages = PageList::alloc(text.len(), Contents::Zeroed)?;
    pages.write_at(0, text);
    let data = Attached {
        pages: KBox::new(pages, GFP_KERNEL)?,
        _reservation: None,
    };
    Ok(Reply::with_data(said, data))
}

impl Connection {
    /// Answers a text.
    pub(super) fn text_request(
        &mut self,
        request: &TextRequest,
        bhs: &Bhs,
        text: &[u8],
    ) -> Result<(), End> {
        let (initiator, own) = match &self.phase {
            Phase::Normal(normal) => {
                let membership = &normal.membership;
                (membership.key.initiator, Some(membership.target.name))
            }
            Phase::Discovery(initiator) => (**initiator, None),
            Phase::Login(_) | Phase::Over => return Ok(()),
        };
        let mut phase = match self.text.take() {
            Some(phase) => phase,
            None => TextPhase::begin()?,
        };
        // Here, because a list of targets that lacks them would look complete.
        let portals = self
            .provider
            .portals
            .lock()
            .seen_from(self.local, &self.door);
        let mut lister = Lister {
            provider: &self.provider,
            portals: portals.map_err(|_| End::Memory)?,
            initiator,
            own,
        };
        let TextPhase { exchange, memory } = &mut *phase;
        let (sn, params) = (self.numbers.serials(), &mut self.params);
        let mut scratch = memory.scratch();
        match exchange.step(request, text, sn, params, &mut lister, &mut scratch) {
            Ok(answer) => {
                let reply = reply(Said::Text(answer.response), answer.text)?;
                if !answer.response.is_final {
                    self.text = Some(phase);
                }
                self.tx.say(reply)
            }
            Err(reason) => {
                // It was admitted, and is not received all the same (RFC 7143 7.3), unless the next request has
                // been carried out meanwhile, which came by another connection.
                let _ = self.numbers.take_back(bhs);
                self.reject(reason, bhs).map(drop)
            }
        }
    }
}

/// Lists targets for an initiator: those that it could log in to, with every portal that they
/// have in the network namespace that it came in by.
struct Lister<'a> {
    provider: &'a Provider,
    /// Those of the network namespace, as the initiator sees them.
    portals: KVec<Portal>,
    initiator: IscsiName,
    /// The target that it is logged in to; none in a discovery session.
    own: Option<IscsiName>,
}

impl Targets for Lister<'_> {
    fn list(&mut self, query: &Query, from: Cursor, out: &mut TextWriter<'_>) -> Option<Cursor> {
        let wanted = |name: &IscsiName| match (query, &self.own) {
            (Query::All, None) => true,
            (Query::All, Some(_)) | (Query::Current, None) => false,
            (Query::Current, Some(own)) => name == own,
            (Query::Named(wanted), None) => name == wanted,
            (Query::Named(wanted), Some(own)) => name == wanted && name == own,
        };
        let initiator = self.provider.initiator(&self.initiator);
        let can_prove = initiator.is_some_and(|initiator| initiator.credentials.secret.is_some());
        let targets = self.provider.targets.lock();
        let chosen = targets.by_name.values();
        let chosen = chosen.filter(|target| wanted(&target.name) && target.is_online());
        let lines = chosen.filter_map(|target| {
            let config = target.config();
            if !can_prove && self.provider.authenticates(Some(&config)) {
                return None;
            }
            let groups = config.groups;
            let mut portals = self
                .portals
                .iter()
                .copied()
                .filter(move |portal| groups.contains(portal.group_tag))
                .peekable();
            portals.peek()?;
            Some((target.name.as_str(), portals))
        });
        discovery::write_targets(lines, from, out)
    }
}
