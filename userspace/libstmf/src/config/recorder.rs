// SPDX-License-Identifier: GPL-2.0

//! Saves every change that goes by.

use std::collections::BTreeMap;

use super::class::{Class, Effect, CLASSES};
use super::document::Document;
use super::files::Lock;
use super::item::Item;
use super::kernel;
use super::store::{Place, Store, StoreError};
use crate::attributes::Fields;
use crate::transport::{Fault, Refusal, Request, Transport};

/// A connection to the kernel that saves every change in a store: first the kernel changes, then
/// the file of the object that changed.
///
/// A change that could not be saved, because the store can't be read or the disk is full, is
/// refused before the kernel hears of it.
#[derive(Debug)]
pub struct Recorder<T> {
    inner: T,
    store: Option<Store>,
    held: Option<Lock>,
}

/// What a request is about to change.
struct Change {
    class: &'static Class,
    effect: Effect,
    /// The item, as far as the request says.
    item: Item,
    /// Where it is saved; unknown as long as only the kernel knows its name.
    place: Option<Place>,
    saved: Document,
}

impl<T: Transport> Recorder<T> {
    /// Saves the changes of a connection; without a store, none.
    pub fn new(inner: T, store: Option<Store>) -> Self {
        Self {
            inner,
            store,
            held: None,
        }
    }

    /// Keeps others from changing the configuration for as long as this is there.
    pub fn hold(&mut self) -> Result<(), StoreError> {
        if let (Some(store), None) = (&mut self.store, &self.held) {
            self.held = Some(store.lock()?);
        }
        Ok(())
    }

    /// The connection without the saving, and the store.
    pub fn parts(&mut self) -> (&mut T, Option<&mut Store>) {
        (&mut self.inner, self.store.as_mut())
    }

    fn record(
        &mut self,
        request: &Request<'_>,
        class: &'static Class,
        effect: Effect,
    ) -> Result<Vec<Vec<u8>>, Fault> {
        let fields = Fields::new(request.attributes)?;
        let lock = match (&self.held, &mut self.store) {
            (None, Some(store)) => Some(store.lock()?),
            _ => None,
        };
        self.recover()?;
        let change = self.prepare(class, effect, &fields)?;
        let outcome = self.inner.call(request);
        let done = match outcome {
            Ok(replies) => {
                let saved = self.save(change, &replies);
                saved.map_err(|error| StoreError::NotSaved(Box::new(error)))?;
                Ok(replies)
            }
            Err(Fault::Refused(refusal)) if change.is_only_saved(&refusal) => {
                self.save(change, &[])?;
                Ok(Vec::new())
            }
            Err(fault) => {
                if let Some(store) = &mut self.store {
                    store.abandon()?;
                }
                Err(fault)
            }
        };
        drop(lock);
        done
    }

    /// Finds out what will change and whether it can be saved.
    fn prepare(
        &mut self,
        class: &'static Class,
        effect: Effect,
        fields: &Fields<'_>,
    ) -> Result<Change, Fault> {
        let mut item = Item::from_fields(class, fields)?;
        if (class.name, effect) == ("view", Effect::Remove) {
            item = kernel::removed_view(class, fields, &mut self.inner)?;
        }
        let place = item.has_owner().then(|| Place::of(&item));
        let mut saved = Document::default();
        if let Some(store) = &mut self.store {
            if let Some(place) = &place {
                saved = store.read(place)?.unwrap_or_default();
            }
            store.reserve(class.directory, place.as_ref())?;
        }
        Ok(Change {
            class,
            effect,
            item,
            place,
            saved,
        })
    }

    /// Saves what the kernel has made of a request.
    fn save(&mut self, change: Change, replies: &[Vec<u8>]) -> Result<(), StoreError> {
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        let Change {
            class,
            effect,
            mut item,
            place,
            mut saved,
        } = change;
        // The reply has what the kernel has decided: a GUID, a LUN.
        let reply = replies.first().and_then(|reply| Fields::new(reply).ok());
        if let Some(decided) = reply.and_then(|fields| Item::from_fields(class, &fields).ok()) {
            item.complete(&decided);
        }
        let place = match place {
            Some(place) => place,
            None => {
                // What comes back from elsewhere may have views here.
                let place = Place::of(&item);
                saved = store.read(&place)?.unwrap_or_default();
                place
            }
        };
        let previous = saved.take(&item);
        if effect == Effect::Remove {
            saved
                .items
                .retain(|other| !class.takes.contains(&other.class.name));
        } else {
            if let Ok(Some(now)) = kernel::fetch(&item, &mut self.inner) {
                let asked = std::mem::replace(&mut item, now);
                item.adopt_secrets(&asked);
            } else if effect == Effect::Modify {
                previous.iter().for_each(|previous| item.complete(previous));
            }
            previous
                .iter()
                .for_each(|previous| item.adopt_secrets(previous));
            item.forget_empty();
            if effect == Effect::Create {
                let state = kernel::state_of(&item, &mut self.inner);
                saved.items.extend(state.ok().flatten());
            }
            saved.items.push(item);
        }
        if class.is_complete {
            if let Ok(items) = kernel::items_of(class, &mut self.inner) {
                saved.items = items;
                saved.classes = vec![class.name];
            }
        }
        saved.items.sort_by_key(Item::key);
        saved
            .classes
            .retain(|name| Class::by_name(name).is_some_and(|class| class.is_complete));
        store.commit(&place, &saved)
    }

    /// Saves what became of a change whose maker was killed, if it is there.
    fn recover(&mut self) -> Result<(), Fault> {
        let Some(store) = &mut self.store else {
            return Ok(());
        };
        let Some((directory, owner)) = store.intent()? else {
            return Ok(());
        };
        let mut now: BTreeMap<Place, Vec<Item>> = BTreeMap::new();
        for class in CLASSES.iter().filter(|class| class.directory == directory) {
            let items = kernel::items_of(class, &mut self.inner).unwrap_or_default();
            for item in items {
                if owner.is_empty() || item.owner() == owner {
                    now.entry(Place::of(&item)).or_default().push(item);
                }
            }
        }
        for (place, items) in now {
            let saved = store.read(&place)?;
            // An object whose name only the kernel knew is one that isn't saved.
            if owner.is_empty() && saved.is_some() {
                continue;
            }
            let mut saved = saved.unwrap_or_default();
            for mut item in items {
                if let Some(previous) = saved.take(&item) {
                    item.adopt_secrets(&previous);
                }
                saved.items.push(item);
            }
            store.commit(&place, &saved)?;
        }
        Ok(store.abandon()?)
    }
}

impl Change {
    /// Whether the kernel refuses to remove what it doesn't have, but what is saved: a disk that
    /// is away.
    fn is_only_saved(&self, refusal: &Refusal) -> bool {
        let is_saved = self
            .saved
            .items
            .iter()
            .any(|item| item.is_same_as(&self.item));
        self.effect == Effect::Remove && refusal.errno == libc::ENOENT && is_saved
    }
}

impl<T: Transport> Transport for Recorder<T> {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        let fields = Fields::new(request.attributes)?;
        match Class::of_request(request, &fields) {
            Some((class, effect)) if self.store.is_some() => self.record(request, class, effect),
            _ => self.inner.call(request),
        }
    }
}
