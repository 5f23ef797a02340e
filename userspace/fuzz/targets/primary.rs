// SPDX-License-Identifier: GPL-2.0

//! Whatever comes as a parameter list of SET IDENTIFYING INFORMATION, CHANGE ALIASES, SET TIMESTAMP
//! or SEND DIAGNOSTIC is refused, with a pointer into it, or taken as it is; what is kept of it can be kept and told.

use stmf_scsi::{
    aliases::{
        ChangeList,
        ReportAliases, //
    },
    diagnostic::SendDiagnostic,
    identifying::{
        InformationType,
        SetIdentifying, //
    },
    timestamp::SetTimestamp,
    Sense, Sink,
};

/// The first byte is which; the rest are lists, each with its length before it.
pub(crate) fn run(bytes: &[u8]) {
    let Some((which, lists)) = bytes.split_first() else {
        return;
    };
    match (which, which % 3) {
        (0xff, _) => diagnostic(lists),
        (_, 0) => identifying(lists),
        (_, 1) => timestamp(lists),
        _ => aliases(lists),
    }
}

/// A refusal points into the list.
fn check(list: &[u8], sense: Sense) {
    if let Some(pointer) = sense.pointer {
        assert!(!pointer.in_cdb);
        assert!(usize::from(pointer.byte) < list.len());
    }
}

fn identifying(list: &[u8]) {
    let kind = InformationType::Text;
    let list = &list[..list.len().min(kind.max_len().into())];
    let list_len = list.len() as u16;
    match (SetIdentifying { kind, list_len }).check(list) {
        Ok(()) => {
            let text = std::str::from_utf8(list).unwrap();
            assert!(text.is_empty() || text.ends_with('\0'));
            assert!(!text.trim_end_matches('\0').contains('\0'));
        }
        Err(sense) => check(list, sense),
    }
}

fn diagnostic(list: &[u8]) {
    let list = &list[..list.len().min(SendDiagnostic::PAGE_LEN.into())];
    if let Err(sense) = SendDiagnostic::check_page(list) {
        // A list that isn't there has no field.
        assert!(list.is_empty() || sense.pointer.is_some());
    }
}

fn timestamp(list: &[u8]) {
    match SetTimestamp::parse(list) {
        Ok(milliseconds) => assert!(milliseconds < 0xf1 << 40),
        Err(sense) => check(list, sense),
    }
}

/// A list of aliases lives through one change after the other.
fn aliases(mut lists: &[u8]) {
    let mut kept = Vec::new();
    while let Some((&[high, low], rest)) = lists.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(rest.len());
        let (list, rest) = rest.split_at(len);
        lists = rest;
        let change = match ChangeList::parse(list) {
            Ok(change) => change,
            Err(sense) => {
                check(list, sense);
                continue;
            }
        };
        let Ok(len) = change.len_with(&kept) else {
            continue;
        };
        assert!(len <= ChangeList::MAX_KEPT);
        let mut changed = vec![0; len];
        let mut sink = Sink::new(&mut changed);
        change.write_with(&kept, &mut sink);
        assert_eq!(sink.len(), len);
        kept = changed;
        report(&kept);
        // Once more is the same.
        assert_eq!(change.len_with(&kept), Ok(len));
    }
}

/// What is kept is told, and is a list that CHANGE ALIASES takes.
fn report(kept: &[u8]) {
    let mut out = vec![0; kept.len() + 8];
    let mut sink = Sink::new(&mut out);
    ReportAliases { allocation: 0 }.write(kept, &mut sink);
    assert_eq!(sink.len(), kept.len() + 8);
    assert!(usize::from(out[7]) <= ChangeList::MAX_ENTRIES);
    assert_eq!(
        ChangeList::parse(&out).unwrap().len_with(&[]),
        Ok(kept.len())
    );
}
