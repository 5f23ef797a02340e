// SPDX-License-Identifier: GPL-2.0

//! The tables that say which command conflicts with which reservation.

use super::{
    class::CommandClass,
    kind::ReservationType, //
};

/// What an I_T nexus is to a persistent reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It holds the reservation. With the types for all registrants every registrant does.
    Holder,
    /// It is registered, but does not hold the reservation.
    Registrant,
    /// It is not registered.
    Stranger,
}

/// Whether a persistent reservation allows a command (SPC-5 and SBC-4, tables "Commands that are
/// allowed in the presence of various reservations"). RESERVATION CONFLICT if not.
///
/// PERSISTENT RESERVE OUT is let through: what it does depends on more than its class.
pub const fn permits(class: CommandClass, kind: ReservationType, standing: Standing) -> bool {
    let excused = match standing {
        Standing::Holder => true,
        Standing::Registrant => kind.admits_registrants(),
        Standing::Stranger => false,
    };
    match class {
        CommandClass::Identify
        | CommandClass::Harmless
        | CommandClass::PersistentReserveIn
        | CommandClass::PersistentReserveOut => true,
        CommandClass::Observe => excused || !kind.excludes_reads(),
        // RESERVE and RELEASE as SPC-5, Exceptions to SPC-2 RESERVE and RELEASE behavior, has it:
        // they change nothing for those who have the reservation, and conflict for all others.
        CommandClass::Change | CommandClass::Reserve | CommandClass::Release => excused,
    }
}
