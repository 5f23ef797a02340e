// SPDX-License-Identifier: GPL-2.0

//! Power conditions (SPC-5, Power conditions; SBC-4, START STOP UNIT command).

use crate::{
    inquiry::Peripheral,
    sense::{
        AdditionalSense,
        Sense,
        SenseKey, //
    },
    sink::Sink,
    vpd::page, //
};

/// The power condition of a logical unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Power {
    /// Active.
    #[default]
    Active,
    /// The idle conditions, each with less power than the one before.
    IdleA,
    /// As above.
    IdleB,
    /// As above.
    IdleC,
    /// The standby conditions: as above.
    StandbyY,
    /// As above.
    StandbyZ,
}

impl Power {
    /// The value that was made a number with `as u8`; for others, active.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::IdleA,
            2 => Self::IdleB,
            3 => Self::IdleC,
            4 => Self::StandbyY,
            5 => Self::StandbyZ,
            _ => Self::Active,
        }
    }

    /// Whether it is a standby condition.
    pub const fn is_standby(self) -> bool {
        matches!(self, Self::StandbyY | Self::StandbyZ)
    }

    /// What REQUEST SENSE returns in this condition, which an initiator asked for; nothing when the
    /// logical unit is active.
    pub const fn sense(self) -> Option<Sense> {
        let code = match self {
            Self::Active => return None,
            Self::IdleA => AdditionalSense::IDLE_CONDITION_ACTIVATED_BY_COMMAND,
            Self::IdleB => AdditionalSense::IDLE_B_CONDITION_ACTIVATED_BY_COMMAND,
            Self::IdleC => AdditionalSense::IDLE_C_CONDITION_ACTIVATED_BY_COMMAND,
            Self::StandbyY => AdditionalSense::STANDBY_Y_CONDITION_ACTIVATED_BY_COMMAND,
            Self::StandbyZ => AdditionalSense::STANDBY_CONDITION_ACTIVATED_BY_COMMAND,
        };
        Some(Sense::new(SenseKey::NoSense, code))
    }
}

/// Power Condition VPD page (8Ah) (SPC-5): every condition is supported, and how long it takes to
/// leave one is not specified.
#[derive(Clone, Copy, Debug)]
pub struct PowerConditionPage;

impl PowerConditionPage {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        /// STANDBY_Y and STANDBY_Z.
        const STANDBY: u8 = 0x03;
        /// IDLE_C, IDLE_B and IDLE_A.
        const IDLE: u8 = 0x07;

        out.u8(peripheral.code());
        out.u8(page::POWER_CONDITION);
        out.counted_u16(|out| {
            out.bytes(&[STANDBY, IDLE]);
            // The recovery times from stopped, standby_z, standby_y, idle_a, idle_b, idle_c.
            out.zeros(12);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inquiry::DeviceType;

    #[test]
    fn every_condition_has_a_number_and_its_sense() {
        let codes = [
            (Power::Active, None),
            (Power::IdleA, Some((0x5e, 0x03))),
            (Power::IdleB, Some((0x5e, 0x06))),
            (Power::IdleC, Some((0x5e, 0x08))),
            (Power::StandbyY, Some((0x5e, 0x0a))),
            (Power::StandbyZ, Some((0x5e, 0x04))),
        ];
        for (power, expected) in codes {
            assert_eq!(Power::from_code(power as u8), power);
            let sense = power.sense();
            assert_eq!(sense.map(|sense| (sense.code.0, sense.code.1)), expected);
            assert!(sense.is_none_or(|sense| sense.key == SenseKey::NoSense));
        }
        assert_eq!(Power::from_code(6), Power::Active);
    }

    #[test]
    fn the_page_lists_the_conditions() {
        let mut out = [0xee; 32];
        let mut sink = Sink::new(&mut out);
        PowerConditionPage.write(Peripheral::connected(DeviceType::Block), &mut sink);
        assert_eq!(
            sink.as_bytes(),
            [0, 0x8a, 0, 14, 3, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
    }
}
