// SPDX-License-Identifier: GPL-2.0

//! Statistics of logical units, target ports and I_T_L nexuses.

use super::{framework, list::list, shown};
use crate::{
    framework::{NexusRecord, Registry},
    nexus::{Itl, Nexus},
    statistics::{Counter, Hands, Totals}, //
};
use kernel::prelude::*;
use stmf_kernel::genl::{Dump, Refusal, Request, Writer};
use stmf_model::{
    latency::BUCKETS,
    Guid, //
};
use stmf_uapi::stmf::{Statistics, StatisticsScope, HISTOGRAM_LEN};

/// `statistics-get`.
pub(super) fn dump(request: &Request<'_>, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    let attribute = Statistics::Scope as u16;
    let scope = request
        .u32(attribute)
        .and_then(|number| StatisticsScope::try_from(number).ok())
        .ok_or_else(|| request.missing(attribute, "the scope"))?;
    framework()?.read(|registry| match scope {
        StatisticsScope::Lu => units(registry, dump),
        StatisticsScope::Target => targets(registry, dump),
        StatisticsScope::Nexus => nexuses(registry, dump),
    })
}

fn units(registry: &Registry, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    list(
        dump,
        registry.lus.changes(),
        (&registry.lus, Guid::new([0; 16])),
        |_| true,
        |writer, guid, record| {
            writer.bytes(Statistics::Guid as u16, guid.as_bytes())?;
            write(writer, &record.entry.statistics.read())
        },
    )
}

fn targets(registry: &Registry, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    list(
        dump,
        registry.targets.changes(),
        (&registry.targets, 0),
        |_| true,
        |writer, _, record| {
            writer.text(Statistics::Target as u16, shown(&record.entry.name))?;
            write(writer, &record.entry.statistics.read())
        },
    )
}

/// By session, and by LUN in each.
fn nexuses(registry: &Registry, dump: &mut Dump<'_>) -> Result<(), Refusal> {
    dump.set_generation(registry.sight_changes());
    let (first, mut next) = match dump.last() {
        Some([session, lun, _]) => (session, lun.checked_add(1)),
        None => (0, Some(0)),
    };
    for (id, NexusRecord { nexus, .. }) in registry.nexuses.from(first) {
        if id != first {
            next = Some(0);
        }
        while let Some(start) = next {
            let look = |itl: &Itl| (itl.lu.entry.guid, itl.statistics.read());
            // CAST: indices are LUNs.
            let Some((lun, (guid, totals))) = nexus.luns.find(start as usize, look) else {
                break;
            };
            let lun = lun as u64;
            if !dump.entry(|writer| {
                identify(writer, nexus, lun, &guid)?;
                write(writer, &totals)
            })? {
                return Ok(());
            }
            dump.set_last([id, lun, 0]);
            next = lun.checked_add(1);
        }
    }
    Ok(())
}

fn identify(writer: &mut Writer<'_>, nexus: &Nexus, lun: u64, guid: &Guid) -> Result {
    writer.bytes(Statistics::Guid as u16, guid.as_bytes())?;
    writer.text(
        Statistics::Target as u16,
        shown(&nexus.identity.target.name),
    )?;
    writer.uint(Statistics::Session as u16, nexus.id)?;
    writer.u16(Statistics::Lun as u16, u16::try_from(lun)?)?;
    writer.text(Statistics::Initiator as u16, shown(&nexus.initiator))
}

fn write(writer: &mut Writer<'_>, totals: &Totals) -> Result {
    for (attribute, counter) in [
        (Statistics::Reads, Counter::Reads),
        (Statistics::Writes, Counter::Writes),
        (Statistics::Others, Counter::Others),
        (Statistics::ReadBytes, Counter::ReadBytes),
        (Statistics::WrittenBytes, Counter::WrittenBytes),
        (Statistics::Errors, Counter::Errors),
        (Statistics::Busy, Counter::Busy),
        (Statistics::Conflicts, Counter::Conflicts),
        (Statistics::Aborted, Counter::Aborted),
    ] {
        writer.uint(attribute as u16, totals.counter(counter))?;
    }
    for hands in Hands::ALL {
        let (time, histogram) = match hands {
            Hands::Port => (Statistics::PortTime, Statistics::PortHistogram),
            Hands::Queue => (Statistics::QueueTime, Statistics::QueueHistogram),
            Hands::Device => (Statistics::DeviceTime, Statistics::DeviceHistogram),
        };
        writer.uint(time as u16, totals.time(hands))?;
        let mut bytes = [0; HISTOGRAM_LEN];
        for (word, count) in bytes.chunks_exact_mut(8).zip(totals.histogram(hands)) {
            word.copy_from_slice(&count.to_ne_bytes());
        }
        writer.bytes(histogram as u16, &bytes)?;
    }
    Ok(())
}

// The interface says how many counts there are.
const _: () = assert!(HISTOGRAM_LEN == BUCKETS * 8);
