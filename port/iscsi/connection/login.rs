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
    Phase,
    END_LIMIT, //
};
use crate::{
    joint::Joint,
    log::notice_limited,
    portal::Door,
    provider::{self, Provider},
    session::{Facts, Joined, Session, SessionKey},
    settings::{Credentials, Redirect},
    target::{Config, Entered, Target}, //
};
use core::fmt::{self, Write};
use kernel::{
    alloc::AllocError,
    prelude::*,
    sync::Arc,
    time::Delta, //
};
use stmf::nexus::{NexusDescription, NexusRegistration};
use stmf_iscsi_proto::{
    login::{
        chap::{Authenticator, Puzzle, MAX_RESPONSE_LEN},
        Admission, Host, Identity, Login, Next, Place, Refusal,
    },
    names::IscsiName,
    request::LoginRequest,
    response::{LoginResponse, LoginStatus},
    text::{shown, Pairs, MAX_SIMPLE_VALUE_LEN},
    types::{Isid, Tsih}, //
};
use stmf_kernel::{clock, crypto, random};
use stmf_scsi::TransportId;

/// The session handle of all discovery sessions: nobody asks for one of them by it.
const DISCOVERY_TSIH: Tsih = Tsih(1);

/// A connection that logs in.
pub(super) struct LoginPhase {
    login: Login,
    memory: Memory,
    started: bool,
    guest: Guest,
    /// What the initiator calls itself.
    alias: KVec<u8>,
}

impl LoginPhase {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            login: Login::new(),
            memory: Memory::new()?,
            started: false,
            guest: Guest::default(),
            alias: KVec::new(),
        })
    }

    /// The initiator's name, once it has said it.
    pub(super) fn initiator(&self) -> Option<&str> {
        self.login.initiator().map(|name| name.as_str())
    }

    /// Looks for what the initiator calls itself, which is of no importance; it is shown in lists.
    fn note_alias(&mut self, text: &[u8]) -> Result<(), AllocError> {
        for pair in Pairs::new(text).map_while(Result::ok) {
            if pair.key == "InitiatorAlias" && pair.value.len() <= MAX_SIMPLE_VALUE_LEN {
                self.alias.clear();
                for c in shown(pair.value) {
                    let mut bytes = [0; 4];
                    let bytes = c.encode_utf8(&mut bytes).as_bytes();
                    self.alias.extend_from_slice(bytes, GFP_KERNEL)?;
                }
            }
        }
        Ok(())
    }
}

/// Who wants to log in to what, as it was when it came.
#[derive(Default)]
struct Guest {
    /// The target, once the initiator was admitted to it; none for a discovery session.
    target: Option<(Arc<Target>, Arc<Config>)>,
    /// What the connections of the session share that it wants to join.
    joint: Option<Arc<Joint>>,
    /// Where the initiator is sent instead.
    redirect: Option<Redirect>,
    /// What the initiator is called in CHAP, and its secret.
    name: KVec<u8>,
    initiator: Credentials,
    /// The same of ours.
    own_name: KVec<u8>,
    own: Credentials,
}

impl Guest {
    /// Takes note of who it is; `own_name` is the target's.
    fn arrive(
        &mut self,
        provider: &Provider,
        name: &IscsiName,
        own_name: Option<&IscsiName>,
    ) -> Result<(), AllocError> {
        if let Some(known) = provider.initiator(name) {
            self.initiator = known.credentials.clone();
        }
        self.own = match &self.target {
            Some((_, config)) => config.settings.credentials.clone(),
            None => provider.defaults().credentials.clone(),
        };
        let name = self.initiator.user().unwrap_or(name.as_str());
        self.name.extend_from_slice(name.as_bytes(), GFP_KERNEL)?;
        let own_name = self.own.user().or(own_name.map(|name| name.as_str()));
        let own_name = own_name.unwrap_or(provider::NAME);
        self.own_name
            .extend_from_slice(own_name.as_bytes(), GFP_KERNEL)
    }
}

/// Decides about logins that come in by a portal.
struct Gatekeeper<'a> {
    provider: &'a Provider,
    door: &'a Door,
    guest: &'a mut Guest,
}

impl Authenticator for Gatekeeper<'_> {
    fn random(&mut self, out: &mut [u8]) {
        random::fill(out);
    }

    fn verify(&mut self, name: &str, puzzle: &Puzzle<'_>, response: &[u8]) -> bool {
        let mut right = [0; MAX_RESPONSE_LEN];
        let right = right.get_mut(..puzzle.algorithm.len()).unwrap_or(&mut []);
        let has_secret = self.guest.initiator.solve(puzzle, right).is_some();
        let is_right = crypto::equal(right, response);
        has_secret && is_right && name.as_bytes() == &*self.guest.name
    }

    fn prove(&mut self, puzzle: &Puzzle<'_>, out: &mut [u8]) -> Option<&str> {
        let guest = &*self.guest;
        if self.provider.is_initiators_secret(&guest.own) {
            notice_limited!("an initiator and a target have the same CHAP secret: not used");
            return None;
        }
        guest.own.solve(puzzle, out)?;
        core::str::from_utf8(&guest.own_name).ok()
    }
}

impl Host for Gatekeeper<'_> {
    fn admit(&mut self, who: &Identity<'_>) -> Result<Admission, LoginStatus> {
        let place = match who.target {
            None => Place::decide(who.tsih, None)?,
            Some(name) => {
                let target = self.provider.target(name).ok_or(LoginStatus::NotFound)?;
                let config = target.config();
                if !config.groups.contains(self.door.tag) {
                    return Err(LoginStatus::NotFound);
                }
                let redirect = config.redirect.as_ref();
                if let Some(redirect) = redirect.filter(|to| to.concerns(self.door.tag)) {
                    self.guest.redirect = Some(redirect.clone());
                    return Err(redirect.status());
                }
                let key = SessionKey {
                    initiator: *who.initiator,
                    isid: who.isid,
                    tag: self.door.tag,
                };
                let place = Place::decide(who.tsih, target.admits(&key, who.cid)?)?;
                self.guest.joint = target.joint_of(&key, who.tsih);
                self.guest.target = Some((target, config));
                place
            }
        };
        let arrived = self.guest.arrive(self.provider, who.initiator, who.target);
        arrived.map_err(|AllocError| LoginStatus::OutOfResources)?;
        let config = self.guest.target.as_ref().map(|(_, config)| &**config);
        Ok(Admission {
            limits: self.provider.limits(config),
            group_tag: self.door.tag,
            place,
            authenticate: self.provider.authenticates(config),
        })
    }

    fn alias(&self) -> Option<&str> {
        let (_, config) = self.guest.target.as_ref()?;
        let alias = config.alias();
        (!alias.is_empty()).then_some(alias)
    }

    fn moved_to(&self) -> Option<&str> {
        self.guest.redirect.as_ref().map(Redirect::address)
    }
}

impl Membership {
    /// What an initiator has reserved, or prevents, by a connection that it has closed is gone when
    /// it comes back, though by another port: its thread only hasn't run yet.
    fn await_lost(&self) {
        // Without memory the initiator may find things as it left them, for a moment.
        let lost = self.target.lost_links(&self.key.initiator, &self.link);
        self.link.await_all(&lost.unwrap_or_default(), END_LIMIT);
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
            guest,
            ..
        } = &mut **phase;
        let mut gatekeeper = Gatekeeper {
            provider: &self.provider,
            door: &self.door,
            guest,
        };
        let sn = self.numbers.serials();
        let mut scratch = memory.scratch();
        let reply = login.step(request, text, sn, &mut gatekeeper, &mut scratch);
        if !login.is_trusted() && guest.joint.is_some() {
            // How far a session has got is nobody else's business.
            self.numbers.conceal(request);
        } else if let Some(joint) = guest.joint.take() {
            self.numbers.observe(joint);
        }
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
        let (who, peer) = (self.who(), self.peer);
        let Refusal { status, why, key } = refusal;
        let (colon, key) = key.map_or(("", ""), |key| (": ", key));
        notice_limited!("login of {who} from {peer} refused: {status:?}, {why}{colon}{key}");
        self.say_no_more();
    }

    /// The login is complete: makes the connection what it asked to be.
    fn enter_full_feature(&mut self, request: &LoginRequest) -> Result<Tsih, Refusal> {
        let Phase::Login(phase) = &self.phase else {
            let why = "the login is over";
            return Err(Refusal::new(LoginStatus::InvalidDuringLogin, why));
        };
        self.params = phase.login.negotiated();
        let no_memory = || failed(LoginStatus::OutOfResources);
        let initiator = *phase.login.initiator().ok_or_else(no_memory)?;
        let Some((target, config)) = phase.guest.target.clone() else {
            let initiator = KBox::new(initiator, GFP_KERNEL).map_err(|_| no_memory())?;
            self.phase = Phase::Discovery(initiator);
            return Ok(DISCOVERY_TSIH);
        };
        let key = SessionKey {
            initiator,
            isid: request.isid,
            tag: self.door.tag,
        };
        let (membership, joined) = match request.tsih.is_none() {
            true => (self.begin_session(target, key)?, None),
            false => {
                let (membership, joined) = self.join_session(target, key, request.tsih)?;
                (membership, Some(joined))
            }
        };
        let tsih = membership.session.tsih;
        self.connect(membership, joined).map_err(|error| {
            failed(if error == ENODEV {
                LoginStatus::ServiceUnavailable
            } else {
                LoginStatus::OutOfResources
            })
        })?;
        self.patience = self.provider.patience(&config);
        self.provider.farewell(&self.link);
        Ok(tsih)
    }

    fn facts(&self) -> Facts {
        Facts {
            cid: self.cid,
            peer: self.peer,
            local: self.local,
            params: self.params,
            since: clock::unix_seconds(),
            counted: self.numbers.counters.counted(),
        }
    }

    /// Enters a new session, when the one has ended that it takes the place of.
    fn begin_session(
        &mut self,
        target: Arc<Target>,
        key: SessionKey,
    ) -> Result<Membership, Refusal> {
        let mut joint = None;
        if self.params.session.max_connections > 1 {
            let made = Joint::new(self.numbers.own_window());
            joint = Some(made.map_err(|_| failed(LoginStatus::OutOfResources))?);
        }
        let session = self.enter(&target, key, &joint)?;
        if let Some(joint) = joint {
            self.numbers.observe(joint);
        }
        let membership = Membership {
            target,
            key,
            session,
            link: self.link.clone(),
        };
        membership.await_lost();
        Ok(membership)
    }

    /// Ends the session that there is, and those that others put in its place meanwhile, and enters
    /// a new one.
    fn enter(
        &self,
        target: &Target,
        key: SessionKey,
        joint: &Option<Arc<Joint>>,
    ) -> Result<Arc<Session>, Refusal> {
        let until = clock::monotonic_ns().saturating_add(END_LIMIT.as_nanos());
        loop {
            let entered = target.enter(key, joint.clone(), self.link.clone(), self.facts());
            let old = match entered.map_err(failed)? {
                Entered::New(session) => return Ok(session),
                Entered::Taken(old) => old,
            };
            let left = until.saturating_sub(clock::monotonic_ns());
            if left <= 0 || !old.end_but(&self.link, Delta::from_nanos(left)) {
                return Err(held_up());
            }
        }
    }

    /// Enters a session that there is, and ends the connection that this one takes the place of.
    fn join_session(
        &mut self,
        target: Arc<Target>,
        key: SessionKey,
        tsih: Tsih,
    ) -> Result<(Membership, Joined), Refusal> {
        let joined = target.join(&key, tsih, self.link.clone(), self.facts());
        let (session, joined) = joined.map_err(failed)?;
        // What was negotiated for the session holds for all its connections.
        self.params.session = session.params;
        let membership = Membership {
            target,
            key,
            session,
            link: self.link.clone(),
        };
        joined.old.iter().for_each(|old| old.stop());
        if !self.link.await_all(&joined.old, END_LIMIT) {
            // Before the membership, with which the I_T nexus ends if the others have left meanwhile.
            drop(joined);
            return Err(held_up());
        }
        Ok((membership, joined))
    }

    /// Makes the connection one of the I_T nexus; the first one makes that, too.
    fn connect(&mut self, membership: Membership, joined: Option<Joined>) -> Result {
        let (nexus, number) = match joined {
            Some(joined) => (joined.nexus, joined.number),
            None => (self.make_nexus(&membership)?, 0),
        };
        // One that can have no others shares the nexus only with the one whose place it has taken.
        let place = self.numbers.attach(&self.link.doorbell)?;
        let endpoint = nexus.connect(place.unwrap_or(number), self.link.clone())?;
        self.numbers.follow(endpoint.clone());
        let normal = Normal {
            endpoint,
            nexus,
            membership,
            writes: Writes::new(),
            management: Management::new(),
            fences: KVec::new(),
        };
        self.phase = Phase::Normal(KBox::new(normal, GFP_KERNEL)?);
        Ok(())
    }

    /// Makes the I_T nexus.
    fn make_nexus(&self, membership: &Membership) -> Result<Arc<NexusRegistration>> {
        let Phase::Login(phase) = &self.phase else {
            return Err(EINVAL);
        };
        let key = &membership.key;
        let mut isid = IsidText::default();
        let _ = isid.show(key.isid);
        let nexus = membership.target.register_nexus(&NexusDescription {
            port: TransportId::iscsi(key.initiator.as_str(), Some(key.isid.0)).ok_or(EINVAL)?,
            initiator: key.initiator.as_str(),
            alias: core::str::from_utf8(&phase.alias).unwrap_or(""),
            isid: isid.as_str(),
        })?;
        nexus.watch(self.link.clone())?;
        let nexus = Arc::new(nexus, GFP_KERNEL)?;
        membership.session.set_nexus(nexus.clone());
        Ok(nexus)
    }
}

fn failed(status: LoginStatus) -> Refusal {
    Refusal::new(status, "the session could not be made")
}

/// What the connection should take the place of could still carry out commands, behind those that come
/// by this one. It stays where it is until it ends; the initiator tries again.
fn held_up() -> Refusal {
    let why = "what it takes the place of has not ended";
    Refusal::new(LoginStatus::ServiceUnavailable, why)
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
