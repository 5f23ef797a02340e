// SPDX-License-Identifier: GPL-2.0

//! The basic header segment: the 48 bytes every PDU starts with (RFC 7143 11.2.1).

use crate::{
    params::ConnectionParams,
    types::{Itt, Lun}, //
};

/// Length of the basic header segment.
pub const BHS_LEN: usize = 48;

/// The longest that all additional header segments of a PDU can be: 255 words.
pub const MAX_AHS_LEN: usize = 255 * 4;

/// The longest a data segment can say to be.
pub const MAX_DATA_SEGMENT_LEN: u32 = (1 << 24) - 1;

/// How many bytes fill a segment of `len` bytes up to a whole word (RFC 7143 11.1).
pub const fn padding(len: u32) -> u32 {
    len.wrapping_neg() & 3
}

/// What kind of PDU it is (RFC 7143 11.2.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Opcode {
    /// NOP-Out.
    NopOut = 0x00,
    /// SCSI Command.
    ScsiCommand = 0x01,
    /// SCSI Task Management Function Request.
    TaskManagement = 0x02,
    /// Login Request.
    Login = 0x03,
    /// Text Request.
    Text = 0x04,
    /// SCSI Data-Out.
    DataOut = 0x05,
    /// Logout Request.
    Logout = 0x06,
    /// SNACK Request.
    Snack = 0x10,
    /// NOP-In.
    NopIn = 0x20,
    /// SCSI Response.
    ScsiResponse = 0x21,
    /// SCSI Task Management Function Response.
    TmfResponse = 0x22,
    /// Login Response.
    LoginResponse = 0x23,
    /// Text Response.
    TextResponse = 0x24,
    /// SCSI Data-In.
    DataIn = 0x25,
    /// Logout Response.
    LogoutResponse = 0x26,
    /// Ready To Transfer.
    R2t = 0x31,
    /// Asynchronous Message.
    AsyncMessage = 0x32,
    /// Reject.
    Reject = 0x3f,
}

impl Opcode {
    /// The request that an initiator sends with this code.
    pub const fn request(code: u8) -> Option<Self> {
        Some(match code {
            0x00 => Self::NopOut,
            0x01 => Self::ScsiCommand,
            0x02 => Self::TaskManagement,
            0x03 => Self::Login,
            0x04 => Self::Text,
            0x05 => Self::DataOut,
            0x06 => Self::Logout,
            0x10 => Self::Snack,
            _ => return None,
        })
    }
}

/// A basic header segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bhs(pub [u8; BHS_LEN]);

impl Bhs {
    /// The code in the opcode field, without the immediate bit.
    pub const fn opcode(&self) -> u8 {
        self.0[0] & 0x3f
    }

    /// Whether the request is marked for immediate delivery (RFC 7143 11.2.1.1).
    pub const fn immediate(&self) -> bool {
        self.0[0] & 0x40 != 0
    }

    /// The second byte, whose highest bit is F (or T in a login) in every PDU.
    pub const fn flags(&self) -> u8 {
        self.0[1]
    }

    /// How many bytes of additional header segments follow.
    pub const fn ahs_len(&self) -> usize {
        (self.0[4] as usize).wrapping_mul(4)
    }

    /// How many bytes of data follow, without their padding.
    pub const fn data_len(&self) -> u32 {
        u32::from_be_bytes([0, self.0[5], self.0[6], self.0[7]])
    }

    /// What follows this header on a connection, received or sent.
    pub const fn layout(&self, params: &ConnectionParams) -> Layout {
        let data = self.data_len();
        Layout {
            ahs: self.ahs_len(),
            header_digest: params.header_digest.len(),
            data: data as usize,
            padding: padding(data) as usize,
            data_digest: match data {
                0 => 0,
                _ => params.data_digest.len(),
            },
        }
    }

    /// The logical unit, in requests that are for one.
    pub fn lun(&self) -> Lun {
        self.bytes_at::<8, 8>()
    }

    /// The initiator task tag.
    pub fn itt(&self) -> Itt {
        Itt(self.u32_at::<16>())
    }

    /// `N` bytes from offset `AT`; one that reaches past the header doesn't compile.
    pub(crate) fn bytes_at<const AT: usize, const N: usize>(&self) -> [u8; N] {
        const { assert!(AT + N <= BHS_LEN) };
        match self.0.get(AT..).and_then(|rest| rest.first_chunk()) {
            Some(bytes) => *bytes,
            None => [0; N],
        }
    }

    /// The 32-bit number at offset `AT`.
    pub(crate) fn u32_at<const AT: usize>(&self) -> u32 {
        u32::from_be_bytes(self.bytes_at::<AT, 4>())
    }

    /// The 16-bit number at offset `AT`.
    pub(crate) fn u16_at<const AT: usize>(&self) -> u16 {
        u16::from_be_bytes(self.bytes_at::<AT, 2>())
    }
}

/// The parts of a PDU after its basic header segment, in their order, by their lengths
/// (RFC 7143 11.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Additional header segments.
    pub ahs: usize,
    /// Digest of all header segments.
    pub header_digest: usize,
    /// Data segment.
    pub data: usize,
    /// What fills the data segment up to whole words.
    pub padding: usize,
    /// Digest of data and padding; without data there is none.
    pub data_digest: usize,
}

impl Layout {
    /// The length of everything after the basic header segment.
    pub const fn len(&self) -> usize {
        // A PDU is hardly longer than 16 MiB.
        let headers = self.ahs.wrapping_add(self.header_digest);
        let data = self.data.wrapping_add(self.padding);
        headers.wrapping_add(data).wrapping_add(self.data_digest)
    }

    /// Whether the PDU is a basic header segment and nothing else.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A header under construction.
pub(crate) struct Builder([u8; BHS_LEN]);

impl Builder {
    /// A header of zeros but for its opcode, its flags and the length of its data.
    ///
    /// A length that the 24-bit field can't hold is cut off at its maximum.
    pub(crate) fn new(opcode: Opcode, flags: u8, data_len: u32) -> Self {
        let [_, high, middle, low] = data_len.min(MAX_DATA_SEGMENT_LEN).to_be_bytes();
        Self([0; BHS_LEN])
            .put::<0, 2>([opcode as u8, flags])
            .put::<5, 3>([high, middle, low])
    }

    /// Writes `bytes` at offset `AT`; one that reaches past the header doesn't compile.
    pub(crate) fn put<const AT: usize, const N: usize>(mut self, bytes: [u8; N]) -> Self {
        const { assert!(AT + N <= BHS_LEN) };
        if let Some(room) = self.0.get_mut(AT..).and_then(|rest| rest.first_chunk_mut()) {
            *room = bytes;
        }
        self
    }

    /// Writes a 32-bit number at offset `AT`.
    pub(crate) fn put_u32<const AT: usize>(self, value: u32) -> Self {
        self.put::<AT, 4>(value.to_be_bytes())
    }

    /// The finished header.
    pub(crate) fn finish(self) -> [u8; BHS_LEN] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_fields_all_headers_have() {
        let mut bytes = [0; BHS_LEN];
        bytes[..8].copy_from_slice(&[0x43, 0x87, 0, 0, 3, 0x01, 0x02, 0x03]);
        bytes[16..20].copy_from_slice(&[0xde, 0xad, 0xbe, 0xef]);
        let bhs = Bhs(bytes);
        assert_eq!(bhs.opcode(), Opcode::Login as u8);
        assert!(bhs.immediate());
        assert_eq!(bhs.flags(), 0x87);
        assert_eq!(bhs.ahs_len(), 12);
        assert_eq!(bhs.data_len(), 0x010203);
        assert_eq!(bhs.itt(), Itt(0xdead_beef));
    }

    #[test]
    fn digests_follow_what_they_are_of() {
        let mut params = ConnectionParams::default();
        let mut bytes = [0; BHS_LEN];
        assert!(Bhs(bytes).layout(&params).is_empty());
        params.header_digest = crate::params::Digest::Crc32c;
        params.data_digest = crate::params::Digest::Crc32c;
        assert_eq!(Bhs(bytes).layout(&params).len(), 4);
        bytes[4..8].copy_from_slice(&[2, 0, 0x02, 0x01]);
        let layout = Bhs(bytes).layout(&params);
        let expected = Layout {
            ahs: 8,
            header_digest: 4,
            data: 513,
            padding: 3,
            data_digest: 4,
        };
        assert_eq!(layout, expected);
        assert_eq!(layout.len(), 532);
    }

    #[test]
    fn padding_fills_words() {
        let expected = [0, 3, 2, 1, 0];
        for (len, bytes) in expected.into_iter().enumerate() {
            assert_eq!(padding(len as u32), bytes);
        }
        assert_eq!(padding(u32::MAX), 1);
    }

    #[test]
    fn every_request_code_is_its_opcode() {
        for code in 0..=0x3f {
            if let Some(opcode) = Opcode::request(code) {
                assert_eq!(opcode as u8, code);
            }
        }
        assert_eq!(Opcode::request(0x20), None);
        assert_eq!(Opcode::request(0x1c), None);
    }
}
