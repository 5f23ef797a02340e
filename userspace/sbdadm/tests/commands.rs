// SPDX-License-Identifier: GPL-2.0

//! Whole command lines against a framework in memory.

use libstmf::cli::Exit;
use libstmf::sim::Sim;
use libstmf::Stmf;

fn run(sim: &mut Sim, line: &str) -> (Exit, String, String) {
    let args: Vec<_> = line.split_whitespace().map(Into::into).collect();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let connect = || Ok(Stmf::with_transport(sim));
    let exit = sbdadm::main(args, connect, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("what is printed is text");
    (exit, text(out), text(err))
}

fn ok(sim: &mut Sim, line: &str) -> String {
    let (exit, out, err) = run(sim, line);
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{line}");
    out
}

/// The one row of a table.
fn row(table: &str) -> (String, String, String) {
    let mut words = table.lines().last().unwrap().split_whitespace();
    let mut word = || words.next().unwrap().to_owned();
    (word(), word(), word())
}

#[test]
fn a_disk_is_made_listed_changed_and_deleted() {
    let mut sim = Sim::new();
    assert_eq!(ok(&mut sim, "sbdadm list-lu"), "");
    let created = ok(&mut sim, "sbdadm create-lu -s 1g /dev/one");
    assert!(created.starts_with("Created the following LU:\n\n"));
    let (guid, size, file) = row(&created);
    assert_eq!((size.as_str(), file.as_str()), ("1073741824", "/dev/one"));
    assert_eq!(guid.to_ascii_lowercase(), guid);

    assert_eq!(ok(&mut sim, "sbdadm modify-lu -s 2g /dev/one"), "");
    assert_eq!(ok(&mut sim, &format!("sbdadm modify-lu -s 3g {guid}")), "");
    let expected = format!(
        "Found 1 LU(s)\n\n\
         \x20             GUID                    DATA SIZE           SOURCE\n\
         --------------------------------  -------------------  ----------------\n\
         {guid}  3221225472           /dev/one\n"
    );
    assert_eq!(ok(&mut sim, "sbdadm list-lu"), expected);

    assert_eq!(ok(&mut sim, &format!("sbdadm delete-lu {guid}")), "");
    assert_eq!(ok(&mut sim, "sbdadm list-lu"), "");
}

#[test]
fn mistakes_are_told() {
    let mut sim = Sim::new();
    let (_, out, err) = run(&mut sim, "sbdadm import-lu /none");
    assert_eq!(out, "");
    assert!(err.contains("meta-file: it has no metadata"), "{err}");
    let (exit, out, err) = run(&mut sim, "sbdadm modify-lu -s 1g /dev/none");
    assert_eq!((exit, out.as_str()), (Exit::NotFound, ""));
    assert_eq!(err, "sbdadm: /dev/none: not found\n");
    let (exit, ..) = run(&mut sim, "sbdadm modify-lu /dev/none");
    assert_eq!(exit, Exit::Usage);
}
