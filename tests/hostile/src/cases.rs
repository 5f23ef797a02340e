// SPDX-License-Identifier: GPL-2.0

//! What no initiator should send, and what has to become of it.
//!
//! A case is a function that plays against the target by itself and says what else than the right thing
//! came. Cases whose connection lives on share one; after each the player looks whether that is so.

mod chap;
mod cuts;
mod data;
mod digest;
mod garbage;
mod header;
mod login;
mod numbers;

use crate::connection::Outcome;
use crate::player::Player;

/// A kind of cases.
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// How many of a round.
    pub(crate) share: usize,
    pub(crate) play: fn(&mut Player) -> Outcome<()>,
}

const fn kind(name: &'static str, share: usize, play: fn(&mut Player) -> Outcome<()>) -> Kind {
    Kind { name, share, play }
}

/// All of them. Those that cost a connection are fewer.
pub(crate) const KINDS: &[Kind] = &[
    kind("login: cut at each byte", 2, cuts::login),
    kind(
        "login: in two requests, cut at each byte",
        2,
        cuts::login_in_stages,
    ),
    kind("login: says to be longer than any", 1, login::too_long),
    kind("login: thousands of unknown keys", 1, login::unknown_keys),
    kind(
        "login: a value that the key can't have",
        2,
        login::bad_value,
    ),
    kind("login: a key again", 1, login::key_again),
    kind("login: random flags", 1, login::random_flags),
    kind("login: bits turned", 2, login::mutated),
    kind("login: something else first", 1, login::something_else),
    kind("login: no such session", 1, login::no_such_session),
    kind("login: no name", 1, login::no_name),
    kind("login: no such target", 1, login::no_such_target),
    kind("login: without the secret", 2, chap::bad_values),
    kind("login: authentication left out", 1, chap::left_out),
    kind("header: no such opcode", 4, header::unknown_opcode),
    kind("header: reserved tag", 4, header::reserved_tag),
    kind("header: no such task attribute", 4, header::bad_attribute),
    kind(
        "header: additional segments where none may be",
        4,
        header::stray_ahs,
    ),
    kind(
        "header: additional segments that are wrong",
        6,
        header::bad_ahs,
    ),
    kind(
        "header: data announced without a write",
        4,
        header::announced_without_write,
    ),
    kind(
        "header: a ping that can't be answered, with a CmdSN",
        4,
        header::nameless_ping,
    ),
    kind("header: SNACK", 4, header::snack),
    kind("header: a bidirectional command", 4, header::bidirectional),
    kind(
        "header: a data segment that is too long",
        1,
        header::segment_too_long,
    ),
    kind("header: a second login", 1, header::second_login),
    kind(
        "header: functions that mean nothing",
        4,
        header::random_function,
    ),
    kind(
        "header: logouts of what isn't there",
        4,
        header::random_logout,
    ),
    kind("header: text that is none", 2, header::random_text),
    kind(
        "numbers: CmdSN outside the window",
        6,
        numbers::outside_window,
    ),
    kind("numbers: CmdSN ahead", 4, numbers::ahead),
    kind("numbers: any ExpStatSN", 4, numbers::exp_stat_sn),
    kind("numbers: a tag in use", 4, numbers::tag_in_use),
    kind("data: wrong in one respect", 8, data::wrong),
    kind("data: for no transfer", 4, data::unknown_transfer),
    kind(
        "data: more at once than expected",
        4,
        data::too_much_at_once,
    ),
    kind("data: with a command that takes none", 4, data::not_wanted),
    kind("data: behind the last", 4, data::behind_the_last),
    kind(
        "data: four billion bytes expected",
        4,
        data::huge_expectation,
    ),
    kind("data: random commands", 6, data::random_command),
    kind("digest: of data with a command", 3, digest::immediate_data),
    kind("digest: of solicited data", 3, digest::solicited_data),
    kind("digest: of a ping's data", 3, digest::ping),
    kind("digest: of a header", 1, digest::header),
    kind("write: cut at each byte", 4, cuts::write),
    kind("garbage: on a new connection", 1, garbage::first),
    kind(
        "garbage: a header on a new connection",
        1,
        garbage::header_first,
    ),
    kind("garbage: a header in a session", 1, garbage::header),
    kind(
        "garbage: good requests with bits turned",
        2,
        garbage::mutated,
    ),
];

/// How many cases have each kind once per share.
pub(crate) fn round() -> usize {
    KINDS.iter().map(|kind| kind.share).sum()
}

/// The kind of the case with this number, and how many of it have lower numbers.
pub(crate) fn kind_of(number: usize) -> (&'static Kind, usize) {
    let mut place = number % round();
    for kind in KINDS {
        if place < kind.share {
            return (kind, number / round() * kind.share + place);
        }
        place -= kind.share;
    }
    unreachable!("a place in a round is below the sum of all shares")
}
