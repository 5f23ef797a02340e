// SPDX-License-Identifier: GPL-2.0

//! Whatever comes from a netlink socket is understood, or is an error that says what is wrong.

use libstmf::config::Configuration;
use libstmf::{
    Answer, DecodeError, Error, Fault, GroupKind, IscsiTargets, Mode, Request, StatisticsScope,
    Stmf, Transport,
};

const FAMILY: u16 = 0x1c;

/// Gives the same answer to every request, and none when it was asked too often.
struct Parrot<'a> {
    bytes: &'a [u8],
    is_raw: bool,
    left: u32,
}

impl Transport for Parrot<'_> {
    fn call(&mut self, request: &Request<'_>) -> Result<Vec<Vec<u8>>, Fault> {
        self.left = self.left.checked_sub(1).ok_or(Fault::NoFamily)?;
        if self.is_raw {
            let mut answer = Answer::new(FAMILY, 7, request.attributes);
            if !answer.take(self.bytes)? {
                return Err(DecodeError::Truncated.into());
            }
            return answer.finish();
        }
        Ok(match request.mode {
            Mode::Do => vec![self.bytes.to_vec()],
            Mode::Dump => {
                let mut messages = self.bytes.split(|byte| *byte == 0xff);
                messages.by_ref().take(8).map(<[u8]>::to_vec).collect()
            }
        })
    }
}

fn look<T: std::fmt::Debug>(result: Result<T, Error>) {
    let words = match &result {
        Ok(value) => format!("{value:?}"),
        Err(error) => error.to_string(),
    };
    assert!(!words.is_empty());
}

/// The first byte chooses: whole datagrams, or only attributes.
pub(crate) fn run(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else {
        return;
    };
    let parrot = || Parrot {
        bytes,
        is_raw: choice & 1 != 0,
        left: 16,
    };
    let stmf = || Stmf::with_transport(parrot());
    let iscsi = || IscsiTargets::with_transport(parrot());
    match choice >> 1 {
        0 => look(stmf().state()),
        1 => look(stmf().logical_units()),
        2 => look(stmf().disks()),
        3 => look(stmf().views(None)),
        4 => look(stmf().targets()),
        5 => look(stmf().sessions(None)),
        6 => look(stmf().tasks(None)),
        7 => look(stmf().access()),
        8 => look(stmf().groups(GroupKind::Host)),
        9 => look(stmf().statistics(StatisticsScope::Target)),
        10 => look(iscsi().defaults()),
        11 => look(iscsi().tpgs()),
        12 => look(iscsi().initiators()),
        13 => look(iscsi().sessions()),
        14 => look(iscsi().targets()),
        15 => look(iscsi().portals()),
        _ => look(Configuration::of_kernel(&mut parrot()).map(|all| all.to_string())),
    }
}
