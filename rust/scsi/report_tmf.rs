// SPDX-License-Identifier: GPL-2.0

//! What REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS returns.

use crate::{
    sink::Sink,
    tmf::TaskManagement, //
};

/// The fields of REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportTaskManagement {
    /// REPD: the extended parameter data is asked for.
    pub extended: bool,
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

/// The bit of a function in the first two bytes of the parameter data. A reset of the target has
/// none: what was TRS is obsolete.
const fn bit(function: TaskManagement) -> u16 {
    match function {
        TaskManagement::AbortTask => 0x8000,
        TaskManagement::AbortTaskSet => 0x4000,
        TaskManagement::ClearAca => 0x2000,
        TaskManagement::ClearTaskSet => 0x1000,
        TaskManagement::LogicalUnitReset => 0x0800,
        TaskManagement::QueryTask => 0x0400,
        TaskManagement::QueryAsyncEvent => 0x0004,
        TaskManagement::QueryTaskSet => 0x0002,
        TaskManagement::ItNexusReset => 0x0001,
        TaskManagement::TargetWarmReset | TaskManagement::TargetColdReset => 0,
    }
}

impl ReportTaskManagement {
    /// Writes the parameter data, in which `functions` are supported. No time-outs are told: how
    /// long a function takes is up to the backing device.
    pub fn write(&self, functions: &[TaskManagement], out: &mut Sink<'_>) {
        /// The length of what follows in the extended parameter data.
        const ADDITIONAL: u8 = 12;

        let bits = functions
            .iter()
            .fold(0, |bits, function| bits | bit(*function));
        out.u16(bits);
        out.u8(0);
        if self.extended {
            out.u8(ADDITIONAL);
            out.zeros(ADDITIONAL.into());
        } else {
            out.u8(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_bits() {
        let mut out = [0xee; 16];
        let write = |extended, out: &mut [u8]| {
            let mut sink = Sink::new(out);
            let request = ReportTaskManagement {
                extended,
                allocation: 16,
            };
            request.write(
                &[TaskManagement::AbortTask, TaskManagement::ItNexusReset],
                &mut sink,
            );
            sink.len()
        };
        assert_eq!(write(false, &mut out), 4);
        assert_eq!(out[..4], [0x80, 0x01, 0, 0]);
        assert_eq!(write(true, &mut out), 16);
        assert_eq!(out[..5], [0x80, 0x01, 0, 12, 0]);
    }
}
