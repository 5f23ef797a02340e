// SPDX-License-Identifier: GPL-2.0

//! The iSCSI target in memory.

use std::collections::BTreeMap;

use stmf_model::IscsiName;
use stmf_uapi::iscsi::{self, AuthMethod, Command, Initiator, Portal, Target, Tpg};
use stmf_uapi::stmf::ObjectState;

use super::{bare, missing, not_found, portal_of, portal_reply, refusal, Answer, Sim};
use crate::attributes::{Attributes, Builder, Fields, Key};
use crate::transport::Mode;

/// An object as the attributes that it has.
type Object = BTreeMap<u16, Vec<u8>>;

/// What there is besides targets.
#[derive(Clone, Debug, Default)]
pub(super) struct Iscsi {
    /// What is set for targets, by their names.
    targets: BTreeMap<String, Object>,
    defaults: Object,
    initiators: BTreeMap<String, Object>,
    groups: BTreeMap<String, (u16, String, u32)>,
}

/// Changes an object as a request says; an empty text is none.
fn change(object: &mut Object, attributes: &[u8], secret: u16, is_set: u16, unset: Option<u16>) {
    for (number, value) in Attributes::new(attributes).flatten() {
        if Some(number) == unset {
            let bits = u32::from_ne_bytes(value.try_into().unwrap());
            object.retain(|limit, _| {
                let place = limit.checked_sub(iscsi::FIRST_LIMIT);
                place.is_none_or(|place| bits >> place & 1 == 0)
            });
        } else if number == secret {
            match value {
                [] | [0] => object.retain(|number, _| ![secret, is_set].contains(number)),
                _ => object.extend([(is_set, Vec::new()), (secret, value.to_owned())]),
            }
        } else if value == [0] {
            object.remove(&number);
        } else {
            object.insert(number, value.to_owned());
        }
    }
}

/// The tags of the portal groups that a target is in.
fn groups_of(target: &Object) -> Vec<u16> {
    let tags = target.get(&Target::Tpgs.number());
    let tags = String::from_utf8_lossy(tags.map_or(&[], Vec::as_slice)).into_owned();
    let tags = tags.trim_end_matches('\0').split(',');
    tags.flat_map(str::parse).collect()
}

/// What is told of an object: not its secret.
fn reply<K: Key + Copy>(all: &[K], object: &Object, builder: Builder) -> Builder {
    let told = all.iter().filter(|key| !is_secret(**key));
    told.fold(builder, |builder, key| {
        builder.optional(object.get(&key.number()), |b, value| b.bytes(*key, value))
    })
}

fn is_secret(key: impl Key) -> bool {
    key.name() == Target::ChapSecret.name()
}

fn short(fields: &Fields<'_>, key: impl Key) -> bool {
    let secret = fields.text(key).unwrap_or_default();
    (1..iscsi::CHAP_SECRET_MIN).contains(&secret.len())
}

impl Sim {
    /// The CHAP secrets that initiators prove who they are with, which no request tells.
    pub fn initiator_secrets(&self) -> BTreeMap<&str, String> {
        let initiators = self.iscsi.initiators.iter();
        let secrets = initiators.filter_map(|(name, object)| {
            let secret = object.get(&Initiator::ChapSecret.number())?;
            let secret = String::from_utf8_lossy(secret);
            Some((name.as_str(), secret.trim_end_matches('\0').to_owned()))
        });
        secrets.collect()
    }

    pub(super) fn iscsi(
        &mut self,
        command: Command,
        mode: Mode,
        fields: &Fields<'_>,
        attributes: &[u8],
    ) -> Answer {
        if short(fields, Target::ChapSecret) && command as u8 <= Command::DefaultsGet as u8
            || short(fields, Initiator::ChapSecret)
                && command as u8 >= Command::InitiatorCreate as u8
        {
            let why = "a CHAP secret has 12 to 255 bytes";
            return Err(refusal(libc::EINVAL, why, Target::ChapSecret));
        }
        match command {
            Command::TargetCreate => self.create_target(fields, attributes),
            Command::TargetModify => {
                let name = self.known_target(Target::Name, fields)?;
                self.change_target(&name, attributes);
                Ok(Vec::new())
            }
            Command::TargetDelete => {
                let name = self.known_target(Target::Name, fields)?;
                let idle = self.targets[&name].state == ObjectState::Offline;
                if !idle && !fields.has(Target::Force) {
                    return Err(bare(libc::EBUSY));
                }
                self.targets.remove(&name);
                self.iscsi.targets.remove(&name);
                self.sessions.retain(|session| session.target != name);
                Ok(Vec::new())
            }
            Command::TargetGet if mode == Mode::Dump => {
                let all = self.targets.iter();
                let own = all.filter(|(_, target)| target.provider != "loopback");
                Ok(own.map(|(name, _)| self.iscsi_target(name)).collect())
            }
            Command::TargetGet => {
                let name = self.known_target(Target::Name, fields)?;
                Ok(vec![self.iscsi_target(&name)])
            }
            Command::DefaultsModify => {
                let (secret, set) = (Target::ChapSecret.number(), Target::ChapSecretSet.number());
                let unset = Some(Target::Unset.number());
                change(&mut self.iscsi.defaults, attributes, secret, set, unset);
                if fields.number(Target::Auth).unwrap() == Some(AuthMethod::Default) {
                    let none = AuthMethod::None.number().to_ne_bytes().to_vec();
                    self.iscsi.defaults.insert(Target::Auth.number(), none);
                }
                Ok(Vec::new())
            }
            Command::DefaultsGet => {
                let mut defaults = self.iscsi.defaults.clone();
                defaults
                    .entry(Target::Auth.number())
                    .or_insert_with(|| 0_u32.to_ne_bytes().to_vec());
                Ok(vec![reply(Target::ALL, &defaults, Builder::new())])
            }
            Command::PortalGet => Ok(self.portals.iter().map(portal_reply).collect()),
            Command::PortalAdd => {
                let address = portal_of(fields)?;
                if self.portals.iter().any(|(known, _)| *known == address) {
                    return Err(bare(libc::EEXIST));
                }
                let tpgt = fields.u16(Portal::Tpgt).unwrap();
                self.portals
                    .push((address, tpgt.unwrap_or(iscsi::DEFAULT_TPGT)));
                Ok(Vec::new())
            }
            Command::PortalRemove => {
                let address = portal_of(fields)?;
                let index = self.portals.iter().position(|(known, _)| *known == address);
                self.portals.remove(index.ok_or_else(not_found)?);
                Ok(Vec::new())
            }
            Command::TpgCreate | Command::TpgDelete | Command::TpgGet => {
                self.portal_groups(command, fields)
            }
            Command::SessionGet => Ok(self.connections()),
            _ => self.initiators(command, fields, attributes),
        }
    }

    fn create_target(&mut self, fields: &Fields<'_>, attributes: &[u8]) -> Answer {
        let name = fields.text(Target::Name);
        let name = name.ok_or_else(|| missing(Target::Name))?;
        if IscsiName::new(&name).map(|normal| normal.as_str() == name) != Ok(true) {
            return Err(refusal(libc::EINVAL, "not an iSCSI name", Target::Name));
        }
        if self.targets.contains_key(&name) {
            return Err(bare(libc::EEXIST));
        }
        self.add_target(&name);
        if fields.has(Target::Offline) {
            self.begin_target_offline(&name);
        }
        self.number_target(&name, fields.u16(Target::RelativeId).unwrap())?;
        self.change_target(&name, attributes);
        Ok(Vec::new())
    }

    fn change_target(&mut self, name: &str, attributes: &[u8]) {
        let (secret, set) = (Target::ChapSecret.number(), Target::ChapSecretSet.number());
        let object = self.iscsi.targets.entry(name.to_owned()).or_default();
        change(
            object,
            attributes,
            secret,
            set,
            Some(Target::Unset.number()),
        );
        let alias = object.get(&Target::Alias.number());
        let alias = alias.map(|alias| String::from_utf8_lossy(alias).trim_end_matches('\0').into());
        self.targets.get_mut(name).unwrap().alias = alias;
    }

    fn iscsi_target(&self, name: &str) -> Builder {
        let mut object = self.iscsi.targets.get(name).cloned().unwrap_or_default();
        let mut default = |key: Target, value: &[u8]| {
            object.entry(key.number()).or_insert_with(|| value.to_vec());
        };
        default(Target::Name, &[name.as_bytes(), b"\0"].concat());
        default(Target::Tpgs, b"1\0");
        default(Target::Auth, &0_u32.to_ne_bytes());
        default(
            Target::State,
            &self.targets[name].state.number().to_ne_bytes(),
        );
        default(Target::Sessions, &self.sessions_on(name).to_ne_bytes());
        // Known only now.
        let state = self.targets[name].state.number();
        object.insert(Target::State.number(), state.to_ne_bytes().to_vec());
        let relative_id = self.targets[name].relative_id;
        object.insert(
            Target::RelativeId.number(),
            relative_id.to_ne_bytes().to_vec(),
        );
        reply(Target::ALL, &object, Builder::new())
    }

    fn portal_groups(&mut self, command: Command, fields: &Fields<'_>) -> Answer {
        if command == Command::TpgGet {
            let groups = self
                .iscsi
                .groups
                .iter()
                .map(|(name, (tag, portals, dscp))| {
                    Builder::new()
                        .text(Tpg::Name, name)
                        .u16(Tpg::Tag, *tag)
                        .text(Tpg::Portals, portals)
                        .u32(Tpg::Targets, self.targets_in(*tag))
                        .optional((*dscp > 0).then_some(*dscp), |b, dscp| {
                            b.u32(Tpg::Dscp, dscp)
                        })
                });
            return Ok(groups.collect());
        }
        let name = fields.text(Tpg::Name).ok_or_else(|| missing(Tpg::Name))?;
        if command == Command::TpgCreate {
            if self.iscsi.groups.contains_key(&name) {
                return Err(bare(libc::EEXIST));
            }
            let taken = |tag: &u16| self.iscsi.groups.values().any(|(other, ..)| other == tag);
            let next = || (256..).find(|tag| !taken(tag)).unwrap();
            let asked = fields.u16(Tpg::Tag).unwrap();
            let tag = asked.unwrap_or_else(|| name.parse().unwrap_or_else(|_| next()));
            if taken(&tag) {
                return Err(bare(libc::EBUSY));
            }
            let portals = fields.text(Tpg::Portals).unwrap_or_default();
            let dscp = fields.u32(Tpg::Dscp).unwrap().unwrap_or(0);
            self.iscsi.groups.insert(name, (tag, portals, dscp));
            return Ok(vec![Builder::new().u16(Tpg::Tag, tag)]);
        }
        let (tag, ..) = *self.iscsi.groups.get(&name).ok_or_else(not_found)?;
        if self.targets_in(tag) > 0 && !fields.has(Tpg::Force) {
            return Err(bare(libc::EBUSY));
        }
        let targets = self.iscsi.targets.values_mut();
        for object in targets.filter(|object| groups_of(object).contains(&tag)) {
            let mut left = groups_of(object);
            left.retain(|used| *used != tag);
            if left.is_empty() {
                left.push(iscsi::DEFAULT_TPGT);
            }
            let left: Vec<_> = left.iter().map(u16::to_string).collect();
            let text = format!("{}\0", left.join(","));
            object.insert(Target::Tpgs.number(), text.into_bytes());
        }
        self.iscsi.groups.remove(&name);
        Ok(Vec::new())
    }

    fn targets_in(&self, tag: u16) -> u32 {
        let targets = self.iscsi.targets.values();
        let users = targets.filter(|target| groups_of(target).contains(&tag));
        u32::try_from(users.count()).unwrap()
    }

    fn initiators(&mut self, command: Command, fields: &Fields<'_>, attributes: &[u8]) -> Answer {
        let initiators = &mut self.iscsi.initiators;
        if command == Command::InitiatorGet {
            let all = initiators.values();
            return Ok(all
                .map(|object| reply(Initiator::ALL, object, Builder::new()))
                .collect());
        }
        let name = fields.text(Initiator::Name);
        let name = name.ok_or_else(|| missing(Initiator::Name))?;
        match (command, initiators.contains_key(&name)) {
            (Command::InitiatorCreate, true) => return Err(bare(libc::EEXIST)),
            (Command::InitiatorCreate, false) => {}
            (_, false) => return Err(not_found()),
            (Command::InitiatorDelete, true) => {
                initiators.remove(&name);
                return Ok(Vec::new());
            }
            _ => {}
        }
        let (secret, set) = (
            Initiator::ChapSecret.number(),
            Initiator::ChapSecretSet.number(),
        );
        let object = initiators.entry(name).or_default();
        change(object, attributes, secret, set, None);
        Ok(Vec::new())
    }
}
