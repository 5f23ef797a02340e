// SPDX-License-Identifier: GPL-2.0

//! Values that every CPU has its own of.
//!
//! C headers: [`include/linux/irqflags.h`](srctree/include/linux/irqflags.h),
//! [`include/linux/smp.h`](srctree/include/linux/smp.h)

use crate::shims;
use core::ptr;
use kernel::{
    cpu,
    prelude::*,
    sync::atomic::{ordering, Atomic},
    types::NotThreadSafe, //
};

/// Proof of running on one CPU, alone: its interrupts are off. For a few instructions.
pub struct ThisCpu {
    flags: usize,
    _cpu: NotThreadSafe,
}

impl ThisCpu {
    /// Turns the interrupts off until the value is dropped. Any context.
    #[inline]
    pub fn alone() -> Self {
        Self {
            // SAFETY: An FFI call without requirements; `drop` restores what this returns.
            flags: unsafe { shims::local_irq_save() },
            _cpu: NotThreadSafe,
        }
    }

    fn number(&self) -> usize {
        // SAFETY: An FFI call that wants preemption off, as it is with the interrupts.
        unsafe { shims::smp_processor_id() as usize }
    }
}

impl Drop for ThisCpu {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: What `local_irq_save` returned, on this CPU: nothing can have moved us.
        unsafe { shims::local_irq_restore(self.flags) };
    }
}

/// A value for each CPU, made when that CPU first has use for one.
///
/// What is of use on few CPUs, or to nobody yet, costs a pointer for each of the others.
///
/// # Invariants
///
/// Each slot is null or a leaked [`KBox`] that this owns, and stays what it is once it isn't null.
pub struct PerCpu<T: Send + Sync + 'static> {
    slots: KVec<Atomic<*mut T>>,
}

// SAFETY: Owns `Send + Sync` values, and all access to the pointers is atomic.
unsafe impl<T: Send + Sync + 'static> Send for PerCpu<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync + 'static> Sync for PerCpu<T> {}

impl<T: Send + Sync + 'static> PerCpu<T> {
    /// No CPU has a value yet. May sleep.
    pub fn new() -> Result<Self> {
        let cpus = cpu::nr_cpu_ids() as usize;
        let mut slots = KVec::with_capacity(cpus, GFP_KERNEL)?;
        for _ in 0..cpus {
            slots.push(Atomic::new(ptr::null_mut()), GFP_KERNEL)?;
        }
        Ok(Self { slots })
    }

    /// This CPU's value, made by `make` if it has none; nothing when there is no memory for it. Any
    /// context.
    #[inline]
    pub fn mine<'a>(&'a self, cpu: &'a ThisCpu, make: fn() -> T) -> Option<&'a T> {
        let slot = self.slots.get(cpu.number())?;
        let value = slot.load(ordering::Relaxed);
        // SAFETY: Null or, by the invariant, a value that lives as long as `self`; stored by this
        // CPU, so that it is seen whole.
        unsafe { value.as_ref() }.or_else(|| Self::fill(slot, make))
    }

    /// Called on the slot's own CPU, alone there.
    #[cold]
    fn fill(slot: &Atomic<*mut T>, make: fn() -> T) -> Option<&T> {
        let value = KBox::into_raw(KBox::new(make(), GFP_ATOMIC | __GFP_NOWARN).ok()?);
        // INVARIANT: The slot was null, nobody else fills it, and it owns the box from here on.
        slot.store(value, ordering::Release);
        // SAFETY: As in `mine`.
        unsafe { value.as_ref() }
    }

    /// The values that there are. Their CPUs may be changing them.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        let slots = self.slots.iter();
        // SAFETY: As in `mine`; the value was stored with release ordering.
        slots.filter_map(|slot| unsafe { slot.load(ordering::Acquire).as_ref() })
    }
}

impl<T: Send + Sync + 'static> Drop for PerCpu<T> {
    fn drop(&mut self) {
        for slot in &mut self.slots {
            let value = *slot.get_mut();
            if !value.is_null() {
                // SAFETY: By the invariant ours; `&mut self` proves that nobody borrows it.
                drop(unsafe { KBox::from_raw(value) });
            }
        }
    }
}
