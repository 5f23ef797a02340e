// SPDX-License-Identifier: GPL-2.0

//! Headers in a session that say what can't be (RFC 7143 11).

use crate::connection::{Outcome, Trouble};
use crate::pdu::{opcode, Pdu, IMMEDIATE, NO_TAG};
use crate::player::{Player, ANY_LUN, DISK_LUN};
use crate::session::{CHECK, FINAL, NO_DATA, TO_FULL_FEATURE};

/// Reasons for a Reject (RFC 7143 11.17.1).
const SNACK_REJECT: u8 = 0x03;
const PROTOCOL_ERROR: u8 = 0x04;
const NOT_SUPPORTED: u8 = 0x05;
const INVALID_FIELD: u8 = 0x09;

/// Sends it and waits for the Reject. Its number counts as not received (RFC 7143 7.3).
fn is_rejected(player: &mut Player, pdu: &Pdu, reason: u8) -> Outcome<()> {
    let session = player.session()?;
    session.send(pdu)?;
    session.rejected(reason, pdu)
}

pub(super) fn unknown_opcode(player: &mut Player) -> Outcome<()> {
    let code = loop {
        let code = player.rng.u8(..0x40);
        if !opcode::REQUESTS.contains(&code) {
            break code;
        }
    };
    let immediate = if player.rng.bool() { IMMEDIATE } else { 0 };
    let data = player.bytes(600);
    let pdu = player
        .session()?
        .request(code | immediate, FINAL)
        .data(data);
    is_rejected(player, &pdu, NOT_SUPPORTED)
}

pub(super) fn reserved_tag(player: &mut Player) -> Outcome<()> {
    let codes = [
        opcode::COMMAND,
        opcode::FUNCTION,
        opcode::TEXT,
        opcode::LOGOUT,
    ];
    let code = player.rng.choice(codes).unwrap_or(opcode::TEXT);
    let pdu = player.session()?.request(code, FINAL | 1).tag(NO_TAG);
    is_rejected(player, &pdu, INVALID_FIELD)
}

pub(super) fn bad_attribute(player: &mut Player) -> Outcome<()> {
    let attribute = player.rng.u8(5..=7);
    let pdu = player
        .session()?
        .command(ANY_LUN, &[0; 6], FINAL | attribute, 0);
    is_rejected(player, &pdu, INVALID_FIELD)
}

/// Additional header segments of requests that aren't commands.
pub(super) fn stray_ahs(player: &mut Player) -> Outcome<()> {
    let codes = [
        opcode::NOP_OUT,
        opcode::FUNCTION,
        opcode::TEXT,
        opcode::LOGOUT,
    ];
    let code = player.rng.choice(codes).unwrap_or(opcode::TEXT);
    let words = player.rng.usize(1..=255);
    let pdu = player
        .session()?
        .request(code, FINAL)
        .ahs(vec![0; words * 4]);
    is_rejected(player, &pdu, PROTOCOL_ERROR)
}

/// Segments that are too short, too long, of no kind, twice there, or zero (RFC 7143 11.2.2).
pub(super) fn bad_ahs(player: &mut Player) -> Outcome<()> {
    let rng = &mut player.rng;
    let ahs = match rng.u8(..6) {
        0 => vec![0; rng.usize(1..=255) * 4],
        1 => vec![0xff; rng.usize(1..=255) * 4],
        // An extended CDB that is longer than what is there.
        2 => vec![0, rng.u8(8..), 1, 0, 0, 0, 0, 0],
        // Of length 1: no CDB at all.
        3 => vec![0, 1, 1, 0],
        // Of a kind that is reserved.
        4 => vec![0, 5, rng.u8(3..64), 0, 1, 2, 3, 4],
        // Two of them.
        _ => [[0, 5, 1, 0, 1, 2, 3, 4]; 2].concat(),
    };
    let pdu = player
        .session()?
        .command(ANY_LUN, &[0; 6], NO_DATA, 0)
        .ahs(ahs);
    is_rejected(player, &pdu, INVALID_FIELD)
}

/// F is 0, but the command writes nothing (RFC 7143 11.3.1).
pub(super) fn announced_without_write(player: &mut Player) -> Outcome<()> {
    let flags = player.rng.choice([0x01, 0x41]).unwrap_or(0x01);
    let pdu = player.session()?.command(ANY_LUN, &[0; 6], flags, 0);
    is_rejected(player, &pdu, PROTOCOL_ERROR)
}

/// What gets no answer can't consume a CmdSN (RFC 7143 11.18).
pub(super) fn nameless_ping(player: &mut Player) -> Outcome<()> {
    let pdu = player.session()?.request(opcode::NOP_OUT, FINAL);
    let pdu = pdu.tag(NO_TAG).word(20, NO_TAG);
    is_rejected(player, &pdu, PROTOCOL_ERROR)
}

pub(super) fn snack(player: &mut Player) -> Outcome<()> {
    let kind = player.rng.u8(..16);
    let from = player.rng.u32(..);
    let pdu = player
        .session()?
        .request(opcode::SNACK, FINAL | kind)
        .word(40, from);
    let session = player.session()?;
    // It has no CmdSN.
    session.cmd_sn = session.exp_cmd_sn;
    is_rejected(player, &pdu, SNACK_REJECT)
}

pub(super) fn bidirectional(player: &mut Player) -> Outcome<()> {
    let session = player.session()?;
    // XDWRITEREAD(10), with the length of its read in an additional segment of type 2.
    let cdb = [0x53, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    let ahs = vec![0, 5, 2, 0, 0, 0, 2, 0];
    let pdu = session.command(DISK_LUN, &cdb, 0xe1, 512).ahs(ahs);
    session.send(&pdu)?;
    match session.status(pdu.word_at(16))? {
        (CHECK, [5, 0x20, 0]) => Ok(()),
        other => Err(Trouble::wrong("INVALID COMMAND OPERATION CODE", other)),
    }
}

pub(super) fn segment_too_long(player: &mut Player) -> Outcome<()> {
    // Beyond all that a target could have declared but the maximum of the field.
    let len = player.rng.u32((1 << 24) - 4096..1 << 24);
    let code = player
        .rng
        .choice([opcode::NOP_OUT, opcode::TEXT, opcode::COMMAND]);
    let mut session = player.last_of_session()?;
    let pdu = session
        .request(code.unwrap_or(opcode::TEXT), FINAL)
        .says(len);
    session.send(&pdu)?;
    session.connection.expect_end()
}

pub(super) fn second_login(player: &mut Player) -> Outcome<()> {
    let login = player.place.login(TO_FULL_FEATURE, player.place.names());
    let mut session = player.last_of_session()?;
    session.send(&login)?;
    session.connection.expect_end()
}

/// Any function for any task of a logical unit that nobody uses, but the resets that end what others do.
pub(super) fn random_function(player: &mut Player) -> Outcome<()> {
    const RESETS: [u8; 3] = [6, 7, 12];
    let function = loop {
        let function = player.rng.u8(..0x80);
        if !RESETS.contains(&function) {
            break function;
        }
    };
    let (lun, task) = (player.rng.u8(1..DISK_LUN), player.rng.u32(..));
    let ref_cmd_sn = player.rng.u32(..);
    let session = player.session()?;
    let pdu = session.request(opcode::FUNCTION | IMMEDIATE, FINAL | function);
    let pdu = pdu.lun(lun).word(20, task).word(32, ref_cmd_sn);
    session.send(&pdu)?;
    let answer = session.answer(pdu.word_at(16))?;
    match answer.opcode() {
        0x22 => Ok(()),
        _ => Err(Trouble::wrong("a response to the function", answer.header)),
    }
}

/// For recovery, for no reason that there is, or of another connection: refused, and nothing ends.
pub(super) fn random_logout(player: &mut Player) -> Outcome<()> {
    let reason = player.rng.u8(1..0x80);
    let cid = player.rng.u16(1..);
    let session = player.session()?;
    let pdu = session.request(opcode::LOGOUT, FINAL | reason);
    let pdu = pdu.with(20, cid.to_be_bytes());
    session.send(&pdu)?;
    let answer = session.answer(pdu.word_at(16))?;
    match (answer.opcode(), answer.header[2]) {
        (opcode::LOGOUT_RESPONSE, 1..) => Ok(()),
        _ => Err(Trouble::wrong("a logout that is refused", answer.header)),
    }
}

/// Bytes for text: the target may answer, reject or leave.
pub(super) fn random_text(player: &mut Player) -> Outcome<()> {
    let mut data = match player.rng.u8(..3) {
        0 => player.bytes(4000),
        1 => [b"SendTargets=".to_vec(), player.bytes(4000)].concat(),
        _ => b"=\0=\0A\0=B\0".repeat(player.rng.usize(1..400)),
    };
    data.push(0);
    let flags = player.rng.u8(..);
    let ttt = player.rng.choice([NO_TAG, 0, 77]).unwrap_or(0);
    let mut session = player.last_of_session()?;
    let pdu = session
        .request(opcode::TEXT, flags)
        .word(20, ttt)
        .data(data);
    session.send(&pdu)?;
    session.connection.finish()
}
