// SPDX-License-Identifier: GPL-2.0

//! The order of commands in a task set (SAM-5 chapter 8).

use crate::tmf::TaskAttribute;

/// The commands of a task set that stand before one, as far as they matter to it.
///
/// A task set is gone through from its oldest command to its youngest; each adds itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ahead {
    /// A HEAD OF QUEUE command that hasn't ended, of whatever age.
    head: bool,
    /// An older ORDERED command that hasn't ended.
    ordered: bool,
    /// Any older command that hasn't ended.
    any: bool,
}

impl Ahead {
    /// Nothing.
    pub const NOTHING: Ahead = Ahead {
        head: false,
        ordered: false,
        any: false,
    };

    /// Whether a command with this attribute may enter the enabled state (SAM-5 8.6):
    ///
    /// * HEAD OF QUEUE at once;
    /// * ORDERED when all HEAD OF QUEUE commands and all older commands have ended;
    /// * SIMPLE when all HEAD OF QUEUE commands and all older ORDERED commands have ended.
    ///
    /// A command with the ACA attribute never: there is no auto contingent allegiance.
    pub const fn admits(&self, attribute: TaskAttribute) -> bool {
        match attribute {
            TaskAttribute::HeadOfQueue => true,
            TaskAttribute::Ordered => !self.head && !self.any,
            TaskAttribute::Simple => !self.head && !self.ordered,
            TaskAttribute::Aca => false,
        }
    }

    /// Adds a command, enabled or dormant, that hasn't ended.
    pub fn add(&mut self, attribute: TaskAttribute) {
        match attribute {
            TaskAttribute::HeadOfQueue => self.head = true,
            TaskAttribute::Ordered => self.ordered = true,
            TaskAttribute::Simple | TaskAttribute::Aca => (),
        }
        self.any = true;
    }

    /// Whether any command but SIMPLE ones has been added: whether order matters.
    pub const fn matters(&self) -> bool {
        self.head || self.ordered
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use TaskAttribute::{Aca, HeadOfQueue, Ordered, Simple};

    fn ahead(attributes: &[TaskAttribute]) -> Ahead {
        let mut ahead = Ahead::NOTHING;
        attributes.iter().for_each(|&one| ahead.add(one));
        ahead
    }

    #[test]
    fn simple_commands_only_wait_for_ordered_ones_and_the_head() {
        assert!(ahead(&[]).admits(Simple));
        assert!(ahead(&[Simple, Simple]).admits(Simple));
        assert!(!ahead(&[Simple, Ordered]).admits(Simple));
        assert!(!ahead(&[HeadOfQueue]).admits(Simple));
    }

    #[test]
    fn an_ordered_command_waits_for_all() {
        assert!(ahead(&[]).admits(Ordered));
        assert!(!ahead(&[Simple]).admits(Ordered));
        assert!(!ahead(&[Ordered]).admits(Ordered));
        assert!(!ahead(&[HeadOfQueue]).admits(Ordered));
    }

    #[test]
    fn the_head_of_the_queue_waits_for_none() {
        assert!(ahead(&[HeadOfQueue, Ordered, Simple]).admits(HeadOfQueue));
    }

    #[test]
    fn without_aca_nothing_with_its_attribute_is_enabled() {
        assert!(!ahead(&[]).admits(Aca));
    }

    #[test]
    fn order_matters_when_not_all_is_simple() {
        assert!(!ahead(&[Simple]).matters());
        assert!(ahead(&[Simple, Ordered]).matters());
        assert!(ahead(&[HeadOfQueue]).matters());
    }
}
