// SPDX-License-Identifier: GPL-2.0

//! Values and tables that the I/O path reads under RCU, without a lock or a counter.
//!
//! C headers: [`include/linux/rcupdate.h`](srctree/include/linux/rcupdate.h),
//! [`include/linux/xarray.h`](srctree/include/linux/xarray.h)

use crate::{bindings, shims};
use core::{
    marker::PhantomData,
    ptr, //
};
use kernel::{
    error::to_result,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        rcu, //
    },
    types::Opaque, //
};

/// An optional value, read under RCU and replaced as a whole.
///
/// # Invariants
///
/// `ptr` is null or a leaked [`KBox`] that this cell owns.
pub struct RcuCell<T: Send + Sync + 'static> {
    ptr: Atomic<*mut T>,
}

// SAFETY: The cell owns a `Send + Sync` value and all access to the pointer is atomic.
unsafe impl<T: Send + Sync + 'static> Send for RcuCell<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync + 'static> Sync for RcuCell<T> {}

impl<T: Send + Sync + 'static> RcuCell<T> {
    /// Creates a cell without a value.
    pub const fn empty() -> Self {
        Self {
            ptr: Atomic::new(ptr::null_mut()),
        }
    }

    /// Creates a cell with a value.
    pub fn new(value: KBox<T>) -> Self {
        Self {
            ptr: Atomic::new(KBox::into_raw(value)),
        }
    }

    /// The current value, valid as long as the cell is there and the caller stays in its read-side section.
    pub fn read<'rcu>(&'rcu self, _guard: &'rcu rcu::Guard) -> Option<&'rcu T> {
        let ptr = self.ptr.load(ordering::Acquire);
        // SAFETY: Null or a live value, which `replace` keeps for a grace period after it has
        // taken it out, so for the whole read-side section; the cell doesn't drop it while it is borrowed.
        unsafe { ptr.as_ref() }
    }

    /// Stores another value; returns the old one when no reader can see it any more. Sleeps.
    pub fn replace(&self, value: Option<KBox<T>>) -> Option<KBox<T>> {
        let new = value.map_or(ptr::null_mut(), KBox::into_raw);
        let old = self.ptr.xchg(new, ordering::Full);
        if old.is_null() {
            return None;
        }
        rcu::synchronize_rcu();
        // SAFETY: Leaked by `new` or `replace`; unreachable since the exchange, and unread since
        // the grace period.
        Some(unsafe { KBox::from_raw(old) })
    }
}

impl<T: Send + Sync + 'static> Drop for RcuCell<T> {
    fn drop(&mut self) {
        let ptr = *self.ptr.get_mut();
        if !ptr.is_null() {
            // SAFETY: `&mut self` proves that no reader borrows through the cell: each would hold
            // a reference to it.
            drop(unsafe { KBox::from_raw(ptr) });
        }
    }
}

/// A sparse table from small integers to values, read under RCU.
///
/// Lookup, insertion and removal cost the depth of a radix tree, whatever the number of entries.
#[pin_data(PinnedDrop)]
pub struct RcuMap<T: Send + Sync + 'static> {
    #[pin]
    xa: Opaque<bindings::xarray>,
    _values: PhantomData<T>,
}

// SAFETY: The table owns `Send + Sync` values; the xarray locks itself.
unsafe impl<T: Send + Sync + 'static> Send for RcuMap<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync + 'static> Sync for RcuMap<T> {}

/// An entry of a table: the value, and the link for when it has been taken out.
struct Entry<T> {
    next: *mut Entry<T>,
    value: T,
}

impl<T> Entry<T> {
    /// The value, if there is an entry; never a reference to the link, which whoever takes the entry out writes.
    ///
    /// # Safety
    ///
    /// `entry` is null, or an entry that isn't dropped in `'a`.
    unsafe fn value<'a>(entry: *mut Self) -> Option<&'a T> {
        if entry.is_null() {
            return None;
        }
        // SAFETY: By the requirement.
        Some(unsafe { &(*entry).value })
    }
}

/// Values taken out of [`RcuMap`]s that readers may still look at.
///
/// Collects any number without allocating. Dropping it waits once for the readers (sleeps), then
/// drops the values.
///
/// # Invariants
///
/// `first` is null or the start of a null-terminated chain of entries that this owns.
pub struct Retired<T: Send + Sync + 'static> {
    first: *mut Entry<T>,
}

// SAFETY: Owns values that are `Send`.
unsafe impl<T: Send + Sync + 'static> Send for Retired<T> {}

impl<T: Send + Sync + 'static> Retired<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self {
            first: ptr::null_mut(),
        }
    }

    /// Adds what an xarray gave back; says whether that was an entry.
    ///
    /// # Safety
    ///
    /// `entry` is null or was stored by `insert` and has just been taken out of its table.
    unsafe fn add(&mut self, entry: *mut Entry<T>) -> bool {
        if entry.is_null() {
            return false;
        }
        // SAFETY: By the requirement the entry is ours. Readers look at `value` only.
        unsafe { (&raw mut (*entry).next).write(self.first) };
        self.first = entry;
        true
    }
}

impl<T: Send + Sync + 'static> Default for Retired<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync + 'static> Drop for Retired<T> {
    fn drop(&mut self) {
        if self.first.is_null() {
            return;
        }
        rcu::synchronize_rcu();
        while !self.first.is_null() {
            // SAFETY: By the invariant the entry is ours, and since the grace period nobody reads.
            let entry = unsafe { KBox::from_raw(self.first) };
            self.first = entry.next;
        }
    }
}

impl<T: Send + Sync + 'static> RcuMap<T> {
    /// Creates an empty table.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            xa <- Opaque::ffi_init(|xa| {
                // SAFETY: `xa` is memory for an xarray.
                unsafe { bindings::xa_init_flags(xa, 0) }
            }),
            _values: PhantomData,
        })
    }

    /// The value at `index`, valid as long as the table is there and the caller stays in its read-side section.
    #[inline]
    pub fn read<'rcu>(&'rcu self, index: usize, _guard: &'rcu rcu::Guard) -> Option<&'rcu T> {
        // SAFETY: The xarray is initialised; `xa_load` may be called under RCU.
        let entry = unsafe { bindings::xa_load(self.xa.get(), index) };
        // SAFETY: Null or stored by `insert`; `Retired` keeps what is taken out for a grace period, and the table,
        // which is there as long as the value, the rest.
        unsafe { Entry::value(entry.cast()) }
    }

    /// Calls `visit` for every entry in the order of indices, each in an RCU read-side section of
    /// its own. Entries that come and go meanwhile may be missed.
    pub fn for_each(&self, mut visit: impl FnMut(usize, &T)) {
        let mut next = Some(0usize);
        while let Some((index, ())) = next.and_then(|start| self.find_indexed(start, &mut visit)) {
            next = index.checked_add(1);
        }
    }

    /// Looks at the first entry at or after an index, in an RCU read-side section; gives its index
    /// and what `look` made of it.
    pub fn find<R>(&self, start: usize, look: impl FnOnce(&T) -> R) -> Option<(usize, R)> {
        self.find_indexed(start, |_, value| look(value))
    }

    fn find_indexed<R>(
        &self,
        start: usize,
        look: impl FnOnce(usize, &T) -> R,
    ) -> Option<(usize, R)> {
        let _guard = rcu::read_lock();
        let (index, entry) = self.find_from(start);
        // SAFETY: As in `read`.
        let value = unsafe { Entry::value(entry) }?;
        Some((index, look(index, value)))
    }

    /// The first entry at or after an index.
    fn find_from(&self, mut index: usize) -> (usize, *mut Entry<T>) {
        // SAFETY: The xarray is initialised, and `index` is a local.
        let entry = unsafe {
            bindings::xa_find(self.xa.get(), &mut index, usize::MAX, bindings::XA_PRESENT)
        };
        (index, entry.cast())
    }

    /// Stores a value at a free index. May sleep for memory.
    ///
    /// # Errors
    ///
    /// `EBUSY` when the index is taken.
    pub fn insert(&self, index: usize, value: T) -> Result {
        let entry = KBox::new(
            Entry {
                next: ptr::null_mut(),
                value,
            },
            GFP_KERNEL,
        )?;
        let raw = KBox::into_raw(entry);
        // SAFETY: The xarray is initialised, and a `KBox` pointer is aligned as it demands.
        let outcome = to_result(unsafe { shims::xa_insert(self.xa.get(), index, raw.cast()) });
        if outcome.is_err() {
            // SAFETY: Nothing was stored, so the entry is still ours.
            drop(unsafe { KBox::from_raw(raw) });
        }
        outcome
    }

    /// Takes the value at an index out; says whether there was one.
    pub fn remove(&self, index: usize, retired: &mut Retired<T>) -> bool {
        // SAFETY: The xarray is initialised, and holds what `insert` stored.
        unsafe { retired.add(bindings::xa_erase(self.xa.get(), index).cast()) }
    }

    /// Takes all values out. Sleeps.
    pub fn clear(&self) {
        let mut retired = Retired::new();
        loop {
            let (index, entry) = self.find_from(0);
            if entry.is_null() {
                return;
            }
            self.remove(index, &mut retired);
        }
    }
}

#[pinned_drop]
impl<T: Send + Sync + 'static> PinnedDrop for RcuMap<T> {
    fn drop(self: Pin<&mut Self>) {
        self.clear();
        // SAFETY: Initialised, and empty now.
        unsafe { bindings::xa_destroy(self.xa.get()) };
    }
}

#[kernel::macros::kunit_tests(stmf_rcu)]
mod tests {
    use super::*;
    use crate::drops::{Drops, Witness};

    #[test]
    fn a_cell_has_the_value_that_was_put_last() -> Result {
        let drops = Drops::new()?;
        let cell = RcuCell::<(u32, Witness)>::empty();
        assert!(cell.read(&rcu::read_lock()).is_none());
        for number in 0..3 {
            let old = cell.replace(Some(KBox::new((number, drops.witness()), GFP_KERNEL)?));
            assert_eq!(old.map(|old| old.0), number.checked_sub(1));
            assert!(cell
                .read(&rcu::read_lock())
                .is_some_and(|value| value.0 == number));
        }
        assert_eq!(drops.count(), 2);
        drop(cell);
        assert_eq!(drops.count(), 3);
        Ok(())
    }

    #[test]
    fn a_map_has_what_was_put_in_until_it_is_taken_out() -> Result {
        let drops = Drops::new()?;
        let map = KBox::pin_init(RcuMap::<(u32, Witness)>::new(), GFP_KERNEL)?;
        for index in [300, 1, 7] {
            map.insert(index, (index as u32, drops.witness()))?;
        }
        assert_eq!(map.insert(7, (0, drops.witness())), Err(EBUSY));
        assert_eq!(drops.count(), 1);

        let mut seen = KVec::new();
        map.for_each(|index, value| {
            if value.0 as usize == index {
                let _ = seen.push(index, GFP_ATOMIC);
            }
        });
        assert_eq!(&seen[..], [1, 7, 300]);
        assert_eq!(map.find(8, |value| value.0), Some((300, 300)));
        assert_eq!(map.find(301, |value| value.0), None);

        let mut retired = Retired::new();
        assert!(map.remove(7, &mut retired));
        assert!(!map.remove(7, &mut retired));
        assert!(map.read(7, &rcu::read_lock()).is_none());
        // A reader may still look at it.
        assert_eq!(drops.count(), 1);
        drop(retired);
        assert_eq!(drops.count(), 2);
        drop(map);
        assert_eq!(drops.count(), 4);
        Ok(())
    }
}
