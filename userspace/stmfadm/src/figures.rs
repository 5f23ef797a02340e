// SPDX-License-Identifier: GPL-2.0

//! How times and sizes are shown where there is little room.

use std::time::Duration;

/// A time that commands took less than.
pub(crate) fn below(limit: Option<Duration>) -> String {
    match limit {
        Some(Duration::MAX) => "more".to_owned(),
        Some(_) => format!("<{}", time(limit)),
        None => "-".to_owned(),
    }
}

/// A time in three digits or four.
pub(crate) fn time(time: Option<Duration>) -> String {
    let Some(time) = time else {
        return "-".to_owned();
    };
    let nanoseconds = time.as_secs_f64() * 1e9;
    for (unit, name) in [(1.0, "ns"), (1e3, "us"), (1e6, "ms")] {
        if nanoseconds < unit * 1000.0 {
            return short(nanoseconds / unit, name);
        }
    }
    short(nanoseconds / 1e9, "s")
}

/// A number of bytes in three digits or four.
pub(crate) fn size(bytes: f64) -> String {
    let mut scaled = bytes;
    for name in ["", "K", "M", "G", "T"] {
        if scaled < 1000.0 {
            return short(scaled, name);
        }
        scaled /= 1024.0;
    }
    short(scaled, "P")
}

fn short(number: f64, unit: &str) -> String {
    match number < 9.95 && number.fract() != 0.0 {
        true => format!("{number:.1}{unit}"),
        false => format!("{number:.0}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (nanoseconds, expected) in [
            (0, "0ns"),
            (999, "999ns"),
            (1000, "1us"),
            (1500, "1.5us"),
            (262_144, "262us"),
            (5_000_000, "5ms"),
            (274_877_906_944, "275s"),
        ] {
            let shown = time(Some(Duration::from_nanos(nanoseconds)));
            assert_eq!(shown, expected, "{nanoseconds}");
        }
        assert_eq!(time(None), "-");
        assert_eq!(below(Some(Duration::MAX)), "more");
    }

    #[test]
    fn sizes_are_short() {
        for (bytes, expected) in [
            (0.0, "0"),
            (512.0, "512"),
            (1024.0, "1K"),
            (1536.0, "1.5K"),
            (1_048_576.0, "1M"),
            (123_456_789.0, "118M"),
            (1.2e16, "11P"),
        ] {
            assert_eq!(size(bytes), expected, "{bytes}");
        }
    }
}
