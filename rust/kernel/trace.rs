// SPDX-License-Identifier: GPL-2.0

//! Trace events (`rust/include/stmf_trace.h`), for perf, bpftrace and tracefs.
//!
//! Callable in any context. One that nobody looks at costs a call and a jump that is not taken.

use crate::shims;
use kernel::prelude::*;

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

/// A command was admitted, for the logical unit of that GUID; zeros when the framework answers it.
pub fn task_admit(session: u64, tag: u64, guid: &[u8; 16], cdb: &[u8], expected: u32) {
    let (guid, len, cdb) = (guid.as_ptr(), cdb.len(), cdb.as_ptr());
    // SAFETY: Both are readable for their lengths, and are copied before this returns.
    unsafe { shims::trace_task_admit(session, tag, guid, cdb, len, expected) };
}

/// A task goes to its logical unit.
pub fn task_execute(session: u64, tag: u64) {
    // SAFETY: An FFI call without requirements.
    unsafe { shims::trace_task_execute(session, tag) };
}

/// A task was aborted.
pub fn task_abort(session: u64, tag: u64) {
    // SAFETY: An FFI call without requirements.
    unsafe { shims::trace_task_abort(session, tag) };
}

/// Nobody waits any more for an aborted task that a device has.
pub fn task_detach(session: u64, tag: u64) {
    // SAFETY: An FFI call without requirements.
    unsafe { shims::trace_task_detach(session, tag) };
}

/// A task's slot and memory are free again.
pub fn task_end(session: u64, tag: u64) {
    // SAFETY: An FFI call without requirements.
    unsafe { shims::trace_task_end(session, tag) };
}

/// It is decided how a task ends.
pub fn task_done(session: u64, tag: u64, ending: Ending) {
    let Ending {
        status,
        key,
        asc,
        ascq,
    } = ending;
    // SAFETY: An FFI call without requirements.
    unsafe { shims::trace_task_done(session, tag, status, key, asc, ascq) };
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
