// SPDX-License-Identifier: GPL-2.0

//! What modules do before the machine restarts, halts, goes off or boots another kernel.
//!
//! Processes are gone by then as a rule, and devices still work: the kernel shuts them down after.
//!
//! C header: [`include/linux/reboot.h`](srctree/include/linux/reboot.h)

use crate::shims;
use core::ptr::NonNull;
use kernel::{
    ffi::{c_int, c_void},
    prelude::*, //
};

/// Whose turn it is, the first first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Port providers: nothing comes from outside any more. Software RAID has the same priority; who was there
    /// earlier comes earlier.
    Ports,
    /// Logical unit providers. Software RAID and dm-integrity come before (`INT_MAX` and the next), and so have their
    /// last words with what is behind them.
    Units,
}

impl Turn {
    fn priority(self) -> c_int {
        match self {
            Turn::Ports => c_int::MAX,
            Turn::Units => c_int::MAX - 2,
        }
    }
}

/// Something to do before the machine goes down.
pub trait LastDeed: 'static {
    /// Whose turn it is then.
    const TURN: Turn;

    /// Does it. Process context; sleeps, but not for ever: the machine waits. Processes may be there still, and
    /// devices work for a while after.
    fn run();
}

/// Has a [`LastDeed`] done. Dropping it waits until it is done, when that is under way.
///
/// # Invariants
///
/// The pointer is what `stmf_helper_last_deed_register` returned, and isn't unregistered yet.
pub struct BeforeReboot(NonNull<c_void>);

// SAFETY: Reboot notifiers may be unregistered from any thread.
unsafe impl Send for BeforeReboot {}
// SAFETY: There is nothing to do with a reference.
unsafe impl Sync for BeforeReboot {}

impl BeforeReboot {
    /// Registers it; a field of the module's own structure, which keeps the code of `D` there. May sleep.
    pub fn new<D: LastDeed>() -> Result<Self> {
        // SAFETY: `run` is code that is there until this is dropped, which unregisters it.
        let deed = unsafe { shims::last_deed_register(D::TURN.priority(), Some(run::<D>)) };
        // INVARIANT: Just registered.
        Ok(Self(NonNull::new(deed).ok_or(ENOMEM)?))
    }
}

impl Drop for BeforeReboot {
    fn drop(&mut self) {
        // SAFETY: By the invariant it is registered.
        unsafe { shims::last_deed_unregister(self.0.as_ptr()) };
    }
}

extern "C" fn run<D: LastDeed>() {
    D::run();
}
