// SPDX-License-Identifier: GPL-2.0

//! The parameter list of EXTENDED COPY (LID1).

use super::{
    Cscd,
    Segment,
    MAX_CSCDS,
    MAX_DESCRIPTORS_LEN,
    MAX_INLINE_LEN,
    MAX_SEGMENTS, //
};
use crate::sense::{
    AdditionalSense,
    Sense, //
};

const HEADER: usize = 16;

const LENGTH_ERROR: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

/// A parameter list in which all descriptors are in order, as far as they alone can tell (SPC-4,
/// EXTENDED COPY(LID1) parameter list).
///
/// # Invariants
///
/// `cscds` and `segments` are whole descriptors, each of which [`Cscd::parse`] and [`Segment::parse`]
/// take, and no more of them than are allowed.
#[derive(Clone, Copy, Debug)]
pub struct ParameterList<'a> {
    /// LIST IDENTIFIER; none when LIST ID USAGE says that there is none.
    pub id: Option<u8>,
    cscds: &'a [u8],
    segments: &'a [u8],
    /// The inline data. No type of segment descriptor that is understood uses it.
    pub inline: &'a [u8],
}

impl<'a> ParameterList<'a> {
    /// The length of the header.
    pub const HEADER: usize = HEADER;

    /// Reads a parameter list. Bytes behind its end are ignored; STR and PRIORITY are hints.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Sense> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
            return Err(LENGTH_ERROR);
        };
        let &[id, usage, c1, c0, _, _, _, _, s3, s2, s1, s0, i3, i2, i1, i0] = header;
        let id = list_id(id, usage)?;
        let cscds = u32::from(u16::from_be_bytes([c1, c0]));
        let segments = u32::from_be_bytes([s3, s2, s1, s0]);
        let inline = u32::from_be_bytes([i3, i2, i1, i0]);
        if cscds.saturating_add(segments) > MAX_DESCRIPTORS_LEN {
            return Err(LENGTH_ERROR);
        }
        if inline > MAX_INLINE_LEN {
            let mut sense = Sense::invalid_parameter(12, None);
            sense.code = AdditionalSense::INLINE_DATA_LENGTH_EXCEEDED;
            return Err(sense);
        }
        // CAST: all lengths are bounded by now.
        let (cscds, rest) = rest.split_at_checked(cscds as usize).ok_or(LENGTH_ERROR)?;
        let (segments, rest) = rest
            .split_at_checked(segments as usize)
            .ok_or(LENGTH_ERROR)?;
        let inline = rest.get(..inline as usize).ok_or(LENGTH_ERROR)?;
        check_cscds(cscds)?;
        check_segments(segments, cscds.len())?;
        // INVARIANT: Just checked.
        Ok(Self {
            id,
            cscds,
            segments,
            inline,
        })
    }

    /// A CSCD descriptor.
    pub fn cscd(&self, index: u16) -> Option<Cscd<'a>> {
        let at = usize::from(index).checked_mul(Cscd::LEN)?;
        let bytes = self.cscds.get(at..).filter(|rest| !rest.is_empty())?;
        Cscd::parse(bytes, offset(at)).ok()
    }

    /// Where a CSCD descriptor begins in the parameter list.
    pub fn cscd_offset(index: u16) -> u16 {
        offset(usize::from(index).saturating_mul(Cscd::LEN))
    }

    /// The number of CSCD descriptors.
    pub fn cscds(&self) -> u16 {
        let count = self.cscds.len().checked_div(Cscd::LEN);
        count
            .and_then(|count| u16::try_from(count).ok())
            .unwrap_or(0)
    }

    /// The segment descriptors, in their order.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + 'a {
        let mut rest = self.segments;
        let numbers = 0..u16::MAX;
        numbers.map_while(move |number| {
            let (segment, more) = Segment::parse(rest, number, 0).ok()?;
            rest = more;
            Some(segment)
        })
    }
}

/// Where in the parameter list something is that is so far behind the header.
fn offset(at: usize) -> u16 {
    u16::try_from(at.saturating_add(ParameterList::HEADER)).unwrap_or(u16::MAX)
}

/// LIST IDENTIFIER as LIST ID USAGE has it meant. Held data may be discarded with 10b, which isn't done.
fn list_id(id: u8, flags: u8) -> Result<Option<u8>, Sense> {
    const USAGE: u8 = 0x18;
    const HOLD: u8 = 0x00;
    const DISCARD: u8 = 0x10;
    const NONE: u8 = 0x18;

    match (flags & USAGE, id) {
        (HOLD | DISCARD, id) => Ok(Some(id)),
        (NONE, 0) => Ok(None),
        (NONE, _) => Err(Sense::invalid_parameter(0, None)),
        _ => Err(Sense::invalid_parameter(1, Some(4))),
    }
}

fn check_cscds(mut rest: &[u8]) -> Result<(), Sense> {
    let mut at = 0usize;
    let mut count = 0u16;
    while !rest.is_empty() {
        count = count.saturating_add(1);
        if count > MAX_CSCDS {
            let code = AdditionalSense::TOO_MANY_TARGET_DESCRIPTORS;
            return Err(Sense::illegal(code));
        }
        Cscd::parse(rest, offset(at))?;
        rest = rest.get(Cscd::LEN..).unwrap_or_default();
        at = at.saturating_add(Cscd::LEN);
    }
    Ok(())
}

fn check_segments(mut rest: &[u8], before: usize) -> Result<(), Sense> {
    let mut number = 0u16;
    let end = before.saturating_add(rest.len());
    while !rest.is_empty() {
        if number >= MAX_SEGMENTS {
            let code = AdditionalSense::TOO_MANY_SEGMENT_DESCRIPTORS;
            return Err(Sense::illegal(code));
        }
        let at = offset(end.saturating_sub(rest.len()));
        (_, rest) = Segment::parse(rest, number, at)?;
        number = number.saturating_add(1);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn cscd(byte: u8) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[0] = 0xe4;
        bytes[4..8].copy_from_slice(&[0x01, 0x03, 0, 16]);
        bytes[8..24].fill(byte);
        bytes
    }

    fn segment() -> [u8; 28] {
        let mut bytes = [0; 28];
        bytes[0] = 0x02;
        bytes[3] = 0x18;
        bytes[7] = 1;
        bytes[11] = 8;
        bytes
    }

    fn list(usage: u8, cscds: usize, segments: usize, inline: usize) -> Vec<u8> {
        let mut bytes = std::vec![0; 16];
        bytes[0] = 5;
        bytes[1] = usage;
        bytes[2..4].copy_from_slice(&(32 * cscds as u16).to_be_bytes());
        bytes[8..12].copy_from_slice(&(28 * segments as u32).to_be_bytes());
        bytes[12..16].copy_from_slice(&(inline as u32).to_be_bytes());
        for n in 0..cscds {
            bytes.extend(cscd(n as u8));
        }
        for _ in 0..segments {
            bytes.extend(segment());
        }
        bytes.resize(bytes.len() + inline, 0xdd);
        bytes
    }

    #[test]
    fn a_list_has_targets_segments_and_inline_data() {
        let bytes = list(0, 2, 3, 10);
        let list = ParameterList::parse(&bytes).unwrap();
        assert_eq!((list.id, list.cscds()), (Some(5), 2));
        assert_eq!(list.cscd(1).unwrap().naa_16(), Some([1; 16]));
        assert!(list.cscd(2).is_none());
        let segments: Vec<_> = list.segments().collect();
        assert_eq!(segments.len(), 3);
        assert_eq!(segments[2].number, 2);
        assert_eq!((segments[0].source, segments[0].destination), (0, 1));
        assert_eq!(list.inline, [0xdd; 10]);
        assert_eq!(ParameterList::cscd_offset(1), 48);
    }

    #[test]
    fn a_list_may_be_empty() {
        let bytes = list(0, 0, 0, 0);
        let list = ParameterList::parse(&bytes).unwrap();
        assert_eq!((list.cscds(), list.segments().count()), (0, 0));
    }

    #[test]
    fn a_list_identifier_can_be_left_out() {
        let mut bytes = list(0x18, 2, 1, 0);
        let wrong = ParameterList::parse(&bytes).unwrap_err();
        assert_eq!(wrong, Sense::invalid_parameter(0, None));
        bytes[0] = 0;
        assert_eq!(ParameterList::parse(&bytes).unwrap().id, None);
        bytes[1] = 0x08;
        let wrong = ParameterList::parse(&bytes).unwrap_err();
        assert_eq!(wrong, Sense::invalid_parameter(1, Some(4)));
        bytes[1] = 0x17;
        assert_eq!(ParameterList::parse(&bytes).unwrap().id, Some(0));
    }

    #[test]
    fn a_list_that_is_cut_is_refused_wherever_that_is() {
        let bytes = list(0, 2, 2, 4);
        for len in 0..bytes.len() {
            assert_eq!(
                ParameterList::parse(&bytes[..len]).unwrap_err(),
                LENGTH_ERROR
            );
        }
        // Half a descriptor at the end of the CSCD descriptors.
        let mut bytes = list(0, 2, 1, 0);
        bytes[3] = 33;
        assert!(ParameterList::parse(&bytes).is_err());
    }

    #[test]
    fn there_are_limits() {
        let refused = |cscds, segments| {
            ParameterList::parse(&list(0, cscds, segments, 0))
                .unwrap_err()
                .code
        };
        let (most, segments) = (MAX_CSCDS as usize, MAX_SEGMENTS as usize);
        assert!(ParameterList::parse(&list(0, most, segments, 0)).is_ok());
        assert_eq!(
            refused(most + 1, 1),
            AdditionalSense::TOO_MANY_TARGET_DESCRIPTORS
        );
        assert_eq!(
            refused(1, segments + 1),
            AdditionalSense::TOO_MANY_SEGMENT_DESCRIPTORS
        );
        assert_eq!(
            refused(most + 1, segments + 1),
            AdditionalSense::PARAMETER_LIST_LENGTH_ERROR
        );
        let long = list(0, 1, 1, MAX_INLINE_LEN as usize + 1);
        let sense = ParameterList::parse(&long).unwrap_err();
        assert_eq!(sense.code, AdditionalSense::INLINE_DATA_LENGTH_EXCEEDED);
    }

    #[test]
    fn descriptors_of_other_types_are_pointed_to() {
        let mut bytes = list(0, 2, 1, 0);
        bytes[48] = 0xe0;
        let sense = ParameterList::parse(&bytes).unwrap_err();
        assert_eq!(sense.pointer.unwrap().byte, 48);
        let mut bytes = list(0, 2, 2, 0);
        bytes[16 + 64 + 28] = 0x03;
        let sense = ParameterList::parse(&bytes).unwrap_err();
        assert_eq!(
            sense.code,
            AdditionalSense::UNSUPPORTED_SEGMENT_DESCRIPTOR_TYPE_CODE
        );
        assert_eq!(sense.pointer.unwrap().byte, 16 + 64 + 28);
    }
}
