// SPDX-License-Identifier: GPL-2.0

//! The persistent reservation and the registrations of a logical unit.

use super::{
    class::CommandClass,
    conflict::{
        self,
        Standing, //
    },
    kind::ReservationType,
    nexus::{
        Nexus,
        NexusRef, //
    },
    spc2, //
};

/// An I_T nexus that has registered, and its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Who.
    pub nexus: Nexus,
    /// The reservation key; never zero.
    pub key: u64,
}

/// There is no room for another registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Where the registrations of a logical unit are kept: the owner decides about memory and the most
/// that there may be. Their order is that in which they were made.
pub trait Table {
    /// The registrations.
    fn as_slice(&self) -> &[Registration];

    /// The registrations, to change their keys.
    fn as_mut_slice(&mut self) -> &mut [Registration];

    /// Adds one at the end.
    fn push(&mut self, registration: Registration) -> Result<(), Full>;

    /// Keeps those for which `keep` says so, in their order.
    fn retain(&mut self, keep: impl FnMut(&Registration) -> bool);
}

/// The persistent reservation of a logical unit; its scope is always the whole unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reservation {
    pub(super) kind: ReservationType,
    /// Who made it, or to whom it was moved. The holder, save for the types for all registrants.
    pub(super) owner: Nexus,
}

/// The registrations and the persistent reservation of a logical unit.
///
/// # Invariants
///
/// * No I_T nexus is registered twice, and no key is zero.
/// * While there is a reservation its holder is registered; with a type for all registrants there
///   is a registration.
/// * While there is a reservation of SPC-2 there are no registrations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State<T> {
    /// PRGENERATION.
    pub(super) generation: u32,
    /// The last REGISTER asked for the state to survive a loss of power.
    pub(super) aptpl: bool,
    pub(super) reservation: Option<Reservation>,
    /// Who holds a reservation of SPC-2.
    pub(super) spc2: Option<Nexus>,
    pub(super) table: T,
}

impl<T: Table> State<T> {
    /// No registration, in an empty table.
    pub const fn new(table: T) -> Self {
        // INVARIANT: nothing is registered, nothing is reserved.
        Self {
            generation: 0,
            aptpl: false,
            reservation: None,
            spc2: None,
            table,
        }
    }

    /// The same state in another table, into which `copy` copies the registrations as they are.
    pub fn try_clone<E>(&self, copy: impl FnOnce(&T) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self {
            generation: self.generation,
            aptpl: self.aptpl,
            reservation: self.reservation,
            spc2: self.spc2,
            // INVARIANT: as `self`, by what is asked of `copy`.
            table: copy(&self.table)?,
        })
    }

    /// Whether this state is to survive a loss of power: APTPL of the last REGISTER.
    pub const fn aptpl(&self) -> bool {
        self.aptpl
    }

    /// The type of the reservation, if there is one.
    pub fn kind(&self) -> Option<ReservationType> {
        self.reservation.as_ref().map(|held| held.kind)
    }

    /// Whether there is nothing that could forbid any command.
    pub fn is_empty(&self) -> bool {
        self.registrations().is_empty() && self.spc2.is_none()
    }

    /// The registrations, in the order in which they were made.
    pub fn registrations(&self) -> &[Registration] {
        self.table.as_slice()
    }

    /// The registration of an I_T nexus.
    pub fn registration(&self, nexus: NexusRef<'_>) -> Option<&Registration> {
        self.registrations()
            .iter()
            .find(|registration| nexus.is(&registration.nexus))
    }

    /// What an I_T nexus is to the reservation; without one, whether it is registered.
    pub fn standing(&self, nexus: NexusRef<'_>) -> Standing {
        match &self.reservation {
            Some(held) if !held.kind.is_held_by_all() && nexus.is(&held.owner) => Standing::Holder,
            held => match (self.registration(nexus), held) {
                (None, _) => Standing::Stranger,
                (Some(_), Some(held)) if held.kind.is_held_by_all() => Standing::Holder,
                (Some(_), _) => Standing::Registrant,
            },
        }
    }

    /// Whether an I_T nexus may send a command now; RESERVATION CONFLICT if not. PERSISTENT RESERVE
    /// OUT is let through, and judged by [`State::execute`], unless there is a reservation of SPC-2.
    pub fn permits(&self, nexus: NexusRef<'_>, class: CommandClass) -> bool {
        if let Some(holder) = &self.spc2 {
            return spc2::permits(class, nexus.is(holder));
        }
        match &self.reservation {
            Some(held) => conflict::permits(class, held.kind, self.standing(nexus)),
            None => self.registrations().is_empty() || spc2::permits_among_registrants(class),
        }
    }
}
