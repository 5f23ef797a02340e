// SPDX-License-Identifier: GPL-2.0

//! Stands in for `kernel::sync::atomic`: atomics with the kernel's orderings (LKMM), on loom's.

use loom::sync::atomic::{
    fence,
    AtomicBool,
    AtomicI64,
    AtomicU32,
    AtomicU64,
    Ordering::{self as Loom, SeqCst}, //
};

/// Orderings, as the kernel names them.
pub mod ordering {
    /// None.
    pub struct Relaxed;
    /// What comes later stays later.
    pub struct Acquire;
    /// What came before is seen before.
    pub struct Release;
    /// A full barrier before and after.
    pub struct Full;
}

/// An ordering, in loom's terms.
pub trait Ordering {
    /// That of a load, or of the load of a compare-exchange.
    const LOAD: Loom;
    /// That of a store.
    const STORE: Loom;
    /// That of an operation that does both.
    const BOTH: Loom;
    /// Whether there are full barriers around it.
    const FULL: bool;
}

macro_rules! orderings {
    ($($ordering:ident: $load:ident, $store:ident, $both:ident, $full:literal;)*) => {$(
        impl Ordering for ordering::$ordering {
            const LOAD: Loom = Loom::$load;
            const STORE: Loom = Loom::$store;
            const BOTH: Loom = Loom::$both;
            const FULL: bool = $full;
        }
    )*};
}

orderings! {
    Relaxed: Relaxed, Relaxed, Relaxed, false;
    Acquire: Acquire, Relaxed, Acquire, false;
    Release: Relaxed, Release, Release, false;
    Full: Acquire, Release, AcqRel, true;
}

/// A type that there are atomics of.
pub trait Word: Copy {
    /// Loom's.
    type Atomic;
    /// A new one.
    fn atomic(self) -> Self::Atomic;
    #[allow(missing_docs, reason = "its name says it")]
    fn load(atomic: &Self::Atomic, order: Loom) -> Self;
    #[allow(missing_docs, reason = "its name says it")]
    fn store(atomic: &Self::Atomic, value: Self, order: Loom);
    #[allow(missing_docs, reason = "its name says it")]
    fn swap(atomic: &Self::Atomic, value: Self, order: Loom) -> Self;
    #[allow(missing_docs, reason = "its name says it")]
    fn exchange(atomic: &Self::Atomic, old: Self, new: Self, order: Loom) -> Result<Self, Self>;
}

/// A type whose atomics count.
pub trait Number: Word {
    #[allow(missing_docs, reason = "its name says it")]
    fn add(atomic: &Self::Atomic, value: Self, order: Loom) -> Self;
    #[allow(missing_docs, reason = "its name says it")]
    fn sub(atomic: &Self::Atomic, value: Self, order: Loom) -> Self;
}

macro_rules! words {
    ($($word:ty: $atomic:ty,)*) => {$(
        impl Word for $word {
            type Atomic = $atomic;

            fn atomic(self) -> Self::Atomic {
                <$atomic>::new(self)
            }
            fn load(atomic: &Self::Atomic, order: Loom) -> Self {
                atomic.load(order)
            }
            fn store(atomic: &Self::Atomic, value: Self, order: Loom) {
                atomic.store(value, order);
            }
            fn swap(atomic: &Self::Atomic, value: Self, order: Loom) -> Self {
                atomic.swap(value, order)
            }
            fn exchange(
                atomic: &Self::Atomic,
                old: Self,
                new: Self,
                order: Loom,
            ) -> Result<Self, Self> {
                atomic.compare_exchange(old, new, order, Loom::Relaxed)
            }
        }
    )*};
}

macro_rules! numbers {
    ($($word:ty,)*) => {$(
        impl Number for $word {
            fn add(atomic: &Self::Atomic, value: Self, order: Loom) -> Self {
                atomic.fetch_add(value, order)
            }
            fn sub(atomic: &Self::Atomic, value: Self, order: Loom) -> Self {
                atomic.fetch_sub(value, order)
            }
        }
    )*};
}

words! { bool: AtomicBool, i64: AtomicI64, u32: AtomicU32, u64: AtomicU64, }
numbers! { i64, u32, u64, }

/// An atomic.
pub struct Atomic<T: Word>(T::Atomic);

/// An operation has been done. One with full barriers around it releases what came before, acquires what
/// comes later, and has nothing that comes later done before it.
fn done<R, O: Ordering>(_: O, result: R) -> R {
    if O::FULL {
        fence(SeqCst);
    }
    result
}

impl<T: Word> Atomic<T> {
    #[allow(missing_docs, reason = "its name says it")]
    pub fn new(value: T) -> Self {
        Self(value.atomic())
    }

    #[allow(missing_docs, reason = "its name says it")]
    pub fn load<O: Ordering>(&self, _: O) -> T {
        T::load(&self.0, O::LOAD)
    }

    #[allow(missing_docs, reason = "its name says it")]
    pub fn store<O: Ordering>(&self, value: T, _: O) {
        T::store(&self.0, value, O::STORE);
    }

    #[allow(missing_docs, reason = "its name says it")]
    pub fn xchg<O: Ordering>(&self, value: T, order: O) -> T {
        done(order, T::swap(&self.0, value, O::BOTH))
    }

    #[allow(missing_docs, reason = "its name says it")]
    pub fn cmpxchg<O: Ordering>(&self, old: T, new: T, order: O) -> Result<T, T> {
        // One that fails orders nothing (Documentation/atomic_t.txt).
        let before = T::exchange(&self.0, old, new, O::BOTH)?;
        Ok(done(order, before))
    }
}

impl<T: Number> Atomic<T> {
    #[allow(missing_docs, reason = "its name says it")]
    pub fn add<O: Ordering>(&self, value: T, order: O) {
        self.fetch_add(value, order);
    }

    #[allow(missing_docs, reason = "its name says it")]
    pub fn fetch_add<O: Ordering>(&self, value: T, order: O) -> T {
        done(order, T::add(&self.0, value, O::BOTH))
    }

    #[allow(missing_docs, reason = "its name says it")]
    pub fn fetch_sub<O: Ordering>(&self, value: T, order: O) -> T {
        done(order, T::sub(&self.0, value, O::BOTH))
    }
}
