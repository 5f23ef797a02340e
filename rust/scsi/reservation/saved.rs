// SPDX-License-Identifier: GPL-2.0

//! The form in which registrations and the reservation survive a loss of power.
//!
//! All numbers are big-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 0 | version, 1 |
//! | 1 | type of the reservation; 0 for none |
//! | 2..4 | which registration made it, from 0; 0 without one |
//! | 4..6 | number of registrations |
//! | 6..8 | zero |
//!
//! and for each registration
//!
//! | bytes | what |
//! |---|---|
//! | 0..8 | key |
//! | 8..10 | relative target port identifier |
//! | 10..12 | length of the TransportID |
//! | 12.. | TransportID |
//!
//! The checksum is that of the place where this is kept. PRGENERATION starts anew with every power
//! on (SPC-5, PERSISTENT RESERVE IN parameter data).

use super::{
    kind::ReservationType,
    nexus::Nexus,
    state::{
        Registration,
        Reservation,
        State,
        Table, //
    },
};
use crate::{
    sink::Sink,
    transport_id::TransportId, //
};

const VERSION: u8 = 1;

/// Why saved registrations can't be brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedError {
    /// Another version wrote them.
    Version(u8),
    /// They break off, or have something behind their end.
    Length,
    /// Something in them can't be.
    Content,
    /// There are more than the table takes.
    Full,
}

impl<T: Table> State<T> {
    /// Writes what is to survive: nothing of it when no APTPL asked for that.
    pub fn save(&self, out: &mut Sink<'_>) {
        let (reservation, registrations) = if self.aptpl {
            (self.reservation.as_ref(), self.registrations())
        } else {
            (None, Default::default())
        };
        let owner = reservation.and_then(|held| {
            registrations
                .iter()
                .position(|registration| registration.nexus == held.owner)
        });
        out.u8(VERSION);
        out.u8(reservation.map_or(0, |held| held.kind.code()));
        // CAST: a table has far fewer than 65536 rows, which `Length` would tell.
        out.u16(owner.unwrap_or(0) as u16);
        out.u16(registrations.len() as u16);
        out.u16(0);
        for Registration { nexus, key } in registrations {
            out.u64(*key);
            out.u16(nexus.port);
            // CAST: at most `TransportId::MAX_LEN`.
            out.u16(nexus.initiator.encoded_len() as u16);
            nexus.initiator.write(out);
        }
    }

    /// Reads what [`State::save`] wrote into an empty table.
    pub fn restore(bytes: &[u8], table: T) -> Result<Self, SavedError> {
        let (head, mut rest) = bytes.split_first_chunk::<8>().ok_or(SavedError::Length)?;
        let [version, kind, o1, o0, n1, n0, _, _] = *head;
        if version != VERSION {
            return Err(SavedError::Version(version));
        }
        let mut state = State::new(table);
        for _ in 0..u16::from_be_bytes([n1, n0]) {
            rest = state.restore_one(rest)?;
        }
        if !rest.is_empty() {
            return Err(SavedError::Length);
        }
        state.aptpl = !state.registrations().is_empty();
        if kind != 0 {
            let owner = usize::from(u16::from_be_bytes([o1, o0]));
            state.reservation = Some(Reservation {
                kind: ReservationType::from_code(kind).ok_or(SavedError::Content)?,
                owner: state
                    .registrations()
                    .get(owner)
                    .ok_or(SavedError::Content)?
                    .nexus,
            });
        }
        // INVARIANT: `restore_one` keeps out twins and zeros; the owner is registered.
        Ok(state)
    }

    /// Reads one registration; returns what follows it.
    fn restore_one<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], SavedError> {
        let (head, rest) = bytes.split_first_chunk::<12>().ok_or(SavedError::Length)?;
        let [k7, k6, k5, k4, k3, k2, k1, k0, p1, p0, l1, l0] = *head;
        let key = u64::from_be_bytes([k7, k6, k5, k4, k3, k2, k1, k0]);
        let len = usize::from(u16::from_be_bytes([l1, l0]));
        let (id, rest) = rest.split_at_checked(len).ok_or(SavedError::Length)?;
        let nexus = match TransportId::parse(id) {
            Ok((initiator, used)) if used == len => Nexus {
                initiator,
                port: u16::from_be_bytes([p1, p0]),
            },
            _ => return Err(SavedError::Content),
        };
        if key == 0 || self.registration(nexus.as_ref()).is_some() {
            return Err(SavedError::Content);
        }
        self.table
            .push(Registration { nexus, key })
            .map_err(|_| SavedError::Full)?;
        Ok(rest)
    }
}
