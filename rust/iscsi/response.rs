// SPDX-License-Identifier: GPL-2.0

//! What targets send: values that encode themselves into headers (RFC 7143 11).
//!
//! Those whose PDU has a data segment say its length in `data_len`; the segment itself, its padding
//! and the digests are the sender's.

use crate::{
    bhs::{
        Builder,
        Opcode,
        BHS_LEN, //
    },
    request::LoginRequest,
    transfer::Residual,
    types::{
        Cid,
        Isid,
        Itt,
        LogoutResult,
        Lun,
        RejectReason,
        Serials,
        Stage,
        TmfOutcome,
        Tsih,
        Ttt, //
    },
};

/// F, which most responses always have set.
const FINAL: u8 = 0x80;

impl Builder {
    /// Writes the three numbers where every response has them.
    fn put_serials(self, sn: Serials) -> Self {
        self.put_u32::<24>(sn.stat_sn.get())
            .put_u32::<28>(sn.exp_cmd_sn.get())
            .put_u32::<32>(sn.max_cmd_sn.get())
    }

    fn put_itt(self, itt: Itt) -> Self {
        self.put_u32::<16>(itt.0)
    }
}

/// NOP-In: a ping, or the answer to one (RFC 7143 11.19).
///
/// A ping of the target's own has the reserved ITT, a TTT, and a StatSN that it doesn't consume;
/// with the reserved TTT too it only tells the serials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NopIn {
    /// Copied from the NOP-Out this answers, or reserved.
    pub itt: Itt,
    /// Reserved, unless the target wants an answer.
    pub ttt: Ttt,
    /// A logical unit, for a ping of the target's own.
    pub lun: Lun,
    /// The numbers.
    pub sn: Serials,
    /// How many bytes of ping data come back.
    pub data_len: u32,
}

impl NopIn {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        Builder::new(Opcode::NopIn, FINAL, self.data_len)
            .put::<8, 8>(self.lun)
            .put_itt(self.itt)
            .put_u32::<20>(self.ttt.0)
            .put_serials(self.sn)
            .finish()
    }
}

/// Whether the target could carry the command out at all (RFC 7143 11.4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum CommandResponse {
    /// It did, and the status says with what result.
    #[default]
    Completed = 0,
    /// It could not; there is no status.
    TargetFailure = 1,
}

/// SCSI Response (RFC 7143 11.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScsiResponse {
    /// The task.
    pub itt: Itt,
    /// Whether there is a status at all.
    pub response: CommandResponse,
    /// The SCSI status.
    pub status: u8,
    /// Bytes too many or too few; of the write in a bidirectional command.
    pub residual: Residual,
    /// Bytes too many or too few in the read of a bidirectional command.
    pub bidi_read_residual: Residual,
    /// How many Data-In and R2T PDUs the task had.
    pub exp_data_sn: u32,
    /// The numbers.
    pub sn: Serials,
    /// Length of the data segment: two bytes of sense length and the sense data, or nothing.
    pub data_len: u32,
}

impl ScsiResponse {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        let flags = self.residual.flags() | (self.bidi_read_residual.flags() << 2);
        Builder::new(Opcode::ScsiResponse, FINAL | flags, self.data_len)
            .put::<2, 2>([self.response as u8, self.status])
            .put_itt(self.itt)
            .put_serials(self.sn)
            .put_u32::<36>(self.exp_data_sn)
            .put_u32::<40>(self.bidi_read_residual.count())
            .put_u32::<44>(self.residual.count())
            .finish()
    }
}

/// Task Management Function Response (RFC 7143 11.6, RFC 7144 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TmfResponse {
    /// The request this answers.
    pub itt: Itt,
    /// How it ended.
    pub outcome: TmfOutcome,
    /// The numbers.
    pub sn: Serials,
}

impl TmfResponse {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        Builder::new(Opcode::TmfResponse, FINAL, 0)
            .put::<2, 1>([self.outcome.result as u8])
            .put::<8, 3>(self.outcome.information)
            .put_itt(self.itt)
            .put_serials(self.sn)
            .finish()
    }
}

/// How a login, or a step of it, ended: Status-Class and Status-Detail (RFC 7143 11.13.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum LoginStatus {
    /// So far all is well.
    Success = 0x0000,
    /// The target is at another address for now; the text names it.
    MovedTemporarily = 0x0101,
    /// The target is at another address for good; the text names it.
    MovedPermanently = 0x0102,
    /// The initiator made a mistake.
    InitiatorError = 0x0200,
    /// The initiator is not who it says, or didn't say.
    AuthenticationFailure = 0x0201,
    /// The initiator may not use the target.
    AuthorizationFailure = 0x0202,
    /// There is no such target here.
    NotFound = 0x0203,
    /// The target was removed.
    TargetRemoved = 0x0204,
    /// No common version.
    UnsupportedVersion = 0x0205,
    /// The session takes no more connections.
    TooManyConnections = 0x0206,
    /// A key that has to be there isn't.
    MissingParameter = 0x0207,
    /// The connection can't be part of this session.
    CantInclude = 0x0208,
    /// There are no sessions of this type here.
    SessionTypeUnsupported = 0x0209,
    /// There is no session with this TSIH.
    NoSuchSession = 0x020a,
    /// The request has no place at this point of a login.
    InvalidDuringLogin = 0x020b,
    /// The target made a mistake.
    TargetError = 0x0300,
    /// The target is not serving now.
    ServiceUnavailable = 0x0301,
    /// The target is out of something.
    OutOfResources = 0x0302,
}

impl LoginStatus {
    /// Whether the initiator is to try another address: Status-Class 1.
    pub const fn is_redirection(self) -> bool {
        matches!(self, Self::MovedTemporarily | Self::MovedPermanently)
    }
}

/// Login Response (RFC 7143 11.13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoginResponse {
    /// T: on to `nsg`.
    pub transit: bool,
    /// C: the text goes on in the next response.
    pub is_continued: bool,
    /// The current stage.
    pub csg: Stage,
    /// The next stage; goes out only with `transit`.
    pub nsg: Stage,
    /// Copied from the request.
    pub isid: Isid,
    /// The session; for a new one zero until the last response of the login.
    pub tsih: Tsih,
    /// Copied from the request.
    pub itt: Itt,
    /// How it went.
    pub status: LoginStatus,
    /// The numbers.
    pub sn: Serials,
    /// Length of the text.
    pub data_len: u32,
}

impl LoginResponse {
    /// The response that ends a login without success.
    pub fn refusal(request: &LoginRequest, status: LoginStatus, sn: Serials) -> Self {
        Self {
            transit: false,
            is_continued: false,
            csg: request.csg.unwrap_or(Stage::Security),
            nsg: Stage::Security,
            isid: request.isid,
            tsih: request.tsih,
            itt: request.itt,
            status,
            sn,
            data_len: 0,
        }
    }

    /// The header. Both versions in it are 0, the only one there is.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        let mut flags = (self.csg as u8) << 2;
        if self.transit {
            flags |= 0x80 | self.nsg as u8;
        }
        if self.is_continued {
            flags |= 0x40;
        }
        Builder::new(Opcode::LoginResponse, flags, self.data_len)
            .put::<8, 6>(self.isid.0)
            .put::<14, 2>(self.tsih.0.to_be_bytes())
            .put_itt(self.itt)
            .put_serials(self.sn)
            .put::<36, 2>((self.status as u16).to_be_bytes())
            .finish()
    }
}

/// Text Response (RFC 7143 11.11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextResponse {
    /// The exchange is over.
    pub is_final: bool,
    /// C: the text goes on in the next response.
    pub is_continued: bool,
    /// Goes with the TTT; comes back with it.
    pub lun: Lun,
    /// The exchange.
    pub itt: Itt,
    /// How the next request names this exchange; reserved when it's over.
    pub ttt: Ttt,
    /// The numbers.
    pub sn: Serials,
    /// Length of the text.
    pub data_len: u32,
}

impl TextResponse {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        let mut flags = 0;
        if self.is_final {
            flags |= FINAL;
        }
        if self.is_continued {
            flags |= 0x40;
        }
        Builder::new(Opcode::TextResponse, flags, self.data_len)
            .put::<8, 8>(self.lun)
            .put_itt(self.itt)
            .put_u32::<20>(self.ttt.0)
            .put_serials(self.sn)
            .finish()
    }
}

/// The status that the last Data-In of a task can carry in place of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CollapsedStatus {
    /// The SCSI status: anything that needs no sense data.
    pub status: u8,
    /// Bytes too many or too few.
    pub residual: Residual,
}

/// SCSI Data-In (RFC 7143 11.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataIn {
    /// Last PDU of its sequence.
    pub is_final: bool,
    /// A: the initiator shall acknowledge; only with ErrorRecoveryLevel 1 and up.
    pub acknowledge: bool,
    /// S: the status, if this is the task's last PDU. Only then is a StatSN consumed.
    pub status: Option<CollapsedStatus>,
    /// The logical unit, where there is a TTT.
    pub lun: Lun,
    /// The task.
    pub itt: Itt,
    /// How an acknowledgement names this PDU; reserved without `acknowledge`.
    pub ttt: Ttt,
    /// The numbers; without a status the StatSN doesn't go out.
    pub sn: Serials,
    /// The PDU's number in the task.
    pub data_sn: u32,
    /// Where the data belongs in the task's data.
    pub offset: u32,
    /// How many bytes there are.
    pub data_len: u32,
}

impl DataIn {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        let mut flags = 0;
        if self.is_final || self.status.is_some() {
            flags |= FINAL;
        }
        if self.acknowledge {
            flags |= 0x40;
        }
        let header = |flags| Builder::new(Opcode::DataIn, flags, self.data_len);
        let (header, sn) = match self.status {
            Some(CollapsedStatus { status, residual }) => (
                header(flags | residual.flags() | 0x01)
                    .put::<3, 1>([status])
                    .put_u32::<44>(residual.count()),
                self.sn,
            ),
            None => (
                header(flags),
                Serials {
                    stat_sn: Default::default(),
                    ..self.sn
                },
            ),
        };
        header
            .put::<8, 8>(self.lun)
            .put_itt(self.itt)
            .put_u32::<20>(self.ttt.0)
            .put_serials(sn)
            .put_u32::<36>(self.data_sn)
            .put_u32::<40>(self.offset)
            .finish()
    }
}

/// Ready To Transfer (RFC 7143 11.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct R2t {
    /// The logical unit.
    pub lun: Lun,
    /// The task.
    pub itt: Itt,
    /// How the data names this R2T.
    pub ttt: Ttt,
    /// The numbers; the StatSN is the next one and isn't consumed.
    pub sn: Serials,
    /// The R2T's number in the task.
    pub r2t_sn: u32,
    /// Where the wanted data begins.
    pub offset: u32,
    /// How many bytes are wanted.
    pub len: u32,
}

impl R2t {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        Builder::new(Opcode::R2t, FINAL, 0)
            .put::<8, 8>(self.lun)
            .put_itt(self.itt)
            .put_u32::<20>(self.ttt.0)
            .put_serials(self.sn)
            .put_u32::<36>(self.r2t_sn)
            .put_u32::<40>(self.offset)
            .put_u32::<44>(self.len)
            .finish()
    }
}

/// What an initiator is told out of turn (RFC 7143 11.9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsyncEvent {
    /// A SCSI asynchronous event of a logical unit; the data segment has the sense data.
    Scsi {
        /// The logical unit.
        lun: Lun,
    },
    /// The initiator shall log this connection out.
    RequestLogout {
        /// Within so many seconds.
        seconds: u16,
    },
    /// A connection is about to be dropped.
    DropConnection {
        /// Which.
        cid: Cid,
        /// Seconds to wait before coming back.
        time2wait: u16,
        /// Seconds after the wait for which tasks are kept.
        time2retain: u16,
    },
    /// All connections of the session are about to be dropped.
    DropSession {
        /// Seconds to wait before coming back.
        time2wait: u16,
        /// Seconds after the wait for which tasks are kept.
        time2retain: u16,
    },
    /// The initiator shall negotiate this connection's parameters anew.
    Renegotiate {
        /// Within so many seconds.
        seconds: u16,
    },
    /// Another one ended all tasks of a logical unit.
    TasksTerminated {
        /// The logical unit.
        lun: Lun,
    },
}

impl AsyncEvent {
    /// Code and the three parameters.
    const fn fields(self) -> (u8, [u16; 3]) {
        match self {
            Self::Scsi { .. } => (0, [0, 0, 0]),
            Self::RequestLogout { seconds } => (1, [0, 0, seconds]),
            Self::DropConnection {
                cid,
                time2wait,
                time2retain,
            } => (2, [cid.0, time2wait, time2retain]),
            Self::DropSession {
                time2wait,
                time2retain,
            } => (3, [0, time2wait, time2retain]),
            Self::Renegotiate { seconds } => (4, [0, 0, seconds]),
            Self::TasksTerminated { .. } => (5, [0, 0, 0]),
        }
    }

    const fn lun(self) -> Lun {
        match self {
            Self::Scsi { lun } | Self::TasksTerminated { lun } => lun,
            _ => [0; 8],
        }
    }
}

/// Asynchronous Message (RFC 7143 11.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsyncMessage {
    /// What happened.
    pub event: AsyncEvent,
    /// The numbers.
    pub sn: Serials,
    /// Length of the data segment: two bytes of sense length and the sense data, or nothing.
    pub data_len: u32,
}

impl AsyncMessage {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        let (code, [first, second, third]) = self.event.fields();
        Builder::new(Opcode::AsyncMessage, FINAL, self.data_len)
            .put::<8, 8>(self.event.lun())
            .put_itt(Itt::RESERVED)
            .put_serials(self.sn)
            .put::<36, 1>([code])
            .put::<38, 2>(first.to_be_bytes())
            .put::<40, 2>(second.to_be_bytes())
            .put::<42, 2>(third.to_be_bytes())
            .finish()
    }
}

/// Logout Response (RFC 7143 11.15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogoutResponse {
    /// The request this answers.
    pub itt: Itt,
    /// How it ended.
    pub result: LogoutResult,
    /// The numbers.
    pub sn: Serials,
    /// Seconds to wait before coming back.
    pub time2wait: u16,
    /// Seconds after the wait for which tasks are kept.
    pub time2retain: u16,
}

impl LogoutResponse {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        Builder::new(Opcode::LogoutResponse, FINAL, 0)
            .put::<2, 1>([self.result as u8])
            .put_itt(self.itt)
            .put_serials(self.sn)
            .put::<40, 2>(self.time2wait.to_be_bytes())
            .put::<42, 2>(self.time2retain.to_be_bytes())
            .finish()
    }
}

/// Reject; its data segment is the header of the rejected PDU (RFC 7143 11.17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reject {
    /// Why.
    pub reason: RejectReason,
    /// The numbers.
    pub sn: Serials,
    /// For a rejected SNACK: the next DataSN or R2TSN of the task.
    pub data_sn: u32,
}

impl Reject {
    /// The header.
    pub fn encode(&self) -> [u8; BHS_LEN] {
        Builder::new(Opcode::Reject, FINAL, BHS_LEN as u32)
            .put::<2, 1>([self.reason as u8])
            .put_itt(Itt::RESERVED)
            .put_serials(self.sn)
            .put_u32::<36>(self.data_sn)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sn::Sn;
    use crate::types::TmfResult;

    const SN: Serials = Serials {
        stat_sn: Sn::new(0x0101),
        exp_cmd_sn: Sn::new(0x0202),
        max_cmd_sn: Sn::new(0x0303),
    };
    const LUN: Lun = [0x40, 1, 2, 3, 4, 5, 6, 7];
    const ITT: Itt = Itt(0x1122_3344);
    const TTT: Ttt = Ttt(0x5566_7788);

    /// Checks a header, given as its twelve words.
    fn check(header: [u8; BHS_LEN], words: [u32; 12]) {
        let mut expected = [0; BHS_LEN];
        for (to, word) in expected.chunks_mut(4).zip(words) {
            to.copy_from_slice(&word.to_be_bytes());
        }
        assert_eq!(header, expected);
    }

    #[test]
    fn nop_in() {
        let nop = NopIn {
            itt: ITT,
            ttt: Ttt::RESERVED,
            lun: LUN,
            sn: SN,
            data_len: 0x010203,
        };
        #[rustfmt::skip]
        check(nop.encode(), [
            0x2080_0000, 0x0001_0203, 0x4001_0203, 0x0405_0607, 0x1122_3344, 0xffff_ffff,
            0x101, 0x202, 0x303, 0, 0, 0,
        ]);
    }

    #[test]
    fn scsi_response() {
        let mut response = ScsiResponse {
            itt: ITT,
            response: CommandResponse::Completed,
            status: 2,
            residual: Residual::Underflow(0x200),
            bidi_read_residual: Residual::None,
            exp_data_sn: 4,
            sn: SN,
            data_len: 20,
        };
        #[rustfmt::skip]
        check(response.encode(), [
            0x2182_0002, 20, 0, 0, 0x1122_3344, 0,
            0x101, 0x202, 0x303, 4, 0, 0x200,
        ]);
        response.response = CommandResponse::TargetFailure;
        response.status = 0;
        response.residual = Residual::Overflow(7);
        response.bidi_read_residual = Residual::Underflow(8);
        #[rustfmt::skip]
        check(response.encode(), [
            0x218c_0100, 20, 0, 0, 0x1122_3344, 0,
            0x101, 0x202, 0x303, 4, 8, 7,
        ]);
        response.bidi_read_residual = Residual::Overflow(8);
        assert_eq!(response.encode()[1], 0x94);
    }

    #[test]
    fn data_in() {
        let mut data = DataIn {
            is_final: false,
            acknowledge: false,
            status: None,
            lun: [0; 8],
            itt: ITT,
            ttt: Ttt::RESERVED,
            sn: SN,
            data_sn: 3,
            offset: 0x8000,
            data_len: 0x1000,
        };
        // Without a status there is no StatSN.
        #[rustfmt::skip]
        check(data.encode(), [
            0x2500_0000, 0x1000, 0, 0, 0x1122_3344, 0xffff_ffff,
            0, 0x202, 0x303, 3, 0x8000, 0,
        ]);
        // A status makes it the last one, whatever it says.
        data.status = Some(CollapsedStatus {
            status: 0,
            residual: Residual::Underflow(0x10),
        });
        #[rustfmt::skip]
        check(data.encode(), [
            0x2583_0000, 0x1000, 0, 0, 0x1122_3344, 0xffff_ffff,
            0x101, 0x202, 0x303, 3, 0x8000, 0x10,
        ]);
        data.status = None;
        (data.is_final, data.acknowledge) = (true, true);
        assert_eq!(data.encode()[1], 0xc0);
    }

    #[test]
    fn r2t() {
        let r2t = R2t {
            lun: LUN,
            itt: ITT,
            ttt: TTT,
            sn: SN,
            r2t_sn: 1,
            offset: 0x1_0000,
            len: 0x4_0000,
        };
        #[rustfmt::skip]
        check(r2t.encode(), [
            0x3180_0000, 0, 0x4001_0203, 0x0405_0607, 0x1122_3344, 0x5566_7788,
            0x101, 0x202, 0x303, 1, 0x1_0000, 0x4_0000,
        ]);
    }

    #[test]
    fn login_response() {
        let mut response = LoginResponse {
            transit: true,
            is_continued: false,
            csg: Stage::Operational,
            nsg: Stage::FullFeature,
            isid: Isid([1, 2, 3, 4, 5, 6]),
            tsih: Tsih(0xabcd),
            itt: ITT,
            status: LoginStatus::Success,
            sn: SN,
            data_len: 9,
        };
        #[rustfmt::skip]
        check(response.encode(), [
            0x2387_0000, 9, 0x0102_0304, 0x0506_abcd, 0x1122_3344, 0,
            0x101, 0x202, 0x303, 0, 0, 0,
        ]);
        // Without a transition the next stage is nobody's business.
        (response.transit, response.is_continued) = (false, true);
        response.status = LoginStatus::NoSuchSession;
        #[rustfmt::skip]
        check(response.encode(), [
            0x2344_0000, 9, 0x0102_0304, 0x0506_abcd, 0x1122_3344, 0,
            0x101, 0x202, 0x303, 0x020a_0000, 0, 0,
        ]);
    }

    #[test]
    fn text_response() {
        let response = TextResponse {
            is_final: false,
            is_continued: true,
            lun: LUN,
            itt: ITT,
            ttt: TTT,
            sn: SN,
            data_len: 512,
        };
        #[rustfmt::skip]
        check(response.encode(), [
            0x2440_0000, 512, 0x4001_0203, 0x0405_0607, 0x1122_3344, 0x5566_7788,
            0x101, 0x202, 0x303, 0, 0, 0,
        ]);
    }

    #[test]
    fn tmf_and_logout_response() {
        let tmf = TmfResponse {
            itt: ITT,
            outcome: TmfResult::Rejected.into(),
            sn: SN,
        };
        #[rustfmt::skip]
        check(tmf.encode(), [
            0x2280_ff00, 0, 0, 0, 0x1122_3344, 0,
            0x101, 0x202, 0x303, 0, 0, 0,
        ]);
        let outcome = TmfOutcome {
            result: TmfResult::Succeeded,
            information: [0x16, 0x2a, 0x09],
        };
        #[rustfmt::skip]
        check(TmfResponse { outcome, ..tmf }.encode(), [
            0x2280_0700, 0, 0x162a_0900, 0, 0x1122_3344, 0,
            0x101, 0x202, 0x303, 0, 0, 0,
        ]);
        let logout = LogoutResponse {
            itt: ITT,
            result: LogoutResult::RecoveryNotSupported,
            sn: SN,
            time2wait: 2,
            time2retain: 20,
        };
        #[rustfmt::skip]
        check(logout.encode(), [
            0x2680_0200, 0, 0, 0, 0x1122_3344, 0,
            0x101, 0x202, 0x303, 0, 0x0002_0014, 0,
        ]);
    }

    #[test]
    fn async_message() {
        let message = |event| AsyncMessage {
            event,
            sn: SN,
            data_len: 0,
        };
        #[rustfmt::skip]
        check(message(AsyncEvent::RequestLogout { seconds: 20 }).encode(), [
            0x3280_0000, 0, 0, 0, 0xffff_ffff, 0,
            0x101, 0x202, 0x303, 0x0100_0000, 20, 0,
        ]);
        let drop = AsyncEvent::DropConnection {
            cid: Cid(5),
            time2wait: 6,
            time2retain: 7,
        };
        #[rustfmt::skip]
        check(message(drop).encode(), [
            0x3280_0000, 0, 0, 0, 0xffff_ffff, 0,
            0x101, 0x202, 0x303, 0x0200_0005, 0x0006_0007, 0,
        ]);
        let terminated = AsyncEvent::TasksTerminated { lun: LUN };
        #[rustfmt::skip]
        check(message(terminated).encode(), [
            0x3280_0000, 0, 0x4001_0203, 0x0405_0607, 0xffff_ffff, 0,
            0x101, 0x202, 0x303, 0x0500_0000, 0, 0,
        ]);
    }

    #[test]
    fn reject() {
        let reject = Reject {
            reason: RejectReason::ProtocolError,
            sn: SN,
            data_sn: 0,
        };
        #[rustfmt::skip]
        check(reject.encode(), [
            0x3f80_0400, 48, 0, 0, 0xffff_ffff, 0,
            0x101, 0x202, 0x303, 0, 0, 0,
        ]);
    }
}
