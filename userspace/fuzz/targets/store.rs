// SPDX-License-Identifier: GPL-2.0

//! Whatever is in a file of the saved configuration is refused, or is what would be written again.

use libstmf::config::{Configuration, Extent};

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(wanted) = Configuration::parse(text) else {
        return;
    };
    let written = wanted.to_string();
    let again = Configuration::parse(&written).expect("what was written");
    assert_eq!(again.to_string(), written);
    // There is nothing to do to become what one is.
    assert!(wanted.steps_to(&again, Extent::All).is_empty());
    let nothing = Configuration::default();
    for extent in [Extent::Add, Extent::Mentioned, Extent::All] {
        for step in nothing.steps_to(&wanted, extent) {
            assert!(!step.to_string().is_empty());
        }
        wanted.steps_to(&nothing, extent);
    }
}
