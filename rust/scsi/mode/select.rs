// SPDX-License-Identifier: GPL-2.0

//! What MODE SELECT changes.

use super::{
    pages::{
        pages,
        Page,
        MAX_PAGE,
        SPF, //
    },
    values::Values,
    ModeParameters, //
};
use crate::{
    cdb::ModeSelect,
    sense::{
        AdditionalSense,
        Sense, //
    },
    sink::Sink, //
};

/// A list that ends within a header, a block descriptor or a page.
const LENGTH_ERROR: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

/// INVALID FIELD IN PARAMETER LIST at a byte of the list.
fn invalid(at: usize, bit: Option<u8>) -> Sense {
    Sense::invalid_parameter(u16::try_from(at).unwrap_or(u16::MAX), bit)
}

impl ModeSelect {
    /// Checks what the CDB alone tells. PF zero stands for a vendor specific format, of which there
    /// is none.
    pub const fn check(&self, saveable: bool) -> Result<(), Sense> {
        if self.save && !saveable {
            return Err(Sense::invalid_cdb_field(1, Some(0)));
        }
        if !self.page_format && self.list_len != 0 {
            return Err(Sense::invalid_cdb_field(1, Some(4)));
        }
        Ok(())
    }
}

impl ModeParameters {
    /// Reads the parameter list of MODE SELECT and returns the values that it asks for: all of what
    /// it changes, or nothing if one of its fields is refused (SPC-5, MODE SELECT(6) command, and
    /// Mode parameter list format).
    pub fn select(&self, request: &ModeSelect, list: &[u8]) -> Result<Values, Sense> {
        let mut values = self.current;
        if list.is_empty() {
            return Ok(values);
        }
        let mut at = self.check_header(request.ten, list)?;
        while at < list.len() {
            at = self.select_page(&mut values, list, at)?;
        }
        Ok(values)
    }

    /// Checks header and block descriptor; returns where the first page is.
    fn check_header(&self, ten: bool, list: &[u8]) -> Result<usize, Sense> {
        const LONGLBA: u8 = 0x01;

        // MODE DATA LENGTH and the device-specific parameter are reserved here.
        let (long, descriptor, start) = match (ten, list) {
            (false, &[_, 0, _, len, ..]) => (false, u16::from(len), 4),
            (false, [_, _, _, _, ..]) => return Err(invalid(1, None)),
            (true, &[_, _, 0, _, flags, _, l1, l0, ..]) => {
                (flags & LONGLBA != 0, u16::from_be_bytes([l1, l0]), 8)
            }
            (true, [_, _, _, _, _, _, _, _, ..]) => return Err(invalid(2, None)),
            _ => return Err(LENGTH_ERROR),
        };
        let len_field = if ten { 6 } else { 3 };
        match (descriptor, long) {
            (0, _) => Ok(start),
            (8, false) => self.check_short(list, start),
            (16, true) => self.check_long(list, start),
            _ => Err(invalid(len_field, None)),
        }
    }

    /// A short LBA mode parameter block descriptor has to say what there is: the capacity is not
    /// changed by initiators (SBC-4, Mode parameter block descriptors).
    fn check_short(&self, list: &[u8], at: usize) -> Result<usize, Sense> {
        let descriptor = list.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let [n3, n2, n1, n0, _, l2, l1, l0] = *descriptor.ok_or(LENGTH_ERROR)?;
        let blocks = u32::from_be_bytes([n3, n2, n1, n0]);
        let there = u32::try_from(self.blocks).unwrap_or(u32::MAX);
        if blocks != 0 && blocks != u32::MAX && blocks != there {
            return Err(invalid(at, None));
        }
        if u32::from_be_bytes([0, l2, l1, l0]) != self.block_length {
            return Err(invalid(at.saturating_add(5), None));
        }
        Ok(at.saturating_add(8))
    }

    /// The same with a long one.
    fn check_long(&self, list: &[u8], at: usize) -> Result<usize, Sense> {
        let descriptor = list.get(at..).and_then(|rest| rest.first_chunk::<16>());
        let [n7, n6, n5, n4, n3, n2, n1, n0, _, _, _, _, l3, l2, l1, l0] =
            *descriptor.ok_or(LENGTH_ERROR)?;
        let blocks = u64::from_be_bytes([n7, n6, n5, n4, n3, n2, n1, n0]);
        if blocks != 0 && blocks != u64::MAX && blocks != self.blocks {
            return Err(invalid(at, None));
        }
        if u32::from_be_bytes([l3, l2, l1, l0]) != self.block_length {
            return Err(invalid(at.saturating_add(12), None));
        }
        Ok(at.saturating_add(16))
    }

    /// Reads the page that begins at `at`; returns where it ends. PS is reserved here.
    fn select_page(&self, values: &mut Values, list: &[u8], at: usize) -> Result<usize, Sense> {
        const CODE: u8 = 0x3f;

        let rest = list.get(at..).unwrap_or_default();
        let (code, subpage) = match *rest {
            [first, subpage, ..] if first & SPF != 0 => (first & CODE, subpage),
            [first, _, ..] => (first & CODE, 0),
            _ => return Err(LENGTH_ERROR),
        };
        let same_code = || pages(&self.changeable).filter(|page| page.code == code);
        if same_code().next().is_none() {
            return Err(invalid(at, Some(5)));
        }
        let page = same_code()
            .find(|page| page.subpage == subpage)
            .ok_or(invalid(at.saturating_add(1), None))?;
        let end = usize::from(page.len).saturating_add(page.head_len());
        let bytes = self.check_page(page, rest, at)?;
        (page.read)(values, bytes).map_err(|(byte, bit)| {
            let field = at.saturating_add(page.head_len());
            invalid(field.saturating_add(usize::from(byte)), Some(bit))
        })?;
        Ok(at.saturating_add(end))
    }

    /// Checks PAGE LENGTH, and that nothing differs from the current page but what may be changed.
    /// Returns the part after PAGE LENGTH.
    fn check_page<'a>(&self, page: &Page, bytes: &'a [u8], at: usize) -> Result<&'a [u8], Sense> {
        let (mut now, mut mask) = ([0; MAX_PAGE], [0; MAX_PAGE]);
        page.write(&self.current, false, &mut Sink::new(&mut now));
        page.write(&self.changeable, false, &mut Sink::new(&mut mask));
        let head = page.head_len();
        // Before anything else: if the length is another one, the rest is not what it seems.
        let length = head.saturating_sub(if page.subpage == 0 { 1 } else { 2 });
        if bytes.get(length..head) != now.get(length..head) {
            return Err(if bytes.len() < head {
                LENGTH_ERROR
            } else {
                invalid(at.saturating_add(length), None)
            });
        }
        let body = bytes
            .get(head..)
            .and_then(|body| body.get(..usize::from(page.len)))
            .ok_or(LENGTH_ERROR)?;
        let expected = now.iter().zip(&mask).skip(head);
        for (offset, (byte, (now, mask))) in body.iter().zip(expected).enumerate() {
            if let Some(bit) = ((byte ^ now) & !mask).checked_ilog2() {
                let field = at.saturating_add(head).saturating_add(offset);
                // CAST: the logarithm of a byte is at most 7.
                return Err(invalid(field, Some(bit as u8)));
            }
        }
        Ok(body)
    }
}
