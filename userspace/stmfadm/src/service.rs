// SPDX-License-Identifier: GPL-2.0

//! The framework as a whole: list-state.

use libstmf::cli::{Console, Failure};
use libstmf::{Service, Stmf, Transport};

pub(crate) fn list<T: Transport>(
    stmf: &mut Stmf<T>,
    console: &mut Console<'_>,
) -> Result<(), Failure> {
    console.print(listing(&stmf.state()?));
    Ok(())
}

fn listing(service: &Service) -> String {
    let mut text = String::new();
    let mut line = |name, value: &str| text.push_str(&format!("{name:<18}: {value}\n"));
    line("Operational Status", service.state.name());
    line("Config Status", service.config.name());
    line("ALUA Status", service.alua.name());
    line("ALUA Node", &service.alua_node.to_string());
    // Only a bug makes this line appear.
    if service.lost_tasks > 0 {
        line("Lost Tasks", &service.lost_tasks.to_string());
    }
    text
}
