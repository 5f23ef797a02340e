// SPDX-License-Identifier: GPL-2.0

//! The sessions end before the machine goes down, so that nothing is acknowledged any more when the disks are flushed.
//!
//! Those of this machine itself go on, as the local bus does: their disks are there until the kernel shuts them
//! down, with a flush that would wait for a session to come back.

use crate::provider::{end_all, Provider, PROVIDER};
use kernel::{
    pr_warn,
    prelude::*,
    sync::atomic::{ordering, Atomic}, //
};
use stmf_kernel::reboot::{LastDeed, Turn};

/// Whether the machine goes down: no target comes online any more.
static CLOSED: Atomic<bool> = Atomic::new(false);

/// Whether the machine goes down. Asked under the lock under which a target goes online: it is closed after, else.
pub(crate) fn is_closed() -> bool {
    CLOSED.load(ordering::Acquire)
}

/// Ends the sessions.
pub(crate) struct LastCall;

impl LastDeed for LastCall {
    const TURN: Turn = Turn::Ports;

    fn run() {
        if let Some(provider) = PROVIDER.get() {
            close(&provider);
        }
    }
}

fn close(provider: &Provider) {
    CLOSED.store(true, ordering::Release);
    let mut links = KVec::new();
    for target in provider.targets.lock().by_name.values() {
        for link in target.close() {
            // Without memory nobody can wait for it.
            if !link.is_local && links.push(link.clone(), GFP_KERNEL).is_err() {
                link.stop();
            }
        }
    }
    if !end_all(&links) {
        pr_warn!("connections are held up by a device, and the machine goes down\n");
        for link in &links {
            link.stop();
        }
    }
}
