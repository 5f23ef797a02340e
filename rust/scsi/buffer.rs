// SPDX-License-Identifier: GPL-2.0

//! The buffers that READ BUFFER and WRITE BUFFER move data through: to try out a transport and the
//! memory behind it.
//!
//! There is one data buffer for all, BUFFER ID zero, and an echo buffer for each I_T nexus, so that
//! nobody finds in his what others have written (EBOS). Microcode can't be loaded through them, and
//! there is no error history: those modes are refused.

use crate::sink::Sink;

/// The length of the data buffer in bytes.
pub const CAPACITY: u32 = 64 << 10;

/// The most bytes that an echo buffer holds: what thirteen bits can tell, rounded down.
pub const ECHO_CAPACITY: u16 = 4096;

/// The length of the header before combined data.
pub const HEADER_LEN: u32 = 4;

/// Bytes of the data buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataBuffer {
    /// Mode 00h: a header is before the data.
    pub header: bool,
    /// BUFFER OFFSET, less than [`CAPACITY`].
    pub offset: u32,
}

/// What READ BUFFER returns: MODE (SPC-5, READ BUFFER(10) command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadMode {
    /// 00h and 02h: what is in the data buffer.
    Data(DataBuffer),
    /// 03h: the descriptor of a buffer.
    Descriptor {
        /// BUFFER ID.
        id: u8,
    },
    /// 0Ah: what the nexus has in its echo buffer.
    Echo,
    /// 0Bh: the descriptor of the echo buffer.
    EchoDescriptor,
}

/// The fields of READ BUFFER (SPC-5, READ BUFFER(10) and READ BUFFER(16) commands).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadBuffer {
    /// What to return.
    pub mode: ReadMode,
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

/// What WRITE BUFFER writes to: MODE (SPC-5, WRITE BUFFER command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// 00h and 02h: the data buffer.
    Data(DataBuffer),
    /// 0Ah: the echo buffer of the nexus.
    Echo,
}

/// The fields of WRITE BUFFER (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteBuffer {
    /// What to write to.
    pub mode: WriteMode,
    /// PARAMETER LIST LENGTH; what it counts fits the buffer.
    pub list_len: u32,
}

impl DataBuffer {
    /// How many bytes there are from the offset on, and in the header.
    pub const fn len(&self) -> u32 {
        let header = if self.header { HEADER_LEN } else { 0 };
        CAPACITY.saturating_sub(self.offset).saturating_add(header)
    }

    /// Whether there is nothing to move.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl ReadBuffer {
    /// Writes the descriptor that is asked for; nothing for the other modes (SPC-5, Descriptor mode
    /// and Echo buffer descriptor mode).
    pub fn write_descriptor(&self, out: &mut Sink<'_>) {
        const EBOS: u8 = 0x01;

        match self.mode {
            // OFFSET BOUNDARY zero: any byte.
            ReadMode::Descriptor { id: 0 } => out.u32(CAPACITY),
            // There is no such buffer.
            ReadMode::Descriptor { .. } => out.u32(0),
            ReadMode::EchoDescriptor => {
                out.u8(EBOS);
                out.u8(0);
                out.u16(ECHO_CAPACITY);
            }
            ReadMode::Data(_) | ReadMode::Echo => {}
        }
    }
}

/// The header before combined data: BUFFER CAPACITY (SPC-5, Combined header and data mode).
pub const HEADER: [u8; HEADER_LEN as usize] = CAPACITY.to_be_bytes();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_tell_the_capacity() {
        let descriptor = |mode| {
            let mut out = [0xee; 8];
            let mut sink = Sink::new(&mut out);
            let allocation = 8;
            ReadBuffer { mode, allocation }.write_descriptor(&mut sink);
            sink.as_bytes().to_vec()
        };
        let of_buffer = |id| descriptor(ReadMode::Descriptor { id });
        assert_eq!(of_buffer(0), [0, 1, 0, 0]);
        assert_eq!(of_buffer(1), [0, 0, 0, 0]);
        assert_eq!(descriptor(ReadMode::EchoDescriptor), [1, 0, 0x10, 0]);
        assert!(descriptor(ReadMode::Echo).is_empty());
        assert_eq!(HEADER, [0, 1, 0, 0]);
    }

    #[test]
    fn a_buffer_ends() {
        let len = |header, offset| DataBuffer { header, offset }.len();
        assert_eq!(len(false, 0), 65536);
        assert_eq!(len(false, 65535), 1);
        assert_eq!(len(true, 0), 65540);
    }
}
