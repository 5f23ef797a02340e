// SPDX-License-Identifier: GPL-2.0

//! One connection: one thread, one loop.
//!
//! ```text
//!              ┌───────────────────────── doorbell ─────────────────────────┐
//!   socket callbacks ──┘   completions ──┘   task management ──┘   stop ──┘  │
//!                                                                           ▼
//!   ┌─▶ receive ─▶ admit, execute ─▶ drain completions ─▶ send a train ─▶ sleep ─┐
//!   └────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The thread never waits in a call to the socket; it sleeps only on its [`Doorbell`], when there is
//! nothing to do. Everything that happens elsewhere rings it: data arrived, room to send, a command
//! finished (the [`Link`]'s lock-free queue has it), a task management function done, the target
//! goes away.
//!
//! *Receiving* ([`rx`]): a buffer of a page takes headers, many of which come in one call. Data is
//! received straight into the pages of its command, and the next header behind it in the same call;
//! only what came along with its own header is copied once more. *Commands* are admitted and
//! executed at once, in this thread; a device's completion may come before `execute` returns.
//!
//! *Sending* ([`tx`]): responses are put on a train of headers and pages, which goes out in as few
//! calls as the socket allows. Headers are encoded when they are put on it, which is when they get
//! their numbers. Of data there is never a copy: the socket holds the pages themselves. While the
//! socket is full, finished commands wait in the queue and keep their places in the session's task
//! set, so the initiator's command window closes; and no request is read whose answer there is no
//! room for.
//!
//! Whatever goes wrong ends the loop with a reason ([`End`]), and the connection with it: the
//! endpoint is closed, so that nothing comes any more, the I_T nexus and with it all its commands
//! are given up, and nobody waits for those that a device still has.

mod command;
mod digest;
mod early;
mod fence;
mod login;
mod manage;
mod notices;
mod numbers;
mod origin;
mod request;
mod rx;
mod text;
mod tx;
mod writes;

use crate::{
    bells::{FENCE, FINISHED, GIVEN_UP, INVENTORY, LEAVE, MANAGED, STOP},
    counters::Counter,
    log::notice_limited,
    portal::Door,
    provider::Provider,
    session::{Session, SessionKey},
    target::Target, //
};
use core::{
    fmt,
    net::SocketAddr, //
};
use early::Waiting;
use fence::{Fence, Pass};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc,
        SetOnce, //
    },
    time::{Delta, Nsec}, //
};
use login::LoginPhase;
use manage::Management;
use notices::Notices;
use numbers::Numbers;
use origin::Origin;
use rx::Receiver;
use stmf::{
    nexus::{Endpoint, NexusRegistration, Watch},
    port::Completer,
    task::{Finished, TaskBody}, //
};
use stmf_iscsi_proto::{
    names::IscsiName,
    params::Negotiated,
    sn::Sn,
    types::Cid, //
};
use stmf_kernel::{
    clock,
    kthread::{self, Doorbell, Thread},
    net::{Accepted, Stream},
    queue::Queue, //
};
use stmf_scsi::tmf::TmfResponse;
use text::TextPhase;
use tx::Sender;
use writes::Writes;

pub(crate) const SECOND: i64 = 1_000_000_000;

/// How long a login may take.
const LOGIN_LIMIT: i64 = 15 * SECOND;
/// How long a discovery session may be idle.
const DISCOVERY_LIMIT: i64 = 60 * SECOND;
/// After so long an idle connection gives back what memory it can do without.
const SHRINK_AFTER: i64 = SECOND;
/// How long the initiator has to close the connection once all is said.
const CLOSE_LIMIT: i64 = 2 * SECOND;
/// How long a gap in the command numbers may be there.
const GAP_LIMIT: i64 = 20 * SECOND;
/// How long somebody waits for a connection to end that another takes the place of, or that is logged
/// out by another. It does so at once, unless a device holds it up.
const END_LIMIT: Delta<Nsec> = Delta::from_secs(2);
/// How long to wait for memory before trying again.
const MEMORY_PAUSE: i64 = SECOND / 100;

/// What others have of a connection.
pub(crate) struct Link {
    /// Where the initiator comes from.
    pub(crate) origin: Origin,
    /// Whether that is this machine itself: it has the address that it came to.
    pub(crate) is_local: bool,
    doorbell: Arc<Doorbell>,
    /// Whether the thread knows that the initiator has closed the connection.
    lost: Atomic<bool>,
    finished: Queue<TaskBody>,
    /// How the task management functions in progress ended, a `TmfOutcome` as a number: 0 while they
    /// have not.
    managed: [Atomic<u64>; manage::MAX],
    /// Where others stand that wait for what this connection has said to arrive.
    pass: Pass,
    thread: SetOnce<Thread>,
}

impl Link {
    /// Takes over what another connection was told of the nexus and has not passed on.
    pub(crate) fn inherit(&self, other: &Self) {
        self.pass_on(other.doorbell.take());
    }

    /// Rings those bells that say something of the nexus.
    fn pass_on(&self, bells: u32) {
        let bells = bells & (INVENTORY | GIVEN_UP);
        if bells != 0 {
            self.doorbell.ring(bells);
        }
    }

    /// Tells the connection to end. It does so by itself, at once.
    pub(crate) fn stop(&self) {
        self.doorbell.ring(STOP);
    }

    /// Tells the connection to have its initiator log out. It ends by itself, in a few seconds at
    /// most.
    pub(crate) fn leave(&self) {
        self.doorbell.ring(LEAVE);
    }

    /// Whether the initiator has closed the connection: it ends as soon as its thread runs.
    pub(crate) fn is_lost(&self) -> bool {
        self.doorbell.has_rung(Stream::CLOSED) || self.lost.load(ordering::Acquire)
    }

    /// Waits until the connection is gone, and its session with it, `limit` at most; says whether it
    /// is. Sleeps.
    pub(crate) fn join(&self, limit: Delta<Nsec>) -> bool {
        // Whose thread isn't known yet has only just begun.
        let thread = self.thread.as_ref();
        thread.is_some_and(|thread| thread.join(limit))
    }

    /// Has this connection wait as [`join_all`] does, but no longer than until it is told to end itself.
    pub(crate) fn await_all(&self, links: &[Arc<Link>], limit: Delta<Nsec>) -> bool {
        let until = clock::monotonic_ns().saturating_add(limit.as_nanos());
        // Asked first: of those that end quickly there may be one after the other to wait for.
        while !self.doorbell.has_rung(STOP) {
            let left = until.saturating_sub(clock::monotonic_ns()).max(0);
            if join_all(links, Delta::from_nanos(left.min(GLANCE.as_nanos()))) {
                return true;
            }
            if left == 0 {
                break;
            }
        }
        false
    }
}

impl Completer for Link {
    fn finished(&self, task: Finished) {
        // Whoever found the queue empty has rung already, or is about to.
        if self.finished.push(task.into()) {
            self.doorbell.ring(FINISHED);
        }
    }

    fn managed(&self, cookie: u64, response: TmfResponse) {
        let place = usize::try_from(cookie).unwrap_or(usize::MAX);
        if let Some(slot) = self.managed.get(place) {
            let outcome = manage::outcome_of(response);
            slot.store(outcome.to_number(), ordering::Release);
            self.doorbell.ring(MANAGED);
        }
    }
}

impl Watch for Link {
    fn inventory_changed(&self) {
        self.doorbell.ring(INVENTORY);
    }

    fn commands_given_up(&self) {
        self.doorbell.ring(GIVEN_UP);
    }
}

/// How long a connection waits for others before it looks whether its own place is wanted.
const GLANCE: Delta<Nsec> = Delta::from_millis(50);

/// Waits until connections are gone, `limit` at most for all together; says whether they are. Sleeps.
pub(crate) fn join_all(links: &[Arc<Link>], limit: Delta<Nsec>) -> bool {
    let start = clock::monotonic_ns();
    let mut are_gone = true;
    for link in links {
        let spent = clock::monotonic_ns().saturating_sub(start);
        let left = limit.as_nanos().saturating_sub(spent);
        are_gone &= link.join(Delta::from_nanos(left.max(0)));
    }
    are_gone
}

/// Why a connection ends.
#[derive(Clone, Copy)]
enum End {
    /// All is said, and the initiator has closed its side.
    Done,
    /// The initiator closed the connection, or it broke.
    Lost,
    /// The target goes away, or the same initiator port has logged in again.
    Stopped,
    /// The initiator took too long.
    Late(&'static str),
    /// The initiator broke the protocol in a way that leaves nothing to go on with.
    Protocol(&'static str),
    /// What came was damaged on its way, and leaves nothing to go on with.
    Damage(&'static str),
    /// There was no memory to go on with.
    Memory,
}

impl From<AllocError> for End {
    fn from(_: AllocError) -> Self {
        Self::Memory
    }
}

/// A connection in full feature phase of a normal session.
struct Normal {
    endpoint: Arc<Endpoint>,
    /// The I_T nexus, which ends with the last connection.
    nexus: Arc<NexusRegistration>,
    membership: Membership,
    writes: Writes,
    management: Management,
    /// Functions whose answers wait for those of other connections to arrive.
    fences: KVec<Fence>,
}

/// A place in the target's table of sessions.
struct Membership {
    target: Arc<Target>,
    key: SessionKey,
    session: Arc<Session>,
    link: Arc<Link>,
}

impl Drop for Membership {
    fn drop(&mut self) {
        fence::pass_for_good(&self.link, &self.session);
        if self.session.remove(&self.link) {
            self.target.leave(&self.key, &self.session);
        }
    }
}

/// What a connection is there for.
enum Phase {
    Login(KBox<LoginPhase>),
    /// To find targets, for this initiator.
    Discovery(KBox<IscsiName>),
    Normal(KBox<Normal>),
    /// Nothing any more.
    Over,
}

/// A connection, owned by its thread.
struct Connection {
    provider: Arc<Provider>,
    link: Arc<Link>,
    stream: Stream,
    local: SocketAddr,
    peer: SocketAddr,
    /// The portal that it came in by.
    door: Arc<Door>,
    /// What the initiator calls it.
    cid: Cid,
    phase: Phase,
    params: Negotiated,
    numbers: Numbers,
    rx: Receiver,
    tx: Sender,
    text: Option<KBox<TextPhase>>,
    /// Requests behind a gap in the command numbers; since when there is one, and before which
    /// number.
    waiting: Waiting,
    gap: Option<(i64, Sn)>,
    /// After so long without a byte from it an initiator is asked whether it is there; after as long
    /// again, it isn't.
    patience: i64,
    /// When it began.
    since: i64,
    /// When the initiator was last heard of.
    heard: i64,
    /// When it was asked whether it is there, if it has not been heard of since.
    asked: Option<i64>,
    /// Whether the connection has given back what memory it can do without.
    lean: bool,
    /// What other connections wait for the answer to.
    question: Option<fence::Question>,
    /// What the initiator is to be told out of turn.
    notices: Notices,
    /// Until when it may still be there, once nothing more is to be said than is on its way.
    closing: Option<i64>,
    /// Whether the other side knows that nothing follows.
    finished: bool,
}

/// Starts to serve a connection that came in by a portal.
pub(crate) fn start(
    provider: Arc<Provider>,
    accepted: Accepted,
    door: Arc<Door>,
) -> Result<Arc<Link>> {
    let doorbell = Arc::pin_init(Doorbell::new(), GFP_KERNEL)?;
    let stream = Stream::new(accepted, doorbell.clone());
    let peer = stream.peer_address().ok_or(ENOTCONN)?;
    let link = Arc::new(
        Link {
            origin: Origin::of(peer.ip()),
            is_local: stream.local_address().map(|own| own.ip()) == Some(peer.ip()),
            doorbell,
            lost: Atomic::new(false),
            finished: Queue::new(),
            managed: [const { Atomic::new(0) }; manage::MAX],
            pass: Pass::new(),
            thread: SetOnce::new(),
        },
        GFP_KERNEL,
    )?;
    let module = provider.module;
    let mut connection = Connection::new(provider, link.clone(), stream, peer, door)?;
    let thread = Thread::spawn(c"iscsit/conn", module, move || connection.run())?;
    link.thread.populate(thread);
    Ok(link)
}

impl Connection {
    fn new(
        provider: Arc<Provider>,
        link: Arc<Link>,
        stream: Stream,
        peer: SocketAddr,
        door: Arc<Door>,
    ) -> Result<KBox<Self>> {
        let now = clock::monotonic_ns();
        let connection = Self {
            provider,
            link,
            local: stream.local_address().ok_or(ENOTCONN)?,
            peer,
            stream,
            door,
            cid: Cid(0),
            phase: Phase::Login(KBox::new(LoginPhase::new()?, GFP_KERNEL)?),
            params: Negotiated::default(),
            numbers: Numbers::new()?,
            rx: Receiver::new(),
            tx: Sender::new(),
            text: None,
            waiting: Waiting::new(),
            gap: None,
            patience: 0,
            since: now,
            heard: now,
            asked: None,
            lean: false,
            question: None,
            notices: Notices::new(),
            closing: None,
            finished: false,
        };
        Ok(KBox::new(connection, GFP_KERNEL)?)
    }

    /// The thread's life.
    fn run(&mut self) {
        let end = loop {
            if let Err(end) = self.turn() {
                break end;
            }
        };
        self.count_end(end);
        self.report(end);
        self.give_up();
    }

    /// Once around the loop.
    fn turn(&mut self) -> Result<(), End> {
        self.answer_bells()?;
        self.excuse_silence();
        self.handle_early()?;
        self.receive()?;
        self.transmit()?;
        // What has come may have filled the gap, for which an only connection isn't rung. Whoever filled it
        // is answered first.
        while self.handle_early()? {
            self.transmit()?;
        }
        let busy = self.is_busy();
        if busy && self.closing.is_none() && self.has_no_limits() {
            // Whoever keeps a session this busy is there.
            kthread::yield_if_due();
            return Ok(());
        }
        let now = clock::monotonic_ns();
        match self.watch(now)? {
            Some(until) if !busy => {
                let left = until.saturating_sub(now).max(0);
                self.link.doorbell.wait(Delta::from_nanos(left));
            }
            _ => kthread::yield_if_due(),
        }
        Ok(())
    }

    /// Takes note of what has happened.
    fn answer_bells(&mut self) -> Result<(), End> {
        if self.link.doorbell.has_rung(Stream::CLOSED) {
            // Before the bell is taken: see `Link::is_lost`.
            self.link.lost.store(true, ordering::Release);
        }
        let bells = self.link.doorbell.take();
        if bells & STOP != 0 {
            // For the connection that inherits them.
            self.link.pass_on(bells);
            return Err(End::Stopped);
        }
        if bells & (Stream::READABLE | Stream::CLOSED) != 0 {
            self.rx.ring(bells & Stream::CLOSED != 0);
        }
        if bells & Stream::WRITABLE != 0 {
            self.tx.unblock();
        }
        // What can't fail comes first: nobody rings for it once more.
        if bells & GIVEN_UP != 0 {
            self.drop_all_given_up();
        }
        if bells & INVENTORY != 0 {
            self.notices.inventory_changed();
        }
        if bells & MANAGED != 0 {
            self.collect_managed()?;
            self.collect_fences()?;
        }
        if bells & FENCE != 0 {
            self.ask_for_pass()?;
        }
        if bells & LEAVE != 0 {
            self.ask_to_leave()?;
        }
        Ok(())
    }

    /// Whether there is something to do at once.
    fn is_busy(&self) -> bool {
        let sends = !self.tx.is_idle() || !self.link.finished.is_empty();
        let reads = self.rx.is_ready() && self.may_read() && self.closing.is_none();
        (sends && !self.tx.is_stuck()) || (reads && !self.tx.is_starved())
    }

    /// Whether there is room for one more request.
    fn may_read(&self) -> bool {
        self.tx.has_room() && !self.is_held_up()
    }

    /// Whether no more is read until other connections have brought the requests that come before
    /// those kept here: then it is for the initiator to wait. What was rejected here isn't brought by others,
    /// and nothing is when there are none any more.
    fn is_held_up(&self) -> bool {
        let Some(joint) = self.numbers.joint().filter(|_| self.waiting.is_full()) else {
            return false;
        };
        !self.numbers.misses_rejected() && !joint.is_single()
    }

    /// Whether it is in a session, in which nothing has to be said, answered, taken or sent until some time.
    fn has_no_limits(&self) -> bool {
        let Phase::Normal(normal) = &self.phase else {
            return false;
        };
        let nothing_to_say = self.question.is_none() && self.notices.is_empty();
        let nothing_late = self.tx.stalled().is_none() && self.waiting.is_empty();
        normal.fences.is_empty() && nothing_to_say && nothing_late
    }

    /// Keeps the limits of time. Says until when to sleep, unless there is something to do now.
    fn watch(&mut self, now: i64) -> Result<Option<i64>, End> {
        if self.rx.take_heard() || self.is_held_up() {
            (self.heard, self.asked, self.lean) = (now, None, false);
        }
        let until = match (&self.phase, self.closing, self.asked) {
            (_, Some(until), _) => return self.watch_closing(now, until),
            (Phase::Login(_), ..) => self.since.saturating_add(LOGIN_LIMIT),
            (Phase::Discovery(_) | Phase::Over, ..) => self.heard.saturating_add(DISCOVERY_LIMIT),
            (Phase::Normal(_), _, Some(asked)) => asked.saturating_add(self.patience),
            (Phase::Normal(_), _, None) => {
                let until = self.heard.saturating_add(self.patience);
                if now >= until {
                    self.asked = Some(now);
                    self.ask();
                    return Ok(None);
                }
                until
            }
        };
        if now >= until {
            return Err(End::Late(match self.phase {
                Phase::Login(_) => "the login took too long",
                Phase::Discovery(_) | Phase::Over => "the discovery session was idle",
                Phase::Normal(_) => "the initiator doesn't answer",
            }));
        }
        let until = self.before_stall(now, until)?;
        let Some(until) = self.before_notice(now, until)? else {
            return Ok(None);
        };
        let Some(until) = self.before_fence(now, until)? else {
            return Ok(None);
        };
        let until = self.before_gap(now, until)?;
        let until = self.before_answer(now, until)?;
        let until = self.before_shrinking(now, until);
        Ok(Some(self.before_memory(now, until)))
    }

    /// Not beyond the moment at which an initiator that takes nothing has to go, whatever it sends.
    fn before_stall(&self, now: i64, until: i64) -> Result<i64, End> {
        // Who isn't in a session has limits of its own.
        let stalled = self.tx.stalled().filter(|_| self.patience > 0);
        let Some(since) = stalled else {
            return Ok(until);
        };
        let limit = since.saturating_add(self.patience.saturating_mul(2));
        if now >= limit {
            return Err(End::Late("the initiator doesn't read"));
        }
        Ok(until.min(limit))
    }

    /// Not beyond the moment at which a gap in the command numbers has to be filled.
    fn before_gap(&mut self, now: i64, until: i64) -> Result<i64, End> {
        if self.waiting.is_empty() {
            self.gap = None;
            return Ok(until);
        }
        let next = self.numbers.exp_cmd_sn();
        let same = self.gap.filter(|(_, before)| *before == next);
        let (since, _) = *self.gap.insert(same.unwrap_or((now, next)));
        let limit = since.saturating_add(GAP_LIMIT);
        if now < limit {
            return Ok(until.min(limit));
        }
        // Whichever connection should have filled it: no other can go on.
        if let Phase::Normal(normal) = &self.phase {
            normal.membership.session.close();
            normal.membership.session.stop_but(Some(&self.link));
        }
        Err(End::Late("a gap in the command numbers was not filled"))
    }

    /// Not beyond the moment at which memory is to be given back; if it has come, gives it back.
    fn before_shrinking(&mut self, now: i64, until: i64) -> i64 {
        let at = self.heard.saturating_add(SHRINK_AFTER);
        if !self.lean && now < at {
            return until.min(at);
        }
        if !self.lean {
            self.lean = true;
            self.rx.shrink();
            self.tx.shrink();
        }
        until
    }

    /// As [`Connection::watch`], when all is said that will be said.
    fn watch_closing(&mut self, now: i64, until: i64) -> Result<Option<i64>, End> {
        if now >= until {
            return Err(End::Done);
        }
        if self.tx.is_idle() && !self.finished {
            self.finished = true;
            self.stream.finish();
        }
        Ok(Some(self.before_memory(now, until)))
    }

    /// Not for long when it is memory that is waited for: nobody rings when there is some.
    fn before_memory(&mut self, now: i64, until: i64) -> i64 {
        if self.tx.take_starved() {
            until.min(now.saturating_add(MEMORY_PAUSE))
        } else {
            until
        }
    }

    /// Nothing more is to be said than is on its way already.
    fn say_no_more(&mut self) {
        let until = clock::monotonic_ns().saturating_add(CLOSE_LIMIT);
        self.closing = Some(until);
    }

    /// Counts an end that is an error. Damage was counted when it was found.
    fn count_end(&mut self, end: End) {
        let counter = match end {
            End::Late(_) => Counter::CxnTimeoutErrors,
            End::Protocol(_) => Counter::FormatErrors,
            End::Done | End::Lost | End::Stopped | End::Damage(_) | End::Memory => return,
        };
        self.numbers.counters.add(counter, 1);
    }

    /// Tells the administrator what is worth knowing.
    fn report(&self, end: End) {
        let why = match end {
            End::Done | End::Lost | End::Stopped => return,
            End::Late(why) | End::Protocol(why) | End::Damage(why) => why,
            End::Memory => "out of memory",
        };
        let (who, peer) = (self.who(), self.peer);
        notice_limited!("connection of {who} from {peer} closed: {why}");
    }

    /// The initiator, as far as it is known.
    fn who(&self) -> Who<'_> {
        Who(match &self.phase {
            Phase::Normal(normal) => Some(normal.membership.key.initiator.as_str()),
            Phase::Login(login) => login.initiator(),
            Phase::Discovery(initiator) => Some(initiator.as_str()),
            Phase::Over => None,
        })
    }

    /// Ends the connection, and the session if there is no other. What a device still has of it is
    /// dropped when the device is done.
    fn give_up(&mut self) {
        let phase = core::mem::replace(&mut self.phase, Phase::Over);
        if let Phase::Normal(normal) = &phase {
            normal.endpoint.close();
            normal.endpoint.lose();
        }
        self.numbers.leave();
        self.tx = Sender::new();
        drop(self.link.finished.take_all());
        self.notices.bequeath(&self.link);
        drop(phase);
        self.provider.farewell(&self.link);
    }
}

/// Shows an initiator.
struct Who<'a>(Option<&'a str>);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.unwrap_or("an unknown initiator"))
    }
}
