// SPDX-License-Identifier: GPL-2.0

//! Trace events (`rust/include/stmf_trace.h`), for perf, bpftrace and tracefs.
//!
//! Callable in any context. One that nobody looks at costs a nop: its static key is tested here, and not
//! in the shim, and what an event of a command tells is gathered only when somebody looks.

use crate::{
    bindings,
    shims, //
};
use kernel::prelude::*;

/// Whether somebody looks at an event.
macro_rules! is_on {
    ($event:ident) => {{
        // The kernel's own structure, of which only the address is taken.
        #[allow(improper_ctypes)]
        extern "C" {
            static $event: bindings::tracepoint;
        }
        // SAFETY: `stmf_trace.h` defines the event with the kernel's macros, and so its static key.
        unsafe { kernel::jump_label::static_branch_unlikely!($event, bindings::tracepoint, key) }
    }};
}

/// Of a task that is over: SCSI status, sense key, additional sense code and its qualifier; zeros
/// where there is no sense data.
#[derive(Clone, Copy, Default)]
pub struct Ending {
    /// The status code.
    pub status: u8,
    /// The sense key.
    pub key: u8,
    /// The additional sense code.
    pub asc: u8,
    /// Its qualifier.
    pub ascq: u8,
}

/// Of a command that was admitted.
pub struct Arrival<'a> {
    /// The number of the session.
    pub session: u64,
    /// The port's tag.
    pub tag: u64,
    /// The GUID of the logical unit; zeros when the framework answers the command.
    pub guid: [u8; 16],
    /// The command descriptor block.
    pub cdb: &'a [u8],
    /// How many bytes the initiator expects to move.
    pub expected: u32,
}

/// A command was admitted.
#[inline(always)]
pub fn task_admit<'a>(task: impl FnOnce() -> Arrival<'a>) {
    if is_on!(__tracepoint_stmf_task_admit) {
        let task = task();
        let (guid, cdb) = (task.guid.as_ptr(), task.cdb);
        let (cdb, len) = (cdb.as_ptr(), cdb.len());
        // SAFETY: Both are readable for their lengths, and are copied before this returns.
        unsafe { shims::trace_task_admit(task.session, task.tag, guid, cdb, len, task.expected) };
    }
}

/// A task goes to its logical unit; told by its session's number and its tag, as all below.
#[inline(always)]
pub fn task_execute(task: impl FnOnce() -> (u64, u64)) {
    if is_on!(__tracepoint_stmf_task_execute) {
        let (session, tag) = task();
        // SAFETY: An FFI call without requirements.
        unsafe { shims::trace_task_execute(session, tag) };
    }
}

/// A task was aborted.
#[inline(always)]
pub fn task_abort(task: impl FnOnce() -> (u64, u64)) {
    if is_on!(__tracepoint_stmf_task_abort) {
        let (session, tag) = task();
        // SAFETY: An FFI call without requirements.
        unsafe { shims::trace_task_abort(session, tag) };
    }
}

/// Nobody waits any more for an aborted task that a device has.
#[inline(always)]
pub fn task_detach(task: impl FnOnce() -> (u64, u64)) {
    if is_on!(__tracepoint_stmf_task_detach) {
        let (session, tag) = task();
        // SAFETY: An FFI call without requirements.
        unsafe { shims::trace_task_detach(session, tag) };
    }
}

/// A task's slot and memory are free again.
#[inline(always)]
pub fn task_end(task: impl FnOnce() -> (u64, u64)) {
    if is_on!(__tracepoint_stmf_task_end) {
        let (session, tag) = task();
        // SAFETY: An FFI call without requirements.
        unsafe { shims::trace_task_end(session, tag) };
    }
}

/// It is decided how a task ends.
#[inline(always)]
pub fn task_done(task: impl FnOnce() -> (u64, u64, Ending)) {
    if is_on!(__tracepoint_stmf_task_done) {
        let (session, tag, ending) = task();
        let Ending {
            status,
            key,
            asc,
            ascq,
        } = ending;
        // SAFETY: An FFI call without requirements.
        unsafe { shims::trace_task_done(session, tag, status, key, asc, ascq) };
    }
}

/// An I_T nexus has begun.
pub fn nexus_begin(session: u64, target: &CStr, initiator: &CStr) {
    // SAFETY: Both are strings that end with a zero, and are copied before this returns.
    unsafe {
        shims::trace_nexus_begin(session, target.as_char_ptr(), initiator.as_char_ptr());
    }
}

/// An I_T nexus has ended.
pub fn nexus_end(session: u64, target: &CStr, initiator: &CStr) {
    // SAFETY: As in `nexus_begin`.
    unsafe { shims::trace_nexus_end(session, target.as_char_ptr(), initiator.as_char_ptr()) };
}
