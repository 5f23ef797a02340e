// SPDX-License-Identifier: GPL-2.0

//! Sessions: who is logged in to a target.

use crate::connection::Link;
use core::{
    cmp::Ordering,
    net::SocketAddr, //
};
use kernel::sync::Arc;
use stmf_iscsi_proto::{
    login::Existing,
    names::IscsiName,
    params::Negotiated,
    types::{Cid, Isid, Tsih}, //
};

/// What makes a session of a target different from its others (RFC 7143 4.4.3.1).
#[derive(Clone, Copy)]
pub(crate) struct SessionKey {
    pub(crate) initiator: IscsiName,
    pub(crate) isid: Isid,
    /// The portal group that it came in by.
    pub(crate) tag: u16,
}

impl Ord for SessionKey {
    fn cmp(&self, other: &Self) -> Ordering {
        let names = || self.initiator.as_str().cmp(other.initiator.as_str());
        (self.isid, self.tag)
            .cmp(&(other.isid, other.tag))
            .then_with(names)
    }
}

impl PartialOrd for SessionKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for SessionKey {}

/// A session as its target knows it. It has one connection.
pub(crate) struct Session {
    pub(crate) tsih: Tsih,
    pub(crate) link: Arc<Link>,
    pub(crate) facts: Facts,
}

/// What there is to know of a connection, for administrators.
pub(crate) struct Facts {
    pub(crate) cid: Cid,
    /// The address of the initiator, and that at which it reached us.
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    /// What was negotiated.
    pub(crate) params: Negotiated,
}

impl Session {
    /// What a login that finds this session has to know of it.
    ///
    /// Without error recovery a session ends with its connection, so there is none that another
    /// could join or take over; only the session as a whole can be reinstated.
    pub(crate) fn existing(&self) -> Existing {
        Existing {
            tsih: self.tsih,
            has_cid: false,
            has_room: false,
        }
    }
}
