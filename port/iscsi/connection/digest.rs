// SPDX-License-Identifier: GPL-2.0

//! Digests of headers and data (RFC 7143 11.2.2, 11.2.3), and what becomes of data whose digest is
//! wrong (RFC 7143 7.8).

use super::{
    rx::Payload,
    writes::Writing,
    Connection,
    End,
    Phase, //
};
use crate::counters::Counter;
use kernel::prelude::*;
use stmf_iscsi_proto::{
    bhs::{Bhs, Layout, Opcode},
    params::Digest,
    types::RejectReason, //
};
use stmf_kernel::{
    crypto::Crc32c,
    pages::PageList, //
};
use stmf_scsi::{
    AdditionalSense,
    Sense, //
};

/// Length of a digest.
const LEN: usize = 4;

/// The digest of one segment, or nothing if it has none.
pub(super) struct Seal([u8; LEN], usize);

impl Seal {
    pub(super) fn new(kind: Digest, segment: &[u8]) -> Self {
        if kind.is_empty() || segment.is_empty() {
            return Self([0; LEN], 0);
        }
        let mut crc = Crc32c::new();
        crc.update(segment);
        Self(crc.bytes(), LEN)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.get(..self.1).unwrap_or(&[])
    }
}

/// Whether a segment agrees with the digest behind it.
pub(super) fn is_good(sealed: &[u8]) -> bool {
    let Some((segment, digest)) = sealed.split_last_chunk::<LEN>() else {
        return false;
    };
    let mut crc = Crc32c::new();
    crc.update(segment);
    crc.bytes() == *digest
}

/// Checks a data segment while it comes in.
pub(super) struct DataCheck {
    bhs: Bhs,
    crc: Crc32c,
    padding: usize,
    /// What the initiator says, the last bytes received at the end.
    said: [u8; LEN],
}

impl DataCheck {
    pub(super) fn new(bhs: &Bhs, layout: &Layout) -> Self {
        Self {
            bhs: *bhs,
            crc: Crc32c::new(),
            padding: layout.padding,
            said: [0; LEN],
        }
    }

    /// Takes data.
    pub(super) fn data(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
    }

    /// Takes data that was received into its place.
    pub(super) fn pages(&mut self, pages: &PageList, offset: usize, len: usize) {
        pages.checksum(offset, len, &mut self.crc);
    }

    /// Takes some of the padding, which the digest covers too, and of the digest itself.
    pub(super) fn trailer(&mut self, bytes: &[u8]) {
        let (padding, digest) = bytes.split_at_checked(self.padding).unwrap_or((bytes, &[]));
        self.padding = self.padding.saturating_sub(padding.len());
        self.crc.update(padding);
        for byte in digest {
            let [_, second, third, fourth] = self.said;
            self.said = [second, third, fourth, *byte];
        }
    }

    pub(super) fn is_good(&self) -> bool {
        self.crc.bytes() == self.said
    }

    /// The header that the data belongs to.
    pub(super) fn into_header(self) -> Bhs {
        self.bhs
    }
}

impl Connection {
    /// Rejects a request whose data was damaged on its way, and does as if it had not come.
    pub(super) fn discard_damaged(&mut self, bhs: &Bhs, payload: Payload) -> Result<(), End> {
        let is_data_out = Opcode::request(bhs.opcode()) == Some(Opcode::DataOut);
        if matches!(payload, Payload::Skip) && !is_data_out {
            // Its header was enough to answer, reject or ignore it: it stays at that, and its number is
            // used, or free, as that left it. Any damaged data is rejected (RFC 7143 7.8).
            self.numbers.counters.add(Counter::DigestErrors, 1);
            return self.say_rejected(RejectReason::DataDigestError, bhs);
        }
        self.reject(RejectReason::DataDigestError, bhs)?;
        if is_data_out {
            return self.discard_data_out(payload);
        }
        match payload {
            Payload::Write(Writing { write, .. }) => {
                if let Phase::Normal(normal) = &mut self.phase {
                    drop(normal.writes.finish(write));
                }
            }
            // It has not been given its number yet.
            Payload::Early(early) => {
                self.waiting.forget(&early);
                return Ok(());
            }
            Payload::Skip
            | Payload::Command(_)
            | Payload::Logout(_)
            | Payload::Text(..)
            | Payload::Ping(..) => {}
        }
        self.numbers.take_back(bhs)
    }

    /// A command that damaged data was for can't get it again without error recovery, so it ends once
    /// everything that is on its way for it has come (RFC 7143 7.8, option b).
    pub(super) fn discard_data_out(&mut self, payload: Payload) -> Result<(), End> {
        match payload {
            Payload::Write(mut writing) => {
                writing.write.get_mut().give_up(damaged());
                self.data_arrived(writing.write);
                Ok(())
            }
            Payload::Early(early) => self.keep_damaged(early),
            _ => Ok(()),
        }
    }
}

/// The sense of the RFC's "protocol service CRC error" (RFC 7143 11.4.7.2).
fn damaged() -> Sense {
    Sense::aborted(AdditionalSense::PROTOCOL_SERVICE_CRC_ERROR)
}
