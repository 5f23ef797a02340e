// SPDX-License-Identifier: GPL-2.0

//! What `create-lu`, `import-lu` and `modify-lu` make of disks.

use super::*;

#[test]
fn creating_tells_the_guid() {
    let mut sim = Sim::new();
    let out = ok(&mut sim, &format!("stmfadm create-lu -p guid={A} /dev/one"));
    assert_eq!(out, format!("Logical unit created: {A}\n"));
    let out = ok(&mut sim, "stmfadm create-lu /dev/two");
    assert!(out.starts_with("Logical unit created: 600144F"), "{out}");
    let out = ok(&mut sim, "stmfadm create-lu -p oui=a1b2c3 /dev/three");
    assert!(out.starts_with("Logical unit created: 6A1B2C3"), "{out}");
    let out = ok(&mut sim, "stmfadm create-lu -p host-id=f1020304 /dev/four");
    let expected = "Logical unit created: 600144F0F1020304";
    assert!(out.starts_with(expected), "{out}");
}

#[test]
fn the_short_option_of_a_dry_run_stands_before_the_command() {
    let mut sim = with_disks();
    let out = ok(&mut sim, &format!("stmfadm -n add-view -n 7 {A}"));
    assert_eq!(out, format!("would create view entry {A} lun=7\n"));
    let out = ok(&mut sim, &format!("stmfadm list-lu -v {A}"));
    assert!(out.contains("View Entry Count  : 0\n"), "{out}");
}

#[test]
fn what_has_metadata_comes_back() {
    let mut sim = Sim::new();
    let meta = std::env::temp_dir().join(format!("stmfadm-meta-{}", std::process::id()));
    let meta = meta.display();
    ok(
        &mut sim,
        &format!("stmfadm create-lu -p guid={A} -p serial=S1 -p meta={meta} /dev/one"),
    );
    let before = ok(&mut sim, "stmfadm list-lu -v");
    let line = format!("    Meta File         : {meta}\n");
    assert!(before.contains(&line), "{before}");
    ok(&mut sim, &format!("stmfadm delete-lu {A}"));
    let out = ok(&mut sim, &format!("stmfadm import-lu {meta}"));
    assert_eq!(out, format!("Logical unit imported: {A}\n"));
    assert_eq!(ok(&mut sim, "stmfadm list-lu -v"), before);
    // The kernel makes no such file, so it was made here.
    std::fs::remove_file(meta.to_string()).unwrap();
    let err = run(&mut sim, &format!("stmfadm import-lu {meta}")).err;
    assert!(err.contains("it has no metadata"), "{err}");
}

#[test]
fn metadata_can_be_in_the_head_of_the_data() {
    let mut sim = Sim::new();
    ok(
        &mut sim,
        &format!("stmfadm create-lu -p guid={A} -p meta=head -p threshold=10% /srv/one"),
    );
    let before = ok(&mut sim, "stmfadm list-lu -v");
    let line = "    Meta File         : in the head of the data file\n";
    assert!(before.contains(line), "{before}");
    assert!(before.contains("    Space Threshold   : 10%\n"), "{before}");
    ok(&mut sim, &format!("stmfadm delete-lu {A}"));
    let out = ok(&mut sim, "stmfadm import-lu /srv/one");
    assert_eq!(out, format!("Logical unit imported: {A}\n"));
    assert_eq!(ok(&mut sim, "stmfadm list-lu -v"), before);
    // The kernel makes no file of that name.
    assert!(!std::path::Path::new("head").exists());
}

#[test]
fn a_disk_in_memory_is_called_by_its_name() {
    let mut sim = Sim::new();
    let name = "ram:scratch";
    fail(&mut sim, &format!("stmfadm create-lu {name}"), Exit::Failed);
    fail(
        &mut sim,
        &format!("stmfadm create-lu -s 2t {name}"),
        Exit::Failed,
    );
    ok(
        &mut sim,
        &format!("stmfadm create-lu -F -s 2t -p guid={A} {name}"),
    );
    let out = ok(&mut sim, "stmfadm list-lu -v");
    assert!(out.contains("    Data File         : ram:scratch\n"));
    assert!(out.contains("    Space Threshold   : not set\n"));
    ok(&mut sim, &format!("stmfadm modify-lu -f -s 1g {name}"));
    let err = run(&mut sim, &format!("stmfadm modify-lu -p threshold=3 {A}")).err;
    assert!(err.contains("threshold"), "{err}");
}

#[test]
fn no_file_of_metadata_is_left_of_what_is_not_made() {
    let mut sim = Sim::new();
    let meta = std::env::temp_dir().join(format!("stmfadm-new-{}", std::process::id()));
    let command = format!(
        "stmfadm create-lu -p guid={A} -p meta={} /dev/one",
        meta.display()
    );
    ok(
        &mut sim,
        &format!("stmfadm create-lu -p guid={A} /dev/other"),
    );
    fail(&mut sim, &command, Exit::Exists);
    assert!(!meta.exists());
    ok(&mut sim, &format!("stmfadm delete-lu {A}"));
    ok(
        &mut sim,
        &command.replace("/dev/one", "--dry-run /dev/null"),
    );
    assert!(!meta.exists());
}

#[test]
fn paths_become_absolute() {
    let mut sim = Sim::new();
    ok(
        &mut sim,
        &format!("stmfadm create-lu -p guid={A} images/one"),
    );
    let file = std::env::current_dir().unwrap().join("images/one");
    let out = ok(&mut sim, "stmfadm list-lu -v");
    let line = format!("    Data File         : {}\n", file.display());
    assert!(out.contains(&line), "{out}");
}

#[test]
fn a_logical_unit_is_changed_by_its_name_or_its_file() {
    let mut sim = with_disks();
    let line = format!("stmfadm modify-lu -s 2g -p alias=new -p wcd=true -p mgmt-url=http://a {A}");
    assert_eq!(ok(&mut sim, &line), "");
    ok(&mut sim, "stmfadm modify-lu -f -p serial=77 /dev/two");
    let listed = ok(&mut sim, "stmfadm list-lu -v");
    for line in [
        "    Alias             : new\n",
        "    Size              : 2147483648\n",
        "    Management URL    : http://a\n",
        "    Writeback Cache   : Disabled\n",
        "    Serial Num        : 77\n",
    ] {
        assert_eq!(listed.matches(line).count(), 1, "{line}{listed}");
    }
    ok(&mut sim, &format!("stmfadm modify-lu -p mgmt-url= {A}"));
    let listed = ok(&mut sim, &format!("stmfadm list-lu -v {A}"));
    assert!(listed.contains("    Management URL    : not set\n"));
}

#[test]
fn what_cannot_be_changed_is_refused() {
    let mut sim = with_disks();
    fail(&mut sim, &format!("stmfadm modify-lu {A}"), Exit::Usage);
    let line = format!("stmfadm modify-lu -p vid=X {A}");
    let err = fail(&mut sim, &line, Exit::Usage);
    assert_eq!(
        err,
        format!("stmfadm: {A}: that property cannot be changed\n")
    );
    let err = fail(
        &mut sim,
        "stmfadm modify-lu -s 1g /dev/none",
        Exit::NotFound,
    );
    assert_eq!(err, "stmfadm: /dev/none: not found\n");
}
