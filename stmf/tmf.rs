// SPDX-License-Identifier: GPL-2.0

//! Task management functions (SAM-5 chapter 7).
//!
//! A function is answered when its promise holds: the commands that it aborts are no longer
//! executing, so none of them can reach the medium after the answer. When a device doesn't let go
//! in time the answer is that the function failed, never that it is complete.

use crate::{
    lu::LuPath,
    nexus::{Endpoint, ManagementRequest, Nexus},
    taskset::{TaskSet, TaskView}, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::ordering,
        rcu,
        Arc,
        ArcBorrow, //
    },
    time::{Delta, Nsec}, //
};
use stmf_kernel::live::LiveRef;
use stmf_scsi::{
    tmf::{TaskManagement, TmfResponse},
    ua::UnitAttention,
    LunAddress, //
};

/// How long a function waits for the commands that it aborts. Below the 5 s that initiators give
/// an abort at the least.
const LIMIT: Delta<Nsec> = Delta::from_secs(4);

/// Functions that a session may have in progress: each occupies a worker.
const MAX_MANAGING: u32 = 16;

/// Starts a function on a worker and answers it through the endpoint.
pub(crate) fn start(endpoint: ArcBorrow<'_, Endpoint>, request: ManagementRequest) {
    let nexus = &endpoint.nexus;
    if nexus.managing.fetch_add(1, ordering::Relaxed) >= MAX_MANAGING {
        nexus.managing.fetch_sub(1, ordering::Relaxed);
        return endpoint.deliver_managed(request.cookie, TmfResponse::Rejected);
    }
    let owned: Arc<Endpoint> = endpoint.into();
    let cookie = request.cookie;
    let spawned = crate::spawn(move || {
        let response = perform(&owned, &request);
        owned.nexus.managing.fetch_sub(1, ordering::Relaxed);
        owned.deliver_managed(request.cookie, response);
    });
    if spawned.is_err() {
        nexus.managing.fetch_sub(1, ordering::Relaxed);
        endpoint.deliver_managed(cookie, TmfResponse::Rejected);
    }
}

fn perform(endpoint: &Endpoint, request: &ManagementRequest) -> TmfResponse {
    let nexus = &endpoint.nexus;
    match request.function {
        TaskManagement::AbortTask => abort_task(nexus, request),
        TaskManagement::AbortTaskSet => with_lu(nexus, request, |lu| {
            abort_in(&nexus.tasks, |task| task.lu == lu.entry.id)
        }),
        TaskManagement::ClearTaskSet => with_lu(nexus, request, |lu| {
            clear(endpoint, lu, UnitAttention::CommandsCleared, false)
        }),
        TaskManagement::LogicalUnitReset => with_lu(nexus, request, |lu| {
            clear(endpoint, lu, UnitAttention::BusDeviceReset, true)
        }),
        TaskManagement::TargetWarmReset => target_reset(endpoint),
        _ => TmfResponse::NotSupported,
    }
}

fn with_lu(
    nexus: &Nexus,
    request: &ManagementRequest,
    act: impl FnOnce(&LiveRef<LuPath>) -> TmfResponse,
) -> TmfResponse {
    let lu = match LunAddress::parse(request.lun) {
        LunAddress::Unit(lun) => {
            let guard = rcu::read_lock();
            nexus
                .luns
                .read(usize::from(lun.value()), &guard)
                .map(|itl| itl.lu.clone())
        }
        _ => None,
    };
    lu.map_or(TmfResponse::IncorrectLun, |lu| act(&lu))
}

fn abort_task(nexus: &Nexus, request: &ManagementRequest) -> TmfResponse {
    let chosen = |task: &TaskView| task.tag == request.tag;
    if nexus.tasks.abort(chosen) == 0 {
        return TmfResponse::TaskNotFound;
    }
    promise(nexus.tasks.wait_aborted(LIMIT, chosen))
}

/// Aborts commands of one session and waits for them.
fn abort_in(tasks: &TaskSet, chosen: impl Fn(&TaskView) -> bool) -> TmfResponse {
    tasks.abort(&chosen);
    promise(tasks.wait_aborted(LIMIT, &chosen))
}

fn promise(kept: bool) -> TmfResponse {
    if kept {
        TmfResponse::Complete
    } else {
        TmfResponse::TargetFailure
    }
}

/// Aborts every session's commands on a logical unit, tells the sessions, waits.
///
/// `everybody`: whether the session that asked gets the unit attention too.
fn clear(
    endpoint: &Endpoint,
    lu: &LiveRef<LuPath>,
    attention: UnitAttention,
    everybody: bool,
) -> TmfResponse {
    let id = lu.entry.id;
    let chosen = |task: &TaskView| task.lu == id;
    let Ok(nexuses) = endpoint.framework.nexuses() else {
        return TmfResponse::Rejected;
    };
    for nexus in &nexuses {
        let asked = nexus.id == endpoint.nexus.id;
        let hit = nexus.tasks.abort(chosen) > 0;
        // CLEAR TASK SET tells those that lost commands (SAM-5 7.4), a reset tells all (6.3.3).
        if everybody || (hit && !asked) {
            nexus.luns.for_each(|_, itl| {
                if itl.lu.entry.id == id {
                    itl.attention(attention);
                }
            });
        }
    }
    let deadline = kernel::time::Instant::<kernel::time::Monotonic>::now();
    let mut kept = true;
    for nexus in &nexuses {
        let left = LIMIT - deadline.elapsed();
        kept &= nexus.tasks.wait_aborted(left, chosen);
    }
    promise(kept)
}

/// TARGET WARM RESET: a reset of every logical unit that the session sees (RFC 7143 11.5.1).
fn target_reset(endpoint: &Endpoint) -> TmfResponse {
    let mut units = KVec::new();
    let mut memory = Ok(());
    endpoint.nexus.luns.for_each(|_, itl| {
        if memory.is_ok() {
            memory = units.push(itl.lu.clone(), GFP_ATOMIC);
        }
    });
    if memory.is_err() {
        return TmfResponse::Rejected;
    }
    let mut kept = true;
    for lu in &units {
        kept &= clear(endpoint, lu, UnitAttention::BusDeviceReset, true) == TmfResponse::Complete;
    }
    promise(kept)
}
