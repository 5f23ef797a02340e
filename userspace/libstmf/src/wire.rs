// SPDX-License-Identifier: GPL-2.0

//! Netlink messages: the headers around the attributes, acknowledgments and refusals.
//!
//! A message is a header of 16 bytes (length, type, flags, sequence number, port), for generic
//! netlink families four more (command, version, two unused), and attributes.

use crate::attributes::{number_at, until_nul, Attributes, DecodeError};
use crate::transport::Refusal;

/// Message type of an acknowledgment or refusal.
pub(crate) const NLMSG_ERROR: u16 = 2;
/// Message type at the end of a list.
pub(crate) const NLMSG_DONE: u16 = 3;
/// Message type without meaning.
pub(crate) const NLMSG_NOOP: u16 = 1;
/// Message type of the family that knows the others.
pub(crate) const GENL_ID_CTRL: u16 = 16;

/// A request.
pub(crate) const NLM_F_REQUEST: u16 = 0x1;
/// An acknowledgment is wanted.
pub(crate) const NLM_F_ACK: u16 = 0x4;
/// The list changed while it was read.
pub(crate) const NLM_F_DUMP_INTR: u16 = 0x10;
/// A list is wanted.
pub(crate) const NLM_F_DUMP: u16 = 0x300;
/// In an acknowledgment: the request is not repeated in it.
const NLM_F_CAPPED: u16 = 0x100;
/// In an acknowledgment: there are attributes.
const NLM_F_ACK_TLVS: u16 = 0x200;

/// In an acknowledgment: the sentence.
const NLMSGERR_ATTR_MSG: u16 = 1;
/// In an acknowledgment: where in the request the attribute at fault is.
const NLMSGERR_ATTR_OFFS: u16 = 2;
/// In an acknowledgment: number of the attribute that is missing.
const NLMSGERR_ATTR_MISS_TYPE: u16 = 5;

/// Length of a message's header.
const HEADER_LEN: usize = 16;
/// Length of the headers before a family's attributes.
const GENL_HEADER_LEN: usize = 20;

/// Makes a message to a family.
pub(crate) fn message(
    family: u16,
    flags: u16,
    sequence: u32,
    command: u8,
    version: u8,
    attributes: &[u8],
) -> Vec<u8> {
    let length = GENL_HEADER_LEN.saturating_add(attributes.len());
    let mut bytes = Vec::with_capacity(length);
    // The attributes of a request are a few that each have less than 64 KiB.
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_ne_bytes());
    bytes.extend(family.to_ne_bytes());
    bytes.extend(flags.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0u32.to_ne_bytes());
    bytes.extend([command, version, 0, 0]);
    bytes.extend(attributes);
    bytes
}

/// A message of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message<'a> {
    /// What it is: a family's number, or one of the numbers above.
    pub(crate) kind: u16,
    pub(crate) flags: u16,
    pub(crate) sequence: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes the first message off the bytes.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        let (kind, rest) = rest.split_first_chunk()?;
        let (flags, rest) = rest.split_first_chunk()?;
        let (sequence, rest) = rest.split_first_chunk()?;
        let (_port, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_ne_bytes(*length)).ok()?;
        let length = length.checked_sub(HEADER_LEN)?;
        let (payload, rest) = rest.split_at_checked(length)?;
        let padding = length.next_multiple_of(4).checked_sub(length)?;
        let message = Self {
            kind: u16::from_ne_bytes(*kind),
            flags: u16::from_ne_bytes(*flags),
            sequence: u32::from_ne_bytes(*sequence),
            payload,
        };
        Some((message, rest.get(padding..).unwrap_or_default()))
    }

    /// The attributes of a message of a family.
    pub(crate) fn attributes(&self) -> Result<&'a [u8], DecodeError> {
        let (_command, attributes) = self
            .payload
            .split_first_chunk::<4>()
            .ok_or(DecodeError::Truncated)?;
        Ok(attributes)
    }

    /// What an acknowledgment, or the end of a list, says about the request with these attributes.
    pub(crate) fn outcome(&self, request: &[u8]) -> Result<Result<(), Refusal>, DecodeError> {
        let (errno, rest) = self
            .payload
            .split_first_chunk()
            .ok_or(DecodeError::Truncated)?;
        let errno = i32::from_ne_bytes(*errno);
        if errno >= 0 {
            return Ok(Ok(()));
        }
        let mut refusal = Refusal {
            errno: errno.checked_neg().unwrap_or(i32::MAX),
            ..Refusal::default()
        };
        if self.flags & NLM_F_ACK_TLVS != 0 {
            self.explain(rest, request, &mut refusal)?;
        }
        Ok(Err(refusal))
    }

    fn explain(
        &self,
        rest: &[u8],
        request: &[u8],
        refusal: &mut Refusal,
    ) -> Result<(), DecodeError> {
        // The end of a list repeats nothing of the request, an acknowledgment its header and, if
        // it is not capped, all of it.
        let repeated = match self.kind {
            NLMSG_ERROR if self.flags & NLM_F_CAPPED != 0 => HEADER_LEN,
            NLMSG_ERROR => {
                let (length, _) = rest.split_first_chunk().ok_or(DecodeError::Truncated)?;
                usize::try_from(u32::from_ne_bytes(*length))
                    .ok()
                    .and_then(|length| length.checked_next_multiple_of(4))
                    .ok_or(DecodeError::Truncated)?
            }
            _ => 0,
        };
        let attributes = rest.get(repeated..).ok_or(DecodeError::Truncated)?;
        for attribute in Attributes::new(attributes) {
            let (number, value) = attribute?;
            let word = || Some(u32::from_ne_bytes(value.try_into().ok()?));
            match number {
                NLMSGERR_ATTR_MSG => {
                    let text = String::from_utf8_lossy(until_nul(value)).into_owned();
                    refusal.message = Some(text);
                }
                NLMSGERR_ATTR_OFFS => {
                    refusal.attribute = word()
                        .and_then(|offset| usize::try_from(offset).ok())
                        .and_then(|offset| offset.checked_sub(GENL_HEADER_LEN))
                        .and_then(|offset| number_at(request, offset));
                }
                NLMSGERR_ATTR_MISS_TYPE => {
                    refusal.attribute = word().and_then(|number| u16::try_from(number).ok());
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// Iterates over the messages of one datagram, until the first that is cut short.
#[derive(Clone, Debug)]
pub(crate) struct Messages<'a>(&'a [u8]);

impl<'a> Messages<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        match Message::split(self.0) {
            Some((message, rest)) => {
                self.0 = rest;
                Some(Ok(message))
            }
            None => {
                self.0 = &[];
                Some(Err(DecodeError::Truncated))
            }
        }
    }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;

    #[test]
    fn a_request_in_bytes() {
        #[rustfmt::skip]
        let expected = [
            28, 0, 0, 0, // length
            0x1c, 0, // family
            5, 0, // request, acknowledge
            7, 0, 0, 0, // sequence
            0, 0, 0, 0, // port: the kernel
            3, 1, 0, 0, // command, version
            8, 0, 4, 0, 1, 0, 0, 0, // an attribute
        ];
        let attributes = [8, 0, 4, 0, 1, 0, 0, 0];
        let flags = NLM_F_REQUEST | NLM_F_ACK;
        assert_eq!(message(0x1c, flags, 7, 3, 1, &attributes), expected);
    }

    #[test]
    fn two_messages_in_one_datagram() {
        #[rustfmt::skip]
        let bytes = [
            25, 0, 0, 0, 0x1c, 0, 2, 0, 7, 0, 0, 0, 9, 0, 0, 0, // header
            3, 1, 0, 0, // command
            5, 0, 6, 0, 0x28, // an attribute
            0, 0, 0, // padding
            20, 0, 0, 0, 3, 0, 0x12, 0, 7, 0, 0, 0, 9, 0, 0, 0, // the end, interrupted
            0, 0, 0, 0,
        ];
        let messages: Vec<_> = Messages::new(&bytes).collect::<Result<_, _>>().unwrap();
        let [first, last] = messages[..] else {
            panic!("{messages:?}");
        };
        assert_eq!((first.kind, first.sequence), (0x1c, 7));
        assert_eq!(first.attributes(), Ok(&[5, 0, 6, 0, 0x28][..]));
        assert_eq!(last.kind, NLMSG_DONE);
        assert_ne!(last.flags & NLM_F_DUMP_INTR, 0);
        assert_eq!(last.outcome(&[]), Ok(Ok(())));
    }

    #[test]
    fn a_refusal_with_a_sentence_and_an_attribute() {
        #[rustfmt::skip]
        let bytes = [
            60, 0, 0, 0, 2, 0, 0, 3, 7, 0, 0, 0, 9, 0, 0, 0, // header: capped, attributes
            0xef, 0xff, 0xff, 0xff, // -17
            36, 0, 0, 0, 0x1c, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0, // the request's header
            14, 0, 1, 0, b'L', b'U', b'N', b' ', b't', b'a', b'k', b'e', b'n', 0, // the sentence
            0, 0, // padding
            8, 0, 2, 0, 28, 0, 0, 0, // 8 bytes into the attributes
        ];
        let request = [8, 0, 1, 0, 0, 0, 0, 0, 6, 0, 3, 0, 1, 0, 0, 0];
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        let refusal = Refusal {
            errno: 17,
            message: Some("LUN taken".to_owned()),
            attribute: Some(3),
        };
        assert_eq!(message.outcome(&request), Ok(Err(refusal)));
    }

    #[test]
    fn a_refusal_that_repeats_the_request() {
        #[rustfmt::skip]
        let bytes = [
            53, 0, 0, 0, 2, 0, 0, 2, 7, 0, 0, 0, 9, 0, 0, 0, // header: attributes
            0xea, 0xff, 0xff, 0xff, // -22
            22, 0, 0, 0, 0x1c, 0, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 1, 2, // the request
            0, 0, // padding
            8, 0, 5, 0, 1, 0, 0, 0, // number 1 is missing
            3, // too short to be an attribute
        ];
        let message = Messages::new(&bytes[..52]).next();
        assert_eq!(message, Some(Err(DecodeError::Truncated)), "length");
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        assert_eq!(message.outcome(&[]), Err(DecodeError::Truncated));
        let mut bytes = bytes.to_vec();
        bytes[0] = 52;
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        let refusal = Refusal {
            errno: 22,
            message: None,
            attribute: Some(1),
        };
        assert_eq!(message.outcome(&[]), Ok(Err(refusal)));
    }

    #[test]
    fn a_list_that_fails_at_its_end() {
        #[rustfmt::skip]
        let bytes = [
            32, 0, 0, 0, 3, 0, 2, 2, 7, 0, 0, 0, 9, 0, 0, 0, // header: the end, attributes
            0xfe, 0xff, 0xff, 0xff, // -2
            9, 0, 1, 0, b'g', b'o', b'n', b'e', 0, 0, 0, 0, // the sentence
        ];
        let message = Messages::new(&bytes).next().unwrap().unwrap();
        let refusal = message.outcome(&[]).unwrap().unwrap_err();
        assert_eq!(
            (refusal.errno, refusal.message.as_deref()),
            (2, Some("gone"))
        );
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let whole = message(0x1c, 0, 1, 1, 1, &[4, 0, 6, 0]);
        for length in 1..whole.len() {
            let message = Messages::new(&whole[..length]).next();
            assert_eq!(message, Some(Err(DecodeError::Truncated)), "{length}");
        }
        let mut short = whole.clone();
        short[0] = 15;
        assert_eq!(
            Messages::new(&short).next(),
            Some(Err(DecodeError::Truncated)),
            "shorter than a header"
        );
    }
}
