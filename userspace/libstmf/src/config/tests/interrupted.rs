// SPDX-License-Identifier: GPL-2.0

//! Changes that do not come to their end.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use stmf_uapi::{iscsi, sbd};

use super::super::class::Effect;
use super::super::files::Files;
use super::super::intent::Intent;
use super::super::item::Item;
use super::loading::load;
use super::*;
use crate::attributes::Builder;

/// The file system, until something happens at the step that is counted down to.
#[derive(Debug)]
struct Fragile {
    real: RealFiles,
    steps_left: Rc<Cell<usize>>,
    /// Whether nothing works after that either.
    is_killed: bool,
    is_done: bool,
}

impl Fragile {
    fn step(&mut self, path: &Path, bytes: Option<&[u8]>) -> io::Result<()> {
        if self.is_done && self.is_killed {
            return Err(io::Error::other("killed"));
        }
        match self.steps_left.get().checked_sub(1) {
            Some(left) => {
                self.steps_left.set(left);
                Ok(())
            }
            None if self.is_done => Ok(()),
            None => {
                self.is_done = true;
                if let Some(bytes) = bytes {
                    // Part of it was written.
                    fs::write(path, &bytes[..bytes.len() / 2])?;
                }
                Err(io::ErrorKind::StorageFull.into())
            }
        }
    }
}

impl Files for Fragile {
    fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        self.step(path, None)?;
        self.real.make_directory(path)
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.step(path, Some(bytes))?;
        self.real.write(path, bytes)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.step(from, None)?;
        self.real.rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.step(path, None)?;
        self.real.remove(path)
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        self.step(path, None)?;
        self.real.sync_directory(path)
    }
}

/// The file system, and the files that would be there again if the power failed now.
#[derive(Debug)]
struct Volatile {
    real: RealFiles,
    removed: Rc<RefCell<Vec<PathBuf>>>,
}

impl Files for Volatile {
    fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        self.real.make_directory(path)
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.real.write(path, bytes)
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        self.real.rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        self.removed.borrow_mut().push(path.to_owned());
        self.real.remove(path)
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        let mut removed = self.removed.borrow_mut();
        removed.retain(|file| file.parent() != Some(path));
        self.real.sync_directory(path)
    }
}

/// A directory in memory, if there is one: tests that save all the time wait for nothing else.
fn fast_directory() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| TempDir::new())
        .unwrap()
}

/// Notes in a store what the kernel is going to be asked for, as who was killed then has left it.
pub(super) fn note(store: &Path, class: &str, effect: Effect, attributes: Builder) {
    let class = Class::by_name(class).unwrap();
    let intent = Intent::new(class, effect, attributes.finish().unwrap());
    fs::create_dir_all(store.join(class.directory)).unwrap();
    fs::write(store.join(".intent"), intent.to_string()).unwrap();
}

/// What is left of a change that broke, or didn't.
struct Broken {
    directory: TempDir,
    sim: Sim,
    steps: usize,
    /// What the framework had before.
    old: String,
    /// What it has now.
    new: String,
    is_done: bool,
}

impl Broken {
    fn store(&self) -> PathBuf {
        self.directory.path().join("stmf")
    }
}

/// Changes something of a configured framework with a file system that breaks after so many
/// steps.
fn break_after(steps: usize, is_killed: bool, change: Change) -> Broken {
    let directory = fast_directory();
    let store = directory.path().join("stmf");
    let mut sim = Sim::new();
    configure(&mut sim, &store);
    let old = all_of(&mut sim);
    let steps_left = Rc::new(Cell::new(steps));
    let files = Fragile {
        real: RealFiles,
        steps_left,
        is_killed,
        is_done: false,
    };
    let fragile = Store::with_files(&store, Box::new(files));
    let recording = Recorder::new(Wire::to(&mut sim), Some(fragile));
    let outcome = change(&mut Stmf::with_transport(recording));
    let new = all_of(&mut sim);
    if let Err(Error::Store(error)) = &outcome {
        let says_changed = matches!(error, StoreError::NotSaved(_));
        assert_eq!(new != old, says_changed, "after {steps} steps: {error}");
    }
    Broken {
        directory,
        sim,
        steps,
        old,
        new,
        is_done: outcome.is_ok(),
    }
}

/// Looks at what is left of a change after each of its steps.
fn at_every_step(is_killed: bool, change: Change, look: impl Fn(Broken)) {
    for steps in 0.. {
        let broken = break_after(steps, is_killed, change);
        let is_done = broken.is_done;
        look(broken);
        if is_done {
            assert!(steps > 5, "{steps} steps cannot be all");
            break;
        }
    }
}

/// Changes of all kinds.
const CHANGES: [Change; 14] = [
    |stmf| stmf.add_view(&view(3, Group::All)).map(|_| ()),
    |stmf| stmf.remove_view(&guid(1), 0),
    |stmf| stmf.create_lu(&spec(9)).map(|_| ()),
    |stmf| stmf.create_lu(&LuSpec::new("/dev/made-up")).map(|_| ()),
    |stmf| stmf.delete_lu(&guid(3), Views::Remove),
    |stmf| stmf.set_lu_state(&guid(3), Goal::Online),
    |stmf| {
        let host = PortName::new(HOST).unwrap();
        stmf.remove_member(GroupKind::Host, &name("web/ä%"), &host)
    },
    |stmf| {
        let portal = portal("10.0.0.1:3261");
        IscsiTargets::with_transport(stmf.transport()).remove_portal(&portal)
    },
    |stmf| {
        let secret = Secret::new("not what it was".to_owned());
        let mut iscsi = IscsiTargets::with_transport(stmf.transport());
        iscsi.modify_initiator(HOST, None, Some(&secret))
    },
    |stmf| {
        let secret = Secret::new("that of the other".to_owned());
        let mut iscsi = IscsiTargets::with_transport(stmf.transport());
        iscsi.create_initiator("iqn.2026-11.org.example:b", None, Some(&secret))
    },
    |stmf| stmf.set_default_states(Some(Goal::Offline), None),
    |stmf| {
        let change = IscsiChange {
            limits: vec![
                (limit("MaxBurstLength"), None),
                (limit("FirstBurstLength"), Some(4096)),
            ],
            ..IscsiChange::default()
        };
        IscsiTargets::with_transport(stmf.transport()).modify_defaults(&change)
    },
    |stmf| {
        let change = IscsiChange {
            chap_secret: Some(Secret::new("that of all targets".to_owned())),
            limits: vec![(limit("FirstBurstLength"), Some(4096))],
            ..IscsiChange::default()
        };
        IscsiTargets::with_transport(stmf.transport()).modify_defaults(&change)
    },
    |stmf| {
        let change = IscsiChange {
            auth: Some(AuthMethod::Default),
            ..IscsiChange::default()
        };
        IscsiTargets::with_transport(stmf.transport()).modify_defaults(&change)
    },
];

type Change = fn(&mut Stmf<Recorder<Wire<'_>>>) -> Result<(), Error>;

#[test]
fn every_step_may_be_the_last() {
    for change in CHANGES {
        for is_killed in [false, true] {
            at_every_step(is_killed, change, |mut broken| {
                let (store, steps) = (broken.store(), broken.steps);
                // Nothing that is saved is broken, and it is either what was before or what is now.
                let saved = rebooted(&store);
                let is_whole = saved == broken.old || saved == broken.new;
                assert!(is_whole, "after {steps} steps: {saved}");
                // The next change, with a file system that works, brings all up to date if something
                // is left.
                let mut stmf = Stmf::with_transport(recorder(&mut broken.sim, &store));
                stmf.add_group(GroupKind::Host, &name("next")).unwrap();
                let now = all_of(&mut broken.sim);
                assert_eq!(rebooted(&store), now, "after {steps} steps");
            });
        }
    }
}

#[test]
fn after_a_reboot_it_is_as_it_was_or_as_it_was_to_be() {
    for change in CHANGES {
        let done = break_after(usize::MAX, false, change).new;
        at_every_step(true, change, |broken| {
            let mut sim = Sim::new();
            load(&mut recorder(&mut sim, &broken.store()), Duration::MAX);
            let now = all_of(&mut sim);
            let is_whole = now == broken.old || now == done;
            assert!(is_whole, "after {} steps: {now}", broken.steps);
            assert_eq!(rebooted(&broken.store()), now);
        });
    }
}

#[test]
fn a_change_whose_answer_was_lost_is_saved() {
    for change in CHANGES {
        for losses in [1, 2] {
            let directory = fast_directory();
            let store = directory.path().join("stmf");
            let mut sim = Sim::new();
            configure(&mut sim, &store);
            let old = all_of(&mut sim);
            let wire = Wire {
                losses,
                ..Wire::to(&mut sim)
            };
            let recording = Recorder::new(wire, Some(Store::new(&store)));
            let error = change(&mut Stmf::with_transport(recording)).unwrap_err();
            assert!(matches!(error, Error::Io(_)), "{error:?}");
            let new = all_of(&mut sim);
            assert_ne!(old, new);
            if losses > 1 && store.join(".intent").exists() {
                // Not even asking once more has helped; the next change does.
                let mut stmf = Stmf::with_transport(recorder(&mut sim, &store));
                stmf.set_service(Goal::Online).unwrap();
            }
            assert_eq!(rebooted(&store), new);
            assert!(!store.join(".intent").exists());
        }
    }
}

#[test]
fn a_secret_that_the_kernel_refuses_is_not_saved() {
    // One that is too short; and one for who was there before, of whom nobody heard that he was.
    for (effect, secret) in [
        (Effect::Modify, "short"),
        (Effect::Create, "not what it was"),
    ] {
        let directory = TempDir::new().unwrap();
        let mut sim = Sim::new();
        configure(&mut sim, directory.path());
        let old = all_of(&mut sim);
        // As the kernel was going to be asked for it.
        let attributes = Builder::new()
            .text(iscsi::Initiator::Name, HOST)
            .text(iscsi::Initiator::ChapSecret, secret);
        note(directory.path(), "iscsi-initiator", effect, attributes);
        let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
        stmf.set_service(Goal::Online).unwrap();
        assert_eq!(all_of(&mut sim), old);
        assert_eq!(rebooted(directory.path()), old);
    }
}

#[test]
fn only_the_disk_that_was_to_be_made_is_saved() {
    let create = Builder::new().text(sbd::Lu::File, "/dev/disk1");
    let import = Builder::new().text(sbd::Lu::MetaFile, "/meta");
    let import_head = Builder::new().text(sbd::Lu::MetaFile, "/dev/disk3");
    for (asked, made) in [(create, 1), (import, 2), (import_head, 3)] {
        let directory = TempDir::new().unwrap();
        let mut sim = Sim::new();
        // Who does it without the store doesn't want others to.
        let mut stmf = Stmf::with_transport(&mut sim);
        stmf.create_lu(&spec(1)).unwrap();
        let with_meta_file = LuSpec {
            meta_file: Some("/meta".into()),
            ..spec(2)
        };
        stmf.create_lu(&with_meta_file).unwrap();
        let with_head = LuSpec {
            meta_head: Some(true),
            ..spec(3)
        };
        stmf.create_lu(&with_head).unwrap();
        let mut stmf = Stmf::with_transport(recorder(&mut sim, directory.path()));
        stmf.add_group(GroupKind::Host, &name("first")).unwrap();
        note(directory.path(), "disk", Effect::Create, asked);
        stmf.add_group(GroupKind::Host, &name("next")).unwrap();
        let saved = of_store(directory.path());
        let disks: Vec<_> = saved.of_class("disk").map(Item::owner).collect();
        assert_eq!(disks, [guid(made).to_string()]);
    }
}

#[test]
fn what_is_noted_of_a_change_that_has_ended_is_gone_for_good() {
    let (mut sim, directory) = (Sim::new(), fast_directory());
    let removed = Rc::new(RefCell::new(Vec::new()));
    let files = Volatile {
        real: RealFiles,
        removed: removed.clone(),
    };
    let store = Store::with_files(directory.path(), Box::new(files));
    let mut stmf = Stmf::with_transport(Recorder::new(&mut sim, Some(store)));
    stmf.create_lu(&spec(1)).unwrap();
    assert!(removed.borrow().is_empty(), "{removed:?}");
    // Refused, it has ended too.
    stmf.create_lu(&spec(1)).unwrap_err();
    assert!(removed.borrow().is_empty(), "{removed:?}");
}
