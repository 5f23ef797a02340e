// SPDX-License-Identifier: GPL-2.0

//! A session of one connection, which keeps to the protocol until a case doesn't.

use std::net::SocketAddr;
use std::time::Instant;

use crate::connection::{Connection, Outcome, Trouble};
use crate::pdu::{opcode, Digests, Pdu, IMMEDIATE, NO_TAG};

/// The flags of a command without data, of one that reads and of one that writes; all are final, and
/// simple (RFC 7143 11.3.1).
pub(crate) const NO_DATA: u8 = 0x81;
pub(crate) const READ: u8 = 0xc1;
pub(crate) const WRITE: u8 = 0xa1;

/// F alone.
pub(crate) const FINAL: u8 = 0x80;

/// GOOD and CHECK CONDITION (SAM-6 5.3.1).
pub(crate) const GOOD: u8 = 0x00;
pub(crate) const CHECK: u8 = 0x02;

/// Whom to log in to, and as whom.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) target: String,
    pub(crate) initiator: String,
    /// Tells the sessions of an initiator apart.
    pub(crate) isid: u16,
}

impl Place {
    /// The keys that every login begins with.
    pub(crate) fn names(&self) -> Vec<u8> {
        text(&[
            &format!("InitiatorName={}", self.initiator),
            &format!("TargetName={}", self.target),
            "SessionType=Normal",
        ])
    }

    /// A login request from the operational stage (1) to the full feature phase (3), unless its flags
    /// say something else.
    pub(crate) fn login(&self, flags: u8, text: Vec<u8>) -> Pdu {
        let [high, low] = self.isid.to_be_bytes();
        Pdu::new(opcode::LOGIN | IMMEDIATE, flags)
            // An ISID of the random format (RFC 7143 11.12.5).
            .with(8, [0x80, 0x26, 0x11, 0, high, low])
            .tag(1)
            .word(24, 1)
            .data(text)
    }
}

/// From the operational stage to the full feature phase: T, CSG 1, NSG 3.
pub(crate) const TO_FULL_FEATURE: u8 = 0x87;

/// Keys, each with the NUL behind it.
pub(crate) fn text(keys: &[&str]) -> Vec<u8> {
    let mut text = Vec::new();
    for key in keys {
        text.extend(key.as_bytes());
        text.push(0);
    }
    text
}

/// A session that is logged in.
pub(crate) struct Session {
    pub(crate) connection: Connection,
    /// The CmdSN of the next command.
    pub(crate) cmd_sn: u32,
    /// What the target says that it expects, and takes at most.
    pub(crate) exp_cmd_sn: u32,
    pub(crate) max_cmd_sn: u32,
    /// The StatSN that comes next.
    pub(crate) exp_stat_sn: u32,
    /// When something came.
    pub(crate) heard: Instant,
    tag: u32,
}

/// What a session may send unasked with a command, and all of it before the first R2T.
pub(crate) const MAX_SEGMENT: usize = 8192;

impl Session {
    /// Logs in, in one request.
    pub(crate) fn open(place: &Place, digests: Digests) -> Outcome<Self> {
        let mut connection = Connection::open(place.address)?;
        let digest = |wanted| if wanted { "CRC32C" } else { "None" };
        let mut keys = place.names();
        keys.extend(text(&[
            &format!("HeaderDigest={}", digest(digests.header)),
            &format!("DataDigest={}", digest(digests.data)),
            "InitialR2T=No",
            "ImmediateData=Yes",
            "FirstBurstLength=65536",
            "ErrorRecoveryLevel=0",
        ]));
        connection.send(&place.login(TO_FULL_FEATURE, keys))?;
        let response = connection.receive()?;
        let status = (response.opcode(), response.header[36], response.header[37]);
        if status != (opcode::LOGIN_RESPONSE, 0, 0) {
            return Err(Trouble::wrong("a login that succeeds", response.header));
        }
        if response.header[1] & 0x83 != 0x83 {
            return Err(Trouble::wrong("the full feature phase", response.header));
        }
        connection.digests = digests;
        Ok(Self {
            connection,
            cmd_sn: 1,
            exp_cmd_sn: response.word_at(28),
            max_cmd_sn: response.word_at(32),
            exp_stat_sn: response.word_at(24).wrapping_add(1),
            heard: Instant::now(),
            tag: 16,
        })
    }

    /// A tag that is not in use.
    pub(crate) fn new_tag(&mut self) -> u32 {
        self.tag = self.tag.wrapping_add(1) & 0x7fff_ffff;
        self.tag
    }

    /// The PDU, with a new tag, the next CmdSN and the ExpStatSN that fit.
    pub(crate) fn request(&mut self, opcode: u8, flags: u8) -> Pdu {
        let cmd_sn = self.cmd_sn;
        if opcode & IMMEDIATE == 0 && opcode != opcode::DATA_OUT {
            self.cmd_sn = cmd_sn.wrapping_add(1);
        }
        Pdu::new(opcode, flags)
            .tag(self.new_tag())
            .word(24, cmd_sn)
            .word(28, self.exp_stat_sn)
    }

    /// A SCSI command.
    pub(crate) fn command(&mut self, lun: u8, cdb: &[u8], flags: u8, expected: u32) -> Pdu {
        let mut pdu = self.request(opcode::COMMAND, flags);
        pdu.header[32..32 + cdb.len()].copy_from_slice(cdb);
        pdu.lun(lun).word(20, expected)
    }

    pub(crate) fn send(&mut self, pdu: &Pdu) -> Outcome<()> {
        self.connection.send(pdu)
    }

    /// The next PDU that isn't a question of the target's whether somebody is there.
    pub(crate) fn receive(&mut self) -> Outcome<Pdu> {
        loop {
            let pdu = self.connection.receive()?;
            self.heard = Instant::now();
            self.exp_cmd_sn = pdu.word_at(28);
            self.max_cmd_sn = pdu.word_at(32);
            let has_status = match pdu.opcode() {
                opcode::R2T => false,
                opcode::DATA_IN => pdu.header[1] & 1 != 0,
                opcode::NOP_IN => pdu.word_at(16) != NO_TAG,
                _ => true,
            };
            if has_status {
                if pdu.word_at(24) != self.exp_stat_sn {
                    let expected = format!("StatSN {}", self.exp_stat_sn);
                    return Err(Trouble::wrong(&expected, pdu.header));
                }
                self.exp_stat_sn = self.exp_stat_sn.wrapping_add(1);
            }
            if pdu.opcode() != opcode::NOP_IN || has_status {
                return Ok(pdu);
            }
            let ask = pdu.word_at(20);
            if ask != NO_TAG {
                let pong = self
                    .request(opcode::NOP_OUT | IMMEDIATE, FINAL)
                    .tag(NO_TAG)
                    .word(20, ask);
                self.send(&pong)?;
            }
        }
    }

    /// The PDU that ends the request with this tag, and what of its data came before it.
    pub(crate) fn answer(&mut self, tag: u32) -> Outcome<Pdu> {
        loop {
            let pdu = self.receive()?;
            let is_end = match pdu.opcode() {
                opcode::DATA_IN => pdu.header[1] & 1 != 0,
                opcode::REJECT => return Err(Trouble::wrong("an answer", pdu.header)),
                _ => true,
            };
            if pdu.word_at(16) == tag && is_end {
                return Ok(pdu);
            }
        }
    }

    /// The status of a command, and its sense data as key, code and qualifier. `R2T`s are for a case
    /// to answer.
    pub(crate) fn status(&mut self, tag: u32) -> Outcome<(u8, [u8; 3])> {
        let pdu = self.answer(tag)?;
        match pdu.opcode() {
            opcode::DATA_IN => Ok((pdu.header[3], [0; 3])),
            // Service response 0: the command completed at the target.
            opcode::RESPONSE if pdu.header[2] == 0 => Ok((pdu.header[3], sense(&pdu.data))),
            _ => Err(Trouble::wrong("a response with a status", pdu.header)),
        }
    }

    /// The next PDU has to be a Reject for this reason (RFC 7143 11.17.1) that has this header.
    pub(crate) fn rejected(&mut self, reason: u8, of: &Pdu) -> Outcome<()> {
        let pdu = self.receive()?;
        let expected = format!("a Reject for reason {reason:#x}");
        if pdu.opcode() != opcode::REJECT || pdu.header[2] != reason {
            return Err(Trouble::wrong(&expected, pdu.header));
        }
        match pdu.data.get(..of.header.len()) == Some(&of.header[..]) {
            true => Ok(()),
            false => Err(Trouble::wrong("the header that was rejected", pdu.data)),
        }
    }

    /// A ping has to come back, with its data. After it the session's numbers are those of the target.
    pub(crate) fn ping(&mut self, data: Vec<u8>) -> Outcome<()> {
        let ping = self
            .request(opcode::NOP_OUT | IMMEDIATE, FINAL)
            .word(20, NO_TAG)
            .data(data);
        self.send(&ping)?;
        let tag = ping.word_at(16);
        loop {
            let pdu = self.receive()?;
            if pdu.opcode() == opcode::NOP_IN && pdu.word_at(16) == tag {
                self.cmd_sn = self.exp_cmd_sn;
                return match pdu.data == ping.data {
                    true => Ok(()),
                    false => Err(Trouble::wrong("the data of the ping", pdu.data)),
                };
            }
        }
    }

    /// Makes a logical unit tell its unit attentions.
    pub(crate) fn settle(&mut self, lun: u8) -> Outcome<()> {
        for _ in 0..16 {
            let ready = self.command(lun, &[0; 6], NO_DATA, 0);
            self.send(&ready)?;
            match self.status(ready.word_at(16))? {
                (GOOD, _) => return Ok(()),
                (CHECK, [6, ..]) => {}
                other => return Err(Trouble::wrong("GOOD or a UNIT ATTENTION", other)),
            }
        }
        Err(Trouble::Wrong("no end of unit attentions".into()))
    }

    /// Logs out, and waits for the answer.
    pub(crate) fn logout(mut self) -> Outcome<()> {
        let logout = self.request(opcode::LOGOUT | IMMEDIATE, FINAL);
        self.send(&logout)?;
        let answer = self.answer(logout.word_at(16))?;
        match (answer.opcode(), answer.header[2]) {
            (opcode::LOGOUT_RESPONSE, 0) => self.connection.expect_end(),
            _ => Err(Trouble::wrong("a logout that succeeds", answer.header)),
        }
    }
}

/// Sense key, code and qualifier of the data segment of a response (RFC 7143 11.4.7; SPC-6 4.4).
fn sense(segment: &[u8]) -> [u8; 3] {
    let at = |index: usize| segment.get(2 + index).copied().unwrap_or(0);
    match at(0) & 0x7f {
        0x70 | 0x71 => [at(2) & 0x0f, at(12), at(13)],
        0x72 | 0x73 => [at(1) & 0x0f, at(2), at(3)],
        _ => [0; 3],
    }
}
