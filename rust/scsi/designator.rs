// SPDX-License-Identifier: GPL-2.0

//! Designators: how logical units, target ports and target devices are named to initiators.

use crate::{
    sink::Sink,
    transport_id::digit, //
};

/// The transport protocol that a designator belongs to: PROTOCOL IDENTIFIER (SPC-5, Protocol
/// identifier values).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProtocolId {
    /// Fibre Channel Protocol.
    FibreChannel = 0x0,
    /// Parallel SCSI.
    ParallelScsi = 0x1,
    /// SCSI RDMA Protocol.
    Srp = 0x4,
    /// iSCSI.
    Iscsi = 0x5,
    /// Serial attached SCSI.
    Sas = 0x6,
    /// No particular one.
    NoSpecific = 0xf,
}

/// What a designator names: ASSOCIATION (SPC-5, Device Identification VPD page), and for ports and
/// target devices the transport protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Association {
    /// 00b: the logical unit.
    LogicalUnit,
    /// 01b: the target port that received the request; a protocol where the designator depends on
    /// one.
    TargetPort(Option<ProtocolId>),
    /// 10b: the SCSI target device.
    TargetDevice(Option<ProtocolId>),
}

/// A name, in one of the forms of SPC-5, Designation descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Designator<'a> {
    /// NAA of eight bytes (NAA 2, 3 or 5), as Fibre Channel and SAS ports have them.
    Naa8(Association, [u8; 8]),
    /// NAA of sixteen bytes (NAA 6), as our logical units have them.
    Naa16(Association, [u8; 16]),
    /// T10 vendor ID based: the vendor, and text that is unique for it.
    T10Vendor {
        /// T10 VENDOR IDENTIFICATION: up to eight characters.
        vendor: &'a str,
        /// VENDOR SPECIFIC IDENTIFIER.
        specific: &'a str,
    },
    /// SCSI name string: an iqn, eui or naa name, and for an iSCSI port the `,t,0x` suffix.
    ScsiName(Association, &'a str),
    /// The name of an iSCSI target port as SCSI name string: that of its node and the tag of its
    /// portal group (RFC 7143, Consequences of the model).
    IscsiPort {
        /// The iSCSI name, of at most 223 bytes.
        node: &'a str,
        /// TARGET PORTAL GROUP TAG.
        tag: u16,
    },
    /// The relative port identifier of the target port.
    RelativeTargetPort(Option<ProtocolId>, u16),
    /// The target port group of the target port.
    TargetPortGroup(u16),
}

/// CODE SET.
const BINARY: u8 = 0x1;
const ASCII: u8 = 0x2;
const UTF_8: u8 = 0x3;

/// DESIGNATOR TYPE.
const T10_VENDOR: u8 = 0x1;
const NAA: u8 = 0x3;
const RELATIVE_TARGET_PORT: u8 = 0x4;
const TARGET_PORT_GROUP: u8 = 0x5;
const SCSI_NAME: u8 = 0x8;

impl Designator<'_> {
    /// The longest SCSI name string: with its terminating zero and padded to a multiple of four it
    /// fits DESIGNATOR LENGTH, one byte.
    pub const MAX_SCSI_NAME: usize = 251;

    /// The longest VENDOR SPECIFIC IDENTIFIER.
    pub const MAX_T10_SPECIFIC: usize = 247;

    /// Writes the designation descriptor.
    ///
    /// A text that is too long writes nothing: a name cut short would be another name.
    pub fn write(&self, out: &mut Sink<'_>) {
        match *self {
            Designator::Naa8(association, naa) => {
                header(out, BINARY, association, NAA, naa.len());
                out.bytes(&naa);
            }
            Designator::Naa16(association, naa) => {
                header(out, BINARY, association, NAA, naa.len());
                out.bytes(&naa);
            }
            Designator::T10Vendor { vendor, specific } => {
                if specific.len() <= Self::MAX_T10_SPECIFIC {
                    let len = specific.len().saturating_add(8);
                    header(out, ASCII, Association::LogicalUnit, T10_VENDOR, len);
                    out.ascii_padded(vendor, 8);
                    out.ascii_padded(specific, specific.len());
                }
            }
            Designator::ScsiName(association, name) => {
                write_name(association, &[name.as_bytes()], out);
            }
            Designator::IscsiPort { node, tag } => {
                let association = Association::TargetPort(Some(ProtocolId::Iscsi));
                let [high, low] = tag.to_be_bytes();
                let digits = [high >> 4, high & 0x0f, low >> 4, low & 0x0f].map(digit);
                write_name(association, &[node.as_bytes(), b",t,0x", &digits], out);
            }
            Designator::RelativeTargetPort(protocol, port) => {
                let association = Association::TargetPort(protocol);
                header(out, BINARY, association, RELATIVE_TARGET_PORT, 4);
                out.u16(0);
                out.u16(port);
            }
            Designator::TargetPortGroup(group) => {
                let association = Association::TargetPort(None);
                header(out, BINARY, association, TARGET_PORT_GROUP, 4);
                out.u16(0);
                out.u16(group);
            }
        }
    }
}

/// Writes a SCSI name string, which consists of these parts.
fn write_name(association: Association, parts: &[&[u8]], out: &mut Sink<'_>) {
    let len = parts
        .iter()
        .fold(0usize, |len, part| len.saturating_add(part.len()));
    if len <= Designator::MAX_SCSI_NAME {
        // At least one zero, then up to a multiple of four.
        let pad = 4usize.saturating_sub(len & 3);
        header(out, UTF_8, association, SCSI_NAME, len.saturating_add(pad));
        parts.iter().for_each(|part| out.bytes(part));
        out.zeros(pad);
    }
}

fn header(out: &mut Sink<'_>, code_set: u8, association: Association, kind: u8, len: usize) {
    const PIV: u8 = 0x80;

    let (association, protocol) = match association {
        Association::LogicalUnit => (0x00, None),
        Association::TargetPort(protocol) => (0x10, protocol),
        Association::TargetDevice(protocol) => (0x20, protocol),
    };
    // CAST: the enum is `repr(u8)`.
    let identifier = protocol.map_or(0, |protocol| (protocol as u8) << 4);
    let piv = protocol.map_or(0, |_| PIV);
    out.u8(identifier | code_set);
    out.u8(piv | association | kind);
    out.u8(0);
    // CAST: callers keep to 255.
    out.u8(len as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(designator: Designator<'_>) -> std::vec::Vec<u8> {
        let mut out = [0xee; 512];
        let mut sink = Sink::new(&mut out);
        designator.write(&mut sink);
        sink.as_bytes().to_vec()
    }

    #[test]
    fn a_logical_unit_has_a_binary_naa_name() {
        let naa = *b"\x60\x01\x44\xf0abcdefghijkl";
        let bytes = write(Designator::Naa16(Association::LogicalUnit, naa));
        assert_eq!(bytes[..4], [0x01, 0x03, 0x00, 0x10]);
        assert_eq!(bytes[4..], naa);
    }

    #[test]
    fn a_fibre_channel_port_has_a_short_naa_name() {
        let port = Association::TargetPort(Some(ProtocolId::FibreChannel));
        let bytes = write(Designator::Naa8(port, [0x50, 1, 2, 3, 4, 5, 6, 7]));
        assert_eq!(bytes, [0x01, 0x93, 0, 8, 0x50, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_scsi_name_ends_in_zeros_up_to_a_multiple_of_four() {
        let device = Association::TargetDevice(Some(ProtocolId::Iscsi));
        for (name, padded) in [
            ("iqn", &b"iqn\0"[..]),
            ("iqn.", b"iqn.\0\0\0\0"),
            ("iqn.a", b"iqn.a\0\0\0"),
        ] {
            let bytes = write(Designator::ScsiName(device, name));
            assert_eq!(bytes[..4], [0x53, 0xa8, 0x00, padded.len() as u8]);
            assert_eq!(&bytes[4..], padded);
        }
    }

    #[test]
    fn a_name_without_room_is_left_out() {
        let long = "x".repeat(Designator::MAX_SCSI_NAME + 1);
        assert!(write(Designator::ScsiName(Association::LogicalUnit, &long)).is_empty());
        let bytes = write(Designator::ScsiName(Association::LogicalUnit, &long[1..]));
        assert_eq!((bytes.len(), bytes[3]), (256, 252));
        let long = "x".repeat(Designator::MAX_T10_SPECIFIC + 1);
        let t10 = |specific| Designator::T10Vendor {
            vendor: "SUN",
            specific,
        };
        assert!(write(t10(&long)).is_empty());
        assert_eq!(write(t10(&long[1..]))[3], 255);
    }

    #[test]
    fn an_iscsi_port_is_a_node_and_a_tag() {
        let node = "iqn.2026-11.test:a";
        let bytes = write(Designator::IscsiPort { node, tag: 0x01af });
        assert_eq!(bytes[..4], [0x53, 0x98, 0, 28]);
        assert_eq!(&bytes[4..], b"iqn.2026-11.test:a,t,0x01af\0");
        let too_long = std::string::String::from_utf8(std::vec![b'a'; 243]).unwrap();
        let port = Designator::IscsiPort {
            node: &too_long,
            tag: 1,
        };
        assert!(write(port).is_empty());
    }

    #[test]
    fn vendor_text_is_ascii() {
        let bytes = write(Designator::T10Vendor {
            vendor: "SUN",
            specific: "disk 1",
        });
        assert_eq!(bytes[..4], [0x02, 0x01, 0, 14]);
        assert_eq!(&bytes[4..], b"SUN     disk 1");
    }

    #[test]
    fn port_numbers_are_four_bytes() {
        let iscsi = Some(ProtocolId::Iscsi);
        assert_eq!(
            write(Designator::RelativeTargetPort(iscsi, 0x0102)),
            [0x51, 0x94, 0, 4, 0, 0, 1, 2]
        );
        assert_eq!(
            write(Designator::TargetPortGroup(3)),
            [0x01, 0x15, 0, 4, 0, 0, 0, 3]
        );
    }
}
