// SPDX-License-Identifier: GPL-2.0

//! How requests reach the kernel.

use std::io;

use crate::attributes::DecodeError;
use crate::config::StoreError;

/// One request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Name of the family.
    pub family: &'static str,
    /// Version of the family.
    pub version: u8,
    /// Number of the command.
    pub command: u8,
    /// Whether one answer or a list is wanted.
    pub mode: Mode,
    /// The attributes, as [`Builder`](crate::Builder) makes them.
    pub attributes: &'a [u8],
}

/// Whether one answer or a list is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One answer, or none but that it is done.
    Do,
    /// A list.
    Dump,
}

/// Carries requests to something that answers them.
pub trait Transport {
    /// Sends a request and returns the attributes of every message of the answer.
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault>;
}

impl<T: Transport + ?Sized> Transport for &mut T {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        (**self).call(request)
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        (**self).call(request)
    }
}

/// Why a request has no answer.
#[derive(Debug)]
pub enum Fault {
    /// There is no such family: its module is not loaded.
    NoFamily,
    /// The request was refused.
    Refused(Refusal),
    /// The list changed while it was read.
    Interrupted,
    /// The answer makes no sense.
    Malformed(DecodeError),
    /// The socket failed.
    Io(io::Error),
    /// The change can't be saved.
    Store(StoreError),
    /// The request was not sent, because nothing is to be changed.
    Withheld,
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A refusal, as the kernel put it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The error number.
    pub errno: i32,
    /// The kernel's sentence.
    pub message: Option<String>,
    /// Number of the attribute at fault, be it wrong or missing.
    pub attribute: Option<u16>,
}
