// SPDX-License-Identifier: GPL-2.0

//! State changes: asking for them, waiting for them, and the names of states.

use std::fmt;
use std::thread;
use std::time::Duration;

use libstmf::cli::{Exit, Failure};
use libstmf::{Error, Goal, ObjectState};

/// How long the program waits for a state change.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// How long it sleeps before it looks again.
    pub interval: Duration,
    /// How often it looks again.
    pub looks: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(100),
            looks: 100,
        }
    }
}

/// Waits until something is in the state that was asked for.
pub(crate) fn wait(
    object: impl fmt::Display,
    goal: Goal,
    patience: Patience,
    mut look: impl FnMut() -> Result<ObjectState, Error>,
) -> Result<(), Failure> {
    if look()? == goal.state() {
        return Ok(());
    }
    for _ in 0..patience.looks {
        thread::sleep(patience.interval);
        if look()? == goal.state() {
            return Ok(());
        }
    }
    Err(Failure::new(
        Exit::Failed,
        object,
        "state change request submitted. Waiting for completion timed out",
    ))
}

/// The name of a logical unit's or target's state.
pub(crate) fn name(state: ObjectState) -> &'static str {
    match state {
        ObjectState::Online => "Online",
        ObjectState::Offline => "Offline",
        ObjectState::Onlining => "Onlining",
        ObjectState::Offlining => "Offlining",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_ten_seconds() {
        let Patience { interval, looks } = Patience::default();
        assert_eq!(interval * looks, Duration::from_secs(10));
    }

    #[test]
    fn waiting_ends_with_the_state_the_time_or_an_error() {
        let patience = Patience {
            interval: Duration::ZERO,
            looks: 3,
        };
        let wait_for = |states: &[ObjectState]| {
            let mut states = states.iter();
            let result = wait("x", Goal::Online, patience, || {
                states.next().copied().ok_or(Error::NotFound {
                    object: "x".to_owned(),
                    message: "gone".to_owned(),
                })
            });
            (result, states.len())
        };
        use ObjectState::{Offline, Online, Onlining};
        assert_eq!(wait_for(&[Online]), (Ok(()), 0));
        assert_eq!(wait_for(&[Offline, Onlining, Online, Online]), (Ok(()), 1));
        let late = Failure::new(
            Exit::Failed,
            "x",
            "state change request submitted. Waiting for completion timed out",
        );
        assert_eq!(wait_for(&[Onlining; 5]), (Err(late), 1));
        let gone = Failure::new(Exit::NotFound, "x", "gone");
        assert_eq!(wait_for(&[Onlining]), (Err(gone), 0));
    }
}
