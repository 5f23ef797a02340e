// SPDX-License-Identifier: GPL-2.0

//! Asymmetric logical unit access: which target ports are the better way to a logical unit (SPC-5,
//! Asymmetric logical unit access).
//!
//! Target ports belong to target port groups, and each group has an access state for each logical
//! unit. REPORT TARGET PORT GROUPS tells them, SET TARGET PORT GROUPS changes them.

use crate::{
    cdb::opcode,
    sense::{
        AdditionalSense,
        Sense, //
    },
    sink::Sink, //
};

/// How well a logical unit is reached through the ports of a group: ASYMMETRIC ACCESS STATE.
///
/// The states of single ports and those that depend on the logical block address are not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum AccessState {
    /// 0h: the best way there is.
    #[default]
    ActiveOptimized = 0x0,
    /// 1h: all commands are carried out, but other ways are better.
    ActiveNonOptimized = 0x1,
    /// 2h: commands that manage the logical unit are carried out, those that use it are not.
    Standby = 0x2,
    /// 3h: hardly any command is carried out.
    Unavailable = 0x3,
    /// Eh: as unavailable, and it takes more than the target's doing to change that.
    Offline = 0xe,
    /// Fh: on its way to another state.
    Transitioning = 0xf,
}

impl AccessState {
    /// All of them.
    pub const ALL: [AccessState; 6] = [
        AccessState::ActiveOptimized,
        AccessState::ActiveNonOptimized,
        AccessState::Standby,
        AccessState::Unavailable,
        AccessState::Offline,
        AccessState::Transitioning,
    ];

    /// The code of the field.
    pub const fn code(self) -> u8 {
        // CAST: the enum is `repr(u8)`.
        self as u8
    }

    /// The state with a code.
    pub fn from_code(code: u8) -> Option<AccessState> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// Whether every command is carried out.
    pub const fn is_active(self) -> bool {
        matches!(
            self,
            AccessState::ActiveOptimized | AccessState::ActiveNonOptimized
        )
    }

    /// Refuses a command that is not carried out through a port in this state (SPC-5, the clauses
    /// named after the states).
    pub fn check(self, cdb: &[u8]) -> Result<(), Sense> {
        let is_admitted = match self {
            AccessState::ActiveOptimized | AccessState::ActiveNonOptimized => true,
            AccessState::Standby => is_basic(cdb) || is_set(cdb) || is_management(cdb),
            AccessState::Unavailable | AccessState::Offline => is_basic(cdb) || is_set(cdb),
            // To set a state before the last change is done would be lost.
            AccessState::Transitioning => is_basic(cdb),
        };
        match is_admitted {
            true => Ok(()),
            false => Err(Sense::not_ready(self.code_of_refusal())),
        }
    }

    /// What REQUEST SENSE returns through a port in this state: that the logical unit isn't ready,
    /// as TEST UNIT READY would (SPC-5, REQUEST SENSE command).
    pub const fn sense(self) -> Option<Sense> {
        match self.is_active() {
            true => None,
            false => Some(Sense::not_ready(self.code_of_refusal())),
        }
    }

    const fn code_of_refusal(self) -> AdditionalSense {
        match self {
            AccessState::Standby => AdditionalSense::NOT_READY_TARGET_PORT_IN_STANDBY,
            AccessState::Unavailable => AdditionalSense::NOT_READY_TARGET_PORT_UNAVAILABLE,
            AccessState::Offline => AdditionalSense::NOT_READY_OFFLINE,
            _ => AdditionalSense::NOT_READY_ASYMMETRIC_ACCESS_STATE_TRANSITION,
        }
    }
}

/// The commands of asymmetric access, which are the same for every kind of logical unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessCommand {
    /// REPORT TARGET PORT GROUPS.
    Report,
    /// SET TARGET PORT GROUPS.
    Set,
}

impl AccessCommand {
    /// Which of them a CDB is, if it is one.
    pub fn of(cdb: &[u8]) -> Option<AccessCommand> {
        match (cdb.first().copied()?, service_action(cdb)) {
            (opcode::MAINTENANCE_IN, opcode::REPORT_TARGET_PORT_GROUPS) => Some(Self::Report),
            (opcode::MAINTENANCE_OUT, opcode::SET_TARGET_PORT_GROUPS) => Some(Self::Set),
            _ => None,
        }
    }
}

/// Commands that say what there is and in which state.
fn is_basic(cdb: &[u8]) -> bool {
    match cdb.first().copied().unwrap_or(0) {
        opcode::INQUIRY | opcode::REPORT_LUNS | opcode::REQUEST_SENSE => true,
        _ => AccessCommand::of(cdb) == Some(AccessCommand::Report),
    }
}

fn is_set(cdb: &[u8]) -> bool {
    AccessCommand::of(cdb) == Some(AccessCommand::Set)
}

/// Commands that manage a logical unit without using its medium. READ CAPACITY is not in SPC's
/// list; it is here because initiators ask for it when they find a path, and would take a disk
/// without a capacity for another one than the same disk on a path that is active.
fn is_management(cdb: &[u8]) -> bool {
    match cdb.first().copied().unwrap_or(0) {
        opcode::LOG_SELECT
        | opcode::LOG_SENSE
        | opcode::MODE_SELECT_6
        | opcode::MODE_SELECT_10
        | opcode::MODE_SENSE_6
        | opcode::MODE_SENSE_10
        | opcode::PERSISTENT_RESERVE_IN
        | opcode::PERSISTENT_RESERVE_OUT
        | opcode::RECEIVE_DIAGNOSTIC_RESULTS
        | opcode::SEND_DIAGNOSTIC
        | opcode::READ_BUFFER_10
        | opcode::READ_BUFFER_16
        | opcode::WRITE_BUFFER
        | opcode::MAINTENANCE_IN
        | opcode::READ_CAPACITY_10 => true,
        opcode::SERVICE_ACTION_IN_16 => service_action(cdb) == opcode::READ_CAPACITY_16,
        _ => false,
    }
}

fn service_action(cdb: &[u8]) -> u8 {
    cdb.get(1).map_or(0, |byte| byte & 0x1f)
}

/// The fields of REPORT TARGET PORT GROUPS (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportTargetPortGroups {
    /// PARAMETER DATA FORMAT 001b: with the extended header.
    pub extended: bool,
    /// ALLOCATION LENGTH.
    pub allocation: u32,
}

/// Who changed the access state of a group last: STATUS CODE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum ChangedBy {
    /// 00h: nobody, or it is not known.
    #[default]
    Nobody = 0,
    /// 01h: an initiator.
    Initiator = 1,
    /// 02h: the target.
    Target = 2,
}

/// A target port group and its access state for one logical unit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortGroup {
    /// TARGET PORT GROUP.
    pub id: u16,
    /// ASYMMETRIC ACCESS STATE.
    pub state: AccessState,
    /// PREF: the group is the one that shall be used.
    pub preferred: bool,
    /// STATUS CODE.
    pub changed_by: ChangedBy,
}

/// Writes the parameter data of REPORT TARGET PORT GROUPS, group by group.
pub struct Report<'a, 'b> {
    out: &'a mut Sink<'b>,
    start: usize,
}

impl<'a, 'b> Report<'a, 'b> {
    /// The states that a group may be in, T_SUP to AO_SUP: all but those that depend on the logical
    /// block address.
    const SUPPORTED: u8 = 0xcf;

    /// Begins.
    pub fn new(request: &ReportTargetPortGroups, out: &'a mut Sink<'b>) -> Self {
        /// FORMAT TYPE 001b; no time is told that an implicit transition takes.
        const EXTENDED_HEADER: [u8; 4] = [0x10, 0, 0, 0];

        let start = out.len();
        out.u32(0);
        if request.extended {
            out.bytes(&EXTENDED_HEADER);
        }
        Self { out, start }
    }

    /// Adds a group with its ports; without any it is left out. No more than 255 of them have room.
    pub fn group(&mut self, group: PortGroup, ports: impl Iterator<Item = u16> + Clone) {
        const PREF: u8 = 0x80;

        let ports = ports.take(usize::from(u8::MAX));
        let count = ports.clone().count();
        if count == 0 {
            return;
        }
        let pref = if group.preferred { PREF } else { 0 };
        self.out.u8(pref | group.state.code());
        self.out.u8(Self::SUPPORTED);
        self.out.u16(group.id);
        self.out.u8(0);
        // CAST: the enum is `repr(u8)`.
        self.out.u8(group.changed_by as u8);
        self.out.u8(0);
        self.out.u8(u8::try_from(count).unwrap_or(u8::MAX));
        for port in ports {
            self.out.u16(0);
            self.out.u16(port);
        }
    }

    /// Ends: fills in RETURN DATA LENGTH.
    pub fn finish(self) {
        const LENGTH_FIELD: usize = 4;

        let len = self.out.since(self.start).saturating_sub(LENGTH_FIELD);
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.out.patch_u32(self.start, len);
    }
}

/// The fields of SET TARGET PORT GROUPS (SPC-5, the command of this name).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetTargetPortGroups {
    /// PARAMETER LIST LENGTH.
    pub list_len: u32,
}

impl SetTargetPortGroups {
    /// The longest list that is taken: a descriptor for each of more groups than there can be ports
    /// in.
    pub const MAX_LIST: u32 = 4 + 4 * 1024;

    /// Refuses lists that are too long.
    pub fn check_length(&self) -> Result<(), Sense> {
        match self.list_len <= Self::MAX_LIST {
            true => Ok(()),
            false => Err(Sense::invalid_cdb_field(6, None)),
        }
    }
}

/// The parameter list of SET TARGET PORT GROUPS, found to be in order.
#[derive(Clone, Copy, Debug)]
pub struct SetList<'a>(&'a [u8]);

/// One change: a group, and the state that it shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetDescriptor {
    /// TARGET PORT GROUP.
    pub group: u16,
    /// ASYMMETRIC ACCESS STATE.
    pub state: AccessState,
    /// The first byte of the descriptor in the list, for a field pointer.
    pub at: u16,
}

impl<'a> SetList<'a> {
    const HEADER: usize = 4;
    const DESCRIPTOR: usize = 4;

    /// Checks all of the list before anything of it is done. No list at all is in order.
    ///
    /// # Errors
    ///
    /// PARAMETER LIST LENGTH ERROR when a descriptor is cut; INVALID FIELD IN PARAMETER LIST for a
    /// state that can't be asked for: SPC-5 has active, standby and unavailable ones.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Sense> {
        const CUT: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

        if bytes.is_empty() {
            return Ok(Self(&[]));
        }
        let descriptors = bytes.get(Self::HEADER..).ok_or(CUT)?;
        let whole = descriptors.chunks_exact(Self::DESCRIPTOR);
        if !whole.remainder().is_empty() {
            return Err(CUT);
        }
        let list = Self(descriptors);
        match list.raw().find(|(_, state, _)| !is_settable(*state)) {
            Some((at, ..)) => Err(Sense::invalid_parameter(at, Some(3))),
            None => Ok(list),
        }
    }

    /// Where each descriptor begins, the state in it if it is one, and the group.
    fn raw(self) -> impl Iterator<Item = (u16, Option<AccessState>, u16)> + 'a {
        let places = (Self::HEADER..).step_by(Self::DESCRIPTOR);
        let descriptors = self.0.chunks_exact(Self::DESCRIPTOR);
        places.zip(descriptors).filter_map(|(at, descriptor)| {
            let &[state, _, high, low] = descriptor.first_chunk()?;
            let at = u16::try_from(at).unwrap_or(u16::MAX);
            let state = AccessState::from_code(state & 0x0f);
            Some((at, state, u16::from_be_bytes([high, low])))
        })
    }

    /// The changes, in the order of the list.
    pub fn iter(self) -> impl Iterator<Item = SetDescriptor> + 'a {
        self.raw().filter_map(|(at, state, group)| {
            Some(SetDescriptor {
                group,
                state: state?,
                at,
            })
        })
    }
}

/// Whether an initiator may ask for a state.
fn is_settable(state: Option<AccessState>) -> bool {
    !matches!(
        state,
        Some(AccessState::Offline | AccessState::Transitioning) | None
    )
}

#[cfg(test)]
mod tests;
