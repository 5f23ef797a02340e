// SPDX-License-Identifier: GPL-2.0

//! The data of commands, with initiators that keep to the rules and others that don't.

use proptest::prelude::*;
use stmf_iscsi_proto::{
    params::Negotiated,
    request::DataOut,
    sn::Sn,
    transfer::{
        R2tPlan,
        ReadSequence,
        WriteSequence, //
    },
    types::{
        Itt,
        Ttt, //
    },
};

prop_compose! {
    /// Small numbers, so that a few thousand bytes meet every limit.
    fn params()(
        flags: [bool; 2],
        first in 1_u32..600,
        more in 0_u32..600,
        outstanding in 1_u32..20,
        segment in 1_u32..300,
    ) -> Negotiated {
        let mut params = Negotiated::default();
        params.session.initial_r2t = flags[0];
        params.session.immediate_data = flags[1];
        params.session.first_burst_length = first;
        params.session.max_burst_length = first + more;
        params.session.max_outstanding_r2t = outstanding;
        params.connection.max_send_data_segment_length = segment;
        params
    }
}

/// A source of decisions.
struct Dice(u64);

impl Dice {
    /// A number up to and including `max`.
    fn upto(&mut self, max: u32) -> u32 {
        // Knuth's MMIX generator, whose high bits are good enough.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = self.0.wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % (u64::from(max) + 1)) as u32
    }
}

/// A sequence that the initiator is sending.
struct Sending {
    ttt: Ttt,
    data_sn: u32,
    offset: u32,
    end: u32,
}

impl Sending {
    /// The next PDU of it, as long as the dice say.
    fn pdu(&mut self, dice: &mut Dice, max_segment: u32) -> DataOut {
        let left = self.end - self.offset;
        let len = (1 + dice.upto(max_segment - 1)).min(left);
        let data = DataOut {
            is_final: len == left,
            lun: [0; 8],
            itt: Itt(1),
            ttt: self.ttt,
            exp_stat_sn: Sn::new(0),
            data_sn: self.data_sn,
            offset: self.offset,
            len,
        };
        self.data_sn += 1;
        self.offset += len;
        data
    }
}

/// The bytes a target has taken.
struct Taken {
    times: Vec<u8>,
    next: u32,
}

impl Taken {
    fn take(&mut self, offset: u32, len: u32) {
        assert_eq!(offset, self.next, "in order");
        self.next += len;
        for byte in &mut self.times[offset as usize..(offset + len) as usize] {
            *byte += 1;
        }
    }
}

proptest! {
    #[test]
    fn a_lawful_initiator_delivers_every_byte_once(
        params in params(),
        edtl in 0_u32..4000,
        needed in 0_u32..4000,
        seed: u64,
    ) {
        let mut dice = Dice(seed);
        let session = params.session;
        let unasked = edtl.min(session.first_burst_length);
        let immediate = if session.immediate_data { dice.upto(unasked) } else { 0 };
        let is_final = session.initial_r2t || immediate == unasked || dice.upto(1) == 0;
        let mut write = WriteSequence::new(edtl, immediate, is_final, 5, &params).unwrap();
        let mut taken = Taken { times: vec![0; edtl as usize], next: 0 };
        taken.take(0, immediate);

        let mut sending = std::collections::VecDeque::new();
        if !is_final {
            let end = immediate + 1 + dice.upto(unasked - immediate - 1);
            sending.push_back(Sending { ttt: Ttt::RESERVED, data_sn: 0, offset: immediate, end });
        }
        let mut wanted = 0;
        let mut r2ts: Vec<R2tPlan> = Vec::new();
        let mut rounds = 0;
        while wanted < needed || !write.is_complete() {
            rounds += 1;
            prop_assert!(rounds < 20_000, "it has to end");
            match dice.upto(2) {
                0 if wanted < needed => {
                    wanted = needed;
                    write.want(wanted);
                }
                1 => if let Some(plan) = write.next_r2t() {
                    prop_assert_eq!(plan.r2t_sn as usize, r2ts.len());
                    prop_assert!(plan.len > 0 && plan.len <= session.max_burst_length);
                    prop_assert!(plan.offset + plan.len <= wanted.min(edtl));
                    if let Some(last) = r2ts.last() {
                        prop_assert_eq!(plan.offset, last.offset + last.len);
                    }
                    let end = plan.offset + plan.len;
                    sending.push_back(Sending { ttt: plan.ttt, data_sn: 0, offset: plan.offset, end });
                    let limit = session.max_outstanding_r2t as usize;
                    prop_assert!(sending.len() <= limit);
                    r2ts.push(plan);
                },
_ => if let Some(first) = sending.front_mut() {
                    let data = first.pdu(&mut dice, 300);
                    if data.is_final {
                        sending.pop_front();
                    }
                    let accept = write.data_out(&data).unwrap();
                    taken.take(accept.offset, accept.len);
                    prop_assert_eq!(accept.ends_burst, data.is_final);
                    prop_assert_eq!(accept.complete, write.is_complete());
                },
            }
        }
        prop_assert_eq!(write.next_r2t(), None);
        prop_assert!(!write.is_pending());
        prop_assert_eq!(taken.next, write.received());
        prop_assert!(write.received() >= needed.min(edtl));
        prop_assert_eq!(write.exp_data_sn() as usize, r2ts.len());
        prop_assert!(taken.times[..taken.next as usize].iter().all(|times| *times == 1));
        prop_assert!(taken.times[taken.next as usize..].iter().all(|times| *times == 0));
    }

    #[test]
    fn an_outlaw_gets_no_byte_in_twice_or_out_of_range(
        params in params(),
        edtl in 0_u32..2000,
        immediate in 0_u32..700,
        is_final: bool,
        steps in prop::collection::vec(
            (0_u32..6, 0_u32..4, prop_oneof![0_u32..2000, any::<u32>()], 0_u32..600, any::<bool>()),
            0..100,
        ),
    ) {
        let Ok(mut write) = WriteSequence::new(edtl, immediate, is_final, 5, &params) else {
            return Ok(());
        };
        let mut taken = Taken { times: vec![0; edtl as usize], next: 0 };
        taken.take(0, immediate);
        let mut tags = vec![Ttt::RESERVED, Ttt(17)];
        for (tag, data_sn, offset, len, is_final) in steps {
            match tag {
                0 => write.want(offset),
                1 => tags.extend(write.next_r2t().map(|plan| plan.ttt)),
                tag => {
                    let tag = tags[tags.len().saturating_sub(tag as usize - 1)];
                    // Half of the time it is where it should be, or nothing would be accepted.
                    let offset = if len % 2 == 0 { write.received() } else { offset };
                    let before = write.received();
                    let data = DataOut {
                        is_final, lun: [0; 8], itt: Itt(1), ttt: tag, exp_stat_sn: Sn::new(0),
                        data_sn, offset, len,
                    };
                    match write.data_out(&data) {
                        Ok(accept) => {
                            prop_assert_eq!((accept.offset, accept.len), (offset, len));
                            taken.take(offset, len);
                        }
                        Err(_) => prop_assert_eq!(write.received(), before),
                    }
                }
            }
        }
        prop_assert!(taken.times.iter().all(|times| *times <= 1));
        prop_assert!(write.received() <= edtl);
    }

    #[test]
    fn a_read_is_sent_once_and_in_bursts(
        params in params(),
        total in 0_u32..4000,
        seed: u64,
    ) {
        let mut dice = Dice(seed);
        let mut read = ReadSequence::new(total, &params);
        let (mut sent, mut burst, mut data_sn, mut available) = (0, 0, 0, 0);
        while sent < total {
            available = (available + dice.upto(500)).min(total);
            while let Some(plan) = read.next_data_in(available) {
                prop_assert_eq!((plan.offset, plan.data_sn), (sent, data_sn));
                prop_assert!(plan.len > 0);
                prop_assert!(plan.len <= params.connection.max_send_data_segment_length);
                sent += plan.len;
                burst += plan.len;
                data_sn += 1;
                prop_assert!(sent <= available && burst <= params.session.max_burst_length);
                prop_assert_eq!(plan.is_last, sent == total);
                let full = burst == params.session.max_burst_length;
                prop_assert_eq!(plan.is_final, full || sent == total);
                if plan.is_final {
                    burst = 0;
                }
            }
            prop_assert_eq!(read.sent(), available);
        }
        prop_assert_eq!(read.next_data_in(u32::MAX), None);
        prop_assert_eq!(read.exp_data_sn(), data_sn);
    }
}
