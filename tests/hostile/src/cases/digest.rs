// SPDX-License-Identifier: GPL-2.0

//! Damage that digests find (RFC 7143 7.8).

use crate::connection::{Outcome, Trouble};
use crate::pdu::{opcode, Pdu, IMMEDIATE, NO_TAG};
use crate::player::{Player, DISK_LUN, OWN};
use crate::session::{Session, CHECK, FINAL, WRITE};

/// Reason for a Reject: data digest error (RFC 7143 11.17.1).
const DATA_DIGEST_ERROR: u8 = 0x02;

/// ABORTED COMMAND, PROTOCOL SERVICE CRC ERROR (RFC 7143 11.4.7.2).
const CRC_ERROR: [u8; 3] = [0x0b, 0x47, 0x05];

/// Bytes of the header with its digest.
const SEALED: usize = 52;

/// Sends the PDU with a bit turned somewhere behind its header; the target rejects it.
fn damaged(session: &mut Session, pdu: &Pdu, place: usize) -> Outcome<()> {
    let mut bytes = pdu.bytes(session.connection.digests);
    let at = SEALED + place % (bytes.len() - SEALED);
    bytes[at] ^= 1 << (place % 8);
    session.connection.send_bytes(&bytes)?;
    session.rejected(DATA_DIGEST_ERROR, pdu)
}

/// The session goes on, with the number expected again.
fn goes_on(session: &mut Session) -> Outcome<()> {
    session.ping(b"still there".to_vec())
}

/// A write to the player's blocks, new content for them, and a place in it.
fn new_write(player: &mut Player) -> Outcome<(Pdu, Vec<u8>, usize)> {
    player.prepare_blocks()?;
    let cdb = player.own_blocks(0x2a);
    let content = player.new_content();
    let place = player.rng.usize(..);
    let session = player.digested()?;
    let write = session.command(DISK_LUN, &cdb, WRITE, OWN as u32);
    Ok((write, content, place))
}

pub(super) fn immediate_data(player: &mut Player) -> Outcome<()> {
    let (write, content, place) = new_write(player)?;
    let session = player.digested()?;
    damaged(session, &write.data(content), place)?;
    goes_on(session)?;
    player.check_blocks()
}

pub(super) fn solicited_data(player: &mut Player) -> Outcome<()> {
    let (write, content, place) = new_write(player)?;
    let session = player.digested()?;
    session.send(&write)?;
    let r2t = session.receive()?;
    let data = super::data::data_out(session, &r2t, content);
    damaged(session, &data, place)?;
    match session.status(write.word_at(16))? {
        (CHECK, CRC_ERROR) => {}
        other => return Err(Trouble::wrong("PROTOCOL SERVICE CRC ERROR", other)),
    }
    goes_on(session)?;
    player.check_blocks()
}

pub(super) fn ping(player: &mut Player) -> Outcome<()> {
    let data = player.bytes(4096);
    let place = player.rng.usize(..);
    let session = player.digested()?;
    let ping = session.request(opcode::NOP_OUT | IMMEDIATE, FINAL);
    damaged(session, &ping.word(20, NO_TAG).data(data), place)?;
    goes_on(session)
}

/// Where the next header begins can't be known any more: the connection ends.
pub(super) fn header(player: &mut Player) -> Outcome<()> {
    let place = player.rng.usize(..SEALED);
    let mut session = player.last_of_digested()?;
    let ping = session
        .request(opcode::NOP_OUT | IMMEDIATE, FINAL)
        .word(20, NO_TAG);
    let mut bytes = ping.bytes(session.connection.digests);
    // Not its lengths: the target would wait for what they tell of.
    let place = if (4..8).contains(&place) { 48 } else { place };
    bytes[place] ^= 0x10;
    session.connection.send_bytes(&bytes)?;
    session.connection.expect_end()
}
