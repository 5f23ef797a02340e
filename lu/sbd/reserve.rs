// SPDX-License-Identifier: GPL-2.0

//! Who has reserved a disk, or registered to.
//!
//! Commands are checked under RCU, and at the cost of one load while nobody has registered or
//! reserved. A change is made on a copy, by one worker at a time; what it means is in
//! [`stmf_scsi::reservation`].

use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    sync::{
        rcu,
        Arc,
        Mutex,
        MutexGuard, //
    },
};
use stmf::{
    nexus::ItNexus,
    plan::Refusal, //
};
use stmf_kernel::rcu::RcuCell;
use stmf_scsi::{
    reservation::{
        self,
        class,
        Capabilities,
        Full,
        NexusRef,
        Registration,
        Report,
        SavedError,
        Table, //
    },
    Sink,
    Status, //
};

/// The most registrations of a disk.
const MAX_REGISTRATIONS: usize = 1024;

/// The reservations and registrations at one moment.
pub(crate) type State = reservation::State<Rows>;

/// The registrations of a disk.
pub(crate) struct Rows(KVVec<Registration>);

impl Rows {
    /// A copy, with room for what is added to it.
    fn copy(&self) -> Result<Self, AllocError> {
        let mut rows = KVVec::new();
        rows.extend_from_slice(&self.0, GFP_KERNEL)?;
        Ok(Self(rows))
    }
}

impl Table for Rows {
    fn as_slice(&self) -> &[Registration] {
        &self.0
    }

    fn as_mut_slice(&mut self) -> &mut [Registration] {
        &mut self.0
    }

    fn push(&mut self, registration: Registration) -> Result<(), Full> {
        if self.0.len() >= MAX_REGISTRATIONS {
            return Err(Full);
        }
        self.0.push(registration, GFP_KERNEL).map_err(|_| Full)
    }

    fn retain(&mut self, mut keep: impl FnMut(&Registration) -> bool) {
        self.0.retain(|registration| keep(registration));
    }
}

/// The registrations that [`save`] made these bytes of.
pub(crate) fn restore(bytes: &[u8]) -> Result<Option<State>, SavedError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    State::restore(bytes, Rows(KVVec::new())).map(Some)
}

/// What of a state is to survive a loss of power: nothing, unless APTPL asked for it.
pub(crate) fn save(state: &State) -> Result<KVVec<u8>, AllocError> {
    if !state.aptpl() {
        return Ok(KVVec::new());
    }
    let mut size = Sink::new(&mut []);
    state.save(&mut size);
    let mut bytes = KVVec::from_elem(0, size.len(), GFP_KERNEL)?;
    state.save(&mut Sink::new(&mut bytes));
    Ok(bytes)
}

/// Who sends a command, as reservations see it.
pub(crate) fn nexus_ref(nexus: &ItNexus) -> NexusRef<'_> {
    NexusRef {
        initiator: nexus.initiator(),
        port: nexus.relative_port(),
    }
}

/// A state that can become the valid one without fail.
pub(crate) struct Ready {
    state: Arc<State>,
    barrier: Option<KBox<Arc<State>>>,
}

impl Ready {
    /// Takes the memory that it needs.
    pub(crate) fn new(state: State) -> Result<Self, AllocError> {
        let state = Arc::new(state, GFP_KERNEL)?;
        let barrier = match state.is_empty() {
            true => None,
            false => Some(KBox::new(state.clone(), GFP_KERNEL)?),
        };
        Ok(Self { state, barrier })
    }

    /// The state.
    pub(crate) fn state(&self) -> &State {
        &self.state
    }
}

/// The reservations of a disk.
#[pin_data]
pub(crate) struct Reservations {
    /// What commands are checked against; nothing while no command is forbidden to anyone.
    barrier: RcuCell<Arc<State>>,
    #[pin]
    kept: Mutex<Kept>,
}

/// What the mutex guards, which is held for moments only.
struct Kept {
    now: Arc<State>,
    /// The state to go back to when a RESERVE of SPC-2 is dropped; taking it can't fail.
    unreserved: Option<Arc<State>>,
}

impl Reservations {
    /// Nobody has registered or reserved.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            barrier: RcuCell::empty(),
            kept <- new_mutex!(
                Kept {
                    now: Arc::new(State::new(Rows(KVVec::new())), GFP_KERNEL)?,
                    unreserved: None,
                },
                "Reservations::kept"
            ),
        }? Error)
    }

    /// Refuses a command that a reservation forbids.
    #[inline]
    pub(crate) fn check(&self, nexus: &ItNexus, cdb: &[u8]) -> Result<(), Refusal> {
        let guard = rcu::read_lock();
        match self.barrier.read(&guard) {
            Some(state) if !state.permits(nexus_ref(nexus), class::of(cdb)) => {
                Err(Refusal::Status(Status::ReservationConflict))
            }
            _ => Ok(()),
        }
    }

    /// Writes what PERSISTENT RESERVE IN asks for.
    pub(crate) fn report(&self, report: Report, capabilities: Capabilities, sink: &mut Sink<'_>) {
        self.now().report(report, capabilities, sink);
    }

    /// The state of this moment.
    pub(crate) fn now(&self) -> Arc<State> {
        self.kept.lock().now.clone()
    }

    /// A copy of a state, to be changed.
    pub(crate) fn copy(state: &State) -> Result<State, AllocError> {
        state.try_clone(Rows::copy)
    }

    /// Has a state in the beginning.
    pub(crate) fn restore(&self, state: State) -> Result<(), AllocError> {
        self.publish(Ready::new(state)?);
        Ok(())
    }

    /// Makes a state the valid one: commands that come from now on are checked against it. Sleeps
    /// briefly. One caller at a time.
    pub(crate) fn publish(&self, ready: Ready) -> Arc<State> {
        self.publish_in(self.kept.lock(), ready)
    }

    fn publish_in(
        &self,
        mut kept: MutexGuard<'_, Kept>,
        Ready { state, barrier }: Ready,
    ) -> Arc<State> {
        let old = core::mem::replace(&mut kept.now, state.clone());
        if !state.is_reserved_spc2(None) {
            kept.unreserved = None;
        } else if !old.is_reserved_spc2(None) {
            kept.unreserved = Some(old);
        }
        drop(self.barrier.replace(barrier));
        state
    }

    /// As [`Reservations::publish`], for a command that has no effect once it was aborted: who aborts it
    /// calls [`Reservations::drop_spc2`] afterwards.
    pub(crate) fn publish_unless(&self, is_aborted: impl FnOnce() -> bool, ready: Ready) {
        let kept = self.kept.lock();
        if !is_aborted() {
            self.publish_in(kept, ready);
        }
    }

    /// Drops the RESERVE of SPC-2 of an I_T nexus, or of anyone.
    pub(crate) fn drop_spc2(&self, lost: Option<&ItNexus>) {
        let mut kept = self.kept.lock();
        if kept.now.is_reserved_spc2(lost.map(nexus_ref)) {
            if let Some(unreserved) = kept.unreserved.take() {
                kept.now = unreserved;
                drop(self.barrier.replace(None));
            }
        }
    }
}
