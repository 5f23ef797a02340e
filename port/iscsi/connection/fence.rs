// SPDX-License-Identifier: GPL-2.0

//! Functions that end tasks of several connections (RFC 7143 4.2.3.3): the answer goes out when the
//! initiator has all that was said before of such tasks, on whichever connection.
//!
//! Each other connection asks for a sign with a NOP-In that goes out behind all answers that it has,
//! and passes when the initiator answers it, or when the connection ends: which it does when there is no
//! answer for as long as a silent initiator has, whatever else comes. One whose thread a device holds up, or
//! that isn't read until others fill a gap, does neither, so there is a limit: then the answer is that the
//! function failed.

use super::{
    manage::InProgress,
    tx::{Reply, Said},
    Connection,
    End,
    Link,
    Phase,
    SECOND, //
};
use crate::{
    bells::{FENCE, MANAGED},
    session::Session, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    }, //
};
use stmf_iscsi_proto::types::{TmfOutcome, TmfResult, Ttt};
use stmf_kernel::clock;

/// How long a function waits for other connections at the most.
const LIMIT: i64 = 30 * SECOND;

/// How often others have asked a connection, and up to which of these its initiator has all.
pub(super) struct Pass {
    asked: Atomic<u32>,
    passed: Atomic<u32>,
    /// The connection is gone, and says nothing any more.
    gone: Atomic<u32>,
}

impl Pass {
    pub(super) const fn new() -> Self {
        Self {
            asked: Atomic::new(0),
            passed: Atomic::new(0),
            gone: Atomic::new(0),
        }
    }

    fn ask(&self) -> u32 {
        self.asked.fetch_add(1, ordering::Full).wrapping_add(1)
    }

    fn has_passed(&self, number: u32) -> bool {
        let passed = self.passed.load(ordering::Acquire);
        // Neither is ever far ahead of the other.
        self.gone.load(ordering::Acquire) != 0 || passed.wrapping_sub(number) < 1 << 31
    }
}

/// The NOP-In that other connections wait for the answer to.
#[derive(Clone, Copy)]
pub(super) struct Question {
    ttt: Ttt,
    /// How often they had asked when it was sent.
    asked: u32,
    since: i64,
}

/// A function that is done, and whom its answer waits for.
pub(super) struct Fence {
    function: InProgress,
    outcome: TmfOutcome,
    others: KVec<(Arc<Link>, u32)>,
    /// When it is answered whatever the others do.
    limit: i64,
}

impl Fence {
    fn is_open(&self) -> bool {
        let mut others = self.others.iter();
        others.all(|(link, number)| link.pass.has_passed(*number))
    }
}

impl Connection {
    /// Answers a function that is done, once the other connections of the session have passed.
    pub(super) fn answer_behind_others(
        &mut self,
        function: InProgress,
        outcome: TmfOutcome,
    ) -> Result<(), End> {
        let Phase::Normal(normal) = &mut self.phase else {
            return Ok(());
        };
        let links = normal.membership.session.links_but(Some(&self.link));
        let mut others = KVec::new();
        for link in links.map_err(|_| End::Memory)? {
            let number = link.pass.ask();
            link.doorbell.ring(FENCE | MANAGED);
            others.push((link, number), GFP_KERNEL)?;
        }
        // One that is there has answered two questions by then, that which it was asked before and this one.
        let patience = self.patience.saturating_mul(2).min(LIMIT);
        let fence = Fence {
            function,
            outcome,
            others,
            limit: clock::monotonic_ns().saturating_add(patience),
        };
        normal.fences.push(fence, GFP_KERNEL)?;
        self.collect_fences()
    }

    /// Answers the functions that have nobody left to wait for.
    pub(super) fn collect_fences(&mut self) -> Result<(), End> {
        loop {
            let Phase::Normal(normal) = &mut self.phase else {
                return Ok(());
            };
            let open = normal.fences.iter().position(Fence::is_open);
            let Some(open) = open.and_then(|at| normal.fences.remove(at).ok()) else {
                return Ok(());
            };
            self.end_function(open.function, open.outcome)?;
        }
    }

    /// Not beyond the moment at which a function has waited for others long enough; none if that is now.
    pub(super) fn before_fence(&mut self, now: i64, until: i64) -> Result<Option<i64>, End> {
        let Phase::Normal(normal) = &mut self.phase else {
            return Ok(Some(until));
        };
        // The first has waited for the longest.
        let Some(limit) = normal.fences.first().map(|fence| fence.limit) else {
            return Ok(Some(until));
        };
        if now < limit {
            return Ok(Some(until.min(limit)));
        }
        if let Ok(late) = normal.fences.remove(0) {
            self.end_function(late.function, TmfResult::Rejected.into())?;
        }
        Ok(None)
    }

    /// Others wait for what was said here: has the initiator answer behind it.
    pub(super) fn ask_for_pass(&mut self) -> Result<(), End> {
        if self.closing.is_some() || !matches!(self.phase, Phase::Normal(_)) {
            // It passes when it is gone, which is soon.
            return Ok(());
        }
        if self.question.is_some() {
            // The next one is for when this one is answered.
            return Ok(());
        }
        let question = Question {
            ttt: self.numbers.next_ping(),
            asked: self.link.pass.asked.load(ordering::Acquire),
            since: clock::monotonic_ns(),
        };
        self.question = Some(question);
        self.tx.say_later(Reply::new(Said::Ping(question.ttt)))
    }

    /// What isn't read can't be missed: the time for the answer begins when the connection is read again.
    pub(super) fn excuse_silence(&mut self) {
        if self.question.is_some() && self.is_held_up() {
            let now = clock::monotonic_ns();
            self.question = self.question.map(|question| Question {
                since: now,
                ..question
            });
        }
    }

    /// Not beyond the moment at which the question has to be answered.
    pub(super) fn before_answer(&self, now: i64, until: i64) -> Result<i64, End> {
        let Some(question) = self.question.filter(|_| !self.is_held_up()) else {
            return Ok(until);
        };
        let limit = question.since.saturating_add(self.patience);
        if now < limit {
            return Ok(until.min(limit));
        }
        Err(End::Late(
            "a NOP-In that a function waits for was not answered",
        ))
    }

    /// The initiator has answered a NOP-In.
    pub(super) fn was_answered(&mut self, ttt: Ttt) -> Result<(), End> {
        let Some(question) = self.question.take_if(|question| question.ttt == ttt) else {
            return Ok(());
        };
        let pass = &self.link.pass;
        pass.passed.store(question.asked, ordering::Release);
        if let Phase::Normal(normal) = &self.phase {
            tell_the_others(&self.link, &normal.membership.session);
        }
        match pass.asked.load(ordering::Acquire) == question.asked {
            true => Ok(()),
            false => self.ask_for_pass(),
        }
    }
}

/// A connection is about to leave its session, though it may never have got as far as to say anything in it:
/// nobody has to wait for it.
pub(super) fn pass_for_good(link: &Arc<Link>, session: &Session) {
    link.pass.gone.store(1, ordering::Release);
    tell_the_others(link, session);
}

fn tell_the_others(own: &Arc<Link>, session: &Session) {
    session.for_each_but(Some(own), |link| link.doorbell.ring(MANAGED));
}
