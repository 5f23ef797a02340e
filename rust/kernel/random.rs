// SPDX-License-Identifier: GPL-2.0

//! Random numbers.
//!
//! C header: [`include/linux/random.h`](srctree/include/linux/random.h)

use crate::bindings;

/// Random bytes, fit for secrets. Any context; before the generator is seeded, early in boot, they
/// are only as good as it is then.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    fill(&mut bytes);
    bytes
}

/// As [`bytes`], into a slice.
pub fn fill(bytes: &mut [u8]) {
    // SAFETY: The slice is writable.
    unsafe { bindings::get_random_bytes(bytes.as_mut_ptr().cast(), bytes.len()) };
}
