// SPDX-License-Identifier: GPL-2.0

//! Whatever is in LIO's saved configuration is refused, or becomes a configuration that can be saved.

use libstmf::config::{Configuration, Extent};
use libstmf::LioImport;

pub(crate) fn run(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let nothing = Configuration::default();
    let Ok(import) = LioImport::parse(text, &nothing) else {
        return;
    };
    let written = import.configuration.to_string();
    let again = Configuration::parse(&written).expect("what was written");
    assert_eq!(again.to_string(), written);
    nothing.steps_to(&again, Extent::Add);
}
