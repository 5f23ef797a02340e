// SPDX-License-Identifier: GPL-2.0

//! What is in write caches reaches stable storage before the machine goes down.
//!
//! Initiators are told that the power was on (29h), but that isn't news of a loss to all of them: Linux doesn't
//! write again what it takes for written.

use crate::{
    disk::text,
    exec::cache,
    units::Units, //
};
use kernel::{
    pr_err,
    prelude::*,
    time::{Delta, Instant, Monotonic, Nsec}, //
};
use stmf_kernel::reboot::{LastDeed, Turn};

/// How long the machine waits for all disks together: shorter than the 10 minutes after which systemd's watchdog
/// takes its going down for a hang (RebootWatchdogSec=).
const LIMIT: Delta<Nsec> = Delta::from_secs(300);

/// Flushes all disks.
pub(crate) struct LastFlush;

impl LastDeed for LastFlush {
    const TURN: Turn = Turn::Units;

    fn run() {
        if flush_all().is_err() {
            pr_err!("no memory to flush the write caches before the machine goes down\n");
        }
    }
}

/// All at the same time: one that stands still keeps none of the others waiting.
fn flush_all() -> Result {
    let Ok(units) = Units::get() else {
        return Ok(());
    };
    let units = units.all()?;
    let mut flushes = KVec::with_capacity(units.len(), GFP_KERNEL)?;
    for unit in &units {
        // There is room: no disk that is being flushed is let go of here.
        flushes.push(cache::begin_flush(&unit.disk.medium, None), GFP_KERNEL)?;
    }
    let start = Instant::<Monotonic>::now();
    for (unit, flush) in units.into_iter().zip(flushes) {
        let flushed = flush.and_then(|flush| flush.wait(LIMIT - start.elapsed()));
        match flushed {
            Ok(()) => (),
            // The device is away, and the log has said so. What its cache had is its own business.
            Err(ENODEV) => (),
            Err(error) => {
                let guid = text(&unit.disk.names.digits);
                pr_err!("LU {guid}: not flushed, and the machine goes down ({error:?})\n");
                if error == ETIMEDOUT {
                    // It ends yet, where nobody can let go of a disk, or of the module.
                    core::mem::forget(unit);
                }
            }
        }
    }
    Ok(())
}
