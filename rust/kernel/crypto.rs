// SPDX-License-Identifier: GPL-2.0

//! Checksums, digests and secrets.
//!
//! C headers: [`include/linux/crc32.h`](srctree/include/linux/crc32.h),
//! [`include/crypto/sha2.h`](srctree/include/crypto/sha2.h) and its like,
//! [`include/crypto/utils.h`](srctree/include/crypto/utils.h)

use crate::{bindings, shims};
use core::{array, ops::Deref, ptr};
use kernel::prelude::*;

/// A CRC32C (Castagnoli) of bytes that may come in pieces. Any context.
#[derive(Clone, Copy)]
pub struct Crc32c(u32);

impl Crc32c {
    /// The checksum of nothing.
    pub const fn new() -> Self {
        Self(u32::MAX)
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        // SAFETY: The slice is readable.
        self.0 = unsafe { shims::crc32c(self.0, bytes.as_ptr().cast(), bytes.len()) };
    }

    /// The checksum of all bytes so far, in the byte order of RFC 3385 and so of iSCSI.
    pub fn bytes(self) -> [u8; 4] {
        (!self.0).to_le_bytes()
    }
}

impl Default for Crc32c {
    fn default() -> Self {
        Self::new()
    }
}

/// A digest function.
type Digest = unsafe extern "C" fn(*const bindings::kvec, usize, *mut u8);

/// The digest of `N` bytes of several pieces, one after the other.
///
/// # Safety
///
/// `function` writes `N` bytes.
unsafe fn digest<const N: usize, const PARTS: usize>(
    function: Digest,
    parts: [&[u8]; PARTS],
) -> [u8; N] {
    let parts: [bindings::kvec; PARTS] = array::from_fn(|n| bindings::kvec {
        iov_base: parts[n].as_ptr().cast_mut().cast(),
        iov_len: parts[n].len(),
    });
    let mut out = [0; N];
    // SAFETY: The parts are readable, and nothing writes to them. By the requirement there is room
    // for the result.
    unsafe { function(parts.as_ptr(), PARTS, out.as_mut_ptr()) };
    out
}

/// MD5 (RFC 1321), which only CHAP still has a use for.
pub fn md5<const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; 16] {
    // SAFETY: An MD5 digest has 16 bytes.
    unsafe { digest(shims::md5, parts) }
}

/// SHA-1 (FIPS 180-4).
pub fn sha1<const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; 20] {
    // SAFETY: A SHA-1 digest has 20 bytes.
    unsafe { digest(shims::sha1, parts) }
}

/// SHA-256 (FIPS 180-4).
pub fn sha256<const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; 32] {
    // SAFETY: A SHA-256 digest has 32 bytes.
    unsafe { digest(shims::sha256, parts) }
}

/// SHA3-256 (FIPS 202).
pub fn sha3_256<const PARTS: usize>(parts: [&[u8]; PARTS]) -> [u8; 32] {
    // SAFETY: A SHA3-256 digest has 32 bytes.
    unsafe { digest(shims::sha3_256, parts) }
}

/// Whether two byte strings are the same, in a time that depends on their lengths alone.
pub fn equal(a: &[u8], b: &[u8]) -> bool {
    // SAFETY: Both are readable for the length that they have in common.
    a.len() == b.len()
        && !unsafe { shims::crypto_memneq(a.as_ptr().cast(), b.as_ptr().cast(), a.len()) }
}

/// Bytes that nobody else may get to know: they are wiped when they are dropped, and not shown by
/// any formatter.
pub struct Secret(KVec<u8>);

impl Secret {
    /// Copies bytes. The copy has no room to grow, so it never moves and leaves nothing behind.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let mut secret = KVec::with_capacity(bytes.len(), GFP_KERNEL)?;
        secret.extend_from_slice(bytes, GFP_KERNEL)?;
        Ok(Self(secret))
    }
}

impl Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites bytes in a way that no compiler leaves out.
pub fn wipe(bytes: &mut [u8]) {
    // SAFETY: The slice is writable.
    unsafe { shims::memzero_explicit(ptr::from_mut(bytes).cast(), bytes.len()) };
}

#[kernel::macros::kunit_tests(stmf_crypto)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_is_that_of_rfc_3720() {
        // RFC 3720 B.4: 32 bytes of zeros, of ones, and counting.
        for (bytes, sum) in [
            ([0; 32], [0xaa, 0x36, 0x91, 0x8a]),
            ([0xff; 32], [0x43, 0xab, 0xa8, 0x62]),
            (array::from_fn(|n| n as u8), [0x4e, 0x79, 0xdd, 0x46]),
        ] {
            let mut whole = Crc32c::new();
            whole.update(&bytes);
            assert_eq!(whole.bytes(), sum);
            let (one, other) = bytes.split_at(5);
            let mut pieces = Crc32c::new();
            pieces.update(one);
            pieces.update(&[]);
            pieces.update(other);
            assert_eq!(pieces.bytes(), sum);
        }
    }

    // The examples of RFC 1321, FIPS 180-4 and FIPS 202.
    #[test]
    fn digests_of_pieces_are_those_of_the_whole() {
        let pieces: [&[u8]; 3] = [b"a", b"", b"bc"];
        assert_eq!(
            md5(pieces),
            0x9001_5098_3cd2_4fb0_d696_3f7d_28e1_7f72_u128.to_be_bytes()
        );
        assert_eq!(sha1(pieces)[..4], [0xa9, 0x99, 0x3e, 0x36]);
        assert_eq!(sha1(pieces)[16..], [0x9c, 0xd0, 0xd8, 0x9d]);
        assert_eq!(sha256(pieces)[..4], [0xba, 0x78, 0x16, 0xbf]);
        assert_eq!(sha256(pieces)[28..], [0xf2, 0x00, 0x15, 0xad]);
        assert_eq!(sha3_256(pieces)[..4], [0x3a, 0x98, 0x5d, 0xa7]);
        assert_eq!(sha3_256(pieces)[28..], [0x11, 0x43, 0x15, 0x32]);
        assert_eq!(sha256(pieces), sha256([b"abc"]));
    }

    #[test]
    fn equal_is_equal_in_every_byte() {
        assert!(equal(b"", b""));
        assert!(equal(b"secret", b"secret"));
        assert!(!equal(b"secret", b"secreu"));
        assert!(!equal(b"secret", b"tecret"));
        assert!(!equal(b"secret", b"secre"));
    }
}
