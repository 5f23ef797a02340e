// SPDX-License-Identifier: GPL-2.0

//! Answering keys (RFC 7143 6.2): the engine that the table of [`keys`](crate::keys) drives.
//!
//! This target never offers a value on its own. It answers, and it declares.

use core::fmt;

use crate::{
    keys::{
        Join,
        Key,
        Kind,
        Pick,
        Scope,
        KEYS, //
    },
    params::{
        Digest,
        DigestPolicy,
        Limits,
        Negotiated,
        SessionType, //
    },
    text::{
        self,
        Overflow,
        Pair,
        Pairs,
        TextError,
        TextWriter,
        IRRELEVANT,
        MAX_SIMPLE_VALUE_LEN,
        NOT_UNDERSTOOD,
        REJECT, //
    },
    types::Stage, //
};

/// Why a negotiation can't go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NegotiationError {
    /// The text is malformed.
    Text(TextError),
    /// A key was said before, in this or in an earlier text.
    Repeated(&'static str),
    /// A key has no place in this stage, or not on a further connection of a session.
    Misplaced(&'static str),
    /// A key that only targets declare.
    TargetOnly(&'static str),
    /// A declared value is none that can be.
    BadDeclaration(&'static str),
    /// The answers don't fit.
    Overflow,
}

impl From<TextError> for NegotiationError {
    fn from(error: TextError) -> Self {
        Self::Text(error)
    }
}

impl From<Overflow> for NegotiationError {
    fn from(Overflow: Overflow) -> Self {
        Self::Overflow
    }
}

impl fmt::Display for NegotiationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(TextError::MissingNul) => f.write_str("text does not end with NUL"),
            Self::Text(TextError::MissingEquals) => f.write_str("text without '='"),
            Self::Text(TextError::BadKey) => f.write_str("malformed key"),
            Self::Text(TextError::BadValue) => f.write_str("malformed value"),
            Self::Repeated(key) => write!(f, "{key} said twice"),
            Self::Misplaced(key) => write!(f, "{key} out of place"),
            Self::TargetOnly(key) => write!(f, "{key} from an initiator"),
            Self::BadDeclaration(key) => write!(f, "{key} has an impossible value"),
            Self::Overflow => f.write_str("too many keys"),
        }
    }
}

/// A key that somebody else has to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// One that says who wants to log in to what.
    Identity,
    /// One of the authentication.
    Security,
    /// SendTargets.
    SendTargets,
}

/// Which keys have been said: one bit for each in the table.
#[derive(Clone, Copy, Default)]
struct Said(u64);

const _: () = assert!(KEYS.len() <= 64);

impl Said {
    /// Adds a key, and tells whether it is new.
    fn add(&mut self, place: u32) -> bool {
        let bit = 1_u64.checked_shl(place).unwrap_or(0);
        let new = self.0 & bit == 0;
        self.0 |= bit;
        new
    }
}

/// A negotiation: of one login, or of one exchange of texts after it.
#[derive(Clone, Copy)]
pub struct Negotiation {
    limits: Limits,
    result: Negotiated,
    said: Said,
    leading: bool,
    declared: bool,
}

impl Negotiation {
    /// One of a login. `leading` says whether the connection is its session's first.
    pub fn login(limits: Limits, session_type: SessionType, leading: bool) -> Self {
        let mut result = Negotiated::default();
        result.session.session_type = session_type;
        Self {
            limits: limits.in_bounds(),
            result,
            said: Said::default(),
            leading,
            declared: false,
        }
    }

    /// One in full feature phase, which goes out from what holds now.
    pub fn full_feature(now: Negotiated) -> Self {
        Self {
            limits: Limits::default(),
            result: now,
            said: Said::default(),
            leading: false,
            declared: true,
        }
    }

    /// What it led to so far.
    pub fn result(&self) -> Negotiated {
        let mut result = self.result;
        let session = &mut result.session;
        // Said in different texts, or not said at all, they can contradict each other.
        session.first_burst_length = session.first_burst_length.min(session.max_burst_length);
        result
    }

    /// Whether the digests are as this target wants them: the initiator may have said nothing.
    pub fn has_wanted_digests(&self) -> bool {
        let connection = &self.result.connection;
        self.limits.header_digest.allows(connection.header_digest)
            && self.limits.data_digest.allows(connection.data_digest)
    }

    /// Declares what a target has to, once: the length of the data segments it takes.
    pub fn declare(&mut self, out: &mut TextWriter<'_>) -> Result<(), NegotiationError> {
        if !self.declared {
            let length = self.limits.max_recv_data_segment_length;
            out.pair("MaxRecvDataSegmentLength", length)?;
            self.result.connection.max_recv_data_segment_length = length;
            self.declared = true;
        }
        Ok(())
    }

    /// Answers a whole text. Keys that this negotiation can't answer go to `foreign`.
    pub fn answer<'t, E: From<NegotiationError>>(
        &mut self,
        stage: Stage,
        text: &'t [u8],
        out: &mut TextWriter<'_>,
        mut foreign: impl FnMut(Foreign, Pair<'t>, &mut TextWriter<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for late in [false, true] {
            for pair in Pairs::new(text) {
                let pair = pair.map_err(NegotiationError::from)?;
                if let Some(kind) = self.answer_pair(stage, pair, late, out)? {
                    foreign(kind, pair, out)?;
                }
            }
        }
        Ok(())
    }

    /// Answers one key, if it is one of those that are to be answered now.
    fn answer_pair(
        &mut self,
        stage: Stage,
        pair: Pair<'_>,
        late: bool,
        out: &mut TextWriter<'_>,
    ) -> Result<Option<Foreign>, NegotiationError> {
        let Some((place, key)) = Key::find(pair.key) else {
            if !late {
                out.pair(pair.key, NOT_UNDERSTOOD)?;
            }
            return Ok(None);
        };
        if key.late != late {
            return Ok(None);
        }
        if !self.said.add(place) {
            return Err(NegotiationError::Repeated(key.name));
        }
        // Those of the authentication have binary values, which have a limit of their own.
        let is_simple = !matches!(key.kind, Kind::Security);
        if is_simple && pair.value.len() > MAX_SIMPLE_VALUE_LEN {
            return Err(TextError::BadValue.into());
        }
        if self.is_misplaced(stage, key) {
            // After the login nothing is lost by going on.
            return match stage {
                Stage::FullFeature => Ok(out.pair(key.name, REJECT).map(|()| None)?),
                _ => Err(NegotiationError::Misplaced(key.name)),
            };
        }
        self.answer_key(key, pair.value, out)
    }

    fn is_misplaced(&self, stage: Stage, key: &Key) -> bool {
        let of_session = key.scope != Scope::Connection;
        !key.stages.has(stage) || (of_session && !self.leading)
    }

    fn answer_key(
        &mut self,
        key: &'static Key,
        value: &str,
        out: &mut TextWriter<'_>,
    ) -> Result<Option<Foreign>, NegotiationError> {
        let discovery = self.result.session.session_type == SessionType::Discovery;
        if discovery && key.scope == Scope::NormalSession {
            out.pair(key.name, IRRELEVANT)?;
            return Ok(None);
        }
        let result = &mut self.result;
        match key.kind {
            Kind::Number {
                min,
                max,
                pick,
                ours,
                field,
            } => {
                let mut ours = ours(&self.limits);
                if key.late {
                    ours = ours.min(result.session.max_burst_length);
                }
                let theirs = number_within(value, min, max);
                let agreed = theirs.map(|theirs| choose(pick, theirs, ours));
                store(agreed, field(result));
                answer_or_reject(key, agreed, out)?;
            }
            Kind::Boolean { join, ours, field } => {
                let ours = ours(&self.limits);
                let agreed = text::boolean(value).map(|theirs| combine(join, theirs, ours));
                store(agreed, field(result));
                answer_or_reject(key, agreed.map(text::yes_no), out)?;
            }
            Kind::Digest { policy, field } => {
                let agreed = choose_digest(value, policy(&self.limits));
                store(agreed, field(result));
                answer_or_reject(key, agreed.map(Digest::name), out)?;
            }
            Kind::OneOf(known) => {
                let agreed = text::list(value).find(|offered| *offered == known);
                answer_or_reject(key, agreed, out)?;
            }
            Kind::Declared { min, max, field } => {
                let declared = number_within(value, min, max);
                *field(result) = declared.ok_or(NegotiationError::BadDeclaration(key.name))?;
            }
            Kind::Always(answer) => out.pair(key.name, answer)?,
            Kind::Remark => {}
            Kind::Identity => return Ok(Some(Foreign::Identity)),
            Kind::Security => return Ok(Some(Foreign::Security)),
            Kind::SendTargets => return Ok(Some(Foreign::SendTargets)),
            Kind::TargetOnly => return Err(NegotiationError::TargetOnly(key.name)),
        }
        Ok(None)
    }
}

/// A value that was rejected leaves what held before.
fn store<T>(agreed: Option<T>, field: &mut T) {
    if let Some(agreed) = agreed {
        *field = agreed;
    }
}

fn answer_or_reject(
    key: &Key,
    agreed: Option<impl fmt::Display>,
    out: &mut TextWriter<'_>,
) -> Result<(), Overflow> {
    match agreed {
        Some(value) => out.pair(key.name, value),
        None => out.pair(key.name, REJECT),
    }
}

fn number_within(value: &str, min: u32, max: u32) -> Option<u32> {
    let number = u32::try_from(text::number(value)?).ok()?;
    (min..=max).contains(&number).then_some(number)
}

fn choose(pick: Pick, theirs: u32, ours: u32) -> u32 {
    match pick {
        Pick::Min => theirs.min(ours),
        Pick::Max => theirs.max(ours),
    }
}

fn combine(join: Join, theirs: bool, ours: bool) -> bool {
    match join {
        Join::And => theirs && ours,
        Join::Or => theirs || ours,
    }
}

/// The first digest in the initiator's list that is allowed.
fn choose_digest(value: &str, policy: DigestPolicy) -> Option<Digest> {
    let known = text::list(value).filter_map(|offered| match offered {
        "None" => Some(Digest::None),
        "CRC32C" => Some(Digest::Crc32c),
        _ => None,
    });
    known.into_iter().find(|digest| policy.allows(*digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::str;
    use std::{format, string::String, vec};

    fn leading() -> Negotiation {
        Negotiation::login(Limits::default(), SessionType::Normal, true)
    }

    /// Has a text, with `|` for NUL, answered.
    fn answer(
        negotiation: &mut Negotiation,
        stage: Stage,
        text: &str,
    ) -> Result<String, NegotiationError> {
        let mut buf = [0; 4096];
        let mut out = TextWriter::new(&mut buf);
        let text = text.replace('|', "\0");
        let foreign = |_, pair: Pair<'_>, out: &mut TextWriter<'_>| {
            Ok::<_, NegotiationError>(out.pair(pair.key, "(foreign)")?)
        };
        negotiation.answer(stage, text.as_bytes(), &mut out, foreign)?;
        let written = str::from_utf8(out.written()).unwrap();
        Ok(written.replace('\0', "|"))
    }

    fn operational(text: &str) -> Result<String, NegotiationError> {
        answer(&mut leading(), Stage::Operational, text)
    }

    #[test]
    fn each_key_has_its_answer() {
        let cases = [
            ("HeaderDigest=CRC32C,None|", "HeaderDigest=CRC32C|"),
            ("HeaderDigest=None,CRC32C|", "HeaderDigest=None|"),
            ("DataDigest=X-com.example,None|", "DataDigest=None|"),
            ("DataDigest=X-com.example|", "DataDigest=Reject|"),
            ("MaxConnections=8|", "MaxConnections=1|"),
            ("InitialR2T=No|", "InitialR2T=No|"),
            ("InitialR2T=Yes|", "InitialR2T=Yes|"),
            ("ImmediateData=Yes|", "ImmediateData=Yes|"),
            ("ImmediateData=No|", "ImmediateData=No|"),
            ("ImmediateData=yes|", "ImmediateData=Reject|"),
            ("MaxRecvDataSegmentLength=512|", ""),
            ("MaxBurstLength=16776192|", "MaxBurstLength=1048576|"),
            ("MaxBurstLength=0x200|", "MaxBurstLength=512|"),
            ("MaxBurstLength=511|", "MaxBurstLength=Reject|"),
            ("MaxBurstLength=16777216|", "MaxBurstLength=Reject|"),
            ("MaxBurstLength=4294967808|", "MaxBurstLength=Reject|"),
            ("DefaultTime2Wait=0|", "DefaultTime2Wait=2|"),
            ("DefaultTime2Wait=3600|", "DefaultTime2Wait=3600|"),
            ("DefaultTime2Wait=3601|", "DefaultTime2Wait=Reject|"),
            ("DefaultTime2Retain=0|", "DefaultTime2Retain=0|"),
            ("DefaultTime2Retain=60|", "DefaultTime2Retain=20|"),
            ("MaxOutstandingR2T=65535|", "MaxOutstandingR2T=16|"),
            ("MaxOutstandingR2T=0|", "MaxOutstandingR2T=Reject|"),
            ("DataPDUInOrder=No|", "DataPDUInOrder=Yes|"),
            ("DataSequenceInOrder=No|", "DataSequenceInOrder=Yes|"),
            ("ErrorRecoveryLevel=2|", "ErrorRecoveryLevel=0|"),
            ("ErrorRecoveryLevel=3|", "ErrorRecoveryLevel=Reject|"),
            ("TaskReporting=FastAbort,RFC3720|", "TaskReporting=RFC3720|"),
            ("TaskReporting=FastAbort|", "TaskReporting=Reject|"),
            ("iSCSIProtocolLevel=0|", "iSCSIProtocolLevel=0|"),
            ("iSCSIProtocolLevel=1|", "iSCSIProtocolLevel=1|"),
            ("iSCSIProtocolLevel=2|", "iSCSIProtocolLevel=2|"),
            ("iSCSIProtocolLevel=31|", "iSCSIProtocolLevel=2|"),
            ("iSCSIProtocolLevel=32|", "iSCSIProtocolLevel=Reject|"),
            ("IFMarker=No|", "IFMarker=No|"),
            ("OFMarker=Yes|", "OFMarker=No|"),
            ("IFMarkInt=2048~8192|", "IFMarkInt=Reject|"),
            ("OFMarkInt=2048|", "OFMarkInt=Reject|"),
            ("InitiatorAlias=host|", ""),
            (
                "X-com.example.key=value|",
                "X-com.example.key=NotUnderstood|",
            ),
            ("Bogus=|", "Bogus=NotUnderstood|"),
        ];
        for (text, expected) in cases {
            assert_eq!(operational(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn a_target_has_its_say() {
        let limits = Limits {
            initial_r2t: true,
            immediate_data: false,
            header_digest: DigestPolicy::Refused,
            data_digest: DigestPolicy::Refused,
            default_time2wait: 9,
            max_connections: 4,
            error_recovery_level: 2,
            ..Limits::default()
        };
        let cases = [
            ("InitialR2T=No|", "InitialR2T=Yes|"),
            ("ImmediateData=Yes|", "ImmediateData=No|"),
            ("HeaderDigest=CRC32C,None|", "HeaderDigest=None|"),
            ("DataDigest=CRC32C|", "DataDigest=Reject|"),
            ("DefaultTime2Wait=0|", "DefaultTime2Wait=9|"),
            ("MaxConnections=65535|", "MaxConnections=4|"),
            ("ErrorRecoveryLevel=1|", "ErrorRecoveryLevel=1|"),
        ];
        for (text, expected) in cases {
            let mut negotiation = Negotiation::login(limits, SessionType::Normal, true);
            let answer = answer(&mut negotiation, Stage::Operational, text);
            assert_eq!(answer.as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn limits_are_moved_into_bounds() {
        let limits = Limits {
            max_connections: 0,
            max_recv_data_segment_length: 1,
            max_burst_length: u32::MAX,
            first_burst_length: u32::MAX,
            default_time2wait: 9999,
            default_time2retain: 9999,
            max_outstanding_r2t: 0,
            error_recovery_level: 7,
            ..Limits::default()
        };
        let expected = Limits {
            max_connections: 1,
            max_recv_data_segment_length: 512,
            max_burst_length: 16_777_215,
            first_burst_length: 16_777_215,
            default_time2wait: 3600,
            default_time2retain: 3600,
            max_outstanding_r2t: 1,
            error_recovery_level: 2,
            ..Limits::default()
        };
        assert_eq!(limits.in_bounds(), expected);
    }

    #[test]
    fn results_are_kept() {
        let mut negotiation = leading();
        let text = "HeaderDigest=CRC32C|DataDigest=None|InitialR2T=No|ImmediateData=No|\
            MaxRecvDataSegmentLength=131072|MaxBurstLength=65536|FirstBurstLength=8192|\
            DefaultTime2Wait=5|DefaultTime2Retain=10|MaxOutstandingR2T=4|ErrorRecoveryLevel=1|";
        answer(&mut negotiation, Stage::Operational, text).unwrap();
        let Negotiated {
            session,
            connection,
        } = negotiation.result();
        assert_eq!(connection.header_digest, Digest::Crc32c);
        assert_eq!(connection.data_digest, Digest::None);
        assert_eq!(connection.max_send_data_segment_length, 131_072);
        assert_eq!(
            connection.max_recv_data_segment_length, 8192,
            "not declared"
        );
        assert!(!session.initial_r2t && !session.immediate_data);
        assert_eq!(
            (session.max_burst_length, session.first_burst_length),
            (65536, 8192)
        );
        assert_eq!(
            (session.default_time2wait, session.default_time2retain),
            (5, 10)
        );
        assert_eq!(
            (session.max_outstanding_r2t, session.error_recovery_level),
            (4, 0)
        );
    }

    #[test]
    fn silence_means_defaults() {
        assert_eq!(leading().result(), Negotiated::default());
    }

    #[test]
    fn rejected_values_leave_the_defaults() {
        let mut negotiation = leading();
        let text = "MaxBurstLength=1|ImmediateData=maybe|HeaderDigest=MD5|";
        answer(&mut negotiation, Stage::Operational, text).unwrap();
        assert_eq!(negotiation.result(), Negotiated::default());
    }

    #[test]
    fn the_first_burst_is_not_longer_than_others() {
        // Whatever the order, what the answers say is consistent.
        let bursts = ["FirstBurstLength=65536|", "MaxBurstLength=4096|"];
        for text in [bursts.concat(), format!("{}{}", bursts[1], bursts[0])] {
            let answer = operational(&text).unwrap();
            assert_eq!(answer, "MaxBurstLength=4096|FirstBurstLength=4096|");
        }
        // In different texts, or when one is left unsaid, the result still is.
        let mut negotiation = leading();
        for text in bursts {
            answer(&mut negotiation, Stage::Operational, text).unwrap();
        }
        assert_eq!(negotiation.result().session.first_burst_length, 4096);
        let mut negotiation = leading();
        answer(&mut negotiation, Stage::Operational, bursts[1]).unwrap();
        assert_eq!(negotiation.result().session.first_burst_length, 4096);
    }

    #[test]
    fn nothing_is_said_twice() {
        let error = NegotiationError::Repeated("ImmediateData");
        let twice = "ImmediateData=Yes|ImmediateData=Yes|";
        assert_eq!(operational(twice), Err(error));
        let mut negotiation = leading();
        answer(&mut negotiation, Stage::Operational, "ImmediateData=Yes|").unwrap();
        let again = answer(&mut negotiation, Stage::Operational, "ImmediateData=No|");
        assert_eq!(again, Err(error));
        let late = "FirstBurstLength=512|FirstBurstLength=512|";
        let error = NegotiationError::Repeated("FirstBurstLength");
        assert_eq!(operational(late), Err(error));
    }

    #[test]
    fn everything_has_its_place() {
        let security = |text| answer(&mut leading(), Stage::Security, text);
        let misplaced = |key| Err(NegotiationError::Misplaced(key));
        assert_eq!(security("MaxBurstLength=512|"), misplaced("MaxBurstLength"));
        assert_eq!(
            security("AuthMethod=None|").unwrap(),
            "AuthMethod=(foreign)|"
        );
        assert_eq!(operational("AuthMethod=None|"), misplaced("AuthMethod"));
        assert_eq!(operational("SendTargets=All|"), misplaced("SendTargets"));
        let error = NegotiationError::TargetOnly("TargetAlias");
        assert_eq!(operational("TargetAlias=x|"), Err(error));
        let error = NegotiationError::BadDeclaration("MaxRecvDataSegmentLength");
        assert_eq!(operational("MaxRecvDataSegmentLength=511|"), Err(error));
    }

    #[test]
    fn a_target_that_wants_digests_has_them_or_nothing() {
        let limits = Limits {
            header_digest: DigestPolicy::Required,
            ..Limits::default()
        };
        for (text, expected, wanted) in [
            ("HeaderDigest=None,CRC32C|", "HeaderDigest=CRC32C|", true),
            ("HeaderDigest=None|", "HeaderDigest=Reject|", false),
            ("DataDigest=None|", "DataDigest=None|", false),
        ] {
            let mut negotiation = Negotiation::login(limits, SessionType::Normal, true);
            let answer = answer(&mut negotiation, Stage::Operational, text);
            assert_eq!(answer.as_deref(), Ok(expected));
            assert_eq!(negotiation.has_wanted_digests(), wanted, "{text}");
        }
    }

    #[test]
    fn a_further_connection_leaves_its_session_alone() {
        let mut further = Negotiation::login(Limits::default(), SessionType::Normal, false);
        let digest = answer(&mut further, Stage::Operational, "HeaderDigest=CRC32C|");
        assert_eq!(digest.unwrap(), "HeaderDigest=CRC32C|");
        let error = NegotiationError::Misplaced("MaxBurstLength");
        let burst = answer(&mut further, Stage::Operational, "MaxBurstLength=512|");
        assert_eq!(burst, Err(error));
    }

    #[test]
    fn discovery_sessions_have_no_bursts() {
        let mut discovery = Negotiation::login(Limits::default(), SessionType::Discovery, true);
        let text = "MaxBurstLength=512|DefaultTime2Wait=2|HeaderDigest=None|FirstBurstLength=512|";
        assert_eq!(
            answer(&mut discovery, Stage::Operational, text).unwrap(),
            "MaxBurstLength=Irrelevant|DefaultTime2Wait=2|HeaderDigest=None|\
            FirstBurstLength=Irrelevant|"
        );
    }

    #[test]
    fn after_the_login_little_can_change() {
        let mut later = Negotiation::full_feature(Negotiated::default());
        let text = "MaxRecvDataSegmentLength=65536|MaxBurstLength=512|InitiatorName=iqn.a|\
            SendTargets=All|X-a=b|";
        assert_eq!(
            answer(&mut later, Stage::FullFeature, text).unwrap(),
            "MaxBurstLength=Reject|InitiatorName=Reject|SendTargets=(foreign)|X-a=NotUnderstood|"
        );
        let mut expected = Negotiated::default();
        expected.connection.max_send_data_segment_length = 65536;
        assert_eq!(later.result(), expected);
    }

    #[test]
    fn values_of_known_keys_are_not_longer_than_255() {
        let alias = |len: usize| operational(&format!("InitiatorAlias={}|", "a".repeat(len)));
        assert!(alias(MAX_SIMPLE_VALUE_LEN).is_ok());
        let error = NegotiationError::Text(TextError::BadValue);
        assert_eq!(alias(MAX_SIMPLE_VALUE_LEN + 1), Err(error));
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes minutes")]
    fn more_answers_than_room_is_an_error() {
        // The 2048 unknown keys that once were 32 KiB of answers in 8 KiB of memory.
        let text: String = (0..2048).map(|key| format!("K{key}=|")).collect();
        assert_eq!(operational(&text), Err(NegotiationError::Overflow));
        let mut large = vec![0; 64 << 10];
        let mut out = TextWriter::new(&mut large);
        let text = text.replace('|', "\0");
        let all = leading().answer(Stage::Operational, text.as_bytes(), &mut out, |_, _, _| {
            Ok::<_, NegotiationError>(())
        });
        assert_eq!(all, Ok(()));
    }

    #[test]
    fn declares_once() {
        let mut buf = [0; 64];
        let mut out = TextWriter::new(&mut buf);
        let mut negotiation = leading();
        negotiation.declare(&mut out).unwrap();
        negotiation.declare(&mut out).unwrap();
        assert_eq!(out.written(), b"MaxRecvDataSegmentLength=262144\0");
        let connection = negotiation.result().connection;
        assert_eq!(connection.max_recv_data_segment_length, 262_144);
    }
}
