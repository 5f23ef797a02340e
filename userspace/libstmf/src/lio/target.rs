// SPDX-License-Identifier: GPL-2.0

//! Targets, and who sees what by them.
//!
//! A target is in a target group of its own, and an initiator in a host group of its own; each group
//! has the name of its only member. A mapped LUN is then a view entry.

use stmf_uapi::iscsi::{AuthMethod, CHAP_SECRET_MIN};

use super::disk::{is_open, is_open_protected, Disks};
use super::file::{Acl, Chap, Target, Tpg};
use super::limits::limits;
use super::portals::{places, Portals};
use super::{object, Work};

/// The portal group of a target that is taken over: the first of those that are enabled.
pub(super) fn served(target: &Target) -> Option<&Tpg> {
    let is_ours = target.fabric == "iscsi";
    let by_tag = |tpg: &&Tpg| (!tpg.enable, tpg.tag);
    target.tpgs.iter().min_by_key(by_tag).filter(|_| is_ours)
}

impl Work {
    pub(super) fn take_target(&mut self, target: &Target, disks: &Disks, portals: &Portals) {
        let name = target.wwn.to_ascii_lowercase();
        let object_name = format!("target {name}");
        let Some(tpg) = served(target) else {
            let why = format!("targets of {} are not taken over", target.fabric);
            return self.leave_out(object_name, &why);
        };
        for other in target.tpgs.iter().filter(|other| other.tag != tpg.tag) {
            let why = "targets have no logical units by portal group here; those of group ";
            self.leave_out(
                &object_name,
                &format!("{why}{} are not taken over", other.tag),
            );
        }
        let tags = self.take_portals(tpg, &object_name, portals);
        self.add_target(tpg, &name, &tags);
        let is_nowhere = places(tpg).is_empty();
        if is_nowhere {
            // The default group is everywhere.
            self.leave_out(&object_name, "it has no portal, and is offline");
        }
        if !tpg.enable || is_nowhere {
            self.add("offline-target", object([("name", name.clone().into())]));
        }
        self.add_group("target-group", &name, &name);
        for acl in &tpg.node_acls {
            self.take_acl(acl, tpg, &name, disks);
        }
        self.take_open(tpg, &name, disks);
    }

    fn take_portals(&mut self, tpg: &Tpg, target: &str, portals: &Portals) -> Vec<u16> {
        if tpg
            .portals
            .iter()
            .any(|portal| portal.iser || portal.offload)
        {
            self.leave_out(
                target,
                "its portals for iSER or offload are ordinary ones here",
            );
        }
        let tags = portals.tags_of(tpg);
        if tags != [tpg.tag] {
            let new: Vec<_> = tags.iter().map(u16::to_string).collect();
            let why = format!(
                "its portal group {} becomes {}; initiators have to discover it again",
                tpg.tag,
                new.join(",")
            );
            self.leave_out(target, &why);
        }
        tags
    }

    fn add_target(&mut self, tpg: &Tpg, name: &str, tags: &[u16]) {
        let tags: Vec<_> = tags.iter().map(u16::to_string).collect();
        let auth = match needs_chap(tpg) {
            true => AuthMethod::Chap,
            false => AuthMethod::None,
        };
        let mut item = object([
            ("name", name.into()),
            ("tpgs", tags.join(",").into()),
            ("auth", (auth as u32).into()),
        ]);
        let alias = tpg.parameters.get("TargetAlias");
        let alias = alias.filter(|alias| *alias != "LIO Target");
        if let Some(alias) = alias.and_then(|alias| alias.as_str()) {
            item.insert("alias".to_owned(), alias.into());
        }
        if let Some(chap) = self.target_secret(tpg, name) {
            item.insert(
                "chap-user".to_owned(),
                chap.chap_mutual_userid.clone().into(),
            );
            item.insert(
                "chap-secret".to_owned(),
                chap.chap_mutual_password.clone().into(),
            );
        }
        for (limit, value) in limits(&tpg.parameters) {
            item.insert(limit.to_owned(), value);
        }
        self.add("iscsi-target", item);
    }

    /// The name and secret by which the target itself gives a proof: one for all initiators.
    fn target_secret<'a>(&mut self, tpg: &'a Tpg, name: &str) -> Option<&'a Chap> {
        let target = format!("target {name}");
        let chaps = tpg.node_acls.iter().map(|acl| &acl.chap);
        let mut mutual = chaps.filter(|chap| !chap.chap_mutual_password.is_empty());
        let first = mutual.next()?;
        let key = |chap: &Chap| {
            (
                chap.chap_mutual_userid.clone(),
                chap.chap_mutual_password.clone(),
            )
        };
        if mutual.any(|other| key(other) != key(first)) {
            let why = "its own secret is another one for some initiators; one is taken for all";
            self.leave_out(&target, why);
        }
        if !is_long_enough(&first.chap_mutual_password) {
            self.leave_out(&target, "its own secret is shorter than 12 bytes");
            return None;
        }
        Some(first)
    }

    fn add_group(&mut self, class: &'static str, group: &str, member: &str) {
        self.add(class, object([("name", group.into())]));
        let members = match class {
            "host-group" => "host-group-member",
            _ => "target-group-member",
        };
        self.add(
            members,
            object([("group", group.into()), ("name", member.into())]),
        );
    }

    /// What one initiator sees, and how it proves who it is.
    fn take_acl(&mut self, acl: &Acl, tpg: &Tpg, target: &str, disks: &Disks) {
        let host = acl.node_wwn.to_ascii_lowercase();
        let otherwise = format!("that it authenticates otherwise than others at {target} is not");
        match acl.attributes.get("authentication") {
            Some(1) if !needs_chap(tpg) => {
                // Whoever took its name would see its disks.
                let why = format!("{otherwise} known here, and it sees nothing there");
                return self.leave_out(format!("initiator {host}"), &why);
            }
            Some(0) if needs_chap(tpg) => {
                self.leave_out(
                    format!("initiator {host}"),
                    &format!("{otherwise} known here"),
                );
            }
            _ => {}
        }
        self.add_group("host-group", &host, &host);
        if needs_chap(tpg) {
            self.take_secret(&acl.chap, &host);
        }
        for mapped in &acl.mapped_luns {
            let object_name = format!("LUN {} of {host} at {target}", mapped.index);
            let Some(disk) = disks.at(tpg, mapped.tpg_lun) else {
                self.leave_out(object_name, "its backstore is not taken over");
                continue;
            };
            if mapped.write_protect && !disk.is_protected {
                let why = "others may write the disk, and it is write-protected for all or none";
                self.leave_out(object_name, why);
                continue;
            }
            self.add_view(&disk.guid, mapped.index, Some(&host), target, &object_name);
        }
    }

    fn take_secret(&mut self, chap: &Chap, host: &str) {
        let object_name = format!("initiator {host}");
        if chap.chap_password.is_empty() {
            return self.leave_out(object_name, "it has no secret, and can't log in with CHAP");
        }
        if !is_long_enough(&chap.chap_password) {
            let why = "its secret is shorter than 12 bytes; it can't log in with CHAP";
            return self.leave_out(object_name, why);
        }
        let own = (chap.chap_userid.clone(), chap.chap_password.clone());
        let known = self.secrets.entry(host.to_owned()).or_insert(own.clone());
        if *known != own {
            let why = "it has different secrets for different targets; the first one is taken";
            return self.leave_out(object_name, why);
        }
        self.add(
            "iscsi-initiator",
            object([
                ("name", host.into()),
                ("chap-user", own.0.into()),
                ("chap-secret", own.1.into()),
            ]),
        );
    }

    /// What initiators without an entry of their own see.
    fn take_open(&mut self, tpg: &Tpg, target: &str, disks: &Disks) {
        let object_name = format!("hosts that {target} does not know");
        if !is_open(tpg) {
            return;
        }
        if !tpg.node_acls.is_empty() {
            let why = "they see nothing, because it has entries for others";
            return self.leave_out(object_name, why);
        }
        if needs_chap(tpg) {
            let why = "one name and secret for all is not known here: see itadm create-initiator";
            self.leave_out(&object_name, why);
        }
        for lun in &tpg.luns {
            let lun_name = format!("LUN {} of {object_name}", lun.index);
            let Some(disk) = disks.at(tpg, lun.index) else {
                self.leave_out(lun_name, "its backstore is not taken over");
                continue;
            };
            if is_open_protected(tpg) && !disk.is_protected {
                let why = "others may write the disk, and it is write-protected for all or none";
                self.leave_out(lun_name, why);
                continue;
            }
            self.add_view(&disk.guid, lun.index, None, target, &lun_name);
        }
    }

    fn add_view(&mut self, guid: &str, lun: u64, host: Option<&str>, target: &str, name: &str) {
        let mut key = object([("guid", guid.into()), ("target-group", target.into())]);
        if let Some(host) = host {
            key.insert("host-group".to_owned(), host.into());
        }
        let views = self.lists.get("view").into_iter().flatten();
        let mut same = views.filter(|view| {
            key.iter()
                .all(|(name, value)| view.get(name) == Some(value))
                && view.get("host-group").is_some() == host.is_some()
        });
        if same.next().is_some() {
            return self.leave_out(name, "the disk is there at another LUN already");
        }
        key.insert("lun".to_owned(), lun.into());
        self.add("view", key);
    }
}

fn needs_chap(tpg: &Tpg) -> bool {
    tpg.attributes.is_set("authentication")
}

fn is_long_enough(secret: &str) -> bool {
    secret.len() >= CHAP_SECRET_MIN
}
