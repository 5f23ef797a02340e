// SPDX-License-Identifier: GPL-2.0

//! Commands, and who aborts them: `stmf::taskset`.

use crate::{
    end_of,
    explore,
    meanwhile,
    memory,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    },
    taskset::{Abort, Begin, Effect, Reply, Slot, TaskSet, TaskView, DEPTH},
    time::Delta, //
};
use loom::{sync::Notify, thread::JoinHandle};

const WRITE_10: u8 = 0x2a;

/// A session's commands, and what was promised of those that were aborted.
struct Session {
    tasks: TaskSet,
    /// One for each tag: whether a function has said that its command has no effect any more.
    promised: [Atomic<u32>; 3],
}

/// What the initiator hears of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Answered,
    TaskAborted,
    Nothing,
}

impl Session {
    fn new() -> Arc<Self> {
        let made = || -> Result<Arc<Self>> {
            let tasks = TaskSet::new(1).made()?;
            let promised = [0; 3].map(Atomic::new);
            Ok(Arc::new(Self { tasks, promised }, GFP_KERNEL)?)
        };
        made().expect("memory")
    }

    /// A command that changes something arrives, with all its data.
    fn admit(&self, tag: u64) -> Slot {
        let slot = self.tasks.take(tag, WRITE_10, 0).expect("a free slot");
        self.tasks.set_effect(slot, Effect::Changes);
        slot
    }

    /// What its port and its device do with it.
    fn carry_out(&self, tag: u64, slot: Slot) -> End {
        if matches!(self.tasks.begin_execution(slot), Begin::Go) {
            let promised = self.promise_of(tag).fetch_add(0, ordering::Full);
            assert_eq!(
                promised, 0,
                "command {tag} acts after it was promised not to"
            );
        }
        let end = match self.tasks.begin_response(slot, false) {
            Reply::Send => End::Answered,
            Reply::TaskAborted => End::TaskAborted,
            Reply::Nobody => End::Nothing,
        };
        self.tasks.release(slot);
        end
    }

    fn promise_of(&self, tag: u64) -> &Atomic<u32> {
        &self.promised[usize::try_from(tag).expect("a small tag")]
    }

    /// Aborts one command; says whether there was something to abort.
    fn mark(&self, tag: u64, how: Abort) -> bool {
        self.tasks.abort(how, |task| task.tag == tag, |_| ()) > 0
    }

    /// Aborts one command and waits until it can't act any more, as task management functions do. A wait
    /// that nobody ends is a deadlock.
    fn abort(&self, tag: u64, how: Abort) -> bool {
        let found = self.mark(tag, how);
        let gone = self
            .tasks
            .wait_aborted(Delta::FOREVER, |task| task.tag == tag);
        assert!(gone, "with all the time in the world");
        if found {
            self.promise_of(tag).store(1, ordering::Release);
        }
        found
    }

    /// Leaves one slot free.
    fn fill(&self) -> Vec<Slot> {
        let take = |_| self.tasks.take(0, WRITE_10, 0).expect("a free slot");
        (1..DEPTH).map(take).collect()
    }

    fn release(&self, slots: impl IntoIterator<Item = Slot>) {
        slots.into_iter().for_each(|slot| self.tasks.release(slot));
    }

    /// All commands are over.
    fn check_empty(&self) {
        assert_eq!(self.tasks.free(), DEPTH, "slots that are free in the end");
        assert!(!self.tasks.has_orphans(), "orphans in the end");
        self.tasks
            .for_each(|task| panic!("the command with tag {} is there still", task.tag));
    }
}

/// A session with a command that has arrived, and that a thread carries out.
fn one_command() -> (Arc<Session>, JoinHandle<End>) {
    let session = Session::new();
    let slot = session.admit(1);
    let command = meanwhile(&session, move |session| session.carry_out(1, slot));
    (session, command)
}

/// The command is over as it should be, and with it all commands.
fn check_end(session: &Session, command: JoinHandle<End>, expected: End) {
    assert_eq!(end_of(command), expected);
    session.check_empty();
}

#[test]
fn a_command_is_aborted_or_answered_and_never_both() {
    explore(3, || {
        let session = Session::new();
        let command = meanwhile(&session, |session| {
            let slot = session.admit(1);
            session.carry_out(1, slot)
        });
        let expected = if session.abort(1, Abort::Silently) {
            End::Nothing
        } else {
            End::Answered
        };
        check_end(&session, command, expected);
    });
}

#[test]
fn an_initiator_is_told_of_a_command_that_another_has_aborted() {
    explore(3, || {
        let (session, command) = one_command();
        let expected = if session.abort(1, Abort::Telling) {
            End::TaskAborted
        } else {
            End::Answered
        };
        check_end(&session, command, expected);
    });
}

/// Found by this model: the function had looked at the first command, and marked the second.
#[test]
fn only_the_command_that_is_meant_is_aborted_though_another_takes_its_place() {
    explore(3, || {
        let session = Session::new();
        let first = session.admit(1);
        let commands = meanwhile(&session, move |session| {
            session.carry_out(1, first);
            let second = session.admit(2);
            session.carry_out(2, second)
        });
        session.abort(1, Abort::Silently);
        assert_eq!(end_of(commands), End::Answered, "the second command");
        session.check_empty();
    });
}

#[test]
fn the_next_command_in_a_slot_is_left_alone_when_another_thread_brings_it() {
    explore(2, || {
        let session = Session::new();
        let others = session.fill();
        let slot = session.admit(1);
        let command = meanwhile(&session, move |session| session.carry_out(1, slot));
        let next = meanwhile(&session, |session| {
            let slot = session.tasks.take(2, WRITE_10, 0)?;
            Some(session.carry_out(2, slot))
        });
        session.abort(1, Abort::Silently);
        assert_ne!(end_of(next), Some(End::Nothing), "the second command");
        end_of(command);
        session.release(others);
        session.check_empty();
    });
}

#[test]
fn both_of_two_functions_wait_for_the_command_that_they_abort() {
    explore(2, || {
        let (session, command) = one_command();
        let lost = meanwhile(&session, |session| session.abort(1, Abort::NexusLost));
        let aborted = session.abort(1, Abort::Silently);
        let expected = if aborted | end_of(lost) {
            End::Nothing
        } else {
            End::Answered
        };
        check_end(&session, command, expected);
    });
}

#[test]
fn who_was_to_be_told_is_not_when_it_aborts_the_command_too_or_the_unit_goes() {
    for how in [Abort::Silently, Abort::NexusLost, Abort::UnitGone] {
        explore(2, move || {
            let (session, command) = one_command();
            let cleared = meanwhile(&session, |session| session.mark(1, Abort::Telling));
            let expected = match (session.mark(1, how), end_of(cleared)) {
                (true, _) => End::Nothing,
                (false, true) => End::TaskAborted,
                (false, false) => End::Answered,
            };
            check_end(&session, command, expected);
        });
    }
}

#[test]
fn a_device_that_lets_go_late_ends_its_command_all_the_same() {
    explore(3, || {
        let (session, command) = one_command();
        let found = session.mark(1, Abort::Silently);
        let chosen = |task: &TaskView| task.tag == 1;
        if session.tasks.wait_aborted(Delta::NONE, chosen) && found {
            session.promise_of(1).store(1, ordering::Release);
        } else {
            session.tasks.detach(chosen);
        }
        let expected = if found { End::Nothing } else { End::Answered };
        check_end(&session, command, expected);
    });
}

#[test]
fn a_function_does_not_wait_for_an_answer_to_be_sent() {
    explore(3, || {
        let session = Session::new();
        let slot = session.admit(1);
        let complete = Arc::new(Notify::new(), GFP_KERNEL).expect("memory");
        let function = complete.clone();
        let command = meanwhile(&session, move |session| {
            let _ = session.tasks.begin_execution(slot);
            let _ = session.tasks.begin_response(slot, false);
            function.wait();
            session.tasks.release(slot);
        });
        session.abort(1, Abort::Telling);
        complete.notify();
        end_of(command);
        session.check_empty();
    });
}

/// Whoever looks for orphans asks this first.
#[test]
fn a_session_that_has_an_orphan_says_so() {
    explore(2, || {
        let (session, command) = one_command();
        let aborted = meanwhile(&session, |session| session.mark(1, Abort::Silently));
        let has_one = || session.tasks.any(TaskView::is_orphan);
        let (before, said, after) = (has_one(), session.tasks.has_orphans(), has_one());
        assert!(said || !(before && after), "an orphan that is not counted");
        end_of(command);
        end_of(aborted);
        session.check_empty();
    });
}

#[test]
fn the_memory_of_a_session_is_given_back_with_its_last_command() {
    for sizes in [[1 << 20, 1 << 20], [2 << 20, 512], [2 << 20, 0]] {
        explore(3, move || {
            let session = Session::new();
            let carry_out = |session: &Session, tag, size| {
                let slot = session.admit(tag);
                assert!(session.tasks.charge(slot, size), "there is memory");
                session.tasks.release(slot);
            };
            let other = meanwhile(&session, move |session| carry_out(session, 1, sizes[0]));
            carry_out(&session, 2, sizes[1]);
            end_of(other);
            assert_eq!(memory::reserved(), 0, "bytes reserved in the end");
            session.check_empty();
        });
    }
}

#[test]
fn a_session_keeps_little_more_memory_than_it_needs() {
    explore(2, || {
        let session = Session::new();
        let [small, large] = [(1, 512), (2, 32 << 20)].map(|(tag, size)| {
            let slot = session.admit(tag);
            assert!(session.tasks.charge(slot, size - 512), "there is memory");
            slot
        });
        assert!(memory::reserved() >= 31 << 20, "what all that needs");
        session.tasks.release(large);
        assert!(memory::reserved() <= 2 << 20, "what little needs");
        session.release([small]);
        assert_eq!(memory::reserved(), 0, "bytes reserved in the end");
        session.check_empty();
    });
}

#[test]
fn the_last_free_slot_is_taken_by_one_command() {
    explore(3, || {
        let session = Session::new();
        let others = session.fill();
        let other = meanwhile(&session, |session| session.tasks.take(100, WRITE_10, 0));
        let own = session.tasks.take(200, WRITE_10, 0);
        let other = end_of(other);
        assert!(own.is_some() ^ other.is_some(), "both or none have it");
        assert_eq!(session.tasks.free(), 0);
        let slot = own.or(other).expect("one of them");
        let tag = if own.is_some() { 200 } else { 100 };
        assert_eq!(session.tasks.tag(slot), tag);
        session.release([slot].into_iter().chain(others));
        session.check_empty();
    });
}
