// SPDX-License-Identifier: GPL-2.0

//! What PERSISTENT RESERVE IN returns.

use super::{
    nexus::NexusRef,
    state::{
        State,
        Table, //
    },
    ReservationType,
};
use crate::sink::Sink;

/// SERVICE ACTION (SPC-5, PERSISTENT RESERVE IN command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Report {
    /// READ KEYS.
    Keys = 0x00,
    /// READ RESERVATION.
    Reservation = 0x01,
    /// REPORT CAPABILITIES.
    Capabilities = 0x02,
    /// READ FULL STATUS.
    FullStatus = 0x03,
}

impl Report {
    /// All of them, in the order of their codes.
    pub const ALL: [Report; 4] = [
        Report::Keys,
        Report::Reservation,
        Report::Capabilities,
        Report::FullStatus,
    ];

    /// The value of the SERVICE ACTION field.
    pub const fn code(self) -> u8 {
        // CAST: the enum is `repr(u8)`.
        self as u8
    }
}

/// What a logical unit can do, for REPORT CAPABILITIES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// PTPL_C: the state can be made to survive a loss of power.
    pub can_persist: bool,
}

impl<T: Table> State<T> {
    /// Writes the parameter data of PERSISTENT RESERVE IN.
    pub fn report(&self, report: Report, capabilities: Capabilities, out: &mut Sink<'_>) {
        match report {
            Report::Capabilities => self.report_capabilities(capabilities, out),
            Report::Keys => self.with_header(out, |out| {
                for registration in self.registrations() {
                    out.u64(registration.key);
                }
            }),
            Report::Reservation => self.with_header(out, |out| self.report_reservation(out)),
            Report::FullStatus => self.with_header(out, |out| self.report_status(out)),
        }
    }

    /// PRGENERATION, ADDITIONAL LENGTH and what `body` writes.
    fn with_header(&self, out: &mut Sink<'_>, body: impl FnOnce(&mut Sink<'_>)) {
        out.u32(self.generation);
        let length = out.len();
        out.u32(0);
        let start = out.len();
        body(out);
        let written = u32::try_from(out.since(start)).unwrap_or(u32::MAX);
        out.patch_u32(length, written);
    }

    /// SPC-5, PERSISTENT RESERVE IN parameter data for READ RESERVATION.
    fn report_reservation(&self, out: &mut Sink<'_>) {
        let Some(held) = &self.reservation else {
            return;
        };
        // With the types for all registrants there is no one key.
        let key = match self.registration(held.owner.as_ref()) {
            Some(registration) if !held.kind.is_held_by_all() => registration.key,
            _ => 0,
        };
        out.u64(key);
        out.zeros(5);
        out.u8(held.kind.code());
        out.zeros(2);
    }

    /// SPC-5, PERSISTENT RESERVE IN parameter data for READ FULL STATUS. ALL_TG_PT is zero: a
    /// registration for all target ports is one for each of them.
    fn report_status(&self, out: &mut Sink<'_>) {
        const R_HOLDER: u8 = 0x01;

        for registration in self.registrations() {
            let nexus = &registration.nexus;
            let held = self.held_by(nexus.as_ref());
            out.u64(registration.key);
            out.zeros(4);
            out.u8(held.map_or(0, |_| R_HOLDER));
            out.u8(held.map_or(0, ReservationType::code));
            out.zeros(4);
            out.u16(nexus.port);
            // CAST: at most `TransportId::MAX_LEN`.
            out.u32(nexus.initiator.encoded_len() as u32);
            nexus.initiator.write(out);
        }
    }

    /// The type of the reservation that an I_T nexus holds.
    fn held_by(&self, nexus: NexusRef<'_>) -> Option<ReservationType> {
        match self.standing(nexus) {
            super::Standing::Holder => self.kind(),
            _ => None,
        }
    }

    /// SPC-5, PERSISTENT RESERVE IN parameter data for REPORT CAPABILITIES.
    fn report_capabilities(&self, capabilities: Capabilities, out: &mut Sink<'_>) {
        const LENGTH: u16 = 8;
        const CRH: u8 = 0x10;
        const SIP_C: u8 = 0x08;
        const ATP_C: u8 = 0x04;
        const PTPL_C: u8 = 0x01;
        const TMV: u8 = 0x80;
        /// ALLOW COMMANDS 011b: TEST UNIT READY is always allowed, and MODE SENSE, READ BUFFER,
        /// REPORT SUPPORTED OPERATION CODES and their like by write exclusive.
        const ALLOW_COMMANDS: u8 = 0x30;
        const PTPL_A: u8 = 0x01;
        /// PERSISTENT RESERVATION TYPE MASK: WR_EX_AR, EX_AC_RO, WR_EX_RO, EX_AC, WR_EX; EX_AC_AR.
        const TYPES: [u8; 2] = [0xea, 0x01];

        let flag = |set, bit| if set { bit } else { 0 };
        out.u16(LENGTH);
        out.u8(CRH | SIP_C | ATP_C | flag(capabilities.can_persist, PTPL_C));
        out.u8(TMV | ALLOW_COMMANDS | flag(self.aptpl, PTPL_A));
        out.bytes(&TYPES);
        out.zeros(2);
    }
}
