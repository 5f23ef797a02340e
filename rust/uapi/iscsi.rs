// SPDX-License-Identifier: GPL-2.0

//! Family `stmf-iscsi`: iSCSI targets and portals.

use crate::Kind;
use core::ffi::CStr;

/// State of a target.
pub use crate::stmf::ObjectState;

/// Name of the family.
pub const FAMILY: &str = "stmf-iscsi";
/// Name of the family as C has it.
pub const FAMILY_C: &CStr = c"stmf-iscsi";
/// Version of the family.
pub const VERSION: u8 = 1;

/// Longest iSCSI name in bytes.
pub const NAME_MAX: usize = 223;
/// Longest alias in bytes.
pub const ALIAS_MAX: usize = 255;
/// Length of an IP address; IPv4 addresses are written IPv4-mapped.
pub const ADDRESS_LEN: usize = 16;
/// TCP port of iSCSI.
pub const DEFAULT_PORT: u16 = 3260;
/// Tag of the portal group that every target belongs to.
pub const DEFAULT_TPGT: u16 = 1;

/// Longest CHAP name, and longest CHAP secret, in bytes.
pub const CHAP_MAX: usize = 255;
/// Shortest CHAP secret in bytes (RFC 7143 9.2.1).
pub const CHAP_SECRET_MIN: usize = 12;
/// Longest name of a target portal group in bytes.
pub const TPG_NAME_MAX: usize = 255;
/// Longest list of the portal groups of a target, as text.
pub const TPGS_MAX: usize = 1023;
/// Longest list of portals, as text.
pub const PORTALS_MAX: usize = 2047;
/// Longest address that initiators are sent to, in bytes: a domain name, a port and a tag.
pub const REDIRECT_MAX: usize = 267;
/// Longest name of a network interface in bytes.
pub const INTERFACE_MAX: usize = 15;

numbers! {
    /// How an initiator has to prove who it is.
    AuthMethod: u32 {
        /// As the defaults say.
        Default = 0, "default";
        /// Not at all.
        None = 1, "none";
        /// By CHAP.
        Chap = 2, "chap";
    }
}

numbers! {
    /// What a target wants of a digest.
    DigestPolicy: u32 {
        /// That there is none.
        None = 0, "none";
        /// What the initiator wants.
        Allowed = 1, "allowed";
        /// CRC32C, or there is no session.
        Required = 2, "required";
    }
}

numbers! {
    /// For how long a target is at another address.
    Redirection: u32 {
        /// For now; initiators ask again here the next time.
        Temporary = 0, "temporary";
        /// For good.
        Permanent = 1, "permanent";
    }
}

attributes! {
    /// Attributes of a target, and of the defaults of all targets.
    Target {
        /// iSCSI name.
        Name = 1, "name", Kind::String { max: NAME_MAX };
        /// Name for people.
        Alias = 2, "alias", Kind::String { max: ALIAS_MAX };
        /// State, an [`ObjectState`].
        State = 3, "state", Kind::U32 { min: 0, max: 3 };
        /// Sessions it has.
        Sessions = 4, "sessions", Kind::U32;
        /// Tags of its portal groups.
        Tpgs = 5, "tpgs", Kind::String { max: TPGS_MAX };
        /// Delete it although it is online.
        Force = 6, "force", Kind::Flag;
        /// How initiators have to prove who they are, an [`AuthMethod`].
        Auth = 7, "auth", Kind::U32 { min: 0, max: 2 };
        /// Name by which the target proves who it is.
        ChapUser = 8, "chap-user", Kind::String { max: CHAP_MAX };
        /// Secret by which it does; never shown.
        ChapSecret = 9, "chap-secret", Kind::String { max: CHAP_MAX };
        /// There is such a secret.
        ChapSecretSet = 10, "chap-secret-set", Kind::Flag;
        /// Limits that are to be as the defaults say.
        Unset = 11, "unset", Kind::U32;
        /// MaxConnections.
        MaxConnections = 12, "max-connections", Kind::U32 { min: 1, max: 8 };
        /// InitialR2T.
        InitialR2t = 13, "initial-r2t", Kind::U32 { min: 0, max: 1 };
        /// ImmediateData.
        ImmediateData = 14, "immediate-data", Kind::U32 { min: 0, max: 1 };
        /// MaxRecvDataSegmentLength.
        MaxRecvDataSegmentLength = 15, "max-recv-data-segment-length",
            Kind::U32 { min: LENGTH_MIN, max: LENGTH_MAX };
        /// MaxBurstLength.
        MaxBurstLength = 16, "max-burst-length", Kind::U32 { min: LENGTH_MIN, max: LENGTH_MAX };
        /// FirstBurstLength.
        FirstBurstLength = 17, "first-burst-length", Kind::U32 { min: LENGTH_MIN, max: LENGTH_MAX };
        /// MaxOutstandingR2T.
        MaxOutstandingR2t = 18, "max-outstanding-r2t", Kind::U32 { min: 1, max: 64 };
        /// DefaultTime2Wait in seconds.
        DefaultTime2wait = 19, "default-time2wait", Kind::U32 { min: 0, max: 3600 };
        /// HeaderDigest, a [`DigestPolicy`].
        HeaderDigest = 20, "header-digest", Kind::U32 { min: 0, max: 2 };
        /// DataDigest, a [`DigestPolicy`].
        DataDigest = 21, "data-digest", Kind::U32 { min: 0, max: 2 };
        /// Seconds without a word from the initiator after which it is asked whether it is there.
        NopInInterval = 22, "nop-in-interval", Kind::U32 { min: 1, max: 3600 };
        /// Where initiators are sent instead, as TargetAddress has it.
        Redirect = 23, "redirect", Kind::String { max: REDIRECT_MAX };
        /// For how long, a [`Redirection`].
        Redirection = 24, "redirection", Kind::U32 { min: 0, max: 1 };
        /// Relative target port identifier; without one, the next that no target port had.
        RelativeId = 25, "relative-id", Kind::U16 { min: 1, max: u16::MAX };
        /// It begins offline, whatever the service says of new ones.
        Offline = 26, "offline", Kind::Flag;
    }
}

/// The attribute that is the first of the limits.
pub const FIRST_LIMIT: u16 = Target::MaxConnections as u16;
/// How many limits there are; their numbers follow each other.
pub const LIMITS: usize = 11;
/// The least that lengths may be limited to.
pub const LENGTH_MIN: u32 = 512;
/// The most that lengths may be limited to.
pub const LENGTH_MAX: u32 = 0xff_ffff;

attributes! {
    /// Attributes of a portal.
    Portal {
        /// IP address in network byte order.
        Address = 1, "address", Kind::Binary { len: ADDRESS_LEN };
        /// TCP port in host byte order.
        Port = 2, "port", Kind::U16 { min: 1, max: u16::MAX };
        /// Tag of the portal group.
        Tpgt = 3, "tpgt", Kind::U16 { min: 1, max: u16::MAX };
        /// Network interface, or VRF, that it is limited to.
        Interface = 4, "interface", Kind::String { max: INTERFACE_MAX };
        /// Whether it takes connections at the moment.
        Open = 5, "open", Kind::Flag;
    }
}

attributes! {
    /// Attributes of a target portal group.
    Tpg {
        /// Name.
        Name = 1, "name", Kind::String { max: TPG_NAME_MAX };
        /// Tag; without one, that of a name that is a number, or one that is free.
        Tag = 2, "tag", Kind::U16 { min: 1, max: u16::MAX };
        /// Portals.
        Portals = 3, "portals", Kind::String { max: PORTALS_MAX };
        /// Targets that are in it.
        Targets = 4, "targets", Kind::U32;
        /// Delete it although targets are in it.
        Force = 5, "force", Kind::Flag;
        /// Differentiated services code point of what is sent.
        Dscp = 6, "dscp", Kind::U32 { min: 0, max: 63 };
    }
}

attributes! {
    /// Attributes of an initiator.
    Initiator {
        /// iSCSI name.
        Name = 1, "name", Kind::String { max: NAME_MAX };
        /// Name by which it proves who it is.
        ChapUser = 2, "chap-user", Kind::String { max: CHAP_MAX };
        /// Secret by which it does; never shown.
        ChapSecret = 3, "chap-secret", Kind::String { max: CHAP_MAX };
        /// There is such a secret.
        ChapSecretSet = 4, "chap-secret-set", Kind::Flag;
    }
}

attributes! {
    /// Attributes of a connection of a session.
    Session {
        /// iSCSI name of the target.
        Target = 1, "target", Kind::String { max: NAME_MAX };
        /// iSCSI name of the initiator.
        Initiator = 2, "initiator", Kind::String { max: NAME_MAX };
        /// The initiator's part of the session identifier.
        Isid = 3, "isid", Kind::Binary { len: ISID_LEN };
        /// The target's part of the session identifier.
        Tsih = 4, "tsih", Kind::U16;
        /// Tag of the portal group that it came in by.
        Tpgt = 5, "tpgt", Kind::U16;
        /// Connection identifier.
        Cid = 6, "cid", Kind::U16;
        /// Address of the initiator.
        PeerAddress = 7, "peer-address", Kind::Binary { len: ADDRESS_LEN };
        /// Port of the initiator.
        PeerPort = 8, "peer-port", Kind::U16;
        /// Address of the target.
        LocalAddress = 9, "local-address", Kind::Binary { len: ADDRESS_LEN };
        /// Port of the target.
        LocalPort = 10, "local-port", Kind::U16;
        /// What was negotiated: MaxConnections.
        MaxConnections = 11, "max-connections", Kind::U32;
        /// InitialR2T.
        InitialR2t = 12, "initial-r2t", Kind::U32;
        /// ImmediateData.
        ImmediateData = 13, "immediate-data", Kind::U32;
        /// MaxRecvDataSegmentLength of the target.
        MaxRecvDataSegmentLength = 14, "max-recv-data-segment-length", Kind::U32;
        /// MaxBurstLength.
        MaxBurstLength = 15, "max-burst-length", Kind::U32;
        /// FirstBurstLength.
        FirstBurstLength = 16, "first-burst-length", Kind::U32;
        /// MaxOutstandingR2T.
        MaxOutstandingR2t = 17, "max-outstanding-r2t", Kind::U32;
        /// DefaultTime2Wait in seconds.
        DefaultTime2wait = 18, "default-time2wait", Kind::U32;
        /// HeaderDigest: 0 for None, 1 for CRC32C.
        HeaderDigest = 19, "header-digest", Kind::U32;
        /// DataDigest: 0 for None, 1 for CRC32C.
        DataDigest = 20, "data-digest", Kind::U32;
        /// MaxRecvDataSegmentLength of the initiator.
        MaxSendDataSegmentLength = 21, "max-send-data-segment-length", Kind::U32;
        /// When the connection logged in, in seconds since 1970.
        LoginTime = 22, "login-time", Kind::Uint;
        /// SCSI commands received.
        CmdPdus = 23, "cmd-pdus", Kind::Uint;
        /// SCSI statuses sent.
        RspPdus = 24, "rsp-pdus", Kind::Uint;
        /// Bytes of data sent to the initiator for its commands.
        TxDataOctets = 25, "tx-data-octets", Kind::Uint;
        /// Bytes of data received from the initiator for its commands, wanted or not.
        RxDataOctets = 26, "rx-data-octets", Kind::Uint;
        /// PDUs received with a digest that was wrong.
        DigestErrors = 27, "digest-errors", Kind::Uint;
        /// PDUs received that were rejected for what they say, or that ended their connection.
        FormatErrors = 28, "format-errors", Kind::Uint;
        /// When the session began, in seconds since 1970.
        SessionLoginTime = 29, "session-login-time", Kind::Uint;
        /// SCSI commands received, by all connections that the session has and had.
        SessionCmdPdus = 30, "session-cmd-pdus", Kind::Uint;
        /// SCSI statuses sent, by all connections that the session has and had.
        SessionRspPdus = 31, "session-rsp-pdus", Kind::Uint;
        /// Bytes of data sent for commands, by all connections that the session has and had.
        SessionTxDataOctets = 32, "session-tx-data-octets", Kind::Uint;
        /// Bytes of data received for commands, wanted or not, by all connections that the session has and had.
        SessionRxDataOctets = 33, "session-rx-data-octets", Kind::Uint;
        /// PDUs received with a wrong digest, by all connections that the session has and had.
        SessionDigestErrors = 34, "session-digest-errors", Kind::Uint;
        /// PDUs received that were rejected for what they say, or ended their connection, by all connections that the session has and had.
        SessionFormatErrors = 35, "session-format-errors", Kind::Uint;
        /// Connections of the session that ended because the initiator took too long.
        SessionTimeoutErrors = 36, "session-timeout-errors", Kind::Uint;
        /// iSCSIProtocolLevel.
        ProtocolLevel = 37, "protocol-level", Kind::U32;
    }
}

/// Length of an ISID.
pub const ISID_LEN: usize = 6;

commands! {
    /// Commands of the family.
    Command {
        /// Create a target.
        TargetCreate = 1, "target-create", Target {
            permission: admin;
            request: [
                Name, Alias, Auth, ChapUser, ChapSecret, Tpgs, MaxConnections, InitialR2t,
                ImmediateData, MaxRecvDataSegmentLength, MaxBurstLength, FirstBurstLength,
                MaxOutstandingR2t, DefaultTime2wait, HeaderDigest, DataDigest, NopInInterval,
                Redirect, Redirection, RelativeId, Offline
            ];
        }
        /// Delete a target.
        TargetDelete = 2, "target-delete", Target { permission: admin; request: [Name, Force]; }
        /// Get or dump targets.
        TargetGet = 3, "target-get", Target { request: [Name]; dump: []; }
        /// Dump portals.
        PortalGet = 4, "portal-get", Portal { dump: []; }
        /// Listen on one more address and port.
        PortalAdd = 5, "portal-add", Portal {
            permission: admin;
            request: [Address, Port, Tpgt, Interface];
        }
        /// Stop listening on an address and port.
        PortalRemove = 6, "portal-remove", Portal {
            permission: admin;
            request: [Address, Port, Interface];
        }
        /// Change a target.
        TargetModify = 7, "target-modify", Target {
            permission: admin;
            request: [
                Name, Alias, Auth, ChapUser, ChapSecret, Tpgs, Unset, MaxConnections, InitialR2t,
                ImmediateData, MaxRecvDataSegmentLength, MaxBurstLength, FirstBurstLength,
                MaxOutstandingR2t, DefaultTime2wait, HeaderDigest, DataDigest, NopInInterval,
                Redirect, Redirection
            ];
        }
        /// Change the defaults of all targets.
        DefaultsModify = 8, "defaults-modify", Target {
            permission: admin;
            request: [
                Auth, ChapUser, ChapSecret, Unset, MaxConnections, InitialR2t, ImmediateData,
                MaxRecvDataSegmentLength, MaxBurstLength, FirstBurstLength, MaxOutstandingR2t,
                DefaultTime2wait, HeaderDigest, DataDigest, NopInInterval
            ];
        }
        /// Get the defaults of all targets.
        DefaultsGet = 9, "defaults-get", Target { request: []; }
        /// Create a target portal group.
        TpgCreate = 10, "tpg-create", Tpg {
            permission: admin;
            request: [Name, Tag, Portals, Dscp];
        }
        /// Delete a target portal group.
        TpgDelete = 11, "tpg-delete", Tpg { permission: admin; request: [Name, Force]; }
        /// Dump target portal groups.
        TpgGet = 12, "tpg-get", Tpg { dump: []; }
        /// Make an initiator known.
        InitiatorCreate = 13, "initiator-create", Initiator {
            permission: admin;
            request: [Name, ChapUser, ChapSecret];
        }
        /// Change an initiator.
        InitiatorModify = 14, "initiator-modify", Initiator {
            permission: admin;
            request: [Name, ChapUser, ChapSecret];
        }
        /// Forget an initiator.
        InitiatorDelete = 15, "initiator-delete", Initiator { permission: admin; request: [Name]; }
        /// Dump initiators.
        InitiatorGet = 16, "initiator-get", Initiator { dump: []; }
        /// Dump the connections of all sessions.
        SessionGet = 17, "session-get", Session { dump: []; }
    }
}
