// SPDX-License-Identifier: GPL-2.0

//! PERSISTENT RESERVE OUT, and RESERVE and RELEASE of SPC-2.
//!
//! They wait for a grace period, and for the commands that they abort: a worker carries them out,
//! one at a time for each disk.

use crate::{
    changeable::Changeable,
    failure,
    meta,
    reserve::{self, nexus_ref, Ready, Reservations, State}, //
};
use kernel::{
    alloc::AllocError,
    prelude::*, //
};
use stmf::{
    lu::Audience,
    nexus::ItNexus,
    plan::DataPhase,
    task::Task, //
};
use stmf_kernel::io;
use stmf_model::metadata::Metadata;
use stmf_scsi::{
    cdb::{self, Command},
    reservation::{
        out::{PersistentReserveOut, Request},
        CommandClass,
        Issuer,
        Refused, //
    },
    ua::UnitAttention,
    Sense,
    Status, //
};

/// Why a reservation is not changed.
enum Failure {
    Refused(Refused),
    /// It can't be put on stable storage.
    NotSaved(io::Failure),
    NoMemory,
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Failure::Refused(refused)
    }
}

impl From<Sense> for Failure {
    fn from(sense: Sense) -> Self {
        Failure::Refused(Refused::Sense(sense))
    }
}

impl From<AllocError> for Failure {
    fn from(_: AllocError) -> Self {
        Failure::NoMemory
    }
}

const CONFLICT: Failure = Failure::Refused(Refused::Conflict);

pub(super) fn plan_out(request: &PersistentReserveOut) -> Result<DataPhase, Sense> {
    request.check_length()?;
    Ok(DataPhase::FromInitiator(request.list_len))
}

/// Carries the command out and ends it. Sleeps.
pub(super) fn change(changeable: &Changeable, task: Task) {
    let outcome = match cdb::parse(task.cdb()) {
        Ok(Command::PersistentReserveOut(cdb)) => persistent(changeable, &cdb, &task),
        Ok(Command::Reserve) => spc2(changeable, CommandClass::Reserve, &task),
        Ok(_) => spc2(changeable, CommandClass::Release, &task),
        Err(sense) => Err(sense.into()),
    };
    match outcome {
        Ok(()) => task.good(),
        Err(Failure::Refused(Refused::Sense(sense))) => task.fail(sense),
        Err(Failure::Refused(Refused::Conflict)) => task.end_with(Status::ReservationConflict),
        Err(Failure::NotSaved(cause)) => failure::end(task, cause),
        Err(Failure::NoMemory) => task.end_with(Status::Busy),
    }
}

/// RESERVE and RELEASE.
fn spc2(changeable: &Changeable, class: CommandClass, task: &Task) -> Result<(), Failure> {
    let reservations = &changeable.reservations;
    let sender = nexus_ref(task.nexus());
    let now = reservations.now();
    // Asked again: another command may have been faster.
    if !now.permits(sender, class) {
        return Err(CONFLICT);
    }
    if class == CommandClass::Release && !now.is_reserved_spc2(Some(sender)) {
        // Another's RESERVE may be dropped meanwhile, and must not come back.
        return Ok(());
    }
    let mut new = Reservations::copy(&now)?;
    match class {
        CommandClass::Reserve => new.reserve_spc2(sender),
        _ => new.release_spc2(sender),
    }
    reservations.publish_unless(|| task.is_aborted(), Ready::new(new)?);
    Ok(())
}

/// Puts what is to survive of a state on stable storage, if there is such a thing. Sleeps, a few
/// seconds at most.
fn keep(changeable: &Changeable, state: &State) -> Result<(), Failure> {
    let Some(store) = &changeable.store else {
        return Ok(());
    };
    let reservations = &*reserve::save(state)?;
    let saved = store.update(|old| {
        meta::record(&Metadata {
            reservations,
            ..old
        })
    });
    saved.map_err(Failure::NotSaved)
}

/// PERSISTENT RESERVE OUT: change, save, publish, tell, abort, in this order.
fn persistent(
    changeable: &Changeable,
    cdb: &PersistentReserveOut,
    task: &Task,
) -> Result<(), Failure> {
    let reservations = &changeable.reservations;
    let list = task.parameter_list()?;
    let request = Request::parse(cdb, &list)?;
    let unit = task.unit().ok_or(Failure::NoMemory)?;
    let ports = unit.relative_ports().map_err(|_| Failure::NoMemory)?;
    let sender = nexus_ref(task.nexus());
    let old = reservations.now();
    // Asked again: another command may have been faster.
    if !old.permits(sender, CommandClass::PersistentReserveOut) {
        return Err(CONFLICT);
    }
    let mut new = Reservations::copy(&old)?;
    let issuer = Issuer {
        nexus: sender,
        ports: &ports,
        can_persist: changeable.capabilities().can_persist,
    };
    let effects = new.execute(issuer, &request)?;
    let new = Ready::new(new)?;
    keep(changeable, new.state())?;
    let new = reservations.publish(new);
    // Who is preempted prevents nothing any more (SPC-5, Preempting).
    changeable.door.let_go(|keeper| {
        effects.attention_for(&old, &new, sender, keeper.as_ref())
            == Some(UnitAttention::RegistrationsPreempted)
    });
    for attention in effects.attentions() {
        let told = |nexus: &ItNexus| {
            effects.attention_for(&old, &new, sender, nexus_ref(nexus)) == Some(attention)
        };
        unit.announce(attention, Audience::Those(&told));
    }
    if effects.abort_removed {
        // Those that don't let go in time get no answer, and later commands to the same blocks wait
        // for them: what the sender wants is true in either case.
        let gone = |nexus: &ItNexus| effects.aborts(&old, &new, nexus_ref(nexus));
        unit.abort_tasks_of(gone, task);
    }
    Ok(())
}
