// SPDX-License-Identifier: GPL-2.0

//! Requests about sessions.

use super::{portal::octets, provider};
use crate::{
    counters::{Counter, Totals},
    session::{Facts, Session, SessionKey},
    target::Target, //
};
use kernel::prelude::*;
use stmf_iscsi_proto::params::{Digest, Negotiated};
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_uapi::iscsi::Session as S;

/// `session-get`: the connections of all sessions, in the order of targets and initiators.
pub(super) fn dump(_: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let provider = provider()?;
    let targets = provider.targets.lock();
    dump.set_generation(targets.generation);
    let mut done = dump.cursor();
    let mut skip = usize::try_from(done).unwrap_or(usize::MAX);
    for target in targets.by_name.values() {
        let sessions = target.all_sessions()?;
        for (key, session) in &sessions {
            let connections = session.facts()?;
            for facts in connections.iter().skip(skip) {
                let fits = dump.entry(|writer| {
                    write_session(writer, target, key, session)?;
                    write_connection(writer, facts)
                })?;
                if !fits {
                    return Ok(());
                }
                done = done.wrapping_add(1);
                dump.set_cursor(done);
            }
            skip = skip.saturating_sub(connections.len());
        }
    }
    Ok(())
}

fn write_session(
    writer: &mut Writer<'_>,
    target: &Target,
    key: &SessionKey,
    session: &Session,
) -> Result {
    writer.text(S::Target as u16, target.name.as_str())?;
    writer.text(S::Initiator as u16, key.initiator.as_str())?;
    writer.bytes(S::Isid as u16, &key.isid.0)?;
    writer.u16(S::Tsih as u16, session.tsih.0)?;
    writer.u16(S::Tpgt as u16, key.tag)?;
    writer.uint(S::SessionLoginTime as u16, session.since.unsigned_abs())?;
    let counted = [
        (S::SessionCmdPdus, Counter::CmdPdus),
        (S::SessionRspPdus, Counter::RspPdus),
        (S::SessionTxDataOctets, Counter::TxDataOctets),
        (S::SessionRxDataOctets, Counter::RxDataOctets),
        (S::SessionDigestErrors, Counter::DigestErrors),
        (S::SessionFormatErrors, Counter::FormatErrors),
        (S::SessionTimeoutErrors, Counter::CxnTimeoutErrors),
    ];
    write_counted(writer, &session.totals(), &counted)
}

fn write_connection(writer: &mut Writer<'_>, facts: &Facts) -> Result {
    writer.u16(S::Cid as u16, facts.cid.0)?;
    writer.bytes(S::PeerAddress as u16, &octets(facts.peer.ip()))?;
    writer.u16(S::PeerPort as u16, facts.peer.port())?;
    writer.bytes(S::LocalAddress as u16, &octets(facts.local.ip()))?;
    writer.u16(S::LocalPort as u16, facts.local.port())?;
    write_negotiated(writer, &facts.params)?;
    writer.uint(S::LoginTime as u16, facts.since.unsigned_abs())?;
    let counted = [
        (S::CmdPdus, Counter::CmdPdus),
        (S::RspPdus, Counter::RspPdus),
        (S::TxDataOctets, Counter::TxDataOctets),
        (S::RxDataOctets, Counter::RxDataOctets),
        (S::DigestErrors, Counter::DigestErrors),
        (S::FormatErrors, Counter::FormatErrors),
    ];
    write_counted(writer, &Totals::from(&*facts.counted), &counted)
}

fn write_counted(writer: &mut Writer<'_>, totals: &Totals, counted: &[(S, Counter)]) -> Result {
    for (attribute, counter) in counted {
        writer.uint(*attribute as u16, totals.get(*counter))?;
    }
    Ok(())
}

fn write_negotiated(writer: &mut Writer<'_>, params: &Negotiated) -> Result {
    let (session, connection) = (&params.session, &params.connection);
    let crc32c = |digest| u32::from(digest == Digest::Crc32c);
    for (attribute, value) in [
        (S::MaxConnections, session.max_connections),
        (S::InitialR2t, u32::from(session.initial_r2t)),
        (S::ImmediateData, u32::from(session.immediate_data)),
        (
            S::MaxRecvDataSegmentLength,
            connection.max_recv_data_segment_length,
        ),
        (S::MaxBurstLength, session.max_burst_length),
        (S::FirstBurstLength, session.first_burst_length),
        (S::MaxOutstandingR2t, session.max_outstanding_r2t),
        (S::DefaultTime2wait, session.default_time2wait),
        (S::ProtocolLevel, session.protocol_level),
        (S::HeaderDigest, crc32c(connection.header_digest)),
        (S::DataDigest, crc32c(connection.data_digest)),
        (
            S::MaxSendDataSegmentLength,
            connection.max_send_data_segment_length,
        ),
    ] {
        writer.u32(attribute as u16, value)?;
    }
    Ok(())
}
