// SPDX-License-Identifier: GPL-2.0

//! View entries: who sees a logical unit, through which targets, under which number.
//!
//! Two rules keep views free of contradictions. A host must not see the same logical unit twice
//! through one target, so that two entries of a logical unit may not overlap, whatever their
//! numbers ([`overlapping`]). And a number must mean one logical unit to a host at a target, so
//! that overlapping entries of different logical units must have different numbers ([`occupy`]).

use crate::{
    GroupName,
    Guid,
    Lun,
    LunBitmap, //
};
use core::fmt;

/// The hosts or the targets that a view entry concerns.
///
/// `N` is what names a group: its name, or whatever stands for it where groups are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group<N = GroupName> {
    /// All of them, including those in no group.
    All,
    /// The members of one group.
    Named(N),
}

impl<N: PartialEq> Group<N> {
    /// Whether someone may be in both. A host is in at most one host group and a target in at most
    /// one target group, so that two different groups never share a member.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Named(this), Self::Named(other)) => this == other,
            _ => true,
        }
    }

    /// Whether someone whose group is `group`, or who is in none, is meant.
    pub fn includes(&self, group: Option<&N>) -> bool {
        match self {
            Self::All => true,
            Self::Named(this) => group == Some(this),
        }
    }
}

/// What a number is counted under, in one dimension (hosts or targets), by whoever keeps many
/// entries and wants to know which numbers a new one can't have, without looking at them all.
///
/// An entry counts under each of [`Scope::counted`] of its group. The entries that a new one
/// overlaps are those that count under one of [`Scope::consulted`] of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope<N> {
    /// Entries for whatever group, or for all.
    Any,
    /// Entries for just this one, or just for all.
    Only(Group<N>),
}

impl<N: Copy> Scope<N> {
    /// Where an entry for this group is counted.
    pub fn counted(group: Group<N>) -> [Self; 2] {
        [Self::Any, Self::Only(group)]
    }

    /// Where the entries are counted that overlap one for this group.
    pub fn consulted(group: Group<N>) -> impl Iterator<Item = Self> + Clone {
        let (first, second) = match group {
            Group::All => (Self::Any, None),
            Group::Named(_) => (Self::Only(group), Some(Self::Only(Group::All))),
        };
        core::iter::once(first).chain(second)
    }
}

/// One view entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewEntry<N = GroupName> {
    /// Number of the entry among those of its logical unit.
    pub id: u32,
    /// The logical unit, which need not exist.
    pub guid: Guid,
    /// Who sees it.
    pub host: Group<N>,
    /// Through which targets.
    pub target: Group<N>,
    /// Under which number.
    pub lun: Lun,
}

impl<N: PartialEq> ViewEntry<N> {
    /// Whether some host sees both this entry and one for these groups through the same target.
    pub fn overlaps(&self, host: &Group<N>, target: &Group<N>) -> bool {
        self.host.overlaps(host) && self.target.overlaps(target)
    }

    /// Whether a host of this group sees the entry through a target of that group.
    pub fn shows_to(&self, host_group: Option<&N>, target_group: Option<&N>) -> bool {
        self.host.includes(host_group) && self.target.includes(target_group)
    }
}

/// A view entry that someone asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewView<N = GroupName> {
    /// The logical unit.
    pub guid: Guid,
    /// Who shall see it.
    pub host: Group<N>,
    /// Through which targets.
    pub target: Group<N>,
    /// Under which number; the lowest free one if it does not matter.
    pub lun: Option<Lun>,
}

/// Why a view entry can't be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// It overlaps the entry of this number, of the same logical unit.
    Overlap(u32),
    /// Another logical unit has this number for some of the same hosts and targets.
    LunInUse(Lun),
    /// No number is free.
    NoFreeLun,
    /// The logical unit has as many entries as can be numbered.
    NoFreeId,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Overlap(id) => write!(
                f,
                "view entry exists: number {id} covers some of the same hosts"
            ),
            Self::LunInUse(lun) => write!(f, "LUN already in use: {lun}"),
            Self::NoFreeLun => f.write_str("no LUN is free"),
            Self::NoFreeId => f.write_str("too many view entries"),
        }
    }
}

impl core::error::Error for Conflict {}

/// The first rule: finds an entry of the same logical unit that a new one would overlap.
///
/// `entries` are those of the logical unit.
pub fn overlapping<'a, N: PartialEq + 'a>(
    entries: impl IntoIterator<Item = &'a ViewEntry<N>>,
    host: &Group<N>,
    target: &Group<N>,
) -> Option<&'a ViewEntry<N>> {
    entries
        .into_iter()
        .find(|entry| entry.overlaps(host, target))
}

/// The second rule: adds to `used` the numbers that a new entry for these groups can't have.
///
/// `entries` are those of all logical units. A caller with many keeps the numbers by [`Scope`]
/// instead.
pub fn occupy<'a, N: PartialEq + 'a>(
    entries: impl IntoIterator<Item = &'a ViewEntry<N>>,
    host: &Group<N>,
    target: &Group<N>,
    used: &mut LunBitmap,
) {
    for entry in entries {
        if entry.overlaps(host, target) {
            used.insert(entry.lun);
        }
    }
}

/// The lowest number that none of the entries has; `None` when all are taken.
///
/// `entries` are those of one logical unit in ascending order of their numbers.
pub fn lowest_free_id<'a, N: 'a>(
    entries: impl IntoIterator<Item = &'a ViewEntry<N>>,
) -> Option<u32> {
    let mut free = Some(0);
    for entry in entries {
        match free {
            Some(id) if entry.id == id => free = id.checked_add(1),
            _ => break,
        }
    }
    free
}

/// Decides on a new entry by both rules and gives it its numbers.
///
/// `own` are the entries of its logical unit in ascending order of their numbers; `used` are the
/// numbers that it can't have, as [`occupy`] finds them.
pub fn decide<'a, N: PartialEq + 'a>(
    own: impl Iterator<Item = &'a ViewEntry<N>> + Clone,
    used: &LunBitmap,
    new: NewView<N>,
) -> Result<ViewEntry<N>, Conflict> {
    let NewView {
        guid,
        host,
        target,
        lun,
    } = new;
    if let Some(entry) = overlapping(own.clone(), &host, &target) {
        return Err(Conflict::Overlap(entry.id));
    }
    let lun = match lun {
        Some(lun) if used.contains(lun) => return Err(Conflict::LunInUse(lun)),
        Some(lun) => lun,
        None => used.lowest_free().ok_or(Conflict::NoFreeLun)?,
    };
    Ok(ViewEntry {
        id: lowest_free_id(own).ok_or(Conflict::NoFreeId)?,
        guid,
        host,
        target,
        lun,
    })
}

/// Decides on a new entry where all entries are at hand.
///
/// `entries` are those of all logical units, those of each in ascending order of their numbers;
/// `used` is room to work in, whose content does not matter.
pub fn admit<'a, N: PartialEq + 'a>(
    entries: impl Iterator<Item = &'a ViewEntry<N>> + Clone,
    new: NewView<N>,
    used: &mut LunBitmap,
) -> Result<ViewEntry<N>, Conflict> {
    used.clear();
    occupy(entries.clone(), &new.host, &new.target, used);
    let guid = new.guid;
    decide(entries.filter(move |entry| entry.guid == guid), used, new)
}

/// The LUN map of a session: what a host of this group sees through a target of that group.
///
/// `entries` are those of the logical units that are online. Entries added by the rules never give
/// one number to two of them; should it happen, the first one keeps it. `seen` is room to work in,
/// whose content does not matter.
pub fn visible<'a, N, I>(
    entries: I,
    host_group: Option<&'a N>,
    target_group: Option<&'a N>,
    seen: &'a mut LunBitmap,
) -> impl Iterator<Item = (Lun, Guid)> + use<'a, N, I>
where
    N: PartialEq + 'a,
    I: IntoIterator<Item = &'a ViewEntry<N>>,
{
    seen.clear();
    entries
        .into_iter()
        .filter(move |entry| entry.shows_to(host_group, target_group))
        .filter(move |entry| seen.insert(entry.lun))
        .map(|entry| (entry.lun, entry.guid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{
        boxed::Box,
        collections::BTreeMap,
        string::ToString,
        vec,
        vec::Vec, //
    };

    use Group::{All, Named};

    fn guid(n: u8) -> Guid {
        let mut bytes = [0; 16];
        bytes[0] = 0x60;
        bytes[15] = n;
        Guid::new(bytes)
    }

    fn lun(n: u16) -> Lun {
        Lun::new(n).unwrap()
    }

    fn entry(lu: u8, id: u32, host: Group<u8>, target: Group<u8>, n: u16) -> ViewEntry<u8> {
        ViewEntry {
            id,
            guid: guid(lu),
            host,
            target,
            lun: lun(n),
        }
    }

    /// (id, LUN) of the entry, or why there is none.
    fn decide(
        entries: &[ViewEntry<u8>],
        lu: u8,
        host: Group<u8>,
        target: Group<u8>,
        n: Option<u16>,
    ) -> Result<(u32, u16), Conflict> {
        let new = NewView {
            guid: guid(lu),
            host,
            target,
            lun: n.map(lun),
        };
        let mut used = Box::new(LunBitmap::new());
        used.insert(lun(0));
        admit(entries.iter(), new, &mut used).map(|entry| {
            assert_eq!(
                (entry.guid, entry.host, entry.target),
                (guid(lu), host, target)
            );
            (entry.id, entry.lun.value())
        })
    }

    #[test]
    fn entries_of_one_lu_may_not_overlap() {
        // The entry that is there, the new one, and whether they overlap.
        for (host, target, new_host, new_target, overlap) in [
            (All, All, All, All, true),
            (All, All, Named(1), Named(1), true),
            (Named(1), Named(1), All, All, true),
            (Named(1), Named(1), Named(1), Named(1), true),
            (Named(1), All, Named(2), All, false),
            (All, Named(1), All, Named(2), false),
            (Named(1), All, All, Named(1), true),
            (Named(1), Named(1), Named(1), Named(2), false),
            (Named(1), Named(1), Named(2), Named(1), false),
            (Named(1), Named(1), Named(1), All, true),
            (Named(1), Named(1), Named(2), All, false),
            (Named(1), Named(1), All, Named(2), false),
        ] {
            let entries = [entry(7, 3, host, target, 5)];
            let expected = if overlap {
                Err(Conflict::Overlap(3))
            } else {
                Ok((0, 9))
            };
            let decided = decide(&entries, 7, new_host, new_target, Some(9));
            assert_eq!(
                decided, expected,
                "{host:?} {target:?} {new_host:?} {new_target:?}"
            );
        }
    }

    #[test]
    fn a_number_means_one_lu_to_a_host() {
        for (host, target, new_host, new_target, taken) in [
            (All, All, All, All, true),
            (Named(1), All, Named(2), All, false),
            (Named(1), All, Named(1), Named(4), true),
            (Named(1), Named(3), All, All, true),
            (Named(1), Named(3), All, Named(4), false),
        ] {
            let entries = [entry(7, 0, host, target, 5)];
            let expected = if taken {
                Err(Conflict::LunInUse(lun(5)))
            } else {
                Ok((0, 5))
            };
            assert_eq!(decide(&entries, 8, new_host, new_target, Some(5)), expected);
            // A number that does not matter is the lowest that is free for all concerned.
            assert_eq!(decide(&entries, 8, new_host, new_target, None), Ok((0, 0)));
        }
    }

    #[test]
    fn the_overlap_is_told_before_the_number() {
        let entries = [entry(7, 0, All, All, 5)];
        assert_eq!(
            decide(&entries, 7, All, All, Some(5)),
            Err(Conflict::Overlap(0))
        );
    }

    #[test]
    fn numbers_are_the_lowest_free() {
        let entries = [
            entry(1, 0, All, All, 0),
            entry(2, 0, Named(1), All, 1),
            entry(3, 0, Named(2), All, 2),
            entry(4, 0, Named(1), All, 3),
            entry(4, 1, Named(2), All, 4),
            entry(4, 3, Named(3), All, 1),
        ];
        assert_eq!(decide(&entries, 9, All, All, None), Ok((0, 5)));
        assert_eq!(decide(&entries, 9, Named(1), All, None), Ok((0, 2)));
        assert_eq!(decide(&entries, 9, Named(2), Named(8), None), Ok((0, 1)));
        assert_eq!(decide(&entries, 4, Named(4), All, None), Ok((2, 1)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes")]
    fn at_some_point_all_numbers_are_taken() {
        let entries: Vec<_> = (0..=16383)
            .map(|n| entry((n % 251) as u8, n, All, All, n as u16))
            .collect();
        assert_eq!(
            decide(&entries, 255, Named(1), All, None),
            Err(Conflict::NoFreeLun)
        );
        assert_eq!(
            decide(&entries[..16383], 255, Named(1), All, None),
            Ok((0, 16383))
        );
    }

    #[test]
    fn a_session_sees_what_its_groups_see() {
        let entries = [
            entry(1, 0, All, All, 0),
            entry(2, 0, Named(1), All, 1),
            entry(3, 0, All, Named(5), 2),
            entry(4, 0, Named(1), Named(5), 3),
            entry(5, 0, Named(2), All, 1),
        ];
        for (host, target, expected) in [
            (None, None, vec![(0, 1)]),
            (Some(1), None, vec![(0, 1), (1, 2)]),
            (None, Some(5), vec![(0, 1), (2, 3)]),
            (Some(1), Some(5), vec![(0, 1), (1, 2), (2, 3), (3, 4)]),
            (Some(2), Some(6), vec![(0, 1), (1, 5)]),
        ] {
            let mut seen = Box::new(LunBitmap::new());
            seen.insert(lun(0));
            let map: Vec<_> = visible(&entries, host.as_ref(), target.as_ref(), &mut seen)
                .map(|(lun, guid)| (lun.value(), guid.as_bytes()[15]))
                .collect();
            assert_eq!(map, expected, "{host:?} {target:?}");
        }
    }

    #[test]
    fn what_is_counted_is_consulted_where_groups_overlap() {
        for entry in [All, Named(1), Named(2)] {
            for new in [All, Named(1), Named(2)] {
                let times = Scope::consulted(new)
                    .filter(|scope| Scope::counted(entry).contains(scope))
                    .count();
                assert_eq!(
                    times,
                    usize::from(entry.overlaps(&new)),
                    "{entry:?} {new:?}"
                );
            }
        }
    }

    #[test]
    fn of_two_lus_with_one_number_the_first_is_seen() {
        let entries = [entry(1, 0, Named(1), All, 0), entry(2, 0, All, All, 0)];
        let mut seen = Box::new(LunBitmap::new());
        let map: Vec<_> = visible(&entries, Some(&1), None, &mut seen).collect();
        assert_eq!(map, [(lun(0), guid(1))]);
    }

    #[test]
    fn conflicts_are_sentences() {
        assert_eq!(
            Conflict::LunInUse(lun(3)).to_string(),
            "LUN already in use: 3"
        );
    }

    fn group() -> impl Strategy<Value = Group<u8>> {
        prop_oneof![Just(All), (0u8..3).prop_map(Named)]
    }

    /// The groups that hosts and targets can be in: none, or one of three.
    const MEMBERSHIPS: [Option<u8>; 4] = [None, Some(0), Some(1), Some(2)];

    fn sees(entry: &ViewEntry<u8>, host: Option<u8>, target: Option<u8>) -> bool {
        let one = |group: Group<u8>, member| match group {
            All => true,
            Named(name) => member == Some(name),
        };
        one(entry.host, host) && one(entry.target, target)
    }

    proptest! {
        /// Every history is checked against every host and target there can be: nobody ever sees
        /// a logical unit twice or two under one number, and nothing is refused without need.
        #[test]
        fn views_never_contradict_each_other(
            steps in prop::collection::vec(
                (0u8..4, group(), group(), prop::option::of(0u16..6), any::<bool>()), 1..40),
        ) {
            let mut entries: Vec<ViewEntry<u8>> = Vec::new();
            let mut used = Box::new(LunBitmap::new());
            for (lu, host, target, n, remove) in steps {
                if remove && !entries.is_empty() {
                    entries.remove(usize::from(lu) % entries.len());
                    continue;
                }
                let new = NewView { guid: guid(lu), host, target, lun: n.map(lun) };
                let wanted = ViewEntry { id: 0, guid: guid(lu), host, target, lun: lun(0) };
                // Someone sees both the new entry and this one.
                let shared = |entry: &&ViewEntry<u8>| {
                    MEMBERSHIPS.iter().any(|&host| {
                        MEMBERSHIPS.iter().any(|&target| {
                            sees(entry, host, target) && sees(&wanted, host, target)
                        })
                    })
                };
                let twice = entries.iter().filter(shared).any(|entry| entry.guid == guid(lu));
                let taken: Vec<u16> =
                    entries.iter().filter(shared).map(|entry| entry.lun.value()).collect();
                match admit(entries.iter(), new, &mut used) {
                    Ok(entry) => {
                        prop_assert!(!twice);
                        prop_assert!(!taken.contains(&entry.lun.value()));
                        match n {
                            Some(n) => prop_assert_eq!(entry.lun.value(), n),
                            None => prop_assert!((0..entry.lun.value()).all(|n| taken.contains(&n))),
                        }
                        let id_is_taken = |id| {
                            entries.iter().any(|entry| entry.guid == guid(lu) && entry.id == id)
                        };
                        prop_assert!(!id_is_taken(entry.id));
                        prop_assert!((0..entry.id).all(id_is_taken));
                        entries.push(entry);
                        entries.sort_by_key(|entry| (entry.guid, entry.id));
                    }
                    Err(Conflict::Overlap(id)) => {
                        prop_assert!(twice);
                        prop_assert!(entries.iter().filter(shared).any(|entry| entry.id == id));
                    }
                    Err(Conflict::LunInUse(lun)) => {
                        prop_assert!(taken.contains(&lun.value()));
                        prop_assert_eq!(Some(lun.value()), n);
                    }
                    Err(other) => prop_assert!(false, "{other}"),
                }
                for host in MEMBERSHIPS {
                    for target in MEMBERSHIPS {
                        let mut expected = BTreeMap::new();
                        for entry in entries.iter().filter(|entry| sees(entry, host, target)) {
                            prop_assert!(!expected.values().any(|guid| *guid == entry.guid));
                            prop_assert!(expected.insert(entry.lun, entry.guid).is_none());
                        }
                        let map: BTreeMap<_, _> =
                            visible(&entries, host.as_ref(), target.as_ref(), &mut used).collect();
                        prop_assert_eq!(map, expected);
                    }
                }
            }
        }
    }
}
