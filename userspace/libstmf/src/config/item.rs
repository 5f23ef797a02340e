// SPDX-License-Identifier: GPL-2.0

//! One item of a configuration: a class and the attributes of the request that makes it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use serde_json::{Map, Value};
use stmf_model::metadata::DATA_START;
use stmf_uapi::{Attribute, Kind};

use super::class::Class;
use crate::attributes::{until_nul, Builder, DecodeError, Fields};
use crate::cli::harmless;
use crate::error::Error;
use crate::types::is_in_memory;

/// The value of an attribute in a form that can be compared: text without its NUL, integers of
/// variable length in eight bytes, all else as in messages.
type Bytes = Vec<u8>;

/// The class of an item by its rank, and the values of the attributes that tell it from others.
pub(crate) type ItemKey = (usize, Vec<Option<Bytes>>);

/// One thing that is configured.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) class: &'static Class,
    values: BTreeMap<u16, Bytes>,
}

impl Item {
    /// What a message says about an item of this class. What it unsets is set to nothing.
    pub(crate) fn from_fields(
        class: &'static Class,
        fields: &Fields<'_>,
    ) -> Result<Self, DecodeError> {
        let mut values = BTreeMap::new();
        for attribute in class.attributes() {
            if let Some(value) = normalize(attribute, fields)? {
                values.insert(attribute.number, value);
            }
        }
        for number in class.unset(fields)? {
            values.entry(number).or_default();
        }
        Ok(Self { class, values })
    }

    /// What a file says about an item of this class.
    pub(crate) fn from_json(class: &'static Class, json: &Value) -> Result<Self, String> {
        let members = json.as_object().ok_or("not an object")?;
        let mut values = BTreeMap::new();
        for (name, value) in members {
            let attribute = class
                .attributes()
                .find(|attribute| attribute.name == name)
                .ok_or_else(|| format!("{name}: unknown"))?;
            let value = parse(attribute, value).map_err(|problem| format!("{name}: {problem}"))?;
            values.insert(attribute.number, value);
        }
        let item = Self { class, values };
        match item.missing() {
            Some(name) => Err(format!("{name}: missing")),
            None => Ok(item),
        }
    }

    /// The name of an attribute that every item of the class has and this one has not.
    fn missing(&self) -> Option<&'static str> {
        let needed = self
            .class
            .owner
            .as_ref()
            .or_else(|| self.class.key.first())?;
        match self.values.contains_key(needed) {
            true => None,
            false => Some(self.class.attribute(*needed)?.name),
        }
    }

    pub(crate) fn to_json(&self) -> Value {
        let members = self.values.iter().filter_map(|(number, value)| {
            let attribute = self.class.attribute(*number)?;
            Some((attribute.name.to_owned(), show(attribute, value)))
        });
        Value::Object(members.collect::<Map<_, _>>())
    }

    /// An item of another class, about the same object.
    pub(crate) fn in_class(&self, class: &'static Class) -> Self {
        let own = self.class.key.iter().map(|number| self.values.get(number));
        let values = class.key.iter().zip(own);
        let values = values.filter_map(|(number, value)| Some((*number, value?.clone())));
        Self {
            class,
            values: values.collect(),
        }
    }

    /// What tells it from others of its class.
    pub(crate) fn key(&self) -> ItemKey {
        let values = self.class.key.iter();
        let values = values.map(|number| self.values.get(number).cloned());
        (self.class.rank(), values.collect())
    }

    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    fn value(&self, number: u16) -> Option<&[u8]> {
        self.values.get(&number).map(Vec::as_slice)
    }

    /// Name of the file of the store that it is in, as bytes.
    pub(crate) fn owner(&self) -> String {
        match self.class.owner {
            None => self.class.name.to_owned(),
            Some(number) => self.text(number).unwrap_or_default(),
        }
    }

    /// Whether the name of the file is known.
    pub(crate) fn has_owner(&self) -> bool {
        self.class
            .owner
            .is_none_or(|number| self.values.contains_key(&number))
    }

    /// Whether an attribute is this number, however many bits it has.
    pub(crate) fn has(&self, name: &str, value: u32) -> bool {
        self.named(name).map(number) == Some(value.into())
    }

    /// The value of the attribute of this name.
    fn named(&self, name: &str) -> Option<&[u8]> {
        let mut attributes = self.class.attributes();
        let attribute = attributes.find(|attribute| attribute.name == name)?;
        self.value(attribute.number)
    }

    /// An attribute that is a number, however many bits it has.
    pub(crate) fn number(&self, attribute: u16) -> Option<u64> {
        self.value(attribute).map(number)
    }

    /// An attribute that is text.
    pub(crate) fn text(&self, number: u16) -> Option<String> {
        let attribute = self.class.attribute(number)?;
        Some(plain(&show(attribute, self.value(number)?)))
    }

    /// All attributes, for the request that makes it.
    pub(crate) fn encode(&self) -> Builder {
        self.encode_some(|_| true)
    }

    /// The attributes of its key, for the request that removes it.
    pub(crate) fn encode_key(&self) -> Builder {
        self.encode_some(|number| self.class.key.contains(&number))
    }

    /// The key and what is wanted otherwise than it is, for the request that changes it.
    pub(crate) fn encode_changes(&self, current: &Self) -> Builder {
        let changes = self.changes(current);
        self.encode_some(|number| self.class.key.contains(&number) || changes.contains(&number))
    }

    /// One attribute, if it has it.
    pub(crate) fn encode_only(&self, which: u16) -> Builder {
        self.encode_some(|number| number == which)
    }

    fn encode_some(&self, which: impl Fn(u16) -> bool) -> Builder {
        let mut builder = Builder::new();
        for (number, value) in &self.values {
            if let Some(attribute) = self.class.attribute(*number).filter(|_| which(*number)) {
                builder = encode(builder, attribute, value);
            }
        }
        builder
    }

    /// The attributes that it has and that are otherwise in what there is.
    pub(crate) fn changes(&self, current: &Self) -> Vec<u16> {
        let values = self.values.iter();
        values
            .filter(|(number, value)| current.value(**number) != Some(value))
            .map(|(number, _)| *number)
            .collect()
    }

    /// Whether another one has all that this one says, but for what nobody is told who asks.
    pub(crate) fn is_in(&self, other: &Self) -> bool {
        let told = self.class.attributes().filter(|key| !is_secret(key.name));
        // What is set to nothing isn't there.
        told.filter_map(|key| Some((key.number, self.value(key.number)?)))
            .all(|(number, value)| other.value(number).unwrap_or_default() == value)
    }

    /// Whether the kernel can change what there is into it.
    pub(crate) fn can_become(&self, current: &Self) -> bool {
        let modifiable = self.class.modifiable();
        self.changes(current)
            .iter()
            .all(|number| modifiable.contains(number))
    }

    /// Whether it says that something is offline.
    pub(crate) fn is_state(&self) -> bool {
        self.class.is_state()
    }

    /// The file or device that it stands on; nothing when it stands on none.
    pub(crate) fn file(&self) -> Option<PathBuf> {
        let path = PathBuf::from(OsStr::from_bytes(self.named("file")?));
        Some(path).filter(|path| !is_in_memory(path))
    }

    /// Whether it has its data and its metadata where those were to be that were asked for.
    pub(crate) fn is_where(&self, asked: &Self) -> bool {
        let metadata = match self.has_head() {
            true => self.named("file"),
            false => self.named("meta-file"),
        };
        let is_at = |own: Option<&[u8]>, wanted: Option<&[u8]>| wanted.is_none() || own == wanted;
        is_at(self.named("file"), asked.named("file")) && is_at(metadata, asked.named("meta-file"))
    }

    /// Whether it is a disk that has its metadata in front of its data.
    pub(crate) fn has_head(&self) -> bool {
        self.has("meta-head", 1)
    }

    /// Refuses a disk whose file has become shorter than the disk was: what it lacks is lost, and
    /// would read as zeros.
    pub(crate) fn check_file(&self) -> Result<(), Error> {
        let (Some(size), Some(path)) = (self.named("size").map(number), self.file()) else {
            return Ok(());
        };
        let (start, behind) = match self.has_head() {
            true => (DATA_START, " behind its head"),
            false => (0, ""),
        };
        let length = match std::fs::metadata(&path) {
            Ok(file) if file.is_file() => file.len().saturating_sub(start),
            // What else may be wrong with it the kernel says.
            _ => return Ok(()),
        };
        if length >= size {
            return Ok(());
        }
        Err(Error::InvalidArgument {
            object: self.to_string(),
            attribute: Some("file"),
            message: format!(
                "file: {} has {length} bytes{behind} and the disk {size}: the rest is lost",
                harmless(&path.to_string_lossy())
            ),
        })
    }

    /// Names of attributes, with what they are and what they are to be.
    pub(crate) fn describe_changes(&self, current: &Self) -> String {
        let mut text = String::new();
        for number in self.changes(current) {
            let Some(attribute) = self.class.attribute(number) else {
                continue;
            };
            let (old, new) = (current.shown(attribute), self.shown(attribute));
            text += &format!(" {}: {old} -> {new}", attribute.name);
        }
        text
    }

    /// What it is besides its key.
    pub(crate) fn describe(&self) -> String {
        let more = self
            .values
            .keys()
            .filter(|number| !self.class.key.contains(number));
        let described = more.filter_map(|number| {
            let attribute = self.class.attribute(*number)?;
            Some(format!(" {}={}", attribute.name, self.shown(attribute)))
        });
        described.collect()
    }

    /// The value of an attribute, as it can be shown to people: the metadata of a disk are anybody's.
    fn shown(&self, attribute: &Attribute) -> String {
        match self.value(attribute.number) {
            _ if is_secret(attribute.name) => "…".to_owned(),
            None | Some([]) => "unset".to_owned(),
            Some(value) => harmless(&plain(&show(attribute, value))),
        }
    }

    /// Takes over what another one has and this one has not.
    pub(crate) fn complete(&mut self, other: &Self) {
        for (number, value) in &other.values {
            self.values.entry(*number).or_insert_with(|| value.clone());
        }
    }

    /// Whether it says something that nobody is told who asks.
    pub(crate) fn has_secrets(&self) -> bool {
        let mut attributes = self.class.attributes();
        attributes.any(|attribute| {
            is_secret(attribute.name) && self.values.contains_key(&attribute.number)
        })
    }

    /// Keeps what a request was about, and all else is as it was before.
    pub(crate) fn keep(&mut self, before: &Self, asked: &Self) {
        let is_asked = |number: &u16| asked.values.contains_key(number);
        self.values.retain(|number, _| is_asked(number));
        let others = before.values.iter().filter(|(number, _)| !is_asked(number));
        self.values
            .extend(others.map(|(number, value)| (*number, value.clone())));
    }

    /// Takes over those attributes of another one that nobody is told who asks.
    pub(crate) fn adopt_secrets(&mut self, other: &Self) {
        for attribute in self.class.attributes() {
            if let (true, Some(value)) = (is_secret(attribute.name), other.value(attribute.number))
            {
                let value = value.to_vec();
                self.values.entry(attribute.number).or_insert(value);
            }
        }
    }

    /// Forgets what is set to nothing.
    pub(crate) fn forget_empty(&mut self) {
        self.values.retain(|_, value| !value.is_empty());
    }
}

/// Items are equal when they say the same of the same thing.
impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.class.name == other.class.name && self.values == other.values
    }
}

/// An item is called by what its key says.
impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class.noun)?;
        for number in self.class.key {
            if let (Some(attribute), Some(text)) =
                (self.class.attribute(*number), self.text(*number))
            {
                let text = harmless(&text);
                match attribute.name {
                    "host-group" | "target-group" | "group" => {
                        write!(f, " {} {text}", attribute.name)?;
                    }
                    _ => write!(f, " {text}")?,
                }
            }
        }
        Ok(())
    }
}

fn is_secret(name: &str) -> bool {
    name.ends_with("secret")
}

fn normalize(attribute: &Attribute, fields: &Fields<'_>) -> Result<Option<Bytes>, DecodeError> {
    Ok(match attribute.kind {
        Kind::Uint => fields
            .uint(*attribute)?
            .map(|value| value.to_ne_bytes().to_vec()),
        Kind::String { .. } => fields
            .bytes(*attribute)
            .map(|value| until_nul(value).to_vec()),
        _ => fields.bytes(*attribute).map(<[u8]>::to_vec),
    })
}

fn encode(builder: Builder, attribute: &Attribute, value: &[u8]) -> Builder {
    match (attribute.kind, value.try_into()) {
        (Kind::Uint, Ok(bytes)) => builder.uint(*attribute, u64::from_ne_bytes(bytes)),
        (Kind::String { .. }, _) => builder.text(*attribute, OsStr::from_bytes(value)),
        _ => builder.bytes(*attribute, value),
    }
}

/// An integer of any width.
fn number(bytes: &[u8]) -> u64 {
    let mut wide = [0; 8];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    // Integers come in host order; Linux on big-endian machines has them at the other end.
    match cfg!(target_endian = "little") {
        true => u64::from_le_bytes(wide),
        false => bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    }
}

/// A value as files have it.
fn show(attribute: &Attribute, value: &[u8]) -> Value {
    match attribute.kind {
        Kind::Flag => Value::Bool(true),
        Kind::U8 { min: 0, max: 1 } => Value::Bool(value != [0]),
        Kind::U8 { .. } | Kind::U16 { .. } | Kind::U32 { .. } | Kind::Uint => number(value).into(),
        Kind::Binary { .. } => match <[u8; 16]>::try_from(value) {
            Ok(octets) if attribute.name == "address" => {
                Ipv6Addr::from(octets).to_canonical().to_string().into()
            }
            _ => hex(value).into(),
        },
        Kind::String { .. } => match std::str::from_utf8(value) {
            Ok(text) => text.into(),
            Err(_) => Value::Array(value.iter().map(|byte| (*byte).into()).collect()),
        },
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// The bytes of a value, if it is one that the attribute can have.
fn parse(attribute: &Attribute, value: &Value) -> Result<Bytes, String> {
    let within = |min: u64, max: u64| match value.as_u64() {
        Some(number) if (min..=max).contains(&number) => Ok(number),
        _ => Err(format!("expected a number from {min} to {max}")),
    };
    match attribute.kind {
        Kind::Flag => match value {
            Value::Bool(true) => Ok(Vec::new()),
            _ => Err("expected true".to_owned()),
        },
        Kind::U8 { min: 0, max: 1 } => match value {
            Value::Bool(on) => Ok(vec![u8::from(*on)]),
            _ => Err("expected true or false".to_owned()),
        },
        Kind::U8 { min, max } => {
            let number = within(min.into(), max.into())?;
            Ok(vec![u8::try_from(number).unwrap_or(max)])
        }
        Kind::U16 { min, max } => {
            let number = within(min.into(), max.into())?;
            Ok(u16::try_from(number).unwrap_or(max).to_ne_bytes().into())
        }
        Kind::U32 { min, max } => {
            let number = within(min.into(), max.into())?;
            Ok(u32::try_from(number).unwrap_or(max).to_ne_bytes().into())
        }
        Kind::Uint => Ok(within(0, u64::MAX)?.to_ne_bytes().into()),
        Kind::String { max } => text(value).and_then(|bytes| match bytes.len() {
            length if length > max => Err(format!("longer than {max} bytes")),
            _ if bytes.contains(&0) => Err("has a zero byte in it".to_owned()),
            _ => Ok(bytes),
        }),
        Kind::Binary { len } => {
            let text = value.as_str().unwrap_or_default();
            if attribute.name == "address" {
                let address: IpAddr = text.parse().map_err(|_| "expected an IP address")?;
                let octets = match address {
                    IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
                    IpAddr::V6(address) => address.octets(),
                };
                return Ok(octets.into());
            }
            unhex(text)
                .filter(|bytes| bytes.len() == len)
                .ok_or_else(|| format!("expected {len} bytes in hexadecimal"))
        }
    }
}

/// Text, or the bytes of what is no UTF-8.
fn text(value: &Value) -> Result<Bytes, String> {
    let byte = |value: &Value| value.as_u64().and_then(|byte| u8::try_from(byte).ok());
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Array(bytes) => bytes.iter().map(byte).collect::<Option<_>>(),
        _ => None,
    }
    .ok_or_else(|| "expected text".to_owned())
}

pub(super) fn unhex(text: &str) -> Option<Bytes> {
    let digits = text.as_bytes().chunks(2);
    digits
        .map(|pair| match pair {
            [high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()
            }
            _ => None,
        })
        .collect()
}
