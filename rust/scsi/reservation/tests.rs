// SPDX-License-Identifier: GPL-2.0

//! The reservations as SPC describes them, by example, by table and against a plain model.

mod examples;
mod lists;
mod model;
mod tables;

use super::{
    out::{
        PersistentReserveOut,
        Request,
        ServiceAction, //
    },
    *,
};
use crate::{
    sense::Sense,
    transport_id::TransportId, //
};
use std::vec::Vec;

/// A table without memory limits other than `room`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    rows: Vec<Registration>,
    room: usize,
}

impl Table for Rows {
    fn as_slice(&self) -> &[Registration] {
        &self.rows
    }

    fn as_mut_slice(&mut self) -> &mut [Registration] {
        &mut self.rows
    }

    fn push(&mut self, registration: Registration) -> Result<(), Full> {
        if self.rows.len() == self.room {
            return Err(Full);
        }
        self.rows.push(registration);
        Ok(())
    }

    fn retain(&mut self, keep: impl FnMut(&Registration) -> bool) {
        self.rows.retain(keep);
    }
}

/// A state without registrations, with room for `room`.
fn state_with_room(room: usize) -> State<Rows> {
    State::new(Rows {
        rows: Vec::new(),
        room,
    })
}

fn initiator(number: u8) -> TransportId {
    TransportId::iscsi("iqn.2026-11.test:host", Some([0x80, 0, 0, 0, 0, number])).unwrap()
}

/// The I_T nexus of the initiator with this number, at this target port.
fn nexus(number: u8, port: u16) -> Nexus {
    Nexus {
        initiator: initiator(number),
        port,
    }
}

/// All nexuses that there are in the tests.
fn everyone() -> impl Iterator<Item = Nexus> {
    (1..=9).flat_map(|number| [nexus(number, 1), nexus(number, 2)])
}

fn encoded(id: &TransportId) -> Vec<u8> {
    let mut bytes = [0; TransportId::MAX_LEN];
    let mut sink = crate::Sink::new(&mut bytes);
    id.write(&mut sink);
    sink.as_bytes().to_vec()
}

/// A PERSISTENT RESERVE OUT before it is bytes.
#[derive(Clone, Debug)]
struct Out {
    action: ServiceAction,
    scope_and_type: u8,
    key: u64,
    action_key: u64,
    /// SPEC_I_PT, ALL_TG_PT, APTPL; for REGISTER AND MOVE UNREG and APTPL.
    flags: u8,
    /// The TransportIDs behind the list; for REGISTER AND MOVE the one.
    ids: Vec<TransportId>,
    /// RELATIVE TARGET PORT IDENTIFIER of REGISTER AND MOVE.
    port: u16,
}

const SPEC_I_PT: u8 = 0x08;
const ALL_TG_PT: u8 = 0x04;
const UNREG: u8 = 0x02;
const APTPL: u8 = 0x01;

impl Out {
    fn new(action: ServiceAction, key: u64, action_key: u64) -> Self {
        Self {
            action,
            scope_and_type: 0,
            key,
            action_key,
            flags: 0,
            ids: Vec::new(),
            port: 0,
        }
    }

    fn kind(mut self, kind: ReservationType) -> Self {
        self.scope_and_type = kind.code();
        self
    }

    fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    fn ids(mut self, ids: &[TransportId]) -> Self {
        self.ids = ids.to_vec();
        self
    }

    fn list(&self) -> Vec<u8> {
        let ids: Vec<u8> = self.ids.iter().flat_map(encoded).collect();
        let mut list = Vec::new();
        list.extend(self.key.to_be_bytes());
        list.extend(self.action_key.to_be_bytes());
        if self.action == ServiceAction::RegisterAndMove {
            list.extend([0, self.flags]);
            list.extend(self.port.to_be_bytes());
        } else {
            list.extend([0, 0, 0, 0, self.flags, 0, 0, 0]);
        }
        if !self.ids.is_empty() || self.action == ServiceAction::RegisterAndMove {
            list.extend((ids.len() as u32).to_be_bytes());
        }
        list.extend(ids);
        list
    }

    fn cdb(&self, list_len: usize) -> PersistentReserveOut {
        PersistentReserveOut {
            action: self.action,
            scope_and_type: self.scope_and_type,
            list_len: list_len as u32,
        }
    }

    /// Sends it; the state changes only when it succeeds.
    fn send(&self, state: &mut State<Rows>, from: &Nexus) -> Result<Sent, Refused> {
        let list = self.list();
        let request = Request::parse(&self.cdb(list.len()), &list)?;
        let old = state.clone();
        let mut new = state.clone();
        let issuer = Issuer {
            nexus: from.as_ref(),
            ports: &[1, 2],
            can_persist: true,
        };
        let effects = new.execute(issuer, &request)?;
        *state = new;
        Ok(Sent {
            attentions: everyone()
                .filter_map(|nexus| {
                    let attention =
                        effects.attention_for(&old, state, from.as_ref(), nexus.as_ref());
                    Some((nexus, attention?.code().ascq()))
                })
                .collect(),
            aborted: everyone()
                .filter(|nexus| effects.aborts(&old, state, nexus.as_ref()))
                .collect(),
        })
    }

    /// The sense data that it is refused with.
    fn refused(&self, state: &mut State<Rows>, from: &Nexus) -> Sense {
        match self.send(state, from) {
            Err(Refused::Sense(sense)) => sense,
            other => panic!("expected CHECK CONDITION, got {other:?}"),
        }
    }
}

/// What followed a PERSISTENT RESERVE OUT.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sent {
    /// Who gets a unit attention, and its additional sense code qualifier (the code is 2Ah).
    attentions: Vec<(Nexus, u8)>,
    /// Whose commands are aborted.
    aborted: Vec<Nexus>,
}

/// RESERVATIONS PREEMPTED.
const PREEMPTED: u8 = 0x03;
/// RESERVATIONS RELEASED.
const RELEASED: u8 = 0x04;
/// REGISTRATIONS PREEMPTED.
const REGISTRATIONS: u8 = 0x05;

/// A state in which the nexuses (number, port) are registered, each with its key.
fn registered(nexuses: &[(u8, u16, u64)]) -> State<Rows> {
    let mut state = state_with_room(64);
    for &(number, port, key) in nexuses {
        Out::new(ServiceAction::Register, 0, key)
            .send(&mut state, &nexus(number, port))
            .unwrap();
    }
    state
}

/// The nexuses 1, 2 and 3 registered at port 1 with the keys 1, 2 and 3, of which 1 has reserved.
fn reserved(kind: ReservationType) -> State<Rows> {
    let mut state = registered(&[(1, 1, 1), (2, 1, 2), (3, 1, 3)]);
    Out::new(ServiceAction::Reserve, 1, 0)
        .kind(kind)
        .send(&mut state, &nexus(1, 1))
        .unwrap();
    state
}

/// The keys of everyone who is registered, in order.
fn keys(state: &State<Rows>) -> Vec<u64> {
    state.registrations().iter().map(|one| one.key).collect()
}
