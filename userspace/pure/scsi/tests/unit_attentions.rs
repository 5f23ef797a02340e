// SPDX-License-Identifier: GPL-2.0

//! The set of pending unit attentions against a plain list of them.

use proptest::prelude::*;
use stmf_scsi::ua::{UnitAttention, UnitAttentions};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// The condition arises.
    Insert(UnitAttention),
    /// The condition is gone without being reported.
    Remove(UnitAttention),
    /// A command reports what is first.
    Report,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let condition = || prop::sample::select(UnitAttention::ALL);
    let step = prop_oneof![
        4 => condition().prop_map(Step::Insert),
        1 => condition().prop_map(Step::Remove),
        2 => Just(Step::Report),
    ];
    prop::collection::vec(step, 0..80)
}

proptest! {
    /// Each is reported once however often it arose, and never before one of higher precedence.
    #[test]
    fn the_set_is_the_list_in_order_without_repeats(steps in steps()) {
        let (mut set, mut list) = (UnitAttentions::EMPTY, Vec::new());
        for step in steps {
            match step {
                Step::Insert(condition) => {
                    set.insert(condition);
                    if !list.contains(&condition) {
                        list.push(condition);
                    }
                }
                Step::Remove(condition) => {
                    set.remove(condition);
                    list.retain(|other| *other != condition);
                }
                Step::Report => {
                    let rank = |condition: &UnitAttention| {
                        UnitAttention::ALL.iter().position(|other| other == condition)
                    };
                    let first = list.iter().copied().min_by_key(rank);
                    prop_assert_eq!(set.first(), first);
                    if let Some(first) = first {
                        set.remove(first);
                        list.retain(|other| *other != first);
                    }
                }
            }
            prop_assert_eq!(set.is_empty(), list.is_empty());
            for condition in UnitAttention::ALL {
                prop_assert_eq!(set.contains(*condition), list.contains(condition));
            }
            // As the framework keeps it.
            prop_assert!(UnitAttentions::from_bits(set.bits()) == set);
        }
    }
}
