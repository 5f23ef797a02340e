// SPDX-License-Identifier: GPL-2.0

//! The iSCSI target's objects, as the kernel describes them and as it wants them described.

use std::fmt;
use std::net::SocketAddr;
use std::time::SystemTime;

use stmf_uapi::iscsi::{
    self, AuthMethod, DigestPolicy, Initiator as InitiatorKey, Portal as PortalKey, Redirection,
    Session as SessionKey, Target as TargetKey, Tpg as TpgKey,
};
use stmf_uapi::stmf::ObjectState;

use crate::attributes::{need, Builder, DecodeError, Fields};
use crate::types::{non_empty, time, Decode};

/// A limit of what is negotiated, by its key in RFC 7143; and `NopInInterval`, the seconds of silence
/// after which an initiator is asked whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    attribute: TargetKey,
    /// The key.
    pub key: &'static str,
    form: Form,
}

/// How the value of a limit is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Number,
    Boolean,
    Digest,
}

impl Limit {
    /// All limits, in the order of their attributes.
    pub const ALL: [Self; iscsi::LIMITS] = [
        Self::new(TargetKey::MaxConnections, "MaxConnections", Form::Number),
        Self::new(TargetKey::InitialR2t, "InitialR2T", Form::Boolean),
        Self::new(TargetKey::ImmediateData, "ImmediateData", Form::Boolean),
        Self::new(
            TargetKey::MaxRecvDataSegmentLength,
            "MaxRecvDataSegmentLength",
            Form::Number,
        ),
        Self::new(TargetKey::MaxBurstLength, "MaxBurstLength", Form::Number),
        Self::new(
            TargetKey::FirstBurstLength,
            "FirstBurstLength",
            Form::Number,
        ),
        Self::new(
            TargetKey::MaxOutstandingR2t,
            "MaxOutstandingR2T",
            Form::Number,
        ),
        Self::new(
            TargetKey::DefaultTime2wait,
            "DefaultTime2Wait",
            Form::Number,
        ),
        Self::new(TargetKey::HeaderDigest, "HeaderDigest", Form::Digest),
        Self::new(TargetKey::DataDigest, "DataDigest", Form::Digest),
        Self::new(TargetKey::NopInInterval, "NopInInterval", Form::Number),
    ];

    const fn new(attribute: TargetKey, key: &'static str, form: Form) -> Self {
        Self {
            attribute,
            key,
            form,
        }
    }

    /// The limit with this key, in whatever case.
    pub fn find(key: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|limit| limit.key.eq_ignore_ascii_case(key))
    }

    /// Reads a value.
    pub fn parse(self, text: &str) -> Option<u32> {
        match (self.form, text) {
            (Form::Number, number) => number.parse().ok(),
            (Form::Boolean, "Yes" | "yes") => Some(1),
            (Form::Boolean, "No" | "no") => Some(0),
            (Form::Digest, "None" | "none") => Some(DigestPolicy::None.number()),
            (Form::Digest, "CRC32C,None" | "allowed") => Some(DigestPolicy::Allowed.number()),
            (Form::Digest, "CRC32C" | "required") => Some(DigestPolicy::Required.number()),
            _ => None,
        }
    }

    /// Writes a value as initiators see it offered.
    pub fn show(self, value: u32) -> String {
        match self.form {
            Form::Number => value.to_string(),
            Form::Boolean => if value == 0 { "No" } else { "Yes" }.to_owned(),
            Form::Digest => match DigestPolicy::try_from(value) {
                Ok(DigestPolicy::None) => "None".to_owned(),
                Ok(DigestPolicy::Allowed) => "CRC32C,None".to_owned(),
                Ok(DigestPolicy::Required) => "CRC32C".to_owned(),
                Err(unknown) => unknown.to_string(),
            },
        }
    }

    /// The bit that unsets it.
    fn bit(self) -> u32 {
        let place = u32::from(self.attribute.number()).saturating_sub(iscsi::FIRST_LIMIT.into());
        1_u32.checked_shl(place).unwrap_or(0)
    }
}

/// A secret, which no formatter shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a secret; an empty one stands for none.
    pub fn new(secret: String) -> Self {
        Self(secret)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What is to be changed of a target or of the defaults; `None` leaves it as it is.
#[derive(Clone, Debug, Default)]
pub struct IscsiChange {
    /// Name for people; empty for none. Not for defaults.
    pub alias: Option<String>,
    /// How initiators have to prove who they are.
    pub auth: Option<AuthMethod>,
    /// Name by which the target proves who it is; empty for its own.
    pub chap_user: Option<String>,
    /// Secret by which it does.
    pub chap_secret: Option<Secret>,
    /// Tags of the portal groups; none of them stands for the default one. Not for defaults.
    pub tpgs: Option<Vec<u16>>,
    /// Where initiators are sent; an empty address for nowhere any more. Not for defaults.
    pub redirect: Option<Redirect>,
    /// Limits to be set, or with `None` unset.
    pub limits: Vec<(Limit, Option<u32>)>,
}

impl IscsiChange {
    pub(crate) fn encode(&self, builder: Builder) -> Builder {
        let tags = self.tpgs.as_ref().map(|tags| join(tags));
        let unset = self.limits.iter().filter(|(_, value)| value.is_none());
        let unset = unset.fold(0, |bits, (limit, _)| bits | limit.bit());
        let builder = builder
            .optional(self.alias.as_ref(), |b, alias| {
                b.text(TargetKey::Alias, alias)
            })
            .optional(self.auth, |b, auth| b.u32(TargetKey::Auth, auth.number()))
            .optional(self.tpgs.as_ref().and(tags), |b, tags| {
                b.text(TargetKey::Tpgs, tags)
            })
            .optional(self.redirect.as_ref(), |b, redirect| {
                b.text(TargetKey::Redirect, &redirect.address)
                    .u32(TargetKey::Redirection, redirect.redirection.number())
            });
        let builder = credentials(
            builder,
            (TargetKey::ChapUser, self.chap_user.as_deref()),
            (TargetKey::ChapSecret, self.chap_secret.as_ref()),
        );
        let builder = builder.optional((unset != 0).then_some(unset), |b, unset| {
            b.u32(TargetKey::Unset, unset)
        });
        self.limits.iter().fold(builder, |builder, (limit, value)| {
            builder.optional(*value, |b, value| b.u32(limit.attribute, value))
        })
    }
}

fn join(tags: &[u16]) -> String {
    let tags: Vec<_> = tags.iter().map(u16::to_string).collect();
    tags.join(",")
}

/// Adds a CHAP name and secret.
pub(crate) fn credentials<K: crate::Key>(
    builder: Builder,
    (user_key, user): (K, Option<&str>),
    (secret_key, secret): (K, Option<&Secret>),
) -> Builder {
    builder
        .optional(user, |b, user| b.text(user_key, user))
        .optional(secret, |b, Secret(secret)| b.text(secret_key, secret))
}

/// What an administrator has set, for a target or by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IscsiSettings {
    /// How initiators have to prove who they are.
    pub auth: AuthMethod,
    /// Name by which the target proves who it is.
    pub chap_user: Option<String>,
    /// Whether there is a secret.
    pub chap_secret_set: bool,
    /// The limits that are set.
    pub limits: Vec<(Limit, u32)>,
}

impl Decode for IscsiSettings {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        let mut limits = Vec::new();
        for limit in Limit::ALL {
            if let Some(value) = fields.u32(limit.attribute)? {
                limits.push((limit, value));
            }
        }
        Ok(Self {
            auth: need(TargetKey::Auth, fields.number(TargetKey::Auth)?)?,
            chap_user: non_empty(fields.text(TargetKey::ChapUser)),
            chap_secret_set: fields.has(TargetKey::ChapSecretSet),
            limits,
        })
    }
}

/// Where a target's initiators are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// `ADDRESS[:PORT][,TAG]`, with IPv6 addresses in brackets.
    pub address: String,
    /// For how long.
    pub redirection: Redirection,
}

impl Redirect {
    fn decode(fields: &Fields<'_>) -> Result<Option<Self>, DecodeError> {
        let Some(address) = non_empty(fields.text(TargetKey::Redirect)) else {
            return Ok(None);
        };
        let redirection = fields.number(TargetKey::Redirection)?;
        Ok(Some(Self {
            address,
            redirection: need(TargetKey::Redirection, redirection)?,
        }))
    }
}

/// An iSCSI target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IscsiTarget {
    /// Its name.
    pub name: String,
    /// Name for people.
    pub alias: Option<String>,
    /// Its state.
    pub state: ObjectState,
    /// How many sessions it has.
    pub sessions: u32,
    /// Tags of its portal groups.
    pub tpgs: Vec<u16>,
    /// Its relative target port identifier, by which initiators and reservations know it.
    pub relative_id: Option<u16>,
    /// Where its initiators are sent instead.
    pub redirect: Option<Redirect>,
    /// What is set for it.
    pub settings: IscsiSettings,
}

impl Decode for IscsiTarget {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use TargetKey as Key;
        let tags = need(Key::Tpgs, fields.text(Key::Tpgs))?;
        Ok(Self {
            name: need(Key::Name, fields.text(Key::Name))?,
            alias: non_empty(fields.text(Key::Alias)),
            state: need(Key::State, fields.number(Key::State)?)?,
            sessions: need(Key::Sessions, fields.u32(Key::Sessions)?)?,
            tpgs: tags.split(',').flat_map(str::parse).collect(),
            relative_id: fields.u16(Key::RelativeId)?,
            redirect: Redirect::decode(fields)?,
            settings: IscsiSettings::decode(fields)?,
        })
    }
}

/// An address that iSCSI targets are reached at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Portal {
    /// Address and port; `::` is every address of either IP version.
    pub address: SocketAddr,
    /// Tag of the portal group.
    pub tpgt: u16,
    /// The network interface that it is limited to.
    pub interface: Option<String>,
}

impl Decode for Portal {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use PortalKey as Key;
        let address = need(Key::Address, fields.address(Key::Address)?)?;
        let port = need(Key::Port, fields.u16(Key::Port)?)?;
        Ok(Self {
            address: SocketAddr::new(address, port),
            tpgt: need(Key::Tpgt, fields.u16(Key::Tpgt)?)?,
            interface: non_empty(fields.text(Key::Interface)),
        })
    }
}

/// A target portal group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tpg {
    /// Its name.
    pub name: String,
    /// Its tag.
    pub tag: u16,
    /// Its portals, as `ADDRESS:PORT` or `ADDRESS:PORT@INTERFACE`.
    pub portals: Vec<String>,
    /// How many targets are in it.
    pub targets: u32,
    /// Differentiated services code point of its connections.
    pub dscp: u32,
}

impl Decode for Tpg {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use TpgKey as Key;
        let portals = non_empty(fields.text(Key::Portals)).unwrap_or_default();
        let portals = portals.split(',').filter(|portal| !portal.is_empty());
        Ok(Self {
            name: need(Key::Name, fields.text(Key::Name))?,
            tag: need(Key::Tag, fields.u16(Key::Tag)?)?,
            portals: portals.map(str::to_owned).collect(),
            targets: need(Key::Targets, fields.u32(Key::Targets)?)?,
            dscp: fields.u32(Key::Dscp)?.unwrap_or(0),
        })
    }
}

/// An initiator that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IscsiInitiator {
    /// Its name.
    pub name: String,
    /// Name by which it proves who it is.
    pub chap_user: Option<String>,
    /// Whether there is a secret.
    pub chap_secret_set: bool,
}

impl Decode for IscsiInitiator {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use InitiatorKey as Key;
        Ok(Self {
            name: need(Key::Name, fields.text(Key::Name))?,
            chap_user: non_empty(fields.text(Key::ChapUser)),
            chap_secret_set: fields.has(Key::ChapSecretSet),
        })
    }
}

/// A connection of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IscsiSession {
    /// Name of the target.
    pub target: String,
    /// Name of the initiator.
    pub initiator: String,
    /// The initiator's part of the session identifier, as hexadecimal digits.
    pub isid: String,
    /// The target's part of the session identifier.
    pub tsih: u16,
    /// Tag of the portal group that it came in by.
    pub tpgt: u16,
    /// Connection identifier.
    pub cid: u16,
    /// The initiator's address.
    pub peer: SocketAddr,
    /// The address that it has reached.
    pub local: SocketAddr,
    /// What was negotiated: keys and values.
    pub negotiated: Vec<(&'static str, String)>,
    /// When the connection logged in.
    pub login_time: SystemTime,
    /// What was counted of it, by the names of the iSCSI MIB (RFC 7147).
    pub counted: Vec<(&'static str, u64)>,
    /// When the session began.
    pub session_login_time: SystemTime,
    /// What was counted of all connections that the session has and had. The first are those of
    /// `counted`.
    pub session_counted: Vec<(&'static str, u64)>,
}

/// What is counted: its name, and the attributes of a connection, if it has one, and of a session.
const COUNTED: [(&str, Option<SessionKey>, SessionKey); 7] = {
    use SessionKey as Key;
    [
        ("CmdPDUs", Some(Key::CmdPdus), Key::SessionCmdPdus),
        ("RspPDUs", Some(Key::RspPdus), Key::SessionRspPdus),
        (
            "TxDataOctets",
            Some(Key::TxDataOctets),
            Key::SessionTxDataOctets,
        ),
        (
            "RxDataOctets",
            Some(Key::RxDataOctets),
            Key::SessionRxDataOctets,
        ),
        (
            "DigestErrors",
            Some(Key::DigestErrors),
            Key::SessionDigestErrors,
        ),
        (
            "FormatErrors",
            Some(Key::FormatErrors),
            Key::SessionFormatErrors,
        ),
        ("CxnTimeoutErrors", None, Key::SessionTimeoutErrors),
    ]
};

impl Decode for IscsiSession {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use SessionKey as Key;
        let address = |key, port| -> Result<_, DecodeError> {
            let ip = need(key, fields.address(key)?)?;
            Ok(SocketAddr::new(ip, need(port, fields.u16(port)?)?))
        };
        let isid = need(Key::Isid, fields.bytes(Key::Isid))?;
        let number = |value: u32| value.to_string();
        let yes_no = |value| if value == 0 { "No" } else { "Yes" }.to_owned();
        let digest = |value| if value == 0 { "None" } else { "CRC32C" }.to_owned();
        let mut negotiated = Vec::new();
        for (key, name, show) in [
            (
                Key::HeaderDigest,
                "HeaderDigest",
                digest as fn(u32) -> String,
            ),
            (Key::DataDigest, "DataDigest", digest),
            (Key::MaxConnections, "MaxConnections", number),
            (Key::InitialR2t, "InitialR2T", yes_no),
            (Key::ImmediateData, "ImmediateData", yes_no),
            (
                Key::MaxRecvDataSegmentLength,
                "MaxRecvDataSegmentLength",
                number,
            ),
            (
                Key::MaxSendDataSegmentLength,
                "MaxXmitDataSegmentLength",
                number,
            ),
            (Key::MaxBurstLength, "MaxBurstLength", number),
            (Key::FirstBurstLength, "FirstBurstLength", number),
            (Key::MaxOutstandingR2t, "MaxOutstandingR2T", number),
            (Key::DefaultTime2wait, "DefaultTime2Wait", number),
            (Key::ProtocolLevel, "iSCSIProtocolLevel", number),
        ] {
            negotiated.push((name, show(need(key, fields.u32(key)?)?)));
        }
        let count = |name, key| Ok((name, need(key, fields.uint(key)?)?));
        let connection = COUNTED
            .iter()
            .filter_map(|(name, key, _)| Some((*name, (*key)?)));
        let counted: Result<_, DecodeError> =
            connection.map(|(name, key)| count(name, key)).collect();
        let session = COUNTED.iter().map(|(name, _, key)| count(name, *key));
        let session_counted: Result<_, DecodeError> = session.collect();
        Ok(Self {
            login_time: time(fields, Key::LoginTime)?,
            counted: counted?,
            session_login_time: time(fields, Key::SessionLoginTime)?,
            session_counted: session_counted?,
            target: need(Key::Target, fields.text(Key::Target))?,
            initiator: need(Key::Initiator, fields.text(Key::Initiator))?,
            isid: isid.iter().map(|byte| format!("{byte:02x}")).collect(),
            tsih: need(Key::Tsih, fields.u16(Key::Tsih)?)?,
            tpgt: need(Key::Tpgt, fields.u16(Key::Tpgt)?)?,
            cid: need(Key::Cid, fields.u16(Key::Cid)?)?,
            peer: address(Key::PeerAddress, Key::PeerPort)?,
            local: address(Key::LocalAddress, Key::LocalPort)?,
            negotiated,
        })
    }
}
