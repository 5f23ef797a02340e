// SPDX-License-Identifier: GPL-2.0

//! Where the host's commands go in, and where the answers come out.

use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc, //
    }, //
};
use stmf::{
    nexus::{Command, Endpoint, ManagementRequest},
    port::Completer,
    task::{Finished, Residual}, //
};
use stmf_kernel::scsi_host::{self, Request};
use stmf_scsi::{
    tmf::{TaskAttribute, TaskManagement, TmfResponse},
    SENSE_LEN, //
};

/// The way from a host to its nexus.
pub(crate) struct Door {
    pub(crate) endpoint: Arc<Endpoint>,
    closed: Atomic<bool>,
}

impl Door {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self {
            endpoint,
            closed: Atomic::new(false),
        }
    }

    /// From here on commands fail at once.
    pub(crate) fn close(&self) {
        self.closed.store(true, ordering::Release);
    }

    fn manage(&self, function: TaskManagement, lun: [u8; 8], tag: u64) -> bool {
        let response = self.endpoint.manage_now(&ManagementRequest {
            function,
            lun,
            tag,
            cookie: 0,
        });
        response == TmfResponse::Complete
    }
}

impl scsi_host::Target for Door {
    fn queue(&self, request: Request<'_>) -> Result<(), scsi_host::Command> {
        if self.closed.load(ordering::Acquire) {
            request.command.refuse();
            return Ok(());
        }
        let command = Command {
            tag: request.tag,
            lun: request.lun,
            cdb: request.cdb,
            // Linux orders its commands itself, by waiting.
            attribute: TaskAttribute::Simple,
            read: !request.write && request.len > 0,
            write: request.write,
            expected: request.len,
        };
        let endpoint = self.endpoint.as_arc_borrow();
        match endpoint.admit_local(&command, request.command) {
            Ok(incoming) => incoming.execute(),
            Err(Some(command)) => return Err(command),
            // What was begun with it was given up: it is told to be tried again.
            Err(None) => (),
        }
        Ok(())
    }

    fn abort(&self, tag: u64) {
        self.manage(TaskManagement::AbortTask, [0; 8], tag);
    }

    fn reset(&self, lun: Option<[u8; 8]>) -> bool {
        match lun {
            Some(lun) => self.manage(TaskManagement::LogicalUnitReset, lun, 0),
            None => self.manage(TaskManagement::TargetWarmReset, [0; 8], 0),
        }
    }
}

/// The way back.
pub(crate) struct Answers;

impl Completer for Answers {
    fn finished(&self, task: Finished) {
        let status = task.status();
        let mut sense = [0; SENSE_LEN];
        let sense_len = task.sense(&mut sense);
        let residual = match task.residual() {
            Residual::Underflow(bytes) => bytes,
            // Linux has no place for it, and sends no CDB that would cause it.
            Residual::None | Residual::Overflow(_) => 0,
        };
        let len = usize::try_from(task.data_len()).unwrap_or(usize::MAX);
        // Nothing comes back of a command that error handling has taken away.
        if let Some(command) = task.release().give_back(len) {
            let sense = sense.get(..sense_len).unwrap_or(&[]);
            command.answer(status as u8, sense, residual);
        }
    }

    fn managed(&self, _cookie: u64, _response: TmfResponse) {
        // Functions are carried out in the time of the caller, who gets the answer there.
    }
}
