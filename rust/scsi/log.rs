// SPDX-License-Identifier: GPL-2.0

//! Log parameters: what LOG SENSE returns.

use crate::{
    sense::Sense,
    sink::Sink, //
};

/// The fields of LOG SENSE (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSense {
    /// PC is 01b: the cumulative values in use.
    pub cumulative: bool,
    /// PAGE CODE.
    pub page: u8,
    /// SUBPAGE CODE.
    pub subpage: u8,
    /// PARAMETER POINTER: the first parameter code that is asked for.
    pub first: u16,
    /// ALLOCATION LENGTH.
    pub allocation: u16,
}

/// What a device has logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Logged {
    /// Bytes that were read.
    pub read: u64,
    /// Bytes that were written.
    pub written: u64,
}

/// Supported Log Pages.
const SUPPORTED: u8 = 0x00;
/// Write Error Counters.
const WRITE_ERRORS: u8 = 0x02;
/// Read Error Counters.
const READ_ERRORS: u8 = 0x03;
/// Informational Exceptions.
const INFORMATIONAL_EXCEPTIONS: u8 = 0x2f;

/// The pages there are, in ascending order.
const PAGES: [u8; 4] = [
    SUPPORTED,
    WRITE_ERRORS,
    READ_ERRORS,
    INFORMATIONAL_EXCEPTIONS,
];

/// SUBPAGE CODE of Supported Log Pages and Subpages.
const ALL_SUBPAGES: u8 = 0xff;
/// SPF: there is a subpage code in byte 1.
const SPF: u8 = 0x40;

/// Total bytes processed, a parameter of the error counters.
const TOTAL_BYTES: u16 = 0x0005;
/// The general parameter of Informational Exceptions.
const GENERAL: u16 = 0x0000;
/// FORMAT AND LINKING 11b: a list of bytes in binary.
const BINARY_LIST: u8 = 0x03;
/// The temperature is not known.
const NO_TEMPERATURE: u8 = 0xff;

/// A log parameter: PARAMETER CODE, control byte, and value.
enum Parameter {
    /// A bounded data counter of eight bytes, which is not saved.
    Counter(u16, u64),
    /// The general informational exceptions: none, and no temperature.
    NoException,
}

impl Parameter {
    const fn code(&self) -> u16 {
        match self {
            Self::Counter(code, _) => *code,
            Self::NoException => GENERAL,
        }
    }

    fn write(&self, out: &mut Sink<'_>) {
        out.u16(self.code());
        match self {
            Self::Counter(_, value) => {
                out.u8(0);
                out.u8(8);
                out.u64(*value);
            }
            Self::NoException => {
                out.u8(BINARY_LIST);
                out.u8(4);
                // No additional sense code.
                out.u16(0);
                out.u8(NO_TEMPERATURE);
                // Vendor specific; some show it as a threshold of the temperature.
                out.u8(NO_TEMPERATURE);
            }
        }
    }
}

impl LogSense {
    /// Writes the page that is asked for.
    pub fn write(&self, logged: &Logged, out: &mut Sink<'_>) -> Result<(), Sense> {
        let parameter = match (self.page, self.subpage) {
            (SUPPORTED, 0 | ALL_SUBPAGES) => return self.write_supported(out),
            (WRITE_ERRORS, 0) => Parameter::Counter(TOTAL_BYTES, logged.written),
            (READ_ERRORS, 0) => Parameter::Counter(TOTAL_BYTES, logged.read),
            (INFORMATIONAL_EXCEPTIONS, 0) => Parameter::NoException,
            (WRITE_ERRORS | READ_ERRORS | INFORMATIONAL_EXCEPTIONS, _) => {
                return Err(Sense::invalid_cdb_field(3, None));
            }
            _ => return Err(Sense::invalid_cdb_field(2, Some(5))),
        };
        // There are no thresholds.
        if !self.cumulative {
            return Err(Sense::invalid_cdb_field(2, Some(7)));
        }
        if self.first > parameter.code() {
            return Err(Sense::invalid_cdb_field(5, None));
        }
        write_page(self.page, None, out, |out| parameter.write(out));
        Ok(())
    }

    /// Which pages there are: by code, or by code and subpage.
    fn write_supported(&self, out: &mut Sink<'_>) -> Result<(), Sense> {
        if self.first != 0 {
            return Err(Sense::invalid_cdb_field(5, None));
        }
        match self.subpage {
            0 => write_page(SUPPORTED, None, out, |out| out.bytes(&PAGES)),
            subpage => write_page(SUPPORTED, Some(subpage), out, |out| {
                out.u16(SUPPORTED.into());
                out.u16(ALL_SUBPAGES.into());
                let others = PAGES.iter().filter(|page| **page != SUPPORTED);
                others.for_each(|page| out.bytes(&[*page, 0]));
            }),
        }
        Ok(())
    }
}

/// Writes a page: its head, then what `body` writes.
fn write_page(page: u8, subpage: Option<u8>, out: &mut Sink<'_>, body: impl FnOnce(&mut Sink<'_>)) {
    out.u8(page | if subpage.is_some() { SPF } else { 0 });
    out.u8(subpage.unwrap_or(0));
    out.counted_u16(body);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const LOGGED: Logged = Logged {
        read: 0x0102_0304_0506_0708,
        written: 9,
    };

    fn page(page: u8, subpage: u8, first: u16) -> Result<Vec<u8>, Sense> {
        let mut out = [0xee; 64];
        let mut sink = Sink::new(&mut out);
        let request = LogSense {
            cumulative: true,
            page,
            subpage,
            first,
            allocation: 64,
        };
        request.write(&LOGGED, &mut sink)?;
        Ok(sink.as_bytes().to_vec())
    }

    #[test]
    fn the_pages_are_listed_with_and_without_subpages() {
        assert_eq!(page(0, 0, 0).unwrap(), [0, 0, 0, 4, 0, 2, 3, 0x2f]);
        assert_eq!(
            page(0, 0xff, 0).unwrap(),
            [0x40, 0xff, 0, 10, 0, 0, 0, 0xff, 2, 0, 3, 0, 0x2f, 0]
        );
    }

    #[test]
    fn what_is_listed_is_there() {
        for listed in page(0, 0, 0).unwrap().split_off(4) {
            let written = page(listed, 0, 0).unwrap();
            assert_eq!(written[0], listed);
            assert_eq!(usize::from(written[3]), written.len() - 4);
        }
    }

    #[test]
    fn bytes_are_counted_and_nothing_is_exceptional() {
        let head = [3, 0, 0, 12, 0, 5, 0, 8];
        assert_eq!(page(3, 0, 0).unwrap()[..8], head);
        assert_eq!(page(3, 0, 5).unwrap()[8..], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(page(2, 0, 0).unwrap()[8..], [0, 0, 0, 0, 0, 0, 0, 9]);
        assert_eq!(
            page(0x2f, 0, 0).unwrap(),
            [0x2f, 0, 0, 8, 0, 0, 3, 4, 0, 0, 0xff, 0xff]
        );
    }

    #[test]
    fn what_is_not_there_is_refused_by_its_field() {
        for (request, expected) in [
            (page(0x0d, 0, 0), Sense::invalid_cdb_field(2, Some(5))),
            (page(0, 1, 0), Sense::invalid_cdb_field(2, Some(5))),
            (page(2, 1, 0), Sense::invalid_cdb_field(3, None)),
            (page(2, 0, 6), Sense::invalid_cdb_field(5, None)),
            (page(0, 0, 1), Sense::invalid_cdb_field(5, None)),
        ] {
            assert_eq!(request, Err(expected));
        }
        let threshold = LogSense {
            cumulative: false,
            page: 2,
            subpage: 0,
            first: 0,
            allocation: 64,
        };
        let refused = threshold.write(&LOGGED, &mut Sink::new(&mut []));
        assert_eq!(refused, Err(Sense::invalid_cdb_field(2, Some(7))));
    }
}
