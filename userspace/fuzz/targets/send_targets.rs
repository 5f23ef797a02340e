// SPDX-License-Identifier: GPL-2.0

//! Whatever comes as text in the full feature phase is answered or refused, and a list of targets
//! comes whole and in order, in however many pieces.

use stmf_iscsi_proto::{
    bhs::{
        Bhs,
        BHS_LEN, //
    },
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
    params::{
        Negotiated,
        SessionType, //
    },
    request::{
        Request,
        TextRequest, //
    },
    text::{
        Pairs,
        Scratch,
        TextWriter, //
    },
    types::{
        Serials,
        Ttt, //
    },
};

/// No pair of a target is longer.
const LINE_MAX: usize = 64;

/// So many targets, with none to three portals each.
struct Several {
    targets: u8,
    asked: Option<Query>,
}

impl Several {
    fn names(&self, query: &Query) -> Vec<(String, usize)> {
        let names = (0..self.targets).map(|n| (format!("iqn.2001-04.com.example:{n}"), n));
        names
            .filter(|(name, n)| match query {
                Query::All => true,
                Query::Current => *n == 0,
                Query::Named(wanted) => wanted.as_str() == *name,
            })
            .map(|(name, n)| (name, usize::from(n % 4)))
            .collect()
    }
}

impl Targets for Several {
    fn list(&mut self, query: &Query, from: Cursor, out: &mut TextWriter<'_>) -> Option<Cursor> {
        self.asked = Some(*query);
        let portal = Portal {
            address: "[2001:db8::1]:3260".parse().expect("an address"),
            group_tag: 1,
        };
        let names = self.names(query);
        let targets = names.iter().map(|(name, portals)| {
            let portals = std::iter::repeat_n(portal, *portals);
            (name.as_str(), portals)
        });
        write_targets(targets, from, out)
    }
}

fn request(ttt: Ttt) -> TextRequest {
    let mut header = [0; BHS_LEN];
    header[0] = 4;
    header[1] = 0x80;
    header[20..24].copy_from_slice(&ttt.0.to_be_bytes());
    match Request::parse(&Bhs(header), &[]) {
        Ok(Request::Text(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// The first byte chooses the kind of session and the number of targets, the second the room, the
/// rest is the text.
pub(crate) fn run(bytes: &[u8]) {
    let [choice, room, text @ ..] = bytes else {
        return;
    };
    let mut params = Negotiated::default();
    params.session.session_type = match choice & 1 {
        0 => SessionType::Normal,
        _ => SessionType::Discovery,
    };
    let mut targets = Several {
        targets: choice >> 1,
        asked: None,
    };
    let mut exchange = Exchange::new();
    let (mut input, mut output) = ([0; 1024], vec![0; LINE_MAX + usize::from(*room)]);
    let (mut ttt, mut text) = (Ttt::RESERVED, text);
    let mut lines = Vec::new();
    // Each piece has one line at least.
    for _ in 0..=4 * usize::from(targets.targets) {
        let mut scratch = Scratch {
            input: &mut input,
            output: &mut output,
        };
        let serials = Serials::default();
        let answer = exchange.step(
            &request(ttt),
            text,
            serials,
            &mut params,
            &mut targets,
            &mut scratch,
        );
        let Ok(answer) = answer else {
            assert!(ttt.is_reserved(), "what was begun goes on");
            return;
        };
        for pair in Pairs::new(answer.text) {
            lines.push(pair.expect("an answer is text").key.to_owned());
        }
        if answer.response.is_final {
            return check(&targets, &lines);
        }
        (ttt, text) = (answer.response.ttt, &[]);
    }
    panic!("the list has no end");
}

/// What was listed is what there is, after whatever other keys were answered.
fn check(targets: &Several, lines: &[String]) {
    let Some(query) = &targets.asked else {
        return;
    };
    let mut wanted = Vec::new();
    for (_, portals) in targets.names(query) {
        wanted.push("TargetName");
        wanted.extend(vec!["TargetAddress"; portals]);
    }
    let listed = lines.len() - wanted.len();
    assert_eq!(lines[listed..], wanted);
}
