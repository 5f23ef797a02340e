// SPDX-License-Identifier: GPL-2.0

//! Segment descriptors: what is copied, and in which pieces.
//!
//! Blocks of source and destination need not have the same length. Data that doesn't fill a block is
//! *residual*: what was read but not used yet (source), or processed but not written yet
//! (destination). PAD and CAT say what becomes of it: dropped, filled up with zeros, or kept for the
//! next segment.

use crate::sense::{
    AdditionalSense,
    Sense, //
};

/// Block device to block device.
pub const BLOCK_TO_BLOCK: u8 = 0x02;

/// Block device to block device, and the data is held for RECEIVE DATA.
pub const BLOCK_TO_BLOCK_HELD: u8 = 0x0d;

/// A segment descriptor (SPC-4, Block device to block device operations).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its place among the segment descriptors, from zero.
    pub number: u16,
    /// SOURCE CSCD DESCRIPTOR ID.
    pub source: u16,
    /// DESTINATION CSCD DESCRIPTOR ID.
    pub destination: u16,
    /// A copy of the data is held for RECEIVE DATA.
    pub held: bool,
    /// CAT: residual data is kept for the next segment.
    pub cat: bool,
    /// DC: [`Segment::blocks`] are blocks of the destination, else of the source.
    pub dc: bool,
    /// BLOCK DEVICE NUMBER OF BLOCKS; zero is no error.
    pub blocks: u16,
    /// SOURCE BLOCK DEVICE LOGICAL BLOCK ADDRESS.
    pub source_lba: u64,
    /// DESTINATION BLOCK DEVICE LOGICAL BLOCK ADDRESS.
    pub destination_lba: u64,
}

impl Segment {
    /// The length of a descriptor.
    pub const LEN: usize = 28;

    /// Where the fields are that may be at fault when the segment is processed.
    pub const SOURCE_FIELD: u16 = 4;
    /// As above.
    pub const DESTINATION_FIELD: u16 = 6;
    /// As above.
    pub const BLOCKS_FIELD: u16 = 10;
    /// As above.
    pub const SOURCE_LBA_FIELD: u16 = 12;
    /// As above.
    pub const DESTINATION_LBA_FIELD: u16 = 20;

    /// Reads the descriptor of this number, that begins `at` bytes into the parameter list; returns it
    /// and what follows it.
    pub fn parse(bytes: &[u8], number: u16, at: u16) -> Result<(Self, &[u8]), Sense> {
        /// DESCRIPTOR LENGTH: of what follows that field.
        const LENGTH: u16 = 0x18;
        const DC: u8 = 0x02;
        const CAT: u8 = 0x01;

        let held = match bytes.first() {
            None | Some(&BLOCK_TO_BLOCK) => false,
            Some(&BLOCK_TO_BLOCK_HELD) => true,
            Some(_) => {
                let mut sense = Sense::invalid_parameter(at, None);
                sense.code = AdditionalSense::UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE;
                return Err(sense);
            }
        };
        let Some((descriptor, rest)) = bytes.split_first_chunk::<{ Self::LEN }>() else {
            return Err(Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR));
        };
        let &[_, flags, l1, l0, s1, s0, d1, d0, _, _, n1, n0, ref addresses @ ..] = descriptor;
        if u16::from_be_bytes([l1, l0]) != LENGTH {
            return Err(Sense::invalid_parameter(at.saturating_add(2), None));
        }
        let &[a7, a6, a5, a4, a3, a2, a1, a0, b7, b6, b5, b4, b3, b2, b1, b0] = addresses;
        let segment = Self {
            number,
            source: u16::from_be_bytes([s1, s0]),
            destination: u16::from_be_bytes([d1, d0]),
            held,
            cat: flags & CAT != 0,
            dc: flags & DC != 0,
            blocks: u16::from_be_bytes([n1, n0]),
            source_lba: u64::from_be_bytes([a7, a6, a5, a4, a3, a2, a1, a0]),
            destination_lba: u64::from_be_bytes([b7, b6, b5, b4, b3, b2, b1, b0]),
        };
        Ok((segment, rest))
    }

    /// COPY ABORTED, because of the field at this byte of the descriptor.
    pub const fn fault(&self, code: AdditionalSense, byte: u16) -> Sense {
        Sense::invalid_segment(code, self.number, byte)
    }

    /// Works out what the segment reads and writes (SPC-4, Block device to block device operations, and
    /// the table of PAD and CAT in Segment descriptors).
    ///
    /// `before` is the residual data of the segment before it. `lengths` are not zero.
    pub fn plan(
        &self,
        lengths: Lengths,
        pads: Pads,
        before: Residual,
        is_last: bool,
    ) -> Result<Plan, Sense> {
        let (from, to) = (u64::from(lengths.source), u64::from(lengths.destination));
        let (held_source, held_destination) = (before.source, before.destination);
        let blocks = u64::from(self.blocks);
        // The bytes that are processed: taken from the residual source data, then from what is read.
        let processed = if self.dc {
            blocks.saturating_mul(to).saturating_sub(held_destination)
        } else {
            blocks.saturating_mul(from)
        };
        let read = div_ceil(processed.saturating_sub(held_source), from);
        let source = held_source
            .saturating_add(read.saturating_mul(from))
            .saturating_sub(processed);
        let ready = held_destination.saturating_add(processed);
        let write = if self.dc { blocks } else { div(ready, to) };
        let destination = ready.saturating_sub(write.saturating_mul(to));
        let mut plan = Plan {
            read,
            write,
            ready,
            after: Residual {
                source,
                destination,
            },
        };
        if source > 0 || destination > 0 {
            self.settle(&mut plan, pads, to, is_last)?;
        }
        Ok(plan)
    }

    /// What becomes of residual data.
    fn settle(&self, plan: &mut Plan, pads: Pads, to: u64, is_last: bool) -> Result<(), Sense> {
        const INEXACT: AdditionalSense = AdditionalSense::UNEXPECTED_INEXACT_SEGMENT;

        let after = &mut plan.after;
        let (mut keep_source, mut keep_destination) = (!is_last, !is_last);
        if !self.cat {
            if !pads.source && !pads.destination {
                return Err(Sense::copy_aborted(INEXACT, self.number));
            }
            keep_source &= !pads.source;
            if pads.destination && after.destination > 0 {
                // More than the blocks that were asked for would be written.
                if self.dc {
                    return Err(Sense::copy_aborted(INEXACT, self.number));
                }
                plan.write = plan.write.saturating_add(div_ceil(after.destination, to));
                keep_destination = false;
            }
        }
        if !keep_source {
            after.source = 0;
        }
        if !keep_destination {
            after.destination = 0;
        }
        Ok(())
    }

    /// Checks that the blocks are there. SPC-4 has no additional sense code for those that aren't; the
    /// field pointer says where they would begin.
    pub fn check_ranges(&self, plan: &Plan, source: u64, destination: u64) -> Result<(), Sense> {
        let sides = [
            (self.source_lba, plan.read, source, Self::SOURCE_LBA_FIELD),
            (
                self.destination_lba,
                plan.write,
                destination,
                Self::DESTINATION_LBA_FIELD,
            ),
        ];
        for (lba, blocks, capacity, field) in sides {
            if lba.checked_add(blocks).is_none_or(|end| end > capacity) {
                return Err(self.fault(AdditionalSense::NO_ADDITIONAL_SENSE, field));
            }
        }
        Ok(())
    }

    /// Whether the blocks that are read, and those that are written, overlap if both are of one logical
    /// unit.
    pub fn overlaps(&self, plan: &Plan) -> bool {
        self.source_lba < self.destination_lba.saturating_add(plan.write)
            && self.destination_lba < self.source_lba.saturating_add(plan.read)
    }
}

/// The lengths of blocks, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// Of the source.
    pub source: u32,
    /// Of the destination.
    pub destination: u32,
}

/// The PAD bits of the CSCD descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pads {
    /// Of the source.
    pub source: bool,
    /// Of the destination.
    pub destination: bool,
}

/// Bytes that are left of a segment. Those for the destination come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residual {
    /// Processed, but not written.
    pub destination: u64,
    /// Read, but not processed.
    pub source: u64,
}

impl Residual {
    /// All of them.
    pub const fn len(&self) -> u64 {
        self.destination.saturating_add(self.source)
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a segment comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The blocks of the source that are read.
    pub read: u64,
    /// The blocks of the destination that are written.
    pub write: u64,
    /// The bytes that there are for them, or more; if there are fewer, zeros fill up the last block.
    pub ready: u64,
    /// What is left for the next segment.
    pub after: Residual,
}

/// A piece of a segment: so many blocks are read, and then so many written. Either may be none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The first block that is read, as a distance from the segment's first.
    pub read_at: u64,
    /// The blocks that are read.
    pub read: u32,
    /// As `read_at`, of what is written.
    pub write_at: u64,
    /// The blocks that are written: of what is there by now, and if that is too little, of zeros.
    pub write: u32,
}

/// The pieces of a segment.
#[derive(Clone, Debug)]
pub struct Steps {
    plan: Plan,
    lengths: Lengths,
    /// The most that is read at a time, in bytes.
    piece: u32,
    /// Blocks.
    read: u64,
    written: u64,
    /// What was read but isn't written yet, in bytes.
    held: u64,
    from_the_end: bool,
}

impl Steps {
    /// The pieces of a plan, of at most so many bytes but at least a block. With `before` bytes held from
    /// the segment before.
    pub const fn new(plan: Plan, lengths: Lengths, before: u64, piece: u32) -> Self {
        Self {
            plan,
            lengths,
            piece,
            read: 0,
            written: 0,
            held: before,
            from_the_end: false,
        }
    }

    /// The pieces from the last to the first: for data that moves upwards by less than its own length.
    /// Only for blocks of one length and without residual data.
    pub const fn from_the_end(mut self) -> Self {
        self.from_the_end = true;
        self
    }
}

impl Iterator for Steps {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        let (to_read, to_write) = (
            self.plan.read.saturating_sub(self.read),
            self.plan.write.saturating_sub(self.written),
        );
        if to_read == 0 && to_write == 0 {
            return None;
        }
        let (from, to) = (
            u64::from(self.lengths.source),
            u64::from(self.lengths.destination),
        );
        let read = to_read.min(div(self.piece.into(), from).max(1));
        let held = self.held.saturating_add(read.saturating_mul(from));
        let write = if read == to_read {
            to_write
        } else {
            to_write.min(div(held, to))
        };
        let step = Step {
            read_at: self.place(self.read, read, self.plan.read),
            read: u32::try_from(read).unwrap_or(u32::MAX),
            write_at: self.place(self.written, write, self.plan.write),
            write: u32::try_from(write).unwrap_or(u32::MAX),
        };
        self.read = self.read.saturating_add(read);
        self.written = self.written.saturating_add(write);
        self.held = held.saturating_sub(write.saturating_mul(to));
        Some(step)
    }
}

impl Steps {
    /// Where a piece begins that comes after so many blocks of all.
    fn place(&self, done: u64, now: u64, all: u64) -> u64 {
        if self.from_the_end {
            all.saturating_sub(done).saturating_sub(now)
        } else {
            done
        }
    }
}

/// Division by a length, which is not zero.
fn div(value: u64, by: u64) -> u64 {
    value.checked_div(by).unwrap_or(0)
}

fn div_ceil(value: u64, by: u64) -> u64 {
    div(value.saturating_add(by).saturating_sub(1), by)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sense::SenseKey;

    const SMALL_TO_LARGE: Lengths = Lengths {
        source: 512,
        destination: 4096,
    };
    const LARGE_TO_SMALL: Lengths = Lengths {
        source: 4096,
        destination: 512,
    };

    fn segment(blocks: u16, dc: bool, cat: bool) -> Segment {
        Segment {
            number: 3,
            source: 0,
            destination: 1,
            held: false,
            cat,
            dc,
            blocks,
            source_lba: 100,
            destination_lba: 200,
        }
    }

    fn pads(source: bool, destination: bool) -> Pads {
        Pads {
            source,
            destination,
        }
    }

    /// What a segment comes to: blocks read and written, and what is left.
    fn plan(
        segment: Segment,
        lengths: Lengths,
        pads: Pads,
        before: Residual,
        is_last: bool,
    ) -> (u64, u64, Residual) {
        let plan = segment.plan(lengths, pads, before, is_last).unwrap();
        (plan.read, plan.write, plan.after)
    }

    fn left(destination: u64, source: u64) -> Residual {
        Residual {
            destination,
            source,
        }
    }

    fn exact(blocks: u64) -> Plan {
        Plan {
            read: blocks,
            write: blocks,
            ready: blocks * 512,
            after: Residual::default(),
        }
    }

    #[test]
    fn a_descriptor_is_where_spc_has_it() {
        let mut bytes = [0; 30];
        bytes[..12].copy_from_slice(&[0x0d, 0x03, 0, 0x18, 1, 2, 3, 4, 0, 0, 5, 6]);
        bytes[12..20].copy_from_slice(&7u64.to_be_bytes());
        bytes[20..28].copy_from_slice(&8u64.to_be_bytes());
        let (segment, rest) = Segment::parse(&bytes, 9, 16).unwrap();
        assert_eq!(
            segment,
            Segment {
                number: 9,
                source: 0x0102,
                destination: 0x0304,
                held: true,
                cat: true,
                dc: true,
                blocks: 0x0506,
                source_lba: 7,
                destination_lba: 8,
            }
        );
        assert_eq!(rest.len(), 2);
        bytes[3] = 0x14;
        assert_eq!(
            Segment::parse(&bytes, 9, 16),
            Err(Sense::invalid_parameter(18, None))
        );
    }

    #[test]
    fn exact_segments_leave_nothing() {
        let none = Residual::default();
        for is_last in [false, true] {
            let pads = pads(false, false);
            let source = segment(16, false, false);
            assert_eq!(
                plan(source, SMALL_TO_LARGE, pads, none, is_last),
                (16, 2, none)
            );
            let destination = segment(16, true, false);
            assert_eq!(
                plan(destination, LARGE_TO_SMALL, pads, none, is_last),
                (2, 16, none)
            );
        }
    }

    #[test]
    fn an_inexact_segment_is_refused_unless_something_is_to_become_of_the_rest() {
        let none = Residual::default();
        let inexact = segment(17, false, false);
        let refused = inexact.plan(SMALL_TO_LARGE, pads(false, false), none, true);
        let sense = refused.unwrap_err();
        assert_eq!(sense.key, SenseKey::CopyAborted);
        assert_eq!(sense.code, AdditionalSense::UNEXPECTED_INEXACT_SEGMENT);
        assert_eq!(sense.copy.unwrap().segment, 3);
        // The destination is filled up with zeros, whatever the source's PAD is.
        for source in [false, true] {
            let pads = pads(source, true);
            assert_eq!(
                plan(inexact, SMALL_TO_LARGE, pads, none, false),
                (17, 3, none)
            );
        }
        // Kept for the next one, or dropped when there is none.
        let pads = pads(true, false);
        assert_eq!(
            plan(inexact, SMALL_TO_LARGE, pads, none, false),
            (17, 2, left(512, 0))
        );
        assert_eq!(
            plan(inexact, SMALL_TO_LARGE, pads, none, true),
            (17, 2, none)
        );
    }

    #[test]
    fn what_is_left_goes_before_the_next_segment() {
        let pads = pads(false, false);
        let none = Residual::default();
        let first = plan(segment(17, false, true), SMALL_TO_LARGE, pads, none, false);
        assert_eq!(first, (17, 2, left(512, 0)));
        let second = segment(7, false, false);
        assert_eq!(
            plan(second, SMALL_TO_LARGE, pads, first.2, true),
            (7, 1, none)
        );
    }

    #[test]
    fn what_was_read_of_another_source_is_processed_first() {
        let before = left(0, 100);
        let one = segment(8, false, true);
        let pads = pads(false, false);
        assert_eq!(
            plan(one, SMALL_TO_LARGE, pads, before, false),
            (8, 1, left(0, 100))
        );
        // A block that is filled up is filled with zeros, not with them.
        let one = segment(9, false, false);
        let padded = one
            .plan(SMALL_TO_LARGE, self::pads(false, true), before, false)
            .unwrap();
        assert_eq!(
            (padded.write, padded.ready, padded.after),
            (2, 9 * 512, before)
        );
    }

    #[test]
    fn blocks_of_the_destination_are_counted_with_dc() {
        let none = Residual::default();
        let exactly = pads(false, false);
        let first = plan(segment(3, true, true), LARGE_TO_SMALL, exactly, none, false);
        assert_eq!(first, (1, 3, left(0, 5 * 512)));
        // Five are there from before, one more block is read.
        let second = segment(13, true, false);
        assert_eq!(
            plan(second, LARGE_TO_SMALL, exactly, first.2, true),
            (1, 13, none)
        );
        let second = segment(4, true, false);
        assert_eq!(
            plan(second, LARGE_TO_SMALL, pads(true, true), first.2, false),
            (0, 4, none)
        );
    }

    #[test]
    fn padding_beyond_a_counted_destination_is_refused() {
        let before = Residual {
            destination: 100,
            source: 0,
        };
        let none = segment(0, true, false);
        let refused = none.plan(SMALL_TO_LARGE, pads(false, true), before, true);
        assert_eq!(
            refused.unwrap_err().code,
            AdditionalSense::UNEXPECTED_INEXACT_SEGMENT
        );
    }

    #[test]
    fn blocks_have_to_be_there() {
        let segment = segment(8, false, false);
        let exact = exact(8);
        assert_eq!(segment.check_ranges(&exact, 108, 208), Ok(()));
        let field = |sense: Sense| sense.pointer.map(|pointer| pointer.byte);
        let refused = segment.check_ranges(&exact, 107, 208).unwrap_err();
        assert_eq!(field(refused), Some(12));
        let refused = segment.check_ranges(&exact, 108, 207).unwrap_err();
        assert_eq!(field(refused), Some(20));
        let mut far = segment;
        far.source_lba = u64::MAX;
        assert!(far.check_ranges(&exact, u64::MAX, 208).is_err());
    }

    #[test]
    fn overlaps_are_seen() {
        let mut segment = segment(8, false, false);
        let exact = exact(8);
        for (destination, overlaps) in [(92, false), (93, true), (107, true), (108, false)] {
            segment.destination_lba = destination;
            assert_eq!(segment.overlaps(&exact), overlaps, "{destination}");
        }
    }

    #[test]
    fn a_segment_is_done_in_pieces() {
        let same = Lengths {
            source: 512,
            destination: 512,
        };
        let step = |at, blocks| Step {
            read_at: at,
            read: blocks,
            write_at: at,
            write: blocks,
        };
        let steps = Steps::new(exact(10), same, 0, 2048);
        let forwards: std::vec::Vec<_> = steps.clone().collect();
        assert_eq!(forwards, [step(0, 4), step(4, 4), step(8, 2)]);
        let backwards: std::vec::Vec<_> = steps.from_the_end().collect();
        assert_eq!(backwards, [step(6, 4), step(2, 4), step(0, 2)]);
    }

    #[test]
    fn what_is_held_is_written_without_reading() {
        let plan = Plan {
            read: 0,
            write: 4,
            ready: 2048,
            after: Residual::default(),
        };
        let steps: std::vec::Vec<_> = Steps::new(plan, LARGE_TO_SMALL, 2560, 1 << 19).collect();
        let only = Step {
            read_at: 0,
            read: 0,
            write_at: 0,
            write: 4,
        };
        assert_eq!(steps, [only]);
    }
}
