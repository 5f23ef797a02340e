// SPDX-License-Identifier: GPL-2.0

//! Netlink attributes: building them and taking them apart.
//!
//! An attribute is its length and its number in two bytes each, both in host order, the value, and
//! zeros up to a multiple of four bytes; the length counts neither these nor other attributes.

use std::ffi::OsStr;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use stmf_model::Guid;
use stmf_uapi::{iscsi, loopback, sbd, stmf, Attribute, ATTRIBUTE_NUMBER_MASK};

/// An attribute of one of the sets of [`stmf_uapi`].
pub trait Key: Copy {
    /// Its number.
    fn number(self) -> u16;
    /// Its name, as in the specification.
    fn name(self) -> &'static str;
}

macro_rules! keys {
    ($($set:ty),* $(,)?) => {
        $(
            impl Key for $set {
                fn number(self) -> u16 {
                    self.number()
                }

                fn name(self) -> &'static str {
                    self.name()
                }
            }
        )*
    };
}

keys!(
    stmf::Service,
    stmf::Lu,
    stmf::View,
    stmf::Group,
    stmf::GroupMember,
    stmf::Access,
    stmf::Target,
    stmf::Session,
    stmf::Task,
    stmf::Statistics,
    stmf::Event,
    sbd::Lu,
    iscsi::Target,
    iscsi::Portal,
    iscsi::Tpg,
    iscsi::Initiator,
    iscsi::Session,
    loopback::Target,
);

impl Key for Attribute {
    fn number(self) -> u16 {
        self.number
    }

    fn name(self) -> &'static str {
        self.name
    }
}

/// Length of an attribute's length and number.
const HEADER_LEN: usize = 4;

/// What is wrong with a message of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A message or an attribute ends before it should.
    #[error("message is cut short")]
    Truncated,
    /// An attribute that is always there is not.
    #[error("no attribute `{0}`")]
    Missing(&'static str),
    /// An attribute's value has not the form of its type.
    #[error("attribute `{name}` is malformed: {problem}")]
    Malformed {
        /// Name of the attribute.
        name: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// The message is none that the request can have.
    #[error("unexpected message of type {0}")]
    Unexpected(u16),
}

/// Builds the attributes of a message.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    bytes: Vec<u8>,
    too_long: Option<&'static str>,
}

impl Builder {
    /// No attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes.
    pub fn bytes(mut self, key: impl Key, value: &[u8]) -> Self {
        let length = HEADER_LEN.saturating_add(value.len());
        let Ok(length) = u16::try_from(length) else {
            self.too_long.get_or_insert(key.name());
            return self;
        };
        self.bytes.extend(length.to_ne_bytes());
        self.bytes.extend(key.number().to_ne_bytes());
        self.bytes.extend(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self
    }

    /// Adds text.
    pub fn text(self, key: impl Key, value: impl AsRef<OsStr>) -> Self {
        let mut bytes = value.as_ref().as_bytes().to_vec();
        bytes.push(0);
        self.bytes(key, &bytes)
    }

    /// Adds one byte.
    pub fn u8(self, key: impl Key, value: u8) -> Self {
        self.bytes(key, &[value])
    }

    /// Adds two bytes.
    pub fn u16(self, key: impl Key, value: u16) -> Self {
        self.bytes(key, &value.to_ne_bytes())
    }

    /// Adds four bytes.
    pub fn u32(self, key: impl Key, value: u32) -> Self {
        self.bytes(key, &value.to_ne_bytes())
    }

    /// Adds four bytes or eight, as the value needs.
    pub fn uint(self, key: impl Key, value: u64) -> Self {
        match u32::try_from(value) {
            Ok(value) => self.u32(key, value),
            Err(_) => self.bytes(key, &value.to_ne_bytes()),
        }
    }

    /// Adds a flag.
    pub fn flag(self, key: impl Key) -> Self {
        self.bytes(key, &[])
    }

    /// Adds a GUID.
    pub fn guid(self, key: impl Key, value: &Guid) -> Self {
        self.bytes(key, value.as_bytes())
    }

    /// Adds an IP address, IPv4 ones IPv4-mapped.
    pub fn address(self, key: impl Key, value: IpAddr) -> Self {
        let address = match value {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        self.bytes(key, &address.octets())
    }

    /// Adds something if it is there.
    pub fn optional<T>(self, value: Option<T>, add: impl FnOnce(Self, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, value),
            None => self,
        }
    }

    /// Returns the attributes, or the name of one whose value is longer than any may be.
    pub fn finish(self) -> Result<Vec<u8>, &'static str> {
        match self.too_long {
            Some(name) => Err(name),
            None => Ok(self.bytes),
        }
    }
}

/// Iterates over numbers and values, until the first attribute that is cut short.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn split(&mut self) -> Option<(u16, &'a [u8])> {
        let (length, rest) = self.0.split_first_chunk()?;
        let (number, rest) = rest.split_first_chunk()?;
        let length = usize::from(u16::from_ne_bytes(*length)).checked_sub(HEADER_LEN)?;
        let (value, rest) = rest.split_at_checked(length)?;
        let padding = length.next_multiple_of(4).checked_sub(length)?;
        self.0 = rest.get(padding..).unwrap_or_default();
        Some((u16::from_ne_bytes(*number) & ATTRIBUTE_NUMBER_MASK, value))
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<(u16, &'a [u8]), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let attribute = self.split().ok_or(DecodeError::Truncated);
        if attribute.is_err() {
            self.0 = &[];
        }
        Some(attribute)
    }
}

/// The number of the attribute that begins at, or holds, the byte at `offset`.
pub(crate) fn number_at(bytes: &[u8], offset: usize) -> Option<u16> {
    let mut attributes = Attributes::new(bytes);
    while let Some(Ok((number, _))) = attributes.next() {
        let end = bytes.len().checked_sub(attributes.0.len())?;
        if offset < end {
            return Some(number);
        }
    }
    None
}

/// The attributes of one message, by number.
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    attributes: Vec<(u16, &'a [u8])>,
}

impl<'a> Fields<'a> {
    /// Takes the attributes apart.
    pub fn new(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let attributes = Attributes::new(bytes).collect::<Result<_, _>>()?;
        Ok(Self { attributes })
    }

    /// The value of an attribute; the last one if there are several, as in the kernel.
    pub fn bytes(&self, key: impl Key) -> Option<&'a [u8]> {
        self.attributes
            .iter()
            .rev()
            .find(|(number, _)| *number == key.number())
            .map(|(_, value)| *value)
    }

    /// Whether an attribute is there.
    pub fn has(&self, key: impl Key) -> bool {
        self.bytes(key).is_some()
    }

    /// A value of fixed length.
    pub(crate) fn array<const N: usize>(
        &self,
        key: impl Key,
    ) -> Result<Option<[u8; N]>, DecodeError> {
        let Some(value) = self.bytes(key) else {
            return Ok(None);
        };
        match value.try_into() {
            Ok(array) => Ok(Some(array)),
            Err(_) => Err(malformed(key, format!("{} bytes", value.len()))),
        }
    }

    /// One byte.
    pub fn u8(&self, key: impl Key) -> Result<Option<u8>, DecodeError> {
        Ok(self.array(key)?.map(u8::from_ne_bytes))
    }

    /// Two bytes.
    pub fn u16(&self, key: impl Key) -> Result<Option<u16>, DecodeError> {
        Ok(self.array(key)?.map(u16::from_ne_bytes))
    }

    /// Four bytes.
    pub fn u32(&self, key: impl Key) -> Result<Option<u32>, DecodeError> {
        Ok(self.array(key)?.map(u32::from_ne_bytes))
    }

    /// Four bytes or eight.
    pub fn uint(&self, key: impl Key) -> Result<Option<u64>, DecodeError> {
        match self.bytes(key).map(<[u8]>::len) {
            Some(4) => Ok(self.u32(key)?.map(u64::from)),
            _ => Ok(self.array(key)?.map(u64::from_ne_bytes)),
        }
    }

    /// An enumeration.
    pub fn number<T>(&self, key: impl Key) -> Result<Option<T>, DecodeError>
    where
        T: TryFrom<u32, Error = stmf_uapi::Unknown>,
    {
        self.u32(key)?
            .map(T::try_from)
            .transpose()
            .map_err(|error| malformed(key, error.to_string()))
    }

    /// Text without its NUL. Bytes that are no UTF-8 are replaced: text is for people.
    pub fn text(&self, key: impl Key) -> Option<String> {
        self.bytes(key)
            .map(|value| String::from_utf8_lossy(until_nul(value)).into_owned())
    }

    /// Text that is parsed.
    pub fn parsed<T>(
        &self,
        key: impl Key,
        parse: impl FnOnce(&str) -> Result<T, stmf_model::NameError>,
    ) -> Result<Option<T>, DecodeError> {
        self.text(key)
            .map(|text| parse(&text))
            .transpose()
            .map_err(|error| malformed(key, error.to_string()))
    }

    /// A path.
    pub fn path(&self, key: impl Key) -> Option<PathBuf> {
        self.bytes(key)
            .map(|value| PathBuf::from(OsStr::from_bytes(until_nul(value))))
    }

    /// A GUID.
    pub fn guid(&self, key: impl Key) -> Result<Option<Guid>, DecodeError> {
        Ok(self.array(key)?.map(Guid::new))
    }

    /// An IP address.
    pub fn address(&self, key: impl Key) -> Result<Option<IpAddr>, DecodeError> {
        let octets: Option<[u8; 16]> = self.array(key)?;
        Ok(octets.map(|octets| Ipv6Addr::from(octets).to_canonical()))
    }
}

fn malformed(key: impl Key, problem: String) -> DecodeError {
    DecodeError::Malformed {
        name: key.name(),
        problem,
    }
}

/// A value that must be there.
pub(crate) fn need<T>(key: impl Key, value: Option<T>) -> Result<T, DecodeError> {
    value.ok_or(DecodeError::Missing(key.name()))
}

pub(crate) fn until_nul(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_request_in_bytes() {
        let attributes = Builder::new()
            .text(sbd::Lu::File, "/dev/x")
            .uint(sbd::Lu::Size, 1 << 30)
            .uint(sbd::Lu::Size, 1 << 40)
            .u8(sbd::Lu::WriteProtect, 1)
            .optional(None, |builder, serial: &str| {
                builder.text(sbd::Lu::Serial, serial)
            })
            .finish();
        #[rustfmt::skip]
        let expected = [
            11, 0, 2, 0, b'/', b'd', b'e', b'v', b'/', b'x', 0, // file, with its NUL
            0, // padding
            8, 0, 3, 0, 0, 0, 0, 0x40, // size in four bytes
            12, 0, 3, 0, 0, 0, 0, 0, 0, 1, 0, 0, // and in eight
            5, 0, 9, 0, 1, // write-protect
            0, 0, 0,
        ];
        assert_eq!(attributes, Ok(expected.to_vec()));
    }

    #[test]
    fn flags_and_addresses_in_bytes() {
        let attributes = Builder::new()
            .flag(iscsi::Target::Force)
            .address(iscsi::Portal::Address, "10.0.0.1".parse().unwrap())
            .u16(iscsi::Portal::Port, 3260)
            .finish();
        #[rustfmt::skip]
        let expected = [
            4, 0, 6, 0, // force
            20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 0, 0, 1, // address
            6, 0, 2, 0, 0xbc, 0x0c, // port
            0, 0,
        ];
        assert_eq!(attributes, Ok(expected.to_vec()));
    }

    #[test]
    fn a_reply_from_bytes() {
        #[rustfmt::skip]
        let bytes = [
            8, 0, 4, 0, 2, 0, 0, 0, // state
            7, 0, 3, 0, b'h', b'i', 0, // alias
            0, // padding
            6, 0, 99, 0, 1, 2, // from a later version
            0, 0,
            8, 0, 5, 0x40, 3, 0, 0, 0, // view-count, with a flag in its number
            6, 0, 2, 0, b'x', b'y', // provider, without NUL and without padding at the end
        ];
        let fields = Fields::new(&bytes).unwrap();
        assert_eq!(
            fields.number(stmf::Lu::State),
            Ok(Some(stmf::ObjectState::Onlining))
        );
        assert_eq!(fields.text(stmf::Lu::Alias).as_deref(), Some("hi"));
        assert_eq!(
            fields.path(stmf::Lu::Alias).as_deref(),
            Some(Path::new("hi"))
        );
        assert_eq!(fields.u32(stmf::Lu::ViewCount), Ok(Some(3)));
        assert_eq!(fields.text(stmf::Lu::Provider).as_deref(), Some("xy"));
        assert_eq!(fields.guid(stmf::Lu::Guid), Ok(None));
        assert!(!fields.has(stmf::Lu::Guid));
        assert_eq!(
            need(stmf::Lu::Guid, fields.guid(stmf::Lu::Guid).unwrap()),
            Err(DecodeError::Missing("guid"))
        );
    }

    #[test]
    fn of_two_attributes_the_last_counts() {
        let bytes = [5, 0, 9, 0, 0, 0, 0, 0, 5, 0, 9, 0, 1, 0, 0, 0];
        let fields = Fields::new(&bytes).unwrap();
        assert_eq!(fields.u8(sbd::Lu::WriteProtect), Ok(Some(1)));
    }

    #[test]
    fn integers_come_in_either_length() {
        let short = [8, 0, 3, 0, 7, 0, 0, 0];
        let long = [12, 0, 3, 0, 7, 0, 0, 0, 1, 0, 0, 0];
        let odd = [6, 0, 3, 0, 7, 0, 0, 0];
        let size = |bytes: &[u8]| Fields::new(bytes).unwrap().uint(sbd::Lu::Size);
        assert_eq!(size(&short), Ok(Some(7)));
        assert_eq!(size(&long), Ok(Some(0x1_0000_0007)));
        let error = size(&odd).unwrap_err();
        assert_eq!(error.to_string(), "attribute `size` is malformed: 2 bytes");
    }

    #[test]
    fn addresses_are_of_the_version_they_mean() {
        for text in ["10.0.0.1", "::", "::1", "fe80::1", "0.0.0.0"] {
            let address: IpAddr = text.parse().unwrap();
            let bytes = Builder::new()
                .address(iscsi::Portal::Address, address)
                .finish()
                .unwrap();
            let fields = Fields::new(&bytes).unwrap();
            assert_eq!(fields.address(iscsi::Portal::Address), Ok(Some(address)));
        }
    }

    #[test]
    fn unknown_numbers_are_malformed() {
        let bytes = [8, 0, 4, 0, 9, 0, 0, 0];
        let state = Fields::new(&bytes)
            .unwrap()
            .number::<stmf::ObjectState>(stmf::Lu::State);
        assert_eq!(
            state.unwrap_err().to_string(),
            "attribute `state` is malformed: unknown number 9"
        );
    }

    #[test]
    fn what_is_cut_short_is_refused() {
        let whole = [8, 0, 4, 0, 2, 0, 0, 0, 7, 0, 3, 0, b'h', b'i', 0];
        for length in 1..whole.len() {
            let fields = Fields::new(&whole[..length]);
            assert_eq!(fields.is_ok(), length == 8, "{length}");
        }
        assert!(Fields::new(&[3, 0, 4, 0]).is_err(), "shorter than a header");
        assert!(Fields::new(&[0, 0, 0, 0]).is_err());
    }

    #[test]
    fn values_have_a_longest_length() {
        let long = |length: usize| {
            Builder::new()
                .bytes(stmf::Lu::Alias, &vec![0; length])
                .finish()
        };
        assert!(long(65531).is_ok());
        assert_eq!(long(65532), Err("alias"));
    }

    #[test]
    fn offsets_tell_attributes() {
        let bytes = [5, 0, 9, 0, 1, 0, 0, 0, 8, 0, 3, 0, 7, 0, 0, 0];
        for (offset, number) in [
            (0, Some(9)),
            (7, Some(9)),
            (8, Some(3)),
            (15, Some(3)),
            (16, None),
        ] {
            assert_eq!(number_at(&bytes, offset), number, "{offset}");
        }
        assert_eq!(number_at(&[9, 0, 1, 0], 0), None);
    }
}
