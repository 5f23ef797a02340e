// SPDX-License-Identifier: GPL-2.0

//! READ CAPACITY parameter data.

use crate::sink::Sink;

/// The size and shape of a block device, as READ CAPACITY reports it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// The number of logical blocks, at least one.
    pub blocks: u64,
    /// The length of a logical block in bytes.
    pub block_length: u32,
    /// LOGICAL BLOCKS PER PHYSICAL BLOCK EXPONENT: a physical block is two to this power logical
    /// blocks; 0 to 15.
    pub physical_exponent: u8,
    /// LOWEST ALIGNED LOGICAL BLOCK ADDRESS: the first block that begins a physical block; below
    /// 16384.
    pub lowest_aligned: u16,
    /// LBPME: blocks can be unmapped.
    pub lbpme: bool,
    /// LBPRZ: unmapped blocks read as zeros.
    pub lbprz: bool,
}

impl Capacity {
    /// The length of the parameter data of READ CAPACITY (10).
    pub const LEN_10: usize = 8;

    /// The length of the parameter data of READ CAPACITY (16).
    pub const LEN_16: usize = 32;

    /// RETURNED LOGICAL BLOCK ADDRESS: that of the last block.
    pub const fn last_block(&self) -> u64 {
        self.blocks.saturating_sub(1)
    }

    /// Writes the parameter data of READ CAPACITY (10) (SBC-4, the command of this name).
    ///
    /// An address that needs more than 32 bits is shown as FFFF_FFFFh, which sends the initiator to
    /// READ CAPACITY (16).
    pub fn write_10(&self, out: &mut Sink<'_>) {
        out.u32(u32::try_from(self.last_block()).unwrap_or(u32::MAX));
        out.u32(self.block_length);
    }

    /// Writes the parameter data of READ CAPACITY (16) (SBC-4, the command of this name).
    ///
    /// There is no protection information: PROT_EN, P_TYPE and P_I_EXPONENT are zero.
    pub fn write_16(&self, out: &mut Sink<'_>) {
        const LBPME: u16 = 0x8000;
        const LBPRZ: u16 = 0x4000;
        const LOWEST_ALIGNED: u16 = 0x3fff;

        out.u64(self.last_block());
        out.u32(self.block_length);
        out.u8(0);
        out.u8(self.physical_exponent & 0x0f);
        let lbpme = if self.lbpme { LBPME } else { 0 };
        let lbprz = if self.lbprz { LBPRZ } else { 0 };
        out.u16(lbpme | lbprz | (self.lowest_aligned & LOWEST_ALIGNED));
        out.zeros(16);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ten(capacity: Capacity) -> [u8; Capacity::LEN_10] {
        let mut out = [0xff; Capacity::LEN_10];
        let mut sink = Sink::new(&mut out);
        capacity.write_10(&mut sink);
        assert_eq!(sink.len(), Capacity::LEN_10);
        out
    }

    fn sixteen(capacity: Capacity) -> [u8; Capacity::LEN_16] {
        let mut out = [0xff; Capacity::LEN_16];
        let mut sink = Sink::new(&mut out);
        capacity.write_16(&mut sink);
        assert_eq!(sink.len(), Capacity::LEN_16);
        out
    }

    #[test]
    fn read_capacity_10_returns_the_last_block() {
        let capacity = Capacity {
            blocks: 0x0102_0305,
            block_length: 512,
            ..Capacity::default()
        };
        assert_eq!(ten(capacity), [1, 2, 3, 4, 0, 0, 2, 0]);
    }

    #[test]
    fn read_capacity_10_of_a_large_unit_points_to_16() {
        for blocks in [1 << 32, (1 << 32) + 1, u64::MAX] {
            let capacity = Capacity {
                blocks,
                block_length: 4096,
                ..Capacity::default()
            };
            assert_eq!(ten(capacity), [0xff, 0xff, 0xff, 0xff, 0, 0, 0x10, 0]);
        }
    }

    #[test]
    fn read_capacity_16_tells_alignment_and_provisioning() {
        let capacity = Capacity {
            blocks: 0x0102_0304_0506_0709,
            block_length: 512,
            physical_exponent: 3,
            lowest_aligned: 7,
            lbpme: true,
            lbprz: true,
        };
        let mut expected = [0; 32];
        expected[..16].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 2, 0, 0, 3, 0xc0, 7]);
        assert_eq!(sixteen(capacity), expected);
        let thick = Capacity {
            lbpme: false,
            lbprz: false,
            ..capacity
        };
        assert_eq!(sixteen(thick)[14..16], [0, 7]);
    }
}
