// SPDX-License-Identifier: GPL-2.0

//! RECEIVE COPY RESULTS and the Third-party Copy VPD page: what the copy manager tells.

use super::{
    record::{
        Ending,
        Record, //
    },
    DESCRIPTOR_TYPES,
    HELD_DATA_LIMIT,
    MAX_CONCURRENT,
    MAX_CSCDS,
    MAX_DESCRIPTORS_LEN,
    MAX_INLINE_LEN,
    MAX_SEGMENTS,
    MAX_TOTAL, //
};
use crate::{
    cdb::opcode,
    inquiry::Peripheral,
    sense::{
        SenseFormat,
        SENSE_LEN, //
    },
    sink::Sink,
    status::Status,
    vpd::page,
};

/// What RECEIVE COPY RESULTS asks for: SERVICE ACTION (SPC-4, Third-party copy commands).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Results {
    /// COPY STATUS: how far a copy is.
    Status = 0x00,
    /// RECEIVE DATA: the data that a copy holds.
    Data = 0x01,
    /// OPERATING PARAMETERS: what the copy manager can do.
    Parameters = 0x03,
    /// FAILED SEGMENT DETAILS: how a copy failed.
    Details = 0x04,
}

impl Results {
    /// The value of the SERVICE ACTION field.
    pub const fn code(self) -> u8 {
        // CAST: the enum is `repr(u8)`.
        self as u8
    }

    /// The longest parameter data, in bytes.
    pub const fn max_len(self) -> u32 {
        match self {
            Self::Status => 12,
            Self::Data => HELD_DATA_LIMIT.saturating_add(4),
            // CAST: the list is short.
            Self::Parameters => 44u32.saturating_add(DESCRIPTOR_TYPES.len() as u32),
            // CAST: 64.
            Self::Details => 60u32.saturating_add(SENSE_LEN as u32),
        }
    }
}

/// The fields of RECEIVE COPY RESULTS (SPC-3, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveCopyResults {
    /// SERVICE ACTION.
    pub what: Results,
    /// LIST IDENTIFIER.
    pub list_id: u8,
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

impl Record {
    /// Writes the parameter data of COPY STATUS (SPC-3, COPY STATUS service action).
    pub fn write_status(&self, out: &mut Sink<'_>) {
        const HELD_DATA_DISCARDED: u8 = 0x80;
        const IN_PROGRESS: u8 = 0x00;
        const DONE: u8 = 0x01;
        const DONE_WITH_ERRORS: u8 = 0x02;

        let status = match self.ending {
            None => IN_PROGRESS,
            Some(Ending {
                status: Status::Good,
                ..
            }) => DONE,
            Some(_) => DONE_WITH_ERRORS,
        };
        let discarded = if self.discarded {
            HELD_DATA_DISCARDED
        } else {
            0
        };
        let (units, count) = in_units(self.written);
        out.u32(8);
        out.u8(discarded | status);
        out.u16(self.segments);
        out.u8(units);
        out.u32(count);
    }
}

/// TRANSFER COUNT UNITS and TRANSFER COUNT: in the smallest unit of which the field can count so many,
/// of bytes, 2^10 bytes and so on.
fn in_units(bytes: u64) -> (u8, u32) {
    for units in 0..7u8 {
        let shift = u32::from(units).saturating_mul(10);
        if let Ok(count) = u32::try_from(bytes.wrapping_shr(shift)) {
            return (units, count);
        }
    }
    (0, u32::MAX)
}

impl Ending {
    /// Writes the parameter data of FAILED SEGMENT DETAILS (SPC-3, the service action of this name);
    /// none when there is nothing to tell.
    pub fn write_details(ending: Option<&Self>, format: SenseFormat, out: &mut Sink<'_>) {
        const RESERVED: usize = 52;

        let length = out.len();
        // AVAILABLE DATA, see below.
        out.u32(0);
        let Some(ending) = ending else {
            return;
        };
        let start = out.len();
        out.zeros(RESERVED);
        out.u8(ending.status.code());
        out.u8(0);
        let mut bytes = [0; SENSE_LEN];
        let len = ending
            .sense
            .map_or(0, |sense| sense.encode(format, &mut bytes));
        out.counted_u16(|out| out.bytes(bytes.get(..len).unwrap_or_default()));
        let available = u32::try_from(out.since(start)).unwrap_or(u32::MAX);
        out.patch_u32(length, available);
    }
}

/// Writes the parameter data of RECEIVE DATA (SPC-3, RECEIVE DATA service action).
pub fn write_held(held: &[u8], out: &mut Sink<'_>) {
    out.u32(u32::try_from(held.len()).unwrap_or(u32::MAX));
    out.bytes(held);
}

/// What the copy manager can do.
#[derive(Clone, Copy, Debug)]
pub struct OperatingParameters;

impl OperatingParameters {
    /// Granularities of data segments, inline data and held data as powers of two: any number of bytes.
    const GRANULARITY: u8 = 0;

    /// MAXIMUM SEGMENT LENGTH: the copy manager has no limit of its own.
    const MAX_SEGMENT_LEN: u32 = 0;

    /// Writes the parameter data of OPERATING PARAMETERS (SPC-3, the service action of this name).
    pub fn write(&self, out: &mut Sink<'_>) {
        const SNLID: u8 = 0x01;

        let length = out.len();
        // AVAILABLE DATA, see below.
        out.u32(0);
        let start = out.len();
        out.u8(SNLID);
        out.zeros(3);
        out.u16(MAX_CSCDS);
        out.u16(MAX_SEGMENTS);
        out.u32(MAX_DESCRIPTORS_LEN);
        out.u32(Self::MAX_SEGMENT_LEN);
        out.u32(MAX_INLINE_LEN);
        out.u32(HELD_DATA_LIMIT);
        // MAXIMUM STREAM DEVICE TRANSFER SIZE, reserved.
        out.zeros(6);
        out.u16(MAX_TOTAL);
        out.u8(MAX_CONCURRENT);
        out.bytes(&[Self::GRANULARITY; 3]);
        out.zeros(3);
        out.u8(u8::try_from(DESCRIPTOR_TYPES.len()).unwrap_or(u8::MAX));
        out.bytes(DESCRIPTOR_TYPES);
        let available = u32::try_from(out.since(start)).unwrap_or(u32::MAX);
        out.patch_u32(length, available);
    }

    /// Writes the Third-party Copy VPD page (8Fh) (SPC-4, the page of this name).
    pub fn write_page(&self, peripheral: Peripheral, out: &mut Sink<'_>) {
        const SUPPORTED_COMMANDS: u16 = 0x0001;
        const PARAMETER_DATA: u16 = 0x0004;
        const SUPPORTED_DESCRIPTORS: u16 = 0x0008;
        const GENERAL_COPY_OPERATIONS: u16 = 0x8001;
        const HELD_DATA: u16 = 0xc001;

        out.u8(peripheral.code());
        out.u8(page::THIRD_PARTY_COPY);
        out.counted_u16(|out| {
            descriptor(SUPPORTED_COMMANDS, out, |out| {
                counted_u8(out, |out| {
                    for (code, actions) in COMMANDS {
                        out.u8(*code);
                        counted_u8(out, |out| out.bytes(actions));
                    }
                });
            });
            descriptor(PARAMETER_DATA, out, |out| {
                out.zeros(4);
                out.u16(MAX_CSCDS);
                out.u16(MAX_SEGMENTS);
                out.u32(MAX_DESCRIPTORS_LEN);
                out.u32(MAX_INLINE_LEN);
                out.zeros(12);
            });
            descriptor(SUPPORTED_DESCRIPTORS, out, |out| {
                counted_u8(out, |out| out.bytes(DESCRIPTOR_TYPES));
            });
            descriptor(GENERAL_COPY_OPERATIONS, out, |out| {
                out.u32(MAX_TOTAL.into());
                // MAXIMUM IDENTIFIED CONCURRENT COPIES.
                out.u32(MAX_CONCURRENT.into());
                out.u32(Self::MAX_SEGMENT_LEN);
                out.bytes(&[Self::GRANULARITY; 2]);
                out.zeros(18);
            });
            descriptor(HELD_DATA, out, |out| {
                out.u32(HELD_DATA_LIMIT);
                out.u8(Self::GRANULARITY);
                out.zeros(23);
            });
        });
    }
}

/// The commands of third-party copy, and their service actions.
const COMMANDS: &[(u8, &[u8])] = &[
    (
        opcode::EXTENDED_COPY,
        &[opcode::EXTENDED_COPY_LID1, opcode::COPY_ABORT],
    ),
    (
        opcode::RECEIVE_COPY_RESULTS,
        &[
            Results::Status.code(),
            Results::Data.code(),
            Results::Parameters.code(),
            Results::Details.code(),
        ],
    ),
];

/// A third-party copy descriptor, whose length is a multiple of four.
fn descriptor(kind: u16, out: &mut Sink<'_>, body: impl FnOnce(&mut Sink<'_>)) {
    out.u16(kind);
    out.counted_u16(|out| {
        let start = out.len();
        body(out);
        let len = out.since(start);
        out.zeros(len.next_multiple_of(4).saturating_sub(len));
    });
}

/// The length of what `body` writes, in one byte, and then that.
fn counted_u8(out: &mut Sink<'_>, body: impl FnOnce(&mut Sink<'_>)) {
    let length = out.len();
    out.u8(0);
    let start = out.len();
    body(out);
    let written = u8::try_from(out.since(start)).unwrap_or(u8::MAX);
    out.patch_u8(length, written);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        copy::Records,
        inquiry::DeviceType,
        sense::{
            AdditionalSense,
            Sense, //
        },
    };
    use std::vec::Vec;

    fn written(write: impl FnOnce(&mut Sink<'_>)) -> Vec<u8> {
        let mut out = [0xee; 256];
        let mut sink = Sink::new(&mut out);
        write(&mut sink);
        sink.as_bytes().to_vec()
    }

    #[test]
    fn the_status_of_a_copy_is_twelve_bytes() {
        let mut memory = [None; Records::ROOM];
        let mut records = Records::new(&mut memory);
        let place = records.begin(1, Some(1)).unwrap();
        let record = records.in_progress(place).unwrap();
        record.segments = 0x0203;
        record.written = 0x0405_0607;
        let mut record = *record;
        assert_eq!(
            written(|out| record.write_status(out)),
            [0, 0, 0, 8, 0, 2, 3, 0, 4, 5, 6, 7]
        );
        record.written = 3 << 40;
        record.discarded = true;
        record.ending = Some(Ending {
            status: Status::Good,
            sense: None,
        });
        assert_eq!(
            written(|out| record.write_status(out)),
            [0, 0, 0, 8, 0x81, 2, 3, 1, 0xc0, 0, 0, 0]
        );
        assert_eq!(in_units(u64::MAX), (4, (1 << 24) - 1));
    }

    #[test]
    fn details_tell_status_and_sense_data() {
        let code = AdditionalSense::UNREACHABLE_COPY_TARGET;
        let ending = Ending {
            status: Status::CheckCondition,
            sense: Some(Sense::copy_aborted(code, 0)),
        };
        let bytes = written(|out| Ending::write_details(Some(&ending), SenseFormat::Fixed, out));
        assert_eq!(bytes.len(), 60 + 18);
        assert_eq!(bytes[..4], (bytes.len() as u32 - 4).to_be_bytes());
        assert_eq!(bytes[56..64], [0x02, 0, 0, 18, 0x70, 0, 0x0a, 0]);
        let bytes = written(|out| Ending::write_details(None, SenseFormat::Fixed, out));
        assert_eq!(bytes, [0; 4]);
    }

    #[test]
    fn held_data_has_its_length_before_it() {
        assert_eq!(written(|out| write_held(&[7, 8], out)), [0, 0, 0, 2, 7, 8]);
    }

    #[test]
    fn parameters_are_where_spc_has_them() {
        let bytes = written(|out| OperatingParameters.write(out));
        assert_eq!(bytes.len(), Results::Parameters.max_len() as usize);
        assert_eq!(bytes[..4], (bytes.len() as u32 - 4).to_be_bytes());
        assert_eq!(bytes[4..12], [1, 0, 0, 0, 0, 16, 0, 64]);
        assert_eq!(bytes[12..16], MAX_DESCRIPTORS_LEN.to_be_bytes());
        assert_eq!(bytes[20..24], MAX_INLINE_LEN.to_be_bytes());
        assert_eq!(bytes[34..40], [0, 64, 8, 0, 0, 0]);
        assert_eq!(bytes[43..], [3, 0x02, 0x0d, 0xe4]);
        assert!(DESCRIPTOR_TYPES.is_sorted());
    }

    #[test]
    fn the_page_is_a_list_of_descriptors() {
        let disk = Peripheral::connected(DeviceType::Block);
        let bytes = written(|out| OperatingParameters.write_page(disk, out));
        assert_eq!(bytes[..2], [0, 0x8f]);
        let len = u16::from_be_bytes([bytes[2], bytes[3]]) as usize;
        assert_eq!(len, bytes.len() - 4);
        let mut rest = &bytes[4..];
        let mut kinds = Vec::new();
        while let [k1, k0, l1, l0, more @ ..] = rest {
            let len = u16::from_be_bytes([*l1, *l0]) as usize;
            assert_eq!(len % 4, 0);
            kinds.push((u16::from_be_bytes([*k1, *k0]), len));
            rest = &more[len..];
        }
        assert!(rest.is_empty());
        assert_eq!(
            kinds,
            [
                (0x0001, 12),
                (0x0004, 28),
                (0x0008, 4),
                (0x8001, 32),
                (0xc001, 28)
            ]
        );
        assert_eq!(
            bytes[4..20],
            [0, 1, 0, 12, 10, 0x83, 2, 0x00, 0x1c, 0x84, 4, 0, 1, 3, 4, 0]
        );
    }
}
