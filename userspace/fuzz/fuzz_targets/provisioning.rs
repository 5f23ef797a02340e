// SPDX-License-Identifier: GPL-2.0

//! Whatever comes as the parameter list of UNMAP or SANITIZE is refused, or keeps to the limits.

#![no_main]

use libfuzzer_sys::fuzz_target;
use stmf_scsi::provisioning::{Overwrite, UnmapLimits, UnmapList};

const LIMITS: UnmapLimits = UnmapLimits {
    capacity: 1 << 40,
    blocks: 1 << 20,
    descriptors: 255,
};

fn run(bytes: &[u8]) {
    if let Ok(list) = UnmapList::parse(bytes, &LIMITS) {
        let mut blocks = 0;
        for (count, descriptor) in list.iter().enumerate() {
            assert!(count < LIMITS.descriptors as usize);
            assert!(descriptor.lba + u64::from(descriptor.blocks) <= LIMITS.capacity);
            blocks += descriptor.blocks;
        }
        assert!(blocks <= LIMITS.blocks);
    }
    if let Ok(overwrite) = Overwrite::parse(bytes, 512) {
        assert!((1..=31).contains(&overwrite.count));
        assert!((1..=512).contains(&overwrite.pattern.len()));
    }
}

fuzz_target!(|bytes: &[u8]| run(bytes));
