// SPDX-License-Identifier: GPL-2.0

//! RESERVE and RELEASE of SPC-2, for initiators that know nothing newer.
//!
//! They and the persistent reservations shut each other out (SPC-2, RESERVE(10) command): while
//! there is a registration neither RESERVE nor RELEASE is taken, and while there is a RESERVE no
//! PERSISTENT RESERVE. The exception is that of SPC-5, Exceptions to SPC-2 RESERVE and RELEASE
//! behavior (CRH): whom the persistent reservation admits gets GOOD, and nothing happens.

use super::{
    class::CommandClass,
    nexus::NexusRef,
    state::{
        State,
        Table, //
    },
};

/// Whether a RESERVE, held by the sender or by another, allows a command (SPC-2, table "SPC commands
/// that are allowed in the presence of various reservations").
pub(super) const fn permits(class: CommandClass, is_holder: bool) -> bool {
    match class {
        CommandClass::PersistentReserveIn | CommandClass::PersistentReserveOut => false,
        // RELEASE by another does nothing.
        CommandClass::Identify | CommandClass::Release => true,
        _ => is_holder,
    }
}

/// Whether a command is allowed when there are registrations but no reservation.
pub(super) const fn permits_among_registrants(class: CommandClass) -> bool {
    !matches!(class, CommandClass::Reserve | CommandClass::Release)
}

impl<T: Table> State<T> {
    /// RESERVE (6) or (10), that [`State::permits`] lets through.
    pub fn reserve_spc2(&mut self, nexus: NexusRef<'_>) {
        if self.registrations().is_empty() {
            // INVARIANT: there are no registrations.
            self.spc2 = Some(nexus.to_nexus());
        }
    }

    /// RELEASE (6) or (10), that [`State::permits`] lets through. Only the holder's does something.
    pub fn release_spc2(&mut self, nexus: NexusRef<'_>) {
        self.spc2.take_if(|holder| nexus.is(holder));
    }

    /// Whether an I_T nexus, or with no nexus anyone, has a RESERVE. It ends when the nexus is lost,
    /// and with a reset; persistent reservations don't.
    pub fn is_reserved_spc2(&self, by: Option<NexusRef<'_>>) -> bool {
        self.spc2
            .as_ref()
            .is_some_and(|holder| by.is_none_or(|by| by.is(holder)))
    }
}
