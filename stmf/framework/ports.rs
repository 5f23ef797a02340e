// SPDX-License-Identifier: GPL-2.0

//! Which target ports lead to a logical unit (SPC-5, SCSI Ports VPD page).

use super::{Framework, Registry};
use crate::{
    access,
    lu::LuEntry,
    port::{Protocol, TargetEntry}, //
};
use stmf_model::EndName;
use stmf_scsi::{
    designator::{Association, Designator},
    inquiry::Peripheral,
    vpd::ScsiPorts,
    Sink, //
};

impl Framework {
    /// Writes the SCSI Ports VPD page: the target ports, online or not, by which the initiator of a
    /// session sees a logical unit. The others are not for it to know. May sleep.
    pub(crate) fn report_ports(&self, session: u64, lu: &LuEntry, sink: &mut Sink<'_>) {
        let registry = self.registry();
        let host = registry.nexuses.get(&session).map(|record| record.host);
        let mut page = ScsiPorts::new(Peripheral::connected(lu.unit().device_type()), sink);
        for (_, target) in registry.targets.from(0) {
            if registry.leads_to(&target.name, host.as_ref(), lu) {
                let group = registry.group_number(&target.name);
                let names = |out: &mut Sink<'_>| write_names(&target.entry, group, out);
                page.port(target.entry.relative_id, names);
            }
        }
        page.finish();
    }
}

impl Registry {
    /// Whether a view entry shows a logical unit to a host by a target port.
    fn leads_to(&self, target: &EndName, host: Option<&EndName>, lu: &LuEntry) -> bool {
        let host_group = host.and_then(|host| self.host_groups.of(host));
        let target_group = self.target_groups.of(target);
        self.views.of(&lu.guid).any(|view| {
            view.host.includes(host_group.as_ref()) && view.target.includes(target_group.as_ref())
        })
    }
}

/// The designators of a target port: its name, and what it is called among the ports of this
/// machine.
fn write_names(port: &TargetEntry, group: Option<u16>, out: &mut Sink<'_>) {
    let identity = port.identity();
    let protocol = Some(access::protocol(identity.protocol));
    match identity.protocol {
        Protocol::Iscsi => Designator::IscsiPort {
            node: identity.name,
            tag: port.portal_group(),
        }
        .write(out),
        // A name in the form of SPC: naa. and its digits.
        _ => Designator::ScsiName(Association::TargetPort(protocol), identity.name).write(out),
    }
    Designator::RelativeTargetPort(protocol, identity.relative_id).write(out);
    if let Some(group) = group {
        Designator::TargetPortGroup(group).write(out);
    }
}
