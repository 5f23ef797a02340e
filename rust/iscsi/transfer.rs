// SPDX-License-Identifier: GPL-2.0

//! The data of one command: what may be sent when, and what may arrive (RFC 7143 4.2.5).
//!
//! All of it is for DataPDUInOrder=Yes and DataSequenceInOrder=Yes, the only values that
//! [`negotiate`](crate::negotiate) lets come about: an initiator may offer either, and it takes
//! only one side to want order.

use crate::{
    params::Negotiated,
    request::DataOut,
    types::Ttt, //
};

/// How what was transferred differs from what the initiator expected (RFC 7143 11.4.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Residual {
    /// Not at all.
    #[default]
    None,
    /// So many bytes of what was expected were not transferred.
    Underflow(u32),
    /// So many bytes were not transferred because they were not expected.
    Overflow(u32),
}

impl Residual {
    /// The residual of a command for which the initiator expected `edtl` bytes, whose CDB asks for
    /// `wanted`, and of which `moved` were transferred.
    pub fn new(edtl: u32, wanted: u64, moved: u32) -> Self {
        let edtl_wide = u64::from(edtl);
        if wanted > edtl_wide {
            let over = wanted.saturating_sub(edtl_wide);
            return Self::Overflow(u32::try_from(over).unwrap_or(u32::MAX));
        }
        match edtl.saturating_sub(moved) {
            0 => Self::None,
            under => Self::Underflow(under),
        }
    }

    /// The residual count field.
    pub const fn count(self) -> u32 {
        match self {
            Self::None => 0,
            Self::Underflow(count) | Self::Overflow(count) => count,
        }
    }

    /// The O and U bits.
    pub(crate) const fn flags(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Underflow(_) => 0x02,
            Self::Overflow(_) => 0x04,
        }
    }
}

/// A Data-In PDU to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataInPlan {
    /// Where its data begins.
    pub offset: u32,
    /// How many bytes it has.
    pub len: u32,
    /// Its number.
    pub data_sn: u32,
    /// Whether it is the last of a sequence.
    pub is_final: bool,
    /// Whether it is the last of the command, which can carry the status.
    pub is_last: bool,
}

/// The Data-In PDUs of one command.
#[derive(Clone, Copy, Debug)]
pub struct ReadSequence {
    total: u32,
    sent: u32,
    burst_left: u32,
    data_sn: u32,
    max_segment: u32,
    max_burst: u32,
}

impl ReadSequence {
    /// The PDUs for `total` bytes, which is no more than the initiator expects.
    pub fn new(total: u32, params: &Negotiated) -> Self {
        let max_burst = params.session.max_burst_length.max(1);
        Self {
            total,
            sent: 0,
            burst_left: max_burst,
            data_sn: 0,
            max_segment: params.connection.max_send_data_segment_length.max(1),
            max_burst,
        }
    }

    /// The next PDU, when the first `available` bytes of the data are there.
    ///
    /// With less than all of the data there, PDUs end where it ends.
    pub fn next_data_in(&mut self, available: u32) -> Option<DataInPlan> {
        let there = available.min(self.total).checked_sub(self.sent)?;
        let len = there.min(self.max_segment).min(self.burst_left);
        if len == 0 {
            return None;
        }
        let (offset, data_sn) = (self.sent, self.data_sn);
        self.sent = self.sent.saturating_add(len);
        self.data_sn = self.data_sn.wrapping_add(1);
        self.burst_left = self.burst_left.saturating_sub(len);
        let is_last = self.sent == self.total;
        let is_final = is_last || self.burst_left == 0;
        if is_final {
            self.burst_left = self.max_burst;
        }
        Some(DataInPlan {
            offset,
            len,
            data_sn,
            is_final,
            is_last,
        })
    }

    /// How many bytes were sent.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// How many PDUs were sent, which is what a response says as ExpDataSN.
    pub fn exp_data_sn(&self) -> u32 {
        self.data_sn
    }
}

/// An R2T to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct R2tPlan {
    /// Where the wanted data begins.
    pub offset: u32,
    /// How many bytes are wanted.
    pub len: u32,
    /// Its number.
    pub r2t_sn: u32,
    /// Its tag: that of the command's slot and this number.
    pub ttt: Ttt,
}

/// Data that is good to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accept {
    /// Where it belongs.
    pub offset: u32,
    /// How many bytes there are.
    pub len: u32,
    /// Whether this is the end of a sequence, so that it's time to ask for the next R2T.
    pub ends_burst: bool,
    /// Whether all that is wanted is there now.
    pub complete: bool,
}

/// What is wrong with data for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataOutError {
    /// The command has no data to write, or more came with it than may.
    UnexpectedImmediate,
    /// Unsolicited data that was not negotiated, not announced, or is already complete.
    UnexpectedUnsolicited,
    /// It answers no R2T, or not the oldest.
    UnknownTransferTag,
    /// Its number is not the next.
    DataSn,
    /// It doesn't begin where the data before it ended.
    Offset,
    /// It goes beyond the end of its sequence.
    TooLong,
    /// It has no data, and doesn't end its sequence either.
    Empty,
    /// It is the last of its sequence without saying so.
    MissingFinal,
    /// It says to be the last of its sequence, of which more was solicited.
    EarlyFinal,
}

impl DataOutError {
    /// The ASC and ASCQ of the CHECK CONDITION with ABORTED COMMAND that ends the command
    /// (RFC 7143 11.4.7.2).
    pub const fn additional_sense(self) -> (u8, u8) {
        match self {
            // WRITE ERROR - UNEXPECTED UNSOLICITED DATA.
            Self::UnexpectedImmediate | Self::UnexpectedUnsolicited => (0x0c, 0x0c),
            // WRITE ERROR - NOT ENOUGH UNSOLICITED DATA: the RFC's "incorrect amount of data".
            _ => (0x0c, 0x0d),
        }
    }
}

/// The data that one command gets from the initiator.
///
/// First comes what the initiator sends unasked: with the command, and after it up to the Data-Out
/// with F. Then, once [`WriteSequence::want`] has said how much is needed, the rest of that is
/// solicited by R2Ts. Data arrives in order, each byte once.
#[derive(Clone, Copy, Debug)]
pub struct WriteSequence {
    /// What the initiator expects to send.
    edtl: u32,
    /// What the command needs, at most `edtl`.
    needed: u32,
    /// Up to where data has arrived.
    received: u32,
    /// Up to where data is solicited.
    solicited: u32,
    /// Up to where data may come unasked, as long as it may.
    unsolicited: Option<u32>,
    /// Number of the next Data-Out in its sequence.
    data_sn: u32,
    /// Number of the next R2T.
    r2t_sn: u32,
    /// How many R2Ts are outstanding, and where the data of the oldest begins.
    outstanding: u32,
    oldest: u32,
    max_outstanding: u32,
    max_burst: u32,
    slot: u16,
}

impl WriteSequence {
    /// The data of a command that expects to send `edtl` bytes, of which `immediate` came with
    /// it, and says by `is_final` whether more comes unasked.
    ///
    /// `slot` is what the tags of the R2Ts will name the command by.
    pub fn new(
        edtl: u32,
        immediate: u32,
        is_final: bool,
        slot: u16,
        params: &Negotiated,
    ) -> Result<Self, DataOutError> {
        let session = &params.session;
        let unasked = edtl.min(session.first_burst_length);
        let immediate_allowed = if session.immediate_data { unasked } else { 0 };
        if immediate > immediate_allowed {
            return Err(DataOutError::UnexpectedImmediate);
        }
        if !is_final && session.initial_r2t {
            return Err(DataOutError::UnexpectedUnsolicited);
        }
        Ok(Self {
            edtl,
            needed: 0,
            received: immediate,
            solicited: immediate,
            unsolicited: (!is_final).then_some(unasked),
            data_sn: 0,
            r2t_sn: 0,
            outstanding: 0,
            oldest: 0,
            max_outstanding: session.max_outstanding_r2t.max(1),
            max_burst: session.max_burst_length.max(1),
            slot,
        })
    }

    /// Says that the command needs its first `upto` bytes; asked again, it can only need more.
    ///
    /// While R2Ts are outstanding this changes nothing: all of them but the last ask for a whole
    /// burst, which is how their ends are known.
    pub fn want(&mut self, upto: u32) {
        if self.outstanding == 0 {
            self.needed = self.needed.max(upto.min(self.edtl));
        }
    }

    /// Says that the command needs nothing any more: what is on its way is all that will come.
    pub fn give_up(&mut self) {
        self.edtl = 0;
        self.needed = 0;
    }

    /// Whether all that is wanted is there, and nothing more is on its way.
    pub fn is_complete(&self) -> bool {
        self.unsolicited.is_none() && self.outstanding == 0 && self.received >= self.needed
    }

    /// Whether data is on its way that was not solicited. Until it has come, a command that failed
    /// early has to go on taking it, and throwing it away.
    pub fn is_unsolicited_pending(&self) -> bool {
        self.unsolicited.is_some()
    }

    /// Whether any data is on its way.
    pub fn is_pending(&self) -> bool {
        self.unsolicited.is_some() || self.outstanding != 0
    }

    /// How many bytes have arrived, from the first one on.
    pub fn received(&self) -> u32 {
        self.received
    }

    /// How many R2Ts were sent, which is what a response says as ExpDataSN.
    pub fn exp_data_sn(&self) -> u32 {
        self.r2t_sn
    }

    /// The next R2T to send, if there is anything to solicit and room for one more.
    pub fn next_r2t(&mut self) -> Option<R2tPlan> {
        if self.unsolicited.is_some() || self.outstanding >= self.max_outstanding {
            return None;
        }
        let left = self.needed.checked_sub(self.solicited)?;
        let len = left.min(self.max_burst);
        if len == 0 {
            return None;
        }
        let (offset, r2t_sn) = (self.solicited, self.r2t_sn);
        self.solicited = offset.saturating_add(len);
        self.r2t_sn = r2t_sn.wrapping_add(1);
        if self.outstanding == 0 {
            self.oldest = offset;
        }
        self.outstanding = self.outstanding.saturating_add(1);
        Some(R2tPlan {
            offset,
            len,
            r2t_sn,
            ttt: Ttt::for_r2t(self.slot, r2t_sn),
        })
    }

    /// Checks a Data-Out and takes note of it. After an error nothing has changed.
    pub fn data_out(&mut self, data: &DataOut) -> Result<Accept, DataOutError> {
        let (end, is_solicited) = self.sequence_of(data.ttt)?;
        if data.data_sn != self.data_sn {
            return Err(DataOutError::DataSn);
        }
        if data.offset != self.received {
            return Err(DataOutError::Offset);
        }
        let left = end.saturating_sub(self.received);
        check_length(data, left, is_solicited)?;
        self.received = self.received.saturating_add(data.len);
        self.data_sn = self.data_sn.wrapping_add(1);
        if data.is_final {
            self.end_burst(is_solicited);
        }
        Ok(Accept {
            offset: data.offset,
            len: data.len,
            ends_burst: data.is_final,
            complete: self.is_complete(),
        })
    }

    /// Where the sequence ends that data with this tag belongs to, and whether it is solicited.
    fn sequence_of(&self, ttt: Ttt) -> Result<(u32, bool), DataOutError> {
        if ttt.is_reserved() {
            let end = self
                .unsolicited
                .ok_or(DataOutError::UnexpectedUnsolicited)?;
            return Ok((end, false));
        }
        let oldest = self.r2t_sn.wrapping_sub(self.outstanding);
        if self.outstanding == 0 || ttt != Ttt::for_r2t(self.slot, oldest) {
            return Err(DataOutError::UnknownTransferTag);
        }
        Ok((self.end_of_oldest(), true))
    }

    /// Where the data of the oldest R2T ends: all but the last of them ask for a whole burst.
    fn end_of_oldest(&self) -> u32 {
        let end = self.oldest.saturating_add(self.max_burst);
        end.min(self.solicited)
    }

    fn end_burst(&mut self, is_solicited: bool) {
        self.data_sn = 0;
        if is_solicited {
            self.oldest = self.end_of_oldest();
            self.outstanding = self.outstanding.saturating_sub(1);
        } else {
            self.unsolicited = None;
            self.solicited = self.received;
        }
    }
}

/// Checks the length and the F bit of a Data-Out against what is left of its sequence.
fn check_length(data: &DataOut, left: u32, is_solicited: bool) -> Result<(), DataOutError> {
    if data.len > left {
        return Err(DataOutError::TooLong);
    }
    match (data.is_final, data.len == left) {
        (false, true) => Err(DataOutError::MissingFinal),
        (true, false) if is_solicited => Err(DataOutError::EarlyFinal),
        (false, false) if data.len == 0 => Err(DataOutError::Empty),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        sn::Sn,
        types::Itt, //
    };
    use std::vec::Vec;

    const SLOT: u16 = 7;

    /// Parameters with bursts of 1000 bytes, of which the first may be 600 long.
    fn params() -> Negotiated {
        let mut params = Negotiated::default();
        params.session.initial_r2t = false;
        params.session.first_burst_length = 600;
        params.session.max_burst_length = 1000;
        params.session.max_outstanding_r2t = 2;
        params.connection.max_send_data_segment_length = 512;
        params
    }

    fn data(ttt: Ttt, data_sn: u32, offset: u32, len: u32, is_final: bool) -> DataOut {
        DataOut {
            is_final,
            lun: [0; 8],
            itt: Itt(1),
            ttt,
            exp_stat_sn: Sn::new(0),
            data_sn,
            offset,
            len,
        }
    }

    fn unsolicited(data_sn: u32, offset: u32, len: u32, is_final: bool) -> DataOut {
        data(Ttt::RESERVED, data_sn, offset, len, is_final)
    }

    #[test]
    fn residuals() {
        assert_eq!(Residual::new(512, 512, 512), Residual::None);
        assert_eq!(Residual::new(1024, 512, 512), Residual::Underflow(512));
        assert_eq!(Residual::new(512, 512, 0), Residual::Underflow(512));
        assert_eq!(Residual::new(0, 0, 0), Residual::None);
        assert_eq!(Residual::new(512, 1024, 512), Residual::Overflow(512));
        assert_eq!(Residual::new(0, 1 << 40, 0), Residual::Overflow(u32::MAX));
    }

    #[test]
    fn a_read_in_bursts() {
        let mut read = ReadSequence::new(2100, &params());
        let plans: Vec<_> = core::iter::from_fn(|| read.next_data_in(u32::MAX)).collect();
        let plan = |offset, len, data_sn, is_final, is_last| DataInPlan {
            offset,
            len,
            data_sn,
            is_final,
            is_last,
        };
        let expected = [
            plan(0, 512, 0, false, false),
            plan(512, 488, 1, true, false),
            plan(1000, 512, 2, false, false),
            plan(1512, 488, 3, true, false),
            plan(2000, 100, 4, true, true),
        ];
        assert_eq!(plans, expected);
        assert_eq!((read.sent(), read.exp_data_sn()), (2100, 5));
    }

    #[test]
    fn a_read_whose_data_comes_little_by_little() {
        let mut read = ReadSequence::new(600, &params());
        assert_eq!(read.next_data_in(0), None);
        assert_eq!(read.next_data_in(100).unwrap().len, 100);
        assert_eq!(read.next_data_in(100), None);
        assert_eq!(read.next_data_in(50), None);
        let plan = read.next_data_in(600).unwrap();
        assert_eq!((plan.offset, plan.len, plan.is_final), (100, 500, true));
        assert!(plan.is_last);
        assert_eq!(ReadSequence::new(0, &params()).next_data_in(9), None);
    }

    #[test]
    fn all_data_with_the_command() {
        let mut write = WriteSequence::new(512, 512, true, SLOT, &params()).unwrap();
        write.want(512);
        assert!(write.is_complete());
        assert_eq!(write.next_r2t(), None);
    }

    #[test]
    fn immediate_unsolicited_solicited() {
        let mut write = WriteSequence::new(2700, 100, false, SLOT, &params()).unwrap();
        write.want(2700);
        assert_eq!(write.next_r2t(), None, "unsolicited data is to come");
        let accept = write.data_out(&unsolicited(0, 100, 200, false)).unwrap();
        assert!(!accept.ends_burst);
        let accept = write.data_out(&unsolicited(1, 300, 300, true)).unwrap();
        assert!(accept.ends_burst && !accept.complete);

        let first = write.next_r2t().unwrap();
        let second = write.next_r2t().unwrap();
        assert_eq!(write.next_r2t(), None, "two are outstanding");
        assert_eq!((first.offset, first.len, first.r2t_sn), (600, 1000, 0));
        assert_eq!((second.offset, second.len, second.r2t_sn), (1600, 1000, 1));
        assert_ne!(first.ttt, second.ttt);

        let error = write.data_out(&data(second.ttt, 0, 1600, 1000, true));
        assert_eq!(error, Err(DataOutError::UnknownTransferTag), "out of order");
        write
            .data_out(&data(first.ttt, 0, 600, 400, false))
            .unwrap();
        write
            .data_out(&data(first.ttt, 1, 1000, 600, true))
            .unwrap();
        let third = write.next_r2t().unwrap();
        assert_eq!((third.offset, third.len, third.r2t_sn), (2600, 100, 2));
        write
            .data_out(&data(second.ttt, 0, 1600, 1000, true))
            .unwrap();
        assert!(write.is_pending() && !write.is_complete());
        let accept = write
            .data_out(&data(third.ttt, 0, 2600, 100, true))
            .unwrap();
        assert!(accept.complete && !write.is_pending());
        assert_eq!((write.received(), write.exp_data_sn()), (2700, 3));
    }

    #[test]
    fn no_more_is_solicited_than_needed() {
        let mut write = WriteSequence::new(5000, 0, true, SLOT, &params()).unwrap();
        assert_eq!(write.next_r2t(), None, "nothing is wanted yet");
        write.want(300);
        let plan = write.next_r2t().unwrap();
        assert_eq!((plan.offset, plan.len), (0, 300));
        assert_eq!(write.next_r2t(), None);
        assert!(
            write
                .data_out(&data(plan.ttt, 0, 0, 300, true))
                .unwrap()
                .complete
        );
        // More may be wanted later, but never more than the initiator has.
        write.want(9000);
        assert!(!write.is_complete());
        let offsets: Vec<_> = core::iter::from_fn(|| {
            let plan = write.next_r2t()?;
            let end = data(plan.ttt, 0, plan.offset, plan.len, true);
            write.data_out(&end).unwrap();
            Some((plan.offset, plan.len))
        })
        .collect();
        let expected = [
            (300, 1000),
            (1300, 1000),
            (2300, 1000),
            (3300, 1000),
            (4300, 700),
        ];
        assert_eq!(offsets, expected);
        assert!(write.is_complete());
    }

    #[test]
    fn unsolicited_data_beyond_what_is_needed_is_taken() {
        let mut write = WriteSequence::new(500, 100, false, SLOT, &params()).unwrap();
        write.want(50);
        assert!(!write.is_complete(), "the rest is on its way");
        assert!(write.is_unsolicited_pending());
        assert!(
            write
                .data_out(&unsolicited(0, 100, 400, true))
                .unwrap()
                .complete
        );
        assert_eq!(write.next_r2t(), None);
    }

    #[test]
    fn what_must_not_come_with_a_command() {
        let mut params = params();
        let new = |params: &_, edtl, immediate, is_final| {
            WriteSequence::new(edtl, immediate, is_final, SLOT, params).map(|_| ())
        };
        let too_much = Err(DataOutError::UnexpectedImmediate);
        assert_eq!(new(&params, 4096, 600, true), Ok(()));
        assert_eq!(new(&params, 4096, 601, true), too_much);
        assert_eq!(new(&params, 100, 101, true), too_much);
        assert_eq!(new(&params, 0, 1, true), too_much);
        params.session.immediate_data = false;
        assert_eq!(new(&params, 4096, 1, true), too_much);
        params.session.initial_r2t = true;
        let unsolicited = Err(DataOutError::UnexpectedUnsolicited);
        assert_eq!(new(&params, 4096, 0, false), unsolicited);
        assert_eq!(new(&params, 4096, 0, true), Ok(()));
    }

    #[test]
    fn bad_unsolicited_data_changes_nothing() {
        let mut write = WriteSequence::new(4096, 100, false, SLOT, &params()).unwrap();
        let cases = [
            (unsolicited(1, 100, 10, false), DataOutError::DataSn),
            (unsolicited(0, 99, 10, false), DataOutError::Offset),
            (unsolicited(0, 101, 10, false), DataOutError::Offset),
            (unsolicited(0, 100, 501, true), DataOutError::TooLong),
            (unsolicited(0, 100, u32::MAX, true), DataOutError::TooLong),
            (unsolicited(0, 100, 0, false), DataOutError::Empty),
            (unsolicited(0, 100, 500, false), DataOutError::MissingFinal),
            (
                data(Ttt(0), 0, 100, 10, false),
                DataOutError::UnknownTransferTag,
            ),
        ];
        for (data, error) in cases {
            assert_eq!(write.data_out(&data), Err(error), "{data:?}");
        }
        // An initiator may end unsolicited data early, even without any.
        assert!(write.data_out(&unsolicited(0, 100, 0, true)).is_ok());
        let error = write.data_out(&unsolicited(0, 100, 10, true));
        assert_eq!(error, Err(DataOutError::UnexpectedUnsolicited));
    }

    #[test]
    fn bad_solicited_data_changes_nothing() {
        let mut write = WriteSequence::new(4096, 0, true, SLOT, &params()).unwrap();
        write.want(4096);
        let plan = write.next_r2t().unwrap();
        let other = Ttt(plan.ttt.0 ^ 1);
        let cases = [
            (
                unsolicited(0, 0, 10, false),
                DataOutError::UnexpectedUnsolicited,
            ),
            (
                data(other, 0, 0, 10, false),
                DataOutError::UnknownTransferTag,
            ),
            (data(plan.ttt, 0, 0, 1001, true), DataOutError::TooLong),
            (
                data(plan.ttt, 0, 0, 1000, false),
                DataOutError::MissingFinal,
            ),
            (data(plan.ttt, 0, 0, 999, true), DataOutError::EarlyFinal),
            (data(plan.ttt, 0, 0, 0, false), DataOutError::Empty),
        ];
        for (data, error) in cases {
            assert_eq!(write.data_out(&data), Err(error), "{data:?}");
        }
        write.data_out(&data(plan.ttt, 0, 0, 10, false)).unwrap();
        let again = write.data_out(&data(plan.ttt, 1, 0, 10, false));
        assert_eq!(again, Err(DataOutError::Offset));
        write.data_out(&data(plan.ttt, 1, 10, 990, true)).unwrap();
        let late = write.data_out(&data(plan.ttt, 2, 1000, 10, true));
        assert_eq!(late, Err(DataOutError::UnknownTransferTag));
    }

    #[test]
    fn sense_of_errors() {
        let sense = DataOutError::UnexpectedUnsolicited.additional_sense();
        assert_eq!(sense, (0x0c, 0x0c));
        assert_eq!(DataOutError::TooLong.additional_sense(), (0x0c, 0x0d));
    }
}
