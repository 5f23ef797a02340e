// SPDX-License-Identifier: GPL-2.0

//! What the command line tools share: exit statuses and how failures are told.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::Error;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All was done.
    Ok = 0,
    /// Something failed, or several things for different reasons.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// An object does not exist.
    NotFound = 3,
    /// An object is in use or changing state.
    Busy = 4,
    /// The caller may not do that.
    Permission = 5,
    /// A kernel module is not loaded.
    NotLoaded = 6,
    /// The saved configuration, or a file, can't be read or written.
    Store = 7,
    /// An object exists already, or collides with another one.
    Exists = 8,
}

impl Exit {
    /// What the usage says about it.
    pub const HELP: &'static str = "Exit status:
  0  done
  1  failed, or several operands failed for different reasons
  2  wrong usage
  3  not found
  4  busy
  5  permission denied
  6  kernel module not loaded
  7  configuration can't be read or saved
  8  exists already, or collides with another object";
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why an operand was not dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    message: String,
    exit: Exit,
}

impl Failure {
    /// A failure of this kind, told in this sentence about this object.
    pub fn new(exit: Exit, object: impl fmt::Display, sentence: impl fmt::Display) -> Self {
        Self {
            message: format!("{object}: {sentence}"),
            exit,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error {
            Error::NotFound { .. } => Exit::NotFound,
            Error::Busy { .. } => Exit::Busy,
            Error::Permission { .. } => Exit::Permission,
            Error::NotLoaded { .. } => Exit::NotLoaded,
            Error::Store(ref error) if error.is_permission() => Exit::Permission,
            Error::Store(_) => Exit::Store,
            Error::Exists { .. } => Exit::Exists,
            // What is only withheld has not failed.
            Error::Withheld { .. } => Exit::Ok,
            _ => Exit::Failed,
        };
        Self {
            message: error.to_string(),
            exit,
        }
    }
}

/// A path that the kernel understands: it has no working directory of ours.
pub fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(|error| Failure::new(Exit::Failed, path.display(), error))
}

/// The name of what has a disk's data: an absolute path, or that of memory (`ram:NAME`) as it is.
pub fn data_path(path: &Path) -> Result<PathBuf, Failure> {
    if crate::is_in_memory(path) {
        return Ok(path.to_owned());
    }
    absolute(path)
}

/// Text as it can be shown to people, whoever has chosen it: an initiator its alias, a device its
/// metadata. Characters that do something to the terminal are written as escapes (`\u{1b}`), as are
/// ends of lines, and what makes text run from right to left.
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        let is_direction = matches!(
            character,
            '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
        );
        match character.is_control() || is_direction {
            true => shown.extend(character.escape_default()),
            false => shown.push(character),
        }
    }
    shown
}

/// Where a tool writes, and what has gone wrong so far.
pub struct Console<'a> {
    program: &'static str,
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    exit: Exit,
    is_dry: bool,
    is_closed: bool,
}

impl<'a> Console<'a> {
    /// The console of a program.
    pub fn new(program: &'static str, out: &'a mut dyn Write, err: &'a mut dyn Write) -> Self {
        Self {
            program,
            out,
            err,
            exit: Exit::Ok,
            is_dry: false,
            is_closed: false,
        }
    }

    /// Nothing is done from here on: [`Console::done`] says nothing.
    pub fn dry(&mut self) {
        self.is_dry = true;
    }

    /// Whether nothing is done.
    pub fn is_dry(&self) -> bool {
        self.is_dry
    }

    /// Tells what was done.
    pub fn done(&mut self, text: impl fmt::Display) {
        if !self.is_dry {
            self.print(text);
        }
    }

    /// Writes results.
    pub fn print(&mut self, text: impl fmt::Display) {
        let written = write!(self.out, "{text}").and_then(|()| self.out.flush());
        if let Err(error) = written {
            // Whoever closes the pipe has read enough.
            self.is_closed = true;
            if error.kind() != io::ErrorKind::BrokenPipe {
                self.fail(Failure::new(Exit::Failed, "standard output", error));
            }
        }
    }

    /// Whether results can't be written any more: for commands that would go on for ever.
    pub fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Tells a failure.
    pub fn fail(&mut self, failure: impl Into<Failure>) {
        let Failure { message, exit } = failure.into();
        if exit == Exit::Ok {
            return;
        }
        // Whose words are in it isn't known here: those of a file that somebody else has made, say.
        // There is nobody left to tell when this fails too.
        let _ = writeln!(self.err, "{}: {}", self.program, harmless(&message));
        self.end(exit);
    }

    /// Tells that the command line makes no sense, or what would make sense, in the words of its
    /// parser.
    pub fn usage(&mut self, text: impl fmt::Display, asked_for: bool) {
        if asked_for {
            return self.print(text);
        }
        let text = text.to_string();
        let _ = match text.strip_prefix("error: ") {
            Some(message) => write!(self.err, "{}: {message}", self.program),
            None => write!(self.err, "{text}"),
        };
        self.end(Exit::Usage);
    }

    /// Does something to every operand, telling failures on the way.
    pub fn each<T>(
        &mut self,
        operands: impl IntoIterator<Item = T>,
        mut act: impl FnMut(&mut Self, T) -> Result<(), Failure>,
    ) {
        for operand in operands {
            if let Err(failure) = act(self, operand) {
                self.fail(failure);
            }
        }
    }

    /// How the program ends.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    fn end(&mut self, exit: Exit) {
        self.exit = match self.exit {
            Exit::Ok => exit,
            same if same == exit => same,
            _ => Exit::Failed,
        };
    }
}

/// Reads a size: a number, and perhaps `k`, `m`, `g`, `t`, `p` or `e` for a power of 1024.
pub fn size(text: &str) -> Result<u64, String> {
    let (digits, power) = match text.char_indices().next_back() {
        Some((end, letter)) if letter.is_ascii_alphabetic() => {
            let power = "kmgtpe"
                .find(letter.to_ascii_lowercase())
                .and_then(|power| u32::try_from(power).ok()?.checked_add(1))
                .ok_or("the unit must be k, m, g, t, p or e")?;
            (text.get(..end).unwrap_or_default(), power)
        }
        _ => (text, 0),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| "a size is a number and perhaps a unit")?;
    1024u64
        .checked_pow(power)
        .and_then(|unit| number.checked_mul(unit))
        .ok_or_else(|| "that is more than a number can hold".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(failures: &[Failure]) -> (Exit, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut console = Console::new("prog", &mut out, &mut err);
        console.each(failures, |_, failure| Err(failure.clone()));
        let exit = console.exit();
        assert!(out.is_empty());
        (exit, String::from_utf8(err).unwrap())
    }

    #[test]
    fn failures_of_one_kind_decide_the_exit_status() {
        let busy = Failure::new(Exit::Busy, "a", "busy");
        let lost = Failure::new(Exit::NotFound, "b", "not found");
        assert_eq!(run(&[]), (Exit::Ok, String::new()));
        assert_eq!(
            run(std::slice::from_ref(&busy)),
            (Exit::Busy, "prog: a: busy\n".to_owned())
        );
        assert_eq!(run(&[busy.clone(), busy.clone()]).0, Exit::Busy);
        assert_eq!(
            run(&[busy, lost]),
            (
                Exit::Failed,
                "prog: a: busy\nprog: b: not found\n".to_owned()
            )
        );
    }

    #[test]
    fn usage_that_was_asked_for_is_no_failure() {
        for (text, asked_for, exit, stdout, stderr) in [
            ("text", true, Exit::Ok, "text", ""),
            ("text", false, Exit::Usage, "", "text"),
            ("error: bad", false, Exit::Usage, "", "prog: bad"),
        ] {
            let (mut out, mut err) = (Vec::new(), Vec::new());
            let mut console = Console::new("prog", &mut out, &mut err);
            console.usage(text, asked_for);
            assert_eq!(console.exit(), exit);
            assert_eq!((out, err), (stdout.into(), stderr.into()));
        }
    }

    /// Fails to write.
    struct Full(io::ErrorKind);

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn text_of_others_does_nothing_to_the_terminal() {
        for (text, shown) in [
            ("", ""),
            ("Büro 7\\ \"日本\"", "Büro 7\\ \"日本\""),
            ("\x1b]0;mine\x07\x1b[2J", "\\u{1b}]0;mine\\u{7}\\u{1b}[2J"),
            ("a\r\n\tb\x7f", "a\\r\\n\\tb\\u{7f}"),
            // The control characters of eight bits, and the end of a line that is none of ASCII.
            ("\u{9b}2J\u{85}", "\\u{9b}2J\\u{85}"),
            ("\u{202e}abc\u{2028}", "\\u{202e}abc\\u{2028}"),
        ] {
            assert_eq!(harmless(text), shown);
        }
    }

    #[test]
    fn nor_does_what_a_failure_says() {
        let (_, err) = run(&[Failure::new(Exit::Failed, "\x1b[2J", "\u{9b}2J\n: unknown")]);
        assert_eq!(err, "prog: \\u{1b}[2J: \\u{9b}2J\\n: unknown\n");
    }

    #[test]
    fn sizes_have_units() {
        for (text, expected) in [
            ("0", Some(0)),
            ("512", Some(512)),
            ("1k", Some(1 << 10)),
            ("20m", Some(20 << 20)),
            ("3G", Some(3 << 30)),
            ("4t", Some(4 << 40)),
            ("5P", Some(5 << 50)),
            ("15e", Some(15 << 60)),
            ("18446744073709551615", Some(u64::MAX)),
            ("16e", None),
            ("18446744073709551616", None),
            ("", None),
            ("g", None),
            ("1.5g", None),
            ("-1", None),
            ("1x", None),
            ("1gb", None),
            ("1 g", None),
            ("1ä", None),
        ] {
            assert_eq!(size(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_closed_pipe_is_no_failure_but_a_full_disk_is() {
        for (kind, exit) in [
            (io::ErrorKind::BrokenPipe, Exit::Ok),
            (io::ErrorKind::StorageFull, Exit::Failed),
        ] {
            let (mut out, mut err) = (Full(kind), Vec::new());
            let mut console = Console::new("prog", &mut out, &mut err);
            assert!(!console.is_closed());
            console.print("text");
            assert_eq!(console.exit(), exit);
            assert!(console.is_closed());
        }
    }
}
