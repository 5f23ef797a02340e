// SPDX-License-Identifier: GPL-2.0

//! On- and offline.

use stmf_uapi::stmf::{ObjectState, Service};

use super::{missing, refusal, Answer, Sim};
use crate::attributes::{Fields, Key};
use crate::transport::Refusal;

impl Sim {
    /// The state that something new is in that is wanted in this one.
    pub(super) fn first_state(&self, wanted: ObjectState) -> ObjectState {
        match self.service {
            ObjectState::Online => wanted,
            _ => ObjectState::Offline,
        }
    }

    /// Has a new target offline, whatever the service says.
    pub(super) fn begin_target_offline(&mut self, name: &str) {
        if let Some(target) = self.targets.get_mut(name) {
            (target.state, target.wanted) = (ObjectState::Offline, ObjectState::Offline);
        }
    }

    /// The state that something is wanted in that is asked for one, and the state it enters.
    pub(super) fn next_state(
        &self,
        key: impl Key,
        fields: &Fields<'_>,
    ) -> Result<(ObjectState, ObjectState), Refusal> {
        let wanted = goal(key, fields)?.ok_or_else(|| missing(key))?;
        let state = match (wanted, self.stuck) {
            (ObjectState::Online, _) if self.service != ObjectState::Online => {
                return Err(refusal(libc::ENETDOWN, "STMF service is offline", key));
            }
            (ObjectState::Online, true) => ObjectState::Onlining,
            (ObjectState::Offline, true) => ObjectState::Offlining,
            (state, _) => state,
        };
        Ok((wanted, state))
    }

    pub(super) fn set_service(&mut self, fields: &Fields<'_>) -> Answer {
        let lu = goal(Service::DefaultLuState, fields)?;
        let target = goal(Service::DefaultTargetState, fields)?;
        match goal(Service::State, fields)? {
            None => {
                self.default_lu = lu.unwrap_or(self.default_lu);
                self.default_target = target.unwrap_or(self.default_target);
            }
            Some(_) if lu.is_some() || target.is_some() => {
                let sentence = "the state and the default states are set one by one";
                return Err(refusal(libc::EINVAL, sentence, Service::State));
            }
            Some(state) => {
                self.service = state;
                let along = |wanted| match state {
                    ObjectState::Online => wanted,
                    state => state,
                };
                for lu in self.lus.values_mut() {
                    lu.state = along(lu.wanted);
                }
                for target in self.targets.values_mut() {
                    target.state = along(target.wanted);
                }
            }
        }
        Ok(Vec::new())
    }
}

/// A state that can be asked for, if one is given.
fn goal(key: impl Key, fields: &Fields<'_>) -> Result<Option<ObjectState>, Refusal> {
    match fields.number(key).unwrap() {
        state @ (None | Some(ObjectState::Online | ObjectState::Offline)) => Ok(state),
        Some(_) => Err(refusal(
            libc::EINVAL,
            "the state must be online or offline",
            Service::State,
        )),
    }
}
