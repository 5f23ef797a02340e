// SPDX-License-Identifier: GPL-2.0

//! Saves every change that goes by.

use super::class::{Class, Effect};
use super::document::Document;
use super::files::Lock;
use super::intent::Intent;
use super::item::Item;
use super::kernel;
use super::store::{Place, Store, StoreError};
use crate::attributes::{DecodeError, Fields};
use crate::transport::{Fault, Refusal, Request, Transport};

/// A connection to the kernel that saves every change in a store: first the kernel changes, then
/// the file of the object that changed.
///
/// A change that could not be saved, because the store can't be read or the disk is full, is
/// refused before the kernel hears of it.
#[derive(Debug)]
pub struct Recorder<T> {
    pub(super) inner: T,
    pub(super) store: Option<Store>,
    held: Option<Lock>,
}

/// What a request is about to change.
struct Change {
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

    /// Finds out what became of a change that did not come to its end, if nobody is at one now.
    pub(super) fn settle_first(&mut self) -> Result<(), Fault> {
        let lock = match (&self.held, &mut self.store) {
            (None, Some(store)) => store.lock_to_read()?,
            _ => None,
        };
        match lock {
            Some(_lock) => self.recover(),
            None => Ok(()),
        }
    }

    fn record(
        &mut self,
        request: &Request<'_>,
        class: &'static Class,
        effect: Effect,
    ) -> Result<Vec<Vec<u8>>, Fault> {
        let lock = match (&self.held, &mut self.store) {
            (None, Some(store)) => Some(store.lock()?),
            _ => None,
        };
        self.recover()?;
        let change = self.prepare(class, effect, request)?;
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
                self.give_up(&fault)?;
                Err(fault)
            }
        };
        drop(lock);
        done
    }

    /// Takes back what was reserved, if it is certain that the kernel has changed nothing. An
    /// answer that was lost says nothing: the kernel is asked then.
    fn give_up(&mut self, fault: &Fault) -> Result<(), StoreError> {
        match (fault, &mut self.store) {
            (Fault::Refused(_) | Fault::Withheld | Fault::NoFamily, Some(store)) => store.abandon(),
            _ => {
                // When that goes wrong, too, the intent stays, for the next change.
                let _ = self.recover();
                Ok(())
            }
        }
    }

    /// Finds out what will change and whether it can be saved.
    fn prepare(
        &mut self,
        class: &'static Class,
        effect: Effect,
        request: &Request<'_>,
    ) -> Result<Change, Fault> {
        let fields = Fields::new(request.attributes)?;
        let mut item = Item::from_fields(class, &fields)?;
        let mut attributes = request.attributes.to_vec();
        if (class.name, effect) == ("view", Effect::Remove) {
            item = kernel::removed_view(class, &fields, &mut self.inner)?;
            let encoded = item.encode().finish();
            attributes = encoded.map_err(DecodeError::Missing)?;
        }
        let place = item.has_owner().then(|| Place::of(&item));
        let saved = match &place {
            Some(place) => self.saved(place)?,
            None => Document::default(),
        };
        if let Some(store) = &mut self.store {
            let intent = Intent::new(class, effect, attributes);
            store.reserve(class.directory, place.as_ref(), &intent)?;
        }
        Ok(Change {
            effect,
            item,
            place,
            saved,
        })
    }

    /// What is saved of an object.
    pub(super) fn saved(&self, place: &Place) -> Result<Document, StoreError> {
        let saved = self.store.as_ref().map(|store| store.read(place));
        Ok(saved.transpose()?.flatten().unwrap_or_default())
    }

    /// Saves what the kernel has made of a request.
    fn save(&mut self, change: Change, replies: &[Vec<u8>]) -> Result<(), StoreError> {
        let Change {
            effect,
            mut item,
            place,
            mut saved,
        } = change;
        // The reply has what the kernel has decided: a GUID, a LUN.
        let reply = replies.first().and_then(|reply| Fields::new(reply).ok());
        let decided = reply.and_then(|fields| Item::from_fields(item.class, &fields).ok());
        decided.iter().for_each(|decided| item.complete(decided));
        let place = match place {
            Some(place) => place,
            None => {
                // What comes back from elsewhere may have views here.
                let place = Place::of(&item);
                saved = self.saved(&place)?;
                place
            }
        };
        if effect != Effect::Remove {
            let previous = saved.items.iter().find(|other| other.is_same_as(&item));
            if let Ok(Some(now)) = kernel::fetch(&item, &mut self.inner) {
                let asked = std::mem::replace(&mut item, now);
                item.adopt_secrets(&asked);
                if let Some(previous) = previous.filter(|_| item.class.is_single()) {
                    // It has always been there, and may not have been loaded: the rest of a new kernel's
                    // defaults is not what anybody wants to keep.
                    item.keep(previous, &asked);
                }
            } else if effect == Effect::Modify {
                previous.iter().for_each(|previous| item.complete(previous));
            }
        }
        self.put(effect, item, &place, saved, true)
    }

    /// Saves what an item has become, among what is saved of its object; with `is_whole` all that the
    /// kernel has of its own accord, too.
    pub(super) fn put(
        &mut self,
        effect: Effect,
        mut item: Item,
        place: &Place,
        mut saved: Document,
        is_whole: bool,
    ) -> Result<(), StoreError> {
        let class = item.class;
        let previous = saved.take(&item);
        if effect == Effect::Remove {
            let items = &mut saved.items;
            items.retain(|other| !class.takes.contains(&other.class.name));
        } else {
            previous
                .iter()
                .for_each(|previous| item.adopt_secrets(previous));
            item.forget_empty();
            if effect == Effect::Create {
                let state = kernel::state_of(&item, &mut self.inner);
                if let Ok(Some(state)) = state {
                    saved.take(&state);
                    saved.items.push(state);
                }
            }
            saved.items.push(item);
        }
        if class.is_complete && is_whole {
            if let Ok(items) = kernel::items_of(class, &mut self.inner) {
                saved.items = items;
                saved.classes = vec![class.name];
            }
        }
        saved.items.sort_by_key(Item::key);
        saved
            .classes
            .retain(|name| Class::by_name(name).is_some_and(|class| class.is_complete));
        match &mut self.store {
            Some(store) => store.commit(place, &saved),
            None => Ok(()),
        }
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
