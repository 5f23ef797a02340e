// SPDX-License-Identifier: GPL-2.0

//! What was counted of commands, and how long they took.

use std::array;
use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use stmf_model::latency::{self, BUCKETS};
use stmf_model::{Guid, Lun};
use stmf_uapi::stmf::{self, StatisticsScope};

use crate::attributes::{need, Builder, DecodeError, Fields, Key};
use crate::cli::harmless;
use crate::client::{Command, Stmf};
use crate::error::Error;
use crate::transport::Transport;
use crate::types::Decode;

/// What statistics are of.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// A logical unit.
    Lu(Guid),
    /// A target port.
    Target(String),
    /// A logical unit as a session sees it (I_T_L nexus).
    Nexus {
        /// Number of the session.
        session: u64,
        /// Where the session sees the logical unit.
        lun: Lun,
        /// The logical unit.
        guid: Guid,
        /// Name of the target port.
        target: String,
        /// Name of the initiator.
        initiator: String,
    },
}

impl Subject {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Statistics as Name;
        let (guid, target) = (fields.guid(Name::Guid)?, fields.text(Name::Target));
        Ok(match (fields.uint(Name::Session)?, guid, target) {
            (None, Some(guid), None) => Self::Lu(guid),
            (None, _, target) => Self::Target(need(Name::Target, target)?),
            (Some(session), guid, target) => Self::Nexus {
                session,
                lun: need(Name::Lun, fields.u16(Name::Lun)?.and_then(Lun::new))?,
                guid: need(Name::Guid, guid)?,
                target: need(Name::Target, target)?,
                initiator: need(Name::Initiator, fields.text(Name::Initiator))?,
            },
        })
    }
}

/// In one line, for people.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lu(guid) => guid.fmt(f),
            Self::Target(target) => f.write_str(&harmless(target)),
            Self::Nexus {
                session,
                lun,
                guid,
                target,
                initiator,
            } => {
                let (initiator, target) = (harmless(initiator), harmless(target));
                write!(f, "{initiator} ({session}) LUN {lun} {guid} {target}")
            }
        }
    }
}

/// How long commands were in somebody's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latency {
    /// All their times together.
    pub total: Duration,
    /// How many commands took how long; see [`Latency::end`].
    pub histogram: [u64; BUCKETS],
}

impl Latency {
    /// Where a bucket of the histogram ends: all that is counted in it is less. `None` for the last.
    pub fn end(bucket: usize) -> Option<Duration> {
        latency::end(bucket).map(Duration::from_nanos)
    }

    /// How many commands were measured.
    pub fn commands(&self) -> u64 {
        self.histogram
            .iter()
            .fold(0, |sum, n| sum.saturating_add(*n))
    }

    /// The mean time, if there are any.
    pub fn mean(&self) -> Option<Duration> {
        let total = u64::try_from(self.total.as_nanos()).unwrap_or(u64::MAX);
        total.checked_div(self.commands()).map(Duration::from_nanos)
    }

    /// The end of the bucket in which the slowest of this part (0 to 1) of the commands is: that part
    /// took less. [`Duration::MAX`] when it is the last bucket; nothing when there are no commands.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let commands = self.commands();
        if commands == 0 {
            return None;
        }
        // CAST: rounded to what a float can tell apart.
        let wanted = (commands as f64 * part).ceil().max(1.0) as u64;
        let mut seen = 0u64;
        for (bucket, count) in self.histogram.iter().enumerate() {
            seen = seen.saturating_add(*count);
            if seen >= wanted {
                return Some(Self::end(bucket).unwrap_or(Duration::MAX));
            }
        }
        Some(Duration::MAX)
    }

    /// What has come since an earlier look at the same object.
    pub fn since(&self, earlier: &Self) -> Self {
        let pairs = self.histogram.iter().zip(&earlier.histogram);
        let mut counts = pairs.map(|(now, then)| now.saturating_sub(*then));
        Self {
            total: self.total.saturating_sub(earlier.total),
            histogram: array::from_fn(|_| counts.next().unwrap_or(0)),
        }
    }

    fn decode(
        fields: &Fields<'_>,
        total: impl Key,
        histogram: impl Key,
    ) -> Result<Self, DecodeError> {
        let bytes: [u8; stmf::HISTOGRAM_LEN] = need(histogram, fields.array(histogram)?)?;
        let mut counts = bytes
            .chunks_exact(size_of::<u64>())
            .map(|count| u64::from_ne_bytes(count.try_into().unwrap_or_default()));
        Ok(Self {
            total: Duration::from_nanos(need(total, fields.uint(total)?)?),
            histogram: array::from_fn(|_| counts.next().unwrap_or(0)),
        })
    }
}

/// What was counted of an object since it is there. The commands of one that no logical unit saw are
/// not among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statistics {
    /// The object.
    pub subject: Subject,
    /// Commands that have not ended, now.
    pub depth: u64,
    /// Commands that read the medium.
    pub reads: u64,
    /// Commands that wrote data from the initiator to the medium.
    pub writes: u64,
    /// Other commands.
    pub others: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// Bytes written.
    pub written_bytes: u64,
    /// Commands that ended with CHECK CONDITION, unit attentions included.
    pub errors: u64,
    /// Commands that were refused with BUSY or TASK SET FULL.
    pub busy: u64,
    /// Commands that ended with RESERVATION CONFLICT.
    pub conflicts: u64,
    /// Commands that were aborted.
    pub aborted: u64,
    /// Time in the port.
    pub port: Latency,
    /// Time in the task set, waiting for other commands.
    pub queue: Latency,
    /// Time in the logical unit and its device.
    pub device: Latency,
}

impl Statistics {
    /// What has come since an earlier look at all objects: everything, for one that is new. They are in
    /// the order of [`Stmf::statistics`].
    pub fn change(&self, earlier: &[Statistics]) -> Self {
        let found = earlier.binary_search_by(|item| item.subject.cmp(&self.subject));
        match found.ok().and_then(|place| earlier.get(place)) {
            Some(before) => self.since(before),
            None => self.clone(),
        }
    }

    /// What has come since an earlier look at the same object.
    pub fn since(&self, earlier: &Self) -> Self {
        Self {
            subject: self.subject.clone(),
            depth: self.depth,
            reads: self.reads.saturating_sub(earlier.reads),
            writes: self.writes.saturating_sub(earlier.writes),
            others: self.others.saturating_sub(earlier.others),
            read_bytes: self.read_bytes.saturating_sub(earlier.read_bytes),
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
            errors: self.errors.saturating_sub(earlier.errors),
            busy: self.busy.saturating_sub(earlier.busy),
            conflicts: self.conflicts.saturating_sub(earlier.conflicts),
            aborted: self.aborted.saturating_sub(earlier.aborted),
            port: self.port.since(&earlier.port),
            queue: self.queue.since(&earlier.queue),
            device: self.device.since(&earlier.device),
        }
    }
}

impl Decode for Statistics {
    fn decode(fields: &Fields<'_>) -> Result<Self, DecodeError> {
        use stmf::Statistics as Name;
        let count = |name: Name| need(name, fields.uint(name)?);
        let latency = |total, histogram| Latency::decode(fields, total, histogram);
        Ok(Self {
            subject: Subject::decode(fields)?,
            depth: 0,
            reads: count(Name::Reads)?,
            writes: count(Name::Writes)?,
            others: count(Name::Others)?,
            read_bytes: count(Name::ReadBytes)?,
            written_bytes: count(Name::WrittenBytes)?,
            errors: count(Name::Errors)?,
            busy: count(Name::Busy)?,
            conflicts: count(Name::Conflicts)?,
            aborted: count(Name::Aborted)?,
            port: latency(Name::PortTime, Name::PortHistogram)?,
            queue: latency(Name::QueueTime, Name::QueueHistogram)?,
            device: latency(Name::DeviceTime, Name::DeviceHistogram)?,
        })
    }
}

impl<T: Transport> Stmf<T> {
    /// The statistics of all objects of a scope, in order of their names.
    pub fn statistics(&mut self, scope: StatisticsScope) -> Result<Vec<Statistics>, Error> {
        let attributes = Builder::new().u32(stmf::Statistics::Scope, scope.number());
        let command = Command::stmf(stmf::Command::StatisticsGet);
        let mut list: Vec<Statistics> = command.list(self.transport(), attributes, "statistics")?;
        let depths = self.depths(scope)?;
        for item in &mut list {
            item.depth = match &item.subject {
                Subject::Lu(guid) => depths.get(&Place::Lu(*guid)),
                Subject::Target(name) => depths.get(&Place::Target(name.clone())),
                Subject::Nexus { session, guid, .. } => depths.get(&Place::Nexus(*session, *guid)),
            }
            .copied()
            .unwrap_or(0);
        }
        list.sort_by(|a, b| a.subject.cmp(&b.subject));
        Ok(list)
    }

    /// How many commands there are where now.
    fn depths(&mut self, scope: StatisticsScope) -> Result<HashMap<Place, u64>, Error> {
        let mut targets = HashMap::new();
        if scope == StatisticsScope::Target {
            let sessions = self.sessions(None)?.into_iter();
            targets = sessions
                .map(|session| (session.id, session.target))
                .collect();
        }
        let mut depths: HashMap<Place, u64> = HashMap::new();
        for task in self.tasks(None)? {
            let place = match (scope, task.guid, task.session) {
                (StatisticsScope::Lu, Some(guid), _) => Place::Lu(guid),
                (StatisticsScope::Target, Some(_), Some(session)) => match targets.get(&session) {
                    Some(name) => Place::Target(name.clone()),
                    None => continue,
                },
                (StatisticsScope::Nexus, Some(guid), Some(session)) => Place::Nexus(session, guid),
                _ => continue,
            };
            let depth = depths.entry(place).or_default();
            *depth = depth.saturating_add(1);
        }
        Ok(depths)
    }
}

/// Where a command is counted.
#[derive(PartialEq, Eq, Hash)]
enum Place {
    Lu(Guid),
    Target(String),
    Nexus(u64, Guid),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latency(counts: &[(usize, u64)], total: u64) -> Latency {
        let mut histogram = [0; BUCKETS];
        for (bucket, count) in counts {
            histogram[*bucket] = *count;
        }
        Latency {
            total: Duration::from_nanos(total),
            histogram,
        }
    }

    #[test]
    fn quantiles_are_the_ends_of_buckets() {
        let fast_and_slow = latency(&[(2, 98), (10, 1), (BUCKETS - 1, 1)], 1_000_000);
        for (part, expected) in [
            (0.0, Duration::from_nanos(1024)),
            (0.5, Duration::from_nanos(1024)),
            (0.98, Duration::from_nanos(1024)),
            (0.99, Duration::from_nanos(1 << 18)),
            (1.0, Duration::MAX),
        ] {
            assert_eq!(fast_and_slow.quantile(part), Some(expected), "{part}");
        }
        assert_eq!(fast_and_slow.mean(), Some(Duration::from_micros(10)));
    }

    #[test]
    fn without_commands_there_is_no_time() {
        let none = latency(&[], 0);
        assert_eq!((none.mean(), none.quantile(0.5)), (None, None));
    }

    #[test]
    fn what_has_come_since() {
        let then = latency(&[(3, 5)], 500);
        let now = latency(&[(3, 7), (4, 1)], 900);
        assert_eq!(now.since(&then), latency(&[(3, 2), (4, 1)], 400));
        // An object that is new under an old name.
        assert_eq!(then.since(&now), latency(&[], 0));
    }
}
