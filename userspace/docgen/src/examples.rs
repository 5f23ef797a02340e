// SPDX-License-Identifier: GPL-2.0

//! The examples of the manual pages, from the transcript that a test runs.

use clap_mangen::roff::{roman, Roff};

/// The transcript, as `tests/transcript.py` describes it.
const TRANSCRIPT: &str = include_str!("../../../Documentation/examples.transcript");

/// What is shown together: a comment, commands, and what they print.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Example {
    comment: Vec<&'static str>,
    lines: Vec<&'static str>,
}

impl Example {
    /// Whether a command of this tool, such as `stmfadm list-lu`, is shown.
    fn shows(&self, command: &str) -> bool {
        let commands = self.lines.iter().filter_map(|line| line.strip_prefix("$ "));
        commands.flat_map(|line| line.split(" | ")).any(|line| {
            let words: Vec<_> = line.split_whitespace().collect();
            let words = match words.as_slice() {
                ["timeout", _, words @ ..] => words,
                words => words,
            };
            // An option of the tool itself may stand between it and its command.
            let mut words = words.iter().filter(|word| **word != "-n");
            command.split(' ').all(|word| words.next() == Some(&word))
        })
    }
}

/// The examples of a command.
pub(crate) fn of(command: &str) -> Vec<Example> {
    let all = parse(TRANSCRIPT).into_iter();
    all.filter(|example| example.shows(command)).collect()
}

/// Blocks are separated by empty lines; one of comments alone is about the file.
fn parse(transcript: &'static str) -> Vec<Example> {
    let mut examples = vec![Example::default()];
    for line in transcript.lines() {
        let Some(example) = examples.last_mut() else {
            continue;
        };
        match line.strip_prefix("# ") {
            _ if line.is_empty() => examples.push(Example::default()),
            Some(comment) => example.comment.push(comment),
            None => example.lines.push(line),
        }
    }
    examples.retain(|example| !example.lines.is_empty());
    examples
}

/// A section of a manual page.
pub(crate) fn section(examples: &[Example]) -> String {
    let mut roff = Roff::new();
    roff.control("SH", ["EXAMPLES"]);
    for example in examples {
        roff.control("PP", []);
        roff.text([roman(example.comment.join(" "))]);
        roff.control("PP", []);
        roff.control("RS", ["4"]);
        roff.control("nf", []);
        for line in &example.lines {
            roff.text([roman(*line)]);
        }
        roff.control("fi", []);
        roff.control("RE", []);
    }
    roff.to_roff()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_by_the_commands_in_them() {
        let parsed = parse("# File.\n\n# Two\n# lines:\n$ a -n b c | d\nout\n$ timeout 1 e\n");
        let [example] = parsed.as_slice() else {
            panic!("expected one example, got {parsed:?}");
        };
        assert_eq!(example.comment, ["Two", "lines:"]);
        for (command, is_shown) in [
            ("a b", true),
            ("a c", false),
            ("b", false),
            ("d", true),
            ("e", true),
        ] {
            assert_eq!(example.shows(command), is_shown, "{command}");
        }
    }

    #[test]
    fn a_section_is_text_and_no_commands_of_roff() {
        let section = section(&parse("# Dots:\n$ a-b\n.so \\x\n"));
        assert!(section.starts_with(".SH EXAMPLES\n"), "{section}");
        assert!(section.contains("\n$ a\\-b\n\\&.so \\\\x\n"), "{section}");
    }

    #[test]
    fn every_command_has_an_example() {
        for tool in crate::tools() {
            let name = tool.get_name().to_owned();
            for command in tool.get_subcommands() {
                // It needs a terminal; the user's guide shows it.
                if command.get_name() != "top" {
                    let command = format!("{name} {}", command.get_name());
                    assert!(!of(&command).is_empty(), "{command}: no example");
                }
            }
        }
        assert!(!of("stmf-exporter").is_empty());
    }
}
