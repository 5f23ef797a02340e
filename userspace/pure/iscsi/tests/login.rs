// SPDX-License-Identifier: GPL-2.0

//! Logins of initiators that say the right things in any order and in any pieces, and of others.

use proptest::prelude::*;
use stmf_iscsi_proto::{
    discovery::{
        write_targets,
        Cursor,
        Portal,
        Query, //
    },
    exchange::{
        Exchange,
        Targets, //
    },
    login::{
        chap::{
            Authenticator,
            Puzzle, //
        },
        Admission,
        Host,
        Identity,
        Login,
        Next,
        Place,
        Reply,
        MAX_LOGIN_TEXT, //
    },
    params::{
        Limits,
        Negotiated,
        SessionType, //
    },
    request::{
        LoginRequest,
        Order,
        TextRequest, //
    },
    response::LoginStatus,
    sn::Sn,
    text::{
        Scratch,
        TextWriter, //
    },
    types::{
        Cid,
        Isid,
        Itt,
        Serials,
        Stage,
        Tsih,
        Ttt, //
    },
};

struct Open;

impl Host for Open {
    fn admit(&mut self, who: &Identity<'_>) -> Result<Admission, LoginStatus> {
        Ok(Admission {
            limits: Limits::default(),
            group_tag: 1,
            place: Place::decide(who.tsih, None)?,
            authenticate: false,
        })
    }
}

/// Nobody proves anything.
impl Authenticator for Open {
    fn random(&mut self, out: &mut [u8]) {
        out.fill(1);
    }

    fn verify(&mut self, _: &str, _: &Puzzle<'_>, _: &[u8]) -> bool {
        false
    }

    fn prove(&mut self, _: &Puzzle<'_>, _: &mut [u8]) -> Option<&str> {
        None
    }
}

fn request(stage: Stage) -> LoginRequest {
    LoginRequest {
        transit: false,
        is_continued: false,
        csg: Some(stage),
        nsg: Some(Stage::FullFeature),
        version_max: 0,
        version_min: 0,
        isid: Isid([0; 6]),
        tsih: Tsih::NONE,
        itt: Itt(1),
        cid: Cid(0),
        order: Order {
            cmd_sn: Sn::new(1),
            immediate: true,
        },
        exp_stat_sn: Sn::new(0),
    }
}

/// The buffers of a login, which keep their contents.
struct Memory(Vec<u8>, Vec<u8>);

impl Memory {
    fn new(input: usize, output: usize) -> Self {
        Self(vec![0; input], vec![0; output])
    }

    fn step<T>(
        &mut self,
        login: &mut Login,
        request: &LoginRequest,
        text: &[u8],
        look: impl FnOnce(Reply<'_>) -> T,
    ) -> T {
        let mut scratch = Scratch {
            input: &mut self.0,
            output: &mut self.1,
        };
        look(login.step(request, text, Serials::default(), &mut Open, &mut scratch))
    }
}

const NAMES: [&str; 3] = [
    "InitiatorName=iqn.1994-05.com.redhat:host",
    "TargetName=iqn.2001-04.com.example:disk",
    "SessionType=Normal",
];

/// What an initiator says, in an order of its own.
fn keys() -> impl Strategy<Value = Vec<&'static str>> {
    let operational = [
        "HeaderDigest=CRC32C,None",
        "DataDigest=None,CRC32C",
        "InitialR2T=No",
        "ImmediateData=Yes",
        "MaxBurstLength=262144",
        "FirstBurstLength=131072",
        "MaxRecvDataSegmentLength=65536",
        "MaxOutstandingR2T=4",
        "DefaultTime2Wait=5",
        "X-com.example.one=1",
        "X-com.example.two=",
    ];
    Just([&NAMES[..], &operational[..]].concat()).prop_shuffle()
}

proptest! {
    #[test]
    fn order_and_pieces_do_not_matter(
        keys in keys(),
        cuts in prop::collection::vec(0_usize..500, 0..6),
        is_first_secure: bool,
    ) {
        let mut login = Login::new();
        let mut memory = Memory::new(4096, 4096);
        let mut text: String = keys.iter().map(|pair| format!("{pair}\0")).collect();
        if is_first_secure {
            // With a security stage of its own, the names are said there.
            let (names, others): (Vec<_>, Vec<_>) = keys.iter().copied().partition(|key| NAMES.contains(key));
            let names: String = names.iter().map(|pair| format!("{pair}\0")).collect();
            text = others.iter().map(|pair| format!("{pair}\0")).collect();
            let mut first = request(Stage::Security);
            (first.transit, first.nsg) = (true, Some(Stage::Operational));
            let next = memory.step(&mut login, &first, names.as_bytes(), |reply| reply.next);
            prop_assert_eq!(next, Next::Request);
        }
        let mut rest = text.as_bytes();
        for cut in cuts {
            let (piece, left) = rest.split_at(cut.min(rest.len()));
            let mut more = request(Stage::Operational);
            more.is_continued = true;
            let is_empty = memory.step(&mut login, &more, piece, |reply| {
                reply.next == Next::Request && reply.text.is_empty() && !reply.response.transit
            });
            prop_assert!(is_empty);
            rest = left;
        }
        let mut last = request(Stage::Operational);
        last.transit = true;
        let next = memory.step(&mut login, &last, rest, |reply| reply.next);
        prop_assert_eq!(next, Next::FullFeature);
        let Negotiated { session, connection } = login.negotiated();
        prop_assert_eq!(connection.header_digest.name(), "CRC32C");
        prop_assert_eq!(connection.data_digest.name(), "None");
        prop_assert_eq!(connection.max_send_data_segment_length, 65536);
        prop_assert_eq!(connection.max_recv_data_segment_length, 262_144);
        prop_assert!(!session.initial_r2t && session.immediate_data);
        prop_assert_eq!((session.max_burst_length, session.first_burst_length), (262_144, 131_072));
        prop_assert_eq!((session.max_outstanding_r2t, session.default_time2wait), (4, 5));
    }

    #[test]
    fn garbage_is_refused_without_harm(
        steps in prop::collection::vec(garbage(), 1..12),
        input in 0_usize..600,
        output in 0_usize..600,
    ) {
        let mut login = Login::new();
        let mut memory = Memory::new(input, output);
        let mut is_over = false;
        for (request, text) in steps {
            let reply = memory.step(&mut login, &request, &text, |reply| {
                assert_eq!(reply.text.len(), reply.response.data_len as usize);
                assert!(reply.text.len() <= MAX_LOGIN_TEXT.min(output));
                let _ = reply.response.encode();
                (reply.next, reply.response.status, reply.response.transit)
            });
            let is_refused = matches!(reply.0, Next::Close(_));
            prop_assert_eq!(is_refused, reply.1 != LoginStatus::Success);
            prop_assert!(is_refused || !is_over, "it was over before");
            prop_assert!(!reply.2 || request.transit);
            is_over |= reply.0 != Next::Request;
        }
    }

    #[test]
    fn text_requests_are_answered_or_rejected(
        steps in prop::collection::vec(text_garbage(), 1..20),
        targets in 0_usize..20,
        is_discovery: bool,
    ) {
        let mut params = Negotiated::default();
        params.connection.max_send_data_segment_length = 512;
        if is_discovery {
            params.session.session_type = SessionType::Discovery;
        }
        let mut exchange = Exchange::new();
        let (mut input, mut output) = ([0; 256], [0; 1024]);
        let mut ttt = Ttt::RESERVED;
        for (mut request, is_next, text) in steps {
            request.ttt = if is_next { ttt } else { request.ttt };
            let mut scratch = Scratch { input: &mut input, output: &mut output };
            let (sn, limit) = (Serials::default(), params.connection.max_send_data_segment_length);
            let answer =
                exchange.step(&request, &text, sn, &mut params, &mut Disks(targets), &mut scratch);
            let Ok(answer) = answer else { continue };
            ttt = answer.response.ttt;
            prop_assert!(answer.text.len() <= limit as usize);
            prop_assert_eq!(answer.response.is_final, ttt.is_reserved());
            prop_assert!(!(answer.response.is_final && answer.response.is_continued));
        }
    }
}

prop_compose! {
    fn garbage()(
        flags: [bool; 2],
        codes in (0_u8..4, 0_u8..4, 0_u8..12),
        text in some_text(),
    ) -> (LoginRequest, Vec<u8>) {
        let mut request = request(Stage::Operational);
        request.transit = flags[0];
        request.is_continued = flags[1] && !flags[0];
        // Mostly right, or all would be over at once.
        if codes.2 < 4 {
            request.csg = Stage::from_code(codes.0);
            request.nsg = Stage::from_code(codes.1);
        }
        match codes.2 {
            4 => request.version_min = 1,
            5 => request.cid = Cid(3),
            6 => request.is_continued = flags[1],
            _ => {}
        }
        (request, text)
    }
}

fn some_text() -> impl Strategy<Value = Vec<u8>> {
    let pairs = prop::collection::vec(
        prop::sample::select(vec![
            NAMES[0],
            NAMES[1],
            NAMES[2],
            "AuthMethod=None",
            "SessionType=Discovery",
            "MaxBurstLength=1",
            "A=b",
            "X-long.key.name.of.some.vendor=",
            "SendTargets=All",
            "SendTargets=",
            "MaxRecvDataSegmentLength=1024",
            "no equals",
        ]),
        0..10,
    );
    prop_oneof![
        8 => pairs.prop_map(|pairs| {
            pairs.iter().flat_map(|pair| [pair.as_bytes(), b"\0"].concat()).collect()
        }),
        2 => Just(NAMES.join("\0").into_bytes().into_iter().chain([0]).collect()),
        1 => prop::collection::vec(any::<u8>(), 0..100),
    ]
}

prop_compose! {
    fn text_garbage()(flags: [bool; 3], text in some_text(), is_silent: bool)
        -> (TextRequest, bool, Vec<u8>) {
        let request = TextRequest {
            is_final: flags[0],
            is_continued: flags[1] && !flags[0],
            lun: [0; 8],
            itt: Itt(1),
            ttt: Ttt::RESERVED,
            order: Order { cmd_sn: Sn::new(1), immediate: false },
            exp_stat_sn: Sn::new(1),
        };
        (request, flags[2], if is_silent { Vec::new() } else { text })
    }
}

struct Disks(usize);

impl Targets for Disks {
    fn list(&mut self, _: &Query, from: Cursor, out: &mut TextWriter<'_>) -> Option<Cursor> {
        let portal = Portal {
            address: "[2001:db8::1]:3260".parse().unwrap(),
            group_tag: 1,
        };
        let disks = (0..self.0).map(|_| ("iqn.2001-04.com.example:disk", [portal, portal]));
        write_targets(disks, from, out)
    }
}
