// SPDX-License-Identifier: GPL-2.0

//! The framework as a whole: list-state, modify-service.

use libstmf::cli::{Console, Failure};
use libstmf::{ObjectState, Service, Stmf, Transport};
use serde_json::{json, Value};

use crate::args::{ListState, ModifyService, ServiceProperty};

pub(crate) fn list<T: Transport>(
    args: &ListState,
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    let service = stmf.state()?;
    match args.json {
        true => console.print(format_args!("{:#}\n", describe(&service))),
        false => console.print(listing(&service)),
    }
    Ok(())
}

pub(crate) fn modify<T: Transport>(
    args: &ModifyService,
    stmf: &mut Stmf<T>,
) -> Result<(), Failure> {
    let (mut lu, mut target) = (None, None);
    for property in &args.properties {
        match property {
            ServiceProperty::DefaultLu(goal) => lu = Some(*goal),
            ServiceProperty::DefaultTarget(goal) => target = Some(*goal),
        }
    }
    Ok(stmf.set_default_states(lu, target)?)
}

fn describe(service: &Service) -> Value {
    json!({
        "state": service.state.name(),
        "config": service.config.name(),
        "alua": service.alua.name(),
        "alua_node": service.alua_node,
        "lost_tasks": service.lost_tasks,
        "logical_units": service.logical_units,
        "targets": service.targets,
        "sessions": service.sessions,
        "default_lu_state": service.default_lu.name(),
        "default_target_state": service.default_target.name(),
    })
}

fn listing(service: &Service) -> String {
    let mut text = String::new();
    let mut line = |name, value: &str| text.push_str(&format!("{name:<18}: {value}\n"));
    line("Operational Status", service.state.name());
    line("Config Status", service.config.name());
    line("ALUA Status", service.alua.name());
    line("ALUA Node", &service.alua_node.to_string());
    // As COMSTAR has it, but for what was changed.
    for (name, state) in [
        ("Default LU State", service.default_lu),
        ("Default Tgt State", service.default_target),
    ] {
        if state != ObjectState::Online {
            line(name, state.name());
        }
    }
    // Only a bug makes this line appear.
    if service.lost_tasks > 0 {
        line("Lost Tasks", &service.lost_tasks.to_string());
    }
    text
}
