// SPDX-License-Identifier: GPL-2.0

//! What initiators change of a disk besides its data, and how they take turns at that.
//!
//! Such a command may have to wait: for those who look at the state, for the commands that it
//! aborts. So a worker carries it out, one at a time for each disk. A disk has two workers at most,
//! one at work and one that waits, however many commands have come: none takes all workers away.

use crate::{
    door::Door,
    identifying::{Identifying, Information},
    medium::Medium,
    meta::Store,
    modes::Modes,
    reserve::{Reservations, State}, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
};
use stmf::task::{Task, TaskBody};
use stmf_kernel::queue::Queue;
use stmf_scsi::{
    mode::Values,
    reservation::Capabilities,
    Status, //
};

/// The state of a disk that initiators change.
#[pin_data]
pub(crate) struct Changeable {
    pub(crate) medium: Arc<Medium>,
    /// Where it is kept, if it is.
    pub(crate) store: Option<Arc<Store>>,
    /// Who has reserved the disk.
    #[pin]
    pub(crate) reservations: Reservations,
    /// The mode parameters.
    #[pin]
    pub(crate) modes: Modes,
    /// Whether the medium is in, and who wants it to stay.
    #[pin]
    pub(crate) door: Door,
    /// What initiators have written on it.
    #[pin]
    pub(crate) identifying: Identifying,
    /// The commands whose turn hasn't come.
    waiting: Queue<TaskBody>,
    #[pin]
    turn: Mutex<()>,
}

/// What was saved of the state of a disk.
#[derive(Default)]
pub(crate) struct Saved {
    pub(crate) modes: Option<Values>,
    pub(crate) reservations: Option<State>,
    pub(crate) information: Information,
}

impl Changeable {
    /// The state of a new disk with those mode parameters, whose medium can be taken out or not.
    pub(crate) fn new(
        medium: Arc<Medium>,
        modes: impl PinInit<Modes>,
        removable: bool,
        store: Option<Arc<Store>>,
        saved: Saved,
    ) -> Result<Arc<Self>> {
        let this = Arc::pin_init(
            try_pin_init!(Self {
                medium,
                store,
                reservations <- Reservations::new(),
                modes <- modes,
                door <- Door::new(removable),
                identifying <- Identifying::new(saved.information),
                waiting: Queue::new(),
                turn <- new_mutex!((), "Changeable::turn"),
            }? Error),
            GFP_KERNEL,
        )?;
        if let Some(state) = saved.reservations {
            this.reservations.restore(state)?;
        }
        Ok(this)
    }

    /// What PERSISTENT RESERVE can do here: what survives a loss of power needs a place.
    pub(crate) fn capabilities(&self) -> Capabilities {
        Capabilities {
            can_persist: self.store.is_some(),
        }
    }

    /// Has a worker carry a command out with `change` when those before it are done. Process
    /// context.
    pub(crate) fn later(self: &Arc<Self>, task: Task, change: fn(&Changeable, Task)) {
        if !self.waiting.push(task.into()) {
            // A worker is to come that takes this one, too.
            return;
        }
        let this = self.clone();
        if crate::spawn(move || this.take_turn(change)).is_err() {
            for token in self.waiting.take_all() {
                Task::from(token).end_with(Status::Busy);
            }
        }
    }

    fn take_turn(&self, change: fn(&Changeable, Task)) {
        let _turn = self.turn.lock();
        for token in self.waiting.take_all() {
            let task = Task::from(token);
            if task.is_aborted() {
                task.end_with(Status::TaskAborted);
            } else {
                change(self, task);
            }
        }
    }
}
