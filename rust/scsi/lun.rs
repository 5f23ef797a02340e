// SPDX-License-Identifier: GPL-2.0

//! Logical unit numbers.

use core::{
    fmt,
    str::FromStr, //
};

/// The number of a logical unit as an initiator knows it: 0 to 16383.
///
/// The range is that of the flat space addressing method (SAM-5 4.7, Flat space addressing method).
///
/// # Invariants
///
/// The value is at most [`Lun::MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lun(u16);

impl Lun {
    /// LUN 0, which initiators ask for the list of the others.
    pub const ZERO: Lun = Lun(0);

    /// The highest LUN that the flat space addressing method can express.
    pub const MAX: Lun = Lun(0x3fff);

    /// Checks the range.
    pub const fn new(value: u16) -> Option<Lun> {
        if value <= Lun::MAX.0 {
            // INVARIANT: checked above.
            Some(Lun(value))
        } else {
            None
        }
    }

    /// The number.
    pub const fn value(self) -> u16 {
        self.0
    }

    /// The eight bytes by which REPORT LUNS names this logical unit (SAM-5 4.7).
    ///
    /// Peripheral device addressing below 256 and flat space addressing above, which is what every
    /// initiator expects.
    pub const fn encode(self) -> [u8; 8] {
        let [high, low] = self.0.to_be_bytes();
        let method = if high == 0 { PERIPHERAL } else { FLAT_SPACE };
        [method | high, low, 0, 0, 0, 0, 0, 0]
    }
}

/// What is no logical unit number: it is above [`Lun::MAX`], or no number at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LunError;

impl fmt::Display for LunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "logical unit numbers are 0 to {}", Lun::MAX)
    }
}

impl core::error::Error for LunError {}

impl TryFrom<u16> for Lun {
    type Error = LunError;

    fn try_from(value: u16) -> Result<Self, LunError> {
        Self::new(value).ok_or(LunError)
    }
}

impl FromStr for Lun {
    type Err = LunError;

    fn from_str(text: &str) -> Result<Self, LunError> {
        text.parse().ok().and_then(Self::new).ok_or(LunError)
    }
}

impl fmt::Display for Lun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// ADDRESS METHOD, bits 7 to 6 of byte 0 (SAM-5 4.7).
const METHOD: u8 = 0xc0;
const PERIPHERAL: u8 = 0x00;
const FLAT_SPACE: u8 = 0x40;

/// Byte 0 of a well known logical unit: extended addressing, LENGTH 0, method 1 (SAM-5 4.7,
/// Extended logical unit addressing).
const WELL_KNOWN: u8 = 0xc1;

/// Byte 0 of an extended flat space LUN of 24 bits: LENGTH 1, method 2 (SAM-5 4.7, Extended logical
/// unit addressing).
const EXTENDED_FLAT_24: u8 = 0xd2;

/// W-LUN of the REPORT LUNS well known logical unit (SPC-5, Well known logical units).
const REPORT_LUNS_W_LUN: u8 = 0x01;

/// What the eight-byte LUN field of a command addresses (SAM-5 4.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LunAddress {
    /// A logical unit.
    Unit(Lun),
    /// The REPORT LUNS well known logical unit, which answers REPORT LUNS, INQUIRY, REQUEST SENSE
    /// and TEST UNIT READY for the target as a whole (SPC-5, Well known logical units).
    ReportLuns,
    /// Something that a target without hierarchy cannot have: another method, another well known
    /// logical unit, a LUN above [`Lun::MAX`], or a second level.
    Unknown,
}

impl LunAddress {
    /// The address of the REPORT LUNS well known logical unit.
    pub const REPORT_LUNS: [u8; 8] = [WELL_KNOWN, REPORT_LUNS_W_LUN, 0, 0, 0, 0, 0, 0];

    /// Reads the LUN field of a command or a task management function.
    ///
    /// The same LUN in several formats is the same logical unit. The logical unit addressing method
    /// names a device behind this one, by bus and target, and is refused.
    pub const fn parse(field: [u8; 8]) -> LunAddress {
        match field {
            // The bus identifier, the low bits of byte 0, has to be this level: zero.
            [PERIPHERAL, low, 0, 0, 0, 0, 0, 0] => unit(0, 0, low),
            [WELL_KNOWN, REPORT_LUNS_W_LUN, 0, 0, 0, 0, 0, 0] => LunAddress::ReportLuns,
            [EXTENDED_FLAT_24, high, middle, low, 0, 0, 0, 0] => unit(high, middle, low),
            [first, low, 0, 0, 0, 0, 0, 0] if first & METHOD == FLAT_SPACE => {
                unit(0, first & !METHOD, low)
            }
            _ => LunAddress::Unknown,
        }
    }
}

const fn unit(high: u8, middle: u8, low: u8) -> LunAddress {
    match (high, Lun::new(u16::from_be_bytes([middle, low]))) {
        (0, Some(lun)) => LunAddress::Unit(lun),
        _ => LunAddress::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn parse(field: &[u8]) -> LunAddress {
        let mut bytes = [0; 8];
        bytes[..field.len()].copy_from_slice(field);
        LunAddress::parse(bytes)
    }

    fn unit(value: u16) -> LunAddress {
        LunAddress::Unit(Lun::new(value).unwrap())
    }

    #[test]
    fn the_range_ends_at_flat_addressing() {
        assert_eq!(Lun::new(16383), Some(Lun::MAX));
        assert_eq!(Lun::new(16384), None);
        assert_eq!(Lun::try_from(u16::MAX), Err(LunError));
        assert_eq!("16383".parse(), Ok(Lun::MAX));
        for text in ["", "16384", "65536", "-1", "0x1", "1 "] {
            assert_eq!(text.parse::<Lun>(), Err(LunError), "{text:?}");
        }
        assert_eq!(LunError.to_string(), "logical unit numbers are 0 to 16383");
    }

    #[test]
    fn peripheral_flat_and_extended_formats_name_the_same_units() {
        assert_eq!(parse(&[0x00, 0x00]), unit(0));
        assert_eq!(parse(&[0x00, 0xff]), unit(255));
        assert_eq!(parse(&[0x40, 0x05]), unit(5));
        assert_eq!(parse(&[0x41, 0x00]), unit(256));
        assert_eq!(parse(&[0x7f, 0xff]), unit(16383));
        assert_eq!(parse(&[0xd2, 0x00, 0x12, 0x34]), unit(0x1234));
    }

    #[test]
    fn what_a_flat_target_cannot_have_is_unknown() {
        for field in [
            &[0x01, 0x00][..],               // Bus 1.
            &[0x00, 0x01, 0x00, 0x02],       // A second level.
            &[0x40, 0x01, 0, 0, 0, 0, 0, 1], // A fourth level.
            &[0x80, 0x01],                   // Logical unit addressing.
            &[0xc1, 0x02],                   // ACCESS CONTROLS well known unit.
            &[0xc1, 0x01, 0x00, 0x01],       // A level below a well known unit.
            &[0xd2, 0x00, 0x40, 0x00],       // 24 bits, above the highest LUN.
            &[0xd2, 0x01, 0x00, 0x00],       // The same, high byte.
            &[0xe2, 0x00, 0x00, 0x00, 0x01], // 40 bits.
            &[0xff; 8],                      // Logical unit not specified.
        ] {
            assert_eq!(parse(field), LunAddress::Unknown, "{field:x?}");
        }
    }

    #[test]
    fn the_report_luns_unit_is_well_known() {
        assert_eq!(
            LunAddress::parse(LunAddress::REPORT_LUNS),
            LunAddress::ReportLuns
        );
        assert_eq!(LunAddress::REPORT_LUNS, [0xc1, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn every_lun_survives_encoding() {
        for value in 0..=0x3fff {
            let lun = Lun::new(value).unwrap();
            assert_eq!(LunAddress::parse(lun.encode()), LunAddress::Unit(lun));
        }
        assert_eq!(Lun::new(0x4000), None);
        assert_eq!(
            Lun::new(255).unwrap().encode(),
            [0x00, 0xff, 0, 0, 0, 0, 0, 0]
        );
        assert_eq!(
            Lun::new(256).unwrap().encode(),
            [0x41, 0x00, 0, 0, 0, 0, 0, 0]
        );
    }
}
