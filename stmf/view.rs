// SPDX-License-Identifier: GPL-2.0

//! View entries: which hosts see which logical unit through which targets, and under which number.
//!
//! `stmf_model` has the rules. Here are the entries, with indexes that make applying the rules cost
//! the same however many entries there are.

use crate::{
    group::GroupId,
    table::{Room, Table}, //
};
use kernel::prelude::*;
use stmf_model::{
    decide,
    Conflict,
    Guid,
    Lun,
    LunBitmap,
    Scope, //
};

/// Hosts or targets that an entry is for.
pub(crate) type Group = stmf_model::Group<GroupId>;
/// One view entry.
pub(crate) type View = stmf_model::ViewEntry<GroupId>;
/// A view entry that someone asks for.
pub(crate) type NewView = stmf_model::NewView<GroupId>;

/// Numbers that are counted together: by [`Scope`] of the hosts and of the targets, and 64 at a
/// time.
type Place = (Scope<GroupId>, Scope<GroupId>, u8);

/// How many entries have each of 64 numbers in a row.
struct Counts {
    entries: [u32; 64],
    /// Which of them any entry has.
    used: u64,
}

impl Counts {
    const NONE: Self = Self {
        entries: [0; 64],
        used: 0,
    };

    fn change(&mut self, lun: Lun, change: impl Fn(u32) -> u32) {
        let bit = usize::from(lun.value() % 64);
        let Some(count) = self.entries.get_mut(bit) else {
            return;
        };
        *count = change(*count);
        let mask = 1 << bit;
        self.used = if *count > 0 {
            self.used | mask
        } else {
            self.used & !mask
        };
    }
}

/// All view entries.
pub(crate) struct Views {
    entries: Table<(Guid, u32), View>,
    /// What each pair of groups shows. A number is there once, by the second rule.
    shown: Table<(Group, Group, Lun), Guid>,
    numbers: Table<Place, Counts>,
    /// Room to work in.
    used: KBox<LunBitmap>,
}

impl Views {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            entries: Table::new(),
            shown: Table::new(),
            numbers: Table::new(),
            used: KBox::new(LunBitmap::new(), GFP_KERNEL)?,
        })
    }

    /// All entries, those of one logical unit together.
    pub(crate) fn all(&self) -> &Table<(Guid, u32), View> {
        &self.entries
    }

    /// The entries of one logical unit in the order of their numbers.
    pub(crate) fn of(&self, guid: &Guid) -> impl Iterator<Item = &View> + Clone {
        let guid = *guid;
        let from = self.entries.from((guid, 0));
        from.take_while(move |((of, _), _)| *of == guid)
            .map(|(_, view)| view)
    }

    pub(crate) fn find(&self, guid: &Guid, id: u32) -> Option<&View> {
        self.entries.get(&(*guid, id))
    }

    /// What the entries for just these groups show.
    pub(crate) fn shown(
        &self,
        host: Group,
        target: Group,
    ) -> impl Iterator<Item = (Lun, Guid)> + '_ {
        let from = self.shown.from((host, target, Lun::ZERO));
        from.take_while(move |((of, by, _), _)| (*of, *by) == (host, target))
            .map(|((_, _, lun), guid)| (lun, *guid))
    }

    /// Decides on a new entry by both rules and gives it its numbers, without adding it.
    pub(crate) fn decide(&mut self, new: NewView) -> Result<View, Conflict> {
        self.used.clear();
        for host in Scope::consulted(new.host) {
            for target in Scope::consulted(new.target) {
                let from = self.numbers.from((host, target, 0));
                for ((of, by, word), counts) in from {
                    if (of, by) != (host, target) {
                        break;
                    }
                    self.used.merge_word(word, counts.used);
                }
            }
        }
        decide(self.of(&new.guid), &self.used, new)
    }

    /// Adds an entry as [`Views::decide`] made it.
    pub(crate) fn insert(&mut self, view: &View) -> Result {
        let (entry, shown) = (Room::new()?, Room::new()?);
        let mut rooms = [const { None }; 4];
        for (place, room) in places(view).into_iter().zip(&mut rooms) {
            if self.numbers.get(&place).is_none() {
                *room = Some(Room::new()?);
            }
        }
        for (place, room) in places(view).into_iter().zip(rooms) {
            if let Some(room) = room {
                self.numbers.put(room, place, Counts::NONE);
            }
            if let Some(counts) = self.numbers.get_mut(&place) {
                counts.change(view.lun, |count| count.saturating_add(1));
            }
        }
        self.entries.put(entry, (view.guid, view.id), *view);
        self.shown
            .put(shown, (view.host, view.target, view.lun), view.guid);
        Ok(())
    }

    pub(crate) fn remove(&mut self, view: &View) {
        if self.entries.remove(&(view.guid, view.id)).is_none() {
            return;
        }
        self.shown.remove(&(view.host, view.target, view.lun));
        for place in places(view) {
            let Some(counts) = self.numbers.get_mut(&place) else {
                continue;
            };
            counts.change(view.lun, |count| count.saturating_sub(1));
            if counts.used == 0 {
                self.numbers.remove(&place);
            }
        }
    }
}

/// Where an entry's number is counted.
fn places(view: &View) -> [Place; 4] {
    let [any_host, host] = Scope::counted(view.host);
    let [any_target, target] = Scope::counted(view.target);
    // CAST: a number is below 64 * 256.
    let word = (view.lun.value() / 64) as u8;
    [
        (any_host, any_target, word),
        (any_host, target, word),
        (host, any_target, word),
        (host, target, word),
    ]
}
