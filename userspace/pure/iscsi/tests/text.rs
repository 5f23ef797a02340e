// SPDX-License-Identifier: GPL-2.0

//! Text and headers: what is written is read, and nothing that is read does harm.

use proptest::prelude::*;
use stmf_iscsi_proto::{
    bhs::{
        Bhs,
        BHS_LEN, //
    },
    names::{
        IscsiName,
        MAX_NAME_LEN, //
    },
    request::{
        Request,
        MAX_CDB_LEN, //
    },
    text::{
        self,
        Pairs,
        TextWriter, //
    },
};

fn key() -> impl Strategy<Value = String> {
    "[A-Za-z0-9.+@_#-]{1,63}"
}

fn value() -> impl Strategy<Value = String> {
    "[^\0]{0,40}"
}

proptest! {
    #[test]
    fn pairs_make_a_round_trip(
        pairs in prop::collection::vec((key(), value()), 0..20),
        room in 0_usize..2000,
    ) {
        let mut buf = vec![0xee; room];
        let mut out = TextWriter::new(&mut buf);
        let mut written = Vec::new();
        for (key, value) in &pairs {
            let needed = out.len() + key.len() + value.len() + 2;
            prop_assert_eq!(out.pair(key, value).is_ok(), needed <= room);
            if needed <= room {
                written.push((key.as_str(), value.as_str()));
            }
        }
        let read: Result<Vec<_>, _> = Pairs::new(out.written())
            .map(|pair| pair.map(|pair| (pair.key, pair.value)))
            .collect();
        prop_assert_eq!(read, Ok(written));
    }

    #[test]
    fn any_bytes_give_pairs_or_one_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let pairs: Vec<_> = Pairs::new(&bytes).collect();
        let errors = pairs.iter().filter(|pair| pair.is_err()).count();
        prop_assert!(errors <= 1);
        let read: usize = pairs.iter().flatten().map(|p| p.key.len() + p.value.len() + 2).sum();
        prop_assert!(read <= bytes.len());
        prop_assert_eq!(errors == 0, read == bytes.len());
    }

    #[test]
    fn numbers_make_a_round_trip(number: u64) {
        prop_assert_eq!(text::number(&format!("{number}")), Some(number));
        prop_assert_eq!(text::number(&format!("0x{number:x}")), Some(number));
        prop_assert_eq!(text::number(&format!("0X{number:X}")), Some(number));
    }

    #[test]
    fn any_value_is_a_number_or_not(value: String) {
        let _ = (text::number(&value), text::range(&value), text::boolean(&value));
    }

    #[test]
    fn names_are_normal_and_short(name in "(iqn\\.|eui\\.|naa\\.|IQN\\.)?\\PC{0,300}") {
        if let Ok(parsed) = IscsiName::parse(&name) {
            prop_assert!(parsed.as_str().len() <= MAX_NAME_LEN);
            prop_assert_eq!(parsed.as_str(), name.to_ascii_lowercase());
            prop_assert_eq!(IscsiName::parse(parsed.as_str()), Ok(parsed));
        }
    }

    #[test]
    fn any_header_is_a_request_or_a_reason(
        opcode in prop_oneof![Just(0x01_u8), Just(0x41), 0_u8..=0x7f],
        rest in prop::array::uniform32(any::<u8>()),
        ahs in prop::collection::vec(prop_oneof![0_u8..8, any::<u8>()], 0..1024),
    ) {
        let mut header = [0; BHS_LEN];
        header[1..33].copy_from_slice(&rest);
        header[0] = opcode;
        let bhs = Bhs(header);
        let parsed = Request::parse(&bhs, &ahs);
        if let Ok(Request::ScsiCommand(command)) = parsed {
            let mut cdb = [0; MAX_CDB_LEN];
            let len = command.cdb.copy_to(&mut cdb);
            prop_assert_eq!(len, Some(16 + command.cdb.tail().len()));
        }
        if let Ok(request) = parsed {
            prop_assert_eq!(request.exp_stat_sn().get().to_be_bytes(), &header[28..32]);
        }
    }
}
