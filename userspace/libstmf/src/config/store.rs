// SPDX-License-Identifier: GPL-2.0

//! The copy of the configuration that is there after a reboot.
//!
//! It is a directory, by default `/etc/stmf`, with one file for each object that has a name of its
//! own: `lu/GUID` has a logical unit and its view entries, `host-group/NAME` a host group and its
//! members, and so on. A change writes one file, however many there are.
//!
//! A change goes in these steps, under a lock:
//!
//! 1. `.intent` is written: what the kernel is going to be asked for.
//! 2. `.new` is written, as long as the file can become: a full disk is noticed now.
//! 3. The kernel is asked for the change. When it refuses, both files are removed and all is as it
//!    was. When its answer is lost, what it has now decides.
//! 4. `.new` gets what the kernel has now, and is renamed. Directories and files are synchronized.
//! 5. `.intent` is removed, for good too.
//!
//! Who is killed between the steps leaves either the old file or the new one. The next change, or who
//! loads what is saved, finds the intent and asks the kernel first what became of it. Where that takes a
//! module which isn't loaded, the intent waits for it in `.postponed`.
//!
//! What can't be read is never written: neither a directory that is not ours or is from a later
//! version, nor a file in it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::document::{self, Document, DocumentError};
use super::files::{self, Files, Lock, RealFiles};
use super::intent::Intent;
use super::item::Item;

/// How long a change waits for that of another administrator.
const PATIENCE: Duration = Duration::from_secs(30);

/// Room that a change is sure to have beyond what its file has: no request is half as long.
const RESERVE: usize = 64 << 10;

/// Notes of changes of which nothing can be found out before a module is loaded.
const POSTPONED: &str = ".postponed";

/// Longest name of a file.
const NAME_MAX: usize = 255;

/// What is wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file or directory can't be read or written. Nothing was changed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// A file is no configuration, or one that this program must not touch.
    #[error("{}: {source}", path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: DocumentError,
    },
    /// The directory has files but is no store.
    #[error("{}: not a configuration store: there is no file \"format\" in it", .0.display())]
    Foreign(PathBuf),
    /// A name makes too long a file name.
    #[error("{0}: too long a name to be saved")]
    Name(String),
    /// Another program holds the lock.
    #[error("{}: another program is changing the configuration", .0.display())]
    Locked(PathBuf),
    /// The kernel has changed, but the file has not.
    #[error("changed, but not saved: {0}")]
    NotSaved(Box<StoreError>),
}

impl StoreError {
    /// The file or directory that it is about.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Io { path, .. }
            | Self::Document { path, .. }
            | Self::Foreign(path)
            | Self::Locked(path) => Some(path),
            Self::Name(_) => None,
            Self::NotSaved(error) => error.path(),
        }
    }

    /// The name of the object that it is about, as long as no character of it had to be written otherwise.
    pub(crate) fn owner(&self) -> Option<String> {
        let name = self.path()?.file_name()?;
        Some(name.to_string_lossy().into_owned())
    }

    /// Whether the caller may not do what it takes.
    pub fn is_permission(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// The store.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    files: Box<dyn Files>,
    patience: Duration,
}

/// Which file an item is in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) directory: &'static str,
    pub(crate) owner: String,
}

impl Place {
    pub(crate) fn of(item: &Item) -> Self {
        Self {
            directory: item.class.directory,
            owner: item.owner(),
        }
    }

    /// The name of the file: that of the object, but for characters that file names can't have.
    fn file_name(&self) -> Result<String, StoreError> {
        let mut name = String::new();
        for character in self.owner.chars() {
            match character {
                '/' | '%' | '\0'..='\x1f' | '\x7f' => {
                    name += &format!("%{:02X}", u32::from(character));
                }
                '.' if name.is_empty() => name += "%2E",
                _ => name.push(character),
            }
        }
        match name.len() {
            1..=NAME_MAX => Ok(name),
            _ => Err(StoreError::Name(self.owner.clone())),
        }
    }
}

impl Store {
    /// Where the store is unless someone says otherwise.
    pub const DEFAULT: &'static str = "/etc/stmf";
    /// The environment variable by which someone says otherwise; empty, it says that nothing is
    /// saved, which is for programs that keep the configuration themselves.
    pub const VARIABLE: &'static str = "STMF_STORE";

    /// The store in a directory, which need not be there.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            files: Box::new(RealFiles),
            patience: PATIENCE,
        }
    }

    /// The store of this system, or none when the environment says so.
    pub fn of_system() -> Option<Self> {
        match std::env::var_os(Self::VARIABLE) {
            None => Some(Self::new(Self::DEFAULT)),
            Some(path) if path.is_empty() => None,
            Some(path) => Some(Self::new(path)),
        }
    }

    #[cfg(test)]
    pub(crate) fn with_files(root: impl Into<PathBuf>, files: Box<dyn Files>) -> Self {
        Self {
            root: root.into(),
            files,
            patience: Duration::from_millis(50),
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Keeps all others from changing it. Makes it if it is not there.
    pub(crate) fn lock(&mut self) -> Result<Lock, StoreError> {
        self.check()?;
        self.files
            .make_directory(&self.root)
            .map_err(io_error(&self.root))?;
        let path = self.root.join(".lock");
        let lock = files::lock(&path, self.patience).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => StoreError::Locked(path.clone()),
            _ => io_error(&path)(error),
        })?;
        if !self.check()? {
            let format = self.root.join("format");
            self.replace(&format, document::format([], []).as_bytes())?;
            // The store itself must be there after a reboot too.
            if let Some(parent) = self.root.parent() {
                self.files
                    .sync_directory(parent)
                    .map_err(io_error(parent))?;
            }
        }
        Ok(lock)
    }

    /// Does that for who is going to change nothing in it; needless where nobody can, because it is
    /// not there or its file system is read-only.
    pub(crate) fn lock_to_read(&mut self) -> Result<Option<Lock>, StoreError> {
        if !self.check()? {
            return Ok(None);
        }
        match self.lock() {
            Err(StoreError::Io { source, .. })
                if source.kind() == io::ErrorKind::ReadOnlyFilesystem =>
            {
                Ok(None)
            }
            lock => lock.map(Some),
        }
    }

    /// Checks that the directory is a store, if there is something in it.
    fn check(&self) -> Result<bool, StoreError> {
        let path = self.root.join("format");
        match read_document(&path)? {
            Some(_) => Ok(true),
            None if self.list(&self.root)?.is_empty() => Ok(false),
            None => Err(StoreError::Foreign(self.root.clone())),
        }
    }

    fn list(&self, directory: &Path) -> Result<Vec<PathBuf>, StoreError> {
        files::names(directory).map_err(io_error(directory))
    }

    /// All that can be read, and what is wrong with the rest.
    pub(crate) fn read_all(&self) -> Result<(Vec<Document>, Vec<StoreError>), StoreError> {
        let (mut documents, mut errors) = (Vec::new(), Vec::new());
        self.check()?;
        for directory in self.list(&self.root)? {
            match std::fs::metadata(&directory) {
                Ok(metadata) if metadata.is_dir() => {}
                Ok(_) => continue,
                Err(error) => {
                    errors.push(io_error(&directory)(error));
                    continue;
                }
            }
            for path in self.list(&directory)? {
                match read_document(&path) {
                    Ok(document) => documents.extend(document),
                    Err(error) => errors.push(error),
                }
            }
        }
        Ok((documents, errors))
    }

    /// Whether an error is about a file that holds for all iSCSI targets: their defaults, or portals.
    pub(crate) fn guards_iscsi(&self, error: &StoreError) -> bool {
        let directory = self.root.join("iscsi");
        error.path().is_some_and(|path| path.starts_with(directory))
    }

    fn path_of(&self, place: &Place) -> Result<PathBuf, StoreError> {
        Ok(self.root.join(place.directory).join(place.file_name()?))
    }

    /// What is saved about an object.
    pub(crate) fn read(&self, place: &Place) -> Result<Option<Document>, StoreError> {
        read_document(&self.path_of(place)?)
    }

    /// Makes sure that a file of `directory` can be written, and notes why it will be. There is no
    /// place as long as only the kernel knows its name: the file is a new one then.
    pub(crate) fn reserve(
        &mut self,
        directory: &'static str,
        place: Option<&Place>,
        intent: &Intent,
    ) -> Result<(), StoreError> {
        let old = match place.map(|place| self.path_of(place)).transpose()? {
            Some(path) => files::read(&path)
                .map_err(io_error(&path))?
                .map_or(0, |bytes| bytes.len()),
            None => 0,
        };
        let path = self.root.join(directory);
        self.files.make_directory(&path).map_err(io_error(&path))?;
        let intent = intent.to_string();
        let done = self.write(".intent", intent.as_bytes()).and_then(|()| {
            let room = old.saturating_add(RESERVE);
            self.write(".new", &vec![b' '; room])
        });
        if done.is_err() {
            // The first error says more than one of cleaning up would.
            let _ = self.abandon();
        }
        done
    }

    fn write(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let path = self.root.join(name);
        self.files.write(&path, bytes).map_err(io_error(&path))
    }

    /// Takes back what was reserved, for good: a note that is there again after a loss of power would
    /// pass for that of a change which didn't come to its end.
    pub(crate) fn abandon(&mut self) -> Result<(), StoreError> {
        for name in [".new", ".intent"] {
            let path = self.root.join(name);
            self.files.remove(&path).map_err(io_error(&path))?;
        }
        let root = &self.root;
        self.files.sync_directory(root).map_err(io_error(root))
    }

    /// The change of someone who did not come to the end. A note that was not written to its end is
    /// none, and goes: the kernel hadn't been asked yet.
    pub(crate) fn intent(&mut self) -> Result<Option<Intent>, StoreError> {
        let path = self.root.join(".intent");
        let Some(bytes) = files::read(&path).map_err(io_error(&path))? else {
            return Ok(None);
        };
        let intent = String::from_utf8_lossy(&bytes).parse().ok();
        if intent.is_none() {
            self.abandon()?;
        }
        Ok(intent)
    }

    /// Keeps a note for when the module is there that it is about: other changes need not wait for it.
    pub(crate) fn postpone(&mut self, intent: &Intent) -> Result<(), StoreError> {
        let notes = self.postponed()?.into_iter().chain([intent.clone()]);
        let text: String = notes.map(|note| note.to_string()).collect();
        self.write(POSTPONED, text.as_bytes())?;
        let root = &self.root;
        self.files.sync_directory(root).map_err(io_error(root))?;
        self.abandon()
    }

    /// The notes that were kept, the oldest first. One that was not written to its end is there as
    /// that of the last change, too.
    pub(crate) fn postponed(&self) -> Result<Vec<Intent>, StoreError> {
        let path = self.root.join(POSTPONED);
        let bytes = files::read(&path).map_err(io_error(&path))?;
        let text = String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let notes = lines.chunks(Intent::LINES);
        Ok(notes
            .filter_map(|note| note.concat().parse().ok())
            .collect())
    }

    /// Forgets them, for good.
    pub(crate) fn forget_postponed(&mut self) -> Result<(), StoreError> {
        let path = self.root.join(POSTPONED);
        self.files.remove(&path).map_err(io_error(&path))?;
        let root = &self.root;
        self.files.sync_directory(root).map_err(io_error(root))
    }

    /// Saves what is to be known about an object; without anything its file goes.
    pub(crate) fn commit(&mut self, place: &Place, document: &Document) -> Result<(), StoreError> {
        let path = self.path_of(place)?;
        if document.items.is_empty() && document.classes.is_empty() {
            self.files.remove(&path).map_err(io_error(&path))?;
            self.sync_parent(&path)?;
        } else {
            let classes = document.classes.iter().copied();
            let text = document::format(classes, &document.items);
            self.replace(&path, text.as_bytes())?;
        }
        self.abandon()
    }

    fn replace(&mut self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        self.write(".new", bytes)?;
        let new = self.root.join(".new");
        self.files.rename(&new, path).map_err(io_error(path))?;
        self.sync_parent(path)
    }

    fn sync_parent(&mut self, path: &Path) -> Result<(), StoreError> {
        // A directory that was made for the file must be there after a reboot too.
        for directory in [path.parent(), Some(&self.root)].into_iter().flatten() {
            self.files
                .sync_directory(directory)
                .map_err(io_error(directory))?;
        }
        Ok(())
    }
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> StoreError + '_ {
    move |source| StoreError::Io {
        path: path.to_owned(),
        source,
    }
}

/// Reads a file of the store or a backup; none if it is not there.
pub(crate) fn read_document(path: &Path) -> Result<Option<Document>, StoreError> {
    let Some(bytes) = files::read(path).map_err(io_error(path))? else {
        return Ok(None);
    };
    let text = String::from_utf8(bytes).map_err(|error| DocumentError::Json(error.to_string()));
    let document = text.and_then(|text| Document::parse(&text));
    document.map(Some).map_err(|source| StoreError::Document {
        path: path.to_owned(),
        source,
    })
}
