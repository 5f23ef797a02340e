// SPDX-License-Identifier: GPL-2.0

//! Task sets and unit attentions against plain models of what SAM-5 says.

use proptest::prelude::*;
use stmf_scsi::{
    task_set::Ahead,
    tmf::TaskAttribute::{self, HeadOfQueue, Ordered, Simple},
    ua::{UnitAttention, UnitAttentions},
};

/// Where a command of the model stands (SAM-5 8.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Dormant,
    Enabled,
    Ended,
}

/// What happens to a task set.
#[derive(Clone, Copy, Debug)]
enum Event {
    Arrives(TaskAttribute),
    /// One of those that are enabled ends, or one of all is aborted.
    Ends(usize),
    Aborted(usize),
}

fn event() -> impl Strategy<Value = Event> {
    let attribute = prop_oneof![4 => Just(Simple), 2 => Just(Ordered), 1 => Just(HeadOfQueue)];
    prop_oneof![
        3 => attribute.prop_map(Event::Arrives),
        2 => any::<usize>().prop_map(Event::Ends),
        1 => any::<usize>().prop_map(Event::Aborted),
    ]
}

type Set = Vec<(TaskAttribute, State)>;

/// SAM-5 8.6, word for word: may the dormant command at `at` be enabled?
fn sam_enables(set: &Set, at: usize) -> bool {
    let alive = |attribute| {
        move |(_, command): &(usize, &(TaskAttribute, State))| {
            command.0 == attribute && command.1 != State::Ended
        }
    };
    let heads = set.iter().enumerate().any(|one| alive(HeadOfQueue)(&one));
    let older = || set.iter().enumerate().take(at);
    match set[at].0 {
        HeadOfQueue => true,
        Simple => !heads && !older().any(|one| alive(Ordered)(&one)),
        _ => !heads && !older().any(|(_, command)| command.1 != State::Ended),
    }
}

/// What the framework does: first all that are enabled, then the line of dormant ones.
fn go_through(set: &mut Set) {
    let mut ahead = Ahead::NOTHING;
    for (attribute, _) in set.iter().filter(|one| one.1 == State::Enabled) {
        ahead.add(*attribute);
    }
    for (attribute, state) in set.iter_mut().filter(|one| one.1 == State::Dormant) {
        if ahead.admits(*attribute) {
            *state = State::Enabled;
        }
        ahead.add(*attribute);
    }
}

proptest! {
    #[test]
    fn what_is_enabled_is_what_sam_enables(events in prop::collection::vec(event(), 1..60)) {
        let mut set = Set::new();
        for event in events {
            let chosen = |set: &Set, states: &[State], n: usize| {
                let all: Vec<_> = (0..set.len()).filter(|&at| states.contains(&set[at].1)).collect();
                (!all.is_empty()).then(|| all[n % all.len()])
            };
            match event {
                Event::Arrives(attribute) => set.push((attribute, State::Dormant)),
                Event::Ends(n) => {
                    if let Some(at) = chosen(&set, &[State::Enabled], n) {
                        set[at].1 = State::Ended;
                    }
                }
                Event::Aborted(n) => {
                    if let Some(at) = chosen(&set, &[State::Enabled, State::Dormant], n) {
                        set[at].1 = State::Ended;
                    }
                }
            }
            let before = set.clone();
            go_through(&mut set);
            // Enabling one never keeps SAM from enabling another, so the order doesn't matter.
            for at in 0..set.len() {
                if before[at].1 == State::Dormant {
                    let enabled = set[at].1 == State::Enabled;
                    prop_assert_eq!(enabled, sam_enables(&set, at), "{} of {:?}", at, before);
                } else {
                    prop_assert_eq!(set[at].1, before[at].1);
                }
            }
            // Nothing is stuck: while there are commands one of them is enabled.
            let alive = |state| set.iter().any(|one| one.1 == state);
            prop_assert!(!alive(State::Dormant) || alive(State::Enabled));
        }
    }

    #[test]
    fn unit_attentions_are_a_set_in_the_order_of_precedence(
        steps in prop::collection::vec((0..UnitAttention::ALL.len(), any::<bool>()), 1..80)
    ) {
        let mut set = UnitAttentions::EMPTY;
        let mut model: Vec<usize> = Vec::new();
        for (n, establish) in steps {
            if establish {
                set.insert(UnitAttention::ALL[n]);
                model.push(n);
                model.sort_unstable();
                model.dedup();
            } else {
                let first = set.first();
                prop_assert_eq!(first, model.first().map(|&n| UnitAttention::ALL[n]));
                if let Some(first) = first {
                    set.remove(first);
                    model.remove(0);
                }
            }
            let shown: Vec<_> = set.iter().collect();
            let expected: Vec<_> = model.iter().map(|&n| UnitAttention::ALL[n]).collect();
            prop_assert_eq!(shown, expected);
            prop_assert_eq!(UnitAttentions::from_bits(set.bits()), set);
        }
    }
}
