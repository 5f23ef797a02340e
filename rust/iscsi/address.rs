// SPDX-License-Identifier: GPL-2.0

//! Addresses of targets as text (RFC 7143 13.8).

use core::net::{
    Ipv4Addr,
    Ipv6Addr, //
};

/// The longest domain name (RFC 1035 2.3.4).
const MAX_DOMAIN_NAME: usize = 253;

/// The longest label of one.
const MAX_LABEL: usize = 63;

/// A value of TargetAddress: `domainname[:port][,portal-group-tag]`, where an IPv6 address is in
/// brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetAddress {
    /// The tag of the portal group, if it is said.
    pub group_tag: Option<u16>,
}

impl TargetAddress {
    /// Reads one; `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (text, tag) = split(text, ',');
        let group_tag = tag.map(|tag| number(tag).ok_or(())).transpose().ok()?;
        let (is_host, port) = match text.strip_prefix('[') {
            Some(text) => {
                let (address, rest) = text.split_once(']')?;
                let port = match rest {
                    "" => None,
                    rest => Some(rest.strip_prefix(':')?),
                };
                (address.parse::<Ipv6Addr>().is_ok(), port)
            }
            None => {
                let (name, port) = split(text, ':');
                (is_host(name), port)
            }
        };
        let is_port = port.is_none_or(|port| number(port).is_some());
        (is_host && is_port).then_some(Self { group_tag })
    }
}

/// What is before the separator, and what is behind it if it is there.
fn split(text: &str, separator: char) -> (&str, Option<&str>) {
    match text.split_once(separator) {
        Some((before, behind)) => (before, Some(behind)),
        None => (text, None),
    }
}

/// A port or a tag: a decimal number from 1 to 65535.
fn number(text: &str) -> Option<u16> {
    let number = text.parse().ok().filter(|number| *number > 0);
    number.filter(|_| !text.starts_with('+'))
}

/// An IPv4 address, or a domain name; what has only digits and dots is meant to be the former.
fn is_host(text: &str) -> bool {
    let is_name_like = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    let is_domain_name =
        || text.len() <= MAX_DOMAIN_NAME && text.split('.').all(is_label) && is_name_like;
    text.parse::<Ipv4Addr>().is_ok() || is_domain_name()
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_ports_and_tags_are_read() {
        for (text, group_tag) in [
            ("10.0.0.1", None),
            ("10.0.0.1:3260", None),
            ("10.0.0.1:3260,1", Some(1)),
            ("10.0.0.1,2", Some(2)),
            ("[2001:db8::1]", None),
            ("[2001:db8::1]:3261,65535", Some(65535)),
            ("storage.example.com", None),
            ("3com.example:1", None),
        ] {
            let expected = Some(TargetAddress { group_tag });
            assert_eq!(TargetAddress::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn what_would_mislead_is_refused() {
        let long = ["a"; 128].join(".");
        for text in [
            "",
            ":3260",
            "10.0.0.256",
            "10.0.0.1:",
            "10.0.0.1:0",
            "10.0.0.1:+1",
            "10.0.0.1:65536",
            "10.0.0.1,",
            "10.0.0.1,0",
            "10.0.0.1,1,2",
            "2001:db8::1",
            "[2001:db8::1",
            "[10.0.0.1]",
            "[2001:db8::1]3260",
            "[fe80::1%eth0]",
            "-a.example",
            "a..example",
            "a b",
            "a=b",
            "a\0b",
            &long,
        ] {
            assert_eq!(TargetAddress::parse(text), None, "{text:?}");
        }
    }
}
