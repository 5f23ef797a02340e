// SPDX-License-Identifier: GPL-2.0

//! What is counted of a connection and of a session, by the names of the iSCSI MIB
//! (iscsiSessionStatsTable, iscsiSessionCxnErrorStatsTable; RFC 7147).
//!
//! Only a connection's own thread counts for it. So counting is an addition in a cache line that no
//! other CPU writes, and that the command before has left in this one's cache; whoever wants to know
//! reads it there. A session's numbers are those of its connections, added up when somebody asks, and
//! what it keeps of those that are gone.

use kernel::{
    alloc::AllocError,
    sync::Arc, //
};
use stmf_kernel::tally::{Tallier, Tally};

/// What is counted.
#[derive(Clone, Copy)]
pub(crate) enum Counter {
    /// iscsiSsnCmdPDUs: SCSI Command PDUs received.
    CmdPdus,
    /// iscsiSsnRspPDUs: SCSI statuses sent, in a response of their own or with the last data.
    RspPdus,
    /// iscsiSsnTxDataOctets: data sent in Data-In PDUs.
    TxDataOctets,
    /// iscsiSsnRxDataOctets: data received with commands and in Data-Out PDUs, wanted or not.
    RxDataOctets,
    /// iscsiSsnCxnDigestErrors: PDUs received whose header or data doesn't agree with its digest.
    DigestErrors,
    /// As iscsiInstSsnFormatErrors: PDUs received that were rejected for what they say, or that ended
    /// their connection.
    FormatErrors,
    /// iscsiSsnCxnTimeoutErrors: connections that ended because the initiator took too long.
    CxnTimeoutErrors,
}

impl Counter {
    const ALL: [Self; 7] = [
        Counter::CmdPdus,
        Counter::RspPdus,
        Counter::TxDataOctets,
        Counter::RxDataOctets,
        Counter::DigestErrors,
        Counter::FormatErrors,
        Counter::CxnTimeoutErrors,
    ];
    const COUNT: usize = Self::ALL.len();
}

/// Counts for a connection.
pub(crate) struct Counters(Tallier<{ Counter::COUNT }>);

/// What was counted of a connection, for others to see.
pub(crate) type Counted = Tally<{ Counter::COUNT }>;

impl Counters {
    pub(crate) fn new() -> Result<Self, AllocError> {
        Ok(Self(Tallier::new()?))
    }

    #[inline(always)]
    pub(crate) fn add(&mut self, counter: Counter, amount: u64) {
        self.0.add(counter as usize, amount);
    }

    pub(crate) fn counted(&self) -> Arc<Counted> {
        self.0.tally()
    }
}

/// Counters as they were, of one connection or of several.
#[derive(Clone, Copy, Default)]
pub(crate) struct Totals([u64; Counter::COUNT]);

impl Totals {
    /// Adds the counters of a connection as they are now.
    pub(crate) fn add(&mut self, counted: &Counted) {
        for (sum, count) in self.0.iter_mut().zip(counted.read()) {
            *sum = sum.wrapping_add(count);
        }
    }

    pub(crate) fn get(&self, counter: Counter) -> u64 {
        self.0.get(counter as usize).copied().unwrap_or(0)
    }
}

impl From<&Counted> for Totals {
    fn from(counted: &Counted) -> Self {
        Self(counted.read())
    }
}
