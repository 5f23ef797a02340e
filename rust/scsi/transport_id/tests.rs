// SPDX-License-Identifier: GPL-2.0

use super::*;
use std::{
    format,
    vec,
    vec::Vec, //
};

const ISID: [u8; 6] = [0x00, 0x02, 0x3d, 0xab, 0xcd, 0xef];

fn encode(id: &TransportId) -> Vec<u8> {
    let mut bytes = [0; TransportId::MAX_LEN];
    let mut sink = Sink::new(&mut bytes);
    id.write(&mut sink);
    assert_eq!(sink.len(), id.encoded_len());
    sink.as_bytes().to_vec()
}

fn iscsi(name: &str) -> TransportId {
    TransportId::iscsi(name, Some(ISID)).unwrap()
}

#[test]
fn every_protocol_survives_the_way_there_and_back() {
    for id in [
        TransportId::FibreChannel([1, 2, 3, 4, 5, 6, 7, 8]),
        TransportId::ParallelScsi {
            address: 7,
            relative_port: 513,
        },
        TransportId::Srp([9; 16]),
        TransportId::Sas([0x50, 1, 2, 3, 4, 5, 6, 7]),
        iscsi("iqn.2026-11.test:a"),
        iscsi("i"),
        iscsi(&"x".repeat(IscsiPort::NAME_MAX)),
        TransportId::iscsi("iqn.2026-11.test:a", None).unwrap(),
    ] {
        let mut bytes = encode(&id);
        assert_eq!(bytes.len() % 4, 0);
        assert!(bytes.len() >= 24 && bytes.len() <= TransportId::MAX_LEN);
        let len = bytes.len();
        bytes.extend([0xff; 5]);
        assert_eq!(TransportId::parse(&bytes), Ok((id, len)));
        for short in 0..len {
            let error = TransportId::parse(&bytes[..short]).unwrap_err();
            assert_eq!(error, TransportIdError::Short, "{id:?} cut to {short}");
        }
    }
}

#[test]
fn fields_are_where_spc_has_them() {
    let fc = encode(&TransportId::FibreChannel([0xaa; 8]));
    assert_eq!(fc[0], 0x00);
    assert_eq!(fc[8..16], [0xaa; 8]);
    let spi = encode(&TransportId::ParallelScsi {
        address: 0x0102,
        relative_port: 0x0304,
    });
    assert_eq!(spi[..8], [0x01, 0, 1, 2, 0, 0, 3, 4]);
    let srp = encode(&TransportId::Srp([0xbb; 16]));
    assert_eq!(srp[0], 0x04);
    assert_eq!(srp[8..24], [0xbb; 16]);
    let sas = encode(&TransportId::Sas([0xcc; 8]));
    assert_eq!(sas[0], 0x06);
    assert_eq!(sas[4..12], [0xcc; 8]);
    let port = encode(&iscsi("iqn.2026-11.test:a"));
    assert_eq!(port[..4], [0x45, 0, 0, 36]);
    assert_eq!(&port[4..], b"iqn.2026-11.test:a,i,0x00023dabcdef\0");
    let node = encode(&TransportId::iscsi("iqn.1", None).unwrap());
    assert_eq!(node[..4], [0x05, 0, 0, 20]);
    assert_eq!(&node[4..], b"iqn.1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
}

#[test]
fn ports_of_an_iscsi_node_are_of_one_device() {
    let ports =
        [ISID, [1; 6]].map(|isid| TransportId::iscsi("iqn.2026-11.test:a", Some(isid)).unwrap());
    assert_ne!(ports[0], ports[1]);
    assert!(ports[0].is_same_device(&ports[1]));
    assert!(!ports[0].is_same_device(&iscsi("iqn.2026-11.test:b")));
    assert!(!TransportId::Sas([1; 8]).is_same_device(&TransportId::Sas([2; 8])));
    assert!(!TransportId::Sas([1; 8]).is_same_device(&TransportId::FibreChannel([1; 8])));
}

#[test]
fn iscsi_names_are_compared_without_case() {
    assert_eq!(iscsi("IQN.2026-11.Test:A"), iscsi("iqn.2026-11.test:a"));
    assert_ne!(iscsi("iqn.2026-11.test:a"), iscsi("iqn.2026-11.test:b"));
    let other = TransportId::iscsi("iqn.2026-11.test:a", Some([1; 6])).unwrap();
    assert_ne!(iscsi("iqn.2026-11.test:a"), other);
}

#[test]
fn names_that_are_none_are_refused() {
    for name in ["", "with space", "with,comma", "with\0zero", "with\nline"] {
        assert_eq!(TransportId::iscsi(name, None), None, "{name:?}");
    }
    assert_eq!(TransportId::iscsi(&"x".repeat(224), None), None);
}

fn raw(first: u8, text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first, 0, 0, text.len() as u8];
    bytes.extend(text);
    bytes
}

#[test]
fn bytes_that_are_none_are_refused() {
    use TransportIdError::{Format, Length, Name, Protocol};

    let mut unknown = [0; 24];
    for protocol in [2, 3, 7, 15] {
        unknown[0] = protocol;
        assert_eq!(TransportId::parse(&unknown), Err(Protocol));
    }
    for first in [0x40, 0x81, 0xc4, 0x46] {
        unknown[0] = first;
        assert_eq!(TransportId::parse(&unknown), Err(Format), "{first:#x}");
    }
    let port = b"iqn.1,i,0x00023dabcdef\0\0";
    assert!(TransportId::parse(&raw(0x45, port)).is_ok());
    assert_eq!(TransportId::parse(&raw(0x85, port)), Err(Format));
    assert_eq!(TransportId::parse(&raw(0x45, &port[..16])), Err(Length));
    assert_eq!(TransportId::parse(&raw(0x45, &port[..23])), Err(Length));
    assert_eq!(TransportId::parse(&raw(0x05, &[b'a'; 252])), Err(Length));
    for text in [
        // No zero at the end, something after it, no name, no ISID, one that is too short, one
        // with a digit that is none, and an ISID where there should be none.
        (
            0x45,
            b"iqn.1234,i,0x00023dabcd"[..]
                .iter()
                .chain(b"e")
                .copied()
                .collect::<Vec<_>>(),
        ),
        (0x45, b"iqn.1,i,0x00023dabcdef\0x".to_vec()),
        (0x45, b",i,0x00023dabcdef\0\0\0\0\0\0\0".to_vec()),
        (0x45, b"iqn.2026-11.test:abcdef\0".to_vec()),
        (0x45, b"iqn.1,i,0x00023dabcde\0\0\0".to_vec()),
        (0x45, b"iqn.1,i,0x00023dabcdeg\0\0".to_vec()),
        (0x05, port.to_vec()),
        (0x05, [0; 24].to_vec()),
    ] {
        let bytes = raw(text.0, &text.1);
        assert_eq!(TransportId::parse(&bytes), Err(Name), "{bytes:?}");
    }
}

#[test]
fn people_read_a_name() {
    let shown = format!("{}", iscsi("iqn.2026-11.test:a"));
    assert_eq!(shown, "iqn.2026-11.test:a,i,0x00023dabcdef");
    let shown = format!("{}", TransportId::Sas([0x50, 0, 0, 0, 0, 0, 0, 1]));
    assert_eq!(shown, "5000000000000001");
}
