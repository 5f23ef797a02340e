// SPDX-License-Identifier: GPL-2.0

//! GUIDs of logical units.

use core::{
    fmt,
    str::FromStr, //
};

/// The 16 bytes that name a logical unit everywhere and for good: its NAA designator (SPC-4
/// 7.8.6.6).
///
/// The text form is 32 hexadecimal digits, upper-case when written, any case when read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid([u8; Self::LEN]);

impl Guid {
    /// Length in bytes.
    pub const LEN: usize = 16;

    /// Makes a GUID of its bytes, whatever they are.
    pub const fn new(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// Whether it has the form that a logical unit's must have: NAA IEEE Registered Extended,
    /// whose first digit is 6 (SPC-4 7.8.6.6.5).
    pub const fn is_naa6(&self) -> bool {
        let [first, ..] = self.0;
        first >> 4 == 6
    }
}

/// Why a text or bytes are no GUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuidError {
    /// It has not the right number of digits or bytes.
    Length,
    /// It has something that is no hexadecimal digit.
    Digit,
}

impl fmt::Display for GuidError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "wrong number of digits",
            Self::Digit => "not hexadecimal",
        })
    }
}

impl core::error::Error for GuidError {}

impl TryFrom<&[u8]> for Guid {
    type Error = GuidError;

    fn try_from(bytes: &[u8]) -> Result<Self, GuidError> {
        bytes.try_into().map(Self).map_err(|_| GuidError::Length)
    }
}

impl FromStr for Guid {
    type Err = GuidError;

    fn from_str(text: &str) -> Result<Self, GuidError> {
        parse_hex(text).map(Self)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// The 24 bits that tell manufacturers apart, as given out by the IEEE.
///
/// The text form is 6 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oui([u8; 3]);

impl Oui {
    /// The one that COMSTAR's GUIDs have, which makes them begin with `600144F`.
    pub const COMSTAR: Self = Self([0x00, 0x14, 0x4f]);

    /// Makes an OUI of its bytes.
    pub const fn new(bytes: [u8; 3]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Oui {
    type Err = GuidError;

    fn from_str(text: &str) -> Result<Self, GuidError> {
        parse_hex(text).map(Self)
    }
}

/// Makes new GUIDs of one manufacturer.
///
/// Of a GUID's 128 bits 28 are the form and the manufacturer; the other 100 are random, so that
/// hosts that know nothing of each other never make the same one.
#[derive(Clone, Copy, Debug)]
pub struct GuidSource {
    oui: Oui,
}

impl GuidSource {
    /// How many random bytes a GUID takes.
    pub const RANDOM_LEN: usize = 13;

    /// A source of GUIDs of this manufacturer.
    pub const fn new(oui: Oui) -> Self {
        Self { oui }
    }

    /// Makes a GUID of random bytes, which the caller must draw anew for each.
    pub const fn make(&self, random: [u8; Self::RANDOM_LEN]) -> Guid {
        let Oui([a, b, c]) = self.oui;
        let [r0, r1, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11, r12] = random;
        Guid([
            0x60 | a >> 4,
            a << 4 | b >> 4,
            b << 4 | c >> 4,
            c << 4 | r0 & 0x0f,
            r1,
            r2,
            r3,
            r4,
            r5,
            r6,
            r7,
            r8,
            r9,
            r10,
            r11,
            r12,
        ])
    }
}

impl Default for GuidSource {
    fn default() -> Self {
        Self::new(Oui::COMSTAR)
    }
}

fn parse_hex<const N: usize>(text: &str) -> Result<[u8; N], GuidError> {
    let mut bytes = [0; N];
    let mut digits = text.bytes();
    for byte in &mut bytes {
        let high = digits.next().ok_or(GuidError::Length)?;
        let low = digits.next().ok_or(GuidError::Length)?;
        *byte = digit(high)? << 4 | digit(low)?;
    }
    match digits.next() {
        Some(_) => Err(GuidError::Length),
        None => Ok(bytes),
    }
}

fn digit(c: u8) -> Result<u8, GuidError> {
    char::from(c)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
        .ok_or(GuidError::Digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::string::ToString;

    const TEXT: &str = "600144F0C73ABF0000004A5B1F3E0001";
    const BYTES: [u8; 16] = [
        0x60, 0x01, 0x44, 0xf0, 0xc7, 0x3a, 0xbf, 0x00, 0x00, 0x00, 0x4a, 0x5b, 0x1f, 0x3e, 0x00,
        0x01,
    ];

    #[test]
    fn reads_any_case_and_writes_upper_case() {
        let guid = Guid::new(BYTES);
        assert_eq!(TEXT.parse(), Ok(guid));
        assert_eq!(TEXT.to_ascii_lowercase().parse(), Ok(guid));
        assert_eq!(guid.to_string(), TEXT);
        assert_eq!(Guid::try_from(&BYTES[..]), Ok(guid));
    }

    #[test]
    fn refuses_what_is_no_guid() {
        for (text, error) in [
            ("", GuidError::Length),
            ("600144F0C73ABF0000004A5B1F3E000", GuidError::Length),
            ("600144F0C73ABF0000004A5B1F3E00010", GuidError::Length),
            ("600144F0C73ABF0000004A5B1F3E000G", GuidError::Digit),
            ("+00144F0C73ABF0000004A5B1F3E0001", GuidError::Digit),
            ("600144F0-C73A-BF00-0000-4A5B1F3E", GuidError::Digit),
            ("ÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄÄ", GuidError::Digit),
        ] {
            assert_eq!(text.parse::<Guid>(), Err(error), "{text:?}");
        }
        assert_eq!(Guid::try_from(&BYTES[..15]), Err(GuidError::Length));
    }

    #[test]
    fn only_the_first_digit_tells_the_form() {
        assert!(Guid::new(BYTES).is_naa6());
        let mut bytes = BYTES;
        bytes[0] = 0x50;
        assert!(!Guid::new(bytes).is_naa6());
    }

    #[test]
    fn a_source_puts_the_manufacturer_first() {
        let guid = GuidSource::default().make([0xff; 13]);
        assert_eq!(guid.to_string(), "600144FFFFFFFFFFFFFFFFFFFFFFFFFF");
        let source = GuidSource::new("A1B2C3".parse().unwrap());
        let guid = source.make([0xf0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(guid.to_string(), "6A1B2C300102030405060708090A0B0C");
        assert_eq!("a1b2c".parse::<Oui>(), Err(GuidError::Length));
    }

    proptest! {
        #[test]
        fn every_guid_survives_its_text(bytes: [u8; 16]) {
            let guid = Guid::new(bytes);
            prop_assert_eq!(guid.to_string().parse(), Ok(guid));
        }

        #[test]
        fn every_new_guid_is_naa6(oui: [u8; 3], random: [u8; 13]) {
            prop_assert!(GuidSource::new(Oui::new(oui)).make(random).is_naa6());
        }

        #[test]
        fn any_text_is_read_or_refused(text: std::string::String) {
            let _ = text.parse::<Guid>();
        }
    }
}
