// SPDX-License-Identifier: GPL-2.0

//! Text segments: `key=value` pairs, each ended by a NUL (RFC 7143 6.1).

use core::{
    fmt::{
        self,
        Write, //
    },
    iter,
    str, //
};

/// The longest key name.
pub const MAX_KEY_LEN: usize = 63;

/// The longest value that a key without a limit of its own may have.
pub const MAX_SIMPLE_VALUE_LEN: usize = 255;

/// The longest value of any key: what large binary values need.
pub const MAX_VALUE_LEN: usize = 8192;

/// The answer to a key that is not known here.
pub const NOT_UNDERSTOOD: &str = "NotUnderstood";

/// The answer to a key that has no meaning now.
pub const IRRELEVANT: &str = "Irrelevant";

/// The answer to a value that can't be.
pub const REJECT: &str = "Reject";

/// What is wrong with a text segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// The last pair has no NUL at its end.
    MissingNul,
    /// A pair has no `=`.
    MissingEquals,
    /// A key is empty, too long, or has a character that keys don't have.
    BadKey,
    /// A value is too long or not UTF-8.
    BadValue,
}

/// One `key=value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<'a> {
    /// The key.
    pub key: &'a str,
    /// The value, perhaps empty.
    pub value: &'a str,
}

impl<'a> Pair<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, TextError> {
        let equals = position(bytes, b'=').ok_or(TextError::MissingEquals)?;
        let (key, rest) = bytes.split_at_checked(equals).ok_or(TextError::BadKey)?;
        let (_, value) = rest.split_first().ok_or(TextError::BadKey)?;
        let good_key = (1..=MAX_KEY_LEN).contains(&key.len()) && key.iter().all(is_key_char);
        if !good_key {
            return Err(TextError::BadKey);
        }
        if value.len() > MAX_VALUE_LEN {
            return Err(TextError::BadValue);
        }
        Ok(Self {
            key: str::from_utf8(key).map_err(|_| TextError::BadKey)?,
            value: str::from_utf8(value).map_err(|_| TextError::BadValue)?,
        })
    }
}

/// Letters, digits and the marks of a standard-label, and the `#` of `X#` keys.
fn is_key_char(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b".-+@_#".contains(byte)
}

fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

/// The pairs of a text segment, in order; ends after the first error.
#[derive(Clone, Debug)]
pub struct Pairs<'a> {
    rest: &'a [u8],
}

impl<'a> Pairs<'a> {
    /// The pairs in `text`, which is a whole text: nothing of it is in other PDUs.
    pub fn new(text: &'a [u8]) -> Self {
        Self { rest: text }
    }

    fn take(&mut self) -> Result<Pair<'a>, TextError> {
        let nul = position(self.rest, 0).ok_or(TextError::MissingNul)?;
        let (pair, rest) = self.rest.split_at_checked(nul).unwrap_or((&[], &[]));
        self.rest = rest.split_first().map_or(&[], |(_nul, rest)| rest);
        Pair::parse(pair)
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Result<Pair<'a>, TextError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let pair = self.take();
        if pair.is_err() {
            self.rest = &[];
        }
        Some(pair)
    }
}

/// There is no room for a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overflow;

/// Writes pairs into a buffer, whole or not at all.
#[derive(Debug)]
pub struct TextWriter<'a> {
    buf: &'a mut [u8],
    len: usize,
}

impl<'a> TextWriter<'a> {
    /// Writes to the start of `buf`.
    pub fn new(buf: &'a mut [u8]) -> Self {
        Self { buf, len: 0 }
    }

    /// Writes after the first `len` bytes of `buf`, which an earlier writer filled.
    pub fn resume(buf: &'a mut [u8], len: usize) -> Self {
        let len = len.min(buf.len());
        Self { buf, len }
    }

    /// How many bytes are written.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What is written.
    pub fn written(&self) -> &[u8] {
        self.buf.get(..self.len).unwrap_or(&[])
    }

    /// Adds `key=value` and its NUL.
    ///
    /// If there is no room for all of it, or there is a NUL in it, nothing is added.
    pub fn pair(&mut self, key: &str, value: impl fmt::Display) -> Result<(), Overflow> {
        let start = self.len;
        let written = write!(Unended(self), "{key}={value}").and_then(|()| self.put(&[0]));
        if written.is_err() {
            self.len = start;
        }
        written.map_err(|fmt::Error| Overflow)
    }

    fn put(&mut self, bytes: &[u8]) -> fmt::Result {
        let end = self.len.checked_add(bytes.len()).ok_or(fmt::Error)?;
        let room = self.buf.get_mut(self.len..end).ok_or(fmt::Error)?;
        for (to, from) in room.iter_mut().zip(bytes) {
            *to = *from;
        }
        self.len = end;
        Ok(())
    }
}

/// A pair being written, which has no NUL yet and must not get one from its value.
struct Unended<'w, 'a>(&'w mut TextWriter<'a>);

impl Write for Unended<'_, '_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        if part.contains('\0') {
            return Err(fmt::Error);
        }
        self.0.put(part.as_bytes())
    }
}

/// Memory for texts that take several PDUs. It has to keep its contents from one of them to the
/// next.
#[derive(Debug)]
pub struct Scratch<'b> {
    /// For text that comes in pieces: as long as the longest text that is accepted.
    pub input: &'b mut [u8],
    /// For answers: as long as the longest that is given.
    pub output: &'b mut [u8],
}

impl Scratch<'_> {
    /// Adds a piece of text to the `collected` bytes that came before it, and says how much there
    /// is now.
    pub(crate) fn collect(&mut self, collected: usize, piece: &[u8]) -> Result<usize, Overflow> {
        let end = collected.checked_add(piece.len()).ok_or(Overflow)?;
        let room = self.input.get_mut(collected..end).ok_or(Overflow)?;
        for (to, from) in room.iter_mut().zip(piece) {
            *to = *from;
        }
        Ok(end)
    }
}

/// The characters of a text that is for people alone, with `?` for those that control terminals or end
/// lines.
pub fn shown(value: &str) -> impl Iterator<Item = char> + '_ {
    let is_seen = |c: &char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    value
        .chars()
        .map(move |c| if is_seen(&c) { c } else { '?' })
}

/// A decimal or hexadecimal constant of at most 64 bits (RFC 7143 6.1, numerical-value).
pub fn number(value: &str) -> Option<u64> {
    let (digits, radix) = match value.strip_prefix("0x").or(value.strip_prefix("0X")) {
        Some(digits) => (digits, 16),
        None => (value, 10),
    };
    if digits.is_empty() {
        return None;
    }
    digits.chars().try_fold(0_u64, |number, digit| {
        let digit = u64::from(digit.to_digit(16)?);
        let shifted = number.checked_mul(radix)?;
        shifted.checked_add((digit < radix).then_some(digit)?)
    })
}

/// The bytes of a binary value, in hexadecimal digits or Base64 (RFC 7143 6.1, binary-value);
/// `None` also if they don't fit into `out`.
pub fn binary<'o>(value: &str, out: &'o mut [u8]) -> Option<&'o [u8]> {
    let (prefix, digits) = value.split_at_checked(2)?;
    let len = match prefix {
        "0x" | "0X" => from_hex(digits.as_bytes(), out)?,
        "0b" | "0B" => from_base64(digits.as_bytes(), out)?,
        _ => return None,
    };
    out.get(..len)
}

fn from_hex(digits: &[u8], out: &mut [u8]) -> Option<usize> {
    let nibble = |digit: u8| char::from(digit).to_digit(16);
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    let len = pairs.len();
    for (pair, byte) in pairs.zip(out.get_mut(..len)?) {
        let [high, low] = *pair.first_chunk()?;
        *byte = u8::try_from(nibble(high)? << 4 | nibble(low)?).ok()?;
    }
    Some(len)
}

/// RFC 4648 4, with its padding.
fn from_base64(digits: &[u8], out: &mut [u8]) -> Option<usize> {
    let groups = digits.chunks_exact(4);
    if !groups.remainder().is_empty() {
        return None;
    }
    let (mut len, mut left) = (0_usize, groups.len());
    for group in groups {
        left = left.saturating_sub(1);
        let is_last = left == 0;
        let bytes = match group {
            [.., b'=', b'='] if is_last => 1,
            [.., b'='] if is_last => 2,
            _ => 3,
        };
        // One digit more than bytes.
        let count = usize::checked_add(bytes, 1)?;
        let digits = group.iter().take(count).map(|digit| sextet(*digit));
        let padding = group.iter().skip(count).map(|_| Some(0));
        let word = digits
            .chain(padding)
            .try_fold(0_u32, |word, sextet| Some(word << 6 | sextet?))?;
        let [_, decoded @ ..] = word.to_be_bytes();
        let end = len.checked_add(bytes)?;
        for (to, from) in out.get_mut(len..end)?.iter_mut().zip(decoded) {
            *to = from;
        }
        len = end;
    }
    Some(len)
}

fn sextet(digit: u8) -> Option<u32> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    u32::try_from(position(DIGITS, digit)?).ok()
}

/// Writes bytes as a binary value.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("0x")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// `lower~upper` with `lower ≤ upper` (RFC 7143 6.1, numeric-range).
pub fn range(value: &str) -> Option<(u64, u64)> {
    let (lower, upper) = cut(value, b'~')?;
    let (lower, upper) = (number(lower)?, number(upper)?);
    (lower <= upper).then_some((lower, upper))
}

/// `Yes` or `No` (RFC 7143 6.1, boolean-value).
pub fn boolean(value: &str) -> Option<bool> {
    match value {
        "Yes" => Some(true),
        "No" => Some(false),
        _ => None,
    }
}

/// How a boolean is written.
pub const fn yes_no(value: bool) -> &'static str {
    if value {
        "Yes"
    } else {
        "No"
    }
}

/// The values of a list, most wanted first (RFC 7143 6.1, list-of-values).
pub fn list(value: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(value);
    iter::from_fn(move || {
        let all = rest?;
        let (first, others) = match cut(all, b',') {
            Some((first, others)) => (first, Some(others)),
            None => (all, None),
        };
        rest = others;
        Some(first)
    })
}

/// What is before and what is after the first `mark`, an ASCII character.
fn cut(value: &str, mark: u8) -> Option<(&str, &str)> {
    let (before, rest) = value.split_at_checked(position(value.as_bytes(), mark)?)?;
    Some((before, rest.get(1..)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, vec::Vec};

    fn pairs(text: &[u8]) -> Result<Vec<(&str, &str)>, TextError> {
        let each = Pairs::new(text).map(|pair| pair.map(|pair| (pair.key, pair.value)));
        each.collect()
    }

    #[test]
    fn pairs_come_in_order() {
        let text = b"SessionType=Normal\0X-com.example.a=\0TargetAlias=a=b\0";
        let expected = [
            ("SessionType", "Normal"),
            ("X-com.example.a", ""),
            ("TargetAlias", "a=b"),
        ];
        assert_eq!(pairs(text).unwrap(), expected);
        assert_eq!(pairs(b"").unwrap(), []);
    }

    #[test]
    fn malformed_text_ends_the_pairs() {
        let cases: [(&[u8], TextError); 8] = [
            (b"A=b", TextError::MissingNul),
            (b"A=b\0C=d", TextError::MissingNul),
            (b"\0", TextError::MissingEquals),
            (b"A=b\0\0", TextError::MissingEquals),
            (b"Key\0", TextError::MissingEquals),
            (b"=value\0", TextError::BadKey),
            (b"Ke y=value\0", TextError::BadKey),
            (b"A=\xff\0", TextError::BadValue),
        ];
        for (text, error) in cases {
            assert_eq!(pairs(text), Err(error), "{text:?}");
        }
        let mut broken = Pairs::new(b"\0A=b\0");
        assert!(broken.next().unwrap().is_err());
        assert!(broken.next().is_none());
    }

    #[test]
    fn lengths_have_limits() {
        let key = |len: usize| format!("{}=v\0", "K".repeat(len));
        assert!(pairs(key(MAX_KEY_LEN).as_bytes()).is_ok());
        assert_eq!(
            pairs(key(MAX_KEY_LEN + 1).as_bytes()),
            Err(TextError::BadKey)
        );
        let value = |len: usize| format!("K={}\0", "v".repeat(len));
        assert!(pairs(value(MAX_VALUE_LEN).as_bytes()).is_ok());
        assert_eq!(
            pairs(value(MAX_VALUE_LEN + 1).as_bytes()),
            Err(TextError::BadValue)
        );
    }

    #[test]
    fn a_pair_that_does_not_fit_leaves_no_trace() {
        let mut buf = [0xaa; 10];
        let mut out = TextWriter::new(&mut buf);
        assert_eq!(out.pair("A", "bc"), Ok(()));
        assert_eq!(out.pair("D", "efg"), Err(Overflow));
        assert_eq!(out.pair("D", 17), Ok(()));
        assert_eq!(out.pair("", ""), Err(Overflow));
        assert_eq!(out.written(), b"A=bc\0D=17\0");
    }

    #[test]
    fn a_nul_in_a_value_is_no_way_to_add_a_key() {
        let mut buf = [0; 64];
        let mut out = TextWriter::new(&mut buf);
        assert_eq!(out.pair("TargetAlias", "a\0AuthMethod=None"), Err(Overflow));
        assert!(out.is_empty());
    }

    #[test]
    fn what_is_shown_controls_nothing() {
        let shown = |value: &str| shown(value).collect::<std::string::String>();
        assert_eq!(shown("gr\u{fc}n 1"), "gr\u{fc}n 1");
        assert_eq!(shown("\u{1b}[31m\r\n\t\u{7f}\u{9b}\u{2028}"), "?[31m??????");
        // Miri takes hours for all of them.
        let step = if cfg!(miri) { 4099 } else { 1 };
        for c in ('\0'..=char::MAX).step_by(step) {
            let mut bytes = [0; 4];
            let text = &*c.encode_utf8(&mut bytes);
            assert!(shown(text).len() <= text.len(), "{c:?} gets longer");
        }
    }

    #[test]
    fn numbers() {
        let good = [
            ("0", 0),
            ("65536", 65536),
            ("0x1F", 0x1f),
            ("0XfF", 0xff),
            ("18446744073709551615", u64::MAX),
        ];
        for (value, expected) in good {
            assert_eq!(number(value), Some(expected), "{value}");
        }
        let bad = [
            "",
            "0x",
            "-1",
            "+1",
            "0x+1",
            "1 ",
            "f",
            "18446744073709551616",
            "Yes",
            "1,2",
        ];
        for value in bad {
            assert_eq!(number(value), None, "{value}");
        }
    }

    #[test]
    fn binary_values() {
        let good: [(&str, &[u8]); 9] = [
            ("0x", b""),
            ("0X00fF", &[0, 0xff]),
            ("0b", b""),
            ("0BZg==", b"f"),
            ("0bZm8=", b"fo"),
            ("0bZm9v", b"foo"),
            ("0bZm9vYg==", b"foob"),
            ("0bZm9vYmE=", b"fooba"),
            ("0b+/8=", &[0xfb, 0xff]),
        ];
        let mut out = [0; 5];
        for (value, expected) in good {
            assert_eq!(binary(value, &mut out), Some(expected), "{value}");
        }
        let bad = [
            "",
            "0",
            "00",
            "0x0",
            "0x0g",
            "0x010203040506",
            "0bZ",
            "0bZg",
            "0bZg=",
            "0bZ===",
            "0b====",
            "0bZg==Zg==",
            "0bZm9vYmFy",
            "0bZm 8=",
            "0x+1",
            "\u{e4}x",
        ];
        for value in bad {
            assert_eq!(binary(value, &mut out), None, "{value}");
        }
        assert_eq!(format!("{}", Hex(&[0, 0xab])), "0x00ab");
    }

    #[test]
    fn ranges_booleans_lists() {
        assert_eq!(range("1~0x10"), Some((1, 16)));
        assert_eq!(range("2~1"), None);
        assert_eq!(range("2"), None);
        assert_eq!(boolean("Yes"), Some(true));
        assert_eq!(boolean("No"), Some(false));
        assert_eq!(boolean("yes"), None);
        assert_eq!(range("~2"), None);
        let cases: [(&str, &[&str]); 4] = [
            ("CRC32C,None", &["CRC32C", "None"]),
            ("None", &["None"]),
            ("", &[""]),
            (",a,", &["", "a", ""]),
        ];
        for (value, expected) in cases {
            let values: Vec<&str> = list(value).collect();
            assert_eq!(values, expected);
        }
    }
}
