// SPDX-License-Identifier: GPL-2.0

//! What is negotiated: what a target offers, and what both sides agree on (RFC 7143 13).

/// The least that MaxRecvDataSegmentLength and the burst lengths may be.
pub const MIN_LENGTH: u32 = 512;

/// The most that MaxRecvDataSegmentLength and the burst lengths may be.
pub const MAX_LENGTH: u32 = (1 << 24) - 1;

/// MaxRecvDataSegmentLength as long as nobody declares it, and always during a login.
pub const DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH: u32 = 8192;

/// Checksum of headers or data (RFC 7143 13.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Digest {
    /// None.
    #[default]
    None,
    /// CRC32C, in four bytes after the segment.
    Crc32c,
}

impl Digest {
    /// How the digest is named in text.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Crc32c => "CRC32C",
        }
    }

    /// How many bytes it adds to a segment.
    pub const fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Crc32c => 4,
        }
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// What a target wants of a digest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DigestPolicy {
    /// That there is none.
    Refused,
    /// What the initiator wants.
    #[default]
    Allowed,
    /// That there is one.
    Required,
}

impl DigestPolicy {
    /// Whether a digest is as it is wanted.
    pub fn allows(self, digest: Digest) -> bool {
        match self {
            Self::Refused => digest == Digest::None,
            Self::Allowed => true,
            Self::Required => digest != Digest::None,
        }
    }
}

/// What a session is for (RFC 7143 13.21).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SessionType {
    /// To find targets.
    Discovery,
    /// To use one.
    #[default]
    Normal,
}

/// What a target offers: its side of every negotiation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// MaxConnections: the most connections of a session.
    pub max_connections: u32,
    /// InitialR2T: whether initiators have to wait for an R2T even if they would rather not.
    pub initial_r2t: bool,
    /// ImmediateData: whether data may come with its command.
    pub immediate_data: bool,
    /// MaxRecvDataSegmentLength: the longest data segment this target takes.
    pub max_recv_data_segment_length: u32,
    /// MaxBurstLength: the longest sequence of Data-In or of solicited Data-Out.
    pub max_burst_length: u32,
    /// FirstBurstLength: the most unsolicited data, immediate data included.
    pub first_burst_length: u32,
    /// DefaultTime2Wait: the least seconds to wait before coming back.
    pub default_time2wait: u32,
    /// DefaultTime2Retain: the most seconds for which tasks are kept.
    pub default_time2retain: u32,
    /// MaxOutstandingR2T: the most R2Ts of a task at a time.
    pub max_outstanding_r2t: u32,
    /// ErrorRecoveryLevel.
    pub error_recovery_level: u32,
    /// HeaderDigest.
    pub header_digest: DigestPolicy,
    /// DataDigest.
    pub data_digest: DigestPolicy,
}

impl Limits {
    /// These limits, moved to within the bounds of the RFC where they are not.
    pub fn in_bounds(self) -> Self {
        let max_burst_length = self.max_burst_length.clamp(MIN_LENGTH, MAX_LENGTH);
        let recv = self.max_recv_data_segment_length;
        Self {
            max_connections: self.max_connections.clamp(1, 65535),
            max_recv_data_segment_length: recv.clamp(MIN_LENGTH, MAX_LENGTH),
            max_burst_length,
            first_burst_length: self.first_burst_length.clamp(MIN_LENGTH, max_burst_length),
            default_time2wait: self.default_time2wait.min(3600),
            default_time2retain: self.default_time2retain.min(3600),
            max_outstanding_r2t: self.max_outstanding_r2t.clamp(1, 65535),
            error_recovery_level: self.error_recovery_level.min(2),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 1,
            initial_r2t: false,
            immediate_data: true,
            max_recv_data_segment_length: 256 << 10,
            max_burst_length: 1 << 20,
            first_burst_length: 256 << 10,
            default_time2wait: 2,
            default_time2retain: 20,
            max_outstanding_r2t: 16,
            error_recovery_level: 0,
            header_digest: DigestPolicy::Allowed,
            data_digest: DigestPolicy::Allowed,
        }
    }
}

/// What holds for a whole session, as its first connection negotiated it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionParams {
    /// SessionType.
    pub session_type: SessionType,
    /// MaxConnections.
    pub max_connections: u32,
    /// InitialR2T: no unsolicited Data-Out.
    pub initial_r2t: bool,
    /// ImmediateData.
    pub immediate_data: bool,
    /// MaxBurstLength.
    pub max_burst_length: u32,
    /// FirstBurstLength; not above MaxBurstLength.
    pub first_burst_length: u32,
    /// DefaultTime2Wait, in seconds.
    pub default_time2wait: u32,
    /// DefaultTime2Retain, in seconds.
    pub default_time2retain: u32,
    /// MaxOutstandingR2T.
    pub max_outstanding_r2t: u32,
    /// DataPDUInOrder.
    pub data_pdu_in_order: bool,
    /// DataSequenceInOrder.
    pub data_sequence_in_order: bool,
    /// ErrorRecoveryLevel.
    pub error_recovery_level: u32,
    /// iSCSIProtocolLevel.
    pub protocol_level: u32,
}

impl SessionParams {
    /// The highest iSCSIProtocolLevel that this target has: what RFC 7144 adds.
    pub const MAX_PROTOCOL_LEVEL: u32 = 2;
}

impl Default for SessionParams {
    fn default() -> Self {
        Self {
            session_type: SessionType::Normal,
            max_connections: 1,
            initial_r2t: true,
            immediate_data: true,
            max_burst_length: 262_144,
            first_burst_length: 65536,
            default_time2wait: 2,
            default_time2retain: 20,
            max_outstanding_r2t: 1,
            data_pdu_in_order: true,
            data_sequence_in_order: true,
            error_recovery_level: 0,
            protocol_level: 1,
        }
    }
}

/// What holds for one connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionParams {
    /// HeaderDigest.
    pub header_digest: Digest,
    /// DataDigest.
    pub data_digest: Digest,
    /// The MaxRecvDataSegmentLength that this target declared: what it has to take.
    pub max_recv_data_segment_length: u32,
    /// The MaxRecvDataSegmentLength that the initiator declared: what it takes.
    pub max_send_data_segment_length: u32,
}

impl Default for ConnectionParams {
    fn default() -> Self {
        Self {
            header_digest: Digest::None,
            data_digest: Digest::None,
            max_recv_data_segment_length: DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH,
            max_send_data_segment_length: DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH,
        }
    }
}

/// The result of a negotiation; by default that of one in which nobody said anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// For the session.
    pub session: SessionParams,
    /// For this connection.
    pub connection: ConnectionParams,
}
