// SPDX-License-Identifier: GPL-2.0

//! The security stage of a login (RFC 7143 7.3, 12.1): agreeing on how initiators prove who they
//! are.
//!
//! A method that takes steps of its own is a state more in [`Security`]: [`Security::offer`] leads
//! to it, and in it the method's keys come here until it is satisfied.

use super::Refusal;
use crate::{
    response::LoginStatus,
    text::{
        self,
        Pair,
        TextWriter,
        REJECT, //
    },
};

/// How far the proof has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Security {
    /// There is nothing to prove.
    Satisfied,
}

impl Security {
    /// The start of a login to something that is open to everyone.
    pub(super) const fn open() -> Self {
        Self::Satisfied
    }

    /// Whether the login may leave the security stage, or do without it.
    pub(super) const fn is_satisfied(self) -> bool {
        matches!(self, Self::Satisfied)
    }

    /// Answers an offer of methods, most wanted first.
    pub(super) fn offer(
        &mut self,
        pair: Pair<'_>,
        out: &mut TextWriter<'_>,
    ) -> Result<(), Refusal> {
        if text::list(pair.value).any(|method| method == "None") {
            return Ok(out.pair(pair.key, "None")?);
        }
        out.pair(pair.key, REJECT)?;
        Err(Refusal::new(
            LoginStatus::AuthenticationFailure,
            "no common authentication method",
        ))
    }
}
