// SPDX-License-Identifier: GPL-2.0

//! A SCSI host adapter: the initiator's side of a bus within this machine.
//!
//! The SCSI midlayer hands a command to [`Target::queue`] as a [`Command`], whose memory it lends
//! until the command is answered. Its error handling may want the memory back earlier, when a
//! command takes too long. That can't be granted while a device may still read or write the memory:
//! such a command is waited for as long as the device takes (the midlayer is told to reset its
//! timer). One that works on a copy is given up at once. So a command is in one of these states, kept
//! in a table that outlives the C commands (`states.rs`):
//!
//! | state | who may touch the C command and its memory |
//! |---|---|
//! | taken | the holder of the [`Command`] alone |
//! | waiting | nobody; the holder may take it again, error handling may take it away |
//! | over | the midlayer |
//!
//! C header: [`include/scsi/scsi_host.h`](srctree/include/scsi/scsi_host.h)

mod command;
mod states;

pub use command::{Claimed, Command, Request};

use crate::{
    live::Live,
    shims, //
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    ffi::c_void,
    prelude::*,
    sync::atomic::{ordering, Atomic},
    time::{Delta, Nsec}, //
};
use states::States;

/// What a host's commands are for. All methods are called in process context.
pub trait Target: Send + Sync + 'static {
    /// Takes a command, or gives it back to be tried again soon. Must not wait for a device: the
    /// caller may be reclaiming memory.
    fn queue(&self, request: Request<'_>) -> Result<(), Command>;

    /// A command takes too long: it is not wanted any more. Sleeps for seconds at most.
    fn abort(&self, tag: u64);

    /// Resets a logical unit, or all of them; says whether that is done. Sleeps for seconds at most.
    fn reset(&self, lun: Option<[u8; 8]>) -> bool;
}

/// A host that the midlayer knows.
///
/// Dropping it removes its disks and waits, without bound, for their commands:
/// [`Host::wait_idle`] first.
///
/// # Invariants
///
/// - `shost` is a host made by `scsi_host_new` with `target` as its target, and added.
/// - `target` is not freed before the host is removed, after which no callback runs: no disk is left
///   whose commands would be sent or be late, and resets that somebody asks for by a file that is
///   still open don't get to the target (`stmf_helper_scsi_host_remove`).
pub struct Host<T: Target> {
    shost: NonNull<c_void>,
    removed: Atomic<bool>,
    // Dropped after the host has been removed.
    target: KBox<Served<T>>,
}

/// What C callbacks get: the target, and the states of the commands that it has, each of which holds
/// a reference.
struct Served<T: Target> {
    target: T,
    states: Live<States>,
}

// SAFETY: The midlayer's functions may be called from any thread; the target is `Send + Sync`.
unsafe impl<T: Target> Send for Host<T> {}
// SAFETY: As above.
unsafe impl<T: Target> Sync for Host<T> {}

impl<T: Target> Host<T> {
    /// Makes a host that takes up to `depth` commands at a time. It has no disks yet, see
    /// [`Host::attach`]. May sleep.
    ///
    /// `name` is that of its device below `/sys/devices/faux`.
    pub fn new(name: &CStr, depth: u16, target: T) -> Result<Self> {
        let target = KBox::new(
            Served {
                target,
                states: Live::new(States::new(depth)?)?,
            },
            GFP_KERNEL,
        )?;
        let context: *const Served<T> = &*target;
        // SAFETY: The callbacks get `context`, which is a `Served<T>`.
        let shost = unsafe {
            shims::scsi_host_new(
                name.as_char_ptr(),
                u32::from(depth),
                context.cast_mut().cast(),
                Some(queue::<T>),
                Some(keep_waiting::<T>),
                Some(abort::<T>),
                Some(reset::<T>),
            )
        };
        let shost = NonNull::new(shost).ok_or(ENOMEM)?;
        // SAFETY: Just made.
        let added = to_result(unsafe { shims::scsi_host_add(shost.as_ptr()) });
        if let Err(error) = added {
            // SAFETY: Just made, and nobody else knows of it.
            unsafe { shims::scsi_host_free(shost.as_ptr()) };
            return Err(error);
        }
        // INVARIANT: Made and added above; `target` is a field that is dropped later.
        Ok(Self {
            shost,
            removed: Atomic::new(false),
            target,
        })
    }

    /// The target.
    pub fn target(&self) -> &T {
        &self.target.target
    }

    /// The host's number, as in `/sys/class/scsi_host/hostN`.
    pub fn number(&self) -> u32 {
        // SAFETY: By the invariant the host is live.
        unsafe { shims::scsi_host_number(self.shost.as_ptr()) }
    }

    /// Looks for a logical unit at a LUN, and makes a device of it. Sleeps, as long as the unit takes
    /// to answer INQUIRY.
    pub fn attach(&self, lun: [u8; 8]) -> Result {
        // SAFETY: By the invariant the host is live; `lun` has 8 bytes.
        to_result(unsafe { shims::scsi_host_attach(self.shost.as_ptr(), lun.as_ptr()) })
    }

    /// Removes the device at a LUN, if there is one. Sleeps, as long as its commands take.
    pub fn detach(&self, lun: [u8; 8]) {
        // SAFETY: By the invariant the host is live; `lun` has 8 bytes.
        unsafe { shims::scsi_host_detach(self.shost.as_ptr(), lun.as_ptr()) };
    }

    /// Keeps new commands back and waits until the target has none, `limit` at most; says whether
    /// that is so. If not, new commands come again. Sleeps.
    pub fn wait_idle(&self, limit: Delta<Nsec>, is_idle: impl Fn() -> bool) -> bool {
        // SAFETY: By the invariant the host is live.
        unsafe { shims::scsi_host_block(self.shost.as_ptr(), true) };
        let end = crate::clock::monotonic_ns().saturating_add(limit.as_nanos());
        while !is_idle() && crate::clock::monotonic_ns() < end {
            kernel::time::delay::fsleep(Delta::from_millis(5));
        }
        let idle = is_idle();
        if !idle {
            self.unblock();
        }
        idle
    }

    /// Removes the host's devices and the host. No device is found from here on. Sleeps, as long as
    /// the commands take that are in the target, and resets.
    pub fn remove(&self) {
        if !self.removed.xchg(true, ordering::Full) {
            // SAFETY: By the invariant the host is live and added; the exchange lets one caller
            // through.
            unsafe { shims::scsi_host_remove(self.shost.as_ptr()) };
        }
    }

    /// Lets commands come again after a [`Host::wait_idle`] that has kept them back.
    pub fn unblock(&self) {
        // SAFETY: By the invariant the host is live.
        unsafe { shims::scsi_host_block(self.shost.as_ptr(), false) };
    }
}

impl<T: Target> Drop for Host<T> {
    fn drop(&mut self) {
        self.remove();
        // Who has just told the midlayer that a command is over may be on the way out of it. Commands that
        // were given up may have a holder, too, who looks at nothing but their states.
        self.target.states.kill();
        while !self.target.states.wait_drained(Delta::from_secs(60)) {}
        // SAFETY: By the invariant the host is live. It was removed, and by the invariant no callback
        // runs after that, so the target can go.
        unsafe { shims::scsi_host_free(self.shost.as_ptr()) };
    }
}

/// The host's `queuecommand`: whether the command was taken.
///
/// # Safety
///
/// `context` is the `Served<T>` of a live host, `command` one of its C commands, which the midlayer
/// hands over.
unsafe extern "C" fn queue<T: Target>(context: *mut c_void, command: *mut c_void) -> bool {
    // SAFETY: By the requirement.
    let served = unsafe { &*context.cast::<Served<T>>() };
    let Some(states) = served.states.get() else {
        return false;
    };
    // SAFETY: By the requirement the command is handed over.
    unsafe { command::take(states, command, |request| served.target.queue(request)) }
}

/// The host's `eh_timed_out`: whether the command has to be waited for. If not, it is the midlayer's.
///
/// # Safety
///
/// `context` is the `Served<T>` of a live host, `command` one of its C commands, which isn't freed
/// before this returns.
unsafe extern "C" fn keep_waiting<T: Target>(context: *mut c_void, command: *mut c_void) -> bool {
    // SAFETY: By the requirement.
    unsafe {
        let served = &*context.cast::<Served<T>>();
        !command::take_away(&served.states, command)
    }
}

/// The host's `eh_abort_handler`: the command is given back. Those that were late in [`keep_waiting`]
/// are the midlayer's already; one that error handling itself has sent may still be in use.
///
/// # Safety
///
/// As for [`queue`]; the command is in the hands of error handling.
unsafe extern "C" fn abort<T: Target>(context: *mut c_void, command: *mut c_void) {
    // SAFETY: By the requirement.
    let served = unsafe { &*context.cast::<Served<T>>() };
    // SAFETY: By the requirement.
    served
        .target
        .abort(u64::from(unsafe { shims::scsi_cmd_tag(command) }));
    // SAFETY: By the requirement.
    unsafe { command::wait_for(&served.states, command) }
}

/// The host's reset handlers: whether the reset is done.
///
/// # Safety
///
/// `context` is the `Served<T>` of a live host; `lun` is null or has 8 bytes.
unsafe extern "C" fn reset<T: Target>(context: *mut c_void, lun: *const u8) -> bool {
    // SAFETY: By the requirement.
    let (served, lun) = unsafe {
        let served = &*context.cast::<Served<T>>();
        (served, lun.cast::<[u8; 8]>().as_ref().copied())
    };
    served.target.reset(lun)
}
