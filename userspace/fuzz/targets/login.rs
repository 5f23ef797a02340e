// SPDX-License-Identifier: GPL-2.0

//! Whatever an initiator sends before it is logged in is answered or refused, without a panic.

use stmf_iscsi_proto::{
    bhs::{
        Bhs,
        BHS_LEN, //
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
        MAX_LOGIN_TEXT, //
    },
    params::Limits,
    request::Request,
    response::LoginStatus,
    text::Scratch,
    types::Serials,
};

/// Lets in everyone, or who gives a proof that begins with an even byte.
struct Open {
    authenticate: bool,
}

impl Authenticator for Open {
    fn random(&mut self, out: &mut [u8]) {
        out.fill(1);
    }

    fn verify(&mut self, _: &str, puzzle: &Puzzle<'_>, response: &[u8]) -> bool {
        assert_eq!(response.len(), puzzle.algorithm.len());
        response[0] % 2 == 0
    }

    fn prove(&mut self, puzzle: &Puzzle<'_>, out: &mut [u8]) -> Option<&str> {
        assert_eq!(out.len(), puzzle.algorithm.len());
        assert!(!puzzle.challenge.is_empty());
        out.fill(puzzle.id);
        (puzzle.id % 2 == 0).then_some("target")
    }
}

impl Host for Open {
    fn admit(&mut self, who: &Identity<'_>) -> Result<Admission, LoginStatus> {
        Ok(Admission {
            limits: Limits::default(),
            group_tag: 1,
            place: Place::decide(who.tsih, None)?,
            authenticate: self.authenticate,
        })
    }
}

/// A stream of PDUs, whose headers are made into those of login requests.
pub(crate) fn run(mut bytes: &[u8]) {
    let (mut input, mut output) = ([0; 2048], [0; 1024]);
    let mut login = Login::new();
    let mut host = Open {
        authenticate: bytes.first().is_some_and(|byte| byte % 2 == 1),
    };
    let mut is_over = false;
    while let Some((header, rest)) = bytes.split_first_chunk::<BHS_LEN>() {
        let mut header = *header;
        header[0] = 0x43;
        let bhs = Bhs(header);
        let len = (bhs.data_len() as usize).min(rest.len());
        let (text, rest) = rest.split_at(len);
        bytes = rest;
        let Ok(Request::Login(request)) = Request::parse(&bhs, &[]) else {
            panic!("login requests always parse");
        };
        let mut scratch = Scratch {
            input: &mut input,
            output: &mut output,
        };
        let reply = login.step(&request, text, Serials::default(), &mut host, &mut scratch);
        assert_eq!(reply.response.data_len as usize, reply.text.len());
        assert!(reply.text.len() <= MAX_LOGIN_TEXT);
        let is_refused = matches!(reply.next, Next::Close(_));
        assert_eq!(is_refused, reply.response.status != LoginStatus::Success);
        assert!(is_refused || !is_over, "it was over before");
        is_over |= reply.next != Next::Request;
    }
}
