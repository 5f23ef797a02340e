// SPDX-License-Identifier: GPL-2.0

//! Commands that have an order, those that have none, and those that end or are aborted meanwhile:
//! `stmf::order`.

use crate::{
    end_of,
    explore,
    framework::{self, Framework},
    nexus::Nexus,
    order::Order,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    },
    task::{Holder, Incoming, TaskBody},
    taskset::{Abort, Begin, Reply, TaskView, DEPTH},
    workqueue::OwnedQueue,
    LATE, //
};
use loom::thread::{self, JoinHandle};
use std::{cell::RefCell, rc::Rc};
use stmf_scsi::tmf::TaskAttribute::{self, HeadOfQueue, Ordered, Simple};
use Event::{Begun, Ended};

const WRITE_10: u8 = 0x2a;

/// What happens to the command with a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    /// Its device has it.
    Begun(u64),
    /// Its device is done.
    Ended(u64),
}

fn queue() -> &'static OwnedQueue {
    LATE.get().expect("it is there")
}

/// A logical unit, the commands on their way to it, and what happened to them, in this order.
struct Scene {
    framework: Arc<Framework>,
    events: RefCell<Vec<Event>>,
    /// Commands that are not over.
    left: Atomic<u32>,
}

impl Scene {
    /// So many commands will come. Says who carries out what waits.
    fn new(commands: u32) -> (Rc<Self>, JoinHandle<()>) {
        let scene = Self {
            framework: framework::get().expect("it is there"),
            events: RefCell::default(),
            left: Atomic::new(commands),
        };
        let worker = thread::spawn(|| queue().work());
        (Rc::new(scene), worker)
    }

    /// A session begins.
    fn nexus(&self, id: u64) -> Arc<Nexus> {
        self.framework.register(id).expect("memory")
    }

    /// As `admit::admit` and `Incoming::enter_order`.
    fn admit(self: &Rc<Self>, nexus: &Arc<Nexus>, tag: u64, attribute: TaskAttribute) -> Incoming {
        let place = nexus.tasks.take(tag, WRITE_10, 0).expect("a free slot");
        let lu = &self.framework.lu;
        nexus.tasks.set_lu(place, lu.id);
        if attribute != Simple || lu.order.matters() {
            let entered = Order::enter(&lu.order, &self.framework, nexus, place, attribute);
            entered.expect("memory");
        }
        Incoming::new(TaskBody {
            nexus: nexus.clone(),
            place,
            tag,
            holder: self.clone(),
        })
    }

    /// As `admit::admit` with a command that something isn't to be had for.
    fn refuse(&self, nexus: &Nexus, tag: u64) {
        let place = nexus.tasks.take(tag, WRITE_10, 0).expect("a free slot");
        let lu = &self.framework.lu;
        nexus.tasks.set_lu(place, lu.id);
        nexus.tasks.release(place);
        Order::look_again(&lu.order);
    }

    /// A command that its device has, and is done with at some time.
    fn begin(self: &Rc<Self>, nexus: &Arc<Nexus>, tag: u64, attribute: TaskAttribute) -> Device {
        let task = self.admit(nexus, tag, attribute);
        assert!(matches!(
            nexus.tasks.begin_execution(task.body().place),
            Begin::Go
        ));
        self.note(Begun(tag));
        Device {
            scene: self.clone(),
            task,
        }
    }

    /// As `task::answer`.
    fn answer(&self, task: &TaskBody) {
        let tasks = &task.nexus.tasks;
        if matches!(tasks.begin_response(task.place, false), Reply::Nobody) {
            return self.end(task);
        }
        let order = &self.framework.lu.order;
        let may_others_wait = order.matters();
        self.end(task);
        if may_others_wait {
            Order::look_again(order);
        }
    }

    /// As `task::end`.
    fn end(&self, task: &TaskBody) {
        let order = &self.framework.lu.order;
        if task.nexus.tasks.is_dormant(task.place) {
            order.leave(&task.nexus, task.place);
        }
        task.nexus.tasks.release(task.place);
        Order::look_again(order);
        self.left.fetch_sub(1, ordering::Relaxed);
    }

    /// As a task management function does with one command.
    fn abort(&self, nexus: &Arc<Nexus>, tag: u64) -> bool {
        let chosen = |task: &TaskView| task.tag == tag;
        self.framework.abort(nexus, Abort::Silently, chosen) > 0
    }

    fn note(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn when(&self, event: Event) -> Option<usize> {
        self.events
            .borrow()
            .iter()
            .position(|&other| other == event)
    }

    /// The second command came to its device when the first had left it.
    fn check_order(&self, first: u64, second: u64) {
        let in_order = self.when(Ended(first)) < self.when(Begun(second));
        assert!(
            in_order,
            "{first}, then {second}: {:?}",
            self.events.borrow()
        );
    }

    /// The worker has done all that there is to do.
    fn settle(&self, worker: JoinHandle<()>) {
        queue().close();
        end_of(worker);
    }

    /// All commands are over, by themselves, and nothing is left of them.
    fn check_end(&self, worker: JoinHandle<()>) {
        self.settle(worker);
        self.check_empty();
    }

    fn check_empty(&self) {
        assert_eq!(
            self.left.load(ordering::Relaxed),
            0,
            "commands that wait: {:?}",
            self.events.borrow()
        );
        assert!(!self.framework.lu.order.matters(), "a flag that stays");
        self.framework.read(|registry| {
            for record in registry.nexuses.values() {
                assert_eq!(record.nexus.tasks.free(), DEPTH, "free slots in the end");
            }
        });
    }
}

impl Holder for Scene {
    /// As `Incoming::execute`, for a device that is done at once.
    fn execute(self: Rc<Self>, task: Incoming) {
        let TaskBody {
            nexus, place, tag, ..
        } = task.body();
        let order = &self.framework.lu.order;
        match nexus.tasks.begin_execution(*place) {
            Begin::Go => {
                self.note(Begun(*tag));
                // Others may come between.
                self.left.load(ordering::Relaxed);
                self.note(Ended(*tag));
            }
            Begin::Wait => {
                if let Some(task) = order.park(task) {
                    task.execute();
                }
                return;
            }
            Begin::Aborted => {
                if nexus.tasks.is_dormant(*place) {
                    order.leave(nexus, *place);
                }
            }
        }
        self.answer(task.body());
    }

    /// As `Incoming::fail`.
    fn fail(self: Rc<Self>, task: Incoming) {
        self.execute(task);
    }
}

/// A device that has a command.
struct Device {
    scene: Rc<Scene>,
    task: Incoming,
}

impl Device {
    fn done(self) {
        let Self { scene, task } = self;
        scene.note(Ended(task.body().tag));
        scene.answer(task.body());
    }

    /// It is done at some time.
    fn be_slow(self) -> JoinHandle<()> {
        thread::spawn(|| self.done())
    }
}

#[test]
fn an_ordered_command_waits_for_the_one_before_and_no_longer() {
    explore(3, || {
        let (scene, worker) = Scene::new(2);
        let nexus = scene.nexus(1);
        let device = scene.begin(&nexus, 1, Simple).be_slow();
        scene.admit(&nexus, 2, Ordered).execute();
        end_of(device);
        scene.check_end(worker);
        scene.check_order(1, 2);
    });
}

#[test]
fn a_simple_command_waits_for_the_ordered_one_before() {
    explore(2, || {
        let (scene, worker) = Scene::new(3);
        let nexus = scene.nexus(1);
        let device = scene.begin(&nexus, 1, Simple).be_slow();
        let ordered = scene.admit(&nexus, 2, Ordered);
        let simple = scene.admit(&nexus, 3, Simple);
        // Its data are there before those of the ordered one.
        simple.execute();
        ordered.execute();
        end_of(device);
        scene.check_end(worker);
        scene.check_order(1, 2);
        scene.check_order(2, 3);
    });
}

#[test]
fn a_command_for_the_head_of_the_queue_waits_for_nobody_and_the_others_for_it() {
    explore(2, || {
        let (scene, worker) = Scene::new(3);
        let nexus = scene.nexus(1);
        let device = scene.begin(&nexus, 1, HeadOfQueue).be_slow();
        let simple = scene.admit(&nexus, 2, Simple);
        simple.execute();
        scene.admit(&nexus, 3, HeadOfQueue).execute();
        end_of(device);
        scene.check_end(worker);
        scene.check_order(1, 2);
    });
}

#[test]
fn ordered_commands_of_two_sessions_are_never_in_the_device_at_once() {
    explore(2, || {
        let (scene, worker) = Scene::new(2);
        let (one, other) = (scene.nexus(1), scene.nexus(2));
        let theirs = scene.clone();
        let thread = thread::spawn(move || theirs.admit(&other, 2, Ordered).execute());
        scene.admit(&one, 1, Ordered).execute();
        end_of(thread);
        scene.check_end(worker);
        let first = if scene.when(Begun(1)) < scene.when(Begun(2)) {
            1
        } else {
            2
        };
        scene.check_order(first, 3 - first);
    });
}

#[test]
fn an_ordered_and_a_simple_command_of_two_sessions_both_come_to_their_end() {
    explore(2, || {
        let (scene, worker) = Scene::new(2);
        let (one, other) = (scene.nexus(1), scene.nexus(2));
        let theirs = scene.clone();
        let thread = thread::spawn(move || theirs.admit(&other, 2, Simple).execute());
        scene.admit(&one, 1, Ordered).execute();
        end_of(thread);
        scene.check_end(worker);
    });
}

#[test]
fn a_command_that_is_refused_holds_nobody_up() {
    explore(3, || {
        let (scene, worker) = Scene::new(1);
        let (one, other) = (scene.nexus(1), scene.nexus(2));
        let theirs = scene.clone();
        let thread = thread::spawn(move || theirs.refuse(&other, 2));
        scene.admit(&one, 1, Ordered).execute();
        end_of(thread);
        scene.check_end(worker);
    });
}

#[test]
fn what_waits_for_a_command_that_is_aborted_goes_on() {
    explore(2, || {
        let (scene, worker) = Scene::new(3);
        let nexus = scene.nexus(1);
        let device = scene.begin(&nexus, 1, Simple);
        scene.admit(&nexus, 2, Ordered).execute();
        let (theirs, others) = (scene.clone(), nexus.clone());
        let abort = thread::spawn(move || theirs.abort(&others, 2));
        scene.admit(&nexus, 3, Simple).execute();
        assert!(end_of(abort), "there was a command to abort");
        // It isn't the first that the third waits for.
        scene.settle(worker);
        assert!(scene.when(Ended(3)).is_some(), "the third command waits");
        device.done();
        queue().work();
        scene.check_empty();
        assert_eq!(scene.when(Begun(2)), None, "the second command was aborted");
    });
}

#[test]
fn commands_that_wait_end_when_their_unit_goes_offline() {
    explore(2, || {
        let (scene, worker) = Scene::new(3);
        let nexus = scene.nexus(1);
        let device = scene.begin(&nexus, 1, Simple);
        let ordered = scene.admit(&nexus, 2, Ordered);
        let theirs = scene.clone();
        let offline = thread::spawn(move || theirs.framework.lu.order.give_up());
        ordered.execute();
        scene.admit(&nexus, 3, Simple).execute();
        end_of(offline);
        device.done();
        scene.check_end(worker);
    });
}
