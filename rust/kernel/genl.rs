// SPDX-License-Identifier: GPL-2.0

//! Generic netlink families with commands, policies, replies and dumps.
//!
//! A family is described by the constants of `stmf_uapi`, which userspace shares. The C tables are
//! built from them when the family is registered, so that a handler is an ordinary safe
//! function. Handlers run in process context and may sleep; several may run at once.
//!
//! C header: [`include/net/genetlink.h`](srctree/include/net/genetlink.h)

mod message;
mod request;

pub use message::{Dump, Writer};
pub use request::{Refusal, Request};

use crate::{bindings, shims};
use kernel::{
    error::to_result,
    ffi::{c_int, c_void},
    prelude::*,
    ThisModule, //
};
use stmf_uapi::{
    Kind,
    Operation, //
};

/// What an operation does with a request.
#[derive(Clone, Copy)]
pub enum Handler {
    /// Answers one request; what it writes is the reply, nothing written is a plain acknowledgment.
    Do(u8, fn(&Request<'_>, &mut Writer<'_>) -> Result<(), Refusal>),
    /// Lists objects, called again with the same cursor until it has written all.
    Dump(u8, fn(&Request<'_>, &mut Dump<'_>) -> Result<(), Refusal>),
}

impl Handler {
    fn command(&self) -> u8 {
        match self {
            Handler::Do(command, _) | Handler::Dump(command, _) => *command,
        }
    }

    fn is_dump(&self) -> bool {
        matches!(self, Handler::Dump(..))
    }
}

/// A family's description.
pub struct Family {
    /// Its name, which userspace resolves to a number.
    pub name: &'static CStr,
    /// Its version.
    pub version: u8,
    /// Its operations as the interface defines them: who may call them, what they take.
    pub operations: &'static [Operation],
    /// The code for them, in the order of the command numbers, `Do` before `Dump`.
    pub handlers: &'static [Handler],
    /// The names of its multicast groups.
    pub groups: &'static [&'static CStr],
}

impl Family {
    fn operation(&self, command: u8) -> Option<&'static Operation> {
        self.operations.iter().find(|op| op.number == command)
    }
}

/// The kernel's policy for an attribute.
fn policy_of(kind: Kind) -> bindings::nla_policy {
    let (number, len, bounds) = match kind {
        Kind::Flag => (bindings::NLA_FLAG, 0, None),
        Kind::U8 { min, max } => (bindings::NLA_U8, 0, bounds(min, max, u8::MAX)),
        Kind::U16 { min, max } => (bindings::NLA_U16, 0, bounds(min, max, u16::MAX)),
        Kind::U32 { min, max } => (bindings::NLA_U32, 0, bounds(min, max, u32::MAX)),
        Kind::Uint => (bindings::NLA_UINT, 0, None),
        Kind::String { max } => (bindings::NLA_NUL_STRING, max, None),
        // As NLA_POLICY_EXACT_LEN(): the range of binary attributes is that of their length.
        Kind::Binary { len } => (bindings::NLA_BINARY, len, bounds(len, len, usize::MAX)),
    };
    let mut policy = bindings::nla_policy {
        type_: number as u8,
        len: len as u16,
        ..Default::default()
    };
    if let Some((validation, min, max)) = bounds {
        policy.validation_type = validation as u8;
        policy.__bindgen_anon_1.__bindgen_anon_1 =
            bindings::nla_policy__bindgen_ty_1__bindgen_ty_1 { min, max };
    }
    policy
}

/// The bounds of a type whose largest value that is, if they fit the policy's own fields. The handlers check
/// what doesn't.
fn bounds<T: TryInto<i16> + PartialEq>(
    min: T,
    max: T,
    largest: T,
) -> Option<(bindings::nla_policy_validation, i16, i16)> {
    let min = min.try_into().ok()?;
    if max == largest {
        return Some((bindings::nla_policy_validation_NLA_VALIDATE_MIN, min, 0));
    }
    let max = max.try_into().ok()?;
    Some((bindings::nla_policy_validation_NLA_VALIDATE_RANGE, min, max))
}

/// A registered family; dropping it unregisters, after the handlers that run have returned.
///
/// # Invariants
///
/// `tables` is registered, and stays where it is until it is unregistered.
pub struct Registration {
    tables: Pin<KBox<Tables>>,
}

/// The C structures of a family.
#[repr(C)]
struct Tables {
    // First, so that the trampolines find the rest from the pointer that C gives them.
    family: bindings::genl_family,
    ops: KVec<bindings::genl_split_ops>,
    policies: KVec<KVec<bindings::nla_policy>>,
    groups: KVec<bindings::genl_multicast_group>,
    description: &'static Family,
    _pin: core::marker::PhantomPinned,
}

// SAFETY: The C structures are written before the registration and read-only for us afterwards;
// genetlink serialises its own changes.
unsafe impl Send for Registration {}
// SAFETY: As above; the handle gives no access.
unsafe impl Sync for Registration {}

impl Registration {
    /// Registers a family. May sleep.
    pub fn new(description: &'static Family, module: &'static ThisModule) -> Result<Self> {
        let mut tables = KBox::new(
            Tables {
                family: bindings::genl_family {
                    version: u32::from(description.version),
                    module: module.as_ptr(),
                    // All attributes are checked strictly from the first command on.
                    resv_start_op: 1,
                    ..Default::default()
                },
                ops: KVec::with_capacity(description.handlers.len(), GFP_KERNEL)?,
                policies: KVec::with_capacity(description.handlers.len(), GFP_KERNEL)?,
                groups: KVec::new(),
                description,
                _pin: core::marker::PhantomPinned,
            },
            GFP_KERNEL,
        )?;
        tables.build()?;
        let mut tables = KBox::into_pin(tables);
        // SAFETY: The structure is not moved: the pointer is only lent to C.
        let family = unsafe { &raw mut tables.as_mut().get_unchecked_mut().family };
        // SAFETY: The family and all that it points to are initialised and outlive the
        // registration, which `drop` ends.
        to_result(unsafe { bindings::genl_register_family(family) })?;
        // INVARIANT: Registered, and pinned.
        Ok(Self { tables })
    }

    /// Sends a message to the listeners of a multicast group, given by its place in
    /// [`Family::groups`]. Any context; never waits.
    ///
    /// A listener that has no room for it, or all of them when there is no memory for it, are told
    /// by `ENOBUFS` that they have missed something.
    pub fn multicast(&self, group: u8, command: u8, fill: impl FnOnce(&mut Writer<'_>) -> Result) {
        let family = &raw const self.tables.family;
        if group >= self.tables.family.n_mcgrps {
            return;
        }
        let sent = message::notify(family, group, command, fill);
        if sent.is_err() {
            // SAFETY: The family is registered by the invariant, and has the group.
            unsafe { shims::genl_set_err(family, group.into(), ENOBUFS.to_errno()) };
        }
    }
}

impl Tables {
    fn build(&mut self) -> Result {
        let name = self.description.name.to_bytes_with_nul();
        let room = self.family.name.get_mut(..name.len()).ok_or(ENAMETOOLONG)?;
        room.copy_from_slice(name);
        self.family.set_netnsok(1);
        self.family.set_parallel_ops(1);
        for handler in self.description.handlers {
            self.add(handler)?;
        }
        self.family.split_ops = self.ops.as_ptr();
        self.family.n_split_ops = u8::try_from(self.ops.len())?;
        for name in self.description.groups {
            let mut group = bindings::genl_multicast_group::default();
            let name = name.to_bytes_with_nul();
            let room = group.name.get_mut(..name.len()).ok_or(ENAMETOOLONG)?;
            room.copy_from_slice(name);
            self.groups.push(group, GFP_KERNEL)?;
        }
        self.family.mcgrps = self.groups.as_ptr();
        self.family.n_mcgrps = u8::try_from(self.groups.len())?;
        Ok(())
    }

    fn add(&mut self, handler: &Handler) -> Result {
        let operation = self
            .description
            .operation(handler.command())
            .ok_or(EINVAL)?;
        let takes = taken(operation, handler.is_dump());
        let last = takes.iter().copied().max().unwrap_or(0);
        let mut policy = KVec::from_elem(
            bindings::nla_policy::default(),
            usize::from(last) + 1,
            GFP_KERNEL,
        )?;
        for attribute in operation.attributes {
            if takes.contains(&attribute.number) {
                policy[usize::from(attribute.number)] = policy_of(attribute.kind);
            }
        }
        // Makes the types without a policy above refused instead of ignored.
        policy[0].__bindgen_anon_1.strict_start_type = 1;
        let mut op = bindings::genl_split_ops {
            policy: policy.as_ptr(),
            maxattr: u32::from(last),
            cmd: operation.number,
            flags: bindings::GENL_CMD_CAP_HASPOL as u8,
            ..Default::default()
        };
        if operation.admin {
            op.flags |= bindings::GENL_ADMIN_PERM as u8;
        }
        if handler.is_dump() {
            op.flags |= bindings::GENL_CMD_CAP_DUMP as u8;
            op.__bindgen_anon_1.__bindgen_anon_2.dumpit = Some(run_dump);
        } else {
            op.flags |= bindings::GENL_CMD_CAP_DO as u8;
            op.__bindgen_anon_1.__bindgen_anon_1.doit = Some(run_do);
        }
        self.policies.push(policy, GFP_KERNEL)?;
        self.ops.push(op, GFP_KERNEL)?;
        Ok(())
    }

    /// The tables of a family that C hands back.
    ///
    /// # Safety
    ///
    /// `family` is one that [`Registration::new`] registered, and stays registered for `'a`.
    unsafe fn of<'a>(family: *const bindings::genl_family) -> &'a Tables {
        // SAFETY: By the requirement `family` is the first field of a live, `repr(C)` `Tables`.
        unsafe { &*family.cast::<Tables>() }
    }

    /// The code for a command and the attributes that it takes.
    fn find(&self, command: u8, dump: bool) -> Option<(&'static Handler, &'static [u16])> {
        let mut handlers = self.description.handlers.iter();
        let handler = handlers.find(|h| h.command() == command && h.is_dump() == dump)?;
        Some((handler, taken(self.description.operation(command)?, dump)))
    }
}

/// The attributes that a request may carry.
fn taken(operation: &'static Operation, dump: bool) -> &'static [u16] {
    let takes = if dump {
        operation.dump
    } else {
        operation.request
    };
    takes.unwrap_or(&[])
}

impl Drop for Registration {
    fn drop(&mut self) {
        // SAFETY: The structure is not moved: the pointer is only lent to C.
        let family = unsafe { &raw mut self.tables.as_mut().get_unchecked_mut().family };
        // SAFETY: Registered by the invariant; once.
        unsafe { bindings::genl_unregister_family(family) };
    }
}

/// `doit` of every operation.
///
/// # Safety
///
/// Called by generic netlink with a parsed request for one of our families.
unsafe extern "C" fn run_do(_skb: *mut bindings::sk_buff, info: *mut bindings::genl_info) -> c_int {
    // SAFETY: Generic netlink passes a live `info` of the family it found, which can't be
    // unregistered while a handler runs.
    let (tables, command) = unsafe { (Tables::of((*info).family), (*(*info).genlhdr).cmd) };
    let Some((Handler::Do(_, handler), takes)) = tables.find(command, false) else {
        return EOPNOTSUPP.to_errno();
    };
    // SAFETY: `info` is live for the call, and its attributes were parsed by `takes`.
    let request = unsafe { Request::new(info, takes) };
    let outcome = message::reply(&request, command, |writer| handler(&request, writer));
    match outcome {
        Ok(()) => 0,
        Err(refusal) => request.refuse(&refusal),
    }
}

/// `dumpit` of every operation that lists.
///
/// # Safety
///
/// Called by generic netlink with the dump's callback for one of our families.
unsafe extern "C" fn run_dump(
    skb: *mut bindings::sk_buff,
    cb: *mut bindings::netlink_callback,
) -> c_int {
    // SAFETY: Generic netlink passes a live `cb` whose data is a `genl_dumpit_info`.
    let info = unsafe { shims::genl_info_dump(cb) }.cast_mut();
    // SAFETY: As above; the family stays registered: the dump holds its module.
    let (tables, command) = unsafe { (Tables::of((*info).family), shims::dump_cmd(cb)) };
    let Some((Handler::Dump(_, handler), takes)) = tables.find(command, true) else {
        return EOPNOTSUPP.to_errno();
    };
    // SAFETY: `info` is live for the call, and its attributes were parsed by `takes`.
    let request = unsafe { Request::new(info, takes) };
    // SAFETY: `skb` and `cb` are live and ours for the call.
    let mut dump = unsafe { Dump::new(skb, cb, &request, command) };
    match handler(&request, &mut dump) {
        Ok(()) => dump.finish(),
        Err(refusal) => request.refuse(&refusal),
    }
}

/// The number as C code wants it in a `nlattr *` table.
fn attribute_slot(attrs: *mut *mut bindings::nlattr, number: u16) -> *const bindings::nlattr {
    // SAFETY: The callers check `number` against the operation's `takes`, whose highest number
    // sized the table.
    unsafe { *attrs.add(usize::from(number)) }
}

/// The payload of an attribute that the policy has validated.
///
/// # Safety
///
/// `attribute` is a validated attribute that lives for `'a`.
unsafe fn payload<'a>(attribute: *const bindings::nlattr) -> &'a [u8] {
    // SAFETY: By the requirement the header and its length are right.
    unsafe {
        core::slice::from_raw_parts(
            shims::nla_data(attribute).cast::<u8>(),
            shims::nla_len(attribute) as usize,
        )
    }
}

/// A pointer as C's `void *`.
fn as_void<T: ?Sized>(value: &T) -> *const c_void {
    core::ptr::from_ref(value).cast()
}
