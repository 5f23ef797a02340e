// SPDX-License-Identifier: GPL-2.0

//! Messages to userspace: the reply to a `do` and the entries of a `dump`.

use super::{as_void, Refusal, Request};
use crate::{bindings, shims};
use core::marker::PhantomData;
use kernel::{
    alloc::AllocError,
    error::to_result,
    ffi::{c_int, c_void},
    prelude::*, //
};

/// Writes the attributes of one message.
///
/// # Invariants
///
/// `skb` is a live socket buffer with a generic netlink header begun in it, ours for `'a`.
pub struct Writer<'a> {
    skb: *mut bindings::sk_buff,
    written: bool,
    _skb: PhantomData<&'a mut bindings::sk_buff>,
}

impl Writer<'_> {
    fn put(&mut self, number: u16, value: *const c_void, len: usize) -> Result {
        // SAFETY: `skb` is live by the invariant, and the callers pass `len` readable bytes.
        to_result(unsafe {
            bindings::nla_put(self.skb, c_int::from(number), len as c_int, value)
        })?;
        self.written = true;
        Ok(())
    }

    /// Writes bytes.
    pub fn bytes(&mut self, number: u16, value: &[u8]) -> Result {
        self.reserve(number, value.len())?.copy_from_slice(value);
        Ok(())
    }

    /// Writes text, with the NUL that netlink strings end with.
    pub fn text(&mut self, number: u16, value: &str) -> Result {
        let room = self.reserve(number, value.len() + 1)?;
        let (text, nul) = room.split_at_mut(value.len());
        text.copy_from_slice(value.as_bytes());
        nul.fill(0);
        Ok(())
    }

    /// Makes an attribute of so many bytes, to be filled in.
    fn reserve(&mut self, number: u16, len: usize) -> Result<&mut [u8]> {
        if len > usize::from(u16::MAX - 4) {
            return Err(EMSGSIZE);
        }
        // SAFETY: `skb` is live by the invariant.
        let attribute =
            unsafe { bindings::nla_reserve(self.skb, c_int::from(number), len as c_int) };
        if attribute.is_null() {
            return Err(EMSGSIZE);
        }
        self.written = true;
        // SAFETY: `nla_reserve` made an attribute with room for `len` bytes in the buffer, which is
        // ours as long as `self` is borrowed.
        Ok(
            unsafe {
                core::slice::from_raw_parts_mut(shims::nla_data(attribute).cast::<u8>(), len)
            },
        )
    }

    /// Writes an 8-bit integer.
    pub fn u8(&mut self, number: u16, value: u8) -> Result {
        self.put(number, as_void(&value), size_of_val(&value))
    }

    /// Writes a 16-bit integer.
    pub fn u16(&mut self, number: u16, value: u16) -> Result {
        self.put(number, as_void(&value), size_of_val(&value))
    }

    /// Writes a 32-bit integer.
    pub fn u32(&mut self, number: u16, value: u32) -> Result {
        self.put(number, as_void(&value), size_of_val(&value))
    }

    /// Writes an integer in four or eight bytes, as it needs (`NLA_UINT`).
    pub fn uint(&mut self, number: u16, value: u64) -> Result {
        match u32::try_from(value) {
            Ok(value) => self.u32(number, value),
            Err(_) => self.put(number, as_void(&value), size_of_val(&value)),
        }
    }
}

/// Runs a handler with a fresh reply message and sends what it wrote, if anything.
pub(super) fn reply(
    request: &Request<'_>,
    command: u8,
    handler: impl FnOnce(&mut Writer<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    let info = request.as_raw();
    // SAFETY: An FFI call without requirements.
    let skb =
        unsafe { bindings::genlmsg_new(bindings::GENLMSG_DEFAULT_SIZE, bindings::GFP_KERNEL) };
    if skb.is_null() {
        return Err(Refusal::from(AllocError));
    }
    // SAFETY: `skb` and `info` are live.
    let header = unsafe {
        bindings::genlmsg_put(
            skb,
            (*info).snd_portid,
            (*info).snd_seq,
            (*info).family,
            0,
            command,
        )
    };
    let mut writer = Writer {
        skb,
        written: false,
        _skb: PhantomData,
    };
    let outcome = if header.is_null() {
        Err(Refusal::from(EMSGSIZE))
    } else {
        handler(&mut writer)
    };
    if outcome.is_err() || !writer.written {
        // SAFETY: `skb` is ours and unsent.
        unsafe { bindings::nlmsg_free(skb) };
        return outcome;
    }
    // SAFETY: `skb` and the header begun in it are ours; `genlmsg_reply` takes `skb` over.
    to_result(unsafe {
        bindings::genlmsg_end(skb, header);
        shims::genlmsg_reply(skb, info)
    })?;
    Ok(())
}

/// Makes a message that nobody asked for and sends it to a multicast group of a registered family.
/// Any context.
///
/// # Errors
///
/// When the message could not be made. That nobody listens is fine, and listeners without room
/// learn of it themselves.
pub(super) fn notify(
    family: *const bindings::genl_family,
    group: u8,
    command: u8,
    fill: impl FnOnce(&mut Writer<'_>) -> Result,
) -> Result {
    // SAFETY: An FFI call without requirements.
    let skb =
        unsafe { bindings::genlmsg_new(bindings::GENLMSG_DEFAULT_SIZE, bindings::GFP_ATOMIC) };
    if skb.is_null() {
        return Err(ENOMEM);
    }
    // SAFETY: `skb` is live, and the family by the callers' word.
    let header = unsafe { bindings::genlmsg_put(skb, 0, 0, family, 0, command) };
    let mut writer = Writer {
        skb,
        written: false,
        _skb: PhantomData,
    };
    let filled = if header.is_null() {
        Err(EMSGSIZE)
    } else {
        fill(&mut writer)
    };
    if filled.is_err() {
        // SAFETY: `skb` is ours and unsent.
        unsafe { bindings::nlmsg_free(skb) };
        return filled;
    }
    let _guard = kernel::sync::rcu::read_lock();
    // SAFETY: `skb` and the header begun in it are ours; the call, which wants a read-side section
    // of RCU, takes `skb` over.
    unsafe {
        bindings::genlmsg_end(skb, header);
        bindings::genlmsg_multicast_allns(family, skb, 0, group.into());
    }
    Ok(())
}

/// A listing in progress.
///
/// # Invariants
///
/// `skb` and `cb` are live and ours for `'a`.
pub struct Dump<'a> {
    skb: *mut bindings::sk_buff,
    cb: *mut bindings::netlink_callback,
    request: *mut bindings::genl_info,
    command: u8,
    wrote: bool,
    _live: PhantomData<&'a mut bindings::netlink_callback>,
}

impl Dump<'_> {
    /// # Safety
    ///
    /// `skb` and `cb` are live and ours as long as the result.
    pub(super) unsafe fn new(
        skb: *mut bindings::sk_buff,
        cb: *mut bindings::netlink_callback,
        request: &Request<'_>,
        command: u8,
    ) -> Self {
        // INVARIANT: By the requirement.
        Self {
            skb,
            cb,
            request: request.as_raw(),
            command,
            wrote: false,
            _live: PhantomData,
        }
    }

    /// Where the listing goes on: zero at first, then what [`Dump::set_cursor`] stored.
    pub fn cursor(&self) -> u64 {
        // SAFETY: `cb` is live by the invariant; the union's arms are plain numbers.
        unsafe { (*self.cb).__bindgen_anon_1.args[0] as u64 }
    }

    /// Stores where the next call goes on.
    pub fn set_cursor(&mut self, cursor: u64) {
        // SAFETY: As in `cursor`.
        unsafe { (*self.cb).__bindgen_anon_1.args[0] = cursor as isize };
    }

    /// The key that [`Dump::set_last`] stored: that of the last object listed so far.
    pub fn last(&self) -> Option<[u64; 3]> {
        // SAFETY: As in `cursor`.
        let [set, key @ .., _, _] = unsafe { (*self.cb).__bindgen_anon_1.args };
        (set != 0).then_some(key.map(|word| word as u64))
    }

    /// Stores the key of the object just listed, after which the next call goes on. A listing uses
    /// this or [`Dump::set_cursor`].
    pub fn set_last(&mut self, key: [u64; 3]) {
        let [a, b, c] = key.map(|word| word as isize);
        // SAFETY: As in `cursor`.
        unsafe { (*self.cb).__bindgen_anon_1.args = [1, a, b, c, 0, 0] };
    }

    /// Declares which generation of the objects is listed: when it changes between two calls,
    /// userspace is told that the listing is not of one moment (`NLM_F_DUMP_INTR`).
    pub fn set_generation(&mut self, generation: u32) {
        // SAFETY: `cb` is live by the invariant. Zero would mean "not tracked".
        unsafe { (*self.cb).seq = generation.max(1) };
    }

    /// Writes one object. `Ok(false)` means that it didn't fit: the handler returns, and is called
    /// again with the cursor it left.
    pub fn entry(&mut self, fill: impl FnOnce(&mut Writer<'_>) -> Result) -> Result<bool> {
        // SAFETY: All live by the invariant.
        let header = unsafe {
            bindings::genlmsg_put(
                self.skb,
                (*self.request).snd_portid,
                (*self.request).snd_seq,
                (*self.request).family,
                bindings::NLM_F_MULTI as c_int,
                self.command,
            )
        };
        if header.is_null() {
            return self.full();
        }
        let mut writer = Writer {
            skb: self.skb,
            written: false,
            _skb: PhantomData,
        };
        let outcome = fill(&mut writer);
        // SAFETY: The header was begun above and not ended.
        unsafe {
            if outcome.is_err() {
                bindings::genlmsg_cancel(self.skb, header);
            } else {
                shims::genl_dump_check_consistent(self.cb, header);
                bindings::genlmsg_end(self.skb, header);
            }
        }
        match outcome {
            Ok(()) => {
                self.wrote = true;
                Ok(true)
            }
            Err(error) if error == EMSGSIZE => self.full(),
            Err(error) => Err(error),
        }
    }

    /// No room: fine after the first entry, an error when a single one is too large.
    fn full(&self) -> Result<bool> {
        if self.wrote {
            Ok(false)
        } else {
            Err(EMSGSIZE)
        }
    }

    /// What `dumpit` returns: the bytes written, so zero at the end of the listing.
    pub(super) fn finish(self) -> c_int {
        if self.wrote {
            // SAFETY: `skb` is live by the invariant.
            unsafe { (*self.skb).len as c_int }
        } else {
            0
        }
    }
}
