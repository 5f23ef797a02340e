// SPDX-License-Identifier: GPL-2.0

//! Third-party copy: EXTENDED COPY (LID1) and what belongs to it (SPC-4, Third-party copy commands).
//!
//! The *copy manager*, which carries the command out, reads here what it is to do ([`list`]), in which
//! pieces ([`segment`]), and keeps here what is known of each copy ([`record`]). What SPC-4 calls a
//! CSCD (copy source or copy destination) is a *copy target* in SPC-3 and in the additional sense
//! codes.

pub mod command;
pub mod cscd;
pub mod list;
pub mod record;
pub mod report;
pub mod segment;

pub use cscd::Cscd;
pub use list::ParameterList;
pub use record::{
    Begin,
    Ending,
    Record,
    Records, //
};
pub use report::{
    OperatingParameters,
    ReceiveCopyResults,
    Results, //
};
pub use segment::{
    Lengths,
    Pads,
    Plan,
    Residual,
    Segment,
    Step,
    Steps, //
};

use crate::sense::{
    AdditionalSense,
    Sense, //
};

/// The most CSCD descriptors of a parameter list.
pub const MAX_CSCDS: u16 = 16;

/// The most segment descriptors of a parameter list.
pub const MAX_SEGMENTS: u16 = 64;

/// The most bytes of both kinds of descriptors.
pub const MAX_DESCRIPTORS_LEN: u32 =
    MAX_CSCDS as u32 * Cscd::LEN as u32 + MAX_SEGMENTS as u32 * Segment::LEN as u32;

/// The most bytes of inline data.
pub const MAX_INLINE_LEN: u32 = 4096;

/// The longest parameter list.
pub const MAX_LIST_LEN: u32 = ParameterList::HEADER as u32 + MAX_DESCRIPTORS_LEN + MAX_INLINE_LEN;

/// The copies that an I_T nexus may have in progress.
pub const MAX_CONCURRENT: u8 = 8;

/// The copies that may be in progress in all.
pub const MAX_TOTAL: u16 = 64;

/// The data that is held of a copy for RECEIVE DATA, in bytes.
pub const HELD_DATA_LIMIT: u32 = 4096;

/// The descriptor types that are understood, in ascending order.
pub const DESCRIPTOR_TYPES: &[u8] = &[
    segment::BLOCK_TO_BLOCK,
    segment::BLOCK_TO_BLOCK_HELD,
    cscd::IDENTIFICATION,
];

/// The fields of EXTENDED COPY (LID1) (SPC-4, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedCopy {
    /// PARAMETER LIST LENGTH; zero is no error.
    pub list_len: u32,
}

impl ExtendedCopy {
    /// Refuses a parameter list that is too long to be in order.
    pub const fn check_length(&self) -> Result<(), Sense> {
        if self.list_len > MAX_LIST_LEN {
            return Err(Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR));
        }
        Ok(())
    }
}

/// The fields of COPY ABORT (SPC-4, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyAbort {
    /// LIST IDENTIFIER, of four bytes.
    pub list_id: u32,
}
