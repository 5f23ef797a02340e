// SPDX-License-Identifier: GPL-2.0

mod disks;
mod interrupted;
mod loading;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use stmf_uapi::sbd;
use tempfile::TempDir;

use super::class::Class;
use super::files::RealFiles;
use super::{Configuration, Dry, Extent, Recorder, Store, StoreError};
use crate::attributes::Fields;
use crate::sim::Sim;
use crate::transport::{Fault, Refusal, Request, Transport};
use crate::{
    AuthMethod, Error, Goal, Group, GroupKind, GroupName, Guid, IscsiChange, IscsiTargets, Limit,
    LuImport, LuSpec, NewView, PortName, Portal, Secret, Stmf, Views,
};

const TARGET: &str = "iqn.2026-11.org.example:a";
const BUS: &str = "naa.3000000000000002";
const HOST: &str = "iqn.2026-11.org.example:host";

fn guid(number: u8) -> Guid {
    format!("600144F00000000000000000000000{number:02X}")
        .parse()
        .unwrap()
}

fn spec(number: u8) -> LuSpec {
    LuSpec {
        guid: Some(guid(number)),
        alias: Some(format!("disk {number}")),
        ..LuSpec::new(format!("/dev/disk{number}"))
    }
}

fn view(number: u8, host: Group) -> NewView {
    NewView {
        guid: guid(number),
        host,
        target: Group::All,
        lun: None,
    }
}

fn name(text: &str) -> GroupName {
    GroupName::new(text).unwrap()
}

fn portal(address: &str) -> Portal {
    Portal {
        address: address.parse().unwrap(),
        tpgt: 1,
        interface: None,
    }
}

fn limit(key: &str) -> Limit {
    Limit::find(key).unwrap()
}

fn recorder<'a>(sim: &'a mut Sim, directory: &Path) -> Recorder<&'a mut Sim> {
    Recorder::new(sim, Some(Store::new(directory)))
}

/// Makes something of everything.
fn configure(sim: &mut Sim, directory: &Path) {
    let mut stmf = Stmf::with_transport(recorder(sim, directory));
    let web = name("web/ä%");
    stmf.add_group(GroupKind::Host, &web).unwrap();
    let host = PortName::new("iqn.2026-11.org.example:host").unwrap();
    stmf.add_member(GroupKind::Host, &web, &host).unwrap();
    stmf.add_group(GroupKind::Target, &name("..")).unwrap();
    for number in 1..=3 {
        stmf.create_lu(&spec(number)).unwrap();
    }
    stmf.add_view(&view(1, Group::All)).unwrap();
    stmf.add_view(&view(2, Group::Named(web))).unwrap();
    stmf.set_lu_state(&guid(3), Goal::Offline).unwrap();
    stmf.create_loopback_target(BUS).unwrap();
    stmf.set_default_states(None, Some(Goal::Offline)).unwrap();
    let mut iscsi = IscsiTargets::with_transport(stmf.into_transport());
    let change = |alias: &str| IscsiChange {
        alias: Some(alias.to_owned()),
        ..IscsiChange::default()
    };
    iscsi.create(TARGET, &change("none")).unwrap();
    iscsi.modify(TARGET, &change("first")).unwrap();
    let defaults = IscsiChange {
        auth: Some(AuthMethod::Chap),
        limits: vec![(limit("MaxBurstLength"), Some(65536))],
        ..IscsiChange::default()
    };
    iscsi.modify_defaults(&defaults).unwrap();
    iscsi
        .create_tpg("2", &["10.0.0.2".to_owned()], Some(46))
        .unwrap();
    let secret = Secret::new("longer than 12".to_owned());
    iscsi
        .create_initiator(HOST, Some("joe"), Some(&secret))
        .unwrap();
    iscsi.modify_initiator(HOST, Some("jim"), None).unwrap();
    iscsi.add_portal(&portal("10.0.0.1:3261")).unwrap();
    iscsi.remove_portal(&portal("[::]:3260")).unwrap();
}

fn of_kernel(sim: &mut Sim) -> String {
    Configuration::of_kernel(sim).unwrap().to_string()
}

/// All that a framework has, with the secrets that it doesn't tell.
fn all_of(sim: &mut Sim) -> String {
    let told = of_kernel(sim);
    format!("{told}{:?}", sim.initiator_secrets())
}

/// What there is after a reboot.
fn rebooted(store: &Path) -> String {
    let mut sim = Sim::new();
    become_as(&mut sim, &of_store(store), Extent::Add);
    all_of(&mut sim)
}

/// A connection that is slow, and has no room for the answers to some changes.
#[derive(Debug)]
struct Wire<'a> {
    sim: &'a mut Sim,
    /// How many answers will be lost.
    losses: usize,
    /// How long a change takes.
    delay: Duration,
    /// Who is told of the first one.
    begun: Option<mpsc::Sender<()>>,
}

impl<'a> Wire<'a> {
    fn to(sim: &'a mut Sim) -> Self {
        Self {
            sim,
            losses: 0,
            delay: Duration::ZERO,
            begun: None,
        }
    }
}

impl Transport for Wire<'_> {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        let fields = Fields::new(request.attributes)?;
        let is_change = Class::of_request(request, &fields).is_some();
        let answer = self.sim.call(request);
        if is_change {
            self.begun
                .take()
                .into_iter()
                .for_each(|begun| begun.send(()).unwrap());
            std::thread::sleep(self.delay);
        }
        if is_change && self.losses > 0 {
            self.losses -= 1;
            return Err(io::Error::from_raw_os_error(libc::ENOBUFS).into());
        }
        answer
    }
}

fn of_store(directory: &Path) -> Configuration {
    let (configuration, errors) = Configuration::of_store(&Store::new(directory)).unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    configuration
}

/// Makes a framework what a configuration says.
fn become_as(sim: &mut Sim, wanted: &Configuration, extent: Extent) -> Vec<String> {
    let current = Configuration::of_kernel(sim).unwrap();
    let steps = current.steps_to(wanted, extent);
    for step in &steps {
        assert!(step.perform(sim).unwrap(), "{step}");
    }
    steps.iter().map(ToString::to_string).collect()
}

#[test]
fn what_is_saved_is_what_comes_back() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("etc/stmf");
    let mut sim = Sim::new();
    configure(&mut sim, &store);
    let mut after_reboot = Sim::new();
    let saved = of_store(&store);
    become_as(&mut after_reboot, &saved, Extent::Add);
    assert_eq!(of_kernel(&mut after_reboot), of_kernel(&mut sim));
    // And nothing is left to be done.
    assert!(become_as(&mut after_reboot, &saved, Extent::Add).is_empty());
}

#[test]
fn target_ports_keep_the_identifiers_they_had() {
    let directory = tempfile::tempdir().unwrap();
    let (late, early) = ("iqn.2026-11.org.example:z", "iqn.2026-11.org.example:a");
    let mut sim = Sim::new();
    let mut targets = IscsiTargets::with_transport(recorder(&mut sim, directory.path()));
    // The first that is made is the last by name, and one goes.
    for target in [late, "iqn.2026-11.org.example:m", early] {
        targets.create(target, &IscsiChange::default()).unwrap();
    }
    targets.delete("iqn.2026-11.org.example:m", true).unwrap();
    let mut booted = Sim::new();
    become_as(&mut booted, &of_store(directory.path()), Extent::All);
    let mut targets = IscsiTargets::with_transport(&mut booted);
    assert_eq!(targets.target(late).unwrap().relative_id, Some(1));
    assert_eq!(targets.target(early).unwrap().relative_id, Some(3));
}

#[test]
fn portal_groups_keep_their_tags() {
    let directory = tempfile::tempdir().unwrap();
    let mut sim = Sim::new();
    let mut targets = IscsiTargets::with_transport(recorder(&mut sim, directory.path()));
    // The first that is made is the last by name.
    for (name, address) in [("outside", "192.0.2.1"), ("inside", "10.0.0.1")] {
        targets
            .create_tpg(name, &[address.to_owned()], None)
            .unwrap();
    }
    let tags = |targets: &mut IscsiTargets<&mut Sim>| -> Vec<(String, u16)> {
        let groups = targets.tpgs().unwrap().into_iter();
        groups.map(|tpg| (tpg.name, tpg.tag)).collect()
    };
    let before = tags(&mut IscsiTargets::with_transport(&mut sim));
    assert_eq!(
        before,
        [("outside".to_owned(), 256), ("inside".to_owned(), 257)]
    );
    let mut booted = Sim::new();
    become_as(&mut booted, &of_store(directory.path()), Extent::All);
    assert_eq!(before, tags(&mut IscsiTargets::with_transport(&mut booted)));
}

/// Two portal groups, and a target in both.
fn portal_groups<T: Transport>(transport: T) {
    let mut targets = IscsiTargets::with_transport(transport);
    for (name, address) in [("outside", "192.0.2.1"), ("inside", "10.0.0.1")] {
        let portals = [address.to_owned()];
        targets.create_tpg(name, &portals, None).unwrap();
    }
    let tags = targets.tpgs().unwrap().iter().map(|tpg| tpg.tag).collect();
    let change = IscsiChange {
        tpgs: Some(tags),
        ..IscsiChange::default()
    };
    targets.create(TARGET, &change).unwrap();
}

#[test]
fn targets_have_left_a_group_that_was_deleted_after_a_reboot_too() {
    let directory = TempDir::new().unwrap();
    let mut sim = Sim::new();
    portal_groups(recorder(&mut sim, directory.path()));
    for (group, left) in [("outside", [257]), ("inside", [1])] {
        let mut targets = IscsiTargets::with_transport(recorder(&mut sim, directory.path()));
        targets.delete_tpg(group, true).unwrap();
        assert_eq!(targets.target(TARGET).unwrap().tpgs, left);
        assert_eq!(rebooted(directory.path()), all_of(&mut sim), "{group}");
    }
}

#[test]
fn targets_stay_in_a_group_that_gets_other_portals() {
    let mut sim = Sim::new();
    portal_groups(&mut sim);
    let before = of_kernel(&mut sim);
    let text = before.replacen("10.0.0.1", "10.0.0.2", 1);
    assert_ne!(text, before);
    become_as(&mut sim, &Configuration::parse(&text).unwrap(), Extent::All);
    assert_eq!(of_kernel(&mut sim), text);
}

#[test]
fn what_was_offline_comes_online_last_and_not_at_all_when_it_goes() {
    let mut sim = Sim::new();
    let (gone, stays) = (
        "iqn.2026-11.org.example:gone",
        "iqn.2026-11.org.example:stays",
    );
    let mut targets = IscsiTargets::with_transport(&mut sim);
    for target in [gone, stays] {
        targets.create(target, &IscsiChange::default()).unwrap();
    }
    let mut stmf = Stmf::with_transport(&mut sim);
    for target in [gone, stays] {
        stmf.set_target_state(target, Goal::Offline).unwrap();
    }
    let mut other = Sim::new();
    let mut targets = IscsiTargets::with_transport(&mut other);
    let change = IscsiChange {
        auth: Some(AuthMethod::Chap),
        ..IscsiChange::default()
    };
    targets.create(stays, &change).unwrap();
    let wanted = Configuration::of_kernel(&mut other).unwrap();
    let steps = become_as(&mut sim, &wanted, Extent::All);
    let online = format!("remove offline state of target {stays}");
    assert_eq!(steps.last(), Some(&online), "{steps:?}");
    let states = steps.iter().filter(|step| step.contains("offline"));
    assert_eq!(states.count(), 1, "{steps:?}");
}

#[test]
fn what_began_offline_is_offline_after_a_reboot_too() {
    let directory = TempDir::new().unwrap();
    let mut sim = Sim::new();
    let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
    stmf.set_default_states(Some(Goal::Offline), None).unwrap();
    stmf.create_lu(&spec(1)).unwrap();
    stmf.create_lu(&spec(2)).unwrap();
    stmf.set_lu_state(&guid(2), Goal::Online).unwrap();
    // That an object is offline with the service is not saved of it, nor is the service's state.
    stmf.set_service(Goal::Offline).unwrap();
    stmf.set_default_states(Some(Goal::Online), None).unwrap();
    stmf.create_lu(&spec(3)).unwrap();

    let mut after_reboot = Sim::new();
    become_as(&mut after_reboot, &of_store(directory.path()), Extent::Add);
    let mut stmf = Stmf::with_transport(&mut after_reboot);
    use crate::ObjectState::{Offline, Online};
    let states = [1, 2, 3].map(|number| stmf.logical_unit(&guid(number)).unwrap().state);
    assert_eq!(states, [Offline, Online, Online]);
}

/// Whether an initiator could see something of what is to be offline.
fn is_reachable(sim: &mut Sim) -> bool {
    let mut stmf = Stmf::with_transport(sim);
    let is_offline = |state| state == crate::ObjectState::Offline;
    let targets = stmf.targets().unwrap();
    let units = stmf.logical_units().unwrap();
    let mut units = units.iter().filter(|unit| unit.guid == guid(3));
    !targets.iter().all(|target| is_offline(target.state))
        || !units.all(|unit| is_offline(unit.state))
}

#[test]
fn what_is_to_be_offline_is_not_online_for_a_moment() {
    let (mut sim, directory) = (Sim::new(), TempDir::new().unwrap());
    configure(&mut sim, directory.path());
    let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
    stmf.set_target_state(BUS, Goal::Offline).unwrap();
    let mut after_reboot = Sim::new();
    let saved = of_store(directory.path());
    let current = Configuration::of_kernel(&mut after_reboot).unwrap();
    for step in current.steps_to(&saved, Extent::Add) {
        step.perform(&mut after_reboot).unwrap();
        assert!(!is_reachable(&mut after_reboot), "after: {step}");
    }
    assert_eq!(of_kernel(&mut after_reboot), of_kernel(&mut sim));
    // Nor when it is replaced, while new ones begin online.
    Stmf::with_transport(&mut after_reboot)
        .set_default_states(None, Some(Goal::Online))
        .unwrap();
    let text = of_kernel(&mut after_reboot);
    let wanted = text.replacen("\"revision\": \"1.0\"", "\"revision\": \"2.0\"", 3);
    let wanted = wanted.replacen("\"relative-id\": 1", "\"relative-id\": 5", 1);
    for changed in ["\"revision\": \"2.0\"", "\"relative-id\": 5"] {
        assert!(wanted.contains(changed), "{changed}: {wanted}");
    }
    let wanted = Configuration::parse(&wanted).unwrap();
    for step in Configuration::of_kernel(&mut after_reboot)
        .unwrap()
        .steps_to(&wanted, Extent::All)
    {
        step.perform(&mut after_reboot).unwrap();
        assert!(!is_reachable(&mut after_reboot), "after: {step}");
    }
}

#[test]
fn files_are_for_their_owner_alone() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("stmf");
    configure(&mut Sim::new(), &store);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&store), 0o700);
    let target = store.join("target").join(TARGET);
    assert_eq!(mode(&target), 0o600);
    assert_eq!(mode(&store.join("lu").join(guid(1).to_string())), 0o600);
    assert!(store.join("host-group/web%2Fä%25").exists());
    assert!(store.join("target-group/%2E.").exists());
    let initiator = fs::read_to_string(store.join("iscsi-initiator").join(HOST)).unwrap();
    assert!(
        initiator.contains("\"chap-secret\": \"longer than 12\""),
        "{initiator}"
    );
    assert!(initiator.contains("\"chap-user\": \"jim\""), "{initiator}");
    for left in [".new", ".intent"] {
        assert!(!store.join(left).exists(), "{left}");
    }
}

#[test]
fn a_change_writes_one_file() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("stmf");
    let mut sim = Sim::new();
    configure(&mut sim, &store);
    let snapshot = |except: &Path| -> Vec<_> {
        let mut all = Vec::new();
        for kind in fs::read_dir(&store).unwrap() {
            let kind = kind.unwrap().path();
            for file in fs::read_dir(&kind).into_iter().flatten() {
                let path = file.unwrap().path();
                let metadata = fs::metadata(&path).unwrap();
                if path != except {
                    use std::os::unix::fs::MetadataExt;
                    all.push((path, metadata.ino(), metadata.mtime_nsec()));
                }
            }
        }
        all.sort();
        all
    };
    let changed = store.join("lu").join(guid(2).to_string());
    let before = snapshot(&changed);
    let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
    stmf.set_lu_state(&guid(2), Goal::Offline).unwrap();
    assert_eq!(snapshot(&changed), before);
    let text = fs::read_to_string(&changed).unwrap();
    assert!(text.contains("\"offline-lu\""), "{text}");
}

#[test]
fn what_is_removed_is_forgotten() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("stmf");
    let mut sim = Sim::new();
    configure(&mut sim, &store);
    let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
    stmf.delete_lu(&guid(1), Views::Remove).unwrap();
    stmf.delete_lu(&guid(2), Views::Keep).unwrap();
    stmf.delete_lu(&guid(3), Views::Remove).unwrap();
    stmf.remove_group(GroupKind::Target, &name("..")).unwrap();
    let mut iscsi = IscsiTargets::with_transport(stmf.into_transport());
    iscsi.delete(TARGET, true).unwrap();
    let mut after_reboot = Sim::new();
    become_as(&mut after_reboot, &of_store(&store), Extent::Add);
    assert_eq!(of_kernel(&mut after_reboot), of_kernel(&mut sim));
    assert!(!store.join("lu").join(guid(1).to_string()).exists());
    // The views that were kept.
    assert!(store.join("lu").join(guid(2).to_string()).exists());
}

#[test]
fn a_disk_that_is_away_keeps_its_place() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("stmf");
    configure(&mut Sim::new(), &store);
    // After the next boot there is nothing but views.
    let mut sim = Sim::new();
    let steps = Configuration::of_kernel(&mut sim)
        .unwrap()
        .steps_to(&of_store(&store), Extent::Add);
    for step in steps.iter().filter(|step| step.file().is_none()) {
        let _ = step.perform(&mut sim);
    }
    let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
    stmf.remove_view(&guid(1), 0).unwrap();
    let text = fs::read_to_string(store.join("lu").join(guid(1).to_string())).unwrap();
    assert!(
        text.contains("/dev/disk1") && !text.contains("\"lun\""),
        "{text}"
    );
    // What is not there can still be deleted for good.
    stmf.delete_lu(&guid(1), Views::Remove).unwrap();
    assert!(!store.join("lu").join(guid(1).to_string()).exists());
    let error = stmf.delete_lu(&guid(1), Views::Remove).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

#[test]
fn the_first_change_may_be_one_that_the_kernel_names() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("stmf");
    let mut sim = Sim::new();
    let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
    let guid = stmf.create_lu(&LuSpec::new("/dev/made-up")).unwrap();
    assert!(store.join("lu").join(guid.to_string()).exists());
}

#[test]
fn what_is_imported_is_saved_with_the_views_it_has() {
    let (mut sim, directory) = (Sim::new(), TempDir::new().unwrap());
    let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
    let meta_file = PathBuf::from("/meta");
    let spec = LuSpec {
        meta_file: Some(meta_file.clone()),
        ..spec(1)
    };
    stmf.create_lu(&spec).unwrap();
    stmf.add_view(&view(1, Group::All)).unwrap();
    let before = of_store(directory.path()).to_string();
    assert!(before.contains("/meta"), "{before}");
    stmf.delete_lu(&guid(1), Views::Keep).unwrap();
    let import = LuImport {
        meta_file,
        ..LuImport::default()
    };
    assert_eq!(stmf.import_lu(&import).unwrap(), guid(1));
    assert_eq!(of_store(directory.path()).to_string(), before);
}

#[test]
fn what_cannot_be_read_is_not_written() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("stmf");
    let mut sim = Sim::new();
    configure(&mut sim, &store);
    let file = store.join("lu").join(guid(1).to_string());
    let whole = fs::read(&file).unwrap();
    let before = of_kernel(&mut sim);
    let mut refused = |bytes: &[u8], expected: &str| {
        fs::write(&file, bytes).unwrap();
        let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
        let error = stmf.set_lu_state(&guid(1), Goal::Offline).unwrap_err();
        assert!(
            matches!(error, Error::Store(StoreError::Document { .. })),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.starts_with(&file.display().to_string()), "{text}");
        assert!(text.contains(expected), "{text}");
        assert_eq!(fs::read(&file).unwrap(), bytes);
        assert_eq!(of_kernel(&mut sim), before);
        let (rest, errors) = Configuration::of_store(&Store::new(&store)).unwrap();
        assert_eq!(errors.len(), 1);
        assert!(rest.to_string().contains("/dev/disk2"));
    };
    // The last byte is the end of a line.
    for length in 0..whole.len() - 1 {
        refused(&whole[..length], "not a configuration");
    }
    let text = String::from_utf8(whole).unwrap();
    for (what, instead, expected) in [
        (
            "\"version\": 1",
            "\"version\": 2",
            "version 2 of the format is newer than 1",
        ),
        (
            "stmf-configuration",
            "target-config",
            "not a configuration of this program",
        ),
        (
            "\"lun\": 0",
            "\"lun\": 16384",
            "view[0].lun: expected a number from 0 to 16383",
        ),
        ("\"size\"", "\"sice\"", "disk[0].sice: unknown"),
        ("\"disk\"", "\"disc\"", "disc: unknown"),
        (
            "\"guid\": \"6",
            "\"guid\": \"",
            "guid: expected 16 bytes in hexadecimal",
        ),
    ] {
        let bent = text.replacen(what, instead, 1);
        assert_ne!(bent, text, "{what}");
        refused(bent.as_bytes(), expected);
    }
}

#[test]
fn a_directory_of_others_is_left_alone() {
    let directory = TempDir::new().unwrap();
    let refused = |expected: &str| {
        let mut sim = Sim::new();
        let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
        let error = stmf.create_lu(&spec(1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
        assert!(stmf.logical_units().unwrap().is_empty());
        assert!(!directory.path().join("lu").exists());
    };
    fs::write(directory.path().join("saveconfig.json"), "{}").unwrap();
    refused("not a configuration store");
    let format = "{\"format\": \"stmf-configuration\", \"version\": 7}";
    fs::write(directory.path().join("format"), format).unwrap();
    refused("version 7 of the format is newer than 1");
}

#[test]
fn two_at_once_wait_for_each_other() {
    let directory = TempDir::new().unwrap();
    let (mut one, mut two) = (Sim::new(), Sim::new());
    let mut first = recorder(&mut one, directory.path());
    first.hold().unwrap();
    let impatient = Store::with_files(directory.path(), Box::new(RealFiles));
    let mut second = Stmf::with_transport(Recorder::new(&mut two, Some(impatient)));
    let error = second.create_lu(&spec(1)).unwrap_err();
    assert!(
        matches!(error, Error::Store(StoreError::Locked(_))),
        "{error:?}"
    );
    drop(first);
    second.create_lu(&spec(1)).unwrap();
}

#[test]
fn a_refused_change_leaves_no_trace() {
    let directory = TempDir::new().unwrap();
    let store = directory.path().join("stmf");
    let mut sim = Sim::new();
    configure(&mut sim, &store);
    let before = of_store(&store).to_string();
    let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
    let error = stmf.add_view(&view(1, Group::All)).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error:?}");
    assert_eq!(of_store(&store).to_string(), before);
    assert!(!store.join(".intent").exists());
}

#[test]
fn a_file_says_what_is_to_be() {
    let directory = TempDir::new().unwrap();
    let mut sim = Sim::new();
    configure(&mut sim, directory.path());
    let backup = Configuration::of_kernel(&mut sim).unwrap().to_string();
    let wanted = backup
        .replace("\"alias\": \"disk 2\"", "\"alias\": \"second\"")
        .replace("\"alias\": \"first\"", "\"alias\": \"web\"");
    let wanted = Configuration::parse(&wanted).unwrap();
    let current = Configuration::of_kernel(&mut sim).unwrap();
    let steps: Vec<_> = current
        .steps_to(&wanted, Extent::All)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(steps.len(), 2, "{steps:?}");
    assert!(steps[0].contains("alias: disk 2 -> second"), "{steps:?}");
    assert!(
        steps[1].ends_with("iqn.2026-11.org.example:a: alias: first -> web"),
        "{steps:?}"
    );
    become_as(&mut sim, &wanted, Extent::All);
    assert!(become_as(&mut sim, &wanted, Extent::All).is_empty());
    // What a file does not mention stays.
    let text = "{\"format\": \"stmf-configuration\", \"version\": 1, \"view\": []}";
    let no_views = Configuration::parse(text).unwrap();
    let steps = become_as(&mut sim, &no_views, Extent::Mentioned);
    assert_eq!(
        steps,
        [
            format!("remove view entry {} host-group web/ä%", guid(2)),
            format!("remove view entry {}", guid(1))
        ]
    );
    let nothing = Configuration::parse(&text.replace(", \"view\": []", "")).unwrap();
    assert!(become_as(&mut sim, &nothing, Extent::Mentioned).is_empty());
    become_as(&mut sim, &nothing, Extent::All);
    let left = of_kernel(&mut sim);
    assert!(!left.contains("guid") && !left.contains("name"), "{left}");
    // And back again.
    become_as(
        &mut sim,
        &Configuration::parse(&backup).unwrap(),
        Extent::All,
    );
    assert_eq!(of_kernel(&mut sim), backup);
}

#[test]
fn a_dry_run_says_what_would_be_done() {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("disk");
    let mut sim = Sim::new();
    configure(&mut sim, directory.path());
    let before = of_kernel(&mut sim);
    let mut stmf = Stmf::with_transport(Dry::new(&mut sim));
    let mut new = LuSpec::new(&file);
    new.guid = Some(guid(7));
    let error = stmf.create_lu(&new).unwrap_err();
    assert!(
        matches!(error, Error::NotFound { .. }),
        "no file yet: {error:?}"
    );
    fs::write(&file, "").unwrap();
    let error = stmf.create_lu(&new).unwrap_err();
    assert!(matches!(error, Error::Withheld { .. }), "{error:?}");
    new.guid = Some(guid(1));
    let error = stmf.create_lu(&new).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error:?}");
    let error = stmf.add_view(&view(1, Group::All)).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error:?}");
    let error = stmf.add_view(&view(3, Group::All)).unwrap_err();
    assert!(matches!(error, Error::Withheld { .. }), "{error:?}");
    stmf.delete_lu(&guid(1), Views::Remove).unwrap();
    let error = stmf.set_lu_state(&guid(9), Goal::Offline).unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    let error = stmf.set_lu_state(&guid(2), Goal::Offline).unwrap_err();
    assert!(matches!(error, Error::Withheld { .. }), "{error:?}");
    let dry = stmf.into_transport();
    assert_eq!(
        dry.sentences(),
        [
            format!(
                "would create logical unit {} file={}",
                guid(7),
                file.display()
            ),
            format!("would create view entry {} lun=2", guid(3)),
            format!("would remove logical unit {}", guid(1)),
            format!("would remove view entry {}", guid(1)),
            format!("would create offline state of logical unit {}", guid(2)),
        ]
    );
    assert_eq!(of_kernel(&mut sim), before);
}

#[test]
fn what_a_step_says_does_nothing_to_the_terminal() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("\u{1b}[2J");
    fs::write(&path, "").unwrap();
    let mut sim = Sim::new();
    let mut stmf = Stmf::with_transport(recorder(&mut sim, &directory.path().join("stmf")));
    let disk = LuSpec {
        file: path,
        size: Some(1 << 20),
        alias: Some("\u{1b}]0;mine\u{7}".to_owned()),
        ..spec(1)
    };
    stmf.create_lu(&disk).unwrap();
    let saved = of_store(&directory.path().join("stmf"));
    let mut booted = Sim::new();
    let current = Configuration::of_kernel(&mut booted).unwrap();
    let steps = current.steps_to(&saved, Extent::Add);
    let mut dry = Stmf::with_transport(Dry::new(Sim::new()));
    dry.create_lu(&disk).unwrap_err();
    let group = "{\"format\": \"stmf-configuration\", \"version\": 1, \
                 \"host-group\": [{\"name\": \"\\u009b2J\"}]}";
    let group = Configuration::parse(group).unwrap();
    for (said, shown) in [
        (steps[0].to_string(), "alias=\\u{1b}]0;mine"),
        (
            steps[0].perform(&mut booted).unwrap_err().to_string(),
            "\\u{1b}[2J has 0 bytes",
        ),
        (dry.into_transport().sentences().concat(), "\\u{1b}]0;mine"),
        (
            current.steps_to(&group, Extent::Add)[0].to_string(),
            "\\u{9b}2J",
        ),
    ] {
        assert!(said.contains(shown), "{said}");
        assert!(!said.contains(char::is_control), "{said}");
    }
}

#[test]
fn a_backup_has_what_is_away_too() {
    let directory = TempDir::new().unwrap();
    let store: PathBuf = directory.path().join("stmf");
    let mut sim = Sim::new();
    configure(&mut sim, &store);
    let all = of_kernel(&mut sim);
    let mut sim = Sim::new();
    let mut backup = Configuration::of_kernel(&mut sim).unwrap();
    backup.complete(&of_store(&store));
    let text = backup.to_string();
    for line in all.lines().filter(|line| line.contains("\"file\"")) {
        assert!(text.contains(line), "{line}");
    }
}
