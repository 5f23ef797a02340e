// SPDX-License-Identifier: GPL-2.0

//! Sense data reads back as it was meant, by a decoder that shares nothing with the encoder.

#![allow(clippy::unwrap_used, reason = "A test may panic")]

use proptest::prelude::*;
use stmf_scsi::{
    sense::FieldPointer,
    AdditionalSense,
    Sense,
    SenseFormat,
    SenseKey,
    SENSE_LEN, //
};

/// Sense data as an initiator sees it.
#[derive(Debug, PartialEq)]
struct Decoded {
    key: u8,
    code: (u8, u8),
    information: Option<u64>,
    pointer: Option<FieldPointer>,
}

fn decode(bytes: &[u8]) -> Decoded {
    let key_specific = |sks: &[u8]| {
        (sks[0] & 0x80 != 0).then(|| FieldPointer {
            in_cdb: sks[0] & 0x40 != 0,
            byte: u16::from_be_bytes([sks[1], sks[2]]),
            bit: (sks[0] & 0x08 != 0).then_some(sks[0] & 0x07),
        })
    };
    match bytes[0] & 0x7f {
        0x70 => {
            assert_eq!(bytes.len(), 8 + usize::from(bytes[7]));
            let information = u32::from_be_bytes(bytes[3..7].try_into().unwrap());
            let valid = bytes[0] & 0x80 != 0;
            assert!(valid || information == 0);
            Decoded {
                key: bytes[2],
                code: (bytes[12], bytes[13]),
                information: valid.then(|| information.into()),
                pointer: key_specific(&bytes[15..18]),
            }
        }
        0x72 => {
            assert_eq!(bytes.len(), 8 + usize::from(bytes[7]));
            let mut decoded = Decoded {
                key: bytes[1],
                code: (bytes[2], bytes[3]),
                information: None,
                pointer: None,
            };
            let mut rest = &bytes[8..];
            while let [kind, length, ..] = *rest {
                let (descriptor, more) = rest.split_at(2 + usize::from(length));
                match kind {
                    0x00 => {
                        assert_eq!((descriptor.len(), descriptor[2]), (12, 0x80));
                        let field = descriptor[4..12].try_into().unwrap();
                        decoded.information = Some(u64::from_be_bytes(field));
                    }
                    0x02 => {
                        assert_eq!(descriptor.len(), 8);
                        decoded.pointer = key_specific(&descriptor[4..7]);
                    }
                    _ => panic!("descriptor {kind}"),
                }
                rest = more;
            }
            decoded
        }
        other => panic!("response code {other:x}"),
    }
}

fn any_sense() -> impl Strategy<Value = Sense> {
    let keys = prop::sample::select(vec![
        SenseKey::NoSense,
        SenseKey::NotReady,
        SenseKey::MediumError,
        SenseKey::IllegalRequest,
        SenseKey::UnitAttention,
        SenseKey::AbortedCommand,
        SenseKey::Miscompare,
    ]);
    let pointer = (any::<bool>(), any::<u16>(), prop::option::of(0u8..8))
        .prop_map(|(in_cdb, byte, bit)| FieldPointer { in_cdb, byte, bit });
    let information = prop_oneof![0..=u64::from(u32::MAX), any::<u64>()];
    (
        keys,
        any::<(u8, u8)>(),
        prop::option::of(pointer),
        prop::option::of(information),
    )
        .prop_map(|(key, (asc, ascq), pointer, information)| Sense {
            key,
            code: AdditionalSense(asc, ascq),
            pointer,
            information,
            copy: None,
            progress: None,
        })
}

proptest! {
    #[test]
    fn both_formats_decode_to_what_was_encoded(sense in any_sense()) {
        let mut expected = Decoded {
            key: sense.key.code(),
            code: (sense.code.asc(), sense.code.ascq()),
            information: sense.information,
            pointer: sense.pointer,
        };
        let mut out = [0xff; SENSE_LEN];
        let length = sense.encode(SenseFormat::Descriptor, &mut out);
        prop_assert_eq!(decode(&out[..length]), Decoded { ..expected });
        prop_assert!(out[length..].iter().all(|&byte| byte == 0));

        let length = sense.encode(SenseFormat::Fixed, &mut out);
        expected.information = sense.information.filter(|&wide| u32::try_from(wide).is_ok());
        prop_assert_eq!(decode(&out[..length]), expected);
        prop_assert!(out[length..].iter().all(|&byte| byte == 0));
    }
}
