// SPDX-License-Identifier: GPL-2.0

//! The security stage of a login (RFC 7143 7.3, 12.1): agreeing on how initiators prove who they
//! are.

use super::{
    chap::{Authenticator, Chap, Said},
    Refusal, //
};
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
#[derive(Clone, Copy)]
pub(super) enum Security {
    /// There is nothing to prove, but it may be.
    Open,
    /// There is something to prove, and no method yet.
    Closed,
    /// A method is agreed on.
    Proving(Chap),
    /// All is proved.
    Proved,
}

impl Security {
    /// The start of a login that takes a proof, or doesn't.
    pub(super) const fn new(is_required: bool) -> Self {
        if is_required {
            Self::Closed
        } else {
            Self::Open
        }
    }

    /// Whether the login may leave the security stage, or do without it.
    pub(super) const fn is_satisfied(&self) -> bool {
        matches!(self, Self::Open | Self::Proved)
    }

    /// Answers an offer of methods, most wanted first.
    pub(super) fn offer(
        &mut self,
        pair: Pair<'_>,
        out: &mut TextWriter<'_>,
    ) -> Result<(), Refusal> {
        let offers = |wanted| text::list(pair.value).any(|method| method == wanted);
        if self.is_satisfied() && offers("None") {
            return Ok(out.pair(pair.key, "None")?);
        }
        if offers("CHAP") {
            *self = Self::Proving(Chap::Agreed);
            return Ok(out.pair(pair.key, "CHAP")?);
        }
        out.pair(pair.key, REJECT)?;
        Err(Refusal::new(
            LoginStatus::AuthenticationFailure,
            "no common authentication method",
        ))
    }

    /// Goes on with the proof.
    pub(super) fn step(
        &mut self,
        said: &Said<'_>,
        keeper: &mut impl Authenticator,
        out: &mut TextWriter<'_>,
    ) -> Result<(), Refusal> {
        match self {
            Self::Proving(chap) => {
                if chap.step(said, keeper, out)? {
                    *self = Self::Proved;
                }
                Ok(())
            }
            _ if said.is_empty() => Ok(()),
            _ => Err(Refusal::initiator_error("CHAP that was not agreed on")),
        }
    }
}
