// SPDX-License-Identifier: GPL-2.0

//! Standard INQUIRY data.

use crate::sink::Sink;

/// Whether there is a device at a LUN: PERIPHERAL QUALIFIER (SPC-5, Standard INQUIRY data).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum PeripheralQualifier {
    /// 000b: a device is accessible.
    #[default]
    Connected = 0,
    /// 001b: there could be a device, but there is none.
    NotConnected = 1,
    /// 011b: there can be no device.
    NotCapable = 3,
}

/// What a logical unit is: PERIPHERAL DEVICE TYPE (SPC-5, Standard INQUIRY data).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum DeviceType {
    /// 00h: direct-access block device (SBC).
    #[default]
    Block = 0x00,
    /// 01h: sequential-access device (SSC).
    Tape = 0x01,
    /// 08h: media changer device (SMC).
    Changer = 0x08,
    /// 0Ch: storage array controller device (SCC).
    ArrayController = 0x0c,
    /// 1Eh: well known logical unit.
    WellKnown = 0x1e,
    /// 1Fh: unknown or no device type.
    Unknown = 0x1f,
}

/// Byte 0 of the standard INQUIRY data and of every VPD page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peripheral {
    /// PERIPHERAL QUALIFIER.
    pub qualifier: PeripheralQualifier,
    /// PERIPHERAL DEVICE TYPE.
    pub device_type: DeviceType,
}

impl Peripheral {
    /// A LUN at which there is no logical unit (SPC-5, Standard INQUIRY data, PERIPHERAL QUALIFIER
    /// 011b).
    pub const NONE: Peripheral = Peripheral {
        qualifier: PeripheralQualifier::NotCapable,
        device_type: DeviceType::Unknown,
    };

    /// An accessible logical unit.
    pub const fn connected(device_type: DeviceType) -> Peripheral {
        Peripheral {
            qualifier: PeripheralQualifier::Connected,
            device_type,
        }
    }

    /// The byte.
    pub const fn code(self) -> u8 {
        // CAST: both enums are `repr(u8)`.
        ((self.qualifier as u8) << 5) | self.device_type as u8
    }
}

/// Version descriptors of the standards, none naming a revision (SPC-5, Version descriptor values).
pub mod version {
    /// SAM-5.
    pub const SAM_5: u16 = 0x00a0;
    /// SPC-4.
    pub const SPC_4: u16 = 0x0460;
    /// SPC-5.
    pub const SPC_5: u16 = 0x05c0;
    /// SBC-3.
    pub const SBC_3: u16 = 0x04c0;
    /// SBC-4.
    pub const SBC_4: u16 = 0x0600;
    /// FCP.
    pub const FCP: u16 = 0x0900;
    /// SRP.
    pub const SRP: u16 = 0x0940;
    /// iSCSI.
    pub const ISCSI: u16 = 0x0960;
}

/// Who manages the asymmetric access states: TPGS (SPC-5, Standard INQUIRY data).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum Tpgs {
    /// 00b: there are none.
    #[default]
    None = 0,
    /// 01b: the target alone.
    Implicit = 1,
    /// 10b: initiators, by SET TARGET PORT GROUPS.
    Explicit = 2,
    /// 11b: both.
    Both = 3,
}

/// The standard INQUIRY data (SPC-5, Standard INQUIRY data).
#[derive(Clone, Copy, Debug, Default)]
pub struct StandardInquiry<'a> {
    /// PERIPHERAL QUALIFIER and PERIPHERAL DEVICE TYPE.
    pub peripheral: Peripheral,
    /// RMB: the medium is removable.
    pub removable: bool,
    /// T10 VENDOR IDENTIFICATION: up to eight characters.
    pub vendor: &'a str,
    /// PRODUCT IDENTIFICATION: up to sixteen characters.
    pub product: &'a str,
    /// PRODUCT REVISION LEVEL: up to four characters.
    pub revision: &'a str,
    /// TPGS.
    pub tpgs: Tpgs,
    /// 3PC: third-party copy commands are supported.
    pub third_party_copy: bool,
    /// MULTIP: there is more than one target port.
    pub multi_port: bool,
    /// CMDQUE: the full task management model is supported.
    pub command_queuing: bool,
    /// Version descriptors, of which the first eight are shown; see [`version`].
    pub versions: &'a [u16],
}

impl StandardInquiry<'_> {
    /// The length without version descriptors.
    pub const SHORT_LEN: usize = 36;

    /// The length with version descriptors.
    pub const LEN: usize = 74;

    /// Writes the data: [`StandardInquiry::LEN`] bytes, or [`StandardInquiry::SHORT_LEN`] when
    /// there are no version descriptors.
    ///
    /// PROTECT is zero: there is no protection information. NORMACA is zero: there is no auto
    /// contingent allegiance.
    pub fn write(&self, out: &mut Sink<'_>) {
        const RMB: u8 = 0x80;
        /// Nothing here needs SPC-5, and there are initiators and test suites that don't know of it.
        const VERSION_SPC_4: u8 = 0x06;
        const HISUP: u8 = 0x10;
        const RESPONSE_DATA_FORMAT: u8 = 0x02;
        const THIRD_PARTY_COPY: u8 = 0x08;
        const MULTIP: u8 = 0x10;
        const CMDQUE: u8 = 0x02;
        const VERSIONS: usize = 8;
        /// The number of bytes up to and with ADDITIONAL LENGTH.
        const HEAD: usize = 5;

        let start = out.len();
        let flag = |set, bit| if set { bit } else { 0 };
        out.u8(self.peripheral.code());
        out.u8(flag(self.removable, RMB));
        out.u8(VERSION_SPC_4);
        out.u8(HISUP | RESPONSE_DATA_FORMAT);
        // ADDITIONAL LENGTH, see below.
        out.u8(0);
        // CAST: the enum is `repr(u8)`.
        let tpgs = (self.tpgs as u8) << 4;
        out.u8(tpgs | flag(self.third_party_copy, THIRD_PARTY_COPY));
        out.u8(flag(self.multi_port, MULTIP));
        out.u8(flag(self.command_queuing, CMDQUE));
        out.ascii_padded(self.vendor, 8);
        out.ascii_padded(self.product, 16);
        out.ascii_padded(self.revision, 4);
        if !self.versions.is_empty() {
            // Vendor specific, and two reserved bytes.
            out.zeros(22);
            let versions = self.versions.iter().copied().chain(core::iter::repeat(0));
            for version in versions.take(VERSIONS) {
                out.u16(version);
            }
        }
        // CAST: 69 at most.
        let additional = out.since(start).saturating_sub(HEAD) as u8;
        out.patch_u8(start.saturating_add(4), additional);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(inquiry: &StandardInquiry<'_>) -> std::vec::Vec<u8> {
        let mut out = [0xee; 96];
        let mut sink = Sink::new(&mut out);
        inquiry.write(&mut sink);
        sink.as_bytes().to_vec()
    }

    #[test]
    fn a_disk_introduces_itself() {
        let bytes = write(&StandardInquiry {
            vendor: "SUN",
            product: "COMSTAR",
            revision: "1.0",
            tpgs: Tpgs::Implicit,
            third_party_copy: true,
            multi_port: true,
            command_queuing: true,
            versions: &[
                version::SAM_5,
                version::ISCSI,
                version::SPC_4,
                version::SBC_3,
            ],
            ..StandardInquiry::default()
        });
        assert_eq!(bytes.len(), StandardInquiry::LEN);
        assert_eq!(bytes[..8], [0x00, 0x00, 0x06, 0x12, 69, 0x18, 0x10, 0x02]);
        assert_eq!(&bytes[8..36], b"SUN     COMSTAR         1.0 ");
        assert_eq!(bytes[36..58], [0; 22]);
        assert_eq!(
            bytes[58..66],
            [0x00, 0xa0, 0x09, 0x60, 0x04, 0x60, 0x04, 0xc0]
        );
        assert_eq!(bytes[66..], [0; 8]);
    }

    #[test]
    fn no_logical_unit_is_7f() {
        let bytes = write(&StandardInquiry {
            peripheral: Peripheral::NONE,
            vendor: "SUN",
            ..StandardInquiry::default()
        });
        assert_eq!(bytes.len(), StandardInquiry::SHORT_LEN);
        assert_eq!(bytes[..8], [0x7f, 0x00, 0x06, 0x12, 31, 0, 0, 0]);
    }

    #[test]
    fn text_and_versions_that_are_too_long_are_cut() {
        let bytes = write(&StandardInquiry {
            peripheral: Peripheral::connected(DeviceType::Changer),
            removable: true,
            vendor: "VENDOR IS TOO LONG",
            product: "PRODUCT IS MUCH TOO LONG",
            revision: "12345",
            versions: &[1; 9],
            ..StandardInquiry::default()
        });
        assert_eq!(bytes.len(), StandardInquiry::LEN);
        assert_eq!(bytes[..2], [0x08, 0x80]);
        assert_eq!(&bytes[8..36], b"VENDOR IPRODUCT IS MUCH 1234");
    }
}
