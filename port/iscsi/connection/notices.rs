// SPDX-License-Identifier: GPL-2.0

//! What an initiator is told out of turn: asynchronous messages (RFC 7143 11.9).

use super::{
    tx::{Reply, Said},
    Connection,
    End,
    Link,
    Phase,
    SECOND, //
};
use crate::bells::INVENTORY;
use kernel::prelude::*;
use stmf_iscsi_proto::response::AsyncEvent;
use stmf_kernel::clock;

/// How many seconds an initiator has to log out when it is asked to.
const LOGOUT_SECONDS: u16 = 3;

/// How long a connection is kept for the news that it is dropped to arrive.
const DROP_LIMIT: i64 = SECOND / 2;

/// Changes of the logical units are told one after so long, whatever comes and goes in between: it
/// makes initiators look for all of them.
const INVENTORY_PAUSE: i64 = SECOND;

/// What is still to be said.
pub(super) struct Notices {
    /// The initiator was asked to log out, and has until then.
    leaving: Option<i64>,
    /// It is to be told that there are other logical units.
    inventory: bool,
    /// When it may be told so again.
    inventory_after: i64,
}

impl Notices {
    pub(super) const fn new() -> Self {
        Self {
            leaving: None,
            inventory: false,
            inventory_after: 0,
        }
    }

    /// Whether nothing is left to be said or waited for.
    pub(super) fn is_empty(&self) -> bool {
        self.leaving.is_none() && !self.inventory
    }

    /// Leaves what was not said to the connection that takes over, see [`Link::inherit`].
    pub(super) fn bequeath(&self, link: &Link) {
        if self.inventory {
            link.doorbell.ring(INVENTORY);
        }
    }

    /// Logical units came or went.
    pub(super) fn inventory_changed(&mut self) {
        self.inventory = true;
    }
}

impl Connection {
    /// Asks the initiator to log out, so that it ends what it has begun. Who is in no session with
    /// a target has begun nothing.
    pub(super) fn ask_to_leave(&mut self) -> Result<(), End> {
        if !matches!(self.phase, Phase::Normal(_)) {
            return Err(End::Stopped);
        }
        if self.notices.leaving.is_some() || self.closing.is_some() {
            return Ok(());
        }
        let limit = i64::from(LOGOUT_SECONDS).saturating_mul(SECOND);
        self.notices.leaving = Some(clock::monotonic_ns().saturating_add(limit));
        self.notify(AsyncEvent::RequestLogout {
            seconds: LOGOUT_SECONDS,
        })
    }

    /// Not beyond the moment at which there is something to say; none if that is now.
    pub(super) fn before_notice(&mut self, now: i64, until: i64) -> Result<Option<i64>, End> {
        let mut until = until;
        if let Some(leaving) = self.notices.leaving {
            if now >= leaving {
                self.drop_connection(now)?;
                return Ok(None);
            }
            until = until.min(leaving);
        }
        // One that is about to join a session can have been told already.
        if self.notices.inventory && matches!(self.phase, Phase::Normal(_)) {
            let after = self.notices.inventory_after;
            if now >= after {
                self.notices.inventory_after = now.saturating_add(INVENTORY_PAUSE);
                // Later, if there is no memory for it, or too much waits to be sent already.
                self.notices.inventory = !self.tx.make_room();
                if !self.notices.inventory {
                    self.notify(AsyncEvent::Scsi { lun: [0; 8] })?;
                }
                return Ok(None);
            }
            until = until.min(after);
        }
        Ok(Some(until))
    }

    /// The initiator was asked to log out and did not: tells it that the connection is dropped (RFC
    /// 7143 11.9.1), and drops it.
    fn drop_connection(&mut self, now: i64) -> Result<(), End> {
        self.notices.leaving = None;
        self.closing = Some(now.saturating_add(DROP_LIMIT));
        self.notify(AsyncEvent::DropConnection {
            cid: self.cid,
            time2wait: u16::try_from(self.params.session.default_time2wait).unwrap_or(u16::MAX),
            time2retain: 0,
        })
    }

    fn notify(&mut self, event: AsyncEvent) -> Result<(), End> {
        self.tx.say(Reply::new(Said::Notice(event)))
    }
}
