// SPDX-License-Identifier: GPL-2.0

//! MODE SENSE.

use crate::disk::Disk;
use stmf_scsi::mode::{ModeParameters, Values};

/// The mode parameters; none can be changed by an initiator.
pub(super) fn parameters(disk: &Disk) -> ModeParameters {
    let values = Values {
        wce: !disk.write_cache_disable && disk.backend.traits().volatile,
        // Commands that another initiator aborts end without an answer.
        tas: false,
        ..Values::DISK
    };
    ModeParameters {
        current: values,
        default: values,
        changeable: Values::default(),
        write_protected: disk.write_protect,
        dpofua: true,
        blocks: disk.geometry.blocks(),
        block_length: disk.geometry.block_size(),
    }
}
