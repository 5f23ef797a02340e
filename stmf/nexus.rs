// SPDX-License-Identifier: GPL-2.0

//! An I_T nexus: one initiator port logged in to one target port, and what it sees.

use crate::{
    admit,
    copy::Copies,
    framework::Framework,
    loss::Known,
    lu::{LogicalUnit, LuPath},
    port::{Completer, PortIdentity, TargetEntry},
    statistics::Statistics,
    task::{Finished, Incoming},
    taskset::{Abort, TaskSet, DEPTH},
    tmf, //
};
use kernel::{
    list::{impl_list_arc_safe, impl_list_item, AtomicTracker, ListLinks, TryNewListArc},
    prelude::*,
    rbtree::RBTree,
    str::CString,
    sync::{
        atomic::{ordering, Atomic},
        rcu,
        Arc,
        ArcBorrow, //
    }, //
};
use stmf_kernel::{
    clock,
    live::LiveRef,
    rcu::{RcuCell, RcuMap},
    scsi_host, //
};
use stmf_model::EndName;
use stmf_scsi::{
    alua::AccessState,
    tmf::{TaskAttribute, TaskManagement, TmfResponse},
    ua::{UnitAttention, UnitAttentions},
    Lun,
    LunAddress,
    Status,
    TransportId, //
};

/// Who sends commands by which target port: an I_T nexus (SAM-5 4.7).
///
/// Two are equal when initiator port and target port are the same, of one session or of one and a
/// later one.
pub struct ItNexus {
    session: u64,
    initiator: TransportId,
    pub(crate) target: Arc<TargetEntry>,
    /// The target port group: zero when there are none, else [`GROUPED`], [`EXPLICIT`] and the
    /// group's number.
    port_group: Atomic<u32>,
}

/// There are target port groups.
const GROUPED: u32 = 0x1_0000;

/// Initiators may set the states of some.
const EXPLICIT: u32 = 0x2_0000;

impl ItNexus {
    /// The number of the session, which no other had or will have.
    pub fn session(&self) -> u64 {
        self.session
    }

    /// The initiator port.
    pub fn initiator(&self) -> &TransportId {
        &self.initiator
    }

    /// The relative target port identifier of the target port.
    pub fn relative_port(&self) -> u16 {
        self.target.relative_id
    }

    /// Whether target ports are in groups, so that the framework carries out REPORT TARGET PORT
    /// GROUPS.
    pub fn has_port_groups(&self) -> bool {
        self.port_group.load(ordering::Relaxed) != 0
    }

    /// Whether it carries out SET TARGET PORT GROUPS, too.
    pub fn may_set_port_groups(&self) -> bool {
        self.port_group.load(ordering::Relaxed) & EXPLICIT != 0
    }

    /// The number of the target port's group; zero when it is in none.
    pub(crate) fn port_group(&self) -> u16 {
        // CAST: the number is in the lower half.
        self.port_group.load(ordering::Relaxed) as u16
    }

    /// Notes the target port's group, and whether initiators may set states; `None` when there are
    /// no groups.
    pub(crate) fn set_port_group(&self, group: Option<(u16, bool)>) {
        let word = group.map_or(0, |(number, explicit)| {
            GROUPED | if explicit { EXPLICIT } else { 0 } | u32::from(number)
        });
        self.port_group.store(word, ordering::Relaxed);
    }

    /// The target port.
    pub fn port(&self) -> PortIdentity<'_> {
        self.target.identity()
    }
}

impl PartialEq for ItNexus {
    fn eq(&self, other: &Self) -> bool {
        self.session == other.session
            || (self.relative_port() == other.relative_port() && self.initiator == other.initiator)
    }
}

impl Eq for ItNexus {}

/// One logical unit as one nexus sees it (SAM's I_T_L nexus).
pub(crate) struct Itl {
    pub(crate) lu: LiveRef<LuPath>,
    /// Pending unit attentions, the bits of a [`UnitAttentions`].
    attentions: Atomic<u32>,
    /// The inventory generation of the nexus that this LUN has reported or predates.
    inventory: Atomic<u32>,
    /// The code of the [`AccessState`] of the nexus's port group.
    access: Atomic<u32>,
    pub(crate) losses: Option<Known>,
    pub(crate) statistics: Statistics,
}

impl Itl {
    /// A LUN that its initiator hasn't talked to yet: POWER ON is pending.
    pub(crate) fn new(lu: LiveRef<LuPath>, nexus: &Nexus, access: AccessState) -> Result<Self> {
        let mut attentions = UnitAttentions::default();
        attentions.insert(UnitAttention::PowerOn);
        let losses = match lu.entry.unit().losses() {
            Some(losses) => Some(lu.entry.initiators.see(losses, nexus)?),
            None => None,
        };
        Ok(Self {
            lu,
            losses,
            attentions: Atomic::new(attentions.bits()),
            inventory: Atomic::new(nexus.inventory()),
            access: Atomic::new(access.code().into()),
            statistics: Statistics::new()?,
        })
    }

    /// The access state: the I/O path's one question about asymmetric access.
    pub(crate) fn access(&self) -> AccessState {
        let code = self.access.load(ordering::Relaxed);
        let state = u8::try_from(code).ok().and_then(AccessState::from_code);
        state.unwrap_or_default()
    }

    pub(crate) fn set_access(&self, state: AccessState) {
        self.access.store(state.code().into(), ordering::Relaxed);
    }

    /// Makes a unit attention pending. Any context.
    pub(crate) fn attention(&self, attention: UnitAttention) {
        self.change(|set| set.insert(attention));
    }

    fn change(&self, edit: impl Fn(&mut UnitAttentions)) {
        let mut bits = self.attentions.load(ordering::Relaxed);
        loop {
            let mut set = UnitAttentions::from_bits(bits);
            edit(&mut set);
            match self.attentions.cmpxchg(bits, set.bits(), ordering::Full) {
                Ok(_) => return,
                Err(now) => bits = now,
            }
        }
    }
}

/// A nexus as the framework keeps it.
#[pin_data]
pub(crate) struct Nexus {
    pub(crate) id: u64,
    pub(crate) identity: ItNexus,
    pub(crate) initiator: CString,
    pub(crate) alias: CString,
    pub(crate) isid: CString,
    /// Seconds since the epoch.
    pub(crate) created: i64,
    #[pin]
    pub(crate) luns: RcuMap<Itl>,
    /// Who wants to know of changes in `luns`.
    watch: RcuCell<Arc<dyn Watch>>,
    /// Counts the changes of `luns` that the initiator is to be told of.
    inventory: Atomic<u32>,
    /// The change up to which a REPORT LUNS has told it.
    inventory_reported: Atomic<u32>,
    /// Whether there may be logical units that it has seen, and doesn't see any more.
    has_lost_sight: Atomic<bool>,
    /// Whether it is about to go.
    pub(crate) is_lost: Atomic<bool>,
    /// Task management functions in progress.
    pub(crate) managing: Atomic<u32>,
    /// Errors of commands after which others have to be aborted still.
    pub(crate) queue_errors: Atomic<u32>,
    #[pin]
    pub(crate) tasks: TaskSet,
    #[pin]
    pub(crate) copies: Copies,
    /// For the list of sessions with orphans.
    #[pin]
    links: ListLinks,
    #[pin]
    tracker: AtomicTracker,
}

impl_list_arc_safe! {
    impl ListArcSafe<0> for Nexus { tracked_by tracker: AtomicTracker; }
}

impl_list_item! {
    impl ListItem<0> for Nexus { using ListLinks { self.links }; }
}

impl Nexus {
    /// The initiator's name, by which groups have it; none of what a registered nexus can't have.
    pub(crate) fn host(&self) -> Option<EndName> {
        EndName::new(self.initiator.to_str().ok()?).ok()
    }

    /// Calls `visit` for every logical unit that the nexus sees. `visit` may sleep.
    pub(crate) fn for_each_lu(&self, mut visit: impl FnMut(&LiveRef<LuPath>)) {
        let mut next = Some(0);
        while let Some((index, lu)) =
            next.and_then(|start| self.luns.find(start, |itl| itl.lu.clone()))
        {
            visit(&lu);
            next = index.checked_add(1);
        }
    }

    /// Makes a unit attention pending on a logical unit.
    pub(crate) fn establish(&self, lu: u64, attention: UnitAttention) {
        self.luns.for_each(|_, itl| {
            if itl.lu.entry.id == lu {
                itl.attention(attention);
            }
        });
    }

    /// A logical unit is to be taken out of its sight, or was.
    pub(crate) fn loses_sight(&self) {
        self.has_lost_sight.store(true, ordering::Relaxed);
    }

    /// Whether there may be logical units that it has seen, and doesn't see any more: the I/O path's one question
    /// about that.
    pub(crate) fn has_lost_sight(&self) -> bool {
        self.has_lost_sight.load(ordering::Relaxed)
    }

    /// The current inventory generation; all that it counts is in the map.
    pub(crate) fn inventory(&self) -> u32 {
        self.inventory.load(ordering::Acquire)
    }

    /// Makes REPORTED LUNS DATA HAS CHANGED pending on every LUN, at the cost of one store.
    pub(crate) fn inventory_changed(&self) {
        self.inventory.fetch_add(1, ordering::Full);
        let guard = rcu::read_lock();
        if let Some(watch) = self.watch.read(&guard) {
            watch.inventory_changed();
        }
    }

    /// Has the port drop those of its commands that were aborted, and let go of units that are to go.
    pub(crate) fn commands_given_up(&self) {
        let guard = rcu::read_lock();
        if let Some(watch) = self.watch.read(&guard) {
            watch.commands_given_up();
        }
    }

    /// REPORT LUNS was answered: what has changed up to that generation is known (SPC-5 6.36).
    pub(crate) fn inventory_was_reported(&self, generation: u32) {
        self.inventory_reported.store(generation, ordering::Relaxed);
        if self.inventory() != generation {
            return;
        }
        // Some LUNs may have made their own of an earlier change, and report another condition first.
        self.luns
            .for_each(|_, itl| itl.change(|set| set.remove(UnitAttention::ReportedLunsChanged)));
        if self.inventory() != generation {
            // And some of a later one, meanwhile.
            self.luns
                .for_each(|_, itl| itl.attention(UnitAttention::ReportedLunsChanged));
        }
    }

    /// Whether a LUN may have unit attentions: the I/O path's one question.
    pub(crate) fn has_attention(&self, itl: &Itl) -> bool {
        itl.attentions.load(ordering::Relaxed) != 0
            || itl.inventory.load(ordering::Relaxed) != self.inventory.load(ordering::Relaxed)
    }

    /// Takes the unit attention of the highest precedence off a LUN.
    pub(crate) fn take_attention(&self, itl: &Itl) -> Option<UnitAttention> {
        let now = self.inventory.load(ordering::Relaxed);
        if itl.inventory.xchg(now, ordering::Relaxed) != now
            && self.inventory_reported.load(ordering::Relaxed) != now
        {
            itl.attention(UnitAttention::ReportedLunsChanged);
        }
        let first = UnitAttentions::from_bits(itl.attentions.load(ordering::Relaxed)).first()?;
        itl.change(|set| set.remove(first));
        Some(first)
    }

    /// A unit attention that was taken off a LUN is pending again: its initiator wasn't told. Any context.
    pub(crate) fn put_back(&self, lun: u16, lu: u64, attention: UnitAttention) {
        self.with_itl(lun, lu, |itl| itl.attention(attention));
    }

    /// Looks at a LUN, unless another unit is there by now. Any context.
    pub(crate) fn with_itl<R>(&self, lun: u16, lu: u64, look: impl FnOnce(&Itl) -> R) -> Option<R> {
        let guard = rcu::read_lock();
        let itl = self.luns.read(lun.into(), &guard)?;
        (itl.lu.entry.id == lu).then(|| look(itl))
    }

    /// The unit attentions that a LUN has to report.
    pub(crate) fn attentions(&self, itl: &Itl) -> UnitAttentions {
        let mut set = UnitAttentions::from_bits(itl.attentions.load(ordering::Relaxed));
        let now = self.inventory.load(ordering::Relaxed);
        if itl.inventory.load(ordering::Relaxed) != now
            && self.inventory_reported.load(ordering::Relaxed) != now
        {
            set.insert(UnitAttention::ReportedLunsChanged);
        }
        set
    }
}

/// What a port provider says of an initiator that logs in.
pub struct NexusDescription<'a> {
    /// The initiator port.
    pub port: TransportId,
    /// The initiator's name in its protocol, which for iSCSI is that of the node.
    pub initiator: &'a str,
    /// A name for people; may be empty.
    pub alias: &'a str,
    /// For iSCSI the ISID as text, for people; else empty.
    pub isid: &'a str,
}

/// Logical units, by their numbers.
pub struct Units(RBTree<u64, ()>);

/// A registered nexus; dropping it ends the session.
///
/// The end waits for nothing: commands that are still in a device finish there and are dropped.
pub struct NexusRegistration {
    framework: Arc<Framework>,
    nexus: Arc<Nexus>,
}

impl NexusRegistration {
    pub(crate) fn new(
        framework: Arc<Framework>,
        target: Arc<TargetEntry>,
        description: &NexusDescription<'_>,
    ) -> Result<Self> {
        let id = framework.next_id();
        let nexus = Arc::pin_init(
            try_pin_init!(Nexus {
                id,
                identity: ItNexus {
                    session: *id,
                    initiator: description.port,
                    target,
                    port_group: Atomic::new(0),
                },
                initiator: CString::try_from_fmt(fmt!("{}", description.initiator))?,
                alias: CString::try_from_fmt(fmt!("{}", description.alias))?,
                isid: CString::try_from_fmt(fmt!("{}", description.isid))?,
                created: clock::unix_seconds(),
                luns <- RcuMap::new(),
                watch: RcuCell::empty(),
                inventory: Atomic::new(0),
                inventory_reported: Atomic::new(0),
                has_lost_sight: Atomic::new(false),
                is_lost: Atomic::new(false),
                managing: Atomic::new(0),
                queue_errors: Atomic::new(0),
                tasks <- TaskSet::new(*id),
                copies <- Copies::new(),
                links <- ListLinks::new(),
                tracker <- AtomicTracker::new(),
            }? Error),
            GFP_KERNEL,
        )?;
        framework.add_nexus(nexus.clone())?;
        Ok(Self { framework, nexus })
    }

    /// The session's number, never used again.
    pub fn id(&self) -> u64 {
        self.nexus.id
    }

    /// Has changes of what the nexus sees told to `watch`, as long as the nexus is registered. May
    /// sleep.
    pub fn watch(&self, watch: Arc<dyn Watch>) -> Result {
        drop(
            self.nexus
                .watch
                .replace(Some(KBox::new(watch, GFP_KERNEL)?)),
        );
        Ok(())
    }

    /// The logical units that the nexus sees: their LUN fields, and numbers that no other unit has.
    pub fn inventory(&self) -> Result<KVec<([u8; 8], u64)>> {
        let mut seen = KVec::new();
        let mut next = Some(0);
        while let Some((index, id)) =
            next.and_then(|start| self.nexus.luns.find(start, |itl| itl.lu.entry.id))
        {
            let lun = u16::try_from(index).ok().and_then(Lun::new).ok_or(EINVAL)?;
            seen.push((lun.encode(), id), GFP_KERNEL)?;
            next = index.checked_add(1);
        }
        Ok(seen)
    }

    /// The logical units that the nexus sees, to be compared with what others see.
    pub fn units(&self) -> Result<Units> {
        let mut units = RBTree::new();
        let mut next = Some(0);
        while let Some((index, id)) =
            next.and_then(|start| self.nexus.luns.find(start, |itl| itl.lu.entry.id))
        {
            units.try_create_and_insert(id, (), GFP_KERNEL)?;
            next = index.checked_add(1);
        }
        Ok(Units(units))
    }

    /// Whether the nexus sees one of these logical units, by whatever LUN.
    pub fn sees_any(&self, units: &Units) -> bool {
        let is_one = |itl: &Itl| units.0.get(&itl.lu.entry.id).is_some();
        let mut next = Some(0);
        while let Some((index, found)) = next.and_then(|start| self.nexus.luns.find(start, is_one))
        {
            if found {
                return true;
            }
            next = index.checked_add(1);
        }
        false
    }

    /// The I_T nexus is lost (SAM-5 6.3.4): its commands are aborted, and its logical units forget
    /// what doesn't outlive it. Waits for no device.
    ///
    /// A port calls this before it confirms a logout, so that others find the units as the initiator
    /// left them. Dropping the registration does the same.
    pub fn lose(&self) {
        // Nobody waits for these any more; those not yet executing never will.
        self.framework
            .abort(&self.nexus, Abort::NexusLost, |_| true);
        let is_last = self.framework.is_last_session(&self.nexus);
        self.nexus
            .for_each_lu(|lu| self.tell_lost(lu.entry.unit(), is_last));
        self.lose_unseen(is_last);
    }

    /// What the nexus left in units that it doesn't see any more would be there for ever.
    fn lose_unseen(&self, is_last: bool) {
        if self.nexus.has_lost_sight.xchg(false, ordering::Relaxed) {
            self.framework
                .for_each_lu(|unit| self.tell_lost(unit, is_last));
        }
    }

    /// Tells a unit that the session ends, and with the last of the same I_T nexus that this is lost: there
    /// may be one by another portal group of the target.
    fn tell_lost(&self, unit: &dyn LogicalUnit, is_last: bool) {
        let identity = &self.nexus.identity;
        if is_last {
            unit.nexus_lost(identity);
        } else {
            unit.session_lost(identity);
        }
    }

    /// Opens a connection of this nexus; its answers go to `completer`. No two that are open have
    /// the same `number`.
    pub fn connect(&self, number: u8, completer: Arc<dyn Completer>) -> Result<Arc<Endpoint>> {
        let completer = KBox::new(completer, GFP_KERNEL)?;
        Ok(Arc::new(
            Endpoint {
                nexus: self.nexus.clone(),
                framework: self.framework.clone(),
                number,
                completer: RcuCell::new(completer),
            },
            GFP_KERNEL,
        )?)
    }
}

impl Drop for NexusRegistration {
    fn drop(&mut self) {
        self.lose();
        self.framework.remove_nexus(self.nexus.id);
        // A unit that was taken out of its sight just then has missed that. Who did so had the registry
        // locked, which `remove_nexus` has locked since.
        self.lose_unseen(self.framework.is_last_session(&self.nexus));
        drop(self.nexus.watch.replace(None));
    }
}

/// Who wants to know what an I_T nexus sees, see [`NexusRegistration::watch`].
pub trait Watch: Send + Sync + 'static {
    /// A logical unit came or went. Any context; the framework's locks may be held.
    fn inventory_changed(&self);

    /// Commands were aborted, by whomever, or their logical unit goes offline and only they keep it from
    /// that. The port drops those that it receives data for and that [`Incoming::is_aborted`], and has
    /// those whose answers it can't send yet [`Finished::let_go`]. Any context; the framework's locks may
    /// be held.
    fn commands_given_up(&self) {}
}

/// A command as it came off the wire.
pub struct Command<'a> {
    /// The transport's tag, unique among the session's commands in flight.
    pub tag: u64,
    /// The LUN field (SAM-5 4.7).
    pub lun: [u8; 8],
    /// The command descriptor block.
    pub cdb: &'a [u8],
    /// The task attribute.
    pub attribute: TaskAttribute,
    /// Whether the initiator expects data from the target.
    pub read: bool,
    /// Whether the initiator has data for the target.
    pub write: bool,
    /// How many bytes of either.
    pub expected: u32,
}

impl Command<'_> {
    /// The number of the logical unit that it is for, unless the LUN field names none.
    pub(crate) fn unit(&self) -> Option<Lun> {
        match LunAddress::parse(self.lun) {
            LunAddress::Unit(lun) => Some(lun),
            _ => None,
        }
    }
}

/// A task management request as it came off the wire.
pub struct ManagementRequest {
    /// The function.
    pub function: TaskManagement,
    /// The LUN field, for the functions that name a logical unit.
    pub lun: [u8; 8],
    /// The tag of the command meant, for the functions that name one.
    pub tag: u64,
    /// Given back in [`Completer::managed`].
    pub cookie: u64,
}

/// One connection of a nexus: where commands go in.
pub struct Endpoint {
    pub(crate) nexus: Arc<Nexus>,
    pub(crate) framework: Arc<Framework>,
    /// Which of the nexus's connections it is.
    pub(crate) number: u8,
    completer: RcuCell<Arc<dyn Completer>>,
}

impl Endpoint {
    /// Admits a command: finds its logical unit, reserves all that it needs.
    ///
    /// Process context; may sleep for memory, for a short time.
    ///
    /// # Errors
    ///
    /// TASK SET FULL or BUSY, for the port to send, when something is not to be had.
    pub fn admit(self: ArcBorrow<'_, Self>, command: &Command<'_>) -> Result<Incoming, Status> {
        admit::admit(self, command, &mut None)
    }

    /// As [`Endpoint::admit`] for a command of a local host. Where its logical unit moves whole pages
    /// between a device and the initiator, the command's own memory is lent to it, and nothing is
    /// copied. The data-out is in place at once, and [`Finished::release`] gives the command back.
    ///
    /// # Errors
    ///
    /// Those of [`Endpoint::admit`], with the command.
    pub fn admit_local(
        self: ArcBorrow<'_, Self>,
        command: &Command<'_>,
        lender: scsi_host::Command,
    ) -> Result<Incoming, Option<scsi_host::Command>> {
        let mut lender = Some(lender);
        admit::admit(self, command, &mut lender).map_err(|_| lender)
    }

    /// Starts a task management function; [`Completer::managed`] answers it, within a few seconds.
    ///
    /// Commands of this connection that the port itself still receives data for are in the
    /// framework's hands too: they are marked, see [`Incoming::is_aborted`].
    pub fn manage(self: ArcBorrow<'_, Self>, request: ManagementRequest) {
        tmf::start(self, request);
    }

    /// Carries out a task management function in the caller's own time: a few seconds at most.
    pub fn manage_now(&self, request: &ManagementRequest) -> TmfResponse {
        tmf::perform(self, request)
    }

    /// Whether the session has no command.
    pub fn is_idle(&self) -> bool {
        self.nexus.tasks.free() == DEPTH
    }

    /// How many more commands the session may have in flight, for the port's flow control.
    pub fn free_slots(&self) -> usize {
        self.nexus.tasks.free()
    }

    /// Whether a command with this tag is in flight. Looks through all of them. One that was aborted
    /// doesn't count, unless its initiator is to be told: else its tag is free again.
    pub fn has_task(&self, tag: u64) -> bool {
        let tasks = &self.nexus.tasks;
        tasks.any(|task| task.tag == tag && (task.is_told || !task.aborted))
    }

    /// Cuts the port off: nothing is delivered to its completer after this. Sleeps briefly.
    pub fn close(&self) {
        drop(self.completer.replace(None));
    }

    /// The connection ends, whether the nexus goes on or not: aborts the commands that came by it, and tells
    /// nobody. Waits for no device. Process context.
    pub fn lose(&self) {
        self.framework.abort(&self.nexus, Abort::NexusLost, |task| {
            task.connection == self.number
        });
        if self.nexus.is_lost.load(ordering::Relaxed) {
            // Its initiator logs out, and reads all answers up to the one to that.
            return;
        }
        self.nexus.luns.for_each(|_, itl| {
            if let Some(losses) = &itl.losses {
                losses.may_not_have_heard();
            }
        });
    }

    pub(crate) fn tasks(&self) -> &TaskSet {
        &self.nexus.tasks
    }

    pub(crate) fn deliver(&self, task: Finished) {
        let guard = rcu::read_lock();
        // Without a completer the connection is gone, and the task with it.
        if let Some(completer) = self.completer.read(&guard) {
            completer.finished(task);
        }
    }

    pub(crate) fn deliver_managed(&self, cookie: u64, response: TmfResponse) {
        let guard = rcu::read_lock();
        if let Some(completer) = self.completer.read(&guard) {
            completer.managed(cookie, response);
        }
    }
}
