// SPDX-License-Identifier: GPL-2.0

//! Text in place, without allocation.

/// UTF-8 text of at most `N` bytes.
///
/// Texts are compared, ordered and hashed as text, so that the unused bytes play no part.
///
/// # Invariants
///
/// The first `len` bytes are UTF-8; `len` is at most `N`.
#[derive(Clone, Copy)]
pub(crate) struct Text<const N: usize> {
    bytes: [u8; N],
    len: u16,
}

impl<const N: usize> Text<N> {
    /// Copies a text; `None` when it is too long.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; N];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        // INVARIANT: The slice above has shown that the text fits.
        Some(Self {
            bytes,
            len: text.len().try_into().ok()?,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        self.bytes
            .get(..usize::from(self.len))
            .and_then(|bytes| core::str::from_utf8(bytes).ok())
            .unwrap_or_default()
    }

    /// The same text with room for more.
    pub(crate) fn widen<const M: usize>(&self) -> Text<M> {
        const { assert!(M >= N) };
        let mut bytes = [0; M];
        for (to, from) in bytes.iter_mut().zip(&self.bytes) {
            *to = *from;
        }
        // INVARIANT: All bytes are there, because there is room for them.
        Text {
            bytes,
            len: self.len,
        }
    }

    pub(crate) fn make_ascii_lowercase(&mut self) {
        // INVARIANT: This leaves UTF-8 what it is.
        self.bytes.make_ascii_lowercase();
    }

    pub(crate) fn make_ascii_uppercase_after(&mut self, start: usize) {
        if let Some(tail) = self.bytes.get_mut(start..) {
            // INVARIANT: This leaves UTF-8 what it is.
            tail.make_ascii_uppercase();
        }
    }
}

/// Gives a tuple struct around a [`Text`] what texts have: comparison by content and formatting.
macro_rules! text_type {
    ($name:ident) => {
        impl $name {
            /// Returns the text.
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.as_str() == other.as_str()
            }
        }

        impl Eq for $name {}

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> core::cmp::Ordering {
                self.as_str().cmp(other.as_str())
            }
        }

        impl core::hash::Hash for $name {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                self.as_str().hash(state);
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl core::fmt::Debug for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                core::fmt::Debug::fmt(self.as_str(), f)
            }
        }

        impl core::str::FromStr for $name {
            type Err = $crate::NameError;

            fn from_str(text: &str) -> Result<Self, $crate::NameError> {
                Self::new(text)
            }
        }
    };
}

pub(crate) use text_type;
