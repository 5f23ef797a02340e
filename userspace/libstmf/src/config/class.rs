// SPDX-License-Identifier: GPL-2.0

//! What a configuration is made of, as a table: which request makes, changes, lists and removes
//! the items of each class. All else in [`super`] goes by it.

use stmf_uapi::stmf::{GroupKind, ObjectState};
use stmf_uapi::{iscsi, loopback, sbd, stmf, Attribute, Kind, Operation};

use crate::attributes::{DecodeError, Fields};
use crate::client::Command;
use crate::transport::{Mode, Request};

/// A family with its table of operations.
#[derive(Clone, Copy, Debug)]
struct Family {
    name: &'static str,
    version: u8,
    operations: &'static [Operation],
}

const STMF: Family = Family {
    name: stmf::FAMILY,
    version: stmf::VERSION,
    operations: stmf::Command::OPERATIONS,
};

const SBD: Family = Family {
    name: sbd::FAMILY,
    version: sbd::VERSION,
    operations: sbd::Command::OPERATIONS,
};

const ISCSI: Family = Family {
    name: iscsi::FAMILY,
    version: iscsi::VERSION,
    operations: iscsi::Command::OPERATIONS,
};

const LOOPBACK: Family = Family {
    name: loopback::FAMILY,
    version: loopback::VERSION,
    operations: loopback::Command::OPERATIONS,
};

/// Attributes with values that are the same in every request of one kind.
pub(crate) type Constants = &'static [(u16, u32)];

/// Items of one kind.
#[derive(Debug)]
pub(crate) struct Class {
    /// Name in files.
    pub(crate) name: &'static str,
    /// What an item is called in sentences.
    pub(crate) noun: &'static str,
    /// Directory of the store that its items are in.
    pub(crate) directory: &'static str,
    /// The attribute whose value is the name of the item's file; the class's name when there is
    /// none.
    pub(crate) owner: Option<u16>,
    /// The attributes that tell an item from others of its class.
    pub(crate) key: &'static [u16],
    family: Family,
    create: u8,
    pub(crate) create_with: Constants,
    remove: u8,
    pub(crate) remove_with: Constants,
    /// Name of the request that changes an item, where the module that is compiled has one.
    modify: Option<&'static str>,
    list: u8,
    pub(crate) list_with: Constants,
    /// Values that an item has which the list shows among others.
    pub(crate) only: Constants,
    /// The request for one item, where the kernel decides more than it was told.
    get: Option<u8>,
    /// Classes whose items of the same owner go when an item is removed.
    pub(crate) takes: &'static [&'static str],
    /// Whether the kernel has items of its own accord, so that what a file does not have is to go.
    pub(crate) is_complete: bool,
}

/// What a request does to an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It makes it.
    Create,
    /// It changes it.
    Modify,
    /// It removes it.
    Remove,
}

const HOST: Constants = &[(stmf::Group::Kind as u16, GroupKind::Host as u32)];
const TARGET: Constants = &[(stmf::Group::Kind as u16, GroupKind::Target as u32)];

const fn group(name: &'static str, noun: &'static str, kind: Constants) -> Class {
    Class {
        name,
        noun,
        directory: name,
        owner: Some(stmf::Group::Name as u16),
        key: &[stmf::Group::Name as u16],
        family: STMF,
        create: stmf::Command::GroupAdd.number(),
        create_with: kind,
        remove: stmf::Command::GroupRemove.number(),
        remove_with: kind,
        modify: None,
        list: stmf::Command::GroupGet.number(),
        list_with: kind,
        only: &[],
        get: None,
        takes: &[
            "host-group-member",
            "target-group-member",
            "target-group-access",
        ],
        is_complete: false,
    }
}

const fn member(
    name: &'static str,
    noun: &'static str,
    directory: &'static str,
    kind: Constants,
) -> Class {
    Class {
        name,
        noun,
        directory,
        owner: Some(stmf::GroupMember::Group as u16),
        key: &[
            stmf::GroupMember::Group as u16,
            stmf::GroupMember::Name as u16,
        ],
        family: STMF,
        create: stmf::Command::GroupMemberAdd.number(),
        create_with: kind,
        remove: stmf::Command::GroupMemberRemove.number(),
        remove_with: kind,
        modify: None,
        list: stmf::Command::GroupMemberGet.number(),
        list_with: kind,
        only: &[],
        get: None,
        takes: &[],
        is_complete: false,
    }
}

const LU_ONLINE: Constants = &[(stmf::Lu::State as u16, ObjectState::Online as u32)];
const LU_OFFLINE: Constants = &[(stmf::Lu::State as u16, ObjectState::Offline as u32)];
const TARGET_ONLINE: Constants = &[(stmf::Target::State as u16, ObjectState::Online as u32)];
const TARGET_OFFLINE: Constants = &[(stmf::Target::State as u16, ObjectState::Offline as u32)];

// What is offline with the service is wanted online all the same.
const LU_WANTED_OFFLINE: Constants = &[(stmf::Lu::Wanted as u16, ObjectState::Offline as u32)];
const TARGET_WANTED_OFFLINE: Constants =
    &[(stmf::Target::Wanted as u16, ObjectState::Offline as u32)];

/// All classes, those that others need first.
pub(crate) static CLASSES: &[Class] = &[
    group("host-group", "host group", HOST),
    member("host-group-member", "host", "host-group", HOST),
    group("target-group", "target group", TARGET),
    member("target-group-member", "target", "target-group", TARGET),
    Class {
        name: "target-group-access",
        noun: "access state of target group",
        directory: "target-group",
        owner: Some(stmf::Access::Group as u16),
        key: &[stmf::Access::Group as u16, stmf::Access::Guid as u16],
        family: STMF,
        create: stmf::Command::AccessSet.number(),
        create_with: &[],
        remove: stmf::Command::AccessClear.number(),
        remove_with: &[],
        modify: Some("access-set"),
        list: stmf::Command::AccessGet.number(),
        list_with: &[],
        only: &[],
        get: None,
        takes: &[],
        is_complete: false,
    },
    // Before disks: an initiator that is there sees a new disk in its place at once.
    Class {
        name: "view",
        noun: "view entry",
        directory: "lu",
        owner: Some(stmf::View::Guid as u16),
        key: &[
            stmf::View::Guid as u16,
            stmf::View::HostGroup as u16,
            stmf::View::TargetGroup as u16,
        ],
        family: STMF,
        create: stmf::Command::ViewAdd.number(),
        create_with: &[],
        remove: stmf::Command::ViewRemove.number(),
        remove_with: &[],
        modify: None,
        list: stmf::Command::ViewGet.number(),
        list_with: &[],
        only: &[],
        get: None,
        takes: &[],
        is_complete: false,
    },
    Class {
        name: "disk",
        noun: "logical unit",
        directory: "lu",
        owner: Some(sbd::Lu::Guid as u16),
        key: &[sbd::Lu::Guid as u16],
        family: SBD,
        create: sbd::Command::LuCreate.number(),
        create_with: &[],
        remove: sbd::Command::LuDelete.number(),
        remove_with: &[],
        modify: Some("lu-modify"),
        list: sbd::Command::LuGet.number(),
        list_with: &[],
        only: &[],
        get: Some(sbd::Command::LuGet.number()),
        takes: &["offline-lu"],
        is_complete: false,
    },
    Class {
        name: "offline-lu",
        noun: "offline state of logical unit",
        directory: "lu",
        owner: Some(stmf::Lu::Guid as u16),
        key: &[stmf::Lu::Guid as u16],
        family: STMF,
        create: stmf::Command::LuSetState.number(),
        create_with: LU_OFFLINE,
        remove: stmf::Command::LuSetState.number(),
        remove_with: LU_ONLINE,
        modify: None,
        list: stmf::Command::LuGet.number(),
        list_with: &[],
        only: LU_WANTED_OFFLINE,
        get: None,
        takes: &[],
        is_complete: false,
    },
    Class {
        name: "iscsi-portal",
        noun: "portal",
        directory: "iscsi",
        owner: None,
        key: &[
            iscsi::Portal::Address as u16,
            iscsi::Portal::Port as u16,
            iscsi::Portal::Interface as u16,
        ],
        family: ISCSI,
        create: iscsi::Command::PortalAdd.number(),
        create_with: &[],
        remove: iscsi::Command::PortalRemove.number(),
        remove_with: &[],
        modify: None,
        list: iscsi::Command::PortalGet.number(),
        list_with: &[],
        only: &[(iscsi::Portal::Tpgt as u16, iscsi::DEFAULT_TPGT as u32)],
        get: None,
        takes: &[],
        is_complete: true,
    },
    Class {
        name: "iscsi-tpg",
        noun: "target portal group",
        directory: "iscsi-tpg",
        owner: Some(iscsi::Tpg::Name as u16),
        key: &[iscsi::Tpg::Name as u16],
        family: ISCSI,
        create: iscsi::Command::TpgCreate.number(),
        create_with: &[],
        remove: iscsi::Command::TpgDelete.number(),
        remove_with: &[],
        modify: None,
        list: iscsi::Command::TpgGet.number(),
        list_with: &[],
        only: &[],
        get: None,
        takes: &[],
        is_complete: false,
    },
    Class {
        name: "iscsi-initiator",
        noun: "initiator",
        directory: "iscsi-initiator",
        owner: Some(iscsi::Initiator::Name as u16),
        key: &[iscsi::Initiator::Name as u16],
        family: ISCSI,
        create: iscsi::Command::InitiatorCreate.number(),
        create_with: &[],
        remove: iscsi::Command::InitiatorDelete.number(),
        remove_with: &[],
        modify: Some("initiator-modify"),
        list: iscsi::Command::InitiatorGet.number(),
        list_with: &[],
        only: &[],
        get: None,
        takes: &[],
        is_complete: false,
    },
    Class {
        name: "iscsi-defaults",
        noun: "defaults of iSCSI targets",
        directory: "iscsi",
        owner: None,
        key: &[],
        family: ISCSI,
        create: iscsi::Command::DefaultsModify.number(),
        create_with: &[],
        // There is always one; it is never removed.
        remove: 0,
        remove_with: &[],
        modify: Some("defaults-modify"),
        list: iscsi::Command::DefaultsGet.number(),
        list_with: &[],
        only: &[],
        get: Some(iscsi::Command::DefaultsGet.number()),
        takes: &[],
        is_complete: false,
    },
    Class {
        name: "iscsi-target",
        noun: "target",
        directory: "target",
        owner: Some(iscsi::Target::Name as u16),
        key: &[iscsi::Target::Name as u16],
        family: ISCSI,
        create: iscsi::Command::TargetCreate.number(),
        create_with: &[],
        remove: iscsi::Command::TargetDelete.number(),
        remove_with: &[],
        modify: Some("target-modify"),
        list: iscsi::Command::TargetGet.number(),
        list_with: &[],
        only: &[],
        get: Some(iscsi::Command::TargetGet.number()),
        takes: &["offline-target"],
        is_complete: false,
    },
    Class {
        name: "loopback-target",
        noun: "target",
        directory: "target",
        owner: Some(loopback::Target::Name as u16),
        key: &[loopback::Target::Name as u16],
        family: LOOPBACK,
        create: loopback::Command::TargetCreate.number(),
        create_with: &[],
        remove: loopback::Command::TargetDelete.number(),
        remove_with: &[],
        modify: None,
        list: loopback::Command::TargetGet.number(),
        list_with: &[],
        only: &[],
        get: Some(loopback::Command::TargetGet.number()),
        takes: &["offline-target"],
        is_complete: false,
    },
    Class {
        name: "offline-target",
        noun: "offline state of target",
        directory: "target",
        owner: Some(stmf::Target::Name as u16),
        key: &[stmf::Target::Name as u16],
        family: STMF,
        create: stmf::Command::TargetSetState.number(),
        create_with: TARGET_OFFLINE,
        remove: stmf::Command::TargetSetState.number(),
        remove_with: TARGET_ONLINE,
        modify: None,
        list: stmf::Command::TargetGet.number(),
        list_with: &[],
        only: TARGET_WANTED_OFFLINE,
        get: None,
        takes: &[],
        is_complete: false,
    },
    // The last: what is restored goes to the state that it was in, not to that of new objects.
    Class {
        name: "service",
        noun: "defaults of the service",
        directory: "service",
        owner: None,
        key: &[],
        family: STMF,
        create: stmf::Command::ServiceSet.number(),
        create_with: &[],
        // There is always one; it is never removed.
        remove: 0,
        remove_with: &[],
        modify: Some("service-set"),
        list: stmf::Command::StateGet.number(),
        list_with: &[],
        only: &[],
        get: Some(stmf::Command::StateGet.number()),
        takes: &[],
        is_complete: false,
    },
];

impl Class {
    /// Whether its items say that something is offline.
    pub(crate) fn is_state(&self) -> bool {
        self.name.starts_with("offline-")
    }

    /// The class that says that items of this one are offline.
    pub(crate) fn state(&self) -> Option<&'static Self> {
        let taken = self.takes.iter().filter_map(|name| Self::by_name(name));
        taken.clone().find(|class| class.is_state())
    }

    /// The class of a name.
    pub(crate) fn by_name(name: &str) -> Option<&'static Self> {
        CLASSES.iter().find(|class| class.name == name)
    }

    /// Its place among the others: what has a lower one is made earlier.
    pub(crate) fn rank(&self) -> usize {
        let place = CLASSES.iter().position(|class| class.name == self.name);
        place.unwrap_or(CLASSES.len())
    }

    fn operation(&self, number: u8) -> Option<&'static Operation> {
        let operations = self.family.operations.iter();
        operations
            .clone()
            .find(|operation| operation.number == number)
    }

    fn modification(&self) -> Option<&'static Operation> {
        let mut operations = self.family.operations.iter();
        operations.find(|operation| Some(operation.name) == self.modify)
    }

    /// Whether there is exactly one item, which can only be changed.
    pub(crate) fn is_single(&self) -> bool {
        self.key.is_empty()
    }

    /// What an item may say of itself.
    pub(crate) fn attributes(&'static self) -> impl Iterator<Item = &'static Attribute> {
        let operation = self.operation(self.create);
        let constants = self.create_with;
        let taken = operation
            .and_then(|operation| operation.request)
            .unwrap_or_default();
        operation
            .map_or(&[][..], |operation| operation.attributes)
            .iter()
            .filter(move |attribute| taken.contains(&attribute.number))
            .filter(move |attribute| {
                constants
                    .iter()
                    .all(|(number, _)| *number != attribute.number)
            })
            .filter(|attribute| !is_instruction(attribute.name))
            .filter(move |attribute| !self.is_passing(attribute.name))
    }

    /// Whether it holds until the next boot: that the service is there then is up to systemd.
    fn is_passing(&self, attribute: &str) -> bool {
        (self.name, attribute) == ("service", "state")
    }

    /// An attribute by its number, whatever requests have it.
    pub(crate) fn attribute(&self, number: u16) -> Option<&'static Attribute> {
        let table = self.operation(self.create)?.attributes;
        table.iter().find(|attribute| attribute.number == number)
    }

    /// The attributes that can be changed; none when an item has to be made anew.
    pub(crate) fn modifiable(&self) -> &'static [u16] {
        let operation = self.modification();
        operation
            .and_then(|operation| operation.request)
            .unwrap_or_default()
    }

    /// The class of the items that a request makes, changes or removes, and which of these it is.
    pub(crate) fn of_request(
        request: &Request<'_>,
        fields: &Fields<'_>,
    ) -> Option<(&'static Self, Effect)> {
        if request.mode != Mode::Do {
            return None;
        }
        let own = CLASSES
            .iter()
            .filter(|class| class.family.name == request.family);
        own.clone()
            .find_map(|class| match request.command {
                command if class.makes(command) && class.has(fields, class.create_with) => {
                    Some((class, Effect::Create))
                }
                command if class.imports(command) => Some((class, Effect::Create)),
                command if command == class.remove && class.has(fields, class.remove_with) => {
                    Some((class, Effect::Remove))
                }
                command
                    if class
                        .modification()
                        .is_some_and(|known| known.number == command) =>
                {
                    Some((class, Effect::Modify))
                }
                _ => None,
            })
            .filter(|(class, _)| {
                let table = class
                    .operation(class.create)
                    .map(|operation| operation.attributes);
                let asks = table
                    .into_iter()
                    .flatten()
                    .find(|key| key.name == "validate");
                asks.is_none_or(|key| !fields.has(*key))
            })
    }

    /// Whether a request makes an item. What there is always one of it changes.
    fn makes(&self, command: u8) -> bool {
        command == self.create && !self.is_single()
    }

    /// Whether a request makes an item of what is kept of it elsewhere.
    fn imports(&self, command: u8) -> bool {
        self.name == "disk" && command == sbd::Command::LuImport.number()
    }

    /// The attributes that a request says are to be as the defaults say, for which they have to have no
    /// value of their own any more.
    pub(crate) fn unset(&self, fields: &Fields<'_>) -> Result<Vec<u16>, DecodeError> {
        let operation = self.operation(self.create);
        let mut table = operation.into_iter().flat_map(|known| known.attributes);
        let Some(unset) = table.find(|attribute| attribute.name == "unset") else {
            return Ok(Vec::new());
        };
        let bits = fields.u32(*unset)?.unwrap_or(0);
        let limits = (0_u32..).zip(iscsi::FIRST_LIMIT..).take(iscsi::LIMITS);
        let unset = limits.filter(|(place, _)| bits >> place & 1 == 1);
        Ok(unset.map(|(_, number)| number).collect())
    }

    /// Whether a message has these values.
    pub(crate) fn has(&self, fields: &Fields<'_>, constants: Constants) -> bool {
        constants.iter().all(|(number, value)| {
            let shown = self.attribute(*number).and_then(|key| match key.kind {
                Kind::U16 { .. } => fields.u16(*key).ok()?.map(u32::from),
                _ => fields.u32(*key).ok()?,
            });
            shown == Some(*value)
        })
    }

    /// The flag without which some items can't be removed.
    pub(crate) fn force(&self) -> Option<&'static Attribute> {
        self.instruction(self.remove, "force")
    }

    /// The flag with which an object begins offline.
    pub(crate) fn offline(&self) -> Option<&'static Attribute> {
        self.instruction(self.create, "offline")
    }

    fn instruction(&self, request: u8, name: &str) -> Option<&'static Attribute> {
        let operation = self.operation(request)?;
        let taken = operation.request.unwrap_or_default();
        let mut table = operation.attributes.iter();
        let found = table.find(|attribute| attribute.name == name)?;
        taken.contains(&found.number).then_some(found)
    }

    /// The list of items.
    pub(crate) fn list(&self) -> Command {
        self.command(self.list)
    }

    /// The request that makes items.
    pub(crate) fn create(&self) -> Command {
        self.command(self.create)
    }

    /// The request that removes items.
    pub(crate) fn remove(&self) -> Command {
        self.command(self.remove)
    }

    /// The request that changes items.
    pub(crate) fn modify(&self) -> Option<Command> {
        self.modification()
            .map(|operation| self.command(operation.number))
    }

    /// The request for one item, if there is one.
    pub(crate) fn get(&self) -> Option<Command> {
        self.get.map(|number| self.command(number))
    }

    fn command(&self, number: u8) -> Command {
        Command::of(
            self.family.name,
            self.family.version,
            number,
            self.family.operations,
        )
    }
}

/// Whether an attribute says how to do something, not what an item is.
fn is_instruction(name: &str) -> bool {
    matches!(name, "force" | "validate" | "unset" | "offline")
}
