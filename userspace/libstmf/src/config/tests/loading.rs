// SPDX-License-Identifier: GPL-2.0

//! Giving the kernel what is saved while others change it.

use std::net::Ipv6Addr;

use stmf_uapi::{iscsi, sbd};

use super::super::class::Effect;
use super::super::plan::Step;
use super::super::Loader;
use super::interrupted::note;
use super::*;
use crate::attributes::Builder;

#[test]
fn what_was_being_removed_does_not_come_back_with_a_reboot() {
    let directory = TempDir::new().unwrap();
    configure(&mut Sim::new(), directory.path());
    let view = of_store(directory.path());
    let view = view
        .of_class("view")
        .find(|view| view.owner() == guid(1).to_string());
    let attributes = view.unwrap().encode();
    note(directory.path(), "view", Effect::Remove, attributes);
    let mut sim = Sim::new();
    load(&mut recorder(&mut sim, directory.path()), Duration::MAX);
    assert!(!directory.path().join(".intent").exists());
    let mut stmf = Stmf::with_transport(&mut sim);
    assert!(stmf.views(Some(&guid(1))).unwrap().is_empty());
    assert_eq!(stmf.views(Some(&guid(2))).unwrap().len(), 1);
    assert_eq!(rebooted(directory.path()), all_of(&mut sim));
}

#[test]
fn nor_does_a_portal_that_a_new_kernel_has_of_its_own_accord() {
    for others in [vec![], vec!["10.0.0.1:3261"]] {
        let directory = TempDir::new().unwrap();
        let mut sim = Sim::new();
        let mut iscsi = IscsiTargets::with_transport(recorder(&mut sim, directory.path()));
        iscsi.create(TARGET, &IscsiChange::default()).unwrap();
        for address in &others {
            iscsi.add_portal(&portal(address)).unwrap();
        }
        note_removal(directory.path());
        let mut sim = Sim::new();
        load(&mut recorder(&mut sim, directory.path()), Duration::MAX);
        assert_eq!(rebooted(directory.path()), all_of(&mut sim));
        let portals = IscsiTargets::with_transport(&mut sim).portals().unwrap();
        assert_eq!(portals, others.into_iter().map(portal).collect::<Vec<_>>());
    }
}

/// Notes that the portal of a new kernel is going to be removed.
fn note_removal(store: &Path) {
    let attributes = Builder::new()
        .address(iscsi::Portal::Address, Ipv6Addr::UNSPECIFIED.into())
        .u16(iscsi::Portal::Port, iscsi::DEFAULT_PORT);
    note(store, "iscsi-portal", Effect::Remove, attributes);
}

#[test]
fn nor_when_others_change_before_the_module_of_the_portal_is_there() {
    let directory = TempDir::new().unwrap();
    let mut sim = Sim::new();
    let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
    stmf.add_group(GroupKind::Host, &name("first")).unwrap();
    let mut unloaded = Sim::new();
    unloaded.unload(iscsi::FAMILY);
    let mut stmf = Stmf::with_transport(recorder(&mut unloaded, directory.path()));
    // More than one change, and more than one of which nothing can be found out.
    for group in ["second", "third"] {
        note_removal(directory.path());
        stmf.add_group(GroupKind::Host, &name(group)).unwrap();
        assert!(!directory.path().join(".intent").exists());
    }
    let mut sim = Sim::new();
    load(&mut recorder(&mut sim, directory.path()), Duration::MAX);
    let portals = IscsiTargets::with_transport(&mut sim).portals().unwrap();
    assert!(portals.is_empty(), "{portals:?}");
    assert_eq!(rebooted(directory.path()), all_of(&mut sim));
    assert!(!directory.path().join(".postponed").exists());
    let groups = Stmf::with_transport(&mut sim).groups(GroupKind::Host);
    assert_eq!(groups.unwrap().len(), 3);
}

#[test]
fn a_disk_that_was_made_shorter_when_the_power_failed_comes_back_so() {
    for (length, comes_back) in [(1 << 19, true), (1 << 18, false)] {
        let directory = TempDir::new().unwrap();
        let (file, store) = (directory.path().join("disk"), directory.path().join("stmf"));
        fs::write(&file, vec![0; 1 << 20]).unwrap();
        let mut sim = Sim::new();
        let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
        let disk = LuSpec {
            file: file.clone(),
            size: Some(1 << 20),
            ..spec(1)
        };
        stmf.create_lu(&disk).unwrap();
        // The kernel has made it half as long, but nobody could save that any more.
        let attributes = Builder::new()
            .bytes(sbd::Lu::Guid, guid(1).as_bytes())
            .uint(sbd::Lu::Size, 1 << 19);
        note(&store, "disk", Effect::Modify, attributes);
        fs::write(&file, vec![0; length]).unwrap();
        let mut sim = Sim::new();
        let mut recorder = recorder(&mut sim, &store);
        let mut loader = Loader::new(&mut recorder).unwrap().unwrap();
        let (steps, _) = loader.plan().unwrap();
        let done: Vec<_> = steps.iter().map(|step| loader.take(step)).collect();
        assert_eq!(done.iter().all(Result::is_ok), comes_back, "{done:?}");
        if comes_back {
            let disks = Stmf::with_transport(&mut sim).disks().unwrap();
            assert_eq!(disks[0].size, 1 << 19);
        }
    }
}

/// Begins to load what is saved, with others let in after each step.
fn begin<T: Transport>(recorder: &mut Recorder<T>) -> (Loader<'_, T>, Vec<Step>) {
    let loader = Loader::new(recorder).unwrap().unwrap();
    let mut loader = loader.with_turn(Duration::ZERO);
    let (steps, _) = loader.plan().unwrap();
    (loader, steps)
}

/// Loads what is saved, letting others in after each turn.
pub(super) fn load<T: Transport>(recorder: &mut Recorder<T>, turn: Duration) {
    let loader = Loader::new(recorder).unwrap().unwrap();
    let mut loader = loader.with_turn(turn);
    let (steps, errors) = loader.plan().unwrap();
    assert!(errors.is_empty(), "{errors:?}");
    for step in steps {
        assert!(loader.take(&step).unwrap(), "{step}");
    }
}

#[test]
fn a_long_load_lets_others_in() {
    let directory = TempDir::new().unwrap();
    configure(&mut Sim::new(), directory.path());
    let (has_begun, begun) = mpsc::channel();
    let loading = {
        let store = directory.path().to_owned();
        std::thread::spawn(move || {
            let mut sim = Sim::new();
            let wire = Wire {
                delay: Duration::from_millis(25),
                begun: Some(has_begun),
                ..Wire::to(&mut sim)
            };
            let mut recording = Recorder::new(wire, Some(Store::new(store)));
            load(&mut recording, Duration::ZERO);
        })
    };
    begun.recv().unwrap();
    let mut sim = Sim::new();
    let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
    stmf.add_group(GroupKind::Target, &name("other")).unwrap();
    assert!(!loading.is_finished());
    loading.join().unwrap();
}

#[test]
fn who_is_locked_out_of_a_load_gives_up_once() {
    let directory = TempDir::new().unwrap();
    configure(&mut Sim::new(), directory.path());
    let mut sim = Sim::new();
    let impatient = Store::with_files(directory.path(), Box::new(RealFiles));
    let mut recording = Recorder::new(&mut sim, Some(impatient));
    let mut loader = Loader::new(&mut recording).unwrap().unwrap();
    let (steps, _) = loader.plan().unwrap();
    let mut idle = Sim::new();
    let mut other = recorder(&mut idle, directory.path());
    other.hold().unwrap();
    let error = loader.take(&steps[0]).unwrap_err();
    let is_locked = matches!(error, Error::Store(StoreError::Locked(_)));
    assert!(is_locked, "{error:?}");
    assert!(!loader.take(&steps[1]).unwrap());
}

/// Something in the way of a load, and its end.
type Obstacle = (fn(&Path), fn(&Path));

#[test]
fn targets_are_held_back_when_a_step_that_guards_them_was_missed() {
    let unread: Obstacle = (
        |store| {
            fs::rename(store.join("iscsi"), store.join("kept")).unwrap();
            fs::write(store.join("iscsi"), "").unwrap();
        },
        |store| {
            fs::remove_file(store.join("iscsi")).unwrap();
            fs::rename(store.join("kept"), store.join("iscsi")).unwrap();
        },
    );
    let no_turn: Obstacle = (
        |store| {
            fs::remove_file(store.join(".lock")).unwrap();
            fs::create_dir(store.join(".lock")).unwrap();
        },
        |store| fs::remove_dir(store.join(".lock")).unwrap(),
    );
    for (put, take) in [unread, no_turn] {
        let directory = TempDir::new().unwrap();
        configure(&mut Sim::new(), directory.path());
        let mut sim = Sim::new();
        let mut recording = recorder(&mut sim, directory.path());
        let (mut loader, steps) = begin(&mut recording);
        put(directory.path());
        loader.take(&steps[0]).unwrap_err();
        take(directory.path());
        for step in &steps[1..] {
            let is_of_target = step.owner() == TARGET;
            assert_eq!(loader.take(step).unwrap(), !is_of_target, "{step}");
        }
        assert!(loader.has_held_back());
        let targets = IscsiTargets::with_transport(&mut sim).targets().unwrap();
        assert!(targets.is_empty(), "{targets:?}");
    }
}

#[test]
fn targets_are_held_back_when_what_guards_them_changes_during_a_load() {
    let directory = TempDir::new().unwrap();
    configure(&mut Sim::new(), directory.path());
    let (mut sim, mut elsewhere) = (Sim::new(), Sim::new());
    let mut recording = recorder(&mut sim, directory.path());
    let (mut loader, steps) = begin(&mut recording);
    limit_bursts(&mut elsewhere, directory.path());
    for step in &steps {
        let is_left =
            step.to_string().starts_with("change defaults of iSCSI") || step.owner() == TARGET;
        assert_eq!(loader.take(step).unwrap(), !is_left, "{step}");
    }
    assert!(loader.has_held_back());
    drop(loader);
    load(&mut recording, Duration::ZERO);
    let targets = IscsiTargets::with_transport(&mut sim).targets().unwrap();
    assert_eq!(targets.len(), 1, "{targets:?}");
}

#[test]
fn defaults_that_were_not_loaded_stay_saved_when_others_change() {
    let directory = TempDir::new().unwrap();
    configure(&mut Sim::new(), directory.path());
    let mut sim = Sim::new();
    limit_bursts(&mut sim, directory.path());
    load(&mut recorder(&mut sim, directory.path()), Duration::ZERO);
    let defaults = IscsiTargets::with_transport(&mut sim).defaults().unwrap();
    assert_eq!(defaults.auth, AuthMethod::Chap);
    let limits: Vec<_> = defaults
        .limits
        .iter()
        .map(|(limit, value)| (limit.key, *value))
        .collect();
    assert_eq!(
        limits,
        [("MaxBurstLength", 65536), ("FirstBurstLength", 16384)]
    );
}

#[test]
fn what_is_wanted_online_during_a_load_is_not_offline_after_it() {
    let directory = TempDir::new().unwrap();
    configure(&mut Sim::new(), directory.path());
    let mut sim = Sim::new();
    let mut recording = recorder(&mut sim, directory.path());
    let (mut loader, steps) = begin(&mut recording);
    // It isn't there yet, so that is only saved.
    let mut elsewhere = Sim::new();
    let mut stmf = Stmf::with_transport(recorder(&mut elsewhere, directory.path()));
    stmf.set_lu_state(&guid(3), Goal::Online).unwrap();
    for step in &steps {
        loader.take(step).unwrap();
    }
    let lu = Stmf::with_transport(&mut sim).logical_unit(&guid(3));
    assert_eq!(lu.unwrap().state, crate::ObjectState::Online);
    assert_eq!(rebooted(directory.path()), all_of(&mut sim));
}

/// Changes one of the defaults.
fn limit_bursts(sim: &mut Sim, store: &Path) {
    let change = IscsiChange {
        limits: vec![(limit("FirstBurstLength"), Some(16384))],
        ..IscsiChange::default()
    };
    let mut iscsi = IscsiTargets::with_transport(recorder(sim, store));
    iscsi.modify_defaults(&change).unwrap();
}
