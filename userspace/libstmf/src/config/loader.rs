// SPDX-License-Identifier: GPL-2.0

//! Giving the kernel what is saved.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use stmf_uapi::stmf;

use super::files::{Lock, LOCK_INTERVAL};
use super::plan::{Extent, Step};
use super::recorder::Recorder;
use super::store::{Store, StoreError};
use super::Configuration;
use crate::error::Error;
use crate::transport::Transport;

/// How long a load keeps others waiting, unless a single step takes longer.
const TURN: Duration = Duration::from_millis(500);

/// How long others have a chance then: enough for each of them to look once.
const PAUSE: Duration = LOCK_INTERVAL.saturating_mul(2);

/// Makes the kernel have what is saved, step by step.
///
/// Others may change the configuration between the steps, for a load can take long. So before each
/// step the store is locked and asked whether it still says so.
#[derive(Debug)]
pub struct Loader<'a, T> {
    transport: &'a mut T,
    store: &'a mut Store,
    turn: Duration,
    lock: Option<(Lock, Instant)>,
    /// Whether someone else has held the lock for too long.
    is_locked_out: bool,
    /// Whether iSCSI targets would let in whom the saved defaults and portals keep out.
    is_unguarded: bool,
    /// iSCSI targets that are not brought up therefore.
    held_back: BTreeSet<String>,
}

impl<'a, T: Transport> Loader<'a, T> {
    /// Loads what a recorder has saved, after it has found out about changes that did not come to
    /// their end. Nothing without a store.
    pub fn new(recorder: &'a mut Recorder<T>) -> Result<Option<Self>, Error> {
        recorder.settle_first().map_err(|fault| {
            Error::new(fault, stmf::FAMILY, &[], "change that was not completed")
        })?;
        Ok(Self::dry(recorder))
    }

    /// The same for who is not going to take the steps.
    pub fn dry(recorder: &'a mut Recorder<T>) -> Option<Self> {
        let (transport, store) = recorder.parts();
        Some(Self {
            transport,
            store: store?,
            turn: TURN,
            lock: None,
            is_locked_out: false,
            is_unguarded: false,
            held_back: BTreeSet::new(),
        })
    }

    /// What there is to be done, and what is wrong with files that can't be read.
    pub fn plan(&mut self) -> Result<(Vec<Step>, Vec<StoreError>), Error> {
        let (saved, errors) = Configuration::of_store(self.store)?;
        self.is_unguarded = errors.iter().any(|error| self.store.guards_iscsi(error));
        let current = Configuration::of_kernel(self.transport)?;
        let mut steps = current.steps_to(&saved, Extent::Add);
        steps.retain(|step| !self.holds_back(step));
        // First what keeps others out. Whoever changed it before would save, with the change, what
        // the kernel begins with.
        steps.sort_by_key(|step| !step.guards_iscsi());
        Ok((steps, errors))
    }

    /// Takes a step. Whether it has: not when meanwhile something else is saved.
    pub fn take(&mut self, step: &Step) -> Result<bool, Error> {
        if self.holds_back(step) {
            return Ok(false);
        }
        let done = self.take_in_turn(step);
        // Whatever has kept it from being taken. Who is locked out takes no other step either.
        self.is_unguarded |= done.is_err() && step.guards_iscsi();
        done
    }

    fn take_in_turn(&mut self, step: &Step) -> Result<bool, Error> {
        if !self.begin_turn()? {
            return Ok(false);
        }
        let saved = self.store.read(&step.place())?.unwrap_or_default();
        if step.is_still_wanted(&saved) {
            // Somebody may have said otherwise since it was planned.
            return step.perform_as(step.is_saved_offline(&saved), self.transport);
        }
        // What is saved now, the kernel may not have.
        self.is_unguarded |= step.guards_iscsi();
        Ok(false)
    }

    /// Whether iSCSI targets were not brought up, because the defaults of all, such as that they want
    /// CHAP, can't be read or loaded, or they would be reached at portals that were removed.
    pub fn has_held_back(&self) -> bool {
        !self.held_back.is_empty()
    }

    fn holds_back(&mut self, step: &Step) -> bool {
        if self.is_unguarded && step.opens_iscsi() {
            self.held_back.insert(step.owner());
        }
        // Nor are such targets taken on- or offline.
        step.is_of_target() && self.held_back.contains(&step.owner())
    }

    /// Keeps others from changing the configuration, after those who have waited for a while. Who
    /// has waited for them in vain does not wait again.
    fn begin_turn(&mut self) -> Result<bool, StoreError> {
        if self.is_locked_out {
            return Ok(false);
        }
        let is_over = |(_, since): &mut (Lock, Instant)| since.elapsed() >= self.turn;
        if self.lock.take_if(is_over).is_some() {
            std::thread::sleep(PAUSE);
        }
        if self.lock.is_none() {
            let lock = self.store.lock_to_read();
            self.is_locked_out = matches!(lock, Err(StoreError::Locked(_)));
            self.lock = lock?.map(|lock| (lock, Instant::now()));
        }
        Ok(true)
    }
}

#[cfg(test)]
impl<T> Loader<'_, T> {
    /// Lets others in after every step.
    pub(super) fn with_turn(mut self, turn: Duration) -> Self {
        self.turn = turn;
        self
    }
}
