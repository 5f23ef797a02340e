// SPDX-License-Identifier: GPL-2.0

//! Who plays the cases: one after the other, each beside a session that has to stay as it is.

use std::time::Duration;

use fastrand::Rng;

use crate::connection::{Connection, Outcome, Trouble};
use crate::pdu::Digests;
use crate::session::{Place, Session, GOOD, READ, WRITE};

/// The logical unit whose commands are random: anything may become of it.
pub(crate) const ANY_LUN: u8 = 0;
/// The one of which each player has blocks of its own, with content that it knows.
pub(crate) const DISK_LUN: u8 = 200;

/// How long a session may say nothing.
const IDLE: Duration = Duration::from_secs(3);

/// Bytes of a block, and of what a player has on the disk.
pub(crate) const BLOCK: usize = 512;
pub(crate) const OWN: usize = 2 * BLOCK;

/// A player.
pub(crate) struct Player {
    pub(crate) place: Place,
    /// A target that lets nobody in without a secret.
    pub(crate) closed: Place,
    /// What is random in the case that is played.
    pub(crate) rng: Rng,
    /// How often a case of its kind was played before.
    pub(crate) serial: usize,
    /// Its own part of the disk.
    first_block: u32,
    content: Vec<u8>,
    plain: Option<Session>,
    digested: Option<Session>,
}

impl Player {
    pub(crate) fn new(place: Place, closed: Place, number: u16) -> Self {
        Self {
            place,
            closed,
            rng: Rng::with_seed(0),
            serial: 0,
            first_block: u32::from(number) * 2,
            content: Vec::new(),
            plain: None,
            digested: None,
        }
    }

    /// A connection with the target, without a login.
    pub(crate) fn visit(&self) -> Outcome<Connection> {
        Connection::open(self.place.address)
    }

    /// The session, made when there is none.
    pub(crate) fn session(&mut self) -> Outcome<&mut Session> {
        if self.plain.is_none() {
            self.plain = Some(self.log_in(Digests::default())?);
        }
        self.plain.as_mut().ok_or(Trouble::Closed)
    }

    /// The session with digests of headers and data.
    pub(crate) fn digested(&mut self) -> Outcome<&mut Session> {
        if self.digested.is_none() {
            let (header, data) = (true, true);
            self.digested = Some(self.log_in(Digests { header, data })?);
        }
        self.digested.as_mut().ok_or(Trouble::Closed)
    }

    /// A session that the case will end.
    pub(crate) fn last_of_session(&mut self) -> Outcome<Session> {
        self.session()?;
        self.plain.take().ok_or(Trouble::Closed)
    }

    /// As [`Player::last_of_session`], with digests.
    pub(crate) fn last_of_digested(&mut self) -> Outcome<Session> {
        self.digested()?;
        self.digested.take().ok_or(Trouble::Closed)
    }

    /// The place with the ISID of one of the player's sessions: two of one name and ISID would end
    /// each other (RFC 7143 6.3.5). 0 is that of logins that only try.
    pub(crate) fn place_of(&self, session: u16) -> Place {
        let isid = self.place.isid + session;
        Place {
            isid,
            ..self.place.clone()
        }
    }

    fn log_in(&mut self, digests: Digests) -> Outcome<Session> {
        let place = self.place_of(if digests.data { 2 } else { 1 });
        let mut session = Session::open(&place, digests)?;
        session.settle(DISK_LUN)?;
        Ok(session)
    }

    /// The target answers, and what this player wrote is there.
    pub(crate) fn is_usable(&mut self) -> Outcome<()> {
        let echo = random_bytes(&mut self.rng, 64);
        if let Some(digested) = &mut self.digested {
            // It is seldom its turn, and the target would take it for dead.
            if digested.heard.elapsed() > IDLE {
                digested.ping(echo.clone())?;
            }
        }
        self.session()?.ping(echo)
    }

    /// Random bytes, at least one and at most `most`.
    pub(crate) fn bytes(&mut self, most: usize) -> Vec<u8> {
        random_bytes(&mut self.rng, most)
    }

    /// READ(10) or WRITE(10) of all that is this player's.
    pub(crate) fn own_blocks(&self, opcode: u8) -> [u8; 10] {
        let [a, b, c, d] = self.first_block.to_be_bytes();
        [opcode, 0, a, b, c, d, 0, 0, 2, 0]
    }

    /// New content for the player's blocks, which is not written yet.
    pub(crate) fn new_content(&mut self) -> Vec<u8> {
        std::iter::repeat_with(|| self.rng.u8(..))
            .take(OWN)
            .collect()
    }

    /// The blocks are known to have this content from now on.
    pub(crate) fn has_written(&mut self, content: Vec<u8>) {
        self.content = content;
    }

    /// Writes content if nothing is known yet.
    pub(crate) fn prepare_blocks(&mut self) -> Outcome<()> {
        if !self.content.is_empty() {
            return Ok(());
        }
        let content = self.new_content();
        let cdb = self.own_blocks(0x2a);
        let session = self.session()?;
        let write = session.command(DISK_LUN, &cdb, WRITE, OWN as u32);
        let write = write.data(content.clone());
        session.send(&write)?;
        match session.status(write.word_at(16))? {
            (GOOD, _) => {
                self.has_written(content);
                Ok(())
            }
            other => Err(Trouble::wrong("GOOD for a write", other)),
        }
    }

    /// The blocks have to be as they were last written.
    pub(crate) fn check_blocks(&mut self) -> Outcome<()> {
        let cdb = self.own_blocks(0x28);
        let session = self.session()?;
        let read = session.command(DISK_LUN, &cdb, READ, OWN as u32);
        session.send(&read)?;
        let answer = session.answer(read.word_at(16))?;
        match answer.data == self.content {
            true => Ok(()),
            false => Err(Trouble::Wrong(format!(
                "other data on the disk than was written: it begins with {:02x?} where {:02x?} was expected",
                answer.data.get(..8),
                self.content.get(..8)
            ))),
        }
    }
}

fn random_bytes(rng: &mut Rng, most: usize) -> Vec<u8> {
    let len = rng.usize(1..=most);
    std::iter::repeat_with(|| rng.u8(..)).take(len).collect()
}
