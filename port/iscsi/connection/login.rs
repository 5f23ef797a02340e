// SPDX-License-Identifier: GPL-2.0

//! The login of a connection: who may, to what, and what it then is.

use super::{
    manage::Management,
    text::{self, Memory},
    tx::Said,
    writes::Writes,
    Connection,
    End,
    Membership,
    Normal,
    Phase, //
};
use crate::{
    log::notice_limited,
    provider::Provider,
    session::SessionKey,
    target::Target, //
};
use core::fmt::{self, Write};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::Arc,
    time::{Delta, Nsec}, //
};
use stmf::nexus::NexusDescription;
use stmf_iscsi_proto::{
    login::{Admission, Host, Identity, Login, Next, Place, Refusal},
    params::Limits,
    request::LoginRequest,
    response::{LoginResponse, LoginStatus},
    text::{Pairs, MAX_SIMPLE_VALUE_LEN},
    types::{Isid, Tsih}, //
};

/// How long a login waits for the session that it takes the place of to end. That one does so at
/// once, unless a device holds it up.
const REINSTATEMENT_LIMIT: Delta<Nsec> = Delta::from_secs(2);

/// The session handle of all discovery sessions: nobody asks for one of them by it.
const DISCOVERY_TSIH: Tsih = Tsih(1);

/// A connection that logs in.
pub(super) struct LoginPhase {
    login: Login,
    memory: Memory,
    started: bool,
    /// The target, once the initiator was admitted to it.
    target: Option<Arc<Target>>,
    /// What the initiator calls itself.
    alias: KVec<u8>,
}

impl LoginPhase {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            login: Login::new(),
            memory: Memory::new()?,
            started: false,
            target: None,
            alias: KVec::new(),
        })
    }

    /// The initiator's name, once it has said it.
    pub(super) fn initiator(&self) -> Option<&str> {
        self.login.initiator().map(|name| name.as_str())
    }

    /// Looks for what the initiator calls itself, which is of no importance.
    fn note_alias(&mut self, text: &[u8]) -> Result<(), AllocError> {
        for pair in Pairs::new(text).map_while(Result::ok) {
            if pair.key == "InitiatorAlias" && pair.value.len() <= MAX_SIMPLE_VALUE_LEN {
                self.alias.clear();
                self.alias
                    .extend_from_slice(pair.value.as_bytes(), GFP_KERNEL)?;
            }
        }
        Ok(())
    }
}

/// Decides about logins that come in by a portal of group `tag`.
struct Gatekeeper<'a> {
    provider: &'a Provider,
    tag: u16,
    target: &'a mut Option<Arc<Target>>,
}

impl Host for Gatekeeper<'_> {
    fn admit(&mut self, who: &Identity<'_>) -> Result<Admission, LoginStatus> {
        let place = match who.target {
            None => Place::decide(who.tsih, None)?,
            Some(name) => {
                let target = self.provider.target(name).ok_or(LoginStatus::NotFound)?;
                let key = SessionKey {
                    initiator: *who.initiator,
                    isid: who.isid,
                    tag: self.tag,
                };
                let place = Place::decide(who.tsih, target.admits(&key)?)?;
                *self.target = Some(target);
                place
            }
        };
        Ok(Admission {
            limits: limits(),
            group_tag: self.tag,
            place,
        })
    }

    fn alias(&self) -> Option<&str> {
        let alias = self.target.as_ref()?.alias();
        (!alias.is_empty()).then_some(alias)
    }
}

/// What initiators are offered.
fn limits() -> Limits {
    Limits {
        // Sessions end with their connection, and tasks with their session.
        default_time2retain: 0,
        header_crc32c: false,
        data_crc32c: false,
        ..Limits::default()
    }
}

impl Connection {
    /// Goes one step further in the login.
    pub(super) fn login_request(&mut self, request: &LoginRequest, text: &[u8]) -> Result<(), End> {
        let Phase::Login(phase) = &mut self.phase else {
            return Ok(());
        };
        if !phase.started {
            phase.started = true;
            self.numbers.start(request);
            self.cid = request.cid;
        }
        phase.note_alias(text)?;
        let LoginPhase {
            login,
            memory,
            target,
            ..
        } = &mut **phase;
        let mut gatekeeper = Gatekeeper {
            provider: &self.provider,
            tag: self.tag,
            target,
        };
        let sn = self.numbers.serials();
        let mut scratch = memory.scratch();
        let reply = login.step(request, text, sn, &mut gatekeeper, &mut scratch);
        let mut said = text::reply(Said::Login(reply.response), reply.text)?;
        match reply.next {
            Next::Request => {}
            Next::Close(refusal) => self.refuse(&refusal),
            Next::FullFeature => match self.enter_full_feature(request) {
                Ok(tsih) => said.set_tsih(tsih),
                Err(refusal) => {
                    self.refuse(&refusal);
                    let response = LoginResponse::refusal(request, refusal.status, sn);
                    said = text::reply(Said::Login(response), &[])?;
                }
            },
        }
        self.tx.say(said)
    }

    /// Tells the administrator that a login failed, and lets the connection end.
    fn refuse(&mut self, refusal: &Refusal) {
        let (who, peer, why) = (self.who(), self.peer, refusal.why);
        let key = refusal.key.unwrap_or("");
        let status = refusal.status as u16;
        notice_limited!("login of {who} from {peer} refused ({status:#06x}): {why} {key}");
        self.say_no_more();
    }

    /// The login is complete: makes the connection what it asked to be.
    fn enter_full_feature(&mut self, request: &LoginRequest) -> Result<Tsih, Refusal> {
        let Phase::Login(phase) = &self.phase else {
            let why = "the login is over";
            return Err(Refusal::new(LoginStatus::InvalidDuringLogin, why));
        };
        self.params = phase.login.negotiated();
        let Some(target) = phase.target.clone() else {
            self.phase = Phase::Discovery;
            return Ok(DISCOVERY_TSIH);
        };
        let failed = |status| Refusal::new(status, "the session could not be made");
        let no_memory = || failed(LoginStatus::OutOfResources);
        let key = SessionKey {
            initiator: *phase.login.initiator().ok_or_else(no_memory)?,
            isid: request.isid,
            tag: self.tag,
        };
        let (session, old) = target.enter(key, self.link.clone()).map_err(failed)?;
        let tsih = session.tsih;
        let membership = Membership {
            target,
            key,
            session,
        };
        if let Some(old) = old {
            old.link.stop();
            old.link.join(REINSTATEMENT_LIMIT);
        }
        let normal = self.begin_session(membership).map_err(|error| {
            failed(if error == ENODEV {
                LoginStatus::ServiceUnavailable
            } else {
                LoginStatus::OutOfResources
            })
        })?;
        self.numbers.follow(normal.endpoint.clone());
        self.phase = Phase::Normal(normal);
        self.provider.farewell(&self.link);
        Ok(tsih)
    }

    /// Makes the I_T nexus.
    fn begin_session(&self, membership: Membership) -> Result<KBox<Normal>> {
        let Phase::Login(phase) = &self.phase else {
            return Err(EINVAL);
        };
        let mut isid = IsidText::default();
        let _ = isid.show(membership.key.isid);
        let nexus = membership.target.register_nexus(&NexusDescription {
            initiator: membership.key.initiator.as_str(),
            alias: core::str::from_utf8(&phase.alias).unwrap_or(""),
            isid: isid.as_str(),
        })?;
        let normal = Normal {
            endpoint: nexus.connect(self.link.clone())?,
            _nexus: nexus,
            membership,
            writes: Writes::new(),
            management: Management::new(),
        };
        Ok(KBox::new(normal, GFP_KERNEL)?)
    }
}

/// An ISID as twelve hexadecimal digits.
#[derive(Default)]
struct IsidText {
    digits: [u8; 12],
    len: usize,
}

impl IsidText {
    fn show(&mut self, isid: Isid) -> fmt::Result {
        isid.0
            .iter()
            .try_for_each(|byte| write!(self, "{byte:02x}"))
    }

    fn as_str(&self) -> &str {
        let digits = self.digits.get(..self.len).unwrap_or(&[]);
        core::str::from_utf8(digits).unwrap_or("")
    }
}

impl Write for IsidText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            *self.digits.get_mut(self.len).ok_or(fmt::Error)? = byte;
            self.len = self.len.saturating_add(1);
        }
        Ok(())
    }
}
