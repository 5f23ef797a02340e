// SPDX-License-Identifier: GPL-2.0

//! What a target negotiates.

use serde_json::{Map, Value};
use stmf_uapi::iscsi::DigestPolicy;

/// LIO's name of a parameter, its default, and the name of the attribute.
const LIMITS: [(&str, &str, &str); 9] = [
    ("MaxConnections", "1", "max-connections"),
    ("InitialR2T", "Yes", "initial-r2t"),
    ("ImmediateData", "Yes", "immediate-data"),
    ("MaxBurstLength", "262144", "max-burst-length"),
    ("FirstBurstLength", "65536", "first-burst-length"),
    ("MaxOutstandingR2T", "1", "max-outstanding-r2t"),
    ("DefaultTime2Wait", "2", "default-time2wait"),
    ("HeaderDigest", "CRC32C,None", "header-digest"),
    ("DataDigest", "CRC32C,None", "data-digest"),
];

/// The limits that somebody has set, as attributes; LIO's defaults are nobody's wish.
pub(super) fn limits(
    parameters: &Map<String, Value>,
) -> impl Iterator<Item = (&'static str, Value)> + '_ {
    LIMITS.iter().filter_map(|(name, default, attribute)| {
        let text = parameters.get(*name)?.as_str()?;
        if text == *default {
            return None;
        }
        let value = match text {
            "Yes" | "CRC32C" if attribute.ends_with("digest") => DigestPolicy::Required as u32,
            "None" => DigestPolicy::None as u32,
            "CRC32C,None" | "None,CRC32C" => DigestPolicy::Allowed as u32,
            "Yes" => 1,
            "No" => 0,
            number => number.parse().ok()?,
        };
        Some((*attribute, value.into()))
    })
}
