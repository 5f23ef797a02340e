// SPDX-License-Identifier: GPL-2.0

//! Whatever comes as text is answered within the room there is, or refused, without a panic.

use stmf_iscsi_proto::{
    negotiate::{
        Negotiation,
        NegotiationError, //
    },
    params::{
        Limits,
        SessionType, //
    },
    text::{
        Pair,
        Pairs,
        TextWriter, //
    },
    types::Stage,
};

/// The first byte chooses the session and the room; the rest is the text.
pub(crate) fn run(bytes: &[u8]) {
    let Some((choice, text)) = bytes.split_first() else {
        return;
    };
    copy(text);
    let session_type = match choice & 1 {
        0 => SessionType::Normal,
        _ => SessionType::Discovery,
    };
    let mut buf = [0; 512];
    let mut out = TextWriter::new(&mut buf[..usize::from(*choice) * 2]);
    let mut negotiation = Negotiation::login(Limits::default(), session_type, choice & 2 == 0);
    let foreign = |_, pair: Pair<'_>, out: &mut TextWriter<'_>| {
        Ok::<_, NegotiationError>(out.pair(pair.key, "None")?)
    };
    for stage in [Stage::Security, Stage::Operational] {
        let _ = negotiation.answer(stage, text, &mut out, foreign);
    }
    // What is answered is text itself.
    assert!(Pairs::new(out.written()).all(|pair| pair.is_ok()));
    let session = negotiation.result().session;
    assert!(session.first_burst_length <= session.max_burst_length);
    assert!(session.data_pdu_in_order && session.data_sequence_in_order);
}

/// What is read and written again is the same.
fn copy(text: &[u8]) {
    let mut buf = vec![0; text.len()];
    let mut out = TextWriter::new(&mut buf);
    for pair in Pairs::new(text) {
        match pair {
            Ok(pair) => out.pair(pair.key, pair.value).expect("it is no longer"),
            Err(_) => return,
        }
    }
    assert_eq!(out.written(), text);
}
