// SPDX-License-Identifier: GPL-2.0

//! Values that every CPU has its own of, and counters.
//!
//! C headers: [`include/linux/irqflags.h`](srctree/include/linux/irqflags.h),
//! [`include/linux/smp.h`](srctree/include/linux/smp.h)

use crate::shims;
use core::{
    array,
    cell::UnsafeCell,
    ptr,
    sync::atomic::{fence, Ordering}, //
};
use kernel::{
    cpu,
    prelude::*,
    processor::cpu_relax,
    sync::atomic::{ordering, Atomic},
    types::NotThreadSafe, //
};

/// Proof of running on one CPU, alone: its interrupts are off. For a few instructions.
pub struct ThisCpu {
    flags: usize,
    _cpu: NotThreadSafe,
}

impl ThisCpu {
    /// Does something with the interrupts off. Any context.
    ///
    /// The proof is only lent: two that were dropped in the wrong order would turn them on too early.
    #[inline]
    pub fn alone<R>(act: impl FnOnce(&Self) -> R) -> R {
        let cpu = Self {
            // SAFETY: An FFI call without requirements; `drop` restores what this returns.
            flags: unsafe { shims::local_irq_save() },
            _cpu: NotThreadSafe,
        };
        act(&cpu)
    }

    fn number(&self) -> usize {
        // SAFETY: An FFI call that wants preemption off, as it is with the interrupts.
        unsafe { shims::smp_processor_id() as usize }
    }
}

impl Drop for ThisCpu {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: What `local_irq_save` returned, on this CPU: nothing can have moved us, and who turned them off
        // after that has turned them on again, because `alone` lends the proof.
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
    pub fn mine<'a>(&'a self, cpu: &'a ThisCpu, make: fn() -> T) -> Option<Mine<'a, T>> {
        let slot = self.slots.get(cpu.number())?;
        let value = slot.load(ordering::Relaxed);
        // SAFETY: Null or, by the invariant, a value that lives as long as `self`; stored by this
        // CPU, so that it is seen whole.
        let value = unsafe { value.as_ref() }.or_else(|| Self::fill(slot, make))?;
        // INVARIANT: The slot is this CPU's.
        Some(Mine { value, _cpu: cpu })
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

/// This CPU's value of a [`PerCpu`].
///
/// # Invariants
///
/// `value` is that of the CPU that `_cpu` is about.
pub struct Mine<'a, T> {
    value: &'a T,
    _cpu: &'a ThisCpu,
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

/// The counters of one CPU: that CPU counts, any may read.
///
/// All that is counted between [`Mine::count`] and the end of the [`Counting`] is seen together. It costs
/// a handful of plain loads and stores: the operations of [`Atomic`] are function calls, too many here.
///
/// # Invariants
///
/// The cells are read and written by volatile accesses alone (`READ_ONCE`, `WRITE_ONCE`), and written
/// only by the CPU whose they are in a [`PerCpu`], with its interrupts off.
pub struct Counters<const N: usize> {
    begun: UnsafeCell<u64>,
    ended: UnsafeCell<u64>,
    words: [UnsafeCell<u64>; N],
}

// SAFETY: By the invariant there is one writer at a time, and aligned words are not torn.
unsafe impl<const N: usize> Sync for Counters<N> {}

impl<const N: usize> Counters<N> {
    /// All zero.
    pub fn new() -> Self {
        Self {
            begun: UnsafeCell::new(0),
            ended: UnsafeCell::new(0),
            words: array::from_fn(|_| UnsafeCell::new(0)),
        }
    }

    /// Reads the counters, all of one moment, unless the CPU is so busy that it isn't caught between
    /// two countings. Any context.
    pub fn read(&self) -> [u64; N] {
        // SAFETY: The cell lives as long as `self`, and by the invariant is accessed like this.
        let load = |cell: &UnsafeCell<u64>| unsafe { cell.get().read_volatile() };
        let mut copy = [0; N];
        for _ in 0..1000 {
            let ended = load(&self.ended);
            fence(Ordering::Acquire);
            for (to, from) in copy.iter_mut().zip(&self.words) {
                *to = load(from);
            }
            fence(Ordering::Acquire);
            if load(&self.begun) == ended {
                break;
            }
            cpu_relax();
        }
        copy
    }
}

impl<'a, const N: usize> Mine<'a, Counters<N>> {
    /// Starts to count.
    #[inline(always)]
    pub fn count(self) -> Counting<'a, N> {
        let begun = self.value.begun.get();
        // SAFETY: As in `Counting::add`.
        let number = unsafe { begun.read_volatile() }.wrapping_add(1);
        // SAFETY: As above.
        unsafe { begun.write_volatile(number) };
        // Who sees a word of this counting sees that it has begun.
        fence(Ordering::Release);
        Counting { mine: self, number }
    }
}

impl<const N: usize> Default for Counters<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// A counting in progress; ends when it is dropped.
pub struct Counting<'a, const N: usize> {
    mine: Mine<'a, Counters<N>>,
    number: u64,
}

impl<const N: usize> Counting<'_, N> {
    /// Adds to a counter; nothing when there is none of that number.
    #[inline(always)]
    pub fn add(&mut self, word: usize, amount: u64) {
        if let Some(word) = self.mine.value.words.get(word) {
            let word = word.get();
            // SAFETY: The cell lives as long as the counters. They are this CPU's by the invariant of
            // `Mine`, which is alone as long as there is a `ThisCpu`.
            unsafe { word.write_volatile(word.read_volatile().wrapping_add(amount)) };
        }
    }
}

impl<const N: usize> Drop for Counting<'_, N> {
    #[inline(always)]
    fn drop(&mut self) {
        fence(Ordering::Release);
        // SAFETY: As in `add`.
        unsafe { self.mine.value.ended.get().write_volatile(self.number) };
    }
}

#[kernel::macros::kunit_tests(stmf_percpu)]
mod tests {
    use super::*;
    use crate::drops::{Drops, Witness};

    #[test]
    fn what_is_counted_is_read() -> Result {
        let counters = PerCpu::<Counters<2>>::new()?;
        assert!(counters.iter().next().is_none());
        for _ in 0..3 {
            ThisCpu::alone(|cpu| {
                let mut counting = counters.mine(cpu, Counters::new).ok_or(ENOMEM)?.count();
                counting.add(0, 1);
                counting.add(1, 10);
                counting.add(2, 100);
                Ok::<_, Error>(())
            })?;
        }
        let sums = counters.iter().fold([0; 2], |[a, b], of_one| {
            let [c, d] = of_one.read();
            [a + c, b + d]
        });
        assert_eq!(sums, [3, 30]);
        Ok(())
    }

    #[test]
    fn a_cpu_gets_one_value_and_it_goes_with_all() -> Result {
        let (values, drops) = (PerCpu::<Option<Witness>>::new()?, Drops::new()?);
        // Both in one closure: between two the thread may go to another CPU.
        ThisCpu::alone(|cpu| {
            values.mine(cpu, || None)?;
            values.mine(cpu, || None).map(|_| ())
        })
        .ok_or(ENOMEM)?;
        assert_eq!(values.iter().count(), 1);
        // INVARIANT: The one slot is a leaked box, and of nobody else. (`make` can't bring a witness.)
        let values = PerCpu {
            slots: {
                let mut slots = KVec::new();
                let value = KBox::new(Some(drops.witness()), GFP_KERNEL)?;
                slots.push(Atomic::new(KBox::into_raw(value)), GFP_KERNEL)?;
                slots
            },
        };
        drop(values);
        assert_eq!(drops.count(), 1);
        Ok(())
    }
}
