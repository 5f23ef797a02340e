// SPDX-License-Identifier: GPL-2.0

//! Family `stmf`: the framework, whichever modules provide its objects.

use crate::Kind;
use core::ffi::CStr;

/// Name of the family.
pub const FAMILY: &str = "stmf";
/// Name of the family as C has it.
pub const FAMILY_C: &CStr = c"stmf";
/// Version of the family.
pub const VERSION: u8 = 1;

/// Name of the multicast group that events go to.
pub const EVENTS: &str = "events";
/// Name of the multicast group as C has it.
pub const EVENTS_C: &CStr = c"events";

/// Length of a logical unit's GUID.
pub const GUID_LEN: usize = 16;
/// Longest alias in bytes.
pub const ALIAS_MAX: usize = 255;
/// Longest name of a host or target group in bytes.
pub const GROUP_NAME_MAX: usize = 255;
/// Longest name of a target or initiator in bytes.
pub const PORT_NAME_MAX: usize = 255;
/// Longest name of a provider in bytes.
pub const PROVIDER_NAME_MAX: usize = 63;
/// Longest text form of an initiator session identifier in bytes.
pub const ISID_MAX: usize = 31;
/// Highest logical unit number a view may use.
pub const LUN_MAX: u16 = 16383;
/// Length of a latency histogram in bytes: 32 counts.
pub const HISTOGRAM_LEN: usize = 256;

numbers! {
    /// State of the service, of a logical unit or of a target port.
    ObjectState: u32 {
        /// Serves commands.
        Online = 0, "online";
        /// Serves none.
        Offline = 1, "offline";
        /// On its way from offline to online.
        Onlining = 2, "onlining";
        /// On its way from online to offline.
        Offlining = 3, "offlining";
    }
}

numbers! {
    /// Whether the saved configuration has been loaded.
    ConfigState: u32 {
        /// Not loaded yet.
        Uninitialized = 0, "uninitialized";
        /// Loaded, or there was none to load.
        Initialized = 1, "initialized";
    }
}

numbers! {
    /// Whether there is asymmetric access to logical units.
    AluaState: u32 {
        /// All target ports are as good.
        Disabled = 0, "disabled";
        /// There are target groups with access states.
        Enabled = 1, "enabled";
    }
}

numbers! {
    /// How well logical units are reached through the target ports of a group.
    AccessState: u32 {
        /// The best way there is.
        ActiveOptimized = 0, "active-optimized";
        /// A way, but others are better.
        ActiveNonOptimized = 1, "active-non-optimized";
        /// Only to manage the logical unit.
        Standby = 2, "standby";
        /// No way.
        Unavailable = 3, "unavailable";
        /// No way, and initiators needn't try.
        Offline = 4, "offline";
        /// On its way to another state.
        Transitioning = 5, "transitioning";
    }
}

numbers! {
    /// Transport protocol of a target port; the SPC protocol identifier.
    Protocol: u32 {
        /// Fibre Channel.
        Fc = 0, "fc";
        /// Parallel SCSI, and buses local to the machine.
        Scsi = 1, "scsi";
        /// Serial Storage Architecture.
        Ssa = 2, "ssa";
        /// IEEE 1394.
        Ieee1394 = 3, "ieee1394";
        /// SCSI RDMA Protocol.
        Srp = 4, "srp";
        /// iSCSI.
        Iscsi = 5, "iscsi";
        /// Serial Attached SCSI.
        Sas = 6, "sas";
    }
}

numbers! {
    /// What a group is of.
    GroupKind: u32 {
        /// Hosts: initiators by their names.
        Host = 0, "host";
        /// Targets by their names.
        Target = 1, "target";
    }
}

numbers! {
    /// What an event tells.
    EventKind: u32 {
        /// A logical unit was registered.
        LuAdded = 0, "lu-added";
        /// A logical unit is gone.
        LuRemoved = 1, "lu-removed";
        /// A logical unit changed its state.
        LuState = 2, "lu-state";
        /// A target port was registered.
        TargetAdded = 3, "target-added";
        /// A target port is gone.
        TargetRemoved = 4, "target-removed";
        /// A target port changed its state.
        TargetState = 5, "target-state";
        /// The service changed its state.
        ServiceState = 6, "service-state";
        /// An initiator has logged in.
        SessionBegun = 7, "session-begun";
        /// A session has ended.
        SessionEnded = 8, "session-ended";
        /// A logical unit has another capacity.
        CapacityChanged = 9, "capacity-changed";
        /// View entries or memberships in groups are others.
        ViewsChanged = 10, "views-changed";
        /// Commands don't come back from a device in time.
        TasksStuck = 11, "tasks-stuck";
        /// A target group has another access state.
        AccessState = 12, "access-state";
        /// The backing device of a logical unit is gone.
        DeviceGone = 13, "device-gone";
        /// The backing device of a logical unit is back.
        DeviceBack = 14, "device-back";
        /// A logical unit is running out of space.
        SpaceLow = 15, "space-low";
    }
}

numbers! {
    /// What a task is waiting for.
    TaskStage: u32 {
        /// Its turn; the logical unit has not seen it yet.
        Queued = 0, "queued";
        /// The logical unit.
        Executing = 1, "executing";
        /// Data from the initiator.
        DataOut = 2, "data-out";
        /// The port, sending data to the initiator.
        DataIn = 3, "data-in";
        /// The port, sending the status.
        Status = 4, "status";
        /// Its holder, which has been told to abort it.
        Aborting = 5, "aborting";
        /// The backing device alone; the session is done with it.
        Detached = 6, "detached";
    }
}

attributes! {
    /// Attributes of the framework as a whole.
    Service {
        /// State of the service, an [`ObjectState`].
        State = 1, "state", Kind::U32 { min: 0, max: 3 };
        /// Whether the configuration has been loaded, a [`ConfigState`].
        ConfigState = 2, "config-state", Kind::U32 { min: 0, max: 1 };
        /// Whether there is asymmetric access, an [`AluaState`].
        AluaState = 3, "alua-state", Kind::U32 { min: 0, max: 1 };
        /// Number of this node.
        AluaNode = 4, "alua-node", Kind::U32;
        /// Tasks that a provider dropped unfinished.
        LostTasks = 5, "lost-tasks", Kind::Uint;
        /// Registered logical units.
        LuCount = 6, "lu-count", Kind::U32;
        /// Registered target ports.
        TargetCount = 7, "target-count", Kind::U32;
        /// Sessions on all target ports.
        SessionCount = 8, "session-count", Kind::U32;
        /// State that new logical units go to, online or offline, an [`ObjectState`].
        DefaultLuState = 9, "default-lu-state", Kind::U32 { min: 0, max: 3 };
        /// State that new target ports go to, online or offline, an [`ObjectState`].
        DefaultTargetState = 10, "default-target-state", Kind::U32 { min: 0, max: 3 };
    }
}

attributes! {
    /// Attributes of a logical unit.
    Lu {
        /// GUID.
        Guid = 1, "guid", Kind::Binary { len: GUID_LEN };
        /// Name of the provider.
        Provider = 2, "provider", Kind::String { max: PROVIDER_NAME_MAX };
        /// Name that people gave it.
        Alias = 3, "alias", Kind::String { max: ALIAS_MAX };
        /// State, an [`ObjectState`].
        State = 4, "state", Kind::U32 { min: 0, max: 3 };
        /// View entries it has.
        ViewCount = 5, "view-count", Kind::U32;
        /// State that it is wanted in, online or offline, an [`ObjectState`].
        Wanted = 6, "wanted", Kind::U32 { min: 0, max: 3 };
    }
}

attributes! {
    /// Attributes of a view entry.
    View {
        /// GUID of the logical unit.
        Guid = 1, "guid", Kind::Binary { len: GUID_LEN };
        /// Number of the entry among those of its logical unit.
        Id = 2, "id", Kind::U32;
        /// Logical unit number.
        Lun = 3, "lun", Kind::U16 { min: 0, max: LUN_MAX };
        /// Host group; all hosts when absent.
        HostGroup = 4, "host-group", Kind::String { max: GROUP_NAME_MAX };
        /// Target group; all targets when absent.
        TargetGroup = 5, "target-group", Kind::String { max: GROUP_NAME_MAX };
        /// Only say what numbers the entry would get.
        Validate = 6, "validate", Kind::Flag;
    }
}

attributes! {
    /// Attributes of a host group or target group.
    Group {
        /// What it is of, a [`GroupKind`].
        Kind = 1, "kind", Kind::U32 { min: 0, max: 1 };
        /// Name.
        Name = 2, "name", Kind::String { max: GROUP_NAME_MAX };
        /// Members it has.
        MemberCount = 3, "member-count", Kind::U32;
        /// View entries that name it.
        ViewCount = 4, "view-count", Kind::U32;
    }
}

attributes! {
    /// Attributes of a membership in a group.
    GroupMember {
        /// What the group is of, a [`GroupKind`].
        Kind = 1, "kind", Kind::U32 { min: 0, max: 1 };
        /// Name of the group.
        Group = 2, "group", Kind::String { max: GROUP_NAME_MAX };
        /// Name of the initiator or target.
        Name = 3, "name", Kind::String { max: PORT_NAME_MAX };
    }
}

attributes! {
    /// Attributes of the access state of a target group.
    Access {
        /// Target group.
        Group = 1, "group", Kind::String { max: GROUP_NAME_MAX };
        /// GUID of the logical unit; all without a state of their own when absent.
        Guid = 2, "guid", Kind::Binary { len: GUID_LEN };
        /// State, an [`AccessState`].
        State = 3, "state", Kind::U32 { min: 0, max: 5 };
        /// Whether initiators shall prefer the group.
        Preferred = 4, "preferred", Kind::BOOL;
        /// Whether initiators may set the group's states.
        Explicit = 5, "explicit", Kind::BOOL;
        /// Number by which initiators know the group.
        Number = 6, "number", Kind::U16 { min: 1, max: u16::MAX };
    }
}

attributes! {
    /// Attributes of a target port.
    Target {
        /// Name in the protocol's text form.
        Name = 1, "name", Kind::String { max: PORT_NAME_MAX };
        /// Name of the provider.
        Provider = 2, "provider", Kind::String { max: PROVIDER_NAME_MAX };
        /// Name that people gave it.
        Alias = 3, "alias", Kind::String { max: ALIAS_MAX };
        /// Transport protocol, a [`Protocol`].
        Protocol = 4, "protocol", Kind::U32 { min: 0, max: 6 };
        /// State, an [`ObjectState`].
        State = 5, "state", Kind::U32 { min: 0, max: 3 };
        /// Sessions it has.
        SessionCount = 6, "session-count", Kind::U32;
        /// State that it is wanted in, online or offline, an [`ObjectState`].
        Wanted = 7, "wanted", Kind::U32 { min: 0, max: 3 };
        /// Whether it is held offline because it came and went too often.
        Held = 8, "held", Kind::BOOL;
    }
}

attributes! {
    /// Attributes of a session.
    Session {
        /// Number of the session.
        Id = 1, "id", Kind::Uint;
        /// Name of the target port.
        Target = 2, "target", Kind::String { max: PORT_NAME_MAX };
        /// Name of the initiator.
        Initiator = 3, "initiator", Kind::String { max: PORT_NAME_MAX };
        /// What the initiator calls itself.
        Alias = 4, "alias", Kind::String { max: ALIAS_MAX };
        /// What tells the initiator's ports apart.
        Isid = 5, "isid", Kind::String { max: ISID_MAX };
        /// When it began, in seconds since 1970.
        Created = 6, "created", Kind::Uint;
    }
}

attributes! {
    /// Attributes of a task.
    Task {
        /// GUID of the logical unit.
        Guid = 1, "guid", Kind::Binary { len: GUID_LEN };
        /// Number of the session.
        Session = 2, "session", Kind::Uint;
        /// Number that the port gave it.
        Tag = 3, "tag", Kind::Uint;
        /// What it is waiting for, a [`TaskStage`].
        Stage = 4, "stage", Kind::U32 { min: 0, max: 6 };
        /// Milliseconds since it arrived.
        AgeMs = 5, "age-ms", Kind::Uint;
        /// First byte of the CDB.
        Opcode = 6, "opcode", Kind::U8;
    }
}

numbers! {
    /// What statistics are of.
    StatisticsScope: u32 {
        /// Logical units.
        Lu = 0, "lu";
        /// Target ports.
        Target = 1, "target";
        /// Logical units as sessions see them (I_T_L nexuses).
        Nexus = 2, "nexus";
    }
}

attributes! {
    /// Attributes of statistics: counted since the object is there.
    Statistics {
        /// What they are of, a [`StatisticsScope`].
        Scope = 1, "scope", Kind::U32 { min: 0, max: 2 };
        /// GUID of the logical unit.
        Guid = 2, "guid", Kind::Binary { len: GUID_LEN };
        /// Name of the target port.
        Target = 3, "target", Kind::String { max: PORT_NAME_MAX };
        /// Number of the session.
        Session = 4, "session", Kind::Uint;
        /// Logical unit number.
        Lun = 5, "lun", Kind::U16 { min: 0, max: LUN_MAX };
        /// Name of the initiator.
        Initiator = 6, "initiator", Kind::String { max: PORT_NAME_MAX };
        /// Commands that read the medium.
        Reads = 7, "reads", Kind::Uint;
        /// Commands that write data from the initiator to the medium.
        Writes = 8, "writes", Kind::Uint;
        /// Other commands.
        Others = 9, "others", Kind::Uint;
        /// Bytes read.
        ReadBytes = 10, "read-bytes", Kind::Uint;
        /// Bytes written.
        WrittenBytes = 11, "written-bytes", Kind::Uint;
        /// Commands that ended with CHECK CONDITION.
        Errors = 12, "errors", Kind::Uint;
        /// Commands that were refused with BUSY or TASK SET FULL.
        Busy = 13, "busy", Kind::Uint;
        /// Commands that ended with RESERVATION CONFLICT.
        Conflicts = 14, "conflicts", Kind::Uint;
        /// Commands that were aborted.
        Aborted = 15, "aborted", Kind::Uint;
        /// Nanoseconds that commands were in the port.
        PortTime = 16, "port-time", Kind::Uint;
        /// Nanoseconds that commands waited in the task set.
        QueueTime = 17, "queue-time", Kind::Uint;
        /// Nanoseconds that commands were in the logical unit.
        DeviceTime = 18, "device-time", Kind::Uint;
        /// How many commands were how long in the port.
        PortHistogram = 19, "port-histogram", Kind::Binary { len: HISTOGRAM_LEN };
        /// How many commands waited how long in the task set.
        QueueHistogram = 20, "queue-histogram", Kind::Binary { len: HISTOGRAM_LEN };
        /// How many commands were how long in the logical unit.
        DeviceHistogram = 21, "device-histogram", Kind::Binary { len: HISTOGRAM_LEN };
    }
}

attributes! {
    /// Attributes of an event.
    Event {
        /// What it tells, an [`EventKind`].
        Kind = 1, "kind", Kind::U32 { min: 0, max: 15 };
        /// GUID of the logical unit.
        Guid = 2, "guid", Kind::Binary { len: GUID_LEN };
        /// Name of the target port.
        Target = 3, "target", Kind::String { max: PORT_NAME_MAX };
        /// State that it is in now, an [`ObjectState`].
        State = 4, "state", Kind::U32 { min: 0, max: 3 };
        /// Number of the session.
        Session = 5, "session", Kind::Uint;
        /// Name of the initiator.
        Initiator = 6, "initiator", Kind::String { max: PORT_NAME_MAX };
        /// Whether it is held offline because it came and went too often.
        Held = 7, "held", Kind::BOOL;
        /// Target group.
        Group = 8, "group", Kind::String { max: GROUP_NAME_MAX };
        /// Access state that the group has now, an [`AccessState`].
        Access = 9, "access", Kind::U32 { min: 0, max: 5 };
    }
}

commands! {
    /// Commands of the family.
    Command {
        /// Get the state of the framework.
        StateGet = 1, "state-get", Service { request: []; }
        /// Get or dump logical units.
        LuGet = 2, "lu-get", Lu { request: [Guid]; dump: []; }
        /// Ask for a logical unit to go online or offline.
        LuSetState = 3, "lu-set-state", Lu { permission: admin; request: [Guid, State]; }
        /// Add a view entry.
        ViewAdd = 4, "view-add", View {
            permission: admin;
            request: [Guid, Lun, HostGroup, TargetGroup, Validate];
        }
        /// Remove a view entry.
        ViewRemove = 5, "view-remove", View { permission: admin; request: [Guid, Id]; }
        /// Dump view entries.
        ViewGet = 6, "view-get", View { dump: [Guid]; }
        /// Get or dump target ports.
        TargetGet = 7, "target-get", Target { request: [Name]; dump: []; }
        /// Ask for a target port to go online or offline.
        TargetSetState = 8, "target-set-state", Target {
            permission: admin;
            request: [Name, State];
        }
        /// Dump sessions.
        SessionGet = 9, "session-get", Session { dump: [Target]; }
        /// Dump tasks.
        TaskGet = 10, "task-get", Task { dump: [Guid]; }
        /// Add a group.
        GroupAdd = 11, "group-add", Group { permission: admin; request: [Kind, Name]; }
        /// Remove a group.
        GroupRemove = 12, "group-remove", Group { permission: admin; request: [Kind, Name]; }
        /// Get or dump groups.
        GroupGet = 13, "group-get", Group { request: [Kind, Name]; dump: [Kind]; }
        /// Add a member to a group.
        GroupMemberAdd = 14, "group-member-add", GroupMember {
            permission: admin;
            request: [Kind, Group, Name];
        }
        /// Remove a member from a group.
        GroupMemberRemove = 15, "group-member-remove", GroupMember {
            permission: admin;
            request: [Kind, Group, Name];
        }
        /// Dump members of groups.
        GroupMemberGet = 16, "group-member-get", GroupMember { dump: [Kind, Group]; }
        /// Change the service's state, or the states that new objects go to.
        ServiceSet = 17, "service-set", Service {
            permission: admin;
            request: [State, DefaultLuState, DefaultTargetState];
        }
        /// Something has happened; sent to the group [`EVENTS`].
        EventNtf = 18, "event-ntf", Event {}
        /// Set the access state of a target group for a logical unit, or for all.
        AccessSet = 19, "access-set", Access {
            permission: admin;
            request: [Group, Guid, State, Preferred, Explicit, Number];
        }
        /// Remove the access state of a target group for a logical unit, or for all.
        AccessClear = 20, "access-clear", Access { permission: admin; request: [Group, Guid]; }
        /// Dump access states.
        AccessGet = 21, "access-get", Access { dump: []; }
        /// Dump statistics.
        StatisticsGet = 22, "statistics-get", Statistics { dump: [Scope]; }
    }
}
