// SPDX-License-Identifier: GPL-2.0

//! A disk: what it is called, what it looks like, where its data is.

use crate::{
    backend::Traits,
    buffer::Buffer,
    changeable::Changeable,
    clock::Clock,
    comeback::Comeback,
    medium::Medium,
    private::Private, //
};
use core::mem;
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        atomic::{ordering, Atomic},
        Arc,
        Mutex, //
    }, //
};
use stmf_model::Guid;
use stmf_scsi::{
    log::Resources,
    vpd::RotationRate,
    AdditionalSense,
    Sense, //
};

/// A disk.
#[pin_data]
pub(crate) struct Disk {
    pub(crate) guid: Guid,
    pub(crate) names: Names,
    #[pin]
    texts: Mutex<Arc<Texts>>,
    /// What the backing store's own words are replaced by.
    pub(crate) shape: Shape,
    /// Initiators may not write.
    write_protect: Atomic<bool>,
    /// Whether the backing store is open for writing.
    writable: bool,
    pub(crate) medium: Arc<Medium>,
    /// What initiators change.
    pub(crate) changeable: Arc<Changeable>,
    /// What tells that the backing device is the same when it was away.
    #[pin]
    pub(crate) comeback: Mutex<Comeback>,
    #[pin]
    pub(crate) buffer: Buffer,
    #[pin]
    pub(crate) private: Private,
    #[pin]
    pub(crate) clock: Clock,
}

/// What does not change, besides the GUID, as long as there is the disk.
pub(crate) struct Names {
    /// The GUID's digits.
    pub(crate) digits: CString,
    /// The path of the backing device or file, as it was given.
    pub(crate) file: CString,
    pub(crate) vendor: CString,
    pub(crate) product: CString,
    pub(crate) revision: CString,
}

/// What can be changed with `lu-modify`.
pub(crate) struct Texts {
    pub(crate) alias: CString,
    pub(crate) serial: Option<CString>,
    /// Addresses, separated by spaces; empty when there are none.
    pub(crate) mgmt_url: CString,
}

/// What initiators are told instead of what the backing store says; `None` for its own words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// In bytes.
    pub(crate) physical_block: Option<u32>,
    pub(crate) rotation: Option<RotationRate>,
    pub(crate) unmap: Option<bool>,
    /// Space is taken when it is written to.
    pub(crate) thin: bool,
}

impl Shape {
    /// Whether initiators may unmap blocks.
    pub(crate) fn unmaps(&self, backing: &Traits) -> bool {
        backing.unmap && self.thin && self.unmap.unwrap_or(true)
    }
}

impl Disk {
    /// Makes a disk.
    pub(crate) fn new(
        guid: Guid,
        names: Names,
        texts: Texts,
        shape: Shape,
        write_protect: bool,
        medium: Arc<Medium>,
        changeable: Arc<Changeable>,
    ) -> Result<Arc<Self>> {
        // Metadata in the head are written even so.
        let store = changeable.store.as_ref();
        let writable = !write_protect || store.is_some_and(|store| store.is_in_head());
        let comeback = Comeback::new(&medium);
        let texts = Arc::new(texts, GFP_KERNEL)?;
        Arc::pin_init(
            pin_init!(Self {
                guid,
                names,
                texts <- new_mutex!(texts, "Disk::texts"),
                shape,
                write_protect: Atomic::new(write_protect),
                writable,
                medium,
                changeable,
                comeback <- new_mutex!(comeback, "Disk::comeback"),
                buffer <- Buffer::new(),
                private <- Private::new(),
                clock <- Clock::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// The texts as they are now. Never waits long: commands ask for them while the local bus's block layer
    /// waits, so nothing is allocated, read or written with the lock held.
    pub(crate) fn texts(&self) -> Arc<Texts> {
        self.texts.lock().clone()
    }

    /// From here on they are these.
    pub(crate) fn set_texts(&self, texts: Arc<Texts>) {
        let old = mem::replace(&mut *self.texts.lock(), texts);
        // Freed without the lock.
        drop(old);
    }

    /// The size of the disk and of its blocks as they are now.
    pub(crate) fn geometry(&self) -> Geometry {
        self.medium.geometry()
    }

    /// What initiators are told of the backing store.
    pub(crate) fn traits(&self) -> Traits {
        let own = self.medium.traits();
        // Some file systems (overlayfs) name no unit, or one below our blocks.
        let physical_block = own.physical_block.max(self.geometry().block_size());
        Traits {
            physical_block: self.shape.physical_block.unwrap_or(physical_block),
            unmap: self.shape.unmaps(&own),
            ..own
        }
    }

    /// The space behind the disk in threshold sets, as it was found last, where initiators are told
    /// of it.
    pub(crate) fn resources(&self) -> Option<Resources> {
        let threshold = &self.medium.threshold;
        let found = threshold.resources(self.geometry().block_size());
        found.filter(|_| self.traits().unmap)
    }

    /// How fast the medium turns, as initiators are told.
    pub(crate) fn rotation(&self) -> RotationRate {
        let own = match self.medium.traits().rotational {
            Some(false) => RotationRate::NonRotating,
            Some(true) | None => RotationRate::NotReported,
        };
        self.shape.rotation.unwrap_or(own)
    }

    /// Whether initiators may not write.
    pub(crate) fn is_write_protected(&self) -> bool {
        self.write_protect.load(ordering::Relaxed)
    }

    /// Whether the backing store can be written.
    pub(crate) fn is_writable(&self) -> bool {
        self.writable
    }

    /// Whether every write has to be on stable storage before it is acknowledged.
    pub(crate) fn is_write_through(&self) -> bool {
        !self.changeable.modes.quick().wce
    }

    /// Refuses commands that write to a disk that is protected; those that may, may take space.
    pub(crate) fn check_writable(&self) -> Result<(), Sense> {
        let code = if self.is_write_protected() {
            AdditionalSense::WRITE_PROTECTED
        } else if self.changeable.modes.quick().swp {
            AdditionalSense::LOGICAL_UNIT_SOFTWARE_WRITE_PROTECTED
        } else {
            self.medium.threshold.stir();
            return Ok(());
        };
        Err(Sense::data_protect(code))
    }

    /// Sets whether initiators may not write.
    pub(crate) fn set_write_protected(&self, protected: bool) {
        self.write_protect.store(protected, ordering::Relaxed);
    }
}

/// The text of a name; all but the path came in as UTF-8.
pub(crate) fn text(name: &CStr) -> &str {
    name.to_str().unwrap_or("")
}

/// The size of a disk and of its blocks.
///
/// # Invariants
///
/// - A block is 512, 1024, 2048 or 4096 bytes.
/// - There is at least one block, and the size in bytes fits an `i64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    blocks: u64,
    block_shift: u32,
}

impl Geometry {
    /// The smallest and the largest block, in bytes: what Linux initiators take.
    pub(crate) const BLOCK_SIZE: core::ops::RangeInclusive<u32> = 512..=4096;

    /// The most that one command moves, in bytes.
    const MAX_TRANSFER: u32 = 16 << 20;

    /// The geometry of so many bytes, which must be a multiple of the block size.
    pub(crate) fn new(size: u64, block_size: u32) -> Option<Self> {
        let is_block = Self::BLOCK_SIZE.contains(&block_size) && block_size.is_power_of_two();
        let is_size = i64::try_from(size).is_ok_and(|size| size > 0);
        let block_shift = block_size.trailing_zeros();
        // INVARIANT: Checked above; a non-zero multiple of the block size has a block.
        (is_block && is_size && size % u64::from(block_size) == 0).then_some(Self {
            blocks: size >> block_shift,
            block_shift,
        })
    }

    /// The same blocks, so many.
    ///
    /// `blocks` must be that of another geometry with such blocks.
    pub(crate) fn with_blocks(self, blocks: u64) -> Self {
        // INVARIANT: By the requirement.
        Self { blocks, ..self }
    }

    /// The number of blocks.
    pub(crate) fn blocks(&self) -> u64 {
        self.blocks
    }

    /// The size of a block in bytes.
    pub(crate) fn block_size(&self) -> u32 {
        1 << self.block_shift
    }

    /// The size in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.blocks << self.block_shift
    }

    /// Where a block of the disk starts, in bytes.
    pub(crate) fn offset(&self, lba: u64) -> u64 {
        lba << self.block_shift
    }

    /// The most blocks that one command moves.
    pub(crate) fn max_transfer(&self) -> u32 {
        Self::MAX_TRANSFER >> self.block_shift
    }

    /// The length in bytes of so many blocks, at most [`Geometry::max_transfer`].
    pub(crate) fn length(&self, blocks: u32) -> u32 {
        blocks << self.block_shift
    }

    /// A length in bytes as a number of whole blocks.
    pub(crate) fn in_blocks(&self, bytes: u32) -> u32 {
        bytes >> self.block_shift
    }
}
