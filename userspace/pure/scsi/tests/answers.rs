// SPDX-License-Identifier: GPL-2.0

//! Parameter data cut to an ALLOCATION LENGTH is the beginning of the whole, and counts the whole.

#![allow(clippy::unwrap_used, reason = "A test may panic")]

use proptest::prelude::*;
use stmf_scsi::{
    capacity::Capacity,
    cdb::{
        self,
        ModeSense,
        PageControl,
        ReportSupportedOperationCodes,
        ReportingOptions,
        SelectReport, //
    },
    designator::{
        Association,
        Designator,
        ProtocolId, //
    },
    inquiry::{
        version,
        DeviceType,
        Peripheral,
        StandardInquiry, //
    },
    mode::{
        ModeParameters,
        Values, //
    },
    report_luns,
    ua::{
        UnitAttention,
        UnitAttentions, //
    },
    vpd, Lun, Sink,
};

/// The whole of what `write` writes, after checking every way to cut it.
fn whole(write: impl Fn(&mut Sink<'_>)) -> Result<Vec<u8>, TestCaseError> {
    let mut full = vec![0xee; 4096];
    let mut sink = Sink::new(&mut full);
    write(&mut sink);
    let len = sink.len();
    prop_assert_eq!(sink.written(), len);
    full.truncate(len);
    for room in 0..=len {
        let mut cut = vec![0xee; room];
        let mut sink = Sink::new(&mut cut);
        write(&mut sink);
        prop_assert_eq!((sink.len(), sink.written()), (len, room));
        prop_assert_eq!(&cut, &full[..room]);
    }
    Ok(full)
}

/// Whether the field of `width` bytes at `at` is the length of what follows it.
fn counts_rest(bytes: &[u8], at: usize, width: usize) -> bool {
    let field = bytes[at..at + width].iter();
    let length = field.fold(0, |length, &byte| length << 8 | usize::from(byte));
    length == bytes.len() - at - width
}

fn text(max: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..max).prop_map(String::from_iter)
}

fn select_report() -> impl Strategy<Value = SelectReport> {
    prop::sample::select(vec![
        SelectReport::LogicalUnits,
        SelectReport::WellKnown,
        SelectReport::All,
        SelectReport::Administrative,
        SelectReport::NotSubsidiary,
    ])
}

fn mode_sense() -> impl Strategy<Value = ModeSense> {
    let control = prop::sample::select(vec![
        PageControl::Current,
        PageControl::Changeable,
        PageControl::Default,
        PageControl::Saved,
    ]);
    let page = prop_oneof![Just(0x3f), Just(0x0a), Just(0x08), 0u8..0x40];
    let subpage = prop_oneof![Just(0), Just(1), Just(0xff), any::<u8>()];
    (any::<[bool; 3]>(), control, page, subpage).prop_map(
        |([ten, dbd, llbaa], control, page, subpage)| ModeSense {
            ten,
            dbd,
            llbaa,
            control,
            page,
            subpage,
            allocation: 0,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn inquiry_data(vendor in text(20), product in text(20), versions: Vec<u16>) {
        let inquiry = StandardInquiry {
            vendor: &vendor,
            product: &product,
            revision: "1",
            versions: &versions,
            ..StandardInquiry::default()
        };
        let bytes = whole(|out| inquiry.write(out))?;
        prop_assert!(counts_rest(&bytes, 4, 1));
        prop_assert!(bytes[8..36].iter().all(|byte| (0x20..0x7f).contains(byte)));
    }

    #[test]
    fn device_identification(naa: [u8; 16], name in text(90), port: u16, group: u16) {
        let disk = Peripheral::connected(DeviceType::Block);
        let iscsi = Some(ProtocolId::Iscsi);
        let designators = [
            Designator::Naa16(Association::LogicalUnit, naa),
            Designator::T10Vendor { vendor: &name, specific: &name },
            Designator::ScsiName(Association::TargetPort(iscsi), &name),
            Designator::RelativeTargetPort(iscsi, port),
            Designator::TargetPortGroup(group),
        ];
        let page = vpd::DeviceIdentification { designators: &designators };
        let bytes = whole(|out| page.write(disk, out))?;
        prop_assert!(counts_rest(&bytes, 2, 2));

        // Every designation descriptor ends where the next begins.
        let mut rest = &bytes[4..];
        let mut kinds = Vec::new();
        while !rest.is_empty() {
            let length = usize::from(rest[3]);
            kinds.push(rest[1] & 0x0f);
            if kinds.last() == Some(&8) {
                prop_assert_eq!(length % 4, 0);
                prop_assert_eq!(rest[3 + length], 0);
            }
            rest = &rest[4 + length..];
        }
        kinds.retain(|kind| ![1, 8].contains(kind));
        prop_assert_eq!(kinds, [3, 4, 5]);
    }

    #[test]
    fn mode_parameters(request in mode_sense(), blocks: u64, wce: bool) {
        let mode = ModeParameters {
            current: Values { wce, ..Values::DISK },
            default: Values::DISK,
            blocks,
            block_length: 4096,
            ..ModeParameters::default()
        };
        if mode.write(&request, &mut Sink::new(&mut [])).is_ok() {
            let bytes = whole(|out| mode.write(&request, out).unwrap())?;
            let width = if request.ten { 2 } else { 1 };
            prop_assert!(counts_rest(&bytes, 0, width));
        }
    }

    #[test]
    fn lun_list(select in select_report(), luns in prop::collection::vec(0u16..0x4000, 0..40)) {
        let luns = || luns.iter().copied().filter_map(Lun::new);
        let bytes = whole(|out| report_luns::write(select, luns(), out))?;
        let length = u32::from_be_bytes(bytes[..4].try_into().unwrap());
        prop_assert_eq!(length as usize, bytes.len() - 8);
    }

    #[test]
    fn operation_codes(rctd: bool, opcode: u8, service_action in 0u16..0x20, hidden: u8) {
        for options in [
            ReportingOptions::All,
            ReportingOptions::OperationCode,
            ReportingOptions::ServiceAction,
            ReportingOptions::Either,
        ] {
            let query = ReportSupportedOperationCodes {
                options,
                rctd,
                opcode,
                service_action,
                allocation: 0,
            };
            let report = |out: &mut Sink<'_>| {
                cdb::report_opcodes(&query, |id| id.opcode != hidden, out)
            };
            if report(&mut Sink::new(&mut [])).is_ok() {
                let bytes = whole(|out| report(out).unwrap())?;
                if options == ReportingOptions::All {
                    prop_assert!(counts_rest(&bytes, 0, 4));
                }
            }
        }
    }

    #[test]
    fn capacity(blocks: u64, physical_exponent: u8, lowest_aligned: u16) {
        let capacity = Capacity {
            blocks,
            block_length: 512,
            physical_exponent,
            lowest_aligned,
            ..Capacity::default()
        };
        prop_assert_eq!(whole(|out| capacity.write_10(out))?.len(), Capacity::LEN_10);
        prop_assert_eq!(whole(|out| capacity.write_16(out))?.len(), Capacity::LEN_16);
    }

    #[test]
    fn unit_attentions_are_reported_in_order_and_once(bits: u32) {
        let mut set = UnitAttentions::from_bits(bits);
        let expected: Vec<UnitAttention> = set.iter().collect();
        let mut reported = Vec::new();
        while let Some(first) = set.first() {
            reported.push(first);
            set.remove(first);
        }
        prop_assert!(reported.is_sorted());
        prop_assert_eq!(reported, expected);
    }
}

#[test]
fn a_version_descriptor_is_not_a_revision() {
    for version in [
        version::SAM_5,
        version::SPC_5,
        version::SBC_4,
        version::ISCSI,
    ] {
        assert_eq!(version & 0x1f, 0);
    }
}
