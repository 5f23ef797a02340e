// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `stmf` (`Documentation/netlink/specs/stmf.yaml`).
//!
//! Each handler makes one change or one look, whole, under the registry's mutex.

mod lu;
mod session;
mod state;
mod target;
mod view;

use crate::framework::{self, Framework, Registry};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::genl::{Dump, Family, Handler, Refusal, Request, Writer};
use stmf_model::Guid;
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
    ],
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
fn goal(request: &Request<'_>, attribute: u16) -> Result<ObjectState, Refusal> {
    let state = request
        .u32(attribute)
        .and_then(|number| ObjectState::try_from(number).ok());
    match state {
        Some(state @ (ObjectState::Online | ObjectState::Offline)) => Ok(state),
        _ => Err(
            Refusal::new(EINVAL, format_args!("the state must be online or offline")).at(attribute),
        ),
    }
}

/// Lists objects: those that `all` yields, from where the last call ended.
///
/// The cursor is the number of objects listed. When the registry changes between two calls the
/// generation says so, and the caller asks again.
fn list<T>(
    dump: &mut Dump<'_>,
    registry: &Registry,
    all: impl Iterator<Item = T>,
    write: impl Fn(&mut Writer<'_>, &T) -> Result,
) -> Result<(), Refusal> {
    dump.set_generation(registry.generation);
    let mut done = dump.cursor();
    for object in all.skip(usize::try_from(done).unwrap_or(usize::MAX)) {
        if !dump.entry(|writer| write(writer, &object))? {
            break;
        }
        done = done.wrapping_add(1);
        dump.set_cursor(done);
    }
    Ok(())
}

/// A stored name as text: it came in as UTF-8.
fn shown(name: &CStr) -> &str {
    name.to_str().unwrap_or("")
}
