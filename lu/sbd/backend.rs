// SPDX-License-Identifier: GPL-2.0

//! What keeps a disk's data: a block device or a file, all of it or what is behind a head with
//! metadata.

use kernel::{
    prelude::*,
    time::{Delta, Nsec}, //
};
use stmf_kernel::{
    block::{self, AtomicLimits, Device},
    fs::{self, File, Mode, SmallFile, Space, Stretch},
    io::{Carried, Done, Operation},
    token::Token, //
};
use stmf_model::metadata::DATA_START;
use stmf_uapi::sbd;

/// A disk's backing store.
pub(crate) struct Backend {
    storage: Storage,
    /// Where the data begin, in bytes: behind the metadata, if these are in the head.
    start: u64,
    /// Whether what is written has to be on stable storage when the write is done.
    write_through: bool,
    /// Whether a durable write ends with a flush of all that was written.
    flushes: bool,
}

/// Where the bytes are.
enum Storage {
    Block(Device),
    File(File),
}

/// What a backing store says of itself, in bytes where it is a size.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Traits {
    /// The smallest unit that is written without reading first.
    pub(crate) physical_block: u32,
    /// How far the first physical block that is whole lies behind the start.
    pub(crate) alignment: u32,
    /// The smallest and the best size of an I/O; zero when not known.
    pub(crate) io_min: u32,
    pub(crate) io_opt: u32,
    /// Whether the medium turns, if that is known.
    pub(crate) rotational: Option<bool>,
    /// Whether what is written is volatile until it is flushed.
    pub(crate) volatile: bool,
    /// Whether space can be given back.
    pub(crate) unmap: bool,
    /// Whether what was given back reads as zeros, for certain.
    pub(crate) unmapped_is_zero: bool,
    /// Whether zeros can be written without memory for them.
    pub(crate) zero: bool,
    /// The unit in which space is given back, and how far behind the start the first such unit is.
    pub(crate) unmap_granularity: u32,
    pub(crate) unmap_alignment: u32,
    /// What the device promises of atomic writes.
    pub(crate) atomic: Option<AtomicLimits>,
}

/// The right to one I/O; see [`Backend::enter`].
pub(crate) struct Entry {
    storage: StorageEntry,
    start: u64,
    write_through: bool,
    flushes: bool,
}

enum StorageEntry {
    Block(block::Entry),
    File(fs::Entry),
}

impl Entry {
    /// The same operation with FUA, if it is a write and there is no write cache.
    pub(crate) fn kept(&self, operation: Operation) -> Operation {
        match operation {
            Operation::Write { fua } => Operation::Write {
                fua: fua || self.write_through,
            },
            Operation::WriteAtomic { fua } => Operation::WriteAtomic {
                fua: fua || self.write_through,
            },
            other => other,
        }
    }

    /// Whether what fails of the operation may be a flush.
    pub(crate) fn flushes_by(&self, operation: Operation) -> bool {
        match operation {
            Operation::Flush => true,
            other => self.flushes && other.is_durable(),
        }
    }

    /// Starts an I/O; see [`block::Entry::submit`] and [`fs::Entry::submit`]. Offsets are those of
    /// the disk.
    pub(crate) fn submit<T: Carried, D: Done<T>>(
        self,
        operation: Operation,
        offset: u64,
        token: Token<T>,
    ) {
        let offset = match operation {
            // It is about all of the device.
            Operation::Flush => offset,
            _ => offset.saturating_add(self.start),
        };
        match self.storage {
            StorageEntry::Block(entry) => entry.submit::<T, D>(operation, offset, token),
            StorageEntry::File(entry) => entry.submit::<T, D>(operation, offset, token),
        }
    }
}

/// Each flush of a file with a page cache tells what that couldn't write, whoever has met the error before, and that
/// somebody else couldn't flush the device.
fn tells_itself(file: &File) -> bool {
    file.mode() != Mode::Direct
}

impl From<Device> for Backend {
    fn from(device: Device) -> Self {
        let limits = device.limits();
        Self {
            storage: Storage::Block(device),
            start: 0,
            write_through: false,
            flushes: limits.write_cache && !limits.fua,
        }
    }
}

impl From<File> for Backend {
    fn from(file: File) -> Self {
        let flushes = !tells_itself(&file);
        Self {
            storage: Storage::File(file),
            start: 0,
            write_through: false,
            flushes,
        }
    }
}

impl Backend {
    /// The same backing store, whose data begin behind a head with metadata.
    pub(crate) fn behind_head(self) -> Self {
        Self {
            start: DATA_START,
            ..self
        }
    }

    /// The same backing store with a write cache or without.
    pub(crate) fn through(self, write_through: bool) -> Self {
        Self {
            write_through,
            ..self
        }
    }

    /// Whether what is written has to be on stable storage when the write is done.
    pub(crate) fn is_write_through(&self) -> bool {
        self.write_through
    }

    /// Whether it is to be noted when a flush fails that wasn't an initiator's.
    pub(crate) fn notes_failed_flushes(&self) -> bool {
        !self.file().is_some_and(tells_itself)
    }

    /// The same backing store once more, with I/O of its own to wait for.
    pub(crate) fn again(&self) -> Result<Self> {
        let storage = match &self.storage {
            Storage::Block(device) => Storage::Block(device.again()?),
            Storage::File(file) => Storage::File(file.again()?),
        };
        Ok(Self { storage, ..*self })
    }

    /// The right to one I/O, until [`Backend::kill`]. Any context.
    pub(crate) fn enter(&self) -> Option<Entry> {
        let storage = match &self.storage {
            Storage::Block(device) => StorageEntry::Block(device.enter()?),
            Storage::File(file) => StorageEntry::File(file.enter()?),
        };
        Some(Entry {
            storage,
            start: self.start,
            write_through: self.write_through,
            flushes: self.flushes,
        })
    }

    /// Lets no more I/O in. May sleep.
    pub(crate) fn kill(&self) {
        match &self.storage {
            Storage::Block(device) => device.kill(),
            Storage::File(file) => file.kill(),
        }
    }

    /// Waits for the I/O that was let in, `limit` at most; says whether it is over. Sleeps.
    pub(crate) fn wait_drained(&self, limit: Delta<Nsec>) -> bool {
        match &self.storage {
            Storage::Block(device) => device.wait_drained(limit),
            Storage::File(file) => file.wait_drained(limit),
        }
    }

    /// What the backing store says of itself now.
    pub(crate) fn traits(&self) -> Traits {
        let own = match &self.storage {
            Storage::Block(device) => {
                let limits = device.limits();
                Traits {
                    physical_block: limits.physical_block_size,
                    alignment: limits.alignment_offset,
                    io_min: limits.io_min,
                    io_opt: limits.io_opt,
                    rotational: Some(limits.rotational),
                    volatile: limits.write_cache,
                    unmap: limits.discard,
                    unmapped_is_zero: limits.discard && limits.write_zeroes_unmaps,
                    zero: limits.write_zeroes,
                    unmap_granularity: limits.discard_granularity,
                    unmap_alignment: limits.discard_alignment,
                    atomic: limits.atomic,
                }
            }
            Storage::File(file) => Traits {
                physical_block: file.block_size(),
                rotational: match file.mode() {
                    Mode::Memory => Some(false),
                    Mode::Direct | Mode::Buffered => file.is_rotational(),
                },
                volatile: true,
                unmap: true,
                unmapped_is_zero: true,
                zero: true,
                unmap_granularity: file.block_size(),
                ..Traits::default()
            },
        };
        own.behind(self.start)
    }

    /// Whether the backing device was removed.
    pub(crate) fn is_gone(&self) -> bool {
        match &self.storage {
            Storage::Block(device) => device.is_gone(),
            Storage::File(_) => false,
        }
    }

    /// The block device, if it is one.
    pub(crate) fn device(&self) -> Option<&Device> {
        match &self.storage {
            Storage::Block(device) => Some(device),
            Storage::File(_) => None,
        }
    }

    /// The file, if it is one.
    fn file(&self) -> Option<&File> {
        match &self.storage {
            Storage::Block(_) => None,
            Storage::File(file) => Some(file),
        }
    }

    /// The file's number, see [`File::id`]; a device, which is opened exclusively, has none.
    pub(crate) fn file_id(&self) -> Option<usize> {
        self.file().map(File::id)
    }

    /// The bytes that there are, metadata included. May sleep, as long as the file system takes.
    pub(crate) fn whole_size(&self) -> Result<u64> {
        match &self.storage {
            Storage::Block(device) => Ok(device.size()),
            Storage::File(file) => file.size(),
        }
    }

    /// The bytes that there are for the data, as [`Backend::whole_size`].
    pub(crate) fn size(&self) -> Result<u64> {
        Ok(self.whole_size()?.saturating_sub(self.start))
    }

    /// Makes a file have so many bytes, metadata included; devices stay as they are. May sleep, as
    /// long as the file system takes.
    pub(crate) fn set_whole_size(&self, size: u64) -> Result {
        self.file().map_or(Ok(()), |file| file.set_size(size))
    }

    /// Makes a file have so many bytes for the data, as [`Backend::set_whole_size`].
    pub(crate) fn set_size(&self, size: u64) -> Result {
        self.set_whole_size(size.saturating_add(self.start))
    }

    /// Has a file take the space for so many bytes of data now; devices have theirs. Sleeps, as long
    /// as the file system takes.
    pub(crate) fn allocate(&self, size: u64) -> Result {
        match self.file() {
            Some(file) => file.allocate(size.saturating_add(self.start)),
            None => Ok(()),
        }
    }

    /// What there is at an offset of the disk, see [`File::stretch_at`]; `None` where nobody knows.
    pub(crate) fn stretch_at(&self, offset: u64) -> Option<Result<Stretch>> {
        let found = self.file()?.stretch_at(offset.saturating_add(self.start));
        Some(found.map(|stretch| Stretch {
            end: stretch.end.saturating_sub(self.start),
            ..stretch
        }))
    }

    /// How much space there is, of a file in a file system that may run out of it. May sleep, as
    /// long as the file system takes.
    pub(crate) fn space(&self) -> Option<Space> {
        let file = self.file().filter(|file| file.mode() != Mode::Memory)?;
        file.space().ok().filter(|space| space.total > 0)
    }

    /// The bytes from the beginning, metadata included, see [`Device::small_file`].
    pub(crate) fn small_file(&self) -> SmallFile {
        match &self.storage {
            Storage::Block(device) => device.small_file(),
            Storage::File(file) => file.small_file(),
        }
    }

    /// The kind, as netlink names it.
    pub(crate) fn kind(&self) -> sbd::Backend {
        match &self.storage {
            Storage::Block(_) => sbd::Backend::Block,
            Storage::File(file) => match file.mode() {
                Mode::Direct => sbd::Backend::FileDirect,
                Mode::Buffered => sbd::Backend::FileBuffered,
                Mode::Memory => sbd::Backend::Ram,
            },
        }
    }
}

impl Traits {
    /// The traits of what is behind so many bytes.
    fn behind(self, start: u64) -> Self {
        let moved = |alignment: u32, unit: u32| {
            let unit = u64::from(unit.max(1));
            let beyond = start % unit;
            // BOUNDS: Less than the unit.
            ((u64::from(alignment) + unit - beyond) % unit) as u32
        };
        Self {
            alignment: moved(self.alignment, self.physical_block),
            unmap_alignment: moved(self.unmap_alignment, self.unmap_granularity),
            atomic: self
                .atomic
                .filter(|limits| start % u64::from(limits.alignment.max(1)) == 0),
            ..self
        }
    }
}
