// SPDX-License-Identifier: GPL-2.0

//! What LOG SELECT changes.
//!
//! Counters and results can be reset, but not set to what an initiator wants; the accounting date is
//! the only parameter that it sets.

use super::{
    pages::{
        Page,
        ACCOUNTING_DATE,
        ASCII_LIST,
        PAGES,
        START_STOP, //
    },
    unknown,
    Cycles,
    LogControl,
    LogSelect,
    Logged,
    Resettable,
    ALL_SUBPAGES,
    SPF, //
};
use crate::sense::{
    AdditionalSense,
    Sense, //
};

/// A list that ends within a page or a parameter.
const LENGTH_ERROR: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

/// INVALID FIELD IN PARAMETER LIST at a byte of the list.
fn invalid(at: usize, bit: Option<u8>) -> Sense {
    Sense::invalid_parameter(u16::try_from(at).unwrap_or(u16::MAX), bit)
}

impl LogSelect {
    /// Checks what the CDB alone tells.
    pub fn check(&self, logged: &Logged) -> Result<(), Sense> {
        if self.list_len == 0 {
            return self.check_pages(logged);
        }
        if self.reset {
            return Err(Sense::invalid_cdb_field(1, Some(1)));
        }
        // There are no thresholds, and defaults are not for the initiator to set.
        if self.control != LogControl::Cumulative {
            return Err(Sense::invalid_cdb_field(2, Some(7)));
        }
        // With a list, which pages are meant is in the list.
        match (self.page, self.subpage) {
            (0, 0) => Ok(()),
            (0, _) => Err(Sense::invalid_cdb_field(3, None)),
            _ => Err(Sense::invalid_cdb_field(2, Some(5))),
        }
    }

    fn check_pages(&self, logged: &Logged) -> Result<(), Sense> {
        let is_there = |page: &&Page| self.covers(page) && (page.is_there)(logged);
        if PAGES.iter().any(|page| is_there(&page)) {
            return Ok(());
        }
        Err(match self.page {
            0 => Sense::invalid_cdb_field(3, None),
            code => unknown(code, logged),
        })
    }

    /// Whether a page is among those that the CDB names.
    fn covers(&self, page: &Page) -> bool {
        let subpage = || self.subpage == page.subpage || self.subpage == ALL_SUBPAGES;
        match self.page {
            0 => matches!(self.subpage, 0 | ALL_SUBPAGES),
            code => code == page.code && subpage(),
        }
    }

    /// Whether the command, which has no list, resets something: with PCR, or by asking for the values
    /// at the start.
    pub fn resets(&self, what: Resettable) -> bool {
        (self.reset || self.control == LogControl::DefaultCumulative)
            && self.list_len == 0
            && PAGES
                .iter()
                .any(|page| page.resets == Some(what) && self.covers(page))
    }

    /// Reads the parameter list and returns the accounting date that it sets, if it does. A list with a
    /// field that is refused does nothing (SPC-5, LOG SELECT command).
    pub fn select(logged: &Logged, list: &[u8]) -> Result<Option<[u8; 6]>, Sense> {
        let mut reader = Reader {
            list,
            at: 0,
            logged,
            previous: None,
            date: None,
        };
        while reader.at < list.len() {
            reader.page()?;
        }
        Ok(reader.date)
    }
}

/// A parameter list being read.
struct Reader<'a> {
    list: &'a [u8],
    /// Where the next page or parameter begins.
    at: usize,
    logged: &'a Logged,
    /// The page before: they come in ascending order.
    previous: Option<(u8, u8)>,
    date: Option<[u8; 6]>,
}

impl Reader<'_> {
    fn head(&self) -> Result<[u8; 4], Sense> {
        let rest = self.list.get(self.at..).unwrap_or_default();
        rest.first_chunk().copied().ok_or(LENGTH_ERROR)
    }

    /// Byte `offset` of the page or parameter at hand.
    fn field(&self, offset: usize, bit: Option<u8>) -> Sense {
        invalid(self.at.saturating_add(offset), bit)
    }

    fn page(&mut self) -> Result<(), Sense> {
        const CODE: u8 = 0x3f;

        let [first, subpage, l1, l0] = self.head()?;
        let code = first & CODE;
        let same_code = || {
            let there = PAGES.iter().filter(|page| (page.is_there)(self.logged));
            there.filter(|page| page.code == code)
        };
        if same_code().next().is_none() {
            return Err(self.field(0, Some(5)));
        }
        // DS is reserved here.
        let page = same_code()
            .find(|page| page.subpage == subpage && (first & SPF != 0) == (subpage != 0))
            .ok_or(self.field(1, None))?;
        if self.previous >= Some((code, subpage)) {
            return Err(self.field(0, Some(5)));
        }
        self.previous = Some((code, subpage));
        let start = self.at.saturating_add(4);
        let end = start.saturating_add(usize::from(u16::from_be_bytes([l1, l0])));
        if end > self.list.len() {
            return Err(LENGTH_ERROR);
        }
        self.at = start;
        let mut before = None;
        while self.at < end {
            self.parameter(page, end, &mut before)?;
        }
        Ok(())
    }

    /// Reads a parameter of a page that ends at `end`; `before` is the code of the one before it.
    fn parameter(
        &mut self,
        page: &Page,
        end: usize,
        before: &mut Option<u16>,
    ) -> Result<(), Sense> {
        const FORMAT_AND_LINKING: u8 = 0x03;

        if end.saturating_sub(self.at) < 4 {
            return Err(LENGTH_ERROR);
        }
        let [c1, c0, control, len] = self.head()?;
        let code = u16::from_be_bytes([c1, c0]);
        let is_date = page.code == START_STOP && code == ACCOUNTING_DATE;
        if !is_date || *before >= Some(code) {
            return Err(self.field(0, None));
        }
        *before = Some(code);
        if let Some(bit) = (control ^ ASCII_LIST).checked_ilog2() {
            // FORMAT AND LINKING is one field; the bits above it allow what isn't done. CAST: the
            // logarithm of a byte is at most 7.
            return Err(self.field(2, Some((bit as u8).max(FORMAT_AND_LINKING.ilog2() as u8))));
        }
        if usize::from(len) != Cycles::NO_DATE.len() {
            return Err(self.field(3, None));
        }
        let value = self.at.saturating_add(4);
        let date = self
            .list
            .get(value..end)
            .and_then(|rest| rest.first_chunk());
        let date = *date.ok_or(LENGTH_ERROR)?;
        if let Some(wrong) = wrong_digit(&date) {
            return Err(self.field(wrong.saturating_add(4), None));
        }
        self.date = Some(date);
        self.at = value.saturating_add(date.len());
        Ok(())
    }
}

/// Where an accounting date that is neither digits nor blanks is wrong.
fn wrong_digit(date: &[u8; 6]) -> Option<usize> {
    if *date == Cycles::NO_DATE {
        return None;
    }
    date.iter().position(|byte| !byte.is_ascii_digit())
}
