// SPDX-License-Identifier: GPL-2.0

//! Bytes that mean nothing. Whatever the target makes of them, it lets go of the connection.

use super::login::turn_bits;
use crate::connection::Outcome;
use crate::pdu::{opcode, Pdu, IMMEDIATE, NO_TAG};
use crate::player::{Player, ANY_LUN};
use crate::session::{FINAL, NO_DATA, READ, WRITE};

pub(super) fn first(player: &mut Player) -> Outcome<()> {
    let bytes = player.bytes(3000);
    let mut connection = player.visit()?;
    connection.send_bytes(&bytes)?;
    connection.finish()
}

/// A header that is random but for its opcode, its LUN and, half of the time, its lengths.
fn random_header(player: &mut Player) -> Pdu {
    let rng = &mut player.rng;
    let code = rng.choice(opcode::REQUESTS).unwrap_or(opcode::COMMAND);
    let immediate = rng.choice([0, IMMEDIATE]).unwrap_or(0);
    let mut pdu = Pdu::new(code, rng.u8(..));
    rng.fill(&mut pdu.header[2..]);
    pdu.header[0] = code | immediate;
    if rng.bool() {
        pdu = pdu.with(4, [0; 4]);
    }
    pdu.with(8, [0, ANY_LUN, 0, 0, 0, 0, 0, 0])
}

pub(super) fn header_first(player: &mut Player) -> Outcome<()> {
    let pdu = random_header(player);
    let mut connection = player.visit()?;
    connection.send(&pdu)?;
    connection.finish()
}

pub(super) fn header(player: &mut Player) -> Outcome<()> {
    let mut pdu = random_header(player);
    if pdu.opcode() == opcode::FUNCTION {
        // A reset would end what others do, as it should.
        pdu.header[1] = FINAL | 1;
    }
    let mut session = player.last_of_session()?;
    if player.rng.bool() {
        pdu = pdu.word(24, session.cmd_sn);
    }
    session.send(&pdu)?;
    session.connection.finish()
}

/// A few good requests, in which bits are turned; not in LUNs.
pub(super) fn mutated(player: &mut Player) -> Outcome<()> {
    let data = player.bytes(700);
    let mut session = player.last_of_session()?;
    let read = session.command(ANY_LUN, &[0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0], READ, 512);
    let write = session.command(ANY_LUN, &[0x2a, 0, 0, 0, 0, 0, 0, 0, 2, 0], WRITE, 1024);
    let ready = session.command(ANY_LUN, &[0; 6], NO_DATA, 0);
    let ping = session.request(opcode::NOP_OUT, FINAL).word(20, NO_TAG);
    let mut requests = [read, write.data(data.clone()), ready, ping.data(data)];
    let mut bytes = Vec::new();
    for pdu in &mut requests {
        let mut one = pdu.bytes(session.connection.digests);
        turn_bits(player, &mut one);
        one[8..16].fill(0);
        // A reset would end what others do, as it should.
        if one[0] & 0x3f == opcode::FUNCTION {
            one[1] = FINAL | 1;
        }
        bytes.extend(one);
    }
    session.connection.send_bytes(&bytes)?;
    session.connection.finish()
}
