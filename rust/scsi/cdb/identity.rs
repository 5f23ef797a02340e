// SPDX-License-Identifier: GPL-2.0

//! The commands of SPC that give names: identifying information and aliases.

use super::Command;
use crate::{
    aliases::{
        ChangeAliases,
        ReportAliases, //
    },
    identifying::{
        InformationType,
        ReportIdentifying,
        SetIdentifying, //
    },
    opcodes::Cdb,
    sense::Sense,
};

/// The byte with INFORMATION TYPE, in its upper seven bits.
const INFORMATION_TYPE: u16 = 10;

/// A type of information that there isn't.
const UNKNOWN_TYPE: Sense = Sense::invalid_cdb_field(INFORMATION_TYPE, Some(7));

/// The length field of the MAINTENANCE IN and MAINTENANCE OUT CDBs, and the byte behind it.
pub(super) const fn length_and_more(cdb: &Cdb) -> (u32, u8) {
    let [_, _, _, _, _, _, l3, l2, l1, l0, more, ..] = *cdb;
    (u32::from_be_bytes([l3, l2, l1, l0]), more)
}

/// A PARAMETER LIST LENGTH that is more than what can be made of it.
pub(super) const LIST_TOO_LONG: Sense = Sense::invalid_cdb_field(6, None);

pub(super) fn report_identifying(cdb: &Cdb) -> Result<Command, Sense> {
    let (allocation, more) = length_and_more(cdb);
    let kind = match more >> 1 {
        ReportIdentifying::SUPPORTED => None,
        code => Some(InformationType::from_code(code).ok_or(UNKNOWN_TYPE)?),
    };
    Ok(Command::ReportIdentifying(ReportIdentifying {
        kind,
        allocation,
    }))
}

pub(super) fn set_identifying(cdb: &Cdb) -> Result<Command, Sense> {
    let (list_len, more) = length_and_more(cdb);
    let kind = InformationType::from_code(more >> 1).ok_or(UNKNOWN_TYPE)?;
    let list_len = u16::try_from(list_len).map_err(|_| LIST_TOO_LONG)?;
    if list_len > kind.max_len() {
        return Err(LIST_TOO_LONG);
    }
    Ok(Command::SetIdentifying(SetIdentifying { kind, list_len }))
}

pub(super) fn report_aliases(cdb: &Cdb) -> Result<Command, Sense> {
    let (allocation, _) = length_and_more(cdb);
    Ok(Command::ReportAliases(ReportAliases { allocation }))
}

pub(super) fn change_aliases(cdb: &Cdb) -> Result<Command, Sense> {
    let (list_len, _) = length_and_more(cdb);
    if list_len > ChangeAliases::MAX_LIST {
        return Err(LIST_TOO_LONG);
    }
    Ok(Command::ChangeAliases(ChangeAliases { list_len }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cdb::parse;

    fn maintenance(opcode: u8, action: u8, length: u16, more: u8) -> Result<Command, Sense> {
        let [l1, l0] = length.to_be_bytes();
        parse(&[opcode, action, 0, 0, 0, 0, 0, 0, l1, l0, more, 0])
    }

    #[test]
    fn identifying_information_has_its_types() {
        let report = |more| match maintenance(0xa3, 0x05, 0x0102, more) {
            Ok(Command::ReportIdentifying(report)) => {
                assert_eq!(report.allocation, 0x0102);
                Ok(report.kind)
            }
            Ok(other) => panic!("{other:?}"),
            Err(sense) => Err(sense),
        };
        assert_eq!(report(0x00), Ok(Some(InformationType::Peripheral)));
        assert_eq!(report(0x04), Ok(Some(InformationType::Text)));
        assert_eq!(report(0xfe), Ok(None));
        for more in [0x02, 0x06, 0xfc] {
            assert_eq!(report(more), Err(UNKNOWN_TYPE));
        }
        // Bit 0 is reserved.
        assert_eq!(report(0x01), Err(Sense::invalid_cdb_field(10, Some(0))));
    }

    #[test]
    fn what_is_set_has_a_limit() {
        let set = |length, more| maintenance(0xa4, 0x06, length, more);
        let expected =
            |kind, list_len| Ok(Command::SetIdentifying(SetIdentifying { kind, list_len }));
        assert_eq!(set(512, 0), expected(InformationType::Peripheral, 512));
        assert_eq!(set(513, 0), Err(LIST_TOO_LONG));
        assert_eq!(set(256, 4), expected(InformationType::Text, 256));
        assert_eq!(set(257, 4), Err(LIST_TOO_LONG));
        assert_eq!(set(4, 0xfe), Err(UNKNOWN_TYPE));
        let too_long = parse(&[0xa4, 6, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(too_long, Err(LIST_TOO_LONG));
    }

    #[test]
    fn aliases_are_reported_and_changed() {
        let report = ReportAliases { allocation: 8 };
        assert_eq!(
            maintenance(0xa3, 0x0b, 8, 0),
            Ok(Command::ReportAliases(report))
        );
        let change = ChangeAliases { list_len: 8192 };
        assert_eq!(
            maintenance(0xa4, 0x0b, 8192, 0),
            Ok(Command::ChangeAliases(change))
        );
        assert_eq!(maintenance(0xa4, 0x0b, 8193, 0), Err(LIST_TOO_LONG));
    }
}
