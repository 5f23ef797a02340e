// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `stmf` (`Documentation/netlink/specs/stmf.yaml`).
//!
//! Each handler makes one change or one look, whole, under the registry's mutex.

mod access;
mod group;
mod list;
mod lu;
mod session;
mod state;
mod statistics;
mod target;
mod view;

use crate::framework::{self, Framework};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::genl::{Family, Handler, Refusal, Request};
use stmf_model::{
    Goal,
    Guid, //
};
use stmf_uapi::stmf::{self as uapi, Command, ObjectState};

/// The family.
pub(crate) static FAMILY: Family = Family {
    name: uapi::FAMILY_C,
    version: uapi::VERSION,
    operations: Command::OPERATIONS,
    handlers: &[
        Handler::Do(Command::StateGet as u8, state::get),
        Handler::Do(Command::LuGet as u8, lu::get),
        Handler::Dump(Command::LuGet as u8, lu::dump),
        Handler::Do(Command::LuSetState as u8, lu::set_state),
        Handler::Do(Command::ViewAdd as u8, view::add),
        Handler::Do(Command::ViewRemove as u8, view::remove),
        Handler::Dump(Command::ViewGet as u8, view::dump),
        Handler::Do(Command::TargetGet as u8, target::get),
        Handler::Dump(Command::TargetGet as u8, target::dump),
        Handler::Do(Command::TargetSetState as u8, target::set_state),
        Handler::Dump(Command::SessionGet as u8, session::dump),
        Handler::Dump(Command::TaskGet as u8, session::dump_tasks),
        Handler::Do(Command::GroupAdd as u8, group::add),
        Handler::Do(Command::GroupRemove as u8, group::remove),
        Handler::Do(Command::GroupGet as u8, group::get),
        Handler::Dump(Command::GroupGet as u8, group::dump),
        Handler::Do(Command::GroupMemberAdd as u8, group::add_member),
        Handler::Do(Command::GroupMemberRemove as u8, group::remove_member),
        Handler::Dump(Command::GroupMemberGet as u8, group::dump_members),
        Handler::Do(Command::ServiceSet as u8, state::set),
        Handler::Do(Command::AccessSet as u8, access::set),
        Handler::Do(Command::AccessClear as u8, access::clear),
        Handler::Dump(Command::AccessGet as u8, access::dump),
        Handler::Dump(Command::StatisticsGet as u8, statistics::dump),
    ],
    groups: &[uapi::EVENTS_C],
};

fn framework() -> Result<Arc<Framework>, Refusal> {
    framework::get()
        .map_err(|error| Refusal::new(error, format_args!("the framework is being unloaded")))
}

/// A GUID attribute that must be there.
fn guid(request: &Request<'_>, attribute: u16) -> Result<Guid, Refusal> {
    request
        .array(attribute)
        .map(Guid::new)
        .ok_or_else(|| request.missing(attribute, "the GUID"))
}

/// A text attribute that must be there.
fn text<'a>(request: &Request<'a>, attribute: u16, what: &str) -> Result<&'a str, Refusal> {
    request
        .text(attribute)
        .ok_or_else(|| request.missing(attribute, what))
}

/// The state to go to: online or offline.
fn goal(request: &Request<'_>, attribute: u16) -> Result<Goal, Refusal> {
    let state = request
        .u32(attribute)
        .and_then(|number| ObjectState::try_from(number).ok());
    match state {
        Some(ObjectState::Online) => Ok(Goal::Online),
        Some(ObjectState::Offline) => Ok(Goal::Offline),
        _ => Err(
            Refusal::new(EINVAL, format_args!("the state must be online or offline")).at(attribute),
        ),
    }
}

/// The state to go to, if one is given.
fn optional_goal(request: &Request<'_>, attribute: u16) -> Result<Option<Goal>, Refusal> {
    match request.bytes(attribute) {
        Some(_) => goal(request, attribute).map(Some),
        None => Ok(None),
    }
}

/// A wanted state as a number.
fn goal_number(goal: Goal) -> u32 {
    match goal {
        Goal::Online => ObjectState::Online as u32,
        Goal::Offline => ObjectState::Offline as u32,
    }
}

/// Tells why something does not change its state; `attribute` says what it is.
fn state_refusal(error: Error, busy: &str, unknown: &str, attribute: u16) -> Refusal {
    let sentence = if error == EBUSY {
        busy
    } else if error == ENETDOWN {
        "STMF service is offline"
    } else if error == ENOENT {
        unknown
    } else {
        return Refusal::from(error);
    };
    Refusal::new(error, format_args!("{sentence}")).at(attribute)
}

/// A stored name as text: it came in as UTF-8.
fn shown(name: &CStr) -> &str {
    name.to_str().unwrap_or("")
}
