// SPDX-License-Identifier: GPL-2.0

//! The login of a connection, from the target's side (RFC 7143 6.3, 7.3).
//!
//! One [`Login`] sees a connection through to full feature phase. Each request gives one response.
//! Whom to let in to what, its [`Host`] decides.

pub mod chap;
mod security;
#[cfg(test)]
mod tests;

use self::{
    chap::Authenticator,
    security::Security, //
};
use crate::{
    names::IscsiName,
    negotiate::{
        Foreign,
        Negotiation,
        NegotiationError, //
    },
    params::{
        Limits,
        Negotiated,
        SessionType,
        DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH, //
    },
    request::LoginRequest,
    response::{
        LoginResponse,
        LoginStatus, //
    },
    text::{
        Overflow,
        Pairs,
        Scratch,
        TextError,
        TextWriter, //
    },
    types::{
        Cid,
        Isid,
        Itt,
        Serials,
        Stage,
        Tsih, //
    },
};

/// The longest text of a login PDU, in either direction.
pub const MAX_LOGIN_TEXT: usize = DEFAULT_MAX_RECV_DATA_SEGMENT_LENGTH as usize;

/// Why a login ends without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What the initiator is told.
    pub status: LoginStatus,
    /// What the target's administrator is told.
    pub why: &'static str,
    /// The key it is about, if it is about one.
    pub key: Option<&'static str>,
}

impl Refusal {
    /// One that is not about a key.
    pub const fn new(status: LoginStatus, why: &'static str) -> Self {
        Self {
            status,
            why,
            key: None,
        }
    }

    const fn about(status: LoginStatus, why: &'static str, key: &'static str) -> Self {
        Self {
            status,
            why,
            key: Some(key),
        }
    }

    const fn initiator_error(why: &'static str) -> Self {
        Self::new(LoginStatus::InitiatorError, why)
    }
}

impl From<NegotiationError> for Refusal {
    fn from(error: NegotiationError) -> Self {
        let about = |why, key| Self::about(LoginStatus::InitiatorError, why, key);
        match error {
            NegotiationError::Text(error) => error.into(),
            NegotiationError::Repeated(key) => about("key said twice", key),
            NegotiationError::Misplaced(key) => about("key out of place", key),
            NegotiationError::TargetOnly(key) => about("key is only for targets", key),
            NegotiationError::BadDeclaration(key) => about("impossible value", key),
            NegotiationError::Overflow => Overflow.into(),
        }
    }
}

impl From<TextError> for Refusal {
    fn from(_: TextError) -> Self {
        Self::initiator_error("malformed text")
    }
}

impl From<Overflow> for Refusal {
    fn from(Overflow: Overflow) -> Self {
        Self::initiator_error("answer too long")
    }
}

/// Who wants to log in to what.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// The initiator.
    pub initiator: &'a IscsiName,
    /// The target; none for a discovery session.
    pub target: Option<&'a IscsiName>,
    /// The initiator's part of the session identifier.
    pub isid: Isid,
    /// The session to join, or none for a new one.
    pub tsih: Tsih,
    /// The connection's identifier.
    pub cid: Cid,
}

/// What a connection is to be among the sessions that exist (RFC 7143 6.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The first of a new session.
    NewSession,
    /// The first of a session that takes the place of an old one, which ends with this login.
    SessionReinstatement,
    /// One more of a session.
    NewConnection,
    /// One that takes the place of an old one, which ends with this login.
    ConnectionReinstatement,
}

/// A session that an initiator with the same name and ISID has with the same target portal group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Existing {
    /// Its handle.
    pub tsih: Tsih,
    /// Whether it has a connection with the CID of the new one.
    pub has_cid: bool,
    /// Whether it can have one more connection.
    pub has_room: bool,
}

impl Place {
    /// Decides by the table of RFC 7143 6.3.1, from the TSIH in the request.
    pub fn decide(tsih: Tsih, existing: Option<Existing>) -> Result<Self, LoginStatus> {
        match existing {
            None if tsih.is_none() => Ok(Self::NewSession),
            None => Err(LoginStatus::NoSuchSession),
            Some(_) if tsih.is_none() => Ok(Self::SessionReinstatement),
            Some(session) if session.tsih != tsih => Err(LoginStatus::NoSuchSession),
            Some(session) if session.has_cid => Ok(Self::ConnectionReinstatement),
            Some(session) if session.has_room => Ok(Self::NewConnection),
            Some(_) => Err(LoginStatus::TooManyConnections),
        }
    }

    /// Whether the connection is its session's first.
    pub const fn is_leading(self) -> bool {
        matches!(self, Self::NewSession | Self::SessionReinstatement)
    }
}

/// That an initiator may log in, and to what.
#[derive(Clone, Copy, Debug)]
pub struct Admission {
    /// What is offered to it.
    pub limits: Limits,
    /// The tag of the portal group that the connection came in by.
    pub group_tag: u16,
    /// What the connection is to be.
    pub place: Place,
    /// Whether the initiator has to prove who it is.
    pub authenticate: bool,
}

/// Who decides about logins.
pub trait Host: Authenticator {
    /// Decides whether an initiator may log in. Asked once in a login, with its first text.
    ///
    /// A [`Place`] may have changed when the login is complete; that one counts.
    fn admit(&mut self, who: &Identity<'_>) -> Result<Admission, LoginStatus>;

    /// The alias of the target that was admitted to, if it has one.
    fn alias(&self) -> Option<&str> {
        None
    }

    /// Where the target is, as TargetAddress has it: of one that [`Host::admit`] says has moved.
    fn moved_to(&self) -> Option<&str> {
        None
    }
}

/// What comes after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Another request.
    Request,
    /// Full feature phase. The caller sets the TSIH of the response before it sends it.
    FullFeature,
    /// The end: the connection is closed once the response is sent.
    Close(Refusal),
}

/// The answer to a request.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'t> {
    /// The header.
    pub response: LoginResponse,
    /// The data segment.
    pub text: &'t [u8],
    /// What comes after it.
    pub next: Next,
}

/// What all requests of a login have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Fixed {
    isid: Isid,
    tsih: Tsih,
    cid: Cid,
    itt: Itt,
}

impl Fixed {
    fn of(request: &LoginRequest) -> Self {
        Self {
            isid: request.isid,
            tsih: request.tsih,
            cid: request.cid,
            itt: request.itt,
        }
    }
}

/// What the first text of a login led to.
struct Admitted {
    initiator: IscsiName,
    target: Option<IscsiName>,
    place: Place,
    negotiation: Negotiation,
    security: Security,
}

/// The login of one connection.
pub struct Login {
    fixed: Option<Fixed>,
    stage: Stage,
    admitted: Option<Admitted>,
    /// How much text is in the input buffer, which goes on in the next request.
    collected: usize,
    /// How much answer is in the output buffer, and how much of it was sent.
    answer: usize,
    sent: usize,
    failed: bool,
}

impl Login {
    /// A login before its first request.
    pub const fn new() -> Self {
        Self {
            fixed: None,
            stage: Stage::Security,
            admitted: None,
            collected: 0,
            answer: 0,
            sent: 0,
            failed: false,
        }
    }

    /// Takes a request and its text, and gives the response. After a refusal, or when it is
    /// complete, a login refuses every further request.
    pub fn step<'t>(
        &mut self,
        request: &LoginRequest,
        text: &[u8],
        sn: Serials,
        host: &mut impl Host,
        scratch: &'t mut Scratch<'_>,
    ) -> Reply<'t> {
        let stage = request.csg;
        match self.advance(request, text, host, scratch) {
            Ok(()) => self.reply(request, stage.unwrap_or(self.stage), sn, scratch),
            Err(refusal) => {
                self.failed = true;
                let text = directions(refusal.status, host, scratch.output);
                Reply {
                    response: LoginResponse {
                        data_len: u32::try_from(text.len()).unwrap_or(0),
                        ..LoginResponse::refusal(request, refusal.status, sn)
                    },
                    text,
                    next: Next::Close(refusal),
                }
            }
        }
    }

    /// Whether full feature phase is reached.
    pub fn is_complete(&self) -> bool {
        self.stage == Stage::FullFeature && !self.failed
    }

    /// Whether the initiator was admitted, and has proved who it is if it has to.
    pub fn is_trusted(&self) -> bool {
        let admitted = self.admitted.as_ref();
        admitted.is_some_and(|admitted| admitted.security.is_satisfied())
    }

    /// The initiator, once admitted.
    pub fn initiator(&self) -> Option<&IscsiName> {
        self.admitted.as_ref().map(|admitted| &admitted.initiator)
    }

    /// The target, once admitted to one.
    pub fn target(&self) -> Option<&IscsiName> {
        self.admitted.as_ref()?.target.as_ref()
    }

    /// What the connection is to be, once admitted.
    pub fn place(&self) -> Option<Place> {
        self.admitted.as_ref().map(|admitted| admitted.place)
    }

    /// What was negotiated so far. For a connection that is not its session's first, only the
    /// connection's part counts.
    pub fn negotiated(&self) -> Negotiated {
        let admitted = self.admitted.as_ref();
        admitted.map_or_else(Default::default, |admitted| admitted.negotiation.result())
    }

    /// Works a request in, so that what is to be answered is in the output buffer.
    fn advance(
        &mut self,
        request: &LoginRequest,
        text: &[u8],
        host: &mut impl Host,
        scratch: &mut Scratch<'_>,
    ) -> Result<(), Refusal> {
        self.check_header(request, text)?;
        if self.sent < self.answer {
            // The initiator asks for the next piece.
            return match (text, request.is_continued) {
                ([], false) => Ok(()),
                _ => Err(Refusal::initiator_error("text where an answer goes on")),
            };
        }
        (self.answer, self.sent) = (0, 0);
        let is_last = request.transit && request.nsg == Some(Stage::FullFeature);
        if !request.is_continued && self.collected == 0 {
            return self.answer(text, is_last, host, scratch.output);
        }
        let collected = scratch.collect(self.collected, text);
        let collected = collected.map_err(|_| Refusal::initiator_error("text too long"))?;
        if request.is_continued {
            self.collected = collected;
            return Ok(());
        }
        self.collected = 0;
        let whole = scratch.input.get(..collected).unwrap_or(&[]);
        self.answer(whole, is_last, host, scratch.output)
    }

    /// Checks what can be told from a header.
    fn check_header(&mut self, request: &LoginRequest, text: &[u8]) -> Result<(), Refusal> {
        if self.failed || self.stage == Stage::FullFeature {
            let why = "request after the end of the login";
            return Err(Refusal::new(LoginStatus::InvalidDuringLogin, why));
        }
        if request.version_min > 0 {
            let why = "version not supported";
            return Err(Refusal::new(LoginStatus::UnsupportedVersion, why));
        }
        if text.len() > MAX_LOGIN_TEXT {
            return Err(Refusal::initiator_error("text longer than 8192 bytes"));
        }
        if request.is_continued && request.transit {
            return Err(Refusal::initiator_error("both T and C"));
        }
        let stage = match request.csg {
            Some(stage @ (Stage::Security | Stage::Operational)) => stage,
            _ => return Err(Refusal::initiator_error("impossible stage")),
        };
        match self.fixed {
            None => (self.fixed, self.stage) = (Some(Fixed::of(request)), stage),
            Some(fixed) if fixed != Fixed::of(request) => {
                return Err(Refusal::initiator_error("ISID, TSIH, CID or ITT changed"));
            }
            Some(_) if self.stage != stage => {
                return Err(Refusal::initiator_error("stage changed without transition"));
            }
            Some(_) => {}
        }
        if request.transit && !is_transition(stage, request.nsg) {
            return Err(Refusal::initiator_error("impossible transition"));
        }
        Ok(())
    }

    /// Answers a whole text, after which nothing may be left to be negotiated if `is_last`.
    fn answer(
        &mut self,
        text: &[u8],
        is_last: bool,
        host: &mut impl Host,
        output: &mut [u8],
    ) -> Result<(), Refusal> {
        let mut out = TextWriter::new(output);
        let is_first = self.admitted.is_none();
        let admitted = match &mut self.admitted {
            Some(admitted) => admitted,
            None => {
                let fixed = self.fixed.ok_or(Refusal::initiator_error("no request"))?;
                let admitted = Admitted::by(text, fixed, host, &mut out)?;
                self.admitted.insert(admitted)
            }
        };
        if self.stage == Stage::Operational && !admitted.security.is_satisfied() {
            let why = "authentication left out";
            return Err(Refusal::new(LoginStatus::AuthenticationFailure, why));
        }
        admitted.answer(self.stage, text, is_first, host, &mut out)?;
        if is_last && !admitted.negotiation.has_wanted_digests() {
            return Err(Refusal::initiator_error("the target requires a digest"));
        }
        self.answer = out.len();
        Ok(())
    }

    /// The response with the next piece of the answer.
    fn reply<'t>(
        &mut self,
        request: &LoginRequest,
        stage: Stage,
        sn: Serials,
        scratch: &'t Scratch<'_>,
    ) -> Reply<'t> {
        let end = self.sent.saturating_add(MAX_LOGIN_TEXT).min(self.answer);
        let text = scratch.output.get(self.sent..end).unwrap_or(&[]);
        self.sent = end;
        let is_continued = end < self.answer;
        let next_stage = self.transition(request, is_continued);
        if let Some(next_stage) = next_stage {
            self.stage = next_stage;
        }
        Reply {
            response: LoginResponse {
                transit: next_stage.is_some(),
                is_continued,
                csg: stage,
                nsg: next_stage.unwrap_or(Stage::Security),
                isid: request.isid,
                tsih: request.tsih,
                itt: request.itt,
                status: LoginStatus::Success,
                sn,
                data_len: u32::try_from(text.len()).unwrap_or(0),
            },
            text,
            next: match self.stage {
                Stage::FullFeature => Next::FullFeature,
                _ => Next::Request,
            },
        }
    }

    /// The stage that a response leads to: the one asked for, when all is said.
    fn transition(&self, request: &LoginRequest, is_continued: bool) -> Option<Stage> {
        let ready = self.admitted.as_ref()?.security.is_satisfied();
        if request.transit && ready && !is_continued && self.collected == 0 {
            return request.nsg;
        }
        None
    }
}

impl Default for Login {
    fn default() -> Self {
        Self::new()
    }
}

impl Admitted {
    /// Reads who it is and what it wants, has the host decide, and declares what the target has to
    /// in its first response.
    fn by(
        text: &[u8],
        fixed: Fixed,
        host: &mut impl Host,
        out: &mut TextWriter<'_>,
    ) -> Result<Self, Refusal> {
        let (initiator, target) = identify(text)?;
        let who = Identity {
            initiator: &initiator,
            target: target.as_ref(),
            isid: fixed.isid,
            tsih: fixed.tsih,
            cid: fixed.cid,
        };
        let admission = host.admit(&who);
        let admission = admission.map_err(|status| {
            let why = match status.is_redirection() {
                true => "sent to another address",
                false => "not admitted",
            };
            Refusal::new(status, why)
        })?;
        let session_type = if target.is_some() {
            out.pair("TargetPortalGroupTag", admission.group_tag)?;
            SessionType::Normal
        } else {
            SessionType::Discovery
        };
        if let Some(alias) = host.alias() {
            out.pair("TargetAlias", alias)?;
        }
        let leading = admission.place.is_leading();
        Ok(Self {
            initiator,
            target,
            place: admission.place,
            negotiation: Negotiation::login(admission.limits, session_type, leading),
            security: Security::new(admission.authenticate),
        })
    }

    /// Answers a text.
    fn answer(
        &mut self,
        stage: Stage,
        text: &[u8],
        is_first: bool,
        host: &mut impl Host,
        out: &mut TextWriter<'_>,
    ) -> Result<(), Refusal> {
        let security = &mut self.security;
        let negotiation = &mut self.negotiation;
        let mut said = chap::Said::default();
        negotiation.answer(stage, text, out, |kind, pair, out| match kind {
            Foreign::Security if pair.key == "AuthMethod" => security.offer(pair, out),
            Foreign::Security => {
                said.take(pair);
                Ok(())
            }
            // `identify` has read it, if it is in the first text.
            Foreign::Identity if is_first => Ok(()),
            Foreign::Identity => Err(Refusal::initiator_error("identity changed")),
            Foreign::SendTargets => {
                let why = "SendTargets before full feature phase";
                Err(Refusal::new(LoginStatus::InvalidDuringLogin, why))
            }
        })?;
        match stage {
            Stage::Security => security.step(&said, host, out),
            _ => Ok(negotiation.declare(out)?),
        }
    }
}

/// The text of a refusal: nothing, but where to go for who is sent there (RFC 7143 11.13.5).
fn directions<'t>(status: LoginStatus, host: &impl Host, output: &'t mut [u8]) -> &'t [u8] {
    let Some(address) = host.moved_to().filter(|_| status.is_redirection()) else {
        return &[];
    };
    let mut out = TextWriter::new(output);
    let written = out.pair("TargetAddress", address).map_or(0, |()| out.len());
    output.get(..written).unwrap_or(&[])
}

/// Whether a stage can follow another (RFC 7143 7.3).
fn is_transition(from: Stage, to: Option<Stage>) -> bool {
    matches!(
        (from, to),
        (
            Stage::Security,
            Some(Stage::Operational | Stage::FullFeature)
        ) | (Stage::Operational, Some(Stage::FullFeature))
    )
}

/// The initiator and the target named in the first text of a login; no target means discovery.
fn identify(text: &[u8]) -> Result<(IscsiName, Option<IscsiName>), Refusal> {
    let (mut initiator, mut target, mut discovery) = (None, None, false);
    for pair in Pairs::new(text) {
        let pair = pair?;
        match pair.key {
            "InitiatorName" => initiator = Some(name(pair.value, "InitiatorName")?),
            "TargetName" => target = Some(pair.value),
            "SessionType" => discovery = is_discovery(pair.value)?,
            _ => {}
        }
    }
    let initiator = initiator.ok_or(missing("InitiatorName"))?;
    if discovery {
        return Ok((initiator, None));
    }
    let target = target.ok_or(missing("TargetName"))?;
    // A name that can't be a target's is one that isn't a target's here.
    let target = IscsiName::parse(target)
        .map_err(|_| Refusal::about(LoginStatus::NotFound, "not an iSCSI name", "TargetName"))?;
    Ok((initiator, Some(target)))
}

fn name(value: &str, key: &'static str) -> Result<IscsiName, Refusal> {
    let name = IscsiName::parse(value);
    name.map_err(|_| Refusal::about(LoginStatus::InitiatorError, "not an iSCSI name", key))
}

const fn missing(key: &'static str) -> Refusal {
    Refusal::about(LoginStatus::MissingParameter, "key is missing", key)
}

fn is_discovery(value: &str) -> Result<bool, Refusal> {
    match value {
        "Normal" => Ok(false),
        "Discovery" => Ok(true),
        _ => Err(Refusal::about(
            LoginStatus::SessionTypeUnsupported,
            "unknown session type",
            "SessionType",
        )),
    }
}
