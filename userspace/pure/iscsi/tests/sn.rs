// SPDX-License-Identifier: GPL-2.0

//! Serial numbers and windows against counters that don't wrap.

use proptest::prelude::*;
use stmf_iscsi_proto::{
    request::Order,
    sn::Sn,
    window::{
        Acknowledged,
        Admit,
        CommandWindow,
        StatusWindow, //
    },
};

fn sn(value: u64) -> Sn {
    Sn::new(value as u32)
}

proptest! {
    #[test]
    fn order_is_that_of_near_numbers(start: u32, ahead in 1_u32..1 << 31) {
        let (a, b) = (Sn::new(start), Sn::new(start).plus(ahead));
        prop_assert!(a.is_before(b) && b.is_after(a));
        prop_assert!(!b.is_before(a) && !a.is_after(b));
        prop_assert_eq!(b.since(a), ahead);
    }

    #[test]
    fn ranges_contain_what_lies_between(start: u32, len in 0_u32..1 << 30, at: u32) {
        let first = Sn::new(start);
        let last = first.plus(len);
        prop_assert_eq!(first.plus(at).is_within(first, last), at <= len);
    }

    #[test]
    fn a_command_window_is_a_queue_of_numbers(
        start: u32,
        steps in prop::collection::vec((0_u64..12, any::<bool>(), 0_u32..8), 1..200),
    ) {
        // The model: no number wraps.
        let mut next = u64::from(start);
        let mut last = next + 3;
        let mut window = CommandWindow::new(sn(next), 4);
        for (ahead, immediate, free) in steps {
            let cmd_sn = (next + ahead).saturating_sub(4);
            let admit = window.admit(Order { cmd_sn: sn(cmd_sn), immediate });
            let expected = match () {
                () if immediate => Admit::Now,
                () if cmd_sn < next || cmd_sn > last => Admit::OutOfWindow,
                () if cmd_sn == next => Admit::Now,
                () => Admit::Future,
            };
            prop_assert_eq!(admit, expected);
            if expected == Admit::Now && !immediate {
                next += 1;
            }
            window.open(free);
            last = last.max((next + u64::from(free)).saturating_sub(1));
            prop_assert_eq!(window.exp_cmd_sn(), sn(next));
            prop_assert_eq!(window.max_cmd_sn(), sn(last));
        }
    }

    #[test]
    fn statuses_are_counted(
        start: u32,
        steps in prop::collection::vec((0_u64..4, 0_u64..8), 1..100),
    ) {
        let mut next = u64::from(start) + 16;
        let mut acknowledged = next;
        let mut window = StatusWindow::new(sn(next));
        for (taken, back) in steps {
            for _ in 0..taken {
                prop_assert_eq!(window.take(), sn(next));
                next += 1;
            }
            let exp_stat_sn = next + 2 - back;
            let expected = match exp_stat_sn {
                unsent if unsent > next => Acknowledged::Unsent,
                new if new > acknowledged => Acknowledged::New((new - acknowledged) as u32),
                _ => Acknowledged::Old,
            };
            prop_assert_eq!(window.acknowledge(sn(exp_stat_sn)), expected);
            if exp_stat_sn <= next {
                acknowledged = acknowledged.max(exp_stat_sn);
            }
            prop_assert_eq!(u64::from(window.unacknowledged()), next - acknowledged);
        }
    }
}
