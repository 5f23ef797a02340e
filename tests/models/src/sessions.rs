// SPDX-License-Identifier: GPL-2.0

//! Initiators that log in, come back and leave, while others do and the target goes: `stmf_iscsi::target`
//! and `stmf_iscsi::session`.

use crate::{
    connection::{join_all, Link},
    counters::Counted,
    end_of,
    explore,
    meanwhile,
    nexus::{NexusDescription, NexusRegistration},
    port::TargetPort,
    prelude::*,
    session::{Facts, Session, SessionKey},
    sync::Arc,
    target::{Config, Entered, NewTarget, Target},
    time::{Delta, Nsec}, //
};
use core::net::{Ipv4Addr, SocketAddr};
use loom::thread::JoinHandle;
use stmf_iscsi_proto::{
    names::IscsiName,
    params::Negotiated,
    response::LoginStatus,
    types::{Cid, Isid, Tsih}, //
};

const NAME: &str = "iqn.2026-11.test:target";
const INITIATOR: &str = "iqn.2026-11.test:initiator";

fn online_target() -> Arc<Target> {
    let name = IscsiName::parse(NAME).expect("a name");
    let config = Config::new().expect("memory");
    let new = NewTarget {
        name,
        config,
        relative_id: None,
        offline: false,
    };
    let target = Target::register(new, &ThisModule).expect("memory");
    target.online().expect("it goes online");
    target
}

fn key() -> SessionKey {
    SessionKey {
        initiator: IscsiName::parse(INITIATOR).expect("a name"),
        isid: Isid::default(),
        tag: 1,
    }
}

fn facts(cid: u16) -> Facts {
    let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut params = Negotiated::default();
    params.session.max_connections = 2;
    Facts {
        cid: Cid(cid),
        peer: nowhere,
        local: nowhere,
        params,
        since: 0,
        counted: Arc::new(Counted, GFP_KERNEL).expect("memory"),
    }
}

/// What a connection of the initiator port is, and does when it goes: `connection::Membership`.
struct Connection {
    target: Arc<Target>,
    session: Arc<Session>,
    nexus: Option<Arc<NexusRegistration>>,
    link: Arc<Link>,
}

impl Connection {
    fn end(self) {
        let link = self.link.clone();
        self.leave();
        link.is_gone();
    }

    fn leave(self) {
        drop(self.nexus);
        if self.session.remove(&self.link) {
            self.target.leave(&key(), &self.session);
        }
    }
}

fn new_link() -> Arc<Link> {
    Arc::new(Link::new(), GFP_KERNEL).expect("memory")
}

/// How long an old connection is waited for.
type Patience = Delta<Nsec>;

/// As `Connection::begin_session` and `Connection::connect`.
fn log_in(
    target: &Arc<Target>,
    link: &Arc<Link>,
    patience: Patience,
) -> Result<Connection, LoginStatus> {
    let session = loop {
        match target.enter(key(), None, link.clone(), facts(0))? {
            Entered::New(session) => break session,
            Entered::Taken(old) if old.end_but(link, patience) => {}
            Entered::Taken(_) => return Err(LoginStatus::ServiceUnavailable),
        }
    };
    let nexus = target.register_nexus(&NexusDescription(INITIATOR));
    let nexus = Arc::new(nexus.expect("a registered target"), GFP_KERNEL).expect("memory");
    session.set_nexus(nexus.clone());
    Ok(Connection {
        target: target.clone(),
        session,
        nexus: Some(nexus),
        link: link.clone(),
    })
}

/// As `Connection::join_session`.
fn join(
    target: &Arc<Target>,
    tsih: Tsih,
    cid: u16,
    link: &Arc<Link>,
    patience: Patience,
) -> Result<Connection, LoginStatus> {
    let (session, joined) = target.join(&key(), tsih, link.clone(), facts(cid))?;
    let connection = Connection {
        target: target.clone(),
        session,
        nexus: Some(joined.nexus),
        link: link.clone(),
    };
    joined.old.iter().for_each(|old| old.stop());
    if join_all(&joined.old, patience) {
        return Ok(connection);
    }
    connection.leave();
    Err(LoginStatus::ServiceUnavailable)
}

/// The thread of a connection, from its login until it is told to end; says whether it got in.
fn run(link: &Link, login: impl FnOnce() -> Result<Connection, LoginStatus>) -> bool {
    match login() {
        Ok(connection) => {
            link.serve();
            connection.end();
            true
        }
        Err(_) => {
            link.is_gone();
            false
        }
    }
}

fn spawn_login(target: &Arc<Target>, patience: Patience) -> JoinHandle<bool> {
    meanwhile(target, move |target| {
        let link = new_link();
        run(&link, || log_in(target, &link, patience))
    })
}

fn spawn_join(target: &Arc<Target>, tsih: Tsih, cid: u16, patience: Patience) -> JoinHandle<bool> {
    meanwhile(target, move |target| {
        let link = new_link();
        run(&link, || join(target, tsih, cid, &link, patience))
    })
}

/// A session that is there already, whose first connection runs in a thread.
fn session_of(target: &Arc<Target>) -> (Arc<Link>, Tsih, JoinHandle<bool>) {
    let link = new_link();
    let connection = log_in(target, &link, Delta::FOREVER).expect("a login without others");
    let tsih = connection.session.tsih;
    let thread = meanwhile(&link, |link| run(link, || Ok(connection)));
    (link, tsih, thread)
}

/// The target goes offline; then all connections have to end, and nothing is left.
fn check_end(target: &Target, connections: Vec<JoinHandle<bool>>) {
    target.offline().expect("it goes offline");
    for connection in connections {
        end_of(connection);
    }
    assert_eq!(target.sessions(), 0, "sessions of a target that is offline");
    let left = target.all_sessions().expect("memory");
    assert_eq!(left.len(), 0, "sessions that nobody counts");
}

#[test]
fn a_target_that_goes_offline_meets_every_session_that_begins() {
    explore(3, || {
        let target = online_target();
        let one = spawn_login(&target, Delta::FOREVER);
        check_end(&target, vec![one]);
    });
}

#[test]
fn a_session_takes_the_place_of_the_one_before() {
    explore(3, || {
        let target = online_target();
        let (_, _, old) = session_of(&target);
        let new = spawn_login(&target, Delta::FOREVER);
        check_end(&target, vec![old, new]);
    });
}

#[test]
fn two_that_come_back_at_once_end_one_after_the_other() {
    explore(2, || {
        let target = online_target();
        let (_, _, old) = session_of(&target);
        let one = spawn_login(&target, Delta::FOREVER);
        let other = spawn_login(&target, Delta::FOREVER);
        assert!(end_of(old), "the old session ends");
        check_end(&target, vec![one, other]);
    });
}

#[test]
fn who_joins_a_session_that_ends_is_refused_or_ends_with_it() {
    explore(2, || {
        let target = online_target();
        let (_, tsih, old) = session_of(&target);
        let joining = spawn_join(&target, tsih, 1, Delta::FOREVER);
        let new = spawn_login(&target, Delta::FOREVER);
        assert!(end_of(old), "the old session ends");
        end_of(joining);
        check_end(&target, vec![new]);
    });
}

#[test]
fn who_joins_while_the_last_connection_leaves_has_a_session_or_is_refused() {
    explore(3, || {
        let target = online_target();
        let (link, tsih, old) = session_of(&target);
        let joining = spawn_join(&target, tsih, 1, Delta::FOREVER);
        link.stop();
        end_of(old);
        check_end(&target, vec![joining]);
    });
}

#[test]
fn nobody_stays_in_a_session_that_is_logged_out() {
    explore(3, || {
        let target = online_target();
        let link = new_link();
        let connection = log_in(&target, &link, Delta::FOREVER).expect("a login without others");
        let joining = spawn_join(&target, connection.session.tsih, 1, Delta::FOREVER);
        connection.session.end_but(&link, Delta::FOREVER);
        connection.end();
        end_of(joining);
        assert_eq!(target.sessions(), 0, "sessions after the logout");
    });
}

#[test]
fn of_two_that_take_the_place_of_a_connection_one_stays() {
    explore(2, || {
        let target = online_target();
        let (_, tsih, old) = session_of(&target);
        let one = spawn_join(&target, tsih, 0, Delta::FOREVER);
        let other = spawn_join(&target, tsih, 0, Delta::FOREVER);
        assert!(end_of(old), "the old connection ends");
        check_end(&target, vec![one, other]);
    });
}

#[test]
fn who_does_not_wait_is_refused_or_alone() {
    explore(2, || {
        let target = online_target();
        let (_, _, old) = session_of(&target);
        let one = spawn_login(&target, Delta::NONE);
        let other = spawn_login(&target, Delta::NONE);
        check_end(&target, vec![old, one, other]);
    });
}

#[test]
fn a_session_that_nobody_waited_for_is_still_found() {
    explore(3, || {
        let target = online_target();
        let (_, _, old) = session_of(&target);
        let in_a_hurry = log_in(&target, &new_link(), Delta::NONE);
        if let Ok(connection) = in_a_hurry {
            connection.end();
        } else {
            let later = log_in(&target, &new_link(), Delta::FOREVER);
            later.expect("a place when the old one is gone").end();
        }
        check_end(&target, vec![old]);
    });
}

#[test]
fn a_connection_whose_place_was_wanted_too_soon_has_it_until_it_ends() {
    explore(2, || {
        let target = online_target();
        let (_, tsih, old) = session_of(&target);
        let one = spawn_join(&target, tsih, 0, Delta::NONE);
        let other = spawn_join(&target, tsih, 0, Delta::NONE);
        let new = log_in(&target, &new_link(), Delta::FOREVER);
        new.expect("a place when all of them are gone").end();
        check_end(&target, vec![old, one, other]);
    });
}
