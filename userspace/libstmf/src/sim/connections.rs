// SPDX-License-Identifier: GPL-2.0

//! Connections of iSCSI sessions in memory: what they have negotiated, and what was counted of them.

use std::net::{IpAddr, Ipv4Addr};

use stmf_uapi::iscsi::{Session as Key, DEFAULT_PORT, DEFAULT_TPGT};

use super::Sim;
use crate::attributes::Builder;

/// A connection. An initiator has one session with a target.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    target: String,
    initiator: String,
    cid: u16,
    /// Commands and as many statuses, bytes of data sent and received, digest and format errors.
    counted: [u64; 5],
}

/// When everybody has logged in: 2009-03-03 at 10:00 UTC.
const LOGIN_TIME: u64 = 1_236_074_400;

impl Sim {
    /// Adds a connection that logged in on 2009-03-03 at 10:00 UTC, to the session of that initiator
    /// with that target. `counted` are its commands, each answered, the bytes of data sent and
    /// received, and its digest and format errors.
    pub fn add_connection(&mut self, target: &str, initiator: &str, cid: u16, counted: [u64; 5]) {
        self.connections.push(Connection {
            target: target.to_owned(),
            initiator: initiator.to_owned(),
            cid,
            counted,
        });
    }

    pub(super) fn connections(&self) -> Vec<Builder> {
        let all = self.connections.iter();
        all.map(|connection| self.connection(connection)).collect()
    }

    fn connection(&self, own: &Connection) -> Builder {
        let port = 49152_u16.saturating_add(own.cid);
        let builder = Builder::new()
            .text(Key::Target, &own.target)
            .text(Key::Initiator, &own.initiator)
            .bytes(Key::Isid, &[0, 2, 0x3d, 0, 0, 1])
            .u16(Key::Tsih, 1)
            .u16(Key::Tpgt, DEFAULT_TPGT)
            .u16(Key::Cid, own.cid)
            .address(Key::PeerAddress, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)))
            .u16(Key::PeerPort, port)
            .address(Key::LocalAddress, IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)))
            .u16(Key::LocalPort, DEFAULT_PORT)
            .uint(Key::LoginTime, LOGIN_TIME)
            .uint(Key::SessionLoginTime, LOGIN_TIME)
            .uint(Key::SessionTimeoutErrors, 0);
        self.counted(own, negotiated(builder))
    }

    fn counted(&self, own: &Connection, builder: Builder) -> Builder {
        let is_of_session = |other: &&Connection| {
            (&other.target, &other.initiator) == (&own.target, &own.initiator)
        };
        let keys = [
            (0, Key::CmdPdus, Key::SessionCmdPdus),
            (0, Key::RspPdus, Key::SessionRspPdus),
            (1, Key::TxDataOctets, Key::SessionTxDataOctets),
            (2, Key::RxDataOctets, Key::SessionRxDataOctets),
            (3, Key::DigestErrors, Key::SessionDigestErrors),
            (4, Key::FormatErrors, Key::SessionFormatErrors),
        ];
        keys.into_iter()
            .fold(builder, |builder, (place, key, session)| {
                let all = self.connections.iter().filter(is_of_session);
                builder
                    .uint(key, own.counted[place])
                    .uint(session, all.map(|other| other.counted[place]).sum())
            })
    }
}

fn negotiated(builder: Builder) -> Builder {
    let keys = [
        (Key::MaxConnections, 4),
        (Key::InitialR2t, 0),
        (Key::ImmediateData, 1),
        (Key::MaxRecvDataSegmentLength, 262_144),
        (Key::MaxBurstLength, 1_048_576),
        (Key::FirstBurstLength, 262_144),
        (Key::MaxOutstandingR2t, 1),
        (Key::DefaultTime2wait, 2),
        (Key::ProtocolLevel, 2),
        (Key::HeaderDigest, 1),
        (Key::DataDigest, 0),
        (Key::MaxSendDataSegmentLength, 262_144),
    ];
    keys.into_iter()
        .fold(builder, |builder, (key, value)| builder.u32(key, value))
}
