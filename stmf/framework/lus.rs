// SPDX-License-Identifier: GPL-2.0

//! Logical units come, go on- and offline, and leave.

use super::{
    service::first_goal,
    Asker,
    Framework,
    Registry,
    RetiredItls,
    DROP_LIMIT,
    OFFLINE_LIMIT, //
};
use crate::{
    event::Event,
    lu::{Audience, LogicalUnit, LuEntry, LuPath},
    nexus::Nexus,
    table::Room,
    taskset::{Abort, Stage, TaskView}, //
};
use kernel::{
    prelude::*,
    sync::Arc,
    time::{Delta, Nsec}, //
};
use stmf_kernel::live::{Live, LiveRef};
use stmf_model::{
    Goal,
    Guid,
    State,
    Step, //
};
use stmf_scsi::ua::UnitAttention;
use stmf_uapi::stmf::EventKind;

/// A registered logical unit and, while it is online or has commands on its way from there, the way to it.
pub(crate) struct LuRecord {
    pub(crate) entry: Arc<LuEntry>,
    path: Option<Arc<Live<LuPath>>>,
    pub(crate) state: State,
    /// Where it goes whenever the service is online.
    pub(crate) wanted: Goal,
    /// Its provider is about to delete it: nobody brings it online any more.
    leaving: bool,
}

impl LuRecord {
    /// A reference to the unit, if it is online.
    pub(super) fn reference(&self) -> Option<LiveRef<LuPath>> {
        self.path.as_ref().and_then(|path| path.get())
    }

    fn is(&mut self, state: State) {
        self.state = state;
        Event::of_lu(EventKind::LuState, &self.entry.guid)
            .state(state)
            .send();
    }
}

/// How far a logical unit is on its way offline.
pub(super) enum Leaving {
    /// It is there.
    Gone,
    /// It has commands that may still have to end.
    Draining(Arc<Live<LuPath>>),
}

impl Framework {
    /// Registers a logical unit and brings it online, if the service is; one that is wanted `offline`, or
    /// where new ones begin so, stays there.
    pub(crate) fn add_lu(&self, entry: Arc<LuEntry>, offline: bool) -> Result {
        let guid = entry.guid;
        let mut registry = self.registry();
        let wanted = first_goal(offline, registry.service.default_lu);
        let record = LuRecord {
            entry,
            path: None,
            state: State::Offline,
            wanted,
            leaving: false,
        };
        let id = record.entry.id;
        let index = Room::new()?;
        registry.lus.insert(guid, record)?;
        registry.lu_ids.put(index, id, guid);
        Event::of_lu(EventKind::LuAdded, &guid).send();
        if wanted == Goal::Offline || !registry.service.state.is_up() {
            return Ok(());
        }
        let online = registry.bring_online(&guid);
        drop(registry);
        if online.is_err() {
            // Some sessions may see it already.
            self.remove_lu(&guid);
        }
        online
    }

    /// Brings a registered logical unit online. Online already is fine. One that didn't get offline
    /// in time does so first, if it can by now.
    ///
    /// # Errors
    ///
    /// `EBUSY` while it is on its way offline, or being deleted; `ENETDOWN` when a user asks and the
    /// service is offline.
    pub(crate) fn online_lu(&self, guid: &Guid, asker: Asker) -> Result {
        let offlining = |record: &LuRecord| record.state == State::Offlining;
        if self.read(|registry| registry.lus.get(guid).is_some_and(offlining)) {
            self.offline_lu(guid, Asker::Service)?;
        }
        let mut registry = self.registry();
        let is_up = registry.service.state.is_up();
        let record = registry.lus.get_mut(guid).ok_or(ENOENT)?;
        let step = record.state.request(Goal::Online);
        match asker {
            Asker::User if !is_up => return Err(ENETDOWN),
            Asker::User if record.leaving || step == Step::Busy => return Err(EBUSY),
            Asker::User => record.wanted = Goal::Online,
            _ if record.wanted == Goal::Offline || !is_up || record.leaving => return Ok(()),
            _ => (),
        }
        match step {
            Step::Already => return Ok(()),
            Step::Busy => return Err(EBUSY),
            Step::Begin(_) => (),
        }
        let online = registry.bring_online(guid);
        drop(registry);
        if online.is_err() {
            // Some sessions may see it already.
            self.offline_lu(guid, Asker::Service)?;
        }
        online
    }

    /// Takes a logical unit out of every session's sight and waits for its commands, a few seconds
    /// at most. Those that wait for data from their initiators then are given up, and those whose
    /// initiators don't take their answers go on without the unit. Offline already is fine.
    ///
    /// # Errors
    ///
    /// `EBUSY` when commands are still in the device: the unit stays `offlining`, out of sight.
    pub(crate) fn offline_lu(&self, guid: &Guid, asker: Asker) -> Result {
        match self.begin_offline_lu(guid, asker)? {
            Leaving::Gone => Ok(()),
            Leaving::Draining(path) => self.finish_offline_lu(guid, path, OFFLINE_LIMIT),
        }
    }

    pub(super) fn begin_offline_lu(&self, guid: &Guid, asker: Asker) -> Result<Leaving> {
        let mut retired = RetiredItls::new();
        let mut registry = self.registry();
        registry.unmap_lu(guid, &mut retired);
        let record = registry.lus.get_mut(guid).ok_or(ENOENT)?;
        match asker {
            Asker::User => record.wanted = Goal::Offline,
            Asker::Provider => record.leaving = true,
            Asker::Service => (),
        }
        let Some(path) = record.path.clone() else {
            return Ok(Leaving::Gone);
        };
        if record.state != State::Offlining {
            record.is(State::Offlining);
        }
        // While the registry is locked: a session that begins after this must not see the unit again.
        path.kill();
        drop(registry);
        drop(retired);
        path.entry.order.give_up();
        Ok(Leaving::Draining(path))
    }

    /// Gives up the commands whose data their initiators owe, and waits for the ports to drop them, and
    /// to let go of the unit where initiators don't take the answers; says whether no command is left then.
    fn give_up_slow(&self, path: &Live<LuPath>) -> bool {
        let id = path.entry.id;
        let mut found = 0;
        for nexus in self.nexuses().iter().flatten() {
            found += self.abort(nexus, Abort::UnitGone, |task| {
                task.lu == id && task.stage == Stage::Receiving
            });
            let answered = |task: &TaskView| {
                task.lu == id && matches!(task.stage, Stage::SendingData | Stage::SendingStatus)
            };
            if nexus.tasks.any(answered) {
                found += 1;
                nexus.commands_given_up();
            }
        }
        found > 0 && path.wait_drained(DROP_LIMIT)
    }

    pub(super) fn finish_offline_lu(
        &self,
        guid: &Guid,
        path: Arc<Live<LuPath>>,
        limit: Delta<Nsec>,
    ) -> Result {
        if !path.wait_drained(limit) && !self.give_up_slow(&path) {
            tell_stuck(guid, &path);
            return Err(EBUSY);
        }
        // Who takes the way finishes this. Who finished it before may have brought the unit online again, by
        // another way.
        let taken = {
            let mut registry = self.registry();
            let record = registry.lus.get_mut(guid);
            record.and_then(|record| record.path.take_if(|now| Arc::ptr_eq(now, &path)))
        };
        if taken.is_none() {
            return Ok(());
        }
        // When it is online again, initiators are told POWER ON. It isn't before this is done, so that what they
        // leave with it then stays.
        path.entry.unit().reset();
        let mut registry = self.registry();
        let is_same = |record: &&mut LuRecord| Arc::ptr_eq(&record.entry, &path.entry);
        // Unless it was removed meanwhile.
        if let Some(record) = registry.lus.get_mut(guid).filter(is_same) {
            record.is(State::Offline);
        }
        Ok(())
    }

    /// Takes a logical unit offline for its provider, which is about to delete it: nobody brings it online
    /// before [`Framework::keep_lu`].
    ///
    /// # Errors
    ///
    /// Those of [`Framework::offline_lu`]; the unit stays then.
    pub(crate) fn retire_lu(&self, guid: &Guid) -> Result {
        self.offline_lu(guid, Asker::Provider)
            .inspect_err(|_| self.keep_lu(guid))
    }

    /// The provider keeps the unit after all.
    pub(crate) fn keep_lu(&self, guid: &Guid) {
        if let Some(record) = self.registry().lus.get_mut(guid) {
            record.leaving = false;
        }
    }

    /// Takes a logical unit out of the registry, when the device has let go of all its commands.
    pub(crate) fn remove_lu(&self, guid: &Guid) {
        while self.offline_lu(guid, Asker::Provider) == Err(EBUSY) {
            pr_warn!(
                "LU {}: waiting for commands in the device\n",
                format_args!("{guid}")
            );
        }
        let mut registry = self.registry();
        let gone = registry.lus.remove(guid);
        if let Some(record) = &gone {
            registry.lu_ids.remove(&record.entry.id);
        }
        Event::of_lu(EventKind::LuRemoved, guid).send();
        drop(registry);
        drop(gone);
    }

    /// Where a session sees the logical unit with a GUID, and the unit's number.
    pub(crate) fn seen_by(&self, nexus: &Nexus, guid: &Guid) -> Option<(u16, u64)> {
        let registry = self.registry();
        let seen = registry.views.of(guid).find_map(|view| {
            let lun = view.lun.value();
            let guard = kernel::sync::rcu::read_lock();
            let itl = nexus.luns.read(lun.into(), &guard)?;
            (itl.lu.entry.guid == *guid).then_some((lun, itl.lu.entry.id))
        });
        seen
    }

    /// Calls `visit` for every logical unit, online or not. `visit` may sleep.
    pub(crate) fn for_each_lu(&self, mut visit: impl FnMut(&dyn LogicalUnit)) {
        let mut first = 0;
        while let Some((id, path)) = self.read(|registry| {
            let (id, guid) = registry.lu_ids.from(first).next()?;
            // Keeps the provider's module, which is there as long as its unit can't be removed.
            Some((id, LuPath::new(registry.lus.get(guid)?.entry.clone())))
        }) {
            if let Ok(path) = path {
                visit(path.entry.unit());
            }
            let Some(next) = id.checked_add(1) else {
                return;
            };
            first = next;
        }
    }

    /// Looks at the logical unit with a number, while it can't be removed: a reference to it would keep its
    /// memory, but not its provider's module.
    pub(super) fn with_lu(&self, id: u64, look: impl FnOnce(&LuEntry)) {
        let registry = self.registry();
        let guid = registry.lu_ids.get(&id);
        if let Some(record) = guid.and_then(|guid| registry.lus.get(guid)) {
            look(&record.entry);
        }
    }

    /// A reference to a logical unit, if it is online.
    pub(crate) fn lu_path(&self, guid: &Guid) -> Option<LiveRef<LuPath>> {
        self.read(|registry| registry.lus.get(guid)?.reference())
    }

    /// Makes a unit attention pending for sessions that see a logical unit.
    pub(crate) fn lu_attention(
        &self,
        guid: &Guid,
        attention: UnitAttention,
        audience: Audience<'_>,
    ) {
        let registry = self.registry();
        if attention == UnitAttention::CapacityChanged {
            Event::of_lu(EventKind::CapacityChanged, guid).send();
        }
        for view in registry.views.of(guid) {
            registry.for_each_concerned(view.host, view.target, |record| {
                if !audience.includes(&record.nexus.identity) {
                    return;
                }
                let guard = kernel::sync::rcu::read_lock();
                let index = usize::from(view.lun.value());
                if let Some(itl) = record.nexus.luns.read(index, &guard) {
                    itl.attention(attention);
                }
            });
        }
    }
}

/// Says that a logical unit doesn't get offline, and by how many things it is held: commands, work of its
/// own, or places in LUN maps.
fn tell_stuck(guid: &Guid, path: &Live<LuPath>) {
    match path.references() {
        Some(count) => pr_notice!(
            "LU {}: not offline in time: it is in use {count} times\n",
            format_args!("{guid}")
        ),
        None => pr_notice!(
            "LU {}: not offline in time: RCU has not called back yet\n",
            format_args!("{guid}")
        ),
    }
    Event::of_lu(EventKind::TasksStuck, guid).send();
}

impl Registry {
    /// Makes the way to a logical unit and shows it to the sessions that may see it.
    fn bring_online(&mut self, guid: &Guid) -> Result {
        let record = self.lus.get_mut(guid).ok_or(ENOENT)?;
        let path = Live::new(LuPath::new(record.entry.clone())?)?;
        record.path = Some(Arc::new(path, GFP_KERNEL)?);
        record.is(State::Online);
        for view in self.views.of(guid) {
            self.show(view)?;
        }
        Ok(())
    }

    /// Takes a logical unit out of every session's LUN map.
    fn unmap_lu(&mut self, guid: &Guid, retired: &mut RetiredItls) {
        for view in self.views.of(guid) {
            self.hide(view, retired);
        }
    }
}
