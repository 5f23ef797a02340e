// SPDX-License-Identifier: GPL-2.0

//! A port provider to start from: a target port whose one initiator replays scripts of CDBs.
//!
//! The port, and its initiator, are there while somebody has `/dev/stmf_script` open. A script, a
//! command a line, is written in one piece; reading then gives how each line ended:
//!
//! ```text
//! exec 3<>/dev/stmf_script
//! echo '0 12 00 00 00 24 00 < 36' >&3         # LUN, CDB, bytes expected from the target
//! cat <&3                                     # status 00 data 00 00 06 ...
//! echo 'tmf lun-reset 0' >&3; cat <&3         # response Complete
//! echo 'link down' >&3; echo 'link up' >&3    # the port goes offline, and comes back
//! echo '0 2a 00 00 00 00 00 00 00 01 00 > 512 5a' >&3     # bytes for the target, all 5Ah
//! exec 3>&-
//! ```
//!
//! A provider is this much:
//!
//! * a type with [`TargetPort`], which goes on- and offline: [`Port`];
//! * a [`TargetRegistration`] for each target port, an I_T nexus for each initiator that logs in, and
//!   an [`Endpoint`] for each of its connections, by which commands go in;
//! * a type with [`Completer`], by which the answers come out: [`Answers`].
//!
//! Modules `device` and `script` are what this port has in place of a transport.
//!
//! There is no `unsafe` in a provider: what touches C is in `stmf_kernel`.

#![forbid(unsafe_code)]
#![warn(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod device;
mod script;

use device::Device;
use kernel::{
    miscdevice::{MiscDeviceOptions, MiscDeviceRegistration},
    new_mutex,
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{ordering, Atomic},
        Arc,
        Mutex,
        SpinLock, //
    },
    time::{Delta, Nsec}, //
};
use script::{Line, Manage, Send, Transcript};
use stmf::{
    nexus::{Command, Endpoint, ManagementRequest, NexusDescription, NexusRegistration},
    port::{Completer, Protocol, TargetDescription, TargetPort, TargetRegistration},
    task::{Finished, Incoming, TaskBody}, //
};
use stmf_kernel::{queue::Queue, wait::WaitQueue};
use stmf_scsi::{
    tmf::{TaskAttribute, TmfResponse},
    TransportId,
    SENSE_LEN, //
};

module! {
    type: ScriptModule,
    name: "stmf_script",
    authors: ["The COMSTAR for Linux authors"],
    description: "A sample port of the SCSI target mode framework: replays a script of CDBs",
    license: "GPL",
}

/// The target port's name.
const TARGET: &str = "naa.3000000000000100";

/// The initiator's name, by which host groups know it.
const INITIATOR: &str = "naa.3000000000000001";

/// Its address on the bus that it says it is on.
const ADDRESS: u16 = 7;

/// How long a command may take before the script goes on without its answer.
const PATIENCE: Delta<Nsec> = Delta::from_secs(5);

/// The same for a task management function, which the framework answers after four seconds at the latest.
const FUNCTION_PATIENCE: Delta<Nsec> = Delta::from_secs(12);

/// A target port.
#[pin_data]
struct Port {
    /// `None` before the port is registered and when it is to go: the framework refers back to the
    /// port, and this breaks the circle.
    #[pin]
    registration: Mutex<Option<Arc<TargetRegistration>>>,
    /// What there is while the port is online.
    #[pin]
    session: Mutex<Option<Session>>,
}

/// The initiator, logged in. Fields drop in order: the connection closes, the nexus ends.
struct Session {
    connection: Connection,
    _nexus: NexusRegistration,
}

/// The one connection of the initiator.
struct Connection {
    endpoint: Arc<Endpoint>,
    answers: Arc<Answers>,
    /// Tags are unique among the commands in flight, of which a device may have some for long.
    last_tag: Atomic<u64>,
}

impl Drop for Connection {
    fn drop(&mut self) {
        // Nothing is delivered after this, whatever a device still has.
        self.endpoint.close();
    }
}

impl Port {
    /// Makes the port, registers it and brings it online.
    fn register(module: &'static ThisModule) -> Result<Arc<Self>> {
        let port = Arc::pin_init(
            pin_init!(Self {
                registration <- new_mutex!(None),
                session <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )?;
        let description = TargetDescription {
            name: TARGET,
            alias: "script",
            provider: "script",
            protocol: Protocol::Scsi,
            relative_id: None,
            offline: false,
        };
        let registration = TargetRegistration::new(&description, port.clone(), module)?;
        let registration = Arc::new(registration, GFP_KERNEL)?;
        *port.registration.lock() = Some(registration.clone());
        if let Err(error) = registration.online() {
            port.unregister();
            return Err(error);
        }
        Ok(port)
    }

    /// Takes the port out of the framework.
    fn unregister(&self) {
        let registration = self.registration.lock().take();
        if let Some(registration) = registration {
            // It fails when somebody else is just taking the port on- or offline.
            while registration.retire() == Err(EBUSY) {
                kernel::time::delay::fsleep(Delta::from_millis(5));
            }
        }
    }

    /// Does what a line says and waits for the answer.
    fn replay(&self, line: &Line, out: &mut Transcript) -> Result {
        if let Line::Link(up) = line {
            return self.link(*up, out);
        }
        let session = self.session.lock();
        let Session { connection, .. } = session.as_ref().ok_or(ENOTCONN)?;
        // Also the cookie of a task management function.
        let tag = connection.last_tag.fetch_add(1, ordering::Relaxed);
        match line {
            Line::Send(send) => connection.send(tag, send, out),
            Line::Manage(manage) => connection.manage(tag, manage, out),
            Line::Link(_) => Ok(()),
        }
    }

    /// What a port does when its cable is plugged in or out. One for which that happens too often is held
    /// offline by the framework, until a user brings it online.
    fn link(&self, up: bool, out: &mut Transcript) -> Result {
        let registration = self.registration.lock().clone().ok_or(ENODEV)?;
        if !up {
            registration.offline()?;
            return out.link("down");
        }
        match registration.online() {
            Ok(()) => out.link("up"),
            Err(error) if error == EPERM => out.link("held"),
            Err(error) => Err(error),
        }
    }
}

impl TargetPort for Port {
    /// The initiator logs in. A real port starts to listen, and does this when one comes.
    fn online(&self) -> Result {
        let registration = self.registration.lock().clone().ok_or(ENODEV)?;
        let nexus = registration.login(&NexusDescription {
            port: TransportId::ParallelScsi {
                address: ADDRESS,
                relative_port: registration.relative_id(),
            },
            initiator: INITIATOR,
            alias: "",
            isid: "",
        })?;
        let answers = Arc::pin_init(Answers::new(), GFP_KERNEL)?;
        let endpoint = nexus.connect(0, answers.clone())?;
        *self.session.lock() = Some(Session {
            connection: Connection {
                endpoint,
                answers,
                last_tag: Atomic::new(0),
            },
            _nexus: nexus,
        });
        Ok(())
    }

    /// Ends the session. That waits for no command: those in a device end there, unanswered.
    fn offline(&self) -> Result {
        let session = self.session.lock().take();
        drop(session);
        Ok(())
    }
}

/// Where answers come out. They may come in softirq, so they are queued, and the script woken.
#[pin_data]
struct Answers {
    finished: Queue<TaskBody>,
    /// The last answer to a task management function, with its cookie. Whoever brings it must not sleep.
    #[pin]
    managed: SpinLock<Option<(u64, TmfResponse)>>,
    /// How many of those have come.
    count: Atomic<u32>,
    #[pin]
    came: WaitQueue,
}

impl Answers {
    fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            finished: Queue::new(),
            managed <- new_spinlock!(None),
            count: Atomic::new(0),
            came <- WaitQueue::new(),
        })
    }
}

impl Completer for Answers {
    fn finished(&self, task: Finished) {
        self.finished.push(task.into());
        self.came.wake_all();
    }

    fn managed(&self, cookie: u64, response: TmfResponse) {
        *self.managed.lock() = Some((cookie, response));
        self.count.fetch_add(1, ordering::Full);
        self.came.wake_all();
    }
}

impl Connection {
    fn send(&self, tag: u64, send: &Send, out: &mut Transcript) -> Result {
        let command = Command {
            tag,
            lun: send.lun,
            cdb: &send.cdb,
            attribute: TaskAttribute::Simple,
            read: send.read > 0,
            write: send.write > 0,
            expected: send.read.max(send.write),
        };
        // What the command needs is reserved here, or it is over.
        let mut incoming = match self.endpoint.as_arc_borrow().admit(&command) {
            Ok(incoming) => incoming,
            Err(status) => return out.ended(status, &[], &[]),
        };
        receive(&mut incoming, send.pattern);
        // The answer may come before this returns.
        incoming.execute();
        if send.leave {
            return out.sent(tag);
        }
        match self.answer_to(tag) {
            Some(task) => tell(&task, out),
            None => out.unanswered(),
        }
        // Dropping the task frees what it held: all was sent.
    }

    /// Waits for the answer to a command. Late answers to others are dropped.
    fn answer_to(&self, tag: u64) -> Option<Finished> {
        let Answers { finished, came, .. } = &*self.answers;
        while came.wait_timeout(PATIENCE, || !finished.is_empty()) {
            let tasks = finished.take_all().map(Finished::from);
            let answer = tasks.filter(|task| task.tag() == tag).last();
            if answer.is_some() {
                return answer;
            }
        }
        None
    }

    fn manage(&self, cookie: u64, manage: &Manage, out: &mut Transcript) -> Result {
        let Answers {
            managed,
            count,
            came,
            ..
        } = &*self.answers;
        let mut seen = count.load(ordering::Acquire);
        self.endpoint.as_arc_borrow().manage(ManagementRequest {
            function: manage.function,
            lun: manage.lun,
            tag: manage.tag,
            cookie,
        });
        loop {
            let last = *managed.lock();
            match last {
                Some((of, response)) if of == cookie => return out.managed(response),
                _ => (),
            }
            if !came.wait_timeout(FUNCTION_PATIENCE, || count.load(ordering::Acquire) != seen) {
                return out.unanswered();
            }
            seen = count.load(ordering::Acquire);
        }
    }
}

/// The data for the target, which a real port receives: as much as the logical unit wants.
fn receive(incoming: &mut Incoming, pattern: u8) {
    let mut left = usize::try_from(incoming.wanted()).unwrap_or(usize::MAX);
    for slice in incoming.data_mut().slices_mut() {
        let (now, _) = slice.split_at_mut(left.min(slice.len()));
        now.fill(pattern);
        left -= now.len();
    }
}

/// Tells how a command ended.
fn tell(task: &Finished, out: &mut Transcript) -> Result {
    let mut sense = [0; SENSE_LEN];
    let sense_len = task.sense(&mut sense);
    let mut data = KVec::new();
    for slice in task.data().slices() {
        data.extend_from_slice(slice, GFP_KERNEL)?;
    }
    data.truncate(usize::try_from(task.data_len())?);
    out.ended(task.status(), sense.get(..sense_len).unwrap_or(&[]), &data)
}

/// The loaded module. A port that is registered keeps it loaded, and so does the open device.
#[pin_data]
struct ScriptModule {
    #[pin]
    _device: MiscDeviceRegistration<Device>,
}

impl kernel::InPlaceModule for ScriptModule {
    fn init(_: &'static ThisModule) -> impl PinInit<Self, Error> {
        let name = c"stmf_script";
        try_pin_init!(Self {
            _device <- MiscDeviceRegistration::register(MiscDeviceOptions { name }),
        })
    }
}
