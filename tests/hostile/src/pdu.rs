// SPDX-License-Identifier: GPL-2.0

//! PDUs as bytes, good ones and such that lie (RFC 7143 11).

/// Length of the basic header segment.
pub(crate) const HEADER: usize = 48;

/// The reserved tag.
pub(crate) const NO_TAG: u32 = 0xffff_ffff;

/// Codes of PDUs, without the immediate bit (RFC 7143 11.2.1.2).
pub(crate) mod opcode {
    pub(crate) const NOP_OUT: u8 = 0x00;
    pub(crate) const COMMAND: u8 = 0x01;
    pub(crate) const FUNCTION: u8 = 0x02;
    pub(crate) const LOGIN: u8 = 0x03;
    pub(crate) const TEXT: u8 = 0x04;
    pub(crate) const DATA_OUT: u8 = 0x05;
    pub(crate) const LOGOUT: u8 = 0x06;
    pub(crate) const SNACK: u8 = 0x10;
    pub(crate) const NOP_IN: u8 = 0x20;
    pub(crate) const RESPONSE: u8 = 0x21;
    pub(crate) const LOGIN_RESPONSE: u8 = 0x23;
    pub(crate) const DATA_IN: u8 = 0x25;
    pub(crate) const LOGOUT_RESPONSE: u8 = 0x26;
    pub(crate) const R2T: u8 = 0x31;
    pub(crate) const REJECT: u8 = 0x3f;
    /// All that an initiator can send.
    pub(crate) const REQUESTS: [u8; 8] = [
        NOP_OUT, COMMAND, FUNCTION, LOGIN, TEXT, DATA_OUT, LOGOUT, SNACK,
    ];
}

/// The bit of a request for immediate delivery.
pub(crate) const IMMEDIATE: u8 = 0x40;

/// Which segments have a digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digests {
    pub(crate) header: bool,
    pub(crate) data: bool,
}

/// A PDU. Its header says what the segments are, unless it was made to say something else.
#[derive(Clone, Debug)]
pub(crate) struct Pdu {
    pub(crate) header: [u8; HEADER],
    pub(crate) ahs: Vec<u8>,
    pub(crate) data: Vec<u8>,
}

impl Pdu {
    pub(crate) fn new(opcode: u8, flags: u8) -> Self {
        let mut header = [0; HEADER];
        header[0] = opcode;
        header[1] = flags;
        Self {
            header,
            ahs: Vec::new(),
            data: Vec::new(),
        }
    }

    /// Sets bytes of the header.
    pub(crate) fn with<const N: usize>(mut self, at: usize, bytes: [u8; N]) -> Self {
        self.header[at..at + N].copy_from_slice(&bytes);
        self
    }

    /// Sets a field of four bytes.
    pub(crate) fn word(self, at: usize, value: u32) -> Self {
        self.with(at, value.to_be_bytes())
    }

    /// Sets the LUN, by peripheral addressing.
    pub(crate) fn lun(self, lun: u8) -> Self {
        self.with(8, [0, lun])
    }

    /// Sets the Initiator Task Tag.
    pub(crate) fn tag(self, tag: u32) -> Self {
        self.word(16, tag)
    }

    /// Sets the data segment and its length.
    pub(crate) fn data(mut self, data: Vec<u8>) -> Self {
        let len = u32::try_from(data.len()).unwrap_or(u32::MAX);
        self.data = data;
        self.says(len)
    }

    /// Says that the data segment is so long, whatever it is.
    pub(crate) fn says(self, len: u32) -> Self {
        let [_, high, middle, low] = len.to_be_bytes();
        self.with(5, [high, middle, low])
    }

    /// Sets additional header segments, of whole words.
    pub(crate) fn ahs(mut self, ahs: Vec<u8>) -> Self {
        self.header[4] = u8::try_from(ahs.len() / 4).unwrap_or(u8::MAX);
        self.ahs = ahs;
        self
    }

    pub(crate) fn opcode(&self) -> u8 {
        self.header[0] & 0x3f
    }

    pub(crate) fn word_at(&self, at: usize) -> u32 {
        let bytes = self.header[at..].first_chunk();
        bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
    }

    /// The lengths of the additional header segments and of the data that the header tells of.
    pub(crate) fn lengths(header: &[u8; HEADER]) -> (usize, usize) {
        let data = u32::from_be_bytes([0, header[5], header[6], header[7]]);
        (
            usize::from(header[4]) * 4,
            usize::try_from(data).unwrap_or(0),
        )
    }

    /// As it goes over the wire.
    pub(crate) fn bytes(&self, digests: Digests) -> Vec<u8> {
        let mut bytes = self.header.to_vec();
        bytes.extend(&self.ahs);
        if digests.header {
            seal(&mut bytes, 0);
        }
        let start = bytes.len();
        bytes.extend(&self.data);
        bytes.resize(start + self.data.len().next_multiple_of(4), 0);
        if digests.data && !self.data.is_empty() {
            seal(&mut bytes, start);
        }
        bytes
    }
}

/// Appends the digest of what begins at `start`.
fn seal(bytes: &mut Vec<u8>, start: usize) {
    let digest = crc32c::crc32c(&bytes[start..]);
    bytes.extend(digest.to_le_bytes());
}
