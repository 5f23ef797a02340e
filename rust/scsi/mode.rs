// SPDX-License-Identifier: GPL-2.0

//! Mode parameters of a direct-access block device: what MODE SENSE returns and MODE SELECT
//! changes.
//!
//! The pages are a table that says for each field where it is; both commands go by it, and by the
//! mask of what may be changed, which is a page like the others.

mod pages;
mod select;
mod values;

pub use values::{
    Exceptions,
    ReportingMethod,
    Threshold,
    Thresholds,
    Values, //
};

use crate::{
    cdb::{
        ModeSense,
        PageControl, //
    },
    sense::{
        AdditionalSense,
        Sense, //
    },
    sink::Sink,
};
use pages::{
    flag,
    pages,
    ALL_PAGES,
    ALL_SUBPAGES, //
};

/// The mode parameters of a logical unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModeParameters {
    /// The values in use.
    pub current: Values,
    /// The values at the start.
    pub default: Values,
    /// The values that survive a power cycle; none where nothing can be saved.
    pub saved: Option<Values>,
    /// What MODE SELECT may change. The page of the thresholds is there when they are among it.
    pub changeable: Values,
    /// WP, for other reasons than SWP.
    pub write_protected: bool,
    /// DPOFUA: DPO and FUA are supported.
    pub dpofua: bool,
    /// NUMBER OF LOGICAL BLOCKS.
    pub blocks: u64,
    /// LOGICAL BLOCK LENGTH.
    pub block_length: u32,
}

impl ModeParameters {
    /// Writes the parameter data that `request` asks for (SPC-5, MODE SENSE(6) command and
    /// MODE SENSE(10) command).
    pub fn write(&self, request: &ModeSense, out: &mut Sink<'_>) -> Result<(), Sense> {
        let values = match request.control {
            PageControl::Current => &self.current,
            PageControl::Changeable => &self.changeable,
            PageControl::Default => &self.default,
            PageControl::Saved => self.saved.as_ref().ok_or(Sense::illegal(
                AdditionalSense::SAVING_PARAMETERS_NOT_SUPPORTED,
            ))?,
        };
        self.check_asked(request)?;

        let start = out.len();
        self.write_header(request, out);
        for page in pages(&self.changeable).filter(|page| page.is_asked_for(request)) {
            page.write(values, self.saved.is_some(), out);
        }
        // MODE DATA LENGTH does not count itself.
        if request.ten {
            let length = out.since(start).saturating_sub(2);
            out.patch_u16(start, u16::try_from(length).unwrap_or(u16::MAX));
        } else {
            let length = out.since(start).saturating_sub(1);
            out.patch_u8(start, u8::try_from(length).unwrap_or(u8::MAX));
        }
        Ok(())
    }

    /// Writes the mode parameter header, with MODE DATA LENGTH zero, and the block descriptor.
    fn write_header(&self, request: &ModeSense, out: &mut Sink<'_>) {
        const WP: u8 = 0x80;
        const DPOFUA: u8 = 0x10;
        const LONGLBA: u8 = 0x01;
        const SHORT_DESCRIPTOR: u8 = 8;
        const LONG_DESCRIPTOR: u8 = 16;

        let write_protected = self.write_protected || self.current.swp;
        let specific = flag(write_protected, WP) | flag(self.dpofua, DPOFUA);
        let long = request.llbaa && !request.dbd;
        let descriptor = match (request.dbd, long) {
            (true, _) => 0,
            (false, false) => SHORT_DESCRIPTOR,
            (false, true) => LONG_DESCRIPTOR,
        };
        // MODE DATA LENGTH, MEDIUM TYPE, DEVICE-SPECIFIC PARAMETER, BLOCK DESCRIPTOR LENGTH.
        if request.ten {
            out.u16(0);
            out.u8(0);
            out.u8(specific);
            out.u8(flag(long, LONGLBA));
            out.u8(0);
            out.u16(descriptor.into());
        } else {
            out.u8(0);
            out.u8(0);
            out.u8(specific);
            out.u8(descriptor);
        }
        match descriptor {
            SHORT_DESCRIPTOR => {
                out.u32(u32::try_from(self.blocks).unwrap_or(u32::MAX));
                out.u8(0);
                out.u24(self.block_length);
            }
            LONG_DESCRIPTOR => {
                out.u64(self.blocks);
                out.u32(0);
                out.u32(self.block_length);
            }
            _ => {}
        }
    }

    /// Refuses a page that there is not, pointing to PAGE CODE or, if there is such a page, to SUBPAGE
    /// CODE.
    fn check_asked(&self, request: &ModeSense) -> Result<(), Sense> {
        let mut pages = pages(&self.changeable);
        let known = match (request.page, request.subpage) {
            (ALL_PAGES, subpage) => matches!(subpage, 0 | ALL_SUBPAGES),
            _ => pages.clone().any(|page| page.is_asked_for(request)),
        };
        if known {
            return Ok(());
        }
        let page_known = request.page == ALL_PAGES || pages.any(|page| page.code == request.page);
        Err(if page_known {
            Sense::invalid_cdb_field(3, None)
        } else {
            Sense::invalid_cdb_field(2, Some(5))
        })
    }
}

#[cfg(test)]
mod tests;
