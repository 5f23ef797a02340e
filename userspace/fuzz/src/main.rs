// SPDX-License-Identifier: GPL-2.0

//! The target that `FUZZ_TARGET` names, run by libFuzzer.

#![forbid(unsafe_code)]
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use stmf_fuzz::Run;

static RUN: OnceLock<Run> = OnceLock::new();

fn chosen() -> Run {
    let name = std::env::var("FUZZ_TARGET").expect("FUZZ_TARGET names a target");
    let found = stmf_fuzz::targets()
        .iter()
        .find(|(target, _)| *target == name);
    found.expect("FUZZ_TARGET names a target").1
}

fuzz_target!(|bytes: &[u8]| RUN.get_or_init(chosen)(bytes));
