// SPDX-License-Identifier: GPL-2.0

//! The fields of the mode pages that are ever anything but zero.

use crate::{
    control::{
        ControlSettings,
        QueueError, //
    },
    sink::Sink, //
};

/// The values of the mode parameters.
///
/// There is one set of them for each page control: the current, the default and the saved values,
/// and the mask of what MODE SELECT may change, in which a bool, or any value but zero, means that it
/// may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// LBPERE: thresholds of provisioning are reported (SBC-4, Read-Write Error Recovery mode page).
    pub lbpere: bool,
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
    /// Informational Exceptions Control mode page (SPC-5).
    pub exceptions: Exceptions,
    /// Logical Block Provisioning mode page (SBC-4).
    pub thresholds: Thresholds,
}

/// What is reported of informational exceptions, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exceptions {
    /// EWASC: warnings are reported.
    pub warnings: bool,
    /// DEXCPT: failure predictions are not reported.
    pub disabled: bool,
    /// TEST: as if a failure were predicted. Never set when they are disabled.
    pub test: bool,
    /// MRIE.
    pub method: ReportingMethod,
}

/// How informational exceptions are reported: MRIE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ReportingMethod {
    /// 0h: not at all.
    #[default]
    None = 0,
    /// 2h: by a unit attention condition.
    UnitAttention = 2,
    /// 6h: to those who ask with REQUEST SENSE.
    OnRequest = 6,
}

impl ReportingMethod {
    /// The value of the field; `None` for the others, which change the status of commands or are
    /// obsolete.
    pub const fn from_field(field: u8) -> Option<Self> {
        match field {
            0 => Some(Self::None),
            2 => Some(Self::UnitAttention),
            6 => Some(Self::OnRequest),
            _ => None,
        }
    }
}

/// The thresholds of logical block provisioning that there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thresholds {
    /// Of what is left, reached from above.
    pub available: Threshold,
    /// Of what is in use, reached from below.
    pub used: Threshold,
}

impl Thresholds {
    /// The bit of [`Thresholds::available`] in what [`Thresholds::reached`] returns.
    pub const AVAILABLE: u32 = 1;
    /// As above, [`Thresholds::used`].
    pub const USED: u32 = 2;

    /// Which thresholds are reached, given what is left and what is in use, in the unit of `set`, which
    /// is a threshold set. One is reached at its count, and stays so until what was reached `before` is
    /// half a set away from it again (SBC-4 4.7.3.7.2, 4.7.3.7.4 and 4.7.3.7.5).
    pub fn reached(&self, available: u64, used: u64, set: u64, before: u32) -> u32 {
        // All is doubled, so that a margin of half a set is a set.
        let twice = |amount: u64| u128::from(amount).saturating_mul(2);
        let sets = |count: u32| {
            u128::from(count)
                .saturating_mul(2)
                .saturating_mul(set.into())
        };
        let margin = |bit| if before & bit != 0 { set.into() } else { 0 };
        let mut reached = 0;
        if self.available.enabled
            && twice(available)
                <= sets(self.available.count).saturating_add(margin(Self::AVAILABLE))
        {
            reached |= Self::AVAILABLE;
        }
        if self.used.enabled
            && twice(used).saturating_add(margin(Self::USED)) >= sets(self.used.count)
        {
            reached |= Self::USED;
        }
        reached
    }
}

/// A threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Threshold {
    /// THRESHOLD RESOURCE: [`Threshold::AVAILABLE`] or [`Threshold::USED`].
    pub resource: u8,
    /// ENABLED.
    pub enabled: bool,
    /// THRESHOLD COUNT, in threshold sets.
    pub count: u32,
}

/// The fields that are one bit, from bit 16 on in [`Values::bits`].
const WCE: u32 = 1 << 16;
const DRA: u32 = 1 << 17;
const SWP: u32 = 1 << 18;
const GLTSD: u32 = 1 << 19;
const REORDERING: u32 = 1 << 20;
const IALUAE: u32 = 1 << 21;
const DEXCPT: u32 = 1 << 22;
const EWASC: u32 = 1 << 23;
const TEST: u32 = 1 << 24;
const LBPERE: u32 = 1 << 25;
/// Where MRIE is.
const MRIE_SHIFT: u32 = 28;
/// Where [`ControlSettings::bits`] are.
const CONTROL: u32 = 0xffff;

impl Values {
    /// What a disk begins with.
    pub const DISK: Values = Values {
        lbpere: false,
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
        exceptions: Exceptions {
            warnings: false,
            disabled: true,
            test: false,
            method: ReportingMethod::None,
        },
        thresholds: Thresholds {
            available: Threshold::of(Threshold::AVAILABLE),
            used: Threshold::of(Threshold::USED),
        },
    };

    /// What MODE SELECT may change of a disk whose write cache can be switched, and which knows how
    /// much space it has.
    pub const CHANGEABLE: Values = Values {
        lbpere: true,
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
        exceptions: Exceptions {
            warnings: true,
            disabled: true,
            test: true,
            // The bits in which the methods that there are differ.
            method: ReportingMethod::OnRequest,
        },
        thresholds: Thresholds {
            available: Threshold::CHANGEABLE,
            used: Threshold::CHANGEABLE,
        },
    };

    /// All but the thresholds as a number, to be kept in an atomic variable.
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
            | flag(self.exceptions.disabled, DEXCPT)
            | flag(self.exceptions.warnings, EWASC)
            | flag(self.exceptions.test, TEST)
            | flag(self.lbpere, LBPERE)
            // CAST: the enum is `repr(u8)`, and widening.
            | (self.exceptions.method as u32) << MRIE_SHIFT
    }

    /// The values that [`Values::bits`] made a number of, without thresholds. Bits without a meaning
    /// are dropped.
    pub const fn from_bits(bits: u32) -> Values {
        let disabled = bits & DEXCPT != 0;
        // CAST: at most 15.
        let method = match ReportingMethod::from_field((bits >> MRIE_SHIFT) as u8) {
            Some(method) => method,
            None => ReportingMethod::None,
        };
        Values {
            lbpere: bits & LBPERE != 0,
            wce: bits & WCE != 0,
            dra: bits & DRA != 0,
            swp: bits & SWP != 0,
            gltsd: bits & GLTSD != 0,
            reordering: bits & REORDERING != 0,
            control: ControlSettings::from_bits(bits & CONTROL),
            ialuae: bits & IALUAE != 0,
            exceptions: Exceptions {
                warnings: bits & EWASC != 0,
                disabled,
                test: bits & TEST != 0 && !disabled,
                method,
            },
            thresholds: Values::DISK.thresholds,
        }
    }

    /// Writes the values in the form in which they are saved: [`Values::bits`], and where there are
    /// thresholds these, each as ENABLED in a byte and THRESHOLD COUNT. At most [`Values::SAVED_LEN`]
    /// bytes.
    ///
    /// TEST is not saved: it asks for something to be done once.
    pub fn write(&self, out: &mut Sink<'_>) {
        out.u32(self.bits() & !TEST);
        if self.thresholds != Values::DISK.thresholds {
            for threshold in [self.thresholds.available, self.thresholds.used] {
                out.u8(threshold.enabled.into());
                out.u32(threshold.count);
            }
        }
    }

    /// The values of a logical unit without thresholds.
    pub const fn without_thresholds(self) -> Values {
        Values {
            lbpere: false,
            thresholds: Values::DISK.thresholds,
            ..self
        }
    }

    /// The longest form in which values are saved.
    pub const SAVED_LEN: usize = 14;

    /// Reads what [`Values::write`] wrote; nothing when it is something else.
    pub fn parse(saved: &[u8]) -> Option<Values> {
        let (bits, rest) = saved.split_first_chunk()?;
        let values = Values::from_bits(u32::from_be_bytes(*bits));
        let threshold = |begin: Threshold, enabled: u8, count: [u8; 4]| {
            (enabled <= 1).then_some(Threshold {
                resource: begin.resource,
                enabled: enabled == 1,
                count: u32::from_be_bytes(count),
            })
        };
        let thresholds = match *rest {
            [] => values.thresholds,
            [a, a3, a2, a1, a0, u, u3, u2, u1, u0] => Thresholds {
                available: threshold(values.thresholds.available, a, [a3, a2, a1, a0])?,
                used: threshold(values.thresholds.used, u, [u3, u2, u1, u0])?,
            },
            _ => return None,
        };
        Some(Values {
            thresholds,
            ..values
        })
    }
}

impl Threshold {
    /// The blocks that can still get space: the threshold is reached by their decrease.
    pub const AVAILABLE: u8 = 0x01;
    /// The blocks that have space: the threshold is reached by their increase.
    pub const USED: u8 = 0x02;

    const fn of(resource: u8) -> Self {
        Self {
            resource,
            enabled: false,
            count: 0,
        }
    }

    const CHANGEABLE: Self = Self {
        resource: 0,
        enabled: true,
        count: u32::MAX,
    };
}
