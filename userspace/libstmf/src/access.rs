// SPDX-License-Identifier: GPL-2.0

//! Asymmetric access: the access states of target groups.

use stmf_model::{GroupName, Guid};
use stmf_uapi::stmf::{self, AccessState};

use crate::attributes::{need, Builder, DecodeError, Fields};
use crate::client::{Command, Stmf};
use crate::error::Error;
use crate::transport::Transport;
use crate::types::Decode;

/// The access state of a target group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Access {
    /// The target group.
    pub group: GroupName,
    /// The logical unit; all without a state of their own when there is none.
    pub guid: Option<Guid>,
    /// The state.
    pub state: AccessState,
    /// Whether initiators shall prefer the group.
    pub preferred: bool,
    /// Whether initiators may set the group's states: with the state for all logical units.
    pub explicit: Option<bool>,
    /// Number by which initiators know the group: with the state for all logical units.
    pub number: Option<u16>,
}

impl Decode for Access {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Access as Key;
        Ok(Self {
            group: need(Key::Group, fields.parsed(Key::Group, GroupName::new)?)?,
            guid: fields.guid(Key::Guid)?,
            state: need(Key::State, fields.number(Key::State)?)?,
            preferred: need(Key::Preferred, fields.u8(Key::Preferred)?)? != 0,
            explicit: fields.u8(Key::Explicit)?.map(|value| value != 0),
            number: fields.u16(Key::Number)?,
        })
    }
}

/// What is to be set of an access state. What is `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AccessChange {
    /// The state.
    pub state: Option<AccessState>,
    /// Whether initiators shall prefer the group.
    pub preferred: Option<bool>,
    /// Whether initiators may set the group's states.
    pub explicit: Option<bool>,
    /// Number by which initiators know the group.
    pub number: Option<u16>,
}

fn key(group: &GroupName, guid: Option<&Guid>) -> Builder {
    use stmf::Access as Key;
    Builder::new()
        .text(Key::Group, group.as_str())
        .optional(guid, |b, guid| b.guid(Key::Guid, guid))
}

impl<T: Transport> Stmf<T> {
    /// Sets the access state of a target group for a logical unit, which need not exist, or for all.
    pub fn set_access(
        &mut self,
        group: &GroupName,
        guid: Option<&Guid>,
        change: &AccessChange,
    ) -> Result<(), Error> {
        use stmf::Access as Key;
        let attributes = key(group, guid)
            .optional(change.state, |b, state| b.u32(Key::State, state.number()))
            .optional(change.preferred, |b, on| b.u8(Key::Preferred, on.into()))
            .optional(change.explicit, |b, on| b.u8(Key::Explicit, on.into()))
            .optional(change.number, |b, number| b.u16(Key::Number, number));
        let command = Command::stmf(stmf::Command::AccessSet);
        command.act(self.transport(), attributes, group.as_str())
    }

    /// Removes the access state of a target group for a logical unit, or for all.
    pub fn clear_access(&mut self, group: &GroupName, guid: Option<&Guid>) -> Result<(), Error> {
        let command = Command::stmf(stmf::Command::AccessClear);
        command.act(self.transport(), key(group, guid), group.as_str())
    }

    /// All access states, by target group and logical unit.
    pub fn access(&mut self) -> Result<Vec<Access>, Error> {
        let command = Command::stmf(stmf::Command::AccessGet);
        let mut list: Vec<Access> = command.list(self.transport(), Builder::new(), "access")?;
        list.sort();
        Ok(list)
    }
}
