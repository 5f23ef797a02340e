// SPDX-License-Identifier: GPL-2.0

//! Whatever comes as the parameter list of EXTENDED COPY is refused, or is worked off in pieces that end.

use stmf_scsi::copy::{Lengths, Pads, ParameterList, Residual, Steps, MAX_CSCDS, MAX_SEGMENTS};

pub(crate) fn run(bytes: &[u8]) {
    let [shift, page @ ..] = bytes else {
        return;
    };
    let lengths = Lengths {
        source: 512 << (shift & 3),
        destination: 512 << (shift >> 2 & 3),
    };
    let Ok(list) = ParameterList::parse(page) else {
        return;
    };
    assert!(list.cscds() <= MAX_CSCDS);
    let count = list.segments().count();
    assert!(count <= usize::from(MAX_SEGMENTS));
    let mut residual = Residual::default();
    for segment in list.segments() {
        let (Some(source), Some(destination)) =
            (list.cscd(segment.source), list.cscd(segment.destination))
        else {
            continue;
        };
        // Names are looked for in what a unit says, which needs no rules.
        let _ = source.names(bytes) | destination.names(page);
        let pads = Pads {
            source: source.pad,
            destination: destination.pad,
        };
        let is_last = usize::from(segment.number) + 1 == count;
        let Ok(plan) = segment.plan(lengths, pads, residual, is_last) else {
            continue;
        };
        let _ = segment.check_ranges(&plan, 1 << 40, 1 << 40);
        let (mut read, mut written) = (0, 0);
        for step in Steps::new(plan, lengths, residual.len(), 1 << 19) {
            read += u64::from(step.read);
            written += u64::from(step.write);
        }
        assert_eq!((read, written), (plan.read, plan.write));
        assert!(plan.after.source < 8192 && plan.after.destination < 1 << 30);
        residual = plan.after;
    }
}
