// SPDX-License-Identifier: GPL-2.0

//! Whatever an initiator sends with LOG SELECT sets the accounting date or nothing, and the page that
//! LOG SENSE then returns is one that LOG SELECT understands.

use stmf_scsi::{
    log::{
        Cycles,
        LogControl,
        LogSelect,
        LogSense,
        Logged,
        Resources, //
    },
    Sink,
};

/// The first bytes choose which pages there are and one of them; the rest is the parameter list.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&[choice, page, subpage, first], list)) = bytes.split_first_chunk() else {
        return;
    };
    let mut logged = Logged {
        resources: (choice & 1 != 0).then_some(Resources::default()),
        is_solid_state: choice & 2 != 0,
        ..Logged::default()
    };
    if let Ok(Some(date)) = LogSelect::select(&logged, list) {
        assert!(date == Cycles::NO_DATE || date.iter().all(u8::is_ascii_digit));
        logged.cycles.accounting_date = date;
    }
    let request = LogSense {
        control: LogControl::Cumulative,
        page: page & 0x3f,
        subpage,
        first: first.into(),
        allocation: 1024,
    };
    let mut out = [0; 1024];
    let mut sink = Sink::new(&mut out);
    let is_there = request.write(&logged, &mut sink).is_ok();
    let len = sink.len();
    assert!(len <= out.len());
    if is_there {
        let [_, _, l1, l0, ..] = out;
        assert_eq!(usize::from(u16::from_be_bytes([l1, l0])) + 4, len);
    }
    let date = LogSense {
        page: 0x0e,
        subpage: 0,
        first: 2,
        ..request
    };
    let mut sink = Sink::new(&mut out);
    date.write(&logged, &mut sink).expect("the accounting date");
    // The page has other parameters after the date, which LOG SELECT doesn't take.
    let mut list = sink.as_bytes()[..14].to_vec();
    list[3] = 10;
    let expected = Some(logged.cycles.accounting_date);
    assert_eq!(LogSelect::select(&logged, &list), Ok(expected));
}
