// SPDX-License-Identifier: GPL-2.0

//! All commands that there are, to be listed.

use crate::{
    framework::{Framework, NexusRecord, Registry},
    taskset::{Stage, TaskView}, //
};
use kernel::prelude::*;
use stmf_model::Guid;
use stmf_uapi::stmf::TaskStage;

/// A command.
pub(crate) struct Row {
    pub(crate) session: u64,
    /// Of its logical unit, while that is registered.
    pub(crate) guid: Option<Guid>,
    pub(crate) task: TaskView,
}

impl Row {
    /// What it is waiting for.
    pub(crate) fn stage(&self) -> TaskStage {
        match self.task.stage {
            Stage::Executing if self.task.detached => TaskStage::Detached,
            Stage::Receiving | Stage::Queued | Stage::Executing if self.task.aborted => {
                TaskStage::Aborting
            }
            Stage::Free | Stage::Receiving => TaskStage::DataOut,
            Stage::Queued => TaskStage::Queued,
            Stage::Executing => TaskStage::Executing,
            Stage::SendingData => TaskStage::DataIn,
            Stage::SendingStatus => TaskStage::Status,
        }
    }
}

/// Commands of sessions that may be gone, which a device has still. Collected before the registry is
/// locked.
pub(crate) struct Gone(KVVec<(u64, TaskView)>);

impl Gone {
    /// Process context. Allocates without the lock of the list: commands wait for that, and memory may be
    /// waited for until commands of the local bus have ended.
    pub(crate) fn collect(framework: &Framework) -> Result<Self> {
        let mut room = 0;
        loop {
            let mut tasks = KVVec::with_capacity(room, GFP_KERNEL)?;
            room = 0;
            framework.for_each_detached(|nexus| {
                nexus.tasks.for_each(|task| {
                    if task.is_orphan() {
                        room += 1;
                        let _ = tasks.push_within_capacity((nexus.id, task));
                    }
                });
            });
            if tasks.len() == room {
                return Ok(Self(tasks));
            }
        }
    }
}

/// The commands of all sessions, for one logical unit if one is named.
pub(crate) fn in_flight(
    registry: &Registry,
    gone: &Gone,
    only: Option<Guid>,
) -> Result<KVVec<Row>> {
    let mut rows = KVVec::new();
    let mut memory = Ok(());
    let mut add = |session, task: TaskView| {
        let guid = registry.lu_ids.get(&task.lu).copied();
        if memory.is_ok() && (only.is_none() || only == guid) {
            let row = Row {
                session,
                guid,
                task,
            };
            memory = rows.push(row, GFP_KERNEL);
        }
    };
    for (session, task) in &gone.0 {
        if registry.nexuses.get(session).is_none() {
            add(*session, *task);
        }
    }
    for NexusRecord { nexus, .. } in registry.nexuses.values() {
        nexus.tasks.for_each(|task| add(nexus.id, task));
    }
    memory?;
    Ok(rows)
}
