// SPDX-License-Identifier: GPL-2.0

//! The commands that the copy manager sends to the logical units, and what it reads in their answers.

use crate::cdb::opcode;

/// A CDB of the copy manager's.
pub type Cdb = [u8; 16];

/// READ (16) of so many blocks.
pub fn read(lba: u64, blocks: u32) -> Cdb {
    transfer(opcode::READ_16, lba, blocks)
}

/// WRITE (16) of so many blocks.
pub fn write(lba: u64, blocks: u32) -> Cdb {
    transfer(opcode::WRITE_16, lba, blocks)
}

fn transfer(opcode: u8, lba: u64, blocks: u32) -> Cdb {
    let [a7, a6, a5, a4, a3, a2, a1, a0] = lba.to_be_bytes();
    let [b3, b2, b1, b0] = blocks.to_be_bytes();
    [
        opcode, 0, a7, a6, a5, a4, a3, a2, a1, a0, b3, b2, b1, b0, 0, 0,
    ]
}

/// INQUIRY of a VPD page, of which at most so many bytes are wanted.
pub fn inquiry(page: u8, allocation: u16) -> Cdb {
    const EVPD: u8 = 0x01;

    let [high, low] = allocation.to_be_bytes();
    [
        opcode::INQUIRY,
        EVPD,
        page,
        high,
        low,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    ]
}

/// READ CAPACITY (16).
pub fn read_capacity() -> Cdb {
    const ALLOCATION: u8 = 32;

    [
        opcode::SERVICE_ACTION_IN_16,
        opcode::READ_CAPACITY_16,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        ALLOCATION,
        0,
        0,
    ]
}

/// PERIPHERAL DEVICE TYPE of a VPD page.
pub fn device_type(page: &[u8]) -> u8 {
    const DEVICE_TYPE: u8 = 0x1f;

    page.first().map_or(DEVICE_TYPE, |byte| byte & DEVICE_TYPE)
}

/// The number of blocks and their length, of READ CAPACITY (16) data.
pub fn capacity(data: &[u8]) -> Option<(u64, u32)> {
    let (last, rest) = data.split_first_chunk()?;
    let length = rest.first_chunk()?;
    let blocks = u64::from_be_bytes(*last).checked_add(1)?;
    Some((blocks, u32::from_be_bytes(*length)))
}

/// MAXIMUM TRANSFER LENGTH of the Block Limits VPD page, in blocks; none when there is no limit.
pub fn max_transfer(page: &[u8]) -> Option<u32> {
    const MAXIMUM_TRANSFER_LENGTH: usize = 8;

    let field = page.get(MAXIMUM_TRANSFER_LENGTH..)?.first_chunk()?;
    Some(u32::from_be_bytes(*field)).filter(|blocks| *blocks > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        capacity::Capacity,
        cdb::{
            self,
            Command, //
        },
        inquiry::{
            DeviceType,
            Peripheral, //
        },
        sink::Sink,
        vpd::{
            page,
            BlockLimits, //
        },
    };

    #[test]
    fn our_own_commands_are_understood() {
        let (lba, blocks) = (0x0102_0304_0506_0708, 0x090a_0b0c);
        for (cdb, is_write) in [(read(lba, blocks), false), (write(lba, blocks), true)] {
            let transfer = match cdb::parse(&cdb) {
                Ok(Command::Read(transfer)) if !is_write => transfer,
                Ok(Command::Write(transfer)) if is_write => transfer,
                other => panic!("{other:?}"),
            };
            assert_eq!((transfer.lba, transfer.blocks), (lba, blocks));
        }
        assert_eq!(
            cdb::parse(&inquiry(page::BLOCK_LIMITS, 0x0102)),
            Ok(Command::Inquiry {
                evpd: Some(page::BLOCK_LIMITS),
                allocation: 0x0102
            })
        );
        assert_eq!(
            cdb::parse(&read_capacity()),
            Ok(Command::ReadCapacity16 { allocation: 32 })
        );
    }

    #[test]
    fn our_own_answers_are_understood() {
        let mut bytes = [0; 64];
        let disk = Capacity {
            blocks: 1 << 33,
            block_length: 4096,
            physical_exponent: 0,
            lowest_aligned: 0,
            lbpme: false,
            lbprz: false,
        };
        disk.write_16(&mut Sink::new(&mut bytes));
        assert_eq!(capacity(&bytes), Some((1 << 33, 4096)));
        assert_eq!(capacity(&bytes[..11]), None);
        assert_eq!(capacity(&[0xff; 12]), None);
        let limits = BlockLimits {
            max_transfer: 77,
            ..BlockLimits::default()
        };
        limits.write(
            Peripheral::connected(DeviceType::Tape),
            &mut Sink::new(&mut bytes),
        );
        assert_eq!(max_transfer(&bytes), Some(77));
        assert_eq!(device_type(&bytes), 1);
        assert_eq!(max_transfer(&[0; 64]), None);
        assert_eq!(max_transfer(&bytes[..11]), None);
        assert_eq!(device_type(&[]), 0x1f);
    }
}
