// SPDX-License-Identifier: GPL-2.0

//! The mode pages of a disk: where each field is.

use super::values::{
    ReportingMethod,
    Threshold,
    Values, //
};
use crate::{
    cdb::ModeSense,
    control::QueueError,
    sink::Sink, //
};

/// Reads the fields that can be changed from the part after PAGE LENGTH. What a field can't be is
/// refused with its byte, counted from the start of that part, and its highest bit.
type Read = fn(&mut Values, &[u8]) -> Result<(), (u16, u8)>;

/// A mode page.
pub(super) struct Page {
    pub(super) code: u8,
    pub(super) subpage: u8,
    /// PAGE LENGTH.
    pub(super) len: u16,
    /// Whether the page is there, by what may be changed.
    is_there: fn(&Values) -> bool,
    /// Writes the part after PAGE LENGTH, up to the last byte that is not zero.
    body: fn(&Values, &mut Sink<'_>),
    pub(super) read: Read,
}

/// PAGE CODE: all pages.
pub(super) const ALL_PAGES: u8 = 0x3f;

/// SUBPAGE CODE: all subpages.
pub(super) const ALL_SUBPAGES: u8 = 0xff;

/// SPF: the page has a subpage code.
pub(super) const SPF: u8 = 0x40;

/// PS: the page can be saved.
const PS: u8 = 0x80;

/// The longest page: its head and PAGE LENGTH bytes.
pub(super) const MAX_PAGE: usize = 64;

/// The pages in the order of page and subpage code, in which they are returned.
static PAGES: &[Page] = &[
    // Read-Write Error Recovery (SBC-4): recovery is the backing device's.
    Page {
        code: 0x01,
        subpage: 0x00,
        len: 0x0a,
        is_there: always,
        body: |values, out| {
            out.zeros(5);
            out.u8(flag(values.lbpere, 0x80));
        },
        read: |values, body| {
            values.lbpere = bit(body, 5, 0x80);
            Ok(())
        },
    },
    // Caching (SBC-4).
    Page {
        code: 0x08,
        subpage: 0x00,
        len: 0x12,
        is_there: always,
        body: |values, out| {
            out.u8(flag(values.wce, 0x04));
            out.zeros(9);
            out.u8(flag(values.dra, 0x20));
        },
        read: |values, body| {
            values.wce = bit(body, 0, 0x04);
            values.dra = bit(body, 10, 0x20);
            Ok(())
        },
    },
    // Control (SPC-5).
    Page {
        code: 0x0a,
        subpage: 0x00,
        len: 0x0a,
        is_there: always,
        body: |values, out| {
            let control = &values.control;
            out.u8(flag(control.task_set_per_nexus, 0x20)
                | flag(control.d_sense, 0x04)
                | flag(values.gltsd, 0x02));
            // CAST: the enum is `repr(u8)`.
            out.u8(flag(values.reordering, 0x10) | (control.qerr as u8) << 1);
            out.u8(flag(values.swp, 0x08));
            out.u8(flag(control.tas, 0x40));
        },
        read: |values, body| {
            let qerr = body.get(1).map_or(0, |byte| byte >> 1 & 0x03);
            values.control.task_set_per_nexus = bit(body, 0, 0x20);
            values.control.d_sense = bit(body, 0, 0x04);
            values.control.qerr = QueueError::from_field(qerr).ok_or((1, 2))?;
            values.swp = bit(body, 2, 0x08);
            values.control.tas = bit(body, 3, 0x40);
            Ok(())
        },
    },
    // Control Extension (SPC-5): TCMOS, SCSIP. The clock is the machine's until SET TIMESTAMP sets it,
    // which is what counts then.
    Page {
        code: 0x0a,
        subpage: 0x01,
        len: 0x1c,
        is_there: always,
        body: |values, out| out.u8(0x06 | flag(values.ialuae, 0x01)),
        read: |_, _| Ok(()),
    },
    // Power Condition (SPC-5): no timer is enabled.
    Page {
        code: 0x1a,
        subpage: 0x00,
        len: 0x26,
        is_there: always,
        body: |_, _| {},
        read: |_, _| Ok(()),
    },
    // Informational Exceptions Control (SPC-5): each is reported once.
    Page {
        code: 0x1c,
        subpage: 0x00,
        len: 0x0a,
        is_there: always,
        body: |values, out| {
            let exceptions = &values.exceptions;
            out.u8(flag(exceptions.warnings, 0x10)
                | flag(exceptions.disabled, 0x08)
                | flag(exceptions.test, 0x04));
            // CAST: the enum is `repr(u8)`.
            out.u8(exceptions.method as u8);
        },
        read: |values, body| {
            let exceptions = &mut values.exceptions;
            let method = body.get(1).map_or(0, |byte| byte & 0x0f);
            exceptions.warnings = bit(body, 0, 0x10);
            exceptions.disabled = bit(body, 0, 0x08);
            exceptions.test = bit(body, 0, 0x04);
            if exceptions.disabled && exceptions.test {
                return Err((0, 2));
            }
            exceptions.method = ReportingMethod::from_field(method).ok_or((1, 3))?;
            Ok(())
        },
    },
    // Logical Block Provisioning (SBC-4).
    Page {
        code: 0x1c,
        subpage: 0x02,
        len: 0x1c,
        is_there: |changeable| changeable.thresholds.available.enabled,
        body: |values, out| {
            /// THRESHOLD ARMING: for an increase; else for a decrease.
            const ARMINC: u8 = 0x01;

            out.zeros(12);
            for threshold in [values.thresholds.available, values.thresholds.used] {
                // THRESHOLD TYPE is 000b: a number of threshold sets.
                out.u8(flag(threshold.enabled, 0x80)
                    | flag(threshold.resource == Threshold::USED, ARMINC));
                out.u8(threshold.resource);
                out.u16(0);
                out.u32(threshold.count);
            }
        },
        read: |values, body| {
            let read = |threshold: &mut Threshold, at: usize| {
                threshold.enabled = bit(body, at, 0x80);
                threshold.count = u32_at(body, at.saturating_add(4));
            };
            read(&mut values.thresholds.available, 12);
            read(&mut values.thresholds.used, 20);
            Ok(())
        },
    },
];

pub(super) const fn flag(set: bool, bit: u8) -> u8 {
    if set {
        bit
    } else {
        0
    }
}

const fn always(_: &Values) -> bool {
    true
}

/// Four bytes of a page.
fn u32_at(body: &[u8], at: usize) -> u32 {
    let bytes = body.get(at..).and_then(|rest| rest.first_chunk());
    bytes.map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

/// Whether a bit is set in a byte of a page.
fn bit(body: &[u8], at: usize, mask: u8) -> bool {
    body.get(at).is_some_and(|byte| byte & mask != 0)
}

/// The pages that there are, by what may be changed.
pub(super) fn pages(changeable: &Values) -> impl Iterator<Item = &'static Page> + Clone + '_ {
    PAGES.iter().filter(|page| (page.is_there)(changeable))
}

impl Page {
    /// Whether a MODE SENSE asks for this page (SPC-5, MODE SENSE(6) command).
    pub(super) fn is_asked_for(&self, request: &ModeSense) -> bool {
        (request.page == self.code || request.page == ALL_PAGES)
            && (request.subpage == self.subpage || request.subpage == ALL_SUBPAGES)
    }

    /// The number of bytes up to and with PAGE LENGTH.
    pub(super) const fn head_len(&self) -> usize {
        if self.subpage == 0 {
            2
        } else {
            4
        }
    }

    /// Writes the page in its page_0 or its sub_page format (SPC-5, Mode page and subpage formats
    /// and page codes).
    pub(super) fn write(&self, values: &Values, saveable: bool, out: &mut Sink<'_>) {
        if self.subpage == 0 {
            out.u8(flag(saveable, PS) | self.code);
            // CAST: pages in this format are shorter than 256 bytes.
            out.u8(self.len as u8);
        } else {
            out.u8(flag(saveable, PS) | SPF | self.code);
            out.u8(self.subpage);
            out.u16(self.len);
        }
        let start = out.len();
        (self.body)(values, out);
        out.zeros(usize::from(self.len).saturating_sub(out.since(start)));
    }
}
