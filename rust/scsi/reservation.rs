// SPDX-License-Identifier: GPL-2.0

//! Reservations: who may do what to a logical unit that several initiators share.
//!
//! The state of a logical unit is a plain value, [`State`], over a table of registrations that its
//! owner provides ([`Table`]). It answers three questions:
//!
//! * may this I_T nexus send this command now ([`State::permits`], and [`conflict`] for the tables
//!   of SPC behind it);
//! * what does a PERSISTENT RESERVE OUT change ([`State::execute`]), and who has to be told
//!   ([`Effects`]);
//! * what does a PERSISTENT RESERVE IN return ([`State::report`]).
//!
//! Changes are made on a copy, which takes the place of the old state when all went well. So a
//! change that is refused half-way, or can't be saved, has not happened, and who lost what is seen
//! by comparing the two.
//!
//! The reservations of SPC-2 (`spc2`) are kept beside the persistent ones. Both go by the
//! initiator *port* and the target port it came through (SPC-5, I_T nexus), not by the session.

pub mod class;
pub mod conflict;
mod execute;
mod kind;
mod nexus;
pub mod out;
mod report;
mod saved;
mod spc2;
mod state;

pub use class::CommandClass;
pub use conflict::Standing;
pub use execute::{
    Effects,
    Issuer,
    Refused, //
};
pub use kind::ReservationType;
pub use nexus::{
    Nexus,
    NexusRef, //
};
pub use report::{
    Capabilities,
    Report, //
};
pub use saved::SavedError;
pub use state::{
    Full,
    Registration,
    State,
    Table, //
};

#[cfg(test)]
mod tests;
