// SPDX-License-Identifier: GPL-2.0

//! The log pages of a disk, and their parameters.

use super::{
    Errors,
    Logged, //
};
use crate::{
    self_test::{
        SelfTest,
        SelfTestState, //
    },
    sense::{
        AdditionalSense,
        SenseKey, //
    },
    sink::Sink, //
};

/// A log page.
pub(super) struct Page {
    pub(super) code: u8,
    pub(super) subpage: u8,
    /// Whether its parameters are data counters.
    pub(super) counts: bool,
    /// Whether a logical unit that has logged this has the page.
    pub(super) is_there: fn(&Logged) -> bool,
    /// Writes the parameters, in ascending order of their codes; at least one.
    pub(super) write: fn(&Logged, &mut Body<'_, '_>),
    /// What LOG SELECT resets of it.
    pub(super) resets: Option<Resettable>,
}

/// What LOG SELECT resets together: a page (SPC-5, the RESETTABLE OR CHANGEABLE column of each).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resettable {
    /// Write Error Counters.
    Write,
    /// Read Error Counters.
    Read,
    /// Verify Error Counters.
    Verify,
    /// Non-Medium Error.
    NonMedium,
    /// Start-Stop Cycle Counter: of it the accounting date alone, the rest is kept for good.
    AccountingDate,
    /// Self-Test Results.
    SelfTests,
    /// General Statistics and Performance.
    Performance,
}

impl Resettable {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Write,
        Self::Read,
        Self::Verify,
        Self::NonMedium,
        Self::AccountingDate,
        Self::SelfTests,
        Self::Performance,
    ];
}

/// PAGE CODE of Start-Stop Cycle Counter.
pub(super) const START_STOP: u8 = 0x0e;

/// PARAMETER CODE of the accounting date.
pub(super) const ACCOUNTING_DATE: u16 = 0x0002;

/// FORMAT AND LINKING 00b: a data counter, which stops at its maximum.
const COUNTER: u8 = 0x00;
/// FORMAT AND LINKING 01b: a list of ASCII characters.
pub(super) const ASCII_LIST: u8 = 0x01;
/// FORMAT AND LINKING 11b: a list of bytes in binary.
const BINARY_LIST: u8 = 0x03;

/// The pages but those that list pages, in ascending order.
pub(super) static PAGES: &[Page] = &[
    // Write Error Counters (SPC-5).
    Page {
        resets: Some(Resettable::Write),
        ..counters(0x02, |logged, body| body.errors(&logged.write))
    },
    // Read Error Counters (SPC-5).
    Page {
        resets: Some(Resettable::Read),
        ..counters(0x03, |logged, body| body.errors(&logged.read))
    },
    // Verify Error Counters (SPC-5).
    Page {
        resets: Some(Resettable::Verify),
        ..counters(0x05, |logged, body| body.errors(&logged.verify))
    },
    // Non-Medium Error (SPC-5).
    Page {
        resets: Some(Resettable::NonMedium),
        ..counters(0x06, |logged, body| body.counter(0x0000, logged.non_medium))
    },
    // Logical Block Provisioning (SBC-4).
    Page {
        is_there: |logged| logged.resources.is_some(),
        ..lists(0x0c, 0, |logged, body| {
            let resources = logged.resources.unwrap_or_default();
            body.resource(0x0001, resources.available);
            body.resource(0x0002, resources.used);
        })
    },
    // Temperature (SPC-5): what is behind the disk doesn't tell its own.
    lists(0x0d, 0, |_, body| {
        const UNKNOWN: u8 = 0xff;

        body.list(0x0000, |out| out.bytes(&[0, UNKNOWN]));
    }),
    // Environmental Reporting (SPC-5): as above.
    lists(0x0d, 1, |_, body| {
        /// A temperature, -128 degrees Celsius.
        const NOT_VALID: u8 = 0x80;
        /// A relative humidity.
        const UNKNOWN: u8 = 0xff;

        body.list(0x0000, |out| {
            out.u8(0);
            out.bytes(&[NOT_VALID; 5]);
            out.u16(0);
        });
        body.list(0x0100, |out| {
            out.u8(0);
            out.bytes(&[UNKNOWN; 5]);
            out.u16(0);
        });
    }),
    // Start-Stop Cycle Counter (SPC-5). How many cycles the device is made for is not known.
    Page {
        resets: Some(Resettable::AccountingDate),
        ..lists(START_STOP, 0, |logged, body| {
            let cycles = &logged.cycles;
            body.parameter(ACCOUNTING_DATE, ASCII_LIST, |out| {
                out.bytes(&cycles.accounting_date);
            });
            body.list(0x0004, |out| out.u32(cycles.stops));
            if let Some(unloads) = cycles.unloads {
                body.list(0x0006, |out| out.u32(unloads));
            }
        })
    },
    // Self-Test Results (SPC-5).
    Page {
        resets: Some(Resettable::SelfTests),
        ..lists(0x10, 0, |logged, body| {
            for (code, test) in (1..).zip(logged.self_tests.iter()) {
                body.list(code, |out| self_test(test.as_ref(), out));
            }
        })
    },
    // Solid State Media (SBC-4): a logical unit doesn't wear out; what is behind it may, but doesn't
    // tell.
    Page {
        is_there: |logged| logged.is_solid_state,
        ..lists(0x11, 0, |_, body| {
            /// PERCENTAGE USED ENDURANCE INDICATOR.
            const NONE: u8 = 0;

            body.list(0x0001, |out| out.bytes(&[0, 0, 0, NONE]));
        })
    },
    // General Statistics and Performance (SPC-5).
    Page {
        resets: Some(Resettable::Performance),
        ..lists(0x19, 0, |logged, body| {
            let performance = &logged.performance;
            body.list(0x0001, |out| {
                out.u64(performance.reads);
                out.u64(performance.writes);
                out.u64(performance.blocks_received);
                out.u64(performance.blocks_transmitted);
                out.u64(performance.read_ns);
                out.u64(performance.write_ns);
                // Commands weighted by how many there were at a time: not counted.
                out.u64(0);
                // The same in time is the sum over the commands.
                out.u64(performance.read_ns.wrapping_add(performance.write_ns));
            });
            body.list(0x0002, |out| out.u64(performance.idle_ns));
            body.list(0x0003, |out| {
                // The time interval is a nanosecond: 1 times 10 to the power of -9.
                out.u32(9);
                out.u32(1);
            });
        })
    },
    // Informational Exceptions (SPC-5).
    lists(0x2f, 0, |logged, body| {
        const NO_TEMPERATURE: u8 = 0xff;

        body.list(0x0000, |out| {
            out.u8(logged.exception.asc());
            out.u8(logged.exception.ascq());
            out.u8(NO_TEMPERATURE);
            // Vendor specific; some show it as a threshold of the temperature.
            out.u8(NO_TEMPERATURE);
        });
    }),
];

/// A page of data counters.
const fn counters(code: u8, write: fn(&Logged, &mut Body<'_, '_>)) -> Page {
    Page {
        counts: true,
        ..lists(code, 0, write)
    }
}

/// A page of lists.
const fn lists(code: u8, subpage: u8, write: fn(&Logged, &mut Body<'_, '_>)) -> Page {
    Page {
        code,
        subpage,
        counts: false,
        is_there: |_| true,
        write,
        resets: None,
    }
}

/// Where the parameters of a page are written: those that are asked for.
pub(super) struct Body<'a, 'b> {
    out: &'a mut Sink<'b>,
    first: u16,
    defaults: bool,
    last: u16,
}

impl<'a, 'b> Body<'a, 'b> {
    /// Begins a page of which the parameters from `first` on are asked for, of counters the values at
    /// the start with `defaults`.
    pub(super) fn new(out: &'a mut Sink<'b>, first: u16, defaults: bool) -> Self {
        Self {
            out,
            first,
            defaults,
            last: 0,
        }
    }

    /// The code of the last parameter that there is.
    pub(super) fn last(&self) -> u16 {
        self.last
    }

    fn parameter(&mut self, code: u16, control: u8, value: impl FnOnce(&mut Sink<'_>)) {
        self.last = code;
        if code < self.first {
            return;
        }
        self.out.u16(code);
        self.out.u8(control);
        let length = self.out.len();
        self.out.u8(0);
        let start = self.out.len();
        value(self.out);
        let written = u8::try_from(self.out.since(start)).unwrap_or(u8::MAX);
        self.out.patch_u8(length, written);
    }

    fn list(&mut self, code: u16, value: impl FnOnce(&mut Sink<'_>)) {
        self.parameter(code, BINARY_LIST, value);
    }

    fn counter(&mut self, code: u16, value: u64) {
        let value = if self.defaults { 0 } else { value };
        self.parameter(code, COUNTER, |out| out.u64(value));
    }

    /// What is counted of errors. Those that were corrected were corrected by what is behind the disk,
    /// which doesn't tell.
    fn errors(&mut self, errors: &Errors) {
        const TOTAL_BYTES: u16 = 0x0005;
        const TOTAL_UNCORRECTED: u16 = 0x0006;

        self.counter(TOTAL_BYTES, errors.bytes);
        self.counter(TOTAL_UNCORRECTED, errors.uncorrected);
    }

    /// A resource of provisioning. Whether it is the logical unit's own is not told.
    fn resource(&mut self, code: u16, count: u32) {
        self.list(code, |out| {
            out.u32(count);
            out.zeros(4);
        });
    }
}

/// A self-test results log parameter; all zeros where there was none.
fn self_test(test: Option<&SelfTest>, out: &mut Sink<'_>) {
    const LEN: usize = 16;

    let Some(test) = test else {
        return out.zeros(LEN);
    };
    let (segment, lba, key, code) = match test.state {
        SelfTestState::Failed {
            segment,
            lba,
            key,
            code,
        } => (segment, lba, key, code),
        _ => {
            let code = AdditionalSense::NO_ADDITIONAL_SENSE;
            (0, None, SenseKey::NoSense, code)
        }
    };
    // CAST: the enum is `repr(u8)`.
    out.u8((test.kind as u8) << 5 | test.state.code());
    out.u8(segment);
    out.u16(test.hours);
    out.u64(lba.unwrap_or(u64::MAX));
    out.bytes(&[key.code(), code.asc(), code.ascq()]);
    // Vendor specific.
    out.u8(0);
}
