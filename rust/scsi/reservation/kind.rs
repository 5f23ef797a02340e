// SPDX-License-Identifier: GPL-2.0

//! The types of persistent reservations.

/// What a persistent reservation keeps others from, and who counts as an other: TYPE (SPC-5,
/// Persistent reservation type).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ReservationType {
    /// Only the holder writes.
    WriteExclusive = 0x1,
    /// Only the holder reads and writes.
    ExclusiveAccess = 0x3,
    /// Only registered I_T nexuses write; one of them is the holder.
    WriteExclusiveRegistrantsOnly = 0x5,
    /// Only registered I_T nexuses read and write; one of them is the holder.
    ExclusiveAccessRegistrantsOnly = 0x6,
    /// Only registered I_T nexuses write; every one is a holder.
    WriteExclusiveAllRegistrants = 0x7,
    /// Only registered I_T nexuses read and write; every one is a holder.
    ExclusiveAccessAllRegistrants = 0x8,
}

impl ReservationType {
    /// All types, in the order of their codes.
    pub const ALL: [ReservationType; 6] = [
        ReservationType::WriteExclusive,
        ReservationType::ExclusiveAccess,
        ReservationType::WriteExclusiveRegistrantsOnly,
        ReservationType::ExclusiveAccessRegistrantsOnly,
        ReservationType::WriteExclusiveAllRegistrants,
        ReservationType::ExclusiveAccessAllRegistrants,
    ];

    /// The type with this code; none for the reserved and the obsolete codes.
    pub fn from_code(code: u8) -> Option<ReservationType> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The value of the TYPE field.
    pub const fn code(self) -> u8 {
        // CAST: the enum is `repr(u8)`.
        self as u8
    }

    /// Whether others are kept from reading, too.
    pub const fn excludes_reads(self) -> bool {
        matches!(
            self,
            Self::ExclusiveAccess
                | Self::ExclusiveAccessRegistrantsOnly
                | Self::ExclusiveAccessAllRegistrants
        )
    }

    /// Whether every registered I_T nexus has the holder's access.
    pub const fn admits_registrants(self) -> bool {
        !matches!(self, Self::WriteExclusive | Self::ExclusiveAccess)
    }

    /// Whether every registered I_T nexus is a holder.
    pub const fn is_held_by_all(self) -> bool {
        matches!(
            self,
            Self::WriteExclusiveAllRegistrants | Self::ExclusiveAccessAllRegistrants
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_six_codes_are_types() {
        let known: std::vec::Vec<u8> = (0..=u8::MAX)
            .filter(|&code| ReservationType::from_code(code).is_some())
            .collect();
        assert_eq!(known, [1, 3, 5, 6, 7, 8]);
    }
}
