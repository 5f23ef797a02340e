// SPDX-License-Identifier: GPL-2.0

//! REPORT LUNS parameter data.

use crate::{
    cdb::SelectReport,
    lun::{
        Lun,
        LunAddress, //
    },
    sink::Sink,
};

/// Writes the parameter data of REPORT LUNS (SPC-5, the command of this name): those of `luns`, the
/// logical units that the I_T nexus may access, that SELECT REPORT asks for.
///
/// The target has the REPORT LUNS well known logical unit, no other well known one, and no
/// conglomerates, whose administrative logical units would be listed, too.
pub fn write(select: SelectReport, luns: impl IntoIterator<Item = Lun>, out: &mut Sink<'_>) {
    let (well_known, units) = match select {
        SelectReport::LogicalUnits | SelectReport::NotSubsidiary => (false, true),
        SelectReport::WellKnown => (true, false),
        SelectReport::All => (true, true),
        SelectReport::Administrative => (false, false),
    };
    let start = out.len();
    // LUN LIST LENGTH and four reserved bytes.
    out.u64(0);
    let list = out.len();
    if well_known {
        out.bytes(&LunAddress::REPORT_LUNS);
    }
    if units {
        for lun in luns {
            out.bytes(&lun.encode());
        }
    }
    let length = u32::try_from(out.since(list)).unwrap_or(u32::MAX);
    out.patch_u32(start, length);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(select: SelectReport, luns: &[u16], room: usize) -> (std::vec::Vec<u8>, usize) {
        let mut out = std::vec![0xee; room];
        let mut sink = Sink::new(&mut out);
        let luns = luns.iter().map(|&lun| Lun::new(lun).unwrap());
        write(select, luns, &mut sink);
        let (len, written) = (sink.len(), sink.written());
        out.truncate(written);
        (out, len)
    }

    #[test]
    fn luns_follow_the_header() {
        let (bytes, len) = report(SelectReport::LogicalUnits, &[0, 300], 256);
        assert_eq!(len, 24);
        assert_eq!(
            bytes,
            [
                0, 0, 0, 16, 0, 0, 0, 0, //
                0, 0, 0, 0, 0, 0, 0, 0, //
                0x41, 0x2c, 0, 0, 0, 0, 0, 0
            ]
        );
    }

    #[test]
    fn the_length_counts_what_does_not_fit() {
        let (bytes, len) = report(SelectReport::LogicalUnits, &[1, 2, 3], 16);
        assert_eq!(len, 32);
        assert_eq!(bytes, [0, 0, 0, 24, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn well_known_units_are_listed_on_request() {
        let w_lun = [0xc1, 1, 0, 0, 0, 0, 0, 0];
        let (bytes, _) = report(SelectReport::WellKnown, &[5], 256);
        assert_eq!(bytes[..8], [0, 0, 0, 8, 0, 0, 0, 0]);
        assert_eq!(bytes[8..], w_lun);
        let (bytes, _) = report(SelectReport::All, &[5], 256);
        assert_eq!(bytes[..8], [0, 0, 0, 16, 0, 0, 0, 0]);
        assert_eq!(bytes[8..16], w_lun);
        assert_eq!(bytes[16..], [0, 5, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn without_conglomerates_there_are_no_administrative_units() {
        assert_eq!(
            report(SelectReport::Administrative, &[5], 256),
            (std::vec![0; 8], 8)
        );
        assert_eq!(
            report(SelectReport::NotSubsidiary, &[5], 256),
            report(SelectReport::LogicalUnits, &[5], 256)
        );
    }

    #[test]
    fn no_unit_is_an_empty_list() {
        assert_eq!(
            report(SelectReport::LogicalUnits, &[], 256),
            (std::vec![0; 8], 8)
        );
    }
}
