// SPDX-License-Identifier: GPL-2.0

//! The state of the framework as a whole.

use super::{framework, goal_number, optional_goal, state_refusal};
use crate::{
    event::object_state,
    framework::lost_tasks, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Refusal, Request, Writer};
use stmf_uapi::stmf::{AluaState, ConfigState, Service};

/// `state-get`.
pub(super) fn get(_request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    framework()?.read(|registry| {
        let service = &registry.service;
        writer.u32(Service::State as u16, object_state(service.state) as u32)?;
        writer.u32(Service::ConfigState as u16, ConfigState::Initialized as u32)?;
        let alua = match registry.has_port_groups() {
            true => AluaState::Enabled,
            false => AluaState::Disabled,
        };
        writer.u32(Service::AluaState as u16, alua as u32)?;
        writer.u32(Service::AluaNode as u16, 0)?;
        writer.uint(Service::LostTasks as u16, lost_tasks())?;
        writer.u32(Service::LuCount as u16, registry.lus.len())?;
        writer.u32(Service::TargetCount as u16, registry.targets.len())?;
        writer.u32(Service::SessionCount as u16, registry.nexuses.len())?;
        let (lu, target) = (service.default_lu, service.default_target);
        writer.u32(Service::DefaultLuState as u16, goal_number(lu))?;
        writer.u32(Service::DefaultTargetState as u16, goal_number(target))?;
        Ok(())
    })
}

/// `service-set`.
pub(super) fn set(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let state = optional_goal(request, Service::State as u16)?;
    let lu = optional_goal(request, Service::DefaultLuState as u16)?;
    let target = optional_goal(request, Service::DefaultTargetState as u16)?;
    let framework = framework()?;
    let Some(goal) = state else {
        framework.set_defaults(lu, target);
        return Ok(());
    };
    if lu.is_some() || target.is_some() {
        let sentence = format_args!("the state and the default states are set one by one");
        return Err(Refusal::new(EINVAL, sentence).at(Service::State as u16));
    }
    let busy = "not all went along; see list-task";
    framework
        .set_service(goal)
        .map_err(|error| state_refusal(error, busy, "", Service::State as u16))
}
