// SPDX-License-Identifier: GPL-2.0

//! A SCSI host whose devices are what an I_T nexus sees.

use crate::{
    door::{Answers, Door},
    provider::PROVIDER, //
};
use kernel::{
    impl_has_work,
    new_mutex,
    new_work,
    prelude::*,
    str::CString,
    sync::{Arc, Mutex},
    time::{Delta, Nsec},
    workqueue::{Work, WorkItem}, //
};
use stmf::{
    nexus::{NexusDescription, NexusRegistration, Watch},
    port::TargetRegistration, //
};
use stmf_kernel::scsi_host::Host;
use stmf_scsi::TransportId;

/// The commands that a host has in the target at a time: as many as a session may.
const DEPTH: u16 = 128;

/// The SCSI address of the initiator: that of a host adapter, by old custom.
const INITIATOR: u16 = 7;

/// How long the end of a host waits for its commands.
const LIMIT: Delta<Nsec> = Delta::from_secs(4);

/// A host.
#[pin_data]
pub(crate) struct Bus {
    host: Host<Door>,
    /// `None` when the host is at its end.
    #[pin]
    nexus: Mutex<Option<NexusRegistration>>,
    /// The devices that were made: LUN field, and number of the logical unit.
    #[pin]
    known: Mutex<KVec<([u8; 8], u64)>>,
    #[pin]
    work: Work<Bus>,
}

impl_has_work! {
    impl HasWork<Self> for Bus { self.work }
}

impl Bus {
    /// Makes a host by which an initiator of that name reaches a target port. Its devices come a
    /// little later.
    pub(crate) fn new(registration: &TargetRegistration, initiator: &str) -> Result<Arc<Self>> {
        let description = NexusDescription {
            port: TransportId::ParallelScsi {
                address: INITIATOR,
                relative_port: registration.relative_id(),
            },
            initiator,
            alias: "",
            isid: "",
        };
        let nexus = registration.login(&description)?;
        let endpoint = nexus.connect(0, Arc::new(Answers, GFP_KERNEL)?)?;
        let name = CString::try_from_fmt(fmt!("stmf_loopback.{}", registration.relative_id()))?;
        let bus = Arc::pin_init(
            try_pin_init!(Self {
                host: Host::new(&name, DEPTH, Door::new(endpoint))?,
                nexus <- new_mutex!(None, "Bus::nexus"),
                known <- new_mutex!(KVec::new(), "Bus::known"),
                work <- new_work!("Bus::work"),
            }? Error),
            GFP_KERNEL,
        )?;
        nexus.watch(Arc::new(Watcher(bus.clone()), GFP_KERNEL)?)?;
        *bus.nexus.lock() = Some(nexus);
        bus.clone().look();
        Ok(bus)
    }

    /// The host's number.
    pub(crate) fn number(&self) -> u32 {
        self.host.number()
    }

    /// Removes the host and its devices. Sleeps, a few seconds at most.
    ///
    /// # Errors
    ///
    /// `EBUSY` when a device doesn't let go of its commands: their memory is the initiator's, which
    /// can't have it back yet. The host goes on as before.
    pub(crate) fn close(&self) -> Result {
        let door = self.host.target();
        if !self.host.wait_idle(LIMIT, || door.endpoint.is_idle()) {
            return Err(EBUSY);
        }
        door.close();
        self.host.unblock();
        let nexus = self.nexus.lock().take();
        // What the worker does with the host from here on fails.
        self.host.remove();
        drop(nexus);
        door.endpoint.close();
        Ok(())
    }

    /// Has a worker bring the devices in line with what the nexus sees.
    fn look(self: Arc<Self>) {
        if let Some(provider) = PROVIDER.get() {
            // If it is queued already, that look is still to come.
            let _ = provider.queue.enqueue(self);
        }
    }

    fn bring_in_line(&self) -> Result {
        let mut known = self.known.lock();
        let seen = match &*self.nexus.lock() {
            Some(nexus) => nexus.inventory()?,
            None => return Ok(()),
        };
        known.reserve(seen.len(), GFP_KERNEL)?;
        known.retain(|device| {
            let stays = seen.contains(device);
            if !stays {
                self.host.detach(device.0);
            }
            stays
        });
        for device in &seen {
            if !known.contains(device) && self.host.attach(device.0).is_ok() {
                known.push(*device, GFP_KERNEL)?;
            }
        }
        Ok(())
    }
}

impl WorkItem for Bus {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if let Err(error) = this.bring_in_line() {
            pr_warn!("host{}: looking for devices: {:?}\n", this.number(), error);
        }
    }
}

/// Has the bus look again when the views have changed. The bus ends the circle, see [`Bus::close`].
struct Watcher(Arc<Bus>);

impl Watch for Watcher {
    fn inventory_changed(&self) {
        self.0.clone().look();
    }
}
