// SPDX-License-Identifier: GPL-2.0

//! Finding out what became of a change whose maker did not come to the end, be it that it was killed
//! or that the kernel's answer was lost.
//!
//! The kernel is asked. What was to be made or changed and is there is saved as it is; what was to be
//! removed and isn't there is forgotten. That holds when the kernel has lost all since, too, by a
//! reboot: nobody can tell any more what it had done, and access that was being revoked must not come
//! back; what a file tells of a disk that was being made shorter. All else stays as it was saved.
//! Portals that were being removed are removed again, because a new kernel has some of its own accord. As
//! long as their module isn't loaded that can't be done, and their note is kept.
//!
//! Defaults are always there, after a reboot as those of a new kernel. So what was asked of them is saved
//! if the kernel has it, and nothing else that the kernel has.

use super::class::Effect;
use super::document::Document;
use super::intent::Intent;
use super::item::Item;
use super::kernel;
use super::recorder::Recorder;
use super::store::Place;
use crate::error::Error;
use crate::transport::{Fault, Transport};

impl<T: Transport> Recorder<T> {
    /// Saves what became of such changes, if there are some. The store must be locked.
    pub(super) fn recover(&mut self) -> Result<(), Fault> {
        self.recover_last()?;
        let postponed = self.store.as_ref().map(|store| store.postponed());
        let postponed = postponed.transpose()?.unwrap_or_default();
        for intent in &postponed {
            if !self.find_out(intent)? {
                return Ok(());
            }
        }
        match &mut self.store {
            Some(store) if !postponed.is_empty() => Ok(store.forget_postponed()?),
            _ => Ok(()),
        }
    }

    /// Saves what became of the last change, or keeps its note for later.
    fn recover_last(&mut self) -> Result<(), Fault> {
        let intent = self.store.as_mut().map(|store| store.intent());
        let Some(intent) = intent.transpose()?.flatten() else {
            return Ok(());
        };
        let is_known = self.find_out(&intent)?;
        match &mut self.store {
            Some(store) if is_known => Ok(store.abandon()?),
            Some(store) => Ok(store.postpone(&intent)?),
            None => Ok(()),
        }
    }

    /// Finds out what became of a change, and saves that. Whether it has: not without the module that
    /// would have to make it again.
    fn find_out(&mut self, intent: &Intent) -> Result<bool, Fault> {
        let asked = intent.item()?;
        let is_repeated = match self.repeat(intent, &asked) {
            Err(Fault::NoFamily) => return Ok(false),
            repeated => repeated?,
        };
        let items = match kernel::items_of(asked.class, &mut self.inner) {
            // With the module all that it had is gone.
            Err(Error::NotLoaded { .. }) => Vec::new(),
            items => items.map_err(kernel::refused)?,
        };
        match asked.has_owner() {
            true => self.settle(intent.effect, asked, is_repeated, items)?,
            false => self.find_new(&asked, items)?,
        }
        Ok(true)
    }

    /// Makes a change again, where that alone makes it certain. Whether it has been made now.
    fn repeat(&mut self, intent: &Intent, asked: &Item) -> Result<bool, Fault> {
        let Some(request) = intent.repetition(asked) else {
            return Ok(false);
        };
        match self.inner.call(&request) {
            Ok(_) => Ok(true),
            Err(Fault::Refused(_)) => Ok(false),
            Err(fault) => Err(fault),
        }
    }

    /// Saves what became of one item.
    fn settle(
        &mut self,
        effect: Effect,
        asked: Item,
        is_repeated: bool,
        items: Vec<Item>,
    ) -> Result<(), Fault> {
        let place = Place::of(&asked);
        let saved = self.saved(&place)?;
        // Who has just been made has the secrets that it was made with; who was there before, those of
        // before.
        let is_new = !saved.items.iter().any(|item| item.is_same_as(&asked));
        let is_secret_set = match effect {
            Effect::Create => is_new,
            _ => is_repeated || !asked.has_secrets(),
        };
        let there = items.into_iter().find(|item| item.is_same_as(&asked));
        let item = match (effect, there) {
            (Effect::Remove, None) => Some(asked),
            (_, Some(now)) if asked.class.is_single() => {
                let is_made = is_secret_set && asked.is_in(&now);
                is_made.then(|| completed(asked, &saved))
            }
            (Effect::Create | Effect::Modify, Some(mut now)) => {
                if is_secret_set {
                    now.adopt_secrets(&asked);
                }
                Some(now)
            }
            (Effect::Modify, None) => shortened(asked, &saved),
            _ => None,
        };
        let Some(item) = item else {
            return Ok(());
        };
        // What the kernel has of its own accord may be all that it has after a reboot.
        let is_whole = saved.classes.is_empty();
        Ok(self.put(effect, item, &place, saved, is_whole)?)
    }

    /// Saves what was made under a name that only the kernel knew: what isn't saved, and is where it was
    /// to be. Others may have made disks that aren't to be saved.
    fn find_new(&mut self, asked: &Item, items: Vec<Item>) -> Result<(), Fault> {
        for item in items.into_iter().filter(|item| item.is_where(asked)) {
            let place = Place::of(&item);
            let saved = self.saved(&place)?;
            if !saved.items.iter().any(|other| other.is_same_as(&item)) {
                self.put(Effect::Create, item, &place, saved, false)?;
            }
        }
        Ok(())
    }
}

/// What was asked of an item, and all else as it was saved.
fn completed(asked: Item, saved: &Document) -> Item {
    let mut after = asked;
    let before = saved.items.iter().find(|item| item.is_same_as(&after));
    before.into_iter().for_each(|before| after.complete(before));
    after
}

/// A disk that was being made shorter when the power failed, as it is now: its file is too short for what
/// it was before. The file is the last that the kernel changes, so all of the change has been made.
fn shortened(asked: Item, saved: &Document) -> Option<Item> {
    let before = saved.items.iter().find(|item| item.is_same_as(&asked))?;
    let after = completed(asked, saved);
    (before.check_file().is_err() && after.check_file().is_ok()).then_some(after)
}
