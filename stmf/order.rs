// SPDX-License-Identifier: GPL-2.0

//! The order of a logical unit's commands (SAM-5 chapter 8).
//!
//! As long as all commands are SIMPLE there is no order to keep, and all that it costs is to see that
//! it is so: one load when a command arrives and one when it ends, of a flag that nobody writes.
//!
//! The first ORDERED or HEAD OF QUEUE command sets the flag. From then on each command that arrives
//! for the unit enters under the lock, and either is enabled or becomes *dormant* and waits in line.
//! Which commands are enabled is not counted: it is seen in the sessions' tables, where each command
//! has its attribute and its stage. A command that ends while the flag is set has the line looked at
//! again, by a worker. Whoever sets the flag looks at the tables afterwards; whoever ends changes its
//! place in the table, then looks at the flag: one of them sees the other. When nothing waits and all
//! enabled commands are SIMPLE, the flag is cleared.
//!
//! The copy manager's commands have no place here; the EXTENDED COPY that they are part of has.
//!
//! What is aborted is no longer in the task set: an ORDERED command doesn't wait for a command that
//! was aborted, even if a device has it still (see `framework::detached` for those).

use crate::{
    framework::{self, Framework, NexusRecord},
    nexus::Nexus,
    task::{Incoming, TaskBody},
    taskset::{Abort, Slot, TaskView, Unpark}, //
};
use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc,
        Mutex, //
    },
    workqueue::{impl_has_work, new_work, Work, WorkItem}, //
};
use stmf_kernel::queue::Queue;
use stmf_scsi::{
    task_set::Ahead,
    tmf::TaskAttribute,
    AdditionalSense,
    ControlSettings,
    Sense, //
};

/// A command that waits for others.
struct Dormant {
    nexus: Arc<Nexus>,
    slot: Slot,
    attribute: TaskAttribute,
    /// `None` while its port receives its data-out.
    task: Option<Incoming>,
}

/// The order of a logical unit's commands.
#[pin_data]
pub(crate) struct Order {
    /// The id of the logical unit.
    lu: u64,
    /// The bits of the unit's [`ControlSettings`].
    control: Atomic<u32>,
    /// Whether there is an order to keep.
    matters: Atomic<bool>,
    /// Dormant commands, oldest first.
    #[pin]
    line: Mutex<KVec<Dormant>>,
    #[pin]
    work: Work<Order>,
}

impl_has_work! {
    impl HasWork<Self> for Order { self.work }
}

impl WorkItem for Order {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if let Ok(framework) = framework::get() {
            this.advance(&framework);
        }
    }
}

impl Order {
    pub(crate) fn new(lu: u64) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                lu,
                control: Atomic::new(ControlSettings::default().bits()),
                matters: Atomic::new(false),
                line <- new_mutex!(KVec::new(), "Order::line"),
                work <- new_work!("Order::work"),
            }),
            GFP_KERNEL,
        )
    }

    pub(crate) fn control(&self) -> ControlSettings {
        ControlSettings::from_bits(self.control.load(ordering::Relaxed))
    }

    pub(crate) fn set_control(&self, settings: ControlSettings) {
        self.control.store(settings.bits(), ordering::Relaxed);
    }

    /// Whether there may be an order to keep: the I/O path's one question.
    pub(crate) fn matters(&self) -> bool {
        // What those did that were in an order which is over is seen after this.
        self.matters.load(ordering::Acquire)
    }

    // `this` here and in `enter`, because tests/models has an `Arc` that can't be a receiver.

    /// Has the line looked at again, because a command has ended or was aborted. Any context.
    pub(crate) fn look_again(this: &Arc<Self>) {
        if this.matters() {
            if let Some(queue) = crate::LATE.get() {
                // Queued already is as good.
                let _ = queue.enqueue(this.clone());
            }
        }
    }

    /// Takes a command into the task set, enabled or dormant. Process context.
    pub(crate) fn enter(
        this: &Arc<Self>,
        framework: &Framework,
        nexus: &Arc<Nexus>,
        slot: Slot,
        attribute: TaskAttribute,
    ) -> Result<(), AllocError> {
        let mut line = this.line.lock();
        if attribute == TaskAttribute::Simple && !this.matters() {
            return Ok(());
        }
        this.matters.xchg(true, ordering::Full);
        let dormant = attribute != TaskAttribute::HeadOfQueue
            && !this
                .ahead(framework, &line, nexus, Some(slot))
                .admits(attribute);
        if dormant {
            line.reserve(1, GFP_KERNEL)?;
        }
        if nexus.tasks.enter(slot, attribute, dormant) && dormant {
            let _ = line.push_within_capacity(Dormant {
                nexus: nexus.clone(),
                slot,
                attribute,
                task: None,
            });
            // One that entered before may have taken this one for an enabled command.
            drop(line);
            Self::look_again(this);
        }
        Ok(())
    }

    /// Lets a dormant command whose data is there wait. Gives it back when it need not.
    pub(crate) fn park(&self, task: Incoming) -> Option<Incoming> {
        let mut line = self.line.lock();
        let (nexus, slot) = task.place();
        let mut places = line.iter_mut();
        match places.find(|one| one.slot == slot && one.nexus.id == nexus.id) {
            Some(place) if nexus.tasks.park(slot) => {
                place.task = Some(task);
                None
            }
            // Enabled, or aborted, meanwhile.
            _ => Some(task),
        }
    }

    /// Takes a dormant command that is over out of the line. Process context.
    pub(crate) fn leave(&self, nexus: &Nexus, slot: Slot) {
        let mut line = self.line.lock();
        let gone = line
            .iter()
            .position(|one| one.slot == slot && one.nexus.id == nexus.id)
            .and_then(|place| line.remove(place).ok());
        drop(line);
        drop(gone);
    }

    /// Enables the commands whose turn it is, and drops those that were aborted. Process context.
    fn advance(&self, framework: &Framework) {
        let turn = Queue::<TaskBody>::new();
        let mut line = self.line.lock();
        let per_nexus = self.control().task_set_per_nexus;
        let mut shared = match line.first() {
            Some(first) if !per_nexus => self.ahead(framework, &[], &first.nexus, None),
            _ => Ahead::NOTHING,
        };
        let mut at = 0;
        while let Some(one) = line.get(at) {
            let ahead = if per_nexus {
                self.ahead(framework, line.get(..at).unwrap_or(&[]), &one.nexus, None)
            } else {
                shared
            };
            let verdict = one
                .nexus
                .tasks
                .unpark(one.slot, ahead.admits(one.attribute));
            if verdict != Unpark::Gone {
                shared.add(one.attribute);
            }
            if verdict == Unpark::Dormant {
                at += 1;
            } else if let Ok(Some(task)) = line.remove(at).map(|one| one.task) {
                turn.push(task.into());
            }
        }
        if line.is_empty() && !self.ahead_anywhere(framework).matters() {
            self.matters.xchg(false, ordering::Full);
        }
        drop(line);
        turn.take_all()
            .for_each(|task| Incoming::from(task).execute());
    }

    /// Ends all dormant commands: the logical unit goes offline. Process context.
    pub(crate) fn give_up(&self) {
        let over = Queue::<TaskBody>::new();
        let mut line = self.line.lock();
        while let Some(one) = line.pop() {
            match one.task {
                Some(task) => {
                    one.nexus.tasks.unpark(one.slot, true);
                    over.push(task.into());
                }
                // When its data is there it gets TASK ABORTED.
                None => {
                    let chosen = |task: &TaskView| task.slot == one.slot;
                    one.nexus.tasks.abort(Abort::Telling, chosen, |_| ());
                }
            }
        }
        drop(line);
        let offline = Sense::not_ready(AdditionalSense::NOT_READY_OFFLINE);
        over.take_all()
            .for_each(|task| Incoming::from(task).fail(offline));
    }

    /// What stands before a command of `nexus` in its task set: the enabled commands but its own,
    /// and the dormant ones in `line`.
    fn ahead(
        &self,
        framework: &Framework,
        line: &[Dormant],
        nexus: &Arc<Nexus>,
        own: Option<Slot>,
    ) -> Ahead {
        if !self.control().task_set_per_nexus {
            let mut ahead = Ahead::NOTHING;
            framework.read(|registry| {
                for NexusRecord { nexus: other, .. } in registry.nexuses.values() {
                    let own = own.filter(|_| other.id == nexus.id);
                    self.add_enabled(&mut ahead, other, own);
                }
            });
            line.iter().for_each(|one| ahead.add(one.attribute));
            return ahead;
        }
        let mut ahead = Ahead::NOTHING;
        self.add_enabled(&mut ahead, nexus, own);
        line.iter()
            .filter(|one| one.nexus.id == nexus.id)
            .for_each(|one| ahead.add(one.attribute));
        ahead
    }

    /// The enabled commands, of whichever task set.
    fn ahead_anywhere(&self, framework: &Framework) -> Ahead {
        let mut ahead = Ahead::NOTHING;
        framework.read(|registry| {
            for NexusRecord { nexus, .. } in registry.nexuses.values() {
                self.add_enabled(&mut ahead, nexus, None);
            }
        });
        ahead
    }

    /// Adds a nexus's enabled commands, but its `own`.
    fn add_enabled(&self, ahead: &mut Ahead, nexus: &Nexus, own: Option<Slot>) {
        nexus.tasks.for_each(|task| {
            let is_enabled = task.is_alive() && !task.dormant && !task.is_piece;
            if task.lu == self.lu && is_enabled && own != Some(task.slot) {
                ahead.add(task.attribute);
            }
        });
    }
}
