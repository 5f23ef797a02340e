// SPDX-License-Identifier: GPL-2.0

//! The generic netlink family `stmf-loopback` (`Documentation/netlink/specs/stmf_loopback.yaml`).

use crate::{
    provider::{Provider, PROVIDER},
    target::{Name, Target}, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use stmf_kernel::genl::{Dump, Family, Handler, Refusal, Request, Writer};
use stmf_uapi::loopback::{self as uapi, Command, Target as T};

/// The family.
pub(crate) static FAMILY: Family = Family {
    name: uapi::FAMILY_C,
    version: uapi::VERSION,
    operations: Command::OPERATIONS,
    groups: &[],
    handlers: &[
        Handler::Do(Command::TargetCreate as u8, create_target),
        Handler::Do(Command::TargetDelete as u8, delete_target),
        Handler::Do(Command::TargetGet as u8, get_target),
        Handler::Dump(Command::TargetGet as u8, dump_targets),
    ],
};

fn provider() -> Result<Arc<Provider>, Refusal> {
    let unloading = || Refusal::new(ENODEV, format_args!("the module is being unloaded"));
    PROVIDER.get().ok_or_else(unloading)
}

/// The target's name, which must be there.
fn name(request: &Request<'_>) -> Result<Name, Refusal> {
    let text = request
        .text(T::Name as u16)
        .ok_or_else(|| request.missing(T::Name as u16, "the target's name"))?;
    Name::parse(text).ok_or_else(|| {
        let why = format_args!("a name is naa. and 16 hexadecimal digits");
        Refusal::new(EINVAL, why).at(T::Name as u16)
    })
}

/// `target-create`.
fn create_target(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let offline = request.bytes(T::Offline as u16).is_some();
    provider()?.create_target(name(request)?, request.u16(T::RelativeId as u16), offline)
}

/// `target-delete`.
fn delete_target(request: &Request<'_>, _: &mut Writer<'_>) -> Result<(), Refusal> {
    let force = request.bytes(T::Force as u16).is_some();
    provider()?.delete_target(name(request)?, force)
}

fn write_target(writer: &mut Writer<'_>, target: &Target) -> Result {
    let name = target.name.text()?;
    writer.text(T::Name as u16, name.to_str().unwrap_or(""))?;
    // One that is being deleted has none any more.
    if let Ok(relative_id) = target.relative_id() {
        writer.u16(T::RelativeId as u16, relative_id)?;
    }
    match target.host() {
        Some(host) => writer.u32(T::Host as u16, host),
        None => Ok(()),
    }
}

/// `target-get` of one.
fn get_target(request: &Request<'_>, writer: &mut Writer<'_>) -> Result<(), Refusal> {
    let name = name(request)?;
    let provider = provider()?;
    let targets = provider.targets.lock();
    let target = targets
        .find(name)
        .ok_or_else(|| Refusal::new(ENOENT, format_args!("no target {name}")).at(T::Name as u16))?;
    Ok(write_target(writer, target)?)
}

/// `target-get` of all. The cursor counts what was listed.
fn dump_targets(_: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let provider = provider()?;
    let targets = provider.targets.lock();
    dump.set_generation(targets.generation);
    let mut done = dump.cursor();
    let listed = usize::try_from(done).unwrap_or(usize::MAX);
    for target in targets.all.iter().skip(listed) {
        if !dump.entry(|writer| write_target(writer, target))? {
            break;
        }
        done = done.wrapping_add(1);
        dump.set_cursor(done);
    }
    Ok(())
}
