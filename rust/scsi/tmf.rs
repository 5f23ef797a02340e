// SPDX-License-Identifier: GPL-2.0

//! Task management functions and task attributes.

use crate::{
    sense::{
        AdditionalSense,
        SenseKey, //
    },
    ua::{
        UnitAttention,
        UnitAttentions, //
    },
};

/// A task management function (SAM-5 7.1; the target resets are RFC 7143 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskManagement {
    /// Abort one command of this I_T nexus.
    AbortTask,
    /// Abort every command of this I_T nexus on the logical unit.
    AbortTaskSet,
    /// End an auto contingent allegiance.
    ClearAca,
    /// Abort every command in the task set, those of other I_T nexuses too.
    ClearTaskSet,
    /// Reset the logical unit.
    LogicalUnitReset,
    /// Reset every logical unit that this I_T nexus can reach.
    TargetWarmReset,
    /// Reset every logical unit that this I_T nexus can reach, then drop every connection.
    TargetColdReset,
    /// Act as if the I_T nexus were lost.
    ItNexusReset,
    /// Ask whether one command is in the task set.
    QueryTask,
    /// Ask whether any command of this I_T nexus is in the task set.
    QueryTaskSet,
    /// Ask whether a unit attention or a deferred error is waiting for this I_T nexus.
    QueryAsyncEvent,
}

impl TaskManagement {
    /// Whether the function names one command by its tag.
    pub const fn names_task(self) -> bool {
        matches!(self, Self::AbortTask | Self::QueryTask)
    }

    /// Whether the function is addressed to one logical unit. The others concern the whole target.
    pub const fn names_lun(self) -> bool {
        !matches!(
            self,
            Self::TargetWarmReset | Self::TargetColdReset | Self::ItNexusReset
        )
    }

    /// Whether the function only asks and changes nothing.
    pub const fn is_query(self) -> bool {
        matches!(
            self,
            Self::QueryTask | Self::QueryTaskSet | Self::QueryAsyncEvent
        )
    }
}

/// What QUERY ASYNC EVENT tells: the additional response information of SAM-5 7.7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsyncEvent {
    /// The condition that is reported next.
    pub first: UnitAttention,
    /// Whether others follow it.
    pub more: bool,
}

impl AsyncEvent {
    /// What is told of pending unit attentions; `None` when there is none.
    pub fn of(pending: UnitAttentions) -> Option<Self> {
        let first = pending.first()?;
        Some(Self {
            first,
            more: pending.bits() != first.bit(),
        })
    }

    /// The three bytes: UADE DEPTH and sense key, additional sense code and its qualifier.
    pub const fn encode(self) -> [u8; 3] {
        const ONE: u8 = 1 << 4;
        const SEVERAL: u8 = 2 << 4;

        let AdditionalSense(code, qualifier) = self.first.code();
        let depth = if self.more { SEVERAL } else { ONE };
        [depth | SenseKey::UnitAttention as u8, code, qualifier]
    }
}

/// What the initiator is told about a task management function (SAM-5 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TmfResponse {
    /// FUNCTION COMPLETE: done; to a query, no.
    Complete,
    /// FUNCTION SUCCEEDED: to a query, yes.
    Succeeded,
    /// FUNCTION SUCCEEDED: to QUERY ASYNC EVENT, yes, and this.
    Event(AsyncEvent),
    /// The function is not supported; SAM's FUNCTION REJECTED, for which iSCSI has its own code.
    NotSupported,
    /// FUNCTION REJECTED: supported, but not now.
    Rejected,
    /// INCORRECT LOGICAL UNIT NUMBER.
    IncorrectLun,
    /// The command to abort is not there. SAM answers FUNCTION COMPLETE; iSCSI has its own code.
    TaskNotFound,
    /// SERVICE DELIVERY OR TARGET FAILURE: what the function promises could not be kept in time.
    TargetFailure,
}

impl TmfResponse {
    /// Whether the function had its effect, or was a query that got its answer.
    pub const fn is_done(self) -> bool {
        matches!(
            self,
            Self::Complete | Self::Succeeded | Self::Event(_) | Self::TaskNotFound
        )
    }
}

/// How a command is ordered against the others in its task set (SAM-5 8.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskAttribute {
    /// In any order among the simple commands.
    #[default]
    Simple,
    /// After all older commands and before all younger ones.
    Ordered,
    /// Before all commands that are not yet being processed.
    HeadOfQueue,
    /// During an auto contingent allegiance.
    Aca,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_abort_task_and_query_task_name_a_command() {
        assert!(TaskManagement::AbortTask.names_task());
        assert!(TaskManagement::QueryTask.names_task());
        assert!(!TaskManagement::AbortTaskSet.names_task());
        assert!(!TaskManagement::QueryTaskSet.names_task());
    }

    #[test]
    fn resets_of_the_target_or_the_nexus_name_no_lun() {
        assert!(TaskManagement::LogicalUnitReset.names_lun());
        assert!(!TaskManagement::TargetWarmReset.names_lun());
        assert!(!TaskManagement::TargetColdReset.names_lun());
        assert!(!TaskManagement::ItNexusReset.names_lun());
    }

    #[test]
    fn query_async_event_tells_the_first_condition_and_whether_there_are_more() {
        let mut pending = UnitAttentions::EMPTY;
        assert_eq!(AsyncEvent::of(pending), None);
        pending.insert(UnitAttention::CapacityChanged);
        let event = AsyncEvent::of(pending).unwrap();
        assert_eq!(event.encode(), [0x16, 0x2a, 0x09]);
        pending.insert(UnitAttention::PowerOn);
        let event = AsyncEvent::of(pending).unwrap();
        assert_eq!(event.encode(), [0x26, 0x29, 0x00]);
    }

    #[test]
    fn a_failure_is_never_done() {
        assert!(TmfResponse::Complete.is_done());
        assert!(!TmfResponse::TargetFailure.is_done());
        assert!(!TmfResponse::Rejected.is_done());
        assert!(!TmfResponse::NotSupported.is_done());
    }
}
