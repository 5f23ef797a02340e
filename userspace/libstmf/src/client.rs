// SPDX-License-Identifier: GPL-2.0

//! The framework and its disks.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use stmf_model::{Guid, NewView, ViewEntry};
use stmf_uapi::{sbd, stmf, Operation};

use crate::attributes::{need, Builder, DecodeError, Fields};
use crate::error::Error;
use crate::netlink::Netlink;
use crate::transport::{Fault, Mode, Request, Transport};
use crate::types::{
    encode_view, is_in_memory, Decode, Disk, Goal, LogicalUnit, LuChange, LuImport, LuSpec,
    Service, Session, Target, Task, ViewNumbers,
};

/// How long a list that changes while it is read is read again and again. One of ten thousand objects that is
/// read in a twentieth of a second has its moment then, even where somebody changes it all the time.
const DUMP_PATIENCE: Duration = match cfg!(test) {
    true => Duration::from_secs(1),
    false => Duration::from_secs(60),
};

/// Provider of disks.
const SBD: &str = "sbd";

/// What becomes of a logical unit's view entries when it is deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Views {
    /// They stay, for a logical unit with the same GUID that comes later.
    Keep,
    /// They go too.
    Remove,
}

/// A command of a family, as a request needs it.
#[derive(Clone, Copy)]
pub(crate) struct Command {
    pub(crate) family: &'static str,
    pub(crate) version: u8,
    pub(crate) number: u8,
    operations: &'static [Operation],
}

impl Command {
    /// A command of any family.
    pub(crate) const fn of(
        family: &'static str,
        version: u8,
        number: u8,
        operations: &'static [Operation],
    ) -> Self {
        Self {
            family,
            version,
            number,
            operations,
        }
    }

    pub(crate) const fn stmf(command: stmf::Command) -> Self {
        Self {
            family: stmf::FAMILY,
            version: stmf::VERSION,
            number: command.number(),
            operations: stmf::Command::OPERATIONS,
        }
    }

    const fn sbd(command: sbd::Command) -> Self {
        Self {
            family: sbd::FAMILY,
            version: sbd::VERSION,
            number: command.number(),
            operations: sbd::Command::OPERATIONS,
        }
    }

    pub(crate) const fn iscsi(command: stmf_uapi::iscsi::Command) -> Self {
        Self {
            family: stmf_uapi::iscsi::FAMILY,
            version: stmf_uapi::iscsi::VERSION,
            number: command.number(),
            operations: stmf_uapi::iscsi::Command::OPERATIONS,
        }
    }

    pub(crate) const fn loopback(command: stmf_uapi::loopback::Command) -> Self {
        Self {
            family: stmf_uapi::loopback::FAMILY,
            version: stmf_uapi::loopback::VERSION,
            number: command.number(),
            operations: stmf_uapi::loopback::Command::OPERATIONS,
        }
    }

    /// Sends the command. `object` is what it is about, for the error.
    pub(crate) fn send(
        self,
        transport: &mut impl Transport,
        mode: Mode,
        attributes: Builder,
        object: &str,
    ) -> Result<Vec<Vec<u8>>, Error> {
        let attributes = match attributes.finish() {
            Ok(attributes) => attributes,
            Err(name) => {
                return Err(Error::InvalidArgument {
                    object: object.to_owned(),
                    attribute: Some(name),
                    message: format!("{name} is too long"),
                });
            }
        };
        let request = Request {
            family: self.family,
            version: self.version,
            command: self.number,
            mode,
            attributes: &attributes,
        };
        let begin = Instant::now();
        loop {
            match transport.call(&request) {
                Err(Fault::Interrupted) if begin.elapsed() < DUMP_PATIENCE => {}
                outcome => return outcome.map_err(|fault| self.error(fault, object)),
            }
        }
    }

    fn error(self, fault: Fault, object: &str) -> Error {
        let table = self
            .operations
            .iter()
            .find(|operation| operation.number == self.number)
            .map_or(&[][..], |operation| operation.attributes);
        Error::new(fault, self.family, table, object)
    }

    /// Tells that an answer makes no sense.
    pub(crate) fn malformed(self, error: DecodeError, object: &str) -> Error {
        self.error(Fault::Malformed(error), object)
    }

    /// Asks for something to be done.
    pub(crate) fn act(
        self,
        transport: &mut impl Transport,
        attributes: Builder,
        object: &str,
    ) -> Result<(), Error> {
        match self.send(transport, Mode::Do, attributes, object) {
            // What is withheld is taken as done, so that all that would follow is heard of too.
            Ok(_) | Err(Error::Withheld { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks for a state change, which there is no waiting for when it is withheld.
    fn begin(
        self,
        transport: &mut impl Transport,
        attributes: Builder,
        object: &str,
    ) -> Result<(), Error> {
        match self.send(transport, Mode::Do, attributes, object) {
            // That something is as it shall be is no error.
            Ok(_) | Err(Error::Exists { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks for one answer.
    pub(crate) fn get<T: Decode>(
        self,
        transport: &mut impl Transport,
        attributes: Builder,
        object: &str,
    ) -> Result<T, Error> {
        let replies = self.send(transport, Mode::Do, attributes, object)?;
        let reply = replies.first().ok_or(DecodeError::Truncated);
        reply
            .and_then(|reply| decode(reply))
            .map_err(|error| self.error(Fault::Malformed(error), object))
    }

    /// Asks for a list.
    pub(crate) fn list<T: Decode>(
        self,
        transport: &mut impl Transport,
        attributes: Builder,
        object: &str,
    ) -> Result<Vec<T>, Error> {
        self.send(transport, Mode::Dump, attributes, object)?
            .iter()
            .map(|reply| decode(reply))
            .collect::<Result<_, _>>()
            .map_err(|error| self.error(Fault::Malformed(error), object))
    }
}

fn decode<T: Decode>(reply: &[u8]) -> Result<T, DecodeError> {
    T::decode(&Fields::new(reply)?)
}

/// The reply about a disk that was created.
impl Decode for Guid {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        need(sbd::Lu::Guid, fields.guid(sbd::Lu::Guid)?)
    }
}

/// The framework: its logical units, views, targets, sessions and tasks, and its disks.
#[derive(Debug)]
pub struct Stmf<T = Netlink> {
    transport: T,
}

impl Stmf {
    /// Connects to the kernel.
    pub fn open() -> Result<Self, Error> {
        Ok(Self::with_transport(Netlink::open()?))
    }
}

impl<T: Transport> Stmf<T> {
    /// Uses a connection to something that answers like the kernel.
    pub fn with_transport(transport: T) -> Self {
        Self { transport }
    }

    pub(crate) fn transport(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Gives the connection back.
    pub fn into_transport(self) -> T {
        self.transport
    }

    /// The state of the framework.
    pub fn state(&mut self) -> Result<Service, Error> {
        let command = Command::stmf(stmf::Command::StateGet);
        command.get(&mut self.transport, Builder::new(), "service")
    }

    /// Takes the service online or offline, and with it all that is wanted online. That it is
    /// there already is no error.
    pub fn set_service(&mut self, goal: Goal) -> Result<(), Error> {
        let attributes = Builder::new().u32(stmf::Service::State, goal.state().number());
        let command = Command::stmf(stmf::Command::ServiceSet);
        command.act(&mut self.transport, attributes, "service")
    }

    /// Sets the states that new logical units and target ports go to, where given.
    pub fn set_default_states(
        &mut self,
        lu: Option<Goal>,
        target: Option<Goal>,
    ) -> Result<(), Error> {
        use stmf::Service as Key;
        let number = |goal: Goal| goal.state().number();
        let attributes = Builder::new()
            .optional(lu, |b, goal| b.u32(Key::DefaultLuState, number(goal)))
            .optional(target, |b, goal| {
                b.u32(Key::DefaultTargetState, number(goal))
            });
        let command = Command::stmf(stmf::Command::ServiceSet);
        command.act(&mut self.transport, attributes, "service")
    }

    /// All logical units, by GUID.
    pub fn logical_units(&mut self) -> Result<Vec<LogicalUnit>, Error> {
        let command = Command::stmf(stmf::Command::LuGet);
        let mut list: Vec<LogicalUnit> =
            command.list(&mut self.transport, Builder::new(), "logical units")?;
        list.sort_by_key(|lu| lu.guid);
        Ok(list)
    }

    /// One logical unit.
    pub fn logical_unit(&mut self, guid: &Guid) -> Result<LogicalUnit, Error> {
        let attributes = Builder::new().guid(stmf::Lu::Guid, guid);
        let command = Command::stmf(stmf::Command::LuGet);
        command.get(&mut self.transport, attributes, &guid.to_string())
    }

    /// Asks for a logical unit to go online or offline. It gets there later; that it is there
    /// already is no error.
    pub fn set_lu_state(&mut self, guid: &Guid, goal: Goal) -> Result<(), Error> {
        let attributes = Builder::new()
            .guid(stmf::Lu::Guid, guid)
            .u32(stmf::Lu::State, goal.state().number());
        let command = Command::stmf(stmf::Command::LuSetState);
        command.begin(&mut self.transport, attributes, &guid.to_string())
    }

    /// All disks, by GUID.
    pub fn disks(&mut self) -> Result<Vec<Disk>, Error> {
        let command = Command::sbd(sbd::Command::LuGet);
        let mut list: Vec<Disk> = command.list(&mut self.transport, Builder::new(), "disks")?;
        list.sort_by_key(|disk| disk.guid);
        Ok(list)
    }

    /// One disk.
    pub fn disk(&mut self, guid: &Guid) -> Result<Disk, Error> {
        let attributes = Builder::new().guid(sbd::Lu::Guid, guid);
        let command = Command::sbd(sbd::Command::LuGet);
        command.get(&mut self.transport, attributes, &guid.to_string())
    }

    /// The GUID of the disk that is called so: by its GUID, or by its file. `is_file`: it is a file,
    /// whatever it looks like.
    pub fn disk_called(&mut self, name: &OsStr, is_file: bool) -> Result<Guid, Error> {
        if let (Some(Ok(guid)), false) = (name.to_str().map(str::parse), is_file) {
            return Ok(guid);
        }
        let not_found = || Error::NotFound {
            object: Path::new(name).display().to_string(),
            message: "not found".to_owned(),
        };
        // The kernel has no working directory of ours.
        let path = match is_in_memory(Path::new(name)) {
            true => name.into(),
            false => std::path::absolute(name).map_err(|_| not_found())?,
        };
        let disks = self.disks()?;
        let disk = disks.into_iter().find(|disk| disk.file == path);
        disk.map(|disk| disk.guid).ok_or_else(not_found)
    }

    /// Creates a disk and returns its GUID.
    pub fn create_lu(&mut self, spec: &LuSpec) -> Result<Guid, Error> {
        let object = spec.file.display().to_string();
        let command = Command::sbd(sbd::Command::LuCreate);
        command.get(&mut self.transport, spec.encode(), &object)
    }

    /// Creates the disk that metadata describe and returns its GUID.
    pub fn import_lu(&mut self, import: &LuImport) -> Result<Guid, Error> {
        let object = import.meta_file.display().to_string();
        let command = Command::sbd(sbd::Command::LuImport);
        command.get(&mut self.transport, import.encode(), &object)
    }

    /// Changes a disk, all that is asked or nothing.
    pub fn modify_lu(&mut self, guid: &Guid, change: &LuChange) -> Result<(), Error> {
        let command = Command::sbd(sbd::Command::LuModify);
        command.act(&mut self.transport, change.encode(guid), &guid.to_string())
    }

    /// Deletes a logical unit, and with it or by itself what views it has.
    ///
    /// The logical unit need not exist if there are view entries to remove.
    pub fn delete_lu(&mut self, guid: &Guid, views: Views) -> Result<(), Error> {
        let entries = match views {
            Views::Keep => Vec::new(),
            Views::Remove => self.views(Some(guid))?,
        };
        let deleted = match self.logical_unit(guid) {
            Ok(lu) if lu.provider != SBD => Err(Error::Unsupported {
                message: format!("provider {} cannot delete it on request", lu.provider),
                object: guid.to_string(),
            }),
            // One that is not registered may still be saved, if its disk is away.
            Ok(_) | Err(Error::NotFound { .. }) => self.delete_disk(guid),
            Err(error) => Err(error),
        };
        match deleted {
            Err(Error::NotFound { .. }) if !entries.is_empty() => {}
            deleted => deleted?,
        }
        for entry in entries {
            match self.remove_view(guid, entry.id) {
                Ok(()) | Err(Error::NotFound { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn delete_disk(&mut self, guid: &Guid) -> Result<(), Error> {
        let attributes = Builder::new().guid(sbd::Lu::Guid, guid);
        let command = Command::sbd(sbd::Command::LuDelete);
        command.act(&mut self.transport, attributes, &guid.to_string())
    }

    /// Adds a view entry and returns it with its numbers.
    pub fn add_view(&mut self, view: &NewView) -> Result<ViewEntry, Error> {
        self.decide_view(view, encode_view(view))
    }

    /// Returns a view entry with the numbers that it would get, without adding it.
    pub fn validate_view(&mut self, view: &NewView) -> Result<ViewEntry, Error> {
        self.decide_view(view, encode_view(view).flag(stmf::View::Validate))
    }

    fn decide_view(&mut self, view: &NewView, attributes: Builder) -> Result<ViewEntry, Error> {
        let object = view.guid.to_string();
        let command = Command::stmf(stmf::Command::ViewAdd);
        let numbers: ViewNumbers = command.get(&mut self.transport, attributes, &object)?;
        Ok(ViewEntry {
            id: numbers.id,
            guid: view.guid,
            host: view.host,
            target: view.target,
            lun: numbers.lun,
        })
    }

    /// View entries, of one logical unit or of all, by GUID and number.
    pub fn views(&mut self, guid: Option<&Guid>) -> Result<Vec<ViewEntry>, Error> {
        let attributes = Builder::new().optional(guid, |b, guid| b.guid(stmf::View::Guid, guid));
        let object = guid.map_or_else(|| "views".to_owned(), Guid::to_string);
        let command = Command::stmf(stmf::Command::ViewGet);
        let mut list: Vec<ViewEntry> = command.list(&mut self.transport, attributes, &object)?;
        list.sort_by_key(|entry| (entry.guid, entry.id));
        Ok(list)
    }

    /// Removes a view entry.
    pub fn remove_view(&mut self, guid: &Guid, id: u32) -> Result<(), Error> {
        let attributes = Builder::new()
            .guid(stmf::View::Guid, guid)
            .u32(stmf::View::Id, id);
        let command = Command::stmf(stmf::Command::ViewRemove);
        command.act(&mut self.transport, attributes, &guid.to_string())
    }

    /// All target ports, by name.
    pub fn targets(&mut self) -> Result<Vec<Target>, Error> {
        let command = Command::stmf(stmf::Command::TargetGet);
        let mut list: Vec<Target> = command.list(&mut self.transport, Builder::new(), "targets")?;
        list.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(list)
    }

    /// One target port.
    pub fn target(&mut self, name: &str) -> Result<Target, Error> {
        let attributes = Builder::new().text(stmf::Target::Name, name);
        let command = Command::stmf(stmf::Command::TargetGet);
        command.get(&mut self.transport, attributes, name)
    }

    /// Asks for a target port to go online or offline. It gets there later; that it is there
    /// already is no error.
    pub fn set_target_state(&mut self, name: &str, goal: Goal) -> Result<(), Error> {
        let attributes = Builder::new()
            .text(stmf::Target::Name, name)
            .u32(stmf::Target::State, goal.state().number());
        let command = Command::stmf(stmf::Command::TargetSetState);
        command.begin(&mut self.transport, attributes, name)
    }

    /// Sessions, on one target port or on all, by number.
    pub fn sessions(&mut self, target: Option<&str>) -> Result<Vec<Session>, Error> {
        let attributes =
            Builder::new().optional(target, |b, name| b.text(stmf::Session::Target, name));
        let command = Command::stmf(stmf::Command::SessionGet);
        let object = target.unwrap_or("sessions");
        let mut list: Vec<Session> = command.list(&mut self.transport, attributes, object)?;
        list.sort_by_key(|session| session.id);
        Ok(list)
    }

    /// Tasks, of one logical unit or of all, the oldest first.
    pub fn tasks(&mut self, guid: Option<&Guid>) -> Result<Vec<Task>, Error> {
        let attributes = Builder::new().optional(guid, |b, guid| b.guid(stmf::Task::Guid, guid));
        let object = guid.map_or_else(|| "tasks".to_owned(), Guid::to_string);
        let command = Command::stmf(stmf::Command::TaskGet);
        let mut list: Vec<Task> = command.list(&mut self.transport, attributes, &object)?;
        list.sort_by_key(|task| std::cmp::Reverse(task.age));
        Ok(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Sim;
    use crate::transport::Refusal;
    use crate::{Backend, ConfigState, Group, GroupKind, GroupName, Lun, ObjectState};
    use std::path::Path;

    fn disk(stmf: &mut Stmf<Sim>, file: &str) -> Guid {
        stmf.create_lu(&LuSpec::new(file)).unwrap()
    }

    fn to_all(guid: Guid, lun: Option<u16>) -> NewView {
        NewView {
            guid,
            host: Group::All,
            target: Group::All,
            lun: lun.map(|lun| Lun::new(lun).unwrap()),
        }
    }

    fn stmf() -> Stmf<Sim> {
        Stmf::with_transport(Sim::new())
    }

    #[test]
    fn a_disk_from_creation_to_deletion() {
        let mut stmf = stmf();
        let spec = LuSpec {
            size: Some(5 << 30),
            block_size: Some(4096),
            alias: Some("one".to_owned()),
            vendor_id: Some("ACME".to_owned()),
            product_id: Some("Disk".to_owned()),
            serial: Some("S1".to_owned()),
            write_protect: Some(true),
            write_cache_disable: Some(true),
            guid: Some("600144F0000000000000000000000001".parse().unwrap()),
            ..LuSpec::new("/dev/one")
        };
        let guid = stmf.create_lu(&spec).unwrap();
        assert_eq!(Some(guid), spec.guid);
        let lu = LogicalUnit {
            guid,
            provider: "sbd".to_owned(),
            alias: Some("one".to_owned()),
            state: ObjectState::Online,
            view_count: 0,
            wanted: ObjectState::Online,
        };
        assert_eq!(stmf.logical_unit(&guid).unwrap(), lu);
        assert_eq!(stmf.logical_units().unwrap(), [lu]);
        let disk = Disk {
            guid,
            file: Path::new("/dev/one").to_owned(),
            size: 5 << 30,
            block_size: 4096,
            alias: Some("one".to_owned()),
            vendor_id: "ACME".to_owned(),
            product_id: "Disk".to_owned(),
            serial: Some("S1".to_owned()),
            write_protect: true,
            write_cache_disable: true,
            revision: "1.0".to_owned(),
            physical_block_size: 4096,
            mgmt_url: None,
            rotation_rate: 0,
            unmap: true,
            removable: false,
            meta_file: None,
            meta_head: false,
            thin: true,
            threshold: None,
            gone: false,
            backend: Backend::Block,
        };
        assert_eq!(stmf.disk(&guid).unwrap(), disk);
        assert_eq!(stmf.disks().unwrap(), [disk]);
        stmf.delete_lu(&guid, Views::Remove).unwrap();
        let gone = stmf.disk(&guid).unwrap_err();
        assert!(matches!(gone, Error::NotFound { .. }), "{gone}");
        assert!(stmf.logical_units().unwrap().is_empty());
    }

    #[test]
    fn what_is_not_said_the_kernel_decides() {
        let mut stmf = stmf();
        let guid = disk(&mut stmf, "/dev/two");
        assert!(guid.is_naa6());
        let disk = stmf.disk(&guid).unwrap();
        assert_eq!((disk.block_size, disk.serial), (512, None));
        assert_eq!(disk.alias.as_deref(), Some("/dev/two"));
    }

    #[test]
    fn two_disks_cannot_share_a_guid() {
        let mut stmf = stmf();
        let guid = disk(&mut stmf, "/dev/one");
        let again = LuSpec {
            guid: Some(guid),
            ..LuSpec::new("/dev/two")
        };
        let error = stmf.create_lu(&again).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error:?}");
        assert_eq!(error.object(), Some("/dev/two"));
    }

    #[test]
    fn views_are_numbered_and_kept_apart() {
        let mut stmf = stmf();
        let [one, two] = [disk(&mut stmf, "/dev/one"), disk(&mut stmf, "/dev/two")];
        let name = GroupName::new("HostA").unwrap();
        stmf.add_group(GroupKind::Host, &name).unwrap();
        let hosts = Group::Named(name);
        let first = stmf.add_view(&to_all(one, Some(7))).unwrap();
        assert_eq!((first.id, first.lun.value()), (0, 7));
        let second = NewView {
            host: hosts,
            ..to_all(two, None)
        };
        assert_eq!(stmf.add_view(&second).unwrap().lun.value(), 0);
        let error = stmf.add_view(&to_all(two, Some(7))).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error:?}");
        let error = stmf.add_view(&to_all(one, None)).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error:?}");
        assert_eq!(stmf.views(Some(&one)).unwrap(), [first]);
        let all = stmf.views(None).unwrap();
        assert_eq!(all.len(), 2);
        assert!(all.iter().any(|view| view.host == hosts));
        assert_eq!(stmf.logical_unit(&one).unwrap().view_count, 1);
        stmf.remove_view(&one, 0).unwrap();
        let error = stmf.remove_view(&one, 0).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    }

    #[test]
    fn views_go_with_their_lu_unless_they_are_kept() {
        let mut stmf = stmf();
        let guid = disk(&mut stmf, "/dev/one");
        stmf.add_view(&to_all(guid, None)).unwrap();
        stmf.delete_lu(&guid, Views::Keep).unwrap();
        assert_eq!(stmf.views(None).unwrap().len(), 1);
        let error = stmf.delete_lu(&guid, Views::Keep).unwrap_err();
        assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
        // Without the logical unit, its views can still be removed.
        stmf.delete_lu(&guid, Views::Remove).unwrap();
        assert!(stmf.views(None).unwrap().is_empty());
        let error = stmf.delete_lu(&guid, Views::Remove).unwrap_err();
        assert_eq!(error.to_string(), format!("{guid}: not found"));
    }

    #[test]
    fn a_busy_lu_keeps_its_views() {
        let mut stmf = stmf();
        let guid = disk(&mut stmf, "/dev/one");
        stmf.add_view(&to_all(guid, None)).unwrap();
        stmf.transport.refuse(
            sbd::FAMILY,
            sbd::Command::LuDelete.number(),
            Refusal {
                errno: libc::EBUSY,
                ..Refusal::default()
            },
        );
        let error = stmf.delete_lu(&guid, Views::Remove).unwrap_err();
        assert!(matches!(error, Error::Busy { .. }), "{error:?}");
        assert_eq!(stmf.views(None).unwrap().len(), 1);
    }

    #[test]
    fn only_disks_are_deleted_here() {
        let mut stmf = stmf();
        let guid = stmf.transport.add_lu("null", None);
        let error = stmf.delete_lu(&guid, Views::Remove).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }), "{error:?}");
    }

    #[test]
    fn states_change_and_may_be_there_already() {
        let mut stmf = stmf();
        let guid = disk(&mut stmf, "/dev/one");
        for goal in [Goal::Offline, Goal::Offline, Goal::Online] {
            stmf.set_lu_state(&guid, goal).unwrap();
            assert_eq!(stmf.logical_unit(&guid).unwrap().state, goal.state());
        }
        stmf.transport.add_target("iqn.2026-11.org.example:a");
        let name = "iqn.2026-11.org.example:a";
        stmf.set_target_state(name, Goal::Offline).unwrap();
        assert_eq!(stmf.target(name).unwrap().state, ObjectState::Offline);
        let error = stmf.set_target_state("nobody", Goal::Online).unwrap_err();
        assert_eq!(error.to_string(), "nobody: not found");
        stmf.transport.refuse(
            stmf::FAMILY,
            stmf::Command::LuSetState.number(),
            Refusal {
                errno: libc::EALREADY,
                ..Refusal::default()
            },
        );
        stmf.set_lu_state(&guid, Goal::Online).unwrap();
    }

    #[test]
    fn the_service_takes_all_that_is_wanted_along() {
        let mut stmf = stmf();
        let [one, two] = [disk(&mut stmf, "/dev/one"), disk(&mut stmf, "/dev/two")];
        stmf.set_lu_state(&two, Goal::Offline).unwrap();
        stmf.set_service(Goal::Offline).unwrap();
        assert_eq!(stmf.logical_unit(&one).unwrap().state, ObjectState::Offline);
        let error = stmf.set_lu_state(&two, Goal::Online).unwrap_err();
        assert_eq!(error.to_string(), format!("{two}: STMF service is offline"));
        stmf.set_service(Goal::Online).unwrap();
        stmf.set_service(Goal::Online).unwrap();
        assert_eq!(stmf.logical_unit(&one).unwrap().state, ObjectState::Online);
        assert_eq!(stmf.logical_unit(&two).unwrap().state, ObjectState::Offline);
        stmf.set_default_states(Some(Goal::Offline), None).unwrap();
        let three = disk(&mut stmf, "/dev/three");
        let three = stmf.logical_unit(&three).unwrap();
        assert_eq!(
            (three.state, three.wanted),
            (ObjectState::Offline, ObjectState::Offline)
        );
    }

    #[test]
    fn sessions_are_those_of_their_target() {
        let mut stmf = stmf();
        let [a, b] = ["iqn.2026-11.org.example:a", "iqn.2026-11.org.example:b"];
        stmf.transport.add_target(a);
        stmf.transport.add_target(b);
        stmf.transport
            .add_session(b, "iqn.2026-11.org.example:host", Some("host"));
        assert!(stmf.sessions(Some(a)).unwrap().is_empty());
        let [session] = &stmf.sessions(Some(b)).unwrap()[..] else {
            panic!("one session");
        };
        assert_eq!(session.alias.as_deref(), Some("host"));
        assert_eq!(stmf.sessions(None).unwrap().len(), 1);
        assert_eq!(stmf.target(b).unwrap().session_count, 1);
        let service = stmf.state().unwrap();
        assert_eq!((service.targets, service.sessions), (2, 1));
        assert_eq!(service.config, ConfigState::Initialized);
    }

    #[test]
    fn the_oldest_task_is_first() {
        let mut stmf = stmf();
        let guid = disk(&mut stmf, "/dev/one");
        stmf.transport.add_task(Some(guid), 1, 10);
        stmf.transport.add_task(None, 2, 20_000_000_000);
        let tags: Vec<_> = stmf
            .tasks(None)
            .unwrap()
            .iter()
            .map(|task| task.tag)
            .collect();
        assert_eq!(tags, [2, 1]);
        let tags: Vec<_> = stmf
            .tasks(Some(&guid))
            .unwrap()
            .iter()
            .map(|task| task.tag)
            .collect();
        assert_eq!(tags, [1]);
    }

    #[test]
    fn an_interrupted_list_is_read_again() {
        let mut stmf = stmf();
        disk(&mut stmf, "/dev/one");
        stmf.transport.interrupt(64);
        assert_eq!(stmf.logical_units().unwrap().len(), 1);
        stmf.transport.interrupt(usize::MAX);
        let error = stmf.logical_units().unwrap_err();
        assert!(matches!(error, Error::Interrupted { .. }), "{error:?}");
    }

    #[test]
    fn a_module_that_is_not_loaded_is_named() {
        let mut stmf = stmf();
        stmf.transport.unload(sbd::FAMILY);
        let error = stmf.create_lu(&LuSpec::new("/dev/one")).unwrap_err();
        assert!(matches!(error, Error::NotLoaded { module: "stmf_sbd" }));
    }

    #[test]
    fn a_value_that_is_too_long_is_not_sent() {
        let mut stmf = stmf();
        let spec = LuSpec {
            alias: Some("a".repeat(70000)),
            ..LuSpec::new("/dev/one")
        };
        let error = stmf.create_lu(&spec).unwrap_err();
        assert_eq!(error.to_string(), "/dev/one: alias is too long");
    }
}
