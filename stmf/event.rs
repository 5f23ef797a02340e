// SPDX-License-Identifier: GPL-2.0

//! Events: what happens, told to whoever listens, by netlink multicast.
//!
//! They are sent where the change is made, with the registry locked, so that their order is that of
//! the changes. Sending never waits and can't fail what it tells of.

use kernel::prelude::*;
use stmf_kernel::{
    genl::{Registration, Writer},
    module::ModuleCell, //
};
use stmf_model::{
    GroupName,
    Guid,
    State, //
};
use stmf_scsi::alua::AccessState;
use stmf_uapi::stmf::{
    Command,
    Event as Key,
    EventKind,
    ObjectState, //
};

/// The registered netlink family, through which events go. Nobody may hold a reference to it, which
/// might then be the last: see [`ModuleCell::with`].
pub(crate) static SENDER: ModuleCell<Registration> = ModuleCell::empty();

/// The place of the events among the family's multicast groups.
const GROUP: u8 = 0;

/// Something that has happened.
#[derive(Clone, Copy)]
pub(crate) struct Event<'a> {
    kind: EventKind,
    guid: Option<&'a Guid>,
    target: Option<&'a CStr>,
    state: Option<State>,
    session: Option<u64>,
    initiator: Option<&'a CStr>,
    held: bool,
    access: Option<(&'a GroupName, AccessState)>,
}

impl<'a> Event<'a> {
    pub(crate) fn new(kind: EventKind) -> Self {
        Self {
            kind,
            guid: None,
            target: None,
            state: None,
            session: None,
            initiator: None,
            held: false,
            access: None,
        }
    }

    /// What happened to a logical unit.
    pub(crate) fn of_lu(kind: EventKind, guid: &'a Guid) -> Self {
        Self {
            guid: Some(guid),
            ..Self::new(kind)
        }
    }

    /// What happened to a target port.
    pub(crate) fn of_target(kind: EventKind, name: &'a CStr) -> Self {
        Self {
            target: Some(name),
            ..Self::new(kind)
        }
    }

    /// A target group has another access state for a logical unit, or for all.
    pub(crate) fn of_access(
        group: &'a GroupName,
        guid: Option<&'a Guid>,
        state: AccessState,
    ) -> Self {
        Self {
            guid,
            access: Some((group, state)),
            ..Self::new(EventKind::AccessState)
        }
    }

    /// With the state that it is in now.
    pub(crate) fn state(self, state: State) -> Self {
        Self {
            state: Some(state),
            ..self
        }
    }

    /// With whether the port is held offline.
    pub(crate) fn held(self, held: bool) -> Self {
        Self { held, ..self }
    }

    /// With the session and who began it.
    pub(crate) fn session(self, id: u64, initiator: &'a CStr) -> Self {
        Self {
            session: Some(id),
            initiator: Some(initiator),
            ..self
        }
    }

    /// Tells whoever listens. Any context.
    pub(crate) fn send(self) {
        SENDER.with(|family| {
            family.multicast(GROUP, Command::EventNtf as u8, |writer| self.write(writer));
        });
    }

    fn write(&self, writer: &mut Writer<'_>) -> Result {
        writer.u32(Key::Kind as u16, self.kind as u32)?;
        if let Some(guid) = self.guid {
            writer.bytes(Key::Guid as u16, guid.as_bytes())?;
        }
        if let Some(target) = self.target {
            writer.text(Key::Target as u16, target.to_str()?)?;
        }
        if let Some(state) = self.state {
            writer.u32(Key::State as u16, object_state(state) as u32)?;
        }
        if let Some(session) = self.session {
            writer.uint(Key::Session as u16, session)?;
        }
        if let Some(initiator) = self.initiator {
            writer.text(Key::Initiator as u16, initiator.to_str()?)?;
        }
        if self.held {
            writer.u8(Key::Held as u16, 1)?;
        }
        if let Some((group, state)) = self.access {
            writer.text(Key::Group as u16, group.as_str())?;
            writer.u32(Key::Access as u16, access_number(state))?;
        }
        Ok(())
    }
}

/// A state as the netlink interface has it.
pub(crate) fn object_state(state: State) -> ObjectState {
    match state {
        State::Online => ObjectState::Online,
        State::Offline => ObjectState::Offline,
        State::Onlining => ObjectState::Onlining,
        State::Offlining => ObjectState::Offlining,
    }
}

/// An access state as the netlink interface has it: its place among all of them, which that and SPC
/// have in the same order.
pub(crate) fn access_number(state: AccessState) -> u32 {
    let place = AccessState::ALL.iter().position(|other| *other == state);
    place
        .and_then(|place| u32::try_from(place).ok())
        .unwrap_or(0)
}
