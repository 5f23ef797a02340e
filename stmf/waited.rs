// SPDX-License-Identifier: GPL-2.0

//! Whether a command is carried out that was admitted some time ago.

use crate::{
    access,
    admit,
    copy::Origin,
    lu::LuEntry,
    plan::Refusal,
    task::{Outcome, TaskBody}, //
};
use kernel::sync::atomic::ordering;
use stmf_scsi::{
    AdditionalSense,
    Sense,
    Status, //
};

/// Whether commands that were aborted since this one was admitted may still write where it is to be at
/// work: while it was dormant, or its data came. Process context.
#[cold]
fn would_overtake(token: &TaskBody, lu: &LuEntry) -> bool {
    let endpoint = &token.endpoint;
    // Where one is to be at work that its unit would refuse by now nobody says.
    access::plan(&endpoint.framework, &endpoint.nexus, lu, token.cdb())
        .map_or(true, |plan| admit::is_blocked(endpoint, lu, &plan))
}

/// Whether the nexus lost sight of the unit while the port waited for the command's data, wanted or not, or while the
/// command was dormant: then there is no such unit for it. What the copy manager sends, that looks after.
fn is_out_of_sight(token: &TaskBody, lu: &LuEntry) -> bool {
    let nexus = &token.endpoint.nexus;
    nexus.has_lost_sight()
        && matches!(token.origin, Origin::Initiator)
        && nexus.with_itl(token.lun, lu.id, |_| ()).is_none()
}

/// How a command ends that its unit refuses by now: those that were before it in an order may have reserved the unit,
/// or protected it, since it was planned. Once enabled, a command isn't refused for that any more (SPC-5, Reservations
/// overview); but one whose turn has come before its data is asked about only when that is there, so it is refused for
/// what happened in between, too.
#[cold]
fn refused_by_now(token: &TaskBody, lu: &LuEntry) -> Option<Outcome> {
    let endpoint = &token.endpoint;
    let refusal = access::plan(&endpoint.framework, &endpoint.nexus, lu, token.cdb()).err()?;
    Some(match refusal {
        Refusal::Sense(sense) => Outcome::check(sense, token.sense_format()),
        Refusal::Status(status) => Outcome::status(status),
    })
}

/// Why a command that is enabled now isn't carried out. Process context.
pub(crate) fn turned_away(token: &TaskBody, lu: &LuEntry) -> Option<Outcome> {
    if is_out_of_sight(token, lu) {
        let sense = Sense::illegal(AdditionalSense::LOGICAL_UNIT_NOT_SUPPORTED);
        return Some(Outcome::check(sense, token.sense_format()));
    }
    if token.endpoint.tasks().is_in_order(token.place) {
        if let Some(outcome) = refused_by_now(token, lu) {
            return Some(outcome);
        }
    }
    let overtakes = lu.has_orphans.load(ordering::Relaxed) && would_overtake(token, lu);
    overtakes.then(|| Outcome::status(Status::Busy))
}
