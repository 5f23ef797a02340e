// SPDX-License-Identifier: GPL-2.0

//! How a device server treats its commands: the Control mode page (SPC-5) as far as it concerns
//! more than one command.

use crate::sense::SenseFormat;

/// What happens to the other commands when one ends with CHECK CONDITION (QERR).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum QueueError {
    /// 00b: nothing.
    #[default]
    Continue = 0,
    /// 01b: all commands in the task set are aborted.
    AbortAll = 1,
    /// 11b: the commands of the same I_T nexus are aborted.
    AbortOwn = 3,
}

impl QueueError {
    /// The value of the field; `None` for the one that is reserved.
    pub const fn from_field(field: u8) -> Option<Self> {
        match field {
            0 => Some(Self::Continue),
            1 => Some(Self::AbortAll),
            3 => Some(Self::AbortOwn),
            _ => None,
        }
    }
}

/// The settings of a logical unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ControlSettings {
    /// D_SENSE: sense data is in descriptor format.
    pub d_sense: bool,
    /// TST 001b: each I_T nexus has a task set of its own. Otherwise there is one for all.
    pub task_set_per_nexus: bool,
    /// QERR.
    pub qerr: QueueError,
    /// TAS: a command that another I_T nexus aborts ends with TASK ABORTED status; otherwise it
    /// ends without status, and a unit attention tells of it.
    pub tas: bool,
}

const D_SENSE: u32 = 1;
const PER_NEXUS: u32 = 1 << 1;
const TAS: u32 = 1 << 2;
const QERR_SHIFT: u32 = 8;

impl ControlSettings {
    /// The settings as a number, to be kept in an atomic variable.
    pub const fn bits(self) -> u32 {
        const fn flag(set: bool, bit: u32) -> u32 {
            if set {
                bit
            } else {
                0
            }
        }
        flag(self.d_sense, D_SENSE)
            | flag(self.task_set_per_nexus, PER_NEXUS)
            | flag(self.tas, TAS)
            | (self.qerr as u32) << QERR_SHIFT
    }

    /// The settings that [`ControlSettings::bits`] made a number of.
    pub const fn from_bits(bits: u32) -> Self {
        // CAST: only the low byte is meant.
        let qerr = match QueueError::from_field((bits >> QERR_SHIFT) as u8) {
            Some(qerr) => qerr,
            None => QueueError::Continue,
        };
        Self {
            d_sense: bits & D_SENSE != 0,
            task_set_per_nexus: bits & PER_NEXUS != 0,
            qerr,
            tas: bits & TAS != 0,
        }
    }

    /// The format of sense data.
    pub const fn sense_format(self) -> SenseFormat {
        if self.d_sense {
            SenseFormat::Descriptor
        } else {
            SenseFormat::Fixed
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_an_atomic() {
        for qerr in [
            QueueError::Continue,
            QueueError::AbortAll,
            QueueError::AbortOwn,
        ] {
            assert_eq!(QueueError::from_field(qerr as u8), Some(qerr));
            for flags in 0..8 {
                let settings = ControlSettings {
                    d_sense: flags & 1 != 0,
                    task_set_per_nexus: flags & 2 != 0,
                    qerr,
                    tas: flags & 4 != 0,
                };
                assert_eq!(ControlSettings::from_bits(settings.bits()), settings);
            }
        }
    }

    #[test]
    fn the_reserved_qerr_is_none() {
        assert_eq!(QueueError::from_field(2), None);
        assert_eq!(QueueError::from_field(4), None);
    }
}
