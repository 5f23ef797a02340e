// SPDX-License-Identifier: GPL-2.0

//! The status of a finished command.

/// How a command ended (SAM-5 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Status {
    /// The command did what it was asked to.
    Good = 0x00,
    /// Sense data says what went wrong.
    CheckCondition = 0x02,
    /// The comparison that the command asked for is satisfied (PRE-FETCH).
    ConditionMet = 0x04,
    /// The logical unit is too busy; the initiator is to try again.
    Busy = 0x08,
    /// A reservation of another I_T nexus forbids the command.
    ReservationConflict = 0x18,
    /// The task set has no room for the command.
    TaskSetFull = 0x28,
    /// An auto contingent allegiance of the I_T nexus blocks the command.
    AcaActive = 0x30,
    /// Another I_T nexus aborted the command and the control mode page has TAS set.
    TaskAborted = 0x40,
}

impl Status {
    /// The status code that travels to the initiator.
    pub const fn code(self) -> u8 {
        // CAST: the enum is `repr(u8)`.
        self as u8
    }
}

#[cfg(test)]
mod tests {
    use super::Status;

    #[test]
    fn codes_are_those_of_sam() {
        let all = [
            (Status::Good, 0x00),
            (Status::CheckCondition, 0x02),
            (Status::ConditionMet, 0x04),
            (Status::Busy, 0x08),
            (Status::ReservationConflict, 0x18),
            (Status::TaskSetFull, 0x28),
            (Status::AcaActive, 0x30),
            (Status::TaskAborted, 0x40),
        ];
        for (status, code) in all {
            assert_eq!(status.code(), code);
        }
    }
}
