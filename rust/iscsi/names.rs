// SPDX-License-Identifier: GPL-2.0

//! iSCSI names (RFC 7143 4.2.7).

use core::{
    fmt,
    str, //
};

/// The longest iSCSI name, in bytes of UTF-8.
pub const MAX_NAME_LEN: usize = 223;

/// Why a string is no iSCSI name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// It is longer than 223 bytes.
    TooLong,
    /// It begins with none of `iqn.`, `eui.` and `naa.`, or has nothing behind that.
    UnknownType,
    /// It has a character that names don't have.
    BadCharacter,
    /// An `eui.` or `naa.` name has the wrong number of digits.
    BadDigits,
}

/// An iSCSI name in its normal form, in which equal names have equal bytes.
///
/// Upper-case ASCII letters become lower-case ones. Of the string preparation of RFC 3722 that is
/// all: characters beyond ASCII stay as they are. The underscore, which RFC 3722 forbids, is
/// allowed, because names made from host names have it.
#[derive(Clone, Copy)]
pub struct IscsiName {
    bytes: [u8; MAX_NAME_LEN],
    len: u8,
}

impl IscsiName {
    /// Checks and normalises a name.
    pub fn parse(name: &str) -> Result<Self, NameError> {
        let mut normal = Self {
            bytes: [0; MAX_NAME_LEN],
            len: u8::try_from(name.len()).map_err(|_| NameError::TooLong)?,
        };
        let room = normal.bytes.get_mut(..name.len());
        for (to, from) in room.ok_or(NameError::TooLong)?.iter_mut().zip(name.bytes()) {
            *to = from.to_ascii_lowercase();
        }
        check(normal.as_str())?;
        Ok(normal)
    }

    /// The name in its normal form.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len));
        // Lower-casing ASCII letters leaves UTF-8 what it was.
        str::from_utf8(bytes.unwrap_or(&[])).unwrap_or("")
    }
}

impl PartialEq for IscsiName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for IscsiName {}

impl fmt::Display for IscsiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for IscsiName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

/// Checks a name in lower case.
fn check(name: &str) -> Result<(), NameError> {
    if let Some(rest) = name.strip_prefix("iqn.") {
        return check_iqn(rest);
    }
    let (digits, good_lengths): (_, &[usize]) = if let Some(digits) = name.strip_prefix("eui.") {
        (digits, &[16])
    } else if let Some(digits) = name.strip_prefix("naa.") {
        (digits, &[16, 32])
    } else {
        return Err(NameError::UnknownType);
    };
    let all_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !all_hex || !good_lengths.contains(&digits.len()) {
        return Err(NameError::BadDigits);
    }
    Ok(())
}

/// Checks what follows `iqn.`: its characters, not whether there is a date and a domain, since
/// initiators get by with names that lack them.
fn check_iqn(rest: &str) -> Result<(), NameError> {
    let good = |c: char| match c {
        'a'..='z' | '0'..='9' | '-' | '.' | ':' | '_' => true,
        c => !c.is_ascii() && !c.is_control() && !c.is_whitespace(),
    };
    if rest.is_empty() {
        return Err(NameError::UnknownType);
    }
    if !rest.chars().all(good) {
        return Err(NameError::BadCharacter);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, string::ToString};

    #[test]
    fn good_names() {
        let names = [
            "iqn.1994-05.com.redhat:a0b1c2",
            "iqn.1991-05.com.microsoft:my_host.example",
            "iqn.2001-04.com.example:störung",
            "eui.02004567a425678d",
            "naa.52004567ba64678d",
            "naa.62004567ba64678d0123456789abcdef",
        ];
        for name in names {
            assert_eq!(IscsiName::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn case_does_not_matter() {
        let upper = IscsiName::parse("IQN.1991-05.COM.Microsoft:HOST").unwrap();
        let lower = IscsiName::parse("iqn.1991-05.com.microsoft:host").unwrap();
        assert_eq!(upper, lower);
        assert_eq!(upper.to_string(), "iqn.1991-05.com.microsoft:host");
        assert!(IscsiName::parse("eui.02004567A425678D").is_ok());
    }

    #[test]
    fn bad_names() {
        let cases = [
            ("", NameError::UnknownType),
            ("iqn.", NameError::UnknownType),
            ("iqn", NameError::UnknownType),
            ("wwn.1", NameError::UnknownType),
            ("iqn.2001-04.com.example:a b", NameError::BadCharacter),
            ("iqn.2001-04.com.example:a/b", NameError::BadCharacter),
            ("iqn.2001-04.com.example:\u{a0}", NameError::BadCharacter),
            ("iqn.2001-04.com.example:\u{85}", NameError::BadCharacter),
            ("eui.02004567a425678", NameError::BadDigits),
            ("eui.02004567a425678g", NameError::BadDigits),
            ("naa.02004567a425678d0", NameError::BadDigits),
        ];
        for (name, error) in cases {
            assert_eq!(IscsiName::parse(name), Err(error), "{name:?}");
        }
    }

    #[test]
    fn the_length_is_limited_in_bytes() {
        let name = |len: usize| format!("iqn.{}", "a".repeat(len - 4));
        assert!(IscsiName::parse(&name(MAX_NAME_LEN)).is_ok());
        for len in [MAX_NAME_LEN + 1, 255, 256, 70000] {
            assert_eq!(IscsiName::parse(&name(len)), Err(NameError::TooLong));
        }
    }
}
