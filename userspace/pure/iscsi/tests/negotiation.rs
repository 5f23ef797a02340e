// SPDX-License-Identifier: GPL-2.0

//! Negotiations with a model of an initiator: in the end both sides hold the same parameters.

use proptest::prelude::*;
use stmf_iscsi_proto::{
    negotiate::{
        Negotiation,
        NegotiationError, //
    },
    params::{
        Digest,
        DigestPolicy,
        Limits,
        Negotiated,
        SessionType, //
    },
    text::{
        Pair,
        TextWriter, //
    },
    types::Stage,
};

fn length() -> impl Strategy<Value = u32> {
    prop_oneof![
        512_u32..=16_777_215,
        Just(512),
        Just(8192),
        Just(16_777_215)
    ]
}

fn policy(allowed: bool) -> DigestPolicy {
    match allowed {
        true => DigestPolicy::Allowed,
        false => DigestPolicy::Refused,
    }
}

prop_compose! {
    fn limits()(
        flags: [bool; 4],
        lengths in [length(), length(), length()],
        counts in (0_u32..=3600, 0_u32..=3600, 1_u32..=64, 0_u32..=2, 1_u32..=4),
    ) -> Limits {
        Limits {
            initial_r2t: flags[0],
            immediate_data: flags[1],
            header_digest: policy(flags[2]),
            data_digest: policy(flags[3]),
            max_recv_data_segment_length: lengths[0],
            max_burst_length: lengths[1],
            first_burst_length: lengths[2],
            default_time2wait: counts.0,
            default_time2retain: counts.1,
            max_outstanding_r2t: counts.2,
            error_recovery_level: counts.3,
            max_connections: counts.4,
        }
    }
}

fn pair(
    key: &'static str,
    value: impl Strategy<Value = String> + 'static,
) -> BoxedStrategy<(&'static str, String)> {
    value.prop_map(move |value| (key, value)).boxed()
}

fn any_of(values: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::select(values).prop_map(String::from)
}

fn number(range: std::ops::RangeInclusive<u32>) -> impl Strategy<Value = String> {
    (range, any::<bool>()).prop_map(|(number, hex)| match hex {
        true => format!("{number:#x}"),
        false => number.to_string(),
    })
}

const DIGESTS: &[&str] = &[
    "CRC32C",
    "None",
    "CRC32C,None",
    "None,CRC32C",
    "MD5,CRC32C",
    "MD5",
];
const BOOLEANS: &[&str] = &["Yes", "No"];

/// Some of the keys, in some order. Now and then a value is out of bounds.
fn offers() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let all = vec![
        pair("HeaderDigest", any_of(DIGESTS)),
        pair("DataDigest", any_of(DIGESTS)),
        pair("MaxConnections", number(0..=65536)),
        pair("InitialR2T", any_of(BOOLEANS)),
        pair("ImmediateData", any_of(BOOLEANS)),
        pair("MaxRecvDataSegmentLength", number(512..=16_777_215)),
        pair("MaxBurstLength", number(511..=16_777_216)),
        pair("FirstBurstLength", number(511..=16_777_216)),
        pair("DefaultTime2Wait", number(0..=3601)),
        pair("DefaultTime2Retain", number(0..=3601)),
        pair("MaxOutstandingR2T", number(0..=65536)),
        pair("DataPDUInOrder", any_of(BOOLEANS)),
        pair("DataSequenceInOrder", any_of(BOOLEANS)),
        pair("ErrorRecoveryLevel", number(0..=3)),
        pair("iSCSIProtocolLevel", number(0..=32)),
        pair("X-com.example.key", any_of(&["", "value"])),
    ];
    (all, 0_usize..=16)
        .prop_shuffle_first()
        .prop_map(|(mut all, count)| {
            all.truncate(count);
            all
        })
}

/// Shuffles the first part of a pair.
trait ShuffleFirst<T>: Strategy<Value = (Vec<T>, usize)> + Sized {
    fn prop_shuffle_first(self) -> impl Strategy<Value = (Vec<T>, usize)>
    where
        T: std::fmt::Debug + Clone + 'static,
        Self: 'static,
    {
        self.prop_flat_map(|(all, count)| (Just(all).prop_shuffle(), Just(count)))
    }
}

impl<T, S: Strategy<Value = (Vec<T>, usize)>> ShuffleFirst<T> for S {}

fn parse(number: &str) -> u32 {
    match number.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).unwrap(),
        None => number.parse().unwrap(),
    }
}

/// What an initiator takes from one answer to its offer.
fn learn(params: &mut Negotiated, key: &str, offer: Option<&str>, answer: &str) {
    let digest = |value| match value {
        "CRC32C" => Digest::Crc32c,
        "None" => Digest::None,
        other => panic!("{other}"),
    };
    let session = &mut params.session;
    if answer == "Reject" || answer == "NotUnderstood" {
        return;
    }
    let (field, at_most): (&mut u32, bool) = match key {
        "HeaderDigest" | "DataDigest" => {
            assert!(offer.unwrap().split(',').any(|offered| offered == answer));
            match key {
                "HeaderDigest" => params.connection.header_digest = digest(answer),
                _ => params.connection.data_digest = digest(answer),
            }
            return;
        }
        "InitialR2T" | "DataPDUInOrder" | "DataSequenceInOrder" => {
            assert!(answer == "Yes" || offer == Some("No"), "OR");
            match key {
                "InitialR2T" => session.initial_r2t = answer == "Yes",
                "DataPDUInOrder" => session.data_pdu_in_order = answer == "Yes",
                _ => session.data_sequence_in_order = answer == "Yes",
            }
            return;
        }
        "ImmediateData" => {
            assert!(answer == "No" || offer == Some("Yes"), "AND");
            session.immediate_data = answer == "Yes";
            return;
        }
        "MaxRecvDataSegmentLength" => {
            params.connection.max_recv_data_segment_length = parse(answer);
            return;
        }
        "MaxConnections" => (&mut session.max_connections, true),
        "MaxBurstLength" => (&mut session.max_burst_length, true),
        "FirstBurstLength" => (&mut session.first_burst_length, true),
        "DefaultTime2Wait" => (&mut session.default_time2wait, false),
        "DefaultTime2Retain" => (&mut session.default_time2retain, true),
        "MaxOutstandingR2T" => (&mut session.max_outstanding_r2t, true),
        "ErrorRecoveryLevel" => (&mut session.error_recovery_level, true),
        "iSCSIProtocolLevel" => (&mut session.protocol_level, true),
        other => panic!("{other}"),
    };
    let (answer, offer) = (parse(answer), parse(offer.unwrap()));
    assert!(if at_most {
        answer <= offer
    } else {
        answer >= offer
    });
    *field = answer;
}

/// What an initiator holds after its offers were answered.
fn initiator(offers: &[(&str, String)], answers: &str) -> Negotiated {
    let mut params = Negotiated::default();
    for (key, value) in offers {
        if *key == "MaxRecvDataSegmentLength" {
            params.connection.max_send_data_segment_length = parse(value);
        }
    }
    for answer in answers.split_terminator('\0') {
        let (key, value) = answer.split_once('=').unwrap();
        let offer = offers.iter().find(|(offered, _)| *offered == key);
        learn(
            &mut params,
            key,
            offer.map(|(_, value)| value.as_str()),
            value,
        );
    }
    let session = &mut params.session;
    session.first_burst_length = session.first_burst_length.min(session.max_burst_length);
    params
}

fn ours(
    _: stmf_iscsi_proto::negotiate::Foreign,
    _: Pair<'_>,
    _: &mut TextWriter<'_>,
) -> Result<(), NegotiationError> {
    unreachable!("the engine answers all of these keys")
}

proptest! {
    #[test]
    fn both_sides_agree(limits in limits(), offers in offers(), cut in 0_usize..=16) {
        let mut target = Negotiation::login(limits, SessionType::Normal, true);
        let mut buf = [0; 8192];
        let mut out = TextWriter::new(&mut buf);
        // In two texts, of which one may be empty.
        let (first, second) = offers.split_at(cut.min(offers.len()));
        for part in [first, second] {
            let text: String = part.iter().map(|(key, value)| format!("{key}={value}\0")).collect();
            target.answer(Stage::Operational, text.as_bytes(), &mut out, ours).unwrap();
        }
        target.declare(&mut out).unwrap();
        let answers = String::from_utf8(out.written().to_vec()).unwrap();
        let agreed = target.result();
        prop_assert_eq!(initiator(&offers, &answers), agreed);

        // Every offer but the declaration is answered, once.
        for (key, _) in &offers {
            let count = answers.split('\0').filter(|a| a.split('=').next() == Some(key)).count();
            prop_assert_eq!(count, 1, "{}", key);
        }
        let session = agreed.session;
        prop_assert!(session.first_burst_length <= session.max_burst_length);
        prop_assert!(session.data_pdu_in_order && session.data_sequence_in_order);
    }

    #[test]
    fn any_text_is_answered_or_refused(
        limits in limits(),
        bytes in prop::collection::vec(prop_oneof![
            Just(0_u8), Just(b'='), any::<u8>(), prop::char::range('0', 'z').prop_map(|c| c as u8),
        ], 0..200),
        room in 0_usize..300,
    ) {
        let mut target = Negotiation::login(limits, SessionType::Normal, true);
        let mut buf = vec![0; room];
        let mut out = TextWriter::new(&mut buf);
        let foreign = |_, _: Pair<'_>, _: &mut TextWriter<'_>| Ok::<_, NegotiationError>(());
        let _ = target.answer(Stage::Operational, &bytes, &mut out, foreign);
        prop_assert!(out.len() <= room);
    }
}
