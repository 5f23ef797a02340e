// SPDX-License-Identifier: GPL-2.0

//! What the kernel's other SCSI target, LIO, had as its configuration becomes one of ours.
//!
//! Disks keep what initiators know them by: NAA identifier, serial number, INQUIRY data, LUN,
//! the target's name and portal group tag. What can't be kept is left out, never widened: nobody
//! may read or write afterwards who could not before.

mod disk;
mod file;
mod limits;
mod portals;
mod target;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::{Configuration, DocumentError};
use file::File;

/// An LIO configuration as one of ours.
#[derive(Clone, Debug)]
pub struct LioImport {
    /// What has a counterpart.
    pub configuration: Configuration,
    /// What has none, a sentence for each.
    pub left_out: Vec<String>,
}

impl LioImport {
    /// Reads the text of a `saveconfig.json`. Portal groups get tags, and the default group portals,
    /// with which the current configuration stays as it is.
    pub fn parse(text: &str, current: &Configuration) -> Result<Self, DocumentError> {
        let file: File =
            serde_json::from_str(text).map_err(|error| DocumentError::Json(error.to_string()))?;
        let mut work = Work::default();
        work.take_discovery(&file);
        let disks = disk::Disks::of(&file, &mut work);
        let portals = portals::Portals::of(&file, current, &mut work);
        for target in &file.targets {
            work.take_target(target, &disks, &portals);
        }
        let configuration = Configuration::of_lists(&work.lists)?;
        Ok(Self {
            configuration,
            left_out: work.left_out,
        })
    }
}

/// The lists of a configuration as they fill.
#[derive(Debug, Default)]
struct Work {
    lists: BTreeMap<&'static str, Vec<Value>>,
    left_out: Vec<String>,
    /// The CHAP name and secret of each initiator.
    secrets: BTreeMap<String, (String, String)>,
}

impl Work {
    /// Adds an item; one that is there already is not added again.
    fn add(&mut self, class: &'static str, item: Map<String, Value>) {
        let list = self.lists.entry(class).or_default();
        let item = Value::Object(item);
        if !list.contains(&item) {
            list.push(item);
        }
    }

    fn leave_out(&mut self, object: impl std::fmt::Display, why: &str) {
        self.left_out.push(format!("{object}: {why}"));
    }

    fn take_discovery(&mut self, file: &File) {
        let enables = |module: &Map<String, Value>| {
            module.get("discovery_enable_auth").and_then(Value::as_bool) == Some(true)
        };
        if file.fabric_modules.iter().any(enables) {
            let why = "one name and secret for all initiators is not known here; with \
                       itadm modify-defaults -a chap each gives its own";
            self.leave_out("authentication of discovery", why);
        }
    }
}

/// An object of JSON.
fn object<const N: usize>(members: [(&str, Value); N]) -> Map<String, Value> {
    let members = members.into_iter();
    members
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
