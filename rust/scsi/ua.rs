// SPDX-License-Identifier: GPL-2.0

//! Unit attention conditions.

use crate::sense::{
    AdditionalSense,
    Sense, //
};

/// Makes [`UnitAttention`] and its codes from one table, in the order of precedence.
macro_rules! unit_attentions {
    ($($(#[$doc:meta])* $name:ident $code:ident,)*) => {
        /// Something that happened to a logical unit and that an I_T nexus has to be told of.
        ///
        /// The order is that of precedence (SAM-5 5.14.1): what SAM ranks comes first, as it ranks
        /// it, then what it leaves equal, with what changes the meaning of later commands first.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum UnitAttention {
            $($(#[$doc])* $name,)*
        }

        impl UnitAttention {
            /// All of them, in the order of precedence.
            pub const ALL: &'static [UnitAttention] = &[$(UnitAttention::$name,)*];

            /// The additional sense code that reports the condition.
            pub const fn code(self) -> AdditionalSense {
                match self {
                    $(UnitAttention::$name => AdditionalSense::$code,)*
                }
            }
        }
    };
}

unit_attentions! {
    /// The first command of a new I_T nexus, or any event that resets all there is.
    PowerOn POWER_ON,
    /// The device was switched on.
    PowerOnOccurred POWER_ON_OCCURRED,
    /// The device reset itself.
    DeviceInternalReset DEVICE_INTERNAL_RESET,
    /// The device server runs other code.
    MicrocodeChanged MICROCODE_HAS_BEEN_CHANGED,
    /// The transport reset the target.
    BusReset SCSI_BUS_RESET_OCCURRED,
    /// A LOGICAL UNIT RESET.
    BusDeviceReset BUS_DEVICE_RESET_FUNCTION_OCCURRED,
    /// The I_T nexus was lost and has come back.
    ItNexusLoss I_T_NEXUS_LOSS_OCCURRED,
    /// The device server gave up commands to prepare for a loss of power.
    CommandsClearedByPowerLoss COMMANDS_CLEARED_BY_POWER_LOSS_NOTIFICATION,
    /// Another I_T nexus aborted commands of this one.
    CommandsCleared COMMANDS_CLEARED,
    /// The device server aborted commands of this I_T nexus.
    CommandsClearedByDeviceServer COMMANDS_CLEARED_BY_DEVICE_SERVER,
    /// Another I_T nexus preempted the reservation of this one.
    ReservationsPreempted RESERVATIONS_PREEMPTED,
    /// The persistent reservation is released.
    ReservationsReleased RESERVATIONS_RELEASED,
    /// Another I_T nexus removed the registration of this one.
    RegistrationsPreempted REGISTRATIONS_PREEMPTED,
    /// The medium may be another one.
    MediumChanged MEDIUM_MAY_HAVE_CHANGED,
    /// The capacity is another one.
    CapacityChanged CAPACITY_DATA_HAS_CHANGED,
    /// A target port group changed its asymmetric access state.
    AccessStateChanged ASYMMETRIC_ACCESS_STATE_CHANGED,
    /// A target port group could not change its asymmetric access state.
    AccessStateTransitionFailed IMPLICIT_ASYMMETRIC_ACCESS_STATE_TRANSITION_FAILED,
    /// Another I_T nexus changed mode parameters.
    ModeParametersChanged MODE_PARAMETERS_CHANGED,
    /// Another I_T nexus changed log parameters.
    LogParametersChanged LOG_PARAMETERS_CHANGED,
    /// Another I_T nexus changed the priority of this one's commands.
    PriorityChanged PRIORITY_CHANGED,
    /// Another I_T nexus set the clock.
    TimestampChanged TIMESTAMP_CHANGED,
    /// Another I_T nexus changed the identifying information.
    DeviceIdentifierChanged DEVICE_IDENTIFIER_CHANGED,
    /// The standard INQUIRY data or a VPD page is another one.
    InquiryDataChanged INQUIRY_DATA_HAS_CHANGED,
    /// The inventory of logical units is another one.
    ReportedLunsChanged REPORTED_LUNS_DATA_HAS_CHANGED,
    /// A thin provisioned logical unit is running out of space.
    ThinProvisioningThreshold THIN_PROVISIONING_SOFT_THRESHOLD_REACHED,
    /// A thin provisioned logical unit takes as much space as an initiator has set a threshold at.
    ThinProvisioningUsage THIN_PROVISIONING_SOFT_THRESHOLD_REACHED,
    /// A self-test in the background has failed, and warnings are wanted.
    BackgroundSelfTestFailed WARNING_BACKGROUND_SELF_TEST_FAILED,
    /// A failure is predicted, in a test of such reports.
    FalseFailurePrediction FAILURE_PREDICTION_THRESHOLD_EXCEEDED_FALSE,
}

impl UnitAttention {
    /// The sense data that reports the condition.
    pub const fn sense(self) -> Sense {
        /// Where the descriptors of the thresholds begin in the Logical Block Provisioning mode page
        /// (SBC-4 4.7.3.7.6 and 6.5.9).
        const AVAILABLE: u64 = 16;
        const USED: u64 = 24;

        let sense = Sense::unit_attention(self.code());
        match self {
            Self::ThinProvisioningThreshold => sense.with_information(AVAILABLE),
            Self::ThinProvisioningUsage => sense.with_information(USED),
            _ => sense,
        }
    }

    /// The bit of the condition in [`UnitAttentions`].
    pub const fn bit(self) -> u32 {
        // CAST: the enum is `repr(u8)`. OVERFLOW: there are fewer than 32 of them, see below.
        1 << self as u8
    }
}

const _: () = assert!(UnitAttention::ALL.len() <= 32);

/// The unit attention conditions that wait for one I_T nexus on one logical unit.
///
/// A plain set of bits: the lowest is the highest in precedence. The owner can keep the bits in an
/// atomic variable, insert with an OR of [`UnitAttention::bit`] and remove with an AND.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct UnitAttentions(u32);

impl UnitAttentions {
    /// No condition.
    pub const EMPTY: UnitAttentions = UnitAttentions(0);

    /// The set with these bits. Bits without a meaning are dropped.
    pub const fn from_bits(bits: u32) -> UnitAttentions {
        // OVERFLOW: there are 1 to 32 conditions, see above.
        const KNOWN: u32 = u32::MAX >> (32 - UnitAttention::ALL.len() as u32);
        UnitAttentions(bits & KNOWN)
    }

    /// The bits of the set.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether there is no condition.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `condition` is in the set.
    pub const fn contains(self, condition: UnitAttention) -> bool {
        self.0 & condition.bit() != 0
    }

    /// Establishes `condition`. A condition that is there already is not repeated.
    pub fn insert(&mut self, condition: UnitAttention) {
        self.0 |= condition.bit();
    }

    /// Clears `condition`.
    pub fn remove(&mut self, condition: UnitAttention) {
        self.0 &= !condition.bit();
    }

    /// The condition to report next: the one highest in precedence.
    pub fn first(self) -> Option<UnitAttention> {
        // CAST: at most 32, which is past the end of the list, as it has to be for the empty set.
        UnitAttention::ALL
            .get(self.0.trailing_zeros() as usize)
            .copied()
    }

    /// The conditions, highest in precedence first.
    pub fn iter(self) -> impl Iterator<Item = UnitAttention> {
        UnitAttention::ALL
            .iter()
            .copied()
            .filter(move |&condition| self.contains(condition))
    }
}

impl core::fmt::Debug for UnitAttentions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl FromIterator<UnitAttention> for UnitAttentions {
    fn from_iter<I: IntoIterator<Item = UnitAttention>>(conditions: I) -> Self {
        let mut set = UnitAttentions::EMPTY;
        for condition in conditions {
            set.insert(condition);
        }
        set
    }
}

/// What a command does when a unit attention condition is waiting (SAM-5 5.14.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UaDisposition {
    /// The command ends with CHECK CONDITION, which reports the first condition and clears it.
    Report,
    /// The command is processed; the conditions stay: INQUIRY.
    Ignore,
    /// The command is processed and clears [`UnitAttention::ReportedLunsChanged`]; the others stay:
    /// REPORT LUNS.
    ClearInventory,
    /// The command returns the first condition as its parameter data, clears it and ends with GOOD:
    /// REQUEST SENSE.
    ReturnAsData,
}

/// What a command with this operation code does when a unit attention condition is waiting.
pub const fn disposition(opcode: u8) -> UaDisposition {
    use crate::cdb::opcode;

    match opcode {
        opcode::INQUIRY => UaDisposition::Ignore,
        opcode::REPORT_LUNS => UaDisposition::ClearInventory,
        opcode::REQUEST_SENSE => UaDisposition::ReturnAsData,
        _ => UaDisposition::Report,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resets_come_before_everything_else() {
        let mut set: UnitAttentions = [
            UnitAttention::ReportedLunsChanged,
            UnitAttention::CapacityChanged,
            UnitAttention::ItNexusLoss,
            UnitAttention::PowerOn,
        ]
        .into_iter()
        .collect();
        for expected in [
            UnitAttention::PowerOn,
            UnitAttention::ItNexusLoss,
            UnitAttention::CapacityChanged,
            UnitAttention::ReportedLunsChanged,
        ] {
            assert_eq!(set.first(), Some(expected));
            set.remove(expected);
        }
        assert!(set.is_empty());
        assert_eq!(set.first(), None);
    }

    #[test]
    fn a_condition_is_established_once() {
        let mut set = UnitAttentions::EMPTY;
        set.insert(UnitAttention::CapacityChanged);
        set.insert(UnitAttention::CapacityChanged);
        assert!(set.contains(UnitAttention::CapacityChanged));
        set.remove(UnitAttention::CapacityChanged);
        assert!(set.is_empty());
    }

    #[test]
    fn bits_survive_an_atomic_and_unknown_ones_are_dropped() {
        let all: UnitAttentions = UnitAttention::ALL.iter().copied().collect();
        assert_eq!(UnitAttentions::from_bits(u32::MAX), all);
        assert_eq!(UnitAttentions::from_bits(all.bits()), all);
        assert_eq!(all.iter().count(), UnitAttention::ALL.len());
    }

    #[test]
    fn codes_are_reported_with_the_unit_attention_key() {
        let sense = UnitAttention::ReportedLunsChanged.sense();
        assert_eq!(sense.key, crate::SenseKey::UnitAttention);
        assert_eq!(sense.code, AdditionalSense(0x3f, 0x0e));
        assert_eq!(UnitAttention::PowerOn.code(), AdditionalSense(0x29, 0x00));
        assert_eq!(
            UnitAttention::ItNexusLoss.code(),
            AdditionalSense(0x29, 0x07)
        );
    }

    #[test]
    fn only_inquiry_report_luns_and_request_sense_pass() {
        assert_eq!(disposition(0x12), UaDisposition::Ignore);
        assert_eq!(disposition(0xa0), UaDisposition::ClearInventory);
        assert_eq!(disposition(0x03), UaDisposition::ReturnAsData);
        for opcode in (0..=0xff).filter(|opcode| ![0x03, 0x12, 0xa0].contains(opcode)) {
            assert_eq!(disposition(opcode), UaDisposition::Report);
        }
    }
}
