// SPDX-License-Identifier: GPL-2.0

//! Names of ports and groups.

use crate::text::{
    text_type,
    Text, //
};
use core::fmt;

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is empty.
    Empty,
    /// It is longer than such names may be.
    TooLong,
    /// It begins with none of the prefixes that tell what follows.
    UnknownForm,
    /// It has a character that such names don't have.
    BadCharacter,
    /// It has not the right number of hexadecimal digits.
    BadDigits,
    /// It begins with `*`, which stands for everyone.
    Reserved,
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "name is empty",
            Self::TooLong => "name is too long",
            Self::UnknownForm => "name has an unknown form",
            Self::BadCharacter => "name has an invalid character",
            Self::BadDigits => "name has the wrong number of hexadecimal digits",
            Self::Reserved => "name is reserved",
        })
    }
}

impl core::error::Error for NameError {}

/// Longest iSCSI name in bytes (RFC 7143 4.2.7.1).
const ISCSI_NAME_MAX: usize = 223;

/// An iSCSI name in its normal form, in which equal names have equal bytes.
///
/// `iqn.` is followed by letters, digits, `-`, `.` and `:`, `eui.` by 16 hexadecimal digits and
/// `naa.` by 16 or 32. ASCII letters are lower-case. Characters beyond ASCII are taken as they
/// come, and so is `_`, which host names in initiators' names often have.
#[derive(Clone, Copy)]
pub struct IscsiName(Text<ISCSI_NAME_MAX>);

text_type!(IscsiName);

impl IscsiName {
    /// Longest name in bytes.
    pub const MAX_LEN: usize = ISCSI_NAME_MAX;

    /// Checks a name and brings it into normal form.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let mut text = Text::new(name).ok_or(NameError::TooLong)?;
        text.make_ascii_lowercase();
        check_iscsi(text.as_str())?;
        Ok(Self(text))
    }
}

/// Checks an iSCSI name in lower case.
fn check_iscsi(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    if let Some(rest) = name.strip_prefix("iqn.") {
        return check_qualified(rest);
    }
    if let Some(digits) = name.strip_prefix("eui.") {
        return check_hex(digits, &[16]);
    }
    if let Some(digits) = name.strip_prefix("naa.") {
        return check_hex(digits, &[16, 32]);
    }
    Err(NameError::UnknownForm)
}

/// Checks what follows `iqn.`. Initiators with neither a date nor a domain in their names exist,
/// so that only the characters are looked at.
fn check_qualified(rest: &str) -> Result<(), NameError> {
    let allowed = |c: char| {
        if c.is_ascii() {
            c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_')
        } else {
            !c.is_control() && !c.is_whitespace()
        }
    };
    if rest.is_empty() {
        return Err(NameError::UnknownForm);
    }
    if !rest.chars().all(allowed) {
        return Err(NameError::BadCharacter);
    }
    Ok(())
}

fn check_hex(digits: &str, lengths: &[usize]) -> Result<(), NameError> {
    let good = lengths.contains(&digits.len()) && digits.bytes().all(|c| c.is_ascii_hexdigit());
    good.then_some(()).ok_or(NameError::BadDigits)
}

/// The name of an initiator or target port of any transport, in its normal form.
///
/// It is an iSCSI name, or `wwn.` and the 16 hexadecimal digits of a Fibre Channel or SAS port.
/// The digits of `wwn.` and `eui.` are upper-case, as administrators of COMSTAR know them.
#[derive(Clone, Copy)]
pub struct PortName(Text<ISCSI_NAME_MAX>);

text_type!(PortName);

impl PortName {
    /// Longest name in bytes.
    pub const MAX_LEN: usize = ISCSI_NAME_MAX;

    /// Length of `wwn.` and `eui.`.
    const PREFIX_LEN: usize = 4;

    /// Checks a name and brings it into normal form.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let mut text = Text::new(name).ok_or(NameError::TooLong)?;
        text.make_ascii_lowercase();
        match text.as_str().strip_prefix("wwn.") {
            Some(digits) => check_hex(digits, &[16])?,
            None => check_iscsi(text.as_str())?,
        }
        if text.as_str().starts_with("wwn.") || text.as_str().starts_with("eui.") {
            text.make_ascii_uppercase_after(Self::PREFIX_LEN);
        }
        Ok(Self(text))
    }
}

/// Longest name of a transport's own in bytes.
const END_NAME_MAX: usize = 255;

/// What one end of a session is called: a [`PortName`] where the name has that form, and else,
/// for transports with names of their own, the text as it is.
#[derive(Clone, Copy)]
pub struct EndName(Text<END_NAME_MAX>);

text_type!(EndName);

impl EndName {
    /// Longest name in bytes.
    pub const MAX_LEN: usize = END_NAME_MAX;

    /// Takes a name, in normal form if it has one.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if let Ok(port) = PortName::new(name) {
            return Ok(port.into());
        }
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.chars().any(char::is_control) {
            return Err(NameError::BadCharacter);
        }
        Text::new(name).map(Self).ok_or(NameError::TooLong)
    }
}

impl From<PortName> for EndName {
    fn from(name: PortName) -> Self {
        Self(name.0.widen())
    }
}

/// Longest group name in bytes.
const GROUP_NAME_MAX: usize = 255;

/// The name of a host group or target group: 1 to 255 bytes without control characters, the case
/// of which matters.
#[derive(Clone, Copy)]
pub struct GroupName(Text<GROUP_NAME_MAX>);

text_type!(GroupName);

impl GroupName {
    /// Longest name in bytes.
    pub const MAX_LEN: usize = GROUP_NAME_MAX;

    /// Checks a name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name.starts_with('*') {
            return Err(NameError::Reserved);
        }
        if name.chars().any(char::is_control) {
            return Err(NameError::BadCharacter);
        }
        Text::new(name).map(Self).ok_or(NameError::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::{
        format,
        string::{String, ToString}, //
    };

    #[test]
    fn iscsi_names() {
        for (name, normal) in [
            (
                "iqn.1994-05.com.redhat:a0b1c2",
                Ok("iqn.1994-05.com.redhat:a0b1c2"),
            ),
            (
                "IQN.1991-05.COM.Example:HOST",
                Ok("iqn.1991-05.com.example:host"),
            ),
            ("iqn.x", Ok("iqn.x")),
            (
                "iqn.2001-04.com.example:a_b",
                Ok("iqn.2001-04.com.example:a_b"),
            ),
            (
                "iqn.2001-04.com.example:störung",
                Ok("iqn.2001-04.com.example:störung"),
            ),
            ("eui.02004567A425678D", Ok("eui.02004567a425678d")),
            ("naa.52004567BA64678D", Ok("naa.52004567ba64678d")),
            (
                "naa.62004567BA64678D0123456789ABCDEF",
                Ok("naa.62004567ba64678d0123456789abcdef"),
            ),
            ("", Err(NameError::Empty)),
            ("iqn", Err(NameError::UnknownForm)),
            ("iqn.", Err(NameError::UnknownForm)),
            ("wwn.2100001B32A1B2C3", Err(NameError::UnknownForm)),
            ("host1", Err(NameError::UnknownForm)),
            ("iqn.2001-04.com.example:a b", Err(NameError::BadCharacter)),
            ("iqn.2001-04.com.example:a/b", Err(NameError::BadCharacter)),
            ("iqn.2001-04.com.example:a\0", Err(NameError::BadCharacter)),
            (
                "iqn.2001-04.com.example:\u{a0}",
                Err(NameError::BadCharacter),
            ),
            ("eui.02004567A425678", Err(NameError::BadDigits)),
            ("eui.02004567A425678DD", Err(NameError::BadDigits)),
            ("eui.02004567A425678G", Err(NameError::BadDigits)),
            ("naa.", Err(NameError::BadDigits)),
        ] {
            let parsed = IscsiName::new(name);
            let parsed = parsed
                .as_ref()
                .map(IscsiName::as_str)
                .map_err(|error| *error);
            assert_eq!(parsed, normal, "{name:?}");
        }
    }

    #[test]
    fn port_names() {
        for (name, normal) in [
            ("wwn.2100001b32a1b2c3", Ok("wwn.2100001B32A1B2C3")),
            ("WWN.2100001B32A1B2C3", Ok("wwn.2100001B32A1B2C3")),
            ("EUI.02004567a425678d", Ok("eui.02004567A425678D")),
            ("iqn.2001-04.com.example:A", Ok("iqn.2001-04.com.example:a")),
            ("wwn.2100001b32a1b2c", Err(NameError::BadDigits)),
            ("wwn.", Err(NameError::BadDigits)),
            ("2100001b32a1b2c3", Err(NameError::UnknownForm)),
        ] {
            let parsed = PortName::new(name);
            let parsed = parsed
                .as_ref()
                .map(PortName::as_str)
                .map_err(|error| *error);
            assert_eq!(parsed, normal, "{name:?}");
        }
    }

    #[test]
    fn group_names() {
        for (name, good) in [
            ("HostA", Ok(())),
            ("Gruppe Süd", Ok(())),
            ("a*", Ok(())),
            ("", Err(NameError::Empty)),
            ("*", Err(NameError::Reserved)),
            ("*a", Err(NameError::Reserved)),
            ("a\n", Err(NameError::BadCharacter)),
            ("a\0b", Err(NameError::BadCharacter)),
        ] {
            assert_eq!(GroupName::new(name).map(|_| ()), good, "{name:?}");
        }
        assert_ne!(GroupName::new("A"), GroupName::new("a"), "case matters");
    }

    #[test]
    fn ends_of_sessions_have_any_name() {
        for (name, normal) in [
            ("IQN.2026-11.org.example:A", Ok("iqn.2026-11.org.example:a")),
            ("eui.02004567a425678d", Ok("eui.02004567A425678D")),
            ("Loopback 0", Ok("Loopback 0")),
            ("", Err(NameError::Empty)),
            ("a\n", Err(NameError::BadCharacter)),
        ] {
            let parsed = EndName::new(name);
            let parsed = parsed.as_ref().map(EndName::as_str).map_err(|error| *error);
            assert_eq!(parsed, normal, "{name:?}");
        }
        assert!(EndName::new(&"a".repeat(255)).is_ok());
        assert_eq!(EndName::new(&"a".repeat(256)), Err(NameError::TooLong));
    }

    #[test]
    fn lengths_are_limited_in_bytes() {
        let name = |len: usize| format!("iqn.{}", "a".repeat(len - 4));
        assert!(IscsiName::new(&name(223)).is_ok());
        assert!(PortName::new(&name(223)).is_ok());
        for len in [224, 255, 256, 65536, 70000] {
            assert_eq!(IscsiName::new(&name(len)), Err(NameError::TooLong));
            assert_eq!(PortName::new(&name(len)), Err(NameError::TooLong));
        }
        assert!(GroupName::new(&"a".repeat(255)).is_ok());
        assert_eq!(GroupName::new(&"a".repeat(256)), Err(NameError::TooLong));
        assert_eq!(GroupName::new(&"ä".repeat(128)), Err(NameError::TooLong));
    }

    #[test]
    fn names_are_compared_as_text() {
        let long = GroupName::new("ab").unwrap();
        let short = GroupName::new("a").unwrap();
        assert!(short < long);
        assert_eq!(format!("{long:>4}|{long:?}"), "  ab|\"ab\"");
    }

    proptest! {
        #[test]
        fn the_normal_form_is_final(name in "(iqn|IQN|eui|naa|wwn)\\.[0-9a-fA-F:._-]{0,40}") {
            if let Ok(name) = PortName::new(&name) {
                prop_assert_eq!(PortName::new(name.as_str()), Ok(name));
            }
        }

        #[test]
        fn any_text_is_taken_or_refused(text: String) {
            if let Ok(name) = GroupName::new(&text) {
                prop_assert_eq!(name.to_string(), text.clone());
            }
            let _ = PortName::new(&text);
            let _ = IscsiName::new(&text);
        }
    }
}
