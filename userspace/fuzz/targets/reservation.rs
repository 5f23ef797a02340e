// SPDX-License-Identifier: GPL-2.0

//! Whatever an initiator puts into PERSISTENT RESERVE OUT, or a disk gives back as saved
//! registrations, leaves a state that can be reported and saved, and comes back as it was.

use stmf_scsi::{
    reservation::{
        out::{
            PersistentReserveOut,
            Request,
            ServiceAction, //
        },
        Capabilities, Full, Issuer, NexusRef, Registration, Report, State, Table,
    },
    transport_id::TransportId,
    Sink,
};

const ROOM: usize = 8;

#[derive(Clone, Default)]
struct Rows(Vec<Registration>);

impl Table for Rows {
    fn as_slice(&self) -> &[Registration] {
        &self.0
    }

    fn as_mut_slice(&mut self) -> &mut [Registration] {
        &mut self.0
    }

    fn push(&mut self, registration: Registration) -> Result<(), Full> {
        if self.0.len() == ROOM {
            return Err(Full);
        }
        self.0.push(registration);
        Ok(())
    }

    fn retain(&mut self, keep: impl FnMut(&Registration) -> bool) {
        self.0.retain(keep);
    }
}

/// Saves a state and brings it back.
fn check(state: &State<Rows>) {
    let mut out = [0; 4096];
    for report in Report::ALL {
        let mut sink = Sink::new(&mut out);
        state.report(report, Capabilities { can_persist: true }, &mut sink);
        assert!(sink.len() <= 8 + ROOM * (24 + TransportId::MAX_LEN));
    }
    let mut sink = Sink::new(&mut out);
    state.save(&mut sink);
    let back = State::restore(sink.as_bytes(), Rows::default()).expect("what was saved");
    if state.aptpl() {
        assert_eq!(back.registrations(), state.registrations());
        assert_eq!(back.kind(), state.kind());
    }
}

/// The first byte chooses: saved registrations, or a chain of commands, each a byte for the nexus,
/// one for the service action, one for scope and type, one for the length of the list, the list.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&choice, mut rest)) = bytes.split_first() else {
        return;
    };
    if choice & 1 == 0 {
        if let Ok(state) = State::restore(rest, Rows::default()) {
            check(&state);
        }
        return;
    }
    let mut state = State::new(Rows::default());
    while let [who, action, scope_and_type, len, list @ ..] = rest {
        let list = &list[..list.len().min(usize::from(*len))];
        rest = &rest[4 + list.len()..];
        let cdb = PersistentReserveOut {
            action: ServiceAction::ALL[usize::from(action % 8)],
            scope_and_type: *scope_and_type,
            list_len: list.len() as u32,
        };
        let name = TransportId::Sas([who & 3; 8]);
        let issuer = Issuer {
            nexus: NexusRef {
                initiator: &name,
                port: u16::from(who >> 7),
            },
            ports: &[0, 1],
            can_persist: true,
        };
        let mut new = state.clone();
        if let Ok(request) = Request::parse(&cdb, list) {
            if new.execute(issuer, &request).is_ok() {
                check(&new);
                state = new;
            }
        }
    }
}
