// SPDX-License-Identifier: GPL-2.0

//! Log parameters: what LOG SENSE returns, and what LOG SELECT resets or sets.
//!
//! The pages are one table that says for each which parameters it has. A page is there, in the lists
//! of pages too, when the logical unit has what it is about.

mod pages;
mod select;

pub use pages::Resettable;

use crate::{
    self_test::SelfTestLog,
    sense::{
        AdditionalSense,
        Sense, //
    },
    sink::Sink, //
};
use pages::{
    Body,
    Page,
    PAGES, //
};

/// Which values a command is about: PC (SPC-5, LOG SENSE command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogControl {
    /// 00b: the thresholds in use.
    Threshold,
    /// 01b: the values in use.
    Cumulative,
    /// 10b: the thresholds at the start.
    DefaultThreshold,
    /// 11b: the values at the start.
    DefaultCumulative,
}

/// The fields of LOG SENSE (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSense {
    /// PC.
    pub control: LogControl,
    /// PAGE CODE.
    pub page: u8,
    /// SUBPAGE CODE.
    pub subpage: u8,
    /// PARAMETER POINTER: the first parameter code that is asked for.
    pub first: u16,
    /// ALLOCATION LENGTH.
    pub allocation: u16,
}

/// The fields of LOG SELECT (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSelect {
    /// PCR: the parameters are to be reset.
    pub reset: bool,
    /// PC.
    pub control: LogControl,
    /// PAGE CODE.
    pub page: u8,
    /// SUBPAGE CODE.
    pub subpage: u8,
    /// PARAMETER LIST LENGTH.
    pub list_len: u16,
}

/// How often the medium failed, and how much of it was used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Errors {
    /// Bytes that were processed.
    pub bytes: u64,
    /// Commands that ended with an error of the medium.
    pub uncorrected: u64,
}

/// The space behind a thin provisioned logical unit, in threshold sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resources {
    /// What is left.
    pub available: u32,
    /// What is in use.
    pub used: u32,
}

/// What has been counted of a medium that can be stopped or taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cycles {
    /// ACCOUNTING DATE: year and week, four and two digits, or blanks.
    pub accounting_date: [u8; 6],
    /// How often the medium was stopped.
    pub stops: u32,
    /// How often the medium was taken out, where that is possible.
    pub unloads: Option<u32>,
}

impl Cycles {
    /// ACCOUNTING DATE as long as nobody has set one.
    pub const NO_DATE: [u8; 6] = *b"      ";
}

impl Default for Cycles {
    fn default() -> Self {
        Self {
            accounting_date: Self::NO_DATE,
            stops: 0,
            unloads: None,
        }
    }
}

/// How much was asked of a logical unit, and how long it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Performance {
    /// Commands that read.
    pub reads: u64,
    /// Commands that write.
    pub writes: u64,
    /// Blocks that were received for writes.
    pub blocks_received: u64,
    /// Blocks that were transmitted by reads.
    pub blocks_transmitted: u64,
    /// Nanoseconds that the device had reads for.
    pub read_ns: u64,
    /// Nanoseconds that the device had writes for.
    pub write_ns: u64,
    /// Nanoseconds for which it had nothing to do, at the least.
    pub idle_ns: u64,
}

/// What a logical unit has logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// Of reads.
    pub read: Errors,
    /// Of writes.
    pub write: Errors,
    /// Of verifications.
    pub verify: Errors,
    /// Commands that ended with an error that was not the medium's.
    pub non_medium: u64,
    /// The space, where it is thin provisioned and that is known.
    pub resources: Option<Resources>,
    /// How often the medium was stopped or taken out.
    pub cycles: Cycles,
    /// The last self-tests.
    pub self_tests: SelfTestLog,
    /// Whether the medium is known not to turn.
    pub is_solid_state: bool,
    /// How much was asked of it.
    pub performance: Performance,
    /// What it warns of; [`AdditionalSense::NO_ADDITIONAL_SENSE`] for nothing.
    pub exception: AdditionalSense,
}

impl Default for Logged {
    fn default() -> Self {
        Self {
            read: Errors::default(),
            write: Errors::default(),
            verify: Errors::default(),
            non_medium: 0,
            resources: None,
            cycles: Cycles::default(),
            self_tests: SelfTestLog::EMPTY,
            is_solid_state: false,
            performance: Performance::default(),
            exception: AdditionalSense::NO_ADDITIONAL_SENSE,
        }
    }
}

/// Supported Log Pages.
const SUPPORTED: u8 = 0x00;
/// SUBPAGE CODE of the lists of subpages: of all pages, or of one that has some.
const ALL_SUBPAGES: u8 = 0xff;
/// SPF: there is a subpage code in byte 1.
const SPF: u8 = 0x40;

impl LogSense {
    /// Writes the page that is asked for. What is refused is refused whatever the values are, and so
    /// is the length.
    pub fn write(&self, logged: &Logged, out: &mut Sink<'_>) -> Result<(), Sense> {
        if self.subpage == ALL_SUBPAGES || self.page == SUPPORTED {
            return self.write_list(logged, out);
        }
        let page = find(self.page, self.subpage, logged)?;
        // PC is about counters alone, and these have no thresholds (SPC-5, LOG SENSE command).
        let defaults = match self.control {
            _ if !page.counts => false,
            LogControl::Cumulative => false,
            LogControl::DefaultCumulative => true,
            LogControl::Threshold | LogControl::DefaultThreshold => {
                return Err(Sense::invalid_cdb_field(2, Some(7)));
            }
        };
        let mut last = 0;
        let subpage = (self.subpage != 0).then_some(self.subpage);
        write_page(self.page, subpage, out, |out| {
            let mut body = Body::new(out, self.first, defaults);
            (page.write)(logged, &mut body);
            last = body.last();
        });
        if self.first > last {
            return Err(Sense::invalid_cdb_field(5, None));
        }
        Ok(())
    }

    /// Which pages there are: by code, or by code and subpage, of all of them or of one that has
    /// subpages.
    fn write_list(&self, logged: &Logged, out: &mut Sink<'_>) -> Result<(), Sense> {
        let there = || PAGES.iter().filter(|page| (page.is_there)(logged));
        let has_subpages = |code| there().any(|page| page.code == code && page.subpage != 0);
        match (self.page, self.subpage) {
            (SUPPORTED, 0 | ALL_SUBPAGES) => (),
            (SUPPORTED, _) => return Err(Sense::invalid_cdb_field(3, None)),
            (code, _) if has_subpages(code) => (),
            (code, _) => return Err(unknown(code, logged)),
        }
        if self.first != 0 {
            return Err(Sense::invalid_cdb_field(5, None));
        }
        if self.subpage == 0 {
            write_page(SUPPORTED, None, out, |out| {
                out.u8(SUPPORTED);
                let pages = there().filter(|page| page.subpage == 0);
                pages.for_each(|page| out.u8(page.code));
            });
            return Ok(());
        }
        write_page(self.page, Some(self.subpage), out, |out| {
            if self.page == SUPPORTED {
                out.bytes(&[SUPPORTED, 0, SUPPORTED, ALL_SUBPAGES]);
            }
            let mut pages = there()
                .filter(|page| [SUPPORTED, page.code].contains(&self.page))
                .peekable();
            while let Some(page) = pages.next() {
                out.bytes(&[page.code, page.subpage]);
                let is_last = pages.peek().is_none_or(|next| next.code != page.code);
                if is_last && has_subpages(page.code) {
                    out.bytes(&[page.code, ALL_SUBPAGES]);
                }
            }
        });
        Ok(())
    }
}

/// A page that is there.
fn find(code: u8, subpage: u8, logged: &Logged) -> Result<&'static Page, Sense> {
    PAGES
        .iter()
        .find(|page| (page.code, page.subpage) == (code, subpage) && (page.is_there)(logged))
        .ok_or(unknown(code, logged))
}

/// Refuses a page that is not there, pointing to PAGE CODE or, if there is such a page, to SUBPAGE
/// CODE.
fn unknown(code: u8, logged: &Logged) -> Sense {
    if PAGES
        .iter()
        .any(|page| page.code == code && (page.is_there)(logged))
    {
        Sense::invalid_cdb_field(3, None)
    } else {
        Sense::invalid_cdb_field(2, Some(5))
    }
}

/// Writes a page: its head, then what `body` writes.
fn write_page(page: u8, subpage: Option<u8>, out: &mut Sink<'_>, body: impl FnOnce(&mut Sink<'_>)) {
    out.u8(page | if subpage.is_some() { SPF } else { 0 });
    out.u8(subpage.unwrap_or(0));
    out.counted_u16(body);
}

#[cfg(test)]
mod tests;
