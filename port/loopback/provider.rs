// SPDX-License-Identifier: GPL-2.0

//! All there is: the targets, and the worker that looks after their devices.

use crate::target::{Name, Target};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{Arc, Mutex}, //
};
use stmf::port::TargetRegistration;
use stmf_kernel::{
    genl::Refusal,
    module::ModuleCell,
    work::OwnedQueue, //
};

/// What `stmfadm` calls us.
pub(crate) const NAME: &str = "loopback";

/// The loaded provider.
pub(crate) static PROVIDER: ModuleCell<Provider> = ModuleCell::empty();

/// Hosts that look for devices at a time. One whose device doesn't answer keeps its worker.
const WORKERS: u16 = 16;

/// The most targets.
const MAX_TARGETS: usize = 256;

/// The provider.
#[pin_data]
pub(crate) struct Provider {
    module: &'static ThisModule,
    /// Held while targets come and go.
    #[pin]
    pub(crate) targets: Mutex<Targets>,
    /// Where the hosts' devices are looked after.
    pub(crate) queue: OwnedQueue,
}

/// The targets there are.
pub(crate) struct Targets {
    pub(crate) all: KVec<Arc<Target>>,
    /// Counts changes.
    pub(crate) generation: u32,
}

impl Targets {
    pub(crate) fn find(&self, name: Name) -> Option<&Arc<Target>> {
        self.all.iter().find(|target| target.name == name)
    }

    fn touch(&mut self) {
        self.generation = self.generation.wrapping_add(1).max(1);
    }
}

impl Provider {
    /// Makes a provider without targets.
    pub(crate) fn new(module: &'static ThisModule) -> Result<Arc<Self>> {
        Arc::pin_init(
            try_pin_init!(Self {
                module,
                targets <- new_mutex!(
                    Targets {
                        all: KVec::new(),
                        generation: 1,
                    },
                    "Provider::targets"
                ),
                queue: OwnedQueue::new(c"stmf_loopback", WORKERS)?,
            }? Error),
            GFP_KERNEL,
        )
    }

    /// Creates a target and brings it online, unless it is wanted `offline`. May sleep.
    pub(crate) fn create_target(
        &self,
        name: Name,
        relative_id: Option<u16>,
        offline: bool,
    ) -> Result<(), Refusal> {
        let mut targets = self.targets.lock();
        if targets.all.len() >= MAX_TARGETS {
            return Err(Refusal::new(
                ENOSPC,
                format_args!("there are {MAX_TARGETS} targets, which is the most"),
            ));
        }
        targets.all.reserve(1, GFP_KERNEL)?;
        let target = Target::register(name, relative_id, offline, self.module)
            .map_err(TargetRegistration::refusal)?;
        if let Err(error) = target.go_online() {
            target.unregister();
            return Err(error.into());
        }
        targets.all.push(target, GFP_KERNEL)?;
        targets.touch();
        Ok(())
    }

    /// Deletes a target; with `force` one that is online too, whose host goes. Sleeps, a few seconds
    /// at most.
    pub(crate) fn delete_target(&self, name: Name, force: bool) -> Result<(), Refusal> {
        let mut targets = self.targets.lock();
        let target = targets
            .find(name)
            .ok_or_else(|| Refusal::new(ENOENT, format_args!("no target {name}")))?
            .clone();
        if !force && target.host().is_some() {
            return Err(Refusal::new(EBUSY, format_args!("the target is online")));
        }
        target.retire().map_err(|error| {
            let text = format_args!("its commands are still in a device, try again");
            Refusal::new(error, text)
        })?;
        target.unregister();
        targets.all.retain(|other| other.name != name);
        targets.touch();
        Ok(())
    }
}
