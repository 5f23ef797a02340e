// SPDX-License-Identifier: GPL-2.0

//! What an administrator sets: for a target, for all of them by default, for initiators.
//!
//! Settings are replaced as a whole when one changes. A login uses those of its beginning.

use core::fmt::{self, Write};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};
use stmf_iscsi_proto::{
    address::TargetAddress,
    login::chap::{Algorithm, Puzzle},
    params::{DigestPolicy, Limits},
    response::LoginStatus, //
};
use stmf_kernel::crypto::{self, Secret};
use stmf_uapi::iscsi::{self as uapi, AuthMethod, Redirection, Target as T};

/// A name and a secret to prove it by.
#[derive(Clone, Default)]
pub(crate) struct Credentials {
    /// Instead of the iSCSI name.
    user: Option<Arc<CString>>,
    pub(crate) secret: Option<Arc<Secret>>,
}

impl Credentials {
    /// The name to use, if it isn't the iSCSI name.
    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_ref()?.to_str().ok()
    }

    /// Sets the name; an empty one is none.
    pub(crate) fn set_user(&mut self, user: &str) -> Result {
        self.user = match user {
            "" => None,
            user => Some(Arc::new(
                CString::try_from_fmt(fmt!("{}", user))?,
                GFP_KERNEL,
            )?),
        };
        Ok(())
    }

    /// Sets the secret; an empty one is none.
    pub(crate) fn set_secret(&mut self, secret: &str) -> Result {
        self.secret = match secret.as_bytes() {
            [] => None,
            bytes => Some(Arc::new(Secret::new(bytes)?, GFP_KERNEL)?),
        };
        Ok(())
    }

    /// Whether another has the same secret. Had a target that of an initiator, then others could have it answer
    /// for them what they are asked as that initiator (RFC 7143 9.2.1).
    pub(crate) fn shares_secret_with(&self, other: &Self) -> bool {
        match (&self.secret, &other.secret) {
            (Some(ours), Some(theirs)) => crypto::equal(ours, theirs),
            _ => false,
        }
    }

    /// The right response; `None` without a secret. Gives how long it is.
    pub(crate) fn solve(&self, puzzle: &Puzzle<'_>, out: &mut [u8]) -> Option<()> {
        let parts = [&[puzzle.id][..], self.secret.as_ref()?, puzzle.challenge];
        match puzzle.algorithm {
            Algorithm::Md5 => fill(out, &crypto::md5(parts)),
            Algorithm::Sha1 => fill(out, &crypto::sha1(parts)),
            Algorithm::Sha256 => fill(out, &crypto::sha256(parts)),
            Algorithm::Sha3_256 => fill(out, &crypto::sha3_256(parts)),
        }
    }
}

fn fill(out: &mut [u8], digest: &[u8]) -> Option<()> {
    if out.len() != digest.len() {
        return None;
    }
    out.copy_from_slice(digest);
    Some(())
}

/// What holds for a target, or by default for all.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) auth: AuthMethod,
    /// By which the target proves who it is.
    pub(crate) credentials: Credentials,
    limits: [Option<u32>; uapi::LIMITS],
}

impl Settings {
    /// Nothing is set.
    pub(crate) fn new() -> Self {
        Self {
            auth: AuthMethod::Default,
            credentials: Credentials::default(),
            limits: [None; uapi::LIMITS],
        }
    }

    /// The limits that are set, by their attributes.
    pub(crate) fn limits(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        let all = (uapi::FIRST_LIMIT..).zip(&self.limits);
        all.filter_map(|(attribute, value)| Some((attribute, (*value)?)))
    }

    /// Sets a limit, or unsets it.
    pub(crate) fn set_limit(&mut self, place: usize, value: Option<u32>) {
        if let Some(limit) = self.limits.get_mut(place) {
            *limit = value;
        }
    }

    /// Puts the limits that are set in place of others.
    pub(crate) fn apply(&self, limits: &mut Limits) {
        for (attribute, value) in self.limits() {
            match T::try_from(attribute) {
                Ok(T::MaxConnections) => limits.max_connections = value,
                Ok(T::InitialR2t) => limits.initial_r2t = value != 0,
                Ok(T::ImmediateData) => limits.immediate_data = value != 0,
                Ok(T::MaxRecvDataSegmentLength) => limits.max_recv_data_segment_length = value,
                Ok(T::MaxBurstLength) => limits.max_burst_length = value,
                Ok(T::FirstBurstLength) => limits.first_burst_length = value,
                Ok(T::MaxOutstandingR2t) => limits.max_outstanding_r2t = value,
                Ok(T::DefaultTime2wait) => limits.default_time2wait = value,
                Ok(T::HeaderDigest) => limits.header_digest = policy(value),
                Ok(T::DataDigest) => limits.data_digest = policy(value),
                _ => {}
            }
        }
    }

    /// Seconds of silence after which an initiator is asked whether it is there, if that is set.
    pub(crate) fn nop_in_interval(&self) -> Option<u32> {
        let attribute = T::NopInInterval as u16;
        let mut limits = self.limits();
        limits.find_map(|(set, value)| (set == attribute).then_some(value))
    }
}

/// Where initiators are sent that log in to a target.
#[derive(Clone)]
pub(crate) struct Redirect {
    address: Arc<CString>,
    group_tag: Option<u16>,
    pub(crate) redirection: Redirection,
}

impl Redirect {
    /// `None` when `address` is not one that TargetAddress may have.
    pub(crate) fn new(address: &str, redirection: Redirection) -> Result<Option<Self>> {
        let Some(TargetAddress { group_tag }) = TargetAddress::parse(address) else {
            return Ok(None);
        };
        let address = CString::try_from_fmt(fmt!("{}", address))?;
        Ok(Some(Self {
            address: Arc::new(address, GFP_KERNEL)?,
            group_tag,
            redirection,
        }))
    }

    /// Whether it is about logins that come in by a portal group: not by the one that it leads to.
    pub(crate) fn concerns(&self, tag: u16) -> bool {
        self.group_tag != Some(tag)
    }

    /// As TargetAddress has it.
    pub(crate) fn address(&self) -> &str {
        self.address.to_str().unwrap_or("")
    }

    /// What a login is told.
    pub(crate) fn status(&self) -> LoginStatus {
        match self.redirection {
            Redirection::Temporary => LoginStatus::MovedTemporarily,
            Redirection::Permanent => LoginStatus::MovedPermanently,
        }
    }
}

fn policy(value: u32) -> DigestPolicy {
    match uapi::DigestPolicy::try_from(value) {
        Ok(uapi::DigestPolicy::None) => DigestPolicy::Refused,
        Ok(uapi::DigestPolicy::Required) => DigestPolicy::Required,
        _ => DigestPolicy::Allowed,
    }
}

/// Tags of portal groups, in order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Groups {
    tags: [u16; Self::MAX],
    count: usize,
}

impl Groups {
    /// The most of a target.
    const MAX: usize = 16;

    /// The one that targets are in unless they are told otherwise.
    pub(crate) const DEFAULT: Self = {
        let mut tags = [0; Self::MAX];
        tags[0] = uapi::DEFAULT_TPGT;
        Self { tags, count: 1 }
    };

    /// Reads decimal numbers, separated by commas.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut groups = Self {
            tags: [0; Self::MAX],
            count: 0,
        };
        for tag in text.split(',') {
            let tag = tag.parse().ok().filter(|tag| *tag > 0)?;
            if groups.contains(tag) {
                return None;
            }
            *groups.tags.get_mut(groups.count)? = tag;
            groups.count = groups.count.saturating_add(1);
        }
        Some(groups)
    }

    pub(crate) fn tags(&self) -> &[u16] {
        self.tags.get(..self.count).unwrap_or(&[])
    }

    /// The first of them.
    pub(crate) fn first(&self) -> u16 {
        self.tags().first().copied().unwrap_or(uapi::DEFAULT_TPGT)
    }

    pub(crate) fn contains(&self, tag: u16) -> bool {
        self.tags().contains(&tag)
    }

    /// Without one of them; the default one when none is left.
    pub(crate) fn without(&self, tag: u16) -> Self {
        let mut left = Self {
            tags: [0; Self::MAX],
            count: 0,
        };
        for kept in self.tags().iter().filter(|kept| **kept != tag) {
            if let Some(place) = left.tags.get_mut(left.count) {
                *place = *kept;
                left.count = left.count.saturating_add(1);
            }
        }
        match left.count {
            0 => Self::DEFAULT,
            _ => left,
        }
    }
}

impl fmt::Display for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, tag) in self.tags().iter().enumerate() {
            write!(f, "{}{tag}", if place > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// Text of limited length, made piece by piece.
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> Text<N> {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or(&[]);
        core::str::from_utf8(bytes).unwrap_or("")
    }
}

/// A piece that does not fit is left out whole.
impl<const N: usize> Write for Text<N> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        let end = self.len.checked_add(piece.len()).ok_or(fmt::Error)?;
        let room = self.bytes.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(piece.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// An initiator that is known.
#[derive(Clone)]
pub(crate) struct Initiator {
    pub(crate) name: crate::provider::Name,
    pub(crate) credentials: Credentials,
}
