// SPDX-License-Identifier: GPL-2.0

//! On- and offline: the states of logical units, target ports and the service, and when a port that
//! comes and goes is held.

/// Where something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It serves commands.
    Online,
    /// It serves none.
    Offline,
    /// On its way from offline to online.
    Onlining,
    /// On its way from online to offline.
    Offlining,
}

/// Where something shall be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goal {
    /// Serve commands.
    Online,
    /// Serve none.
    Offline,
}

/// What a request for a state leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing: it is there, or on its way.
    Already,
    /// The way there begins, with this state.
    Begin(State),
    /// It is on its way in the other direction.
    Busy,
}

impl State {
    /// What a request leads to.
    pub const fn request(self, goal: Goal) -> Step {
        match (self, goal) {
            (Self::Online | Self::Onlining, Goal::Online)
            | (Self::Offline | Self::Offlining, Goal::Offline) => Step::Already,
            (Self::Offline, Goal::Online) => Step::Begin(Self::Onlining),
            (Self::Online, Goal::Offline) => Step::Begin(Self::Offlining),
            (Self::Offlining, Goal::Online) | (Self::Onlining, Goal::Offline) => Step::Busy,
        }
    }

    /// Where the way ends: at its goal, or back where it began. What is not on its way stays.
    pub const fn settled(self, arrived: bool) -> Self {
        match (self, arrived) {
            (Self::Onlining, true) | (Self::Offlining, false) => Self::Online,
            (Self::Onlining, false) | (Self::Offlining, true) => Self::Offline,
            (state, _) => state,
        }
    }

    /// Whether it is online, or will be if all goes well.
    pub const fn is_up(self) -> bool {
        matches!(self, Self::Online | Self::Onlining)
    }
}

/// Holds a port that goes online by itself too often: the fourth time within 90 seconds, so once
/// in 30 seconds on average. A cable that comes and goes then no longer makes its hosts log in over
/// and over.
#[derive(Clone, Copy, Debug, Default)]
pub struct Throttle {
    /// When it last went online by itself, in milliseconds, the oldest first.
    last: [Option<u64>; 3],
    held: bool,
}

impl Throttle {
    /// Three times the average that is too short, in milliseconds.
    const WINDOW: u64 = 90_000;

    /// Whether the port may go online by itself now; `now` is in milliseconds of a clock that only
    /// goes forward.
    pub fn admit(&mut self, now: u64) -> bool {
        let [oldest, second, third] = self.last;
        if oldest.is_some_and(|oldest| now.saturating_sub(oldest) < Self::WINDOW) {
            self.held = true;
        }
        if !self.held {
            self.last = [second, third, Some(now)];
        }
        !self.held
    }

    /// A person has looked at it.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    /// Whether it is held until a person says otherwise.
    pub const fn is_held(&self) -> bool {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_and_where_they_end() {
        use State::*;
        for (state, goal, step) in [
            (Online, Goal::Online, Step::Already),
            (Onlining, Goal::Online, Step::Already),
            (Offline, Goal::Online, Step::Begin(Onlining)),
            (Offlining, Goal::Online, Step::Busy),
            (Offline, Goal::Offline, Step::Already),
            (Offlining, Goal::Offline, Step::Already),
            (Online, Goal::Offline, Step::Begin(Offlining)),
            (Onlining, Goal::Offline, Step::Busy),
        ] {
            assert_eq!(state.request(goal), step, "{state:?} {goal:?}");
        }
        assert_eq!(Onlining.settled(true), Online);
        assert_eq!(Onlining.settled(false), Offline);
        assert_eq!(Offlining.settled(true), Offline);
        assert_eq!(Offlining.settled(false), Online);
        assert_eq!(Online.settled(false), Online);
        assert!(Onlining.is_up() && !Offlining.is_up());
    }

    #[test]
    fn the_fourth_time_is_too_often_and_a_person_releases_it() {
        let mut throttle = Throttle::default();
        for now in [0, 1_000, 2_000] {
            assert!(throttle.admit(now));
        }
        assert!(!throttle.admit(89_999));
        assert!(throttle.is_held());
        assert!(!throttle.admit(1_000_000), "time alone does not release it");
        throttle.release();
        assert!(throttle.admit(1_000_001));
    }

    proptest! {
        #[test]
        fn a_port_is_held_when_four_times_are_within_the_window(
            steps in prop::collection::vec(0u64..60_000, 0..40),
        ) {
            let mut throttle = Throttle::default();
            let mut times = std::vec::Vec::new();
            let mut now = 0;
            for step in steps {
                now += step;
                let often = times.len() >= 3 && now - times[times.len() - 3] < Throttle::WINDOW;
                prop_assert_eq!(throttle.admit(now), !often);
                if often {
                    break;
                }
                times.push(now);
            }
        }
    }
}
