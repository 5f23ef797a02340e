// SPDX-License-Identifier: GPL-2.0

//! Questions that are answered at the terminal.

use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};

use rustix::termios::{tcgetattr, tcsetattr, LocalModes, OptionalActions, Termios};

/// The terminal of who runs this, whatever its input and output are.
pub(crate) fn open() -> io::Result<File> {
    let terminal = File::options().read(true).write(true).open("/dev/tty");
    terminal.map_err(|error| io::Error::new(error.kind(), "there is no terminal to ask at"))
}

/// Asks, and returns the line that is typed, which isn't shown.
pub(crate) fn ask(mut terminal: &File, question: &str) -> io::Result<String> {
    let quiet = Quiet::new(terminal)?;
    terminal.write_all(question.as_bytes())?;
    let mut line = String::new();
    // A terminal gives one line at a time: the next answer isn't in the buffer.
    let length = BufReader::new(terminal).read_line(&mut line)?;
    drop(quiet);
    terminal.write_all(b"\n")?;
    if length == 0 {
        return Err(io::Error::new(
            ErrorKind::UnexpectedEof,
            "there is no answer",
        ));
    }
    Ok(line.strip_suffix('\n').unwrap_or(&line).to_owned())
}

/// A terminal that doesn't show what is typed, until this is dropped.
struct Quiet<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Quiet<'a> {
    fn new(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(terminal, OptionalActions::Now, &quiet)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Quiet<'_> {
    fn drop(&mut self) {
        // Nobody is left to hear of an error.
        let _ = tcsetattr(self.terminal, OptionalActions::Now, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{grantpt, openpt, ptsname, unlockpt, OpenptFlags};
    use std::io::Read;
    use std::os::unix::ffi::OsStrExt;
    use std::{ffi::OsStr, thread};

    /// A terminal, and who sits at it.
    fn terminal() -> (File, File) {
        let user = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pty");
        grantpt(&user).expect("a pty");
        unlockpt(&user).expect("a pty");
        let name = ptsname(&user, Vec::new()).expect("its name");
        let path = OsStr::from_bytes(name.to_bytes());
        let terminal = File::options().read(true).write(true).open(path);
        (terminal.expect("the terminal"), user.into())
    }

    /// Reads what the terminal shows, up to the end of something.
    fn shown(user: &mut File, end: &str) -> String {
        let mut shown = String::new();
        while !shown.ends_with(end) {
            let mut byte = [0];
            user.read_exact(&mut byte).expect("more");
            shown.push(byte[0].into());
        }
        shown
    }

    #[test]
    fn who_types_control_d_has_not_answered() {
        let (terminal, mut user) = terminal();
        let answer = thread::spawn(move || ask(&terminal, "One: ").map_err(|error| error.kind()));
        shown(&mut user, "One: ");
        user.write_all(b"\x04").expect("room");
        let answer = answer.join().expect("no panic");
        assert_eq!(answer, Err(ErrorKind::UnexpectedEof));
    }

    #[test]
    fn what_is_typed_is_not_shown() {
        let (terminal, mut user) = terminal();
        let answers = thread::spawn(move || {
            let first = ask(&terminal, "One: ").expect("an answer");
            let second = ask(&terminal, "Two: ").expect("an answer");
            (first, second, tcgetattr(&terminal).expect("its modes"))
        });
        assert_eq!(shown(&mut user, "One: "), "One: ");
        user.write_all(b"first secret\n").expect("room");
        assert_eq!(shown(&mut user, "Two: "), "\r\nTwo: ");
        user.write_all(b"\n").expect("room");
        assert_eq!(shown(&mut user, "\n"), "\r\n");
        let (first, second, modes) = answers.join().expect("no panic");
        assert_eq!((first.as_str(), second.as_str()), ("first secret", ""));
        assert!(
            modes.local_modes.contains(LocalModes::ECHO),
            "it shows again what is typed"
        );
    }
}
