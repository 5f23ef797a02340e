// SPDX-License-Identifier: GPL-2.0

//! Connections: bytes out, PDUs in, and what can come of it.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::pdu::{Digests, Pdu, HEADER};

/// How long a target may take for anything. The debug kernel is slow.
const LIMIT: Duration = Duration::from_secs(30);

/// How long it may keep a connection that is to end: less than it waits for who doesn't log in.
const END_LIMIT: Duration = Duration::from_secs(10);

/// Why a case doesn't go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The target has ended the connection.
    #[error("the end of the connection")]
    Closed,
    /// It says nothing.
    #[error("nothing within {} s", LIMIT.as_secs())]
    Silent,
    /// Something else than it should be.
    #[error("{0}")]
    Wrong(String),
}

impl Trouble {
    /// What was expected, and what came.
    pub(crate) fn wrong(expected: &str, got: impl std::fmt::Debug) -> Self {
        Self::Wrong(format!("{got:02x?} where {expected} was expected"))
    }
}

pub(crate) type Outcome<T> = Result<T, Trouble>;

/// A TCP connection with the target.
pub(crate) struct Connection {
    stream: TcpStream,
    pub(crate) digests: Digests,
}

impl Connection {
    pub(crate) fn open(address: SocketAddr) -> Outcome<Self> {
        let fails = |error: std::io::Error| Trouble::Wrong(format!("no connection: {error}"));
        let stream = TcpStream::connect_timeout(&address, LIMIT).map_err(fails)?;
        stream.set_read_timeout(Some(LIMIT)).map_err(fails)?;
        stream.set_write_timeout(Some(LIMIT)).map_err(fails)?;
        stream.set_nodelay(true).map_err(fails)?;
        Ok(Self {
            stream,
            digests: Digests::default(),
        })
    }

    /// Sends bytes as they are.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) -> Outcome<()> {
        self.stream.write_all(bytes).map_err(trouble)
    }

    pub(crate) fn send(&mut self, pdu: &Pdu) -> Outcome<()> {
        let bytes = pdu.bytes(self.digests);
        self.send_bytes(&bytes)
    }

    /// The next PDU; its digests have to be right.
    pub(crate) fn receive(&mut self) -> Outcome<Pdu> {
        let mut header = [0; HEADER];
        self.read(&mut header)?;
        let (ahs, data) = Pdu::lengths(&header);
        let mut pdu = Pdu {
            header,
            ahs: vec![0; ahs],
            data: Vec::new(),
        };
        self.read(&mut pdu.ahs)?;
        if self.digests.header {
            let sealed = [&header[..], &pdu.ahs].concat();
            self.check_digest(&sealed, "of the header")?;
        }
        pdu.data = vec![0; data.next_multiple_of(4)];
        self.read(&mut pdu.data)?;
        if self.digests.data && data > 0 {
            self.check_digest(&pdu.data, "of the data")?;
        }
        pdu.data.truncate(data);
        Ok(pdu)
    }

    fn check_digest(&mut self, sealed: &[u8], what: &str) -> Outcome<()> {
        let mut digest = [0; 4];
        self.read(&mut digest)?;
        match u32::from_le_bytes(digest) == crc32c::crc32c(sealed) {
            true => Ok(()),
            false => Err(Trouble::Wrong(format!("a wrong digest {what}"))),
        }
    }

    fn read(&mut self, bytes: &mut [u8]) -> Outcome<()> {
        self.stream.read_exact(bytes).map_err(trouble)
    }

    /// Sends no more, and waits until the target has ended its side, too: which it has to, whatever
    /// it was sent. What it says meanwhile are PDUs.
    pub(crate) fn finish(self) -> Outcome<()> {
        // It may be gone already.
        let _ = self.stream.shutdown(Shutdown::Write);
        self.expect_end()
    }

    /// Waits for the target to end the connection.
    pub(crate) fn expect_end(mut self) -> Outcome<()> {
        let begin = Instant::now();
        // A target that has ended it may have reset it.
        let _ = self.stream.set_read_timeout(Some(END_LIMIT));
        loop {
            match self.receive() {
                Ok(_) if begin.elapsed() < END_LIMIT => {}
                Err(Trouble::Closed) => return Ok(()),
                Ok(_) | Err(Trouble::Silent) => {
                    let limit = END_LIMIT.as_secs();
                    let what = format!("a connection that is still there after {limit} s");
                    return Err(Trouble::Wrong(what));
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }

    /// Vanishes: with a reset, if what the target sent isn't read.
    pub(crate) fn cut(self, politely: bool) {
        if politely {
            let _ = self.stream.shutdown(Shutdown::Write);
        }
    }
}

fn trouble(error: std::io::Error) -> Trouble {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Trouble::Silent,
        ErrorKind::UnexpectedEof
        | ErrorKind::ConnectionReset
        | ErrorKind::ConnectionAborted
        | ErrorKind::BrokenPipe => Trouble::Closed,
        _ => Trouble::Wrong(error.to_string()),
    }
}
