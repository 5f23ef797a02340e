// SPDX-License-Identifier: GPL-2.0

//! Nobody gets in without the secret (RFC 7143 12.1.3).

use super::login::status;
use crate::connection::{Connection, Outcome, Trouble};
use crate::player::Player;
use crate::session::{text, TO_FULL_FEATURE};

/// CSG 0, and T with NSG 1.
const SECURITY: u8 = 0x00;
const TO_OPERATIONAL: u8 = 0x81;

/// The target has to refuse, by a status, by the end of the connection, or by going no further.
fn stays_out(mut connection: Connection) -> Outcome<()> {
    match status(&mut connection) {
        Ok((2, ..)) => connection.expect_end(),
        // It insists on CHAP, without T: the login is where it was.
        Ok((0, 0, response)) if response.header[1] & 0x80 == 0 => connection.finish(),
        Err(Trouble::Closed) => Ok(()),
        Ok((class, detail, _)) => Err(Trouble::wrong("a refused login", (class, detail))),
        Err(trouble) => Err(trouble),
    }
}

/// Values for the keys of CHAP that are not the right ones.
pub(super) fn bad_values(player: &mut Player) -> Outcome<()> {
    let closed = player.closed.clone();
    let mut connection = Connection::open(closed.address)?;
    let mut keys = closed.names();
    keys.extend(text(&["AuthMethod=CHAP,None"]));
    connection.send(&closed.login(SECURITY, keys))?;
    let (0, ..) = status(&mut connection)? else {
        return Err(Trouble::Wrong("no choice of CHAP".into()));
    };
    let algorithms = [
        "5",
        "7",
        "5,6,7,8",
        "-1",
        "0x5",
        "",
        "5,5,5,5",
        "99999999999",
    ];
    let algorithm = algorithms[player.rng.usize(..algorithms.len())];
    let offer = text(&[&format!("CHAP_A={algorithm}")]);
    connection.send(&closed.login(SECURITY, offer))?;
    match status(&mut connection) {
        Ok((0, ..)) => {}
        Ok((2, ..)) => return connection.expect_end(),
        Ok((class, detail, _)) => return Err(Trouble::wrong("a challenge", (class, detail))),
        Err(trouble) => return Err(trouble),
    }
    let response = text(&[
        &format!(
            "CHAP_N={}",
            player
                .rng
                .choice(["somebody", "", "\u{1f980}"])
                .unwrap_or("")
        ),
        &format!("CHAP_R={}", response(player)),
    ]);
    connection.send(&closed.login(TO_OPERATIONAL, response))?;
    stays_out(connection)
}

/// A response: one of the right length, or one that is none at all.
fn response(player: &mut Player) -> String {
    let hex = |bytes: Vec<u8>| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    match player.rng.u8(..6) {
        0 => format!("0x{}", hex((0..16).collect())),
        1 => format!("0x{}", hex(player.bytes(1024))),
        2 => format!("0b{}", "A".repeat(player.rng.usize(1..2000))),
        3 => "0x".into(),
        4 => "-1".into(),
        _ => "0b====".into(),
    }
}

/// A login that begins behind the authentication.
pub(super) fn left_out(player: &mut Player) -> Outcome<()> {
    let closed = player.closed.clone();
    let mut connection = Connection::open(closed.address)?;
    let (flags, keys) = match player.rng.u8(..3) {
        0 => (TO_FULL_FEATURE, vec![]),
        1 => (TO_OPERATIONAL, text(&["AuthMethod=None"])),
        // Security to full feature phase at once.
        _ => (0x83, text(&["AuthMethod=CHAP"])),
    };
    let keys = [closed.names(), keys].concat();
    connection.send(&closed.login(flags, keys))?;
    stays_out(connection)
}
