// SPDX-License-Identifier: GPL-2.0

//! Parameter lists of EXTENDED COPY, whatever comes, and what segments come to.

#![allow(clippy::unwrap_used, reason = "A test may panic")]

use proptest::prelude::*;
use stmf_scsi::copy::{
    Begin, Cscd, Ending, Lengths, Pads, ParameterList, Plan, Record, Records, Residual, Segment,
    Steps, MAX_CONCURRENT, MAX_CSCDS, MAX_SEGMENTS,
};
use stmf_scsi::Status;

/// A list that is in order but for some bytes.
fn likely_list() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (0..18u16, 0..66u32, 0..20u32, noise).prop_map(|(cscds, segments, inline, noise)| {
        let mut bytes = vec![0; 16];
        bytes[2..4].copy_from_slice(&(cscds * 32).to_be_bytes());
        bytes[8..12].copy_from_slice(&(segments * 28).to_be_bytes());
        bytes[12..16].copy_from_slice(&inline.to_be_bytes());
        for _ in 0..cscds {
            let mut cscd = [0; 32];
            cscd[0] = 0xe4;
            cscd[4..8].copy_from_slice(&[1, 3, 0, 16]);
            bytes.extend(cscd);
        }
        for _ in 0..segments {
            let mut segment = [0; 28];
            segment[0] = 0x02;
            segment[3] = 0x18;
            bytes.extend(segment);
        }
        bytes.resize(bytes.len() + inline as usize, 0xaa);
        for (at, value) in noise {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes
    })
}

fn check(bytes: &[u8]) {
    let Ok(list) = ParameterList::parse(bytes) else {
        return;
    };
    assert!(list.cscds() <= MAX_CSCDS);
    let segments: Vec<Segment> = list.segments().collect();
    assert!(segments.len() <= usize::from(MAX_SEGMENTS));
    let used = 16 + usize::from(list.cscds()) * Cscd::LEN + segments.len() * Segment::LEN;
    assert!(used + list.inline.len() <= bytes.len());
    assert!((0..list.cscds()).all(|index| list.cscd(index).is_some()));
    assert!(list.cscd(list.cscds()).is_none());
    assert!(segments.iter().zip(0..).all(|(one, n)| one.number == n));
}

fn length() -> impl Strategy<Value = u32> {
    prop_oneof![Just(512), Just(4096), Just(1024), 1u32..5000]
}

fn residual() -> impl Strategy<Value = Residual> {
    let bytes = || prop_oneof![Just(0), 0u64..10_000];
    (bytes(), bytes()).prop_map(|(destination, source)| Residual {
        destination,
        source,
    })
}

#[derive(Debug)]
struct Case {
    segment: Segment,
    lengths: Lengths,
    pads: Pads,
    before: Residual,
    is_last: bool,
}

fn case() -> impl Strategy<Value = Case> {
    let flags = any::<[bool; 5]>();
    (0u16..300, length(), length(), residual(), flags).prop_map(
        |(blocks, source, destination, before, [cat, dc, from, to, is_last])| Case {
            segment: Segment {
                number: 0,
                source: 0,
                destination: 0,
                held: false,
                cat,
                dc,
                blocks,
                source_lba: 0,
                destination_lba: 0,
            },
            lengths: Lengths {
                source,
                destination,
            },
            pads: Pads {
                source: from,
                destination: to,
            },
            before,
            is_last,
        },
    )
}

fn plan_of(case: &Case) -> Option<Plan> {
    let Case {
        segment,
        lengths,
        pads,
        before,
        is_last,
    } = case;
    segment.plan(*lengths, *pads, *before, *is_last).ok()
}

proptest! {
    #[test]
    fn any_bytes_are_a_list_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes);
    }

    #[test]
    fn a_list_with_some_wrong_bytes_is_one_or_is_refused(bytes in likely_list()) {
        check(&bytes);
    }

    #[test]
    fn a_segment_loses_no_byte_that_is_not_to_be_dropped(case in case()) {
        let Some(plan) = plan_of(&case) else {
            // Only when there is something left, and nothing said of it, or a pad too many.
            prop_assert!(!case.segment.cat);
            return Ok(());
        };
        let (from, to) = (u64::from(case.lengths.source), u64::from(case.lengths.destination));
        let blocks = u64::from(case.segment.blocks);
        let came = case.before.len() + plan.read * from;
        let went = plan.write * to + plan.after.len();
        if case.segment.dc {
            prop_assert_eq!(plan.write, blocks);
        }
        // Only PAD makes up bytes, fewer than a block.
        let missing = (plan.write * to).saturating_sub(plan.ready);
        prop_assert!(missing == 0 || (case.pads.destination && !case.segment.cat && missing < to));
        // As many blocks are read as are needed, no more.
        let wanted = if case.segment.dc {
            (blocks * to).saturating_sub(case.before.destination)
        } else {
            blocks * from
        };
        prop_assert_eq!(plan.read, wanted.saturating_sub(case.before.source).div_ceil(from));
        if case.segment.cat && !case.is_last {
            prop_assert_eq!(came, went);
        } else if came < went {
            prop_assert!(case.pads.destination && went - came < to);
        } else if came > went {
            // Dropped: by PAD of the source, or at the end of the list.
            prop_assert!(case.is_last || case.pads.source);
        }
    }

    #[test]
    fn the_pieces_are_the_segment(case in case(), piece in 1u32..200_000) {
        let Some(plan) = plan_of(&case) else {
            return Ok(());
        };
        let (from, to) = (u64::from(case.lengths.source), u64::from(case.lengths.destination));
        let (mut read, mut written, mut held, mut supplied) = (0, 0, case.before.len(), 0);
        for step in Steps::new(plan, case.lengths, case.before.len(), piece) {
            prop_assert_eq!((step.read_at, step.write_at), (read, written));
            prop_assert!(step.read > 0 || step.write > 0);
            prop_assert!(u64::from(step.read) <= (u64::from(piece) / from).max(1));
            read += u64::from(step.read);
            written += u64::from(step.write);
            held += u64::from(step.read) * from;
            // Nothing is made up, but at the end by PAD.
            let out = u64::from(step.write) * to;
            let taken = out.min(plan.ready.saturating_sub(supplied));
            supplied += out;
            prop_assert!(taken <= held);
            prop_assert!(taken == out || (read == plan.read && out - taken < to));
            held -= taken;
        }
        prop_assert_eq!((read, written), (plan.read, plan.write));
        prop_assert!(held >= plan.after.len());
    }

    #[test]
    fn pieces_from_the_end_are_the_same_pieces(blocks in 1u64..5000, piece in 1u32..200_000) {
        let plan = Plan { read: blocks, write: blocks, ready: blocks * 512, after: Residual::default() };
        let lengths = Lengths { source: 512, destination: 512 };
        let steps = Steps::new(plan, lengths, 0, piece);
        let mut end = blocks;
        for step in steps.from_the_end() {
            end -= u64::from(step.read);
            prop_assert_eq!((step.read_at, step.write_at, step.read), (end, end, step.write));
        }
        prop_assert_eq!(end, 0);
    }

    #[test]
    fn records_never_take_a_copy_for_another(actions in prop::collection::vec((0u8..6, 0u64..2, 0u8..4), 0..200)) {
        let mut memory = [None; Records::ROOM];
        let mut records = Records::new(&mut memory);
        // Copies in progress: unit, list identifier, place.
        let mut running: Vec<(u64, u8, usize)> = Vec::new();
        for (action, unit, id) in actions {
            let found = running.iter().position(|(u, i, _)| (*u, *i) == (unit, id));
            match (action, found) {
                (0 | 1, found) => match records.begin(unit, Some(id)) {
                    Ok(place) => {
                        prop_assert!(found.is_none());
                        prop_assert!(running.iter().all(|(_, _, other)| *other != place));
                        running.push((unit, id, place));
                    }
                    Err(Begin::InUse) => prop_assert!(found.is_some()),
                    Err(Begin::Full) => {
                        prop_assert_eq!(running.len(), usize::from(MAX_CONCURRENT));
                    }
                },
                (2, Some(at)) => {
                    let (_, _, place) = running.remove(at);
                    records.end(place, Ending { status: Status::Good, sense: None }, false);
                }
                (3, found) => {
                    let status: Option<Record> = records.take_status(unit, id);
                    prop_assert!(found.is_none() || status.is_some_and(|it| it.ending.is_none()));
                }
                (4, found) => prop_assert_eq!(records.abort(unit, id), found.is_some()),
                (5, _) => records.forget(Some(unit)),
                _ => (),
            }
            for (unit, id, place) in &running {
                prop_assert!(records.is_in_progress(*unit, *id));
                prop_assert_eq!(records.in_progress(*place).map(|it| it.unit), Some(*unit));
            }
        }
    }
}
