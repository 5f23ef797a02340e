// SPDX-License-Identifier: GPL-2.0

//! The transport to the kernel: a generic netlink socket.

use std::io;

use netlink_sys::{protocols::NETLINK_GENERIC, Socket, SocketAddr};

use crate::attributes::{need, Attributes, Builder, DecodeError, Fields, Key};
use crate::transport::{Fault, Mode, Request, Transport};
use crate::wire::{
    message, Messages, GENL_ID_CTRL, NLMSG_DONE, NLMSG_ERROR, NLMSG_NOOP, NLM_F_ACK, NLM_F_DUMP,
    NLM_F_DUMP_INTR, NLM_F_REQUEST,
};

/// Command that tells a family's number.
const CTRL_CMD_GETFAMILY: u8 = 3;
/// Version of the family that knows the others.
const CTRL_VERSION: u8 = 2;

/// Attributes of the family that knows the others.
#[derive(Clone, Copy)]
enum Control {
    FamilyId = 1,
    FamilyName = 2,
    Groups = 7,
}

impl Key for Control {
    fn number(self) -> u16 {
        self as u16
    }

    fn name(self) -> &'static str {
        match self {
            Self::FamilyId => "family-id",
            Self::FamilyName => "family-name",
            Self::Groups => "mcast-groups",
        }
    }
}

/// Attributes of a multicast group.
#[derive(Clone, Copy)]
enum Group {
    Name = 1,
    Id = 2,
}

impl Key for Group {
    fn number(self) -> u16 {
        self as u16
    }

    fn name(self) -> &'static str {
        match self {
            Self::Name => "mcast-group-name",
            Self::Id => "mcast-group-id",
        }
    }
}

/// Room for one datagram; the kernel fills at most 32 KiB.
const DATAGRAM_LEN: usize = 64 * 1024;

/// A generic netlink socket.
#[derive(Debug)]
pub struct Netlink {
    socket: Socket,
    sequence: u32,
    /// Families whose number is known.
    families: Vec<(&'static str, u16)>,
}

impl Netlink {
    /// Opens a socket. Whether modules are loaded shows with the first request to each.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_GENERIC)?;
        socket.bind_auto()?;
        // Being connected to it, the socket hears nobody but the kernel.
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_ext_ack(true)?;
        socket.set_cap_ack(true)?;
        Ok(Self {
            socket,
            sequence: 0,
            families: Vec::new(),
        })
    }

    fn family(&mut self, name: &'static str) -> Result<u16, Fault> {
        if let Some((_, id)) = self.families.iter().find(|(known, _)| *known == name) {
            return Ok(*id);
        }
        let attributes = Builder::new()
            .text(Control::FamilyName, name)
            .finish()
            .map_err(DecodeError::Missing)?;
        let reply = self.describe(&attributes)?;
        let id = need(
            Control::FamilyId,
            Fields::new(&reply)?.u16(Control::FamilyId)?,
        )?;
        self.families.push((name, id));
        Ok(id)
    }

    /// Joins a multicast group of a family.
    pub(crate) fn listen(&mut self, family: &'static str, group: &str) -> Result<(), Fault> {
        let attributes = Builder::new()
            .text(Control::FamilyName, family)
            .finish()
            .map_err(DecodeError::Missing)?;
        let reply = self.describe(&attributes)?;
        let groups = Fields::new(&reply)?.bytes(Control::Groups).unwrap_or(&[]);
        for attribute in Attributes::new(groups) {
            let fields = Fields::new(attribute?.1)?;
            if fields.text(Group::Name).as_deref() == Some(group) {
                let id = need(Group::Id, fields.u32(Group::Id)?)?;
                return Ok(self.socket.add_membership(id)?);
            }
        }
        Err(Fault::Malformed(DecodeError::Missing(Group::Name.name())))
    }

    /// Waits for a datagram that nobody asked for.
    pub(crate) fn receive(&mut self) -> io::Result<Vec<u8>> {
        let mut datagram = Vec::with_capacity(DATAGRAM_LEN);
        loop {
            match self.socket.recv(&mut datagram, 0) {
                Ok(_) => return Ok(datagram),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What the kernel says about the family that the attributes name.
    fn describe(&mut self, attributes: &[u8]) -> Result<Vec<u8>, Fault> {
        let replies = self
            .exchange(
                GENL_ID_CTRL,
                CTRL_CMD_GETFAMILY,
                CTRL_VERSION,
                Mode::Do,
                attributes,
            )
            .map_err(|fault| match fault {
                Fault::Refused(refusal) if refusal.errno == libc::ENOENT => Fault::NoFamily,
                fault => fault,
            })?;
        Ok(need(Control::FamilyId, replies.into_iter().next())?)
    }

    /// Sends a request and reads until its acknowledgment, or the end of the list.
    fn exchange(
        &mut self,
        family: u16,
        command: u8,
        version: u8,
        mode: Mode,
        attributes: &[u8],
    ) -> Result<Vec<Vec<u8>>, Fault> {
        self.sequence = self.sequence.wrapping_add(1);
        let flags = match mode {
            Mode::Do => NLM_F_REQUEST | NLM_F_ACK,
            Mode::Dump => NLM_F_REQUEST | NLM_F_DUMP,
        };
        let request = message(family, flags, self.sequence, command, version, attributes);
        self.socket.send(&request, 0)?;
        let mut answer = Answer::new(family, self.sequence, attributes);
        let mut datagram = Vec::with_capacity(DATAGRAM_LEN);
        loop {
            datagram.clear();
            match self.socket.recv(&mut datagram, 0) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            if answer.take(&datagram)? {
                return answer.finish();
            }
        }
    }
}

impl Transport for Netlink {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        let family = self.family(request.family)?;
        self.exchange(
            family,
            request.command,
            request.version,
            request.mode,
            request.attributes,
        )
    }
}

/// The answer to one request, as it comes in from a socket.
#[derive(Debug)]
pub struct Answer<'a> {
    family: u16,
    sequence: u32,
    request: &'a [u8],
    replies: Vec<Vec<u8>>,
    interrupted: bool,
}

impl<'a> Answer<'a> {
    /// Nothing yet of the answer to the request of this number, for this family and with these
    /// attributes.
    pub fn new(family: u16, sequence: u32, request: &'a [u8]) -> Self {
        Self {
            family,
            sequence,
            request,
            replies: Vec::new(),
            interrupted: false,
        }
    }

    /// Takes a datagram; whether the answer is complete.
    pub fn take(&mut self, datagram: &[u8]) -> Result<bool, Fault> {
        for message in Messages::new(datagram) {
            let message = message?;
            // What is left of an earlier answer that was given up.
            if message.sequence != self.sequence {
                continue;
            }
            self.interrupted |= message.flags & NLM_F_DUMP_INTR != 0;
            match message.kind {
                NLMSG_ERROR | NLMSG_DONE => {
                    message.outcome(self.request)?.map_err(Fault::Refused)?;
                    return Ok(true);
                }
                NLMSG_NOOP => {}
                kind if kind == self.family => {
                    self.replies.push(message.attributes()?.to_vec());
                }
                kind => return Err(DecodeError::Unexpected(kind).into()),
            }
        }
        Ok(false)
    }

    /// The attributes of every message.
    pub fn finish(self) -> Result<Vec<Vec<u8>>, Fault> {
        if self.interrupted {
            Err(Fault::Interrupted)
        } else {
            Ok(self.replies)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FAMILY: u16 = 0x1c;

    fn reply(flags: u16, sequence: u32) -> Vec<u8> {
        message(FAMILY, flags, sequence, 1, 1, &[4, 0, 6, 0])
    }

    /// An acknowledgment or the end of a list, with an error number.
    fn end(kind: u16, flags: u16, sequence: u32, errno: i32) -> Vec<u8> {
        let mut bytes = message(kind, flags, sequence, 0, 0, &[]);
        let start = bytes.len() - 4;
        bytes[start..].copy_from_slice(&(-errno).to_ne_bytes());
        bytes
    }

    #[test]
    fn one_reply_and_its_acknowledgment() {
        let mut answer = Answer::new(FAMILY, 7, &[]);
        assert!(!answer.take(&reply(0, 7)).unwrap());
        assert!(answer.take(&end(NLMSG_ERROR, 0, 7, 0)).unwrap());
        assert_eq!(answer.finish().unwrap(), [[4, 0, 6, 0]]);
    }

    #[test]
    fn a_list_in_several_datagrams() {
        let mut answer = Answer::new(FAMILY, 7, &[]);
        let two = [reply(2, 7), reply(2, 7)].concat();
        assert!(!answer.take(&two).unwrap());
        let last = [reply(2, 7), end(NLMSG_DONE, 2, 7, 0)].concat();
        assert!(answer.take(&last).unwrap());
        assert_eq!(answer.finish().unwrap().len(), 3);
    }

    #[test]
    fn leftovers_are_skipped() {
        let mut answer = Answer::new(FAMILY, 7, &[]);
        let old = [reply(2, 6), end(NLMSG_DONE, 2, 6, 0)].concat();
        assert!(!answer.take(&old).unwrap());
        assert!(answer.take(&end(NLMSG_ERROR, 0, 7, 0)).unwrap());
        assert!(answer.finish().unwrap().is_empty());
    }

    #[test]
    fn a_change_anywhere_in_a_list_interrupts_it() {
        for datagram in [
            [reply(2 | NLM_F_DUMP_INTR, 7), end(NLMSG_DONE, 2, 7, 0)].concat(),
            [reply(2, 7), end(NLMSG_DONE, 2 | NLM_F_DUMP_INTR, 7, 0)].concat(),
        ] {
            let mut answer = Answer::new(FAMILY, 7, &[]);
            assert!(answer.take(&datagram).unwrap());
            assert!(matches!(answer.finish(), Err(Fault::Interrupted)));
        }
    }

    #[test]
    fn a_refusal_ends_it() {
        let mut answer = Answer::new(FAMILY, 7, &[]);
        let refused = answer.take(&end(NLMSG_ERROR, 0, 7, libc::EPERM));
        assert!(
            matches!(&refused, Err(Fault::Refused(refusal)) if refusal.errno == libc::EPERM),
            "{refused:?}"
        );
    }

    #[test]
    fn a_stranger_is_not_understood() {
        let mut answer = Answer::new(FAMILY, 7, &[]);
        let other = message(FAMILY + 1, 0, 7, 1, 1, &[]);
        let error = answer.take(&other);
        assert!(matches!(
            error,
            Err(Fault::Malformed(DecodeError::Unexpected(0x1d)))
        ));
    }

    proptest! {
        #[test]
        fn any_datagram_is_understood_or_not(
            mut datagram in prop::collection::vec(prop_oneof![any::<u8>(), 0u8..24], 0..120),
            request in prop::collection::vec(any::<u8>(), 0..40),
            kind in prop::sample::select(vec![NLMSG_ERROR, NLMSG_DONE, FAMILY]),
            flags: u16,
        ) {
            // Often enough a header that makes sense.
            if datagram.len() >= 16 && flags & 1 == 0 {
                let header = message(kind, flags, 7, 0, 0, &datagram[16..]);
                datagram = header[..header.len() - 4].to_vec();
            }
            let mut answer = Answer::new(FAMILY, 7, &request);
            let _ = answer.take(&datagram);
            for reply in &answer.replies {
                if let Ok(fields) = Fields::new(reply) {
                    let _ = fields.uint(Control::FamilyId);
                    let _ = fields.guid(Control::FamilyId);
                    let _ = fields.text(Control::FamilyName);
                }
            }
        }
    }

    /// Speaks with a real kernel: the family that knows the others knows itself.
    #[test]
    fn the_kernel_answers() {
        let mut netlink = match Netlink::open() {
            Ok(netlink) => netlink,
            // Sandboxes often have no netlink.
            Err(error) => {
                eprintln!("skipped: {error}");
                return;
            }
        };
        assert_eq!(netlink.family("nlctrl").unwrap(), GENL_ID_CTRL);
        let unknown = netlink.family("stmf-nosuch");
        assert!(matches!(unknown, Err(Fault::NoFamily)), "{unknown:?}");
        let list = netlink
            .call(&Request {
                family: "nlctrl",
                version: CTRL_VERSION,
                command: CTRL_CMD_GETFAMILY,
                mode: Mode::Dump,
                attributes: &[],
            })
            .unwrap();
        let names: Vec<_> = list
            .iter()
            .filter_map(|family| Fields::new(family).unwrap().text(Control::FamilyName))
            .collect();
        assert!(names.contains(&"nlctrl".to_owned()), "{names:?}");
    }
}
