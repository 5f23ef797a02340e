// SPDX-License-Identifier: GPL-2.0

//! The configuration as a whole: reading it from the kernel, saving it, making it what a file says.
//!
//! The kernel has the configuration; files have copies. [`Recorder`] saves each change in a
//! [`Store`] as it is made. [`Configuration`] is all of it, from the kernel, the store or a file,
//! and [`Step`]s lead from one to another.

mod class;
mod document;
mod dry;
mod files;
mod heads;
mod intent;
mod item;
mod kernel;
mod loader;
mod plan;
mod recorder;
mod recovery;
mod store;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;

use crate::error::Error;
use crate::transport::Transport;
use document::Document;

pub use document::DocumentError;
pub use dry::Dry;
pub use loader::Loader;
pub use plan::{Extent, Step};
pub use recorder::Recorder;
pub use store::{Store, StoreError};

/// A configuration.
///
/// Formatted, it is the text of a file.
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    document: Document,
    /// Names of the objects whose files can't be read.
    unread: BTreeSet<String>,
}

impl Configuration {
    /// What the kernel has. Secrets are not told by it.
    pub fn of_kernel(transport: &mut impl Transport) -> Result<Self, Error> {
        let items = kernel::items(transport)?;
        Ok(Self::with(items))
    }

    /// What is saved, and what is wrong with files that can't be read.
    pub fn of_store(store: &Store) -> Result<(Self, Vec<StoreError>), StoreError> {
        let (documents, errors) = store.read_all()?;
        let mut document = Document::default();
        for one in documents {
            document.items.extend(one.items);
            document.classes.extend(one.classes);
        }
        let unread = errors.iter().filter_map(StoreError::owner).collect();
        Ok((Self { document, unread }, errors))
    }

    /// What a file says.
    pub fn of_file(path: &Path) -> Result<Self, StoreError> {
        let document = store::read_document(path)?;
        document.map(Self::from).ok_or_else(|| StoreError::Io {
            path: path.to_owned(),
            source: std::io::ErrorKind::NotFound.into(),
        })
    }

    /// What a text says.
    pub fn parse(text: &str) -> Result<Self, DocumentError> {
        Document::parse(text).map(Self::from)
    }

    /// What lists of items by class say.
    pub(crate) fn of_lists(
        lists: &std::collections::BTreeMap<&'static str, Vec<serde_json::Value>>,
    ) -> Result<Self, DocumentError> {
        Document::of_lists(lists.iter().map(|(name, list)| (*name, list.as_slice())))
            .map(Self::from)
    }

    /// Whether there are iSCSI targets.
    pub(crate) fn has_iscsi_targets(&self) -> bool {
        self.of_class("iscsi-target").next().is_some()
    }

    /// Names of the target portal groups, other than the default one.
    pub(crate) fn portal_groups(&self) -> impl Iterator<Item = String> + '_ {
        self.of_class("iscsi-tpg").map(item::Item::owner)
    }

    /// How many portals the default group has.
    pub(crate) fn default_portals(&self) -> usize {
        self.of_class("iscsi-portal").count()
    }

    /// Whether there is an item that says all that this one says.
    pub(crate) fn holds(
        &self,
        class: &str,
        members: serde_json::Map<String, serde_json::Value>,
    ) -> bool {
        let json = serde_json::Value::Object(members);
        let class = class::Class::by_name(class);
        let wanted = class.and_then(|class| item::Item::from_json(class, &json).ok());
        wanted.is_some_and(|wanted| {
            let mut items = self.document.items.iter();
            items.any(|item| item.is_same_as(&wanted) && wanted.changes(item).is_empty())
        })
    }

    fn of_class<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a item::Item> {
        let items = self.document.items.iter();
        items.filter(move |item| item.class.name == name)
    }

    fn with(items: Vec<item::Item>) -> Self {
        let classes = class::CLASSES.iter().map(|class| class.name).collect();
        Document { items, classes }.into()
    }

    /// Takes over what another one has besides: items that are not here, and secrets.
    pub fn complete(&mut self, other: &Self) {
        self.take_over(other, |_| true);
    }

    /// Does that, too, but not with items that a third one wants: these have yet to be made here.
    pub fn complete_for(&mut self, wanted: &Self, other: &Self) {
        let keys: BTreeSet<_> = wanted.document.items.iter().map(item::Item::key).collect();
        self.take_over(other, |item| !keys.contains(&item.key()));
    }

    fn take_over(&mut self, other: &Self, is_taken: impl Fn(&item::Item) -> bool) {
        self.unread.extend(other.unread.iter().cloned());
        let mut here: std::collections::BTreeMap<_, _> = std::mem::take(&mut self.document.items)
            .into_iter()
            .map(|item| (item.key(), item))
            .collect();
        for item in &other.document.items {
            match here.entry(item.key()) {
                std::collections::btree_map::Entry::Occupied(mut own) => {
                    own.get_mut().adopt_secrets(item);
                }
                std::collections::btree_map::Entry::Vacant(free) => {
                    // A state that is not there has been left since.
                    if !item.is_state() && is_taken(item) {
                        free.insert(item.clone());
                    }
                }
            }
        }
        self.document.items = here.into_values().collect();
    }

    /// The steps from this configuration to another.
    pub fn steps_to(&self, wanted: &Self, extent: Extent) -> Vec<Step> {
        plan::steps(self, wanted, extent)
    }
}

impl From<Document> for Configuration {
    fn from(document: Document) -> Self {
        Self {
            document,
            unread: BTreeSet::new(),
        }
    }
}

impl std::fmt::Display for Configuration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let classes = self.document.classes.iter().copied();
        f.write_str(&document::format(classes, &self.document.items))
    }
}
