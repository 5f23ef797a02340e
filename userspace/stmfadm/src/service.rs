// SPDX-License-Identifier: GPL-2.0

//! The framework as a whole: list-state, modify-service.

use libstmf::cli::{Console, Failure};
use libstmf::{ObjectState, Service, Stmf, Transport};

use crate::args::{ModifyService, ServiceProperty};

pub(crate) fn list<T: Transport>(
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    console.print(listing(&stmf.state()?));
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
