// SPDX-License-Identifier: GPL-2.0

//! Self-tests: what there is of them, and how they ended (SPC-5, Device self-test and Self-Test
//! Results log page).

use crate::{
    erasure,
    sense::{
        AdditionalSense,
        SenseKey, //
    }, //
};

/// SELF-TEST CODE of the self-tests whose results are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum SelfTestKind {
    /// 001b: a few places are read, while commands go on.
    BackgroundShort = 1,
    /// 010b: all of the medium is read, while commands go on.
    BackgroundExtended = 2,
    /// 101b: a few places are read before status is sent.
    ForegroundShort = 5,
    /// 110b: all of the medium is read before status is sent.
    ForegroundExtended = 6,
}

impl SelfTestKind {
    /// Whether status is sent before the self-test is done.
    pub const fn is_background(self) -> bool {
        matches!(self, Self::BackgroundShort | Self::BackgroundExtended)
    }

    /// Whether all of the medium is read.
    pub const fn is_extended(self) -> bool {
        matches!(self, Self::BackgroundExtended | Self::ForegroundExtended)
    }
}

/// Where a self-test stands: SELF-TEST RESULTS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTestState {
    /// 0h: completed without an error.
    Passed,
    /// 1h: aborted by a SEND DIAGNOSTIC.
    AbortedByCommand,
    /// 2h: aborted in another way, such as a reset.
    Aborted,
    /// 3h: it could not be completed, for an unknown reason.
    Incomplete,
    /// 5h to 7h: a segment failed.
    Failed {
        /// SELF-TEST NUMBER: the segment, counted from 1.
        segment: u8,
        /// ADDRESS OF FIRST FAILURE, where it is known.
        lba: Option<u64>,
        /// SENSE KEY, ADDITIONAL SENSE CODE and its qualifier.
        key: SenseKey,
        /// As above.
        code: AdditionalSense,
    },
    /// Fh: under way.
    Running,
}

impl SelfTestState {
    /// The value of SELF-TEST RESULTS.
    pub const fn code(&self) -> u8 {
        match self {
            Self::Passed => 0x0,
            Self::AbortedByCommand => 0x1,
            Self::Aborted => 0x2,
            Self::Incomplete => 0x3,
            Self::Failed { segment: 1, .. } => 0x5,
            Self::Failed { segment: 2, .. } => 0x6,
            Self::Failed { .. } => 0x7,
            Self::Running => 0xf,
        }
    }
}

/// A self-test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// Which it is.
    pub kind: SelfTestKind,
    /// Where it stands.
    pub state: SelfTestState,
    /// ACCUMULATED POWER ON HOURS when it came to its end, or began.
    pub hours: u16,
}

/// Some blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The first block.
    pub lba: u64,
    /// How many there are: at least one.
    pub blocks: u64,
}

/// The way of a self-test over the medium, piece by piece.
///
/// A short self-test reads three segments, at the start, in the middle and at the end; an extended one
/// reads all of the medium, which is one segment. A piece that can't be read is read again block by
/// block, until the block at fault is found; when there is none, the self-test goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Walk {
    extended: bool,
    /// The blocks of the medium, and of a piece.
    blocks: u64,
    piece: u64,
    /// The segment under way, from 0.
    segment: u8,
    /// The next block, and where the blocks end that are read one by one.
    at: u64,
    single_to: u64,
}

impl Walk {
    /// The pieces of each segment of a short self-test.
    const SHORT_PIECES: u64 = 8;

    /// The way over so many blocks, so many at a time; both at least one.
    pub const fn new(extended: bool, blocks: u64, piece: u64) -> Self {
        Self {
            extended,
            blocks,
            piece: if piece < blocks { piece } else { blocks },
            segment: 0,
            at: 0,
            single_to: 0,
        }
    }

    const fn segments(&self) -> u8 {
        if self.extended {
            1
        } else {
            3
        }
    }

    fn segment_len(&self) -> u64 {
        if self.extended {
            self.blocks
        } else {
            self.piece
                .saturating_mul(Self::SHORT_PIECES)
                .min(self.blocks)
        }
    }

    fn start_of(&self, segment: u8) -> u64 {
        let last = self.blocks.saturating_sub(self.segment_len());
        match segment {
            0 => 0,
            1 => last / 2,
            _ => last,
        }
    }

    /// What is to be read next; nothing when all was. All pieces are equally long, but those of one
    /// block: the last of a segment may overlap the one before.
    pub fn next(&self) -> Option<Piece> {
        if self.segment >= self.segments() {
            return None;
        }
        if self.at < self.single_to {
            return Some(Piece {
                lba: self.at,
                blocks: 1,
            });
        }
        let end = self
            .start_of(self.segment)
            .saturating_add(self.segment_len());
        Some(Piece {
            lba: self.at.min(end.saturating_sub(self.piece)),
            blocks: self.piece,
        })
    }

    /// What [`Walk::next`] named was read.
    pub fn passed(&mut self) {
        let Some(piece) = self.next() else {
            return;
        };
        self.at = piece.lba.saturating_add(piece.blocks);
        let end = self
            .start_of(self.segment)
            .saturating_add(self.segment_len());
        if self.at >= end {
            self.segment = self.segment.saturating_add(1);
            self.at = self.start_of(self.segment);
            self.single_to = 0;
        }
    }

    /// What [`Walk::next`] named can't be read. Returns the block at fault, if that is known already.
    pub fn failed(&mut self) -> Option<u64> {
        let piece = self.next()?;
        if piece.blocks == 1 {
            return Some(piece.lba);
        }
        self.at = piece.lba;
        self.single_to = piece.lba.saturating_add(piece.blocks);
        None
    }

    /// SELF-TEST NUMBER of the segment under way.
    pub fn number(&self) -> u8 {
        self.segment.saturating_add(1)
    }

    /// How much was read, as PROGRESS INDICATION: in parts of 65,536.
    pub fn progress(&self) -> u16 {
        let within = self.at.saturating_sub(self.start_of(self.segment));
        erasure::progress(self.segment, self.segments(), within, self.segment_len())
    }
}

/// How many self-tests are kept.
pub const KEPT: usize = 20;

/// The last self-tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelfTestLog([Option<SelfTest>; KEPT]);

impl SelfTestLog {
    /// There was none.
    pub const EMPTY: SelfTestLog = SelfTestLog([None; KEPT]);

    /// The self-tests, the latest first; none where there have not been so many.
    pub fn iter(&self) -> impl Iterator<Item = &Option<SelfTest>> {
        self.0.iter()
    }

    /// A self-test begins. The oldest is forgotten.
    pub fn begin(&mut self, kind: SelfTestKind, hours: u16) {
        self.0.rotate_right(1);
        if let Some(latest) = self.0.first_mut() {
            *latest = Some(SelfTest {
                kind,
                state: SelfTestState::Running,
                hours,
            });
        }
    }

    /// The self-test that is under way.
    pub fn running(&self) -> Option<SelfTestKind> {
        let latest = self.0.first().copied().flatten()?;
        (latest.state == SelfTestState::Running).then_some(latest.kind)
    }

    /// The self-test that is under way, if there is one, has come to its end.
    pub fn end(&mut self, state: SelfTestState, hours: u16) {
        if let Some(Some(latest)) = self.0.first_mut() {
            if latest.state == SelfTestState::Running {
                (latest.state, latest.hours) = (state, hours);
            }
        }
    }

    /// Forgets all but the one that is under way.
    pub fn clear(&mut self) {
        let running = self.0.first().copied().flatten();
        *self = Self::EMPTY;
        if let (Some(latest), Some(running)) = (self.0.first_mut(), running) {
            if running.state == SelfTestState::Running {
                *latest = Some(running);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(log: &SelfTestLog) -> std::vec::Vec<u8> {
        log.iter().flatten().map(|test| test.state.code()).collect()
    }

    #[test]
    fn the_latest_is_first_and_the_oldest_is_forgotten() {
        let mut log = SelfTestLog::EMPTY;
        assert_eq!(log.running(), None);
        // There is nothing to end.
        log.end(SelfTestState::Passed, 0);
        assert_eq!(states(&log), []);
        for hours in 0..25 {
            log.begin(SelfTestKind::BackgroundShort, hours);
            assert_eq!(log.running(), Some(SelfTestKind::BackgroundShort));
            log.end(SelfTestState::Passed, hours + 100);
            assert_eq!(log.running(), None);
        }
        let hours: std::vec::Vec<u16> = log.iter().flatten().map(|test| test.hours).collect();
        assert_eq!(hours.len(), KEPT);
        assert_eq!((hours[0], hours[19]), (124, 105));
    }

    #[test]
    fn an_end_is_noted_once() {
        let mut log = SelfTestLog::EMPTY;
        log.begin(SelfTestKind::ForegroundExtended, 1);
        log.end(SelfTestState::AbortedByCommand, 2);
        log.end(SelfTestState::Passed, 3);
        assert_eq!(states(&log), [1]);
    }

    #[test]
    fn what_is_under_way_is_not_forgotten() {
        let mut log = SelfTestLog::EMPTY;
        log.begin(SelfTestKind::BackgroundShort, 0);
        log.end(SelfTestState::Incomplete, 0);
        log.begin(SelfTestKind::BackgroundExtended, 0);
        log.clear();
        assert_eq!(states(&log), [0xf]);
        assert_eq!(log.running(), Some(SelfTestKind::BackgroundExtended));
        log.end(SelfTestState::Aborted, 0);
        log.clear();
        assert_eq!(log, SelfTestLog::EMPTY);
    }

    /// What a self-test reads of a medium on which the blocks that `is_bad` names can't be read, and
    /// where it fails.
    fn walk(mut walk: Walk, is_bad: impl Fn(u64) -> bool) -> (std::vec::Vec<Piece>, Option<u64>) {
        let mut read = std::vec::Vec::new();
        while let Some(piece) = walk.next() {
            let mut blocks = piece.lba..piece.lba + piece.blocks;
            read.push(piece);
            if blocks.any(&is_bad) {
                if let Some(lba) = walk.failed() {
                    return (read, Some(lba));
                }
            } else {
                walk.passed();
            }
        }
        assert_eq!(walk.progress(), u16::MAX);
        (read, None)
    }

    #[test]
    fn an_extended_self_test_reads_every_block() {
        for (blocks, piece) in [(1, 1), (1, 8), (8, 8), (9, 8), (1000, 7), (4, 3)] {
            let (read, failed) = walk(Walk::new(true, blocks, piece), |_| false);
            assert_eq!(failed, None);
            let mut next = 0;
            for piece in read {
                assert!(piece.lba <= next);
                next = piece.lba + piece.blocks;
            }
            assert_eq!(next, blocks);
        }
    }

    #[test]
    fn a_short_self_test_reads_start_middle_and_end() {
        let (read, _) = walk(Walk::new(false, 1_000_000, 256), |_| false);
        assert_eq!(read.len(), 24);
        let starts = [read[0].lba, read[8].lba, read[16].lba, read[23].lba];
        assert_eq!(starts, [0, 498_976, 997_952, 999_744]);
        let (read, _) = walk(Walk::new(false, 100, 256), |_| false);
        let whole = Piece {
            lba: 0,
            blocks: 100,
        };
        assert_eq!(read, [whole; 3]);
    }

    #[test]
    fn the_block_at_fault_is_found() {
        for bad in 0..1000 {
            let (read, failed) = walk(Walk::new(true, 1000, 64), |lba| lba == bad || lba == 999);
            assert_eq!(failed, Some(bad));
            assert!(read.len() <= 1000 / 64 + 2 + 64);
        }
        // One that can be read by itself after all stops nothing.
        let mut walk = Walk::new(true, 128, 64);
        assert_eq!(walk.failed(), None);
        for lba in 0..64 {
            assert_eq!(walk.next(), Some(Piece { lba, blocks: 1 }));
            walk.passed();
        }
        let rest = Piece {
            lba: 64,
            blocks: 64,
        };
        assert_eq!(walk.next(), Some(rest));
        walk.passed();
        assert_eq!((walk.next(), walk.failed()), (None, None));
    }

    #[test]
    fn segments_are_numbered() {
        let mut walk = Walk::new(false, 100, 100);
        for number in 1..=3 {
            assert_eq!(walk.number(), number);
            walk.passed();
        }
        assert_eq!(walk.next(), None);
    }

    #[test]
    fn a_failure_has_the_number_of_its_segment() {
        let failed = |segment| SelfTestState::Failed {
            segment,
            lba: None,
            key: SenseKey::NoSense,
            code: AdditionalSense::NO_ADDITIONAL_SENSE,
        };
        let codes = [1, 2, 3, 9].map(|segment| failed(segment).code());
        assert_eq!(codes, [5, 6, 7, 7]);
    }
}
