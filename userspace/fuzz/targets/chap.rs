// SPDX-License-Identifier: GPL-2.0

//! Whatever an initiator gives as values of CHAP keys, it is logged in only when its response was
//! found to be right.

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
        Place, //
    },
    params::Limits,
    request::{
        LoginRequest,
        Request, //
    },
    response::{
        LoginResponse,
        LoginStatus, //
    },
    text::Scratch,
    types::Serials,
};

const NAMES: &[u8] = b"InitiatorName=iqn.2001-04.com.example:a\0\
    TargetName=iqn.2001-04.com.example:b\0SessionType=Normal\0AuthMethod=CHAP\0";

/// Takes a response that begins with an even byte as the right one.
#[derive(Default)]
struct Keeper {
    is_right: bool,
}

impl Authenticator for Keeper {
    fn random(&mut self, out: &mut [u8]) {
        out.fill(1);
    }

    fn verify(&mut self, _: &str, puzzle: &Puzzle<'_>, response: &[u8]) -> bool {
        assert_eq!(puzzle.challenge, vec![1; puzzle.algorithm.len()]);
        assert_eq!(response.len(), puzzle.algorithm.len());
        self.is_right = response[0] % 2 == 0;
        self.is_right
    }

    fn prove(&mut self, puzzle: &Puzzle<'_>, out: &mut [u8]) -> Option<&str> {
        assert!(self.is_right, "who proved nothing is proved nothing");
        assert_eq!(out.len(), puzzle.algorithm.len());
        assert!((1..=1024).contains(&puzzle.challenge.len()));
        assert_ne!(puzzle.challenge, vec![1; puzzle.algorithm.len()]);
        out.fill(puzzle.id);
        (puzzle.id % 2 == 0).then_some("target")
    }
}

impl Host for Keeper {
    fn admit(&mut self, who: &Identity<'_>) -> Result<Admission, LoginStatus> {
        Ok(Admission {
            limits: Limits::default(),
            group_tag: 1,
            place: Place::decide(who.tsih, None)?,
            authenticate: true,
        })
    }
}

/// A login request of the security stage, that wants to leave it or not.
fn request(leaves: bool) -> LoginRequest {
    let mut header = [0; BHS_LEN];
    header[0] = 0x43;
    header[1] = if leaves { 0x81 } else { 0 };
    match Request::parse(&Bhs(header), &[]) {
        Ok(Request::Login(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// Lines: one for each text, whose values come in the order of `KEYS`, after a `|` each. An empty
/// value leaves its key out.
pub(crate) fn run(bytes: &[u8]) {
    const KEYS: [&[u8]; 5] = [b"CHAP_A=", b"CHAP_N=", b"CHAP_R=", b"CHAP_I=", b"CHAP_C="];

    let mut login = Login::new();
    let mut keeper = Keeper::default();
    let response = send(&mut login, &mut keeper, false, NAMES);
    assert_eq!(response, (LoginStatus::Success, false));
    for line in bytes.split(|byte| *byte == b'\n').take(4) {
        let mut text = Vec::new();
        for (key, value) in KEYS.iter().zip(line.split(|byte| *byte == b'|')) {
            if !value.is_empty() {
                text.extend([key, value, &[0]].concat());
            }
        }
        let (status, is_through) = send(&mut login, &mut keeper, true, &text);
        if status != LoginStatus::Success {
            return;
        }
        assert!(!is_through || keeper.is_right);
    }
}

/// Sends a text; gives the status, and whether the security stage is over.
fn send(login: &mut Login, keeper: &mut Keeper, leaves: bool, text: &[u8]) -> (LoginStatus, bool) {
    let (mut input, mut output) = ([0; 8192], [0; 4096]);
    let mut scratch = Scratch {
        input: &mut input,
        output: &mut output,
    };
    let serials = Serials::default();
    let reply = login.step(&request(leaves), text, serials, keeper, &mut scratch);
    let LoginResponse {
        status, transit, ..
    } = reply.response;
    assert_eq!(
        matches!(reply.next, Next::Close(_)),
        status != LoginStatus::Success
    );
    (status, transit)
}
