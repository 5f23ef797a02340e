// SPDX-License-Identifier: GPL-2.0

//! Prometheus' text format.

use std::fmt::{Display, Write};
use std::time::Duration;

use libstmf::Latency;

/// The names and values of labels.
pub(crate) type Labels<'a> = [(&'a str, &'a str)];

/// A page of metrics. The samples of one metric come one after another.
#[derive(Default)]
pub(crate) struct Page(String);

impl Page {
    /// Begins a metric.
    pub(crate) fn metric(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
    }

    /// Adds a value of the metric begun last.
    pub(crate) fn sample(&mut self, name: &str, labels: &Labels<'_>, value: impl Display) {
        let mut text = String::new();
        for (label, value) in labels {
            let comma = if text.is_empty() { "" } else { "," };
            text.push_str(&format!("{comma}{label}=\"{}\"", escaped(value)));
        }
        match text.is_empty() {
            true => self.line(format_args!("{name} {value}")),
            false => self.line(format_args!("{name}{{{text}}} {value}")),
        }
    }

    /// Adds a histogram of the metric begun last: every second step from 1 µs to 17 s, which are
    /// powers of 4.
    pub(crate) fn histogram(&mut self, name: &str, labels: &Labels<'_>, latency: &Latency) {
        let (bucket, mut below) = (format!("{name}_bucket"), 0u64);
        for (step, count) in latency.histogram.iter().enumerate() {
            below = below.saturating_add(*count);
            let end = Latency::end(step).filter(|end| is_shown(step, *end));
            if let Some(end) = end {
                let end = end.as_secs_f64().to_string();
                let labels = [labels, &[("le", end.as_str())]].concat();
                self.sample(&bucket, &labels, below);
            }
        }
        self.sample(&bucket, &[labels, &[("le", "+Inf")]].concat(), below);
        self.sample(&format!("{name}_sum"), labels, latency.total.as_secs_f64());
        self.sample(&format!("{name}_count"), labels, below);
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }

    fn line(&mut self, text: impl Display) {
        // A String takes what it is given.
        let _ = writeln!(self.0, "{text}");
    }
}

fn is_shown(step: usize, end: Duration) -> bool {
    step % 2 == 0 && (Duration::from_micros(1)..Duration::from_secs(20)).contains(&end)
}

fn escaped(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        let mut page = Page::default();
        page.sample("x", &[("a", "1\\2\"3\n4"), ("b", "")], 5);
        assert_eq!(page.into_text(), "x{a=\"1\\\\2\\\"3\\n4\",b=\"\"} 5\n");
    }

    #[test]
    fn a_histogram_is_cumulative_and_ends_with_everything() {
        let mut histogram = [0; 32];
        (histogram[0], histogram[3], histogram[31]) = (1, 2, 4);
        let latency = Latency {
            total: Duration::from_millis(1500),
            histogram,
        };
        let mut page = Page::default();
        page.histogram("t", &[("of", "x")], &latency);
        let text = page.into_text();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "t_bucket{of=\"x\",le=\"0.000001024\"} 1");
        assert_eq!(lines[1], "t_bucket{of=\"x\",le=\"0.000004096\"} 3");
        assert_eq!(lines[12], "t_bucket{of=\"x\",le=\"17.179869184\"} 3");
        assert_eq!(
            lines[13..],
            [
                "t_bucket{of=\"x\",le=\"+Inf\"} 7",
                "t_sum{of=\"x\"} 1.5",
                "t_count{of=\"x\"} 7"
            ]
        );
    }
}
