// SPDX-License-Identifier: GPL-2.0

//! Portal groups.
//!
//! With LIO each target has portal groups of its own; here targets share them, and a portal is in
//! one group. Initiators keep the tag of the group that they know a target by and log in to no
//! other, so a tag is kept when all groups of that tag have the same portals. Tag 1, which nearly
//! all have, is that of the default group here. Portals of other tags get a group each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Map, Value};
use stmf_uapi::iscsi::{DEFAULT_PORT, DEFAULT_TPGT};

use super::file::{File, Tpg};
use super::{object, Work};
use crate::config::Configuration;

/// The first tag of groups that can't have the tag that they had. Lower ones may be those of groups
/// that are known by names.
const FIRST_NEW_TAG: u16 = 100;

/// An address and a port.
type Place = (IpAddr, u16);
/// Where a group is reached.
type Places = BTreeSet<Place>;

/// The tags that groups get.
#[derive(Debug, Default)]
pub(super) struct Portals {
    kept: BTreeSet<u16>,
    /// The group of each portal of the others.
    new: BTreeMap<Place, u16>,
}

impl Portals {
    pub(super) fn of(file: &File, current: &Configuration, work: &mut Work) -> Self {
        let mut groups: BTreeMap<u16, BTreeSet<Places>> = BTreeMap::new();
        for tpg in file.targets.iter().filter_map(super::target::served) {
            groups.entry(tpg.tag).or_default().insert(places(tpg));
        }
        let mut portals = Self::default();
        for (tag, sets) in &groups {
            if !portals.keep(*tag, &groups, current, work) {
                let is_free = |tag: &u16, place: &Places| {
                    !groups.contains_key(tag) && is_free(*tag, place, current)
                };
                portals.renumber(sets, is_free, work);
            }
        }
        portals
    }

    /// Makes a group of this tag, if all that have it can be in one.
    fn keep(
        &mut self,
        tag: u16,
        groups: &BTreeMap<u16, BTreeSet<Places>>,
        current: &Configuration,
        work: &mut Work,
    ) -> bool {
        let own = groups.get(&tag).map(|sets| sets.iter().collect::<Vec<_>>());
        let Some([places]) = own.as_deref() else {
            return false;
        };
        let mut others = groups.iter().filter(|(other, _)| **other != tag);
        if others.any(|(_, sets)| sets.iter().any(|other| !other.is_disjoint(places))) {
            return false;
        }
        match tag {
            DEFAULT_TPGT if is_default(places) => {}
            // Others' targets are not moved.
            DEFAULT_TPGT if current.has_iscsi_targets() && !are_default(places, current) => {
                return false;
            }
            DEFAULT_TPGT => add_default_portals(places, work),
            tag if is_free(tag, places, current) => add_group(tag, places, work),
            _ => return false,
        }
        self.kept.insert(tag)
    }

    /// Makes a group of each portal, with the lowest tag that is free for it.
    fn renumber(
        &mut self,
        sets: &BTreeSet<Places>,
        is_free: impl Fn(&u16, &Places) -> bool,
        work: &mut Work,
    ) {
        for place in sets.iter().flatten() {
            let alone = Places::from([*place]);
            let is_new = |tag: &u16| self.new.values().all(|used| used != tag);
            let mut tags = FIRST_NEW_TAG..=u16::MAX;
            let tag = tags.find(|tag| is_new(tag) && is_free(tag, &alone));
            if let (false, Some(tag)) = (self.new.contains_key(place), tag) {
                add_group(tag, &alone, work);
                self.new.insert(*place, tag);
            }
        }
    }

    /// The tags of the groups that a target's group becomes.
    pub(super) fn tags_of(&self, tpg: &Tpg) -> Vec<u16> {
        if self.kept.contains(&tpg.tag) {
            return vec![tpg.tag];
        }
        let places = places(tpg).into_iter();
        places
            .filter_map(|place| self.new.get(&place).copied())
            .collect()
    }
}

/// Where the portals of a target's group are, of those that have an address.
pub(super) fn places(tpg: &Tpg) -> Places {
    let portals = tpg.portals.iter();
    portals
        .filter_map(|portal| {
            let address = portal.ip_address.trim_matches(['[', ']']);
            Some((address.parse().ok()?, portal.port))
        })
        .collect()
}

/// Whether the default group has these portals anyway.
fn is_default(places: &Places) -> bool {
    let is_everywhere = |(address, port): &Place| address.is_unspecified() && *port == DEFAULT_PORT;
    places.iter().all(is_everywhere)
}

/// Whether the default group has these portals and no others, as after an earlier import.
fn are_default(places: &Places, current: &Configuration) -> bool {
    let is_there = |place: &Place| current.holds("iscsi-portal", default_portal(place));
    current.default_portals() == places.len() && places.iter().all(is_there)
}

/// Whether a group can have this tag: there is none, or it is this one, of an earlier import.
fn is_free(tag: u16, places: &Places, current: &Configuration) -> bool {
    let mut names = current.portal_groups();
    names.all(|name| name != tag.to_string()) || current.holds("iscsi-tpg", group(tag, places))
}

fn add_default_portals(places: &Places, work: &mut Work) {
    for place in places {
        work.add("iscsi-portal", default_portal(place));
    }
}

fn default_portal((address, port): &Place) -> Map<String, Value> {
    let address = address.to_string();
    object([("address", address.into()), ("port", (*port).into())])
}

fn add_group(tag: u16, places: &Places, work: &mut Work) {
    work.add("iscsi-tpg", group(tag, places));
}

fn group(tag: u16, places: &Places) -> Map<String, Value> {
    let portals = places.iter().map(|(address, port)| match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    });
    let portals = portals.collect::<Vec<_>>().join(",");
    // A number as name is the tag.
    object([
        ("name", tag.to_string().into()),
        ("portals", portals.into()),
    ])
}
