// SPDX-License-Identifier: GPL-2.0

//! Identifying information: what initiators write on a logical unit to know it again (SPC-5,
//! REPORT IDENTIFYING INFORMATION and SET IDENTIFYING INFORMATION commands).

use crate::{
    sense::Sense,
    sink::Sink, //
};

/// INFORMATION TYPE of the information that can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum InformationType {
    /// 000 0000b: peripheral device identifying information.
    Peripheral = 0x00,
    /// 000 0010b: peripheral device text identifying information.
    Text = 0x02,
}

impl InformationType {
    /// All of them, in ascending order.
    pub const ALL: [Self; 2] = [Self::Peripheral, Self::Text];

    /// That with this number.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0x00 => Some(Self::Peripheral),
            0x02 => Some(Self::Text),
            _ => None,
        }
    }

    /// The most bytes that are kept: as many as SPC allows.
    pub const fn max_len(self) -> u16 {
        match self {
            Self::Peripheral => 512,
            Self::Text => 256,
        }
    }
}

/// The fields of REPORT IDENTIFYING INFORMATION (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportIdentifying {
    /// What to return; `None` for a list of the types there are, INFORMATION TYPE 111 1111b.
    pub kind: Option<InformationType>,
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

impl ReportIdentifying {
    /// INFORMATION TYPE of the list of types.
    pub(crate) const SUPPORTED: u8 = 0x7f;

    /// Writes the parameter data: `information`, or the list of types.
    pub fn write(&self, information: &[u8], out: &mut Sink<'_>) {
        out.u16(0);
        out.counted_u16(|out| match self.kind {
            Some(_) => out.bytes(information),
            None => {
                for kind in InformationType::ALL {
                    // CAST: the enum is `repr(u8)`.
                    out.u8((kind as u8) << 1);
                    out.u8(0);
                    out.u16(kind.max_len());
                }
            }
        });
    }
}

/// The fields of SET IDENTIFYING INFORMATION (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetIdentifying {
    /// What to set.
    pub kind: InformationType,
    /// PARAMETER LIST LENGTH, at most what is kept; zero clears the information.
    pub list_len: u16,
}

impl SetIdentifying {
    /// Checks the parameter list, which is the information. Text is UTF-8 that ends with a null and
    /// has nothing but nulls behind that (SPC-5, Null data field termination and zero padding
    /// requirements).
    pub fn check(&self, list: &[u8]) -> Result<(), Sense> {
        match wrong_byte(list) {
            Some(at) if self.kind == InformationType::Text && !list.is_empty() => Err(
                Sense::invalid_parameter(u16::try_from(at).unwrap_or(u16::MAX), None),
            ),
            _ => Ok(()),
        }
    }
}

/// The first byte that makes a list something else than text; the last one when its end is missing.
fn wrong_byte(list: &[u8]) -> Option<usize> {
    let Some(end) = list.iter().position(|byte| *byte == 0) else {
        let last = list.len().saturating_sub(1);
        return Some(invalid_utf8(list).unwrap_or(last));
    };
    let (text, padding) = list.split_at_checked(end)?;
    let behind = padding.iter().position(|byte| *byte != 0);
    invalid_utf8(text).or(behind.and_then(|at| end.checked_add(at)))
}

fn invalid_utf8(text: &[u8]) -> Option<usize> {
    let error = core::str::from_utf8(text).err()?;
    Some(error.valid_up_to())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn report(kind: Option<InformationType>, information: &[u8]) -> Vec<u8> {
        let mut out = [0xee; 600];
        let mut sink = Sink::new(&mut out);
        let allocation = 600;
        ReportIdentifying { kind, allocation }.write(information, &mut sink);
        sink.as_bytes().to_vec()
    }

    #[test]
    fn information_comes_with_its_length() {
        let kind = Some(InformationType::Text);
        assert_eq!(report(kind, b"disk\0"), b"\0\0\0\x05disk\0");
        assert_eq!(report(kind, b""), [0, 0, 0, 0]);
    }

    #[test]
    fn the_types_are_listed_with_their_limits() {
        let list = [0, 0, 0, 8, 0x00, 0, 2, 0, 0x04, 0, 1, 0];
        assert_eq!(report(None, b"whatever"), list);
    }

    #[test]
    fn text_is_utf_8_with_an_end() {
        let check = |kind, list: &[u8]| {
            let list_len = list.len() as u16;
            SetIdentifying { kind, list_len }.check(list)
        };
        let wrong = |at| Err(Sense::invalid_parameter(at, None));
        for (list, outcome) in [
            (&b""[..], Ok(())),
            (b"\0", Ok(())),
            (b"disk\0", Ok(())),
            ("Plätze\0\0\0".as_bytes(), Ok(())),
            (b"disk", wrong(3)),
            (b"disk\0x\0", wrong(5)),
            (b"di\xffk\0", wrong(2)),
            (b"d\xc3\0", wrong(1)),
            (b"d\xff", wrong(1)),
        ] {
            assert_eq!(check(InformationType::Text, list), outcome, "{list:?}");
            assert_eq!(check(InformationType::Peripheral, list), Ok(()));
        }
    }
}
