// SPDX-License-Identifier: GPL-2.0

//! The state of the framework as a whole.

use super::framework;
use crate::framework::lost_tasks;
use kernel::prelude::*;
use stmf_kernel::genl::{Refusal, Request, Writer};
use stmf_uapi::stmf::{AluaState, ConfigState, ObjectState, Service};

/// `state-get`.
pub(super) fn get(_request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let (lus, targets, sessions) = framework()?.read(|registry| {
        (
            registry.lus.keys().count(),
            registry.targets.keys().count(),
            registry.nexuses.keys().count(),
        )
    });
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    writer.u32(Service::State as u16, ObjectState::Online as u32)?;
    writer.u32(Service::ConfigState as u16, ConfigState::Initialized as u32)?;
    writer.u32(Service::AluaState as u16, AluaState::Disabled as u32)?;
    writer.u32(Service::AluaNode as u16, 0)?;
    writer.uint(Service::LostTasks as u16, lost_tasks())?;
    writer.u32(Service::LuCount as u16, count(lus))?;
    writer.u32(Service::TargetCount as u16, count(targets))?;
    writer.u32(Service::SessionCount as u16, count(sessions))?;
    Ok(())
}
