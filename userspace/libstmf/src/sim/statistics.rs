// SPDX-License-Identifier: GPL-2.0

//! Statistics: those of every object are the same.

use stmf_model::latency::{bucket, BUCKETS};
use stmf_model::Guid;
use stmf_uapi::stmf::{Statistics as Name, StatisticsScope, HISTOGRAM_LEN};

use super::{missing, Answer, Sim};
use crate::attributes::{Builder, Fields};

/// What was counted, of each object alike.
#[derive(Clone, Debug, Default)]
pub(super) struct Counts {
    reads: u64,
    writes: u64,
    errors: u64,
}

impl Sim {
    /// Carries out so many READs of 4 KiB, WRITEs of 1 MiB and commands that fail, on every object.
    /// Each was 1 µs in the port, not in the queue and 100 µs in the device.
    pub fn work(&mut self, reads: u64, writes: u64, errors: u64) {
        self.counts.reads += reads;
        self.counts.writes += writes;
        self.counts.errors += errors;
    }

    pub(super) fn statistics(&self, fields: &Fields<'_>) -> Answer {
        let scope = fields.number(Name::Scope).unwrap();
        let scope = scope.ok_or_else(|| missing(Name::Scope))?;
        Ok(match scope {
            StatisticsScope::Lu => {
                let guids = self.lus.keys();
                guids.map(|guid| self.counts_of(of_lu(guid))).collect()
            }
            StatisticsScope::Target => {
                let names = self.targets.keys();
                names.map(|name| self.counts_of(of_target(name))).collect()
            }
            StatisticsScope::Nexus => {
                let sees = |session| self.views.values().map(move |view| (session, view));
                let all = self.sessions.iter().flat_map(sees);
                all.map(|(session, view)| {
                    self.counts_of(
                        of_lu(&view.guid)
                            .text(Name::Target, &session.target)
                            .uint(Name::Session, session.id)
                            .u16(Name::Lun, view.lun.value())
                            .text(Name::Initiator, &session.initiator),
                    )
                })
                .collect()
            }
        })
    }

    fn counts_of(&self, object: Builder) -> Builder {
        let Counts {
            reads,
            writes,
            errors,
        } = self.counts;
        let commands = reads + writes + errors;
        object
            .uint(Name::Reads, reads)
            .uint(Name::Writes, writes)
            .uint(Name::Others, errors)
            .uint(Name::ReadBytes, reads << 12)
            .uint(Name::WrittenBytes, writes << 20)
            .uint(Name::Errors, errors)
            .uint(Name::Busy, 0)
            .uint(Name::Conflicts, 0)
            .uint(Name::Aborted, 0)
            .uint(Name::PortTime, commands * 1_000)
            .uint(Name::QueueTime, 0)
            .uint(Name::DeviceTime, commands * 100_000)
            .bytes(Name::PortHistogram, &histogram(1_000, commands))
            .bytes(Name::QueueHistogram, &histogram(0, commands))
            .bytes(Name::DeviceHistogram, &histogram(100_000, commands))
    }
}

fn of_lu(guid: &Guid) -> Builder {
    Builder::new().guid(Name::Guid, guid)
}

fn of_target(name: &str) -> Builder {
    Builder::new().text(Name::Target, name)
}

/// All commands took as long.
fn histogram(nanoseconds: u64, commands: u64) -> [u8; HISTOGRAM_LEN] {
    let mut counts = [0; BUCKETS];
    counts[bucket(nanoseconds)] = commands;
    let bytes: Vec<u8> = counts.into_iter().flat_map(u64::to_ne_bytes).collect();
    bytes.try_into().unwrap()
}
