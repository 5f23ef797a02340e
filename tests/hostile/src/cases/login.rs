// SPDX-License-Identifier: GPL-2.0

//! Logins that are wrong (RFC 7143 6 and 13).

use crate::connection::{Connection, Outcome, Trouble};
use crate::pdu::{opcode, Pdu, IMMEDIATE};
use crate::player::Player;
use crate::session::{text, TO_FULL_FEATURE};

/// Continue: the text goes on in the next request (RFC 7143 11.12.2).
const CONTINUE: u8 = 0x40;

/// Status Class 2: the initiator's error (RFC 7143 11.13.5).
const INITIATOR_ERROR: u8 = 2;

/// The status of the login response that has to come next.
pub(super) fn status(connection: &mut Connection) -> Outcome<(u8, u8, Pdu)> {
    let pdu = connection.receive()?;
    match pdu.opcode() {
        opcode::LOGIN_RESPONSE => Ok((pdu.header[36], pdu.header[37], pdu)),
        _ => Err(Trouble::wrong("a login response", pdu.header)),
    }
}

/// The login has to be refused with this status, and the connection ended.
fn refused(player: &mut Player, login: &Pdu, expected: (u8, u8)) -> Outcome<()> {
    let mut connection = player.visit()?;
    connection.send(login)?;
    let (class, detail, _) = status(&mut connection)?;
    if (class, detail) != expected {
        let expected = format!("login status {expected:02x?}");
        return Err(Trouble::wrong(&expected, (class, detail)));
    }
    connection.expect_end()
}

pub(super) fn too_long(player: &mut Player) -> Outcome<()> {
    let mut connection = player.visit()?;
    let len = player.rng.u32(8193..1 << 24);
    let login = player.place.login(TO_FULL_FEATURE, player.place.names());
    connection.send(&login.says(len))?;
    connection.expect_end()
}

/// 2,048 keys that nobody knows, in as many requests as it takes.
pub(super) fn unknown_keys(player: &mut Player) -> Outcome<()> {
    let mut connection = player.visit()?;
    let mut all = player.place.names();
    for number in 0..2048 {
        all.extend(format!("X-org.example.{number}={number}\0").bytes());
    }
    let mut pieces = all.chunks(player.rng.usize(1000..=8192)).peekable();
    while let Some(piece) = pieces.next() {
        let flags = match pieces.peek() {
            Some(_) => 0x04 | CONTINUE,
            None => TO_FULL_FEATURE,
        };
        connection.send(&player.place.login(flags, piece.to_vec()))?;
        match status(&mut connection) {
            Ok((0, ..)) => {}
            // It may well refuse to take so much.
            Ok((INITIATOR_ERROR, ..)) => return connection.expect_end(),
            Err(Trouble::Closed) => return Ok(()),
            Ok((class, detail, _)) => {
                return Err(Trouble::wrong("an initiator's error", (class, detail)));
            }
            Err(trouble) => return Err(trouble),
        }
    }
    connection.finish()
}

/// A number or a yes that is none: the login fails, or the key is answered with a refusal.
pub(super) fn bad_value(player: &mut Player) -> Outcome<()> {
    const KEYS: [&str; 10] = [
        "MaxBurstLength",
        "FirstBurstLength",
        "MaxRecvDataSegmentLength",
        "MaxConnections",
        "MaxOutstandingR2T",
        "DefaultTime2Wait",
        "ErrorRecoveryLevel",
        "InitialR2T",
        "ImmediateData",
        "DataPDUInOrder",
    ];
    const VALUES: [&str; 10] = [
        "-1",
        "0x",
        "-0x10",
        "99999999999999999999999999",
        "0xffffffffffffffffffffffff",
        "1.5",
        " 1",
        "yes",
        "Yes,No",
        "\u{fffd}",
    ];
    let key = KEYS[player.rng.usize(..KEYS.len())];
    let value = VALUES[player.rng.usize(..VALUES.len())];
    let mut keys = player.place.names();
    keys.extend(text(&[&format!("{key}={value}")]));
    let mut connection = player.visit()?;
    connection.send(&player.place.login(TO_FULL_FEATURE, keys))?;
    let (class, detail, response) = status(&mut connection)?;
    if class == INITIATOR_ERROR {
        return connection.expect_end();
    }
    let said = String::from_utf8_lossy(&response.data).into_owned();
    let answer = said
        .split('\0')
        .find_map(|pair| pair.strip_prefix(&format!("{key}=")));
    match (class, detail, answer) {
        (0, 0, Some("Reject" | "Irrelevant")) => connection.finish(),
        _ => {
            let expected = format!("a refusal of {key}={value}");
            Err(Trouble::wrong(&expected, (class, detail, said)))
        }
    }
}

/// Renegotiation within a login ends it (RFC 7143 6.3).
pub(super) fn key_again(player: &mut Player) -> Outcome<()> {
    let mut keys = player.place.names();
    let value = player.rng.u32(512..1 << 24);
    keys.extend(text(&[
        &format!("MaxBurstLength={value}"),
        "MaxConnections=1",
        &format!("MaxBurstLength={}", value - 1),
    ]));
    let login = player.place.login(TO_FULL_FEATURE, keys);
    refused(player, &login, (INITIATOR_ERROR, 0))
}

pub(super) fn random_flags(player: &mut Player) -> Outcome<()> {
    let mut connection = player.visit()?;
    let flags = player.rng.u8(..);
    connection.send(&player.place.login(flags, player.place.names()))?;
    connection.finish()
}

pub(super) fn mutated(player: &mut Player) -> Outcome<()> {
    let mut connection = player.visit()?;
    let mut keys = player.place.names();
    keys.extend(text(&["HeaderDigest=None,CRC32C", "MaxBurstLength=262144"]));
    let login = player.place.login(TO_FULL_FEATURE, keys);
    let mut bytes = login.bytes(connection.digests);
    turn_bits(player, &mut bytes);
    // With another's name and ISID it would end that one's session, as it should.
    bytes[8..14].copy_from_slice(&login.header[8..14]);
    connection.send_bytes(&bytes)?;
    connection.finish()
}

/// Turns a few bits.
pub(super) fn turn_bits(player: &mut Player, bytes: &mut [u8]) {
    for _ in 0..player.rng.usize(1..=8) {
        let at = player.rng.usize(..bytes.len());
        bytes[at] ^= 1 << player.rng.u8(..8);
    }
}

/// Nothing but a login may come first (RFC 7143 6.1).
pub(super) fn something_else(player: &mut Player) -> Outcome<()> {
    let mut connection = player.visit()?;
    let code = loop {
        match player.rng.choice(opcode::REQUESTS) {
            Some(opcode::LOGIN) | None => {}
            Some(code) => break code,
        }
    };
    let pdu = Pdu::new(code | IMMEDIATE, 0x80).tag(player.rng.u32(..));
    connection.send(&pdu)?;
    connection.expect_end()
}

pub(super) fn no_such_session(player: &mut Player) -> Outcome<()> {
    let tsih = player.rng.u16(0xff00..=0xffff);
    let login = player.place.login(TO_FULL_FEATURE, player.place.names());
    refused(
        player,
        &login.with(14, tsih.to_be_bytes()),
        (INITIATOR_ERROR, 0x0a),
    )
}

pub(super) fn no_name(player: &mut Player) -> Outcome<()> {
    let target = format!("TargetName={}", player.place.target);
    let login = player.place.login(TO_FULL_FEATURE, text(&[&target]));
    refused(player, &login, (INITIATOR_ERROR, 0x07))
}

pub(super) fn no_such_target(player: &mut Player) -> Outcome<()> {
    let initiator = format!("InitiatorName={}", player.place.initiator);
    let target = format!("TargetName=iqn.2026-11.test:no.{}", player.rng.u32(..));
    let login = player
        .place
        .login(TO_FULL_FEATURE, text(&[&initiator, &target]));
    refused(player, &login, (INITIATOR_ERROR, 0x03))
}
