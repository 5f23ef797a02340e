// SPDX-License-Identifier: GPL-2.0

//! What disks come back on, and what one is replaced with.

use super::*;

#[test]
fn disks_in_memory_and_with_their_metadata_come_back() {
    let (mut sim, directory) = (Sim::new(), TempDir::new().unwrap());
    let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
    let memory = LuSpec {
        file: "ram:scratch".into(),
        size: Some(2 << 40),
        force: true,
        ..spec(1)
    };
    stmf.create_lu(&memory).unwrap();
    let head = LuSpec {
        file: "/srv/disk2".into(),
        meta_head: Some(true),
        thin: Some(false),
        threshold: Some(10),
        ..spec(2)
    };
    stmf.create_lu(&head).unwrap();
    let mut after_reboot = Sim::new();
    become_as(&mut after_reboot, &of_store(directory.path()), Extent::Add);
    assert_eq!(of_kernel(&mut after_reboot), of_kernel(&mut sim));
    let mut stmf = Stmf::with_transport(after_reboot);
    // So much memory as it was once allowed, and no file that is waited for.
    assert_eq!(stmf.disk(&guid(1)).unwrap().size, 2 << 40);
    let disk = stmf.disk(&guid(2)).unwrap();
    assert_eq!((disk.meta_head, disk.thin), (true, false));
    assert_eq!(disk.threshold, Some(10));
}

#[test]
fn a_disk_does_not_come_back_on_the_metadata_of_another() {
    let directory = TempDir::new().unwrap();
    let head = |number| LuSpec {
        file: "/srv/disk".into(),
        meta_head: Some(true),
        ..spec(number)
    };
    let mut saving = Stmf::with_transport(Recorder::new(
        Sim::new(),
        Some(Store::new(directory.path())),
    ));
    saving.create_lu(&head(1)).unwrap();
    // Its path leads to the file of another now.
    let mut other = Stmf::with_transport(Sim::new());
    other.create_lu(&head(2)).unwrap();
    other.delete_lu(&guid(2), Views::Keep).unwrap();
    let mut sim = other.into_transport();
    let current = Configuration::of_kernel(&mut sim).unwrap();
    let steps = current.steps_to(&of_store(directory.path()), Extent::Add);
    let error = steps[0].perform(&mut sim).unwrap_err();
    let why = format!("meta-head: it has the metadata of LU {}", guid(2));
    assert!(error.to_string().ends_with(&why), "{error}");
    let import = LuImport {
        meta_file: "/srv/disk".into(),
        ..LuImport::default()
    };
    let imported = Stmf::with_transport(sim).import_lu(&import);
    assert_eq!(imported.unwrap(), guid(2));
}

/// A framework that knows nothing of a disk with metadata in its head, but for what is there on a device.
fn with_head(number: u8, device: &str) -> Sim {
    let mut stmf = Stmf::with_transport(Sim::new());
    let head = LuSpec {
        file: device.into(),
        meta_head: Some(true),
        ..spec(number)
    };
    stmf.create_lu(&head).unwrap();
    stmf.delete_lu(&guid(number), Views::Keep).unwrap();
    stmf.into_transport()
}

#[test]
fn no_disk_comes_back_over_that_of_another_whose_device_has_its_name_now() {
    let directory = TempDir::new().unwrap();
    let mut sim = Sim::new();
    let mut saving = Stmf::with_transport(recorder(&mut sim, directory.path()));
    saving.create_lu(&spec(1)).unwrap();
    let head = LuSpec {
        meta_head: Some(true),
        ..spec(2)
    };
    saving.create_lu(&head).unwrap();
    let refused = |saved: &Configuration| {
        let mut sim = with_head(2, "/dev/disk1");
        let current = Configuration::of_kernel(&mut sim).unwrap();
        let steps = current.steps_to(saved, Extent::Add);
        let step = steps
            .iter()
            .find(|step| step.owner() == guid(1).to_string());
        let error = step.unwrap().perform(&mut sim).unwrap_err().to_string();
        let why = format!("file: it has the metadata of LU {} in its head", guid(2));
        assert!(error.ends_with(&why), "{error}");
        assert!(!of_kernel(&mut sim).contains("/dev/disk1"));
    };
    refused(&of_store(directory.path()));
    // What is saved of the other may say so, or not be read.
    fs::write(directory.path().join("lu").join(guid(2).to_string()), "{").unwrap();
    let (saved, errors) = Configuration::of_store(&Store::new(directory.path())).unwrap();
    assert_eq!(errors.len(), 1);
    refused(&saved);
}

#[test]
fn a_disk_comes_back_whose_data_begin_as_the_head_of_another() {
    for other in [1, 2] {
        let directory = TempDir::new().unwrap();
        let mut sim = with_head(other, "/dev/disk1");
        let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
        stmf.create_lu(&spec(1)).unwrap_err();
        let forced = LuSpec {
            force: true,
            ..spec(1)
        };
        stmf.create_lu(&forced).unwrap();
        let mut after_reboot = with_head(other, "/dev/disk1");
        become_as(&mut after_reboot, &of_store(directory.path()), Extent::Add);
        assert_eq!(of_kernel(&mut after_reboot), of_kernel(&mut sim));
    }
}

#[test]
fn a_disk_does_not_come_back_on_a_file_that_has_become_shorter() {
    for (head, behind) in [(0, ""), (1 << 20, " behind its head")] {
        let (mut sim, directory) = (Sim::new(), TempDir::new().unwrap());
        let (store, path) = (directory.path().join("stmf"), directory.path().join("disk"));
        let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
        let disk = LuSpec {
            file: path.clone(),
            size: Some(1 << 20),
            meta_head: Some(head > 0),
            ..spec(1)
        };
        stmf.create_lu(&disk).unwrap();
        let saved = of_store(&store);
        let come_back = |len: u64| {
            let file = fs::File::create(&path).unwrap();
            file.set_len(head + len).unwrap();
            let mut after_reboot = Sim::new();
            let current = Configuration::of_kernel(&mut after_reboot).unwrap();
            let steps = current.steps_to(&saved, Extent::Add);
            let made = steps.iter().find(|step| step.file().is_some()).unwrap();
            made.perform(&mut after_reboot)
        };
        let error = come_back((1 << 20) - 1).unwrap_err();
        let lengths = format!("has 1048575 bytes{behind} and the disk 1048576: the rest is lost");
        assert!(error.to_string().ends_with(&lengths), "{error}");
        come_back(1 << 20).unwrap();
        come_back(2 << 20).unwrap();
    }
}

#[test]
fn what_cannot_be_replaced_is_there_as_before() {
    for offline in [false, true] {
        let (mut sim, directory) = (Sim::new(), TempDir::new().unwrap());
        let store = directory.path();
        configure(&mut sim, store);
        let mut stmf = Stmf::with_transport(recorder(&mut sim, store));
        // New disks are as this one isn't.
        let [lu, others] = match offline {
            true => [Goal::Offline, Goal::Online],
            false => [Goal::Online, Goal::Offline],
        };
        stmf.set_default_states(Some(others), None).unwrap();
        stmf.set_lu_state(&guid(1), lu).unwrap();
        let taken = LuSpec {
            file: "/srv/taken".into(),
            meta_head: Some(true),
            ..spec(9)
        };
        stmf.create_lu(&taken).unwrap();
        stmf.delete_lu(&guid(9), Views::Keep).unwrap();
        let before = (of_kernel(&mut sim), of_store(store).to_string());
        let head = "\"file\": \"/srv/taken\", \"meta-head\": true";
        let wanted = before.0.replacen("\"file\": \"/dev/disk1\"", head, 1);
        let wanted = wanted.replacen("\"meta-head\": false,", "", 1);
        let current = Configuration::of_kernel(&mut sim).unwrap();
        let steps = current.steps_to(&Configuration::parse(&wanted).unwrap(), Extent::All);
        let error = steps[0]
            .perform(&mut recorder(&mut sim, store))
            .unwrap_err();
        let why = format!("meta-head: it has the metadata of LU {}", guid(9));
        assert!(error.to_string().ends_with(&why), "{error}");
        assert_eq!(before, (of_kernel(&mut sim), of_store(store).to_string()));
    }
}

#[test]
fn what_replaces_a_disk_is_offline_as_that_was() {
    let (mut sim, directory) = (Sim::new(), TempDir::new().unwrap());
    configure(&mut sim, directory.path());
    let before = of_kernel(&mut sim);
    let wanted = before.replacen("/dev/disk3", "/dev/other", 1);
    let current = Configuration::of_kernel(&mut sim).unwrap();
    let steps = current.steps_to(&Configuration::parse(&wanted).unwrap(), Extent::All);
    let mut recorder = recorder(&mut sim, directory.path());
    assert!(steps[0].perform(&mut recorder).unwrap());
    assert_eq!(of_kernel(&mut sim), wanted);
    assert_eq!(rebooted(directory.path()), all_of(&mut sim));
}

#[test]
fn what_is_gone_is_told_with_both_reasons() {
    let (mut sim, directory) = (Sim::new(), TempDir::new().unwrap());
    configure(&mut sim, directory.path());
    let wanted = of_kernel(&mut sim).replacen("/dev/disk1", "/dev/other", 1);
    let current = Configuration::of_kernel(&mut sim).unwrap();
    let steps = current.steps_to(&Configuration::parse(&wanted).unwrap(), Extent::All);
    for message in ["first", "second"] {
        let refusal = Refusal {
            errno: libc::EIO,
            message: Some(message.to_owned()),
            attribute: None,
        };
        sim.refuse(sbd::FAMILY, sbd::Command::LuCreate.number(), refusal);
    }
    let error = steps[0].perform(&mut sim).unwrap_err().to_string();
    let (first, second) = error.split_once("; and what was there is gone: ").unwrap();
    assert!(
        first.ends_with("first") && second.ends_with("second"),
        "{error}"
    );
}

#[test]
fn a_disk_whose_file_has_become_shorter_is_not_replaced() {
    let (mut sim, directory) = (Sim::new(), TempDir::new().unwrap());
    let path = directory.path().join("disk");
    let disk = LuSpec {
        file: path.clone(),
        size: Some(1 << 20),
        ..spec(1)
    };
    Stmf::with_transport(&mut sim).create_lu(&disk).unwrap();
    fs::write(&path, "").unwrap();
    let before = of_kernel(&mut sim);
    let wanted = before.replacen("\"revision\": \"1.0\"", "\"revision\": \"2.0\"", 1);
    let current = Configuration::of_kernel(&mut sim).unwrap();
    let steps = current.steps_to(&Configuration::parse(&wanted).unwrap(), Extent::All);
    let error = steps[0].perform(&mut sim).unwrap_err().to_string();
    assert!(error.ends_with("the rest is lost"), "{error}");
    assert_eq!(of_kernel(&mut sim), before);
}
