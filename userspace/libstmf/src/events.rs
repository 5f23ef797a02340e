// SPDX-License-Identifier: GPL-2.0

//! Events, as they come.

use std::io;

use stmf_uapi::stmf;

use crate::attributes::Fields;
use crate::error::Error;
use crate::netlink::Netlink;
use crate::transport::Fault;
use crate::types::{Decode, Event};
use crate::wire::Messages;

/// What a listener is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Something has happened.
    Event(Event),
    /// Events were missed, because they came faster than they were read: ask for the state of what
    /// matters.
    Lost,
}

/// Where events come from.
pub trait EventSource {
    /// Waits for the next notice; `None` when there will be no more.
    fn next(&mut self) -> Result<Option<Notice>, Error>;
}

/// The kernel's events.
#[derive(Debug)]
pub struct Events {
    netlink: Netlink,
    ready: std::collections::VecDeque<Event>,
}

impl Events {
    /// Listens from now on.
    pub fn open() -> Result<Self, Error> {
        let mut netlink = Netlink::open()?;
        netlink
            .listen(stmf::FAMILY, stmf::EVENTS)
            .map_err(|fault| Error::new(fault, stmf::FAMILY, &[], "events"))?;
        Ok(Self {
            netlink,
            ready: std::collections::VecDeque::new(),
        })
    }

    /// Takes the events out of a datagram. Those of a kind that only a later version of this
    /// library knows are left out.
    fn take(&mut self, datagram: &[u8]) -> Result<(), Fault> {
        for message in Messages::new(datagram) {
            let fields = Fields::new(message?.attributes()?)?;
            self.ready.extend(Event::decode(&fields).ok());
        }
        Ok(())
    }
}

impl EventSource for Events {
    fn next(&mut self) -> Result<Option<Notice>, Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(Some(Notice::Event(event)));
            }
            match self.netlink.receive() {
                Ok(datagram) => self
                    .take(&datagram)
                    .map_err(|fault| Error::new(fault, stmf::FAMILY, &[], "events"))?,
                Err(error) if is_overrun(&error) => return Ok(Some(Notice::Lost)),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Whether this is the kernel's word that a socket's buffer was full.
fn is_overrun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::ENOBUFS)
}
