// SPDX-License-Identifier: GPL-2.0

//! Numbers and tags out of order (RFC 7143 4.2.2).

use super::data::{data_out, solicited};
use crate::connection::{Outcome, Trouble};
use crate::player::{Player, DISK_LUN, OWN};
use crate::session::{Session, GOOD, NO_DATA};

/// Reason for a Reject: the tag is in use (RFC 7143 11.17.1).
const TASK_IN_PROGRESS: u8 = 0x07;

/// TEST UNIT READY of the disk that nobody else disturbs.
fn ready(session: &mut Session) -> crate::pdu::Pdu {
    session.command(DISK_LUN, &[0; 6], NO_DATA, 0)
}

fn is_good(session: &mut Session, tag: u32) -> Outcome<()> {
    match session.status(tag)? {
        (GOOD, _) => Ok(()),
        other => Err(Trouble::wrong("GOOD", other)),
    }
}

/// A command outside the window is ignored: what comes next is the answer to the ping.
pub(super) fn outside_window(player: &mut Player) -> Outcome<()> {
    let far = player.rng.u32(1..1 << 31);
    let below = player.rng.bool();
    let session = player.session()?;
    let number = match below {
        true => session.exp_cmd_sn.wrapping_sub(far),
        false => session.max_cmd_sn.wrapping_add(far),
    };
    let command = ready(session).word(24, number);
    session.send(&command)?;
    player.is_usable()
}

/// The second command comes first and waits.
pub(super) fn ahead(player: &mut Player) -> Outcome<()> {
    let session = player.session()?;
    let (first, second) = (ready(session), ready(session));
    session.send(&second)?;
    session.send(&first)?;
    is_good(session, first.word_at(16))?;
    is_good(session, second.word_at(16))
}

/// It acknowledges what was never sent, or not what was.
pub(super) fn exp_stat_sn(player: &mut Player) -> Outcome<()> {
    let number = player.rng.u32(..);
    let session = player.session()?;
    let command = ready(session).word(28, number);
    session.send(&command)?;
    is_good(session, command.word_at(16))
}

/// A second command has the tag of one that waits for its data.
pub(super) fn tag_in_use(player: &mut Player) -> Outcome<()> {
    let (write, r2t) = solicited(player)?;
    let content = player.new_content();
    let session = player.session()?;
    let again = ready(session).tag(write.word_at(16));
    session.send(&again)?;
    session.rejected(TASK_IN_PROGRESS, &again)?;
    session.cmd_sn = session.exp_cmd_sn;
    let data = data_out(session, &r2t, content[..OWN].to_vec());
    session.send(&data)?;
    is_good(session, write.word_at(16))?;
    player.has_written(content);
    player.check_blocks()
}
