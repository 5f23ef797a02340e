// SPDX-License-Identifier: GPL-2.0

//! Whatever comes as the parameter list of UNMAP, SANITIZE or FORMAT UNIT is refused, or keeps to
//! the limits.

use stmf_scsi::{
    erasure::{FormatList, Overwrite},
    provisioning::{UnmapLimits, UnmapList},
};

const LIMITS: UnmapLimits = UnmapLimits {
    capacity: 1 << 40,
    blocks: 1 << 20,
    descriptors: 255,
};

pub(crate) fn run(bytes: &[u8]) {
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
    for is_long in [false, true] {
        if let Ok(list) = FormatList::parse(bytes, is_long, 512) {
            assert!(list
                .pattern
                .is_none_or(|pattern| (1..=512).contains(&pattern.len())));
        }
    }
}
