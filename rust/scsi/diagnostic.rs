// SPDX-License-Identifier: GPL-2.0

//! What SEND DIAGNOSTIC asks for, and what RECEIVE DIAGNOSTIC RESULTS returns.

use crate::{
    self_test::SelfTestKind,
    sense::Sense,
    sink::Sink, //
};

/// What SEND DIAGNOSTIC asks for (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendDiagnostic {
    /// SELFTEST: the default self-test.
    Default,
    /// SELF-TEST CODE: a self-test whose result is kept.
    SelfTest(SelfTestKind),
    /// SELF-TEST CODE 100b: the self-test in the background is to be aborted.
    AbortSelfTest,
    /// A diagnostic page, which the initiator sends; there is only [`SUPPORTED_PAGES`].
    Page,
    /// Nothing at all.
    Nothing,
}

/// PAGE CODE of Supported Diagnostic Pages.
pub const SUPPORTED_PAGES: u8 = 0x00;

impl SendDiagnostic {
    /// The length of the page that can be sent: its head.
    pub const PAGE_LEN: u16 = 4;

    /// Checks a page that was sent.
    pub fn check_page(list: &[u8]) -> Result<(), Sense> {
        match list {
            [SUPPORTED_PAGES, _, 0, 0] => Ok(()),
            [SUPPORTED_PAGES, ..] => Err(Sense::invalid_parameter(2, None)),
            _ => Err(Sense::invalid_parameter(0, None)),
        }
    }
}

/// The fields of RECEIVE DIAGNOSTIC RESULTS (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiveDiagnostic {
    /// ALLOCATION LENGTH.
    pub allocation: u16,
}

impl ReceiveDiagnostic {
    /// Writes the only page that there is: Supported Diagnostic Pages, which lists itself.
    pub fn write(&self, out: &mut Sink<'_>) {
        out.bytes(&[SUPPORTED_PAGES, 0, 0, 1, SUPPORTED_PAGES]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_only_page_is_the_list_of_pages() {
        let mut out = [0xee; 8];
        let mut sink = Sink::new(&mut out);
        ReceiveDiagnostic { allocation: 8 }.write(&mut sink);
        assert_eq!(sink.as_bytes(), [0, 0, 0, 1, 0]);
        for (list, expected) in [
            (&[0, 0, 0, 0][..], Ok(())),
            (&[0, 0, 0, 1], Err(Sense::invalid_parameter(2, None))),
            (&[0x40, 0, 0, 0], Err(Sense::invalid_parameter(0, None))),
            (&[], Err(Sense::invalid_parameter(0, None))),
        ] {
            assert_eq!(SendDiagnostic::check_page(list), expected);
        }
    }
}
