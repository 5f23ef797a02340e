// SPDX-License-Identifier: GPL-2.0

//! Text requests in full feature phase (RFC 7143 11.10): SendTargets, and what may be negotiated
//! after the login.

use crate::{
    discovery::{
        Cursor,
        Query, //
    },
    negotiate::{
        Foreign,
        Negotiation,
        NegotiationError, //
    },
    params::{
        Negotiated,
        SessionType, //
    },
    request::TextRequest,
    response::TextResponse,
    text::{
        Scratch,
        TextWriter,
        REJECT, //
    },
    types::{
        Itt,
        RejectReason,
        Serials,
        Stage,
        Ttt, //
    },
};

/// Who knows which targets there are.
pub trait Targets {
    /// Writes targets as [`write_targets`](crate::discovery::write_targets) does: those that the
    /// initiator of this session may see and that the query is about.
    fn list(&mut self, query: &Query, from: Cursor, out: &mut TextWriter<'_>) -> Option<Cursor>;
}

/// The answer to a request.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'t> {
    /// The header.
    pub response: TextResponse,
    /// The data segment.
    pub text: &'t [u8],
}

/// What an exchange is in the middle of.
#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one in a connection, and no heap"
)]
enum State {
    /// Nothing.
    Idle,
    /// A text that comes in pieces, of which so many bytes are there.
    Asking(usize),
    /// A list of targets that goes out in pieces.
    Listing(Query, Cursor),
    /// It was answered, but the initiator has more to say.
    Open,
}

/// The text exchange of a connection; there is one at a time (RFC 7143 11.10).
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    state: State,
    itt: Itt,
    ttt: Ttt,
}

impl Exchange {
    /// A connection without an exchange under way.
    pub const fn new() -> Self {
        Self {
            state: State::Idle,
            itt: Itt::RESERVED,
            ttt: Ttt(0),
        }
    }

    /// Takes a request and its text and gives the response, or says why to reject the request,
    /// which ends the exchange.
    ///
    /// What is negotiated changes `params` at once.
    pub fn step<'t>(
        &mut self,
        request: &TextRequest,
        text: &[u8],
        sn: Serials,
        params: &mut Negotiated,
        targets: &mut impl Targets,
        scratch: &'t mut Scratch<'_>,
    ) -> Result<Answer<'t>, RejectReason> {
        let state = self.resume(request)?;
        let (state, len) = advance(state, request, text, params, targets, scratch)?;
        self.state = match state {
            State::Idle if !request.is_final => State::Open,
            state => state,
        };
        let text = scratch.output.get(..len).unwrap_or(&[]);
        Ok(Answer {
            response: self.response(request, sn, text),
            text,
        })
    }

    /// What the request goes on with. Until it is answered, nothing is under way.
    fn resume(&mut self, request: &TextRequest) -> Result<State, RejectReason> {
        let state = core::mem::replace(&mut self.state, State::Idle);
        if request.ttt.is_reserved() {
            self.itt = request.itt;
            return Ok(State::Open);
        }
        let is_same = (self.itt, self.ttt) == (request.itt, request.ttt);
        match state {
            State::Idle => Err(RejectReason::InvalidPduField),
            _ if !is_same => Err(RejectReason::InvalidPduField),
            state => Ok(state),
        }
    }

    fn response(&mut self, request: &TextRequest, sn: Serials, text: &[u8]) -> TextResponse {
        let is_final = matches!(self.state, State::Idle);
        if !is_final {
            // A tag for each step, none of them reserved.
            self.ttt = Ttt(self.ttt.0.wrapping_add(1) & 0x7fff_ffff);
        }
        TextResponse {
            is_final,
            is_continued: matches!(self.state, State::Listing(..)),
            lun: request.lun,
            itt: request.itt,
            ttt: if is_final { Ttt::RESERVED } else { self.ttt },
            sn,
            data_len: u32::try_from(text.len()).unwrap_or(0),
        }
    }
}

impl Default for Exchange {
    fn default() -> Self {
        Self::new()
    }
}

/// Works a request in: what state it leads to, and how long the answer in the output buffer is.
fn advance(
    state: State,
    request: &TextRequest,
    text: &[u8],
    params: &mut Negotiated,
    targets: &mut impl Targets,
    scratch: &mut Scratch<'_>,
) -> Result<(State, usize), RejectReason> {
    let collected = match state {
        State::Listing(query, from) => {
            if !text.is_empty() || request.is_continued {
                return Err(RejectReason::ProtocolError);
            }
            let mut out = piece(params, scratch.output);
            return Ok((list(query, from, targets, &mut out), out.len()));
        }
        State::Asking(collected) => collected,
        State::Idle | State::Open => 0,
    };
    if collected == 0 && !request.is_continued {
        let mut out = piece(params, scratch.output);
        return Ok((answer(text, params, targets, &mut out)?, out.len()));
    }
    let whole = scratch.collect(collected, text);
    let whole = whole.map_err(|_| RejectReason::ProtocolError)?;
    if request.is_continued {
        return Ok((State::Asking(whole), 0));
    }
    let mut out = piece(params, scratch.output);
    let whole = scratch.input.get(..whole).unwrap_or(&[]);
    Ok((answer(whole, params, targets, &mut out)?, out.len()))
}

/// A writer for as much as the initiator takes in one PDU.
fn piece<'o>(params: &Negotiated, output: &'o mut [u8]) -> TextWriter<'o> {
    let limit = params.connection.max_send_data_segment_length;
    let limit = usize::try_from(limit).unwrap_or(0).min(output.len());
    TextWriter::new(output.get_mut(..limit).unwrap_or(&mut []))
}

/// Answers a whole text.
fn answer(
    text: &[u8],
    params: &mut Negotiated,
    targets: &mut impl Targets,
    out: &mut TextWriter<'_>,
) -> Result<State, RejectReason> {
    let session_type = params.session.session_type;
    let mut negotiation = Negotiation::full_feature(*params);
    let mut query = None;
    let answered = negotiation.answer(Stage::FullFeature, text, out, |kind, pair, out| {
        query = match kind {
            Foreign::SendTargets => Query::parse(pair.value),
            Foreign::Identity | Foreign::Security => None,
        };
        query = query.filter(|query| is_allowed(query, session_type));
        match query {
            Some(_) => Ok(()),
            None => Ok::<_, NegotiationError>(out.pair(pair.key, REJECT)?),
        }
    });
    answered.map_err(|_| RejectReason::ProtocolError)?;
    *params = negotiation.result();
    Ok(match query {
        Some(query) => list(query, Cursor::default(), targets, out),
        None => State::Idle,
    })
}

/// Whether a session of this type may ask that (RFC 7143 Appendix C).
fn is_allowed(query: &Query, session_type: SessionType) -> bool {
    match query {
        Query::All => session_type == SessionType::Discovery,
        Query::Current => session_type == SessionType::Normal,
        Query::Named(_) => true,
    }
}

/// Writes what there is room for of a list of targets.
fn list(query: Query, from: Cursor, targets: &mut impl Targets, out: &mut TextWriter<'_>) -> State {
    match targets.list(&query, from, out) {
        Some(cursor) => State::Listing(query, cursor),
        None => State::Idle,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        discovery::{
            write_targets,
            Portal, //
        },
        request::Order,
        sn::Sn, //
    };
    use std::{format, string::String, vec, vec::Vec};

    /// So many targets with a portal each.
    struct Many(usize);

    impl Targets for Many {
        fn list(
            &mut self,
            query: &Query,
            from: Cursor,
            out: &mut TextWriter<'_>,
        ) -> Option<Cursor> {
            let names = (0..self.0).map(|n| format!("iqn.2001-04.com.example:disk{n}"));
            let names: Vec<String> = names.collect();
            let asked = names.iter().filter(|name| match query {
                Query::All => true,
                Query::Current => name.ends_with("disk0"),
                Query::Named(wanted) => wanted.as_str() == *name,
            });
            let portal = Portal {
                address: "192.0.2.1:3260".parse().unwrap(),
                group_tag: 1,
            };
            write_targets(asked.map(|name| (name.as_str(), [portal])), from, out)
        }
    }

    struct Setup {
        exchange: Exchange,
        params: Negotiated,
        targets: Many,
        input: Vec<u8>,
    }

    impl Setup {
        fn new(session_type: SessionType, targets: usize) -> Self {
            let mut params = Negotiated::default();
            params.session.session_type = session_type;
            Self {
                exchange: Exchange::new(),
                params,
                targets: Many(targets),
                input: vec![0; 4096],
            }
        }

        /// Sends a request; gives the response and its text, with `|` for NUL in both.
        fn send(
            &mut self,
            request: &TextRequest,
            text: &str,
        ) -> Result<(TextResponse, String), RejectReason> {
            let mut output = vec![0; 4096];
            let mut scratch = Scratch {
                input: &mut self.input,
                output: &mut output,
            };
            let (params, targets) = (&mut self.params, &mut self.targets);
            let text = text.replace('|', "\0");
            let (text, sn) = (text.as_bytes(), Serials::default());
            let answer = self
                .exchange
                .step(request, text, sn, params, targets, &mut scratch);
            answer.map(|answer| {
                let text = String::from_utf8(answer.text.to_vec()).unwrap();
                (answer.response, text.replace('\0', "|"))
            })
        }
    }

    fn request(ttt: Ttt) -> TextRequest {
        TextRequest {
            is_final: true,
            is_continued: false,
            lun: [0; 8],
            itt: Itt(4),
            ttt,
            order: Order {
                cmd_sn: Sn::new(1),
                immediate: false,
            },
            exp_stat_sn: Sn::new(1),
        }
    }

    const FIRST: Ttt = Ttt::RESERVED;

    #[test]
    fn a_list_of_targets() {
        let mut setup = Setup::new(SessionType::Discovery, 2);
        let (response, text) = setup.send(&request(FIRST), "SendTargets=All|").unwrap();
        assert!(response.is_final && !response.is_continued);
        assert_eq!((response.itt, response.ttt), (Itt(4), Ttt::RESERVED));
        let expected = "TargetName=iqn.2001-04.com.example:disk0|\
            TargetAddress=192.0.2.1:3260,1|\
            TargetName=iqn.2001-04.com.example:disk1|\
            TargetAddress=192.0.2.1:3260,1|";
        assert_eq!(text, expected);
        assert_eq!(response.data_len as usize, expected.len());
    }

    #[test]
    fn a_list_in_pieces() {
        let mut setup = Setup::new(SessionType::Discovery, 50);
        setup.params.connection.max_send_data_segment_length = 512;
        let text = "SendTargets=All|";
        let (mut response, mut whole) = setup.send(&request(FIRST), text).unwrap();
        while !response.is_final {
            assert!(response.is_continued && !response.ttt.is_reserved());
            let (next, text) = setup.send(&request(response.ttt), "").unwrap();
            assert!(text.len() <= 512);
            whole += &text;
            response = next;
        }
        assert_eq!(whole.matches("TargetName=").count(), 50);
        assert_eq!(whole.matches("TargetAddress=").count(), 50);
    }

    #[test]
    fn who_may_ask_for_what() {
        use SessionType::{Discovery, Normal};
        let cases = [
            (Discovery, "All", 2),
            (Discovery, "", 0),
            (Discovery, "iqn.2001-04.com.example:disk1", 1),
            (Discovery, "iqn.2001-04.com.example:none", 0),
            (Discovery, "nonsense", 0),
            (Normal, "All", 0),
            (Normal, "", 1),
        ];
        for (session_type, value, count) in cases {
            let mut setup = Setup::new(session_type, 2);
            let text = format!("SendTargets={value}|");
            let (_, text) = setup.send(&request(FIRST), &text).unwrap();
            assert_eq!(text.matches("TargetName=").count(), count, "{value}");
        }
        let mut setup = Setup::new(Normal, 2);
        let (_, text) = setup.send(&request(FIRST), "SendTargets=All|").unwrap();
        assert_eq!(text, "SendTargets=Reject|");
    }

    #[test]
    fn what_may_be_negotiated_later() {
        let mut setup = Setup::new(SessionType::Normal, 0);
        let text = "MaxRecvDataSegmentLength=1024|X-a=b|";
        let (response, text) = setup.send(&request(FIRST), text).unwrap();
        assert!(response.is_final);
        assert_eq!(text, "X-a=NotUnderstood|");
        let connection = setup.params.connection;
        assert_eq!(connection.max_send_data_segment_length, 1024);
    }

    #[test]
    fn a_question_in_pieces() {
        let mut setup = Setup::new(SessionType::Discovery, 1);
        let mut piece = request(FIRST);
        (piece.is_final, piece.is_continued) = (false, true);
        let (response, text) = setup.send(&piece, "Send").unwrap();
        assert!(!response.is_final && !response.is_continued && text.is_empty());
        piece.ttt = response.ttt;
        let (response, _) = setup.send(&piece, "Targets=").unwrap();
        let (response, text) = setup.send(&request(response.ttt), "All|").unwrap();
        assert!(response.is_final);
        assert!(text.starts_with("TargetName="));
    }

    #[test]
    fn an_initiator_with_more_to_say() {
        let mut setup = Setup::new(SessionType::Discovery, 1);
        let mut open = request(FIRST);
        open.is_final = false;
        let (response, _) = setup.send(&open, "X-a=b|").unwrap();
        assert!(!response.is_final && !response.ttt.is_reserved());
        let (response, text) = setup.send(&request(response.ttt), "X-c=d|").unwrap();
        assert!(response.is_final);
        assert_eq!(text, "X-c=NotUnderstood|");
    }

    #[test]
    fn what_is_rejected() {
        let mut setup = Setup::new(SessionType::Discovery, 100);
        setup.params.connection.max_send_data_segment_length = 512;
        let unknown = setup.send(&request(Ttt(1)), "").unwrap_err();
        assert_eq!(unknown, RejectReason::InvalidPduField);
        let malformed = setup.send(&request(FIRST), "Malformed|").unwrap_err();
        assert_eq!(malformed, RejectReason::ProtocolError);

        let (response, _) = setup.send(&request(FIRST), "SendTargets=All|").unwrap();
        let mut other = request(response.ttt);
        other.itt = Itt(5);
        let error = setup.send(&other, "").unwrap_err();
        assert_eq!(error, RejectReason::InvalidPduField);
        let (response, _) = setup.send(&request(FIRST), "SendTargets=All|").unwrap();
        let error = setup.send(&request(response.ttt), "A=b|").unwrap_err();
        assert_eq!(error, RejectReason::ProtocolError);
        // What was rejected is over.
        let error = setup.send(&request(response.ttt), "").unwrap_err();
        assert_eq!(error, RejectReason::InvalidPduField);
    }

    #[test]
    fn a_question_has_an_end() {
        let mut setup = Setup::new(SessionType::Discovery, 1);
        let mut piece = request(FIRST);
        (piece.is_final, piece.is_continued) = (false, true);
        let text = "a".repeat(4096);
        let (response, _) = setup.send(&piece, &text).unwrap();
        piece.ttt = response.ttt;
        let error = setup.send(&piece, "a").unwrap_err();
        assert_eq!(error, RejectReason::ProtocolError);
    }
}
