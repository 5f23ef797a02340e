// SPDX-License-Identifier: GPL-2.0

//! Where a disk's metadata is kept: two records, written in turn ([`stmf_model::metadata`]), in a
//! file of their own or in the head of the file or device with the data.
//!
//! Whoever changes something that is kept waits until it is on stable storage, a few seconds at
//! most. A write that fails, or comes too late for anybody to hear of it, is taken back: its record
//! is overwritten with what was kept before. As long as the file has a write that it doesn't answer,
//! nothing can be kept, and whoever asks is told at once.

use kernel::{
    alloc::AllocError,
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        atomic::{ordering, Atomic},
        Arc,
        Mutex, //
    },
    time::{Delta, Nsec}, //
};
use stmf::loss::Losses;
use stmf_kernel::{
    crypto::Crc32c,
    fs::SmallFile,
    io::Failure,
    wait::WaitQueue, //
};
use stmf_model::{
    metadata::{self, Metadata, Record, Unusable, SLOT_LEN},
    Guid, //
};
use stmf_scsi::{
    mode::Values,
    Sink, //
};

/// How long one waits for the file.
const PATIENCE: Delta<Nsec> = Delta::from_secs(4);

/// What became of a write: none of it yet, or nobody waits for it any more, or it is done; else an
/// error number.
const UNDER_WAY: i32 = 1;
const ABANDONED: i32 = 2;
const DONE: i32 = 0;

/// The metadata of one disk.
#[pin_data]
pub(crate) struct Store {
    /// The path of the file; none when the metadata are in the head of the data.
    pub(crate) path: Option<CString>,
    /// See [`SmallFile::id`]; none for a head.
    pub(crate) file_id: Option<usize>,
    /// Nothing while the device with the data is away. Held as long as something is written.
    #[pin]
    file: Mutex<Option<SmallFile>>,
    /// Those of the data that a flush of the file is for, too; none where it is for none, or they hear of it anyway.
    losses: Option<Arc<Losses>>,
    /// Whether the file has a write.
    busy: Atomic<bool>,
    #[pin]
    idle: WaitQueue,
    #[pin]
    kept: Mutex<Kept>,
}

/// The last record that is known to be on stable storage.
struct Kept {
    /// Empty when there is none.
    record: Arc<KVVec<u8>>,
    slot: u8,
    /// That of the last write, whatever became of it.
    generation: u64,
    /// Whether no write failed since, of which the file may have the record all the same.
    is_certain: bool,
}

impl Kept {
    /// Nothing, as the record, which is empty.
    fn nothing(record: Arc<KVVec<u8>>) -> Self {
        Self {
            record,
            slot: 1,
            generation: 0,
            is_certain: false,
        }
    }
}

impl Store {
    /// Opens the file. May sleep, as long as the file system takes.
    pub(crate) fn open(path: &CStr) -> Result<Arc<Self>> {
        let (path, file) = (CString::try_from(path)?, SmallFile::open(path)?);
        Self::new(Some(path), file, None)
    }

    /// The head of the data, which are in this file or device. A flush that fails is noted as one of these
    /// losses of theirs; see [`Backend::notes_failed_flushes`].
    ///
    /// [`Backend::notes_failed_flushes`]: crate::backend::Backend::notes_failed_flushes
    pub(crate) fn in_head(file: SmallFile, losses: Option<Arc<Losses>>) -> Result<Arc<Self>> {
        Self::new(None, file, losses)
    }

    /// A file of metadata, or one that has them in its head, to be looked at only.
    pub(crate) fn to_read(path: &CStr) -> Result<Arc<Self>> {
        let (path, file) = (CString::try_from(path)?, SmallFile::open_to_read(path)?);
        Self::new(Some(path), file, None)
    }

    fn new(
        path: Option<CString>,
        file: SmallFile,
        losses: Option<Arc<Losses>>,
    ) -> Result<Arc<Self>> {
        let file_id = path.as_ref().map(|_| file.id());
        let record = Arc::new(KVVec::new(), GFP_KERNEL)?;
        Arc::pin_init(
            pin_init!(Self {
                path,
                file_id,
                file <- new_mutex!(Some(file), "Store::file"),
                losses,
                busy: Atomic::new(false),
                idle <- WaitQueue::new(),
                kept <- new_mutex!(
                    Kept::nothing(record),
                    "Store::kept"
                ),
            }),
            GFP_KERNEL,
        )
    }

    /// The property that says where the metadata are.
    pub(crate) fn property(&self) -> &'static str {
        match self.path {
            Some(_) => "meta-file",
            None => "meta-head",
        }
    }

    /// Whether the metadata are in the head of the data.
    pub(crate) fn is_in_head(&self) -> bool {
        self.path.is_none()
    }

    /// Looks for metadata in the file. May sleep, as long as the file system takes.
    pub(crate) fn load(&self) -> Result<Result<(), Unusable>> {
        let bytes = slots(self.file.lock().as_ref().ok_or(ENODEV)?)?;
        let found = match find(&bytes) {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(Ok(())),
            Err(unusable) => return Ok(Err(unusable)),
        };
        let mut record = KVVec::new();
        record.extend_from_slice(found.bytes, GFP_KERNEL)?;
        *self.kept.lock() = Kept {
            record: Arc::new(record, GFP_KERNEL)?,
            slot: found.slot,
            generation: found.generation,
            is_certain: true,
        };
        Ok(Ok(()))
    }

    /// Forgets what is in the file, whatever that is. Sleeps, as long as the file system takes.
    pub(crate) fn forget(&self) -> Result {
        let record = Arc::new(KVVec::new(), GFP_KERNEL)?;
        *self.kept.lock() = Kept::nothing(record);
        for slot in 0..2 {
            self.put(slot * SLOT_LEN as u64, &[0; WIPED])?;
        }
        Ok(())
    }

    /// Whether the metadata in this file are what is kept here, and not written by anybody since. After a write
    /// that failed nobody knows which the file has: those of the same disk then, and none newer. May sleep, as
    /// long as the device takes.
    pub(crate) fn is_kept_in(&self, file: &SmallFile) -> Result<bool> {
        let bytes = slots(file)?;
        let kept = self.kept.lock();
        let own = Metadata::parse(&kept.record);
        Ok(match (find(&bytes), own) {
            (Ok(Some(found)), Ok(_)) if kept.is_certain => found.bytes == &kept.record[..],
            (Ok(Some(found)), Ok(own)) => {
                let guid = Metadata::parse(found.bytes).map(|found| found.guid);
                guid == Ok(own.guid) && found.generation <= kept.generation
            }
            _ => false,
        })
    }

    /// Uses another file, or none for a while; says whether that could be done: not while something
    /// is being written.
    pub(crate) fn set_file(&self, file: Option<SmallFile>) -> bool {
        if self.busy.xchg(true, ordering::Full) {
            return false;
        }
        let old = core::mem::replace(&mut *self.file.lock(), file);
        self.busy.store(false, ordering::Release);
        self.idle.wake_all();
        drop(old);
        true
    }

    /// Looks at what is kept; nothing where nothing is.
    pub(crate) fn look<R>(&self, look: impl FnOnce(Option<Metadata<'_>>) -> R) -> R {
        let record = self.kept.lock().record.clone();
        look(Metadata::parse(&record).ok())
    }

    /// Keeps what `edit` makes a record of, given what is kept now. Sleeps, a few seconds at most;
    /// on failure nothing has changed.
    pub(crate) fn save(
        self: &Arc<Self>,
        edit: impl FnOnce(Option<Metadata<'_>>) -> Result<KVVec<u8>, AllocError>,
    ) -> Result<(), Failure> {
        let mut kept = self.kept.lock();
        let record = edit(Metadata::parse(&kept.record).ok()).map_err(|_| Failure::Busy)?;
        if kept.is_certain && metadata::fields(&record) == metadata::fields(&kept.record) {
            return Ok(());
        }
        if record.len() > SLOT_LEN {
            return Err(Failure::NoSpace);
        }
        if self.busy.xchg(true, ordering::Full) {
            return Err(Failure::Timeout);
        }
        self.write(&mut kept, record)
    }

    /// Changes what is kept, as [`Store::save`]; there must be something.
    pub(crate) fn update(
        self: &Arc<Self>,
        edit: impl FnOnce(Metadata<'_>) -> Result<KVVec<u8>, AllocError>,
    ) -> Result<(), Failure> {
        self.save(|old| edit(old.ok_or(AllocError)?))
    }

    /// Has a worker write a record, and waits for it. The caller has set `busy`.
    fn write(self: &Arc<Self>, kept: &mut Kept, record: KVVec<u8>) -> Result<(), Failure> {
        let slot = 1 - (kept.slot & 1);
        let begun = Write::new(slot, kept, record).and_then(|write| {
            let (this, job) = (self.clone(), write.clone());
            crate::meta_queue()?.spawn(GFP_KERNEL, move || this.carry_out(&job))?;
            Ok(write)
        });
        let write = begun.map_err(|_| {
            self.busy.store(false, ordering::Release);
            Failure::Busy
        })?;
        kept.generation = kept.generation.wrapping_add(2);
        kept.is_certain = false;
        let is_idle = || !self.busy.load(ordering::Acquire);
        let outcome = &write.outcome;
        if !self.idle.wait_timeout(PATIENCE, is_idle)
            && outcome
                .cmpxchg(UNDER_WAY, ABANDONED, ordering::Full)
                .is_ok()
        {
            return Err(Failure::Timeout);
        }
        // There is an outcome, so the worker does no more than say so.
        self.idle.wait(is_idle);
        match outcome.load(ordering::Acquire) {
            DONE => {
                kept.record = write.record.clone();
                kept.slot = slot;
                kept.is_certain = true;
                Ok(())
            }
            error => Err(Error::from_errno(error).into()),
        }
    }

    /// Writes a record, and takes it back when that fails or nobody waits for it any more.
    fn carry_out(&self, write: &Write) {
        let offset = u64::from(write.slot) * SLOT_LEN as u64;
        let take_back = || {
            // There is nothing to be done about a file that doesn't take this either.
            let _ = self.put(offset, &write.before);
        };
        let outcome = match self.put(offset, &write.record) {
            Ok(()) => DONE,
            Err(error) => {
                take_back();
                error.to_errno()
            }
        };
        let heard = write
            .outcome
            .cmpxchg(UNDER_WAY, outcome, ordering::Full)
            .is_ok();
        if !heard && outcome == DONE {
            take_back();
        }
        self.busy.store(false, ordering::Release);
        self.idle.wake_all();
    }

    /// Puts something on stable storage, and all else that was written to the same device.
    fn put(&self, offset: u64, bytes: &[u8]) -> Result {
        let file = self.file.lock();
        let file = file.as_ref().ok_or(ENODEV)?;
        file.write(offset, bytes)?;
        file.flush().inspect_err(|_| {
            // The device may not fail a second time when an initiator flushes.
            if let Some(losses) = &self.losses {
                losses.note();
            }
        })
    }

    /// Waits for a write that the file may still have, a few seconds at most; says whether it has
    /// none.
    pub(crate) fn wait_idle(&self) -> bool {
        self.idle
            .wait_timeout(PATIENCE, || !self.busy.load(ordering::Acquire))
    }
}

/// A record on its way to the file.
struct Write {
    slot: u8,
    record: Arc<KVVec<u8>>,
    /// What was kept before, as a newer record.
    before: KVVec<u8>,
    outcome: Atomic<i32>,
}

impl Write {
    fn new(slot: u8, kept: &Kept, mut record: KVVec<u8>) -> Result<Arc<Self>> {
        let generation = kept.generation.wrapping_add(1);
        metadata::seal(&mut record, generation, crc32c);
        let mut before = KVVec::new();
        before.extend_from_slice(&kept.record, GFP_KERNEL)?;
        if !before.is_empty() {
            metadata::seal(&mut before, generation.wrapping_add(1), crc32c);
        }
        let record = Arc::new(record, GFP_KERNEL)?;
        let write = Self {
            slot,
            record,
            before,
            outcome: Atomic::new(UNDER_WAY),
        };
        Ok(Arc::new(write, GFP_KERNEL)?)
    }
}

/// How much of each slot is overwritten when something in it is to be forgotten, in bytes: what tells
/// that there is a record, and a file system.
const WIPED: usize = 4096;

/// What is in the slots of a file, as much of it as there is. Sleeps, as long as the file system
/// takes.
pub(crate) fn slots(file: &SmallFile) -> Result<KVVec<u8>> {
    let mut bytes = KVVec::from_elem(0, 2 * SLOT_LEN, GFP_KERNEL)?;
    let read = file.read(0, &mut bytes);
    file.forget();
    bytes.truncate(read?);
    Ok(bytes)
}

/// The record that counts in such bytes, whose fields can be read.
pub(crate) fn find(bytes: &[u8]) -> Result<Option<Record<'_>>, Unusable> {
    let slots = bytes.split_at_checked(SLOT_LEN).unwrap_or((bytes, &[]));
    let found = metadata::find(slots.into(), crc32c)?;
    if let Some(record) = &found {
        Metadata::parse(record.bytes)?;
    }
    Ok(found)
}

/// Whose metadata are in the head of a file or device with data, if it has such a head. Sleeps, as
/// long as the device takes.
pub(crate) fn owner_of_head(file: &SmallFile) -> Result<Option<Guid>> {
    let mut begins = false;
    for slot in 0..2 {
        let mut beginning = [0; 16];
        let read = file.read(slot * SLOT_LEN as u64, &mut beginning);
        file.forget();
        begins |= metadata::is_record(beginning.get(..read?).unwrap_or_default());
    }
    if !begins {
        return Ok(None);
    }
    let bytes = slots(file)?;
    let metadata = find(&bytes).ok().flatten();
    let metadata = metadata.and_then(|record| Metadata::parse(record.bytes).ok());
    Ok(metadata.filter(|found| found.head).map(|found| found.guid))
}

/// Mode parameters in the form in which they are kept.
pub(crate) struct SavedValues {
    bytes: [u8; Values::SAVED_LEN],
    len: usize,
}

impl SavedValues {
    pub(crate) fn new(values: Values) -> Self {
        let mut bytes = [0; Values::SAVED_LEN];
        let mut sink = Sink::new(&mut bytes);
        values.write(&mut sink);
        let len = sink.written();
        Self { bytes, len }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or(&[])
    }
}

/// A record of metadata.
pub(crate) fn record(metadata: &Metadata<'_>) -> Result<KVVec<u8>, AllocError> {
    let mut bytes = KVVec::from_elem(0, metadata.record_len(), GFP_KERNEL)?;
    metadata.write(&mut Sink::new(&mut bytes));
    Ok(bytes)
}

fn crc32c(bytes: &[u8]) -> [u8; 4] {
    let mut sum = Crc32c::new();
    sum.update(bytes);
    sum.bytes()
}
