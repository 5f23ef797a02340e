// SPDX-License-Identifier: GPL-2.0

//! What REPORT TIMESTAMP returns.

use crate::sink::Sink;

/// The fields of REPORT TIMESTAMP (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportTimestamp {
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

impl ReportTimestamp {
    /// Writes the parameter data: so many milliseconds since 1970, by a clock that is not set with
    /// SET TIMESTAMP.
    pub fn write(&self, milliseconds: u64, out: &mut Sink<'_>) {
        /// TIMESTAMP ORIGIN: the clock was set by a method outside of the standard.
        const OTHER: u8 = 0x03;

        out.u16(10);
        out.u8(OTHER);
        out.u8(0);
        let [_, _, low @ ..] = milliseconds.to_be_bytes();
        out.bytes(&low);
        out.u16(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_48_bits() {
        let mut out = [0xee; 16];
        let mut sink = Sink::new(&mut out);
        ReportTimestamp { allocation: 12 }.write(0xff01_0203_0405_0607, &mut sink);
        assert_eq!(sink.as_bytes(), [0, 10, 3, 0, 2, 3, 4, 5, 6, 7, 0, 0]);
    }
}
