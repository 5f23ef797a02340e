// SPDX-License-Identifier: GPL-2.0

//! What has to be done for one configuration to become another.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use stmf_uapi::stmf::ObjectState;

use super::class::Class;
use super::document::Document;
use super::heads::Heads;
use super::item::{Item, ItemKey};
use super::store::Place;
use super::{kernel, Configuration};
use crate::error::Error;
use crate::transport::Transport;

/// How far a configuration is to become another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// What is missing is made; what there is stays as it is.
    Add,
    /// Classes that the wanted configuration speaks of become as it says; others stay.
    Mentioned,
    /// All becomes as the wanted configuration says.
    All,
}

/// One step on the way, about one item.
#[derive(Clone, Debug)]
pub struct Step {
    kind: Kind,
    /// Whether what it creates is to be offline.
    is_offline: bool,
    heads: Heads,
}

#[derive(Clone, Debug)]
enum Kind {
    Create(Item),
    Modify { item: Item, current: Item },
    Remove(Item),
}

impl Step {
    /// Takes the step. Whether it has: not when someone else has just made what it makes.
    pub fn perform(&self, transport: &mut impl Transport) -> Result<bool, Error> {
        self.perform_as(self.is_offline, transport)
    }

    /// The same, with what it creates offline or not as this says.
    pub(super) fn perform_as(
        &self,
        is_offline: bool,
        transport: &mut impl Transport,
    ) -> Result<bool, Error> {
        let done = match &self.kind {
            Kind::Create(item) => {
                item.check_file()?;
                match kernel::create(item, is_offline, &self.heads, transport) {
                    // It may as well be that something else is in its place.
                    Err(Error::Exists { .. }) if kernel::has(item, transport)? => return Ok(false),
                    done => done,
                }
            }
            Kind::Modify { item, current } => kernel::modify(item, current, &self.heads, transport),
            Kind::Remove(item) => match kernel::remove(item, transport) {
                // Gone with something else that was removed.
                Err(Error::NotFound { .. }) => Ok(()),
                done => done,
            },
        };
        done.map(|()| true)
    }

    fn item(&self) -> &Item {
        match &self.kind {
            Kind::Create(item) | Kind::Remove(item) | Kind::Modify { item, .. } => item,
        }
    }

    /// The name of the object that it is about: a GUID, the name of a group or target.
    pub fn owner(&self) -> String {
        self.item().owner()
    }

    /// Where it is saved what the item is to be.
    pub(super) fn place(&self) -> Place {
        Place::of(self.item())
    }

    /// Whether it still leads to what is saved of the object.
    pub(super) fn is_still_wanted(&self, saved: &Document) -> bool {
        let mut items = saved.items.iter();
        match &self.kind {
            Kind::Create(item) | Kind::Modify { item, .. } => items.any(|saved| saved == item),
            Kind::Remove(item) => !items.any(|saved| saved.is_same_as(item)),
        }
    }

    /// Whether what is saved of the object says that it is offline.
    pub(super) fn is_saved_offline(&self, saved: &Document) -> bool {
        let state = self.state_of_object();
        let mut items = saved.items.iter();
        state.is_some_and(|state| items.any(|item| item.key() == state))
    }

    /// Whether it brings up an iSCSI target.
    pub(super) fn opens_iscsi(&self) -> bool {
        matches!(&self.kind, Kind::Create(item) if item.class.name == "iscsi-target")
    }

    /// Whether it is about a target, or the state of one.
    pub(super) fn is_of_target(&self) -> bool {
        self.item().class.directory == "target"
    }

    /// Whether iSCSI targets let in more without it.
    pub(super) fn guards_iscsi(&self) -> bool {
        match &self.kind {
            Kind::Remove(item) => item.class.name == "iscsi-portal",
            _ => self.item().class.name == "iscsi-defaults",
        }
    }

    /// That an object is offline, as an item, if the step makes the object so of its own accord.
    fn state_after(&self, current: &Configuration) -> Option<Item> {
        let item = match &self.kind {
            Kind::Create(item) => item,
            Kind::Modify { item, current } if !item.can_become(current) => item,
            _ => return None,
        };
        let state = item.in_class(item.class.state()?);
        begin_offline(current, state.class).then_some(state)
    }

    /// The item that says of its object that it is offline, if it is about an object that can be.
    fn state_of_object(&self) -> Option<ItemKey> {
        let item = self.item();
        Some(item.in_class(item.class.state()?).key())
    }

    /// Whether it takes something on- or offline.
    pub fn is_state(&self) -> bool {
        self.item().is_state()
    }

    /// The path of the file or device that it needs, if it does.
    pub fn file(&self) -> Option<std::path::PathBuf> {
        match &self.kind {
            Kind::Create(item) => item.file(),
            _ => None,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Create(item) => write!(f, "create {item}{}", item.describe()),
            Kind::Remove(item) => write!(f, "remove {item}"),
            Kind::Modify { item, current } => {
                let verb = match item.can_become(current) {
                    true => "change",
                    false => "replace",
                };
                write!(f, "{verb} {item}:{}", item.describe_changes(current))
            }
        }
    }
}

/// The steps from one configuration to another, in an order in which they can be taken.
pub(super) fn steps(current: &Configuration, wanted: &Configuration, extent: Extent) -> Vec<Step> {
    let by_key = |configuration: &Configuration| -> BTreeMap<ItemKey, Item> {
        let items = configuration.document.items.iter();
        items.map(|item| (item.key(), item.clone())).collect()
    };
    let (old, new) = (by_key(current), by_key(wanted));
    let heads = Heads::of(current, wanted);
    let is_offline = |item: &Item| {
        let state = item.class.state();
        state.is_some_and(|state| new.contains_key(&item.in_class(state).key()))
    };
    let step = |kind| Step {
        is_offline: matches!(&kind, Kind::Create(item) if is_offline(item)),
        kind,
        heads: heads.clone(),
    };
    let is_dropped = |item: &Item| match extent {
        Extent::All => true,
        Extent::Mentioned => wanted.document.classes.contains(&item.class.name),
        Extent::Add => item.class.is_complete && wanted.document.classes.contains(&item.class.name),
    };
    let removed = old
        .iter()
        .rev()
        .filter(|(key, item)| {
            !new.contains_key(*key) && !item.class.is_single() && is_dropped(item)
        })
        .map(|(_, item)| step(Kind::Remove(item.clone())));
    let made = new.iter().filter_map(|(key, item)| match old.get(key) {
        None => Some(step(Kind::Create(item.clone()))),
        Some(_) if extent == Extent::Add && !item.class.is_single() => None,
        Some(current) if item.changes(current).is_empty() => None,
        Some(current) => Some(step(Kind::Modify {
            item: item.clone(),
            current: current.clone(),
        })),
    });
    // What was offline comes online when all else is as it is to be, and what goes stays offline until it has gone.
    let (mut online, removed): (Vec<_>, Vec<_>) = removed.partition(Step::is_state);
    let gone: BTreeSet<_> = removed.iter().filter_map(Step::state_of_object).collect();
    online.retain(|step| !gone.contains(&step.item().key()));
    let mut steps: Vec<_> = removed.into_iter().chain(made).collect();
    let is_said = |state: &Item| {
        extent != Extent::Mentioned || wanted.document.classes.contains(&state.class.name)
    };
    let begun: Vec<_> = steps
        .iter()
        .filter_map(|step| step.state_after(current))
        .filter(|state| is_said(state) && !new.contains_key(&state.key()))
        .map(|state| step(Kind::Remove(state)))
        .collect();
    steps.extend(online.into_iter().chain(begun));
    steps
}

/// Whether new objects are offline, as items of this class say of them.
fn begin_offline(current: &Configuration, state: &Class) -> bool {
    let kind = state.name.strip_prefix("offline-").unwrap_or_default();
    let default = format!("default-{kind}-state");
    let mut items = current.document.items.iter();
    let service = items.find(|item| item.class.name == "service");
    service.is_some_and(|service| service.has(&default, ObjectState::Offline as u32))
}
