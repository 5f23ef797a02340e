// SPDX-License-Identifier: GPL-2.0

//! What is known of the copies of an I_T nexus: those in progress, and the results of those that are
//! over.

use super::MAX_CONCURRENT;
use crate::{
    sense::{
        AdditionalSense,
        Sense, //
    },
    status::Status, //
};

/// How an EXTENDED COPY ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// Its status.
    pub status: Status,
    /// Its sense data.
    pub sense: Option<Sense>,
}

/// What is known of a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The number of the logical unit whose copy manager it is.
    pub unit: u64,
    /// LIST IDENTIFIER; none for a copy that can't be asked for.
    pub id: Option<u8>,
    /// The segments that are done.
    pub segments: u16,
    /// The bytes that were written.
    pub written: u64,
    /// How it ended; none while it is in progress.
    pub ending: Option<Ending>,
    /// COPY ABORT wants it to end.
    pub aborted: bool,
    /// RECEIVE COPY STATUS has not been answered since it ended.
    has_status: bool,
    /// RECEIVE COPY FAILURE DETAILS has something to tell.
    has_details: bool,
    /// There is held data, or was.
    has_held: bool,
    /// Some data was held that isn't any more.
    pub discarded: bool,
    /// Counts the copies of the nexus: says which is older.
    ticket: u64,
}

impl Record {
    fn is_in_progress(&self) -> bool {
        self.ending.is_none()
    }

    /// Whether anything can still be asked of it.
    fn is_of_use(&self) -> bool {
        self.is_in_progress()
            || (self.id.is_some() && (self.has_status || self.has_details || self.has_held))
    }
}

/// Why a copy can't begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The list identifier is that of a copy in progress.
    InUse,
    /// Too many copies are in progress.
    Full,
}

impl Begin {
    /// What becomes of the command: sense data, or BUSY (SPC-4, EXTENDED COPY(LID1) parameter list, on
    /// the LIST IDENTIFIER field).
    pub const fn sense(self) -> Option<Sense> {
        match self {
            Self::InUse => Some(Sense::illegal(AdditionalSense::OPERATION_IN_PROGRESS)),
            Self::Full => None,
        }
    }
}

/// The records of an I_T nexus, in memory of the caller's. A list identifier belongs to a nexus and a
/// logical unit.
pub struct Records<'a>(&'a mut [Option<Record>]);

impl<'a> Records<'a> {
    /// The records that are kept: of all copies in progress, and as many results.
    pub const ROOM: usize = 2 * MAX_CONCURRENT as usize;

    /// Looks at the records in this memory.
    pub fn new(memory: &'a mut [Option<Record>]) -> Self {
        Self(memory)
    }

    /// A copy begins; returns its place. What is known of an older one of the same list identifier is
    /// forgotten, or when there is no room, of the oldest that is over.
    pub fn begin(&mut self, unit: u64, id: Option<u8>) -> Result<usize, Begin> {
        let of_this_id = |record: &Record| id.is_some() && record.unit == unit && record.id == id;
        let mut in_progress = 0u8;
        let mut newest = 0;
        for record in self.0.iter().flatten() {
            newest = newest.max(record.ticket);
            if record.is_in_progress() {
                if of_this_id(record) {
                    return Err(Begin::InUse);
                }
                in_progress = in_progress.saturating_add(1);
            }
        }
        if in_progress >= MAX_CONCURRENT {
            return Err(Begin::Full);
        }
        let place = self
            .position(of_this_id)
            .or_else(|| self.0.iter().position(Option::is_none))
            .or_else(|| self.oldest())
            .ok_or(Begin::Full)?;
        if let Some(room) = self.0.get_mut(place) {
            *room = Some(Record {
                unit,
                id,
                segments: 0,
                written: 0,
                ending: None,
                aborted: false,
                has_status: true,
                has_details: false,
                has_held: false,
                discarded: false,
                ticket: newest.saturating_add(1),
            });
        }
        Ok(place)
    }

    /// A copy in progress, by its place.
    pub fn in_progress(&mut self, place: usize) -> Option<&mut Record> {
        let record = self.0.get_mut(place)?.as_mut()?;
        record.is_in_progress().then_some(record)
    }

    /// A copy is over. `held` says whether there is held data.
    pub fn end(&mut self, place: usize, ending: Ending, held: bool) {
        if let Some(record) = self.in_progress(place) {
            record.has_details = ending.sense.is_some();
            record.has_held = held;
            record.ending = Some(ending);
        }
        self.tidy();
    }

    /// What RECEIVE COPY STATUS says of a copy; `None` when there is none of that list identifier. Once
    /// the copy is over that is told once (SPC-4, RECEIVE COPY STATUS(LID1) command).
    pub fn take_status(&mut self, unit: u64, id: u8) -> Option<Record> {
        let place = self.find(unit, id).filter(|place| {
            let record = self.0.get(*place).and_then(Option::as_ref);
            record.is_some_and(|record| record.has_status)
        })?;
        let record = self.0.get_mut(place)?.as_mut()?;
        let now = *record;
        record.has_status = record.is_in_progress();
        self.tidy();
        Some(now)
    }

    /// How a copy failed; `Some(None)` when there is nothing to tell of it.
    pub fn details(&self, unit: u64, id: u8) -> Option<Option<Ending>> {
        let record = self.0.get(self.find(unit, id)?)?.as_ref()?;
        Some(record.ending.filter(|_| record.has_details))
    }

    /// The failure was told.
    pub fn forget_details(&mut self, unit: u64, id: u8) {
        self.edit(unit, id, |record| record.has_details = false);
    }

    /// The place of a copy that is over and has held data.
    pub fn held(&self, unit: u64, id: u8) -> Option<usize> {
        let place = self.find(unit, id)?;
        let record = self.0.get(place)?.as_ref()?;
        record.has_held.then_some(place)
    }

    /// The held data was given.
    pub fn forget_held(&mut self, unit: u64, id: u8) {
        self.edit(unit, id, |record| record.has_held = false);
    }

    /// COPY ABORT: a copy in progress is to end. Says whether there is one.
    pub fn abort(&mut self, unit: u64, id: u8) -> bool {
        let place = self.find(unit, id);
        match place.and_then(|place| self.in_progress(place)) {
            Some(record) => {
                record.aborted = true;
                true
            }
            None => false,
        }
    }

    /// Whether a copy is in progress.
    pub fn is_in_progress(&self, unit: u64, id: u8) -> bool {
        let record = self
            .find(unit, id)
            .and_then(|place| self.0.get(place)?.as_ref());
        record.is_some_and(Record::is_in_progress)
    }

    /// Forgets the results of copies that are over: of a logical unit that was reset, or of all.
    pub fn forget(&mut self, unit: Option<u64>) {
        for room in self.0.iter_mut() {
            room.take_if(|record| {
                !record.is_in_progress() && unit.is_none_or(|unit| record.unit == unit)
            });
        }
    }

    fn find(&self, unit: u64, id: u8) -> Option<usize> {
        self.position(|record| record.unit == unit && record.id == Some(id))
    }

    fn position(&self, chosen: impl Fn(&Record) -> bool) -> Option<usize> {
        let mut records = self.0.iter();
        records.position(|room| room.as_ref().is_some_and(&chosen))
    }

    /// The oldest copy that is over.
    fn oldest(&self) -> Option<usize> {
        let over = self.0.iter().enumerate().filter_map(|(place, room)| {
            let record = room.as_ref().filter(|record| !record.is_in_progress())?;
            Some((record.ticket, place))
        });
        over.min().map(|(_, place)| place)
    }

    fn edit(&mut self, unit: u64, id: u8, change: impl FnOnce(&mut Record)) {
        let place = self.find(unit, id);
        if let Some(Some(record)) = place.and_then(|place| self.0.get_mut(place)) {
            change(record);
        }
        self.tidy();
    }

    /// Drops what nobody can ask for.
    fn tidy(&mut self) {
        for room in self.0.iter_mut() {
            room.take_if(|record| !record.is_of_use());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: Ending = Ending {
        status: Status::Good,
        sense: None,
    };
    const FAILED: Ending = Ending {
        status: Status::CheckCondition,
        sense: Some(Sense::copy_aborted(
            AdditionalSense::UNREACHABLE_COPY_TARGET,
            0,
        )),
    };

    fn memory() -> [Option<Record>; Records::ROOM] {
        [None; Records::ROOM]
    }

    #[test]
    fn a_list_identifier_is_in_use_while_its_copy_is_in_progress() {
        let mut memory = memory();
        let mut records = Records::new(&mut memory);
        let place = records.begin(1, Some(7)).unwrap();
        assert_eq!(records.begin(1, Some(7)), Err(Begin::InUse));
        assert!(records.begin(2, Some(7)).is_ok());
        assert!(records.begin(1, None).is_ok());
        assert!(records.begin(1, None).is_ok());
        records.end(place, GOOD, false);
        assert!(records.begin(1, Some(7)).is_ok());
    }

    #[test]
    fn the_status_of_a_copy_is_told_while_it_lasts_and_once_afterwards() {
        let mut memory = memory();
        let mut records = Records::new(&mut memory);
        assert_eq!(records.take_status(1, 7), None);
        let place = records.begin(1, Some(7)).unwrap();
        records.in_progress(place).unwrap().segments = 2;
        assert_eq!(records.take_status(1, 7).unwrap().segments, 2);
        assert!(records.take_status(1, 7).is_some());
        assert!(records.take_status(1, 8).is_none());
        assert!(records.take_status(2, 7).is_none());
        records.end(place, GOOD, false);
        assert_eq!(records.take_status(1, 7).unwrap().ending, Some(GOOD));
        assert!(records.take_status(1, 7).is_none());
        assert_eq!(records.details(1, 7), None);
    }

    #[test]
    fn a_failure_is_told_until_it_is_forgotten() {
        let mut memory = memory();
        let mut records = Records::new(&mut memory);
        let place = records.begin(1, Some(7)).unwrap();
        assert_eq!(records.details(1, 7), Some(None));
        records.end(place, FAILED, false);
        assert!(records.take_status(1, 7).is_some());
        assert!(records.take_status(1, 7).is_none());
        assert_eq!(records.details(1, 7), Some(Some(FAILED)));
        assert_eq!(records.details(1, 7), Some(Some(FAILED)));
        records.forget_details(1, 7);
        assert_eq!(records.details(1, 7), None);
    }

    #[test]
    fn held_data_is_given_when_the_copy_is_over() {
        let mut memory = memory();
        let mut records = Records::new(&mut memory);
        let place = records.begin(1, Some(7)).unwrap();
        assert_eq!(records.held(1, 7), None);
        records.end(place, GOOD, true);
        records.take_status(1, 7);
        assert_eq!(records.held(1, 7), Some(place));
        records.forget_held(1, 7);
        assert_eq!(records.held(1, 7), None);
    }

    #[test]
    fn so_many_copies_at_a_time_and_the_oldest_results_go() {
        let mut memory = memory();
        let mut records = Records::new(&mut memory);
        for id in 0..100 {
            let place = records.begin(1, Some(id)).unwrap();
            records.end(place, FAILED, false);
        }
        let kept = (0..100).filter(|id| records.details(1, *id).is_some());
        assert!(kept.eq(100 - Records::ROOM as u8..100));
        for id in 0..MAX_CONCURRENT {
            assert!(records.begin(2, Some(id)).is_ok());
        }
        assert_eq!(records.begin(2, Some(200)), Err(Begin::Full));
        assert_eq!(Begin::Full.sense(), None);
        assert_eq!(
            Begin::InUse.sense().unwrap().code,
            AdditionalSense::OPERATION_IN_PROGRESS
        );
    }

    #[test]
    fn a_reset_forgets_results_and_a_copy_can_be_aborted() {
        let mut memory = memory();
        let mut records = Records::new(&mut memory);
        for unit in [1, 2] {
            let place = records.begin(unit, Some(7)).unwrap();
            records.end(place, FAILED, false);
        }
        let running = records.begin(1, Some(8)).unwrap();
        assert!(!records.abort(1, 7));
        assert!(records.abort(1, 8));
        assert!(records.in_progress(running).unwrap().aborted);
        records.forget(Some(1));
        assert!(records.is_in_progress(1, 8));
        assert_eq!(records.details(1, 7), None);
        assert!(records.details(2, 7).is_some());
        records.forget(None);
        assert_eq!(records.details(2, 7), None);
    }
}
