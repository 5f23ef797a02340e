// SPDX-License-Identifier: GPL-2.0

//! A command of the SCSI midlayer in the hands of a target.

use super::states::{States, Use};
use crate::{
    bindings,
    live::LiveRef,
    shims, //
};
use core::{
    mem,
    ptr::NonNull,
    slice, //
};
use kernel::{
    ffi::c_void,
    prelude::*,
    sync::atomic::{ordering, Atomic},
    time::Delta, //
};

/// A command and all that the midlayer says of it.
pub struct Request<'a> {
    /// The command.
    pub command: Command,
    /// The LUN field.
    pub lun: [u8; 8],
    /// The command descriptor block.
    pub cdb: &'a [u8],
    /// Whether data goes to the target.
    pub write: bool,
    /// The bytes to be moved.
    pub len: u32,
    /// A number that no other command of the host has at this time.
    pub tag: u64,
}

/// A command of the SCSI midlayer.
///
/// Dropping it tells the midlayer that the command was aborted, which makes it try again.
///
/// # Invariants
///
/// - `at` is a use of a cell of `states` that began for this command, and this is its only holder.
/// - `taken` says that the use is taken. Then `cmd` is a C command that was handed over and isn't the
///   midlayer's before it is told that the command is over: it and its memory are ours. Else `cmd`
///   may have been freed.
pub struct Command {
    cmd: NonNull<c_void>,
    at: Use,
    taken: bool,
    states: LiveRef<States>,
}

// SAFETY: A command may be completed from any thread.
unsafe impl Send for Command {}
// SAFETY: `&Command` gives no access but to atomics.
unsafe impl Sync for Command {}

/// Where a C command says which use it was handed over as last.
///
/// # Safety
///
/// `cmd` is a C command that isn't freed within `'a`.
unsafe fn use_of<'a>(cmd: *mut c_void) -> &'a Atomic<u64> {
    // SAFETY: The private part of the command is a `u64`, which is zero when the command is made,
    // lives as long, and is used by nobody else and only as this atomic.
    unsafe { Atomic::from_ptr(shims::scsi_cmd_use(cmd)) }
}

/// The use that a C command was handed over as last.
///
/// # Safety
///
/// As for [`use_of`], until this returns.
unsafe fn last_use(cmd: *mut c_void) -> Use {
    // SAFETY: By the requirement.
    Use(unsafe { use_of(cmd) }.load(ordering::Acquire))
}

/// Hands a command over to `queue`; says whether it was taken.
///
/// # Safety
///
/// The midlayer hands over `cmd`, a C command of the host whose commands have their states in `states`.
pub(super) unsafe fn take(
    states: LiveRef<States>,
    cmd: *mut c_void,
    queue: impl FnOnce(Request<'_>) -> Result<(), Command>,
) -> bool {
    let Some(cmd) = NonNull::new(cmd) else {
        return false;
    };
    let raw = cmd.as_ptr();
    let mut lun = [0; 8];
    let mut cdb_len = 0;
    let mut write = false;
    // SAFETY: By the requirement; all that is read belongs to the command.
    let (cdb, len, tag) = unsafe {
        shims::scsi_cmd_lun(raw, lun.as_mut_ptr());
        let cdb = shims::scsi_cmd_cdb(raw, &mut cdb_len);
        let len = shims::scsi_cmd_len(raw, &mut write);
        (cdb, len, shims::scsi_cmd_tag(raw))
    };
    // A copy: the command may be over before the target stops looking at its CDB.
    let mut copy = [0; 32];
    let cdb_len = (cdb_len as usize).min(copy.len());
    // SAFETY: The command's CDB has `cdb_len` bytes.
    copy[..cdb_len].copy_from_slice(unsafe { slice::from_raw_parts(cdb, cdb_len) });

    // The midlayer gives a command's tag to another only when the command is over, and tags have as
    // many values as the host takes commands.
    let Some(at) = states.begin(tag) else {
        return false;
    };
    // SAFETY: By the requirement, as above.
    unsafe { use_of(raw) }.store(at.0, ordering::Release);
    // INVARIANT: Handed over, and the use has just begun, taken.
    let command = Command {
        cmd,
        at,
        taken: true,
        states,
    };
    let request = Request {
        command,
        lun,
        cdb: &copy[..cdb_len],
        write,
        len,
        tag: u64::from(tag),
    };
    match queue(request) {
        Ok(()) => true,
        Err(command) if command.at == at => {
            // The midlayer has it again.
            command.states.end(command.at);
            command.forget();
            false
        }
        // Another one, which ends here; this one is wherever it was put.
        Err(_) => true,
    }
}

/// Takes a command that is late away from its holder, if the holder doesn't use it; says whether it
/// is the midlayer's now. Any context.
///
/// Looking alone wouldn't do: the holder could take the command again before error handling comes. And
/// should the command be over, and be sent again under another tag while we look, it is of the use
/// that we saw, or none, that it is taken away.
///
/// # Safety
///
/// `cmd` is a C command of the host of `states`, and isn't freed before this returns.
pub(super) unsafe fn take_away(states: &States, cmd: *mut c_void) -> bool {
    // SAFETY: By the requirement.
    states.take_away(unsafe { last_use(cmd) })
}

/// Waits until a command is the midlayer's, as long as its holder takes. Sleeps.
///
/// # Safety
///
/// As for [`take_away`]; the command isn't sent again meanwhile.
pub(super) unsafe fn wait_for(states: &States, cmd: *mut c_void) {
    // SAFETY: By the requirement.
    let at = unsafe { last_use(cmd) };
    while !states.take_away(at) && !states.is_over(at) {
        kernel::time::delay::fsleep(Delta::from_millis(1));
    }
}

impl Command {
    /// The first `len` bytes of the command's memory as segments, if it consists of whole pages, and is there
    /// for data that go this way. `segments` is called with the number there may be, for room for as many.
    pub(crate) fn segments<'a>(
        &self,
        to_initiator: bool,
        len: u32,
        room: impl FnOnce(usize) -> Option<&'a mut [bindings::bio_vec]>,
    ) -> Option<usize> {
        if !self.taken {
            return None;
        }
        // SAFETY: By the invariant the command is ours.
        let most = unsafe { shims::scsi_cmd_segments(self.cmd.as_ptr()) };
        let room = room(most as usize)?;
        let count = u32::try_from(room.len()).unwrap_or(u32::MAX);
        // SAFETY: By the invariant the command is ours; at most `count` segments are written.
        let n = unsafe {
            shims::scsi_cmd_bvecs(
                self.cmd.as_ptr(),
                to_initiator,
                len,
                room.as_mut_ptr(),
                count,
            )
        };
        (n > 0).then_some(n as usize)
    }

    /// Copies the initiator's data out of the command's memory, from an offset.
    pub(crate) fn fetch(&self, skip: usize, out: &mut [u8]) {
        if self.taken {
            self.copy(skip, out.as_mut_ptr(), out.len(), false);
        }
    }

    fn copy(&self, skip: usize, bytes: *mut u8, len: usize, to_initiator: bool) {
        let (Ok(skip), Ok(len)) = (u32::try_from(skip), u32::try_from(len)) else {
            return;
        };
        // SAFETY: The callers hold the command taken, so by the invariant it and its memory are
        // ours, and pass bytes that they may read, or write when the copy goes that way.
        unsafe { shims::scsi_cmd_copy(self.cmd.as_ptr(), skip, bytes.cast(), len, to_initiator) };
    }

    /// Lets error handling take the command away: its memory isn't used until it is claimed again.
    pub(crate) fn let_go(&mut self) {
        if mem::take(&mut self.taken) {
            self.states.wait(self.at);
        }
    }

    /// Takes the command to answer it, unless error handling has taken it away.
    pub fn claim(mut self) -> Option<Claimed> {
        if self.take_again() {
            Some(Claimed(self))
        } else {
            self.forget();
            None
        }
    }

    /// Ends the command for want of a target: it fails at once.
    pub fn refuse(self) {
        if let Some(claimed) = self.claim() {
            claimed.end(|cmd| {
                // SAFETY: Claimed, so the command is ours.
                unsafe { shims::scsi_cmd_fail(cmd, false) }
            });
        }
    }

    /// Makes the command ours, if it isn't and nobody took it away.
    fn take_again(&mut self) -> bool {
        if !self.taken {
            // INVARIANT: Where this succeeds error handling hasn't taken the command away and won't, so
            // that the midlayer still waits for it.
            self.taken = self.states.take_again(self.at);
        }
        self.taken
    }

    /// Ends the handle alone.
    fn forget(self) {
        let mut this = mem::ManuallyDrop::new(self);
        // SAFETY: Read out once; the rest of `this` has nothing to drop.
        drop(unsafe { core::ptr::read(&raw mut this.states) });
    }

    /// Completes the command, which is taken: `complete` tells the midlayer.
    fn complete(&self, complete: impl FnOnce(*mut c_void)) {
        complete(self.cmd.as_ptr());
        // Error handling may be waiting for this: it may have the command back when nobody is in
        // `complete` any more. Otherwise the C command may be in use again, or gone, as from here on
        // only its state is looked at.
        self.states.end(self.at);
    }
}

impl Drop for Command {
    fn drop(&mut self) {
        if self.take_again() {
            self.complete(|cmd| {
                // SAFETY: Taken, so the command is ours.
                unsafe { shims::scsi_cmd_fail(cmd, true) }
            });
        }
    }
}

/// A command that is about to be answered.
///
/// # Invariants
///
/// The command is taken.
pub struct Claimed(Command);

impl Claimed {
    /// Copies data for the initiator into the command's memory, at an offset.
    pub(crate) fn deliver(&self, skip: usize, bytes: &[u8]) {
        self.0
            .copy(skip, bytes.as_ptr().cast_mut(), bytes.len(), true);
    }

    /// Answers the command. `residual` bytes of those that the initiator expected were not moved.
    /// Any context.
    pub fn answer(self, status: u8, sense: &[u8], residual: u32) {
        let sense_len = u32::try_from(sense.len()).unwrap_or(0);
        self.end(|cmd| {
            // SAFETY: Claimed, so the command is ours; the sense has that length.
            unsafe { shims::scsi_cmd_answer(cmd, status, sense.as_ptr(), sense_len, residual) }
        });
    }

    fn end(self, complete: impl FnOnce(*mut c_void)) {
        self.0.complete(complete);
        self.0.forget();
    }
}
