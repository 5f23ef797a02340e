// SPDX-License-Identifier: GPL-2.0

//! Every input that is kept, be it a seed of the fuzzers or what once was a finding, goes through
//! its target.

use std::collections::BTreeSet;
use std::fs;
use std::panic;
use std::path::Path;

/// The whole corpus of a target is not longer.
const CORPUS_MAX: u64 = 64 << 10;

fn corpus() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/corpus"))
}

#[test]
fn every_input_passes() {
    let mut failed = Vec::new();
    for (name, run) in stmf_fuzz::targets() {
        let inputs = fs::read_dir(corpus().join(name));
        let inputs = inputs.unwrap_or_else(|error| panic!("corpus of {name}: {error}"));
        let (mut count, mut length) = (0, 0);
        for input in inputs {
            let path = input.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            count += 1;
            length += bytes.len() as u64;
            if panic::catch_unwind(|| run(&bytes)).is_err() {
                failed.push(path);
            }
        }
        assert!(count > 0, "{name} has no seeds");
        assert!(length <= CORPUS_MAX, "{name} has {length} bytes of seeds");
    }
    assert!(failed.is_empty(), "{failed:?}");
}

#[test]
fn every_corpus_has_its_target() {
    let targets = stmf_fuzz::targets();
    let names: BTreeSet<_> = targets.iter().map(|(name, _)| (*name).to_owned()).collect();
    let folders = fs::read_dir(corpus()).unwrap();
    let folders: BTreeSet<_> = folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(folders, names);
}
