// SPDX-License-Identifier: GPL-2.0

//! Commands that wait for data from the initiator.

use kernel::{
    alloc::AllocError,
    prelude::*, //
};
use stmf::task::Incoming;
use stmf_iscsi_proto::{
    request::ScsiCommand,
    transfer::{R2tPlan, WriteSequence},
    types::{Itt, Lun}, //
};
use stmf_kernel::{
    net::Buffers,
    pages::PageList, //
};
use stmf_scsi::Sense;

/// The most commands that wait at a time: one for each bit of a map. The framework admits no more
/// commands to a session anyway.
const MAX: u32 = u128::BITS;

/// A command and how far its data has come.
pub(super) struct Write {
    pub(super) incoming: Incoming,
    pub(super) itt: Itt,
    pub(super) lun: Lun,
    pub(super) sequence: WriteSequence,
    /// Why it will not be carried out, once all data that is on its way has come.
    failure: Option<Sense>,
}

impl Write {
    pub(super) fn new(
        incoming: Incoming,
        command: &ScsiCommand<'_>,
        sequence: WriteSequence,
    ) -> Self {
        Self {
            incoming,
            itt: command.itt,
            lun: command.lun,
            sequence,
            failure: None,
        }
    }

    /// Asks for no more data; what was asked for still comes.
    pub(super) fn give_up(&mut self, why: Sense) {
        self.failure.get_or_insert(why);
        self.sequence.give_up();
    }

    /// Carries the command out, or not; all its data is there.
    pub(super) fn execute(mut self) {
        // The response says how many R2Ts there were.
        self.incoming.set_note(self.sequence.exp_data_sn());
        match self.failure {
            None => self.incoming.execute(),
            Some(sense) => self.incoming.fail(sense),
        }
    }

    /// The bytes that the command wants.
    fn wanted(&self) -> usize {
        usize::try_from(self.incoming.wanted()).unwrap_or(usize::MAX)
    }
}

/// A command whose data is just coming in.
pub(super) struct Writing {
    pub(super) write: Held,
    /// Where the next byte belongs.
    pub(super) offset: usize,
}

/// A command on its way: most have all their data with them, and need no place to wait.
pub(super) enum Held {
    /// One that needs no place.
    Inline(Write),
    /// One that has a place, should it have to wait.
    Placed(Place, Write),
    /// One that was taken from its place.
    Boxed(u16, KBox<Write>),
}

impl Held {
    pub(super) fn get(&self) -> &Write {
        match self {
            Held::Inline(write) | Held::Placed(_, write) => write,
            Held::Boxed(_, write) => write,
        }
    }

    pub(super) fn get_mut(&mut self) -> &mut Write {
        match self {
            Held::Inline(write) | Held::Placed(_, write) => write,
            Held::Boxed(_, write) => write,
        }
    }
}

impl Writing {
    /// Takes the next bytes. What the command doesn't want is dropped.
    pub(super) fn put(&mut self, bytes: &[u8]) {
        let write = self.write.get_mut();
        let wanted = write.wanted().saturating_sub(self.offset).min(bytes.len());
        let bytes_wanted = bytes.get(..wanted).unwrap_or(&[]);
        write
            .incoming
            .data_mut()
            .write_at(self.offset, bytes_wanted);
        self.skip(bytes.len());
    }

    /// Notes that bytes were put in place.
    pub(super) fn skip(&mut self, len: usize) {
        self.offset = self.offset.saturating_add(len);
    }

    /// The pages of the command.
    pub(super) fn pages(&mut self) -> &PageList {
        self.write.get_mut().incoming.data_mut()
    }

    /// The place of the next `len` bytes, as far as they are wanted and fit; says how many do.
    pub(super) fn room<'a>(&'a mut self, buffers: &mut Buffers<'a>, len: usize) -> usize {
        let write = self.write.get_mut();
        let len = write.wanted().saturating_sub(self.offset).min(len);
        buffers.push_pages(write.incoming.data_mut(), self.offset, len)
    }
}

/// A place to wait that is reserved, memory included.
pub(super) struct Place {
    slot: u16,
    memory: KBox<core::mem::MaybeUninit<Write>>,
}

impl Place {
    /// Its number, which names the command in the tags of its R2Ts.
    pub(super) fn slot(&self) -> u16 {
        self.slot
    }
}

/// The commands of a connection that wait for data.
pub(super) struct Writes {
    places: KVec<Option<KBox<Write>>>,
    /// The places that are taken, by a command that waits or one on its way.
    taken: u128,
    /// The places whose command may have an R2T to send.
    soliciting: u128,
}

impl Writes {
    pub(super) const fn new() -> Self {
        Self {
            places: KVec::new(),
            taken: 0,
            soliciting: 0,
        }
    }

    /// Reserves a place.
    pub(super) fn reserve(&mut self) -> Result<Place, AllocError> {
        let free = self.taken.trailing_ones();
        if free >= MAX {
            return Err(AllocError);
        }
        let slot = u16::try_from(free).map_err(|_| AllocError)?;
        while self.places.len() <= usize::from(slot) {
            self.places.push(None, GFP_KERNEL)?;
        }
        let memory = KBox::new_uninit(GFP_KERNEL)?;
        self.taken |= bit(slot);
        Ok(Place { slot, memory })
    }

    /// A command that need not wait any more; its place is free.
    pub(super) fn finish(&mut self, held: Held) -> Write {
        match held {
            Held::Inline(write) => write,
            Held::Placed(place, write) => {
                self.release(place);
                write
            }
            Held::Boxed(slot, write) => {
                self.taken &= !bit(slot);
                self.soliciting &= !bit(slot);
                KBox::into_inner(write)
            }
        }
    }

    /// Gives back a place that isn't needed.
    pub(super) fn release(&mut self, place: Place) {
        self.taken &= !bit(place.slot);
    }

    /// Lets a command wait for more data. One without a place has nothing to wait for, and one
    /// that was aborted meanwhile doesn't.
    pub(super) fn wait(&mut self, held: Held) {
        if held.get().incoming.is_aborted() {
            drop(self.finish(held));
            return;
        }
        let (slot, write) = match held {
            Held::Inline(_) => return,
            Held::Placed(place, write) => (place.slot, place.memory.write(write)),
            Held::Boxed(slot, write) => (slot, write),
        };
        if let Some(place) = self.places.get_mut(usize::from(slot)) {
            *place = Some(write);
            self.soliciting |= bit(slot);
        }
    }

    /// Takes the command with this tag from the place that an R2T's tag names.
    pub(super) fn take_at(&mut self, slot: u16, itt: Itt) -> Option<Held> {
        let place = self.places.get_mut(usize::from(slot))?;
        let write = place.take_if(|write| write.itt == itt)?;
        Some(Held::Boxed(slot, write))
    }

    /// Takes the command with this tag.
    pub(super) fn take(&mut self, itt: Itt) -> Option<Held> {
        let is_it = |place: &Option<KBox<Write>>| place.as_ref().is_some_and(|w| w.itt == itt);
        let slot = self.places.iter().position(is_it)?;
        self.take_at(u16::try_from(slot).ok()?, itt)
    }

    /// Drops the commands that were aborted.
    pub(super) fn drop_aborted(&mut self) {
        let mut dropped = 0;
        for (slot, place) in self.places.iter_mut().enumerate() {
            if place.take_if(|write| write.incoming.is_aborted()).is_some() {
                dropped |= u16::try_from(slot).map_or(0, bit);
            }
        }
        self.taken &= !dropped;
        self.soliciting &= !dropped;
    }

    /// A command with an R2T to send, and that R2T; `send` says whether it is sent.
    ///
    /// Gives `false` when there is none.
    pub(super) fn solicit<E>(
        &mut self,
        send: impl FnOnce(&Write, R2tPlan) -> Result<(), E>,
    ) -> Result<bool, E> {
        while self.soliciting != 0 {
            let slot = self.soliciting.trailing_zeros();
            let place = self
                .places
                .get_mut(usize::try_from(slot).unwrap_or(usize::MAX));
            if let Some(Some(write)) = place {
                let mut sequence = write.sequence;
                if let Some(plan) = sequence.next_r2t() {
                    send(write, plan)?;
                    write.sequence = sequence;
                    return Ok(true);
                }
            }
            // The lowest bit.
            self.soliciting &= self.soliciting.wrapping_sub(1);
        }
        Ok(false)
    }

    /// Whether there may be an R2T to send.
    pub(super) fn is_soliciting(&self) -> bool {
        self.soliciting != 0
    }
}

fn bit(slot: u16) -> u128 {
    1_u128.checked_shl(u32::from(slot)).unwrap_or(0)
}
