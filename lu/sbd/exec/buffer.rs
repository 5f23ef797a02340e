// SPDX-License-Identifier: GPL-2.0

//! READ BUFFER and WRITE BUFFER.

use super::identity::{end, plan_list};
use crate::disk::Disk;
use kernel::prelude::*;
use stmf::{
    nexus::ItNexus,
    plan::DataPhase,
    task::Task, //
};
use stmf_scsi::{
    buffer::{DataBuffer, ReadBuffer, ReadMode, WriteBuffer, WriteMode, HEADER},
    AdditionalSense,
    Sense,
    Sink,
    Status, //
};

pub(super) fn plan_read(
    disk: &Disk,
    nexus: &ItNexus,
    request: &ReadBuffer,
) -> Result<DataPhase, Sense> {
    let len = match request.mode {
        ReadMode::Data(buffer) => buffer.len(),
        ReadMode::Descriptor { .. } | ReadMode::EchoDescriptor => {
            let mut measure = Sink::new(&mut []);
            request.write_descriptor(&mut measure);
            u32::try_from(measure.len()).unwrap_or(u32::MAX)
        }
        ReadMode::Echo => {
            let len = disk.private.look(nexus, |owner| {
                let echo = owner?.echo.as_ref()?;
                u32::try_from(echo.len()).ok()
            });
            // Nothing was written by this nexus (SPC-5, Echo buffer mode).
            let code = AdditionalSense::COMMAND_SEQUENCE_ERROR;
            len.ok_or(Sense::illegal(code))?
        }
    };
    Ok(DataPhase::Answer(len.min(request.allocation)))
}

pub(super) fn read(disk: &Disk, request: &ReadBuffer, mut task: Task) {
    match request.mode {
        // Its pages are zeros, as what was never written is.
        ReadMode::Data(DataBuffer { header, offset }) => {
            let data = task.data_mut();
            let start = match header {
                true => data.write_at(0, &HEADER),
                false => 0,
            };
            disk.buffer
                .look(offset, |bytes| data.write_at(start, bytes));
            task.good();
        }
        ReadMode::Descriptor { .. } | ReadMode::EchoDescriptor => {
            task.answer(|sink| request.write_descriptor(sink));
        }
        ReadMode::Echo => {
            let copy = disk.private.copy(task.nexus(), |owner| {
                owner.echo.as_deref().unwrap_or_default()
            });
            match copy {
                Ok(echo) => task.answer(|sink| sink.bytes(&echo)),
                Err(_) => task.end_with(Status::Busy),
            }
        }
    }
}

pub(super) fn plan_write(request: &WriteBuffer) -> DataPhase {
    plan_list(request.list_len)
}

pub(super) fn write(disk: &Disk, request: &WriteBuffer, task: Task) {
    let outcome = task.parameter_list().map_err(Into::into).and_then(|list| {
        match request.mode {
            // Without a list nothing is transferred, and nothing changes.
            WriteMode::Data(_) if list.is_empty() => Ok(()),
            WriteMode::Data(DataBuffer { header, offset }) => {
                let skip = if header { HEADER.len() } else { 0 };
                let code = AdditionalSense::PARAMETER_LIST_LENGTH_ERROR;
                let bytes = list.get(skip..).ok_or(Sense::illegal(code))?;
                Ok(disk.buffer.write(offset, bytes)?)
            }
            WriteMode::Echo => disk.private.change(&task, |owner| {
                owner.echo = Some(list);
                Ok(())
            }),
        }
    });
    end(task, outcome);
}
