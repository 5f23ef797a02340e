// SPDX-License-Identifier: GPL-2.0

//! The fields of the mode pages that are ever anything but zero.

use crate::control::{
    ControlSettings,
    QueueError, //
};

/// The values of the mode parameters.
///
/// There is one set of them for each page control: the current, the default and the saved values,
/// and the mask of what MODE SELECT may change, in which a bool, or any value but zero, means that it
/// may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// WCE: writes end when they are in the volatile cache (SBC-4, Caching mode page).
    pub wce: bool,
    /// DRA: read-ahead is disabled (SBC-4, Caching mode page).
    pub dra: bool,
    /// SWP: the logical unit is write protected by software (SPC-5, Control mode page).
    pub swp: bool,
    /// GLTSD: log parameters are not saved (SPC-5, Control mode page).
    pub gltsd: bool,
    /// QUEUE ALGORITHM MODIFIER: unrestricted reordering (SPC-5, Control mode page).
    pub reordering: bool,
    /// D_SENSE, TST, QERR and TAS (SPC-5, Control mode page).
    pub control: ControlSettings,
    /// IALUAE: implicit changes of the asymmetric access states happen (SPC-5, Control Extension
    /// mode page).
    pub ialuae: bool,
    /// DEXCPT: informational exceptions are not reported (SPC-5, Informational Exceptions Control
    /// mode page).
    pub dexcpt: bool,
}

/// The fields that are one bit, from bit 16 on in [`Values::bits`].
const WCE: u32 = 1 << 16;
const DRA: u32 = 1 << 17;
const SWP: u32 = 1 << 18;
const GLTSD: u32 = 1 << 19;
const REORDERING: u32 = 1 << 20;
const IALUAE: u32 = 1 << 21;
const DEXCPT: u32 = 1 << 22;
/// Where [`ControlSettings::bits`] are.
const CONTROL: u32 = 0xffff;

impl Values {
    /// What a disk begins with.
    pub const DISK: Values = Values {
        wce: true,
        dra: false,
        swp: false,
        gltsd: true,
        reordering: true,
        control: ControlSettings {
            d_sense: false,
            task_set_per_nexus: false,
            qerr: QueueError::Continue,
            tas: false,
        },
        ialuae: false,
        dexcpt: true,
    };

    /// What MODE SELECT may change of a disk whose write cache can be switched.
    pub const CHANGEABLE: Values = Values {
        wce: true,
        dra: false,
        swp: true,
        gltsd: false,
        reordering: false,
        control: ControlSettings {
            d_sense: true,
            task_set_per_nexus: true,
            qerr: QueueError::AbortOwn,
            tas: true,
        },
        ialuae: false,
        dexcpt: false,
    };

    /// The values as a number, to be kept in an atomic variable or saved.
    pub const fn bits(self) -> u32 {
        const fn flag(set: bool, bit: u32) -> u32 {
            if set {
                bit
            } else {
                0
            }
        }
        self.control.bits()
            | flag(self.wce, WCE)
            | flag(self.dra, DRA)
            | flag(self.swp, SWP)
            | flag(self.gltsd, GLTSD)
            | flag(self.reordering, REORDERING)
            | flag(self.ialuae, IALUAE)
            | flag(self.dexcpt, DEXCPT)
    }

    /// The values that [`Values::bits`] made a number of. Bits without a meaning are dropped.
    pub const fn from_bits(bits: u32) -> Values {
        Values {
            wce: bits & WCE != 0,
            dra: bits & DRA != 0,
            swp: bits & SWP != 0,
            gltsd: bits & GLTSD != 0,
            reordering: bits & REORDERING != 0,
            control: ControlSettings::from_bits(bits & CONTROL),
            ialuae: bits & IALUAE != 0,
            dexcpt: bits & DEXCPT != 0,
        }
    }
}
