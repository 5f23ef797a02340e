// SPDX-License-Identifier: GPL-2.0

//! What a PERSISTENT RESERVE OUT asks for: from CDB and parameter list to [`Request`].

use super::kind::ReservationType;
use crate::{
    sense::{
        AdditionalSense,
        Sense, //
    },
    transport_id::TransportId, //
};

/// SERVICE ACTION (SPC-5, PERSISTENT RESERVE OUT command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ServiceAction {
    /// Registers, changes the key or unregisters.
    Register = 0x00,
    /// Makes a reservation.
    Reserve = 0x01,
    /// Gives a reservation up.
    Release = 0x02,
    /// Removes the reservation and all registrations.
    Clear = 0x03,
    /// Takes registrations, and maybe the reservation, from others.
    Preempt = 0x04,
    /// The same, and aborts the commands of the others.
    PreemptAndAbort = 0x05,
    /// As [`ServiceAction::Register`], whatever the key was.
    RegisterAndIgnoreExistingKey = 0x06,
    /// Hands the reservation to another I_T nexus.
    RegisterAndMove = 0x07,
}

impl ServiceAction {
    /// All service actions, in the order of their codes.
    pub const ALL: [ServiceAction; 8] = [
        ServiceAction::Register,
        ServiceAction::Reserve,
        ServiceAction::Release,
        ServiceAction::Clear,
        ServiceAction::Preempt,
        ServiceAction::PreemptAndAbort,
        ServiceAction::RegisterAndIgnoreExistingKey,
        ServiceAction::RegisterAndMove,
    ];

    /// The value of the SERVICE ACTION field.
    pub const fn code(self) -> u8 {
        // CAST: the enum is `repr(u8)`.
        self as u8
    }
}

/// The fields of the CDB (SPC-5, PERSISTENT RESERVE OUT command).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersistentReserveOut {
    /// SERVICE ACTION.
    pub action: ServiceAction,
    /// SCOPE and TYPE, which some service actions ignore.
    pub scope_and_type: u8,
    /// PARAMETER LIST LENGTH.
    pub list_len: u32,
}

/// The length of the parameter list without TransportIDs.
pub const BASIC_LEN: usize = 24;

/// The longest parameter list that is taken: room for 250 of the longest TransportIDs.
pub const MAX_LEN: u32 = 0xffff;

impl PersistentReserveOut {
    /// Checks PARAMETER LIST LENGTH, before there is a parameter list.
    ///
    /// Only REGISTER, for SPEC_I_PT, and REGISTER AND MOVE have more than 24 bytes.
    pub const fn check_length(&self) -> Result<(), Sense> {
        // CAST: 24.
        const BASIC: u32 = BASIC_LEN as u32;

        let fits = match self.action {
            ServiceAction::Register | ServiceAction::RegisterAndMove => {
                BASIC <= self.list_len && self.list_len <= MAX_LEN
            }
            _ => self.list_len == BASIC,
        };
        if fits {
            Ok(())
        } else {
            Err(Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR))
        }
    }

    /// SCOPE, which has to be the logical unit, and TYPE.
    fn kind(&self) -> Result<ReservationType, Sense> {
        if self.scope_and_type >> 4 != 0 {
            return Err(Sense::invalid_cdb_field(2, Some(7)));
        }
        ReservationType::from_code(self.scope_and_type & 0x0f)
            .ok_or(Sense::invalid_cdb_field(2, Some(3)))
    }
}

/// REGISTER and REGISTER AND IGNORE EXISTING KEY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Register<'a> {
    /// RESERVATION KEY; none when it is to be ignored.
    pub key: Option<u64>,
    /// SERVICE ACTION RESERVATION KEY; zero to unregister.
    pub new_key: u64,
    /// APTPL.
    pub aptpl: bool,
    /// ALL_TG_PT: for all target ports.
    pub all_ports: bool,
    /// The TransportIDs that SPEC_I_PT announces: the initiator ports to register besides the
    /// sender's.
    pub others: Option<TransportIds<'a>>,
}

/// REGISTER AND MOVE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// RESERVATION KEY.
    pub key: u64,
    /// SERVICE ACTION RESERVATION KEY: the key of the one to whom the reservation goes.
    pub new_key: u64,
    /// APTPL.
    pub aptpl: bool,
    /// UNREG: the sender's registration is to go.
    pub unregister: bool,
    /// RELATIVE TARGET PORT IDENTIFIER of the one to whom the reservation goes.
    pub port: u16,
    /// The initiator port of the one to whom the reservation goes.
    pub initiator: TransportId,
}

/// A PERSISTENT RESERVE OUT that is in order by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
// A `Move` is large for the name in it; requests are made one at a time, on the stack.
#[allow(clippy::large_enum_variant)]
pub enum Request<'a> {
    /// REGISTER and REGISTER AND IGNORE EXISTING KEY.
    Register(Register<'a>),
    /// RESERVE, RESERVATION KEY and TYPE.
    Reserve(u64, ReservationType),
    /// RELEASE, RESERVATION KEY and TYPE.
    Release(u64, ReservationType),
    /// CLEAR and RESERVATION KEY.
    Clear(u64),
    /// PREEMPT and PREEMPT AND ABORT.
    Preempt {
        /// RESERVATION KEY.
        key: u64,
        /// SERVICE ACTION RESERVATION KEY: the key of those who lose their registration.
        victim: u64,
        /// SCOPE and TYPE for a new reservation; ignored if there will be none.
        kind: Result<ReservationType, Sense>,
        /// PREEMPT AND ABORT.
        abort: bool,
    },
    /// REGISTER AND MOVE.
    Move(Move),
}

impl<'a> Request<'a> {
    /// Reads the parameter list (SPC-5, PERSISTENT RESERVE OUT parameter list and REGISTER AND MOVE
    /// parameter list).
    pub fn parse(cdb: &PersistentReserveOut, list: &'a [u8]) -> Result<Self, Sense> {
        const LENGTH_ERROR: Sense = Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR);

        cdb.check_length()?;
        let (basic, rest) = list
            .split_first_chunk::<BASIC_LEN>()
            .filter(|_| list.len() == cdb.list_len as usize)
            .ok_or(LENGTH_ERROR)?;
        let (key, new_key) = keys(basic);
        Ok(match cdb.action {
            ServiceAction::Register => Request::Register(register(basic, rest, Some(key))?),
            ServiceAction::RegisterAndIgnoreExistingKey => {
                Request::Register(register(basic, rest, None)?)
            }
            ServiceAction::RegisterAndMove => Request::Move(parse_move(basic, rest)?),
            action => {
                no_initiator_ports(basic)?;
                match action {
                    ServiceAction::Reserve => Request::Reserve(key, cdb.kind()?),
                    ServiceAction::Release => Request::Release(key, cdb.kind()?),
                    ServiceAction::Clear => Request::Clear(key),
                    _ => Request::Preempt {
                        key,
                        victim: new_key,
                        kind: cdb.kind(),
                        abort: action == ServiceAction::PreemptAndAbort,
                    },
                }
            }
        })
    }
}

/// Where SERVICE ACTION RESERVATION KEY is, for field pointers.
pub(super) const NEW_KEY_FIELD: u16 = 8;

/// Where SPEC_I_PT, ALL_TG_PT and APTPL are.
const FLAGS_FIELD: u16 = 20;

const SPEC_I_PT: u8 = 0x08;
const ALL_TG_PT: u8 = 0x04;
const APTPL: u8 = 0x01;

/// RESERVATION KEY and SERVICE ACTION RESERVATION KEY.
fn keys(basic: &[u8; BASIC_LEN]) -> (u64, u64) {
    let [k7, k6, k5, k4, k3, k2, k1, k0, s7, s6, s5, s4, s3, s2, s1, s0, ..] = *basic;
    (
        u64::from_be_bytes([k7, k6, k5, k4, k3, k2, k1, k0]),
        u64::from_be_bytes([s7, s6, s5, s4, s3, s2, s1, s0]),
    )
}

/// SPEC_I_PT is for REGISTER alone.
fn no_initiator_ports(basic: &[u8; BASIC_LEN]) -> Result<(), Sense> {
    let [.., flags, _, _, _] = *basic;
    if flags & SPEC_I_PT != 0 {
        return Err(SPEC_I_PT_REFUSED);
    }
    Ok(())
}

/// SPEC_I_PT where it may not be set.
pub(super) const SPEC_I_PT_REFUSED: Sense = Sense::invalid_parameter(FLAGS_FIELD, Some(3));

/// APTPL where it can't be honoured.
pub(super) const APTPL_REFUSED: Sense = Sense::invalid_parameter(FLAGS_FIELD, Some(0));

fn register<'a>(
    basic: &[u8; BASIC_LEN],
    rest: &'a [u8],
    key: Option<u64>,
) -> Result<Register<'a>, Sense> {
    let [.., flags, _, _, _] = *basic;
    let others = match (flags & SPEC_I_PT != 0, rest.is_empty()) {
        (false, true) => None,
        (false, false) => {
            return Err(Sense::illegal(AdditionalSense::PARAMETER_LIST_LENGTH_ERROR));
        }
        (true, _) if key.is_none() => return Err(SPEC_I_PT_REFUSED),
        (true, _) => Some(TransportIds::parse(rest)?),
    };
    Ok(Register {
        key,
        new_key: keys(basic).1,
        aptpl: flags & APTPL != 0,
        all_ports: flags & ALL_TG_PT != 0,
        others,
    })
}

fn parse_move(basic: &[u8; BASIC_LEN], rest: &[u8]) -> Result<Move, Sense> {
    const UNREG: u8 = 0x02;
    /// The TRANSPORTID PARAMETER DATA LENGTH field.
    const LENGTH_FIELD: u16 = 20;
    /// The TransportID.
    const ID_FIELD: u16 = 24;

    let (key, new_key) = keys(basic);
    let [.., flags, p1, p0, l3, l2, l1, l0] = *basic;
    let len = u32::from_be_bytes([l3, l2, l1, l0]) as usize;
    let id = rest
        .get(..len)
        .filter(|id| !id.is_empty())
        .ok_or(Sense::invalid_parameter(LENGTH_FIELD, None))?;
    let (initiator, used) = initiator_port(id).ok_or(Sense::invalid_parameter(ID_FIELD, None))?;
    if used != len {
        return Err(Sense::invalid_parameter(LENGTH_FIELD, None));
    }
    if new_key == 0 {
        return Err(Sense::invalid_parameter(NEW_KEY_FIELD, None));
    }
    Ok(Move {
        key,
        new_key,
        aptpl: flags & APTPL != 0,
        unregister: flags & UNREG != 0,
        port: u16::from_be_bytes([p1, p0]),
        initiator,
    })
}

/// The TransportID at the start of `bytes`, when it names an initiator port; and its length.
///
/// An iSCSI TransportID of format 00b names all ports of a node, also those that nobody has heard
/// of yet: no registration can be made for it.
fn initiator_port(bytes: &[u8]) -> Option<(TransportId, usize)> {
    let (id, len) = TransportId::parse(bytes).ok()?;
    match &id {
        TransportId::Iscsi(port) if port.isid().is_none() => None,
        _ => Some((id, len)),
    }
}

/// The TransportIDs of a parameter list, one after the other. Each is known to be in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransportIds<'a>(&'a [u8]);

impl<'a> TransportIds<'a> {
    /// Where the first is in the parameter list.
    const FIRST: u16 = 28;

    /// Reads TRANSPORTID PARAMETER DATA LENGTH and what follows it.
    fn parse(rest: &'a [u8]) -> Result<Self, Sense> {
        // CAST: 24.
        const LENGTH_ERROR: Sense = Sense::invalid_parameter(BASIC_LEN as u16, None);

        let (len, ids) = rest.split_first_chunk::<4>().ok_or(LENGTH_ERROR)?;
        let ids = ids
            .get(..u32::from_be_bytes(*len) as usize)
            .ok_or(LENGTH_ERROR)?;
        let mut left = ids;
        while !left.is_empty() {
            let at = ids.len().saturating_sub(left.len());
            let (_, used) =
                initiator_port(left).ok_or(Sense::invalid_parameter(Self::field(at), None))?;
            left = left.get(used..).unwrap_or_default();
        }
        Ok(Self(ids))
    }

    /// The field pointer for the TransportID that begins `at` bytes behind the first.
    fn field(at: usize) -> u16 {
        u16::try_from(at).map_or(u16::MAX, |at| Self::FIRST.saturating_add(at))
    }

    /// The initiator ports, each with the place of its TransportID in the parameter list.
    pub fn iter(self) -> impl Iterator<Item = (u16, TransportId)> + 'a {
        let ids = self.0;
        let mut left = ids;
        core::iter::from_fn(move || {
            let at = ids.len().saturating_sub(left.len());
            let (id, used) = initiator_port(left)?;
            left = left.get(used..)?;
            Some((Self::field(at), id))
        })
    }
}
