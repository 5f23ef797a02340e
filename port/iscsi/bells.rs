// SPDX-License-Identifier: GPL-2.0

//! What the doorbell of a connection's thread rings for, besides what its [`Stream`] has to say.

use stmf_kernel::net::Stream;

/// A command is finished.
pub(crate) const FINISHED: u32 = 1 << 8;
/// A task management function is.
pub(crate) const MANAGED: u32 = 1 << 9;
/// The connection shall end at once.
pub(crate) const STOP: u32 = 1 << 10;
/// The initiator shall be asked to log out.
pub(crate) const LEAVE: u32 = 1 << 11;
/// There are other logical units than before.
pub(crate) const INVENTORY: u32 = 1 << 12;
/// Commands of the nexus were given up.
pub(crate) const GIVEN_UP: u32 = 1 << 13;
/// Another connection waits for the answers of this one to arrive.
pub(crate) const FENCE: u32 = 1 << 14;
/// The turn of a request that the connection keeps has come.
pub(crate) const TURN: u32 = 1 << 15;

// Two with the same bit would be taken for each other.
const _: () = assert!(are_disjoint(&[
    Stream::READABLE,
    Stream::WRITABLE,
    Stream::CLOSED,
    FINISHED,
    MANAGED,
    STOP,
    LEAVE,
    INVENTORY,
    GIVEN_UP,
    FENCE,
    TURN,
]));

const fn are_disjoint(mut bells: &[u32]) -> bool {
    let mut all = 0;
    while let [bell, others @ ..] = bells {
        if *bell == 0 || all & *bell != 0 {
            return false;
        }
        all |= *bell;
        bells = others;
    }
    true
}
