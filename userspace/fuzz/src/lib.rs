// SPDX-License-Identifier: GPL-2.0

//! What is fuzzed: functions that take any bytes, and panic when what they show is wrong.
//!
//! Each file of `targets/` is one, with a function `run`; nothing else names it. `tools/fuzz` runs
//! them with libFuzzer, and the test `corpora` with the inputs that are kept in `corpus/`.

#![forbid(unsafe_code)]

/// A target.
pub type Run = fn(&[u8]);

/// The targets by name.
pub fn targets() -> &'static [(&'static str, Run)] {
    ALL
}

include!(concat!(env!("OUT_DIR"), "/targets.rs"));
