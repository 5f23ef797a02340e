// SPDX-License-Identifier: GPL-2.0

//! Configurations as JSON, in backups and in the files of the store alike.
//!
//! ```json
//! {
//!   "format": "stmf-configuration",
//!   "version": 1,
//!   "disk": [
//!     { "guid": "600144F0000000000000000000000001", "file": "/dev/vg0/web" }
//!   ],
//!   "view": [
//!     { "guid": "600144F0000000000000000000000001", "lun": 0 }
//!   ]
//! }
//! ```

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::class::{Class, CLASSES};
use super::item::Item;

const FORMAT: &str = "stmf-configuration";
/// Version of the format. A file of a later one is refused, for it may say what we don't know.
const VERSION: u64 = 1;

/// Why a file is no configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// It is no JSON; a file that was cut short is none.
    #[error("not a configuration: {0}")]
    Json(String),
    /// It is something else.
    #[error("not a configuration of this program: \"format\" is not \"{FORMAT}\"")]
    Foreign,
    /// It was written by a later version of this program.
    #[error("version {0} of the format is newer than {VERSION}, the latest one known here")]
    Newer(u64),
    /// A field has a value that it can't have.
    #[error("{0}")]
    Field(String),
}

/// What a file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Document {
    pub(crate) items: Vec<Item>,
    /// Names of the classes that it says something about, be it that there are no items.
    pub(crate) classes: Vec<&'static str>,
}

impl Document {
    pub(crate) fn parse(text: &str) -> Result<Self, DocumentError> {
        let json: Value =
            serde_json::from_str(text).map_err(|error| DocumentError::Json(error.to_string()))?;
        let members = json.as_object().ok_or(DocumentError::Foreign)?;
        if members.get("format").and_then(Value::as_str) != Some(FORMAT) {
            return Err(DocumentError::Foreign);
        }
        match members.get("version").and_then(Value::as_u64) {
            Some(VERSION) => {}
            Some(later) if later > VERSION => return Err(DocumentError::Newer(later)),
            _ => {
                return Err(DocumentError::Field(
                    "version: expected a number".to_owned(),
                ))
            }
        }
        let mut lists = Vec::new();
        for (name, items) in members {
            if !matches!(name.as_str(), "format" | "version") {
                let list = items
                    .as_array()
                    .ok_or_else(|| DocumentError::Field(format!("{name}: expected a list")))?;
                lists.push((name.as_str(), list.as_slice()));
            }
        }
        Self::of_lists(lists)
    }

    /// What lists of items say, by the names of their classes.
    pub(crate) fn of_lists<'a>(
        lists: impl IntoIterator<Item = (&'a str, &'a [Value])>,
    ) -> Result<Self, DocumentError> {
        let mut document = Self::default();
        for (name, items) in lists {
            document
                .parse_class(name, items)
                .map_err(DocumentError::Field)?;
        }
        document.items.sort_by_key(|item| item.class.rank());
        Ok(document)
    }

    /// Takes out the item that has the key of this one.
    pub(crate) fn take(&mut self, item: &Item) -> Option<Item> {
        let place = self.items.iter().position(|other| other.is_same_as(item))?;
        Some(self.items.remove(place))
    }

    fn parse_class(&mut self, name: &str, list: &[Value]) -> Result<(), String> {
        let class = Class::by_name(name).ok_or_else(|| format!("{name}: unknown"))?;
        self.classes.push(class.name);
        let mut keys = BTreeSet::new();
        for (place, json) in list.iter().enumerate() {
            let item = Item::from_json(class, json)
                .map_err(|problem| format!("{name}[{place}].{problem}"))?;
            if !keys.insert(item.key()) {
                return Err(format!("{name}[{place}]: {item} is there twice"));
            }
            self.items.push(item);
        }
        Ok(())
    }
}

/// Formats items; of all classes that are given, even if there are no items of them.
pub(crate) fn format<'a>(
    classes: impl IntoIterator<Item = &'a str>,
    items: impl IntoIterator<Item = &'a Item>,
) -> String {
    let mut lists: Vec<(&str, Vec<Value>)> = Vec::new();
    for name in classes {
        if lists.iter().all(|(known, _)| *known != name) {
            lists.push((name, Vec::new()));
        }
    }
    for item in items {
        let name = item.class.name;
        match lists.iter_mut().find(|(known, _)| *known == name) {
            Some((_, list)) => list.push(item.to_json()),
            None => lists.push((name, vec![item.to_json()])),
        }
    }
    lists.sort_by_key(|(name, _)| CLASSES.iter().position(|class| class.name == *name));
    let mut members = Map::new();
    members.insert("format".to_owned(), FORMAT.into());
    members.insert("version".to_owned(), VERSION.into());
    for (name, list) in lists {
        members.insert(name.to_owned(), list.into());
    }
    // `{:#}` is the indented form; values that come from `Value` can always be formatted.
    format!("{:#}\n", Value::Object(members))
}
