// SPDX-License-Identifier: GPL-2.0

//! Logins, as initiators drive them.

use super::*;
use crate::{
    params::Digest,
    sn::Sn, //
};
use std::{format, string::String, vec, vec::Vec};

const INITIATOR: &str = "iqn.1994-05.com.redhat:host";
const TARGET: &str = "iqn.2001-04.com.example:disk";

/// A target that lets everyone in to [`TARGET`] who knows the secret, if it has one.
struct Open {
    sessions: Option<Existing>,
    alias: Option<&'static str>,
    asked: u32,
    authenticate: bool,
    /// The secret by which the target proves itself.
    own: Option<u8>,
    /// How and where the target has moved.
    moved: Option<(LoginStatus, &'static str)>,
}

/// The initiator's secret, in a toy of a digest.
const SECRET: u8 = 0x5a;

/// A digest that shows what it is of, for tests.
fn solve(puzzle: &chap::Puzzle<'_>, secret: u8) -> Vec<u8> {
    let sum = puzzle
        .challenge
        .iter()
        .fold(puzzle.id, |sum, byte| sum.wrapping_add(*byte));
    vec![sum ^ secret; puzzle.algorithm.len()]
}

impl Authenticator for Open {
    fn random(&mut self, out: &mut [u8]) {
        out.fill(0x11);
    }

    fn verify(&mut self, name: &str, puzzle: &chap::Puzzle<'_>, response: &[u8]) -> bool {
        name == "user" && response == solve(puzzle, SECRET)
    }

    fn prove(&mut self, puzzle: &chap::Puzzle<'_>, out: &mut [u8]) -> Option<&str> {
        out.copy_from_slice(&solve(puzzle, self.own?));
        Some("target")
    }
}

impl Open {
    fn new() -> Self {
        Self {
            sessions: None,
            alias: None,
            asked: 0,
            authenticate: false,
            own: None,
            moved: None,
        }
    }
}

impl Host for Open {
    fn admit(&mut self, who: &Identity<'_>) -> Result<Admission, LoginStatus> {
        self.asked += 1;
        assert_eq!(who.initiator.as_str(), INITIATOR);
        if who.target.is_some_and(|target| target.as_str() != TARGET) {
            return Err(LoginStatus::NotFound);
        }
        if let Some((status, _)) = self.moved {
            return Err(status);
        }
        Ok(Admission {
            limits: Limits::default(),
            group_tag: 3,
            place: Place::decide(who.tsih, self.sessions)?,
            authenticate: self.authenticate,
        })
    }

    fn alias(&self) -> Option<&str> {
        self.alias
    }

    fn moved_to(&self) -> Option<&str> {
        Some(self.moved?.1)
    }
}

/// A target and the connection to it.
struct Setup {
    login: Login,
    host: Open,
    input: Vec<u8>,
    output: Vec<u8>,
}

impl Setup {
    fn new() -> Self {
        Self {
            login: Login::new(),
            host: Open::new(),
            input: vec![0; 16 << 10],
            output: vec![0; 16 << 10],
        }
    }

    /// Sends a request; gives what comes after it, the response, and its text with `|` for NUL.
    fn send(&mut self, request: &LoginRequest, text: &str) -> (Next, LoginResponse, String) {
        let text = text.replace('|', "\0");
        let mut scratch = Scratch {
            input: &mut self.input,
            output: &mut self.output,
        };
        let (text, sn) = (text.as_bytes(), Serials::default());
        let reply = self
            .login
            .step(request, text, sn, &mut self.host, &mut scratch);
        assert_eq!(reply.response.data_len as usize, reply.text.len());
        let text = String::from_utf8(reply.text.to_vec()).unwrap();
        (reply.next, reply.response, text.replace('\0', "|"))
    }

    /// Sends a request that has to fail, and gives the status.
    fn fails(&mut self, request: &LoginRequest, text: &str) -> LoginStatus {
        let (next, response, answer) = self.send(request, text);
        assert!(matches!(next, Next::Close(_)), "{next:?} {answer}");
        assert!(!response.transit && answer.is_empty());
        let again = self.send(&request_from(Stage::Operational), "").1;
        assert_eq!(again.status, LoginStatus::InvalidDuringLogin);
        response.status
    }
}

fn request_from(stage: Stage) -> LoginRequest {
    LoginRequest {
        transit: false,
        is_continued: false,
        csg: Some(stage),
        nsg: None,
        version_max: 0,
        version_min: 0,
        isid: Isid([0x00, 0x02, 0x3d, 0, 0, 1]),
        tsih: Tsih::NONE,
        itt: Itt(5),
        cid: Cid(1),
        order: crate::request::Order {
            cmd_sn: Sn::new(100),
            immediate: true,
        },
        exp_stat_sn: Sn::new(0),
    }
}

fn request(stage: Stage, next: Stage) -> LoginRequest {
    LoginRequest {
        transit: true,
        nsg: Some(next),
        ..request_from(stage)
    }
}

fn names() -> String {
    format!("InitiatorName={INITIATOR}|TargetName={TARGET}|SessionType=Normal|")
}

#[test]
fn a_login_in_two_stages() {
    let mut setup = Setup::new();
    setup.host.alias = Some("the disk");
    let first = request(Stage::Security, Stage::Operational);
    let text = names() + "AuthMethod=CHAP,None|";
    let (next, response, answer) = setup.send(&first, &text);
    assert_eq!(next, Next::Request);
    assert!(setup.login.is_trusted());
    assert!(response.transit && !response.is_continued);
    assert_eq!(response.csg, Stage::Security);
    assert_eq!(response.nsg, Stage::Operational);
    assert_eq!((response.isid, response.tsih), (first.isid, Tsih::NONE));
    assert_eq!(
        (response.itt, response.status),
        (Itt(5), LoginStatus::Success)
    );
    let expected = "TargetPortalGroupTag=3|TargetAlias=the disk|AuthMethod=None|";
    assert_eq!(answer, expected);

    let second = request(Stage::Operational, Stage::FullFeature);
    let text = "HeaderDigest=CRC32C,None|MaxRecvDataSegmentLength=65536|InitialR2T=No|";
    let (next, response, answer) = setup.send(&second, text);
    assert_eq!(next, Next::FullFeature);
    assert_eq!(response.nsg, Stage::FullFeature);
    let expected = "HeaderDigest=CRC32C|InitialR2T=No|MaxRecvDataSegmentLength=262144|";
    assert_eq!(answer, expected);

    let login = &setup.login;
    assert!(login.is_complete());
    assert_eq!(login.initiator().unwrap().as_str(), INITIATOR);
    assert_eq!(login.target().unwrap().as_str(), TARGET);
    assert_eq!(login.place(), Some(Place::NewSession));
    let negotiated = login.negotiated();
    assert_eq!(negotiated.connection.header_digest, Digest::Crc32c);
    assert_eq!(negotiated.connection.max_send_data_segment_length, 65536);
    assert!(!negotiated.session.initial_r2t);
    assert_eq!(setup.host.asked, 1);
}

#[test]
fn a_login_in_one_step() {
    for stage in [Stage::Security, Stage::Operational] {
        let mut setup = Setup::new();
        let (next, response, _) = setup.send(&request(stage, Stage::FullFeature), &names());
        assert_eq!(next, Next::FullFeature);
        assert_eq!((response.csg, response.nsg), (stage, Stage::FullFeature));
        // Who skips the operational stage gets what is there without it.
        let recv = setup.login.negotiated().connection;
        let declared = stage == Stage::Operational;
        assert_eq!(recv.max_recv_data_segment_length == 262_144, declared);
    }
}

#[test]
fn a_discovery_session() {
    let mut setup = Setup::new();
    let text = format!("SessionType=Discovery|MaxBurstLength=512|InitiatorName={INITIATOR}|");
    let request = request(Stage::Operational, Stage::FullFeature);
    let (next, _, answer) = setup.send(&request, &text);
    assert_eq!(next, Next::FullFeature);
    let expected = "MaxBurstLength=Irrelevant|MaxRecvDataSegmentLength=262144|";
    assert_eq!(answer, expected);
    assert!(setup.login.target().is_none());
    let session = setup.login.negotiated().session;
    assert_eq!(session.session_type, SessionType::Discovery);
}

#[test]
fn a_login_that_takes_its_time() {
    let mut setup = Setup::new();
    let (next, response, _) = setup.send(&request_from(Stage::Operational), &names());
    assert_eq!(next, Next::Request);
    assert!(!response.transit);
    let text = "ImmediateData=Yes|";
    let (next, _, answer) = setup.send(&request_from(Stage::Operational), text);
    assert_eq!((next, answer.as_str()), (Next::Request, text));
    let last = request(Stage::Operational, Stage::FullFeature);
    assert_eq!(setup.send(&last, "").0, Next::FullFeature);
}

#[test]
fn names_are_compared_in_lower_case() {
    let mut setup = Setup::new();
    let text = names().replace(INITIATOR, &INITIATOR.to_uppercase());
    let text = text.replace(TARGET, &TARGET.to_uppercase());
    let request = request(Stage::Operational, Stage::FullFeature);
    assert_eq!(setup.send(&request, &text).0, Next::FullFeature);
}

#[test]
fn text_in_pieces() {
    let whole = names() + "MaxBurstLength=512|";
    let step = if cfg!(miri) { 61 } else { 1 };
    for cut in (0..=whole.len()).step_by(step) {
        let mut setup = Setup::new();
        let mut first = request_from(Stage::Operational);
        first.is_continued = true;
        let (next, response, answer) = setup.send(&first, &whole[..cut]);
        assert_eq!((next, answer.as_str()), (Next::Request, ""));
        assert!(!response.transit && !response.is_continued);
        let last = request(Stage::Operational, Stage::FullFeature);
        let (next, _, answer) = setup.send(&last, &whole[cut..]);
        assert_eq!(next, Next::FullFeature);
        assert!(answer.contains("MaxBurstLength=512|"));
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn an_answer_in_pieces() {
    let mut setup = Setup::new();
    let unknown: String = (1000..1500).map(|key| format!("K{key}=|")).collect();
    let last = request(Stage::Operational, Stage::FullFeature);
    let (next, response, mut whole) = setup.send(&last, &(names() + &unknown));
    assert_eq!(next, Next::Request);
    assert!(response.is_continued && !response.transit);
    assert_eq!(whole.len(), MAX_LOGIN_TEXT);
    let (next, response, rest) = setup.send(&last, "");
    assert_eq!(next, Next::FullFeature);
    assert!(!response.is_continued && response.transit);
    whole += &rest;
    assert_eq!(whole.matches("=NotUnderstood|").count(), 500);
    assert!(whole.ends_with("MaxRecvDataSegmentLength=262144|"));
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn an_answer_in_pieces_is_not_interrupted() {
    let unknown: String = (1000..1500).map(|key| format!("K{key}=|")).collect();
    let text = names() + &unknown;
    let mut continued = request_from(Stage::Operational);
    continued.is_continued = true;
    for (request, interruption) in [(request_from(Stage::Operational), "A=b|"), (continued, "")] {
        let mut setup = Setup::new();
        setup.send(&request_from(Stage::Operational), &text);
        let status = setup.fails(&request, interruption);
        assert_eq!(status, LoginStatus::InitiatorError);
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes minutes")]
fn a_longer_answer_than_there_is_memory_for() {
    let mut setup = Setup::new();
    let unknown: String = (0..2048).map(|key| format!("K{key}=|")).collect();
    let mut status = None;
    let text = names() + &unknown;
    let pieces: Vec<_> = text.as_bytes().chunks(MAX_LOGIN_TEXT).collect();
    for (number, piece) in pieces.iter().enumerate() {
        let mut request = request_from(Stage::Operational);
        request.is_continued = number + 1 < pieces.len();
        let piece = core::str::from_utf8(piece).unwrap();
        status = Some(setup.send(&request, piece).1.status);
    }
    assert_eq!(status, Some(LoginStatus::InitiatorError));
    assert!(!setup.login.is_complete());
}

#[test]
fn a_longer_text_than_there_is_memory_for() {
    let mut setup = Setup::new();
    let mut continued = request_from(Stage::Operational);
    continued.is_continued = true;
    let piece = "a".repeat(MAX_LOGIN_TEXT);
    assert_eq!(setup.send(&continued, &piece).0, Next::Request);
    assert_eq!(setup.send(&continued, &piece).0, Next::Request);
    let status = setup.fails(&continued, "a");
    assert_eq!(status, LoginStatus::InitiatorError);
    let status = Setup::new().fails(&continued, &(piece + "a"));
    assert_eq!(status, LoginStatus::InitiatorError);
}

#[test]
fn what_is_missing_or_malformed() {
    let first = request(Stage::Operational, Stage::FullFeature);
    let initiator = format!("InitiatorName={INITIATOR}|");
    let target = format!("TargetName={TARGET}|");
    let cases = [
        (String::new(), LoginStatus::MissingParameter),
        (target.clone(), LoginStatus::MissingParameter),
        (initiator.clone(), LoginStatus::MissingParameter),
        (names() + &initiator, LoginStatus::InitiatorError),
        (names() + &target, LoginStatus::InitiatorError),
        (
            names() + "SessionType=Discovery|",
            LoginStatus::InitiatorError,
        ),
        (names() + "NoEquals|", LoginStatus::InitiatorError),
        (names() + "No=Nul", LoginStatus::InitiatorError),
        (names() + "AuthMethod=None|", LoginStatus::InitiatorError),
        (
            names() + "TargetAddress=1.2.3.4,1|",
            LoginStatus::InitiatorError,
        ),
        (names() + "SendTargets=All|", LoginStatus::InitiatorError),
        (
            format!("InitiatorName=me|{target}"),
            LoginStatus::InitiatorError,
        ),
        (format!("{initiator}TargetName=you|"), LoginStatus::NotFound),
        (
            format!("{initiator}TargetName=iqn.2001-04.com.example:tape|"),
            LoginStatus::NotFound,
        ),
        (
            initiator + "SessionType=Other|",
            LoginStatus::SessionTypeUnsupported,
        ),
    ];
    for (text, status) in cases {
        assert_eq!(Setup::new().fails(&first, &text), status, "{text}");
    }
}

#[test]
fn only_the_first_text_says_who_it_is() {
    for text in [
        "SessionType=Discovery|",
        "TargetName=iqn.a|",
        "InitiatorName=iqn.a|",
    ] {
        let mut setup = Setup::new();
        let names = format!("InitiatorName={INITIATOR}|TargetName={TARGET}|");
        setup.send(&request_from(Stage::Operational), &names);
        let status = setup.fails(&request_from(Stage::Operational), text);
        assert_eq!(status, LoginStatus::InitiatorError, "{text}");
    }
}

#[test]
fn no_common_authentication() {
    let first = request(Stage::Security, Stage::Operational);
    let text = names() + "AuthMethod=KRB5,SRP|";
    let status = Setup::new().fails(&first, &text);
    assert_eq!(status, LoginStatus::AuthenticationFailure);
}

#[test]
fn operational_keys_wait_for_their_stage() {
    let first = request(Stage::Security, Stage::Operational);
    let status = Setup::new().fails(&first, &(names() + "InitialR2T=No|"));
    assert_eq!(status, LoginStatus::InitiatorError);
}

#[test]
fn bad_headers() {
    let good = request(Stage::Operational, Stage::FullFeature);
    let version = LoginRequest {
        version_min: 1,
        ..good
    };
    let status = Setup::new().fails(&version, &names());
    assert_eq!(status, LoginStatus::UnsupportedVersion);
    let bad = [
        LoginRequest {
            is_continued: true,
            ..good
        },
        LoginRequest { csg: None, ..good },
        LoginRequest {
            csg: Some(Stage::FullFeature),
            ..good
        },
        LoginRequest { nsg: None, ..good },
        LoginRequest {
            nsg: Some(Stage::Operational),
            ..good
        },
        LoginRequest {
            nsg: Some(Stage::Security),
            ..good
        },
    ];
    for request in bad {
        let status = Setup::new().fails(&request, &names());
        assert_eq!(status, LoginStatus::InitiatorError, "{request:?}");
    }
}

#[test]
fn what_must_not_change_during_a_login() {
    let good = request_from(Stage::Operational);
    let bad = [
        LoginRequest {
            isid: Isid([9; 6]),
            ..good
        },
        LoginRequest {
            tsih: Tsih(1),
            ..good
        },
        LoginRequest {
            itt: Itt(6),
            ..good
        },
        LoginRequest {
            cid: Cid(2),
            ..good
        },
        LoginRequest {
            csg: Some(Stage::Security),
            ..good
        },
    ];
    for request in bad {
        let mut setup = Setup::new();
        setup.send(&good, &names());
        let status = setup.fails(&request, "");
        assert_eq!(status, LoginStatus::InitiatorError, "{request:?}");
    }
}

#[test]
fn nothing_comes_after_the_login() {
    let mut setup = Setup::new();
    let last = request(Stage::Operational, Stage::FullFeature);
    setup.send(&last, &names());
    let status = setup.send(&last, "").1.status;
    assert_eq!(status, LoginStatus::InvalidDuringLogin);
    assert!(!setup.login.is_complete());
}

#[test]
fn places_of_connections() {
    let session = Existing {
        tsih: Tsih(8),
        has_cid: false,
        has_room: false,
    };
    let with_cid = Existing {
        has_cid: true,
        ..session
    };
    let with_room = Existing {
        has_room: true,
        ..session
    };
    let cases = [
        (0, None, Ok(Place::NewSession)),
        (8, None, Err(LoginStatus::NoSuchSession)),
        (0, Some(session), Ok(Place::SessionReinstatement)),
        (9, Some(session), Err(LoginStatus::NoSuchSession)),
        (8, Some(session), Err(LoginStatus::TooManyConnections)),
        (8, Some(with_cid), Ok(Place::ConnectionReinstatement)),
        (8, Some(with_room), Ok(Place::NewConnection)),
    ];
    for (tsih, existing, expected) in cases {
        assert_eq!(Place::decide(Tsih(tsih), existing), expected);
    }
}

#[test]
fn a_further_connection_negotiates_only_itself() {
    let existing = Existing {
        tsih: Tsih(8),
        has_cid: false,
        has_room: true,
    };
    let mut first = request(Stage::Operational, Stage::FullFeature);
    first.tsih = Tsih(8);
    for (text, is_good) in [("DataDigest=CRC32C|", true), ("InitialR2T=No|", false)] {
        let mut setup = Setup::new();
        setup.host.sessions = Some(existing);
        let (next, response, _) = setup.send(&first, &(names() + text));
        assert_eq!(next == Next::FullFeature, is_good);
        assert_eq!(response.tsih, Tsih(8));
        assert_eq!(setup.login.place(), Some(Place::NewConnection));
    }
}

/// A target that wants a proof, and gives one.
fn closed() -> Setup {
    let mut setup = Setup::new();
    (setup.host.authenticate, setup.host.own) = (true, Some(1));
    setup
}

/// Up to the challenge.
fn challenged(setup: &mut Setup, algorithms: &str) -> String {
    let request = request_from(Stage::Security);
    let names = format!("InitiatorName={INITIATOR}|TargetName={TARGET}|AuthMethod=CHAP,None|");
    let (_, _, text) = setup.send(&request, &names);
    assert!(text.ends_with("AuthMethod=CHAP|"), "{text}");
    let (_, response, text) = setup.send(&request, &format!("CHAP_A={algorithms}|"));
    assert_eq!(response.status, LoginStatus::Success);
    assert!(!setup.login.is_trusted());
    text
}

/// A proof in hexadecimal digits, with the initiator's secret.
fn proof(algorithm: chap::Algorithm) -> String {
    let challenge = vec![0x11; algorithm.len()];
    let puzzle = chap::Puzzle {
        algorithm,
        id: 0x11,
        challenge: &challenge,
    };
    format!(
        "CHAP_N=user|CHAP_R={}|",
        crate::text::Hex(&solve(&puzzle, SECRET))
    )
}

fn to_operational() -> LoginRequest {
    LoginRequest {
        transit: true,
        nsg: Some(Stage::Operational),
        ..request_from(Stage::Security)
    }
}

#[test]
fn chap_one_way_by_every_algorithm() {
    use chap::Algorithm::{Md5, Sha1, Sha256, Sha3_256};
    let cases = [
        ("5", Md5, 5),
        ("9,6,5", Sha1, 6),
        ("7", Sha256, 7),
        ("0x8,7", Sha3_256, 8),
    ];
    for (offered, algorithm, chosen) in cases {
        let mut setup = closed();
        let challenge = "11".repeat(algorithm.len());
        let expected = format!("CHAP_A={chosen}|CHAP_I=17|CHAP_C=0x{challenge}|");
        assert_eq!(challenged(&mut setup, offered), expected);
        let (_, response, text) = setup.send(&to_operational(), &proof(algorithm));
        assert!(response.transit && text.is_empty(), "{text}");
        assert_eq!(response.status, LoginStatus::Success);
        assert!(setup.login.is_trusted());
    }
}

#[test]
fn chap_both_ways() {
    let mut setup = closed();
    challenged(&mut setup, "5");
    // In any order of keys.
    let text = format!("CHAP_C=0x0203|CHAP_I=1|{}", proof(chap::Algorithm::Md5));
    let (_, response, text) = setup.send(&to_operational(), &text);
    assert!(response.transit);
    let answer = "07".repeat(16);
    assert_eq!(text, format!("CHAP_N=target|CHAP_R=0x{answer}|"));
}

#[test]
fn chap_is_wanted_and_nothing_else_will_do() {
    let names = format!("InitiatorName={INITIATOR}|TargetName={TARGET}|");
    let failure = LoginStatus::AuthenticationFailure;
    let without = closed().fails(&request_from(Stage::Operational), &names);
    assert_eq!(without, failure);
    let none = closed().fails(
        &request_from(Stage::Security),
        &format!("{names}AuthMethod=None|"),
    );
    assert_eq!(none, failure);
    // Nothing said about it: no transition, until the login takes too long.
    let mut silent = closed();
    let (_, response, _) = silent.send(&to_operational(), &names);
    assert!(!response.transit && response.status == LoginStatus::Success);
    assert!(!silent.login.is_trusted());
}

#[test]
fn chap_that_proves_nothing() {
    let md5 = chap::Algorithm::Md5;
    let good = proof(md5);
    let challenge = "11".repeat(16);
    let mut cases = vec![
        good.replace("user", "other"),
        good.replace("CHAP_R=0x", "CHAP_R=0x00"),
        good.replace("CHAP_R=0x", "CHAP_R="),
        format!("CHAP_N=user|CHAP_R=0x{}|", "00".repeat(16)),
        format!("CHAP_N=user|CHAP_R=0x{}|", "00".repeat(4000)),
        "CHAP_N=user|".into(),
        "CHAP_A=5|".into(),
        // What doesn't prove that the initiator isn't just handing on our own answers.
        format!("{good}CHAP_I=1|CHAP_C=0x{challenge}|"),
        format!("{good}CHAP_I=1|CHAP_C=0x{}|", "01".repeat(1025)),
    ];
    cases.extend(
        [
            "CHAP_I=1|",
            "CHAP_C=0x01|",
            "CHAP_I=256|CHAP_C=0x01|",
            "CHAP_I=1|CHAP_C=0x|",
        ]
        .map(|half| format!("{good}{half}")),
    );
    for text in cases {
        let mut setup = closed();
        challenged(&mut setup, "5");
        let status = setup.fails(&to_operational(), &text);
        let expected = match text.as_str() {
            "CHAP_A=5|" => LoginStatus::InitiatorError,
            _ => LoginStatus::AuthenticationFailure,
        };
        assert_eq!(status, expected, "{text}");
    }
    let mut silent = closed();
    silent.host.own = None;
    challenged(&mut silent, "5");
    let status = silent.fails(&to_operational(), &format!("{good}CHAP_I=1|CHAP_C=0x01|"));
    assert_eq!(status, LoginStatus::AuthenticationFailure);
}

#[test]
fn chap_out_of_order() {
    for text in [
        "CHAP_A=1,2|",
        "CHAP_A=5|CHAP_N=user|",
        "CHAP_N=user|CHAP_R=0x00|",
    ] {
        let mut setup = closed();
        let names = format!("InitiatorName={INITIATOR}|TargetName={TARGET}|AuthMethod=CHAP|");
        setup.send(&request_from(Stage::Security), &names);
        let status = setup.fails(&request_from(Stage::Security), text);
        assert_eq!(status, LoginStatus::AuthenticationFailure, "{text}");
    }
    let mut open = Setup::new();
    let names = format!("InitiatorName={INITIATOR}|TargetName={TARGET}|CHAP_A=5|");
    let status = open.fails(&request_from(Stage::Security), &names);
    assert_eq!(status, LoginStatus::InitiatorError);
}

#[test]
fn who_is_sent_to_another_address_is_told_which() {
    for status in [LoginStatus::MovedTemporarily, LoginStatus::MovedPermanently] {
        let mut setup = Setup::new();
        setup.host.authenticate = true;
        setup.host.moved = Some((status, "[2001:db8::1]:3261,7"));
        let names = format!("InitiatorName={INITIATOR}|TargetName={TARGET}|AuthMethod=CHAP|");
        let (next, response, text) = setup.send(&request_from(Stage::Security), &names);
        assert!(matches!(next, Next::Close(_)), "{next:?}");
        assert_eq!((response.status, response.transit), (status, false));
        assert_eq!(text, "TargetAddress=[2001:db8::1]:3261,7|");
    }
    let mut elsewhere = Setup::new();
    elsewhere.host.moved = Some((LoginStatus::ServiceUnavailable, "10.0.0.1"));
    let names = format!("InitiatorName={INITIATOR}|TargetName={TARGET}|");
    let status = elsewhere.fails(&request_from(Stage::Security), &names);
    assert_eq!(status, LoginStatus::ServiceUnavailable);
}
