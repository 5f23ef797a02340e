// SPDX-License-Identifier: GPL-2.0

//! What initiators send: headers, taken apart (RFC 7143 11).
//!
//! Bits and bytes that the RFC reserves are ignored. A field whose value has no meaning, and an
//! additional header segment where none may be, give the reason to reject the PDU with. A login
//! request always parses: what is wrong with one is answered by a Login Response.

use crate::{
    bhs::{
        Bhs,
        Opcode, //
    },
    sn::Sn,
    types::{
        Cid,
        Isid,
        Itt,
        LogoutReason,
        Lun,
        RejectReason,
        Stage,
        TaskAttr,
        TmfFunction,
        Tsih,
        Ttt, //
    },
};

/// The longest CDB that a header can carry.
pub const MAX_CDB_LEN: usize = 260;

/// A PDU from an initiator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// NOP-Out.
    NopOut(NopOut),
    /// SCSI Command.
    ScsiCommand(ScsiCommand<'a>),
    /// Task Management Function Request.
    TaskManagement(TaskManagement),
    /// Login Request.
    Login(LoginRequest),
    /// Text Request.
    Text(TextRequest),
    /// SCSI Data-Out.
    DataOut(DataOut),
    /// Logout Request.
    Logout(LogoutRequest),
    /// SNACK Request.
    Snack(Snack),
}

/// Where a request stands among the commands of its session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// Its CmdSN.
    pub cmd_sn: Sn,
    /// Whether it is for immediate delivery, and so consumes no CmdSN.
    pub immediate: bool,
}

impl Order {
    /// What a header says. That of a Data-Out or a SNACK says nothing.
    pub fn of(bhs: &Bhs) -> Self {
        Self {
            cmd_sn: Sn::new(bhs.u32_at::<24>()),
            immediate: bhs.immediate(),
        }
    }
}

impl<'a> Request<'a> {
    /// Takes a header and its additional header segments apart.
    pub fn parse(bhs: &Bhs, ahs: &'a [u8]) -> Result<Self, RejectReason> {
        let opcode = Opcode::request(bhs.opcode()).ok_or(RejectReason::CommandNotSupported)?;
        // Only what wants no response may have no name, and a status SNACK, which is for no task.
        let nameless = matches!(opcode, Opcode::NopOut | Opcode::Snack | Opcode::Login);
        if bhs.itt().is_reserved() && !nameless {
            return Err(RejectReason::InvalidPduField);
        }
        if opcode == Opcode::ScsiCommand {
            return ScsiCommand::parse(bhs, ahs).map(Self::ScsiCommand);
        }
        // Only commands have additional header segments. In a login the failure needs a response
        // of its own kind, so there they are ignored, as any reserved field.
        if !ahs.is_empty() && opcode != Opcode::Login {
            return Err(RejectReason::ProtocolError);
        }
        match opcode {
            Opcode::NopOut => NopOut::parse(bhs).map(Self::NopOut),
            Opcode::TaskManagement => Ok(Self::TaskManagement(TaskManagement::parse(bhs))),
            Opcode::Login => Ok(Self::Login(LoginRequest::parse(bhs))),
            Opcode::Text => TextRequest::parse(bhs).map(Self::Text),
            Opcode::DataOut => Ok(Self::DataOut(DataOut::parse(bhs))),
            Opcode::Logout => Ok(Self::Logout(LogoutRequest::parse(bhs))),
            Opcode::Snack => Ok(Self::Snack(Snack::parse(bhs))),
            _ => Err(RejectReason::CommandNotSupported),
        }
    }

    /// Where the request stands in its session's order of commands; data and SNACKs have no place
    /// of their own in it.
    pub fn order(&self) -> Option<Order> {
        match self {
            Self::NopOut(r) => Some(r.order),
            Self::ScsiCommand(r) => Some(r.order),
            Self::TaskManagement(r) => Some(r.order),
            Self::Login(r) => Some(r.order),
            Self::Text(r) => Some(r.order),
            Self::Logout(r) => Some(r.order),
            Self::DataOut(_) | Self::Snack(_) => None,
        }
    }

    /// The StatSN that the initiator expects next on this connection.
    pub fn exp_stat_sn(&self) -> Sn {
        match self {
            Self::NopOut(r) => r.exp_stat_sn,
            Self::ScsiCommand(r) => r.exp_stat_sn,
            Self::TaskManagement(r) => r.exp_stat_sn,
            Self::Login(r) => r.exp_stat_sn,
            Self::Text(r) => r.exp_stat_sn,
            Self::Logout(r) => r.exp_stat_sn,
            Self::DataOut(r) => r.exp_stat_sn,
            Self::Snack(r) => r.exp_stat_sn,
        }
    }
}

/// The StatSN field, which all requests have at the same place.
fn exp_stat_sn(bhs: &Bhs) -> Sn {
    Sn::new(bhs.u32_at::<28>())
}

/// NOP-Out: a ping, or the answer to one (RFC 7143 11.18).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NopOut {
    /// Reserved when no answer is wanted.
    pub itt: Itt,
    /// The tag of the NOP-In this answers, or reserved.
    pub ttt: Ttt,
    /// Copied from the NOP-In this answers.
    pub lun: Lun,
    /// Its place among the commands.
    pub order: Order,
    /// The StatSN expected next.
    pub exp_stat_sn: Sn,
}

impl NopOut {
    fn parse(bhs: &Bhs) -> Result<Self, RejectReason> {
        let nop = Self {
            itt: bhs.itt(),
            ttt: Ttt(bhs.u32_at::<20>()),
            lun: bhs.bytes_at::<8, 8>(),
            order: Order::of(bhs),
            exp_stat_sn: exp_stat_sn(bhs),
        };
        // What gets no response can't consume a CmdSN.
        if nop.itt.is_reserved() && !nop.order.immediate {
            return Err(RejectReason::ProtocolError);
        }
        Ok(nop)
    }
}

/// A CDB of up to 260 bytes: 16 in the header, the others in an additional header segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cdb<'a> {
    head: [u8; 16],
    tail: &'a [u8],
}

impl Cdb<'_> {
    /// The first 16 bytes; those behind a shorter CDB are padding.
    pub fn head(&self) -> &[u8; 16] {
        &self.head
    }

    /// The bytes from the 17th on; empty for nearly every command.
    pub fn tail(&self) -> &[u8] {
        self.tail
    }

    /// Writes the CDB to the start of `out` and says how long it is; `None` if it doesn't fit.
    pub fn copy_to(&self, out: &mut [u8]) -> Option<usize> {
        let (head, rest) = out.split_first_chunk_mut::<16>()?;
        let tail = rest.get_mut(..self.tail.len())?;
        *head = self.head;
        for (to, from) in tail.iter_mut().zip(self.tail) {
            *to = *from;
        }
        self.tail.len().checked_add(16)
    }
}

/// SCSI Command (RFC 7143 11.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScsiCommand<'a> {
    /// No unsolicited Data-Out follows.
    pub is_final: bool,
    /// Data goes to the initiator.
    pub read: bool,
    /// Data comes from the initiator.
    pub write: bool,
    /// Task attribute.
    pub attr: TaskAttr,
    /// The logical unit.
    pub lun: Lun,
    /// The task's name.
    pub itt: Itt,
    /// Expected data transfer length: of the write in a bidirectional command.
    pub edtl: u32,
    /// Expected length of the read in a bidirectional command (RFC 7143 11.2.2.4).
    pub bidi_read_len: Option<u32>,
    /// Its place among the commands.
    pub order: Order,
    /// The StatSN expected next.
    pub exp_stat_sn: Sn,
    /// The command descriptor block.
    pub cdb: Cdb<'a>,
}

impl<'a> ScsiCommand<'a> {
    fn parse(bhs: &Bhs, ahs: &'a [u8]) -> Result<Self, RejectReason> {
        let flags = bhs.flags();
        let extra = Ahs::parse(ahs)?;
        let command = Self {
            is_final: flags & 0x80 != 0,
            read: flags & 0x40 != 0,
            write: flags & 0x20 != 0,
            attr: TaskAttr::from_code(flags & 7).ok_or(RejectReason::InvalidPduField)?,
            lun: bhs.bytes_at::<8, 8>(),
            itt: bhs.itt(),
            edtl: bhs.u32_at::<20>(),
            bidi_read_len: extra.bidi_read_len,
            order: Order::of(bhs),
            exp_stat_sn: exp_stat_sn(bhs),
            cdb: Cdb {
                head: bhs.bytes_at::<32, 16>(),
                tail: extra.cdb.unwrap_or(&[]),
            },
        };
        command.check()?;
        Ok(command)
    }

    /// How many bytes the initiator expects to send.
    pub fn write_len(&self) -> u32 {
        if self.write {
            self.edtl
        } else {
            0
        }
    }

    /// How many bytes the initiator expects to get.
    pub fn read_len(&self) -> u32 {
        match self.bidi_read_len {
            Some(len) => len,
            None if self.read => self.edtl,
            None => 0,
        }
    }

    fn check(&self) -> Result<(), RejectReason> {
        let bidi = self.read && self.write;
        let data_follows = !self.is_final;
        if data_follows && !self.write {
            return Err(RejectReason::ProtocolError);
        }
        // A bidirectional command says both its lengths, any other has one.
        if bidi != self.bidi_read_len.is_some() {
            return Err(RejectReason::InvalidPduField);
        }
        Ok(())
    }
}

/// What the additional header segments of a command say (RFC 7143 11.2.2).
#[derive(Default)]
struct Ahs<'a> {
    cdb: Option<&'a [u8]>,
    bidi_read_len: Option<u32>,
}

impl<'a> Ahs<'a> {
    const EXTENDED_CDB: u8 = 1;
    const BIDI_READ_LEN: u8 = 2;

    fn parse(mut rest: &'a [u8]) -> Result<Self, RejectReason> {
        let mut all = Self::default();
        while !rest.is_empty() {
            rest = all.take(rest).ok_or(RejectReason::InvalidPduField)?;
        }
        Ok(all)
    }

    /// Takes one segment off the front; `None` if there is no good one.
    fn take(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        // The length counts neither itself nor the type, but the specific byte after them.
        let ([high, low, kind, _specific], rest) = bytes.split_first_chunk::<4>()?;
        let len = usize::from(u16::from_be_bytes([*high, *low])).checked_sub(1)?;
        let (body, rest) = rest.split_at_checked(len)?;
        let (_pad, rest) = rest.split_at_checked(len.wrapping_neg() & 3)?;
        match *kind {
            Self::EXTENDED_CDB if self.cdb.is_none() => {
                let fits = !body.is_empty() && len <= MAX_CDB_LEN.checked_sub(16)?;
                self.cdb = Some(fits.then_some(body)?);
            }
            Self::BIDI_READ_LEN if self.bidi_read_len.is_none() => {
                self.bidi_read_len = Some(u32::from_be_bytes(body.try_into().ok()?));
            }
            _ => return None,
        }
        Some(rest)
    }
}

/// Task Management Function Request (RFC 7143 11.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskManagement {
    /// What to do.
    pub function: TmfFunction,
    /// The logical unit, for functions that have one.
    pub lun: Lun,
    /// The name of this request.
    pub itt: Itt,
    /// Referenced task tag: the task to abort, query or reassign.
    pub rtt: Itt,
    /// Its place among the commands.
    pub order: Order,
    /// The StatSN expected next.
    pub exp_stat_sn: Sn,
    /// CmdSN of the referenced task.
    pub ref_cmd_sn: Sn,
    /// For TASK REASSIGN: the next DataSN the initiator expects.
    pub exp_data_sn: u32,
}

impl TaskManagement {
    fn parse(bhs: &Bhs) -> Self {
        Self {
            function: TmfFunction::from_code(bhs.flags() & 0x7f),
            lun: bhs.bytes_at::<8, 8>(),
            itt: bhs.itt(),
            rtt: Itt(bhs.u32_at::<20>()),
            order: Order::of(bhs),
            exp_stat_sn: exp_stat_sn(bhs),
            ref_cmd_sn: Sn::new(bhs.u32_at::<32>()),
            exp_data_sn: bhs.u32_at::<36>(),
        }
    }
}

/// Login Request (RFC 7143 11.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginRequest {
    /// T: the initiator is ready to go on to `nsg`.
    pub transit: bool,
    /// C: the text goes on in the next request.
    pub is_continued: bool,
    /// The current stage, unless the field has the reserved code.
    pub csg: Option<Stage>,
    /// The next stage, unless the field has the reserved code; meaningless without `transit`.
    pub nsg: Option<Stage>,
    /// The highest version the initiator speaks.
    pub version_max: u8,
    /// The lowest version the initiator speaks.
    pub version_min: u8,
    /// The initiator's part of the session identifier.
    pub isid: Isid,
    /// The session to join, or none for a new one.
    pub tsih: Tsih,
    /// The name of the login; the same in all its requests.
    pub itt: Itt,
    /// Connection identifier.
    pub cid: Cid,
    /// Its place among the commands; login requests are immediate whether they say so or not.
    pub order: Order,
    /// The StatSN expected next.
    pub exp_stat_sn: Sn,
}

impl LoginRequest {
    fn parse(bhs: &Bhs) -> Self {
        let flags = bhs.flags();
        let [version_max, version_min] = bhs.bytes_at::<2, 2>();
        Self {
            transit: flags & 0x80 != 0,
            is_continued: flags & 0x40 != 0,
            csg: Stage::from_code((flags >> 2) & 3),
            nsg: Stage::from_code(flags & 3),
            version_max,
            version_min,
            isid: Isid(bhs.bytes_at::<8, 6>()),
            tsih: Tsih(bhs.u16_at::<14>()),
            itt: bhs.itt(),
            cid: Cid(bhs.u16_at::<20>()),
            order: Order::of(bhs),
            exp_stat_sn: exp_stat_sn(bhs),
        }
    }
}

/// Text Request (RFC 7143 11.10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextRequest {
    /// The initiator has nothing more to say.
    pub is_final: bool,
    /// C: the text goes on in the next request.
    pub is_continued: bool,
    /// Copied from the response this continues.
    pub lun: Lun,
    /// The name of the exchange.
    pub itt: Itt,
    /// The tag of the response this continues, or reserved.
    pub ttt: Ttt,
    /// Its place among the commands.
    pub order: Order,
    /// The StatSN expected next.
    pub exp_stat_sn: Sn,
}

impl TextRequest {
    fn parse(bhs: &Bhs) -> Result<Self, RejectReason> {
        let flags = bhs.flags();
        let request = Self {
            is_final: flags & 0x80 != 0,
            is_continued: flags & 0x40 != 0,
            lun: bhs.bytes_at::<8, 8>(),
            itt: bhs.itt(),
            ttt: Ttt(bhs.u32_at::<20>()),
            order: Order::of(bhs),
            exp_stat_sn: exp_stat_sn(bhs),
        };
        if request.is_final && request.is_continued {
            return Err(RejectReason::ProtocolError);
        }
        Ok(request)
    }
}

/// SCSI Data-Out (RFC 7143 11.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataOut {
    /// Last PDU of its sequence.
    pub is_final: bool,
    /// The logical unit, for solicited data.
    pub lun: Lun,
    /// The task.
    pub itt: Itt,
    /// The tag of the R2T this answers, or reserved for unsolicited data.
    pub ttt: Ttt,
    /// The StatSN expected next.
    pub exp_stat_sn: Sn,
    /// The PDU's number in its sequence.
    pub data_sn: u32,
    /// Where the data belongs in the task's data.
    pub offset: u32,
    /// How many bytes there are.
    pub len: u32,
}

impl DataOut {
    fn parse(bhs: &Bhs) -> Self {
        Self {
            is_final: bhs.flags() & 0x80 != 0,
            lun: bhs.bytes_at::<8, 8>(),
            itt: bhs.itt(),
            ttt: Ttt(bhs.u32_at::<20>()),
            exp_stat_sn: exp_stat_sn(bhs),
            data_sn: bhs.u32_at::<36>(),
            offset: bhs.u32_at::<40>(),
            len: bhs.data_len(),
        }
    }
}

/// Logout Request (RFC 7143 11.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoutRequest {
    /// What to end.
    pub reason: LogoutReason,
    /// The name of this request.
    pub itt: Itt,
    /// The connection to end, unless it's the whole session.
    pub cid: Cid,
    /// Its place among the commands.
    pub order: Order,
    /// The StatSN expected next.
    pub exp_stat_sn: Sn,
}

impl LogoutRequest {
    fn parse(bhs: &Bhs) -> Self {
        Self {
            reason: LogoutReason::from_code(bhs.flags() & 0x7f),
            itt: bhs.itt(),
            cid: Cid(bhs.u16_at::<20>()),
            order: Order::of(bhs),
            exp_stat_sn: exp_stat_sn(bhs),
        }
    }
}

/// SNACK Request (RFC 7143 11.16).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snack {
    /// What is missed or acknowledged: Data/R2T 0, Status 1, DataACK 2, R-Data 3.
    pub kind: u8,
    /// The logical unit, for a DataACK.
    pub lun: Lun,
    /// The task, or reserved.
    pub itt: Itt,
    /// Target transfer tag or SNACK tag.
    pub ttt: Ttt,
    /// The StatSN expected next.
    pub exp_stat_sn: Sn,
    /// First number of the run.
    pub beg_run: u32,
    /// Length of the run; zero for all after the first.
    pub run_length: u32,
}

impl Snack {
    fn parse(bhs: &Bhs) -> Self {
        Self {
            kind: bhs.flags() & 0x0f,
            lun: bhs.bytes_at::<8, 8>(),
            itt: bhs.itt(),
            ttt: Ttt(bhs.u32_at::<20>()),
            exp_stat_sn: exp_stat_sn(bhs),
            beg_run: bhs.u32_at::<40>(),
            run_length: bhs.u32_at::<44>(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bhs::BHS_LEN;
    use std::vec::Vec;

    /// A header with these bytes at these offsets.
    fn header(parts: &[(usize, &[u8])]) -> Bhs {
        let mut bytes = [0; BHS_LEN];
        for (at, part) in parts {
            bytes[*at..at + part.len()].copy_from_slice(part);
        }
        Bhs(bytes)
    }

    const TAGS: (usize, &[u8]) = (16, &[0, 0, 0, 7, 0, 0, 0, 9]);
    const NUMBERS: (usize, &[u8]) = (24, &[0, 0, 0x10, 0, 0, 0, 0x20, 0]);

    #[test]
    fn a_write_command() {
        let bhs = header(&[
            (0, &[0x01, 0xa1, 0, 0, 0, 0, 2, 0]),
            (8, &[0, 3, 0, 0, 0, 0, 0, 0]),
            (16, &[0xca, 0xfe, 0, 1, 0, 0, 0x10, 0]),
            NUMBERS,
            (32, &[0x2a, 0, 0, 0, 0, 0x40, 0, 0, 8, 0]),
        ]);
        let Ok(Request::ScsiCommand(command)) = Request::parse(&bhs, &[]) else {
            panic!("no command");
        };
        assert!(command.is_final && command.write && !command.read);
        assert_eq!(command.attr, TaskAttr::Simple);
        assert_eq!(command.lun, [0, 3, 0, 0, 0, 0, 0, 0]);
        assert_eq!(command.itt, Itt(0xcafe_0001));
        assert_eq!((command.write_len(), command.read_len()), (4096, 0));
        assert_eq!(command.order.cmd_sn, Sn::new(0x1000));
        assert!(!command.order.immediate);
        assert_eq!(command.exp_stat_sn, Sn::new(0x2000));
        assert_eq!(command.cdb.head()[..6], [0x2a, 0, 0, 0, 0, 0x40]);
        assert_eq!(command.cdb.tail(), []);
    }

    /// The header of a bidirectional command.
    fn bidirectional() -> Bhs {
        header(&[
            (0, &[0x41, 0xe2]),
            (16, &[0, 0, 0, 1, 0, 0, 2, 0]),
            (32, &[0x7f, 0, 0, 0, 0, 0, 0, 12]),
        ])
    }

    #[test]
    fn a_bidirectional_command_with_a_long_cdb() {
        let mut ahs = Vec::from([0, 5, 2, 0, 0, 0, 0x30, 0]);
        ahs.extend([0, 5, 1, 0, 0xa, 0xb, 0xc, 0xd]);
        let Ok(Request::ScsiCommand(command)) = Request::parse(&bidirectional(), &ahs) else {
            panic!("no command");
        };
        assert!(command.read && command.write && command.order.immediate);
        assert_eq!(command.attr, TaskAttr::Ordered);
        assert_eq!((command.write_len(), command.read_len()), (512, 0x3000));
        let mut cdb = [0xff; MAX_CDB_LEN];
        assert_eq!(command.cdb.copy_to(&mut cdb), Some(20));
        assert_eq!(cdb[..2], [0x7f, 0]);
        assert_eq!(cdb[16..21], [0xa, 0xb, 0xc, 0xd, 0xff]);
        assert_eq!(command.cdb.copy_to(&mut cdb[..19]), None);
        assert_eq!(command.cdb.copy_to(&mut []), None);
    }

    #[test]
    fn the_longest_cdb() {
        let bhs = header(&[(0, &[0x01, 0x80]), TAGS]);
        let ahs = |tail: u16| {
            let mut ahs = Vec::from((tail + 1).to_be_bytes());
            ahs.extend([1, 0]);
            ahs.resize(4 + usize::from(tail).next_multiple_of(4), 0x55);
            ahs
        };
        for tail in [1, 2, 3, 4, 243, 244] {
            let ahs = ahs(tail);
            let Ok(Request::ScsiCommand(command)) = Request::parse(&bhs, &ahs) else {
                panic!("no command");
            };
            assert_eq!(command.cdb.tail().len(), usize::from(tail));
        }
        assert!(Request::parse(&bhs, &ahs(245)).is_err());
    }

    #[test]
    fn bad_additional_headers() {
        let read_len: &[u8] = &[0, 5, 2, 0, 0, 0, 0x30, 0];
        assert!(Request::parse(&bidirectional(), read_len).is_ok());
        let cases: [&[u8]; 9] = [
            &[],                          // No expected read length.
            &[0, 5, 2, 0, 0, 0, 0x30],    // Too short for its length.
            &[0, 4, 2, 0, 0, 0, 0x30, 0], // Three bytes of length.
            &[0, 6, 2, 0, 0, 0, 0x30, 0], // Five of them.
            &[0, 0, 2, 0],                // Not even the specific byte.
            &[0, 1, 1, 0],                // An empty CDB.
            &[0, 1, 3, 0],                // Unknown type.
            &[0xff, 0xff, 1, 0, 1, 2],    // Longer than all.
            &[0, 2, 1, 0, 1],             // Padding is missing.
        ];
        for ahs in cases {
            let error = Request::parse(&bidirectional(), ahs).unwrap_err();
            assert_eq!(error, RejectReason::InvalidPduField, "{ahs:?}");
        }
        let cdb: &[u8] = &[0, 5, 1, 0, 1, 2, 3, 4];
        for twice in [[read_len, read_len, cdb], [read_len, cdb, cdb]] {
            assert!(Request::parse(&bidirectional(), &twice.concat()).is_err());
        }
        // One direction with the length of two; and nothing but commands has such headers.
        let read = header(&[(0, &[0x01, 0xc0]), TAGS]);
        assert!(Request::parse(&read, read_len).is_err());
        let nop = header(&[(0, &[0x00, 0x80]), TAGS]);
        let error = Request::parse(&nop, read_len).unwrap_err();
        assert_eq!(error, RejectReason::ProtocolError);
    }

    #[test]
    fn a_command_priority_changes_nothing() {
        // The bytes that RFC 7143 reserves, in which RFC 7144 has the priority: no logical unit looks
        // at one (PRIOR_SUP is zero), so a target has nothing to do with it at any protocol level.
        let plain = header(&[(0, &[0x01, 0x81, 0, 0]), TAGS, NUMBERS]);
        let urgent = header(&[(0, &[0x01, 0x81, 0xff, 0xff]), TAGS, NUMBERS]);
        let expected = Request::parse(&plain, &[]).map(|request| std::format!("{request:?}"));
        let got = Request::parse(&urgent, &[]).map(|request| std::format!("{request:?}"));
        assert_eq!(got, expected);
    }

    #[test]
    fn commands_that_contradict_themselves() {
        // Data to come, but not a write; then an attribute that there isn't.
        for flags in [0x40, 0x85] {
            let bhs = header(&[(0, &[0x01, flags]), TAGS]);
            assert!(Request::parse(&bhs, &[]).is_err(), "{flags:#x}");
        }
    }

    #[test]
    fn tags_that_must_not_be_reserved() {
        const RESERVED: (usize, &[u8]) = (16, &[0xff; 4]);
        for opcode in [0x01, 0x02, 0x04, 0x05, 0x06, 0x00] {
            let bhs = header(&[(0, &[opcode, 0x80]), RESERVED]);
            assert!(Request::parse(&bhs, &[]).is_err(), "{opcode:#x}");
        }
        let immediate = header(&[(0, &[0x40, 0x80]), RESERVED]);
        assert!(Request::parse(&immediate, &[]).is_ok());
    }

    #[test]
    fn unknown_opcodes() {
        for opcode in [0x07, 0x0f, 0x11, 0x1c, 0x1e, 0x20, 0x25, 0x3f] {
            let bhs = header(&[(0, &[opcode, 0x80]), TAGS]);
            let error = Request::parse(&bhs, &[]).unwrap_err();
            assert_eq!(error, RejectReason::CommandNotSupported);
        }
    }

    #[test]
    fn a_login_request() {
        let bhs = header(&[
            (0, &[0x43, 0x87, 1, 0]),
            (8, &[0x00, 0x02, 0x3d, 0, 0, 1, 0xab, 0xcd]),
            (16, &[0, 0, 0, 7, 0x12, 0x34, 0, 0]),
            NUMBERS,
        ]);
        // Additional headers are none of a login's business, but it has to be answered.
        let Ok(Request::Login(login)) = Request::parse(&bhs, &[1, 2, 3, 4]) else {
            panic!("no login");
        };
        assert!(login.transit && !login.is_continued);
        assert_eq!(login.csg, Some(Stage::Operational));
        assert_eq!(login.nsg, Some(Stage::FullFeature));
        assert_eq!((login.version_max, login.version_min), (1, 0));
        assert_eq!(login.isid, Isid([0x00, 0x02, 0x3d, 0, 0, 1]));
        assert_eq!(login.tsih, Tsih(0xabcd));
        assert_eq!(login.cid, Cid(0x1234));
    }

    #[test]
    fn the_other_requests() {
        let parse = |parts: &[(usize, &[u8])]| {
            let parts = [parts, &[TAGS, NUMBERS]].concat();
            let bhs = header(&parts);
            let request = Request::parse(&bhs, &[]).unwrap();
            assert_eq!(request.exp_stat_sn(), Sn::new(0x2000));
            match request {
                Request::NopOut(nop) => assert_eq!(nop.ttt, Ttt(9)),
                Request::TaskManagement(tmf) => {
                    assert_eq!(tmf.function, TmfFunction::AbortTask);
                    assert_eq!((tmf.itt, tmf.rtt), (Itt(7), Itt(9)));
                    assert_eq!(tmf.ref_cmd_sn, Sn::new(0x30));
                }
                Request::Text(text) => assert!(!text.is_final && text.is_continued),
                Request::DataOut(data) => {
                    assert_eq!((data.offset, data.len, data.data_sn), (0x8000, 0x1000, 5));
                    assert_eq!(data.ttt, Ttt(9));
                }
                Request::Logout(logout) => {
                    assert_eq!(logout.reason, LogoutReason::CloseConnection);
                }
                Request::Snack(snack) => {
                    assert_eq!((snack.kind, snack.beg_run, snack.run_length), (1, 3, 2));
                }
                Request::ScsiCommand(_) | Request::Login(_) => panic!("not asked for"),
            }
            assert_eq!(
                request.order().is_some(),
                !matches!(bhs.opcode(), 0x05 | 0x10)
            );
        };
        parse(&[(0, &[0x00, 0x80])]);
        parse(&[(0, &[0x42, 0x81]), (32, &[0, 0, 0, 0x30])]);
        parse(&[(0, &[0x04, 0x40])]);
        parse(&[
            (0, &[0x05, 0x80, 0, 0, 0, 0, 0x10, 0]),
            (36, &[0, 0, 0, 5, 0, 0, 0x80, 0]),
        ]);
        parse(&[(0, &[0x06, 0x81])]);
        parse(&[(0, &[0x10, 0x81]), (40, &[0, 0, 0, 3, 0, 0, 0, 2])]);
    }

    #[test]
    fn a_text_can_not_end_and_go_on() {
        let bhs = header(&[(0, &[0x04, 0xc0]), TAGS]);
        let error = Request::parse(&bhs, &[]).unwrap_err();
        assert_eq!(error, RejectReason::ProtocolError);
    }
}
