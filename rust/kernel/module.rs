// SPDX-License-Identifier: GPL-2.0

//! References to modules, and state that lives as long as its module.
//!
//! C header: [`include/linux/module.h`](srctree/include/linux/module.h)

use crate::{bindings, shims};
use core::ptr;
use kernel::{
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        rcu,
        Arc, //
    },
    ThisModule, //
};

/// Keeps a module loaded. One is held by everything whose code or data is the module's.
///
/// # Invariants
///
/// Holds one count of the module.
pub struct ModuleRef(&'static ThisModule);

impl ModuleRef {
    /// Takes a reference; fails when the module is being unloaded.
    pub fn get(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: `ThisModule` holds the right module pointer (null when built in).
        if unsafe { bindings::try_module_get(module.as_ptr()) } {
            // INVARIANT: The count was just taken.
            Ok(Self(module))
        } else {
            Err(ENODEV)
        }
    }

    /// Gives the count up to C code.
    pub(crate) fn into_raw(self) -> *mut bindings::module {
        core::mem::ManuallyDrop::new(self).0.as_ptr()
    }
}

impl Clone for ModuleRef {
    fn clone(&self) -> Self {
        // SAFETY: By the invariant there is a count, so the module is there, and may have more.
        unsafe { bindings::__module_get(self.0.as_ptr()) };
        // INVARIANT: The count was just taken.
        Self(self.0)
    }
}

impl Drop for ModuleRef {
    fn drop(&mut self) {
        // SAFETY: By the invariant we hold a count.
        unsafe { bindings::module_put(self.0.as_ptr()) };
    }
}

/// The end of a module's end; the last field of the module's own structure.
///
/// Whoever ends a command, maybe a worker of a device's, runs code of the command's logical unit, and may be preempted
/// in the last steps of it, when the command has been answered and the unit is gone. Such threads are waited for: a few
/// tenths of a second.
pub struct LastSteps;

impl Drop for LastSteps {
    fn drop(&mut self) {
        // SAFETY: May be called where one may sleep, as modules are unloaded.
        unsafe { shims::synchronize_rcu_tasks() };
    }
}

/// A static that a module fills when it is loaded and empties when it is unloaded.
///
/// # Invariants
///
/// `ptr` is null or an `Arc` turned into a raw pointer, whose count the cell owns.
pub struct ModuleCell<T: Send + Sync + 'static> {
    ptr: Atomic<*mut T>,
}

// SAFETY: Gives out `Arc<T>` of a `Send + Sync` type; the pointer is atomic.
unsafe impl<T: Send + Sync + 'static> Sync for ModuleCell<T> {}

impl<T: Send + Sync + 'static> ModuleCell<T> {
    /// Creates an empty cell.
    pub const fn empty() -> Self {
        Self {
            ptr: Atomic::new(ptr::null_mut()),
        }
    }

    /// Fills the cell until the returned guard is dropped.
    pub fn fill(&'static self, value: Arc<T>) -> Filled<T> {
        let raw = Arc::into_raw(value).cast_mut();
        let old = self.ptr.xchg(raw, ordering::Full);
        // A module initialises once, so there was nothing; if there was, it is not leaked.
        Self::release(old);
        Filled(self)
    }

    /// The value, while the module is loaded.
    pub fn get(&self) -> Option<Arc<T>> {
        let _guard = rcu::read_lock();
        let raw = self.ptr.load(ordering::Acquire);
        if raw.is_null() {
            return None;
        }
        // SAFETY: `release` drops the cell's count only a grace period after it has emptied the
        // cell, so within our read-side section the count is above zero. The `Arc` made from the
        // raw pointer is a borrow: `ManuallyDrop` leaves the cell's count alone.
        let borrowed = core::mem::ManuallyDrop::new(unsafe { Arc::from_raw(raw) });
        Some(Arc::clone(&borrowed))
    }

    /// Looks at the value, while the module is loaded, without taking a reference: so `look` is never
    /// the last to hold it. `look` runs in a read-side section of RCU and must not sleep.
    pub fn with<R>(&self, look: impl FnOnce(&T) -> R) -> Option<R> {
        let _guard = rcu::read_lock();
        // SAFETY: Null, or a value whose count `release` keeps for a grace period after it has
        // emptied the cell, so for the whole read-side section.
        let value = unsafe { self.ptr.load(ordering::Acquire).as_ref() };
        value.map(look)
    }

    fn release(raw: *mut T) {
        if raw.is_null() {
            return;
        }
        rcu::synchronize_rcu();
        // SAFETY: Turned into a raw pointer by `fill`; taken out of the cell by the caller, and
        // since a grace period nobody is between its load and its clone.
        drop(unsafe { Arc::from_raw(raw) });
    }
}

/// Keeps a [`ModuleCell`] filled; a field of the module's own structure.
pub struct Filled<T: Send + Sync + 'static>(&'static ModuleCell<T>);

impl<T: Send + Sync + 'static> Drop for Filled<T> {
    fn drop(&mut self) {
        ModuleCell::release(self.0.ptr.xchg(ptr::null_mut(), ordering::Full));
    }
}
