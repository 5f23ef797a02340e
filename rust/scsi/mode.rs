// SPDX-License-Identifier: GPL-2.0

//! Mode parameters of a direct-access block device: what MODE SENSE returns.

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

/// The fields of the mode pages that are ever anything but zero.
///
/// There is one set of them for each page control: the current values, the default values, and the
/// mask of what MODE SELECT may change, in which a bool means that it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// WCE: writes end when they are in the volatile cache (SBC-4, Caching mode page).
    pub wce: bool,
    /// DRA: read-ahead is disabled (SBC-4, Caching mode page).
    pub dra: bool,
    /// D_SENSE: sense data is in descriptor format (SPC-5, Control mode page).
    pub d_sense: bool,
    /// GLTSD: log parameters are not saved (SPC-5, Control mode page).
    pub gltsd: bool,
    /// QUEUE ALGORITHM MODIFIER: 1 for unrestricted reordering; 0 to 15 (SPC-5, Control mode page).
    pub queue_algorithm: u8,
    /// SWP: the logical unit is write protected by software (SPC-5, Control mode page).
    pub swp: bool,
    /// TAS: a command that another I_T nexus aborts ends with TASK ABORTED status (SPC-5, Control
    /// mode page).
    pub tas: bool,
    /// IALUAE: implicit changes of the asymmetric access states happen (SPC-5, Control Extension
    /// mode page).
    pub ialuae: bool,
    /// DEXCPT: informational exceptions are not reported (SPC-5, Informational Exceptions Control
    /// mode page).
    pub dexcpt: bool,
}

impl Values {
    /// What a disk begins with.
    pub const DISK: Values = Values {
        wce: true,
        dra: false,
        d_sense: false,
        gltsd: true,
        queue_algorithm: 1,
        swp: false,
        tas: true,
        ialuae: false,
        dexcpt: true,
    };
}

/// The mode parameters of a logical unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ModeParameters {
    /// The values in use.
    pub current: Values,
    /// The values at the start.
    pub default: Values,
    /// What MODE SELECT may change.
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

/// A mode page.
struct Page {
    code: u8,
    subpage: u8,
    /// PAGE LENGTH.
    len: u16,
    /// Writes the part after PAGE LENGTH, up to the last byte that is not zero.
    body: fn(&Values, &mut Sink<'_>),
}

/// PAGE CODE: all pages.
const ALL_PAGES: u8 = 0x3f;

/// SUBPAGE CODE: all subpages.
const ALL_SUBPAGES: u8 = 0xff;

/// The pages in the order of page and subpage code, in which they are returned.
static PAGES: &[Page] = &[
    // Read-Write Error Recovery (SBC-4): recovery is the backing device's.
    Page {
        code: 0x01,
        subpage: 0x00,
        len: 0x0a,
        body: |_, _| {},
    },
    // Caching (SBC-4).
    Page {
        code: 0x08,
        subpage: 0x00,
        len: 0x12,
        body: |values, out| {
            out.u8(flag(values.wce, 0x04));
            out.zeros(9);
            out.u8(flag(values.dra, 0x20));
        },
    },
    // Control (SPC-5).
    Page {
        code: 0x0a,
        subpage: 0x00,
        len: 0x0a,
        body: |values, out| {
            out.u8(flag(values.d_sense, 0x04) | flag(values.gltsd, 0x02));
            out.u8(values.queue_algorithm << 4);
            out.u8(flag(values.swp, 0x08));
            out.u8(flag(values.tas, 0x40));
        },
    },
    // Control Extension (SPC-5).
    Page {
        code: 0x0a,
        subpage: 0x01,
        len: 0x1c,
        body: |values, out| out.u8(flag(values.ialuae, 0x01)),
    },
    // Power Condition (SPC-5): no timer is enabled.
    Page {
        code: 0x1a,
        subpage: 0x00,
        len: 0x26,
        body: |_, _| {},
    },
    // Informational Exceptions Control (SPC-5).
    Page {
        code: 0x1c,
        subpage: 0x00,
        len: 0x0a,
        body: |values, out| out.u8(flag(values.dexcpt, 0x08)),
    },
];

const fn flag(set: bool, bit: u8) -> u8 {
    if set {
        bit
    } else {
        0
    }
}

impl Page {
    /// Whether a MODE SENSE asks for this page (SPC-5, MODE SENSE(6) command).
    fn is_asked_for(&self, request: &ModeSense) -> bool {
        (request.page == self.code || request.page == ALL_PAGES)
            && (request.subpage == self.subpage || request.subpage == ALL_SUBPAGES)
    }

    /// Writes the page in its page_0 or its sub_page format (SPC-5, Mode page and subpage formats
    /// and page codes). PS is zero: nothing can be saved.
    fn write(&self, values: &Values, out: &mut Sink<'_>) {
        const SPF: u8 = 0x40;

        if self.subpage == 0 {
            out.u8(self.code);
            // CAST: pages in this format are shorter than 256 bytes.
            out.u8(self.len as u8);
        } else {
            out.u8(SPF | self.code);
            out.u8(self.subpage);
            out.u16(self.len);
        }
        let start = out.len();
        (self.body)(values, out);
        out.zeros(usize::from(self.len).saturating_sub(out.since(start)));
    }
}

impl ModeParameters {
    /// Writes the parameter data that `request` asks for (SPC-5, MODE SENSE(6) command and
    /// MODE SENSE(10) command).
    pub fn write(&self, request: &ModeSense, out: &mut Sink<'_>) -> Result<(), Sense> {
        let values = match request.control {
            PageControl::Current => &self.current,
            PageControl::Changeable => &self.changeable,
            PageControl::Default => &self.default,
            PageControl::Saved => {
                return Err(Sense::illegal(
                    AdditionalSense::SAVING_PARAMETERS_NOT_SUPPORTED,
                ));
            }
        };
        check_page(request)?;

        let start = out.len();
        self.write_header(request, out);
        for page in PAGES.iter().filter(|page| page.is_asked_for(request)) {
            page.write(values, out);
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
}

/// Refuses a page that there is not, pointing to PAGE CODE or, if there is such a page, to SUBPAGE
/// CODE.
fn check_page(request: &ModeSense) -> Result<(), Sense> {
    let known = match (request.page, request.subpage) {
        (ALL_PAGES, subpage) => matches!(subpage, 0 | ALL_SUBPAGES),
        _ => PAGES.iter().any(|page| page.is_asked_for(request)),
    };
    if known {
        return Ok(());
    }
    let page_known =
        request.page == ALL_PAGES || PAGES.iter().any(|page| page.code == request.page);
    Err(if page_known {
        Sense::invalid_cdb_field(3, None)
    } else {
        Sense::invalid_cdb_field(2, Some(5))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    const MODE: ModeParameters = ModeParameters {
        current: Values::DISK,
        default: Values::DISK,
        changeable: Values {
            wce: true,
            dra: false,
            d_sense: true,
            gltsd: false,
            queue_algorithm: 0,
            swp: false,
            tas: false,
            ialuae: false,
            dexcpt: false,
        },
        write_protected: false,
        dpofua: true,
        blocks: 0x0102_0304,
        block_length: 512,
    };

    fn request(page: u8, subpage: u8) -> ModeSense {
        ModeSense {
            ten: false,
            dbd: true,
            llbaa: false,
            control: PageControl::Current,
            page,
            subpage,
            allocation: 255,
        }
    }

    fn sense(mode: &ModeParameters, request: ModeSense) -> Result<Vec<u8>, Sense> {
        let mut out = [0xee; 512];
        let mut sink = Sink::new(&mut out);
        mode.write(&request, &mut sink)?;
        Ok(sink.as_bytes().to_vec())
    }

    /// The page and subpage codes in the answer to a MODE SENSE (6) without block descriptors.
    fn codes(mut bytes: &[u8]) -> Vec<(u8, u8)> {
        let mut codes = Vec::new();
        bytes = &bytes[4..];
        while let [first, second, ..] = *bytes {
            let (code, len) = if first & 0x40 == 0 {
                ((first, 0), 2 + usize::from(second))
            } else {
                let len = usize::from(u16::from_be_bytes([bytes[2], bytes[3]]));
                ((first & 0x3f, second), 4 + len)
            };
            codes.push(code);
            bytes = &bytes[len..];
        }
        codes
    }

    #[test]
    fn the_caching_page_shows_the_write_cache() {
        let bytes = sense(&MODE, request(0x08, 0)).unwrap();
        let mut expected = [0; 24];
        expected[..7].copy_from_slice(&[23, 0, 0x10, 0, 0x08, 0x12, 0x04]);
        assert_eq!(bytes, expected);
        let mut mode = MODE;
        mode.current.wce = false;
        mode.current.dra = true;
        let bytes = sense(&mode, request(0x08, 0)).unwrap();
        assert_eq!((bytes[6], bytes[16]), (0x00, 0x20));
    }

    #[test]
    fn the_control_page_is_laid_out_as_in_spc() {
        let mut mode = MODE;
        mode.current.d_sense = true;
        mode.current.swp = true;
        assert_eq!(
            sense(&mode, request(0x0a, 0)).unwrap(),
            [15, 0, 0x90, 0, 0x0a, 0x0a, 0x06, 0x10, 0x08, 0x40, 0, 0, 0, 0, 0, 0]
        );
    }

    #[test]
    fn changeable_values_are_a_mask() {
        let changeable = ModeSense {
            control: PageControl::Changeable,
            ..request(0x3f, 0xff)
        };
        let bytes = sense(&MODE, changeable).unwrap();
        let set: Vec<_> = bytes.iter().skip(4).filter(|&&byte| byte == 0x04).collect();
        // WCE and D_SENSE.
        assert_eq!(set.len(), 2);
        assert_eq!(codes(&bytes).len(), 6);
        let default = ModeSense {
            control: PageControl::Default,
            ..request(0x08, 0)
        };
        assert_eq!(sense(&MODE, default), sense(&MODE, request(0x08, 0)));
    }

    #[test]
    fn all_pages_come_in_order_with_or_without_subpages() {
        let pages = [(0x01, 0), (0x08, 0), (0x0a, 0), (0x1a, 0), (0x1c, 0)];
        let bytes = sense(&MODE, request(0x3f, 0)).unwrap();
        assert_eq!(bytes[0], 99);
        assert_eq!(codes(&bytes), pages);
        let bytes = sense(&MODE, request(0x3f, 0xff)).unwrap();
        assert_eq!(bytes[0], 131);
        assert_eq!(codes(&bytes)[2..4], [(0x0a, 0), (0x0a, 1)]);
        let bytes = sense(&MODE, request(0x0a, 0xff)).unwrap();
        assert_eq!(codes(&bytes), [(0x0a, 0), (0x0a, 1)]);
        let bytes = sense(&MODE, request(0x0a, 1)).unwrap();
        assert_eq!(bytes[..8], [35, 0, 0x10, 0, 0x4a, 0x01, 0x00, 0x1c]);
        assert_eq!(bytes.len(), 36);
    }

    #[test]
    fn unknown_pages_are_refused_with_a_pointer() {
        let refused = |page, subpage| sense(&MODE, request(page, subpage)).unwrap_err();
        assert_eq!(refused(0x03, 0), Sense::invalid_cdb_field(2, Some(5)));
        assert_eq!(refused(0x03, 0xff), Sense::invalid_cdb_field(2, Some(5)));
        assert_eq!(refused(0x0a, 2), Sense::invalid_cdb_field(3, None));
        assert_eq!(refused(0x08, 1), Sense::invalid_cdb_field(3, None));
        assert_eq!(refused(0x3f, 1), Sense::invalid_cdb_field(3, None));
    }

    #[test]
    fn saved_values_are_not_supported() {
        let saved = ModeSense {
            control: PageControl::Saved,
            ..request(0x08, 0)
        };
        assert_eq!(
            sense(&MODE, saved).unwrap_err(),
            Sense::illegal(AdditionalSense(0x39, 0x00))
        );
    }

    #[test]
    fn block_descriptors_are_short_or_long() {
        let six = ModeSense {
            dbd: false,
            ..request(0x1c, 0)
        };
        let bytes = sense(&MODE, six).unwrap();
        assert_eq!(bytes[..12], [23, 0, 0x10, 8, 1, 2, 3, 4, 0, 0, 2, 0]);

        let ten = ModeSense { ten: true, ..six };
        let bytes = sense(&MODE, ten).unwrap();
        assert_eq!(bytes[..8], [0, 26, 0, 0x10, 0, 0, 0, 8]);
        assert_eq!(bytes[8..16], [1, 2, 3, 4, 0, 0, 2, 0]);

        let long = ModeSense { llbaa: true, ..ten };
        let bytes = sense(&MODE, long).unwrap();
        assert_eq!(bytes[..8], [0, 34, 0, 0x10, 1, 0, 0, 16]);
        assert_eq!(
            bytes[8..24],
            [0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 2, 0]
        );

        let none = ModeSense { dbd: true, ..long };
        let bytes = sense(&MODE, none).unwrap();
        assert_eq!(bytes[..9], [0, 18, 0, 0x10, 0, 0, 0, 0, 0x1c]);
    }

    #[test]
    fn a_large_unit_overflows_the_short_descriptor() {
        let mode = ModeParameters {
            blocks: 1 << 32,
            ..MODE
        };
        let six = ModeSense {
            dbd: false,
            ..request(0x1c, 0)
        };
        assert_eq!(sense(&mode, six).unwrap()[4..8], [0xff; 4]);
    }

    #[test]
    fn write_protection_shows_in_the_header() {
        let mode = ModeParameters {
            write_protected: true,
            dpofua: false,
            ..MODE
        };
        assert_eq!(sense(&mode, request(0x08, 0)).unwrap()[2], 0x80);
    }
}
