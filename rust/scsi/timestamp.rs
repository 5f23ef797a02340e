// SPDX-License-Identifier: GPL-2.0

//! The clock of a device (SPC-5, Device clocks): what REPORT TIMESTAMP returns and SET TIMESTAMP
//! takes.

use crate::{
    sense::{
        AdditionalSense,
        Sense, //
    },
    sink::Sink, //
};

/// The event that set a clock: TIMESTAMP ORIGIN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Origin {
    /// 010b: SET TIMESTAMP.
    SetTimestamp = 2,
    /// 011b: a method outside of the standard.
    Other = 3,
}

/// The fields of REPORT TIMESTAMP (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportTimestamp {
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

impl ReportTimestamp {
    /// Writes the parameter data: so many milliseconds since 1970, or by a clock that was set so.
    pub fn write(&self, origin: Origin, milliseconds: u64, out: &mut Sink<'_>) {
        out.u16(10);
        // CAST: the enum is `repr(u8)`.
        out.u8(origin as u8);
        out.u8(0);
        let [_, _, low @ ..] = milliseconds.to_be_bytes();
        out.bytes(&low);
        out.u16(0);
    }
}

/// The fields of SET TIMESTAMP (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetTimestamp {
    /// PARAMETER LIST LENGTH, at most [`SetTimestamp::LIST_LEN`]; zero changes nothing.
    pub list_len: u32,
}

impl SetTimestamp {
    /// The length of the parameter list.
    pub const LIST_LEN: u32 = 12;

    /// Reads the parameter list: the number of milliseconds to set the clock to.
    pub fn parse(list: &[u8]) -> Result<u64, Sense> {
        const TIMESTAMP: u16 = 4;
        /// The most significant byte must not be greater.
        const MAX: u8 = 0xf0;

        let Some(&[_, _, _, _, t5, t4, t3, t2, t1, t0, ..]) = list.first_chunk::<12>() else {
            let code = AdditionalSense::PARAMETER_LIST_LENGTH_ERROR;
            return Err(Sense::illegal(code));
        };
        if t5 > MAX {
            return Err(Sense::invalid_parameter(TIMESTAMP, None));
        }
        Ok(u64::from_be_bytes([0, 0, t5, t4, t3, t2, t1, t0]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_has_48_bits() {
        let mut out = [0xee; 16];
        let mut sink = Sink::new(&mut out);
        ReportTimestamp { allocation: 12 }.write(Origin::Other, 0xff01_0203_0405_0607, &mut sink);
        assert_eq!(sink.as_bytes(), [0, 10, 3, 0, 2, 3, 4, 5, 6, 7, 0, 0]);
        let mut sink = Sink::new(&mut out);
        ReportTimestamp { allocation: 12 }.write(Origin::SetTimestamp, 1, &mut sink);
        assert_eq!(sink.as_bytes(), [0, 10, 2, 0, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn a_timestamp_to_set_is_within_its_limit() {
        let mut list = [0xff, 0xff, 0xff, 0xff, 0xf0, 2, 3, 4, 5, 6, 0xff, 0xff];
        assert_eq!(SetTimestamp::parse(&list), Ok(0xf002_0304_0506));
        assert!(SetTimestamp::parse(&list[..11]).is_err());
        list[4] = 0xf1;
        assert_eq!(
            SetTimestamp::parse(&list),
            Err(Sense::invalid_parameter(4, None))
        );
    }
}
