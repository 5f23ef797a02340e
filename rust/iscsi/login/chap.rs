// SPDX-License-Identifier: GPL-2.0

//! CHAP (RFC 7143 12.1.3, RFC 1994): proving to know a secret without telling it.
//!
//! Here is what is said; the secrets, and so the digests, are the
//! [`Authenticator`]'s.

use super::Refusal;
use crate::{
    response::LoginStatus,
    text::{
        self,
        Hex,
        Pair,
        TextWriter, //
    },
};

/// The longest response.
pub const MAX_RESPONSE_LEN: usize = 32;

/// The longest challenge that is answered (RFC 7143 12.1.3).
pub const MAX_CHALLENGE_LEN: usize = 1024;

/// A digest, by its number in the IANA registry "PPP Authentication Algorithms".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Algorithm {
    /// MD5, the only one of RFC 1994.
    Md5 = 5,
    /// SHA-1.
    Sha1 = 6,
    /// SHA-256.
    Sha256 = 7,
    /// SHA3-256.
    Sha3_256 = 8,
}

impl Algorithm {
    /// The one with this number.
    pub const fn from_code(code: u64) -> Option<Self> {
        Some(match code {
            5 => Self::Md5,
            6 => Self::Sha1,
            7 => Self::Sha256,
            8 => Self::Sha3_256,
            _ => return None,
        })
    }

    /// Length of its digests, and so of responses; our challenges are as long.
    pub const fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 | Self::Sha3_256 => 32,
        }
    }

    /// Never: every digest has a length.
    pub const fn is_empty(self) -> bool {
        false
    }

    /// The first known one of a list, most wanted first.
    fn choose(list: &str) -> Option<Self> {
        text::list(list).find_map(|offered| Self::from_code(text::number(offered)?))
    }
}

/// What is to be answered by the digest of the identifier, the secret and the challenge.
#[derive(Clone, Copy, Debug)]
pub struct Puzzle<'a> {
    /// The digest.
    pub algorithm: Algorithm,
    /// The identifier, CHAP_I.
    pub id: u8,
    /// The challenge, CHAP_C.
    pub challenge: &'a [u8],
}

/// Who knows the secrets.
pub trait Authenticator {
    /// Fills `out` with bytes that nobody can foresee.
    fn random(&mut self, out: &mut [u8]);

    /// Whether `name` is the name to be used by the initiator that logs in, and `response` shows
    /// that it knows its secret. Has to take as long for a wrong response as for the right one.
    fn verify(&mut self, name: &str, puzzle: &Puzzle<'_>, response: &[u8]) -> bool;

    /// Shows the initiator that this is the target: writes the response to its puzzle, as long as
    /// the algorithm's digests, and gives the name to be used with it. `None` if there is no
    /// secret for this, or it is that of an initiator.
    fn prove(&mut self, puzzle: &Puzzle<'_>, out: &mut [u8]) -> Option<&str>;
}

/// The keys of one text.
#[derive(Default)]
pub(super) struct Said<'t> {
    algorithms: Option<&'t str>,
    id: Option<&'t str>,
    challenge: Option<&'t str>,
    name: Option<&'t str>,
    response: Option<&'t str>,
}

impl<'t> Said<'t> {
    /// Takes note of a key.
    pub(super) fn take(&mut self, pair: Pair<'t>) {
        let field = match pair.key {
            "CHAP_A" => &mut self.algorithms,
            "CHAP_I" => &mut self.id,
            "CHAP_C" => &mut self.challenge,
            "CHAP_N" => &mut self.name,
            "CHAP_R" => &mut self.response,
            _ => return,
        };
        *field = Some(pair.value);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.algorithms.is_none() && self.is_without_proof() && self.is_without_challenge()
    }

    const fn is_without_proof(&self) -> bool {
        self.name.is_none() && self.response.is_none()
    }

    const fn is_without_challenge(&self) -> bool {
        self.id.is_none() && self.challenge.is_none()
    }
}

/// How far the proof has come.
#[derive(Clone, Copy)]
pub(super) enum Chap {
    /// The initiator is to name its algorithms.
    Agreed,
    /// It was challenged.
    Challenged(Challenge),
}

/// Our challenge.
#[derive(Clone, Copy)]
pub(super) struct Challenge {
    algorithm: Algorithm,
    id: u8,
    bytes: [u8; MAX_RESPONSE_LEN],
}

impl Challenge {
    fn puzzle(&self) -> Puzzle<'_> {
        Puzzle {
            algorithm: self.algorithm,
            id: self.id,
            challenge: self.bytes.get(..self.algorithm.len()).unwrap_or(&[]),
        }
    }
}

const fn failure(why: &'static str) -> Refusal {
    Refusal::new(LoginStatus::AuthenticationFailure, why)
}

impl Chap {
    /// Goes on with what was said, if anything; gives whether the proof is complete.
    pub(super) fn step(
        &mut self,
        said: &Said<'_>,
        keeper: &mut impl Authenticator,
        out: &mut TextWriter<'_>,
    ) -> Result<bool, Refusal> {
        if said.is_empty() {
            return Ok(false);
        }
        match (&*self, said.algorithms) {
            (Self::Agreed, Some(list))
                if said.is_without_proof() && said.is_without_challenge() =>
            {
                let algorithm = Algorithm::choose(list);
                let algorithm = algorithm.ok_or(failure("no common CHAP algorithm"))?;
                *self = Self::Challenged(challenge(algorithm, keeper, out)?);
                Ok(false)
            }
            (Self::Challenged(challenge), None) => {
                verify(challenge, said, keeper)?;
                prove(challenge, said, keeper, out)?;
                Ok(true)
            }
            _ => Err(failure("CHAP keys out of order")),
        }
    }
}

/// Makes a challenge and says it.
fn challenge(
    algorithm: Algorithm,
    keeper: &mut impl Authenticator,
    out: &mut TextWriter<'_>,
) -> Result<Challenge, Refusal> {
    let (mut id, mut bytes) = ([0], [0; MAX_RESPONSE_LEN]);
    keeper.random(&mut id);
    keeper.random(&mut bytes);
    let [id] = id;
    let challenge = Challenge {
        algorithm,
        id,
        bytes,
    };
    out.pair("CHAP_A", algorithm as u8)?;
    out.pair("CHAP_I", id)?;
    out.pair("CHAP_C", Hex(challenge.puzzle().challenge))?;
    Ok(challenge)
}

/// Checks the initiator's proof.
fn verify(
    challenge: &Challenge,
    said: &Said<'_>,
    keeper: &mut impl Authenticator,
) -> Result<(), Refusal> {
    let (Some(name), Some(response)) = (said.name, said.response) else {
        return Err(failure("CHAP_N or CHAP_R is missing"));
    };
    let mut bytes = [0; MAX_RESPONSE_LEN];
    let response = text::binary(response, &mut bytes);
    let response = response.filter(|response| response.len() == challenge.algorithm.len());
    let response = response.ok_or(failure("malformed CHAP_R"))?;
    if !keeper.verify(name, &challenge.puzzle(), response) {
        return Err(failure("wrong CHAP name or secret"));
    }
    Ok(())
}

/// Proves who we are, if the initiator wants that.
fn prove(
    ours: &Challenge,
    said: &Said<'_>,
    keeper: &mut impl Authenticator,
    out: &mut TextWriter<'_>,
) -> Result<(), Refusal> {
    if said.is_without_challenge() {
        return Ok(());
    }
    let (Some(id), Some(challenge)) = (said.id, said.challenge) else {
        return Err(failure("CHAP_I or CHAP_C is missing"));
    };
    let id = text::number(id).and_then(|id| u8::try_from(id).ok());
    let mut bytes = [0; MAX_CHALLENGE_LEN];
    let challenge = text::binary(challenge, &mut bytes);
    let challenge = challenge.filter(|challenge| !challenge.is_empty());
    let puzzle = Puzzle {
        algorithm: ours.algorithm,
        id: id.ok_or(failure("malformed CHAP_I"))?,
        challenge: challenge.ok_or(failure("malformed CHAP_C"))?,
    };
    // Who gets our own challenge answered by us need not know a secret (RFC 7143 9.2.1).
    if puzzle.challenge == ours.puzzle().challenge {
        return Err(failure("our own CHAP challenge came back"));
    }
    let mut response = [0; MAX_RESPONSE_LEN];
    let room = response.get_mut(..puzzle.algorithm.len());
    let name = keeper.prove(&puzzle, room.unwrap_or(&mut []));
    let name = name.ok_or(failure("no CHAP secret to prove the target by"))?;
    out.pair("CHAP_N", name)?;
    let response = response.get(..puzzle.algorithm.len()).unwrap_or(&[]);
    Ok(out.pair("CHAP_R", Hex(response))?)
}
