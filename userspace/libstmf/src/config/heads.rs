// SPDX-License-Identifier: GPL-2.0

//! Whose metadata may be in the head of a file or device.

use std::collections::BTreeMap;
use std::sync::Arc;

use stmf_model::Guid;
use stmf_uapi::sbd;

use super::item::Item;
use super::Configuration;

/// The disks that have their metadata in front of their data, or may have because what is saved of
/// them can't be read.
#[derive(Clone, Debug)]
pub(crate) struct Heads(Arc<BTreeMap<String, bool>>);

impl Heads {
    /// Those of two configurations, of which the later one knows better.
    pub(crate) fn of(earlier: &Configuration, later: &Configuration) -> Self {
        let unread = earlier.unread.iter().chain(&later.unread);
        let disks = earlier.of_class("disk").chain(later.of_class("disk"));
        let disks = disks.map(|disk| (disk.owner(), Item::has_head(disk)));
        Self(Arc::new(
            unread
                .map(|owner| (owner.clone(), true))
                .chain(disks)
                .collect(),
        ))
    }

    /// Whether the kernel refuses a disk because of metadata, and they are of none of these.
    pub(crate) fn leave(&self, refusal: &str) -> bool {
        let named = refusal.strip_prefix(sbd::FOREIGN_HEAD);
        let guid = named.and_then(|named| named.split(' ').next());
        let guid = guid.and_then(|guid| guid.parse::<Guid>().ok());
        guid.is_some_and(|guid| self.0.get(&guid.to_string()) != Some(&true))
    }
}
