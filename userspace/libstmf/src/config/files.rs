// SPDX-License-Identifier: GPL-2.0

//! The steps that the store takes in the file system, each of which may fail or be the last one
//! before the machine stops. Tests stop after every one of them.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{flock, FlockOperation};

/// File system calls.
pub(crate) trait Files: std::fmt::Debug {
    /// Makes a directory that only its owner may enter, unless it is there.
    fn make_directory(&mut self, path: &Path) -> io::Result<()>;
    /// Makes what a file has these bytes and nothing else, for good. The file is made if it is not
    /// there; only its owner may read it.
    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Renames a file, replacing the one of the new name.
    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file; that there is none is no error.
    fn remove(&mut self, path: &Path) -> io::Result<()>;
    /// Makes the names in a directory what they are for good.
    fn sync_directory(&mut self, path: &Path) -> io::Result<()>;
}

/// The file system itself.
#[derive(Debug)]
pub(crate) struct RealFiles;

impl Files for RealFiles {
    fn make_directory(&mut self, path: &Path) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(path)
    }

    fn write(&mut self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Not truncated first: what was reserved shall not be given back before it is used.
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path)?;
        file.write_all(bytes)?;
        file.set_len(u64::try_from(bytes.len()).unwrap_or(u64::MAX))?;
        file.sync_all()
    }

    fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&mut self, path: &Path) -> io::Result<()> {
        absent_is_fine(fs::remove_file(path))
    }

    fn sync_directory(&mut self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// What a file has, if it is there.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The names in a directory, sorted, but those that begin with a dot; none if it is not there.
pub(crate) fn names(path: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(path.join(name));
        }
    }
    names.sort();
    Ok(names)
}

/// A lock that others wait for, given back when it is dropped or its holder dies.
#[derive(Debug)]
pub(crate) struct Lock(#[expect(dead_code, reason = "it is held")] File);

/// How often a lock is tried.
pub(crate) const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// Waits for a lock, so long.
pub(crate) fn lock(path: &Path, patience: Duration) -> io::Result<Lock> {
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    let start = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Lock(file)),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR)
                if start.elapsed() < patience =>
            {
                std::thread::sleep(LOCK_INTERVAL);
            }
            Err(error) => return Err(error.into()),
        }
    }
}
