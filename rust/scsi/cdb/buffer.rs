// SPDX-License-Identifier: GPL-2.0

//! READ BUFFER and WRITE BUFFER.

use super::Command;
use crate::{
    buffer::{
        DataBuffer,
        ReadBuffer,
        ReadMode,
        WriteBuffer,
        WriteMode,
        CAPACITY,
        ECHO_CAPACITY, //
    },
    opcodes::Cdb,
    sense::Sense,
};

/// MODE, in byte 1.
const MODE: u8 = 0x1f;

const HEADER_AND_DATA: u8 = 0x00;
const DATA: u8 = 0x02;
const DESCRIPTOR: u8 = 0x03;
const ECHO: u8 = 0x0a;
const ECHO_DESCRIPTOR: u8 = 0x0b;

/// A mode that there isn't: microcode, error history, vendor specific ones.
const UNKNOWN_MODE: Sense = Sense::invalid_cdb_field(1, Some(4));

/// Which bytes of which buffer, with the places of the two in the CDB.
struct Place {
    id: u8,
    id_at: u16,
    offset: u64,
    offset_at: u16,
}

impl Place {
    /// The place in the data buffer, the only one that there is. With a header it is all of it.
    fn in_data(&self, header: bool) -> Result<DataBuffer, Sense> {
        let offset = u32::try_from(self.offset).ok();
        let is_there = |offset: &u32| *offset < CAPACITY && (!header || *offset == 0);
        if self.id != 0 {
            return Err(Sense::invalid_cdb_field(self.id_at, None));
        }
        Ok(DataBuffer {
            header,
            offset: offset
                .filter(is_there)
                .ok_or(Sense::invalid_cdb_field(self.offset_at, None))?,
        })
    }

    /// The ten-byte layout, and its third field: a length.
    fn of_10(cdb: &Cdb) -> (Self, u32) {
        let [_, _, id, o2, o1, o0, l2, l1, l0, ..] = *cdb;
        let place = Self {
            id,
            id_at: 2,
            offset: u32::from_be_bytes([0, o2, o1, o0]).into(),
            offset_at: 3,
        };
        (place, u32::from_be_bytes([0, l2, l1, l0]))
    }
}

fn read_buffer(mode: u8, place: &Place, allocation: u32) -> Result<Command, Sense> {
    let mode = match mode & MODE {
        HEADER_AND_DATA => ReadMode::Data(place.in_data(true)?),
        DATA => ReadMode::Data(place.in_data(false)?),
        DESCRIPTOR => ReadMode::Descriptor { id: place.id },
        ECHO => ReadMode::Echo,
        ECHO_DESCRIPTOR => ReadMode::EchoDescriptor,
        _ => return Err(UNKNOWN_MODE),
    };
    Ok(Command::ReadBuffer(ReadBuffer { mode, allocation }))
}

pub(super) fn read_buffer_10(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, mode, ..] = *cdb;
    let (place, allocation) = Place::of_10(cdb);
    read_buffer(mode, &place, allocation)
}

pub(super) fn read_buffer_16(cdb: &Cdb) -> Result<Command, Sense> {
    let [_, mode, o7, o6, o5, o4, o3, o2, o1, o0, a3, a2, a1, a0, id, _] = *cdb;
    let place = Place {
        id,
        id_at: 14,
        offset: u64::from_be_bytes([o7, o6, o5, o4, o3, o2, o1, o0]),
        offset_at: 2,
    };
    read_buffer(mode, &place, u32::from_be_bytes([a3, a2, a1, a0]))
}

pub(super) fn write_buffer(cdb: &Cdb) -> Result<Command, Sense> {
    const LENGTH: u16 = 6;

    let [_, mode, ..] = *cdb;
    let (place, list_len) = Place::of_10(cdb);
    let (mode, room) = match mode & MODE {
        HEADER_AND_DATA => {
            let buffer = place.in_data(true)?;
            (WriteMode::Data(buffer), buffer.len())
        }
        DATA => {
            let buffer = place.in_data(false)?;
            (WriteMode::Data(buffer), buffer.len())
        }
        ECHO => (WriteMode::Echo, ECHO_CAPACITY.into()),
        _ => return Err(UNKNOWN_MODE),
    };
    if list_len > room {
        return Err(Sense::invalid_cdb_field(LENGTH, None));
    }
    Ok(Command::WriteBuffer(WriteBuffer { mode, list_len }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::parse;

    fn field<T>(byte: u16, bit: Option<u8>) -> Result<T, Sense> {
        Err(Sense::invalid_cdb_field(byte, bit))
    }

    fn data(header: bool, offset: u32) -> DataBuffer {
        DataBuffer { header, offset }
    }

    #[test]
    fn what_to_read_is_a_mode() {
        let read = |mode, id, offset: [u8; 3]| {
            let [o2, o1, o0] = offset;
            match parse(&[0x3c, mode, id, o2, o1, o0, 1, 2, 3, 0]) {
                Ok(Command::ReadBuffer(read)) => {
                    assert_eq!(read.allocation, 0x01_0203);
                    Ok(read.mode)
                }
                Ok(other) => panic!("{other:?}"),
                Err(sense) => Err(sense),
            }
        };
        assert_eq!(read(0x00, 0, [0, 0, 0]), Ok(ReadMode::Data(data(true, 0))));
        assert_eq!(read(0x00, 0, [0, 0, 1]), field(3, None));
        assert_eq!(
            read(0x02, 0, [0, 0xff, 0xff]),
            Ok(ReadMode::Data(data(false, 65535)))
        );
        assert_eq!(read(0x02, 0, [1, 0, 0]), field(3, None));
        assert_eq!(read(0x02, 1, [0, 0, 0]), field(2, None));
        assert_eq!(read(0x03, 9, [0, 0, 0]), Ok(ReadMode::Descriptor { id: 9 }));
        // BUFFER ID and BUFFER OFFSET are ignored.
        assert_eq!(read(0x0a, 9, [9, 9, 9]), Ok(ReadMode::Echo));
        assert_eq!(read(0x0b, 0, [0, 0, 0]), Ok(ReadMode::EchoDescriptor));
        // Vendor specific, expander protocol, error history; MODE SPECIFIC.
        for mode in [0x01, 0x04, 0x0f, 0x1a, 0x1c] {
            assert_eq!(read(mode, 0, [0, 0, 0]), field(1, Some(4)));
        }
        assert_eq!(read(0x22, 0, [0, 0, 0]), field(1, Some(5)));
    }

    #[test]
    fn sixteen_bytes_have_a_longer_offset() {
        let mut cdb = [0x9b, 2, 0, 0, 0, 0, 0, 0, 1, 2, 1, 2, 3, 4, 0, 0];
        let expected = ReadBuffer {
            mode: ReadMode::Data(data(false, 0x0102)),
            allocation: 0x0102_0304,
        };
        assert_eq!(parse(&cdb), Ok(Command::ReadBuffer(expected)));
        cdb[2] = 1;
        assert_eq!(parse(&cdb), field(2, None));
        cdb[14] = 1;
        assert_eq!(parse(&cdb), field(14, None));
    }

    #[test]
    fn what_is_written_fits() {
        let write = |mode, offset: [u8; 2], len: [u8; 3]| {
            let ([o1, o0], [l2, l1, l0]) = (offset, len);
            parse(&[0x3b, mode, 0, 0, o1, o0, l2, l1, l0, 0])
        };
        let written = |mode, list_len| Ok(Command::WriteBuffer(WriteBuffer { mode, list_len }));
        let from = |offset| WriteMode::Data(data(false, offset));
        assert_eq!(write(2, [0, 0], [1, 0, 0]), written(from(0), 65536));
        assert_eq!(write(2, [0, 1], [1, 0, 0]), field(6, None));
        assert_eq!(write(2, [0xff, 0xff], [0, 0, 1]), written(from(65535), 1));
        let whole = WriteMode::Data(data(true, 0));
        assert_eq!(write(0, [0, 0], [1, 0, 4]), written(whole, 65540));
        assert_eq!(write(0, [0, 0], [1, 0, 5]), field(6, None));
        assert_eq!(
            write(10, [0, 0], [0, 16, 0]),
            written(WriteMode::Echo, 4096)
        );
        assert_eq!(write(10, [0, 0], [0, 16, 1]), field(6, None));
        // Microcode, activation of it, and buffers that can only be read.
        for mode in [0x04, 0x05, 0x06, 0x07, 0x0d, 0x0e, 0x0f, 0x03, 0x0b] {
            assert_eq!(write(mode, [0, 0], [0, 0, 0]), field(1, Some(4)));
        }
    }
}
