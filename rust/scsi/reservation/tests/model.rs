// SPDX-License-Identifier: GPL-2.0

//! Random commands, given to the state machine and to a model that spells out SPC's text in the
//! plainest way.

use super::*;
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, BTreeSet},
    vec, //
};

/// An initiator's number and a target port.
type Who = (u8, u16);

#[derive(Clone, Debug, Default)]
struct Model {
    generation: u32,
    aptpl: bool,
    keys: BTreeMap<Who, u64>,
    /// The type, and for those that have one the holder.
    reservation: Option<(u8, Option<Who>)>,
}

/// What a command did, or how it was refused.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    attentions: BTreeSet<(Who, u8)>,
    aborted: BTreeSet<Who>,
}

#[derive(Debug, PartialEq, Eq)]
enum No {
    Conflict,
    Check,
}

impl Model {
    fn is_for_all(kind: u8) -> bool {
        kind == 7 || kind == 8
    }

    fn is_holder(&self, who: Who) -> bool {
        match self.reservation {
            Some((kind, _)) if Self::is_for_all(kind) => self.keys.contains_key(&who),
            Some((_, holder)) => holder == Some(who),
            None => false,
        }
    }

    fn reserve_for(&mut self, kind: u8, who: Who) {
        self.reservation = Some((kind, (!Self::is_for_all(kind)).then_some(who)));
    }

    /// Everyone who is registered, but `who`.
    fn others(&self, who: Who) -> Vec<Who> {
        self.keys
            .keys()
            .copied()
            .filter(|&one| one != who)
            .collect()
    }

    fn send(&mut self, out: &Out, who: Who) -> Result<Outcome, No> {
        let kind = out.scope_and_type & 0x0f;
        match out.action {
            ServiceAction::Register => {
                if self.keys.get(&who).copied().unwrap_or(0) != out.key {
                    return Err(No::Conflict);
                }
                self.register(out, who)
            }
            ServiceAction::RegisterAndIgnoreExistingKey => self.register(out, who),
            _ if self.keys.get(&who) != Some(&out.key) => Err(No::Conflict),
            ServiceAction::Reserve => match self.reservation {
                None => {
                    self.reserve_for(kind, who);
                    Ok(Outcome::default())
                }
                Some((held, _)) if held == kind && self.is_holder(who) => Ok(Outcome::default()),
                Some(_) => Err(No::Conflict),
            },
            ServiceAction::Release => self.release(kind, who),
            ServiceAction::Clear => {
                self.generation += 1;
                let mut outcome = Outcome::default();
                for one in self.others(who) {
                    outcome.attentions.insert((one, PREEMPTED));
                }
                self.keys.clear();
                self.reservation = None;
                Ok(outcome)
            }
            ServiceAction::Preempt => self.preempt(kind, out.action_key, who),
            ServiceAction::PreemptAndAbort => {
                let before = self.others((0, 0));
                let mut outcome = self.preempt(kind, out.action_key, who)?;
                outcome.aborted = before
                    .into_iter()
                    .filter(|one| !self.keys.contains_key(one))
                    .collect();
                Ok(outcome)
            }
            ServiceAction::RegisterAndMove => self.move_to(out, who),
        }
    }

    fn register(&mut self, out: &Out, who: Who) -> Result<Outcome, No> {
        let was_registered = self.keys.contains_key(&who);
        let ports = if out.flags & ALL_TG_PT != 0 {
            vec![1, 2]
        } else {
            vec![who.1]
        };
        let spec_i_pt = !out.ids.is_empty();
        if spec_i_pt && was_registered {
            return Err(No::Check);
        }
        if !was_registered && out.action_key == 0 {
            return Ok(Outcome::default());
        }
        let mut keys = self.keys.clone();
        let mut outcome = Outcome::default();
        if out.action_key == 0 {
            let released = self.reservation;
            for port in ports {
                keys.remove(&(who.0, port));
            }
            self.keys = keys;
            if let Some((kind, holder)) = released {
                let gone = match holder {
                    Some(holder) => !self.keys.contains_key(&holder),
                    None => self.keys.is_empty(),
                };
                if gone {
                    self.reservation = None;
                    if kind >= 5 {
                        for one in self.others(who) {
                            outcome.attentions.insert((one, RELEASED));
                        }
                    }
                }
            }
        } else {
            for &port in &ports {
                keys.insert((who.0, port), out.action_key);
            }
            for id in &out.ids {
                let number = (1..=3).find(|&number| initiator(number) == *id).unwrap();
                for &port in &ports {
                    if keys.insert((number, port), out.action_key).is_some() {
                        return Err(No::Check);
                    }
                }
            }
            self.keys = keys;
        }
        self.aptpl = out.flags & APTPL != 0;
        self.generation += 1;
        Ok(outcome)
    }

    fn release(&mut self, kind: u8, who: Who) -> Result<Outcome, No> {
        let mut outcome = Outcome::default();
        if !self.is_holder(who) {
            return Ok(outcome);
        }
        if self.reservation.map(|held| held.0) != Some(kind) {
            return Err(No::Check);
        }
        self.reservation = None;
        if kind >= 5 {
            for one in self.others(who) {
                outcome.attentions.insert((one, RELEASED));
            }
        }
        Ok(outcome)
    }

    fn preempt(&mut self, kind: u8, victim: u64, who: Who) -> Result<Outcome, No> {
        let mut outcome = Outcome::default();
        let held_by_victim = match self.reservation {
            Some((_, None)) => victim == 0,
            Some((_, Some(holder))) => self.keys[&holder] == victim,
            None => false,
        };
        if victim == 0 && !held_by_victim {
            return Err(No::Check);
        }
        if !held_by_victim && !self.keys.values().any(|&key| key == victim) {
            return Err(No::Conflict);
        }
        self.generation += 1;
        for (one, key) in self.keys.clone() {
            let loses = victim == 0 || key == victim;
            if loses && !(held_by_victim && one == who) {
                self.keys.remove(&one);
                if one != who {
                    outcome.attentions.insert((one, REGISTRATIONS));
                }
            }
        }
        if held_by_victim {
            if self.reservation.map(|held| held.0) != Some(kind) {
                for one in self.others(who) {
                    outcome.attentions.insert((one, RELEASED));
                }
            }
            self.reserve_for(kind, who);
        } else if self.keys.is_empty() {
            self.reservation = None;
        }
        Ok(outcome)
    }

    fn move_to(&mut self, out: &Out, who: Who) -> Result<Outcome, No> {
        match self.reservation {
            None => return Err(No::Check),
            Some((_, Some(holder))) if holder == who => {}
            Some(_) => return Err(No::Conflict),
        }
        let number = (1..=3).find(|&number| initiator(number) == out.ids[0]);
        let to = (number.unwrap(), out.port);
        if !(1..=2).contains(&out.port) || to == who {
            return Err(No::Check);
        }
        self.keys.insert(to, out.action_key);
        if out.flags & UNREG != 0 {
            self.keys.remove(&who);
        }
        self.reservation = self.reservation.map(|(kind, _)| (kind, Some(to)));
        self.aptpl = out.flags & APTPL != 0;
        self.generation += 1;
        Ok(Outcome::default())
    }
}

fn commands() -> impl Strategy<Value = (Out, Who)> {
    let kinds = prop::sample::select(&ReservationType::ALL[..]);
    let actions = prop::sample::select(&ServiceAction::ALL[..]);
    let who = (1u8..=3, 1u16..=2);
    let ids = prop::collection::vec((1u8..=3).prop_map(initiator), 1..3);
    (
        actions,
        kinds,
        0u64..3,
        0u64..3,
        any::<u8>(),
        ids,
        1u16..=3,
        who,
    )
        .prop_map(|(action, kind, key, action_key, flags, ids, port, who)| {
            let mut out = Out::new(action, key, action_key).kind(kind);
            out.port = port;
            match action {
                ServiceAction::RegisterAndMove => {
                    out.flags = flags & (UNREG | APTPL);
                    out.ids = ids[..1].to_vec();
                    out.action_key = action_key.max(1);
                }
                ServiceAction::Register if flags & 0x30 == 0x30 => {
                    out.flags = SPEC_I_PT | flags & (ALL_TG_PT | APTPL);
                    out.ids = ids;
                }
                _ => out.flags = flags & (ALL_TG_PT | APTPL),
            }
            (out, who)
        })
}

fn number_of(nexus: &Nexus) -> Who {
    let number = (1..=3).find(|&number| initiator(number) == nexus.initiator);
    (number.unwrap(), nexus.port)
}

/// The state machine's outcome in the model's words.
fn outcome_of(sent: Result<Sent, Refused>) -> Result<Outcome, No> {
    match sent {
        Ok(sent) => Ok(Outcome {
            attentions: sent
                .attentions
                .iter()
                .map(|(nexus, attention)| (number_of(nexus), *attention))
                .collect(),
            aborted: sent.aborted.iter().map(number_of).collect(),
        }),
        Err(Refused::Conflict) => Err(No::Conflict),
        Err(Refused::Sense(_)) => Err(No::Check),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 2000 }))]

    #[test]
    fn the_state_machine_does_what_spc_says(commands in prop::collection::vec(commands(), 1..24)) {
        let mut state = state_with_room(64);
        let mut model = Model::default();
        for (out, who) in commands {
            let got = outcome_of(out.send(&mut state, &nexus(who.0, who.1)));
            let mut tried = model.clone();
            let expected = tried.send(&out, who);
            if expected.is_ok() {
                model = tried;
            }
            prop_assert_eq!(got, expected, "{:?} from {:?}", out, who);
            let keys: BTreeMap<Who, u64> = state
                .registrations()
                .iter()
                .map(|one| (number_of(&one.nexus), one.key))
                .collect();
            prop_assert_eq!(&keys, &model.keys);
            prop_assert_eq!(keys.len(), state.registrations().len());
            prop_assert_eq!(state.generation, model.generation);
            prop_assert_eq!(state.aptpl(), model.aptpl);
            prop_assert_eq!(state.kind().map(ReservationType::code), model.reservation.map(|held| held.0));
            for who in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 2)] {
                let holds = state.standing(nexus(who.0, who.1).as_ref()) == Standing::Holder;
                prop_assert_eq!(holds, model.is_holder(who));
            }
        }
    }

    #[test]
    fn what_is_saved_comes_back(commands in prop::collection::vec(commands(), 1..24)) {
        let mut state = state_with_room(64);
        for (out, who) in commands {
            let _ = out.send(&mut state, &nexus(who.0, who.1));
        }
        let mut bytes = vec![0; 4096];
        let mut sink = crate::Sink::new(&mut bytes);
        state.save(&mut sink);
        let saved = sink.as_bytes();
        let back = State::restore(saved, Rows { rows: Vec::new(), room: 64 }).unwrap();
        if state.aptpl() {
            prop_assert_eq!(back.registrations(), state.registrations());
            prop_assert_eq!(back.kind(), state.kind());
            for one in state.registrations() {
                prop_assert_eq!(back.standing(one.nexus.as_ref()), state.standing(one.nexus.as_ref()));
            }
        } else {
            prop_assert!(back.is_empty());
        }
        for len in 0..saved.len() {
            prop_assert_eq!(
                State::restore(&saved[..len], Rows { rows: Vec::new(), room: 64 }),
                Err(SavedError::Length)
            );
        }
    }

    #[test]
    fn no_bytes_make_a_state_that_cannot_be(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = State::restore(&bytes, Rows { rows: Vec::new(), room: 4 });
        for action in ServiceAction::ALL {
            let cdb = Out::new(action, 0, 0).cdb(bytes.len());
            let _ = Request::parse(&cdb, &bytes);
        }
    }
}
