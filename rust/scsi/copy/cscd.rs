// SPDX-License-Identifier: GPL-2.0

//! CSCD descriptors: which logical units a copy is about.

use crate::sense::{
    AdditionalSense,
    Sense, //
};

/// Identification Descriptor CSCD descriptor: the logical unit with a designator, the only type that
/// is understood.
pub const IDENTIFICATION: u8 = 0xe4;

const LEN: usize = 32;

/// A CSCD descriptor (SPC-4, Identification Descriptor CSCD descriptor).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cscd<'a> {
    /// NUL: there is no such device; the descriptor is there to be counted.
    pub is_null: bool,
    /// PERIPHERAL DEVICE TYPE.
    pub device_type: u8,
    /// PAD: what a block isn't filled up with is zeros, or what is left of one is dropped.
    pub pad: bool,
    /// DISK BLOCK LENGTH; zero when it isn't said.
    pub block_length: u32,
    /// CODE SET, DESIGNATOR TYPE.
    kind: (u8, u8),
    designator: &'a [u8],
}

impl<'a> Cscd<'a> {
    /// The length of a descriptor.
    pub const LEN: usize = LEN;

    /// The longest designator.
    const MAX_DESIGNATOR: usize = 20;

    /// Reads a descriptor that begins `at` bytes into the parameter list. Bytes behind it are ignored,
    /// and so is LU ID TYPE: it is about descriptors with an LU IDENTIFIER, and this has none.
    pub fn parse(bytes: &'a [u8], at: u16) -> Result<Self, Sense> {
        const NUL: u8 = 0x20;
        const DEVICE_TYPE: u8 = 0x1f;
        const NIBBLE: u8 = 0x0f;
        const ASSOCIATION: u8 = 0x30;
        const PAD: u8 = 0x04;

        if bytes.first().is_some_and(|code| *code != IDENTIFICATION) {
            let mut sense = Sense::invalid_parameter(at, None);
            sense.code = AdditionalSense::UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE;
            return Err(sense);
        }
        let Some(&[_, flags, _, _, set, kind, _, len, ref rest @ ..]) = bytes.first_chunk::<LEN>()
        else {
            return Err(Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR));
        };
        let wrong = |byte: u16, bit| Err(Sense::invalid_parameter(at.saturating_add(byte), bit));
        let is_null = flags & NUL != 0;
        if !is_null && kind & ASSOCIATION != 0 {
            // A designator of a port or a device says nothing of which logical unit.
            return wrong(5, Some(5));
        }
        let len = usize::from(len);
        if !is_null && !(1..=Self::MAX_DESIGNATOR).contains(&len) {
            return wrong(7, None);
        }
        let &[.., specific, b2, b1, b0] = rest;
        // By the check above it is there, unless the device is null.
        let start = bytes.get(8..).unwrap_or_default();
        Ok(Self {
            is_null,
            device_type: flags & DEVICE_TYPE,
            pad: specific & PAD != 0,
            block_length: u32::from_be_bytes([0, b2, b1, b0]),
            kind: (set & NIBBLE, kind & NIBBLE),
            designator: start
                .get(..len.min(Self::MAX_DESIGNATOR))
                .unwrap_or_default(),
        })
    }

    /// INVALID FIELD IN PARAMETER LIST: the DISK BLOCK LENGTH of the descriptor that begins `at` bytes into
    /// the list isn't that of the device.
    pub const fn wrong_block_length(at: u16) -> Sense {
        const DISK_BLOCK_LENGTH: u16 = 29;

        Sense::invalid_parameter(at.saturating_add(DISK_BLOCK_LENGTH), None)
    }

    /// The NAA designator of sixteen bytes that names the unit, if one of that kind does.
    pub fn naa_16(&self) -> Option<[u8; 16]> {
        const BINARY: u8 = 0x1;
        const NAA: u8 = 0x3;

        if self.kind != (BINARY, NAA) {
            return None;
        }
        self.designator.try_into().ok()
    }

    /// Whether this is the name of the logical unit with this Device Identification VPD page. Whatever
    /// the page is, it is read as far as it goes.
    pub fn names(&self, page: &[u8]) -> bool {
        const HEAD: usize = 4;
        const NIBBLE: u8 = 0x0f;
        const ASSOCIATION: u8 = 0x30;

        let mut rest = page.get(HEAD..).unwrap_or_default();
        while let &[set, kind, _, len, ref after @ ..] = rest {
            let Some((designator, more)) = after.split_at_checked(len.into()) else {
                return false;
            };
            if kind & ASSOCIATION == 0
                && (set & NIBBLE, kind & NIBBLE) == self.kind
                && designator == self.designator
            {
                return true;
            }
            rest = more;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        designator::{
            Association,
            Designator,
            ProtocolId, //
        },
        inquiry::{
            DeviceType,
            Peripheral, //
        },
        sink::Sink,
        vpd::DeviceIdentification,
    };
    use std::vec::Vec;

    const GUID: [u8; 16] = *b"\x60\x01\x44\xf0abcdefghijkl";

    fn naa() -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[0] = 0xe4;
        bytes[4..8].copy_from_slice(&[0x01, 0x03, 0, 16]);
        bytes[8..24].copy_from_slice(&GUID);
        bytes[28..].copy_from_slice(&[0x04, 0, 0x10, 0]);
        bytes
    }

    fn page(designators: &[Designator<'_>]) -> Vec<u8> {
        let mut out = [0; 256];
        let mut sink = Sink::new(&mut out);
        DeviceIdentification { designators }
            .write(Peripheral::connected(DeviceType::Block), &mut sink);
        sink.as_bytes().to_vec()
    }

    #[test]
    fn a_unit_is_found_by_its_own_designators() {
        let bytes = naa();
        let cscd = Cscd::parse(&bytes, 16).unwrap();
        assert_eq!((cscd.pad, cscd.block_length), (true, 4096));
        assert_eq!(cscd.naa_16(), Some(GUID));
        let own = Designator::Naa16(Association::LogicalUnit, GUID);
        let vendor = Designator::T10Vendor {
            vendor: "SUN",
            specific: "disk 1",
        };
        assert!(cscd.names(&page(&[vendor, own])));
        assert!(!cscd.names(&page(&[vendor])));
        // The same bytes, as the name of a port.
        let port = Association::TargetPort(Some(ProtocolId::Iscsi));
        assert!(!cscd.names(&page(&[Designator::Naa16(port, GUID)])));

        let mut bytes = [0; 32];
        bytes[0] = 0xe4;
        bytes[4..8].copy_from_slice(&[0x02, 0x01, 0, 14]);
        bytes[8..22].copy_from_slice(b"SUN     disk 1");
        let cscd = Cscd::parse(&bytes, 16).unwrap();
        assert_eq!(cscd.naa_16(), None);
        assert!(cscd.names(&page(&[own, vendor])));
        assert!(!cscd.names(&page(&[own])));
    }

    #[test]
    fn a_page_that_is_cut_names_what_is_whole() {
        let bytes = naa();
        let cscd = Cscd::parse(&bytes, 16).unwrap();
        let whole = page(&[Designator::Naa16(Association::LogicalUnit, GUID)]);
        for len in 0..whole.len() {
            assert!(!cscd.names(&whole[..len]), "{len}");
        }
        assert!(cscd.names(&whole));
    }

    #[test]
    fn what_is_wrong_is_pointed_to() {
        let refused = |at: usize, value| {
            let mut bytes = naa();
            bytes[at] = value;
            Cscd::parse(&bytes, 48).unwrap_err()
        };
        let mut kind = Sense::invalid_parameter(48, None);
        kind.code = AdditionalSense::UNSUPPORTED_TARGET_DESCRIPTOR_TYPE_CODE;
        assert_eq!(refused(0, 0xe0), kind);
        assert_eq!(refused(5, 0x13), Sense::invalid_parameter(53, Some(5)));
        assert_eq!(refused(7, 21), Sense::invalid_parameter(55, None));
        assert_eq!(refused(7, 0), Sense::invalid_parameter(55, None));
        assert_eq!(
            Cscd::parse(&naa()[..31], 48),
            Err(Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR))
        );
    }

    #[test]
    fn a_designator_needs_no_lu_id_type() {
        let mut bytes = naa();
        bytes[1] = 0x40;
        assert_eq!(Cscd::parse(&bytes, 16), Cscd::parse(&naa(), 16));
    }

    #[test]
    fn of_a_null_device_nothing_else_is_read() {
        let mut bytes = [0xff; 32];
        bytes[..2].copy_from_slice(&[0xe4, 0x20]);
        assert!(Cscd::parse(&bytes, 16).unwrap().is_null);
    }
}
