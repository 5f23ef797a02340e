// SPDX-License-Identifier: GPL-2.0

//! The small things headers are made of.

use crate::sn::Sn;

/// A logical unit number as it travels: the eight bytes of SAM's single- or multi-level format.
pub type Lun = [u8; 8];

/// Initiator task tag (RFC 7143 11.2.1.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Itt(pub u32);

impl Itt {
    /// The reserved tag: no task.
    pub const RESERVED: Self = Self(u32::MAX);

    /// Whether this is the reserved tag.
    pub const fn is_reserved(self) -> bool {
        self.0 == u32::MAX
    }
}

/// Target transfer tag (RFC 7143 11.7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttt(pub u32);

impl Ttt {
    /// The reserved tag: nothing is continued.
    pub const RESERVED: Self = Self(u32::MAX);

    /// Whether this is the reserved tag.
    pub const fn is_reserved(self) -> bool {
        self.0 == u32::MAX
    }

    /// The tag of the R2T numbered `r2t_sn` of the task that its target knows as `slot`.
    ///
    /// Two R2Ts of a task have different tags unless 2¹⁵ others lie between them, and none has
    /// the reserved tag.
    pub const fn for_r2t(slot: u16, r2t_sn: u32) -> Self {
        Self(((slot as u32) << 16) | (r2t_sn & 0x7fff))
    }

    /// What `slot` was given to [`Ttt::for_r2t`].
    pub const fn slot(self) -> u16 {
        (self.0 >> 16) as u16
    }
}

/// Connection identifier (RFC 7143 11.12.7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cid(pub u16);

/// The initiator's part of the session identifier (RFC 7143 11.12.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Isid(pub [u8; 6]);

/// The target's part of the session identifier (RFC 7143 11.12.6); zero stands for none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tsih(pub u16);

impl Tsih {
    /// No session yet.
    pub const NONE: Self = Self(0);

    /// Whether this names no session.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }
}

/// The three numbers in every header that a target sends (RFC 7143 4.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Serials {
    /// StatSN: of this response, or of the next one where a PDU carries no status.
    pub stat_sn: Sn,
    /// The CmdSN expected next.
    pub exp_cmd_sn: Sn,
    /// The last CmdSN the target has room for.
    pub max_cmd_sn: Sn,
}

/// SCSI task attribute (RFC 7143 11.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskAttr {
    /// Untagged: as SIMPLE, for commands of initiators that have no tags.
    Untagged,
    /// SIMPLE.
    Simple,
    /// ORDERED.
    Ordered,
    /// HEAD OF QUEUE.
    HeadOfQueue,
    /// ACA.
    Aca,
}

impl TaskAttr {
    /// The attribute with this code; the three codes without a meaning give `None`.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Untagged,
            1 => Self::Simple,
            2 => Self::Ordered,
            3 => Self::HeadOfQueue,
            4 => Self::Aca,
            _ => return None,
        })
    }
}

/// Why a PDU is rejected (RFC 7143 11.17.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RejectReason {
    /// The data digest did not match.
    DataDigestError = 0x02,
    /// A SNACK could not be served.
    SnackReject = 0x03,
    /// The PDU breaks a rule of the protocol.
    ProtocolError = 0x04,
    /// The opcode is not implemented.
    CommandNotSupported = 0x05,
    /// More immediate commands than the target takes.
    ImmediateCommandReject = 0x06,
    /// The initiator task tag is in use.
    TaskInProgress = 0x07,
    /// A data acknowledgement that acknowledges nothing.
    InvalidDataAck = 0x08,
    /// A field has a value it can't have.
    InvalidPduField = 0x09,
    /// No target transfer tag is to be had.
    LongOperationReject = 0x0a,
    /// The target waits for a logout.
    WaitingForLogout = 0x0c,
}

/// What a task management request asks for (RFC 7143 11.5.1, RFC 7144 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TmfFunction {
    /// ABORT TASK: the one with the referenced task tag.
    AbortTask,
    /// ABORT TASK SET: all of this I_T nexus on the logical unit.
    AbortTaskSet,
    /// CLEAR ACA.
    ClearAca,
    /// CLEAR TASK SET: those of other nexuses too.
    ClearTaskSet,
    /// LOGICAL UNIT RESET.
    LogicalUnitReset,
    /// TARGET WARM RESET.
    TargetWarmReset,
    /// TARGET COLD RESET: sessions end as well.
    TargetColdReset,
    /// TASK REASSIGN: continue a task on this connection.
    TaskReassign,
    /// QUERY TASK (RFC 7144).
    QueryTask,
    /// QUERY TASK SET (RFC 7144).
    QueryTaskSet,
    /// I_T NEXUS RESET (RFC 7144).
    ItNexusReset,
    /// QUERY ASYNCHRONOUS EVENT (RFC 7144).
    QueryAsyncEvent,
    /// A code that no standard gives a meaning; answered "function not supported".
    Unknown(u8),
}

impl TmfFunction {
    /// The function with this code.
    pub const fn from_code(code: u8) -> Self {
        match code {
            1 => Self::AbortTask,
            2 => Self::AbortTaskSet,
            3 => Self::ClearAca,
            4 => Self::ClearTaskSet,
            5 => Self::LogicalUnitReset,
            6 => Self::TargetWarmReset,
            7 => Self::TargetColdReset,
            8 => Self::TaskReassign,
            9 => Self::QueryTask,
            10 => Self::QueryTaskSet,
            11 => Self::ItNexusReset,
            12 => Self::QueryAsyncEvent,
            code => Self::Unknown(code),
        }
    }

    /// The lowest iSCSIProtocolLevel that has the function (RFC 7144).
    pub const fn protocol_level(self) -> u32 {
        match self {
            Self::QueryTask | Self::QueryTaskSet | Self::ItNexusReset | Self::QueryAsyncEvent => 2,
            _ => 0,
        }
    }
}

/// How a task management request ended (RFC 7143 11.6.1, RFC 7144 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TmfResult {
    /// Function complete.
    Complete = 0,
    /// The task does not exist.
    NoSuchTask = 1,
    /// The logical unit does not exist.
    NoSuchLun = 2,
    /// The task is still allegiant to another connection.
    StillAllegiant = 3,
    /// Tasks can't change their connection.
    ReassignNotSupported = 4,
    /// The function is not supported.
    NotSupported = 5,
    /// The initiator may not do that.
    NotAuthorized = 6,
    /// Function succeeded: what was asked about is so (RFC 7144).
    Succeeded = 7,
    /// Function rejected.
    Rejected = 255,
}

impl TmfResult {
    /// The result with this code.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Complete,
            1 => Self::NoSuchTask,
            2 => Self::NoSuchLun,
            3 => Self::StillAllegiant,
            4 => Self::ReassignNotSupported,
            5 => Self::NotSupported,
            6 => Self::NotAuthorized,
            7 => Self::Succeeded,
            255 => Self::Rejected,
            _ => return None,
        })
    }
}

/// All that is told of a task management request that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TmfOutcome {
    /// How it ended.
    pub result: TmfResult,
    /// Additional Response Information (RFC 7144): what a query has found, as SAM has it.
    pub information: [u8; 3],
}

impl From<TmfResult> for TmfOutcome {
    fn from(result: TmfResult) -> Self {
        Self {
            result,
            information: [0; 3],
        }
    }
}

impl TmfOutcome {
    /// It as a number, which is never zero.
    pub const fn to_number(self) -> u64 {
        let [first, second, third] = self.information;
        u64::from_be_bytes([1, self.result as u8, first, second, third, 0, 0, 0])
    }

    /// What [`TmfOutcome::to_number`] has made a number of; zero stands for none.
    pub const fn from_number(number: u64) -> Option<Self> {
        let [1, code, first, second, third, ..] = number.to_be_bytes() else {
            return None;
        };
        match TmfResult::from_code(code) {
            Some(result) => Some(Self {
                result,
                information: [first, second, third],
            }),
            None => None,
        }
    }
}

/// What a logout ends (RFC 7143 11.14.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogoutReason {
    /// The session with all its connections.
    CloseSession,
    /// One connection.
    CloseConnection,
    /// One connection, whose tasks another may take over.
    RemoveForRecovery,
    /// A code without a meaning.
    Unknown(u8),
}

impl LogoutReason {
    /// The reason with this code.
    pub const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::CloseSession,
            1 => Self::CloseConnection,
            2 => Self::RemoveForRecovery,
            code => Self::Unknown(code),
        }
    }
}

/// How a logout ended (RFC 7143 11.15.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum LogoutResult {
    /// Closed.
    Success = 0,
    /// No connection has this CID.
    CidNotFound = 1,
    /// Connection recovery is not supported.
    RecoveryNotSupported = 2,
    /// The cleanup failed.
    CleanupFailed = 3,
}

/// The stage of a login (RFC 7143 11.12.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// SecurityNegotiation: who is it?
    Security = 0,
    /// LoginOperationalNegotiation: how shall we talk?
    Operational = 1,
    /// FullFeaturePhase: the login is over.
    FullFeature = 3,
}

impl Stage {
    /// The stage with this code; 2 is reserved.
    pub const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Security,
            1 => Self::Operational,
            3 => Self::FullFeature,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2t_tags_name_their_slot_and_are_never_reserved() {
        let tag = Ttt::for_r2t(0xffff, 0xffff_ffff);
        assert_eq!(tag.0, 0xffff_7fff);
        assert_eq!(tag.slot(), 0xffff);
        assert!(!tag.is_reserved());
        assert_ne!(Ttt::for_r2t(3, 0), Ttt::for_r2t(3, 1));
    }

    #[test]
    fn the_functions_of_rfc_7144_are_of_level_2() {
        for code in 0..=127 {
            let level = TmfFunction::from_code(code).protocol_level();
            let expected = if (9..=12).contains(&code) { 2 } else { 0 };
            assert_eq!(level, expected, "level of function {code}");
        }
    }

    #[test]
    fn every_result_has_a_code_of_its_own() {
        let known: std::vec::Vec<_> = (0..=255).filter_map(TmfResult::from_code).collect();
        assert_eq!(known.len(), 9);
        for result in known {
            assert_eq!(TmfResult::from_code(result as u8), Some(result));
        }
    }

    #[test]
    fn an_outcome_is_what_its_number_says() {
        assert_eq!(TmfOutcome::from_number(0), None);
        let plain = TmfOutcome::from(TmfResult::Complete);
        let event = TmfOutcome {
            result: TmfResult::Succeeded,
            information: [0x26, 0x29, 0x03],
        };
        for outcome in [plain, event, TmfResult::Rejected.into()] {
            let number = outcome.to_number();
            assert_ne!(number, 0);
            assert_eq!(TmfOutcome::from_number(number), Some(outcome));
        }
    }
}
