// SPDX-License-Identifier: GPL-2.0

//! What is saved, and the commands about the configuration as a whole.

use std::fs;
use std::os::unix::fs::{symlink, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use libstmf::cli::Exit;
use libstmf::config::{Recorder, Store};
use libstmf::sim::Sim;
use libstmf::{
    AuthMethod, Error, Events, Fault, Group, GroupKind, GroupName, IscsiChange, IscsiTargets,
    LuSpec, Lun, NewView, Portal, Refusal, Request, Stmf, Transport,
};
use stmfadm::{Patience, Setting};
use tempfile::TempDir;

const A: &str = "600144F0000000000000000000000001";
const B: &str = "600144F0000000000000000000000002";

fn run(sim: impl Transport, store: &Path, line: &str) -> (Exit, String, String) {
    let setting = Setting {
        patience: Patience {
            interval: Duration::ZERO,
            looks: 3,
        },
        zone: || TimeZone::UTC,
        store: Some(store.join("stmf")),
    };
    let args: Vec<_> = line.split_whitespace().map(Into::into).collect();
    let connect = || Ok(Stmf::with_transport(sim));
    let listen = || -> Result<Events, Error> { panic!("the configuration has no events") };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let exit = stmfadm::main(args, connect, listen, &setting, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    (exit, text(out), text(err))
}

fn ok(sim: &mut Sim, store: &Path, line: &str) -> String {
    let (exit, out, err) = run(sim, store, line);
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""), "{line}");
    out
}

/// A framework with two disks and a view, and the directory where that is saved.
fn configured() -> (Sim, TempDir) {
    let (mut sim, store) = (Sim::new(), TempDir::new().unwrap());
    let path = store.path();
    for (guid, file) in [(A, "/dev/one"), (B, "/dev/two")] {
        let line = format!("stmfadm create-lu -p guid={guid} {file}");
        ok(&mut sim, path, &line);
    }
    ok(&mut sim, path, "stmfadm create-hg web");
    ok(&mut sim, path, &format!("stmfadm add-view -n 5 -h web {A}"));
    ok(&mut sim, path, &format!("stmfadm offline-lu {B}"));
    (sim, store)
}

#[test]
fn what_was_changed_is_loaded() {
    let (mut sim, store) = configured();
    let backup = ok(&mut sim, store.path(), "stmfadm backup");
    let mut sim = Sim::new();
    let line = "stmfadm load-config --dry-run";
    let out = ok(&mut sim, store.path(), line);
    assert!(out.contains("would create host group web\n"), "{out}");
    assert_eq!(ok(&mut sim, store.path(), "stmfadm list-lu"), "");
    let out = ok(&mut sim, store.path(), "stmfadm load-config");
    assert!(
        out.contains(&format!("create logical unit {A} file=/dev/one ")),
        "{out}"
    );
    assert_eq!(ok(&mut sim, store.path(), "stmfadm backup"), backup);
    assert_eq!(ok(&mut sim, store.path(), "stmfadm load-config"), "");
}

#[test]
fn one_object_that_is_away_keeps_no_other_from_coming_back() {
    let (_, store) = configured();
    let mut sim = Sim::new();
    let away = Refusal {
        errno: 2,
        message: Some("no such file or device".to_owned()),
        attribute: None,
    };
    sim.refuse("stmf-sbd", 1, away);
    let (exit, out, err) = run(&mut sim, store.path(), "stmfadm load-config");
    assert_eq!(exit, Exit::NotFound);
    let message = format!("stmfadm: logical unit {A}: no such file or device\n");
    assert_eq!(err, message, "{out}");
    let out = ok(&mut sim, store.path(), "stmfadm list-lu -v");
    assert!(out.contains("unregistered"), "{out}");
    assert!(out.contains("/dev/two"), "{out}");
    // It has come back.
    ok(&mut sim, store.path(), "stmfadm load-config");
    let out = ok(&mut sim, store.path(), "stmfadm list-lu -v");
    assert!(!out.contains("unregistered"), "{out}");
}

#[test]
fn what_has_lost_its_place_to_something_else_is_told() {
    let (_, store) = configured();
    let mut sim = Sim::new();
    let mut stmf = Stmf::with_transport(&mut sim);
    let web = GroupName::new("web").unwrap();
    stmf.add_group(GroupKind::Host, &web).unwrap();
    let other = stmf.create_lu(&LuSpec::new("/dev/other")).unwrap();
    let view = NewView {
        guid: other,
        host: Group::Named(web),
        target: Group::All,
        lun: Lun::new(5),
    };
    stmf.add_view(&view).unwrap();
    let (exit, out, err) = run(&mut sim, store.path(), "stmfadm load-config");
    assert_eq!(exit, Exit::Exists, "{err}");
    let told = format!("stmfadm: view entry {A} host-group web: ");
    assert!(err.starts_with(&told) && err.lines().count() == 1, "{err}");
    assert!(out.contains(&format!("create logical unit {A}")), "{out}");
    assert!(!out.contains("view"), "{out}");
}

#[test]
fn a_view_that_is_not_there_takes_no_other_with_it() {
    let (mut sim, store) = configured();
    let path = store.path();
    ok(&mut sim, path, &format!("stmfadm add-view {B}"));
    let file = path.join("stmf/lu").join(B);
    let before = fs::read_to_string(&file).unwrap();
    assert!(before.contains("\"lun\""), "{before}");
    let line = format!("stmfadm remove-view -l {B} 77");
    let (exit, out, err) = run(&mut sim, path, &line);
    assert_eq!((exit, out.as_str()), (Exit::NotFound, ""), "{err}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert!(!path.join("stmf/.intent").exists());
}

/// Gives a command while a load is on its way.
struct Meddler<'a> {
    sim: &'a mut Sim,
    store: &'a Path,
    line: String,
    is_done: bool,
}

impl Transport for Meddler<'_> {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        let answer = self.sim.call(request);
        // The state of the service is the last that is asked for of what there is.
        let is_last = (request.family, request.command) == ("stmf", 1);
        if is_last && !std::mem::replace(&mut self.is_done, true) {
            ok(self.sim, self.store, &self.line);
        }
        answer
    }
}

#[test]
fn what_is_deleted_during_a_load_is_not_made_again() {
    let (_, store) = configured();
    let mut sim = Sim::new();
    let meddler = Meddler {
        sim: &mut sim,
        store: store.path(),
        line: format!("stmfadm delete-lu {B}"),
        is_done: false,
    };
    let (exit, out, err) = run(meddler, store.path(), "stmfadm load-config");
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
    assert!(out.contains(A) && !out.contains(B), "{out}");
    let out = ok(&mut sim, store.path(), "stmfadm list-lu");
    assert!(out.contains(A) && !out.contains(B), "{out}");
    assert_eq!(ok(&mut sim, store.path(), "stmfadm load-config"), "");
}

#[test]
fn what_is_made_during_a_load_is_there() {
    let (_, store) = configured();
    let mut sim = Sim::new();
    let meddler = Meddler {
        sim: &mut sim,
        store: store.path(),
        line: "stmfadm create-hg web".to_owned(),
        is_done: false,
    };
    let (exit, out, err) = run(meddler, store.path(), "stmfadm load-config");
    assert_eq!((exit, err.as_str()), (Exit::Ok, ""));
    assert!(
        out.contains(A) && !out.contains("create host group"),
        "{out}"
    );
}

const TARGET: &str = "iqn.2026-11.org.example:a";

/// As [`configured`], with an iSCSI target that wants CHAP as all do, at one address.
fn guarded() -> TempDir {
    let (sim, store) = configured();
    let recorder = Recorder::new(sim, Some(Store::new(store.path().join("stmf"))));
    let mut targets = IscsiTargets::with_transport(recorder);
    let chap = IscsiChange {
        auth: Some(AuthMethod::Chap),
        ..IscsiChange::default()
    };
    targets.modify_defaults(&chap).unwrap();
    targets.create(TARGET, &IscsiChange::default()).unwrap();
    let portal = |address: &str| Portal {
        address: address.parse().unwrap(),
        tpgt: 1,
        interface: None,
    };
    targets.add_portal(&portal("10.0.0.1:3260")).unwrap();
    targets.remove_portal(&portal("[::]:3260")).unwrap();
    store
}

/// Loads what is saved where something is wrong with what guards targets; disks come up.
fn load_unguarded(sim: &mut Sim, store: &Path, expected: Exit, why: &str) {
    let (exit, out, err) = run(&mut *sim, store, "stmfadm load-config");
    assert_eq!(exit, expected, "{out}{err}");
    assert!(err.contains(why), "{err}");
    assert!(err.contains("iSCSI targets: not brought up"), "{err}");
    assert!(out.contains(A) && !out.contains(TARGET), "{out}");
    assert!(!ok(sim, store, "stmfadm list-target").contains(TARGET));
    assert!(ok(sim, store, "stmfadm list-lu").contains(A));
    // Nor is it another time.
    let (exit, out, _) = run(&mut *sim, store, "stmfadm load-config --dry-run");
    assert!(!out.contains(TARGET), "{exit:?} {out}");
}

#[test]
fn no_target_is_brought_up_without_what_guards_it() {
    for name in ["iscsi-defaults", "iscsi-portal"] {
        let store = guarded();
        let file = store.path().join("stmf/iscsi").join(name);
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, &text[..text.len() / 2]).unwrap();
        let mut sim = Sim::new();
        load_unguarded(&mut sim, store.path(), Exit::Store, name);
        // With the file the target comes back.
        fs::write(&file, text).unwrap();
        let out = ok(&mut sim, store.path(), "stmfadm load-config");
        assert!(out.contains(TARGET), "{out}");
    }
    // Not even the directory is there: it is on a disk that isn't.
    let store = guarded();
    let directory = store.path().join("stmf/iscsi");
    fs::remove_dir_all(&directory).unwrap();
    symlink("/nowhere", &directory).unwrap();
    load_unguarded(&mut Sim::new(), store.path(), Exit::Store, "stmf/iscsi");
}

#[test]
fn nor_when_the_kernel_refuses_it() {
    // PORTAL_REMOVE and DEFAULTS_MODIFY.
    for command in [6, 8] {
        let store = guarded();
        let mut sim = Sim::new();
        for _ in 0..2 {
            let refusal = Refusal {
                errno: 12,
                message: Some("no memory".to_owned()),
                attribute: None,
            };
            sim.refuse("stmf-iscsi", command, refusal);
        }
        let (exit, out, err) = run(&mut sim, store.path(), "stmfadm load-config");
        assert_eq!(exit, Exit::Failed, "{out}{err}");
        assert!(err.contains("no memory"), "{err}");
        assert!(err.contains("iSCSI targets: not brought up"), "{err}");
        assert!(out.contains(A) && !out.contains(TARGET), "{out}");
    }
}

/// As [`configured`], with a backup in a file.
fn backed_up() -> (Sim, TempDir, PathBuf) {
    let (mut sim, store) = configured();
    let file = store.path().join("backup");
    let line = format!("stmfadm backup {}", file.display());
    ok(&mut sim, store.path(), &line);
    (sim, store, file)
}

#[test]
fn a_backup_is_for_its_owner_alone() {
    let (mut sim, store) = configured();
    let file = store.path().join("backup");
    // Somebody who may write here too has been quicker.
    let (trap, other) = (store.path().join("backup.new"), store.path().join("other"));
    fs::write(&other, "").unwrap();
    symlink(&other, &trap).unwrap();
    fs::write(&file, "for all").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let line = format!("stmfadm backup {}", file.display());
    ok(&mut sim, store.path(), &line);
    assert_eq!(fs::read_to_string(&other).unwrap(), "");
    assert!(fs::read_to_string(&file).unwrap().contains(A));
    let metadata = fs::symlink_metadata(&file).unwrap();
    assert!(metadata.is_file());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    // Nothing is left beside it, also when it can't be written.
    let line = format!("stmfadm backup {}", store.path().display());
    let (exit, _, err) = run(&mut sim, store.path(), &line);
    assert_eq!(exit, Exit::Store, "{err}");
    let mut names: Vec<_> = fs::read_dir(store.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["backup", "backup.new", "other", "stmf"]);
}

#[test]
fn a_backup_is_restored() {
    let (mut sim, store, file) = backed_up();
    let path = store.path();
    ok(&mut sim, path, &format!("stmfadm delete-lu {A}"));
    ok(&mut sim, path, "stmfadm create-hg other");
    let line = format!("stmfadm restore --dry-run {}", file.display());
    let out = ok(&mut sim, path, &line);
    let expected = format!(
        "would remove host group other\n\
         would create view entry {A} host-group web lun=5\n\
         would create logical unit {A} file=/dev/one "
    );
    assert!(out.starts_with(&expected), "{out}");
    assert_eq!(out.lines().count(), 3, "{out}");
    ok(
        &mut sim,
        path,
        &format!("stmfadm restore {}", file.display()),
    );
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(ok(&mut sim, path, "stmfadm backup"), text);
    // Saved too.
    let mut sim = Sim::new();
    ok(&mut sim, path, "stmfadm load-config");
    assert_eq!(ok(&mut sim, path, "stmfadm backup"), text);
}

#[test]
fn what_is_saved_but_not_there_is_restored() {
    let (_, store, file) = backed_up();
    let path = store.path();
    let text = fs::read_to_string(&file).unwrap();
    // The modules were unloaded and loaded: all is saved, and the kernel has nothing.
    for command in ["restore", "apply"] {
        let mut sim = Sim::new();
        let line = format!("stmfadm {command} {}", file.display());
        let out = ok(&mut sim, path, &line);
        assert!(
            out.contains(&format!("create view entry {A} host-group web lun=5\n")),
            "{out}"
        );
        let out = ok(&mut sim, path, &format!("stmfadm list-view -l {A}"));
        assert!(out.contains("Host group   : web\n"), "{out}");
        assert_eq!(ok(&mut sim, path, "stmfadm backup"), text);
        assert_eq!(ok(&mut sim, path, &line), "");
    }
}

#[test]
fn a_file_that_makes_no_sense_is_refused() {
    let (mut sim, store) = configured();
    let file = store.path().join("bad");
    let line = format!("stmfadm apply {}", file.display());
    let (exit, _, err) = run(&mut sim, store.path(), &line);
    assert_eq!(exit, Exit::Store, "{err}");
    let text = "{\"format\": \"stmf-configuration\", \"version\": 1, \"view\": [{\"lun\": 1}]}";
    fs::write(&file, text).unwrap();
    let (exit, out, err) = run(&mut sim, store.path(), &line);
    assert_eq!((exit, out.as_str()), (Exit::Store, ""));
    let message = format!("stmfadm: {}: view[0].guid: missing\n", file.display());
    assert_eq!(err, message);
}

#[test]
fn a_dry_run_changes_nothing() {
    let (mut sim, store) = configured();
    let before = ok(&mut sim, store.path(), "stmfadm backup");
    let line = format!("stmfadm delete-lu --dry-run {A}");
    assert_eq!(
        ok(&mut sim, store.path(), &line),
        format!(
            "would remove logical unit {A}\n\
             would remove view entry {A} host-group web\n"
        )
    );
    let line = format!("stmfadm online-lu --dry-run {B}");
    let out = ok(&mut sim, store.path(), &line);
    assert_eq!(
        out,
        format!("would remove offline state of logical unit {B}\n")
    );
    assert_eq!(ok(&mut sim, store.path(), "stmfadm backup"), before);
}

#[test]
fn the_configuration_of_lio_is_taken_over() {
    let store = TempDir::new().unwrap();
    let file = store.path().join("saveconfig.json");
    let disk = r#"{"plugin": "block", "name": "web", "dev": "/dev/web", "wwn": "0123-4567"}"#;
    let scratch = r#"{"plugin": "ramdisk", "name": "scratch"}"#;
    let text = format!(r#"{{"storage_objects": [{disk}, {scratch}], "targets": []}}"#);
    fs::write(&file, text).unwrap();
    let line = format!("stmfadm import-lio --dry-run {}", file.display());
    let (mut sim, path) = (Sim::new(), &store.path().join("store"));
    let not =
        "not taken over: backstore ramdisk/scratch: only block and fileio can be taken over\n";
    let made = "create logical unit 60014050123456700000000000000000 file=/dev/web alias=web \
                vendor-id=LIO-ORG product-id=IBLOCK serial=0123-4567 write-protect=false \
                revision=4.0 unmap=false\n";
    assert_eq!(ok(&mut sim, path, &line), format!("{not}would {made}"));
    let line = line.replace(" --dry-run", "");
    assert_eq!(ok(&mut sim, path, &line), format!("{not}{made}"));
    assert_eq!(ok(&mut sim, path, &line), not);
    // It is saved.
    let mut sim = Sim::new();
    let out = ok(&mut sim, path, "stmfadm load-config");
    assert!(out.contains("60014050123456700000000000000000"), "{out}");

    fs::write(&file, "{}").unwrap();
    let (exit, out, err) = run(&mut sim, path, &line);
    assert_eq!((exit, out.as_str()), (Exit::Store, ""));
    assert!(err.contains("missing field `storage_objects`"), "{err}");
}

#[test]
fn files_of_others_do_nothing_to_the_terminal() {
    let store = TempDir::new().unwrap();
    let file = store.path().join("file");
    let head = r#""format": "stmf-configuration", "version": 1"#;
    for (command, text, shown) in [
        (
            "import-lio",
            r#"{"storage_objects": [{"plugin": "ramdisk", "name": "\u001b[2J"}], "targets": []}"#,
            "backstore ramdisk/\\u{1b}[2J: only",
        ),
        (
            "import-lio",
            r#"{"storage_objects": "\u001b[2J", "targets": []}"#,
            "invalid type: string",
        ),
        (
            "apply",
            &format!(r#"{{{head}, "\u001b[2J": []}}"#),
            "\\u{1b}[2J: unknown",
        ),
        (
            "apply",
            &format!(r#"{{{head}, "\u001b[2J": 1}}"#),
            "\\u{1b}[2J: expected a list",
        ),
        (
            "restore",
            &format!(r#"{{{head}, "disk": [{{"\u009b2J": 1}}]}}"#),
            "disk[0].\\u{9b}2J: unknown",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let line = format!("stmfadm {command} {}", file.display());
        let (_, out, err) = run(&mut Sim::new(), &store.path().join("store"), &line);
        let said = out + &err;
        assert!(said.contains(shown), "{said}");
        let is_harmless = |line: &str| !line.contains(char::is_control);
        assert!(said.lines().all(is_harmless), "{said:?}");
    }
}
