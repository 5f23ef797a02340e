// SPDX-License-Identifier: GPL-2.0

//! The configuration that the kernel has: reading it, and making, changing and removing items.

use stmf_uapi::{iscsi, sbd, stmf};

use super::class::{Class, Constants, CLASSES};
use super::heads::Heads;
use super::item::Item;
use crate::attributes::{Builder, Fields};
use crate::client::Command;
use crate::error::Error;
use crate::transport::{Fault, Mode, Refusal, Transport};

/// All that is configured, as far as the modules that are loaded know.
pub(crate) fn items(transport: &mut impl Transport) -> Result<Vec<Item>, Error> {
    let mut all = Vec::new();
    for class in CLASSES {
        match items_of(class, transport) {
            Ok(mut items) => {
                items.sort_by_key(Item::key);
                all.append(&mut items);
            }
            // What serves nothing is not configured.
            Err(Error::NotLoaded { module }) if module != "stmf" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// The items of one class.
pub(crate) fn items_of(
    class: &'static Class,
    transport: &mut impl Transport,
) -> Result<Vec<Item>, Error> {
    let request = constants(Builder::new(), class, class.list_with);
    let mode = match class.is_single() {
        true => Mode::Do,
        false => Mode::Dump,
    };
    let replies = class.list().send(transport, mode, request, class.noun)?;
    let mut items = Vec::new();
    for reply in &replies {
        items.extend(
            shown(class, reply).map_err(|error| class.list().malformed(error, class.noun))?,
        );
    }
    Ok(items)
}

/// Whether the kernel has the item, whatever it is like.
pub(crate) fn has(item: &Item, transport: &mut impl Transport) -> Result<bool, Error> {
    let items = items_of(item.class, transport)?;
    Ok(items.iter().any(|other| other.is_same_as(item)))
}

/// What a message of a list says, if it is about an item of the class.
fn shown(class: &'static Class, reply: &[u8]) -> Result<Option<Item>, crate::DecodeError> {
    let fields = Fields::new(reply)?;
    if !class.has(&fields, class.only) {
        return Ok(None);
    }
    Item::from_fields(class, &fields).map(Some)
}

/// The item as the kernel has it, if the kernel can be asked for one.
pub(crate) fn fetch(item: &Item, transport: &mut impl Transport) -> Result<Option<Item>, Error> {
    let class = item.class;
    let Some(get) = class.get() else {
        return Ok(None);
    };
    let object = item.to_string();
    let replies = get.send(transport, Mode::Do, item.encode_key(), &object)?;
    let fetched = replies
        .first()
        .map(|reply| Item::from_fields(class, &Fields::new(reply)?));
    fetched
        .transpose()
        .map_err(|error| get.malformed(error, &object))
}

/// Whether an object is to be offline, as an item; it may be so from its creation on.
pub(crate) fn state_of(item: &Item, transport: &mut impl Transport) -> Result<Option<Item>, Error> {
    let Some(class) = item.class.state() else {
        return Ok(None);
    };
    let key = item.in_class(class).encode_key();
    let replies = class.list().send(transport, Mode::Do, key, class.noun)?;
    let shown = replies.first().map(|reply| shown(class, reply)).transpose();
    shown
        .map(Option::flatten)
        .map_err(|error| class.list().malformed(error, class.noun))
}

/// How an item is made, besides what it is.
#[derive(Clone, Copy, Debug)]
struct Manner {
    is_forced: bool,
    /// So that no initiator sees an object for a moment that was offline.
    is_offline: bool,
}

/// Makes an item, which may begin offline. Disks in `heads` have metadata there, and none of them is
/// overwritten.
pub(crate) fn create(
    item: &Item,
    is_offline: bool,
    heads: &Heads,
    transport: &mut impl Transport,
) -> Result<(), Error> {
    let manner = Manner {
        // Whoever made a disk in memory has decided already how much it may have.
        is_forced: item.class.name == "disk" && item.file().is_none(),
        is_offline,
    };
    match make(item, manner, transport) {
        // What an initiator has written may look like metadata, and force may have left some of old. But
        // a disk of ours may be there, whose device has got another name.
        Err(Error::Exists { message, .. }) if heads.leave(&message) => {
            let forced = Manner {
                is_forced: true,
                ..manner
            };
            make(item, forced, transport)
        }
        done => done,
    }
}

fn make(item: &Item, manner: Manner, transport: &mut impl Transport) -> Result<(), Error> {
    let class = item.class;
    let mut request = constants(item.encode(), class, class.create_with);
    if manner.is_forced {
        request = request.flag(sbd::Lu::Force);
    }
    if let Some(offline) = class.offline().filter(|_| manner.is_offline) {
        request = request.flag(*offline);
    }
    act(class.create(), item, request, transport)
}

/// Changes an item that is otherwise at present.
pub(crate) fn modify(
    item: &Item,
    current: &Item,
    heads: &Heads,
    transport: &mut impl Transport,
) -> Result<(), Error> {
    match item.class.modify().filter(|_| item.can_become(current)) {
        Some(command) => act(command, item, item.encode_changes(current), transport),
        None => {
            let mut whole = item.clone();
            whole.complete(current);
            replace(&whole, current, heads, transport)
        }
    }
}

/// Removes an item and makes another in its place, or the same again when that can't be made.
fn replace(
    item: &Item,
    current: &Item,
    heads: &Heads,
    transport: &mut impl Transport,
) -> Result<(), Error> {
    if item.file() == current.file() {
        current.check_file()?;
    }
    let was_offline = state_of(current, transport)?.is_some();
    let members = members_of(current, transport)?;
    remove(current, transport)?;
    let made = create(item, was_offline, heads, transport)
        .or_else(|error| put_back(current, was_offline, error, transport));
    let there = made.as_ref().map_or(current, |()| item);
    match made {
        Err(error @ Error::Gone { .. }) => Err(error),
        made => keep_online(was_offline, current, transport)
            .and(keep_members(&members, there, current, transport))
            .and(made),
    }
}

/// The targets in a portal group, which leave it when it goes.
fn members_of(group: &Item, transport: &mut impl Transport) -> Result<Vec<Item>, Error> {
    let target = Class::by_name("iscsi-target").filter(|_| group.class.name == "iscsi-tpg");
    let (Some(target), Some(tag)) = (target, group.number(iscsi::Tpg::Tag as u16)) else {
        return Ok(Vec::new());
    };
    let tag = tag.to_string();
    let mut targets = items_of(target, transport)?;
    targets.retain(|target| {
        let tags = target.text(iscsi::Target::Tpgs as u16).unwrap_or_default();
        tags.split(',').any(|used| used == tag)
    });
    Ok(targets)
}

/// Has the targets that were in a portal group in the one that is there in its place, if that has its tag.
fn keep_members(
    members: &[Item],
    there: &Item,
    before: &Item,
    transport: &mut impl Transport,
) -> Result<(), Error> {
    let tag = |group: &Item| group.number(iscsi::Tpg::Tag as u16);
    let kept = members.iter().filter(|_| tag(there) == tag(before));
    for target in kept {
        let Some(command) = target.class.modify() else {
            continue;
        };
        let tags = target.text(iscsi::Target::Tpgs as u16).unwrap_or_default();
        let request = target.encode_key().text(iscsi::Target::Tpgs, tags);
        act(command, target, request, transport)?;
    }
    Ok(())
}

/// Makes an item again in whose place another one could not be made, and tells why not.
fn put_back(
    current: &Item,
    was_offline: bool,
    error: Error,
    transport: &mut impl Transport,
) -> Result<(), Error> {
    // It may have been made, and its answer lost, or not saved.
    if has(current, transport).is_ok_and(|is_there| is_there) {
        return Err(error);
    }
    // Its data were there, whatever they begin with. A head, which is written to, has to be its own.
    let manner = Manner {
        is_forced: current.class.name == "disk" && !current.has_head(),
        is_offline: was_offline,
    };
    match make(current, manner, transport) {
        Ok(()) => Err(error),
        Err(again) => Err(Error::Gone {
            error: Box::new(error),
            again: Box::new(again),
        }),
    }
}

/// Has a new object online if the one was in whose place it is.
fn keep_online(
    was_offline: bool,
    item: &Item,
    transport: &mut impl Transport,
) -> Result<(), Error> {
    match state_of(item, transport)? {
        Some(offline) if !was_offline => remove(&offline, transport),
        _ => Ok(()),
    }
}

/// Removes an item.
pub(crate) fn remove(item: &Item, transport: &mut impl Transport) -> Result<(), Error> {
    let class = item.class;
    let request = match class.name {
        "view" => view_number(item, transport)?,
        _ => item.encode_key(),
    };
    let mut request = constants(request, class, class.remove_with);
    if let Some(force) = class.force() {
        request = request.flag(*force);
    }
    act(class.remove(), item, request, transport)
}

fn act(
    command: Command,
    item: &Item,
    request: Builder,
    transport: &mut impl Transport,
) -> Result<(), Error> {
    command
        .send(transport, Mode::Do, request, &item.to_string())
        .map(|_| ())
}

/// View entries are removed by their number, which is no part of a configuration.
fn view_number(item: &Item, transport: &mut impl Transport) -> Result<Builder, Error> {
    let object = item.to_string();
    let command = item.class.list();
    let guid = item.encode_only(stmf::View::Guid as u16);
    let replies = command.send(transport, Mode::Dump, guid.clone(), &object)?;
    for reply in &replies {
        let fields = Fields::new(reply).map_err(|error| command.malformed(error, &object))?;
        let same = Item::from_fields(item.class, &fields).is_ok_and(|view| view.is_same_as(item));
        if let (true, Ok(Some(id))) = (same, fields.u32(stmf::View::Id)) {
            return Ok(guid.u32(stmf::View::Id, id));
        }
    }
    Err(Error::NotFound {
        object,
        message: "not found".to_owned(),
    })
}

/// The view entry that a request removes, which names it by its number. One that isn't there is
/// refused as the kernel does it: without its groups an entry would pass for that of all hosts.
pub(crate) fn removed_view(
    class: &'static Class,
    request: &Fields<'_>,
    transport: &mut impl Transport,
) -> Result<Item, Fault> {
    let view = view_of(class, request, transport).map_err(refused)?;
    view.ok_or_else(|| refuse(libc::ENOENT))
}

/// The view entry of a number.
fn view_of(
    class: &'static Class,
    request: &Fields<'_>,
    transport: &mut impl Transport,
) -> Result<Option<Item>, Error> {
    let command = class.list();
    let malformed = |error| command.malformed(error, class.noun);
    let guid = request.guid(stmf::View::Guid).map_err(malformed)?;
    let id = request.u32(stmf::View::Id).map_err(malformed)?;
    let wanted = Builder::new().optional(guid, |b, guid| b.guid(stmf::View::Guid, &guid));
    for reply in &command.send(transport, Mode::Dump, wanted, class.noun)? {
        let fields = Fields::new(reply).map_err(malformed)?;
        if fields.u32(stmf::View::Id).map_err(malformed)? == id {
            return Item::from_fields(class, &fields)
                .map(Some)
                .map_err(malformed);
        }
    }
    Ok(None)
}

/// A refusal in the kernel's stead.
pub(crate) fn refuse(errno: i32) -> Fault {
    Fault::Refused(Refusal {
        errno,
        ..Refusal::default()
    })
}

/// A refusal that was met on the way, as that of the request.
pub(crate) fn refused(error: Error) -> Fault {
    match error {
        Error::NotFound { message, .. } => Fault::Refused(Refusal {
            errno: libc::ENOENT,
            message: Some(message),
            attribute: None,
        }),
        Error::NotLoaded { .. } => Fault::NoFamily,
        Error::Io(error) => Fault::Io(error),
        Error::Protocol { source, .. } => Fault::Malformed(source),
        Error::Permission { .. } => refuse(libc::EPERM),
        _ => refuse(libc::EIO),
    }
}

fn constants(request: Builder, class: &Class, constants: Constants) -> Builder {
    constants.iter().fold(request, |request, (number, value)| {
        match class.attribute(*number) {
            Some(attribute) => request.u32(*attribute, *value),
            None => request,
        }
    })
}
