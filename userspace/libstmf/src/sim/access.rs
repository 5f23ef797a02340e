// SPDX-License-Identifier: GPL-2.0

//! Access states of target groups.

use std::collections::BTreeMap;

use stmf_model::{GroupName, Guid};
use stmf_uapi::stmf::{Access as Key, AccessState, AluaState, GroupKind};

use super::groups::name_in;
use super::{missing, refusal, Answer, Sim};
use crate::attributes::{Builder, Fields};
use crate::transport::Refusal;

/// States by target group and logical unit; those for all logical units have none.
pub(super) type States = BTreeMap<(GroupName, Option<Guid>), State>;

#[derive(Clone, Copy, Debug)]
pub(super) struct State {
    state: AccessState,
    preferred: bool,
    /// Whether initiators may set states, and the group's number: with the state for all.
    number: Option<(bool, u16)>,
}

impl Sim {
    pub(super) fn alua_state(&self) -> AluaState {
        match self.access.is_empty() {
            true => AluaState::Disabled,
            false => AluaState::Enabled,
        }
    }

    pub(super) fn set_access(&mut self, fields: &Fields<'_>) -> Answer {
        let (group, guid) = self.access_key(fields)?;
        let all = self.access.get(&(group, None)).copied();
        let now = self.access.get(&(group, guid)).copied().or(all);
        let flag = |key| fields.u8(key).unwrap().map(|value| value != 0);
        let (explicit, wanted) = (flag(Key::Explicit), fields.u16(Key::Number).unwrap());
        let number = match guid {
            Some(_) if explicit.is_some() || wanted.is_some() => {
                let sentence = "explicit and number are the same for all logical units";
                return Err(refusal(libc::EINVAL, sentence, Key::Guid));
            }
            Some(_) if all.is_none() => return Err(no_port_group()),
            Some(_) => None,
            None => {
                let own = all.and_then(|all| all.number);
                let explicit = explicit.unwrap_or(own.is_some_and(|(explicit, _)| explicit));
                let number = self.number_of(group, wanted.or(own.map(|(_, number)| number)))?;
                Some((explicit, number))
            }
        };
        let state = State {
            state: fields
                .number(Key::State)
                .unwrap()
                .or(now.map(|now| now.state))
                .unwrap_or(AccessState::ActiveOptimized),
            preferred: flag(Key::Preferred).unwrap_or(now.is_some_and(|now| now.preferred)),
            number,
        };
        self.access.insert((group, guid), state);
        Ok(vec![reply(&(group, guid), &state)])
    }

    fn number_of(&self, group: GroupName, wanted: Option<u16>) -> Result<u16, Refusal> {
        let others = self.access.iter().filter(|((of, _), _)| *of != group);
        let taken: Vec<u16> = others
            .filter_map(|(_, state)| Some(state.number?.1))
            .collect();
        match wanted {
            Some(number) if taken.contains(&number) => {
                let sentence = "another target group has the number";
                Err(refusal(libc::EEXIST, sentence, Key::Number))
            }
            Some(number) => Ok(number),
            None => Ok((1..).find(|number| !taken.contains(number)).unwrap()),
        }
    }

    pub(super) fn clear_access(&mut self, fields: &Fields<'_>) -> Answer {
        let key = self.access_key(fields)?;
        let own = self.access.keys().filter(|(group, _)| *group == key.0);
        if key.1.is_none() {
            match own.count() {
                0 => return Err(no_port_group()),
                1 => {}
                _ => {
                    let sentence = "logical units have access states of their own by this group";
                    return Err(refusal(libc::EBUSY, sentence, Key::Group));
                }
            }
        }
        self.access.remove(&key);
        Ok(Vec::new())
    }

    pub(super) fn access_states(&self) -> Vec<Builder> {
        let states = self.access.iter();
        states.map(|(key, state)| reply(key, state)).collect()
    }

    fn access_key(&self, fields: &Fields<'_>) -> Result<(GroupName, Option<Guid>), Refusal> {
        let group = name_in(Key::Group, fields, GroupName::new)?;
        let group = group.ok_or_else(|| missing(Key::Group))?;
        self.known_group(Key::Group, GroupKind::Target, group)?;
        Ok((group, fields.guid(Key::Guid).unwrap()))
    }
}

fn no_port_group() -> Refusal {
    let sentence = "the target group has no access state for all logical units";
    refusal(libc::ENOENT, sentence, Key::Group)
}

fn reply((group, guid): &(GroupName, Option<Guid>), state: &State) -> Builder {
    Builder::new()
        .text(Key::Group, group.as_str())
        .optional(guid.as_ref(), |b, guid| b.guid(Key::Guid, guid))
        .u32(Key::State, state.state.number())
        .u8(Key::Preferred, state.preferred.into())
        .optional(state.number, |b, (explicit, number)| {
            b.u8(Key::Explicit, explicit.into())
                .u16(Key::Number, number)
        })
}
