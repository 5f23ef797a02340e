// SPDX-License-Identifier: GPL-2.0

//! Parameter data of the commands that manage the space behind blocks: UNMAP, GET LBA STATUS.

use crate::{
    cdb::check_range,
    sense::{
        AdditionalSense,
        Sense, //
    },
    sink::Sink, //
};

/// Blocks to be unmapped: one UNMAP block descriptor (SBC-4, UNMAP command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnmapDescriptor {
    /// The first block.
    pub lba: u64,
    /// The number of blocks; zero is in order.
    pub blocks: u32,
}

impl UnmapDescriptor {
    /// The length of a descriptor in bytes.
    pub const LEN: usize = 16;

    fn parse(bytes: &[u8]) -> Option<Self> {
        let (lba, rest) = bytes.split_first_chunk()?;
        let (blocks, _) = rest.split_first_chunk()?;
        Some(Self {
            lba: u64::from_be_bytes(*lba),
            blocks: u32::from_be_bytes(*blocks),
        })
    }
}

/// What a logical unit takes of UNMAP (SBC-4, Block Limits VPD page).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnmapLimits {
    /// The number of blocks of the medium.
    pub capacity: u64,
    /// MAXIMUM UNMAP LBA COUNT.
    pub blocks: u32,
    /// MAXIMUM UNMAP BLOCK DESCRIPTOR COUNT.
    pub descriptors: u32,
}

/// The parameter list of UNMAP, found to be in order.
#[derive(Clone, Copy, Debug)]
pub struct UnmapList<'a>(&'a [u8]);

impl<'a> UnmapList<'a> {
    /// The length of what comes before the descriptors.
    pub const HEADER: usize = 8;

    /// Checks all of the list, before anything of it is done. No list at all is in order.
    ///
    /// A descriptor that BLOCK DESCRIPTOR DATA LENGTH cuts is ignored, as SBC-4 wants it.
    ///
    /// # Errors
    ///
    /// PARAMETER LIST LENGTH ERROR when the list is shorter than its own length fields say,
    /// INVALID FIELD IN PARAMETER LIST for more than the limits, LOGICAL BLOCK ADDRESS OUT OF
    /// RANGE.
    pub fn parse(bytes: &'a [u8], limits: &UnmapLimits) -> Result<Self, Sense> {
        const TOO_SHORT: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);
        /// The length of the UNMAP DATA LENGTH field itself.
        const LENGTH_FIELD: usize = 2;

        if bytes.is_empty() {
            return Ok(Self(&[]));
        }
        let (&[d1, d0, b1, b0, _, _, _, _], rest) = bytes.split_first_chunk().ok_or(TOO_SHORT)?;
        let data = usize::from(u16::from_be_bytes([d1, d0])).saturating_add(LENGTH_FIELD);
        let descriptors = usize::from(u16::from_be_bytes([b1, b0]));
        if data > bytes.len() || descriptors > data.saturating_sub(Self::HEADER) {
            return Err(TOO_SHORT);
        }
        let list = Self(rest.get(..descriptors).ok_or(TOO_SHORT)?);
        list.check(limits)?;
        Ok(list)
    }

    fn check(&self, limits: &UnmapLimits) -> Result<(), Sense> {
        const COUNT: u16 = 2;

        let mut left = limits.blocks;
        let mut at = UnmapList::HEADER as u16;
        if self.iter().count() > limits.descriptors as usize {
            return Err(Sense::invalid_parameter(COUNT, None));
        }
        for descriptor in self.iter() {
            check_range(descriptor.lba, descriptor.blocks, limits.capacity)?;
            left = left
                .checked_sub(descriptor.blocks)
                .ok_or(Sense::invalid_parameter(at.saturating_add(8), None))?;
            at = at.saturating_add(UnmapDescriptor::LEN as u16);
        }
        Ok(())
    }

    /// The descriptors, in order.
    pub fn iter(&self) -> impl Iterator<Item = UnmapDescriptor> + 'a {
        self.0
            .chunks_exact(UnmapDescriptor::LEN)
            .filter_map(UnmapDescriptor::parse)
    }
}

/// What is known of the space behind blocks: PROVISIONING STATUS (SBC-4, GET LBA STATUS(16)
/// command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ProvisioningStatus {
    /// Mapped, or it is not known.
    Mapped = 0,
    /// Deallocated.
    Deallocated = 1,
}

/// Blocks with the same status: one LBA status descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LbaStatus {
    /// The first block.
    pub lba: u64,
    /// The number of blocks.
    pub blocks: u32,
    /// Their status.
    pub status: ProvisioningStatus,
}

impl LbaStatus {
    /// The length of the parameter data before the descriptors.
    pub const HEADER: usize = 8;

    /// The length of a descriptor.
    pub const LEN: usize = 16;

    /// Writes the parameter data of GET LBA STATUS (16).
    pub fn write(descriptors: impl Iterator<Item = LbaStatus>, out: &mut Sink<'_>) {
        let length = out.len();
        // PARAMETER DATA LENGTH, REPORT TYPE PROCESSED and COMPLETION CONDITION.
        out.u32(0);
        let start = out.len();
        out.zeros(4);
        for descriptor in descriptors {
            out.u64(descriptor.lba);
            out.u32(descriptor.blocks);
            // CAST: the enum is `repr(u8)`.
            out.u8(descriptor.status as u8);
            out.zeros(3);
        }
        out.patch_u32(length, u32::try_from(out.since(start)).unwrap_or(u32::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{vec, vec::Vec};

    const LIMITS: UnmapLimits = UnmapLimits {
        capacity: 1000,
        blocks: 100,
        descriptors: 3,
    };

    fn list(descriptors: &[(u64, u32)]) -> Vec<u8> {
        let length = descriptors.len() * 16;
        let mut bytes = ((length + 6) as u16).to_be_bytes().to_vec();
        bytes.extend((length as u16).to_be_bytes());
        bytes.extend([0; 4]);
        for (lba, blocks) in descriptors {
            bytes.extend(lba.to_be_bytes());
            bytes.extend(blocks.to_be_bytes());
            bytes.extend([0; 4]);
        }
        bytes
    }

    fn parsed(bytes: &[u8]) -> Result<Vec<(u64, u32)>, Sense> {
        let list = UnmapList::parse(bytes, &LIMITS)?;
        Ok(list.iter().map(|one| (one.lba, one.blocks)).collect())
    }

    #[test]
    fn descriptors_come_in_order() {
        let three = [(1, 10), (999, 1), (1000, 0)];
        assert_eq!(parsed(&list(&three)), Ok(three.to_vec()));
        assert_eq!(parsed(&[]), Ok(vec![]));
        assert_eq!(parsed(&list(&[])), Ok(vec![]));
    }

    #[test]
    fn a_cut_descriptor_is_ignored() {
        let mut bytes = list(&[(1, 10), (2, 10)]);
        bytes[3] -= 1;
        assert_eq!(parsed(&bytes), Ok(vec![(1, 10)]));
    }

    #[test]
    fn a_list_shorter_than_it_says_is_refused() {
        let short = Err(Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR));
        let whole = list(&[(1, 10), (2, 10)]);
        for len in 1..whole.len() {
            assert_eq!(parsed(&whole[..len]), short, "{len}");
        }
        let mut bytes = whole;
        bytes[3] += 1;
        assert_eq!(parsed(&bytes), short);
    }

    #[test]
    fn nothing_beyond_the_limits() {
        let out = Err(Sense::illegal(AdditionalSense::LBA_OUT_OF_RANGE));
        assert_eq!(parsed(&list(&[(1, 1), (999, 2)])), out);
        assert_eq!(parsed(&list(&[(u64::MAX, 1)])), out);
        assert_eq!(
            parsed(&list(&[(0, 50), (100, 51)])),
            Err(Sense::invalid_parameter(32, None))
        );
        assert_eq!(
            parsed(&list(&[(0, 1); 4])),
            Err(Sense::invalid_parameter(2, None))
        );
    }

    #[test]
    fn lba_status_tells_its_length() {
        let descriptors = [
            LbaStatus {
                lba: 0x0102,
                blocks: 3,
                status: ProvisioningStatus::Deallocated,
            },
            LbaStatus {
                lba: 0x0105,
                blocks: 4,
                status: ProvisioningStatus::Mapped,
            },
        ];
        let mut out = [0xee; 64];
        let mut sink = Sink::new(&mut out);
        LbaStatus::write(descriptors.into_iter(), &mut sink);
        let mut expected = vec![0, 0, 0, 36, 0, 0, 0, 0];
        expected.extend([0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 3, 1, 0, 0, 0]);
        expected.extend([0, 0, 0, 0, 0, 0, 1, 5, 0, 0, 0, 4, 0, 0, 0, 0]);
        assert_eq!(sink.as_bytes(), expected);
    }
}
