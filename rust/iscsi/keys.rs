// SPDX-License-Identifier: GPL-2.0

//! The table of every key an initiator can send (RFC 7143 13, RFC 7144 3).

use crate::{
    params::{
        Digest,
        DigestPolicy,
        Limits,
        Negotiated,
        SessionParams,
        MAX_LENGTH,
        MIN_LENGTH, //
    },
    text::REJECT,
    types::Stage, //
};

/// A set of the stages in which a key may be sent.
#[derive(Clone, Copy)]
pub struct Stages(u8);

impl Stages {
    const SECURITY: Self = Self(1);
    const OPERATIONAL: Self = Self(2);
    const FULL_FEATURE: Self = Self(4);
    const LOGIN: Self = Self(1 | 2);
    const NEGOTIATION: Self = Self(2 | 4);
    const ALL: Self = Self(1 | 2 | 4);

    /// Whether `stage` is among them.
    pub const fn has(self, stage: Stage) -> bool {
        let stage = match stage {
            Stage::Security => Self::SECURITY,
            Stage::Operational => Self::OPERATIONAL,
            Stage::FullFeature => Self::FULL_FEATURE,
        };
        self.0 & stage.0 != 0
    }
}

/// How far a key's result reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// The session. Only its first connection negotiates it ("LO" in the RFC).
    Session,
    /// As [`Scope::Session`], and without a meaning in a discovery session.
    NormalSession,
    /// The connection.
    Connection,
}

/// Which of two numbers both sides take.
#[derive(Clone, Copy)]
pub enum Pick {
    /// The smaller one.
    Min,
    /// The larger one.
    Max,
}

/// How two booleans become one.
#[derive(Clone, Copy)]
pub enum Join {
    /// Both have to want it.
    And,
    /// One wanting it is enough.
    Or,
}

/// Who says what about a key, and what comes of it (RFC 7143 6.2).
#[derive(Clone, Copy)]
pub enum Kind {
    /// Each side says a number, and one of them it becomes.
    Number {
        /// The smallest admissible one.
        min: u32,
        /// The largest admissible one.
        max: u32,
        /// Which one it becomes.
        pick: Pick,
        /// What this target says.
        ours: fn(&Limits) -> u32,
        /// Where the result goes.
        field: fn(&mut Negotiated) -> &mut u32,
    },
    /// Each side says yes or no.
    Boolean {
        /// What comes of it.
        join: Join,
        /// What this target says.
        ours: fn(&Limits) -> bool,
        /// Where the result goes.
        field: fn(&mut Negotiated) -> &mut bool,
    },
    /// The initiator lists digests, of which the first that this target allows is taken.
    Digest {
        /// What this target wants.
        policy: fn(&Limits) -> DigestPolicy,
        /// Where the result goes.
        field: fn(&mut Negotiated) -> &mut Digest,
    },
    /// The initiator lists values, of which this is the one known here. It is the default too.
    OneOf(&'static str),
    /// The initiator declares a number, which is not answered.
    Declared {
        /// The smallest admissible one.
        min: u32,
        /// The largest admissible one.
        max: u32,
        /// Where it goes.
        field: fn(&mut Negotiated) -> &mut u32,
    },
    /// The answer is always this.
    Always(&'static str),
    /// The initiator declares something that nothing depends on.
    Remark,
    /// Says who wants to log in to what; the login has read it before all else.
    Identity,
    /// Part of the proof of who it is.
    Security,
    /// Asks for targets.
    SendTargets,
    /// Only targets declare it.
    TargetOnly,
}

/// A key.
#[derive(Clone, Copy)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// When initiators may send it.
    pub stages: Stages,
    /// What it is for.
    pub scope: Scope,
    /// What to do with it.
    pub kind: Kind,
    /// Whether it is answered after all others, because its result depends on them.
    pub late: bool,
}

impl Key {
    /// The key with this name, and its place in the table.
    pub fn find(name: &str) -> Option<(u32, &'static Self)> {
        let mut keys = (0..u32::MAX).zip(&KEYS);
        keys.find(|(_, key)| key.name == name)
    }

    const fn new(name: &'static str, stages: Stages, scope: Scope, kind: Kind) -> Self {
        Self {
            name,
            stages,
            scope,
            kind,
            late: false,
        }
    }

    /// One that a session's login negotiates in its operational stage.
    const fn operational(name: &'static str, scope: Scope, kind: Kind) -> Self {
        Self::new(name, Stages::OPERATIONAL, scope, kind)
    }

    const fn late(mut self) -> Self {
        self.late = true;
        self
    }
}

const fn number(
    bounds: (u32, u32),
    pick: Pick,
    ours: fn(&Limits) -> u32,
    field: fn(&mut Negotiated) -> &mut u32,
) -> Kind {
    Kind::Number {
        min: bounds.0,
        max: bounds.1,
        pick,
        ours,
        field,
    }
}

const fn boolean(
    join: Join,
    ours: fn(&Limits) -> bool,
    field: fn(&mut Negotiated) -> &mut bool,
) -> Kind {
    Kind::Boolean { join, ours, field }
}

const LENGTHS: (u32, u32) = (MIN_LENGTH, MAX_LENGTH);

const fn security(name: &'static str) -> Key {
    Key::new(name, Stages::SECURITY, Scope::Connection, Kind::Security)
}

/// Every key. Those of the authentication methods that are not offered are not among them.
pub static KEYS: [Key; 34] = [
    // Who is it, and what does it want? RFC 7143 13.4, 13.5, 13.7, 13.21.
    Key::new(
        "InitiatorName",
        Stages::LOGIN,
        Scope::Connection,
        Kind::Identity,
    ),
    Key::new(
        "TargetName",
        Stages::LOGIN,
        Scope::Connection,
        Kind::Identity,
    ),
    Key::new(
        "SessionType",
        Stages::LOGIN,
        Scope::Connection,
        Kind::Identity,
    ),
    Key::new(
        "InitiatorAlias",
        Stages::ALL,
        Scope::Connection,
        Kind::Remark,
    ),
    // RFC 7143 12.
    security("AuthMethod"),
    security("CHAP_A"),
    security("CHAP_I"),
    security("CHAP_C"),
    security("CHAP_N"),
    security("CHAP_R"),
    // RFC 7143 Appendix C.
    Key::new(
        "SendTargets",
        Stages::FULL_FEATURE,
        Scope::Connection,
        Kind::SendTargets,
    ),
    // RFC 7143 13.6, 13.8, 13.9.
    Key::new(
        "TargetAlias",
        Stages::ALL,
        Scope::Connection,
        Kind::TargetOnly,
    ),
    Key::new(
        "TargetAddress",
        Stages::ALL,
        Scope::Connection,
        Kind::TargetOnly,
    ),
    Key::new(
        "TargetPortalGroupTag",
        Stages::ALL,
        Scope::Connection,
        Kind::TargetOnly,
    ),
    // RFC 7143 13.1.
    Key::operational(
        "HeaderDigest",
        Scope::Connection,
        Kind::Digest {
            policy: |limits| limits.header_digest,
            field: |result| &mut result.connection.header_digest,
        },
    ),
    Key::operational(
        "DataDigest",
        Scope::Connection,
        Kind::Digest {
            policy: |limits| limits.data_digest,
            field: |result| &mut result.connection.data_digest,
        },
    ),
    // RFC 7143 13.12. It is the initiator's own: what this target may send.
    Key::new(
        "MaxRecvDataSegmentLength",
        Stages::NEGOTIATION,
        Scope::Connection,
        Kind::Declared {
            min: MIN_LENGTH,
            max: MAX_LENGTH,
            field: |result| &mut result.connection.max_send_data_segment_length,
        },
    ),
    // RFC 7143 13.2.
    Key::operational(
        "MaxConnections",
        Scope::NormalSession,
        number(
            (1, 65535),
            Pick::Min,
            |limits| limits.max_connections,
            |result| &mut result.session.max_connections,
        ),
    ),
    // RFC 7143 13.10.
    Key::operational(
        "InitialR2T",
        Scope::NormalSession,
        boolean(
            Join::Or,
            |limits| limits.initial_r2t,
            |result| &mut result.session.initial_r2t,
        ),
    ),
    // RFC 7143 13.11.
    Key::operational(
        "ImmediateData",
        Scope::NormalSession,
        boolean(
            Join::And,
            |limits| limits.immediate_data,
            |result| &mut result.session.immediate_data,
        ),
    ),
    // RFC 7143 13.13.
    Key::operational(
        "MaxBurstLength",
        Scope::NormalSession,
        number(
            LENGTHS,
            Pick::Min,
            |limits| limits.max_burst_length,
            |result| &mut result.session.max_burst_length,
        ),
    ),
    // RFC 7143 13.14.
    Key::operational(
        "FirstBurstLength",
        Scope::NormalSession,
        number(
            LENGTHS,
            Pick::Min,
            |limits| limits.first_burst_length,
            |result| &mut result.session.first_burst_length,
        ),
    )
    .late(),
    // RFC 7143 13.15.
    Key::operational(
        "DefaultTime2Wait",
        Scope::Session,
        number(
            (0, 3600),
            Pick::Max,
            |limits| limits.default_time2wait,
            |result| &mut result.session.default_time2wait,
        ),
    ),
    // RFC 7143 13.16.
    Key::operational(
        "DefaultTime2Retain",
        Scope::Session,
        number(
            (0, 3600),
            Pick::Min,
            |limits| limits.default_time2retain,
            |result| &mut result.session.default_time2retain,
        ),
    ),
    // RFC 7143 13.17.
    Key::operational(
        "MaxOutstandingR2T",
        Scope::NormalSession,
        number(
            (1, 65535),
            Pick::Min,
            |limits| limits.max_outstanding_r2t,
            |result| &mut result.session.max_outstanding_r2t,
        ),
    ),
    // RFC 7143 13.18, 13.19: this target wants order.
    Key::operational(
        "DataPDUInOrder",
        Scope::NormalSession,
        boolean(
            Join::Or,
            |_| true,
            |result| &mut result.session.data_pdu_in_order,
        ),
    ),
    Key::operational(
        "DataSequenceInOrder",
        Scope::NormalSession,
        boolean(
            Join::Or,
            |_| true,
            |result| &mut result.session.data_sequence_in_order,
        ),
    ),
    // RFC 7143 13.20.
    Key::operational(
        "ErrorRecoveryLevel",
        Scope::Session,
        number(
            (0, 2),
            Pick::Min,
            |limits| limits.error_recovery_level,
            |result| &mut result.session.error_recovery_level,
        ),
    ),
    // RFC 7143 13.23.
    Key::operational(
        "TaskReporting",
        Scope::NormalSession,
        Kind::OneOf("RFC3720"),
    ),
    // RFC 7144 3.1.1.
    Key::operational(
        "iSCSIProtocolLevel",
        Scope::NormalSession,
        number(
            (0, 31),
            Pick::Min,
            |_| SessionParams::MAX_PROTOCOL_LEVEL,
            |result| &mut result.session.protocol_level,
        ),
    ),
    // RFC 7143 13.25: obsolete, but never "not understood".
    Key::operational("IFMarker", Scope::Connection, Kind::Always("No")),
    Key::operational("OFMarker", Scope::Connection, Kind::Always("No")),
    Key::operational("IFMarkInt", Scope::Connection, Kind::Always(REJECT)),
    Key::operational("OFMarkInt", Scope::Connection, Kind::Always(REJECT)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_found_at_its_place() {
        for (place, key) in (0..).zip(&KEYS) {
            let (found, same) = Key::find(key.name).unwrap();
            assert_eq!((found, same.name), (place, key.name));
        }
        assert!(Key::find("headerdigest").is_none(), "case matters");
        assert!(Key::find("X-com.example.key").is_none());
    }
}
