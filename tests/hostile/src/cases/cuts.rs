// SPDX-License-Identifier: GPL-2.0

//! Connections that end at each byte of a login and of a write.

use super::login::status;
use crate::connection::{Outcome, Trouble};
use crate::pdu::{opcode, Digests, NO_TAG};
use crate::player::{Player, DISK_LUN, OWN};
use crate::session::{text, Session, FINAL, GOOD, TO_FULL_FEATURE};

pub(super) fn login(player: &mut Player) -> Outcome<()> {
    let mut connection = player.visit()?;
    let login = player.place.login(TO_FULL_FEATURE, player.place.names());
    let bytes = login.bytes(connection.digests);
    let len = player.serial % (bytes.len() + 1);
    connection.send_bytes(&bytes[..len])?;
    connection.cut(player.rng.bool());
    Ok(())
}

/// Security first: the answer to the first request comes before the second.
pub(super) fn login_in_stages(player: &mut Player) -> Outcome<()> {
    let mut connection = player.visit()?;
    let place = &player.place;
    let keys = [place.names(), text(&["AuthMethod=None"])].concat();
    // CSG 0, T, NSG 1.
    let first = place.login(0x81, keys).bytes(Digests::default());
    let second = place.login(TO_FULL_FEATURE, text(&["MaxBurstLength=65536"]));
    let second = second.bytes(Digests::default());
    let len = player.serial % (first.len() + second.len() + 1);
    connection.send_bytes(&first[..len.min(first.len())])?;
    if let Some(more) = len.checked_sub(first.len()) {
        let (0, ..) = status(&mut connection)? else {
            return Err(Trouble::Wrong("no success of the first stage".into()));
        };
        connection.send_bytes(&second[..more])?;
    }
    connection.cut(player.rng.bool());
    Ok(())
}

/// A write with immediate and unsolicited data. What didn't come whole is not written.
pub(super) fn write(player: &mut Player) -> Outcome<()> {
    player.prepare_blocks()?;
    let content = player.new_content();
    let cdb = player.own_blocks(0x2a);
    let serial = player.serial;
    let mut session = Session::open(&player.place_of(3), Digests::default())?;
    session.settle(DISK_LUN)?;
    let (bytes, tag) = write_bytes(&mut session, &cdb, &content);
    let len = serial % (bytes.len() + 1);
    session.connection.send_bytes(&bytes[..len])?;
    if len == bytes.len() {
        match session.status(tag)? {
            (GOOD, _) => player.has_written(content),
            other => return Err(Trouble::wrong("GOOD", other)),
        }
        session.logout()?;
    } else {
        session.connection.cut(player.rng.bool());
    }
    player.check_blocks()
}

/// The command with a quarter of the data, and a Data-Out with another and one with the rest.
fn write_bytes(session: &mut Session, cdb: &[u8], content: &[u8]) -> (Vec<u8>, u32) {
    const QUARTER: usize = OWN / 4;
    // W and simple, but not final.
    let write = session.command(DISK_LUN, cdb, 0x21, OWN as u32);
    let write = write.data(content[..QUARTER].to_vec());
    let tag = write.word_at(16);
    let mut data = |flags, data_sn, from: usize, to: usize| {
        let pdu = session.request(opcode::DATA_OUT, flags).tag(tag);
        let pdu = pdu.word(20, NO_TAG).word(36, data_sn).word(40, from as u32);
        pdu.data(content[from..to].to_vec())
            .bytes(Digests::default())
    };
    let more = [
        data(0, 0, QUARTER, 2 * QUARTER),
        data(FINAL, 1, 2 * QUARTER, OWN),
    ];
    let bytes = [vec![write.bytes(Digests::default())], more.to_vec()].concat();
    (bytes.concat(), tag)
}
