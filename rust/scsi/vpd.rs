// SPDX-License-Identifier: GPL-2.0

//! Vital product data pages.
//!
//! Each page is a type with its fields and a `write` that takes the peripheral byte, which all
//! pages begin with. Which pages there are is up to the logical unit: see [`SupportedPages`].

use crate::{
    designator::Designator,
    inquiry::Peripheral,
    sink::Sink, //
};

/// PAGE CODE of each page.
pub mod page {
    /// Supported VPD Pages.
    pub const SUPPORTED_PAGES: u8 = 0x00;
    /// Unit Serial Number.
    pub const UNIT_SERIAL_NUMBER: u8 = 0x80;
    /// Device Identification.
    pub const DEVICE_IDENTIFICATION: u8 = 0x83;
    /// Management Network Addresses.
    pub const MANAGEMENT_ADDRESSES: u8 = 0x85;
    /// Extended INQUIRY Data.
    pub const EXTENDED_INQUIRY: u8 = 0x86;
    /// Mode Page Policy.
    pub const MODE_PAGE_POLICY: u8 = 0x87;
    /// SCSI Ports.
    pub const SCSI_PORTS: u8 = 0x88;
    /// Power Condition.
    pub const POWER_CONDITION: u8 = 0x8a;
    /// Third-party Copy; written by [`crate::copy::OperatingParameters`].
    pub const THIRD_PARTY_COPY: u8 = 0x8f;
    /// Block Limits.
    pub const BLOCK_LIMITS: u8 = 0xb0;
    /// Block Device Characteristics.
    pub const BLOCK_CHARACTERISTICS: u8 = 0xb1;
    /// Logical Block Provisioning.
    pub const LOGICAL_BLOCK_PROVISIONING: u8 = 0xb2;
    /// Block Limits Extension.
    pub const BLOCK_LIMITS_EXTENSION: u8 = 0xb7;
}

/// Writes a page: its head, then what `body` writes.
fn write_page(
    peripheral: Peripheral,
    page: u8,
    out: &mut Sink<'_>,
    body: impl FnOnce(&mut Sink<'_>),
) {
    out.u8(peripheral.code());
    out.u8(page);
    out.counted_u16(body);
}

/// Fills a page, whose body began at `start`, with zeros to `len` bytes.
fn pad(out: &mut Sink<'_>, start: usize, len: usize) {
    out.zeros(len.saturating_sub(out.since(start)));
}

/// Supported VPD Pages VPD page (00h) (SPC-5).
#[derive(Clone, Copy, Debug)]
pub struct SupportedPages<'a> {
    /// The page codes, in ascending order, with 00h.
    pub pages: &'a [u8],
}

impl SupportedPages<'_> {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        write_page(peripheral, page::SUPPORTED_PAGES, out, |out| {
            out.bytes(self.pages);
        });
    }
}

/// Unit Serial Number VPD page (80h) (SPC-5).
#[derive(Clone, Copy, Debug)]
pub struct UnitSerialNumber<'a> {
    /// PRODUCT SERIAL NUMBER; when there is none, four spaces are shown.
    pub serial: &'a str,
}

impl UnitSerialNumber<'_> {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        write_page(peripheral, page::UNIT_SERIAL_NUMBER, out, |out| {
            out.ascii_padded(self.serial, self.serial.len().max(4));
        });
    }
}

/// Device Identification VPD page (83h) (SPC-5).
#[derive(Clone, Copy, Debug)]
pub struct DeviceIdentification<'a> {
    /// The names, the logical unit's first.
    pub designators: &'a [Designator<'a>],
}

impl DeviceIdentification<'_> {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        write_page(peripheral, page::DEVICE_IDENTIFICATION, out, |out| {
            for designator in self.designators {
                designator.write(out);
            }
        });
    }
}

/// Management Network Addresses VPD page (85h) (SPC-5).
#[derive(Clone, Copy, Debug)]
pub struct ManagementAddresses<'a> {
    /// URLs, separated by spaces.
    pub urls: &'a str,
}

impl ManagementAddresses<'_> {
    /// Writes the page: a descriptor of the service "storage configuration" for each URL, which
    /// ends in at least one NUL and is a multiple of four bytes long.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        const LOGICAL_UNIT: u8 = 0x00;
        const STORAGE_CONFIGURATION: u8 = 0x01;

        write_page(peripheral, page::MANAGEMENT_ADDRESSES, out, |out| {
            for url in self.urls.split_ascii_whitespace() {
                let padded = url.len().saturating_add(1).next_multiple_of(4);
                out.u8(LOGICAL_UNIT | STORAGE_CONFIGURATION);
                out.u8(0);
                out.u16(u16::try_from(padded).unwrap_or(u16::MAX));
                out.bytes(url.as_bytes());
                out.zeros(padded.saturating_sub(url.len()));
            }
        });
    }
}

/// Extended INQUIRY Data VPD page (86h) (SPC-5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtendedInquiry {
    /// HEADSUP: the head of queue task attribute is supported.
    pub head_of_queue: bool,
    /// ORDSUP: the ordered task attribute is supported.
    pub ordered: bool,
    /// SIMPSUP: the simple task attribute is supported.
    pub simple: bool,
    /// V_SUP: there is a volatile cache.
    pub volatile_cache: bool,
    /// LUICLR: when one logical unit reports REPORTED LUNS DATA HAS CHANGED to an I_T nexus, the
    /// condition is cleared on all logical units of that nexus.
    pub luiclr: bool,
    /// MAXIMUM SUPPORTED SENSE DATA LENGTH; zero when it is not reported.
    pub max_sense: u8,
}

impl ExtendedInquiry {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        let flag = |set, bit| if set { bit } else { 0 };
        write_page(peripheral, page::EXTENDED_INQUIRY, out, |out| {
            let start = out.len();
            out.u8(0);
            out.u8(flag(self.head_of_queue, 0x04)
                | flag(self.ordered, 0x02)
                | flag(self.simple, 1));
            out.u8(flag(self.volatile_cache, 0x01));
            out.u8(flag(self.luiclr, 0x01));
            out.zeros(5);
            out.u8(self.max_sense);
            pad(out, start, 60);
        });
    }
}

/// Mode Page Policy VPD page (87h) (SPC-5): all mode pages are shared by all I_T nexuses.
#[derive(Clone, Copy, Debug)]
pub struct ModePagePolicy;

impl ModePagePolicy {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        const ALL_PAGES: u8 = 0x3f;
        const ALL_SUBPAGES: u8 = 0xff;
        const SHARED: u8 = 0x00;

        write_page(peripheral, page::MODE_PAGE_POLICY, out, |out| {
            out.bytes(&[ALL_PAGES, ALL_SUBPAGES, SHARED, 0]);
        });
    }
}

/// SCSI Ports VPD page (88h) (SPC-5), target port by target port.
#[derive(Debug)]
pub struct ScsiPorts<'a, 'b> {
    out: &'a mut Sink<'b>,
    start: usize,
}

impl<'a, 'b> ScsiPorts<'a, 'b> {
    /// Begins.
    pub fn new(peripheral: Peripheral, out: &'a mut Sink<'b>) -> Self {
        out.u8(peripheral.code());
        out.u8(page::SCSI_PORTS);
        out.u16(0);
        let start = out.len();
        Self { out, start }
    }

    /// Adds a target port by its relative port identifier, and its names. It is no initiator port,
    /// so INITIATOR PORT TRANSPORTID LENGTH is zero.
    ///
    /// A port that makes the page longer than it can tell is left out.
    pub fn port(&mut self, relative_id: u16, names: impl Fn(&mut Sink<'_>)) {
        const HEAD: usize = 12;

        let mut measure = Sink::new(&mut []);
        names(&mut measure);
        let len = HEAD.saturating_add(measure.len());
        if self.out.since(self.start).saturating_add(len) > usize::from(u16::MAX) {
            return;
        }
        self.out.u16(0);
        self.out.u16(relative_id);
        self.out.zeros(6);
        self.out.counted_u16(names);
    }

    /// Ends: fills in PAGE LENGTH.
    pub fn finish(self) {
        let len = u16::try_from(self.out.since(self.start)).unwrap_or(u16::MAX);
        self.out.patch_u16(self.start.saturating_sub(2), len);
    }
}

/// Block Limits VPD page (B0h) (SBC-4). Lengths are in logical blocks, and zero stands for not
/// reported or not supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockLimits {
    /// WSNZ: WRITE SAME does not take zero for all the rest of the medium.
    pub wsnz: bool,
    /// MAXIMUM COMPARE AND WRITE LENGTH.
    pub max_compare_and_write: u8,
    /// OPTIMAL TRANSFER LENGTH GRANULARITY.
    pub granularity: u16,
    /// MAXIMUM TRANSFER LENGTH.
    pub max_transfer: u32,
    /// OPTIMAL TRANSFER LENGTH.
    pub optimal_transfer: u32,
    /// MAXIMUM PREFETCH LENGTH.
    pub max_prefetch: u32,
    /// MAXIMUM UNMAP LBA COUNT.
    pub max_unmap_blocks: u32,
    /// MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT.
    pub max_unmap_descriptors: u32,
    /// OPTIMAL UNMAP GRANULARITY.
    pub unmap_granularity: u32,
    /// UNMAP GRANULARITY ALIGNMENT; none when UGAVALID is zero.
    pub unmap_alignment: Option<u32>,
    /// MAXIMUM WRITE SAME LENGTH.
    pub max_write_same: u64,
    /// MAXIMUM ATOMIC TRANSFER LENGTH.
    pub max_atomic_transfer: u32,
    /// ATOMIC ALIGNMENT.
    pub atomic_alignment: u32,
    /// ATOMIC TRANSFER LENGTH GRANULARITY.
    pub atomic_granularity: u32,
}

impl BlockLimits {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        const WSNZ: u8 = 0x01;
        const UGAVALID: u32 = 0x8000_0000;

        write_page(peripheral, page::BLOCK_LIMITS, out, |out| {
            let start = out.len();
            out.u8(if self.wsnz { WSNZ } else { 0 });
            out.u8(self.max_compare_and_write);
            out.u16(self.granularity);
            out.u32(self.max_transfer);
            out.u32(self.optimal_transfer);
            out.u32(self.max_prefetch);
            out.u32(self.max_unmap_blocks);
            out.u32(self.max_unmap_descriptors);
            out.u32(self.unmap_granularity);
            out.u32(match self.unmap_alignment {
                Some(alignment) => UGAVALID | alignment,
                None => 0,
            });
            out.u64(self.max_write_same);
            out.u32(self.max_atomic_transfer);
            out.u32(self.atomic_alignment);
            out.u32(self.atomic_granularity);
            // Atomic writes with a boundary are not supported.
            pad(out, start, 60);
        });
    }
}

/// How fast the medium turns: MEDIUM ROTATION RATE (SBC-4, Block Device Characteristics VPD page).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RotationRate {
    /// 0000h: not reported.
    #[default]
    NotReported,
    /// 0001h: not at all.
    NonRotating,
    /// Revolutions per minute: 0401h to FFFEh.
    Rpm(u16),
}

impl RotationRate {
    /// The value of the field.
    pub const fn code(self) -> u16 {
        match self {
            Self::NotReported => 0,
            Self::NonRotating => 1,
            Self::Rpm(rpm) => rpm,
        }
    }

    /// What the value of the field means; `None` when it is reserved.
    pub const fn from_code(code: u16) -> Option<Self> {
        match code {
            0 => Some(Self::NotReported),
            1 => Some(Self::NonRotating),
            0x0401..=0xfffe => Some(Self::Rpm(code)),
            _ => None,
        }
    }
}

/// Block Device Characteristics VPD page (B1h) (SBC-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockCharacteristics {
    /// MEDIUM ROTATION RATE.
    pub rotation: RotationRate,
    /// SANITIZE BLOCK ERASE is supported, and blocks can be read after it without a write: WABEREQ
    /// is 01b, else 00b.
    pub block_erase: bool,
    /// VBULS: blocks without space behind them can be verified like others.
    pub verifies_unmapped: bool,
    /// FUAB: FUA and SYNCHRONIZE CACHE mean what they mean in SBC-4, not in SBC-2.
    pub fuab: bool,
}

impl BlockCharacteristics {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        const FUAB: u8 = 0x02;
        const VBULS: u8 = 0x01;
        const WABEREQ: u8 = 0x40;

        write_page(peripheral, page::BLOCK_CHARACTERISTICS, out, |out| {
            let start = out.len();
            out.u16(self.rotation.code());
            // PRODUCT TYPE.
            out.u8(0);
            // With WACEREQ and the form factor, which are not told.
            out.u8(if self.block_erase { WABEREQ } else { 0 });
            let fuab = if self.fuab { FUAB } else { 0 };
            out.u8(fuab | if self.verifies_unmapped { VBULS } else { 0 });
            pad(out, start, 60);
        });
    }
}

/// How blocks get their space: PROVISIONING TYPE (SBC-4, Logical Block Provisioning VPD page).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ProvisioningType {
    /// 000b: fully provisioned, or not reported.
    #[default]
    Full = 0,
    /// 001b: resource provisioned.
    Resource = 1,
    /// 010b: thin provisioned.
    Thin = 2,
}

/// Logical Block Provisioning VPD page (B2h) (SBC-4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogicalBlockProvisioning {
    /// THRESHOLD EXPONENT; zero when there are no thresholds.
    pub threshold_exponent: u8,
    /// LBPU: UNMAP is supported.
    pub unmap: bool,
    /// LBPWS: WRITE SAME (16) unmaps.
    pub write_same_16: bool,
    /// LBPWS10: WRITE SAME (10) unmaps.
    pub write_same_10: bool,
    /// LBPRZ: unmapped blocks read as zeros.
    pub lbprz: bool,
    /// ANC_SUP: blocks can be anchored.
    pub anchor: bool,
    /// PROVISIONING TYPE.
    pub provisioning: ProvisioningType,
}

impl LogicalBlockProvisioning {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        let flag = |set, bit| if set { bit } else { 0 };
        write_page(peripheral, page::LOGICAL_BLOCK_PROVISIONING, out, |out| {
            out.u8(self.threshold_exponent);
            out.u8(flag(self.unmap, 0x80)
                | flag(self.write_same_16, 0x40)
                | flag(self.write_same_10, 0x20)
                | flag(self.lbprz, 0x04)
                | flag(self.anchor, 0x02));
            // CAST: the enum is `repr(u8)`.
            out.u8(self.provisioning as u8);
            // THRESHOLD PERCENTAGE.
            out.u8(0);
        });
    }
}

/// Block Limits Extension VPD page (B7h) (SBC-4): there are neither streams (RSCS) nor writes to
/// scattered ranges, so there is nothing to limit.
#[derive(Clone, Copy, Debug)]
pub struct BlockLimitsExtension;

impl BlockLimitsExtension {
    /// Writes the page.
    pub fn write(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        write_page(peripheral, page::BLOCK_LIMITS_EXTENSION, out, |out| {
            out.zeros(60);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        designator::{
            Association,
            ProtocolId, //
        },
        inquiry::DeviceType,
    };
    use std::vec::Vec;

    const DISK: Peripheral = Peripheral::connected(DeviceType::Block);

    fn written(write: impl FnOnce(&mut Sink<'_>)) -> Vec<u8> {
        let mut out = [0xee; 256];
        let mut sink = Sink::new(&mut out);
        write(&mut sink);
        sink.as_bytes().to_vec()
    }

    /// The bytes `head` and zeros up to `len`.
    fn padded(head: &[u8], len: usize) -> Vec<u8> {
        let mut bytes = head.to_vec();
        bytes.resize(len, 0);
        bytes
    }

    #[test]
    fn supported_pages_are_listed() {
        let pages = [0x00, 0x80, 0x83, 0xb0];
        let bytes = written(|out| SupportedPages { pages: &pages }.write(DISK, out));
        assert_eq!(bytes, [0, 0x00, 0, 4, 0x00, 0x80, 0x83, 0xb0]);
    }

    #[test]
    fn a_serial_number_is_text_or_four_spaces() {
        let bytes = written(|out| UnitSerialNumber { serial: "0001" }.write(DISK, out));
        assert_eq!(&bytes, b"\0\x80\0\x040001");
        let bytes = written(|out| UnitSerialNumber { serial: "" }.write(DISK, out));
        assert_eq!(&bytes, b"\0\x80\0\x04    ");
    }

    #[test]
    fn management_addresses_are_padded() {
        let bytes = written(|out| {
            ManagementAddresses {
                urls: " abc  abcd ",
            }
            .write(DISK, out)
        });
        assert_eq!(
            &bytes,
            b"\0\x85\0\x14\x01\0\0\x04abc\0\x01\0\0\x08abcd\0\0\0\0"
        );
        let bytes = written(|out| ManagementAddresses { urls: "" }.write(DISK, out));
        assert_eq!(bytes, [0, 0x85, 0, 0]);
    }

    #[test]
    fn names_follow_one_another() {
        let port = Association::TargetPort(Some(ProtocolId::Iscsi));
        let page = DeviceIdentification {
            designators: &[
                Designator::Naa16(Association::LogicalUnit, [0x60; 16]),
                Designator::ScsiName(port, "iqn"),
            ],
        };
        let bytes = written(|out| page.write(DISK, out));
        assert_eq!(bytes.len(), 32);
        assert_eq!(bytes[..8], [0, 0x83, 0, 28, 0x01, 0x03, 0, 16]);
        assert_eq!(&bytes[24..], b"\x53\x98\0\x04iqn\0");
    }

    #[test]
    fn ports_follow_one_another() {
        let bytes = written(|out| {
            let mut ports = ScsiPorts::new(DISK, out);
            ports.port(2, |out| {
                let port = Association::TargetPort(Some(ProtocolId::Iscsi));
                Designator::ScsiName(port, "iqn").write(out);
            });
            ports.port(0x0103, |_| ());
            ports.finish();
        });
        let first = b"\0\0\0\x02\0\0\0\0\0\0\0\x08\x53\x98\0\x04iqn\0";
        let second = b"\0\0\x01\x03\0\0\0\0\0\0\0\0";
        assert_eq!(bytes[..4], [0, 0x88, 0, 32]);
        assert_eq!(&bytes[4..24], first);
        assert_eq!(&bytes[24..], second);
    }

    #[test]
    fn a_page_of_ports_ends_where_its_length_does() {
        let mut measure = Sink::new(&mut []);
        let mut ports = ScsiPorts::new(DISK, &mut measure);
        for port in 0..7000 {
            ports.port(port, |_| ());
        }
        ports.finish();
        assert_eq!(measure.len(), 4 + 65535 / 12 * 12);
    }

    #[test]
    fn there_is_nothing_that_the_extension_limits() {
        let bytes = written(|out| BlockLimitsExtension.write(DISK, out));
        assert_eq!(bytes, padded(&[0, 0xb7, 0, 60], 64));
    }

    #[test]
    fn mode_pages_are_shared() {
        let mut out = [0xee; 16];
        let mut sink = Sink::new(&mut out);
        ModePagePolicy.write(Peripheral::connected(DeviceType::Block), &mut sink);
        assert_eq!(sink.as_bytes(), [0, 0x87, 0, 4, 0x3f, 0xff, 0, 0]);
    }

    #[test]
    fn extended_inquiry_data_is_64_bytes() {
        let page = ExtendedInquiry {
            head_of_queue: true,
            ordered: true,
            simple: true,
            volatile_cache: true,
            luiclr: true,
            max_sense: 64,
        };
        let bytes = written(|out| page.write(DISK, out));
        let mut expected = padded(&[0, 0x86, 0, 60, 0, 0x07, 0x01, 0x01], 64);
        expected[13] = 64;
        assert_eq!(bytes, expected);
    }

    #[test]
    fn block_limits_are_where_sbc_has_them() {
        let page = BlockLimits {
            wsnz: true,
            max_compare_and_write: 0x02,
            granularity: 0x0304,
            max_transfer: 0x0506_0708,
            optimal_transfer: 0x090a_0b0c,
            max_prefetch: 0x0d0e_0f10,
            max_unmap_blocks: 0x1112_1314,
            max_unmap_descriptors: 0x1516_1718,
            unmap_granularity: 0x191a_1b1c,
            unmap_alignment: Some(0x1d1e_1f20),
            max_write_same: 0x2122_2324_2526_2728,
            max_atomic_transfer: 0x292a_2b2c,
            atomic_alignment: 0x2d2e_2f30,
            atomic_granularity: 0x3132_3334,
        };
        let bytes = written(|out| page.write(DISK, out));
        let mut expected: Vec<u8> = (0..=0x34).collect();
        expected.splice(..1, [0, 0xb0, 0, 60]);
        expected.resize(64, 0);
        // UGAVALID.
        expected[32] |= 0x80;
        assert_eq!(bytes, expected);
        let bytes = written(|out| BlockLimits::default().write(DISK, out));
        assert_eq!(bytes, padded(&[0, 0xb0, 0, 60], 64));
    }

    #[test]
    fn block_characteristics_tell_the_rotation() {
        let bytes = |rotation, fuab| {
            written(|out| {
                BlockCharacteristics {
                    rotation,
                    block_erase: fuab,
                    verifies_unmapped: false,
                    fuab,
                }
                .write(DISK, out)
            })
        };
        assert_eq!(
            bytes(RotationRate::NonRotating, true),
            padded(&[0, 0xb1, 0, 60, 0, 1, 0, 0x40, 0x02], 64)
        );
        assert_eq!(
            bytes(RotationRate::Rpm(7200), false),
            padded(&[0, 0xb1, 0, 60, 0x1c, 0x20], 64)
        );
        assert_eq!(
            bytes(RotationRate::NotReported, false),
            padded(&[0, 0xb1, 0, 60], 64)
        );
    }

    #[test]
    fn provisioning_tells_how_to_unmap() {
        let thin = LogicalBlockProvisioning {
            threshold_exponent: 11,
            unmap: true,
            write_same_16: true,
            write_same_10: true,
            lbprz: true,
            anchor: true,
            provisioning: ProvisioningType::Thin,
        };
        let bytes = written(|out| thin.write(DISK, out));
        assert_eq!(bytes, [0, 0xb2, 0, 4, 11, 0xe6, 0x02, 0]);
        let bytes = written(|out| LogicalBlockProvisioning::default().write(DISK, out));
        assert_eq!(bytes, [0, 0xb2, 0, 4, 0, 0, 0, 0]);
    }
}
