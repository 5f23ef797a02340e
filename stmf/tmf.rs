// SPDX-License-Identifier: GPL-2.0

//! Task management functions (SAM-5 chapter 7).
//!
//! A function is complete when its promise holds: none of the commands that it aborts can reach the
//! medium after the answer. A read that a device still has can do no harm; for anything else the
//! function waits. When a device doesn't let go in time the answer is that the function failed,
//! never that it is complete, and the command is *detached*: see `framework::detached`.

use crate::{
    framework::Framework,
    lu::{Audience, LuEntry, LuPath},
    nexus::{Endpoint, ItNexus, ManagementRequest, Nexus},
    task::Task,
    taskset::{Abort, TaskView}, //
};
use core::borrow::Borrow;
use kernel::{
    prelude::*,
    sync::{
        atomic::ordering,
        rcu,
        Arc,
        ArcBorrow, //
    },
    time::{Delta, Instant, Monotonic, Nsec}, //
};
use stmf_kernel::{clock::monotonic_ns, live::LiveRef};
use stmf_scsi::{
    control::QueueError,
    tmf::{AsyncEvent, TaskManagement, TmfResponse},
    ua::{UnitAttention, UnitAttentions},
    LunAddress, //
};

/// How long a function waits for the commands that it aborts. Below the 5 s that initiators give
/// an abort at the least.
const LIMIT: Delta<Nsec> = Delta::from_secs(4);

/// Functions that a session may have in progress: each occupies a worker.
const MAX_MANAGING: u32 = 16;

/// Errors of a session's commands that may wait for a worker, each of which aborts others (QERR).
const MAX_QUEUE_ERRORS: u32 = 16;

/// Starts a function on a worker and answers it through the endpoint.
pub(crate) fn start(endpoint: ArcBorrow<'_, Endpoint>, request: ManagementRequest) {
    let nexus = &endpoint.nexus;
    if nexus.managing.fetch_add(1, ordering::Relaxed) >= MAX_MANAGING {
        nexus.managing.fetch_sub(1, ordering::Relaxed);
        return endpoint.deliver_managed(request.cookie, TmfResponse::Rejected);
    }
    let owned: Arc<Endpoint> = endpoint.into();
    let cookie = request.cookie;
    // The time that it takes to find a worker counts, and commands that come meanwhile aren't meant.
    let begin = Begin::now();
    let spawned = crate::spawn(GFP_KERNEL, move || {
        let response = perform_since(begin, &owned, &request);
        owned.nexus.managing.fetch_sub(1, ordering::Relaxed);
        owned.deliver_managed(request.cookie, response);
    });
    if spawned.is_err() {
        nexus.managing.fetch_sub(1, ordering::Relaxed);
        endpoint.deliver_managed(cookie, TmfResponse::Rejected);
    }
}

/// Carries out a function in the caller's own time.
pub(crate) fn perform(endpoint: &Endpoint, request: &ManagementRequest) -> TmfResponse {
    perform_since(Begin::now(), endpoint, request)
}

fn perform_since(begin: Begin, endpoint: &Endpoint, request: &ManagementRequest) -> TmfResponse {
    let function = Function {
        framework: &endpoint.framework,
        nexus: &endpoint.nexus,
        request,
        begin,
    };
    function.perform()
}

/// A function in progress.
struct Function<'a> {
    framework: &'a Framework,
    nexus: &'a Arc<Nexus>,
    request: &'a ManagementRequest,
    begin: Begin,
}

/// When something was decided.
#[derive(Clone, Copy)]
struct Begin {
    at: Instant<Monotonic>,
    /// As [`TaskView::since`].
    ns: i64,
}

impl Begin {
    fn now() -> Self {
        Self {
            at: Instant::<Monotonic>::now(),
            ns: monotonic_ns(),
        }
    }

    /// Whether a command had come by then.
    fn has(&self, task: &TaskView) -> bool {
        task.since <= self.ns
    }
}

/// What happens to the commands on a logical unit, whoever sent them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clear {
    /// CLEAR TASK SET: those in the task set are aborted (SAM-5 7.4).
    TaskSet,
    /// The logical unit is reset (SAM-5 6.3.3).
    Unit,
}

impl Function<'_> {
    fn perform(&self) -> TmfResponse {
        match self.request.function {
            TaskManagement::AbortTask => self.abort_task(),
            TaskManagement::AbortTaskSet => self.with_lu(|lu, _| {
                let id = lu.entry.id;
                self.abort_own(|task| task.lu == id && self.begin.has(task))
            }),
            TaskManagement::ClearTaskSet => self.with_lu(|lu, _| self.clear(lu, Clear::TaskSet)),
            TaskManagement::LogicalUnitReset => self.with_lu(|lu, _| self.clear(lu, Clear::Unit)),
            TaskManagement::TargetWarmReset | TaskManagement::TargetColdReset => {
                self.reset_target()
            }
            TaskManagement::ItNexusReset => self.reset_nexus(),
            TaskManagement::QueryTask => {
                let tag = self.request.tag;
                self.query(|task| task.tag == tag)
            }
            TaskManagement::QueryTaskSet => self.with_lu(|lu, _| {
                let id = lu.entry.id;
                self.query(|task| task.lu == id)
            }),
            TaskManagement::QueryAsyncEvent => {
                self.with_lu(|_, pending| match AsyncEvent::of(pending) {
                    Some(event) => TmfResponse::Event(event),
                    None => TmfResponse::Complete,
                })
            }
            // There is no auto contingent allegiance: NORMACA is zero (SPC-5, Standard INQUIRY
            // data), and a command with NACA or the ACA attribute is refused.
            TaskManagement::ClearAca => TmfResponse::NotSupported,
        }
    }

    /// Calls `act` with the logical unit that the request names and what it has to report.
    fn with_lu(
        &self,
        act: impl FnOnce(&LiveRef<LuPath>, UnitAttentions) -> TmfResponse,
    ) -> TmfResponse {
        let lu = match LunAddress::parse(self.request.lun) {
            LunAddress::Unit(lun) => {
                let guard = rcu::read_lock();
                let itl = self.nexus.luns.read(usize::from(lun.value()), &guard);
                itl.map(|itl| (itl.lu.clone(), self.nexus.attentions(itl)))
            }
            _ => None,
        };
        lu.map_or(TmfResponse::IncorrectLun, |(lu, pending)| act(&lu, pending))
    }

    /// Asks for a command of this nexus (SAM-5 7.8, 7.9).
    fn query(&self, chosen: impl Fn(&TaskView) -> bool) -> TmfResponse {
        if self.nexus.tasks.any(|task| task.is_alive() && chosen(task)) {
            TmfResponse::Succeeded
        } else {
            TmfResponse::Complete
        }
    }

    fn abort_task(&self) -> TmfResponse {
        // A command that comes later may have its tag, when this one was answered meanwhile.
        let chosen = |task: &TaskView| task.tag == self.request.tag && self.begin.has(task);
        if self.framework.abort(self.nexus, Abort::Silently, chosen) == 0 {
            return TmfResponse::TaskNotFound;
        }
        self.wait(&[self.nexus], |_, task| chosen(task))
    }

    /// Aborts commands of this nexus and waits for them.
    fn abort_own(&self, chosen: impl Fn(&TaskView) -> bool) -> TmfResponse {
        self.framework.abort(self.nexus, Abort::Silently, &chosen);
        self.wait(&[self.nexus], |_, task| chosen(task))
    }

    /// Aborts the commands on a logical unit, tells the nexuses, waits.
    fn clear(&self, lu: &LiveRef<LuPath>, what: Clear) -> TmfResponse {
        let Ok(nexuses) = self.framework.nexuses() else {
            return TmfResponse::Rejected;
        };
        let id = lu.entry.id;
        let control = lu.entry.control();
        for nexus in &nexuses {
            let own = nexus.id == self.nexus.id;
            if what == Clear::TaskSet && control.task_set_per_nexus && !own {
                continue;
            }
            let how = Abort::by(control, own);
            let chosen = |task: &TaskView| task.lu == id && self.begin.has(task);
            let hit = self.framework.abort(nexus, how, chosen) > 0;
            // For those that lost commands and don't get TASK ABORTED; a reset tells everybody.
            if what == Clear::TaskSet && hit && !own && how == Abort::Silently {
                nexus.establish(id, UnitAttention::CommandsCleared);
            }
        }
        if what == Clear::Unit {
            self.reset(lu, &nexuses);
        }
        self.wait(&nexuses, |_, task| task.lu == id)
    }

    /// A logical unit, and what nexuses have with it, forgets what doesn't outlive a reset (SAM-5 6.3.3).
    /// They are told when that is done: what an initiator leaves with it once it knows stays.
    fn reset(&self, lu: &LiveRef<LuPath>, nexuses: &[Arc<Nexus>]) {
        lu.entry.unit().reset();
        for nexus in nexuses {
            nexus.copies.forget(Some(lu.entry.id));
        }
        // Also those that have come meanwhile.
        let (guid, attention) = (&lu.entry.guid, UnitAttention::BusDeviceReset);
        self.framework.lu_attention(guid, attention, Audience::All);
    }

    /// TARGET WARM RESET, TARGET COLD RESET: a reset of every logical unit that the nexus sees
    /// (RFC 7143 11.5.1). What more a cold reset does is the port's.
    fn reset_target(&self) -> TmfResponse {
        let mut done = true;
        self.nexus.for_each_lu(|lu| {
            done &= self.clear(lu, Clear::Unit) == TmfResponse::Complete;
        });
        promise(done)
    }

    /// I_T NEXUS RESET (SAM-5 7.6): as if the nexus were lost (6.3.4).
    fn reset_nexus(&self) -> TmfResponse {
        self.framework
            .abort(self.nexus, Abort::Silently, |task| self.begin.has(task));
        self.nexus.for_each_lu(|lu| {
            lu.entry.unit().nexus_lost(&self.nexus.identity);
        });
        self.nexus.copies.forget(None);
        self.nexus
            .luns
            .for_each(|_, itl| itl.attention(UnitAttention::ItNexusLoss));
        self.wait(&[self.nexus], |_, _| true)
    }

    /// Waits until the commands that `chosen` picks and that were aborted can have no effect any
    /// more. What takes too long is detached.
    fn wait<N: Borrow<Arc<Nexus>>>(
        &self,
        nexuses: &[N],
        chosen: impl Fn(&Nexus, &TaskView) -> bool,
    ) -> TmfResponse {
        promise(wait_for(nexuses, self.begin.at, chosen))
    }
}

fn promise(kept: bool) -> TmfResponse {
    if kept {
        TmfResponse::Complete
    } else {
        TmfResponse::TargetFailure
    }
}

/// Waits until the aborted commands that `chosen` picks can have no effect any more, [`LIMIT`] after
/// `begin` at the latest; says whether that came true.
fn wait_for<N: Borrow<Arc<Nexus>>>(
    nexuses: &[N],
    begin: Instant<Monotonic>,
    chosen: impl Fn(&Nexus, &TaskView) -> bool,
) -> bool {
    nexuses.iter().fold(true, |kept, nexus| {
        let nexus: &Nexus = nexus.borrow();
        let left = LIMIT - begin.elapsed();
        let gone = nexus.tasks.wait_aborted(left, |task| chosen(nexus, task));
        if !gone {
            nexus.tasks.detach(|task| chosen(nexus, task));
        }
        gone && kept
    })
}

/// Aborts the commands of some nexuses on a logical unit and waits for them; says whether all of
/// them have let go. Sleeps.
pub(crate) fn abort_tasks_of(
    framework: &Framework,
    lu: &LuEntry,
    of: impl Fn(&ItNexus) -> bool,
    except: &Task,
) -> bool {
    let begin = Instant::<Monotonic>::now();
    let Ok(mut nexuses) = framework.nexuses() else {
        return false;
    };
    nexuses.retain(|nexus| of(&nexus.identity));
    let own = except.nexus().session();
    let chosen = |nexus: &Nexus, task: &TaskView| {
        task.lu == lu.id && (nexus.id, task.tag) != (own, except.tag())
    };
    for nexus in &nexuses {
        let how = Abort::by(lu.control(), nexus.id == own);
        framework.abort(nexus, how, |task| chosen(nexus, task));
    }
    wait_for(&nexuses, begin, chosen)
}

/// A command has ended with CHECK CONDITION: does with the others what QERR says (SPC-5, Control mode
/// page). Any context; what is to be done is done soon.
pub(crate) fn queue_error(endpoint: &Arc<Endpoint>, lu: &LiveRef<LuPath>, tag: u64) {
    let waiting = &endpoint.nexus.queue_errors;
    if waiting.fetch_add(1, ordering::Relaxed) < MAX_QUEUE_ERRORS {
        let (owned, lu) = (endpoint.clone(), lu.clone());
        // What an initiator sends when it has the status isn't meant.
        let begin = Begin::now();
        let spawned = crate::spawn(GFP_ATOMIC, move || {
            abort_after_error(begin, &owned, &lu, tag);
            owned.nexus.queue_errors.fetch_sub(1, ordering::Relaxed);
        });
        if spawned.is_ok() {
            return;
        }
    }
    // Without memory, or with so many that their answers were quicker than this, the others go on.
    waiting.fetch_sub(1, ordering::Relaxed);
}

fn abort_after_error(begin: Begin, endpoint: &Endpoint, lu: &LuPath, tag: u64) {
    let (framework, id) = (&endpoint.framework, lu.entry.id);
    let control = lu.entry.control();
    let own = |task: &TaskView| task.lu == id && begin.has(task) && task.tag != tag;
    framework.abort(&endpoint.nexus, Abort::by(control, true), own);
    if control.qerr != QueueError::AbortAll || control.task_set_per_nexus {
        return;
    }
    for nexus in framework.nexuses().iter().flatten() {
        if nexus.id == endpoint.nexus.id {
            continue;
        }
        let how = Abort::by(control, false);
        let chosen = |task: &TaskView| task.lu == id && begin.has(task);
        if framework.abort(nexus, how, chosen) > 0 && how == Abort::Silently {
            nexus.establish(id, UnitAttention::CommandsCleared);
        }
    }
}
