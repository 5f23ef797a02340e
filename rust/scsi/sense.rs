// SPDX-License-Identifier: GPL-2.0

//! Sense data: what went wrong with a command, or what an initiator ought to know.

mod codes;

pub use codes::AdditionalSense;

use crate::{
    sink::Sink,
    status::Status, //
};

/// Room for the longest sense data that [`Sense::encode`] writes, and some to grow.
pub const SENSE_LEN: usize = 64;

/// The length of fixed format sense data (SPC-5, Fixed format sense data).
pub const FIXED_LEN: usize = 18;

/// The class of an error (SPC-5, Sense key and additional sense code definitions).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SenseKey {
    /// Nothing to report.
    NoSense = 0x0,
    /// Done, with some recovery on the way.
    RecoveredError = 0x1,
    /// The logical unit is not accessible.
    NotReady = 0x2,
    /// The medium or the data on it is bad.
    MediumError = 0x3,
    /// The device failed.
    HardwareError = 0x4,
    /// The command, its CDB or its parameter list is at fault.
    IllegalRequest = 0x5,
    /// Something has happened to the logical unit that the initiator has to know of.
    UnitAttention = 0x6,
    /// The medium is protected.
    DataProtect = 0x7,
    /// Blank or non-blank medium where the other was expected.
    BlankCheck = 0x8,
    /// Vendor specific.
    VendorSpecific = 0x9,
    /// EXTENDED COPY failed at its source or its destination.
    CopyAborted = 0xa,
    /// The device gave the command up; trying again may help.
    AbortedCommand = 0xb,
    /// A buffered device has run to the end of a partition.
    VolumeOverflow = 0xd,
    /// The data differ from those on the medium.
    Miscompare = 0xe,
    /// The answer to REQUEST SENSE about a completed operation.
    Completed = 0xf,
}

impl SenseKey {
    /// The value of the SENSE KEY field.
    pub const fn code(self) -> u8 {
        // CAST: the enum is `repr(u8)`.
        self as u8
    }
}

/// Where in the CDB or the parameter list the field at fault is (SPC-5, Field pointer sense
/// key specific information). With [`SenseKey::CopyAborted`] it is in the segment descriptor (SPC-5,
/// Segment pointer sense key specific information).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldPointer {
    /// The field is in the CDB; else in the parameter list.
    pub in_cdb: bool,
    /// The first byte of the field.
    pub byte: u16,
    /// The most significant bit of the field, when it is smaller than a byte: 0 to 7.
    pub bit: Option<u8>,
}

/// Which of the two devices of a segment descriptor failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CopySide {
    /// The copy source.
    Source,
    /// The copy destination.
    Destination,
}

/// How a device ended a command of the copy manager's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// Which device.
    pub side: CopySide,
    /// The status that it gave.
    pub status: Status,
    /// The sense data that came with CHECK CONDITION.
    pub sense: Option<(SenseKey, AdditionalSense)>,
}

/// Where an EXTENDED COPY failed (SPC-4, Errors detected during processing of segment descriptors).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyFault {
    /// The number of the segment descriptor, from zero.
    pub segment: u16,
    /// What a device had to say.
    pub forwarded: Option<Forwarded>,
}

/// How sense data is laid out, as D_SENSE of the control mode page and DESC of REQUEST SENSE
/// choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SenseFormat {
    /// Fixed format (SPC-5, Fixed format sense data).
    #[default]
    Fixed,
    /// Descriptor format (SPC-5, Descriptor format sense data).
    Descriptor,
}

/// The sense data of one error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sense {
    /// The class of the error.
    pub key: SenseKey,
    /// The error.
    pub code: AdditionalSense,
    /// The field at fault, for ILLEGAL REQUEST.
    pub pointer: Option<FieldPointer>,
    /// INFORMATION: for a block device the logical block address at fault, or for MISCOMPARE the
    /// offset of the first difference.
    pub information: Option<u64>,
    /// For COPY ABORTED, where.
    pub copy: Option<CopyFault>,
    /// PROGRESS INDICATION, in parts of 65,536, for NO SENSE and NOT READY (SPC-5, Progress
    /// indication sense key specific information). Not together with a pointer.
    pub progress: Option<u16>,
}

impl Sense {
    /// No error: what REQUEST SENSE returns when there is nothing to tell.
    pub const NONE: Sense = Sense::new(SenseKey::NoSense, AdditionalSense::NO_ADDITIONAL_SENSE);

    /// Sense data of a key and a code alone.
    pub const fn new(key: SenseKey, code: AdditionalSense) -> Sense {
        Sense {
            key,
            code,
            pointer: None,
            information: None,
            copy: None,
            progress: None,
        }
    }

    /// COPY ABORTED, by the segment descriptor of this number.
    pub const fn copy_aborted(code: AdditionalSense, segment: u16) -> Sense {
        let mut sense = Sense::new(SenseKey::CopyAborted, code);
        sense.copy = Some(CopyFault {
            segment,
            forwarded: None,
        });
        sense
    }

    /// COPY ABORTED, by a field of the segment descriptor of this number: `byte` is where the field
    /// begins.
    pub const fn invalid_segment(code: AdditionalSense, segment: u16, byte: u16) -> Sense {
        let mut sense = Sense::copy_aborted(code, segment);
        sense.pointer = Some(FieldPointer {
            in_cdb: false,
            byte,
            bit: None,
        });
        sense
    }

    /// COPY ABORTED, THIRD PARTY DEVICE FAILURE: what a device said.
    pub const fn third_party(segment: u16, forwarded: Forwarded) -> Sense {
        let code = AdditionalSense::THIRD_PARTY_DEVICE_FAILURE;
        let mut sense = Sense::new(SenseKey::CopyAborted, code);
        sense.copy = Some(CopyFault {
            segment,
            forwarded: Some(forwarded),
        });
        sense
    }

    /// ILLEGAL REQUEST.
    pub const fn illegal(code: AdditionalSense) -> Sense {
        Sense::new(SenseKey::IllegalRequest, code)
    }

    /// INVALID FIELD IN CDB, and which: `byte` is where the field begins, `bit` its most
    /// significant bit when it is smaller than a byte.
    pub const fn invalid_cdb_field(byte: u16, bit: Option<u8>) -> Sense {
        let mut sense = Sense::illegal(AdditionalSense::INVALID_FIELD_IN_CDB);
        sense.pointer = Some(FieldPointer {
            in_cdb: true,
            byte,
            bit,
        });
        sense
    }

    /// INVALID FIELD IN PARAMETER LIST, and which; as [`Sense::invalid_cdb_field`].
    pub const fn invalid_parameter(byte: u16, bit: Option<u8>) -> Sense {
        let mut sense = Sense::illegal(AdditionalSense::INVALID_FIELD_IN_PARAMETER_LIST);
        sense.pointer = Some(FieldPointer {
            in_cdb: false,
            byte,
            bit,
        });
        sense
    }

    /// MEDIUM ERROR at the block `lba`.
    pub const fn medium_error(code: AdditionalSense, lba: u64) -> Sense {
        Sense::new(SenseKey::MediumError, code).with_information(lba)
    }

    /// UNIT ATTENTION.
    pub const fn unit_attention(code: AdditionalSense) -> Sense {
        Sense::new(SenseKey::UnitAttention, code)
    }

    /// NOT READY.
    pub const fn not_ready(code: AdditionalSense) -> Sense {
        Sense::new(SenseKey::NotReady, code)
    }

    /// ABORTED COMMAND.
    pub const fn aborted(code: AdditionalSense) -> Sense {
        Sense::new(SenseKey::AbortedCommand, code)
    }

    /// HARDWARE ERROR.
    pub const fn hardware(code: AdditionalSense) -> Sense {
        Sense::new(SenseKey::HardwareError, code)
    }

    /// DATA PROTECT.
    pub const fn data_protect(code: AdditionalSense) -> Sense {
        Sense::new(SenseKey::DataProtect, code)
    }

    /// MISCOMPARE DURING VERIFY OPERATION; the first difference is `offset` bytes into the data-out
    /// buffer (SBC-4, COMPARE AND WRITE command and VERIFY(10) command).
    pub const fn miscompare(offset: u64) -> Sense {
        Sense::new(SenseKey::Miscompare, AdditionalSense::MISCOMPARE).with_information(offset)
    }

    /// The same sense data with an INFORMATION field.
    pub const fn with_information(mut self, information: u64) -> Sense {
        self.information = Some(information);
        self
    }

    /// The same sense data with a PROGRESS INDICATION.
    pub const fn with_progress(mut self, progress: u16) -> Sense {
        self.progress = Some(progress);
        self
    }

    /// Writes the sense data and returns its length. The rest of `out` is zero.
    ///
    /// The fixed format has room for 32 bits of INFORMATION; a larger value is left out, with VALID
    /// zero (SPC-5, Fixed format sense data).
    pub fn encode(&self, format: SenseFormat, out: &mut [u8; SENSE_LEN]) -> usize {
        *out = [0; SENSE_LEN];
        let mut sink = Sink::new(out);
        match format {
            SenseFormat::Fixed => self.write_fixed(&mut sink),
            SenseFormat::Descriptor => self.write_descriptors(&mut sink),
        }
        sink.written()
    }

    fn write_fixed(&self, out: &mut Sink<'_>) {
        const CURRENT: u8 = 0x70;
        const VALID: u8 = 0x80;
        /// The offset of ADDITIONAL SENSE LENGTH.
        const LENGTH: usize = 7;
        /// The offset of the byte after it.
        const ADDITIONAL: usize = 8;

        let information = self.information.and_then(|wide| u32::try_from(wide).ok());
        let valid = if information.is_some() { VALID } else { 0 };
        out.u8(valid | CURRENT);
        out.u8(0);
        out.u8(self.key.code());
        out.u32(information.unwrap_or(0));
        // CAST: ADDITIONAL SENSE LENGTH, the number of bytes after itself, is 10.
        out.u8(FIXED_LEN.saturating_sub(ADDITIONAL) as u8);
        out.bytes(&self.command_specific());
        out.u8(self.code.asc());
        out.u8(self.code.ascq());
        // FIELD REPLACEABLE UNIT CODE.
        out.u8(0);
        out.bytes(&self.key_specific().unwrap_or_default());
        if let Some(forwarded) = self.forwarded() {
            out.u8(forwarded.status.code());
            if let Some((key, code)) = forwarded.sense {
                Sense::new(key, code).write_fixed(out);
            }
            // CAST: 29 at most.
            out.patch_u8(LENGTH, out.since(ADDITIONAL) as u8);
        }
    }

    /// COMMAND-SPECIFIC INFORMATION (SPC-3, Errors detected during processing of segment
    /// descriptors): where the source's and the destination's status and sense data are, as offsets
    /// into fixed format sense data, and the segment's number.
    fn command_specific(&self) -> [u8; 4] {
        let Some(copy) = self.copy else {
            return [0; 4];
        };
        // CAST: 18.
        let area = |side| match copy.forwarded {
            Some(forwarded) if forwarded.side == side => FIXED_LEN as u8,
            _ => 0,
        };
        let [high, low] = copy.segment.to_be_bytes();
        [
            area(CopySide::Source),
            area(CopySide::Destination),
            high,
            low,
        ]
    }

    fn forwarded(&self) -> Option<Forwarded> {
        self.copy?.forwarded
    }

    fn write_descriptors(&self, out: &mut Sink<'_>) {
        const CURRENT: u8 = 0x72;
        /// The offset of ADDITIONAL SENSE LENGTH.
        const LENGTH: usize = 7;
        /// The offset of the first descriptor.
        const DESCRIPTORS: usize = 8;
        /// DESCRIPTOR TYPE, ADDITIONAL LENGTH, VALID, reserved (SPC-5, Information sense data
        /// descriptor).
        const INFORMATION: [u8; 4] = [0x00, 0x0a, 0x80, 0x00];
        /// DESCRIPTOR TYPE, ADDITIONAL LENGTH, reserved (SPC-5, Sense key specific sense data
        /// descriptor).
        const KEY_SPECIFIC: [u8; 4] = [0x02, 0x06, 0x00, 0x00];
        /// DESCRIPTOR TYPE, ADDITIONAL LENGTH, reserved (SPC-5, Command-specific information sense
        /// data descriptor).
        const COMMAND_SPECIFIC: [u8; 4] = [0x01, 0x0a, 0x00, 0x00];

        out.bytes(&[CURRENT, self.key.code(), self.code.asc(), self.code.ascq()]);
        out.zeros(4);
        if let Some(information) = self.information {
            out.bytes(&INFORMATION);
            out.u64(information);
        }
        if let Some(copy) = self.copy {
            out.bytes(&COMMAND_SPECIFIC);
            out.u64(copy.segment.into());
        }
        if let Some(key_specific) = self.key_specific() {
            out.bytes(&KEY_SPECIFIC);
            out.bytes(&key_specific);
            out.u8(0);
        }
        if let Some(forwarded) = self.forwarded() {
            forwarded.write_descriptor(out);
        }
        // CAST: four descriptors of 44 bytes together.
        out.patch_u8(LENGTH, out.since(DESCRIPTORS) as u8);
    }

    /// The sense key specific bytes, when there are any (SPC-5, Field pointer sense key specific
    /// information and Progress indication sense key specific information).
    fn key_specific(&self) -> Option<[u8; 3]> {
        const SKSV: u8 = 0x80;
        const COMMAND: u8 = 0x40;
        const SD: u8 = 0x20;
        const BPV: u8 = 0x08;
        const BIT: u8 = 0x07;

        let Some(pointer) = self.pointer else {
            let [high, low] = self.progress?.to_be_bytes();
            return Some([SKSV, high, low]);
        };
        let command = match (self.key, pointer.in_cdb) {
            (SenseKey::CopyAborted, _) => SD,
            (_, true) => COMMAND,
            (_, false) => 0,
        };
        let bit = pointer.bit.map_or(0, |bit| BPV | (bit & BIT));
        let [high, low] = pointer.byte.to_be_bytes();
        Some([SKSV | command | bit, high, low])
    }
}

impl Forwarded {
    /// Forwarded sense data descriptor (SPC-5, the clause of this name).
    fn write_descriptor(&self, out: &mut Sink<'_>) {
        const TYPE: u8 = 0x0c;
        /// RESPONSE CODE.
        const DESCRIPTORS: u8 = 0x72;

        let start = out.len();
        out.u8(TYPE);
        // ADDITIONAL LENGTH, see below.
        out.u8(0);
        // SENSE DATA SOURCE.
        out.u8(match self.side {
            CopySide::Source => 0x1,
            CopySide::Destination => 0x2,
        });
        out.u8(self.status.code());
        if let Some((key, code)) = self.sense {
            out.bytes(&[DESCRIPTORS, key.code(), code.asc(), code.ascq()]);
            out.zeros(4);
        }
        // CAST: 10 at most.
        let additional = out.since(start).saturating_sub(2) as u8;
        out.patch_u8(start.saturating_add(1), additional);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encode(sense: Sense, format: SenseFormat) -> std::vec::Vec<u8> {
        let mut out = [0xff; SENSE_LEN];
        let length = sense.encode(format, &mut out);
        assert!(out[length..].iter().all(|&byte| byte == 0));
        out[..length].to_vec()
    }

    fn fixed(sense: Sense) -> std::vec::Vec<u8> {
        encode(sense, SenseFormat::Fixed)
    }

    fn descriptors(sense: Sense) -> std::vec::Vec<u8> {
        encode(sense, SenseFormat::Descriptor)
    }

    #[test]
    fn fixed_format_is_eighteen_bytes() {
        assert_eq!(
            fixed(Sense::illegal(AdditionalSense::LBA_OUT_OF_RANGE)),
            [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x21, 0x00, 0, 0, 0, 0]
        );
    }

    #[test]
    fn descriptor_format_without_descriptors_is_eight_bytes() {
        assert_eq!(
            descriptors(Sense::illegal(AdditionalSense::LBA_OUT_OF_RANGE)),
            [0x72, 5, 0x21, 0x00, 0, 0, 0, 0]
        );
    }

    #[test]
    fn a_field_pointer_names_byte_and_bit_in_the_cdb() {
        let sense = Sense::invalid_cdb_field(1, Some(7));
        assert_eq!(
            fixed(sense),
            [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x24, 0x00, 0, 0xcf, 0, 1]
        );
        assert_eq!(
            descriptors(sense),
            [0x72, 5, 0x24, 0x00, 0, 0, 0, 8, 0x02, 0x06, 0, 0, 0xcf, 0, 1, 0]
        );
    }

    #[test]
    fn a_field_pointer_names_a_whole_byte_of_the_parameter_list() {
        let sense = Sense::invalid_parameter(0x0102, None);
        assert_eq!(
            fixed(sense),
            [0x70, 0, 5, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x26, 0x00, 0, 0x80, 1, 2]
        );
    }

    #[test]
    fn progress_is_valid_in_both_formats() {
        let code = AdditionalSense::NOT_READY_FORMAT_IN_PROGRESS;
        let sense = Sense::not_ready(code).with_progress(0x8001);
        assert_eq!(
            fixed(sense),
            [0x70, 0, 2, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x04, 0x04, 0, 0x80, 0x80, 0x01]
        );
        assert_eq!(
            descriptors(sense),
            [0x72, 2, 0x04, 0x04, 0, 0, 0, 8, 0x02, 0x06, 0, 0, 0x80, 0x80, 0x01, 0]
        );
    }

    #[test]
    fn information_is_valid_in_both_formats() {
        let sense = Sense::medium_error(AdditionalSense::UNRECOVERED_READ_ERROR, 0x0102_0304);
        assert_eq!(
            fixed(sense),
            [0xf0, 0, 3, 1, 2, 3, 4, 10, 0, 0, 0, 0, 0x11, 0x00, 0, 0, 0, 0]
        );
        assert_eq!(
            descriptors(sense),
            [0x72, 3, 0x11, 0x00, 0, 0, 0, 12, 0x00, 0x0a, 0x80, 0, 0, 0, 0, 0, 1, 2, 3, 4]
        );
    }

    #[test]
    fn information_that_does_not_fit_the_fixed_format_is_left_out() {
        let sense = Sense::medium_error(AdditionalSense::WRITE_ERROR, 1 << 32);
        assert_eq!(
            fixed(sense),
            [0x70, 0, 3, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x0c, 0x00, 0, 0, 0, 0]
        );
        assert_eq!(
            descriptors(sense),
            [0x72, 3, 0x0c, 0x00, 0, 0, 0, 12, 0x00, 0x0a, 0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0]
        );
    }

    #[test]
    fn both_descriptors_fit() {
        let mut sense = Sense::invalid_cdb_field(2, None);
        sense.information = Some(u64::MAX);
        let bytes = descriptors(sense);
        assert_eq!(bytes.len(), 28);
        assert_eq!(bytes[7], 20);
        assert_eq!(bytes[20..], [0x02, 0x06, 0, 0, 0xc0, 0, 2, 0]);
    }

    #[test]
    fn what_failed_in_a_copy_goes_with_it() {
        let forwarded = Forwarded {
            side: CopySide::Destination,
            status: Status::CheckCondition,
            sense: Some((SenseKey::DataProtect, AdditionalSense::WRITE_PROTECTED)),
        };
        let mut sense = Sense::third_party(0x0102, forwarded).with_information(7);
        assert_eq!(
            fixed(sense),
            [
                0xf0, 0, 0x0a, 0, 0, 0, 7, 29, 0, 18, 1, 2, 0x0d, 0x01, 0, 0, 0, 0, //
                0x02, 0x70, 0, 0x07, 0, 0, 0, 0, 10, 0, 0, 0, 0, 0x27, 0, 0, 0, 0, 0
            ]
        );
        sense.information = None;
        assert_eq!(
            descriptors(sense),
            [
                0x72, 0x0a, 0x0d, 0x01, 0, 0, 0, 24, //
                0x01, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, //
                0x0c, 0x0a, 0x02, 0x02, 0x72, 0x07, 0x27, 0, 0, 0, 0, 0
            ]
        );
        let conflict = Forwarded {
            side: CopySide::Source,
            status: Status::ReservationConflict,
            sense: None,
        };
        let bytes = fixed(Sense::third_party(0, conflict));
        assert_eq!((bytes.len(), bytes[7], bytes[8], bytes[9]), (19, 11, 18, 0));
        assert_eq!(bytes[18], 0x18);
    }

    #[test]
    fn a_field_of_a_segment_descriptor_is_pointed_to() {
        let code = AdditionalSense::UNREACHABLE_COPY_TARGET;
        let sense = Sense::invalid_segment(code, 3, 6);
        assert_eq!(
            fixed(sense),
            [0x70, 0, 0x0a, 0, 0, 0, 0, 10, 0, 0, 0, 3, 0x08, 0x04, 0, 0xa0, 0, 6]
        );
    }

    #[test]
    fn constructors_choose_the_key() {
        let code = AdditionalSense::INTERNAL_TARGET_FAILURE;
        assert_eq!(Sense::NONE.key, SenseKey::NoSense);
        assert_eq!(Sense::not_ready(code).key, SenseKey::NotReady);
        assert_eq!(Sense::hardware(code).key, SenseKey::HardwareError);
        assert_eq!(Sense::unit_attention(code).key, SenseKey::UnitAttention);
        assert_eq!(Sense::data_protect(code).key, SenseKey::DataProtect);
        assert_eq!(Sense::aborted(code).key, SenseKey::AbortedCommand);
        let miscompare = Sense::miscompare(513);
        assert_eq!(miscompare.key.code(), 0x0e);
        assert_eq!(miscompare.information, Some(513));
    }
}
