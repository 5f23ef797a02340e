// SPDX-License-Identifier: GPL-2.0

//! The steps of latency histograms, which the kernel counts in and the tools read.

/// The number of buckets.
pub const BUCKETS: usize = 32;

/// The first bucket ends here: a power of 2, in nanoseconds.
const FIRST_BITS: u32 = 8;

/// The bucket that a time in nanoseconds is counted in. The first is for less than 256 ns, each of
/// the others for up to twice as long as the one before, the last for all that is longer.
#[inline]
pub const fn bucket(nanoseconds: u64) -> usize {
    let bits = u64::BITS.saturating_sub((nanoseconds >> FIRST_BITS).leading_zeros()) as usize;
    if bits < BUCKETS {
        bits
    } else {
        BUCKETS.saturating_sub(1)
    }
}

/// Where a bucket ends, in nanoseconds: all that is counted in it is less. `None` for the last, and
/// for what is no bucket.
pub const fn end(bucket: usize) -> Option<u64> {
    if bucket >= BUCKETS.saturating_sub(1) {
        return None;
    }
    // CAST: less than BUCKETS.
    1u64.checked_shl(FIRST_BITS.saturating_add(bucket as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bucket_ends_where_the_next_begins() {
        for n in 0..BUCKETS - 1 {
            let end = end(n).unwrap();
            assert_eq!(bucket(end - 1), n, "the last nanosecond of bucket {n}");
            assert_eq!(bucket(end), n + 1, "the nanosecond after bucket {n}");
        }
    }

    #[test]
    fn the_first_and_the_last_take_what_is_beyond() {
        assert_eq!(bucket(0), 0);
        assert_eq!(end(0), Some(256));
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(end(BUCKETS - 2), Some(1 << 38), "275 s");
        assert_eq!(end(BUCKETS - 1), None);
        assert_eq!(end(usize::MAX), None);
    }
}
