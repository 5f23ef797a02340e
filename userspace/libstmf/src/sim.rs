// SPDX-License-Identifier: GPL-2.0

//! A framework in memory, for tests.
//!
//! [`Sim`] answers requests as the kernel modules do, and is as strict about them: a command or an
//! attribute that the specifications don't have, or a value that is out of bounds, is refused. What
//! can't be asked for (sessions, tasks, trouble) is put in by methods.

// Nothing here is shipped, and a test that panics has failed, as it should.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used
)]

mod access;
mod connections;
mod groups;
#[path = "sim/iscsi.rs"]
mod iscsi_target;
mod states;
mod statistics;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use stmf_model::{
    admit, Conflict, Group, GroupName, Guid, GuidSource, Lun, LunBitmap, NewView, ViewEntry,
};
use stmf_uapi::sbd::Backend;
use stmf_uapi::stmf::{ConfigState, GroupKind, ObjectState, Protocol, TaskStage};
use stmf_uapi::{iscsi, loopback, sbd, stmf, Attribute, Kind, Operation};

use crate::attributes::{Attributes, Builder, Fields, Key};
use crate::transport::{Fault, Mode, Refusal, Request, Transport};

/// Answers of a request, or why there are none.
type Answer = Result<Vec<Builder>, Refusal>;

#[derive(Clone, Debug)]
struct Lu {
    provider: &'static str,
    alias: Option<String>,
    state: ObjectState,
    wanted: ObjectState,
    disk: Option<Disk>,
}

#[derive(Clone, Debug)]
struct Disk {
    file: PathBuf,
    meta_file: Option<PathBuf>,
    size: u64,
    block_size: u32,
    vendor_id: String,
    product_id: String,
    serial: Option<String>,
    write_protect: bool,
    write_cache_disable: bool,
    revision: String,
    physical_block_size: u32,
    mgmt_url: Option<String>,
    rotation_rate: u32,
    unmap: bool,
    removable: bool,
    meta_head: bool,
    thin: bool,
    threshold: Option<u8>,
}

#[derive(Clone, Debug)]
struct Target {
    provider: &'static str,
    alias: Option<String>,
    protocol: Protocol,
    state: ObjectState,
    wanted: ObjectState,
    relative_id: u16,
}

#[derive(Clone, Debug)]
struct Session {
    id: u64,
    target: String,
    initiator: String,
    alias: Option<String>,
    created: u64,
}

#[derive(Clone, Debug)]
struct Task {
    guid: Option<Guid>,
    tag: u64,
    age_ms: u64,
}

/// A framework in memory.
#[derive(Debug)]
pub struct Sim {
    service: ObjectState,
    default_lu: ObjectState,
    default_target: ObjectState,
    lost_tasks: u64,
    lus: BTreeMap<Guid, Lu>,
    /// What files of metadata have, of disks that were deleted.
    kept: BTreeMap<PathBuf, (Guid, Lu)>,
    /// By logical unit and number.
    views: BTreeMap<(Guid, u32), ViewEntry>,
    groups: groups::Groups,
    access: access::States,
    targets: BTreeMap<String, Target>,
    sessions: Vec<Session>,
    tasks: Vec<Task>,
    counts: statistics::Counts,
    portals: Vec<(SocketAddr, u16)>,
    iscsi: iscsi_target::Iscsi,
    connections: Vec<connections::Connection>,
    /// For new GUIDs and sessions.
    counter: u8,
    /// Whether state changes are begun but never completed.
    stuck: bool,
    /// How many lists will be interrupted.
    interruptions: usize,
    unloaded: Vec<&'static str>,
    refusals: Vec<(&'static str, u8, Refusal)>,
}

impl Default for Sim {
    fn default() -> Self {
        Self::new()
    }
}

impl Sim {
    /// A framework that is online and has nothing.
    pub fn new() -> Self {
        Self {
            service: ObjectState::Online,
            default_lu: ObjectState::Online,
            default_target: ObjectState::Online,
            lost_tasks: 0,
            lus: BTreeMap::new(),
            kept: BTreeMap::new(),
            views: BTreeMap::new(),
            groups: groups::Groups::default(),
            access: access::States::new(),
            targets: BTreeMap::new(),
            sessions: Vec::new(),
            tasks: Vec::new(),
            counts: statistics::Counts::default(),
            portals: vec![(SocketAddr::new([0; 8].into(), 3260), 1)],
            iscsi: iscsi_target::Iscsi::default(),
            connections: Vec::new(),
            counter: 0,
            stuck: false,
            interruptions: 0,
            unloaded: Vec::new(),
            refusals: Vec::new(),
        }
    }

    /// Adds a logical unit that is no disk.
    pub fn add_lu(&mut self, provider: &'static str, alias: Option<&str>) -> Guid {
        let guid = self.new_guid();
        let lu = Lu {
            provider,
            alias: alias.map(str::to_owned),
            state: self.first_state(self.default_lu),
            wanted: self.default_lu,
            disk: None,
        };
        self.lus.insert(guid, lu);
        guid
    }

    /// Adds an iSCSI target.
    pub fn add_target(&mut self, name: &str) {
        self.add_target_of("iscsit", Protocol::Iscsi, name);
    }

    fn add_target_of(&mut self, provider: &'static str, protocol: Protocol, name: &str) {
        let highest = self.targets.values().map(|target| target.relative_id).max();
        let target = Target {
            provider,
            alias: None,
            protocol,
            state: self.first_state(self.default_target),
            wanted: self.default_target,
            relative_id: highest.unwrap_or(0) + 1,
        };
        self.targets.insert(name.to_owned(), target);
    }

    /// Gives a new target the relative target port identifier that was asked for, or takes the target
    /// away again.
    fn number_target(&mut self, name: &str, wanted: Option<u16>) -> Answer {
        let mut others = self.targets.iter().filter(|(other, _)| *other != name);
        if others.any(|(_, other)| Some(other.relative_id) == wanted) {
            self.targets.remove(name);
            return Err(bare(libc::EBUSY));
        }
        if let (Some(id), Some(target)) = (wanted, self.targets.get_mut(name)) {
            target.relative_id = id;
        }
        Ok(Vec::new())
    }

    /// Adds a session that began on 2009-03-03 at 10:00 UTC.
    pub fn add_session(&mut self, target: &str, initiator: &str, alias: Option<&str>) {
        self.counter += 1;
        self.sessions.push(Session {
            id: self.counter.into(),
            target: target.to_owned(),
            initiator: initiator.to_owned(),
            alias: alias.map(str::to_owned),
            created: 1_236_074_400,
        });
    }

    /// Adds a READ (10) that the logical unit executes, in session 1; without a logical unit one
    /// that is detached from its session.
    pub fn add_task(&mut self, guid: Option<Guid>, tag: u64, age_ms: u64) {
        self.tasks.push(Task { guid, tag, age_ms });
    }

    /// Counts tasks that providers dropped unfinished.
    pub fn lose_tasks(&mut self, count: u64) {
        self.lost_tasks += count;
    }

    /// Begins state changes from now on but never completes them.
    pub fn get_stuck(&mut self) {
        self.stuck = true;
    }

    /// Interrupts the next so many lists.
    pub fn interrupt(&mut self, lists: usize) {
        self.interruptions = lists;
    }

    /// Unloads the module of a family.
    pub fn unload(&mut self, family: &'static str) {
        self.unloaded.push(family);
    }

    /// Refuses the next request with this command.
    pub fn refuse(&mut self, family: &'static str, command: u8, refusal: Refusal) {
        self.refusals.push((family, command, refusal));
    }

    fn new_guid(&mut self) -> Guid {
        self.counter += 1;
        // Not like the ones that tests write down.
        let mut random = [0xee; GuidSource::RANDOM_LEN];
        random[GuidSource::RANDOM_LEN - 1] = self.counter;
        GuidSource::default().make(random)
    }

    fn stmf(&mut self, command: stmf::Command, mode: Mode, fields: &Fields<'_>) -> Answer {
        match command {
            stmf::Command::StateGet => Ok(vec![self.service()]),
            stmf::Command::LuGet if mode == Mode::Dump => {
                Ok(self.lus.keys().map(|guid| self.lu(guid)).collect())
            }
            stmf::Command::LuGet => {
                let guid = self.known_lu(stmf::Lu::Guid, fields)?;
                Ok(vec![self.lu(&guid)])
            }
            stmf::Command::LuSetState => {
                let guid = self.known_lu(stmf::Lu::Guid, fields)?;
                let (wanted, state) = self.next_state(stmf::Lu::State, fields)?;
                let lu = self.lus.get_mut(&guid).unwrap();
                (lu.wanted, lu.state) = (wanted, state);
                Ok(Vec::new())
            }
            stmf::Command::ViewAdd => self.add_view(fields),
            stmf::Command::ViewRemove => {
                let guid = guid_of(stmf::View::Guid, fields)?;
                let id = fields.u32(stmf::View::Id).unwrap();
                let id = id.ok_or_else(|| missing(stmf::View::Id))?;
                self.views.remove(&(guid, id)).ok_or_else(not_found)?;
                Ok(Vec::new())
            }
            stmf::Command::ViewGet => {
                let wanted = fields.guid(stmf::View::Guid).unwrap();
                let views = self.views.values();
                let views = views.filter(|view| wanted.is_none_or(|guid| view.guid == guid));
                Ok(views.map(view_reply).collect())
            }
            stmf::Command::TargetGet if mode == Mode::Dump => {
                Ok(self.targets.keys().map(|name| self.target(name)).collect())
            }
            stmf::Command::TargetGet => {
                let name = self.known_target(stmf::Target::Name, fields)?;
                Ok(vec![self.target(&name)])
            }
            stmf::Command::TargetSetState => {
                let name = self.known_target(stmf::Target::Name, fields)?;
                let (wanted, state) = self.next_state(stmf::Target::State, fields)?;
                let target = self.targets.get_mut(&name).unwrap();
                (target.wanted, target.state) = (wanted, state);
                Ok(Vec::new())
            }
            stmf::Command::SessionGet => {
                let wanted = fields.text(stmf::Session::Target);
                let sessions = self.sessions.iter().filter(|session| {
                    wanted
                        .as_ref()
                        .is_none_or(|wanted| session.target == *wanted)
                });
                Ok(sessions.map(session_reply).collect())
            }
            stmf::Command::TaskGet => {
                let wanted = fields.guid(stmf::Task::Guid).unwrap();
                let tasks = self.tasks.iter();
                let tasks = tasks.filter(|task| wanted.is_none() || task.guid == wanted);
                Ok(tasks.map(task_reply).collect())
            }
            stmf::Command::GroupAdd => self.add_group(fields),
            stmf::Command::GroupRemove => self.remove_group(fields),
            stmf::Command::GroupGet => self.get_groups(mode, fields),
            stmf::Command::GroupMemberAdd => self.add_member(fields),
            stmf::Command::GroupMemberRemove => self.remove_member(fields),
            stmf::Command::GroupMemberGet => self.get_members(fields),
            stmf::Command::ServiceSet => self.set_service(fields),
            stmf::Command::AccessSet => self.set_access(fields),
            stmf::Command::AccessClear => self.clear_access(fields),
            stmf::Command::AccessGet => Ok(self.access_states()),
            stmf::Command::StatisticsGet => self.statistics(fields),
            stmf::Command::EventNtf => Err(bare(libc::EOPNOTSUPP)),
        }
    }

    fn sbd(&mut self, command: sbd::Command, mode: Mode, fields: &Fields<'_>) -> Answer {
        match command {
            sbd::Command::LuCreate => self.create_disk(fields),
            sbd::Command::LuDelete => {
                let guid = self.known_disk(fields)?;
                let lu = self.lus.remove(&guid).unwrap();
                // What has metadata can come back.
                let disk = lu.disk.as_ref().unwrap();
                let head = disk.meta_head.then(|| disk.file.clone());
                if let Some(path) = disk.meta_file.clone().or(head) {
                    self.kept.insert(path, (guid, lu));
                }
                Ok(Vec::new())
            }
            sbd::Command::LuModify => self.modify_disk(fields),
            sbd::Command::LuImport => self.import_disk(fields),
            sbd::Command::LuGet if mode == Mode::Dump => {
                let disks = self.lus.iter().filter(|(_, lu)| lu.disk.is_some());
                Ok(disks.map(|(guid, lu)| disk_reply(guid, lu)).collect())
            }
            sbd::Command::LuGet => {
                let guid = self.known_disk(fields)?;
                Ok(vec![disk_reply(&guid, &self.lus[&guid])])
            }
        }
    }

    fn loopback(&mut self, command: loopback::Command, mode: Mode, fields: &Fields<'_>) -> Answer {
        use loopback::Target as Key;
        let reply = |sim: &Self, name: &String| {
            let id = sim.targets[name].relative_id;
            Builder::new()
                .text(Key::Name, name)
                .u16(Key::RelativeId, id)
        };
        match command {
            loopback::Command::TargetCreate => {
                let name = fields.text(Key::Name).ok_or_else(|| missing(Key::Name))?;
                if name.len() != loopback::NAME_MAX {
                    return Err(refusal(libc::EINVAL, "no name of a target", Key::Name));
                }
                if self.targets.contains_key(&name) {
                    return Err(bare(libc::EEXIST));
                }
                self.add_target_of("loopback", Protocol::Scsi, &name);
                if fields.has(Key::Offline) {
                    self.begin_target_offline(&name);
                }
                self.number_target(&name, fields.u16(Key::RelativeId).unwrap())
            }
            loopback::Command::TargetDelete => {
                let name = self.known_target(Key::Name, fields)?;
                let idle = self.targets[&name].state == ObjectState::Offline;
                if !idle && !fields.has(Key::Force) {
                    return Err(bare(libc::EBUSY));
                }
                self.targets.remove(&name);
                Ok(Vec::new())
            }
            loopback::Command::TargetGet if mode == Mode::Dump => {
                let all = self.targets.iter();
                let own = all.filter(|(_, target)| target.provider == "loopback");
                Ok(own.map(|(name, _)| reply(self, name)).collect())
            }
            loopback::Command::TargetGet => {
                let name = self.known_target(Key::Name, fields)?;
                Ok(vec![reply(self, &name)])
            }
        }
    }

    fn service(&self) -> Builder {
        use stmf::Service as Key;
        Builder::new()
            .u32(Key::State, self.service.number())
            .u32(Key::ConfigState, ConfigState::Initialized.number())
            .u32(Key::AluaState, self.alua_state().number())
            .u32(Key::AluaNode, 0)
            .uint(Key::LostTasks, self.lost_tasks)
            .u32(Key::LuCount, count(self.lus.len()))
            .u32(Key::TargetCount, count(self.targets.len()))
            .u32(Key::SessionCount, count(self.sessions.len()))
            .u32(Key::DefaultLuState, self.default_lu.number())
            .u32(Key::DefaultTargetState, self.default_target.number())
    }

    fn lu(&self, guid: &Guid) -> Builder {
        use stmf::Lu as Key;
        let lu = &self.lus[guid];
        let views = self.views.values().filter(|view| view.guid == *guid);
        Builder::new()
            .guid(Key::Guid, guid)
            .text(Key::Provider, lu.provider)
            .optional(lu.alias.as_ref(), |b, alias| b.text(Key::Alias, alias))
            .u32(Key::State, lu.state.number())
            .u32(Key::ViewCount, count(views.count()))
            .u32(Key::Wanted, lu.wanted.number())
    }

    fn sessions_on(&self, target: &str) -> u32 {
        let sessions = self.sessions.iter();
        count(sessions.filter(|session| session.target == target).count())
    }

    fn target(&self, name: &str) -> Builder {
        use stmf::Target as Key;
        let target = &self.targets[name];
        Builder::new()
            .text(Key::Name, name)
            .text(Key::Provider, target.provider)
            .optional(target.alias.as_ref(), |b, alias| b.text(Key::Alias, alias))
            .u32(Key::Protocol, target.protocol.number())
            .u32(Key::State, target.state.number())
            .u32(Key::SessionCount, self.sessions_on(name))
            .u32(Key::Wanted, target.wanted.number())
            .u8(Key::Held, 0)
    }

    fn known_lu(&self, key: impl Key, fields: &Fields<'_>) -> Result<Guid, Refusal> {
        let guid = guid_of(key, fields)?;
        self.lus
            .contains_key(&guid)
            .then_some(guid)
            .ok_or_else(not_found)
    }

    fn known_disk(&self, fields: &Fields<'_>) -> Result<Guid, Refusal> {
        let guid = self.known_lu(sbd::Lu::Guid, fields)?;
        let disk = self.lus[&guid].disk.is_some();
        disk.then_some(guid).ok_or_else(not_found)
    }

    fn known_target(&self, key: impl Key, fields: &Fields<'_>) -> Result<String, Refusal> {
        let name = fields.text(key).ok_or_else(|| missing(key))?;
        self.targets
            .contains_key(&name)
            .then_some(name)
            .ok_or_else(not_found)
    }

    fn add_view(&mut self, fields: &Fields<'_>) -> Answer {
        use stmf::View as Key;
        let new = NewView {
            guid: guid_of(Key::Guid, fields)?,
            host: self.view_group(GroupKind::Host, Key::HostGroup, fields)?,
            target: self.view_group(GroupKind::Target, Key::TargetGroup, fields)?,
            lun: fields
                .u16(Key::Lun)
                .unwrap()
                .map(|lun| Lun::new(lun).unwrap()),
        };
        let mut used = Box::new(LunBitmap::new());
        let entry =
            admit(self.views.values(), new, &mut used).map_err(|conflict| match conflict {
                Conflict::LunInUse(_) => refusal(libc::EEXIST, &conflict.to_string(), Key::Lun),
                Conflict::Overlap(_) => refusal(libc::EEXIST, &conflict.to_string(), Key::Guid),
                Conflict::NoFreeLun | Conflict::NoFreeId => {
                    refusal(libc::E2BIG, &conflict.to_string(), Key::Guid)
                }
            })?;
        if !fields.has(Key::Validate) {
            self.views.insert((entry.guid, entry.id), entry);
        }
        let reply = Builder::new()
            .guid(Key::Guid, &entry.guid)
            .u32(Key::Id, entry.id)
            .u16(Key::Lun, entry.lun.value());
        Ok(vec![reply])
    }

    fn modify_disk(&mut self, fields: &Fields<'_>) -> Answer {
        use sbd::Lu as Key;
        let guid = self.known_disk(fields)?;
        let lu = self.lus.get_mut(&guid).unwrap();
        let disk = lu.disk.as_mut().unwrap();
        if let Some(size) = fields.uint(Key::Size).unwrap() {
            if size == 0 || size % u64::from(disk.block_size) != 0 {
                return Err(refusal(libc::EINVAL, "not a multiple", Key::Size));
            }
            disk.size = size;
        }
        if let Some(alias) = fields.text(Key::Alias) {
            lu.alias = Some(alias);
        }
        if let Some(serial) = fields.text(Key::Serial) {
            disk.serial = Some(serial).filter(|serial| !serial.is_empty());
        }
        if let Some(url) = fields.text(Key::MgmtUrl) {
            disk.mgmt_url = Some(url).filter(|url| !url.is_empty());
        }
        if let Some(on) = fields.u8(Key::WriteProtect).unwrap() {
            disk.write_protect = on == 1;
        }
        if let Some(on) = fields.u8(Key::WriteCacheDisable).unwrap() {
            disk.write_cache_disable = on == 1;
        }
        if let Some(percent) = fields.u8(Key::Threshold).unwrap() {
            if disk.threshold.is_none() {
                return Err(refusal(libc::EINVAL, "threshold: no limit", Key::Threshold));
            }
            disk.threshold = Some(percent);
        }
        Ok(Vec::new())
    }

    fn import_disk(&mut self, fields: &Fields<'_>) -> Answer {
        use sbd::Lu as Key;
        let path = fields
            .path(Key::MetaFile)
            .ok_or_else(|| missing(Key::MetaFile))?;
        let Some((guid, mut lu)) = self.kept.remove(&path) else {
            let text = "meta-file: it has no metadata";
            return Err(refusal(libc::ENODATA, text, Key::MetaFile));
        };
        let disk = lu.disk.as_mut().unwrap();
        if let Some(file) = fields.path(Key::File) {
            disk.file = file;
        }
        if let Some(on) = fields.u8(Key::WriteProtect).unwrap() {
            disk.write_protect = on == 1;
        }
        self.lus.insert(guid, lu);
        Ok(vec![Builder::new().guid(Key::Guid, &guid)])
    }

    /// Uses the head of a file for the metadata of a disk; only with force if it has those of another.
    fn take_head(&mut self, file: &Path, guid: &Guid, is_forced: bool) -> Result<(), Refusal> {
        match self.kept.get(file) {
            Some((owner, _)) if owner != guid && !is_forced => {
                let text = format!("meta-head: it has the metadata of LU {owner}");
                Err(refusal(libc::EEXIST, &text, sbd::Lu::MetaHead))
            }
            _ => {
                self.kept.remove(file);
                Ok(())
            }
        }
    }

    /// Refuses to make data of the metadata in the head of another disk.
    fn check_head(&self, file: &Path) -> Result<(), Refusal> {
        let has_head = |lu: &Lu| lu.disk.as_ref().is_some_and(|disk| disk.meta_head);
        match self.kept.get(file) {
            Some((owner, lu)) if has_head(lu) => {
                let text = format!("{}{owner} in its head", sbd::FOREIGN_HEAD);
                Err(refusal(libc::EEXIST, &text, sbd::Lu::File))
            }
            _ => Ok(()),
        }
    }

    fn create_disk(&mut self, fields: &Fields<'_>) -> Answer {
        use sbd::Lu as Key;
        let file = fields.path(Key::File).ok_or_else(|| missing(Key::File))?;
        let ram = is_ram(&file);
        if !file.is_absolute() && !ram {
            return Err(refusal(libc::EINVAL, "path is not absolute", Key::File));
        }
        let guid = match fields.guid(Key::Guid).unwrap() {
            Some(guid) => guid,
            None => self.new_guid(),
        };
        if self.lus.contains_key(&guid) {
            return Err(refusal(libc::EEXIST, "GUID is in use", Key::Guid));
        }
        let block_size = fields.u32(Key::BlockSize).unwrap().unwrap_or(512);
        if !block_size.is_power_of_two() || !(512..=32768).contains(&block_size) {
            return Err(refusal(libc::EINVAL, "invalid block size", Key::BlockSize));
        }
        let flag = |key| fields.u8(key).unwrap() == Some(1);
        if flag(Key::MetaHead) {
            self.take_head(&file, &guid, fields.has(Key::Force))?;
        } else if !fields.has(Key::Force) {
            self.check_head(&file)?;
        }
        let size = fields.uint(Key::Size).unwrap();
        if ram && size.is_none() {
            return Err(refusal(libc::EINVAL, "size: it needs one", Key::Size));
        }
        if ram && size > Some(RAM_MAX) && !fields.has(Key::Force) {
            return Err(refusal(libc::ENOMEM, "size: use force", Key::Size));
        }
        let threshold = fields.u8(Key::Threshold).unwrap();
        let has_limit = !ram && !file.starts_with("/dev");
        if threshold.is_some() && !has_limit {
            return Err(refusal(libc::EINVAL, "threshold: no limit", Key::Threshold));
        }
        let text = |key, default: &str| fields.text(key).unwrap_or_else(|| default.to_owned());
        let path = file.display().to_string();
        let disk = Disk {
            size: size.unwrap_or(10 << 30),
            block_size,
            vendor_id: text(Key::VendorId, "SUN"),
            product_id: text(Key::ProductId, "COMSTAR"),
            serial: fields.text(Key::Serial),
            write_protect: flag(Key::WriteProtect),
            write_cache_disable: flag(Key::WriteCacheDisable),
            revision: text(Key::Revision, "1.0"),
            physical_block_size: fields
                .u32(Key::PhysicalBlockSize)
                .unwrap()
                .unwrap_or(block_size),
            mgmt_url: fields.text(Key::MgmtUrl),
            rotation_rate: fields.u32(Key::RotationRate).unwrap().unwrap_or(0),
            unmap: fields.u8(Key::Unmap).unwrap() != Some(0),
            removable: flag(Key::Removable),
            meta_file: fields.path(Key::MetaFile),
            meta_head: flag(Key::MetaHead),
            thin: fields.u8(Key::Thin).unwrap() != Some(0),
            threshold: has_limit.then_some(threshold.unwrap_or(5)),
            file,
        };
        let wanted = match fields.has(Key::Offline) {
            true => ObjectState::Offline,
            false => self.default_lu,
        };
        let lu = Lu {
            provider: "sbd",
            alias: Some(text(Key::Alias, &path)),
            state: self.first_state(wanted),
            wanted,
            disk: Some(disk),
        };
        self.lus.insert(guid, lu);
        Ok(vec![Builder::new().guid(Key::Guid, &guid)])
    }
}

impl Transport for Sim {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        if self.unloaded.contains(&request.family) {
            return Err(Fault::NoFamily);
        }
        if request.mode == Mode::Dump && self.interruptions > 0 {
            self.interruptions -= 1;
            return Err(Fault::Interrupted);
        }
        let operations = match request.family {
            stmf::FAMILY => stmf::Command::OPERATIONS,
            sbd::FAMILY => sbd::Command::OPERATIONS,
            iscsi::FAMILY => iscsi::Command::OPERATIONS,
            loopback::FAMILY => loopback::Command::OPERATIONS,
            _ => return Err(Fault::NoFamily),
        };
        check(operations, request).map_err(Fault::Refused)?;
        let refused = |(family, command, _): &(&str, u8, Refusal)| {
            (*family, *command) == (request.family, request.command)
        };
        if let Some(index) = self.refusals.iter().position(refused) {
            let (_, _, refusal) = self.refusals.remove(index);
            return Err(Fault::Refused(refusal));
        }
        let fields = Fields::new(request.attributes)?;
        let (command, mode) = (request.command, request.mode);
        let answer = match request.family {
            stmf::FAMILY => self.stmf(command.try_into().unwrap(), mode, &fields),
            sbd::FAMILY => self.sbd(command.try_into().unwrap(), mode, &fields),
            loopback::FAMILY => self.loopback(command.try_into().unwrap(), mode, &fields),
            _ => self.iscsi(
                command.try_into().unwrap(),
                mode,
                &fields,
                request.attributes,
            ),
        };
        let replies = answer.map_err(Fault::Refused)?;
        Ok(replies
            .into_iter()
            .map(|reply| reply.finish().expect("a reply has room for its values"))
            .collect())
    }
}

/// Checks a request against the specification, as the kernel's policies do.
fn check(operations: &[Operation], request: &Request<'_>) -> Result<(), Refusal> {
    let operation = operations
        .iter()
        .find(|operation| operation.number == request.command)
        .ok_or_else(|| bare(libc::EOPNOTSUPP))?;
    let taken = match request.mode {
        Mode::Do => operation.request,
        Mode::Dump => operation.dump,
    };
    let taken = taken.ok_or_else(|| bare(libc::EOPNOTSUPP))?;
    for attribute in Attributes::new(request.attributes) {
        let (number, value) = attribute.map_err(|_| bare(libc::EINVAL))?;
        let known = operation
            .attributes
            .iter()
            .find(|known| known.number == number);
        let good = known.is_some_and(|known| taken.contains(&number) && fits(known, value));
        if !good {
            return Err(Refusal {
                errno: libc::EINVAL,
                message: Some("Attribute failed policy validation".to_owned()),
                attribute: Some(number),
            });
        }
    }
    Ok(())
}

fn fits(attribute: &Attribute, value: &[u8]) -> bool {
    match attribute.kind {
        Kind::Flag => value.is_empty(),
        Kind::U8 { min, max } => matches!(value, [value] if (min..=max).contains(value)),
        Kind::U16 { min, max } => value
            .try_into()
            .is_ok_and(|value| (min..=max).contains(&u16::from_ne_bytes(value))),
        Kind::U32 { min, max } => value
            .try_into()
            .is_ok_and(|value| (min..=max).contains(&u32::from_ne_bytes(value))),
        Kind::Uint => matches!(value.len(), 4 | 8),
        Kind::String { max } => match value.split_last() {
            Some((0, text)) => text.len() <= max && !text.contains(&0),
            _ => false,
        },
        Kind::Binary { len } => value.len() == len,
    }
}

fn view_reply(view: &ViewEntry) -> Builder {
    use stmf::View as Key;
    let group = |key, group| {
        move |builder: Builder| match group {
            Group::All => builder,
            Group::Named(name) => builder.text(key, GroupName::as_str(&name)),
        }
    };
    let builder = Builder::new()
        .guid(Key::Guid, &view.guid)
        .u32(Key::Id, view.id)
        .u16(Key::Lun, view.lun.value());
    let builder = group(Key::HostGroup, view.host)(builder);
    group(Key::TargetGroup, view.target)(builder)
}

fn session_reply(session: &Session) -> Builder {
    use stmf::Session as Key;
    Builder::new()
        .uint(Key::Id, session.id)
        .text(Key::Target, &session.target)
        .text(Key::Initiator, &session.initiator)
        .optional(session.alias.as_ref(), |b, alias| b.text(Key::Alias, alias))
        .text(Key::Isid, "0x00023d000001")
        .uint(Key::Created, session.created)
}

fn task_reply(task: &Task) -> Builder {
    use stmf::Task as Key;
    let stage = match task.guid {
        Some(_) => TaskStage::Executing,
        None => TaskStage::Detached,
    };
    Builder::new()
        .optional(task.guid.as_ref(), |b, guid| b.guid(Key::Guid, guid))
        .optional(task.guid.map(|_| 1), |b, session| {
            b.uint(Key::Session, session)
        })
        .uint(Key::Tag, task.tag)
        .u32(Key::Stage, stage.number())
        .uint(Key::AgeMs, task.age_ms)
        .u8(Key::Opcode, 0x28)
}

/// The memory that disks have without force.
const RAM_MAX: u64 = 1 << 40;

fn is_ram(file: &Path) -> bool {
    file.to_string_lossy().starts_with(sbd::RAM)
}

fn disk_reply(guid: &Guid, lu: &Lu) -> Builder {
    use sbd::Lu as Key;
    let disk = lu.disk.as_ref().unwrap();
    let backend = match disk.file.starts_with("/dev") {
        true => Backend::Block,
        false if is_ram(&disk.file) => Backend::Ram,
        false => Backend::FileDirect,
    };
    Builder::new()
        .guid(Key::Guid, guid)
        .text(Key::File, &disk.file)
        .optional(disk.meta_file.as_ref(), |b, path| {
            b.text(Key::MetaFile, path)
        })
        .uint(Key::Size, disk.size)
        .u32(Key::BlockSize, disk.block_size)
        .optional(lu.alias.as_ref(), |b, alias| b.text(Key::Alias, alias))
        .text(Key::VendorId, &disk.vendor_id)
        .text(Key::ProductId, &disk.product_id)
        .optional(disk.serial.as_ref(), |b, serial| {
            b.text(Key::Serial, serial)
        })
        .u8(Key::WriteProtect, disk.write_protect.into())
        .u8(Key::WriteCacheDisable, disk.write_cache_disable.into())
        .text(Key::Revision, &disk.revision)
        .u32(Key::PhysicalBlockSize, disk.physical_block_size)
        .optional(disk.mgmt_url.as_ref(), |b, url| b.text(Key::MgmtUrl, url))
        .u32(Key::RotationRate, disk.rotation_rate)
        .u8(Key::Unmap, disk.unmap.into())
        .u8(Key::Removable, disk.removable.into())
        .u8(Key::MetaHead, disk.meta_head.into())
        .u8(Key::Thin, disk.thin.into())
        .optional(disk.threshold, |b, percent| b.u8(Key::Threshold, percent))
        .u8(Key::Gone, 0)
        .u32(Key::Backend, backend.number())
}

fn portal_reply((address, tpgt): &(SocketAddr, u16)) -> Builder {
    Builder::new()
        .address(iscsi::Portal::Address, address.ip())
        .u16(iscsi::Portal::Port, address.port())
        .u16(iscsi::Portal::Tpgt, *tpgt)
}

fn portal_of(fields: &Fields<'_>) -> Result<SocketAddr, Refusal> {
    let address = fields.address(iscsi::Portal::Address).unwrap();
    let port = fields.u16(iscsi::Portal::Port).unwrap();
    Ok(SocketAddr::new(
        address.ok_or_else(|| missing(iscsi::Portal::Address))?,
        port.unwrap_or(iscsi::DEFAULT_PORT),
    ))
}

fn guid_of(key: impl Key, fields: &Fields<'_>) -> Result<Guid, Refusal> {
    fields.guid(key).unwrap().ok_or_else(|| missing(key))
}

fn count(number: usize) -> u32 {
    number.try_into().expect("tests are small")
}

fn bare(errno: i32) -> Refusal {
    Refusal {
        errno,
        ..Refusal::default()
    }
}

fn refusal(errno: i32, message: &str, key: impl Key) -> Refusal {
    Refusal {
        errno,
        message: Some(message.to_owned()),
        attribute: Some(key.number()),
    }
}

fn not_found() -> Refusal {
    bare(libc::ENOENT)
}

fn missing(key: impl Key) -> Refusal {
    Refusal {
        errno: libc::EINVAL,
        message: None,
        attribute: Some(key.number()),
    }
}
