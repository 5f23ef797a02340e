// SPDX-License-Identifier: GPL-2.0

//! Whatever an initiator sends with MODE SELECT changes what may be changed and nothing else, and
//! MODE SENSE then returns what MODE SELECT takes.

use stmf_scsi::{
    cdb::{
        ModeSelect,
        ModeSense,
        PageControl, //
    },
    mode::{
        ModeParameters,
        Values, //
    },
    Sink,
};

/// The first byte chooses the header, the rest is the parameter list.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&choice, list)) = bytes.split_first() else {
        return;
    };
    let mut mode = ModeParameters {
        current: Values::DISK,
        default: Values::DISK,
        changeable: Values::CHANGEABLE,
        blocks: 1 << 20,
        block_length: 512,
        ..ModeParameters::default()
    };
    let request = ModeSelect {
        ten: choice & 1 != 0,
        page_format: true,
        save: false,
        list_len: list.len() as u16,
    };
    let Ok(values) = mode.select(&request, list) else {
        return;
    };
    let changed = values.bits() ^ mode.current.bits();
    assert_eq!(changed & !Values::CHANGEABLE.bits(), 0);
    mode.current = values;
    let all = ModeSense {
        ten: request.ten,
        dbd: choice & 2 != 0,
        llbaa: choice & 4 != 0 && request.ten,
        control: PageControl::Current,
        page: 0x3f,
        subpage: 0xff,
        allocation: 255,
    };
    let mut out = [0; 512];
    let mut sink = Sink::new(&mut out);
    mode.write(&all, &mut sink).expect("all pages");
    assert_eq!(mode.select(&request, sink.as_bytes()), Ok(values));
}
