// SPDX-License-Identifier: GPL-2.0

//! What the service actions of PERSISTENT RESERVE OUT do.

use super::{
    kind::ReservationType,
    nexus::{
        Nexus,
        NexusRef, //
    },
    out::{
        Move,
        Register,
        Request,
        APTPL_REFUSED,
        NEW_KEY_FIELD,
        SPEC_I_PT_REFUSED, //
    },
    state::{
        Full,
        Registration,
        Reservation,
        State,
        Table, //
    },
};
use crate::{
    sense::{
        AdditionalSense,
        Sense, //
    },
    ua::UnitAttention, //
};

/// Who sends a PERSISTENT RESERVE OUT, and what the logical unit can do for it.
#[derive(Clone, Copy, Debug)]
pub struct Issuer<'a> {
    /// The I_T nexus that it came by.
    pub nexus: NexusRef<'a>,
    /// The relative target port identifiers of all target ports, for ALL_TG_PT and REGISTER AND
    /// MOVE.
    pub ports: &'a [u16],
    /// The state can be made to survive a loss of power (PTPL_C).
    pub can_persist: bool,
}

/// Why a PERSISTENT RESERVE OUT is refused. The state it was to change is to be thrown away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// RESERVATION CONFLICT.
    Conflict,
    /// CHECK CONDITION.
    Sense(Sense),
}

impl From<Sense> for Refused {
    fn from(sense: Sense) -> Self {
        Refused::Sense(sense)
    }
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Refused::Sense(Sense::illegal(
            AdditionalSense::INSUFFICIENT_REGISTRATION_RESOURCES,
        ))
    }
}

/// What has to follow a change of state, for those it concerns. The sender is never among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// The unit attention for every I_T nexus that is not registered any more.
    pub to_removed: Option<UnitAttention>,
    /// The unit attention for every I_T nexus that still is registered.
    pub to_remaining: Option<UnitAttention>,
    /// The commands of every I_T nexus that is not registered any more are to be aborted, those of
    /// the sender included if it is one, except for the PERSISTENT RESERVE OUT itself.
    pub abort_removed: bool,
}

impl<T: Table> State<T> {
    /// Carries a PERSISTENT RESERVE OUT out (SPC-5, PERSISTENT RESERVE OUT command and Persistent
    /// reservations).
    ///
    /// # Errors
    ///
    /// What is left of the state after an error is meaningless: work on a copy.
    pub fn execute(
        &mut self,
        issuer: Issuer<'_>,
        request: &Request<'_>,
    ) -> Result<Effects, Refused> {
        match request {
            Request::Register(register) => self.register(issuer, register),
            Request::Reserve(key, kind) => self.reserve(issuer.nexus, *key, *kind),
            Request::Release(key, kind) => self.release(issuer.nexus, *key, *kind),
            Request::Clear(key) => self.clear(issuer.nexus, *key),
            Request::Preempt {
                key,
                victim,
                kind,
                abort,
            } => {
                self.check_key(issuer.nexus, *key)?;
                let effects = self.preempt(issuer.nexus, *victim, *kind)?;
                Ok(Effects {
                    abort_removed: *abort,
                    ..effects
                })
            }
            Request::Move(request) => self.move_to(issuer, request),
        }
    }

    /// The sender has to be registered, with that key (SPC-5, RESERVATION KEY field).
    fn check_key(&self, nexus: NexusRef<'_>, key: u64) -> Result<(), Refused> {
        match self.registration(nexus) {
            Some(registration) if registration.key == key => Ok(()),
            _ => Err(Refused::Conflict),
        }
    }

    /// PRGENERATION counts what changes registrations, not reservations.
    fn count(&mut self) {
        self.generation = self.generation.wrapping_add(1);
    }

    /// SPC-5, Registering, tables "Register behaviors for a REGISTER service action" and for
    /// REGISTER AND IGNORE EXISTING KEY.
    fn register(&mut self, issuer: Issuer<'_>, request: &Register<'_>) -> Result<Effects, Refused> {
        let registered = self.registration(issuer.nexus).map(|known| known.key);
        if let Some(key) = request.key {
            if key != registered.unwrap_or(0) {
                return Err(Refused::Conflict);
            }
        }
        if request.aptpl && !issuer.can_persist {
            return Err(APTPL_REFUSED.into());
        }
        if registered.is_some() && request.others.is_some() {
            return Err(SPEC_I_PT_REFUSED.into());
        }
        if registered.is_none() && request.new_key == 0 {
            return Ok(Effects::default());
        }
        let effects = if request.new_key == 0 {
            self.unregister(issuer, request.all_ports)
        } else {
            self.enroll(issuer, request)?;
            Effects::default()
        };
        self.aptpl = request.aptpl;
        self.count();
        Ok(effects)
    }

    /// Registers the sender, and the initiator ports that it names, at its target port or at all.
    fn enroll(&mut self, issuer: Issuer<'_>, request: &Register<'_>) -> Result<(), Refused> {
        let this_port = [issuer.nexus.port];
        let ports = if request.all_ports {
            issuer.ports
        } else {
            &this_port
        };
        // The port it came by is one of the ports, but may have just gone offline.
        self.set_key(issuer.nexus.to_nexus(), request.new_key)?;
        for &port in ports {
            let initiator = *issuer.nexus.initiator;
            self.set_key(Nexus { initiator, port }, request.new_key)?;
        }
        for (field, initiator) in request.others.into_iter().flat_map(|ids| ids.iter()) {
            for &port in ports {
                self.add_other(Nexus { initiator, port }, request.new_key, field)?;
            }
        }
        Ok(())
    }

    /// Registers one that SPEC_I_PT names, which must not be registered yet, and be named once.
    fn add_other(&mut self, nexus: Nexus, key: u64, field: u16) -> Result<(), Refused> {
        if self.registration(nexus.as_ref()).is_some() {
            return Err(Sense::invalid_parameter(field, None).into());
        }
        Ok(self.set_key(nexus, key)?)
    }

    /// Registers an I_T nexus, or changes its key.
    fn set_key(&mut self, nexus: Nexus, key: u64) -> Result<(), Full> {
        let known = self
            .table
            .as_mut_slice()
            .iter_mut()
            .find(|registration| registration.nexus == nexus);
        match known {
            Some(registration) => registration.key = key,
            None => self.table.push(Registration { nexus, key })?,
        }
        Ok(())
    }

    /// SPC-5, Unregistering: who holds the reservation gives it up.
    fn unregister(&mut self, issuer: Issuer<'_>, all_ports: bool) -> Effects {
        let goes = |nexus: &Nexus| {
            issuer.nexus.is(nexus) || all_ports && nexus.initiator == *issuer.nexus.initiator
        };
        self.table.retain(|registration| !goes(&registration.nexus));
        match self.drop_orphaned_reservation() {
            Some(kind) if kind.admits_registrants() => Effects {
                to_remaining: Some(UnitAttention::ReservationsReleased),
                ..Effects::default()
            },
            _ => Effects::default(),
        }
    }

    /// Removes the reservation if its holder, or the last of all its holders, is not registered any
    /// more; returns its type then.
    fn drop_orphaned_reservation(&mut self) -> Option<ReservationType> {
        let held = self.reservation.as_ref()?;
        let is_held = if held.kind.is_held_by_all() {
            !self.registrations().is_empty()
        } else {
            self.registration(held.owner.as_ref()).is_some()
        };
        if is_held {
            return None;
        }
        self.reservation.take().map(|held| held.kind)
    }

    /// Whether an I_T nexus is a holder of the reservation that there is.
    fn holds(&self, held: &Reservation, nexus: NexusRef<'_>) -> bool {
        if held.kind.is_held_by_all() {
            self.registration(nexus).is_some()
        } else {
            nexus.is(&held.owner)
        }
    }

    /// SPC-5, Reserving: a holder may ask again for what it has.
    fn reserve(
        &mut self,
        nexus: NexusRef<'_>,
        key: u64,
        kind: ReservationType,
    ) -> Result<Effects, Refused> {
        self.check_key(nexus, key)?;
        match &self.reservation {
            None => {
                self.reservation = Some(Reservation {
                    kind,
                    owner: nexus.to_nexus(),
                });
            }
            Some(held) if held.kind == kind && self.holds(held, nexus) => {}
            Some(_) => return Err(Refused::Conflict),
        }
        Ok(Effects::default())
    }

    /// SPC-5, Releasing: nothing happens when there is nothing of the sender's to release.
    fn release(
        &mut self,
        nexus: NexusRef<'_>,
        key: u64,
        kind: ReservationType,
    ) -> Result<Effects, Refused> {
        self.check_key(nexus, key)?;
        let Some(held) = &self.reservation else {
            return Ok(Effects::default());
        };
        if !self.holds(held, nexus) {
            return Ok(Effects::default());
        }
        if held.kind != kind {
            let code = AdditionalSense::INVALID_RELEASE_OF_PERSISTENT_RESERVATION;
            return Err(Sense::illegal(code).into());
        }
        self.reservation = None;
        Ok(Effects {
            to_remaining: kind
                .admits_registrants()
                .then_some(UnitAttention::ReservationsReleased),
            ..Effects::default()
        })
    }

    /// SPC-5, Clearing.
    fn clear(&mut self, nexus: NexusRef<'_>, key: u64) -> Result<Effects, Refused> {
        self.check_key(nexus, key)?;
        self.reservation = None;
        self.table.retain(|_| false);
        self.count();
        Ok(Effects {
            to_removed: Some(UnitAttention::ReservationsPreempted),
            ..Effects::default()
        })
    }

    /// SPC-5, Preempting persistent reservations and Removing registrations.
    fn preempt(
        &mut self,
        nexus: NexusRef<'_>,
        victim: u64,
        kind: Result<ReservationType, Sense>,
    ) -> Result<Effects, Refused> {
        let held = self.reservation;
        let takes_reservation = match &held {
            Some(held) if held.kind.is_held_by_all() => victim == 0,
            Some(held) => self.key_of(&held.owner) == Some(victim),
            None => false,
        };
        let effects = match held {
            Some(held) if takes_reservation => {
                let kind = kind?;
                // Of those who have the victim's key the sender alone stays; of all registrants too.
                self.table.retain(|registration| {
                    nexus.is(&registration.nexus) || victim != 0 && registration.key != victim
                });
                self.reservation = Some(Reservation {
                    kind,
                    owner: nexus.to_nexus(),
                });
                Effects {
                    to_removed: Some(UnitAttention::RegistrationsPreempted),
                    to_remaining: (held.kind != kind)
                        .then_some(UnitAttention::ReservationsReleased),
                    abort_removed: false,
                }
            }
            _ => self.remove_registrations(victim)?,
        };
        self.count();
        Ok(effects)
    }

    fn key_of(&self, nexus: &Nexus) -> Option<u64> {
        self.registration(nexus.as_ref()).map(|known| known.key)
    }

    /// SPC-5, Removing registrations: the sender's own, too, if it names its own key.
    fn remove_registrations(&mut self, victim: u64) -> Result<Effects, Refused> {
        if victim == 0 {
            return Err(Sense::invalid_parameter(NEW_KEY_FIELD, None).into());
        }
        let before = self.registrations().len();
        self.table.retain(|registration| registration.key != victim);
        if self.registrations().len() == before {
            return Err(Refused::Conflict);
        }
        // Only the last of all registrants can be a holder here, and then nobody is left to tell.
        self.drop_orphaned_reservation();
        Ok(Effects {
            to_removed: Some(UnitAttention::RegistrationsPreempted),
            ..Effects::default()
        })
    }

    /// SPC-5, Registering and moving the reservation.
    fn move_to(&mut self, issuer: Issuer<'_>, request: &Move) -> Result<Effects, Refused> {
        /// The RELATIVE TARGET PORT IDENTIFIER field.
        const PORT_FIELD: u16 = 18;
        /// The TransportID.
        const ID_FIELD: u16 = 24;

        self.check_key(issuer.nexus, request.key)?;
        let Some(held) = &mut self.reservation else {
            return Err(Sense::invalid_cdb_field(1, Some(4)).into());
        };
        if held.kind.is_held_by_all() || !issuer.nexus.is(&held.owner) {
            return Err(Refused::Conflict);
        }
        if request.aptpl && !issuer.can_persist {
            return Err(Sense::invalid_parameter(17, Some(0)).into());
        }
        if !issuer.ports.contains(&request.port) {
            return Err(Sense::invalid_parameter(PORT_FIELD, None).into());
        }
        let to = Nexus {
            initiator: request.initiator,
            port: request.port,
        };
        if issuer.nexus.is(&to) {
            return Err(Sense::invalid_parameter(ID_FIELD, None).into());
        }
        held.owner = to;
        self.set_key(to, request.new_key)?;
        if request.unregister {
            self.table
                .retain(|registration| !issuer.nexus.is(&registration.nexus));
        }
        self.aptpl = request.aptpl;
        self.count();
        Ok(Effects::default())
    }
}

impl Effects {
    /// The unit attentions that there are for someone.
    pub fn attentions(self) -> impl Iterator<Item = UnitAttention> {
        self.to_removed.into_iter().chain(self.to_remaining)
    }

    /// The unit attention for an I_T nexus, if there is one: `old` is the state before the change,
    /// `new` the one after it, `sender` who made it.
    pub fn attention_for<T: Table>(
        self,
        old: &State<T>,
        new: &State<T>,
        sender: NexusRef<'_>,
        nexus: NexusRef<'_>,
    ) -> Option<UnitAttention> {
        if nexus == sender {
            None
        } else if new.registration(nexus).is_some() {
            self.to_remaining
        } else {
            old.registration(nexus).and(self.to_removed)
        }
    }

    /// Whether the commands of an I_T nexus are to be aborted; arguments as of
    /// [`Effects::attention_for`].
    pub fn aborts<T: Table>(self, old: &State<T>, new: &State<T>, nexus: NexusRef<'_>) -> bool {
        self.abort_removed && old.registration(nexus).is_some() && new.registration(nexus).is_none()
    }
}
