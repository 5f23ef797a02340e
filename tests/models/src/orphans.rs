// SPDX-License-Identifier: GPL-2.0

//! Commands that were aborted while a device had them, and those that come after: `stmf::taskset` and
//! `stmf::framework::detached`.

use crate::{
    end_of,
    explore,
    framework::Framework,
    meanwhile,
    nexus::Nexus,
    plan::Extent,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    },
    taskset::{Abort, Begin, Effect, Slot}, //
};
use loom::thread::JoinHandle;

const WRITE_10: u8 = 0x2a;
const BLOCK: Extent = Extent {
    lba: 5,
    blocks: 1,
    writes: true,
};

/// A logical unit, a session with it, and what has become of one block.
struct Scene {
    framework: Framework,
    nexus: Arc<Nexus>,
    /// Whether a later command has been let at the block.
    overtaken: Atomic<u32>,
}

impl Scene {
    fn new() -> Arc<Self> {
        let made = || -> Result<Arc<Self>> {
            let scene = Self {
                framework: Framework::new()?,
                nexus: Arc::new(Nexus::new(1)?, GFP_KERNEL)?,
                overtaken: Atomic::new(0),
            };
            Ok(Arc::new(scene, GFP_KERNEL)?)
        };
        made().expect("memory")
    }

    /// A write to the block arrives, with its data, and goes to its device.
    fn begin_write(&self, tag: u64) -> Slot {
        let tasks = &self.nexus.tasks;
        let slot = tasks.take(tag, WRITE_10, 0).expect("a free slot");
        tasks.set_effect(slot, Effect::Writes(BLOCK));
        tasks.set_lu(slot, self.framework.lu.id);
        assert!(matches!(tasks.begin_execution(slot), Begin::Go));
        slot
    }

    /// The device writes, and lets go of the command.
    fn end_write(&self, slot: Slot) {
        let overtaken = self.overtaken.fetch_add(0, ordering::Full);
        assert_eq!(overtaken, 0, "a write after a later command");
        let tasks = &self.nexus.tasks;
        let _ = tasks.begin_response(slot, false);
        tasks.release(slot);
    }

    /// The session is lost, and with it the write.
    fn lose(&self) {
        self.framework
            .abort(&self.nexus, Abort::NexusLost, |_| true);
    }

    /// A command of another session, with nothing before it, as `admit::is_blocked` has it.
    fn is_blocked(&self) -> bool {
        let lu = &self.framework.lu;
        lu.has_orphans.load(ordering::Relaxed) && self.framework.is_blocked_by_orphans(lu, &BLOCK)
    }

    /// A command for the block arrives when the write is one of a lost session.
    fn write_later(&self) {
        if !self.is_blocked() {
            self.overtaken.fetch_add(1, ordering::Full);
        }
    }

    /// Nothing is left: a command for the block is carried out, and then nobody looks any more.
    fn check_end(&self) {
        assert!(!self.is_blocked(), "with nothing in the device");
        let may_have = self.framework.lu.has_orphans.load(ordering::Relaxed);
        assert!(!may_have, "a flag that stays");
        assert!(!self.nexus.tasks.has_orphans());
    }
}

/// A write in its device, which lets go of it at some time.
fn a_write() -> (Arc<Scene>, JoinHandle<()>) {
    let scene = Scene::new();
    let slot = scene.begin_write(1);
    let device = meanwhile(&scene, move |scene| scene.end_write(slot));
    (scene, device)
}

#[test]
fn no_command_overtakes_the_write_of_a_session_that_is_gone() {
    explore(3, || {
        let (scene, device) = a_write();
        scene.lose();
        scene.write_later();
        end_of(device);
        scene.check_end();
    });
}

#[test]
fn no_command_overtakes_a_write_while_others_look_at_its_block() {
    explore(2, || {
        let (scene, device) = a_write();
        // It comes before or after the loss, and may do what it likes: clear the flag, above all.
        let other = meanwhile(&scene, |scene| {
            scene.is_blocked();
        });
        scene.lose();
        scene.write_later();
        end_of(device);
        end_of(other);
        scene.check_end();
    });
}

#[test]
fn the_second_orphan_of_a_session_counts_though_the_first_just_ends() {
    explore(2, || {
        let scene = Scene::new();
        let first = scene.begin_write(1);
        let second = scene.begin_write(2);
        scene
            .framework
            .abort(&scene.nexus, Abort::NexusLost, |task| task.tag == 1);
        let device = meanwhile(&scene, move |scene| scene.end_write(first));
        let other = meanwhile(&scene, move |scene| scene.end_write(second));
        scene.lose();
        scene.write_later();
        end_of(device);
        end_of(other);
        scene.check_end();
    });
}
