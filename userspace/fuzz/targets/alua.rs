// SPDX-License-Identifier: GPL-2.0

//! Whatever comes as the parameter list of SET TARGET PORT GROUPS is refused, or asks for states
//! that an initiator may ask for.

use stmf_scsi::alua::{AccessState, SetList};

pub(crate) fn run(bytes: &[u8]) {
    for state in AccessState::ALL {
        let _ = state.check(bytes);
    }
    if let Ok(list) = SetList::parse(bytes) {
        assert_eq!(list.iter().count(), (bytes.len() / 4).saturating_sub(1));
        for change in list.iter() {
            assert!(!matches!(
                change.state,
                AccessState::Offline | AccessState::Transitioning
            ));
        }
    }
}
