// SPDX-License-Identifier: GPL-2.0

//! Where secrets come from.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use libstmf::cli::{Exit, Failure};
use libstmf::Secret;

use crate::args::SecretSource;
use crate::terminal;

/// Lengths that the kernel takes.
const LENGTHS: std::ops::RangeInclusive<usize> = 12..=255;

/// Gets the secret, if one is to be set; an empty one removes it.
pub(crate) fn get(source: &SecretSource) -> Result<Option<Secret>, Failure> {
    let text = if source.none {
        return Ok(Some(Secret::new(String::new())));
    } else if source.prompt {
        prompt().map_err(|error| fail("CHAP secret", error))?
    } else if let Some(path) = &source.file {
        read(path)?
    } else if let Some(name) = &source.credential {
        read(&credential(name)?)?
    } else {
        return Ok(None);
    };
    if !LENGTHS.contains(&text.len()) {
        let why = "has to have 12 to 255 bytes";
        return Err(fail("CHAP secret", why));
    }
    Ok(Some(Secret::new(text)))
}

fn fail(object: impl std::fmt::Display, why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, object, why)
}

/// Asks twice, without showing what is typed.
fn prompt() -> io::Result<String> {
    let terminal = terminal::open()?;
    let secret = terminal::ask(&terminal, "Enter CHAP secret: ")?;
    if terminal::ask(&terminal, "Re-enter secret: ")? != secret {
        return Err(io::Error::other("secrets do not match"));
    }
    Ok(secret)
}

/// Reads a file, of which a newline at the end does not count.
fn read(path: &Path) -> Result<String, Failure> {
    let text = fs::read_to_string(path).map_err(|error| fail(path.display(), error))?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// The file of a credential that systemd passes to a service (systemd.exec(5)).
fn credential(name: &str) -> Result<PathBuf, Failure> {
    let folder = env::var_os("CREDENTIALS_DIRECTORY");
    let folder = folder.ok_or_else(|| fail(name, "there is no CREDENTIALS_DIRECTORY"))?;
    if name.contains('/') || name.starts_with('.') {
        return Err(fail(name, "not the name of a credential"));
    }
    Ok(Path::new(&folder).join(name))
}
