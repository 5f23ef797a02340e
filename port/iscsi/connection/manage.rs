// SPDX-License-Identifier: GPL-2.0

//! Task management.

use super::{Connection, End, Phase};
use crate::bells::MANAGED;
use kernel::{
    prelude::*,
    sync::atomic::ordering, //
};
use stmf::nexus::ManagementRequest;
use stmf_iscsi_proto::{
    request,
    sn::Sn,
    types::{Itt, TmfFunction, TmfOutcome, TmfResult}, //
};
use stmf_scsi::tmf::{TaskManagement, TmfResponse};

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

    /// The place is free again: nothing had to be started.
    fn leave(&mut self, cookie: u64) {
        let place = usize::try_from(cookie).unwrap_or(usize::MAX);
        if let Some(request) = self.requests.get_mut(place) {
            *request = None;
        }
    }
}

impl Connection {
    /// Starts a function.
    pub(super) fn task_management(&mut self, request: &request::TaskManagement) -> Result<(), End> {
        let level = self.params.session.protocol_level;
        let function = match supported(request.function, level) {
            Ok(function) => function,
            Err(result) => return self.say_managed(request.itt, result),
        };
        // What is rejected has done nothing.
        let Some(cookie) = self.enter_function(request.itt, function) else {
            return self.say_managed(request.itt, TmfResult::Rejected);
        };
        self.drop_early(function, request);
        if self.numbers.joint().is_some() && ends_all(function) {
            // What has not come yet need not be waited for (RFC 7143 4.2.3.3).
            self.numbers.plug(request.order.cmd_sn);
        }
        let is_over = function == TaskManagement::AbortTask && self.end_unbegun(request);
        let Phase::Normal(normal) = &mut self.phase else {
            return Ok(());
        };
        if is_over {
            normal.management.leave(cookie);
            return self.say_managed(request.itt, TmfResult::Complete);
        }
        normal.endpoint.as_arc_borrow().manage(ManagementRequest {
            function,
            lun: request.lun,
            tag: u64::from(request.rtt.0),
            cookie,
        });
        Ok(())
    }

    /// Finds a place for a function.
    fn enter_function(&mut self, itt: Itt, function: TaskManagement) -> Option<u64> {
        let Phase::Normal(normal) = &mut self.phase else {
            return None;
        };
        // Those that are done and wait for other connections are as many at the most.
        let has_room = normal.fences.len() < MAX;
        has_room.then(|| normal.management.enter(itt, function))?
    }

    /// Ends the command that an ABORT TASK is about if it hasn't begun; says whether it hasn't.
    fn end_unbegun(&mut self, request: &request::TaskManagement) -> bool {
        let Phase::Normal(normal) = &mut self.phase else {
            return false;
        };
        // Only of a task that isn't here does the number say anything (RFC 7143 11.6.1): an immediate one has none.
        let may_come = !normal.endpoint.has_task(u64::from(request.rtt.0))
            && request.ref_cmd_sn.is_before(request.order.cmd_sn);
        if may_come && self.numbers.skip(request.ref_cmd_sn) {
            // It has not come, and need not come any more.
            return true;
        }
        // A command that still waits for data hasn't begun: it is over at once.
        let held = normal.writes.take(request.rtt);
        held.map(|held| drop(normal.writes.finish(held))).is_some()
    }

    /// Drops the commands that a function is about from those that wait for others before them.
    fn drop_early(&mut self, function: TaskManagement, request: &request::TaskManagement) {
        let numbers = &mut self.numbers;
        let is_joint = numbers.joint().is_some();
        let order = request.order;
        let matches = |cmd_sn: Sn, itt, lun| match function {
            _ if function.is_query() => false,
            // It is about what was sent before it (RFC 7143 4.2.3.3). One that is immediate has waited for
            // nothing, so that all that is here has come before it.
            _ if !order.immediate && !cmd_sn.is_before(order.cmd_sn) => false,
            // Its own number is taken care of by whoever answers.
            TaskManagement::AbortTask => itt == request.rtt,
            // Those before it have been carried out by now, or are dropped by its plug.
            _ if is_joint => false,
            TaskManagement::ClearAca => false,
            _ if ends_all(function) => true,
            _ => lun == request.lun,
        };
        let is_abort = function == TaskManagement::AbortTask;
        self.waiting.drop_matching(matches, |cmd_sn| {
            if !is_abort {
                numbers.skip(cmd_sn);
            }
        });
    }

    /// Drops the commands that wait for data and were aborted, by whichever connection they came, and
    /// lets go of logical units whose answers can't be sent.
    pub(super) fn drop_all_given_up(&mut self) {
        self.drop_given_up();
        if let Phase::Normal(normal) = &self.phase {
            let session = &normal.membership.session;
            session.for_each_but(Some(&self.link), |link| link.doorbell.ring(MANAGED));
        }
    }

    /// As above, those of this connection.
    fn drop_given_up(&mut self) {
        self.tx.let_go(&self.link);
        let Phase::Normal(normal) = &mut self.phase else {
            return;
        };
        if let Some(held) = self.rx.give_up_aborted() {
            drop(normal.writes.finish(held));
        }
        normal.writes.drop_aborted();
    }

    /// Answers the functions that are done.
    ///
    /// The answer to a command that was finished before a function was done goes out before that of
    /// the function: this comes before the queue of finished commands is looked at.
    pub(super) fn collect_managed(&mut self) -> Result<(), End> {
        self.drop_given_up();
        let link = self.link.clone();
        for (place, slot) in link.managed.iter().enumerate() {
            if slot.load(ordering::Relaxed) == 0 {
                continue;
            }
            let outcome = TmfOutcome::from_number(slot.xchg(0, ordering::Full));
            let outcome = outcome.unwrap_or(TmfResult::Rejected.into());
            let Phase::Normal(normal) = &mut self.phase else {
                return Ok(());
            };
            let request = normal.management.requests.get_mut(place);
            let Some(function) = request.and_then(Option::take) else {
                continue;
            };
            match self.numbers.joint() {
                None => self.end_function(function, outcome)?,
                Some(_) => self.answer_behind_others(function, outcome)?,
            }
        }
        Ok(())
    }

    /// Answers a function.
    pub(super) fn end_function(
        &mut self,
        InProgress { itt, function }: InProgress,
        outcome: TmfOutcome,
    ) -> Result<(), End> {
        self.say_managed(itt, outcome)?;
        let Phase::Normal(normal) = &self.phase else {
            return Ok(());
        };
        let membership = &normal.membership;
        match function {
            _ if outcome.result != TmfResult::Complete => return Ok(()),
            // What it does beyond a warm reset (RFC 7143 11.5.1): sessions end, but those that it could not
            // have been about.
            TaskManagement::TargetColdReset => {
                membership.session.stop_but(Some(&self.link));
                // Without memory for a list of its units the others only find them reset.
                if let Ok(units) = normal.nexus.units() {
                    membership.target.stop_sessions_that_see(&units, &self.link);
                }
            }
            // All connections of the session are dropped (RFC 7144 6.1).
            TaskManagement::ItNexusReset => {
                membership.session.close();
                membership.session.stop_but(Some(&self.link));
            }
            _ => return Ok(()),
        }
        // This connection ends when the function is answered.
        self.say_no_more();
        Ok(())
    }
}

/// Whether a function ends all commands of its I_T nexus.
fn ends_all(function: TaskManagement) -> bool {
    matches!(
        function,
        TaskManagement::TargetWarmReset
            | TaskManagement::TargetColdReset
            | TaskManagement::ItNexusReset
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

/// What the framework's response is in iSCSI.
pub(super) fn outcome_of(response: TmfResponse) -> TmfOutcome {
    let result = match response {
        TmfResponse::Complete => TmfResult::Complete,
        TmfResponse::Succeeded => TmfResult::Succeeded,
        TmfResponse::Event(event) => {
            return TmfOutcome {
                result: TmfResult::Succeeded,
                information: event.encode(),
            }
        }
        TmfResponse::NotSupported => TmfResult::NotSupported,
        TmfResponse::IncorrectLun => TmfResult::NoSuchLun,
        TmfResponse::TaskNotFound => TmfResult::NoSuchTask,
        TmfResponse::Rejected | TmfResponse::TargetFailure => TmfResult::Rejected,
    };
    result.into()
}

/// The function as the framework knows it, or why it is not carried out in a session with that
/// iSCSIProtocolLevel.
fn supported(function: TmfFunction, level: u32) -> Result<TaskManagement, TmfResult> {
    if function.protocol_level() > level {
        return Err(TmfResult::NotSupported);
    }
    Ok(match function {
        TmfFunction::AbortTask => TaskManagement::AbortTask,
        TmfFunction::AbortTaskSet => TaskManagement::AbortTaskSet,
        TmfFunction::ClearAca => TaskManagement::ClearAca,
        TmfFunction::ClearTaskSet => TaskManagement::ClearTaskSet,
        TmfFunction::LogicalUnitReset => TaskManagement::LogicalUnitReset,
        TmfFunction::TargetWarmReset => TaskManagement::TargetWarmReset,
        TmfFunction::TargetColdReset => TaskManagement::TargetColdReset,
        TmfFunction::QueryTask => TaskManagement::QueryTask,
        TmfFunction::QueryTaskSet => TaskManagement::QueryTaskSet,
        TmfFunction::ItNexusReset => TaskManagement::ItNexusReset,
        TmfFunction::QueryAsyncEvent => TaskManagement::QueryAsyncEvent,
        TmfFunction::TaskReassign => return Err(TmfResult::ReassignNotSupported),
        TmfFunction::Unknown(_) => return Err(TmfResult::NotSupported),
    })
}
