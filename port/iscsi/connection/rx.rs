// SPDX-License-Identifier: GPL-2.0

//! Receiving: from bytes to headers and the data that follows them.

use super::{
    digest::{self, DataCheck},
    early::Early,
    tx::Attached,
    writes::{Held, Writing},
    Connection,
    End, //
};
use crate::counters::Counter;
use core::mem;
use kernel::{
    alloc::AllocError,
    prelude::*, //
};
use stmf::task::Incoming;
use stmf_iscsi_proto::{
    bhs::{Bhs, Layout, Opcode, BHS_LEN},
    params::ConnectionParams,
    request::{LoginRequest, LogoutRequest, NopOut, TextRequest}, //
};
use stmf_kernel::net::{Buffers, Stream};

/// Room for headers, and for the data that comes along with them.
const BUFFER_LEN: usize = 4096;

/// Requests that are handled, or calls to the socket, before others get a turn.
const BUDGET: usize = 64;

/// Where the data of a request goes, and so what is to be done once it is there.
pub(super) enum Payload {
    /// Nowhere: it isn't wanted.
    Skip,
    /// There is none: a command that only has to be carried out.
    Command(Incoming),
    /// Nowhere: of a logout.
    Logout(LogoutRequest),
    /// To a command.
    Write(Writing),
    /// A text.
    Text(KVec<u8>, Texted),
    /// Back to where it came from.
    Ping(Ping),
    /// To a request that has to wait for others.
    Early(KBox<Early>),
}

/// A ping with data.
pub(super) struct Ping {
    pub(super) nop: NopOut,
    pub(super) data: Attached,
}

/// A request that has text.
pub(super) enum Texted {
    Login(LoginRequest),
    Text(TextRequest, Bhs),
}

impl Payload {
    /// Takes data that comes after `done` other bytes.
    pub(super) fn put(&mut self, done: usize, bytes: &[u8]) -> Result<(), End> {
        match self {
            Payload::Skip | Payload::Command(_) | Payload::Logout(_) => {}
            Payload::Write(writing) => writing.put(bytes),
            Payload::Text(text, _) => text.extend_from_slice(bytes, GFP_KERNEL)?,
            Payload::Ping(ping) => {
                ping.data.pages.write_at(done, bytes);
            }
            Payload::Early(early) => early.put(bytes)?,
        }
        Ok(())
    }
}

/// The data segment that is being received.
struct Segment {
    payload: Payload,
    done: usize,
    len: usize,
    /// Padding and digest behind it.
    trailer: usize,
    /// What its digest is checked with, if it has one.
    check: Option<DataCheck>,
}

impl Segment {
    /// Takes what is there of the segment, and says how much that was.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, End> {
        let left = self.len.saturating_sub(self.done);
        let (data, rest) = bytes.split_at_checked(left).unwrap_or((bytes, &[]));
        self.payload.put(self.done, data)?;
        self.done = self.done.saturating_add(data.len());
        let behind = rest.get(..self.trailer).unwrap_or(rest);
        self.trailer = self.trailer.saturating_sub(behind.len());
        if let Some(check) = &mut self.check {
            check.data(data);
            check.trailer(behind);
        }
        Ok(data.len().saturating_add(behind.len()))
    }

    fn is_complete(&self) -> bool {
        self.done >= self.len && self.trailer == 0
    }

    fn finish(self) -> Event {
        match self.check {
            Some(check) if !check.is_good() => Event::BadData(check.into_header(), self.payload),
            _ => Event::Data(self.payload),
        }
    }
}

/// What was received.
pub(super) enum Event {
    /// Nothing more, for now.
    Nothing,
    /// A header, with its additional segments at this place in the buffer.
    Header(Bhs, core::ops::Range<usize>),
    /// A header, but not as it was sent.
    BadHeader,
    /// All data of the request before.
    Data(Payload),
    /// All data of the request with this header, but not as it was sent.
    BadData(Bhs, Payload),
}

/// The receiving side of a connection.
pub(super) struct Receiver {
    /// Empty while the connection is idle.
    buffer: KVec<u8>,
    start: usize,
    end: usize,
    segment: Option<Segment>,
    /// Whether the socket may have more.
    ready: bool,
    /// Whether there may be a whole PDU in the buffer, which there was no room or no time for.
    left: bool,
    /// Whether the stream may have ended: then only its end, or that there is nothing to wait for yet,
    /// says that there is no more.
    ending: bool,
    /// Whether anything was received since somebody asked.
    heard: bool,
    /// How much to receive behind data that goes straight to a command: the next header, and nothing
    /// of the data that probably follows it, which would have to be copied once more. 0 is no limit.
    behind: usize,
}

impl Receiver {
    pub(super) const fn new() -> Self {
        Self {
            buffer: KVec::new(),
            start: 0,
            end: 0,
            segment: None,
            // What came before the doorbell was connected has not rung, were it the end.
            ready: true,
            left: false,
            ending: true,
            heard: false,
            behind: 0,
        }
    }

    /// Gives back the buffer if nothing is in it.
    pub(super) fn shrink(&mut self) {
        if self.start == self.end {
            self.buffer = KVec::new();
        }
    }

    /// Makes sure that there is a buffer.
    fn grow(&mut self) -> Result<(), AllocError> {
        if self.buffer.is_empty() {
            self.buffer = KVec::zeroed(BUFFER_LEN, GFP_KERNEL)?;
        }
        Ok(())
    }

    /// There is something to receive.
    pub(super) fn ring(&mut self, ending: bool) {
        self.ready = true;
        self.ending |= ending;
    }

    pub(super) fn is_ready(&self) -> bool {
        self.ready || self.left
    }

    /// Whether anything was received since the last call.
    pub(super) fn take_heard(&mut self) -> bool {
        mem::take(&mut self.heard)
    }

    /// Says where the data of the last header goes.
    pub(super) fn begin(&mut self, payload: Payload, bhs: &Bhs, layout: &Layout) {
        let trailer = layout.padding.saturating_add(layout.data_digest);
        let header = BHS_LEN.saturating_add(layout.header_digest);
        let is_direct = matches!(payload, Payload::Write(_)) && layout.data > header;
        self.behind = match is_direct {
            true => trailer.saturating_add(header),
            false => 0,
        };
        self.segment = Some(Segment {
            payload,
            done: 0,
            len: layout.data,
            trailer,
            check: (layout.data_digest > 0).then(|| DataCheck::new(bhs, layout)),
        });
    }

    /// Lends the buffer, so that a header in it can be read while everything else is at hand.
    pub(super) fn lend<R>(
        connection: &mut Connection,
        at: core::ops::Range<usize>,
        read: impl FnOnce(&mut Connection, &[u8]) -> R,
    ) -> R {
        let buffer = mem::replace(&mut connection.rx.buffer, KVec::new());
        let outcome = read(connection, buffer.get(at).unwrap_or(&[]));
        connection.rx.buffer = buffer;
        outcome
    }

    /// The next that has come.
    pub(super) fn next(
        &mut self,
        stream: &mut Stream,
        params: &ConnectionParams,
    ) -> Result<Event, End> {
        loop {
            let there = self.buffer.get(self.start..self.end).unwrap_or(&[]);
            if let Some(segment) = &mut self.segment {
                let taken = segment.take(there)?;
                self.start = self.start.saturating_add(taken);
                if segment.is_complete() {
                    let segment = self.segment.take();
                    return Ok(segment.map_or(Event::Nothing, Segment::finish));
                }
            } else if let Some(event) = self.header(params)? {
                return Ok(event);
            }
            if !self.ready {
                return Ok(Event::Nothing);
            }
            self.pull(stream)?;
        }
    }

    /// Throws away what has come, or a good part of it.
    fn discard(&mut self, stream: &mut Stream) -> Result<(), End> {
        self.segment = None;
        self.behind = 0;
        for _ in 0..BUDGET {
            (self.start, self.end) = (0, 0);
            if !self.ready {
                break;
            }
            self.pull(stream)?;
        }
        Ok(())
    }

    /// The next header, if all of it is in the buffer.
    fn header(&mut self, params: &ConnectionParams) -> Result<Option<Event>, End> {
        let there = self.buffer.get(self.start..self.end).unwrap_or(&[]);
        let Some(bhs) = there.first_chunk::<BHS_LEN>().copied().map(Bhs) else {
            return Ok(None);
        };
        let layout = bhs.layout(params);
        let headers = BHS_LEN.saturating_add(layout.ahs);
        let Some(all) = there.get(..headers.saturating_add(layout.header_digest)) else {
            return Ok(None);
        };
        if layout.header_digest > 0 && !digest::is_good(all) {
            return Ok(Some(Event::BadHeader));
        }
        let ahs = self.start.saturating_add(BHS_LEN)..self.start.saturating_add(headers);
        self.start = self.start.saturating_add(all.len());
        self.behind = 0;
        Ok(Some(Event::Header(bhs, ahs)))
    }

    /// Receives more: data to where it goes, and what is behind it into the buffer.
    fn pull(&mut self, stream: &mut Stream) -> Result<(), End> {
        self.compact();
        let mut buffers = Buffers::new();
        let (mut direct, mut more) = (0, 0);
        if let Some(Segment {
            payload: Payload::Write(writing),
            done,
            len,
            ..
        }) = &mut self.segment
        {
            more = len.saturating_sub(*done);
            direct = writing.room(&mut buffers, more);
        }
        if direct == 0 && more > 0 {
            // The rest goes nowhere.
            self.behind = 0;
        }
        let room = match self.behind {
            0 => BUFFER_LEN,
            behind => self.end.saturating_add(behind).min(BUFFER_LEN),
        };
        if direct == more || direct == 0 {
            buffers.push(self.buffer.get_mut(self.end..room).unwrap_or(&mut []));
        }
        let asked = buffers.room();
        let received = match stream.receive(&mut buffers) {
            Ok(0) => return Err(End::Lost),
            Ok(received) => received,
            Err(error) if error == EAGAIN => {
                (self.ready, self.ending) = (false, false);
                return Ok(());
            }
            Err(_) => return Err(End::Lost),
        };
        self.heard = true;
        // Less than asked for is all there was, unless the end of the stream is behind it.
        self.ready = received == asked || self.ending;
        let direct = direct.min(received);
        self.end = self.end.saturating_add(received.saturating_sub(direct));
        if let Some(segment) = &mut self.segment {
            segment.done = segment.done.saturating_add(direct);
            if let Payload::Write(writing) = &mut segment.payload {
                if let Some(check) = &mut segment.check {
                    let at = writing.offset;
                    check.pages(writing.pages(), at, direct);
                }
                writing.skip(direct);
            }
        }
        Ok(())
    }

    /// Has what still comes for a command that was aborted skipped; gives the command if it has a place.
    pub(super) fn give_up_aborted(&mut self) -> Option<Held> {
        let payload = &mut self.segment.as_mut()?.payload;
        let aborted = match payload {
            Payload::Write(writing) => writing.write.get().incoming.is_aborted(),
            Payload::Command(incoming) => incoming.is_aborted(),
            _ => false,
        };
        if aborted {
            self.behind = 0;
        }
        match aborted.then(|| mem::replace(payload, Payload::Skip)) {
            Some(Payload::Write(writing)) => Some(writing.write),
            _ => None,
        }
    }

    /// Moves what is left in the buffer to its start.
    fn compact(&mut self) {
        if self.start > 0 {
            if self.start < self.end {
                self.buffer.copy_within(self.start..self.end, 0);
            }
            self.end = self.end.saturating_sub(self.start);
            self.start = 0;
        }
    }
}

impl Connection {
    /// Receives and handles what has come, for a while.
    pub(super) fn receive(&mut self) -> Result<(), End> {
        if self.rx.is_ready() && self.rx.grow().is_err() {
            self.tx.starve();
            return Ok(());
        }
        if self.closing.is_some() {
            return self.rx.discard(&mut self.stream).map_err(|_| End::Done);
        }
        self.rx.left = true;
        for _ in 0..BUDGET {
            // What is read may have to be answered.
            if !self.tx.make_room() || self.is_held_up() || self.closing.is_some() {
                break;
            }
            match self.rx.next(&mut self.stream, &self.params.connection)? {
                Event::Nothing => {
                    self.rx.left = false;
                    break;
                }
                Event::Header(bhs, ahs) => self.header(&bhs, ahs)?,
                Event::BadHeader => {
                    self.numbers.counters.add(Counter::DigestErrors, 1);
                    // Where the next header is can't be known any more (RFC 7143 7.8).
                    return Err(End::Damage("a header digest error"));
                }
                Event::Data(payload) => self.complete(payload)?,
                Event::BadData(bhs, payload) => self.discard_damaged(&bhs, payload)?,
            }
        }
        Ok(())
    }

    fn header(&mut self, bhs: &Bhs, ahs: core::ops::Range<usize>) -> Result<(), End> {
        let layout = bhs.layout(&self.params.connection);
        let limit = self.params.connection.max_recv_data_segment_length;
        if layout.data > usize::try_from(limit).unwrap_or(usize::MAX) {
            return Err(End::Protocol("a data segment longer than agreed"));
        }
        self.count(bhs);
        let payload = Receiver::lend(self, ahs, |connection, ahs| connection.request(bhs, ahs))?;
        if layout.data == 0 {
            return self.complete(payload);
        }
        self.rx.begin(payload, bhs, &layout);
        Ok(())
    }

    /// Counts a PDU of which the header is there.
    fn count(&mut self, bhs: &Bhs) {
        let counters = &mut self.numbers.counters;
        match Opcode::request(bhs.opcode()) {
            Some(Opcode::ScsiCommand) => counters.add(Counter::CmdPdus, 1),
            Some(Opcode::DataOut) => {}
            _ => return,
        }
        counters.add(Counter::RxDataOctets, bhs.data_len().into());
    }
}
