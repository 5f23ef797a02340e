// SPDX-License-Identifier: GPL-2.0

//! Task management.

use super::{Connection, End, Phase};
use kernel::{
    prelude::*,
    sync::atomic::ordering, //
};
use stmf::nexus::ManagementRequest;
use stmf_iscsi_proto::{
    request,
    types::{Itt, TmfFunction, TmfResult}, //
};
use stmf_scsi::tmf::TaskManagement;

/// The most functions in progress at a time.
pub(super) const MAX: usize = 16;

/// A function in progress.
#[derive(Clone, Copy)]
pub(super) struct InProgress {
    itt: Itt,
    function: TaskManagement,
}

/// The functions in progress, by their place in [`super::Link::managed`].
pub(super) struct Management {
    requests: [Option<InProgress>; MAX],
}

impl Management {
    pub(super) const fn new() -> Self {
        Self {
            requests: [None; MAX],
        }
    }

    /// Finds a place for a function.
    fn enter(&mut self, itt: Itt, function: TaskManagement) -> Option<u64> {
        let place = self.requests.iter().position(Option::is_none)?;
        *self.requests.get_mut(place)? = Some(InProgress { itt, function });
        u64::try_from(place).ok()
    }
}

impl Connection {
    /// Starts a function.
    pub(super) fn task_management(&mut self, request: &request::TaskManagement) -> Result<(), End> {
        let function = match supported(request.function) {
            Ok(function) => function,
            Err(result) => return self.say_managed(request.itt, result),
        };
        self.drop_early(function, request);
        if self.numbers.joint().is_some() && is_of_target(function) {
            // What has not come yet need not be waited for (RFC 7143 4.2.3.3).
            self.numbers.plug(request.order.cmd_sn);
        }
        let before = request.ref_cmd_sn.is_before(request.order.cmd_sn);
        if function == TaskManagement::AbortTask && before && self.numbers.skip(request.ref_cmd_sn)
        {
            // It has not come, and need not come any more (RFC 7143 11.6.1).
            return self.say_managed(request.itt, TmfResult::Complete);
        }
        let Phase::Normal(normal) = &mut self.phase else {
            return Ok(());
        };
        if function == TaskManagement::AbortTask {
            // A command that still waits for data hasn't begun: it is over at once.
            if let Some(held) = normal.writes.take(request.rtt) {
                drop(normal.writes.finish(held));
                return self.say_managed(request.itt, TmfResult::Complete);
            }
        }
        let Some(cookie) = normal.management.enter(request.itt, function) else {
            return self.say_managed(request.itt, TmfResult::Rejected);
        };
        normal.endpoint.as_arc_borrow().manage(ManagementRequest {
            function,
            lun: request.lun,
            tag: u64::from(request.rtt.0),
            cookie,
        });
        Ok(())
    }

    /// Drops the commands that a function is about from those that wait for others before them.
    fn drop_early(&mut self, function: TaskManagement, request: &request::TaskManagement) {
        let numbers = &mut self.numbers;
        let is_joint = numbers.joint().is_some();
        let matches = |itt, lun| match function {
            // Its own number is taken care of by whoever answers.
            TaskManagement::AbortTask => itt == request.rtt,
            // Those before it have been carried out by now, or are dropped by its plug.
            _ if is_joint => false,
            TaskManagement::ClearAca => false,
            _ if is_of_target(function) => true,
            _ => lun == request.lun,
        };
        let is_abort = function == TaskManagement::AbortTask;
        self.waiting.drop_matching(matches, |cmd_sn| {
            if !is_abort {
                numbers.skip(cmd_sn);
            }
        });
    }

    /// Answers the functions that are done.
    ///
    /// The answer to a command that was finished before a function was done goes out before that of
    /// the function: this comes before the queue of finished commands is looked at.
    pub(super) fn collect_managed(&mut self) -> Result<(), End> {
        let Phase::Normal(normal) = &mut self.phase else {
            return Ok(());
        };
        normal.writes.drop_aborted();
        let link = self.link.clone();
        for (place, slot) in link.managed.iter().enumerate() {
            if slot.load(ordering::Relaxed) == 0 {
                continue;
            }
            let result = result_of(slot.xchg(0, ordering::Full));
            let Phase::Normal(normal) = &mut self.phase else {
                return Ok(());
            };
            let request = normal.management.requests.get_mut(place);
            let Some(function) = request.and_then(Option::take) else {
                continue;
            };
            match self.numbers.joint() {
                None => self.end_function(function, result)?,
                Some(_) => self.answer_behind_others(function, result)?,
            }
        }
        Ok(())
    }

    /// Answers a function.
    pub(super) fn end_function(
        &mut self,
        InProgress { itt, function }: InProgress,
        result: TmfResult,
    ) -> Result<(), End> {
        self.say_managed(itt, result)?;
        if function == TaskManagement::TargetColdReset && result == TmfResult::Complete {
            self.end_all_sessions();
        }
        Ok(())
    }

    /// What a cold reset of the target does beyond a warm one (RFC 7143 11.5.1). This session ends when
    /// the function is answered.
    fn end_all_sessions(&mut self) {
        if let Phase::Normal(normal) = &self.phase {
            normal.membership.target.stop_sessions_but(&self.link);
            self.say_no_more();
        }
    }
}

/// Whether a function concerns all logical units.
fn is_of_target(function: TaskManagement) -> bool {
    matches!(
        function,
        TaskManagement::TargetWarmReset | TaskManagement::TargetColdReset
    )
}

/// Whether a function concerns commands that it doesn't name, and so waits for all before it to come
/// (RFC 7143 4.2.3.3).
pub(super) fn waits_for_commands(function: TmfFunction) -> bool {
    matches!(
        function,
        TmfFunction::AbortTaskSet | TmfFunction::ClearTaskSet | TmfFunction::LogicalUnitReset
    )
}

/// The result that the link's number stands for.
fn result_of(number: u32) -> TmfResult {
    let all = [
        TmfResult::Complete,
        TmfResult::Succeeded,
        TmfResult::NotSupported,
        TmfResult::NoSuchLun,
        TmfResult::NoSuchTask,
    ];
    all.into_iter()
        .find(|result| super::number_of(*result) == number)
        .unwrap_or(TmfResult::Rejected)
}

/// The function as the framework knows it, or why it is not carried out.
fn supported(function: TmfFunction) -> Result<TaskManagement, TmfResult> {
    Ok(match function {
        TmfFunction::AbortTask => TaskManagement::AbortTask,
        TmfFunction::AbortTaskSet => TaskManagement::AbortTaskSet,
        TmfFunction::ClearAca => TaskManagement::ClearAca,
        TmfFunction::ClearTaskSet => TaskManagement::ClearTaskSet,
        TmfFunction::LogicalUnitReset => TaskManagement::LogicalUnitReset,
        TmfFunction::TargetWarmReset => TaskManagement::TargetWarmReset,
        TmfFunction::TargetColdReset => TaskManagement::TargetColdReset,
        // Only negotiated with iSCSIProtocolLevel 2, which is not offered.
        TmfFunction::QueryTask
        | TmfFunction::QueryTaskSet
        | TmfFunction::ItNexusReset
        | TmfFunction::QueryAsyncEvent => return Err(TmfResult::NotSupported),
        TmfFunction::TaskReassign => return Err(TmfResult::ReassignNotSupported),
        TmfFunction::Unknown(_) => return Err(TmfResult::NotSupported),
    })
}
