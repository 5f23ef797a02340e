// SPDX-License-Identifier: GPL-2.0

//! TransportIDs: the names of initiator ports (SPC-5, TransportID identifiers).

use crate::{
    designator::ProtocolId,
    sink::Sink, //
};
use core::fmt;

/// The name of an initiator port, in the form of its transport protocol.
///
/// Two are equal when they name the same initiator port.
#[allow(
    clippy::large_enum_variant,
    reason = "a name is kept where there is no heap, and iSCSI's is the usual one"
)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TransportId {
    /// Fibre Channel: the N_Port_Name.
    FibreChannel([u8; 8]),
    /// Parallel SCSI, and buses local to the machine.
    ParallelScsi {
        /// SCSI ADDRESS.
        address: u16,
        /// RELATIVE TARGET PORT IDENTIFIER: of the target port by which the initiator is known.
        relative_port: u16,
    },
    /// SCSI RDMA protocol: the initiator port identifier.
    Srp([u8; 16]),
    /// iSCSI.
    Iscsi(IscsiPort),
    /// Serial attached SCSI: the SAS address.
    Sas([u8; 8]),
}

/// The name of an iSCSI initiator port: that of its node, and the ISID of the session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct IscsiPort {
    name: [u8; IscsiPort::NAME_MAX],
    /// At most [`IscsiPort::NAME_MAX`]; what lies beyond in `name` is zero.
    len: u8,
    isid: Option<[u8; 6]>,
}

/// Why bytes are no TransportID.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransportIdError {
    /// There are fewer bytes than the TransportID has.
    Short,
    /// The protocol is none that is known here.
    Protocol,
    /// The format code is none of the protocol's.
    Format,
    /// ADDITIONAL LENGTH of an iSCSI TransportID is less than 20, more than a name can need, or not
    /// a multiple of four.
    Length,
    /// The iSCSI name is empty, too long, has no end or is followed by something else than zeros,
    /// or the ISID is not `,i,0x` and twelve hexadecimal digits.
    Name,
}

/// Length of the TransportIDs of all protocols but iSCSI.
const FIXED_LEN: usize = 24;

/// Length of the header of an iSCSI TransportID.
const HEADER_LEN: usize = 4;

/// The least ADDITIONAL LENGTH of an iSCSI TransportID.
const ADDITIONAL_MIN: usize = 20;

/// Stands between name and ISID (RFC 7143, Consideration of iSCSI port names).
const SEPARATOR: &[u8] = b",i,0x";

/// Digits of an ISID.
const ISID_DIGITS: usize = 12;

impl TransportId {
    /// The most bytes that [`TransportId::write`] writes.
    pub const MAX_LEN: usize =
        (HEADER_LEN + IscsiPort::NAME_MAX + SEPARATOR.len() + ISID_DIGITS + 1).next_multiple_of(4);

    /// An iSCSI initiator port (format 01b), or with no ISID all of a node's (format 00b).
    ///
    /// Upper case letters of the name become lower case, as RFC 7143 compares names. `None` when
    /// the name is empty, too long, or has bytes that no iSCSI name has.
    pub fn iscsi(name: &str, isid: Option<[u8; 6]>) -> Option<Self> {
        IscsiPort::new(name.as_bytes(), isid).map(Self::Iscsi)
    }

    /// Whether both are ports of one initiator device, as far as their names tell: those of an iSCSI node
    /// differ in the ISID, of which it may make up any number.
    pub fn is_same_device(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Iscsi(one), Self::Iscsi(other)) => one.name() == other.name(),
            _ => self == other,
        }
    }

    /// The transport protocol.
    pub const fn protocol(&self) -> ProtocolId {
        match self {
            Self::FibreChannel(_) => ProtocolId::FibreChannel,
            Self::ParallelScsi { .. } => ProtocolId::ParallelScsi,
            Self::Srp(_) => ProtocolId::Srp,
            Self::Iscsi(_) => ProtocolId::Iscsi,
            Self::Sas(_) => ProtocolId::Sas,
        }
    }

    /// How many bytes [`TransportId::write`] writes; a multiple of four.
    pub fn encoded_len(&self) -> usize {
        match self {
            Self::Iscsi(port) => HEADER_LEN.saturating_add(port.padded_len()),
            _ => FIXED_LEN,
        }
    }

    /// Writes the TransportID.
    pub fn write(&self, out: &mut Sink<'_>) {
        let start = out.len();
        let protocol = self.protocol() as u8;
        match self {
            Self::FibreChannel(name) => {
                out.u8(protocol);
                out.zeros(7);
                out.bytes(name);
            }
            Self::ParallelScsi {
                address,
                relative_port,
            } => {
                out.u8(protocol);
                out.zeros(1);
                out.u16(*address);
                out.zeros(2);
                out.u16(*relative_port);
            }
            Self::Srp(identifier) => {
                out.u8(protocol);
                out.zeros(7);
                out.bytes(identifier);
            }
            Self::Sas(address) => {
                out.u8(protocol);
                out.zeros(3);
                out.bytes(address);
            }
            Self::Iscsi(port) => port.write(protocol, out),
        }
        out.zeros(self.encoded_len().saturating_sub(out.since(start)));
    }

    /// Reads the TransportID at the start of `bytes`; says how many bytes it has.
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), TransportIdError> {
        let first = *bytes.first().ok_or(TransportIdError::Short)?;
        let (format, protocol) = (first >> 6, first & 0x0f);
        if protocol == ProtocolId::Iscsi as u8 {
            return IscsiPort::parse(format, bytes).map(|(port, len)| (Self::Iscsi(port), len));
        }
        let read: fn(&[u8]) -> Option<Self> = match protocol {
            0x0 => |bytes| Some(Self::FibreChannel(field(bytes, 8)?)),
            0x1 => |bytes| {
                Some(Self::ParallelScsi {
                    address: u16::from_be_bytes(field(bytes, 2)?),
                    relative_port: u16::from_be_bytes(field(bytes, 6)?),
                })
            },
            0x4 => |bytes| Some(Self::Srp(field(bytes, 8)?)),
            0x6 => |bytes| Some(Self::Sas(field(bytes, 4)?)),
            _ => return Err(TransportIdError::Protocol),
        };
        if format != 0 {
            return Err(TransportIdError::Format);
        }
        let id = bytes.get(..FIXED_LEN).and_then(read);
        Ok((id.ok_or(TransportIdError::Short)?, FIXED_LEN))
    }
}

/// The `N` bytes at an offset.
fn field<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}

impl IscsiPort {
    /// The longest iSCSI name in bytes (RFC 7143, iSCSI name properties).
    pub const NAME_MAX: usize = 223;

    fn new(name: &[u8], isid: Option<[u8; 6]>) -> Option<Self> {
        let len = u8::try_from(name.len()).ok()?;
        let mut port = Self {
            name: [0; Self::NAME_MAX],
            len,
            isid,
        };
        let room = port.name.get_mut(..name.len())?;
        for (to, from) in room.iter_mut().zip(name) {
            // A comma would make the rest look like an ISID.
            if !from.is_ascii_graphic() && from.is_ascii() || *from == b',' {
                return None;
            }
            *to = from.to_ascii_lowercase();
        }
        (len > 0).then_some(port)
    }

    /// The name of the node.
    pub fn name(&self) -> &[u8] {
        self.name.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// The initiator part of the session identifier; `None` for all ports of the node.
    pub const fn isid(&self) -> Option<[u8; 6]> {
        self.isid
    }

    /// Length of the part after the header: the text, a zero, and zeros up to a multiple of four.
    fn padded_len(&self) -> usize {
        let suffix = match self.isid {
            Some(_) => SEPARATOR.len().saturating_add(ISID_DIGITS),
            None => 0,
        };
        usize::from(self.len)
            .saturating_add(suffix)
            .saturating_add(1)
            .max(ADDITIONAL_MIN)
            .next_multiple_of(4)
    }

    fn write(&self, protocol: u8, out: &mut Sink<'_>) {
        let format = u8::from(self.isid.is_some()) << 6;
        out.u8(format | protocol);
        out.zeros(1);
        // CAST: at most `TransportId::MAX_LEN`.
        out.u16(self.padded_len() as u16);
        out.bytes(self.name());
        let Some(isid) = self.isid else {
            return;
        };
        out.bytes(SEPARATOR);
        for byte in isid {
            out.u8(digit(byte >> 4));
            out.u8(digit(byte & 0x0f));
        }
    }

    fn parse(format: u8, bytes: &[u8]) -> Result<(Self, usize), TransportIdError> {
        let additional = field(bytes, 2).ok_or(TransportIdError::Short)?;
        let additional = usize::from(u16::from_be_bytes(additional));
        let longest = TransportId::MAX_LEN.saturating_sub(HEADER_LEN);
        if !(ADDITIONAL_MIN..=longest).contains(&additional) || additional % 4 != 0 {
            return Err(TransportIdError::Length);
        }
        let end = HEADER_LEN.saturating_add(additional);
        let text = bytes
            .get(HEADER_LEN..end)
            .ok_or(TransportIdError::Short)
            .and_then(|text| terminated(text).ok_or(TransportIdError::Name))?;
        let port = match format {
            0 => Self::new(text, None),
            1 => split(text).and_then(|(name, isid)| Self::new(name, Some(isid))),
            _ => return Err(TransportIdError::Format),
        };
        Ok((port.ok_or(TransportIdError::Name)?, end))
    }
}

/// What stands before the first zero; nothing but zeros may follow.
fn terminated(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|&byte| byte == 0)?;
    let (text, rest) = text.split_at_checked(end)?;
    rest.iter().all(|&byte| byte == 0).then_some(text)
}

/// Splits the name of an initiator port into that of its node and the ISID.
fn split(text: &[u8]) -> Option<(&[u8], [u8; 6])> {
    let suffix = SEPARATOR.len().saturating_add(ISID_DIGITS);
    let (name, suffix) = text.split_at_checked(text.len().checked_sub(suffix)?)?;
    let digits = suffix.strip_prefix(SEPARATOR)?;
    let mut isid = [0; 6];
    for (byte, pair) in isid.iter_mut().zip(digits.chunks(2)) {
        let [high, low] = *pair else {
            return None;
        };
        *byte = value(high)? << 4 | value(low)?;
    }
    Some((name, isid))
}

/// The hexadecimal digit of a value below 16.
pub(crate) const fn digit(value: u8) -> u8 {
    match value {
        0..=9 => b'0'.wrapping_add(value),
        _ => b'a'.wrapping_add(value.wrapping_sub(10)),
    }
}

/// The value of a hexadecimal digit.
fn value(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// As people write the port's name.
impl fmt::Display for TransportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| {
            bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        };
        match self {
            Self::FibreChannel(name) => hex(f, name),
            Self::ParallelScsi {
                address,
                relative_port,
            } => write!(f, "{address}:{relative_port}"),
            Self::Srp(identifier) => hex(f, identifier),
            Self::Sas(address) => hex(f, address),
            Self::Iscsi(port) => {
                f.write_str(core::str::from_utf8(port.name()).unwrap_or("?"))?;
                match &port.isid {
                    Some(isid) => {
                        f.write_str(",i,0x")?;
                        hex(f, isid)
                    }
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Debug for TransportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TransportId({:?} {self})", self.protocol())
    }
}

#[cfg(test)]
mod tests;
