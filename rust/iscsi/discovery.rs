// SPDX-License-Identifier: GPL-2.0

//! The answer to SendTargets (RFC 7143 Appendix C).

use core::{
    fmt,
    net::SocketAddr, //
};

use crate::{
    names::IscsiName,
    text::TextWriter, //
};

/// Which targets an initiator asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one in a connection, and no heap"
)]
pub enum Query {
    /// All that it may see; only in a discovery session.
    All,
    /// The one it is logged in to.
    Current,
    /// The one with this name.
    Named(IscsiName),
}

impl Query {
    /// Reads the value of SendTargets; `None` if it is neither `All` nor empty nor a name.
    pub fn parse(value: &str) -> Option<Self> {
        match value {
            "All" => Some(Self::All),
            "" => Some(Self::Current),
            name => IscsiName::parse(name).ok().map(Self::Named),
        }
    }
}

/// An address at which a target can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portal {
    /// Address and port.
    pub address: SocketAddr,
    /// Tag of the portal group, 1 or more.
    pub group_tag: u16,
}

/// As TargetAddress has it: IPv6 addresses in brackets, and without a zone.
impl fmt::Display for Portal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (port, tag) = (self.address.port(), self.group_tag);
        match self.address {
            SocketAddr::V4(v4) => write!(f, "{}:{port},{tag}", v4.ip()),
            SocketAddr::V6(v6) => write!(f, "[{}]:{port},{tag}", v6.ip()),
        }
    }
}

/// How far an answer that takes several PDUs has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Which target is next.
    target: usize,
    /// Which of its lines: 0 is its name, then come its portals.
    line: usize,
}

/// Writes what is left of an answer, as far as there is room, and says where to go on.
///
/// A piece always ends between two pairs. Every call for one answer has to be given the same
/// targets in the same order, or the later pieces tell of the wrong ones. A pair that would not
/// fit even into an empty piece is left out.
pub fn write_targets<'n, P: IntoIterator<Item = Portal>>(
    targets: impl IntoIterator<Item = (&'n str, P)>,
    from: Cursor,
    out: &mut TextWriter<'_>,
) -> Option<Cursor> {
    let targets = (0..usize::MAX).zip(targets).skip(from.target);
    for (target, (name, portals)) in targets {
        let first = if target == from.target { from.line } else { 0 };
        if let Some(line) = write_target(name, portals, first, out) {
            return Some(Cursor { target, line });
        }
    }
    None
}

/// Writes the lines of one target from `first` on, and says which one there is no room for.
fn write_target(
    name: &str,
    portals: impl IntoIterator<Item = Portal>,
    first: usize,
    out: &mut TextWriter<'_>,
) -> Option<usize> {
    if first == 0 && out.pair("TargetName", name).is_err() && !out.is_empty() {
        return Some(0);
    }
    for (line, portal) in (1..usize::MAX).zip(portals).skip(first.saturating_sub(1)) {
        if out.pair("TargetAddress", portal).is_err() && !out.is_empty() {
            return Some(line);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{string::ToString, vec, vec::Vec};

    fn portal(address: &str, group_tag: u16) -> Portal {
        Portal {
            address: address.parse().unwrap(),
            group_tag,
        }
    }

    fn targets() -> Vec<(&'static str, Vec<Portal>)> {
        vec![
            (
                "iqn.2001-04.com.example:a",
                vec![portal("192.0.2.1:3260", 1), portal("[2001:db8::1]:3261", 2)],
            ),
            ("iqn.2001-04.com.example:b", vec![]),
            (
                "iqn.2001-04.com.example:c",
                vec![portal("192.0.2.1:3260", 65535)],
            ),
        ]
    }

    const WHOLE: &[u8] = b"TargetName=iqn.2001-04.com.example:a\0\
        TargetAddress=192.0.2.1:3260,1\0\
        TargetAddress=[2001:db8::1]:3261,2\0\
        TargetName=iqn.2001-04.com.example:b\0\
        TargetName=iqn.2001-04.com.example:c\0\
        TargetAddress=192.0.2.1:3260,65535\0";

    #[test]
    fn an_answer_that_fits() {
        let mut buf = [0; 512];
        let mut out = TextWriter::new(&mut buf);
        assert_eq!(write_targets(targets(), Cursor::default(), &mut out), None);
        assert_eq!(out.written(), WHOLE);
    }

    #[test]
    fn pieces_make_up_the_answer() {
        // Miri takes minutes for all of them.
        let step = if cfg!(miri) { 61 } else { 1 };
        for room in (37..=WHOLE.len()).step_by(step) {
            let (mut all, mut cursor) = (Vec::new(), Some(Cursor::default()));
            while let Some(from) = cursor {
                let mut buf = vec![0; room];
                let mut out = TextWriter::new(&mut buf);
                cursor = write_targets(targets(), from, &mut out);
                assert_eq!(out.written().last(), Some(&0));
                all.extend_from_slice(out.written());
            }
            assert_eq!(all, WHOLE, "{room}");
        }
    }

    #[test]
    fn a_pair_too_long_for_any_piece_does_not_stop_the_answer() {
        let mut buf = [0; 32];
        let mut cursor = Some(Cursor::default());
        let mut pieces = 0;
        while let Some(from) = cursor {
            let mut out = TextWriter::new(&mut buf);
            cursor = write_targets(targets(), from, &mut out);
            pieces += 1;
            assert!(pieces < 10);
        }
    }

    #[test]
    fn zones_do_not_leave_the_host() {
        let address = "[fe80::1%3]:3260";
        assert_eq!(portal(address, 1).to_string(), "[fe80::1]:3260,1");
    }

    #[test]
    fn queries() {
        let name = IscsiName::parse("iqn.2001-04.com.example:a").unwrap();
        assert_eq!(Query::parse("All"), Some(Query::All));
        assert_eq!(Query::parse(""), Some(Query::Current));
        assert_eq!(
            Query::parse("iqn.2001-04.com.example:A"),
            Some(Query::Named(name))
        );
        assert_eq!(Query::parse("all"), None);
    }
}
