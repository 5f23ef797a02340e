// SPDX-License-Identifier: GPL-2.0

//! Data that isn't what was agreed or asked for (RFC 7143 4.2.5 and 11.7).

use crate::connection::{Outcome, Trouble};
use crate::pdu::{opcode, Pdu, NO_TAG};
use crate::player::{Player, ANY_LUN, DISK_LUN, OWN};
use crate::session::{Session, CHECK, FINAL, GOOD, MAX_SEGMENT, NO_DATA, READ, WRITE};

/// ABORTED COMMAND with WRITE ERROR - UNEXPECTED UNSOLICITED DATA, and - NOT ENOUGH UNSOLICITED DATA, which
/// stands for all wrong amounts (RFC 7143 11.4.7.2).
const UNEXPECTED: [u8; 3] = [0x0b, 0x0c, 0x0c];
const WRONG_AMOUNT: [u8; 3] = [0x0b, 0x0c, 0x0d];

/// A write to the player's blocks for which the target has asked: the command and the R2T.
pub(super) fn solicited(player: &mut Player) -> Outcome<(Pdu, Pdu)> {
    player.prepare_blocks()?;
    let cdb = player.own_blocks(0x2a);
    let session = player.session()?;
    let write = session.command(DISK_LUN, &cdb, WRITE, OWN as u32);
    session.send(&write)?;
    let r2t = session.receive()?;
    let about = (
        r2t.opcode(),
        r2t.word_at(16),
        r2t.word_at(40),
        r2t.word_at(44),
    );
    match about == (opcode::R2T, write.word_at(16), 0, OWN as u32) {
        true => Ok((write, r2t)),
        false => Err(Trouble::wrong("an R2T for all of the data", r2t.header)),
    }
}

/// All of the data for an R2T.
pub(super) fn data_out(session: &mut Session, r2t: &Pdu, data: Vec<u8>) -> Pdu {
    let pdu = session.request(opcode::DATA_OUT, FINAL);
    pdu.tag(r2t.word_at(16))
        .word(20, r2t.word_at(20))
        .data(data)
}

/// The command has to fail so, and nothing may have been written.
fn fails(player: &mut Player, command: &Pdu, expected: [u8; 3]) -> Outcome<()> {
    let answer = player.session()?.status(command.word_at(16))?;
    if answer != (CHECK, expected) {
        let expected = format!("CHECK CONDITION with {expected:02x?}");
        return Err(Trouble::wrong(&expected, answer));
    }
    player.check_blocks()
}

/// DataSN, offset, length or F.
pub(super) fn wrong(player: &mut Player) -> Outcome<()> {
    let (write, r2t) = solicited(player)?;
    let content = player.new_content();
    let what = player.rng.u8(..6);
    let number = player.rng.u32(1..);
    let part = player.rng.usize(1..OWN);
    let session = player.session()?;
    let good = data_out(session, &r2t, content.clone());
    let bad = match what {
        0 => good.word(36, number),
        1 => good.word(40, number),
        2 => good.data([content, vec![0; part]].concat()),
        3 => good.data(content[..part].to_vec()),
        4 => good.with(1, [0]),
        // Neither data nor the end.
        _ => good.data(Vec::new()).with(1, [0]),
    };
    session.send(&bad)?;
    fails(player, &write, WRONG_AMOUNT)
}

/// Data whose transfer tag or task tag is nobody's is not wanted; the right data is.
pub(super) fn unknown_transfer(player: &mut Player) -> Outcome<()> {
    let (write, r2t) = solicited(player)?;
    let content = player.new_content();
    let other = player.new_content();
    let change = player.rng.u32(1..0xffff) << 16;
    let of_task = player.rng.bool();
    let session = player.session()?;
    let stray = data_out(session, &r2t, other);
    let stray = match of_task {
        true => stray.tag(write.word_at(16) ^ change),
        // A slot in which nothing waits.
        false => stray
            .word(20, r2t.word_at(20) ^ 0x40_0000)
            .tag(write.word_at(16) ^ change),
    };
    session.send(&stray)?;
    let right = data_out(session, &r2t, content.clone());
    session.send(&right)?;
    match session.status(write.word_at(16))? {
        (GOOD, _) => player.has_written(content),
        other => return Err(Trouble::wrong("GOOD", other)),
    }
    player.check_blocks()
}

/// More immediate data than the command is to have.
pub(super) fn too_much_at_once(player: &mut Player) -> Outcome<()> {
    player.prepare_blocks()?;
    let more = player.rng.usize(1..MAX_SEGMENT - OWN);
    let cdb = player.own_blocks(0x2a);
    let session = player.session()?;
    let write = session.command(DISK_LUN, &cdb, WRITE, OWN as u32);
    let write = write.data(vec![0xee; OWN + more]);
    session.send(&write)?;
    fails(player, &write, UNEXPECTED)
}

/// Immediate data of a command that reads, or has none.
pub(super) fn not_wanted(player: &mut Player) -> Outcome<()> {
    player.prepare_blocks()?;
    let data = player.bytes(2000);
    let (cdb, flags, len) = match player.rng.bool() {
        true => (player.own_blocks(0x28), READ, OWN as u32),
        false => ([0; 10], NO_DATA, 0),
    };
    let session = player.session()?;
    let command = session.command(DISK_LUN, &cdb, flags, len).data(data);
    session.send(&command)?;
    fails(player, &command, UNEXPECTED)
}

/// Unsolicited data of a command that was complete.
pub(super) fn behind_the_last(player: &mut Player) -> Outcome<()> {
    let (write, r2t) = solicited(player)?;
    let content = player.new_content();
    let session = player.session()?;
    let data = data_out(session, &r2t, content).word(20, NO_TAG);
    session.send(&data)?;
    fails(player, &write, UNEXPECTED)
}

/// A command whose expected length is far more than its CDB's: a residual, and no more.
pub(super) fn huge_expectation(player: &mut Player) -> Outcome<()> {
    player.prepare_blocks()?;
    let huge = player.rng.u32(1 << 31..);
    let is_write = player.rng.bool();
    let content = player.new_content();
    let cdb = player.own_blocks(if is_write { 0x2a } else { 0x28 });
    let flags = if is_write { WRITE } else { READ };
    let session = player.session()?;
    let command = session.command(DISK_LUN, &cdb, flags, huge);
    session.send(&command)?;
    let mut answer = session.receive()?;
    if answer.opcode() == opcode::R2T {
        let data = data_out(session, &answer, content.clone());
        session.send(&data)?;
        answer = session.receive()?;
    }
    if answer.opcode() == opcode::DATA_IN && answer.header[1] & 1 == 0 {
        answer = session.receive()?;
    }
    // U, GOOD, and all that is left.
    let about = (answer.header[1] & 2, answer.header[3], answer.word_at(44));
    if about != (2, GOOD, huge - OWN as u32) {
        return Err(Trouble::wrong("an underflow", answer.header));
    }
    if is_write {
        player.has_written(content);
    }
    player.check_blocks()
}

/// Any command in any direction, to the logical unit of which nothing is expected but answers.
pub(super) fn random_command(player: &mut Player) -> Outcome<()> {
    let rng = &mut player.rng;
    let cdb: Vec<u8> = std::iter::repeat_with(|| rng.u8(..)).take(16).collect();
    let flags = rng.choice([NO_DATA, READ, WRITE]).unwrap_or(READ);
    let expected = rng.choice([0, 36, 512, 4096, 65536, u32::MAX]).unwrap_or(0);
    let session = player.session()?;
    let command = session.command(ANY_LUN, &cdb, flags, expected);
    session.send(&command)?;
    loop {
        let answer = session.receive()?;
        match answer.opcode() {
            opcode::R2T => feed(session, &answer)?,
            opcode::DATA_IN if answer.header[1] & 1 == 0 => {}
            opcode::DATA_IN | opcode::RESPONSE => return Ok(()),
            _ => return Err(Trouble::wrong("a response", answer.header)),
        }
    }
}

/// Sends all that an R2T asks for.
fn feed(session: &mut Session, r2t: &Pdu) -> Outcome<()> {
    let (start, len) = (r2t.word_at(40), r2t.word_at(44));
    let (mut done, mut data_sn) = (0, 0);
    while done < len {
        let now = (len - done).min(MAX_SEGMENT as u32);
        let flags = if done + now == len { FINAL } else { 0 };
        let data = data_out(session, r2t, vec![0x5a; now as usize]);
        let data = data
            .with(1, [flags])
            .word(36, data_sn)
            .word(40, start + done);
        session.send(&data)?;
        done += now;
        data_sn += 1;
    }
    Ok(())
}
