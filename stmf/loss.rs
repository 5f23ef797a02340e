// SPDX-License-Identifier: GPL-2.0

//! What a logical unit has lost after it had said GOOD for it, and who was told.

use crate::nexus::Nexus;
use kernel::{
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
use stmf_kernel::clock::monotonic_ns;

/// The losses of a logical unit: of data for which it has said GOOD, but which it could not put on stable
/// storage later, when no command waited for it, or one of somebody else.
///
/// Each initiator that has seen the unit may have written some of it, so each is told
/// ([`Task::owes_news_of_loss`]), as `fsync` tells it to each who has the file open; also one that was away
/// meanwhile. Who comes for the first time hears of what nobody was told yet.
///
/// [`Task::owes_news_of_loss`]: crate::task::Task::owes_news_of_loss
pub struct Losses {
    /// How many there were.
    count: Atomic<u32>,
    /// Up to which of them somebody was told.
    told: Atomic<u32>,
}

impl Losses {
    /// None so far.
    pub const fn new() -> Self {
        Self {
            count: Atomic::new(0),
            told: Atomic::new(0),
        }
    }

    /// There was one. Any context.
    pub fn note(&self) {
        self.count.fetch_add(1, ordering::Full);
    }

    /// How many there were. Any context.
    pub fn count(&self) -> u32 {
        self.count.load(ordering::Acquire)
    }
}

impl Default for Losses {
    fn default() -> Self {
        Self::new()
    }
}

/// How long an answer may be on its way. What was told by one I_T nexus within that time isn't known to be
/// known: each other is told, too, for it may be the one by which the initiator asks again.
const ARRIVAL: Delta<Nsec> = Delta::from_secs(60);

/// What an initiator was told of a unit's losses, by whatever nexus.
struct Initiator {
    name: CString,
    /// Of how many it was told, or needs not be told.
    told: Atomic<u32>,
    /// When, in nanoseconds on the monotonic clock.
    since: Atomic<i64>,
    /// By how many LUNs it sees the unit.
    seen: Atomic<u32>,
}

/// The initiators that have seen a unit.
pub(crate) struct Initiators(Pin<KBox<Mutex<KVec<Arc<Initiator>>>>>);

impl Initiators {
    /// That many are remembered when they are gone.
    const MOST: usize = 64;

    /// None.
    pub(crate) fn new() -> Result<Self> {
        let all = new_mutex!(KVec::new(), "Initiators");
        Ok(Self(KBox::pin_init(all, GFP_KERNEL)?))
    }

    /// A nexus begins to see the unit. May sleep for memory.
    pub(crate) fn see(&self, losses: &Losses, nexus: &Nexus) -> Result<Known> {
        let mut all = self.0.lock();
        let found = all.iter().find(|known| *known.name == *nexus.initiator);
        let initiator = match found {
            Some(initiator) => initiator.clone(),
            None => {
                let new = Initiator {
                    name: CString::try_from(&*nexus.initiator)?,
                    told: Atomic::new(losses.told.load(ordering::Relaxed)),
                    since: Atomic::new(i64::MIN),
                    seen: Atomic::new(0),
                };
                let new = Arc::new(new, GFP_KERNEL)?;
                if all.len() >= Self::MOST {
                    forget_one(&mut all, losses);
                }
                all.push(new.clone(), GFP_KERNEL)?;
                new
            }
        };
        initiator.seen.fetch_add(1, ordering::Relaxed);
        // By this nexus it was told nothing yet.
        let told = initiator.told.load(ordering::Relaxed).wrapping_sub(1);
        Ok(Known {
            initiator,
            told: Atomic::new(told),
        })
    }

    /// Whether an initiator that sees the unit is to be told of a loss. May sleep.
    pub(crate) fn are_owed(&self, losses: &Losses) -> bool {
        let count = losses.count();
        let owed = |one: &Arc<Initiator>| {
            one.seen.load(ordering::Relaxed) > 0 && one.told.load(ordering::Relaxed) != count
        };
        self.0.lock().iter().any(owed)
    }
}

/// Forgets the first initiator that is gone, if any is; what it was owed is told to who comes.
fn forget_one(all: &mut KVec<Arc<Initiator>>, losses: &Losses) {
    let is_gone = |one: &Arc<Initiator>| one.seen.load(ordering::Relaxed) == 0;
    let Some(gone) = all.iter().position(is_gone).map(|at| all.remove(at)) else {
        return;
    };
    if let Ok(gone) = gone {
        let count = losses.count();
        if gone.told.load(ordering::Relaxed) != count {
            losses.told.store(count.wrapping_sub(1), ordering::Relaxed);
        }
    }
}

/// What a nexus was told of a unit's losses.
pub(crate) struct Known {
    initiator: Arc<Initiator>,
    /// Of how many by this very nexus.
    told: Atomic<u32>,
}

impl Known {
    /// Whether the nexus is to be told that there were so many. Any context.
    pub(crate) fn is_behind(&self, count: u32) -> bool {
        let initiator = &self.initiator;
        initiator.told.load(ordering::Acquire) != count
            || self.told.load(ordering::Relaxed) != count && self.is_fresh()
    }

    /// The nexus is told of so many. Any context.
    pub(crate) fn is_told(&self, losses: &Losses, count: u32) {
        let initiator = &self.initiator;
        if initiator.told.load(ordering::Relaxed) != count {
            initiator.since.store(monotonic_ns(), ordering::Relaxed);
            // Who sees this sees when it was.
            initiator.told.store(count, ordering::Release);
        }
        self.told.store(count, ordering::Relaxed);
        losses.told.store(count, ordering::Relaxed);
    }

    /// A connection of the nexus is cut, perhaps with the answer: if it was told of late, its initiator is told
    /// again, however long it stays away. Any context.
    pub(crate) fn may_not_have_heard(&self) {
        if self.is_fresh() {
            let told = self.told.load(ordering::Relaxed);
            let before = told.wrapping_sub(1);
            // Not if only another nexus was told, nor a second time.
            let _ = self.initiator.told.cmpxchg(told, before, ordering::Relaxed);
        }
    }

    fn is_fresh(&self) -> bool {
        let since = self.initiator.since.load(ordering::Relaxed);
        monotonic_ns().saturating_sub(since) < ARRIVAL.as_nanos()
    }
}

impl Drop for Known {
    fn drop(&mut self) {
        self.initiator.seen.fetch_sub(1, ordering::Relaxed);
    }
}
