// SPDX-License-Identifier: GPL-2.0

//! Whatever comes as a header is a request or rejected, and whatever comes as data is taken once,
//! in order and within the command, without a panic.

use stmf_iscsi_proto::{
    bhs::{
        Bhs,
        BHS_LEN, //
    },
    params::{
        ConnectionParams,
        Negotiated, //
    },
    request::{
        DataOut,
        Request,
        ScsiCommand,
        MAX_CDB_LEN, //
    },
    transfer::WriteSequence,
    window::CommandWindow,
};

/// A stream of headers, each with the additional headers that it says to have.
pub(crate) fn run(mut bytes: &[u8]) {
    let params = parameters();
    let mut window = CommandWindow::new(Default::default(), 8);
    let mut write = None;
    while let Some((header, rest)) = bytes.split_first_chunk::<BHS_LEN>() {
        let bhs = Bhs(*header);
        let (ahs, rest) = rest.split_at(bhs.ahs_len().min(rest.len()));
        bytes = rest;
        assert!(bhs.layout(&ConnectionParams::default()).len() >= bhs.ahs_len());
        let Ok(request) = Request::parse(&bhs, ahs) else {
            continue;
        };
        if let Some(order) = request.order() {
            window.admit(order);
            window.open(1);
        }
        match request {
            Request::ScsiCommand(command) => write = start(&command, bhs.data_len(), &params),
            Request::DataOut(data) => take(write.as_mut(), &data),
            _ => {}
        }
    }
}

/// Short bursts, so that few headers are enough to fill them.
fn parameters() -> Negotiated {
    let mut params = Negotiated::default();
    params.session.initial_r2t = false;
    params.session.first_burst_length = 4096;
    params.session.max_burst_length = 8192;
    params.session.max_outstanding_r2t = 4;
    params
}

fn start(command: &ScsiCommand<'_>, immediate: u32, params: &Negotiated) -> Option<WriteSequence> {
    let mut cdb = [0; MAX_CDB_LEN];
    let len = command.cdb.copy_to(&mut cdb);
    assert_eq!(len, Some(16 + command.cdb.tail().len()));
    let edtl = command.write_len();
    let mut write = WriteSequence::new(edtl, immediate, command.is_final, 0, params).ok()?;
    write.want(edtl);
    assert!(write.received() <= edtl);
    Some(write)
}

fn take(write: Option<&mut WriteSequence>, data: &DataOut) {
    let Some(write) = write else {
        return;
    };
    while let Some(plan) = write.next_r2t() {
        assert!(plan.len > 0 && plan.len <= 8192);
    }
    let before = write.received();
    match write.data_out(data) {
        Ok(accept) => {
            assert_eq!((accept.offset, accept.len), (before, data.len));
            assert_eq!(write.received(), before + data.len);
        }
        Err(_) => assert_eq!(write.received(), before),
    }
}
